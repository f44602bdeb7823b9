"""Two ways of doing the same, timed in turns."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Ratio:
    """How our way compares with the floor. Times are seconds for one repetition, one entry per round."""

    name: str
    database: str
    target: float
    ours: tuple[float, ...]
    floor: tuple[float, ...]
    note: str = ""

    @property
    def value(self) -> float:
        """Median over the rounds of floor time / our time: 1 is as fast as the floor."""
        return statistics.median(floor / ours for floor, ours in zip(self.floor, self.ours, strict=True))

    @property
    def holds(self) -> bool:
        """Whether the target is met."""
        return self.value >= self.target


def in_turns(
    rounds: Iterable[tuple[Callable[[], int], Callable[[], int]]],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Seconds per repetition of (ours, floor), round by round; each callable says how often it repeated."""
    ours, floor = [], []
    for one, other in rounds:
        ours.append(_timed(one))
        floor.append(_timed(other))
    return tuple(ours), tuple(floor)


def _timed(way: Callable[[], int]) -> float:
    gc.collect()
    began = time.perf_counter()
    repeated = way()
    return (time.perf_counter() - began) / repeated
