"""A programme played on the rehearsal clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.databases import Flavour
from tests.workflow.conftest import UNTIL, Played
from tests.world import World, make
from workflow import clock, database, events, rehearsal, settings, start, ticking
from workflow.engine import SYSTEM, Engine
from workflow.errors import Refused
from workflow.models import Case, Event, Evidence, Hold, Message, Person, Task

pytestmark = pytest.mark.slow


def test_the_same_arguments_give_the_same_course(databases: Callable[[Flavour], str], tmp_path: Path) -> None:
    told = []
    for attempt in ("first", "second"):
        world = make(databases("loaded"), tmp_path / attempt)
        played = rehearsal.rehearse(world.engine, most=4, until=UNTIL, seed=3)
        told.append((played.cases, played.deeds, played.mails, played.states, _story(world.engine)))
        world.engine.close()
    assert told[0] == told[1]
    assert told[0][0] == 4


def test_everything_was_done_by_people_through_the_engine(played: Played) -> None:
    world, told = played.world, played.told
    assert told.cases == 14
    assert told.deeds > 14 * 20
    assert played.days <= (UNTIL - dt.date(2026, 11, 23)).days
    with world.look() as work:
        assert work.today == UNTIL
        chains = work.session.execute(sa.select(Case.id)).scalars().all()
        assert [events.broken_at(work, chain) for chain in chains] == [None] * 14
        acts = set(work.session.execute(sa.select(Event.act).where(Event.chain == "case")).scalars())
        assert {"opened", "accepted", "completed", "submitted", "confirmed", "advanced", "reminded"} <= acts
        nobody = sa.select(sa.func.count()).select_from(Event)
        by_time = nobody.where(Event.chain == "case", Event.actor_id.is_(None))
        assert (
            work.session.execute(
                by_time.where(Event.act.not_in(("reminded", "review_reminded", "waiting_ended")))
            ).scalar_one()
            == 0
        )
        times = work.session.execute(sa.select(Event.at).where(Event.chain == "case")).scalars().all()
        assert all(dt.date(2026, 11, 23) <= work.catalogue.calendar.today(at) <= UNTIL for at in times)


def test_cases_get_on_and_get_stuck(played: Played) -> None:
    world, told = played.world, played.told
    assert len(told.states) >= 3
    assert "live" in told.states
    with world.look() as work:
        assert work.session.execute(sa.select(Hold.id)).first() is not None
        assert work.session.execute(sa.select(Task.id).where(Task.attempt > 1)).first() is not None
        late = sa.select(sa.func.count()).select_from(Task).where(Task.due_on < Task.ended_on)
        assert work.session.execute(late).scalar_one() > 10
        assert work.session.execute(sa.select(Evidence.id).where(Evidence.document_id.is_not(None))).first()


def test_mails_of_the_play_are_kept_and_never_delivered(world: World) -> None:
    played = rehearsal.rehearse(world.engine, most=3, until=dt.date(2027, 3, 1), seed=1)
    with world.look() as work:
        mails = work.session.execute(sa.select(Message.status, Message.try_at, Message.plain, Message.html)).all()
    assert len(mails) == played.mails > 0
    assert {(mail.status, mail.try_at) for mail in mails} == {("recorded", None)}
    assert all("Probebetrieb mit Beispieldaten" in " ".join(mail.plain.split()) for mail in mails)
    assert all("Probebetrieb mit Beispieldaten" in mail.html for mail in mails)


def test_who_else_lets_time_act_meanwhile_delivers_nothing_and_does_not_move_the_clock(world: World) -> None:
    refused: list[Refused] = []

    def meddle(_days: int) -> None:
        ticking.decide_and_write(world.engine)
        for move in (clock.advance, partial(clock.set_to, now=dt.datetime(2028, 1, 1, tzinfo=dt.UTC))):
            with pytest.raises(Refused) as told, world.engine.change(SYSTEM) as work:
                move(work)
            refused.append(told.value)

    rehearsal.rehearse(world.engine, most=2, until=dt.date(2027, 1, 15), seed=1, progress=meddle)
    assert {one.key for one in refused} == {"error.rehearsing"}
    with world.look() as work:
        assert set(work.session.execute(sa.select(Message.status)).scalars()) == {"recorded"}
        assert work.today == dt.date(2027, 1, 15)
    with world.engine.change(SYSTEM) as work:
        clock.advance(work)  # it is over


def test_one_that_was_killed_half_way_is_ended_by_the_next(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        clock.rehearse(work)  # and nobody was left to end it
    with pytest.raises(Refused), world.engine.change(SYSTEM) as work:
        clock.advance(work)
    rehearsal.rehearse(world.engine, most=1, until=dt.date(2026, 12, 1), seed=1)
    with world.engine.change(SYSTEM) as work:
        clock.advance(work)


def test_its_people_are_made_up_and_cannot_sign_in(world: World) -> None:
    known = set(world.ids.values())
    rehearsal.rehearse(world.engine, most=3, until=dt.date(2027, 1, 15), seed=1)
    with world.look() as work:
        assert clock.is_example(work)
        people = work.session.execute(sa.select(Person.id, Person.email, Person.password)).all()
    made_up = [person for person in people if person.id not in known]
    assert made_up
    assert all(person.password is None and person.email.endswith(".example") for person in made_up)


def test_it_goes_on_where_the_last_one_ended_and_says_when_nothing_is_left(world: World) -> None:
    services = _services_but(world, "bafoeg")
    first = rehearsal.rehearse(world.engine, most=2, until=dt.date(2026, 12, 15), seed=1, without=services)
    second = rehearsal.rehearse(world.engine, most=None, until=dt.date(2027, 1, 12), seed=1, without=services)
    assert first.cases == 2
    assert first.cases + second.cases == 36
    with pytest.raises(Refused) as refused:
        rehearsal.rehearse(world.engine, most=1, until=dt.date(2027, 2, 1), seed=1, without=services)
    assert refused.value.key == "error.rehearse_nothing"


def test_the_past_cannot_be_played(world: World) -> None:
    with pytest.raises(Refused) as refused:
        rehearsal.rehearse(world.engine, most=1, until=dt.date(2026, 11, 20), seed=1)
    assert refused.value.key == "error.rehearse_until"


def test_nobody_plays_where_the_clock_is_real(empty_database_url: str, tmp_path: Path) -> None:
    real = settings.read({"STARTKLAR_DATABASE_URL": empty_database_url, "STARTKLAR_DATA": str(tmp_path)})
    start.init(real, clock="system", now=database.real_now(), example=False)
    engine = start.engine(real)
    try:
        from workflow import loading

        loading.load(engine, real.definitions)
        with pytest.raises(Refused) as refused:
            rehearsal.rehearse(engine, most=1, until=dt.date(2099, 1, 1), seed=1)
    finally:
        engine.close()
    assert refused.value.key == "error.clock_is_real"


def _services_but(world: World, kept: str) -> list[str]:
    with world.look() as work:
        return [key for key in work.catalogue.services if key != kept]


def _story(engine: Engine) -> list[tuple[Any, ...]]:
    """Everything that happened to cases, without ids."""
    with engine.read(SYSTEM) as work:
        rows = work.session.execute(
            sa.select(Case.number, Event.seq, Event.act, Event.at, Person.email)
            .join(Case, Case.id == Event.chain_id)
            .outerjoin(Person, Person.id == Event.actor_id)
            .order_by(Case.number, Event.seq)
        )
        return [tuple(row) for row in rows]
