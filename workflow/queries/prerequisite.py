"""One prerequisite of a body: what it asks for, what was given, who may do what, and who waits for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import casework, policy, prerequisites
from workflow.definition import EvidenceField, PrerequisiteKind, Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import Body, Case, Person, Prerequisite, Team
from workflow.prerequisites import PrerequisiteRow
from workflow.queries import parts
from workflow.queries.bodies import status_of
from workflow.queries.parts import AnswerView, Due, Happened, StateView


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """A case that cannot go on without this prerequisite."""

    id: UUID
    number: str
    service: Text
    state: StateView


@dataclass(frozen=True, slots=True)
class PrerequisitePage:
    """A prerequisite as this actor may see it. `may_…` say what the engine would let the actor do now."""

    id: UUID
    version: int
    title: Text
    help: Text | None
    scope: Text | str | None
    scoped_by: Text | None
    body: str
    body_name: str
    team_title: str
    owner: Text
    owner_role: str
    in_charge: Text
    """Who acts: the owner, or the role it falls to while nobody holds it."""
    falls: bool
    people: tuple[str, ...]
    holder: str | None
    mine: bool
    """The actor has accepted it."""
    status: str
    asked_on: dt.date | None
    due: Due | None
    done_on: dt.date | None
    valid_until: Due | None
    fields: Mapping[str, EvidenceField]
    valid_until_field: str | None
    """The field that says until when it is valid."""
    prefilled: Mapping[str, str | bool | dt.date]
    """What was given last, as it goes back into a form."""
    answers: tuple[AnswerView, ...]
    earlier: tuple[AnswerView, ...]
    may_accept: bool
    may_complete: bool
    for_the_body: bool
    """The actor would record it as the body's team."""
    waiting: tuple[WaitingCase, ...]
    history: tuple[Happened, ...]


def prerequisite(work: Work, prerequisite_id: UUID) -> PrerequisitePage:
    """One prerequisite. Raises NotFound when it is not there or not for this actor."""
    found = work.session.execute(
        sa.select(*_COLUMNS, Body.display_name, Team.title, Person.name)
        .join(Body, Body.ars == Prerequisite.body)
        .join(Team, Team.key == Prerequisite.team)
        .outerjoin(Person, Person.id == Prerequisite.holder_id)
        .where(Prerequisite.id == prerequisite_id, policy.prerequisites(work.actor))
    ).first()
    if found is None:
        raise NotFound(what="prerequisite")
    row = PrerequisiteRow(*found[: len(_COLUMNS)])
    body_name, team_title, holder = found[len(_COLUMNS) :]
    kind = work.catalogue.shared.prerequisites.get(row.kind)
    asked: Mapping[str, EvidenceField] = kind.evidence if kind else {}
    given = parts.answers(work, "prerequisite", [row.id], asked).get(row.id, ())
    status = status_of(row.status, row.valid_until, work.today)
    holders = casework.holders(work, row)
    standing = policy.standing(work.actor, row.owner, row, lambda: holders)
    history = parts.history(work, row.id, subject="prerequisite", names=True)
    in_charge, people = policy.in_charge(row.owner, row, holders)
    with_colleague = prerequisites.is_with_colleague(work, row, holders)
    return PrerequisitePage(
        id=row.id,
        version=row.version,
        title=parts.prerequisite_title(work.catalogue, row.kind),
        help=kind.help if kind else None,
        scope=parts.scope_title(work.catalogue, row.scope),
        scoped_by=kind.scoped_by if kind else None,
        body=row.body,
        body_name=body_name,
        team_title=team_title,
        owner=parts.role_title(work.catalogue, row.owner),
        owner_role=row.owner,
        in_charge=parts.role_title(work.catalogue, in_charge),
        falls=in_charge != row.owner,
        people=_names(work, people),
        holder=holder,
        mine=row.holder_id is not None and row.holder_id == work.actor.id,
        status=status,
        asked_on=work.catalogue.calendar.today(history[-1].at) if history else None,
        due=parts.due(work, row.due_on) if status != "done" else None,
        done_on=row.done_on,
        valid_until=parts.due(work, row.valid_until),
        fields=asked,
        valid_until_field=kind.valid_until if kind else None,
        prefilled=_prefilled(work, row.id),
        answers=tuple(answer for answer in given if answer.latest),
        earlier=tuple(answer for answer in given if not answer.latest),
        may_accept=standing is not None and row.status in ("ready", "expired"),
        may_complete=standing is not None and kind is not None and not with_colleague,
        for_the_body=standing is not None and standing.for_the_body,
        waiting=_waiting(work, row, kind),
        history=history,
    )


def _prefilled(work: Work, prerequisite_id: UUID) -> dict[str, str | bool | dt.date]:
    kept = casework.earlier_answers(work, "prerequisite", prerequisite_id)
    return {
        name: _plain(answer.value) if isinstance(answer.value, float) else answer.value
        for name, answer in kept.items()
        if answer.value is not None
    }


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() else str(value)


def _names(work: Work, people: tuple[UUID, ...]) -> tuple[str, ...]:
    rows = work.session.execute(sa.select(Person.name).where(Person.id.in_(people)).order_by(Person.name)).scalars()
    return tuple(name for name in rows if name)


def _waiting(work: Work, row: PrerequisiteRow, kind: PrerequisiteKind | None) -> tuple[WaitingCase, ...]:
    """Cases of the body that need it and are not in use yet, as far as the actor sees them."""
    rows = work.session.execute(
        sa.select(Case.id, Case.number, Case.service, Case.variant, Case.process, Case.process_version, Case.state)
        .where(
            policy.cases(work.actor),
            Case.body == row.body,
            Case.ended_on.is_(None),
            Case.live_on.is_(None),
            Case.variant.is_not(None),
        )
        .order_by(Case.number)
    ).all()
    if kind is None:
        return ()
    return tuple(
        WaitingCase(
            case.id,
            case.number,
            parts.service_title(work.catalogue, case.service),
            parts.state(work.catalogue, case.process, case.process_version, case.state),
        )
        for case in rows
        if any(
            (need.kind, need.scope) == (row.kind, row.scope)
            for need in work.catalogue.needed(case.service, case.variant)
        )
    )


_COLUMNS: tuple[Any, ...] = tuple(getattr(Prerequisite, column.name) for column in fields(PrerequisiteRow))
