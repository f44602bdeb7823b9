"""The list of cases: filtered, counted by state, and leafed through by keyset."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import database, policy, registers
from workflow.casework import added_title
from workflow.definition import AD_HOC, Text
from workflow.engine import Work
from workflow.models import Body, Case, Decision, Hold, Task, Wave
from workflow.queries import parts
from workflow.queries.parts import Due, StateView
from workflow.queries.words import clean, words_of
from workflow.texts import sort_key, title

PAGE = 25

_NUMBER = re.compile(r"[a-z][a-z0-9_-]{0,110}-\d{1,12}-\d{1,6}\Z")
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,79}\Z")


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

    @property
    def narrow(self) -> bool:
        """Whether anything is narrowed at all."""
        return self != Filters()


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


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many of the filtered cases stand in a state, whatever state is filtered for."""

    state: StateView
    cases: int


@dataclass(frozen=True, slots=True)
class Options:
    """What a list can be narrowed to: only what the actor's cases have. Pairs of key and title."""

    services: tuple[tuple[str, Text], ...]
    teams: tuple[tuple[str, str], ...]
    districts: tuple[tuple[str, str], ...]


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
    body_name: str | None
    wave_title: Text | None
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


def cases(work: Work, filters: Filters = Filters(), cursor: Cursor = Cursor()) -> CaseList:
    """A page of the cases this actor may know about, sorted by body and service.

    Takes the same number of statements however many cases there are.
    """
    visible = policy.cases(work.actor)
    options, known_body = _options(work, visible, filters.body)
    wave_title = _wave_title(work, filters.wave)
    filters = _sensible(work, filters, options, known_body, wave_title)
    counts = _counts(work, visible, filters)
    next_rounds, taken_over = _beside(work, visible)
    lines, newer, older = _page(work, visible, filters, cursor)
    return CaseList(
        filters=filters,
        body_name=known_body if filters.body else None,
        wave_title=wave_title,
        party=registers.party_title(work, *registers.party_of(filters.waits_for)),
        blocker=work.catalogue.programme.blockers[filters.blocker].title if filters.blocker else None,
        lines=lines,
        newer=newer,
        older=older,
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


def ids(work: Work, filters: Filters, *, most: int) -> list[UUID]:
    """Every case of the list that `cases` leafs through, in its order; one more than `most` when there are more.

    Here a filter for what does not exist finds nothing: nobody shall do with all what was meant for some.
    """
    visible = policy.cases(work.actor)
    options, known_body = _options(work, visible, filters.body)
    sensible = _sensible(work, filters, options, known_body, _wave_title(work, filters.wave))
    if sensible != replace(filters, text=sensible.text):
        return []
    found = (
        sa.select(Case.id)
        .join(Body, Body.ars == Case.body)
        .where(visible, *_conditions(work, filters), *_narrowed(work, filters))
        .order_by(*_order(work))
        .limit(most + 1)
    )
    return list(work.session.execute(found).scalars())


def is_overdue(today: dt.date) -> sa.ColumnElement[bool]:
    """Whether a task of the case that waits for somebody is past its date. A resting case is never overdue."""
    late = sa.exists().where(Task.case_id == Case.id, Task.acting.is_not(None), Task.due_on < today)
    return sa.and_(~Case.rests, late)


def is_escalated(work: Work) -> sa.ColumnElement[bool]:
    """Whether somebody above was asked for help with the case as it stands: with a task somebody is to act on, or,
    while it rests, with the question whether it may go on. A new date begins anew.
    """
    ladders = work.catalogue.programme.ladders.items()
    above = {name: [rung.id for rung in ladder.rungs if rung.escalates] for name, ladder in ladders}

    def reached(kind: str, subject: type[Task] | type[Hold]) -> sa.ColumnElement[bool]:
        rungs = (sa.and_(subject.ladder == name, Decision.rung.in_(ids)) for name, ids in above.items() if ids)
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
    return sa.and_(Case.state.in_(parts.goals(work.catalogue)), Case.live_on >= day)


def is_left(goals: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether the case is still on its way: neither live nor at an end."""
    return sa.and_(Case.state.not_in(goals), Case.ended_on.is_(None))


# --- what can be filtered for ----------------------------------------------------------------------------------------


def _options(work: Work, visible: sa.ColumnElement[bool], body: str | None) -> tuple[Options, str | None]:
    """What the actor's cases have in common and apart; and the name of the body filtered for, if it exists."""
    found = work.session.execute(
        sa.select(Case.service, Case.team, Body.district)
        .join(Body, Body.ars == Case.body)
        .where(visible, Case.superseded_by.is_(None))
        .distinct()
    ).all()
    wanted = {row.district for row in found}
    names = parts.body_names(work, wanted | ({body} if body and _is_plain(body) else set()))
    teams = parts.team_titles(work)
    language = work.actor.language
    services = {row.service: parts.service_title(work.catalogue, row.service) for row in found}
    options = Options(
        services=tuple(sorted(services.items(), key=lambda entry: sort_key(title(language, entry[1])))),
        teams=tuple(
            sorted({(row.team, teams.get(row.team, row.team)) for row in found}, key=lambda entry: sort_key(entry[1]))
        ),
        districts=tuple(
            sorted(((ars, names[ars]) for ars in wanted if ars in names), key=lambda entry: sort_key(entry[1]))
        ),
    )
    return options, names.get(body) if body else None


def _wave_title(work: Work, key: str | None) -> Text | None:
    if key is None or not _KEY.match(key):
        return None
    row = work.session.execute(sa.select(Wave.title_de, Wave.title_en).where(Wave.key == key)).first()
    return Text(de=row.title_de, en=row.title_en) if row else None


def _sensible(
    work: Work, filters: Filters, options: Options, known_body: str | None, wave_title: Text | None
) -> Filters:
    """The filters without whatever narrows to nothing that exists."""
    states = {state.key for state in parts.states(work.catalogue)}
    states |= {key for process in work.catalogue.processes() for key in process.states}
    return replace(
        filters,
        text=clean(filters.text),
        service=filters.service if filters.service in dict(options.services) else None,
        state=filters.state if filters.state in states else None,
        team=filters.team if filters.team in dict(options.teams) else None,
        district=filters.district if filters.district in dict(options.districts) else None,
        body=filters.body if known_body else None,
        wave=filters.wave if wave_title else None,
        waits_for=filters.waits_for if filters.waits_for and registers.is_party(work, filters.waits_for) else None,
        blocker=filters.blocker if filters.blocker in work.catalogue.programme.blockers else None,
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
    if filters.taken_over:
        narrowed.append(Case.taken_over.is_(True))
    if filters.service:
        narrowed.append(Case.service == filters.service)
    if filters.team:
        narrowed.append(Case.team == filters.team)
    if filters.body:
        narrowed.append(Case.body == filters.body)
    if filters.wave:
        narrowed.append(Case.wave == filters.wave)
    if filters.district:
        narrowed.append(Body.district == filters.district)
    if filters.waits_for or filters.blocker:
        narrowed.append(_held(filters))
    if filters.live_since:
        narrowed.append(went_live_since(work, filters.live_since))
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


def _held(filters: Filters) -> sa.ColumnElement[bool]:
    """Whether the case rests for this reason and waits for this party."""
    lasting = [Hold.case_id == Case.id, Hold.ended_on.is_(None)]
    if filters.waits_for:
        kind, key = registers.party_of(filters.waits_for)
        lasting += [Hold.external_kind == kind, Hold.external_key == key if key else Hold.external_key.is_(None)]
    if filters.blocker:
        lasting.append(Hold.blocker == filters.blocker)
    return sa.exists().where(*lasting).correlate(Case)


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


def _counts(work: Work, visible: sa.ColumnElement[bool], filters: Filters) -> list[_Count]:
    flags = [sa.case((holds, 1), else_=0).label(name) for name, holds in _flags(work).items()]
    each = (
        sa.select(Case.process, Case.process_version, Case.state, *flags)
        .join(Body, Body.ars == Case.body)
        .where(visible, *_conditions(work, filters))
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
        "escalated": is_escalated(work),
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
    work: Work, visible: sa.ColumnElement[bool], filters: Filters, cursor: Cursor
) -> tuple[tuple[CaseLine, ...], Cursor | None, Cursor | None]:
    """The lines between two places of one order, and whether there is something on either side."""
    order = _order(work)
    conditions = [visible, *_conditions(work, filters), *_narrowed(work, filters)]
    place, backwards = _place(work, visible, cursor, order)
    rows = _rows(work, conditions, order, place, backwards=backwards)
    if not rows and place is not None:
        place, backwards = None, False
        rows = _rows(work, conditions, order, None, backwards=False)
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    if backwards:
        rows.reverse()
    behind = more
    before = False
    if place is not None and rows:
        edge = tuple(rows[-1 if backwards else 0][: len(order)])
        beyond = bool(_rows(work, conditions, order, edge, backwards=not backwards, most=1))
        before, behind = (more, beyond) if backwards else (beyond, more)
    newer = Cursor(before=rows[0].number) if rows and before else None
    older = Cursor(after=rows[-1].number) if rows and behind else None
    return _lines(work, rows), newer, older


def _order(work: Work) -> list[Any]:
    """Body and service as the actor's language sorts them; the number decides what is left."""
    language = work.actor.language
    services = sorted(
        work.catalogue.services, key=lambda key: (sort_key(title(language, work.catalogue.services[key].title)), key)
    )
    ranks = {key: rank for rank, key in enumerate(services)}
    rank = sa.case(ranks, value=Case.service, else_=len(ranks)) if ranks else sa.literal(0)
    session = work.session
    return [
        database.plainly_sorted(session, Body.sort_key),
        database.plainly_sorted(session, Body.ars),
        rank,
        database.plainly_sorted(session, Case.number),
    ]


def _place(
    work: Work, visible: sa.ColumnElement[bool], cursor: Cursor, order: Sequence[Any]
) -> tuple[tuple[Any, ...] | None, bool]:
    """Where the case a cursor names stands in the order, and whether the page lies before it."""
    number = cursor.after or cursor.before
    if number is None or not _NUMBER.match(number):
        return None, False
    row = work.session.execute(
        sa.select(*order).select_from(Case).join(Body, Body.ars == Case.body).where(Case.number == number, visible)
    ).first()
    return (tuple(row), cursor.after is None) if row is not None else (None, False)


def _rows(
    work: Work,
    conditions: Sequence[sa.ColumnElement[bool]],
    order: Sequence[Any],
    place: tuple[Any, ...] | None,
    *,
    backwards: bool,
    most: int = PAGE + 1,
) -> list[Any]:
    query = (
        sa.select(
            *(column.label(f"order_{position}") for position, column in enumerate(order)),
            Case.id,
            Case.number,
            Case.service,
            Case.body,
            Case.process,
            Case.process_version,
            Case.state,
            Case.entered_on,
            Case.live_on,
            Case.rests,
            Body.display_name,
            Hold.review_on,
        )
        .select_from(Case)
        .join(Body, Body.ars == Case.body)
        .outerjoin(Hold, sa.and_(Hold.case_id == Case.id, Hold.ended_on.is_(None)))
        .where(*conditions)
        .order_by(*(column.desc() for column in order) if backwards else order)
        .limit(most)
    )
    if place is not None:
        here, there = sa.tuple_(*order), sa.tuple_(*place)
        query = query.where(here < there if backwards else here > there)
    return list(work.session.execute(query).all())


def _lines(work: Work, rows: Sequence[Any]) -> tuple[CaseLine, ...]:
    steps = _next_steps(work, {row.id: row for row in rows})
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
        )
        for row in rows
    )


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
