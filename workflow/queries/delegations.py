"""What bodies have given away to each other: for whom it concerns, and what a form for more offers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from workflow import delegations, policy
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Body, Delegation, Event, Person, TeamDistrict
from workflow.queries import parts
from workflow.texts import sort_key


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry of a delegation's history: given, ended."""

    at: dt.datetime
    act: str
    who: str | None
    """Whoever did it, for those who may know; None also for time."""


@dataclass(frozen=True, slots=True)
class DelegationLine:
    """A delegation in the list. `until_on` None: until somebody ends it."""

    id: UUID
    service: Text
    giver: str
    giver_ars: str
    delegate: str
    delegate_ars: str
    from_on: dt.date
    until_on: dt.date | None
    over: bool
    void: bool
    """It was taken back before it was in force."""
    in_force: bool
    ended_body: bool
    """The delegate is there no more: the giver acts itself."""
    may_end: bool
    history: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Delegations:
    """Those in force and to come, those that are over; and what a form offers, if the actor may give any."""

    present: tuple[DelegationLine, ...]
    past: tuple[DelegationLine, ...]
    givers: tuple[tuple[str, str], ...]
    bodies: tuple[tuple[str, str], ...]
    services: tuple[tuple[str, Text], ...]


def index(work: Work) -> Delegations:
    """The delegations the actor may know of, the next to begin last."""
    giver, delegate = aliased(Body), aliased(Body)
    rows = work.session.execute(
        sa.select(
            *Delegation.__table__.c,
            giver.display_name.label("giver_name"),
            delegate.display_name.label("delegate_name"),
            delegate.valid_until.label("delegate_ended"),
            TeamDistrict.team,
        )
        .join(giver, giver.ars == Delegation.giver)
        .join(delegate, delegate.ars == Delegation.delegate)
        .outerjoin(TeamDistrict, TeamDistrict.district == giver.district)
        .where(policy.delegations(work.actor))
        .order_by(Delegation.from_on, giver.sort_key, Delegation.service)
    ).all()
    histories = _histories(work, [row.id for row in rows])
    lines = [
        DelegationLine(
            id=row.id,
            service=parts.service_title(work.catalogue, row.service),
            giver=row.giver_name,
            giver_ars=row.giver,
            delegate=row.delegate_name,
            delegate_ars=row.delegate,
            from_on=row.from_on,
            until_on=row.until_on,
            over=delegations.is_over(row.from_on, row.until_on, work.today),
            void=row.until_on is not None and row.until_on < row.from_on,
            in_force=row.from_on <= work.today
            and (row.until_on is None or work.today <= row.until_on)
            and row.delegate_ended is None,
            ended_body=row.delegate_ended is not None,
            may_end=policy.may_end_delegation(work.actor, row.giver, row.delegate, row.team),
            history=histories.get(row.id, ()),
        )
        for row in rows
    ]
    bodies = _bodies(work)
    givers = tuple((ars, name) for ars, name, team in bodies if policy.may_delegate(work.actor, ars, team))
    offered = sorted(
        ((key, entry.title) for key, entry in work.catalogue.services.items() if entry.applies_to is not None),
        key=lambda one: sort_key(one[1].de),
    )
    return Delegations(
        present=tuple(line for line in lines if not line.over),
        past=tuple(line for line in reversed(lines) if line.over),
        givers=givers,
        bodies=tuple((ars, name) for ars, name, _ in bodies) if givers else (),
        services=tuple(offered) if givers else (),
    )


def _bodies(work: Work) -> Sequence[tuple[str, str, str | None]]:
    rows = work.session.execute(
        sa.select(Body.ars, Body.display_name, TeamDistrict.team)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .where(Body.valid_until.is_(None))
        .order_by(Body.sort_key, Body.ars)
    )
    return [(ars, name, team) for ars, name, team in rows]


def _histories(work: Work, ids: Sequence[UUID]) -> Mapping[UUID, tuple[Happening, ...]]:
    """The chains of these delegations, oldest entry first."""
    names = policy.sees_staff(work.actor)
    found: dict[UUID, tuple[Happening, ...]] = {}
    rows = work.session.execute(
        sa.select(Event.chain_id, Event.at, Event.act, Person.name)
        .outerjoin(Person, Person.id == Event.actor_id)
        .where(Event.chain_id.in_(ids))
        .order_by(Event.chain_id, Event.seq)
    )
    for chain_id, at, act, who in rows:
        found[chain_id] = (*found.get(chain_id, ()), Happening(at, act, who if names else None))
    return found
