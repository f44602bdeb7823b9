"""What a body does once and many cases wait for (a FIT-Connect endpoint, a certificate), or does again and again.

ready → accepted → submitted → done, once for each of its steps; declined, set aside and not needed beside that road.
A new round begins when it is renewed, while what was proved before is still valid, or when it has expired. What recurs
begins anew some months after it was done, and no case waits for it.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from workflow import casework, database, deadlines, events, evidence, followups, messages, policy, requirements
from workflow.calendar import Extension as Extended
from workflow.calendar import Step, months_after
from workflow.casework import LockedCase
from workflow.deadlines import Counting, DueDate
from workflow.definition import Due, Needed, PrerequisiteKind, PrerequisiteStep, RecurringKind, canonical
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import (
    Busy,
    Conflict,
    NeedsNotMet,
    NotAllowed,
    NotFound,
    Refused,
    SecondPersonNeeded,
    TaskHasMoved,
    TaskNotAvailable,
)
from workflow.evidence import NOTHING, Given
from workflow.models import Body, Case, Extension, Installation, Notice, Prerequisite, TeamDistrict

log = logging.getLogger(__name__)

_WHEN = {
    "confirm": ("submitted",),
    "send_back": ("submitted",),
    "complete": ("ready", "accepted", "expired"),
    "accept": ("ready", "expired"),
    "release": ("accepted",),
    "hand_back": ("declined",),
    "set_aside": ("declined",),
    "assign": ("ready", "accepted", "expired"),
    "decline": ("ready", "accepted", "expired"),
    "extend": ("ready", "accepted", "submitted", "declined", "expired"),
    "renew": ("done",),
}
"""In which status a deed can be done, in the order in which a page offers the deeds."""
_AT_ONCE = (*_WHEN["complete"], "done", "not_needed", "set_aside")
"""The same for handing in what is one step only: it is renewed in one go, and may be brought unasked."""


@dataclass(slots=True)
class PrerequisiteRow:
    """The columns of a prerequisite. `service` and `operator` are there for the rights it shares with tasks."""

    id: UUID
    body: str
    kind: str
    scope: str
    owner: str
    team: str
    step: str
    round: int
    renewing: bool
    status: str
    requested: bool
    acting: str | None
    version: int
    holder_id: UUID | None
    submitted_by: UUID | None
    submitted_for: UUID | None
    counted_from: dt.date
    extended_days: int
    due_on: dt.date | None
    done_on: dt.date | None
    valid_until: dt.date | None
    ladder: str | None
    remind_at: dt.datetime | None
    rung: str | None
    occurrence: int
    generation: int
    seq: int
    head: str
    replied: int | None = None
    promised_on: dt.date | None = None

    @property
    def service(self) -> str:
        """No service: only roles held for the whole body count."""
        return ""

    @property
    def operator(self) -> None:
        """No operator acts on a prerequisite."""
        return


@dataclass(frozen=True, slots=True)
class PrerequisiteView:
    """A prerequisite after a deed; `waiting` cases will learn of it."""

    id: UUID
    status: str
    version: int
    step: str = ""
    waiting: int = 0


def ask(case: LockedCase) -> None:
    """Ask the body for everything the case's variant needs and nobody has asked for yet.

    Belongs to the deed that chose the variant and holds its case. Rows that are there are only read, never waited for:
    prerequisites are locked before cases. Whatever becomes of them meanwhile, `review` looks once more when this deed
    is done. New ones are added in one order, so that two cases of a body never wait for each other.
    """
    needed = set(case.work.catalogue.needed(case.row.service, case.row.variant))
    missing = needed - _known(case.work, case.row.body) if needed else needed
    if missing != needed:
        review_soon(case)
    team = (_team_of(case.work, case.row.body) or case.row.team) if missing else ""
    for entry in sorted(missing, key=lambda entry: (entry.kind, entry.scope)):
        _ask(case.work, case.row.body, team, entry)


def request(work: Work, body: str, kind: str, scope: str = "") -> PrerequisiteView:
    """Ask a body for a prerequisite before any case needs it, as its team or the body itself; with it for what it
    needs.

    Raises NotFound (no such kind or one that recurs by itself, no such body or one that ended), NotAllowed, NotFound (a
    scope where there is none, or none where there must be one) or Conflict (it has been asked for already), in this
    order.
    """
    asked = kind_of(work, kind)
    if work.catalogue.is_recurring(kind):
        raise NotFound(what="prerequisite", name=kind)
    team = _team_of(work, body)
    if team is None or _has_ended(work, body):
        raise NotFound(what="body", name=body)
    if not policy.may_request(work.actor, body=body, team=team):
        raise NotAllowed(roles=("umsetzungsteam", "body.digi"))
    if bool(scope) != (asked.scoped_by is not None):
        raise NotFound(what="prerequisite", name=f"{kind} {scope}".strip())
    wanted = Needed(kind, scope)
    together = work.catalogue.with_needs([wanted])
    known = _lock_named(work, body, together)
    said = casework.said_of_place(work.actor, lambda who: policy.may_request(who, body=body, team=team))
    if (row := known.get(wanted)) is not None and row.status not in ("not_needed", "set_aside"):
        raise Conflict(what="prerequisite")

    for entry in sorted(together, key=lambda entry: (entry.kind, entry.scope)):
        found = known.get(entry)
        if found is None:
            added = _ask(work, body, team, entry, requested=entry == wanted, said=said)
            if added is None and entry == wanted:  # somebody else has just asked for it
                raise Conflict(what="prerequisite")
            row = added if entry == wanted else row
        elif found.status in ("not_needed", "set_aside"):
            _ask_anew(work, found, kind_of(work, entry.kind), requested=entry == wanted, said=said)
    assert row is not None  # noqa: S101 - it was there, or was added
    return _view(row)


def accept(work: Work, prerequisite_id: UUID, *, seen: int | None = None) -> PrerequisiteView:
    """Claim the present step.

    Raises NotFound, TaskHasMoved, TaskNotAvailable (not open, or a colleague has it) or NotAllowed, in this order.
    """
    row = lock(work, prerequisite_id, seen)
    _insist_status(row, "accept")
    standing = _insist_standing(work, row)

    changes = {"status": "accepted", "holder_id": standing.on_behalf_of or work.actor.id}
    _record(work, row, "accepted", changes, **casework.said_of_standing(standing))
    return _view(row)


def release(work: Work, prerequisite_id: UUID, *, seen: int | None = None) -> PrerequisiteView:
    """Give back what one has accepted: it is open again to everybody who may act on it.

    Who hands on may also take it back from somebody. Raises NotFound, TaskHasMoved, TaskNotAvailable or NotAllowed, in
    this order.
    """
    row = lock(work, prerequisite_id, seen)
    _insist_status(row, "release")
    if not policy.is_ours(work.actor, row.holder_id, row) and not policy.may_assign(
        work.actor, row.acting or row.owner, row
    ):
        raise NotAllowed(roles=("body.leitung", "body.digi", "supervisor"))

    if policy.is_ours(work.actor, row.holder_id, row):
        said = {"on_behalf_of": row.holder_id} if row.holder_id in work.actor.stands_for else {}
    else:
        said = _said_of_assigning(work, row)
    _record(work, row, "released", {"status": "ready", "holder_id": None}, **said)
    return _view(row)


def assign(work: Work, prerequisite_id: UUID, to: UUID, *, seen: int | None = None) -> PrerequisiteView:
    """Hand it to a named person who may act on it, who learns of it; like a task of a case.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed or Refused (that person may not act on it), in this
    order.
    """
    row = lock(work, prerequisite_id, seen)
    _insist_status(row, "assign")
    if not policy.may_assign(work.actor, row.acting or row.owner, row):
        raise NotAllowed(roles=("body.leitung", "body.digi", "supervisor"))
    if to not in eligible(work, row, casework.holders(work, row)):
        raise Refused("error.cannot_be_assigned")

    _record(work, row, "assigned", {"status": "accepted", "holder_id": to}, to=to, **_said_of_assigning(work, row))
    _tell(work, "asked", row, [to])
    return _view(row)


def decline(work: Work, prerequisite_id: UUID, reason: str, *, seen: int | None = None) -> PrerequisiteView:
    """Say that this will not be done, and why; the team decides.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed or InvalidEvidence (no reason), in this order.
    """
    row = lock(work, prerequisite_id, seen)
    _insist_status(row, "decline")
    standing = _insist_standing(work, row)
    remark = _remark(work, row, reason)

    changes = {"status": "declined", "acting": "umsetzungsteam", "holder_id": None} | _confirming(work, row)
    _record(work, row, "declined", changes, remark=remark, **casework.said_of_standing(standing))
    _notify(work, "declined", row, "umsetzungsteam")
    return _view(row)


def hand_back(work: Work, prerequisite_id: UUID, reason: str, *, seen: int | None = None) -> PrerequisiteView:
    """Give what was declined back to its owner; its deadline counts anew.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed or InvalidEvidence (no reason), in this order.
    """
    row = lock(work, prerequisite_id, seen)
    _insist_status(row, "hand_back")
    standing = policy.insist(work.actor, ("umsetzungsteam", "supervisor"), row)
    remark = _remark(work, row, reason)

    step = step_of(kind_of(work, row.kind), row.step)[1]
    changes = {"status": "ready", "acting": row.owner, "holder_id": None} | _clock(work, step.due, step.ladder, row)
    _record(work, row, "handed_back", changes, remark=remark, **casework.said_of_standing(standing))
    _notify(work, "handed_back", row, row.owner)
    return _view(row)


def set_aside(work: Work, prerequisite_id: UUID, reason: str, *, seen: int | None = None) -> PrerequisiteView:
    """Decide as team that a body is asked no more for what it declined. Cases that need it wait until it is asked anew.

    A renewal set aside leaves what was proved before as it is. Raises NotFound, TaskHasMoved, TaskNotAvailable,
    NotAllowed or InvalidEvidence (no reason), in this order.
    """
    row = lock(work, prerequisite_id, seen)
    _insist_status(row, "set_aside")
    standing = policy.insist(work.actor, ("umsetzungsteam", "supervisor"), row)
    remark = _remark(work, row, reason)

    changes = _given_up(work, row, "set_aside") | {"requested": False}
    _record(work, row, "set_aside", changes, remark=remark, **casework.said_of_standing(standing))
    return _view(row)


def extend(
    work: Work, prerequisite_id: UUID, working_days: int, reason: str, *, seen: int | None = None
) -> PrerequisiteView:
    """Move the due date of the present step by some working days, as supervisor, with a reason.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed, InvalidEvidence (no reason) or Refused (not 1 to 60
    days, or more than the programme allows one round in all), in this order.
    """
    row = lock(work, prerequisite_id, seen)
    _insist_status(row, "extend")
    standing = policy.insist(work.actor, ("supervisor",), row)
    words = _words(reason)
    ledger = (Extension.prerequisite_id == row.id, Extension.attempt == row.round)
    casework.insist_may_extend(work, working_days, *ledger)

    due_on = work.catalogue.calendar.add(row.due_on or work.today, working_days)
    changes = {
        "extended_days": row.extended_days + working_days,
        "due_on": due_on,
        "generation": row.generation + 1,
        **_ring(work, row.ladder or "", due_on, row.counted_from),
    }
    remark = events.remark(work, row.id, words)
    given = {
        "prerequisite_id": row.id,
        "attempt": row.round,
        "given_on": work.today,
        "days": working_days,
        "current": True,
        "given_by": work.actor.id,
        "remark_id": remark["id"],
    }
    extension_id = uuid4()
    work.session.execute(sa.insert(Extension), {"id": extension_id, **given})
    said = {"rows": {"extension": {extension_id.hex: given}}, **casework.said_of_standing(standing)}
    _record(work, row, "extended", changes, remark=remark, days=working_days, **said)
    return _view(row)


def complete(work: Work, prerequisite_id: UUID, given: Given = NOTHING, *, seen: int | None = None) -> PrerequisiteView:
    """Hand in what the present step asks for: the next one begins, or every case that waits for it learns of it.

    Where a step names somebody who checks, this waits for them. One without steps that is done is renewed by it: its
    evidence and validity are replaced, earlier revisions stay.

    Raises NotFound, TaskHasMoved, NotAllowed, TaskNotAvailable (a colleague has accepted it, or nothing is to be handed
    in), InvalidEvidence, Refused (valid until a day that is past) or NeedsNotMet (what it needs is not there),
    in this order.
    """
    row = lock(work, prerequisite_id, seen)
    holders = casework.holders(work, row)
    standing = standing_of(work, row, holders)
    if standing is None:
        raise NotAllowed(roles=(row.acting or row.owner,))
    if is_with_colleague(work, row, holders):
        raise TaskNotAvailable(deed="held", status=row.status)
    kind = kind_of(work, row.kind)
    if row.status not in _when(work, row, kind)["complete"]:
        raise TaskNotAvailable(deed="complete", status=row.status)
    name, step = step_of(kind, row.step)
    earlier = casework.earlier_answers(work, "prerequisite", row.id)
    answers = evidence.read(step.evidence, given, earlier=earlier)
    valid_until = next((answer.value for answer in answers if answer.field == kind.valid_until), None)
    if isinstance(valid_until, dt.date) and valid_until < work.today:
        raise Refused("error.expired_already", date=valid_until)
    if _is_last(kind, name):
        insist_needs(work, row)

    kept = casework.keep_answers(
        work,
        answers,
        kind="prerequisite",
        subject_id=row.id,
        source=row.kind,
        attempt=row.round,
        earlier=earlier,
        owner={"prerequisite_id": row.id},
        body=row.body,
        asked=step.evidence,
    )
    casework.write_kept(work, kept)
    said = {"rows": kept.said, **casework.said_of_standing(standing)}
    if step.confirm is None:
        return _next(work, row, kind, said, held=row.status == "accepted")
    confirmer = _confirmer(row, step, standing, holders)
    changes = {
        "status": "submitted",
        "acting": confirmer,
        "holder_id": work.actor.id,
        "submitted_by": work.actor.id,
        "submitted_for": standing.on_behalf_of,
    } | _confirming(work, row)
    _record(work, row, "submitted", changes, **said)
    _notify(work, "confirm_asked", row, confirmer)
    return _view(row)


def confirm(work: Work, prerequisite_id: UUID, *, seen: int | None = None) -> PrerequisiteView:
    """Say as a second person that what was handed in for the present step is right.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed, SecondPersonNeeded or NeedsNotMet (what it needs
    is not there any more), in this order.
    """
    row = lock(work, prerequisite_id, seen)
    _insist_status(row, "confirm")
    standing = _insist_standing(work, row)
    _insist_second_person(work, row, standing)
    kind = kind_of(work, row.kind)
    if _is_last(kind, row.step):
        insist_needs(work, row)

    if row.submitted_by is not None:
        _tell(work, "confirmed", row, [row.submitted_by])
    return _next(work, row, kind, casework.said_of_standing(standing), held=True, confirmed=True)


def send_back(work: Work, prerequisite_id: UUID, reason: str, *, seen: int | None = None) -> PrerequisiteView:
    """Ask for more: the step is open again for who handed it in, and its deadline counts anew.

    Raises NotFound, TaskHasMoved, TaskNotAvailable, NotAllowed, SecondPersonNeeded or InvalidEvidence (no reason), in
    this order.
    """
    row = lock(work, prerequisite_id, seen)
    _insist_status(row, "send_back")
    standing = _insist_standing(work, row)
    _insist_second_person(work, row, standing)
    remark = _remark(work, row, reason)

    step = step_of(kind_of(work, row.kind), row.step)[1]
    submitted_by = row.submitted_for or row.submitted_by
    changes = {
        "status": "accepted",
        "acting": row.owner,
        "holder_id": submitted_by,
        "submitted_by": None,
        "submitted_for": None,
    }
    _record(
        work,
        row,
        "sent_back",
        changes | _clock(work, step.due, step.ladder, row),
        remark=remark,
        **casework.said_of_standing(standing),
    )
    if submitted_by is not None:
        _tell(work, "sent_back", row, [submitted_by])
    return _view(row)


def renew(work: Work, prerequisite_id: UUID, *, seen: int | None = None) -> PrerequisiteView:
    """Begin its steps anew while what was proved is still valid; cases stay connected until that day.

    The body itself and its team begin it. Raises NotFound, TaskHasMoved, TaskNotAvailable (it is not done) or
    NotAllowed, in this order.
    """
    row = lock(work, prerequisite_id, seen)
    if work.catalogue.is_recurring(row.kind):
        raise TaskNotAvailable(deed="renew", status=row.status)
    _insist_status(row, "renew")
    if not policy.may_request(work.actor, body=row.body, team=row.team):
        raise NotAllowed(roles=("umsetzungsteam", "body.digi"))
    kind = kind_of(work, row.kind)

    changes = _begin(work, kind, row, renewing=True) | {"status": "ready", "round": row.round + 1}
    may = partial(policy.may_request, body=row.body, team=row.team)
    _record(work, row, "renewing", changes, **casework.said_of_place(work.actor, may))
    _notify(work, "asked", row, row.owner)
    return _view(row)


def expire(engine: Engine) -> int:
    """Ask anew for what has expired, so that it is in somebody's inbox again; returns how much. Safe to run twice.

    One that fails is logged and left to the next pass.
    """
    with engine.read(SYSTEM) as work:
        proved = sa.or_(Prerequisite.status == "done", Prerequisite.renewing)
        past = (proved, Prerequisite.valid_until < work.today)
        query = sa.select(Prerequisite.id).where(*past).order_by(Prerequisite.valid_until, Prerequisite.id)
        found = list(work.session.execute(query).scalars())
    return sum(_alone(engine, partial(_expire, prerequisite_id=prerequisite_id)) for prerequisite_id in found)


def recur_daily(engine: Engine) -> int:
    """`recur` by the first pass of a day only: it looks through every case that is live, and what recurs is counted in
    months. A pass that is cut off is made again."""
    with engine.read(SYSTEM) as work:
        today = work.today
        if work.session.execute(sa.select(Installation.recurred_on)).scalar() == today:
            return 0
    begun = recur(engine)
    with engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Installation).values(recurred_on=today))
    return begun


def recur(engine: Engine) -> int:
    """Begin what is to be done once more today, and lay aside what no service that is live asks for any more; returns
    how much. Safe to run twice, late or on two machines: a body has one of each, open or not.

    One that fails is logged and left to the next pass.
    """
    with engine.read(SYSTEM) as work:
        found = [
            entry
            for name, kind in work.catalogue.shared.recurring.items()
            if work.catalogue.is_recurring(name)
            for entry in (*_to_begin(work, name, kind), *_left_behind(work, name, kind))
        ]
    return sum(_alone(engine, partial(_recur, body=body, entry=entry)) for body, entry in found)


def again_on(kind: RecurringKind, row: PrerequisiteRow | None, since: dt.date) -> dt.date:
    """The day on which it begins: some months after it was done or set aside, or after the service went live."""
    days = [since]
    if row is not None:
        days += [row.done_on] if row.done_on is not None else []
        days += [row.counted_from] if row.status == "set_aside" else []
    return months_after(max(days), kind.every.months)


def begin_again(work: Work, body: str) -> dict[UUID, dt.date]:
    """Of what recurs at a body and nobody is asked for now, when it begins anew."""
    kinds = {name: kind for name, kind in work.catalogue.shared.recurring.items() if work.catalogue.is_recurring(name)}
    rows = work.session.execute(
        sa.select(*_COLUMNS).where(
            Prerequisite.body == body, Prerequisite.kind.in_(kinds), Prerequisite.acting.is_(None)
        )
    )
    found = [PrerequisiteRow(*cells) for cells in rows]
    live = {name: live_since(work, kinds[name], body=body) for name in {row.kind for row in found}}
    return {
        row.id: again_on(kinds[row.kind], row, live[row.kind][row.body, row.scope])
        for row in found
        if (row.body, row.scope) in live[row.kind]
    }


def live_since(work: Work, kind: RecurringKind, *, body: str | None = None) -> dict[tuple[str, str], dt.date]:
    """Where it is to be done (body and scope), and since when a service is live there."""
    found = _live(kind)
    where = () if body is None else (found.c.body == body,)
    return {(ars, scope): since for ars, scope, since in work.session.execute(sa.select(found).where(*where))}


def review_soon(case: LockedCase) -> None:
    """Let `review` follow this deed: prerequisites are locked before cases, never while one is held."""
    if case.row.variant is not None:
        case.follow("review")


def review(work: Work, body: str) -> None:
    """Lay aside what a body was asked for because of cases and no open case needs any more; ask anew for what one needs
    again. Nobody is reminded of what is laid aside. Safe to run twice."""
    rows = work.session.execute(
        sa.select(*_COLUMNS)
        .where(Prerequisite.body == body, Prerequisite.status != "done")
        .order_by(Prerequisite.id)  # as everywhere: reminders lock several too
        .with_for_update(of=Prerequisite)
    ).all()
    needed = _needed(work, body)  # read when the rows are ours: nobody who asks for more goes unseen
    for row in (PrerequisiteRow(*cells) for cells in rows):
        if work.catalogue.is_recurring(row.kind):
            continue
        if row.status != "not_needed":
            _lay_aside(work, row, needed)
        elif Needed(row.kind, row.scope) in needed:
            _ask_anew(work, row, kind_of(work, row.kind))


def end(work: Work, body: str) -> None:
    """Ask a body that ended for nothing any more, also not for what was asked for by hand or will expire.

    What it has brought stays on record. Safe to run twice.
    """
    rows = work.session.execute(
        sa.select(*_COLUMNS)
        .where(Prerequisite.body == body, still_asked())
        .order_by(Prerequisite.id)  # as everywhere: reminders lock several too
        .with_for_update(of=Prerequisite)
    ).all()
    said = casework.said_of_place(work.actor, policy.may_follow_edition)
    for row in (PrerequisiteRow(*cells) for cells in rows):
        nobody = {"status": "not_needed", **_NOBODY} if row.status != "done" else {}
        _record(work, row, "body_ended", {"requested": False, **_silent(row), **nobody}, **said)


def still_asked() -> sa.ColumnElement[bool]:
    """Prerequisites somebody is asked for, or will be when they expire."""
    return sa.or_(
        Prerequisite.status.not_in(("done", "not_needed")), Prerequisite.requested, Prerequisite.remind_at.is_not(None)
    )


def waiting_cases(work: Work, body: str, kind: str, scope: str) -> list[UUID]:
    """Cases of the body that need this prerequisite and are not yet connected with it."""
    rows = work.session.execute(
        sa.select(Case.id, Case.service, Case.variant).where(
            Case.body == body, Case.ended_on.is_(None), Case.live_on.is_(None), Case.variant.is_not(None)
        )
    )
    return sorted(
        case_id
        for case_id, service, variant in rows
        if any(entry.kind == kind and entry.scope == scope for entry in work.catalogue.needed(service, variant))
    )


def open_ones(work: Work) -> list[PrerequisiteRow]:
    """Every prerequisite somebody is to act on, whoever sees it."""
    rows = work.session.execute(
        sa.select(*_COLUMNS)
        .where(Prerequisite.acting.is_not(None))
        .order_by(Prerequisite.body, Prerequisite.kind, Prerequisite.scope)
    )
    return [PrerequisiteRow(*row) for row in rows]


def kind_of(work: Work, name: str) -> PrerequisiteKind:
    """What the definitions say about a kind. Raises NotFound when they lost it."""
    kind = work.catalogue.prerequisite_kind(name)
    if kind is None:
        raise NotFound(what="prerequisite", name=name)
    return kind


def is_with_colleague(work: Work, row: PrerequisiteRow, holders: Sequence[policy.Holder]) -> bool:
    """Somebody else has accepted it, and still holds a role that matters to it."""
    return (
        row.status == "accepted"
        and row.holder_id is not None
        and not policy.is_ours(work.actor, row.holder_id, row)
        and any(holder.person_id == row.holder_id for holder in holders)
    )


def step_of(kind: PrerequisiteKind, name: str) -> tuple[str, PrerequisiteStep]:
    """The step of this name; the first one where the definitions lost it, or none has begun."""
    road = kind.road()
    return (name, road[name]) if name in road else next(iter(road.items()))


def insist_needs(work: Work, row: PrerequisiteRow) -> None:
    """Raises NeedsNotMet unless everything it needs is there and valid."""
    if reasons := unmet_needs(work, row):
        raise NeedsNotMet(reasons)


def unmet_needs(work: Work, row: PrerequisiteRow) -> list[requirements.Reason]:
    """What it needs and the body does not have yet."""
    needed = work.catalogue.needs_of(Needed(row.kind, row.scope))
    if not needed:
        return []
    known = casework.prerequisites_of(work, row.body, {entry.kind for entry in needed})
    return requirements.missing(work, needed, known)


def due(work: Work, row: PrerequisiteRow) -> DueDate | None:
    """How its due date came about: the very sum that set it. None while nobody is asked for it."""
    kind = work.catalogue.prerequisite_kind(row.kind)
    if kind is None or row.acting is None or row.due_on is None:
        return None
    rules = work.catalogue.programme.calendar
    rule = rules.confirm_within if row.status in ("submitted", "declined") else step_of(kind, row.step)[1].due
    counted = deadlines.due(work.catalogue.calendar, rule, Counting(row.counted_from), fixed=lambda _: None)
    ledger = _ledger(work, row)
    if row.promised_on is not None:
        return deadlines.promised(work.catalogue.calendar, row.promised_on, row.id, ledger)
    validity = DueDate(row.valid_until or row.due_on, "validity", (Step("fixed", 0, row.valid_until or row.due_on),))
    for base in (counted, deadlines.at_most(counted, row.valid_until), validity):
        found = deadlines.extended(work.catalogue.calendar, base, ledger)
        if found.date == row.due_on:
            return found
    return None


def _ledger(work: Work, row: PrerequisiteRow) -> tuple[Extended, ...]:
    """What was added to its date as it is counted now."""
    if not row.extended_days:
        return ()
    rows = work.session.execute(
        sa.select(Extension.given_on, Extension.days, Extension.id)
        .where(Extension.prerequisite_id == row.id, Extension.current)
        .order_by(Extension.given_on)
    )
    return tuple(Extended(*columns) for columns in rows)


# --- what a page offers ----------------------------------------------------------------------------------------------


def deeds(work: Work, row: PrerequisiteRow, holders: Sequence[policy.Holder]) -> tuple[str, ...]:
    """What this actor may do with it now: exactly the deeds that would not be refused for status or rights."""
    kind = work.catalogue.prerequisite_kind(row.kind)
    if kind is None:
        return ()
    when = _when(work, row, kind)
    return tuple(deed for deed, statuses in when.items() if row.status in statuses and _may(work, row, holders, deed))


def standing_of(work: Work, row: PrerequisiteRow, holders: Sequence[policy.Holder]) -> policy.Standing | None:
    """In what standing the actor may work on it, also as whom it was handed to by name; None when not at all."""
    actor = work.actor
    found = list(policy.standings(actor, row.acting or row.owner, row, lambda: holders))
    if row.status == "accepted" and row.holder_id is not None:
        for person, capacity in actor.capacities():
            if row.holder_id == (person or actor.id):
                own = next((one for one in found if one.on_behalf_of == person), None)
                who = actor if person is None else capacity
                return own or policy.standing_of_assignee(who, row.owner, row, on_behalf_of=person)
    if row.status == "submitted":
        return next((one for one in found if is_second_person(work, row, one)), next(iter(found), None))
    return next(iter(found), None)


def is_second_person(work: Work, row: PrerequisiteRow, standing: policy.Standing) -> bool:
    """Whether the actor, and whom the actor stands in for, are other humans than those who handed the proof in."""
    return _is_other(work, row, work.actor.id, standing.on_behalf_of)


def eligible(work: Work, row: PrerequisiteRow, holders: Sequence[policy.Holder]) -> set[UUID]:
    """Who may be handed it: who is in charge, everybody with a role at the body, for a supervisor the team."""
    people = set(policy.in_charge(row.acting or row.owner, row, holders)[1])
    if row.owner.startswith("body."):
        people |= {holder.person_id for holder in holders if policy.stands_for_body(holder, row)}
    if row.team in work.actor.teams("supervisor"):
        people |= {holder.person_id for holder in holders if holder.team == row.team}
    return people


def _may(work: Work, row: PrerequisiteRow, holders: Sequence[policy.Holder], deed: str) -> bool:
    actor = work.actor
    if deed == "release" and policy.is_ours(work.actor, row.holder_id, row):
        return True
    if deed in ("assign", "release"):
        return policy.may_assign(actor, row.acting or row.owner, row)
    if deed in ("hand_back", "set_aside"):
        return policy.allows(actor, ("umsetzungsteam", "supervisor"), row)
    if deed == "extend":
        return policy.allows(actor, ("supervisor",), row)
    if deed == "renew":
        return policy.may_request(actor, body=row.body, team=row.team)
    found = standing_of(work, row, holders)
    if found is None or is_with_colleague(work, row, holders):
        return False
    return deed not in ("confirm", "send_back") or is_second_person(work, row, found)


# --- helpers, in the order they are called ---------------------------------------------------------------------------


def _known(work: Work, body: str) -> set[Needed]:
    """What the body has been asked for already."""
    rows = work.session.execute(sa.select(Prerequisite.kind, Prerequisite.scope).where(Prerequisite.body == body))
    return {Needed(row.kind, row.scope) for row in rows}


def _needed(work: Work, body: str) -> set[Needed]:
    """What the open cases of a body need, whether they are live or not, and what was asked for by hand needs."""
    rows = work.session.execute(
        sa.select(Case.service, Case.variant).where(
            Case.body == body, Case.ended_on.is_(None), Case.variant.is_not(None)
        )
    )
    by_hand = work.session.execute(
        sa.select(Prerequisite.kind, Prerequisite.scope).where(Prerequisite.body == body, Prerequisite.requested)
    )
    return {entry for service, variant in rows for entry in work.catalogue.needed(service, variant)} | set(
        work.catalogue.with_needs(Needed(kind, scope) for kind, scope in by_hand)
    )


def _lay_aside(work: Work, row: PrerequisiteRow, needed: set[Needed]) -> bool:
    """Ask nobody for it any more, unless it is needed or was asked for by hand; says whether."""
    if row.requested or Needed(row.kind, row.scope) in needed:
        return False
    _record(work, row, "laid_aside", _given_up(work, row, "not_needed"))
    return True


def _given_up(work: Work, row: PrerequisiteRow, status: str) -> dict[str, Any]:
    """Nobody is asked any more; what a renewal should have replaced stays what it was."""
    if not row.renewing:
        return {"status": status, **_NOBODY, **_silent(row)}
    back = _renewal(work, kind_of(work, row.kind), row, row.valid_until)
    return {"status": "done", **_NOBODY, **back}


def _ask_anew(
    work: Work,
    row: PrerequisiteRow,
    kind: PrerequisiteKind,
    *,
    requested: bool = False,
    said: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Ask once more for what was laid aside; its date counts from today."""
    changes = {"status": "ready", "requested": requested, "round": row.round + 1} | _begin(work, kind, row)
    _record(work, row, "asked", changes, **said)
    _notify(work, "asked", row, row.owner)


def _when(work: Work, row: PrerequisiteRow, kind: PrerequisiteKind) -> dict[str, tuple[str, ...]]:
    """In which status which deed can be done with this one."""
    if work.catalogue.is_recurring(row.kind):
        return _WHEN | {"renew": ()}
    return _WHEN if kind.steps else _WHEN | {"complete": _AT_ONCE}


def _alone(engine: Engine, deed: Callable[[Work], bool]) -> bool:
    """One of many things time does, as a piece of work of its own: whether it changed anything. A failure is logged."""
    try:
        with engine.change(SYSTEM) as work:
            return deed(work)
    except (Busy, OperationalError):
        raise
    except Exception:
        log.exception("a prerequisite is left to the next pass")
        return False


def _expire(work: Work, prerequisite_id: UUID) -> bool:
    row = lock(work, prerequisite_id)
    if not (row.status == "done" or row.renewing) or row.valid_until is None or row.valid_until >= work.today:
        return False
    if row.renewing:  # somebody is at it already
        _record(work, row, "lapsed", {"renewing": False})
        return True
    kind = work.catalogue.prerequisite_kind(row.kind)
    name, step = step_of(kind, "") if kind is not None else (row.step, None)
    owner = step.owner if step else row.owner
    changes = {"status": "expired", "step": name, "owner": owner, "acting": owner, "holder_id": None}
    _record(work, row, "expired", changes | {"round": row.round + 1, "submitted_by": None, "submitted_for": None})
    if not _lay_aside(work, row, _needed(work, row.body)):
        _notify(work, "asked", row, row.owner)
    return True


_OVER = ("done", "set_aside", "not_needed")
"""In which status what recurs waits for its next day."""


def _live(kind: RecurringKind) -> sa.Subquery:
    """Bodies that have a service which is live, with the scope and the day since when."""
    scope = Case.service if kind.of_each == "service" else sa.literal("")
    return (
        sa.select(Case.body.label("body"), scope.label("scope"), sa.func.min(Case.live_on).label("since"))
        .join(Body, Body.ars == Case.body)
        .where(Case.live_on.is_not(None), Case.ended_on.is_(None), Body.valid_until.is_(None))
        .group_by(Case.body, *([Case.service] if kind.of_each == "service" else []))
        .subquery("live")
    )


def _to_begin(work: Work, name: str, kind: RecurringKind) -> list[tuple[str, Needed]]:
    """Where its day has come."""
    live = _live(kind)
    # A few days too many, because months are of different length: `again_on` says it exactly.
    before = months_after(work.today, -kind.every.months) + dt.timedelta(days=3)
    its_own = (Prerequisite.body == live.c.body, Prerequisite.kind == name, Prerequisite.scope == live.c.scope)
    over = (Prerequisite.status.in_(_OVER), sa.func.coalesce(Prerequisite.done_on, before) <= before)
    rows = work.session.execute(
        sa.select(live.c.body, live.c.scope, live.c.since, *_COLUMNS)
        .outerjoin(Prerequisite, sa.and_(*its_own))
        .where(live.c.since <= before, sa.or_(Prerequisite.id.is_(None), sa.and_(*over)))
        .order_by(live.c.body, live.c.scope)
    )
    return [
        (body, Needed(name, scope))
        for body, scope, since, *cells in rows
        if again_on(kind, PrerequisiteRow(*cells) if cells[0] is not None else None, since) <= work.today
    ]


def _left_behind(work: Work, name: str, kind: RecurringKind) -> list[tuple[str, Needed]]:
    """Where somebody is asked for it and no service that would want it is live any more."""
    its_own = [Case.service == Prerequisite.scope] if kind.of_each == "service" else []
    still = (Case.live_on.is_not(None), Case.ended_on.is_(None), Body.valid_until.is_(None))
    there = sa.exists().where(Case.body == Prerequisite.body, Body.ars == Case.body, *still, *its_own)
    rows = work.session.execute(
        sa.select(Prerequisite.body, Prerequisite.scope).where(
            Prerequisite.kind == name, Prerequisite.acting.is_not(None), ~there
        )
    )
    return [(body, Needed(name, scope)) for body, scope in rows]


def _recur(work: Work, body: str, entry: Needed) -> bool:
    """Begin or lay aside one of them, if that is still right when its row is ours; says whether."""
    kind = work.catalogue.shared.recurring.get(entry.kind)
    team = _team_of(work, body)
    if kind is None or team is None:
        return False
    row = _lock_named(work, body, [entry]).get(entry)
    since = live_since(work, kind, body=body).get((body, entry.scope))
    if since is None:
        if row is None or row.acting is None:
            return False
        _record(work, row, "laid_aside", _given_up(work, row, "not_needed"))
        return True
    if (row is not None and row.status not in _OVER) or again_on(kind, row, since) > work.today:
        return False
    if row is None:
        return _ask(work, body, team, entry) is not None
    _ask_anew(work, row, kind.as_prerequisite())
    return True


def _team_of(work: Work, body: str) -> str | None:
    """The team of the body's district, also where a service has a team of its own: others wait for it too."""
    return work.session.execute(
        sa.select(TeamDistrict.team).join(Body, Body.district == TeamDistrict.district).where(Body.ars == body)
    ).scalar()


def _has_ended(work: Work, body: str) -> bool:
    return work.session.execute(sa.select(Body.valid_until).where(Body.ars == body)).scalar() is not None


def _begin(
    work: Work, kind: PrerequisiteKind, row: PrerequisiteRow | None, *, step: str = "", renewing: bool = False
) -> dict[str, Any]:
    """The columns with which a step begins: by default the first of a round."""
    name, entered = step_of(kind, step)
    return {
        "step": name,
        "renewing": renewing,
        "owner": entered.owner,
        "acting": entered.owner,
        "holder_id": None,
        "submitted_by": None,
        "submitted_for": None,
        **_clock(work, entered.due, entered.ladder, row, at_most=row.valid_until if row and renewing else None),
    }


def _clock(
    work: Work, rule: Due, ladder: str, row: PrerequisiteRow | None, *, at_most: dt.date | None = None
) -> dict[str, Any]:
    """The columns of a date that counts from today, never later than the day on which the former proof ends."""
    due_on = deadlines.due(work.catalogue.calendar, rule, Counting(work.today), fixed=lambda _: None).date
    latest = at_most or (row.valid_until if row is not None and row.renewing else None)
    due_on = min(due_on, latest) if latest is not None else due_on
    return {
        "counted_from": work.today,
        "extended_days": 0,
        "promised_on": None,
        "due_on": due_on,
        "ladder": ladder,
        "generation": row.generation + 1 if row is not None else 1,
        **_ring(work, ladder, due_on, work.today),
    }


def _confirming(work: Work, row: PrerequisiteRow) -> dict[str, Any]:
    """The clock of whoever checks what was handed in, or decides on a refusal."""
    rules = work.catalogue.programme.calendar
    return _clock(work, rules.confirm_within, rules.confirm_ladder, row)


def _ring(work: Work, ladder: str, due_on: dt.date, counted_from: dt.date) -> dict[str, Any]:
    """The columns that say when somebody is reminded next."""
    rungs = work.catalogue.programme.ladders.get(ladder)
    ring = (
        deadlines.next_ring(work.catalogue.calendar, rungs, due_on, counted_from, now=work.now)
        if rungs is not None
        else None
    )
    return {
        "remind_at": ring.at if ring else None,
        "rung": ring.rung if ring else None,
        "occurrence": ring.occurrence if ring else 0,
    }


def _silent(row: PrerequisiteRow) -> dict[str, Any]:
    return {"remind_at": None, "rung": None, "occurrence": 0, "generation": row.generation + 1}


_NOBODY: dict[str, Any] = {
    "acting": None,
    "holder_id": None,
    "submitted_by": None,
    "submitted_for": None,
    "promised_on": None,
    "due_on": None,
    "renewing": False,
}


def _ask(
    work: Work,
    body: str,
    team: str,
    entry: Needed,
    *,
    requested: bool = False,
    said: Mapping[str, Any] = MappingProxyType({}),
) -> PrerequisiteRow | None:
    """Create the prerequisite unless it is there already; None when it is."""
    kind = kind_of(work, entry.kind)
    row = PrerequisiteRow(
        id=uuid4(),
        body=body,
        kind=entry.kind,
        scope=entry.scope,
        team=team,
        round=1,
        status="ready",
        requested=requested,
        version=1,
        done_on=None,
        valid_until=None,
        seq=0,
        head=events.START,
        **_begin(work, kind, None),
    )
    values = {column.name: getattr(row, column.name) for column in fields(PrerequisiteRow)}
    content = {"prerequisite": casework.said_of(values), **said}
    entry_link = events.link(work, "prerequisite", row.id, 0, events.START, "asked", content)
    row.seq, row.head = entry_link.seq, entry_link.head
    values |= {"seq": row.seq, "head": row.head}
    if not database.insert_missing(work.session, Prerequisite, values):
        return None
    work.session.execute(events.APPEND, entry_link.values)
    _notify(work, "asked", row, row.owner)
    for role in step_of(kind, row.step)[1].informs:
        _notify(work, "informed", row, role)
    return row


def lock(work: Work, prerequisite_id: UUID, seen: int | None = None) -> PrerequisiteRow:
    """The prerequisite, ours until the transaction ends. Raises NotFound or TaskHasMoved."""
    row = work.session.execute(
        sa.select(*_COLUMNS)
        .where(Prerequisite.id == prerequisite_id, policy.prerequisites(work.actor))
        .with_for_update(of=Prerequisite)
    ).first()
    if row is None:
        raise NotFound(what="prerequisite")
    found = PrerequisiteRow(*row)
    if seen is not None and seen != found.version:
        raise TaskHasMoved
    return found


def _lock_named(work: Work, body: str, wanted: Sequence[Needed]) -> dict[Needed, PrerequisiteRow]:
    """Those of the wanted ones that are there, ours until the transaction ends."""
    which = [sa.and_(Prerequisite.kind == entry.kind, Prerequisite.scope == entry.scope) for entry in wanted]
    rows = work.session.execute(
        sa.select(*_COLUMNS)
        .where(Prerequisite.body == body, sa.or_(*which))
        .order_by(Prerequisite.id)  # as everywhere: reminders lock several too
        .with_for_update(of=Prerequisite)
    )
    found = [PrerequisiteRow(*cells) for cells in rows]
    return {Needed(row.kind, row.scope): row for row in found}


def _insist_status(row: PrerequisiteRow, deed: str) -> None:
    if row.status not in _WHEN[deed]:
        raise TaskNotAvailable(deed=deed, status=row.status)


def _insist_standing(work: Work, row: PrerequisiteRow) -> policy.Standing:
    """Raises NotAllowed unless the actor is in charge, or TaskNotAvailable when a colleague has accepted it."""
    holders = casework.holders(work, row)
    found = standing_of(work, row, holders)
    if found is None:
        raise NotAllowed(roles=(row.acting or row.owner,))
    if is_with_colleague(work, row, holders):
        raise TaskNotAvailable(deed="held", status=row.status)
    return found


def _insist_second_person(work: Work, row: PrerequisiteRow, standing: policy.Standing) -> None:
    """Raises SecondPersonNeeded, naming who could, when the actor is no other human than who handed it in."""
    if is_second_person(work, row, standing):
        return
    in_charge = policy.in_charge(row.acting or row.owner, row, casework.holders(work, row))[1]
    others = [person_id for person_id in in_charge if _is_other(work, row, person_id)]
    raise SecondPersonNeeded(people=", ".join(casework.names(work, others)))


def _is_other(work: Work, row: PrerequisiteRow, *acts: UUID | None) -> bool:
    did = (row.submitted_by, row.submitted_for)
    return policy.are_four_eyes(acts, did, lambda people: casework.humans(work, people))


def _said_of_assigning(work: Work, row: PrerequisiteRow) -> dict[str, UUID]:
    owner = row.acting or row.owner
    return casework.said_of_place(work.actor, lambda who: policy.may_assign(who, owner, row))


def _words(reason: str) -> str:
    """A reason as it is kept. Raises InvalidEvidence when there is none, or it is too long."""
    (answer,) = evidence.read({"reason": evidence.REASON}, {"reason": reason})
    return str(answer.value)


def _remark(work: Work, row: PrerequisiteRow, reason: str) -> dict[str, Any]:
    return events.remark(work, row.id, _words(reason))


def _is_last(kind: PrerequisiteKind, step: str) -> bool:
    return step_of(kind, step)[0] == list(kind.road())[-1]


def _next(
    work: Work,
    row: PrerequisiteRow,
    kind: PrerequisiteKind,
    said: dict[str, Any],
    *,
    held: bool,
    confirmed: bool = False,
) -> PrerequisiteView:
    """The present step is done: the next one begins, with who has taken it on if it is the same role's; or all is."""
    road = list(kind.road())
    present = step_of(kind, row.step)[0]
    if present != road[-1]:
        following = road[road.index(present) + 1]
        changes = _begin(work, kind, row, step=following, renewing=row.renewing)
        if held and changes["owner"] == row.owner and row.holder_id is not None:
            changes |= {"status": "accepted", "holder_id": row.holder_id}
        else:
            changes |= {"status": "ready"}
        _record(work, row, "step_confirmed" if confirmed else "step_done", changes, done=present, **said)
        if row.status == "ready":
            _notify(work, "asked", row, row.owner)
        for role in kind.road()[following].informs:
            _notify(work, "informed", row, role)
        return _view(row)

    until = casework.earlier_answers(work, "prerequisite", row.id).get(kind.valid_until or "")
    valid_until = until.value if until is not None and isinstance(until.value, dt.date) else None
    changes = {
        "status": "done",
        "renewing": False,
        "acting": None,
        "holder_id": row.submitted_by or work.actor.id,
        "submitted_by": None,
        "submitted_for": None,
        "done_on": work.today,
        "valid_until": valid_until,
        **_renewal(work, kind, row, valid_until),
    }
    _record(
        work, row, "confirmed" if confirmed else "completed", changes, **({"done": present} if present else {}), **said
    )
    waiting = waiting_cases(work, row.body, row.kind, row.scope)
    followups.queue(work.session, "prerequisite", row.id, row.seq, waiting)
    return _view(row, waiting=len(waiting))


def _confirmer(
    row: PrerequisiteRow,
    step: PrerequisiteStep,
    standing: policy.Standing,
    holders: Sequence[policy.Holder],
) -> str:
    """Who checks. What a team recorded for a body is checked by the body, if anybody there has an account."""
    assert step.confirm is not None  # noqa: S101 - asked of steps that name one
    if standing.for_the_body and step.confirm == "umsetzungsteam":
        for role in ("body.leitung", "body.digi"):
            if policy.in_charge(role, row, holders)[0] == role:
                return role
    return step.confirm


def keep(work: Work, row: PrerequisiteRow, act: str, changes: dict[str, Any], /, **said: Any) -> None:
    """Keep changes that no page of it shows, with an entry of its chain: its version stays."""
    _record(work, row, act, changes, True, **said)


def promise(work: Work, row: PrerequisiteRow, on: dt.date, act: str, /, **said: Any) -> None:
    """It is due on the day somebody promised it for, whatever was added to its date before."""
    changes = {
        "promised_on": on,
        "extended_days": 0,
        "due_on": on,
        "generation": row.generation + 1,
        **_ring(work, row.ladder or "", on, row.counted_from),
    }
    _record(work, row, act, changes, **said)


def _record(
    work: Work, row: PrerequisiteRow, act: str, changes: dict[str, Any], unseen: bool = False, /, **said: Any
) -> None:
    """Keep changes of a prerequisite with an entry of its chain."""
    if row.step:
        said = {"step": row.step, **said}
    if row.extended_days and changes.get("extended_days") == 0:
        said["rows"] = {**said.get("rows", {}), "extension": _count_anew(work, row)}
    before = row.version
    changes = changes if unseen else {**changes, "version": before + 1}
    chained = {name: value for name, value in changes.items() if name not in casework.UNCHAINED}
    was = casework.said_before({name: getattr(row, name) for name in chained}, chained)
    said = {"prerequisite": chained, **said, **({"before": {"prerequisite": was}} if was else {})}
    entry = events.record(work, "prerequisite", row.id, row.seq, row.head, act, said)
    changes = {**changes, "seq": entry.seq, "head": entry.head}
    changed = work.session.execute(
        sa.update(Prerequisite).where(Prerequisite.id == row.id, Prerequisite.version == before).values(**changes)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise TaskHasMoved
    for name, value in changes.items():
        setattr(row, name, value)


def _count_anew(work: Work, row: PrerequisiteRow) -> dict[str, Any]:
    """What was added to an earlier date stays with that date; returns what history says of it."""
    ours = [extension.id for extension in _ledger(work, row) if extension.id is not None]
    work.session.execute(sa.update(Extension).where(Extension.id.in_(ours)).values(current=False))
    return {extension_id.hex: {"current": False} for extension_id in ours}


def _renewal(work: Work, kind: PrerequisiteKind, row: PrerequisiteRow, valid_until: dt.date | None) -> dict[str, Any]:
    """Once done, the ladder of its expiry runs, if it expires."""
    silent = {**_silent(row), "promised_on": None}
    if valid_until is None or kind.expiry_ladder is None:
        return {**silent, "due_on": row.due_on}
    return {
        **silent,
        "due_on": valid_until,
        "ladder": kind.expiry_ladder,
        "counted_from": work.today,
        "extended_days": 0,
        **_ring(work, kind.expiry_ladder, valid_until, work.today),
    }


def _notify(work: Work, name: str, row: PrerequisiteRow, role: str) -> None:
    _tell(work, name, row, policy.in_charge(role, row, casework.holders(work, row))[1])


def _tell(work: Work, name: str, row: PrerequisiteRow, people: Iterable[UUID]) -> None:
    """A notice for each, or for who stands in; nobody is told what they just did themselves."""
    holders = casework.holders(work, row)
    facts = events.plain({"prerequisite": row.kind, "body": row.body, "due": row.due_on})
    notices = [
        {
            "id": uuid4(),
            "recipient_id": person_id,
            "name": name,
            "subject_kind": "prerequisite",
            "subject_id": row.id,
            "case_id": None,
            "urgency": 0,
            "facts": canonical(facts if away is None else {**facts, "on_behalf_of": away.hex}),
            "created_at": work.now,
            **messages.timing(name, work.now),
        }
        for person_id, away in policy.reached(people, holders, asks=name not in messages.NEWS).items()
        if person_id != work.actor.id
    ]
    if notices:
        work.session.execute(sa.insert(Notice), notices)


def _view(row: PrerequisiteRow, *, waiting: int = 0) -> PrerequisiteView:
    return PrerequisiteView(row.id, row.status, row.version, row.step, waiting)


_COLUMNS: Sequence[Any] = [getattr(Prerequisite, column.name) for column in fields(PrerequisiteRow)]
