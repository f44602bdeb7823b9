"""Who leads, and that nobody who was replaced writes as a leader."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.world import World
from workflow import lease
from workflow.database import real_now
from workflow.engine import SYSTEM
from workflow.models import Lease


def test_one_leads_and_the_others_wait(world: World) -> None:
    assert lease.acquire(world.engine, "sweep", "one", 60) == 1
    assert lease.acquire(world.engine, "sweep", "two", 60) is None
    assert lease.acquire(world.engine, "sweep", "one", 60) == 1
    assert lease.acquire(world.engine, "other", "two", 60) == 1


def test_of_many_that_ask_at_once_one_leads(world: World) -> None:
    for _ in range(3):
        with ThreadPoolExecutor(4) as pool:
            fences = list(pool.map(lambda name: lease.acquire(world.engine, "sweep", name, 60), "abcd"))
        assert sum(fence is not None for fence in fences) == 1
        _run_out(world)


def test_who_comes_after_a_lease_ran_out_gets_a_higher_fence(world: World) -> None:
    first = lease.acquire(world.engine, "sweep", "one", 60)
    _run_out(world)
    second = lease.acquire(world.engine, "sweep", "two", 60)
    assert first is not None
    assert second is not None
    assert second > first


def test_who_was_replaced_writes_nothing(world: World) -> None:
    old = lease.acquire(world.engine, "sweep", "one", 60)
    _run_out(world)
    new = lease.acquire(world.engine, "sweep", "two", 60)
    assert old is not None
    assert new is not None
    assert lease.progress(world.engine, "sweep", old) is False
    assert lease.renew(world.engine, "sweep", old, 60) is False
    assert lease.last_progress(world.engine, "sweep") == lease.NEVER
    assert lease.progress(world.engine, "sweep", new) is True
    assert real_now() - lease.last_progress(world.engine, "sweep") < dt.timedelta(seconds=10)


def test_a_lease_half_used_is_renewed_by_asking_again(world: World) -> None:
    lease.acquire(world.engine, "sweep", "one", 60)
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Lease).values(until=real_now() + dt.timedelta(seconds=20)))
    assert lease.acquire(world.engine, "sweep", "one", 60) == 1
    with world.look() as work:
        until = work.session.execute(sa.select(Lease.until)).scalar_one()
    assert until - real_now() > dt.timedelta(seconds=50)


def test_a_leader_who_was_replaced_is_stopped_in_his_own_transaction(world: World) -> None:
    old = lease.acquire(world.engine, "sweep", "one", 60)
    assert old is not None
    with world.engine.change(SYSTEM) as work:
        lease.Lead("sweep", old)(work.session)  # still leads: goes on
    _run_out(world)
    lease.acquire(world.engine, "sweep", "two", 60)
    with pytest.raises(lease.Replaced), world.engine.change(SYSTEM) as work:
        lease.Lead("sweep", old)(work.session)


def test_a_lease_from_before_the_clock_was_set_back_keeps_nobody_waiting(world: World) -> None:
    first = lease.acquire(world.engine, "sweep", "one", 60)
    with world.engine.change(SYSTEM) as work:
        ahead = real_now() + dt.timedelta(hours=1)
        work.session.execute(sa.update(Lease).values(until=ahead, progress_at=ahead))
    assert lease.is_due(world.engine, "sweep", dt.timedelta(days=1))
    second = lease.acquire(world.engine, "sweep", "two", 60)
    assert first is not None
    assert second is not None
    assert second > first
    assert lease.acquire(world.engine, "sweep", "one", 60) is None


def _run_out(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Lease).values(until=real_now() - dt.timedelta(seconds=1)))
