"""Which days count, when a deadline ends, and when somebody may be mailed. Pure rules about dates.

Holidays come from the package `holidays` for the programme's Land. Working days and calendar days are different types
(`definition.WorkingDays`, `definition.CalendarDays`) and are never added to each other.
"""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

import holidays

from workflow.definition import WorkingCalendar

_DAY = dt.timedelta(days=1)
_DATES_KEPT = 8192


@dataclass(frozen=True, slots=True)
class Pause:
    """A hold: from the day it began until the day work went on; `ended_on` is None while it lasts."""

    began_on: dt.date
    ended_on: dt.date | None
    blocker: str = ""
    """Why, as a code of the programme."""


@dataclass(frozen=True, slots=True)
class Extension:
    """Working days somebody added to a date, on the day they did."""

    given_on: dt.date
    days: int
    id: UUID | None = None
    """Of its row in the ledger, which knows who gave it and why."""


@dataclass(frozen=True, slots=True)
class Promise:
    """Somebody said by when it will be done."""

    of: UUID
    """What was promised; the ledger of replies knows who did, and when."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an explained date: what was added and where it led.

    `kind` is start, days, extension or pause, and fixed or calendar_days where no working days are counted; of a
    statutory period also months, and roll, by so many days, from a day on which none ends. `cause` is the extension,
    pause or promise behind it.
    """

    kind: str
    days: int
    date: dt.date
    holidays: tuple[tuple[dt.date, str], ...] = ()
    cause: Pause | Extension | Promise | None = None


def as_it_happened(extensions: Sequence[Extension], pauses: Sequence[Pause]) -> list[Extension | Pause]:
    """Extensions and pauses in the order of their days; of one day the extension first, for it was meant to help."""
    return sorted(
        [*extensions, *pauses],
        key=lambda one: (one.given_on, 0) if isinstance(one, Extension) else (one.began_on, 1),
    )


def months_after(date: dt.date, months: int) -> dt.date:
    """The day of the same number so many months later, or the last of a month that has none (§ 188 Abs. 2, 3 BGB)."""
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    return dt.date(year, month + 1, min(date.day, monthrange(year, month + 1)[1]))


class Calendar:
    """The working days of one Land."""

    def __init__(self, rules: WorkingCalendar) -> None:
        self.zone = ZoneInfo(rules.time_zone)
        self.reminders_at = dt.time.fromisoformat(rules.reminders_at)
        self._no_mail_on = frozenset(rules.no_mail_on)
        self._land = rules.land
        self._names: dict[int, dict[dt.date, str]] = {}
        # Cases ask for the same few dates over and over; each is worked out once.
        self._add = lru_cache(_DATES_KEPT)(self._counted)
        self._remind_at = lru_cache(_DATES_KEPT)(self._morning)
        self._passed = lru_cache(_DATES_KEPT)(self._holidays_passed)

    def today(self, now: dt.datetime) -> dt.date:
        """The day people in this programme call today. `now` is aware."""
        return now.astimezone(self.zone).date()

    def holiday(self, date: dt.date) -> str | None:
        """German name of the public holiday on this date, if it is one."""
        return self._year(date.year).get(date)

    def is_working_day(self, date: dt.date) -> bool:
        """Monday to Friday and no public holiday of the Land. 24 and 31 December count."""
        return date.weekday() < 5 and date not in self._year(date.year)

    def is_mail_day(self, date: dt.date, *, land: str | None = None) -> bool:
        """A working day on which the programme sends mail; `land`: by the holidays of another Land (`HE`)."""
        if land is None or land == self._land:
            works = self.is_working_day(date)
        else:
            works = date.weekday() < 5 and date not in _public_holidays(land, date.year)
        return works and f"{date:%m-%d}" not in self._no_mail_on

    def add(self, start: dt.date, working_days: int) -> dt.date:
        """The n-th working day after `start` (before, when negative); the start itself is not counted.

        Zero gives the start, whatever day it is.
        """
        return self._add(start, working_days)

    def between(self, start: dt.date, end: dt.date) -> int:
        """Working days after `start` up to and including `end`; negative when `end` lies before."""
        if end < start:
            return -self.between(end, start)
        days = (end - start).days
        whole_weeks, rest = divmod(days, 7)
        count = whole_weeks * 5
        tail = start + _DAY * (whole_weeks * 7)
        count += sum(1 for offset in range(1, rest + 1) if (tail + _DAY * offset).weekday() < 5)
        for year in range(start.year, end.year + 1):
            count -= sum(1 for date in self._year(year) if start < date <= end and date.weekday() < 5)
        return count

    def end_of_period(self, date: dt.date) -> dt.date:
        """The day on which a statutory period ends that would end on `date`: the next working day when that is a
        Saturday, a Sunday or a public holiday (§ 31 Abs. 3 VwVfG)."""
        while not self.is_working_day(date):
            date += _DAY
        return date

    def deadline(
        self, start: dt.date, working_days: int, extensions: Sequence[Extension] = (), pauses: Sequence[Pause] = ()
    ) -> dt.date:
        """The due date: the day after which counting began + working days + extensions + what pauses took.

        What happened earlier counts first. A pause moves the date by the working days it lasted, if it began on or
        before the date as it stood on that day: what was overdue when a pause began stays overdue, whoever extends it
        later. A pause still lasting moves nothing yet (rule of due dates, roll-out facts 2.3).
        """
        return self.explain(start, working_days, extensions, pauses)[-1].date

    def explain(
        self, start: dt.date, working_days: int, extensions: Sequence[Extension] = (), pauses: Sequence[Pause] = ()
    ) -> tuple[Step, ...]:
        """The same date step by step, with the public holidays that fell on weekdays on the way."""
        steps = [Step("start", 0, start)]
        self._step(steps, "days", working_days)
        for one in as_it_happened(extensions, pauses):
            if isinstance(one, Extension):
                self._step(steps, "extension", one.days, one)
                continue
            counts = one.ended_on is not None and start < one.ended_on and one.began_on <= steps[-1].date
            if counts and (lost := self.between(max(one.began_on, start), one.ended_on or start)):
                self._step(steps, "pause", lost, one)
        return tuple(steps)

    def holidays_between(self, before: dt.date, after: dt.date) -> tuple[tuple[dt.date, str], ...]:
        """Public holidays on weekdays after `before` up to and including `after`, with their German names."""
        return self._passed(before, after)

    def remind_at(self, date: dt.date) -> dt.datetime:
        """The instant at which a rung of this date fires: the reminder hour of the next mail day. In UTC."""
        return self._remind_at(date)

    def next_working_morning(self, now: dt.datetime) -> dt.datetime:
        """The reminder hour of the next working day after `now`'s day, in UTC: one step of the rehearsal clock."""
        date = self.add(self.today(now), 1)
        return dt.datetime.combine(date, self.reminders_at, self.zone).astimezone(dt.UTC)

    def _step(self, steps: list[Step], kind: str, days: int, cause: Pause | Extension | None = None) -> None:
        before = steps[-1].date
        after = self.add(before, days)
        steps.append(Step(kind, days, after, self._passed(before, after), cause))

    def _counted(self, start: dt.date, working_days: int) -> dt.date:
        date, step = start, _DAY if working_days >= 0 else -_DAY
        for _ in range(abs(working_days)):
            date += step
            while not self.is_working_day(date):
                date += step
        return date

    def _morning(self, date: dt.date) -> dt.datetime:
        while not self.is_mail_day(date):
            date += _DAY
        return dt.datetime.combine(date, self.reminders_at, self.zone).astimezone(dt.UTC)

    def _holidays_passed(self, before: dt.date, after: dt.date) -> tuple[tuple[dt.date, str], ...]:
        return tuple(
            (date, name)
            for year in range(before.year, after.year + 1)
            for date, name in sorted(self._year(year).items())
            if before < date <= after and date.weekday() < 5
        )

    def _year(self, year: int) -> dict[dt.date, str]:
        names = self._names.get(year)
        if names is None:
            names = self._names[year] = _public_holidays(self._land, year)
        return names


@lru_cache(maxsize=512)
def _public_holidays(land: str, year: int) -> dict[dt.date, str]:
    return dict(holidays.country_holidays("DE", subdiv=land, years=year, language="de").items())
