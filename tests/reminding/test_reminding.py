"""Every step of every ladder once, in the morning it is due, to the right people: held against a clerk with a calendar.

These are short forms; `python3 run.py prove reminders` lets many more days pass.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import holidays
import pytest

from tests.databases import Flavour
from tests.reminding import almanac, copies, proof
from tests.smtp import MailServer

BEFORE_EASTER = dt.date(2028, 4, 10)


def test_the_almanac_knows_the_days_on_which_nobody_works() -> None:
    days = holidays.country_holidays("DE", subdiv="RP", years=range(2024, 2040))
    for year in range(2024, 2040):
        assert almanac.holidays(year) == {day for day in days if day.year == year}, year


@pytest.mark.slow
def test_every_morning_over_easter_brings_what_the_clerk_expects_and_no_mail_too_many(
    databases: Callable[[Flavour], str], tmp_path: Path, smtp: MailServer
) -> None:
    counted = proof.weeks(
        databases("empty"), tmp_path, begins=BEFORE_EASTER, working_days=11, cases=30, seed=1, smtp=smtp
    )
    assert counted.reminders > 20
    assert counted.mornings >= 3


@pytest.mark.slow
def test_a_copy_taken_while_people_work_reminds_of_everything_overdue_once(
    databases: Callable[[Flavour], str], tmp_path: Path
) -> None:
    assert copies.taken_under_load(databases("empty"), tmp_path, begins=BEFORE_EASTER, cases=12, seed=2) > 8
