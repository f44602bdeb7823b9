"""Dates explain themselves: what is aimed at, what a law sets beside it, and how each came about."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import definitions
from tests.definitions.folder import edit
from tests.world import World
from workflow import cases, deadlines, history, loading, tasks
from workflow.definition import CalendarDays, Months, Period, WorkingDays
from workflow.errors import NotFound, Refused
from workflow.queries import dates, why
from workflow.queries import task as task_query

PROCESS = "processes/efa-onboarding/v2.yaml"
LAW = "statutory: {within: 1 month, since: express_interest.noted_on, basis: {de: § 1 Testgesetz, en: s. 1 Test Act}}"


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("event", "within", "ends", "rolls"),
    [
        ("2026-11-23", Months(1), "2026-12-23", 0),
        ("2026-11-25", Months(1), "2026-12-28", 3),  # Christmas Day, then a weekend
        ("2027-01-31", Months(1), "2027-03-01", 1),  # February has no 31st, and its 28th is a Sunday
        ("2026-12-31", Months(2), "2027-03-01", 1),
        ("2027-02-28", Months(1), "2027-03-30", 2),  # the number of the day counts, not the end of the month; Easter
        ("2028-02-29", Months(12), "2029-02-28", 0),
        ("2026-12-19", CalendarDays(14), "2027-01-04", 2),
        ("2026-04-17", CalendarDays(14), "2026-05-04", 3),  # 1 May is a Friday
        ("2026-11-20", WorkingDays(10), "2026-12-04", 0),
    ],
)
def test_a_statutory_period_ends_as_the_law_says(
    world: World, event: str, within: Period, ends: str, rolls: int
) -> None:
    """By hand: § 187 Abs. 1 and § 188 BGB, § 31 Abs. 3 VwVfG."""
    with world.look() as work:
        found = deadlines.statutory(work.catalogue.calendar, within, _day(event))
    assert found.date == _day(ends)
    assert [step.days for step in found.steps if step.kind == "roll"] == ([rolls] if rolls else [])


@pytest.fixture
def lawful(world: World, tmp_path: Path) -> World:
    """A programme in which a law says when contacts must be named: a month after the interest was noted."""
    folder = Path(shutil.copytree(Path(definitions.__path__[0]), tmp_path / "definitions"))
    shutil.copy(folder / "processes/efa-onboarding/v1.yaml", folder / PROCESS)
    edit(folder, PROCESS, "version: 1", "version: 2")
    edit(
        folder,
        PROCESS,
        "due: 10 working days\n        ladder: short\n        effort: {de: etwa 20",
        f"due: 10 working days\n        ladder: short\n        {LAW}\n        effort: {{de: etwa 20",
    )
    loading.load(world.engine, folder)
    return world


def _dated(world: World, case_id: UUID, who: str = "digi") -> dates.Dated:
    with world.look(who) as work:
        (one,) = dates.only(dates.dates(work, case_id), "name_contacts").dated
    return one


def _said(reason: why.Why | None) -> str:
    assert reason is not None
    return " ".join(dates.in_both(group)["de"] for group in why.sentences(reason))


def test_what_a_law_sets_stands_beside_what_is_aimed_at_and_neither_holds_nor_extensions_move_it(lawful: World) -> None:
    world = lawful
    case_id = world.open()
    before = [one for one in _all(world, case_id) if one.name == "name_contacts"]
    assert before == [], "nobody has said yet when the period begins"
    world.do(case_id, "express_interest", "digi", noted_on="25.11.2026")
    world.bring(case_id, "name_contacts")
    one = _dated(world, case_id)
    assert one.due is not None
    assert one.by_law is not None
    assert one.by_law.due is not None
    assert (one.due.on, one.by_law.due.on) == (_day("2026-12-07"), _day("2026-12-28"))
    assert one.by_law.basis.de == "§ 1 Testgesetz"
    assert "Fr., 25. Dezember 2026 ist ein Feiertag (Erster Weihnachtstag)." in _said(one.by_law.why)
    task_id = world.task(case_id, "name_contacts")

    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 5, "Urlaubszeit")
    assert "Verlängert wurde bisher um 5 von höchstens 120 Arbeitstagen; 115 sind noch möglich." in _said(
        _dated(world, case_id).why
    )
    with pytest.raises(Refused) as refused, world.by("supervisor") as work:
        tasks.extend(work, task_id, 20, "Noch länger")
    assert (refused.value.key, refused.value.facts["day"]) == ("error.extension_by_law", _day("2026-12-28"))

    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="x", review_on=_day("2027-01-11"))
    world.days(15)
    resting = _all(world, case_id, "team")
    assert ("hold", "2027-01-11") in [(found.kind, found.due.on.isoformat()) for found in resting if found.due]
    with world.by("team") as work:
        cases.resume(work, case_id)
    one = _dated(world, case_id)
    assert one.due is not None
    assert one.by_law is not None
    assert one.by_law.due is not None
    assert (one.due.on, one.by_law.due.on) == (_day("2026-12-28"), _day("2026-12-28"))
    assert "Spätestens Mo., 28. Dezember 2026: Dann endet die gesetzliche Frist." in _said(one.why)
    with world.look("digi") as work:
        page = task_query.task(work, task_id)
        assert page.by_law == one.by_law
        assert page.line.by_law == one.by_law.due
        assert history.differences(work, "case", case_id) == ()


def _all(world: World, case_id: UUID, who: str = "digi") -> tuple[dates.Dated, ...]:
    with world.look(who) as work:
        return dates.dates(work, case_id).dated


def test_another_beginning_moves_what_a_law_sets_and_what_is_aimed_at_with_it(lawful: World) -> None:
    world = lawful
    case_id = world.open()
    world.do(case_id, "express_interest", "digi", noted_on="30.10.2026")
    world.bring(case_id, "name_contacts")
    assert world.row(case_id, "name_contacts").due_on == _day("2026-11-30"), "earlier than ten working days"
    with world.by("team") as work:
        tasks.reopen(work, world.task(case_id, "express_interest"), "Falscher Tag")
    world.do(case_id, "express_interest", "digi", noted_on="23.11.2026")
    world.bring(case_id, "name_contacts")
    assert world.row(case_id, "name_contacts").due_on == _day("2026-12-07")
    with world.look() as work:
        assert history.differences(work, "case", case_id) == ()


def test_the_dates_of_a_case_are_for_those_who_see_it(world: World) -> None:
    case_id = world.open()
    known = {one.name: one for one in _all(world, case_id)}
    told: dict[str, Any]
    with world.look("digi") as work:
        told = dates.plain(dates.dates(work, case_id))
    assert {one["name"] for one in told["dates"]} == {*known}
    for one in told["dates"]:
        assert one["why"] is None or one["why"]["steps"][-1]["date"] == one["due"]
    with pytest.raises(NotFound), world.look("stranger") as work:
        dates.dates(work, case_id)
    with pytest.raises(NotFound), world.look("digi") as work:
        dates.only(dates.dates(work, case_id), "nothing_of_that_name")
