"""Two ways of doing the same, timed in turns."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5
TURN = 10

Times = tuple[tuple[float, ...], tuple[float, ...]]


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
    ours: Callable[[slice], object], floor: Callable[[slice], object], each_round: int, first: int = 0
) -> Times:
    """Seconds per repetition of (ours, floor), round by round.

    Both are asked to repeat what stands in a slice, from `first` on. Within a round they take turns every few
    repetitions, so that whatever else the machine does falls on both.
    """
    times: dict[Callable[[slice], object], list[float]] = {ours: [], floor: []}
    for number in range(ROUNDS):
        begin = first + number * each_round
        gc.collect()
        spent = {ours: 0.0, floor: 0.0}
        for position in range(begin, begin + each_round, TURN):
            part = slice(position, min(position + TURN, begin + each_round))
            for way in (ours, floor):
                began = time.perf_counter()
                way(part)
                spent[way] += time.perf_counter() - began
        for way, seconds in spent.items():
            times[way].append(seconds / each_round)
    return tuple(times[ours]), tuple(times[floor])
