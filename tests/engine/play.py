"""A play: a random programme and random deeds in it, some cut short; after each, everything that must hold is asked."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from tests.engine import rules
from tests.engine.deeds import DEEDS, Deed, Drawn, Job
from tests.engine.scene import Scene, build
from workflow.engine import SYSTEM, Engine
from workflow.errors import Busy, StartklarError
from workflow.models import Base

SEEDS = Path(__file__).parent / "seeds.txt"
"""Seeds that found a fault once; they are always played first."""
DONE = "done"
OPENED_FIRST = 3
"""Cases a play tries to open before anything else, so that there is something to do."""


class PowerCut(BaseException):
    """What is thrown between two statements. Nobody in the house may catch it, as nobody catches a power cut."""


class Fault(AssertionError):
    """What a play found."""


@dataclass(slots=True)
class Seen:
    """What plays came to."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)

    def __iadd__(self, other: Seen) -> Seen:
        for name in ("done", "refused", "cut", "states"):
            getattr(self, name).update(getattr(other, name))
        return self

    def __str__(self) -> str:
        lines = []
        for name, counter in (("done", self.done), ("refused", self.refused), ("cut", self.cut)):
            told = ", ".join(f"{what} {n}" for what, n in counter.most_common())
            lines.append(f"{name} {counter.total()}: {told}")
        return "\n".join(lines)


def stored_seeds() -> list[int]:
    """Seeds that found something once."""
    lines = SEEDS.read_text(encoding="utf-8").splitlines()
    return [int(line.split("#")[0]) for line in lines if line.split("#")[0].strip()]


def play(url: str, folder: Path, seed: int, steps: int) -> Seen:
    """Play this seed in an empty database. Raises Fault, naming the seed, the step and what does not hold."""
    draw, came_to = Random(seed), Seen()
    scene = build(url, folder, draw)
    told: list[str] = []
    try:
        for number in range(steps):
            told.append(_step(scene, draw, came_to, "open_case" if number < OPENED_FIRST else None))
            if told[-1].endswith(DONE) or number == steps - 1:
                _insist(rules.faults(scene))
        _insist(rules.taken(scene))
        came_to.states.update(case.state for case in scene.cases)
    except Exception as error:
        last = "\n  ".join(told[-12:])
        raise Fault(f"seed {seed}, step {len(told)}:\n  {last}\n{type(error).__name__}: {error}") from error
    finally:
        scene.engine.close()
    return came_to


def _step(scene: Scene, draw: Random, came_to: Seen, wanted: str | None) -> str:
    """One deed, perhaps cut short first; says what it was and what became of it. What is refused changes nothing:
    whether that is so shows after the next deed that is done."""
    name, drawn = wanted or "", None
    while drawn is None:
        name = wanted or draw.choices(list(DEEDS), [often for _, often in DEEDS.values()])[0]
        drawn = DEEDS[name][0](scene, draw)
    cut_at = draw.randint(0, 25) if draw.random() < 0.3 else None
    outcome = ""
    if cut_at is not None:
        before = _kept(scene) if isinstance(drawn, Deed) else None
        outcome = _try(scene, drawn, cut_at)
        if outcome == "cut":
            came_to.cut[name] += 1
            if before is not None and _kept(scene) != before:
                raise Fault(f"{name} was cut at statement {cut_at} and left something behind")
            if before is None:
                _insist(rules.faults(scene), f"{name} was cut at statement {cut_at}")
    if outcome in ("", "cut"):
        outcome = _try(scene, drawn, None)
    (came_to.done if outcome == DONE else came_to.refused)[name if outcome == DONE else outcome] += 1
    scene.look()
    return f"{name}: {outcome}"


def _insist(faults: list[str], where: str = "") -> None:
    if faults:
        raise Fault("\n".join([where, *faults[:10]]).strip())


def _try(scene: Scene, drawn: Drawn, cut_at: int | None) -> str:
    """`done`, `cut`, or the key of the refusal."""
    try:
        with cutting(scene.engine, cut_at):
            if isinstance(drawn, Job):
                drawn.do(scene.engine)
            elif isinstance(drawn, Deed):
                with scene.engine.change(drawn.who) as work:
                    drawn.do(work)
    except PowerCut:
        outcome = "cut"
    except Busy as error:
        raise Fault(f"a play has no other writer, and was told to wait for one: {error.__cause__!r}") from error
    except StartklarError as error:
        return error.key
    else:
        return DONE
    gc.collect()  # a connection thrown away half way lets go of SQLite's lock only when its cursors are gone too
    return outcome


@contextmanager
def cutting(engine: Engine, at: int | None) -> Iterator[None]:
    """Throw a power cut before the statement of this number (None: never)."""
    count = -1

    def cut(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == at:
            raise PowerCut

    if at is None:
        yield
        return
    sa.event.listen(engine.pool, "before_cursor_execute", cut)
    try:
        yield
    finally:
        sa.event.remove(engine.pool, "before_cursor_execute", cut)


def _kept(scene: Scene) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with scene.engine.read(SYSTEM) as work:
        return {
            table.name: sorted((tuple(row) for row in work.session.execute(sa.select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }
