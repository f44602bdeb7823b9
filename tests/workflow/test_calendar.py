"""Which days count, by hand and by property."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow import deadlines
from workflow.calendar import Calendar, Extension, Pause, Step
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


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def test_a_pause_that_began_when_the_date_was_past_stays_out_though_somebody_extends_later() -> None:
    """Due on 7 December; the hold begins on the 9th, the extension comes on the 10th."""
    late = Pause(_day("2026-12-09"), _day("2026-12-16"))
    extended = Extension(_day("2026-12-10"), 10)
    assert RP.deadline(_day("2026-11-23"), 10, [extended], [late]) == _day("2026-12-21")
    in_time = Extension(_day("2026-12-08"), 10)
    assert RP.deadline(_day("2026-11-23"), 10, [in_time], [late]) == _day("2026-12-29")  # 25 December does not count


def test_an_earlier_pause_keeps_a_later_one_in_time() -> None:
    """Due on 7 December; five days of rest make it the 14th, so that the hold of the 11th counts as well."""
    pauses = [Pause(_day("2026-12-11"), _day("2026-12-14")), Pause(_day("2026-12-01"), _day("2026-12-08"))]
    assert RP.deadline(_day("2026-11-23"), 10, (), pauses) == _day("2026-12-15")


@st.composite
def _told(draw: st.DrawFn) -> tuple[dt.date, int, list[Extension], list[Pause]]:
    """A date with whatever may happen to it: extensions on any day, pauses one after another, the last perhaps still
    lasting; some pauses began before the date was counted."""
    start, days, lasting = draw(DAYS), draw(st.integers(0, 60)), draw(st.booleans())
    extensions = draw(
        st.lists(
            st.builds(
                Extension, st.integers(0, 120).map(lambda day: start + dt.timedelta(days=day)), st.integers(1, 20)
            ),
            max_size=4,
        )
    )
    pauses: list[Pause] = []
    day = start - dt.timedelta(days=draw(st.integers(0, 20)))
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=4)):
        began = day + dt.timedelta(days=gap)
        day = began + dt.timedelta(days=length)
        pauses.append(Pause(began, day))
    if pauses and lasting:
        pauses[-1] = Pause(pauses[-1].began_on, None)
    return start, days, extensions, draw(st.permutations(pauses))


@settings(max_examples=400)
@given(_told())
def test_a_date_is_what_somebody_finds_who_lives_through_every_day(
    told: tuple[dt.date, int, list[Extension], list[Pause]],
) -> None:
    """The oracle knows no rule but these: a day lost in a pause moves the date by one; a pause is let in at the door
    on the day it begins, if the date is not past by then; an extension moves the date when it is given."""
    start, days, extensions, pauses = told
    assert RP.deadline(start, days, extensions, pauses) == _lived(start, days, extensions, pauses)


def _lived(start: dt.date, days: int, extensions: list[Extension], pauses: list[Pause]) -> dt.date:
    def onwards(date: dt.date) -> dt.date:
        date += dt.timedelta(days=1)
        return date if date.weekday() < 5 and RP.holiday(date) is None else onwards(date)

    due = start
    for _ in range(days):
        due = onwards(due)
    counting: set[int] = set()
    today = min([start, *(pause.began_on for pause in pauses)])
    end = max([start, *(one.given_on for one in extensions), *(pause.ended_on or pause.began_on for pause in pauses)])
    while today <= end:
        for number, pause in enumerate(pauses):
            lasts = pause.ended_on is not None and pause.began_on < today <= pause.ended_on
            if lasts and number in counting and today > start and onwards(today - dt.timedelta(days=1)) == today:
                due = onwards(due)
        for extension in extensions:
            if extension.given_on == today:
                for _ in range(extension.days):
                    due = onwards(due)
        for number, pause in enumerate(pauses):
            if pause.began_on == today and today <= due:
                counting.add(number)
        today += dt.timedelta(days=1)
    return due


def test_a_pause_that_lasts_moves_nothing_yet() -> None:
    assert RP.deadline(_day("2026-11-23"), 10, (), [Pause(_day("2026-11-25"), None)]) == _day("2026-12-07")


def test_an_explained_date_names_the_holidays_and_what_was_behind_each_step() -> None:
    extended = Extension(_day("2026-06-02"), 2)
    paused = Pause(_day("2026-06-03"), _day("2026-06-09"), "no_staff")
    assert RP.explain(_day("2026-05-29"), 5, [extended], [paused]) == (
        Step("start", 0, _day("2026-05-29")),
        Step("days", 5, _day("2026-06-08"), ((_day("2026-06-04"), "Fronleichnam"),)),
        Step("extension", 2, _day("2026-06-10"), (), extended),
        Step("pause", 3, _day("2026-06-15"), (), paused),
    )


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
    counting = Counting(dt.date(2026, 11, 23), (), (Pause(dt.date(2026, 11, 24), dt.date(2026, 12, 1)),))
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
