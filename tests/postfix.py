"""A real Postfix on this machine, listening on the loopback alone: `python3 run.py prove postfix`.

It runs from a folder of its own beside whatever Postfix there is, sends nothing anywhere, and is gone afterwards; the
package too, if it was not there before. Installing it and starting it needs root.
"""

from __future__ import annotations

import contextlib
import dataclasses
import email.policy
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from tests import databases, world
from tests.smtp import free_port
from tests.world import EMPTY_TOWN, STRANGE_TOWN, World
from workflow import dead_letters, people, ticking
from workflow.engine import SYSTEM
from workflow.models import Message, Person
from workflow.ticking import Ticked

ROOT = Path(__file__).resolve().parent.parent
DOMAIN = "startklar.example"
_KNOWN = ("digi", "leitung", "team", "colleague", "other-team", "supervisor", "office", "bounces", "pipe")
"""Who has a mailbox here."""
_SECONDS = 30
_DAEMONS = Path("/usr/lib/postfix/sbin")

_Found = TypeVar("_Found")


class NoPostfix(AssertionError):
    """Postfix cannot be had here."""


def prove() -> None:
    """Raises AssertionError where Postfix and Startklar do not understand each other. Prints what was seen."""
    with _installed(), tempfile.TemporaryDirectory(prefix="startklar-postfix-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postfix runs as several people
        with Postfix(folder / "postfix") as postfix, _sending(folder / "data", postfix) as sending:
            _a_mail_arrives(sending, postfix)
            _an_address_that_is_refused(sending, postfix)
            _a_mail_that_comes_back(sending, postfix)
            _a_report_through_a_pipe(sending, postfix)


# --- what is proved --------------------------------------------------------------------------------------------------


def _a_mail_arrives(world: World, postfix: Postfix) -> None:
    began = time.monotonic()
    world.open()
    ticked = _tick(world)
    _insist(ticked.sent == 1, f"one mail was to be sent, {ticked} happened")
    (row,) = _rows(world)
    mail = _soon("the mail in the mailbox", lambda: postfix.mails("digi"))[0]
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    seen = {
        "Message-ID": mail["Message-ID"] == row.header_id,
        "Subject": mail["Subject"] == row.subject,
        "envelope sender": mail["Return-Path"] == f"<bounces+{row.id.hex}@{DOMAIN}>",
        "Auto-Submitted": mail["Auto-Submitted"] == "auto-generated",
        "List-Id": "startklar.example" in str(mail["List-Id"]),
        "Date": bool(mail["Date"]),
        "plain text": text is not None and text.get_content().strip() == row.plain.strip(),
        "HTML": html is not None and html.get_content().strip() == row.html.strip(),
    }
    _insist(all(seen.values()), f"the mail that arrived differs: {[name for name, ok in seen.items() if not ok]}")
    _tell(f"a mail arrives as it was written, {', '.join(seen)}", began)


def _an_address_that_is_refused(world: World, postfix: Postfix) -> None:
    began = time.monotonic()
    world.open(body=STRANGE_TOWN)
    ticked = _tick(world)
    _insist(ticked.failed == 1, f"Postfix was to refuse the recipient, {ticked} happened")
    row = next(row for row in _rows(world) if row.recipient_id == world["stranger"])
    _insist((row.status, row.failure) == ("failed", "recipient"), f"{row.status}, {row.failure}: {row.last_error}")
    _insist(_is_marked(world, "stranger"), "the address is not marked")
    before = {mail["Message-ID"] for mail in _told(postfix)}
    _tick(world)
    mail = _soon("the mail to whoever is told instead", lambda: _new(postfix, before))[0]
    body = mail.get_body(("plain",))
    _insist(body is not None and "per E-Mail nicht" in body.get_content(), "the mail does not say why it comes")
    _tell(f"a recipient Postfix refuses is marked, others are told: {row.last_error}", began)


def _a_mail_that_comes_back(world: World, postfix: Postfix) -> None:
    """Through the port that takes mail for anybody and finds out afterwards that there is no such mailbox."""
    began = time.monotonic()
    _send_through(world, postfix.credulous_url)
    with world.by("admin") as work:
        role = people.parse_role(f"digi@{EMPTY_TOWN}")
        world.ids["late"] = people.add(
            work, email=f"late@{DOMAIN}", name="Late", password_hash=None, language="de", roles=[role]
        ).id
    world.open(body=EMPTY_TOWN)
    ticked = _tick(world)
    _insist((ticked.sent, ticked.failed) == (1, 0), f"Postfix was to take the mail, {ticked} happened")
    report = _soon("the report in the mailbox of bounces", lambda: postfix.mails("bounces"))[0]
    _insist(report.get_content_type() == "multipart/report", f"the report is {report.get_content_type()}")
    before = {mail["Message-ID"] for mail in _told(postfix)}
    _tick(world)
    row = next(row for row in _rows(world) if row.recipient_id == world["late"])
    _insist((row.status, row.failure) == ("failed", "bounced"), f"{row.status}, {row.failure}: {row.last_error}")
    _insist(_is_marked(world, "late"), "the address is not marked")
    _insist(postfix.mails("bounces") == [], "the report was not moved away")
    _insist(f"original-envelope-id: {row.id.hex}" in report.as_string().lower(), "the report names no envelope")
    _soon("the mail to whoever is told instead", lambda: _new(postfix, before))
    _tell(f"a mail that comes back marks its address, read from the Maildir: {row.last_error}", began)


def _a_report_through_a_pipe(world: World, postfix: Postfix) -> None:
    began = time.monotonic()
    settings = world.engine.settings
    world.engine.settings = dataclasses.replace(settings, bounces_to=f"pipe@{DOMAIN}")
    with world.by("admin") as work:
        people.change_address(work, world["late"], f"later@{DOMAIN}")
    letter = next(row for row in _rows(world) if row.recipient_id == world["late"])
    with world.by("admin") as work:
        dead_letters.resend(work, letter.id)
    _insist(_tick(world).sent == 1, "Postfix was to take the mail again")
    code = _soon("the pipe", lambda: postfix.piped)[0]
    _insist(code == 0, f"startklar mails bounce ended with {code}")
    _soon("the mark", lambda: [1] if _is_marked(world, "late") else [])
    row = next(row for row in _rows(world) if row.id == letter.id)
    _insist((row.status, row.failure) == ("failed", "bounced"), f"{row.status}, {row.failure}: {row.last_error}")
    _insist(row.header_id == letter.header_id, "it was sent again under another Message-ID")
    _tell(f"sent again under its Message-ID it comes back through `startklar mails bounce`: {row.last_error}", began)


# --- Startklar in front of it ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _sending(folder: Path, postfix: Postfix) -> Iterator[World]:
    """An installation whose mails go to this Postfix."""
    folder.mkdir()
    url = f"sqlite:///{folder / 'startklar.db'}"
    databases.fill(url, "peopled")
    made = world.make(url, folder)
    _send_through(made, postfix.url)
    postfix.database_url = url
    try:
        yield made
    finally:
        made.engine.close()


def _send_through(made: World, smtp_url: str) -> None:
    made.engine.settings = dataclasses.replace(
        made.engine.settings,
        smtp_url=smtp_url,
        base_url=f"https://{DOMAIN}",
        mail_from=f"Startklar <startklar@{DOMAIN}>",
        bounces_to=f"bounces@{DOMAIN}",
        bounces=Postfix.here.folder / "mail" / "bounces",
    )


def _tick(made: World) -> Ticked:
    return ticking.tick(made.engine, worker="proof")


def _rows(made: World) -> list[Any]:
    with made.look() as work:
        return list(work.session.execute(sa.select(Message.__table__).order_by(Message.written_at, Message.id)))


def _is_marked(made: World, who: str) -> bool:
    with made.engine.read(SYSTEM) as work:
        query = sa.select(Person.bounced_at).where(Person.id == made[who])
        return work.session.execute(query).scalar_one() is not None


def _told(postfix: Postfix) -> list[EmailMessage]:
    """What has come to the teams: they answer for towns where nobody else can be reached."""
    return [mail for name in ("team", "colleague", "other-team") for mail in postfix.mails(name)]


def _new(postfix: Postfix, before: set[str]) -> list[EmailMessage]:
    return [mail for mail in _told(postfix) if mail["Message-ID"] not in before]


def _soon(what: str, look: Callable[[], Sequence[_Found]]) -> Sequence[_Found]:
    """What `look` gives as soon as it gives something."""
    give_up = time.monotonic() + _SECONDS
    while not (found := look()):
        if time.monotonic() > give_up:
            raise AssertionError(f"{what} did not come within {_SECONDS} seconds\n{Postfix.here.log()}")
        time.sleep(0.1)
    return found


def _insist(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(f"{otherwise}\n{Postfix.here.log()}")


def _tell(what: str, began: float) -> None:
    print(f"  {time.monotonic() - began:5.1f} s  {what}", flush=True)


# --- Postfix itself --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _installed() -> Iterator[None]:
    """Postfix is there; what was installed for it is taken away again. Raises NoPostfix."""
    if os.geteuid() != 0:
        raise NoPostfix("a real Postfix needs root: please run this as root, in a machine that may be thrown away")
    if _DAEMONS.is_dir() and shutil.which("postfix"):
        yield
        return
    if shutil.which("apt-get") is None:
        raise NoPostfix("Postfix is not installed and there is no apt-get to install it with")
    print("  installing Postfix …", flush=True)
    chosen = "postfix postfix/main_mailer_type select No configuration\n"
    subprocess.run(["debconf-set-selections"], input=chosen, text=True, check=False)
    for words in (["update"], ["install", "--yes", "--no-install-recommends", "postfix"]):
        done = _apt(*words)
        if done.returncode:
            raise NoPostfix(f"apt-get {words[0]} failed, so there is no Postfix here: {done.stderr[-600:]}")
    try:
        yield
    finally:
        _apt("purge", "--yes", "--auto-remove", "postfix")


def _apt(*words: str) -> subprocess.CompletedProcess[str]:
    surroundings = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(["apt-get", "-q", *words], env=surroundings, capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class _Piped:
    """A mail Postfix handed to a command, as files: what it is, for whom, and what the command ended with."""

    content: Path

    @property
    def recipient(self) -> str:
        return self.content.with_suffix(".to").read_text(encoding="utf-8").strip()

    def answer(self, code: int) -> None:
        answered = self.content.with_suffix(".answering")
        answered.write_text(str(code), encoding="utf-8")
        answered.rename(self.content.with_suffix(".code"))


class Postfix:
    """A Postfix of our own, from `with` to the end of it: two ports, mailboxes as Maildirs, and a pipe.

    The first port refuses mailboxes it does not know, the credulous one takes everything and finds out later.
    """

    here: Postfix
    """The one that runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.credulous_port = free_port(), free_port()
        self.database_url = ""
        self.piped: list[int] = []
        """What the command of the pipe ended with, time after time."""
        self._ended = threading.Event()
        self._serving = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        """Where mail for unknown mailboxes is refused."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def credulous_url(self) -> str:
        """Where it is taken and comes back."""
        return f"smtp://127.0.0.1:{self.credulous_port}"

    def __enter__(self) -> Postfix:
        owner = pwd.getpwnam("postfix")
        for part in ("etc", "spool", "lib", "log", "drop", "mail"):
            (self.folder / part).mkdir(parents=True)
        for part in ("lib", "mail", "drop"):
            os.chown(self.folder / part, *((owner.pw_uid, owner.pw_gid) if part == "lib" else (65534, 65534)))
        self._write("main.cf", _MAIN)
        self._write("master.cf", _MASTER)
        self._write("mailboxes", "".join(f"{name}@{DOMAIN} {name}/\n" for name in _KNOWN))
        self._write("transport", f"pipe@{DOMAIN} startklar:\n")
        command = self._write("take-in", _TAKE_IN)
        command.chmod(0o755)
        for name in _KNOWN:
            for part in ("new", "cur", "tmp"):
                (self.folder / "mail" / name / part).mkdir(parents=True)
        for path in (self.folder / "mail").rglob("*"):
            os.chown(path, 65534, 65534)
        Postfix.here = self
        started = self._postfix("start")
        if started.returncode:
            raise AssertionError(f"Postfix does not start: {started.stderr}\n{self.log()}")
        version = subprocess.run(["postconf", "-dh", "mail_version"], capture_output=True, text=True, check=True)
        print(
            f"  Postfix {version.stdout.strip()} on the loopback, ports {self.port} and {self.credulous_port}",
            flush=True,
        )
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._postfix("stop")
        self._serving.join(timeout=60)

    def mails(self, name: str) -> list[EmailMessage]:
        """What has arrived in a mailbox and nobody has moved, oldest first."""
        paths = sorted((self.folder / "mail" / name / "new").iterdir())
        return [message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]

    def log(self) -> str:
        """The last of what Postfix noted."""
        path = self.folder / "log" / "postfix.log"
        return "\n".join(path.read_text(encoding="utf-8").splitlines()[-25:]) if path.exists() else "no log"

    def _postfix(self, word: str) -> subprocess.CompletedProcess[str]:
        command = ["postfix", "-c", str(self.folder / "etc"), word]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / "etc" / name
        words = {"folder": self.folder, "domain": DOMAIN, "daemons": _DAEMONS}
        ports = {"port": self.port, "credulous": self.credulous_port}
        path.write_text(text.format(**words, **ports) if "{" in text else text, encoding="utf-8")
        return path

    def _serve(self) -> None:
        """Run `startklar mails bounce` for what comes through the pipe. Postfix lets its commands run as somebody who
        may not even enter the folder of this checkout, so they hand mail and exit code over as files."""
        while not self._ended.wait(0.1):
            for path in sorted((self.folder / "drop").glob("*.mail")):
                piped = _Piped(path)
                surroundings = os.environ | {
                    "STARTKLAR_DATABASE_URL": self.database_url,
                    "ORIGINAL_RECIPIENT": piped.recipient,
                    "PYTHONPATH": str(ROOT),
                }
                taken = subprocess.run(
                    [sys.executable, "-m", "workflow.cli", "mails", "bounce"],
                    input=path.read_bytes(),
                    env=surroundings,
                    check=False,
                    stdout=subprocess.DEVNULL,
                )
                path.unlink()
                piped.answer(taken.returncode)
                self.piped.append(taken.returncode)


_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/lib
daemon_directory = {daemons}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.{domain}
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
disable_dns_lookups = yes
default_transport = error:nothing leaves this machine
relay_transport = error:nothing leaves this machine
local_transport = error:nobody lives here
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/etc/mailboxes
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 100
transport_maps = texthash:{folder}/etc/transport
recipient_delimiter = +
notify_classes =
maillog_file = {folder}/log/postfix.log
maillog_file_prefixes = {folder}
"""

_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{credulous} inet n - n - - smtpd
  -o smtpd_reject_unlisted_recipient=no
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
startklar unix - n n - - pipe
  flags=R user=nobody argv={folder}/etc/take-in {folder}/drop ${{original_recipient}}
"""

_TAKE_IN = """#!/bin/sh
# Hands a mail over and ends as whoever takes it says.
drop="$1/$$"
printf '%s' "$2" > "$drop.to"
cat > "$drop.coming" && mv "$drop.coming" "$drop.mail"
while [ ! -e "$drop.code" ]; do sleep 0.1; done
exit "$(cat "$drop.code")"
"""
