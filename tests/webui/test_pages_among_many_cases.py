"""A page asks its database for no more among ten thousand cases than among a hundred."""

from __future__ import annotations

import math

import pytest
import sqlalchemy as sa

from benchmarks.growth import multiply
from tests.e2e.test_every_page import Stop, programme
from tests.statements import counted
from tests.webui.application import application
from tests.webui.test_every_page_is_sound import READS_ALL
from tests.webui.visitor import Visitor, address
from tests.world import World
from webui.watch import Lookout
from workflow import cases, database
from workflow.models import Case, Person, WebSession

FEW, MANY = 100, 10_000


@pytest.mark.slow
@pytest.mark.one_database
def test_no_page_asks_for_more_statements_among_ten_thousand_cases(world: World, password_hash: str) -> None:
    stops = [stop for stop in programme(world) if stop.who and stop.name not in READS_ALL]
    _open(world, ["uvg", "einbuergerung", "bafoeg"])
    with database.transaction(world.engine.pool, write=True) as session:
        session.execute(sa.update(Person).values(password=password_hash))
    few = _asked(world, stops)
    assert _cases(world) >= FEW
    _open(world, [])
    multiply(world.engine, MANY // _cases(world))
    assert _cases(world) >= MANY
    many = _asked(world, stops)
    more = {name: (few[name], many[name]) for name in few if many[name] > few[name]}
    assert not more


def _open(world: World, services: list[str]) -> None:
    """Open cases of these services at every responsible body; of all services without any."""
    with world.look("office") as work:
        planned = cases.plan(work, services or list(work.catalogue.services))
    cases.open_planned(world.engine, world["office"], planned)


def _cases(world: World) -> int:
    with world.look() as work:
        return work.session.execute(sa.select(sa.func.count()).select_from(Case)).scalar_one()


def _asked(world: World, stops: list[Stop]) -> dict[str, int]:
    """How many statements each page costs."""
    app = application(world.engine, world.engine.settings)
    _watched_just_now(app.extensions["startklar.lookout"])
    visitors: dict[str, Visitor] = {}
    asked: dict[str, int] = {}
    for stop in stops:
        if stop.who not in visitors:
            visitors[stop.who] = Visitor(app)
            visitors[stop.who].sign_in(address(world, stop.who))
        _seen_just_now(world)
        app.extensions["startklar.escalated"].clear()  # a number of the navigation, counted anew every ten seconds
        with counted(world) as sent:
            assert visitors[stop.who].get(stop.address).status_code < 500, stop.name
        asked[stop.name] = len(sent)
    return asked


def _seen_just_now(world: World) -> None:
    """That somebody was here is noted every five minutes: on whichever page that falls, it is not the page's cost."""
    with database.transaction(world.engine.pool, write=True) as session:
        session.execute(sa.update(WebSession).values(seen_at=database.real_now()))


def _watched_just_now(lookout: Lookout) -> None:
    """The scheduler is looked after once a minute, beside whichever page somebody asks for then."""
    lookout.fresh_seconds = lookout.look_after_seconds = math.inf
    lookout.state()
