"""The form with which somebody is invited, alike on every page that has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import redirect
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session, wording
from workflow import access
from workflow.access import Letterhead
from workflow.errors import Conflict, NotAllowed, Refused, StartklarError
from workflow.policy import Role
from workflow.texts import LANGUAGES

_FIELDS = {"error.not_an_email": "email", "error.name_missing": "name", "error.conflict_role_held": "role"}
"""Refusals that belong to one field."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of an invitation: who is invited now, or what was wrong with it and was typed."""

    email: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)
    refusal: errors.Refusal | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    status: int = 200

    @property
    def summary(self) -> list[tuple[str, str]]:
        """The faults for the head of the page."""
        return list(self.faults.items())

    def leave(self, target: str) -> AnyResponse | None:
        """On to this page, when somebody is invited."""
        if not self.email or self.status != 200:
            return None
        return notices.leave(redirect(target, 303), "notice.invited", email=self.email)


def invite(role_of: Callable[[str, str | None], Role], *, needs: tuple[str, ...] = ()) -> Tried:
    """Invite whom the form names to the role it names. `needs`: further fields that must be filled in."""
    typed, email = forms.typed(), forms.text("email").strip()
    faults = {name: wording.t(f"invite.{name}_missing") for name in ("email", "role", *needs) if not forms.text(name)}
    if faults:
        return Tried(faults=faults, typed=typed, status=422)
    language = forms.text("language")
    try:
        role = role_of(forms.text("role"), forms.text("service") or None)
        deeds.do(
            access.invite,
            email,
            role,
            head=Letterhead.of(session.door().settings),
            name=" ".join(forms.text("name").split()),
            language=language if language in LANGUAGES else wording.language(),
        )
    except (Conflict, Refused, NotAllowed) as error:
        return _tried(error, typed)
    return Tried(email=email)


def _tried(error: StartklarError, typed: Mapping[str, str]) -> Tried:
    name = _FIELDS.get(error.key)
    if name is None:
        return Tried(refusal=errors.refusal(error), typed=typed, status=errors.status_of(error))
    words = wording.t(f"invite.{name}_missing") if error.key != "error.conflict_role_held" else wording.t(error.key)
    return Tried(faults={name: words}, typed=typed, status=422)
