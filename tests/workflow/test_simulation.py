"""Mails of the days to come: what is foreseen is what happens, and nothing happens because somebody looked."""

from __future__ import annotations

import csv
import datetime as dt
import io
import shutil
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.databases import DEFINITIONS
from tests.definitions.folder import edit
from tests.workflow.conftest import Run
from tests.world import TOWN, World, contents
from workflow import announcements, cases, clock, milestones, replies, simulation, tasks, ticking
from workflow.engine import SYSTEM
from workflow.errors import InvalidDefinitions, NotAllowed, Refused
from workflow.models import Message, Milestone


@pytest.fixture
def busy(world: World) -> World:
    """Tasks in several states, replies to reminders, a case that rests, an announcement, a mail to be written."""
    first, second = world.open(), world.open("uvg")
    ticking.decide_and_write(world.engine)
    world.days(2)
    world.do(first, "express_interest", "digi")
    with world.by("team") as work:
        cases.hold(work, second, blocker="no_staff", reason="Urlaub", review_on=dt.date(2026, 12, 8))
    with world.by("supervisor") as work:
        tasks.extend(work, world.task(first, "confirm_responsibility"), 3, "Urlaub")
    later, seen = (world.task(world.open(service), "express_interest") for service in ("einbuergerung", "aufenthalt"))
    with world.by("digi") as work:
        replies.snooze(work, "task", later, 2)
        replies.see(work, "task", seen)
    with world.by("office") as work:
        announcements.send(work, [TOWN], "Schulung", "Am Montag um 10 Uhr.")
    return world


def test_what_is_foreseen_is_what_goes_out(busy: World) -> None:
    days = 30
    foreseen = simulation.simulate(busy.engine, days=days)
    with busy.look() as work:
        known = set(work.session.execute(sa.select(Message.id)).scalars())
        begins, zone = work.now, work.catalogue.calendar.zone
    ticking.decide_and_write(busy.engine)
    for day in range(1, days):
        for hour in (7, 8):
            at = dt.datetime.combine(begins.astimezone(zone) + dt.timedelta(days=day), dt.time(hour), zone)
            with busy.engine.change(SYSTEM) as work:
                clock.set_to(work, at)
            ticking.decide_and_write(busy.engine)
    with busy.look() as work:
        new = sa.select(Message.written_at, Message.recipient_id, Message.subject).where(Message.id.not_in(known))
        went_out = sorted((row.written_at, str(row.recipient_id), row.subject) for row in work.session.execute(new))
    assert sorted((one.at, str(one.recipient_id), one.subject) for one in foreseen) == went_out
    assert len(went_out) > 5


def test_every_mail_says_why(busy: World) -> None:
    foreseen = simulation.simulate(busy.engine, days=30)
    assert all(mail.reasons for mail in foreseen)
    reasons = [one for mail in foreseen for one in mail.reasons]
    reminded = next(one for one in reasons if one.rung == "overdue_12")
    assert (reminded.ladder, reminded.body, reminded.name) == ("short", "Landkreis Mainz-Bingen", "escalation")
    assert reminded.number is not None
    assert {"hold", "task"} <= {one.subject_kind for one in reasons}


def test_looking_ahead_changes_nothing(busy: World) -> None:
    before = contents(busy)
    simulation.simulate(busy.engine, days=10)
    assert contents(busy) == before


def test_nothing_of_the_copy_is_left_whoever_ends_the_process(
    busy: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TMPDIR", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path / "there"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "there").mkdir()
    seen: list[Path] = []
    simulation.simulate(busy.engine, days=3, progress=lambda _: seen.extend((tmp_path / "there").rglob("*")))
    assert seen == []


def test_a_changed_ladder_is_tried_before_it_is_loaded(busy: World) -> None:
    text = (DEFINITIONS / "programme.yaml").read_text(encoding="utf-8")
    changed = text.replace("{id: overdue_3, at: 3,", "{id: overdue_3, at: 4,")
    ahead = simulation.look_ahead(busy.engine, busy["office"], days=30, programme=changed)
    assert len(ahead.less) == len(ahead.more) > 0
    assert {one.rung for mail in ahead.more for one in mail.reasons} >= {"overdue_3"}
    assert ahead.now == len(ahead.mails)
    with busy.look() as work:
        assert work.catalogue.programme.ladders["short"].rungs[2].at == 3
    same = simulation.look_ahead(busy.engine, busy["auditor"], days=30, programme=text)
    assert (same.less, same.more) == ((), ())


def test_what_repeats_from_the_day_a_milestone_was_planned_is_foreseen_from_that_day(world: World) -> None:
    with world.by("office") as work:
        planned = work.session.execute(sa.select(Milestone).where(Milestone.service == "wohngeld")).scalars().first()
        assert planned is not None
        milestones.plan(work, planned.id, dt.date(2027, 6, 30), "So steht es im Entwurf des Vertrags.")
        begins = work.today
    world.days(7)
    text = (DEFINITIONS / "programme.yaml").read_text(encoding="utf-8")
    rung = "{id: due, at: 0, to: [supervisor], message: milestone_due}"
    assert rung in text
    changed = text.replace(rung, "{id: pulse, every: 10, times: 3, to: [programme_office], message: milestone_due}")
    ahead = simulation.look_ahead(world.engine, world["office"], days=30, programme=changed)
    days = [mail.at.date() for mail in ahead.mails if any(one.rung == "pulse" for one in mail.reasons)]
    with world.look() as work:
        assert days[0] == work.catalogue.calendar.add(begins, 10)


def test_a_ladder_with_faults_is_refused_with_each_place(busy: World) -> None:
    text = (DEFINITIONS / "programme.yaml").read_text(encoding="utf-8")
    broken = text.replace("{id: overdue_3, at: 3, to: [owner, deputy]", "{id: overdue_3, at: -9, to: [mayor]")
    with pytest.raises(InvalidDefinitions) as caught:
        simulation.look_ahead(busy.engine, busy["office"], days=5, programme=broken)
    assert {fault.key for fault in caught.value.faults} == {"fault.rung_order", "fault.unknown_recipient"}
    with pytest.raises(InvalidDefinitions):
        simulation.look_ahead(busy.engine, busy["office"], days=5, programme="ladders: [")


def test_only_who_sees_every_case_looks_ahead_and_not_for_ever(busy: World) -> None:
    for who in ("team", "supervisor", "digi", "admin"):
        with pytest.raises(NotAllowed):
            simulation.look_ahead(busy.engine, busy[who], days=5)
    for days in (0, 93):
        with pytest.raises(Refused):
            simulation.simulate(busy.engine, days=days)


def test_the_command_line_lists_them_and_compares_definitions(
    run: Run, busy: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARTKLAR_DATABASE_URL", busy.engine.settings.database_url)
    monkeypatch.setenv("STARTKLAR_DATA", str(busy.engine.settings.data))
    listed = run("mails", "simulate", "--days", "30")
    assert listed.code == 0
    assert "overdue_12" in listed.out
    told = run("mails", "simulate", "--days", "30", "--json").data
    lines = list(csv.DictReader(io.StringIO(run("mails", "simulate", "--days", "30", "--csv").out), delimiter=";"))
    assert len(lines) == sum(len(mail["why"]) for mail in told)
    assert lines[0]["subject"] == told[0]["subject"]
    folder = shutil.copytree(DEFINITIONS, tmp_path / "definitions")
    edit(folder, "programme.yaml", "{id: overdue_12, at: 12,", "{id: overdue_12, at: 13,")
    compared = run("mails", "simulate", "--days", "30", "--definitions", str(folder))
    assert "neu sind" in compared.err
    assert run("mails", "simulate", "--csv", "--json").code == 2
    assert run("mails", "simulate", "--days", "93").code == 2
