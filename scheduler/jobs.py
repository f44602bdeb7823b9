"""The list of regular jobs. Each is one function of `workflow`; late, twice or on two machines does no harm."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass

from workflow import bounces, commands, database, documents, lease, mailer, sessions, ticking
from workflow.engine import Engine
from workflow.settings import Settings

_DAY = dt.timedelta(days=1)
_LEAD_SECONDS = 600.0
_BOUNCES_EVERY = dt.timedelta(seconds=30)
_HEARTBEAT = "scheduler"
_HEARTBEAT_SECONDS = 60.0
_HEARTBEAT_EVERY = dt.timedelta(seconds=30)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something done every so often, in a thread of its own; never twice at a time in one process."""

    name: str
    every: dt.timedelta
    run: Callable[[], object]


def jobs(engine: Engine, settings: Settings, *, worker: str) -> tuple[Job, ...]:
    """Every regular job of one scheduler process; `worker` names it among all of them.

    The first ones work on rows and files taken one by one, so every scheduler does them. The daily ones are led
    by one scheduler at a time.
    """
    beat, hour = dt.timedelta(seconds=settings.tick_seconds), dt.timedelta(hours=1)
    return (
        Job("decide_and_write", beat, lambda: _decide_and_write(engine, worker)),
        Job("deliver", beat, lambda: mailer.deliver(engine, worker=worker)),
        Job("read_bounces", max(beat, _BOUNCES_EVERY), lambda: bounces.read_maildir(engine)),
        Job("sweep_documents", hour, _daily(engine, worker, "sweep_documents", _sweep(engine, settings))),
        Job("forget_sessions", hour, _daily(engine, worker, "forget_sessions", _forget(engine))),
        Job("forget_commands", hour, _daily(engine, worker, "forget_commands", lambda: commands.forget(engine))),
    )


def run_safely(job: Job) -> bool:
    """Run a job once; says whether it went well. A failure is logged and stops nothing: the next beat comes."""
    try:
        job.run()
    except Exception:
        log.exception("job %s failed; it runs again with the next beat", job.name)
        return False
    return True


def _decide_and_write(engine: Engine, worker: str) -> None:
    """The beat itself, and a note that it came to an end, for those who watch the scheduler."""
    done = ticking.decide_and_write(engine)
    if done != ticking.Written():
        log.info("%d decided, %d cases followed up, %d mails written", done.decided, done.followed, done.written)
    fence = lease.acquire(engine, _HEARTBEAT, worker, _HEARTBEAT_SECONDS)
    if fence is not None and _is_due(engine, _HEARTBEAT, _HEARTBEAT_EVERY):
        lease.progress(engine, _HEARTBEAT, fence)


def _daily(engine: Engine, worker: str, name: str, run: Callable[[], object]) -> Callable[[], None]:
    """Run it once a day, by whoever leads then. One that failed is due again when its lease has run out."""

    def once_a_day() -> None:
        if not _is_due(engine, name, _DAY):
            return
        fence = lease.acquire(engine, name, worker, _LEAD_SECONDS)
        if fence is not None and _is_due(engine, name, _DAY):
            run()
            lease.progress(engine, name, fence)

    return once_a_day


def _is_due(engine: Engine, name: str, every: dt.timedelta) -> bool:
    return database.real_now() - lease.last_progress(engine, name) >= every


def _sweep(engine: Engine, settings: Settings) -> Callable[[], int]:
    return lambda: documents.sweep(engine, settings.documents, older_than=_DAY)


def _forget(engine: Engine) -> Callable[[], int]:
    return lambda: sessions.forget_expired(engine)
