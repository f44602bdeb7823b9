"""The list of regular jobs: each may come late, twice or on two machines."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from scheduler.jobs import Job, jobs, led, run_safely
from tests.smtp import MailServer
from tests.world import World, contents
from workflow import lease, sessions, watch
from workflow.database import real_now
from workflow.engine import SYSTEM
from workflow.models import Command, Draft, Lease, Message, Person, Task, WebSession


def test_the_jobs_of_one_beat_lead_from_a_late_task_to_a_mail(world: World, smtp: MailServer) -> None:
    world.engine.settings = dataclasses.replace(world.engine.settings, smtp_url=smtp.url)
    world.open()
    for _ in range(22):
        world.days(1)
        _run(world, "one", "decide_and_write", "deliver")
    subjects = [mail.message["Subject"] for mail in smtp.sent_to("supervisor@startklar.example")]
    assert subjects == [
        "Überfällig seit 12 Arbeitstagen: Vormerkung annehmen oder Interesse bekunden (Landkreis Mainz-Bingen)"
        " [wohngeld-07339-1]"
    ]
    assert smtp.sent_to("stranger@startklar.example") == []


def test_several_schedulers_at_once_send_each_mail_once(world: World, smtp: MailServer) -> None:
    world.engine.settings = dataclasses.replace(world.engine.settings, smtp_url=smtp.url)
    for service in ("wohngeld", "uvg", "einbuergerung", "aufenthalt"):
        world.open(service)
    world.days(17)  # 16 December: seven working days late
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: _run(world, name, "decide_and_write", "deliver"), "abcd"))
    _run(world, "a", "deliver")
    recipients = [mail.recipients for mail in smtp.received]
    assert sorted(recipients) == sorted(set(recipients))
    assert {address for (address,) in recipients} == {
        f"{name}@startklar.example" for name in ("digi", "team", "colleague")
    }


def test_a_job_that_fails_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("the disk is full")

    assert run_safely(Job("broken", dt.timedelta(seconds=1), fail)) is False
    assert "job broken failed" in caplog.text
    assert "the disk is full" in caplog.text
    assert run_safely(Job("whole", dt.timedelta(seconds=1), lambda: None)) is True


def test_what_is_daily_is_done_once_a_day_by_one_of_them(world: World) -> None:
    folder = world.engine.settings.documents
    orphan = _orphan(folder, "a")
    _run(world, "one", "sweep_documents")
    assert not orphan.exists()
    late = _orphan(folder, "b")
    _run(world, "two", "sweep_documents")
    assert late.exists()  # it was done today
    _a_day_later(world)
    _run(world, "two", "sweep_documents")
    assert not late.exists()


def test_sessions_that_ended_are_forgotten(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        work.session.execute(
            sa.update(Person).where(Person.id == world["digi"]).values(password=sessions.hash_password("lang genug 42"))
        )
    sessions.sign_in(world.engine, "digi@startklar.example", "lang genug 42", "127.0.0.1")
    sessions.sign_in(world.engine, "digi@startklar.example", "lang genug 42", "127.0.0.1")
    with world.engine.change(SYSTEM) as work:
        first = work.session.execute(sa.select(WebSession.token_digest).limit(1)).scalar_one()
        work.session.execute(
            sa.update(WebSession)
            .where(WebSession.token_digest == first)
            .values(expires_at=real_now() - dt.timedelta(minutes=1))
        )
    _run(world, "one", "forget_sessions")
    with world.look() as work:
        kept = work.session.execute(sa.select(WebSession.token_digest)).scalars().all()
    assert len(kept) == 1
    assert first not in kept


def test_the_beat_leaves_a_sign_of_life(world: World) -> None:
    assert lease.last_progress(world.engine, "scheduler") == lease.NEVER
    _run(world, "one", "decide_and_write")
    first = lease.last_progress(world.engine, "scheduler")
    assert real_now() - first < dt.timedelta(seconds=10)
    _run(world, "one", "decide_and_write")
    assert lease.last_progress(world.engine, "scheduler") == first  # not at every beat: a disk is not a clock


def test_a_beat_with_nothing_to_do_changes_nothing(world: World) -> None:
    _run(world, "one", "decide_and_write", "deliver")
    with world.look() as work:
        before = work.session.execute(sa.select(Lease.__table__)).all()
    _run(world, "one", "decide_and_write", "deliver")
    with world.look() as work:
        assert work.session.execute(sa.select(Lease.__table__)).all() == before
        assert work.session.execute(sa.select(Message.id)).all() == []


def test_who_was_thought_dead_and_comes_back_changes_nothing(world: World) -> None:
    _with_old_rows(world)
    orphan = _orphan(world.engine.settings.documents, "c")
    before = contents(world)
    for name, run in led(world.engine, world.engine.settings).items():
        mine = lease.acquire(world.engine, name, "one", 60)
        assert mine is not None
        _run_out_of_time(world)
        assert lease.acquire(world.engine, name, "two", 60) is not None
        with pytest.raises(lease.Replaced):
            run(lease.Lead(name, mine))
        assert lease.progress(world.engine, name, mine) is False
    assert orphan.exists()
    after = contents(world)
    assert {name for name in before if before[name] != after[name]} == {"lease"}
    for name, run in led(world.engine, world.engine.settings).items():  # who leads by now does it
        with world.look() as work:
            theirs = work.session.execute(sa.select(Lease.fence).where(Lease.name == name)).scalar_one()
        run(lease.Lead(name, theirs))
    assert not orphan.exists()
    assert {name for name in before if before[name] != contents(world)[name]} == {
        "lease",
        "web_session",
        "command",
        "draft",
    }


def test_every_daily_job_is_led(world: World) -> None:
    settings = world.engine.settings
    daily = {job.name for job in jobs(world.engine, settings, worker="one") if job.every >= dt.timedelta(hours=1)}
    assert daily == set(led(world.engine, settings))


def test_a_beat_that_fails_every_time_shows_although_its_process_lives(world: World) -> None:
    _run(world, "one", "decide_and_write", "deliver")
    _minutes_later(world, 6)
    with world.engine.pool.begin() as connection:
        connection.execute(sa.text("ALTER TABLE bulk RENAME TO not_there"))
    broken = next(job for job in jobs(world.engine, world.engine.settings, worker="one"))
    assert run_safely(broken) is False
    _run(world, "one", "deliver")
    assert watch.state(world.engine).stuck == (watch.DECIDING,)
    with world.engine.pool.begin() as connection:
        connection.execute(sa.text("ALTER TABLE not_there RENAME TO bulk"))
    assert run_safely(broken) is True
    assert not watch.state(world.engine).stands_still


def test_a_beat_that_hangs_shows_as_long_as_it_hangs(world: World) -> None:
    task_id = world.task(world.open(), "express_interest")
    _run(world, "one", "decide_and_write")
    world.days(15)
    _minutes_later(world, 6)
    _run(world, "one", "deliver")
    with ThreadPoolExecutor(1) as pool:
        with world.engine.change(SYSTEM) as work:  # somebody keeps what the beat needs
            work.session.execute(sa.select(Task.id).where(Task.id == task_id).with_for_update())
            beat = pool.submit(_run, world, "one", "decide_and_write")
            time.sleep(0.5)
            assert not beat.done()
            assert watch.state(world.engine).stuck == (watch.DECIDING,)
        beat.result(timeout=20)
    assert not watch.state(world.engine).stands_still


# --- helpers ---------------------------------------------------------------------------------------------------------


def _run(world: World, worker: str, *names: str) -> None:
    for job in jobs(world.engine, world.engine.settings, worker=worker):
        if job.name in names:
            job.run()


def _orphan(folder: Path, letter: str) -> Path:
    """A file no row names, two days old."""
    path = folder / (letter * 2) / (letter * 64)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    old = time.time() - 2 * 24 * 3600
    os.utime(path, (old, old))
    return path


def _with_old_rows(world: World) -> None:
    """Something for each daily job to remove."""
    long_ago = real_now() - dt.timedelta(days=100)
    with world.engine.change(SYSTEM) as work:
        work.session.execute(
            sa.insert(WebSession).values(
                token_digest="a" * 64,
                person_id=world["digi"],
                csrf="b" * 64,
                created_at=long_ago,
                seen_at=long_ago,
                expires_at=long_ago,
            )
        )
        work.session.execute(
            sa.insert(Command).values(actor="operator", key="k", deed="d", digest="c" * 64, result="{}", at=long_ago)
        )
        draft = {"person_id": world["digi"], "form": "task:x", "values": "{}", "saved_at": long_ago}
        work.session.execute(sa.insert(Draft).values(draft))


def _run_out_of_time(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Lease).values(until=real_now() - dt.timedelta(seconds=1)))


def _minutes_later(world: World, minutes: int) -> None:
    with world.engine.change(SYSTEM) as work:
        then = real_now() - dt.timedelta(minutes=minutes)
        work.session.execute(sa.update(Lease).values(progress_at=then, until=then))


def _a_day_later(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        yesterday = real_now() - dt.timedelta(days=1)
        work.session.execute(sa.update(Lease).values(progress_at=yesterday, until=yesterday))
