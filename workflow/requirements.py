"""Named checks that a transition demands, each able to explain why it does not hold.

To add one: a function here, its name in `definition.REQUIREMENTS`, its words under `reason.…` in both languages.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflow.casework import CaseAtHand
from workflow.definition import MilestoneRequirement, Requirement
from workflow.errors import RequirementsNotMet


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that does not hold: the key of its sentence, who must act (a role), and until when."""

    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    who: str | None = None
    due_on: dt.date | None = None


def unmet(case: CaseAtHand, requirements: Iterable[Requirement]) -> list[Reason]:
    """Everything that does not hold yet, in the order of the definition."""
    reasons: list[Reason] = []
    for requirement in requirements:
        if isinstance(requirement, MilestoneRequirement):
            reasons += _milestone(case, requirement.milestone)
        else:
            reasons += _CHECKS[requirement](case)
    return reasons


def insist(case: CaseAtHand, requirements: Iterable[Requirement]) -> None:
    """Raises RequirementsNotMet with every reason unless all hold."""
    reasons = unmet(case, requirements)
    if reasons:
        raise RequirementsNotMet(reasons, number=case.row.number)


def _tasks_done(case: CaseAtHand) -> list[Reason]:
    """Every mandatory task of the state is done, waived or obsolete."""
    return [
        Reason(
            "reason.task_open" if task.status != "declined" else "reason.task_declined",
            {"task": definition.title},
            who=task.acting or task.owner,
            due_on=task.due_on,
        )
        for name, definition in case.process.states[case.row.state].tasks.items()
        for task in [case.tasks.get(name)]
        if task is not None and not task.is_settled
    ]


def _prerequisites_done(case: CaseAtHand) -> list[Reason]:
    """Everything the case's variant needs once per body is there and has not expired."""
    if case.row.variant is None and case.work.catalogue.service(case.row.service).variants:
        return [Reason("reason.variant_missing", who="umsetzungsteam")]
    needed = case.work.catalogue.needed(case.row.service, case.row.variant)
    if not needed:
        return []
    known = case.prerequisites()
    reasons: list[Reason] = []
    for entry in needed:
        kind = case.work.catalogue.shared.prerequisites[entry.kind]
        row = known.get((entry.kind, entry.scope))
        if row is not None and row.status == "done" and not _expired(row.valid_until, case.work.today):
            continue
        expired = row is not None and row.status == "done"
        reasons.append(
            Reason(
                "reason.prerequisite_expired" if expired else "reason.prerequisite_missing",
                {"prerequisite": kind.title},
                who=row.owner if row is not None else kind.owner,
                due_on=row.due_on if row is not None else None,
            )
        )
    return reasons


def _milestone(case: CaseAtHand, kind: str) -> list[Reason]:
    """The Land reached this milestone for the service; a service that does not need it passes."""
    if kind not in case.work.catalogue.service(case.row.service).milestones:
        return []
    row = case.milestones().get(kind)
    if row is not None and row.reached_on is not None:
        return []
    return [
        Reason(
            "reason.milestone_missing",
            {"milestone": case.work.catalogue.shared.milestones[kind].title},
            who="programme_office",
            due_on=row.due_on if row is not None else None,
        )
    ]


def _expired(valid_until: dt.date | None, today: dt.date) -> bool:
    return valid_until is not None and valid_until < today


_CHECKS: dict[str, Callable[[CaseAtHand], list[Reason]]] = {
    "tasks_done": _tasks_done,
    "prerequisites_done": _prerequisites_done,
}
