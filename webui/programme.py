"""The programme: target dates, waves, teams."""

from __future__ import annotations

from flask import Blueprint, render_template

from webui import session
from workflow.queries import programme

blueprint = Blueprint("programme", __name__)


@blueprint.get("/programme")
def show() -> str:
    """What is to be reached by when, and who works on it."""
    with session.engine().read(session.me()) as work:
        found = programme.programme(work)
    return render_template("programme.html", found=found)
