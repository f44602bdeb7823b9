"""Mail that comes back: read from whoever reports it, acted upon once, and harmless whatever else arrives."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.workflow.conftest import Run
from tests.world import World, contents
from workflow import addresses, bounces, mailer, people, settings
from workflow.database import real_now
from workflow.engine import SYSTEM
from workflow.errors import Unready
from workflow.mailer import Delivered
from workflow.models import Message, Person

ADDRESS = "digi@startklar.example"


# --- what a report says ----------------------------------------------------------------------------------------------


def test_a_report_for_good_fails_the_message_and_marks_the_address(world: World) -> None:
    message_id = _sent(world)
    assert bounces.take(world.engine, report(message_id)) == "bounced"
    row = _message(world, message_id)
    assert (row.status, row.failure, row.failed_at is not None) == ("failed", "bounced", True)
    assert row.last_error == "5.1.1: unknown user: …"
    marked = _person(world)
    assert marked.bounced_at is not None
    assert marked.bounce_reason == "5.1.1: unknown user: …"


def test_a_report_that_it_is_only_late_or_arrived_changes_nothing(world: World) -> None:
    message_id = _sent(world)
    before = contents(world)
    for action, status in (("delayed", "4.4.1"), ("delivered", "2.0.0"), ("relayed", "2.0.0"), ("expanded", "2.0.0")):
        assert bounces.take(world.engine, report(message_id, action=action, status=status)) == "not_final"
    assert contents(world) == before


@pytest.mark.parametrize(
    ("status", "marks"),
    [
        ("5.1.1", True),
        ("5.1.10", True),
        ("5.2.1", True),
        ("5.4.4", False),
        ("4.4.1", False),
        ("5.7.1", False),
        ("5.3.4", False),
        ("5.6.1", False),
        ("5.1.8", False),
        ("", False),
        ("Unsinn", False),
    ],
)
def test_only_what_is_said_of_the_address_for_good_marks_it(world: World, status: str, marks: bool) -> None:
    """The message did not arrive in any case: that is what `failed` means."""
    message_id = _sent(world)
    words = report(message_id, status=status, diagnostic="smtp; it did not work")
    assert bounces.take(world.engine, words) == "bounced"
    assert _message(world, message_id).status == "failed"
    assert (_person(world).bounced_at is not None) == marks


def test_the_message_is_found_by_the_address_of_the_report_else_by_what_came_back_else_by_the_envelope(
    world: World,
) -> None:
    for told in ("sent_to", "delivered_to", "recipient", "returned", "headers", "envelope"):
        message_id = _sent(world)
        row = _message(world, message_id)
        tagged = f"bounces+{message_id.hex}@programm.example"
        raw = report(
            None,
            to=tagged if told == "sent_to" else "bounces@programm.example",
            delivered_to=tagged if told == "delivered_to" else None,
            returned=row.header_id if told in ("returned", "headers") else None,
            only_headers=told == "headers",
            envelope=message_id.hex if told == "envelope" else None,
        )
        recipient = tagged if told == "recipient" else None
        assert bounces.take(world.engine, raw, recipient=recipient) == "bounced", told
        assert _message(world, message_id).status == "failed"


def test_a_message_id_of_somebody_else_does_not_hide_the_envelopes_name(world: World) -> None:
    message_id = _sent(world)
    raw = report(None, returned="<rewritten@gateway.example>", envelope=message_id.hex)
    assert bounces.take(world.engine, raw) == "bounced"


def test_the_same_report_twice_changes_nothing_the_second_time_even_after_it_was_sent_again(world: World) -> None:
    message_id = _sent(world)
    raw = report(message_id)
    assert bounces.take(world.engine, raw) == "bounced"
    before = contents(world)
    assert bounces.take(world.engine, raw) == "known"
    assert bounces.take(world.engine, b"Received: by another.example\n" + raw) == "known"
    assert contents(world) == before
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Person).values(bounced_at=None, bounce_reason=None))
        again = {"status": "sent", "failure": None, "failed_at": None}
        work.session.execute(sa.update(Message).where(Message.id == message_id).values(again))
    assert bounces.take(world.engine, raw) == "known"
    assert (_message(world, message_id).status, _person(world).bounced_at) == ("sent", None)
    assert bounces.take(world.engine, report(message_id)) == "bounced"  # another one, about the new try


def test_a_second_report_about_what_came_back_does_not_take_back_that_the_address_works(world: World) -> None:
    message_id = _sent(world)
    assert bounces.take(world.engine, report(message_id)) == "bounced"
    with world.by("admin") as work:
        people.address_works(work, _person(world).id)
    before = contents(world)
    assert bounces.take(world.engine, report(message_id)) == "known"  # of another gateway, with a name of its own
    assert contents(world) == before


def test_two_reports_at_once_are_one(world: World) -> None:
    message_id = _sent(world)
    copies = [report(message_id) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda raw: bounces.take(world.engine, raw), copies))
    assert sorted(taken) == ["bounced", "known", "known", "known"]


def test_an_address_the_recipient_does_not_have_any_more_is_not_marked(world: World) -> None:
    message_id = _sent(world, address="frueher@startklar.example")
    assert bounces.take(world.engine, report(message_id)) == "bounced"
    assert _person(world).bounced_at is None


def test_a_report_about_a_message_of_a_rehearsal_or_of_nobody_changes_nothing(world: World) -> None:
    recorded = _sent(world, status="recorded")
    before = contents(world)
    assert bounces.take(world.engine, report(recorded)) == "unmatched"
    assert bounces.take(world.engine, report(uuid4())) == "unmatched"
    assert bounces.take(world.engine, report(None, returned="<x@y.example>")) == "unmatched"
    assert bounces.take(world.engine, report(None)) == "unmatched"
    assert contents(world) == before


def test_a_report_that_overtakes_the_answer_of_the_server_wins(world: World) -> None:
    """The server took the mail and the line dropped before it said so: it is tried again, and comes back meanwhile."""
    message_id = _sent(world, status="queued", try_at=real_now() + dt.timedelta(minutes=1))
    assert bounces.take(world.engine, report(message_id)) == "bounced"
    assert mailer.deliver(world.engine, worker="one") == Delivered()
    row = _message(world, message_id)
    assert (row.status, row.try_at) == ("failed", None)


def test_of_several_recipients_behind_an_address_one_who_got_it_is_enough(world: World) -> None:
    message_id = _sent(world)
    block = b"Final-Recipient: rfc822; b@example.org\r\nAction: relayed\r\nStatus: 2.0.0\r\n\r\n"
    raw = report(message_id).replace(b"\r\n\r\nFinal-Recipient", b"\r\n\r\n" + block + b"Final-Recipient", 1)
    assert raw.count(b"Action:") == 2
    assert bounces.take(world.engine, raw) == "not_final"


def test_what_a_server_says_is_kept_without_addresses_and_line_breaks() -> None:
    words = "550 5.1.1 <digi@startklar.example>:\r\n Bcc: boese@example.org unknown\x00" + "x" * 4000
    said = addresses.in_short(words)
    assert said.startswith("550 5.1.1 <…>: Bcc: … unknown")
    assert len(said) == 300
    assert said.isprintable()


def test_the_reports_of_known_servers_are_understood() -> None:
    for name, (status, marks) in {
        "postfix": ("5.1.1", True),
        "exchange": ("5.1.10", True),
        "exim": ("5.0.0", False),
        "late": ("4.4.1", False),
    }.items():
        read = bounces.read_report(SAMPLES[name].encode())
        assert read is not None, name
        assert (str(read.status), read.is_about_the_address, read.is_final) == (status, marks, name != "late")
        assert (read.sent_to or read.header_id) is not None
        assert "@" not in read.reason


# --- what else arrives at such a mailbox -----------------------------------------------------------------------------


def test_whatever_is_no_report_changes_nothing_and_is_answered_by_nobody(world: World) -> None:
    message_id = _sent(world)
    header_id = _message(world, message_id).header_id
    tagged = f"bounces+{message_id.hex}@programm.example"
    before = contents(world)
    for raw in (
        b"",
        b"\x00\xff" * 100,
        b"From: a\n",
        f"To: {tagged}\nSubject: 550 5.1.1 failed\n\nAction: failed\nStatus: 5.1.1\n".encode(),
        f"To: {tagged}\nAuto-Submitted: auto-replied\nSubject: Abwesend\nIn-Reply-To: {header_id}\n\nBin weg.".encode(),
        f"To: {tagged}\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
        "--b\nContent-Type: message/disposition-notification\n\nDisposition: displayed\n--b--\n".encode(),
        f"To: {tagged}\nContent-Type: multipart/report; boundary=b\n\n--b\n\nnothing\n--b--\n".encode(),
        f"To: {tagged}\nContent-Type: multipart/report\n\nAction: failed\n".encode(),
        report(message_id).replace(b"multipart/report", b"multipart/mixed"),
        report(message_id).replace(b"Action: failed", b"Auction: failed"),
        _spam(),
    ):
        assert bounces.take(world.engine, raw) == "foreign", raw[:80]
    assert contents(world) == before


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"Content-Type: multipart/report; boundary=b\n\n" + b"--b\n" * 200_000,
        lambda: b"".join(b"Content-Type: multipart/report; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(20_000)),
        lambda: (
            b"".join(b"Content-Type:multipart/report;boundary=b%d\n\n--b%d\n" % (n, n) for n in range(400))
            + b"\n" * 200_000
        ),
        lambda: b"Content-Type: multipart/report; boundary=b\nTo: " + b"(" * 500_000 + b"\n\n--b\n\n",
        lambda: b"To: " + b"<" * 900_000 + b"\nContent-Type: multipart/report; boundary=b\n\n",
        lambda: b"X: y\n" * 200_000 + b"Content-Type: multipart/report; boundary=b\n\n",
        lambda: (
            b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
            + b"Action: failed\n\n" * 60_000
        ),
        lambda: b"Content-Type: multipart/report" + b"; a=b" * 100_000 + b"\n\n",
        lambda: b"Content-Type: multipart/report" + b";\r a=b" * 100_000 + b"\n\n",
        lambda: os.urandom(3 * 1024 * 1024),
    ],
    ids=[
        "parts",
        "nested",
        "nested lines",
        "comments",
        "brackets",
        "headers",
        "groups",
        "parameters",
        "folded",
        "noise",
    ],
)
def test_a_mail_made_to_keep_a_parser_busy_is_through_in_a_moment(make: Callable[[], bytes]) -> None:
    raw = make()
    began = time.process_time()
    found = bounces.read_report(raw)
    assert time.process_time() - began < 4
    assert found is None or found.sent_to is None


def test_a_huge_mail_is_read_as_far_as_it_matters(world: World) -> None:
    message_id = _sent(world)
    raw = report(message_id) + b"x" * (20 * 1024 * 1024)
    assert bounces.take(world.engine, raw) == "bounced"


@given(st.binary(max_size=400), st.integers(min_value=0, max_value=2000))
def test_whatever_is_broken_in_a_report_nothing_breaks_here(noise: bytes, at: int) -> None:
    whole = report(UUID(int=7))
    found = bounces.read_report(whole[:at] + noise + whole[at:])
    assert found is None or found.sent_to in (None, UUID(int=7)) or noise


# --- a Maildir -------------------------------------------------------------------------------------------------------


@pytest.fixture
def maildir(world: World, tmp_path: Path) -> Path:
    """A Maildir the world reads."""
    folder = tmp_path / "bounces"
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True)
    world.engine.settings = dataclasses.replace(world.engine.settings, bounces=folder)
    return folder


def test_what_arrives_in_the_maildir_is_acted_upon_and_moved_away(world: World, maildir: Path) -> None:
    message_id = _sent(world)
    (maildir / "new" / "1.a.host").write_bytes(report(message_id))
    (maildir / "cur" / "2.b.host:2,S").write_bytes(report(message_id, action="delayed", status="4.4.1"))
    (maildir / "new" / "3.c.host").write_bytes(b"Subject: Werbung\n\nKaufen Sie!\n")
    (maildir / "new" / "4.d.host").write_bytes(report(uuid4()))
    (maildir / "tmp" / "5.e.host").write_bytes(report(message_id))
    assert bounces.read_maildir(world.engine) == 1
    assert _message(world, message_id).status == "failed"
    assert _names(maildir, "new") == _names(maildir, "cur") == []
    assert _names(maildir, "tmp") == ["5.e.host"]  # somebody is still writing it
    assert _names(maildir / bounces.READ, "cur") == ["1.a.host:2,S", "2.b.host:2,S"]
    assert _names(maildir / bounces.LEFT, "cur") == ["3.c.host:2,S", "4.d.host:2,S"]
    assert bounces.read_maildir(world.engine) == 0


def test_what_was_read_is_removed_after_a_month_and_what_is_no_report_of_ours_never(
    world: World, maildir: Path
) -> None:
    assert bounces.forget_read(world.engine) == 0
    (maildir / "new" / "1.a.host").write_bytes(report(_sent(world)))
    (maildir / "new" / "2.b.host").write_bytes(b"Subject: Werbung\n\nKaufen Sie!\n")
    bounces.read_maildir(world.engine)
    assert bounces.forget_read(world.engine) == 0
    assert bounces.forget_read(world.engine, older_than=dt.timedelta(seconds=-60)) == 1
    assert _names(maildir / bounces.READ, "cur") == []
    assert _names(maildir / bounces.LEFT, "cur") == ["2.b.host:2,S"]


def test_whoever_dies_between_acting_and_moving_does_no_harm(world: World, maildir: Path) -> None:
    message_id = _sent(world)
    raw = report(message_id)
    assert bounces.take(world.engine, raw) == "bounced"
    before = contents(world)
    (maildir / "new" / "1.a.host").write_bytes(raw)
    assert bounces.read_maildir(world.engine) == 0
    assert contents(world) == before
    assert _names(maildir / bounces.READ, "cur") == ["1.a.host:2,S"]


def test_two_that_read_at_once_move_every_mail_once(world: World, maildir: Path) -> None:
    sent = [_sent(world) for _ in range(20)]
    for number, message_id in enumerate(sent):
        (maildir / "new" / f"{number}.a.host").write_bytes(report(message_id))
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: bounces.read_maildir(world.engine), range(3)))
    assert sum(done) == 20
    assert len(_names(maildir / bounces.READ, "cur")) == 20
    assert {_message(world, message_id).status for message_id in sent} == {"failed"}


def test_what_is_no_file_is_put_aside_and_stops_no_other(world: World, maildir: Path, tmp_path: Path) -> None:
    message_id = _sent(world)
    secret = tmp_path / "secret"
    secret.write_bytes(report(message_id))
    (maildir / "new" / "0.link").symlink_to(secret)
    (maildir / "new" / "1.folder").mkdir()
    os.mkfifo(maildir / "new" / "2.pipe")
    (maildir / "new" / "9.real").write_bytes(report(message_id))
    assert bounces.read_maildir(world.engine) == 1
    assert _names(maildir / bounces.LEFT, "cur") == ["0.link:2,S", "1.folder:2,S", "2.pipe:2,S"]
    assert secret.exists()


def test_a_maildir_that_is_not_there_is_named(world: World, tmp_path: Path) -> None:
    assert bounces.read_maildir(world.engine) == 0  # none is set
    world.engine.settings = dataclasses.replace(world.engine.settings, bounces=tmp_path / "nowhere")
    with pytest.raises(Unready) as refusal:
        bounces.read_maildir(world.engine)
    assert refusal.value.facts["name"] == "STARTKLAR_BOUNCES"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STARTKLAR_BOUNCES", "/var/mail/bounces"),
        ("STARTKLAR_BOUNCES", "maildir://relative"),
        ("STARTKLAR_BOUNCES", "mbox:///var/mail/bounces"),
        ("STARTKLAR_BOUNCES_TO", "bounces"),
        ("STARTKLAR_BOUNCES_TO", "bounces+tag@programm.example"),
        ("STARTKLAR_BOUNCES_TO", "bounces@programm.example\r\nBcc: x@y.example"),
        ("STARTKLAR_BOUNCES_TO", "b" * 40 + "@programm.example"),
    ],
)
def test_settings_that_make_no_sense_are_named(name: str, value: str) -> None:
    with pytest.raises(Unready) as refusal:
        settings.read({name: value})
    assert refusal.value.facts["name"] == name


def test_settings_for_bounces_are_read() -> None:
    given = {"STARTKLAR_BOUNCES": "maildir:///var/mail/b", "STARTKLAR_BOUNCES_TO": "bounces@programm.example"}
    found = settings.read(given)
    assert (found.bounces, found.bounces_to) == (Path("/var/mail/b"), "bounces@programm.example")


# --- the pipe of a mail server ---------------------------------------------------------------------------------------


def test_a_mail_server_hands_a_report_over_and_learns_whether_to_try_again(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARTKLAR_DATABASE_URL", world.engine.settings.database_url)
    message_id = _sent(world)

    def pipe(raw: bytes, **surroundings: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        for name, value in surroundings.items():
            monkeypatch.setenv(name, value)
        said = run("mails", "bounce")
        return said.code, said.out.strip()

    assert pipe(b"Subject: Hallo\n\nx" * 100_000)[0] == 0
    tagged = f"bounces+{message_id.hex}@programm.example"
    assert pipe(report(None), ORIGINAL_RECIPIENT=tagged) == (0, "Die Nachricht gilt jetzt als nicht zugestellt.")
    assert _message(world, message_id).status == "failed"
    assert pipe(report(None), STARTKLAR_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")[0] == 75
    assert pipe(report(None), STARTKLAR_DATABASE_URL="mysql://")[0] == 75


# --- reports ---------------------------------------------------------------------------------------------------------


def report(
    message_id: UUID | None,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = f"smtp; unknown user: {ADDRESS}",
    to: str | None = None,
    delivered_to: str | None = None,
    returned: str | None = None,
    only_headers: bool = False,
    envelope: str | None = None,
) -> bytes:
    """A delivery status notification, as RFC 3464 has them."""
    tagged = f"bounces+{message_id.hex}@programm.example" if message_id else "bounces@programm.example"
    lines = [
        "From: MAILER-DAEMON@programm.example",
        f"To: {to or tagged}",
        *([f"Delivered-To: {delivered_to}"] if delivered_to else []),
        "Auto-Submitted: auto-replied",
        f"Message-ID: <{uuid4().hex}@programm.example>",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "",
        "--b",
        "",
        "This is the mail system. Your message could not be delivered.",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; programm.example",
        *([f"Original-Envelope-Id: {envelope}"] if envelope else []),
        "",
        f"Final-Recipient: rfc822; {ADDRESS}",
        f"Action: {action}",
        f"Status: {status}",
        f"Diagnostic-Code: {diagnostic}",
        "",
        "--b",
        f"Content-Type: {'text/rfc822-headers' if only_headers else 'message/rfc822'}",
        "",
        "Subject: Erinnerung",
        *([f"Message-ID: {returned}"] if returned else []),
        f"To: {ADDRESS}",
        "",
        *([] if only_headers else ["Text"]),
        "--b--",
        "",
    ]
    return "\r\n".join(lines).encode()


def _spam() -> bytes:
    return (
        b"From: a@example.org\nTo: bounces@programm.example\nContent-Type: text/html\n\n<p>5.1.1 Action: failed</p>\n"
    )


_POSTFIX = """Return-Path: <>
Delivered-To: bounces+0123456789abcdef0123456789abcdef@programm.example
Received: by mail.programm.example (Postfix)
\tid 2A3B4C5D6E; Thu, 11 Jun 2026 07:00:02 +0200 (CEST)
Date: Thu, 11 Jun 2026 07:00:02 +0200 (CEST)
From: MAILER-DAEMON@mail.programm.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces+0123456789abcdef0123456789abcdef@programm.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="1A2B3C4D5E.1749618002/mail.programm.example"
Message-Id: <20260611050002.2A3B4C5D6E@mail.programm.example>

This is a MIME-encapsulated message.

--1A2B3C4D5E.1749618002/mail.programm.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<digi@startklar.example>: unknown user: "digi"

--1A2B3C4D5E.1749618002/mail.programm.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.programm.example
Original-Envelope-Id: 0123456789abcdef0123456789abcdef
X-Postfix-Queue-ID: 1A2B3C4D5E
X-Postfix-Sender: rfc822; bounces+0123456789abcdef0123456789abcdef@programm.example
Arrival-Date: Thu, 11 Jun 2026 07:00:01 +0200 (CEST)

Final-Recipient: rfc822; digi@startklar.example
Original-Recipient: rfc822;digi@startklar.example
Action: failed
Status: 5.1.1
Diagnostic-Code: X-Postfix; unknown user: "digi"

--1A2B3C4D5E.1749618002/mail.programm.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Message-ID: <aaaa@programm.example>
Subject: Erinnerung

--1A2B3C4D5E.1749618002/mail.programm.example--
"""
_EXCHANGE = """From: <postmaster@kommune.example>
To: <bounces@programm.example>
Content-Type: multipart/report; report-type=delivery-status; boundary="xyz"
MIME-Version: 1.0
Message-ID: <ex1@kommune.example>
Subject: =?utf-8?B?VW56dXN0ZWxsYmFy?=
Auto-Submitted: auto-replied

--xyz
Content-Type: multipart/alternative; differences=Content-Type; boundary="abc"

--abc
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: base64

RGllIE5hY2hyaWNodCBrb25udGUgbmljaHQgenVnZXN0ZWxsdCB3ZXJkZW4u

--abc--
--xyz
Content-Type: message/delivery-status

Reporting-MTA: dns;EX01.kommune.example
Received-From-MTA: dns;mail.programm.example

Final-Recipient: rfc822;digi@kommune.example
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound;
 Recipient digi@kommune.example not found by SMTP address lookup

--xyz
Content-Type: message/rfc822

Message-ID: <0123@programm.example>
Subject: Erinnerung
MIME-Version: 1.0
Content-Type: text/plain

Text
--xyz--
"""
_EXIM = """From: Mail Delivery System <Mailer-Daemon@mx.example>
To: bounces@programm.example
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary=1749618002-eximdsn-1
MIME-Version: 1.0
Message-Id: <E1x-0001@mx.example>

--1749618002-eximdsn-1
Content-type: text/plain; charset=us-ascii

A message that you sent could not be delivered.

--1749618002-eximdsn-1
Content-type: message/delivery-status

Reporting-MTA: dns; mx.example

Action: failed
Final-Recipient: rfc822;digi@startklar.example
Status: 5.0.0
Remote-MTA: dns; mx2.example
Diagnostic-Code: smtp; 550 unrouteable address

--1749618002-eximdsn-1
Content-type: message/rfc822

Message-ID: <4567@programm.example>

--1749618002-eximdsn-1--
"""
SAMPLES = {
    "postfix": _POSTFIX,
    "exchange": _EXCHANGE,
    "exim": _EXIM,
    "late": _POSTFIX.replace("Action: failed", "Action: delayed").replace("Status: 5.1.1", "Status: 4.4.1"),
}


# --- helpers ---------------------------------------------------------------------------------------------------------


def _sent(world: World, **fields: Any) -> UUID:
    """A message to the town's digi that a server has taken."""
    message_id = uuid4()
    values: dict[str, Any] = {
        "id": message_id,
        "key": message_id.hex * 2,
        "recipient_id": world["digi"],
        "address": ADDRESS,
        "header_id": f"<{message_id.hex}@programm.example>",
        "language": "de",
        "subject": "Betreff",
        "plain": "Text\n",
        "html": "<p>Text</p>",
        "status": "sent",
        "tries": 1,
        **fields,
    }
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.insert(Message).values(written_at=work.now, **values))
    return message_id


def _message(world: World, message_id: UUID) -> Any:
    with world.look() as work:
        return work.session.execute(sa.select(Message.__table__).where(Message.id == message_id)).one()


def _person(world: World) -> Any:
    with world.look() as work:
        return work.session.execute(sa.select(Person.__table__).where(Person.id == world["digi"])).one()


def _names(folder: Path, part: str) -> list[str]:
    return sorted(path.name for path in (folder / part).iterdir())
