"""A pass with nothing due reads only indexes of what is due: how much is open does not matter to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from tests.world import World
from workflow import prerequisites, ticking
from workflow.engine import Engine
from workflow.models import Base

GROWING = (
    "bulk_item",
    "cases",
    "decision",
    "event",
    "evidence",
    "followup",
    "hold",
    "message",
    "notice",
    "prerequisite",
    "reply",
    "task",
)
"""Tables that grow with the number of cases, or with time."""
PARTIAL = {
    str(index.name)
    for table in Base.metadata.sorted_tables
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
"""Indexes of what is still to be done: they are short, and may be read as a whole."""
_SCAN = re.compile(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?")


def test_a_pass_with_nothing_due_looks_through_no_table_that_grows(world: World) -> None:
    for service in ("wohngeld", "uvg"):
        world.open(service)
    ticking.decide_and_write(world.engine)
    with _asked(world.engine) as asked:
        done = ticking.decide_and_write(world.engine)
    assert done == ticking.Written()
    assert len(asked) > 8
    looked_through = [(table, words) for words, values in asked for table in _scanned(world, words, values)]
    assert looked_through == []


def test_what_recurs_is_looked_through_by_the_first_pass_of_a_day_only(world: World) -> None:
    world.open()
    with _asked(world.engine) as first:
        prerequisites.recur_daily(world.engine)
    with _asked(world.engine) as second:
        prerequisites.recur_daily(world.engine)
    assert [words for words, _ in first if "FROM prerequisite" in words or "cases" in words]
    assert [words for words, _ in second if "FROM prerequisite" in words or "cases" in words] == []


@contextmanager
def _asked(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database inside, with its values."""
    found: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, words: str, values: Any, *_: object) -> None:
        if words.lstrip().upper().startswith(("SELECT", "WITH")):
            found.append((words, values))

    sa.event.listen(engine.pool, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(engine.pool, "before_cursor_execute", note)


def _scanned(world: World, words: str, values: Any) -> Iterator[str]:
    """The growing tables this statement reads from one end to the other."""
    with world.engine.pool.connect() as connection:
        if connection.dialect.name == "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values)
            lines = [str(row[3]) for row in plan]
            found = [match for line in lines if (match := _SCAN.match(line)) and match[2] not in PARTIAL]
            scans = [match[1] for match in found]
        else:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = connection.exec_driver_sql(f"EXPLAIN {words}", values)
            scans = re.findall(r"Seq Scan on (\w+)", "\n".join(str(row[0]) for row in plan))
    yield from (table for table in scans if table in GROWING)
