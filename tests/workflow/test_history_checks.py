"""Having the history checked from a page: all of it, in pieces, resumable; what does not fit is named, no more."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.world import World
from workflow import database, history, history_checks, lease
from workflow.errors import NotAllowed
from workflow.models import Case, Event, HistoryCheck


@pytest.fixture
def busy(world: World) -> World:
    """A few cases on their way."""
    world.walk(world.open(), until="contracted")
    world.open("uvg")
    return world


def test_a_good_history_is_found_good_in_pieces_that_can_be_cut_off(
    busy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_checks, "PIECE", 3)
    with busy.by("auditor") as work:
        check = history_checks.start(work)
        assert history_checks.start(work) == check
    assert not history_checks.work_off(busy.engine, worker="one", seconds=-1)
    with busy.look("admin") as work:
        (found,) = history_checks.checks(work).latest
        assert (found.looked_at, found.finished_at, found.asked_by) == (0, None, "Auditor")
        total = history.count(work)
    assert history_checks.work_off(busy.engine, worker="two")
    with busy.look("admin") as work:
        (found,) = history_checks.checks(work).latest
    assert found.finished_at is not None
    assert (found.total, found.looked_at, found.faults) == (total, total, 0)
    assert history_checks.work_off(busy.engine, worker="one")


def test_what_was_changed_past_the_programme_is_named_without_saying_what_it_was(busy: World) -> None:
    with database.transaction(busy.engine.pool, write=True) as session:
        case_id = session.execute(sa.select(Case.id).order_by(Case.number).limit(1)).scalar_one()
        session.execute(sa.update(Case).where(Case.id == case_id).values(wave="geheim"))
        session.execute(
            sa.update(Event).where(Event.chain == "case", Event.chain_id != case_id, Event.seq == 1).values(act="x")
        )
    with busy.by("admin") as work:
        history_checks.start(work)
    assert history_checks.work_off(busy.engine, worker="one")
    with busy.look("auditor") as work:
        found = history_checks.checks(work)
    assert found.latest[0].faults == len(found.faults)
    said = {(one.chain, one.what, one.place) for one in found.faults}
    assert ("case", "differs", "cases.wave") in said
    assert ("case", "changed", None) in said
    assert "geheim" not in repr(found)


def test_one_worker_at_a_time_checks_and_leaves_the_rest_to_the_next(busy: World) -> None:
    with busy.by("admin") as work:
        history_checks.start(work)
    fence = lease.acquire(busy.engine, history_checks.LEASE, "another", 60)
    assert fence is not None
    assert not history_checks.work_off(busy.engine, worker="one")
    lease.give_up(busy.engine, history_checks.LEASE, fence)
    assert history_checks.work_off(busy.engine, worker="one")


def test_only_administrators_and_auditors_have_it_checked(world: World) -> None:
    for who in ("office", "team", "digi"):
        with pytest.raises(NotAllowed), world.by(who) as work:
            history_checks.start(work)
        with pytest.raises(NotAllowed), world.look(who) as work:
            history_checks.checks(work)
    with world.look() as work:
        assert work.session.execute(sa.select(HistoryCheck.id)).first() is None
