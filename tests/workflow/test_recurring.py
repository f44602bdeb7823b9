"""What a body does again and again once a service of its own is live."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import TOWN, World, contents
from workflow import clock, events, following, history, prerequisites, reminders, ticking
from workflow.calendar import months_after
from workflow.engine import SYSTEM
from workflow.errors import NotFound, TaskNotAvailable
from workflow.models import Case, Event, Prerequisite
from workflow.queries import bodies, held_up, inbox, prerequisite, queue

ONCE, OF_EACH = "contacts_check", "content_review"


@pytest.fixture
def live(world: World) -> UUID:
    """A service of Mainz-Bingen that is live since today."""
    case_id = world.open()
    world.walk(case_id)
    return case_id


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-11-23", 12, "2027-11-23"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2027-02-28", -12, "2026-02-28"),
        ("2026-01-31", 1, "2026-02-28"),
    ],
)
def test_months_are_counted_by_their_days(day: str, months: int, later: str) -> None:
    assert months_after(dt.date.fromisoformat(day), months) == dt.date.fromisoformat(later)


def test_it_begins_a_year_after_going_live_with_a_date_in_working_days(world: World, live: UUID) -> None:
    went_live = world.case(live).live_on
    _until(world, months_after(went_live, 12) - dt.timedelta(days=4))
    assert prerequisites.recur(world.engine) == 0
    _until(world, months_after(went_live, 12))
    assert prerequisites.recur(world.engine) == 2
    assert prerequisites.recur(world.engine) == 0
    once, each = world.prerequisite(ONCE), world.prerequisite(OF_EACH)
    assert (once.status, once.acting, once.scope, each.acting, each.scope) == (
        "ready",
        "body.digi",
        "",
        "body.redaktion",
        "wohngeld",
    )
    with world.look("digi") as work:
        assert once.due_on == work.catalogue.calendar.add(work.today, 20)
        (item,) = [item for item in _items(work) if item.id == once.id]
        assert item.recurring
        assert [line.recurring for group in queue.queue(work).groups for line in group.lines if line.id == once.id] == [
            True
        ]
        page = prerequisite.prerequisite(work, once.id)
        assert (page.every, page.again_on, page.why is not None, page.waiting) == (12, None, True, ())
    assert once.remind_at is not None


def test_the_next_one_is_counted_from_the_day_it_was_done_and_there_is_never_a_second(world: World, live: UUID) -> None:
    _until(world, months_after(world.case(live).live_on, 12) + dt.timedelta(days=90))  # nobody polled for a quarter
    assert prerequisites.recur(world.engine) == 2
    first = world.prerequisite(ONCE)
    world.prove(first.id)
    done = world.prerequisite(ONCE)
    with world.look("digi") as work:
        page = prerequisite.prerequisite(work, done.id)
        again = months_after(work.today, 12)
        assert (page.status, page.again_on, page.deeds) == ("done", again, ())
        here = {one.id: one for one in bodies.body(work, TOWN).prerequisites or ()}
        assert (here[done.id].recurring, here[done.id].again_on) == (True, again)
    assert prerequisites.recur(world.engine) == 0
    _until(world, again)
    assert prerequisites.recur(world.engine) == 1  # the other one is still open
    second = world.prerequisite(ONCE)
    assert (second.id, second.round, second.status) == (done.id, 2, "ready")
    with world.look("digi") as work:
        page = prerequisite.prerequisite(work, done.id)
        assert page.answers, "what was said last time is there to read"
        assert "result" not in page.prefilled
        acts = work.session.execute(sa.select(Event.act).where(Event.chain_id == done.id).order_by(Event.seq)).scalars()
        assert list(acts) == ["asked", "completed", "asked"]
        assert events.broken_at(work, done.id) is None
        assert history.differences(work, "prerequisite", done.id) == ()


def test_no_case_waits_for_it_and_nobody_asks_for_it_by_hand(world: World, live: UUID) -> None:
    _until(world, months_after(world.case(live).live_on, 12))
    prerequisites.recur(world.engine)
    world.finish_state(world.open("uvg"))  # chooses a variant: what the town needs is looked through
    following.work_off(world.engine)
    assert world.prerequisite(ONCE).status == "ready"
    with world.look("team") as work:
        missing = {line.id for line in held_up.ranking(work).lines}
        assert missing
        assert world.prerequisite(ONCE).id not in missing
    with world.by("team") as work:
        for kind, scope in ((ONCE, ""), (OF_EACH, "uvg")):
            with pytest.raises(NotFound):
                prerequisites.request(work, TOWN, kind, scope)
        assert not {ONCE, OF_EACH} & {one.kind for one in bodies.body(work, TOWN).askable}
    with world.by("digi") as work:
        row = world.prerequisite(ONCE)
        prerequisites.complete(work, row.id, world.proof(work, ONCE))
        with pytest.raises(TaskNotAvailable):
            prerequisites.renew(work, row.id)
        with pytest.raises(TaskNotAvailable):
            prerequisites.complete(work, row.id, world.proof(work, ONCE))


def test_one_the_team_sets_aside_comes_again_next_time(world: World, live: UUID) -> None:
    _until(world, months_after(world.case(live).live_on, 12))
    prerequisites.recur(world.engine)
    row = world.prerequisite(ONCE)
    with world.by("digi") as work:
        prerequisites.decline(work, row.id, "Alles neu seit gestern.")
    with world.by("team") as work:
        prerequisites.set_aside(work, row.id, "Diesmal nicht.")
        again = months_after(work.today, 12)
        assert prerequisite.prerequisite(work, row.id).again_on == again
    assert prerequisites.recur(world.engine) == 0
    _until(world, again)
    prerequisites.recur(world.engine)
    assert world.prerequisite(ONCE).status == "ready"


def test_nobody_is_reminded_once_no_service_is_live_and_it_returns_with_one(world: World, live: UUID) -> None:
    went_live = world.case(live).live_on
    _until(world, months_after(went_live, 12))
    prerequisites.recur(world.engine)
    _set(world, live, ended_on=went_live)
    assert prerequisites.recur(world.engine) == 2
    assert prerequisites.recur(world.engine) == 0
    row = world.prerequisite(ONCE)
    assert (row.status, row.acting, row.remind_at) == ("not_needed", None, None)
    _set(world, live, ended_on=None)
    assert prerequisites.recur(world.engine) == 2
    assert world.prerequisite(ONCE).status == "ready"


def test_the_tick_begins_it_and_its_ladder_reminds(world: World, live: UUID) -> None:
    _until(world, months_after(world.case(live).live_on, 12))
    ticking.decide_and_write(world.engine)
    row = world.prerequisite(ONCE)
    assert row.status == "ready"
    _set(world, live, ended_on=world.case(live).live_on)
    ticking.decide_and_write(world.engine)
    assert world.prerequisite(ONCE).status == "ready", "all that recurs is looked through once a day"
    _set(world, live, ended_on=None)
    world.days(25)
    assert reminders.decide(world.engine) > 0
    assert world.prerequisite(ONCE).rung != row.rung


def test_two_that_begin_it_at_once_begin_it_once(world: World, live: UUID) -> None:
    _until(world, months_after(world.case(live).live_on, 12))
    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(prerequisites.recur, [world.engine] * 3)) == 2
    assert world.prerequisite(ONCE).round == 1


@pytest.mark.parametrize("begun", [False, True])
def test_one_that_is_cut_off_leaves_nothing_behind_and_is_done_the_next_time(
    world: World, live: UUID, *, begun: bool
) -> None:
    _until(world, months_after(world.case(live).live_on, 12))
    if begun:
        prerequisites.recur(world.engine)
        world.prove(world.prerequisite(ONCE).id)
        with world.look() as work:
            _until(world, months_after(work.today, 12))
    statement = 0
    while True:
        before = contents(world)
        cut = _Cut(statement)
        sa.event.listen(world.engine.pool, "before_cursor_execute", cut)
        try:
            prerequisites.recur(world.engine)
        except _PowerCut:
            pass
        else:
            break
        finally:
            sa.event.remove(world.engine.pool, "before_cursor_execute", cut)
        if contents(world) != before:  # the first of several was begun, and is whole
            _insist_whole(world)
        statement += 1
    assert statement > 3
    assert world.prerequisite(ONCE).status == "ready"
    _insist_whole(world)


class _PowerCut(BaseException):
    pass


class _Cut:
    def __init__(self, position: int) -> None:
        self.left = position

    def __call__(self, *_: Any) -> None:
        if self.left == 0:
            raise _PowerCut
        self.left -= 1


def _insist_whole(world: World) -> None:
    with world.look() as work:
        for one in work.session.execute(sa.select(Prerequisite.id)).scalars():
            assert history.differences(work, "prerequisite", one) == ()
            assert events.broken_at(work, one) is None


def _items(work: Any) -> list[inbox.Item]:
    page = inbox.inbox(work)
    return [*page.now, *page.this_week, *page.later, *page.undated]


def _until(world: World, day: dt.date) -> None:
    """Let time pass to nine o'clock of this day; nothing is fired."""
    with world.engine.change(SYSTEM) as work:
        clock.set_to(work, dt.datetime.combine(day, dt.time(9), tzinfo=work.catalogue.calendar.zone))


def _set(world: World, case_id: UUID, **values: Any) -> None:
    """What happens to a case otherwise takes a whole merger of towns."""
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Case).where(Case.id == case_id).values(**values))
