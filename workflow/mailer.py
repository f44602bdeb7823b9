"""Delivers messages: the only module that speaks SMTP.

Delivery is at least once, with a Message-ID that was fixed before: a message is claimed for some minutes, sent outside
any transaction and ticked off. Whoever dies in between leaves a claim that runs out, and the next worker sends the same
mail under the same Message-ID. Times here are real ones, except the Date header, which is the process time.
"""

from __future__ import annotations

import datetime as dt
import functools
import logging
import smtplib
import ssl
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from workflow import addresses, database, links, messages
from workflow.engine import SYSTEM, Engine
from workflow.errors import Unready
from workflow.models import Installation, Message
from workflow.settings import Settings

LEASE = dt.timedelta(minutes=5)
"""How long a claimed message is left alone; longer than one sending may take."""
GIVE_UP_AFTER = dt.timedelta(hours=24)
LONGEST_WAIT = dt.timedelta(hours=2)
_SHORTEST_WAIT = dt.timedelta(minutes=1)
_SKEW = dt.timedelta(minutes=1)
"""By how much the clocks of two machines may differ."""
_OUR_LONGEST_WAIT = dt.timedelta(minutes=30)
"""Between two tries while we cannot send at all: whoever mended it need not wait for hours."""

_BATCH = 100
_TIMEOUT_SECONDS = 20
_ZONE = ZoneInfo("Europe/Berlin")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a pass came to."""

    sent: int = 0
    failed: int = 0
    postponed: int = 0


def deliver(
    engine: Engine,
    *,
    worker: str,
    only: Collection[UUID] | None = None,
    alive: Callable[[], None] = lambda: None,
) -> Delivered:
    """Send every message that is due, over one connection; `worker` names who claims them.

    `only`: of these alone. `alive` is called after each one, so that whoever watches sees a long pass go on.

    A refusal for now (4xx) or a connection lost on the way postpones a message, first by a minute, then twice as long
    each time, for a day in all. A refusal for good (5xx) fails it at once: of the recipient, and the address is marked
    (`addresses.mark`); or of the content, and only this mail is a dead letter. What is our own trouble (a server that
    cannot be reached, does not let us in or does not like our sender) makes mails wait until it is mended. What goes
    out later than it should goes when its recipient may be mailed, and no more of it on a day than anybody gets. One
    recipient's trouble stops no other's mail. Without STARTKLAR_SMTP_URL messages stay queued.

    Raises Unready when STARTKLAR_SMTP_URL makes no sense.
    """
    if engine.settings.smtp_url is None:
        _say_once_that_mail_waits()
        return Delivered()
    done = Delivered()
    with _Line(engine.settings.smtp_url) as line:
        while batch := _due(engine, only):
            for message_id in batch:
                claimed = _claim(engine, message_id, worker)
                if claimed is not None:
                    done = _count(done, _deliver_one(engine, line, claimed))
                    alive()
    return done


def wait_after(tries: int) -> dt.timedelta | None:
    """How long a message waits after its n-th failed try (1, 2, 4 … minutes, at most two hours); None: no more."""
    waited = sum((_nth_wait(number) for number in range(1, tries)), dt.timedelta())
    following = _nth_wait(tries)
    return following if waited + following <= GIVE_UP_AFTER else None


def _nth_wait(number: int) -> dt.timedelta:
    return min(dt.timedelta(minutes=2 ** min(number - 1, 20)), LONGEST_WAIT)


@functools.cache
def _say_once_that_mail_waits() -> None:
    log.warning("STARTKLAR_SMTP_URL is not set: mails are written and wait in the outbox")


# --- claiming and ticking off ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A message this worker may send, until its lease runs out."""

    id: UUID
    worker: str
    tries: int
    address: str | None
    header_id: str
    language: str
    subject: str
    plain: str
    html: str
    in_reply_to: str | None
    written_at: dt.datetime
    tried_at: dt.datetime
    """When it was tried for the first time."""
    day: dt.date | None
    """Of the recipient's daily count."""
    recipient_id: UUID | None
    mailbox_id: UUID | None
    sent_today: int
    """How many others went out to the recipient today."""
    clock: str
    is_marked: bool
    """It is known that mail to this address does not arrive."""
    access_id: UUID | None
    link_key: str


Outcome = Literal["sent", "failed", "postponed"]
_Kind = Literal["recipient", "marked", "content", "later", "late", "ours"]


def _due(engine: Engine, only: Collection[UUID] | None) -> Sequence[UUID]:
    with database.transaction(engine.pool, write=False) as session:
        return (
            session.execute(
                sa.select(Message.id)
                .where(
                    Message.try_at.is_not(None),
                    _is_due(database.real_now()),
                    Message.status == "queued",
                    *(() if only is None else (Message.id.in_(only),)),
                )
                .order_by(Message.try_at, Message.id)
                .limit(_BATCH)
            )
            .scalars()
            .all()
        )


def _is_due(now: dt.datetime) -> sa.ColumnElement[bool]:
    """Its time has come; or it is further away than anything is postponed: then the clock was set back since."""
    return sa.or_(Message.try_at <= now, Message.try_at > now + LONGEST_WAIT + _SKEW)


def _claim(engine: Engine, message_id: UUID, worker: str) -> _Claimed | None:
    """Make it ours for some minutes, unless somebody else was faster."""
    now = database.real_now()
    with database.transaction(engine.pool, write=True) as session:
        row = session.execute(
            sa.update(Message)
            .where(Message.id == message_id, Message.status == "queued", _is_due(now))
            .values(
                claimed_by=worker,
                try_at=now + LEASE,
                tries=Message.tries + 1,
                tried_at=sa.func.coalesce(Message.tried_at, sa.bindparam("began", now, type_=Message.tried_at.type)),
            )
            .returning(
                Message.tries,
                Message.address,
                Message.header_id,
                Message.language,
                Message.subject,
                Message.plain,
                Message.html,
                Message.in_reply_to,
                Message.written_at,
                Message.tried_at,
                Message.day,
                Message.recipient_id,
                Message.mailbox_id,
                _sent_since(_began(now)),
                sa.select(Installation.clock).scalar_subquery(),
                addresses.is_marked(),
                Message.access_id,
                sa.select(Installation.link_key).scalar_subquery(),
            )
        ).first()
    return None if row is None else _Claimed(message_id, worker, *tuple[Any, ...](row))


def _began(now: dt.datetime) -> dt.datetime:
    """When the day began on which it is this instant."""
    return now.astimezone(_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def _sent_since(began: dt.datetime) -> sa.ScalarSelect[int]:
    """How many mails went out to the recipient of a message."""
    other = aliased(Message)
    same = sa.or_(other.recipient_id == Message.recipient_id, other.mailbox_id == Message.mailbox_id)
    return sa.select(sa.func.count()).where(same, other.sent_at >= began).correlate(Message).scalar_subquery()


def _insist_in_time(engine: Engine, claimed: _Claimed) -> None:
    """A mail that could not be delivered in its time keeps to its recipient's days, hours and number of mails a day.
    Raises _Refusal when it waits for them."""
    now = database.real_now()
    is_late = claimed.day != now.astimezone(_ZONE).date() or now - claimed.tried_at > _SHORTEST_WAIT
    if claimed.clock != "system" or claimed.day is None or not is_late:
        return
    with engine.read(SYSTEM) as work:
        days = messages.days_of(work, claimed.recipient_id, claimed.mailbox_id)
    until = days.late_until(now, sent_today=claimed.sent_today) if days is not None else None
    if until is not None:
        raise _Refusal("late", "it waits for the next hours in which its recipient is mailed", until=until)


def _deliver_one(engine: Engine, line: _Line, claimed: _Claimed) -> Outcome:
    try:
        if claimed.tries > 1 and wait_after(claimed.tries - 1) is None:
            raise _Refusal("later", "every worker that sent it ended before it could say so")
        if claimed.is_marked:
            raise _Refusal("marked", "mail to this address did not arrive before")
        _insist_in_time(engine, claimed)
        settings = engine.settings
        mail = _mail(settings.mail_from, settings.base_url, claimed)
        line.send(mail, envelope_id=claimed.id.hex, sender=_envelope_sender(settings, claimed.id))
    except _Refusal as refusal:
        return _refused(engine, claimed, refusal)
    _tick_off(engine, claimed, {"status": "sent", "sent_at": database.real_now()})
    return "sent"


def _envelope_sender(settings: Settings, message_id: UUID) -> str:
    """Where a report goes that a mail came back; it names the message where there is a mailbox for that."""
    if settings.bounces_to is None:
        return parseaddr(settings.mail_from)[1]
    local, _, domain = settings.bounces_to.rpartition("@")
    return f"{local}+{message_id.hex}@{domain}"


def _refused(engine: Engine, claimed: _Claimed, refusal: _Refusal) -> Outcome:
    """Failed, and shown so, when it is for good or was too often. Otherwise tried again later."""
    reason = addresses.in_short(refusal.reason)
    if refusal.kind == "late":
        wait = min(refusal.until - database.real_now(), LONGEST_WAIT) if refusal.until else LONGEST_WAIT
        tries = {"tries": claimed.tries - 1}
    elif refusal.kind == "ours":
        # It says nothing about the mail: the try does not count. It waits once more as long as it has waited.
        waited = database.real_now() - claimed.tried_at
        wait = min(max(waited, _SHORTEST_WAIT), _OUR_LONGEST_WAIT)
        tries = {"tries": claimed.tries - 1}
    elif refusal.kind == "later" and (following := wait_after(claimed.tries)) is not None:
        wait, tries = following, {}
    else:
        return _failed(engine, claimed, refusal, reason)
    log.warning("message %s is tried again in %d minutes: %s", claimed.id, wait.total_seconds() // 60, refusal.code)
    _tick_off(engine, claimed, {"try_at": database.real_now() + wait, "last_error": reason, **tries})
    return "postponed"


def _failed(engine: Engine, claimed: _Claimed, refusal: _Refusal, reason: str) -> Outcome:
    """A dead letter; and when the server does not know the recipient, the address is marked in the same transaction."""
    log.error("message %s is not delivered: %s", claimed.id, refusal.code)
    if refusal.kind == "recipient":
        with engine.change(SYSTEM) as work:
            if addresses.mark(work, claimed.id, reason):
                log.warning("the address of message %s is marked: mail does not arrive there", claimed.id)
            _note(work.session, claimed, _dead(refusal, reason))
    else:
        _tick_off(engine, claimed, _dead(refusal, reason))
    return "failed"


def _dead(refusal: _Refusal, reason: str) -> dict[str, Any]:
    failure = "given_up" if refusal.kind == "later" else refusal.kind
    return {"status": "failed", "failure": failure, "failed_at": database.real_now(), "last_error": reason}


def _tick_off(engine: Engine, claimed: _Claimed, values: dict[str, Any]) -> None:
    """Write down what became of it, unless the lease ran out and somebody else is at it."""
    with database.transaction(engine.pool, write=True) as session:
        _note(session, claimed, values)


def _note(session: Session, claimed: _Claimed, values: dict[str, Any]) -> None:
    session.execute(
        sa.update(Message)
        .where(
            Message.id == claimed.id,
            Message.status == "queued",
            Message.claimed_by == claimed.worker,
            Message.tries == claimed.tries,
        )
        .values({"try_at": None, "claimed_by": None, "last_error": None, **values})
    )


def _count(done: Delivered, outcome: Outcome) -> Delivered:
    match outcome:
        case "sent":
            return replace(done, sent=done.sent + 1)
        case "failed":
            return replace(done, failed=done.failed + 1)
        case "postponed":
            return replace(done, postponed=done.postponed + 1)


# --- the mail itself -------------------------------------------------------------------------------------------------


class _Written(EmailPolicy):
    """How a mail is written down, for the line ends of mail.

    Where the library folds a subject with umlauts it loses blanks between its words; these are folded here instead.
    """

    def fold(self, name: str, value: Any) -> str:
        """A header in lines."""
        if name.lower() != "subject" or str(value).isascii():
            return str(super().fold(name, value))
        return f"{name}: {Header(str(value), 'utf-8', header_name=name).encode(linesep=self.linesep)}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The same in bytes, as it is sent."""
        if name.lower() != "subject" or str(value).isascii():
            return super().fold_binary(name, value)
        return self.fold(name, value).encode("ascii")


_AS_MAIL = _Written(linesep="\r\n")


def _mail(mail_from: str, base_url: str, claimed: _Claimed) -> EmailMessage:
    """The message as it goes out. Raises _Refusal when it cannot be written down as a mail.

    Headers are made of values, never of text: the library refuses a line break in any of them.
    """
    sender_name, sender = parseaddr(mail_from)
    mail = EmailMessage(policy=_AS_MAIL)
    try:
        mail["From"] = Address(display_name=sender_name or "Startklar", addr_spec=sender)
        mail["To"] = Address(addr_spec=claimed.address or "")
        mail["Subject"] = claimed.subject
        mail["Date"] = format_datetime(claimed.written_at.astimezone(_ZONE))
        mail["Message-ID"] = claimed.header_id
        if claimed.in_reply_to:
            mail["In-Reply-To"] = claimed.in_reply_to
            mail["References"] = claimed.in_reply_to
        mail["List-Id"] = f"Startklar <notices.{urlsplit(base_url).hostname or 'startklar.invalid'}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        plain, html = claimed.plain, claimed.html
        if claimed.access_id is not None:  # only who gets the mail knows its secret
            plain, html = (links.signed_in(text, claimed.link_key, claimed.access_id) for text in (plain, html))
        mail.set_content(plain, charset="utf-8", cte="quoted-printable")
        mail.add_alternative(html, subtype="html", charset="utf-8", cte="quoted-printable")
        mail["Content-Language"] = claimed.language
    except (ValueError, IndexError, MessageError) as error:
        raise _Refusal("content", "cannot be written as a mail", type(error).__name__) from error
    return mail


# --- the connection --------------------------------------------------------------------------------------------------


class _Refusal(Exception):
    """A mail was not taken. `code` is fit for a log, `reason` is kept with the message.

    recipient: no such address, for good. marked: we know that already. content: this very mail is not wanted, for good.
    later: perhaps another time. late: not before `until`. ours: nothing about this mail, we are not let in or
    cannot get there.
    """

    def __init__(self, kind: _Kind, code: str, reason: str = "", *, until: dt.datetime | None = None) -> None:
        super().__init__(code)
        self.until = until
        self.kind = kind
        self.code = code
        self.reason = f"{code}: {reason}" if reason else code


class _Line:
    """One connection to the mail server for a pass, opened when it is first needed.

    A server that cannot be reached is asked once: after that every mail of the pass is refused without waiting.
    """

    def __init__(self, url: str) -> None:
        self._server = _parse(url)
        self._client: smtplib.SMTP | None = None
        self._unreachable: _Refusal | None = None

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._close(politely=True)

    def send(self, mail: EmailMessage, *, envelope_id: str, sender: str) -> None:
        """Hand over one mail. Raises _Refusal."""
        is_fresh = self._client is None
        try:
            self._hand_over(mail, envelope_id, sender)
        except (smtplib.SMTPServerDisconnected, _Closing) as error:
            self._close()
            if is_fresh:
                raise _Refusal("later", "the connection was lost", str(error)) from error
            # The server ended a connection it had served well (some count the mails): once more on a new one.
            self._again(mail, envelope_id, sender)

    def _again(self, mail: EmailMessage, envelope_id: str, sender: str) -> None:
        try:
            self._hand_over(mail, envelope_id, sender)
        except (smtplib.SMTPServerDisconnected, _Closing) as error:
            self._close()
            raise _Refusal("later", "the connection was lost", str(error)) from error

    def _hand_over(self, mail: EmailMessage, envelope_id: str, sender: str) -> None:
        client = self._open()
        options: dict[str, Any] = {}
        if client.has_extn("dsn"):  # RFC 3461: a report names the mail, comes only when it failed, and repeats no text
            options = {"mail_options": ["RET=HDRS", f"ENVID={envelope_id}"], "rcpt_options": ["NOTIFY=FAILURE"]}
        try:
            client.send_message(mail, from_addr=sender, **options)
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            raise _answered(code, words, asked="recipient") from error
        except smtplib.SMTPDataError as error:
            raise _answered(error.smtp_code, error.smtp_error, asked="content") from error
        except smtplib.SMTPSenderRefused as error:
            raise _answered(error.smtp_code, error.smtp_error, asked="sender") from error
        except smtplib.SMTPNotSupportedError as error:
            raise _Refusal("recipient", "the server cannot carry this address") from error
        except smtplib.SMTPResponseException as error:
            raise _answered(error.smtp_code, error.smtp_error, asked="sender") from error
        except (OSError, smtplib.SMTPException) as error:
            raise _Closing(type(error).__name__) from error
        except (ValueError, MessageError) as error:
            self._close()
            raise _Refusal("content", "cannot be written as a mail", type(error).__name__) from error

    def _open(self) -> smtplib.SMTP:
        if self._unreachable is not None:
            raise self._unreachable
        if self._client is None:
            try:
                self._client = self._server.connect()
            except (OSError, smtplib.SMTPException) as error:
                log.warning("the mail server cannot be used: %s", type(error).__name__)
                self._unreachable = _Refusal("ours", "the mail server cannot be used", type(error).__name__)
                raise self._unreachable from error
        return self._client

    def _close(self, *, politely: bool = False) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            if politely:
                client.quit()
            else:
                client.close()
        except (OSError, smtplib.SMTPException):
            client.close()


class _Closing(Exception):
    """The server ends the connection (421), or the network did."""


def _answered(code: int, words: bytes | str, *, asked: Literal["sender", "recipient", "content"]) -> Exception:
    """What an answer of the server means, by what it was asked and what it says: some tell only after the content that
    they do not know the recipient, and some that we may not send at all when they are told the recipient.
    """
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    if code == 421:
        return _Closing(f"421 {said}")
    detailed = addresses.enhanced(said)
    blame = detailed.blame if detailed is not None else None
    if asked == "sender":
        too_large = code == 552 or blame == "content"
        return _Refusal("content" if too_large else "ours", str(code), said)
    if blame == "sender" or code in _NOT_OUR_LANGUAGE:
        return _Refusal("ours", str(code), said)
    if not 500 <= code < 600:
        # A mail system that is full or closed just now (4.3.x) says nothing about this mail.
        is_system = detailed is not None and detailed.subject == 3 and detailed.detail != 4
        return _Refusal("ours" if is_system else "later", str(code), said)
    if asked == "recipient" and blame == "unclear":
        # A matter of policy or routing (5.7.1, relay access denied): it may be ours, so there is a day to mend it.
        return _Refusal("later", str(code), said)
    if blame in ("recipient", "content"):
        return _Refusal(blame, str(code), said)
    return _Refusal(asked, str(code), said)


_NOT_OUR_LANGUAGE = (500, 502, 503, 504, 555)
"""A command or parameter the server does not know, or not now (RFC 5321 4.2.2): no recipient is to blame for that."""


@dataclass(frozen=True, slots=True)
class _Server:
    """Where mail goes, as STARTKLAR_SMTP_URL says: `smtp://user:password@host:port?starttls=1` or `smtps://…`."""

    host: str
    port: int
    user: str | None
    password: str
    is_encrypted: bool
    starttls: bool

    def connect(self) -> smtplib.SMTP:
        """An open connection, encrypted and signed in as the address demands. Raises OSError or SMTPException."""
        if self.is_encrypted:
            context = ssl.create_default_context()
            client: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=_TIMEOUT_SECONDS, context=context)
        else:
            client = smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT_SECONDS)
        try:
            if self.starttls:
                client.starttls(context=ssl.create_default_context())
            client.ehlo_or_helo_if_needed()
            if self.user is not None:
                client.login(self.user, self.password)
        except BaseException:
            client.close()
            raise
        return client


def _parse(url: str) -> _Server:
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    port = _port(parts)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or port is None or set(options) - {"starttls"}:
        raise Unready("error.setting", name="STARTKLAR_SMTP_URL", value=parts.scheme)
    starttls = options.get("starttls", ["0"])[-1] in ("1", "true")
    return _Server(
        host=parts.hostname,
        port=port or {"smtps": 465}.get(parts.scheme, 587 if starttls else 25),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
        is_encrypted=parts.scheme == "smtps",
        starttls=starttls,
    )


def _port(parts: SplitResult) -> int | None:
    """The port, 0 when none is named, None when it is none."""
    try:
        return parts.port or 0
    except ValueError:
        return None
