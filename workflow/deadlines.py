"""When something is due, and when somebody is reminded of it next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

from workflow.calendar import Calendar, Extension, Pause, Promise, Step, as_it_happened, months_after
from workflow.definition import (
    CalendarDays,
    Due,
    Ladder,
    Months,
    OfMilestone,
    Period,
    Promised,
    Rung,
    Stichtag,
    WorkingDays,
)

_FAR = 400
"""Repeating rungs looked at per ladder; at every ten working days this is sixteen years."""


@dataclass(frozen=True, slots=True)
class Counting:
    """What a due date is made of besides its rule."""

    counted_from: dt.date
    extensions: tuple[Extension, ...] = ()
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class DueDate:
    """A due date that can be asked why.

    `kind` is working_days, calendar_days, stichtag, promised, milestone, statutory, or validity: the day a proof is
    valid until.
    """

    date: dt.date
    kind: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Ring:
    """One instant at which a rung of a ladder is due. `rank` grows with urgency."""

    at: dt.datetime
    rung: str
    occurrence: int
    rank: int


@dataclass(frozen=True, slots=True)
class Delay:
    """Everything a ladder would do at `since` or later comes so many working days later; the due date stays."""

    since: dt.datetime
    working_days: int


def due(calendar: Calendar, rule: Due, counting: Counting, *, fixed: Callable[[Due], dt.date | None]) -> DueDate:
    """The due date under a rule.

    `fixed` finds the date a Stichtag, a promise or a milestone sets, or None while there is none. Such dates are not
    moved by pauses; extensions (working days) are added to every kind.
    """
    match rule:
        case WorkingDays(days):
            return _counted(calendar, days, counting, "working_days")
        case CalendarDays(days):
            return _plain(calendar, days, counting)
        case Stichtag() | Promised() | OfMilestone():
            date = fixed(rule)
            if date is None:
                return _counted(calendar, rule.otherwise.working_days, counting, "working_days")
            return extended(calendar, DueDate(date, _KINDS[type(rule)], (Step("fixed", 0, date),)), counting.extensions)


def extended(calendar: Calendar, due: DueDate, extensions: tuple[Extension, ...]) -> DueDate:
    """A date that somebody moved, in the order of the days on which they did."""
    steps = list(due.steps)
    for extension in sorted(extensions, key=lambda one: one.given_on):
        _extend(calendar, steps, extension)
    return DueDate(steps[-1].date, due.kind, tuple(steps))


def promised(calendar: Calendar, day: dt.date, of: UUID, extensions: tuple[Extension, ...]) -> DueDate:
    """A date somebody promised, however it was worked out before; what was added to it since is added to it."""
    return extended(calendar, DueDate(day, "promised", (Step("fixed", 0, day, cause=Promise(of)),)), extensions)


def at_most(due: DueDate, latest: dt.date | None, kind: str = "at_most") -> DueDate:
    """The same date, but never later than `latest`, because of the step `kind`."""
    if latest is None or due.date <= latest:
        return due
    return DueDate(latest, due.kind, (*due.steps, Step(kind, 0, latest)))


def statutory(calendar: Calendar, within: Period, event: dt.date) -> DueDate:
    """The end of a period that a law sets, and that nobody moves.

    The day of the event is not counted (§ 187 Abs. 1 BGB); months end on the day of its number (§ 188 Abs. 2, 3 BGB);
    a period that would end on a Saturday, a Sunday or a public holiday ends on the next working day (§ 31 Abs. 3
    VwVfG).
    """
    counted = _period(calendar, within, event)
    steps = [Step("start", 0, event), counted]
    end = calendar.end_of_period(counted.date)
    if end != counted.date:
        passed = calendar.holidays_between(counted.date - dt.timedelta(days=1), end)
        steps.append(Step("roll", (end - counted.date).days, end, passed))
    return DueDate(end, "statutory", tuple(steps))


def first_ring(
    calendar: Calendar,
    ladder: Ladder,
    due_on: dt.date,
    counted_from: dt.date,
    *,
    after: dt.datetime,
    delays: tuple[Delay, ...] = (),
) -> Ring | None:
    """The next instant later than `after` (aware) at which a rung is due."""
    return min(
        (ring for ring in _rings(calendar, ladder, due_on, counted_from, after, delays) if ring.at > after),
        key=lambda ring: (ring.at, -ring.rank),
        default=None,
    )


def next_ring(
    calendar: Calendar, ladder: Ladder, due_on: dt.date, counted_from: dt.date, *, now: dt.datetime
) -> Ring | None:
    """The ring to wait for when a clock is set at `now`: the next one, or tomorrow's if something is overdue already.

    Rungs of the due day or later that are past already, after a long pause or with a date set late, are not lost: the
    first of them is looked at on the next mail morning, when the most urgent fires and the others are skipped.
    """
    missed = [
        ring
        for ring in _rings(calendar, ladder, due_on, counted_from, now)
        for at in [ladder.rungs[ring.rank].at]
        if at is not None and at >= 0 and ring.at <= now
    ]
    if not missed:
        return first_ring(calendar, ladder, due_on, counted_from, after=now)
    first = min(missed, key=lambda ring: ring.at)
    return replace(first, at=calendar.remind_at(calendar.today(now) + dt.timedelta(days=1)))


def past_rings(
    calendar: Calendar,
    ladder: Ladder,
    due_on: dt.date,
    counted_from: dt.date,
    *,
    since: dt.datetime,
    until: dt.datetime,
    delays: tuple[Delay, ...] = (),
) -> list[Ring]:
    """Every rung due from `since` to `until` (both included), the most urgent first."""
    rings = _rings(calendar, ladder, due_on, counted_from, until, delays)
    found = [ring for ring in rings if since <= ring.at <= until]
    return sorted(found, key=lambda ring: (-ring.rank, -ring.occurrence))


def instant_of(
    calendar: Calendar,
    ladder: Ladder,
    due_on: dt.date,
    counted_from: dt.date,
    *,
    rung: str,
    occurrence: int,
    delays: tuple[Delay, ...] = (),
) -> dt.datetime | None:
    """When this very rung is due by the ladder; None when the ladder lost it."""
    found = rung_named(ladder, rung)
    days = dict(_days_of(calendar, found, due_on, counted_from)) if found is not None else {}
    return _delayed(calendar, days[occurrence], delays) if occurrence in days else None


def rung_named(ladder: Ladder, name: str) -> Rung | None:
    """The rung with this id, unless the ladder lost it."""
    return next((rung for rung in ladder.rungs if rung.id == name), None)


def _counted(calendar: Calendar, days: int, counting: Counting, kind: str) -> DueDate:
    steps = calendar.explain(counting.counted_from, days, counting.extensions, counting.pauses)
    return DueDate(steps[-1].date, kind, steps)


def _period(calendar: Calendar, within: Period, event: dt.date) -> Step:
    match within:
        case Months(months):
            return Step("months", months, months_after(event, months))
        case CalendarDays(days):
            return Step("calendar_days", days, event + dt.timedelta(days=days))
        case WorkingDays(days):
            end = calendar.add(event, days)
            return Step("days", days, end, calendar.holidays_between(event, end))


def _plain(calendar: Calendar, days: int, counting: Counting) -> DueDate:
    """Calendar days: pauses take the calendar days they lasted; extensions are working days everywhere."""
    start = counting.counted_from
    steps = [Step("start", 0, start), Step("calendar_days", days, start + dt.timedelta(days=days))]
    for one in as_it_happened(counting.extensions, counting.pauses):
        if isinstance(one, Extension):
            _extend(calendar, steps, one)
        elif one.ended_on is not None and start < one.ended_on and one.began_on <= steps[-1].date:
            lost = (one.ended_on - max(one.began_on, start)).days
            steps.append(Step("pause", lost, steps[-1].date + dt.timedelta(days=lost), cause=one))
    return DueDate(steps[-1].date, "calendar_days", tuple(steps))


def _extend(calendar: Calendar, steps: list[Step], extension: Extension) -> None:
    before = steps[-1].date
    after = calendar.add(before, extension.days)
    steps.append(Step("extension", extension.days, after, calendar.holidays_between(before, after), extension))


def _rings(
    calendar: Calendar,
    ladder: Ladder,
    due_on: dt.date,
    counted_from: dt.date,
    horizon: dt.datetime,
    delays: tuple[Delay, ...] = (),
) -> Iterator[Ring]:
    """All rings of a ladder; of a repeating rung those up to the first one after `horizon`."""
    for rank, rung in enumerate(ladder.rungs):
        for occurrence, date in _days_of(calendar, rung, due_on, counted_from):
            at = _delayed(calendar, date, delays)
            yield Ring(at, rung.id, occurrence, rank)
            if at > horizon:
                break


def _delayed(calendar: Calendar, date: dt.date, delays: tuple[Delay, ...]) -> dt.datetime:
    """The instant of a rung of this date, put off as often as somebody asked for it."""
    at = calendar.remind_at(date)
    for delay in delays:
        if at >= delay.since:
            date = calendar.add(date, delay.working_days)
            at = calendar.remind_at(date)
    return at


def _days_of(calendar: Calendar, rung: Rung, due_on: dt.date, counted_from: dt.date) -> Iterator[tuple[int, dt.date]]:
    """The days on which a rung is due, numbered: 0 is its own, the others are its repeats."""
    date = counted_from
    if rung.at is not None:
        date = calendar.add(due_on, rung.at)
        yield 0, date
    if rung.every is not None:
        for occurrence in range(1, min(rung.times or _FAR, _FAR) + 1):
            date = calendar.add(date, rung.every)
            yield occurrence, date


_KINDS: dict[type, str] = {Stichtag: "stichtag", Promised: "promised", OfMilestone: "milestone"}
