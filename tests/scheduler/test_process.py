"""The scheduler as a program: it starts, does what is due, and ends when asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from tests.smtp import MailServer
from tests.world import World
from workflow import lease, watch
from workflow.models import Lease


def test_once_does_everything_once_and_ends(world: World, smtp: MailServer) -> None:
    world.open()
    done = subprocess.run(
        [sys.executable, "-m", "scheduler", "--once"],
        env=_surroundings(world, smtp),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert [mail.recipients for mail in smtp.received] == [("digi@startklar.example",)]
    assert "digi@" not in done.stderr


@pytest.mark.slow
def test_it_beats_until_it_is_asked_to_end(world: World, smtp: MailServer) -> None:
    with _running(world, smtp) as process:
        world.open()
        assert _comes_true(lambda: len(smtp.received) == 1)
        world.days(8)
        assert _comes_true(lambda: len(smtp.received) == 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.slow
def test_two_of_them_killed_in_turn_lose_no_mail_and_send_none_twice_under_another_id(
    world: World, smtp: MailServer
) -> None:
    with _running(world, smtp) as first, _running(world, smtp) as second:
        world.open()
        assert _comes_true(lambda: len(smtp.received) >= 1)
        first.kill()
        world.days(8)
        assert _comes_true(lambda: len(smtp.received) >= 2)
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
    with _running(world, smtp):
        world.days(2)
        assert _comes_true(lambda: len({mail.message["Message-ID"] for mail in smtp.received}) == 3)
    ids = [mail.message["Message-ID"] for mail in smtp.received]
    assert len(ids) == len(set(ids)) == 3


@pytest.mark.slow
def test_of_several_that_run_one_that_stops_is_followed_and_comes_back_without_a_word(
    world: World, smtp: MailServer
) -> None:
    with _running(world, smtp) as first, _running(world, smtp) as second, _running(world, smtp) as third:
        processes = {process.pid: process for process in (first, second, third)}
        assert _comes_true(lambda: lease.last_progress(world.engine, watch.DECIDING) > lease.NEVER)
        leader = processes[_leader(world)]
        leader.send_signal(signal.SIGSTOP)  # it lives, and comes to nothing
        world.open()
        world.open("uvg")
        assert _comes_true(lambda: _leader(world) != leader.pid)
        follower, stopped_at = _leader(world), lease.last_progress(world.engine, watch.DECIDING)
        assert _comes_true(lambda: lease.last_progress(world.engine, watch.DECIDING) > stopped_at)
        leader.send_signal(signal.SIGCONT)
        world.days(8)
        assert _comes_true(lambda: len({mail.message["Message-ID"] for mail in smtp.received}) >= 2)
        again_at = lease.last_progress(world.engine, watch.DECIDING)
        assert _comes_true(lambda: lease.last_progress(world.engine, watch.DECIDING) > again_at)
        assert _leader(world) == follower
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
    ids = [mail.message["Message-ID"] for mail in smtp.received]
    assert len(ids) == len(set(ids))


def test_an_installation_that_is_not_there_is_said_in_one_sentence(empty_database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scheduler", "--once"],
        env=os.environ | {"STARTKLAR_DATABASE_URL": empty_database_url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


# --- helpers ---------------------------------------------------------------------------------------------------------


def _leader(world: World) -> int:
    """The process that signs for all."""
    with world.look() as work:
        holder = work.session.execute(sa.select(Lease.holder).where(Lease.name == watch.DECIDING)).scalar_one()
    return int(str(holder).rpartition(":")[2])


@contextmanager
def _running(world: World, smtp: MailServer) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "scheduler"], env=_surroundings(world, smtp))
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def _surroundings(world: World, smtp: MailServer) -> dict[str, str]:
    return os.environ | {
        "STARTKLAR_DATABASE_URL": world.engine.settings.database_url,
        "STARTKLAR_DATA": str(world.engine.settings.data),
        "STARTKLAR_SMTP_URL": smtp.url,
        "STARTKLAR_TICK_SECONDS": "0.3",
    }


def _comes_true(condition: object, seconds: float = 30) -> bool:
    assert callable(condition)
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if condition():
            return True
        time.sleep(0.05)
    return False
