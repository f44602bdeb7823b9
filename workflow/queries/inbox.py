"""What waits for a person today: tasks, prerequisites and milestones by urgency, and what the person waits for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from workflow import policy, statements
from workflow.definition import MilestoneRequirement, Needed, Text
from workflow.engine import Work
from workflow.models import Body, Case, Milestone, Person, Prerequisite, Task
from workflow.queries import held_up, parts
from workflow.queries.parts import Due
from workflow.texts import sort_key

PAGE = 50
_QUERIES_KEPT = 256
"""For how many actors the queries of this page stay put together, which takes many times as long as asking them."""
MOST_WAITING = 6
MOST_OVERDUE = 10

Kind = Literal["task", "prerequisite", "milestone"]
Asks = Literal["do", "confirm", "decide", "renew", "plan", "reach"]
"""What is asked: to do it, to confirm what was handed in, to decide on a refusal, to renew what expired; of a
milestone: to set a date, or to reach it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits for the actor."""

    kind: Kind
    id: UUID
    asks: Asks
    title: Text
    service: Text | str | None
    """Of a task or milestone; of a prerequisite what it is for, when a body has several."""
    service_key: str | None
    body: str | None
    body_ars: str | None
    of_body: str | None
    """The body whose case it is, where that of the task only takes part in it."""
    case_id: UUID | None
    number: str | None
    due: Due | None
    held: bool
    """The actor has accepted it."""
    optional: bool
    rests: bool
    follow_up_on: dt.date | None
    """Put aside until this day."""
    instead_of: Text | None
    """It falls to the actor because nobody at the body (or operator) holds this role."""
    for_operator: bool
    """That role is the operator's."""
    on_behalf_of: str | None = None
    """It is that of somebody who is away, whom the actor stands in for."""
    in_cluster: bool = False
    delegated: bool = False
    """Of a body that gave the service away to that of the actor."""
    """It is a member's, whom the actor co-ordinates."""
    cases: int = 0
    """Of a milestone: how many cases of its service are not live yet."""
    recurring: bool = False
    """A prerequisite in form only: the body does it again and again, and no case waits for it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something cases of the actor's bodies wait for, that others have to do."""

    kind: Kind
    title: Text
    task_id: UUID | None
    prerequisite_id: UUID | None
    services: tuple[tuple[str, Text], ...]
    """Keys and titles: one for a task; for a milestone all that lack the same."""
    cases: int
    """How many of the actor's cases wait for it."""
    role: Text
    body: str | None
    since: dt.date | None
    due: Due | None


@dataclass(frozen=True, slots=True)
class Late:
    """An overdue task in one of the supervisor's teams."""

    task_id: UUID
    case_id: UUID
    number: str
    title: Text
    service: Text
    body: str
    role: Text
    """The one that really acts, where another has nobody."""
    instead_of: Text | None
    due: Due


@dataclass(frozen=True, slots=True)
class Inbox:
    """Everything the page shows. Groups hold no resting cases; those stand apart."""

    now: tuple[Item, ...]
    """Overdue, or due by the end of the next working day."""
    this_week: tuple[Item, ...]
    later: tuple[Item, ...]
    undated: tuple[Item, ...]
    put_aside: tuple[Item, ...]
    """Put aside until a day to come, the next one first; their due dates count all the same."""
    resting: tuple[Item, ...]
    total: int
    """Everything that waits, also beyond this page."""
    overdue: int
    until: dt.date
    """The last working day of the week; on a weekend of the coming one."""
    due_until: int
    """How many are due up to then, overdue ones included."""
    older: str | None
    """Where the next page begins."""
    is_first: bool
    waiting: tuple[Waiting, ...]
    waiting_total: int
    late: tuple[Late, ...]
    late_total: int
    dense: bool
    """The reader works on many cases and reads tables."""
    hour: int
    """The hour of the process in the Land, for a greeting."""
    supervises: bool
    works_on_cases: bool
    """The actor holds a role that tasks can fall to."""
    sees_cases: bool


def inbox(work: Work, *, after: str | None = None) -> Inbox:
    """What waits for the actor now, the most urgent first. `after` is where a page begins (`Inbox.older`).

    Takes the same few statements however many cases there are.
    """
    actor, calendar = work.actor, work.catalogue.calendar
    place = _place(after)
    rows, totals, others = _asked(work, place)
    shown = rows[:PAGE]
    names = _names(work, actor.stands_for)
    items = [_item(work, row, names) for row in shown]
    milestones = _milestones(work) if place is None else []
    until = last_working_day(work)
    soon = calendar.add(work.today, 1)
    everything = sorted(items + milestones, key=_by_date)
    aside = [item for item in everything if item.follow_up_on and not item.rests]
    active = [item for item in everything if not item.rests and not item.follow_up_on]
    waiting = _waiting(work, others) if others is not None else []
    late, late_total = _late(work) if place is None else ((), 0)
    return Inbox(
        now=tuple(item for item in active if item.due and item.due.on <= soon),
        this_week=tuple(item for item in active if item.due and soon < item.due.on <= until),
        later=tuple(item for item in active if item.due and item.due.on > max(soon, until)),
        undated=tuple(item for item in active if item.due is None),
        put_aside=tuple(sorted(aside, key=lambda item: item.follow_up_on or _FAR)),
        resting=tuple(item for item in everything if item.rests),
        total=totals.everything + len(milestones),
        overdue=totals.overdue + sum(1 for item in milestones if item.due and item.due.overdue),
        until=until,
        due_until=totals.due_until + sum(1 for item in milestones if item.due and item.due.on <= until),
        older=_written(shown[-1]) if len(rows) > PAGE else None,
        is_first=place is None,
        waiting=tuple(waiting[:MOST_WAITING]),
        waiting_total=len(waiting),
        late=late,
        late_total=late_total,
        dense=not actor.bodies(),
        hour=work.now.astimezone(calendar.zone).hour,
        supervises=bool(actor.teams("supervisor")),
        works_on_cases=bool(
            actor.bodies() or actor.coordinated() or actor.teams("umsetzungsteam") or actor.operators()
        ),
        sees_cases=bool(actor.bodies() or actor.teams("umsetzungsteam", "supervisor") or actor.operators())
        or actor.holds("programme_office", "auditor"),
    )


# --- what is to be done ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    aside: int
    due_on: dt.date
    id: UUID


@dataclass(frozen=True, slots=True)
class _Totals:
    everything: int = 0
    overdue: int = 0
    due_until: int = 0


_PUT_ASIDE, _RESTING = 1, 2
"""What stands behind everything else in the order."""

_FAR = dt.date(9999, 12, 31)
"""Where things without a date stand in the order."""


class _Others(NamedTuple):
    """What others have to do for the bodies of the actor, as rows."""

    tasks: Sequence[Any]
    prerequisites: Sequence[Any]
    milestones: Sequence[Any]


def _asked(work: Work, place: _Place | None) -> tuple[Sequence[Any], _Totals, _Others | None]:
    """Tasks and prerequisites that wait for the actor in one order, one more than a page; how many there are; on the
    first page of somebody of a body also what others have to do. Asked at once."""
    actor = work.actor
    values: dict[str, Any] = {"today": work.today, "until": last_working_day(work), "most": PAGE + 1}
    if place is not None:
        values |= {"aside_before": place.aside, "due_before": place.due_on, "id_before": place.id}
    queries: list[statements.Asking] = [(_to_do_of(actor, further=place is not None), values)]
    if place is None and actor.bodies():
        queries += [(one(actor), {}) for one in (_others_of, _others_prerequisites_of, _milestones_missing_for)]
    rows, *others = statements.answers(work.connection, queries, planned_once=True)
    totals = _Totals(rows[0].everything, rows[0].overdue, rows[0].due_until) if rows else _Totals()
    return rows, totals, _Others(*others) if others else None


@lru_cache(maxsize=_QUERIES_KEPT)
def _to_do_of(actor: policy.Actor, *, further: bool) -> sa.Select[*tuple[Any, ...]]:
    """The query of an actor with these rights."""
    both = sa.union_all(_tasks(actor), _prerequisites(actor)).subquery("to_do")
    order = (both.c.aside, both.c.due_on, both.c.id)
    active = sa.not_(both.c.rests)
    overdue = sa.and_(active, both.c.due_on < sa.bindparam("today"))
    due_until = sa.and_(active, both.c.due_on <= sa.bindparam("until"))
    counted = sa.select(
        both,
        sa.func.count().over().label("everything"),
        sa.func.sum(sa.case((overdue, 1), else_=0)).over().label("overdue"),
        sa.func.sum(sa.case((due_until, 1), else_=0)).over().label("due_until"),
    ).subquery("counted")
    name = sa.select(Body.display_name).where(Body.ars == counted.c.whose).scalar_subquery()
    other = sa.select(Body.display_name).where(Body.ars == counted.c.of_body).scalar_subquery()
    query = (
        sa.select(counted, name.label("display_name"), other.label("of_body_name"), parts.said_title(counted.c.id))
        .order_by(*(counted.c[column.name] for column in order))
        .limit(sa.bindparam("most", type_=sa.Integer()))
    )
    if not further:
        return query
    here = sa.tuple_(*(counted.c[column.name] for column in order))
    before = sa.tuple_(
        sa.bindparam("aside_before", type_=sa.Integer()),
        sa.bindparam("due_before", type_=sa.Date()),
        sa.bindparam("id_before", type_=sa.Uuid()),
    )
    return query.where(here > before)


def _tasks(actor: policy.Actor) -> sa.Select[*tuple[Any, ...]]:
    """What one has handed in oneself waits for somebody else."""
    return (
        sa.select(
            sa.literal("task").label("kind"),
            Task.id.label("id"),
            Task.name.label("name"),
            Task.state.label("state"),
            Task.status.label("status"),
            Task.acting.label("acting"),
            Task.holder_id.label("holder_id"),
            Task.optional.label("optional"),
            Task.body.label("body"),
            sa.case((sa.and_(Task.body == Case.delegate, Task.scope != Task.body), Case.body), else_=Task.body).label(
                "whose"
            ),
            sa.case((Task.scope == Task.body, Case.body), else_=None).label("of_body"),
            Task.service.label("service"),
            Task.team.label("team"),
            Task.operator.label("operator"),
            sa.func.coalesce(Task.due_on, _FAR).label("due_on"),
            Case.id.label("case_id"),
            Case.number.label("number"),
            Case.rests.label("rests"),
            sa.case((Task.follow_up_on > sa.bindparam("today"), Task.follow_up_on), else_=None).label("follow_up_on"),
            sa.case((Case.rests, _RESTING), (Task.follow_up_on > sa.bindparam("today"), _PUT_ASIDE), else_=0).label(
                "aside"
            ),
            Case.process.label("process"),
            Case.process_version.label("process_version"),
            _on_behalf_of(policy.tasks_to_do_by(actor)),
        )
        .join(Case, Case.id == Task.case_id)
        .where(policy.tasks_to_do(actor))
    )


def _prerequisites(actor: policy.Actor) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(
        sa.literal("prerequisite"),
        Prerequisite.id,
        Prerequisite.kind,
        Prerequisite.step,
        Prerequisite.status,
        Prerequisite.acting,
        Prerequisite.holder_id,
        sa.false(),
        Prerequisite.body,
        Prerequisite.body,
        sa.cast(sa.null(), sa.String()),
        Prerequisite.scope,
        Prerequisite.team,
        sa.null(),
        sa.func.coalesce(Prerequisite.due_on, _FAR),
        sa.cast(sa.null(), sa.Uuid()),
        sa.null(),
        sa.false(),
        sa.cast(sa.null(), sa.Date()),
        sa.literal(0),
        sa.null(),
        sa.null(),
        _on_behalf_of(policy.prerequisites_to_do_by(actor)),
    ).where(policy.prerequisites_to_do(actor))


def _on_behalf_of(to_do: Sequence[tuple[UUID | None, sa.ColumnElement[bool]]]) -> sa.ColumnElement[Any]:
    """Whose it is, of those the actor stands in for; null for what is the actor's own."""
    nobody = sa.cast(sa.null(), sa.Uuid())
    if all(person is None for person, _ in to_do):
        return nobody.label("on_behalf_of")
    whose = [(clause, nobody if person is None else sa.literal(person, sa.Uuid())) for person, clause in to_do]
    return sa.case(*whose, else_=nobody).label("on_behalf_of")


def _names(work: Work, people: Sequence[UUID]) -> dict[UUID, str]:
    """Names of those the actor stands in for."""
    if not people:
        return {}
    rows = work.session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(people)))
    return {person_id: name for person_id, name in rows if name}


def _item(work: Work, row: Any, names: Mapping[UUID, str]) -> Item:
    catalogue, actor = work.catalogue, work.actor
    of = _Concerned(row)
    direct = row.holder_id == actor.id or policy.allows(actor, (row.acting,), of)
    in_cluster = not direct and policy.coordinates(actor, row.acting, of) is not None
    if row.kind == "task":
        title = parts.task_title(catalogue, row)
        service: Text | str | None = parts.service_title(catalogue, row.service)
        asks: Asks = "confirm" if row.status == "submitted" else "decide" if row.status == "declined" else "do"
    else:
        step = parts.step_title(catalogue, row.name, row.state)
        title = step or parts.prerequisite_title(catalogue, row.name)
        service = parts.scope_title(catalogue, row.service)
        asks = _ASKS.get(row.status, "do")
    return Item(
        kind=row.kind,
        id=row.id,
        asks=asks,
        title=title,
        service=service,
        service_key=row.service or None,
        body=row.display_name,
        body_ars=row.whose,
        of_body=row.of_body_name,
        case_id=row.case_id,
        number=row.number,
        due=parts.due(work, row.due_on if row.due_on != _FAR else None),
        held=row.status == "accepted" and row.holder_id in (actor.id, *actor.stands_for),
        optional=row.optional,
        rests=row.rests,
        follow_up_on=row.follow_up_on,
        in_cluster=in_cluster,
        delegated=row.whose != row.body,
        instead_of=None if direct or in_cluster else parts.role_title(catalogue, row.acting),
        for_operator=not direct and row.acting == "rollout_team",
        on_behalf_of=names.get(row.on_behalf_of),
        recurring=row.kind == "prerequisite" and catalogue.is_recurring(row.name),
    )


_ASKS: dict[str, Asks] = {"expired": "renew", "submitted": "confirm", "declined": "decide"}
"""What a prerequisite asks for, where it is not to be done."""


class _Concerned:
    """What a right depends on, taken from a row of this page."""

    __slots__ = ("body", "operator", "service", "team")

    def __init__(self, row: Any) -> None:
        self.body: str = row.body
        self.operator: str | None = row.operator
        self.service: str = row.service if row.kind == "task" else ""
        self.team: str = row.team


def _milestones(work: Work) -> list[Item]:
    """The Land's own work, for the programme office: milestones that are not reached."""
    if not work.actor.holds("programme_office"):
        return []
    not_live = sa.select(sa.func.count()).where(
        policy.cases(work.actor), Case.service == Milestone.service, Case.ended_on.is_(None), Case.live_on.is_(None)
    )
    rows = work.session.execute(
        sa.select(
            Milestone.id, Milestone.service, Milestone.kind, Milestone.due_on, not_live.scalar_subquery().label("cases")
        ).where(Milestone.reached_on.is_(None))
    )
    shared = work.catalogue.shared.milestones
    return [
        Item(
            kind="milestone",
            id=row.id,
            asks="reach" if row.due_on else "plan",
            title=shared[row.kind].title if row.kind in shared else Text(de=row.kind, en=row.kind),
            service=parts.service_title(work.catalogue, row.service),
            service_key=row.service,
            body=None,
            body_ars=None,
            of_body=None,
            case_id=None,
            number=None,
            due=parts.due(work, row.due_on),
            held=False,
            optional=False,
            rests=False,
            follow_up_on=None,
            instead_of=None,
            for_operator=False,
            cases=row.cases,
        )
        for row in rows
    ]


def _by_date(item: Item) -> tuple[bool, dt.date, int, str]:
    """Of what has no date, the one that holds up most cases first."""
    return (item.rests, item.due.on if item.due else _FAR, -item.cases, str(item.id))


def last_working_day(work: Work) -> dt.date:
    """The last working day of this week; of the coming one when none is left."""
    calendar, today = work.catalogue.calendar, work.today
    first = today if calendar.is_working_day(today) else calendar.add(today, 1)
    sunday = first + dt.timedelta(days=6 - first.weekday())
    return max(first, calendar.add(sunday, -1) if not calendar.is_working_day(sunday) else sunday)


# --- what others have to do ------------------------------------------------------------------------------------------


def _waiting(work: Work, others: _Others) -> list[Waiting]:
    """What the cases of the actor's bodies wait for, that is somebody else's to do: what has waited longest first."""
    found = [
        *_tasks_of_others(work, others.tasks),
        *_prerequisites_of_others(work, others.prerequisites),
        *_missing_milestones(work, others.milestones),
    ]
    return sorted(found, key=lambda entry: (entry.since or work.today, sort_key(entry.title.de)))


def _tasks_of_others(work: Work, rows: Sequence[Any]) -> list[Waiting]:
    """Tasks of cases of the actor's bodies that do not wait for the actor: a colleague's, or somebody's elsewhere."""
    catalogue = work.catalogue
    return [
        Waiting(
            kind="task",
            title=parts.task_title(catalogue, row),
            task_id=row.id,
            prerequisite_id=None,
            services=((row.service, parts.service_title(catalogue, row.service)),),
            cases=1,
            role=parts.role_title(catalogue, row.acting),
            body=row.display_name if row.acting.startswith("body.") else None,
            since=row.counted_from,
            due=parts.due(work, row.due_on),
        )
        for row in rows
    ]


@lru_cache(maxsize=_QUERIES_KEPT)
def _others_of(actor: policy.Actor) -> sa.Select[*tuple[Any, ...]]:
    """The query of an actor with these rights, likewise."""
    handed_in = policy.handed_in_by(actor)
    return (
        sa.select(
            Task.id,
            parts.said_title(Task.id),
            Task.name,
            Task.state,
            Task.acting,
            Task.counted_from,
            Task.due_on,
            Task.service,
            Task.team,
            Case.process,
            Case.process_version,
            Body.display_name,
        )
        .join(Case, Case.id == Task.case_id)
        .join(Body, Body.ars == Task.body)
        .where(
            policy.cases(actor),
            policy.one_of(Task.body, actor.bodies()),
            Task.acting.is_not(None),
            sa.not_(Task.optional),
            sa.not_(Case.rests),
            sa.or_(sa.not_(policy.tasks_to_do(actor)), handed_in),
        )
        .order_by(Task.counted_from, Task.id)
        .limit(200)
    )


def _prerequisites_of_others(work: Work, rows: Sequence[Any]) -> list[Waiting]:
    """What the actor's bodies have to bring and a colleague or the team is to act on, where cases wait for it."""
    catalogue = work.catalogue
    if not rows:
        return []
    waiting = {row.body: held_up.of_body(work, row.body) for row in rows}
    return [
        Waiting(
            kind="prerequisite",
            title=parts.prerequisite_title(catalogue, row.kind),
            task_id=None,
            prerequisite_id=row.id,
            services=(),
            cases=cases,
            role=parts.role_title(catalogue, row.acting),
            body=row.display_name,
            since=row.counted_from,
            due=parts.due(work, row.due_on),
        )
        for row in rows
        if (cases := waiting[row.body].get(Needed(row.kind, row.scope), 0))
    ]


@lru_cache(maxsize=_QUERIES_KEPT)
def _others_prerequisites_of(actor: policy.Actor) -> sa.Select[*tuple[Any, ...]]:
    """The query of an actor with these rights, likewise."""
    to_do = sa.and_(policy.prerequisites_to_do(actor), sa.not_(policy.proof_handed_in_by(actor)))
    return (
        sa.select(
            Prerequisite.id,
            Prerequisite.kind,
            Prerequisite.scope,
            Prerequisite.acting,
            Prerequisite.counted_from,
            Prerequisite.due_on,
            Prerequisite.body,
            Body.display_name,
        )
        .join(Body, Body.ars == Prerequisite.body)
        .where(
            policy.one_of(Prerequisite.body, actor.bodies()),
            Prerequisite.acting.is_not(None),
            sa.not_(to_do),
        )
        .order_by(Prerequisite.counted_from, Prerequisite.id)
        .limit(50)
    )


def _missing_milestones(work: Work, rows: Sequence[Any]) -> list[Waiting]:
    """Milestones not reached that the next step of one of these bodies' cases demands."""
    catalogue = work.catalogue
    kinds: dict[str, list[Any]] = {}
    for row in rows:
        if _demands(work, row):
            kinds.setdefault(row.kind, []).append(row)
    found: list[Waiting] = []
    for kind, waiting in kinds.items():
        shared = catalogue.shared.milestones.get(kind)
        services = dict.fromkeys(row.service for row in waiting)
        dates = [row.due_on for row in waiting]
        found.append(
            Waiting(
                kind="milestone",
                title=shared.title if shared else Text(de=kind, en=kind),
                task_id=None,
                prerequisite_id=None,
                services=tuple((key, parts.service_title(catalogue, key)) for key in services),
                cases=len(waiting),
                role=parts.role_title(catalogue, "programme_office"),
                body=None,
                since=waiting[0].entered_on,
                due=parts.due(work, max(dates)) if all(dates) else None,
            )
        )
    return found


@lru_cache(maxsize=_QUERIES_KEPT)
def _milestones_missing_for(actor: policy.Actor) -> sa.Select[*tuple[Any, ...]]:
    """The query of an actor with these rights, likewise."""
    return (
        sa.select(
            Milestone.kind,
            Milestone.service,
            Milestone.due_on,
            Case.process,
            Case.process_version,
            Case.state,
            Case.entered_on,
        )
        .join(Case, Case.service == Milestone.service)
        .where(
            policy.cases(actor),
            sa.or_(policy.one_of(Case.body, actor.bodies()), policy.one_of(Case.delegate, actor.bodies())),
            Case.ended_on.is_(None),
            Milestone.reached_on.is_(None),
        )
        .order_by(Case.entered_on, Case.number)
        .limit(500)
    )


def _demands(work: Work, row: Any) -> bool:
    """Whether a transition from the case's state demands this milestone."""
    process = work.catalogue.process(row.process, row.process_version)
    return any(
        isinstance(requirement, MilestoneRequirement) and requirement.milestone == row.kind
        for transition in process.transitions.values()
        if row.state in transition.from_
        for requirement in transition.requires
    )


def _late(work: Work) -> tuple[tuple[Late, ...], int]:
    """For a supervisor: the overdue tasks of the team, the longest overdue first; and how many there are."""
    teams = work.actor.teams("supervisor")
    if not teams:
        return (), 0
    rows = work.session.execute(
        sa.select(
            Task.id,
            parts.said_title(Task.id),
            Task.name,
            Task.state,
            Task.acting,
            Task.body,
            Task.service,
            Task.team,
            Task.operator,
            Task.due_on,
            Case.id.label("case_id"),
            Case.number,
            Case.process,
            Case.process_version,
            Body.display_name,
            sa.func.count().over().label("everything"),
        )
        .join(Case, Case.id == Task.case_id)
        .join(Body, Body.ars == Task.body)
        .where(
            policy.cases(work.actor),
            Task.team.in_(teams),
            Task.acting.is_not(None),
            Task.due_on < work.today,
            sa.not_(Case.rests),
        )
        .order_by(Task.due_on, Task.id)
        .limit(MOST_OVERDUE)
    ).all()
    late: list[Late] = []
    for row, acts in zip(rows, parts.acting(work, rows), strict=True):
        due = parts.due(work, row.due_on)
        if due is not None:
            late.append(
                Late(
                    task_id=row.id,
                    case_id=row.case_id,
                    number=row.number,
                    title=parts.task_title(work.catalogue, row),
                    service=parts.service_title(work.catalogue, row.service),
                    body=row.display_name,
                    role=acts.role,
                    instead_of=acts.instead_of,
                    due=due,
                )
            )
    return tuple(late), rows[0].everything if rows else 0


# --- leafing through -------------------------------------------------------------------------------------------------


def _written(row: Any) -> str:
    return f"{row.aside}.{row.due_on:%Y%m%d}.{row.id.hex}"


def _place(after: str | None) -> _Place | None:
    """The place a page begins at; one that makes no sense is the beginning."""
    try:
        aside, due_on, item = (after or "").split(".")
        return _Place(int(aside) % (_RESTING + 1), dt.datetime.strptime(due_on, "%Y%m%d").date(), UUID(item))  # noqa: DTZ007 - a day
    except ValueError:
        return None
