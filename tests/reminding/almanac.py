"""Working days in Rheinland-Pfalz, computed without anything of the product, to hold its calendar against.

Source of the holidays: Landesgesetz über den Schutz der Sonn- und Feiertage (LFtG) § 2; Easter by the rule of Gauss in
the form of Butcher (Nature 13, 1876).
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
MORNING = dt.time(7)
_DAY = dt.timedelta(days=1)


def easter(year: int) -> dt.date:
    """Easter Sunday."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return dt.date(year, month, day + 1)


@cache
def holidays(year: int) -> frozenset[dt.date]:
    """The public holidays of a year."""
    sunday = easter(year)
    moving = (-2, 1, 39, 50, 60)  # Karfreitag, Ostermontag, Himmelfahrt, Pfingstmontag, Fronleichnam
    fixed = ((1, 1), (5, 1), (10, 3), (11, 1), (12, 25), (12, 26))
    return frozenset(
        {sunday + dt.timedelta(days=days) for days in moving} | {dt.date(year, month, day) for month, day in fixed}
    )


def is_working_day(day: dt.date) -> bool:
    """Monday to Friday, no public holiday."""
    return day.weekday() < 5 and day not in holidays(day.year)


def is_mail_day(day: dt.date) -> bool:
    """A working day on which the programme mails: not on Christmas Eve, not on New Year's Eve."""
    return is_working_day(day) and (day.month, day.day) not in ((12, 24), (12, 31))


@cache
def add(day: dt.date, working_days: int) -> dt.date:
    """So many working days later, or earlier."""
    step = _DAY if working_days > 0 else -_DAY
    for _ in range(abs(working_days)):
        day += step
        while not is_working_day(day):
            day += step
    return day


def morning(day: dt.date) -> dt.datetime:
    """The reminder hour of this day, or of the next one on which there is mail."""
    while not is_mail_day(day):
        day += _DAY
    return dt.datetime.combine(day, MORNING, BERLIN)


def at(day: dt.date, hour: int) -> dt.datetime:
    """An hour of a day in Mainz."""
    return dt.datetime.combine(day, dt.time(hour), BERLIN)
