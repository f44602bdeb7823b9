"""What time could not do with one thing: it is pushed back, tried again each hour, and shown for as long.

Nothing here says what went wrong: that stands in the log, where no personal data are.
"""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa

from workflow import database
from workflow.engine import Work
from workflow.models import Trouble

AGAIN_AFTER = dt.timedelta(hours=1)
"""When something that failed is tried again; it stops no other."""
_FORGOTTEN_AFTER = dt.timedelta(days=30)


def note(work: Work, kind: str, subject_id: UUID, error: Exception) -> None:
    """Keep that something about one thing failed, once more if it has before."""
    now = database.real_now()
    found = {"at": now, "error": type(error).__name__}
    first = {"kind": kind, "subject_id": subject_id, "since": now, "times": 1, **found}
    if not database.insert_missing(work.session, Trouble, first):
        begun_anew = sa.case((Trouble.at <= tried_since(now), now), else_=Trouble.since)
        work.session.execute(
            sa.update(Trouble)
            .where(Trouble.kind == kind, Trouble.subject_id == subject_id)
            .values(times=Trouble.times + 1, since=begun_anew, **found)
        )
    work.session.execute(sa.delete(Trouble).where(Trouble.at < now - _FORGOTTEN_AFTER))


def tried_since(now: dt.datetime) -> dt.datetime:
    """What failed later than this, at the real instant `now`, fails still: it would have been tried again."""
    return now - 2 * AGAIN_AFTER
