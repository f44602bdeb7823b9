"""A case this transaction holds, and everything that changes about it until one entry of history keeps it.

Deeds say what changes (`set`, `update`, `add`, `keep`, `notify`); `record` turns the same changes into rows and into
the entry of the chain, so that folding a chain gives the rows by construction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from workflow import database, deadlines, events, evidence, messages, policy, statements
from workflow.calendar import Extension as Extended
from workflow.calendar import Pause
from workflow.deadlines import Counting, DueDate
from workflow.definition import (
    AD_HOC,
    DOCUMENT_KINDS,
    OPENED,
    Due,
    EvidenceField,
    OfMilestone,
    Process,
    Promised,
    Stichtag,
    Text,
    WorkingDays,
    canonical,
)
from workflow.definition import Task as TaskDefinition
from workflow.engine import Work
from workflow.errors import CaseHasMoved, NotFound, Refused, TaskHasMoved
from workflow.evidence import Answer, Kept
from workflow.models import (
    Absence,
    AdHoc,
    Case,
    ChecklistItem,
    Comment,
    Document,
    Evidence,
    Extension,
    Followup,
    Grant,
    Hold,
    Mention,
    Milestone,
    Notice,
    Part,
    Participant,
    Person,
    Prerequisite,
    Recording,
    Remark,
    Reply,
    Task,
)
from workflow.policy import Holder
from workflow.statements import Asking, Query, Writing
from workflow.texts import search_key

RESULT = {
    "result": EvidenceField(type="long_text", title=Text(de="Ergebnis", en="Result"), required=False),
    "document": EvidenceField(
        type="document", title=Text(de="Dokument", en="Document"), required=False, accept=DOCUMENT_KINDS
    ),
}
"""What a task asks for that somebody added."""

OPEN = ("waiting", "ready", "accepted", "submitted")
SETTLED = ("done", "waived", "obsolete")
_PASSED_ON = ("waiting", "submitted", "declined", *SETTLED)
MOST_EXTENSION = 60
"""Working days by which one extension may move a date."""


@dataclass(slots=True)
class CaseRow:
    """The columns of a case."""

    id: UUID
    number: str
    service: str
    body: str
    round: int
    process: str
    process_version: int
    state: str
    version: int
    team: str
    operator: str | None
    variant: str | None
    wave: str | None
    stichtag: dt.date | None
    opened_on: dt.date
    entered_on: dt.date
    live_on: dt.date | None
    closed_on: dt.date | None
    ended_on: dt.date | None
    rests: bool
    underway: bool
    attempts: int
    seq: int
    head: str
    superseded_by: UUID | None = None
    previous_id: UUID | None = None
    occasion: str = "first"
    taken_over: bool = False
    delegate: str | None = None


@dataclass(slots=True)
class TaskRow:
    """The columns of a task."""

    id: UUID
    case_id: UUID
    name: str
    scope: str
    state: str
    service: str
    body: str
    team: str
    operator: str | None
    owner: str
    optional: bool
    status: str
    acting: str | None
    attempt: int
    version: int
    holder_id: UUID | None
    submitted_by: UUID | None
    submitted_for: UUID | None
    recorded_for_body: bool
    counted_from: dt.date | None
    extended_days: int
    due_on: dt.date | None
    ended_on: dt.date | None
    ladder: str | None
    remind_at: dt.datetime | None
    rung: str | None
    occurrence: int
    generation: int
    handed_on_by: UUID | None = None
    follow_up_on: dt.date | None = None
    follow_up_by: UUID | None = None
    redo: str | None = None
    replied: int | None = None
    promised_on: dt.date | None = None

    @property
    def key(self) -> str:
        """What tells the tasks of a case apart: the name, and the scope where a task is there several times."""
        return key_of(self.name, self.scope)

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something before it is settled or declined."""
        return self.status in OPEN

    @property
    def satisfies(self) -> bool:
        """Whether tasks that come after it may begin."""
        return self.status in SETTLED or (self.status == "declined" and self.optional)

    @property
    def is_settled(self) -> bool:
        """Whether a transition may be taken as far as this task is concerned."""
        return self.optional or self.status in SETTLED


def key_of(name: str, scope: str) -> str:
    """`TaskRow.key` of a task that is not at hand."""
    return f"{name}/{scope}" if scope else name


UNCHAINED = frozenset({"remind_at", "rung", "occurrence", "seq", "head"})
"""Columns that are not history: when somebody is reminded next, and the chain's own head."""

PLACES = ("service", "body", "team", "operator")
"""The columns of a task that repeat its case's and follow it; history speaks of them only where they differ.

The body is whose people act: while the case's service is given away, the delegate.
"""

UNSAID = (None, 0, False, "")
"""What history leaves out of a new row, and what a column holds that it does not speak of."""

_UNSEEN = UNCHAINED | {"replied"}
"""Columns of a task that may change under somebody who has its page open."""

_COUNTED = frozenset({"version", "generation"})
"""Columns that only count changes."""

CHAINED: Mapping[Any, frozenset[str]] = {
    Hold: UNCHAINED | {"id", "case_id"},
    Recording: UNCHAINED | {"id", "case_id"},
    Participant: UNCHAINED | {"id", "case_id"},
    Part: UNCHAINED | {"id", "case_id"},
    Extension: UNCHAINED | {"id", "case_id"},
    Reply: UNCHAINED | {"id", "case_id"},
    AdHoc: UNCHAINED | {"id", "case_id"},
    ChecklistItem: UNCHAINED | {"id", "case_id"},
    Comment: UNCHAINED | {"id", "case_id"},
    Mention: UNCHAINED | {"id", "case_id"},
}
"""The tables beside cases and tasks whose rows belong to a case and come out of its history, with the columns that do
not: what the entry says anyway (the case, the row's id), and free text, of which history keeps the commitment only.

To add one: a table with `id` and `case_id`, its line here, `put` and `amend` in the deeds.
"""


@dataclass(frozen=True, slots=True)
class PrerequisiteSeen:
    """A prerequisite of the case's body as the case needs to know it."""

    id: UUID
    kind: str
    scope: str
    team: str
    step: str
    round: int
    renewing: bool
    status: str
    owner: str
    acting: str | None
    holder_id: UUID | None
    counted_from: dt.date
    due_on: dt.date | None
    done_on: dt.date | None
    valid_until: dt.date | None

    def holds_on(self, day: dt.date) -> bool:
        """Whether it is there and valid on this day; a renewal under way takes nothing away until then."""
        proved = self.status == "done" or self.renewing
        return proved and (self.valid_until is None or self.valid_until >= day)

    def has_lapsed(self, day: dt.date) -> bool:
        """Whether it was there once and is valid no more."""
        return self.done_on is not None and self.valid_until is not None and self.valid_until < day


@dataclass(frozen=True, slots=True)
class MilestoneSeen:
    """A milestone of the case's service as the case needs to know it."""

    id: UUID
    kind: str
    due_on: dt.date | None
    reached_on: dt.date | None


@dataclass(slots=True)
class CaseAtHand:
    """One case as this transaction sees it, with tasks: to be asked, not to be changed. What is read is read once."""

    work: Work
    row: CaseRow
    process: Process
    tasks: dict[str, TaskRow]
    """By `TaskRow.key`."""
    _holders: tuple[Holder, ...] | None = None
    _holders_elsewhere: dict[str, tuple[Holder, ...]] = field(default_factory=dict)
    _pauses: tuple[Pause, ...] | None = None
    _extensions: dict[UUID, tuple[Extended, ...]] | None = None
    _facts: dict[str, evidence.Value] | None = None
    _prerequisites: dict[tuple[str, str], PrerequisiteSeen] | None = None
    _milestones: dict[str, MilestoneSeen] | None = None
    _humans: dict[UUID, UUID] = field(default_factory=dict)
    _added: dict[UUID, TaskDefinition] | None = None

    def definition_of(self, task: TaskRow) -> TaskDefinition:
        """What the process says about a task of this case, or whoever added it."""
        if task.name == AD_HOC:
            return self.added()[task.id]
        return self.process.states[task.state].tasks[task.name]

    def added(self) -> dict[UUID, TaskDefinition]:
        """The tasks people added to this case, as if the process knew them, read once."""
        if self._added is None:
            owners = {task.id: (task.owner, task.optional) for task in self.tasks.values()}
            self._added = {
                task_id: ad_hoc(self.work, text or "", working_days, *owners.get(task_id, ("umsetzungsteam", True)))
                for task_id, working_days, text in statements.rows(
                    self.work.connection, _ADDED, {"case_id": self.row.id}
                )
            }
        return self._added

    def instances(self, name: str) -> tuple[TaskRow, ...]:
        """The tasks of this name in the case: one, or one for every body that takes part."""
        task = self.tasks.get(name)
        return (task,) if task is not None else tuple(one for one in self.tasks.values() if one.name == name)

    def before(self, task: TaskRow) -> tuple[TaskRow, ...]:
        """What a task comes after: of tasks that are there for every participant all, or those of its own body."""
        return tuple(
            other
            for name in self.definition_of(task).after
            for other in self.instances(name)
            if not task.scope or other.scope in ("", task.scope)
        )

    def holders(self, of: policy.Concerned | None = None) -> tuple[Holder, ...]:
        """Everybody who holds a role that matters to this case, or to a task of it at another body; read once."""
        if of is not None and policy.acts_at(of) != policy.acts_at(self.row):
            if of.body not in self._holders_elsewhere:
                self._holders_elsewhere[of.body] = holders(self.work, of)
            return self._holders_elsewhere[of.body]
        if self._holders is None:
            self._holders = holders(self.work, self.row)
        return self._holders

    def pauses(self) -> tuple[Pause, ...]:
        """The ledger of holds, read once."""
        if self._pauses is None:
            rows = statements.rows(self.work.connection, _PAUSES, {"case_id": self.row.id})
            self._pauses = tuple(Pause(*row) for row in rows)
        return self._pauses

    def extensions(self, task: TaskRow) -> tuple[Extended, ...]:
        """What was added to the date of a task as it is counted now; the ledger is read once, and only where needed."""
        return self.ledger().get(task.id, ()) if task.extended_days else ()

    def ledger(self) -> dict[UUID, tuple[Extended, ...]]:
        """The current extensions of the case's tasks, by task."""
        if self._extensions is None:
            self._extensions = {}
            for task_id, *columns in statements.rows(self.work.connection, _EXTENSIONS, {"case_id": self.row.id}):
                self._extensions[task_id] = (*self._extensions.get(task_id, ()), Extended(*columns))
        return self._extensions

    def facts(self) -> dict[str, evidence.Value]:
        """What conditions may ask about: `task.field`, `case.…`, `variant.…` and `service.…`."""
        if self._facts is None:
            self._facts = {}
            rows = statements.rows(self.work.connection, _FACTS, {"case_id": self.row.id})
            for source, name, type_, text, number, date in rows:
                value = evidence.value_of(type_, text, number, date)
                if value is not None:
                    self._facts[f"{source}.{name}"] = value
        return self._facts | self._attributes()

    def prerequisites(self) -> dict[tuple[str, str], PrerequisiteSeen]:
        """Of what the case's variant needs once per body, what has been asked for: by kind and scope."""
        if self._prerequisites is None:
            kinds = {entry.kind for entry in self.work.catalogue.needed(self.row.service, self.row.variant)}
            self._prerequisites = prerequisites_of(self.work, self.row.body, kinds)
        return self._prerequisites

    def milestones(self) -> dict[str, MilestoneSeen]:
        """The milestones of the case's service, by kind."""
        if self._milestones is None:
            rows = statements.rows(self.work.connection, _MILESTONES, {"service": self.row.service})
            self._milestones = {seen.kind: seen for seen in (MilestoneSeen(*row) for row in rows)}
        return self._milestones

    def humans(self, people: Iterable[UUID]) -> dict[UUID, UUID]:
        """The human being behind each of these accounts, read once."""
        wanted = set(people)
        if unknown := wanted - self._humans.keys():
            self._humans.update(humans(self.work, unknown))
        return {person_id: self._humans[person_id] for person_id in wanted}

    def standing(self, owner: str, of: policy.Concerned | None = None) -> policy.Standing | None:
        """In what standing the actor may act as `owner` in this case, or on a task (`of`) wherever it belongs."""
        return policy.standing(self.work.actor, owner, of or self.row, lambda: self.holders(of))

    def standings(self, owner: str, of: policy.Concerned | None = None) -> Iterator[policy.Standing]:
        """Every standing in which the actor may act as `owner` in this case, or on a task (`of`)."""
        return policy.standings(self.work.actor, owner, of or self.row, lambda: self.holders(of))

    def in_charge(self, owner: str, of: policy.Concerned | None = None) -> tuple[UUID, ...]:
        """Everybody who acts as `owner` here, or on a task (`of`) wherever it belongs, after fallback."""
        return policy.in_charge(owner, of or self.row, self.holders(of))[1]

    def due(self, rule: Due, counted_from: dt.date, extensions: tuple[Extended, ...] = ()) -> DueDate:
        """The due date under a rule, as this case stands."""
        counting = Counting(counted_from, extensions, self.pauses())
        return deadlines.due(self.work.catalogue.calendar, rule, counting, fixed=self._fixed)

    def speaker(self, task: TaskRow) -> str:
        """The body whose words the answers of a task are: the case's, or the one that takes part."""
        return task.body if self.definition_of(task).of_participants else self.row.body

    def due_of(self, task: TaskRow, counted_from: dt.date) -> DueDate:
        """When a task is due that has been counted since that day: never later than a law says it must be done."""
        rule, _ = self.rule_of(task)
        by_law = self.statutory(task)
        aimed_at = (
            deadlines.promised(self.work.catalogue.calendar, task.promised_on, task.id, self.extensions(task))
            if task.promised_on is not None
            else self.due(rule, counted_from, self.extensions(task))
        )
        return deadlines.at_most(aimed_at, by_law.date if by_law else None, "by_law")

    def statutory(self, task: TaskRow) -> DueDate | None:
        """When a law says a task must be done; None where none does, or while nobody said when the period began."""
        rule = self.definition_of(task).statutory
        if rule is None:
            return None
        event = self.row.opened_on if rule.since == OPENED else self.facts().get(rule.since)
        if not isinstance(event, dt.date):
            return None
        return deadlines.statutory(self.work.catalogue.calendar, rule.within, event)

    def rule_of(self, task: TaskRow) -> tuple[Due, str]:
        """The due rule and ladder of whoever acts on a task now: its own, or the programme's for confirming."""
        rules = self.work.catalogue.programme.calendar
        if task.status in ("submitted", "declined"):
            within = rules.confirm_within
            return within, rules.confirm_ladder
        definition = self.definition_of(task)
        return definition.due, definition.ladder

    def _attributes(self) -> dict[str, evidence.Value]:
        service = self.work.catalogue.services.get(self.row.service)
        given: dict[str, evidence.Value] = {"case.variant": self.row.variant} if self.row.variant is not None else {}
        return given | dict(service.attributes(self.row.variant)) if service is not None else given

    def _fixed(self, rule: Due) -> dt.date | None:
        """The date somebody else sets: a wave, a promise, or the Land."""
        match rule:
            case Stichtag():
                return self.row.stichtag
            case Promised(promised):
                value = self.facts().get(promised)
                return value if isinstance(value, dt.date) else None
            case OfMilestone(kind):
                milestone = self.milestones().get(kind)
                return milestone.due_on if milestone else None
            case _:
                return None


@dataclass(slots=True)
class LockedCase(CaseAtHand):
    """One case, locked until the transaction ends, with the tasks of the state it is in."""

    is_new: bool = False
    takes_part: frozenset[str] | None = None
    """The bodies that take part, once they are known."""
    _given: dict[str, evidence.Value | None] = field(default_factory=dict)
    _case_changes: dict[str, Any] = field(default_factory=dict)
    _case_before: dict[str, Any] = field(default_factory=dict)
    _task_changes: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    _task_before: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    _amended: dict[Any, dict[UUID, tuple[str, ...]]] = field(default_factory=dict)
    _new_tasks: dict[UUID, TaskRow] = field(default_factory=dict)
    _rows: dict[Any, list[dict[str, Any]]] = field(default_factory=dict)
    _rows_said: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    _updates: list[tuple[sa.Update, dict[str, Any]]] = field(default_factory=list)
    _content: dict[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, evidence.Value]:
        """The same, with the answers this deed has just been given."""
        known = CaseAtHand.facts(self) | self._given
        return {name: value for name, value in known.items() if value is not None}

    # --- changing ---

    def set(self, **changes: Any) -> None:
        """Change columns of the case."""
        for name, value in changes.items():
            self._case_before.setdefault(name, getattr(self.row, name))
            setattr(self.row, name, value)
        self._case_changes.update(changes)

    def update(self, task: TaskRow, **changes: Any) -> None:
        """Change columns of a task. Its version rises once per deed; not for a reminder or a reply to one, which keep
        nobody from handing in what they have open.

        Who handed it on is forgotten together with the holder it was handed to, and a follow-up date once the task is
        no longer with whoever set it; likewise what was to be done again.
        """
        if "holder_id" in changes and task.handed_on_by is not None:
            changes = {"handed_on_by": None, **changes}
        if changes.get("status") in _PASSED_ON and task.follow_up_on is not None:
            changes = {"follow_up_on": None, "follow_up_by": None, **changes}
        if changes.get("status") in _PASSED_ON and task.redo is not None:
            changes = {"redo": None, **changes}
        before = self._task_before.setdefault(task.id, {})
        for name, value in changes.items():
            before.setdefault(name, getattr(task, name))
            setattr(task, name, value)
        if task.id in self._new_tasks:
            return
        known = self._task_changes.setdefault(task.id, {})
        known.update(changes)
        if "version" not in known and not changes.keys() <= _UNSEEN:
            task.version += 1
            known["version"] = task.version

    def move_to_team(self, team: str) -> None:
        """Another team has the case with all its tasks from now on, also for whom this deed tells of it.

        Nobody's page of a task is out of date by it: the tasks' versions stay.
        """
        self._move_tasks("team", team)
        self.set(team=team)
        self._holders = None

    def move_to_body(self, body: str, team: str) -> None:
        """Another body has the case with all its tasks from now on, and the team that looks after it there.

        Also for whom this deed tells of it; what was read of the former body is read anew.
        """
        self._move_tasks("body", body)
        self._move_tasks("team", team)
        self.set(body=body, team=team)
        if self.row.delegate is not None:
            self.set(delegate=None)
        self._holders = None
        self._prerequisites = None

    def delegate_to(self, body: str | None) -> None:
        """The people of another body act in the case from now on (None: those of its own), also for whom this deed
        tells of it. Whose case it is stays as it is."""
        self._move_tasks("body", body or self.row.body)
        self.set(delegate=body)
        self._holders = None

    def _move_tasks(self, place: str, to: str) -> None:
        """The tasks that are where the case is go along; those that belong elsewhere stay. Folding does the same."""
        before = self._place(place)
        self.execute(_move_tasks(place), which=self.row.id, before=before, to=to)
        for task in self.tasks.values():
            if getattr(task, place) == before and task.scope != before:
                setattr(task, place, to)

    def end_pause(self, on: dt.date) -> None:
        """The pause that lasts ends on this day, also for the dates this deed still works out."""
        self._pauses = tuple(Pause(pause.began_on, pause.ended_on or on, pause.blocker) for pause in self.pauses())

    def add(self, task: TaskRow) -> None:
        """A task the case did not have yet."""
        self.tasks[task.key] = task
        self._new_tasks[task.id] = task

    def put(self, model: Any, row_id: UUID, **values: Any) -> None:
        """A new row of one of the tables in `CHAINED`; history gets the same values."""
        self.insert(model, id=row_id, case_id=self.row.id, **values)
        self._say_row(model, row_id, {name: value for name, value in values.items() if value not in UNSAID})

    def amend(self, model: Any, row_id: UUID, **changes: Any) -> None:
        """Change columns of a row that `put` made in an earlier deed; history gets the same changes."""
        self.execute(_update_row(model, tuple(changes)), key=row_id, **changes)
        self._say_row(model, row_id, changes)
        known = self._amended.setdefault(model, {})
        known[row_id] = (*known.get(row_id, ()), *changes)

    def insert(self, model: Any, **values: Any) -> None:
        """A row that belongs to this deed and that history does not repeat."""
        self._rows.setdefault(model, []).append(values)

    def execute(self, statement: sa.Update, **values: Any) -> None:
        """An update of another table that belongs to this deed; runs before what is inserted."""
        self._updates.append((statement, values))

    def say(self, **content: Any) -> None:
        """Facts for the entry of history: ids, names of the definition, dates; never free text."""
        self._content.update(content)

    def acts(self, standing: policy.Standing) -> None:
        """Say in what standing the actor acts, where that is not simply the role asked for of the case's own body."""
        self.say(**said_of_standing(standing))
        if self.row.delegate is not None and self.row.delegate in self.work.actor.bodies():
            self.say(for_body=self.row.body)

    def remark(self, text: str) -> UUID:
        """Keep free text beside the chain; history gets its commitment. Returns the remark's id."""
        commitment = events.commit(text)
        remark_id = uuid4()
        self.insert(
            Remark,
            id=remark_id,
            chain_id=self.row.id,
            text=text,
            salt=commitment.salt,
            commitment=commitment.digest,
        )
        self.say(remark={"id": remark_id, "commitment": commitment.digest})
        return remark_id

    def keep(
        self,
        answers: Iterable[Answer],
        asked: Mapping[str, EvidenceField],
        *,
        kind: str,
        subject_id: UUID,
        source: str,
        attempt: int,
        earlier: Mapping[str, Kept],
        body: str | None = None,
    ) -> None:
        """Keep answers as new revisions; what did not change stays as it is. Fills the columns answers stand for.

        They are the words of the case's body, or of another (`body`).
        """
        kept = keep_answers(
            self.work,
            answers,
            kind=kind,
            subject_id=subject_id,
            source=source,
            attempt=attempt,
            earlier=earlier,
            revision=self.row.seq + 1 if kind == "transition" else None,
            owner={"case_id": self.row.id},
            body=body or self.row.body,
            asked=asked,
        )
        self._rows.setdefault(Document, []).extend(kept.documents)
        self._rows.setdefault(Evidence, []).extend(kept.evidence)
        for values in kept.outdated:
            self.execute(OUTDATE, **values)
        for table, said in kept.said.items():
            self._rows_said.setdefault(table, {}).update(said)
        for answer in answers:
            if answer.file is not None or answer.kept:
                continue
            if kind == "task":
                self._given[f"{source}.{answer.field}"] = answer.value
            self._fill(asked[answer.field], answer.value)

    def notify(
        self,
        name: str,
        recipients: Iterable[UUID],
        *,
        kind: str,
        subject_id: UUID,
        urgency: int = 0,
        of: policy.Concerned | None = None,
        timing: Mapping[str, Any] | None = None,
        **facts: Any,
    ) -> None:
        """A notice for each recipient, or for who stands in; nobody is told what they just did themselves.

        `timing`: when they are to learn of it (`messages.timing`); None: as its name says, from now on.

        Who stands in is asked where a task belongs, or where `of` says: at the body whose people are told.
        """
        if "together" in self._content:
            facts["together"] = self._content["together"]
        holders = self.holders(of or self._task(kind, subject_id))
        timing = timing or messages.timing(name, self.work.now)
        for recipient, away in policy.reached(recipients, holders, asks=name not in messages.NEWS).items():
            if recipient != self.work.actor.id:
                content = canonical(events.plain(facts if away is None else {**facts, "on_behalf_of": away}))
                self.insert(
                    Notice,
                    id=uuid4(),
                    recipient_id=recipient,
                    name=name,
                    subject_kind=kind,
                    subject_id=subject_id,
                    case_id=self.row.id,
                    urgency=urgency,
                    facts=content,
                    created_at=self.work.now,
                    bulk_id=self.work.bulk,
                    **timing,
                )

    def _task(self, kind: str, subject_id: UUID) -> TaskRow | None:
        """The task a notice is about, if it is about one at hand."""
        return next((one for one in self.tasks.values() if one.id == subject_id), None) if kind == "task" else None

    def follow(self, source_kind: str, *, case_id: UUID | None = None) -> None:
        """Something that must not happen while the case is locked happens soon after, once, because of this deed: to
        the case itself, or to another one (`case_id`)."""
        if any(row["source_kind"] == source_kind for row in self._rows.get(Followup, ())):
            return
        now = database.real_now()
        self.insert(
            Followup,
            id=uuid4(),
            case_id=case_id or self.row.id,
            source_kind=source_kind,
            source_id=self.row.id,
            source_seq=self.row.seq + 1,
            created_at=now,
            try_at=now,
            tries=0,
        )

    # --- time ---

    def clock(self, task: TaskRow, *, start: bool = False) -> None:
        """Set due date and next reminder of a task somebody acts on; `start` counts anew from today.

        The generation rises whenever the due date changes, so that a reminder of the new date is never taken for one
        of the old. While the case rests nothing is reminded.
        """
        calendar, programme = self.work.catalogue.calendar, self.work.catalogue.programme
        counted_from = self.work.today if start or task.counted_from is None else task.counted_from
        if start:
            self._count_anew(task)
            if task.promised_on is not None:
                self.update(task, promised_on=None)
        extended = self.extensions(task)
        _, ladder_name = self.rule_of(task)
        due_on = self.due_of(task, counted_from).date
        ladder = programme.ladders.get(ladder_name)
        ring = (
            deadlines.next_ring(calendar, ladder, due_on, counted_from, now=self.work.now)
            if ladder and not self.row.rests
            else None
        )
        changed = start or due_on != task.due_on
        self.update(
            task,
            counted_from=counted_from,
            extended_days=sum(one.days for one in extended),
            due_on=due_on,
            ladder=ladder_name,
            generation=task.generation + (1 if changed else 0),
            remind_at=ring.at if ring else None,
            rung=ring.rung if ring else None,
            occurrence=ring.occurrence if ring else 0,
        )

    def extend(self, task: TaskRow, days: int, remark_id: UUID) -> None:
        """Working days are added to the date of a task from today on; `clock` works the date out."""
        given = Extended(self.work.today, days, uuid4())
        assert given.id is not None  # noqa: S101 - just given
        self.ledger()[task.id] = (*self.extensions(task), given)
        self.put(
            Extension,
            given.id,
            task_id=task.id,
            attempt=task.attempt,
            given_on=given.given_on,
            days=days,
            current=True,
            given_by=self.work.actor.id,
            remark_id=remark_id,
        )
        self.update(task, extended_days=task.extended_days + days)

    def is_new_answer(self, name: str) -> bool:
        """Whether this deed has just been given the answer `task.field`."""
        return name in self._given

    def promise(self, task: TaskRow, on: dt.date) -> None:
        """A task is due on the day somebody promised it for, whatever was added to its date before; `clock` follows."""
        self._count_anew(task)
        self.update(task, promised_on=on, extended_days=0)

    def _count_anew(self, task: TaskRow) -> None:
        """What was added to an earlier date of a task stays with that date."""
        for one in self.extensions(task):
            if one.id is not None:
                self.amend(Extension, one.id, current=False)
        if task.extended_days:
            self.ledger()[task.id] = ()
            task.extended_days = 0

    # --- keeping ---

    def record(self, act: str) -> None:
        """Keep everything that changed, with one entry of history. Raises CaseHasMoved when the case was not ours."""
        entry = self._entry(act)
        batch: list[Writing] = []
        if self.is_new:
            if not database.insert_missing(self.work.session, Case, _values(self.row)):
                raise CaseHasMoved(number=self.row.number)
        else:
            changes = {"key": self.row.id, "before": entry.seq - 1, **self._case_changes}
            batch.append((_update_case(tuple(self._case_changes)), [changes]))
        batch += self._written(entry)
        touched = statements.write(self.work.connection, batch)
        if not self.is_new and touched[0] != 1:
            raise CaseHasMoved
        self._forget()

    def _place(self, name: str) -> str | None:
        """Where the case's own tasks are."""
        return policy.acts_at(self.row) if name == "body" else getattr(self.row, name)

    def _entry(self, act: str) -> events.Link:
        """The next entry of history, of which the case is the head from now on."""
        said = {**self._content, "process": f"{self.row.process}/{self.row.process_version}"}
        if self.work.bulk is not None:
            said["bulk"] = self.work.bulk
        case_said = {name: value for name, value in self._case_changes.items() if name not in UNCHAINED}
        tasks_said: dict[str, Any] = {
            task_id.hex: {name: value for name, value in changes.items() if name not in UNCHAINED}
            for task_id, changes in self._task_changes.items()
        }
        for task in self._new_tasks.values():
            tasks_said[task.id.hex] = {
                name: value for name in _NEW_TASK_SAID for value in [getattr(task, name)] if value not in UNSAID
            } | {name: getattr(task, name) for name in PLACES if getattr(task, name) != self._place(name)}
        if self.is_new:
            case_said = {name: getattr(self.row, name) for name in CASE_NAMES if name not in UNCHAINED and name != "id"}
        if case_said:
            said["case"] = case_said
        if tasks_said:
            said["tasks"] = tasks_said
        if self._rows_said:
            said["rows"] = self._rows_said
        if before := self._before():
            said["before"] = before
        entry = events.link(self.work, "case", self.row.id, self.row.seq, self.row.head, act, said)
        self.set(seq=entry.seq, head=entry.head)
        return entry

    def _before(self) -> dict[str, Any]:
        """What the entry says of how things were, by the names under which it says how they are now."""
        found: dict[str, Any] = {}
        if not self.is_new and (case := said_before(self._case_before, self._case_changes)):
            found["case"] = case
        tasks = {
            task_id.hex: changed
            for task_id, changes in self._task_changes.items()
            if (changed := said_before(self._task_before.get(task_id, {}), changes))
        }
        if tasks:
            found["tasks"] = tasks
        rows: dict[str, Any] = {}
        for model, amended in self._amended.items():
            query = sa.select(model.__table__).where(model.id.in_(amended))
            for row in self.work.session.execute(query).mappings():
                chained = {name: row[name] for name in amended[row["id"]] if name not in CHAINED[model]}
                if changed := said_before(chained, self._rows_said[model.__tablename__][row["id"].hex]):
                    rows.setdefault(model.__tablename__, {})[row["id"].hex] = changed
        if rows:
            found["rows"] = rows
        return found

    def _written(self, entry: events.Link) -> Iterator[Writing]:
        """Everything but the row of the case itself."""
        yield from self._written_tasks()
        yield from ((statement, [values]) for statement, values in self._updates)
        yield from ((_insert(model), rows) for model in _WRITE_ORDER if (rows := self._rows.get(model)))
        yield events.APPEND, [entry.values]
        if notices := self._rows.get(Notice):
            yield _insert(Notice), notices

    def _written_tasks(self) -> Iterator[Writing]:
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for task_id, changes in self._task_changes.items():
            alike.setdefault(tuple(changes), []).append({"key": task_id, **changes})
        for names, rows in alike.items():
            yield _update_task(names), rows
        if self._new_tasks:
            yield _insert(Task), [_values(task) for task in self._new_tasks.values()]

    def _forget(self) -> None:
        self._case_changes = {}
        self._case_before = {}
        self._task_changes = {}
        self._task_before = {}
        self._amended = {}
        self._new_tasks = {}
        self._rows = {}
        self._rows_said = {}
        self._updates = []
        self._content = {}
        self.is_new = False

    def _say_row(self, model: Any, row_id: UUID, values: Mapping[str, Any]) -> None:
        chained = {name: value for name, value in values.items() if name not in CHAINED[model]}
        self._rows_said.setdefault(model.__tablename__, {}).setdefault(row_id.hex, {}).update(chained)

    def _fill(self, asked: EvidenceField, value: evidence.Value | None) -> None:
        """The column of the case an answer stands for; None when it was taken back."""
        if asked.type == "variant":
            self.set(variant=value)
        elif asked.type == "wave":
            self.set(wave=value)
        elif asked.sets:
            self.set(**{asked.sets: value})


# --- locking ---------------------------------------------------------------------------------------------------------


def ad_hoc(work: Work, text: str, working_days: int, owner: str, optional: bool) -> TaskDefinition:
    """What a process would say about a task somebody added: the first line of the text is its title."""
    title, _, help_ = text.partition("\n")
    return TaskDefinition(
        title=added_title(title),
        help=Text(de=help_.strip(), en=help_.strip()) if help_.strip() else None,
        owner=owner,
        optional=optional,
        due=WorkingDays(working_days),
        ladder=work.catalogue.programme.calendar.confirm_ladder,
        evidence=RESULT,
    )


def added_title(text: str | None) -> Text:
    """The title of a task somebody added, in whichever language they wrote; a plain one once it was erased."""
    title = (text or "").partition("\n")[0]
    return Text(de=title, en=title) if title else Text(de="Zusätzliche Aufgabe", en="Additional task")


def lock(work: Work, case_id: UUID) -> LockedCase:
    """The case, ours until the transaction ends. Raises NotFound when it is not there or not for this actor."""
    return _locked(work, _CASE, case_id)


def lock_by_task(work: Work, task_id: UUID) -> tuple[LockedCase, TaskRow]:
    """The case of a task, and the task. Raises NotFound like `lock`, unless the task is that of a body which takes part
    in the case and where the actor holds a role."""
    case = _locked(work, _CASE_OF_TASK, task_id, own_task=task_id)
    for task in case.tasks.values():
        if task.id == task_id:
            return case, task
    found = statements.rows(work.connection, _TASK, {"task_id": task_id})
    if not found:
        raise NotFound(what="task")
    return case, TaskRow(*found[0])


def lock_by_tasks(work: Work, task_ids: Sequence[UUID]) -> list[tuple[LockedCase, TaskRow]]:
    """Tasks of many cases, those cases ours until the transaction ends, in the order in which everybody locks them.

    Of each case only these tasks are at hand. What is not there, or not for this actor, is left out.
    """
    of_tasks = sa.select(Task.case_id).where(Task.id.in_(task_ids))
    locking = sa.select(*_CASE_COLUMNS).where(Case.id.in_(of_tasks)).order_by(Case.id)
    found = work.connection.execute(locking.with_for_update(of=Case, key_share=True))
    cases = {row.id: row for row in (CaseRow(*cells) for cells in found) if policy.sees(work.actor, row)}
    read = sa.select(*_TASK_COLUMNS).where(Task.id.in_(task_ids)).order_by(Task.case_id, Task.id)
    tasks = [TaskRow(*cells) for cells in work.connection.execute(read)]
    places = {policy.acts_at(row) for row in cases.values()} | {policy.acts_at(task) for task in tasks}
    holders_of = holders_at(work, places)
    locked: dict[UUID, LockedCase] = {}
    at_hand = []
    for task in tasks:
        row = cases.get(task.case_id)
        if row is None:
            continue
        if row.id not in locked:
            process = work.catalogue.process(row.process, row.process_version)
            locked[row.id] = LockedCase(work, row, process, {}, _holders=holders_of(row))
        case = locked[row.id]
        case.tasks[task.key] = task
        if policy.acts_at(task) != policy.acts_at(row):
            case._holders_elsewhere[task.body] = holders_of(task)  # noqa: SLF001 - the same room
        at_hand.append((case, task))
    return at_hand


def insist_unmoved(case: LockedCase, seen: int | None) -> None:
    """Raises CaseHasMoved when the person looked at another version of the case; None: nobody was looking."""
    if seen is not None and seen != case.row.version:
        raise CaseHasMoved(number=case.row.number)


def insist_task_unmoved(task: TaskRow, seen: int | None) -> None:
    """Raises TaskHasMoved when the person looked at another version of the task."""
    if seen is not None and seen != task.version:
        raise TaskHasMoved


def insist_may_extend(work: Work, working_days: int, *ledger: sa.SQLColumnExpression[bool]) -> None:
    """Raises Refused unless it is 1 to 60 working days, and not too many with what this part of the ledger holds."""
    if not 1 <= working_days <= MOST_EXTENSION:
        raise Refused("error.extension", most=MOST_EXTENSION)
    most = work.catalogue.programme.calendar.most_extension
    query = sa.select(sa.func.coalesce(sa.func.sum(Extension.days), 0)).where(*ledger)
    given = int(work.session.execute(query).scalar_one())
    if given >= most:
        raise Refused("error.extension_used_up", most=most)
    if given + working_days > most:
        raise Refused("error.extension_in_all", most=most, given=given, n=most - given)


def begin(work: Work, row: CaseRow, process: Process, known: tuple[Holder, ...] | None = None) -> LockedCase:
    """A case that does not exist until it is recorded; `known` are its holders, if they have been read already."""
    return LockedCase(work, row, process, {}, _holders=known, _pauses=(), _facts={}, is_new=True)


def record_new(cases: Sequence[LockedCase], act: str) -> None:
    """`record` for many cases begun in one transaction, in as few statements as for one.

    Raises IntegrityError when one of them is there already; then none of them is kept.
    """
    if not cases:
        return
    together: dict[sa.Insert | sa.Update, list[Any]] = {_insert(Case): []}
    for case in cases:
        entry = case._entry(act)  # noqa: SLF001 - the same room
        together[_insert(Case)].append(_values(case.row))
        for statement, rows in case._written(entry):  # noqa: SLF001
            together.setdefault(statement, []).extend(rows)
        case._forget()  # noqa: SLF001
    statements.write(cases[0].work.connection, together.items())


def record_together(cases: Sequence[LockedCase], act: str) -> None:
    """`record` for many cases this transaction holds, in as few statements as for one.

    Raises CaseHasMoved when one of them was not ours.
    """
    entries = [case._entry(act) for case in cases]  # noqa: SLF001 - the same room
    together: dict[sa.Insert | sa.Update, list[Any]] = {}
    for case, entry in zip(cases, entries, strict=True):
        changes = {"key": case.row.id, "before": entry.seq - 1, **case._case_changes}  # noqa: SLF001
        together.setdefault(_update_case(tuple(case._case_changes)), []).append(changes)  # noqa: SLF001
    moving = len(together)
    for case, entry in zip(cases, entries, strict=True):
        for statement, rows in case._written(entry):  # noqa: SLF001
            together.setdefault(statement, []).extend(rows)
        case._forget()  # noqa: SLF001
    touched = statements.write(cases[0].work.connection, together.items()) if cases else []
    if sum(touched[:moving]) != len(cases):
        raise CaseHasMoved


def load_tasks(case: LockedCase, state: str) -> None:
    """Add the tasks another state left behind to the tasks at hand."""
    rows = statements.rows(case.work.connection, _TASKS, {"case_id": case.row.id, "state": state})
    case.tasks |= {task.key: task for task in (TaskRow(*row) for row in rows)}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another body's part in a case, for the rights there."""

    body: str
    case: CaseRow

    @property
    def scope(self) -> str:
        """As of a task of that body."""
        return self.body

    @property
    def service(self) -> str:
        """The case's."""
        return self.case.service

    @property
    def team(self) -> str:
        """The case's."""
        return self.case.team

    @property
    def operator(self) -> str | None:
        """The case's."""
        return self.case.operator


def participants(work: Work, case_id: UUID) -> tuple[str, ...]:
    """ARS of the bodies that take part in a case now."""
    query = sa.select(Participant.body).where(Participant.case_id == case_id, Participant.left_on.is_(None))
    return tuple(work.session.execute(query.order_by(Participant.body)).scalars())


def is_own_task(work: Work, task_id: UUID) -> bool:
    """Whether it is the task of a body that takes part in the case now, and where the actor holds a role."""
    query = (
        sa.select(Task.body)
        .join(Participant, sa.and_(Participant.case_id == Task.case_id, Participant.body == Task.body))
        .where(Task.id == task_id, Task.scope == Task.body, Participant.left_on.is_(None))
    )
    return work.session.execute(query).scalar() in work.actor.bodies()


def holders(work: Work, of: policy.Concerned) -> tuple[Holder, ...]:
    """Everybody with an account who has a role at the body, in the team, for the operator or centrally."""
    return tuple(Holder(*row) for row in statements.rows(work.connection, *asking_holders(work, of)))


def humans(work: Work, people: Iterable[UUID]) -> dict[UUID, UUID]:
    """The human being behind each of these accounts: several accounts may belong to one."""
    rows = work.connection.execute(_HUMANS, {"people": list(people)})
    return dict(rows.all())


def names(work: Work, people: Iterable[UUID]) -> list[str]:
    """The names of these people in alphabetical order; erased ones are left out."""
    rows = work.connection.execute(_NAMES, {"people": list(people)})
    return [name for (name,) in rows if name]


def holders_at(work: Work, bodies: Iterable[str]) -> Callable[[policy.Concerned], tuple[Holder, ...]]:
    """`holders` for many cases of these bodies, read once."""
    rows = work.session.execute(
        with_deputies(
            sa.select(Grant.person_id, Grant.role, Grant.body, Grant.service, Grant.team, Grant.operator).join(
                Person, Person.id == Grant.person_id
            )
        )
        .where(
            Person.ended_at.is_(None),
            Grant.ended_at.is_(None),
            sa.or_(
                Grant.body.in_(bodies), Grant.team.is_not(None), Grant.role.in_(("rollout_team", "programme_office"))
            ),
        )
        .order_by(Grant.started_at, Grant.id),
        {"today": work.today},
    )
    by_place: dict[str, list[Holder]] = {}
    for row in rows:
        holder = Holder(*row)
        by_place.setdefault(_place_of(holder.body, holder.team, holder.operator), []).append(holder)

    def of(concerned: policy.Concerned) -> tuple[Holder, ...]:
        places = (
            _place_of(policy.acts_at(concerned), None, None),
            _place_of(None, concerned.team, None),
            _place_of(None, None, concerned.operator or "-"),
            _place_of(None, None, None),
        )
        return tuple(holder for place in places for holder in by_place.get(place, ()))

    return of


def prerequisites_of(work: Work, body: str, kinds: Collection[str]) -> dict[tuple[str, str], PrerequisiteSeen]:
    """What a body was asked for of these kinds, by kind and scope."""
    rows = work.connection.execute(_PREREQUISITES, {"body": body, "kinds": sorted(kinds)}) if kinds else ()
    return {(row.kind, row.scope): PrerequisiteSeen(*row) for row in rows}


def asking_prerequisites(of: policy.Concerned) -> Asking:
    """What a body was asked for of any kind, as `PrerequisiteSeen`, to be asked together with others."""
    return _PREREQUISITES_OF_BODY, {"body": of.body}


def asking_milestones(of: policy.Concerned) -> Asking:
    """The milestones of a service, as `MilestoneSeen`, likewise."""
    return _MILESTONES, {"service": of.service}


def asking_holders(work: Work, of: policy.Concerned) -> Asking:
    """The query behind `holders`, to be asked together with others."""
    return _HOLDERS, {"body": policy.acts_at(of), "team": of.team, "operator": of.operator or "", "today": work.today}


def said_of_standing(standing: policy.Standing) -> dict[str, Any]:
    """What history says when somebody acts in a role nobody holds, or in whose place."""
    said: dict[str, Any] = {}
    if standing.instead_of is not None:
        said |= {"standing": standing.role, "instead_of": standing.instead_of}
    if standing.on_behalf_of is not None:
        said["on_behalf_of"] = standing.on_behalf_of
    if standing.cluster is not None:
        said["cluster"] = standing.cluster
    return said


def said_of_place(actor: policy.Actor, may: Callable[[policy.Actor], bool]) -> dict[str, UUID]:
    """What history says of whom the actor stands in for, by what `may` allows."""
    person = policy.in_whose_place(actor, may)
    return {} if person is None else {"on_behalf_of": person}


def with_deputies(query: Any) -> Any:
    """A query over roles held, with one more column: who stands in for their holder on the day `today`."""
    deputy = aliased(Person)
    # One join after the other: joined with each other first, SQLite would read every absence there ever was.
    standing_in = query.add_columns(deputy.id.label("deputy")).outerjoin(
        Absence,
        sa.and_(
            Absence.person_id == Grant.person_id,
            Absence.from_on <= sa.bindparam("today", type_=sa.Date()),
            Absence.until_on >= sa.bindparam("today", type_=sa.Date()),
            sa.or_(Absence.body.is_(None), Absence.body == Grant.body),
            sa.or_(Absence.team.is_(None), Absence.team == Grant.team),
            Grant.role != "admin",
        ),
    )
    return standing_in.outerjoin(deputy, sa.and_(deputy.id == Absence.deputy_id, deputy.ended_at.is_(None)))


def earlier_answers(work: Work, kind: str, subject_id: UUID) -> dict[str, Kept]:
    """The latest revision of every answer of a task, prerequisite or milestone, by field."""
    rows = statements.rows(work.connection, _EARLIER, {"kind": kind, "subject_id": subject_id})
    return {
        name: Kept(
            name, source, type_, evidence.value_of(type_, text, number, date), document_id, attempt, revision, file
        )
        for name, source, type_, text, number, date, document_id, attempt, revision, file in rows
    }


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """Rows for answers, and what history says of them."""

    documents: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    outdated: list[dict[str, Any]]
    said: dict[str, dict[str, dict[str, Any]]]
    """By table and id. An answer outdates the one of the same subject and field before it; no entry repeats that."""


def keep_answers(
    work: Work,
    answers: Iterable[Answer],
    *,
    kind: str,
    subject_id: UUID,
    source: str,
    attempt: int,
    earlier: Mapping[str, Kept],
    owner: Mapping[str, UUID],
    revision: int | None = None,
    body: str | None = None,
    asked: Mapping[str, EvidenceField] | None = None,
) -> KeptAnswers:
    """New revisions of answers that differ from `earlier`. `owner` names the column a document belongs to.

    What `asked` calls the same thing elsewhere is kept as said by `body`, to be offered again.
    """
    kept = KeptAnswers([], [], [], {})
    for answer in answers:
        before = earlier.get(answer.field)
        if answer.kept or (before is not None and answer.file is None and before.value == answer.value):
            continue
        document_id: UUID | None = None
        if answer.file is not None:
            document_id = uuid4()
            kept.documents.append(
                {
                    "id": document_id,
                    "case_id": owner.get("case_id"),
                    "prerequisite_id": owner.get("prerequisite_id"),
                    "milestone_id": owner.get("milestone_id"),
                    "sha256": answer.file.sha256,
                    "name": answer.file.name,
                    "search_key": search_key(answer.file.name),
                    "size": answer.file.size,
                    "media_type": answer.file.media_type,
                    "uploaded_by": work.actor.id,
                    "uploaded_at": work.now,
                }
            )
        commitment = events.commit(evidence.committed(answer))
        answer_id = uuid4()
        kept.evidence.append(
            {
                "id": answer_id,
                "subject_kind": kind,
                "subject_id": subject_id,
                "case_id": owner.get("case_id"),
                "source": source,
                "field": answer.field,
                **_said_by(body, asked, answer.field),
                "attempt": attempt,
                "revision": revision or (before.revision + 1 if before else 1),
                "latest": kind != "transition",
                "type": answer.type,
                **evidence.columns(answer),
                "document_id": document_id,
                "salt": commitment.salt,
                "commitment": commitment.digest,
                "given_by": work.actor.id,
                "given_at": work.now,
            }
        )
        if before is not None:
            kept.outdated.append({"kind": kind, "subject": subject_id, "name": answer.field})
        for table, row in (("evidence", kept.evidence[-1]), ("document", kept.documents[-1] if document_id else None)):
            if row is not None:
                kept.said.setdefault(table, {})[row["id"].hex] = {
                    name: row[name] for name in _ANSWER_SAID[table] if row[name] not in UNSAID
                }
    return kept


def _said_by(body: str | None, asked: Mapping[str, EvidenceField] | None, name: str) -> dict[str, str | None]:
    word = asked[name].reuse if asked is not None and name in asked else None
    return {"body": body if word else None, "reuse": word}


def said_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the first entry of a chain says of the row it begins with: what folding needs to have it again."""
    return {name: value for name, value in values.items() if name not in UNCHAINED | {"id"} and value not in UNSAID}


def said_before(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry says of columns as they were before they became this; it leaves out counters and what was empty."""
    return {
        name: value
        for name, value in before.items()
        if name not in UNCHAINED | _COUNTED and value not in UNSAID and name in after and value != after[name]
    }


def write_kept(work: Work, kept: KeptAnswers) -> None:
    """Write answers that do not belong to a case."""
    for values in kept.outdated:
        work.session.execute(OUTDATE, values)
    if kept.documents:
        work.session.execute(_insert(Document), kept.documents)
    if kept.evidence:
        work.session.execute(_insert(Evidence), kept.evidence)


def _locked(work: Work, query: Query, which: UUID, *, own_task: UUID | None = None) -> LockedCase:
    """The query is a constant, so whether the actor may know of the case is asked of the row it gives."""
    found = statements.rows(work.connection, query, {"which": which})
    if not found:
        raise NotFound(what="case")
    case_row = CaseRow(*found[0])
    if not policy.sees(work.actor, case_row) and not (own_task and is_own_task(work, own_task)):
        raise NotFound(what="case")
    process = work.catalogue.process(case_row.process, case_row.process_version)
    tasks, pauses, holding = statements.answers(
        work.connection,
        (
            (_TASKS, {"case_id": case_row.id, "state": case_row.state}),
            (_PAUSES, {"case_id": case_row.id}),
            asking_holders(work, case_row),
        ),
    )
    return LockedCase(
        work,
        case_row,
        process,
        {task.key: task for task in (TaskRow(*row) for row in tasks)},
        _holders=tuple(Holder(*row) for row in holding),
        _pauses=tuple(Pause(*row) for row in pauses),
    )


def _place_of(body: str | None, team: str | None, operator: str | None) -> str:
    return f"{body or ''}/{team or ''}/{operator or ''}"


def _values(row: CaseRow | TaskRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in (CASE_NAMES if isinstance(row, CaseRow) else TASK_NAMES)}


CASE_NAMES = tuple(column.name for column in fields(CaseRow))
TASK_NAMES = tuple(column.name for column in fields(TaskRow))
_NEW_TASK_SAID = tuple(name for name in TASK_NAMES if name not in UNCHAINED | {"id", "case_id", *PLACES})
_ANSWER_SAID = {
    "evidence": (
        "subject_kind",
        "subject_id",
        "source",
        "field",
        "body",
        "reuse",
        "type",
        "attempt",
        "revision",
        "latest",
        "document_id",
        "commitment",
    ),
    "document": ("sha256", "size", "media_type"),
}
"""What history says of an answer and of its file. Their words, and how to prove them, are not history."""
_CASE_COLUMNS: Sequence[Any] = [getattr(Case, name) for name in CASE_NAMES]
_TASK_COLUMNS: Sequence[Any] = [getattr(Task, name) for name in TASK_NAMES]
_WRITE_ORDER = (Document, Remark, Evidence, *CHAINED, Followup)


@lru_cache(maxsize=256)
def _update_case(names: tuple[str, ...]) -> sa.Update:
    return (
        sa.update(Case.__table__)  # type: ignore[arg-type]
        .where(Case.id == sa.bindparam("key", type_=sa.Uuid()), Case.seq == sa.bindparam("before"))
        .values({name: sa.bindparam(name) for name in names})
    )


@lru_cache(maxsize=256)
def _update_task(names: tuple[str, ...]) -> sa.Update:
    return (
        sa.update(Task.__table__)  # type: ignore[arg-type]
        .where(Task.id == sa.bindparam("key", type_=sa.Uuid()))
        .values({name: sa.bindparam(name) for name in names})
    )


@lru_cache(maxsize=4)
def _move_tasks(place: str) -> sa.Update:
    column = getattr(Task, place)
    return (
        sa.update(Task.__table__)  # type: ignore[arg-type]
        .where(Task.case_id == _WHICH, column == sa.bindparam("before"), Task.scope != sa.bindparam("before"))
        .values({place: sa.bindparam("to")})
    )


@lru_cache(maxsize=256)
def _update_row(model: Any, names: tuple[str, ...]) -> sa.Update:
    return (
        sa.update(model.__table__)
        .where(model.id == sa.bindparam("key", type_=sa.Uuid()))
        .values({name: sa.bindparam(name) for name in names})
    )


@lru_cache(maxsize=32)
def _insert(model: Any) -> sa.Insert:
    return sa.insert(model.__table__)


_WHICH = sa.bindparam("which", type_=sa.Uuid())
_CASE = sa.select(*_CASE_COLUMNS).where(Case.id == _WHICH).with_for_update(of=Case, key_share=True)
_CASE_OF_TASK = (
    sa.select(*_CASE_COLUMNS)
    .where(Case.id == sa.select(Task.case_id).where(Task.id == _WHICH).scalar_subquery())
    .with_for_update(of=Case, key_share=True)
)
_TASK = sa.select(*_TASK_COLUMNS).where(Task.id == sa.bindparam("task_id", type_=sa.Uuid()))
_TASKS = sa.select(*_TASK_COLUMNS).where(
    Task.case_id == sa.bindparam("case_id", type_=sa.Uuid()), Task.state == sa.bindparam("state")
)
_PAUSES = (
    sa.select(Hold.began_on, Hold.ended_on, Hold.blocker)
    .where(Hold.case_id == sa.bindparam("case_id", type_=sa.Uuid()))
    .order_by(Hold.began_on)
)
_EXTENSIONS = (
    sa.select(Extension.task_id, Extension.given_on, Extension.days, Extension.id)
    .where(Extension.case_id == sa.bindparam("case_id", type_=sa.Uuid()), Extension.current)
    .order_by(Extension.given_on)
)
_FACTS = sa.select(
    Evidence.source,
    Evidence.field,
    Evidence.type,
    Evidence.text_value,
    Evidence.number_value,
    Evidence.date_value,
).where(Evidence.case_id == sa.bindparam("case_id", type_=sa.Uuid()), Evidence.latest, Evidence.subject_kind == "task")
_PREREQUISITES_OF_BODY = sa.select(*(getattr(Prerequisite, column.name) for column in fields(PrerequisiteSeen))).where(
    Prerequisite.body == sa.bindparam("body")
)
_PREREQUISITES = _PREREQUISITES_OF_BODY.where(Prerequisite.kind.in_(sa.bindparam("kinds", expanding=True)))
_MILESTONES = sa.select(*(getattr(Milestone, column.name) for column in fields(MilestoneSeen))).where(
    Milestone.service == sa.bindparam("service")
)
_ELSEWHERE = sa.and_(Grant.body.is_(None), Grant.team.is_(None))
# Spelt out: with these as values to come, PostgreSQL planned the query anew for every deed among many cases.
_ROLLOUT_TEAM: sa.ColumnElement[str] = sa.literal_column("'rollout_team'")
_OFFICE: sa.ColumnElement[str] = sa.literal_column("'programme_office'")
_HOLDS = (
    Grant.body == sa.bindparam("body"),
    Grant.team == sa.bindparam("team"),
    sa.and_(_ELSEWHERE, Grant.role == _ROLLOUT_TEAM, Grant.operator == sa.bindparam("operator")),
    sa.and_(_ELSEWHERE, Grant.role == _OFFICE),
)
_HOLDERS = (
    with_deputies(
        sa.select(Grant.person_id, Grant.role, Grant.body, Grant.service, Grant.team, Grant.operator).join(
            Person, Person.id == Grant.person_id
        )
    )
    .where(
        Person.ended_at.is_(None),
        # Each branch names what an index is limited to; only then SQLite uses one for each.
        sa.or_(*(sa.and_(Grant.ended_at.is_(None), branch) for branch in _HOLDS)),
    )
    .order_by(Grant.started_at, Grant.id)
)
_HUMANS: Any = sa.select(Person.id, Person.human_id).where(Person.id.in_(sa.bindparam("people", expanding=True)))
_NAMES: Any = (
    sa.select(Person.name).where(Person.id.in_(sa.bindparam("people", expanding=True))).order_by(Person.search_key)
)
_ADDED = (
    sa.select(AdHoc.id, AdHoc.working_days, Remark.text)
    .join(Remark, Remark.id == AdHoc.remark_id)
    .where(AdHoc.case_id == sa.bindparam("case_id", type_=sa.Uuid()))
)
_EARLIER = (
    sa.select(
        Evidence.field,
        Evidence.source,
        Evidence.type,
        Evidence.text_value,
        Evidence.number_value,
        Evidence.date_value,
        Evidence.document_id,
        Evidence.attempt,
        Evidence.revision,
        Document.name,
    )
    .outerjoin(Document, Document.id == Evidence.document_id)
    .where(
        Evidence.subject_kind == sa.bindparam("kind"),
        Evidence.subject_id == sa.bindparam("subject_id", type_=sa.Uuid()),
        Evidence.latest,
    )
)
ERASE_REMARK = (
    sa.update(Remark.__table__)  # type: ignore[arg-type]
    .where(Remark.id == sa.bindparam("which", type_=sa.Uuid()))
    .values(text=None, salt=None)
)
OUTDATE = (
    sa.update(Evidence.__table__)  # type: ignore[arg-type]
    .where(
        Evidence.subject_kind == sa.bindparam("kind"),
        Evidence.subject_id == sa.bindparam("subject", type_=sa.Uuid()),
        Evidence.field == sa.bindparam("name"),
        Evidence.latest,
    )
    .values(latest=sa.false())
)
