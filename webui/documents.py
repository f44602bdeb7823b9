"""Uploaded files on their way out: only as attachments, never shown or run inside a page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO
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
        file = found.path.open("rb")
    except FileNotFoundError as error:
        raise NotFound(what="document") from error

    response = Response(_chunks(file), content_type=found.media_type)
    response.call_on_close(file.close)
    response.headers["Content-Length"] = str(os.fstat(file.fileno()).st_size)
    response.headers["Content-Disposition"] = disposition(found.name)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def disposition(name: str) -> str:
    """`attachment` with the file's name as RFC 6266 writes it: plain letters for old programs, then the whole name."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in " .-_()") else "_" for letter in name)
    return f"attachment; filename=\"{plain or 'document'}\"; filename*=UTF-8''{quote(name, safe='')}"


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk
