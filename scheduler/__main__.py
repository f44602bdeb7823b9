"""`python -m scheduler`: do what is due until told to stop. `--once`: do it once.

APScheduler is a metronome here and nothing more: it keeps no job anywhere, every truth is a row, and any number of
these processes may run on any number of machines.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler

from scheduler.jobs import Job, jobs, run_safely
from workflow import settings, start, texts
from workflow.errors import StartklarError

_LOOK_AT_CLOCK_SECONDS = 1.0
_JUMP_SECONDS = 2.0
"""What a clock is set by at once; what keeps it right all the time moves it less within a second."""

log = logging.getLogger("scheduler")


def main() -> int:
    """Run until SIGTERM or Ctrl-C; what runs then is finished. 1 when the installation is not fit to run."""
    parser = argparse.ArgumentParser(prog="python -m scheduler", description="Startklar: reminders, mails, daily jobs")
    parser.add_argument("--once", action="store_true", help="do every job once and end")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a beat skipped because one still runs is no event
    try:
        configured = settings.read()
        engine = start.engine(configured)
    except StartklarError as error:
        sys.stderr.write(texts.say("de", error.key, **error.facts) + "\n")
        return 1
    worker = f"{socket.gethostname()}:{os.getpid()}"
    try:
        todo = jobs(engine, configured, worker=worker)
        if asked.once:
            went_well = [run_safely(job) for job in todo]
            return 0 if all(went_well) else 1
        beat(todo)
        return 0
    except StartklarError as error:
        sys.stderr.write(texts.say("de", error.key, **error.facts) + "\n")
        return 1
    finally:
        engine.close()


def beat(todo: tuple[Job, ...]) -> None:
    """Run every job at its pace until this process is asked to end; a job that runs then is finished first.

    When somebody sets the clock of the machine every job runs at once: the metronome reckons with the time of day, and
    would sleep through the hour by which a clock was set back.
    """
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, end)
    metronome = metronome_of(todo)
    metronome.start()
    log.info("started")
    clock = ClockWatch()
    while not ended.wait(_LOOK_AT_CLOCK_SECONDS):
        if (jump := clock.jump()) is not None:
            log.warning("the clock of this machine was set by %+.0f seconds: every job runs now", jump)
            wake(metronome)
    metronome.shutdown(wait=True)
    log.info("ended")


def metronome_of(todo: tuple[Job, ...]) -> BackgroundScheduler:
    """A metronome for these jobs, which is not started yet; each is due at once."""
    metronome = BackgroundScheduler(timezone=dt.UTC)
    for job in todo:
        metronome.add_job(
            run_safely,
            "interval",
            args=(job,),
            seconds=job.every.total_seconds(),
            id=job.name,
            next_run_time=dt.datetime.now(dt.UTC),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    return metronome


def wake(metronome: BackgroundScheduler) -> None:
    """Let every job run now, whenever it meant to, and at its pace from now on."""
    for job in metronome.get_jobs():
        job.reschedule("interval", seconds=job.trigger.interval.total_seconds())
        job.modify(next_run_time=dt.datetime.now(dt.UTC))


class ClockWatch:
    """Notices when the time of day was set, by a clock that nobody can set."""

    def __init__(
        self, time_of_day: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._time_of_day, self._steady = time_of_day, steady
        self._apart = time_of_day() - steady()

    def jump(self) -> float | None:
        """By how many seconds the clock was set since this was last asked; None when it just went on."""
        apart = self._time_of_day() - self._steady()
        jump, self._apart = apart - self._apart, apart
        return jump if abs(jump) > _JUMP_SECONDS else None


if __name__ == "__main__":
    sys.exit(main())
