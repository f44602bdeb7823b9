"""Dates of the programme that the office decides: targets, Stichtage of waves, milestones; and who follows them."""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.databases import DEFINITIONS
from tests.world import EMPTY_TOWN, World, contents
from workflow import cases, events, following, loading, milestones, programme, tasks
from workflow.engine import Work
from workflow.errors import Conflict, InvalidEvidence, NotAllowed, NotFound, TaskHasMoved
from workflow.models import Event, Followup, Milestone, Remark, Target, Task, Wave
from workflow.queries import programme as query

WAVE, LATER = "welle-2027-02", dt.date(2027, 3, 16)
OTHERS = ("team", "supervisor", "digi", "leitung", "operator", "auditor", "admin", "stranger")


# --- targets ---------------------------------------------------------------------------------------------------------


def test_the_newest_target_is_in_force_and_the_earlier_ones_stay(world: World) -> None:
    for year, reason in ((2028, "Der Förderzeitraum ist verlängert."), (2027, "Doch nur um ein Jahr.")):
        with world.by("office") as work:
            programme.set_target(work, dt.date(year, 12, 31), reason)  # both on the same day: the last one counts
    with world.look("office") as work:
        page = query.programme(work)
    assert [target.on.year for target in page.targets] == [2027, 2028, 2026, 2024, 2022]
    assert [target.current for target in page.targets] == [True, False, False, False, False]
    assert page.target.on == dt.date(2027, 12, 31)
    first = page.targets[0]
    words = "Doch nur um ein Jahr."
    assert (first.set_on, first.reason.de, first.reason.en) == (dt.date(2026, 11, 23), words, words)
    assert (first.who, first.source) == ("Office", None)


def test_a_reason_may_have_words_of_its_own_in_english(world: World) -> None:
    with world.by("office") as work:
        programme.set_target(work, dt.date(2027, 12, 31), "Verlängert.", reason_en="Prolonged.")
    with world.look("digi") as work:
        found = query.programme(work).targets[0]
    assert (found.reason.de, found.reason.en) == ("Verlängert.", "Prolonged.")
    assert found.who is None  # who of the Land decided is not told to everybody


@pytest.mark.parametrize("who", OTHERS)
def test_only_the_programme_office_decides_dates(world: World, who: str) -> None:
    before = contents(world)
    with pytest.raises(NotAllowed), world.by(who) as work:
        programme.set_target(work, dt.date(2027, 12, 31), "x")
    with pytest.raises(NotAllowed), world.by(who) as work:
        programme.move_wave(work, WAVE, LATER, "x")
    assert contents(world) == before


def test_a_day_is_target_only_once(world: World) -> None:
    with pytest.raises(Conflict) as refusal, world.by("office") as work:
        programme.set_target(work, dt.date(2026, 12, 31), "Wie bisher.")
    assert refusal.value.key == "error.conflict_target"


def test_a_target_needs_a_reason_and_a_day_to_come(world: World) -> None:
    for day, reason, fault in ((dt.date(2027, 12, 31), " ", "reason"), (dt.date(2026, 11, 23), "x", "due_on")):
        with pytest.raises(InvalidEvidence) as refusal, world.by("office") as work:
            programme.set_target(work, day, reason)
        assert set(refusal.value.faults) == {fault}


def test_a_target_is_set_by_who_saw_the_newest_one(world: World) -> None:
    with world.by("office") as work:
        programme.set_target(work, dt.date(2027, 12, 31), "x", seen=0)
    with pytest.raises(TaskHasMoved), world.by("office") as work:
        programme.set_target(work, dt.date(2028, 12, 31), "x", seen=0)
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Target)).scalar_one() == 4


# --- waves -----------------------------------------------------------------------------------------------------------


def test_the_cases_of_a_wave_follow_its_stichtag(world: World) -> None:
    case_id = _handed_over(world)
    before = world.row(case_id, "handover_rollout")
    assert before.due_on == dt.date(2027, 2, 16)
    with world.by("office") as work:
        moved = programme.move_wave(work, WAVE, LATER, "Die Betreiberin liefert später.", seen=0)
    assert (moved.version, moved.waiting) == (1, 1)
    assert world.row(case_id, "handover_rollout").due_on == dt.date(2027, 2, 16)  # not yet
    following.work_off(world.engine)
    task = world.row(case_id, "handover_rollout")
    assert (task.due_on, task.generation, task.version) == (LATER, before.generation + 1, before.version + 1)
    # 60 working days before 16 March: 11 in March, 20 in February, 20 in January, in December 31 to 28, 24 to 21 and 18
    assert task.remind_at is not None
    assert task.remind_at.date() == dt.date(2026, 12, 18)
    assert world.case(case_id).stichtag == LATER
    assert _acts(world, case_id)[-1] == "stichtag_moved"
    with world.look() as work:
        assert events.broken_at(work, case_id) is None


def test_an_extension_counts_from_the_new_stichtag(world: World) -> None:
    case_id = _handed_over(world)
    with world.by("supervisor") as work:
        tasks.extend(work, world.task(case_id, "handover_rollout"), 2, "Krank")
    with world.by("office") as work:
        programme.move_wave(work, WAVE, LATER, "x")
    following.work_off(world.engine)
    assert world.row(case_id, "handover_rollout").due_on == dt.date(2027, 3, 18)  # Tuesday and two working days


def test_a_case_with_a_stichtag_of_its_own_is_not_moved(world: World) -> None:
    case_id = _handed_over(world, stichtag="2027-02-23")
    before = (world.case(case_id), world.row(case_id, "handover_rollout"), _acts(world, case_id))
    assert before[1].due_on == dt.date(2027, 2, 23)
    with world.by("office") as work:
        programme.move_wave(work, WAVE, LATER, "x")
    following.work_off(world.engine)
    assert (world.case(case_id), world.row(case_id, "handover_rollout"), _acts(world, case_id)) == before


def test_a_follow_up_cut_off_is_resumed_and_done_once(world: World) -> None:
    case_id = _handed_over(world)
    with world.by("office") as work:
        programme.move_wave(work, WAVE, LATER, "x")
    with world.look() as work:
        ((followup_id, waiting),) = _pending(work)
    with suppress(_PowerCut), world.engine.change("system") as work:
        following._take_stichtag(work, followup_id, waiting)
        raise _PowerCut
    assert world.case(case_id).stichtag == dt.date(2027, 2, 16)
    assert following.work_off(world.engine) == 1
    assert following.work_off(world.engine) == 0
    with world.engine.change("system") as work:
        following._take_stichtag(work, followup_id, waiting)  # another scheduler had it in hand too
    assert _acts(world, case_id).count("stichtag_moved") == 1
    assert world.row(case_id, "handover_rollout").due_on == LATER


def test_a_wave_moved_twice_is_followed_to_the_last_date(world: World) -> None:
    case_id = _handed_over(world)
    for version, day in enumerate((LATER, dt.date(2027, 3, 23))):
        with world.by("office") as work:
            programme.move_wave(work, WAVE, day, "x", seen=version)
    assert following.work_off(world.engine) == 2
    assert world.row(case_id, "handover_rollout").due_on == dt.date(2027, 3, 23)
    assert _acts(world, case_id).count("stichtag_moved") == 1


def test_tasks_that_do_not_hang_on_the_stichtag_stay_as_they_are(world: World) -> None:
    case_id = _in_wave(world)
    before = _tasks(world, case_id)
    with world.by("office") as work:
        programme.move_wave(work, WAVE, LATER, "x")
    following.work_off(world.engine)
    assert _tasks(world, case_id) == before
    assert world.case(case_id).stichtag == LATER


def test_a_live_case_keeps_the_stichtag_it_was_delivered_on(world: World) -> None:
    case_id = _handed_over(world)
    world.walk(case_id)
    with world.by("office") as work:
        assert programme.move_wave(work, WAVE, LATER, "x").waiting == 0
    assert world.case(case_id).stichtag == dt.date(2027, 2, 16)


def test_moving_a_wave_is_refused_in_this_order(world: World) -> None:
    for who, key, day, reason, seen, error in (
        ("digi", "welle-1999", LATER, "", 7, NotFound),
        ("digi", WAVE, LATER, "", 7, TaskHasMoved),
        ("digi", WAVE, dt.date(2027, 2, 16), "", 0, NotAllowed),
        ("office", WAVE, dt.date(2027, 2, 16), "", 0, Conflict),
        ("office", WAVE, dt.date(2026, 11, 23), "x", 0, InvalidEvidence),
        ("office", WAVE, LATER, " ", 0, InvalidEvidence),
    ):
        with pytest.raises(error), world.by(who) as work:
            programme.move_wave(work, key, day, reason, seen=seen)
    with world.look() as work:
        assert work.session.execute(sa.select(Followup)).first() is None
        assert work.session.execute(sa.select(sa.func.max(Wave.seq))).scalar_one() == 0


def test_every_move_of_a_wave_is_told_with_its_reason(world: World) -> None:
    words = "Die Betreiberin liefert später."
    with world.by("office") as work:
        programme.move_wave(work, WAVE, LATER, words)
    with world.look("digi") as work:
        (move,) = query.programme(work).moves
    assert (move.before, move.on, move.reason, move.who) == (dt.date(2027, 2, 16), LATER, words, None)
    with world.look("auditor") as work:
        assert query.programme(work).moves[0].who == "Office"
        wave_id = work.session.execute(sa.select(Wave.id).where(Wave.key == WAVE)).scalar_one()
        assert events.broken_at(work, wave_id) is None
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Remark).values(text=None, salt=None))
    with world.look("digi") as work:
        assert query.programme(work).moves[0].reason is None
        assert events.broken_at(work, wave_id) is None


# --- milestones ------------------------------------------------------------------------------------------------------


def test_tasks_due_with_a_milestone_follow_its_date(world: World, tmp_path: Path) -> None:
    older = world.open("uvg", body=EMPTY_TOWN)  # no task of its process is due with a milestone
    _load_a_process_that_waits_for_the_contract(world, tmp_path)
    case_id = world.open("uvg")
    before = world.row(case_id, "express_interest")
    assert before.due_on == dt.date(2026, 12, 1)  # no date yet: six working days from 23 November
    with world.look() as work:
        milestone_id = work.session.execute(
            sa.select(Milestone.id).where(Milestone.service == "uvg", Milestone.kind == "land_contract")
        ).scalar_one()
    with world.by("office") as work:
        assert milestones.plan(work, milestone_id, dt.date(2027, 1, 15), "So vereinbart.").waiting == 1
    assert following.work_off(world.engine) == 1
    task = world.row(case_id, "express_interest")
    assert (task.due_on, task.generation) == (dt.date(2027, 1, 15), before.generation + 1)
    assert _acts(world, case_id)[-1] == "milestone_moved"
    assert "milestone_moved" not in _acts(world, older)
    with world.by("office") as work:
        assert milestones.plan(work, milestone_id, dt.date(2027, 1, 15), "Noch einmal dasselbe.").waiting == 0


def _load_a_process_that_waits_for_the_contract(world: World, folder: Path) -> None:
    copy = Path(shutil.copytree(DEFINITIONS, folder / "definitions"))
    first = copy / "processes/efa-onboarding/v1.yaml"
    text = first.read_text(encoding="utf-8").replace("version: 1", "version: 2", 1)
    head, name, task = text.partition("express_interest:")
    before, due, after = task.partition("due: ")
    rule = "{milestone: land_contract, otherwise: 6 working days}\n"
    changed = head + name + before + due + rule + after.partition("\n")[2]
    (first.parent / "v2.yaml").write_text(changed, encoding="utf-8")
    loading.load(world.engine, copy)


def _in_wave(world: World, **answers: str) -> UUID:
    """A case that has just chosen the wave of February."""
    case_id = world.open()
    world.bring(case_id, "choose_variant")
    world.do(case_id, "choose_variant", "team", connection_variant="fitconnect", wave=WAVE, **answers)
    return case_id


def _handed_over(world: World, **answers: str) -> UUID:
    """A case of that wave that waits to be handed over on its Stichtag, or on one of its own."""
    case_id = _in_wave(world, **answers)
    world.finish_state(case_id)
    world.satisfy(case_id)
    with world.by("team") as work:
        cases.advance(work, case_id, "contract")
    world.bring(case_id, "handover_rollout")
    following.work_off(world.engine)
    return case_id


def _acts(world: World, chain_id: UUID) -> list[str]:
    with world.look() as work:
        found = sa.select(Event.act).where(Event.chain_id == chain_id).order_by(Event.seq)
        return list(work.session.execute(found).scalars())


def _tasks(world: World, case_id: UUID) -> list[tuple[object, ...]]:
    with world.look() as work:
        found = sa.select(Task.__table__).where(Task.case_id == case_id).order_by(Task.name)
        return [tuple(row) for row in work.session.execute(found)]


class _PowerCut(Exception):
    """What these tests throw into the middle of a follow-up."""


def _pending(work: Work) -> list[tuple[UUID, UUID]]:
    waiting = sa.select(Followup.id, Followup.case_id).where(Followup.try_at.is_not(None))
    return [(row.id, row.case_id) for row in work.session.execute(waiting)]
