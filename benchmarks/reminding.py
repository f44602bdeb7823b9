"""What a pass of the clock costs: when a morning has ten thousand rungs, and when nothing is due at all.

The second is asked twice, of a programme with a thousand open tasks and of one with a million: a pass reads indexes of
what is due, so how much is open must not matter.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import resource
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from benchmarks import growth, installation
from benchmarks.databases import Database
from benchmarks.measuring import ROUNDS, Times, in_turns
from workflow import clock, messages, reminders, start, ticking
from workflow.engine import SYSTEM, Engine
from workflow.models import Base, Decision, Task

MOST = 1.5
"""How much longer a pass with nothing due may take where a thousand times as much is open."""
MOST_SECONDS = 10.0
"""Wanted for ten thousand rungs on PostgreSQL and two cores."""
WARM = 3


@dataclass(frozen=True, slots=True)
class Morning:
    """A pass in which every open task of a programme has a rung due."""

    rungs: int
    mails: int
    deciding_seconds: float
    writing_seconds: float
    memory_mb: float
    """How much more the process holds at its peak than before."""

    @property
    def holds(self) -> bool:
        """Whether the target is met, scaled to what was measured."""
        return self.deciding_seconds <= MOST_SECONDS * self.rungs / 10_000


@dataclass(frozen=True, slots=True)
class Idle:
    """A pass with nothing due: seconds for one, one entry per round."""

    few_tasks: int
    many_tasks: int
    few: tuple[float, ...]
    many: tuple[float, ...]

    @property
    def value(self) -> float:
        """Median over the rounds of many / few."""
        return statistics.median(many / few for many, few in zip(self.many, self.few, strict=True))

    @property
    def holds(self) -> bool:
        """Whether the target is met."""
        return self.value <= MOST


def morning(database: Database, url: str, *, rungs: int, data: Path) -> Morning:
    """The first morning on which the first tasks of so many new cases are reminded of; `url`: the catalogue, open."""
    copied = database.copy(url)
    engine = start.engine(installation.settings_for(copied, data))
    with engine.read(SYSTEM) as work:
        here = work.session.execute(sa.select(sa.func.count()).where(Task.remind_at.is_not(None))).scalar_one()
    if (copies := round(rungs / here) - 1) > 0:
        growth.multiply(engine, copies)  # closes it
        database.settle(copied)
        engine = start.engine(installation.settings_for(copied, data))
    try:
        ticking.decide_and_write(engine)  # mail about what was opened
        with engine.change(SYSTEM) as work:
            clocked = sa.select(Task.remind_at).where(Task.remind_at.is_not(None)).order_by(Task.remind_at.desc())
            latest = work.session.execute(clocked.limit(1)).scalar_one()
            clock.set_to(work, (latest or work.now) + dt.timedelta(hours=1))
        before = _peak_mb()
        began = time.perf_counter()
        reminders.decide(engine)
        decided = time.perf_counter()
        mails = messages.compose(engine)
        written = time.perf_counter()
        with engine.read(SYSTEM) as work:
            fired = sa.select(sa.func.count()).where(Decision.outcome != "skipped")
            rungs = work.session.execute(fired).scalar_one()
        return Morning(rungs, mails, decided - began, written - decided, _peak_mb() - before)
    finally:
        engine.close()


def idle(database: Database, url: str, *, few: int, many: int, each_round: int, data: Path) -> Idle:
    """A pass with nothing due with few and with many open tasks, in turns."""
    small, large = (_grown(database, url, wanted, data) for wanted in (few, many))
    os.sync()
    try:
        counts = [_warm(engine) for engine in (small, large)]
        return Idle(counts[0], counts[1], *_compare(small, large, each_round))
    finally:
        small.close()
        large.close()


def written(morning: Morning, idle: Idle) -> Iterable[str]:
    """In words, for the table of the benchmarks."""
    yield (
        f"a morning with {morning.rungs:,} rungs: decided in {morning.deciding_seconds:.1f} s (wanted: "
        f"{MOST_SECONDS * morning.rungs / 10_000:.0f} s{'' if morning.holds else ', MISSED'}), {morning.mails:,} mails "
        f"written in {morning.writing_seconds:.1f} s, {morning.memory_mb:.0f} MB more at the peak"
    )
    small, large = (statistics.median(times) * 1000 for times in (idle.few, idle.many))
    yield (
        f"a pass with nothing due: {small:.2f} ms with {idle.few_tasks:,} open tasks, {large:.2f} ms with "
        f"{idle.many_tasks:,}: {idle.value:.2f}× (wanted: at most {MOST:.1f}×{'' if idle.holds else ', MISSED'})"
    )


def _grown(database: Database, url: str, wanted: int, data: Path) -> Engine:
    copied = database.copy(url)
    engine = start.engine(installation.settings_for(copied, data))
    with contextlib.closing(engine), engine.pool.begin() as connection:
        _open_tasks(connection, wanted)
    database.settle(copied)
    return start.engine(installation.settings_for(copied, data))


def _warm(engine: Engine) -> int:
    """Some passes nobody times; how many tasks are open."""
    for _ in range(WARM):
        ticking.decide_and_write(engine)
    with engine.read(SYSTEM) as work:
        open_tasks = sa.select(sa.func.count()).where(Task.acting.is_not(None))
        return work.session.execute(open_tasks).scalar_one()


def _compare(few: Engine, many: Engine, each_round: int) -> Times:
    def passes(engine: Engine, part: slice) -> None:
        for _ in range(part.start, part.stop):
            ticking.decide_and_write(engine)

    return in_turns(lambda part: passes(few, part), lambda part: passes(many, part), each_round, ROUNDS)


def _open_tasks(connection: sa.Connection, wanted: int) -> None:
    """So many open tasks in the cases there are, each with a reminder on some day of the next year."""
    table, postgres = Base.metadata.tables["task"], connection.dialect.name == "postgresql"
    here = connection.execute(sa.select(sa.func.count()).where(Task.remind_at.is_not(None))).scalar_one()
    copies = wanted // here
    new = {
        "id": "gen_random_uuid()" if postgres else "lower(hex(randomblob(16)))",
        "scope": "'c' || n.n",
        "remind_at": "remind_at + mod(n.n, 365) * interval '1 day'" if postgres else _LATER_SQLITE,
    }
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    values = ", ".join(new.get(column.name, f't."{column.name}"') for column in table.columns)
    numbers = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {copies - 1})"
    connection.exec_driver_sql("CREATE TEMP TABLE o_task AS SELECT * FROM task WHERE remind_at IS NOT NULL")
    if copies > 1:
        connection.exec_driver_sql(f"INSERT INTO task ({names}) {numbers} SELECT {values} FROM o_task t, n")
    connection.exec_driver_sql("DROP TABLE o_task")


_LATER_SQLITE = "strftime('%Y-%m-%d %H:%M:%S', t.remind_at, '+' || mod(n.n, 365) || ' days') || '.000000'"


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
