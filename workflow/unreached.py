"""Who learns what somebody should who cannot be reached by mail.

Two things are passed on to others: what is still to be written to somebody whose address is marked, or who has no
account or no role any more, and what was in a mail that failed for good. Others who hold the role learn of it, else
whoever answers for them (`policy.told_instead`); their mail says why it comes to them. Mere news is not passed on:
nothing is asked, and it stands on the pages.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from workflow import casework, events, messages, policy
from workflow.definition import canonical
from workflow.engine import SYSTEM, Engine, Work
from workflow.models import (
    Absence,
    Case,
    Grant,
    Mailbox,
    Message,
    Notice,
    OnboardingRequest,
    Person,
    Prerequisite,
    Task,
)

CHUNK = 100
CHUNK_SECONDS = 0.05

log = logging.getLogger(__name__)


def pass_on(engine: Engine) -> int:
    """Pass on what its recipient cannot be told; returns how many notices and failed mails were looked at.

    Call it before mails are written. Each is passed on once, whoever does it; one that fails is logged and tried again
    with the next pass. What was passed on and does not arrive either goes further, never back, and ends with the
    programme office. A pass with nothing to do asks small indexes. Raises Busy when another writer keeps the
    database.
    """
    done = 0
    for find, handle in ((_stranded, _pass_on_notice), (_failed, _pass_on_message)):
        done += _work_off(engine, find, handle)
    return done


def _work_off(engine: Engine, find: Callable[[Work], Sequence[UUID]], handle: Callable[[Work, UUID], object]) -> int:
    """Chunk by chunk, each with a savepoint of its own; what was looked at in vain is left for the next pass."""
    looked_at: set[UUID] = set()
    while True:
        with engine.read(SYSTEM) as work:
            found = [one for one in find(work) if one not in looked_at]
        if not found:
            return len(looked_at)
        began = time.monotonic()
        with engine.change(SYSTEM) as work:
            for one in found:
                looked_at.add(one)
                try:
                    with work.session.begin_nested():
                        handle(work, one)
                except OperationalError:
                    raise  # the database's trouble: everything is still there and the next pass begins anew
                except Exception:
                    log.exception("%s could not be passed on; the next pass tries again", one)
                if time.monotonic() - began > CHUNK_SECONDS:
                    break


def _stranded(work: Work) -> Sequence[UUID]:
    """Pending notices of people whose address is marked, and what is due of people who are gone, that no mailbox gets
    instead."""
    pending = sa.exists().where(Notice.recipient_id == Person.id, Notice.message_id.is_(None), Notice.bulk_id.is_(None))
    marked = sa.select(Person.id).where(Person.bounced_at.is_not(None), pending)
    due = sa.select(Notice.recipient_id).where(
        Notice.message_id.is_(None), Notice.bulk_id.is_(None), Notice.try_at <= work.now
    )
    gone = due.join(Person, Person.id == Notice.recipient_id).where(_is_gone()).distinct()
    unreachable = {one for query in (marked, gone) for one in work.session.execute(query).scalars()}
    return messages.stranded(work, sorted(unreachable)) if unreachable else ()


def _is_gone() -> sa.ColumnElement[bool]:
    """Whether somebody has no account, or no role and stands in for nobody."""
    holds = sa.exists().where(Grant.person_id == Person.id, Grant.ended_at.is_(None))
    stands_in = sa.exists().where(Absence.deputy_id == Person.id)
    return sa.or_(Person.ended_at.is_not(None), Person.email.is_(None), sa.not_(sa.or_(holds, stands_in)))


def _failed(work: Work) -> Sequence[UUID]:
    """Mails that failed for good and whose notices nobody else has learnt of yet."""
    return (
        work.session.execute(
            sa.select(Message.id)
            .where(Message.failed_at.is_not(None), Message.passed_on_at.is_(None))
            .order_by(Message.id)
            .limit(CHUNK)
        )
        .scalars()
        .all()
    )


# --- one notice, one mail --------------------------------------------------------------------------------------------


def _pass_on_notice(work: Work, notice_id: UUID) -> None:
    """Whoever takes the notice away tells others; of two at once one finds it gone."""
    row = work.session.execute(
        sa.delete(Notice).where(Notice.id == notice_id, Notice.message_id.is_(None)).returning(*_NOTICE)
    ).first()
    if row is not None:
        _tell(work, row, without=())


def _pass_on_message(work: Work, message_id: UUID) -> None:
    """The notices stay with the mail, which may be sent again; others get notices of their own."""
    claimed = work.session.execute(
        sa.update(Message)
        .where(Message.id == message_id, Message.failed_at.is_not(None), Message.passed_on_at.is_(None))
        .values(passed_on_at=work.now)
        .returning(Message.mailbox_id)
    ).first()
    if claimed is None:
        return
    rows = work.session.execute(sa.select(*_NOTICE).where(Notice.message_id == message_id).order_by(Notice.id)).all()
    if claimed.mailbox_id is not None and _is_marked(work, claimed.mailbox_id):
        for row in rows:  # the people behind the mailbox are reached themselves from now on
            _insert(work, row, [row.recipient_id], json.loads(row.facts))
        return
    without = [row.recipient_id for row in rows] if claimed.mailbox_id is not None else ()
    for row in rows:
        _tell(work, row, without=without)


def _is_marked(work: Work, mailbox_id: UUID) -> bool:
    query = sa.select(Mailbox.id).where(Mailbox.id == mailbox_id, Mailbox.bounced_at.is_not(None))
    return work.session.execute(query).first() is not None


_NOTICE = (
    Notice.id,
    Notice.recipient_id,
    Notice.name,
    Notice.subject_kind,
    Notice.subject_id,
    Notice.case_id,
    Notice.urgency,
    Notice.facts,
    Notice.created_at,
    Notice.immediate,
)


# --- who is told instead ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a notice is about, as far as it says who holds which role there."""

    body: str
    service: str
    team: str
    operator: str | None = None
    delegate: str | None = None
    scope: str = ""
    acting: str | None = None


def _tell(work: Work, row: Any, *, without: Iterable[UUID]) -> None:
    """Tell the first who can be reached of those who are told instead, unless they know it from the same decision."""
    if row.name in messages.NEWS:
        return
    subject = _subject(work, row)
    if subject is None:
        log.warning("a notice %s is closed: nobody else answers for what it is about", row.name)
        return
    facts: dict[str, Any] = json.loads(row.facts)
    unreached = {UUID(hex=one) for one in facts.get("unreached", ())} | {row.recipient_id, *without}
    holders = casework.holders(work, subject)
    marked = _marked(work, {holder.person_id for holder in holders} | {h.deputy for h in holders if h.deputy})
    role = _role(row, facts, subject, holders)
    for instead in policy.told_instead(role):
        found, people = policy.in_charge(instead, subject, holders)
        if found != instead:
            continue
        told = policy.reached(people, holders, asks=True)
        reachable = [one for one in told if one not in unreached and one not in marked]
        if not reachable:
            continue
        said = {**facts, "role": instead, "unreached": sorted(unreached)}
        said.pop("on_behalf_of", None)
        new = [one for one in reachable if one not in _told_anyway(work, row)]
        for one in new:
            away = told[one]
            _insert(work, row, [one], {**said, "on_behalf_of": away} if away else said)
        return
    log.error("nobody can be reached by mail about %s %s", row.subject_kind, row.subject_id)


def _role(row: Any, facts: dict[str, Any], subject: _Subject, holders: Sequence[policy.Holder]) -> str:
    """The role in which it was meant for the recipient, or for whom the recipient stands in."""
    if facts.get("role"):
        return str(facts["role"])
    person = UUID(str(facts["on_behalf_of"])) if facts.get("on_behalf_of") else row.recipient_id
    if subject.acting is not None:
        role, people = policy.in_charge(subject.acting, subject, holders)
        if person in people:
            return role
    held = next((holder for holder in holders if holder.person_id == person), None)
    if held is not None:
        return f"body.{held.role}" if held.body is not None and held.role != policy.COORDINATOR else held.role
    return subject.acting or "umsetzungsteam"


def _marked(work: Work, people: Iterable[UUID]) -> set[UUID]:
    query = sa.select(Person.id).where(Person.id.in_(list(people)), Person.bounced_at.is_not(None))
    return set(work.session.execute(query).scalars())


def _told_anyway(work: Work, row: Any) -> set[UUID]:
    """Who got a notice of the very same decision."""
    query = sa.select(Notice.recipient_id).where(
        Notice.subject_id == row.subject_id,
        Notice.subject_kind == row.subject_kind,
        Notice.name == row.name,
        Notice.created_at == row.created_at,
        Notice.id != row.id,
    )
    return set(work.session.execute(query).scalars())


def _insert(work: Work, row: Any, people: Iterable[UUID], facts: dict[str, Any]) -> None:
    for person_id in people:
        values = {
            "id": uuid4(),
            "recipient_id": person_id,
            "name": row.name,
            "subject_kind": row.subject_kind,
            "subject_id": row.subject_id,
            "case_id": row.case_id,
            "urgency": row.urgency,
            "facts": canonical(events.plain(facts)),
            "created_at": row.created_at,
            "immediate": row.immediate,
            "try_at": work.now,
        }
        work.session.execute(sa.insert(Notice).values(values))


def _subject(work: Work, row: Any) -> _Subject | None:
    kind, key = row.subject_kind, row.subject_id
    if kind == "milestone":
        return _Subject("", "", "", acting="programme_office")
    query: Any
    if kind == "task":
        query = sa.select(Task.body, Task.service, Task.team, Task.operator, sa.null(), Task.scope, Task.acting)
        query = query.where(Task.id == key)
    elif kind == "prerequisite":
        query = sa.select(Prerequisite.body, sa.literal(""), Prerequisite.team, sa.null(), sa.null(), sa.literal(""))
        query = query.add_columns(Prerequisite.acting).where(Prerequisite.id == key)
    elif kind == "onboarding_request":
        columns = (OnboardingRequest.body, OnboardingRequest.service, OnboardingRequest.team)
        query = sa.select(*columns, sa.null(), sa.null(), sa.literal(""), sa.literal("umsetzungsteam"))
        query = query.where(OnboardingRequest.id == key)
    elif row.case_id is not None:
        query = sa.select(Case.body, Case.service, Case.team, Case.operator, Case.delegate, sa.literal(""), sa.null())
        query = query.where(Case.id == row.case_id)
    else:
        return None
    found = work.session.execute(query).first()
    return None if found is None else _Subject(*found)
