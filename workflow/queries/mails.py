"""Mail that does not arrive: addresses that do not work, dead letters, and what waits because something is in the way.

Administrators see addresses and no cases; the programme office sees what a mail was about and no addresses.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import database, dead_letters, policy, troubles
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Body, Grant, Mailbox, Message, Person, Team, Trouble
from workflow.queries import parts

MOST = 100
"""Dead letters of one page, the newest first; how many more there are is said."""

Failure = Literal["recipient", "marked", "bounced", "content", "given_up"]


@dataclass(frozen=True, slots=True)
class RoleThere:
    """A role at its place (None: centrally)."""

    title: Text
    place: str | None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Somebody, or a mailbox (no name), to whose address mail does not arrive."""

    id: UUID
    name: str | None
    address: str | None
    """Only for administrators."""
    roles: tuple[RoleThere, ...]
    since: dt.date
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A mail that failed for good."""

    id: UUID
    recipient: str | None
    """None: a mailbox, or somebody who was erased."""
    address: str | None
    """Only for administrators."""
    subject: str | None
    """Only for who sees every case."""
    written_on: dt.date
    failure: Failure
    reason: str
    passed_on: bool
    """Others were told instead."""
    may_resend: bool
    """Its recipient has an address that is not known not to work."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Mails that were tried and wait for the next try."""

    count: int
    since: dt.datetime
    """Real time at which the first of them was tried first."""
    reason: str
    """What the server said last to one of them."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Something that fails each time time wants to do it; what it is stands in the log, under its id."""

    kind: str
    id: UUID
    since: dt.datetime
    """Real time."""
    times: int
    error: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """How delivery stands."""

    unreachable: tuple[Unreachable, ...]
    mailboxes: tuple[Unreachable, ...]
    dead: tuple[DeadLetter, ...]
    total: int
    """Of all dead letters."""
    waiting: Waiting | None
    failing: tuple[Failing, ...]
    """Of what leads to mails, the first ones; only for administrators."""
    may_mend: bool
    """The actor enters addresses."""

    @property
    def all_is_well(self) -> bool:
        """Everything that was written arrives, as far as anybody knows."""
        return not (self.unreachable or self.mailboxes or self.dead or self.waiting or self.failing)


def delivery(work: Work) -> Delivery:
    """How delivery stands. Raises NotAllowed unless the actor is an administrator or of the programme office."""
    dead_letters.insist_keeper(work)
    return Delivery(
        unreachable=_unreachable(work),
        mailboxes=_mailboxes(work),
        dead=_dead(work),
        total=work.session.execute(_of_dead(sa.func.count())).scalar_one(),
        waiting=_waiting(work),
        failing=_failing(work) if policy.is_admin(work.actor) or work.actor.is_system else (),
        may_mend=policy.is_admin(work.actor),
    )


def unreachable(work: Work) -> int:
    """How many addresses do not work, for who can do something about it; 0 for everybody else."""
    if not policy.keeps_post(work.actor):
        return 0
    people = sa.select(sa.func.count()).where(Person.bounced_at.is_not(None), Person.ended_at.is_(None))
    boxes = sa.select(sa.func.count()).where(Mailbox.bounced_at.is_not(None), Mailbox.ended_on.is_(None))
    return sum(work.session.execute(query).scalar_one() for query in (people, boxes))


def _unreachable(work: Work) -> tuple[Unreachable, ...]:
    rows = work.session.execute(
        sa.select(Person.id, Person.name, Person.email, Person.bounced_at, Person.bounce_reason)
        .where(Person.bounced_at.is_not(None), Person.ended_at.is_(None))
        .order_by(Person.bounced_at.desc(), Person.id)
    ).all()
    roles = _roles(work, [row.id for row in rows])
    return tuple(
        Unreachable(
            id=row.id,
            name=row.name or "",
            address=row.email if policy.is_admin(work.actor) else None,
            roles=roles.get(row.id, ()),
            since=work.catalogue.calendar.today(row.bounced_at),
            reason=row.bounce_reason or "",
        )
        for row in rows
    )


def _roles(work: Work, people: Sequence[UUID]) -> Mapping[UUID, tuple[RoleThere, ...]]:
    found: dict[UUID, tuple[RoleThere, ...]] = {}
    rows = work.session.execute(
        sa.select(Grant.person_id, Grant.role, Body.display_name, Team.title, Grant.operator)
        .outerjoin(Body, Body.ars == Grant.body)
        .outerjoin(Team, Team.key == Grant.team)
        .where(Grant.person_id.in_(people), Grant.ended_at.is_(None))
        .order_by(Grant.started_at, Grant.id)
    )
    for person_id, role, body, team, operator in rows:
        there = RoleThere(parts.role_title(work.catalogue, role), body or team or operator)
        if there not in (known := found.get(person_id, ())):
            found[person_id] = (*known, there)
    return found


def _mailboxes(work: Work) -> tuple[Unreachable, ...]:
    rows = work.session.execute(
        sa.select(Mailbox, Body.display_name, Team.title)
        .outerjoin(Body, Body.ars == Mailbox.body)
        .outerjoin(Team, Team.key == Mailbox.team)
        .where(Mailbox.bounced_at.is_not(None), Mailbox.ended_on.is_(None))
        .order_by(Mailbox.bounced_at.desc(), Mailbox.id)
    )
    return tuple(
        Unreachable(
            id=box.id,
            name=None,
            address=box.address if policy.is_admin(work.actor) else None,
            roles=(
                RoleThere(
                    parts.role_title(work.catalogue, box.role) if box.role else Text(de="Alle Rollen", en="All roles"),
                    body or team or box.operator,
                ),
            ),
            since=work.catalogue.calendar.today(box.bounced_at),
            reason=box.bounce_reason or "",
        )
        for box, body, team in rows
        if box.bounced_at is not None
    )


def _of_dead(*columns: Any) -> sa.Select[Any]:
    return sa.select(*columns).select_from(Message).where(Message.failed_at.is_not(None))


def _dead(work: Work) -> tuple[DeadLetter, ...]:
    reachable = sa.case((Message.mailbox_id.is_not(None), _works(Mailbox)), else_=_works(Person))
    rows = work.session.execute(
        _of_dead(
            Message.id,
            Message.address,
            Message.subject,
            Message.written_at,
            Message.failure,
            Message.last_error,
            Message.passed_on_at,
            Person.name,
            reachable.label("reachable"),
        )
        .outerjoin(Person, Person.id == Message.recipient_id)
        .outerjoin(Mailbox, Mailbox.id == Message.mailbox_id)
        .order_by(Message.failed_at.desc(), Message.id)
        .limit(MOST)
    )
    return tuple(
        DeadLetter(
            id=row.id,
            recipient=row.name,
            address=row.address if policy.is_admin(work.actor) else None,
            subject=row.subject if policy.reads_subjects(work.actor) else None,
            written_on=work.catalogue.calendar.today(row.written_at),
            failure=row.failure or "content",
            reason=row.last_error or "",
            passed_on=row.passed_on_at is not None,
            may_resend=bool(row.reachable),
        )
        for row in rows
    )


def _works(model: Any) -> sa.ColumnElement[bool]:
    if model is Mailbox:
        return sa.and_(Mailbox.ended_on.is_(None), Mailbox.address.is_not(None), Mailbox.bounced_at.is_(None))
    return sa.and_(Person.ended_at.is_(None), Person.email.is_not(None), Person.bounced_at.is_(None))


def _waiting(work: Work) -> Waiting | None:
    """By the index on what is to be tried: that is nothing but mails that have not gone out."""
    tried = (Message.try_at.is_not(None), Message.status == "queued", Message.last_error.is_not(None))
    count, since = work.session.execute(sa.select(sa.func.count(), sa.func.min(Message.tried_at)).where(*tried)).one()
    if not count:
        return None
    last = sa.select(Message.last_error).where(*tried).order_by(Message.try_at.desc(), Message.id).limit(1)
    return Waiting(count, since or work.now, work.session.execute(last).scalar() or "")


def _failing(work: Work) -> tuple[Failing, ...]:
    rows = work.session.execute(
        sa.select(Trouble.kind, Trouble.subject_id, Trouble.since, Trouble.times, Trouble.error)
        .where(Trouble.at > troubles.tried_since(database.real_now()))
        .order_by(Trouble.since, Trouble.subject_id)
        .limit(MOST)
    )
    return tuple(Failing(*row) for row in rows)
