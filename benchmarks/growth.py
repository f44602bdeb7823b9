"""What a deed costs when the programme is a hundred times as large: more Länder, not more cases in one inbox.

A programme whose catalogue is open is copied inside its database, row by row and under new keys: bodies with their
people, teams with their districts, cases with their tasks and their history. Then the same deeds are done in the small
one and, on cases anywhere among the copies, in the large one, in turns.
"""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from benchmarks import installation
from benchmarks.databases import Database
from benchmarks.deeds import Deed
from benchmarks.installation import People
from benchmarks.measuring import ROUNDS, Times, in_turns
from tests.world import plausible
from workflow import cases, following, milestones, start, tasks
from workflow.engine import SYSTEM, Engine
from workflow.models import Base, Case, Milestone, Task

MOST = 1.2
"""How much more a deed may cost."""
WARM = 8
SERVICE = "ewa"
"""A service of the local level: some 170 cases wait for one contract of the Land."""

COPIED = (
    "body", "team", "person", "team_district", "role_grant", "cases", "task", "prerequisite", "remark", "hold",
    "document", "evidence", "event",
)  # fmt: skip
_PLACES = frozenset({"body", "district", "ars", "successor", "delegate"})
_NOT_COPIED = frozenset({"milestone_id", "message_id", "bulk_id"})
_ONLY = {"role_grant": "body IS NOT NULL OR team IS NOT NULL"}
"""Rows of a table that grow with the programme: there are more towns and teams, and still one programme office."""


@dataclass(frozen=True, slots=True)
class Growth:
    """One deed in the small programme and in the large one: seconds for one, one entry per round."""

    name: str
    database: str
    small: tuple[float, ...]
    large: tuple[float, ...]

    @property
    def value(self) -> float:
        """Median over the rounds of large / small."""
        return statistics.median(large / small for large, small in zip(self.large, self.small, strict=True))

    @property
    def holds(self) -> bool:
        """Whether the target is met."""
        return self.value <= MOST


@dataclass(frozen=True, slots=True)
class Grown:
    """Every deed, and the programmes they were done in."""

    deeds: tuple[Growth, ...]
    small: int
    large: int
    building_seconds: float


@dataclass(frozen=True, slots=True)
class Moved:
    """What it takes to tell many cases that what they all waited for is there."""

    cases: int
    reaching_seconds: float
    following_seconds: float


def measure(database: Database, url: str, people: People, *, each_round: int, wanted: int, data: Path) -> Grown:
    """`accept`, `submit`, `advance` and `hold`; `url` is a programme with cases that can move."""
    count = WARM + ROUNDS * each_round
    small, large = database.copy(url), database.copy(url)
    engine = start.engine(installation.settings_for(small, data))
    try:
        prepared = _prepared(engine, people, count)
        with engine.read(SYSTEM) as work:
            present = work.session.execute(sa.select(sa.func.count()).select_from(Case)).scalar_one()
    finally:
        engine.close()
    copies = max(1, round(wanted / present))
    began = time.perf_counter()
    with contextlib.closing(start.engine(installation.settings_for(large, data))) as engine:
        multiply(engine, copies)
    database.settle(large)
    os.sync()  # what was just built is not written while deeds are timed
    seconds = time.perf_counter() - began
    database.settle(small)
    anywhere = random.Random(1)
    here = start.engine(installation.settings_for(small, data))
    there = start.engine(installation.settings_for(large, data))
    try:
        found = tuple(
            Growth(
                name,
                database.name,
                *_compare(
                    here,
                    there,
                    [one(0) for one in made],
                    [one(anywhere.randrange(copies + 1)) for one in made],
                    each_round,
                ),
            )
            for name, made in prepared.items()
        )
    finally:
        here.close()
        there.close()
    return Grown(found, present, present * (copies + 1), seconds)


def milestone(database: Database, bare: str, people: People, *, data: Path) -> Moved:
    """One contract of the Land that all cases of a service wait for, from recording it to the last case's history."""
    engine = start.engine(installation.settings_for(database.copy(bare), data))
    try:
        with engine.read(people.office) as work:
            planned = cases.plan(work, [SERVICE])
        cases.open_planned(engine, people.office, planned)
        with engine.read(SYSTEM) as work:
            query = sa.select(Milestone.id).where(Milestone.service == SERVICE, Milestone.kind == "land_contract")
            wanted = work.session.execute(query).scalar_one()
            given = plausible(work.catalogue.shared.milestones["land_contract"].evidence, work.today)
        began = time.perf_counter()
        with engine.change(people.office) as work:
            milestones.reach(work, wanted, work.today, given)
        reached = time.perf_counter()
        followed = following.work_off(engine)
        return Moved(followed, reached - began, time.perf_counter() - reached)
    finally:
        engine.close()


_Made = Callable[[int], Deed]
"""A deed in the copy of this number; 0 is the programme that was copied."""


def _prepared(engine: Engine, people: People, count: int) -> dict[str, list[_Made]]:
    """So many deeds of each kind, each on a case of its own."""
    with engine.read(SYSTEM) as work:
        rows = work.session.execute(
            sa.select(Task.id, Task.body, Task.case_id, Task.team)
            .where(Task.name == "express_interest", Task.status == "ready")
            .order_by(Task.case_id)
            .limit(3 * count)
        ).all()
        open_still = sa.exists().where(Task.case_id == Case.id, Task.status.in_(("waiting", "ready", "accepted")))
        ready = work.session.execute(
            sa.select(Case.id, Case.team)
            .where(Case.state == "requested", ~open_still, Case.rests.is_(False))
            .order_by(Case.id)
            .limit(count)
        ).all()
        answers = [installation.answers(work, row.id) for row in rows[count : 2 * count]]
        review = work.today.replace(year=work.today.year + 1)
    if len(rows) < 3 * count or len(ready) < count:
        raise RuntimeError(f"too few cases to measure on: {len(rows)} at their first task, {len(ready)} ready to move")
    pause = {"blocker": "no_staff", "reason": "Urlaub", "review_on": review.isoformat()}

    def accept(row: Any) -> _Made:
        who = people.bodies[row.body, "digi"]
        return lambda k: Deed(_id(who, k), lambda work: tasks.accept(work, _id(row.id, k)))

    def submit(row: Any, given: dict[str, str]) -> _Made:
        who = people.bodies[row.body, "digi"]
        return lambda k: Deed(_id(who, k), lambda work: tasks.submit(work, _id(row.id, k), given))

    def advance(row: Any) -> _Made:
        who = people.teams[row.team]
        return lambda k: Deed(_id(who, k), lambda work: cases.advance(work, _id(row.id, k), "contract"))

    def hold(row: Any) -> _Made:
        who = people.teams[row.team]
        return lambda k: Deed(_id(who, k), lambda work: cases.hold_as_answered(work, _id(row.case_id, k), pause))

    return {
        "accept": [accept(row) for row in rows[:count]],
        "submit": [submit(row, given) for row, given in zip(rows[count : 2 * count], answers, strict=True)],
        "advance": [advance(row) for row in ready],
        "hold": [hold(row) for row in rows[2 * count :]],
    }


def _compare(here: Engine, there: Engine, small: Sequence[Deed], large: Sequence[Deed], each_round: int) -> Times:
    def in_one(engine: Engine, deeds: Sequence[Deed]) -> Callable[[slice], None]:
        def run(part: slice) -> None:
            for deed in deeds[part]:
                with engine.change(deed.who) as work:
                    deed.act(work)

        return run

    in_small, in_large = in_one(here, small), in_one(there, large)
    in_small(slice(WARM))
    in_large(slice(WARM))
    return in_turns(in_small, in_large, each_round, WARM)


# --- copying ---------------------------------------------------------------------------------------------------------


def _id(original: UUID, copy: int) -> UUID:
    """What an id is called in a copy: four digits in its middle are the copy's number, and its version is 8."""
    written = original.hex
    return original if copy == 0 else UUID(f"{written[:8]}{copy:04x}8{written[13:]}")


def enlarge(engine: Engine, wanted: int) -> None:
    """Copy everything that grows with the programme until it has about so many cases."""
    with engine.read(SYSTEM) as work:
        present = work.session.execute(sa.select(sa.func.count()).select_from(Case)).scalar_one()
    multiply(engine, max(1, round(wanted / present)))


def multiply(engine: Engine, copies: int) -> None:
    """Copy everything that grows with the programme so many times, without asking whether it fits together."""
    postgres = engine.pool.dialect.name == "postgresql"
    tables = [Base.metadata.tables[name] for name in COPIED]
    with engine.pool.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if postgres:
            driver.execute("SET session_replication_role = replica")
            driver.commit()
        else:
            for pragma in ("foreign_keys=OFF", "synchronous=OFF", "cache_size=-400000"):
                driver.execute(f"PRAGMA {pragma}")
        with connection.begin():
            for table in tables:
                only = f" WHERE {_ONLY[table.name]}" if table.name in _ONLY else ""
                connection.exec_driver_sql(f"CREATE TEMP TABLE o_{table.name} AS SELECT * FROM {table.name}{only}")
            for copy in range(1, copies + 1):
                for table in tables:
                    connection.exec_driver_sql(_copying(table, copy, postgres=postgres))
        if not postgres:
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.invalidate()  # the settings of this connection are nobody else's


def _copying(table: sa.Table, copy: int, *, postgres: bool) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    values = ", ".join(_copied(table, column, copy, postgres=postgres) for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) SELECT {values} FROM o_{table.name}"


def _copied(table: sa.Table, column: sa.Column[object], copy: int, *, postgres: bool) -> str:
    """What stands in a column of a copy."""
    name, mark = column.name, f"{copy:04x}"
    if name in _NOT_COPIED:
        return "NULL"
    if isinstance(column.type, sa.Uuid):
        if postgres:
            return f"overlay(replace(\"{name}\"::text, '-', '') placing '{mark}8' from 9 for 5)::uuid"
        return f"substr({name}, 1, 8) || '{mark}8' || substr({name}, 14)"
    if name in _PLACES:
        return f"'{_land(copy)}' || substr(\"{name}\", 3)"
    if name in ("team", "number") or (table.name == "team" and name == "key"):
        return f"\"{name}\" || '-{mark}'"
    if name == "email":
        return f"'{mark}' || \"{name}\""
    return f'"{name}"'


def _land(copy: int) -> str:
    """Two letters in the place of the Land's two digits."""
    return chr(ord("a") + copy // 26) + chr(ord("a") + copy % 26)


def written(grown: Grown, moved: Moved) -> Iterable[str]:
    """In words, for the table of the benchmarks."""
    yield (
        f"{grown.small:,} cases copied to {grown.large:,} in {grown.building_seconds:.0f} s; what a deed costs there "
        f"(wanted: at most {MOST:.1f}×):"
    )
    for one in grown.deeds:
        small, large = (statistics.median(times) * 1000 for times in (one.small, one.large))
        yield f"  {one.name}: {small:.2f} → {large:.2f} ms, {one.value:.2f}×{'' if one.holds else ' MISSED'}"
    yield (
        f"a milestone {moved.cases} cases wait for: recorded in {moved.reaching_seconds * 1000:.0f} ms, "
        f"all of them know after {moved.following_seconds:.2f} s"
    )
