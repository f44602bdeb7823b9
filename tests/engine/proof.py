"""The long form of the plays and races: `python3 run.py prove engine`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.databases import PostgresDatabases, SQLiteDatabases
from tests.engine.meetings import PAIRS, build, meet
from tests.engine.play import Fault, Seen, play, stored_seeds
from tests.postgres import Cluster

Databases = SQLiteDatabases | PostgresDatabases
MOST_SECONDS = 25 * 60
"""For the plays; what is left of the hour belongs to the races."""


def plays(*, seeds: int, steps: int, tell: Callable[[str], None] = print) -> None:
    """Play stored seeds and then these many, turn by turn on both databases. Raises with every seed that failed."""
    came_to, failed, played, began = Seen(), [], 0, time.monotonic()
    with Cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        sources: list[Databases] = [SQLiteDatabases(Path(folder)), PostgresDatabases(cluster.url())]
        for seed in (*stored_seeds(), *range(1000, 1000 + seeds)):
            if time.monotonic() - began > MOST_SECONDS:
                break
            for source in sources:
                try:
                    came_to += _one(source, seed, steps)
                except Fault as fault:
                    tell(str(fault))
                    failed.append(seed)
            played += 1
            if played % 20 == 0:
                tell(f"{played} seeds, {came_to.done.total()} deeds, {time.monotonic() - began:.0f} s")
        for source in sources:
            source.close()
    tell(f"{played} seeds on each database")
    tell(str(came_to))
    if failed:
        raise AssertionError(f"seeds that failed: {sorted(set(failed))}; keep them in tests/engine/seeds.txt")


def _one(source: Databases, seed: int, steps: int) -> Seen:
    url = source.fresh("empty")
    try:
        with tempfile.TemporaryDirectory() as folder:
            return play(url, Path(folder), seed, steps)
    finally:
        source.drop(url)


def meetings(*, tell: Callable[[str], None] = print) -> None:
    """Let every pair of deeds meet, in both orders, on both databases side by side. Raises with those that failed."""
    failed: list[str] = []
    with ProcessPoolExecutor(2) as processes:
        for kind, met, faults in processes.map(_meet_all, ("SQLite", "PostgreSQL")):
            tell(f"{met} meetings of two deeds, {kind}")
            for pair, found in faults.items():
                failed.append(f"{pair} ({kind})")
                tell("\n  ".join([failed[-1], *found]))
    if failed:
        raise AssertionError(f"pairs that failed: {failed}")


def _meet_all(kind: str) -> tuple[str, int, dict[str, list[str]]]:
    """On one database, in a process of its own: how many met, and what was wrong by pair."""
    failed: dict[str, list[str]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        source: Databases = (
            SQLiteDatabases(folder) if kind == "SQLite" else PostgresDatabases(stack.enter_context(Cluster()).url())
        )
        scene = build(source.fresh("empty"), folder / "scene")
        both = [one for pair in PAIRS for one in sorted({pair, pair[::-1]})]
        for first, second in both:
            if faults := meet(scene, first, second):
                failed[f"{first}, {second}"] = faults
        scene.engine.close()
        source.close()
    return kind, len(both), failed
