"""The deadlines a calendar shows: what waits for a person, or what a team's cases have open. Nothing personal."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import policy
from workflow.definition import AD_HOC, Text
from workflow.engine import Work
from workflow.models import Body, Case, Hold, Milestone, Prerequisite, Task
from workflow.queries import parts
from workflow.queries.reply import REVIEW

MOST = 2000
"""The dates nearest in time; a calendar of more helps nobody."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A day by which something has to be done."""

    kind: Literal["task", "prerequisite", "hold", "milestone"]
    id: UUID
    case_id: UUID | None
    title: Text | None
    """None for a task somebody added: what people type may name a person."""
    service: Text | None
    body: str | None
    number: str | None
    role: Text
    """Who acts."""
    due_on: dt.date
    overdue: bool
    since: dt.date
    """The day from which it was counted."""
    generation: int
    """Rises when the date is set anew."""


def deadlines(work: Work, team: str | None = None) -> tuple[Deadline, ...]:
    """Days of what waits for the actor, or of everything open in cases of a team the actor is of, in their order.

    What rests has no date but the day on which its team looks at it again. Takes the same few statements however much
    there is.
    """
    own = team is None
    if team is not None and team not in policy.teams_of(work.actor):
        return ()
    rows = [
        *work.session.execute(_tasks(work.actor, team)),
        *work.session.execute(_prerequisites(work.actor, team)),
        *work.session.execute(_reviews(work.actor, team)),
        *(work.session.execute(_MILESTONES) if own and work.actor.holds("programme_office") else ()),
    ]
    rows.sort(key=lambda row: (row.due_on, str(row.id)))
    return tuple(_deadline(work, row) for row in rows[:MOST])


def _tasks(actor: policy.Actor, team: str | None) -> sa.Select[*tuple[Any, ...]]:
    mine = policy.tasks_to_do(actor) if team is None else sa.and_(policy.cases(actor), Task.team == team)
    return (
        sa.select(
            sa.literal("task").label("kind"),
            Task.id,
            Task.case_id,
            Task.name,
            Task.state,
            Task.service,
            Task.acting,
            Task.due_on,
            Task.counted_from,
            Task.generation,
            Body.display_name,
            Case.number,
            Case.process,
            Case.process_version,
        )
        .join(Case, Case.id == Task.case_id)
        .join(Body, Body.ars == Task.body)
        .where(mine, Task.acting.is_not(None), Task.due_on.is_not(None), sa.not_(Case.rests))
        .order_by(Task.due_on, Task.id)
        .limit(MOST)
    )


def _prerequisites(actor: policy.Actor, team: str | None) -> sa.Select[*tuple[Any, ...]]:
    ours = sa.and_(policy.prerequisites(actor), Prerequisite.team == team)
    mine = policy.prerequisites_to_do(actor) if team is None else ours
    return (
        sa.select(
            sa.literal("prerequisite").label("kind"),
            Prerequisite.id,
            sa.literal(None).label("case_id"),
            Prerequisite.kind.label("name"),
            Prerequisite.step.label("state"),
            Prerequisite.scope.label("service"),
            Prerequisite.acting,
            Prerequisite.due_on,
            Prerequisite.counted_from,
            Prerequisite.generation,
            Body.display_name,
            sa.literal(None).label("number"),
        )
        .join(Body, Body.ars == Prerequisite.body)
        .where(mine, Prerequisite.acting.is_not(None), Prerequisite.due_on.is_not(None))
        .order_by(Prerequisite.due_on, Prerequisite.id)
        .limit(MOST)
    )


def _reviews(actor: policy.Actor, team: str | None) -> sa.Select[*tuple[Any, ...]]:
    """When a team looks at its resting cases again."""
    teams = actor.teams("umsetzungsteam") if team is None else (team,)
    return (
        sa.select(
            sa.literal("hold").label("kind"),
            Hold.id,
            Case.id.label("case_id"),
            Hold.blocker.label("name"),
            Case.service,
            sa.literal("umsetzungsteam").label("acting"),
            Hold.review_on.label("due_on"),
            Hold.began_on.label("counted_from"),
            Hold.generation,
            Body.display_name,
            Case.number,
        )
        .join(Case, Case.id == Hold.case_id)
        .join(Body, Body.ars == Case.body)
        .where(policy.cases(actor), policy.one_of(Case.team, teams), Hold.ended_on.is_(None), Case.rests)
        .order_by(Hold.review_on, Hold.id)
        .limit(MOST)
    )


_MILESTONES = sa.select(
    sa.literal("milestone").label("kind"),
    Milestone.id,
    sa.literal(None).label("case_id"),
    Milestone.kind.label("name"),
    Milestone.service,
    sa.literal("programme_office").label("acting"),
    Milestone.due_on,
    Milestone.due_on.label("counted_from"),
    Milestone.generation,
    sa.literal(None).label("display_name"),
    sa.literal(None).label("number"),
).where(Milestone.reached_on.is_(None), Milestone.due_on.is_not(None))


def _deadline(work: Work, row: Any) -> Deadline:
    return Deadline(
        kind=row.kind,
        id=row.id,
        case_id=row.case_id,
        title=_title(work, row),
        service=parts.service_title(work.catalogue, row.service) if row.service in work.catalogue.services else None,
        body=row.display_name,
        number=row.number,
        role=parts.role_title(work.catalogue, row.acting),
        due_on=row.due_on,
        overdue=row.due_on < work.today,
        since=row.counted_from or row.due_on,
        generation=row.generation,
    )


def _title(work: Work, row: Any) -> Text | None:
    catalogue = work.catalogue
    if row.kind == "task":
        return None if row.name == AD_HOC else parts.task_title(catalogue, row)
    if row.kind == "prerequisite":
        step = parts.step_title(catalogue, row.name, row.state)
        return step or parts.prerequisite_title(catalogue, row.name)
    if row.kind == "hold":
        return REVIEW
    shared = catalogue.shared.milestones.get(row.name)
    return shared.title if shared else Text(de=row.name, en=row.name)
