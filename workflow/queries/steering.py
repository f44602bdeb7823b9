"""What a supervisor or the programme office sees first: what cannot go on without them, and what is late."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from workflow.engine import Work
from workflow.models import Case
from workflow.policy import Actor, cases, one_of
from workflow.queries import escalations, standing
from workflow.queries.escalations import Escalated
from workflow.queries.standing import Standing

MOST = 3
"""Of what was brought before them, the longest overdue."""


@dataclass(frozen=True, slots=True)
class Steering:
    """What waits for a decision, and how the cases stand that the actor answers for."""

    first: tuple[Escalated, ...]
    total: int
    standing: Standing
    team: str | None
    """The one team whose cases these are; None for all the actor sees, or several."""


def start(work: Work) -> Steering | None:
    """For a supervisor and the programme office; None for everybody else, without asking anything."""
    actor = work.actor
    if not is_for(actor):
        return None
    found = escalations.escalations(work)
    teams = () if actor.holds("programme_office") else actor.teams("supervisor")
    where: sa.ColumnElement[bool] = cases(actor)
    if teams:
        where = sa.and_(where, one_of(Case.team, teams))
    counted = standing.count(work, where=where)
    return Steering(
        first=found.waiting[:MOST],
        total=found.total,
        standing=standing.standing(work, counted),
        team=teams[0] if len(teams) == 1 else None,
    )


def is_for(actor: Actor) -> bool:
    """Who answers for other people's cases."""
    return actor.holds("programme_office") or bool(actor.teams("supervisor"))
