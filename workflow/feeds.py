"""Calendars people subscribe to: secret addresses that can be renewed and revoked, each for one person's eyes.

An address carries a secret of 256 bits, of which the database keeps the digest. What a calendar shows is decided anew
whenever it is asked for, with the rights its owner has then. All times here are real ones.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from workflow import database, policy, sessions
from workflow.engine import Engine, Work
from workflow.errors import Busy, NotFound
from workflow.models import Feed, Person, Team

_FETCHED_EVERY = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class NewFeed:
    """A calendar that was just made. The secret is known to whoever asked for it only."""

    secret: str
    team: str | None
    """Title of the team; None for the own tasks."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A calendar somebody may have: of the own tasks, or of a team. `digest` is None while there is none."""

    team: str | None
    title: str | None
    digest: str | None = None
    made_at: dt.datetime | None = None
    fetched_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Whose calendar an address stands for; `ended` when it was revoked, or its owner has no account any more."""

    digest: str
    person_id: UUID
    team: str | None
    ended: bool


def offers(work: Work) -> tuple[Offer, ...]:
    """The calendars the actor has or may make: of the own tasks first, then of each team of the actor's."""
    here = policy.teams_of(work.actor)
    titles = dict(work.session.execute(sa.select(Team.key, Team.title).where(Team.key.in_(here))).all())
    made = {
        row.team: row
        for row in work.session.execute(
            sa.select(Feed.team, Feed.token_digest, Feed.made_at, Feed.fetched_at).where(
                Feed.person_id == work.actor.id, Feed.revoked_at.is_(None)
            )
        )
    }
    return tuple(
        Offer(team, titles.get(team or ""), row.token_digest, row.made_at, row.fetched_at)
        if (row := made.get(team))
        else Offer(team, titles.get(team or ""))
        for team in (None, *here)
    )


def make(engine: Engine, person_id: UUID, team: str | None = None) -> NewFeed:
    """Give the person a new address for a calendar; the one there was ends.

    Raises SignInRequired, or NotFound for a team the person is not of.
    """
    secret = secrets.token_urlsafe(32)
    with engine.change(person_id) as work:
        if team is not None and team not in policy.teams_of(work.actor):
            raise NotFound(what="team")
        _lock(work.session, person_id)
        _revoke(work.session, Feed.person_id == person_id, Feed.team == team if team else Feed.team.is_(None))
        work.session.execute(
            sa.insert(Feed).values(
                token_digest=sessions.digest(secret), person_id=person_id, team=team, made_at=database.real_now()
            )
        )
        return NewFeed(secret, team_title(work, team))


def revoke(engine: Engine, person_id: UUID, digest: str) -> None:
    """End one of the person's calendars. Raises NotFound when it is nobody's or somebody else's, or has ended."""
    with database.transaction(engine.pool, write=True) as session:
        if not _revoke(session, Feed.token_digest == digest, Feed.person_id == person_id):
            raise NotFound


def find(engine: Engine, secret: str, address: str) -> Known:
    """Whose calendar this address is, asked for from this network address.

    Raises NotFound, or NetworkPaused after too many addresses from one network that never were.
    """
    with database.transaction(engine.pool, write=False) as session:
        row = session.execute(_KNOWN, {"digest": sessions.digest(secret)}).first()
    if row is None:
        sessions.count_guess(engine, "feed", address)
        raise NotFound
    if not row.ended and (row.fetched_at is None or database.real_now() - row.fetched_at > _FETCHED_EVERY):
        _note_fetched(engine, row.token_digest)
    return Known(row.token_digest, row.person_id, row.team, row.ended)


def team_title(work: Work, team: str | None) -> str | None:
    """The title of a team; None for none."""
    return None if team is None else work.session.execute(sa.select(Team.title).where(Team.key == team)).scalar()


def _lock(session: Session, person_id: UUID) -> None:
    """Two who renew at once come one after the other, so that one address is left."""
    session.execute(sa.select(Person.id).where(Person.id == person_id).with_for_update())


def _revoke(session: Session, *which: sa.ColumnElement[bool]) -> bool:
    ended = session.execute(
        sa.update(Feed)
        .where(*which, Feed.revoked_at.is_(None))
        .values(revoked_at=database.real_now())
        .returning(Feed.token_digest)
    )
    return bool(ended.all())


def _note_fetched(engine: Engine, digest: str) -> None:
    try:
        with database.transaction(engine.pool, write=True) as session:
            session.execute(sa.update(Feed).where(Feed.token_digest == digest).values(fetched_at=database.real_now()))
    except Busy:
        return  # the calendar is worth more than a punctual note


_KNOWN = (
    sa.select(
        Feed.token_digest,
        Feed.person_id,
        Feed.team,
        Feed.fetched_at,
        sa.or_(Feed.revoked_at.is_not(None), Person.ended_at.is_not(None)).label("ended"),
    )
    .join(Person, Person.id == Feed.person_id)
    .where(Feed.token_digest == sa.bindparam("digest", type_=sa.String()))
)
