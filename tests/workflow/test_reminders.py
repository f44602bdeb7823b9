"""Who is reminded of what, when, and exactly once."""

from __future__ import annotations

import datetime as dt
import json
import logging
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from tests.databases import DEFINITIONS
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import (
    cases,
    clusters,
    definition,
    events,
    loading,
    milestones,
    people,
    prerequisites,
    reminders,
    tasks,
    ticking,
    watch,
)
from workflow.database import real_now
from workflow.engine import SYSTEM, Work
from workflow.models import (
    Case,
    Decision,
    Definition,
    Event,
    Installation,
    Message,
    Milestone,
    Notice,
    Prerequisite,
    Task,
    TeamDistrict,
    Trouble,
)
from workflow.queries import mails

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_short_deadline_ends_with_the_supervisor_after_twelve_working_days(world: World) -> None:
    case_id = world.open()  # Monday, 23 November; express_interest of digi, due on Monday, 7 December
    story = _days(world, 22, about=world.task(case_id, "express_interest"))
    assert story == [
        ("2026-12-03", "before_2", ["digi"]),
        ("2026-12-07", "due", ["digi"]),
        ("2026-12-10", "overdue_3", ["digi"]),
        ("2026-12-16", "overdue_7", ["colleague", "digi", "team"]),
        ("2026-12-23", "overdue_12", ["supervisor"]),
    ]


def test_a_strangers_town_and_other_teams_learn_nothing(world: World) -> None:
    world.open()
    _days(world, 22)
    assert {"stranger", "other_team", "auditor", "admin"}.isdisjoint(_told(world))


def test_a_rung_that_was_decided_is_not_decided_again(world: World) -> None:
    world.open()
    world.days(8)  # 3 December
    assert reminders.decide(world.engine) == 1
    before = _notices(world)
    assert reminders.decide(world.engine) == 0
    assert _notices(world) == before


def test_of_several_rungs_that_are_past_the_highest_fires_and_the_others_are_skipped(world: World) -> None:
    case_id = world.open()
    world.days(30)
    assert reminders.decide(world.engine) == 1
    task_id = world.task(case_id, "express_interest")
    assert _decisions(world, task_id) == {
        "before_2": "skipped",
        "due": "skipped",
        "overdue_3": "skipped",
        "overdue_7": "skipped",
        "overdue_12": "fired",
    }
    assert _story(world, task_id) == [("2027-01-06", "overdue_12", ["supervisor"])]


def test_a_rung_that_falls_on_christmas_eve_fires_on_the_next_mail_day(world: World) -> None:
    world.days(1)
    case_id = world.open()  # due on 8 December, twelve working days later is 24 December
    story = _days(world, 25, about=world.task(case_id, "express_interest"))
    assert story[-1] == ("2026-12-28", "overdue_12", ["supervisor"])


def test_every_rung_fires_at_seven_on_a_mail_day(world: World) -> None:
    for service in ("wohngeld", "uvg", "einbuergerung", "aufenthalt"):
        world.open(service)
        _days(world, 1)
    _days(world, 24)
    with world.look() as work:
        calendar = work.catalogue.calendar
        decided = work.session.execute(sa.select(Decision.decided_at, Decision.outcome)).all()
    assert len(decided) == 4 * 5
    assert {outcome for _, outcome in decided} == {"fired"}
    for instant, _ in decided:
        local = instant.astimezone(BERLIN)
        assert (local.hour, local.minute) == (7, 0)
        assert calendar.is_mail_day(local.date())


def test_a_new_due_date_is_reminded_of_anew(world: World) -> None:
    case_id = world.open()
    _days(world, 10)  # 7 December: due
    task_id = world.task(case_id, "express_interest")
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 5, "Die Stelle ist neu besetzt.")
    story = _days(world, 6, about=task_id)
    assert story == [
        ("2026-12-03", "before_2", ["digi"]),
        ("2026-12-07", "due", ["digi"]),
        ("2026-12-10", "before_2", ["digi"]),
        ("2026-12-14", "due", ["digi"]),
    ]
    with world.look() as work:
        generations = work.session.execute(
            sa.select(Decision.generation).where(Decision.subject_id == task_id, Decision.rung == "due")
        ).scalars()
        assert sorted(generations) == [1, 2]


def test_who_accepted_a_task_is_its_owner(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        second = _add(work, "second-digi", f"digi@{TOWN}")
    world.ids["second_digi"] = second
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    story = _days(world, 8, about=task_id)
    assert story == [("2026-12-03", "before_2", ["digi", "second_digi"])]
    with world.by("second_digi") as work:
        tasks.accept(work, task_id)
    assert _days(world, 2, about=task_id)[-1] == ("2026-12-07", "due", ["second_digi"])


def test_who_left_is_not_reminded_of_what_they_accepted(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.accept(work, task_id)
    with world.by("admin") as work:
        people.withdraw(work, world["digi"], people.parse_role(f"digi@{TOWN}"))
    assert _days(world, 8, about=task_id) == [("2026-12-03", "before_2", ["leitung"])]


def test_where_nobody_has_an_account_the_team_is_reminded(world: World) -> None:
    case_id = world.open(body=EMPTY_TOWN)
    story = _days(world, 8, about=world.task(case_id, "express_interest"))
    assert story == [("2026-12-03", "before_2", ["other_team"])]
    assert _facts(world, "other_team")[-1]["role"] == "umsetzungsteam"


def test_a_rung_without_recipients_goes_to_those_of_the_next_and_at_last_to_the_office(world: World) -> None:
    """The other team has no supervisor, and overdue_12 is the last rung of the short ladder."""
    case_id = world.open(body=EMPTY_TOWN)
    task_id = world.task(case_id, "express_interest")
    story = _days(world, 22, about=task_id)
    assert story[-1] == ("2026-12-23", "overdue_12", ["office"])
    assert _decisions(world, task_id)["overdue_12"] == "passed_on"
    assert _reminded(world, case_id)[-1]["passed_to"] == "programme_office"


def test_a_rung_without_recipients_inside_a_ladder_goes_to_those_of_the_next(world: World) -> None:
    case_id = world.open(body=STRANGE_TOWN)
    task_id = world.task(case_id, "express_interest")
    with world.engine.change(SYSTEM) as work:  # a team nobody is in, supervised all the same
        work.session.execute(sa.update(Case).where(Case.id == case_id).values(team="sued"))
        work.session.execute(sa.update(Task).where(Task.case_id == case_id).values(team="sued"))
        world.ids["south"] = _add(work, "south", "supervisor@sued")
        people.withdraw(work, world["stranger"], people.parse_role(f"digi@{STRANGE_TOWN}"))
    story = _days(world, 8, about=task_id)
    assert story == [("2026-12-03", "before_2", ["south"])]
    assert _reminded(world, case_id)[-1]["passed_to"] == "overdue_12"


def test_a_rung_nobody_can_hear_is_decided_and_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    case_id = world.open(body=EMPTY_TOWN)
    task_id = world.task(case_id, "express_interest")
    with world.engine.change(SYSTEM) as work:
        team = work.session.execute(sa.select(TeamDistrict.team).where(TeamDistrict.district == EMPTY_TOWN)).scalar()
        people.withdraw(work, world["other_team"], people.parse_role(f"umsetzungsteam@{team}"))
        people.withdraw(work, world["office"], people.parse_role("programme_office"))
    with caplog.at_level(logging.WARNING):
        assert _days(world, 8, about=task_id) == [("2026-12-03", "before_2", [])]
    assert _decisions(world, task_id) == {"before_2": "unheard"}
    assert "nobody is there to be told" in caplog.text


def test_what_the_team_left_undone_is_not_held_against_the_town(world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    task_id = world.task(case_id, "confirm_responsibility")  # of the team, due in five working days
    story = _days(world, 13, about=task_id)
    assert story[-1][1:] == ("overdue_7", ["colleague", "team"])
    assert "digi" not in {name for _, _, told in story for name in told}


def test_nobody_is_reminded_of_tasks_while_a_case_rests_but_the_team_of_the_review(world: World) -> None:
    case_id = world.open()
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle unbesetzt", review_on=dt.date(2026, 12, 8))
    assert _days(world, 15, about=world.task(case_id, "express_interest")) == []
    with world.look() as work:
        told = [(row.rung, row.outcome) for row in _holds_decided(work)]
    assert told == [("before_2", "fired"), ("due", "fired"), ("overdue_3", "fired")]
    assert _told(world) == {"digi", "team", "colleague"}  # digi was asked at the beginning
    with world.by("team") as work:
        cases.resume(work, case_id)
    task_id = world.task(case_id, "express_interest")
    assert world.row(case_id, "express_interest").due_on == dt.date(2026, 12, 29)
    # two working days before is Christmas Eve
    assert _days(world, 9, about=task_id)[0] == ("2026-12-28", "before_2", ["digi"])


def test_a_task_left_with_a_reminder_while_its_case_rests_is_silenced(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    remind_at = world.row(case_id, "express_interest").remind_at
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle", review_on=dt.date(2027, 3, 1))
        work.session.execute(sa.update(Task).where(Task.id == task_id).values(remind_at=remind_at, rung="before_2"))
    world.days(9)
    assert reminders.decide(world.engine) == 1
    assert world.row(case_id, "express_interest").remind_at is None
    assert _decisions(world, task_id) == {}


def test_waiting_for_others_is_asked_about_every_ten_working_days(world: World) -> None:
    with world.by("it") as work:
        prerequisite_id = prerequisites.request(work, TOWN, "elster_account").id
        row = work.session.get_one(Prerequisite, prerequisite_id)
        assert (row.ladder, row.owner) == ("external", "body.it")
        before = row.version
        due_on = row.due_on
    _days(world, 45)
    with world.look() as work:
        decided = work.session.execute(
            sa.select(Decision.rung, Decision.occurrence, Decision.outcome)
            .where(Decision.subject_id == prerequisite_id)
            .order_by(Decision.decided_at, Decision.occurrence)
        ).all()
        row = work.session.get_one(Prerequisite, prerequisite_id)
        assert row.version == before
        assert row.due_on == due_on
        assert events.broken_at(work, prerequisite_id) is None
    waiting = [entry.occurrence for entry in decided if entry.rung == "waiting"]
    assert waiting == [1, 2, 3, 4]
    assert {"overdue_5", "overdue_10", "overdue_15"} & {entry.rung for entry in decided}
    assert {fact["role"] for fact in _facts(world, "it") if "prerequisite" in fact and "role" in fact} == {"body.it"}


def test_what_expires_is_announced_before(world: World) -> None:
    with world.by("it") as work:
        prerequisite_id = prerequisites.request(work, TOWN, "elster_account").id
    with world.by("it") as work:
        expires = work.catalogue.calendar.add(work.today, 65)
        prerequisites.complete(
            work, prerequisite_id, {"exists": "true", "kept_by": "Hauptamt", "expires_on": expires.isoformat()}
        )
    _days(world, 6)
    ticking.decide_and_write(world.engine)
    with world.look() as work:
        told = work.session.execute(sa.select(Message.plain).where(Message.recipient_id == world["it"])).scalars().all()
    assert any("Gilt noch bis" in mail for mail in told)
    _days(world, 60)
    with world.look() as work:
        rungs = work.session.execute(
            sa.select(Decision.rung)
            .where(Decision.subject_id == prerequisite_id, Decision.outcome == "fired")
            .order_by(Decision.decided_at)
        ).scalars()
        assert list(rungs) == ["before_60", "before_30", "before_10", "before_2", "due"]
    assert [fact["rung"] for fact in _facts(world, "supervisor")] == ["due"]


def test_milestones_are_the_offices(world: World) -> None:
    with world.by("office") as work:
        row = work.session.execute(sa.select(Milestone).where(Milestone.service == "wohngeld")).scalars().one()
        due_on = work.catalogue.calendar.add(work.today, 12)
        milestones.plan(work, row.id, due_on, "So steht es im Entwurf des Vertrags.")
    _days(world, 14)
    with world.look() as work:
        rungs = work.session.execute(
            sa.select(Decision.rung).where(Decision.subject_id == row.id).order_by(Decision.decided_at)
        ).scalars()
        assert list(rungs) == ["before_10", "before_2", "due"]
        assert events.broken_at(work, row.id) is None
        assert not any("milestone" in said for said in _reminded(world, row.id))  # nothing about it changed
        told = work.session.execute(sa.select(Notice.recipient_id).where(Notice.subject_id == row.id)).scalars()
        assert set(told) == {world["office"]}


def test_a_reminder_is_an_entry_of_the_history_and_names_no_names(world: World) -> None:
    case_id = world.open()
    _days(world, 8)
    (said,) = _reminded(world, case_id)
    assert said["name"] == "express_interest"
    assert said["rung"] == "before_2"
    assert said["recipients"] == [world["digi"].hex]
    with world.look() as work:
        assert events.broken_at(work, case_id) is None
        facts = work.session.execute(sa.select(Notice.facts)).scalars().all()
    for words in (json.dumps(said), *facts):
        assert "startklar.example" not in words
        assert "Digi" not in words


def test_a_reminder_does_not_disturb_who_has_the_task_open(world: World) -> None:
    case_id = world.open()
    seen = world.row(case_id, "express_interest").version
    _days(world, 10)
    with world.by("digi") as work:
        tasks.submit(
            work,
            world.task(case_id, "express_interest"),
            world.answers(work, case_id, "express_interest"),
            seen=seen,
        )
    assert world.row(case_id, "express_interest").status == "done"


def test_a_task_that_is_done_is_not_reminded_of(world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    assert _days(world, 20, about=world.task(case_id, "express_interest")) == []


def test_two_that_decide_at_once_decide_each_rung_once(world: World) -> None:
    opened = [world.open(service) for service in ("wohngeld", "uvg", "einbuergerung", "aufenthalt", "fuehrerschein")]
    opened.append(world.open(body=EMPTY_TOWN))
    world.days(10)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: reminders.decide(world.engine), range(4)))
    for case_id in opened:
        assert _decisions(world, world.task(case_id, "express_interest")) == {"before_2": "skipped", "due": "fired"}
        assert len(_reminded(world, case_id)) == 1
        with world.look() as work:
            assert events.broken_at(work, case_id) is None
    with world.look() as work:
        told = work.session.execute(
            sa.select(Notice.subject_id, Notice.recipient_id).where(Notice.name == "reminder_due")
        ).all()
    assert len(told) == len(set(told)) == len(opened)


def test_a_subject_that_fails_is_pushed_back_and_stops_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    broken, whole = world.open(), world.open("uvg")
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Case).where(Case.id == broken).values(process_version=99))
    world.days(8)
    with caplog.at_level(logging.ERROR):
        assert reminders.decide(world.engine) == 2
    assert "tried again in an hour" in caplog.text
    assert _decisions(world, world.task(whole, "express_interest")) == {"before_2": "fired"}
    assert _decisions(world, world.task(broken, "express_interest")) == {}
    assert reminders.decide(world.engine) == 0  # no loop
    assert watch.state(world.engine).failing == 1
    with world.look("admin") as work:
        (failing,) = mails.delivery(work).failing
    assert (failing.kind, failing.id, failing.times) == ("task", world.task(broken, "express_interest"), 1)
    with world.look("office") as work:
        assert mails.delivery(work).failing == ()

    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Case).where(Case.id == broken).values(process_version=1))
    world.days(1)
    assert reminders.decide(world.engine) == 1
    assert _decisions(world, world.task(broken, "express_interest")) == {"before_2": "fired"}
    with world.engine.change(SYSTEM) as work:  # it would have been tried twice by now
        work.session.execute(sa.update(Trouble).values(at=real_now() - dt.timedelta(hours=3)))
    assert watch.state(world.engine).failing == 0


def test_a_rung_the_ladder_lost_is_skipped_and_the_next_fires(world: World) -> None:
    case_id = world.open()
    _with_ladder(world, "short", lambda rungs: [rung for rung in rungs if rung["id"] != "before_2"])
    task_id = world.task(case_id, "express_interest")
    story = _days(world, 10, about=task_id)
    assert story == [("2026-12-07", "due", ["digi"])]
    assert _decisions(world, task_id) == {"before_2": "skipped", "due": "fired"}


def test_a_rung_that_was_moved_is_decided_where_it_stands_now(world: World) -> None:
    case_id = world.open()
    _with_ladder(world, "short", lambda rungs: [rungs[0] | {"at": -1}, *rungs[1:]])
    story = _days(world, 10, about=world.task(case_id, "express_interest"))
    assert story == [("2026-12-04", "before_2", ["digi"]), ("2026-12-07", "due", ["digi"])]


def test_a_ladder_that_is_loaded_anew_counts_for_every_rung_still_to_come(world: World, tmp_path: Path) -> None:
    moved, ended = world.open(), world.open("uvg")
    _days(world, 23)  # 24 December: of both the last rung was decided the day before
    waiting = world.open("einbuergerung")  # due on 11 January; six working days before is the 31st of December
    with world.by("supervisor") as work:
        tasks.extend(work, world.task(moved, "express_interest"), 20, "Urlaub")
    _load_changed(
        world,
        tmp_path,
        (
            "{id: before_2, at: -2, to: [owner], message: reminder_before}",
            "{id: before_2, at: -6, to: [owner], message: reminder_before}",
        ),
        (
            "{id: overdue_12, at: 12, to: [supervisor], message: escalation}",
            "{id: overdue_12, at: 12, to: [supervisor], message: escalation}\n"
            "      - {id: overdue_20, at: 20, to: [programme_office], message: escalation}",
        ),
    )
    story = _days(world, 12, about=world.task(waiting, "express_interest"))
    assert story == [("2027-01-04", "before_2", ["digi"]), ("2027-01-11", "due", ["digi"])]
    assert _story(world, world.task(ended, "express_interest"))[-1] == ("2027-01-06", "overdue_20", ["office"])
    with world.look() as work:
        reminded = sa.select(Task.id).where(Task.acting.is_(None), Task.remind_at.is_not(None))
        assert work.session.execute(reminded).all() == [], "nobody is reminded of what nobody acts on"


def test_a_rung_can_repeat_from_its_day_on_and_no_more_often_than_the_ladder_says(world: World) -> None:
    case_id = world.open()  # due on Monday, 7 December
    _with_ladder(
        world,
        "short",
        lambda _: [
            {"id": "late", "at": 1, "every": 2, "times": 2, "to": ["owner"], "message": "reminder_overdue"},
            {"id": "help", "at": 4, "to": ["supervisor"], "message": "escalation"},
        ],
    )
    story = _days(world, 24, about=world.task(case_id, "express_interest"))
    assert story == [
        ("2026-12-08", "late", ["digi"]),
        ("2026-12-10", "late", ["digi"]),
        ("2026-12-11", "help", ["supervisor"]),
        ("2026-12-14", "late", ["digi"]),
    ]


def test_a_repeating_rung_without_a_day_counts_from_being_ready_and_ends_after_its_times(world: World) -> None:
    rung = {"id": "waiting", "every": 3, "times": 2, "to": ["owner"], "message": "waiting"}
    _with_ladder(world, "short", lambda rungs: [rung, rungs[-1]])
    case_id = world.open()  # on Monday, 23 November
    story = _days(world, 23, about=world.task(case_id, "express_interest"))
    assert [(day, rung) for day, rung, _ in story] == [
        ("2026-11-26", "waiting"),
        ("2026-12-01", "waiting"),
        ("2026-12-23", "overdue_12"),
    ]
    assert world.row(case_id, "express_interest").remind_at is None


def test_the_coordinator_of_the_cluster_is_told_for_its_services_only(world: World) -> None:
    _with_ladder(world, "short", lambda rungs: [rungs[0] | {"to": ["coordinator"]}, *rungs[1:]])
    with world.by("office") as work:
        cluster = clusters.found(work, "Verbund Rhein", TOWN, [STRANGE_TOWN], ["wohngeld"]).id
        clusters.name_coordinator(work, cluster, world["stranger"])
    theirs, other = world.open("wohngeld"), world.open("ikfz")
    _days(world, 8)
    assert _story(world, world.task(theirs, "express_interest")) == [("2026-12-03", "before_2", ["stranger"])]
    assert _story(world, world.task(other, "express_interest")) == [("2026-12-03", "before_2", ["digi"])]


def test_a_ladder_that_was_removed_reminds_nobody_and_stops_nothing(world: World) -> None:
    case_id = world.open()
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Task).where(Task.case_id == case_id).values(ladder="gone"))
    assert _days(world, 9, about=world.task(case_id, "express_interest")) == []
    assert world.row(case_id, "express_interest").remind_at is None


def test_a_pass_can_be_limited(world: World) -> None:
    for service in ("wohngeld", "uvg", "einbuergerung"):
        world.open(service)
    world.days(8)
    assert reminders.decide(world.engine, limit=2) == 2
    assert reminders.decide(world.engine) == 1


def test_looking_for_what_is_due_reads_the_index_and_nothing_else(world: World) -> None:
    with world.engine.change(SYSTEM) as work:  # reads have no transaction on PostgreSQL for the setting to last in
        connection = work.session.connection()
        for statement in reminders._FIND_DUE.values():
            compiled = str(statement.compile(dialect=connection.dialect))
            now = dt.datetime(2026, 11, 23, 7, tzinfo=dt.UTC)
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # so few rows are read faster as a whole
                plan = connection.exec_driver_sql(f"EXPLAIN {compiled}", {"now": now, "most": 100})
                words = " ".join(row[0] for row in plan)
                assert "_remind" in words
                assert "Index Cond: (remind_at <=" in words
            else:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", (now.isoformat(), 100, 0))
                assert all("_remind (remind_at" in row[3] for row in plan)


# --- telling the story -----------------------------------------------------------------------------------------------

Story = list[tuple[str, str, list[str]]]


def _days(world: World, working_days: int, *, about: UUID | None = None) -> Story:
    """Let days pass one by one, deciding on each; the story so far of one subject."""
    for _ in range(working_days):
        world.days(1)
        reminders.decide(world.engine)
    return _story(world, about) if about else []


def _story(world: World, subject_id: UUID) -> Story:
    """Day, rung and who was told, of everything that was not skipped."""
    names = {person_id: name for name, person_id in world.ids.items()}
    with world.look() as work:
        decided = work.session.execute(
            sa.select(Decision.decided_at, Decision.rung, Decision.generation)
            .where(Decision.subject_id == subject_id, Decision.outcome != "skipped")
            .order_by(Decision.decided_at)
        ).all()
        notices = work.session.execute(
            sa.select(Notice.recipient_id, Notice.facts, Notice.created_at).where(Notice.subject_id == subject_id)
        ).all()
    return [
        (
            f"{row.decided_at.astimezone(BERLIN):%Y-%m-%d}",
            row.rung,
            sorted(
                names[notice.recipient_id]
                for notice in notices
                if notice.created_at == row.decided_at and json.loads(notice.facts).get("rung") == row.rung
            ),
        )
        for row in decided
    ]


def _decisions(world: World, subject_id: UUID) -> dict[str, str]:
    with world.look() as work:
        rows = work.session.execute(sa.select(Decision.rung, Decision.outcome).where(Decision.subject_id == subject_id))
        return {row.rung: row.outcome for row in rows}


def _holds_decided(work: Work) -> list[Any]:
    return list(
        work.session.execute(
            sa.select(Decision.rung, Decision.outcome)
            .where(Decision.subject_kind == "hold")
            .order_by(Decision.decided_at)
        )
    )


def _reminded(world: World, chain_id: UUID) -> list[dict[str, Any]]:
    with world.look() as work:
        rows = work.session.execute(
            sa.select(Event.content).where(Event.chain_id == chain_id, Event.act == "reminded").order_by(Event.seq)
        ).scalars()
        return [json.loads(content) for content in rows]


def _notices(world: World) -> int:
    with world.look() as work:
        return work.session.execute(sa.select(sa.func.count()).select_from(Notice)).scalar_one()


def _told(world: World) -> set[str]:
    names = {person_id: name for name, person_id in world.ids.items()}
    with world.look() as work:
        return {names[person_id] for person_id in work.session.execute(sa.select(Notice.recipient_id)).scalars()}


def _facts(world: World, who: str) -> list[dict[str, Any]]:
    with world.look() as work:
        rows = work.session.execute(
            sa.select(Notice.facts).where(Notice.recipient_id == world[who]).order_by(Notice.created_at, Notice.urgency)
        ).scalars()
        return [json.loads(facts) for facts in rows]


def _add(work: Work, name: str, role: str) -> UUID:
    return people.add(
        work,
        email=f"{name}@startklar.example",
        name=name,
        password_hash=None,
        language="de",
        roles=[people.parse_role(role)],
    ).id


def _load_changed(world: World, folder: Path, *changes: tuple[str, str]) -> None:
    """Load the shipped definitions with something else in the ladders."""
    changed = shutil.copytree(DEFINITIONS, folder / "definitions")
    for before, after in changes:
        edit_first(changed, "programme.yaml", before, after)
    loading.load(world.engine, changed)


def edit_first(folder: Path, file: str, before: str, after: str) -> None:
    """Replace the first place where something stands."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def _with_ladder(world: World, name: str, change: Callable[[list[Any]], list[Any]]) -> None:
    """Load the programme anew with one ladder changed."""
    with world.engine.change(SYSTEM) as work:
        row = work.session.execute(
            sa.select(Definition).where(Definition.kind == "programme").order_by(Definition.version.desc()).limit(1)
        ).scalar_one()
        content = json.loads(row.content)
        content["ladders"][name]["rungs"] = change(content["ladders"][name]["rungs"])
        definition.PROGRAMME.validate_python(content)
        work.session.execute(
            sa.insert(Definition).values(
                kind=row.kind,
                name=row.name,
                version=row.version + 1,
                fingerprint="0" * 64,
                content=json.dumps(content),
                loaded_at=work.now,
            )
        )
        work.session.execute(sa.update(Installation).values(definitions_revision=Installation.definitions_revision + 1))
