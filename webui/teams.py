"""Teams: who is in them, and what they look after."""

from __future__ import annotations

from flask import Blueprint, make_response, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import invitations, session
from workflow.policy import Role
from workflow.queries import people as query

blueprint = Blueprint("teams", __name__, url_prefix="/teams")


@blueprint.get("")
def index() -> str:
    """Every team the person may know."""
    with session.engine().read(session.me()) as work:
        found = query.teams(work)
    return render_template("teams.html", teams=found)


@blueprint.get("/<key>")
def show(key: str) -> AnyResponse:
    """One team."""
    return _page(key, invitations.Tried())


@blueprint.post("/<key>")
def invite(key: str) -> AnyResponse:
    """Invite somebody into the team."""
    tried = invitations.invite(lambda role, _: Role(role, team=key))
    return tried.leave(url_for("teams.show", key=key)) or _page(key, tried)


def _page(key: str, tried: invitations.Tried) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = query.team(work, key)
    return make_response(render_template("team.html", found=found, tried=tried), tried.status)
