"""What can be done with a case, and in which order it is refused."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World, plausible
from workflow import cases, events, following, milestones, prerequisites, reminders, tasks, texts
from workflow.errors import (
    AlreadyOpen,
    CaseHasMoved,
    CaseRests,
    Conflict,
    InvalidEvidence,
    NotAllowed,
    NotFound,
    Refused,
    RequirementsNotMet,
    TransitionNotAvailable,
)
from workflow.models import Body, Case, Decision, Event, Hold, Milestone, Notice, Prerequisite, Task
from workflow.requirements import About


def test_a_case_walks_from_requested_to_live(world: World) -> None:
    case_id = world.open()
    world.walk(case_id)
    case = world.case(case_id)
    assert (case.state, case.live_on, case.underway, case.variant) == (
        "live",
        dt.date(2026, 11, 23),
        True,
        "pdf_databox",
    )
    with world.look() as work:
        assert events.broken_at(work, case_id) is None
        acts = work.session.execute(sa.select(Event.act).where(Event.chain_id == case_id)).scalars().all()
    assert acts.count("advanced") == 4


def test_opening_asks_the_body_first(world: World) -> None:
    case_id = world.open()
    assert world.row(case_id, "express_interest").status == "ready"
    assert world.row(case_id, "express_interest").acting == "body.digi"
    assert world.row(case_id, "confirm_responsibility").status == "waiting"
    with world.look() as work:
        told = work.session.execute(sa.select(Notice.recipient_id, Notice.name)).all()
    assert told == [(world["digi"], "asked")]


def test_a_service_is_opened_once_for_a_body(world: World) -> None:
    world.open()
    with pytest.raises(AlreadyOpen) as refusal, world.by("office") as work:
        cases.open_case(work, "wohngeld", TOWN)
    assert refusal.value.facts["number"] == "wohngeld-07339-1"


def test_a_body_that_is_not_responsible_gets_no_case(world: World) -> None:
    with pytest.raises(Refused) as refusal, world.by("office") as work:
        cases.open_case(work, "wohngeld", _verbandsgemeinde(world))
    assert refusal.value.key == "error.not_responsible_body"


def _verbandsgemeinde(world: World) -> str:
    with world.look() as work:
        return work.session.execute(
            sa.select(Body.ars).where(Body.kind == "verbandsgemeinde").order_by(Body.ars).limit(1)
        ).scalar_one()


@pytest.mark.parametrize(("service", "body"), [("wohngeld", "999999999999"), ("steuer", TOWN)])
def test_what_does_not_exist_is_not_found(world: World, service: str, body: str) -> None:
    with pytest.raises(NotFound), world.by("office") as work:
        cases.open_case(work, service, body)


@pytest.mark.parametrize("who", ["digi", "leitung", "supervisor", "operator", "auditor", "admin", "other_team"])
def test_only_the_office_and_the_team_open_cases(world: World, who: str) -> None:
    with pytest.raises(NotAllowed), world.by(who) as work:
        cases.open_case(work, "wohngeld", TOWN)


def test_the_team_of_the_district_opens_cases(world: World) -> None:
    with world.by("team") as work:
        assert cases.open_case(work, "wohngeld", TOWN).number == "wohngeld-07339-1"


def test_refusals_come_in_the_promised_order(world: World) -> None:
    case_id = world.open()
    with pytest.raises(NotFound), world.by("stranger") as work:
        cases.advance(work, case_id, "no_such_move", seen=99)
    with pytest.raises(CaseHasMoved), world.by("digi") as work:
        cases.advance(work, case_id, "no_such_move", seen=99)
    with pytest.raises(TransitionNotAvailable), world.by("digi") as work:
        cases.advance(work, case_id, "no_such_move", seen=1)
    with pytest.raises(NotAllowed), world.by("digi") as work:
        cases.advance(work, case_id, "contract", seen=1)
    with pytest.raises(InvalidEvidence), world.by("team") as work:
        cases.advance(work, case_id, "not_responsible", seen=1)
    with pytest.raises(RequirementsNotMet) as refusal, world.by("team") as work:
        cases.advance(work, case_id, "contract", seen=1)
    keys = [reason.key for reason in refusal.value.reasons]
    assert "reason.task_open" in keys
    assert "reason.milestone_missing" in keys


def test_a_guessed_case_does_not_exist(world: World) -> None:
    with pytest.raises(NotFound), world.by("office") as work:
        cases.advance(work, uuid4(), "contract")


def test_the_second_of_two_people_is_told_that_the_case_moved(world: World) -> None:
    case_id = world.open()
    seen = world.case(case_id).version
    with world.by("team") as work:
        cases.advance(work, case_id, "not_responsible", seen=seen, given={"reason": "Der Kreis macht es."})
    with pytest.raises(CaseHasMoved), world.by("colleague") as work:
        cases.advance(work, case_id, "not_responsible", seen=seen, given={"reason": "Doppelt."})


def test_a_case_that_ends_asks_nobody_for_anything(world: World) -> None:
    case_id = world.open()
    with world.by("leitung") as work:
        move = work.catalogue.machine("efa-onboarding", 1).process.transitions["decline"]
        cases.advance(work, case_id, "decline", given=plausible(move.asks, work.today))
    case = world.case(case_id)
    assert (case.state, case.ended_on) == ("declined", dt.date(2026, 11, 23))
    with world.look() as work:
        asking = work.session.execute(
            sa.select(Task.name).where(
                Task.case_id == case_id, sa.or_(Task.acting.is_not(None), Task.remind_at.is_not(None))
            )
        ).all()
    assert asking == []


def test_going_back_reopens_what_the_transition_names_as_a_new_attempt(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="connected")
    with world.by("team") as work:
        cases.advance(work, case_id, "reject_test", given={"reason": "Die Parameter stimmen nicht."})
        reopens = work.catalogue.process("efa-onboarding", 1).transitions["reject_test"].reopens
    assert world.case(case_id).attempts == 1
    assert reopens
    for name in reopens:
        assert (world.row(case_id, name).attempt, world.row(case_id, name).status in ("ready", "waiting")) == (2, True)
    assert world.row(case_id, "pretest").status == "obsolete"
    world.walk(case_id, until="live")


def test_choosing_a_variant_asks_the_body_for_its_prerequisites_once(world: World) -> None:
    for service in ("wohngeld", "uvg"):
        world.finish_state(world.open(service))
    with world.look() as work:
        rows = work.session.execute(
            sa.select(Prerequisite.kind, Prerequisite.scope, sa.func.count()).group_by(
                Prerequisite.kind, Prerequisite.scope
            )
        ).all()
    assert rows
    assert all(count == 1 for _, _, count in rows)


def test_a_milestone_reached_tells_every_waiting_case(world: World) -> None:
    first, second = world.open(), world.open(body=EMPTY_TOWN)
    with world.by("office") as work:
        row = work.session.execute(sa.select(Milestone).where(Milestone.service == "wohngeld")).scalars().first()
        assert row is not None
        given = plausible(work.catalogue.shared.milestones[row.kind].evidence, work.today)
        assert milestones.reach(work, row.id, work.today, given).waiting == 2
    assert following.work_off(world.engine) == 2
    assert following.work_off(world.engine) == 0
    for case_id in (first, second):
        with world.look() as work:
            acts = work.session.execute(
                sa.select(Event.act).where(Event.chain_id == case_id).order_by(Event.seq)
            ).scalars()
            assert list(acts)[-1] == "waiting_ended"


def test_a_hold_moves_due_dates_by_the_working_days_it_took(world: World) -> None:
    case_id = world.open()
    assert world.row(case_id, "express_interest").due_on == dt.date(2026, 12, 7)
    world.days(2)  # Wednesday, 25 November
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle unbesetzt", review_on=dt.date(2026, 12, 4))
    assert world.row(case_id, "express_interest").remind_at is None
    with pytest.raises(CaseRests), world.by("team") as work:
        cases.advance(work, case_id, "not_responsible", given={"reason": "x"})
    world.days(3)  # Monday, 30 November
    with world.by("team") as work:
        cases.resume(work, case_id)
    task = world.row(case_id, "express_interest")
    # three working days: Thursday, Friday, Monday
    assert task.due_on == dt.date(2026, 12, 10)
    assert task.remind_at is not None
    assert task.generation == 2


def test_a_task_overdue_when_a_hold_begins_stays_overdue(world: World) -> None:
    case_id = world.open()
    world.days(12)  # due 7 December, now 9 December
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle", review_on=dt.date(2027, 1, 4))
    world.days(5)
    with world.by("team") as work:
        cases.resume(work, case_id)
    assert world.row(case_id, "express_interest").due_on == dt.date(2026, 12, 7)


def test_a_hold_needs_a_known_blocker_and_a_review_date_to_come(world: World) -> None:
    case_id = world.open()
    with pytest.raises(InvalidEvidence) as refusal, world.by("team") as work:
        cases.hold(work, case_id, blocker="mood", reason="x", review_on=work.today)
    assert set(refusal.value.faults) == {"blocker", "review_on"}
    with pytest.raises(NotAllowed), world.by("digi") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="x", review_on=dt.date(2027, 1, 4))
    with pytest.raises(Conflict), world.by("team") as work:
        cases.resume(work, case_id)
    with world.look() as work:
        assert work.session.execute(sa.select(Hold)).first() is None


def test_live_can_be_suspended_and_resumed(world: World) -> None:
    case_id = world.open()
    world.walk(case_id)
    with world.by("team") as work:
        cases.advance(work, case_id, "suspend", given={"reason": "Sicherheitslücke beim Betreiber."})
    assert world.case(case_id).state == "suspended"
    with world.by("team") as work:
        asks = work.catalogue.process("efa-onboarding", 1).transitions["resume"].asks
        cases.advance(work, case_id, "resume", given=plausible(asks, work.today))
    assert world.case(case_id).state == "live"
    assert world.case(case_id).live_on == dt.date(2026, 11, 23)


def test_opening_many_reports_each_and_one_refusal_stops_no_other(world: World) -> None:
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld"])
    assert len(planned) == 44
    world.open()
    heard: list[int] = []
    results = cases.open_planned(world.engine, world["office"], planned, progress=heard.append)
    assert sum(heard) == 44
    assert [type(result.refused) for result in results if result.refused] == [AlreadyOpen]
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Case)).scalar_one() == 44


def test_a_city_is_its_own_district_and_has_a_team(world: World) -> None:
    case_id = world.open(body=STRANGE_TOWN)
    assert world.case(case_id).team


def test_a_task_overdue_through_a_long_hold_is_escalated_on_the_next_mail_morning(world: World) -> None:
    case_id = world.open()
    world.days(12)
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Stelle", review_on=dt.date(2027, 3, 1))
    world.days(30)
    with world.by("team") as work:
        cases.resume(work, case_id)
    task = world.row(case_id, "express_interest")
    assert (task.due_on, task.remind_at is not None) == (dt.date(2026, 12, 7), True)
    world.days(1)
    assert reminders.decide(world.engine) >= 1
    with world.look() as work:
        told = work.session.execute(sa.select(Notice.recipient_id).where(Notice.subject_id == task.id)).scalars()
        assert world["supervisor"] in set(told)
        outcomes = work.session.execute(
            sa.select(Decision.rung, Decision.outcome).where(Decision.subject_id == task.id).order_by(Decision.rung)
        ).all()
    assert [outcome for _, outcome in outcomes].count("fired") == 1
    assert len(outcomes) == 4  # due, 3, 7 and 12 days late: nothing is lost


def test_a_case_that_ended_may_be_opened_again_as_the_next_round(world: World) -> None:
    case_id = world.open()
    with world.by("team") as work:
        cases.advance(work, case_id, "not_responsible", given={"reason": "Irrtum"})
    with world.by("team") as work:
        again = cases.open_case(work, "wohngeld", TOWN)
    assert again.number == "wohngeld-07339-2"
    with pytest.raises(AlreadyOpen), world.by("team") as work:
        cases.open_case(work, "wohngeld", TOWN)


def test_without_a_variant_a_case_is_not_connected(world: World) -> None:
    case_id = world.open()
    for name, who in (("express_interest", "digi"), ("confirm_responsibility", "team"), ("name_contacts", "digi")):
        world.do(case_id, name, who)
    world.do(case_id, "take_inventory", "it")
    with world.by("supervisor") as work:
        tasks.waive(work, world.task(case_id, "choose_variant"), "kommt später")
    world.walk(case_id, until="contracted")
    world.finish_state(case_id)
    with pytest.raises(RequirementsNotMet) as refusal, world.by("team") as work:
        cases.advance(work, case_id, "connect")
    assert [reason.key for reason in refusal.value.reasons] == ["reason.variant_missing"]


def test_what_expired_is_asked_for_again(world: World) -> None:
    world.walk(world.open(), until="connected")
    with world.engine.change("system") as work:
        found = work.session.execute(
            sa.select(Prerequisite.id).where(Prerequisite.status == "done").limit(1)
        ).scalar_one()
        work.session.execute(
            sa.update(Prerequisite).where(Prerequisite.id == found).values(valid_until=dt.date(2026, 11, 20))
        )
    assert (prerequisites.expire(world.engine), prerequisites.expire(world.engine)) == (1, 0)
    with world.look() as work:
        row = work.session.get_one(Prerequisite, found)
        assert (row.status, row.acting) == ("expired", row.owner)
        assert events.broken_at(work, found) is None


# --- another team ----------------------------------------------------------------------------------------------------


def test_a_case_goes_to_another_team_with_everything_in_it(world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    other = _other_team(world)
    with world.by("team") as work:
        tasks.accept(work, world.task(case_id, "confirm_responsibility"))
    before = world.row(case_id, "confirm_responsibility")
    with world.by("office") as work:
        moved = cases.move_to_team(work, case_id, other, reason="Die Kollegen kennen das Fachverfahren.", seen=1)
    assert moved.version == 2
    with world.look() as work:
        places = set(work.session.execute(sa.select(Task.team).where(Task.case_id == case_id)).scalars())
        told = work.session.execute(sa.select(Notice.recipient_id).where(Notice.name == "moved_to_team")).scalars()
        assert (places, list(told)) == ({other}, [world["other_team"]])
        assert events.broken_at(work, case_id) is None
    assert world.row(case_id, "confirm_responsibility").version == before.version  # nobody's page is out of date
    with pytest.raises(NotFound), world.by("team") as work:
        tasks.submit(work, world.task(case_id, "confirm_responsibility"))
    world.do(case_id, "confirm_responsibility", "other_team")  # what a former colleague had accepted is open
    assert world.row(case_id, "confirm_responsibility").holder_id == world["other_team"]


def test_whoever_comes_late_is_told_that_the_case_has_moved(world: World) -> None:
    case_id = world.open()
    with world.by("office") as work:
        cases.move_to_team(work, case_id, _other_team(world), reason="x", seen=1)
    with pytest.raises(CaseHasMoved), world.by("office") as work:
        cases.move_to_team(work, case_id, world.team, reason="x", seen=1)


def test_another_team_is_refused_in_this_order(world: World) -> None:
    case_id, ended = world.open(), world.open("uvg")
    with world.by("team") as work:
        cases.advance(work, ended, "not_responsible", given={"reason": "Der Kreis ist nicht zuständig."})
    for who, which, team, reason, error in (
        ("stranger", case_id, "west", "", NotFound),
        ("office", ended, _other_team(world), "x", Conflict),
        ("supervisor", case_id, "west", "", NotAllowed),
        ("office", case_id, "west", "", NotFound),
        ("office", case_id, world.team, "", Conflict),
        ("office", case_id, _other_team(world), " ", InvalidEvidence),
    ):
        with pytest.raises(error), world.by(who) as work:
            cases.move_to_team(work, which, team, reason=reason)
    assert (world.case(case_id).team, world.case(case_id).version) == (world.team, 1)


def test_a_task_opened_again_belongs_to_the_new_team(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="connected")
    with world.by("office") as work:
        cases.move_to_team(work, case_id, _other_team(world), reason="x")
    with world.by("other_team") as work:
        cases.advance(work, case_id, "reject_test", given={"reason": "Parameter falsch"})
    with world.look() as work:
        teams = work.session.execute(sa.select(Task.team).where(Task.case_id == case_id).distinct()).scalars().all()
    assert teams == [_other_team(world)]


def _other_team(world: World) -> str:
    """The team of `other_team`."""
    with world.look("other_team") as work:
        return work.actor.teams("umsetzungsteam")[0]


def test_a_transition_stays_shut_until_the_answer_it_demands_is_there(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id, confirm_responsibility={"result": "not_responsible"})
    world.satisfy(case_id)
    with pytest.raises(RequirementsNotMet) as refused, world.by("team") as work:
        cases.advance(work, case_id, "contract")
    (reason,) = refused.value.reasons
    assert (reason.key, reason.who, reason.about) == (
        "reason.answer_other",
        "umsetzungsteam",
        About("answer", "confirm_responsibility", "result"),
    )
    assert texts.say("de", reason.key, **reason.facts) == (
        "„Ergebnis“ (Aufgabe „Zuständigkeit und Fallzuschnitt prüfen“) ist mit „Die Kommune ist nicht zuständig“ "
        "beantwortet. Weiter geht es nur mit „Die Kommune ist zuständig“ oder „Eine andere Stelle führt die Aufgabe "
        "aus“."
    )
    assert texts.say("en", reason.key, **reason.facts).startswith('"Result" (task "Check responsibility')
    with world.by("team") as work:
        cases.advance(work, case_id, "not_responsible", given={"reason": "Der Kreis ist zuständig."})


def test_a_case_whose_task_fell_away_is_not_asked_for_its_answer(world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    with world.by("supervisor") as work:
        tasks.waive(work, world.task(case_id, "confirm_responsibility"), "Steht im Gesetz.")
    world.finish_state(case_id)
    world.satisfy(case_id)
    with world.by("team") as work:
        assert cases.advance(work, case_id, "contract").state == "contracted"


def test_a_critical_defect_shuts_the_way_to_the_start(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="connected")
    world.finish_state(case_id, acceptance={"defects": "critical"})
    with pytest.raises(RequirementsNotMet) as refused, world.by("team") as work:
        cases.advance(work, case_id, "pass_tests")
    assert [reason.key for reason in refused.value.reasons] == ["reason.answer_other"]
