"""The command line follows an official edition: what it shows, what it asks, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import world as worlds
from tests.gv100ad import EXCERPT
from tests.workflow.conftest import Run
from tests.world import World, contents

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
OFFICE = "office@startklar.example"
BODENHEIM, RHEIN_SELZ, NEW = "073395002000", "073395007000", "073395010000"

pty = pytest.importorskip("pty", reason="there are no terminals to speak of on Windows")


@pytest.fixture
def world(peopled_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """People in a loaded database, which is also the command line's."""
    monkeypatch.setenv("STARTKLAR_DATABASE_URL", peopled_database_url)
    made = worlds.make(peopled_database_url, tmp_path)
    yield made
    made.engine.close()


@pytest.fixture
def next_edition(tmp_path: Path) -> Path:
    """Next year's file: the Verbandsgemeinde Bodenheim has become the Verbandsgemeinde Neuland."""
    text = EXCERPT.read_text(encoding="utf-8").replace("20251130", "20261231")
    lines = [
        line.replace("5002Bodenheim", "5010Neuland  ")
        if line.startswith("50") and line[10:22] == "07339   5002"
        else line[:18] + "5010" + line[22:]
        if line.startswith("60") and line[10:15] == "07339" and line[18:22] == "5002"
        else line
        for line in text.splitlines()
    ]
    path = tmp_path / "GV100AD_31122026.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_edition_that_is_loaded_changes_nothing(world: World, run: Run) -> None:
    said = run("import", "gv100ad", str(EXCERPT), "--as", OFFICE)
    assert said.code == 0
    assert said.out == ""
    assert "30. November 2025, gelesen als UTF-8: 194 Kommunen im Land 07" in said.err
    assert "Nichts zu ändern" in said.err


def test_a_dry_run_shows_everything_and_changes_nothing(
    world: World,
    run: Run,
    next_edition: Path,
) -> None:
    world.open("ewa", BODENHEIM)
    before = contents(world)
    said = run("import", "gv100ad", str(next_edition), "--dry-run")
    assert said.code == 0
    assert said.out.splitlines() == [
        f"neu: Verbandsgemeinde Neuland ({NEW})",
        f"weggefallen: Verbandsgemeinde Bodenheim ({BODENHEIM}), ein offener Vorgang",
    ]
    assert "Es würden 1 hinzukommen, 0 umbenannt, 0 geändert, 1 wegfallen. Nichts ist geschehen." in said.err
    told = run("import", "gv100ad", str(next_edition), "--state", "7", "--dry-run", "--json").data
    assert (told["dry_run"], told["edition"], told["state"], told["bodies"]) == (True, "2026-12-31", "07", 194)
    assert [body["ars"] for body in told["added"]] == [NEW]
    assert told["vanished"][0]["candidates"][0] == {"ars": NEW, "name": "Verbandsgemeinde Neuland"}
    assert contents(world) == before


def test_without_a_terminal_a_successor_must_be_named(
    world: World,
    run: Run,
    next_edition: Path,
) -> None:
    world.open("ewa", BODENHEIM)
    before = contents(world)
    said = run("import", "gv100ad", str(next_edition), "--as", OFFICE)
    assert said.code == 1
    assert f"Verbandsgemeinde Bodenheim ({BODENHEIM})" in said.err
    assert "--successor" in said.err
    said = run("import", "gv100ad", str(next_edition), "--as", OFFICE, "--no-successor", BODENHEIM)
    assert said.code == 1
    assert "braucht eine Nachfolge" in said.err
    assert contents(world) == before


def test_cases_go_to_the_successor_named(world: World, run: Run, next_edition: Path) -> None:
    case_id = world.open("ewa", BODENHEIM)
    words = ("import", "gv100ad", str(next_edition), "--as", OFFICE, "--successor", f"{BODENHEIM}={NEW}")
    said = run(*words)
    assert said.code == 0
    assert "ewa-073395002-1 geht an Verbandsgemeinde Neuland über." in said.out
    assert "1 hinzugekommen, 0 umbenannt, 0 geändert, 1 weggefallen." in said.err
    assert world.case(case_id).body == NEW
    again = run("import", "gv100ad", str(next_edition), "--as", OFFICE)
    assert (again.code, again.out) == (0, "")


def test_a_case_that_ends_names_the_one_that_goes_on(world: World, run: Run, next_edition: Path) -> None:
    world.open("ewa", BODENHEIM)
    world.open("ewa", RHEIN_SELZ)
    told = run(
        "import", "gv100ad", str(next_edition), "--successor", f"{BODENHEIM}={RHEIN_SELZ}", "--json", "--yes"
    ).data
    assert told["stuck"] == []
    assert told["moved"] == [
        {
            "number": "ewa-073395002-1",
            "service": "ewa",
            "from": BODENHEIM,
            "to": RHEIN_SELZ,
            "superseded_by": "ewa-073395007-1",
        }
    ]


def test_an_account_without_the_right_is_refused(world: World, run: Run) -> None:
    said = run("import", "gv100ad", str(EXCERPT), "--as", "admin@startklar.example")
    assert said.code == 1
    assert "Programmbüro" in said.err


@pytest.mark.parametrize(
    ("words", "german"),
    [
        (["gv100ad"], "FILE fehlt"),
        (["gv100ad", "x", "--state", "RLP"], "zwei Ziffern"),
        (["gv100ad", "x", "--successor", "abc"], "ALT=NEU"),
        (["gv100ad", "x", "--successor", f"{BODENHEIM}={BODENHEIM}"], "ALT=NEU"),
        (["gv100ad", "x", "--no-successor", "1"], "keine Nachfolge"),
    ],
)
def test_wrong_use_is_said_and_ends_with_two(world: World, run: Run, words: list[str], german: str) -> None:
    said = run("import", *words)
    assert (said.code, german in said.err) == (2, True), said.err


@pytest.mark.parametrize(
    ("content", "words", "german"),
    [
        (b"", [], "ist leer"),
        (b"ars,name\n", [], "ist kein GV100AD"),
        (EXCERPT.read_bytes()[:5000], [], "abgeschnitten"),
        (EXCERPT.read_bytes(), ["--state", "06"], "Das Land 06 steht nicht in der Datei. Enthalten sind: 07."),
        (None, [], "GV100AD.txt"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_and_ends_with_one(
    world: World,
    run: Run,
    tmp_path: Path,
    content: bytes | None,
    words: list[str],
    german: str,
) -> None:
    path = tmp_path / "GV100AD.txt"
    if content is not None:
        path.write_bytes(content)
    before = contents(world)
    said = run("import", "gv100ad", str(path), *words)
    assert (said.code, said.out) == (1, "")
    assert german in said.err
    assert len(said.err.splitlines()) == 1
    assert contents(world) == before


def test_on_a_terminal_the_person_chooses_and_confirms(world: World, next_edition: Path) -> None:
    case_id = world.open("ewa", BODENHEIM)
    code, told = _typed("import", "gv100ad", str(next_edition), "--as", OFFICE, answers="99\n1\nn\n")
    assert (code, world.case(case_id).body) == (1, BODENHEIM)
    assert "Nichts ist geschehen." in told
    code, told = _typed("import", "gv100ad", str(next_edition), "--as", OFFICE, answers="1\nj\n")
    assert (code, world.case(case_id).body) == (0, NEW)
    assert "Wer übernimmt Verbandsgemeinde Bodenheim?" in told
    assert f"1  Verbandsgemeinde Neuland ({NEW})" in told


def _typed(*words: str, answers: str) -> tuple[int, str]:
    """A command as somebody types it on a terminal: exit code, and what the terminal shows."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answers.encode())
        ended = subprocess.run(
            [sys.executable, "-m", "workflow.cli", "--language", "de", *words],
            cwd=ROOT,
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            timeout=60,
            check=False,
        )
        os.set_blocking(ours, False)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except BlockingIOError:
            pass
    finally:
        os.close(theirs)
        os.close(ours)
    return ended.returncode, shown.decode()
