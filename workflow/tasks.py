"""What can be done with a task of a case.

waiting → ready → accepted → submitted → done; declined, waived and obsolete beside that road. Submitting completes at
once unless the definition names a second person who confirms. What depends on an answer follows it whenever it changes.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from workflow import evidence, policy, prerequisites, registers, requirements
from workflow.casework import (
    CaseAtHand,
    LockedCase,
    TaskRow,
    ad_hoc,
    earlier_answers,
    insist_may_extend,
    insist_task_unmoved,
    insist_unmoved,
    key_of,
    load_tasks,
    lock,
    lock_by_task,
    names,
    participants,
    said_of_place,
)
from workflow.definition import (
    AD_HOC,
    TASK_OWNERS,
    EvidenceField,
    OfMilestone,
    Option,
    Promised,
    Stichtag,
    Text,
    Transition,
)
from workflow.definition import Task as TaskDefinition
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import (
    Busy,
    Conflict,
    InvalidEvidence,
    NotAllowed,
    NotFound,
    Refused,
    SecondPersonNeeded,
    TaskNotAvailable,
)
from workflow.evidence import NOTHING, Choices, Given
from workflow.models import AdHoc, ChecklistItem, Extension, Recording, Task, Wave

log = logging.getLogger(__name__)

MOST_AD_HOC = 60
"""Working days a task somebody adds may take."""

AD_HOC_FIELDS = {
    "title": EvidenceField(type="text", title=Text(de="Aufgabe", en="Task")),
    "help": EvidenceField(type="long_text", title=Text(de="Was ist zu tun?", en="What is to be done?"), required=False),
}

REOPENERS = ("umsetzungsteam", "supervisor")
"""Who asks for a done task once more."""

_WHEN = {
    "confirm": ("submitted",),
    "record": ("ready", "accepted"),
    "submit": ("ready", "accepted"),
    "accept": ("ready",),
    "tick": ("ready", "accepted"),
    "hand_back": ("declined",),
    "send_back": ("submitted",),
    "hand_on": ("accepted",),
    "take_back": ("accepted",),
    "release": ("accepted",),
    "assign": ("ready", "accepted"),
    "decline": ("ready", "accepted"),
    "follow_up": ("ready", "accepted", "submitted", "declined"),
    "extend": ("ready", "accepted", "submitted", "declined"),
    "reopen": ("done",),
    "withdraw": ("ready", "accepted", "submitted", "declined"),
    "waive": ("waiting", "ready", "accepted", "submitted", "declined"),
}
"""In which status a deed can be done, in the order in which a page offers the deeds."""


TOLD = {
    "means": EvidenceField(
        type="choice",
        title=Text(de="Wie haben Sie es erfahren?", en="How did you learn of it?"),
        options={
            "phone": Option(Text(de="am Telefon", en="by phone")),
            "mail": Option(Text(de="per E-Mail", en="by e-mail")),
            "letter": Option(Text(de="per Brief", en="by letter")),
            "meeting": Option(Text(de="in einem Gespräch", en="in a meeting")),
        },
    ),
    "told_on": EvidenceField(type="date", title=Text(de="Wann?", en="When?")),
    "told_by": EvidenceField(
        type="text",
        title=Text(de="Von wem?", en="From whom?"),
        help=Text(de="Am besten die Rolle, zum Beispiel „Fachamt“.", en="Best the role, for example ‘department’."),
    ),
}
"""What `record` asks beside the task's own fields."""


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task after a deed."""

    id: UUID
    case_id: UUID
    name: str
    title: Text
    status: str
    version: int


def accept(work: Work, task_id: UUID, *, seen: int | None = None) -> TaskView:
    """Claim a task: it is now this person's, or that of whom the person stands in for.

    Raises NotFound, TaskHasMoved, TaskNotAvailable (not ready, or a colleague has it) or NotAllowed, in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "accept")
    standing = _insist_standing(case, task)

    case.update(task, status="accepted", holder_id=standing.on_behalf_of or work.actor.id)
    _say(case, task, standing)
    case.record("accepted")
    return _view(case, task)


def assign(work: Work, task_id: UUID, to: UUID, *, seen: int | None = None) -> TaskView:
    """Hand a task to a named person who may act on it.

    Leitung assigns any task of the body, digi any but leitung's, a supervisor any of the team's cases. The person
    learns of it by mail. Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed or Refused (that person may not
    act on it), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "assign")
    standing = policy.insist_may_assign(work.actor, task.acting or task.owner, task)
    if to not in eligible(case, task):
        raise Refused("error.cannot_be_assigned")

    case.update(task, status="accepted", holder_id=to)
    _say(case, task, standing, to=to)
    case.notify("asked", [to], kind="task", subject_id=task.id, task=task.name, due=task.due_on)
    case.record("assigned")
    return _view(case, task)


def hand_on(work: Work, task_id: UUID, to: UUID, note: str = "", *, seen: int | None = None) -> TaskView:
    """Give a task one has accepted to a colleague who may act on it, perhaps with a note. Its due date stays.

    The colleague learns of it by mail; whoever handed it on may take it back until it is handed in. Raises NotFound,
    TaskHasMoved, TaskNotAvailable (nobody has accepted it, or a colleague has), NotAllowed, Refused (that person may
    not act on it, or has it) or InvalidEvidence (a note that cannot be kept), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "hand_on")
    standing = _insist_standing(case, task)
    if not policy.is_ours(work.actor, task.holder_id, task):
        raise TaskNotAvailable(deed="hand_on", status=task.status)
    if to == task.holder_id or to not in eligible(case, task):
        raise Refused("error.cannot_be_handed_on")
    words = note_of(note)

    case.update(task, holder_id=to, handed_on_by=task.holder_id)
    if words:
        case.remark(words)
    _say(case, task, standing, to=to)
    case.notify("handed_on", [to], kind="task", subject_id=task.id, task=task.name, due=task.due_on)
    case.record("handed_on")
    return _view(case, task)


def take_back(work: Work, task_id: UUID, *, seen: int | None = None) -> TaskView:
    """Have a task again that one handed on, as long as it has not been handed in.

    Raises NotFound, TaskHasMoved, TaskNotAvailable (nobody holds it) or NotAllowed (the actor did not hand it on, or
    may not act on it any more), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "take_back")
    if not _may(case, task, "take_back"):
        raise NotAllowed(roles=(task.acting or task.owner,))

    colleague, giver = task.holder_id, task.handed_on_by
    case.update(task, holder_id=giver)
    _say(case, task, None, **_in_place_of(case, giver))
    if colleague is not None:
        case.notify("taken_back", [colleague], kind="task", subject_id=task.id, task=task.name)
    case.record("taken_back")
    return _view(case, task)


def release(work: Work, task_id: UUID, *, seen: int | None = None) -> TaskView:
    """Give up a task that was accepted: it is free again, or back with whoever handed it on. Its due date stays.

    The holder may, a supervisor of the team, and who may assign it at the body. Whoever can act now learns of it by
    mail, and so does the holder if somebody else released it. Raises NotFound, TaskHasMoved, TaskNotAvailable or
    NotAllowed, in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "release")
    if not _may(case, task, "release"):
        raise NotAllowed(roles=("body.leitung", "body.digi", "supervisor"))

    holder = task.holder_id
    giver = task.handed_on_by if task.handed_on_by in eligible(case, task) else None
    case.update(task, status="accepted" if giver else "ready", holder_id=giver)
    _say(case, task, None, **({"to": giver} if giver else {}), **_said_of_releasing(case, task, holder))
    act = "returned" if giver else "released"
    able = [giver] if giver else [person for person in to_act(case, task) if person != holder]
    case.notify(act, able, kind="task", subject_id=task.id, task=task.name, due=task.due_on)
    if holder is not None and holder not in able:
        case.notify("taken_back", [holder], kind="task", subject_id=task.id, task=task.name)
    case.record(act)
    return _view(case, task)


def tick(work: Work, task_id: UUID, points: Collection[str], *, done: bool = True, seen: int | None = None) -> TaskView:
    """Tick points of a task's checklist, or take ticks back; kept at once. What is so already stays as it is.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed or NotFound (no such point), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "tick")
    standing = _insist_standing(case, task)
    if not {*points} <= case.definition_of(task).checklist.keys():
        raise NotFound(what="point")

    known = ticks(work, [task.id]).get(task.id, {})
    changing = [name for name in dict.fromkeys(points) if (name in known and known[name].at is not None) != done]
    if not changing:
        return _view(case, task)
    values = {"ticked_by": work.actor.id, "ticked_at": work.now} if done else {"ticked_by": None, "ticked_at": None}
    for name in changing:
        if name in known:
            case.amend(ChecklistItem, known[name].id, **values)
        else:
            case.put(ChecklistItem, uuid4(), task_id=task.id, name=name, **values)
    _say(case, task, standing, points=changing)
    case.record("ticked" if done else "unticked")
    return _view(case, task)


@dataclass(frozen=True, slots=True)
class Tick:
    """A point of a checklist somebody ticked at least once; `at` is None while it is not ticked."""

    id: UUID
    by: UUID | None
    at: dt.datetime | None


def ticks(work: Work, of: Collection[UUID]) -> dict[UUID, dict[str, Tick]]:
    """What was ticked in these tasks, by task and name of the point."""
    found: dict[UUID, dict[str, Tick]] = {}
    query = sa.select(
        ChecklistItem.task_id, ChecklistItem.name, ChecklistItem.id, ChecklistItem.ticked_by, ChecklistItem.ticked_at
    ).where(ChecklistItem.task_id.in_(of))
    for task_id, name, item_id, by, at in work.session.execute(query) if of else ():
        found.setdefault(task_id, {})[name] = Tick(item_id, by, at)
    return found


def unticked(work: Work, task: TaskRow, definition: TaskDefinition) -> list[Text]:
    """The points that are still to be ticked before the task can be handed in."""
    if not definition.checklist:
        return []
    known = ticks(work, [task.id]).get(task.id, {})
    return [title for name, title in definition.checklist.items() if name not in known or known[name].at is None]


def follow_up(work: Work, task_id: UUID, on: dt.date | None, *, seen: int | None = None) -> TaskView:
    """Put a task aside until a day, or (None) have it back at once. Due date and reminders stay as they are.

    On that day it stands where it stood, and who set the day learns of it by mail. Raises NotFound, TaskHasMoved,
    TaskNotAvailable, NotAllowed or Refused (not a working day to come), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "follow_up")
    standing = _insist_standing(case, task)
    if on is None and task.follow_up_on is None:
        raise TaskNotAvailable(deed="follow_up", status=task.status)
    if on is not None and not (on > work.today and work.catalogue.calendar.is_working_day(on)):
        raise Refused("error.follow_up_day")

    case.update(task, follow_up_on=on, follow_up_by=work.actor.id if on else None)
    _say(case, task, standing, **({"on": on} if on else {}))
    case.record("put_aside" if on else "taken_up")
    return _view(case, task)


def bring_up(engine: Engine) -> int:
    """Bring tasks back whose follow-up day has come, and tell who set it; returns how many.

    Running it twice, late or on several machines at once brings none back twice. One that fails is logged and left to
    the next pass. Raises Busy when another writer keeps the database.
    """
    brought = 0
    with engine.read(SYSTEM) as work:
        query = sa.select(Task.id).where(Task.follow_up_on <= work.today).order_by(Task.case_id, Task.id)
        found = list(work.session.execute(query).scalars())
    for task_id in found:
        try:
            with engine.change(SYSTEM) as work:
                brought += _bring_up(work, task_id)
        except (Busy, OperationalError):
            raise
        except Exception:
            log.exception("task %s could not be brought up again; the next pass tries it", task_id)
    return brought


def _bring_up(work: Work, task_id: UUID) -> bool:
    case, task = lock_by_task(work, task_id)
    if task.follow_up_on is None or task.follow_up_on > work.today:
        return False
    who = task.follow_up_by
    told = [who] if who is not None and who in eligible(case, task) else to_act(case, task)
    case.update(task, follow_up_on=None, follow_up_by=None)
    _say(case, task, None)
    case.notify("follow_up", told, kind="task", subject_id=task.id, task=task.name, due=task.due_on)
    case.record("brought_up")
    return True


def submit(
    work: Work,
    task_id: UUID,
    given: Given = NOTHING,
    *,
    seen: int | None = None,
    together: UUID | None = None,
) -> TaskView:
    """Hand in what the task asks for; done at once, or shown to the second person who confirms.

    A ready task is accepted first; what its checklist names must be ticked. `together`: the id of one decision for
    several cases, which only their co-ordinator takes, for the own body too. Raises NotFound, TaskHasMoved,
    TaskNotAvailable, NotAllowed, Refused (not co-ordinated) or InvalidEvidence, in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "submit")
    standing = _insist_standing(case, task)
    if together is not None:
        if policy.coordinates(work.actor, task.owner, task) is None:
            raise Refused("error.not_coordinated")
        case.say(together=together)
    return _hand_in(case, task, standing, given)


def record(
    work: Work, task_id: UUID, given: Given = NOTHING, *, told: Given = NOTHING, seen: int | None = None
) -> TaskView:
    """Enter, as the case's team, what a body told about one of its tasks although somebody there holds the role.

    `told` says who told it, when and by what means (`TOLD`). What is `leitung`'s needs the signed document. The body's
    people learn of it; where a second person confirms, `leitung` or `digi` of the body does. Raises NotFound,
    TaskHasMoved, TaskNotAvailable, NotAllowed or InvalidEvidence, in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "record")
    standing = policy.recording(work.actor, task.owner, task)
    if standing is None:
        raise NotAllowed(roles=("umsetzungsteam",))
    answers = {answer.field: answer.value for answer in evidence.read(TOLD, told)}
    if isinstance(answers["told_on"], dt.date) and answers["told_on"] > work.today:
        raise InvalidEvidence({"told_on": ("evidence.in_future", {})})

    case.put(
        Recording,
        uuid4(),
        task_id=task.id,
        attempt=task.attempt,
        means=answers["means"],
        told_on=answers["told_on"],
        told_by=case.remark(str(answers["told_by"])),
    )
    people = case.in_charge(task.owner, task)
    case.notify("recorded", people, kind="task", subject_id=task.id, task=task.name)
    return _hand_in(case, task, standing, given)


def _hand_in(case: LockedCase, task: TaskRow, standing: policy.Standing, given: Given) -> TaskView:
    """What submitting comes to, in whatever standing."""
    work, definition = case.work, case.definition_of(task)
    if points := unticked(work, task, definition):
        raise InvalidEvidence({"checklist": ("evidence.unticked", {"points": points, "n": len(points)})})
    asked = asked_of(definition, task, standing)
    earlier = earlier_answers(work, "task", task.id) if task.attempt > 1 else {}
    asked = {name: field for name, field in asked.items() if is_asked(task, name, earlier) or name in given}
    answers = evidence.read(asked, given, choices=choices(work, case.row.service, asked), earlier=earlier)

    case.keep(
        answers,
        asked,
        kind="task",
        subject_id=task.id,
        source=task.name,
        attempt=task.attempt,
        earlier=earlier,
        body=case.speaker(task),
    )
    _say(case, task, standing)
    if definition.confirm is None:
        case.update(task, submitted_for=standing.on_behalf_of)
        _complete(case, task, holder_id=work.actor.id, submitted_by=work.actor.id, recorded=standing.for_the_body)
        case.record("completed")
    else:
        case.update(
            task,
            status="submitted",
            holder_id=work.actor.id,
            submitted_by=work.actor.id,
            submitted_for=standing.on_behalf_of,
            recorded_for_body=standing.for_the_body,
            acting=_confirmer(case, task, definition, standing),
        )
        case.clock(task, start=True)
        case.notify(
            "confirm_asked",
            case.in_charge(task.acting or definition.confirm, task),
            kind="task",
            subject_id=task.id,
            task=task.name,
            due=task.due_on,
        )
        settle(case)
        case.record("submitted")
    return _view(case, task)


def confirm(work: Work, task_id: UUID, *, seen: int | None = None) -> TaskView:
    """Say as a second person that what was submitted is right.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed or SecondPersonNeeded (who submitted may not confirm),
    in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "confirm")
    standing = _insist_standing(case, task)
    _insist_second_person(case, task, standing)

    _say(case, task, standing)
    if task.submitted_by is not None:
        case.notify("confirmed", [task.submitted_by], kind="task", subject_id=task.id, task=task.name)
    _complete(case, task)
    case.record("confirmed")
    return _view(case, task)


def send_back(
    work: Work, task_id: UUID, reason: str, redo: Collection[str] = (), *, seen: int | None = None
) -> TaskView:
    """Ask for more: the task is open again for who submitted it, as a further attempt whose deadline counts anew.

    `redo` names the fields to be answered again, none: all of them. Other answers stand, in the revision they have,
    unless they are changed. Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed, SecondPersonNeeded or
    InvalidEvidence (no reason, no such field), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "send_back")
    standing = _insist_standing(case, task)
    _insist_second_person(case, task, standing)
    words = reason_of(reason)
    fields = [name for name in asked_of(case.definition_of(task), task, None) if name in redo]
    if not {*redo} <= {*fields}:
        raise InvalidEvidence({"redo": ("evidence.not_an_option", {"title": evidence.REASON.title})})

    submitted_by = task.submitted_for or task.submitted_by
    case.update(
        task,
        status="accepted",
        holder_id=submitted_by or task.holder_id,
        acting=task.owner,
        attempt=task.attempt + 1,
        submitted_by=None,
        submitted_for=None,
        recorded_for_body=False,
        redo=",".join(fields) or None,
    )
    case.clock(task, start=True)
    case.remark(words)
    _say(case, task, standing)
    recipients = [submitted_by] if submitted_by else list(case.in_charge(task.owner, task))
    case.notify("sent_back", recipients, kind="task", subject_id=task.id, task=task.name, due=task.due_on)
    case.record("sent_back")
    return _view(case, task)


def decline(work: Work, task_id: UUID, reason: str, *, seen: int | None = None) -> TaskView:
    """Say that this will not be done, and why. An optional task is settled by it, a mandatory one goes to the team.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed or InvalidEvidence (no reason), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "decline")
    standing = _insist_standing(case, task)
    words = reason_of(reason)

    case.remark(words)
    _say(case, task, standing)
    if task.optional:
        _stop(case, task, "declined")
        settle(case)
        tell_when_ready_to_move(case)
    else:
        case.update(task, status="declined", acting="umsetzungsteam", holder_id=None)
        case.clock(task, start=True)
        case.notify(
            "declined",
            case.in_charge("umsetzungsteam"),
            kind="task",
            subject_id=task.id,
            task=task.name,
            due=task.due_on,
        )
    case.record("declined")
    return _view(case, task)


def hand_back(work: Work, task_id: UUID, reason: str, *, seen: int | None = None) -> TaskView:
    """Give a declined mandatory task back to its owner; its deadline counts anew.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed or InvalidEvidence (no reason), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "hand_back")
    standing = policy.insist(work.actor, ("umsetzungsteam", "supervisor"), task)
    words = reason_of(reason)

    case.update(task, status="ready", acting=task.owner, holder_id=None)
    case.clock(task, start=True)
    case.remark(words)
    _say(case, task, standing)
    case.notify(
        "handed_back",
        case.in_charge(task.owner, task),
        kind="task",
        subject_id=task.id,
        task=task.name,
        due=task.due_on,
    )
    case.record("handed_back")
    return _view(case, task)


def waive(work: Work, task_id: UUID, reason: str, *, seen: int | None = None) -> TaskView:
    """Decide as supervisor that the case goes on without this task.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed or InvalidEvidence (no reason), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "waive")
    standing = policy.insist(work.actor, ("supervisor",), task)
    words = reason_of(reason)

    case.remark(words)
    _say(case, task, standing)
    _stop(case, task, "waived")
    settle(case)
    tell_when_ready_to_move(case)
    case.record("waived")
    return _view(case, task)


def extend(work: Work, task_id: UUID, working_days: int, reason: str, *, seen: int | None = None) -> TaskView:
    """Move the due date of an open task by some working days, as supervisor, with a reason; a ledger keeps each time.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed, InvalidEvidence (no reason) or Refused (not 1 to 60
    days, more than the programme allows one attempt in all, or past the day a law sets), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "extend")
    standing = policy.insist(work.actor, ("supervisor",), task)
    words = reason_of(reason)
    ledger = (Extension.case_id == case.row.id, Extension.task_id == task.id, Extension.attempt == task.attempt)
    insist_may_extend(work, working_days, *ledger)
    _insist_before_law(case, task, working_days)

    case.extend(task, working_days, case.remark(words))
    case.clock(task)
    _say(case, task, standing, days=working_days)
    case.record("extended")
    return _view(case, task)


def _insist_before_law(case: LockedCase, task: TaskRow, working_days: int) -> None:
    """Raises Refused for a date later than the one a law sets: nobody here can extend that."""
    by_law = case.statutory(task)
    later = case.work.catalogue.calendar.add(task.due_on or case.work.today, working_days)
    if by_law is not None and later > by_law.date:
        raise Refused("error.extension_by_law", day=by_law.date)


def reopen(work: Work, task_id: UUID, reason: str, *, seen: int | None = None) -> TaskView:
    """Ask for a done task once more while the case is still in its state, so that an answer can be corrected.

    It is with whoever did it, or with its owner, as a further attempt; earlier answers stay and stand until others are
    given. What comes after it and has not been begun waits again. Raises NotFound, TaskHasMoved, TaskNotAvailable (not
    done, or the case has left its state), NotAllowed or InvalidEvidence (no reason), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "reopen")
    if task.state != case.row.state:
        raise TaskNotAvailable(deed="left", status=task.status)
    standing = policy.insist(work.actor, REOPENERS, task)
    words = reason_of(reason)

    in_charge = case.in_charge(task.owner, task)
    holder = task.holder_id if task.holder_id in in_charge else None
    case.update(
        task,
        status="accepted" if holder else "ready",
        acting=task.owner,
        attempt=task.attempt + 1,
        holder_id=holder,
        submitted_by=None,
        submitted_for=None,
        recorded_for_body=False,
        ended_on=None,
    )
    case.clock(task, start=True)
    case.remark(words)
    _say(case, task, standing)
    recipients = [holder] if holder else in_charge
    case.notify("reopened", recipients, kind="task", subject_id=task.id, task=task.name, due=task.due_on)
    settle(case)
    case.record("reopened")
    return _view(case, task)


def add_ad_hoc(
    work: Work,
    case_id: UUID,
    title: str,
    what: str = "",
    *,
    owner: str,
    working_days: int,
    mandatory: bool = True,
    seen: int | None = None,
) -> TaskView:
    """Add a task to one case that no process foresees; it is ready at once, and who is in charge learns of it.

    A mandatory one keeps the case in its state until it is settled. Its title and `what` is to be done are free text:
    neither mails nor the chain hold them. Raises NotFound, CaseHasMoved, Conflict (the case has ended), NotAllowed,
    InvalidEvidence (title or words cannot be kept) or Refused (no such owner, not 1 to 60 days), in this order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    if case.row.ended_on is not None:
        raise Conflict(what="ended")
    if not policy.may_add_task(work.actor, owner, case.row):
        raise NotAllowed(roles=("umsetzungsteam", "supervisor", "body.digi", "body.leitung"))
    answers = evidence.read(AD_HOC_FIELDS, {"title": title, "help": what})
    if owner not in TASK_OWNERS:
        raise Refused("error.ad_hoc_owner")
    if not 1 <= working_days <= MOST_AD_HOC:
        raise Refused("error.ad_hoc_days", most=MOST_AD_HOC)

    text = "\n\n".join(str(answer.value) for answer in answers)
    definition = ad_hoc(work, text, working_days, owner, not mandatory)
    task = _new(case, AD_HOC, case.row.state, definition)
    task.scope = task.id.hex[:8]
    case.added()[task.id] = definition
    case.add(task)
    case.put(AdHoc, task.id, working_days=working_days, remark_id=case.remark(text), added_by=work.actor.id)
    _make_ready(case, task, definition)
    _say(case, task, None, **_said_of_adding(case, owner, case.row))
    case.record("task_added")
    return _view(case, task)


def withdraw(work: Work, task_id: UUID, reason: str, *, seen: int | None = None) -> TaskView:
    """Take a task out again that somebody added to the case. What was answered in it stays.

    Raises NotFound, TaskHasMoved, TaskNotAvailable (a task of the process, or settled), NotAllowed or InvalidEvidence
    (no reason), in this order.
    """
    case, task = lock_by_task(work, task_id)
    insist_task_unmoved(task, seen)
    _insist_status(task, "withdraw")
    if not policy.may_add_task(work.actor, task.owner, task):
        raise NotAllowed(roles=("umsetzungsteam", "supervisor", "body.digi", "body.leitung"))
    words = reason_of(reason)

    told = [task.holder_id] if task.holder_id else case.in_charge(task.acting or task.owner)
    case.remark(words)
    _say(case, task, None, **_said_of_adding(case, task.owner, task))
    case.notify("not_needed", told, kind="task", subject_id=task.id, task=task.name)
    _stop(case, task, "obsolete")
    tell_when_ready_to_move(case)
    case.record("task_withdrawn")
    return _view(case, task)


# --- what a page offers ----------------------------------------------------------------------------------------------


def deeds(case: CaseAtHand, task: TaskRow) -> tuple[str, ...]:
    """What this actor may do with a task now: exactly the deeds that would not be refused for status or rights."""
    return tuple(
        deed
        for deed in _WHEN
        if _is_time_for(task, deed) and (deed != "reopen" or task.state == case.row.state) and _may(case, task, deed)
    )


def standing_of(case: CaseAtHand, task: TaskRow) -> policy.Standing | None:
    """In what standing the actor may work on a task; None when not at all, or while a colleague has accepted it."""
    actor, found = case.work.actor, list(case.standings(task.acting or task.owner, task))
    if task.status == "accepted" and task.holder_id is not None:
        for person, capacity in actor.capacities():
            if task.holder_id == (person or actor.id):
                own = next((one for one in found if one.on_behalf_of == person), None)
                who = actor if person is None else capacity
                return own or policy.standing_of_assignee(who, task.owner, task, on_behalf_of=person)
        if _is_with_colleague(case, task):
            return None
    if task.status == "submitted":
        return next((one for one in found if is_second_person(case, task, one)), next(iter(found), None))
    return next(iter(found), None)


def waits_for_actor(case: CaseAtHand, task: TaskRow) -> bool:
    """Whether the actor is asked to do something with a task: `policy.tasks_to_do`, asked of one at hand."""
    if task.acting is None:
        return False
    found = standing_of(case, task)
    return found is not None and (task.status != "submitted" or is_second_person(case, task, found))


def is_second_person(case: CaseAtHand, task: TaskRow, standing: policy.Standing) -> bool:
    """Whether the actor, and whom the actor stands in for, are other humans than those who handed the task in."""
    acts = (case.work.actor.id, standing.on_behalf_of)
    return policy.are_four_eyes(acts, (task.submitted_by, task.submitted_for), case.humans)


def to_act(case: CaseAtHand, task: TaskRow) -> tuple[UUID, ...]:
    """Everybody who is expected to act on a task now, after fallback."""
    return case.in_charge(task.acting or task.owner, task)


def eligible(case: CaseAtHand, task: TaskRow) -> set[UUID]:
    """Who may be given a task: who is in charge of it, and at a body everybody who holds any role there."""
    people = set(to_act(case, task))
    if task.owner.startswith("body."):
        people |= {holder.person_id for holder in case.holders(task) if policy.stands_for_body(holder, task)}
    if case.work.actor.id is not None and task.team in case.work.actor.teams("supervisor"):
        people |= {holder.person_id for holder in case.holders(task) if holder.team == task.team}
    return people


# --- used by the deeds of cases --------------------------------------------------------------------------------------


def enter(case: LockedCase, state: str, reopens: tuple[str, ...] = ()) -> None:
    """Open the tasks of a state: all of them the first time; later those not done and those in `reopens`, anew."""
    case.tasks = {}
    if not case.is_new:
        load_tasks(case, state)
    for name, definition in case.process.states[state].tasks.items():
        for body in _bodies_of(case, definition):
            task = case.tasks.get(key_of(name, body))
            if task is None:
                case.add(_new(case, name, state, definition, body))
            elif task.status != "done" or name in reopens:
                _open_anew(case, task)
    settle(case)


def open_for(case: LockedCase, bodies: Sequence[str]) -> None:
    """Open the tasks of the present state for bodies that have just begun to take part; what they did before stays."""
    there = {*bodies, *_participants(case)}
    case.takes_part = frozenset(there)
    for name, definition in case.process.states[case.row.state].tasks.items():
        for body in bodies if definition.of_participants else ():
            task = case.tasks.get(key_of(name, body))
            if task is None:
                case.add(_new(case, name, case.row.state, definition, body))
            elif task.status != "done":
                _open_anew(case, task)
    settle(case)


def close_for(case: LockedCase, body: str) -> None:
    """A body takes no part any more: its open tasks fall away."""
    case.takes_part = frozenset(_participants(case)) - {body}
    for task in case.tasks.values():
        if task.scope == body and task.body == body and (task.is_open or task.acting is not None):
            _stop(case, task, "obsolete")
    settle(case)
    tell_when_ready_to_move(case)


def close_open(case: LockedCase) -> None:
    """Leaving a state: every open task becomes obsolete, and nobody is asked for anything there any more."""
    for task in case.tasks.values():
        if task.is_open:
            _stop(case, task, "obsolete")
        elif task.acting is not None:
            case.update(task, acting=None, remind_at=None, rung=None)


def settle(case: LockedCase) -> bool:
    """Bring the tasks of the present state to where the answers given so far put them; says whether any moved.

    A task waits until what comes before it is settled; then it is ready, or obsolete where its condition does not hold.
    That holds both ways: another answer makes open tasks obsolete, whoever has them learns of it, and brings obsolete
    ones back. What is done or waived stays. Conditions ask for answers only, and each task is looked at once, after
    those before it: so this ends, and the order in which answers came makes no difference.
    """
    definitions = case.process.states[case.row.state].tasks
    moved = False
    for name in _in_order(definitions):
        for task in case.instances(name):
            moved = _follow(case, task, definitions[name]) or moved
    return _redate(case) or moved


def _redate(case: LockedCase) -> bool:
    """Dates that hang on an answer follow it: what was promised, and when the period of a law began."""
    moved = False
    for task in case.tasks.values():
        definition = case.definition_of(task)
        hangs = isinstance(definition.due, Promised) or definition.statutory is not None
        if not hangs or task.acting is None or task.counted_from is None:
            continue
        if isinstance(definition.due, Promised) and task.promised_on and case.is_new_answer(definition.due.promised):
            case.update(task, promised_on=None)  # whoever says a date now knows better
        if case.due_of(task, task.counted_from).date != task.due_on:
            case.clock(task)
            moved = True
    return moved


def reclock(case: LockedCase) -> None:
    """Work out anew when open tasks are due: after a hold, or when a Stichtag changed."""
    for task in case.tasks.values():
        if task.acting is not None:
            case.clock(task)


def take_stichtag(case: LockedCase) -> bool:
    """Take over the Stichtag of the case's wave unless an answer gave the case one of its own; says whether it moved.

    The wave cannot move meanwhile: who moves it waits, and then finds this case among those that follow.
    """
    facts = case.facts()
    own = any(
        field.sets == "stichtag" and f"{name}.{asked}" in facts
        for _, name, definition in case.process.tasks()
        for asked, field in definition.evidence.items()
    )
    if own:
        return False
    query = sa.select(Wave.stichtag).where(Wave.key == case.row.wave).with_for_update(read=True)
    stichtag = case.work.session.execute(query).scalar()
    moved = stichtag != case.row.stichtag
    if moved:
        case.set(stichtag=stichtag)
    return moved


def reschedule(case: LockedCase) -> bool:
    """Set open tasks to the date of the wave or milestone they are due with; others stay. Says whether any moved."""
    moved = False
    for task in case.tasks.values():
        rule, _ = case.rule_of(task)
        if task.acting is None or task.counted_from is None or not isinstance(rule, Stichtag | OfMilestone):
            continue
        if case.due_of(task, task.counted_from).date != task.due_on:
            case.clock(task)
            moved = True
    return moved


def quieten(case: LockedCase) -> None:
    """Nobody is reminded of anything while a case rests."""
    for task in case.tasks.values():
        if task.remind_at is not None:
            case.update(task, remind_at=None, rung=None)


def asked_of(
    definition: TaskDefinition, task: TaskRow, standing: policy.Standing | None
) -> Mapping[str, EvidenceField]:
    """What this actor must answer: the task's fields, and the signed document when a team records for the Leitung."""
    if standing is not None and standing.for_the_body and task.owner == "body.leitung":
        return definition.evidence | evidence.SIGNED
    return definition.evidence


def is_asked(task: TaskRow, name: str, earlier: Collection[str]) -> bool:
    """Whether a field is to be answered in this attempt: it was sent back, or there is no answer that could stand."""
    return task.redo is None or name in task.redo.split(",") or name not in earlier


def choices(work: Work, service: str, asked: Mapping[str, EvidenceField]) -> Choices:
    """What fields of type variant, wave and register offer for a service."""
    types = {field.type for field in asked.values()}
    waves = work.session.execute(sa.select(Wave.key)).scalars() if "wave" in types else ()
    variants = work.catalogue.service(service).variants if "variant" in types else ()
    return Choices(
        frozenset(variants),
        frozenset(key for key in waves if _is_for(work, key, service)),
        {name: registers.offered(work, field) for name, field in asked.items() if field.type == "register"},
    )


def reason_of(text: str) -> str:
    """A reason as it is kept. Raises InvalidEvidence when there is none, or it is too long."""
    return evidence.reason_of(text)


def note_of(text: str) -> str:
    """A note as it is kept, empty when there is none. Raises InvalidEvidence when it is too long."""
    answers = evidence.read({"note": evidence.NOTE}, {"note": text})
    return str(answers[0].value) if answers else ""


def _is_for(work: Work, wave: str, service: str) -> bool:
    """A wave may be kept for some services; one that names none is for all."""
    entry = work.catalogue.programme.waves.get(wave)
    return entry is None or not entry.services or service in entry.services


def _open_anew(case: LockedCase, task: TaskRow) -> None:
    case.update(
        task,
        status="waiting",
        acting=None,
        attempt=task.attempt + 1,
        holder_id=None,
        submitted_by=None,
        submitted_for=None,
        recorded_for_body=False,
        ended_on=None,
    )


def _bodies_of(case: LockedCase, definition: TaskDefinition) -> Sequence[str]:
    """For whom a task is there: nobody in particular (once), or every body that takes part."""
    return tuple(sorted(_participants(case))) if definition.of_participants else ("",)


def _participants(case: LockedCase) -> frozenset[str]:
    """The bodies that take part in the case, read once; none in a case that has just been begun."""
    if case.takes_part is None:
        case.takes_part = frozenset() if case.is_new else frozenset(participants(case.work, case.row.id))
    return case.takes_part


def _new(case: LockedCase, name: str, state: str, definition: TaskDefinition, participant: str = "") -> TaskRow:
    row = case.row
    return TaskRow(
        id=uuid4(),
        case_id=row.id,
        name=name,
        scope=participant,
        state=state,
        service=row.service,
        body=participant or policy.acts_at(row),
        team=row.team,
        operator=row.operator,
        owner=definition.owner.replace("participant.", "body.", 1) if participant else definition.owner,
        optional=definition.optional,
        status="waiting",
        acting=None,
        attempt=1,
        version=1,
        holder_id=None,
        submitted_by=None,
        submitted_for=None,
        recorded_for_body=False,
        counted_from=None,
        extended_days=0,
        due_on=None,
        ended_on=None,
        ladder=None,
        remind_at=None,
        rung=None,
        occurrence=0,
        generation=0,
    )


def _in_order(definitions: Mapping[str, TaskDefinition]) -> list[str]:
    """Every task after those it comes after; otherwise as in the definition."""
    order: dict[str, None] = {}

    def place(name: str) -> None:
        if name in order:
            return
        for before in definitions[name].after:
            place(before)
        order[name] = None

    for name in definitions:
        place(name)
    return list(order)


def _follow(case: LockedCase, task: TaskRow, definition: TaskDefinition) -> bool:
    """Bring one task to where the answers put it; says whether it moved."""
    if task.status in ("done", "waived") or (task.status == "declined" and task.acting is None):
        return False
    its_turn = all(one.satisfies for one in case.before(task))
    needed = _applies(case, definition) and (not definition.of_participants or task.scope in _participants(case))
    begun = task.status not in ("waiting", "ready", "obsolete")
    if begun and needed:
        return False
    wanted = "waiting" if not its_turn else "ready" if needed else "obsolete"
    if wanted == task.status:
        return False
    if begun:
        people = [person for person in (task.holder_id, task.submitted_by) if person is not None]
        case.notify("not_needed", people, kind="task", subject_id=task.id, task=task.name)
    if wanted == "obsolete":
        _stop(case, task, "obsolete")
        return True
    if task.status != "waiting":
        _let_wait(case, task)
    if wanted == "ready":
        _make_ready(case, task, definition)
    return True


def _let_wait(case: LockedCase, task: TaskRow) -> None:
    """Its turn is still to come, or comes again: as a further attempt if somebody had it."""
    case.update(
        task,
        status="waiting",
        acting=None,
        attempt=task.attempt + (1 if task.holder_id is not None else 0),
        holder_id=None,
        submitted_by=None,
        submitted_for=None,
        recorded_for_body=False,
        ended_on=None,
        due_on=None,
        remind_at=None,
        rung=None,
        occurrence=0,
    )


def _make_ready(case: LockedCase, task: TaskRow, definition: TaskDefinition) -> None:
    case.update(task, status="ready", acting=task.owner)
    case.clock(task, start=True)
    case.notify("asked", to_act(case, task), kind="task", subject_id=task.id, task=task.name, due=task.due_on)
    for role in definition.informs:
        case.notify("informed", case.in_charge(role), kind="task", subject_id=task.id, task=task.name, due=task.due_on)


def _stop(case: LockedCase, task: TaskRow, status: str) -> None:
    case.update(task, status=status, acting=None, ended_on=case.work.today, remind_at=None, rung=None, occurrence=0)


def _complete(
    case: LockedCase,
    task: TaskRow,
    *,
    holder_id: UUID | None = None,
    submitted_by: UUID | None = None,
    recorded: bool = False,
) -> None:
    """The task is done: what its answers stand for takes effect, and what waited for it moves."""
    if submitted_by is not None:
        case.update(task, holder_id=holder_id, submitted_by=submitted_by)
        if recorded:
            case.update(task, recorded_for_body=True)
    _stop(case, task, "done")
    definition = case.definition_of(task)
    types = {field.type for field in definition.evidence.values()}
    if "wave" in types:
        take_stichtag(case)
        reclock(case)
    if "variant" in types:
        prerequisites.ask(case)
        if task.attempt > 1:
            prerequisites.review_soon(case)
    settle(case)
    tell_when_ready_to_move(case)


def tell_when_ready_to_move(case: LockedCase) -> None:
    """Tell the team once nothing stands in the way of the next step forward."""
    if any(not task.is_settled for task in case.tasks.values() if task.state == case.row.state):
        return
    tell_of_next_step(case, lambda move: "tasks_done" in move.requires)


def tell_of_next_step(case: LockedCase, suits: Callable[[Transition], bool]) -> None:
    """Tell the team of the first step forward of those that suit, if nothing stands in its way."""
    for name, move in case.process.transitions.items():
        forward = case.row.state in move.from_ and suits(move) and not move.back
        if forward and not requirements.unmet(case, move.requires):
            case.notify(
                "can_advance",
                case.in_charge("umsetzungsteam"),
                kind="case",
                subject_id=case.row.id,
                transition=name,
            )
            return


def _applies(case: LockedCase, definition: TaskDefinition) -> bool:
    facts = case.facts() if definition.only_if else {}
    return all(facts.get(name) in wanted for name, wanted in definition.only_if.items())


def _confirmer(case: LockedCase, task: TaskRow, definition: TaskDefinition, standing: policy.Standing) -> str | None:
    """Who confirms. What a team recorded for a body is confirmed by the body, if anybody there has an account."""
    if standing.for_the_body and definition.confirm == "umsetzungsteam":
        for role in ("body.leitung", "body.digi"):
            if policy.in_charge(role, task, case.holders(task))[0] == role:
                return role
    return definition.confirm


def _insist_status(task: TaskRow, deed: str) -> None:
    if not _is_time_for(task, deed):
        raise TaskNotAvailable(deed=deed, status=task.status)


def _is_time_for(task: TaskRow, deed: str) -> bool:
    """A declined task nobody acts on is settled, or was left behind with its state: nothing can be done with it."""
    if deed == "withdraw" and task.name != AD_HOC:
        return False
    return task.status in _WHEN[deed] and not (task.status == "declined" and task.acting is None)


def _may(case: CaseAtHand, task: TaskRow, deed: str) -> bool:
    actor = case.work.actor
    if deed == "release":
        owner = task.acting or task.owner
        return policy.is_ours(actor, task.holder_id, task) or policy.may_assign(actor, owner, task)
    if deed == "take_back":
        return policy.is_ours(actor, task.handed_on_by, task) and task.handed_on_by in eligible(case, task)
    if deed == "hand_on":
        return policy.is_ours(actor, task.holder_id, task) and standing_of(case, task) is not None
    if deed == "withdraw":
        return policy.may_add_task(actor, task.owner, task)
    if deed == "record":
        return standing_of(case, task) is None and policy.recording(actor, task.owner, task) is not None
    if deed == "assign":
        return policy.may_assign(actor, task.acting or task.owner, task)
    if deed in ("hand_back", "reopen"):
        return policy.allows(actor, REOPENERS, task)
    if deed in ("waive", "extend"):
        return policy.allows(actor, ("supervisor",), task)
    found = standing_of(case, task)
    return found is not None and (deed not in ("confirm", "send_back") or is_second_person(case, task, found))


def _said_of_adding(case: CaseAtHand, owner: str, of: policy.Concerned) -> dict[str, UUID]:
    return said_of_place(case.work.actor, lambda who: policy.may_add_task(who, owner, of))


def _said_of_releasing(case: CaseAtHand, task: TaskRow, holder: UUID | None) -> dict[str, UUID]:
    """Whose task it was, or in whose place somebody took it from a colleague."""
    if policy.is_ours(case.work.actor, holder, task):
        return _in_place_of(case, holder)
    owner = task.acting or task.owner
    return said_of_place(case.work.actor, lambda who: policy.may_assign(who, owner, task))


def _in_place_of(case: CaseAtHand, person_id: UUID | None) -> dict[str, UUID]:
    """What history says when it was not the actor's own."""
    return {"on_behalf_of": person_id} if person_id is not None and person_id in case.work.actor.stands_for else {}


def _insist_standing(case: CaseAtHand, task: TaskRow) -> policy.Standing:
    """Raises NotAllowed unless the actor is in charge, or TaskNotAvailable when a colleague has accepted the task."""
    found = standing_of(case, task)
    if found is None:
        if _is_with_colleague(case, task) and case.standing(task.acting or task.owner, task) is not None:
            raise TaskNotAvailable(deed="held", status=task.status)
        raise NotAllowed(roles=(task.acting or task.owner,))
    return found


def _is_with_colleague(case: CaseAtHand, task: TaskRow) -> bool:
    """Somebody else has accepted the task, and still holds a role that matters to the case."""
    return (
        task.status == "accepted"
        and task.holder_id is not None
        and not policy.is_ours(case.work.actor, task.holder_id, task)
        and any(holder.person_id == task.holder_id for holder in case.holders(task))
    )


def _insist_second_person(case: CaseAtHand, task: TaskRow, standing: policy.Standing) -> None:
    """Raises SecondPersonNeeded, naming who could, when the actor is no other human than who handed it in."""
    if is_second_person(case, task, standing):
        return
    did = (task.submitted_by, task.submitted_for)
    others = [one for one in to_act(case, task) if policy.are_four_eyes([one], did, case.humans)]
    raise SecondPersonNeeded(people=", ".join(names(case.work, others)))


def _say(case: LockedCase, task: TaskRow, standing: policy.Standing | None, **facts: object) -> None:
    case.say(task=task.id, name=task.name, attempt=task.attempt, **facts)
    if standing is not None:
        case.acts(standing)


def _view(case: LockedCase, task: TaskRow) -> TaskView:
    return TaskView(task.id, task.case_id, task.name, case.definition_of(task).title, task.status, task.version)
