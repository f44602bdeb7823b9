"""Trainings to come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Training
from workflow.queries import parts


@dataclass(frozen=True, slots=True)
class TrainingLine:
    """A training; without a service it is for all of them."""

    id: UUID
    title: Text
    held_on: dt.date
    begins_at: str | None
    service: str | None
    service_title: Text | None
    place: str | None
    link: str | None
    cancelled_on: dt.date | None


@dataclass(frozen=True, slots=True)
class Trainings:
    """What is to come, the next one first, and the services one can be for."""

    lines: tuple[TrainingLine, ...]
    services: tuple[tuple[str, Text], ...]
    may_plan: bool


def trainings(work: Work) -> Trainings:
    """Every training to come."""
    return Trainings(
        lines=to_come(work),
        services=tuple((key, entry.title) for key, entry in work.catalogue.services.items()),
        may_plan=work.actor.holds("programme_office"),
    )


def to_come(
    work: Work, *, services: Collection[str] | None = None, until: dt.date | None = None
) -> tuple[TrainingLine, ...]:
    """Trainings from today on, those for everybody and those of these services (None: of all)."""
    query = sa.select(Training.__table__).where(Training.held_on >= work.today)
    if until is not None:
        query = query.where(Training.held_on <= until)
    if services is not None:
        query = query.where(sa.or_(Training.service.is_(None), Training.service.in_(services)))
    rows = work.session.execute(query.order_by(Training.held_on, Training.begins_at, Training.id).limit(200))
    return tuple(
        TrainingLine(
            id=row.id,
            title=Text(row.title_de, row.title_en),
            held_on=row.held_on,
            begins_at=row.begins_at,
            service=row.service,
            service_title=parts.service_title(work.catalogue, row.service) if row.service else None,
            place=row.place,
            link=row.link,
            cancelled_on=row.cancelled_on,
        )
        for row in rows
    )
