"""What a deed leaves for the next page to say: one sentence, carried in a short-lived cookie, and how to undo it.

The cookie holds a text key and plain facts, nothing secret: whoever wrote one for himself would read his own words.
What undoes a deed is another deed of a fixed list, sent by a form like any other and checked as ever.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args
from uuid import UUID

from flask import Flask, Response, g, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import session
from workflow import texts

Kind = Literal["success", "info", "warning"]
Fact = str | int

_SECONDS = 60
_LONGEST, _LARGEST = 2048, 10**9


UNDO: Final[Mapping[str, tuple[str, str]]] = {
    "accept": ("tasks.release", "task_id"),
    "release": ("tasks.accept", "task_id"),
    "hand_on": ("tasks.take_back", "task_id"),
    "follow_up": ("tasks.follow_up", "task_id"),
    "hold": ("cases.resume", "case_id"),
    "resume": ("cases.hold_again", "case_id"),
    "prerequisite_accept": ("prerequisites.release", "prerequisite_id"),
    "prerequisite_release": ("prerequisites.accept", "prerequisite_id"),
}
"""What undoes what: the door of the deed, and what its address names. Follow-up without a day takes up again."""


@dataclass(frozen=True, slots=True)
class Undo:
    """The way back: which deed was done, with what, and its version since then."""

    deed: str
    subject: UUID
    version: int

    @property
    def address(self) -> str:
        """Where the form goes."""
        endpoint, name = UNDO[self.deed]
        values: dict[str, Any] = {name: self.subject}
        return url_for(endpoint, **values)


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the top of the page."""

    kind: Kind
    key: str
    facts: dict[str, Fact]
    undo: Undo | None = None


def leave(
    response: AnyResponse, key: str, *, kind: Kind = "success", undo: Undo | None = None, **facts: Fact
) -> AnyResponse:
    """Let the page this answer leads to say `key` on top; gives the answer back."""
    back = [undo.deed, undo.subject.hex, undo.version] if undo is not None and not is_undoing() else None
    written = json.dumps([kind, key, facts, back], ensure_ascii=True, separators=(",", ":"))
    session.set_cookie(response, "notice", base64.urlsafe_b64encode(written.encode()).decode(), max_age=_SECONDS)
    return response


def is_undoing() -> bool:
    """Whether this form was the way back from a deed. That is not undone in its turn: pages have buttons for it."""
    return request.form.get("undo") == "yes"


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
    kind, key, facts, *more = json.loads(base64.urlsafe_b64decode(carried))
    if kind not in get_args(Kind) or not key.startswith("notice."):
        return None
    named = texts.placeholders("de", key) | ({"n"} & facts.keys())
    return Notice(kind, key, {name: _plain(facts[name]) for name in named}, _undo(more[0] if more else None))


def _undo(back: Any) -> Undo | None:
    """The way back, if the cookie names one of ours. Raises ValueError, TypeError or AttributeError if not."""
    if back is None:
        return None
    deed, subject, version = back
    if deed not in UNDO or type(version) is not int or not 0 <= version < _LARGEST:
        raise ValueError
    return Undo(deed, UUID(subject), version)


def _plain(value: object) -> Fact:
    """A fact as a sentence takes it. Raises ValueError for a number nobody counts to, and for half a character."""
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ValueError
        return value
    written = str(value)
    written.encode()
    return written
