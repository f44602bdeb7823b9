"""A copy of the database taken while people work: restored, it reminds of everything overdue once."""

from __future__ import annotations

import datetime as dt
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy import make_url

from tests.postgres import installed, packaged
from tests.reminding import almanac
from tests.reminding.expected import Clerk
from tests.reminding.proof import compare
from tests.reminding.town_hall import TownHall, build
from workflow import ticking
from workflow.models import Decision

_LATER = 12
"""Working days after which the copy is brought up: long enough for most ladders to be past several rungs."""


def taken_under_load(
    url: str, data: Path, *, begins: dt.date, cases: int, seed: int, tell: Callable[[str], None] = print
) -> int:
    """Copy while deeds go on, restore, let two machines look at once; how many were reminded of."""
    hall = build(url, data, begins=almanac.at(begins, 6), many=cases, seed=seed, smtp_url="smtp://127.0.0.1:9")
    day = begins
    for _ in range(8):  # some days of work, so that much is decided already
        hall.clock(almanac.at(day, 7))
        ticking.decide_and_write(hall.world.engine)
        hall.clock(almanac.at(day, 10))
        hall.live_a_day(cases // 4)
        day = almanac.add(day, 1)
    hall.clock(almanac.at(day, 7))
    ticking.decide_and_write(hall.world.engine)
    hall.clock(almanac.at(day, 10))
    copied = _copy_at_work(hall, url, data)
    restored = hall.elsewhere(copied)
    try:
        now = almanac.at(almanac.add(day, _LATER), 7)
        clerk = Clerk(restored.ladders(), restored.people)
        with restored.world.look() as work:
            columns = (
                Decision.subject_kind,
                Decision.subject_id,
                Decision.generation,
                Decision.rung,
                Decision.occurrence,
            )
            clerk.recall([(*row,) for row in work.session.execute(sa.select(*columns))])
        restored.clock(now)
        due = clerk.look(restored.things(), now, almanac.at(day, 10))
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(ticking.decide_and_write, [restored.world.engine] * 2))
        compare(restored, due, now)
        ticking.decide_and_write(restored.world.engine)
        compare(restored, due, now)
    finally:
        hall.world.engine.close()
        restored.world.engine.close()
    tell(f"{len(due)} things are reminded of once in the copy, each of the highest step that is due")
    return len(due)


def _copy_at_work(hall: TownHall, url: str, data: Path) -> str:
    """A copy in the middle of deeds, as the operating guide makes it; answers its address."""
    ended, begun = threading.Event(), threading.Event()

    def work() -> None:
        while not ended.is_set():
            hall.live_a_day(5)
            begun.set()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        begun.wait(60)
        return _copy_sqlite(url, data) if url.startswith("sqlite") else _copy_postgres(url, data)
    finally:
        ended.set()
        worker.join(60)


def _copy_sqlite(url: str, data: Path) -> str:
    path = data / "copy.db"
    with sqlite3.connect(str(make_url(url).database)) as source, sqlite3.connect(path) as target:
        source.backup(target)
    source.close()
    target.close()
    return f"sqlite:///{path}"


def _copy_postgres(url: str, data: Path) -> str:
    """pg_dump of the running database, restored into a new one."""
    binaries = installed() or max(packaged().glob("pginstall*")) / "bin"
    dump, name = data / "copy.sql", f"copy{uuid4().hex}"
    subprocess.run([binaries / "pg_dump", "--no-owner", f"--file={dump}", url], check=True)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    target = make_url(url).set(database=name).render_as_string(hide_password=False)
    subprocess.run(
        [binaries / "psql", "--quiet", "--no-psqlrc", f"--file={dump}", target], check=True, stdout=subprocess.DEVNULL
    )
    return target
