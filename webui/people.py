"""Everybody with an account, for administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, invitations, notices, session, wording
from workflow import people
from workflow.definition import CENTRAL_ROLES, TEAM_ROLES
from workflow.errors import Conflict, NotFound, Refused, StartklarError
from workflow.policy import Role
from workflow.queries import people as query
from workflow.queries.people import Filters

blueprint = Blueprint("people", __name__, url_prefix="/people")

_PLACES = ("body", "team", "operator", "land")


@blueprint.get("")
def index() -> str:
    """The list, narrowed as the address says."""
    names = ("role", "body", "team", "state")
    asked = Filters(request.args.get("q", ""), **{name: request.args.get(name) or None for name in names})
    with session.engine().read(session.me()) as work:
        found = query.everybody(work, asked, after=request.args.get("after"))
    return render_template("people.html", found=found, address=_address(found.filters))


@blueprint.get("/invite")
def invite_form() -> AnyResponse:
    """A form for anybody and any role."""
    return _invite_page(invitations.Tried())


@blueprint.post("/invite")
def invite() -> AnyResponse:
    """Invite somebody, or give a role to somebody who has an account."""
    where = _where(forms.text("where"))
    tried = invitations.invite(_role_at, needs=() if where == "land" else (where,))
    return tried.leave(
        (forms.text("person") and _of_person(forms.text("person"))) or url_for("people.index", state="invited")
    ) or _invite_page(tried)


@blueprint.get("/<uuid:person_id>")
def show(person_id: UUID) -> AnyResponse:
    """One account."""
    return _page(person_id)


@blueprint.post("/<uuid:person_id>/address")
def change_address(person_id: UUID) -> AnyResponse:
    """Give the account another address."""
    try:
        deeds.do(people.change_address, person_id, forms.text("address"))
    except Refused:
        return _page(person_id, faults={"address": wording.t("mails.no_address")})
    except Conflict as error:
        return _page(person_id, refused=error)
    return _done(person_id, "notice.address_changed")


@blueprint.post("/<uuid:person_id>/works")
def address_works(person_id: UUID) -> AnyResponse:
    """Mail arrives there again."""
    return _do(person_id, "notice.address_works", people.address_works, person_id)


@blueprint.post("/<uuid:person_id>/same")
def same_human(person_id: UUID) -> AnyResponse:
    """Another account belongs to the same human being."""
    try:
        with session.engine().read(session.me()) as work:
            other = people.named(work, forms.text("other"))
    except NotFound:
        return _page(person_id, faults={"other": wording.t("person.no_such_account")})
    return _do(person_id, "notice.same_human", people.same_human, person_id, other)


@blueprint.post("/<uuid:person_id>/same/<uuid:other_id>/undo")
def not_same_human(person_id: UUID, other_id: UUID) -> AnyResponse:
    """Another account does not, after all."""
    return _do(person_id, "notice.not_same_human", people.not_same_human, person_id, other_id)


@blueprint.post("/<uuid:person_id>/sign-out")
def sign_out(person_id: UUID) -> AnyResponse:
    """End every session of the account."""
    return _do(person_id, "notice.signed_out_everywhere", people.sign_out, person_id)


@blueprint.get("/<uuid:person_id>/leave")
def leave_form(person_id: UUID) -> str:
    """What ends and what stays when the account is ended or erased, before anything happens."""
    with session.engine().read(session.me()) as work:
        found = query.person(work, person_id)
    return render_template("person_leave.html", found=found, erase=request.args.get("erase") == "yes")


@blueprint.post("/<uuid:person_id>/end")
def end(person_id: UUID) -> AnyResponse:
    """End the account."""
    return _do(person_id, "notice.account_ended", people.end, person_id)


@blueprint.post("/<uuid:person_id>/erase")
def erase(person_id: UUID) -> AnyResponse:
    """Erase the account for good."""
    if forms.text("sure") != "true":
        with session.engine().read(session.me()) as work:
            query.person(work, person_id)
        return redirect(url_for("people.leave_form", person_id=person_id, erase="yes"), 303)
    try:
        deeds.do(people.erase, person_id)
    except Conflict as error:
        return _page(person_id, refused=error)
    return notices.leave(redirect(url_for("people.index"), 303), "notice.account_erased")


# --- helpers ---------------------------------------------------------------------------------------------------------


def _do(person_id: UUID, said: str, deed: Callable[..., Any], *args: Any) -> AnyResponse:
    try:
        deeds.do(deed, *args)
    except (Conflict, Refused) as error:
        return _page(person_id, refused=error)
    return _done(person_id, said)


def _done(person_id: UUID, said: str) -> AnyResponse:
    return notices.leave(redirect(url_for("people.show", person_id=person_id), 303), said)


def _page(
    person_id: UUID, *, faults: dict[str, str] | None = None, refused: StartklarError | None = None
) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = query.person(work, person_id)
    page = render_template(
        "person.html",
        found=found,
        faults=faults or {},
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(page, errors.status_of(refused) if refused else 422 if faults else 200)


def _invite_page(tried: invitations.Tried) -> AnyResponse:
    given = request.form if request.method == "POST" else request.args
    person_id = given.get("person", type=UUID)
    with session.engine().read(session.me()) as work:
        places = query.places(work)
        known = query.person(work, person_id).somebody if person_id else None
    page = render_template(
        "people_invite.html",
        at=places,
        where=_where(given.get("where", "")),
        known=known if known and not known.ended_on else None,
        tried=tried,
    )
    return make_response(page, tried.status)


def _role_at(role: str, service: str | None) -> Role:
    """The role at the place the form names."""
    if role in CENTRAL_ROLES:
        return Role(role)
    if role in TEAM_ROLES:
        return Role(role, team=forms.text("team") or None)
    if role == "rollout_team":
        return Role(role, operator=forms.text("operator") or None)
    return Role(role, body=forms.text("body") or None, service=service)


def _where(asked: str) -> str:
    return asked if asked in _PLACES else _PLACES[0]


def _of_person(written: str) -> str | None:
    try:
        return url_for("people.show", person_id=UUID(written))
    except ValueError:
        return None


def _address(filters: Filters) -> Callable[..., str]:
    """Addresses of the same list, narrowed otherwise."""
    present = {"q": filters.text or None, "role": filters.role, "body": filters.body, "team": filters.team}
    present["state"] = filters.state

    def address(**changed: str | None) -> str:
        wanted: dict[str, Any] = {name: value for name, value in {**present, **changed}.items() if value}
        return url_for("people.index", **wanted)

    return address
