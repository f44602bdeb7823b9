"""The life of a task: claimed, handed in, confirmed, sent back, declined, waived, extended."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import EMPTY_TOWN, FILE, TOWN, World
from workflow import cases, history, people, policy, tasks
from workflow.errors import (
    InvalidEvidence,
    NotAllowed,
    NotFound,
    Refused,
    SecondPersonNeeded,
    TaskHasMoved,
    TaskNotAvailable,
)
from workflow.models import Evidence, Extension, Notice, Remark, Task, TeamDistrict
from workflow.queries import inbox
from workflow.queries import task as task_page

BEFORE_THE_TERMS = [
    ("express_interest", "digi"),
    ("confirm_responsibility", "team"),
    ("name_contacts", "digi"),
    ("take_inventory", "it"),
    ("choose_variant", "team"),
]


def test_accepting_is_claiming(world: World) -> None:
    case_id = world.open()
    with world.by("digi") as work:
        assert tasks.accept(work, world.task(case_id, "express_interest")).status == "accepted"
    task = world.row(case_id, "express_interest")
    assert (task.holder_id, task.version) == (world["digi"], 2)


def test_what_a_colleague_has_accepted_is_the_colleagues(world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    task_id = world.task(case_id, "confirm_responsibility")
    with world.by("team") as work:
        tasks.accept(work, task_id)
    with pytest.raises(TaskNotAvailable), world.by("colleague") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "confirm_responsibility"))


def test_submitting_a_ready_task_accepts_it_first_and_opens_what_comes_after(world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    done = world.row(case_id, "express_interest")
    assert (done.status, done.holder_id, done.submitted_by, done.acting) == ("done", world["digi"], world["digi"], None)
    assert done.remind_at is None
    assert world.row(case_id, "confirm_responsibility").status == "ready"


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_kept(world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    world.do(case_id, "confirm_responsibility", "team")
    with pytest.raises(InvalidEvidence) as refusal, world.by("digi") as work:
        tasks.submit(work, world.task(case_id, "name_contacts"), {"no_such_field": "x"})
    assert len(refusal.value.faults) > 2
    assert refusal.value.faults["no_such_field"][0] == "evidence.unknown_field"
    assert world.row(case_id, "name_contacts").status == "ready"


def test_refusals_come_in_the_promised_order(world: World) -> None:
    case_id = world.open()
    waiting = world.task(case_id, "confirm_responsibility")
    ready = world.task(case_id, "express_interest")
    with pytest.raises(NotFound), world.by("stranger") as work:
        tasks.submit(work, waiting, seen=9)
    with pytest.raises(TaskHasMoved), world.by("fachamt") as work:
        tasks.submit(work, waiting, seen=9)
    with pytest.raises(TaskNotAvailable), world.by("fachamt") as work:
        tasks.submit(work, waiting, seen=1)
    with pytest.raises(NotAllowed), world.by("fachamt") as work:
        tasks.submit(work, ready, {"nonsense": "x"}, seen=1)


def test_a_double_click_is_refused_and_changes_nothing(world: World) -> None:
    case_id = world.open()
    task_id, seen = world.task(case_id, "express_interest"), world.row(case_id, "express_interest").version
    with world.by("digi") as work:
        given = world.answers(work, case_id, "express_interest")
        tasks.submit(work, task_id, given, seen=seen)
    with pytest.raises(TaskHasMoved), world.by("digi") as work:
        tasks.submit(work, task_id, given, seen=seen)
    with world.look() as work:
        revisions = work.session.execute(sa.select(Evidence.revision).where(Evidence.subject_id == task_id)).scalars()
        assert set(revisions) == {1}


def test_who_submitted_may_not_confirm(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt")]:
        world.do(case_id, name, who)
    task_id = world.task(case_id, "questionnaire")
    with world.by("digi") as work:
        assert tasks.submit(work, task_id, world.answers(work, case_id, "questionnaire")).status == "submitted"
    task = world.row(case_id, "questionnaire")
    assert (task.acting, task.due_on, task.ladder) == ("umsetzungsteam", dt.date(2026, 11, 30), "short")
    with pytest.raises(NotAllowed), world.by("digi") as work:
        tasks.confirm(work, task_id)
    with world.by("team") as work:
        assert tasks.confirm(work, task_id).status == "done"


def test_one_person_with_both_roles_still_needs_a_second(world: World) -> None:
    with world.by("admin") as work:
        people.grant(work, world["digi"], people.parse_role(f"umsetzungsteam@{world.team}"))
    case_id = world.open()
    world.walk(case_id, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt")]:
        world.do(case_id, name, who)
    task_id = world.task(case_id, "questionnaire")
    with world.by("digi") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "questionnaire"))
    with pytest.raises(SecondPersonNeeded), world.by("digi") as work:
        tasks.confirm(work, task_id)
    with pytest.raises(SecondPersonNeeded), world.by("digi") as work:
        tasks.send_back(work, task_id, "Nein")


def test_sending_back_opens_a_counted_attempt_and_keeps_what_was_given(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt")]:
        world.do(case_id, name, who)
    task_id = world.task(case_id, "questionnaire")
    with world.by("digi") as work:
        first = world.answers(work, case_id, "questionnaire")
        tasks.submit(work, task_id, first)
    world.days(3)
    with world.by("team") as work:
        tasks.send_back(work, task_id, "Die Organisationseinheit fehlt.")
    task = world.row(case_id, "questionnaire")
    assert (task.status, task.attempt, task.acting) == ("accepted", 2, "body.digi")
    assert task.due_on == dt.date(2026, 12, 10)  # ten working days after Thursday, 26 November
    with world.by("digi") as work:
        # the document given before stands; only the changed text becomes a new revision
        second = {name: value for name, value in first.items() if value != FILE}
        tasks.submit(work, task_id, second)
    with world.look() as work:
        assert work.session.execute(sa.select(Remark.text)).scalars().all()
        latest = work.session.execute(
            sa.select(Evidence.field, Evidence.revision).where(Evidence.subject_id == task_id, Evidence.latest)
        ).all()
    assert {revision for _, revision in latest} == {1}
    assert {name for name, _ in latest} == set(first)


def test_a_declined_mandatory_task_goes_to_the_team_which_hands_it_back(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.decline(work, task_id, "Wir haben eine eigene Lösung.")
    assert (world.row(case_id, "express_interest").status, world.row(case_id, "express_interest").acting) == (
        "declined",
        "umsetzungsteam",
    )
    assert world.row(case_id, "confirm_responsibility").status == "waiting"
    with pytest.raises(NotAllowed), world.by("digi") as work:
        tasks.hand_back(work, task_id, "Doch")
    with world.by("team") as work:
        tasks.hand_back(work, task_id, "Bitte doch, wie besprochen.")
    assert world.row(case_id, "express_interest").acting == "body.digi"


def test_an_extension_that_comes_after_a_late_hold_does_not_let_the_hold_count(world: World) -> None:
    """Due on 7 December; the hold begins on the 9th and lasts five days, the extension is given when it is over."""
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    world.days(12)
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Krank", review_on=dt.date(2027, 1, 4))
    world.days(5)
    with world.by("team") as work:
        cases.resume(work, case_id)
    assert world.row(case_id, "express_interest").due_on == dt.date(2026, 12, 7)
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 10, "Neuer Plan")
    assert world.row(case_id, "express_interest").due_on == dt.date(2026, 12, 21)


def test_the_ledger_keeps_every_extension_and_an_attempt_gets_no_more_than_the_programme_allows(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 60, "Der Rat tagt selten.")
    world.days(1)
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 50, "Er tagt noch seltener.")
    with pytest.raises(Refused, match="extension_in_all") as refused, world.by("supervisor") as work:
        tasks.extend(work, task_id, 11, "Noch einmal")
    assert refused.value.facts == {"most": 120, "given": 110, "n": 10}
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 10, "Das letzte Mal")
    with pytest.raises(Refused, match="extension_used_up"), world.by("supervisor") as work:
        tasks.extend(work, task_id, 1, "Noch einmal")
    with world.look() as work:
        ledger = work.session.execute(
            sa.select(Extension.given_on, Extension.days, Extension.current, Extension.given_by, Remark.text)
            .join(Remark, Remark.id == Extension.remark_id)
            .order_by(Extension.days.desc())
        ).all()
    who = world["supervisor"]
    assert [tuple(row) for row in ledger] == [
        (dt.date(2026, 11, 23), 60, True, who, "Der Rat tagt selten."),
        (dt.date(2026, 11, 24), 50, True, who, "Er tagt noch seltener."),
        (dt.date(2026, 11, 24), 10, True, who, "Das letzte Mal"),
    ]
    assert world.row(case_id, "express_interest").extended_days == 120


def test_a_date_counted_anew_leaves_its_extensions_behind_and_a_new_attempt_may_have_others(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    for name in ("pvog_entry", "service_parameters"):
        world.bring(case_id, name)
    world.bring(case_id, "questionnaire")
    task_id = world.task(case_id, "questionnaire")
    for days in (60, 60):
        with world.by("supervisor") as work:
            tasks.extend(work, task_id, days, "Viel zu tun")
    with world.by("digi") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "questionnaire"))
    checked = world.row(case_id, "questionnaire")
    assert checked.extended_days == 0, "who checks has a date of their own"
    with world.by("team") as work:
        tasks.send_back(work, task_id, "Seite 2 fehlt")
    again = world.row(case_id, "questionnaire")
    assert (again.attempt, again.extended_days) == (2, 0)
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 5, "Neuer Anlauf")
    with world.look() as work:
        rows = work.session.execute(sa.select(Extension.attempt, Extension.days, Extension.current)).all()
        assert sorted(tuple(row) for row in rows) == [(1, 60, False), (1, 60, False), (2, 5, True)]
        assert history.differences(work, "case", case_id) == ()


def test_only_a_supervisor_of_the_team_waives_and_extends(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    for who in ("digi", "leitung", "team", "office", "operator"):
        with pytest.raises((NotAllowed, NotFound)), world.by(who) as work:
            tasks.waive(work, task_id, "Nicht nötig")
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 3, "Urlaub")
    task = world.row(case_id, "express_interest")
    assert (task.due_on, task.generation) == (dt.date(2026, 12, 10), 2)
    with pytest.raises(Refused), world.by("supervisor") as work:
        tasks.extend(work, task_id, 61, "zu lang")
    with pytest.raises(InvalidEvidence), world.by("supervisor") as work:
        tasks.waive(work, task_id, "  ")
    with world.by("supervisor") as work:
        tasks.waive(work, task_id, "Liegt schriftlich vor.")
    assert world.row(case_id, "confirm_responsibility").status == "ready"


def test_leitung_assigns_any_task_and_digi_any_but_leitungs(world: World) -> None:
    case_id = world.open()
    interest = world.task(case_id, "express_interest")
    with world.by("leitung") as work:
        tasks.assign(work, interest, world["fachamt"])
    assert world.row(case_id, "express_interest").holder_id == world["fachamt"]
    with world.by("fachamt") as work:
        tasks.submit(work, interest, world.answers(work, case_id, "express_interest"))
    for name, who in [
        ("confirm_responsibility", "team"),
        ("name_contacts", "digi"),
        ("take_inventory", "it"),
        ("choose_variant", "team"),
    ]:
        world.do(case_id, name, who)
    terms = world.task(case_id, "accept_terms")
    with pytest.raises(NotAllowed), world.by("digi") as work:
        tasks.assign(work, terms, world["digi"])
    with pytest.raises(Refused), world.by("leitung") as work:
        tasks.assign(work, terms, world["stranger"])
    with world.by("leitung") as work:
        tasks.assign(work, terms, world["digi"])
    with world.look() as work:
        told = work.session.execute(
            sa.select(Notice.recipient_id).where(Notice.subject_id == terms, Notice.name == "asked")
        ).scalars()
        assert set(told) == {world["leitung"], world["digi"]}


def test_in_a_town_without_accounts_the_team_records_and_leitungs_decision_needs_the_signed_document(
    world: World,
) -> None:
    with world.look() as work:
        team = work.session.execute(
            sa.select(TeamDistrict.team).where(TeamDistrict.district == EMPTY_TOWN)
        ).scalar_one()
    who = "team" if team == world.team else "other_team"
    case_id = world.open(body=EMPTY_TOWN)
    for name in ("express_interest", "confirm_responsibility", "name_contacts", "take_inventory", "choose_variant"):
        world.do(case_id, name, who)
    assert world.row(case_id, "express_interest").recorded_for_body
    terms = world.task(case_id, "accept_terms")
    with pytest.raises(InvalidEvidence) as refusal, world.by(who) as work:
        tasks.submit(work, terms, world.answers(work, case_id, "accept_terms"))
    assert list(refusal.value.faults) == ["signed_document"]
    world.do(case_id, "accept_terms", who, signed_document=FILE)


def test_a_role_nobody_holds_falls_to_digi(world: World) -> None:
    with world.by("admin") as work:
        people.withdraw(work, world["it"], people.parse_role(f"it@{TOWN}"))
    case_id = world.open()
    for name, who in [("express_interest", "digi"), ("confirm_responsibility", "team")]:
        world.do(case_id, name, who)
    with pytest.raises(NotFound), world.by("it") as work:
        tasks.accept(work, world.task(case_id, "take_inventory"))
    world.do(case_id, "take_inventory", "digi")
    assert world.row(case_id, "take_inventory").status == "done"


def test_a_condition_that_does_not_hold_makes_a_task_obsolete(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id, privacy_clearance={"outcome": "par8a_no_avv"})
    assert world.row(case_id, "sign_dpa").status == "obsolete"


def test_a_condition_that_holds_opens_the_task(world: World) -> None:
    case_id = world.open()
    for name, who, answers in [
        ("express_interest", "digi", {}),
        ("confirm_responsibility", "team", {}),
        ("name_contacts", "digi", {}),
        ("take_inventory", "it", {}),
        ("choose_variant", "team", {}),
        ("privacy_clearance", "fachamt", {"outcome": "avv_art28"}),
    ]:
        world.do(case_id, name, who, **answers)
    assert world.row(case_id, "sign_dpa").status == "ready"


def test_somebody_of_the_team_who_is_handed_leitungs_task_records_it_with_the_signed_document(world: World) -> None:
    case_id = world.open()
    for name, who in BEFORE_THE_TERMS:
        world.do(case_id, name, who)
    terms = world.task(case_id, "accept_terms")
    for assignee in ("colleague", "supervisor"):
        with world.by("supervisor") as work:
            tasks.assign(work, terms, world[assignee])
        with pytest.raises(InvalidEvidence) as refusal, world.by(assignee) as work:
            tasks.submit(work, terms, world.answers(work, case_id, "accept_terms"))
        assert list(refusal.value.faults) == ["signed_document"]
    world.do(case_id, "accept_terms", "supervisor", signed_document=FILE)
    assert world.row(case_id, "accept_terms").recorded_for_body


def test_who_lost_the_role_may_no_longer_finish_what_was_accepted_in_it(world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    task_id = world.task(case_id, "confirm_responsibility")
    with world.by("team") as work:
        tasks.accept(work, task_id)
        given = world.answers(work, case_id, "confirm_responsibility")
    with world.by("admin") as work:
        people.withdraw(work, world["team"], people.parse_role(f"umsetzungsteam@{world.team}"))
        people.grant(work, world["team"], people.parse_role("auditor"))
    with pytest.raises(NotAllowed), world.by("team") as work:
        tasks.submit(work, task_id, given)
    with world.look("team") as work:
        assert work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor))).all() == []
    with world.by("colleague") as work:
        tasks.submit(work, task_id, given)


def test_a_role_for_one_service_assigns_only_there(world: World) -> None:
    case_id = world.open()
    with world.by("admin") as work:
        people.withdraw(work, world["leitung"], people.parse_role(f"leitung@{TOWN}"))
        people.grant(work, world["leitung"], people.parse_role(f"leitung@{TOWN}/uvg"))
    with pytest.raises(NotAllowed), world.by("leitung") as work:
        tasks.assign(work, world.task(case_id, "express_interest"), world["fachamt"])


def test_an_answer_that_is_taken_back_no_longer_counts(world: World) -> None:
    case_id = world.open()
    own, wave = "20.01.2027", "welle-2027-02"
    with world.look() as work:
        asked = work.catalogue.process("efa-onboarding", 1).task("choose_variant").evidence
        names = {field.type if field.sets is None else field.sets: name for name, field in asked.items()}
        stichtag = work.catalogue.programme.waves[wave].stichtag
    for name, who in BEFORE_THE_TERMS:
        world.do(case_id, name, who, **({names["stichtag"]: own} if name == "choose_variant" else {}))
    assert world.case(case_id).stichtag == dt.date(2027, 1, 20)
    with world.engine.change("system") as work:
        work.session.execute(
            sa.update(Task)
            .where(Task.case_id == case_id, Task.name == "choose_variant")
            .values(status="ready", acting="umsetzungsteam", attempt=2)
        )
    world.do(case_id, "choose_variant", "team", **{names["wave"]: wave})
    assert (world.case(case_id).wave, world.case(case_id).stichtag) == (wave, stichtag)


def test_what_is_handed_on_is_the_colleagues_who_learns_of_it_and_keeps_its_date(world: World) -> None:
    case_id = world.open()
    task_id = _accepted(world, case_id, "digi")
    before = world.row(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.hand_on(work, task_id, world["fachamt"], "Sie kennen die Zahlen.")
    after = world.row(case_id, "express_interest")
    assert (after.status, after.holder_id, after.handed_on_by) == ("accepted", world["fachamt"], world["digi"])
    assert (after.due_on, after.generation) == (before.due_on, before.generation)
    assert _told(world, task_id, "handed_on") == {world["fachamt"]}
    with world.by("fachamt") as work:
        given = world.answers(work, case_id, "express_interest")
        assert tasks.submit(work, task_id, given).status == "done"
    with pytest.raises(TaskNotAvailable), world.by("digi") as work:
        tasks.take_back(work, task_id)


def test_a_task_is_handed_on_by_its_holder_to_somebody_who_may_act_on_it(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with pytest.raises(TaskNotAvailable), world.by("digi") as work:
        tasks.hand_on(work, task_id, world["fachamt"])
    _accepted(world, case_id, "digi")
    with pytest.raises(NotAllowed), world.by("leitung") as work:
        tasks.hand_on(work, task_id, world["fachamt"])
    for nobody in ("stranger", "team", "digi"):
        with pytest.raises(Refused), world.by("digi") as work:
            tasks.hand_on(work, task_id, world[nobody])
    with pytest.raises(InvalidEvidence), world.by("digi") as work:
        tasks.hand_on(work, task_id, world["fachamt"], "x" * 6000)


def test_whoever_handed_a_task_on_takes_it_back_until_it_is_handed_in(world: World) -> None:
    case_id = world.open()
    task_id = _accepted(world, case_id, "digi")
    with world.by("digi") as work:
        tasks.hand_on(work, task_id, world["fachamt"], "Nur bis Freitag.")
    with world.look("fachamt") as work:
        assert [one.reason for one in task_page.task(work, task_id).said] == ["Nur bis Freitag."]
    with pytest.raises(NotAllowed), world.by("it") as work:
        tasks.take_back(work, task_id)
    with world.by("digi") as work:
        tasks.take_back(work, task_id)
        assert task_page.task(work, task_id).said == ()
    row = world.row(case_id, "express_interest")
    assert (row.holder_id, row.handed_on_by) == (world["digi"], None)
    assert _told(world, task_id, "taken_back") == {world["fachamt"]}
    with pytest.raises(NotAllowed), world.by("fachamt") as work:
        tasks.take_back(work, task_id)


def test_who_lost_the_role_meanwhile_takes_nothing_back(world: World) -> None:
    case_id = world.open()
    task_id = _accepted(world, case_id, "digi")
    with world.by("digi") as work:
        tasks.hand_on(work, task_id, world["fachamt"])
    with world.by("admin") as work:
        people.grant(work, world["digi"], people.parse_role(f"digi@{EMPTY_TOWN}"))
        people.withdraw(work, world["digi"], people.parse_role(f"digi@{TOWN}"))
    with pytest.raises(NotFound), world.by("digi") as work:
        tasks.take_back(work, task_id)
    with world.by("fachamt") as work:
        assert tasks.release(work, task_id).status == "ready"  # nobody is there to whom it could go back
    assert world.row(case_id, "express_interest").holder_id is None


def test_a_released_task_is_free_again_and_those_who_could_take_it_learn_of_it(world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    task_id = world.task(case_id, "confirm_responsibility")
    with world.by("team") as work:
        tasks.accept(work, task_id)
    due_on = world.row(case_id, "confirm_responsibility").due_on
    with pytest.raises(NotAllowed), world.by("colleague") as work:
        tasks.release(work, task_id)
    with world.by("team") as work:
        assert tasks.release(work, task_id).status == "ready"
    row = world.row(case_id, "confirm_responsibility")
    assert (row.holder_id, row.acting, row.due_on) == (None, "umsetzungsteam", due_on)
    assert _told(world, task_id, "released") == {world["colleague"]}
    with world.by("colleague") as work:
        tasks.accept(work, task_id)


def test_a_supervisor_and_those_who_assign_at_the_body_release_for_others(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    for who in ("supervisor", "leitung"):
        _accepted(world, case_id, "digi")
        with world.by(who) as work:
            tasks.release(work, task_id)
        assert world.row(case_id, "express_interest").status == "ready"
    assert _told(world, task_id, "taken_back") == {world["digi"]}


def test_what_was_handed_on_goes_back_when_it_is_released(world: World) -> None:
    case_id = world.open()
    task_id = _accepted(world, case_id, "digi")
    with world.by("digi") as work:
        tasks.hand_on(work, task_id, world["fachamt"])
    with world.by("fachamt") as work:
        assert tasks.release(work, task_id).status == "accepted"
    row = world.row(case_id, "express_interest")
    assert (row.holder_id, row.handed_on_by) == (world["digi"], None)
    assert _told(world, task_id, "returned") == {world["digi"]}
    with world.by("digi") as work:
        assert tasks.release(work, task_id).status == "ready"


def test_handing_on_does_not_lend_the_eyes_that_confirm(world: World) -> None:
    """Who handed a task on may confirm what the colleague did; the colleague who did it may not."""
    case_id = world.open()
    world.walk(case_id, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt")]:
        world.do(case_id, name, who)
    task_id = world.task(case_id, "questionnaire")
    with world.by("admin") as work:
        people.grant(work, world["fachamt"], people.parse_role(f"umsetzungsteam@{world.team}"))
    with world.by("digi") as work:
        tasks.accept(work, task_id)
        tasks.hand_on(work, task_id, world["fachamt"])
    with world.by("fachamt") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "questionnaire"))
    assert world.row(case_id, "questionnaire").handed_on_by is None
    with pytest.raises(SecondPersonNeeded), world.by("fachamt") as work:
        tasks.confirm(work, task_id)


def test_a_task_put_aside_comes_up_again_on_its_day_once_and_its_date_stays(world: World) -> None:
    case_id = world.open()
    task_id = _accepted(world, case_id, "digi")
    before = world.row(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.follow_up(work, task_id, work.catalogue.calendar.add(work.today, 3))
    after = world.row(case_id, "express_interest")
    assert (after.due_on, after.remind_at, after.follow_up_by) == (before.due_on, before.remind_at, world["digi"])
    with world.look("digi") as work:
        page = inbox.inbox(work)
        assert [item.id for item in page.put_aside] == [task_id]
        assert task_id not in [item.id for item in (*page.now, *page.this_week, *page.later)]
    assert tasks.bring_up(world.engine) == 0
    world.days(3)
    assert [tasks.bring_up(world.engine), tasks.bring_up(world.engine)] == [1, 0]
    assert _told(world, task_id, "follow_up") == {world["digi"]}
    assert world.row(case_id, "express_interest").follow_up_on is None
    with world.look("digi") as work:
        assert inbox.inbox(work).put_aside == ()


def test_the_day_a_task_comes_up_again_is_a_working_day_to_come(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.look() as work:
        today = work.today
    saturday = today + dt.timedelta(days=5 - today.weekday() + 7)
    for day in (today, today - dt.timedelta(days=1), saturday):
        with pytest.raises(Refused), world.by("digi") as work:
            tasks.follow_up(work, task_id, day)
    with pytest.raises(NotAllowed), world.by("fachamt") as work:
        tasks.follow_up(work, task_id, today + dt.timedelta(days=7))
    with pytest.raises(TaskNotAvailable), world.by("digi") as work:
        tasks.follow_up(work, task_id, None)


def test_what_is_done_is_not_put_aside_any_more(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.follow_up(work, task_id, work.catalogue.calendar.add(work.today, 3))
        tasks.follow_up(work, task_id, None)
        tasks.follow_up(work, task_id, work.catalogue.calendar.add(work.today, 4))
    world.do(case_id, "express_interest", "digi")
    world.days(5)
    assert tasks.bring_up(world.engine) == 0


def _content_check(world: World) -> tuple[UUID, UUID]:
    case_id = world.open()
    world.walk(case_id, until="connected")
    return case_id, world.task(case_id, "content_check")


def test_what_is_not_ticked_yet_is_named_when_the_task_is_handed_in(world: World) -> None:
    case_id, task_id = _content_check(world)
    with world.by("redaktion") as work:
        given = world.answers(work, case_id, "content_check")
        tasks.tick(work, task_id, ["imprint", "privacy"])
    with pytest.raises(InvalidEvidence) as refusal, world.by("redaktion") as work:
        tasks.submit(work, task_id, given)
    key, facts = refusal.value.faults["checklist"]
    assert key == "evidence.unticked"
    assert ["Barrierefreiheit" in point.de for point in facts["points"]] == [True]
    with world.by("redaktion") as work:
        tasks.tick(work, task_id, ["accessibility"])
        assert tasks.submit(work, task_id, given).status == "done"
    with world.look("redaktion") as work:
        page = task_page.task(work, task_id)
        assert [(point.ticked_by, bool(point.ticked_at)) for point in page.checklist] == [("Redaktion", True)] * 3


def test_a_tick_is_kept_at_once_and_can_be_taken_back(world: World) -> None:
    case_id, task_id = _content_check(world)
    with world.by("redaktion") as work:
        tasks.tick(work, task_id, ["imprint"])
        before = world.case(case_id).seq
        tasks.tick(work, task_id, ["imprint"])  # nothing changes, so nothing is told
    assert world.case(case_id).seq == before + 1
    with world.by("redaktion") as work:
        tasks.tick(work, task_id, ["imprint"], done=False)
    with world.look() as work:
        assert tasks.ticks(work, [task_id])[task_id]["imprint"].at is None
        assert history.differences(work, "case", case_id) == ()
    with pytest.raises(NotFound), world.by("redaktion") as work:
        tasks.tick(work, task_id, ["nonsense"])
    with pytest.raises(NotAllowed), world.by("fachamt") as work:
        tasks.tick(work, task_id, ["imprint"])


def test_only_what_was_sent_back_is_asked_again_and_the_rest_stands_in_its_revision(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt")]:
        world.do(case_id, name, who)
    task_id = world.task(case_id, "questionnaire")
    with world.by("digi") as work:
        first = world.answers(work, case_id, "questionnaire")
        tasks.submit(work, task_id, first)
    text = next(name for name, value in first.items() if isinstance(value, str) and value.startswith("Akten"))
    with pytest.raises(InvalidEvidence), world.by("team") as work:
        tasks.send_back(work, task_id, "Bitte ergänzen", ["nonsense"])
    with world.by("team") as work:
        tasks.send_back(work, task_id, "Bitte ergänzen", [text])
    with world.look("digi") as work:
        page = task_page.task(work, task_id)
        assert [field.name for field in page.fields if field.again and field.name in first] == [text]
    with world.by("digi") as work:
        assert tasks.submit(work, task_id, {text: "Aktenzeichen 99/2026"}).status == "submitted"
    with world.look("team") as work:
        kept = work.session.execute(
            sa.select(Evidence.field, Evidence.revision).where(Evidence.subject_id == task_id, Evidence.latest)
        ).all()
        assert dict(kept) == {name: 2 if name == text else 1 for name in first}
        page = task_page.task(work, task_id)
        assert [(one.number, len(one.answers)) for one in page.attempts] == [(2, 1), (1, len(first))]
        assert history.differences(work, "case", case_id) == ()
    assert world.row(case_id, "questionnaire").redo is None


def test_an_answer_that_was_not_sent_back_can_be_changed_all_the_same(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt")]:
        world.do(case_id, name, who)
    task_id = world.task(case_id, "questionnaire")
    with world.by("digi") as work:
        first = world.answers(work, case_id, "questionnaire")
        tasks.submit(work, task_id, first)
    (text,) = [name for name, value in first.items() if isinstance(value, str)]
    with world.by("team") as work:
        tasks.send_back(work, task_id, "Bitte ergänzen", [text])
    with pytest.raises(InvalidEvidence), world.by("digi") as work:
        tasks.submit(work, task_id)  # what was sent back is missing
    with world.by("digi") as work:
        tasks.submit(work, task_id, first)
    with world.look() as work:
        kept = work.session.execute(
            sa.select(Evidence.field, Evidence.revision).where(Evidence.subject_id == task_id, Evidence.latest)
        ).all()
    assert dict(kept) == {name: 1 if name == text else 2 for name in first}  # the same text again is no new revision


def _accepted(world: World, case_id: UUID, who: str) -> UUID:
    task_id = world.task(case_id, "express_interest")
    with world.by(who) as work:
        tasks.accept(work, task_id)
    return task_id


def _told(world: World, task_id: UUID, name: str) -> set[UUID]:
    with world.look() as work:
        query = sa.select(Notice.recipient_id).where(Notice.subject_id == task_id, Notice.name == name)
        return set(work.session.execute(query).scalars())
