"""Whatever is defined and whoever does what, wherever it is cut short: rows are what history gives, nothing hangs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.databases import Flavour
from tests.engine.play import play, stored_seeds

pytestmark = pytest.mark.slow

SHORT = [1, 3, 5]
STEPS = 40


@pytest.mark.parametrize("seed", [*stored_seeds(), *SHORT])
def test_whatever_happens_history_gives_the_rows_and_every_case_has_somebody(
    databases: Callable[[Flavour], str], tmp_path: Path, seed: int
) -> None:
    seen = play(databases("empty"), tmp_path, seed, STEPS)
    assert seen.done.total() >= 8
