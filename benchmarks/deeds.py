"""Deeds beside a bare driver that sends the same reads and writes one by one.

Each deed is done three times on copies of one database: once to record what it sends, once timed through the engine,
once timed through the driver, which sends the recorded statements with the recorded parameters. So both sides read and
change the same rows, with the same transactions and the same durability.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from benchmarks import installation
from benchmarks.databases import Database
from benchmarks.installation import People
from benchmarks.measuring import ROUNDS, Ratio, in_turns
from benchmarks.statements import Statement, recorded
from workflow import cases, start, tasks
from workflow.engine import SYSTEM, Engine, Work
from workflow.models import Case, Task

TARGETS = {"SQLite": 0.25, "PostgreSQL": 0.7}
WARM = 8
"""Deeds before the clock starts: statements are prepared, pages are in memory."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One piece of work by one person."""

    who: UUID
    act: Callable[[Work], object]


def measure(database: Database, url: str, people: People, *, each_round: int, data: Path) -> list[Ratio]:
    """`advance` and `submit`, each so many times a round."""
    wanted = WARM + ROUNDS * each_round
    with_engine = start.engine(installation.settings_for(url, data))
    try:
        submitting = _first_tasks(with_engine, people, wanted)
        advancing = _ready_to_move(with_engine, people, wanted)
    finally:
        with_engine.close()
    database.settle(url)
    return [
        _compare("advance", database, url, advancing, each_round, data),
        _compare("submit", database, url, submitting, each_round, data),
    ]


def _compare(name: str, database: Database, url: str, deeds: Sequence[Deed], each_round: int, data: Path) -> Ratio:
    recording = start.engine(installation.settings_for(database.copy(url), data))
    try:
        scripts = [_record(recording, deed) for deed in deeds]
    finally:
        recording.close()
    engine = start.engine(installation.settings_for(database.copy(url), data))
    raw = database.raw(database.copy(url))

    def ours(part: slice) -> None:
        for deed in deeds[part]:
            with engine.change(deed.who) as work:
                deed.act(work)

    def floor(part: slice) -> None:
        for script in scripts[part]:
            raw.run(script)

    try:
        ours(slice(WARM))
        floor(slice(WARM))
        times = in_turns(ours, floor, each_round, WARM)
    finally:
        engine.close()
        raw.close()
    sent = sum(len(script) for script in scripts) / len(scripts)
    return Ratio(name, database.name, TARGETS[database.name], *times, note=f"{sent:.0f} statements")


def _record(engine: Engine, deed: Deed) -> list[Statement]:
    with recorded(engine) as sent, engine.change(deed.who) as work:
        deed.act(work)
    return sent


def _first_tasks(engine: Engine, people: People, count: int) -> list[Deed]:
    """A municipality hands in the first task of a case; the team's next one becomes ready and the team learns of it."""
    with engine.read(SYSTEM) as work:
        rows = work.session.execute(
            sa.select(Task.id, Task.body)
            .join(Case, Case.id == Task.case_id)
            .where(Task.name == "express_interest", Task.status == "ready")
            .order_by(Case.number.desc())
            .limit(count)
        ).all()
        given = [installation.answers(work, row.id) for row in rows]
    return [
        Deed(people.bodies[row.body, "digi"], lambda work, row=row, words=words: tasks.submit(work, row.id, words))  # type: ignore[misc]
        for row, words in zip(rows, given, strict=True)
    ]


def _ready_to_move(engine: Engine, people: People, count: int) -> list[Deed]:
    """A team confirms the contract: the case gets the tasks of its next state, and everybody concerned learns of it."""
    with engine.read(SYSTEM) as work:
        rows = work.session.execute(
            sa.select(Case.id, Case.team).where(Case.state == "requested").order_by(Case.number).limit(count)
        ).all()
    for row in rows:
        installation.finish_first_state(engine, people, row.id)
    return [
        Deed(people.teams[row.team], lambda work, row=row: cases.advance(work, row.id, "contract"))  # type: ignore[misc]
        for row in rows
    ]
