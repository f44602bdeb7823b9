"""What resting cases wait for: how many hold each vendor, operator or authority up, and why; and the registers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from workflow import policy, registers
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Case, Hold, Vendor
from workflow.queries import parts
from workflow.texts import sort_key, title


@dataclass(frozen=True, slots=True)
class Counted:
    """How many cases rest for one reason, or wait for one party. `key` is what the list of cases is filtered by."""

    key: str
    title: Text
    cases: int
    longest_since: dt.date
    promised_on: dt.date | None
    """The last day any of them was promised."""


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


@dataclass(frozen=True, slots=True)
class Registers:
    """The registers people choose from."""

    vendors: tuple[VendorLine, ...]
    operators: tuple[tuple[str, str | None], ...]
    """Title and Land."""
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
        _count(reasons, code, told, row.cases, row.since, row.promised_on)
        party = registers.written(row.external_kind, row.external_key)
        if party is not None:
            words = registers.party_title(work, row.external_kind, row.external_key, vendor=row.vendor) or told
            _count(parties, party, words, row.cases, row.since, row.promised_on)
    everything = sum(row.cases for row in rows)
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
        VendorLine(row.key, row.title, row.source, row.ended_on, waiting.get(f"vendor:{row.key}", 0)) for row in rows
    ]
    operators = work.catalogue.programme.operators.values()
    return Registers(
        vendors=tuple(sorted(vendors, key=lambda one: (one.ended_on is not None, sort_key(one.title)))),
        operators=tuple((one.title, one.land) for one in operators),
        may_keep=work.actor.holds(*registers.KEEPERS),
    )


def _count(
    found: dict[str, Counted], key: str, words: Text, cases: int, since: dt.date, promised_on: dt.date | None
) -> None:
    before = found.get(key)
    if before is None:
        found[key] = Counted(key, words, cases, since, promised_on)
        return
    promised = max((day for day in (before.promised_on, promised_on) if day is not None), default=None)
    found[key] = Counted(key, words, before.cases + cases, min(before.longest_since, since), promised)


def _sorted(work: Work, found: dict[str, Counted]) -> tuple[Counted, ...]:
    language = work.actor.language
    return tuple(sorted(found.values(), key=lambda one: (-one.cases, sort_key(title(language, one.title)))))
