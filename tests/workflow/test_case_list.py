"""Whatever a list of cases is narrowed to, sorted by or laid out as: the right cases, each once, and nobody else's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.conftest import Prepare
from tests.workflow.test_queries_lists import case_of, counted, open_everything, seen_by
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import cases, clusters, delegations, mailboxes, prerequisites, registers
from workflow.mailboxes import Place
from workflow.models import Case, ClusterMember, Event, Hold, Milestone, Person, Task
from workflow.queries import case_board, case_list, case_order, held_up
from workflow.queries.case_list import CaseLine, CaseList, Cursor, Filters
from workflow.queries.case_order import Sort

pytestmark = pytest.mark.slow

PEOPLE = ("office", "team", "other_team", "operator", "digi", "stranger", "auditor", "admin")
WORDS = ("operator", "variant", "acting", "prerequisite", "milestone", "occasion", "cluster", "waits_for")


@pytest.fixture
def busy(prepared: Prepare) -> World:
    """Cases in every town: one further on, one resting, one given away, a cluster, and a person no mail reaches."""
    return prepared(_busy)[0]


def _busy(world: World) -> None:
    open_everything(world, "wohngeld", "uvg")
    world.walk(case_of(world, "wohngeld", TOWN), until="connected")
    world.finish_state(case_of(world, "uvg", TOWN))
    world.days(1)
    vendor = next(key for key in _parties(world) if key.startswith("vendor:"))
    with world.by("team") as work:
        cases.hold(
            work,
            case_of(world, "uvg", TOWN),
            blocker="fv_vendor_missing",
            reason="Das Modul fehlt.",
            review_on=work.today + dt.timedelta(days=30),
            waits_for=vendor,
        )
        prerequisites.request(work, TOWN, "payment_mandate")
    with world.by("office") as work:
        clusters.found(work, "Verbund Nord", TOWN, [EMPTY_TOWN], ["wohngeld"])
        delegations.give(work, STRANGE_TOWN, "wohngeld", TOWN, from_on=work.today)
    assert delegations.apply(world.engine)
    with world.engine.change("system") as work:
        wave = next(iter(work.catalogue.programme.waves))
        chosen = sa.select(Case.id).where(Case.body.in_([TOWN, EMPTY_TOWN]), Case.service == "wohngeld")
        work.session.execute(sa.update(Case).where(Case.id.in_(chosen)).values(wave=wave, taken_over=True))
        marked = {"bounced_at": work.now, "bounce_reason": "5.1.1"}
        work.session.execute(sa.update(Person).where(Person.id == world["stranger"]).values(marked))
    world.days(7)


def _parties(world: World) -> list[str]:
    with world.look("team") as work:
        return list(registers.entries(work, "parties"))


def pages(world: World, who: str, filters: Filters, sort: Sort = case_order.BY_BODY) -> Iterator[CaseList]:
    cursor: Cursor | None = Cursor()
    while cursor is not None:
        with world.look(who) as work:
            page = case_list.cases(work, filters, cursor, sort)
        yield page
        cursor = page.older


def lines(world: World, who: str, filters: Filters, sort: Sort = case_order.BY_BODY) -> list[CaseLine]:
    return [line for page in pages(world, who, filters, sort) for line in page.lines]


def rows(world: World, where: Callable[[], Any]) -> set[str]:
    """The numbers of cases for which this holds, whoever sees them."""
    with world.look() as work:
        return set(work.session.execute(sa.select(Case.number).where(where())).scalars())


def task(*conditions: Any) -> Any:
    return sa.exists().where(Task.case_id == Case.id, Task.acting.is_not(None), *conditions)


def last(*conditions: Any) -> Any:
    newest = sa.select(sa.func.max(Event.at)).where(Event.chain_id == Case.id).scalar_subquery()
    return sa.and_(*(condition(newest) for condition in conditions))


# --- filters ---------------------------------------------------------------------------------------------------------


def asked(world: World) -> dict[Filters, Callable[[], Any]]:
    """Filters, and what is true of exactly the cases they leave, told as simply as can be."""
    with world.look() as work:
        today = work.today
        operator = work.session.execute(sa.select(Case.operator).where(Case.operator.is_not(None))).scalars().first()
        soon = work.catalogue.calendar.add(today, 10)
        cluster = work.session.execute(sa.select(ClusterMember.cluster_id)).scalars().first()
        wave = work.session.execute(sa.select(Case.wave).where(Case.wave.is_not(None))).scalars().first()
        variant = work.session.execute(sa.select(Case.variant).where(Case.variant.is_not(None))).scalars().first()
        held = work.session.execute(sa.select(Hold.external_key)).scalar_one()
    assert isinstance(cluster, UUID)
    morning = dt.datetime.combine(today, dt.time(), dt.UTC) - dt.timedelta(hours=1)  # midnight in Berlin, in winter
    members = [TOWN, EMPTY_TOWN]
    late = task(Task.due_on < today)
    waiting = sa.exists().where(Milestone.service == Case.service, Milestone.reached_on.is_(None))
    return {
        Filters(operator=operator): lambda: Case.operator == operator,
        Filters(variant=variant): lambda: Case.variant == variant,
        Filters(wave=wave): lambda: Case.wave == wave,
        Filters(acting="body.digi"): lambda: task(Task.acting == "body.digi"),
        Filters(acting="umsetzungsteam"): lambda: task(Task.acting == "umsetzungsteam"),
        Filters(due_within=10): lambda: sa.and_(~Case.rests, task(Task.due_on.between(today, soon)), ~late),
        Filters(due_within=0): lambda: sa.and_(~Case.rests, task(Task.due_on == today), ~late),
        Filters(overdue=True): lambda: sa.and_(~Case.rests, late),
        Filters(waits_for=f"vendor:{held}"): lambda: sa.and_(Case.service == "uvg", Case.body == TOWN),
        Filters(blocker="fv_vendor_missing"): lambda: Case.rests.is_(True),
        Filters(milestone="land_contract"): lambda: sa.and_(Case.state == "requested", waiting),
        Filters(unreached=True): lambda: sa.and_(Case.body == STRANGE_TOWN, Case.delegate.is_(None)),
        Filters(occasion="first"): sa.true,
        Filters(occasion="upgrade"): sa.false,
        Filters(delegated=True): lambda: sa.and_(Case.body == STRANGE_TOWN, Case.service == "wohngeld"),
        Filters(cluster=cluster.hex): lambda: sa.and_(Case.service == "wohngeld", Case.body.in_(members)),
        Filters(taken_over=True): lambda: Case.wave == wave,
        Filters(opened_since=today): sa.false,
        Filters(opened_since=today - dt.timedelta(days=30)): sa.true,
        Filters(changed_since=today - dt.timedelta(days=9)): lambda: last(
            lambda at: at >= morning - dt.timedelta(days=9)
        ),
        Filters(unchanged_since=today - dt.timedelta(days=9)): lambda: last(
            lambda at: at < morning - dt.timedelta(days=9)
        ),
        Filters(body=TOWN, acting="body.digi", overdue=True): lambda: sa.and_(
            Case.body == TOWN, ~Case.rests, task(Task.acting == "body.digi"), late
        ),
    }


def test_every_filter_leaves_exactly_what_it_names_and_its_number_is_the_length_of_its_list(busy: World) -> None:
    found: dict[Filters, set[str]] = {}
    seen = {who: seen_by(busy, who) for who in PEOPLE}
    for filters, holds in asked(busy).items():
        expected = rows(busy, holds)
        for who in ("office", "team", "stranger"):
            listed = list(pages(busy, who, filters))
            numbers = [line.number for page in listed for line in page.lines]
            if listed[0].filters == filters:  # a cluster nobody may know of narrows nothing
                assert sorted(numbers) == sorted(expected & seen[who]), (who, filters)
            assert {page.matching for page in listed} == {len(numbers)}, (who, filters)
            assert set(numbers) <= seen[who], (who, filters)
            with busy.look(who) as work:
                many = case_list.ids(work, filters, most=1000)
            if listed[0].filters == filters:
                assert len(many) == len(numbers)
            if who == "office":
                found[filters] = set(numbers)
    assert sum(1 for numbers in found.values() if numbers) >= 17  # the others are about what nobody has


def test_a_list_of_cases_that_lack_a_prerequisite_is_as_long_as_the_ranking_says(busy: World) -> None:
    with busy.look("team") as work:
        kinds = {line.kind: line.cases for line in held_up.ranking(work).kinds}
    assert kinds
    for kind, count in kinds.items():
        with busy.look("team") as work:
            assert case_list.cases(work, Filters(prerequisite=kind)).matching == count, kind
    with busy.look("team") as work:
        done = case_list.cases(work, Filters(prerequisite="editing_rights", body=TOWN))
    assert done.matching == 0


def test_whom_a_mailbox_or_a_working_address_reaches_is_in_no_list_of_unreached(busy: World) -> None:
    unreached = Filters(unreached=True)
    assert lines(busy, "office", unreached)
    assert lines(busy, "other_team", unreached) == []  # that town is not theirs
    with busy.by("admin") as work:
        mailboxes.set_up(work, Place(body=STRANGE_TOWN), "", "rathaus@worms.example")
    assert lines(busy, "office", unreached) == []


def test_filters_that_name_nothing_there_is_narrow_nothing_and_never_choose_all(busy: World) -> None:
    for nonsense in ("", "x", "\x00", "'; --", "a" * 3000, "🙂"):
        words: dict[str, Any] = dict.fromkeys(WORDS, nonsense)
        filters = Filters(**words)
        with busy.look("office") as work:
            page = case_list.cases(work, filters)
            assert page.matching == page.everything, nonsense
            assert not page.filters.narrow
            assert case_list.ids(work, filters, most=10) == [], nonsense
    for days in (-1, 367, 10**9, -(10**9)):
        with busy.look("office") as work:
            assert case_list.cases(work, Filters(due_within=days)).filters.due_within is None
    for day in (dt.date.min, dt.date.max):
        with busy.look("office") as work:
            for name in ("opened_since", "live_since", "changed_since", "unchanged_since"):
                since: dict[str, Any] = {name: day}
                assert case_list.cases(work, Filters(**since)).matching >= 0, (name, day)


def test_filters_offer_bodies_of_the_district_and_clusters_one_may_know(busy: World) -> None:
    with busy.look("team") as work:
        page = case_list.cases(work, Filters(district=TOWN))
    assert TOWN in dict(page.options.bodies)
    assert STRANGE_TOWN not in dict(page.options.bodies)
    assert [title for _, title in page.options.clusters] == ["Verbund Nord"]
    for who in ("stranger", "operator", "admin"):
        with busy.look(who) as work:
            assert case_list.cases(work).options.clusters == (), who


# --- order -----------------------------------------------------------------------------------------------------------


def test_under_every_order_each_case_stands_on_exactly_one_page_in_both_directions(busy: World) -> None:
    wanted = Filters(service="wohngeld")
    everything = sorted(number for number in seen_by(busy, "office") if number.startswith("wohngeld"))
    assert len(everything) > case_list.PAGE
    for by in case_order.SORTS:
        for descending in (False, True):
            sort = Sort(by, descending)
            forward = list(pages(busy, "office", wanted, sort))
            numbers = [[line.number for line in page.lines] for page in forward]
            assert sorted(number for page in numbers for number in page) == everything, sort
            assert forward[0].newer is None
            cursor = forward[-1].newer
            backward = [numbers[-1]]
            while cursor is not None:
                with busy.look("office") as work:
                    page = case_list.cases(work, wanted, cursor, sort)
                backward.insert(0, [line.number for line in page.lines])
                cursor = page.newer
            assert backward == numbers, sort


def test_an_order_goes_by_what_its_column_shows_and_what_lacks_it_comes_last(busy: World) -> None:
    def shown(by: str, *, descending: bool = False) -> list[CaseLine]:
        return lines(busy, "team", Filters(), Sort(by, descending))

    for descending in (False, True):
        due = [line.next.due.on if line.next and line.next.due and not line.rests else None for line in
               shown("due", descending=descending)]  # fmt: skip
        there = [day for day in due if day]
        assert due == sorted(there, reverse=descending) + [None] * (len(due) - len(there))
        waves = [line.wave is not None for line in shown("wave", descending=descending)]
        assert waves == sorted(waves, reverse=True)
        assert any(waves)
        changed = [line.changed_on for line in shown("changed", descending=descending)]
        assert changed == sorted(changed, reverse=descending)
        states = [line.state.position for line in shown("state", descending=descending)]
        assert states == sorted(states, reverse=descending)
    assert [line.number for line in shown("nonsense")] == [line.number for line in shown("body")]
    assert [line.number for line in shown("number")] == sorted(line.number for line in shown("body"))


# --- the board -------------------------------------------------------------------------------------------------------


def test_the_board_shows_the_lists_cases_by_state_the_most_urgent_first(busy: World) -> None:
    for who in PEOPLE:
        for filters in (Filters(), Filters(service="wohngeld"), Filters(overdue=True), Filters(state="requested")):
            with busy.look(who) as work:
                board = case_board.board(work, filters)
            listed = lines(busy, who, board.found.filters, Sort("due"))
            for column in board.columns:
                here = [line for line in listed if line.state.key == column.state.key]
                assert [card.line for card in column.cards] == here[: case_board.MOST], (who, filters)
                assert column.cases == len(here), (who, filters)


def test_a_card_offers_the_next_step_to_whoever_may_take_it(busy: World) -> None:
    def offered(who: str) -> set[str | None]:
        with busy.look(who) as work:
            columns = case_board.board(work, Filters(body=TOWN, service="wohngeld")).columns
        return {card.forward.name if card.forward else None for column in columns for card in column.cards}

    assert offered("team") == {"pass_tests"}
    for who in ("digi", "auditor", "office"):
        assert offered(who) == {None}, who


# --- the price -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("descending", [False, True])
def test_who_sees_every_case_reads_them_in_the_order_of_who_sees_some(busy: World, descending: bool) -> None:
    own = [line.number for line in lines(busy, "team", Filters(), Sort("due", descending))]
    among_all = [line.number for line in lines(busy, "office", Filters(), Sort("due", descending))]
    assert own
    assert [number for number in among_all if number in own] == own


def test_filters_orders_and_the_board_take_a_fixed_number_of_statements(busy: World) -> None:
    with busy.look("team") as work, counted(busy) as sent:
        case_board.board(work)
    assert len(sent) <= 12
    for filters, sort in (
        (Filters(unreached=True, prerequisite="payment_mandate", milestone="land_contract"), Sort("due")),
        (Filters(changed_since=dt.date(2026, 1, 1), district=TOWN), Sort("changed", descending=True)),
    ):
        with busy.look("office") as work, counted(busy) as sent:
            case_list.cases(work, filters, Cursor(after="wohngeld-07339-1"), sort)
        assert len(sent) <= 17, filters
