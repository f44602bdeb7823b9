"""Uploaded files: believed only after a look, stored once, swept when they belong to nothing."""

from __future__ import annotations

import datetime as dt
import io
import os
import struct
import time
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.world import World
from workflow import documents, tasks
from workflow.errors import InvalidDocument, NotFound
from workflow.models import Document

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"


def _zip(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Vertrag.pdf", PDF),
        ("Bild.PNG", b"\x89PNG\r\n\x1a\n...."),
        ("Bild.jpeg", b"\xff\xd8\xff\xe0...."),
        ("Brief.docx", _zip("word/document.xml", "[Content_Types].xml")),
        ("Tabelle.ods", _zip("content.xml", "mimetype")),
        ("liste.csv", "Straße;Nr\n".encode()),
        ("liste.csv", "Straße;Nr\n".encode("latin-1")),
    ],
)
def test_what_is_what_it_says_is_stored_under_its_digest(tmp_path: Path, name: str, content: bytes) -> None:
    stored = documents.store(tmp_path, io.BytesIO(content), name)
    path = documents.path_of(tmp_path, stored.sha256)
    assert path.read_bytes() == content
    assert stored.size == len(content)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("Vertrag.pdf", b"MZ\x90\x00", "error.file_not_what_it_says"),
        ("Bild.png", PDF, "error.file_not_what_it_says"),
        ("Brief.docx", _zip("xl/workbook.xml"), "error.file_not_what_it_says"),
        ("Brief.docx", _zip("word/document.xml", "word/vbaProject.bin"), "error.file_not_what_it_says"),
        ("Brief.docx", b"PK\x03\x04 broken", "error.file_not_what_it_says"),
        ("notiz.txt", b"<script>alert(1)</script>", "error.file_not_what_it_says"),
        ("notiz.txt", b"\x00\x01", "error.file_not_what_it_says"),
        ("virus.exe", b"MZ", "error.file_kind"),
        ("ohne-endung", PDF, "error.file_kind"),
        ("bild.svg", b"<svg/>", "error.file_kind"),
        ("leer.pdf", b"", "error.file_empty"),
    ],
)
def test_what_is_not_is_refused_and_leaves_nothing(tmp_path: Path, name: str, content: bytes, key: str) -> None:
    with pytest.raises(InvalidDocument) as refusal:
        documents.store(tmp_path, io.BytesIO(content), name)
    assert refusal.value.key == key
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def _contents(entries: int, *, claimed: int, name: bytes = b"", comment: bytes = b"", before_end: bytes = b"") -> bytes:
    """An archive of nothing but a table of contents."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name
    table = entry * entries
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, claimed, claimed, len(table), 4, len(comment))
    return b"PK\3\4" + table + before_end + end + comment


def test_a_small_table_of_contents_is_read(tmp_path: Path) -> None:
    for comment in (b"", b"a comment"):
        content = _contents(20, claimed=20, name=b"word/document.xml", comment=comment)
        documents.store(tmp_path, io.BytesIO(content), "Brief.docx")


@pytest.mark.parametrize(
    "content",
    [
        _contents(550_000, claimed=1),
        _contents(11_000, claimed=11_000, name=b"word/"),
        _contents(11_000, claimed=5, name=b"word/"),
        _contents(11_000, claimed=5, name=b"word/", comment=b"a comment"),
        _contents(5_000, claimed=5, name=b"word/" + b"x" * 500),
        _contents(5, claimed=5, name=b"word/", before_end=b"PK\6\7" + bytes(16)),
        b"PK\3\4" + b"PK\5\6" + b"\xff" * 18,
        b"PK\3\4" + b"PK\5\6",
        b"PK\3\4",
    ],
    ids=[
        "many",
        "more than office files have",
        "lied about",
        "with a comment",
        "long names",
        "zip64",
        "huge",
        "cut",
        "none",
    ],
)
def test_an_archive_that_would_keep_us_busy_is_refused_at_once(tmp_path: Path, content: bytes) -> None:
    began = time.process_time()
    with pytest.raises(InvalidDocument):
        documents.store(tmp_path, io.BytesIO(content), "Brief.docx")
    assert time.process_time() - began < 1


def test_more_than_25_megabytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument) as refusal:
        documents.store(tmp_path, io.BytesIO(PDF + bytes(documents.MOST_BYTES)), "gross.pdf")
    assert refusal.value.key == "error.file_too_large"
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\x\\Vertrag.pdf", "Vertrag.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie: x.pdf"),
        ("a\u202efdp.exe.pdf", "afdp.exe.pdf"),
        ("x" * 300 + ".pdf", "x" * 110 + ".pdf"),
    ],
)
def test_names_of_files_lose_folders_and_tricks(given: str, shown: str) -> None:
    assert documents.shown_name(given) == shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where documents are kept, and nothing there yet."""
    return tmp_path / "kept"


def test_a_document_belongs_to_a_case_and_only_those_who_see_it_may_have_it(world: World, folder: Path) -> None:
    case_id = world.open()
    for name, who in [
        ("express_interest", "digi"),
        ("confirm_responsibility", "team"),
        ("name_contacts", "digi"),
        ("take_inventory", "it"),
        ("choose_variant", "team"),
    ]:
        world.do(case_id, name, who)
    stored = documents.store(folder, io.BytesIO(PDF), "Bedingungen.pdf")
    with world.by("leitung") as work:
        given = world.answers(work, case_id, "accept_terms")
        asked = work.catalogue.process("efa-onboarding", 1).task("accept_terms").evidence
        given |= {name: stored for name, field in asked.items() if field.type == "document"}
        assert stored in given.values()
        tasks.submit(work, world.task(case_id, "accept_terms"), given)
    with world.look() as work:
        document_id = work.session.execute(sa.select(Document.id).where(Document.sha256 == stored.sha256)).scalar_one()
    for who in ("digi", "team", "supervisor", "office", "auditor"):
        with world.look(who) as work:
            found = documents.find(work, document_id, folder)
            assert (found.name, found.path.read_bytes()) == ("Bedingungen.pdf", PDF)
    for who in ("stranger", "other_team", "admin", "operator"):
        with pytest.raises(NotFound), world.look(who) as work:
            documents.find(work, document_id, folder)
    _age(folder)
    assert documents.sweep(world.engine, folder) == 0


def test_files_that_belong_to_nothing_are_swept_after_a_day(world: World, folder: Path) -> None:
    old = documents.store(folder, io.BytesIO(PDF), "alt.pdf")
    _age(folder)
    new = documents.store(folder, io.BytesIO(PDF + b"\n"), "neu.pdf")
    assert documents.sweep(world.engine, folder) == 1
    assert not documents.path_of(folder, old.sha256).exists()
    assert documents.path_of(folder, new.sha256).exists()


def test_storing_the_same_again_renews_its_age(world: World, folder: Path) -> None:
    documents.store(folder, io.BytesIO(PDF), "alt.pdf")
    _age(folder)
    documents.store(folder, io.BytesIO(PDF), "nochmal.pdf")
    assert documents.sweep(world.engine, folder) == 0


def _age(folder: Path) -> None:
    before = time.time() - dt.timedelta(days=2).total_seconds()
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (before, before))
