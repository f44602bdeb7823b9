"""How much is open where: per team and role, and how much each body is asked at once. Never per person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import sqlalchemy as sa

from workflow import database, policy
from workflow.definition import Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import Body, Case, Prerequisite, Task
from workflow.queries import parts, standing
from workflow.queries.parts import Due
from workflow.queries.standing import Standing
from workflow.texts import sort_key, title

PAGE = 50
AHEAD = dt.timedelta(days=28)
MUCH = 4
"""Services in one week from which on a body is said to be asked much at once."""

When = Literal["overdue", "week", "ahead"]
Side = Literal["team", "bodies", "others"]
Sort = Literal["week", "ahead", "overdue", "open", "services", "name"]
WHENS: tuple[When, ...] = ("overdue", "week", "ahead")
SIDES: tuple[Side, ...] = ("team", "bodies", "others")
SORTS: tuple[Sort, ...] = ("week", "ahead", "overdue", "open", "services", "name")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which open demands are meant: tasks and prerequisites somebody is to act on, of cases that do not rest."""

    team: str | None = None
    role: str | None = None
    side: Side | None = None
    body: str | None = None
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Open demands: all, those overdue, those due until the end of this week, and within four weeks."""

    open: int = 0
    overdue: int = 0
    week: int = 0
    ahead: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.open + other.open,
            self.overdue + other.overdue,
            self.week + other.week,
            self.ahead + other.ahead,
        )


@dataclass(frozen=True, slots=True)
class RoleLoad:
    """What a role is to do in a team's cases."""

    role: str
    title: Text
    side: Side
    counts: Counts


@dataclass(frozen=True)
class TeamLoad:
    """What is open in a team's cases, by role, and how its cases stand."""

    key: str
    title: str
    roles: tuple[RoleLoad, ...]
    standing: Standing

    @cached_property
    def counts(self) -> Counts:
        """Of all roles together."""
        return sum((one.counts for one in self.roles), Counts())

    def of(self, side: Side) -> Counts:
        """Of the roles on one side."""
        return sum((one.counts for one in self.roles if one.side == side), Counts())


@dataclass(frozen=True, slots=True)
class LoadPage:
    """The load of every team the actor sees."""

    teams: tuple[TeamLoad, ...]
    today: dt.date
    week_ends: dt.date


@dataclass(frozen=True, slots=True)
class BodyLoad:
    """What a body is asked: how much, by when, and by how many services in this week."""

    ars: str
    name: str
    population: int | None
    counts: Counts
    services: int

    @property
    def much(self) -> bool:
        """More than a small house can do."""
        return self.services >= MUCH


@dataclass(frozen=True, slots=True)
class BurdenPage:
    """The bodies that are asked something, sorted."""

    lines: tuple[BodyLoad, ...]
    sort: Sort
    total: int
    much: int
    """Bodies that are asked much at once."""
    page: int
    pages: int
    week_ends: dt.date


@dataclass(frozen=True, slots=True)
class Demand:
    """One open demand."""

    kind: Literal["task", "prerequisite"]
    id: Any
    title: Text
    service: Text | str | None
    body: str
    ars: str
    role: Text
    instead_of: Text | None
    due: Due | None


@dataclass(frozen=True, slots=True)
class DemandPage:
    """A page of open demands, what is due first in front."""

    filters: Filters
    team: str | None
    """Titles of what is filtered for."""
    role: Text | None
    body: str | None
    lines: tuple[Demand, ...]
    total: int
    page: int
    pages: int


def load(work: Work) -> LoadPage:
    """What is open per team and role. Takes three statements however much that is. Raises NotFound for whoever is of
    no team and does not see every case."""
    _insist_sees_load(work)
    all_of_it = _demands(work)
    rows = work.session.execute(
        sa.select(all_of_it.c.team, all_of_it.c.acting, *_counts(work, all_of_it)).group_by(
            all_of_it.c.team, all_of_it.c.acting
        )
    ).all()
    counted: dict[str, list[standing.Counted]] = {}
    for one in standing.count(work, Case.team, where=policy.cases(work.actor)):
        counted.setdefault(one.key[0], []).append(one)
    titles = parts.team_titles(work)
    keys = {row.team for row in rows} | counted.keys()
    teams = tuple(
        TeamLoad(
            key=key,
            title=titles.get(key, key),
            roles=_roles(work, [row for row in rows if row.team == key]),
            standing=standing.standing(work, counted.get(key, ())),
        )
        for key in sorted(keys, key=lambda key: sort_key(titles.get(key) or key))
    )
    return LoadPage(teams, work.today, _week_ends(work.today))


def burden(work: Work, *, sort: str = "week", page: int = 1) -> BurdenPage:
    """What each body is asked. Takes two statements. Raises NotFound like `load`."""
    _insist_sees_load(work)
    all_of_it = _demands(work)
    week = _is(work, all_of_it, "week")
    services = sa.func.count(sa.distinct(sa.case((week, all_of_it.c.asked_by)))).label("services")
    each = (
        sa.select(all_of_it.c.body, *_counts(work, all_of_it), services)
        .where(_is_side("bodies", all_of_it.c.acting))
        .group_by(all_of_it.c.body)
        .subquery("each")
    )
    name = (database.plainly_sorted(work.session, Body.sort_key), Body.ars)
    chosen: Sort = next((one for one in SORTS if one == sort), "week")
    order: Sequence[Any] = name
    if chosen != "name":
        order = (each.c[chosen].desc(), *(each.c[one].desc() for one in ("week", "ahead", "overdue")), *name)
    rows = work.session.execute(
        sa.select(
            Body.ars,
            Body.display_name,
            Body.population,
            each,
            sa.func.count().over().label("everybody"),
            sa.func.sum(sa.case((each.c.services >= MUCH, 1), else_=0)).over().label("much"),
        )
        .join(each, each.c.body == Body.ars)
        .order_by(*order)
        .limit(PAGE)
        .offset((_page(page) - 1) * PAGE)
    ).all()
    total = rows[0].everybody if rows else 0
    return BurdenPage(
        lines=tuple(BodyLoad(row.ars, row.display_name, row.population, _counts_of(row), row.services) for row in rows),
        sort=chosen,
        total=total,
        much=rows[0].much if rows else 0,
        page=_page(page),
        pages=max(1, -(-total // PAGE)),
        week_ends=_week_ends(work.today),
    )


def demands(work: Work, filters: Filters = Filters(), *, page: int = 1) -> DemandPage:
    """The open demands a number counts, due first in front. Takes the same few statements however many there are.
    Raises NotFound like `load`."""
    _insist_sees_load(work)
    everything = _demands(work)
    narrowed: list[sa.ColumnElement[bool]] = []
    if filters.team:
        narrowed.append(everything.c.team == filters.team)
    if filters.role:
        narrowed.append(everything.c.acting == filters.role)
    if filters.side:
        narrowed.append(_is_side(filters.side, everything.c.acting))
    if filters.body:
        narrowed.append(everything.c.body == filters.body)
    if filters.when:
        narrowed.append(_is(work, everything, filters.when))
    rows = work.session.execute(
        sa.select(everything, Body.display_name, parts.said_title(everything.c.id), sa.func.count().over().label("all"))
        .join(Body, Body.ars == everything.c.body)
        .where(*narrowed)
        .order_by(everything.c.due_on.is_(None), everything.c.due_on, everything.c.id)
        .limit(PAGE)
        .offset((_page(page) - 1) * PAGE)
    ).all()
    total = rows[0].all if rows else 0
    acts = parts.acting(work, rows) if rows else []
    names = parts.body_names(work, [filters.body]) if filters.body else {}
    return DemandPage(
        filters=filters,
        team=parts.team_titles(work).get(filters.team) if filters.team else None,
        role=parts.role_title(work.catalogue, filters.role) if filters.role else None,
        body=names.get(filters.body) if filters.body else None,
        lines=tuple(_demand(work, row, who) for row, who in zip(rows, acts, strict=True)),
        total=total,
        page=_page(page),
        pages=max(1, -(-total // PAGE)),
    )


# --- what is counted -------------------------------------------------------------------------------------------------


def _insist_sees_load(work: Work) -> None:
    if not policy.sees_staff(work.actor):
        raise NotFound(what="page")


def _demands(work: Work) -> sa.Subquery:
    """Tasks and prerequisites of the actor's cases and bodies somebody is to act on; what rests asks nobody."""
    of_cases = (
        sa.select(
            sa.literal("task").label("kind"),
            Task.id.label("id"),
            Task.name.label("name"),
            Task.state.label("state"),
            Task.acting.label("acting"),
            Task.body.label("body"),
            Task.service.label("service"),
            Task.service.label("asked_by"),
            Task.team.label("team"),
            Task.operator.label("operator"),
            Task.due_on.label("due_on"),
            Case.process.label("process"),
            Case.process_version.label("process_version"),
        )
        .join(Case, Case.id == Task.case_id)
        .where(Task.acting.is_not(None), ~Case.rests, policy.cases(work.actor))
    )
    of_bodies = sa.select(
        sa.literal("prerequisite"),
        Prerequisite.id,
        Prerequisite.kind,
        Prerequisite.step,
        Prerequisite.acting,
        Prerequisite.body,
        Prerequisite.scope,
        sa.null(),
        Prerequisite.team,
        sa.null(),
        Prerequisite.due_on,
        sa.null(),
        sa.null(),
    ).where(Prerequisite.acting.is_not(None), policy.prerequisites(work.actor))
    return sa.union_all(of_cases, of_bodies).subquery("demands")


def _is_side(side: Side, acting: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    of_team = acting.in_(("umsetzungsteam", "supervisor"))
    of_body = acting.startswith("body.", autoescape=True)
    if side == "team":
        return of_team
    return of_body if side == "bodies" else sa.not_(sa.or_(of_team, of_body))


def _side(role: str) -> Side:
    if role in ("umsetzungsteam", "supervisor"):
        return "team"
    return "bodies" if role.startswith("body.") else "others"


def _is(work: Work, everything: sa.Subquery, when: When) -> sa.ColumnElement[bool]:
    due_on = everything.c.due_on
    if when == "overdue":
        return due_on < work.today
    last = _week_ends(work.today) if when == "week" else work.today + AHEAD
    return sa.and_(due_on >= work.today, due_on <= last)


def _counts(work: Work, everything: sa.Subquery) -> list[sa.Label[int]]:
    return [
        sa.func.count().label("open"),
        *(sa.func.sum(sa.case((_is(work, everything, when), 1), else_=0)).label(when) for when in WHENS),
    ]


def _counts_of(row: Any) -> Counts:
    return Counts(row.open, row.overdue, row.week, row.ahead)


def _week_ends(today: dt.date) -> dt.date:
    """The Sunday of this week."""
    return today + dt.timedelta(days=6 - today.weekday())


def _roles(work: Work, rows: Iterable[Any]) -> tuple[RoleLoad, ...]:
    language = work.actor.language
    found = [
        RoleLoad(row.acting, parts.role_title(work.catalogue, row.acting), _side(row.acting), _counts_of(row))
        for row in rows
    ]
    return tuple(sorted(found, key=lambda one: (SIDES.index(one.side), sort_key(title(language, one.title)))))


def _demand(work: Work, row: Any, who: parts.Acting) -> Demand:
    catalogue = work.catalogue
    service: Text | str | None
    if row.kind == "task":
        words, service = parts.task_title(catalogue, row), parts.service_title(catalogue, row.service)
    else:
        words = parts.step_title(catalogue, row.name, row.state) or parts.prerequisite_title(catalogue, row.name)
        service = parts.scope_title(catalogue, row.service)
    return Demand(
        kind=row.kind,
        id=row.id,
        title=words,
        service=service,
        body=row.display_name,
        ars=row.body,
        role=who.role,
        instead_of=who.instead_of,
        due=parts.due(work, row.due_on),
    )


def _page(page: int) -> int:
    return max(1, min(page, 10_000))
