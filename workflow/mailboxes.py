"""Mailboxes of roles: mail for whoever holds a role at a body, in a team or at an operator goes there instead.

What reaches several people in one role is told once then. People still act as themselves, with their own accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import casework, events, policy, texts
from workflow.definition import BODY_ROLES, TEAM_ROLES
from workflow.engine import Work
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.evidence import EMAIL
from workflow.models import Body, Installation, Mailbox, Team

ALL = ""
"""In place of a role: every role there that has no mailbox of its own."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mailbox is: at a body (ARS), in a team or at an operator."""

    body: str | None = None
    team: str | None = None
    operator: str | None = None


@dataclass(frozen=True, slots=True)
class MailboxView:
    """A mailbox after a deed, or as it is; `role` is empty where it is that of all roles there."""

    id: UUID
    place: Place
    role: str
    address: str
    language: str
    bounces: bool = False
    """Mail to it comes back: the people themselves are mailed until that is mended."""


def set_up(work: Work, place: Place, role: str, address: str, *, language: str = "de") -> MailboxView:
    """Let mail for a role go to a mailbox; where there is one already, it gets this address and language.

    `leitung` and `digi` of a body may for their body, a supervisor for the team, an administrator anywhere, and the
    operator at the command line.

    Raises NotFound (no such body, team or operator), NotAllowed or Refused (a role that is not held there, no address,
    a language Startklar does not speak), in this order.
    """
    _insist_place(work, place)
    _insist_may(work, place)
    if role != ALL and role not in _roles_at(place):
        raise Refused("error.mailbox_role", role=role, roles=", ".join(_roles_at(place)))
    address = address.strip()
    if len(address) > 254 or not EMAIL.match(address):
        raise Refused("error.not_an_email", value=address)
    if language not in texts.LANGUAGES:
        raise Refused("error.no_such_language", value=language, known=", ".join(texts.LANGUAGES))

    known = work.session.execute(_locked(place, role)).first()
    mended = {"address": address, "language": language, "bounced_at": None, "bounce_reason": None}
    if known is not None:
        said = {"mailbox": {"language": language}, "before": {"mailbox": {"language": known.language}}}
        link = events.record(
            work, "mailbox", known.id, known.seq, known.head, "changed", {**said, **_on_behalf(work, place)}
        )
        work.session.execute(
            sa.update(Mailbox).where(Mailbox.id == known.id).values(seq=link.seq, head=link.head, **mended)
        )
        return MailboxView(known.id, place, role, address, language)
    mailbox_id = uuid4()
    row = {"body": place.body, "team": place.team, "operator": place.operator, "role": role, "language": language}
    row |= {"ended_on": None}
    link = events.link(
        work, "mailbox", mailbox_id, 0, events.START, "set_up", {"mailbox": row, **_on_behalf(work, place)}
    )
    work.session.execute(sa.insert(Mailbox), {**row, **mended, "id": mailbox_id, "seq": link.seq, "head": link.head})
    work.session.execute(events.APPEND, link.values)
    return MailboxView(mailbox_id, place, role, address, language)


def end(work: Work, place: Place, role: str) -> None:
    """Mail for a role goes to whoever holds it again; the address is forgotten.

    Who could have set it up may. Raises NotFound (no such place, or no mailbox there) or NotAllowed.
    """
    _insist_place(work, place)
    _insist_may(work, place)
    known = work.session.execute(_locked(place, role)).first()
    if known is None:
        raise NotFound(what="mailbox")
    said = {"mailbox": {"ended_on": work.today}, "before": {"mailbox": {"ended_on": None}}}
    link = events.record(work, "mailbox", known.id, known.seq, known.head, "ended", {**said, **_on_behalf(work, place)})
    ended = {"ended_on": work.today, "address": None, "bounced_at": None, "bounce_reason": None}
    work.session.execute(sa.update(Mailbox).where(Mailbox.id == known.id).values(seq=link.seq, head=link.head, **ended))


def at(work: Work, place: Place) -> tuple[MailboxView, ...]:
    """The mailboxes of a place, that of all roles first. Who asks has been allowed to."""
    return _views(work, *_there(place))


def everywhere(work: Work) -> tuple[MailboxView, ...]:
    """All mailboxes. Raises NotAllowed unless asked by an administrator or at the command line."""
    if not (work.actor.is_system or policy.is_admin(work.actor)):
        raise NotAllowed(roles=("admin",))
    return _views(work)


def place_of(work: Work, words: str) -> Place:
    """The place a command line names: an ARS, a team or an operator. Raises NotFound."""
    if words.isdigit() and len(words) == 12:
        return Place(body=words)
    if work.session.get(Team, words) is not None:
        return Place(team=words)
    if words in work.catalogue.programme.operators:
        return Place(operator=words)
    raise NotFound(what="place", name=words)


def _views(work: Work, *where: sa.ColumnElement[bool]) -> tuple[MailboxView, ...]:
    rows = work.session.execute(
        sa.select(*Mailbox.__table__.c)
        .where(Mailbox.ended_on.is_(None), *where)
        .order_by(Mailbox.body, Mailbox.team, Mailbox.operator, Mailbox.role)
    )
    return tuple(
        MailboxView(
            id=row.id,
            place=Place(row.body, row.team, row.operator),
            role=row.role,
            address=row.address or "",
            language=row.language,
            bounces=row.bounced_at is not None,
        )
        for row in rows
    )


def _there(place: Place) -> tuple[sa.ColumnElement[bool], ...]:
    columns = (Mailbox.body, place.body), (Mailbox.team, place.team), (Mailbox.operator, place.operator)
    return tuple(column == value for column, value in columns if value is not None)


def _locked(place: Place, role: str) -> Any:
    return (
        sa.select(Mailbox.id, Mailbox.language, Mailbox.seq, Mailbox.head)
        .where(*_there(place), Mailbox.role == role, Mailbox.ended_on.is_(None))
        .with_for_update()
    )


def _roles_at(place: Place) -> tuple[str, ...]:
    return BODY_ROLES if place.body else TEAM_ROLES if place.team else ("rollout_team",)


def _insist_place(work: Work, place: Place) -> None:
    """It exists; nobody else sets up a mailbox there until we are done. Raises NotFound."""
    if place.operator is not None:
        found = place.operator in work.catalogue.programme.operators
        work.session.execute(sa.select(Installation.id).with_for_update())  # an operator has no row of its own
    else:
        which = (Body, Body.ars == place.body) if place.body else (Team, Team.key == place.team)
        query = sa.select(sa.literal(1)).select_from(which[0]).where(which[1])
        found = work.session.execute(query.with_for_update(of=which[0], key_share=True)).first() is not None
    if not found:
        raise NotFound(what="place", name=place.body or place.team or place.operator or "")


def _insist_may(work: Work, place: Place) -> None:
    if not policy.may_set_mailbox(work.actor, body=place.body, team=place.team):
        raise NotAllowed(roles=("body.leitung", "body.digi", "supervisor", "admin"))


def _on_behalf(work: Work, place: Place) -> dict[str, UUID]:
    may = policy.may_set_mailbox
    return casework.said_of_place(work.actor, lambda who: may(who, body=place.body, team=place.team))
