"""What changed at a body since a team last spoke with it, told briefly, and what is to be talked about next time."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import database, meetings, policy
from workflow.definition import Process, Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import (
    Body,
    Case,
    Comment,
    Event,
    Meeting,
    Mention,
    Milestone,
    Person,
    Prerequisite,
    Remark,
    Task,
    Team,
    TeamDistrict,
)
from workflow.queries import parts, standing
from workflow.queries.parts import Due, StateView
from workflow.texts import sort_key, title

PAGE = 20
"""Cases of one body on a page, and bodies of the list are twice as many."""
MOST_EVENTS = 3000
"""Entries of history that are looked at, the newest ones."""
MOST_OPEN = 40
MOST_QUESTIONS = 10
MOST_NAMED = 4
"""Tasks named in one line; the rest is counted."""
BEFORE_ANY_MEETING = dt.timedelta(days=28)

SILENT = (
    "reminded",
    "review_reminded",
    "waiting_ended",
    "accepted",
    "released",
    "assigned",
    "handed_on",
    "taken_back",
    "returned",
    "ticked",
    "unticked",
    "put_aside",
    "taken_up",
    "brought_up",
    "seen",
    "snoozed",
    "review_seen",
    "review_snoozed",
    "comment_withdrawn",
    "remark_erased",
)
"""Entries that change nothing the two sides would talk about."""

_OF_TASKS = frozenset({"completed", "submitted", "confirmed", "declined", "handed_back", "reopened", "waived"})
_TOLD = _OF_TASKS | {"opened", "advanced", "held", "resumed", "sent_back", "extended", "promised"}
_TOLD |= {"commented", "task_commented"}
"""Entries with a line of their own; what is left is only counted."""

_OF_SHARED = ("asked", "completed", "confirmed", "declined", "set_aside", "expired", "promised", "extended", "renewing")

Kind = Literal[
    "live",
    "back",
    "moved",
    "ended",
    "opened_case",
    "held",
    "resumed",
    "overdue",
    "declined",
    "sent_back",
    "submitted",
    "promised",
    "extended",
    "done",
    "opened",
    "commented",
    "other",
]
ORDER: tuple[Kind, ...] = (
    "live",
    "back",
    "ended",
    "moved",
    "opened_case",
    "overdue",
    "declined",
    "held",
    "resumed",
    "sent_back",
    "submitted",
    "promised",
    "extended",
    "done",
    "opened",
    "commented",
    "other",
)
"""The most important first."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed in a case: how often (`n`), what it is about, and what its sentence names."""

    kind: Kind
    n: int = 1
    about: tuple[Text, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def named(self) -> tuple[Text, ...]:
        """The first few of what it is about."""
        return self.about[:MOST_NAMED]

    @property
    def more(self) -> int:
        """How many are not named."""
        return max(0, len(self.about) - MOST_NAMED)


@dataclass(frozen=True, slots=True)
class Changed:
    """A case in which something changed."""

    id: UUID
    number: str
    service: Text
    state: StateView
    rests: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """A prerequisite of the body, or a milestone of the Land, about which something happened."""

    kind: Literal["prerequisite", "milestone"]
    id: UUID
    act: str
    title: Text
    about: Text | str | None
    """The service, where there are several of a kind."""
    on: dt.date | None
    """The day it was reached, or is due."""


@dataclass(frozen=True, slots=True)
class Open:
    """Something somebody must act on."""

    kind: Literal["task", "prerequisite"]
    id: UUID
    title: Text
    service: Text | str | None
    role: Text
    instead_of: Text | None
    due: Due | None
    new: bool
    """It was opened, or fell due, in this time."""


@dataclass(frozen=True, slots=True)
class Question:
    """A comment that asks, or is meant for somebody, and that nobody else has answered."""

    case_id: UUID
    task_id: UUID | None
    service: Text
    who: str | None
    at: dt.datetime
    text: str


@dataclass(frozen=True, slots=True)
class Met:
    """The last meeting of a team with the body."""

    id: UUID
    at: dt.datetime
    on: dt.date
    team: str
    """Its title."""
    who: str | None
    """Only for the programme's own people."""
    mine: bool
    """The actor noted it, and may take it back."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What the heading counts."""

    onward: int
    """Cases that moved on, among them those that went live."""
    live: int
    done: int
    """Tasks."""
    overdue: int
    """Tasks that fell due in this time and are not done."""


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """What changed at a body, and what is open."""

    ars: str
    name: str
    since: dt.datetime
    since_on: dt.date
    by_meeting: bool
    """It is counted from the last meeting."""
    met: Met | None
    may_note: bool
    totals: Totals
    cases: tuple[Changed, ...]
    shared: tuple[Shared, ...]
    open: tuple[Open, ...]
    open_total: int
    overdue_total: int
    questions: tuple[Question, ...]
    all: int
    """Cases in which something changed, on all pages."""
    page: int
    pages: int
    today: dt.date


@dataclass(frozen=True, slots=True)
class BodyLine:
    """A body of the actor's teams."""

    ars: str
    name: str
    met_on: dt.date | None
    changed: int
    """Cases in which something changed since then; in the last four weeks where nobody met."""
    left: int
    overdue: int
    escalated: int


@dataclass(frozen=True, slots=True)
class BodiesPage:
    """The bodies the actor's teams look after: those with something on its way first, nobody met for longest first."""

    lines: tuple[BodyLine, ...]
    total: int
    page: int
    pages: int


def changes(work: Work, ars: str, since: dt.date | int | None = None, *, page: int = 1) -> ChangesPage:
    """What changed at a body as far as the actor sees its cases: since a day, for a number of days, or since the last
    meeting of the actor's team with it (of any team, for whoever is of none; for four weeks when there was none).

    Takes the same few statements however much happened. Raises NotFound for a body that is not there, or of which the
    actor sees nothing.
    """
    body, team = _body(work, ars)
    rows = _cases(work, ars)
    if not rows and not (policy.sees_people(work.actor, body=ars, team=team) or policy.sees_staff(work.actor)):
        raise NotFound(what="body", name=ars)
    teams = meetings.teams_at(work, ars)
    met = _met(work, ars, teams)
    start = _start(work, since, met)
    events = _events(work, [row.id for row in rows], start)
    touched = {task_id for found in events.values() for event in found for task_id in event.said.get("tasks", {})}
    tasks = _tasks(work, [row.id for row in rows], touched)
    told = [_changed(work, row, events.get(row.id, ()), tasks.get(row.id, ()), start) for row in rows]
    known = [one for one in told if one.changes]
    known.sort(key=lambda one: (ORDER.index(one.changes[0].kind), sort_key(title(work.actor.language, one.service))))
    everything = _open(work, ars, rows, tasks, start)
    pages = max(1, -(-len(known) // PAGE))
    shown = min(max(1, page), pages)
    counts = [change for one in known for change in one.changes]
    return ChangesPage(
        ars=ars,
        name=body,
        since=start,
        since_on=work.catalogue.calendar.today(start),
        by_meeting=met is not None and start == met.at,
        met=met,
        may_note=bool(teams),
        totals=Totals(
            onward=sum(1 for one in counts if one.kind in ("moved", "live")),
            live=sum(1 for one in counts if one.kind == "live"),
            done=sum(one.n for one in counts if one.kind == "done"),
            overdue=sum(one.n for one in counts if one.kind == "overdue"),
        ),
        cases=tuple(known[(shown - 1) * PAGE : shown * PAGE]),
        shared=_shared(work, ars, {row.service for row in rows if row.ended_on is None}, start),
        open=tuple(everything[:MOST_OPEN]),
        open_total=len(everything),
        overdue_total=sum(1 for one in everything if one.due and one.due.overdue),
        questions=_questions(work, rows),
        all=len(known),
        page=shown,
        pages=pages,
        today=work.today,
    )


def bodies(work: Work, *, page: int = 1) -> BodiesPage:
    """The bodies the actor's teams look after, with their last meeting and what changed since; all bodies with cases
    for whoever sees every case. Takes the same few statements however many there are. Raises NotFound for others."""
    everything = work.actor.holds("programme_office", "auditor")
    mine = work.actor.teams("umsetzungsteam", "supervisor")
    if not (mine or everything):
        raise NotFound(what="page")
    last = sa.select(sa.func.max(Meeting.at)).where(Meeting.body == Body.ars)
    here: sa.ColumnElement[bool] = sa.exists().where(Case.body == Body.ars, policy.cases(work.actor))
    if not everything:
        last = last.where(policy.one_of(Meeting.team, mine))
        looked_after = (TeamDistrict.district == Body.district, policy.one_of(TeamDistrict.team, mine))
        here = sa.or_(here, sa.exists().where(*looked_after))
    met = last.scalar_subquery()
    on_its_way = sa.exists().where(
        Case.body == Body.ars, Case.ended_on.is_(None), Case.live_on.is_(None), policy.cases(work.actor)
    )
    rows = work.session.execute(
        sa.select(Body.ars, Body.display_name, met.label("met_at"), sa.func.count().over().label("total"))
        .where(Body.valid_until.is_(None), here)
        .order_by(
            sa.case((on_its_way, 0), else_=1),
            met.is_not(None),
            met,
            database.plainly_sorted(work.session, Body.sort_key),
            Body.ars,
        )
        .limit(2 * PAGE)
        .offset((max(1, min(page, 1000)) - 1) * 2 * PAGE)
    ).all()
    keys = [row.ars for row in rows]
    since = {row.ars: row.met_at or work.now - BEFORE_ANY_MEETING for row in rows}
    counted = _changed_cases(work, since) if keys else {}
    standings: dict[str, list[standing.Counted]] = {}
    for one in standing.count(work, Case.body, where=Case.body.in_(keys)) if keys else ():
        standings.setdefault(one.key[0], []).append(one)
    total = rows[0].total if rows else 0
    lines: list[BodyLine] = []
    day_of = work.catalogue.calendar.today
    for row in rows:
        seen = [one for one in standings.get(row.ars, ()) if one.seen]
        lines.append(
            BodyLine(
                ars=row.ars,
                name=row.display_name,
                met_on=day_of(row.met_at - dt.timedelta(seconds=1)) if row.met_at else None,
                changed=counted.get(row.ars, 0),
                left=sum(one.cases for one in seen if one.left),
                overdue=sum(one.cases for one in seen if one.overdue),
                escalated=sum(one.cases for one in seen if one.escalated),
            )
        )
    return BodiesPage(tuple(lines), total, max(1, page), max(1, -(-total // (2 * PAGE))))


# --- reading ---------------------------------------------------------------------------------------------------------


def _body(work: Work, ars: str) -> tuple[str, str | None]:
    if not (ars.isascii() and ars.isdigit() and len(ars) == 12):
        raise NotFound(what="body", name=ars)
    row = work.session.execute(
        sa.select(Body.display_name, TeamDistrict.team)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .where(Body.ars == ars)
    ).first()
    if row is None:
        raise NotFound(what="body", name=ars)
    return row.display_name, row.team


def _cases(work: Work, ars: str) -> Sequence[Any]:
    """Every case of the body the actor sees, further rounds too."""
    return work.session.execute(
        sa.select(
            Case.id,
            Case.number,
            Case.service,
            Case.process,
            Case.process_version,
            Case.state,
            Case.rests,
            Case.ended_on,
        )
        .where(Case.body == ars, policy.cases(work.actor))
        .order_by(Case.number)
    ).all()


def _met(work: Work, ars: str, teams: Sequence[str]) -> Met | None:
    query = (
        sa.select(Meeting.id, Meeting.at, Meeting.by_id, Team.title, Person.name)
        .join(Team, Team.key == Meeting.team)
        .outerjoin(Person, Person.id == Meeting.by_id)
        .where(Meeting.body == ars)
        .order_by(Meeting.at.desc(), Meeting.id)
        .limit(1)
    )
    row = work.session.execute(query.where(policy.one_of(Meeting.team, teams)) if teams else query).first()
    if row is None:
        return None
    on = work.catalogue.calendar.today(row.at - dt.timedelta(seconds=1))  # noted later, it counts from the day's end
    who = row.name if policy.sees_staff(work.actor) else None
    return Met(row.id, row.at, on, row.title, who, mine=row.by_id == work.actor.id)


def _start(work: Work, since: dt.date | int | None, met: Met | None) -> dt.datetime:
    """The instant from which is counted."""
    if since is None:
        return met.at if met is not None else work.now - BEFORE_ANY_MEETING
    day = work.today - dt.timedelta(days=since) if isinstance(since, int) else min(since, work.today)
    return dt.datetime.combine(day, dt.time(), work.catalogue.calendar.zone).astimezone(dt.UTC)


@dataclass(frozen=True, slots=True)
class _Entry:
    at: dt.datetime
    act: str
    said: Mapping[str, Any]


def _events(work: Work, cases: Sequence[UUID], start: dt.datetime) -> dict[UUID, list[_Entry]]:
    """What happened to these cases, in order."""
    rows = work.session.execute(
        sa.select(Event.chain_id, Event.at, Event.act, Event.content)
        .where(Event.chain_id.in_(cases), Event.at > start, Event.act.not_in(SILENT))
        .order_by(Event.at.desc(), Event.chain_id, Event.seq.desc())
        .limit(MOST_EVENTS)
    ).all()
    found: dict[UUID, list[_Entry]] = {}
    for row in reversed(rows):
        found.setdefault(row.chain_id, []).append(_Entry(row.at, row.act, json.loads(row.content)))
    return found


def _tasks(work: Work, cases: Sequence[UUID], touched: Iterable[str]) -> dict[UUID, list[Any]]:
    """The tasks of these cases somebody must act on, and those anything happened to."""
    rows = work.session.execute(
        sa.select(
            Task.id,
            Task.case_id,
            Task.name,
            Task.state,
            Task.status,
            Task.acting,
            Task.due_on,
            Task.body,
            Task.service,
            Task.team,
            Task.operator,
            Task.optional,
            parts.said_title(Task.id),
            Case.process,
            Case.process_version,
            Case.rests,
        )
        .join(Case, Case.id == Task.case_id)
        .where(
            Task.case_id.in_(cases),
            sa.or_(Task.acting.is_not(None), Task.id.in_(sorted(UUID(one) for one in touched))),
        )
        .order_by(Task.due_on.is_(None), Task.due_on, Task.name, Task.id)
    )
    found: dict[UUID, list[Any]] = {}
    for row in rows:
        found.setdefault(row.case_id, []).append(row)
    return found


# --- one case --------------------------------------------------------------------------------------------------------


def _changed(work: Work, row: Any, events: Sequence[_Entry], tasks: Sequence[Any], start: dt.datetime) -> Changed:
    process = work.catalogue.process(row.process, row.process_version)
    titles = {task.id: parts.task_title(work.catalogue, task) for task in tasks}
    statuses = _last_statuses(events)
    found = [*_moves(process, row, events), *_said(work, row, events, titles)]
    by_status: dict[Kind, list[Any]] = {
        "overdue": [one for one in tasks if _fell_due(work, one, start)],
        "declined": [one for one in tasks if one.status == statuses.get(one.id) == "declined"],
        "submitted": [one for one in tasks if one.status == statuses.get(one.id) == "submitted"],
        "done": [one for one in tasks if statuses.get(one.id) in ("done", "waived")],
        "opened": [
            one for one in tasks if one.acting and statuses.get(one.id) == "ready" and not _fell_due(work, one, start)
        ],
    }
    found += [Change(kind, len(of), tuple(titles[one.id] for one in of)) for kind, of in by_status.items() if of]
    if events and not found:
        found.append(Change("other", len(events)))
    return Changed(
        id=row.id,
        number=row.number,
        service=parts.service_title(work.catalogue, row.service),
        state=parts.state_of(process, row.state),
        rests=row.rests,
        changes=tuple(sorted(found, key=lambda one: ORDER.index(one.kind))),
    )


def _last_statuses(events: Iterable[_Entry]) -> dict[UUID, str]:
    """The status each task was brought into last."""
    found: dict[UUID, str] = {}
    for event in events:
        for task_id, changes in event.said.get("tasks", {}).items():
            if status := changes.get("status"):
                found[UUID(task_id)] = status
    return found


def _fell_due(work: Work, task: Any, start: dt.datetime) -> bool:
    if task.acting is None or task.rests or task.due_on is None:
        return False
    return bool(work.catalogue.calendar.today(start) <= task.due_on < work.today)


def _moves(process: Process, row: Any, events: Sequence[_Entry]) -> list[Change]:
    """Where the case came from and where it is now, whatever was between."""
    steps = [event for event in events if "state" in event.said.get("case", {})]
    if not steps:
        return []
    first = steps[0].said
    now = parts.state_of(process, row.state)
    opened = [Change("opened_case", facts={"state": now.title})] if steps[0].act in ("opened", "taken_over") else []
    if opened and len(steps) == 1:
        return opened
    key = first["case"]["state"] if opened else first.get("before", {}).get("case", {}).get("state")
    before = parts.state_of(process, key) if key in process.states else None
    if before is None or before.key == now.key:
        return opened
    facts = {"before": before.title, "state": now.title}
    kind: Kind = "moved"
    if now.goal:
        kind = "live"
    elif now.aside:
        kind = "ended"
    elif 0 < now.position < before.position:
        kind = "back"
    return [Change(kind, facts=facts)]


def _said(work: Work, row: Any, events: Sequence[_Entry], titles: Mapping[UUID, Text]) -> list[Change]:
    """What people said of it: pauses, promises, more time, comments."""
    found: list[Change] = []
    held = [one for one in events if one.act == "held"]
    if row.rests and held:
        found.append(Change("held", facts=_blocker(work, held[-1])))
    elif any(one.act == "resumed" for one in events):
        found.append(Change("resumed"))
    for kind in ("sent_back", "promised", "extended"):
        of = [one for one in events if one.act == kind]
        if of:
            named = (titles.get(UUID(one.said["task"])) for one in of if one.said.get("task"))
            about = tuple(dict.fromkeys(one for one in named if one is not None))
            promised = of[-1].said.get("on") or of[-1].said.get("promised_on")
            facts = {"on": dt.date.fromisoformat(promised)} if promised else {}
            days = sum(one.said.get("days") or 0 for one in of)
            found.append(Change(kind, days if kind == "extended" else len(of), about, facts))
    if spoken := sum(1 for one in events if one.act in ("commented", "task_commented")):
        found.append(Change("commented", spoken))
    if other := sum(1 for one in events if one.act not in _TOLD):
        found.append(Change("other", other))
    return found


def _blocker(work: Work, entry: _Entry) -> dict[str, Any]:
    for hold in entry.said.get("rows", {}).get("hold", {}).values():
        known = work.catalogue.programme.blockers.get(hold.get("blocker", ""))
        if known is not None:
            return {"blocker": known.title}
    return {}


# --- around the cases ------------------------------------------------------------------------------------------------


def _shared(work: Work, ars: str, services: Iterable[str], start: dt.datetime) -> tuple[Shared, ...]:
    """The last that happened to each prerequisite of the body and each milestone of its services, the newest first."""
    of_body = (
        sa.select(
            sa.literal("prerequisite").label("kind"),
            Prerequisite.id,
            Prerequisite.kind.label("name"),
            Prerequisite.scope.label("about"),
            sa.case((Prerequisite.status == "done", Prerequisite.done_on), else_=Prerequisite.due_on).label("on_day"),
            Event.act,
            Event.at,
            Event.seq,
        )
        .join(Event, Event.chain_id == Prerequisite.id)
        .where(
            Prerequisite.body == ars,
            policy.prerequisites(work.actor),
            Event.at > start,
            Event.act.in_(_OF_SHARED),
        )
    )
    of_land = (
        sa.select(
            sa.literal("milestone"),
            Milestone.id,
            Milestone.kind,
            Milestone.service,
            sa.func.coalesce(Milestone.reached_on, Milestone.due_on),
            Event.act,
            Event.at,
            Event.seq,
        )
        .join(Event, Event.chain_id == Milestone.id)
        .where(
            Milestone.service.in_(sorted(services)),
            Event.at > start,
            Event.seq > 1,
            Event.act.in_(("planned", "reached")),
        )
    )
    both = sa.union_all(of_body, of_land).subquery()
    rows = work.session.execute(sa.select(both).order_by(both.c.at.desc(), both.c.seq.desc(), both.c.id).limit(200))
    catalogue = work.catalogue
    found: dict[UUID, Shared] = {}
    for row in rows:
        if row.kind == "prerequisite":
            words, about = parts.prerequisite_title(catalogue, row.name), parts.scope_title(catalogue, row.about)
        else:
            known = catalogue.shared.milestones.get(row.name)
            words = known.title if known else Text(de=row.name, en=row.name)
            about = parts.service_title(catalogue, row.about)
        act = "completed" if row.act == "confirmed" else row.act
        found.setdefault(row.id, Shared(row.kind, row.id, act, words, about, row.on_day))
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Asked:
    """What decides who acts, of a task or prerequisite, and what is said of it."""

    kind: Literal["task", "prerequisite"]
    id: UUID
    title: Text
    about: Text | str | None
    due_on: dt.date | None
    acting: str
    body: str
    service: str
    team: str
    operator: str | None
    new: bool


def _open(
    work: Work, ars: str, rows: Sequence[Any], tasks: Mapping[UUID, Sequence[Any]], start: dt.datetime
) -> list[Open]:
    """Everything somebody must act on at this body: overdue first, then by date. What rests waits for nobody here."""
    catalogue = work.catalogue
    began = catalogue.calendar.today(start)

    def is_new(due_on: dt.date | None) -> bool:
        return due_on is not None and began <= due_on < work.today

    asked = [
        _Asked(
            "task",
            one.id,
            parts.task_title(catalogue, one),
            parts.service_title(catalogue, one.service),
            one.due_on,
            one.acting,
            one.body,
            one.service,
            one.team,
            one.operator,
            is_new(one.due_on),
        )
        for row in rows
        for one in tasks.get(row.id, ())
        if one.acting and not one.rests and not (one.optional and one.due_on is None)
    ]
    found = work.session.execute(
        sa.select(
            Prerequisite.id,
            Prerequisite.kind,
            Prerequisite.scope,
            Prerequisite.acting,
            Prerequisite.team,
            Prerequisite.due_on,
        ).where(Prerequisite.body == ars, Prerequisite.acting.is_not(None), policy.prerequisites(work.actor))
    )
    asked += [
        _Asked(
            "prerequisite",
            one.id,
            parts.prerequisite_title(catalogue, one.kind),
            parts.scope_title(catalogue, one.scope),
            one.due_on,
            one.acting or "",
            ars,
            "",
            one.team,
            None,
            is_new(one.due_on),
        )
        for one in found
    ]
    asked.sort(key=lambda one: (one.due_on or dt.date.max, sort_key(one.title.de), str(one.id)))
    acts = parts.acting(work, asked) if asked else []
    return [
        Open(one.kind, one.id, one.title, one.about, who.role, who.instead_of, parts.due(work, one.due_on), one.new)
        for one, who in zip(asked, acts, strict=True)
    ]


def _questions(work: Work, rows: Sequence[Any]) -> tuple[Question, ...]:
    """What was asked last in a conversation and nobody else has answered, the oldest first."""
    services = {row.id: row.service for row in rows if row.ended_on is None}
    meant = sa.exists().where(Mention.comment_id == Comment.id)
    said = work.session.execute(
        sa.select(
            Comment.case_id,
            Comment.task_id,
            Comment.author_id,
            Comment.written_at,
            Remark.text,
            Person.name,
            sa.case((meant, 1), else_=0).label("meant"),
        )
        .join(Remark, Remark.id == Comment.remark_id)
        .outerjoin(Person, Person.id == Comment.author_id)
        .where(Comment.case_id.in_(list(services)), Comment.withdrawn.is_(False), Remark.text.is_not(None))
        .order_by(Comment.written_at.desc(), Comment.id)
        .limit(300)
    )
    threads: dict[tuple[UUID, UUID | None], list[Any]] = {}
    for row in said:
        threads.setdefault((row.case_id, row.task_id), []).append(row)
    found: dict[tuple[UUID, UUID | None], Question] = {}
    for thread, rows_of in threads.items():
        for row in rows_of:
            answered = any(one.author_id != row.author_id and one.written_at >= row.written_at for one in rows_of)
            if thread not in found and not answered and (row.meant or "?" in row.text):
                service = parts.service_title(work.catalogue, services[row.case_id])
                found[thread] = Question(row.case_id, row.task_id, service, row.name, row.written_at, row.text)
    return tuple(sorted(found.values(), key=lambda one: one.at)[:MOST_QUESTIONS])


def _changed_cases(work: Work, since: Mapping[str, dt.datetime]) -> dict[str, int]:
    """In how many cases of each body something changed since then, by the rules of `_changed`; one statement."""
    day_of = work.catalogue.calendar.today
    instants = {ars: sa.literal(at, Event.at.type) for ars, at in since.items()}
    days = {ars: sa.literal(day_of(at), sa.Date()) for ars, at in since.items()}
    happened = sa.exists().where(
        Event.chain_id == Case.id, Event.act.not_in(SILENT), Event.at > sa.case(instants, value=Case.body)
    )
    fell_due = sa.exists().where(
        Task.case_id == Case.id,
        Task.acting.is_not(None),
        Task.due_on >= sa.case(days, value=Case.body),
        Task.due_on < work.today,
    )
    rows = work.session.execute(
        sa.select(Case.body, sa.func.count())
        .where(
            policy.cases(work.actor),
            Case.body.in_(sorted(since)),
            sa.or_(happened, sa.and_(~Case.rests, fell_due)),
        )
        .group_by(Case.body)
    )
    return dict(rows.all())
