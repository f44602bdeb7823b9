"""What people choose from instead of typing it: vendors, operators, bodies, and whomever a case can wait for.

Free text cannot be counted. "This vendor holds 23 cases" is a query only because every hold names the vendor alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from workflow import database, evidence, policy
from workflow.definition import Contact, EvidenceField, Text
from workflow.engine import Work
from workflow.errors import Conflict, InvalidEvidence, NotFound
from workflow.models import Body, Vendor
from workflow.texts import sort_key

KEEPERS = ("programme_office", "umsetzungsteam", "supervisor")
"""Who may add a vendor and end one."""

_NAMED: Mapping[str, Text] = {
    "land": Text(de="Das Land", en="The Land"),
    "body": Text(de="Die Kommune selbst", en="The municipality itself"),
}
"""Parties there is one of."""
AUTHORITIES: Mapping[str, Text] = {
    "federal": Text(de="Eine Bundesbehörde", en="A federal authority"),
    "land": Text(de="Eine Landesbehörde", en="An authority of the Land"),
    "district": Text(de="Eine Kreisverwaltung", en="A district administration"),
    "it_provider": Text(de="Der IT-Dienstleister der Kommune", en="The IT provider of the municipality"),
    "directory": Text(de="Die pflegende Stelle des DVDV", en="The body that maintains the DVDV"),
    "other": Text(de="Eine andere Stelle", en="Another body"),
}
"""Other authorities a case can wait for: few, so that they can be counted."""

UNLISTED: Mapping[str, Text] = {
    "other": Text(de="Steht nicht in der Liste", en="Not in the list"),
    "unknown": Text(de="Noch nicht bekannt", en="Not known yet"),
}
"""What a field offers beside its register when it says `unlisted: true`."""

FIELDS = {
    "title": EvidenceField(
        type="text",
        title=Text(de="Name des Herstellers", en="Name of the vendor"),
        help=Text(de="Die Firma, keine Personen.", en="The company, no people."),
    ),
    "source": EvidenceField(
        type="text",
        required=False,
        title=Text(de="Woher wissen Sie das?", en="How do you know?"),
        help=Text(de="Zum Beispiel eine Internetseite.", en="For example a website."),
    ),
}
"""What adding a vendor asks for."""

_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class VendorView:
    """A vendor after a deed."""

    key: str
    title: str


def entries(work: Work, register: str) -> dict[str, Text]:
    """What a register offers, by key, in the order of its titles: `vendors`, `operators`, `bodies` or `parties`.

    A party is whomever a case can wait for, written `vendor:prosoz`, `operator:dataport`, `authority:federal`, `land`
    or `body`. What has ended is not offered any more.
    """
    match register:
        case "vendors":
            rows = work.session.execute(sa.select(Vendor.key, Vendor.title).where(Vendor.ended_on.is_(None)))
            return {key: _plain(title) for key, title in sorted(rows, key=lambda row: (sort_key(row[1]), row[0]))}
        case "operators":
            operators = work.catalogue.programme.operators.items()
            ordered = sorted(operators, key=lambda entry: (sort_key(entry[1].title), entry[0]))
            return {key: _plain(operator.title) for key, operator in ordered}
        case "bodies":
            rows = work.session.execute(
                sa.select(Body.ars, Body.display_name).where(Body.valid_until.is_(None)).order_by(Body.sort_key)
            )
            return {row.ars: _plain(row.display_name) for row in rows}
        case _:
            return {
                **{f"vendor:{key}": title for key, title in entries(work, "vendors").items()},
                **{f"operator:{key}": title for key, title in entries(work, "operators").items()},
                **_NAMED,
                **{f"authority:{key}": title for key, title in AUTHORITIES.items()},
            }


def offered(work: Work, field: EvidenceField) -> dict[str, Text]:
    """What a field of type register offers."""
    found = entries(work, field.register or "parties")
    return {**found, **UNLISTED} if field.unlisted else found


def title_of(work: Work, register: str, key: str) -> Text:
    """The title of an entry, also of one that has ended; the bare key where nobody knows it any more."""
    if key in UNLISTED:
        return UNLISTED[key]
    if register == "vendors":
        found = work.session.execute(sa.select(Vendor.title).where(Vendor.key == key)).scalar()
        return _plain(found or key)
    return entries(work, register).get(key, _plain(key))


def is_party(work: Work, written: str) -> bool:
    """Whether there is or was such a party."""
    kind, key = party_of(written)
    if kind == "vendor":
        return work.session.execute(sa.select(Vendor.key).where(Vendor.key == (key or ""))).first() is not None
    return written in entries(work, "parties")


def party_of(written: str | None) -> tuple[str | None, str | None]:
    """The kind and key of a party as rows keep them: `vendor:prosoz` → vendor, prosoz; `land` → land, nothing."""
    if not written:
        return None, None
    kind, _, key = written.partition(":")
    return kind, key or None


def written(kind: str | None, key: str | None) -> str | None:
    """The other way round."""
    if kind is None:
        return None
    return f"{kind}:{key}" if key else kind


def party_title(work: Work, kind: str | None, key: str | None, *, vendor: str | None = None) -> Text | None:
    """Who a case waits for, in words; None when nobody outside. `vendor`: its title, where it has been read already."""
    if kind is None:
        return None
    name = key or kind
    match kind:
        case "vendor":
            return _plain(vendor) if vendor else title_of(work, "vendors", name)
        case "operator":
            return entries(work, "operators").get(name, _plain(name))
        case "authority":
            return AUTHORITIES.get(name, _plain(name))
        case _:
            return _NAMED.get(kind, _plain(kind))


def contact_of(work: Work, party: str | None) -> Contact | None:
    """Where to ask a party, as the programme's file tells it; None where it tells nothing."""
    kind, key = party_of(party)
    programme = work.catalogue.programme
    match kind:
        case "vendor":
            vendor = programme.vendors.get(key or "")
            return vendor.contact if vendor else None
        case "operator":
            operator = programme.operators.get(key or "")
            return operator.contact if operator else None
        case _:
            return None


def add_vendor(work: Work, title: str, *, source: str = "") -> VendorView:
    """Add a vendor to the register, as programme office or team.

    Raises NotAllowed, InvalidEvidence (no name) or Conflict (there is one of this name), in this order.
    """
    policy.insist_holds(work.actor, *KEEPERS)
    told = {answer.field: str(answer.value) for answer in evidence.read(FIELDS, {"title": title, "source": source})}
    key = _key_of(told["title"])
    if not key:
        raise InvalidEvidence({"title": ("evidence.not_a_name", {"title": FIELDS["title"].title})})
    values = {
        "key": key,
        "title": told["title"],
        "source": told.get("source"),
        "added_on": work.today,
        "added_by": work.actor.id,
    }
    if not database.insert_missing(work.session, Vendor, values):
        raise Conflict(what="vendor")
    return VendorView(key, told["title"])


def end_vendor(work: Work, key: str) -> VendorView:
    """Offer a vendor no more, as programme office or team; what names it stays.

    Raises NotFound, NotAllowed or Conflict (it has ended already), in this order.
    """
    row = work.session.execute(
        sa.select(Vendor.title, Vendor.ended_on).where(Vendor.key == key).with_for_update()
    ).first()
    if row is None or not policy.sees_milestones(work.actor):
        raise NotFound(what="vendor", name=key)
    policy.insist_holds(work.actor, *KEEPERS)
    if row.ended_on is not None:
        raise Conflict(what="vendor_ended")
    work.session.execute(sa.update(Vendor).where(Vendor.key == key).values(ended_on=work.today, ended_by=work.actor.id))
    return VendorView(key, row.title)


def _key_of(title: str) -> str:
    folded = unicodedata.normalize("NFD", title.casefold().translate(_LETTERS))
    plain = "".join(character for character in folded if not unicodedata.combining(character))
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-")


def _plain(name: str) -> Text:
    return Text(de=name, en=name)
