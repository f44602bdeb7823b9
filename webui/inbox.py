"""What waits for the person today."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import navigation, session
from workflow.queries import inbox, mails, onboarding, steering

blueprint = Blueprint("inbox", __name__)


@blueprint.get("/")
def show() -> str | AnyResponse:
    """Tasks, prerequisites and milestones by urgency, and what the person waits for. Who only administers has none."""
    if navigation.is_admin_only():
        return redirect(url_for("administration.show"), 303)
    with session.looking() as work:
        page = inbox.inbox(work, after=request.args.get("after"))
        unreachable = mails.unreachable(work)
        requests = onboarding.waiting(work)
        first = steering.start(work) if page.is_first else None
    return render_template("inbox.html", page=page, unreachable=unreachable, requests=requests, steering=first)
