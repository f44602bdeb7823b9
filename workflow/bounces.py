"""Reports that a mail came back: read, matched with the message they are about, and acted upon once.

A report is a delivery status notification (RFC 3461 to 3464). It arrives at a mailbox of its own (STARTKLAR_BOUNCES_TO)
and comes in through `startklar mails bounce`, fed by a mail server, or from a Maildir (STARTKLAR_BOUNCES) read by a
regular job. Whoever writes to that mailbox is a stranger: what is no report, is about none of our messages, or cannot
be read changes nothing. Nothing that comes in is ever answered, so no loop can begin here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import compat32
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from workflow import addresses, database
from workflow.database import Guard, unguarded
from workflow.engine import SYSTEM, Engine
from workflow.errors import Busy, Unready
from workflow.models import Message

LARGEST = 256 * 1024
"""Bytes of a mail that are looked at. A report begins with what matters; what it returns comes last."""
MOST = 500
"""Mails of a Maildir read in one pass."""

Taken = Literal["bounced", "known", "not_final", "unmatched", "foreign"]
"""What a mail came to. bounced: a message failed because of it; known: that was known; not_final: it is only late, or
was delivered; unmatched: a report about none of our messages; foreign: no report at all, or none that can be read."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What a delivery status notification says about the one recipient of a message of ours."""

    action: str
    """failed, delayed, delivered, relayed or expanded, as RFC 3464 2.3.3 has them."""
    status: addresses.Enhanced | None
    reason: str
    """In the words of the server, without addresses."""
    digest: str
    """The same for every copy of this report."""
    sent_to: UUID | None
    """The message named by the address the report was sent to."""
    header_id: str | None
    """Message-ID of what came back."""
    envelope: UUID | None
    """The message named by the envelope's name (RFC 3461 4.4)."""

    @property
    def is_final(self) -> bool:
        """The message will not arrive any more."""
        return self.action == "failed"

    @property
    def is_about_the_address(self) -> bool:
        """The next mail to this address would not arrive either (a permanent status, and about the recipient)."""
        return self.status is not None and self.status.kind == 5 and self.status.blame == "recipient"


def take(engine: Engine, raw: bytes, *, recipient: str | None = None) -> Taken:
    """Act upon one mail that arrived. `recipient` is the address it was delivered to, where the mail server says so.

    Taking the same mail twice changes nothing the second time. Raises Busy when another writer keeps the database.
    """
    report = read_report(raw, recipient=recipient)
    if report is None:
        return "foreign"
    if not report.is_final:
        return "not_final"
    with engine.change(SYSTEM) as work:
        found = _meant(work.session, report)
        if found is None or found.status == "recorded":
            return "unmatched"
        if found.bounce == report.digest or (found.bounce is not None and found.status == "failed"):
            return "known"  # another report about what came back says nothing of the address as it is now
        if report.is_about_the_address and addresses.mark(work, found.id, report.reason):
            log.warning("the address of message %s is marked: it came back", found.id)
        came_back = {
            "status": "failed",
            "failure": "bounced",
            "failed_at": database.real_now(),
            "try_at": None,
            "claimed_by": None,
            "bounce": report.digest,
            "last_error": report.reason,
        }
        changed = work.session.execute(
            sa.update(Message)
            .where(Message.id == found.id, Message.status.in_(("sent", "queued")))
            .values(came_back)
            .returning(Message.id)
        ).first()
    if changed is None:
        return "known"
    log.error("message %s came back: %s", found.id, report.status or "no status")
    return "bounced"


def _meant(session: Session, report: Report) -> Any:
    """The message by the address the report was sent to; else by the Message-ID; else by the envelope's name. Nobody
    but its recipient knows any of them."""
    ways = (
        (Message.id, report.sent_to),
        (Message.header_id, report.header_id),
        (Message.id, report.envelope),
    )
    for column, value in ways:
        if value is None:
            continue
        found = session.execute(sa.select(Message.id, Message.status, Message.bounce).where(column == value)).first()
        if found is not None:
            return found
    return None


# --- reading a report ------------------------------------------------------------------------------------------------


def read_report(raw: bytes, *, recipient: str | None = None) -> Report | None:
    """What a mail reports, None when it is no delivery status notification or cannot be read as one.

    Only as much of it is looked at as `LARGEST`, with plain patterns: a mail may be made to keep a parser busy.
    """
    try:
        plain = raw[:LARGEST].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        types = [len(header[0]) for header in islice(_CONTENT_TYPE.finditer(plain), _MOST_TYPES + 1)]
        if len(types) > _MOST_TYPES or max(types, default=0) > _LONGEST_TYPE:
            return None
        mail = message_from_bytes(plain, policy=compat32)
        if mail.get_content_type() != "multipart/report":
            return None
        parts = [part for part in _parts(mail) if part is not mail]
        status = next((part for part in parts if part.get_content_type() in _STATUS_TYPES), None)
        if status is None:
            return None
        return _report(mail, status, parts, raw, recipient)
    except Exception as error:  # noqa: BLE001 -- whatever a stranger's mail does to a parser is no trouble of ours
        log.info("a mail cannot be read as a report: %s", type(error).__name__)
        return None


_MOST_TYPES = 30
"""Parts that name their type, in one another or side by side; each line is held against every part it is in."""
_LONGEST_TYPE = 4000
"""Of a type with its parameters; reading them takes the square of it."""
_CONTENT_TYPE = re.compile(rb"^content-type:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
_ENVELOPE = "original-envelope-id"
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_RETURNED_TYPES = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global")
_MOST_PARTS = 20


def _parts(mail: Mail) -> Iterator[Mail]:
    """The report's own parts, not what is inside what came back."""
    content = mail.get_payload()
    if isinstance(content, list):
        yield from (part for part in content[:_MOST_PARTS] if isinstance(part, Mail))


def _report(mail: Mail, status: Mail, parts: list[Mail], raw: bytes, recipient: str | None) -> Report | None:
    blocks = _blocks(status)
    told = [block for block in blocks if "action" in block]
    if not told:
        return None
    # Each of our messages has one recipient. Where a list or a forwarding made several of it, one that arrived is good.
    actions = [block["action"].split()[0].lower() if block["action"].split() else "" for block in told]
    worst = (
        "failed"
        if all(action == "failed" for action in actions)
        else next((action for action in actions if action != "failed"), "")
    )
    block = told[actions.index(worst)] if worst in actions else told[0]
    code = addresses.enhanced(block.get("status", "")) or addresses.enhanced(block.get("diagnostic-code", ""))
    return Report(
        action=worst,
        status=code,
        reason=_reason(block, code),
        digest=_digest(mail, raw),
        sent_to=_message_of(_delivered_to(mail, recipient)),
        header_id=_returned_id(parts),
        envelope=_hex(_HEX_ONLY, next((one[_ENVELOPE] for one in blocks if _ENVELOPE in one), "")),
    )


def _blocks(status: Mail) -> list[dict[str, str]]:
    """The groups of fields of a report (RFC 3464 2.1), each with names in small letters."""
    content = status.get_payload()
    if not isinstance(content, list):
        return _groups(_text(status))
    found: list[dict[str, str]] = []
    for group in content[:_MOST_PARTS]:
        if isinstance(group, Mail):
            found.append({str(name).lower(): str(value)[:_LONGEST_FIELD] for name, value in group.items()})
            found += _groups(_text(group))  # of a type the library takes for one mail: the further groups are its text
    return found


def _groups(text: str) -> list[dict[str, str]]:
    return [_fields(group) for group in _BLANK_LINE.split(text)[:_MOST_PARTS]]


def _text(part: Mail) -> str:
    content = part.get_payload(decode=True)
    return content[:_LONGEST_STATUS].decode("utf-8", "replace") if isinstance(content, bytes) else ""


_BLANK_LINE = re.compile(r"\r?\n[ \t]*\r?\n")
_LONGEST_STATUS = 64 * 1024
_LONGEST_FIELD = 4000


def _fields(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines()[:200]:
        if line[:1] in " \t" and name:
            found[name] = f"{found[name]} {line.strip()}"[:_LONGEST_FIELD]
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower() if colon else ""
        if name:
            found.setdefault(name, value.strip()[:_LONGEST_FIELD])
    return found


def _reason(block: dict[str, str], code: addresses.Enhanced | None) -> str:
    said = block.get("diagnostic-code", "")
    said = said.partition(";")[2] or said
    words = addresses.in_short(said)
    if code is not None and str(code) not in words:
        words = f"{code}: {words}" if words else str(code)
    return words or "came back"


def _delivered_to(mail: Mail, recipient: str | None) -> list[str]:
    """The addresses this report may have been sent to: as the mail server says, else as its headers do."""
    if recipient:
        return [recipient]
    found: list[str] = []
    for name in ("Delivered-To", "X-Original-To", "Envelope-To", "To"):
        found += [str(value)[:_LONGEST_FIELD] for value in mail.get_all(name, [])[:_MOST_PARTS]]
    return found


def _message_of(delivered_to: list[str]) -> UUID | None:
    return next((found for one in delivered_to if (found := _hex(_TAGGED, one)) is not None), None)


def _returned_id(parts: list[Mail]) -> str | None:
    """Message-ID of what came back, whole or its headers only."""
    for part in parts:
        if part.get_content_type() not in _RETURNED_TYPES:
            continue
        content = part.get_payload()
        if isinstance(content, list) and content and isinstance(content[0], Mail):
            return _one_id(str(content[0].get("Message-ID", "")))
        return _one_id(_groups(_text(part))[0].get("message-id", ""))
    return None


def _one_id(value: str) -> str | None:
    found = _MESSAGE_ID.search(value[:_LONGEST_FIELD])
    return found[0] if found else None


def _hex(pattern: re.Pattern[str], value: str) -> UUID | None:
    found = pattern.search(value[:_LONGEST_FIELD])
    return UUID(hex=found[1]) if found else None


_TAGGED = re.compile(r"\+([0-9a-fA-F]{32})@")
_HEX_ONLY = re.compile(r"\A\s*(?:[A-Za-z0-9-]{1,20};)?\s*([0-9a-fA-F]{32})\s*\Z")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,200}>")


def _digest(mail: Mail, raw: bytes) -> str:
    """By the report's own Message-ID, which stays while it is handed from server to server; else by all of it."""
    own = str(mail.get("Message-ID", ""))[:_LONGEST_FIELD].strip()
    return hashlib.sha256(own.encode("utf-8", "replace") if own else raw[:LARGEST]).hexdigest()


# --- a Maildir -------------------------------------------------------------------------------------------------------

READ, LEFT = ".processed", ".foreign"
"""Folders of the Maildir into which mails go: what was acted upon or needs nothing, and what is no report of ours."""
KEPT = dt.timedelta(days=30)
"""How long what was read stays."""


def read_maildir(engine: Engine) -> int:
    """Take what has arrived in the Maildir, at most `MOST` mails; returns how many messages came back.

    A mail is moved away when it has been acted upon: whoever dies in between takes it once more, which changes nothing.
    Two readers at once do no harm. Without STARTKLAR_BOUNCES nothing is read. Raises Unready when the folder is none,
    Busy when another writer keeps the database; what was read until then is moved away.
    """
    folder = engine.settings.bounces
    if folder is None:
        return 0
    if not folder.is_dir():
        raise Unready("error.setting", name="STARTKLAR_BOUNCES", value=str(folder))
    bounced = stuck = 0
    for path in _arrived(folder):
        raw = _content(path)
        if raw is None:
            continue
        try:
            taken = take(engine, raw)
        except (Busy, OperationalError):
            raise  # the database's trouble, not the mail's
        except Exception:
            log.exception("a mail in the Maildir of bounces could not be acted upon and is put aside")
            taken = "foreign"
        bounced += taken == "bounced"
        stuck += not _move(path, folder / (LEFT if taken in ("foreign", "unmatched") else READ))
    if stuck:
        log.error("%d mails in the Maildir of bounces cannot be moved away and are read again and again", stuck)
    return bounced


def forget_read(engine: Engine, guard: Guard = unguarded, *, older_than: dt.timedelta = KEPT) -> int:
    """Remove mails of the Maildir that were read that long ago, for they contain addresses; returns how many. What is
    no report of ours is left to people."""
    with database.transaction(engine.pool, write=True) as session:
        guard(session)
    folder = engine.settings.bounces
    if folder is None or not (folder / READ / "cur").is_dir():
        return 0
    oldest = (database.real_now() - older_than).timestamp()
    removed = 0
    for path in (folder / READ / "cur").iterdir():
        with suppress(OSError):  # another one was faster, or may not: it is looked at again tomorrow
            if path.lstat().st_ctime < oldest:  # since it was moved here
                path.unlink()
                removed += 1
    return removed


def _arrived(folder: Path) -> list[Path]:
    found: list[Path] = []
    for part in ("new", "cur"):
        if (folder / part).is_dir():
            with os.scandir(folder / part) as entries:
                names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
            found += [folder / part / name for name in names[:MOST]]
    return found[:MOST]


def _content(path: Path) -> bytes | None:
    """The beginning of the file; nothing when it is no file or may not be read; None when it is gone."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None  # another reader was faster
    except OSError as error:
        log.warning("a mail in the Maildir of bounces cannot be read: %s", type(error).__name__)
        return b""
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        return b""
    with os.fdopen(number, "rb") as file:
        return file.read(LARGEST)


def _move(path: Path, folder: Path) -> bool:
    """Into `cur` of a folder of the Maildir, as seen; says whether it is away, by whomever."""
    name = path.name if ":2," in path.name else f"{path.name}:2,S"
    try:
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        path.rename(folder / "cur" / name)
    except FileNotFoundError:
        return True  # another reader was faster
    except OSError:
        return False
    return True
