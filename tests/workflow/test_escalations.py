"""The supervisor's page: what was escalated, why, and what happened since."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.conftest import Prepare
from tests.statements import counted
from tests.world import EMPTY_TOWN, TOWN, World
from workflow import cases, comments, milestones, people, prerequisites, tasks, ticking
from workflow.models import Milestone, TeamDistrict
from workflow.queries.escalations import Escalations, count, escalations


@pytest.fixture
def late(prepared: Prepare) -> tuple[World, UUID]:
    """A case whose first task was due after 10 working days and went to the supervisor 12 days later, today."""
    return prepared(_late)


def test_nothing_escalated_is_an_empty_page(world: World) -> None:
    world.open()
    assert _page(world, "supervisor") == Escalations((), (), 0, 0, None, is_first=True)


def test_what_was_escalated_says_why_who_acts_and_since_when(late: tuple[World, UUID]) -> None:
    world, case_id = late
    (line,) = _page(world, "supervisor").waiting
    assert (line.kind, line.id, line.case_id) == ("task", world.task(case_id, "express_interest"), case_id)
    assert line.title.de == "Vormerkung annehmen oder Interesse bekunden"
    assert line.body == "Landkreis Mainz-Bingen"
    assert line.due.overdue
    assert line.due.working_days == 12
    assert line.role.de == _role(world, "digi")
    assert line.holder is None
    assert line.rung is not None
    assert (line.rung.id, line.rung.at, line.nobody) == ("overdue_12", 12, False)
    with world.look() as work:
        assert line.reported_on == work.today
    assert line.since == ()
    assert (line.may_take, line.may_assign, line.may_extend) == (True, True, True)
    assert "Digi" in {name for _, name in line.candidates}


def test_what_happened_since_is_there_the_newest_first_without_what_was_before(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.accept(work, task_id)
    _pass(world, 22)
    with world.by("digi") as work:
        tasks.decline(work, task_id, "Wir haben keine Leute dafür.")
    with world.by("team") as work:
        comments.write(work, case_id, "Ich rufe dort an.")
    page = _page(world, "supervisor")
    assert page.waiting == ()  # the team decides on the refusal now, with a date of its own
    (line,) = page.moving
    assert (line.id, line.moving, line.due.overdue) == (task_id, True, False)
    assert [one.act for one in line.since] == ["commented", "declined"]
    declined = line.since[1]
    assert (declined.who, declined.remark) == ("Digi", "Wir haben keine Leute dafür.")
    assert declined.facts["task"].de == line.title.de


@pytest.mark.parametrize("deed", ["take", "assign", "extend", "done"])
def test_who_takes_it_over_hands_it_on_or_gives_more_time_sees_what_became_of_it(
    late: tuple[World, UUID], deed: str
) -> None:
    world, case_id = late
    task_id = world.task(case_id, "express_interest")
    (line,) = _page(world, "supervisor").waiting
    with world.by("supervisor") as work:
        if deed == "take":
            tasks.assign(work, task_id, world["supervisor"], seen=line.version)
        elif deed == "assign":
            tasks.assign(work, task_id, world["leitung"], seen=line.version)
        elif deed == "extend":
            tasks.extend(work, task_id, 10, "Die Stelle wird neu besetzt.", seen=line.version)
    if deed == "done":
        world.do(case_id, "express_interest", "digi")
    page = _page(world, "supervisor")
    if deed == "done":
        assert task_id not in {one.id for one in (*page.waiting, *page.moving)}
        return
    if deed == "extend":  # it has a new date, and may come again
        (moved,) = page.moving
        assert [(one.act, one.facts["n"], one.remark) for one in moved.since] == [
            ("extended", 10, "Die Stelle wird neu besetzt.")
        ]
        assert (page.total, page.moving_total) == (0, 1)
        _pass(world, 23)
        assert [one.id for one in _page(world, "supervisor").waiting] == [task_id]
        return
    (after,) = page.waiting
    assert [one.act for one in after.since] == ["assigned"]
    assert after.holder == ("Supervisor" if deed == "take" else "Leitung")
    assert after.mine is (deed == "take")
    assert after.may_take is (deed == "assign")


def test_each_supervisor_sees_the_own_teams_and_nobody_else_sees_anything(world: World) -> None:
    world.open()
    theirs = world.open(body=EMPTY_TOWN)
    _pass(world, 22)
    assert {line.ars for line in _page(world, "supervisor").waiting} == {TOWN}
    with world.by("admin") as work:
        team = world.case(theirs).team
        people.give(work, world["colleague"], people.parse_role(f"supervisor@{team}"))
    assert {line.case_id for line in _page(world, "colleague").waiting} == {theirs}
    for who in ("digi", "leitung", "team", "operator", "auditor", "admin", "stranger"):
        assert _page(world, who).waiting == ()
        with world.look(who) as work:
            assert count(work) == 0


def test_what_rests_is_not_there_and_a_hold_whose_review_is_past_is(late: tuple[World, UUID]) -> None:
    world, case_id = late
    with world.by("team") as work:
        blocker = next(iter(work.catalogue.programme.blockers))
        review_on = work.today + dt.timedelta(days=14)
        cases.hold(work, case_id, blocker=blocker, review_on=review_on, reason="Es fehlt Personal.")
    assert _page(world, "supervisor").waiting == ()
    for _ in range(30):
        _pass(world, 1)
    found = _page(world, "supervisor").waiting
    assert [(line.kind, line.case_id) for line in found] == [("hold", case_id)]
    assert found[0].may_extend is False  # the case's page changes a hold


def test_prerequisites_are_there_with_the_same_deeds(world: World) -> None:
    world.open()
    with world.by("digi") as work:
        asked = prerequisites.request(work, TOWN, "payment_mandate").id
    for _ in range(60):
        _pass(world, 1)
    (line,) = [one for one in _page(world, "supervisor").waiting if one.id == asked]
    assert line.kind == "prerequisite"
    assert line.may_take
    assert line.may_extend
    with world.by("supervisor") as work:
        prerequisites.extend(work, asked, 20, "Der Mandant kommt im Januar.", seen=line.version)
    assert asked not in {one.id for one in _page(world, "supervisor").waiting}


def test_it_says_what_brought_it_here_whatever_was_asked_since(world: World) -> None:
    """The owner is asked every ten working days all along, and reminded of a new date: neither brought it here."""
    with world.by("it") as work:
        asked = prerequisites.request(work, TOWN, "elster_account").id
    _pass(world, 50)  # asked once more after all rungs above
    (line,) = [one for one in _page(world, "supervisor").waiting if one.id == asked]
    assert line.rung is not None
    assert (line.rung.id, line.nobody) == ("overdue_10", False)
    (line,) = [one for one in _page(world, "office").waiting if one.id == asked]
    assert line.rung is not None
    assert line.rung.id == "overdue_15"
    with world.by("supervisor") as work:
        prerequisites.extend(work, asked, 20, "Der Mandant kommt im Januar.", seen=line.version)
    _pass(world, 10)  # the owner is asked about the new date
    (line,) = [one for one in _page(world, "supervisor").moving if one.id == asked]
    assert line.rung is not None
    assert line.rung.id == "overdue_10"


def test_the_programme_office_sees_milestones_and_what_came_up_to_it(world: World) -> None:
    world.open()
    with world.by("office") as work:
        milestone = work.session.execute(sa.select(Milestone.id).where(Milestone.service == "wohngeld").limit(1))
        milestone_id = milestone.scalar_one()
        milestones.plan(work, milestone_id, work.today + dt.timedelta(days=30), "Der Vertrag liegt beim Minister.")
    for _ in range(40):
        _pass(world, 1)
    found = _page(world, "office").waiting
    assert milestone_id in {line.id for line in found if line.kind == "milestone"}
    assert all(not line.may_extend for line in found)
    assert milestone_id not in {line.id for line in _page(world, "supervisor").waiting}


def test_a_page_holds_twenty_and_takes_the_same_few_statements_for_one_and_for_many(late: tuple[World, UUID]) -> None:
    world, _ = late
    with world.look("supervisor") as work, counted(world) as few:
        assert escalations(work).total == 1
    with world.by("office") as work:
        towns = work.session.execute(sa.select(TeamDistrict.district).where(TeamDistrict.team == world.team)).scalars()
        for town in sorted(towns):
            for service in ("wohngeld", "uvg", "einbuergerung"):
                if (service, town) != ("wohngeld", TOWN):
                    cases.open_case(work, service, town)
    _pass(world, 22)
    with world.look("supervisor") as work, counted(world) as many:
        first = escalations(work)
    assert len(first.waiting) == 20
    assert 20 < first.total <= 40
    assert first.older is not None
    assert len(many) <= max(len(few), 7)
    rest = _page(world, "supervisor", after=first.older)
    assert not {line.id for line in first.waiting} & {line.id for line in rest.waiting}
    assert len(first.waiting) + len(rest.waiting) == first.total
    with world.look("supervisor") as work, counted(world) as once:
        assert count(work) == first.total
    assert len(once) == 1
    for nonsense in ("", "x", "20261123.x", "\0"):
        assert _page(world, "supervisor", after=nonsense).is_first


def _late(world: World) -> UUID:
    case_id = world.open()
    _pass(world, 22)
    return case_id


def _pass(world: World, working_days: int) -> None:
    """Let days pass, and do every morning what is due then."""
    for _ in range(working_days):
        world.days(1)
        ticking.decide_and_write(world.engine)


def _page(world: World, who: str, after: str | None = None) -> Escalations:
    with world.look(who) as work:
        return escalations(work, after=after)


def _role(world: World, name: str) -> str:
    with world.look() as work:
        return work.catalogue.programme.roles[name].title.de
