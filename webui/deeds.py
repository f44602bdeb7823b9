"""The one way in which a form becomes a deed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

from flask import Flask, request

from webui import seals, session
from workflow import commands, drafts
from workflow.engine import Work

FIELD: Final = "command"
"""The hidden field in which a form names its deed."""
DRAFT: Final = "draft"
"""The hidden field in which a form names itself, if what is typed into it is kept."""

_Asked = ParamSpec("_Asked")
_View = TypeVar("_View")


def do(deed: Callable[Concatenate[Work, _Asked], _View], /, *args: _Asked.args, **asked: _Asked.kwargs) -> _View:
    """Do it as the person who sent the form. Sent once more (a double click, a page reloaded), it is not done again:
    the person gets what it came to. With the deed goes the draft of the form. Raises what the deed raises, and
    CommandReused."""
    with session.engine().change(session.me()) as work:
        done = commands.once(work, key(), deed, *args, **asked)
        if form := draft():
            drafts.forget(work, form)
        return done


def draft() -> str | None:
    """The name under which a draft of the form that was sent may be kept."""
    named = seals.opened(request.form.get(DRAFT, ""))
    return named[0] if named else None


def is_repeated() -> bool:
    """Whether this very form has been sent and done before: what its page asks first is asked no more."""
    with session.engine().read(session.me()) as work:
        return commands.is_known(work, key())


def install(app: Flask) -> None:
    """Let every form carry a name of its own, made when its page is written."""
    app.jinja_env.globals["command"] = lambda: secrets.token_urlsafe(16)


def key() -> str | None:
    """The name the form carries, for a deed that is kept piece by piece."""
    return request.form.get(FIELD) or None
