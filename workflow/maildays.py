"""When a recipient may be mailed: on which days, at which hour, and how often. Pure rules about dates and instants.

Due dates and rungs follow the programme's calendar; when a mail about them goes out follows its recipient's days. The
two never touch each other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workflow.calendar import Calendar
from workflow.definition import LAENDER, MailRules, Quiet

_DAY = dt.timedelta(days=1)
_AHEAD = 800
"""Days looked ahead; nobody's office is closed for longer."""

_LAND_OF_DIGITS = {digits: letters for letters, (digits, _) in LAENDER.items()}
_LAND_OF_NAME = {name: letters for letters, (_, name) in LAENDER.items()}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person chose; None: as the programme has it. A mailbox chooses nothing."""

    at: str | None = None
    days: str | None = None
    """Digits from 1, Monday, to 5."""
    asked_at_once: bool | None = None


NO_WISHES = Wishes()


@dataclass(frozen=True, slots=True)
class Office:
    """Where somebody works: the Land by its letters, and the days on which the office is closed, both included."""

    land: str
    closed: tuple[tuple[dt.date, dt.date], ...] = ()

    def is_closed(self, date: dt.date) -> bool:
        """Whether nobody is there on this day, holidays aside."""
        return any(begins <= date <= ends for begins, ends in self.closed)


def land_of(ars: str) -> str | None:
    """The Land of a body, by its letters: `RP`."""
    return _LAND_OF_DIGITS.get(ars[:2])


def land_called(name: str | None) -> str | None:
    """The letters of a Land by its name: `RP` for Rheinland-Pfalz."""
    return _LAND_OF_NAME.get(name or "")


def choices(calendar: Calendar, rules: MailRules) -> tuple[str, ...]:
    """The times at which a person may have the digest come, in their order: that of the programme is among them."""
    usual = f"{calendar.reminders_at:%H:%M}"
    offered = {usual, *(time for time in rules.digest_times if not _is_within(time, rules.quiet))}
    return tuple(sorted(offered))


class MailDays:
    """The days and hours of one recipient. `offices`: wherever a role is held; none: the programme's Land counts.

    Somebody who works in several places is at work when one of them is.
    """

    def __init__(
        self, calendar: Calendar, rules: MailRules, wishes: Wishes = NO_WISHES, offices: Sequence[Office] = ()
    ) -> None:
        self._calendar, self._rules, self._offices = calendar, rules, tuple(dict.fromkeys(offices))
        self.at = wishes.at if wishes.at in choices(calendar, rules) else f"{calendar.reminders_at:%H:%M}"
        """When the digest comes."""
        self.weekdays = _weekdays(wishes.days, rules.days_least)
        """On which weekdays, from 1, Monday, to 5."""
        self.asked_at_once = rules.asked_at_once if wishes.asked_at_once is None else wishes.asked_at_once
        self.most = rules.at_most_per_day
        """Mails a day, the digest included."""

    def is_at_work(self, date: dt.date) -> bool:
        """Whether mail may go out on this day: a weekday, no public holiday, on which the programme mails and an office
        is open."""
        if not self._offices:
            return self._calendar.is_mail_day(date)
        return any(
            self._calendar.is_mail_day(date, land=office.land) and not office.is_closed(date)
            for office in self._offices
        )

    def is_free(self, now: dt.datetime) -> bool:
        """Whether a mail may go out at this instant: on such a day, outside the quiet hours."""
        local = now.astimezone(self._calendar.zone)
        return self.is_at_work(local.date()) and not _is_within(f"{local:%H:%M}", self._rules.quiet)

    def next_free(self, now: dt.datetime) -> dt.datetime:
        """The first instant, now or later, at which a mail may go out. In UTC."""
        if self.is_free(now):
            return now.astimezone(dt.UTC)
        for date in self._from(now):
            for time in ("00:00", self._rules.quiet.until):
                at = _instant(self._calendar, date, time)
                if at >= now and self.is_free(at):
                    return at
        return now + _DAY * _AHEAD

    def digest_on(self, date: dt.date) -> dt.datetime | None:
        """When the digest of this day comes, in UTC; None when none does."""
        if date.isoweekday() not in self.weekdays or not self.is_at_work(date):
            return None
        return _instant(self._calendar, date, self.at)

    def next_digest(self, now: dt.datetime) -> dt.datetime:
        """When the first digest comes, now or later. In UTC."""
        for date in self._from(now):
            at = self.digest_on(date)
            if at is not None and at >= now:
                return at
        return now + _DAY * _AHEAD

    def today(self, now: dt.datetime) -> dt.date:
        """The day on which it is this instant."""
        return self._calendar.today(now)

    def tomorrow(self, now: dt.datetime) -> dt.datetime:
        """When the next day begins. In UTC."""
        return _instant(self._calendar, self._calendar.today(now) + _DAY, "00:00")

    def late_until(self, now: dt.datetime, *, sent_today: int) -> dt.datetime | None:
        """Until when a mail waits that could not be delivered in its time, when so many others went out today; None: it
        need not wait. What piled up while a mail server was away comes neither at night nor all in one morning."""
        if sent_today >= self.most:
            return self.next_free(self.tomorrow(now))
        return None if self.is_free(now) else self.next_free(now)

    def _from(self, now: dt.datetime) -> Iterator[dt.date]:
        today = self._calendar.today(now)
        return (today + _DAY * number for number in range(_AHEAD))


def _weekdays(chosen: str | None, least: int) -> frozenset[int]:
    """What the programme no longer allows counts as not chosen."""
    days = frozenset(int(digit) for digit in chosen or "" if digit in "12345")
    return days if len(days) >= least else frozenset(range(1, 6))


def _is_within(time: str, quiet: Quiet) -> bool:
    begins, until = quiet.from_, quiet.until
    return begins <= time < until if begins < until else time >= begins or time < until


def _instant(calendar: Calendar, date: dt.date, time: str) -> dt.datetime:
    return dt.datetime.combine(date, dt.time.fromisoformat(time), calendar.zone).astimezone(dt.UTC)


# --- what goes now ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice as far as time is concerned: from when it is looked at, and whether it need not wait for the digest."""

    try_at: dt.datetime
    at_once: bool


@dataclass(frozen=True, slots=True)
class Today:
    """What a recipient was mailed today already: by number, 0 is the digest."""

    numbers: frozenset[int] = frozenset()

    @property
    def has_digest(self) -> bool:
        """Whether the digest of the day is written."""
        return 0 in self.numbers

    @property
    def next(self) -> int:
        """The number of the next mail that is no digest."""
        return max(self.numbers, default=0) + 1


@dataclass(frozen=True, slots=True)
class Turn:
    """What becomes of a recipient's notices now: which go, in the mail of which number, and when the rest that was
    looked at is looked at again."""

    going: tuple[int, ...] = ()
    """Positions."""
    number: int = 0
    later: tuple[tuple[int, dt.datetime], ...] = ()


def turn(days: MailDays, waiting: Sequence[Waiting], today: Today, now: dt.datetime) -> Turn:
    """Decide over one recipient's pending notices.

    A digest comes when its time has passed since something began to wait, and takes everything along. What need not
    wait goes otherwise, in one mail, while the day has room; a digest still to come today has its place kept.
    """
    due = [position for position, one in enumerate(waiting) if one.try_at <= now]
    free, room = days.is_free(now), days.most - len(today.numbers)
    digest = None if today.has_digest or room < 1 else days.digest_on(days.today(now))
    if free and digest is not None and any(days.next_digest(waiting[one].try_at) <= now for one in due):
        return Turn(tuple(range(len(waiting))), 0)
    place_kept = 1 if digest is not None and digest > now else 0
    going: tuple[int, ...] = ()
    if free and room > place_kept:
        going = tuple(position for position in due if waiting[position].at_once)
    following = days.next_digest(now if digest is not None and digest > now else days.tomorrow(now))
    awake = min(following, days.next_free(now))
    later = tuple(
        (position, awake if waiting[position].at_once and not free else following)
        for position in due
        if position not in going
    )
    return Turn(going, today.next, later)
