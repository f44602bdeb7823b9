"""Addresses to which mail does not arrive: when one is marked as such, and what is kept of why.

A mark is set by what a mail server answers (`mailer`) or reports later (`bounces`), and taken away by people
(`people`). What belongs to somebody whose address is marked reaches others (`unreached`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow.engine import Work
from workflow.models import Mailbox, Message, Person

Blame = Literal["recipient", "content", "sender", "unclear"]
"""Whose trouble a refusal is: the address's, this very mail's, ours; or nobody can tell."""

_LONGEST_REASON = 300


def mark(work: Work, message_id: UUID, reason: str) -> bool:
    """Mark the address a message went to, a person's or a mailbox's; says whether that is new.

    Nothing is marked when the recipient has another address by now, or has ended. The recipient's row is ours until the
    transaction ends, so this comes before anything is done with the message.
    """
    person = sa.select(Person.id, Person.bounced_at).join(Message, Message.recipient_id == Person.id)
    person = person.where(Message.id == message_id, Person.email == Message.address, Person.ended_at.is_(None))
    mailbox = sa.select(Mailbox.id, Mailbox.bounced_at).join(Message, Message.mailbox_id == Mailbox.id)
    mailbox = mailbox.where(Message.id == message_id, Mailbox.address == Message.address, Mailbox.ended_on.is_(None))
    queries: tuple[tuple[Any, Any], ...] = ((Person, person), (Mailbox, mailbox))
    for model, query in queries:
        # Whoever writes a notice to the recipient need not wait: the key stays as it is.
        found = work.session.execute(query.with_for_update(of=model, key_share=True)).first()
        if found is not None and found.bounced_at is None:
            values = {"bounced_at": work.now, "bounce_reason": in_short(reason)}
            work.session.execute(sa.update(model).where(model.id == found.id).values(values))
            return True
    return False


def is_marked() -> sa.ColumnElement[bool]:
    """Whether the address a message goes to is known not to work."""
    person = sa.exists().where(
        Person.id == Message.recipient_id, Person.email == Message.address, Person.bounced_at.is_not(None)
    )
    mailbox = sa.exists().where(
        Mailbox.id == Message.mailbox_id, Mailbox.address == Message.address, Mailbox.bounced_at.is_not(None)
    )
    return sa.or_(person, mailbox)


def in_short(words: str) -> str:
    """What a mail server said, on one line, without addresses, and no longer than anybody reads."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in words[:4000]).split())
    line = _ADDRESS.sub("…", line)
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"


_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"']{1,100}@[^\s<>()\[\]:;,\"']{1,255}")


@dataclass(frozen=True, slots=True)
class Enhanced:
    """An enhanced status code (RFC 3463): class, subject and detail."""

    kind: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.kind}.{self.subject}.{self.detail}"

    @property
    def blame(self) -> Blame:
        """Whose trouble it is, by what RFC 3463 and the registry of IANA say about subject and detail."""
        if self.subject == 1:
            return "sender" if self.detail in (7, 8, 9) else "recipient"
        if self.subject == 2:
            return "content" if self.detail == 3 else "recipient"
        if self.subject == 6 or (self.subject, self.detail) == (3, 4):
            return "content"
        return "unclear"


def enhanced(words: str) -> Enhanced | None:
    """The first enhanced status code in these words, if there is one."""
    found = _ENHANCED.search(words[:4000])
    return Enhanced(*(int(part) for part in found.groups())) if found else None


_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
