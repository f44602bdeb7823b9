"""The dates of the programme: what it is to reach by when, and the Stichtage of its waves."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from workflow import database, events, evidence, followups, policy
from workflow.definition import EvidenceField, Text
from workflow.engine import Work
from workflow.errors import Conflict, InvalidEvidence, NotFound, TaskHasMoved
from workflow.models import Case, Target, Wave


@dataclass(frozen=True, slots=True)
class TargetView:
    """A target that was just set, and its number."""

    due_on: dt.date
    number: int


@dataclass(frozen=True, slots=True)
class WaveView:
    """A wave after a deed; `waiting` cases will follow it."""

    key: str
    stichtag: dt.date
    version: int
    waiting: int


REASONS = {
    "reason": evidence.REASON,
    "reason_en": EvidenceField(
        type="long_text",
        required=False,
        title=Text(de="Begründung auf Englisch", en="Reason in English"),
        help=Text(
            de="Bleibt das Feld leer, steht die Begründung auch auf englischen Seiten so, wie Sie sie schreiben.",
            en="If the field stays empty, the reason is shown on pages in both languages as you write it.",
        ),
    ),
}
"""Why a target is set. Everybody signed in reads it."""


def set_target(work: Work, due_on: dt.date, reason: str, *, reason_en: str = "", seen: int | None = None) -> TargetView:
    """Set a new target date, as the programme office. Earlier ones stay with their reasons; the newest is in force.

    `seen` is the number of the newest target that was set here, as the page showed it (0: none yet).

    Raises NotAllowed, TaskHasMoved, Conflict (that day has been a target already) or InvalidEvidence (no reason, or a
    day that has come), in this order.
    """
    policy.insist_holds(work.actor, "programme_office")
    number = work.session.execute(sa.select(sa.func.max(Target.number))).scalar() or 0
    if seen is not None and seen != number:
        raise TaskHasMoved
    if work.session.execute(sa.select(Target.due_on).where(Target.due_on == due_on)).first() is not None:
        raise Conflict(what="target")
    _insist_to_come(work, "due_on", due_on)
    words = {
        answer.field: str(answer.value) for answer in evidence.read(REASONS, {"reason": reason, "reason_en": reason_en})
    }

    values = {
        "due_on": due_on,
        "set_on": work.today,
        "reason_de": words["reason"],
        "reason_en": words.get("reason_en", words["reason"]),
        "source": None,
        "number": number + 1,
        "set_by": work.actor.id,
    }
    if not database.insert_missing(work.session, Target, values):  # somebody else set one at the same moment
        raise TaskHasMoved
    return TargetView(due_on, number + 1)


def move_wave(work: Work, key: str, stichtag: dt.date, reason: str, *, seen: int | None = None) -> WaveView:
    """Move the Stichtag of a wave, as the programme office. Its cases follow, but those with a Stichtag of their own.

    Raises NotFound, TaskHasMoved, NotAllowed, Conflict (it is that day already) or InvalidEvidence (no reason, or a day
    that has come), in this order.
    """
    row = work.session.execute(
        sa.select(Wave.id, Wave.stichtag, Wave.seq, Wave.head).where(Wave.key == key).with_for_update()
    ).first()
    if row is None or not policy.sees_milestones(work.actor):
        raise NotFound(what="wave", name=key)
    if seen is not None and seen != row.seq:
        raise TaskHasMoved
    away = policy.insist_holds(work.actor, "programme_office")
    if stichtag == row.stichtag:
        raise Conflict(what="wave")
    _insist_to_come(work, "stichtag", stichtag)
    (answer,) = evidence.read({"reason": evidence.REASON}, {"reason": reason})

    said = {
        "wave": {"key": key, "stichtag": stichtag},
        "before": {"wave": {"stichtag": row.stichtag}},
        **({"on_behalf_of": away} if away else {}),
        "remark": events.remark(work, row.id, str(answer.value)),
    }
    entry = events.record(work, "wave", row.id, row.seq, row.head, "moved", said)
    work.session.execute(
        sa.update(Wave).where(Wave.key == key).values(stichtag=stichtag, seq=entry.seq, head=entry.head)
    )
    waiting = _cases_of(work, key)
    followups.queue(work.session, "wave", row.id, entry.seq, waiting)
    return WaveView(key, stichtag, entry.seq, len(waiting))


def _insist_to_come(work: Work, name: str, day: dt.date) -> None:
    if day <= work.today:
        raise InvalidEvidence({name: ("evidence.not_in_future", {})})


def _cases_of(work: Work, wave: str) -> list[UUID]:
    """Open cases of a wave. One that is live has been delivered: its Stichtag is past and stays."""
    open_cases = (Case.wave == wave, Case.ended_on.is_(None), Case.live_on.is_(None))
    return list(work.session.execute(sa.select(Case.id).where(*open_cases).order_by(Case.id)).scalars())
