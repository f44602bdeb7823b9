"""One thing asked of many cases: tried out, worked off, cut off, gone on with; a result for each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.statements import counted
from tests.world import World, contents
from workflow import bulk, cases, messages, people, ticking
from workflow.bulk import Order, Subject
from workflow.engine import SYSTEM
from workflow.errors import AlreadyOpen, CaseRests, NotFound, Refused, SignInRequired, StartklarError
from workflow.models import Bulk, BulkItem, Event, Message, Notice, Person, Remark

DECLINE = {"reason": "no_demand", "explanation": "Es gibt keine Anträge."}
REASON = {"team": "nord", "reason": "Neuer Zuschnitt."}


def hold_of(work: Any) -> dict[str, str]:
    return {"blocker": "no_staff", "reason": "Urlaub", "review_on": work.today.replace(year=2027).isoformat()}


def open_many(world: World, *services: str, most: int = 300) -> list[UUID]:
    """Cases of these services, by the order of the plan."""
    with world.look("office") as work:
        planned = cases.plan(work, services)[:most]
    opened = cases.open_planned(world.engine, world["office"], planned)
    return [one.case.id for one in opened if one.case is not None]


def items(world: World, bulk_id: UUID) -> list[Any]:
    with world.look() as work:
        return list(
            work.session.execute(
                sa.select(BulkItem.__table__).where(BulkItem.bulk_id == bulk_id).order_by(BulkItem.position)
            )
        )


def acts(world: World, case_id: UUID) -> list[str]:
    with world.look() as work:
        return list(
            work.session.execute(sa.select(Event.act).where(Event.chain_id == case_id).order_by(Event.seq)).scalars()
        )


def run(world: World, who: str, order: Order, subjects: Sequence[Subject]) -> list[Any]:
    asked = bulk.start(world.engine, world[who], order, subjects)
    assert bulk.work_off(world.engine, asked.id)
    return items(world, asked.id)


@pytest.mark.slow
def test_of_three_hundred_cases_those_that_can_be_moved_are_and_each_of_the_others_says_why(world: World) -> None:
    many = open_many(world, "ewa", "eheschliessung")
    resting, gone = many[3], many[250]
    supervisor = people_of_every_team(world)
    with world.engine.change(supervisor) as work:
        cases.hold_as_answered(work, resting, hold_of(work))
        cases.advance(work, gone, "decline", given=DECLINE)
    asked = bulk.start(
        world.engine, supervisor, Order("advance", DECLINE, "decline"), bulk.of_cases([*many, many[0], UUID(int=7)])
    )
    assert asked.items == len(many) + 1 == 301
    heard: list[int] = []
    assert bulk.work_off(world.engine, asked.id, progress=heard.append)
    assert sum(heard) == 301
    assert len(heard) > 3
    found = items(world, asked.id)
    refused = {item.case_id: item.error for item in found if item.status == "refused"}
    assert {item.status for item in found} == {"done", "refused"}
    assert set(refused) == {resting, gone, UUID(int=7)}
    assert "error.case_rests" in refused[resting]
    assert "error.transition_not_available" in refused[gone]
    for item in found:
        if item.status == "done":
            assert acts(world, item.case_id)[item.seq - 1] == "advanced"
    with world.look() as work:
        said = work.session.execute(
            sa.select(Event.content).where(Event.chain_id == found[0].case_id, Event.seq == found[0].seq)
        ).scalar_one()
        assert f'"bulk":"{asked.id.hex}"' in said


def people_of_every_team(world: World) -> UUID:
    """Somebody in every team: moves and holds everywhere."""
    with world.engine.change(SYSTEM) as work:
        teams = work.session.execute(sa.text("SELECT key FROM team")).scalars().all()
        return people.add(
            work,
            email="ueberall@startklar.example",
            name="Überall",
            password_hash=None,
            language="de",
            roles=[people.parse_role(f"{role}@{team}") for team in teams for role in ("umsetzungsteam", "supervisor")],
        ).id


def test_trying_out_says_what_would_become_of_each_and_keeps_nothing(world: World) -> None:
    many = open_many(world, "ewa", most=12)
    everywhere = people_of_every_team(world)
    with world.engine.change(everywhere) as work:
        given = hold_of(work)
        cases.hold_as_answered(work, many[5], given)
    before = contents(world)
    tried = bulk.try_out(world.engine, everywhere, Order("hold", given), bulk.of_cases(many))
    assert contents(world) == before
    assert [type(result.refused) for result in tried] == [
        CaseRests if case_id == many[5] else type(None) for case_id in many
    ]
    done = bulk.start(world.engine, everywhere, Order("hold", given), bulk.of_cases(many))
    bulk.work_off(world.engine, done.id)
    assert [item.status for item in items(world, done.id)] == [
        "done" if result.refused is None else "refused" for result in tried
    ]


def test_cases_are_opened_tried_out_first_and_one_that_is_open_stops_none(world: World) -> None:
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld"])
    world.open("wohngeld", planned[2].body)
    before = contents(world)
    tried = bulk.try_out(world.engine, world["office"], Order("open"), bulk.to_open(planned))
    assert contents(world) == before
    assert [type(result.refused) for result in tried if result.refused] == [AlreadyOpen]
    found = run(world, "office", Order("open"), bulk.to_open(planned))
    assert [item.position for item in found if item.status == "refused"] == [3]
    assert all(world.case(item.case_id).service == "wohngeld" for item in found if item.status == "done")
    assert len(found) == len(planned) > 40


def test_a_task_is_handed_to_one_person_in_many_cases(world: World) -> None:
    many = [world.open(service) for service in ("wohngeld", "uvg", "ikfz")]
    world.do(many[2], "express_interest", "digi")
    with world.look() as work:
        subjects = bulk.of_tasks(work, many, "express_interest")
    found = run(world, "leitung", Order("assign", to=world["digi"]), subjects)
    assert [item.status for item in found] == ["done", "done", "refused"]
    assert "error.bulk_no_task" in found[2].error
    assert world.row(many[0], "express_interest").holder_id == world["digi"]


def test_one_task_is_handed_in_for_many_cases_with_the_same_answers(world: World) -> None:
    many = [world.open(service) for service in ("wohngeld", "uvg", "ikfz")]
    with world.look() as work:
        subjects = bulk.of_tasks(work, many, "express_interest")
        given = world.answers(work, many[0], "express_interest")
    found = run(world, "digi", Order("submit", given), subjects)
    assert [item.status for item in found] == ["done"] * 3
    assert {world.row(case_id, "express_interest").status for case_id in many} == {"done"}


def test_cases_go_to_another_team_and_rest_and_go_on(world: World) -> None:
    many = [world.open(service) for service in ("wohngeld", "uvg", "ikfz")]
    with world.look() as work:
        given = hold_of(work)
    for who, order in [
        ("team", Order("hold", given)),
        ("team", Order("resume")),
        ("office", Order("team", REASON)),
    ]:
        assert [item.status for item in run(world, who, order, bulk.of_cases(many))] == ["done"] * 3
    assert {world.case(case_id).team for case_id in many} == {"nord"}
    assert acts(world, many[0]) == ["opened", "held", "resumed", "moved_to_team"]


def test_a_reason_that_is_erased_is_gone_where_it_was_asked_of_many_too(world: World) -> None:
    many = open_many(world, "ewa", most=2)
    with world.look() as work:
        given = hold_of(work) | {"reason": "Frau Beispiel ist krank."}
    asked = bulk.start(world.engine, people_of_every_team(world), Order("hold", given), bulk.of_cases(many))
    assert bulk.work_off(world.engine, asked.id)
    with world.by("office") as work:
        remark = work.session.execute(sa.select(Remark.id).where(Remark.chain_id == many[0])).scalar_one()
        cases.erase_remark(work, many[0], remark)
        (kept,) = work.session.execute(sa.select(Bulk.arguments)).scalars()
    assert "Beispiel" not in kept
    assert "review_on" in kept


def test_nothing_and_too_much_and_nobody_are_refused(world: World) -> None:
    subject = bulk.of_cases([world.open()])
    with pytest.raises(Refused, match="bulk_nothing"):
        bulk.start(world.engine, world["team"], Order("resume"), [])
    with pytest.raises(Refused, match="bulk_too_many"):
        bulk.start(world.engine, world["team"], Order("resume"), subject * 5001)
    with pytest.raises(SignInRequired), world.engine.change(SYSTEM) as work:
        bulk.ask(work, Order("resume"), subject)
    with pytest.raises(StartklarError):
        bulk.start(world.engine, world["team"], Order("delete"), subject)
    with pytest.raises(NotFound):
        bulk.work_off(world.engine, UUID(int=1))


def test_a_case_one_may_not_see_does_not_exist_and_one_may_not_move_says_who_may(world: World) -> None:
    mine, strange = world.open(), world.open("wohngeld", "073190000000")
    found = run(world, "digi", Order("advance", DECLINE, "decline"), bulk.of_cases([mine, strange]))
    assert [item.status for item in found] == ["refused"] * 2
    assert "error.not_allowed" in found[0].error
    assert "error.not_found" in found[1].error


def test_whoever_loses_the_right_midway_moves_no_further_case(world: World) -> None:
    many = open_many(world, "ewa", most=120)
    everywhere = people_of_every_team(world)
    asked = bulk.start(world.engine, everywhere, Order("advance", DECLINE, "decline"), bulk.of_cases(many))
    assert not bulk.work_off(world.engine, asked.id, seconds=0)
    done = sum(item.status == "done" for item in items(world, asked.id))
    assert 0 < done < 120
    with world.engine.change(SYSTEM) as work:
        work.session.execute(
            sa.text("UPDATE role_grant SET ended_at = started_at WHERE person_id = :id"), _id(work, everywhere)
        )
    assert bulk.work_off(world.engine, asked.id)
    found = items(world, asked.id)
    assert sum(item.status == "done" for item in found) == done
    assert all("error.not_found" in item.error for item in found if item.status == "refused")


def _id(work: Any, person: UUID) -> dict[str, Any]:
    return {"id": person if work.session.get_bind().dialect.name == "postgresql" else person.hex}


def test_when_the_account_ends_midway_what_is_left_is_refused(world: World) -> None:
    many = open_many(world, "ewa", most=120)
    everywhere = people_of_every_team(world)
    asked = bulk.start(world.engine, everywhere, Order("advance", DECLINE, "decline"), bulk.of_cases(many))
    bulk.work_off(world.engine, asked.id, seconds=0)
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Person).where(Person.id == everywhere).values(ended_at=work.now))
    assert bulk.work_off(world.engine, asked.id)
    found = items(world, asked.id)
    assert {item.status for item in found} == {"done", "refused"}
    assert all("error.bulk_account_ended" in item.error for item in found if item.status == "refused")


def test_the_same_key_asks_for_it_once(world: World) -> None:
    subjects = bulk.of_cases([world.open(), world.open("uvg")])
    with world.look() as work:
        order = Order("hold", hold_of(work))
    first = bulk.start(world.engine, world["team"], order, subjects, key="k")
    assert bulk.start(world.engine, world["team"], order, subjects, key="k") == first
    bulk.work_off(world.engine, first.id)
    bulk.work_off(world.engine, bulk.start(world.engine, world["team"], order, subjects, key="k").id)
    assert [acts(world, subject.case_id) for subject in subjects if subject.case_id] == [["opened", "held"]] * 2


def test_time_goes_on_with_what_somebody_left_unfinished(world: World) -> None:
    many = open_many(world, "ewa", most=120)
    everywhere = people_of_every_team(world)
    asked = bulk.start(world.engine, everywhere, Order("advance", DECLINE, "decline"), bulk.of_cases(many))
    bulk.work_off(world.engine, asked.id, seconds=0)
    left = sum(item.status == "pending" for item in items(world, asked.id))
    assert ticking.decide_and_write(world.engine).worked == left > 0
    assert ticking.decide_and_write(world.engine).worked == 0
    assert {item.status for item in items(world, asked.id)} == {"done"}


def test_one_that_cannot_be_worked_off_keeps_nobody_else_waiting(world: World) -> None:
    first, second = open_many(world, "ewa", most=2)
    everywhere = people_of_every_team(world)
    asked = [
        bulk.start(world.engine, everywhere, Order("advance", DECLINE, "decline"), bulk.of_cases([one]))
        for one in (first, second)
    ]
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Bulk).where(Bulk.id == asked[0].id).values(kind="of a later version"))
    assert ticking.decide_and_write(world.engine).worked == 1
    assert [item.status for item in items(world, asked[0].id)] == ["pending"]
    assert [item.status for item in items(world, asked[1].id)] == ["done"]


def test_who_is_told_of_many_cases_hears_of_them_in_one_mail_when_all_are_through(world: World) -> None:
    many = open_many(world, "ewa", most=60)
    everywhere = people_of_every_team(world)
    messages.compose(world.engine)
    mails = _mails(world)
    asked = bulk.start(world.engine, everywhere, Order("team", REASON), bulk.of_cases(many))
    for _ in range(3):
        bulk.work_off(world.engine, asked.id, seconds=0)
        messages.compose(world.engine)
    office = bulk.start(world.engine, world["office"], Order("team", REASON), bulk.of_cases(many))
    bulk.work_off(world.engine, office.id, seconds=0)
    with world.look() as work:
        kept_back = work.session.execute(
            sa.select(sa.func.count()).select_from(Notice).where(Notice.bulk_id == office.id)
        ).scalar_one()
    assert kept_back > 0
    messages.compose(world.engine)
    assert _mails(world) == mails, "nobody hears of it before all of them are through"
    assert bulk.work_off(world.engine, office.id)
    world.days(1)
    messages.compose(world.engine)
    with world.look() as work:
        new = work.session.execute(sa.select(Message.recipient_id, Message.plain).order_by(Message.written_at)).all()[
            mails:
        ]
    assert len({recipient for recipient, _ in new}) == len(new) > 0


def _mails(world: World) -> int:
    with world.look() as work:
        return work.session.execute(sa.select(sa.func.count()).select_from(Message)).scalar_one()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hold", "advance"])
def test_each_further_case_costs_the_same_number_of_statements(world: World, kind: str) -> None:
    everywhere = people_of_every_team(world)
    with world.look() as work:
        order = Order("hold", hold_of(work)) if kind == "hold" else Order("advance", DECLINE, "decline")
    many = open_many(world, "ewa", "eheschliessung")

    def cost(subjects: list[UUID]) -> int:
        with counted(world) as heard:
            bulk.try_out(world.engine, everywhere, order, bulk.of_cases(subjects))
        return len(heard)

    cost(many[:2])
    few, more = cost(many[:4]), cost(many[:12])
    assert (more - few) / 8 == pytest.approx((cost(many[:8]) - few) / 4, abs=1)


@pytest.mark.slow
def test_two_who_work_on_it_at_once_do_each_case_once(world: World) -> None:
    many = open_many(world, "ewa", most=150)
    everywhere = people_of_every_team(world)
    asked = bulk.start(world.engine, everywhere, Order("advance", DECLINE, "decline"), bulk.of_cases(many))
    trouble: list[StartklarError] = []

    def work() -> None:
        try:
            bulk.work_off(world.engine, asked.id)
        except StartklarError as error:
            trouble.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not trouble
    assert {item.status for item in items(world, asked.id)} == {"done"}
    assert {tuple(acts(world, case_id)) for case_id in many} == {("opened", "advanced")}


@pytest.mark.slow
def test_single_deeds_between_are_neither_lost_nor_done_twice(world: World) -> None:
    many = open_many(world, "ewa", most=150)
    everywhere = people_of_every_team(world)
    asked = bulk.start(world.engine, everywhere, Order("advance", DECLINE, "decline"), bulk.of_cases(many))
    told: list[StartklarError] = []

    def decline() -> None:
        for case_id in reversed(many):
            try:
                with world.engine.change(everywhere) as work:
                    cases.advance(work, case_id, "decline", given=DECLINE)
            except StartklarError as error:
                told.append(error)

    single = threading.Thread(target=decline)
    single.start()
    bulk.work_off(world.engine, asked.id)
    single.join(60)
    found = items(world, asked.id)
    assert sum(item.status == "refused" for item in found) == 150 - len(told)
    assert {tuple(acts(world, case_id)) for case_id in many} == {("opened", "advanced")}


_WORK = """
import sys
from uuid import UUID
from workflow import bulk, settings, start
engine = start.engine(settings.read())
print("ready", flush=True)
bulk.work_off(engine, UUID(sys.argv[1]), progress=lambda n: print(n, flush=True))
"""


@pytest.mark.slow
def test_killed_in_the_middle_it_is_gone_on_with_and_each_case_is_moved_once(world: World) -> None:
    many = open_many(world, "ewa", "eheschliessung")
    everywhere = people_of_every_team(world)
    asked = bulk.start(world.engine, everywhere, Order("advance", DECLINE, "decline"), bulk.of_cases(many))
    process = subprocess.Popen(
        [sys.executable, "-c", _WORK, str(asked.id)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ
        | {
            "STARTKLAR_DATABASE_URL": world.engine.settings.database_url,
            "STARTKLAR_DATA": str(world.engine.settings.data),
        },
        cwd=Path(__file__).resolve().parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdout.readline()
    time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    process.stdout.close()
    statuses = [item.status for item in items(world, asked.id)]
    assert {"done", "pending"} == set(statuses), statuses.count("done")
    assert bulk.work_off(world.engine, asked.id)
    assert {item.status for item in items(world, asked.id)} == {"done"}
    assert {tuple(acts(world, case_id)) for case_id in many} == {("opened", "advanced")}
