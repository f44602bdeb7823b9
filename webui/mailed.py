"""Pages behind a link of a mail: the address is a key, and the language that of the mail."""

from __future__ import annotations

from flask import g, request
from werkzeug.wrappers import Response as AnyResponse

from webui import session
from workflow.texts import LANGUAGES


def speak(language: str) -> None:
    """In the language of the mail, unless this browser has chosen another one."""
    chosen = session.person() is not None or request.cookies.get(session.cookie_name("language"))
    if not chosen and language in LANGUAGES:
        g.language = language


def discreet(response: AnyResponse) -> AnyResponse:
    """The address of this page is a key: it is told to nobody, and no copy is kept."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
