"""The rehearsal clock: an installation made for trying things out can be moved on by a working day."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, notices, session, wording
from webui.navigation import local_path
from workflow import clock, ticking
from workflow.errors import NotFound

blueprint = Blueprint("clock", __name__)


@blueprint.post("/clock/advance")
def advance() -> AnyResponse:
    """Let one working day pass and do what is due then. Does not exist where the clock is the real one."""
    who = session.person()
    if who is None or not who.rehearsing:
        raise NotFound
    now = deeds.do(clock.advance)
    with session.engine().read(who.person_id) as work:
        today = work.catalogue.calendar.today(now)
    ticking.decide_and_write(session.engine())
    response = redirect(local_path(request.form.get("next")) or "/", 303)
    return notices.leave(response, "notice.clock_advanced", day=wording.plain_day(today))
