"""Mails that failed for good: they are kept, shown with the reason, and sent again when somebody says so."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import database, policy
from workflow.engine import Engine, Who, Work
from workflow.errors import Conflict, NotAllowed, NotFound, Refused
from workflow.models import Mailbox, Message, Person

KEEPERS = ("admin", "programme_office")
CHUNK = 100


def resend(work: Work, message_id: UUID) -> None:
    """Send a mail that failed once more, to the address its recipient has now and under the same Message-ID.

    Raises NotAllowed, NotFound, Conflict (it did not fail), Refused (its recipient has ended) or Conflict (it is known
    that mail to the address does not arrive), in this order.
    """
    insist_keeper(work)
    row = work.session.execute(
        sa.select(Message.status, Message.recipient_id, Message.mailbox_id)
        .where(Message.id == message_id)
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound(what="message")
    if row.status != "failed":
        raise Conflict(what="not_failed")
    to = _address(work, row.recipient_id, row.mailbox_id)
    if to is None or to.address is None:
        raise Refused("error.nobody_to_mail")
    if to.bounced_at is not None:
        raise Conflict(what="address_marked")

    anew = {"status": "queued", "try_at": database.real_now(), "tries": 0, "tried_at": None, "sent_at": None}
    anew |= {"failure": None, "failed_at": None, "last_error": None, "address": to.address}
    work.session.execute(sa.update(Message).where(Message.id == message_id).values(anew))


def resend_all(engine: Engine, who: Who) -> tuple[int, int]:
    """Send every mail that failed once more; says how many, and of how many the address does not work yet.

    Raises NotAllowed.
    """
    with engine.read(who) as work:
        insist_keeper(work)
        failed = sa.select(Message.id).where(Message.failed_at.is_not(None)).order_by(Message.failed_at, Message.id)
        waiting = list(work.session.execute(failed).scalars())
    sent = 0
    for begin in range(0, len(waiting), CHUNK):
        with engine.change(who) as work:
            for message_id in waiting[begin : begin + CHUNK]:
                try:
                    resend(work, message_id)
                except (Conflict, Refused):
                    continue
                sent += 1
    return sent, len(waiting) - sent


def insist_keeper(work: Work) -> None:
    """Raises NotAllowed unless this is the actor's business (`policy.keeps_post`)."""
    if not policy.keeps_post(work.actor):
        raise NotAllowed(roles=KEEPERS)


def _address(work: Work, recipient_id: UUID | None, mailbox_id: UUID | None) -> Any:
    if mailbox_id is not None:
        query = sa.select(Mailbox.address, Mailbox.bounced_at).where(
            Mailbox.id == mailbox_id, Mailbox.ended_on.is_(None)
        )
    else:
        query = sa.select(Person.email.label("address"), Person.bounced_at).where(
            Person.id == recipient_id, Person.ended_at.is_(None)
        )
    return work.session.execute(query).first()
