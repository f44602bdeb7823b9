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
        kind, key, facts = json.loads(base64.urlsafe_b64decode(carried))
        notice = Notice(kind, str(key), {str(name): _plain(value) for name, value in facts.items()})
        if kind in get_args(Kind) and key.startswith("notice.") and texts.placeholders("de", key) <= facts.keys():
            return notice
    except (ValueError, binascii.Error, KeyError, AttributeError, TypeError):
        return None
    return None


def install(app: Flask) -> None:
    """Make notices known to templates, and forget each once it was said."""
    app.jinja_env.globals["notice"] = waiting

    @app.after_request
    def forget(response: Response) -> Response:
        if g.get("notice_said"):
            session.drop_cookie(response, "notice")
        return response


def _plain(value: object) -> Fact:
    return value if isinstance(value, int) else str(value)
