"""What a body does once and many cases wait for: a FIT-Connect endpoint, a payment mandate, a certificate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import casework, database, deadlines, events, evidence, followups, policy
from workflow.casework import LockedCase
from workflow.deadlines import Counting
from workflow.definition import Needed, PrerequisiteKind, canonical
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import Conflict, NotAllowed, NotFound, Refused, TaskHasMoved, TaskNotAvailable
from workflow.evidence import NOTHING, Given
from workflow.models import Body, Case, Notice, Prerequisite, TeamDistrict


@dataclass(slots=True)
class PrerequisiteRow:
    """The columns of a prerequisite. `service` and `operator` are there for the rights it shares with tasks."""

    id: UUID
    body: str
    kind: str
    scope: str
    owner: str
    team: str
    status: str
    requested: bool
    acting: str | None
    version: int
    holder_id: UUID | None
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
    """Ask a body for a prerequisite before any case needs it, as its team or the body itself.

    Raises NotFound (no such kind or body, or one that ended), NotAllowed, NotFound (a scope where there is none, or
    none where there must be one) or Conflict (it has been asked for already), in this order.
    """
    asked = kind_of(work, kind)
    team = _team_of(work, body)
    if team is None or _has_ended(work, body):
        raise NotFound(what="body", name=body)
    if not policy.may_request(work.actor, body=body, team=team):
        raise NotAllowed(roles=("umsetzungsteam", "body.digi"))
    if bool(scope) != (asked.scoped_by is not None):
        raise NotFound(what="prerequisite", name=f"{kind} {scope}".strip())
    row = _ask(work, body, team, Needed(kind, scope), requested=True)
    if row is None:
        row = _lock_named(work, body, Needed(kind, scope))
        if row.status != "not_needed":
            raise Conflict(what="prerequisite")
        _ask_anew(work, row, asked, requested=True)
    return _view(row)


def accept(work: Work, prerequisite_id: UUID, *, seen: int | None = None) -> PrerequisiteView:
    """Claim a prerequisite.

    Raises NotFound, TaskHasMoved, TaskNotAvailable (not open, or a colleague has it) or NotAllowed, in this order.
    """
    row = _lock(work, prerequisite_id, seen)
    if row.status not in ("ready", "expired"):
        raise TaskNotAvailable(deed="accept", status=row.status)
    standing = _insist_standing(work, row)

    _record(work, row, "accepted", {"status": "accepted", "holder_id": work.actor.id}, **_instead(standing))
    return _view(row)


def complete(work: Work, prerequisite_id: UUID, given: Given = NOTHING, *, seen: int | None = None) -> PrerequisiteView:
    """Hand in what proves it; every case that waits for it learns of it.

    Also renews one that is done: its evidence and validity are replaced, earlier revisions stay. Raises NotFound,
    TaskHasMoved, NotAllowed, TaskNotAvailable (a colleague has accepted it), InvalidEvidence or Refused (valid until a
    day that is past), in this order.
    """
    row = _lock(work, prerequisite_id, seen)
    standing = _insist_standing(work, row)
    if is_with_colleague(work, row, casework.holders(work, row)):
        raise TaskNotAvailable(deed="held", status=row.status)
    kind = kind_of(work, row.kind)
    earlier = casework.earlier_answers(work, "prerequisite", row.id)
    answers = evidence.read(kind.evidence, given, earlier=earlier)
    valid_until = next((answer.value for answer in answers if answer.field == kind.valid_until), None)
    if isinstance(valid_until, dt.date) and valid_until < work.today:
        raise Refused("error.expired_already", date=valid_until)

    kept = casework.keep_answers(
        work,
        answers,
        kind="prerequisite",
        subject_id=row.id,
        source=row.kind,
        attempt=row.generation + 1,
        earlier=earlier,
        owner={"prerequisite_id": row.id},
    )
    casework.write_kept(work, kept)
    changes: dict[str, Any] = {
        "status": "done",
        "acting": None,
        "holder_id": work.actor.id,
        "done_on": work.today,
        "valid_until": valid_until,
        **_renewal(work, kind, row, valid_until),
    }
    _record(work, row, "completed", changes, rows=kept.said, **_instead(standing))
    waiting = waiting_cases(work, row.body, row.kind, row.scope)
    followups.queue(work.session, "prerequisite", row.id, row.seq, waiting)
    return _view(row, waiting=len(waiting))


def expire(engine: Engine) -> int:
    """Ask anew for what has expired, so that it is in somebody's inbox again; returns how much. Safe to run twice."""
    with engine.read(SYSTEM) as work:
        past = (Prerequisite.status == "done", Prerequisite.valid_until < work.today)
        found = list(work.session.execute(sa.select(Prerequisite.id).where(*past).order_by(Prerequisite.id)).scalars())
    expired = 0
    for prerequisite_id in found:
        with engine.change(SYSTEM) as work:
            row = _lock(work, prerequisite_id, None)
            if row.status != "done" or row.valid_until is None or row.valid_until >= work.today:
                continue
            _record(work, row, "expired", {"status": "expired", "acting": row.owner, "holder_id": None})
            expired += 1
            if not _lay_aside(work, row, _needed(work, row.body)):
                _notify(work, "asked", row, row.owner)
    return expired


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
    for row in (PrerequisiteRow(*cells) for cells in rows):
        silent = {"remind_at": None, "rung": None, "occurrence": 0, "generation": row.generation + 1}
        nobody = {"status": "not_needed", "acting": None, "holder_id": None, "due_on": None}
        _record(work, row, "body_ended", {"requested": False, **silent, **(nobody if row.status != "done" else {})})


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
    kind = work.catalogue.shared.prerequisites.get(name)
    if kind is None:
        raise NotFound(what="prerequisite", name=name)
    return kind


def is_with_colleague(work: Work, row: PrerequisiteRow, holders: Sequence[policy.Holder]) -> bool:
    """Somebody else has accepted it, and still holds a role that matters to it."""
    return (
        row.status == "accepted"
        and row.holder_id not in (None, work.actor.id)
        and any(holder.person_id == row.holder_id for holder in holders)
    )


def _known(work: Work, body: str) -> set[Needed]:
    """What the body has been asked for already."""
    rows = work.session.execute(sa.select(Prerequisite.kind, Prerequisite.scope).where(Prerequisite.body == body))
    return {Needed(row.kind, row.scope) for row in rows}


def _needed(work: Work, body: str) -> set[Needed]:
    """What the open cases of a body need, whether they are live or not."""
    rows = work.session.execute(
        sa.select(Case.service, Case.variant).where(
            Case.body == body, Case.ended_on.is_(None), Case.variant.is_not(None)
        )
    )
    return {entry for service, variant in rows for entry in work.catalogue.needed(service, variant)}


def _lay_aside(work: Work, row: PrerequisiteRow, needed: set[Needed]) -> bool:
    """Ask nobody for it any more, unless it is needed or was asked for by hand; says whether."""
    if row.requested or Needed(row.kind, row.scope) in needed:
        return False
    silent = {"remind_at": None, "rung": None, "occurrence": 0, "generation": row.generation + 1}
    nobody = {"status": "not_needed", "acting": None, "holder_id": None, "due_on": None}
    _record(work, row, "laid_aside", nobody | silent)
    return True


def _ask_anew(work: Work, row: PrerequisiteRow, kind: PrerequisiteKind, *, requested: bool = False) -> None:
    """Ask once more for what was laid aside; its date counts from today."""
    changes = {"status": "ready", "acting": kind.owner, "owner": kind.owner, "requested": requested}
    _record(work, row, "asked", changes | _clock(work, kind) | {"generation": row.generation + 1})
    _notify(work, "asked", row, kind.owner)


def _team_of(work: Work, body: str) -> str | None:
    """The team of the body's district, also where a service has a team of its own: others wait for it too."""
    return work.session.execute(
        sa.select(TeamDistrict.team).join(Body, Body.district == TeamDistrict.district).where(Body.ars == body)
    ).scalar()


def _has_ended(work: Work, body: str) -> bool:
    return work.session.execute(sa.select(Body.valid_until).where(Body.ars == body)).scalar() is not None


def _clock(work: Work, kind: PrerequisiteKind) -> dict[str, Any]:
    """The columns of a date that counts from today."""
    calendar = work.catalogue.calendar
    due_on = deadlines.due(calendar, kind.due, Counting(work.today), fixed=lambda _: None).date
    ladder = work.catalogue.programme.ladders[kind.ladder]
    ring = deadlines.next_ring(calendar, ladder, due_on, work.today, now=work.now)
    return {
        "counted_from": work.today,
        "due_on": due_on,
        "ladder": kind.ladder,
        "remind_at": ring.at if ring else None,
        "rung": ring.rung if ring else None,
        "occurrence": ring.occurrence if ring else 0,
    }


def _ask(work: Work, body: str, team: str, entry: Needed, *, requested: bool = False) -> PrerequisiteRow | None:
    """Create the prerequisite unless it is there already; None when it is."""
    kind = kind_of(work, entry.kind)
    row = PrerequisiteRow(
        id=uuid4(),
        body=body,
        kind=entry.kind,
        scope=entry.scope,
        owner=kind.owner,
        team=team,
        status="ready",
        requested=requested,
        acting=kind.owner,
        version=1,
        holder_id=None,
        extended_days=0,
        done_on=None,
        valid_until=None,
        generation=1,
        seq=0,
        head=events.START,
        **_clock(work, kind),
    )
    values = {column.name: getattr(row, column.name) for column in fields(PrerequisiteRow)}
    content = {"prerequisite": casework.said_of(values)}
    entry_link = events.link(work, "prerequisite", row.id, 0, events.START, "asked", content)
    row.seq, row.head = entry_link.seq, entry_link.head
    values |= {"seq": row.seq, "head": row.head}
    if not database.insert_missing(work.session, Prerequisite, values):
        return None
    work.session.execute(events.APPEND, entry_link.values)
    _notify(work, "asked", row, kind.owner)
    for role in kind.informs:
        _notify(work, "informed", row, role)
    return row


def _lock(work: Work, prerequisite_id: UUID, seen: int | None) -> PrerequisiteRow:
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


def _lock_named(work: Work, body: str, entry: Needed) -> PrerequisiteRow:
    cells = work.session.execute(
        sa.select(*_COLUMNS)
        .where(Prerequisite.body == body, Prerequisite.kind == entry.kind, Prerequisite.scope == entry.scope)
        .with_for_update(of=Prerequisite)
    ).one()
    return PrerequisiteRow(*cells)


def _insist_standing(work: Work, row: PrerequisiteRow) -> policy.Standing:
    found = policy.standing(work.actor, row.owner, row, lambda: casework.holders(work, row))
    if found is None:
        raise NotAllowed(roles=(row.owner,))
    return found


def _instead(standing: policy.Standing) -> dict[str, str]:
    """What history says when somebody acts in a role nobody holds."""
    return {"standing": standing.role, "instead_of": standing.instead_of} if standing.instead_of else {}


def _record(work: Work, row: PrerequisiteRow, act: str, changes: dict[str, Any], **said: Any) -> None:
    """Keep changes of a prerequisite with an entry of its chain."""
    before = row.version
    changes = {**changes, "version": before + 1}
    chained = {name: value for name, value in changes.items() if name not in casework.UNCHAINED}
    entry = events.record(work, "prerequisite", row.id, row.seq, row.head, act, {"prerequisite": chained, **said})
    changes = {**changes, "seq": entry.seq, "head": entry.head}
    changed = work.session.execute(
        sa.update(Prerequisite).where(Prerequisite.id == row.id, Prerequisite.version == before).values(**changes)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise TaskHasMoved
    for name, value in changes.items():
        setattr(row, name, value)


def _renewal(work: Work, kind: PrerequisiteKind, row: PrerequisiteRow, valid_until: Any) -> dict[str, Any]:
    """Once done, the ladder of its expiry runs, if it expires."""
    silent = {"remind_at": None, "rung": None, "occurrence": 0, "generation": row.generation + 1}
    if not isinstance(valid_until, dt.date) or kind.expiry_ladder is None:
        return {**silent, "due_on": row.due_on}
    ladder = work.catalogue.programme.ladders[kind.expiry_ladder]
    ring = deadlines.next_ring(work.catalogue.calendar, ladder, valid_until, work.today, now=work.now)
    return {
        **silent,
        "due_on": valid_until,
        "ladder": kind.expiry_ladder,
        "counted_from": work.today,
        "remind_at": ring.at if ring else None,
        "rung": ring.rung if ring else None,
    }


def _notify(work: Work, name: str, row: PrerequisiteRow, role: str) -> None:
    _, people = policy.in_charge(role, row, casework.holders(work, row))
    facts = canonical(events.plain({"prerequisite": row.kind, "body": row.body, "due": row.due_on}))
    notices = [
        {
            "id": uuid4(),
            "recipient_id": person_id,
            "name": name,
            "subject_kind": "prerequisite",
            "subject_id": row.id,
            "case_id": None,
            "urgency": 0,
            "facts": facts,
            "created_at": work.now,
        }
        for person_id in people
        if person_id != work.actor.id
    ]
    if notices:
        work.session.execute(sa.insert(Notice), notices)


def _view(row: PrerequisiteRow, *, waiting: int = 0) -> PrerequisiteView:
    return PrerequisiteView(row.id, row.status, row.version, waiting)


_COLUMNS: Sequence[Any] = [getattr(Prerequisite, column.name) for column in fields(PrerequisiteRow)]
