"""One case as a page looks at it: not locked, with all its tasks, the names of its places and of its people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from workflow import casework, evidence, policy, registers, replies, statements, tasks
from workflow.calendar import Pause
from workflow.casework import CaseAtHand, CaseRow, MilestoneSeen, PrerequisiteSeen, TaskRow
from workflow.definition import EvidenceField, Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.evidence import Value
from workflow.models import (
    Body,
    Case,
    Decision,
    Document,
    Evidence,
    Hold,
    Mailbox,
    Part,
    Person,
    Remark,
    Task,
    Team,
    Vendor,
    Wave,
)
from workflow.policy import Holder
from workflow.queries import parts, why
from workflow.queries.parts import AnswerView, DocumentLink, Due
from workflow.queries.why import Why
from workflow.statements import Asking, Query, Rows
from workflow.texts import sort_key

_QUERIES_KEPT = 256
"""For how many actors a query stays put together."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who acts: a role at a place, and the people behind it.

    `instead_of` names the role that ought to act but that nobody holds. `people` is whoever took it on, else everybody
    who holds the role.
    """

    role: str
    title: Text
    place: str | None
    people: tuple[str, ...]
    instead_of: Text | None
    me: bool
    """The actor of the page belongs to it, or stands in for somebody who does."""
    away: tuple[tuple[str, str], ...] = ()
    """Who of them is away today, and who stands in."""
    elsewhere: str | None = None
    """The body whose task it is, where that only takes part in the case."""
    unreached_on: dt.date | None = None
    """Since when nobody of them can be reached by mail."""
    told_instead: Party | None = None
    """Who is told as long as that is so."""


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task as a line of a page."""

    id: UUID
    title: Text
    state: Text
    status: str
    optional: bool
    attempt: int
    conditional: bool
    """Whether it is needed at all depends on an answer still to come."""
    mine: bool
    """It waits for the actor of the page."""
    held: bool
    """Somebody has accepted it."""
    party: Party
    due: Due | None
    by_law: Due | None
    """When a law says it must be done."""
    since: dt.date | None
    reminded_on: dt.date | None
    ended_on: dt.date | None
    after: tuple[Text, ...]
    """What has to be settled first."""


@dataclass(frozen=True, slots=True)
class ByLaw:
    """The date a law sets for a task: where it says so, and how the date came about.

    `due` is None as long as nobody said when the period began.
    """

    basis: Text
    due: Due | None
    why: Why | None


@dataclass(frozen=True, slots=True)
class OfBody:
    """What rights on a prerequisite depend on: the body and the team of its district, no service and no operator."""

    body: str
    team: str
    service: str = ""
    operator: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """How a team learned what it entered for a body: by what means, when, from whom (None: erased)."""

    means: Text
    told_on: dt.date
    told_by: str | None


@dataclass(frozen=True, slots=True)
class HoldSeen:
    """A pause of the case."""

    id: UUID
    code: str
    """Of the blocker."""
    party: str | None
    """Who is waited for, as registers write it."""
    blocker: Text
    began_on: dt.date
    ended_on: dt.date | None
    review_on: dt.date
    promised_on: dt.date | None
    waits_for: Text | None
    remark_id: UUID | None
    held_by: UUID | None
    row: replies.HoldRow
    """What a reply asks of it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer of the case with whom and what it belongs to."""

    kind: str
    subject_id: UUID
    source: str
    field: str
    type: str
    value: Value | None
    document: DocumentLink | None
    attempt: int
    revision: int
    latest: bool
    given_at: dt.datetime
    given_by: UUID | None


@dataclass(slots=True)
class SeenCase(CaseAtHand):
    """The case with what a page says of it. Whatever is asked for is read once."""

    body_name: str = ""
    team_title: str = ""
    wave_title: Text | None = None
    is_named_by_others: bool = False
    """Other cases ended because this one goes on in their place, or are later rounds of it."""
    _names: dict[UUID, str] = field(default_factory=dict)
    _marked: dict[UUID, dt.date] = field(default_factory=dict)
    """Since when mail to somebody does not arrive."""
    has_parts: bool = False
    """Services it consists of went live by themselves."""
    as_participant: bool = False
    """The actor of the page sees its own body's tasks only."""
    body_names: dict[str, str] = field(default_factory=dict)
    """Display names of the bodies that take part, by ARS."""
    _holds: tuple[HoldSeen, ...] = ()
    _remarks: dict[str, str] | None = None
    _answered: tuple[Answered, ...] = ()
    _on_their_way: tuple[tuple[UUID, str, str | None], ...] | None = None
    hold_rows: Rows = field(default_factory=list)
    """The ledger of pauses as it is kept."""
    _by_hex: dict[str, tuple[int, Text]] | None = None

    def holds(self) -> tuple[HoldSeen, ...]:
        """The ledger of pauses, the earliest first."""
        return self._holds

    def pauses(self) -> tuple[Pause, ...]:
        """The same ledger as due dates count it."""
        return tuple(Pause(hold.began_on, hold.ended_on, hold.code) for hold in self.holds())

    def facts(self) -> dict[str, evidence.Value]:
        """What conditions and promised dates ask about, out of the answers already read."""
        if self._facts is None:
            self._facts = {
                f"{answer.source}.{answer.field}": answer.value
                for answer in self.answered()
                if answer.kind == "task" and answer.latest and answer.value is not None
            }
        return CaseAtHand.facts(self)

    def remarks(self) -> dict[str, str]:
        """What people gave as reasons, by the remark's id in hex; erased ones are not there."""
        if self._remarks is None:
            rows = statements.rows(self.work.connection, _REMARKS, {"case_id": self.row.id})
            self._remarks = {remark_id.hex: text for remark_id, text in rows if text}
        return self._remarks

    def on_their_way(self) -> tuple[tuple[UUID, str, str | None], ...]:
        """Cases of this body that are neither live nor at an end and know their variant, as far as the reader sees
        them: id, service and variant. Read once."""
        if self._on_their_way is None:
            rows = statements.rows(self.work.connection, *_asking_on_their_way(self.work, self.row))
            self._on_their_way = tuple((case_id, service, variant) for case_id, service, variant in rows)
        return self._on_their_way

    def know(self, prerequisites: Rows, milestones: Rows, on_their_way: Rows) -> None:
        """Take what was read together with the case for what it would read by itself."""
        kinds = {entry.kind for entry in self.work.catalogue.needed(self.row.service, self.row.variant)}
        known = (PrerequisiteSeen(*row) for row in prerequisites)
        self._prerequisites = {(one.kind, one.scope): one for one in known if one.kind in kinds}
        self._milestones = {one.kind: one for one in (MilestoneSeen(*row) for row in milestones)}
        self._on_their_way = tuple((case_id, service, variant) for case_id, service, variant in on_their_way)

    def places(self) -> dict[str, tuple[int, Text]]:
        """The tasks the process knows, by their ids as history writes them: the place in its order, and the title."""
        if self._by_hex is None:
            self._by_hex = {
                task.id.hex: (place, definition.title)
                for place, (_, name, definition) in enumerate(self.process.tasks())
                for task in self.instances(name)
            }
        return self._by_hex

    def answered(self) -> tuple[Answered, ...]:
        """Every answer given in this case, in all revisions, in the order in which they were given."""
        return self._answered

    def learn_names(self, people: Iterable[UUID | None]) -> None:
        """Read the names of these people and of everybody who holds a role here, in one statement."""
        here = policy.acts_at(self.row)
        elsewhere = [task for task in self.tasks.values() if task.body != here]
        around = [holder for place in (None, *elsewhere) for holder in self.holders(place)]
        wanted = {person for person in people if person} | {holder.person_id for holder in around}
        wanted |= {holder.deputy for holder in around if holder.deputy} | set(self.work.actor.stands_for)
        rows = self.work.connection.execute(_NAMES, {"people": list(wanted)}).all()
        self._names = {person_id: name for person_id, name, _ in rows if name}
        day_of = self.work.catalogue.calendar.today
        self._marked = {person_id: day_of(bounced_at) for person_id, _, bounced_at in rows if bounced_at}

    def name(self, person_id: UUID | None) -> str | None:
        """The name of somebody `learn_names` was asked for; None once it has been erased."""
        return self._names.get(person_id) if person_id else None

    # --- in words ---

    def party(
        self,
        owner: str,
        *,
        holder: UUID | None = None,
        of: policy.Concerned | None = None,
        besides: Collection[UUID | None] = (),
    ) -> Party:
        """Who acts as `owner` here, after fallback; `holder` has taken it on. `of`: for a prerequisite of the body, or
        a task of another body. `besides`: who handed it in and cannot be the second person, if there is anybody else.
        """
        role, people = policy.in_charge(owner, of or self.row, self.holders(of))
        people = tuple(one for one in people if one not in besides) or people
        if holder is not None:
            people = (holder,)
        unreached_on = self._unreached_on(role, people, of)
        return Party(
            role=role,
            title=parts.role_title(self.work.catalogue, role),
            place=self._place(role, of or self.row),
            people=tuple(sorted((name for name in map(self.name, people) if name), key=sort_key)),
            instead_of=parts.role_title(self.work.catalogue, owner) if role != owner else None,
            me=any(one in people for one in (self.work.actor.id, *self.work.actor.stands_for)),
            away=self._away(people, of),
            elsewhere=self.body_names.get(of.body) if of is not None and of.body != self.row.body else None,
            unreached_on=unreached_on,
            told_instead=self._told_instead(role, of) if unreached_on else None,
        )

    def _unreached_on(self, role: str, people: Iterable[UUID], of: policy.Concerned | None) -> dt.date | None:
        """Since when none of them can be reached: by mail of their own, through who stands in, or by a mailbox."""
        if not self._marked:
            return None
        told = policy.reached(people, self.holders(of), asks=True)
        if not told or not self._marked.keys() >= told.keys():
            return None
        return None if self._has_mailbox(role, of or self.row) else max(self._marked[one] for one in told)

    def _told_instead(self, role: str, of: policy.Concerned | None) -> Party | None:
        """The first of those who are told instead who can be reached (`unreached`)."""
        for instead in policy.told_instead(role):
            found, people = policy.in_charge(instead, of or self.row, self.holders(of))
            reached = policy.reached(people, self.holders(of), asks=True) if found == instead != role else {}
            if not reached.keys() <= self._marked.keys():
                return self.party(instead, of=of)
        return None

    def _has_mailbox(self, role: str, of: policy.Concerned) -> bool:
        """Mail for this role goes to a mailbox that works."""
        place: sa.ColumnElement[bool]
        if role.startswith("body."):
            place = Mailbox.body == policy.acts_at(of)
        elif role in ("umsetzungsteam", "supervisor"):
            place = Mailbox.team == of.team
        else:
            place = Mailbox.operator == (of.operator if role == "rollout_team" else None)
        works = (Mailbox.ended_on.is_(None), Mailbox.bounced_at.is_(None))
        of_role = Mailbox.role.in_((role.removeprefix("body."), ""))
        return self.work.session.execute(sa.select(Mailbox.id).where(place, of_role, *works)).first() is not None

    def _away(self, people: Iterable[UUID], of: policy.Concerned | None) -> tuple[tuple[str, str], ...]:
        deputies = {holder.person_id: holder.deputy for holder in self.holders(of) if holder.deputy is not None}
        named = ((self.name(one), self.name(deputies[one])) for one in people if one in deputies)
        return tuple((one, deputy) for one, deputy in named if one and deputy)

    def party_of(self, task: TaskRow, *, holder: UUID | None = None) -> Party:
        """Who acts on a task now, or would, at the body it belongs to."""
        handed_in = (task.submitted_by, task.submitted_for) if task.status == "submitted" else ()
        return self.party(task.acting or task.owner, holder=holder, of=task, besides=handed_in)

    def line(self, task: TaskRow, *, reminded_on: dt.date | None = None) -> TaskLine:
        """A task as a line of a page."""
        definition = self.definition_of(task)
        by_law = self.statutory(task) if task.acting else None
        return TaskLine(
            id=task.id,
            title=definition.title,
            state=self.process.states[task.state].title,
            status=task.status,
            optional=task.optional,
            attempt=task.attempt,
            conditional=bool(definition.only_if),
            mine=self.waits_for_actor(task),
            held=task.status == "accepted" and task.holder_id is not None,
            party=self.party_of(task, holder=_who(task)),
            due=parts.due(self.work, task.due_on) if task.acting else None,
            by_law=parts.due(self.work, by_law.date) if by_law is not None else None,
            since=task.counted_from,
            reminded_on=reminded_on,
            ended_on=task.ended_on,
            after=tuple(self.definition_of(one).title for one in self.before(task) if not one.satisfies)
            if task.status == "waiting"
            else (),
        )

    def why(self, task: TaskRow) -> Why | None:
        """How a due date came about: the very sum that set it."""
        if task.acting is None or task.due_on is None or task.counted_from is None:
            return None
        due = self.due_of(task, task.counted_from)
        return why.explain(
            self.work,
            due,
            since=task.status if task.status in ("submitted", "declined") else "ready",
            rests=self.row.rests,
            given=why.givers(self.work, due),
            extended=sum(one.days for one in self.extensions(task)),
        )

    def by_law(self, task: TaskRow) -> ByLaw | None:
        """The date a law sets for a task that is not settled, apart from the one that is aimed at."""
        rule = self.definition_of(task).statutory
        if rule is None or task.ended_on is not None:
            return None
        due = self.statutory(task)
        return ByLaw(
            basis=rule.basis,
            due=parts.due(self.work, due.date) if due else None,
            why=why.explain(self.work, due, since="event") if due else None,
        )

    def waits_for_actor(self, task: TaskRow) -> bool:
        """Whether the actor of the page is asked to do something with the task."""
        return tasks.waits_for_actor(self, task)

    def answer(self, given: Answered, asked: EvidenceField | None) -> AnswerView:
        """An answer in words: options, variants and waves by their titles."""
        return AnswerView(
            field=given.field,
            title=asked.title if asked else given.field,
            type=given.type,
            value=self._in_words(given, asked),
            document=given.document,
            revision=given.revision,
            latest=given.latest,
            given_at=given.given_at,
            given_by=self.name(given.given_by),
        )

    def _in_words(self, given: Answered, asked: EvidenceField | None) -> Value | Text | None:
        value = given.value
        if not isinstance(value, str):
            return value
        if given.type == "variant":
            variant = self.work.catalogue.variant(self.row.service, value)
            return variant.title if variant else value
        if given.type == "wave":
            return self.wave_title if value == self.row.wave and self.wave_title else value
        if given.type == "register" and asked is not None and asked.register:
            return registers.title_of(self.work, asked.register, value)
        if asked is not None and value in asked.options:
            return asked.options[value].title
        return value

    def _place(self, role: str, of: policy.Concerned) -> str | None:
        if role.startswith("body."):
            return self.body_names.get(policy.acts_at(of), self.body_name)
        if role in ("umsetzungsteam", "supervisor"):
            return self.team_title
        if role == "rollout_team" and self.row.operator:
            operator = self.work.catalogue.programme.operators.get(self.row.operator)
            return operator.title if operator else self.row.operator
        return None


def look(work: Work, case_id: UUID) -> SeenCase:
    """The case, if this actor may know it exists. Raises NotFound."""
    return _look(work, _CASE, case_id)[0]


def look_around(
    work: Work, case_id: UUID, asking: Callable[[CaseRow], Sequence[Asking]]
) -> tuple[SeenCase, Sequence[Rows]]:
    """`look` with everything the case's own page says of it, and the answers to what else is asked of the case; all of
    it at once."""

    def asked(row: CaseRow) -> Sequence[Asking]:
        around = (casework.asking_prerequisites(row), casework.asking_milestones(row), _asking_on_their_way(work, row))
        return (*around, *asking(row))

    case, (prerequisites, milestones, on_their_way, *others) = _look(work, _CASE, case_id, also=asked)
    case.know(prerequisites, milestones, on_their_way)
    return case, others


def look_by_task(work: Work, task_id: UUID) -> tuple[SeenCase, TaskRow]:
    """The case of a task, and the task. Raises NotFound like `look`.

    Of a body which takes part in the case its people see the own tasks; the case then shows nothing else.
    """
    case, _ = _look(work, _CASE_OF_TASK, task_id, own_task=task_id)
    task = next((task for task in case.tasks.values() if task.id == task_id), None)
    if task is None:
        raise NotFound(what="task")
    return case, task


def reminded(work: Work, tasks: Iterable[UUID]) -> dict[UUID, dt.date]:
    """The day on which somebody was last reminded of each of these tasks."""
    wanted = list(tasks)
    if not wanted:
        return {}
    return days_of_reminders(work, work.connection.execute(_REMINDED, {"tasks": wanted}))


def asking_reminded(case_id: UUID) -> Asking:
    """What `days_of_reminders` makes days of, for every task of a case that waits for somebody."""
    return _REMINDED_IN_CASE, {"case_id": case_id}


def days_of_reminders(work: Work, rows: Iterable[Any]) -> dict[UUID, dt.date]:
    """The day on which somebody was last reminded of each of these tasks."""
    today = work.catalogue.calendar.today
    return {task_id: today(_aware(at)) for task_id, at in rows}


def look_as_participant(work: Work, case_id: UUID) -> SeenCase:
    """The case, if a body takes part in it where this actor holds a role, with the tasks of such bodies only.

    Raises NotFound.
    """
    mine = set(casework.participants(work, case_id)) & set(work.actor.bodies())
    if not mine:
        raise NotFound(what="case")
    return _look(work, _CASE, case_id, mine=mine)[0]


def _look(
    work: Work,
    query: Query,
    which: UUID,
    *,
    own_task: UUID | None = None,
    mine: Collection[str] = (),
    also: Callable[[CaseRow], Sequence[Asking]] = lambda _: (),
) -> tuple[SeenCase, Sequence[Rows]]:
    """The case by a constant query, and with it everything a page of it is sure to ask for; what is `also` asked is
    answered once it is certain that the actor sees the case."""
    found = statements.rows(work.connection, query, {"which": which})
    if not found:
        raise NotFound(what="case")
    *columns, body_name, team_title, wave_de, wave_en, is_named_by_others, has_parts = found[0]
    case_row = CaseRow(*columns)
    in_full = policy.sees(work.actor, case_row)
    if not in_full and not mine and not (own_task and casework.is_own_task(work, own_task)):
        raise NotFound(what="case")
    of_case = {"case_id": case_row.id}
    tasks, holds, answered, holders, *others = statements.answers(
        work.connection,
        (
            (_TASKS, of_case),
            (_HOLDS, of_case),
            (_ANSWERED, of_case),
            casework.asking_holders(work, case_row),
            *also(case_row),
        ),
    )
    there = [TaskRow(*row) for row in tasks]
    if not in_full:
        own = mine or work.actor.bodies()
        there = [task for task in there if task.scope == task.body and task.body in own]
        ids = {task.id for task in there}
        answered = [row for row in answered if row.subject_kind == "task" and row.subject_id in ids]
    elsewhere = {policy.acts_at(case_row), *(task.body for task in there)} - {case_row.body}
    found_case = SeenCase(
        work,
        case_row,
        work.catalogue.process(case_row.process, case_row.process_version),
        {task.key: task for task in there},
        _holders=tuple(Holder(*row) for row in holders),
        body_name=body_name,
        team_title=team_title,
        wave_title=Text(de=wave_de, en=wave_en) if wave_de else None,
        is_named_by_others=bool(is_named_by_others) and in_full,
        has_parts=bool(has_parts) and in_full,
        as_participant=not in_full,
        body_names=parts.body_names(work, elsewhere) if elsewhere else {},
        _holds=_holds(work, holds),
        _answered=_answered(answered),
        hold_rows=holds,
    )
    return found_case, others


def _asking_on_their_way(work: Work, of: policy.Concerned) -> Asking:
    return _on_their_way_for(work.actor), {"body": of.body}


@lru_cache(maxsize=_QUERIES_KEPT)
def _on_their_way_for(actor: policy.Actor) -> Query:
    """The query of an actor with these rights, which takes longer to put together than to ask."""
    return sa.select(Case.id, Case.service, Case.variant).where(
        policy.cases(actor),
        Case.body == sa.bindparam("body"),
        Case.ended_on.is_(None),
        Case.live_on.is_(None),
        Case.variant.is_not(None),
    )


def _holds(work: Work, rows: Rows) -> tuple[HoldSeen, ...]:
    blockers = work.catalogue.programme.blockers
    return tuple(
        HoldSeen(
            id=row.id,
            code=row.blocker,
            blocker=blockers[row.blocker].title if row.blocker in blockers else _plain(row.blocker),
            began_on=row.began_on,
            ended_on=row.ended_on,
            review_on=row.review_on,
            promised_on=row.promised_on,
            waits_for=registers.party_title(work, row.external_kind, row.external_key, vendor=row.vendor_title),
            party=registers.written(row.external_kind, row.external_key),
            remark_id=row.remark_id,
            held_by=row.held_by,
            row=replies.HoldRow(*(getattr(row, column.name) for column in fields(replies.HoldRow))),
        )
        for row in rows
    )


def _answered(rows: Rows) -> tuple[Answered, ...]:
    return tuple(
        Answered(
            kind=row.subject_kind,
            subject_id=row.subject_id,
            source=row.source,
            field=row.field,
            type=row.type,
            value=evidence.value_of(row.type, row.text_value, row.number_value, row.date_value),
            document=DocumentLink(row.document_id, row.name, row.size, row.sha256) if row.document_id else None,
            attempt=row.attempt,
            revision=row.revision,
            latest=row.latest,
            given_at=row.given_at,
            given_by=row.given_by,
        )
        for row in rows
    )


def _who(task: TaskRow) -> UUID | None:
    """Whoever took an accepted task on, or did a settled one."""
    return task.holder_id if task.status in ("accepted", "done") else None


def _plain(name: str) -> Text:
    return Text(de=name, en=name)


def _aware(at: dt.datetime) -> dt.datetime:
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


_CASE_ID: Any = sa.bindparam("case_id", type_=sa.Uuid())
_OTHER = aliased(Case)
_LOOK = (
    sa.select(
        *(getattr(Case, name) for name in casework.CASE_NAMES),
        Body.display_name,
        Team.title,
        Wave.title_de,
        Wave.title_en,
        sa.exists().where(sa.or_(_OTHER.superseded_by == Case.id, _OTHER.previous_id == Case.id)),
        sa.exists().where(Part.case_id == Case.id),
    )
    .join(Body, Body.ars == Case.body)
    .join(Team, Team.key == Case.team)
    .outerjoin(Wave, Wave.key == Case.wave)
)
_WHICH: Any = sa.bindparam("which", type_=sa.Uuid())
_CASE: Query = _LOOK.where(Case.id == _WHICH)
_CASE_OF_TASK: Query = _LOOK.where(Case.id == sa.select(Task.case_id).where(Task.id == _WHICH).scalar_subquery())
_TASKS = sa.select(*(getattr(Task, column.name) for column in fields(TaskRow))).where(Task.case_id == _CASE_ID)
_HOLDS = (
    sa.select(
        *(getattr(Hold, column.name) for column in fields(replies.HoldRow)),
        Hold.promised_on,
        Hold.external_kind,
        Hold.external_key,
        Vendor.title.label("vendor_title"),
        Hold.remark_id,
        Hold.held_by,
    )
    .outerjoin(Vendor, sa.and_(Hold.external_kind == "vendor", Vendor.key == Hold.external_key))
    .where(Hold.case_id == _CASE_ID)
    .order_by(Hold.began_on, Hold.id)
)
_REMARKS = sa.select(Remark.id, Remark.text).where(Remark.chain_id == _CASE_ID)
_ANSWERED = (
    sa.select(
        Evidence.subject_kind,
        Evidence.subject_id,
        Evidence.source,
        Evidence.field,
        Evidence.type,
        Evidence.text_value,
        Evidence.number_value,
        Evidence.date_value,
        Evidence.document_id,
        Evidence.attempt,
        Evidence.revision,
        Evidence.latest,
        Evidence.given_at,
        Evidence.given_by,
        Document.name,
        Document.size,
        Document.sha256,
    )
    .outerjoin(Document, Document.id == Evidence.document_id)
    .where(Evidence.case_id == _CASE_ID)
    .order_by(Evidence.given_at, Evidence.revision)
)
_NAMES = sa.select(Person.id, Person.name, Person.bounced_at).where(
    Person.id.in_(sa.bindparam("people", expanding=True))
)
_REMINDED = (
    sa.select(Decision.subject_id, sa.func.max(Decision.decided_at))
    .where(
        Decision.subject_kind == "task",
        Decision.subject_id.in_(sa.bindparam("tasks", expanding=True)),
        Decision.outcome == "fired",
    )
    .group_by(Decision.subject_id)
)
_REMINDED_IN_CASE = (
    sa.select(Decision.subject_id, sa.func.max(Decision.decided_at))
    .join(Task, Task.id == Decision.subject_id)
    .where(
        Task.case_id == _CASE_ID,
        Task.acting.is_not(None),
        Decision.subject_kind == "task",
        Decision.outcome == "fired",
    )
    .group_by(Decision.subject_id)
)
