"""The demo as other programs and people meet it: one command up, one signal down, nothing left running."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import demo  # noqa: F401 -- makes its words known
from demo.__main__ import prepare, settings_of
from demo.folder import FILES, MARK, READY, Folder
from demo.programs import Program, Running, insist_free
from demo.refusal import Refusal
from tests.demo.started import Started, get, started
from tests.smtp import free_port
from workflow import clock, settings, start, texts
from workflow.engine import SYSTEM

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Folder]:
    """A data folder of a demo, just made."""
    with contextlib.closing(Folder(tmp_path / "data")) as folder:
        folder.open()
        yield folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder a demo has prepared and left in order."""
    data = tmp_path_factory.mktemp("demo") / "data"
    with started(data) as once:
        once.told()
        once.end()
    return data


@pytest.fixture
def data(finished: Path, tmp_path: Path) -> Path:
    """A copy of such a folder."""
    return shutil.copytree(finished, tmp_path / "data")


def programs_of(started: Started) -> dict[int, bytes]:
    """The programs a demo started, by process id with their command lines; nothing where the system does not tell."""
    pid = started.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    ids = [int(word) for word in children.read_text().split()] if children.exists() else []
    return {one: Path(f"/proc/{one}/cmdline").read_bytes() for one in ids}


def are_gone(programs: dict[int, bytes]) -> bool:
    """Whether none of them runs any more."""

    def runs(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    return not any(runs(pid) for pid in programs)


@pytest.mark.slow
def test_it_announces_itself_keeps_its_data_and_leaves_nothing_running(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with started(data) as first:
        told = first.told()
        assert stat.S_IMODE(first.announcement.stat().st_mode) == 0o600
        assert set(told) == {"format", "base_url", "mail_url", "accounts"}
        assert told["format"] == 1
        assert get(told["base_url"] + "/healthz")[0] == 200
        assert isinstance(json.loads(get(told["mail_url"] + "/api/messages")[1]), list)
        programs = programs_of(first)
        code, words = first.end()
    assert code == 0
    assert told["base_url"] in words
    assert told["mail_url"] in words
    assert "digi@ingelheim.example" in words
    assert not first.announcement.exists()
    assert are_gone(programs)

    secret, mark = (data / "secret").read_text(), (data / MARK).read_text()
    with started(data) as second:
        assert second.told()["accounts"] == told["accounts"]
        code, words = second.end(signal.SIGTERM)
    assert code == 0
    assert "Beispieldaten" not in words
    assert ((data / "secret").read_text(), (data / MARK).read_text()) == (secret, mark)

    with started(data, "--reset") as third:
        third.told()
        assert "Beispieldaten" in third.end()[1]
    assert (data / "secret").read_text() != secret


@pytest.mark.slow
def test_when_the_clock_passes_the_deadlines_the_supervisor_finds_a_mail_about_it(data: Path) -> None:
    with started(data) as running:
        told = running.told()
        engine = start.engine(
            settings.read({"STARTKLAR_DATABASE_URL": f"sqlite:///{data / 'startklar.db'}", "STARTKLAR_DATA": str(data)})
        )
        with contextlib.closing(engine), engine.change(SYSTEM) as work:
            clock.advance(work, 25)

        give_up = time.monotonic() + 45
        while not (mails := json.loads(get(told["mail_url"] + "/api/messages?to=aufsicht%40umsetzung.example")[1])):
            assert time.monotonic() < give_up
            time.sleep(0.2)

    assert "überfällig" in mails[0]["subject"]
    assert mails[0]["to"] == ["aufsicht@umsetzung.example"]
    assert told["base_url"] in mails[0]["text"]
    assert told["base_url"] in mails[0]["html"]


@pytest.mark.slow
def test_every_role_has_an_account_and_a_strangers_town_too(data: Path) -> None:
    with started(data) as running:
        accounts = running.told()["accounts"]

    assert all(set(one) == {"email", "password", "name", "roles", "body", "team", "language"} for one in accounts)
    held = {role for one in accounts for role in one["roles"]}
    body_roles = {"leitung", "digi", "fachamt", "it", "dsb", "isb", "kasse", "redaktion"}
    assert held == body_roles | {
        "umsetzungsteam", "supervisor", "rollout_team", "programme_office", "auditor", "admin",
    }  # fmt: skip
    towns = {one["body"] for one in accounts if one["body"]}
    assert len(towns) == 2
    full = [
        town
        for town in towns
        if {role for one in accounts if one["body"] == town for role in one["roles"]} >= body_roles
    ]
    assert len(full) == 1
    assert {one["language"] for one in accounts} == {"de", "en"}
    assert all(one["email"].endswith(".example") for one in accounts)


@pytest.mark.slow
def test_only_one_demo_runs_in_a_folder_and_a_program_that_dies_ends_it(data: Path) -> None:
    with started(data) as first:
        first.told()
        with started(data) as second:
            code = second.process.wait(30)
            assert code == 1
            assert "läuft schon eine Vorführung" in second.words()
        assert first.announcement.exists()

        programs = programs_of(first)
        if not programs:
            pytest.skip("this system does not tell which programs belong to which")
        assert len(programs) == 3
        os.kill(next(pid for pid, words in programs.items() if b"\0scheduler\0" in words), signal.SIGKILL)
        assert first.process.wait(30) == 1
        assert "„scheduler“ hat sich beendet" in first.words()
    assert not first.announcement.exists()
    assert are_gone(programs)


@pytest.mark.slow
def test_two_demos_in_two_folders_do_not_disturb_each_other(data: Path, tmp_path: Path) -> None:
    other = shutil.copytree(data, tmp_path / "other")
    with started(data) as one, started(other) as two:
        assert one.told()["mail_url"] != two.told()["mail_url"]
        assert one.end()[0] == 0
        assert get(two.told()["mail_url"] + "/healthz")[0] == 200


@pytest.mark.slow
def test_nothing_survives_a_demo_that_was_killed(data: Path) -> None:
    with started(data) as killed:
        told, programs = killed.told(), programs_of(killed)
        killed.end(signal.SIGKILL)
        give_up = time.monotonic() + 20
        while not are_gone(programs):
            assert time.monotonic() < give_up
            time.sleep(0.05)
    with started(data, port=killed.port) as again:
        assert again.told()["accounts"] == told["accounts"]


def test_a_busy_port_is_one_sentence_and_nothing_is_touched(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with started(tmp_path / "data", "--reset", port=port) as refused:
            code = refused.process.wait(30)
            words = refused.words()
    assert code == 1
    assert words.splitlines() == [
        f"Port {port} ist belegt: Bitte beenden Sie das andere Programm, oder starten Sie mit „--port {port + 1}“."
    ]
    assert not (tmp_path / "data" / "startklar.db").exists()


def test_a_host_that_is_not_here_is_one_sentence() -> None:
    for host in ("203.0.113.7", "no such host", "nowhere.invalid"):
        with pytest.raises(Refusal) as refusal:
            insist_free(host, 8000)
        assert refusal.value.key == "demo.no_host"


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "startklar.db").write_text("precious")

    with pytest.raises(Refusal) as refusal:
        Folder(tmp_path).open()

    assert refusal.value.key == "demo.foreign_folder"
    assert (tmp_path / "startklar.db").read_text() == "precious"
    with pytest.raises(Refusal):
        Folder(tmp_path / "startklar.db").open()


def test_too_little_room_is_said_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.folder.NEEDED_MB", 10**9)

    with pytest.raises(Refusal) as refusal:
        Folder(tmp_path / "data").open()

    assert refusal.value.key == "demo.no_disk"
    assert list((tmp_path / "data").iterdir()) == []


def test_a_reset_takes_away_what_the_demo_made_and_nothing_else(ours: Folder) -> None:
    for name in (*FILES, "my-notes.txt"):
        (ours.path / name).write_text("x")
    (ours.path / "documents").mkdir()
    ours.mark(READY)

    ours.empty()

    assert sorted(entry.name for entry in ours.path.iterdir()) == [MARK, "my-notes.txt"]
    assert not ours.is_ready()


def test_what_others_must_not_read_is_written_whole_and_privately(ours: Folder) -> None:
    ours.make_secret()
    ours.write(ours.announcement, {"format": 1})
    first = ours.secret.read_text()
    ours.make_secret()

    assert ours.secret.read_text() == first
    assert len(first) > 40
    for path in (ours.secret, ours.announcement):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(ours.path.stat().st_mode) == 0o700
    assert json.loads(ours.announcement.read_text()) == {"format": 1}


def test_a_program_that_does_not_come_up_is_named_with_its_log(tmp_path: Path) -> None:
    running = Running(tmp_path)
    broken = Program("broken", "no_such_module_here", answers_at=f"127.0.0.1:{free_port()}")
    with pytest.raises(Refusal) as refusal:
        running.start([broken], dict(os.environ))
    running.end()

    assert refusal.value.key == "demo.died"
    assert "no_such_module_here" in Path(refusal.value.facts["log"]).read_text()


def test_everything_the_demo_says_is_there_in_both_languages() -> None:
    said = {key for key in texts.keys("de") if key.startswith(("demo.", "mail."))}
    assert said == {key for key in texts.keys("en") if key.startswith(("demo.", "mail."))}
    assert len(said) > 30
    for key in said:
        assert texts.placeholders("de", key) == texts.placeholders("en", key), key


def test_data_of_another_version_are_refused_with_what_to_do(ours: Folder) -> None:
    ours.make_secret()
    ours.write(ours.accounts, [])
    ours.mark(READY)
    with contextlib.closing(sqlite3.connect(ours.database)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('another')")
    surroundings = settings_of(ours, "http://127.0.0.1:1")
    with pytest.raises(Refusal) as refused:
        prepare("de", ours, surroundings)
    assert "--reset" in texts.say("de", refused.value.key, **refused.value.facts)
