"""What somebody can reply to: one thing they are reminded of, or all that a mail asked about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import casework, policy, replies
from workflow.casework import TaskRow
from workflow.definition import AD_HOC, Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.milestones import MilestoneRow
from workflow.models import Body, Hold, Milestone, Person, Prerequisite, Reply
from workflow.prerequisites import PrerequisiteRow
from workflow.queries import parts, seen
from workflow.queries.parts import Due
from workflow.queries.seen import SeenCase
from workflow.replies import Kind, Offer

State = Literal["open", "quiet", "over", "hidden"]
"""open: the actor can reply; quiet: it is still to be done, but there is nothing (left) to reply; over: it is done, or
rests; hidden: it is not there any more, or not for this actor."""

REVIEW = Text(de="Prüfen, ob der Vorgang weitergehen kann", en="Check whether the case can go on")
"""What is asked of whoever is reminded of a pause."""
HIDDEN = Text(de="Nicht mehr bei Ihnen", en="Not with you any more")
ADDED = Text(de="Zusätzliche Aufgabe", en="Additional task")
"""What a task somebody added is called behind a link: what people type may name a person."""


@dataclass(frozen=True, slots=True)
class Given:
    """One reply to the reminders of the present due date, or the promise it comes from."""

    says: replies.Says
    who: str | None
    on: dt.date
    days: int | None
    until: dt.date | None


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing somebody is reminded of, as it stands now."""

    kind: Kind
    id: UUID
    state: State
    title: Text
    service: Text | None = None
    body: str | None = None
    number: str | None = None
    case_id: UUID | None = None
    due: Due | None = None
    offer: Offer | None = None
    added: bool = False
    """Somebody added it to the case: its title is what that person typed."""


def matter(work: Work, kind: Kind, subject_id: UUID) -> Matter:
    """One thing the actor may reply to, or see. Raises NotFound."""
    return _MATTER[kind](work, subject_id)


def matters(work: Work, wanted: Sequence[tuple[Kind, UUID]]) -> tuple[Matter, ...]:
    """All of these, in their order, for whoever has the mail: in no words that are not in it. What is not there for
    this actor any more is only named so."""
    found: list[Matter] = []
    for kind, subject_id in wanted:
        try:
            one = matter(work, kind, subject_id)
            found.append(replace(one, title=ADDED) if one.added else one)
        except NotFound:
            found.append(Matter(kind, subject_id, "hidden", HIDDEN))
    return tuple(found)


def given(work: Work, subject_id: UUID, generation: int) -> tuple[Given, ...]:
    """What was replied while the present due date stands, and the promise it comes from, the earliest first."""
    promised = sa.and_(Reply.kind == "promised", Reply.generation == generation - 1)
    present = sa.and_(Reply.kind != "promised", Reply.generation == generation)
    rows = work.session.execute(
        sa.select(Reply.kind, Reply.given_at, Reply.working_days, Reply.promised_on, Person.name)
        .outerjoin(Person, Person.id == Reply.given_by)
        .where(Reply.subject_id == subject_id, sa.or_(promised, present))
        .order_by(Reply.given_at, Reply.generation)
    )
    today = work.catalogue.calendar.today
    return tuple(Given(row.kind, row.name, today(row.given_at), row.working_days, row.promised_on) for row in rows)


def task_matter(case: SeenCase, row: TaskRow) -> Matter | None:
    """The same of a task that is at hand; None where the actor has nothing to reply."""
    found = _of_task(case, row)
    return found if found.offer is not None else None


def prerequisite_matter(work: Work, row: PrerequisiteRow, holders: Sequence[policy.Holder], body: str) -> Matter | None:
    """The same of a prerequisite."""
    found = _of_prerequisite(work, row, holders, body)
    return found if found.offer is not None else None


# --- one of each kind ------------------------------------------------------------------------------------------------


def _task(work: Work, task_id: UUID) -> Matter:
    return _of_task(*seen.look_by_task(work, task_id))


def _of_task(case: SeenCase, row: TaskRow) -> Matter:
    work = case.work
    offer = replies.offer_of_task(case, row)
    is_over = row.acting is None or row.due_on is None or case.row.rests
    return Matter(
        kind="task",
        id=row.id,
        state=_state(offer, is_over=is_over),
        title=case.definition_of(row).title,
        service=parts.service_title(work.catalogue, row.service),
        body=case.body_name,
        number=case.row.number,
        case_id=case.row.id,
        due=None if is_over else parts.due(work, row.due_on),
        offer=offer,
        added=row.name == AD_HOC,
    )


def _hold(work: Work, hold_id: UUID) -> Matter:
    row = work.session.execute(sa.select(Hold.case_id, Hold.ended_on).where(Hold.id == hold_id)).first()
    if row is None:
        raise NotFound(what="case")
    case = seen.look(work, row.case_id)
    offer = replies.offer_of_hold(case) if row.ended_on is None else None
    lasting = next((hold for hold in case.holds() if hold.ended_on is None), None)
    return Matter(
        kind="hold",
        id=hold_id,
        state=_state(offer, is_over=row.ended_on is not None),
        title=REVIEW,
        service=parts.service_title(work.catalogue, case.row.service),
        body=case.body_name,
        number=case.row.number,
        case_id=case.row.id,
        due=parts.due(work, lasting.review_on) if lasting is not None and row.ended_on is None else None,
        offer=offer,
    )


def _prerequisite(work: Work, prerequisite_id: UUID) -> Matter:
    found = work.session.execute(
        sa.select(*_PREREQUISITE, Body.display_name)
        .join(Body, Body.ars == Prerequisite.body)
        .where(Prerequisite.id == prerequisite_id, policy.prerequisites(work.actor))
    ).first()
    if found is None:
        raise NotFound(what="prerequisite")
    *columns, body = found
    row = PrerequisiteRow(*columns)
    return _of_prerequisite(work, row, casework.holders(work, row), body)


def _of_prerequisite(work: Work, row: PrerequisiteRow, holders: Sequence[policy.Holder], body: str) -> Matter:
    offer = replies.offer_of_prerequisite(work, row, holders)
    scope = parts.scope_title(work.catalogue, row.scope)
    return Matter(
        kind="prerequisite",
        id=row.id,
        state=_state(offer, is_over=row.due_on is None),
        title=parts.prerequisite_title(work.catalogue, row.kind),
        service=Text(de=scope, en=scope) if isinstance(scope, str) else scope,
        body=body,
        due=parts.due(work, row.due_on),
        offer=offer,
    )


def _milestone(work: Work, milestone_id: UUID) -> Matter:
    found = work.session.execute(sa.select(*_MILESTONE).where(Milestone.id == milestone_id)).first()
    if found is None or not policy.sees_milestones(work.actor):
        raise NotFound(what="milestone")
    row = MilestoneRow(*found)
    kind = work.catalogue.shared.milestones.get(row.kind)
    offer = replies.offer_of_milestone(work, row)
    return Matter(
        kind="milestone",
        id=row.id,
        state=_state(offer, is_over=row.reached_on is not None or row.due_on is None),
        title=kind.title if kind else Text(de=row.kind, en=row.kind),
        service=parts.service_title(work.catalogue, row.service),
        due=parts.due(work, row.due_on) if row.reached_on is None else None,
        offer=offer,
    )


def _state(offer: Offer | None, *, is_over: bool) -> State:
    return "open" if offer is not None else "over" if is_over else "quiet"


_PREREQUISITE: Sequence[Any] = [getattr(Prerequisite, column.name) for column in fields(PrerequisiteRow)]
_MILESTONE: Sequence[Any] = [getattr(Milestone, column.name) for column in fields(MilestoneRow)]
_MATTER: dict[Kind, Callable[[Work, UUID], Matter]] = {
    "task": _task,
    "hold": _hold,
    "prerequisite": _prerequisite,
    "milestone": _milestone,
}
