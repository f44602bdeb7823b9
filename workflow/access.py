"""How people come to an account: invited to a role by a colleague, or with a new password for a forgotten one.

Whoever is invited gets nothing but that mail until it is taken up: a mistyped address learns of no case, and nobody
waits for somebody who never came. A link opens an account once, at its own address only, and within real time; looking
at what it leads to changes nothing, however often a mail program or a scanner does so.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import database, letters, links, messages, people, policy, sessions, texts
from workflow.database import Guard, unguarded
from workflow.definition import ROLES, Text
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import AccessRefused, Conflict, LinkBroken, NotAllowed, NotFound, Refused, SignInRequired
from workflow.letters import Letter, Passage
from workflow.models import AccessLink, Body, Event, Grant, Installation, Invitation, Message, Person, Team
from workflow.policy import Role
from workflow.sessions import NewSession
from workflow.settings import Settings

GOOD_FOR = {"invitation": dt.timedelta(days=14), "reset": dt.timedelta(hours=1)}
"""How long a link opens something, in real time."""
MOST_INVITATIONS = 40
"""Mails somebody may cause within a day by inviting and giving roles; administrators any number."""
MOST_RESETS, BETWEEN_RESETS = 10, dt.timedelta(minutes=2)
"""Mails one account gets within a day because somebody said the password was forgotten, and how far apart."""
KEPT = dt.timedelta(days=30)
"""How long a link that opens nothing any more is remembered, to say why."""
ASKING_TAKES = 0.25
"""Seconds an answer takes to whoever forgot a password, or a multiple of it: how long says nothing of the address."""

GIVING = ("leitung", "digi", "supervisor", "admin")
"""Roles that give roles. Nobody ends the own one: a house would be left without a key by one wrong click."""

Kind = Literal["invitation", "reset"]


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Where the links of a mail lead, and the domain our mail comes from."""

    base_url: str
    domain: str

    @classmethod
    def of(cls, settings: Settings) -> Letterhead:
        """That of an installation."""
        return cls(settings.base_url.rstrip("/"), messages.domain_of(settings))


@dataclass(frozen=True, slots=True)
class RoleWords:
    """A role in words: what, where, and perhaps for which service only."""

    title: Text
    place: str | None
    service: Text | None


@dataclass(frozen=True, slots=True)
class Opened:
    """What is behind a link that still opens something."""

    kind: Kind
    email: str
    name: str
    """Empty when nobody has said it yet."""
    language: str
    roles: tuple[RoleWords, ...]
    """What somebody is invited to."""
    by: str | None
    """Who invited, if somebody with an account did."""
    at: dt.datetime
    """When the link was sent. Real time, as `until`."""
    until: dt.datetime


# --- inviting --------------------------------------------------------------------------------------------------------


def invite(
    work: Work, email: str, role: Role, *, head: Letterhead, name: str = "", language: str = texts.LANGUAGES[0]
) -> None:
    """Invite somebody to a role. Who has an account gets it at once and a mail that says so; anybody else gets a link,
    and the role on taking it up: which of both it was, the inviter is not told. Asked again, a new link is sent and the
    former one opens nothing any more.

    Raises NotAllowed (`policy.may_give`), Refused (a role, an address, a name or a language that makes no sense; too
    many within a day) or Conflict (the role is held already), in this order.
    """
    if not policy.may_give(work.actor, role):
        raise NotAllowed(roles=("body.leitung", "body.digi", "supervisor", "admin"))
    people.insist_sensible(work, role)
    address = people.address_of(email)
    if len(name) > people.MOST_NAME or not name.isprintable():
        raise Refused("error.name_missing")
    if language not in texts.LANGUAGES:
        raise Refused("error.no_such_language", value=language, known=", ".join(texts.LANGUAGES))
    _insist_few(work)

    row = _account(work, address)
    if row is None:
        people.create(work, address=address, name=name, password_hash=None, language=language)
        row = _account(work, address)
    if row is None:  # somebody else took the address, and had another one a moment later
        raise Conflict(what="person", email=address)
    if row.ended_at is not None:
        work.session.execute(sa.update(Person).where(Person.id == row.id).values(ended_at=None))
        people.record(work, row.id, "reopened", person={"ended_at": None})
    held = _held(work, row.id)
    if role in held:
        raise Conflict(what="role_held")
    if held or row.password is not None:
        people.give(work, row.id, role)
        _write(work, row, _granted_letter(work, row, role, head), head)
        return
    if role not in _awaited(work, row.id):
        place = {"role": role.role, "body": role.body, "service": role.service}
        place |= {"team": role.team, "operator": role.operator}
        values = {"id": uuid4(), "person_id": row.id, "invited_by": work.actor.id, "invited_at": work.now, **place}
        work.session.execute(sa.insert(Invitation), values)
        said = {name: value for name, value in place.items() if value is not None}
        people.record(work, row.id, "invited", invited=said)
    _send(work, row, head)


def invite_again(work: Work, person_id: UUID, *, head: Letterhead) -> None:
    """Send a new link to somebody who is invited; the former one opens nothing any more.

    Raises NotFound (nobody who is invited to a role the actor gives) or Refused (too many within a day), in this order.
    """
    people.lock(work, person_id)
    if not any(policy.may_give(work.actor, role) for role in _awaited(work, person_id)):
        raise NotFound(what="invitation")
    _insist_few(work)
    row = work.session.execute(_ACCOUNT.where(Person.id == person_id)).one()
    _send(work, row, head)


def withdraw(work: Work, invitation_id: UUID) -> None:
    """Take an invitation back. Of somebody who had never come in and is invited to nothing else, name and address go.

    Raises NotFound: it was taken up or withdrawn, or is not the actor's to give.
    """
    query = sa.select(Invitation.person_id).where(Invitation.id == invitation_id)
    person_id = work.session.execute(query).scalar()
    if person_id is None:
        raise NotFound(what="invitation")
    people.lock(work, person_id)
    row = work.session.execute(sa.select(Invitation.__table__).where(Invitation.id == invitation_id)).first()
    role = None if row is None else Role(row.role, row.body, row.service, row.team, row.operator)
    if role is None or not policy.may_give(work.actor, role):
        raise NotFound(what="invitation")
    work.session.execute(sa.delete(Invitation).where(Invitation.id == invitation_id))
    people.record(work, person_id, "invitation_withdrawn", invitation=invitation_id)
    if not _awaited(work, person_id):
        _forget(work, person_id)


def end_role(work: Work, grant_id: UUID) -> None:
    """End a role somebody holds. What was accepted in it is open to the others again.

    Raises NotFound (it has ended, or comes from a cluster), NotAllowed (`policy.may_give`) or Refused (the own role
    through which one gives roles), in this order.
    """
    query = sa.select(Grant.__table__).where(Grant.id == grant_id, Grant.ended_at.is_(None), Grant.role.in_(ROLES))
    row = work.session.execute(query).first()
    if row is None:
        raise NotFound(what="role")
    if not policy.may_give(work.actor, Role(row.role, row.body, row.service, row.team, row.operator)):
        raise NotAllowed(roles=("body.leitung", "body.digi", "supervisor", "admin"))
    if row.person_id == work.actor.id and row.role in GIVING:
        raise Refused("error.own_role")
    people.lock(work, row.person_id)
    if work.session.execute(query.with_only_columns(Grant.id)).first() is None:
        raise NotFound(what="role")  # somebody was faster
    people.end_grants(work, row.person_id, [grant_id])


def words_of(work: Work, roles: Iterable[Role]) -> tuple[RoleWords, ...]:
    """Roles in words, each with its place."""
    roles = tuple(roles)
    programme = work.catalogue.programme
    bodies, teams = {role.body for role in roles if role.body}, {role.team for role in roles if role.team}
    places: dict[str, str] = {key: operator.title for key, operator in programme.operators.items()}
    if bodies:
        rows = work.session.execute(sa.select(Body.ars, Body.display_name).where(Body.ars.in_(bodies)))
        places.update((ars, name) for ars, name in rows)
    if teams:
        rows = work.session.execute(sa.select(Team.key, Team.title).where(Team.key.in_(teams)))
        places.update((key, name) for key, name in rows)
    return tuple(
        RoleWords(
            title=programme.roles[role.role].title if role.role in programme.roles else _of_clusters(),
            place=next((places.get(key, key) for key in (role.body, role.team, role.operator) if key), None),
            service=None if role.service is None else work.catalogue.service_title(role.service),
        )
        for role in roles
    )


# --- links -----------------------------------------------------------------------------------------------------------


def open_link(engine: Engine, token: str) -> Opened:
    """What is behind a link; looking changes nothing. Raises AccessRefused."""
    with engine.read(None) as work:
        row = _linked(work, token)
        invitations = _invitations(work, row.person_id) if row.kind == "invitation" else ()
        roles = words_of(work, (role for role, _ in invitations))
        by = next((name for _, name in invitations if name), None)
        return Opened(row.kind, row.email, row.name or "", row.language, roles, by, row.made_at, row.expires_at)


def use_link(
    engine: Engine, token: str, password: str, *, name: str = "", language: str | None = None, agent: str = ""
) -> NewSession:
    """Set the password of an account through its link, take up what it is invited to, and sign in; every other session
    of the account ends. `name` counts where nobody has said one yet. Of two at once one finds the link used.

    Raises AccessRefused, PasswordTooWeak or Refused (no name), in this order, and keeps nothing then.
    """
    with engine.read(None) as work:
        row = _linked(work, token)
    sessions.insist_fit(password, row.email)
    called = row.name or " ".join(name.split())
    if not called or len(called) > people.MOST_NAME or not called.isprintable():
        raise Refused("error.name_missing")
    hashed = sessions.hash_password(password)  # takes a while: before the transaction
    try:
        with engine.change(row.person_id) as work:
            people.lock(work, row.person_id)
            row = _linked(work, token)
            work.session.execute(
                sa.update(AccessLink).where(AccessLink.id == row.id).values(used_at=database.real_now())
            )
            people.end_links(work, row.person_id)
            chosen = language if language in texts.LANGUAGES else row.language
            changes = {"language": chosen} | ({} if row.name else people.named_so(called, row.email))
            work.session.execute(sa.update(Person).where(Person.id == row.person_id).values(changes))
            if row.kind == "invitation":
                _take_up(work, row.person_id)
            else:
                people.record(work, row.person_id, "password_reset")
                head = Letterhead.of(engine.settings)
                _write(work, row, _changed_letter(work, row, head), head)
            return sessions.begin_with_password(work.session, row.person_id, hashed, agent=agent)
    except SignInRequired as error:  # the account ended a moment ago
        raise AccessRefused("error.access_ended") from error


def ask_reset(engine: Engine, email: str, address: str) -> None:
    """Send a link that sets a new password to whoever has this email, asked from this network address; to somebody who
    is only invited the invitation once more. The answer is the same, and takes as long, whether or not there is an
    account, and whether or not it got such a mail a moment ago.

    Raises SignInPaused (of a whole network: NetworkPaused) when it was asked too often.
    """
    began = time.monotonic()
    sessions.count_request(engine, "reset", email, address)
    with engine.change(SYSTEM) as work:
        head, now = Letterhead.of(engine.settings), database.real_now()
        row = _account(work, email.strip().lower())
        if row is not None and row.ended_at is None and _may_be_sent(work, row.id, now):
            if _awaited(work, row.id):
                _send(work, row, head)
            else:
                link_id = _link(work, row.id, "reset")
                _write(work, row, _reset_letter(row.language, head, work, link_id), head, link_id)
        else:
            letters.html(_reset_letter("de", head, work, uuid4()))  # for nobody: it costs what the other way does
    time.sleep(ASKING_TAKES - (time.monotonic() - began) % ASKING_TAKES)


def forget_links(engine: Engine, guard: Guard = unguarded) -> int:
    """Forget links that have opened nothing for a while; returns how many."""
    with database.transaction(engine.pool, write=True) as session:
        guard(session)
        return session.execute(  # type: ignore[attr-defined, no-any-return]
            sa.delete(AccessLink).where(AccessLink.expires_at < database.real_now() - KEPT)
        ).rowcount


# --- helpers ---------------------------------------------------------------------------------------------------------

_ACCOUNT = sa.select(Person.id, Person.email, Person.name, Person.language, Person.password, Person.ended_at)


def _account(work: Work, address: str) -> Any:
    """The account with this address, ours until the transaction ends, also one that has ended; None without one."""
    return work.session.execute(_ACCOUNT.where(Person.email == address).with_for_update(key_share=True)).first()


def _of_clusters() -> Text:
    """The title of the only role no definition names."""
    return Text(de=texts.say("de", "role.coordinator"), en=texts.say("en", "role.coordinator"))


def _held(work: Work, person_id: UUID) -> tuple[Role, ...]:
    columns = (Grant.role, Grant.body, Grant.service, Grant.team, Grant.operator)
    query = sa.select(*columns).where(Grant.person_id == person_id, Grant.ended_at.is_(None))
    return tuple(Role(*row) for row in work.session.execute(query))


def _awaited(work: Work, person_id: UUID) -> tuple[Role, ...]:
    """What somebody is invited to."""
    return tuple(role for role, _ in _invitations(work, person_id))


def _invitations(work: Work, person_id: UUID) -> Sequence[tuple[Role, str | None]]:
    """The roles somebody is invited to, the newest invitation first, each with the name of who invited."""
    columns = (Invitation.role, Invitation.body, Invitation.service, Invitation.team, Invitation.operator)
    rows = work.session.execute(
        sa.select(*columns, Person.name)
        .outerjoin(Person, Person.id == Invitation.invited_by)
        .where(Invitation.person_id == person_id)
        .order_by(Invitation.invited_at.desc(), Invitation.id)
    )
    return [(Role(*row[:5]), row[5]) for row in rows]


def _insist_few(work: Work) -> None:
    """Whoever is no administrator fills nobody's mailbox, be it with links or with the news of a role."""
    if policy.is_admin(work.actor):
        return
    since = database.real_now() - dt.timedelta(days=1)
    links_made = (AccessLink.made_by == work.actor.id, AccessLink.made_at > since)
    lately = work.now - dt.timedelta(days=1)
    people_given = sa.select(Grant.person_id).where(Grant.started_at > lately)
    roles_given = (Event.chain_id.in_(people_given), Event.act == "granted", Event.actor_id == work.actor.id)
    made = sa.select(sa.func.count(AccessLink.id)).where(*links_made).scalar_subquery()
    given = sa.select(sa.func.count()).select_from(Event).where(*roles_given, Event.at > lately).scalar_subquery()
    if work.session.execute(sa.select(made + given)).scalar_one() >= MOST_INVITATIONS:
        raise Refused("error.many_invitations", n=MOST_INVITATIONS)


def _may_be_sent(work: Work, person_id: UUID, now: dt.datetime) -> bool:
    of_a_day = (AccessLink.made_by.is_(None), AccessLink.made_at > now - dt.timedelta(days=1))
    made = sa.select(AccessLink.made_at).where(AccessLink.person_id == person_id, *of_a_day)
    times = work.session.execute(made.order_by(AccessLink.made_at.desc())).scalars().all()
    return len(times) < MOST_RESETS and (not times or times[0] <= now - BETWEEN_RESETS)


def _link(work: Work, person_id: UUID, kind: Kind) -> UUID:
    """A new link; the older ones of its kind open nothing any more."""
    people.end_links(work, person_id, kind)
    link_id, now = uuid4(), database.real_now()
    values: dict[str, Any] = {"id": link_id, "person_id": person_id, "kind": kind, "made_by": work.actor.id}
    values |= {"made_at": now, "expires_at": now + GOOD_FOR[kind]}
    work.session.execute(sa.insert(AccessLink), values)
    return link_id


def _linked(work: Work, token: str) -> Any:
    """The link and its account. Raises AccessRefused unless it opens something."""
    key = work.session.execute(sa.select(Installation.link_key)).scalar_one()
    try:
        link_id = links.access_read(key, token)
    except LinkBroken as error:
        raise AccessRefused from error
    row = work.session.execute(
        sa.select(
            AccessLink.__table__, Person.email, Person.name, Person.language, Person.ended_at.label("account_ended_at")
        )
        .join(Person, Person.id == AccessLink.person_id)
        .where(AccessLink.id == link_id)
    ).first()
    if row is None:
        raise AccessRefused
    if row.used_at is not None:
        raise AccessRefused("error.access_used")
    if row.ended_at is not None or row.account_ended_at is not None or row.email is None:
        raise AccessRefused("error.access_ended")
    if row.expires_at <= database.real_now():
        raise AccessRefused(f"error.access_expired_{row.kind}")
    return row


def _take_up(work: Work, person_id: UUID) -> None:
    """What somebody was invited to becomes theirs."""
    people.record(work, person_id, "took_up")
    held = set(_held(work, person_id))
    for role, _ in reversed(_invitations(work, person_id)):
        if role not in held:
            people.give(work, person_id, role)
    work.session.execute(sa.delete(Invitation).where(Invitation.person_id == person_id))


def _forget(work: Work, person_id: UUID) -> None:
    """Nobody is invited any more: of somebody who never came in nothing is kept that says who it was."""
    row = work.session.execute(_ACCOUNT.where(Person.id == person_id)).one()
    if row.password is None and not _held(work, person_id):
        people.close_unused(work, person_id, forget=not _ever_came(work, person_id))
    else:
        people.end_links(work, person_id, "invitation")


def _ever_came(work: Work, person_id: UUID) -> bool:
    """Whether somebody held a role once: what such a person did is history, and whose it was with it."""
    return work.session.execute(sa.select(Grant.id).where(Grant.person_id == person_id).limit(1)).first() is not None


# --- mails -----------------------------------------------------------------------------------------------------------


def _send(work: Work, row: Any, head: Letterhead) -> None:
    """The mail with a new link to what somebody is invited to."""
    invitations = _invitations(work, row.id)
    link_id = _link(work, row.id, "invitation")
    _write(work, row, _invited_letter(work, row, invitations, head, link_id), head, link_id)


def _write(work: Work, row: Any, letter: Letter, head: Letterhead, link_id: UUID | None = None) -> None:
    """Into the outbox, as no part of anybody's daily count."""
    person_id = getattr(row, "person_id", None) or row.id
    example, rehearsing = work.session.execute(sa.select(Installation.example, Installation.rehearsing)).one()
    letter = replace(letter, example=example)
    message_id = uuid4()
    values = {
        "id": message_id,
        "key": message_id.hex,
        "recipient_id": person_id,
        "address": row.email,
        "header_id": f"<{uuid4().hex}@{head.domain}>",
        "language": letter.language,
        "subject": letter.subject,
        "plain": letters.plain(letter),
        "html": letters.html(letter),
        "access_id": link_id,
        "written_at": work.now,
        "status": "recorded" if rehearsing else "queued",
        "try_at": None if rehearsing else database.real_now(),
        "tries": 0,
    }
    work.session.execute(sa.insert(Message), values)


def _invited_letter(
    work: Work, row: Any, invitations: Sequence[tuple[Role, str | None]], head: Letterhead, link_id: UUID
) -> Letter:
    by = next((name for _, name in invitations if name), None)
    until = work.catalogue.calendar.today(database.real_now() + GOOD_FOR["invitation"])

    def say(key: str, **facts: Any) -> str:
        return texts.say(row.language, f"access.mail.invited.{key}", **facts)

    return _letter(
        work,
        row.language,
        "invited",
        link=f"{head.base_url}{links.access_unsigned(link_id)}",
        title=say("title", name=row.name) if row.name else say("title_nameless"),
        passages=(
            Passage(lines=(say("by", name=by) if by else say("by_nobody"), say("what"))),
            Passage(facts=_facts(work, row.language, [role for role, _ in invitations])),
            Passage(lines=(say("do"),)),
        ),
        link_note=say("link_note", day=until),
        note=say("note", name=by) if by else say("note_nobody"),
    )


def _granted_letter(work: Work, row: Any, role: Role, head: Letterhead) -> Letter:
    say = f"access.mail.granted.{'by' if work.actor.name else 'by_nobody'}"
    return _letter(
        work,
        row.language,
        "granted",
        link=f"{head.base_url}/",
        passages=(
            Passage(lines=(texts.say(row.language, say, name=work.actor.name),)),
            Passage(facts=_facts(work, row.language, [role])),
        ),
    )


def _reset_letter(language: str, head: Letterhead, work: Work, link_id: UUID) -> Letter:
    passages = (Passage(lines=(texts.say(language, "access.mail.reset.what"),)),)
    note = texts.say(language, "access.mail.reset.link_note")
    link = f"{head.base_url}{links.access_unsigned(link_id)}"
    return _letter(work, language, "reset", link=link, passages=passages, link_note=note)


def _changed_letter(work: Work, row: Any, head: Letterhead) -> Letter:
    passages = (Passage(lines=(texts.say(row.language, "access.mail.changed.what"),)),)
    return _letter(work, row.language, "changed", link=f"{head.base_url}/", passages=passages)


def _letter(
    work: Work,
    language: str,
    kind: str,
    *,
    link: str,
    passages: tuple[Passage, ...],
    title: str | None = None,
    link_note: str = "",
    note: str | None = None,
) -> Letter:
    def say(key: str) -> str:
        return texts.say(language, f"access.mail.{kind}.{key}")

    return Letter(
        language=language,
        subject=say("subject"),
        day=work.today,
        urgency="news",
        headline=say("headline"),
        title=say("title") if title is None else title,
        passages=passages,
        groups=(),
        more="",
        button=say("button"),
        link=link,
        note=say("note") if note is None else note,
        link_note=link_note,
    )


def _facts(work: Work, language: str, roles: Iterable[Role]) -> tuple[tuple[str, str], ...]:
    """Each role, and where."""
    found = []
    for words in words_of(work, roles):
        service = None if words.service is None else texts.say(language, "access.mail.only", service=words.service)
        where = " · ".join(one for one in (words.place, service) if one)
        found.append((texts.title(language, words.title), where or texts.say(language, "access.mail.everywhere")))
    return tuple(found)
