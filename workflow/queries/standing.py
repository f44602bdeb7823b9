"""How cases stand: by state, and how many are live, on their way, overdue, escalated or resting.

A case another goes on for is not counted beside that one.

A number says how many cases it counts and how many of them the actor may open; only where these are the same, the list
of cases shows what the number counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from workflow import policy, statements
from workflow.engine import Work
from workflow.models import Body, Case
from workflow.queries import parts
from workflow.queries.case_list import is_escalated, is_left, is_overdue
from workflow.queries.parts import StateView

_QUERIES_KEPT = 64
"""For how many actors a query stays put together."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Cases whose state the actor may know, and those of them the actor may open."""

    cases: int
    seen: int

    @property
    def opens(self) -> bool:
        """The list of cases shows exactly these."""
        return 0 < self.cases == self.seen


@dataclass(frozen=True, slots=True)
class StateTally(Tally):
    """Those in one state."""

    state: StateView


@dataclass(frozen=True, slots=True)
class Standing:
    """How some cases stand."""

    states: tuple[StateTally, ...]
    """The main road is complete, what lies aside appears where a case stands there."""
    cases: Tally
    live: Tally
    left: Tally
    """Neither live nor at an end."""
    overdue: int
    """Of those the actor may open; what of a case is late is nobody else's business. Likewise the next two."""
    escalated: int
    resting: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Cases that are alike in everything that is told of them; `key` is what they were grouped by."""

    key: tuple[Any, ...]
    process: str
    version: int
    state: str
    seen: bool
    live: bool
    left: bool
    overdue: bool
    escalated: bool
    rests: bool
    cases: int


def count(work: Work, *by: sa.SQLColumnExpression[Any], where: sa.ColumnElement[bool] | None = None) -> list[Counted]:
    """The cases whose state the actor may know, grouped by these columns of cases and their bodies; one statement."""
    query = _counting(
        work.actor,
        public=work.catalogue.programme.state_is_public,
        goals=parts.goals(work.catalogue),
        escalated=is_escalated(work.catalogue),
        by=by,
    )
    if where is None:
        rows = statements.rows(work.connection, query, {"today": work.today}, planned_once=True)
    else:
        rows = list(work.session.execute(query.where(where), {"today": work.today}))
    return [
        Counted(
            tuple(row[: len(by)]),
            row.process,
            row.process_version,
            row.state,
            seen=bool(row.seen),
            live=bool(row.live),
            left=bool(row.left),
            overdue=bool(row.overdue),
            escalated=bool(row.escalated),
            rests=bool(row.rests),
            cases=row.cases,
        )
        for row in rows
    ]


@lru_cache(maxsize=_QUERIES_KEPT)
def _counting(
    actor: policy.Actor,
    *,
    public: bool,
    goals: frozenset[str],
    escalated: sa.ColumnElement[bool],
    by: tuple[sa.SQLColumnExpression[Any], ...],
) -> sa.Select[*tuple[Any, ...]]:
    """The query of an actor with these rights, which takes longer to put together than to ask."""
    seen = policy.cases(actor)
    told: Mapping[str, sa.ColumnElement[bool]] = {
        "seen": seen,
        "live": policy.one_of(Case.state, sorted(goals)),
        "left": is_left(goals),
        "overdue": sa.and_(seen, is_overdue(sa.bindparam("today", type_=sa.Date()))),
        "escalated": sa.and_(seen, escalated),
        "rests": sa.and_(seen, Case.rests),
    }
    columns = (
        *(column.label(f"by_{position}") for position, column in enumerate(by)),
        Case.process,
        Case.process_version,
        Case.state,
        *(sa.case((holds, 1), else_=0).label(name) for name, holds in told.items()),
    )
    return (
        sa.select(*columns, sa.func.count().label("cases"))
        .join(Body, Body.ars == Case.body)
        .where(policy.case_states(actor, public=public), parts.counts())
        .group_by(*(sa.literal_column(str(position + 1)) for position in range(len(columns))))
    )


def standing(work: Work, counted: Iterable[Counted]) -> Standing:
    """How these cases stand together."""
    every = list(counted)
    views = {state.key: state for state in parts.states(work.catalogue)}
    for one in every:
        if one.state not in views:
            views[one.state] = parts.state(work.catalogue, one.process, one.version, one.state)
    by_state = {key: _tally(one for one in every if one.state == key) for key in views}
    return Standing(
        states=tuple(
            StateTally(by_state[key].cases, by_state[key].seen, view)
            for key, view in views.items()
            if not view.aside or by_state[key].cases
        ),
        cases=_tally(every),
        live=_tally(one for one in every if one.live),
        left=_tally(one for one in every if one.left),
        overdue=sum(one.cases for one in every if one.overdue),
        escalated=sum(one.cases for one in every if one.escalated),
        resting=sum(one.cases for one in every if one.rests),
    )


def live_state(work: Work) -> str | None:
    """The state one filters for to see what is live; None while there are several."""
    goals = parts.goals(work.catalogue)
    return next(iter(goals)) if len(goals) == 1 else None


def _tally(counted: Iterable[Counted]) -> Tally:
    cases = seen = 0
    for one in counted:
        cases += one.cases
        seen += one.cases if one.seen else 0
    return Tally(cases, seen)
