"""Who leads a periodic job among several schedulers: a row with a fencing token. All times are real.

Work on rows needs no lease, rows are claimed one by one. A lease keeps two schedulers from sweeping the same folder,
and says when a job last came to something. Each new holder gets a higher fence; who was thought dead and comes back
writes nothing, because every write of a leader asks for its fence.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from workflow import database
from workflow.engine import Engine
from workflow.models import Lease

NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""What a job that never came to anything has as its last progress."""


_SKEW = dt.timedelta(minutes=1)
"""By how much the clocks of two machines may differ."""


class Replaced(Exception):
    """Somebody else leads by now: whoever sees this writes nothing and stops."""


@dataclass(frozen=True, slots=True)
class Lead:
    """Leading a job, as long as nobody with a higher fence does. Called at the beginning of each transaction in which
    the leader writes, it holds the lease until that transaction ends: what is written is a leader's, or nothing is."""

    name: str
    fence: int

    def __call__(self, session: Session) -> None:
        """Raises Replaced when somebody else leads by now."""
        mine = sa.select(Lease.fence).where(Lease.name == self.name, Lease.fence == self.fence).with_for_update()
        if session.execute(mine).first() is None:
            raise Replaced(self.name)


def acquire(engine: Engine, name: str, holder: str, seconds: float) -> int | None:
    """Lead `name` for some seconds from now; the fence, or None while somebody else leads.

    Asked again by its holder, a lease is renewed; nothing is written while more than half of it is left. One that runs
    longer than anybody can have asked for is from before the clock was set back, and has run out.
    """
    now = database.real_now()
    until = now + dt.timedelta(seconds=seconds)
    longest = until + _SKEW
    with database.transaction(engine.pool, write=False) as session:
        row = session.execute(sa.select(Lease.holder, Lease.fence, Lease.until).where(Lease.name == name)).first()
    if row is not None and now < row.until <= longest:
        if row.holder != holder:
            return None
        if row.until - now > dt.timedelta(seconds=seconds / 2):
            return int(row.fence)
        return int(row.fence) if renew(engine, name, row.fence, seconds) else None
    with database.transaction(engine.pool, write=True) as session:
        values = {"name": name, "holder": holder, "fence": 1, "until": until, "progress_at": NEVER}
        if row is None and database.insert_missing(session, Lease, values):
            return 1
        return session.execute(
            sa.update(Lease)
            .where(Lease.name == name, sa.or_(Lease.until <= now, Lease.until > longest))
            .values(holder=holder, fence=Lease.fence + 1, until=until)
            .returning(Lease.fence)
        ).scalar()


def renew(engine: Engine, name: str, fence: int, seconds: float) -> bool:
    """Lead some seconds longer; False when somebody else leads by now, and whoever asked must stop."""
    until = database.real_now() + dt.timedelta(seconds=seconds)
    with database.transaction(engine.pool, write=True) as session:
        changed = session.execute(sa.update(Lease).where(Lease.name == name, Lease.fence == fence).values(until=until))
        return changed.rowcount == 1  # type: ignore[attr-defined, no-any-return]


def give_up(engine: Engine, name: str, fence: int) -> None:
    """Lead no longer, so that somebody else need not wait until the lease has run out."""
    with database.transaction(engine.pool, write=True) as session:
        mine = sa.and_(Lease.name == name, Lease.fence == fence)
        session.execute(sa.update(Lease).where(mine).values(until=database.real_now()))


def progress(engine: Engine, name: str, fence: int) -> bool:
    """Note that the job came to something just now; False, and nothing noted, when somebody else leads by now."""
    with database.transaction(engine.pool, write=True) as session:
        changed = session.execute(
            sa.update(Lease).where(Lease.name == name, Lease.fence == fence).values(progress_at=database.real_now())
        )
        return changed.rowcount == 1  # type: ignore[attr-defined, no-any-return]


def is_due(engine: Engine, name: str, every: dt.timedelta) -> bool:
    """Whether the job last came to something that long ago, or at an instant that is yet to come: then the clock was
    set back since."""
    passed = database.real_now() - last_progress(engine, name)
    return not -_SKEW <= passed < every


def last_progress(engine: Engine, name: str) -> dt.datetime:
    """When the job last came to something, whoever led it; NEVER if it did not yet."""
    with database.transaction(engine.pool, write=False) as session:
        return session.execute(sa.select(Lease.progress_at).where(Lease.name == name)).scalar() or NEVER
