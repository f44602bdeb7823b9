"""What the Land does once per service and many cases wait for: the contract, an adapted law."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import casework, deadlines, events, evidence, followups, policy
from workflow.definition import MilestoneKind, OfMilestone, Process
from workflow.engine import Work
from workflow.errors import Conflict, NotFound, TaskHasMoved
from workflow.evidence import NOTHING, Given
from workflow.models import Case, Event, Milestone


@dataclass(slots=True)
class MilestoneRow:
    """The columns of a milestone."""

    id: UUID
    service: str
    kind: str
    due_on: dt.date | None
    reached_on: dt.date | None
    version: int
    ladder: str | None
    remind_at: dt.datetime | None
    rung: str | None
    occurrence: int
    generation: int
    seq: int
    head: str
    replied: int | None = None


@dataclass(frozen=True, slots=True)
class MilestoneView:
    """A milestone after a deed; `waiting` cases will learn of it."""

    id: UUID
    version: int
    due_on: dt.date | None
    reached_on: dt.date | None
    waiting: int = 0


def plan(work: Work, milestone_id: UUID, due_on: dt.date, reason: str, *, seen: int | None = None) -> MilestoneView:
    """Say when a milestone is due, and why it moved. Milestone dates never shift by themselves.

    Open tasks that are due with it follow (`following`).

    Raises NotFound, TaskHasMoved, NotAllowed, Conflict (reached already) or InvalidEvidence (no reason), in this order.
    """
    row = lock(work, milestone_id, seen)
    said = insist_office(work)
    if row.reached_on is not None:
        raise Conflict(what="milestone")
    asked = {"reason": evidence.REASON}
    (answer,) = evidence.read(asked, {"reason": reason})

    remark = events.remark(work, row.id, str(answer.value))
    kind = kind_of(work, row.kind)
    ladder = work.catalogue.programme.ladders[kind.ladder]
    ring = deadlines.next_ring(work.catalogue.calendar, ladder, due_on, work.today, now=work.now)
    changes: dict[str, Any] = {
        "due_on": due_on,
        "ladder": kind.ladder,
        "generation": row.generation + 1,
        "remind_at": ring.at if ring else None,
        "rung": ring.rung if ring else None,
        "occurrence": 0,
    }
    due_before = row.due_on
    _record(work, row, "planned", changes, remark=remark, **said)
    waiting = _timed_by(work, row) if due_on != due_before else []
    followups.queue(work.session, "milestone_date", row.id, row.seq, waiting)
    return _view(row, waiting=len(waiting))


def reach(
    work: Work, milestone_id: UUID, reached_on: dt.date, given: Given = NOTHING, *, seen: int | None = None
) -> MilestoneView:
    """Record that a milestone is reached; every case that waits for it learns of it.

    Raises NotFound, TaskHasMoved, NotAllowed, Conflict (reached already, or a day to come) or InvalidEvidence, in this
    order.
    """
    row = lock(work, milestone_id, seen)
    said = insist_office(work)
    if row.reached_on is not None or reached_on > work.today:
        raise Conflict(what="milestone")
    kind = kind_of(work, row.kind)
    earlier = casework.earlier_answers(work, "milestone", row.id)
    answers = evidence.read(kind.evidence, given, earlier=earlier)

    kept = casework.keep_answers(
        work,
        answers,
        kind="milestone",
        subject_id=row.id,
        source=row.kind,
        attempt=1,
        earlier=earlier,
        owner={"milestone_id": row.id},
    )
    casework.write_kept(work, kept)
    changes = {"reached_on": reached_on, "remind_at": None, "rung": None, "generation": row.generation + 1}
    _record(work, row, "reached", changes, rows=kept.said, **said)
    waiting = list(
        work.session.execute(
            sa.select(Case.id)
            .where(Case.service == row.service, Case.ended_on.is_(None), Case.live_on.is_(None))
            .order_by(Case.id)
        ).scalars()
    )
    followups.queue(work.session, "milestone", row.id, row.seq, waiting)
    return _view(row, waiting=len(waiting))


def kind_of(work: Work, name: str) -> MilestoneKind:
    """What the definitions say about a kind. Raises NotFound when they lost it."""
    kind = work.catalogue.shared.milestones.get(name)
    if kind is None:
        raise NotFound(what="milestone", name=name)
    return kind


def planned_on(work: Work, row: MilestoneRow) -> dt.date:
    """The day its due date was set, from which repeating rungs count."""
    at = work.session.execute(_PLANNED, {"id": row.id}).scalar()
    return work.catalogue.calendar.today(at or work.now)


def keep(work: Work, row: MilestoneRow, act: str, changes: dict[str, Any], /, **said: Any) -> None:
    """Keep changes that no page of it shows, with an entry of its chain: its version stays."""
    _record(work, row, act, changes, True, **said)


def lock(work: Work, milestone_id: UUID, seen: int | None = None) -> MilestoneRow:
    """The milestone, ours until the transaction ends. Raises NotFound, or TaskHasMoved (another version was seen)."""
    row = work.session.execute(sa.select(*_COLUMNS).where(Milestone.id == milestone_id).with_for_update()).first()
    if row is None or not policy.sees_milestones(work.actor):
        raise NotFound(what="milestone")
    found = MilestoneRow(*row)
    if seen is not None and seen != found.version:
        raise TaskHasMoved
    return found


def insist_office(work: Work) -> dict[str, Any]:
    """What history says of whom the actor stands in for. Raises NotAllowed unless it is the programme office."""
    away = policy.insist_holds(work.actor, "programme_office")
    return {"on_behalf_of": away} if away else {}


def _record(
    work: Work, row: MilestoneRow, act: str, changes: dict[str, Any], unseen: bool = False, /, **said: Any
) -> None:
    """Keep changes of a milestone with an entry of its chain."""
    before = row.version
    changes = changes if unseen else {**changes, "version": before + 1}
    chained = {name: value for name, value in changes.items() if name not in casework.UNCHAINED}
    was = casework.said_before({name: getattr(row, name) for name in chained}, chained)
    said = {"milestone": chained, **said, **({"before": {"milestone": was}} if was else {})}
    entry = events.record(work, "milestone", row.id, row.seq, row.head, act, said)
    changes = {**changes, "seq": entry.seq, "head": entry.head}
    changed = work.session.execute(
        sa.update(Milestone).where(Milestone.id == row.id, Milestone.version == before).values(**changes)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise TaskHasMoved
    for name, value in changes.items():
        setattr(row, name, value)


def _timed_by(work: Work, row: MilestoneRow) -> list[UUID]:
    """The open cases in whose process a task is due with this milestone."""
    found = work.session.execute(
        sa.select(Case.id, Case.process, Case.process_version)
        .where(Case.service == row.service, Case.ended_on.is_(None))
        .order_by(Case.id)
    )
    return [case_id for case_id, name, version in found if _times(work.catalogue.process(name, version), row.kind)]


def _times(process: Process, kind: str) -> bool:
    return any(isinstance(task.due, OfMilestone) and task.due.milestone == kind for _, _, task in process.tasks())


def _view(row: MilestoneRow, *, waiting: int = 0) -> MilestoneView:
    return MilestoneView(row.id, row.version, row.due_on, row.reached_on, waiting)


_COLUMNS: Sequence[Any] = [getattr(Milestone, column.name) for column in fields(MilestoneRow)]
_PLANNED = sa.select(sa.func.max(Event.at)).where(
    Event.chain_id == sa.bindparam("id", type_=sa.Uuid()), Event.act == "planned"
)
