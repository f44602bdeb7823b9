"""The milestones of the Land, over all services: what is late, what has no date, what is planned, what is reached."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import policy
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Case, Event, Milestone, Remark
from workflow.queries import parts
from workflow.queries.case_list import is_left
from workflow.queries.parts import Due
from workflow.texts import sort_key, title

Stand = Literal["late", "undated", "planned", "reached"]
STANDS: tuple[Stand, ...] = ("late", "undated", "planned", "reached")
"""The most urgent first."""


@dataclass(frozen=True, slots=True)
class MilestoneLine:
    """A milestone as a line of the list."""

    id: UUID
    title: Text
    service: str
    service_title: Text
    stand: Stand
    due: Due | None
    reached_on: dt.date | None
    waiting: int
    """Cases of the service the actor sees that are neither live nor at an end; none once it is reached."""
    moved: int
    """How often its date was set."""
    reason: str | None
    """Why, the last time; None when that was erased, or none was ever set."""
    set_on: dt.date | None


@dataclass(frozen=True, slots=True)
class MilestoneList:
    """All of them: late ones first, then those without a date, each by how many cases wait."""

    lines: tuple[MilestoneLine, ...]
    may_plan: bool

    def in_stand(self, stand: Stand) -> tuple[MilestoneLine, ...]:
        """Those that stand so."""
        return tuple(line for line in self.lines if line.stand == stand)


def milestones(work: Work) -> MilestoneList:
    """The list. Takes three statements however many cases there are."""
    goals = parts.goals(work.catalogue)
    waiting = sa.select(sa.func.count()).where(
        Case.service == Milestone.service, policy.cases(work.actor), parts.counts(), is_left(goals)
    )
    rows = work.session.execute(
        sa.select(
            Milestone.id,
            Milestone.kind,
            Milestone.service,
            Milestone.due_on,
            Milestone.reached_on,
            waiting.scalar_subquery().label("waiting"),
        )
    ).all()
    planned = _planned(work)
    lines = [_line(work, row, *planned.get(row.id, (0, None, None))) for row in rows]
    language = work.actor.language
    far = dt.date.max
    lines.sort(
        key=lambda line: (
            STANDS.index(line.stand),
            line.due.on if line.due else far,
            -line.waiting,
            sort_key(title(language, line.service_title)),
        )
    )
    return MilestoneList(tuple(lines), work.actor.holds("programme_office"))


def _line(work: Work, row: Any, moved: int, set_on: dt.date | None, reason: str | None) -> MilestoneLine:
    known = work.catalogue.shared.milestones.get(row.kind)
    due = parts.due(work, row.due_on) if row.reached_on is None else None
    stand: Stand = "reached" if row.reached_on else "undated" if due is None else "late" if due.overdue else "planned"
    return MilestoneLine(
        id=row.id,
        title=known.title if known else Text(de=row.kind, en=row.kind),
        service=row.service,
        service_title=parts.service_title(work.catalogue, row.service),
        stand=stand,
        due=due,
        reached_on=row.reached_on,
        waiting=0 if row.reached_on else row.waiting,
        moved=moved,
        reason=reason,
        set_on=set_on,
    )


def _planned(work: Work) -> dict[UUID, tuple[int, dt.date, str | None]]:
    """How often the date of each was set by somebody, when last, and why."""
    rows = work.session.execute(
        sa.select(Event.chain_id, Event.at, Event.content)
        .join(Milestone, Milestone.id == Event.chain_id)
        .where(Event.act == "planned", Event.seq > 1)
        .order_by(Event.chain_id, Event.seq)
    ).all()
    kept = work.session.execute(sa.select(Remark.id, Remark.text).join(Milestone, Milestone.id == Remark.chain_id))
    reasons = {row.id: row.text for row in kept}
    found: dict[UUID, tuple[int, dt.date, str | None]] = {}
    for row in rows:
        times = found[row.chain_id][0] if row.chain_id in found else 0
        written = (json.loads(row.content).get("remark") or {}).get("id")
        remark = UUID(written) if written else None
        on = work.catalogue.calendar.today(row.at)
        found[row.chain_id] = (times + 1, on, reasons.get(remark) if remark else None)
    return found
