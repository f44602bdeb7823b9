"""What waits for the roles a person holds: what nobody has accepted yet, and what is with whom."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import policy
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Body, Case, Event, Person, Prerequisite, Task
from workflow.queries import parts
from workflow.queries.parts import Due

PAGE = 50
_FAR = dt.date(9999, 12, 31)
_TAKING = ("accepted", "assigned", "handed_on", "taken_back", "returned", "reopened", "sent_back")
"""Entries after which a task is with somebody."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing in the queue."""

    kind: Literal["task", "prerequisite"]
    id: UUID
    version: int
    title: Text
    service: Text | str | None
    status: str
    due: Due | None
    rests: bool
    optional: bool
    recurring: bool
    holder: str | None
    """Who has accepted it."""
    since: dt.date | None
    """The day it came to whoever has it."""
    may_accept: bool


@dataclass(frozen=True, slots=True)
class Group:
    """What one role has to do for one body."""

    role: Text
    body: str
    ars: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class RoleCount:
    """How much waits for a role."""

    role: str
    title: Text
    count: int


@dataclass(frozen=True, slots=True)
class Queue:
    """A page of it: the roles in the order of their names, in each the bodies by their key, in each by due date."""

    groups: tuple[Group, ...]
    role: str | None
    taken: bool
    """What somebody has accepted, instead of what is free."""
    roles: tuple[RoleCount, ...]
    free_total: int
    taken_total: int
    total: int
    overdue: int
    """Of what is shown, on all its pages."""
    takes: bool
    """The actor can take something of this page."""
    older: str | None
    is_first: bool


@dataclass(frozen=True, slots=True)
class _Place:
    acting: str
    body: str
    rests: bool
    due_on: dt.date
    id: UUID


def queue(work: Work, *, role: str | None = None, taken: bool = False, after: str | None = None) -> Queue:
    """What waits for the roles the actor holds and nobody has accepted; `taken`: what is with somebody.

    A supervisor sees the whole team's. `role` narrows it to one, `after` is where a page begins (`Queue.older`). Takes
    the same few statements however much there is.
    """
    tallies = _tallies(work)
    here = [row for row in tallies if bool(row.taken) == taken]
    role = role if role in {row.acting for row in here} else None
    shown = [row for row in here if role in (None, row.acting)]
    place = _place(after)
    rows = _rows(work, role, place, taken=taken) if shown else []
    page = rows[:PAGE]
    since = _since(work, page) if taken else {}
    groups = tuple(_groups(work, page, since))
    return Queue(
        groups=groups,
        role=role,
        taken=taken,
        roles=tuple(
            RoleCount(row.acting, parts.role_title(work.catalogue, row.acting), row.count)
            for row in sorted(here, key=lambda row: str(row.acting))
        ),
        free_total=sum(row.count for row in tallies if not row.taken),
        taken_total=sum(row.count for row in tallies if row.taken),
        total=sum(row.count for row in shown),
        overdue=sum(row.overdue for row in shown),
        takes=any(line.may_accept for group in groups for line in group.lines),
        older=_written(page[-1]) if len(rows) > PAGE else None,
        is_first=place is None,
    )


def _tallies(work: Work) -> Sequence[Any]:
    """How much there is, for each role, free and taken apart."""
    both = sa.union_all(
        *(query for taken in (False, True) for query in (_tasks(work.actor, taken), _prerequisites(work.actor, taken)))
    ).subquery("waiting")
    overdue = sa.and_(both.c.due_on < work.today, sa.not_(both.c.rests))
    return work.session.execute(
        sa.select(
            both.c.acting,
            both.c.taken,
            sa.func.count().label("count"),
            sa.func.sum(sa.case((overdue, 1), else_=0)).label("overdue"),
        ).group_by(both.c.acting, both.c.taken)
    ).all()


def _rows(work: Work, role: str | None, place: _Place | None, *, taken: bool) -> Sequence[Any]:
    """One more than a page."""
    both = sa.union_all(_tasks(work.actor, taken), _prerequisites(work.actor, taken)).subquery("waiting")
    order = (both.c.acting, both.c.body, both.c.rests, both.c.due_on, both.c.id)
    name = sa.select(Body.display_name).where(Body.ars == both.c.body).scalar_subquery()
    holder = sa.select(Person.name).where(Person.id == both.c.holder_id).scalar_subquery()
    query = (
        sa.select(both, name.label("display_name"), holder.label("holder"), parts.said_title(both.c.id))
        .order_by(*order)
        .limit(PAGE + 1)
    )
    if role is not None:
        query = query.where(both.c.acting == role)
    if place is not None:
        before = sa.tuple_(
            sa.literal(place.acting),
            sa.literal(place.body),
            sa.literal(place.rests, sa.Boolean()),
            sa.literal(place.due_on, sa.Date()),
            sa.literal(place.id, sa.Uuid()),
        )
        query = query.where(sa.tuple_(*order) > before)
    return work.session.execute(query).all()


def _tasks(actor: policy.Actor, taken: bool) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            sa.literal("task").label("kind"),
            sa.literal(taken).label("taken"),
            Task.id.label("id"),
            Task.version.label("version"),
            Task.name.label("name"),
            Task.state.label("state"),
            Task.status.label("status"),
            Task.optional.label("optional"),
            Task.acting.label("acting"),
            Task.body.label("body"),
            Task.service.label("service"),
            Task.holder_id.label("holder_id"),
            sa.case((policy.tasks_to_do(actor), 1), else_=0).label("own"),
            sa.func.coalesce(Task.due_on, _FAR).label("due_on"),
            Case.id.label("case_id"),
            Case.rests.label("rests"),
            Case.process.label("process"),
            Case.process_version.label("process_version"),
        )
        .join(Case, Case.id == Task.case_id)
        .where(policy.tasks_taken(actor) if taken else policy.tasks_free(actor))
    )


def _prerequisites(actor: policy.Actor, taken: bool) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(
        sa.literal("prerequisite"),
        sa.literal(taken),
        Prerequisite.id,
        Prerequisite.version,
        Prerequisite.kind,
        Prerequisite.step,
        Prerequisite.status,
        sa.false(),
        Prerequisite.acting,
        Prerequisite.body,
        Prerequisite.scope,
        Prerequisite.holder_id,
        sa.case((policy.prerequisites_to_do(actor), 1), else_=0),
        sa.func.coalesce(Prerequisite.due_on, _FAR),
        sa.cast(sa.null(), sa.Uuid()),
        sa.false(),
        sa.null(),
        sa.null(),
    ).where(policy.prerequisites_taken(actor) if taken else policy.prerequisites_free(actor))


def _groups(work: Work, rows: Sequence[Any], since: dict[UUID, dt.date]) -> list[Group]:
    return [
        Group(
            role=parts.role_title(work.catalogue, acting),
            body=lines[0].display_name,
            ars=ars,
            lines=tuple(_line(work, row, since.get(row.id)) for row in lines),
        )
        for (acting, ars), found in groupby(rows, key=lambda row: (row.acting, row.body))
        if (lines := list(found))
    ]


def _line(work: Work, row: Any, since: dt.date | None) -> Line:
    catalogue = work.catalogue
    of_case = row.kind == "task"
    step = None if of_case else parts.step_title(catalogue, row.name, row.state)
    return Line(
        kind=row.kind,
        id=row.id,
        version=row.version,
        title=parts.task_title(catalogue, row) if of_case else step or parts.prerequisite_title(catalogue, row.name),
        service=parts.service_title(catalogue, row.service) if of_case else parts.scope_title(catalogue, row.service),
        status=row.status,
        due=parts.due(work, row.due_on if row.due_on != _FAR else None),
        rests=row.rests,
        optional=row.optional,
        recurring=not of_case and catalogue.is_recurring(row.name),
        holder=row.holder if row.status == "accepted" else None,
        since=since,
        may_accept=bool(row.own) and row.status in ("ready", "expired"),
    )


def _since(work: Work, rows: Sequence[Any]) -> dict[UUID, dt.date]:
    """The day on which each came to whoever has it, out of the history."""
    wanted = {row.id.hex: row.id for row in rows}
    chains = {row.case_id or row.id for row in rows}
    entries = work.session.execute(
        sa.select(Event.chain, Event.chain_id, Event.at, Event.content)
        .where(Event.chain_id.in_(chains), Event.act.in_(_TAKING))
        .order_by(Event.at)
    )
    found: dict[UUID, dt.date] = {}
    for chain, chain_id, at, content in entries:
        about = json.loads(content).get("task", "") if chain == "case" else chain_id.hex
        if about in wanted:
            found[wanted[about]] = work.catalogue.calendar.today(at)
    return found


# --- leafing through -------------------------------------------------------------------------------------------------


def _written(row: Any) -> str:
    return f"{row.acting}~{row.body}~{int(row.rests)}~{row.due_on:%Y%m%d}~{row.id.hex}"


def _place(after: str | None) -> _Place | None:
    """The place a page begins at; one that makes no sense is the beginning."""
    try:
        acting, body, rests, due_on, item = (after or "").replace("\0", "").split("~")
        return _Place(acting, body, rests == "1", dt.datetime.strptime(due_on, "%Y%m%d").date(), UUID(item))  # noqa: DTZ007 - a day
    except ValueError:
        return None
