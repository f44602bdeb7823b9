"""The command line as these tests use it, and a programme that has been played for a while."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Prepare
from tests.world import World
from workflow import cli, rehearsal
from workflow.rehearsal import Rehearsed

UNTIL = dt.date(2027, 9, 15)
"""The world begins on 23 November 2026."""


@dataclass(frozen=True)
class Played:
    """A programme of fourteen cases, played until then."""

    world: World
    told: Rehearsed
    days: int
    """As the bar that shows the progress counted them."""


@pytest.fixture
def played(prepared: Prepare) -> Played:
    """A copy of its own for each test."""
    world, (told, days) = prepared(_play)
    return Played(world, told, days)


def _play(world: World) -> tuple[Rehearsed, int]:
    heard: list[int] = []
    told = rehearsal.rehearse(world.engine, most=14, until=UNTIL, seed=9, progress=heard.append)
    return told, sum(heard)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What `--json` put out."""
        return json.loads(self.out)


Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command in this process, in German unless told otherwise."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "STARTKLAR_SMTP_URL", "STARTKLAR_CLOCK", "STARTKLAR_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STARTKLAR_DATA", str(tmp_path / "data"))

    def run(*words: str) -> Said:
        capsys.readouterr()
        code = cli.main(words)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run
