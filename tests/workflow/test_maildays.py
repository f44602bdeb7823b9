"""When somebody may be mailed: rules about days and hours, each said once and tried over whole years."""

from __future__ import annotations

import dataclasses
import datetime as dt
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow import maildays
from workflow.calendar import Calendar
from workflow.definition import MailRules, Quiet, WorkingCalendar
from workflow.maildays import MailDays, Office, Today, Turn, Waiting, Wishes

BERLIN = ZoneInfo("Europe/Berlin")
CALENDAR = Calendar(WorkingCalendar("DE", "RP", "Europe/Berlin", "07:00", ("12-24", "12-31")))
RULES = MailRules()


def at(words: str) -> dt.datetime:
    """`2028-11-01 07:00` in Berlin."""
    return dt.datetime.fromisoformat(words).replace(tzinfo=BERLIN)


def days(wishes: Wishes = maildays.NO_WISHES, *offices: Office, rules: MailRules = RULES) -> MailDays:
    return MailDays(CALENDAR, rules, wishes, offices)


@given(
    st.integers(0, 380 * 24 * 60).map(lambda minutes: at("2027-12-20 00:00") + dt.timedelta(minutes=minutes)),
    st.sampled_from([None, "07:00", "09:00", "12:00", "23:00", "nonsense"]),
    st.sampled_from([None, "135", "5", "", "67"]),
    st.sampled_from(["RP", "HE", "SN"]),
)
def test_a_digest_comes_at_the_chosen_hour_of_a_chosen_weekday_that_is_no_holiday_there(
    moment: dt.datetime, hour: str | None, chosen: str | None, land: str
) -> None:
    """Counted hour by hour, without a word of the code."""
    off = holidays.country_holidays("DE", subdiv=land, years=range(2027, 2030))
    hour = hour if hour in ("09:00", "12:00") else "07:00"
    weekdays = {int(day) for day in chosen or "" if day in "12345"} or {1, 2, 3, 4, 5}
    local = moment.replace(minute=0)
    if local.minute < moment.minute:
        local = (local.astimezone(dt.UTC) + dt.timedelta(hours=1)).astimezone(BERLIN)
    while not (
        f"{local:%H:%M}" == hour
        and local.isoweekday() in weekdays
        and local.date() not in off
        and f"{local:%m-%d}" not in ("12-24", "12-31")
    ):
        local = (local.astimezone(dt.UTC) + dt.timedelta(hours=1)).astimezone(BERLIN)
    asked = Wishes(hour if hour != "07:00" else None, chosen)
    assert days(asked, Office(land)).next_digest(moment) == local


@pytest.mark.parametrize(
    ("moment", "free"),
    [
        ("2028-03-20 06:59", "2028-03-20 07:00"),
        ("2028-03-20 07:00", "2028-03-20 07:00"),
        ("2028-03-20 17:59", "2028-03-20 17:59"),
        ("2028-03-20 18:00", "2028-03-21 07:00"),
        ("2028-03-24 20:00", "2028-03-27 07:00"),  # over the night in which clocks go forward
        ("2028-10-27 20:00", "2028-10-30 07:00"),  # and back
        ("2028-04-13 18:30", "2028-04-18 07:00"),  # Good Friday to Easter Monday
        ("2028-10-31 19:00", "2028-11-02 07:00"),  # Allerheiligen
        ("2027-12-23 18:00", "2027-12-27 07:00"),  # no mail on 24 December
    ],
)
def test_what_does_not_wait_for_the_digest_waits_for_the_end_of_the_quiet_hours(moment: str, free: str) -> None:
    assert days().next_free(at(moment)) == at(free)


@pytest.mark.parametrize(
    ("moment", "sent", "until"),
    [
        ("2028-03-20 10:00", 3, None),
        ("2028-03-20 10:00", 4, "2028-03-21 07:00"),
        ("2028-03-24 10:00", 4, "2028-03-27 07:00"),
        ("2028-03-24 19:00", 0, "2028-03-27 07:00"),
        ("2028-04-14 10:00", 0, "2028-04-18 07:00"),  # Good Friday
    ],
)
def test_what_a_mail_server_held_up_comes_in_hours_of_mail_and_not_all_in_one_morning(
    moment: str, sent: int, until: str | None
) -> None:
    assert days().late_until(at(moment), sent_today=sent) == (at(until) if until else None)


def test_quiet_hours_may_lie_in_the_middle_of_the_day() -> None:
    rules = dataclasses.replace(RULES, quiet=Quiet(**{"from": "12:00", "until": "13:30"}))
    assert days(rules=rules).next_free(at("2028-03-20 12:10")) == at("2028-03-20 13:30")
    assert days(rules=rules).next_free(at("2028-03-24 23:10")) == at("2028-03-24 23:10")
    assert days(rules=rules).next_free(at("2028-03-25 00:10")) == at("2028-03-27 00:00")
    assert maildays.choices(CALENDAR, rules) == ("07:00", "09:00")


def test_a_day_on_which_one_of_several_offices_works_is_a_working_day() -> None:
    closed = Office("RP", ((dt.date(2028, 3, 20), dt.date(2028, 3, 24)),))
    assert days(Wishes(), closed).next_digest(at("2028-03-20 07:00")) == at("2028-03-27 07:00")
    assert days(Wishes(), closed, Office("RP")).next_digest(at("2028-03-20 07:00")) == at("2028-03-20 07:00")
    assert days(Wishes(), Office("RP"), Office("HE")).is_at_work(dt.date(2028, 11, 1))
    assert not days(Wishes(), Office("RP"), Office("NW")).is_at_work(dt.date(2028, 11, 1))


def test_what_the_programme_no_longer_offers_counts_as_not_chosen() -> None:
    rules = dataclasses.replace(RULES, digest_times=("09:00",), days_least=3)
    assert days(Wishes("12:00", "12"), rules=rules).at == "07:00"
    assert days(Wishes("12:00", "12"), rules=rules).weekdays == {1, 2, 3, 4, 5}
    assert days(Wishes("09:00", "124"), rules=rules).at == "09:00"
    assert days(Wishes("09:00", "124"), rules=rules).weekdays == {1, 2, 4}


def test_every_land_is_known_by_its_digits_and_its_name() -> None:
    assert maildays.land_of("073390000000") == "RP"
    assert maildays.land_of("990000000000") is None
    assert maildays.land_called("Mecklenburg-Vorpommern") == "MV"
    assert maildays.land_called(None) is None


MORNING = at("2028-03-21 07:00")  # a Tuesday


def test_the_digest_takes_everything_along() -> None:
    waiting = [Waiting(MORNING, False), Waiting(MORNING, True), Waiting(MORNING + dt.timedelta(days=9), False)]
    assert maildays.turn(days(), waiting, Today(), MORNING) == Turn((0, 1, 2), 0)


def test_news_after_the_digest_waits_for_the_next_one_and_what_presses_does_not() -> None:
    noon = at("2028-03-21 12:00")
    waiting = [Waiting(noon, False), Waiting(noon, True)]
    tomorrow = at("2028-03-22 07:00")
    assert maildays.turn(days(), waiting, Today(), noon) == Turn((1,), 1, ((0, tomorrow),))
    assert maildays.turn(days(), waiting, Today(frozenset({0, 1})), noon) == Turn((1,), 2, ((0, tomorrow),))


def test_a_rung_decided_late_still_comes_with_the_digest_of_its_morning() -> None:
    late = at("2028-03-21 10:30")
    assert maildays.turn(days(), [Waiting(MORNING, False)], Today(), late) == Turn((0,), 0)
    assert maildays.turn(days(), [Waiting(MORNING, False)], Today(frozenset({0})), late).going == ()


def test_nobody_gets_more_mails_a_day_than_the_programme_allows_and_the_digest_keeps_its_place() -> None:
    noon = at("2028-03-21 12:00")
    tomorrow = at("2028-03-22 07:00")
    late_digest = days(Wishes("12:00"))
    morning = at("2028-03-21 10:00")
    pressing = [Waiting(morning, True)]
    assert maildays.turn(days(), pressing, Today(frozenset({1, 2, 3})), noon).going == (0,)
    assert maildays.turn(days(), pressing, Today(frozenset({0, 1, 2, 3})), noon) == Turn((), 4, ((0, tomorrow),))
    kept = maildays.turn(late_digest, pressing, Today(frozenset({1, 2, 3})), morning)
    assert kept == Turn((), 4, ((0, noon),))
    assert maildays.turn(late_digest, pressing, Today(frozenset({1, 2, 3})), noon) == Turn((0,), 0)


def test_what_presses_in_the_night_waits_for_the_morning_and_then_for_nothing() -> None:
    night = at("2028-03-20 22:00")
    assert maildays.turn(days(), [Waiting(night, True)], Today(), night).later == ((0, MORNING),)
    later = days(Wishes("09:00"))
    assert maildays.turn(later, [Waiting(night, True)], Today(), night).later == ((0, MORNING),)
    assert maildays.turn(later, [Waiting(night, True)], Today(), MORNING) == Turn((0,), 1)


@given(
    st.lists(st.tuples(st.integers(0, 60 * 24 * 6), st.booleans()), max_size=12),
    st.sampled_from([Wishes(), Wishes("09:00"), Wishes("12:00", "24"), Wishes(None, "3", False)]),
    st.integers(1, 4),
)
def test_over_a_week_nobody_gets_two_digests_on_a_day_or_more_than_allowed_and_everything_comes(
    told: list[tuple[int, bool]], wishes: Wishes, most: int
) -> None:
    """A pass every half hour from a Friday to a Wednesday two weeks on."""
    mine = days(wishes, rules=dataclasses.replace(RULES, at_most_per_day=most))
    begin = at("2028-03-17 05:00")
    waiting = [(begin + dt.timedelta(minutes=minutes), at_once) for minutes, at_once in told]
    try_at = dict(enumerate(moment for moment, _ in waiting))
    written: dict[dt.date, set[int]] = {}
    for step in range(2 * 24 * 19):
        now = (begin + dt.timedelta(minutes=30 * step)).astimezone(dt.UTC)
        date = now.astimezone(BERLIN).date()
        there = [number for number in try_at if waiting[number][0] <= now]
        pending = [Waiting(try_at[number], waiting[number][1]) for number in there]
        decided = maildays.turn(mine, pending, Today(frozenset(written.get(date, ()))), now)
        if decided.going:
            assert mine.is_free(now)
            assert decided.number not in written.setdefault(date, set())
            written[date].add(decided.number)
            assert len(written[date]) <= most
        for position, moment in decided.later:
            assert moment > now
            try_at[there[position]] = moment
        for position in decided.going:
            del try_at[there[position]]
    assert not try_at
