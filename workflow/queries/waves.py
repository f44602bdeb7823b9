"""Waves: which cases are ready for their Stichtag, and what the others lack.

What ready means comes out of the definition of the process: of the task that is due on the Stichtag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import database, policy
from workflow.casework import SETTLED
from workflow.definition import MilestoneRequirement, Needed, Process, Stichtag, Text, Transition
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import Body, Case, Milestone, Prerequisite, Task, Wave
from workflow.queries import parts
from workflow.queries.parts import Due, StateView
from workflow.texts import sort_key, title

PAGE = 50

Standing = Literal["not_ready", "ready", "delivered"]
STANDINGS: tuple[Standing, ...] = ("not_ready", "ready", "delivered")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What ready means for the cases of one process version.

    With a `task` that is due on the Stichtag: nothing is open before it that leaving `state` by `move` asks for.
    Without one: the case has reached `state`, the last before the service is in use.
    """

    state: Text
    task: Text | None
    move: Text | None
    later: tuple[Text, ...]
    """Tasks that come only after that one and so do not count."""
    prerequisites: bool
    milestones: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is missing. `key` is the same for all cases that lack it."""

    kind: Literal["task", "prerequisite", "milestone", "move"]
    key: str
    title: Text
    who: Text
    instead_of: Text | None
    due: Due | None
    id: UUID | None


@dataclass(frozen=True, slots=True)
class Line:
    """A case of the wave."""

    id: UUID
    number: str
    service: Text
    body_name: str
    state: StateView
    stichtag: Due | None
    """Where it has one of its own."""
    rests: bool
    items: tuple[Item, ...]
    following: int
    """Tasks of its state that can begin only when others are done."""


@dataclass(frozen=True, slots=True)
class Sums:
    """How many cases are ready."""

    not_ready: int = 0
    ready: int = 0
    delivered: int = 0
    resting: int = 0
    """Of those that are not ready."""

    @property
    def cases(self) -> int:
        """All of them."""
        return self.not_ready + self.ready + self.delivered


@dataclass(frozen=True, slots=True)
class WaveLine:
    """A wave with the cases the reader sees."""

    key: str
    title: Text
    stichtag: Due
    services: tuple[Text, ...]
    """Empty: for every service."""
    sums: Sums


@dataclass(frozen=True, slots=True)
class Lack:
    """What several cases lack, and how many."""

    key: str
    title: Text
    cases: int


@dataclass(frozen=True, slots=True)
class WavePage:
    """A wave: who is ready, and what the others lack."""

    wave: WaveLine
    meanings: tuple[Meaning, ...]
    """One for each process version that cases of the wave follow."""
    show: Standing
    lines: tuple[Line, ...]
    page: int
    pages: int
    lacks: tuple[Lack, ...]
    """What is missing most often first."""
    lack: Lack | None
    """What is asked for."""
    teams: tuple[tuple[str, str, Sums], ...]
    team: str | None


def waves(work: Work) -> tuple[WaveLine, ...]:
    """Every wave, those to come first. Takes the same number of statements however many cases there are."""
    found = _read(work, _visible(work))
    by_wave: dict[str, list[_Found]] = {}
    for one in found:
        by_wave.setdefault(one.row.wave, []).append(one)
    lines = [_wave(work, row, by_wave.get(row.key, ())) for row in work.session.execute(_WAVES)]
    return tuple(sorted(lines, key=lambda line: (line.stichtag.overdue, line.stichtag.on, line.key)))


def wave(
    work: Work,
    key: str,
    *,
    show: str | None = None,
    team: str | None = None,
    lack: str | None = None,
    page: int = 1,
) -> WavePage:
    """One wave; narrowed to a team and to what is missing, where they exist. Raises NotFound."""
    row: Any = work.session.execute(_WAVES.where(Wave.key == key)).first()
    if row is None or not policy.sees_milestones(work.actor):
        raise NotFound(what="wave", name=key)
    everything = _read(work, sa.and_(_visible(work), Case.wave == key))
    titles = parts.team_titles(work)
    of_team: dict[str, list[_Found]] = {}
    for one in everything:
        of_team.setdefault(one.row.team, []).append(one)
    team = team if team in of_team else None
    found = of_team[team] if team is not None else everything
    lacks = _lacks(work, found)
    asked = next((one for one in lacks if one.key == lack), None)
    wanted: Standing = next((one for one in STANDINGS if one == show), "not_ready")
    if asked is not None:
        wanted = "not_ready"
    listed = [
        one
        for one in found
        if one.standing == wanted and (asked is None or asked.key in {item.key for item in one.items})
    ]
    pages = max(1, -(-len(listed) // PAGE))
    page = min(max(page, 1), pages)
    versions = dict.fromkeys((one.row.process, one.row.process_version) for one in everything)
    return WavePage(
        wave=_wave(work, row, found),
        meanings=tuple(dict.fromkeys(_meaning(work, work.catalogue.process(*version)) for version in versions)),
        show=wanted,
        lines=_lines(work, listed[(page - 1) * PAGE : page * PAGE], row.stichtag),
        page=page,
        pages=pages,
        lacks=lacks,
        lack=asked,
        teams=tuple(
            (one, titles.get(one, one), _sums(of_team[one]))
            for one in sorted(of_team, key=lambda one: sort_key(titles.get(one) or one))
        ),
        team=team,
    )


_WAVES = sa.select(Wave.key, Wave.title_de, Wave.title_en, Wave.stichtag)


# --- what ready means ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Aim:
    """Where a case has to be at the Stichtag. `later`: the task that is due then, and those that come after it.
    `milestones`: those asked for from each state on the road on; `prerequisites`: what bodies need once counts.
    """

    road: tuple[str, ...]
    state: str
    task: str | None
    later: tuple[str, ...]
    onward: Mapping[str, Transition]
    """By the states on the road: the step that leads on."""
    milestones: Mapping[str, tuple[str, ...]]
    prerequisites: bool

    def place(self, state: str) -> int | None:
        """How far a state is behind this one (negative) or beyond it; None beside the road."""
        return self.road.index(state) - self.road.index(self.state) if state in self.road else None


def _aim(known: Process) -> _Aim:
    road = tuple(name for name, state in known.states.items() if not state.aside)
    onward: dict[str, Transition] = {}
    for state in road:
        for move in known.transitions.values():
            forward = state in move.from_ and not move.back and not known.states[move.to].aside
            if forward and set(move.by) != {"system"}:
                onward.setdefault(state, move)
    due_then = [
        (state, name) for state, name, task in known.tasks() if isinstance(task.due, Stichtag) and state in road
    ]
    if not due_then:
        goal = next((at for at, state in enumerate(road) if known.states[state].goal), len(road) - 1)
        return _aimed(road, road[max(goal - 1, 0)], None, (), onward)
    state, name = due_then[-1]
    later = [name]
    tasks = known.states[state].tasks
    while more := [one for one, task in tasks.items() if one not in later and set(task.after) & set(later)]:
        later += more
    return _aimed(road, state, name, tuple(later), onward)


def _aimed(
    road: tuple[str, ...], state: str, task: str | None, later: tuple[str, ...], onward: Mapping[str, Transition]
) -> _Aim:
    """With what is asked for on the way there; without a task that is due then, only up to the state itself."""
    last = road.index(state) + (1 if task is not None else 0)
    steps = [onward[one] for one in road[:last] if one in onward]
    milestones: dict[str, tuple[str, ...]] = {}
    for at, one in enumerate(road[:last]):
        required = (need for step in road[at:last] if step in onward for need in onward[step].requires)
        milestones[one] = tuple(
            dict.fromkeys(need.milestone for need in required if isinstance(need, MilestoneRequirement))
        )
    prerequisites = any("prerequisites_done" in step.requires for step in steps)
    return _Aim(road, state, task, later, onward, milestones, prerequisites)


def _meaning(work: Work, process: Process) -> Meaning:
    aim = _aim(process)
    tasks = process.states[aim.state].tasks
    milestones = work.catalogue.shared.milestones
    move = aim.onward.get(aim.state)
    return Meaning(
        state=process.states[aim.state].title,
        task=tasks[aim.task].title if aim.task is not None else None,
        move=move.title if move is not None and aim.task is not None else None,
        later=tuple(tasks[name].title for name in aim.later if name != aim.task),
        prerequisites=aim.prerequisites,
        milestones=tuple(milestones[kind].title for kind in aim.milestones.get(aim.road[0], ()) if kind in milestones),
    )


# --- the cases -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Missing:
    """What is missing, before it is said who is to act. `row` has what `parts.acting` asks of a task."""

    kind: Literal["task", "prerequisite", "milestone", "move"]
    key: str
    title: Text
    row: Any
    due_on: Any
    id: UUID | None


@dataclass(frozen=True, slots=True)
class _Known:
    """What is asked about many cases alike. By process version; by service and variant; by body, kind and scope; by
    service and kind: only those that are not reached."""

    aims: Mapping[tuple[str, int], _Aim]
    needed: Mapping[tuple[str, str | None], tuple[Needed, ...]]
    prerequisites: Mapping[tuple[str, str, str], Any]
    milestones: Mapping[tuple[str, str], Any]


@dataclass(frozen=True, slots=True)
class _Found:
    row: Any
    standing: Standing
    items: tuple[_Missing, ...]
    following: int


@dataclass(frozen=True, slots=True)
class _Acting:
    """Somebody who is to act and holds no task for it."""

    acting: str
    body: str
    service: str
    team: str
    operator: str | None


def _visible(work: Work) -> sa.ColumnElement[bool]:
    """The cases of any wave the actor sees that have not ended; of several rounds the one that counts."""
    return sa.and_(policy.cases(work.actor), Case.wave.is_not(None), Case.ended_on.is_(None), parts.counts())


def _read(work: Work, where: sa.ColumnElement[bool]) -> list[_Found]:
    """These cases by body and service, with what each lacks: five statements."""
    rows = work.session.execute(
        sa.select(
            Case.id,
            Case.number,
            Case.service,
            Case.body,
            Case.process,
            Case.process_version,
            Case.state,
            Case.team,
            Case.operator,
            Case.variant,
            Case.wave,
            Case.stichtag,
            Case.live_on,
            Case.rests,
            Body.display_name,
        )
        .join(Body, Body.ars == Case.body)
        .where(where)
        .order_by(database.plainly_sorted(work.session, Body.sort_key), Body.ars)
    ).all()
    language = work.actor.language
    words = {row.service: parts.service_title(work.catalogue, row.service) for row in rows}
    ranks = {
        key: at for at, key in enumerate(sorted(words, key=lambda key: (sort_key(title(language, words[key])), key)))
    }
    tasks = _open_tasks(work, where)
    places = {row.body: at for at, row in enumerate(rows)}
    catalogue = work.catalogue
    versions = {(row.process, row.process_version) for row in rows}
    aims = {version: _aim(catalogue.process(*version)) for version in versions}
    waiting = _waiting_tasks(work, where, aims.values())
    known = _Known(
        aims=aims,
        needed={key: catalogue.needed(*key) for key in {(row.service, row.variant) for row in rows}},
        prerequisites=_prerequisites(work, where),
        milestones=_milestones(work),
    )
    found = [_found(work, row, known, tasks.get(row.id, ()), waiting.get(row.id, (0, 0))) for row in rows]
    return sorted(found, key=lambda one: (places[one.row.body], ranks[one.row.service], one.row.number))


def _open_tasks(work: Work, where: sa.ColumnElement[bool]) -> dict[UUID, list[Any]]:
    """The mandatory tasks of their present state somebody is to act on, the most urgent first."""
    rows = work.session.execute(
        sa.select(
            Task.id,
            Task.case_id,
            Task.name,
            Task.state,
            Task.acting,
            Task.body,
            Task.service,
            Task.team,
            Task.operator,
            Task.due_on,
            Case.process,
            Case.process_version,
            parts.said_title(Task.id),
        )
        .join(Case, sa.and_(Case.id == Task.case_id, Case.state == Task.state))
        .where(where, Task.optional.is_(False), Task.acting.is_not(None))
        .order_by(Task.due_on.is_(None), Task.due_on, Task.name)
    )
    found: dict[UUID, list[Any]] = {}
    for row in rows:
        found.setdefault(row.case_id, []).append(row)
    return found


def _waiting_tasks(work: Work, where: sa.ColumnElement[bool], aims: Iterable[_Aim]) -> dict[UUID, tuple[int, int]]:
    """Of each case how many mandatory tasks of its state cannot begin yet: those that count, and those due on the
    Stichtag."""
    aims = tuple(aims)
    later = sorted({name for aim in aims for name in aim.later})
    then = sorted({aim.task for aim in aims if aim.task is not None})
    rows = work.session.execute(
        sa.select(
            Task.case_id,
            sa.func.sum(sa.case((Task.name.in_(later), 0), else_=1)),
            sa.func.sum(sa.case((Task.name.in_(then), 1), else_=0)),
        )
        .join(Case, sa.and_(Case.id == Task.case_id, Case.state == Task.state))
        .where(where, Task.optional.is_(False), Task.acting.is_(None), Task.status.not_in(sorted(SETTLED)))
        .group_by(Task.case_id)
    )
    return {case_id: (int(following), int(pending)) for case_id, following, pending in rows}


def _prerequisites(work: Work, where: sa.ColumnElement[bool]) -> dict[tuple[str, str, str], Any]:
    columns = ("id", "body", "kind", "scope", "status", "acting", "owner", "team", "due_on", "valid_until", "renewing")
    bodies = sa.select(Case.body).where(where)
    rows = work.session.execute(
        sa.select(*(getattr(Prerequisite, name) for name in columns)).where(Prerequisite.body.in_(bodies))
    )
    return {(row.body, row.kind, row.scope): row for row in rows}


def _milestones(work: Work) -> dict[tuple[str, str], Any]:
    """Those that are not reached yet."""
    columns = (Milestone.id, Milestone.service, Milestone.kind, Milestone.due_on)
    rows = work.session.execute(sa.select(*columns).where(Milestone.reached_on.is_(None)))
    return {(row.service, row.kind): row for row in rows}


def _found(work: Work, row: Any, known: _Known, tasks: Sequence[Any], waiting: tuple[int, int]) -> _Found:
    aim = known.aims[row.process, row.process_version]
    place = aim.place(row.state)
    if row.live_on is not None or (place is not None and place > 0):
        return _Found(row, "delivered", (), 0)
    counted = [task for task in tasks if place != 0 or task.name not in aim.later]
    items: list[_Missing] = []
    if aim.task is not None or place is None or place < 0:
        items += _open(work, counted)
        items += _reach(work, row, aim, known.milestones)
        if aim.prerequisites:
            items += _bring(work, row, known.needed[row.service, row.variant], known.prerequisites)
    following, pending = waiting
    if not items and not following and place is not None and place < 0 and row.state in aim.onward:
        move = aim.onward[row.state]
        role = next(role for role in move.by if role != "system")
        items.append(_Missing("move", f"move:{row.state}", move.title, _somebody(row, role), None, None))
    if items or following or row.rests or place is None:
        return _Found(row, "not_ready", tuple(items), following)
    handed_over = aim.task is not None and not pending and not any(task.name == aim.task for task in tasks)
    return _Found(row, "delivered" if handed_over else "ready", (), 0)


def _open(work: Work, tasks: Iterable[Any]) -> list[_Missing]:
    return [
        _Missing("task", f"task:{task.name}", parts.task_title(work.catalogue, task), task, task.due_on, task.id)
        for task in tasks
    ]


def _reach(work: Work, row: Any, aim: _Aim, milestones: Mapping[tuple[str, str], Any]) -> list[_Missing]:
    known = work.catalogue.services.get(row.service)
    asked = aim.milestones.get(row.state, ())
    wanted = [kind for kind in asked if known is not None and kind in known.milestones]
    return [
        _Missing(
            "milestone",
            f"milestone:{kind}",
            work.catalogue.shared.milestones[kind].title,
            _somebody(row, "programme_office"),
            missing.due_on,
            missing.id,
        )
        for kind in wanted
        if (missing := milestones.get((row.service, kind))) is not None
    ]


def _bring(
    work: Work, row: Any, needed: Iterable[Needed], prerequisites: Mapping[tuple[str, str, str], Any]
) -> list[_Missing]:
    """What the body needs once and does not have."""
    missing: list[_Missing] = []
    for entry in needed:
        known = prerequisites.get((row.body, entry.kind, entry.scope))
        if known is not None and _holds(work, known):
            continue
        acting = "umsetzungsteam" if known is None else known.acting or known.owner
        team = known.team if known is not None else row.team
        missing.append(
            _Missing(
                "prerequisite",
                f"prerequisite:{entry.kind}",
                parts.prerequisite_title(work.catalogue, entry.kind),
                _Acting(acting, row.body, "", team, None),
                known.due_on if known is not None and known.acting else None,
                known.id if known is not None else None,
            )
        )
    return missing


def _holds(work: Work, known: Any) -> bool:
    """Whether it was proved and is still valid; a renewal under way takes nothing away."""
    proved = known.status == "done" or known.renewing
    return bool(proved and (known.valid_until is None or known.valid_until >= work.today))


def _somebody(row: Any, role: str) -> _Acting:
    return _Acting(role, row.body, row.service, row.team, row.operator)


# --- in words --------------------------------------------------------------------------------------------------------


def _sums(found: Iterable[_Found]) -> Sums:
    found = list(found)
    counted = Counter(one.standing for one in found)
    resting = sum(one.row.rests and one.standing == "not_ready" for one in found)
    return Sums(counted["not_ready"], counted["ready"], counted["delivered"], resting)


def _wave(work: Work, row: Any, found: Iterable[_Found]) -> WaveLine:
    defined = work.catalogue.programme.waves.get(row.key)
    services = tuple(parts.service_title(work.catalogue, key) for key in (defined.services if defined else ()))
    words = Text(de=row.title_de, en=row.title_en)
    return WaveLine(row.key, words, parts.due(work, row.stichtag), services, _sums(found))


def _lacks(work: Work, found: Iterable[_Found]) -> tuple[Lack, ...]:
    """What is missing, each counted once per case."""
    cases: Counter[str] = Counter()
    titles: dict[str, Text] = {}
    for one in found:
        named = {item.key: item.title for item in one.items if item.key != "task:ad_hoc"}
        cases.update(named.keys())
        titles |= named
    language = work.actor.language
    ordered = sorted(cases, key=lambda key: (-cases[key], sort_key(title(language, titles[key])), key))
    return tuple(Lack(key, titles[key], cases[key]) for key in ordered)


def _lines(work: Work, found: Sequence[_Found], stichtag: Any) -> tuple[Line, ...]:
    missing = [item for one in found for item in one.items]
    acting = parts.acting(work, [item.row for item in missing]) if missing else []
    who = {id(item): acts for item, acts in zip(missing, acting, strict=True)}
    return tuple(
        Line(
            id=one.row.id,
            number=one.row.number,
            service=parts.service_title(work.catalogue, one.row.service),
            body_name=one.row.display_name,
            state=parts.state(work.catalogue, one.row.process, one.row.process_version, one.row.state),
            stichtag=parts.due(work, one.row.stichtag) if one.row.stichtag not in (None, stichtag) else None,
            rests=one.row.rests,
            items=tuple(
                Item(
                    item.kind,
                    item.key,
                    item.title,
                    who[id(item)].role,
                    who[id(item)].instead_of,
                    parts.due(work, item.due_on),
                    item.id,
                )
                for item in one.items
            ),
            following=one.following,
        )
        for one in found
    )
