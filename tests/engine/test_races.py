"""Two who meet at one case come to what they come to one after the other: nothing is lost, nobody sees a deadlock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.databases import Flavour
from tests.engine.meetings import PAIRS, build, meet

pytestmark = pytest.mark.slow

SAMPLE = Random(5).sample(PAIRS, 20)
"""The rest, in both orders, is `python3 run.py prove engine`."""


def test_whoever_meets_at_a_case_comes_to_what_they_would_one_after_the_other(
    databases: Callable[[Flavour], str], tmp_path: Path
) -> None:
    scene = build(databases("empty"), tmp_path)
    try:
        found = {
            f"{first}, {second}": faults
            for pair in SAMPLE
            for first, second in {pair, pair[::-1]}
            if (faults := meet(scene, first, second))
        }
    finally:
        scene.engine.close()
    assert found == {}
