"""Named checks that a transition demands, each able to explain why it does not hold.

To add one: a function here, its name in `definition.REQUIREMENTS`, its words under `reason.…` in both languages.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from workflow.casework import CaseAtHand, PrerequisiteSeen, TaskRow
from workflow.definition import (
    AD_HOC,
    AnswerRequirement,
    Condition,
    EvidenceField,
    MilestoneRequirement,
    Needed,
    Requirement,
    Text,
)
from workflow.engine import Work
from workflow.errors import RequirementsNotMet


@dataclass(frozen=True, slots=True)
class About:
    """What a reason is about: a task by its key, a prerequisite by kind and scope, a milestone by kind."""

    kind: Literal["task", "prerequisite", "milestone", "variant", "answer"]
    name: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that does not hold: the key of its sentence, who must act (a role), until when, what it is about."""

    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    who: str | None = None
    due_on: dt.date | None = None
    about: About | None = None


def unmet(case: CaseAtHand, requirements: Iterable[Requirement]) -> list[Reason]:
    """Everything that does not hold yet, in the order of the definition."""
    reasons: list[Reason] = []
    for requirement in requirements:
        if isinstance(requirement, MilestoneRequirement):
            reasons += _milestone(case, requirement.milestone)
        elif isinstance(requirement, AnswerRequirement):
            reasons += _answers(case, requirement.answer)
        else:
            reasons += _CHECKS[requirement](case)
    return reasons


def insist(case: CaseAtHand, requirements: Iterable[Requirement]) -> None:
    """Raises RequirementsNotMet with every reason unless all hold."""
    reasons = unmet(case, requirements)
    if reasons:
        raise RequirementsNotMet(reasons, number=case.row.number)


def missing(work: Work, needed: Iterable[Needed], known: Mapping[tuple[str, str], PrerequisiteSeen]) -> list[Reason]:
    """Of what is needed once per body, what is not there or has expired; `known` is what the body was asked for."""
    reasons: list[Reason] = []
    for entry in needed:
        kind = work.catalogue.shared.prerequisites[entry.kind]
        row = known.get((entry.kind, entry.scope))
        if row is not None and row.holds_on(work.today):
            continue
        lapsed = row is not None and row.has_lapsed(work.today)
        reasons.append(
            Reason(
                "reason.prerequisite_expired" if lapsed else "reason.prerequisite_missing",
                {"prerequisite": kind.title},
                who=_who_brings(row) if row is not None else next(iter(kind.road().values())).owner,
                due_on=row.due_on if row is not None and row.acting else None,
                about=About("prerequisite", entry.kind, entry.scope),
            )
        )
    return reasons


def _who_brings(row: PrerequisiteSeen) -> str:
    """Who is asked for it; the team, which asks, where nobody is."""
    return row.acting or ("umsetzungsteam" if row.status == "set_aside" else row.owner)


def _tasks_done(case: CaseAtHand) -> list[Reason]:
    """Every mandatory task of the state is done, waived or obsolete."""
    return [
        Reason(
            "reason.task_open" if task.status != "declined" else "reason.task_declined",
            {"task": case.definition_of(task).title},
            who=task.acting or task.owner,
            due_on=task.due_on,
            about=About("task", task.key),
        )
        for task in _of_the_state(case)
        if not task.is_settled
    ]


def _of_the_state(case: CaseAtHand) -> list[TaskRow]:
    """The tasks of the state the case is in, in the order of the definition; what people added stands last."""
    names = list(case.process.states[case.row.state].tasks)
    here = [task for task in case.tasks.values() if task.state == case.row.state and task.name in (*names, AD_HOC)]
    return sorted(here, key=lambda task: (names.index(task.name) if task.name in names else len(names), task.key))


def _prerequisites_done(case: CaseAtHand) -> list[Reason]:
    """Everything the case's variant needs once per body is there and has not expired."""
    if case.row.variant is None and case.work.catalogue.service(case.row.service).variants:
        return [Reason("reason.variant_missing", who="umsetzungsteam", about=About("variant"))]
    needed = case.work.catalogue.needed(case.row.service, case.row.variant)
    return missing(case.work, needed, case.prerequisites()) if needed else []


def _answers(case: CaseAtHand, wanted: Condition) -> list[Reason]:
    """Each of these answers is there and one that lets the case pass. Of a task that fell away nothing is asked."""
    facts = case.facts()
    reasons: list[Reason] = []
    for asked, values in wanted.items():
        name, _, field_name = asked.partition(".")
        task = case.tasks.get(name)
        if facts.get(asked) in values or (task is not None and task.status in ("waived", "obsolete")):
            continue
        definition = case.process.task(name)
        field_asked = definition.evidence[field_name]
        said = {
            "task": definition.title,
            "field": field_asked.title,
            "wanted": _either([_in_words(field_asked, value) for value in values]),
        }
        about = About("answer", name, field_name)
        owner = task.acting or task.owner if task is not None else definition.owner
        if asked not in facts:
            reasons.append(Reason("reason.answer_missing", said, who=owner, about=about))
        else:
            said["given"] = _in_words(field_asked, facts[asked])
            reasons.append(Reason("reason.answer_other", said, who=owner, about=about))
    return reasons


def _in_words(asked: EvidenceField, value: object) -> Text:
    if isinstance(value, bool):
        return Text(de="Ja" if value else "Nein", en="Yes" if value else "No")
    option = asked.options.get(str(value))
    return option.title if option is not None else Text(de=str(value), en=str(value))


def _either(titles: list[Text]) -> Text:
    return Text(
        de=" oder ".join(f"„{title.de}“" for title in titles), en=" or ".join(f'"{title.en}"' for title in titles)
    )


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
            about=About("milestone", kind),
        )
    ]


_CHECKS: dict[str, Callable[[CaseAtHand], list[Reason]]] = {
    "tasks_done": _tasks_done,
    "prerequisites_done": _prerequisites_done,
}
