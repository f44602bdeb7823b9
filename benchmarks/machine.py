"""Where and with what something was measured."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version

from benchmarks.databases import Database


def facts(databases: Sequence[Database]) -> dict[str, str | int]:
    """What decides over times, to print beside them."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "sqlalchemy": version("SQLAlchemy"),
        "psycopg": version("psycopg"),
        **{database.name.lower(): database.version for database in databases},
    }
