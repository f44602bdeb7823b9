"""The districts: how the bodies of one stand."""

from __future__ import annotations

from flask import Blueprint, render_template

from webui import session
from workflow.queries import districts

blueprint = Blueprint("districts", __name__)


@blueprint.get("/districts/<ars>")
def show(ars: str) -> str:
    """One district, body by body."""
    with session.engine().read(session.me()) as work:
        found = districts.district(work, ars)
    return render_template("district.html", district=found)
