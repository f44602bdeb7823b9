"""Requests for a service: those to be answered, what became of the others, and how many wait."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from workflow import policy
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Body, Case, OnboardingRequest, Person, Remark, Team
from workflow.queries import parts

MOST = 200
"""Open requests on one page; how many there are is told."""
MOST_ANSWERED = 30


@dataclass(frozen=True, slots=True)
class Request:
    """A body asks for a service."""

    id: UUID
    service: str
    service_title: Text
    body: str
    body_ars: str
    team: str
    status: str
    asked_on: dt.date
    asked_by: str | None
    waits: int
    """Working days since it was asked."""
    wish: str | None
    decided_on: dt.date | None
    decided_by: str | None
    """None also where the reader does not learn who of the Land did something."""
    reason: str | None
    case: UUID | None
    """For who sees it."""
    may_decide: bool
    may_withdraw: bool


@dataclass(frozen=True, slots=True)
class Requests:
    """What the reader may know of: open ones first, the longest waiting on top; of the others the last ones."""

    open: tuple[Request, ...]
    answered: tuple[Request, ...]
    total: int
    """Open ones, also beyond this page."""
    answers: bool
    """The reader answers requests."""
    of_town: bool
    """The reader is of a body."""


def requests(work: Work) -> Requests:
    """Every request the reader may know of. Takes three statements."""
    is_open = OnboardingRequest.status == "open"
    waiting = _requests(work, is_open, order=(OnboardingRequest.asked_at, OnboardingRequest.id), most=MOST)
    latest = (OnboardingRequest.decided_at.desc(), OnboardingRequest.id)
    answered = _requests(work, sa.not_(is_open), order=latest, most=MOST_ANSWERED)
    total = len(waiting)
    if total == MOST:
        counted = sa.select(sa.func.count()).select_from(OnboardingRequest)
        total = work.session.execute(counted.where(is_open, policy.onboarding_requests(work.actor))).scalar_one()
    return Requests(
        open=waiting,
        answered=answered,
        total=total,
        answers=work.actor.holds("umsetzungsteam", "programme_office"),
        of_town=bool(work.actor.bodies()),
    )


def of_body(work: Work, ars: str, service: str | None = None) -> dict[str, Request]:
    """The latest request of a body by service, or for one service, as far as the reader may know."""
    asked = OnboardingRequest.body == ars
    if service is not None:
        asked = sa.and_(asked, OnboardingRequest.service == service)
    closed = sa.case((OnboardingRequest.status == "open", 0), else_=1)  # an open one is the latest, also of one instant
    latest = (closed, OnboardingRequest.asked_at.desc(), OnboardingRequest.id)
    return {one.service: one for one in reversed(_requests(work, asked, order=latest, most=MOST))}


def waiting(work: Work) -> int:
    """How many requests wait for the reader's team, or for the programme office. Asks only for who answers them."""
    teams = work.actor.teams("umsetzungsteam")
    office = work.actor.holds("programme_office")
    if not teams and not office:
        return 0
    mine = sa.true() if office else policy.one_of(OnboardingRequest.team, teams)
    query = sa.select(sa.func.count()).select_from(OnboardingRequest).where(OnboardingRequest.status == "open", mine)
    return work.session.execute(query).scalar_one()


def _requests(work: Work, which: sa.ColumnElement[bool], *, order: Any, most: int) -> tuple[Request, ...]:
    asker, decider, wish, reason = aliased(Person), aliased(Person), aliased(Remark), aliased(Remark)
    seen = sa.exists().where(Case.id == OnboardingRequest.case_id, policy.cases(work.actor))
    rows = work.session.execute(
        sa.select(
            *OnboardingRequest.__table__.c,
            Body.display_name,
            Team.title.label("team_title"),
            asker.name.label("asker"),
            decider.name.label("decider"),
            wish.text.label("wish"),
            reason.text.label("reason"),
            sa.case((seen, 1), else_=0).label("sees_case"),
        )
        .join(Body, Body.ars == OnboardingRequest.body)
        .join(Team, Team.key == OnboardingRequest.team)
        .outerjoin(asker, asker.id == OnboardingRequest.asked_by)
        .outerjoin(decider, decider.id == OnboardingRequest.decided_by)
        .outerjoin(wish, wish.id == OnboardingRequest.wish_id)
        .outerjoin(reason, reason.id == OnboardingRequest.reason_id)
        .where(policy.onboarding_requests(work.actor), which)
        .order_by(*order)
        .limit(most)
    )
    return tuple(_request(work, row) for row in rows)


def _request(work: Work, row: Any) -> Request:
    calendar = work.catalogue.calendar
    asked_on = calendar.today(row.asked_at)
    is_open = row.status == "open"
    return Request(
        id=row.id,
        service=row.service,
        service_title=parts.service_title(work.catalogue, row.service),
        body=row.display_name,
        body_ars=row.body,
        team=row.team_title,
        status=row.status,
        asked_on=asked_on,
        asked_by=row.asker,
        waits=calendar.between(asked_on, work.today),
        wish=row.wish,
        decided_on=calendar.today(row.decided_at) if row.decided_at else None,
        decided_by=row.decider if policy.sees_staff(work.actor) or row.status == "withdrawn" else None,
        reason=row.reason,
        case=row.case_id if row.sees_case else None,
        may_decide=is_open and policy.may_decide_request(work.actor, row.team),
        may_withdraw=is_open and policy.may_ask_for_service(work.actor, row.body),
    )
