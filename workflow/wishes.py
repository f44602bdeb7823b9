"""How somebody wants to be mailed, within what the programme allows: when, on which weekdays, what at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from workflow import maildays, messages
from workflow.engine import Work
from workflow.errors import Refused
from workflow.maildays import MailDays, Wishes
from workflow.models import Person

WEEKDAYS = (1, 2, 3, 4, 5)
"""From Monday to Friday."""


@dataclass(frozen=True, slots=True)
class WishesView:
    """What holds for a person now, and what may be chosen."""

    at: str
    """When the digest comes: `07:00`."""
    weekdays: tuple[int, ...]
    asked_at_once: bool
    times: tuple[str, ...]
    """Among which the person chooses."""
    days_least: int
    quiet_from: str
    quiet_until: str
    at_most_per_day: int


def of_actor(work: Work) -> WishesView:
    """What the actor chose, and where nothing was chosen, what the programme says."""
    row = work.session.execute(
        sa.select(Person.mail_at, Person.mail_days, Person.mail_asked).where(Person.id == work.actor.id)
    ).one()
    return _view(work, Wishes(row.mail_at, row.mail_days, row.mail_asked))


def choose(work: Work, *, at: str, weekdays: Collection[int], asked_at_once: bool) -> WishesView:
    """Mail the actor like this from now on. What is pending follows; what the programme has anyway is not kept, so that
    it follows the programme.

    Raises Refused (a time that is not offered, fewer weekdays than the programme demands), in this order.
    """
    rules, calendar = work.catalogue.programme.mail, work.catalogue.calendar
    offered = maildays.choices(calendar, rules)
    if at not in offered:
        raise Refused("error.mail_time", value=at, times=", ".join(offered))
    days = "".join(str(day) for day in WEEKDAYS if day in weekdays)
    if len(days) < rules.days_least or set(weekdays) - set(WEEKDAYS):
        raise Refused("error.mail_days", n=rules.days_least)
    wishes = Wishes(
        at=None if at == f"{calendar.reminders_at:%H:%M}" else at,
        days=None if len(days) == len(WEEKDAYS) else days,
        asked_at_once=None if asked_at_once == rules.asked_at_once else asked_at_once,
    )
    kept = {"mail_at": wishes.at, "mail_days": wishes.days, "mail_asked": wishes.asked_at_once}
    work.session.execute(sa.update(Person).where(Person.id == work.actor.id).values(kept))
    messages.wake(work, sa.select(Person.id).where(Person.id == work.actor.id))
    return _view(work, wishes)


def _view(work: Work, wishes: Wishes) -> WishesView:
    rules, calendar = work.catalogue.programme.mail, work.catalogue.calendar
    days = MailDays(calendar, rules, wishes)
    return WishesView(
        at=days.at,
        weekdays=tuple(sorted(days.weekdays)),
        asked_at_once=days.asked_at_once,
        times=maildays.choices(calendar, rules),
        days_least=rules.days_least,
        quiet_from=rules.quiet.from_,
        quiet_until=rules.quiet.until,
        at_most_per_day=rules.at_most_per_day,
    )
