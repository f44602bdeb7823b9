"""What a deed leaves for the next page to say: one sentence, carried in a short-lived cookie.

The cookie holds a text key and plain facts, nothing secret: whoever wrote one for himself would read his own words.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Literal, get_args

from flask import Flask, Response, g, request
from werkzeug.wrappers import Response as AnyResponse

from webui import session
from workflow import texts

Kind = Literal["success", "info", "warning"]
Fact = str | int

_SECONDS = 60
_LONGEST, _LARGEST = 2048, 10**9


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the top of the page."""

    kind: Kind
    key: str
    facts: dict[str, Fact]


def leave(response: AnyResponse, key: str, *, kind: Kind = "success", **facts: Fact) -> AnyResponse:
    """Let the page this answer leads to say `key` on top; gives the answer back."""
    written = json.dumps([kind, key, facts], ensure_ascii=True, separators=(",", ":"))
    session.set_cookie(response, "notice", base64.urlsafe_b64encode(written.encode()).decode(), max_age=_SECONDS)
    return response


def waiting() -> Notice | None:
    """The notice left for this page. It is said once: asking takes it."""
    carried = request.cookies.get(session.cookie_name("notice"))
    if not carried:
        return None
    g.notice_said = True
    try:
        return _read(carried)
    except (ValueError, binascii.Error, KeyError, AttributeError, TypeError, RecursionError):
        return None


def install(app: Flask) -> None:
    """Make notices known to templates, and forget each once it was said."""
    app.jinja_env.globals["notice"] = waiting

    @app.after_request
    def forget(response: Response) -> Response:
        if g.get("notice_said"):
            session.drop_cookie(response, "notice")
        return response


def _read(carried: str) -> Notice | None:
    """What the cookie carries, with the facts its sentence names and no others: anybody may have written it."""
    if len(carried) > _LONGEST:
        return None
    kind, key, facts = json.loads(base64.urlsafe_b64decode(carried))
    if kind not in get_args(Kind) or not key.startswith("notice."):
        return None
    named = texts.placeholders("de", key) | ({"n"} & facts.keys())
    return Notice(kind, key, {name: _plain(facts[name]) for name in named})


def _plain(value: object) -> Fact:
    """A fact as a sentence takes it. Raises ValueError for a number nobody counts to, and for half a character."""
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ValueError
        return value
    written = str(value)
    written.encode()
    return written
