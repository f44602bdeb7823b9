"""How much is open where: per team and role, and what each body is asked at once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for

from webui import session
from workflow.queries import load as query
from workflow.queries.load import SIDES, WHENS, Filters

blueprint = Blueprint("load", __name__, url_prefix="/teams/load")


@blueprint.get("")
def show() -> str:
    """Per team and role."""
    with session.engine().read(session.me()) as work:
        found = query.load(work)
    return render_template("load.html", found=found)


@blueprint.get("/bodies")
def bodies() -> str:
    """Per body."""
    with session.engine().read(session.me()) as work:
        found = query.burden(work, sort=request.args.get("sort", "week"), page=_page())
    return render_template("load_bodies.html", found=found)


@blueprint.get("/tasks")
def tasks() -> str:
    """What a number counts."""
    with session.engine().read(session.me()) as work:
        found = query.demands(work, _asked(), page=_page())
    return render_template("load_tasks.html", found=found, to=_to)


def _asked() -> Filters:
    """What the address narrows the list to."""
    side, when = request.args.get("side"), request.args.get("when")
    return Filters(
        team=request.args.get("team") or None,
        role=request.args.get("role") or None,
        side=next((one for one in SIDES if one == side), None),
        body=request.args.get("body") or None,
        when=next((one for one in WHENS if one == when), None),
    )


def _to(page: int | None = None, **changed: str | None) -> str:
    """The address of this list, narrowed otherwise."""
    present = {name: request.args.get(name) for name in ("team", "role", "side", "body", "when")}
    wanted: dict[str, Any] = {name: value for name, value in {**present, **changed, "page": page}.items() if value}
    return url_for("load.tasks", **wanted)


def _page() -> int:
    return request.args.get("page", default=1, type=int)
