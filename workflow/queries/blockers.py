"""What resting cases wait for: how many hold each vendor, operator or authority up, and why; and the registers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import policy, registers
from workflow.definition import Contact, Operator, Text
from workflow.engine import Work
from workflow.models import Body, Case, Hold, Vendor
from workflow.queries import parts
from workflow.queries.case_list import is_escalated
from workflow.queries.parts import Due
from workflow.texts import sort_key, title


@dataclass(frozen=True, slots=True)
class Resting:
    """A case that rests, as a line under whom it waits for."""

    id: UUID
    number: str
    service: Text
    body: str
    since: dt.date
    promised: Due | None
    review_on: dt.date


@dataclass(frozen=True, slots=True)
class Counted:
    """How many cases rest for one reason, or wait for one party. `key` is what the list of cases is filtered by."""

    key: str
    title: Text
    cases: int
    longest_since: dt.date
    promised_on: dt.date | None
    """The last day any of them was promised."""
    escalated: int = 0
    """Those somebody above was asked about; the list of cases shows them."""
    broken: int = 0
    """Those promised for a day that has passed."""
    first: tuple[Resting, ...] = ()
    """Those that rest for longest."""
    contact: Contact | None = None
    """Where to ask whoever is waited for."""


@dataclass(frozen=True, slots=True)
class Blockers:
    """Everything resting cases wait for, as far as this actor sees them; the most first."""

    parties: tuple[Counted, ...]
    reasons: tuple[Counted, ...]
    cases: int
    nobody: int
    """Cases that rest and wait for nobody named."""


@dataclass(frozen=True, slots=True)
class VendorLine:
    """A vendor of the register."""

    key: str
    title: str
    source: str | None
    ended_on: dt.date | None
    cases: int
    """Resting cases the reader sees that wait for it."""
    contact: Contact | None


@dataclass(frozen=True, slots=True)
class Registers:
    """The registers people choose from."""

    vendors: tuple[VendorLine, ...]
    operators: tuple[Operator, ...]
    may_keep: bool


def blockers(work: Work) -> Blockers:
    """What the resting cases this actor may know about wait for."""
    rows = work.session.execute(
        sa.select(
            Hold.blocker,
            Hold.external_kind,
            Hold.external_key,
            sa.func.max(Vendor.title).label("vendor"),
            sa.func.count().label("cases"),
            sa.func.min(Hold.began_on).label("since"),
            sa.func.max(Hold.promised_on).label("promised_on"),
            sa.func.sum(sa.case((is_escalated(work.catalogue), 1), else_=0)).label("escalated"),
            sa.func.sum(sa.case((Hold.promised_on < work.today, 1), else_=0)).label("broken"),
        )
        .join(Case, Case.id == Hold.case_id)
        .outerjoin(Vendor, sa.and_(Hold.external_kind == "vendor", Vendor.key == Hold.external_key))
        .where(policy.cases(work.actor), Hold.ended_on.is_(None), parts.counts())
        .group_by(Hold.blocker, Hold.external_kind, Hold.external_key)
    ).all()
    known = work.catalogue.programme.blockers
    reasons: dict[str, Counted] = {}
    parties: dict[str, Counted] = {}
    for row in rows:
        code = row.blocker
        told = known[code].title if code in known else Text(de=code, en=code)
        _count(reasons, code, told, row)
        party = registers.written(row.external_kind, row.external_key)
        if party is not None:
            words = registers.party_title(work, row.external_kind, row.external_key, vendor=row.vendor) or told
            _count(parties, party, words, row)
    everything = sum(row.cases for row in rows)
    longest = _longest(work) if parties else {}
    parties = {
        key: replace(one, first=tuple(longest.get(key, ())), contact=registers.contact_of(work, key))
        for key, one in parties.items()
    }
    return Blockers(
        parties=_sorted(work, parties),
        reasons=_sorted(work, reasons),
        cases=everything,
        nobody=everything - sum(one.cases for one in parties.values()),
    )


def kept(work: Work) -> Registers:
    """The registers, with how many cases wait for each vendor."""
    waiting = {one.key: one.cases for one in blockers(work).parties}
    rows = work.session.execute(sa.select(Vendor.key, Vendor.title, Vendor.source, Vendor.ended_on))
    vendors = [
        VendorLine(
            row.key,
            row.title,
            row.source,
            row.ended_on,
            waiting.get(f"vendor:{row.key}", 0),
            registers.contact_of(work, f"vendor:{row.key}"),
        )
        for row in rows
    ]
    return Registers(
        vendors=tuple(sorted(vendors, key=lambda one: (one.ended_on is not None, sort_key(one.title)))),
        operators=tuple(work.catalogue.programme.operators.values()),
        may_keep=work.actor.holds(*registers.KEEPERS),
    )


MOST_RESTING = 5
"""Cases named under whom they wait for."""


def _longest(work: Work) -> dict[str, list[Resting]]:
    """The cases that rest for longest, under each party they wait for; one statement, however many rest."""
    place = sa.func.row_number().over(
        partition_by=(Hold.external_kind, Hold.external_key), order_by=(Hold.began_on, Case.number)
    )
    each = (
        sa.select(
            Hold.external_kind,
            Hold.external_key,
            Hold.began_on,
            Hold.promised_on,
            Hold.review_on,
            Case.id,
            Case.number,
            Case.service,
            Body.display_name,
            place.label("place"),
        )
        .join(Case, Case.id == Hold.case_id)
        .join(Body, Body.ars == Case.body)
        .where(policy.cases(work.actor), Hold.ended_on.is_(None), Hold.external_kind.is_not(None), parts.counts())
        .subquery()
    )
    rows: Sequence[Any] = work.session.execute(
        sa.select(each).where(each.c.place <= MOST_RESTING).order_by(each.c.began_on, each.c.number)
    ).all()
    found: dict[str, list[Resting]] = {}
    for row in rows:
        party = registers.written(row.external_kind, row.external_key)
        if party is not None:
            found.setdefault(party, []).append(
                Resting(
                    row.id,
                    row.number,
                    parts.service_title(work.catalogue, row.service),
                    row.display_name,
                    row.began_on,
                    parts.due(work, row.promised_on),
                    row.review_on,
                )
            )
    return found


def _count(found: dict[str, Counted], key: str, words: Text, row: Any) -> None:
    before = found.get(key) or Counted(key, words, 0, row.since, None)
    promised = max((day for day in (before.promised_on, row.promised_on) if day is not None), default=None)
    found[key] = replace(
        before,
        cases=before.cases + row.cases,
        longest_since=min(before.longest_since, row.since),
        promised_on=promised,
        escalated=before.escalated + row.escalated,
        broken=before.broken + row.broken,
    )


def _sorted(work: Work, found: dict[str, Counted]) -> tuple[Counted, ...]:
    language = work.actor.language
    return tuple(sorted(found.values(), key=lambda one: (-one.cases, sort_key(title(language, one.title)))))
