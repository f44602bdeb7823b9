"""Bodies that take part in another's case: they join, they leave, and have tasks of their own there.

Where they take part at all says the service (`participants`); which of them do is said case by case, for nobody else
knows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import casework, policy, tasks
from workflow.cases import CaseView, view
from workflow.casework import CaseAtHand, LockedCase, insist_unmoved, lock
from workflow.definition import Text
from workflow.engine import Work
from workflow.errors import Conflict, NotFound, Refused
from workflow.models import Body, Participant

INVITERS = ("umsetzungsteam", "supervisor", "body.digi", "body.leitung")
"""Who says which bodies take part."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A body that could take part, and as what."""

    ars: str
    name: str
    role: Text


def candidates(case: CaseAtHand) -> tuple[Candidate, ...]:
    """Bodies of the groups the service names, in the case's district, that do not take part yet; by name."""
    work, row = case.work, case.row
    entry = work.catalogue.services.get(row.service)
    if entry is None or not entry.participants:
        return ()
    district = sa.select(Body.district).where(Body.ars == row.body).scalar_subquery()
    there = set(casework.participants(work, row.id))
    found: list[Candidate] = []
    for body in work.session.execute(
        sa.select(Body.ars, Body.kind, Body.display_name)
        .where(Body.district == district, Body.valid_until.is_(None), Body.ars != row.body)
        .order_by(Body.sort_key, Body.ars)
    ):
        for one in entry.participants:
            if body.ars not in there and work.catalogue.groups[one.group].has(ars=body.ars, kind=body.kind):
                found.append(Candidate(body.ars, body.display_name, one.role))
                break
    return tuple(found)


def join(work: Work, case_id: UUID, bodies: Sequence[str], *, seen: int | None = None) -> CaseView:
    """Let bodies take part in a case: they see how it stands and have their own tasks there, opened now.

    Raises NotFound, CaseHasMoved, Conflict (it has ended), NotAllowed or Refused (none named, or one that cannot take
    part here or does already), in this order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    standing = insist_may_invite(case)
    offered = {one.ars for one in candidates(case)}
    if not bodies or not offered.issuperset(bodies):
        raise Refused("error.cannot_take_part", number=case.row.number)

    bodies = tuple(dict.fromkeys(bodies))
    case.set(version=case.row.version + 1)
    for body in bodies:
        case.put(Participant, uuid4(), body=body, joined_on=work.today, left_on=None)
    tasks.open_for(case, bodies)
    case.say(bodies=sorted(bodies))
    for body in bodies:
        there = casework.Elsewhere(body, case.row)
        people = case.in_charge("body.digi", there)
        case.notify("takes_part", people, kind="case", subject_id=case.row.id, of=there)
    case.acts(standing)
    case.record("participants_joined")
    return view(case)


def leave(work: Work, case_id: UUID, body: str, *, seen: int | None = None) -> CaseView:
    """Let a body take no part any more: its open tasks fall away, what it did stays, and it sees the case no longer.

    Raises NotFound (the case), CaseHasMoved, Conflict (it has ended), NotAllowed or NotFound (the body takes no part),
    in this order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    standing = insist_may_invite(case)
    there = sa.and_(Participant.case_id == case_id, Participant.body == body, Participant.left_on.is_(None))
    row_id = work.session.execute(sa.select(Participant.id).where(there)).scalar()
    if row_id is None:
        raise NotFound(what="body", name=body)

    case.set(version=case.row.version + 1)
    case.amend(Participant, row_id, left_on=work.today)
    tasks.close_for(case, body)
    case.say(bodies=[body])
    case.acts(standing)
    case.record("participant_left")
    return view(case)


def insist_may_invite(case: CaseAtHand) -> policy.Standing:
    """In what standing the actor may. Raises Conflict (it has ended) or NotAllowed, in this order."""
    if case.row.ended_on is not None:
        raise Conflict(what="ended")
    return policy.insist(case.work.actor, INVITERS, case.row)


def may_invite(case: LockedCase | CaseAtHand) -> bool:
    """Whether the actor may say which bodies take part now."""
    return case.row.ended_on is None and policy.allows(case.work.actor, INVITERS, case.row)
