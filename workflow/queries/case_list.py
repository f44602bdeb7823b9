"""The list of cases: filtered, counted by state, and leafed through by keyset."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from workflow import cases as rounds
from workflow import policy, registers
from workflow.casework import added_title
from workflow.catalogue import Catalogue
from workflow.definition import AD_HOC, MilestoneRequirement, Text
from workflow.engine import Work
from workflow.models import (
    Body,
    Case,
    Cluster,
    ClusterMember,
    ClusterService,
    Decision,
    Event,
    Hold,
    Milestone,
    Prerequisite,
    Task,
    Team,
    Vendor,
    Wave,
)
from workflow.queries import case_order, parts, unreachable
from workflow.queries.case_order import BY_BODY, Key, Sort
from workflow.queries.parts import Due, StateView
from workflow.queries.words import clean, words_of
from workflow.texts import sort_key, title

PAGE = 25
MOST_DAYS = 366
FIRST_DAY, LAST_DAY = dt.date(1970, 1, 1), dt.date(2199, 12, 31)
"""Days one can ask for; both databases and every calendar know them."""
FEW_DISTRICTS = 12
"""So many districts' bodies are offered to choose from."""
BODIES = 400
"""And never more than so many bodies."""

OCCASIONS: Mapping[str, Text] = {
    "first": Text(de="Erste Anbindung", en="First connection"),
    "again": Text(de="Neuer Anlauf nach einem Ende", en="Taken up again after it had ended"),
    **rounds.OCCASIONS,
}
"""Why a round was opened."""

_NUMBER = re.compile(r"[a-z][a-z0-9_-]{0,110}-\d{1,12}-\d{1,6}\Z")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to. Whatever does not exist, or not for this actor, narrows nothing."""

    text: str = ""
    service: str | None = None
    state: str | None = None
    team: str | None = None
    district: str | None = None
    body: str | None = None
    wave: str | None = None
    live_since: dt.date | None = None
    """Only what is live, and has been since this day at the earliest."""
    left: bool = False
    """Only what is not live yet and has not ended either."""
    waits_for: str | None = None
    """Only what rests and waits for this party, as registers write it: `vendor:prosoz`."""
    blocker: str | None = None
    """Only what rests for this reason."""
    overdue: bool = False
    escalated: bool = False
    rests: bool = False
    next_rounds: bool = False
    """Only rounds that are on their way while the former is still live; they stand in no other list."""
    taken_over: bool = False
    """Only what was opened in the middle of its way."""
    operator: str | None = None
    variant: str | None = None
    acting: str | None = None
    """Only what this role is to act on, as tasks name it: `body.digi`."""
    due_within: int | None = None
    """Only what falls due today or in so many working days, and is not overdue."""
    prerequisite: str | None = None
    """Only what is not in use yet and lacks a prerequisite of this kind."""
    milestone: str | None = None
    """Only what cannot go on before the Land reaches a milestone of this kind."""
    unreached: bool = False
    """Only what somebody is to act on whom no mail reaches."""
    occasion: str | None = None
    """Only rounds opened for this reason."""
    delegated: bool = False
    """Only what another body acts on just now."""
    cluster: str | None = None
    """Only what is of this cluster: its members in its services. Hexadecimal."""
    opened_since: dt.date | None = None
    changed_since: dt.date | None = None
    """Only what something happened to on this day or later."""
    unchanged_since: dt.date | None = None
    """Only what nothing has happened to since this day."""

    @property
    def narrow(self) -> bool:
        """Whether anything is narrowed at all."""
        return self != Filters()


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: after or before the case of this number. A number nobody knows begins at the front."""

    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class NextStep:
    """The most urgent open task of a case: what it is, the role that must act, and until when."""

    task: Text
    role: Text
    """The one that really acts, where another has nobody."""
    instead_of: Text | None
    due: Due | None


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case as a line of the list."""

    id: UUID
    number: str
    service: Text
    body: str
    body_name: str
    state: StateView
    since: dt.date
    live_on: dt.date | None
    next: NextStep | None
    overdue: bool
    rests: bool
    review_on: dt.date | None
    district: str | None
    team: str
    operator: str | None
    variant: Text | None
    wave: Text | None
    changed_on: dt.date
    """When something last happened to it."""
    waits_for: Text | None
    """While it rests: whom it waits for, or else why."""


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many of the filtered cases stand in a state, whatever state is filtered for."""

    state: StateView
    cases: int


@dataclass(frozen=True, slots=True)
class Options:
    """What a list can be narrowed to. Pairs of key and title."""

    services: tuple[tuple[str, Text], ...]
    """Services, teams and districts: only what the actor's cases have."""
    teams: tuple[tuple[str, str], ...]
    districts: tuple[tuple[str, str], ...]
    bodies: tuple[tuple[str, str], ...]
    """Those of the district filtered for, or of the actor's few districts; none where there would be too many."""
    waves: tuple[tuple[str, Text], ...]
    """From the first Stichtag to the last."""
    clusters: tuple[tuple[str, str], ...]
    """Those the actor may know of."""
    operators: tuple[tuple[str, str], ...]
    variants: tuple[tuple[str, Text], ...]
    roles: tuple[tuple[str, Text], ...]
    """Whoever a task can wait for."""
    blockers: tuple[tuple[str, Text], ...]
    parties: tuple[tuple[str, Text], ...]
    """Whom a case can wait for."""
    prerequisites: tuple[tuple[str, Text], ...]
    milestones: tuple[tuple[str, Text], ...]
    occasions: tuple[tuple[str, Text], ...]


@dataclass(frozen=True, slots=True)
class Participating:
    """A case of another body in which the actor's takes part: where it stands, and nothing else of it."""

    id: UUID
    service: Text
    body_name: str
    state: StateView
    since: dt.date


@dataclass(frozen=True, slots=True)
class CaseList:
    """A page of the list, with what stands around it."""

    filters: Filters
    """As applied; what made no sense is gone."""
    sort: Sort
    body_name: str | None
    party: Text | None
    """Whom the cases wait for, if filtered for."""
    blocker: Text | None
    lines: tuple[CaseLine, ...]
    newer: Cursor | None
    older: Cursor | None
    matching: int
    """Cases under all filters."""
    states: tuple[StateCount, ...]
    everything: int
    """Cases in any state, overdue or resting or not, under all other filters."""
    left: int
    """Those on their way, under all other filters; likewise the next three."""
    overdue: int
    escalated: int
    resting: int
    next_rounds: int
    """All further rounds the actor may open that are on their way while the former is still live."""
    taken_over: int
    """All cases the actor may open that were taken over."""
    participating: tuple[Participating, ...]
    """Cases of others in which a body of the actor takes part; they are in no number."""
    options: Options
    sees_cases: bool
    asks_of_many: bool
    """Whether the actor is offered to do one thing with many of them."""


def cases(work: Work, filters: Filters = EVERYTHING, cursor: Cursor = Cursor(), sort: Sort = BY_BODY) -> CaseList:
    """A page of the cases this actor may know about, sorted by body and service unless something else is asked for.

    Takes the same number of statements however many cases there are.
    """
    found, wanted = around(work, filters)
    sort = sort if sort.by in case_order.SORTS else BY_BODY
    order = case_order.keys(work, sort, teams=found.options.teams, waves=found.options.waves)
    lines, newer, older = _page(work, wanted, order, cursor)
    return replace(found, sort=sort, lines=lines, newer=newer, older=older)


def around(work: Work, filters: Filters) -> tuple[CaseList, list[sa.ColumnElement[bool]]]:
    """What stands around the cases that meet the filters, whatever shows them, without a line; and what a case must
    meet to be among them, over cases joined with bodies."""
    visible = policy.cases(work.actor)
    options, known_body = _options(work, visible, filters)
    filters = _sensible(work, filters, options, known_body)
    possible = [visible, *_conditions(work, filters)]
    counts = _counts(work, possible)
    next_rounds, taken_over = _beside(work, visible)
    found = CaseList(
        filters=filters,
        sort=BY_BODY,
        body_name=known_body if filters.body else None,
        party=registers.party_title(work, *registers.party_of(filters.waits_for)),
        blocker=work.catalogue.programme.blockers[filters.blocker].title if filters.blocker else None,
        lines=(),
        newer=None,
        older=None,
        matching=_sum(counts, filters),
        states=_state_counts(work, counts, filters),
        everything=sum(count.cases for count in counts),
        left=_sum(counts, filters, only="left"),
        overdue=_sum(counts, filters, only="overdue"),
        escalated=_sum(counts, filters, only="escalated"),
        resting=_sum(counts, filters, only="rests"),
        next_rounds=next_rounds,
        taken_over=taken_over,
        participating=_participating(work) if not filters.narrow else (),
        options=options,
        sees_cases=bool(options.services),
        asks_of_many=policy.asks_of_many(work.actor),
    )
    return found, [*possible, *_narrowed(work, filters)]


def ids(work: Work, filters: Filters, *, most: int) -> list[UUID]:
    """Every case of the list that `cases` leafs through, by body and service; one more than `most` when there are more.

    Here a filter for what does not exist finds nothing: nobody shall do with all what was meant for some.
    """
    visible = policy.cases(work.actor)
    options, known_body = _options(work, visible, filters)
    sensible = _sensible(work, filters, options, known_body)
    if sensible != replace(filters, text=sensible.text):
        return []
    order = case_order.keys(work, BY_BODY)
    wanted = [visible, *_conditions(work, sensible), *_narrowed(work, sensible)]
    each = case_order.each(order, wanted)
    found = sa.select(each.c.id).order_by(*case_order.terms(order, each.c)).limit(most + 1)
    return list(work.session.execute(found).scalars())


def matching(work: Work, filters: Filters) -> sa.ColumnElement[bool]:
    """Whether a case, joined with its body, is what these filters, which make sense, ask for; who may know of it is not
    asked here."""
    return sa.and_(*_conditions(work, filters), *_narrowed(work, filters))


def sensible(work: Work, filters: Filters) -> Filters:
    """The filters without whatever narrows to nothing that exists for this actor."""
    options, known_body = _options(work, policy.cases(work.actor), filters)
    return _sensible(work, filters, options, known_body)


def is_overdue(today: dt.date | sa.BindParameter[dt.date]) -> sa.ColumnElement[bool]:
    """Whether a task of the case that waits for somebody is past its date. A resting case is never overdue."""
    late = sa.exists().where(Task.case_id == Case.id, Task.acting.is_not(None), Task.due_on < today)
    return sa.and_(~Case.rests, late)


def is_escalated(catalogue: Catalogue) -> sa.ColumnElement[bool]:
    """Whether somebody above was asked for help with the case as it stands: with a task somebody is to act on, or,
    while it rests, with the question whether it may go on. A new date begins anew.
    """
    ladders = catalogue.programme.ladders.items()
    return _is_escalated(tuple((name, tuple(rung.id for rung in one.rungs if rung.escalates)) for name, one in ladders))


@lru_cache(maxsize=16)
def _is_escalated(above: tuple[tuple[str, tuple[str, ...]], ...]) -> sa.ColumnElement[bool]:
    """The same with the rungs of each ladder that ask somebody above."""

    def reached(kind: str, subject: type[Task] | type[Hold]) -> sa.ColumnElement[bool]:
        rungs = (sa.and_(subject.ladder == name, policy.one_of(Decision.rung, ids)) for name, ids in above if ids)
        decided = sa.exists().where(
            Decision.subject_kind == kind,
            Decision.subject_id == subject.id,
            Decision.generation == subject.generation,
            Decision.outcome != "skipped",
            sa.or_(sa.false(), *rungs),
        )
        return decided.correlate(subject)

    task = sa.exists().where(Task.case_id == Case.id, Task.acting.is_not(None), reached("task", Task))
    review = sa.exists().where(Hold.case_id == Case.id, Hold.ended_on.is_(None), reached("hold", Hold))
    return sa.case((Case.rests, review.correlate(Case)), else_=task.correlate(Case))


def went_live_since(work: Work, day: dt.date) -> sa.ColumnElement[bool]:
    """Whether the case is live, and has been since this day at the earliest."""
    return is_live_since(parts.goals(work.catalogue), day)


def is_live_since(goals: Collection[str], day: dt.date | sa.BindParameter[dt.date]) -> sa.ColumnElement[bool]:
    """The same for states that are known as those in which a service is in use."""
    return sa.and_(policy.one_of(Case.state, sorted(goals)), Case.live_on >= day)


def is_left(goals: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether the case is still on its way: neither live nor at an end."""
    return sa.and_(sa.not_(policy.one_of(Case.state, sorted(goals))), Case.ended_on.is_(None))


# --- what can be filtered for ----------------------------------------------------------------------------------------


def _options(work: Work, visible: sa.ColumnElement[bool], filters: Filters) -> tuple[Options, str | None]:
    """What the list can be narrowed to; and the name of the body filtered for, if it exists."""
    services, teams, districts = _present(work, visible)
    offered = {filters.district} & districts.keys() or (set(districts) if len(districts) <= FEW_DISTRICTS else set())
    body = filters.body if filters.body and _is_plain(filters.body) else None
    places = work.session.execute(
        sa.select(Body.ars, Body.display_name, Body.district)
        .where(sa.or_(Body.district.in_(offered), Body.ars == body))
        .order_by(Body.sort_key, Body.ars)
    ).all()
    bodies = tuple((row.ars, row.display_name) for row in places if row.district in offered)
    known_body = next((row.display_name for row in places if row.ars == body), None)
    language = work.actor.language
    programme, shared = work.catalogue.programme, work.catalogue.shared
    waves = work.session.execute(sa.select(Wave.key, Wave.title_de, Wave.title_en).order_by(Wave.stichtag, Wave.key))
    clusters = work.session.execute(sa.select(Cluster.id, Cluster.title).where(policy.clusters(work.actor)))

    def by_title(known: Mapping[str, Text]) -> tuple[tuple[str, Text], ...]:
        return tuple(sorted(known.items(), key=lambda entry: (sort_key(title(language, entry[1])), entry[0])))

    def by_name(known: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        return tuple(sorted(known.items(), key=lambda entry: (sort_key(entry[1]), entry[0])))

    options = Options(
        services=by_title({key: parts.service_title(work.catalogue, key) for key in services}),
        teams=by_name({key: name or key for key, name in teams.items()}),
        districts=by_name({ars: name for ars, name in districts.items() if name is not None}),
        bodies=bodies if policy.asks_of_many(work.actor) and len(bodies) <= BODIES else (),
        waves=tuple((row.key, Text(de=row.title_de, en=row.title_en)) for row in waves),
        clusters=by_name({row.id.hex: row.title for row in clusters}),
        operators=tuple(case_order.operators(work)),
        variants=tuple(case_order.variants(work)),
        roles=by_title({role: parts.role_title(work.catalogue, role) for role in _acting(work)}),
        blockers=by_title({key: one.title for key, one in programme.blockers.items()}),
        parties=tuple(registers.entries(work, "parties").items()),
        prerequisites=by_title({key: one.title for key, one in shared.prerequisites.items()}),
        milestones=by_title({key: one.title for key, one in shared.milestones.items()}),
        occasions=tuple(OCCASIONS.items()),
    )
    return options, known_body


_Named = dict[str, str | None]


def _present(work: Work, visible: sa.ColumnElement[bool]) -> tuple[_Named, _Named, _Named]:
    """The services, teams and districts of the actor's cases, with the names of the latter two."""
    district = aliased(Body)
    here = (visible, Case.superseded_by.is_(None))
    unnamed = sa.cast(sa.null(), sa.String())
    rows = work.session.execute(
        sa.union_all(
            sa.select(sa.literal(0).label("what"), Case.service.label("key"), unnamed.label("name"))
            .where(*here)
            .distinct(),
            sa.select(sa.literal(1), Case.team, Team.title)
            .outerjoin(Team, Team.key == Case.team)
            .where(*here)
            .distinct(),
            sa.select(sa.literal(2), Body.district, district.display_name)
            .select_from(Case)
            .join(Body, Body.ars == Case.body)
            .outerjoin(district, district.ars == Body.district)
            .where(*here)
            .distinct(),
        )
    )
    found: tuple[_Named, _Named, _Named] = ({}, {}, {})
    for what, key, name in rows:
        found[what][key] = name
    return found


def _acting(work: Work) -> set[str]:
    """Every role a task can wait for. In a case a participant's task waits for the same role, of another body."""
    tasks = [task for process in work.catalogue.processes() for _, _, task in process.tasks()]
    owners = {task.owner.replace("participant.", "body.", 1) for task in tasks}
    return {*owners, *(task.confirm for task in tasks if task.confirm), "umsetzungsteam"}


def _sensible(work: Work, filters: Filters, options: Options, known_body: str | None) -> Filters:
    """The filters without whatever narrows to nothing that exists."""
    states = {state.key for state in parts.states(work.catalogue)}
    states |= {key for process in work.catalogue.processes() for key in process.states}
    party = filters.waits_for

    def thinkable(day: dt.date | None) -> dt.date | None:
        return day if day is not None and FIRST_DAY <= day <= LAST_DAY else None

    def known(wanted: str | None, offered: Iterable[tuple[str, object]]) -> str | None:
        return wanted if wanted is not None and any(key == wanted for key, _ in offered) else None

    return replace(
        filters,
        text=clean(filters.text),
        service=known(filters.service, options.services),
        state=filters.state if filters.state in states else None,
        team=known(filters.team, options.teams),
        district=known(filters.district, options.districts),
        body=filters.body if known_body else None,
        wave=known(filters.wave, options.waves),
        waits_for=party if known(party, options.parties) or (party and registers.is_party(work, party)) else None,
        blocker=known(filters.blocker, options.blockers),
        operator=known(filters.operator, options.operators),
        variant=known(filters.variant, options.variants),
        acting=known(filters.acting, options.roles),
        due_within=filters.due_within if 0 <= (filters.due_within or 0) <= MOST_DAYS else None,
        prerequisite=known(filters.prerequisite, options.prerequisites),
        milestone=known(filters.milestone, options.milestones),
        occasion=known(filters.occasion, options.occasions),
        cluster=known(filters.cluster, options.clusters),
        live_since=thinkable(filters.live_since),
        opened_since=thinkable(filters.opened_since),
        changed_since=thinkable(filters.changed_since),
        unchanged_since=thinkable(filters.unchanged_since),
    )


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) == 12


def _conditions(work: Work, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """Every filter but state and what is told by yes or no, over cases joined with bodies.

    A case another goes on for stands in no list; whoever types its number finds it.
    """
    counts = parts.is_next_round() if filters.next_rounds else parts.counts()
    narrowed: list[sa.ColumnElement[bool]] = [
        sa.or_(counts, *(Case.number == word.spellings[0] for word in words_of(filters.text)))
    ]
    narrowed += _on_columns(filters)
    if filters.waits_for or filters.blocker:
        narrowed.append(_held(filters))
    if filters.live_since:
        narrowed.append(went_live_since(work, filters.live_since))
    narrowed += _on_tasks(work, filters)
    narrowed += _on_history(work, filters)
    if filters.prerequisite:
        narrowed.append(_lacks_prerequisite(work, filters.prerequisite))
    if filters.milestone:
        narrowed.append(_waits_for_milestone(work, filters.milestone))
    if filters.cluster:
        narrowed.append(_is_of_cluster(UUID(filters.cluster)))
    for word in words_of(filters.text):
        services = word.services(work.catalogue)
        narrowed.append(
            sa.or_(
                word.in_key(Case.number),
                word.in_body(),
                Case.service.in_(services) if services else sa.false(),
            )
        )
    return narrowed


def _on_columns(filters: Filters) -> list[sa.ColumnElement[bool]]:
    """What stands in the case itself, or in its body."""
    equal: dict[Any, str | None] = {
        Case.service: filters.service,
        Case.team: filters.team,
        Case.body: filters.body,
        Case.wave: filters.wave,
        Case.operator: filters.operator,
        Case.variant: filters.variant,
        Case.occasion: filters.occasion,
        Body.district: filters.district,
    }
    found: list[sa.ColumnElement[bool]] = [column == value for column, value in equal.items() if value]
    if filters.taken_over:
        found.append(Case.taken_over.is_(True))
    if filters.delegated:
        found.append(Case.delegate.is_not(None))
    if filters.opened_since:
        found.append(Case.opened_on >= filters.opened_since)
    return found


def _held(filters: Filters) -> sa.ColumnElement[bool]:
    """Whether the case rests for this reason and waits for this party."""
    lasting = [Hold.case_id == Case.id, Hold.ended_on.is_(None)]
    if filters.waits_for:
        kind, key = registers.party_of(filters.waits_for)
        lasting += [Hold.external_kind == kind, Hold.external_key == key if key else Hold.external_key.is_(None)]
    if filters.blocker:
        lasting.append(Hold.blocker == filters.blocker)
    return sa.exists().where(*lasting).correlate(Case)


def _on_tasks(work: Work, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """What somebody is to act on in the case."""
    asked = sa.exists().where(Task.case_id == Case.id, Task.acting.is_not(None)).correlate(Case)
    found: list[sa.ColumnElement[bool]] = []
    if filters.acting:
        found.append(asked.where(Task.acting == filters.acting))
    if filters.due_within is not None:
        last = work.catalogue.calendar.add(work.today, filters.due_within)
        found += [~Case.rests, asked.where(Task.due_on.between(work.today, last)), ~is_overdue(work.today)]
    if filters.unreached:
        found.append(unreachable.waits_for_somebody_unreached(work))
    return found


def _on_history(work: Work, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """When something last happened to the case."""
    last = sa.exists().where(Event.chain_id == Case.id, Event.seq == Case.seq).correlate(Case)
    zone = work.catalogue.calendar.zone
    found: list[sa.ColumnElement[bool]] = []
    if filters.changed_since:
        found.append(last.where(Event.at >= dt.datetime.combine(filters.changed_since, dt.time(), zone)))
    if filters.unchanged_since:
        found.append(last.where(Event.at < dt.datetime.combine(filters.unchanged_since, dt.time(), zone)))
    return found


def _lacks_prerequisite(work: Work, kind: str) -> sa.ColumnElement[bool]:
    """Whether the case is not in use yet, needs a prerequisite of this kind and its body does not have it."""
    needing: dict[str, list[tuple[str, str]]] = {}
    for service, entry in work.catalogue.services.items():
        for variant in entry.variants:
            for scope in {one.scope for one in work.catalogue.needed(service, variant) if one.kind == kind}:
                needing.setdefault(scope, []).append((service, variant))
    lacking = [
        sa.and_(
            sa.tuple_(Case.service, Case.variant).in_(needed),
            sa.exists()
            .where(
                Prerequisite.body == Case.body, Prerequisite.kind == kind, Prerequisite.scope == scope, is_lacking(work)
            )
            .correlate(Case),
        )
        for scope, needed in needing.items()
    ]
    return sa.and_(Case.ended_on.is_(None), Case.live_on.is_(None), sa.or_(sa.false(), *lacking))


def is_lacking(work: Work) -> sa.ColumnElement[bool]:
    """Whether a prerequisite is not there today: asked for and not done, or past its day."""
    return sa.or_(
        sa.and_(Prerequisite.status.not_in(("done", "not_needed")), sa.not_(Prerequisite.renewing)),
        sa.and_(sa.or_(Prerequisite.status == "done", Prerequisite.renewing), Prerequisite.valid_until < work.today),
    )


def _waits_for_milestone(work: Work, kind: str) -> sa.ColumnElement[bool]:
    """Whether the case stands where only this milestone lets it go on, and it is not reached for its service."""
    waiting = [
        (process.process, process.version, state)
        for process in work.catalogue.processes()
        for move in process.transitions.values()
        if MilestoneRequirement(kind) in move.requires
        for state in move.from_
    ]
    open_ = sa.exists().where(Milestone.service == Case.service, Milestone.kind == kind, Milestone.reached_on.is_(None))
    stands = sa.tuple_(Case.process, Case.process_version, Case.state).in_(waiting) if waiting else sa.false()
    return sa.and_(Case.ended_on.is_(None), stands, open_.correlate(Case))


def _is_of_cluster(cluster: UUID) -> sa.ColumnElement[bool]:
    """Whether the case is a member's, in a service for which the cluster acts together."""
    member = (ClusterMember.cluster_id == cluster, ClusterMember.body == Case.body, ClusterMember.left_on.is_(None))
    together = (ClusterService.cluster_id == cluster, ClusterService.service == Case.service)
    return sa.and_(sa.exists().where(*member).correlate(Case), sa.exists().where(*together).correlate(Case))


# --- counting --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Count:
    process: str
    version: int
    state: str
    left: bool
    overdue: bool
    escalated: bool
    rests: bool
    cases: int


def _counts(work: Work, possible: Sequence[sa.ColumnElement[bool]]) -> list[_Count]:
    flags = [sa.case((holds, 1), else_=0).label(name) for name, holds in _flags(work).items()]
    each = (
        sa.select(Case.process, Case.process_version, Case.state, *flags)
        .join(Body, Body.ars == Case.body)
        .where(*possible)
        .subquery()
    )
    rows = work.session.execute(sa.select(*each.c, sa.func.count().label("cases")).group_by(*each.c))
    return [
        _Count(
            row.process,
            row.process_version,
            row.state,
            bool(row.left),
            bool(row.overdue),
            bool(row.escalated),
            bool(row.rests),
            row.cases,
        )
        for row in rows
    ]


def _beside(work: Work, visible: sa.ColumnElement[bool]) -> tuple[int, int]:
    """How many further rounds there are beside a live one, and how many cases were taken over."""
    of_rounds = sa.select(sa.func.count()).select_from(Case).where(visible, parts.is_next_round())
    of_before = sa.select(sa.func.count()).select_from(Case).where(visible, parts.counts(), Case.taken_over)
    row = work.session.execute(sa.select(of_rounds.scalar_subquery(), of_before.scalar_subquery())).one()
    return row[0], row[1]


def _participating(work: Work) -> tuple[Participating, ...]:
    rows = work.session.execute(
        sa.select(
            Case.id, Case.service, Body.display_name, Case.process, Case.process_version, Case.state, Case.entered_on
        )
        .join(Body, Body.ars == Case.body)
        .where(policy.takes_part(work.actor), sa.not_(policy.cases(work.actor)), Case.superseded_by.is_(None))
        .order_by(Body.sort_key, Case.service, Case.number)
    )
    return tuple(
        Participating(
            id=row.id,
            service=parts.service_title(work.catalogue, row.service),
            body_name=row.display_name,
            state=parts.state(work.catalogue, row.process, row.process_version, row.state),
            since=row.entered_on,
        )
        for row in rows
    )


def _flags(work: Work) -> dict[str, sa.ColumnElement[bool]]:
    """What a case is or is not, by the filter that asks for it."""
    return {
        "left": is_left(parts.goals(work.catalogue)),
        "overdue": is_overdue(work.today),
        "escalated": is_escalated(work.catalogue),
        "rests": Case.rests.is_(True),
    }


def _narrowed(work: Work, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """What `_conditions` leaves out."""
    state = [Case.state == filters.state] if filters.state else []
    return [*state, *(holds for name, holds in _flags(work).items() if getattr(filters, name))]


_FLAGS = ("left", "overdue", "escalated", "rests")


def _sum(counts: Sequence[_Count], filters: Filters, *, only: str | None = None) -> int:
    """Cases under all filters; under all others and `only`, when that is named."""
    return sum(
        count.cases
        for count in counts
        if filters.state in (None, count.state) and _passes(count, filters) and (only is None or getattr(count, only))
    )


def _passes(count: _Count, filters: Filters) -> bool:
    return all(getattr(count, name) or not getattr(filters, name) for name in _FLAGS)


def _state_counts(work: Work, counts: Sequence[_Count], filters: Filters) -> tuple[StateCount, ...]:
    """By state, the main road first; a state nobody stands in is named only while it belongs to the main road."""
    found: dict[str, int] = {}
    views = {state.key: state for state in parts.states(work.catalogue)}
    for count in counts:
        if _passes(count, filters):
            found[count.state] = found.get(count.state, 0) + count.cases
        if count.state not in views:
            views[count.state] = parts.state(work.catalogue, count.process, count.version, count.state)
    return tuple(
        StateCount(view, found.get(key, 0))
        for key, view in views.items()
        if not view.aside or found.get(key) or key == filters.state
    )


# --- one page --------------------------------------------------------------------------------------------------------


def _page(
    work: Work, wanted: Sequence[sa.ColumnElement[bool]], order: Sequence[Key], cursor: Cursor
) -> tuple[tuple[CaseLine, ...], Cursor | None, Cursor | None]:
    """The lines between two places of one order, and whether there is something on either side."""
    place, backwards = _place(work, cursor, order)
    rows = _rows(work, wanted, order, place, backwards=backwards)
    if not rows and place is not None:
        place, backwards = None, False
        rows = _rows(work, wanted, order, None, backwards=False)
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    if backwards:
        rows.reverse()
    behind = more
    before = False
    if place is not None and rows:
        edge = rows[-1 if backwards else 0][: len(order)]
        page = _between(wanted, order, edge, backwards=not backwards, most=1)
        beyond = work.session.execute(sa.select(page.c.id)).first() is not None
        before, behind = (more, beyond) if backwards else (beyond, more)
    newer = Cursor(before=rows[0].number) if rows and before else None
    older = Cursor(after=rows[-1].number) if rows and behind else None
    return lines(work, rows), newer, older


def _place(work: Work, cursor: Cursor, order: Sequence[Key]) -> tuple[tuple[Any, ...] | None, bool]:
    """Where the case a cursor names stands in the order, and whether the page lies before it."""
    number = cursor.after or cursor.before
    if number is None or not _NUMBER.match(number):
        return None, False
    row = work.session.execute(case_order.values(order).where(Case.number == number, policy.cases(work.actor))).first()
    return (tuple(row), cursor.after is None) if row is not None else (None, False)


def _rows(
    work: Work,
    wanted: Sequence[sa.ColumnElement[bool]],
    order: Sequence[Key],
    place: tuple[Any, ...] | None,
    *,
    backwards: bool,
) -> list[Any]:
    """The cases behind a place, with the values of their order first."""
    page = _between(wanted, order, place, backwards=backwards, most=PAGE + 1)
    named = [page.c[f"key_{position}"] for position in range(len(order))]
    return told(work, page, named, case_order.terms(order, page.c, backwards=backwards))


def _between(
    wanted: Sequence[sa.ColumnElement[bool]],
    order: Sequence[Key],
    place: Sequence[Any] | None,
    *,
    backwards: bool,
    most: int,
) -> sa.Subquery:
    """Id and order of so many cases behind a place: what is told of them is read for these few only."""
    each = case_order.each(order, wanted)
    found = sa.select(each).order_by(*case_order.terms(order, each.c, backwards=backwards)).limit(most)
    if place is not None:
        found = found.where(case_order.beyond(order, each.c, place, backwards=backwards))
    return found.subquery("page")


def told(work: Work, page: sa.FromClause, named: Sequence[Any], order: Sequence[Any]) -> list[Any]:
    """What `lines` tell of the cases whose ids a page has, in this order; `named` columns of the page come first."""
    district = aliased(Body)
    rows = work.session.execute(
        sa.select(
            *named,
            Case.id,
            Case.number,
            Case.service,
            Case.body,
            Case.team,
            Case.operator,
            Case.variant,
            Case.wave,
            Case.process,
            Case.process_version,
            Case.state,
            Case.entered_on,
            Case.live_on,
            Case.rests,
            Case.delegate,
            Body.display_name,
            district.display_name.label("district_name"),
            Hold.review_on,
            Hold.blocker,
            Hold.external_kind,
            Hold.external_key,
            Vendor.title.label("vendor"),
            Event.at.label("changed_at"),
            Wave.title_de,
            Wave.title_en,
            Team.title.label("team_title"),
        )
        .select_from(page)
        .join(Case, Case.id == page.c.id)
        .join(Body, Body.ars == Case.body)
        .join(Team, Team.key == Case.team)
        .outerjoin(district, district.ars == Body.district)
        .outerjoin(Hold, sa.and_(Hold.case_id == Case.id, Hold.ended_on.is_(None)))
        .outerjoin(Vendor, sa.and_(Hold.external_kind == "vendor", Vendor.key == Hold.external_key))
        .outerjoin(Event, sa.and_(Event.chain_id == Case.id, Event.seq == Case.seq))
        .outerjoin(Wave, Wave.key == Case.wave)
        .order_by(*order)
    )
    return list(rows.all())


def lines(work: Work, rows: Sequence[Any]) -> tuple[CaseLine, ...]:
    """The lines of what was `told`."""
    steps = _next_steps(work, {row.id: row for row in rows})
    operators, variants = dict(case_order.operators(work)), dict(case_order.variants(work))
    return tuple(
        CaseLine(
            id=row.id,
            number=row.number,
            service=parts.service_title(work.catalogue, row.service),
            body=row.body,
            body_name=row.display_name,
            state=parts.state(work.catalogue, row.process, row.process_version, row.state),
            since=row.entered_on,
            live_on=row.live_on,
            next=steps.get(row.id),
            overdue=not row.rests and (step := steps.get(row.id)) is not None and bool(step.due and step.due.overdue),
            rests=row.rests,
            review_on=row.review_on,
            district=row.district_name,
            team=row.team_title,
            operator=operators.get(row.operator, row.operator),
            variant=variants.get(row.variant) or (Text(de=row.variant, en=row.variant) if row.variant else None),
            wave=Text(de=row.title_de, en=row.title_en) if row.title_de else None,
            changed_on=work.catalogue.calendar.today(row.changed_at) if row.changed_at else row.entered_on,
            waits_for=_waits_for(work, row) if row.rests else None,
        )
        for row in rows
    )


def _waits_for(work: Work, row: Any) -> Text | None:
    party = registers.party_title(work, row.external_kind, row.external_key, vendor=row.vendor)
    reason = work.catalogue.programme.blockers.get(row.blocker or "")
    return party or (reason.title if reason else None)


def _next_steps(work: Work, rows: Mapping[UUID, Any]) -> dict[UUID, NextStep]:
    """The task of each case that is due first among those somebody must act on."""
    first: dict[UUID, Any] = {}
    tasks = work.session.execute(
        sa.select(
            Task.case_id,
            parts.said_title(Task.id),
            Task.name,
            Task.state,
            Task.acting,
            Task.due_on,
            Task.body,
            Task.service,
            Task.team,
            Task.operator,
        )
        .where(Task.case_id.in_(list(rows)), Task.acting.is_not(None))
        .order_by(Task.due_on.is_(None), Task.due_on, Task.name)
    )
    for task in tasks:
        first.setdefault(task.case_id, task)
    shown = list(first.values())
    found: dict[UUID, NextStep] = {}
    for task, acts in zip(shown, parts.acting(work, shown), strict=True):
        case = rows[task.case_id]
        process = work.catalogue.process(case.process, case.process_version)
        found[task.case_id] = NextStep(
            task=added_title(task.said) if task.name == AD_HOC else process.states[task.state].tasks[task.name].title,
            role=acts.role,
            instead_of=acts.instead_of,
            due=parts.due(work, task.due_on),
        )
    return found
