"""A body acts for another in one service: who acts, who looks on, and what time does."""

from __future__ import annotations

import datetime as dt
import json
import threading
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import cases, delegations, history, messages, policy, tasks, ticking
from workflow.errors import Conflict, NotAllowed, NotFound, Refused, StartklarError
from workflow.models import Body, Case, Delegation, Event, Message, Notice, Task
from workflow.queries import case as case_page
from workflow.queries import delegations as page
from workflow.queries import inbox


def give(
    world: World, who: str = "office", *, giver: str = TOWN, to: str = STRANGE_TOWN, begins: int = 0, ends: int = 90
) -> UUID:
    """Delegate wohngeld from `begins` to `ends` days from today; the cases follow where it begins today."""
    with world.by(who) as work:
        first, last = (work.today + dt.timedelta(days=days) for days in (begins, ends))
        given = delegations.give(work, giver, "wohngeld", to, from_on=first, until_on=last)
    delegations.apply(world.engine)
    return given.id


def seen(world: World, who: str) -> set[UUID]:
    with world.look(who) as work:
        return set(work.session.execute(sa.select(Case.id).where(policy.cases(work.actor))).scalars())


def to_do(world: World, who: str) -> set[UUID]:
    with world.look(who) as work:
        return set(work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor))).scalars())


def acts(world: World, case_id: UUID) -> list[str]:
    with world.look() as work:
        query = sa.select(Event.act).where(Event.chain_id == case_id).order_by(Event.seq)
        return list(work.session.execute(query).scalars())


def whole(world: World) -> None:
    assert list(history.verify(world.engine)) == []
    assert list(history.replay(world.engine)) == []


def test_while_a_service_is_given_away_the_delegate_acts_and_the_giver_looks_on(world: World) -> None:
    case_id, other = world.open(), world.open("ikfz")
    interest = world.task(case_id, "express_interest")
    assert interest in to_do(world, "digi")
    give(world)
    assert world.case(case_id).delegate == STRANGE_TOWN
    assert world.case(other).delegate is None
    assert seen(world, "stranger") >= {case_id}
    assert other not in seen(world, "stranger")
    assert interest in to_do(world, "stranger")
    assert interest not in to_do(world, "digi")
    assert case_id in seen(world, "digi")
    with pytest.raises(NotAllowed), world.by("digi") as work:
        tasks.accept(work, interest)
    with world.look("stranger") as work:
        shown_there = inbox.inbox(work)
    groups = (shown_there.now, shown_there.this_week, shown_there.later)
    assert {one.body for group in groups for one in group if one.case_id == case_id} == {"Landkreis Mainz-Bingen"}
    world.do(case_id, "express_interest", "stranger")
    with world.look("digi") as work:
        shown = case_page.case(work, case_id)
    assert shown.head.delegate == "Stadt Worms"
    assert shown.history[0].for_body == "Landkreis Mainz-Bingen"
    whole(world)


def test_the_days_decide_and_every_beat_may_come_again(world: World) -> None:
    case_id = world.open()
    give(world, begins=3, ends=9)
    assert world.case(case_id).delegate is None
    world.days(3)
    for _ in range(2):
        ticking.decide_and_write(world.engine)
        assert world.case(case_id).delegate == STRANGE_TOWN
    world.days(10)
    for _ in range(2):
        ticking.decide_and_write(world.engine)
        assert world.case(case_id).delegate is None
    assert world.row(case_id, "express_interest").body == TOWN
    assert [act for act in acts(world, case_id) if act.startswith("delegat")] == ["delegated", "delegation_over"]
    whole(world)


def test_a_case_opened_meanwhile_is_the_delegates_from_its_first_entry(world: World) -> None:
    give(world)
    case_id = world.open()
    assert world.case(case_id).delegate == STRANGE_TOWN
    assert world.row(case_id, "express_interest").body == STRANGE_TOWN
    assert acts(world, case_id) == ["opened"]
    with world.look() as work:
        told = set(
            work.session.execute(
                sa.select(Notice.recipient_id).where(Notice.case_id == case_id, Notice.subject_kind == "task")
            ).scalars()
        )
    assert world["digi"] not in told
    whole(world)


def test_what_was_accepted_is_free_for_the_delegate_and_comes_back_free(world: World) -> None:
    case_id = world.open()
    interest = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.accept(work, interest)
    given = give(world)
    row = world.row(case_id, "express_interest")
    assert (row.status, row.holder_id) == ("ready", None)
    with world.by("stranger") as work:
        tasks.accept(work, interest)
    with world.by("stranger") as work:
        delegations.end(work, given)
    delegations.apply(world.engine)
    row = world.row(case_id, "express_interest")
    assert (row.status, row.holder_id, row.body) == ("ready", None, TOWN)
    assert interest in to_do(world, "digi")
    assert case_id not in seen(world, "stranger")
    whole(world)


def test_transitions_and_reminders_follow_the_delegate(world: World) -> None:
    case_id = world.open()
    give(world)
    world.days(20)
    ticking.decide_and_write(world.engine)
    with world.look() as work:
        told = set(work.session.execute(sa.select(Message.recipient_id)).scalars())
    assert world["stranger"] in told
    with pytest.raises(NotAllowed), world.by("leitung") as work:
        cases.advance(work, case_id, "decline", given={"reason": "x"})
    whole(world)


def test_one_notice_says_it_however_many_cases_follow(world: World) -> None:
    for service in ("wohngeld", "ikfz"):
        world.open(service)
    given = give(world)
    with world.look() as work:
        query = sa.select(Notice.recipient_id).where(Notice.subject_id == given)
        assert list(work.session.execute(query).scalars()) == [world["stranger"]]
    messages.compose(world.engine)
    with world.look() as work:
        mails = sa.select(Message.subject, Message.plain).where(Message.recipient_id == world["stranger"])
        written = " ".join(f"{row.subject} {row.plain}" for row in work.session.execute(mails))
    assert "Wohngeld" in written
    assert "Landkreis Mainz-Bingen" in written


@pytest.mark.parametrize("who", ["office", "leitung", "team"])
def test_leitung_the_team_and_the_office_give_a_service_away(world: World, who: str) -> None:
    give(world, who)
    with world.look("stranger") as work:
        (line,) = page.index(work).present
    assert (line.giver, line.delegate, line.in_force, line.may_end) == (
        "Landkreis Mainz-Bingen",
        "Stadt Worms",
        True,
        True,
    )


@pytest.mark.parametrize("who", ["digi", "stranger", "fachamt", "auditor", "admin"])
def test_nobody_else_gives_it_away(world: World, who: str) -> None:
    with pytest.raises(NotAllowed):
        give(world, who)


def test_who_has_nothing_to_do_with_it_does_not_see_it(world: World) -> None:
    given = give(world, giver=STRANGE_TOWN, to=EMPTY_TOWN)
    with world.look("digi") as work:
        assert page.index(work).present == ()
    with pytest.raises(NotFound), world.by("digi") as work:
        delegations.end(work, given)


def test_what_makes_no_sense_is_refused_by_name(world: World) -> None:
    with pytest.raises(Refused, match="delegation_self"):
        give(world, to=TOWN)
    with pytest.raises(Refused, match="delegation_days"):
        give(world, begins=5, ends=4)
    with pytest.raises(Refused, match="delegation_days"):
        give(world, begins=-1)
    with pytest.raises(NotFound):
        give(world, to="000000000000")
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Body).where(Body.ars == EMPTY_TOWN).values(valid_until=work.today))
    with pytest.raises(Refused, match="body_ended"):
        give(world, to=EMPTY_TOWN)
    give(world, begins=10, ends=20)
    with pytest.raises(Conflict) as twice:
        give(world, begins=20, ends=30)
    assert twice.value.facts["what"] == "delegation"
    with pytest.raises(Conflict) as circle:
        give(world, giver=STRANGE_TOWN, to=TOWN, begins=15, ends=40)
    assert circle.value.facts["what"] == "delegation_circle"
    give(world, giver=STRANGE_TOWN, to=TOWN, begins=21, ends=40)


def test_one_taken_back_before_it_began_never_counts_and_leaves_the_days_free(world: World) -> None:
    case_id = world.open()
    given = give(world, begins=5, ends=20)
    with world.by("leitung") as work:
        delegations.end(work, given)
    with pytest.raises(Conflict), world.by("leitung") as work:
        delegations.end(work, given)
    give(world, begins=5, ends=20, to=EMPTY_TOWN)
    world.days(5)
    delegations.apply(world.engine)
    assert world.case(case_id).delegate == EMPTY_TOWN
    whole(world)


def test_when_the_delegate_ends_the_giver_acts_again(world: World) -> None:
    case_id = world.open()
    give(world)
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Body).where(Body.ars == STRANGE_TOWN).values(valid_until=work.today))
    assert delegations.apply(world.engine) == 1
    assert delegations.apply(world.engine) == 0
    assert world.case(case_id).delegate is None


def test_two_who_give_the_same_away_at_once_do_not_both_succeed(world: World) -> None:
    results: list[StartklarError | None] = []
    ready = threading.Barrier(2)

    def one(to: str) -> None:
        ready.wait()
        try:
            with world.by("office") as work:
                delegations.give(work, TOWN, "wohngeld", to, from_on=work.today)
            results.append(None)
        except StartklarError as error:
            results.append(error)

    threads = [threading.Thread(target=one, args=(to,)) for to in (STRANGE_TOWN, EMPTY_TOWN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Delegation)).scalar_one() == 1


def test_two_machines_whose_beats_meet_write_one_entry(world: World) -> None:
    case_id = world.open()
    with world.by("office") as work:
        delegations.give(work, TOWN, "wohngeld", STRANGE_TOWN, from_on=work.today)
    threads = [threading.Thread(target=delegations.apply, args=(world.engine,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert acts(world, case_id).count("delegated") == 1
    whole(world)


def test_the_entry_says_to_whom_and_for_whom(world: World) -> None:
    case_id = world.open()
    give(world)
    with world.look() as work:
        query = sa.select(Event.content).where(Event.chain_id == case_id, Event.act == "delegated")
        assert json.loads(work.session.execute(query).scalar_one())["delegate"] == STRANGE_TOWN


def test_a_case_that_ended_goes_back_when_its_service_is_given_to_somebody_else(world: World) -> None:
    case_id = world.open()
    given = give(world)
    with world.by("team") as work:
        cases.advance(work, case_id, "decline", given={"reason": "no_demand", "explanation": "Es gibt keine Anträge."})
    assert world.case(case_id).ended_on is not None
    with world.by("office") as work:
        delegations.end(work, given)
        delegations.give(work, TOWN, "wohngeld", EMPTY_TOWN, from_on=work.today)
    assert delegations.apply(world.engine) == 1
    assert world.case(case_id).delegate is None
    assert delegations.apply(world.engine) == 0
    whole(world)
