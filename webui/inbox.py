"""What waits for the person today."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from webui import session
from workflow.queries import inbox, mails

blueprint = Blueprint("inbox", __name__)


@blueprint.get("/")
def show() -> str:
    """Tasks, prerequisites and milestones by urgency, and what the person waits for."""
    with session.engine().read(session.me()) as work:
        page = inbox.inbox(work, after=request.args.get("after"))
        unreachable = mails.unreachable(work)
    return render_template("inbox.html", page=page, unreachable=unreachable)
