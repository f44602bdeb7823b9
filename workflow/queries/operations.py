"""How the installation works by itself: regular jobs and who leads them, what waits, what fails again and again.

Nothing here names a case: what fails is told by its kind and id, and stands in the log under it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import database, lease, policy, troubles, watch
from workflow.engine import Work
from workflow.errors import NotAllowed
from workflow.models import Bulk, Followup, Lease, Message, Notice, Trouble

MOST = 100
"""Troubles of one page, the oldest first; how many more there are is said."""

DAILY = dt.timedelta(days=1)
_LATE_AFTER = DAILY + dt.timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Job:
    """Something done regularly, as far as its lease tells. All times are real."""

    name: str
    holder: str
    """The process that leads it, or led it last."""
    until: dt.datetime
    """Until when it leads."""
    leads: bool
    """It leads still."""
    last: dt.datetime | None
    """When the job last came to its end; None: not yet."""
    is_late: bool
    """It ought to have come to its end since."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Something that failed the last time it was tried, and is tried again."""

    kind: str
    id: UUID
    since: dt.datetime
    at: dt.datetime
    times: int
    error: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits to be done, each counted up to `watch.MOST_COUNTED`."""

    followups: int
    """Cases that have yet to learn that what they waited for is there."""
    followups_since: dt.datetime | None
    bulks: int
    """Deeds asked of many cases that are not through."""
    notices: int
    """What somebody will be told and no mail is written about, due or not."""
    mails: int
    """Mails that are written and not sent."""


@dataclass(frozen=True, slots=True)
class Operations:
    """How the installation works by itself."""

    jobs: tuple[Job, ...]
    waiting: Waiting
    failing: tuple[Failing, ...]
    failing_total: int


def insist(work: Work) -> None:
    """Raises NotAllowed unless the actor is an administrator or an auditor."""
    if not policy.sees_operations(work.actor):
        raise NotAllowed(roles=("admin", "auditor"))


def operations(work: Work) -> Operations:
    """How the installation works by itself. Raises NotAllowed."""
    insist(work)
    failing, total = _failing(work)
    return Operations(_jobs(work), _waiting(work), failing, total)


def failing(work: Work) -> int:
    """How many things fail again and again."""
    return work.session.execute(sa.select(sa.func.count()).where(_fails())).scalar_one()


def _jobs(work: Work) -> tuple[Job, ...]:
    """The two signs of life first, then what is done once a day."""
    now = database.real_now()
    rows = work.session.execute(sa.select(Lease.name, Lease.holder, Lease.until, Lease.progress_at)).all()
    patience = {part: dt.timedelta(minutes=5) for part in watch.PARTS}
    found = [
        Job(
            name=row.name,
            holder=row.holder,
            until=row.until,
            leads=row.until > now,
            last=row.progress_at if row.progress_at > lease.NEVER else None,
            is_late=row.progress_at < now - patience.get(row.name, _LATE_AFTER),
        )
        for row in rows
        if row.name not in watch.NOT_REGULAR
    ]
    return tuple(sorted(found, key=lambda job: (job.name not in watch.PARTS, job.name)))


def _waiting(work: Work) -> Waiting:
    def some(model: Any, *which: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        key = sa.inspect(model).primary_key[0]
        few = sa.select(key).where(*which).limit(watch.MOST_COUNTED).subquery()
        return sa.select(sa.func.count()).select_from(few).scalar_subquery()

    row = work.session.execute(
        sa.select(
            some(Followup, Followup.try_at.is_not(None)),
            sa.select(sa.func.min(Followup.created_at)).where(Followup.try_at.is_not(None)).scalar_subquery(),
            some(Bulk, Bulk.finished_at.is_(None)),
            some(Notice, Notice.message_id.is_(None)),
            some(Message, Message.try_at.is_not(None), Message.status == "queued"),
        )
    ).one()
    return Waiting(*row)


def _failing(work: Work) -> tuple[tuple[Failing, ...], int]:
    columns = (Trouble.kind, Trouble.subject_id, Trouble.since, Trouble.at, Trouble.times, Trouble.error)
    rows = work.session.execute(
        sa.select(*columns).where(_fails()).order_by(Trouble.since, Trouble.subject_id).limit(MOST + 1)
    ).all()
    total = len(rows) if len(rows) <= MOST else failing(work)
    return tuple(Failing(*row) for row in rows[:MOST]), total


def _fails() -> sa.ColumnElement[bool]:
    return Trouble.at > troubles.tried_since(database.real_now())
