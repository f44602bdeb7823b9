"""Searching from the head of every page."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import session
from workflow.queries import search

blueprint = Blueprint("search", __name__)


@blueprint.get("/search")
def show() -> str | AnyResponse:
    """What was found; the number of a case leads straight to the case."""
    with session.engine().read(session.me()) as work:
        found = search.search(work, request.args.get("q", ""), only=request.args.get("only"))
    if found.exact is not None:
        return redirect(url_for("cases.show", case_id=found.exact), 303)
    return render_template("search.html", found=found, FEW=search.FEW, MANY=search.MANY, LEAST=search.LEAST_TEXT)
