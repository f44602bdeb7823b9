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
from tests.reminding import almanac, chaos, copies, proof
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


@pytest.mark.slow
def test_schedulers_that_are_killed_and_a_moody_mail_server_lose_nothing(
    databases: Callable[[Flavour], str], tmp_path: Path
) -> None:
    url = databases("empty")
    reminders = chaos.weeks(
        url,
        tmp_path,
        begins=dt.date(2028, 3, 20),
        working_days=3,
        cases=12,
        seed=3,
        schedulers=2,
        skipped=7,
        to_the_end=False,
    )
    assert reminders >= 8
