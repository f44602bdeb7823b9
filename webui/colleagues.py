"""The people of a body, to those who work there; a form to invite more, to those who answer for them."""

from __future__ import annotations

from flask import Blueprint, make_response, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import invitations, session
from workflow.policy import Role
from workflow.queries import people as query

blueprint = Blueprint("colleagues", __name__, url_prefix="/bodies/<ars>/people")


@blueprint.get("")
def show(ars: str) -> AnyResponse:
    """Who holds which role, and who is invited."""
    return _page(ars, invitations.Tried())


@blueprint.post("")
def invite(ars: str) -> AnyResponse:
    """Invite somebody to a role of the body."""
    tried = invitations.invite(lambda role, service: Role(role, body=ars, service=service))
    return tried.leave(url_for("colleagues.show", ars=ars)) or _page(ars, tried)


def _page(ars: str, tried: invitations.Tried) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = query.colleagues(work, ars)
    wanted = request.args.get("role", "")
    return make_response(render_template("colleagues.html", found=found, tried=tried, wanted=wanted), tried.status)
