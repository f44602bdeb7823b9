"""`python -m benchmarks [--json] [--quick]`: measure, and print a table or JSON.

Ratios are what counts: 1.00 is as fast as the floor measured in the same round on the same machine. Absolute times are
for orientation and never asserted. A missed target is reported, not a failure.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import databases, deeds, growth, installation, machine, memory, opening, pages, rehearsing, reminding
from benchmarks.databases import Database
from benchmarks.growth import Grown, Moved
from benchmarks.installation import Opened
from benchmarks.measuring import ROUNDS, Ratio
from benchmarks.reminding import Idle, Morning
from tests.postgres import NoPostgres
from workflow.checking import check
from workflow.rehearsal import Rehearsed

DEFINITIONS = Path(__file__).parents[1] / "definitions"


@dataclass(frozen=True, slots=True)
class Size:
    """How often something is repeated in each of the rounds."""

    deeds: int
    pages: int
    large_pages: int
    """Among as many cases as there are at most."""
    cases: int
    grown: int
    """Cases of the large programme."""
    grown_deeds: int
    rungs: int
    """Due on one morning."""
    open_tasks: int
    """Of the large programme in which nothing is due; the small one has a thousand."""
    passes: int


FULL = Size(
    deeds=80,
    pages=150,
    large_pages=50,
    cases=60,
    grown=100_000,
    grown_deeds=20,
    rungs=10_000,
    open_tasks=1_000_000,
    passes=20,
)
QUICK = Size(
    deeds=15, pages=30, large_pages=10, cases=10, grown=10_000, grown_deeds=8, rungs=1_000, open_tasks=20_000, passes=10
)


@dataclass(frozen=True, slots=True)
class Reported:
    """What is told and has no floor to stand beside."""

    opened: Opened
    played: Rehearsed
    web_mb: float
    """Resident memory of a web process after some hundred pages."""
    grown: Grown
    moved: Moved
    morning: Morning
    idle: Idle


def main(words: list[str] | None = None) -> int:
    """Measure on both databases."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast Startklar is, measured.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: a look, not a measurement")
    asked = parser.parse_args(words)
    size = QUICK if asked.quick else FULL
    results: list[Ratio] = []
    reported: dict[str, Reported] = {}
    try:
        with databases.both() as kinds, tempfile.TemporaryDirectory(prefix="startklar-bench-") as data:
            facts = machine.facts(kinds)
            facts["checking the definitions, ms"] = _checking_ms()
            for kind in kinds:
                print(f"{kind.name} …", file=sys.stderr, flush=True)
                found, reported[kind.name] = _measure(kind, Path(data), size)
                results += found
    except NoPostgres as error:
        print(f"There is no PostgreSQL to measure on: {error}", file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps(_as_json(facts, results, reported), ensure_ascii=False, indent=2))
    else:
        _print(facts, results, reported)
    return 0


def _measure(database: Database, data: Path, size: Size) -> tuple[list[Ratio], Reported]:
    url = database.fresh()
    people = installation.make(url, data)
    moved = growth.milestone(database, url, people, data=data)
    found = [opening.measure(database, url, people, data=data)]
    opened = installation.open_everything(url, data, people)
    copied = database.copy(url)
    found += deeds.measure(database, url, people, each_round=size.deeds, data=data)
    large = database.copy(copied)
    found += pages.measure(database, copied, people, each_round=size.pages, data=data)
    found += pages.measure(database, large, people, each_round=size.large_pages, data=data, cases=size.grown)
    morning = reminding.morning(database, copied, rungs=size.rungs, data=data)
    idle = reminding.idle(database, copied, few=1_000, many=size.open_tasks, each_round=size.passes, data=data)
    played = rehearsing.measure(database, data, most=size.cases)
    grown = growth.measure(database, url, people, each_round=size.grown_deeds, wanted=size.grown, data=data)
    return found, Reported(opened, played, memory.of_a_web_process(url, people, data), grown, moved, morning, idle)


def _checking_ms() -> int:
    """How long an author waits for the check of the definitions that come with the product (wanted: under 3 s)."""
    begun = time.perf_counter()
    check(DEFINITIONS)
    return round((time.perf_counter() - begun) * 1000)


def _as_json(facts: dict[str, str | int], results: list[Ratio], reported: dict[str, Reported]) -> dict[str, object]:
    return {
        "machine": facts,
        "rounds": ROUNDS,
        "measures": [
            {
                "name": result.name,
                "database": result.database,
                "ratio": round(result.value, 3),
                "target": result.target,
                "holds": result.holds,
                "ours_ms": [round(seconds * 1000, 3) for seconds in result.ours],
                "floor_ms": [round(seconds * 1000, 3) for seconds in result.floor],
                "note": result.note,
            }
            for result in results
        ],
        "reported": [
            {
                "database": name,
                "cases_opened": found.opened.cases,
                "tasks_opened": found.opened.tasks,
                "opening_seconds": round(found.opened.seconds, 2),
                "rehearsed_cases": found.played.cases,
                "rehearsed_deeds": found.played.deeds,
                "rehearsed_deeds_per_second": round(found.played.deeds / found.played.seconds),
                "web_process_mb": round(found.web_mb),
                "milestone_cases": found.moved.cases,
                "milestone_reached_ms": round(found.moved.reaching_seconds * 1000, 1),
                "milestone_followed_seconds": round(found.moved.following_seconds, 2),
                "morning": {
                    "rungs": found.morning.rungs,
                    "mails": found.morning.mails,
                    "deciding_seconds": round(found.morning.deciding_seconds, 2),
                    "writing_seconds": round(found.morning.writing_seconds, 2),
                    "memory_mb": round(found.morning.memory_mb),
                    "holds": found.morning.holds,
                },
                "nothing_due": {
                    "few_tasks": found.idle.few_tasks,
                    "many_tasks": found.idle.many_tasks,
                    "few_ms": [round(seconds * 1000, 3) for seconds in found.idle.few],
                    "many_ms": [round(seconds * 1000, 3) for seconds in found.idle.many],
                    "ratio": round(found.idle.value, 3),
                    "target": reminding.MOST,
                    "holds": found.idle.holds,
                },
                "grown_cases": found.grown.large,
                "growing_seconds": round(found.grown.building_seconds, 1),
                "growth": [
                    {
                        "name": one.name,
                        "ratio": round(one.value, 3),
                        "target": growth.MOST,
                        "holds": one.holds,
                        "small_ms": [round(seconds * 1000, 3) for seconds in one.small],
                        "large_ms": [round(seconds * 1000, 3) for seconds in one.large],
                    }
                    for one in found.grown.deeds
                ],
            }
            for name, found in reported.items()
        ],
    }


def _print(facts: dict[str, str | int], results: list[Ratio], reported: dict[str, Reported]) -> None:
    out = Console(highlight=False, soft_wrap=True, width=120)
    out.print(", ".join(f"{name} {value}" for name, value in facts.items()))
    table = Table(box=None, pad_edge=False)
    for head in ("measure", "database", "ours", "floor", "ratio", "target", "", "of"):
        figures = head in ("ours", "floor", "ratio", "target")
        table.add_column(head, justify="right" if figures else "left", no_wrap=True)
    for result in results:
        table.add_row(
            result.name,
            result.database,
            f"{statistics.median(result.ours) * 1000:.2f} ms",
            f"{statistics.median(result.floor) * 1000:.2f} ms",
            f"{result.value:.2f}",
            f"{result.target:.2f}",
            "" if result.holds else "MISSED",
            result.note,
        )
    out.print(table)
    for name, found in reported.items():
        opened, played = found.opened, found.played
        out.print(f"{name}: opening {opened.cases} cases with {opened.tasks} tasks {opened.seconds:.1f} s")
        out.print(
            f"{name}: rehearsing {played.cases} cases, {played.deeds} deeds and {played.mails} mails "
            f"in {played.seconds:.0f} s, {played.deeds / played.seconds:.0f} deeds a second"
        )
        for line in (*growth.written(found.grown, found.moved), *reminding.written(found.morning, found.idle)):
            out.print(f"{name}: {line}")
        out.print(f"{name}: a web process holds {found.web_mb:.0f} MB (wanted: under {memory.MOST_MB})")


if __name__ == "__main__":
    sys.exit(main())
