"""What people answer to reminders, and what the reminders make of it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import TOWN, World, contents
from workflow import absences, cases, history, milestones, prerequisites, reminders, replies, tasks
from workflow.engine import SYSTEM
from workflow.errors import NotAllowed, NotFound, Refused, TaskHasMoved, TaskNotAvailable
from workflow.models import Decision, Event, Hold, Milestone, Notice, Prerequisite, Reply, Task
from workflow.queries import case as case_page
from workflow.queries import dates
from workflow.queries import prerequisite as prerequisite_page
from workflow.queries import task as task_page

DUE = dt.date(2026, 12, 7)
"""Of express_interest, where the case was opened on 23 November: before_2 is on the 3rd, overdue_7 on the 16th."""


@pytest.fixture
def asked(world: World) -> tuple[World, UUID]:
    """A case and its first task, which the digi of the town is asked to do; under the short ladder."""
    case_id = world.open()
    return world, world.task(case_id, "express_interest")


@pytest.fixture
def waiting(world: World) -> tuple[World, UUID]:
    """Something the town waits for, under the ladder that asks for a promise; due in thirty working days."""
    with world.by("it") as work:
        return world, prerequisites.request(work, TOWN, "elster_account").id


def story(world: World, subject_id: UUID, days: int) -> list[tuple[str, str, str]]:
    """Day, rung and outcome of everything decided so far, after so many more days."""
    for _ in range(days):
        world.days(1)
        reminders.decide(world.engine)
    with world.look() as work:
        found = work.session.execute(
            sa.select(Decision.decided_at, Decision.rung, Decision.outcome)
            .where(Decision.subject_id == subject_id)
            .order_by(Decision.decided_at, Decision.rung)
        )
        return [(f"{row.decided_at:%m-%d}", row.rung, row.outcome) for row in found]


def said(world: World, task_id: UUID) -> dict[str, Any]:
    """What the last entry in the history of a task's case says."""
    with world.look() as work:
        case_id = work.session.get_one(Task, task_id).case_id
        query = sa.select(Event.content).where(Event.chain_id == case_id).order_by(Event.seq.desc()).limit(1)
        found: dict[str, Any] = json.loads(work.session.execute(query).scalar_one())
        return found


def to_deliver(world: World) -> tuple[UUID, UUID]:
    """A case, and the task of it for which the town's it waits for a vendor."""
    case_id = world.open()
    world.finish_state(case_id, choose_variant={"connection_variant": "dvdv_xml"})
    world.reach_milestones(case_id)
    with world.by("team") as work:
        cases.advance(work, case_id, "contract")
    world.bring(case_id, "order_vendor")
    return case_id, world.task(case_id, "order_vendor")


def hangs_together(world: World) -> None:
    """Folding the histories gives the rows, and no chain is broken."""
    assert not list(history.replay(world.engine))
    assert not list(history.verify(world.engine))


# --- seen ------------------------------------------------------------------------------------------------------------


def test_who_sees_to_it_is_not_reminded_again_but_who_is_asked_for_help_is(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    story(world, task_id, 8)  # before_2
    with world.by("digi") as work:
        replies.see(work, "task", task_id)
    assert story(world, task_id, 9) == [
        ("12-03", "before_2", "fired"),
        ("12-07", "due", "skipped"),
        ("12-10", "overdue_3", "skipped"),
        ("12-16", "overdue_7", "fired"),
    ]
    hangs_together(world)


def test_a_new_due_date_is_reminded_of_whoever_had_seen_the_old_one(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    with world.by("digi") as work:
        replies.see(work, "task", task_id)
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 5, "Die Stelle ist neu besetzt.")
    assert story(world, task_id, 13) == [("12-10", "before_2", "fired")]
    with world.by("digi") as work:
        assert replies.see(work, "task", task_id).generation == 2
    hangs_together(world)


def test_seen_is_said_once_for_a_due_date(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    with world.by("digi") as work:
        replies.see(work, "task", task_id)
    before = contents(world)
    with pytest.raises(Refused, match="reply_seen_already"), world.by("team") as work:
        replies.see(work, "task", task_id)
    assert contents(world) == before


def test_a_reply_does_not_disturb_who_has_the_task_open(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    with world.look("digi") as work:
        page = task_page.task(work, task_id)
    with world.by("team") as work:
        replies.see(work, "task", task_id)
        replies.snooze(work, "task", task_id, 2)
    with world.by("digi") as work:
        given = world.answers(work, page.case_id, page.name)
        assert tasks.submit(work, task_id, given, seen=page.version).status == "done"
    hangs_together(world)


# --- snoozed ---------------------------------------------------------------------------------------------------------


def test_putting_off_moves_what_is_still_to_come_and_not_the_due_date(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    story(world, task_id, 8)  # before_2 on Thursday, 3 December
    with world.by("digi") as work:
        replied = replies.snooze(work, "task", task_id, 3)
    assert replied.due_on == DUE
    assert story(world, task_id, 15) == [
        ("12-03", "before_2", "fired"),
        ("12-10", "due", "fired"),
        ("12-15", "overdue_3", "fired"),
        ("12-21", "overdue_7", "fired"),
    ]
    hangs_together(world)


def test_putting_off_twice_adds_up_for_what_comes_after_both(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    with world.by("digi") as work:
        replies.snooze(work, "task", task_id, 2)  # everything: before_2 to the 7th, due to the 9th
    story(world, task_id, 10)  # before_2
    with world.by("digi") as work:
        replies.snooze(work, "task", task_id, 1)  # due to the 10th, overdue_3 to the 15th
    assert story(world, task_id, 6) == [
        ("12-07", "before_2", "fired"),
        ("12-10", "due", "fired"),
        ("12-15", "overdue_3", "fired"),
    ]


def test_putting_off_means_from_today_on_when_something_is_overdue(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle", review_on=dt.date(2027, 3, 1))
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.text("UPDATE task SET counted_from = '2026-10-01'"))
    with world.by("team") as work:
        cases.resume(work, case_id)  # long overdue: the most urgent rung is due tomorrow
    with world.by("team") as work:
        replies.snooze(work, "task", task_id, 4)
    assert story(world, task_id, 3) == []
    assert [one[:2] for one in story(world, task_id, 1) if one[2] == "fired"] == [("11-27", "overdue_12")]


def test_putting_off_has_an_end(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    for days in (0, 6, -1):
        with pytest.raises(Refused, match="reply_snooze_days"), world.by("digi") as work:
            replies.snooze(work, "task", task_id, days)
    for _ in range(2):
        with world.by("digi") as work:
            replies.snooze(work, "task", task_id, 5)
    with pytest.raises(Refused, match="reply_snoozed_enough"), world.by("digi") as work:
        replies.snooze(work, "task", task_id, 1)
    assert ("12-17", "before_2", "fired") in story(world, task_id, 18)  # ten working days after the 3rd


def test_who_asks_for_help_is_put_off_and_never_silenced(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    with world.by("digi") as work:
        replies.see(work, "task", task_id)
        replies.snooze(work, "task", task_id, 5)
    decided = story(world, task_id, 30)
    assert [one for one in decided if one[2] == "fired"] == [
        ("12-23", "overdue_7", "fired"),
        ("01-04", "overdue_12", "fired"),
    ]


def test_nothing_is_put_off_when_nobody_will_be_reminded_any_more(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    story(world, task_id, 22)  # overdue_12 was the last
    with pytest.raises(Refused, match="reply_nothing_left"), world.by("digi") as work:
        replies.see(work, "task", task_id)
    with pytest.raises(Refused, match="reply_nothing_left"), world.by("digi") as work:
        replies.snooze(work, "task", task_id, 1)


# --- promised --------------------------------------------------------------------------------------------------------


def test_a_promise_is_the_due_date_and_the_ladder_begins_anew(waiting: tuple[World, UUID]) -> None:
    world, subject_id = waiting
    story(world, subject_id, 10)  # asked whether they still wait
    with world.by("it") as work:
        promised = work.catalogue.calendar.add(work.today, 40)
        replied = replies.promise(work, "prerequisite", subject_id, promised)
    assert (replied.due_on, replied.generation) == (promised, 2)
    with world.look() as work:
        page = prerequisite_page.prerequisite(work, subject_id)
        assert page.due is not None
        assert page.why is not None
        assert (page.due.on, page.why.kind) == (promised, "promised")
        assert page.why.steps[0].sentences[1] == ("why.promise_by", {"who": "It"})
    decided = story(world, subject_id, 10)
    assert [one[1:] for one in decided] == [("waiting", "fired"), ("waiting", "fired")]
    hangs_together(world)


def test_what_was_added_before_a_promise_stays_with_the_old_date(waiting: tuple[World, UUID]) -> None:
    world, subject_id = waiting
    with world.by("supervisor") as work:
        prerequisites.extend(work, subject_id, 5, "Noch etwas Zeit.")
    with world.by("it") as work:
        promised = work.catalogue.calendar.add(work.today, 12)
        replies.promise(work, "prerequisite", subject_id, promised)
    with world.by("supervisor") as work:
        prerequisites.extend(work, subject_id, 3, "Der Bote war krank.")
    with world.look() as work:
        row = work.session.get_one(Prerequisite, subject_id)
        assert row.due_on == work.catalogue.calendar.add(promised, 3)
        assert row.extended_days == 3
    hangs_together(world)


def test_a_promise_that_begins_anew_is_forgotten(waiting: tuple[World, UUID]) -> None:
    world, subject_id = waiting
    with world.by("it") as work:
        replies.promise(work, "prerequisite", subject_id, work.catalogue.calendar.add(work.today, 12))
    with world.by("it") as work:
        prerequisites.decline(work, subject_id, "Das macht bei uns die Kasse.")
    with world.look() as work:
        assert work.session.get_one(Prerequisite, subject_id).promised_on is None
    hangs_together(world)


def test_a_task_under_the_same_ladder_is_promised_alike(world: World) -> None:
    case_id, task_id = to_deliver(world)
    with world.by("it") as work:
        promised = work.catalogue.calendar.add(work.today, 33)
        replies.promise(work, "task", task_id, promised)
    with world.look("team") as work:
        page = task_page.task(work, task_id)
    assert page.due is not None
    assert page.why is not None
    assert (page.due.on, page.why.kind) == (promised, "promised")
    assert [sentence[0] for sentence in page.why.steps[0].sentences] == ["why.promise", "why.promise_by"]
    with world.look("team") as work:
        (told,) = dates.plain(dates.only(dates.dates(work, case_id), "order_vendor"))["dates"]
    assert told["due"] == promised.isoformat()
    assert told["why"]["steps"][0]["said"]["de"].endswith("Zugesagt von It.")
    assert "Promised on" in told["why"]["steps"][0]["said"]["en"]
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle", review_on=dt.date(2027, 3, 1))
    world.days(3)
    with world.by("team") as work:
        cases.resume(work, case_id)
    assert world.row(case_id, "order_vendor").due_on == promised
    hangs_together(world)


def test_promises_have_limits(waiting: tuple[World, UUID]) -> None:
    world, subject_id = waiting
    with world.look() as work:
        calendar, today = work.catalogue.calendar, work.today
        due_on = work.session.get_one(Prerequisite, subject_id).due_on or today
    refused = {
        today: "reply_promise_day",
        dt.date(2026, 11, 20): "reply_promise_day",
        dt.date(2026, 12, 26): "reply_promise_day",
        calendar.add(today, 121): "reply_promise_late",
        due_on: "reply_promise_same",
    }
    for day, why in refused.items():
        with pytest.raises(Refused, match=why), world.by("it") as work:
            replies.promise(work, "prerequisite", subject_id, day)
    for days in (10, 20, 15):
        with world.by("it") as work:
            replies.promise(work, "prerequisite", subject_id, calendar.add(today, days))
    with pytest.raises(Refused, match="reply_promised_enough"), world.by("it") as work:
        replies.promise(work, "prerequisite", subject_id, calendar.add(today, 16))


def test_only_a_ladder_that_asks_takes_a_promise(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    with pytest.raises(Refused, match="reply_no_promise"), world.by("digi") as work:
        replies.promise(work, "task", task_id, dt.date(2026, 12, 15))


# --- who -------------------------------------------------------------------------------------------------------------


def test_who_may_act_and_the_team_reply_and_nobody_else(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    for who in ("supervisor", "office", "auditor", "fachamt", "leitung"):
        with pytest.raises(NotAllowed), world.by(who) as work:
            replies.see(work, "task", task_id)
    for who in ("stranger", "other_team", "admin", "operator"):
        with pytest.raises(NotFound), world.by(who) as work:
            replies.see(work, "task", task_id)
    with world.by("colleague") as work:
        replies.see(work, "task", task_id)
    assert said(world, task_id)["standing"] == "umsetzungsteam"


def test_a_deputy_replies_in_the_place_of_who_is_away(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    with world.by("digi") as work:
        absences.enter(work, world["digi"], world["it"], work.today, dt.date(2026, 12, 31))
    with world.by("it") as work:
        replies.see(work, "task", task_id)
    assert said(world, task_id)["on_behalf_of"] == world["digi"].hex


def test_what_a_colleague_has_accepted_is_the_colleagues_to_reply_to(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    with world.by("leitung") as work:
        tasks.assign(work, task_id, world["fachamt"])
    with pytest.raises(NotAllowed), world.by("digi") as work:
        replies.see(work, "task", task_id)
    with world.by("fachamt") as work:
        replies.see(work, "task", task_id)


def test_what_nobody_is_reminded_of_takes_no_reply(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    with world.look() as work:
        case_id = task_page.task(work, task_id).case_id
    with pytest.raises(TaskHasMoved), world.by("digi") as work:
        replies.see(work, "task", task_id, of=7)
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle", review_on=dt.date(2027, 3, 1))
    with pytest.raises(TaskNotAvailable), world.by("digi") as work:
        replies.see(work, "task", task_id)
    with world.by("team") as work:
        cases.resume(work, case_id)
    world.do(case_id, "express_interest", "digi")
    with pytest.raises(TaskNotAvailable), world.by("digi") as work:
        replies.snooze(work, "task", task_id, 1)


# --- the other things somebody is reminded of ------------------------------------------------------------------------


def test_the_team_replies_about_the_review_of_a_pause(world: World) -> None:
    case_id = world.open()
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle unbesetzt", review_on=dt.date(2026, 12, 8))
    with world.look() as work:
        hold_id = work.session.execute(sa.select(Hold.id).where(Hold.case_id == case_id)).scalar_one()
    with pytest.raises(NotAllowed), world.by("digi") as work:
        replies.see(work, "hold", hold_id)
    with world.by("team") as work:
        replies.see(work, "hold", hold_id)
        replies.snooze(work, "hold", hold_id, 1)
    with pytest.raises(Refused, match="reply_no_promise"), world.by("team") as work:
        replies.promise(work, "hold", hold_id, dt.date(2026, 12, 15))
    assert story(world, hold_id, 19)[-2:] == [("12-14", "overdue_3", "skipped"), ("12-18", "overdue_7", "fired")]
    hangs_together(world)


def test_the_page_of_a_resting_case_offers_a_reply_while_there_is_one(world: World) -> None:
    case_id = world.open()
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle unbesetzt", review_on=dt.date(2026, 12, 8))

    def offered(who: str) -> UUID | None:
        with world.look(who) as work:
            rest = case_page.case(work, case_id).rest
        assert rest is not None
        return rest.reply

    hold_id = offered("team")
    assert hold_id is not None
    assert offered("digi") is None
    with world.by("team") as work:
        replies.see(work, "hold", hold_id)
        replies.snooze(work, "hold", hold_id, 1)
    assert offered("team") == hold_id
    with world.by("team") as work:
        replies.snooze(work, "hold", hold_id, 1)
    assert offered("team") is None  # everything was said


def test_the_office_replies_about_milestones_and_plans_them_itself(world: World) -> None:
    with world.by("office") as work:
        row = work.session.execute(sa.select(Milestone).where(Milestone.service == "wohngeld")).scalars().one()
        milestone_id = row.id
        milestones.plan(work, milestone_id, work.catalogue.calendar.add(work.today, 12), "So steht es im Entwurf.")
    with pytest.raises(NotAllowed), world.by("team") as work:
        replies.see(work, "milestone", milestone_id)
    with world.by("office") as work:
        replies.see(work, "milestone", milestone_id)
        replies.snooze(work, "milestone", milestone_id, 1)
    with pytest.raises(Refused, match="reply_no_promise"), world.by("office") as work:
        replies.promise(work, "milestone", milestone_id, dt.date(2026, 12, 15))
    assert [one[1:] for one in story(world, milestone_id, 14)] == [
        ("before_10", "skipped"),
        ("before_2", "skipped"),
        ("due", "fired"),
    ]
    hangs_together(world)


def test_what_expires_can_be_seen_and_put_off_but_not_promised(waiting: tuple[World, UUID]) -> None:
    world, subject_id = waiting
    with world.by("it") as work:
        expires = work.catalogue.calendar.add(work.today, 65)
        given = {"exists": "true", "kept_by": "Hauptamt", "expires_on": expires.isoformat()}
        prerequisites.complete(work, subject_id, given)
    with world.by("it") as work:
        replies.see(work, "prerequisite", subject_id)
        replies.snooze(work, "prerequisite", subject_id, 1)
    with pytest.raises(Refused, match="reply_no_promise"), world.by("it") as work:
        replies.promise(work, "prerequisite", subject_id, expires - dt.timedelta(days=7))
    assert [one[1:] for one in story(world, subject_id, 66)] == [
        ("before_60", "skipped"),
        ("before_30", "skipped"),
        ("before_10", "skipped"),
        ("before_2", "skipped"),
        ("due", "fired"),
    ]
    hangs_together(world)


def test_a_reply_is_an_entry_of_the_history_that_names_no_names(asked: tuple[World, UUID]) -> None:
    world, task_id = asked
    with world.by("digi") as work:
        replies.snooze(work, "task", task_id, 2)
    told = said(world, task_id)
    assert (told["days"], told["via"]) == (2, "page")
    with world.look() as work:
        rows = work.session.execute(sa.select(Reply)).scalars().all()
        assert [(row.kind, row.working_days, row.given_by) for row in rows] == [("snoozed", 2, world["digi"])]
        assert work.session.execute(sa.select(sa.func.count()).select_from(Notice)).scalar_one() == 1
