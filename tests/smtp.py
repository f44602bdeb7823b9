"""A real mail server for tests: it keeps what it is given and can refuse."""

import email
import email.policy
import socket
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it arrived: who sent it to whom on the envelope, and what was in it."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def text(self) -> str:
        """The plain text part."""
        part = self.message.get_body(("plain",))
        return "" if part is None else str(part.get_content())

    @property
    def html(self) -> str:
        """The HTML part."""
        part = self.message.get_body(("html",))
        return "" if part is None else str(part.get_content())


class MailServer:
    """A mail server on a port of its own that records every message and refuses whom it is told to."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._refused: dict[str, str] = {}
        self._broken: str | None = None
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    @property
    def url(self) -> str:
        """The address for STARTKLAR_SMTP_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    def refuse(self, address: str, code: int = 550, words: str = "no such mailbox") -> None:
        """From now on answer `code` (4xx for now, 5xx for good) to mail for this address."""
        self._refused[address.lower()] = f"{code} {words}"

    @property
    def refused(self) -> frozenset[str]:
        """The addresses that are refused."""
        return frozenset(self._refused)

    def refuse_all(self, code: int = 451, words: str = "try again later") -> None:
        """From now on answer `code` after the content of every message."""
        self._broken = f"{code} {words}"

    def accept_again(self) -> None:
        """Refuse nobody any more."""
        self._refused.clear()
        self._broken = None

    def sent_to(self, address: str) -> list[Received]:
        """The messages for one address, oldest first."""
        return [one for one in self.received if address.lower() in (name.lower() for name in one.recipients)]

    def start(self) -> None:
        """Listen."""
        self._controller.start()

    def stop(self) -> None:
        """Stop listening; senders find the connection refused."""
        self._controller.stop(no_assert=True)

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer to one recipient on the envelope."""
        if refusal := self._refused.get(address.lower()):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer to the content of a message."""
        if self._broken:
            return self._broken
        content = envelope.content
        message = email.message_from_bytes(
            content if isinstance(content, bytes) else (content or "").encode(), policy=email.policy.default
        )
        self.received.append(Received(envelope.mail_from or "", tuple(envelope.rcpt_tos), message))
        return "250 kept"


def free_port() -> int:
    """A port nobody listens on; aiosmtpd cannot ask the system for one itself."""
    with closing(socket.socket()) as asking:
        asking.bind(("127.0.0.1", 0))
        return int(asking.getsockname()[1])
