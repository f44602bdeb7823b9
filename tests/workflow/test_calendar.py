"""Which days count, by hand and by property."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow import deadlines
from workflow.calendar import Calendar, Pause
from workflow.deadlines import Counting
from workflow.definition import CalendarDays, Ladder, Rung, Stichtag, Text, WorkingCalendar, WorkingDays

RP = Calendar(
    WorkingCalendar(
        country="DE", land="RP", time_zone="Europe/Berlin", reminders_at="07:00", no_mail_on=("12-24", "12-31")
    )
)
DAYS = st.dates(dt.date(2024, 1, 1), dt.date(2032, 12, 31))


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-11-23", 10, "2026-12-07"),
        ("2026-12-23", 1, "2026-12-24"),  # 24 December counts
        ("2026-12-24", 1, "2026-12-28"),
        ("2026-12-30", 2, "2027-01-04"),  # 31 December counts, New Year does not
        ("2026-06-03", 1, "2026-06-05"),  # Fronleichnam
        ("2026-10-30", 1, "2026-11-02"),  # Allerheiligen on a Sunday
        ("2027-03-25", 1, "2027-03-30"),  # Good Friday to Easter Monday
        ("2026-05-29", -3, "2026-05-26"),
        ("2026-05-26", -1, "2026-05-22"),  # Whit Monday
        ("2026-11-21", 0, "2026-11-21"),
    ],
)
def test_working_days_are_counted_as_by_hand(start: str, days: int, end: str) -> None:
    assert RP.add(dt.date.fromisoformat(start), days) == dt.date.fromisoformat(end)


@given(DAYS, st.integers(1, 300))
def test_counting_forth_and_measuring_agree(start: dt.date, days: int) -> None:
    end = RP.add(start, days)
    assert RP.is_working_day(end)
    assert RP.between(start, end) == days
    assert RP.between(end, start) == -days


@given(DAYS, st.integers(1, 200))
def test_back_and_forth_from_a_working_day_comes_home(start: dt.date, days: int) -> None:
    home = RP.add(start, 1)
    assert RP.add(RP.add(home, days), -days) == home


@given(DAYS, st.integers(1, 60), st.integers(0, 20), st.integers(0, 40), st.integers(0, 30))
def test_a_pause_leaves_as_many_working_days_as_there_were(
    start: dt.date, days: int, extended: int, began: int, lasted: int
) -> None:
    without = RP.deadline(start, days, extended)
    pause = Pause(start + dt.timedelta(days=began), start + dt.timedelta(days=began + lasted))
    assert pause.ended_on is not None
    paused = RP.deadline(start, days, extended, [pause])
    if pause.began_on > without:
        assert paused == without
    else:
        assert RP.between(pause.ended_on, paused) == RP.between(pause.began_on, without) or lasted == 0


def test_a_pause_that_lasts_moves_nothing_yet() -> None:
    start = dt.date(2026, 11, 23)
    assert RP.deadline(start, 10, 0, [Pause(dt.date(2026, 11, 25), None)]) == dt.date(2026, 12, 7)


def test_an_explained_date_names_the_holidays_on_the_way() -> None:
    steps = RP.explain(dt.date(2026, 5, 29), 5, 2, [Pause(dt.date(2026, 6, 3), dt.date(2026, 6, 9))])
    assert [(step.kind, step.days, step.date) for step in steps] == [
        ("start", 0, dt.date(2026, 5, 29)),
        ("days", 5, dt.date(2026, 6, 8)),
        ("extension", 2, dt.date(2026, 6, 10)),
        ("pause", 3, dt.date(2026, 6, 15)),
    ]
    assert steps[1].holidays == ((dt.date(2026, 6, 4), "Fronleichnam"),)


@pytest.mark.parametrize(
    ("day", "instant"),
    [
        ("2026-11-23", "2026-11-23T06:00:00+00:00"),
        ("2026-07-01", "2026-07-01T05:00:00+00:00"),  # summer time
        ("2026-11-21", "2026-11-23T06:00:00+00:00"),  # Saturday
        ("2026-12-24", "2026-12-28T06:00:00+00:00"),  # no mail on 24 December, then Christmas and a weekend
        ("2026-12-31", "2027-01-04T06:00:00+00:00"),
        ("2028-03-26", "2028-03-27T05:00:00+00:00"),  # the night clocks go forward
        ("2028-10-29", "2028-10-30T06:00:00+00:00"),  # the night they go back
    ],
)
def test_a_rung_fires_at_seven_on_the_next_mail_day(day: str, instant: str) -> None:
    assert RP.remind_at(dt.date.fromisoformat(day)).isoformat() == instant


def test_a_stichtag_is_not_moved_by_pauses_and_calendar_days_are_plain_days() -> None:
    counting = Counting(dt.date(2026, 11, 23), 0, (Pause(dt.date(2026, 11, 24), dt.date(2026, 12, 1)),))
    stichtag = dt.date(2026, 12, 15)
    fixed = deadlines.due(RP, Stichtag(WorkingDays(5)), counting, fixed=lambda _: stichtag)
    assert (fixed.date, fixed.kind) == (stichtag, "stichtag")
    open_ = deadlines.due(RP, Stichtag(WorkingDays(5)), counting, fixed=lambda _: None)
    assert (open_.date, open_.kind) == (dt.date(2026, 12, 7), "working_days")
    plain = deadlines.due(RP, CalendarDays(30), Counting(dt.date(2026, 11, 23)), fixed=lambda _: None)
    assert plain.date == dt.date(2026, 12, 23)


LADDER = Ladder(
    title=Text(de="x", en="x"),
    rungs=(
        Rung(id="waiting", to=("owner",), message="waiting", every=10),
        Rung(id="before", to=("owner",), message="reminder_before", at=-2),
        Rung(id="due", to=("owner",), message="reminder_due", at=0),
        Rung(id="late", to=("supervisor",), message="escalation", at=3),
    ),
)


def test_rungs_follow_one_another_in_time() -> None:
    due_on, start = dt.date(2026, 12, 23), dt.date(2026, 11, 23)
    now, seen = RP.remind_at(start), []
    for _ in range(6):
        ring = deadlines.first_ring(RP, LADDER, due_on, start, after=now)
        assert ring is not None
        seen.append((ring.rung, ring.occurrence, ring.at.date().isoformat()))
        now = ring.at
    assert seen == [
        ("waiting", 1, "2026-12-07"),
        ("before", 0, "2026-12-21"),  # the same morning as the second "waiting", which it outranks
        ("due", 0, "2026-12-23"),
        ("late", 0, "2026-12-29"),
        ("waiting", 3, "2027-01-06"),
        ("waiting", 4, "2027-01-20"),
    ]


def test_of_rungs_that_are_past_together_the_most_urgent_comes_first() -> None:
    due_on, start = dt.date(2026, 12, 7), dt.date(2026, 11, 23)
    past = deadlines.past_rings(
        RP, LADDER, due_on, start, since=RP.remind_at(dt.date(2026, 12, 3)), until=RP.remind_at(dt.date(2026, 12, 10))
    )
    assert [ring.rung for ring in past] == ["late", "due", "before", "waiting"]
