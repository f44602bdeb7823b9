"""Opening the whole catalogue beside a bare driver that inserts the very same rows with `executemany`.

The rows are read back from an installation where the catalogue was opened; the driver gets them ready-made, table by
table, in one transaction. It asks nothing, decides nothing and checks nothing.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import installation
from benchmarks.databases import Database
from benchmarks.installation import People
from benchmarks.measuring import ROUNDS, Ratio
from workflow import cases, start
from workflow.engine import SYSTEM, Engine
from workflow.models import Base

TARGETS = {"SQLite": 0.1, "PostgreSQL": 0.3}

Batch = tuple[str, list[Any]]
"""An insert as the driver gets it, and the rows for it."""


def measure(database: Database, url: str, people: People, *, data: Path) -> Ratio:
    """Open everything, five times, each on a copy of the database at `url`, where no case has ever been."""
    database.settle(url)
    rows = _rows_of_opening(database, url, people, data)
    ours: list[float] = []
    floor: list[float] = []
    for _ in range(ROUNDS):
        ours.append(_timed(_open_everything(database.copy(url), people, data)))
        raw = database.raw(database.copy(url))
        try:
            floor.append(_timed(lambda raw=raw: raw.insert(rows)))  # type: ignore[misc]
        finally:
            raw.close()
    count = sum(len(values) for _, values in rows)
    return Ratio("open everything", database.name, TARGETS[database.name], tuple(ours), tuple(floor), f"{count} rows")


def _open_everything(url: str, people: People, data: Path) -> Callable[[], None]:
    engine = start.engine(installation.settings_for(url, data))
    with engine.read(SYSTEM):
        pass  # the definitions are read before the clock starts

    def run() -> None:
        with engine.read(people.office) as work:
            planned = cases.plan(work, work.catalogue.services)
        opened = cases.open_planned(engine, people.office, planned)
        engine.close()
        if any(result.refused for result in opened):
            raise RuntimeError("some cases could not be opened")

    return run


def _rows_of_opening(database: Database, url: str, people: People, data: Path) -> list[Batch]:
    """What opening adds, as inserts of a bare driver."""
    opened = database.copy(url)
    _open_everything(opened, people, data)()
    engine = start.engine(installation.settings_for(opened, data))
    try:
        return [batch for table in Base.metadata.sorted_tables if (batch := _batch(engine, table, url, data))[1]]
    finally:
        engine.close()


def _batch(engine: Engine, table: sa.Table, before: str, data: Path) -> Batch:
    """The rows a table has now and did not have in the database `before`."""
    names = [column.name for column in table.columns]
    postgres = engine.pool.dialect.name == "postgresql"
    holder = ", ".join(["%s" if postgres else "?"] * len(names))
    quoted = ", ".join(f'"{name}"' for name in names)
    insert = f'INSERT INTO "{table.name}" ({quoted}) VALUES ({holder})'
    select = f'SELECT {quoted} FROM "{table.name}"'
    known = set(_raw_rows(before, select, data))
    with engine.pool.connect() as connection:
        rows = connection.exec_driver_sql(select).all()
    return insert, [tuple(row) for row in rows if tuple(row) not in known]


def _raw_rows(url: str, select: str, data: Path) -> list[tuple[Any, ...]]:
    engine = start.engine(installation.settings_for(url, data))
    try:
        with engine.pool.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(select)]
    finally:
        engine.close()


def _timed(run: Callable[[], None]) -> float:
    gc.collect()
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
