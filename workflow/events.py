"""Chained, append-only history.

Every case, prerequisite, milestone, wave and person has a chain of its own. An entry's digest is the SHA-256 of its
canonical JSON, which contains the digest before it; so nobody can change, drop or reorder a past entry unnoticed.
Names, addresses and free text appear only as salted commitments: dropping a salt erases them and leaves the chain
valid.

An entry says who (`actor_id`, and `who` as a commitment), in whose place (`on_behalf_of`), when, under which
definitions (`definitions`: the revision that was loaded; of a case also `process`: name and version), what became of
the rows (under the name of the chain, `tasks` and `rows`) and what they were before (`before`, under the same names).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow.definition import canonical
from workflow.engine import Work
from workflow.models import Event, Remark

START = "0" * 64
"""What the first entry of a chain names as its predecessor."""


@dataclass(frozen=True, slots=True)
class Link:
    """A new entry, ready to be kept: its row and the chain's new head."""

    values: dict[str, Any]
    seq: int
    head: str


@dataclass(frozen=True, slots=True)
class Commitment:
    """A value kept elsewhere, and what history says of it."""

    salt: str
    digest: str


def link(work: Work, chain: str, chain_id: UUID, seq: int, previous: str, act: str, content: Mapping[str, Any]) -> Link:
    """The entry after number `seq`, whose digest is `previous`."""
    number = seq + 1
    said = dict(plain(content))
    said["definitions"] = work.catalogue.revision
    if work.actor.commitment:
        said["who"] = work.actor.commitment
    text = canonical(said)
    digest = digest_of(chain, chain_id, number, work.now, work.actor.id, act, text, previous)
    values = {
        "chain": chain,
        "chain_id": chain_id,
        "seq": number,
        "at": work.now,
        "actor_id": work.actor.id,
        "act": act,
        "content": text,
        "previous": previous,
        "digest": digest,
    }
    return Link(values, number, digest)


def record(
    work: Work, chain: str, chain_id: UUID, seq: int, previous: str, act: str, content: Mapping[str, Any]
) -> Link:
    """Append an entry to a chain whose owner the transaction holds."""
    entry = link(work, chain, chain_id, seq, previous, act, content)
    work.session.execute(APPEND, entry.values)
    return entry


def digest_of(
    chain: str,
    chain_id: UUID,
    seq: int,
    at: dt.datetime,
    actor_id: UUID | None,
    act: str,
    content: str,
    previous: str,
) -> str:
    """SHA-256 of `hashed`."""
    return hashlib.sha256(hashed(chain, chain_id, seq, at, actor_id, act, content, previous).encode()).hexdigest()


def hashed(
    chain: str,
    chain_id: UUID,
    seq: int,
    at: dt.datetime,
    actor_id: UUID | None,
    act: str,
    content: str,
    previous: str,
) -> str:
    """The canonical entry, one line; `content` is canonical JSON already and stands inside as it is."""
    frame = canonical(
        {
            "act": act,
            "actor": actor_id.hex if actor_id else None,
            "at": at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
            "chain": chain,
            "chain_id": chain_id.hex,
            "previous": previous,
            "seq": seq,
        }
    )
    return f'{{"content":{content},"entry":{frame}}}'


def commit(value: str) -> Commitment:
    """A salted commitment to a value: it proves the value while the salt is kept and says nothing without it."""
    salt = secrets.token_hex(16)
    return Commitment(salt, committed(salt, value))


def committed(salt: str, value: str) -> str:
    """What history says of a value under this salt."""
    return hashlib.sha256(f"{salt}\n{value}".encode()).hexdigest()


def remark(work: Work, chain_id: UUID, text: str) -> dict[str, Any]:
    """Keep free text beside a chain that is not a case's; returns what the entry of history says of it."""
    commitment = commit(text)
    remark_id = uuid4()
    work.session.execute(
        sa.insert(Remark),
        {
            "id": remark_id,
            "chain_id": chain_id,
            "text": text,
            "salt": commitment.salt,
            "commitment": commitment.digest,
        },
    )
    return {"id": remark_id, "commitment": commitment.digest}


def plain(value: Any) -> Any:
    """The JSON form of ids, dates and nested values."""
    if type(value) in _PLAIN_ALREADY:
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


_PLAIN_ALREADY = frozenset({str, int, float, bool, type(None)})


def broken_at(work: Work, chain_id: UUID) -> int | None:
    """Number of the first entry of a chain that does not fit; None when the chain is whole."""
    previous, expected = START, 1
    rows = work.session.execute(_CHAIN, {"chain_id": chain_id})
    for chain, seq, at, actor_id, act, content, named, digest in rows:
        fits = seq == expected and named == previous
        if not fits or digest != digest_of(chain, chain_id, seq, at, actor_id, act, content, previous):
            return int(seq)
        previous, expected = digest, expected + 1
    return None


APPEND = sa.insert(Event.__table__)  # type: ignore[arg-type]

_CHAIN = (
    sa.select(Event.chain, Event.seq, Event.at, Event.actor_id, Event.act, Event.content, Event.previous, Event.digest)
    .where(Event.chain_id == sa.bindparam("chain_id", type_=sa.Uuid()))
    .order_by(Event.seq)
)
