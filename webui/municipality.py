"""One's own body over all services."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from webui import session
from workflow.queries import municipality

blueprint = Blueprint("municipality", __name__)


@blueprint.get("/my-municipality")
def show() -> str:
    """What we owe, what we wait for, and the year ahead; `body` chooses where somebody works for several."""
    with session.engine().read(session.me()) as work:
        found = municipality.my_municipality(work, request.args.get("body"))
    return render_template("municipality.html", found=found)
