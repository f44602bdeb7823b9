"""How many working days cases have lost, and by whom: each number comes with the tasks, pauses, milestones and
prerequisites it is made of.

A day is lost by a party when, at its beginning, something of that party was past its date, or when nothing else was
missing but that. It ends with going live. No day counts twice for one party; a day that two parties lost counts for
both, and `together` says how many days these are without counting any twice.

* A mandatory task past its due date: by whoever was to act then (municipality, team, operator), never while the case
  rested. The due date is the one of that day: a later extension forgives nothing that was lost before it.
* A milestone of the Land that the next step demanded: past its date, or the only thing missing besides prerequisites.
* Likewise a prerequisite of the municipality; it is told apart because it holds up many cases at once.
* A pause: by whom the case waited for; without anybody named it is told as a pause.
* Nothing was missing and nobody took the step within the time for confirming: by the team.
"""

from __future__ import annotations

import datetime as dt
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import policy, registers, statements
from workflow.casework import SETTLED, CaseRow
from workflow.definition import AD_HOC, MilestoneRequirement, Process, Text, Transition, WorkingDays
from workflow.engine import Work
from workflow.models import Case, Event, Hold, Milestone, Prerequisite, Vendor
from workflow.queries import parts
from workflow.statements import Asking

Party = Literal["land", "municipality", "shared", "team", "operator", "external", "pause"]
PARTIES: tuple[Party, ...] = ("land", "municipality", "shared", "team", "operator", "external", "pause")
"""In the order in which a page names them."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One thing that cost days: what it was, from the first to the last of them, and whether it goes on."""

    kind: Literal["task", "milestone", "prerequisite", "hold", "move"]
    title: Text | str
    first: dt.date
    last: dt.date
    days: int
    goes_on: bool
    target: UUID | None
    """The task, milestone or prerequisite."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What one party cost: working days, none counted twice, and what they are made of, the longest first."""

    party: Party
    days: int
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Delays:
    """The delay of one case. `together` are the days at least one party lost, `shared` those several did."""

    parties: tuple[Lost, ...]
    together: int
    shared: int
    counted: bool = True
    """False for a case that was taken over: nobody knows what happened before."""


@dataclass(frozen=True, slots=True)
class OfCase:
    """A case in the sum of a service."""

    case: UUID
    number: str
    body: str
    delays: Delays


@dataclass(frozen=True, slots=True)
class OfService:
    """The delays of a service's cases that the reader sees, by party, and each case with what it lost."""

    service: str
    title: Text
    cases: tuple[OfCase, ...]
    """Those that lost anything, the most first."""
    counted: int
    days: Mapping[Party, int]
    """Working days summed over cases; a milestone that holds up ten cases for a day costs ten."""
    held_up: Mapping[Party, int]
    """How many cases lost at least a day by this party."""


def of_case(work: Work, case_id: UUID) -> Delays:
    """The delay of a case the actor is known to see."""
    found = statements.rows(work.connection, _CASE, {"case_id": case_id})
    case = _Told(*found[0])
    own, holds, asked, reached = statements.answers(
        work.connection, ((_EVENTS, {"chain": case_id}), (_HOLDS, {"case_id": case_id}), *asking(case))
    )
    return lost(work, case, ((at, json.loads(content)) for at, content in own), holds, asked, reached)


def asking(case: _Told | CaseRow) -> tuple[Asking, Asking]:
    """What `lost` has to know besides the case: what became of its prerequisites and milestones."""
    return (_OF_BODY, {"body": case.body}), (_OF_SERVICE, {"service": case.service})


def lost(
    work: Work,
    case: _Told | CaseRow,
    events: Iterable[tuple[dt.datetime, Mapping[str, Any]]],
    holds: Iterable[Sequence[Any]],
    asked: Iterable[Any],
    reached: Iterable[Any],
) -> Delays:
    """The delay of a case whose whole history (when, and what it says) and pauses (blocker, kind and key of the party,
    its vendor, first and last day) are at hand, with what `asking` was answered."""
    return _delays(work, case, events, holds, _histories(work, asked), _histories(work, reached))


def of_service(work: Work, service: str) -> OfService:
    """The delays of the cases of a service that this actor sees. Takes the same number of statements however many."""
    where = (policy.cases(work.actor), Case.service == service)
    cases = [
        _Told(*row[: len(_COLUMNS)])
        for row in work.session.execute(sa.select(*_COLUMNS).where(*where).order_by(Case.number))
    ]
    names = parts.body_names(work, {case.body for case in cases})
    entries = _by_chain(
        work.session.execute(
            sa.select(Event.chain_id, Event.at, Event.content)
            .join(Case, Case.id == Event.chain_id)
            .where(*where)
            .order_by(Event.chain_id, Event.seq)
        )
    )
    holds: dict[UUID, list[Any]] = {}
    for one in work.session.execute(
        sa.select(Hold.case_id, *_HOLD)
        .join(Case, Case.id == Hold.case_id)
        .outerjoin(Vendor, _OF_VENDOR)
        .where(*where)
        .order_by(Hold.began_on)
    ):
        holds.setdefault(one.case_id, []).append(one[1:])
    asked: dict[str, list[Any]] = {}
    bodies = sa.select(Case.body).where(*where)
    for row in work.session.execute(_OF_ANY_BODY.where(Prerequisite.body.in_(bodies))):
        asked.setdefault(row.body, []).append(row[:-1])
    reached = _histories(work, work.session.execute(_OF_SERVICE, {"service": service}))
    shared = {body: _histories(work, rows) for body, rows in asked.items()}
    told = [
        OfCase(
            case.id,
            case.number,
            names.get(case.body, case.body),
            _delays(work, case, entries.get(case.id, ()), holds.get(case.id, ()), shared.get(case.body, {}), reached),
        )
        for case in cases
    ]
    counted = [one for one in told if one.delays.counted]
    each = [lost for one in counted for lost in one.delays.parties]
    return OfService(
        service=service,
        title=parts.service_title(work.catalogue, service),
        cases=tuple(sorted((one for one in counted if one.delays.together), key=lambda one: -one.delays.together)),
        counted=len(counted),
        days={party: sum(lost.days for lost in each if lost.party == party) for party in PARTIES},
        held_up={party: sum(1 for lost in each if lost.party == party) for party in PARTIES},
    )


# --- days ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Told:
    """What the sum asks of a case."""

    id: UUID
    number: str
    service: str
    body: str
    variant: str | None
    process: str
    process_version: int
    opened_on: dt.date
    live_on: dt.date | None
    ended_on: dt.date | None
    taken_over: bool


class _Days:
    """The working days of a case, from the day after it was opened to going live, its end or today."""

    def __init__(self, work: Work, case: _Told | CaseRow) -> None:
        calendar = work.catalogue.calendar
        last = min(day for day in (case.live_on, case.ended_on, work.today) if day is not None)
        self.every: list[dt.date] = []
        day = case.opened_on
        while day < last:
            day += dt.timedelta(days=1)
            if calendar.is_working_day(day):
                self.every.append(day)
        self.last = last

    def between(self, after: dt.date, until: dt.date | None) -> list[dt.date]:
        """The working days later than `after`, up to and with `until` (to the end: None)."""
        end = len(self.every) if until is None else bisect_right(self.every, until)
        return self.every[bisect_right(self.every, after) : end]


_OUTSIDE: Mapping[str, Party] = {"land": "land", "body": "municipality", "operator": "operator"}
"""Whose days a pause costs, by whom the case waits for; vendors and authorities are outside the programme."""

_Spans = list[tuple[dt.date, dt.date | None, Mapping[str, Any]]]
"""How something stood: after which day, up to which (None: until now), and its columns then."""


def _delays(
    work: Work,
    case: _Told | CaseRow,
    events: Iterable[tuple[dt.datetime, Mapping[str, Any]]],
    holds: Iterable[Any],
    asked: Mapping[UUID, _History],
    reached: Mapping[UUID, _History],
) -> Delays:
    if case.taken_over:
        return Delays((), 0, 0, counted=False)
    days = _Days(work, case)
    stays, tasks = _course(work, events)
    found = _Found(work, days)
    resting = _add_holds(work, found, days, holds)
    process = work.catalogue.process(case.process, case.process_version)
    unsettled = _add_tasks(found, days, process, tasks, resting)
    for after, until, columns in stays:
        here = [day for day in days.between(after, until) if day not in resting]
        onward = _onward(process, columns["state"])
        if here and onward is not None:
            _add_wait(work, found, case, onward, here, unsettled.get(columns["state"], set()), asked, reached)
    return found.summed()


@dataclass(slots=True)
class _Found:
    """Lost days as they are found, by party and by what cost them."""

    work: Work
    days: _Days
    by_thing: dict[tuple[Party, str, str], set[dt.date]] = field(default_factory=dict)
    things: dict[tuple[Party, str, str], tuple[Text | str, UUID | None]] = field(default_factory=dict)

    def add(
        self, party: Party, kind: str, key: str, title: Text | str, lost: Iterable[dt.date], target: UUID | None = None
    ) -> None:
        """These days were lost by this party because of this thing."""
        if lost := set(lost):
            self.by_thing.setdefault((party, kind, key), set()).update(lost)
            self.things[party, kind, key] = (title, target)

    def summed(self) -> Delays:
        """By party, each day once."""
        by_party = {
            party: set().union(*(lost for (who, _, _), lost in self.by_thing.items() if who == party))
            for party in PARTIES
        }
        together = set().union(*by_party.values())
        return Delays(
            parties=tuple(Lost(party, len(lost), self._stretches(party)) for party, lost in by_party.items() if lost),
            together=len(together),
            shared=sum(1 for day in together if sum(day in lost for lost in by_party.values()) > 1),
        )

    def _stretches(self, party: Party) -> tuple[Stretch, ...]:
        today = self.days.every[-1] if self.days.every else None
        found = [
            Stretch(
                kind=kind,  # type: ignore[arg-type]
                title=self.things[who, kind, key][0],
                first=min(lost),
                last=max(lost),
                days=len(lost),
                goes_on=max(lost) == today and self.days.last == self.work.today,
                target=self.things[who, kind, key][1],
            )
            for (who, kind, key), lost in self.by_thing.items()
            if who == party
        ]
        return tuple(sorted(found, key=lambda one: (-one.days, one.first)))


def _add_holds(work: Work, found: _Found, days: _Days, holds: Iterable[Any]) -> set[dt.date]:
    """The days on which the case rested."""
    resting: set[dt.date] = set()
    blockers = work.catalogue.programme.blockers
    for blocker, kind, key, vendor, began_on, ended_on in holds:
        lost = days.between(began_on, ended_on)
        resting.update(lost)
        title: Text | str = blockers[blocker].title if blocker in blockers else blocker
        outside = registers.party_title(work, kind, key, vendor=vendor)
        party = _OUTSIDE.get(kind, "external") if outside is not None else "pause"
        found.add(party, "hold", f"{blocker}/{kind}/{key}", outside or title, lost)
    return resting


def _add_tasks(
    found: _Found, days: _Days, process: Process, tasks: Mapping[str, _Spans], resting: set[dt.date]
) -> dict[str, set[dt.date]]:
    """What overdue tasks cost; gives the days on which a mandatory task of a state was not settled, by state."""
    unsettled: dict[str, set[dt.date]] = {}
    for task_id, spans in tasks.items():
        for after, until, columns in spans:
            if columns.get("optional"):
                continue
            if columns.get("status") not in SETTLED:
                unsettled.setdefault(columns["state"], set()).update(days.between(after, until))
            due_on, party = _date(columns.get("due_on")), _party_of(columns.get("acting"))
            if due_on is None or party is None:
                continue
            late = days.between(max(after, due_on), until)
            title = _title(process, columns["state"], columns["name"])
            found.add(party, "task", task_id, title, set(late) - resting, UUID(task_id))
    return unsettled


def _add_wait(
    work: Work,
    found: _Found,
    case: _Told | CaseRow,
    onward: Transition,
    here: Sequence[dt.date],
    unsettled: set[dt.date],
    asked: Mapping[UUID, _History],
    reached: Mapping[UUID, _History],
) -> None:
    """What a state cost in which the case waited for the Land, for a prerequisite, or for nothing but the step."""
    by_tasks: set[dt.date] = unsettled if "tasks_done" in onward.requires else set()
    lacking: set[dt.date] = set()
    catalogue = work.catalogue
    for requirement in onward.requires:
        if isinstance(requirement, MilestoneRequirement):
            if requirement.milestone not in catalogue.service(case.service).milestones:
                continue
            chain, history = _named(reached, requirement.milestone)
            missing, lost = _waits(here, by_tasks, history, _milestone_holds)
            lacking |= missing
            kind = catalogue.shared.milestones[requirement.milestone]
            found.add("land", "milestone", requirement.milestone, kind.title, lost, chain)
        elif requirement == "prerequisites_done":
            for entry in catalogue.needed(case.service, case.variant):
                chain, history = _named(asked, entry.kind, entry.scope)
                missing, lost = _waits(here, by_tasks, history, _prerequisite_holds)
                lacking |= missing
                title = parts.prerequisite_title(catalogue, entry.kind)
                found.add("shared", "prerequisite", f"{entry.kind}/{entry.scope}", title, lost, chain)
    ready = [day for day in here if day not in by_tasks and day not in lacking]
    within = catalogue.programme.calendar.confirm_within
    grace = within.working_days if isinstance(within, WorkingDays) else 0
    if onward.requires:
        found.add("team", "move", onward.title.de, onward.title, ready[grace:])


def _waits(
    here: Sequence[dt.date],
    by_tasks: set[dt.date],
    history: _Spans,
    holds: Callable[[Mapping[str, Any], dt.date], bool],
) -> tuple[set[dt.date], set[dt.date]]:
    """Of these days those on which it was missing, and those lost by it: past its date, or no task was open."""
    missing: set[dt.date] = set()
    lost: set[dt.date] = set()
    for day in here:
        columns = _on(history, day)
        if holds(columns, day):
            continue
        missing.add(day)
        due_on = _date(columns.get("due_on"))
        if day not in by_tasks or (due_on is not None and day > due_on):
            lost.add(day)
    return missing, lost


def _on(history: _Spans, day: dt.date) -> Mapping[str, Any]:
    """How it stood at the beginning of this day; nothing before there was any of it."""
    found = (columns for after, until, columns in history if after < day and (until is None or day <= until))
    return next(found, {})


def _milestone_holds(columns: Mapping[str, Any], day: dt.date) -> bool:
    reached_on = _date(columns.get("reached_on"))
    return reached_on is not None and reached_on < day


def _prerequisite_holds(columns: Mapping[str, Any], day: dt.date) -> bool:
    valid_until = _date(columns.get("valid_until"))
    proved = columns.get("status") == "done" or bool(columns.get("renewing"))
    return proved and (valid_until is None or valid_until >= day)


# --- what happened ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _History:
    """How a milestone or prerequisite stood over time."""

    kind: str
    scope: str
    spans: _Spans


def _course(work: Work, events: Iterable[tuple[dt.datetime, Mapping[str, Any]]]) -> tuple[_Spans, dict[str, _Spans]]:
    """The states a case stood in, and how each of its tasks stood, folded from its history."""
    states: list[tuple[dt.date, dict[str, Any]]] = []
    tasks: dict[str, list[tuple[dt.date, dict[str, Any]]]] = {}
    for at, said in events:
        day = work.catalogue.calendar.today(at)
        if "state" in (case := said.get("case", {})):
            states.append((day, {"state": case["state"]}))
        for task_id, changes in said.get("tasks", {}).items():
            known = tasks.setdefault(task_id, [])
            known.append((day, {**(known[-1][1] if known else {}), **changes}))
    return _spans(states), {task_id: _spans(changes) for task_id, changes in tasks.items()}


def _histories(work: Work, rows: Iterable[Any]) -> dict[UUID, _History]:
    """Rows of (chain, kind, scope, day of the entry, its content) in the order of the chains."""
    changes: dict[UUID, list[tuple[dt.date, dict[str, Any]]]] = {}
    names: dict[UUID, tuple[str, str, str]] = {}
    for chain_id, chain, kind, scope, at, content in rows:
        names[chain_id] = (chain, kind, scope)
        known = changes.setdefault(chain_id, [])
        said = json.loads(content).get(chain, {})
        known.append((work.catalogue.calendar.today(at), {**(known[-1][1] if known else {}), **said}))
    return {
        chain_id: _History(kind, scope, _always(spans) if chain == "milestone" else spans)
        for chain_id, (chain, kind, scope) in names.items()
        for spans in [_spans(changes[chain_id])]
    }


def _spans(changes: Sequence[tuple[dt.date, dict[str, Any]]]) -> _Spans:
    """From changes by day: what was the case at the beginning of each later day. Of several on one day the last."""
    return [
        (day, changes[position + 1][0] if position + 1 < len(changes) else None, columns)
        for position, (day, columns) in enumerate(changes)
    ]


def _always(spans: _Spans) -> _Spans:
    """What was known first was so before, too."""
    return [(dt.date.min, spans[0][1], spans[0][2]), *spans[1:]] if spans else spans


def _by_chain(rows: Iterable[Any]) -> dict[UUID, list[tuple[dt.datetime, Mapping[str, Any]]]]:
    found: dict[UUID, list[tuple[dt.datetime, Mapping[str, Any]]]] = {}
    for chain_id, at, content in rows:
        found.setdefault(chain_id, []).append((at, json.loads(content)))
    return found


def _named(histories: Mapping[UUID, _History], kind: str, scope: str = "") -> tuple[UUID | None, _Spans]:
    for chain_id, history in histories.items():
        if (history.kind, history.scope) == (kind, scope):
            return chain_id, history.spans
    return None, []


def _onward(process: Process, state: str) -> Transition | None:
    """The first step people take from here that leads forward on the main road, before it is live."""
    if process.states[state].goal or process.states[state].aside:
        return None
    for transition in process.transitions.values():
        forward = state in transition.from_ and not transition.back and not process.states[transition.to].aside
        if forward and set(transition.by) != {"system"}:
            return transition
    return None


def _party_of(acting: str | None) -> Party | None:
    if acting is None:
        return None
    if acting.startswith("body."):
        return "municipality"
    return {"rollout_team": "operator", "programme_office": "land"}.get(acting, "team")  # type: ignore[return-value]


def _title(process: Process, state: str, name: str) -> Text | str:
    if name == AD_HOC:
        return Text(de="Zusätzliche Aufgabe", en="Additional task")
    task = process.states[state].tasks.get(name) if state in process.states else None
    return task.title if task else name


def _date(written: str | None) -> dt.date | None:
    return dt.date.fromisoformat(written) if written else None


_CASE_ID: Any = sa.bindparam("case_id", type_=sa.Uuid())
_COLUMNS: tuple[Any, ...] = (
    Case.id,
    Case.number,
    Case.service,
    Case.body,
    Case.variant,
    Case.process,
    Case.process_version,
    Case.opened_on,
    Case.live_on,
    Case.ended_on,
    Case.taken_over,
)
_CASE = sa.select(*_COLUMNS).where(Case.id == _CASE_ID)
_EVENTS = (
    sa.select(Event.at, Event.content)
    .where(Event.chain_id == sa.bindparam("chain", type_=sa.Uuid()))
    .order_by(Event.seq)
)
_OF_VENDOR = sa.and_(Hold.external_kind == "vendor", Vendor.key == Hold.external_key)
_HOLD: tuple[Any, ...] = (
    Hold.blocker,
    Hold.external_kind,
    Hold.external_key,
    Vendor.title.label("vendor"),
    Hold.began_on,
    Hold.ended_on,
)
_HOLDS = sa.select(*_HOLD).outerjoin(Vendor, _OF_VENDOR).where(Hold.case_id == _CASE_ID).order_by(Hold.began_on)
_OF_ANY_BODY = (
    sa.select(
        Event.chain_id, Event.chain, Prerequisite.kind, Prerequisite.scope, Event.at, Event.content, Prerequisite.body
    )
    .join(Prerequisite, Prerequisite.id == Event.chain_id)
    .order_by(Event.chain_id, Event.seq)
)
_OF_BODY = (
    sa.select(Event.chain_id, Event.chain, Prerequisite.kind, Prerequisite.scope, Event.at, Event.content)
    .join(Prerequisite, Prerequisite.id == Event.chain_id)
    .where(Prerequisite.body == sa.bindparam("body"))
    .order_by(Event.chain_id, Event.seq)
)
_OF_SERVICE = (
    sa.select(Event.chain_id, Event.chain, Milestone.kind, sa.literal("").label("scope"), Event.at, Event.content)
    .join(Milestone, Milestone.id == Event.chain_id)
    .where(Milestone.service == sa.bindparam("service"))
    .order_by(Event.chain_id, Event.seq)
)
