"""One prerequisite of a body: what it asks for, what was given, who may do what, and who waits for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import casework, policy, prerequisites, reuse
from workflow.definition import EvidenceField, Needed, PrerequisiteKind, RecurringKind, Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.evidence import Value
from workflow.models import Body, Case, Person, Prerequisite, Team
from workflow.prerequisites import PrerequisiteRow
from workflow.queries import parts, reply, why
from workflow.queries.parts import AnswerView, DocumentLine, Due, Happened, SampleLink, StateView, status_of
from workflow.queries.reply import Given, Matter
from workflow.queries.why import Why
from workflow.texts import Key


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """A case that cannot go on without this prerequisite."""

    id: UUID
    number: str
    service: Text
    state: StateView


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step on the way: done, now or later."""

    name: str
    title: Text
    help: Text | None
    role: Text
    status: Literal["done", "now", "later"]
    done_on: dt.date | None
    done_by: str | None


@dataclass(frozen=True, slots=True)
class NeedLine:
    """A prerequisite that has to be there first. `id` is missing while nobody has asked for it."""

    id: UUID | None
    title: Text
    scope: Text | str | None
    holds: bool


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of its history: the sentence is `event.prerequisite.<act>` with these facts."""

    happened: Happened
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody it may be handed to, with the roles that make it so."""

    id: UUID
    name: str
    roles: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class PrerequisitePage:
    """A prerequisite as this actor may see it. `may_…` say what the engine would let the actor do now."""

    id: UUID
    version: int
    title: Text
    help: Text | None
    sample: SampleLink | None
    """Of the present step, else of the whole."""
    scope: Text | str | None
    scoped_by: Text | None
    body: str
    body_name: str
    team_title: str
    owner: Text
    owner_role: str
    in_charge: Text
    """Who acts: the owner, or the role it falls to while nobody holds it."""
    falls: bool
    people: tuple[str, ...]
    holder: str | None
    mine: bool
    """The actor has accepted it."""
    status: str
    asked_on: dt.date | None
    step: StepLine | None
    """The present step, where there are several."""
    steps: tuple[StepLine, ...]
    confirmer: Text | None
    """Who checks what is handed in for the present step."""
    submitted_by: str | None
    submitted_by_me: bool
    needs: tuple[NeedLine, ...]
    """What has to be there first."""
    renewing: bool
    """A new round goes on while what was proved is still valid."""
    due: Due | None
    why: Why | None
    """How the due date came about."""
    done_on: dt.date | None
    valid_until: Due | None
    every: int | None
    """It is done again and again, this many months apart, and no case waits for it."""
    of_each_service: bool
    """Such a thing is done for every service that is live, not once for all."""
    again_on: dt.date | None
    """When it begins anew, while nobody is asked for it."""
    fields: Mapping[str, EvidenceField]
    """What the present step asks for."""
    valid_until_field: str | None
    """The field that says until when it is valid."""
    prefilled: Mapping[str, str | bool | dt.date]
    """What was given last, as it goes back into a form."""
    told: Mapping[str, tuple[Text, dt.date]]
    """Of what is filled in: what the body said elsewhere, where and when."""
    answers: tuple[AnswerView, ...]
    earlier: tuple[AnswerView, ...]
    documents: tuple[DocumentLine, ...]
    deeds: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    """Whom it may be handed to."""
    for_the_body: bool
    """The actor would record it as the body's team."""
    said: tuple[Happened, ...]
    """Reasons given in this round, the last first."""
    waiting: tuple[WaitingCase, ...]
    history: tuple[Event, ...]
    replied: tuple[Given, ...] = ()
    """What was replied to the reminders of the present due date."""
    reply: Matter | None = None
    """What the actor of the page may reply; None: nothing."""

    def may(self, *deeds: str) -> bool:
        """Whether the actor of the page may do one of these deeds now."""
        return any(deed in self.deeds for deed in deeds)

    @property
    def may_complete(self) -> bool:
        """The actor may hand in what the present step asks for."""
        return self.may("complete")


def prerequisite(work: Work, prerequisite_id: UUID) -> PrerequisitePage:
    """One prerequisite. Raises NotFound when it is not there or not for this actor."""
    found = work.session.execute(
        sa.select(*_COLUMNS, Body.display_name, Team.title, Person.name)
        .join(Body, Body.ars == Prerequisite.body)
        .join(Team, Team.key == Prerequisite.team)
        .outerjoin(Person, Person.id == Prerequisite.holder_id)
        .where(Prerequisite.id == prerequisite_id, policy.prerequisites(work.actor))
    ).first()
    if found is None:
        raise NotFound(what="prerequisite")
    row = PrerequisiteRow(*found[: len(_COLUMNS)])
    body_name, team_title, holder = found[len(_COLUMNS) :]
    kind = work.catalogue.prerequisite_kind(row.kind)
    recurring = work.catalogue.shared.recurring.get(row.kind) if work.catalogue.is_recurring(row.kind) else None
    name, step = prerequisites.step_of(kind, row.step) if kind else ("", None)
    asked: Mapping[str, EvidenceField] = step.evidence if step else {}
    everything = kind.fields() if kind else {}
    given = parts.answers(work, "prerequisite", [row.id], everything).get(row.id, ())
    status = status_of(row.status, row.valid_until, work.today)
    holders = casework.holders(work, row)
    standing = prerequisites.standing_of(work, row, holders)
    history = parts.history(work, row.id, subject="prerequisite", names=True)
    in_charge, people = policy.in_charge(row.acting or row.owner, row, holders)
    deeds = prerequisites.deeds(work, row, holders)
    names = _names(work, [*people, row.submitted_by, *(one.to for one in history)])
    steps = _steps(work, kind, row, history)
    me = work.actor.id
    prefilled = _prefilled(work, row.id)
    if recurring is not None:  # whoever checks something says it anew; an address may be taken over
        prefilled = {name: value for name, value in prefilled.items() if name in asked and _may_be_kept(asked[name])}
    known = reuse.told(work, row.body, asked, besides=row.id) if "complete" in deeds else {}
    return PrerequisitePage(
        id=row.id,
        version=row.version,
        title=parts.prerequisite_title(work.catalogue, row.kind),
        help=kind.help if kind else None,
        sample=parts.sample(work, (step.sample if step else None) or (kind.sample if kind else None)),
        scope=parts.scope_title(work.catalogue, row.scope),
        scoped_by=kind.scoped_by if kind else None,
        body=row.body,
        body_name=body_name,
        team_title=team_title,
        owner=parts.role_title(work.catalogue, row.acting or row.owner),
        owner_role=row.acting or row.owner,
        in_charge=parts.role_title(work.catalogue, in_charge),
        falls=in_charge != (row.acting or row.owner),
        people=tuple(sorted(names[person_id] for person_id in people if person_id in names)),
        holder=holder,
        mine=row.holder_id is not None and row.holder_id == me,
        status=status,
        asked_on=_asked_on(work, history),
        step=next((line for line in steps if line.name == name), None) if row.status != "done" else None,
        steps=steps,
        confirmer=parts.role_title(work.catalogue, step.confirm) if step and step.confirm else None,
        submitted_by=names.get(row.submitted_by) if row.submitted_by else None,
        submitted_by_me=row.submitted_by is not None and row.submitted_by == me,
        needs=_needs(work, row),
        renewing=row.renewing,
        due=parts.due(work, row.due_on) if row.acting else None,
        why=_why(work, row),
        done_on=row.done_on,
        valid_until=parts.due(work, row.valid_until),
        every=recurring.every.months if recurring else None,
        of_each_service=recurring is not None and recurring.of_each == "service",
        again_on=_again_on(work, recurring, row),
        fields=asked,
        valid_until_field=kind.valid_until if kind else None,
        prefilled={name: _as_typed(one.value) for name, one in known.items()} | prefilled,
        told={
            name: (parts.told_where(work.catalogue, one), one.on)
            for name, one in known.items()
            if name not in prefilled
        },
        answers=tuple(answer for answer in given if answer.latest),
        earlier=tuple(answer for answer in given if not answer.latest),
        documents=parts.versions(given),
        deeds=deeds,
        candidates=_candidates(work, row, holders, without_me="accept" in deeds) if "assign" in deeds else (),
        for_the_body=standing is not None and standing.for_the_body,
        said=tuple(one for one in _of_round(history) if one.act in REASONED and row.acting is not None),
        waiting=_waiting(work, row, kind),
        history=tuple(_event(work, row, one, names) for one in history),
        replied=reply.given(work, row.id, row.generation)
        if row.replied == row.generation or row.promised_on is not None
        else (),
        reply=reply.prerequisite_matter(work, row, holders, body_name),
    )


def _again_on(work: Work, kind: RecurringKind | None, row: PrerequisiteRow) -> dt.date | None:
    if kind is None or row.acting is not None:
        return None
    since = prerequisites.live_since(work, kind, body=row.body).get((row.body, row.scope))
    return prerequisites.again_on(kind, row, since) if since is not None else None


def _of_round(history: Sequence[Happened]) -> list[Happened]:
    """What happened since the present round began, the last first."""
    found: list[Happened] = []
    for one in history:
        found.append(one)
        if one.act in _BEGINS:
            break
    return found


def _asked_on(work: Work, history: Sequence[Happened]) -> dt.date | None:
    return work.catalogue.calendar.today(_of_round(history)[-1].at) if history else None


def _steps(
    work: Work, kind: PrerequisiteKind | None, row: PrerequisiteRow, history: Sequence[Happened]
) -> tuple[StepLine, ...]:
    """The steps of a kind that has some, and when those of this round were done."""
    if kind is None or not kind.steps:
        return ()
    done = {one.step: one for one in reversed(_of_round(history)) if one.act in _STEP_DONE}
    over = row.status == "done"
    present = prerequisites.step_of(kind, row.step)[0]
    road = list(kind.steps)
    return tuple(
        StepLine(
            name=name,
            title=step.title,
            help=step.help,
            role=parts.role_title(work.catalogue, step.owner),
            status="done"
            if over or position < road.index(present)
            else "now"
            if name == present and row.acting is not None
            else "later",
            done_on=work.catalogue.calendar.today(done[name].at) if name in done else None,
            done_by=done[name].who if name in done else None,
        )
        for position, (name, step) in enumerate(kind.steps.items())
    )


def _needs(work: Work, row: PrerequisiteRow) -> tuple[NeedLine, ...]:
    needed = work.catalogue.needs_of(Needed(row.kind, row.scope))
    known = casework.prerequisites_of(work, row.body, {entry.kind for entry in needed})
    return tuple(
        NeedLine(
            id=found.id if found else None,
            title=parts.prerequisite_title(work.catalogue, entry.kind),
            scope=parts.scope_title(work.catalogue, entry.scope),
            holds=found is not None and found.holds_on(work.today),
        )
        for entry in needed
        for found in [known.get((entry.kind, entry.scope))]
    )


def _event(work: Work, row: PrerequisiteRow, one: Happened, names: Mapping[UUID, str]) -> Event:
    step = parts.step_title(work.catalogue, row.kind, one.step or "")
    facts: dict[str, Any] = {
        "step": step or Key("event.prerequisite.this"),
        "person": names.get(one.to, Key("person.gone")) if one.to else "",
        "n": one.days or 0,
        "on": one.due_on,
    }
    return Event(one, facts)


def dated(work: Work, wanted: Sequence[UUID]) -> list[tuple[PrerequisiteRow, Why | None]]:
    """Those of these prerequisites the actor may see, with how their dates came about."""
    if not wanted:
        return []
    query = sa.select(*_COLUMNS).where(Prerequisite.id.in_(wanted), policy.prerequisites(work.actor))
    rows = [PrerequisiteRow(*found) for found in work.session.execute(query)]
    return [(row, _why(work, row)) for row in rows]


def _candidates(
    work: Work, row: PrerequisiteRow, holders: Sequence[policy.Holder], *, without_me: bool
) -> tuple[Candidate, ...]:
    """Whom it may be handed to; whoever has it already, or accepts it instead, is left out."""
    have_it = {row.holder_id, work.actor.id if without_me else None}
    people = prerequisites.eligible(work, row, holders) - have_it
    names = _names(work, people)
    held: dict[UUID, list[Text]] = {}
    for holder in holders:
        role = f"body.{holder.role}" if holder.body else holder.role
        held.setdefault(holder.person_id, []).append(parts.role_title(work.catalogue, role))
    found = [Candidate(who, names[who], tuple(dict.fromkeys(held.get(who, ())))) for who in people if who in names]
    return tuple(sorted(found, key=lambda candidate: (candidate.name, str(candidate.id))))


def _prefilled(work: Work, prerequisite_id: UUID) -> dict[str, str | bool | dt.date]:
    kept = casework.earlier_answers(work, "prerequisite", prerequisite_id)
    return {name: _as_typed(answer.value) for name, answer in kept.items() if answer.value is not None}


def _may_be_kept(field: EvidenceField) -> bool:
    return field.type in ("url", "email", "register")


def _as_typed(value: Value) -> str | bool | dt.date:
    return _plain(value) if isinstance(value, float) else value


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() else str(value)


def _why(work: Work, row: PrerequisiteRow) -> Why | None:
    due = prerequisites.due(work, row)
    if due is None:
        return None
    since = row.status if row.status in ("submitted", "declined") else "asked"
    return why.explain(work, due, since=since, given=why.givers(work, due), extended=row.extended_days)


def _names(work: Work, people: Iterable[UUID | None]) -> dict[UUID, str]:
    wanted = {person for person in people if person is not None}
    rows = work.session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(wanted)))
    return {person_id: name for person_id, name in rows if name}


def _waiting(work: Work, row: PrerequisiteRow, kind: PrerequisiteKind | None) -> tuple[WaitingCase, ...]:
    """Cases of the body that need it and are not in use yet, as far as the actor sees them."""
    rows = work.session.execute(
        sa.select(Case.id, Case.number, Case.service, Case.variant, Case.process, Case.process_version, Case.state)
        .where(
            policy.cases(work.actor),
            Case.body == row.body,
            Case.ended_on.is_(None),
            Case.live_on.is_(None),
            Case.variant.is_not(None),
        )
        .order_by(Case.number)
    ).all()
    if kind is None:
        return ()
    return tuple(
        WaitingCase(
            case.id,
            case.number,
            parts.service_title(work.catalogue, case.service),
            parts.state(work.catalogue, case.process, case.process_version, case.state),
        )
        for case in rows
        if any(
            (need.kind, need.scope) == (row.kind, row.scope)
            for need in work.catalogue.needed(case.service, case.variant)
        )
    )


_COLUMNS: tuple[Any, ...] = tuple(getattr(Prerequisite, column.name) for column in fields(PrerequisiteRow))
REASONED = ("declined", "handed_back", "sent_back", "set_aside", "extended")
"""Deeds that give a reason."""
_BEGINS = ("asked", "renewing", "expired")
_STEP_DONE = ("step_done", "step_confirmed", "completed", "confirmed")
