"""Who is away and who stands in: from the first day to the last the deputy sees and does what the absent person would.

Nobody says why somebody is away. Only one step counts: who stands in for A, and is away too, hands A's work to nobody.
An absence begins and ends by its dates alone; no job turns it on or off.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from workflow import people, policy
from workflow.definition import BODY_ROLES, TEAM_ROLES
from workflow.engine import Work
from workflow.errors import Conflict, NotAllowed, NotFound, Refused
from workflow.models import Absence, Body, Grant, Person, Team
from workflow.texts import sort_key

LONGEST = 366
"""Days an absence may last; who stays away longer hands on the role."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an absence counts: at one body, in one team, or everywhere (neither)."""

    body: str | None = None
    team: str | None = None


EVERYWHERE = Place()


@dataclass(frozen=True, slots=True)
class AbsenceView:
    """An absence, with names. `in_force`: today."""

    id: UUID
    person_id: UUID
    person: str | None
    deputy_id: UUID
    deputy: str | None
    from_on: dt.date
    until_on: dt.date
    place: str | None
    """Name of the body or team it is limited to."""
    in_force: bool
    deputy_away: bool
    """The deputy is away on some of these days as well: then nobody stands in."""
    may_end: bool


@dataclass(frozen=True, slots=True)
class Someone:
    """A person to choose."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Choices:
    """For whom the actor may enter an absence, at which place, and who may stand in there."""

    place: Place
    title: str | None
    """Name of the body or team; None for everywhere."""
    people: tuple[Someone, ...]
    deputies: tuple[Someone, ...]


def enter(
    work: Work, person_id: UUID, deputy_id: UUID, from_on: dt.date, until_on: dt.date, *, place: Place = EVERYWHERE
) -> AbsenceView:
    """Keep on record that somebody is away from one day to another, both included, and who stands in.

    People enter their own absence; `leitung` and `digi` that of their body's people, a supervisor that of the team's,
    both for that `place` only; an administrator any. Deputies come from the same place; an administrator may name
    anybody.

    Raises NotFound (no such account), NotAllowed, Refused (a deputy from elsewhere, the person itself, days that make
    no sense) or Conflict (another absence on these days; a circle: the deputy is stood in for by this person), in this
    order.
    """
    away, deputy = _locked(work, person_id, deputy_id)
    _insist_may(work, person_id, place)
    if deputy_id == person_id or deputy == away:
        raise Refused("error.absence_self")
    if not policy.is_admin(work.actor) and deputy_id not in _colleagues(work, person_id, place):
        raise Refused("error.absence_deputy")
    if not work.today <= until_on or not from_on <= until_on or (until_on - from_on).days >= LONGEST:
        raise Refused("error.absence_days", most=LONGEST)
    _insist_free(work, person_id, deputy_id, from_on, until_on, place)

    absence_id = uuid4()
    values = {
        "deputy_id": deputy_id,
        "from_on": from_on,
        "until_on": until_on,
        "body": place.body,
        "team": place.team,
    }
    work.session.execute(sa.insert(Absence), {"id": absence_id, "person_id": person_id, **values})
    said = {name: value for name, value in values.items() if value is not None}
    people.record(work, person_id, "away", rows={"absence": {absence_id.hex: said}}, **_said_of(work, person_id, place))
    return _one(work, absence_id)


def end(work: Work, absence_id: UUID) -> AbsenceView:
    """End an absence today, or take one back that has not begun. The person acts again from now on.

    Who could have entered it may end it. Raises NotFound or Conflict (it is over), in this order.
    """
    row = work.session.execute(sa.select(*Absence.__table__.c).where(Absence.id == absence_id)).first()
    if row is None or not _may(work, row.person_id, Place(row.body, row.team)):
        raise NotFound(what="absence")
    people.lock(work, row.person_id)
    until_on = work.session.execute(sa.select(Absence.until_on).where(Absence.id == absence_id)).scalar_one()
    if until_on < work.today:
        raise Conflict(what="absence_over")
    last = _yesterday(work)
    work.session.execute(sa.update(Absence).where(Absence.id == absence_id).values(until_on=last))
    said = _said_of(work, row.person_id, Place(row.body, row.team))
    people.record(work, row.person_id, "back", rows={"absence": {absence_id.hex: {"until_on": last}}}, **said)
    return _one(work, absence_id)


def of_actor(work: Work) -> tuple[AbsenceView, ...]:
    """Absences, present and to come, that concern the actor: the own ones, those the actor stands in for, and those
    of people the actor answers for."""
    known = {work.actor.id} if work.actor.id else set()
    for place, _ in _places(work):
        known |= _at(work, place)
    return tuple(
        view
        for view in _views(work)
        if view.until_on >= work.today and (view.may_end or view.person_id in known or view.deputy_id == work.actor.id)
    )


def choices(work: Work) -> tuple[Choices, ...]:
    """What a form offers: the own absence first, then the places the actor answers for."""
    me = work.actor.id
    if me is None:
        return ()
    everybody = _named(work, sa.true())
    if policy.is_admin(work.actor):
        return (Choices(EVERYWHERE, None, everybody, everybody),)
    own = tuple(one for one in everybody if one.id == me)
    colleagues = _colleagues(work, me, EVERYWHERE)
    found = [Choices(EVERYWHERE, None, own, tuple(one for one in everybody if one.id in colleagues))]
    for place, title in _places(work):
        ids = _at(work, place)
        there = tuple(one for one in everybody if one.id in ids)
        found.append(Choices(place, title, there, there))
    return tuple(found)


# --- helpers ---------------------------------------------------------------------------------------------------------


def _locked(work: Work, person_id: UUID, deputy_id: UUID) -> tuple[UUID, UUID]:
    """The human being behind either account; both are ours, in one order. Raises NotFound."""
    rows = work.session.execute(
        sa.select(Person.id, Person.human_id)
        .where(Person.id.in_((person_id, deputy_id)), Person.ended_at.is_(None))
        .order_by(Person.id)
        .with_for_update()
    )
    found = dict(rows.all())
    if person_id not in found or deputy_id not in found:
        raise NotFound(what="person")
    return found[person_id], found[deputy_id]


def _insist_may(work: Work, person_id: UUID, place: Place) -> None:
    if not _may(work, person_id, place):
        raise NotAllowed(roles=("body.leitung", "body.digi", "supervisor", "admin"))


def _may(work: Work, person_id: UUID, place: Place, at: dict[Place, frozenset[UUID]] | None = None) -> bool:
    """Whether the actor may enter and end an absence of this person that counts at this place. `at`: what is known of
    places already."""
    if policy.is_admin(work.actor) or person_id == work.actor.id:
        return True
    if not policy.answers_for(work.actor, body=place.body, team=place.team):
        return False
    known = {} if at is None else at
    if place not in known:
        known[place] = _at(work, place)
    return person_id in known[place]


def _said_of(work: Work, person_id: UUID, place: Place) -> dict[str, UUID]:
    """What history says of whom the actor stands in for."""

    def may(who: policy.Actor) -> bool:
        answers = policy.answers_for(who, body=place.body, team=place.team)
        return answers or policy.is_admin(who) or person_id == who.id

    away = policy.in_whose_place(work.actor, may)
    return {} if away is None else {"on_behalf_of": away}


def _at(work: Work, place: Place) -> frozenset[UUID]:
    """Who holds a role at a body or in a team."""
    if place == EVERYWHERE:
        return frozenset()
    there = Grant.body == place.body if place.body else Grant.team == place.team
    roles = BODY_ROLES if place.body else TEAM_ROLES
    return frozenset(
        work.session.execute(
            sa.select(Grant.person_id)
            .join(Person, Person.id == Grant.person_id)
            .where(there, Grant.role.in_(roles), Grant.ended_at.is_(None), Person.ended_at.is_(None))
        ).scalars()
    )


def _colleagues(work: Work, person_id: UUID, place: Place) -> frozenset[UUID]:
    """Who may stand in for a person: everybody who holds a role where the person holds one."""
    if place != EVERYWHERE:
        return _at(work, place)
    mine, theirs = aliased(Grant), aliased(Grant)
    together = sa.or_(
        mine.body == theirs.body,
        mine.team == theirs.team,
        mine.operator == theirs.operator,
        sa.and_(mine.role == theirs.role, mine.body.is_(None), mine.team.is_(None), mine.operator.is_(None)),
    )
    return frozenset(
        work.session.execute(
            sa.select(theirs.person_id)
            .join(mine, together)
            .join(Person, Person.id == theirs.person_id)
            .where(
                mine.person_id == person_id,
                mine.role != policy.COORDINATOR,
                theirs.role != policy.COORDINATOR,
                mine.ended_at.is_(None),
                theirs.ended_at.is_(None),
                theirs.person_id != person_id,
                Person.ended_at.is_(None),
            )
        ).scalars()
    )


def _insist_free(
    work: Work, person_id: UUID, deputy_id: UUID, from_on: dt.date, until_on: dt.date, place: Place
) -> None:
    """Raises Conflict: away on these days already, or in the end one's own deputy."""
    same_days = sa.and_(Absence.from_on <= until_on, Absence.until_on >= from_on, Absence.from_on <= Absence.until_on)
    rows = work.session.execute(
        sa.select(Absence.person_id, Absence.deputy_id, Absence.body, Absence.team).where(same_days)
    ).all()
    for row in rows:
        here = Place(row.body, row.team)
        if row.person_id == person_id and (EVERYWHERE in (place, here) or place == here):
            raise Conflict(what="absence")
    reached, further = {deputy_id}, {deputy_id}
    while further:
        further = {row.deputy_id for row in rows if row.person_id in further} - reached
        reached |= further
    if person_id in reached:
        raise Conflict(what="absence_circle")


def _one(work: Work, absence_id: UUID) -> AbsenceView:
    return _views(work, Absence.id == absence_id)[0]


def _views(work: Work, which: sa.ColumnElement[bool] | None = None) -> list[AbsenceView]:
    """Absences with names, the earliest first; those that were over before yesterday are left out."""
    away, deputy, deputys = aliased(Person), aliased(Person), aliased(Absence)
    meanwhile = (deputys.from_on <= Absence.until_on, deputys.until_on >= Absence.from_on)
    to_come = (deputys.until_on >= work.today, deputys.until_on >= deputys.from_on)
    query = (
        sa.select(
            *Absence.__table__.c,
            sa.exists().where(deputys.person_id == Absence.deputy_id, *meanwhile, *to_come).label("deputy_away"),
            away.name.label("away_name"),
            deputy.name.label("deputy_name"),
            sa.func.coalesce(Body.display_name, Team.title).label("place"),
        )
        .join(away, away.id == Absence.person_id)
        .join(deputy, deputy.id == Absence.deputy_id)
        .outerjoin(Body, Body.ars == Absence.body)
        .outerjoin(Team, Team.key == Absence.team)
        .where(Absence.until_on >= _yesterday(work), sa.true() if which is None else which)
        .order_by(Absence.from_on, away.search_key, Absence.id)
    )
    at: dict[Place, frozenset[UUID]] = {}
    rows = work.session.execute(query).all()
    return [
        AbsenceView(
            id=row.id,
            person_id=row.person_id,
            person=row.away_name,
            deputy_id=row.deputy_id,
            deputy=row.deputy_name,
            from_on=row.from_on,
            until_on=row.until_on,
            place=row.place,
            in_force=row.from_on <= work.today <= row.until_on,
            deputy_away=row.deputy_away,
            may_end=row.until_on >= max(work.today, row.from_on)
            and _may(work, row.person_id, Place(row.body, row.team), at),
        )
        for row in rows
    ]


def _places(work: Work) -> list[tuple[Place, str]]:
    """The bodies and teams whose people the actor answers for, by name."""
    bodies = [ars for ars in work.actor.bodies() if policy.answers_for(work.actor, body=ars, team=None)]
    teams = work.actor.teams("supervisor")
    rows = work.session.execute(
        sa.select(Body.ars, Body.display_name).where(Body.ars.in_(bodies)).order_by(Body.sort_key)
    )
    found = [(Place(body=ars), name) for ars, name in rows]
    rows = work.session.execute(sa.select(Team.key, Team.title).where(Team.key.in_(teams)))
    return found + [(Place(team=key), title) for key, title in sorted(rows, key=lambda row: sort_key(row[1]))]


def _named(work: Work, where: sa.ColumnElement[bool]) -> tuple[Someone, ...]:
    rows = work.session.execute(
        sa.select(Person.id, Person.name)
        .where(where, Person.ended_at.is_(None), Person.name.is_not(None))
        .order_by(Person.search_key, Person.id)
    )
    return tuple(Someone(person_id, name) for person_id, name in rows if name)


def _yesterday(work: Work) -> dt.date:
    return work.today - dt.timedelta(days=1)
