"""Bodies by services, the third face of the list of cases."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from webui import case_list, session
from workflow import views
from workflow.queries import matrix

blueprint = Blueprint("matrix", __name__)


@blueprint.get("/cases/matrix")
def show() -> str:
    """Where every body stands with every service."""
    with session.engine().read(session.me()) as work:
        found = matrix.matrix(work, case_list.asked(), after=request.args.get("after"))
        saved = views.of_actor(work)
    address = case_list.laid_out("matrix.show", found.filters)
    return render_template(
        "matrix.html",
        found=found,
        address=address,
        faces=case_list.faces(address),
        inside=matrix.looks_inside(found.filters),
        paged="after" in request.args,
        **case_list.kept(address, saved),
    )
