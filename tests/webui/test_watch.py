"""A scheduler that stands still shows: to machines, to administrators, and to nobody else."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.smtp import MailServer
from tests.webui.visitor import Visitor, words
from tests.world import World
from webui.watch import Lookout
from workflow import watch
from workflow.database import real_now
from workflow.engine import SYSTEM, Engine
from workflow.models import Lease

_NOTHING_DUE = {"due_rungs": 0, "due_notices": 0, "due_mails": 0, "failing": 0}
Visit = Callable[[str], Visitor]


@pytest.fixture
def lookout(app: Flask) -> Lookout:
    """What the application knows of the scheduler; it looks anew each time."""
    found: Lookout = app.extensions["startklar.lookout"]
    found.fresh_seconds = 0.0
    return found


def test_machines_learn_whether_it_goes_and_how_much_waits(world: World, stranger: Visitor, lookout: Lookout) -> None:
    _signs(world)
    answer = stranger.get("/statusz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"} | _NOTHING_DUE)
    _silent(world)
    answer = stranger.get("/statusz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["status"] == "stands_still"
    assert answer.json["stuck"] == ["scheduler", "delivery"]
    since = dt.datetime.fromisoformat(answer.json["since"])
    assert dt.timedelta(minutes=6) <= real_now() - since < dt.timedelta(minutes=8)
    assert set(answer.json) == {"status", "since", "stuck", *_NOTHING_DUE}


def test_administrators_see_it_on_every_page_and_nobody_else_does(world: World, visit: Visit, lookout: Lookout) -> None:
    _signs(world)
    admin, digi = visit("admin"), visit("digi")
    assert "steht still" not in words(admin.get("/account").text)
    _silent(world)
    for page in ("/admin", "/account"):
        assert "Der Zeitgeber steht still: Es wird niemand mehr erinnert" in words(admin.get(page).text)
    assert "steht still" not in words(digi.get("/").text)
    watch.sign(world.engine, watch.DECIDING, "one")
    assert "Mails gehen nicht mehr hinaus" in words(admin.get("/account").text)


def test_requests_make_the_web_process_write_to_administrators_and_wait_for_nothing(
    world: World, stranger: Visitor, lookout: Lookout, smtp: MailServer
) -> None:
    world.engine.settings = dataclasses.replace(world.engine.settings, smtp_url=smtp.url)
    _silent(world)
    stranger.get("/healthz")
    assert not _watching()  # not in the first minute
    lookout.look_after_seconds = 0.0
    stranger.get("/healthz")
    _until(lambda: len(smtp.received) == 1)
    lookout.look_after_seconds = 60.0
    began = time.monotonic()
    for _ in range(5):
        stranger.get("/healthz")
    assert time.monotonic() - began < 5
    _until(lambda: not _watching())
    assert [mail.recipients for mail in smtp.received] == [("admin@startklar.example",)]


def test_a_state_that_cannot_be_read_stops_neither_the_look_nor_a_page(
    world: World, lookout: Lookout, visit: Visit, tmp_path: Path
) -> None:
    admin = visit("admin")
    lookout.look_after_seconds = 0.0
    lookout.engine = Engine(dataclasses.replace(world.engine.settings, database_url=f"sqlite:///{tmp_path}/none.db"))
    assert admin.get("/account").status_code == 200
    _until(lambda: not _watching())


def _signs(world: World) -> None:
    for part in watch.PARTS:
        watch.sign(world.engine, part, "one")


def _silent(world: World) -> None:
    """The last sign of everybody was six minutes ago."""
    _signs(world)
    then = real_now() - dt.timedelta(minutes=6, seconds=30)
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Lease).values(progress_at=then, until=then))


def _watching() -> bool:
    return any(thread.name == "watch" for thread in threading.enumerate())


def _until(condition: Callable[[], bool], seconds: float = 20) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)
