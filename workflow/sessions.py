"""Who is signed in at a browser: passwords, the throttle, and sessions that can be revoked.

All times here are real ones, never the rehearsal clock's, so that moving that clock signs nobody out. Passwords are
hashed outside of transactions: a hash takes a tenth of a second, and nobody else's work should wait for it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import secrets
from dataclasses import dataclass, field, replace
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo

import argon2
import sqlalchemy as sa
from sqlalchemy.orm import Session

from workflow import database, policy, statements
from workflow.database import Guard, unguarded
from workflow.definition import Text
from workflow.engine import Beginning, Engine, Work
from workflow.errors import (
    Busy,
    NetworkPaused,
    NotFound,
    PasswordIsEmail,
    PasswordTooWeak,
    PasswordUnchanged,
    SignInPaused,
    SignInRefused,
)
from workflow.models import AccessLink, Body, Draft, Installation, Instant, LoginAttempt, Person, Team, WebSession
from workflow.policy import Role
from workflow.texts import LANGUAGES

THEMES = ("system", "light", "dark")
IDLE = dt.timedelta(hours=8)
ABSOLUTE = dt.timedelta(hours=24)
LEAST_PASSWORD, MOST_PASSWORD = 12, 256

_SEEN_EVERY = dt.timedelta(minutes=5)
_FORGET_TRIES = dt.timedelta(hours=24)
_FIRST_WAIT, _LONGEST_WAIT, _LONGEST_WAIT_OF_NETWORK = 15, 15 * 60, 30
_FREE_TRIES, _FREE_TRIES_OF_NETWORK = 5, 100
_NETWORK_WINDOW = 15 * 60
"""Seconds after which a network starts afresh, whoever signs in meanwhile: a whole town hall may stand behind it."""
_ZONE = ZoneInfo("Europe/Berlin")
_HASHER = argon2.PasswordHasher()


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just opened. The token is known to the browser only; the database keeps its digest."""

    token: str
    person_id: UUID
    language: str
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person behind a session, with everything a page's frame shows."""

    person_id: UUID
    name: str
    email: str
    language: str
    theme: str
    roles: tuple[Role, ...]
    csrf: str
    beginning: Beginning = field(repr=False, compare=False)
    """With which the request may look at things; of use for nothing later."""
    today: dt.date
    """The day of the process, real or rehearsed."""
    rehearsing: bool
    """The installation runs on the rehearsal clock."""
    toured: bool
    """The short tour is over for this person."""
    has_drafts: bool = False
    """Something typed and not sent is kept for the person."""

    def holds(self, *roles: str) -> bool:
        """Whether the person holds one of these roles anywhere. For what a page offers; `policy` decides."""
        return any(held.role in roles for held in self.roles)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One browser a person is signed in with. `digest` names it and is worth nothing as a token."""

    digest: str
    agent: str
    created_at: dt.datetime
    seen_at: dt.datetime


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role as its holder reads it: what, where, and perhaps for which service only."""

    title: Text | str
    help: Text | None
    where: str | None
    service: Text | None


# --- signing in ------------------------------------------------------------------------------------------------------


def sign_in(engine: Engine, email: str, password: str, address: str, *, agent: str = "") -> NewSession:
    """Open a session for the person with this email and password, asking from this network address.

    A wrong password and an unknown account look alike and take equally long. Every try is counted before the password
    is looked at, so that tries side by side are counted too; the right password takes its try back.

    Raises SignInPaused (of a whole network: NetworkPaused) when there were too many tries, SignInRefused when email and
    password do not fit.
    """
    email = email.strip().lower()
    network = _network(address)
    throttles = (_Throttle(_key("account", email, network)), _of_network(network, database.real_now()))
    _count_try(engine, *throttles)
    with database.transaction(engine.pool, write=False) as session:
        found = session.execute(
            sa.select(Person.id, Person.password, Person.language).where(
                Person.email == email, Person.ended_at.is_(None)
            )
        ).one_or_none()
    if not _fits(found.password if found else None, password) or found is None:
        raise SignInRefused
    better = _HASHER.hash(password) if _HASHER.check_needs_rehash(found.password) else None
    with database.transaction(engine.pool, write=True) as session:
        _forgive(session, *throttles)
        if better is not None:
            session.execute(sa.update(Person).where(Person.id == found.id).values(password=better))
        return _open(session, found.id, found.language, agent)


def session(engine: Engine, token: str, *, noting: bool = True) -> SignedIn | None:
    """The person this token stands for; None when the session ended, was revoked or never was.

    A session ends eight hours after it was last seen and twenty-four hours after it began. Not `noting`: a page asks by
    itself, and nobody was seen.
    """
    now = database.real_now()
    with database.transaction(engine.pool, write=False) as transaction:
        asked = {"digest": digest(token), "now": now, "idle": now - IDLE}
        rows = statements.rows(database.connection_of(transaction), _SESSION, asked)
    if not rows:
        return None
    csrf, seen_at, toured_at, has_drafts, *begins = rows[0][:_OF_SESSION]
    held = tuple(row[_OF_SESSION:] for row in rows)
    known = Beginning(*(*begins, held))
    if noting and now - seen_at > _SEEN_EVERY:
        _note_seen(engine, token, now)
    process_now = now if known.clock == "system" or known.clock_now is None else known.clock_now
    today = process_now.astimezone(_ZONE).date()
    return SignedIn(
        person_id=known.person_id,
        name=known.name or "",
        email=known.email or "",
        language=known.language,
        theme=known.theme,
        roles=policy.roles_on(held, today),
        csrf=csrf,
        beginning=known,
        today=today,
        rehearsing=known.clock != "system",
        toured=toured_at is not None,
        has_drafts=bool(has_drafts),
    )


def count_request(engine: Engine, door: str, email: str, address: str) -> None:
    """Count that somebody at this network address asked one of our doors for a mail to this email, whoever has it.

    Raises SignInPaused (of a whole network: NetworkPaused), counting nothing, while that has to wait.
    """
    network, now = _network(address), database.real_now()
    own = _Throttle(_key(door, email.strip().lower(), network))
    _count_try(engine, own, _of_network(f"{door} {network}", now))


def sign_out(engine: Engine, token: str) -> None:
    """End the session of this token, if there is one."""
    with database.transaction(engine.pool, write=True) as session:
        session.execute(
            sa.update(WebSession)
            .where(WebSession.token_digest == digest(token), WebSession.revoked_at.is_(None))
            .values(revoked_at=database.real_now())
        )


def count_guess(engine: Engine, door: str, address: str, *, free: int = _FREE_TRIES_OF_NETWORK) -> None:
    """Count that somebody at this network address named a secret that never was, at one of our doors; or did something
    else there of which only so much is `free` within a quarter of an hour.

    Raises NetworkPaused, counting nothing, while that network has to wait.
    """
    network, now = _network(address), database.real_now()
    _count_try(engine, replace(_of_network(f"{door} {network}", now), free=free))


def digest(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


# --- a person's sessions ---------------------------------------------------------------------------------------------


def open_sessions(engine: Engine, person_id: UUID) -> tuple[OpenSession, ...]:
    """The browsers this person is signed in with, the one used last first."""
    now = database.real_now()
    with database.transaction(engine.pool, write=False) as session:
        rows = session.execute(
            sa.select(WebSession.token_digest, WebSession.agent, WebSession.created_at, WebSession.seen_at)
            .where(
                WebSession.person_id == person_id,
                WebSession.revoked_at.is_(None),
                WebSession.expires_at > now,
                WebSession.seen_at > now - IDLE,
            )
            .order_by(WebSession.seen_at.desc(), WebSession.token_digest)
        ).all()
    return tuple(OpenSession(row.token_digest, row.agent or "", row.created_at, row.seen_at) for row in rows)


def revoke(engine: Engine, person_id: UUID, session_digest: str) -> None:
    """End one session of this person. Raises NotFound when it is nobody's or somebody else's."""
    with database.transaction(engine.pool, write=True) as session:
        ended = session.execute(
            sa.update(WebSession)
            .where(
                WebSession.token_digest == session_digest,
                WebSession.person_id == person_id,
                WebSession.revoked_at.is_(None),
            )
            .values(revoked_at=database.real_now())
            .returning(WebSession.token_digest)
        ).one_or_none()
        if ended is None:
            raise NotFound


def forget_expired(engine: Engine, guard: Guard = unguarded) -> int:
    """Remove the rows of sessions that ended by themselves; returns how many."""
    with database.transaction(engine.pool, write=True) as session:
        guard(session)
        return session.execute(  # type: ignore[attr-defined, no-any-return]
            sa.delete(WebSession).where(WebSession.expires_at < database.real_now())
        ).rowcount


# --- the person's account --------------------------------------------------------------------------------------------


def held_roles(work: Work) -> tuple[HeldRole, ...]:
    """The own roles of the person who looks, in words."""
    roles = tuple(held for held in work.actor.roles if held.on_behalf_of is None and held.role != policy.COORDINATOR)
    programme = work.catalogue.programme
    bodies = {held.body for held in roles if held.body}
    teams = {held.team for held in roles if held.team}
    places = {key: operator.title for key, operator in programme.operators.items()}
    for names in (
        sa.select(Body.ars, Body.display_name).where(Body.ars.in_(bodies)),
        sa.select(Team.key, Team.title).where(Team.key.in_(teams)),
    ):
        places.update((key, name) for key, name in work.session.execute(names))
    return tuple(
        HeldRole(
            title=programme.roles[held.role].title if held.role in programme.roles else held.role,
            help=programme.roles[held.role].help if held.role in programme.roles else None,
            where=next((places.get(key, key) for key in (held.body, held.team, held.operator) if key), None),
            service=None if held.service is None else work.catalogue.service_title(held.service),
        )
        for held in roles
    )


# --- what a person decides about the own account ---------------------------------------------------------------------


def set_language(engine: Engine, person_id: UUID, language: str) -> None:
    """Speak this language to the person from now on, on pages and in mails. Raises NotFound for an unknown one."""
    if language not in LANGUAGES:
        raise NotFound
    with database.transaction(engine.pool, write=True) as session:
        session.execute(sa.update(Person).where(Person.id == person_id).values(language=language))


def set_theme(engine: Engine, person_id: UUID, theme: str) -> None:
    """Show pages light, dark, or as the device wishes (`system`). Raises NotFound for anything else."""
    if theme not in THEMES:
        raise NotFound
    with database.transaction(engine.pool, write=True) as session:
        session.execute(sa.update(Person).where(Person.id == person_id).values(theme=theme))


def change_password(engine: Engine, person_id: UUID, old: str, new: str, *, agent: str = "") -> NewSession:
    """Replace the own password and sign out everywhere; the browser that asked goes on in a new session. A link that
    was asked for to set one opens nothing any more.

    Raises SignInPaused after too many wrong tries, SignInRefused when the old password does not fit, PasswordTooWeak
    (also when the new one is the old one or the own email).
    """
    if old == new:
        raise PasswordUnchanged(least=LEAST_PASSWORD)
    throttle = _Throttle(_key("password", str(person_id)))
    _count_try(engine, throttle)
    with database.transaction(engine.pool, write=False) as session:
        found = session.execute(
            sa.select(Person.password, Person.email, Person.language).where(
                Person.id == person_id, Person.ended_at.is_(None)
            )
        ).one_or_none()
    if not _fits(found.password if found else None, old) or found is None:
        raise SignInRefused
    insist_fit(new, found.email)
    hashed = hash_password(new)
    with database.transaction(engine.pool, write=True) as session:
        _forgive(session, throttle)
        session.execute(sa.update(Person).where(Person.id == person_id).values(password=hashed))
        _end_ways_in(session, person_id)
        return _open(session, person_id, found.language, agent)


def set_password(engine: Engine, person_id: UUID, password: str) -> None:
    """Give a person a new password without asking for the old one, and sign out everywhere. Raises PasswordTooWeak."""
    hashed = hash_password(password)
    with database.transaction(engine.pool, write=True) as session:
        session.execute(sa.update(Person).where(Person.id == person_id).values(password=hashed))
        _end_ways_in(session, person_id)


def begin_with_password(session: Session, person_id: UUID, hashed: str, *, agent: str = "") -> NewSession:
    """In the caller's transaction: this is the password from now on, every session ends, and one begins anew."""
    row = sa.update(Person).where(Person.id == person_id).values(password=hashed).returning(Person.language)
    language = session.execute(row).scalar_one()
    _end_ways_in(session, person_id)
    return _open(session, person_id, language, agent)


def insist_fit(password: str, email: str | None) -> None:
    """Raises PasswordTooWeak unless somebody with this address may have this password."""
    if email and password.strip().lower() == email.lower():
        raise PasswordIsEmail(least=LEAST_PASSWORD)
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD or len(set(password)) < 5:
        raise PasswordTooWeak(least=LEAST_PASSWORD)


def hash_password(password: str) -> str:
    """What is kept of a password (argon2id). Slow on purpose: call it outside of transactions.

    Raises PasswordTooWeak for fewer than twelve characters, more than 256, or a handful of characters repeated.
    """
    insist_fit(password, None)
    return _HASHER.hash(password)


def warm_up() -> None:
    """Make what the first try with an unknown account needs, so that it takes no longer than all others."""
    _nobodys_hash()


# --- helpers, in the order they are called ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Throttle:
    """What is counted under one key: how many tries are free, how long the pauses get, and how they are worded."""

    key: str
    free: int = _FREE_TRIES
    longest: int = _LONGEST_WAIT
    paused: type[SignInPaused] = SignInPaused


def _of_network(network: str, now: dt.datetime) -> _Throttle:
    """Counted in windows of fixed length, since the window is part of the key."""
    window = int(now.timestamp()) // _NETWORK_WINDOW
    key = _key("network", network, str(window))
    return _Throttle(key, _FREE_TRIES_OF_NETWORK, _LONGEST_WAIT_OF_NETWORK, NetworkPaused)


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _network(address: str) -> str:
    """Who asks: the address; of IPv6 the half that names the network, since the other half is free to choose."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)


def _open(session: Session, person_id: UUID, language: str, agent: str) -> NewSession:
    """A session of somebody who has just shown the password; those that are over go."""
    now, token = database.real_now(), secrets.token_urlsafe(32)
    session.execute(sa.delete(WebSession).where(WebSession.expires_at < now))
    session.execute(
        sa.insert(WebSession).values(
            token_digest=digest(token),
            person_id=person_id,
            csrf=secrets.token_hex(32),
            agent=agent[:200],
            created_at=now,
            seen_at=now,
            expires_at=now + ABSOLUTE,
        )
    )
    return NewSession(token, person_id, language, now + ABSOLUTE)


def _count_try(engine: Engine, *throttles: _Throttle) -> None:
    """Count one more try under each. Raises SignInPaused, counting nothing, while one of them has to wait."""
    now = database.real_now()
    with database.transaction(engine.pool, write=True) as session:
        session.execute(sa.delete(LoginAttempt).where(LoginAttempt.last_at < now - _FORGET_TRIES))
        for throttle in throttles:
            tries, blocked_until = session.execute(_COUNT, {"key": throttle.key, "now": now}).one()
            if blocked_until > now:
                raise throttle.paused(n=-(-(blocked_until - now).seconds // 60) or 1)
            if tries >= throttle.free:
                wait = min(_FIRST_WAIT * 2 ** min(tries - throttle.free, 16), throttle.longest)
                session.execute(
                    sa.update(LoginAttempt)
                    .where(LoginAttempt.key == throttle.key)
                    .values(blocked_until=now + dt.timedelta(seconds=wait))
                )


_COUNT = (
    sa.text(
        "INSERT INTO login_attempt (key, failures, blocked_until, last_at) VALUES (:key, 1, :now, :now) "
        "ON CONFLICT (key) DO UPDATE SET failures = login_attempt.failures + 1, last_at = excluded.last_at "
        "RETURNING failures, blocked_until"
    )
    .bindparams(sa.bindparam("now", type_=Instant()))
    .columns(failures=sa.Integer(), blocked_until=Instant())
)


def _fits(stored: str | None, password: str) -> bool:
    """Whether the password is the one behind the hash; takes as long when there is no hash."""
    try:
        _HASHER.verify(stored or _nobodys_hash(), password[:MOST_PASSWORD])
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    return stored is not None


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))


def _forgive(session: Session, own: _Throttle, *shared: _Throttle) -> None:
    """The password was right: the account starts afresh, its network gets this one try back."""
    session.execute(sa.delete(LoginAttempt).where(LoginAttempt.key == own.key))
    session.execute(
        sa.update(LoginAttempt)
        .where(LoginAttempt.key.in_([throttle.key for throttle in shared]), LoginAttempt.failures > 0)
        .values(failures=LoginAttempt.failures - 1, blocked_until=database.real_now())
    )


_HELD = policy.held_roles(
    sa.select(WebSession.person_id)
    .where(WebSession.token_digest == sa.bindparam("digest", type_=sa.String()))
    .scalar_subquery()
)
_OF_SESSION = 13
"""So many columns of it are not of a role."""
_SESSION = (
    sa.select(
        WebSession.csrf,
        WebSession.seen_at,
        Person.toured_at,
        sa.exists().where(Draft.person_id == Person.id),
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
    .join(Person, Person.id == WebSession.person_id)
    .join(Installation, Installation.id == 1)
    .outerjoin(_HELD, sa.true())
    .where(
        WebSession.token_digest == sa.bindparam("digest", type_=sa.String()),
        WebSession.revoked_at.is_(None),
        WebSession.expires_at > sa.bindparam("now", type_=Instant()),
        WebSession.seen_at > sa.bindparam("idle", type_=Instant()),
        Person.ended_at.is_(None),
    )
)


def _note_seen(engine: Engine, token: str, now: dt.datetime) -> None:
    try:
        with database.transaction(engine.pool, write=True) as session:
            session.execute(sa.update(WebSession).where(WebSession.token_digest == digest(token)).values(seen_at=now))
    except Busy:
        return  # a page is worth more than a punctual note; the next request writes it


def _end_ways_in(session: Session, person_id: UUID) -> None:
    """Every session ends, and every link that was asked for to set a password: its mail may lie with somebody else."""
    now = database.real_now()
    session.execute(
        sa.update(WebSession)
        .where(WebSession.person_id == person_id, WebSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    asked = (AccessLink.person_id == person_id, AccessLink.kind == "reset", AccessLink.used_at.is_(None))
    session.execute(sa.update(AccessLink).where(*asked, AccessLink.ended_at.is_(None)).values(ended_at=now))
