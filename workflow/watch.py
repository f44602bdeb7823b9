"""Watches the scheduler: whether it comes to something, what is left undone, and a mail when it stands still.

Whoever beats leaves a sign of life with the leases of `PARTS`. A scheduler that died, hangs or fails at every beat
leaves none, and then somebody else has to say so: web processes do, see `look_after`. All times here are real ones.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import administrators, database, lease, mailer, texts, troubles
from workflow.engine import SYSTEM, Engine, Work
from workflow.letters import Letter, Passage
from workflow.models import (
    Hold,
    Installation,
    Lease,
    Message,
    Milestone,
    Notice,
    Prerequisite,
    Task,
    Trouble,
)
from workflow.settings import Settings

DECIDING, DELIVERING = PARTS = ("scheduler", "delivery")
"""Of two things a scheduler does the signs of life are kept apart: deciding with writing, and delivering."""

MOST_COUNTED = 10_000
"""What is due is counted up to here: who has more than that does not need to know how much more."""

_SIGN_EVERY = dt.timedelta(seconds=30)
_LONGEST_LEASE = 60.0
_SHORTEST_PATIENCE = dt.timedelta(minutes=5)
_BEATS = 10
_MAIL_LEASE = "watch"
NOT_REGULAR = frozenset({_MAIL_LEASE, "check_history"})
"""Leases that settle who does something once, and belong to no job."""
_MAIL_LEASE_SECONDS = 300.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """How the scheduler stands."""

    since: dt.datetime | None
    """Since when it stands still; None while it goes."""
    stuck: tuple[str, ...]
    """Which of `PARTS`."""
    due_rungs: int
    """Subjects of which a rung is due and not decided."""
    due_notices: int
    """What somebody is to be told now and no mail is written about."""
    due_mails: int
    """Mails that are written and due, and not sent."""
    failing: int = 0
    """Things about which something fails each time it is tried."""

    @property
    def stands_still(self) -> bool:
        """Whether nothing has come to an end for longer than patience lasts."""
        return self.since is not None


def patience(settings: Settings) -> dt.timedelta:
    """How long a scheduler may be silent: ten beats, at least five minutes."""
    return max(_SHORTEST_PATIENCE, _BEATS * dt.timedelta(seconds=settings.tick_seconds))


def sign(engine: Engine, part: str, worker: str) -> None:
    """Note that this part came to its end just now, at most every half minute, and by one of all workers.

    The worker that does so for all leads for ten beats, at most a minute; a silent one is followed by another.
    """
    seconds = min(_LONGEST_LEASE, max(1.0, _BEATS * engine.settings.tick_seconds))
    fence = lease.acquire(engine, part, worker, seconds)
    if fence is not None and lease.is_due(engine, part, min(_SIGN_EVERY, dt.timedelta(seconds=seconds / 2))):
        lease.progress(engine, part, fence)


def state(engine: Engine) -> State:
    """How the scheduler stands now. An installation that was just made is given its time."""
    now = database.real_now()
    with database.transaction(engine.pool, write=False) as session:
        made_at, clock, clock_now = session.execute(_INSTALLATION).one()
        signs = dict(session.execute(_SIGNS).all())
        process_now = now if clock == "system" else clock_now
        due = session.execute(
            _DUE, {"now": now, "process_now": process_now, "tried_since": troubles.tried_since(now)}
        ).one()
    most = patience(engine.settings)
    stuck = {part: min(at, now) for part in PARTS if abs(now - (at := signs.get(part, made_at))) > most}
    return State(min(stuck.values(), default=None), tuple(stuck), *due)


def look_after(engine: Engine, *, worker: str) -> State:
    """Look at the scheduler, and write to the administrators when it stands still, once a day; then deliver just that.

    For web processes, as often as they like: of several one writes. A mail that could not be delivered is tried again
    when this is asked again and its time has come. While a rehearsal is played nobody is written to.
    """
    found = state(engine)
    if found.stands_still and (fence := lease.acquire(engine, _MAIL_LEASE, worker, _MAIL_LEASE_SECONDS)) is not None:
        written = _write(engine, found, lease.Lead(_MAIL_LEASE, fence))
        if written:
            mailer.deliver(engine, worker=worker, only=written)
    return found


def _write(engine: Engine, found: State, lead: lease.Lead) -> tuple[UUID, ...]:
    """Write today's mails that are not written yet; gives all of today's that wait to be sent."""
    with engine.change(SYSTEM) as work:
        lead(work.session)
        said = lambda language: _letter(work, engine.settings, found, language)  # noqa: E731
        new, waiting = administrators.write(work, engine.settings, "watch", said)
        if new:
            log.error("the scheduler stands still since %s: %d administrators are told", found.since, new)
        return waiting


def _letter(work: Work, settings: Settings, found: State, language: str) -> Letter:
    def say(key: str, **facts: Any) -> str:
        return texts.say(language, f"watch.mail.{key}", **facts)

    since = found.since or database.real_now()
    stuck = DECIDING if DECIDING in found.stuck else DELIVERING
    return Letter(
        language=language,
        subject=say("subject", since=since),
        day=work.today,
        urgency="overdue",
        headline=say("headline", since=since),
        title=say(f"title_{stuck}"),
        passages=(
            Passage(lines=(say(f"what_{stuck}"),)),
            Passage(facts=((say("rungs"), str(found.due_rungs)), (say("mails"), str(found.due_mails)))),
            Passage(lines=(say("do"),)),
        ),
        groups=(),
        more="",
        button=say("button"),
        link=f"{settings.base_url.rstrip('/')}/",
        note=say("note"),
    )


def _some(model: Any, *due: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """How many are due, up to a limit, by an index on nothing but those that wait for an instant."""
    found = sa.select(model.id).where(*due).limit(MOST_COUNTED).subquery()
    return sa.select(sa.func.count()).select_from(found).scalar_subquery()


def _rungs(model: Any) -> sa.ColumnElement[int]:
    now = sa.bindparam("process_now", type_=Message.try_at.type)
    return _some(model, model.remind_at.is_not(None), model.remind_at <= now)


_INSTALLATION = sa.select(Installation.created_at, Installation.clock, Installation.clock_now)
_SIGNS = sa.select(Lease.name, Lease.progress_at).where(Lease.name.in_(PARTS), Lease.progress_at > lease.NEVER)
_DUE = sa.select(
    _rungs(Task) + _rungs(Hold) + _rungs(Prerequisite) + _rungs(Milestone),
    _some(
        Notice,
        Notice.message_id.is_(None),
        Notice.bulk_id.is_(None),
        Notice.try_at <= sa.bindparam("process_now", type_=Message.try_at.type),
    ),
    _some(
        Message,
        Message.try_at.is_not(None),
        Message.try_at <= sa.bindparam("now", type_=Message.try_at.type),
        Message.status == "queued",
    ),
    sa.select(sa.func.count())
    .select_from(Trouble)
    .where(Trouble.at > sa.bindparam("tried_since", type_=Message.try_at.type))
    .scalar_subquery(),
)
