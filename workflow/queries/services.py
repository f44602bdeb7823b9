"""The catalogue of services, one service with its milestones and bodies, and one milestone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import database, policy
from workflow.definition import BODY_ROLES, EvidenceField, MilestoneRequirement, Service, Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import Body, Case, Milestone, Part, Prerequisite
from workflow.queries import onboarding, parts
from workflow.queries.case_list import StateCount
from workflow.queries.onboarding import Request
from workflow.queries.parts import AnswerView, Due, Happened, StateView
from workflow.texts import sort_key, title

NOT_OPEN = "not_open"
"""What one asks for instead of a state to see bodies without a case."""


@dataclass(frozen=True, slots=True)
class MilestoneLine:
    """A milestone of the Land for one service."""

    id: UUID
    title: Text
    due: Due | None
    reached_on: dt.date | None


@dataclass(frozen=True, slots=True)
class Responsible:
    """Which bodies are responsible for a service, and how sure that is."""

    title: Text
    bodies: int
    sourced: bool
    source: str


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A service as an entry of the catalogue. Numbers count the cases whose state the actor may know."""

    key: str
    title: Text
    summary: Text
    focus: str
    operator: str | None
    implementing_land: str | None
    responsible: Responsible | None
    """None: nobody knows who is responsible, so no case can be opened."""
    states: tuple[StateCount, ...]
    cases: int
    live: int
    milestones: tuple[MilestoneLine, ...]


@dataclass(frozen=True, slots=True)
class ServiceList:
    """The catalogue in the order of the programme's priorities."""

    lines: tuple[ServiceLine, ...]
    public: bool
    """The numbers count every case, not only those the actor sees."""


@dataclass(frozen=True, slots=True)
class NeededView:
    """A prerequisite a variant needs."""

    key: tuple[str, str]
    """Kind and scope."""
    title: Text
    scope: Text | str | None
    owner: Text
    help: Text | None


@dataclass(frozen=True, slots=True)
class VariantView:
    """A technical way to connect a service."""

    key: str
    title: Text
    help: Text | None
    maturity: str | None
    specialist_software: bool
    return_channel: bool
    prerequisites: tuple[NeededView, ...]
    sourced: bool
    source: str | None


@dataclass(frozen=True, slots=True)
class ParticipantView:
    """Bodies that take part in others' cases."""

    group: Text
    role: Text
    source: str | None


@dataclass(frozen=True, slots=True)
class PartStanding:
    """One of the services a service consists of, and where it is in use: ARS, name, since when."""

    title: Text
    live_in: tuple[tuple[str, str, dt.date | None], ...]


@dataclass(frozen=True, slots=True)
class BodyStanding:
    """Where one body stands with the service. `case` only for who sees it."""

    ars: str
    name: str
    kind: str
    state: StateView | None
    since: dt.date | None
    live_on: dt.date | None
    case: UUID | None


@dataclass(frozen=True, slots=True)
class Duty:
    """What one role of a body does until the service is live, task by task with its effort."""

    role: Text
    tasks: tuple[tuple[Text, Text | None], ...]


@dataclass(frozen=True, slots=True)
class Here:
    """The service in the reader's own body."""

    ars: str
    name: str
    others: tuple[tuple[str, str], ...]
    """Further bodies of the reader that are responsible: ARS and name."""
    standing: BodyStanding
    request: Request | None
    """The latest, where it is open or no case came after a refusal."""
    may_ask: bool
    """A request can be sent now."""
    brought: Mapping[tuple[str, str], tuple[UUID, str]]
    """Prerequisites the body has been asked for, by kind and scope: id and status."""


@dataclass(frozen=True, slots=True)
class ServicePage:
    """Everything known of a service. Whatever is None is not known, and the page says so."""

    key: str
    title: Text
    summary: Text
    focus: str
    sourced: bool
    source: str
    leika: str | None
    ozg: str | None
    implementing_land: str | None
    operator: str | None
    operator_source: str | None
    authority: Text | None
    responsible: Responsible | None
    payment: str | None
    trust_level: Text | None
    fee: Text | None
    team: str | None
    variants: tuple[VariantView, ...]
    participants: tuple[ParticipantView, ...]
    sub_services: tuple[PartStanding, ...]
    notes: Text | None
    milestones: tuple[MilestoneLine, ...]
    states: tuple[StateCount, ...]
    cases: int
    live: int
    not_open: int
    """Responsible bodies without a case."""
    bodies: tuple[BodyStanding, ...]
    """Responsible bodies and others with a case, narrowed to `state`."""
    state: str | None
    public: bool
    may_plan: bool
    attribution: str
    here: Here | None
    """None where no body of the reader has to do with the service."""
    duties: tuple[Duty, ...]
    """What people of a body do, by role."""


@dataclass(frozen=True, slots=True)
class WaitingIn:
    """Cases of a state that cannot leave it before a milestone is reached."""

    state: StateView
    cases: int


@dataclass(frozen=True, slots=True)
class MilestonePage:
    """A milestone as this actor may see it."""

    id: UUID
    version: int
    title: Text
    help: Text | None
    service: str
    service_title: Text
    due: Due | None
    reached_on: dt.date | None
    fields: Mapping[str, EvidenceField]
    answers: tuple[AnswerView, ...]
    waiting: tuple[WaitingIn, ...]
    history: tuple[Happened, ...]
    may_reply: bool
    """The actor may reply to its reminders."""
    may_plan: bool
    """The actor may set its date and record that it is reached."""
    today: dt.date


def services(work: Work) -> ServiceList:
    """The catalogue with numbers per state. Takes the same number of statements however many cases there are."""
    catalogue = work.catalogue
    public = catalogue.programme.state_is_public
    counts = _counts(work)
    kinds = work.session.execute(sa.select(Body.ars, Body.kind).where(Body.valid_until.is_(None))).all()
    milestones = _milestones(work)
    lines = [
        ServiceLine(
            key=key,
            title=entry.title,
            summary=entry.summary,
            focus=entry.focus,
            operator=_operator(work, entry),
            implementing_land=entry.implementing_land,
            responsible=_responsible(work, entry, kinds),
            states=_state_counts(work, counts.get(key, ())),
            cases=sum(count.cases for count in counts.get(key, ())),
            live=_live(work, counts.get(key, ())),
            milestones=milestones.get(key, ()),
        )
        for key, entry in catalogue.services.items()
    ]
    order = {key: position for position, key in enumerate(catalogue.programme.priorities)}
    language = work.actor.language
    lines.sort(key=lambda line: (order.get(line.key, len(order)), sort_key(title(language, line.title))))
    return ServiceList(lines=tuple(lines), public=public)


def service(work: Work, key: str, *, state: str | None = None, body: str | None = None) -> ServicePage:
    """One service; `state` narrows its bodies to those in a state, or without a case (`NOT_OPEN`); `body` says for
    which of the reader's bodies it is shown.

    Raises NotFound for a service the catalogue does not have.
    """
    catalogue = work.catalogue
    entry = catalogue.service(key)
    every = _bodies(work, entry)
    counts = _counts(work, key).get(key, ())
    states = _state_counts(work, counts)
    state = state if state == NOT_OPEN or state in {count.state.key for count in states} else None
    operator = catalogue.programme.operators.get(entry.operator) if entry.operator else None
    return ServicePage(
        key=key,
        title=entry.title,
        summary=entry.summary,
        focus=entry.focus,
        sourced=entry.confidence == "sourced",
        source=entry.source,
        leika=entry.keys.leika,
        ozg=entry.keys.ozg,
        implementing_land=entry.implementing_land,
        operator=_operator(work, entry),
        operator_source=operator.source if operator else None,
        authority=entry.authority,
        responsible=_responsible(work, entry, [(body.ars, body.kind) for body in every]),
        payment=entry.payment,
        trust_level=entry.trust_level,
        fee=entry.fee_per_authority,
        team=parts.team_titles(work).get(entry.team) if entry.team else None,
        variants=tuple(_variants(work, entry)),
        participants=tuple(
            ParticipantView(catalogue.groups[one.group].title, one.role, one.source)
            for one in entry.participants
            if one.group in catalogue.groups
        ),
        sub_services=_sub_services(work, entry),
        notes=entry.notes,
        milestones=_milestones(work, key).get(key, ()),
        states=states,
        cases=sum(count.cases for count in counts),
        live=_live(work, counts),
        not_open=sum(1 for body in every if body.state is None),
        bodies=tuple(body for body in every if state is None or state == _standing(body)),
        state=state,
        public=catalogue.programme.state_is_public,
        may_plan=work.actor.holds("programme_office"),
        attribution=catalogue.attribution,
        here=_here(work, key, every, body),
        duties=_duties(work, entry),
    )


def milestone(work: Work, milestone_id: UUID) -> MilestonePage:
    """One milestone. Raises NotFound when it is not there, or nobody is signed in."""
    row = work.session.execute(
        sa.select(
            Milestone.id,
            Milestone.version,
            Milestone.service,
            Milestone.kind,
            Milestone.due_on,
            Milestone.reached_on,
            Milestone.remind_at,
        ).where(Milestone.id == milestone_id)
    ).first()
    if row is None or not policy.sees_milestones(work.actor):
        raise NotFound(what="milestone")
    kind = work.catalogue.shared.milestones.get(row.kind)
    asked: Mapping[str, EvidenceField] = kind.evidence if kind else {}
    staff = policy.sees_staff(work.actor)
    given = parts.answers(work, "milestone", [row.id], asked).get(row.id, ()) if staff else ()
    return MilestonePage(
        id=row.id,
        version=row.version,
        title=_milestone_title(work, row.kind),
        help=kind.help if kind else None,
        service=row.service,
        service_title=parts.service_title(work.catalogue, row.service),
        due=parts.due(work, row.due_on),
        reached_on=row.reached_on,
        fields=asked,
        answers=tuple(answer for answer in given if answer.latest),
        waiting=_waiting(work, row.service, row.kind) if row.reached_on is None else (),
        history=parts.history(work, row.id, subject="milestone", names=staff),
        may_reply=row.remind_at is not None and work.actor.holds("programme_office"),
        may_plan=row.reached_on is None and kind is not None and work.actor.holds("programme_office"),
        today=work.today,
    )


# --- helpers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Count:
    process: str
    version: int
    state: str
    cases: int


def _counts(work: Work, service: str | None = None) -> dict[str, tuple[_Count, ...]]:
    """Cases per service and state, as far as the actor may know their state; none another goes on for."""
    known = policy.case_states(work.actor, public=work.catalogue.programme.state_is_public)
    columns = (Case.service, Case.process, Case.process_version, Case.state)
    query = sa.select(*columns, sa.func.count().label("cases")).where(known, parts.counts()).group_by(*columns)
    if service is not None:
        query = query.where(Case.service == service)
    found: dict[str, list[_Count]] = {}
    for row in work.session.execute(query):
        found.setdefault(row.service, []).append(_Count(row.process, row.process_version, row.state, row.cases))
    return {key: tuple(counts) for key, counts in found.items()}


def _state_counts(work: Work, counts: Iterable[_Count]) -> tuple[StateCount, ...]:
    """By state; the main road is complete, what lies aside appears where a case stands there."""
    views = {state.key: state for state in parts.states(work.catalogue)}
    found: dict[str, int] = {}
    for count in counts:
        found[count.state] = found.get(count.state, 0) + count.cases
        if count.state not in views:
            views[count.state] = parts.state(work.catalogue, count.process, count.version, count.state)
    return tuple(StateCount(view, found.get(key, 0)) for key, view in views.items() if not view.aside or found.get(key))


def _live(work: Work, counts: Iterable[_Count]) -> int:
    goals = parts.goals(work.catalogue)
    return sum(count.cases for count in counts if count.state in goals)


def _responsible(work: Work, entry: Service, bodies: Iterable[tuple[str, str]]) -> Responsible | None:
    if entry.applies_to is None:
        return None
    group = work.catalogue.groups[entry.applies_to]
    return Responsible(
        title=group.title,
        bodies=sum(1 for ars, kind in bodies if work.catalogue.is_responsible(entry.service, ars=ars, kind=kind)),
        sourced=group.confidence == "sourced" and entry.confidence == "sourced",
        source=group.source,
    )


def _operator(work: Work, entry: Service) -> str | None:
    if entry.operator is None:
        return None
    known = work.catalogue.programme.operators.get(entry.operator)
    return known.title if known else entry.operator


def _variants(work: Work, entry: Service) -> Iterable[VariantView]:
    shared = work.catalogue.shared.prerequisites
    for key, variant in entry.variants.items():
        yield VariantView(
            key=key,
            title=variant.title,
            help=variant.help,
            maturity=variant.maturity,
            specialist_software=variant.specialist_software,
            return_channel=variant.return_channel,
            prerequisites=tuple(
                NeededView(
                    (need.kind, need.scope),
                    parts.prerequisite_title(work.catalogue, need.kind),
                    parts.scope_title(work.catalogue, need.scope) if need.scope != entry.service else None,
                    parts.role_title(work.catalogue, shared[need.kind].owner),
                    shared[need.kind].help,
                )
                for need in variant.prerequisites
                if need.kind in shared
            ),
            sourced=variant.confidence == "sourced",
            source=variant.source,
        )


def _sub_services(work: Work, entry: Service) -> tuple[PartStanding, ...]:
    """Of each part the bodies where it is in use now, as far as the actor may know the state of their cases."""
    if not entry.sub_services:
        return ()
    rows = work.session.execute(
        sa.select(Part.name, Body.ars, Body.display_name, Part.live_on)
        .join(Case, Case.id == Part.case_id)
        .join(Body, Body.ars == Case.body)
        .where(
            policy.case_states(work.actor, public=work.catalogue.programme.state_is_public),
            parts.counts(),
            Case.service == entry.service,
            Case.state.in_(parts.goals(work.catalogue)),
            Part.live_on.is_not(None),
            Part.off_on.is_(None),
        )
        .order_by(database.plainly_sorted(work.session, Body.sort_key), Body.ars)
    )
    found: dict[str, list[tuple[str, str, dt.date | None]]] = {}
    for name, ars, body, live_on in rows:
        found.setdefault(name, []).append((ars, body, live_on))
    return tuple(PartStanding(title, tuple(found.get(name, ()))) for name, title in entry.sub_services.items())


def _milestones(work: Work, service: str | None = None) -> dict[str, tuple[MilestoneLine, ...]]:
    query = sa.select(Milestone.id, Milestone.service, Milestone.kind, Milestone.due_on, Milestone.reached_on).order_by(
        Milestone.service, Milestone.kind
    )
    if service is not None:
        query = query.where(Milestone.service == service)
    found: dict[str, list[MilestoneLine]] = {}
    for row in work.session.execute(query):
        found.setdefault(row.service, []).append(
            MilestoneLine(
                row.id,
                _milestone_title(work, row.kind),
                parts.due(work, row.due_on) if row.reached_on is None else None,
                row.reached_on,
            )
        )
    return {key: tuple(lines) for key, lines in found.items()}


def _milestone_title(work: Work, kind: str) -> Text:
    known = work.catalogue.shared.milestones.get(kind)
    return known.title if known else Text(de=kind, en=kind)


def _bodies(work: Work, entry: Service) -> Sequence[BodyStanding]:
    """Responsible bodies and every other with a case, in the order of names; of several rounds the latest."""
    known = policy.case_states(work.actor, public=work.catalogue.programme.state_is_public)
    rows = work.session.execute(
        sa.select(
            Body.ars,
            Body.display_name,
            Body.kind,
            Body.valid_until,
            Case.id,
            Case.process,
            Case.process_version,
            Case.state,
            Case.entered_on,
            Case.live_on,
            sa.case((policy.cases(work.actor), 1), else_=0).label("visible"),
        )
        .outerjoin(
            Case,
            sa.and_(Case.body == Body.ars, Case.service == entry.service, parts.counts(), known),
        )
        .order_by(database.plainly_sorted(work.session, Body.sort_key), Body.ars, Case.round)
    )
    found: dict[str, BodyStanding] = {}
    for row in rows:
        responsible = row.valid_until is None and work.catalogue.is_responsible(
            entry.service, ars=row.ars, kind=row.kind
        )
        if row.id is not None or responsible:
            found[row.ars] = _body(work, row)
    return tuple(found.values())


def _body(work: Work, row: Any) -> BodyStanding:
    is_open = row.id is not None
    return BodyStanding(
        ars=row.ars,
        name=row.display_name,
        kind=row.kind,
        state=parts.state(work.catalogue, row.process, row.process_version, row.state) if is_open else None,
        since=row.entered_on,
        live_on=row.live_on,
        case=row.id if is_open and row.visible else None,
    )


def _here(work: Work, key: str, every: Sequence[BodyStanding], chosen: str | None) -> Here | None:
    own = set(work.actor.bodies())
    mine = [one for one in every if one.ars in own]
    if not mine:
        return None
    standing = next((one for one in mine if one.ars == chosen), mine[0])
    idle = standing.state is None or standing.state.end
    request = onboarding.of_body(work, standing.ars, key).get(key) if idle else None
    rows = work.session.execute(
        sa.select(
            Prerequisite.kind, Prerequisite.scope, Prerequisite.id, Prerequisite.status, Prerequisite.valid_until
        ).where(policy.prerequisites(work.actor), Prerequisite.body == standing.ars)
    )
    return Here(
        ars=standing.ars,
        name=standing.name,
        others=tuple((one.ars, one.name) for one in mine if one is not standing),
        standing=standing,
        request=request if request and request.status in ("open", "declined") else None,
        may_ask=idle
        and policy.may_ask_for_service(work.actor, standing.ars)
        and work.catalogue.is_responsible(key, ars=standing.ars, kind=standing.kind) is True
        and not (request and request.status == "open"),
        brought={
            (row.kind, row.scope): (row.id, parts.status_of(row.status, row.valid_until, work.today)) for row in rows
        },
    )


def _duties(work: Work, entry: Service) -> tuple[Duty, ...]:
    """The tasks of the process new cases begin with, as far as the service decides; the variant decides the rest."""
    process = work.catalogue.newest(work.catalogue.programme.process)
    asked = entry.attributes(None)
    found: dict[str, list[tuple[Text, Text | None]]] = {}
    for _, _, task in process.tasks():
        known = {name: values for name, values in task.only_if.items() if name.startswith("service.")}
        if task.owner.startswith("body.") and all(asked.get(name) in values for name, values in known.items()):
            found.setdefault(task.owner, []).append((task.title, task.effort))
    return tuple(
        Duty(parts.role_title(work.catalogue, f"body.{role}"), tuple(found[f"body.{role}"]))
        for role in BODY_ROLES
        if f"body.{role}" in found
    )


def _standing(body: BodyStanding) -> str:
    return body.state.key if body.state else NOT_OPEN


def _waiting(work: Work, service: str, kind: str) -> tuple[WaitingIn, ...]:
    """Visible cases by the states that only this milestone lets them leave forward."""
    columns = (Case.process, Case.process_version, Case.state)
    rows = work.session.execute(
        sa.select(*columns, sa.func.count().label("cases"))
        .where(policy.cases(work.actor), Case.service == service, Case.ended_on.is_(None))
        .group_by(*columns)
    )
    found: dict[str, WaitingIn] = {}
    for row in rows:
        process = work.catalogue.process(row.process, row.process_version)
        waits = any(
            row.state in move.from_ and MilestoneRequirement(kind) in move.requires
            for move in process.transitions.values()
        )
        if waits:
            before = found.get(row.state)
            view = parts.state_of(process, row.state)
            found[row.state] = WaitingIn(view, row.cases + (before.cases if before else 0))
    return tuple(sorted(found.values(), key=lambda waiting: waiting.state.position))
