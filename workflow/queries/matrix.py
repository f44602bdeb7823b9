"""Bodies by services: where every one stands, in one picture."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import database, policy
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Body, Case, Team, TeamDistrict
from workflow.queries import case_list, parts
from workflow.queries.case_list import EVERYTHING, Filters, StateCount
from workflow.queries.parts import StateView
from workflow.texts import sort_key, title

MOST = 115_000
"""So many letters of markup the rows of one page may have; what is more follows on the next."""
_ROW, _CELL, _LATE = 110, 72, 15
"""What a row, a case and what is said of one that is late take of it, besides names and titles."""

Empty = Literal["not_responsible", "no_case", "unknown", "other"]
"""Why a cell has no case: the body is not responsible; it is and has none; nobody, or not this reader, knows; there is
one that is not asked for."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A case as a cell. `case` only for who sees it, and so whether it is late or rests."""

    state: StateView
    case: UUID | None
    overdue: bool
    rests: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A body; `leads`: it is the Landkreis of those that follow."""

    ars: str
    name: str
    leads: bool
    cells: tuple[Cell | Empty, ...]
    cases: int
    live: int
    overdue: int

    @property
    def unknown(self) -> bool:
        """Of some service nobody, or not this reader, knows."""
        return "unknown" in self.cells


@dataclass(frozen=True, slots=True)
class Matrix:
    """Bodies by services, narrowed as was asked."""

    filters: Filters
    """As applied."""
    services: tuple[tuple[str, Text], ...]
    """The columns."""
    unknown: tuple[Text, ...]
    """Services of which nobody knows who is responsible; they have no column."""
    rows: tuple[Row, ...]
    states: tuple[StateCount, ...]
    """How many of the cases that are asked for stand where, on all pages, whatever state is asked for."""
    no_case: int
    overdue: int
    """Of the cases the reader may open."""
    bodies: int
    """On all pages."""
    next: str | None
    """The body after which the next page begins."""
    public: bool
    sees_cases: bool
    districts: tuple[tuple[str, str], ...]
    teams: tuple[tuple[str, str], ...]
    every_service: tuple[tuple[str, Text], ...]
    attribution: str


def matrix(work: Work, filters: Filters = EVERYTHING, *, after: str | None = None) -> Matrix:
    """Where every body stands with every service it is responsible for. Takes the same number of statements however
    many cases and rounds there are: of several rounds the one that counts is shown.
    """
    visible = policy.cases(work.actor)
    every_body = _bodies(work)
    districts = tuple((row.ars, row.display_name) for row in every_body if row.ars == row.district)
    teams, services = _teams(work), _services(work)
    filters = _sensible(work, filters, services, districts, teams)
    asked = _Asked(
        work,
        filters,
        columns=tuple(key for key in services if filters.service in (None, key)),
        found=_cases(work, filters, visible),
        public=work.catalogue.programme.state_is_public,
        sees_all=visible is sa.true(),
        own=frozenset(work.actor.bodies()),
        narrows=_narrows_cases(filters),
    )
    lines = [line for body in every_body if _is_asked_for(body, filters) and (line := _line(asked, body)) is not None]
    shown, next_after = _page(lines, after)
    nothing = ("not_responsible", "unknown")
    used = [at for at in range(len(asked.columns)) if any(line.cells[at] not in nothing for line in lines)]
    columns = [asked.columns[at] for at in used]
    inside = {body.district for body in every_body if body.ars != body.district}
    return Matrix(
        filters=filters,
        services=tuple((key, services[key]) for key in columns),
        rows=tuple(_row(asked, line, [line.cells[at] for at in used], inside) for line in shown),
        unknown=tuple(
            words
            for key, words in services.items()
            if key in asked.columns and key not in columns and work.catalogue.services[key].applies_to is None
        ),
        states=_state_counts(work, lines, filters),
        no_case=sum(line.cells.count("no_case") for line in lines),
        overdue=sum(one.overdue for line in lines for one in line.cells if isinstance(one, Cell)),
        bodies=len(lines),
        next=next_after,
        public=asked.public,
        sees_cases=any(case.visible for case in asked.found.values()),
        districts=districts,
        teams=teams,
        every_service=tuple(services.items()),
        attribution=work.catalogue.attribution,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    work: Work
    filters: Filters
    columns: tuple[str, ...]
    found: Mapping[tuple[str, str], Any]
    public: bool
    sees_all: bool
    own: frozenset[str]
    narrows: bool
    states: dict[tuple[str, int, str], StateView] = field(default_factory=dict)

    def state(self, row: Any) -> StateView:
        """Where a case stands; there are few places and many cases."""
        key = (row.process, row.process_version, row.state)
        if key not in self.states:
            self.states[key] = parts.state(self.work.catalogue, *key)
        return self.states[key]


@dataclass(frozen=True, slots=True)
class _Line:
    """A body with its cells; `asked`: the states of the cases asked for, whatever state is asked for."""

    body: Any
    cells: tuple[Cell | Empty, ...]
    asked: tuple[StateView, ...]


# --- what is looked at -----------------------------------------------------------------------------------------------


def _bodies(work: Work) -> Sequence[Any]:
    """Every body there is: towns that are a district of their own first, then each Landkreis with its own."""
    plainly = database.plainly_sorted
    district = Body.__table__.alias()
    rows = work.session.execute(
        sa.select(
            Body.ars, Body.display_name, Body.kind, Body.district, TeamDistrict.team, district.c.sort_key.label("place")
        )
        .join(district, district.c.ars == Body.district)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .where(Body.valid_until.is_(None))
        .order_by(
            plainly(work.session, district.c.sort_key), Body.district, plainly(work.session, Body.sort_key), Body.ars
        )
    ).all()
    inside = {row.district for row in rows if row.ars != row.district}
    return sorted(rows, key=lambda row: (row.district in inside, row.place, row.district, row.ars != row.district))


def _teams(work: Work) -> tuple[tuple[str, str], ...]:
    rows = work.session.execute(sa.select(Team.key, Team.title))
    return tuple(sorted(((key, words) for key, words in rows), key=lambda entry: sort_key(entry[1])))


def _services(work: Work) -> dict[str, Text]:
    """The services in the order of the programme's priorities."""
    order = {key: at for at, key in enumerate(work.catalogue.programme.priorities)}
    language, services = work.actor.language, work.catalogue.services
    keys = sorted(
        services, key=lambda key: (order.get(key, len(order)), sort_key(title(language, services[key].title)))
    )
    return {key: services[key].title for key in keys}


def _sensible(
    work: Work,
    filters: Filters,
    services: Mapping[str, Text],
    districts: Iterable[tuple[str, str]],
    teams: Iterable[tuple[str, str]],
) -> Filters:
    """The filters without whatever does not exist. Places, services and states are known to everybody; of the rest is
    left what the list of cases makes of it."""
    states = {key for process in work.catalogue.processes() for key in process.states}
    return replace(
        case_list.sensible(work, filters),
        service=filters.service if filters.service in services else None,
        state=filters.state if filters.state in states else None,
        district=filters.district if filters.district in dict(districts) else None,
        team=filters.team if filters.team in dict(teams) else None,
        next_rounds=False,  # the matrix shows the round that counts
    )


def _cases(work: Work, filters: Filters, visible: sa.ColumnElement[bool]) -> dict[tuple[str, str], Any]:
    """The case that counts of every body and service, as far as its state may be known: one statement.

    Only whoever may open a case learns whether it fits what is asked of its inside.
    """
    matching = case_list.matching(work, replace(filters, state=None))
    if looks_inside(filters):
        matching = sa.and_(visible, matching)
    told = {
        "visible": visible,
        "overdue": sa.and_(visible, case_list.is_overdue(work.today)),
        "resting": sa.and_(visible, Case.rests),
        "fits": matching,
    }
    rows = work.session.execute(
        sa.select(
            Case.id,
            Case.body,
            Case.service,
            Case.process,
            Case.process_version,
            Case.state,
            *(sa.case((holds, 1), else_=0).label(name) for name, holds in told.items()),
        )
        .join(Body, Body.ars == Case.body)
        .where(policy.case_states(work.actor, public=work.catalogue.programme.state_is_public), parts.counts())
        .order_by(Case.round)
    )
    return {(row.body, row.service): row for row in rows}


def looks_inside(filters: Filters) -> bool:
    """Whether more is asked of a case than what is told of it in public: its place, its service, its state."""
    told = replace(filters, text="", service=None, state=None, team=None, district=None, body=None)
    return replace(told, left=False, live_since=None) != EVERYTHING


def _is_asked_for(body: Any, filters: Filters) -> bool:
    return (
        filters.district in (None, body.district)
        and filters.team in (None, body.team)
        and filters.body in (None, body.ars)
    )


def _narrows_cases(filters: Filters) -> bool:
    """Whether only some cases are asked for, and so only the bodies that have one."""
    return replace(filters, service=None, team=None, district=None, body=None) != EVERYTHING


# --- lines and cells -------------------------------------------------------------------------------------------------


def _line(asked: _Asked, body: Any) -> _Line | None:
    """The body with its cells; None for one that has nothing to show."""
    fits: list[StateView] = []
    cells: list[Cell | Empty] = []
    for key in asked.columns:
        row = asked.found.get((body.ars, key))
        if row is None:
            cells.append(_empty(asked, body, key))
            continue
        state = asked.state(row)
        if row.fits:
            fits.append(state)
        if row.fits and asked.filters.state in (None, state.key):
            case = row.id if row.visible else None
            cells.append(Cell(state, case, overdue=bool(row.overdue), rests=bool(row.resting)))
        else:
            cells.append("other")
    shows = bool(fits) or (not asked.narrows and "no_case" in cells)
    return _Line(body, tuple(cells), tuple(fits)) if shows else None


def _empty(asked: _Asked, body: Any, service: str) -> Empty:
    responsible = asked.work.catalogue.is_responsible(service, ars=body.ars, kind=body.kind)
    if responsible is False:
        return "not_responsible"
    knows = asked.public or asked.sees_all or body.ars in asked.own
    return "no_case" if responsible and knows else "unknown"


def _page(lines: Sequence[_Line], after: str | None) -> tuple[list[_Line], str | None]:
    """The lines behind a body, as many as one page holds, and the last of them if others follow."""
    begin = next((at + 1 for at, line in enumerate(lines) if line.body.ars == after), 0)
    shown: list[_Line] = []
    letters = 0
    for line in lines[begin:]:
        letters += _weight(line)
        if shown and letters > MOST:
            return shown, str(shown[-1].body.ars)
        shown.append(line)
    return shown, None


def _weight(line: _Line) -> int:
    cases = [one for one in line.cells if isinstance(one, Cell)]
    words = sum(len(one.state.title.de) + _LATE * one.overdue for one in cases)
    return _ROW + len(line.body.display_name) + 5 * len(line.cells) + _CELL * len(cases) + words


def _row(asked: _Asked, line: _Line, cells: Sequence[Cell | Empty], inside: Collection[str]) -> Row:
    cases = [one for one in cells if isinstance(one, Cell)]
    goals = parts.goals(asked.work.catalogue)
    return Row(
        ars=line.body.ars,
        name=line.body.display_name,
        leads=line.body.ars == line.body.district and line.body.ars in inside,
        cells=tuple(cells),
        cases=len(cases),
        live=sum(one.state.key in goals for one in cases),
        overdue=sum(one.overdue for one in cases),
    )


def _state_counts(work: Work, lines: Iterable[_Line], filters: Filters) -> tuple[StateCount, ...]:
    """By state, the main road first; what lies aside is named where a case stands there."""
    views = {state.key: state for state in parts.states(work.catalogue)}
    found: dict[str, int] = {}
    for line in lines:
        for state in line.asked:
            views.setdefault(state.key, state)
            found[state.key] = found.get(state.key, 0) + 1
    return tuple(
        StateCount(view, found.get(key, 0))
        for key, view in views.items()
        if not view.aside or found.get(key) or key == filters.state
    )
