"""Commands with a key: asked twice, done once.

Whoever asks for a deed may name it by a key of his own: a form that is sent twice, a script that does not know whether
its last call arrived. The first result is kept with the deed itself and given again to whoever repeats the command.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from functools import lru_cache
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, get_type_hints

import sqlalchemy as sa
from pydantic import TypeAdapter

from workflow import database, events
from workflow.database import Guard, unguarded
from workflow.definition import canonical
from workflow.engine import Engine, Work
from workflow.errors import CommandReused, Invalid
from workflow.models import Command

LONGEST_KEY: Final = 80
KEPT: Final = dt.timedelta(days=30)
"""How long a command is remembered, in real time."""

_OPERATOR = "operator"
"""Who acts at the shell without an account."""

_Asked = ParamSpec("_Asked")
_View = TypeVar("_View")


def once(
    work: Work,
    key: str | None,
    deed: Callable[Concatenate[Work, _Asked], _View],
    /,
    *args: _Asked.args,
    **asked: _Asked.kwargs,
) -> _View:
    """Do a deed under a key, or give what it came to the first time this actor asked for it under this key.

    Without a key it is simply done. Two who ask at once are settled by the database: the second waits and gets the
    first one's result. What is refused keeps nothing, and its key may be used again. After 30 days a key is forgotten.

    Raises Invalid (no such key can be), CommandReused (the key stood for something else), or what the deed raises.
    """
    if key is None:
        return deed(work, *args, **asked)
    _insist_sound(key)
    who, digest = _who(work), _digest(key, deed, args, asked)
    row = {"actor": who, "key": key, "deed": deed.__name__, "digest": digest, "result": "", "at": database.real_now()}
    mine = sa.and_(Command.actor == who, Command.key == key)
    if not database.insert_missing(work.session, Command, row):
        kept = work.session.execute(sa.select(Command.digest, Command.result).where(mine)).one()
        if kept.digest != digest:
            raise CommandReused
        first: _View = _form_of(deed).validate_json(kept.result)
        return first
    done = deed(work, *args, **asked)
    result = canonical(_form_of(deed).dump_python(done, mode="json"))
    work.session.execute(sa.update(Command).where(mine).values(result=result))
    return done


def part(key: str | None, of: object) -> str | None:
    """The key of one part of what is asked for under a key, where each part is kept by itself: a line of a table.

    Raises Invalid (no such key can be).
    """
    if key is None:
        return None
    _insist_sound(key)
    return f"{hashlib.sha256(key.encode()).hexdigest()[:40]} {of}"


def is_known(work: Work, key: str | None) -> bool:
    """Whether this actor has had something done under this key."""
    if key is None:
        return False
    query = sa.select(Command.key).where(Command.actor == _who(work), Command.key == key)
    return work.session.execute(query).first() is not None


def forget(engine: Engine, guard: Guard = unguarded) -> int:
    """Forget commands nobody repeats any more; returns how many."""
    with database.transaction(engine.pool, write=True) as session:
        guard(session)
        return session.execute(  # type: ignore[attr-defined, no-any-return]
            sa.delete(Command).where(Command.at < database.real_now() - KEPT)
        ).rowcount


def _insist_sound(key: str) -> None:
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise Invalid(what="key")


def _who(work: Work) -> str:
    return work.actor.id.hex if work.actor.id is not None else _OPERATOR


def _digest(key: str, deed: Callable[..., Any], args: tuple[Any, ...], asked: Mapping[str, Any]) -> str:
    """What was asked, as a number that says nothing of the words in it: the key salts it."""
    alike = {name: value for name, value in asked.items() if name != "password_hash"}  # another one at each asking
    said = canonical(_plain({"key": key, "deed": deed.__name__, "args": args, "asked": alike}))
    return hashlib.sha256(said.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return events.plain(value)


@lru_cache(maxsize=64)
def _form_of(deed: Callable[..., Any]) -> TypeAdapter[Any]:
    """How the view a deed gives is written down and read again."""
    return TypeAdapter(get_type_hints(deed)["return"])
