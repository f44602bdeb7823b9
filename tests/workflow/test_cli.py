"""The command line: what it does, what it says in either language, and how it ends."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests import world as worlds
from tests.databases import SQLiteDatabases
from tests.definitions import folder as small
from tests.workflow.conftest import Run
from tests.world import TOWN, World
from workflow import cases, cli, people, sessions, settings, start, tasks, texts
from workflow.models import Case, Event, Grant, Invitation, Message, Notice, Person

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
OFFICE = "office@startklar.example"
TEAM = "team@startklar.example"

COMMANDS: tuple[list[str], ...] = (
    [],
    ["init"],
    ["upgrade"],
    ["serve"],
    ["scheduler"],
    ["tick"],
    ["check"],
    ["definitions"],
    ["definitions", "load"],
    ["definitions", "list"],
    ["definitions", "schema"],
    ["definitions", "release"],
    ["open"],
    ["advance"],
    ["move"],
    ["verify"],
    ["replay"],
    ["export"],
    ["export", "case"],
    ["erase"],
    ["erase", "person"],
    ["erase", "remark"],
    ["import"],
    ["import", "gv100ad"],
    ["mailbox"],
    ["mailbox", "end"],
    ["mailbox", "list"],
    ["mailbox", "set"],
    ["person"],
    ["person", "add"],
    ["person", "invite"],
    ["person", "list"],
    ["mails"],
    ["mails", "bounce"],
    ["mails", "dead"],
    ["mails", "renew-links"],
    ["mails", "resend"],
    ["mails", "simulate"],
    ["person", "address"],
    ["clock"],
    ["clock", "show"],
    ["clock", "set"],
    ["clock", "advance"],
    ["rehearse"],
    ["why"],
    ["explain"],
    ["bulk"],
    ["bulk", "open"],
    ["bulk", "advance"],
    ["bulk", "assign"],
    ["bulk", "submit"],
    ["bulk", "team"],
    ["bulk", "hold"],
    ["bulk", "resume"],
    ["bulk", "list"],
    ["bulk", "show"],
    ["bulk", "continue"],
    ["person", "same"],
)


@pytest.fixture
def world(peopled_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """People in a loaded database, which is also the command line's."""
    monkeypatch.setenv("STARTKLAR_DATABASE_URL", peopled_database_url)
    made = worlds.make(peopled_database_url, tmp_path)
    yield made
    made.engine.close()


@pytest.fixture
def small_world(sqlite_databases: SQLiteDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The same on SQLite, for what no other database would change."""
    url = sqlite_databases.fresh("peopled")
    monkeypatch.setenv("STARTKLAR_DATABASE_URL", url)
    made = worlds.make(url, tmp_path)
    yield made
    made.engine.close()
    sqlite_databases.drop(url)


@pytest.fixture
def bare(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database nobody has set up."""
    monkeypatch.setenv("STARTKLAR_DATABASE_URL", empty_database_url)
    return empty_database_url


def process(*words: str, stdin: bytes = b"", **surroundings: str) -> subprocess.CompletedProcess[bytes]:
    """A command as somebody types it."""
    return subprocess.run(
        [sys.executable, "-m", "workflow.cli", *words],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        timeout=60,
        env=_surroundings(**surroundings),
        check=False,
    )


def _surroundings(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STARTKLAR_", "LC_", "LANG"))}
    return kept | more


def count(world: World, model: Any) -> int:
    """Rows of a table."""
    with world.look() as work:
        return int(work.session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one())


# --- help and wrong use ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "startklar")
def test_every_command_explains_itself_in_both_languages(run: Run, words: list[str]) -> None:
    german, english = run(*words, "--help"), run("--language", "en", *words, "--help")
    assert german.code == english.code == 0
    assert german.out.startswith("Aufruf: startklar")
    assert english.out.startswith("Usage: startklar")
    assert "Zeigt diese Hilfe." in german.out
    assert "Show this help." in english.out
    assert german.err == english.err == ""


def test_all_commands_are_known_to_these_tests() -> None:
    def below(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield path
        for name, inner in getattr(command, "commands", {}).items():
            yield from below(inner, (*path, name))

    assert {tuple(words) for words in COMMANDS} == set(below(cli.startklar, ()))


def test_help_does_not_wait_for_what_only_deeds_need() -> None:
    heavy = "{'sqlalchemy', 'alembic', 'pydantic', 'rich', 'holidays', 'flask', 'argon2'}"
    words = f"import sys; from workflow import cli; cli.main(['--help']); sys.exit(sorted({heavy} & set(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=False, env=_surroundings()
    )
    assert ended.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "german", "english"),
    [
        (["opne"], "Einen Befehl „opne“ gibt es nicht. Gemeint ist vielleicht „open“", "There is no command ‘opne’"),
        (["open", "--foo"], "Eine Option --foo gibt es hier nicht.", "There is no option --foo here."),
        (["open", "wohngeld"], "--as fehlt.", "--as is missing."),
        (["open", "--as", "x@y.example"], "entweder Leistungen oder --all", "either services or --all"),
        (["open", "a", "--all", "--as", "x@y.example"], "entweder Leistungen oder --all", "either services or --all"),
        (["advance", "x", "--as", "x@y.example"], "TRANSITION fehlt.", "TRANSITION is missing."),
        (["tick", "now"], "zu viele oder nicht die erwarteten", "too many or not the expected"),
        (["init", "--clock", "sun"], "Möglich ist: system, manual.", "Possible is: system, manual."),
        (["init", "--now"], "ihr Wert fehlt", "value is missing"),
        (
            ["init", "--now", "2026-01-01"],
            "--now gibt es nur mit --clock manual",
            "--now goes only with --clock manual",
        ),
        (["clock", "set", "31.12.2026"], "kein Zeitpunkt", "not an instant"),
        (["clock", "set", "0001-01-01"], "kein Zeitpunkt", "not an instant"),
        (["clock", "advance", "--working-days", "0"], "von 1 bis 260", "from 1 to 260"),
        (["serve", "--port", "99999"], "von 1 bis 65535", "from 1 to 65535"),
        (["serve", "--port", "１２"], "von 1 bis 65535", "from 1 to 65535"),
        (["--language", "fr", "tick"], "Möglich ist: de, en.", None),
    ],
)
def test_wrong_use_is_a_sentence_and_ends_with_two(
    run: Run, words: list[str], german: str, english: str | None
) -> None:
    said = run(*words)
    assert said.code == 2
    assert german.lower() in said.err.lower()
    assert said.out == ""
    if english is not None:
        assert english in run("--language", "en", *words).err


def test_without_a_command_help_is_shown_and_it_ends_with_two(run: Run) -> None:
    said = run()
    assert (said.code, said.out) == (2, "")
    assert "Befehle:" in said.err
    assert "Vorgänge für Leistungen" in said.err


@pytest.mark.slow
def test_the_language_is_that_of_the_surroundings_unless_named() -> None:
    assert process("opne").stderr.decode().startswith("Einen Befehl")
    assert process("opne", LANG="C.UTF-8").stderr.decode().startswith("Einen Befehl")
    assert process("opne", LANG="en_GB.UTF-8").stderr.decode().startswith("There is no")
    assert process("opne", LANG="en_GB.UTF-8", LC_ALL="de_DE.UTF-8").stderr.decode().startswith("Einen Befehl")
    assert process("--language=de", "opne", LANG="en_GB.UTF-8").stderr.decode().startswith("Einen Befehl")


def test_what_is_no_text_on_the_command_line_is_refused_in_words(run: Run) -> None:
    said = run("person", "add", "--email", os.fsdecode(b"\xff@town.example"), "--name", "A")
    assert said.code == 2
    assert "kein Text in UTF-8" in said.err


# --- a new installation ----------------------------------------------------------------------------------------------


def test_init_makes_an_installation_and_says_what_to_do_next(run: Run, bare: str) -> None:
    said = run("init", "--clock", "manual", "--now", "2026-11-23T08:00", "--example")
    assert (said.code, said.err) == (0, "")
    assert "194 Kommunen, 16 Leistungen" in said.out
    assert "startklar person add" in said.out
    assert run("clock", "show", "--json").data == {"clock": "manual", "now": "2026-11-23T07:00:00+00:00"}

    again = run("init")
    assert again.code == 1
    assert "schon eingerichtet" in again.err


def test_a_rehearsal_plays_a_programme_from_the_command_line(run: Run, bare: str) -> None:
    run("init", "--clock", "manual", "--now", "2026-11-23T08:00")
    said = run("rehearse", "--cases", "2", "--until", "2027-02-01", "--seed", "4", "--json")
    assert said.code == 0
    assert said.data["cases"] == 2
    assert said.data["deeds"] > 4
    assert sum(said.data["states"].values()) == 2
    assert run("clock", "show", "--json").data["now"] == "2027-02-01T06:00:00+00:00"
    assert "1 Vorgänge" not in run("rehearse", "--cases", "1", "--until", "2027-02-15").out

    backwards = run("rehearse", "--until", "2026-12-01")
    assert backwards.code == 1
    assert "Bitte nennen Sie einen späteren Tag" in backwards.err


def test_init_makes_nothing_from_definitions_that_do_not_hang_together(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small.write_minimal(tmp_path / "definitions")
    small.edit(folder, small.PROCESS, "initial:", "inital:")
    monkeypatch.setenv("STARTKLAR_DEFINITIONS", str(folder))
    monkeypatch.delenv("STARTKLAR_DATABASE_URL", raising=False)
    said = run("init")
    assert said.code == 1
    assert f"{small.PROCESS}:" in said.err
    assert not (tmp_path / "data").exists()


def test_nothing_is_made_where_nobody_called_for_it(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STARTKLAR_DATABASE_URL", raising=False)
    (tmp_path / "data").mkdir()
    for words in (["person", "list"], ["tick"], ["upgrade"], ["serve"], ["clock", "show"]):
        said = run(*words)
        assert said.code == 1
        assert "startklar init" in said.err
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "german"),
    [
        ("STARTKLAR_DATABASE_URL", "mysql://somewhere", "STARTKLAR_DATABASE_URL"),
        ("STARTKLAR_DATABASE_URL", "postgresql://127.0.0.1:1/none", "nicht zu erreichen"),
        ("STARTKLAR_CLOCK", "sundial", "STARTKLAR_CLOCK"),
    ],
)
def test_surroundings_that_make_no_sense_are_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, german: str
) -> None:
    monkeypatch.setenv(name, value)
    said = run("tick")
    assert said.code == 1
    assert german in said.err


def test_a_file_that_is_no_database_is_refused_in_words(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Sehr geehrte Damen und Herren, " * 100, encoding="utf-8")
    monkeypatch.setenv("STARTKLAR_DATABASE_URL", f"sqlite:///{file}")
    for words in (["init"], ["tick"]):
        said = run(*words)
        assert said.code == 1
        assert "nicht zu erreichen" in said.err


def test_the_clock_of_the_surroundings_must_be_the_installations(
    run: Run, small_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("clock", "show").code == 0
    monkeypatch.setenv("STARTKLAR_CLOCK", "system")
    said = run("clock", "show")
    assert said.code == 1
    assert "STARTKLAR_CLOCK" in said.err
    assert count(small_world, Person) > 0


def test_upgrade_leaves_a_current_database_alone(run: Run, small_world: World) -> None:
    before = worlds.contents(small_world)
    said = run("upgrade")
    assert said.code == 0
    assert "schon auf dem Stand" in said.out
    assert worlds.contents(small_world) == before


def test_a_schema_of_another_program_is_refused(run: Run, world: World) -> None:
    with world.engine.pool.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for words in (["upgrade"], ["person", "list"]):
        said = run(*words)
        assert said.code == 1
        assert "9999" in said.err


# --- definitions -----------------------------------------------------------------------------------------------------


def test_check_counts_what_is_there_when_all_is_well(run: Run) -> None:
    assert "1 Prozessversion(en), 16 Leistungen, 194 Kommunen" in run("check").out
    assert run("--language", "en", "check", "--json").data["counts"]["bodies"] == 194


def test_check_names_every_fault_with_its_place(run: Run, tmp_path: Path) -> None:
    folder = small.write_minimal(tmp_path)
    small.edit(folder, small.PROCESS, "initial:", "inital:")
    said = run("check", str(folder))
    assert said.code == 1
    lines = said.out.splitlines()
    assert lines
    assert all(re.match(r"[^:]+:\d+:\d+: \S", line) for line in lines)
    assert any(line.startswith(small.PROCESS) and "inital" in line for line in lines)
    shown = run("--language", "en", "check", str(folder), "--json")
    assert shown.code == 1
    assert {"file", "line", "column", "key", "message"} == set(shown.data["faults"][0])
    assert len(shown.data["faults"]) == len(lines)


BOMB = "a: &a [x, x]\n" + "\n".join(
    f"{new}: &{new} [*{old}, *{old}]" for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("file", "content", "german"),
    [
        (small.SERVICE, "title: Straße".encode("latin-1"), "UTF-8"),
        (small.SERVICE, b"a" * 100_000_000, "größer als"),
        (small.SERVICE, BOMB.encode(), "Anker"),
        (small.SERVICE, b"\x00\x01", "unsichtbares"),
        (small.SERVICE, b"[" * 100_000, "verschachtelt"),
        ("bodies/municipalities.csv", b"ars;name\n1;2\n", "Spalten"),
        ("programme.yaml", b"programme: small\n", "fehlt"),
    ],
    ids=["latin-1", "100 MB", "YAML bomb", "no text", "deep", "wrong columns", "missing keys"],
)
def test_bad_definitions_are_refused_in_words_and_change_nothing(
    run: Run, small_world: World, tmp_path: Path, file: str, content: bytes, german: str
) -> None:
    folder = small.write_minimal(tmp_path / "definitions")
    small.write(folder, file, content)
    before = worlds.contents(small_world)
    began = time.monotonic()
    checked, loaded = run("check", str(folder)), run("definitions", "load", str(folder))
    assert checked.code == loaded.code == 1
    assert german in checked.out
    assert german in loaded.err
    assert time.monotonic() - began < 20
    assert worlds.contents(small_world) == before


def test_loading_again_changes_nothing_and_a_dry_run_says_what_would_change(
    run: Run, world: World, tmp_path: Path
) -> None:
    assert run("definitions", "load", "--dry-run", "--json").data == {
        "dry_run": True,
        "added": [],
        "changed": [],
        "different": [],
        "following": [],
    }
    folder = small.write_minimal(tmp_path / "definitions")
    before = worlds.contents(world)
    tried = run("definitions", "load", str(folder), "--dry-run", "--json")
    assert tried.code == 0
    assert {"kind": "service", "name": "dogs"} in tried.data["added"]
    assert worlds.contents(world) == before
    assert "Geladen. Neu: " in run("definitions", "load", str(folder)).out
    assert {"process", "service"} == {
        entry["kind"] for entry in run("definitions", "list", "--json").data["definitions"]
    }


def test_what_is_loaded_is_listed(run: Run, small_world: World) -> None:
    listed = run("definitions", "list")
    assert listed.out.splitlines()[0].split() == ["Art", "Name", "Version", "Titel"]
    assert any(line.split()[:3] == ["Prozess", "efa-onboarding", "1"] for line in listed.out.splitlines())
    (process_,) = (
        entry for entry in run("definitions", "list", "--json").data["definitions"] if entry["kind"] == "process"
    )
    assert len(process_["fingerprint"]) == 64
    assert count(small_world, Case) == 0


def test_schemas_are_written_beside_the_definitions(run: Run, tmp_path: Path) -> None:
    folder = small.write_minimal(tmp_path)
    assert run("definitions", "schema", str(folder)).code == 0
    names = {path.name for path in (folder / "schema").iterdir()}
    assert names == {"process.json", "programme.json", "service.json", "prerequisites.json", "groups.json"}
    assert all(json.loads((folder / "schema" / name).read_text(encoding="utf-8")) for name in names)
    assert run("check", str(folder)).code == 0


def test_release_puts_out_the_lines_that_are_missing(run: Run, tmp_path: Path) -> None:
    folder = small.write_minimal(tmp_path)
    small.write(folder, "processes/released.txt", "# none yet\n")
    line = run("definitions", "release", str(folder)).out
    assert re.fullmatch(r"onboarding/1 [0-9a-f]{64}\n", line)
    small.write(folder, "processes/released.txt", line)
    said = run("definitions", "release", str(folder))
    assert (said.code, said.out) == (0, "")
    assert "schon" in said.err


# --- cases -----------------------------------------------------------------------------------------------------------


def test_opening_a_service_opens_what_is_not_open_yet(run: Run, world: World) -> None:
    before = worlds.contents(world)
    tried = run("open", "wohngeld", "--dry-run", "--as", OFFICE)
    assert tried.code == 0
    assert "Nichts wurde geändert. Es würden 44 Vorgänge geöffnet." in tried.err
    assert worlds.contents(world) == before

    done = run("open", "wohngeld", "--as", OFFICE)
    assert done.code == 0
    assert "44 Vorgänge geöffnet." in done.err
    assert len(done.out.splitlines()) == 45
    assert count(world, Case) == 44

    again = run("--language", "en", "open", "wohngeld", "--as", OFFICE)
    assert (again.code, again.out) == (0, "")
    assert "nothing to open" in again.err


def test_opening_one_case_twice_is_refused(run: Run, world: World) -> None:
    once = run("open", "wohngeld", "--body", TOWN, "--as", OFFICE, "--json")
    assert once.code == 0
    assert [case["number"] for case in once.data["cases"]] == ["wohngeld-07339-1"]
    twice = run("open", "wohngeld", "--body", TOWN, "--as", OFFICE)
    assert (twice.code, twice.out) == (1, "")
    assert "Es gibt schon den Vorgang wohngeld-07339-1" in twice.err
    assert "wohngeld-07339-1" in run("--language", "en", "open", "wohngeld", "--body", TOWN, "--as", OFFICE).err
    assert count(world, Case) == 1


def test_a_case_opened_under_a_key_is_opened_once_and_told_again(run: Run, world: World) -> None:
    words = ["open", "wohngeld", "--body", TOWN, "--as", OFFICE, "--key", "nightly-7"]
    once, twice = run(*words, "--json"), run(*words, "--json")
    assert (once.code, twice.code, twice.data) == (0, 0, once.data)
    assert count(world, Case) == 1
    other = run("open", "uvg", *words[2:])
    assert (other.code, "demselben Schlüssel" in other.err) == (1, True)
    for wrong in (["--dry-run"], ["uvg"]):
        said = run(*words, *wrong)
        assert (said.code, "bulk open" in said.err) == (2, True)
    assert run("open", "wohngeld", "--body", TOWN, "--as", OFFICE).code == 1


def test_a_case_that_cannot_be_opened_does_not_stop_the_others(run: Run, world: World) -> None:
    said = run("open", "wohngeld", "--as", TEAM, "--json")
    assert said.code == 1
    refused = [case for case in said.data["cases"] if "refused" in case]
    opened = [case for case in said.data["cases"] if case["number"]]
    assert len(refused) + len(opened) == 44
    assert {case["team"] for case in opened} == {world.team}
    assert world.team not in {case["team"] for case in refused}
    assert "Umsetzungsteam" in refused[0]["refused"]["message"]
    assert count(world, Case) == len(opened) > 0


@pytest.mark.parametrize(
    ("words", "german"),
    [
        (["wohngelt"], "keine Leistung „wohngelt“"),
        (["wohngeld", "--body", "999999999999"], "Schlüssel 999999999999"),
        (["--all", "--body", "x"], "Schlüssel x"),
        (["wohngeld", "--body", "071310007007"], "nicht zuständig"),
    ],
)
def test_what_does_not_exist_cannot_be_opened(run: Run, world: World, words: list[str], german: str) -> None:
    said = run("open", *words, "--as", OFFICE)
    assert said.code == 1
    assert german in said.err
    assert count(world, Case) == 0


def test_somebody_without_an_account_does_nothing(run: Run, small_world: World) -> None:
    said = run("open", "wohngeld", "--as", "nobody@startklar.example")
    assert said.code == 1
    assert "kein Konto mit der Adresse nobody@startklar.example" in said.err
    assert count(small_world, Case) == 0


def test_one_body_gets_the_whole_catalogue(run: Run, world: World) -> None:
    said = run("open", "--all", "--body", TOWN, "--as", OFFICE, "--json")
    assert said.code == 0
    assert {case["body"] for case in said.data["cases"]} == {TOWN}
    assert count(world, Case) == len(said.data["cases"]) > 5


def test_a_case_moves_on_by_its_number(run: Run, world: World) -> None:
    case_id = world.open()
    number = world.case(case_id).number
    refused = run("advance", number, "contract", "--as", TEAM)
    assert refused.code == 1
    assert "Es fehlt noch etwas" in refused.err
    assert "  Die Aufgabe „Vormerkung annehmen" in refused.err
    assert "Zuständig: Digitalisierungsbeauftragte:r, fällig am" in refused.err
    assert (
        "Responsible: Digitalisation officer, due"
        in run("--language", "en", "advance", number, "contract", "--as", TEAM).err
    )

    world.finish_state(case_id)
    world.satisfy(case_id)
    done = run("advance", number, "contract", "--as", TEAM, "--key", "nightly-7", "--json")
    assert done.data == {"number": number, "state": "contracted", "version": 2}
    again = run("advance", number, "contract", "--as", TEAM, "--key", "nightly-7", "--json")
    assert (again.code, again.data) == (0, done.data)
    other = run("advance", number, "connect", "--as", TEAM, "--key", "nightly-7")
    assert other.code == 1
    assert "demselben Schlüssel" in other.err
    assert world.case(case_id).state == "contracted"


@pytest.mark.parametrize(
    ("words", "other"),
    [
        (["person", "add", "--email", "neu@kreis.example", "--name", "Neu"], ["--name", "Anders"]),
        (["person", "same", "digi@startklar.example", "it@startklar.example"], ["--undo"]),
        (["person", "address", "digi@startklar.example", "neu@kreis.example"], None),
        (["erase", "person", "digi@startklar.example", "--yes"], None),
        (["mailbox", "set", f"all@{TOWN}", "rathaus@kreis.example"], ["--language", "en"]),
        (["clock", "advance", "--working-days", "2"], None),
        (["clock", "set", "2027-03-01T08:00"], None),
    ],
    ids=lambda words: " ".join(words[:2]) if words else "",
)
def test_what_an_operator_asks_for_twice_under_one_key_is_done_once(
    run: Run, world: World, words: list[str], other: list[str] | None
) -> None:
    done = run(*words, "--key", "k1")
    assert done.code == 0, done.err
    before = worlds.contents(world)
    again = run(*words, "--key", "k1")
    assert again.code == 0, again.err
    assert worlds.contents(world) == before
    if other is not None:
        refused = run(*words, *other, "--key", "k1")
        assert (refused.code, "demselben Schlüssel" in refused.err) == (1, True)
    assert ("Kennwort" in done.out) >= ("Kennwort" in again.out)


def test_an_answer_a_step_asks_for_is_given_or_missed_by_name(run: Run, world: World) -> None:
    case_id = world.open()
    number = world.case(case_id).number
    missed = run("advance", number, "not_responsible", "--as", TEAM)
    assert missed.code == 1
    assert "  reason: Diese Angabe fehlt noch." in missed.err
    assert run("advance", number, "not_responsible", "--as", TEAM, "--answer", "reason").code == 2
    said = run("advance", number, "not_responsible", "--as", TEAM, "--answer", "reason=Zweckverband=ja")
    assert said.code == 0
    assert "steht jetzt in „" in said.out
    assert world.case(case_id).state == "not_responsible"


def test_a_case_is_handed_over_with_a_reason(run: Run, world: World) -> None:
    case_id = world.open()
    number = world.case(case_id).number
    words = ("move", number, "--reason", "Die Kollegen kennen das Fachverfahren.", "--as", OFFICE)
    assert run("move", number, "--to-team", "nord", "--as", OFFICE).code == 2
    unknown = run(*words, "--to-team", "west")
    assert (unknown.code, "Ein Team „west“ gibt es hier nicht." in unknown.err) == (1, True)
    done = run(*words, "--to-team", "nord", "--json")
    assert done.data == {"number": number, "team": "nord", "version": 2}
    assert world.case(case_id).team == "nord"
    again = run(*words, "--to-team", "nord")
    assert (again.code, "begleitet ihn schon" in again.err) == (1, True)
    assert "„Umsetzungsteam Süd“" in run(*words, "--to-team", "sued").out


def test_rights_hold_on_the_command_line_too(run: Run, world: World) -> None:
    number = world.case(world.open()).number
    forbidden = run("advance", number, "contract", "--as", OFFICE)
    assert forbidden.code == 1
    assert "Umsetzungsteam" in forbidden.err
    hidden = run("advance", number, "contract", "--as", "stranger@startklar.example")
    unknown = run("advance", "wohngeld-99999-1", "contract", "--as", TEAM)
    assert hidden.code == unknown.code == 1
    assert hidden.err.replace(number, "X") == unknown.err.replace("wohngeld-99999-1", "X")


# --- history ---------------------------------------------------------------------------------------------------------


def test_history_is_verified_and_the_entry_named_where_it_breaks(run: Run, world: World) -> None:
    case_id, other = world.open(), world.open("uvg")
    number = world.case(case_id).number
    world.do(case_id, "express_interest", "digi")
    good = run("verify")
    assert (good.code, good.err) == (0, "")
    assert "Alles stimmt" in good.out
    assert number in run("verify", number).out
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Event).where(Event.chain_id == case_id, Event.seq == 2).values(act="waived"))
    bad = run("verify")
    assert bad.code == 1
    assert f"Vorgang {number}: Eintrag 2 wurde verändert." in bad.out
    assert "1 Fehler" in bad.err
    told = run("verify", number, "--json")
    assert told.code == 1
    assert [(one["name"], one["seq"], one["why"]) for one in told.data["faults"]] == [(number, 2, "changed")]
    assert run("verify", world.case(other).number).code == 0
    assert run("verify", "wohngeld-99999-1").code == 1


def test_rows_are_compared_with_history_and_each_difference_is_named(run: Run, world: World) -> None:
    case_id = world.open()
    number = world.case(case_id).number
    assert run("replay", "--check").code == 0
    assert run("replay", number, "--check").code == 0
    assert run("replay").code == 2
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Case).where(Case.id == case_id).values(stichtag=dt.date(2027, 5, 4)))
    bad = run("replay", "--check")
    assert bad.code == 1
    assert f"Vorgang {number}: cases {case_id}, Spalte stichtag" in bad.out
    assert "die Historie sagt (leer), die Daten sagen 2027-05-04." in bad.out
    (told,) = run("replay", number, "--check", "--json").data["differences"]
    assert (told["column"], told["history"], told["found"]) == ("stichtag", None, "2027-05-04")


def test_people_and_remarks_are_erased_and_history_still_verifies(run: Run, world: World) -> None:
    case_id = world.open()
    number = world.case(case_id).number
    with world.by("digi") as work:
        tasks.decline(work, world.task(case_id, "express_interest"), "Frau Muster ist krank.")
    assert run("erase", "remark", number, "2").code == 2
    assert run("erase", "remark", number, "1", "--yes").code == 1
    assert run("erase", "remark", number, "2", "--yes", "--as", TEAM).code == 1
    assert run("erase", "remark", number, "2", "--yes", "--as", OFFICE).code == 0
    assert run("erase", "person", "digi@startklar.example").code == 2
    assert run("erase", "person", "digi@startklar.example", "--yes").code == 0
    assert run("erase", "person", "digi@startklar.example", "--yes").code == 1
    with world.by("admin") as work:
        people.end(work, world["it"])
    assert run("erase", "person", "it@startklar.example", "--yes").code == 0
    assert run("verify").code == run("replay", "--check").code == 0


# --- people ----------------------------------------------------------------------------------------------------------


def test_a_person_is_made_before_anybody_has_an_account(run: Run, bare: str) -> None:
    assert run("init").code == 0
    assert "noch kein Konto" in run("person", "list").err
    said = run("person", "add", "--email", "A.Admin@Town.example", "--name", "A. Admin", "--role", "admin", "--json")
    assert said.code == 0
    listed = run("person", "list", "--as", "a.admin@town.example", "--json")
    assert [(one["email"], one["roles"]) for one in listed.data] == [("a.admin@town.example", ["admin"])]

    engine = start.engine(settings.read())
    try:
        sessions.sign_in(engine, "a.admin@town.example", said.data["password"], "127.0.0.1")
    finally:
        engine.close()


@pytest.mark.slow
def test_a_password_can_be_read_from_standard_input(small_world: World) -> None:
    words = ["person", "add", "--email", "neu@town.example", "--name", "Neu", "--role", f"fachamt@{TOWN}/wohngeld"]
    made = process(
        *words,
        "--password-stdin",
        stdin="Bäche rauschen leise\n".encode(),
        STARTKLAR_DATABASE_URL=os.environ["STARTKLAR_DATABASE_URL"],
    )
    assert made.returncode == 0
    assert b"Passwort" not in made.stdout
    sessions.sign_in(small_world.engine, "neu@town.example", "Bäche rauschen leise", "127.0.0.1")
    listed = process("person", "list", STARTKLAR_DATABASE_URL=os.environ["STARTKLAR_DATABASE_URL"])
    assert f"fachamt@{TOWN}/wohngeld" in listed.stdout.decode()


@pytest.mark.slow
def test_a_password_that_protects_nothing_is_refused(small_world: World) -> None:
    before = count(small_world, Person)
    words = ["person", "add", "--email", "neu@town.example", "--name", "Neu", "--role", "admin", "--password-stdin"]
    for stdin, code, german in (
        (b"short\n", 1, "mindestens 12"),
        (b"\xff\xfe\n", 2, "UTF-8"),
        (b"abcdef" * 500_000, 1, "höchstens 256"),
        (b"", 1, "mindestens 12"),
    ):
        said = process(*words, stdin=stdin, STARTKLAR_DATABASE_URL=os.environ["STARTKLAR_DATABASE_URL"])
        assert said.returncode == code
        assert german in said.stderr.decode()
        assert b"Traceback" not in said.stderr
    assert count(small_world, Person) == before


@pytest.mark.parametrize(
    ("given", "german"),
    [
        (["--role", "king"], "Eine Rolle „king“ gibt es nicht"),
        (["--role", "admin@somewhere"], "ein Ort zu viel"),
        (["--role", "digi"], "Wo"),
        (["--role", "digi@123"], "123"),
        (["--role", f"fachamt@{TOWN}/nothing"], "nothing"),
        (["--email", "no-address"], "no-address"),
        (["--name", " "], "Name"),
        (["--email", OFFICE], OFFICE),
        (["--as", TEAM], "Administration"),
    ],
)
def test_an_account_that_makes_no_sense_is_refused(run: Run, world: World, given: list[str], german: str) -> None:
    words = ["--email", "neu@town.example", "--name", "Neu", *given]
    people, grants = count(world, Person), count(world, Grant)
    said = run("person", "add", *words)
    assert said.code == 1
    assert german.lower() in said.err.lower()
    assert (count(world, Person), count(world, Grant)) == (people, grants)


def test_two_accounts_are_said_to_be_one_person(run: Run, world: World) -> None:
    both = "digi@startklar.example", "team@startklar.example"
    assert "einer Person" in run("person", "same", *both).out
    assert "schon" in run("person", "same", *both).err
    assert "zweier Personen" in run("person", "same", *both, "--undo").out
    assert run("person", "same", *both, "--undo").code == 1
    assert run("person", "same", *both, "--as", "digi@startklar.example").code == 1
    said = run("person", "add", "--email", "Digi+2@startklar.example", "--name", "Digi")
    assert "digi@startklar.example" in said.err


# --- time ------------------------------------------------------------------------------------------------------------


def test_the_rehearsal_clock_moves_day_by_day_and_fires_what_is_due(run: Run, world: World) -> None:
    world.open()
    asked = count(world, Notice)
    moved = run("clock", "advance", "--working-days", "12", "--json")
    assert moved.code == 0
    assert moved.data["now"] == "2026-12-09T06:00:00+00:00"
    assert moved.data["ticked"]["decided"] >= 2, "the rung before the due date and the one on it, each on its day"
    assert moved.data["ticked"]["written"] > 0
    assert "STARTKLAR_SMTP_URL" in moved.err
    assert count(world, Notice) > asked


def test_the_rehearsal_clock_can_be_moved_without_firing(run: Run, world: World) -> None:
    world.open()
    said = run("clock", "set", "2026-12-24T12:00", "--no-tick")
    assert (said.code, said.err) == (0, "")
    assert said.out == "Die Probe-Uhr steht auf 24.12.2026, 12:00.\n"
    assert run("tick", "--json").data["decided"] == 1
    back = run("clock", "set", "2026-12-01")
    assert back.code == 1
    assert "nur vorwärts" in back.err


def test_the_real_clock_is_nobodys_to_set(run: Run, bare: str) -> None:
    assert run("init").code == 0
    for words in (["clock", "advance"], ["clock", "set", "2030-01-01"]):
        said = run(*words)
        assert said.code == 1
        assert "echter Zeit" in said.err
    assert "echter Zeit" in run("clock", "show").out


def test_one_tick_does_what_is_due_and_counts_it(run: Run, world: World) -> None:
    world.open()
    first = run("tick", "--json").data
    assert first["written"] == 1
    assert run("tick", "--json").data == dict.fromkeys(first, 0)
    assert "Mails geschrieben: 0" in run("tick").out


# --- how it ends -----------------------------------------------------------------------------------------------------


def test_a_fault_of_the_program_is_one_sentence(run: Run, small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("somebody's name")

    monkeypatch.setattr(cases, "plan", fail)
    said = run("open", "wohngeld", "--as", OFFICE)
    assert said.code == 1
    assert "(ZeroDivisionError)" in said.err
    assert "somebody's name" not in said.err
    assert "Traceback" not in said.err
    monkeypatch.setenv("STARTKLAR_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run("open", "wohngeld", "--as", OFFICE)
    assert count(small_world, Case) == 0


@pytest.mark.slow
def test_whoever_has_read_enough_may_close_the_pipe(small_world: World) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "workflow.cli", "definitions", "list"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_surroundings(STARTKLAR_DATABASE_URL=os.environ["STARTKLAR_DATABASE_URL"]),
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(30) == 141
    assert count(small_world, Person) > 0


@pytest.mark.slow
def test_a_terminal_without_umlauts_gets_the_sentence_all_the_same(small_world: World) -> None:
    said = process(
        "person",
        "list",
        "--as",
        "x@y.example",
        STARTKLAR_DATABASE_URL=os.environ["STARTKLAR_DATABASE_URL"],
        PYTHONIOENCODING="ascii",
    )
    assert said.returncode == 1
    assert b"x@y.example" in said.stderr
    assert b"Traceback" not in said.stderr
    assert count(small_world, Person) > 0


@pytest.mark.slow
def test_ctrl_c_ends_a_long_command_quietly(small_world: World) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "workflow.cli", "clock", "advance", "--working-days", "260", "--no-tick"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 -- in the background it is ignored
        env=_surroundings(STARTKLAR_DATABASE_URL=os.environ["STARTKLAR_DATABASE_URL"]),
    ) as running:
        _wait(lambda: _today(small_world) > "2026-11-24")
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (130, b"")


@pytest.mark.slow
def test_serve_and_scheduler_run_as_processes_of_their_own(world: World, database_url: str) -> None:
    surroundings = _surroundings(STARTKLAR_DATABASE_URL=database_url)
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        port = trying.getsockname()[1]
        taken = process("serve", "--port", str(port), STARTKLAR_DATABASE_URL=database_url)
        assert taken.returncode == 1
        assert f"Port {port}" in taken.stderr.decode()
    with subprocess.Popen(
        [sys.executable, "-m", "workflow.cli", "serve", "--port", str(port)], cwd=ROOT, env=surroundings
    ) as running:
        _wait(lambda: _answers(f"http://127.0.0.1:{port}/healthz"))
        running.terminate()
        assert running.wait(30) in (0, -signal.SIGTERM)
    assert process("scheduler", "--once", STARTKLAR_DATABASE_URL=database_url).returncode == 0
    assert count(world, Person) > 0


def test_every_sentence_of_the_command_line_is_there_in_both_languages() -> None:
    source = "".join((ROOT / "workflow" / name).read_text(encoding="utf-8") for name in ("cli.py", "console.py"))
    used = set(re.findall(r'"(cli\.[a-z_.]+[a-z_])"', source))
    assert used
    assert used <= texts.keys("de")
    assert used <= texts.keys("en")


def _wait(until: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not until():
        assert time.monotonic() < give_up, "it did not come to pass"
        time.sleep(0.05)


def _today(world: World) -> str:
    with world.look() as work:
        return work.today.isoformat()


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as page:  # noqa: S310 - our own address
        return bool(page.status == 200)
    return False


# --- why a case does not go on ---------------------------------------------------------------------------------------


def test_why_says_what_a_case_waits_for_in_words_and_as_data(run: Run, world: World) -> None:
    number = world.case(world.open()).number
    told = run("why", number)
    assert told.code == 0
    assert told.out.startswith("Der Vorgang wartet auf 2 Dinge, zuerst auf: Vormerkung annehmen")
    assert "Es geht weiter, wenn die Aufgabe erledigt ist." in told.out
    data = json.loads(run("why", number, "--json").out)
    assert (data["case"], data["standing"], len(data["causes"])) == (number, "waits", 2)
    assert run("why", "wohngeld-0-1").code == 1
    assert run("why", number, "--as", "stranger@startklar.example").code == 1


def test_explain_says_how_the_dates_of_a_case_came_about(run: Run, world: World) -> None:
    number = world.case(world.open()).number
    told = run("explain", number, "express_interest")
    assert told.code == 0
    assert told.out.startswith("Vormerkung annehmen oder Interesse bekunden (express_interest): Mo., 7. Dezember 2026")
    assert "10 Arbeitstage später ist Mo., 7. Dezember 2026." in told.out
    (one,) = json.loads(run("explain", number, "express_interest", "--json").out)["dates"]
    assert (one["due"], one["why"]["kind"], one["by_law"]) == ("2026-12-07", "working_days", None)
    assert run("explain", number, "nothing").code == 1
    assert run("explain", number, "--as", "stranger@startklar.example").code == 1


def test_a_role_gets_a_mailbox_at_the_command_line(run: Run, world: World) -> None:
    assert "Es gibt kein Postfach" in run("mailbox", "list").err
    assert "rathaus@kreis.example" in run("mailbox", "set", f"all@{TOWN}", "rathaus@kreis.example").out
    said = run(
        "mailbox",
        "set",
        "umsetzungsteam@nord",
        "team@land.example",
        "--language",
        "en",
        "--as",
        "admin@startklar.example",
    )
    assert said.code == 0
    listed = json.loads(run("mailbox", "list", "--json").out)
    assert {(one["role"], one["address"], one["language"]) for one in listed} == {
        ("umsetzungsteam@nord", "team@land.example", "en"),
        (f"all@{TOWN}", "rathaus@kreis.example", "de"),
    }
    for words in (
        ("set", "digi@nowhere", "x@kreis.example"),
        ("set", "digi", "x@kreis.example"),
        ("set", f"king@{TOWN}", "x@kreis.example"),
        ("set", f"digi@{TOWN}", "nobody"),
        ("set", f"digi@{TOWN}", "x@kreis.example", "--as", TEAM),
        ("end", f"digi@{TOWN}"),
        ("list", "--as", TEAM),
    ):
        assert run("mailbox", *words).code == 1, words
    assert "wieder an die Personen" in run("mailbox", "end", f"all@{TOWN}").out
    assert "umsetzungsteam@nord" in run("mailbox", "list").out


def test_somebody_is_invited_at_the_shell(small_world: World, run: Run) -> None:
    said = run("person", "invite", "--email", "neu@town.example", "--role", f"digi@{TOWN}", "--key", "one")
    assert (said.code, said.err) == (0, "")
    assert "neu@town.example ist eingeladen" in said.out
    assert run("person", "invite", "--email", "neu@town.example", "--role", f"digi@{TOWN}", "--key", "one").code == 0
    with small_world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Invitation)).scalar_one() == 1
        assert work.session.execute(sa.select(sa.func.count()).where(Message.access_id.is_not(None))).scalar_one() == 1
    assert run("person", "invite", "--email", "neu@town.example", "--role", "digi@1").code == 1
