"""Deadlines for calendar programs: making and revoking secret addresses, and what they answer to whoever knows one."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import notices, session, wording
from workflow import feeds
from workflow.errors import NetworkPaused, NotFound, SignInRequired
from workflow.queries.deadlines import deadlines

blueprint = Blueprint("feeds", __name__)


@blueprint.post("/account/calendar")
def make() -> AnyResponse:
    """Make an address and show it this once; the one there was ends. Asked again, there is another new one."""
    new = feeds.make(session.engine(), session.me(), request.form.get("team") or None)
    path = url_for("feeds.calendar", secret=new.secret)
    address = session.door().settings.base_url.rstrip("/") + path
    return make_response(render_template("feed_ready.html", address=address, team=new.team))


@blueprint.post("/account/calendar/<digest>/revoke")
def revoke(digest: str) -> AnyResponse:
    """End one of the own addresses."""
    feeds.revoke(session.engine(), session.me(), digest)
    return notices.leave(redirect(url_for("account.show") + "#calendar", 303), "notice.feed_revoked")


@blueprint.get("/calendar/<secret>.ics")
def calendar(secret: str) -> AnyResponse:
    """The calendar, for whoever knows its address: with what its owner may see at this moment.

    An address that never was is not there (404); one that was revoked, or whose owner has no account any more, is gone
    (410), so that a calendar program stops asking.
    """
    try:
        known = feeds.find(session.engine(), secret, request.remote_addr or "")
    except NotFound:
        return _plain("feeds.answer.unknown", 404)
    except NetworkPaused as paused:
        response = _plain("feeds.answer.paused", 429)
        response.headers["Retry-After"] = str(60 * paused.facts["n"])
        return response
    if known.ended:
        return _plain("feeds.answer.gone", 410)
    try:
        with session.engine().read(known.person_id) as work:
            found = deadlines(work, known.team)
            team = feeds.team_title(work, known.team)
            language, zone = work.actor.language, work.catalogue.calendar.zone
    except SignInRequired:
        return _plain("feeds.answer.gone", 410)
    from workflow.exchange import calendar_feed  # its library is large, and few pages need it

    base_url = session.door().settings.base_url
    content = calendar_feed.written(found, language=language, base_url=base_url, zone=zone, team=team)
    response = Response(content, mimetype="text/calendar")
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Disposition"] = "inline; filename=startklar.ics"
    response.set_etag(hashlib.sha256(content).hexdigest()[:32])
    return response.make_conditional(request)


def _plain(key: str, status: int) -> Response:
    """A sentence for the log of a calendar program; nobody is signed in here."""
    return Response(wording.t(key) + "\n", status, mimetype="text/plain")
