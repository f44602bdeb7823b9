"""Composition root: puts an engine together for a door, and makes a new installation."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import sqlalchemy as sa

from workflow import database, links
from workflow.engine import Engine
from workflow.errors import Conflict, Unready
from workflow.models import Installation
from workflow.settings import Settings


def engine(settings: Settings) -> Engine:
    """An engine on an installation that is fit to run.

    Raises Unready when there is no database, its schema is not this program's, or the clock the environment names is
    not the one the installation was made with.
    """
    made = Engine(settings)
    try:
        database.insist_current(made.pool)
        with database.transaction(made.pool, write=False) as session:
            clock = session.execute(sa.select(Installation.clock)).scalar()
        if clock is None:
            raise Unready("error.not_initialised")
        if settings.clock is not None and settings.clock != clock:
            raise Unready("error.wrong_clock", installed=clock, asked=settings.clock)
    except BaseException:
        made.close()
        raise
    return made


def init(settings: Settings, *, clock: Literal["system", "manual"], now: dt.datetime, example: bool) -> None:
    """Make an installation: schema and the kind of its clock, which never changes. Running it twice is refused.

    `now` is where a manual clock begins. Raises Conflict when the installation is there already, Unready when the
    database cannot be reached.
    """
    if settings.clock is not None and settings.clock != clock:
        raise Unready("error.wrong_clock", installed=clock, asked=settings.clock)
    try:
        database.upgrade(settings.database_url)
    except sa.exc.DatabaseError as error:
        raise Unready("error.no_database", url=sa.make_url(settings.database_url).render_as_string()) from error
    made = Engine(settings)
    try:
        with database.transaction(made.pool, write=True) as session:
            present = session.execute(sa.select(Installation.clock)).scalar()
            if present is not None:
                raise Conflict(what="installation")
            session.execute(
                sa.insert(Installation).values(
                    id=1,
                    clock=clock,
                    clock_now=now if clock == "manual" else None,
                    example=example or clock == "manual",
                    link_key=links.new_key(),
                    definitions_revision=0,
                    created_at=database.real_now(),
                )
            )
    finally:
        made.close()
