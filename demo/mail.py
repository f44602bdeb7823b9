"""A mail server that delivers nothing: it keeps every message and shows it as a page and as JSON.

    python -m demo.mail --file demo-data/mails.jsonl [--http-port 8025] [--smtp-port 8026] [--tell PORTS.json]

A port that is busy is replaced by a free one; `--tell` names the file where it then says which ports it listens on.
Messages are kept in memory and, one JSON object a line, in a file, so that a restart still has them. It listens on this
machine only.
"""

import argparse
import datetime as dt
import email
import email.policy
import json
import re
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Collection
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import jinja2
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from demo.folder import write_privately
from workflow import texts

HERE = Path(__file__).resolve().parent
LOOPBACK = "127.0.0.1"
KEPT = 10_000

# A mail's HTML is somebody else's: it gets no script, no network and no place among our pages. Links open outside.
OWN_PAGES = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'"
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
MAIL_PARTS = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox {SANDBOX}; frame-ancestors 'self'"


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as it arrived. `at` is the real instant in UTC, `to` the envelope's recipients."""

    id: str
    at: str
    sender: str
    to: list[str]
    subject: str
    text: str
    html: str
    headers: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """The message under the names other programs know."""
        given = asdict(self)
        return {"from" if name == "sender" else name: given[name] for name in given}


class Mailbox:
    """All messages, oldest first, also in the file; several threads may use it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._turn = threading.Lock()
        self._mails: dict[str, Mail] = {}
        with file.open("a+", encoding="utf-8") as kept:
            kept.seek(0)
            known = kept.read()
            if known and not known.endswith("\n"):
                kept.write("\n")  # the demo was killed while writing; the torn line stays alone
        for line in known.splitlines():
            self._remember(line)

    def keep(self, mail: Mail) -> None:
        """Add a message; it is in the file when this returns."""
        with self._turn, self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(mail.as_json(), ensure_ascii=False) + "\n")
            self._mails[mail.id] = mail
            if len(self._mails) > KEPT:
                del self._mails[next(iter(self._mails))]

    def newest_first(self, to: str = "") -> list[Mail]:
        """All messages, or those for one address."""
        with self._turn:
            mails = list(reversed(self._mails.values()))
        return [mail for mail in mails if not to or to.lower() in (address.lower() for address in mail.to)]

    def get(self, mail_id: str) -> Mail | None:
        """One message."""
        return self._mails.get(mail_id)

    def _remember(self, line: str) -> None:
        try:
            given = json.loads(line)
            mail = Mail(sender=given.pop("from"), **given)
        except (ValueError, TypeError, KeyError, AttributeError):
            return  # a torn line
        self._mails[mail.id] = mail


class Catcher:
    """What the mail server does with a message: it keeps it, unless it is for an address it does not know."""

    def __init__(self, mailbox: Mailbox, unknown: Collection[str] = ()) -> None:
        self._mailbox = mailbox
        self._unknown = unknown

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse an unknown recipient for good."""
        if address.lower() in self._unknown:
            return "550 5.1.1 unknown user"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message and say so."""
        content = envelope.content or b""
        self._mailbox.keep(read(content if isinstance(content, bytes) else content.encode(), envelope))
        return "250 kept"


def read(content: bytes, envelope: Envelope) -> Mail:
    """Take a message apart; whatever is broken in it is shown as well as can be."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    headers: dict[str, str] = {}
    for name in message:
        headers[name] = "\n".join(_header(message, name))
    return Mail(
        id=uuid.uuid4().hex,
        at=dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        sender=headers.get("From") or envelope.mail_from or "",
        to=list(envelope.rcpt_tos),
        subject=headers.get("Subject", ""),
        text=_part(message, "plain"),
        html=_part(message, "html"),
        headers=headers,
    )


def _header(message: EmailMessage, name: str) -> list[str]:
    try:
        return [str(value) for value in message.get_all(name, [])]
    except (ValueError, IndexError, AttributeError):  # the standard library's reader gives up on some broken headers
        return [str(value) for key, value in message.raw_items() if key.lower() == name.lower()]


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, ValueError):  # an unknown or wrong charset
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else str(payload)


# ---------------------------------------------------------------------------------------------------------------- pages


class Pages(ThreadingHTTPServer):
    """The pages and the JSON over one mailbox."""

    daemon_threads = True

    def __init__(self, port: int, mailbox: Mailbox) -> None:
        super().__init__((LOOPBACK, port), Page)
        self.mailbox = mailbox
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
        )


class Page(BaseHTTPRequestHandler):
    """One request."""

    server: Pages
    protocol_version = "HTTP/1.1"
    server_version = "Startklar-demo"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer a page, a part of a mail or JSON."""
        if not self._is_for_us():
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", "wrong host")
            return
        address = urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(address.query).items()}
        to = asked.get("to", "").strip()
        match [part for part in address.path.split("/") if part]:
            case []:
                self._page("list.html", asked, mails=self.server.mailbox.newest_first(to))
            case ["mails", mail_id] if mail := self.server.mailbox.get(mail_id):
                self._page("mail.html", asked, mail=mail, sandbox=SANDBOX)
            case ["mails", mail_id, "html"] if mail := self.server.mailbox.get(mail_id):
                self._answer(HTTPStatus.OK, "text/html", outward(mail.html), policy=MAIL_PARTS)
            case ["api", "messages"]:
                mails = [mail.as_json() for mail in self.server.mailbox.newest_first(to)]
                self._answer(HTTPStatus.OK, "application/json", json.dumps(mails, ensure_ascii=False))
            case ["static", "mail.css"]:
                self._answer(HTTPStatus.OK, "text/css", (HERE / "static" / "mail.css").read_text(encoding="utf-8"))
            case ["healthz"]:
                self._answer(HTTPStatus.OK, "text/plain", "ok")
            case _:
                self._page("missing.html", asked, status=HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the standard library's name
        """Keep quiet: a page looked at is not worth a line."""

    def _is_for_us(self) -> bool:
        """Whether the page was asked for under this machine's own name; another site's name may point here too."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        return host in ("127.0.0.1", "localhost", "[::1]")

    def _page(self, name: str, asked: dict[str, str], status: HTTPStatus = HTTPStatus.OK, **values: Any) -> None:
        language = asked.get("lang") or first_language(self.headers.get("Accept-Language", ""))
        language = "en" if language == "en" else "de"
        page = self.server.templates.get_template(name).render(
            language=language,
            say=lambda key, **facts: texts.say(language, f"mail.{key}", **facts),
            moment=lambda at: texts.moment(language, dt.datetime.fromisoformat(at)),
            link=lambda path, **more: link(path, lang=asked.get("lang"), **more),
            here=self.path.partition("?")[0],
            asked_language=asked.get("lang", ""),
            to=asked.get("to", "").strip(),
            **values,
        )
        self._answer(status, "text/html", page)

    def _answer(self, status: HTTPStatus, kind: str, content: str, policy: str = OWN_PAGES) -> None:
        body = content.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def first_language(accepted: str) -> str:
    """The language a browser names first, of ours."""
    return next((tag[:2].lower() for tag in re.split(r"[,\s]+", accepted) if tag[:2].lower() in ("de", "en")), "de")


def link(path: str, **parameters: str | None) -> str:
    """An address of ours with those parameters that are given."""
    given = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items() if value)
    return f"{path}?{given}" if given else path


def outward(html: str) -> str:
    """A mail's HTML whose links open in a window of their own."""
    base = '<base target="_blank">'
    inside_head, found = re.subn(r"(<head\b[^>]*>)", rf"\1{base}", html, count=1, flags=re.IGNORECASE)
    return inside_head if found else base + html


def listen(preferred: int, mailbox: Mailbox) -> Pages:
    """Pages on the preferred port, or on any other if it is taken (or 0)."""
    try:
        return Pages(preferred, mailbox)
    except OSError:
        return Pages(0, mailbox)


def catch(preferred: int, mailbox: Mailbox, *, unknown: Collection[str] = (), attempts: int = 20) -> Controller:
    """A mail server on the preferred port, or on another if it is taken (or 0). Raises OSError when none can be had.

    aiosmtpd cannot ask the system for a port, so one is looked for and may be gone the next moment.
    """
    catcher = Catcher(mailbox, unknown)
    server = Controller(catcher, hostname=LOOPBACK, port=preferred or any_port(), enable_SMTPUTF8=True)
    try:
        server.start()
    except OSError:
        server.loop.close()
        if attempts == 1:
            raise
        return catch(0, mailbox, unknown=unknown, attempts=attempts - 1)
    return server


def any_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as asking:
        asking.bind((LOOPBACK, 0))
        return int(asking.getsockname()[1])


def main(words: list[str] | None = None) -> int:
    """Listen until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m demo.mail", description=__doc__)
    parser.add_argument("--file", type=Path, required=True, help="where messages are kept, one JSON object a line")
    parser.add_argument("--http-port", type=int, default=0, help="preferred port of the pages")
    parser.add_argument("--smtp-port", type=int, default=0, help="preferred port for mail")
    parser.add_argument("--tell", type=Path, help="file that says where it listens, written when it does")
    parser.add_argument("--unknown", action="append", default=[], help="an address it refuses, in small letters")
    given = parser.parse_args(words)

    mailbox = Mailbox(given.file)
    try:
        pages = listen(given.http_port, mailbox)
        server = catch(given.smtp_port, mailbox, unknown=given.unknown)
    except OSError as error:
        print(f"mail catcher: {error}", file=sys.stderr)
        return 1

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=pages.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if given.tell is not None:
        write_privately(given.tell, json.dumps({"http": pages.server_address[1], "smtp": server.port}) + "\n")
    pages.serve_forever(poll_interval=0.1)
    server.stop(no_assert=True)
    pages.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
