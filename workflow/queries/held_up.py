"""Open prerequisites by how many cases they hold up: what is worth doing first."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import policy, statements
from workflow.definition import Needed, Text
from workflow.engine import Work
from workflow.models import Body, Case, Prerequisite, Team
from workflow.queries import parts
from workflow.queries.case_list import is_lacking
from workflow.queries.parts import Due, status_of
from workflow.texts import sort_key

_QUERIES_KEPT = 64
"""For how many actors a query stays put together."""


@dataclass(frozen=True, slots=True)
class Line:
    """A prerequisite of a body that is not there, and how many of the cases the reader sees wait for it."""

    id: UUID
    title: Text
    scope: Text | str | None
    step: Text | None
    body: str
    body_ars: str
    team: str
    status: str
    role: Text | None
    """Who is to act; nobody where it was set aside."""
    since: dt.date
    due: Due | None
    cases: int


@dataclass(frozen=True, slots=True)
class KindLine:
    """A kind of prerequisite over all bodies."""

    kind: str
    title: Text
    bodies: int
    cases: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """The open prerequisites of the bodies the reader may know of, those that hold up most cases first."""

    lines: tuple[Line, ...]
    kinds: tuple[KindLine, ...]
    teams: tuple[tuple[str, str], ...]
    """Keys and titles to choose from."""
    team: str | None
    kind: str | None
    cases: int
    """How many cases wait for at least one of them."""


def ranking(work: Work, *, team: str | None = None, kind: str | None = None) -> Ranking:
    """What holds up most first; narrowed to a team or a kind, where it exists. Takes two statements."""
    rows = work.session.execute(
        sa.select(
            Prerequisite.id,
            Prerequisite.body,
            Prerequisite.kind,
            Prerequisite.scope,
            Prerequisite.step,
            Prerequisite.status,
            Prerequisite.acting,
            Prerequisite.counted_from,
            Prerequisite.due_on,
            Prerequisite.valid_until,
            Prerequisite.team,
            Team.title.label("team_title"),
            Body.display_name,
            Body.sort_key,
        )
        .join(Body, Body.ars == Prerequisite.body)
        .join(Team, Team.key == Prerequisite.team)
        .where(policy.prerequisites(work.actor), is_lacking(work))
    ).all()
    waiting = _waiting(work)
    teams = {row.team: row.team_title for row in rows}
    kinds = {row.kind for row in rows}
    team, kind = team if team in teams else None, kind if kind in kinds else None
    of_team = [row for row in rows if team in (None, row.team)]
    shown = [row for row in of_team if kind in (None, row.kind)]
    lines = [_line(work, row, len(waiting.get((row.body, row.kind, row.scope), ()))) for row in shown]
    order = {row.id: row.sort_key for row in shown}
    lines.sort(key=lambda line: (-line.cases, line.due.on if line.due else dt.date.max, order[line.id]))
    return Ranking(
        lines=tuple(line for line in lines if line.cases),
        kinds=_by_kind(work, of_team, waiting),
        teams=tuple(sorted(teams.items(), key=lambda entry: sort_key(entry[1]))),
        team=team,
        kind=kind,
        cases=len({case for row in shown for case in waiting.get((row.body, row.kind, row.scope), ())}),
    )


def of_body(work: Work, ars: str) -> Mapping[Needed, int]:
    """How many of the body's cases the reader sees need each prerequisite and are not in use yet."""
    found = _by_need(work, statements.rows(work.connection, _waiting_of(work.actor), {"ars": ars}))
    return {Needed(kind, scope): len(cases) for (_, kind, scope), cases in found.items()}


def _line(work: Work, row: Any, cases: int) -> Line:
    return Line(
        id=row.id,
        title=parts.prerequisite_title(work.catalogue, row.kind),
        scope=parts.scope_title(work.catalogue, row.scope),
        step=parts.step_title(work.catalogue, row.kind, row.step) if row.acting else None,
        body=row.display_name,
        body_ars=row.body,
        team=row.team_title,
        status=status_of(row.status, row.valid_until, work.today),
        role=parts.role_title(work.catalogue, row.acting) if row.acting else None,
        since=row.counted_from,
        due=parts.due(work, row.due_on) if row.acting else None,
        cases=cases,
    )


def _by_kind(work: Work, rows: list[Any], waiting: Mapping[tuple[str, str, str], list[UUID]]) -> tuple[KindLine, ...]:
    bodies: dict[str, set[str]] = {}
    cases: Counter[str] = Counter()
    for row in rows:
        if count := len(waiting.get((row.body, row.kind, row.scope), ())):
            bodies.setdefault(row.kind, set()).add(row.body)
            cases[row.kind] += count
    return tuple(
        KindLine(kind, parts.prerequisite_title(work.catalogue, kind), len(bodies[kind]), count)
        for kind, count in cases.most_common()
    )


def _waiting(work: Work) -> dict[tuple[str, str, str], list[UUID]]:
    """The cases that are not in use yet, by the body, kind and scope of what they need."""
    return _by_need(work, work.session.execute(_waiting_cases(work.actor)))


def _waiting_cases(actor: policy.Actor) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(Case.id, Case.body, Case.service, Case.variant).where(
        policy.cases(actor), Case.ended_on.is_(None), Case.live_on.is_(None), Case.variant.is_not(None)
    )


@lru_cache(maxsize=_QUERIES_KEPT)
def _waiting_of(actor: policy.Actor) -> sa.Select[*tuple[Any, ...]]:
    """The query of an actor with these rights, of one body."""
    return _waiting_cases(actor).where(Case.body == sa.bindparam("ars"))


def _by_need(work: Work, rows: Iterable[Any]) -> dict[tuple[str, str, str], list[UUID]]:
    found: dict[tuple[str, str, str], list[UUID]] = {}
    needed: dict[tuple[str, str], tuple[Needed, ...]] = {}
    for case_id, body, service, variant in rows:
        key = (service, variant or "")
        if key not in needed:
            needed[key] = work.catalogue.needed(service, variant)
        for entry in needed[key]:
            found.setdefault((body, entry.kind, entry.scope), []).append(case_id)
    return found
