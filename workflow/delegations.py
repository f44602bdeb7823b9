"""A body acts for another in one service, from one day to another: who gives what to whom, and the cases that follow.

Whoever gives a service away keeps seeing its cases and does nothing there; the delegate's people do it all. Begin and
end are rows: every beat brings the cases to where the rows of the day put them, so that a beat that comes late, twice
or on two machines does no harm. Only one step counts: what a delegate has given away itself goes no further.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from workflow import casework, events, messages, policy
from workflow.casework import LockedCase
from workflow.definition import canonical
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import Conflict, NotAllowed, NotFound, Refused
from workflow.models import Body, Case, Delegation, Notice, TeamDistrict

CHUNK = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DelegationView:
    """A delegation after a deed. `until_on` is its last day; None: until somebody ends it."""

    id: UUID
    service: str
    giver: str
    delegate: str
    from_on: dt.date
    until_on: dt.date | None


def give(
    work: Work, giver: str, service: str, delegate: str, *, from_on: dt.date, until_on: dt.date | None = None
) -> DelegationView:
    """Let `delegate` act for `giver` in a service, from one day to another, both included.

    The giver's `leitung` may, the team of its district and the programme office. The people of the delegate learn of it
    now, its cases follow with the first beat of the day.

    Raises NotFound (a body or the service), NotAllowed, Refused (a body that ended, to itself, not responsible for this
    service, days that make no sense) or Conflict (given away on these days already; in the end to itself), in this
    order.
    """
    entry = work.catalogue.service(service)
    bodies = _bodies(work, (giver, delegate))
    mine, theirs = bodies[giver], bodies[delegate]
    if not policy.may_delegate(work.actor, giver, mine.team):
        raise NotAllowed(roles=("body.leitung", "umsetzungsteam", "programme_office"))
    for one in (mine, theirs):
        if one.valid_until is not None:
            raise Refused("error.body_ended", body=one.display_name)
    if giver == delegate:
        raise Refused("error.delegation_self")
    if entry.applies_to is None or not work.catalogue.groups[entry.applies_to].has(ars=giver, kind=mine.kind):
        raise Refused("error.not_responsible_body", service=entry.title, body=mine.display_name)
    if from_on < work.today or (until_on is not None and until_on < from_on):
        raise Refused("error.delegation_days")
    _insist_free(work, giver, service, delegate, from_on, until_on)

    row = {"service": service, "giver": giver, "delegate": delegate, "from_on": from_on, "until_on": until_on}
    delegation_id = uuid4()
    said = casework.said_of_place(work.actor, lambda who: policy.may_delegate(who, giver, mine.team))
    link = events.link(work, "delegation", delegation_id, 0, events.START, "given", {"delegation": row, **said})
    work.session.execute(sa.insert(Delegation), {"id": delegation_id, "seq": link.seq, "head": link.head, **row})
    work.session.execute(events.APPEND, link.values)
    _tell(work, "delegated", delegation_id, row, delegate, mine.team)
    return DelegationView(delegation_id, service, giver, delegate, from_on, until_on)


def end(work: Work, delegation_id: UUID) -> DelegationView:
    """End a delegation today, or take one back that has not begun: the giver acts again.

    Who could have given it may, and `leitung` and `digi` of the delegate. Raises NotFound, NotAllowed or Conflict (it
    is over), in this order.
    """
    row = work.session.execute(
        sa.select(*Delegation.__table__.c)
        .where(Delegation.id == delegation_id, policy.delegations(work.actor))
        .with_for_update(of=Delegation)
    ).first()
    if row is None:
        raise NotFound(what="delegation")
    team = _bodies(work, (row.giver,))[row.giver].team
    if not policy.may_end_delegation(work.actor, row.giver, row.delegate, team):
        raise NotAllowed(roles=("body.leitung", "umsetzungsteam", "programme_office"))
    if is_over(row.from_on, row.until_on, work.today):
        raise Conflict(what="delegation_over")

    last = work.today - dt.timedelta(days=1)
    said = {
        "delegation": {"until_on": last},
        "before": {"delegation": {"until_on": row.until_on}},
        **casework.said_of_place(work.actor, lambda who: policy.may_end_delegation(who, row.giver, row.delegate, team)),
    }
    link = events.record(work, "delegation", delegation_id, row.seq, row.head, "ended", said)
    work.session.execute(
        sa.update(Delegation).where(Delegation.id == delegation_id).values(until_on=last, seq=link.seq, head=link.head)
    )
    for body in (row.giver, row.delegate):
        _tell(work, "delegation_ended", delegation_id, {"service": row.service, "giver": row.giver}, body, team)
    return DelegationView(delegation_id, row.service, row.giver, row.delegate, row.from_on, last)


def is_over(from_on: dt.date, until_on: dt.date | None, today: dt.date) -> bool:
    """Whether its days are past, or it was taken back before they came."""
    return until_on is not None and until_on < max(from_on, today)


def in_force(work: Work, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Who acts today for whom, of these services and bodies."""
    rows = work.session.execute(
        sa.select(Delegation.service, Delegation.giver, Delegation.delegate)
        .join(Body, Body.ars == Delegation.delegate)
        .where(
            Delegation.giver.in_({body for _, body in wanted}),
            Delegation.service.in_({service for service, _ in wanted}),
            _counts_on(work.today),
        )
    )
    return {(service, giver): delegate for service, giver, delegate in rows}


# --- what time does --------------------------------------------------------------------------------------------------


def apply(engine: Engine) -> int:
    """Bring every case to who acts in it today; returns how many changed. One that fails stops no other."""
    done, tried = 0, set[UUID]()
    while chunk := _waiting(engine, tried):
        tried.update(chunk)  # each once in a beat, whatever becomes of it
        with engine.change(SYSTEM) as work:
            for case_id in chunk:
                try:
                    with work.session.begin_nested():
                        done += apply_to(work, case_id)
                except OperationalError:
                    raise  # the database's trouble, not this case's
                except Exception:
                    log.exception(
                        "case %s does not follow its delegation; it is tried again with the next beat", case_id
                    )
    return done


def apply_to(work: Work, case_id: UUID) -> bool:
    """Let a case follow what is given away today, or go back: one entry of its history. Says whether anything changed.

    One that has ended goes back and to nobody else. What somebody had accepted who holds no role where it goes is free
    again. Raises NotFound.
    """
    case = casework.lock(work, case_id)
    row = case.row
    delegate = in_force(work, [(row.service, row.body)]).get((row.service, row.body))
    if row.ended_on is not None and delegate != row.delegate:
        delegate = None
    if delegate == row.delegate:
        return False
    before = row.delegate
    case.set(version=row.version + 1)
    case.delegate_to(delegate)
    _let_go(case)
    case.say(**{name: body for name, body in (("delegate", delegate), ("delegate_before", before)) if body})
    case.record("delegated" if delegate is not None else "delegation_over")
    return True


def _waiting(engine: Engine, tried: Collection[UUID]) -> list[UUID]:
    """The next cases in which not those act who should, by id; asked by two indexes, so that a beat costs nothing."""
    with engine.read(SYSTEM) as work:
        here = sa.and_(Delegation.giver == Case.body, Delegation.service == Case.service)
        given = (
            sa.select(Case.id)
            .join(Delegation, here)
            .join(Body, Body.ars == Delegation.delegate)
            .where(
                _counts_on(work.today),
                Case.ended_on.is_(None),
                sa.or_(Case.delegate.is_(None), Case.delegate != Delegation.delegate),
            )
        )
        still = sa.exists().where(
            here, Delegation.delegate == Case.delegate, Body.ars == Delegation.delegate, _counts_on(work.today)
        )
        over = sa.select(Case.id).where(Case.delegate.is_not(None), sa.not_(still))
        both = sa.union(given, over).subquery()
        query = sa.select(both.c.id).where(both.c.id.not_in(tried)).order_by(both.c.id).limit(CHUNK)
        return list(work.session.execute(query).scalars())


def _let_go(case: LockedCase) -> None:
    there = {holder.person_id for holder in case.holders() if holder.body == policy.acts_at(case.row)}
    for task in case.tasks.values():
        mine = task.status == "accepted" and task.owner.startswith("body.") and task.body != task.scope
        if mine and task.holder_id not in there:
            case.update(task, status="ready", holder_id=None)


# --- helpers ---------------------------------------------------------------------------------------------------------


def _counts_on(day: dt.date) -> sa.ColumnElement[bool]:
    """In force on a day, to a body that is still there."""
    return sa.and_(
        Delegation.from_on <= day,
        sa.or_(Delegation.until_on.is_(None), Delegation.until_on >= day),
        Body.valid_until.is_(None),
    )


def _bodies(work: Work, wanted: Iterable[str]) -> dict[str, Any]:
    """These bodies with the team of their district, by ARS; nobody else gives or takes between them until we are done.

    Raises NotFound.
    """
    keys = sorted(set(wanted))
    rows = work.session.execute(
        sa.select(Body.ars, Body.kind, Body.display_name, Body.valid_until, TeamDistrict.team)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .where(Body.ars.in_(keys))
        .order_by(Body.ars)
        .with_for_update(of=Body, key_share=True)
    )
    found = {row.ars: row for row in rows}
    for key in keys:
        if key not in found:
            raise NotFound(what="body", name=key)
    return found


def _insist_free(
    work: Work, giver: str, service: str, delegate: str, from_on: dt.date, until_on: dt.date | None
) -> None:
    """Raises Conflict: given away on these days already, or in the end to itself."""
    rows = work.session.execute(
        sa.select(Delegation.giver, Delegation.delegate).where(
            Delegation.service == service,
            sa.or_(Delegation.until_on.is_(None), Delegation.until_on >= from_on),
            sa.true() if until_on is None else Delegation.from_on <= until_on,
            sa.or_(Delegation.until_on.is_(None), Delegation.from_on <= Delegation.until_on),
        )
    ).all()
    if any(row.giver == giver for row in rows):
        raise Conflict(what="delegation")
    reached, further = {delegate}, {delegate}
    while further:
        further = {row.delegate for row in rows if row.giver in further} - reached
        reached |= further
    if giver in reached:
        raise Conflict(what="delegation_circle")


def _tell(work: Work, name: str, delegation_id: UUID, row: dict[str, Any], body: str, team: str | None) -> None:
    """One notice for each who looks after the service at a body, however many cases follow."""
    of = _Place(body, row["service"], team or "")
    holders = casework.holders(work, of)
    _, people = policy.in_charge("body.digi", of, holders)
    facts = canonical(events.plain({name: row[name] for name in ("service", "giver", "from_on") if name in row}))
    for person in policy.reached(people, holders, asks=False):
        if person != work.actor.id:
            values = {"recipient_id": person, "name": name, "subject_kind": "delegation", "subject_id": delegation_id}
            values |= {"id": uuid4(), "facts": facts, "created_at": work.now, **messages.timing(name, work.now)}
            work.session.execute(sa.insert(Notice), values)


@dataclass(frozen=True, slots=True)
class _Place:
    """Who looks after a service at a body."""

    body: str
    service: str
    team: str
    operator: str | None = None
