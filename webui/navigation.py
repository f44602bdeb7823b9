"""Where one can go: the entries of the main navigation, and addresses that stay in this house."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from flask import Flask, current_app, request, url_for
from flask_login import current_user

from workflow.definition import BODY_ROLES, ROLES
from workflow.policy import COORDINATOR


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the main navigation; `roles`: who sees it (empty: everybody signed in).

    `holds`: further blueprints whose pages belong under this entry.
    """

    endpoint: str
    key: str
    icon: str
    roles: frozenset[str] = frozenset()
    holds: tuple[str, ...] = ()
    beside: frozenset[str] = frozenset()
    """Left out for whom holds no other roles than these: they have a page of their own for it."""

    def is_for(self, held: Set[str]) -> bool:
        """Whether somebody with these roles sees it."""
        return (not self.roles or not self.roles.isdisjoint(held)) and not (held and held <= self.beside)

    def is_around(self, blueprint: str) -> bool:
        """Whether a page of this blueprint belongs under this entry."""
        return blueprint in (self.endpoint.partition(".")[0], *self.holds)


@dataclass(frozen=True, slots=True)
class Place:
    """An entry as a page shows it."""

    url: str
    key: str
    icon: str
    is_here: bool


_ADMIN = frozenset({"admin"})
_CASEWORKERS = frozenset((*ROLES, COORDINATOR)) - {"admin"}
_TOWN = frozenset(BODY_ROLES)
_OF_CASES = ("cases", "tasks", "matrix", "views", "bulk", "blockers")
_OF_BODIES = ("prerequisites", "districts", "clusters", "delegations", "announcements", "meetings", "colleagues")

ENTRIES = (
    Entry("administration.show", "nav.admin", "done", _ADMIN),
    Entry("inbox.show", "nav.inbox", "tasks", frozenset(), ("queue",), beside=_ADMIN),
    Entry("municipality.show", "nav.municipality", "body", _TOWN, ("bodies", *_OF_BODIES)),
    Entry("escalations.show", "nav.escalations", "escalated", frozenset({"supervisor", "programme_office"})),
    Entry("case_list.show", "nav.cases", "case", _CASEWORKERS, _OF_CASES),
    Entry("bodies.index", "nav.bodies", "body", _CASEWORKERS, _OF_BODIES, beside=_TOWN | {COORDINATOR}),
    Entry("people.index", "nav.people", "people", _ADMIN, ("teams",)),
    Entry("definitions.index", "nav.definitions", "flag", _ADMIN),
    Entry("mails.show", "nav.mails", "mail", _ADMIN),
    Entry("operations.show", "nav.operations", "clock", _ADMIN),
    Entry("services.index", "nav.services", "service", frozenset(), ("milestones", "onboarding", "trainings")),
    Entry("programme.show", "nav.programme", "chart", frozenset(), ("ahead", "waves", "load", "takeover")),
)
"""An entry whose page this installation does not have is left out."""
MENU = (
    Entry("teams.index", "nav.teams", "people", frozenset({"supervisor", "umsetzungsteam"})),
    Entry("mails.show", "nav.mails", "mail", frozenset({"programme_office"})),
    Entry("operations.show", "nav.operations", "clock", frozenset({"auditor"})),
)
"""What is needed seldom stands in the menu of the account."""


def places(entries: tuple[Entry, ...] = ENTRIES) -> tuple[Place, ...]:
    """The main navigation of the signed-in person, or these entries as far as they are for the person."""
    held = {role.role for role in current_user.person.roles}
    known = [entry for entry in entries if entry.endpoint in current_app.view_functions and entry.is_for(held)]
    here = [entry for entry in known if entry.is_around(request.blueprint or "")][-1:]
    return tuple(Place(url_for(entry.endpoint), entry.key, entry.icon, entry in here) for entry in known)


def is_admin_only() -> bool:
    """Whether the signed-in person administers and does nothing else: no task ever waits for them."""
    return {role.role for role in current_user.person.roles} == _ADMIN


def parts_of(url: str | None) -> SplitResult:
    """The parts of an address somebody else wrote; all of them empty when it is none (`http://[::1`)."""
    try:
        return urlsplit(url or "")
    except ValueError:
        return SplitResult("", "", "", "", "")


def local_path(wanted: str | None) -> str | None:
    """The wanted address if it is a plain path on this very site, else None. What `next` may be."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return None
    if any(character in wanted for character in "\\\r\n\t\0"):
        return None
    parts = parts_of(wanted)
    return wanted if parts.path and not parts.scheme and not parts.netloc else None


def here() -> str:
    """The address of this page, for a switch that comes back to it."""
    return request.full_path.rstrip("?") if request.method == "GET" else request.path


def nameable() -> str | None:
    """The address of this page as it may be told to others; None where it is a key."""
    return None if "token" in (request.view_args or {}) else here()


def install(app: Flask) -> None:
    """Make the navigation known to templates."""
    app.jinja_env.globals.update(places=places, menu_places=lambda: places(MENU), here=here, nameable=nameable)
