"""What was asked of many cases at once: what can be, what would become of each, how far it is, what it came to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import bulk as many
from workflow import policy, refusals
from workflow.bulk import Order, Result, Subject
from workflow.definition import Text
from workflow.engine import Work
from workflow.errors import NotAllowed, NotFound, StartklarError
from workflow.models import Body, Bulk, BulkItem, Case, Grant, Person, Task
from workflow.queries import parts
from workflow.texts import sort_key

MOST_SHOWN = 200
"""Items a page names; how many more there are it says."""
MOST_LISTED = 50


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of them are still to be done, done, refused."""

    pending: int = 0
    done: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.pending + self.done + self.refused


@dataclass(frozen=True, slots=True)
class What:
    """What is done with each of them: the kind, and what fills its sentence."""

    kind: str
    what: Text | str | None = None
    """The step, the task, or the team."""
    to: str | None = None
    """The person, by name."""


@dataclass(frozen=True, slots=True)
class BulkLine:
    """One thing that was asked of many."""

    id: UUID
    what: What
    at: dt.datetime
    finished_at: dt.datetime | None
    by: str | None
    mine: bool
    counts: Counts


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One of the many. What the reader may not see any more has no case and no number."""

    case_id: UUID | None
    number: str | None
    service: Text | None
    body: str | None
    refused: StartklarError | None = None


@dataclass(frozen=True, slots=True)
class BulkPage:
    """How far it is, and what it came to: the refused first."""

    line: BulkLine
    refused: tuple[ItemLine, ...]
    done: tuple[ItemLine, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be asked of these cases."""

    cases: int
    steps: tuple[tuple[str, Text, int], ...]
    """Transitions from where they stand, each with the number of cases it starts from."""
    tasks: tuple[tuple[str, Text, int], ...]
    """Tasks on which somebody is to act, likewise."""
    people: tuple[tuple[UUID, str], ...]
    """Whom the actor may hand a task to, by name."""
    teams: tuple[tuple[str, str], ...]
    """To which team the actor may give them; none for who may not."""
    resting: int


def bulks(work: Work) -> tuple[BulkLine, ...]:
    """What the actor asked for, and for those who see everything what anybody did: the newest first."""
    rows = work.session.execute(
        sa.select(Bulk).where(policy.bulks(work.actor)).order_by(Bulk.created_at.desc(), Bulk.id).limit(MOST_LISTED)
    ).scalars()
    return _lines(work, list(rows))


def bulk(work: Work, bulk_id: UUID) -> BulkPage:
    """One of them with its results. Raises NotFound."""
    row = _row(work, bulk_id)
    (line,) = _lines(work, [row])
    return BulkPage(line, _items(work, bulk_id, "refused"), _items(work, bulk_id, "done"))


def insist_may_go_on(work: Work, bulk_id: UUID) -> BulkLine:
    """How far it is, for whoever may go on with it. Raises NotFound or NotAllowed, in this order."""
    (line,) = _lines(work, [_row(work, bulk_id)])
    if not policy.may_go_on(work.actor, mine=line.mine):
        raise NotAllowed(roles=("programme_office",))
    return line


def again(work: Work, bulk_id: UUID) -> tuple[Order, list[Subject]]:
    """What was refused, to be asked for once more. Raises NotFound."""
    row = _row(work, bulk_id)
    items = work.session.execute(
        sa.select(BulkItem.case_id, BulkItem.task_id, BulkItem.service, BulkItem.body)
        .where(BulkItem.bulk_id == bulk_id, BulkItem.status == "refused")
        .order_by(BulkItem.position)
    )
    return many.order_of(row.kind, row.arguments), [Subject(*item) for item in items]


def worded(work: Work, order: Order) -> What:
    """What an order does, in titles."""
    process = work.catalogue.newest(work.catalogue.programme.process)
    if order.transition is not None:
        move = process.transitions.get(order.transition)
        return What(order.kind, move.title if move else order.transition)
    if order.kind == "team":
        key = str(order.given.get("team", ""))
        return What(order.kind, parts.team_titles(work).get(key, key))
    name = work.session.execute(sa.select(Person.name).where(Person.id == order.to)).scalar() if order.to else None
    title = next((task.title for _, key, task in process.tasks() if key == order.task), None)
    return What(order.kind, title or order.task, name)


def tried(work: Work, results: Sequence[Result]) -> tuple[ItemLine, ...]:
    """What would become of each, in words; in the order of the results."""
    known = _cases(work, {result.subject.case_id for result in results if result.subject.case_id})
    names = parts.body_names(work, {result.subject.body for result in results if result.subject.body})
    lines: list[ItemLine] = []
    for result in results:
        one = result.subject
        line = known.get(one.case_id) if one.case_id else None
        if line is None:
            service = parts.service_title(work.catalogue, one.service) if one.service else None
            line = ItemLine(None, None, service, names.get(one.body or "", one.body))
        lines.append(replace(line, refused=result.refused))
    return tuple(lines)


def offer(work: Work, case_ids: Iterable[UUID]) -> Offer:
    """What can be asked of those of these cases that the actor may see."""
    wanted, actor = list(case_ids), work.actor
    mine = sa.and_(Case.id.in_(wanted), policy.cases(actor))
    states = work.session.execute(
        sa.select(Case.process, Case.process_version, Case.state, sa.func.count().label("n"))
        .where(mine)
        .group_by(Case.process, Case.process_version, Case.state)
    ).all()
    steps: dict[str, tuple[Text, int]] = {}
    for process, version, state, n in states:
        for name, move in work.catalogue.process(process, version).transitions.items():
            if state in move.from_ and any(actor.holds(role.removeprefix("body.")) for role in move.by):
                steps[name] = (move.title, steps.get(name, (move.title, 0))[1] + n)
    at_hand = work.session.execute(
        sa.select(Case.process, Case.process_version, Task.name, sa.func.count().label("n"))
        .join(Task, Task.case_id == Case.id)
        .where(mine, Task.acting.is_not(None), Task.status.in_(("ready", "accepted")))
        .group_by(Case.process, Case.process_version, Task.name)
    ).all()
    tasks: dict[str, tuple[Text, int]] = {}
    for process, version, name, n in at_hand:
        known = {key: task.title for _, key, task in work.catalogue.process(process, version).tasks()}
        if name in known:
            tasks[name] = (known[name], tasks.get(name, (known[name], 0))[1] + n)
    resting = work.session.execute(sa.select(sa.func.count()).where(mine, Case.rests)).scalar_one()
    teams = parts.team_titles(work) if actor.holds("programme_office") else {}
    return Offer(
        cases=sum(row.n for row in states),
        steps=tuple((name, title, n) for name, (title, n) in steps.items()),
        tasks=tuple(sorted(((name, title, n) for name, (title, n) in tasks.items()), key=lambda one: -one[2])),
        people=_people(work),
        teams=tuple(sorted(teams.items(), key=lambda one: sort_key(one[1]))),
        resting=resting,
    )


# --- helpers, in the order they are called ---------------------------------------------------------------------------


def _row(work: Work, bulk_id: UUID) -> Bulk:
    row = work.session.execute(sa.select(Bulk).where(Bulk.id == bulk_id, policy.bulks(work.actor))).scalar()
    if row is None:
        raise NotFound(what="bulk", name=str(bulk_id))
    return row


def _lines(work: Work, rows: Sequence[Bulk]) -> tuple[BulkLine, ...]:
    ids = [row.id for row in rows]
    counts: dict[UUID, dict[str, int]] = {}
    for bulk_id, status, n in work.session.execute(
        sa.select(BulkItem.bulk_id, BulkItem.status, sa.func.count())
        .where(BulkItem.bulk_id.in_(ids))
        .group_by(BulkItem.bulk_id, BulkItem.status)
    ):
        counts.setdefault(bulk_id, {})[status] = n
    people = sa.select(Person.id, Person.name).where(Person.id.in_({row.by_id for row in rows}))
    names = dict(work.session.execute(people).all())
    return tuple(
        BulkLine(
            row.id,
            worded(work, many.order_of(row.kind, row.arguments)),
            row.created_at,
            row.finished_at,
            names.get(row.by_id),
            row.by_id == work.actor.id,
            Counts(**counts.get(row.id, {})),
        )
        for row in rows
    )


def _items(work: Work, bulk_id: UUID, status: str) -> tuple[ItemLine, ...]:
    items = work.session.execute(
        sa.select(BulkItem.case_id, BulkItem.service, BulkItem.body, BulkItem.error)
        .where(BulkItem.bulk_id == bulk_id, BulkItem.status == status)
        .order_by(BulkItem.position)
        .limit(MOST_SHOWN)
    ).all()
    results = [
        Result(
            Subject(case_id=item.case_id, service=item.service, body=item.body),
            item.case_id,
            refusals.restored(item.error) if item.error else None,
        )
        for item in items
    ]
    return tried(work, results)


def _cases(work: Work, ids: set[UUID]) -> dict[UUID, ItemLine]:
    rows: Any = work.session.execute(
        sa.select(Case.id, Case.number, Case.service, Body.display_name)
        .join(Body, Body.ars == Case.body)
        .where(Case.id.in_(ids), policy.cases(work.actor))
    )
    return {
        row.id: ItemLine(row.id, row.number, parts.service_title(work.catalogue, row.service), row.display_name)
        for row in rows
    }


def _people(work: Work) -> tuple[tuple[UUID, str], ...]:
    """Colleagues in the bodies and teams where the actor hands out tasks. Whether one may have it, the task says."""
    actor = work.actor
    places = [
        policy.one_of(Grant.team, actor.teams("supervisor")),
        policy.one_of(Grant.body, actor.bodies("leitung", "digi")),
    ]
    rows = work.session.execute(
        sa.select(Person.id, Person.name)
        .join(Grant, Grant.person_id == Person.id)
        .where(Person.ended_at.is_(None), Grant.ended_at.is_(None), sa.or_(*places))
        .distinct()
    )
    found = ((row.id, row.name or "") for row in rows)
    return tuple(sorted(found, key=lambda one: sort_key(one[1])))
