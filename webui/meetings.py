"""Talks with a body: what changed since the last one, what is to be talked about, and that one took place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session, wording
from workflow import evidence, meetings
from workflow.errors import Conflict, InvalidEvidence, NotFound, Refused, StartklarError
from workflow.queries import changes as query

blueprint = Blueprint("meetings", __name__, url_prefix="/bodies")

_DAYS = {"7": 7, "28": 28}
"""Spans one chooses by a link."""


@blueprint.get("/meetings")
def index() -> str:
    """The bodies of the person's teams, with their last meeting and what changed since."""
    with session.engine().read(session.me()) as work:
        found = query.bodies(work, page=request.args.get("page", default=1, type=int))
    return render_template("meetings.html", found=found)


@blueprint.get("/<ars>/changes")
def changes(ars: str) -> AnyResponse:
    """What changed at a body, and what is open."""
    return _page(ars)


@blueprint.post("/<ars>/meetings")
def note(ars: str) -> AnyResponse:
    """Note that the team spoke with the body."""
    on: dt.date | None = None
    if forms.text("on"):
        try:
            on = evidence.day_of(forms.text("on"))
        except InvalidEvidence:
            return _page(ars, faults={"on": wording.t("delegations.no_day")})
    try:
        deeds.do(meetings.hold, ars, on)
    except Refused as error:
        return _page(ars, faults={"on": wording.t(error.key, **error.facts)})
    return notices.leave(redirect(url_for("meetings.changes", ars=ars), 303), "notice.meeting_noted")


@blueprint.post("/<ars>/meetings/withdraw")
def withdraw(ars: str) -> AnyResponse:
    """Take back the meeting one has just noted."""
    meeting = forms.chosen("meeting")
    if meeting is None:
        raise NotFound(what="meeting")
    try:
        deeds.do(meetings.withdraw, meeting)
    except Conflict as error:
        return _page(ars, refused=error)
    return notices.leave(redirect(url_for("meetings.changes", ars=ars), 303), "notice.meeting_withdrawn")


def _since() -> tuple[str, dt.date | int | None]:
    """From when the address wants to see: a number of days, or a day as people write it; whatever is neither means
    the last meeting."""
    written = request.args.get("since", "")
    if written in _DAYS:
        return written, _DAYS[written]
    with suppress(InvalidEvidence):
        day = evidence.day_of(written) if written else None
        if day is not None and day.year > 2000:
            return day.isoformat(), day
    return "", None


def _page(ars: str, *, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None) -> AnyResponse:
    key, since = _since()
    with session.engine().read(session.me()) as work:
        found = query.changes(work, ars, since, page=request.args.get("page", default=1, type=int))
    body = render_template(
        "changes.html",
        found=found,
        key=key,
        chosen=since if isinstance(since, dt.date) else None,
        faults=faults or {},
        summary=forms.summary(faults or {}, {"on": wording.t("meeting.on")}),
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)
