"""What goes straight to the driver does what SQLAlchemy would have done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from tests import world as worlds
from tests.world import TOWN, World, contents
from workflow import cases, casework, database, events, policy, sessions, statements
from workflow.engine import SYSTEM, Work
from workflow.models import Case, Hold, Notice, Person, Task
from workflow.queries import inbox

AT = dt.datetime(2026, 11, 23, 7, 30, 15, 123456, tzinfo=dt.timezone(dt.timedelta(hours=1)))


@pytest.fixture
def world(peopled_database_url: str, tmp_path: Path) -> Iterator[World]:
    """People in a loaded database."""
    made = worlds.make(peopled_database_url, tmp_path)
    yield made
    made.engine.close()


def test_rows_are_what_sqlalchemy_would_have_given(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id)
    queries: list[tuple[statements.Query, dict[str, Any]]] = [
        (casework._CASE, {"which": case_id}),
        (casework._CASE_OF_TASK, {"which": world.task(case_id, "choose_variant")}),
        (casework._TASKS, {"case_id": case_id, "state": "requested"}),
        (casework._FACTS, {"case_id": case_id}),
        (casework._PAUSES, {"case_id": case_id}),
        (casework._MILESTONES, {"service": "wohngeld"}),
        (
            casework._HOLDERS,
            {"body": worlds.TOWN, "team": world.team, "operator": "dataport", "today": dt.date(2026, 11, 23)},
        ),
        (casework._EARLIER, {"kind": "task", "subject_id": world.task(case_id, "choose_variant")}),
        (events._CHAIN, {"chain_id": case_id}),
    ]
    with world.engine.change(SYSTEM) as work:
        for query, values in queries:
            usual = [tuple(row) for row in work.session.execute(query, values)]
            direct = statements.rows(work.connection, query, values)
            assert direct == usual
            assert [[type(cell) for cell in row] for row in direct] == [[type(cell) for cell in row] for row in usual]
        together = statements.answers(work.connection, queries)
        assert together == [statements.rows(work.connection, query, values) for query, values in queries]


@pytest.mark.parametrize("who", ["digi", "team", "office"])
def test_one_plan_for_everybody_answers_the_same(world: World, who: str) -> None:
    world.open()
    with world.look(who) as work:
        values = {"today": work.today, "until": work.today, "most": 50}
        query = inbox._to_do_of(work.actor, further=False)
        usual = statements.rows(work.connection, query, values)
        assert bool(usual) == (who == "digi")
        for _ in range(7):  # the driver prepares what it is given several times
            assert statements.rows(work.connection, query, values, planned_once=True) == usual
        if work.connection.dialect.name == "postgresql":
            mode = work.connection.exec_driver_sql("SHOW plan_cache_mode").scalar_one()
            assert mode == "auto"  # what else is asked is planned as ever
            plans = "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements WHERE statement LIKE %s"
            once, anew = work.connection.exec_driver_sql(plans, ("%counted.on_behalf_of%::DATE%",)).one()
            assert once, anew


def test_what_is_written_reads_back_as_it_was(world: World) -> None:
    case_id = world.open()
    row = {
        "id": uuid4(),
        "recipient_id": world["team"],
        "name": "asked",
        "subject_kind": "case",
        "subject_id": case_id,
        "case_id": None,
        "urgency": 3,
        "facts": '{"größe":"5 %(x)s :y ?"}',
        "created_at": AT,
        "immediate": True,
        "try_at": AT,
    }
    hold = {
        "id": uuid4(),
        "case_id": case_id,
        "blocker": "vendor",
        "external_kind": "authority",
        "external_key": None,
        "promised_on": dt.date(2027, 2, 3),
        "review_on": dt.date(2027, 1, 2),
        "began_on": dt.date(2026, 11, 23),
        "ended_on": None,
        "remark_id": None,
        "held_by": None,
        "ladder": None,
        "remind_at": AT,
        "rung": None,
        "occurrence": 0,
        "generation": 0,
    }
    with world.engine.change(SYSTEM) as work:
        touched = statements.write(
            work.connection,
            [
                (casework._insert(Notice), [row, {**row, "id": uuid4()}]),
                (casework._insert(Hold), [hold]),
                (casework._update_case(("rests",)), [{"key": case_id, "before": 1, "rests": True}]),
                (casework._update_case(("rests",)), [{"key": case_id, "before": 99, "rests": False}]),
            ],
        )
        assert touched == [2, 1, 1, 0]
    with world.look() as work:
        (notice,) = work.session.execute(sa.select(Notice).where(Notice.id == row["id"])).scalars()
        assert {name: getattr(notice, name) for name in row} == row
        assert notice.created_at.utcoffset() == dt.timedelta(0)
        (kept,) = work.session.execute(sa.select(Hold).where(Hold.id == hold["id"])).scalars()
        assert {name: getattr(kept, name) for name in hold} == hold
        assert work.session.execute(sa.select(Case.rests).where(Case.id == case_id)).scalar_one() is True
        assert work.session.execute(sa.select(sa.func.count()).where(Notice.created_at == AT)).scalar_one() == 2


def test_a_fault_is_sqlalchemys_and_says_nothing_of_the_values(world: World) -> None:
    before = contents(world)
    with pytest.raises(IntegrityError) as caught, world.engine.change(SYSTEM) as work:
        statements.write(
            work.connection,
            [
                (casework._update_task(("name",)), [{"key": uuid4(), "name": "geheim"}]),
                (casework._insert(Notice), [_notice(work, recipient_id=uuid4(), name="geheim")]),
            ],
        )
    assert "geheim" not in str(caught.value)
    assert contents(world) == before


def test_a_value_that_is_missing_is_a_fault_of_the_program(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        with pytest.raises(ValueError, match="missing"):
            statements.rows(work.connection, casework._TASKS, {"case_id": uuid4()})
        notice = _notice(work, recipient_id=world["team"])
        del notice["urgency"]
        with pytest.raises(ValueError, match="missing"):
            statements.write(work.connection, [(casework._insert(Notice), [notice])])


def test_whoever_listens_hears_every_statement_and_can_stop_it(world: World) -> None:
    heard: list[tuple[str, bool]] = []

    def hear(_connection: Any, _cursor: Any, words: str, _values: Any, _context: Any, many: bool) -> None:
        heard.append((words.split(maxsplit=1)[0], many))

    case_id = world.open()
    sa.event.listen(world.engine.pool, "before_cursor_execute", hear)
    try:
        with world.engine.change(SYSTEM) as work:
            heard.clear()
            statements.rows(work.connection, casework._TASKS, {"case_id": case_id, "state": "requested"})
            notices = [_notice(work, recipient_id=world["team"]) for _ in range(2)]
            statements.write(work.connection, [(casework._insert(Notice), notices)])
    finally:
        sa.event.remove(world.engine.pool, "before_cursor_execute", hear)
    assert heard == [("SELECT", False), ("INSERT", True)]


def test_one_case_at_hand_is_seen_by_whom_lists_show_it_to(world: World) -> None:
    here, elsewhere = world.open(), world.open(body=worlds.STRANGE_TOWN)
    world.open(service="bafoeg")
    world.walk(here, until="contracted")
    for who in [*world.ids, ""]:
        with world.look(who) as work:
            listed = set(work.session.execute(sa.select(Case.id).where(policy.cases(work.actor))).scalars())
            everything = work.session.execute(sa.select(Case)).scalars().all()
            assert {here, elsewhere} <= {case.id for case in everything}
            assert {case.id for case in everything if policy.sees(work.actor, case)} == listed, who or "time itself"


def test_every_hot_query_finds_its_rows_by_an_index(world: World) -> None:
    if world.engine.pool.dialect.name != "sqlite":
        pytest.skip("PostgreSQL decides by what it knows of the rows; SQLite by the statement alone")
    case_id = world.open()
    team, town = world["team"], world["digi"]
    asked: list[tuple[str, dict[str, Any]]] = []

    def note(_connection: Any, _cursor: Any, words: str, values: Any, _context: Any, many: bool) -> None:
        if words.startswith(("SELECT", "UPDATE")):
            asked.append((words, values[0] if many else values))

    sa.event.listen(world.engine.pool, "before_cursor_execute", note)
    try:
        world.finish_state(case_id)
        world.satisfy(case_id)
        for who in (team, town):
            with world.engine.read(who) as work:
                work.connection.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor)))
    finally:
        sa.event.remove(world.engine.pool, "before_cursor_execute", note)
    scans: set[str] = set()
    with world.engine.pool.connect() as connection:
        driver: Any = connection.connection.driver_connection
        for words, values in asked:
            for step in driver.execute(f"EXPLAIN QUERY PLAN {words}", values):
                if step[3].startswith("SCAN") and step[3].split()[1] in (
                    "task",
                    "cases",
                    "evidence",
                    "role_grant",
                    "event",
                ):
                    scans.add(f"{step[3]}: {' '.join(words.split())[:300]}")
    assert asked
    assert scans == set()


def test_a_connection_that_is_gone_is_replaced(world: World) -> None:
    if world.engine.pool.dialect.name != "postgresql":
        pytest.skip("SQLite has no server to lose")
    with world.look() as work:
        gone = work.session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    other = database.connect(world.engine.settings.database_url)
    with other.connect() as connection:
        connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": gone})
    other.dispose()
    database_rests = database._FRESH_SECONDS
    try:
        database._FRESH_SECONDS = 0.0
        with world.look() as work:
            assert work.session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one() != gone
    finally:
        database._FRESH_SECONDS = database_rests


def test_a_connection_lost_a_moment_ago_costs_one_try(world: World) -> None:
    if world.engine.pool.dialect.name != "postgresql":
        pytest.skip("SQLite has no server to lose")
    with world.look() as work:
        gone = work.session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    other = database.connect(world.engine.settings.database_url)
    with other.connect() as connection:
        connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": gone})
    other.dispose()
    with pytest.raises(OperationalError), world.look():
        pass
    with world.look() as work:
        assert work.session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one() != gone
    assert sessions.session(world.engine, "nobody's") is None


def _notice(work: Work, **values: Any) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "name": "asked",
        "subject_kind": "case",
        "subject_id": uuid4(),
        "case_id": None,
        "urgency": 0,
        "facts": "{}",
        "created_at": work.now,
        "immediate": False,
        "try_at": work.now,
        **values,
    }


def test_who_looks_cannot_write(world: World) -> None:
    with pytest.raises(RuntimeError), world.look("admin") as work:
        work.session.execute(sa.update(Person).values(name="niemand"))
    with pytest.raises(RuntimeError), world.look("team") as work:
        cases.open_case(work, "wohngeld", TOWN)
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Case)).scalar_one() == 0
        assert work.session.execute(sa.select(Person.id).where(Person.name == "niemand")).first() is None
