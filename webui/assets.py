"""Static files: read once at start, compressed in memory, served under an address that changes with their content.

The address carries a fingerprint of all files (`/static/<fingerprint>/startklar.css`), so browsers may keep them for a
year, and relative addresses inside the style sheets (fonts) share it.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Flask, Response, request, url_for
from werkzeug.exceptions import NotFound

FOLDER = Path(__file__).resolve().parent / "static"

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
          ".woff2": "font/woff2", ".md": "text/plain; charset=utf-8", ".txt": "text/plain; charset=utf-8",
          "": "text/plain; charset=utf-8"}  # fmt: skip
_YEAR = "public, max-age=31536000, immutable"
_CHECK = "public, max-age=0, must-revalidate"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    content: bytes
    compressed: bytes | None
    type: str
    etag: str


def install(app: Flask) -> None:
    """Serve the static folder and tell templates the addresses: `asset('startklar.css')`."""
    files = _read(FOLDER)
    fingerprint = hashlib.sha256("".join(file.etag for _, file in sorted(files.items())).encode()).hexdigest()[:12]

    def serve(fingerprint_asked: str, name: str) -> Response:
        file = files.get(name)
        if file is None:
            raise NotFound
        return _answer(file, _YEAR if fingerprint_asked == fingerprint else _CHECK)

    def favicon() -> Response:
        """Asked for by programs that read no page; pages name the mark themselves."""
        return _answer(files["mark.svg"], _CHECK)

    def address(name: str) -> str:
        if name not in files:
            raise KeyError(name)
        return url_for("asset", fingerprint_asked=fingerprint, name=name)

    app.add_url_rule("/static/<fingerprint_asked>/<path:name>", "asset", serve)
    app.add_url_rule("/favicon.ico", "favicon", favicon)
    app.jinja_env.globals["asset"] = address


@cache
def _read(folder: Path) -> dict[str, Asset]:
    return {path.relative_to(folder).as_posix(): _asset(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    compressed = None if path.suffix in (".woff2", ".ico", ".png") else gzip.compress(content, mtime=0)
    if compressed is not None and len(compressed) > 0.95 * len(content):
        compressed = None
    type_ = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(content, compressed, type_, hashlib.sha256(content).hexdigest()[:20])


def _answer(file: Asset, caching: str) -> Response:
    small = file.compressed if request.accept_encodings["gzip"] > 0 else None
    response = Response(file.content if small is None else small, content_type=file.type)
    if small is not None:
        response.headers["Content-Encoding"] = "gzip"
    if file.compressed is not None:
        response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = caching
    response.set_etag(file.etag if small is None else f"{file.etag}-gzip")
    return response.make_conditional(request)  # type: ignore[return-value]
