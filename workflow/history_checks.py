"""Having the history checked from a page: all of it, a piece at a time, by whoever has time; the result is kept.

The same as `startklar verify` and `startklar replay --check`. Only where something does not fit is kept, never what
stands there: who sees no case learns nothing of one.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import database, history, lease, policy
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import NotAllowed
from workflow.history import Broken, Difference
from workflow.models import HistoryCheck, HistoryFault, Person

PIECE = 25
"""Chains that are looked at before what was found is kept."""

MOST_KEPT = 500
"""Faults kept of one check; all are counted."""

SHOWN = 10
"""Checks a page tells of."""

LEASE = "check_history"
_LEASE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Where something does not fit."""

    chain: str
    chain_id: UUID
    seq: int | None
    what: str
    place: str | None


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the whole history. Times are real."""

    id: UUID
    asked_at: dt.datetime
    asked_by: str | None
    total: int
    looked_at: int
    faults: int
    finished_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Checks:
    """The latest checks, the newest first, and the faults of the newest."""

    latest: tuple[Check, ...]
    faults: tuple[Fault, ...]


def checks(work: Work) -> Checks:
    """The latest checks. Raises NotAllowed."""
    _insist(work)
    columns = (HistoryCheck.total, HistoryCheck.looked_at, HistoryCheck.faults, HistoryCheck.finished_at)
    rows = work.session.execute(
        sa.select(HistoryCheck.id, HistoryCheck.asked_at, Person.name, *columns)
        .outerjoin(Person, Person.id == HistoryCheck.asked_by)
        .order_by(HistoryCheck.asked_at.desc(), HistoryCheck.id)
        .limit(SHOWN)
    )
    latest = tuple(Check(*row) for row in rows)
    if not latest or not latest[0].faults:
        return Checks(latest, ())
    found = work.session.execute(
        sa.select(HistoryFault.chain, HistoryFault.chain_id, HistoryFault.seq, HistoryFault.what, HistoryFault.place)
        .where(HistoryFault.check_id == latest[0].id)
        .order_by(HistoryFault.number)
    )
    return Checks(latest, tuple(Fault(*row) for row in found))


def start(work: Work) -> UUID:
    """Have the whole history checked; while a check is under way, that one. Raises NotAllowed."""
    _insist(work)
    under_way = sa.select(HistoryCheck.id).where(HistoryCheck.finished_at.is_(None)).order_by(HistoryCheck.asked_at)
    known = work.session.execute(under_way.limit(1)).scalar()
    if known is not None:
        return known
    row = {"id": uuid4(), "asked_by": work.actor.id, "asked_at": database.real_now(), "total": history.count(work)}
    work.session.execute(sa.insert(HistoryCheck).values(**row, looked_at=0, faults=0))
    return UUID(str(row["id"]))


def work_off(engine: Engine, *, worker: str, seconds: float = 20.0) -> bool:
    """Go on with what is to be checked, for about so long; whether nothing is left. One worker at a time does so."""
    fence: int | None = None
    until = time.monotonic() + seconds
    good_files: set[str] = set()
    while True:
        with engine.read(SYSTEM) as work:
            check = work.session.execute(_UNDER_WAY).first()
            after = (check.chain, check.chain_id) if check is not None and check.chain is not None else None
            piece = history.next_chains(work, after, PIECE) if check is not None else None
        if check is None or time.monotonic() > until:
            if fence is not None:
                lease.give_up(engine, LEASE, fence)
            return check is None
        fence = lease.acquire(engine, LEASE, worker, _LEASE_SECONDS)
        if fence is None:
            return False
        try:
            _look(engine, check, piece, lease.Lead(LEASE, fence), good_files)
        except lease.Replaced:
            return False


def _look(
    engine: Engine, check: Any, piece: tuple[str, list[UUID]] | None, lead: lease.Lead, good_files: set[str]
) -> None:
    """Look at one piece and keep what was found, or that nothing is left to look at."""
    found: list[Broken | Difference] = []
    values: dict[str, Any] = {"finished_at": database.real_now()}
    if piece is not None:
        chain, ids = piece
        found = [*history.broken_in(engine, chain, ids, good_files), *history.differing_in(engine, chain, ids)]
        values = {"chain": chain, "chain_id": ids[-1], "looked_at": check.looked_at + len(ids)}
        values["faults"] = check.faults + len(found)
    with engine.change(SYSTEM) as work:
        lead(work.session)
        rows = [
            _row(check.id, number, one) for number, one in enumerate(found, start=check.faults) if number < MOST_KEPT
        ]
        if rows:
            work.session.execute(sa.insert(HistoryFault), rows)
        work.session.execute(sa.update(HistoryCheck).where(HistoryCheck.id == check.id).values(values))


def _row(check_id: UUID, number: int, fault: Broken | Difference) -> dict[str, Any]:
    row = {"check_id": check_id, "number": number, "chain": fault.chain, "chain_id": fault.chain_id, "seq": fault.seq}
    if isinstance(fault, Broken):
        return row | {"what": fault.why, "place": None}
    return row | {"what": fault.kind, "place": ".".join(word for word in (fault.table, fault.column) if word)}


def _insist(work: Work) -> None:
    if not policy.sees_operations(work.actor):
        raise NotAllowed(roles=("admin", "auditor"))


_UNDER_WAY = (
    sa.select(HistoryCheck.id, HistoryCheck.chain, HistoryCheck.chain_id, HistoryCheck.looked_at, HistoryCheck.faults)
    .where(HistoryCheck.finished_at.is_(None))
    .order_by(HistoryCheck.asked_at, HistoryCheck.id)
    .limit(1)
)
