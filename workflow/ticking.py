"""One tick: everything that is due now, in the order in which one thing leads to another.

The scheduler's beat, `startklar tick` and the rehearsal clock do the same. A tick that comes late, twice or on several
machines at once does no harm: each part claims or locks what it works on.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflow import (
    bounces,
    bulk,
    delegations,
    following,
    mailer,
    messages,
    onboarding,
    prerequisites,
    reminders,
    tasks,
    unreached,
)
from workflow.engine import Engine


@dataclass(frozen=True, slots=True)
class Written:
    """What time led to: subjects with a rung decided, cases that learnt something, mails written; and how many of those
    somebody had asked for at once were still to be done."""

    decided: int = 0
    followed: int = 0
    written: int = 0
    worked: int = 0


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick came to."""

    decided: int
    """Tasks, holds, prerequisites and milestones of which a rung was decided."""
    followed: int
    """Cases that learnt that what they waited for is there."""
    written: int
    """Mails written."""
    sent: int
    failed: int
    postponed: int


def tick(engine: Engine, *, worker: str) -> Ticked:
    """Take in what came back, decide, follow up, write and deliver until nothing is due. `worker` names who claims
    mails for delivery.

    Raises Busy when another writer keeps the database; what was done until then is kept.
    """
    bounces.read_maildir(engine)
    due = decide_and_write(engine)
    mail = mailer.deliver(engine, worker=worker)
    return Ticked(due.decided, due.followed, due.written, mail.sent, mail.failed, mail.postponed)


def decide_and_write(engine: Engine) -> Written:
    """Everything of a tick but delivery, which may take long when a mail server is slow.

    Mails are written only when every rung that is due has been decided, by whomever, so that a person who is reminded
    of several things this morning gets one mail.
    """
    worked = bulk.go_on(engine)
    delegations.apply(engine)
    onboarding.settle(engine)
    onboarding.remind(engine)
    prerequisites.expire(engine)
    prerequisites.recur_daily(engine)
    tasks.bring_up(engine)
    decided = followed = 0
    while True:
        now_decided, now_followed = reminders.decide(engine), following.work_off(engine)
        decided, followed = decided + now_decided, followed + now_followed
        if not now_decided and not now_followed:
            break
    unreached.pass_on(engine)
    return Written(decided, followed, messages.compose(engine), worked)
