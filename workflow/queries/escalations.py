"""What reminders brought before a supervisor or the programme office and is open: why, and what happened since."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import casework, policy
from workflow.definition import AD_HOC, Rung, Text
from workflow.engine import Work
from workflow.models import Body, Case, Decision, Event, Hold, Milestone, Person, Prerequisite, Remark, Task
from workflow.policy import Holder
from workflow.queries import parts
from workflow.queries.parts import Due
from workflow.texts import sort_key

PAGE = 20
RECENT = dt.timedelta(days=60)
"""How long something with a new date is still shown, after it was brought before somebody."""
MOST_ENTRIES = 4
"""Of what happened since, the newest ones."""

Kind = Literal["task", "prerequisite", "hold", "milestone"]

_DECIDED = ("fired", "passed_on")
_ASSIGNED = {"task": ("ready", "accepted"), "prerequisite": ("ready", "accepted", "expired")}
_EXTENDED = (*_ASSIGNED["prerequisite"], "submitted", "declined")
_SILENT = ("reminded", "review_reminded")
"""That it was brought before somebody is said above its entries."""


@dataclass(frozen=True, slots=True)
class Since:
    """Something that happened after it was brought before somebody: `act` and `facts` as history says them."""

    chain: str
    at: dt.datetime
    act: str
    facts: Mapping[str, Any]
    who: str | None
    system: bool
    remark: str | None


@dataclass(frozen=True, slots=True)
class Escalated:
    """One thing that was brought before the actor."""

    kind: Kind
    id: UUID
    version: int
    title: Text
    service: Text | str | None
    body: str | None
    ars: str | None
    case_id: UUID | None
    number: str | None
    due: Due
    role: Text
    """Who acts, where another role has nobody the one it falls to."""
    instead_of: Text | None
    holder: str | None
    """Who of them has accepted it."""
    mine: bool
    """The actor has accepted it."""
    rung: Rung | None
    """The highest one that brought it before the actor; None once the ladder lost it."""
    nobody: bool
    """Nobody was there whom that rung means, so it came here."""
    moving: bool
    """It got a new date since, which has not been brought here yet."""
    reported_on: dt.date
    """When it was brought here; first, for the due date as it stands."""
    since: tuple[Since, ...]
    """What happened since, the newest first."""
    more: int
    """How many entries are left out."""
    may_take: bool
    may_assign: bool
    may_extend: bool
    candidates: tuple[tuple[UUID, str], ...]


@dataclass(frozen=True, slots=True)
class Escalations:
    """A page of it: what waits for a decision, then what got a new date since; of each the longest overdue first."""

    waiting: tuple[Escalated, ...]
    moving: tuple[Escalated, ...]
    total: int
    """How much waits for a decision, on all pages."""
    moving_total: int
    older: str | None
    is_first: bool


def escalations(work: Work, *, after: str | None = None) -> Escalations:
    """What is open and was brought before the actor as supervisor of its team, or as the programme office.

    What is settled or rests is no longer there; what got a new date stays for a while, apart. Takes the same few
    statements however much there is. `after` is where a page begins (`Escalations.older`).
    """
    place = _place(after)
    rows = _rows(work, place)
    page = rows[:PAGE]
    if not page:
        return Escalations((), (), 0, 0, None, place is None)
    rungs = _rungs(work, page)
    happened = _happened(work, page)
    of = casework.holders_at(work, {row.body for row in page if row.body})
    candidates = {row.id: _candidates(work, row, of) for row in page}
    remarks = _remarks(work, happened)
    names = _names(work, page, candidates, happened)
    lines = tuple(
        _line(work, row, rungs.get(row.id), of, candidates[row.id], names, happened.get(row.id, []), remarks)
        for row in page
    )
    return Escalations(
        waiting=tuple(line for line in lines if not line.moving),
        moving=tuple(line for line in lines if line.moving),
        total=page[0].everything - page[0].all_moving,
        moving_total=page[0].all_moving,
        older=_written(page[-1]) if len(rows) > PAGE else None,
        is_first=place is None,
    )


def count(work: Work) -> int:
    """How much waits for a decision of the actor."""
    if not _may_have_any(work.actor):
        return 0
    return work.session.execute(_count_of(work.actor, _ladders(work)), {"recent": work.now - RECENT}).scalar_one()


# --- which ones ------------------------------------------------------------------------------------------------------


_Ladders = tuple[tuple[str, tuple[tuple[str, tuple[str, ...]], ...]], ...]
"""The ladders in force: of each rung, in order, its id and whom it tells."""

_QUERIES_KEPT = 64
"""For how many actors the queries of this page stay put together, which takes longer than asking them."""


def _may_have_any(actor: policy.Actor) -> bool:
    return bool(actor.teams("supervisor")) or actor.holds("programme_office")


def _ladders(work: Work) -> _Ladders:
    ladders = work.catalogue.programme.ladders
    return tuple((name, tuple((rung.id, rung.to) for rung in ladder.rungs)) for name, ladder in ladders.items())


def _rows(work: Work, place: tuple[int, dt.date, UUID] | None) -> Sequence[Any]:
    """One more than a page, each with how many there are in all."""
    if not _may_have_any(work.actor):
        return ()
    values: dict[str, Any] = {"recent": work.now - RECENT}
    if place is not None:
        values |= dict(zip(("moving_before", "due_before", "id_before"), place, strict=True))
    return work.session.execute(_page_of(work.actor, _ladders(work), further=place is not None), values).all()


@lru_cache(maxsize=_QUERIES_KEPT)
def _count_of(actor: policy.Actor, ladders: _Ladders) -> sa.Select[int]:
    """The query of an actor with these rights."""
    found = _open(actor, ladders)
    return sa.select(sa.func.count()).select_from(found).where(found.c.moving == 0)


@lru_cache(maxsize=_QUERIES_KEPT)
def _page_of(actor: policy.Actor, ladders: _Ladders, *, further: bool) -> sa.Select[*tuple[Any, ...]]:
    """The query of an actor with these rights, likewise."""
    found = _open(actor, ladders)
    counted = sa.select(
        found,
        sa.func.count().over().label("everything"),
        sa.func.sum(found.c.moving).over().label("all_moving"),
    ).subquery("counted")
    name = sa.select(Body.display_name).where(Body.ars == counted.c.body).scalar_subquery()
    order = (counted.c.moving, counted.c.due_on, counted.c.id)
    query = (
        sa.select(counted, name.label("display_name"), parts.said_title(counted.c.id)).order_by(*order).limit(PAGE + 1)
    )
    if not further:
        return query
    before = sa.tuple_(
        sa.bindparam("moving_before", type_=sa.Integer()),
        sa.bindparam("due_before", type_=sa.Date()),
        sa.bindparam("id_before", type_=sa.Uuid()),
    )
    return query.where(sa.tuple_(*order) > before)


def _open(actor: policy.Actor, ladders: _Ladders) -> sa.Subquery:
    """All four kinds in one table."""
    kinds = (_tasks, _prerequisites, _holds, _milestones)
    return sa.union_all(*(kind(actor, ladders) for kind in kinds)).subquery("escalated")


def _tasks(actor: policy.Actor, ladders: _Ladders) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            sa.literal("task").label("kind"),
            Task.id.label("id"),
            Task.version.label("version"),
            Task.name.label("name"),
            Task.state.label("state"),
            Task.status.label("status"),
            Task.scope.label("scope"),
            Task.owner.label("owner"),
            Task.acting.label("acting"),
            Task.body.label("body"),
            Task.service.label("service"),
            Task.team.label("team"),
            Task.operator.label("operator"),
            Task.holder_id.label("holder_id"),
            Task.due_on.label("due_on"),
            Task.generation.label("generation"),
            Task.ladder.label("ladder"),
            Case.id.label("case_id"),
            Case.number.label("number"),
            Case.process.label("process"),
            Case.process_version.label("process_version"),
            *_reported(Task),
        )
        .join(Case, Case.id == Task.case_id)
        .join(Decision, _decided("task", Task))
        .where(_brought(actor, ladders, Task.team, Task.ladder), Task.acting.is_not(None), sa.not_(Case.rests))
        .group_by(Task.id, Case.id)
    )


def _prerequisites(actor: policy.Actor, ladders: _Ladders) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            sa.literal("prerequisite"),
            Prerequisite.id,
            Prerequisite.version,
            Prerequisite.kind,
            Prerequisite.step,
            Prerequisite.status,
            Prerequisite.scope,
            Prerequisite.owner,
            Prerequisite.acting,
            Prerequisite.body,
            Prerequisite.scope,
            Prerequisite.team,
            sa.null(),
            Prerequisite.holder_id,
            Prerequisite.due_on,
            Prerequisite.generation,
            Prerequisite.ladder,
            _NOBODY,
            sa.null(),
            sa.null(),
            _NO_NUMBER,
            *_reported(Prerequisite),
        )
        .join(Decision, _decided("prerequisite", Prerequisite))
        .where(
            _brought(actor, ladders, Prerequisite.team, Prerequisite.ladder),
            sa.or_(Prerequisite.acting.is_not(None), Prerequisite.valid_until.is_not(None)),
            Prerequisite.due_on.is_not(None),
        )
        .group_by(Prerequisite.id)
    )


def _holds(actor: policy.Actor, ladders: _Ladders) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            sa.literal("hold"),
            Hold.id,
            Case.version,
            Hold.blocker,
            sa.null(),
            sa.literal("held"),
            sa.literal(""),
            sa.literal("umsetzungsteam"),
            sa.literal("umsetzungsteam"),
            Case.body,
            Case.service,
            Case.team,
            sa.null(),
            _NOBODY,
            Hold.review_on,
            Hold.generation,
            Hold.ladder,
            Case.id,
            Case.number,
            Case.process,
            Case.process_version,
            *_reported(Hold),
        )
        .join(Case, Case.id == Hold.case_id)
        .join(Decision, _decided("hold", Hold))
        .where(_brought(actor, ladders, Case.team, Hold.ladder), Hold.ended_on.is_(None))
        .group_by(Hold.id, Case.id)
    )


def _milestones(actor: policy.Actor, ladders: _Ladders) -> sa.Select[*tuple[Any, ...]]:
    """Of the Land: whoever is above those who work on one is the programme office itself."""
    is_office = sa.true() if actor.holds("programme_office") else sa.false()
    rung = sa.or_(
        _rung_of(ladders, "supervisor", Milestone.ladder), _rung_of(ladders, "programme_office", Milestone.ladder)
    )
    return (
        sa.select(
            sa.literal("milestone"),
            Milestone.id,
            Milestone.version,
            Milestone.kind,
            sa.null(),
            sa.literal("ready"),
            sa.literal(""),
            sa.literal("programme_office"),
            sa.literal("programme_office"),
            sa.null(),
            Milestone.service,
            sa.null(),
            sa.null(),
            _NOBODY,
            Milestone.due_on,
            Milestone.generation,
            Milestone.ladder,
            _NOBODY,
            sa.null(),
            sa.null(),
            _NO_NUMBER,
            *_reported(Milestone),
        )
        .join(Decision, _decided("milestone", Milestone))
        .where(is_office, rung, Milestone.reached_on.is_(None), Milestone.due_on.is_not(None))
        .group_by(Milestone.id)
    )


_NOBODY = sa.cast(sa.null(), sa.Uuid())
_NO_NUMBER = sa.cast(sa.null(), sa.Integer())


def _decided(kind: Kind, of: Any) -> sa.ColumnElement[bool]:
    """Decisions about it as its due date stands now, and those of late: the first columns of their key."""
    return sa.and_(
        Decision.subject_kind == kind,
        Decision.subject_id == of.id,
        Decision.outcome.in_(_DECIDED),
        sa.or_(
            Decision.generation == of.generation,
            Decision.decided_at >= sa.bindparam("recent", type_=Decision.decided_at.type),
        ),
    )


def _reported(of: Any) -> tuple[sa.Label[Any], ...]:
    """Whether none of them is about the due date as it stands; when it was brought here, for this date if it was."""
    now = Decision.generation == of.generation
    return (
        sa.func.min(sa.case((now, 0), else_=1)).label("moving"),
        sa.func.coalesce(sa.func.min(sa.case((now, Decision.decided_at))), sa.func.min(Decision.decided_at)).label(
            "reported_at"
        ),
    )


def _brought(actor: policy.Actor, ladders: _Ladders, team: Any, ladder: Any) -> sa.ColumnElement[bool]:
    """A rung that means the actor fired."""
    mine: list[sa.ColumnElement[bool]] = []
    if teams := actor.teams("supervisor"):
        mine.append(sa.and_(policy.one_of(team, teams), _rung_of(ladders, "supervisor", ladder)))
    if actor.holds("programme_office"):
        mine.append(_rung_of(ladders, "programme_office", ladder))
    return sa.or_(sa.false(), *mine)


def _rung_of(ladders: _Ladders, role: str, ladder: Any) -> sa.ColumnElement[bool]:
    """The decision is about a rung that tells this role; or one below had nobody to tell, so that it came here."""
    found: list[sa.ColumnElement[bool]] = []
    for name, rungs in ladders:
        ranks = [rank for rank, (_, to) in enumerate(rungs) if role in to]
        if ranks:
            own = Decision.rung.in_([rungs[rank][0] for rank in ranks])
            below = Decision.rung.in_([rung for rung, to in rungs[: ranks[-1]] if role not in to])
            found.append(sa.and_(ladder == name, sa.or_(own, sa.and_(Decision.outcome == "passed_on", below))))
    return sa.or_(sa.false(), *found)


# --- why, and what happened since ------------------------------------------------------------------------------------


def _rungs(work: Work, page: Sequence[Any]) -> dict[UUID, tuple[str, str]]:
    """The highest rung that brought each before the actor, with how it came out: for its due date as it stands, or for
    an earlier one when nothing of this date was."""
    shown = {(row.kind, row.id): row for row in page}
    rows = work.session.execute(
        sa.select(
            Decision.subject_kind, Decision.subject_id, Decision.rung, Decision.outcome, Decision.generation
        ).where(
            Decision.subject_kind.in_({row.kind for row in page}),
            Decision.subject_id.in_([row.id for row in page]),
            Decision.outcome.in_(_DECIDED),
        )
    )
    found: dict[UUID, tuple[tuple[int, int], str, str]] = {}
    for kind, subject_id, rung, outcome, generation in rows:
        row = shown.get((kind, subject_id))
        if row is None or (generation == row.generation) == bool(row.moving):
            continue
        rank = _rank_for(work, row, rung, outcome)
        place = generation, rank
        if rank >= 0 and (subject_id not in found or place > found[subject_id][0]):
            found[subject_id] = place, rung, outcome
    return {subject_id: (rung, outcome) for subject_id, (_, rung, outcome) in found.items()}


def _rank_for(work: Work, row: Any, rung: str, outcome: str) -> int:
    """How high the rung stands in its ladder, -1 when it brought nothing before the actor (`_rung_of`)."""
    ladder = work.catalogue.programme.ladders.get(row.ladder or "")
    ids = [one.id for one in ladder.rungs] if ladder else []
    if ladder is None or rung not in ids:
        return -1
    rank, mine = ids.index(rung), _roles_of(work.actor, row)
    means = not mine.isdisjoint(ladder.rungs[rank].to)
    above = any(not mine.isdisjoint(one.to) for one in ladder.rungs[rank + 1 :])
    return rank if means or (above and outcome == "passed_on") else -1


def _roles_of(actor: policy.Actor, row: Any) -> set[str]:
    """As what the actor is told of it."""
    office = {"programme_office"} if actor.holds("programme_office") else set()
    if row.kind == "milestone":
        return office and {*office, "supervisor"}
    return office | ({"supervisor"} if row.team in actor.teams("supervisor") else set())


@dataclass(frozen=True, slots=True)
class _Entry:
    chain: str
    at: dt.datetime
    actor_id: UUID | None
    act: str
    said: Mapping[str, Any]

    def reminds_of(self, subject: UUID) -> bool:
        """It says that a rung about this subject fired."""
        return self.act in _SILENT and UUID(self.said["subject"]["id"]) == subject

    @property
    def remark(self) -> UUID | None:
        found = (self.said.get("remark") or {}).get("id")
        return UUID(found) if found else None

    @property
    def to(self) -> UUID | None:
        return UUID(self.said["to"]) if self.said.get("to") else None


def _happened(work: Work, page: Sequence[Any]) -> dict[UUID, list[_Entry]]:
    """Entries after each was brought here, the newest first: about it, or about its whole case."""
    chains = {row.case_id or row.id for row in page}
    first = min(row.reported_at for row in page)
    rows = work.session.execute(
        sa.select(Event.chain_id, Event.chain, Event.at, Event.actor_id, Event.act, Event.content)
        .where(Event.chain_id.in_(chains), Event.at >= first)
        .order_by(Event.chain_id, Event.seq.desc())
    )
    entries: dict[UUID, list[_Entry]] = {}
    for row in rows:
        entry = _Entry(row.chain, row.at, row.actor_id, row.act, json.loads(row.content))
        entries.setdefault(row.chain_id, []).append(entry)
    return {row.id: _after_report(row, entries.get(row.case_id or row.id, ())) for row in page}


def _after_report(row: Any, entries: Sequence[_Entry]) -> list[_Entry]:
    """Those behind the one that brought it here: on a rehearsal clock many have the same instant."""
    found: list[_Entry] = []
    for entry in entries:
        if entry.at < row.reported_at or (entry.at == row.reported_at and entry.reminds_of(row.id)):
            break
        if entry.act not in _SILENT and entry.said.get("task") in (None, row.id.hex):
            found.append(entry)
    return found


def _remarks(work: Work, happened: Mapping[UUID, list[_Entry]]) -> dict[UUID, str | None]:
    """The reasons behind the entries that are shown."""
    wanted = {entry.remark for entries in happened.values() for entry in entries[:MOST_ENTRIES] if entry.remark}
    if not wanted:
        return {}
    return dict(work.session.execute(sa.select(Remark.id, Remark.text).where(Remark.id.in_(wanted))).all())


def _names(
    work: Work,
    page: Sequence[Any],
    candidates: Mapping[UUID, Iterable[UUID]],
    happened: Mapping[UUID, list[_Entry]],
) -> dict[UUID, str]:
    """Everybody who is named on the page."""
    shown = [entry for entries in happened.values() for entry in entries[:MOST_ENTRIES]]
    wanted = {one for found in candidates.values() for one in found} | {row.holder_id for row in page}
    wanted |= {entry.actor_id for entry in shown} | {entry.to for entry in shown}
    known = work.session.execute(
        sa.select(Person.id, Person.name).where(Person.id.in_([one for one in wanted if one]), Person.name.is_not(None))
    )
    return dict(known.all())  # type: ignore[arg-type]  # there is a name


def _candidates(work: Work, row: Any, of: Callable[[policy.Concerned], tuple[Holder, ...]]) -> tuple[UUID, ...]:
    """Who may be handed it by its supervisor: who is in charge, everybody with a role at the body, and the team."""
    if row.status not in _ASSIGNED.get(row.kind, ()) or row.team not in work.actor.teams("supervisor"):
        return ()
    concerned = _Concerned(row)
    holders = of(concerned)
    people = dict.fromkeys(policy.in_charge(row.acting or row.owner, concerned, holders)[1])
    if row.owner.startswith("body."):
        people |= dict.fromkeys(one.person_id for one in holders if policy.stands_for_body(one, concerned))
    people |= dict.fromkeys(one.person_id for one in holders if one.team == row.team)
    return tuple(one for one in people if one != row.holder_id)


class _Concerned:
    """What a right depends on, taken from a row of this page."""

    __slots__ = ("body", "operator", "owner", "scope", "service", "team")

    def __init__(self, row: Any) -> None:
        self.body: str = row.body or ""
        self.operator: str | None = row.operator
        self.owner: str = row.owner
        self.scope: str = row.scope if row.kind == "task" else ""
        self.service: str = row.service if row.kind != "prerequisite" else ""
        self.team: str = row.team or ""


# --- a line ----------------------------------------------------------------------------------------------------------


def _line(
    work: Work,
    row: Any,
    decided: tuple[str, str] | None,
    of: Callable[[policy.Concerned], tuple[Holder, ...]],
    candidates: Sequence[UUID],
    names: Mapping[UUID, str],
    happened: Sequence[_Entry],
    remarks: Mapping[UUID, str | None],
) -> Escalated:
    catalogue, actor = work.catalogue, work.actor
    concerned = _Concerned(row)
    asked = row.acting or row.owner
    acts, _ = policy.in_charge(asked, concerned, of(concerned))
    ladder = catalogue.programme.ladders.get(row.ladder or "")
    rung, outcome = decided or ("", "")
    supervises = row.team in actor.teams("supervisor")
    extendable = row.kind in _ASSIGNED and row.status in _EXTENDED
    return Escalated(
        kind=row.kind,
        id=row.id,
        version=row.version,
        title=_title(work, row),
        service=parts.scope_title(catalogue, row.service)
        if row.kind == "prerequisite"
        else parts.service_title(catalogue, row.service),
        body=row.display_name,
        ars=row.body,
        case_id=row.case_id,
        number=row.number,
        due=parts.due(work, row.due_on),
        role=parts.role_title(catalogue, acts),
        instead_of=parts.role_title(catalogue, asked) if acts != asked else None,
        holder=names.get(row.holder_id) if row.status == "accepted" else None,
        mine=row.status == "accepted" and row.holder_id == actor.id,
        rung=next((one for one in ladder.rungs if one.id == rung), None) if ladder else None,
        nobody=outcome == "passed_on",
        moving=bool(row.moving),
        reported_on=catalogue.calendar.today(row.reported_at),
        since=tuple(_since(work, row, entry, names, remarks) for entry in happened[:MOST_ENTRIES]),
        more=max(0, len(happened) - MOST_ENTRIES),
        may_take=actor.id in candidates,
        may_assign=bool(candidates),
        may_extend=supervises and extendable,
        candidates=tuple(
            sorted(
                ((one, names[one]) for one in candidates if one in names and one != actor.id),
                key=lambda pair: sort_key(pair[1]),
            )
        ),
    )


def _title(work: Work, row: Any) -> Text:
    catalogue = work.catalogue
    if row.kind == "task":
        return parts.task_title(catalogue, row)
    if row.kind == "prerequisite":
        return parts.step_title(catalogue, row.name, row.state) or parts.prerequisite_title(catalogue, row.name)
    if row.kind == "hold":
        blocker = catalogue.programme.blockers.get(row.name)
        return blocker.title if blocker else Text(de=row.name, en=row.name)
    shared = catalogue.shared.milestones.get(row.name)
    return shared.title if shared else Text(de=row.name, en=row.name)


def _since(work: Work, row: Any, entry: _Entry, names: Mapping[UUID, str], remarks: Mapping[UUID, str | None]) -> Since:
    said = entry.said
    facts: dict[str, Any] = {"number": row.number or ""}
    if name := said.get("name"):
        facts["task"] = _title(work, row) if name in (AD_HOC, row.name) else name
    if entry.to is not None:
        facts["person"] = names.get(entry.to)
    if (days := said.get("days")) is not None:
        facts["n"] = days
    if on := said.get("on"):
        facts["on"] = dt.date.fromisoformat(on)
    if row.process and (target := said.get("target")):
        process = work.catalogue.process(row.process, row.process_version)
        transition = process.transitions.get(said.get("transition", ""))
        facts["transition"] = transition.title if transition else None
        facts["state"] = process.states[target].title if target in process.states else None
    if step := said.get("done") or said.get("step"):
        facts["step"] = parts.step_title(work.catalogue, row.name, step) or step
    for paused in said.get("rows", {}).get("hold", {}).values():
        if blocker := work.catalogue.programme.blockers.get(paused.get("blocker", "")):
            facts["blocker"] = blocker.title
    if told := said.get("promised_on"):
        facts["promised_on"] = dt.date.fromisoformat(told)
    return Since(
        chain=entry.chain,
        at=entry.at,
        act=entry.act,
        facts={name: value for name, value in facts.items() if value is not None},
        who=names.get(entry.actor_id) if entry.actor_id else None,
        system=entry.actor_id is None,
        remark=remarks.get(entry.remark) if entry.remark else None,
    )


# --- leafing through -------------------------------------------------------------------------------------------------


def _written(row: Any) -> str:
    return f"{row.moving}.{row.due_on:%Y%m%d}.{row.id.hex}"


def _place(after: str | None) -> tuple[int, dt.date, UUID] | None:
    """The place a page begins at; one that makes no sense is the beginning."""
    try:
        moving, due_on, item = (after or "").split(".")
        day = dt.datetime.strptime(due_on, "%Y%m%d").date()  # noqa: DTZ007 - a day
        return int(moving == "1"), day, UUID(item)
    except ValueError:
        return None
