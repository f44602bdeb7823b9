"""Bodies by services: every cell says what its reader may know, and no more."""

from __future__ import annotations

import dataclasses
import datetime as dt
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.conftest import Prepare
from tests.statements import counted
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import cases, policy
from workflow.models import Body, Case
from workflow.queries import case_list, matrix
from workflow.queries.case_list import Filters
from workflow.queries.matrix import Cell, Empty, Matrix

READERS = ("office", "auditor", "team", "other_team", "supervisor", "operator", "digi", "stranger", "admin")


@pytest.fixture
def busy(prepared: Prepare) -> World:
    """Cases of three towns: late, resting, live; and one whose next round is on its way."""
    return prepared(_busy)[0]


def _busy(world: World) -> None:
    for body in (TOWN, STRANGE_TOWN, EMPTY_TOWN):
        world.open(body=body)
    world.walk(world.open("uvg"))
    resting = world.open("elterngeld")
    with world.by("team") as work:
        cases.hold(work, resting, blocker="it_capacity", reason="x", review_on=work.today + dt.timedelta(days=300))
    world.days(20)


def looked(world: World, who: str, filters: Filters = case_list.EVERYTHING, after: str | None = None) -> Matrix:
    with world.look(who) as work:
        return matrix.matrix(work, filters, after=after)


def at(found: Matrix, body: str, service: str) -> Cell | Empty | None:
    """What stands at a place; None where the matrix has no such place."""
    column = [key for key, _ in found.services].index(service) if service in dict(found.services) else None
    row = next((row for row in found.rows if row.ars == body), None)
    return row.cells[column] if row is not None and column is not None else None


def test_a_cell_tells_the_state_to_everybody_and_the_rest_to_who_may_open_the_case(busy: World) -> None:
    with busy.look() as work:
        rows = work.session.execute(sa.select(Case.id, Case.body, Case.service, Case.state, Case.rests)).all()
    for who in READERS:
        found = looked(busy, who)
        with busy.look(who) as work:
            mine = set(work.session.execute(sa.select(Case.id).where(policy.cases(work.actor))).scalars())
        for row in rows:
            cell = at(found, row.body, row.service)
            assert isinstance(cell, Cell)
            assert cell.state.key == row.state
            assert cell.case == (row.id if row.id in mine else None), who
            assert (cell.rests, cell.overdue) == ((row.rests, not row.rests) if row.id in mine else (False, False)), (
                who,
                row,
            )
        assert found.sees_cases == bool(mine)


def test_where_nobody_is_responsible_nothing_stands_and_where_nothing_is_open_that_is_said(busy: World) -> None:
    found = looked(busy, "digi")
    with busy.look() as work:
        bodies = work.session.execute(sa.select(Body.ars, Body.kind).where(Body.valid_until.is_(None))).all()
        opened = set(work.session.execute(sa.select(Case.body, Case.service)).all())
        for body in bodies:
            for key, _ in found.services:
                if (body.ars, key) in opened:
                    continue
                responsible = work.catalogue.is_responsible(key, ars=body.ars, kind=body.kind)
                assert at(found, body.ars, key) == ("no_case" if responsible else "not_responsible")
    assert found.no_case == sum(row.cells.count("no_case") for row in found.rows)
    assert found.bodies == len(found.rows) == len(bodies)
    assert [words.de for words in found.unknown]


def test_numbers_beside_the_matrix_are_those_of_its_cells(busy: World) -> None:
    for filters in (
        Filters(),
        Filters(state="requested"),
        Filters(service="wohngeld"),
        Filters(district=TOWN),
        Filters(team=busy.team, state="live"),
        Filters(overdue=True),
        Filters(rests=True),
    ):
        found = looked(busy, "office", filters)
        cells = [cell for row in found.rows for cell in row.cells if isinstance(cell, Cell)]
        shown = {count.state.key: count.cases for count in found.states}
        for key, cases_ in shown.items():
            if filters.state in (None, key):
                assert cases_ == sum(cell.state.key == key for cell in cells), (filters, key)
        with busy.look("office") as work:
            listed = case_list.cases(work, filters)
        assert len(cells) == listed.matching, filters
        assert found.overdue == sum(cell.overdue for cell in cells)


def test_what_is_asked_of_the_inside_of_a_case_tells_nothing_of_others(busy: World) -> None:
    for filters in (Filters(overdue=True), Filters(rests=True), Filters(escalated=True), Filters(unreached=True)):
        for row in looked(busy, "stranger", filters).rows:
            for cell in row.cells:
                assert not isinstance(cell, Cell) or cell.case is not None, filters
    assert isinstance(at(looked(busy, "stranger", Filters(left=True)), TOWN, "wohngeld"), Cell)


def test_where_states_are_not_public_everybody_sees_their_own(busy: World) -> None:
    with busy.look("digi") as work:
        programme = work.catalogue.programme
        work.catalogue.programme = dataclasses.replace(programme, state_is_public=False)
        try:
            found = matrix.matrix(work)
        finally:
            work.catalogue.programme = programme
    assert at(found, STRANGE_TOWN, "wohngeld") in ("unknown", None)
    assert isinstance(at(found, TOWN, "wohngeld"), Cell)
    assert at(found, TOWN, "ikfz") in ("no_case", None)


def test_filters_that_mean_nothing_narrow_nothing(busy: World) -> None:
    everything = looked(busy, "office")
    for filters in (
        Filters(service="x"),
        Filters(state="'"),
        Filters(district="7"),
        Filters(team="\\"),
        Filters(cluster="zz", wave="%", body="0"),
    ):
        assert looked(busy, "office", filters).rows == everything.rows, filters


def test_a_large_matrix_is_leafed_through_and_takes_no_statement_more(busy: World) -> None:
    with counted(busy) as before:
        looked(busy, "office")
    _open_everything(busy)
    with counted(busy) as sent:
        found = looked(busy, "office")
    assert len(sent) == len(before) <= 15
    bodies = [row.ars for row in found.rows]
    while found.next is not None:
        found = looked(busy, "office", after=found.next)
        bodies += [row.ars for row in found.rows]
    assert len(bodies) == len(set(bodies)) == found.bodies == 194
    assert bodies[: len(looked(busy, "office", after="x").rows)] == [
        row.ars for row in looked(busy, "office", after="x").rows
    ]


def _open_everything(world: World) -> None:
    """A case of every service at every body, and rounds before some of them."""
    with world.engine.change("system") as work:
        present = set(work.session.execute(sa.select(Case.body, Case.service)).all())
        model = dict(work.session.execute(sa.select(Case.__table__).limit(1)).one()._mapping)
        rows: list[dict[str, object]] = []
        for ars in work.session.execute(sa.select(Body.ars)).scalars():
            for key in work.catalogue.services:
                if (ars, key) not in present:
                    previous: UUID | None = None
                    for round_ in (1, 2) if key == "wohngeld" else (1,):
                        one = model | {"id": uuid4(), "number": f"{key}-{ars}-{round_}", "body": ars, "service": key}
                        one |= {"round": round_, "previous_id": previous, "ended_on": None, "superseded_by": None}
                        rows.append(one | {"state": "contracted", "rests": False})
                        previous = one["id"]
        work.session.execute(sa.insert(Case), rows)
