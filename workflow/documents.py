"""Uploaded files: sniffed, stored under their SHA-256, and only then part of a case.

A file is written and synced before the transaction that names it; a file no row names after a day is an orphan and is
swept. The same content is stored once. Nothing is ever executed, unpacked to disk or shown inline.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import os
import re
import secrets
import struct
import time
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from workflow import database, policy, secrecy
from workflow.database import Guard, unguarded
from workflow.engine import Engine, Work
from workflow.errors import InvalidDocument, NotFound
from workflow.evidence import StoredFile
from workflow.models import Document

MOST_BYTES = 25 * 1024 * 1024
_CHUNK = 1024 * 1024

log = logging.getLogger(__name__)

_MEDIA_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "csv": "text/csv",
    "txt": "text/plain",
}
KINDS = tuple(_MEDIA_TYPES)
"""File kinds that may be uploaded at all; a field narrows them with `accept`."""

_OFFICE = {"docx": "word/", "xlsx": "xl/", "odt": "content.xml", "ods": "content.xml"}


@dataclass(frozen=True, slots=True)
class Download:
    """A file an actor may have."""

    path: Path
    name: str
    media_type: str
    size: int


def store(folder: Path, stream: IO[bytes], name: str) -> StoredFile:
    """Write an upload to the data folder and say what it is. Call it before the deed's transaction.

    Raises InvalidDocument: empty, over 25 MB, a kind nobody accepts, content that is not what the name says, or one
    that holds a private key, a password or a token as far as that can be seen cheaply.
    """
    shown = shown_name(name)
    kind = shown.rpartition(".")[2].lower().replace("jpeg", "jpg")
    if "." not in shown or kind not in _MEDIA_TYPES:
        raise InvalidDocument("error.file_kind", kinds=", ".join(KINDS))
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".part-{secrets.token_hex(8)}"
    try:
        digest, size = _write(part, stream)
        with part.open("rb") as file:
            _insist_kind(file, kind)
            file.seek(0)
            _insist_harmless(file, kind)
        _place(part, path_of(folder, digest))
    finally:
        part.unlink(missing_ok=True)
    return StoredFile(digest, shown, size, _MEDIA_TYPES[kind])


def find(work: Work, document_id: UUID, folder: Path) -> Download:
    """A document this actor may see. Raises NotFound."""
    row = work.session.execute(
        sa.select(Document.sha256, Document.name, Document.media_type, Document.size).where(
            Document.id == document_id, policy.documents(work.actor)
        )
    ).first()
    if row is None:
        raise NotFound(what="document")
    return Download(path_of(folder, row.sha256), row.name, row.media_type, row.size)


def sweep(
    engine: Engine, folder: Path, *, older_than: dt.timedelta = dt.timedelta(days=1), guard: Guard = unguarded
) -> int:
    """Remove files no row names once they are older than a day; returns how many.

    A deed that keeps such a file writes its row within seconds of storing it, and storing again renews its age. `guard`
    is asked before each removal, in a transaction that lasts as long.
    """
    before = time.time() - older_than.total_seconds()
    removed = 0
    for path in [*folder.glob("??/*"), *folder.glob(".part-*")]:
        if path.stat().st_mtime < before and not _is_named(engine, path.name):
            with database.transaction(engine.pool, write=True) as session:
                guard(session)
                removed += _remove(session, path, before)
    if removed:
        log.info("removed %d uploaded files that belong to nothing", removed)
    return removed


def _is_named(engine: Engine, digest: str) -> bool:
    with database.transaction(engine.pool, write=False) as session:
        return _names(session, digest)


def _names(session: Session, digest: str) -> bool:
    return session.execute(sa.select(Document.id).where(Document.sha256 == digest).limit(1)).first() is not None


def _remove(session: Session, path: Path, before: float) -> bool:
    """Set a file aside, and look again: somebody may be uploading the same content this very moment."""
    aside = path.parent / f".part-sweep-{secrets.token_hex(8)}"
    path.rename(aside)
    if aside.stat().st_mtime >= before or _names(session, path.name):
        aside.replace(path)
        return False
    aside.unlink()
    return True


def path_of(folder: Path, sha256: str) -> Path:
    """Where a file of this digest lies."""
    return folder / sha256[:2] / sha256


def shown_name(name: str) -> str:
    """The name under which a file is offered: no folders, no control characters, at most 120 characters."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    clean = "".join(character for character in last if unicodedata.category(character)[0] != "C").strip(" .")
    stem, dot, ending = clean.rpartition(".")
    return f"{stem[:110]}{dot}{ending[:9]}" if dot else clean[:120]


def _write(path: Path, stream: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > MOST_BYTES:
                raise InvalidDocument("error.file_too_large", most=MOST_BYTES // (1024 * 1024))
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if size == 0:
        raise InvalidDocument("error.file_empty")
    return digest.hexdigest(), size


def _place(part: Path, target: Path) -> None:
    """Give a complete file its name, and make sure the name survives a crash too."""
    target.parent.mkdir(exist_ok=True)
    part.replace(target)
    os.utime(target)
    for folder in (target.parent, target.parent.parent):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _insist_kind(file: BinaryIO, kind: str) -> None:
    """The content is what the ending says: judged by its first bytes, never by what the browser claims."""
    head = file.read(4096)
    if kind == "pdf":
        fits = b"%PDF-" in head[:1024]
    elif kind == "png":
        fits = head.startswith(b"\x89PNG\r\n\x1a\n")
    elif kind == "jpg":
        fits = head.startswith(b"\xff\xd8\xff")
    elif kind in _OFFICE:
        fits = head.startswith(b"PK\x03\x04") and _is_office(file, _OFFICE[kind])
    else:
        fits = _is_text(head)
    if not fits:
        raise InvalidDocument("error.file_not_what_it_says", kind=kind)


def _is_office(file: BinaryIO, wanted: str) -> bool:
    """Reads only the table of contents, and that only when it is of a size office files have; nothing is unpacked."""
    if not _has_small_contents(file):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
        return False
    macros = any(name.lower().endswith("vbaproject.bin") for name in names)
    return not macros and any(name == wanted or name.startswith(wanted) for name in names)


_WORDS = {"docx": "word/document.xml", "xlsx": "xl/sharedStrings.xml", "odt": "content.xml", "ods": "content.xml"}
"""Where an office file keeps its words."""
_TAGS = re.compile(r"<[^>]*>")


def _insist_harmless(file: BinaryIO, kind: str) -> None:
    """What people write is looked at for what nobody may keep; pictures and packed pages are not."""
    if kind in ("txt", "csv"):
        text = _decoded(file.read(secrecy.MOST))
    elif kind in _WORDS:
        text = _TAGS.sub("\n", _decoded(_part(file, _WORDS[kind])))
    elif kind == "pdf":
        text = "\n".join(_KEYS.findall(file.read().decode("latin-1")))
    else:
        return
    if secret := secrecy.found(text):
        raise InvalidDocument(f"error.file_secret_{secret}")


_KEYS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}-----")


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _part(file: BinaryIO, name: str) -> bytes:
    """The beginning of one part of an archive: never more is unpacked than is looked at."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(name) as part:
            return part.read(secrecy.MOST)
    except (KeyError, zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError, zlib.error):
        return b""


_END, _END_64, _ENTRY = b"PK\x05\x06", b"PK\x06\x07", b"PK\x01\x02"
_END_BYTES, _MOST_COMMENT = 22, 65536
_MOST_ENTRIES, _MOST_CONTENTS = 10_000, 2 * 1024 * 1024


def _has_small_contents(file: BinaryIO) -> bool:
    """Whether the archive's table of contents is short, found where `zipfile` looks for it.

    The number of entries the archive claims is not believed: `zipfile` reads on to the end of the table.
    """
    size = file.seek(0, os.SEEK_END)
    begin = max(size - _END_BYTES - _MOST_COMMENT, 0)
    file.seek(begin)
    tail = file.read()
    at = len(tail) - _END_BYTES
    if at < 0 or not (tail.startswith(_END, at) and tail.endswith(b"\0\0")):
        at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES or tail[max(at - 20, 0) : at].startswith(_END_64):
        return False
    entries, contents = struct.unpack_from("<HL", tail, at + 10)
    if entries > _MOST_ENTRIES or contents > min(_MOST_CONTENTS, begin + at):
        return False
    file.seek(begin + at - contents)
    return file.read(contents).count(_ENTRY) <= _MOST_ENTRIES


def _is_text(head: bytes) -> bool:
    if b"\x00" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 or _is_latin(head)
    return not head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<script", b"<svg", b"<?xml"))


def _is_latin(head: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n" for byte in head) and not head.lstrip().startswith(b"<")
