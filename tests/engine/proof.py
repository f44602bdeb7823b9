"""The long form of the plays and races: `python3 run.py prove engine`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
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
    """Let every pair of deeds meet, in both orders, on both databases. Raises with those that failed."""
    failed: list[str] = []
    with Cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        sources: list[Databases] = [SQLiteDatabases(Path(folder)), PostgresDatabases(cluster.url())]
        for source in sources:
            kind, met = type(source).__name__, 0
            with tempfile.TemporaryDirectory() as place:
                scene = build(source.fresh("empty"), Path(place))
                for pair in PAIRS:
                    for first, second in sorted({pair, pair[::-1]}):
                        met += 1
                        if faults := meet(scene, first, second):
                            failed.append(f"{first}, {second} ({kind})")
                            tell("\n  ".join([failed[-1], *faults]))
                scene.engine.close()
            tell(f"{met} meetings of two deeds, {kind}")
            source.close()
    if failed:
        raise AssertionError(f"pairs that failed: {failed}")
