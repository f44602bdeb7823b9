"""Says that the scheduler stands still: to machines, to administrators on pages, and by mail when nobody looks."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time

from flask import Flask, Response, current_app, jsonify

from workflow import watch
from workflow.engine import Engine
from workflow.watch import State

_FRESH_SECONDS = 5.0
_LOOK_AFTER_SECONDS = 60.0

log = logging.getLogger(__name__)


class Lookout:
    """What a web process knows of the scheduler. Requests keep it looking; none of them waits for it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.fresh_seconds, self.look_after_seconds = _FRESH_SECONDS, _LOOK_AFTER_SECONDS
        self._looked_after_at = time.monotonic()
        self._turn = threading.Lock()
        self._seen: tuple[float, State] | None = None

    def state(self) -> State:
        """How the scheduler stands, as of some seconds ago: whoever asks often costs no more."""
        seen = self._seen
        if seen is None or time.monotonic() - seen[0] > self.fresh_seconds:
            seen = self._seen = (time.monotonic(), watch.state(self.engine))
        return seen[1]

    def standstill(self) -> State | None:
        """How it stands when it stands still; None when it goes, or when that cannot be known just now."""
        try:
            found = self.state()
        except Exception:
            log.exception("the state of the scheduler cannot be read")
            return None
        return found if found.stands_still else None

    def nudge(self) -> threading.Thread | None:
        """Look after the scheduler in a thread of its own, at most once a minute; gives it when it begins now."""
        with self._turn:
            if time.monotonic() - self._looked_after_at < self.look_after_seconds:
                return None
            self._looked_after_at = time.monotonic()
        thread = threading.Thread(target=self._look_after, name="watch", daemon=True)
        thread.start()
        return thread

    def _look_after(self) -> None:
        try:
            watch.look_after(self.engine, worker=f"web:{socket.gethostname()}:{os.getpid()}")
        except Exception:
            log.exception("looking after the scheduler failed; a later request asks again")


def install(app: Flask, engine: Engine) -> None:
    """Let every request keep an eye on the scheduler, and pages say when it stands still."""
    lookout = app.extensions["startklar.lookout"] = Lookout(engine)
    app.jinja_env.globals["standstill"] = lookout.standstill
    app.add_url_rule("/statusz", "statusz", statusz)

    @app.after_request
    def nudge(response: Response) -> Response:
        lookout.nudge()
        return response


def state() -> State | None:
    """How the scheduler stands, for a page; None when that cannot be known just now."""
    lookout: Lookout = current_app.extensions["startklar.lookout"]
    try:
        return lookout.state()
    except Exception:
        log.exception("the state of the scheduler cannot be read")
        return None


def statusz() -> Response:
    """For machines: 200 while the scheduler goes, 503 when it stands still; and how much waits, up to 10,000 each."""
    found: State = current_app.extensions["startklar.lookout"].state()
    said = {
        "status": "ok",
        "due_rungs": found.due_rungs,
        "due_notices": found.due_notices,
        "due_mails": found.due_mails,
        "failing": found.failing,
    }
    if found.since is not None:
        said |= {"status": "stands_still", "since": found.since.isoformat(timespec="seconds"), "stuck": found.stuck}
    response = jsonify(said)
    response.status_code = 503 if found.stands_still else 200
    return response
