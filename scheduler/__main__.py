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
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler

from scheduler.jobs import Job, jobs, run_safely
from workflow import settings, start, texts
from workflow.errors import StartklarError


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
    """Run every job at its pace until this process is asked to end; a job that runs then is finished first."""
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, end)
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
    metronome.start()
    logging.getLogger("scheduler").info("started")
    ended.wait()
    metronome.shutdown(wait=True)
    logging.getLogger("scheduler").info("ended")


if __name__ == "__main__":
    sys.exit(main())
