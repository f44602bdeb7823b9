"""The nights in which clocks change: every rung once, at seven in the morning as clocks on the wall show it."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import clock, messages, reminders
from workflow.engine import SYSTEM
from workflow.models import Decision, Installation, Message, Task

_BERLIN = ZoneInfo("Europe/Berlin")
_HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("sunday", "hours_of_it"), [(dt.date(2028, 3, 26), 23), (dt.date(2028, 10, 29), 25)], ids=["spring", "autumn"]
)
def test_around_the_night_every_rung_is_decided_once_at_seven_on_the_wall(
    world: World, sunday: dt.date, hours_of_it: int
) -> None:
    _set(world, _morning(sunday - dt.timedelta(days=19)))
    places = [(service, body) for service in ("wohngeld", "uvg") for body in (TOWN, STRANGE_TOWN, EMPTY_TOWN)]
    for number, (service, body) in enumerate(places):
        world.open(service, body)
        if number % 2:
            world.days(1)
    before = _morning(sunday - dt.timedelta(days=2)) - dt.timedelta(hours=7)
    _set(world, before)
    _decide(world)
    decided = {_key(row) for row in _decisions(world)}
    hours = 0
    while (now := _now(world)) < before + dt.timedelta(days=6):
        hours += now.astimezone(_BERLIN).date() == sunday
        _set(world, now + _HOUR)
        _decide(world)
    assert hours == hours_of_it  # the clock went through the hour that is missing, or is there twice
    new = [row for row in _decisions(world) if _key(row) not in decided]
    on_the_wall = [row.decided_at.astimezone(_BERLIN) for row in new]
    assert {one.time() for one in on_the_wall} == {dt.time(7)}
    assert {one.weekday() for one in on_the_wall} <= {0, 1, 2, 3, 4}
    assert any(one.date() < sunday for one in on_the_wall)
    assert any(one.date() > sunday for one in on_the_wall)
    with world.look() as work:
        upcoming = work.session.execute(sa.select(Task.remind_at).where(Task.remind_at.is_not(None))).scalars()
        assert {at.astimezone(_BERLIN).time() for at in upcoming if at} == {dt.time(7)}
        keys = work.session.execute(sa.select(Message.recipient_id, Message.written_at)).all()
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("hours", [1, 30, 24 * 20])
def test_a_clock_that_is_set_back_and_goes_on_decides_nothing_again_and_loses_nothing(world: World, hours: int) -> None:
    world.open()
    world.open("uvg")
    world.days(13)
    _decide(world)
    before, reached = _decisions(world), _now(world)
    assert before
    with world.engine.change(SYSTEM) as work:  # as a machine's clock is, whoever looks at it
        work.session.execute(sa.update(Installation).values(clock_now=reached - hours * _HOUR))
    _decide(world)
    _set(world, reached)
    _decide(world)
    assert _decisions(world) == before
    world.days(9)
    _decide(world)
    with world.look() as work:
        rungs = work.session.execute(sa.select(Decision.subject_id, Decision.rung, Decision.outcome)).all()
    assert len({row.subject_id for row in rungs if (row.rung, row.outcome) == ("overdue_12", "fired")}) == 2


def _morning(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(7), _BERLIN)


def _set(world: World, now: dt.datetime) -> None:
    with world.engine.change(SYSTEM) as work:
        clock.set_to(work, now)


def _now(world: World) -> dt.datetime:
    with world.look() as work:
        return work.now


def _decide(world: World) -> None:
    while reminders.decide(world.engine):
        pass
    messages.compose(world.engine)


def _decisions(world: World) -> list[sa.Row[tuple[object, ...]]]:
    with world.look() as work:
        return list(work.session.execute(sa.select(Decision.__table__)).all())


def _key(row: sa.Row[tuple[object, ...]]) -> tuple[object, ...]:
    return (row.subject_kind, row.subject_id, row.generation, row.rung, row.occurrence)
