"""Lists kept under a name: narrowed, sorted and laid out once, opened again by oneself or by a whole team.

A view is an address and nothing else: whoever opens it sees what they may see then. Views say nothing about any case,
so they have no history; nobody's work changes by them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import database, evidence, policy
from workflow.definition import EvidenceField, Text
from workflow.engine import Work
from workflow.errors import InvalidEvidence, NotAllowed, NotFound, Refused
from workflow.models import Person, SavedView, Team
from workflow.texts import sort_key

MOST: Final = 50
"""Views one person may keep, those given to teams among them."""
LONGEST_TITLE: Final = 80
LONGEST_ADDRESS: Final = 2000
MOST_FIELDS: Final = 200

_FILTERS = frozenset(
    {
        "q", "service", "state", "team", "district", "body", "wave", "waiting_for", "blocker", "operator", "variant",
        "role", "due_within", "prerequisite", "milestone", "occasion", "cluster", "live_since", "opened_since",
        "changed_since", "unchanged_since", "left", "overdue", "escalated", "rests", "next_rounds", "taken_over",
        "unreached", "delegated",
    }
)  # fmt: skip
PAGES: Final[Mapping[str, frozenset[str]]] = {
    "cases": _FILTERS | {"sort", "column"},
    "board": _FILTERS | {"sort", "column"},
    "matrix": _FILTERS | {"sort", "column"},
}
"""The pages of which a view can be kept, and what their addresses may name."""

FIELDS = {
    "title": EvidenceField(
        type="text",
        title=Text(de="Name der Ansicht", en="Name of the view"),
        help=Text(de="Zum Beispiel: Überfällig im Kreis Alzey-Worms", en="For example: Overdue in Alzey-Worms"),
    ),
}
"""What keeping a view asks for."""

_NOT_PLAIN = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Kept:
    """A view after a deed."""

    id: UUID
    title: str


@dataclass(frozen=True, slots=True)
class View:
    """A view as its reader may use it."""

    id: UUID
    page: str
    title: str
    query: str
    """What stands behind the question mark of its address."""
    team: str | None
    """Key of the team it was given to; None when it is its owner's alone."""
    team_title: str | None
    owner: str | None
    """Who keeps it; None for the reader's own, and once the name is erased."""
    mine: bool
    may_change: bool


def of_actor(work: Work) -> tuple[View, ...]:
    """The views the actor may open, the own ones first, then those of the teams; each by name. One statement."""
    rows = work.session.execute(
        sa.select(
            SavedView.id,
            SavedView.page,
            SavedView.title,
            SavedView.address,
            SavedView.team,
            SavedView.owner_id,
            Team.title.label("team_title"),
            Person.name,
        )
        .join(Person, Person.id == SavedView.owner_id)
        .outerjoin(Team, Team.key == SavedView.team)
        .where(policy.saved_views(work.actor))
    )
    views = [
        View(
            id=row.id,
            page=row.page,
            title=row.title,
            query=row.address,
            team=row.team,
            team_title=row.team_title,
            owner=row.name if row.owner_id != work.actor.id else None,
            mine=row.owner_id == work.actor.id,
            may_change=policy.may_change_view(work.actor, owner=row.owner_id, team=row.team),
        )
        for row in rows
    ]
    return tuple(sorted(views, key=lambda view: (view.team is not None, sort_key(view.title), view.id)))


def fields_of(query: str) -> list[tuple[str, str]]:
    """The names and values of an address; of one with more of them than any page knows, the first."""
    return parse_qsl("&".join(query.split("&", MOST_FIELDS)[:MOST_FIELDS]))


def view(work: Work, view_id: UUID) -> View:
    """One of them. Raises NotFound when it is not there or not for this actor."""
    found = next((one for one in of_actor(work) if one.id == view_id), None)
    if found is None:
        raise NotFound(what="view")
    return found


def teams(work: Work) -> tuple[tuple[str, str], ...]:
    """The teams the actor may give a view to, by key and title."""
    mine = policy.teams_of(work.actor)
    if not mine:
        return ()
    rows = work.session.execute(sa.select(Team.key, Team.title).where(Team.key.in_(mine)))
    return tuple(sorted(((row.key, row.title) for row in rows), key=lambda entry: sort_key(entry[1])))


def keep(work: Work, *, page: str, query: str, title: str, team: str | None = None) -> Kept:
    """Keep the address of a list under a name, for oneself or for a whole team.

    Raises NotFound (a page without views), NotAllowed (a team the actor is not of), InvalidEvidence (no name, or one
    that is too long), Refused (an address that is too long, a name there is already, too many views), in this order.
    """
    address = _address(page, query)
    _insist_may_share(work, team)
    told = _title(title)
    _insist_short(address)
    mine = work.actor.id
    work.session.execute(sa.select(Person.id).where(Person.id == mine).with_for_update())
    _insist_new(work, told, team)
    kept = work.session.execute(sa.select(sa.func.count()).where(SavedView.owner_id == mine)).scalar_one()
    if kept >= MOST:
        raise Refused("error.views_many", n=MOST)
    view_id = uuid4()
    work.session.execute(
        sa.insert(SavedView).values(
            id=view_id,
            owner_id=mine,
            team=team,
            page=page,
            title=told,
            address=address,
            created_at=database.real_now(),
        )
    )
    return Kept(view_id, told)


def replace(work: Work, view_id: UUID, *, page: str, query: str) -> Kept:
    """Let a view stand for another list from now on, under its name.

    Raises NotFound (no such view, a page without views), NotAllowed or Refused (an address that is too long), in this
    order.
    """
    row = _locked(work, view_id)
    address = _address(page, query)
    _insist_may_change(work, row)
    _insist_short(address)
    work.session.execute(sa.update(SavedView).where(SavedView.id == view_id).values(page=page, address=address))
    return Kept(view_id, row.title)


def rename(work: Work, view_id: UUID, *, title: str, team: str | None = None) -> Kept:
    """Give a view another name, and to a team or take it back from one.

    Raises NotFound, NotAllowed (somebody else's, or a team the actor is not of), InvalidEvidence (no name, or one that
    is too long) or Refused (a name there is already), in this order.
    """
    row = _locked(work, view_id)
    _insist_may_change(work, row)
    if team != row.team:
        _insist_may_share(work, team)
        if team is None and row.owner_id != work.actor.id:
            raise NotAllowed(roles=("umsetzungsteam",))
    told = _title(title)
    _insist_new(work, told, team, besides=view_id)
    work.session.execute(sa.update(SavedView).where(SavedView.id == view_id).values(title=told, team=team))
    return Kept(view_id, told)


def forget(work: Work, view_id: UUID) -> Kept:
    """Keep a view no longer. Raises NotFound or NotAllowed, in this order."""
    row = _locked(work, view_id)
    _insist_may_change(work, row)
    work.session.execute(sa.delete(SavedView).where(SavedView.id == view_id))
    return Kept(view_id, row.title)


def _locked(work: Work, view_id: UUID) -> Any:
    row = work.session.execute(
        sa.select(SavedView.owner_id, SavedView.team, SavedView.title)
        .where(SavedView.id == view_id, policy.saved_views(work.actor))
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound(what="view")
    return row


def _address(page: str, query: str) -> str:
    """What of an address a view keeps: what its page knows, once each except columns, and never where one leafed to."""
    if page not in PAGES:
        raise NotFound(what="view")
    kept: list[tuple[str, str]] = []
    for name, value in fields_of(query.removeprefix("?")):
        again = (name, value) in kept if name == "column" else any(name == known for known, _ in kept)
        if name in PAGES[page] and not again and not _NOT_PLAIN.search(value):
            kept.append((name, value))
    return urlencode(kept)


def _title(title: str) -> str:
    plain = " ".join(unicodedata.normalize("NFC", _NOT_PLAIN.sub(" ", title)).split())
    told = {answer.field: str(answer.value) for answer in evidence.read(FIELDS, {"title": plain})}["title"]
    if len(told) > LONGEST_TITLE:
        raise InvalidEvidence({"title": ("error.view_title_long", {"n": LONGEST_TITLE})})
    return told


def _insist_short(address: str) -> None:
    if len(address) > LONGEST_ADDRESS:
        raise Refused("error.view_address_long")


def _insist_may_share(work: Work, team: str | None) -> None:
    if work.actor.id is None or (team is not None and team not in policy.teams_of(work.actor)):
        raise NotAllowed(roles=("umsetzungsteam", "supervisor"))


def _insist_may_change(work: Work, row: Any) -> None:
    if not policy.may_change_view(work.actor, owner=row.owner_id, team=row.team):
        raise NotAllowed(roles=("supervisor",))


def _insist_new(work: Work, title: str, team: str | None, *, besides: UUID | None = None) -> None:
    """No second view of this name among the own ones, or those of the team."""
    place = SavedView.team == team if team else sa.and_(SavedView.team.is_(None), SavedView.owner_id == work.actor.id)
    other = sa.true() if besides is None else SavedView.id != besides
    found = sa.select(SavedView.id).where(place, other, SavedView.title == title)
    if work.session.execute(found).first() is not None:
        raise Refused("error.view_title_taken", title=title)
