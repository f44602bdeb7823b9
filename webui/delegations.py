"""Delegated services: the list, a form to delegate one, and a button to end it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session, wording
from workflow import delegations, evidence
from workflow.errors import Conflict, InvalidEvidence, Refused, StartklarError
from workflow.queries import delegations as query

blueprint = Blueprint("delegations", __name__, url_prefix="/delegations")

_FIELDS = ("giver", "service", "delegate", "from", "until")


@blueprint.get("")
def index() -> AnyResponse:
    """What is delegated, as far as the reader may know."""
    return _page()


@blueprint.post("")
def give() -> AnyResponse:
    """Delegate a service."""
    chosen = {name: forms.text(name) for name in ("giver", "service", "delegate")}
    faults = {name: wording.t("delegations.missing") for name, value in chosen.items() if not value}
    days: dict[str, dt.date | None] = {"from": None, "until": None}
    for name in days:
        try:
            days[name] = evidence.day_of(forms.text(name)) if forms.text(name) or name == "from" else None
        except InvalidEvidence:
            faults[name] = wording.t("delegations.no_day")
    begins = days["from"]
    if begins is None:
        faults.setdefault("from", wording.t("delegations.no_day"))
    if faults or begins is None:
        return _page(faults=faults)
    try:
        deeds.do(
            delegations.give,
            chosen["giver"],
            chosen["service"],
            chosen["delegate"],
            from_on=begins,
            until_on=days["until"],
        )
    except (Conflict, Refused) as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("delegations.index"), 303), "notice.delegation_given")


@blueprint.post("/<uuid:delegation_id>/end")
def end(delegation_id: UUID) -> AnyResponse:
    """End a delegation, or take one back that has not begun."""
    try:
        deeds.do(delegations.end, delegation_id)
    except Conflict as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("delegations.index"), 303), "notice.delegation_ended")


def _page(*, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        page = query.index(work)
    body = render_template(
        "delegations.html",
        page=page,
        faults=faults or {},
        summary=forms.summary(faults or {}, {name: wording.t(f"delegations.{name}") for name in _FIELDS}),
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)
