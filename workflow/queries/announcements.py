"""Announcements as pages show them: what was sent to whom, how many have read it, and what is new for a body."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import announcements, policy
from workflow.announcements import Audience, Chosen
from workflow.definition import Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import (
    Announcement,
    AnnouncementBody,
    AnnouncementRead,
    Body,
    Case,
    Person,
    Remark,
    Team,
    TeamDistrict,
)
from workflow.queries import parts
from workflow.queries.parts import StateView
from workflow.texts import sort_key, title

PAGE = 25


@dataclass(frozen=True, slots=True)
class AnnouncementLine:
    """An announcement as a line of the list."""

    id: UUID
    title: str
    """Empty once it was erased."""
    at: dt.datetime
    role: Text
    who: str | None
    """Only for the programme's own people."""
    until_on: dt.date | None
    shown: bool
    """Pages show it today."""
    withdrawn_at: dt.datetime | None
    bodies: int
    read: int
    """Bodies where somebody has put it aside as read."""


@dataclass(frozen=True, slots=True)
class AnnouncementList:
    """The announcements the actor may read, the newest first."""

    lines: tuple[AnnouncementLine, ...]
    older: str | None
    is_first: bool
    may_write: bool


@dataclass(frozen=True, slots=True)
class ReadHere:
    """A body an announcement went to. `read` is None for whoever is not to know."""

    ars: str
    name: str
    read: bool | None


@dataclass(frozen=True, slots=True)
class AnnouncementPage:
    """One announcement with its words."""

    line: AnnouncementLine
    text: str
    bodies: tuple[ReadHere, ...]
    """For a body's people only their own."""
    counts: bool
    """The actor may know how many have read it."""
    may_withdraw: bool
    may_put_aside: bool


@dataclass(frozen=True, slots=True)
class New:
    """An announcement to a body of the actor that the actor has not put aside."""

    id: UUID
    title: str
    text: str
    at: dt.datetime
    role: Text


@dataclass(frozen=True, slots=True)
class Options:
    """Whom an announcement can be for: pairs of key and title, as far as the actor may write there."""

    bodies: tuple[tuple[str, str, str], ...]
    """ARS, name and kind."""
    districts: tuple[tuple[str, str], ...]
    teams: tuple[tuple[str, str], ...]
    services: tuple[tuple[str, Text], ...]
    states: tuple[StateView, ...]


def sent(work: Work, *, after: str | None = None) -> AnnouncementList:
    """A page of the list. Takes the same few statements however many there are."""
    place = _place(after)
    query = _lines().where(policy.announcements(work.actor)).order_by(Announcement.at.desc(), Announcement.id.desc())
    if place is not None:
        at, item = sa.literal(place[0], Announcement.at.type), sa.literal(place[1], sa.Uuid())
        query = query.where(sa.tuple_(Announcement.at, Announcement.id) < sa.tuple_(at, item))
    rows = work.session.execute(query.limit(PAGE + 1)).all()
    page = rows[:PAGE]
    return AnnouncementList(
        lines=tuple(_line(work, row) for row in page),
        older=f"{page[-1].at.timestamp()!r}.{page[-1].id.hex}" if len(rows) > PAGE else None,
        is_first=place is None,
        may_write=policy.may_announce(work.actor),
    )


def one(work: Work, announcement_id: UUID) -> AnnouncementPage:
    """An announcement. Raises NotFound when it is not there or not for this actor."""
    row = work.session.execute(
        _lines().where(Announcement.id == announcement_id, policy.announcements(work.actor))
    ).first()
    if row is None:
        raise NotFound(what="announcement")
    counts = policy.sees_staff(work.actor)
    own = work.actor.bodies()
    query = (
        sa.select(Body.ars, Body.display_name, AnnouncementBody.read_at)
        .join(AnnouncementBody, AnnouncementBody.body == Body.ars)
        .where(AnnouncementBody.announcement_id == announcement_id)
        .order_by(Body.sort_key, Body.ars)
    )
    if not counts:
        query = query.where(policy.one_of(Body.ars, own))
    to = work.session.execute(query).all()
    mine = (AnnouncementRead.announcement_id == announcement_id, AnnouncementRead.person_id == work.actor.id)
    put_aside = work.session.execute(sa.select(AnnouncementRead.at).where(*mine)).first() is not None
    return AnnouncementPage(
        line=_line(work, row),
        text=(row.text or "").partition("\n")[2],
        bodies=tuple(ReadHere(one.ars, one.display_name, one.read_at is not None if counts else None) for one in to),
        counts=counts,
        may_withdraw=row.withdrawn_at is None and policy.may_withdraw_announcement(work.actor, row.by_id),
        may_put_aside=row.withdrawn_at is None and not put_aside and any(one.ars in own for one in to),
    )


def new(work: Work, body: str | None = None) -> tuple[New, ...]:
    """What is new for the actor as one of a body's people (of one of them, when `body` names it): shown today and not
    put aside yet, the newest first; in one statement. Empty for whoever is of no body."""
    own = tuple(ars for ars in work.actor.bodies() if body in (None, ars))
    if not own:
        return ()
    mine = (AnnouncementRead.announcement_id == Announcement.id, AnnouncementRead.person_id == work.actor.id)
    rows = work.session.execute(
        sa.select(Announcement.id, Announcement.at, Announcement.role, Remark.text)
        .join(Remark, Remark.id == Announcement.remark_id)
        .where(
            sa.exists().where(
                AnnouncementBody.announcement_id == Announcement.id, policy.one_of(AnnouncementBody.body, own)
            ),
            Announcement.withdrawn_at.is_(None),
            Announcement.until_on >= work.today,
            Remark.text.is_not(None),
            ~sa.exists().where(*mine),
        )
        .order_by(Announcement.at.desc(), Announcement.id.desc())
        .limit(PAGE)
    )
    found: list[New] = []
    for row in rows:
        words, _, text = row.text.partition("\n")
        found.append(New(row.id, words, text, row.at, parts.role_title(work.catalogue, row.role)))
    return tuple(found)


def options(work: Work) -> Options:
    """Whom the actor can write to. Raises NotAllowed."""
    policy.insist_may_announce(work.actor)
    here = (Body.valid_until.is_(None), policy.announced_to(work.actor))
    rows = work.session.execute(
        sa.select(Body.ars, Body.display_name, Body.kind, Body.district).where(*here).order_by(Body.sort_key, Body.ars)
    ).all()
    districts = {row.district for row in rows}
    names = parts.body_names(work, districts)
    teams = work.session.execute(
        sa.select(Team.key, Team.title)
        .join(TeamDistrict, TeamDistrict.team == Team.key)
        .where(TeamDistrict.district.in_(districts))
        .distinct()
    ).all()
    services = work.session.execute(
        sa.select(Case.service).where(policy.cases(work.actor), Case.ended_on.is_(None)).distinct()
    ).scalars()
    language = work.actor.language
    titles = ((key, parts.service_title(work.catalogue, key)) for key in services)
    return Options(
        bodies=tuple((row.ars, row.display_name, row.kind) for row in rows),
        districts=tuple(sorted(names.items(), key=lambda one: sort_key(one[1]))),
        teams=tuple(sorted(((row.key, row.title) for row in teams), key=lambda one: sort_key(one[1]))),
        services=tuple(sorted(titles, key=lambda one: sort_key(title(language, one[1])))),
        states=tuple(state for state in parts.states(work.catalogue) if not state.end),
    )


def preview(work: Work, chosen: Chosen) -> Audience:
    """Who would get it. Raises NotAllowed."""
    return announcements.choose(work, chosen)


def _lines() -> sa.Select[*tuple[Any, ...]]:
    to = AnnouncementBody.__table__.alias().c

    def count(*where: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
        return sa.select(sa.func.count()).where(to.announcement_id == Announcement.id, *where).scalar_subquery()

    return (
        sa.select(
            Announcement.id,
            Announcement.at,
            Announcement.role,
            Announcement.by_id,
            Announcement.until_on,
            Announcement.withdrawn_at,
            Remark.text,
            Person.name,
            count().label("bodies"),
            count(to.read_at.is_not(None)).label("read"),
        )
        .outerjoin(Remark, Remark.id == Announcement.remark_id)
        .outerjoin(Person, Person.id == Announcement.by_id)
    )


def _line(work: Work, row: Any) -> AnnouncementLine:
    return AnnouncementLine(
        id=row.id,
        title=(row.text or "").partition("\n")[0],
        at=row.at,
        role=parts.role_title(work.catalogue, row.role),
        who=row.name if policy.sees_staff(work.actor) else None,
        until_on=row.until_on,
        shown=row.withdrawn_at is None and (row.until_on is None or row.until_on >= work.today),
        withdrawn_at=row.withdrawn_at,
        bodies=row.bodies,
        read=row.read,
    )


def _place(after: str | None) -> Sequence[Any] | None:
    """The place a page begins at; one that makes no sense is the beginning."""
    try:
        at, _, item = (after or "").rpartition(".")
        return dt.datetime.fromtimestamp(float(at), dt.UTC), UUID(item)
    except (ValueError, OverflowError, OSError):
        return None
