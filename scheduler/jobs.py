"""The list of regular jobs. Each is one function of `workflow`; late, twice or on two machines does no harm."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from workflow import (
    access,
    bounces,
    commands,
    documents,
    drafts,
    feedback,
    history_checks,
    lease,
    mailer,
    sessions,
    ticking,
    watch,
)
from workflow.database import Guard
from workflow.engine import Engine
from workflow.settings import Settings

_DAY = dt.timedelta(days=1)
_LEAD_SECONDS = 600.0
_CHECKED_EVERY = dt.timedelta(seconds=5)
_BOUNCES_EVERY = dt.timedelta(seconds=30)

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
        Job("deliver", beat, lambda: _deliver(engine, worker)),
        Job("check_history", max(beat, _CHECKED_EVERY), lambda: history_checks.work_off(engine, worker=worker)),
        Job("read_bounces", max(beat, _BOUNCES_EVERY), lambda: bounces.read_maildir(engine)),
        *(Job(name, hour, _daily(engine, worker, name, run)) for name, run in led(engine, settings).items()),
    )


def led(engine: Engine, settings: Settings) -> dict[str, Callable[[Guard], object]]:
    """What one scheduler at a time does, once a day. Each gets the guard that it asks before it writes anything: who
    leads no longer is stopped there."""
    return {
        "sweep_documents": lambda guard: documents.sweep(engine, settings.documents, older_than=_DAY, guard=guard),
        "forget_links": lambda guard: access.forget_links(engine, guard),
        "forget_sessions": lambda guard: sessions.forget_expired(engine, guard),
        "forget_reports": lambda guard: bounces.forget_read(engine, guard),
        "forget_commands": lambda guard: commands.forget(engine, guard),
        "forget_feedback": lambda guard: feedback.forget(engine, guard),
        "forget_drafts": lambda guard: drafts.forget_old(engine, guard),
    }


def run_safely(job: Job) -> bool:
    """Run a job once; says whether it went well. A failure is logged and stops nothing: the next beat comes."""
    try:
        job.run()
    except Exception:
        log.exception("job %s failed; it runs again with the next beat", job.name)
        return False
    return True


def _decide_and_write(engine: Engine, worker: str) -> None:
    """The beat itself, and a sign that it came to an end, for those who watch the scheduler."""
    done = ticking.decide_and_write(engine)
    if done != ticking.Written():
        log.info("%d decided, %d cases followed up, %d mails written", done.decided, done.followed, done.written)
    watch.sign(engine, watch.DECIDING, worker)


def _deliver(engine: Engine, worker: str) -> None:
    """What is due goes out; a long pass gives signs all along."""
    mailer.deliver(engine, worker=worker, alive=_now_and_then(lambda: watch.sign(engine, watch.DELIVERING, worker)))
    watch.sign(engine, watch.DELIVERING, worker)


def _now_and_then(do: Callable[[], None], seconds: float = 10.0) -> Callable[[], None]:
    """The same, asked as often as one likes."""
    done_at = time.monotonic()

    def now_and_then() -> None:
        nonlocal done_at
        if time.monotonic() - done_at >= seconds:
            do()
            done_at = time.monotonic()

    return now_and_then


def _daily(engine: Engine, worker: str, name: str, run: Callable[[Guard], object]) -> Callable[[], None]:
    """Run it once a day, by whoever leads then. One that failed is due again when its lease has run out."""

    def once_a_day() -> None:
        if not lease.is_due(engine, name, _DAY):
            return
        fence = lease.acquire(engine, name, worker, _LEAD_SECONDS)
        if fence is None or not lease.is_due(engine, name, _DAY):
            return
        try:
            run(lease.Lead(name, fence))
        except lease.Replaced:
            log.warning("job %s took so long that somebody else leads it by now; nothing more is done here", name)
            return
        lease.progress(engine, name, fence)

    return once_a_day
