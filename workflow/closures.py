"""Days on which a body's office is closed: nobody there is mailed. Due dates and rungs know nothing of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import casework, events, messages, policy
from workflow.engine import Work
from workflow.errors import Conflict, NotAllowed, NotFound, Refused
from workflow.models import Body, Closure, Grant, TeamDistrict

LONGEST = 62
"""Days one closure may last: whoever is away for longer has not closed but moved."""


@dataclass(frozen=True, slots=True)
class ClosureView:
    """Days on which an office is closed, both included, after a deed."""

    id: UUID
    body: str
    from_on: dt.date
    until_on: dt.date


def enter(work: Work, body: str, from_on: dt.date, until_on: dt.date) -> ClosureView:
    """Keep on record that a body's office is closed from one day to another, both included.

    Its `leitung` and `digi` may, and the team of its district. Mail to its people waits until the office is open again.

    Raises NotFound (no such body), NotAllowed, Refused (a body that ended, days that make no sense: the last before the
    first, past, or more than 62) or Conflict (closed on some of these days already), in this order.
    """
    place = _locked(work, body)
    _insist_may(work, body, place.team)
    if place.valid_until is not None:
        raise Refused("error.body_ended", body=place.display_name)
    if until_on < max(from_on, work.today) or (until_on - from_on).days >= LONGEST:
        raise Refused("error.closure_days", most=LONGEST)
    overlapping = sa.and_(Closure.from_on <= until_on, Closure.until_on >= from_on, Closure.from_on <= Closure.until_on)
    if work.session.execute(sa.select(Closure.id).where(Closure.body == body, overlapping)).first() is not None:
        raise Conflict(what="closure")

    closure_id = uuid4()
    row = {"body": body, "from_on": from_on, "until_on": until_on}
    said = {"closure": row, **_on_behalf(work, body, place.team)}
    link = events.link(work, "closure", closure_id, 0, events.START, "entered", said)
    values = {"id": closure_id, "entered_by": work.actor.id, "seq": link.seq, "head": link.head, **row}
    work.session.execute(sa.insert(Closure), values)
    work.session.execute(events.APPEND, link.values)
    return ClosureView(closure_id, body, from_on, until_on)


def end(work: Work, closure_id: UUID) -> ClosureView:
    """The office is open again from today on; or a closure that has not begun is taken back. Mail goes out again.

    Who could have entered it may. Raises NotFound, NotAllowed or Conflict (it is over), in this order.
    """
    known = sa.select(Closure.body).where(Closure.id == closure_id, policy.closures(work.actor))
    body = work.session.execute(known).scalar()
    if body is None:
        raise NotFound(what="closure")
    place = _locked(work, body)
    _insist_may(work, body, place.team)
    row = work.session.execute(sa.select(*Closure.__table__.c).where(Closure.id == closure_id)).one()
    if is_over(row.from_on, row.until_on, work.today):
        raise Conflict(what="closure_over")

    last = work.today - dt.timedelta(days=1)
    before = {"closure": {"until_on": row.until_on}}
    said = {"closure": {"until_on": last}, "before": before, **_on_behalf(work, body, place.team)}
    link = events.record(work, "closure", closure_id, row.seq, row.head, "ended", said)
    work.session.execute(
        sa.update(Closure).where(Closure.id == closure_id).values(until_on=last, seq=link.seq, head=link.head)
    )
    messages.wake(work, sa.select(Grant.person_id).where(Grant.body == body, Grant.ended_at.is_(None)))
    return ClosureView(closure_id, body, row.from_on, last)


def is_over(from_on: dt.date, until_on: dt.date, today: dt.date) -> bool:
    """Whether its days are past, or it was taken back before they came."""
    return until_on < max(from_on, today)


def _locked(work: Work, body: str) -> Any:
    """The body with the team of its district; nobody else closes it until we are done. Raises NotFound."""
    row = work.session.execute(
        sa.select(Body.ars, Body.display_name, Body.valid_until, TeamDistrict.team)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .where(Body.ars == body)
        .with_for_update(of=Body, key_share=True)
    ).first()
    if row is None:
        raise NotFound(what="body", name=body)
    return row


def _insist_may(work: Work, body: str, team: str | None) -> None:
    if not policy.may_close(work.actor, body, team):
        raise NotAllowed(roles=("body.leitung", "body.digi", "umsetzungsteam"))


def _on_behalf(work: Work, body: str, team: str | None) -> dict[str, UUID]:
    return casework.said_of_place(work.actor, lambda who: policy.may_close(who, body, team))
