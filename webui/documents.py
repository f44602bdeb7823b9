"""Uploaded files on their way out: only as attachments, never shown or run inside a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from flask import Blueprint, Response

from webui import session
from workflow import documents
from workflow.errors import NotFound

blueprint = Blueprint("documents", __name__)

_CHUNK = 256 * 1024


@blueprint.get("/documents/<uuid:document_id>")
def download(document_id: UUID) -> Response:
    """The file, for who may see what it belongs to."""
    folder = session.door().settings.documents
    with session.engine().read(session.me()) as work:
        found = documents.find(work, document_id, folder)
    try:
        size = found.path.stat().st_size
    except FileNotFoundError as error:
        raise NotFound(what="document") from error
    response = Response(_chunks(found.path), content_type=found.media_type)
    response.headers["Content-Length"] = str(size)
    response.headers["Content-Disposition"] = disposition(found.name)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def disposition(name: str) -> str:
    """`attachment` with the file's name as RFC 6266 writes it: plain letters for old programs, then the whole name."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in " .-_()") else "_" for letter in name)
    return f"attachment; filename=\"{plain or 'document'}\"; filename*=UTF-8''{quote(name, safe='')}"


def _chunks(path: Path) -> Iterator[bytes]:
    """Opened only when somebody really reads, and closed whether they read to the end or not."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
