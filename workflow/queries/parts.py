"""Values that several pages share: a state on its way, a due date, an answer, an entry of history."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, overload
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from workflow import evidence, policy, texts
from workflow.casework import added_title
from workflow.catalogue import Catalogue
from workflow.definition import AD_HOC, EvidenceField, Process, Text
from workflow.engine import Work
from workflow.evidence import Value
from workflow.models import AdHoc, Body, Case, Document, Event, Evidence, Grant, Person, Remark, Team
from workflow.reuse import Told


@dataclass(frozen=True, slots=True)
class StateView:
    """A state and where it stands on the main road: `position` of `of`, counted from one; 0 when it lies aside."""

    key: str
    title: Text
    position: int
    of: int
    aside: bool
    end: bool
    goal: bool
    help: Text | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A due date as it stands today: working days left, or passed since when it is overdue."""

    on: dt.date
    working_days: int
    overdue: bool


@dataclass(frozen=True, slots=True)
class DocumentLink:
    """A document that may be downloaded."""

    id: UUID
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SampleLink:
    """A document to take as a pattern, by its name and title."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """A document as it was given once. `number` counts the versions of what it answers, from 1."""

    document: DocumentLink
    number: int
    given_at: dt.datetime
    given_by: str | None


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """What a document answers, and every version of it, the newest first: none is ever lost."""

    field: Text | str
    source: Text | None
    versions: tuple[DocumentVersion, ...]
    stands: bool
    """The newest is the answer as it stands, and was not taken back."""


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An answer somebody gave. `value` is an option's title where the field was a choice that still exists."""

    field: str
    title: Text | str
    type: str
    value: Value | Text | None
    document: DocumentLink | None
    revision: int
    latest: bool
    given_at: dt.datetime
    given_by: str | None


@dataclass(frozen=True, slots=True)
class Happened:
    """An entry of a chain that is not a case's: what happened (`act`), by whom, and the dates it set."""

    at: dt.datetime
    act: str
    who: str | None
    due_on: dt.date | None
    reached_on: dt.date | None
    valid_until: dt.date | None
    remark: str | None
    step: str | None = None
    """The step of a prerequisite it is about."""
    to: UUID | None = None
    """Whom it was handed to."""
    days: int | None = None


def states(catalogue: Catalogue) -> tuple[StateView, ...]:
    """The states of the version new cases start with, main road first, in the order of the definition."""
    process = catalogue.newest(catalogue.programme.process)
    return tuple(sorted((state_of(process, key) for key in process.states), key=lambda state: (state.aside, state.end)))


def state(catalogue: Catalogue, process: str, version: int, key: str) -> StateView:
    """The state of a case that is pinned to this process version."""
    return state_of(catalogue.process(process, version), key)


def state_of(process: Process, key: str) -> StateView:
    """A state of a process."""
    road = [name for name, definition in process.states.items() if not definition.aside]
    definition = process.states[key]
    return StateView(
        key=key,
        title=definition.title,
        position=road.index(key) + 1 if key in road else 0,
        of=len(road),
        aside=definition.aside,
        end=definition.end,
        goal=definition.goal,
        help=definition.help,
    )


def goals(catalogue: Catalogue) -> frozenset[str]:
    """The states in which a service is in use, over all process versions."""
    return frozenset(
        key for process in catalogue.processes() for key, definition in process.states.items() if definition.goal
    )


@cache
def is_next_round() -> sa.ColumnElement[bool]:
    """A round on its way while the one before is still live or suspended."""
    before = aliased(Case)
    goes_on = sa.exists().where(before.id == Case.previous_id, before.ended_on.is_(None))
    return sa.and_(Case.previous_id.is_not(None), Case.ended_on.is_(None), goes_on)


@cache
def counts() -> sa.ColumnElement[bool]:
    """Of several rounds of a service at a body the one that counts: what is live as long as it is, and not also the
    round that is to replace it; of rounds that ended the last; none that another case goes on for."""
    before, after = aliased(Case), aliased(Case)
    replaces_nothing = sa.exists().where(
        before.id == Case.previous_id,
        sa.or_(before.ended_on.is_(None), sa.and_(before.superseded_by.is_not(None), before.superseded_by != Case.id)),
    )
    went_on = sa.exists().where(after.previous_id == Case.id)
    return sa.and_(
        Case.superseded_by.is_(None),
        sa.or_(Case.previous_id.is_(None), ~replaces_nothing),
        sa.or_(Case.ended_on.is_(None), ~went_on),
    )


def measured() -> sa.ColumnElement[bool]:
    """The cases from which one learns how long something takes: not those that were taken over with dates of before.

    Every figure about durations begins here.
    """
    return sa.and_(counts(), Case.taken_over.is_(False))


@overload
def due(work: Work, on: dt.date) -> Due: ...
@overload
def due(work: Work, on: dt.date | None) -> Due | None: ...
def due(work: Work, on: dt.date | None) -> Due | None:
    """A date as it stands today; None when there is none."""
    if on is None:
        return None
    days = work.catalogue.calendar.between(work.today, on)
    return Due(on, abs(days), on < work.today)


def role_title(catalogue: Catalogue, role: str) -> Text:
    """The title of a role as tasks name it (`body.digi`, `umsetzungsteam`)."""
    name = role.removeprefix("body.") or role
    if role == policy.COORDINATOR:
        return Text(de=texts.say("de", "role.coordinator"), en=texts.say("en", "role.coordinator"))
    option = catalogue.programme.roles.get(name)
    return option.title if option else Text(de=name, en=name)


@dataclass(frozen=True, slots=True)
class Acting:
    """The role that really acts, and the one it acts for when nobody holds that."""

    role: Text
    instead_of: Text | None


def acting(work: Work, rows: Sequence[Any]) -> list[Acting]:
    """Who acts on each of these tasks, in their order; asks once for everybody who could, however many tasks there are.

    A row has the task's `acting`, `body`, `service`, `team` and `operator`.
    """
    found = work.session.execute(
        sa.select(Grant.person_id, Grant.role, Grant.body, Grant.service, Grant.team, Grant.operator)
        .join(Person, Person.id == Grant.person_id)
        .where(
            Person.ended_at.is_(None),
            # Each branch names what an index is limited to; only then SQLite uses one for each.
            sa.or_(
                *(
                    sa.and_(Grant.ended_at.is_(None), column.in_(sorted({place for place in places if place})))
                    for column, places in (
                        (Grant.body, [row.body for row in rows]),
                        (Grant.team, [row.team for row in rows]),
                        (Grant.operator, [row.operator for row in rows]),
                    )
                )
            ),
        )
    )
    places: dict[str, list[policy.Holder]] = {}
    for one in found:
        holder = policy.Holder(*one)
        for place in (holder.body, holder.team, holder.operator):
            if place:
                places.setdefault(place, []).append(holder)
    acts: list[Acting] = []
    for row in rows:
        here = [holder for place in {row.body, row.team, row.operator} for holder in places.get(place, ())]
        role, _ = policy.in_charge(row.acting, row, here)
        falls = role_title(work.catalogue, row.acting) if role != row.acting else None
        acts.append(Acting(role_title(work.catalogue, role), falls))
    return acts


def task_title(catalogue: Catalogue, row: Any) -> Text:
    """The title of a task that was read as a row: with its `name`, its `state`, the case's process and version, and
    `said`, the title somebody gave it (`said_title`)."""
    if row.name == AD_HOC:
        return added_title(row.said)
    process = catalogue.process(row.process, row.process_version)
    return process.states[row.state].tasks[row.name].title


def said_title(task_id: sa.SQLColumnExpression[UUID]) -> sa.Label[str | None]:
    """The text somebody gave a task that no process knows; null for all others."""
    return (
        sa.select(Remark.text)
        .join(AdHoc, AdHoc.remark_id == Remark.id)
        .where(AdHoc.id == task_id)
        .scalar_subquery()
        .label("said")
    )


def service_title(catalogue: Catalogue, key: str) -> Text:
    """The title of a service; its key once the catalogue lost it."""
    return catalogue.service_title(key)


def prerequisite_title(catalogue: Catalogue, kind: str) -> Text:
    """The title of a kind of prerequisite; its name once the definitions lost it."""
    entry = catalogue.prerequisite_kind(kind)
    return entry.title if entry else Text(de=kind, en=kind)


def step_title(catalogue: Catalogue, kind: str, step: str) -> Text | None:
    """The title of a step of a kind; None where it has none, or the definitions lost it."""
    entry = catalogue.prerequisite_kind(kind)
    found = entry.steps.get(step) if entry and step else None
    return found.title if found else None


def sample(work: Work, name: str | None) -> SampleLink | None:
    """A document to take as a pattern, by its name; None without one."""
    found = work.catalogue.sample(name, work.actor.language) if name else None
    return SampleLink(name, found.title) if name and found else None


def status_of(status: str, valid_until: dt.date | None, today: dt.date) -> str:
    """The status of a prerequisite today: what was done expires by itself when its day is past."""
    return "expired" if status == "done" and valid_until is not None and valid_until < today else status


def scope_title(catalogue: Catalogue, scope: str) -> Text | str | None:
    """What tells several prerequisites of a kind apart: mostly a service, by its title."""
    if not scope:
        return None
    entry = catalogue.services.get(scope)
    return entry.title if entry else scope


def body_names(work: Work, keys: Iterable[str]) -> dict[str, str]:
    """Names of bodies by ARS."""
    rows = work.session.execute(sa.select(Body.ars, Body.display_name).where(Body.ars.in_(set(keys))))
    return dict(rows.all())


def district_of(work: Work, ars: str) -> str | None:
    """The district of a body; None when there is no such body."""
    return work.session.execute(sa.select(Body.district).where(Body.ars == ars)).scalar()


def team_titles(work: Work) -> dict[str, str]:
    """Titles of all teams by key."""
    return dict(work.session.execute(sa.select(Team.key, Team.title)).all())


def answers(
    work: Work, kind: str, subjects: Iterable[UUID], fields: Mapping[str, EvidenceField]
) -> dict[UUID, tuple[AnswerView, ...]]:
    """Every answer given to prerequisites or milestones, by subject: in the order of the fields, newest first."""
    rows = work.session.execute(
        sa.select(
            Evidence.subject_id,
            Evidence.field,
            Evidence.type,
            Evidence.text_value,
            Evidence.number_value,
            Evidence.date_value,
            Evidence.revision,
            Evidence.latest,
            Evidence.given_at,
            Person.name.label("given_by"),
            Document.id.label("document_id"),
            Document.name.label("document_name"),
            Document.size.label("document_size"),
            Document.sha256.label("document_sha256"),
        )
        .outerjoin(Person, Person.id == Evidence.given_by)
        .outerjoin(Document, Document.id == Evidence.document_id)
        .where(Evidence.subject_kind == kind, Evidence.subject_id.in_(list(subjects)))
        .order_by(Evidence.subject_id, Evidence.revision.desc())
    ).all()
    order = {name: position for position, name in enumerate(fields)}
    found: dict[UUID, list[AnswerView]] = {}
    for row in rows:
        asked = fields.get(row.field)
        document = (
            DocumentLink(row.document_id, row.document_name, row.document_size, row.document_sha256)
            if row.document_id is not None
            else None
        )
        value: Value | Text | None = evidence.value_of(row.type, row.text_value, row.number_value, row.date_value)
        if asked is not None and isinstance(value, str) and value in asked.options:
            value = asked.options[value].title
        view = AnswerView(
            field=row.field,
            title=asked.title if asked else row.field,
            type=row.type,
            value=value,
            document=document,
            revision=row.revision,
            latest=row.latest,
            given_at=row.given_at,
            given_by=row.given_by,
        )
        found.setdefault(row.subject_id, []).append(view)
    return {
        subject: tuple(sorted(given, key=lambda answer: order.get(answer.field, len(order))))
        for subject, given in found.items()
    }


def versions(given: Iterable[AnswerView]) -> tuple[DocumentLine, ...]:
    """The documents among the answers of one task, prerequisite or milestone, each with all its versions."""
    lines: dict[str, list[AnswerView]] = {}
    for answer in sorted(given, key=lambda one: -one.revision):
        if answer.document is not None:
            lines.setdefault(answer.field, []).append(answer)
    return tuple(line(found[0].title, None, found, stands=found[0].latest) for found in lines.values())


def line(field: Text | str, source: Text | None, given: Sequence[AnswerView], *, stands: bool = True) -> DocumentLine:
    """One document; `given` are its versions, the newest first."""
    return DocumentLine(
        field=field,
        source=source,
        versions=tuple(
            DocumentVersion(answer.document, len(given) - position, answer.given_at, answer.given_by)
            for position, answer in enumerate(given)
            if answer.document is not None
        ),
        stands=stands,
    )


def told_where(catalogue: Catalogue, told: Told) -> Text:
    """Where a body said something that is offered again: the service, or the prerequisite."""
    if told.prerequisite is not None:
        return prerequisite_title(catalogue, told.prerequisite)
    return service_title(catalogue, told.service or "")


def history(work: Work, chain_id: UUID, *, subject: str, names: bool) -> tuple[Happened, ...]:
    """The chain of a prerequisite or milestone, newest first. `subject` is the key under which it keeps its columns;
    without `names` nobody is named.
    """
    rows = work.session.execute(
        sa.select(Event.at, Event.act, Event.content, Person.name)
        .outerjoin(Person, Person.id == Event.actor_id)
        .where(Event.chain_id == chain_id)
        .order_by(Event.seq.desc())
    ).all()
    kept = work.session.execute(sa.select(Remark.id, Remark.text).where(Remark.chain_id == chain_id))
    remarks = {remark_id.hex: text for remark_id, text in kept}
    return tuple(
        _happened(row.at, row.act, json.loads(row.content), row.name if names else None, subject, remarks)
        for row in rows
    )


def _happened(
    at: dt.datetime,
    act: str,
    content: Mapping[str, Any],
    who: str | None,
    subject: str,
    remarks: Mapping[str, str | None],
) -> Happened:
    said = content.get(subject) or {}
    remark = (content.get("remark") or {}).get("id", "")
    return Happened(
        at=at,
        act=act,
        who=who,
        due_on=_date(said.get("due_on")),
        reached_on=_date(said.get("reached_on")),
        valid_until=_date(said.get("valid_until")),
        remark=remarks.get(remark),
        step=content.get("done") or content.get("step"),
        to=UUID(content["to"]) if content.get("to") else None,
        days=content.get("days"),
    )


def _date(value: Any) -> dt.date | None:
    return dt.date.fromisoformat(value) if isinstance(value, str) else None
