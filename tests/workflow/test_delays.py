"""Working days lost, by whom: every number here was counted by hand on the calendar of Rheinland-Pfalz.

The world begins on Monday, 23 November 2026. Christmas Day, Boxing Day (a Saturday) and New Year are holidays; 24 and
31 December are working days for deadlines.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from tests.statements import counted
from tests.world import STRANGE_TOWN, World
from workflow import cases, following, milestones, tasks
from workflow.models import Milestone, Prerequisite
from workflow.queries import delays
from workflow.queries.delays import Delays


def lost(world: World, case_id: UUID) -> Delays:
    with world.look("auditor") as work:
        return delays.of_case(work, case_id)


def by_party(found: Delays) -> dict[str, int]:
    return {one.party: one.days for one in found.parties}


def test_a_case_that_keeps_its_dates_loses_nothing(world: World) -> None:
    case_id = world.open()
    world.days(10)  # express_interest: 10 working days, due on 7 December, which is today
    assert lost(world, case_id) == Delays((), 0, 0)


def test_a_task_past_its_date_costs_who_was_to_act(world: World) -> None:
    case_id = world.open()
    world.days(13)  # 10 December: due was the 7th, a Monday; lost: Tuesday, Wednesday, Thursday
    found = lost(world, case_id)
    assert by_party(found) == {"municipality": 3}
    (stretch,) = found.parties[0].stretches
    assert (stretch.kind, stretch.first, stretch.last, stretch.days, stretch.goes_on) == (
        "task",
        dt.date(2026, 12, 8),
        dt.date(2026, 12, 10),
        3,
        True,
    )
    assert stretch.target == world.task(case_id, "express_interest")

    world.do(
        case_id, "express_interest", "digi"
    )  # on the 10th; confirm_responsibility: 5 working days, due on the 17th
    world.days(7)  # 21 December
    found = lost(world, case_id)
    assert by_party(found) == {"municipality": 3, "team": 2}  # Friday the 18th and Monday the 21st
    assert not found.parties[0].stretches[0].goes_on


def test_holidays_and_weekends_are_no_lost_days(world: World) -> None:
    case_id = world.open()
    world.days(24)  # 28 December: 14 days after the 7th without weekends and Christmas Day
    with world.look() as work:
        assert work.today == dt.date(2026, 12, 28)
    assert by_party(lost(world, case_id)) == {"municipality": 14}


def test_a_later_extension_forgives_nothing(world: World) -> None:
    case_id = world.open()
    world.days(12)
    with world.by("supervisor") as work:
        tasks.extend(work, world.task(case_id, "express_interest"), 5, "Umzug des Rathauses")  # due on the 14th
    world.days(2)  # 11 December: within the new date
    assert by_party(lost(world, case_id)) == {"municipality": 2}
    world.days(2)  # 15 December: one day past the new date
    assert by_party(lost(world, case_id)) == {"municipality": 3}


def test_a_pause_is_not_held_against_who_was_late_before_it(world: World) -> None:
    case_id = world.open()
    world.days(12)  # 9 December: two days late
    with world.by("team") as work:
        _hold(work, case_id)
    world.days(5)  # 16 December
    found = lost(world, case_id)
    assert by_party(found) == {"municipality": 2, "pause": 5}
    assert (found.together, found.shared) == (7, 0)
    with world.by("team") as work:
        cases.resume(work, case_id)
    world.days(1)  # late again: overdue when the pause began, it stays overdue
    assert by_party(lost(world, case_id)) == {"municipality": 3, "pause": 5}


def test_the_land_is_told_apart_from_the_municipality(world: World) -> None:
    case_id = world.open()
    with world.by("office") as work:
        milestone_id = _contract(work)
        milestones.plan(work, milestone_id, dt.date(2026, 12, 4), "zugesagt")
    following.work_off(world.engine)
    world.days(12)  # 9 December: the contract was due on Friday the 4th, interest on Monday the 7th
    found = lost(world, case_id)
    assert by_party(found) == {"land": 3, "municipality": 2}
    assert (found.together, found.shared) == (3, 2)
    (stretch,) = found.parties[0].stretches
    assert (stretch.kind, stretch.first, stretch.target) == ("milestone", dt.date(2026, 12, 7), milestone_id)


def test_without_a_date_the_land_costs_days_once_nothing_else_is_open(world: World) -> None:
    case_id = world.open()
    world.days(5)
    assert by_party(lost(world, case_id)) == {}
    world.finish_state(case_id)  # on 30 November
    world.days(4)  # 4 December
    assert by_party(lost(world, case_id)) == {"land": 4}
    world.reach_milestones(case_id)
    world.days(3)
    assert by_party(lost(world, case_id)) == {"land": 4}, "the team has five working days for the step"
    world.days(4)  # 15 December: seven working days
    assert by_party(lost(world, case_id)) == {"land": 4, "team": 2}


def test_a_shared_prerequisite_is_told_apart(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id, choose_variant={"connection_variant": "fitconnect"})
    world.reach_milestones(case_id)
    with world.by("team") as work:
        cases.advance(work, case_id, "contract")
    endpoint = world.prerequisite("fitconnect_endpoint")
    with world.look() as work:
        others = (
            work.session.execute(
                sa.select(Prerequisite.id).where(Prerequisite.status != "done", Prerequisite.id != endpoint.id)
            )
            .scalars()
            .all()
        )
    for other in others:
        world.prove(other)
    world.finish_state(case_id)
    world.days(4)  # 27 November: nothing but the endpoint is missing
    assert by_party(lost(world, case_id)) == {"shared": 4}
    world.prove(endpoint.id)
    world.days(2)
    assert by_party(lost(world, case_id)) == {"shared": 4}


def test_days_end_with_going_live(world: World) -> None:
    case_id = world.open()
    world.days(12)
    world.walk(case_id)
    world.days(40)
    assert by_party(lost(world, case_id)) == {"municipality": 2}


def test_the_sum_of_a_service_counts_every_case_the_reader_sees(world: World) -> None:
    first, second = world.open(), world.open(body=STRANGE_TOWN)
    world.days(12)
    with world.by("team") as work:
        _hold(work, first)
    world.days(1)
    with world.look("auditor") as work:
        everything = delays.of_service(work, "wohngeld")
    assert (everything.days["municipality"], everything.held_up["municipality"]) == (2 + 3, 2)
    assert (everything.days["pause"], everything.counted) == (1, 2)
    assert {one.case: one.delays for one in everything.cases} == {
        first: lost(world, first),
        second: lost(world, second),
    }
    with world.look("digi") as work:
        assert [one.case for one in delays.of_service(work, "wohngeld").cases] == [first]
    with world.look("stranger") as work:
        assert [one.case for one in delays.of_service(work, "wohngeld").cases] == [second]


def test_more_cases_take_no_more_statements(world: World) -> None:
    world.open()
    with counted(world) as alone, world.look("auditor") as work:
        delays.of_service(work, "wohngeld")
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld"])
    cases.open_planned(world.engine, world["office"], planned[:12])
    with counted(world) as many, world.look("auditor") as work:
        delays.of_service(work, "wohngeld")
    assert len(alone) == len(many)


def _contract(work: Any) -> UUID:
    found: UUID = work.session.execute(
        sa.select(Milestone.id).where(Milestone.service == "wohngeld", Milestone.kind == "land_contract")
    ).scalar_one()
    return found


def _hold(work: Any, case_id: UUID) -> None:
    cases.hold(work, case_id, blocker="no_staff", reason="x", review_on=work.today + dt.timedelta(days=30))


def test_a_pause_costs_whom_the_case_waits_for(world: World) -> None:
    for waits_for, party in (("operator:dataport", "operator"), ("land", "land"), ("authority:federal", "external")):
        case_id = world.open("uvg" if party == "land" else "wohngeld" if party == "operator" else "elterngeld")
        with world.by("team") as work:
            cases.hold(
                work,
                case_id,
                blocker="no_staff",
                reason="x",
                review_on=work.today + dt.timedelta(days=30),
                waits_for=waits_for,
            )
        world.days(2)
        assert by_party(lost(world, case_id))[party] == 2
