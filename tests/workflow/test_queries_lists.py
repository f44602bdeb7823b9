"""Lists and places: what they show, to whom, in which order, and at what price."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.conftest import Prepare
from tests.world import EMPTY_TOWN, FILE, STRANGE_TOWN, TOWN, World, plausible
from workflow import cases, casework, documents, evidence, following, milestones, people, policy, prerequisites
from workflow.definition import EvidenceField, Text
from workflow.engine import SYSTEM, Work
from workflow.errors import NotFound
from workflow.evidence import StoredFile
from workflow.models import Body, Case, Definition, Event, Grant, Milestone, Notice, Prerequisite, Task, TeamDistrict
from workflow.policy import Role
from workflow.queries import bodies, case_list, prerequisite, programme, services
from workflow.queries.case_list import CaseLine, CaseList, Cursor, Filters
from workflow.queries.words import MOST_TEXT

pytestmark = pytest.mark.slow

PEOPLE = (
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
    "stranger",
)


EVERYTHING = Filters()


@pytest.fixture
def lively(prepared: Prepare) -> World:
    """Cases of several services in towns of every team, one of them further on its way, one resting."""
    return prepared(_lively)[0]


def _lively(world: World) -> None:
    open_everything(world, "wohngeld", "uvg")
    first = case_of(world, "wohngeld", TOWN)
    world.walk(first, until="connected")
    with world.by("team") as work:
        cases.hold(
            work,
            case_of(world, "uvg", TOWN),
            blocker="it_capacity",
            reason="Die IT zieht um.",
            review_on=work.today + dt.timedelta(days=30),
        )


def open_everything(world: World, *keys: str) -> int:
    """Open every case of these services."""
    with world.look("office") as work:
        planned = cases.plan(work, keys or list(work.catalogue.services))
    return sum(1 for one in cases.open_planned(world.engine, world["office"], planned) if one.case is not None)


def case_of(world: World, service: str, body: str) -> UUID:
    with world.look() as work:
        return work.session.execute(sa.select(Case.id).where(Case.service == service, Case.body == body)).scalar_one()


def prerequisite_of(world: World, kind: str, body: str = TOWN) -> UUID:
    with world.look() as work:
        return work.session.execute(
            sa.select(Prerequisite.id).where(Prerequisite.kind == kind, Prerequisite.body == body)
        ).scalar_one()


def milestone_of(world: World, service: str, kind: str = "land_contract") -> UUID:
    with world.look() as work:
        return work.session.execute(
            sa.select(Milestone.id).where(Milestone.service == service, Milestone.kind == kind)
        ).scalar_one()


def pages(world: World, who: str, filters: Filters = EVERYTHING) -> Iterator[CaseList]:
    """Every page, following the links forward."""
    cursor: Cursor | None = Cursor()
    while cursor is not None:
        with world.look(who) as work:
            page = case_list.cases(work, filters, cursor)
        yield page
        cursor = page.older


def lines(world: World, who: str, filters: Filters = EVERYTHING) -> list[CaseLine]:
    return [line for page in pages(world, who, filters) for line in page.lines]


def seen_by(world: World, who: str) -> set[str]:
    with world.look(who) as work:
        return set(work.session.execute(sa.select(Case.number).where(policy.cases(work.actor))).scalars())


# --- the list of cases: who sees what --------------------------------------------------------------------------------


def test_the_list_holds_exactly_what_policy_lets_a_person_see(lively: World) -> None:
    for who in PEOPLE:
        listed = [line.number for line in lines(lively, who)]
        assert len(listed) == len(set(listed))
        assert set(listed) == seen_by(lively, who)


def test_every_number_beside_the_list_is_the_length_of_the_list_behind_it(lively: World) -> None:
    for who in PEOPLE:
        with lively.look(who) as work:
            page = case_list.cases(work)
        assert page.matching == page.everything == len(seen_by(lively, who))
        assert page.sees_cases == bool(page.everything)
        for count in page.states:
            assert len(lines(lively, who, Filters(state=count.state.key))) == count.cases
        assert len(lines(lively, who, Filters(overdue=True))) == page.overdue
        assert len(lines(lively, who, Filters(rests=True))) == page.resting
        assert len(lines(lively, who, Filters(left=True))) == page.left
        assert len(lines(lively, who, Filters(escalated=True))) == page.escalated


def test_numbers_beside_a_narrowed_list_keep_to_what_narrows_it(lively: World) -> None:
    lively.days(30)
    for filters in (
        Filters(service="wohngeld"),
        Filters(overdue=True),
        Filters(state="requested", team=lively.team),
        Filters(text="landkreis", overdue=True),
        Filters(rests=True),
        Filters(left=True, service="uvg"),
        Filters(escalated=True, overdue=True),
        Filters(live_since=dt.date(2026, 1, 1)),
    ):
        with lively.look("office") as work:
            page = case_list.cases(work, filters)
        assert page.matching == len(lines(lively, "office", filters)), filters
        for count in page.states:
            narrowed = dataclasses.replace(filters, state=count.state.key)
            assert count.cases == len(lines(lively, "office", narrowed)), narrowed
        assert page.overdue == len(lines(lively, "office", dataclasses.replace(filters, overdue=True)))
        assert page.resting == len(lines(lively, "office", dataclasses.replace(filters, rests=True)))
        assert page.left == len(lines(lively, "office", dataclasses.replace(filters, left=True)))
        assert page.escalated == len(lines(lively, "office", dataclasses.replace(filters, escalated=True)))


def test_a_line_says_where_a_case_stands_who_must_act_and_until_when(lively: World) -> None:
    with lively.look("team") as work:
        page = case_list.cases(work, Filters(body=TOWN, service="wohngeld"))
        due = work.session.execute(
            sa.select(sa.func.min(Task.due_on)).where(
                Task.case_id == case_of(lively, "wohngeld", TOWN), Task.acting.is_not(None)
            )
        ).scalar_one()
    (line,) = page.lines
    assert (line.number, line.body_name) == ("wohngeld-07339-1", "Landkreis Mainz-Bingen")
    assert (line.state.key, line.state.position, line.state.of) == ("connected", 3, 5)
    assert line.since == dt.date(2026, 11, 23)
    assert line.next is not None
    assert line.next.due is not None
    assert (line.next.due.on, line.next.due.overdue) == (due, False)
    assert (line.overdue, line.rests) == (False, False)
    assert page.body_name == "Landkreis Mainz-Bingen"


def test_what_is_past_its_date_is_overdue_from_the_next_day(lively: World) -> None:
    opened = Filters(body=STRANGE_TOWN, service="wohngeld")
    lively.days(10)
    assert [line.overdue for line in lines(lively, "stranger", opened)] == [False]
    lively.days(1)
    (line,) = lines(lively, "stranger", opened)
    assert line.overdue
    assert line.next is not None
    assert line.next.due is not None
    assert (line.next.due.working_days, line.next.due.overdue) == (1, True)
    assert line in lines(lively, "stranger", Filters(overdue=True))


def test_a_resting_case_is_never_overdue(lively: World) -> None:
    lively.days(40)
    (line,) = lines(lively, "team", Filters(body=TOWN, rests=True))
    assert (line.rests, line.overdue) == (True, False)
    assert line.review_on is not None
    assert line.number not in {other.number for other in lines(lively, "team", Filters(overdue=True))}


# --- the list of cases: order and pages ------------------------------------------------------------------------------


def test_paging_is_complete_without_repeats_in_both_directions(lively: World) -> None:
    forward = list(pages(lively, "office"))
    numbers = [[line.number for line in page.lines] for page in forward]
    assert [len(page) for page in numbers[:-1]] == [case_list.PAGE] * (len(numbers) - 1)
    flat = [number for page in numbers for number in page]
    assert sorted(flat) == sorted(seen_by(lively, "office"))
    assert len(flat) == len(set(flat))
    assert forward[0].newer is None

    backward = [numbers[-1]]
    cursor = forward[-1].newer
    while cursor is not None:
        with lively.look("office") as work:
            page = case_list.cases(work, Filters(), cursor)
        backward.insert(0, [line.number for line in page.lines])
        assert page.older is not None
        cursor = page.newer
    assert backward == numbers


def test_paging_is_complete_where_everything_ties(lively: World) -> None:
    """Bodies of one name, and services the catalogue has lost, leave only the key of the body and the number."""
    with lively.engine.change("system") as work:
        work.session.execute(sa.update(Body).values(sort_key="neustadt"))
        work.session.execute(sa.delete(Definition).where(Definition.kind == "service"))
    lively.engine._catalogue = None
    flat = [line.number for line in lines(lively, "office")]
    assert len(flat) == len(set(flat)) == len(seen_by(lively, "office"))


def test_cases_come_by_body_and_then_by_service_as_german_sorts(lively: World) -> None:
    listed = lines(lively, "office")
    with lively.look() as work:
        keys = dict(work.session.execute(sa.select(Body.ars, Body.sort_key)).all())
    order = [(keys[line.body], line.body, line.service.de) for line in listed]
    assert order == sorted(order, key=lambda entry: (entry[0].encode(), entry[1], entry[2].casefold()))
    assert [line.service.de for line in listed if line.body == TOWN] == ["Unterhaltsvorschuss", "Wohngeld"]


def test_a_cursor_that_means_nothing_begins_at_the_front(lively: World) -> None:
    with lively.look("stranger") as work:
        first = case_list.cases(work)
    for cursor in (
        Cursor(after="wohngeld-999999-1"),
        Cursor(after="'; drop table cases; --"),
        Cursor(before="\x00"),
        Cursor(after="x" * 5000),
        Cursor(after="wohngeld-07339-1"),  # somebody else's
        Cursor(before="🙂"),
    ):
        with lively.look("stranger") as work:
            assert case_list.cases(work, Filters(), cursor).lines == first.lines, cursor


def test_a_page_before_the_first_case_is_the_first_page(lively: World) -> None:
    with lively.look("office") as work:
        first = case_list.cases(work)
        again = case_list.cases(work, Filters(), Cursor(before=first.lines[0].number))
    assert again.lines == first.lines
    assert again.older == first.older


# --- the list of cases: filters and search ---------------------------------------------------------------------------


def test_filters_narrow_to_what_they_name(lively: World) -> None:
    everything = lines(lively, "office")
    with lively.look() as work:
        rows = work.session.execute(sa.select(Case.number, Case.team, Body.district).join(Body, Body.ars == Case.body))
        teams, districts = {}, {}
        for number, team, district in rows:
            teams[number], districts[number] = team, district

    def found(filters: Filters) -> set[str]:
        return {line.number for line in lines(lively, "office", filters)}

    assert found(Filters(service="uvg")) == {line.number for line in everything if line.number.startswith("uvg-")}
    assert found(Filters(state="connected")) == {"wohngeld-07339-1"}
    assert found(Filters(team=lively.team)) == {number for number, team in teams.items() if team == lively.team}
    assert found(Filters(district=TOWN)) == {number for number, district in districts.items() if district == TOWN}
    assert found(Filters(body=TOWN)) == {"uvg-07339-1", "wohngeld-07339-1"}
    assert found(Filters(district=TOWN, service="wohngeld", text="stadt bingen")) == {"wohngeld-073390005005-1"}


def test_search_finds_number_body_and_service_with_umlauts_folded(lively: World) -> None:
    for text, number in (
        ("wohngeld-07339-1", "wohngeld-07339-1"),
        ("Mainz-Bingen Wohngeld", "wohngeld-07339-1"),
        ("MAINZ-BINGEN housing", "wohngeld-07339-1"),
        ("lk mainz-bingen unterhalt", "uvg-07339-1"),
        ("sudliche weinstr wohngeld", "wohngeld-07337-1"),
        ("Südliche Weinstraße Wohngeld", "wohngeld-07337-1"),
        ("su\u0308dliche weinstraße wohngeld", "wohngeld-07337-1"),  # ü as two characters
        ("  Südliche\tWeinstraße \n Wohngeld ", "wohngeld-07337-1"),
    ):
        assert [line.number for line in lines(lively, "office", Filters(text=text))] == [number], text


def test_search_takes_signs_of_the_database_as_letters(lively: World) -> None:
    for text in ("%", "wohn%geld", "\\", "'", '"', "%%%", "w_hngeld"):
        assert lines(lively, "office", Filters(text=text)) == [], text


def test_no_search_is_too_strange(lively: World) -> None:
    for text in ("\x00", "\x00\x01", " ", "a" * 10_000, "🙂", "\ufffd", "ä" * 200, "a b c d e f g h i j k"):
        with lively.look("office") as work:
            page = case_list.cases(work, Filters(text=text))
        assert len(page.filters.text) <= MOST_TEXT, text


def test_filters_that_make_no_sense_narrow_nothing(lively: World) -> None:
    for nonsense in ("", "x", "\x00", "'", "999999999999", "a" * 4000, "🙂"):
        filters = Filters(
            service=nonsense, state=nonsense, team=nonsense, district=nonsense, body=nonsense, wave=nonsense
        )
        with lively.look("office") as work:
            page = case_list.cases(work, filters)
        assert page.filters == Filters(), nonsense
        assert page.matching == page.everything


def test_the_filter_of_roles_names_each_in_words_and_once(lively: World) -> None:
    with lively.look("office") as work:
        roles = case_list.cases(work).options.roles
    assert "body.digi" in dict(roles)
    assert len({words.de for _, words in roles}) == len(roles)
    assert not [key for key, words in roles if "." in words.de], "a role's key instead of its name"


def test_filters_offer_only_what_the_persons_cases_have(lively: World) -> None:
    with lively.look("stranger") as work:
        page = case_list.cases(work)
    assert [key for key, _ in page.options.services] == ["uvg", "wohngeld"]
    assert [key for key, _ in page.options.districts] == [STRANGE_TOWN]
    with lively.look("stranger") as work:
        assert case_list.cases(work, Filters(district=TOWN)).filters.district is None


def test_cases_of_a_wave_are_found_from_the_programme(lively: World) -> None:
    with lively.engine.change("system") as work:
        wave = next(iter(work.catalogue.programme.waves))
        work.session.execute(sa.update(Case).where(Case.id == case_of(lively, "wohngeld", TOWN)).values(wave=wave))
    assert [line.number for line in lines(lively, "office", Filters(wave=wave))] == ["wohngeld-07339-1"]
    with lively.look("office") as work:
        shown = {one.key: one.cases for one in programme.programme(work).waves}
    assert shown[wave] == 1


# --- the price -------------------------------------------------------------------------------------------------------


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """The statements sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    sa.event.listen(world.engine.pool, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(world.engine.pool, "before_cursor_execute", note)


@pytest.mark.slow
def test_pages_cost_the_same_number_of_statements_at_44_and_at_800_cases(world: World) -> None:
    def of_town(ask: Callable[[Work, str], Any]) -> Callable[[Work], Any]:
        return lambda work: ask(work, TOWN)

    looks: dict[str, Callable[[Work], Any]] = {
        "cases": case_list.cases,
        "cases, narrowed": lambda work: case_list.cases(work, Filters(text="land", overdue=True, service="wohngeld")),
        "cases, second page": lambda work: case_list.cases(work, Filters(), Cursor(after="wohngeld-07339-1")),
        "bodies": bodies.bodies,
        "body": of_town(bodies.body),
        "services": services.services,
        "service": lambda work: services.service(work, "wohngeld"),
        "programme": programme.programme,
    }

    def price() -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for who in ("office", "team", "digi"):
            for name, look in looks.items():
                with world.look(who) as work, counted(world) as sent:
                    look(work)
                found[who, name] = len(sent)
        return found

    assert open_everything(world, "wohngeld") == 44
    few = price()
    assert open_everything(world) > 750
    assert price() == few
    assert max(few.values()) <= 15


@pytest.mark.slow
def test_the_list_of_a_team_is_read_through_indexes(world: World) -> None:
    open_everything(world)
    with world.look("team") as work, counted(world) as sent:
        case_list.cases(work, Filters(overdue=True))
    reads = [statement for statement in sent if "FROM cases" in statement]
    assert len(reads) >= 3
    for plan in _plans(world, reads):
        for scan in ("SCAN cases", "SCAN task", "Seq Scan on cases", "Seq Scan on task"):
            assert scan not in plan, plan


def _plans(world: World, statements: list[str]) -> list[str]:
    """What the database would do, on a table large enough to care. The plan is asked for with the very statements."""
    plans: list[str] = []
    postgres = world.engine.pool.dialect.name == "postgresql"

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement not in statements:
            return
        ask = "EXPLAIN " if postgres else "EXPLAIN QUERY PLAN "
        cursor.execute(ask + statement, parameters)
        plans.append("\n".join(str(row[0] if postgres else row[3]) for row in cursor.fetchall()))

    sa.event.listen(world.engine.pool, "before_cursor_execute", explain)
    try:
        with world.by("team") as work:
            if postgres:
                work.session.execute(sa.text("SET LOCAL enable_seqscan = off"))
            case_list.cases(work, Filters(overdue=True))
    finally:
        sa.event.remove(world.engine.pool, "before_cursor_execute", explain)
    assert len(plans) == len(statements)
    return plans


def test_a_line_names_who_really_acts_where_nobody_holds_the_role(world: World) -> None:
    world.open()
    for gone, role, instead_of in (
        (None, "Digitalisierungsbeauftragte:r", None),
        ("digi", "Leitung der Kommune", "Digitalisierungsbeauftragte:r"),
        ("leitung", "Umsetzungsteam", "Digitalisierungsbeauftragte:r"),
    ):
        if gone is not None:
            with world.engine.change(SYSTEM) as work:
                people.withdraw(work, world[gone], people.parse_role(f"{gone}@{TOWN}"))
        with world.look("team") as work:
            (line,) = case_list.cases(work).lines
        assert line.next is not None
        acts = (line.next.role.de, line.next.instead_of.de if line.next.instead_of else None)
        assert acts == (role, instead_of)


# --- bodies ----------------------------------------------------------------------------------------------------------


def test_all_bodies_are_listed_by_district(lively: World) -> None:
    with lively.look("digi") as work:
        found = bodies.bodies(work)
    assert found.matching == found.all == 194
    assert sum(len(group.bodies) for group in found.groups) == 194
    own, towns, *districts = found.groups
    assert (own.own, [(body.ars, body.cases) for body in own.bodies]) == (True, [(TOWN, 2)])
    assert (towns.own, towns.name, len(towns.bodies)) == (False, None, 12)
    assert all(group.district is not None and not group.own for group in districts)
    with lively.look("team") as work:
        towns, *districts = bodies.bodies(work).groups
    assert (towns.district, towns.own) == (None, False)
    district = next(group for group in districts if group.district == TOWN)
    assert district.bodies[0].ars == TOWN
    assert [body.cases for body in district.bodies[:1]] == [2]
    assert found.attribution.startswith("© Statistisches Bundesamt")


def test_a_body_counts_the_cases_its_reader_sees(lively: World) -> None:
    for who in PEOPLE:
        with lively.look(who) as work:
            found = bodies.bodies(work)
            counted_ = dict(
                work.session.execute(
                    sa.select(Case.body, sa.func.count()).where(policy.cases(work.actor)).group_by(Case.body)
                ).all()
            )
        shown = {body.ars: body.cases for group in found.groups for body in group.bodies}
        assert {ars: cases_ for ars, cases_ in shown.items() if cases_} == counted_
        assert found.sees_cases == bool(counted_)


def test_bodies_are_found_by_name_kind_district_and_key(world: World) -> None:
    def found(**filters: Any) -> list[str]:
        with world.look("digi") as work:
            page = bodies.bodies(work, bodies.Filters(**filters))
        return [body.name for group in page.groups for body in group.bodies]

    assert found(text="südeifel") == found(text="SUDEIFEL") == ["Verbandsgemeinde Südeifel"]
    assert found(text="07339") == found(district=TOWN)
    assert found(text="vg alzey") == ["Verbandsgemeinde Alzey-Land"]
    assert len(found(kind="landkreis")) == 24
    assert found(text="nirgendwo") == []
    assert len(found(kind="\x00", district="x")) == 194
    assert found(text="%") == []


def test_a_stranger_sees_state_and_go_live_of_a_body_but_no_case_and_nobody(lively: World) -> None:
    with lively.look("stranger") as work:
        page = bodies.body(work, TOWN)
    states = {service.service: service for service in page.services}
    assert states["wohngeld"].state is not None
    assert states["wohngeld"].state.key == "connected"
    assert states["wohngeld"].since is not None
    assert [service.case for service in page.services] == [None] * len(page.services)
    assert [service.number for service in page.services] == [None] * len(page.services)
    assert not any(service.overdue or service.rests for service in page.services)
    assert (page.prerequisites, page.roles, page.askable, page.standing.cases.seen) == (None, None, (), 0)
    assert page.attribution


def test_states_are_told_to_nobody_else_when_the_programme_says_so(lively: World) -> None:
    with lively.look("stranger") as work:
        _keep_states_private(work)
        page = bodies.body(work, TOWN)
        service = services.service(work, "wohngeld")
        catalogue = services.services(work)
    assert [one.state for one in page.services] == [None] * len(page.services)
    assert not page.states_known
    assert (service.cases, catalogue.public) == (1, False)
    assert {body.ars for body in service.bodies if body.state is not None} == {STRANGE_TOWN}
    with lively.look("digi") as work:
        _keep_states_private(work)
        own = {one.service: one for one in bodies.body(work, TOWN).services}
    assert own["wohngeld"].state is not None


def _keep_states_private(work: Work) -> None:
    work.catalogue.programme = dataclasses.replace(work.catalogue.programme, state_is_public=False)


def test_people_of_a_body_and_its_team_see_who_does_what(lively: World) -> None:
    for who in ("digi", "leitung", "kasse", "team", "supervisor"):
        with lively.look(who) as work:
            page = bodies.body(work, TOWN)
        assert page.roles is not None
        assert [(role.title.de, [one.name for one in role.holders]) for role in page.roles][:2] == [
            ("Leitung der Kommune", ["Leitung"]),
            ("Digitalisierungsbeauftragte:r", ["Digi"]),
        ]


def test_who_holds_a_role_at_a_body_is_nobody_elses_business(lively: World) -> None:
    for who in ("admin", "office", "auditor", "operator", "other_team", "stranger"):
        with lively.look(who) as work:
            assert bodies.body(work, TOWN).roles is None


def test_a_role_nobody_holds_says_who_takes_over(lively: World) -> None:
    with lively.engine.change("system") as work:
        work.session.execute(sa.update(Grant).where(Grant.person_id == lively["kasse"]).values(ended_at=work.now))
    with lively.look("digi") as work:
        roles = bodies.body(work, TOWN).roles
    assert roles is not None
    cash = next(role for role in roles if role.title.de == "Kasse")
    assert (cash.holders, cash.falls_to and cash.falls_to.de) == ((), "Digitalisierungsbeauftragte:r")


def test_prerequisites_of_a_body_are_shown_to_those_who_may_know_them(lively: World) -> None:
    for who in ("digi", "it", "team", "supervisor", "office", "auditor"):
        with lively.look(who) as work:
            page = bodies.body(work, TOWN)
            known = work.session.execute(
                sa.select(sa.func.count()).where(Prerequisite.body == TOWN, policy.prerequisites(work.actor))
            ).scalar_one()
        assert page.prerequisites is not None
        assert len(page.prerequisites) == known > 0
        assert {one.status for one in page.prerequisites} == {"done"}
        assert all(one.done_on for one in page.prerequisites)


def test_another_team_knows_nothing_of_a_bodys_prerequisites(lively: World) -> None:
    with lively.look("other_team") as work:
        assert bodies.body(work, TOWN).prerequisites == ()


def test_a_prerequisite_past_its_day_counts_as_expired(lively: World) -> None:
    with lively.by("team") as work:
        asked = prerequisites.request(work, TOWN, "elster_account")
    with lively.by("it") as work:
        given = lively.proof(work, "elster_account")
        tomorrow = (work.today + dt.timedelta(days=1)).isoformat()
        prerequisites.complete(work, asked.id, {**given, "expires_on": tomorrow})
    lively.days(2)
    with lively.look("it") as work:
        page = prerequisite.prerequisite(work, asked.id)
        shown = {one.id: one.status for one in bodies.body(work, TOWN).prerequisites or ()}
    assert (page.status, shown[asked.id]) == ("expired", "expired")
    assert page.may_complete


def test_a_body_that_does_not_exist_is_not_found(world: World) -> None:
    for ars in ("999999999999", "x", "", "07339000000", "\x00" * 12, "٠٧٣٣٩٠٠٠٠٠٠٠"):
        with world.look("office") as work, pytest.raises(NotFound):
            bodies.body(work, ars)


def test_what_can_be_asked_for_leaves_out_what_was_asked_already(lively: World) -> None:
    with lively.look("digi") as work:
        before = {one.key for one in bodies.body(work, TOWN).askable}
    assert "payment_mandate:" in before
    assert "functional_mailbox:wohngeld" not in before  # Wohngeld chose its way of connecting and has asked for it
    with lively.by("digi") as work:
        prerequisites.request(work, TOWN, "payment_mandate")
    with lively.look("digi") as work:
        assert "payment_mandate:" not in {one.key for one in bodies.body(work, TOWN).askable}


# --- one prerequisite ------------------------------------------------------------------------------------------------


def test_a_prerequisite_says_who_acts_and_what_the_engine_would_permit(lively: World) -> None:
    with lively.by("team") as work:
        asked = prerequisites.request(work, TOWN, "fitconnect_endpoint", "wohngeld")
    for who, may in (("kasse", False), ("team", False), ("office", False), ("auditor", False), ("it", True)):
        with lively.look(who) as work:
            page = prerequisite.prerequisite(work, asked.id)
        assert (page.may("accept"), page.may_complete) == (may, may), who
        assert (page.owner.de, page.people) == ("IT oder IT-Dienstleister", ("It",))
    with lively.by("it") as work:
        prerequisites.accept(work, asked.id, seen=asked.version)
    with lively.look("it") as work:
        page = prerequisite.prerequisite(work, asked.id)
    assert (page.status, page.mine, page.holder, page.may("accept"), page.may_complete) == (
        "accepted",
        True,
        "It",
        False,
        True,
    )
    assert [entry.happened.act for entry in page.history] == ["accepted", "asked"]
    assert page.history[0].happened.who == "It"


def test_a_prerequisite_of_a_role_nobody_holds_is_shown_to_fall_to_the_team(world: World) -> None:
    with world.engine.change("system") as work:
        district = sa.select(TeamDistrict.team).where(TeamDistrict.district == EMPTY_TOWN)
        team = work.session.execute(district).scalar_one()
        people.grant(work, world["colleague"], Role("umsetzungsteam", team=team))
    with world.by("colleague") as work:
        asked = prerequisites.request(work, EMPTY_TOWN, "payment_mandate")
    with world.look("colleague") as work:
        page = prerequisite.prerequisite(work, asked.id)
    assert (page.falls, page.in_charge.de, page.for_the_body, page.may_complete) == (
        True,
        "Umsetzungsteam",
        True,
        True,
    )


def test_a_prerequisite_names_the_cases_that_wait_and_the_reader_may_see(lively: World) -> None:
    case_id = case_of(lively, "wohngeld", TOWN)
    with lively.look("digi") as work:
        page = prerequisite.prerequisite(work, prerequisite_of(lively, "editing_rights"))
    assert [waiting.id for waiting in page.waiting] == [case_id]
    with lively.look() as work:
        known = prerequisites.waiting_cases(work, TOWN, "editing_rights", "")
    assert [waiting.id for waiting in page.waiting] == known


def test_a_foreign_prerequisite_does_not_exist(lively: World) -> None:
    for who in ("stranger", "operator", "other_team", "admin"):
        with lively.look(who) as work, pytest.raises(NotFound):
            prerequisite.prerequisite(work, prerequisite_of(lively, "editing_rights"))


def test_earlier_answers_stay_beside_the_latest(lively: World) -> None:
    asked = prerequisite_of(lively, "editing_rights")
    with lively.by("redaktion") as work:
        given = plausible(work.catalogue.shared.prerequisites["editing_rights"].evidence, work.today)
        prerequisites.complete(work, asked, {**given, "org_unit_ids": "L100 und L200"})
    with lively.look("redaktion") as work:
        page = prerequisite.prerequisite(work, asked)
    assert {answer.field: answer.value for answer in page.answers}["org_unit_ids"] == "L100 und L200"
    assert [(answer.field, answer.value) for answer in page.earlier] == [("org_unit_ids", "Wie besprochen.")]
    assert page.prefilled["org_unit_ids"] == "L100 und L200"
    assert page.answers[0].given_by == "Redaktion"


def test_completing_a_prerequisite_reaches_every_case_that_waits(lively: World) -> None:
    asked = prerequisite_of(lively, "editing_rights")
    case_id = case_of(lively, "wohngeld", TOWN)
    following.work_off(lively.engine)
    before = _acts(lively, case_id).count("waiting_ended")
    with lively.by("redaktion") as work:
        given = plausible(work.catalogue.shared.prerequisites["editing_rights"].evidence, work.today)
        prerequisites.complete(work, asked, given)
    assert following.work_off(lively.engine) == 1
    assert _acts(lively, case_id).count("waiting_ended") == before + 1


def _acts(world: World, chain_id: UUID) -> list[str]:
    with world.look() as work:
        return list(work.session.execute(sa.select(Event.act).where(Event.chain_id == chain_id)).scalars())


# --- services, milestones, the programme -----------------------------------------------------------------------------


def test_the_catalogue_comes_in_the_order_of_the_priorities(lively: World) -> None:
    with lively.look("stranger") as work:
        found = services.services(work)
        priorities = work.catalogue.programme.priorities
    assert [line.key for line in found.lines[: len(priorities)]] == list(priorities)
    assert len(found.lines) == 16
    housing = found.lines[0]
    assert housing.responsible is not None
    assert (housing.responsible.bodies, housing.responsible.sourced) == (44, False)
    assert next(line for line in found.lines if line.key == "anlagen").responsible is None


def test_numbers_of_a_service_are_those_of_the_bodies_behind_them(lively: World) -> None:
    for who in PEOPLE:
        with lively.look(who) as work:
            line = next(line for line in services.services(work).lines if line.key == "wohngeld")
            page = services.service(work, "wohngeld")
            assert (line.cases, line.live, line.states) == (page.cases, page.live, page.states)
            assert page.cases == 44
            for count in page.states:
                narrowed = services.service(work, "wohngeld", state=count.state.key)
                assert len(narrowed.bodies) == count.cases
            assert len(services.service(work, "wohngeld", state=services.NOT_OPEN).bodies) == page.not_open
            visible = seen_by(lively, who)
            linked = {body.case for body in page.bodies if body.case is not None}
        assert len(linked) == sum(1 for number in visible if number.startswith("wohngeld-"))


def test_what_is_not_known_of_a_service_is_not_invented(world: World) -> None:
    with world.look("stranger") as work:
        page = services.service(work, "anlagen")
    assert (page.leika, page.ozg, page.operator, page.authority, page.responsible, page.payment) == (None,) * 6
    assert (page.bodies, page.cases, page.not_open, page.milestones) == ((), 0, 0, ())


def test_a_state_nobody_knows_narrows_no_service(lively: World) -> None:
    for state in ("", "x", "\x00", "' or 1=1", "🙂"):
        with lively.look("office") as work:
            page = services.service(work, "wohngeld", state=state)
        assert (page.state, len(page.bodies)) == (None, 44), state


def test_a_service_the_catalogue_lacks_is_not_found(world: World) -> None:
    with world.look("office") as work, pytest.raises(NotFound):
        services.service(work, "steuer")


def test_a_milestone_names_the_cases_that_wait_for_it(lively: World) -> None:
    with lively.look("office") as work:
        page = services.milestone(work, milestone_of(lively, "uvg"))
    assert [(waiting.state.key, waiting.cases) for waiting in page.waiting] == [("requested", 41)]
    assert len(lines(lively, "office", Filters(service="uvg", state="requested"))) == 41
    with lively.look("stranger") as work:
        own = services.milestone(work, milestone_of(lively, "uvg"))
    assert [waiting.cases for waiting in own.waiting] == [1]
    assert not own.may_plan


def test_a_milestone_tells_only_the_programmes_own_people_who_did_what(lively: World) -> None:
    reached = milestone_of(lively, "wohngeld")
    with lively.look("auditor") as work:
        known = services.milestone(work, reached)
    assert known.history[0].who == "Office"
    assert known.answers
    with lively.look("digi") as work:
        page = services.milestone(work, reached)
    assert page.reached_on == known.reached_on
    assert {entry.who for entry in page.history} == {None}
    assert page.answers == ()


def test_a_moved_milestone_keeps_every_date_and_reason(world: World) -> None:
    milestone_id = milestone_of(world, "ikfz")
    for day, reason in ((1, "Zuerst geplant."), (15, "Das Land verhandelt länger.")):
        with world.by("office") as work:
            milestones.plan(work, milestone_id, dt.date(2027, 3, day), reason)
    with world.look("digi") as work:
        page = services.milestone(work, milestone_id)
    assert [(entry.due_on, entry.remark) for entry in page.history] == [
        (dt.date(2027, 3, 15), "Das Land verhandelt länger."),
        (dt.date(2027, 3, 1), "Zuerst geplant."),
        (None, None),
    ]
    assert page.due is not None
    assert page.due.on == dt.date(2027, 3, 15)


def test_reaching_a_milestone_reaches_every_case_that_waits(lively: World) -> None:
    milestone_id = milestone_of(lively, "uvg")
    with lively.by("office") as work:
        given = plausible(work.catalogue.shared.milestones["land_contract"].evidence, work.today)
        reached = milestones.reach(work, milestone_id, work.today, given)
    assert reached.waiting == 41
    assert following.work_off(lively.engine) >= 41
    with lively.look() as work:
        waiting = work.session.execute(sa.select(Case.id).where(Case.service == "uvg")).scalars().all()
        told = set(work.session.execute(sa.select(Event.chain_id).where(Event.act == "waiting_ended")).scalars())
    assert set(waiting) <= told


def test_a_guessed_milestone_does_not_exist(world: World) -> None:
    for milestone_id in (UUID(int=0), uuid4()):
        with world.look("office") as work, pytest.raises(NotFound):
            services.milestone(work, milestone_id)


def test_the_programme_keeps_the_history_of_its_targets(lively: World) -> None:
    with lively.look("stranger") as work:
        page = programme.programme(work)
    assert [target.on.year for target in page.targets] == [2026, 2024, 2022]
    assert [target.current for target in page.targets] == [True, False, False]
    assert all(target.reason.de and target.source for target in page.targets)
    assert (page.target.on, page.target.overdue) == (dt.date(2026, 12, 31), False)
    assert (page.standing.cases.cases, page.standing.live.cases) == (85, 0)
    assert len(page.waves) == 6
    assert sum(len(team.districts) for team in page.teams) == 36


def test_teams_count_the_cases_their_reader_sees(lively: World) -> None:
    with lively.look("office") as work:
        shown = {team.key: team.cases for team in programme.programme(work).teams}
    for team, cases_ in shown.items():
        assert len(lines(lively, "office", Filters(team=team))) == cases_


# --- documents -------------------------------------------------------------------------------------------------------


def test_a_document_is_for_those_who_may_see_what_it_belongs_to(lively: World) -> None:
    document_id = _uploaded(lively)
    folder = lively.engine.settings.documents
    for who in ("office", "auditor", "team", "supervisor"):
        with lively.look(who) as work:
            assert documents.find(work, document_id, folder).name == FILE.name
    for who in ("digi", "leitung", "stranger", "operator", "admin"):
        with lively.look(who) as work, pytest.raises(NotFound):
            documents.find(work, document_id, folder)


def _uploaded(world: World) -> UUID:
    """A file given with a milestone, which the programme's own people may read."""
    asked = {"contract": EvidenceField(type="document", title=Text(de="Vertrag", en="Contract"))}
    milestone_id = milestone_of(world, "uvg")
    with world.by("office") as work:
        given: dict[str, str | StoredFile] = {"contract": FILE}
        kept = casework.keep_answers(
            work,
            evidence.read(asked, given),
            kind="milestone",
            subject_id=milestone_id,
            source="land_contract",
            attempt=1,
            earlier={},
            owner={"milestone_id": milestone_id},
        )
        casework.write_kept(work, kept)
    document_id: UUID = kept.documents[0]["id"]
    return document_id


# --- values ----------------------------------------------------------------------------------------------------------


def test_no_row_goes_through_a_door(lively: World) -> None:
    with lively.look("team") as work:
        values = [
            case_list.cases(work),
            bodies.bodies(work),
            bodies.body(work, TOWN),
            services.services(work),
            services.service(work, "wohngeld"),
            services.milestone(work, milestone_of(lively, "uvg")),
            prerequisite.prerequisite(work, prerequisite_of(lively, "editing_rights")),
            programme.programme(work),
        ]
    for value in values:
        _insist_frozen(value)


def _insist_frozen(value: Any) -> None:
    if value is None or isinstance(value, (str, int, float, bool, dt.date, UUID)):
        return
    if isinstance(value, (tuple, frozenset)):
        for item in value:
            _insist_frozen(item)
    elif isinstance(value, dict):
        for item in value.values():
            _insist_frozen(item)
    else:
        assert dataclasses.is_dataclass(value), type(value)
        assert vars(type(value))["__dataclass_params__"].frozen, type(value)
        for part in dataclasses.fields(value):
            _insist_frozen(getattr(value, part.name))


def test_notices_of_an_asked_prerequisite_reach_who_must_act(world: World) -> None:
    with world.by("team") as work:
        asked = prerequisites.request(work, TOWN, "payment_mandate")
    with world.look() as work:
        told = set(
            work.session.execute(
                sa.select(Notice.recipient_id).where(Notice.subject_id == asked.id, Notice.name == "asked")
            ).scalars()
        )
    assert told == {world["kasse"]}
