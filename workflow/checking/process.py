"""Whether a process hangs together: its names, its order, its roads and who does what."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from workflow.checking import fields
from workflow.checking.faults import Findings, Place, listed, meant
from workflow.checking.names import Known, refer
from workflow.checking.tree import Node
from workflow.definition import (
    AD_HOC,
    CONDITION_ATTRIBUTES,
    CONDITION_ROOTS,
    INFORMED,
    OPENED,
    PARTICIPANT_OWNERS,
    REQUIREMENTS,
    SYSTEM,
    TASK_OWNERS,
    TRANSITION_ACTORS,
)

_TAKEN = frozenset({"state", "trigger", "to", "machine", "model", "initial", "events", "states", *keyword.kwlist})
_TAKEN_PREFIX = re.compile(r"(is|may|to|on_enter|on_exit)_")
"""Names the state machine gives to attributes of its own."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A task as written, with where it is."""

    name: str
    place: Place
    state: str
    node: Node


class _Process:
    """The tree of a process with what several checks ask it."""

    def __init__(self, root: Node, known: Known, findings: Findings) -> None:
        self.root = root
        self.known = known
        self.findings = findings
        self.states = {name: (place, node) for name, place, node in root.each("states")}
        self.transitions = list(root.each("transitions"))
        self.initial = root.text("initial")
        self.every_task = [
            _Task(name, place, state, task)
            for state, (_, node) in self.states.items()
            for name, place, task in node.each("tasks")
        ]
        self.tasks = {task.name: task for task in reversed(self.every_task)}
        """By name; of tasks that wrongly share one, the first."""
        self._resolved: dict[str, str | None] = {}
        self.roads = {state: frozenset(self._targets(state)) for state in self.states}

    def flag(self, state: str, name: str) -> bool:
        """Whether the state says `name: true`; what is neither true nor false was reported and counts as true."""
        node = self.states[state][1].get(name)
        return node is not None and str(node.value).lower() not in ("false", "no", "off", "0", "n", "f", "none")

    def resolved(self, name: str | None) -> str | None:
        """The state of this name, or the one that was probably meant: a typing mistake is reported once, not thrice."""
        if name is None or name in self.states:
            return name
        if name not in self._resolved:
            self._resolved[name] = meant(name, self.states)
        return self._resolved[name]

    def leaving(self, state: str) -> Iterator[tuple[str, Place, Node]]:
        """The transitions that start from this state."""
        for name, place, node in self.transitions:
            if any(self.resolved(source.word) == state for source in node.members("from")):
                yield name, place, node

    def _targets(self, state: str) -> Iterator[str]:
        for _, _, node in self.leaving(state):
            target = self.resolved(node.text("to"))
            if target is not None:
                yield target

    def may_miss(self, state: str, *, before: str) -> bool:
        """Whether a road leads from the initial state to `before` without passing `state`."""
        return before in self.reached_from(self.resolved(self.initial), without=state)

    def reached_from(self, start: str | None, *, without: str | None = None) -> frozenset[str]:
        """Every state a case can come to from `start` (itself counted), not passing `without`."""
        reached: set[str] = set()
        waiting = [start]
        while waiting:
            state = waiting.pop()
            if state is not None and state in self.roads and state not in reached and state != without:
                reached.add(state)
                waiting.extend(self.roads[state])
        return frozenset(reached)

    def before(self, name: str) -> frozenset[str]:
        """The tasks of the same state that are finished before this one is asked for."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            task = self.tasks.get(waiting.pop())
            for entry in task.node.members("after") if task else ():
                other = entry.word if entry.word is None or entry.word in self.tasks else meant(entry.word, self.tasks)
                if other is not None and other not in found:
                    found.add(other)
                    waiting.append(other)
        return frozenset(found)


def check_process(root: Node, name: str, version: int, known: Known, findings: Findings) -> None:
    """Name every fault in the meaning of one process file; its shape was looked at elsewhere."""
    process = _Process(root, known, findings)
    _check_identity(root, name, version, findings)
    _check_tasks(process)
    for task in process.every_task:
        _check_task(process, task)
        _check_condition(process, task)
    _check_order(process)
    for transition, place, node in process.transitions:
        _check_transition(process, transition, place, node)
    if process.states:
        _check_roads(process)


def check_owner(node: Node, findings: Findings, *, of_case: bool = False) -> None:
    """The owner of a task or prerequisite is a role that can own one."""
    owner = node.get("owner")
    owners = (*TASK_OWNERS, *PARTICIPANT_OWNERS) if of_case else TASK_OWNERS
    if owner is None or owner.word is None or owner.word in owners:
        return
    if owner.word == "programme_office":
        findings.add(owner.place, "fault.owner_programme_office")
    else:
        known = listed(owners, most=20)
        findings.add(owner.place, "fault.owner", owner=owner.word, known=known, meant=meant(owner.word, owners))


def _check_identity(root: Node, name: str, version: int, findings: Findings) -> None:
    written, number = root.get("process"), root.get("version")
    if written is not None and written.word is not None and written.word != name:
        findings.add(written.place, "fault.process_name", name=written.word, folder=name)
    if number is not None and isinstance(number.value, int) and number.value != version:
        findings.add(number.place, "fault.process_version", written=str(number.value), file=f"v{version}.yaml")


def _check_tasks(process: _Process) -> None:
    """Names are unique within a process and do not hide a root of conditions."""
    for task in process.every_task:
        first = process.tasks[task.name]
        if first is not task:
            process.findings.add(task.place, "fault.duplicate_task", task=task.name, state=first.state)
        elif task.name in CONDITION_ROOTS or task.name == AD_HOC:
            process.findings.add(task.place, "fault.task_name_taken", task=task.name)


def _check_task(process: _Process, task: _Task) -> None:
    node, findings = task.node, process.findings
    check_owner(node, findings, of_case=True)
    if _is_of_participants(task):
        _check_many(task, findings)
    refer(findings, node.get("ladder"), process.known.ladders, "fault.unknown_ladder")
    refer(findings, node.get("confirm"), TASK_OWNERS, "fault.confirm")
    refer(findings, node.get("sample"), process.known.samples, "fault.unknown_sample")
    for informed in node.members("informs"):
        refer(findings, informed, INFORMED, "fault.unknown_role")
    due = node.get("due")
    if due is not None:
        refer(findings, due.get("milestone"), process.known.milestones, "fault.unknown_milestone")
        _check_promise(process, due)
    _check_statutory(process, task)
    siblings = frozenset(other.name for other in process.every_task if other.state == task.state)
    for entry in node.members("after"):
        if entry.word == task.name:
            findings.add(entry.place, "fault.after_itself", task=task.name)
        elif entry.word not in siblings and entry.word in process.tasks:
            findings.add(entry.place, "fault.after_elsewhere", task=entry.word, state=process.tasks[entry.word].state)
        else:
            refer(findings, entry, siblings, "fault.unknown_task")
    fields.check_fields(node.get("evidence"), findings, of_case=True)


def _is_of_participants(task: _Task) -> bool:
    return (task.node.text("owner") or "") in PARTICIPANT_OWNERS


def _check_many(task: _Task, findings: Findings) -> None:
    """What is there for every participant cannot say something about the case: they may say different things."""
    for name, place, field in task.node.each("evidence"):
        if field.get("sets") is not None or field.text("type") in ("variant", "wave"):
            findings.add(place, "fault.participant_sets", task=task.name, name=name)


def _check_promise(process: _Process, due: Node) -> None:
    """`promised: task.field` names a date."""
    promised = due.get("promised")
    if promised is None or promised.word is None:
        return
    task, dot, name = promised.word.partition(".")
    if not dot or not name:
        process.findings.add(promised.place, "fault.promised_form")
        return
    field = _field(process, promised, task, name)
    if task in process.tasks and _is_of_participants(process.tasks[task]):
        process.findings.add(promised.place, "fault.participant_asked", task=task)
    elif field is not None and field.text("type") not in ("date", None):
        process.findings.add(promised.place, "fault.promised_type", field=promised.word)


def _check_statutory(process: _Process, task: _Task) -> None:
    """A period begins with a day that is known when the task is worked on: of another task, or of the case."""
    statutory = task.node.get("statutory")
    since = statutory.get("since") if statutory is not None else None
    if since is None or since.word is None or since.word == OPENED:
        return
    other, dot, name = since.word.partition(".")
    if not dot or not name:
        process.findings.add(since.place, "fault.since_form")
        return
    field = _field(process, since, other, name)
    if other == task.name:
        process.findings.add(since.place, "fault.since_itself")
    elif other in process.tasks and _is_of_participants(process.tasks[other]):
        process.findings.add(since.place, "fault.participant_asked", task=other)
    elif field is not None and field.text("type") not in ("date", None):
        process.findings.add(since.place, "fault.promised_type", field=since.word)


def _field(process: _Process, written: Node | Place, task: str, name: str) -> Node | None:
    """The evidence field a dotted name means; None, and a fault, when there is none."""
    place = written.place if isinstance(written, Node) else written
    if task not in process.tasks:
        process.findings.add(place, "fault.unknown_task", name=task, meant=meant(task, process.tasks))
        return None
    evidence = {key: node for key, _, node in process.tasks[task].node.each("evidence")}
    if name not in evidence:
        near = meant(name, evidence)
        process.findings.add(place, "fault.unknown_evidence", task=task, name=name, meant=near and f"{task}.{near}")
        return None
    return evidence[name]


def _check_condition(process: _Process, task: _Task) -> None:
    """What `only_if` asks exists, is known by then, and can have the values it is compared with."""
    for asked, place, values in task.node.each("only_if"):
        root, _, name = asked.partition(".")
        if not name or "." in name:
            process.findings.add(place, "fault.condition_form", name=asked)
        elif root in CONDITION_ROOTS:
            _check_attribute(process, asked, place, values)
        elif root not in process.tasks:
            near = meant(root, {*process.tasks, *CONDITION_ROOTS})
            process.findings.add(place, "fault.condition_root", name=root, meant=near)
        elif _is_of_participants(process.tasks[root]):
            process.findings.add(place, "fault.participant_asked", task=root)
        else:
            field = _field(process, place, root, name)
            if field is not None and process.tasks[root] is not task:
                _check_answer(process, asked, field, values)
            _check_is_before(process, task, process.tasks[root], place)
        if values.elements is not None and not values.elements and not values.broken:
            process.findings.add(place, "fault.condition_empty", name=asked)


def _check_attribute(process: _Process, asked: str, place: Place, values: Node) -> None:
    if asked not in CONDITION_ATTRIBUTES:
        near = meant(asked, CONDITION_ATTRIBUTES)
        process.findings.add(place, "fault.condition_attribute", name=asked, meant=near)
        return
    _check_values(process, asked, values, CONDITION_ATTRIBUTES[asked] or process.known.variants)


def _check_answer(process: _Process, asked: str, field: Node, values: Node) -> None:
    """The values of an earlier answer that can really be given."""
    kind = field.text("type")
    options = [option for option, _, _ in field.each("options")]
    if kind == "choice":
        _check_values(process, asked, values, options)
    elif kind == "variant":
        _check_values(process, asked, values, process.known.variants)
    elif kind == "flag":
        _check_values(process, asked, values, (True, False))
    elif kind in fields.TYPES and kind not in ("text", "number"):
        process.findings.add(values.place, "fault.condition_type", name=asked, type=str(kind))


def _check_values(process: _Process, asked: str, values: Node, possible: Collection[str | bool]) -> None:
    words = [value for value in possible if isinstance(value, str)]
    for element in (values.elements or ()) if possible else ():
        value = element.value
        if not isinstance(value, (str, int)) or any(type(value) is type(one) and value == one for one in possible):
            continue
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        near = meant(shown, words)
        process.findings.add(element.place, "fault.condition_impossible", name=asked, value=shown, meant=near)


def _check_is_before(process: _Process, task: _Task, asked: _Task, place: Place) -> None:
    """The asked task is surely behind us when this one would become ready."""
    if asked is task:
        process.findings.add(place, "fault.condition_itself", task=task.name)
    elif asked.state == task.state:
        if asked.name not in process.before(task.name):
            process.findings.add(place, "fault.condition_order", task=task.name, asked=asked.name)
    elif process.may_miss(asked.state, before=task.state):
        process.findings.add(place, "fault.condition_state", task=task.name, asked=asked.name, state=asked.state)


def _check_order(process: _Process) -> None:
    """No task waits for itself by way of others; each circle is named once, at the first task in it."""
    told: set[str] = set()
    for task in process.every_task:
        circle = _circle(process, task) if task.name not in told else ()
        if circle:
            told.update(circle)
            entry = next(entry for entry in task.node.members("after") if entry.word == circle[1])
            process.findings.add(entry.place, "fault.after_circle", circle=(" → ".join(circle),))


def _circle(process: _Process, start: _Task) -> tuple[str, ...]:
    """The shortest way along `after` from a task back to itself; empty when there is none or it names itself."""
    roads: list[tuple[str, ...]] = [(start.name,)]
    seen: set[str] = set()
    for road in roads:
        for entry in process.tasks[road[-1]].node.members("after"):
            name = entry.word
            if name == start.name and len(road) > 1:
                return (*road, start.name)
            if name in process.tasks and name not in seen and name != road[-1]:
                seen.add(name)
                roads.append((*road, name))
    return ()


def _check_transition(process: _Process, name: str, place: Place, node: Node) -> None:
    findings, states = process.findings, process.states
    if name in _TAKEN or _TAKEN_PREFIX.match(name):
        findings.add(place, "fault.transition_name_taken", name=name)
    for source in node.members("from"):
        refer(findings, source, states, "fault.unknown_state")
    refer(findings, node.get("to"), states, "fault.unknown_state")
    for actor in node.members("by"):
        refer(findings, actor, TRANSITION_ACTORS, "fault.unknown_actor")
    for role in node.members("notify"):
        refer(findings, role, INFORMED, "fault.unknown_role")
    for requirement in node.members("requires"):
        refer(findings, requirement, REQUIREMENTS, "fault.unknown_requirement")
        refer(findings, requirement.get("milestone"), process.known.milestones, "fault.unknown_milestone")
        _check_answers(process, node, requirement)
    target = process.resolved(node.text("to"))
    for task in node.members("reopens"):
        if task.word in process.tasks and process.tasks[task.word].state != target:
            findings.add(task.place, "fault.reopens_elsewhere", task=task.word, state=process.tasks[task.word].state)
        else:
            refer(findings, task, process.tasks, "fault.unknown_task")
    fields.check_fields(node.get("asks"), findings, of_case=True)


def _check_answers(process: _Process, transition: Node, requirement: Node) -> None:
    """The answers a transition demands are asked for in a state it leaves, and can be given."""
    left = [process.resolved(source.word) for source in transition.members("from")]
    for asked, place, values in requirement.each("answer"):
        root, _, name = asked.partition(".")
        if not name or "." in name:
            process.findings.add(place, "fault.condition_form", name=asked)
        elif root in process.tasks and process.tasks[root].state not in left:
            process.findings.add(place, "fault.answer_elsewhere", task=root, state=process.tasks[root].state)
        elif (field := _field(process, place, root, name)) is not None:
            _check_answer(process, asked, field, values)
        if values.elements is not None and not values.elements and not values.broken:
            process.findings.add(place, "fault.condition_empty", name=asked)


def _check_roads(process: _Process) -> None:
    """Every state can be reached, and from every state there is a way to the goal or an end."""
    findings = process.findings
    initial = process.root.get("initial")
    refer(findings, initial, process.states, "fault.unknown_state")
    start = process.resolved(process.initial)
    if start in process.states and not process.flag(start, "end"):
        reached = process.reached_from(start)
        for state, (place, _) in process.states.items():
            if state not in reached:
                findings.add(place, "fault.unreachable_state", state=state)
    elif initial is not None and start in process.states:
        findings.add(initial.place, "fault.initial_is_end", state=start)
    goals = [state for state in process.states if process.flag(state, "goal")]
    rests = {state for state in process.states if state in goals or process.flag(state, "end")}
    if not goals:
        place = process.root.keys.get("states", process.root.place)
        findings.add(place, "fault.no_goal")
    for state, (place, node) in process.states.items():
        if process.flag(state, "end"):
            _check_end(process, state, node)
        elif rests and not rests & process.reached_from(state):
            findings.add(place, "fault.dead_end", state=state)
        elif state not in goals:
            _check_way_out(process, state, place)


def _check_end(process: _Process, state: str, node: Node) -> None:
    """Nothing is to be done at an end, and nothing leads on."""
    if any(True for _ in node.each("tasks")):
        process.findings.add(node.keys["tasks"], "fault.end_with_tasks", state=state)
    for name, _, transition in process.leaving(state):
        source = next(source for source in transition.members("from") if process.resolved(source.word) == state)
        process.findings.add(source.place, "fault.end_with_transition", state=state, transition=name)


def _check_way_out(process: _Process, state: str, place: Place) -> None:
    """Somebody can move a case on by hand."""
    actors = [
        {actor.word for actor in node.members("by")} for _, _, node in process.leaving(state) if node.members("by")
    ]
    if actors and all(named == {SYSTEM} for named in actors):
        process.findings.add(place, "fault.only_system", state=state)
