"""What a body once said, offered again: nobody is asked the same thing twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from workflow import evidence
from workflow.definition import EvidenceField
from workflow.engine import Work
from workflow.evidence import Value
from workflow.models import Case, Evidence


@dataclass(frozen=True, slots=True)
class Told:
    """What a body said last under one word: the value, in which service's case or for which prerequisite, and when."""

    value: Value
    service: str | None
    prerequisite: str | None
    on: dt.date


def told(work: Work, body: str, asked: Mapping[str, EvidenceField], *, besides: UUID | None = None) -> dict[str, Told]:
    """By field: what this body said last of the same thing, wherever it was asked; `besides` is the asker itself.

    Only for whoever may answer for the body: ask `policy` first.
    """
    words = {field.reuse for field in asked.values() if field.reuse}
    if not words:
        return {}
    rows = work.session.execute(
        sa.select(
            Evidence.reuse,
            Evidence.type,
            Evidence.text_value,
            Evidence.number_value,
            Evidence.date_value,
            Evidence.subject_kind,
            Evidence.subject_id,
            Evidence.source,
            Evidence.given_at,
            Case.service,
        )
        .outerjoin(Case, Case.id == Evidence.case_id)
        .where(Evidence.body == body, Evidence.reuse.in_(sorted(words)), Evidence.latest)
        .order_by(Evidence.given_at.desc(), Evidence.id)
    )
    found: dict[tuple[str, str], Told] = {}
    for row in rows:
        value = evidence.value_of(row.type, row.text_value, row.number_value, row.date_value)
        if value is None or row.subject_id == besides or (row.reuse, row.type) in found:
            continue
        prerequisite = row.source if row.subject_kind == "prerequisite" else None
        on = work.catalogue.calendar.today(row.given_at)
        found[row.reuse, row.type] = Told(value, row.service, prerequisite, on)
    return {
        name: found[field.reuse, field.type]
        for name, field in asked.items()
        if field.reuse and (field.reuse, field.type) in found
    }
