"""A case file can be checked by anybody with Python, and whatever was changed in it is found."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.databases import SQLiteDatabases
from tests.workflow.conftest import Run
from tests.world import FILE, World, make
from workflow import cases, comments, tasks
from workflow.errors import NotFound
from workflow.exchange import case_file
from workflow.models import Remark

Change = Callable[[Path], None]


@pytest.fixture
def case_id(world: World) -> UUID:
    """A case with free text, answers, a document, and whatever else belongs to one."""
    case_id = world.open()
    with world.by("digi") as work:
        said = comments.write(work, case_id, "Frau Müller fragt nach.")
        comments.write(work, case_id, "Sie kommt wieder.", mentioned=[world["it"]])
        comments.withdraw(work, said.id)
    with world.by("supervisor") as work:
        tasks.extend(work, world.task(case_id, "express_interest"), 3, "Urlaub")
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="x", review_on=work.today.replace(year=2027))
        added = tasks.add_ad_hoc(work, case_id, "Frau Müller anrufen", owner="body.it", working_days=3)
    world.days(1)
    with world.by("team") as work:
        cases.resume(work, case_id)
        tasks.withdraw(work, added.id, "Sie hat angerufen.")
    with world.by("digi") as work:
        tasks.decline(work, world.task(case_id, "express_interest"), "Frau Müller ist krank.\nBis März.")
    with world.by("team") as work:
        tasks.hand_back(work, world.task(case_id, "express_interest"), "Doch <bitte>.")
    world.finish_state(case_id, accept_terms={"signed_terms": FILE})
    return case_id


@pytest.fixture
def small_world(sqlite_databases: SQLiteDatabases, tmp_path: Path) -> Iterator[World]:
    """People on SQLite, for what no other database would change."""
    url = sqlite_databases.fresh("peopled")
    made = make(url, tmp_path)
    yield made
    made.engine.close()
    sqlite_databases.drop(url)


def pack(world: World, case_id: UUID, who: str = "team") -> bytes:
    """The file as this person gets it."""
    stream = io.BytesIO()
    with world.by(who) as work:
        ready = case_file.prepare(work, case_id)
    case_file.write(ready, stream, world.engine.settings.documents)
    return stream.getvalue()


def unpack(content: bytes, folder: Path) -> Path:
    """The folder that is in the file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    (only,) = folder.iterdir()
    return only


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script that came along in a bare interpreter: no packages, no surroundings."""
    command = [sys.executable, "-I", "-S", str(folder / "verify.py")]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd="/", env={}, check=False, timeout=30
    )


def test_the_script_in_the_file_says_that_it_holds(world: World, case_id: UUID, tmp_path: Path) -> None:
    folder = unpack(pack(world, case_id), tmp_path / "out")
    told = verify(folder)
    assert (told.returncode, told.stderr) == (0, "")
    case = world.case(case_id)
    assert folder.name == case.number
    assert told.stdout.startswith(f"{case.number}: holds. {case.seq} entries")
    assert case.head in told.stdout
    rows = json.loads((folder / "case.json").read_text(encoding="utf-8"))["rows"]
    assert {name for name, listed in rows.items() if listed} >= {"ad_hoc", "comment", "extension", "hold", "mention"}
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.txt",
        "case.json",
        "documents",
        "documents.json",
        "events.jsonl",
        "index.html",
        "verify.py",
        "words.jsonl",
    ]


def test_the_same_state_gives_the_same_bytes_and_another_deed_other_ones(world: World, case_id: UUID) -> None:
    first = pack(world, case_id)
    assert pack(world, case_id) == first
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="x", review_on=work.today.replace(year=2027))
    assert pack(world, case_id) != first


def _line(folder: Path, name: str, number: int, old: str, new: str) -> None:
    lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
    assert old in lines[number]
    lines[number] = lines[number].replace(old, new, 1)
    (folder / name).write_text("".join(lines), encoding="utf-8")


def _lines(folder: Path, name: str, change: Callable[[list[str]], list[str]]) -> None:
    lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / name).write_text("".join(change(lines)), encoding="utf-8")


def _say_something_else(folder: Path) -> None:
    (word,) = (
        line for line in (folder / "words.jsonl").read_text(encoding="utf-8").splitlines() if "Frau Müller" in line
    )
    text = (folder / "words.jsonl").read_text(encoding="utf-8")
    (folder / "words.jsonl").write_text(text.replace(word, word.replace("Müller", "Meier")), encoding="utf-8")


def _rechain(folder: Path) -> None:
    """Change an entry and put every digest after it right: only the head gives it away."""
    previous, lines = "0" * 64, []
    for number, line in enumerate((folder / "events.jsonl").read_text(encoding="utf-8").splitlines()):
        entry = json.loads(line)
        entry["entry"]["previous"] = previous
        if number == 2:
            entry["entry"]["act"] = "waived"
        lines.append(json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
        previous = hashlib.sha256(lines[-1].encode()).hexdigest()
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _in_case(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    change(case)
    (folder / "case.json").write_text(json.dumps(case), encoding="utf-8")


def _another_commitment(folder: Path) -> None:
    """Other words, and in the entry the commitment that would prove them."""
    _say_something_else(folder)
    words = [json.loads(line) for line in (folder / "words.jsonl").read_text(encoding="utf-8").splitlines()]
    word = next(word for word in words if "Meier" in (word["value"] or ""))
    proof = hashlib.sha256(f"{word['salt']}\n{word['value']}".encode()).hexdigest()
    text = (folder / "events.jsonl").read_text(encoding="utf-8")
    begin = text.rindex('"commitment":"', 0, text.index(word["id"])) + 14
    (folder / "events.jsonl").write_text(text[:begin] + proof + text[begin + 64 :], encoding="utf-8")


def _document(folder: Path) -> None:
    next((folder / "documents").iterdir()).write_bytes(b"%PDF-1.7 ein anderer Vertrag")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda folder: _line(folder, "events.jsonl", 1, '"act":"', '"act":"x'), "was changed"),
        (lambda folder: _line(folder, "events.jsonl", -1, '"act":"', '"act":"x'), "names as the last: it was changed"),
        (lambda folder: _lines(folder, "events.jsonl", lambda lines: lines[:2] + lines[3:]), "missing"),
        (lambda folder: _lines(folder, "events.jsonl", lambda lines: lines[:-1]), "as the last one, there are"),
        (lambda folder: _lines(folder, "events.jsonl", lambda lines: [lines[1], lines[0], *lines[2:]]), "elsewhere"),
        (lambda folder: _lines(folder, "events.jsonl", lambda lines: [*lines, lines[-1]]), "elsewhere"),
        (lambda folder: (folder / "events.jsonl").write_text("unsinn\n"), "cannot be read"),
        (lambda folder: (folder / "events.jsonl").unlink(), "events.jsonl is missing"),
        (lambda folder: _lines(folder, "words.jsonl", lambda lines: lines[1:]), "lacks"),
        (lambda folder: _lines(folder, "words.jsonl", lambda lines: [*lines, lines[0]]), "of which no entry knows"),
        (_say_something_else, "is not what its entry commits to"),
        (_another_commitment, "does not follow entry 2: one of the two was changed"),
        (_rechain, "names as the last: it was changed"),
        (lambda folder: _in_case(folder, lambda case: case["case"].update(state="live")), "state of the case is live"),
        (lambda folder: _in_case(folder, lambda case: case.update(number="wohngeld-1")), "number wohngeld-1"),
        (lambda folder: _in_case(folder, lambda case: case["rows"]["task"][0].update(status="x")), "status of task"),
        (lambda folder: _in_case(folder, lambda case: case["rows"]["task"].pop()), "is in the entries only"),
        (lambda folder: _in_case(folder, lambda case: case["rows"]["hold"].append({"id": "1"})), "in case.json only"),
        (_document, "was changed"),
        (lambda folder: next((folder / "documents").iterdir()).unlink(), "is missing"),
        (lambda folder: (folder / "documents.json").write_text("{}"), "does not list"),
        (lambda folder: (folder / "case.json").write_text("[]"), "cannot be read"),
    ],
)
def test_whatever_was_changed_in_the_file_is_told(small_world: World, tmp_path: Path, change: Change, why: str) -> None:
    case_id = small_world.open()
    with small_world.by("digi") as work:
        tasks.decline(work, small_world.task(case_id, "express_interest"), "Frau Müller ist krank.")
    with small_world.by("team") as work:
        tasks.hand_back(work, small_world.task(case_id, "express_interest"), "Doch.")
    small_world.finish_state(case_id, accept_terms={"signed_terms": FILE})
    folder = unpack(pack(small_world, case_id), tmp_path / "out")
    change(folder)
    told = verify(folder)
    assert told.returncode == 1
    assert told.stderr == ""
    assert told.stdout.startswith("DOES NOT HOLD: ")
    assert why in told.stdout


def test_what_was_erased_is_no_fault(world: World, case_id: UUID, tmp_path: Path) -> None:
    with world.look() as work:
        remark = work.session.execute(
            sa.select(Remark.id).where(Remark.chain_id == case_id, Remark.text.is_not(None)).limit(1)
        ).scalar_one()
    with world.by("office") as work:
        cases.erase_remark(work, case_id, remark)
    told = verify(unpack(pack(world, case_id), tmp_path / "out"))
    assert told.returncode == 0
    assert "2 erased" in told.stdout  # and the comment that was withdrawn


def test_who_does_not_see_the_case_gets_no_file(world: World, case_id: UUID) -> None:
    for who in ("stranger", "other_team", "admin"):
        with pytest.raises(NotFound):
            pack(world, case_id, who)
    assert pack(world, case_id, "auditor")


def test_the_page_in_the_file_is_to_be_read_in_both_languages(world: World, case_id: UUID, tmp_path: Path) -> None:
    page = (unpack(pack(world, case_id), tmp_path / "out") / "index.html").read_text(encoding="utf-8")
    assert '<section lang="de">' in page
    assert '<section lang="en">' in page
    assert "Frau Müller ist krank." in page
    assert "Doch &lt;bitte&gt;." in page
    assert world.case(case_id).head in page
    assert page.count("<li ") == 2 * world.case(case_id).seq


def test_the_command_writes_the_file(run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARTKLAR_DATABASE_URL", world.engine.settings.database_url)
    monkeypatch.setenv("STARTKLAR_DATA", str(world.engine.settings.data))
    case_id = world.open()
    number, file = world.case(case_id).number, tmp_path / "akte.zip"
    done = run("export", "case", number, str(file))
    assert (done.code, done.err) == (0, "")
    assert world.case(case_id).head in done.out
    assert verify(unpack(file.read_bytes(), tmp_path / "out")).returncode == 0
    hidden = run("export", "case", number, str(tmp_path / "nein.zip"), "--as", "stranger@startklar.example")
    assert hidden.code == 1
    assert sorted(path.name for path in tmp_path.glob("*.zip*")) == ["akte.zip"]
