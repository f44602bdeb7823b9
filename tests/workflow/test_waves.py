"""Waves: who is ready for the Stichtag, by what the process says of it."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.conftest import Prepare
from tests.statements import counted
from tests.world import STRANGE_TOWN, TOWN, World, who_acts
from workflow import cases, policy
from workflow.definition import Process, Stichtag
from workflow.errors import NotFound
from workflow.models import Case, Prerequisite, Task
from workflow.queries import waves
from workflow.queries.waves import WavePage

WAVE = "welle-2027-02"


@dataclasses.dataclass(frozen=True)
class Cases:
    """Cases of one wave, each further than the one before."""

    begun: UUID
    contracted: UUID
    ready: UUID
    handed_over: UUID
    live: UUID
    resting: UUID


@pytest.fixture
def on_the_way(prepared: Prepare) -> tuple[World, Cases]:
    """A wave in the middle of its work."""
    world, found = prepared(_on_the_way)
    return world, found


def _on_the_way(world: World) -> Cases:
    begun = world.open(body=STRANGE_TOWN)
    contracted, ready, handed_over, live, resting = (
        world.open(service) for service in ("fuehrerschein", "wohngeld", "einbuergerung", "uvg", "elterngeld")
    )
    for one in (contracted, ready, handed_over):
        world.walk(one, until="contracted")
    for one in (ready, handed_over):
        world.bring(one, "handover_rollout")
        _finish_but(world, one, {"handover_rollout", "activate"})
        world.satisfy(one)
    world.do(handed_over, "handover_rollout", "team")
    world.walk(live)
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Case).values(wave=WAVE))
    with world.by("team") as work:
        review = work.today.replace(year=2027, month=6, day=1)
        cases.hold(work, resting, blocker="it_capacity", reason="x", review_on=review)
    return Cases(begun, contracted, ready, handed_over, live, resting)


def _finish_but(world: World, case_id: UUID, names: set[str]) -> None:
    """Do everything of the present state that can be done, but these."""
    while True:
        with world.look() as work:
            row = work.session.execute(
                sa.select(Task.name, Task.owner)
                .join(Case, sa.and_(Case.id == Task.case_id, Case.state == Task.state))
                .where(Task.case_id == case_id, Task.status.in_(("ready", "accepted")), Task.name.not_in(names))
            ).first()
        if row is None:
            return
        world.do(case_id, row.name, who_acts(row.owner))


def shown(world: World, who: str, **asked: Any) -> WavePage:
    with world.look(who) as work:
        return waves.wave(work, WAVE, **asked)


def standings(world: World, who: str) -> dict[UUID, str]:
    return {line.id: standing for standing in waves.STANDINGS for line in shown(world, who, show=standing).lines}


def test_ready_is_whoever_lacks_nothing_before_the_task_of_the_stichtag(on_the_way: tuple[World, Cases]) -> None:
    world, found = on_the_way
    assert standings(world, "office") == {
        found.begun: "not_ready",
        found.contracted: "not_ready",
        found.resting: "not_ready",
        found.ready: "ready",
        found.handed_over: "delivered",
        found.live: "delivered",
    }
    sums = shown(world, "office").wave.sums
    assert (sums.not_ready, sums.ready, sums.delivered, sums.resting, sums.cases) == (3, 1, 2, 1, 6)


def test_what_is_missing_says_who_must_act_and_until_when(on_the_way: tuple[World, Cases]) -> None:
    world, found = on_the_way
    lines = {line.id: line for line in shown(world, "office").lines}
    first = {item.title.de: item for item in lines[found.begun].items}
    assert first["Vormerkung annehmen oder Interesse bekunden"].who.de == "Digitalisierungsbeauftragte:r"
    assert first["Vormerkung annehmen oder Interesse bekunden"].due is not None
    assert {item.kind for item in lines[found.contracted].items} == {"task"}
    titles = {item.title.de for item in lines[found.contracted].items}
    assert not titles & {"Zum Stichtag an das Roll-out-Team übergeben", "Dienst einrichten und aktivieren"}
    assert lines[found.contracted].following
    assert lines[found.resting].rests


def test_what_is_proved_no_more_makes_a_case_unready(on_the_way: tuple[World, Cases]) -> None:
    world, found = on_the_way
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Prerequisite).where(Prerequisite.body == TOWN).values(status="expired"))
    assert standings(world, "office")[found.ready] == "not_ready"
    (line,) = (line for line in shown(world, "office").lines if line.id == found.ready)
    assert {item.kind for item in line.items} == {"prerequisite"}
    assert all(item.id is not None for item in line.items)


def test_the_meaning_of_ready_comes_out_of_the_definition(on_the_way: tuple[World, Cases]) -> None:
    world, _ = on_the_way
    (meaning,) = shown(world, "office").meanings
    assert meaning.task is not None
    assert (meaning.task.de, meaning.state.de) == ("Zum Stichtag an das Roll-out-Team übergeben", "Vertrag geschlossen")
    assert [title.de for title in meaning.later] == ["Dienst einrichten und aktivieren"]
    assert meaning.prerequisites
    assert [title.de for title in meaning.milestones] == ["Nachnutzungsvertrag des Landes"]
    with world.look("office") as work:
        process = work.catalogue.process("efa-onboarding", 1)
        work.catalogue._processes["efa-onboarding/1"] = _without_stichtag(process)
        page = waves.wave(work, WAVE)
        work.catalogue._processes["efa-onboarding/1"] = process
    (meaning,) = page.meanings
    assert (meaning.task, meaning.move, meaning.state.de) == (None, None, "Getestet")
    assert page.wave.sums.ready == 0
    assert page.wave.sums.delivered == 1


def _without_stichtag(process: Process) -> Process:
    states = {
        name: dataclasses.replace(
            state,
            tasks={
                key: dataclasses.replace(task, due=task.due.otherwise) if isinstance(task.due, Stichtag) else task
                for key, task in state.tasks.items()
            },
        )
        for name, state in process.states.items()
    }
    return dataclasses.replace(process, states=states)


def test_everybody_sees_their_own_cases_of_a_wave(on_the_way: tuple[World, Cases]) -> None:
    world, _ = on_the_way
    for who in ("office", "auditor", "team", "other_team", "supervisor", "digi", "stranger", "operator", "admin"):
        with world.look(who) as work:
            mine = set(work.session.execute(sa.select(Case.id).where(policy.cases(work.actor))).scalars())
            every = {line.key: line.sums for line in waves.waves(work)}
        assert standings(world, who).keys() == mine, who
        assert every[WAVE] == shown(world, who).wave.sums


def test_a_board_is_narrowed_to_a_team_and_to_what_is_missing(on_the_way: tuple[World, Cases]) -> None:
    world, _ = on_the_way
    page = shown(world, "office")
    assert page.lacks
    for lack in page.lacks:
        narrowed = shown(world, "office", lack=lack.key)
        assert (narrowed.lack, len(narrowed.lines)) == (lack, lack.cases)
    assert [count.cases for _, _, count in page.teams] == [6]
    assert shown(world, "office", team=world.team).wave.sums.cases == 6
    for asked in ({"team": "x"}, {"lack": "task:'"}, {"show": "%"}, {"page": -7}, {"page": 10**9}):
        assert shown(world, "office", **asked).lines == page.lines, asked
    with world.look("office") as work, pytest.raises(NotFound):
        waves.wave(work, "welle-1999")


def test_waves_take_no_statement_more_with_more_cases(on_the_way: tuple[World, Cases]) -> None:
    world, _ = on_the_way
    with counted(world) as few, world.look("office") as work:
        waves.wave(work, WAVE)
        waves.waves(work)
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld"])
    cases.open_planned(world.engine, world["office"], planned)
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Case).values(wave=WAVE))
    with counted(world) as many, world.look("office") as work:
        page = waves.wave(work, WAVE)
        waves.waves(work)
    assert page.wave.sums.cases > 40
    assert len(many) == len(few) <= 16
