"""What follows from deeds: one follow-up per case, worked in chunks, resumable."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from workflow import cases, casework, database, prerequisites, tasks, troubles
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import NotFound
from workflow.models import Case, Followup

CHUNK = 100
CHUNK_SECONDS = 0.05
_FIRST = "review"

log = logging.getLogger(__name__)


def work_off(engine: Engine) -> int:
    """Work off every follow-up that is due; returns how many. One that fails is tried again in an hour, alone."""
    done = 0
    while chunk := _due(engine):
        began = time.monotonic()
        with engine.change(SYSTEM) as work:
            for followup_id, kind, case_id in chunk:
                if (kind == _FIRST) != (chunk[0][1] == _FIRST):
                    break
                try:
                    with work.session.begin_nested():
                        _FOLLOWING.get(kind, _learn)(work, followup_id, case_id)
                    done += 1
                except OperationalError:
                    raise  # the database's trouble, not this case's: the whole chunk is tried again
                except Exception as error:
                    log.exception("follow-up %s failed; it is tried again in an hour", followup_id)
                    troubles.note(work, "followup", followup_id, error)
                    _postpone(work, followup_id)
                if time.monotonic() - began > CHUNK_SECONDS:
                    break
    return done


def _due(engine: Engine) -> list[tuple[UUID, str, UUID]]:
    """The next follow-ups, by case, so that cases are locked in one order; before them, and never in one transaction
    with them, those that lock prerequisites."""
    with engine.read(SYSTEM) as work:
        rows = work.session.execute(
            sa.select(Followup.id, Followup.source_kind, Followup.case_id)
            .where(Followup.try_at.is_not(None), Followup.try_at <= database.real_now())
            .order_by(Followup.source_kind != _FIRST, Followup.case_id)
            .limit(CHUNK)
        )
        return [(row.id, row.source_kind, row.case_id) for row in rows]


def _learn(work: Work, followup_id: UUID, case_id: UUID) -> None:
    """One case learns: an entry in its history, and the team is told if nothing stands in the way any more."""
    try:
        case = casework.lock(work, case_id)
    except NotFound:
        _finish(work, followup_id)
        return
    row = work.session.execute(
        sa.select(Followup.source_kind, Followup.source_id, Followup.try_at).where(Followup.id == followup_id)
    ).one()
    if row.try_at is None:
        return
    case.say(source=row.source_kind, source_id=row.source_id)
    tasks.tell_of_next_step(case, lambda move: bool(move.requires))
    case.record("waiting_ended")
    _finish(work, followup_id)


def _take_stichtag(work: Work, followup_id: UUID, case_id: UUID) -> None:
    """The Stichtag of the case's wave moved: the case takes it, and its open tasks are due then."""
    case = casework.lock(work, case_id)
    still_to_come = case.row.ended_on is None and case.row.live_on is None
    if still_to_come and _is_due(work, followup_id) and tasks.take_stichtag(case):
        tasks.reschedule(case)
        case.say(on=case.row.stichtag)
        case.record("stichtag_moved")
    _finish(work, followup_id)


def _take_milestone_date(work: Work, followup_id: UUID, case_id: UUID) -> None:
    """A milestone got another date: the case's open tasks that wait for it are due then."""
    case = casework.lock(work, case_id)
    if case.row.ended_on is None and _is_due(work, followup_id) and tasks.reschedule(case):
        case.say(source_id=_source(work, followup_id))
        case.record("milestone_moved")
    _finish(work, followup_id)


def _take_conditions(work: Work, followup_id: UUID, case_id: UUID) -> None:
    """What the catalogue says of the case's service changed: its tasks follow, if any depends on it."""
    case = casework.lock(work, case_id)
    if case.row.ended_on is None and _is_due(work, followup_id) and tasks.settle(case):
        tasks.tell_when_ready_to_move(case)
        case.record("conditions_changed")
    _finish(work, followup_id)


def _give_way(work: Work, followup_id: UUID, case_id: UUID) -> None:
    """The next round of the case went live: the case ends."""
    cases.give_way(work, case_id, _source(work, followup_id))
    _finish(work, followup_id)


def _review(work: Work, followup_id: UUID, case_id: UUID) -> None:
    """What the case's body is asked for fits its open cases again."""
    body = work.session.execute(sa.select(Case.body).where(Case.id == case_id)).scalar_one()
    prerequisites.review(work, body)
    _finish(work, followup_id)


def _is_due(work: Work, followup_id: UUID) -> bool:
    """Nobody else worked it off while we waited for its case."""
    query = sa.select(Followup.try_at).where(Followup.id == followup_id)
    return work.session.execute(query).scalar_one() is not None


def _source(work: Work, followup_id: UUID) -> UUID:
    return work.session.execute(sa.select(Followup.source_id).where(Followup.id == followup_id)).scalar_one()


def _finish(work: Work, followup_id: UUID) -> None:
    work.session.execute(sa.update(Followup).where(Followup.id == followup_id).values(try_at=None))


def _postpone(work: Work, followup_id: UUID) -> None:
    work.session.execute(
        sa.update(Followup)
        .where(Followup.id == followup_id)
        .values(try_at=database.real_now() + troubles.AGAIN_AFTER, tries=Followup.tries + 1)
    )


_FOLLOWING: dict[str, Callable[[Work, UUID, UUID], None]] = {
    "review": _review,
    "wave": _take_stichtag,
    "milestone_date": _take_milestone_date,
    "conditions": _take_conditions,
    "next_round": _give_way,
}
"""What follows, by the kind of its source; a case learns of everything else."""
