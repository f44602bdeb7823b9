"""How fast a programme is played: every deed through the engine, with reminders and mails of every morning."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from benchmarks import installation
from benchmarks.databases import Database
from workflow import loading, rehearsal, start
from workflow.rehearsal import Rehearsed
from workflow.settings import PACKAGED_DEFINITIONS

BEGIN = dt.datetime(2025, 6, 2, 6, tzinfo=dt.UTC)
UNTIL = dt.date(2026, 11, 23)


def measure(database: Database, data: Path, *, most: int) -> Rehearsed:
    """Eighteen months with so many cases, in an installation of its own."""
    configured = installation.settings_for(database.fresh(), data)
    start.init(configured, clock="manual", now=BEGIN, example=True)
    engine = start.engine(configured)
    try:
        loading.load(engine, PACKAGED_DEFINITIONS)
        return rehearsal.rehearse(engine, most=most, until=UNTIL, seed=1)
    finally:
        engine.close()
