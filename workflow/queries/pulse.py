"""Whether something moved since a page was opened: one number for each page that may stay open for hours.

The numbers only ever mean "the same as then" or "not the same". Each is one statement, and raises NotFound like the
page it belongs to.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import policy
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import Case, Participant, Prerequisite, Task


def case(work: Work, case_id: UUID) -> str:
    """Of a case: the number of its last entry of history."""
    return _one(work, sa.select(Case.seq).where(Case.id == case_id, policy.cases(work.actor)), "case")


def task(work: Work, task_id: UUID) -> str:
    """Of a task: its version. Bodies that take part in a case see their own tasks."""
    own = sa.and_(
        Task.scope == Task.body,
        policy.one_of(Task.body, work.actor.bodies()),
        sa.exists().where(
            Participant.case_id == Task.case_id, Participant.body == Task.body, Participant.left_on.is_(None)
        ),
    )
    seen = sa.or_(policy.cases(work.actor), own)
    query = sa.select(Task.version).join(Case, Case.id == Task.case_id).where(Task.id == task_id, seen)
    return _one(work, query, "task")


def prerequisite(work: Work, prerequisite_id: UUID) -> str:
    """Of a prerequisite: its version."""
    query = sa.select(Prerequisite.version).where(Prerequisite.id == prerequisite_id, policy.prerequisites(work.actor))
    return _one(work, query, "prerequisite")


def inbox(work: Work) -> str:
    """Of what waits for the actor: how much it is, and the sum of its versions."""
    found = work.session.execute(
        sa.select(
            *_sums(Task, policy.tasks_to_do(work.actor)),
            *_sums(Prerequisite, policy.prerequisites_to_do(work.actor)),
        )
    ).one()
    return ".".join(str(number) for number in found)


def _sums(of: Any, mine: sa.ColumnElement[bool]) -> tuple[Any, Any]:
    return (
        sa.select(sa.func.count()).select_from(of).where(mine).scalar_subquery(),
        sa.select(sa.func.coalesce(sa.func.sum(of.version), 0)).where(mine).scalar_subquery(),
    )


def _one(work: Work, query: Any, what: str) -> str:
    found = work.session.execute(query).scalar()
    if found is None:
        raise NotFound(what=what)
    return str(found)
