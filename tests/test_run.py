"""The one way in: it says in one sentence what stands in the way, and does no work twice."""

import ast
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import run

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """run.py as if it stood in a folder of its own, with the lock of this one."""
    places = {"HERE": "", "ENVIRONMENT": ".venv", "STAMP": ".venv/startklar.stamp", "LOG": ".venv/setup.log"}
    places |= {"LOCK": "requirements.lock", "TURN": ".venv.lock"}
    for name, place in places.items():
        monkeypatch.setattr(run, name, str(tmp_path / place) if place else str(tmp_path))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    (tmp_path / "requirements.lock").write_bytes((ROOT / "requirements.lock").read_bytes())
    return tmp_path


def test_an_old_python_can_read_it_and_is_told_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    ast.parse((ROOT / "run.py").read_text(encoding="utf-8"), feature_version=(3, 6))

    with pytest.raises(run.Refused) as refused:
        run.insist_on_python((3, 10, 13))

    assert refused.value.code == 2
    run.say(refused.value.key, **refused.value.facts)
    assert "3.10.13" in capsys.readouterr().out


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.10"])
def test_a_really_old_python_gets_one_sentence(version: str) -> None:
    candidates = [*Path.home().glob(f".pyenv/versions/{version}.*/bin/python"), Path(f"/usr/bin/python{version}")]
    old = next((path for path in candidates if path.exists()), None)
    if old is None:
        pytest.skip(f"no Python {version} here")

    told = subprocess.run([old, ROOT / "run.py", "demo"], capture_output=True, text=True, check=False)

    assert told.returncode == 2
    assert len(told.stderr.splitlines()) == 1
    assert "3.11" in told.stderr


def test_every_sentence_is_there_in_both_languages_with_the_same_facts() -> None:
    for key, (german, english) in run.SENTENCES.items():
        assert german != english, key
        facts = [set(re.findall(r"{(\w+)}", words)) for words in (german, english)]
        assert facts[0] == facts[1], key


@pytest.mark.parametrize(
    ("surroundings", "language"),
    [
        ({}, "de"),
        ({"LANG": "C.UTF-8"}, "de"),
        ({"LANG": "de_AT.UTF-8"}, "de"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "de_DE.UTF-8"}, "de"),
    ],
)
def test_it_speaks_german_unless_the_surroundings_name_another_language(
    surroundings: dict[str, str], language: str
) -> None:
    assert run.language(surroundings) == language


@pytest.mark.parametrize(
    ("complaint", "key"),
    [
        ("OSError: [Errno 28] No space left on device", "no_disk"),
        ("The virtual environment was not created successfully because ensurepip is not available.", "no_venv"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "wrong_hash"),
        ("WARNING: Retrying (Retry(total=1)) after connection broken by 'NewConnectionError'", "no_network"),
        ("ERROR: No matching distribution found for babel==2.18.0", "no_network"),
        ("Segmentation fault", "no_setup"),
    ],
)
def test_a_failed_set_up_is_explained(complaint: str, key: str) -> None:
    assert run.explained(complaint).key == key


def test_too_little_room_is_said_before_anything_is_made(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "DISK_NEEDED_MB", 10**9)

    assert run.main(["check"]) == 1

    assert "mindestens 1000000000 MB frei" in capsys.readouterr().err


def test_a_folder_that_is_not_ours_is_left_alone(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "mine").write_text("precious")

    assert run.main(["check"]) == 1

    assert (checkout / ".venv" / "mine").exists()
    assert "nicht von run.py angelegt" in capsys.readouterr().err


def test_an_incomplete_checkout_is_said(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "requirements.lock").unlink()

    assert run.main(["check"]) == 1

    assert "requirements.lock fehlt" in capsys.readouterr().err


def test_a_finished_environment_is_used_as_it_is_and_a_half_made_or_outdated_one_is_not(checkout: Path) -> None:
    python = Path(run.python())
    python.parent.mkdir(parents=True)
    python.touch()

    assert not run.is_ready(run.expected_stamp())
    Path(run.STAMP).write_text(run.UNFINISHED)
    assert not run.is_ready(run.expected_stamp())
    Path(run.STAMP).write_text(run.expected_stamp())
    assert run.is_ready(run.expected_stamp())
    (checkout / "requirements.lock").write_text("babel==1\n")
    assert not run.is_ready(run.expected_stamp())


def test_clearing_an_environment_never_leaves_it_unmarked(checkout: Path) -> None:
    run.clear_environment()
    assert [entry.name for entry in Path(run.ENVIRONMENT).iterdir()] == ["startklar.stamp"]
    (checkout / ".venv" / "lib").mkdir()
    Path(run.STAMP).write_text(run.expected_stamp())

    run.clear_environment()

    assert [entry.name for entry in Path(run.ENVIRONMENT).iterdir()] == ["startklar.stamp"]
    assert run.read_stamp() == run.UNFINISHED


def test_a_second_start_waits_for_the_one_that_is_setting_up(checkout: Path) -> None:
    holding = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(flush=True); time.sleep(0.5)"
    )
    with subprocess.Popen([sys.executable, "-c", holding, run.TURN], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        began = time.monotonic()
        with Path(run.TURN).open("w") as turn:
            run.take_turn(turn)
    assert time.monotonic() - began > 0.3


def test_wrong_use_is_answered_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([]) == 2
    assert run.main(["test", "everything"]) == 2
    assert run.main(["--help"]) == 0


def test_a_failing_step_stops_the_run_and_the_summary_tells(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    good, bad = [sys.executable, "-c", "print('good')"], [sys.executable, "-c", "print('bad'); raise SystemExit(3)"]

    assert run.run_steps([("one", good), ("two", bad), ("three", good)], count=True) == 1

    told = capfd.readouterr().out
    assert told.count("good") == 1
    assert re.search(r"one +in Ordnung", told)
    assert re.search(r"two +GESCHEITERT", told)
    assert re.search(r"three +nicht gelaufen", told)


def test_the_last_line_counts_the_tests(tmp_path: Path) -> None:
    report = tmp_path / "tests.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="2" errors="1" skipped="1"/></testsuites>')

    assert run.tally(str(report)) == "5 passed, 3 failed, 1 skipped"


def test_the_lock_names_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")

    assert re.search(r"\w+://", lock) is None
    assert "--index" not in lock
    assert "--find-links" not in lock
    packages = re.split(r"\n(?=[a-z0-9])", lock.strip())
    assert len(packages) > 40
    for package in packages:
        assert re.match(r"[a-z0-9_.-]+==\S+", package), package
        assert "--hash=sha256:" in package, package


def test_every_dependency_is_in_the_lock() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["test"]]
    names = {re.split(r"[^A-Za-z0-9._-]", one)[0].lower().replace(".", "-").replace("_", "-") for one in asked}
    locked = set(
        re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert names - locked == set()


def test_ci_runs_the_command_of_the_readme() -> None:
    words = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^exec python3 run\.py test$", words, re.MULTILINE)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
