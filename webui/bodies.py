"""The bodies of the programme."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session, wording
from workflow import closures, evidence, mailboxes, policy, prerequisites
from workflow.errors import Conflict, InvalidEvidence, NotAllowed, Refused, StartklarError
from workflow.mailboxes import Place
from workflow.queries import bodies
from workflow.queries.bodies import Filters

blueprint = Blueprint("bodies", __name__)


@blueprint.get("/bodies")
def index() -> str:
    """Every body by district."""
    asked = Filters(
        text=request.args.get("q", ""),
        kind=request.args.get("kind") or None,
        district=request.args.get("district") or None,
    )
    with session.engine().read(session.me()) as work:
        found = bodies.bodies(work, asked)
    unfolded = found.filters.narrow or request.args.get("open") == "all"
    return render_template("bodies.html", found=found, open=unfolded)


@blueprint.get("/bodies/<ars>")
def show(ars: str) -> AnyResponse:
    """One body: its services, its prerequisites, its people."""
    return _page(ars)


@blueprint.post("/bodies/<ars>/prerequisites")
def ask(ars: str) -> AnyResponse:
    """Ask the body for a prerequisite before a case needs it."""
    chosen = request.form.get("prerequisite", "")
    with session.engine().read(session.me()) as work:
        page = bodies.body(work, ars)
        if not policy.may_request(work.actor, body=ars, team=page.team):
            raise NotAllowed(roles=("umsetzungsteam", "body.digi"))
    if chosen not in {one.key for one in page.askable} and not deeds.is_repeated():
        return _page(ars, fault=wording.t("bodies.ask.choose"))
    kind, _, scope = chosen.partition(":")
    asked = deeds.do(prerequisites.request, ars, kind, scope)
    response = redirect(url_for("prerequisites.show", prerequisite_id=asked.id), 303)
    return notices.leave(response, "notice.prerequisite_asked")


@blueprint.post("/bodies/<ars>/closures")
def close(ars: str) -> AnyResponse:
    """Say on which days the office is closed."""
    days: dict[str, dt.date | None] = {"from": None, "until": None}
    faults: dict[str, str] = {}
    for name in days:
        try:
            days[name] = evidence.day_of(forms.text(name))
        except InvalidEvidence:
            faults[name] = wording.t("delegations.no_day")
    begins, ends = days["from"], days["until"]
    if begins is None or ends is None:
        return _page(ars, faults=faults)
    try:
        deeds.do(closures.enter, ars, begins, ends)
    except (Conflict, Refused) as error:
        return _page(ars, refused=error)
    return notices.leave(redirect(url_for("bodies.show", ars=ars, _anchor="post"), 303), "notice.office_closed")


@blueprint.post("/bodies/<ars>/closures/<uuid:closure_id>/end")
def reopen(ars: str, closure_id: UUID) -> AnyResponse:
    """Say that the office is open again, or will not close after all."""
    try:
        deeds.do(closures.end, closure_id)
    except Conflict as error:
        return _page(ars, refused=error)
    return notices.leave(redirect(url_for("bodies.show", ars=ars, _anchor="post"), 303), "notice.office_open")


@blueprint.post("/bodies/<ars>/mailboxes")
def set_mailbox(ars: str) -> AnyResponse:
    """Let mail for a role go to a mailbox of the body."""
    role, address, language = (forms.text(name) for name in ("role", "address", "language"))
    faults = {name: wording.t(f"body.post.{name}_missing") for name in ("role", "address") if not forms.text(name)}
    if faults:
        return _page(ars, faults=faults)
    try:
        role = mailboxes.ALL if role == "all" else role
        deeds.do(mailboxes.set_up, Place(body=ars), role, address, language=language or wording.language())
    except Refused as error:
        if error.key != "error.not_an_email":
            raise
        return _page(ars, faults={"address": wording.t(error.key, **error.facts)})
    return notices.leave(redirect(url_for("bodies.show", ars=ars, _anchor="post"), 303), "notice.mailbox_set")


@blueprint.post("/bodies/<ars>/mailboxes/end")
def end_mailbox(ars: str) -> AnyResponse:
    """Let mail for a role go to the people again."""
    deeds.do(mailboxes.end, Place(body=ars), forms.text("role"))
    return notices.leave(redirect(url_for("bodies.show", ars=ars, _anchor="post"), 303), "notice.mailbox_ended")


def _page(
    ars: str,
    *,
    fault: str | None = None,
    faults: Mapping[str, str] | None = None,
    refused: StartklarError | None = None,
) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = bodies.body(work, ars)
    body = render_template(
        "body.html",
        body=found,
        fault=fault,
        faults=faults or {},
        summary=forms.summary(faults or {}, {name: wording.t(f"body.post.{name}") for name in _OF_POST}),
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if fault or faults else 200)


_OF_POST = ("from", "until", "role", "address")
