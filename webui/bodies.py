"""The bodies of the programme."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, notices, session, wording
from workflow import policy, prerequisites
from workflow.errors import NotAllowed
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


def _page(ars: str, *, fault: str | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = bodies.body(work, ars)
    return make_response(render_template("body.html", body=found, fault=fault), 422 if fault else 200)
