"""The services a service consists of: each may go live by itself, once its case is live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import evidence, policy, tasks
from workflow.cases import CaseView, view
from workflow.casework import CaseAtHand, insist_unmoved, lock
from workflow.definition import EvidenceField, Text
from workflow.engine import Work
from workflow.errors import Conflict, InvalidEvidence, NotFound
from workflow.evidence import Given
from workflow.models import Part

SWITCHERS = ("umsetzungsteam", "rollout_team")
"""Who switches parts of a service on and off."""

FIELDS: Mapping[str, EvidenceField] = {
    "live_on": EvidenceField(type="date", title=Text(de="Produktiv seit", en="Live since")),
    "url": EvidenceField(type="url", title=Text(de="Adresse", en="Address"), required=False),
}
"""What switching on asks for."""


def switch_on(work: Work, case_id: UUID, name: str, given: Given, *, seen: int | None = None) -> CaseView:
    """Say since when a part of the service is live, and where. `given` answers `FIELDS`.

    Raises NotFound (the case), CaseHasMoved, NotFound (the service has no such part), NotAllowed, Conflict (the case is
    not live, or the part is on already) or InvalidEvidence (also a day to come), in this order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    if name not in work.catalogue.service(case.row.service).sub_services:
        raise NotFound(what="part", name=name)
    standing = insist_may_switch(case)
    row = _row(work, case_id, name)
    if row is not None and row.off_on is None:
        raise Conflict(what="part")
    told = {answer.field: answer.value for answer in evidence.read(FIELDS, given)}
    if told["live_on"] > work.today:  # type: ignore[operator]
        raise InvalidEvidence({"live_on": ("evidence.not_in_past", {"title": FIELDS["live_on"].title})})

    url_id = case.remark(str(told["url"])) if "url" in told else None
    case.set(version=case.row.version + 1)
    if row is None:
        case.put(Part, uuid4(), name=name, live_on=told["live_on"], off_on=None, url_id=url_id)
    else:
        case.amend(Part, row.id, live_on=told["live_on"], off_on=None, url_id=url_id)
    case.say(part=name, on=told["live_on"])
    case.acts(standing)
    case.record("part_on")
    return view(case)


def switch_off(work: Work, case_id: UUID, name: str, reason: str, *, seen: int | None = None) -> CaseView:
    """Say that a part of the service is switched off again, and why; also one the catalogue does not know any more.

    Raises NotFound (the case), CaseHasMoved, NotAllowed, Conflict (the case is not live, or the part is off) or
    InvalidEvidence (no reason), in this order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    standing = insist_may_switch(case)
    row = _row(work, case_id, name)
    if row is None or row.off_on is not None:
        raise Conflict(what="part")
    words = tasks.reason_of(reason)

    case.set(version=case.row.version + 1)
    case.amend(Part, row.id, off_on=work.today)
    case.remark(words)
    case.say(part=name)
    case.acts(standing)
    case.record("part_off")
    return view(case)


def insist_may_switch(case: CaseAtHand) -> policy.Standing:
    """In what standing the actor may. Raises NotAllowed or Conflict (the case is not live), in this order."""
    standing = policy.insist(case.work.actor, SWITCHERS, case.row)
    if not case.process.states[case.row.state].goal:
        raise Conflict(what="not_live")
    return standing


def may_switch(case: CaseAtHand) -> bool:
    """Whether the actor may switch parts of the service on and off now."""
    is_live = case.process.states[case.row.state].goal
    return is_live and policy.allows(case.work.actor, SWITCHERS, case.row)


def _row(work: Work, case_id: UUID, name: str) -> Any:
    query = sa.select(Part.id, Part.off_on).where(Part.case_id == case_id, Part.name == name)
    return work.session.execute(query).first()
