"""The scheduler is watched: signs of life, what is left undone, and a mail once a day when it stands still."""

from __future__ import annotations

import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.smtp import MailServer, Received
from tests.workflow.test_bounces import report
from tests.world import World
from workflow import bounces, lease, sessions, ticking, watch
from workflow.database import real_now
from workflow.engine import SYSTEM
from workflow.models import Installation, Lease, Message


def test_an_installation_just_made_has_its_time_and_then_stands_still_until_a_scheduler_comes(world: World) -> None:
    _made(world, dt.timedelta(minutes=4))
    assert not watch.state(world.engine).stands_still
    _made(world, dt.timedelta(minutes=6))
    found = watch.state(world.engine)
    assert found.stuck == (watch.DECIDING, watch.DELIVERING)
    assert found.since is not None
    assert real_now() - found.since > dt.timedelta(minutes=6)
    for part in watch.PARTS:
        watch.sign(world.engine, part, "one")
    assert watch.state(world.engine) == watch.State(None, (), 0, 0, 0)


def test_deciding_and_delivering_are_watched_apart(world: World) -> None:
    _silent(world, dt.timedelta(minutes=6))
    watch.sign(world.engine, watch.DECIDING, "one")
    assert watch.state(world.engine).stuck == (watch.DELIVERING,)


def test_how_long_silence_may_last_grows_with_the_beat(world: World) -> None:
    settings = world.engine.settings
    assert watch.patience(dataclasses.replace(settings, tick_seconds=5)) == dt.timedelta(minutes=5)
    assert watch.patience(dataclasses.replace(settings, tick_seconds=60)) == dt.timedelta(minutes=10)


def test_what_is_due_and_not_done_is_counted(world: World) -> None:
    world.open()
    assert watch.state(world.engine).due_notices == 1  # whose task it is shall learn of it
    world.days(15)
    found = watch.state(world.engine)
    assert found.due_rungs == 1
    assert found.due_mails == 0
    _silent(world, dt.timedelta(minutes=6))
    watch.look_after(world.engine, worker="web")
    assert watch.state(world.engine).due_mails == 1


def test_a_silent_leader_is_followed_by_another_who_signs_for_all(world: World) -> None:
    watch.sign(world.engine, watch.DECIDING, "one")
    _silent(world, dt.timedelta(minutes=6))
    watch.sign(world.engine, watch.DECIDING, "two")
    watch.sign(world.engine, watch.DELIVERING, "two")
    assert not watch.state(world.engine).stands_still
    with world.look() as work:
        assert {row.holder for row in work.session.execute(sa.select(Lease.holder))} == {"two"}


def test_a_clock_set_back_hides_no_standstill_and_makes_none_up(world: World) -> None:
    for part in watch.PARTS:
        watch.sign(world.engine, part, "one")
    _silent(world, dt.timedelta(hours=-1))  # what was an hour ago is now an hour ahead
    assert watch.state(world.engine).stands_still
    for part in watch.PARTS:
        watch.sign(world.engine, part, "two")
    assert not watch.state(world.engine).stands_still


def test_administrators_get_one_mail_a_day_however_many_web_processes_look(world: World, smtp: MailServer) -> None:
    world.engine.settings = dataclasses.replace(world.engine.settings, smtp_url=smtp.url)
    _silent(world, dt.timedelta(minutes=6))
    for _ in range(2):
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda name: watch.look_after(world.engine, worker=name), "abc"))
    (mail,) = smtp.received
    assert mail.recipients == ("admin@startklar.example",)
    assert str(mail.message["Subject"]).startswith("Startklar steht still seit ")
    assert mail.message["Auto-Submitted"] == "auto-generated"
    said = _plain(mail)
    assert "Der Zeitgeber von Startklar" in said
    assert "Fällige Erinnerungen" in said


def test_a_scheduler_that_goes_is_nobodys_news(world: World, smtp: MailServer) -> None:
    world.engine.settings = dataclasses.replace(world.engine.settings, smtp_url=smtp.url)
    for part in watch.PARTS:
        watch.sign(world.engine, part, "one")
    assert not watch.look_after(world.engine, worker="web").stands_still
    assert smtp.received == []
    with world.look() as work:
        assert work.session.execute(sa.select(Message.id)).all() == []


def test_the_web_process_delivers_this_mail_and_leaves_all_others(world: World, smtp: MailServer) -> None:
    world.open()
    world.days(15)
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Installation).values(example=True))
    ticking.decide_and_write(world.engine)  # what a scheduler wrote before it died
    world.engine.settings = dataclasses.replace(world.engine.settings, smtp_url=smtp.url)
    _silent(world, dt.timedelta(minutes=6))
    watch.look_after(world.engine, worker="web")
    assert [mail.recipients for mail in smtp.received] == [("admin@startklar.example",)]
    assert "Probebetrieb" in _plain(smtp.received[0])


def test_nobody_but_its_reader_can_say_that_the_mail_came_back(world: World) -> None:
    """Its name is nothing one could work out from who is written to, and when."""
    _silent(world, dt.timedelta(minutes=6))
    watch.look_after(world.engine, worker="web")
    with world.look() as work:
        (row,) = work.session.execute(sa.select(Message.id, Message.key, Message.header_id)).all()
    assert row.header_id[1:33] not in row.key
    guessed = f"<{row.key[:40]}@{row.header_id.partition('@')[2]}"
    assert bounces.take(world.engine, report(None, returned=guessed)) == "unmatched"
    assert bounces.take(world.engine, report(None, returned=row.header_id)) == "bounced"


def test_while_a_rehearsal_is_played_nobody_is_written_to(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Installation).values(rehearsing=True))
    _silent(world, dt.timedelta(minutes=6))
    assert watch.look_after(world.engine, worker="web").stands_still
    with world.look() as work:
        assert work.session.execute(sa.select(Message.id)).all() == []


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_mail_speaks_the_language_of_its_reader(world: World, language: str) -> None:
    sessions.set_language(world.engine, world["admin"], language)
    _silent(world, dt.timedelta(minutes=6))
    watch.sign(world.engine, watch.DECIDING, "one")
    watch.look_after(world.engine, worker="web")
    with world.look() as work:
        (row,) = work.session.execute(sa.select(Message.plain, Message.language)).all()
    assert row.language == language
    assert ("Mails gehen nicht mehr hinaus" if language == "de" else "Mails no longer go out") in row.plain


def _plain(mail: Received) -> str:
    body = mail.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _made(world: World, ago: dt.timedelta) -> None:
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Installation).values(created_at=real_now() - ago))


def _silent(world: World, ago: dt.timedelta) -> None:
    """Let the last sign of everybody be that long ago, leases included."""
    for part in watch.PARTS:
        if lease.last_progress(world.engine, part) == lease.NEVER:
            watch.sign(world.engine, part, "somebody")
    with world.engine.change(SYSTEM) as work:
        then = real_now() - ago
        work.session.execute(sa.update(Lease).where(Lease.name.in_(watch.PARTS)).values(progress_at=then, until=then))
