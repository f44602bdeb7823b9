"""The page of one task: what is asked, by when and why then, who does it, and what this actor may do with it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import evidence, policy, registers, reuse, tasks
from workflow.casework import TaskRow
from workflow.definition import EvidenceField, Text
from workflow.engine import Work
from workflow.errors import NotAllowed, Refused
from workflow.evidence import Value
from workflow.models import Body, Case, Event, Recording, Task, Wave
from workflow.queries import conversation, parts, reply, seen, standstill
from workflow.queries.conversation import Conversation
from workflow.queries.parts import AnswerView, DocumentLink, Due, SampleLink, StateView
from workflow.queries.reply import Given, Matter
from workflow.queries.seen import Answered, ByLaw, Party, Recorded, SeenCase, TaskLine
from workflow.queries.standstill import Cause
from workflow.queries.why import Why
from workflow.reuse import Told

REASONED = ("handed_on", "declined", "sent_back", "handed_back", "waived", "extended", "reopened")
"""Deeds that give a reason."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing a field of type variant or wave offers."""

    value: str
    title: Text
    on: dt.date | None = None
    """The Stichtag of a wave."""
    help: Text | None = None
    """What a variant means."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A field of the form, with what was answered in an earlier attempt."""

    name: str
    definition: EvidenceField
    value: Value | None
    document: DocumentLink | None
    """Given earlier; it stands until another is given."""
    choices: tuple[Choice, ...] | None
    again: bool
    """Asked in this attempt; otherwise the earlier answer stands unless somebody changes it."""
    told: Told | None = None
    """What the body said of the same thing elsewhere; the form begins with it."""
    told_where: Text | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A deed about this task that somebody gave a reason for."""

    act: str
    at: dt.datetime
    who: str | None
    reason: str | None
    days: int | None


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the checklist, and who ticked it when."""

    name: str
    title: Text
    ticked_at: dt.datetime | None
    ticked_by: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was answered in one attempt, also where a later answer took its place."""

    number: int
    answers: tuple[AnswerView, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody the task may be handed to, with the roles that make it so."""

    id: UUID
    name: str
    roles: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Everything the page of a task shows."""

    id: UUID
    name: str
    version: int
    seq: int
    """The number of the last entry of its case's history."""
    case_id: UUID
    number: str
    service: Text
    body: str
    body_ars: str
    delegate: str | None
    """The body whose people act on it while the service is given away."""
    as_participant: bool
    """The actor of the page sees nothing else of the case: the own body takes part in it."""
    title: Text
    help: Text | None
    how_to: str | None
    sample: SampleLink | None
    """A document to take as a pattern."""
    effort: Text | None
    state: StateView
    left_behind: bool
    """The case has left the state this task belongs to."""
    status: str
    optional: bool
    attempt: int
    line: TaskLine
    """Who acts on it now, and until when."""
    owner: Party
    """Whose task it is, whoever acts on it now."""
    confirmer: Party | None
    """Who checks what is handed in; None when handing in completes the task."""
    holder: str | None
    handed_on_by: str | None
    """Who gave it to the holder, and may take it back."""
    submitted_by: str | None
    submitted_for: str | None
    """In whose place, when a deputy handed it in."""
    on_behalf_of: str | None
    """Whom the actor of the page would stand in for."""
    mine: bool
    submitted_by_me: bool
    recorded_for_body: bool
    cluster: bool
    """The actor of the page acts as co-ordinator, and may decide for other members at the same time."""
    recorded: Recorded | None
    """How the team learned what it entered last."""
    for_the_body: bool
    """The actor of the page would record it in the body's place."""
    due: Due | None
    why: Why | None
    by_law: ByLaw | None
    """The date a law sets, apart from the one the programme aims at."""
    rests: bool
    after: tuple[Text, ...]
    waits_for: tuple[Cause, ...]
    """At the root of its waiting: what somebody can act on."""
    informs: tuple[Party, ...]
    fields: tuple[Asked, ...]
    """What is asked; of the actor of the page, if handing in is among the deeds."""
    answers: tuple[AnswerView, ...]
    """What was answered last."""
    said: tuple[Said, ...]
    """Reasons given so far, the last first."""
    deeds: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    attempts: tuple[Attempt, ...]
    """All answers by attempt, the last first; empty as long as there was one attempt only."""
    checklist: tuple[Point, ...]
    conversation: Conversation | None
    """None for a body that takes part: it does not hear what those who see the case say to each other."""
    follow_up_on: dt.date | None
    """Put aside until this day."""
    follow_up_by: str | None
    replied: tuple[Given, ...]
    """What was replied to the reminders of the present due date."""
    reply: Matter | None
    """What the actor of the page may reply; None: nothing."""

    def may(self, *deeds: str) -> bool:
        """Whether the actor of the page may do one of these deeds now."""
        return any(deed in self.deeds for deed in deeds)


def task(work: Work, task_id: UUID) -> TaskPage:
    """The page of a task. Raises NotFound when its case is not there or not for this actor."""
    case, row = seen.look_by_task(work, task_id)
    events = _events(work, row)
    answered = [answer for answer in case.answered() if answer.kind == "task" and answer.subject_id == row.id]
    ticked = tasks.ticks(work, [row.id]).get(row.id, {}) if case.definition_of(row).checklist else {}
    spoken = conversation.read(case, row.id) if not case.as_participant else ([], {})
    case.learn_names(
        conversation.people_in(spoken)
        + [row.holder_id, row.handed_on_by, row.submitted_by, row.submitted_for, row.follow_up_by]
        + [tick.by for tick in ticked.values()]
        + [event.actor_id for event in events]
        + [answer.given_by for answer in answered]
    )
    definition = case.definition_of(row)
    standing = tasks.standing_of(case, row)
    deeds = tasks.deeds(case, row)
    reminded = seen.reminded(work, [row.id] if row.acting else [])
    line = case.line(row, reminded_on=reminded.get(row.id))
    me = work.actor.id
    return TaskPage(
        id=row.id,
        name=row.name,
        version=row.version,
        seq=case.row.seq,
        case_id=row.case_id,
        number=case.row.number,
        service=parts.service_title(work.catalogue, row.service),
        body=case.body_name,
        body_ars=case.row.body,
        delegate=case.body_names.get(row.body) if row.body == case.row.delegate else None,
        as_participant=case.as_participant,
        title=definition.title,
        help=definition.help,
        how_to=definition.how_to,
        sample=parts.sample(work, definition.sample),
        effort=definition.effort,
        state=parts.state_of(case.process, row.state),
        left_behind=row.state != case.row.state,
        status=row.status,
        optional=row.optional,
        attempt=row.attempt,
        line=line,
        owner=case.party(row.owner, of=row),
        confirmer=case.party(definition.confirm, besides=(row.submitted_by, row.submitted_for))
        if definition.confirm
        else None,
        holder=case.name(row.holder_id),
        handed_on_by=case.name(row.handed_on_by),
        submitted_by=case.name(row.submitted_by),
        submitted_for=case.name(row.submitted_for),
        on_behalf_of=case.name(standing.on_behalf_of) if standing is not None else None,
        mine=row.holder_id is not None and row.holder_id == me,
        submitted_by_me=row.submitted_by is not None and row.submitted_by == me,
        recorded_for_body=row.recorded_for_body,
        cluster=standing is not None and standing.cluster is not None,
        recorded=_recorded(case, row),
        for_the_body=standing is not None and standing.for_the_body,
        due=line.due,
        why=None if case.as_participant else case.why(row),
        by_law=None if case.as_participant else case.by_law(row),
        rests=case.row.rests,
        after=line.after,
        waits_for=() if case.as_participant or row.status != "waiting" else standstill.of_task(case, row),
        informs=() if case.as_participant else tuple(case.party(role) for role in definition.informs),
        fields=_fields(case, row, standing, answered, offering="submit" in deeds),
        answers=_answers(case, row, answered),
        said=_said(case, events),
        deeds=deeds,
        conversation=conversation.in_words(case, spoken) if not case.as_participant else None,
        attempts=_attempts(case, row, answered),
        checklist=tuple(
            Point(name, title, tick.at if tick else None, case.name(tick.by) if tick else None)
            for name, title in definition.checklist.items()
            for tick in [ticked.get(name)]
        ),
        follow_up_on=row.follow_up_on if row.follow_up_on and row.follow_up_on > work.today else None,
        follow_up_by=case.name(row.follow_up_by),
        replied=reply.given(work, row.id, row.generation) if _has_replies(row) else (),
        reply=reply.task_matter(case, row) if row.acting is not None else None,
        candidates=_candidates(case, row, without_me="accept" in deeds) if {"assign", "hand_on"} & {*deeds} else (),
    )


def _has_replies(row: TaskRow) -> bool:
    """Nobody looks into the ledger of a task that nobody has replied about."""
    return row.acting is not None and (row.replied == row.generation or row.promised_on is not None)


@dataclass(frozen=True, slots=True)
class RecordPage:
    """The page on which a team enters what a body told: the task, and what it asks of the team."""

    task: TaskPage
    fields: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Sibling:
    """The same task in the case of another member of the cluster."""

    id: UUID
    body: str
    number: str
    version: int
    due: Due | None
    held: bool
    """Somebody there has accepted it."""


@dataclass(frozen=True, slots=True)
class TogetherPage:
    """The page on which a co-ordinator hands in the same for several members."""

    task: TaskPage
    siblings: tuple[Sibling, ...]
    """All that could be decided now, this one among them."""
    fields: tuple[Asked, ...]
    """What is asked, and nothing of what one of them has answered before."""


def record(work: Work, task_id: UUID) -> RecordPage:
    """The page of recording. Raises NotFound, or NotAllowed when the actor is not of the case's team."""
    case, row = seen.look_by_task(work, task_id)
    standing = policy.recording(work.actor, row.owner, row)
    if standing is None:
        raise NotAllowed(roles=("umsetzungsteam",))
    answered = [answer for answer in case.answered() if answer.kind == "task" and answer.subject_id == row.id]
    return RecordPage(task(work, task_id), _fields(case, row, standing, answered, offering=True))


def together(work: Work, task_id: UUID) -> TogetherPage:
    """The page of deciding for several members. Raises NotFound, or Refused when the actor does not co-ordinate it."""
    case, row = seen.look_by_task(work, task_id)
    if policy.coordinates(work.actor, row.owner, row) is None:
        raise Refused("error.not_coordinated")
    members = dict(work.actor.coordinated()).get(row.service, ())
    to_decide = (
        policy.tasks_to_do(work.actor),
        Task.name == row.name,
        Task.service == row.service,
        Task.status.in_(("ready", "accepted")),
        Task.body.in_(members),
    )
    asked = _fields(case, row, None, [], offering=True)
    return TogetherPage(task(work, task_id), _siblings(work, *to_decide), asked)


def handed(work: Work, task_ids: Sequence[UUID]) -> tuple[Sibling, ...]:
    """What was handed in together, as far as the actor sees the cases."""
    return _siblings(work, policy.cases(work.actor), Task.id.in_(task_ids))


def _siblings(work: Work, *which: sa.ColumnElement[bool]) -> tuple[Sibling, ...]:
    rows = work.session.execute(
        sa.select(Task.id, Task.version, Task.due_on, Task.status, Case.number, Body.display_name)
        .join(Case, Case.id == Task.case_id)
        .join(Body, Body.ars == Case.body)
        .where(*which)
        .order_by(Body.sort_key, Case.number)
    )
    return tuple(
        Sibling(
            id=one.id,
            body=one.display_name,
            number=one.number,
            version=one.version,
            due=parts.due(work, one.due_on),
            held=one.status == "accepted",
        )
        for one in rows
    )


# --- the form --------------------------------------------------------------------------------------------------------


def _fields(
    case: SeenCase, row: TaskRow, standing: policy.Standing | None, answered: list[Answered], *, offering: bool
) -> tuple[Asked, ...]:
    """What is asked of the actor. What the body said elsewhere is offered to its own people and to its team, not to a
    delegate or a co-ordinator: they see nothing else of that body's."""
    asked = tasks.asked_of(case.definition_of(row), row, standing)
    latest = {answer.field: answer for answer in answered if answer.latest} if row.attempt > 1 else {}
    choices = _choices(case, asked) if offering else {}
    of_its_own = row.body == case.speaker(row) and standing is not None and standing.cluster is None
    known = reuse.told(case.work, row.body, asked, besides=row.id) if offering and of_its_own else {}
    return tuple(
        Asked(
            name=name,
            definition=definition,
            value=latest[name].value if name in latest else known[name].value if name in known else None,
            document=latest[name].document if name in latest else None,
            again=tasks.is_asked(row, name, latest),
            choices=choices.get(name if definition.type == "register" else definition.type),
            told=known.get(name) if name not in latest else None,
            told_where=parts.told_where(case.work.catalogue, known[name]) if name in known else None,
        )
        for name, definition in asked.items()
    )


def _choices(case: SeenCase, asked: Mapping[str, EvidenceField]) -> dict[str, tuple[Choice, ...]]:
    """What fields of type variant, wave and register offer, in words; of registers by the name of the field."""
    offered = tasks.choices(case.work, case.row.service, asked)
    found: dict[str, tuple[Choice, ...]] = {}
    types = {definition.type for definition in asked.values()}
    if "variant" in types:
        variants = case.work.catalogue.service(case.row.service).variants
        found["variant"] = tuple(
            Choice(name, variant.title, help=variant.help)
            for name, variant in variants.items()
            if name in offered.variants
        )
    if "wave" in types:
        rows = case.work.session.execute(_WAVES)
        found["wave"] = tuple(
            Choice(row.key, Text(de=row.title_de, en=row.title_en), row.stichtag)
            for row in rows
            if row.key in offered.waves
        )
    for name, definition in asked.items():
        if definition.type == "register":
            entries = registers.offered(case.work, definition)
            found[name] = tuple(Choice(key, words) for key, words in entries.items())
    return found


def _answers(case: SeenCase, row: TaskRow, answered: list[Answered]) -> tuple[AnswerView, ...]:
    """What was answered last, in the order of the form; what is no longer asked stands at the end."""
    asked = tasks.asked_of(case.definition_of(row), row, None)
    order = {name: position for position, name in enumerate(asked)}
    latest = sorted(
        (answer for answer in answered if answer.latest), key=lambda answer: order.get(answer.field, len(order))
    )
    known = {**evidence.SIGNED, **asked}
    return tuple(case.answer(answer, known.get(answer.field)) for answer in latest)


def _attempts(case: SeenCase, row: TaskRow, answered: list[Answered]) -> tuple[Attempt, ...]:
    if row.attempt == 1:
        return ()
    known = {**evidence.SIGNED, **tasks.asked_of(case.definition_of(row), row, None)}
    return tuple(
        Attempt(number, tuple(case.answer(one, known.get(one.field)) for one in answered if one.attempt == number))
        for number in sorted({one.attempt for one in answered}, reverse=True)
    )


def _candidates(case: SeenCase, row: TaskRow, *, without_me: bool) -> tuple[Candidate, ...]:
    """Whom it may be handed to, by name; whoever has it already is left out: the holder, the only person a task still
    waits for, and `without_me` the actor, who accepts it instead.
    """
    catalogue = case.work.catalogue
    have_it = {row.holder_id}
    if without_me:
        have_it.add(case.work.actor.id)
    if row.status == "ready" and len(waited_for := set(tasks.to_act(case, row))) == 1:
        have_it |= waited_for
    held: dict[UUID, list[Text]] = {}
    for holder in case.holders(row):
        role = f"body.{holder.role}" if holder.body else holder.role
        held.setdefault(holder.person_id, []).append(parts.role_title(catalogue, role))
    found = [
        Candidate(person_id, name, tuple(dict.fromkeys(held.get(person_id, ()))))
        for person_id in tasks.eligible(case, row)
        if person_id not in have_it
        for name in [case.name(person_id)]
        if name
    ]
    return tuple(sorted(found, key=lambda candidate: (candidate.name, str(candidate.id))))


def _recorded(case: SeenCase, row: TaskRow) -> Recorded | None:
    if not row.recorded_for_body:
        return None
    found = case.work.session.execute(
        sa.select(Recording.means, Recording.told_on, Recording.told_by)
        .where(Recording.task_id == row.id, Recording.attempt == row.attempt)
        .limit(1)
    ).first()
    if found is None:
        return None
    means = tasks.TOLD["means"].options[found.means].title
    return Recorded(means, found.told_on, case.remarks().get(found.told_by.hex))


# --- what was said ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _EventRow:
    at: dt.datetime
    actor_id: UUID | None
    act: str
    said: Mapping[str, Any]


def _events(work: Work, row: TaskRow) -> list[_EventRow]:
    """Entries about this task that give a reason, the last first; a note to a colleague while the colleague has it."""
    rows = work.session.execute(_EVENTS, {"case_id": row.case_id, "acts": REASONED})
    found = [_EventRow(at, actor_id, act, json.loads(content)) for at, actor_id, act, content in rows]
    return [
        event
        for event in found
        if event.said.get("task") == row.id.hex
        and (event.act != "handed_on" or ("remark" in event.said and row.handed_on_by is not None))
    ]


def _said(case: SeenCase, events: list[_EventRow]) -> tuple[Said, ...]:
    return tuple(
        Said(
            act=event.act,
            at=event.at,
            who=case.name(event.actor_id),
            reason=case.remarks().get((event.said.get("remark") or {}).get("id", "")),
            days=event.said.get("days"),
        )
        for event in events
    )


_EVENTS: Any = (
    sa.select(Event.at, Event.actor_id, Event.act, Event.content)
    .where(
        Event.chain_id == sa.bindparam("case_id", type_=sa.Uuid()),
        Event.act.in_(sa.bindparam("acts", expanding=True)),
    )
    .order_by(Event.seq.desc())
)
_WAVES = sa.select(Wave.key, Wave.title_de, Wave.title_en, Wave.stichtag).order_by(Wave.stichtag, Wave.key)
