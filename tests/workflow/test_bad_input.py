"""What people really send: late, twice, at once, to what has gone – each refused by name, and nothing is lost."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.gv100ad import EXCERPT
from tests.world import World, contents
from workflow import bodies, bulk, cases, checking, commands, people, prerequisites, tasks
from workflow.bodies import Edition
from workflow.bulk import Order
from workflow.engine import SYSTEM, Work
from workflow.errors import (
    CaseHasMoved,
    Conflict,
    InvalidEvidence,
    NotAllowed,
    NotFound,
    RequirementsNotMet,
    StartklarError,
    TaskHasMoved,
    TaskNotAvailable,
    TransitionNotAvailable,
)
from workflow.exchange import gv100ad
from workflow.models import BulkItem, Case, Event, Prerequisite

DECLINE = {"reason": "no_demand", "explanation": "Es gibt keine Anträge."}
GONE, HEIR = "073395002000", "073395007000"


def refused(world: World, who: str, kind: type[StartklarError], deed: Callable[[Work], Any]) -> StartklarError:
    """The deed is refused by this name, and every row of every table is as before."""
    before = contents(world)
    with pytest.raises(kind) as refusal, world.by(who) as work:
        deed(work)
    assert contents(world) == before
    return refusal.value


def held(work: Work, **answers: str) -> dict[str, str]:
    """What the form of a pause sends."""
    day = work.today.replace(year=2027).isoformat()
    return {"blocker": "no_staff", "reason": "Urlaub", "review_on": day} | answers


def test_a_stale_page_of_a_case_and_of_a_task_is_refused(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("team") as work:
        cases.hold_as_answered(work, case_id, held(work), seen=1)
    with world.by("digi") as work:
        tasks.accept(work, task_id, seen=1)
    refused(world, "team", CaseHasMoved, lambda work: cases.resume(work, case_id, seen=1))
    refused(world, "team", CaseHasMoved, lambda work: cases.advance(work, case_id, "contract", seen=1))
    refused(world, "digi", TaskHasMoved, lambda work: tasks.submit(work, task_id, seen=1))


def test_a_double_click_is_one_deed_with_one_answer(world: World) -> None:
    case_id = world.open()
    answers = []
    for _ in range(2):
        with world.by("team") as work:
            answers.append(commands.once(work, "k", cases.hold_as_answered, case_id, held(work), seen=1))
    assert answers[0] == answers[1]
    with world.look() as work:
        acts = work.session.execute(sa.select(Event.act).where(Event.chain_id == case_id)).scalars().all()
    assert sorted(acts) == ["held", "opened"]


def test_of_two_people_at_once_one_is_told_by_name_that_the_other_was_faster(world: World) -> None:
    case_id = world.open()
    gate, told = threading.Barrier(2), list[StartklarError | None]()

    def decline(who: str) -> None:
        gate.wait()
        try:
            with world.by(who) as work:
                cases.advance(work, case_id, "decline", seen=1, given=DECLINE)
        except StartklarError as error:
            told.append(error)
        else:
            told.append(None)

    both = [threading.Thread(target=decline, args=(who,)) for who in ("leitung", "team")]
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    assert sorted(type(error).__name__ for error in told) == ["CaseHasMoved", "NoneType"]
    assert world.case(case_id).version == 2


def test_with_a_case_that_was_withdrawn_nothing_can_be_done_any_more(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("leitung") as work:
        cases.advance(work, case_id, "decline", given=DECLINE)
    refused(world, "digi", TaskNotAvailable, lambda work: tasks.accept(work, task_id))
    refused(world, "digi", TaskNotAvailable, lambda work: tasks.submit(work, task_id))
    refused(world, "team", TransitionNotAvailable, lambda work: cases.advance(work, case_id, "contract"))
    error = refused(world, "team", Conflict, lambda work: cases.hold_as_answered(work, case_id, held(work)))
    assert error.key == "error.conflict_case"
    error = refused(
        world, "office", Conflict, lambda work: cases.move_to_team(work, case_id, "nord", reason="Neuer Zuschnitt.")
    )
    assert error.key == "error.conflict_ended"


def test_whoever_lost_the_role_since_the_page_was_shown_is_refused(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    held_there = people.parse_role(f"digi@{world.case(case_id).body}")
    with world.by("admin") as work:
        people.grant(work, world["digi"], people.parse_role(f"it@{world.case(case_id).body}"))
        people.withdraw(work, world["digi"], held_there)
        people.grant(work, world["stranger"], held_there)
    refused(world, "digi", NotAllowed, lambda work: tasks.accept(work, task_id, seen=1))
    with world.by("admin") as work:
        people.withdraw(work, world["digi"], people.parse_role(f"it@{world.case(case_id).body}"))
    refused(world, "digi", NotFound, lambda work: tasks.accept(work, task_id, seen=1))


def test_whoever_loses_the_role_in_the_middle_of_many_does_no_more_of_them(world: World) -> None:
    with world.look("office") as work:
        planned = cases.plan(work, ["ewa", "eheschliessung", "unternehmen"])
    opened = cases.open_planned(world.engine, world["office"], planned)
    mine = [one.case.id for one in opened if one.case and world.case(one.case.id).team == world.team]
    assert len(mine) > bulk.CHUNK
    with world.look() as work:
        order = Order("hold", held(work))
    asked = bulk.start(world.engine, world["team"], order, bulk.of_cases(mine))
    bulk.work_off(world.engine, asked.id, seconds=0)
    with world.by("admin") as work:
        people.withdraw(work, world["team"], people.parse_role(f"umsetzungsteam@{world.team}"))
    bulk.work_off(world.engine, asked.id)
    with world.look() as work:
        statuses = work.session.execute(
            sa.select(BulkItem.status, BulkItem.error, Case.rests)
            .join(Case, Case.id == BulkItem.case_id)
            .where(BulkItem.bulk_id == asked.id)
        ).all()
    assert {(row.status, row.rests) for row in statuses} == {("done", True), ("refused", False)}
    assert all("error.not_found" in row.error for row in statuses if row.status == "refused")


def test_for_a_body_that_was_merged_away_nothing_is_opened_and_its_people_find_nothing(world: World) -> None:
    case_id = world.open("eheschliessung", GONE)
    task_id = world.task(case_id, "express_interest")
    with world.by("admin") as work:
        people.grant(work, world["stranger"], people.parse_role(f"digi@{GONE}"))
    present = gv100ad.read(EXCERPT)
    later = Edition(present.date, "UTF-8", tuple(body for body in present.bodies if body.ars != GONE))
    bodies.follow(world.engine, world["office"], later, "07", {GONE: HEIR})
    assert world.case(case_id).body == HEIR
    refused(world, "stranger", NotFound, lambda work: tasks.accept(work, task_id, seen=1))
    error = refused(world, "office", NotFound, lambda work: cases.open_case(work, "uvg", GONE))
    assert error.facts["what"] == "body"
    tried = bulk.try_out(world.engine, world["office"], Order("open"), [bulk.Subject(service="ewa", body=GONE)])
    assert isinstance(tried[0].refused, NotFound)
    refused(world, "team", NotFound, lambda work: prerequisites.request(work, GONE, "elster_account"))


def test_with_a_prerequisite_that_expired_a_case_does_not_move_and_says_which(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    world.finish_state(case_id)
    world.satisfy(case_id)
    with world.engine.change(SYSTEM) as work:
        done = sa.select(Prerequisite.id).where(Prerequisite.status == "done", Prerequisite.kind == "editing_rights")
        found: UUID = work.session.execute(done).scalar_one()
        work.session.execute(
            sa.update(Prerequisite).where(Prerequisite.id == found).values(valid_until=dt.date(2026, 11, 20))
        )
    prerequisites.expire(world.engine)
    error = refused(world, "team", RequirementsNotMet, lambda work: cases.advance(work, case_id, "connect"))
    assert isinstance(error, RequirementsNotMet)
    assert [reason.key for reason in error.reasons] == ["reason.prerequisite_expired"]


def test_prerequisites_that_wait_for_each_other_are_named_when_definitions_are_checked(tmp_path: Path) -> None:
    kinds = "\n".join(
        f"  {name}:\n    title: {{de: {name}, en: {name}}}\n    owner: body.it\n    due: 5 working days\n"
        f"    ladder: short\n    needs: [{needed}]"
        for name, needed in (("one", "two"), ("two", "three"), ("three", "one"))
    )
    (tmp_path / "prerequisites.yaml").write_text(f"prerequisites:\n{kinds}\n", encoding="utf-8")
    said = [fault.sentence("de") for fault in checking.check(tmp_path).faults if fault.key == "fault.needs_circle"]
    assert len(said) == 1
    assert "one → two → three → one" in said[0]


@pytest.mark.parametrize("review_on", ["", "2026-11-23", "2020-01-01", "31.02.2027", "bald"])
def test_a_pause_without_a_day_to_look_again_is_refused_at_its_field(world: World, review_on: str) -> None:
    case_id = world.open()
    error = refused(
        world,
        "team",
        InvalidEvidence,
        lambda work: cases.hold_as_answered(work, case_id, held(work, review_on=review_on)),
    )
    assert isinstance(error, InvalidEvidence)
    assert set(error.faults) == {"review_on"}
    with world.look() as work:
        tried = Order("hold", held(work, review_on=review_on))
    (result,) = bulk.try_out(world.engine, world["team"], tried, bulk.of_cases([case_id]))
    assert isinstance(result.refused, InvalidEvidence)
