"""What always holds, whatever people do and wherever they are cut short."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

import sqlalchemy as sa

from tests.engine.scene import Scene
from workflow import history, requirements, texts
from workflow.casework import OPEN, CaseAtHand, TaskRow
from workflow.engine import SYSTEM, Work
from workflow.models import Case, Event, Hold
from workflow.queries import seen, standstill
from workflow.queries.seen import SeenCase

STATUSES = (*OPEN, "done", "waived", "obsolete", "declined")


def faults(scene: Scene) -> list[str]:
    """Everything that does not hold just now, in words."""
    found = [f"rows and history differ: {one}" for one in history.replay(scene.engine)]
    found += [f"the chain is broken: {one}" for one in history.verify(scene.engine)]
    with scene.engine.read(SYSTEM) as work:
        for case_id in work.session.execute(sa.select(Case.id).order_by(Case.number)).scalars().all():
            case = seen.look(work, case_id)
            found += [f"{case.row.number}: {fault}" for fault in (*_of_case(work, case), *_of_tasks(case))]
    return found


def taken(scene: Scene) -> list[str]:
    """Every transition history tells of is one the process permits, and each leads on from where the last one led;
    and there are words for every kind of entry."""
    process, found = scene.process(), []
    with scene.engine.read(SYSTEM) as work:
        acts = work.session.execute(sa.select(Event.act).where(Event.chain == "case").distinct()).scalars()
        found += [f"nobody can read what “{act}” is" for act in acts if not texts.knows("de", f"event.{act}")]
        moves = work.session.execute(
            sa.select(Event.chain_id, Event.act, Event.content)
            .where(Event.chain == "case", Event.act.in_(("advanced", "taken_over")))
            .order_by(Event.chain_id, Event.seq)
        ).all()
    stands: dict[UUID, str] = {}
    for case_id, act, content in moves:
        said = json.loads(content)
        if act == "taken_over":
            stands[case_id] = said["target"]
            continue
        move = process.transitions[said["transition"]]
        before = stands.get(case_id, process.initial)
        if said["source"] != before or said["source"] not in move.from_ or said["target"] != move.to:
            found.append(f"{case_id}: {said} does not lead on from {before}")
        stands[case_id] = said["target"]
    return found


def _of_case(work: Work, case: SeenCase) -> Iterator[str]:
    row, state = case.row, case.process.states.get(case.row.state)
    if state is None:
        yield f"there is no state {row.state}"
        return
    if state.end != (row.ended_on is not None):
        yield f"it stands in {row.state} and ended on {row.ended_on}"
    if state.goal and row.live_on is None:
        yield "it is at its goal and never went live"
    query = sa.select(sa.func.count()).select_from(Hold).where(Hold.case_id == row.id, Hold.ended_on.is_(None))
    resting = work.session.execute(query).scalar_one()
    if resting != int(row.rests):
        yield f"rests: {row.rests}, pauses that last: {resting}"
    if row.ended_on is None and not _is_expected(case):
        yield "it is open, nobody is expected to act and nothing is named that it waits for"
    case.learn_names([task.holder_id for task in case.tasks.values()])
    yield from _of_answer(standstill.of_case(case), ended=row.ended_on is not None)


def _of_answer(answer: standstill.Standstill, *, ended: bool) -> Iterator[str]:
    """Why it does not move can always be said: who must act or what is waited for, in words of both languages."""
    if (answer.kind == "ended") != ended:
        yield f"why it does not move: {answer.kind}"
    if not answer.causes and answer.kind not in ("live", "ended"):
        yield f"it {answer.kind}, and no cause is named"
    for one in answer.causes:
        if one.party is None and not one.facts.get("external") and one.kind != "round":
            yield f"nobody is named who must act: {one.key}"
    try:
        standstill.plain("", answer)
    except (KeyError, LookupError, ValueError) as error:
        yield f"there are no words for why it does not move: {error!r}"


def _is_expected(case: CaseAtHand) -> bool:
    """Somebody is expected to act on it, or something is named that it waits for and somebody who looks after that."""
    if case.row.rests or case.process.states[case.row.state].goal:
        return True
    if any(task.acting is not None and case.in_charge(task.acting, task) for task in case.tasks.values()):
        return True
    for move in case.process.transitions.values():
        if case.row.state not in move.from_ or move.back:
            continue
        unmet = requirements.unmet(case, move.requires)
        if unmet and all(reason.who and case.in_charge(reason.who) for reason in unmet):
            return True
        if not unmet and any(case.in_charge(role) for role in move.by):
            return True
    return False


def _of_tasks(case: CaseAtHand) -> Iterator[str]:
    for task in case.tasks.values():
        for fault in _of_task(case, task):
            yield f"{task.key} ({task.status}): {fault}"


def _of_task(case: CaseAtHand, task: TaskRow) -> Iterator[str]:
    here = task.state == case.row.state and case.row.ended_on is None
    if task.status not in STATUSES:
        yield "there is no such status"
    if task.is_open and not here:
        yield f"it is open in {task.state}, the case stands in {case.row.state}"
    asked = task.status in ("ready", "accepted", "submitted")
    left = task.status == "declined" and not task.optional and here
    if (task.acting is not None) != (asked or left):
        yield f"acting is {task.acting}"
    if task.status in ("ready", "accepted") and task.acting != task.owner:
        yield f"{task.acting} acts, {task.owner} owns it"
    if task.acting is not None and task.counted_from is None:
        yield "its date counts from nowhere"
    if task.acting is None and task.remind_at is not None:
        yield "somebody is reminded although nobody acts"
    if case.row.rests and task.remind_at is not None:
        yield "somebody is reminded although the case rests"
    if task.status in ("accepted", "submitted") and task.holder_id is None:
        yield "nobody has it"
    settled = task.status in ("done", "obsolete", "waived")
    if not settled and (task.status == "submitted") != (task.submitted_by is not None):
        yield f"submitted by {task.submitted_by}"
    if task.status != "declined" and (task.ended_on is not None) != settled:
        yield f"ended on {task.ended_on}"
