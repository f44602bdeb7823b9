"""The rehearsal clock: process time that people set and move, in installations made for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import sqlalchemy as sa

from workflow.database import real_now
from workflow.engine import Work
from workflow.errors import Refused
from workflow.models import Installation


def is_manual(work: Work) -> bool:
    """Whether this installation runs on the rehearsal clock."""
    return work.session.execute(sa.select(Installation.clock)).scalar() == "manual"


def is_example(work: Work) -> bool:
    """Whether this installation was made with example people and data."""
    return bool(work.session.execute(sa.select(Installation.example)).scalar())


def advance(work: Work, working_days: int = 1) -> dt.datetime:
    """Move the clock to the reminder hour of the next working day (or several on); returns the new instant in UTC.

    Raises Refused when the installation runs on the system clock, a rehearsal moves the clock, or not 1 to 260 days are
    asked for.
    """
    _insist_manual(work)
    _insist_nobody_plays(work)
    if not 1 <= working_days <= 260:
        raise Refused("error.clock_days", most=260)
    now = work.now
    for _ in range(working_days):
        now = work.catalogue.calendar.next_working_morning(now)
    return _write(work, now)


def set_to(work: Work, now: dt.datetime) -> dt.datetime:
    """Set the clock to a later instant (aware). Raises Refused: system clock, a rehearsal, or a past instant."""
    _insist_manual(work)
    _insist_nobody_plays(work)
    if now < work.now:
        raise Refused("error.clock_backwards", now=work.now)
    return _write(work, now)


def at(work: Work, now: dt.datetime) -> Work:
    """The same work at a later instant of the rehearsal clock, to which the clock moves with it; never back."""
    later = max(now, work.now)
    _write(work, later)
    return replace(work, now=later)


def rehearse(work: Work) -> None:
    """From now on this installation is an example, a rehearsal moves the clock, and mails are kept, not delivered."""
    work.session.execute(sa.update(Installation).values(example=True, rehearsing=True))


def rehearsed(work: Work) -> None:
    """The rehearsal is over: people move the clock again, and mails are delivered."""
    work.session.execute(sa.update(Installation).values(rehearsing=False))


def _insist_nobody_plays(work: Work) -> None:
    if work.session.execute(sa.select(Installation.rehearsing)).scalar():
        raise Refused("error.rehearsing")


def _insist_manual(work: Work) -> None:
    if not is_manual(work):
        raise Refused("error.clock_is_real", now=real_now())


def _write(work: Work, now: dt.datetime) -> dt.datetime:
    work.session.execute(sa.update(Installation).where(Installation.id == 1).values(clock_now=now))
    return now
