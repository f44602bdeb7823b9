"""Further rounds of a service at a body: opened beside what is live, which ends when they go live."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import TOWN, World, plausible
from workflow import cases, following, history
from workflow.errors import AlreadyOpen, Conflict, InvalidEvidence, NotAllowed, NotFound
from workflow.models import Case, Notice
from workflow.queries import bodies as body_pages
from workflow.queries import case as case_pages
from workflow.queries import case_list, standing
from workflow.queries import services as service_pages
from workflow.queries.case_list import Filters


@pytest.fixture
def live(world: World) -> UUID:
    """A case of Mainz-Bingen that is live."""
    case_id = world.open("uvg")
    world.walk(case_id)
    following.work_off(world.engine)
    return case_id


def open_next(world: World, case_id: UUID, occasion: str = "upgrade", who: str = "team") -> UUID:
    """Open the next round of a case."""
    with world.by(who) as work:
        return cases.open_next(work, case_id, occasion=occasion, reason="Jetzt mit Datenübernahme.").id


def test_the_next_round_begins_while_the_former_stays_live(world: World, live: UUID) -> None:
    before = world.case(live)
    following_id = open_next(world, live)
    after, opened = world.case(live), world.case(following_id)
    assert (after.state, after.version, after.seq) == ("live", before.version + 1, before.seq + 1)
    assert (opened.state, opened.round, opened.previous_id, opened.occasion) == ("requested", 2, live, "upgrade")
    assert (opened.number, opened.team) == (before.number.removesuffix("1") + "2", before.team)
    with world.look("digi") as work:
        page = case_pages.case(work, following_id)
        assert page.others.previous == case_pages.OtherCase(live, before.number)
        assert not page.others.replaces_previous
        assert page.history[0].remark == "Jetzt mit Datenübernahme."
        former = case_pages.case(work, live)
        assert former.others.later == (case_pages.OtherCase(following_id, opened.number),)
        assert former.history[0].act == "next_round_opened"


def test_when_the_next_round_goes_live_the_former_ends_and_both_say_so(world: World, live: UUID) -> None:
    following_id = open_next(world, live, "reconnection")
    world.walk(following_id)
    assert world.case(live).state == "live"
    following.work_off(world.engine)
    former = world.case(live)
    assert (former.state, former.superseded_by) == ("superseded", following_id)
    assert former.ended_on is not None
    with world.look("team") as work:
        page, ended = case_pages.case(work, following_id), case_pages.case(work, live)
        assert page.others.replaces_previous
        assert page.others.supersedes == ()
        assert ended.others.superseded_by == case_pages.OtherCase(following_id, page.head.number)
        assert (ended.history[0].act, ended.history[0].facts["case"]) == ("replaced", page.head.number)
        told = work.session.execute(sa.select(Notice.recipient_id).where(Notice.name == "superseded")).scalars()
        assert world["digi"] in set(told)
        for case_id in (live, following_id):
            assert history.differences(work, "case", case_id) == ()
    seq = former.seq
    following.work_off(world.engine)
    assert world.case(live).seq == seq


def test_a_round_that_ends_before_leaves_the_former_live(world: World, live: UUID) -> None:
    following_id = open_next(world, live)
    with world.by("leitung") as work:
        cases.advance(work, following_id, "decline", given={"reason": "cost", "explanation": "Zu teuer."})
    following.work_off(world.engine)
    assert world.case(live).state == "live"
    third = open_next(world, live)
    assert world.case(third).round == 3
    with pytest.raises(AlreadyOpen), world.by("office") as work:
        cases.open_case(work, "uvg", TOWN)


def test_the_former_can_be_suspended_and_resumed_while_the_next_round_runs(world: World, live: UUID) -> None:
    following_id = open_next(world, live)
    with world.by("team") as work:
        given = plausible(work.catalogue.process("efa-onboarding", 1).transitions["suspend"].asks, work.today)
        assert cases.advance(work, live, "suspend", given=given).state == "suspended"
    with world.by("team") as work:
        back = plausible(work.catalogue.process("efa-onboarding", 1).transitions["resume"].asks, work.today)
        assert cases.advance(work, live, "resume", given=back).state == "live"
    with world.by("team") as work:
        cases.advance(work, live, "suspend", given=given)
    world.walk(following_id)
    following.work_off(world.engine)
    assert world.case(live).state == "superseded"


def test_refusals_to_open_the_next_round_come_in_the_promised_order(world: World, live: UUID) -> None:
    young = world.open("wohngeld")
    with pytest.raises(NotFound), world.by("stranger") as work:
        cases.open_next(work, live, occasion="upgrade", reason="x")
    with pytest.raises(NotAllowed), world.by("digi") as work:
        cases.open_next(work, young, occasion="", reason="")
    with pytest.raises(Conflict) as refusal, world.by("team") as work:
        cases.open_next(work, young, occasion="", reason="")
    assert refusal.value.key == "error.conflict_never_live"
    with pytest.raises(InvalidEvidence) as faults, world.by("team") as work:
        cases.open_next(work, live, occasion="because", reason=" ")
    assert set(faults.value.faults) == {"occasion", "reason"}
    open_next(world, live)
    with pytest.raises(AlreadyOpen), world.by("office") as work:
        cases.open_next(work, live, occasion="", reason="")


def test_a_service_of_a_body_is_counted_once_by_what_is_live(world: World, live: UUID) -> None:
    open_next(world, live)
    with world.look("team") as work:
        counted = standing.standing(work, standing.count(work))
        assert (counted.cases.cases, counted.live.cases, counted.left.cases) == (1, 1, 0)
        listed = case_list.cases(work)
        assert [line.id for line in listed.lines] == [live]
        assert listed.next_rounds == 1
        beside = case_list.cases(work, Filters(next_rounds=True))
        assert [line.state.key for line in beside.lines] == ["requested"]
        by_number = case_list.cases(work, Filters(text=beside.lines[0].number))
        assert [line.id for line in by_number.lines] == [beside.lines[0].id]
        here = next(one for one in body_pages.body(work, TOWN).services if one.service == "uvg")
        assert here.case == live
        page = service_pages.service(work, "uvg")
        assert next(one for one in page.bodies if one.ars == TOWN).case == live


def test_a_service_that_ended_and_was_opened_again_is_counted_once(world: World) -> None:
    first = world.open("wohngeld")
    with world.by("leitung") as work:
        cases.advance(work, first, "decline", given={"reason": "cost", "explanation": "Zu teuer."})
    again = world.open("wohngeld")
    assert (world.case(again).previous_id, world.case(again).occasion) == (first, "again")
    with world.look("team") as work:
        assert standing.standing(work, standing.count(work)).cases.cases == 1
        assert [line.id for line in case_list.cases(work).lines] == [again]


def test_rounds_that_follow_each_other_are_counted_once(world: World, live: UUID) -> None:
    declined = open_next(world, live)
    with world.by("leitung") as work:
        cases.advance(work, declined, "decline", given={"reason": "cost", "explanation": "Zu teuer."})
    second = open_next(world, live)
    world.walk(second)
    following.work_off(world.engine)
    with world.look("team") as work:
        assert [line.id for line in case_list.cases(work).lines] == [second]
        rows = work.session.execute(sa.select(Case.round, Case.state).order_by(Case.round)).all()
        assert [tuple(row) for row in rows] == [(1, "superseded"), (2, "declined"), (3, "live")]
