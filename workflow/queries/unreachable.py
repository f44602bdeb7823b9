"""Cases that wait for somebody whom no mail reaches: neither at an address of their own, nor through who stands in,
nor through a mailbox."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from workflow import casework, policy
from workflow.engine import Work
from workflow.models import Case, Grant, Mailbox, Person, Task


def waits_for_somebody_unreached(work: Work) -> sa.ColumnElement[bool]:
    """Whether the case has a task on which somebody is to act who cannot be reached.

    Few people are ever marked: what they could be asked for is looked through here, role by role and place by place,
    so that a role that falls to others counts as theirs.
    """
    rows = work.session.execute(
        sa.select(Person.id, Grant.body, Grant.team, Grant.operator)
        .outerjoin(Grant, sa.and_(Grant.person_id == Person.id, Grant.ended_at.is_(None)))
        .where(Person.bounced_at.is_not(None), Person.ended_at.is_(None))
    ).all()
    marked = {row.id for row in rows}
    if not marked:
        return sa.false()
    columns = (Task.acting, Task.body, Task.service, Task.team, Task.operator, Task.scope)
    asked = work.session.execute(
        sa.select(*columns)
        .where(
            Task.acting.is_not(None),
            _is_free(),
            sa.or_(
                *(
                    column.in_({place for place in places if place})
                    for column, places in (
                        (Task.body, [row.body for row in rows]),
                        (Task.team, [row.team for row in rows]),
                        (Task.operator, [row.operator for row in rows]),
                    )
                )
            ),
        )
        .distinct()
    ).all()
    boxes = _mailboxes(work)
    holders = casework.holders_at(work, {policy.acts_at(one) for one in asked})
    vain = []
    for one in asked:
        role, people = policy.in_charge(one.acting, one, holders(one))
        told = policy.reached(people, holders(one), asks=True)
        if told and marked >= told.keys() and not _has_mailbox(boxes, role, one):
            vain.append(tuple(one)[:4])
    mine = sa.tuple_(*columns[:4]).in_(list(dict.fromkeys(vain))) if vain else sa.false()
    return (
        sa.exists()
        .where(
            Task.case_id == Case.id,
            Task.acting.is_not(None),
            sa.or_(sa.and_(_is_free(), mine), sa.and_(~_is_free(), Task.holder_id.in_(marked))),
        )
        .correlate(Case)
    )


def _is_free() -> sa.ColumnElement[bool]:
    """Nobody has taken it on: everybody in the role is asked."""
    return sa.or_(Task.holder_id.is_(None), Task.status != "accepted")


def _mailboxes(work: Work) -> set[tuple[str, str]]:
    """Place and role of the mailboxes that work."""
    rows = work.session.execute(
        sa.select(Mailbox.body, Mailbox.team, Mailbox.operator, Mailbox.role).where(
            Mailbox.ended_on.is_(None), Mailbox.bounced_at.is_(None)
        )
    )
    return {(body or team or operator or "", role) for body, team, operator, role in rows}


def _has_mailbox(boxes: set[tuple[str, str]], role: str, of: Any) -> bool:
    if role.startswith("body."):
        place: str | None = policy.acts_at(of)
    else:
        place = of.team if role in ("umsetzungsteam", "supervisor") else of.operator if role == "rollout_team" else None
    return bool({(place, role.removeprefix("body.")), (place, "")} & boxes)
