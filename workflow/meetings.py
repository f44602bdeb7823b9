"""A team spoke with a body: from then on counts what changed since.

A meeting is a mark for reading and concerns no case: it has no history of its own, and who noted it may take it back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import policy
from workflow.engine import Work
from workflow.errors import Conflict, NotAllowed, NotFound, Refused
from workflow.models import Body, Case, Meeting, TeamDistrict

LONGEST_AGO = 60
"""Days after which nobody notes a meeting any more."""


@dataclass(frozen=True, slots=True)
class MeetingView:
    """A meeting after a deed."""

    id: UUID
    team: str
    body: str
    at: dt.datetime


def hold(work: Work, body: str, on: dt.date | None = None) -> MeetingView:
    """Note that the actor's team spoke with a body, now or on a day of late: what changes after it is new.

    Raises NotFound (no such body), NotAllowed (not of a team, nor its supervisor, that looks after the body) or Refused
    (a day to come, or more than 60 days ago), in this order.
    """
    team = insist_may_meet(work, body)
    day = work.today if on is None else on
    if not 0 <= (work.today - day).days <= LONGEST_AGO:
        raise Refused("error.meeting_day", most=LONGEST_AGO)
    zone = work.catalogue.calendar.zone
    at = work.now if day == work.today else dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), zone)

    meeting = MeetingView(uuid4(), team, body, at.astimezone(dt.UTC))
    values = {"id": meeting.id, "team": team, "body": body, "at": meeting.at, "by_id": work.actor.id}
    work.session.execute(sa.insert(Meeting), values)
    return meeting


def withdraw(work: Work, meeting_id: UUID) -> MeetingView:
    """Take back a meeting one has noted oneself, as long as none was noted after it.

    Raises NotFound, NotAllowed (somebody else noted it) or Conflict (there is a later one), in this order.
    """
    row = work.session.execute(sa.select(*Meeting.__table__.c).where(Meeting.id == meeting_id)).first()
    if row is None or row.team not in teams_at(work, row.body):
        raise NotFound(what="meeting")
    if row.by_id != work.actor.id:
        raise NotAllowed(roles=("umsetzungsteam", "supervisor"))
    later = (Meeting.team == row.team, Meeting.body == row.body, Meeting.at > row.at)
    if work.session.execute(sa.select(Meeting.id).where(*later)).first() is not None:
        raise Conflict(what="meeting")

    work.session.execute(sa.delete(Meeting).where(Meeting.id == meeting_id))
    return MeetingView(row.id, row.team, row.body, row.at)


def teams_at(work: Work, body: str) -> Sequence[str]:
    """The teams of the actor that look after a body, the one of its district first: it, and whose cases it has."""
    mine = work.actor.teams("umsetzungsteam", "supervisor")
    if not mine:
        return ()
    of_district = (
        sa.select(TeamDistrict.team, sa.literal(0).label("rank"))
        .join(Body, Body.district == TeamDistrict.district)
        .where(Body.ars == body, policy.one_of(TeamDistrict.team, mine))
    )
    of_cases = sa.select(Case.team, sa.literal(1)).where(Case.body == body, policy.one_of(Case.team, mine)).distinct()
    both = sa.union_all(of_district, of_cases).subquery()
    rows = work.session.execute(sa.select(both.c.team).order_by(both.c.rank, both.c.team)).scalars()
    return tuple(dict.fromkeys(rows))


def insist_may_meet(work: Work, body: str) -> str:
    """The team of the actor that speaks with a body. Raises NotFound or NotAllowed."""
    if work.session.execute(sa.select(Body.ars).where(Body.ars == body)).first() is None:
        raise NotFound(what="body", name=body)
    teams = teams_at(work, body)
    if not teams:
        raise NotAllowed(roles=("umsetzungsteam", "supervisor"))
    return teams[0]
