"""The inbox: everything that waits for a person, nothing that does not, by urgency, at a price that stays the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.statements import counted
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World, plausible
from workflow import cases, clock, milestones, people, policy, tasks
from workflow.engine import SYSTEM
from workflow.models import Case, Milestone, Prerequisite, Task
from workflow.policy import Role
from workflow.queries import inbox
from workflow.queries.inbox import Inbox, Item

ACCOUNTS = (
    "admin",
    "office",
    "auditor",
    "team",
    "colleague",
    "other_team",
    "supervisor",
    "operator",
    "leitung",
    "digi",
    "fachamt",
    "it",
    "kasse",
    "dsb",
    "stranger",
)
MOST_STATEMENTS = 6


def look(world: World, who: str, after: str | None = None) -> Inbox:
    with world.look(who) as work:
        return inbox.inbox(work, after=after)


def items(page: Inbox) -> list[Item]:
    return [*page.now, *page.this_week, *page.later, *page.undated, *page.resting]


def everything(world: World, who: str) -> Iterator[Item]:
    """All pages, one after the other."""
    page = look(world, who)
    yield from items(page)
    while page.older:
        page = look(world, who, page.older)
        yield from items(page)


def open_all(world: World, *services: str) -> None:
    with world.look("office") as work:
        planned = cases.plan(work, services or list(work.catalogue.services))
    cases.open_planned(world.engine, world["office"], planned)


def set_clock(world: World, day: dt.date) -> None:
    with world.engine.change(SYSTEM) as work:
        clock.set_to(work, dt.datetime(day.year, day.month, day.day, 9, tzinfo=dt.UTC))


@pytest.fixture
def lively(world: World) -> World:
    """Cases in three towns: one that waits for the Land, one declined, one resting, the rest just opened."""
    first = world.open()
    world.open(body=STRANGE_TOWN)
    world.open(body=EMPTY_TOWN)
    world.finish_state(first)
    declined = world.open("uvg")
    with world.by("digi") as work:
        tasks.decline(work, world.task(declined, "express_interest"), "Das übernimmt der Zweckverband.")
    resting = world.open("ikfz")
    with world.by("team") as work:
        cases.hold(
            work,
            resting,
            blocker="it_capacity",
            reason="Die IT zieht um.",
            review_on=work.today + dt.timedelta(days=30),
        )
    return world


# --- what is in it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ACCOUNTS)
def test_it_holds_exactly_what_policy_says_waits_for_the_person(lively: World, who: str) -> None:
    with lively.look(who) as work:
        actor = work.actor
        waiting = set(work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(actor))).scalars())
        waiting |= set(
            work.session.execute(sa.select(Prerequisite.id).where(policy.prerequisites_to_do(actor))).scalars()
        )
        if who == "office":
            waiting |= set(
                work.session.execute(sa.select(Milestone.id).where(Milestone.reached_on.is_(None))).scalars()
            )
    shown = [item.id for item in everything(lively, who)]
    assert len(shown) == len(set(shown))
    assert set(shown) == waiting
    assert look(lively, who).total == len(waiting)


def test_what_one_has_handed_in_waits_for_somebody_else(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    world.bring(case_id, "questionnaire")
    with world.by("admin") as work:
        people.grant(work, world["digi"], Role("umsetzungsteam", team=world.team))
    questionnaire = world.task(case_id, "questionnaire")
    with world.by("digi") as work:
        assert tasks.submit(work, questionnaire, world.answers(work, case_id, "questionnaire")).status == "submitted"
    assert questionnaire not in {item.id for item in everything(world, "digi")}
    assert {item.id: item.asks for item in everything(world, "team")}[questionnaire] == "confirm"


def test_it_says_what_is_asked(lively: World) -> None:
    found = {(item.kind, item.asks) for who in ("team", "digi", "office") for item in everything(lively, who)}
    assert ("task", "do") in found
    assert ("task", "decide") in found
    assert ("milestone", "plan") in found
    assert ("prerequisite", "do") in found


def test_what_one_has_accepted_is_marked_and_gone_for_the_colleague(lively: World) -> None:
    case_id = lively.open("ewa", body=_verbandsgemeinde(lively))
    with lively.look() as work:
        task_id, team = work.session.execute(
            sa.select(Task.id, Task.team).where(Task.case_id == case_id, Task.status == "ready")
        ).one()
    assert team == lively.team
    with lively.by("team") as work:
        tasks.accept(work, task_id)
    assert {item.id: item.held for item in everything(lively, "team")}[task_id]
    assert task_id not in {item.id for item in everything(lively, "colleague")}


def test_a_role_nobody_holds_is_named_to_whom_it_falls(world: World) -> None:
    case_id = world.open(body=EMPTY_TOWN)
    team = "team" if world.case(case_id).team == world.team else "other_team"
    (item,) = (item for item in items(look(world, team)) if item.case_id == case_id)
    assert item.instead_of is not None
    assert item.instead_of.de == "Digitalisierungsbeauftragte:r"
    assert not item.for_operator
    own = world.open()
    assert [item.instead_of for item in items(look(world, "digi")) if item.case_id == own] == [None]


def test_somebody_without_work_gets_an_empty_page(lively: World) -> None:
    for who in ("admin", "auditor", "supervisor"):
        page = look(lively, who)
        assert items(page) == []
        assert page.total == 0
    assert look(lively, "auditor").sees_cases
    assert not look(lively, "admin").sees_cases
    assert look(lively, "supervisor").supervises


def test_the_office_finds_milestones_that_hold_up_most_first(world: World) -> None:
    open_all(world, "wohngeld")
    world.open("uvg")
    page = look(world, "office")
    assert {item.kind for item in items(page)} == {"milestone"}
    with_cases = [(item.service_key, item.cases) for item in page.undated if item.cases]
    assert with_cases == [("wohngeld", 44), ("uvg", 1)]
    with world.by("office") as work:
        milestones.plan(work, page.undated[0].id, work.today + dt.timedelta(days=60), "Termin mit Schleswig-Holstein.")
    assert [(item.service_key, item.asks) for item in look(world, "office").later] == [("wohngeld", "reach")]


# --- how urgent it is ------------------------------------------------------------------------------------------------


def test_groups_follow_the_calendar(world: World) -> None:
    open_all(world, "wohngeld")
    item = items(look(world, "digi"))[0]
    assert item.due is not None
    due = item.due.on
    with world.look() as work:
        calendar = work.catalogue.calendar
    expected = {
        calendar.add(due, -6): "later",
        due - dt.timedelta(days=due.weekday()): "this_week" if due.weekday() > 1 else "now",
        calendar.add(due, -1): "now",
        due: "now",
        calendar.add(due, 1): "now",
    }
    for day in sorted(expected):
        set_clock(world, day)
        page = look(world, "digi")
        group = {name: [one.id for one in getattr(page, name)] for name in ("now", "this_week", "later")}
        assert item.id in group[expected[day]], day
        assert page.overdue == (1 if day > due else 0)
        assert page.due_until == (1 if due <= page.until else 0)
    with world.look() as work:
        (late,) = (one for one in look(world, "digi").now if one.id == item.id)
        assert late.due is not None
        assert late.due.overdue
        assert late.due.working_days == calendar.between(due, work.today) == 1


@pytest.mark.parametrize(
    ("day", "until"),
    [
        (dt.date(2026, 11, 23), dt.date(2026, 11, 27)),
        (dt.date(2026, 11, 27), dt.date(2026, 11, 27)),
        (dt.date(2026, 11, 28), dt.date(2026, 12, 4)),
        (dt.date(2026, 11, 29), dt.date(2026, 12, 4)),
        (dt.date(2026, 12, 22), dt.date(2026, 12, 24)),
        (dt.date(2027, 5, 5), dt.date(2027, 5, 7)),
    ],
    ids=["monday", "friday", "saturday", "sunday", "christmas", "ascension day falls into the week"],
)
def test_the_week_ends_on_its_last_working_day(world: World, day: dt.date, until: dt.date) -> None:
    set_clock(world, day)
    assert look(world, "digi").until == until


def test_resting_cases_stand_apart_and_are_counted_as_nothing(lively: World) -> None:
    resting = [item for item in everything(lively, "digi") if item.rests]
    assert resting
    lively.days(60)
    page = look(lively, "digi")
    assert {item.id for item in page.resting} == {item.id for item in resting}
    active = [item for item in items(page) if not item.rests]
    assert page.overdue == sum(1 for item in active if item.due and item.due.overdue)
    assert page.total == len(active) + len(resting)


def test_the_most_urgent_comes_first(lively: World) -> None:
    for who in ("team", "digi", "office"):
        dates = [
            (item.rests, item.due.on if item.due else dt.date.max)
            for item in [
                *look(lively, who).now,
                *look(lively, who).this_week,
                *look(lively, who).later,
                *look(lively, who).undated,
                *look(lively, who).resting,
            ]
        ]
        assert dates == sorted(dates)


# --- leafing through -------------------------------------------------------------------------------------------------


def test_every_entry_is_on_exactly_one_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "PAGE", 7)
    open_all(world, "wohngeld", "uvg")
    shown = [item.id for item in everything(world, "team")]
    with world.look("team") as work:
        waiting = set(work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor))).scalars())
    assert len(shown) == len(waiting) > 14
    assert set(shown) == waiting
    first = look(world, "team")
    assert first.is_first
    assert first.older is not None
    assert not look(world, "team", first.older).is_first


@pytest.mark.parametrize("after", ["", "x", "1.2.3", "0.20261399.00000000000000000000000000000000", "0.20261123.zz"])
def test_a_place_that_makes_no_sense_is_the_beginning(world: World, after: str) -> None:
    world.open()
    assert look(world, "digi", after) == look(world, "digi")


# --- what others have to do ------------------------------------------------------------------------------------------


def test_a_town_sees_what_it_waits_for_since_when_and_from_whom(lively: World) -> None:
    with lively.look("leitung") as work:
        mine = set(work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor))).scalars())
    page = look(lively, "leitung")
    assert page.waiting
    assert not {entry.task_id for entry in page.waiting} & mine
    assert {entry.role.de for entry in page.waiting} >= {"Umsetzungsteam"}
    assert all(entry.since is not None for entry in page.waiting)
    assert [entry.since for entry in page.waiting] == sorted(entry.since for entry in page.waiting if entry.since)
    for key, _ in (service for entry in page.waiting for service in entry.services):
        assert key in ("wohngeld", "uvg", "ikfz")


def test_a_missing_contract_is_said_once_for_all_services_that_lack_it(world: World) -> None:
    world.open("wohngeld")
    world.open("uvg")
    (contract,) = (entry for entry in look(world, "digi").waiting if entry.kind == "milestone")
    assert {key for key, _ in contract.services} == {"wohngeld", "uvg"}
    assert contract.cases == 2
    assert contract.due is None
    with world.by("office") as work:
        for row in work.session.execute(sa.select(Milestone).where(Milestone.service == "uvg")).scalars():
            given = plausible(work.catalogue.shared.milestones[row.kind].evidence, work.today)
            milestones.reach(work, row.id, work.today, given)
    (contract,) = (entry for entry in look(world, "digi").waiting if entry.kind == "milestone")
    assert [key for key, _ in contract.services] == ["wohngeld"]


def test_nobody_but_people_of_bodies_waits_for_others(lively: World) -> None:
    for who in ("team", "supervisor", "office", "auditor", "operator", "admin"):
        assert look(lively, who).waiting == ()
    strangers = look(lively, "stranger").waiting
    assert {entry.body for entry in strangers} <= {None, "Stadt Worms"}


def test_a_supervisor_sees_how_many_of_the_teams_tasks_are_overdue_and_the_longest_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_all(world, "wohngeld")
    world.days(11)
    page = look(world, "supervisor")
    with world.look() as work:
        expected = work.session.execute(
            sa.select(sa.func.count())
            .select_from(Task)
            .where(Task.team == world.team, Task.acting.is_not(None), Task.due_on < work.today)
        ).scalar_one()
    assert page.late_total == expected > inbox.MOST_OVERDUE
    assert len(page.late) == inbox.MOST_OVERDUE
    assert [one.due.on for one in page.late] == sorted(one.due.on for one in page.late)
    assert all(one.due.overdue for one in page.late)
    assert look(world, "team").late == ()
    monkeypatch.setattr(inbox, "MOST_OVERDUE", 100)
    page = look(world, "supervisor")
    here = next(one for one in page.late if one.body == "Landkreis Mainz-Bingen")
    assert (here.role.de, here.instead_of) == ("Digitalisierungsbeauftragte:r", None)
    assert any(one.role.de == "Umsetzungsteam" and one.instead_of == here.role for one in page.late)


def test_a_strangers_town_never_appears(lively: World) -> None:
    with lively.look() as work:
        numbers = {row.id: row.body for row in work.session.execute(sa.select(Case.id, Case.body))}
    for who in ("digi", "leitung", "fachamt", "it"):
        page = look(lively, who)
        assert {numbers[item.case_id] for item in items(page) if item.case_id} <= {TOWN}
        assert {entry.body for entry in page.waiting} <= {None, "Landkreis Mainz-Bingen"}


# --- the price -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ACCOUNTS)
def test_it_takes_few_statements_and_as_many_for_one_case_as_for_a_hundred(world: World, who: str) -> None:
    world.open()
    look(world, who)
    with counted(world) as few:
        look(world, who)
    open_all(world, "wohngeld", "uvg", "ikfz")
    with counted(world) as many:
        look(world, who)
    assert len(few) == len(many) <= MOST_STATEMENTS


def _verbandsgemeinde(world: World) -> str:
    """A Verbandsgemeinde in the district of the team, where nobody has an account."""
    with world.look("office") as work:
        return next(one.body for one in cases.plan(work, ["ewa"]) if one.team == world.team and one.body != TOWN)
