"""Work: one transaction, one actor, one instant."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from workflow import catalogue, database, policy, statements
from workflow.catalogue import Catalogue
from workflow.errors import SignInRequired, Unready
from workflow.models import Installation, Person
from workflow.policy import Actor
from workflow.settings import Settings

SYSTEM: Final = "system"
"""The actor of what time does."""

Who = UUID | Literal["system"] | None


@dataclass(frozen=True, slots=True)
class Work:
    """What a deed or a page works with until its transaction ends."""

    session: Session
    connection: sa.Connection
    """What the session stands on, for the statements of every deed (`workflow.statements`)."""
    catalogue: Catalogue
    actor: Actor
    now: dt.datetime
    """The process time in UTC: the real one, or the rehearsal clock's."""
    bulk: UUID | None = None
    """What this is a part of, when many cases are worked off at once (`workflow.bulk`)."""

    @property
    def today(self) -> dt.date:
        """The day it is in the programme's Land."""
        return self.catalogue.calendar.today(self.now)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What somebody's look at things begins with, as one statement found it."""

    revision: int
    """Of the definitions."""
    clock: str
    clock_now: dt.datetime | None
    person_id: UUID
    name: str | None
    email: str | None
    language: str
    theme: str
    salt: str | None
    held: tuple[Sequence[Any], ...]
    """Rows of `policy.held_roles`."""


class Engine:
    """One installation: its database and its definitions. Shared by all threads of a process."""

    def __init__(self, settings: Settings, pool: sa.Engine | None = None) -> None:
        self.settings = settings
        self.pool = database.connect(settings.database_url) if pool is None else pool
        self._catalogue: Catalogue | None = None
        self._loading = threading.Lock()

    @contextmanager
    def read(self, who: Who | Beginning) -> Iterator[Work]:
        """Look at things as this person (None: nobody). To write inside is an error.

        A request that has just asked who looks (`sessions.session`) begins with what it was told.
        """
        with database.transaction(self.pool, write=False) as session:
            yield self._begin(session, who) if not isinstance(who, Beginning) else self._work(session, who)

    @contextmanager
    def change(self, who: Who) -> Iterator[Work]:
        """Do one piece of work as this person or SYSTEM: kept whole when the block ends, not at all when it raises.

        Raises SignInRequired when the account no longer exists, Busy when another writer keeps the database.
        """
        with database.transaction(self.pool, write=True) as session:
            yield self._begin(session, who)

    def close(self) -> None:
        """Close every connection of this process."""
        self.pool.dispose()

    def _begin(self, session: Session, who: Who) -> Work:
        """Actor, instant and definitions as this transaction sees them, in one statement."""
        person_id = who if isinstance(who, UUID) else None
        connection = database.connection_of(session)
        rows = statements.rows(connection, _BEGIN, {"person_id": person_id})
        if not rows:
            raise Unready("error.not_initialised")
        revision, clock, clock_now, found, *_ = rows[0]
        if found is not None:
            return self._work(session, Beginning(*(*rows[0][:9], tuple(row[9:] for row in rows))))
        if who is not None and who != SYSTEM:
            raise SignInRequired
        return Work(
            session=session,
            connection=connection,
            catalogue=self._definitions(session, revision),
            actor=Actor.nobody() if who is None else Actor.system(),
            now=_now(clock, clock_now),
        )

    def _work(self, session: Session, known: Beginning) -> Work:
        definitions, now = self._definitions(session, known.revision), _now(known.clock, known.clock_now)
        return Work(
            session=session,
            connection=database.connection_of(session),
            catalogue=definitions,
            actor=Actor(
                id=known.person_id,
                name=known.name or "",
                email=known.email or "",
                language=known.language,
                theme=known.theme,
                commitment=_commit(known.salt, known.name, known.email),
                roles=policy.roles_on(known.held, definitions.calendar.today(now)),
            ),
            now=now,
        )

    def _definitions(self, session: Session, revision: int) -> Catalogue:
        known = self._catalogue
        if known is None or known.revision != revision:
            with self._loading:
                known = self._catalogue
                if known is None or known.revision != revision:
                    known = self._catalogue = catalogue.read(session, revision)
        return known


_HELD = policy.held_roles(sa.bindparam("person_id", type_=sa.Uuid()))
_BEGIN = (
    sa.select(
        Installation.definitions_revision,
        Installation.clock,
        Installation.clock_now,
        Person.id,
        Person.name,
        Person.email,
        Person.language,
        Person.theme,
        Person.salt,
        *_HELD.c,
    )
    .select_from(Installation)
    .outerjoin(Person, sa.and_(Person.id == sa.bindparam("person_id", type_=sa.Uuid()), Person.ended_at.is_(None)))
    .outerjoin(_HELD, Person.id.is_not(None))
    .where(Installation.id == 1)
)


def _now(clock: str, clock_now: dt.datetime | None) -> dt.datetime:
    if clock == "system":
        return database.real_now()
    assert clock_now is not None  # noqa: S101 - a clock that is moved by hand shows something
    return clock_now


def _commit(salt: str | None, name: str | None, email: str | None) -> str | None:
    """What history keeps of a person: worthless once the salt is gone."""
    if salt is None:
        return None
    return hashlib.sha256(f"{salt}\n{name}\n{email}".encode()).hexdigest()
