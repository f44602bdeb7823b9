"""What the recipient of a mail does through its link, without signing in.

A link is good for one reply to the matters of its mail, with the rights its recipient has at that time. Looking at what
it leads to changes nothing, however often a mail program or a scanner does so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa

from workflow import database, links, policy, replies
from workflow.engine import Engine, Who, Work
from workflow.errors import (
    Conflict,
    LinkBroken,
    LinkClosed,
    LinkExpired,
    LinkSpent,
    NotAllowed,
    NotFound,
    Refused,
    SignInRequired,
    StartklarError,
)
from workflow.messages import LINK_GOOD_FOR_DAYS, MOST_ITEMS, NEWS
from workflow.models import Hold, Installation, Message, Notice, Person, SpentLink, Task
from workflow.replies import KINDS, Answer, Kind, Replied

TO_MEND = (
    "error.reply_snooze_days",
    "error.reply_promise_day",
    "error.reply_promise_late",
    "error.reply_promise_same",
)
"""Refusals of what was filled in: whoever replied mends it, and nothing is kept until then."""
_LOCK_ORDER: dict[Kind, int] = {"milestone": 0, "prerequisite": 1, "hold": 2, "task": 2}


@dataclass(frozen=True, slots=True)
class Opened:
    """The mail behind a link that somebody can still reply through."""

    message_id: UUID
    recipient_id: UUID
    language: str
    subject: str
    plain: str
    written_on: dt.date
    until: dt.date
    """The last day on which the link is good."""
    about: tuple[tuple[Kind, UUID], ...]
    """What it asked about, the most urgent first; of very many those that press most."""


@dataclass(frozen=True, slots=True)
class Meant:
    """For whom a link was written (None: nobody is there any more), in which language, and what about."""

    recipient_id: UUID | None
    language: str
    about: tuple[tuple[Kind, UUID], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one answer: the reply, or why there is none."""

    answer: Answer
    replied: Replied | None
    refused: StartklarError | None = None
    remind_on: dt.date | None = None
    """The day on which somebody is reminded next."""


class Mend(Exception):
    """An answer cannot be as it was filled in; nothing was kept, and the link is good as before."""

    def __init__(self, answer: Answer, refused: Refused) -> None:
        super().__init__(refused.key)
        self.answer = answer
        self.refused = refused


def meant_for(engine: Engine, token: str) -> Meant:
    """Whose link it is and what its mail asked about, whether or not it is still good. Raises LinkBroken."""
    with engine.read(None) as work:
        row = _row(work, token)
        there = _is_there(row)
        return Meant(row.recipient_id if there else None, row.language, _about(work, row) if there else ())


def open_link(engine: Engine, token: str) -> Opened:
    """The mail behind a link.

    Raises LinkBroken, LinkClosed (the account has ended, or another address by now: whoever reads the mail may be
    somebody else), LinkSpent or LinkExpired, in this order.
    """
    with engine.read(None) as work:
        row = _row(work, token)
        if not _is_there(row) or row.address != row.email:
            raise LinkClosed
        calendar = work.catalogue.calendar
        if row.spent_at is not None:
            raise LinkSpent(on=calendar.today(row.spent_at))
        until = calendar.today(row.written_at) + dt.timedelta(days=LINK_GOOD_FOR_DAYS)
        if work.today > until:
            raise LinkExpired(n=LINK_GOOD_FOR_DAYS)
        return Opened(
            row.id,
            row.recipient_id,
            row.language,
            row.subject,
            row.plain,
            calendar.today(row.written_at),
            until,
            _about(work, row),
        )


def reply(engine: Engine, token: str, answers: Sequence[Answer]) -> tuple[Outcome, ...]:
    """Reply as the recipient of the mail, about one or several of its matters, and spend its link.

    What cannot be replied to any more (somebody was faster, the role is gone) is told beside what was done; where all
    of it is so, the link is not spent. Of two who reply at once through one link one wins.

    Raises what `open_link` raises, LinkBroken also for answers to anything the mail was not about, or Mend.
    """
    opened = open_link(engine, token)
    if not answers or any((answer.kind, answer.id) not in opened.about for answer in answers):
        raise LinkBroken
    found: dict[UUID, Outcome] = {}
    try:
        with engine.change(opened.recipient_id) as work:
            spent = {"message_id": opened.message_id, "spent_at": work.now}
            if not database.insert_missing(work.session, SpentLink, spent):
                raise LinkSpent(on=work.today)
            for answer in _in_order(work, answers):
                found[answer.id] = _give(work, answer)
            if all(outcome.replied is None for outcome in found.values()):
                raise _NothingDone
    except SignInRequired as error:
        raise LinkClosed from error
    except _NothingDone:
        pass
    return tuple(found[answer.id] for answer in answers)


def renew_links(engine: Engine, who: Who) -> None:
    """End every link that was mailed so far, because the key they are signed with is known to somebody it should not be
    known to. Mails written from now on carry links of a new key.

    Raises NotAllowed unless asked by an administrator or at the command line.
    """
    with engine.change(who) as work:
        if not (work.actor.is_system or policy.is_admin(work.actor)):
            raise NotAllowed(roles=("admin",))
        work.session.execute(sa.update(Installation).values(link_key=links.new_key()))


class _NothingDone(Exception):
    """Nothing is kept, and the link stays."""


def _in_order(work: Work, answers: Sequence[Answer]) -> list[Answer]:
    """In the order in which everybody locks: two digests about the same cases do not stand in each other's way."""
    ids = [answer.id for answer in answers if answer.kind in ("task", "hold")]
    of_case = sa.union_all(*(sa.select(of.id, of.case_id).where(of.id.in_(ids)) for of in (Task, Hold)))
    cases: dict[UUID, UUID] = dict(work.session.execute(of_case).all()) if ids else {}
    return sorted(answers, key=lambda answer: (_LOCK_ORDER[answer.kind], cases.get(answer.id, answer.id), answer.id))


def _give(work: Work, answer: Answer) -> Outcome:
    try:
        with work.session.begin_nested():
            done = replies.give(work, answer, via="link")
            remind_on = work.catalogue.calendar.today(done.remind_at) if done.remind_at is not None else None
            return Outcome(answer, done, remind_on=remind_on)
    except Refused as error:
        if error.key in TO_MEND:
            raise Mend(answer, error) from error
        return Outcome(answer, None, error)
    except (NotFound, NotAllowed, Conflict) as error:
        return Outcome(answer, None, error)


def _row(work: Work, token: str) -> Any:
    key = work.session.execute(sa.select(Installation.link_key)).scalar_one()
    row = work.session.execute(_MESSAGE, {"message_id": links.read(key, token)}).first()
    if row is None:
        raise LinkBroken
    return row


def _is_there(row: Any) -> bool:
    """Whether whom it was written to has an account to reply with."""
    return row.recipient_id is not None and row.email is not None and row.ended_at is None


def _about(work: Work, row: Any) -> tuple[tuple[Kind, UUID], ...]:
    found = work.session.execute(_ABOUT, {"message_id": row.id, "recipient_id": row.recipient_id})
    about = dict.fromkeys((cast("Kind", kind), subject_id) for kind, subject_id in found)
    return tuple(about)[:MOST_ITEMS]


_MESSAGE = (
    sa.select(
        Message.id,
        Message.recipient_id,
        Message.language,
        Message.subject,
        Message.plain,
        Message.written_at,
        Message.address,
        Person.email,
        Person.ended_at,
        SpentLink.spent_at,
    )
    .outerjoin(Person, Person.id == Message.recipient_id)
    .outerjoin(SpentLink, SpentLink.message_id == Message.id)
    .where(Message.id == sa.bindparam("message_id", type_=sa.Uuid()))
)
_ABOUT = (
    sa.select(Notice.subject_kind, Notice.subject_id)
    .where(
        Notice.message_id == sa.bindparam("message_id", type_=sa.Uuid()),
        Notice.recipient_id == sa.bindparam("recipient_id", type_=sa.Uuid()),
        Notice.subject_kind.in_(KINDS),
        Notice.name.not_in(NEWS),
    )
    .order_by(Notice.urgency.desc(), Notice.created_at, Notice.id)
)
