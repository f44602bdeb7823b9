"""Trainings the programme offers: planned and called off by the programme office, seen by everybody.

They have no history of their own: nothing follows from one, and its row says who planned it and when it was called off.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import evidence, policy
from workflow.definition import EvidenceField, Text
from workflow.engine import Work
from workflow.errors import Conflict, InvalidEvidence, NotFound
from workflow.evidence import Given
from workflow.models import Training

FIELDS = {
    "title_de": EvidenceField(type="text", title=Text(de="Titel", en="Title in German")),
    "title_en": EvidenceField(
        type="text",
        required=False,
        title=Text(de="Titel auf Englisch", en="Title in English"),
        help=Text(
            de="Bleibt das Feld leer, gilt der deutsche Titel.", en="If the field stays empty, the German title counts."
        ),
    ),
    "held_on": EvidenceField(type="date", title=Text(de="Tag", en="Day")),
    "begins_at": EvidenceField(
        type="text",
        required=False,
        title=Text(de="Uhrzeit", en="Time"),
        help=Text(de="Zum Beispiel 9:30.", en="For example 9:30."),
    ),
    "place": EvidenceField(
        type="text",
        required=False,
        title=Text(de="Ort", en="Place"),
        help=Text(de="Zum Beispiel: online.", en="For example: online."),
    ),
    "link": EvidenceField(type="url", required=False, title=Text(de="Adresse zur Anmeldung", en="Where to sign up")),
}
"""What planning a training asks for; a page offers the services beside."""

_TIME = re.compile(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])(?: Uhr)?\Z")


@dataclass(frozen=True, slots=True)
class TrainingView:
    """A training after a deed."""

    id: UUID
    title: str
    held_on: dt.date
    cancelled_on: dt.date | None = None


def plan(work: Work, given: Given, *, service: str | None = None) -> TrainingView:
    """Plan a training, as the programme office; without a `service` it is for all of them.

    Raises NotAllowed, NotFound (the service) or InvalidEvidence (no title, a day that is past, no time of day), in this
    order.
    """
    policy.insist_holds(work.actor, "programme_office")
    if service is not None:
        work.catalogue.service(service)
    told = {answer.field: answer.value for answer in evidence.read(FIELDS, given)}
    held_on, begins = told["held_on"], _TIME.match(str(told.get("begins_at") or ""))
    faults: dict[str, tuple[str, dict[str, object]]] = {}
    if not isinstance(held_on, dt.date) or held_on < work.today:
        faults["held_on"] = ("trainings.past", {})
    if told.get("begins_at") and begins is None:
        faults["begins_at"] = ("trainings.no_time", {})
    if faults or not isinstance(held_on, dt.date):
        raise InvalidEvidence(faults)

    title = str(told["title_de"])
    training_id = uuid4()
    values = {
        "id": training_id,
        "title_de": title,
        "title_en": told.get("title_en") or title,
        "held_on": held_on,
        "begins_at": f"{int(begins[1]):02}:{begins[2]}" if begins else None,
        "service": service,
        "place": told.get("place"),
        "link": told.get("link"),
        "planned_by": work.actor.id,
    }
    work.session.execute(sa.insert(Training), values)
    return TrainingView(training_id, title, held_on)


def cancel(work: Work, training_id: UUID) -> TrainingView:
    """Call a training off, as the programme office; pages say so until its day is past.

    Raises NotFound, NotAllowed or Conflict (it is called off already, or past), in this order.
    """
    row = work.session.execute(
        sa.select(Training.title_de, Training.held_on, Training.cancelled_on)
        .where(Training.id == training_id)
        .with_for_update()
    ).first()
    if row is None or not policy.sees_milestones(work.actor):
        raise NotFound(what="training")
    policy.insist_holds(work.actor, "programme_office")
    if row.cancelled_on is not None or row.held_on < work.today:
        raise Conflict(what="training")
    work.session.execute(sa.update(Training).where(Training.id == training_id).values(cancelled_on=work.today))
    return TrainingView(training_id, row.title_de, row.held_on, work.today)
