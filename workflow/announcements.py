"""What the programme office or a supervisor tells chosen bodies: in own words, by mail and on their page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import casework, database, events, evidence, messages, policy
from workflow.definition import EvidenceField, Text, canonical
from workflow.engine import Work
from workflow.errors import Conflict, InvalidEvidence, NotAllowed, NotFound, Refused
from workflow.models import (
    Announcement,
    AnnouncementBody,
    AnnouncementRead,
    Body,
    Case,
    Grant,
    Notice,
    Person,
    TeamDistrict,
)
from workflow.policy import Holder

TOLD = ("leitung", "digi")
"""The roles at a body that get it by mail; everybody else there finds it on the body's page."""
MOST_TITLE, MOST_TEXT = 120, 5000
SHOWN_FOR = dt.timedelta(days=28)
"""How long pages show it, unless its author says otherwise."""
LONGEST = 366
"""Days ahead up to which it may be shown."""

FIELDS: Mapping[str, EvidenceField] = {
    "title": EvidenceField(
        type="text",
        title=Text(de="Betreff", en="Subject"),
        help=Text(
            de="Sagen Sie in wenigen Worten, worum es geht. Höchstens 120 Zeichen.",
            en="Say in a few words what it is about. At most 120 characters.",
        ),
    ),
    "text": EvidenceField(
        type="long_text",
        title=Text(de="Text", en="Text"),
        help=Text(
            de="Eine leere Zeile beginnt einen neuen Absatz. Adressen, die mit https:// beginnen, werden zu Links.",
            en="An empty line begins a new paragraph. Addresses that begin with https:// become links.",
        ),
    ),
    "until_on": EvidenceField(
        type="date",
        required=False,
        title=Text(de="Anzeigen bis", en="Show until"),
        help=Text(
            de="Danach steht das Rundschreiben nicht mehr auf der Seite der Kommunen. Ohne Angabe: vier Wochen.",
            en="After that day the announcement is no longer on the pages of the municipalities. Default: four weeks.",
        ),
    ),
}
"""What an author writes."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which bodies are meant: these, or all with these marks together. Nothing chosen means nobody."""

    everybody: bool = False
    bodies: tuple[str, ...] = ()
    district: str | None = None
    team: str | None = None
    service: str | None = None
    """Those with a case of it that has not ended."""
    state: str | None = None
    """Those with such a case in this state; of any service when none is chosen."""

    @property
    def nothing(self) -> bool:
        """Nobody is chosen."""
        return self == Chosen()


@dataclass(frozen=True, slots=True)
class Reached:
    """A body with how many people there get it by mail."""

    ars: str
    name: str
    people: int


@dataclass(frozen=True, slots=True)
class Audience:
    """Who gets an announcement, before it is sent."""

    bodies: tuple[Reached, ...]
    people: int
    """Everybody who gets it, each counted once."""

    @property
    def without(self) -> tuple[Reached, ...]:
        """Bodies where nobody gets it by mail."""
        return tuple(one for one in self.bodies if not one.people)


@dataclass(frozen=True, slots=True)
class AnnouncementView:
    """An announcement after a deed."""

    id: UUID
    bodies: int
    people: int


def choose(work: Work, chosen: Chosen) -> Audience:
    """Who would get it: nothing is kept and nobody is told. Bodies by name; those that ended are never among them.

    Raises NotAllowed.
    """
    policy.insist_may_announce(work.actor)
    if chosen.nothing:
        return Audience((), 0)
    rows = work.session.execute(
        sa.select(Body.ars, Body.display_name)
        .where(Body.valid_until.is_(None), policy.announced_to(work.actor), *_meant(work, chosen))
        .order_by(Body.sort_key, Body.ars)
    ).all()
    told = _told(work, [row.ars for row in rows])
    reached = tuple(Reached(row.ars, row.display_name, len(told.get(row.ars, ()))) for row in rows)
    return Audience(reached, len({person for people in told.values() for person in people}))


def send(
    work: Work,
    bodies: Collection[str],
    title: str,
    text: str,
    *,
    until_on: str = "",
    at_once: bool = False,
) -> AnnouncementView:
    """Tell these bodies something: their `leitung` and `digi` by mail, with the next digest or `at_once`, and everybody
    there on the body's page, until the day has passed or somebody puts it aside.

    Raises NotAllowed, InvalidEvidence (nothing written, too much, or what no text may hold; a day that has come or is
    more than a year away) or Refused (no body is chosen, or one that is not there or not the actor's to write to), in
    this order.
    """
    role, away = policy.insist_may_announce(work.actor)
    subject, words, until = read(work, {"title": title, "text": text, "until_on": until_on})
    wanted = tuple(dict.fromkeys(bodies))
    audience = choose(work, Chosen(bodies=wanted))
    if not wanted or len(audience.bodies) != len(wanted):
        raise Refused("error.announcement_bodies")

    announcement_id = uuid4()
    remark = events.remark(work, announcement_id, f"{subject}\n{words}")
    row = {"role": role, "until_on": until, "remark_id": remark["id"], "withdrawn_at": None}
    said = {
        "announcement": row,
        "bodies": sorted(wanted),
        "remark": remark,
        **({"on_behalf_of": away} if away else {}),
    }
    link = events.link(work, "announcement", announcement_id, 0, events.START, "sent", said)
    values = {"id": announcement_id, "by_id": work.actor.id, "at": work.now, "seq": link.seq, "head": link.head, **row}
    work.session.execute(sa.insert(Announcement), values)
    work.session.execute(
        sa.insert(AnnouncementBody), [{"announcement_id": announcement_id, "body": ars} for ars in sorted(wanted)]
    )
    work.session.execute(events.APPEND, link.values)
    _tell(work, announcement_id, wanted, at_once=at_once)
    return AnnouncementView(announcement_id, len(wanted), audience.people)


def withdraw(work: Work, announcement_id: UUID) -> AnnouncementView:
    """Take an announcement back: pages show it no more, and mails with it that have not been written are not.

    Raises NotFound, NotAllowed (not its author, nor the programme office) or Conflict (taken back already), in this
    order.
    """
    row = _locked(work, announcement_id)
    if not policy.may_withdraw_announcement(work.actor, row.by_id):
        raise NotAllowed(roles=("programme_office",))
    if row.withdrawn_at is not None:
        raise Conflict(what="announcement")
    away = policy.insist_may_announce(work.actor)[1]

    said = {
        "announcement": {"withdrawn_at": work.now},
        "before": {"announcement": {"withdrawn_at": None}},
        **({"on_behalf_of": away} if away else {}),
    }
    link = events.record(work, "announcement", announcement_id, row.seq, row.head, "withdrawn", said)
    work.session.execute(
        sa.update(Announcement)
        .where(Announcement.id == announcement_id)
        .values(withdrawn_at=work.now, seq=link.seq, head=link.head)
    )
    count = sa.select(sa.func.count()).where(AnnouncementBody.announcement_id == announcement_id)
    return AnnouncementView(announcement_id, work.session.execute(count).scalar_one(), 0)


def put_aside(work: Work, announcement_id: UUID) -> None:
    """Put an announcement to one's own body aside as read; once more changes nothing. The body counts as having read it
    from the first time on, and nobody learns who it was.

    Raises NotFound (not there, taken back, or not to a body of the actor).
    """
    to = (
        AnnouncementBody.announcement_id == announcement_id,
        policy.one_of(AnnouncementBody.body, work.actor.bodies()),
    )
    known = sa.select(AnnouncementBody.body).join(Announcement).where(*to, Announcement.withdrawn_at.is_(None))
    if work.actor.id is None or work.session.execute(known.limit(1)).first() is None:
        raise NotFound(what="announcement")
    mine = {"announcement_id": announcement_id, "person_id": work.actor.id, "at": work.now}
    database.insert_missing(work.session, AnnouncementRead, mine)
    unread = AnnouncementBody.read_at.is_(None)
    work.session.execute(sa.update(AnnouncementBody).where(*to, unread).values(read_at=work.now))


def read(work: Work, given: Mapping[str, str]) -> tuple[str, str, dt.date]:
    """Title, text and last day as they are kept. Raises InvalidEvidence."""
    answers = {answer.field: answer.value for answer in evidence.read(FIELDS, given)}
    title, text = str(answers["title"]), str(answers["text"])
    until = answers.get("until_on") or work.today + SHOWN_FOR
    faults: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, words, most in (("title", title, MOST_TITLE), ("text", text, MOST_TEXT)):
        if len(words) > most:
            faults[name] = ("evidence.too_long", {"title": FIELDS[name].title, "most": most})
    if not isinstance(until, dt.date) or not 0 <= (until - work.today).days <= LONGEST:
        faults["until_on"] = ("evidence.announcement_until", {"most": LONGEST})
    if faults:
        raise InvalidEvidence(faults)
    assert isinstance(until, dt.date)  # noqa: S101 - said above
    return title, text, until


# --- who is meant ----------------------------------------------------------------------------------------------------


def _meant(work: Work, chosen: Chosen) -> Sequence[sa.ColumnElement[bool]]:
    if chosen.everybody:
        return ()
    if chosen.bodies:
        return (Body.ars.in_(chosen.bodies),)
    narrowed: list[sa.ColumnElement[bool]] = []
    if chosen.district:
        narrowed.append(Body.district == chosen.district)
    if chosen.team:
        looked_after = (TeamDistrict.district == Body.district, TeamDistrict.team == chosen.team)
        narrowed.append(sa.exists().where(*looked_after))
    if chosen.service or chosen.state:
        there = [Case.body == Body.ars, Case.ended_on.is_(None), policy.cases(work.actor)]
        there += [Case.service == chosen.service] if chosen.service else []
        there += [Case.state == chosen.state] if chosen.state else []
        narrowed.append(sa.exists().where(*there))
    return narrowed


def _told(work: Work, bodies: Sequence[str]) -> dict[str, dict[UUID, UUID | None]]:
    """Who gets it by mail, by body; deputies of who is away too, with whom they stand in for."""
    query = casework.with_deputies(
        sa.select(Grant.person_id, Grant.role, Grant.body, Grant.service, Grant.team, Grant.operator)
        .join(Person, Person.id == Grant.person_id)
        .where(Grant.ended_at.is_(None), Person.ended_at.is_(None), Grant.role.in_(TOLD), Grant.body.in_(bodies))
        .order_by(Grant.started_at, Grant.id)
    )
    found: dict[str, list[Holder]] = {}
    for row in work.session.execute(query, {"today": work.today}):
        found.setdefault(row.body, []).append(Holder(*row))
    return {
        body: policy.reached((one.person_id for one in holders), holders, asks=False) for body, holders in found.items()
    }


def _tell(work: Work, announcement_id: UUID, bodies: Sequence[str], *, at_once: bool) -> None:
    """One notice for each person, of however many of these bodies."""
    told: dict[UUID, dict[str, Any]] = {}
    for body, people in _told(work, bodies).items():
        for person, away in people.items():
            told.setdefault(person, {"body": body, **({"on_behalf_of": away} if away else {})})
    rows = [
        {
            "id": uuid4(),
            "recipient_id": person,
            "name": "announced",
            "subject_kind": "announcement",
            "subject_id": announcement_id,
            "facts": canonical(events.plain(facts)),
            "created_at": work.now,
            **messages.timing("announced", work.now),
            "immediate": at_once,
        }
        for person, facts in told.items()
    ]
    if rows:
        work.session.execute(sa.insert(Notice), rows)


def _locked(work: Work, announcement_id: UUID) -> Any:
    """The announcement, ours until the transaction ends. Raises NotFound."""
    row = work.session.execute(
        sa.select(*Announcement.__table__.c)
        .where(Announcement.id == announcement_id, policy.announcements(work.actor))
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound(what="announcement")
    return row
