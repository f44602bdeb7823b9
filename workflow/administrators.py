"""Mails to administrators about the installation itself: at most one about the same matter a day."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import database, letters, messages
from workflow.engine import Work
from workflow.letters import Letter
from workflow.models import Grant, Installation, Message, Person
from workflow.settings import Settings


def write(work: Work, settings: Settings, about: str, letter: Callable[[str], Letter]) -> tuple[int, tuple[UUID, ...]]:
    """Write today's mails about this matter that are not written yet, in each administrator's language.

    Says how many are new, and which of today's wait to be sent. While a rehearsal is played nobody is written to.
    """
    example, rehearsing = work.session.execute(sa.select(Installation.example, Installation.rehearsing)).one()
    if rehearsing:
        return 0, ()
    day = database.real_now().astimezone(work.catalogue.calendar.zone).date()
    people = work.session.execute(_ADMINISTRATORS).all()
    mails = [
        _mail(work, settings, about, person, day, replace(letter(person.language), example=example))
        for person in people
    ]
    new = sum(database.insert_missing(work.session, Message, mail) for mail in mails)
    return new, _waiting(work, [mail["key"] for mail in mails])


def _mail(work: Work, settings: Settings, about: str, person: Any, day: dt.date, letter: Letter) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "key": hashlib.sha256(f"{about}\n{person.id.hex}\n{day}".encode()).hexdigest(),
        "recipient_id": person.id,
        "address": person.email,
        "header_id": f"<{uuid4().hex}@{messages.domain_of(settings)}>",  # who knows it can report that it came back
        "language": letter.language,
        "subject": letter.subject,
        "plain": letters.plain(letter),
        "html": letters.html(letter),
        "written_at": work.now,
        "status": "queued",
        "try_at": database.real_now(),
        "tries": 0,
    }


def _waiting(work: Work, keys: Iterable[str]) -> tuple[UUID, ...]:
    waiting = sa.select(Message.id).where(Message.key.in_(list(keys)), Message.status == "queued")
    return tuple(work.session.execute(waiting.order_by(Message.id)).scalars())


_ADMINISTRATORS = (
    sa.select(Person.id, Person.email, Person.language)
    .where(
        Person.ended_at.is_(None),
        Person.email.is_not(None),
        sa.exists().where(Grant.person_id == Person.id, Grant.role == "admin", Grant.ended_at.is_(None)),
    )
    .order_by(Person.id)
)
