"""What people write to us about the pages: barriers, faults, wishes. Signed in or not; all times are real."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal, get_args
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import administrators, database, policy, texts
from workflow.database import Guard, unguarded
from workflow.engine import Engine, Who, Work
from workflow.errors import Conflict, Invalid, NotAllowed, NotFound, TooMany
from workflow.letters import Letter, Passage
from workflow.models import Feedback, Person
from workflow.settings import Settings

Kind = Literal["accessibility", "fault", "other"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LONGEST = 4000
LONGEST_PAGE = 300
LONGEST_ADDRESS = 254
KEPT = dt.timedelta(days=90)
"""How long what is done is kept."""
MOST_OPEN_DAYS = 365
"""What nobody marked as done is forgotten after so many days all the same: it may name people."""

MOST_OF_PERSON, MOST_OF_STRANGERS = 20, 300
"""How much one person, and all strangers together, may write within an hour."""
_HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Given:
    """One piece of feedback as the list of administrators shows it."""

    id: UUID
    kind: str
    text: str
    page: str | None
    answer_to: str | None
    by: str | None
    """The name of who was signed in, and is still there."""
    given_at: dt.datetime
    done_at: dt.datetime | None


def give(
    engine: Engine,
    who: Who,
    kind: str,
    text: str,
    *,
    page: str = "",
    answer_to: str = "",
    key: UUID | None = None,
) -> UUID:
    """Keep what somebody (None: a stranger) wrote, and tell the administrators of it once a day. Under a key it is
    kept once, however often it is sent.

    Raises InvalidFeedback with what is wrong in which field, or TooMany, in this order.
    """
    text, page, answer_to = text.strip(), page.strip(), answer_to.strip()
    if faults := _faults(kind, text, page, answer_to):
        raise InvalidFeedback(faults)
    with engine.change(who) as work:
        row = {
            "id": key or uuid4(),
            "kind": kind,
            "text": text,
            "page": page or None,
            "answer_to": answer_to or None,
            "by_id": work.actor.id,
            "given_at": database.real_now(),
        }
        if not database.insert_missing(work.session, Feedback, row):
            return UUID(str(row["id"]))
        _insist_few(work)
        administrators.write(
            work, engine.settings, "feedback", lambda language: _letter(work, engine.settings, language)
        )
    return UUID(str(row["id"]))


class InvalidFeedback(Invalid):
    """Something in the form does not fit. `faults`: field → text key and facts."""

    key = "error.invalid_feedback"

    def __init__(self, faults: dict[str, tuple[str, dict[str, Any]]]) -> None:
        super().__init__()
        self.faults = faults


def everything(work: Work, *, done: bool = False, most: int = 100) -> tuple[Given, ...]:
    """What is open, the oldest first; or what is done, the newest first. Raises NotAllowed."""
    _insist_admin(work)
    rows = work.session.execute(
        sa.select(
            Feedback.id,
            Feedback.kind,
            Feedback.text,
            Feedback.page,
            Feedback.answer_to,
            Person.name,
            Feedback.given_at,
            Feedback.done_at,
        )
        .outerjoin(Person, Person.id == Feedback.by_id)
        .where(Feedback.done_at.is_not(None) if done else Feedback.done_at.is_(None))
        .order_by(*((Feedback.done_at.desc(), Feedback.id) if done else (Feedback.given_at, Feedback.id)))
        .limit(most)
    )
    return tuple(Given(*row) for row in rows)


def still_open(work: Work) -> int:
    """How much nobody has marked as done."""
    return work.session.execute(sa.select(sa.func.count()).where(Feedback.done_at.is_(None))).scalar_one()


def mark_done(work: Work, feedback_id: UUID) -> None:
    """Somebody has seen to it. Raises NotAllowed, NotFound or Conflict (it is done), in this order."""
    _mark(work, feedback_id, done=True)


def open_again(work: Work, feedback_id: UUID) -> None:
    """Somebody has to see to it after all. Raises NotAllowed, NotFound or Conflict (it is open), in this order."""
    _mark(work, feedback_id, done=False)


def forget(engine: Engine, guard: Guard = unguarded) -> int:
    """Remove what was done 90 days ago, and what lay open for a year; returns how many."""
    now = database.real_now()
    with database.transaction(engine.pool, write=True) as session:
        guard(session)
        old = sa.or_(Feedback.done_at < now - KEPT, Feedback.given_at < now - dt.timedelta(days=MOST_OPEN_DAYS))
        return session.execute(sa.delete(Feedback).where(old)).rowcount  # type: ignore[attr-defined, no-any-return]


def _faults(kind: str, text: str, page: str, answer_to: str) -> dict[str, tuple[str, dict[str, Any]]]:
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    if kind not in KINDS:
        found["kind"] = ("feedback.fault.kind", {})
    if not text:
        found["text"] = ("feedback.fault.text", {})
    elif len(text) > LONGEST:
        found["text"] = ("feedback.fault.long", {"most": LONGEST})
    if len(page) > LONGEST_PAGE:
        found["page"] = ("feedback.fault.long", {"most": LONGEST_PAGE})
    is_address = 3 <= len(answer_to) <= LONGEST_ADDRESS and "@" in answer_to[1:-1]
    is_address = is_address and answer_to.isprintable() and " " not in answer_to
    if answer_to and not is_address:
        found["answer_to"] = ("feedback.fault.address", {})
    return found


def _insist_few(work: Work) -> None:
    """Raises TooMany when there is more than people write, the one that was just kept among it."""
    mine = Feedback.by_id.is_(None) if work.actor.id is None else Feedback.by_id == work.actor.id
    recent = sa.select(sa.func.count()).where(mine, Feedback.given_at > database.real_now() - _HOUR)
    most = MOST_OF_STRANGERS if work.actor.id is None else MOST_OF_PERSON
    if work.session.execute(recent).scalar_one() > most:
        raise TooMany


def _mark(work: Work, feedback_id: UUID, *, done: bool) -> None:
    _insist_admin(work)
    is_done = work.session.execute(
        sa.select(Feedback.done_at.is_not(None)).where(Feedback.id == feedback_id).with_for_update()
    ).scalar()
    if is_done is None:
        raise NotFound(what="feedback")
    if bool(is_done) is done:
        raise Conflict(what="feedback_done" if done else "feedback_open")
    values = {"done_at": database.real_now(), "done_by": work.actor.id} if done else {"done_at": None, "done_by": None}
    work.session.execute(sa.update(Feedback).where(Feedback.id == feedback_id).values(values))


def _insist_admin(work: Work) -> None:
    if not policy.is_admin(work.actor):
        raise NotAllowed(roles=("admin",))


def _letter(work: Work, settings: Settings, language: str) -> Letter:
    """That there is feedback, and no word of it: what people write is read in the house."""

    def say(key: str, **facts: Any) -> str:
        return texts.say(language, f"feedback.mail.{key}", **facts)

    return Letter(
        language=language,
        subject=say("subject"),
        day=work.today,
        urgency="news",
        headline=say("headline"),
        title=say("title"),
        passages=(Passage(lines=(say("what"),)),),
        groups=(),
        more="",
        button=say("button"),
        link=f"{settings.base_url.rstrip('/')}/admin/feedback",
        note=say("note"),
    )
