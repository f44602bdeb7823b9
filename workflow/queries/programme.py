"""The programme as a whole: how far it is and where it is late, its target dates, waves, services and teams."""

from __future__ import annotations

import datetime as dt
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from workflow import database, policy, statements
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Body, Case, Event, Person, Remark, Target, Team, TeamDistrict, TeamService, Wave
from workflow.queries import parts, standing
from workflow.queries.case_list import is_live_since
from workflow.queries.parts import Due
from workflow.queries.standing import Counted, Standing, Tally
from workflow.texts import sort_key, title

_QUERIES_KEPT = 64
"""For how many actors a query stays put together."""
LATELY = 20
"""Working days over which the present pace is measured: about a month."""


@dataclass(frozen=True, slots=True)
class TargetView:
    """A target date as it was set at one time, and why."""

    on: dt.date
    set_on: dt.date | None
    reason: Text
    source: str | None
    """Where the definitions found it; None when somebody set it here."""
    who: str | None
    current: bool


@dataclass(frozen=True, slots=True)
class WaveMove:
    """One time a Stichtag was moved, and why. `who` only for the programme's own people."""

    wave: Text
    on: dt.date
    before: dt.date
    reason: str | None
    at: dt.datetime
    who: str | None


@dataclass(frozen=True, slots=True)
class WaveView:
    """A wave, with the number of its cases that the actor sees."""

    key: str
    version: int
    title: Text
    stichtag: Due
    services: tuple[Text, ...]
    """Empty: for every service."""
    standing: Standing
    """Of the cases the actor sees."""

    @property
    def cases(self) -> int:
        """Cases of the wave that the actor sees."""
        return self.standing.cases.cases


@dataclass(frozen=True, slots=True)
class TeamView:
    """An Umsetzungsteam with what it looks after."""

    key: str
    title: str
    districts: tuple[tuple[str, str], ...]
    """ARS and name."""
    services: tuple[tuple[str, Text], ...]
    """Services it looks after everywhere."""
    cases: int
    """Cases of the team that the actor sees."""


@dataclass(frozen=True, slots=True)
class ServiceStanding:
    """How the cases of a service stand."""

    key: str
    title: Text
    standing: Standing
    not_open: int | None
    """Responsible bodies without a case; None when the actor may not know."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many cases went live lately, and how many would have to, to reach the target in time."""

    days: int
    """Working days that count as lately."""
    since: dt.date
    lately: Tally
    needed: int | None
    """For as many working days; None when there is no time left."""

    @property
    def on_course(self) -> bool:
        """Whether the target is reached at the present pace."""
        return self.needed is not None and self.lately.cases >= self.needed


@dataclass(frozen=True, slots=True)
class ProgrammePage:
    """What is to be reached by when, how far that is, and who works on it."""

    title: Text
    land: str
    target: Due
    targets: tuple[TargetView, ...]
    """The present one first."""
    standing: Standing
    """Of the cases whose state the actor may know."""
    pace: Pace | None
    """None when nothing is left to do."""
    services: tuple[ServiceStanding, ...]
    """Those with cases, in the order of the priorities."""
    without_cases: tuple[tuple[str, Text], ...]
    """Services without any case."""
    live_state: str | None
    """What one filters for to see what is live."""
    public: bool
    waves: tuple[WaveView, ...]
    moves: tuple[WaveMove, ...]
    """Every time a Stichtag was moved, the last first."""
    may_decide: bool
    """The actor may set a target and move a Stichtag."""
    may_foresee: bool
    sees_load: bool
    """The actor may see how much is open per team."""
    version: int
    """The number of the newest target that was set here."""
    today: dt.date
    priorities: tuple[tuple[str, Text], ...]
    teams: tuple[TeamView, ...]
    attribution: str
    counted_at: dt.datetime | None
    """The real instant at which the numbers were counted, where cases are so many that they are kept for a while."""


def programme(work: Work) -> ProgrammePage:
    """The programme. Takes the same number of statements however many cases there are."""
    known = work.catalogue.programme
    found = _Asked(*statements.answers(work.connection, _asked(work.connection.dialect.name)))
    targets = _targets(work, found.targets)
    target = parts.due(work, targets[0].on)
    numbers = _numbers(work, found.bodies)
    counted = numbers.counted
    all_of_it = standing.standing(work, counted)
    services = _services(work, numbers)
    return ProgrammePage(
        title=known.title,
        land=known.land,
        target=target,
        targets=targets,
        standing=all_of_it,
        pace=_pace(work, target, all_of_it.left.cases, numbers.lately) if all_of_it.left.cases else None,
        services=tuple(service for service in services if service.standing.cases.cases),
        without_cases=tuple((one.key, one.title) for one in services if not one.standing.cases.cases),
        live_state=standing.live_state(work),
        public=known.state_is_public,
        waves=_waves(work, counted, found.waves),
        moves=_moves(work, found.moves, found.remarks),
        may_decide=work.actor.holds("programme_office"),
        may_foresee=policy.may_foresee(work.actor),
        sees_load=policy.sees_staff(work.actor),
        version=max((row.number or 0 for row in found.targets), default=0),
        today=work.today,
        priorities=tuple(
            (key, parts.service_title(work.catalogue, key))
            for key in known.priorities
            if key in work.catalogue.services
        ),
        teams=_teams(work, found, numbers.by_team),
        counted_at=numbers.at if numbers.many else None,
        attribution=work.catalogue.attribution,
    )


# --- counting --------------------------------------------------------------------------------------------------------

MANY = 20_000
"""From so many cases on numbers are kept for a while; below, counting takes milliseconds and is done anew each time."""
KEPT_SECONDS = 30
_MOST_KEPT = 64


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What somebody with these rights is told of all cases; it decides nothing."""

    counted: tuple[Counted, ...]
    not_open: Mapping[str, int]
    lately: Tally
    by_team: Mapping[str, int]
    many: bool
    at: dt.datetime


_Kept = OrderedDict[tuple[policy.Actor, dt.date, int], _Numbers]
_kept: WeakKeyDictionary[sa.Engine, _Kept] = WeakKeyDictionary()
"""By database: what was counted for whom, on which day of the process and with which definitions."""


def _numbers(work: Work, bodies: Sequence[Any]) -> _Numbers:
    """The numbers of all cases; those of many cases may be `KEPT_SECONDS` old."""
    kept = _kept.setdefault(work.connection.engine, OrderedDict())
    key, now = (work.actor, work.today, work.catalogue.revision), database.real_now()
    found = kept.get(key)
    if found is not None and now - found.at < dt.timedelta(seconds=KEPT_SECONDS):
        return found
    found = _counted(work, bodies, now)
    if found.many:
        kept[key] = found
        while len(kept) > _MOST_KEPT:
            kept.popitem(last=False)
    return found


def _counted(work: Work, bodies: Sequence[Any], now: dt.datetime) -> _Numbers:
    counted = tuple(standing.count(work, Case.service, Case.wave))
    since = work.catalogue.calendar.add(work.today, -LATELY)
    public, goals = work.catalogue.programme.state_is_public, parts.goals(work.catalogue)
    asked: list[statements.Asking] = [
        (_live_lately(work.actor, public, goals), {"since": since}),
        (_by_team(work.actor), {}),
    ]
    ((lately,), teams) = statements.answers(work.connection, asked)
    return _Numbers(
        counted=counted,
        not_open=_not_open(work, bodies) if public else {},
        lately=Tally(lately.cases, lately.opens),
        by_team={row.team: row.cases for row in teams},
        many=sum(one.cases for one in counted) >= MANY,
        at=now,
    )


def _pace(work: Work, target: Due, left: int, lately: Tally) -> Pace:
    since = work.catalogue.calendar.add(work.today, -LATELY)
    in_time = 0 if target.overdue else target.working_days
    return Pace(LATELY, since, lately, -(-left * LATELY // in_time) if in_time else None)


@lru_cache(maxsize=_QUERIES_KEPT)
def _live_lately(actor: policy.Actor, public: bool, goals: frozenset[str]) -> sa.Select[*tuple[Any, ...]]:
    """The query of an actor with these rights."""
    seen = sa.case((policy.cases(actor), 1), else_=0)
    return sa.select(sa.func.count().label("cases"), sa.func.coalesce(sa.func.sum(seen), 0).label("opens")).where(
        policy.case_states(actor, public=public),
        is_live_since(goals, sa.bindparam("since", type_=sa.Date())),
    )


def _services(work: Work, numbers: _Numbers) -> list[ServiceStanding]:
    catalogue, counted = work.catalogue, numbers.counted
    order = {key: position for position, key in enumerate(catalogue.programme.priorities)}
    words = {
        key: parts.service_title(catalogue, key) for key in catalogue.services.keys() | {one.key[0] for one in counted}
    }
    return [
        ServiceStanding(
            key,
            words[key],
            standing.standing(work, (one for one in counted if one.key[0] == key)),
            numbers.not_open.get(key),
        )
        for key in sorted(
            words, key=lambda key: (order.get(key, len(order)), sort_key(title(work.actor.language, words[key])), key)
        )
    ]


def _not_open(work: Work, bodies: Sequence[Any]) -> dict[str, int]:
    """Bodies that are responsible for a service and have no case of it, by service; of services that have an answer."""
    opened = set(map(tuple, statements.rows(work.connection, _OPENED, {})))
    return {
        key: sum(
            1
            for ars, kind in bodies
            if work.catalogue.is_responsible(key, ars=ars, kind=kind) and (key, ars) not in opened
        )
        for key, entry in work.catalogue.services.items()
        if entry.applies_to is not None
    }


def _targets(work: Work, rows: Sequence[Any]) -> tuple[TargetView, ...]:
    """The newest first: by the day it was set, then in the order in which they were set here."""
    staff = policy.sees_staff(work.actor)
    newest_first = sorted(rows, key=lambda row: (row.set_on or dt.date.min, row.number or 0, row.due_on), reverse=True)
    return tuple(
        TargetView(
            on=row.due_on,
            set_on=row.set_on,
            reason=Text(de=row.reason_de, en=row.reason_en),
            source=row.source,
            who=row.name if staff else None,
            current=position == 0,
        )
        for position, row in enumerate(newest_first)
    )


def _moves(work: Work, rows: Sequence[Any], kept: Sequence[Any]) -> tuple[WaveMove, ...]:
    staff = policy.sees_staff(work.actor)
    remarks = {remark_id.hex: text for remark_id, text in kept}
    moves: list[WaveMove] = []
    for row in rows:
        said = json.loads(row.content)
        moves.append(
            WaveMove(
                wave=Text(de=row.title_de, en=row.title_en),
                on=dt.date.fromisoformat(said["wave"]["stichtag"]),
                before=dt.date.fromisoformat(said["before"]["wave"]["stichtag"]),
                reason=remarks.get(said["remark"]["id"]),
                at=row.at,
                who=row.name if staff else None,
            )
        )
    return tuple(moves)


def _waves(work: Work, counted: Iterable[Counted], rows: Sequence[Any]) -> tuple[WaveView, ...]:
    seen = [one for one in counted if one.seen]
    defined = work.catalogue.programme.waves
    return tuple(
        WaveView(
            row.key,
            row.seq,
            Text(de=row.title_de, en=row.title_en),
            parts.due(work, row.stichtag),
            tuple(
                parts.service_title(work.catalogue, key)
                for key in (defined[row.key].services if row.key in defined else ())
            ),
            standing.standing(work, (one for one in seen if one.key[1] == row.key)),
        )
        for row in rows
    )


def _teams(work: Work, found: _Asked, cases: Mapping[str, int]) -> tuple[TeamView, ...]:
    districts: dict[str, list[tuple[str, str]]] = {}
    for team, ars, name, _ in found.districts:
        districts.setdefault(team, []).append((ars, name))
    services: dict[str, list[tuple[str, Text]]] = {}
    for team, key in found.services:
        services.setdefault(team, []).append((key, parts.service_title(work.catalogue, key)))
    return tuple(
        TeamView(
            row.key,
            row.title,
            tuple(districts.get(row.key, ())),
            tuple(services.get(row.key, ())),
            cases.get(row.key, 0),
        )
        for row in sorted(found.teams, key=lambda row: (sort_key(row.title), row.key))
    )


@lru_cache(maxsize=_QUERIES_KEPT)
def _by_team(actor: policy.Actor) -> sa.Select[*tuple[Any, ...]]:
    """The query of an actor with these rights."""
    return (
        sa.select(Case.team, sa.func.count().label("cases"))
        .where(policy.cases(actor), parts.counts())
        .group_by(Case.team)
    )


# --- what is the same for everybody ----------------------------------------------------------------------------------


class _Asked(NamedTuple):
    """What is asked at once, whoever looks."""

    targets: Sequence[Any]
    waves: Sequence[Any]
    moves: Sequence[Any]
    remarks: Sequence[Any]
    teams: Sequence[Any]
    districts: Sequence[Any]
    services: Sequence[Any]
    bodies: Sequence[Any]


@cache
def _asked(dialect: str) -> tuple[tuple[sa.Select[*tuple[Any, ...]], Mapping[str, Any]], ...]:
    """The queries in this order; `dialect`: of the database, which decides how names are sorted."""
    queries: tuple[sa.Select[*tuple[Any, ...]], ...] = (
        sa.select(
            Target.due_on, Target.set_on, Target.reason_de, Target.reason_en, Target.source, Target.number, Person.name
        ).outerjoin(Person, Person.id == Target.set_by),
        sa.select(Wave.key, Wave.seq, Wave.title_de, Wave.title_en, Wave.stichtag).order_by(Wave.stichtag, Wave.key),
        sa.select(Wave.title_de, Wave.title_en, Event.content, Event.at, Person.name)
        .join(Event, Event.chain_id == Wave.id)
        .outerjoin(Person, Person.id == Event.actor_id)
        .order_by(Event.at.desc(), Event.seq.desc()),
        sa.select(Remark.id, Remark.text).join(Wave, Wave.id == Remark.chain_id),
        sa.select(Team.key, Team.title),
        sa.select(TeamDistrict.team, Body.ars, Body.display_name, Body.sort_key)
        .join(Body, Body.ars == TeamDistrict.district)
        .order_by(database.plain_order(dialect, Body.sort_key), Body.ars),
        sa.select(TeamService.team, TeamService.service),
        sa.select(Body.ars, Body.kind).where(Body.valid_until.is_(None)),
    )
    return tuple((query, {}) for query in queries)


_OPENED = sa.select(Case.service, Case.body).where(parts.counts()).distinct()
"""What is open, where everybody may know it."""
