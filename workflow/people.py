"""People with accounts and the roles they hold; every change of a right is history."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import database, events, messages, policy
from workflow.definition import BODY_ROLES, CENTRAL_ROLES, ROLES, TEAM_ROLES
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import Conflict, NotFound, Refused
from workflow.evidence import EMAIL
from workflow.models import (
    AccessLink,
    AnnouncementRead,
    Body,
    Draft,
    Event,
    Feed,
    Feedback,
    Grant,
    Invitation,
    Message,
    Person,
    SavedView,
    Team,
    WebSession,
)
from workflow.policy import Role
from workflow.texts import search_key

MOST_NAME = 200
"""Characters of a name."""


@dataclass(frozen=True, slots=True)
class PersonView:
    """An account with its present roles."""

    id: UUID
    email: str
    name: str
    language: str
    roles: tuple[Role, ...]
    same_as: tuple[str, ...] = ()
    """Addresses of other accounts of the same human being."""
    bounced_at: dt.datetime | None = None
    """Since when it is known that mail does not arrive there."""
    bounce_reason: str | None = None


def add(
    work: Work, *, email: str, name: str, password_hash: str | None, language: str, roles: Sequence[Role]
) -> PersonView:
    """Give somebody an account and roles. `password_hash` comes from `sessions.hash_password`, before the transaction.

    Where another account has the same mailbox (the addresses differ only in a `+tag`), both are kept as accounts of
    one human being: four eyes are two people, not two accounts.

    Raises NotAllowed (only an administrator may, or the operator at the command line), Refused (an address or role that
    makes no sense) or Conflict (the address is taken), in this order.
    """
    _insist_admin(work)
    address = address_of(email)
    if not name.strip() or len(name) > MOST_NAME:
        raise Refused("error.name_missing")
    for role in roles:
        insist_sensible(work, role)
    made = create(work, address=address, name=name, password_hash=password_hash, language=language)
    if made is None:
        raise Conflict(what="person", email=address)
    for role in dict.fromkeys(roles):
        grant(work, made.id, role)
    return replace(made, roles=tuple(dict.fromkeys(roles)))


def create(work: Work, *, address: str, name: str, password_hash: str | None, language: str) -> PersonView | None:
    """An account without roles, whoever decided it; None when the address is taken. It is ours until the transaction
    ends."""
    others = _with_mailbox(work, address)
    person_id = uuid4()
    human_id = others[0].human_id if others else person_id
    values = {
        "id": person_id,
        "email": address,
        "name": name.strip() or None,
        "search_key": search_key(*filter(None, (name.strip(), address))),
        "password": password_hash,
        "language": language,
        "theme": "system",
        "salt": secrets.token_hex(16),
        "human_id": human_id,
        "created_at": work.now,
    }
    if not database.insert_missing(work.session, Person, values):
        return None
    said = {"language": language, "person": {"human_id": human_id}}
    events.record(work, "person", person_id, 0, events.START, "added", said)
    for other in others:
        _say_human(work, other.id, "same_human", other.human_id, with_=person_id)
    return PersonView(person_id, address, name.strip(), language, (), tuple(other.email for other in others))


def same_human(work: Work, one: UUID, other: UUID) -> None:
    """Keep on record that two accounts belong to one human being, who may then not confirm with one of them what was
    handed in with the other.

    Raises NotAllowed, Refused (one account twice), NotFound or Conflict (they are known to be), in this order.
    """
    humans = _both(work, one, other)
    if humans[one] == humans[other]:
        raise Conflict(what="same_human")
    for account in _accounts_of(work, humans[other]):
        _set_human(work, account, "same_human", humans[one], with_=one if account == other else None)
    _say_human(work, one, "same_human", humans[one], with_=other)


def not_same_human(work: Work, one: UUID, other: UUID) -> None:
    """Take back that `other` belongs to the human being of `one`; further accounts stay where they are.

    Raises NotAllowed, Refused (one account twice), NotFound or Conflict (they are not known to be), in this order.
    """
    humans = _both(work, one, other)
    if humans[one] != humans[other]:
        raise Conflict(what="not_same_human")
    staying = [account for account in _accounts_of(work, humans[one]) if account != other]
    if humans[one] == other:  # the human being was called after the account that leaves
        for account in staying:
            _set_human(work, account, "not_same_human" if account == one else "same_human", staying[0])
    else:
        _say_human(work, one, "not_same_human", humans[one], with_=other)
    _set_human(work, other, "not_same_human", other, with_=one)


def grant(work: Work, person_id: UUID, role: Role) -> None:
    """Give a person a role. Raises NotAllowed, NotFound or Refused (the role makes no sense), in this order."""
    _insist_admin(work)
    lock(work, person_id)
    insist_sensible(work, role)
    give(work, person_id, role)


def give(work: Work, person_id: UUID, role: Role) -> None:
    """Let a person this transaction holds have a role, whoever decided it."""
    seq, head = _chain(work, person_id)
    grant_id = uuid4()
    held = {"started_at": work.now, **_said(role), "cluster_id": role.cluster}
    work.session.execute(sa.insert(Grant), {"id": grant_id, "person_id": person_id, **held})
    known = {name: value for name, value in held.items() if value is not None}
    events.record(work, "person", person_id, seq, head, "granted", {"rows": {"role_grant": {grant_id.hex: known}}})


def withdraw(work: Work, person_id: UUID, role: Role) -> None:
    """Take a role away. What the person had accepted in it is open to the others again, see `policy.tasks_to_do`.

    Raises NotAllowed or NotFound, in this order.
    """
    _insist_admin(work)
    lock(work, person_id)
    matching = [
        getattr(Grant, name) == value if value is not None else getattr(Grant, name).is_(None)
        for name, value in _said(role).items()
    ]
    found = (
        work.session.execute(
            sa.select(Grant.id).where(Grant.person_id == person_id, Grant.ended_at.is_(None), *matching)
        )
        .scalars()
        .all()
    )
    if not found:
        raise NotFound(what="role")
    end_grants(work, person_id, found)


def end_grants(work: Work, person_id: UUID, found: Sequence[UUID]) -> None:
    """End roles of a person this transaction holds, whoever decided it. What was still to be written to somebody who
    has no role left goes to others with the next pass."""
    _let_others_learn(work, person_id)
    seq, head = _chain(work, person_id)
    work.session.execute(sa.update(Grant).where(Grant.id.in_(found)).values(ended_at=work.now))
    ended = {grant_id.hex: {"ended_at": work.now} for grant_id in found}
    events.record(work, "person", person_id, seq, head, "withdrawn", {"rows": {"role_grant": ended}})


def change_address(work: Work, person_id: UUID, email: str) -> None:
    """Give an account another address: to sign in with, and for mail. Mail that waits goes there; what was known of
    the old address is forgotten, and a link sent there opens nothing any more. An account with the same mailbox becomes
    one of the same human being, as in `add`.

    Raises NotAllowed, NotFound (also of an account that has ended), Refused (no address) or Conflict (it is taken), in
    this order.
    """
    _insist_admin(work)
    _lock_account(work, person_id)
    address = address_of(email)
    taken = sa.select(Person.id).where(Person.email == address, Person.id != person_id)
    if work.session.execute(taken).first() is not None:
        raise Conflict(what="person", email=address)

    name = work.session.execute(sa.select(Person.name).where(Person.id == person_id)).scalar_one()
    values: dict[str, Any] = {"email": address, "search_key": search_key(name or "", address)}
    values |= dict.fromkeys(("bounced_at", "bounce_reason"))
    work.session.execute(sa.update(Person).where(Person.id == person_id).values(values))
    waiting = (Message.recipient_id == person_id, Message.status == "queued")
    work.session.execute(sa.update(Message).where(*waiting).values(address=address))
    end_links(work, person_id)
    record(work, person_id, "address_changed")
    human = work.session.execute(sa.select(Person.human_id).where(Person.id == person_id)).scalar_one()
    for other in _with_mailbox(work, address):
        if other.human_id != human and other.id != person_id:
            same_human(work, person_id, other.id)


def address_works(work: Work, person_id: UUID) -> None:
    """Take back that mail to somebody does not arrive: the address works again.

    Raises NotAllowed, NotFound (also of an account that has ended) or Conflict (nobody said so), in this order.
    """
    _insist_admin(work)
    _lock_account(work, person_id)
    marked = sa.select(Person.id).where(Person.id == person_id, Person.bounced_at.is_not(None))
    if work.session.execute(marked).first() is None:
        raise Conflict(what="address_works")
    values = {"bounced_at": None, "bounce_reason": None}
    work.session.execute(sa.update(Person).where(Person.id == person_id).values(values))
    record(work, person_id, "address_works")


def erase(work: Work, person_id: UUID) -> None:
    """Erase an account for good: name, address and password go, and the salt of what history committed to.

    What the person did stays in history as the deeds of somebody nobody can name any more; what they had accepted is
    open to the others. Raises NotAllowed, NotFound or Conflict (erased already), in this order.
    """
    _insist_admin(work)
    lock(work, person_id)
    held = sa.select(Grant.id).where(Grant.person_id == person_id, Grant.ended_at.is_(None))
    grants = list(work.session.execute(held.order_by(Grant.id)).scalars())
    row = work.session.execute(sa.select(Person.ended_at, Person.salt).where(Person.id == person_id)).one()
    if row.ended_at is not None and row.salt is None:
        raise Conflict(what="erased")

    nothing: dict[str, Any] = {"email": None, "name": None, "salt": None, "search_key": ""}
    nothing |= dict.fromkeys(("bounced_at", "bounce_reason", "mail_at", "mail_days", "mail_asked", "toured_at"))
    _close(work, person_id, "erased", grants, nothing)
    work.session.execute(sa.update(Feedback).where(Feedback.by_id == person_id).values(by_id=None, answer_to=None))
    for model in (AccessLink, AnnouncementRead):
        work.session.execute(sa.delete(model).where(model.person_id == person_id))
    work.session.execute(sa.delete(SavedView).where(SavedView.owner_id == person_id, SavedView.team.is_(None)))


def end(work: Work, person_id: UUID) -> None:
    """End an account: nobody signs in with it any more, its roles end and what was accepted is open to the others.
    Name and address stay until it is erased, so that history names whoever did something. Invited again, it begins
    anew.

    Raises NotAllowed, NotFound (also of an account that has ended) or Refused (the own account), in this order.
    """
    _insist_admin(work)
    _lock_account(work, person_id)
    if person_id == work.actor.id:
        raise Refused("error.own_account")
    held = sa.select(Grant.id).where(Grant.person_id == person_id, Grant.ended_at.is_(None))
    _close(work, person_id, "ended", list(work.session.execute(held.order_by(Grant.id)).scalars()), {})


def _close(work: Work, person_id: UUID, act: str, grants: Sequence[UUID], values: dict[str, Any]) -> None:
    """Nothing is left through which somebody comes in, no role, and no mail that waits; the person is ours until the
    transaction ends."""
    _let_others_learn(work, person_id)
    closed = {"password": None, "ended_at": work.now, **values}
    work.session.execute(sa.update(Person).where(Person.id == person_id).values(closed))
    work.session.execute(sa.update(Grant).where(Grant.id.in_(grants)).values(ended_at=work.now))
    for model in (WebSession, Feed, Invitation, Draft):
        work.session.execute(sa.delete(model).where(model.person_id == person_id))
    end_links(work, person_id)
    _silence(work, person_id, forget=act == "erased")
    seq, head = _chain(work, person_id)
    ended = {grant_id.hex: {"ended_at": work.now} for grant_id in grants}
    said = {"person": {"ended_at": work.now}, "rows": {"role_grant": ended}}
    events.record(work, "person", person_id, seq, head, act, said)


def _silence(work: Work, person_id: UUID, *, forget: bool) -> None:
    """Mail to somebody that waits goes out no more; with `forget` no mail says either to whom it went."""
    mails = sa.update(Message).where(Message.recipient_id == person_id)
    if not forget:
        work.session.execute(mails.where(Message.status == "queued").values(try_at=None))
        return
    work.session.execute(mails.values(address=None, try_at=None))
    work.session.execute(mails.where(Message.access_id.is_not(None)).values(plain="", html=""))  # it has the name


def sign_out(work: Work, person_id: UUID) -> None:
    """End every session of somebody, on all devices. Raises NotAllowed or NotFound, in this order."""
    _insist_admin(work)
    _lock_account(work, person_id)
    open_ = (WebSession.person_id == person_id, WebSession.revoked_at.is_(None))
    work.session.execute(sa.update(WebSession).where(*open_).values(revoked_at=database.real_now()))
    record(work, person_id, "signed_out")


def named_so(name: str, address: str) -> dict[str, str]:
    """The columns of a person's name."""
    return {"name": name, "search_key": search_key(name, address)}


def close_unused(work: Work, person_id: UUID, *, forget: bool) -> None:
    """End the account of somebody who is invited no more and holds no role; with `forget` as if it had been erased,
    for somebody who never came in."""
    nothing: dict[str, Any] = {"email": None, "name": None, "salt": None, "search_key": ""} if forget else {}
    _close(work, person_id, "erased" if forget else "ended", [], nothing)


def end_links(work: Work, person_id: UUID, kind: str | None = None) -> None:
    """Links to an account, of this kind or all, open nothing any more. The person is ours."""
    of_kind = sa.true() if kind is None else AccessLink.kind == kind
    open_ = (AccessLink.person_id == person_id, AccessLink.used_at.is_(None), AccessLink.ended_at.is_(None))
    work.session.execute(sa.update(AccessLink).where(*open_, of_kind).values(ended_at=database.real_now()))


def everybody(work: Work) -> tuple[PersonView, ...]:
    """All accounts by name, with their roles. Raises NotAllowed unless asked by an administrator."""
    _insist_admin(work)
    rows = work.session.execute(
        sa.select(Person.id, Person.email, Person.name, Person.language, Person.bounced_at, Person.bounce_reason, Grant)
        .outerjoin(Grant, sa.and_(Grant.person_id == Person.id, Grant.ended_at.is_(None)))
        .where(Person.ended_at.is_(None))
        .order_by(Person.search_key, Person.id, Grant.role)
    )
    found: dict[UUID, PersonView] = {}
    for person_id, email, name, language, bounced_at, reason, held in rows:
        before = found.get(person_id)
        roles = before.roles if before else ()
        if held is not None:
            roles += (Role(held.role, held.body, held.service, held.team, held.operator),)
        found[person_id] = PersonView(
            person_id, email or "", name or "", language, roles, bounced_at=bounced_at, bounce_reason=reason
        )
    return tuple(found.values())


def by_email(engine: Engine, email: str) -> UUID:
    """The account `--as` names. Raises NotFound."""
    with engine.read(SYSTEM) as work:
        return named(work, email)


def named(work: Work, email: str, *, ended: bool = False) -> UUID:
    """The account with this address; with `ended` also one nobody signs in with any more. Raises NotFound."""
    there = sa.true() if ended else Person.ended_at.is_(None)
    found = work.session.execute(sa.select(Person.id).where(Person.email == email.strip().lower(), there)).scalar()
    if found is None:
        raise NotFound(what="person", name=email)
    return found


def parse_role(words: str) -> Role:
    """A role as the command line writes it: `digi@073390000000`, `fachamt@…/wohngeld`, `supervisor@team`, `auditor`.

    Raises Refused when it does not read like one.
    """
    name, _, place = words.strip().partition("@")
    if name not in ROLES:
        raise Refused("error.role_unknown", role=name, roles=", ".join(ROLES))
    place, _, service = place.partition("/")
    if name in CENTRAL_ROLES:
        if place:
            raise Refused("error.role_place", role=name)
        return Role(name)
    if not place:
        raise Refused("error.role_place_missing", role=name)
    if name in BODY_ROLES:
        return Role(name, body=place, service=service or None)
    if service:
        raise Refused("error.role_place", role=name)
    return Role(name, team=place) if name in TEAM_ROLES else Role(name, operator=place)


def lock(work: Work, person_id: UUID) -> None:
    """The person is ours until the transaction ends; whoever writes to them need not wait. Raises NotFound."""
    row = sa.select(Person.id).where(Person.id == person_id).with_for_update(key_share=True)
    if work.session.execute(row).first() is None:
        raise NotFound(what="person")


def _lock_account(work: Work, person_id: UUID) -> None:
    """The same, of somebody who has an account still. Raises NotFound."""
    lock(work, person_id)
    if work.session.execute(sa.select(Person.ended_at).where(Person.id == person_id)).scalar_one() is not None:
        raise NotFound(what="person")


def address_of(email: str) -> str:
    """An address as it is kept. Raises Refused."""
    address = email.strip().lower()
    if len(address) > 254 or not EMAIL.match(address):
        raise Refused("error.not_an_email", value=email)
    return address


def record(work: Work, person_id: UUID, act: str, **said: Any) -> None:
    """An entry in the chain of a person this transaction holds."""
    seq, head = _chain(work, person_id)
    events.record(work, "person", person_id, seq, head, act, said)


def _both(work: Work, one: UUID, other: UUID) -> dict[UUID, UUID]:
    """The human being behind either account; both are ours until the transaction ends."""
    _insist_admin(work)
    if one == other:
        raise Refused("error.same_account")
    rows = work.session.execute(
        sa.select(Person.id, Person.human_id)
        .where(Person.id.in_((one, other)), Person.ended_at.is_(None))
        .order_by(Person.id)
        .with_for_update()
    )
    found = dict(rows.all())
    if len(found) < 2:
        raise NotFound(what="person")
    return found


def _accounts_of(work: Work, human_id: UUID) -> list[UUID]:
    """Every account of a human being, also ended ones, in the order in which rows are locked."""
    query = sa.select(Person.id).where(Person.human_id == human_id).order_by(Person.id).with_for_update()
    return list(work.session.execute(query).scalars())


def _set_human(work: Work, person_id: UUID, act: str, human_id: UUID, *, with_: UUID | None = None) -> None:
    work.session.execute(sa.update(Person).where(Person.id == person_id).values(human_id=human_id))
    _say_human(work, person_id, act, human_id, with_=with_)


def _say_human(work: Work, person_id: UUID, act: str, human_id: UUID, *, with_: UUID | None) -> None:
    """An entry in the chain of a person whose row is locked."""
    seq, head = _chain(work, person_id)
    said: dict[str, Any] = {"person": {"human_id": human_id}}
    events.record(work, "person", person_id, seq, head, act, said | ({"other": with_} if with_ else {}))


def _with_mailbox(work: Work, address: str) -> Sequence[Any]:
    """Accounts whose mail arrives in the same mailbox: what follows a `+` before the @ only sorts it."""
    local, _, domain = address.rpartition("@")
    plain = local.partition("+")[0]
    tagged = sa.and_(
        Person.email.startswith(f"{plain}+", autoescape=True), Person.email.endswith(f"@{domain}", autoescape=True)
    )
    return work.session.execute(
        sa.select(Person.id, Person.human_id, Person.email)
        .where(sa.or_(Person.email == f"{plain}@{domain}", tagged), Person.email != address)
        .order_by(Person.id)
        .with_for_update()
    ).all()


def _insist_admin(work: Work) -> None:
    if not work.actor.is_system:
        policy.insist_holds(work.actor, "admin")


def insist_sensible(work: Work, role: Role) -> None:
    """The role exists and so does the place it is held at."""
    if role.role in BODY_ROLES:
        known = role.body is not None and work.session.get(Body, role.body) is not None
        if not known:
            raise Refused("error.no_such_body", name=role.body or "")
        if role.service is not None and role.service not in work.catalogue.services:
            raise Refused("error.no_such_service", name=role.service)
    elif role.role in TEAM_ROLES:
        if role.team is None or work.session.get(Team, role.team) is None:
            raise Refused("error.no_such_team", name=role.team or "")
    elif role.role == "rollout_team":
        if role.operator not in work.catalogue.programme.operators:
            raise Refused("error.no_such_operator", name=role.operator or "")
    elif role.role not in CENTRAL_ROLES:
        raise Refused("error.role_unknown", role=role.role, roles=", ".join(ROLES))


def _let_others_learn(work: Work, person_id: UUID) -> None:
    """What is pending is looked at anew: by whoever passes it on, or when the person can be mailed now. It comes before
    the account changes, as whoever writes mails locks notices first."""
    messages.wake(work, sa.select(Person.id).where(Person.id == person_id))


def _chain(work: Work, person_id: UUID) -> tuple[int, str]:
    """Where the person's chain stands; the person's row is locked."""
    last = work.session.execute(
        sa.select(Event.seq, Event.digest).where(Event.chain_id == person_id).order_by(Event.seq.desc()).limit(1)
    ).first()
    return (last.seq, last.digest) if last else (0, events.START)


def _said(role: Role) -> dict[str, str | None]:
    return {
        "role": role.role,
        "body": role.body,
        "service": role.service,
        "team": role.team,
        "operator": role.operator,
    }
