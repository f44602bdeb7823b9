"""What waits for the roles a person holds, to take one from."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from webui import session
from workflow.queries import queue

blueprint = Blueprint("queue", __name__, url_prefix="/queue")


@blueprint.get("")
def show() -> str:
    """What nobody has accepted, or what is with whom; perhaps of one role."""
    asked = request.args
    with session.engine().read(session.me()) as work:
        page = queue.queue(work, role=asked.get("role"), taken=asked.get("taken") == "yes", after=asked.get("after"))
    return render_template("queue.html", page=page)
