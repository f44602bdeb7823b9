"""The short tour: a few pages that say how one works here, to be skipped at any step."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from webui import session
from workflow import tour

blueprint = Blueprint("tour", __name__, url_prefix="/tour")


@blueprint.get("")
def show() -> str:
    """One step; the first, when the address names none."""
    person = session.person()
    name = tour.of(person.roles if person else ())
    steps = tour.TOURS[name]
    asked = request.args.get("step", default=1, type=int)
    return render_template("tour.html", name=name, step=min(max(asked, 1), steps), steps=steps)


@blueprint.post("/end")
def end() -> AnyResponse:
    """Finished or skipped: to work."""
    tour.finish(session.engine(), session.me())
    return redirect("/", 303)
