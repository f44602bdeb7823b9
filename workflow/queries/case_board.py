"""The board: the same cases as the list, by where they stand on their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from workflow import policy
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Case
from workflow.queries import case_list, case_order, parts
from workflow.queries.case_list import EVERYTHING, CaseLine, CaseList, Filters
from workflow.queries.case_order import Sort
from workflow.queries.parts import StateView

MOST = 10
"""Cards in a column; the list has them all."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The step to the next state: its name and title."""

    name: str
    title: Text


@dataclass(frozen=True, slots=True)
class Card:
    """A case on the board, and what takes it further, where the actor may."""

    line: CaseLine
    forward: Forward | None


@dataclass(frozen=True, slots=True)
class Column:
    """A state of the main road."""

    state: StateView
    cards: tuple[Card, ...]
    """What is due first; what rests comes last."""
    cases: int
    """All that stand there."""


@dataclass(frozen=True, slots=True)
class Board:
    """The main road side by side."""

    found: CaseList
    """The same cases as a list, with what stands around it; without a line."""
    columns: tuple[Column, ...]


def board(work: Work, filters: Filters = EVERYTHING) -> Board:
    """The cases of the list under these filters, in columns. Takes the same number of statements however many."""
    found, wanted = case_list.around(work, filters)
    road = [state for state in parts.states(work.catalogue) if not state.aside]
    order = case_order.keys(work, Sort("due"))
    first = _first(order, wanted, [state.key for state in road]).subquery("page")
    rows = case_list.told(work, first, [], [first.c.at, *case_order.terms(order, first.c)])
    cards: dict[str, list[Card]] = {}
    for row, line in zip(rows, case_list.lines(work, rows), strict=True):
        cards.setdefault(line.state.key, []).append(Card(line, _forward(work, row)))
    counted = {count.state.key: count for count in found.states}
    return Board(
        found,
        tuple(
            Column(
                state,
                tuple(cards.get(state.key, ())),
                counted[state.key].cases if state.key in counted else 0,
            )
            for state in road
            if found.filters.state in (None, state.key)
        ),
    )


def _first(
    order: Sequence[case_order.Key], wanted: Sequence[sa.ColumnElement[bool]], states: Sequence[str]
) -> sa.CompoundSelect[*tuple[Any, ...]]:
    """The first cases of each state: to find these, no database has to put all the others in order."""
    each = case_order.each(order, [*wanted, Case.state.in_(states)], Case.state.label("at"), once=True)
    of_states = (sa.select(each).where(each.c.at == state) for state in states)
    found = (one.order_by(*case_order.terms(order, each.c)).limit(MOST).subquery() for one in of_states)
    return sa.union_all(*(sa.select(one) for one in found))


def _forward(work: Work, row: Any) -> Forward | None:
    """The first step people take that leads forward on the main road; whether it can be taken now, its page tells."""
    process = work.catalogue.process(row.process, row.process_version)
    for name, move in work.catalogue.machine(row.process, row.process_version).moves_from(row.state).items():
        by = move.transition.by
        if not move.transition.back and not process.states[move.target].aside and set(by) != {"system"}:
            return Forward(name, move.transition.title) if policy.allows(work.actor, by, row) else None
    return None
