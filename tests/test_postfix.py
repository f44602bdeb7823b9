"""The proof with a real Postfix says what it lacks, and fails."""

import os
import shutil
from pathlib import Path

import pytest

from tests import postfix, prove


def test_without_root_it_says_so_and_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert prove.main(["postfix"]) == 1
    assert "a real Postfix needs root" in capsys.readouterr().err


def test_where_it_cannot_be_installed_it_says_so_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postfix, "_DAEMONS", Path("/nowhere"))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert prove.main(["postfix"]) == 1
    assert "there is no apt-get to install it with" in capsys.readouterr().err
