"""Turns notices into messages: who has several gets one mail, on a day and at an hour that suit.

A notice says what one person shall learn; a message is a mail in the outbox. A single notice becomes a mail about that
task or case, several become one mail that lists them. Most of them come with the digest of the day, of which everybody
gets one at most; what presses comes at once (`maildays`). What a mail says comes from the definitions' texts, filled
with names of the definition, dates and numbers; nothing personal and no evidence is ever in it. Writing happens before
the transaction that keeps message and notices together.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parseaddr
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import aliased

from workflow import database, definition, letters, links, maildays, policy, texts, troubles
from workflow.catalogue import MessageText
from workflow.definition import BODY_ROLES, TEAM_ROLES
from workflow.engine import SYSTEM, Engine, Work
from workflow.letters import Group, Item, Letter, Passage, Urgency
from workflow.maildays import NO_WISHES, MailDays, Office, Today, Waiting, Wishes, land_called, land_of
from workflow.models import (
    Announcement,
    Body,
    Case,
    Closure,
    Grant,
    Hold,
    Installation,
    Mailbox,
    Message,
    Milestone,
    Notice,
    OnboardingRequest,
    Person,
    Prerequisite,
    Remark,
    Task,
)
from workflow.settings import Settings

CHUNK = 25
"""Recipients whose mails are written at a time."""
CHUNK_SECONDS = 0.05
MOST_ITEMS = 20
"""Entries of one digest; the rest is counted and stands in the inbox."""
MOST_NAMES = 6
"""Services or bodies named in one entry; the rest is counted there."""
_SEVERAL = 3
"""Bodies with the same to do from which on it is told once for all of them."""

NEWS = (
    "informed",
    "confirmed",
    "advanced",
    "not_needed",
    "superseded",
    "takes_part",
    "taken_back",
    "mentioned",
    "recorded",
    "delegated",
    "delegation_ended",
    "announced",
    "onboarding_accepted",
    "onboarding_declined",
)
"""Notices after which nothing is asked of the recipient."""
PERSONAL = (
    "mentioned",
    "handed_on",
    "returned",
    "taken_back",
    "follow_up",
    "onboarding_accepted",
    "onboarding_declined",
)
"""Notices meant for one person, whoever else holds the same role: they never go to the mailbox of a role."""
ASKING = (
    "asked",
    "confirm_asked",
    "declined",
    "handed_on",
    "handed_back",
    "sent_back",
    "returned",
    "released",
    "reopened",
    "mentioned",
    "delegated",
    "follow_up",
    "onboarding_asked",
)
"""Notices of what was just asked of the recipient: they do not wait for the digest, unless the recipient wants that."""
REPLIED_TO = ("task", "prerequisite", "milestone", "hold")
"""What somebody is reminded of, and may reply to."""
LINK_GOOD_FOR_DAYS = 30
"""How long somebody can reply through the link of a mail, in the time of the process."""
_SOON = 5
"""Working days within which something is said to be due soon."""
_LONGEST_SUBJECT = 200

log = logging.getLogger(__name__)


def compose(engine: Engine, *, limit: int | None = None) -> int:
    """Write the mails whose time has come, at most one per recipient and `limit` in all; returns how many were written.

    Call it when no rung is left to be decided, so that a morning's notices come together. What cannot go yet is looked
    at again when its recipient can be mailed next; a pass with nothing to look at asks one index. Notices that nobody
    needs any more (the task is done, the date moved) are removed without a mail; those of somebody who has no account
    any more are left to whoever passes them on (`unreached`). Running it twice or on several machines writes no mail
    twice, and nobody a second digest on one day. While a rehearsal is played mails are kept and never delivered. Raises
    Busy when another writer keeps the database.
    """
    written = 0
    after: _Spot | None = None
    seen: set[UUID] = set()
    while limit is None or written < limit:
        with engine.read(SYSTEM) as work:
            found = _with_something_due(work, after, seen, CHUNK if limit is None else min(CHUNK, limit - written))
            if found is None:
                break
            ids, after = found
            example, recorded, key = work.session.execute(_INSTALLED).one()
            piles = _piles(work, ids, seen) if ids else []
            paper = _Paper(engine.settings, key, example=example)
            drafts = [_draft_or_trouble(work, paper, pile) for pile in piles]
        written += _keep(engine, drafts, recorded=recorded)
    return written


def timing(name: str, now: dt.datetime, *, last_rung: bool = False) -> dict[str, Any]:
    """The columns of a new notice that say when its recipient is to learn of it: at once, or with the first digest at
    or after `now`, the instant of the deed or of the rung."""
    return {"immediate": last_rung or name in ASKING, "try_at": now}


def wake(work: Work, people: Any) -> None:
    """What is pending for these people (a query of ids) is looked at again with the next pass: when they can be mailed
    has changed."""
    waiting = (Notice.recipient_id.in_(people), Notice.message_id.is_(None), Notice.try_at > work.now)
    ids = (
        work.session.execute(sa.select(Notice.id).where(*waiting).order_by(Notice.id).with_for_update()).scalars().all()
    )
    work.session.execute(sa.update(Notice).where(Notice.id.in_(ids)).values(try_at=work.now))


@dataclass(frozen=True, slots=True)
class _Recipient:
    """Who gets a mail: a person, or the mailbox of a role. Neither name nor address goes into the text."""

    id: UUID
    address: str | None
    language: str
    ended: bool
    roles: tuple[_Held, ...]
    days: MailDays
    today: Today
    is_mailbox: bool = False

    @property
    def works_for_a_body(self) -> bool:
        return any(held.body is not None for held in self.roles)


@dataclass(frozen=True, slots=True)
class _Held:
    role: str
    body: str | None
    team: str | None
    operator: str | None


@dataclass(frozen=True, slots=True)
class _Matter:
    """A notice with everything needed to word it, as things stand now."""

    notice_id: UUID
    name: str
    kind: str
    subject_id: UUID
    case_id: UUID | None
    urgency: int
    due: dt.date | None
    title: definition.Text
    service: definition.Text | None
    body: str | None
    """Display name."""
    sort_key: str
    number: str | None
    blocker: definition.Text | None
    owner: str | None
    """The role that acts."""
    place: _Held
    """Where that role is held."""
    role: str | None
    """The role the decision named."""
    in_place: bool
    """It reaches the recipient in place of somebody who is away."""
    unreached: bool
    """It reaches the recipient because somebody else cannot be reached by mail."""
    path: str
    is_past: bool
    """Nobody needs to learn of it any more."""
    immediate: bool
    is_rung: bool
    try_at: dt.datetime
    expires: bool = False
    """It is done, and its due date is the day up to which it holds."""
    reached_as: str | None = None
    """The role in which it reaches the recipient."""
    words: str = ""
    """What somebody wrote to be told in these very words: the text of an announcement."""

    def waiting(self, days: MailDays) -> Waiting:
        """As far as time is concerned. A last rung comes at once whatever its recipient chose."""
        return Waiting(self.try_at, self.immediate and (self.is_rung or days.asked_at_once))


@dataclass(frozen=True, slots=True)
class _Pile:
    """All pending notices of one recipient."""

    recipient: _Recipient
    matters: tuple[_Matter, ...]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A mail ready to be kept (or none), the notices it settles, and when the others are looked at again."""

    told: tuple[UUID, ...] = ()
    dropped: tuple[UUID, ...] = ()
    values: Mapping[str, Any] | None = None
    later: Mapping[dt.datetime, tuple[UUID, ...]] = field(default_factory=dict)
    looked_at: dt.datetime | None = None
    """When that was decided: a notice somebody has woken since is left alone."""
    failed: tuple[UUID, Exception] | None = None
    """Whose mail cannot be written, and why."""


# --- reading what is pending -----------------------------------------------------------------------------------------


_Spot = tuple[dt.datetime, UUID]
"""Where a pass is: what came before was looked at."""


def _with_something_due(work: Work, after: _Spot | None, seen: set[UUID], most: int) -> tuple[list[UUID], _Spot] | None:
    """The next people of whose notices one is to be looked at now, whose is longest due first, and where to go on. None
    when nothing is left; perhaps nobody that this pass has not `seen`. They count as seen from now on."""
    statement = (
        sa.select(Notice.try_at, Notice.recipient_id)
        .where(Notice.message_id.is_(None), Notice.bulk_id.is_(None), Notice.try_at <= work.now)
        .order_by(Notice.try_at, Notice.recipient_id)
        .limit(4 * CHUNK)
    )
    if after is not None:
        at, person = after
        beyond = sa.or_(Notice.try_at > at, Notice.recipient_id > person)
        statement = statement.where(Notice.try_at >= at, beyond)
    place: _Spot | None = None
    ids: list[UUID] = []
    for try_at, recipient_id in work.session.execute(statement):
        if recipient_id not in seen:
            if len(ids) == most:
                break
            ids.append(recipient_id)
            seen.add(recipient_id)
        place = try_at, recipient_id
    return None if place is None else (ids, place)


def _piles(work: Work, ids: Sequence[UUID], seen: set[UUID]) -> list[_Pile]:
    """What is pending for these people, and for the mailboxes to which some of it goes instead, unless this pass has
    `seen` them."""
    boxes = _mailboxes(work)
    known = _recipients(work, ids)
    piles: dict[UUID, list[_Matter]] = {recipient_id: [] for recipient_id in ids}
    found: dict[UUID, _Recipient] = dict(known)
    reached: dict[UUID, _Box] = {}
    for person_id, matter in _pending(work, ids):
        box = _goes_to(known[person_id], matter, boxes)
        if box is None:
            piles[person_id].append(_as_reached(known[person_id], matter))
        else:
            reached[box.id] = box
    for box in reached.values():
        if box.id in seen:
            continue
        seen.add(box.id)
        colleagues = _colleagues(work, box)
        their = {**known, **_recipients(work, [one for one in colleagues if one not in known])}
        piles[box.id] = [
            _as_reached(their[person_id], matter)
            for person_id, matter in _pending(work, colleagues)
            if _goes_to(their[person_id], matter, boxes) == box
        ]
        found[box.id] = _as_recipient(work, box)
    return [_Pile(found[recipient_id], tuple(pile)) for recipient_id, pile in sorted(piles.items()) if pile]


def _pending(work: Work, ids: Sequence[UUID]) -> list[tuple[UUID, _Matter]]:
    """Every pending notice of these people, whether or not it is due."""
    rows = work.session.execute(_PENDING, {"recipients": list(ids)}).mappings()
    return [(row["recipient_id"], _matter(work, dict(row))) for row in rows]


def _recipients(work: Work, ids: Sequence[UUID]) -> dict[UUID, _Recipient]:
    """These people, where they can be reached and when."""
    roles: dict[UUID, list[_Held]] = {}
    for row in work.session.execute(
        sa.select(Grant.person_id, Grant.role, Grant.body, Grant.team, Grant.operator)
        .where(Grant.person_id.in_(ids), Grant.ended_at.is_(None))
        .order_by(Grant.started_at, Grant.id)
    ):
        roles.setdefault(row.person_id, []).append(_Held(row.role, row.body, row.team, row.operator))
    closed = _closures(work, {held.body for all_held in roles.values() for held in all_held if held.body})
    today = _written_today(work, Message.recipient_id, ids)
    columns = (Person.id, Person.email, Person.language, Person.ended_at)
    wishes = (Person.mail_at, Person.mail_days, Person.mail_asked)
    rows = work.session.execute(sa.select(*columns, *wishes).where(Person.id.in_(ids)))
    return {
        row.id: _Recipient(
            id=row.id,
            address=row.email,
            language=row.language,
            ended=row.ended_at is not None,
            roles=(held := tuple(roles.get(row.id, ()))),
            days=_mail_days(work, held, closed, Wishes(row.mail_at, row.mail_days, row.mail_asked)),
            today=today.get(row.id, Today()),
        )
        for row in rows
    }


# --- days and mailboxes ----------------------------------------------------------------------------------------------

Closures = Mapping[str, tuple[tuple[dt.date, dt.date], ...]]
"""By body: the days on which its office is closed."""


def _closures(work: Work, bodies: Iterable[str]) -> Closures:
    found: dict[str, tuple[tuple[dt.date, dt.date], ...]] = {}
    if known := sorted(bodies):
        rows = work.session.execute(
            sa.select(Closure.body, Closure.from_on, Closure.until_on)
            .where(Closure.body.in_(known), Closure.until_on >= work.today)
            .order_by(Closure.from_on)
        )
        for body, from_on, until_on in rows:
            found[body] = (*found.get(body, ()), (from_on, until_on))
    return found


def _mail_days(work: Work, roles: Iterable[_Held], closed: Closures, wishes: Wishes = NO_WISHES) -> MailDays:
    """When somebody with these roles can be mailed. Whose affairs one only co-ordinates does not count."""
    programme = work.catalogue.programme
    offices: list[Office] = []
    for held in roles:
        if held.role == policy.COORDINATOR:
            continue
        land = programme.calendar.land
        if held.body is not None:
            land = land_of(held.body) or land
        elif held.operator is not None and held.operator in programme.operators:
            land = land_called(programme.operators[held.operator].land) or land
        offices.append(Office(land, closed.get(held.body or "", ())))
    return MailDays(work.catalogue.calendar, programme.mail, wishes, offices)


def _written_today(work: Work, recipient: Any, ids: Sequence[UUID]) -> dict[UUID, Today]:
    numbers: dict[UUID, set[int]] = {}
    for recipient_id, number in work.session.execute(
        sa.select(recipient, Message.nth).where(recipient.in_(ids), Message.day == work.today)
    ):
        numbers.setdefault(recipient_id, set()).add(number)
    return {recipient_id: Today(frozenset(known)) for recipient_id, known in numbers.items()}


@dataclass(frozen=True, slots=True)
class _Box:
    """A mailbox of a role, or of every role at a place (`role` is empty)."""

    id: UUID
    at: _Held
    address: str | None
    language: str


def _mailboxes(work: Work) -> dict[_Held, _Box]:
    """Every mailbox to which mail arrives, by its role and place."""
    rows = work.session.execute(
        sa.select(
            Mailbox.id,
            Mailbox.role,
            Mailbox.body,
            Mailbox.team,
            Mailbox.operator,
            Mailbox.address,
            Mailbox.language,
        ).where(Mailbox.ended_on.is_(None), Mailbox.bounced_at.is_(None))
    )
    return {
        (at := _Held(row.role, row.body, row.team, row.operator)): _Box(row.id, at, row.address, row.language)
        for row in rows
    }


def _goes_to(recipient: _Recipient, matter: _Matter, boxes: Mapping[_Held, _Box]) -> _Box | None:
    """Where a notice goes: the one place that decides. None: to the person it was meant for.

    To the mailbox of the role in which it reaches the person, where there is one; what was meant for the person alone
    stays with the person.
    """
    if not boxes or matter.name in PERSONAL:
        return None
    role = (_role(recipient, matter) or "").removeprefix("body.")
    place = matter.place
    if role in BODY_ROLES:
        at = _Held(role, place.body, None, None)
    elif role in TEAM_ROLES:
        at = _Held(role, None, place.team, None)
    elif role == "rollout_team":
        at = _Held(role, None, None, place.operator)
    else:
        return None
    if not any((held.body, held.team, held.operator) == (at.body, at.team, at.operator) for held in recipient.roles):
        return None
    return boxes.get(at) or boxes.get(replace(at, role=""))


def _as_reached(recipient: _Recipient, matter: _Matter) -> _Matter:
    """The same, saying in which role it reaches the recipient."""
    return replace(matter, reached_as=_role(recipient, matter))


def _colleagues(work: Work, box: _Box) -> list[UUID]:
    """Who holds a role where a mailbox is and has something pending."""
    at = box.at
    here = Grant.body == at.body if at.body else Grant.team == at.team if at.team else Grant.operator == at.operator
    pending = sa.and_(Notice.recipient_id == Grant.person_id, Notice.message_id.is_(None), Notice.bulk_id.is_(None))
    query = sa.select(Grant.person_id).join(Notice, pending).where(here, Grant.ended_at.is_(None))
    return list(work.session.execute(query.distinct().order_by(Grant.person_id)).scalars())


def _as_recipient(work: Work, box: _Box) -> _Recipient:
    """A mailbox chooses nothing; it is read when its place is at work."""
    today = _written_today(work, Message.mailbox_id, [box.id])
    return _Recipient(
        id=box.id,
        address=box.address,
        language=box.language,
        ended=False,
        roles=(box.at,),
        days=_mail_days(work, [box.at], _closures(work, [box.at.body] if box.at.body else [])),
        today=today.get(box.id, Today()),
        is_mailbox=True,
    )


def days_of(work: Work, person_id: UUID | None, mailbox_id: UUID | None) -> MailDays | None:
    """When a person, or the mailbox of a role, is mailed; None when neither is there any more."""
    if person_id is not None:
        found = _recipients(work, [person_id]).get(person_id)
        return found.days if found is not None else None
    box = next((one for one in _mailboxes(work).values() if one.id == mailbox_id), None)
    return _as_recipient(work, box).days if box is not None else None


_OfCase, _OfPrerequisite = aliased(Body), aliased(Body)

_PENDING = (
    sa.select(
        Notice.id,
        Notice.recipient_id,
        Notice.name,
        Notice.subject_kind,
        Notice.subject_id,
        Notice.case_id,
        Notice.urgency,
        Notice.facts,
        Notice.immediate,
        Notice.try_at,
        Case.number,
        Case.service,
        Case.process,
        Case.process_version,
        Case.state,
        Case.rests,
        Case.team.label("case_team"),
        Case.operator.label("case_operator"),
        Case.body.label("case_body"),
        _OfCase.display_name.label("case_body_name"),
        _OfCase.sort_key.label("case_body_key"),
        Task.name.label("task"),
        Task.state.label("task_state"),
        Task.acting.label("task_acting"),
        Task.owner.label("task_owner"),
        Task.body.label("task_body"),
        Task.generation.label("task_generation"),
        Hold.blocker,
        Hold.ended_on.label("hold_ended_on"),
        Hold.generation.label("hold_generation"),
        Prerequisite.kind.label("prerequisite"),
        Prerequisite.scope,
        Prerequisite.body.label("prerequisite_body"),
        Prerequisite.team.label("prerequisite_team"),
        Prerequisite.owner.label("prerequisite_owner"),
        Prerequisite.acting.label("prerequisite_acting"),
        Prerequisite.generation.label("prerequisite_generation"),
        _OfPrerequisite.display_name.label("prerequisite_body_name"),
        _OfPrerequisite.sort_key.label("prerequisite_body_key"),
        Milestone.kind.label("milestone"),
        Milestone.service.label("milestone_service"),
        Milestone.reached_on,
        Milestone.generation.label("milestone_generation"),
        Announcement.until_on,
        Announcement.withdrawn_at,
        Remark.text.label("announced"),
    )
    .outerjoin(Case, Case.id == Notice.case_id)
    .outerjoin(_OfCase, _OfCase.ars == Case.body)
    .outerjoin(Task, sa.and_(Notice.subject_kind == "task", Task.id == Notice.subject_id))
    .outerjoin(Hold, sa.and_(Notice.subject_kind == "hold", Hold.id == Notice.subject_id))
    .outerjoin(Prerequisite, sa.and_(Notice.subject_kind == "prerequisite", Prerequisite.id == Notice.subject_id))
    .outerjoin(_OfPrerequisite, _OfPrerequisite.ars == Prerequisite.body)
    .outerjoin(Milestone, sa.and_(Notice.subject_kind == "milestone", Milestone.id == Notice.subject_id))
    .outerjoin(Announcement, sa.and_(Notice.subject_kind == "announcement", Announcement.id == Notice.subject_id))
    .outerjoin(Remark, Remark.id == Announcement.remark_id)
    .where(
        Notice.message_id.is_(None),
        Notice.bulk_id.is_(None),
        Notice.recipient_id.in_(sa.bindparam("recipients", expanding=True, type_=sa.Uuid())),
    )
    .order_by(Notice.recipient_id, Notice.created_at, Notice.id)
)


def stranded(work: Work, unreachable: Sequence[UUID]) -> list[UUID]:
    """What is pending for these people, who cannot be reached, and goes to no mailbox instead."""
    boxes, people = _mailboxes(work), _recipients(work, unreachable)
    pending = ((person_id, matter) for person_id, matter in _pending(work, unreachable))
    return [matter.notice_id for person_id, matter in pending if _goes_to(people[person_id], matter, boxes) is None]


# --- what a notice is about ------------------------------------------------------------------------------------------


def _matter(work: Work, row: Mapping[str, Any]) -> _Matter:
    """A notice in terms of the definitions; what the definitions lost is named by its key."""
    facts: dict[str, Any] = json.loads(row["facts"])
    due = facts.get("due")
    kind = row["subject_kind"]
    try:
        about = _ABOUT.get(kind, _about_case)(work, row, facts)
    except Exception:
        log.exception("a notice about %s %s is worded without the definitions", kind, row["subject_id"])
        about = _About(_named(row["name"]), None, None, "", "/")
    return _Matter(
        notice_id=row["id"],
        name=row["name"],
        kind=kind,
        subject_id=row["subject_id"],
        case_id=row["case_id"],
        urgency=row["urgency"],
        due=dt.date.fromisoformat(due) if isinstance(due, str) else None,
        number=row["number"] if "cases" not in facts else None,
        role=facts.get("role"),
        in_place="on_behalf_of" in facts,
        unreached="unreached" in facts,
        title=_several(about.title, facts.get("cases", 1)),
        service=about.service,
        body=about.body,
        sort_key=about.sort_key,
        blocker=about.blocker,
        owner=about.owner,
        place=about.place,
        path=about.path,
        is_past=about.is_past,
        immediate=row["immediate"],
        is_rung="rung" in facts,
        try_at=row["try_at"],
        expires=about.expires,
        words=about.words,
    )


def _several(title: definition.Text, cases: int) -> definition.Text:
    """A title that says for how many cases one decision was taken."""
    if cases == 1:
        return title
    return definition.Text(
        texts.say("de", "mail.times", title=title.de, n=cases), texts.say("en", "mail.times", title=title.en, n=cases)
    )


@dataclass(frozen=True, slots=True)
class _About:
    title: definition.Text
    service: definition.Text | None
    body: str | None
    sort_key: str
    path: str
    owner: str | None = None
    place: _Held = field(default_factory=lambda: _Held("", None, None, None))
    blocker: definition.Text | None = None
    is_past: bool = False
    expires: bool = False
    words: str = ""


def _about_task(work: Work, row: Mapping[str, Any], facts: Mapping[str, Any]) -> _About:
    name = row["task"] or str(facts.get("task", ""))
    process = work.catalogue.process(row["process"], row["process_version"])
    task = process.states[row["task_state"]].tasks.get(name) if row["task_state"] in process.states else None
    asks = row["name"] not in NEWS
    return _About(
        title=_said_in_both("mail.added_task") if name == definition.AD_HOC else task.title if task else _named(name),
        service=_service(work, row["service"]),
        body=row["case_body_name"],
        sort_key=row["case_body_key"] or "",
        path=f"/tasks/{row['subject_id']}",
        owner=row["task_acting"] or row["task_owner"],
        place=_place_of_case(row),
        is_past=asks
        and (
            row["task_acting"] is None
            or _has_moved(facts, row["task_generation"])
            or ("rung" in facts and bool(row["rests"]))
        ),
    )


def _about_hold(work: Work, row: Mapping[str, Any], facts: Mapping[str, Any]) -> _About:
    blocker = work.catalogue.programme.blockers.get(row["blocker"] or "")
    return _About(
        title=_said_in_both("mail.hold_review"),
        service=_service(work, row["service"]),
        body=row["case_body_name"],
        sort_key=row["case_body_key"] or "",
        path=f"/cases/{row['case_id']}",
        owner="umsetzungsteam",
        place=_place_of_case(row),
        blocker=blocker.title if blocker else None,
        is_past=row["hold_ended_on"] is not None or _has_moved(facts, row["hold_generation"]),
    )


def _about_prerequisite(work: Work, row: Mapping[str, Any], facts: Mapping[str, Any]) -> _About:
    kind = work.catalogue.prerequisite_kind(row["prerequisite"] or "")
    title = kind.title if kind else _named(row["prerequisite"] or "")
    if row["scope"]:
        scope = _service(work, row["scope"]) or _named(row["scope"])
        title = definition.Text(f"{title.de} ({scope.de})", f"{title.en} ({scope.en})")
    asks = row["name"] not in NEWS
    return _About(
        title=title,
        service=None,
        body=row["prerequisite_body_name"],
        sort_key=row["prerequisite_body_key"] or "",
        path=f"/prerequisites/{row['subject_id']}",
        owner=row["prerequisite_acting"] or row["prerequisite_owner"],
        place=_Held("", row["prerequisite_body"], row["prerequisite_team"], None),
        is_past=asks
        and (
            _has_moved(facts, row["prerequisite_generation"])
            or ("rung" not in facts and row["prerequisite_acting"] is None)
        ),
        expires="rung" in facts and row["prerequisite_acting"] is None,
    )


def _about_milestone(work: Work, row: Mapping[str, Any], facts: Mapping[str, Any]) -> _About:
    """A milestone is the Land's: that is the body it concerns."""
    kind = work.catalogue.shared.milestones.get(row["milestone"] or "")
    return _About(
        title=kind.title if kind else _named(row["milestone"] or ""),
        service=_service(work, row["milestone_service"]),
        body=work.catalogue.programme.land,
        sort_key="",
        path=f"/milestones/{row['subject_id']}",
        owner="programme_office",
        is_past=row["reached_on"] is not None or _has_moved(facts, row["milestone_generation"]),
    )


def _about_delegation(work: Work, row: Mapping[str, Any], facts: Mapping[str, Any]) -> _About:
    """A body acts for another in a service, or does so no more."""
    giver = work.session.execute(
        sa.select(Body.display_name, Body.sort_key).where(Body.ars == str(facts.get("giver", "")))
    ).first()
    return _About(
        title=_said_in_both(f"mail.{row['name']}"),
        service=_service(work, str(facts.get("service", ""))),
        body=giver.display_name if giver else None,
        sort_key=giver.sort_key if giver else "",
        path="/delegations",
    )


def _about_announcement(work: Work, row: Mapping[str, Any], facts: Mapping[str, Any]) -> _About:
    """What somebody tells chosen bodies in words of their own; erased words are told nobody."""
    title, _, words = (row["announced"] or "").partition("\n")
    return _About(
        title=definition.Text(title, title),
        service=None,
        body=work.catalogue.programme.land,
        sort_key="",
        path=f"/announcements/{row['subject_id']}",
        place=_Held("", facts.get("body"), None, None),
        is_past=not title
        or row["withdrawn_at"] is not None
        or (row["until_on"] is not None and row["until_on"] < work.today),
        words=words,
    )


def _about_onboarding(work: Work, row: Mapping[str, Any], facts: Mapping[str, Any]) -> _About:
    """A body asks for a service, or is told what came of it."""
    asked = work.session.execute(
        sa.select(OnboardingRequest.status, OnboardingRequest.case_id, Body.display_name, Body.sort_key)
        .join(Body, Body.ars == OnboardingRequest.body)
        .where(OnboardingRequest.id == row["subject_id"])
    ).one()
    service = str(facts.get("service", ""))
    answered = row["name"] != "onboarding_asked"
    return _About(
        title=_said_in_both(f"mail.{row['name']}"),
        service=_service(work, service),
        body=asked.display_name,
        sort_key=asked.sort_key,
        path=(f"/cases/{asked.case_id}" if asked.case_id else f"/services/{service}") if answered else "/requests",
        owner="body.digi" if answered else "umsetzungsteam",
        place=_Held("", str(facts.get("body", "")), str(facts.get("team", "")), None),
        is_past=not answered and asked.status != "open",
    )


def _about_case(work: Work, row: Mapping[str, Any], facts: Mapping[str, Any]) -> _About:
    """A case as a whole: it moved, or can move, by a transition; or it is another team's now."""
    transition = str(facts.get("transition", ""))
    process = work.catalogue.process(row["process"], row["process_version"])
    move = process.transitions.get(transition)
    asks = row["name"] not in NEWS
    new_team = facts.get("team")
    return _About(
        title=move.title if move else _of_whole_case(row, facts),
        service=_service(work, row["service"]),
        body=row["case_body_name"],
        sort_key=row["case_body_key"] or "",
        path=f"/cases/{row['case_id']}",
        owner="umsetzungsteam",
        place=_place_of_case(row),
        is_past=(asks and move is not None and row["state"] not in move.from_)
        or (new_team is not None and new_team != row["case_team"]),
    )


_ABOUT = {
    "task": _about_task,
    "hold": _about_hold,
    "prerequisite": _about_prerequisite,
    "milestone": _about_milestone,
    "delegation": _about_delegation,
    "announcement": _about_announcement,
    "onboarding_request": _about_onboarding,
}


def _has_moved(facts: Mapping[str, Any], generation: int | None) -> bool:
    """A reminder of a date that is not the date any more."""
    return "generation" in facts and facts["generation"] != generation


def _service(work: Work, key: str | None) -> definition.Text | None:
    entry = work.catalogue.services.get(key or "")
    return entry.title if entry else None


_WHOLE_CASE = {"takes_part": "mail.takes_part", "mentioned": "mail.comment", "moved_to_team": "mail.new_case"}
"""What a notice about a case as a whole is called where no transition names it."""


def _of_whole_case(row: Mapping[str, Any], facts: Mapping[str, Any]) -> definition.Text:
    key = _WHOLE_CASE.get(row["name"])
    return _said_in_both(key) if key else _named(str(facts.get("transition", "")))


def _place_of_case(row: Mapping[str, Any]) -> _Held:
    return _Held("", row["task_body"] or row["case_body"], row["case_team"], row["case_operator"])


def _named(key: str) -> definition.Text:
    """What the definitions do not know any more, by the key it had."""
    words = key.replace("_", " ") or "–"
    return definition.Text(words, words)


def _said_in_both(key: str) -> definition.Text:
    return definition.Text(texts.say("de", key), texts.say("en", key))


# --- writing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Paper:
    """What every mail of this installation is written on."""

    settings: Settings
    link_key: str
    example: bool


_INSTALLED = sa.select(Installation.example, Installation.rehearsing, Installation.link_key)


def _draft_or_trouble(work: Work, paper: _Paper, pile: _Pile) -> _Draft:
    """One recipient's trouble is no other's: what fails is pushed back."""
    try:
        return _draft(work, paper, pile)
    except Exception as error:
        log.exception("a mail about %d notices could not be written; it is tried again in an hour", len(pile.matters))
        waiting = {work.now + troubles.AGAIN_AFTER: tuple(matter.notice_id for matter in pile.matters)}
        return _Draft(later=waiting, looked_at=work.now, failed=(pile.recipient.id, error))


def _draft(work: Work, paper: _Paper, pile: _Pile) -> _Draft:
    """One recipient's mail, if there is one to write now."""
    recipient = pile.recipient
    if recipient.address is None or recipient.ended:
        return _Draft()  # others are told instead, with the next pass
    past = tuple(matter.notice_id for matter in pile.matters if matter.is_past)
    pending = [matter for matter in pile.matters if not matter.is_past]
    days = recipient.days
    turn = maildays.turn(days, [matter.waiting(days) for matter in pending], recipient.today, work.now)
    later: dict[dt.datetime, tuple[UUID, ...]] = {}
    for position, at in turn.later:
        later[at] = (*later.get(at, ()), pending[position].notice_id)
    going = [pending[position] for position in turn.going]
    if not going:
        return _Draft(dropped=past, later=later, looked_at=work.now)
    values = _message(work, paper, recipient, going, turn.number)
    return _Draft(tuple(matter.notice_id for matter in going), past, values, later, work.now)


def _message(work: Work, paper: _Paper, recipient: _Recipient, going: Sequence[_Matter], number: int) -> dict[str, Any]:
    """The row of one mail about all of these, the recipient's mail of this number today."""
    matters = _newest(going)
    message_id, settings = uuid4(), paper.settings
    letter = (
        _about_one(work, settings, recipient, matters[0])
        if len(matters) == 1
        else _digest(work, settings, recipient, matters)
    )
    why = "mail.why.mailbox" if recipient.is_mailbox else "mail.why.digest" if number == 0 else None
    note = " ".join(filter(None, (letter.note, texts.say(letter.language, why) if why else None)))
    letter = replace(letter, example=paper.example, note=note)
    if not recipient.is_mailbox and any(_takes_reply(matter) for matter in matters):
        letter = _with_reply(work, paper, letter, message_id)
    key = hashlib.sha256("\n".join(sorted(matter.notice_id.hex for matter in going)).encode()).hexdigest()
    domain = domain_of(settings)
    threads = {_thread(matter, domain) for matter in matters}
    return {
        "id": message_id,
        "key": key,
        "recipient_id": None if recipient.is_mailbox else recipient.id,
        "mailbox_id": recipient.id if recipient.is_mailbox else None,
        "day": work.today,
        "nth": number,
        "address": recipient.address,
        "header_id": f"<{key[:40]}@{domain}>",
        "language": letter.language,
        "subject": letter.subject,
        "plain": letters.plain(letter),
        "html": letters.html(letter),
        "in_reply_to": threads.pop() if len(threads) == 1 else None,
        "written_at": work.now,
        "status": "queued",
        "tries": 0,
    }


def _takes_reply(matter: _Matter) -> bool:
    """Whether its recipient may answer: whoever is asked to act. Those who are asked for help see to it otherwise."""
    if matter.kind not in REPLIED_TO or matter.name in NEWS:
        return False
    if matter.unreached and matter.role not in (matter.owner, "umsetzungsteam"):
        return False  # told in another's place, and may not act in it
    return matter.role not in ("supervisor", "programme_office") or matter.kind == "milestone"


def _with_reply(work: Work, paper: _Paper, letter: Letter, message_id: UUID) -> Letter:
    """The same letter; its link leads to a page on which its recipient can reply without signing in."""
    until = texts.day(letter.language, work.today + dt.timedelta(days=LINK_GOOD_FOR_DAYS), today=work.today)
    return replace(
        letter,
        link=f"{paper.settings.base_url}/reply/{links.written(paper.link_key, message_id)}",
        link_note=texts.say(letter.language, "mail.reply.note", day=until),
        button=texts.say(letter.language, "mail.button.reply"),
    )


def _newest(matters: Sequence[_Matter]) -> list[_Matter]:
    """Of several notices about one thing the most urgent, of equals the last."""
    kept: dict[tuple[str, UUID], _Matter] = {}
    for matter in matters:
        before = kept.get((matter.kind, matter.subject_id))
        if before is None or matter.urgency >= before.urgency:
            kept[matter.kind, matter.subject_id] = matter
    return list(kept.values())


def _about_one(work: Work, settings: Settings, recipient: _Recipient, matter: _Matter) -> Letter:
    """A mail about one thing: the definitions' text for it, with one link to it."""
    language = recipient.language
    values = _values(work, recipient, matter)
    text = _text(work, language, matter.name)
    urgency, when = _when(language, matter, work)
    title = texts.title(language, matter.title)
    passages, note = _passages(text, values)
    if waited_for := _waited_for(work, language, matter):
        passages = _with_fact(passages, texts.say(language, "mail.responsible"), waited_for)
    if matter.in_place:
        name, value = texts.say(language, "mail.in_place"), texts.say(language, "mail.in_place_of_a_colleague")
        passages = _with_fact(passages, _capital(name), value)
    if matter.unreached:
        name, value = texts.say(language, "mail.note"), texts.say(language, "mail.unreached_person")
        passages = _with_fact(passages, name, value)
    subject = _filled(text.subject, values) or f"{_capital(when)}: {title}"
    if matter.number and matter.number not in subject:
        subject = f"{subject} [{matter.number}]"
    return Letter(
        language=language,
        subject=_one_line(subject),
        day=work.today,
        urgency=urgency,
        headline=_capital(when),
        title=title,
        passages=passages,
        groups=(),
        more="",
        button=texts.say(language, _BUTTONS.get(matter.kind, "mail.button.case")),
        link=settings.base_url + matter.path,
        note=note,
        for_body=recipient.works_for_a_body,
    )


def _digest(work: Work, settings: Settings, recipient: _Recipient, matters: Sequence[_Matter]) -> Letter:
    """A mail about several things, by body and urgency, with one link to the inbox.

    The same task of several services of a body is one entry, and so is the same task of several bodies.
    """
    language = recipient.language
    rated = sorted(
        ((*_when(language, matter, work), matter) for matter in matters),
        key=lambda rating: (letters.URGENCIES.index(rating[0]), rating[2].due or dt.date.max, *_in_order(rating[2])),
    )
    counts = [(urgency, sum(1 for rating in rated if rating[0] == urgency)) for urgency in letters.URGENCIES]
    said = [(urgency, n) for urgency, n in counts if n]
    headline = ", ".join(
        texts.say(language, f"mail.{'also' if position else 'count'}.{urgency}", n=n)
        for position, (urgency, n) in enumerate(said)
    )
    entries = _entries(work, language, rated)
    shown, left_out = entries[:MOST_ITEMS], sum(len(entry.matters) for entry in entries[MOST_ITEMS:])
    groups = tuple(
        Group(place, tuple(_item(work, language, entry) for entry in shown if entry.place == place))
        for place in dict.fromkeys(entry.place for entry in shown)
    )
    day = texts.day(language, work.today, today=work.today)
    return Letter(
        language=language,
        subject=_one_line(texts.say(language, "mail.digest.subject", counts=headline, day=day)),
        day=work.today,
        urgency=rated[0][0],
        headline=headline,
        title=texts.say(language, "mail.digest.title"),
        passages=(),
        groups=groups,
        more=texts.say(language, "mail.digest.more", n=left_out) if left_out else "",
        button=texts.say(language, "mail.button.inbox"),
        link=f"{settings.base_url}/",
        note="",
        for_body=recipient.works_for_a_body,
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a digest tells in one go: the same to do, pressing alike, of one body or of several."""

    urgency: Urgency
    when: str
    place: str
    """The body's name, or that there are several."""
    several: bool
    matters: tuple[_Matter, ...]


def _entries(work: Work, language: str, rated: Sequence[tuple[Urgency, str, _Matter]]) -> list[_Entry]:
    """Things alike taken together, in the order of the first of each."""
    alike: dict[tuple[str | None, ...], list[tuple[Urgency, str, _Matter]]] = {}
    for urgency, when, matter in rated:
        title, waited_for = texts.title(language, matter.title), _waited_for(work, language, matter)
        alike.setdefault((matter.name, matter.kind, when, title, waited_for), []).append((urgency, when, matter))
    found: list[_Entry] = []
    for pile in alike.values():
        urgency, when, _ = pile[0]
        matters = tuple(matter for _, _, matter in pile)
        places = dict.fromkeys(matter.body or "" for matter in matters)
        if len(places) >= _SEVERAL:
            found.append(_Entry(urgency, when, texts.say(language, "mail.several"), True, matters))
            continue
        for place in places:
            here = tuple(matter for matter in matters if (matter.body or "") == place)
            found.append(_Entry(urgency, when, place, False, here))
    order = {matter.notice_id: position for position, (_, _, matter) in enumerate(rated)}
    return sorted(found, key=lambda entry: order[entry.matters[0].notice_id])


def _item(work: Work, language: str, entry: _Entry) -> Item:
    """An entry in words: of several bodies it names the bodies, of one the services."""
    first = entry.matters[0]
    services = [texts.title(language, matter.service) for matter in entry.matters if matter.service is not None]
    bodies = [matter.body for matter in entry.matters if matter.body]
    about = [_named_briefly(language, services)] if services else []
    if entry.several:
        about.append(_named_briefly(language, bodies))
    if waited_for := _waited_for(work, language, first):
        about.append(texts.say(language, "mail.waited_for", role=waited_for))
    if all(matter.in_place for matter in entry.matters):
        about.append(texts.say(language, "mail.in_place"))
    if all(matter.unreached for matter in entry.matters):
        about.append(texts.say(language, "mail.unreached"))
    title = texts.title(language, first.title)
    if len(entry.matters) > 1:
        title = texts.say(language, "mail.times", title=title, n=len(entry.matters))
    return Item(entry.urgency, title, " · ".join(about), entry.when)


def _named_briefly(language: str, names: Sequence[str]) -> str:
    """Each name once, the first few; how many are left out is said."""
    different = list(dict.fromkeys(names))
    said = ", ".join(different[:MOST_NAMES])
    more = len(different) - MOST_NAMES
    return texts.say(language, "mail.and_more", names=said, n=more) if more > 0 else said


_BUTTONS = {
    "task": "mail.button.task",
    "prerequisite": "mail.button.prerequisite",
    "milestone": "mail.button.milestone",
    "announcement": "mail.button.announcement",
}


def _text(work: Work, language: str, name: str) -> MessageText:
    """The definitions' text in the language, in the other one, or a plain one of our own if they lost it."""
    for spoken in (language, *texts.LANGUAGES):
        text = work.catalogue.messages.get((spoken, name))
        if text is not None:
            return text
    log.warning("the definitions have no text for the message %s", name)
    return MessageText("{task} ({body})", (texts.say(language, "mail.no_text"),))


def _values(work: Work, recipient: _Recipient, matter: _Matter) -> dict[str, str]:
    """What the placeholders of a text stand for; what does not apply is missing."""
    language = recipient.language
    values = {"task": texts.title(language, matter.title)}
    if matter.service is not None:
        values["service"] = texts.title(language, matter.service)
    if matter.body is not None:
        values["body"] = matter.body
    if matter.number is not None:
        values["number"] = matter.number
    if matter.words:
        values["words"] = matter.words
    if matter.blocker is not None:
        values["blocker"] = texts.title(language, matter.blocker)
    if matter.due is not None:
        values["due"] = texts.day(language, matter.due, today=work.today)
        late = max(0, work.catalogue.calendar.between(matter.due, work.today))
        values["overdue"] = texts.say(language, "mail.late", n=late)
    role = _role(recipient, matter)
    entry = work.catalogue.programme.roles.get(role.removeprefix("body.")) if role else None
    if entry is not None:
        values["recipient_role"] = texts.title(language, entry.title)
    return values


def _role(recipient: _Recipient, matter: _Matter) -> str | None:
    """In which role this reaches the recipient: the one decided, else the acting one or another held there."""
    if known := matter.reached_as or matter.role:
        return known
    place = matter.place
    here = [
        held.role
        for held in recipient.roles
        if (held.body is None or held.body == place.body)
        and (held.team is None or held.team == place.team)
        and (held.operator is None or held.operator == place.operator)
    ]
    owner = (matter.owner or "").removeprefix("body.")
    return owner if owner in here else next(iter(here), None)


def _when(language: str, matter: _Matter, work: Work) -> tuple[Urgency, str]:
    """How much it presses on this day, and the words for it."""
    due, today = matter.due, work.today
    if matter.name in NEWS:
        return "news", _what(language, matter.name, "mail.when.news")
    if due is None:
        return "new", _what(language, matter.name, "mail.when.new")
    calendar = work.catalogue.calendar
    if due < today:
        return "overdue", texts.say(language, "mail.when.overdue", n=max(1, calendar.between(due, today)))
    if due == today:
        return "today", texts.say(language, "mail.when.expires_today" if matter.expires else "mail.when.today")
    said = texts.day(language, due, today=today)
    if matter.urgency == 0:
        what = _what(language, matter.name, "mail.when.new")
        return "new", f"{what}, {texts.say(language, 'mail.when.later', due=said)}"
    days = calendar.between(today, due)
    if matter.expires:
        return "soon" if days <= _SOON else "later", texts.say(language, "mail.when.expires", due=said)
    if days <= _SOON:
        return "soon", texts.say(language, "mail.when.soon", n=max(1, days), due=said)
    return "later", texts.say(language, "mail.when.later", due=said)


_NAMED = frozenset(
    {
        "advanced",
        "announced",
        "can_advance",
        "confirm_asked",
        "confirmed",
        "declined",
        "delegated",
        "delegation_ended",
        "follow_up",
        "handed_back",
        "handed_on",
        "mentioned",
        "moved_to_team",
        "not_needed",
        "onboarding_accepted",
        "onboarding_asked",
        "onboarding_declined",
        "recorded",
        "released",
        "reopened",
        "returned",
        "sent_back",
        "superseded",
        "taken_back",
        "takes_part",
    }
)
"""Notices that say in a word or two what happened; the others are merely new."""


def _what(language: str, name: str, otherwise: str) -> str:
    return texts.say(language, f"mail.what.{name}" if name in _NAMED else otherwise)


def _passages(text: MessageText, values: Mapping[str, str]) -> tuple[tuple[Passage, ...], str]:
    """The paragraphs of a text, and apart from them the one that says in which role one gets it.

    Several lines of the form `Name: {value}` are facts. A line is left out when something it names does not apply.
    """
    passages: list[Passage] = []
    note = ""
    for paragraph in text.paragraphs:
        lines = [line for line in paragraph.split("\n") if line.strip()]
        filled = [(line, words) for line in lines if (words := _filled(line, values)) is not None]
        if not filled:
            continue
        matches = [_FACT.match(line) for line, _ in filled]
        if paragraph.strip() == "{words}":
            passages.extend(Passage(lines=tuple(one.split("\n"))) for one in re.split(r"\n\s*\n", values["words"]))
        elif all(matches) and len(lines) > 1:
            named = ((match[1], words) for match, (_, words) in zip(matches, filled, strict=True) if match)
            passages.append(Passage(facts=tuple((name, words[len(name) + 1 :].strip()) for name, words in named)))
        elif "{recipient_role}" in paragraph:
            note = " ".join(words for _, words in filled)
        else:
            passages.append(Passage(lines=tuple(words for _, words in filled)))
    return tuple(passages), note


def _with_fact(passages: tuple[Passage, ...], name: str, value: str) -> tuple[Passage, ...]:
    """One more fact, under the first ones there are."""
    for position, passage in enumerate(passages):
        if passage.facts:
            return (*passages[:position], Passage(facts=(*passage.facts, (name, value))), *passages[position + 1 :])
    return (*passages, Passage(facts=((name, value),)))


_FACT = re.compile(r"([^{}:]{1,40}): *\{[a-z_]+\}[^{}]*\Z")
_BRACES = re.compile(r"\{\{|\}\}|\{([a-z_]+)\}")


def _filled(pattern: str, values: Mapping[str, str]) -> str | None:
    """The text with its placeholders filled, None when one of them has no value. Values are never looked into."""
    names = {match[1] for match in _BRACES.finditer(pattern) if match[1]}
    if not names <= values.keys():
        return None
    return _BRACES.sub(lambda match: values[match[1]] if match[1] else match[0][0], pattern)


def _in_order(matter: _Matter) -> tuple[str, str, str]:
    """The order of equally urgent things: by body, service and title."""
    return matter.sort_key, matter.service.de if matter.service else "", matter.title.de


def _waited_for(work: Work, language: str, matter: _Matter) -> str | None:
    """The role that acts, when a reminder reaches somebody in another one."""
    if matter.role is None or matter.owner is None or matter.role == matter.owner:
        return None
    entry = work.catalogue.programme.roles.get(matter.owner.removeprefix("body."))
    return texts.title(language, entry.title) if entry else None


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _one_line(words: str) -> str:
    """A subject: no line break can begin another header, and nobody's mail program has to cut it."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
    return line if len(line) <= _LONGEST_SUBJECT else line[: _LONGEST_SUBJECT - 1] + "…"


def domain_of(settings: Settings) -> str:
    """The right side of our Message-IDs: where our mail comes from."""
    _, _, domain = parseaddr(settings.mail_from)[1].rpartition("@")
    return domain if _DOMAIN.match(domain) else "startklar.invalid"


_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,100}\Z")


def _thread(matter: _Matter, domain: str) -> str:
    """What all mails about a case answer, so that a mail program shows them together. That mail was never sent."""
    if matter.case_id is not None:
        return f"<case.{matter.case_id.hex}@{domain}>"
    return f"<{matter.kind}.{matter.subject_id.hex}@{domain}>"


# --- keeping ---------------------------------------------------------------------------------------------------------


def _keep(engine: Engine, drafts: Sequence[_Draft], *, recorded: bool) -> int:
    """Keep messages with the notices they settle, in short transactions, each with a savepoint; returns how many."""
    written = position = 0
    while position < len(drafts):
        began = time.monotonic()
        with engine.change(SYSTEM) as work:
            while position < len(drafts):
                written += _keep_one(work, drafts[position], recorded=recorded)
                position += 1
                if time.monotonic() - began > CHUNK_SECONDS:
                    break
    return written


def _keep_one(work: Work, draft: _Draft, *, recorded: bool) -> bool:
    try:
        with work.session.begin_nested():
            return _write(work, draft, recorded=recorded)
    except _Outrun:
        return False  # another composer took some of these notices; what is left comes with the next pass
    except OperationalError:
        raise  # the database's trouble: the notices are still there and the next pass begins anew
    except Exception:
        log.exception("a mail about %d notices could not be kept; the next pass tries again", len(draft.told))
        return False


def _write(work: Work, draft: _Draft, *, recorded: bool) -> bool:
    """Everybody locks notices in the order of their ids, so that two composers never wait for each other."""
    session = work.session
    waiting = [notice_id for ids in draft.later.values() for notice_id in ids]
    touched = (*draft.told, *draft.dropped, *waiting)
    pending = sa.select(Notice.id, Notice.try_at).where(Notice.id.in_(touched), Notice.message_id.is_(None))
    there = dict(session.execute(pending.order_by(Notice.id).with_for_update()).all())
    if draft.dropped:
        session.execute(sa.delete(Notice).where(Notice.id.in_(draft.dropped), Notice.message_id.is_(None)))
    for at, ids in draft.later.items():
        still = [one for one in ids if one in there and there[one] <= (draft.looked_at or there[one])]
        session.execute(sa.update(Notice).where(Notice.id.in_(still)).values(try_at=at))
    if draft.failed is not None:
        troubles.note(work, "mail", *draft.failed)
    if draft.values is None:
        return False
    if not there.keys() >= set(draft.told):
        raise _Outrun
    sending = {"status": "recorded", "try_at": None} if recorded else {"try_at": database.real_now()}
    if not database.insert_missing(session, Message, {**draft.values, **sending}):
        raise _Outrun
    session.execute(sa.update(Notice).where(Notice.id.in_(draft.told)).values(message_id=draft.values["id"]))
    return True


class _Outrun(Exception):
    """Somebody else was writing to the same recipient just now."""
