"""What needs an administrator: a few numbers, each of which leads to what it counts."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from workflow import feedback, policy
from workflow.definition import PAGES
from workflow.engine import Work
from workflow.errors import NotAllowed
from workflow.models import HistoryCheck, Message, Person
from workflow.queries import mails, operations
from workflow.queries.people import is_in


@dataclass(frozen=True, slots=True)
class Administration:
    """What needs an administrator."""

    unreachable: int
    """Addresses to which mail does not arrive."""
    dead: int
    """Mails that failed for good."""
    failing: int
    """Things that fail each time they are tried."""
    invited: int
    """Invitations that are open."""
    lapsed: int
    """People who are invited, and whose link opens nothing any more."""
    people: int
    feedback: int
    """What people wrote and nobody has marked as done."""
    samples: tuple[str, ...]
    """Pages of the installation in which something is still to be replaced."""
    history_faults: int
    """Places the latest check of the history found not to be right."""
    missing: tuple[str, ...]
    """Pages the installation does not have."""


def administration(work: Work) -> Administration:
    """What needs an administrator. Raises NotAllowed for everybody else."""
    if not policy.is_admin(work.actor):
        raise NotAllowed(roles=("admin",))
    there = sa.and_(Person.ended_at.is_(None), Person.email.is_not(None))

    def people(*which: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.select(sa.func.count()).select_from(Person).where(there, *which).scalar_subquery()

    dead = sa.select(sa.func.count()).select_from(Message).where(Message.failed_at.is_not(None)).scalar_subquery()
    latest = sa.select(HistoryCheck.faults).order_by(HistoryCheck.asked_at.desc(), HistoryCheck.id).limit(1)
    checked = sa.func.coalesce(latest.scalar_subquery(), 0)
    pages = work.catalogue.pages
    row = work.session.execute(
        sa.select(
            dead.label("dead"),
            people(is_in("invited")).label("invited"),
            people(is_in("lapsed")).label("lapsed"),
            people().label("people"),
            checked.label("history_faults"),
        )
    ).one()
    return Administration(
        unreachable=mails.unreachable(work),
        dead=row.dead,
        failing=operations.failing(work),
        invited=row.invited,
        lapsed=row.lapsed,
        people=row.people,
        history_faults=row.history_faults,
        feedback=feedback.still_open(work),
        samples=tuple(name for name in PAGES if any(one.to_replace for (_, key), one in pages.items() if key == name)),
        missing=tuple(name for name in PAGES if not any(key == name for _, key in pages)),
    )
