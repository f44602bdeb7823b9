"""The command line as these tests use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from workflow import cli


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
