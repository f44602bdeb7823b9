"""What the definitions say: processes with their versions, and how many cases are pinned to each.

A process is no secret: everybody signed in may read all of it. Only the numbers are of the cases one may know of.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from workflow import policy
from workflow.catalogue import Catalogue
from workflow.definition import (
    AnswerRequirement,
    Condition,
    Due,
    Ladder,
    MilestoneRequirement,
    Process,
    State,
    Task,
    Text,
    Transition,
)
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import Case, Definition
from workflow.queries import parts


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a process."""

    process: str
    version: int
    title: Text
    is_current: bool
    """New cases begin with it."""
    loaded_on: dt.date
    running: int
    """Cases pinned to it that have not ended."""
    ended: int


@dataclass(frozen=True, slots=True)
class Said:
    """What something demands, in parts: a title, and the values that do; `key` where the words are ours."""

    title: Text | None
    values: tuple[Text, ...] = ()
    key: str = ""
    choices: tuple[str | bool | int, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskShown:
    """A task of a state, numbered within it."""

    number: int
    name: str
    task: Task
    owner: Text
    of_participants: bool
    confirm: Text | None
    due: Due
    ladder: Text
    after: tuple[tuple[int, Text], ...]
    """Number (0: of another state) and title of what it waits for."""
    only_if: tuple[Said, ...]
    evidence: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class TransitionShown:
    """A transition, with its ends and whom it is for."""

    name: str
    transition: Transition
    sources: tuple[Text, ...]
    target: Text
    by: tuple[Text, ...]
    by_system: bool
    requires: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class StateShown:
    """A state with its tasks and the ways that lead out of it."""

    key: str
    state: State
    position: int
    """On the main road, from one; 0 beside it."""
    of: int
    tasks: tuple[TaskShown, ...]
    ways: tuple[TransitionShown, ...]


@dataclass(frozen=True, slots=True)
class ProcessShown:
    """One version of a process, whole."""

    version: Version
    versions: tuple[Version, ...]
    process: Process
    states: tuple[StateShown, ...]
    ways: tuple[TransitionShown, ...]


@dataclass(frozen=True, slots=True)
class RungShown:
    """One step of a ladder."""

    at: int | None
    every: int | None
    times: int | None
    to: tuple[Text, ...]
    """Roles; who owns the thing and the deputy are told by `owner` and `deputy`."""
    owner: bool
    deputy: bool
    message: str
    escalates: bool


@dataclass(frozen=True, slots=True)
class LadderShown:
    """Who is reminded when."""

    name: str
    ladder: Ladder
    rungs: tuple[RungShown, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the definitions hold, as far as a list tells it."""

    versions: tuple[Version, ...]
    catalogue: Catalogue
    ladders: tuple[LadderShown, ...]
    roles: Mapping[str, Text] = field(default_factory=dict)
    """Titles of the owners of prerequisites and milestones."""


def overview(work: Work) -> Overview:
    """Everything the definitions hold."""
    shared = work.catalogue.shared
    owners = {kind.owner for kind in shared.prerequisites.values()}
    owners |= {kind.owner for kind in shared.recurring.values()}
    owners |= {kind.owner for kind in shared.milestones.values()}
    return Overview(
        versions=_versions(work),
        catalogue=work.catalogue,
        ladders=tuple(
            LadderShown(name, ladder, tuple(_rungs(work.catalogue, ladder)))
            for name, ladder in work.catalogue.programme.ladders.items()
        ),
        roles={owner: parts.role_title(work.catalogue, owner) for owner in owners},
    )


def process(work: Work, name: str, version: int) -> ProcessShown:
    """One version of a process. Raises NotFound."""
    known = next((one for one in work.catalogue.processes() if (one.process, one.version) == (name, version)), None)
    if known is None:
        raise NotFound(what="process", name=f"{name}/{version}")
    versions = tuple(one for one in _versions(work) if one.process == name)
    ways = tuple(_ways(work.catalogue, known))
    road = [key for key, state in known.states.items() if not state.aside]
    return ProcessShown(
        version=next(one for one in versions if one.version == version),
        versions=versions,
        process=known,
        states=tuple(
            StateShown(
                key=key,
                state=state,
                position=road.index(key) + 1 if key in road else 0,
                of=len(road),
                tasks=tuple(_tasks(work.catalogue, known, state)),
                ways=tuple(way for way in ways if key in way.transition.from_),
            )
            for key, state in known.states.items()
        ),
        ways=ways,
    )


def _versions(work: Work) -> tuple[Version, ...]:
    """By name, the newest version first."""
    public = work.catalogue.programme.state_is_public or policy.is_admin(work.actor)
    counted = work.session.execute(
        sa.select(Case.process, Case.process_version, Case.ended_on.is_(None), sa.func.count())
        .where(policy.case_states(work.actor, public=public))
        .group_by(Case.process, Case.process_version, Case.ended_on.is_(None))
    )
    numbers = {(name, version, bool(running)): n for name, version, running, n in counted}
    loaded = {
        (row.name, row.version): row.loaded_at
        for row in work.session.execute(
            sa.select(Definition.name, Definition.version, Definition.loaded_at).where(Definition.kind == "process")
        )
    }
    found = [
        Version(
            process=one.process,
            version=one.version,
            title=one.title,
            is_current=one == work.catalogue.newest(one.process),
            loaded_on=work.catalogue.calendar.today(loaded[one.process, one.version]),
            running=numbers.get((one.process, one.version, True), 0),
            ended=numbers.get((one.process, one.version, False), 0),
        )
        for one in work.catalogue.processes()
    ]
    return tuple(sorted(found, key=lambda one: (one.process, -one.version)))


def _tasks(catalogue: Catalogue, known: Process, state: State) -> Iterator[TaskShown]:
    numbers = {name: number for number, name in enumerate(state.tasks, start=1)}
    for name, task in state.tasks.items():
        yield TaskShown(
            number=numbers[name],
            name=name,
            task=task,
            owner=parts.role_title(catalogue, task.owner.replace("participant.", "body.")),
            of_participants=task.of_participants,
            confirm=parts.role_title(catalogue, task.confirm) if task.confirm else None,
            due=task.due,
            ladder=catalogue.programme.ladders[task.ladder].title,
            after=tuple((numbers.get(before, 0), known.task(before).title) for before in task.after),
            only_if=tuple(_conditions(known, task.only_if)),
            evidence=tuple(asked.title for asked in task.evidence.values()),
        )


def _ways(catalogue: Catalogue, known: Process) -> Iterator[TransitionShown]:
    for name, transition in known.transitions.items():
        yield TransitionShown(
            name=name,
            transition=transition,
            sources=tuple(known.states[key].title for key in transition.from_),
            target=known.states[transition.to].title,
            by=tuple(parts.role_title(catalogue, role) for role in transition.by if role != "system"),
            by_system="system" in transition.by,
            requires=tuple(_demanded(catalogue, known, transition)),
        )


def _demanded(catalogue: Catalogue, known: Process, transition: Transition) -> Iterator[Said]:
    for one in transition.requires:
        if isinstance(one, MilestoneRequirement):
            yield Said(catalogue.shared.milestones[one.milestone].title, key="milestone")
        elif isinstance(one, AnswerRequirement):
            yield from _conditions(known, one.answer)
        else:
            yield Said(None, key=one)


def _conditions(known: Process, asked: Condition) -> Iterator[Said]:
    """`task.field` by the titles of the task and its answers; what is asked of the service by our words."""
    for place, values in asked.items():
        first, _, second = place.partition(".")
        task = next((task for _, name, task in known.tasks() if name == first), None)
        if task is None or second not in task.evidence:
            yield Said(None, key=place, choices=tuple(values))
            continue
        options = task.evidence[second].options
        titles = tuple(options[value].title for value in values if isinstance(value, str) and value in options)
        rest = tuple(value for value in values if not (isinstance(value, str) and value in options))
        yield Said(task.title, titles, choices=rest)


def _rungs(catalogue: Catalogue, ladder: Ladder) -> Iterator[RungShown]:
    for rung in ladder.rungs:
        yield RungShown(
            at=rung.at,
            every=rung.every,
            times=rung.times,
            to=tuple(parts.role_title(catalogue, role) for role in rung.to if role not in ("owner", "deputy")),
            owner="owner" in rung.to,
            deputy="deputy" in rung.to,
            message=rung.message,
            escalates=rung.escalates,
        )
