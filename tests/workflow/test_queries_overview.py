"""Overview, districts and bodies: every number is the length of the list behind it, for whoever looks."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.conftest import Prepare
from tests.gv100ad import EXCERPT
from tests.workflow.test_queries_lists import PEOPLE, case_of, counted, lines, open_everything
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import cases, policy, reminders, tasks
from workflow.bodies import Edition, follow
from workflow.engine import SYSTEM, Work
from workflow.errors import NotFound
from workflow.exchange import gv100ad
from workflow.models import Body, Case, Decision, Prerequisite
from workflow.queries import bodies, districts, programme, services
from workflow.queries.case_list import CaseLine, Filters
from workflow.queries.standing import Standing

pytestmark = pytest.mark.slow

BODENHEIM = "073395002000"
RHEIN_SELZ = "073395007000"


@pytest.fixture
def lively(prepared: Prepare) -> World:
    """Cases of three services in towns of every team, some of them late, escalated, resting, live or at an end."""
    return prepared(_lively)[0]


def _lively(world: World) -> None:
    open_everything(world, "wohngeld", "uvg")
    world.walk(case_of(world, "wohngeld", TOWN))
    with world.engine.change(SYSTEM) as work:
        wave = next(iter(work.catalogue.programme.waves))
        work.session.execute(sa.update(Case).where(Case.body.in_((TOWN, STRANGE_TOWN))).values(wave=wave))
    with world.by("team") as work:
        cases.hold(
            work,
            case_of(world, "uvg", STRANGE_TOWN),
            blocker="it_capacity",
            reason="Die IT zieht um.",
            review_on=work.today + dt.timedelta(days=30),
        )
    pass_days(world, 28)
    world.open("ewa", body=_verbandsgemeinde(world))


def pass_days(world: World, working_days: int) -> None:
    """Working days with everything they bring."""
    world.days(working_days)
    reminders.decide(world.engine)


def _verbandsgemeinde(world: World) -> str:
    with world.look() as work:
        return (
            work.session.execute(
                sa.select(Body.ars).where(Body.kind == "verbandsgemeinde", Body.district == TOWN).order_by(Body.ars)
            )
            .scalars()
            .first()
            or ""
        )


def length(world: World, who: str, **filters: Any) -> int:
    return len(lines(world, who, Filters(**filters)))


# --- escalated -------------------------------------------------------------------------------------------------------


def test_numbers_of_many_cases_are_kept_for_a_while_for_who_has_the_same_rights(
    lively: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(who: str) -> programme.ProgrammePage:
        with lively.look(who) as work:
            return programme.programme(work)

    before = found("office")
    assert before.counted_at is None
    monkeypatch.setattr(programme, "MANY", before.standing.cases.cases)
    first = found("office")
    lively.open("bauantrag")
    assert first.counted_at is not None
    again = found("office")
    assert (again.standing, again.services, again.counted_at) == (first.standing, first.services, first.counted_at)
    assert found("digi").standing.cases.cases == first.standing.cases.cases + 1
    monkeypatch.setattr(programme, "KEPT_SECONDS", 0)
    assert found("office").standing.cases.cases == first.standing.cases.cases + 1


def test_a_case_is_escalated_once_somebody_above_was_asked_and_no_earlier(world: World) -> None:
    case_id = world.open()
    due = world.row(case_id, "express_interest").due_on
    with world.look() as work:
        overdue_since = work.catalogue.calendar.between(work.today, due)
        ladder = work.catalogue.programme.ladders[world.row(case_id, "express_interest").ladder]
        above = min(rung.at for rung in ladder.rungs if rung.escalates and rung.at is not None)
        below = max(rung.at for rung in ladder.rungs if not rung.escalates and rung.at is not None and rung.at < above)
    pass_days(world, overdue_since + below)
    assert length(world, "digi", overdue=True) == 1
    assert length(world, "digi", escalated=True) == 0
    pass_days(world, above - below)
    assert length(world, "digi", escalated=True) == 1
    assert length(world, "stranger", escalated=True) == 0


def test_only_rungs_that_ask_somebody_above_escalate(world: World) -> None:
    with world.look() as work:
        found = {
            name: [rung.id for rung in ladder.rungs if rung.escalates]
            for name, ladder in work.catalogue.programme.ladders.items()
        }
    assert found == {
        "short": ["overdue_12"],
        "normal": ["overdue_15", "overdue_25"],
        "external": ["overdue_10", "overdue_15"],
        "milestone": [],
        "expiry": [],
    }


def test_a_new_date_a_pause_or_doing_it_ends_the_escalation(world: World) -> None:
    extended, paused, done = world.open(), world.open("uvg"), world.open("elterngeld")
    pass_days(world, 40)
    assert length(world, "supervisor", escalated=True) == 3
    with world.by("supervisor") as work:
        tasks.extend(work, world.task(extended, "express_interest"), 60, "Alle sind krank.")
    world.do(done, "express_interest", "digi")
    assert {line.id for line in lines(world, "supervisor", Filters(escalated=True))} == {paused}
    with world.by("team") as work:
        cases.hold(
            work,
            paused,
            blocker="no_staff",
            reason="Die Stelle ist frei.",
            review_on=work.today + dt.timedelta(days=7),
        )
    assert length(world, "supervisor", escalated=True) == 0


def test_a_pause_nobody_looks_at_escalates(world: World) -> None:
    case_id = world.open()
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Frei.", review_on=work.today + dt.timedelta(days=7))
    pass_days(world, 8)
    assert length(world, "team", rests=True) == 1
    assert length(world, "team", escalated=True) == 0
    pass_days(world, 15)
    (line,) = lines(world, "team", Filters(escalated=True))
    assert (line.id, line.rests, line.overdue) == (case_id, True, False)


def test_a_rung_that_was_only_skipped_escalates_nothing(world: World) -> None:
    case_id = world.open()
    pass_days(world, 40)
    assert length(world, "team", escalated=True) == 1
    with world.engine.change(SYSTEM) as work:
        work.session.execute(
            sa.update(Decision)
            .where(Decision.subject_id == world.task(case_id, "express_interest"))
            .values(outcome="skipped")
        )
    assert length(world, "team", escalated=True) == 0


# --- numbers and lists -----------------------------------------------------------------------------------------------


def _insist_on_lists(world: World, who: str, standing: Standing, **filters: Any) -> None:
    """Every number that opens a list is its length, and one that opens none counts what is not the actor's."""

    def found(**more: Any) -> list[CaseLine]:
        return lines(world, who, Filters(**filters, **more))

    said = (who, filters)
    if not standing.cases.seen:
        assert (standing.overdue, standing.escalated, standing.resting) == (0, 0, 0), said
        assert not standing.cases.opens
        return
    assert len(found()) == standing.cases.seen, said
    assert len(found(overdue=True)) == standing.overdue, said
    assert len(found(escalated=True)) == standing.escalated, said
    assert len(found(rests=True)) == standing.resting, said
    assert len(found(left=True)) == standing.left.seen, said
    assert len(found(state="live")) == standing.live.seen, said
    for one in standing.states:
        assert len(found(state=one.state.key)) == one.seen <= one.cases, (*said, one.state.key)
    assert sum(one.cases for one in standing.states) == standing.cases.cases


@pytest.mark.parametrize("who", PEOPLE)
def test_every_number_of_the_overview_is_the_length_of_its_list(lively: World, who: str) -> None:
    with lively.look(who) as work:
        page = programme.programme(work)
        every = work.session.execute(sa.select(sa.func.count()).select_from(Case)).scalar_one()
    assert page.standing.cases.cases == every
    assert page.live_state == "live"
    _insist_on_lists(lively, who, page.standing)
    for service in page.services:
        _insist_on_lists(lively, who, service.standing, service=service.key)
    for wave in page.waves:
        assert wave.standing.cases.cases == wave.standing.cases.seen
        _insist_on_lists(lively, who, wave.standing, wave=wave.key)
    assert sum(one.standing.cases.cases for one in page.services) == every
    assert page.pace is not None
    if page.pace.lately.seen:
        assert length(lively, who, live_since=page.pace.since) == page.pace.lately.seen


@pytest.mark.parametrize("who", PEOPLE)
def test_every_number_of_a_district_and_a_body_is_the_length_of_its_list(lively: World, who: str) -> None:
    for ars in (TOWN, STRANGE_TOWN, EMPTY_TOWN):
        with lively.look(who) as work:
            page = districts.district(work, ars)
        _insist_on_lists(lively, who, page.standing, district=ars)
        for one in page.bodies:
            _insist_on_lists(lively, who, one.standing, body=one.ars)
        assert sum(one.standing.cases.cases for one in page.bodies) == page.standing.cases.cases
        with lively.look(who) as work:
            _insist_on_lists(lively, who, bodies.body(work, ars).standing, body=ars)


@pytest.fixture
def merged(lively: World) -> tuple[World, UUID]:
    """A body with a case ended in another that has one of the same service, which goes on."""
    gone = lively.open("eheschliessung", body=BODENHEIM)
    lively.open("eheschliessung", body=RHEIN_SELZ)
    present = gv100ad.read(EXCERPT)
    later = Edition(dt.date(2027, 1, 1), "UTF-8", tuple(body for body in present.bodies if body.ars != BODENHEIM))
    follow(lively.engine, lively["office"], later, "07", {BODENHEIM: RHEIN_SELZ})
    assert lively.case(gone).superseded_by is not None
    return lively, gone


@pytest.mark.parametrize("who", ["office", "team", "digi", "stranger"])
def test_a_case_another_goes_on_for_is_not_counted_beside_it(merged: tuple[World, UUID], who: str) -> None:
    world, _ = merged
    with world.look(who) as work:
        page = programme.programme(work)
        district, body = districts.district(work, TOWN), bodies.body(work, RHEIN_SELZ)
        catalogue, service = services.services(work), services.service(work, "eheschliessung")
    (ours,) = (one for one in page.services if one.key == "eheschliessung")
    (line,) = (one for one in catalogue.lines if one.key == "eheschliessung")
    (here,) = (one for one in district.bodies if one.ars == RHEIN_SELZ)
    counted = (ours.standing, here.standing, body.standing)
    assert [standing.cases.cases for standing in counted] == [1, 1, 1]
    assert (line.cases, service.cases, len([one for one in service.bodies if one.state])) == (1, 1, 1)
    for standing in (page.standing, district.standing, *counted):
        assert "superseded" not in {one.state.key for one in standing.states}
    _insist_on_lists(world, who, page.standing)
    _insist_on_lists(world, who, ours.standing, service="eheschliessung")
    _insist_on_lists(world, who, district.standing, district=TOWN)
    _insist_on_lists(world, who, body.standing, body=RHEIN_SELZ)


def test_lists_and_teams_leave_out_a_case_another_goes_on_for_until_its_number_is_typed(
    merged: tuple[World, UUID],
) -> None:
    world, gone = merged
    every = lines(world, "office")
    assert gone not in {line.id for line in every}
    assert [line.id for line in lines(world, "office", Filters(text=world.case(gone).number.upper()))] == [gone]
    assert lines(world, "office", Filters(state="superseded")) == []
    with world.look("office") as work:
        teams = {team.key: team.cases for team in programme.programme(work).teams}
        here = {one.ars: one.cases for group in bodies.bodies(work).groups for one in group.bodies}
    assert sum(teams.values()) == len(every)
    assert here[RHEIN_SELZ] == length(world, "office", body=RHEIN_SELZ)


def test_the_office_sees_late_and_escalated_ones_at_all(lively: World) -> None:
    with lively.look("office") as work:
        standing = programme.programme(work).standing
    assert standing.overdue >= standing.escalated > 0
    assert (standing.resting, standing.live.cases) == (1, 1)
    assert standing.left.cases == standing.cases.cases - 1


def test_what_is_late_elsewhere_is_nobody_elses_business(lively: World) -> None:
    with lively.look("stranger") as work:
        page = districts.district(work, TOWN)
    assert page.standing.cases.cases > 0
    assert (page.standing.overdue, page.standing.escalated, page.missing) == (0, 0, None)


def test_states_are_counted_for_their_own_people_only_when_the_programme_says_so(lively: World) -> None:
    with lively.look("digi") as work:
        work.catalogue.programme = _private(work)
        page = programme.programme(work)
        there = districts.district(work, STRANGE_TOWN)
    assert page.standing.cases.cases == page.standing.cases.seen == 2
    assert there.standing.cases.cases == 0
    assert all(one.not_open is None for one in page.services)


def _private(work: Work) -> Any:
    return dataclasses.replace(work.catalogue.programme, state_is_public=False)


# --- the answer on top -----------------------------------------------------------------------------------------------


def test_the_pace_says_what_is_needed_and_what_was_done(world: World) -> None:
    case_id = world.open()
    world.walk(case_id)
    for body in (STRANGE_TOWN, EMPTY_TOWN):
        world.open(body=body)
    with world.look("office") as work:
        page = programme.programme(work)
    assert page.pace is not None
    assert page.target.working_days > 0
    assert page.pace.lately.cases == 1
    assert page.pace.needed == -(-2 * 20 // page.target.working_days)
    assert page.pace.on_course is (page.pace.needed <= 1)
    pass_days(world, page.target.working_days + 1)
    with world.look("office") as work:
        late = programme.programme(work).pace
    assert late is not None
    assert (late.needed, late.on_course, late.lately.cases) == (None, False, 0)


def test_nothing_left_asks_for_no_pace(world: World) -> None:
    world.walk(world.open())
    with world.look("office") as work:
        page = programme.programme(work)
    assert (page.standing.left.cases, page.pace) == (0, None)


def test_services_come_by_priority_and_bodies_without_a_case_are_counted(lively: World) -> None:
    with lively.look("digi") as work:
        page = programme.programme(work)
        order = [key for key in work.catalogue.programme.priorities if key in {one.key for one in page.services}]
    assert [one.key for one in page.services] == order
    shown = {one.key: one.not_open for one in page.services}
    assert shown["wohngeld"] == shown["uvg"] == 0
    assert (shown["ewa"] or 0) > 100
    assert {key for key, _ in page.without_cases}.isdisjoint(order)


# --- districts -------------------------------------------------------------------------------------------------------


def test_a_district_lists_its_bodies_the_landkreis_first(lively: World) -> None:
    with lively.look("digi") as work:
        page = districts.district(work, TOWN)
        known = work.session.execute(sa.select(sa.func.count()).where(Body.district == TOWN)).scalar_one()
    assert (page.name, page.bodies[0].ars, len(page.bodies), page.is_town) == (
        "Landkreis Mainz-Bingen",
        TOWN,
        known,
        False,
    )
    with lively.look("digi") as work:
        town = districts.district(work, STRANGE_TOWN)
    assert ([one.ars for one in town.bodies], town.is_town, town.team) == ([STRANGE_TOWN], True, lively.team)


def test_what_is_no_district_is_not_found(lively: World) -> None:
    for ars in (_verbandsgemeinde(lively), "999999999999", "x", "", "07339", "' or 1=1", "０７３３９００００００００"):
        with lively.look("office") as work, pytest.raises(NotFound):
            districts.district(work, ars)


def test_missing_and_expired_prerequisites_are_counted_for_those_who_may_know(lively: World) -> None:
    with lively.look("office") as work:
        found = work.session.execute(
            sa.select(Prerequisite.id).where(Prerequisite.body == TOWN, Prerequisite.status == "done").limit(3)
        ).scalars()
        expired, asked, spared = tuple(found)
    _set(lively, expired, valid_until=dt.date(2026, 1, 1))
    _set(lively, asked, status="ready")
    _set(lively, spared, status="not_needed")
    for who, missing in (("office", 2), ("team", 2), ("digi", 2), ("stranger", None), ("other_team", None)):
        with lively.look(who) as work:
            page = districts.district(work, TOWN)
        assert (page.missing, page.bodies[0].missing) == (missing, missing), who


def _set(world: World, prerequisite_id: UUID, **values: Any) -> None:
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Prerequisite).where(Prerequisite.id == prerequisite_id).values(**values))


# --- the price -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_overview_costs_the_same_number_of_statements_at_44_and_at_800_cases(world: World) -> None:
    looks: dict[str, Callable[[Work], Any]] = {
        "programme": programme.programme,
        "district": lambda work: districts.district(work, TOWN),
        "body": lambda work: bodies.body(work, TOWN),
    }

    def price() -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for who in ("office", "team", "digi", "stranger"):
            for name, look in looks.items():
                with world.look(who) as work, counted(world) as sent:
                    look(work)
                found[who, name] = len(sent)
        return found

    assert open_everything(world, "wohngeld") == 44
    few = price()
    assert open_everything(world) > 750
    assert price() == few
    assert max(few.values()) <= 12


def test_no_query_of_the_overview_forgets_policy(lively: World) -> None:
    for who in PEOPLE:
        with lively.look(who) as work:
            seen = work.session.execute(
                sa.select(sa.func.count()).select_from(Case).where(policy.cases(work.actor))
            ).scalar_one()
            assert programme.programme(work).standing.cases.seen == seen, who
