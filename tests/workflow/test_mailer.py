"""How mails leave the house: at least once, under one Message-ID, and one recipient's trouble is no other's."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import email.utils
import logging
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, syntax
from hypothesis import given
from hypothesis import strategies as st

from tests.smtp import MailServer, free_port
from tests.world import EMPTY_TOWN, STRANGE_TOWN, World
from workflow import mailer, messages
from workflow.database import real_now
from workflow.engine import SYSTEM
from workflow.errors import Unready
from workflow.mailer import Delivered
from workflow.models import Body, Installation, Message, Person


@pytest.fixture
def sending(world: World, smtp: MailServer) -> World:
    """A world whose mails go to the mail server."""
    _send_to(world, smtp.url)
    return world


def test_a_mail_arrives_in_both_forms_with_headers_that_stop_answering_machines(
    sending: World, smtp: MailServer
) -> None:
    case_id = sending.open()
    messages.compose(sending.engine)
    assert mailer.deliver(sending.engine, worker="one") == Delivered(sent=1)
    (mail,) = smtp.received
    row = _rows(sending)[0]
    assert mail.sender == "startklar@programm.example"
    assert mail.recipients == ("digi@startklar.example",)
    headers = mail.message
    assert headers["From"] == "Startklar <startklar@programm.example>"
    assert headers["To"] == "digi@startklar.example"
    assert headers["Subject"] == row.subject
    assert headers["Message-ID"] == row.header_id
    assert headers["In-Reply-To"] == headers["References"] == f"<case.{case_id.hex}@programm.example>"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["X-Auto-Response-Suppress"] == "All"
    assert headers["List-Id"] == "Startklar <notices.startklar.example>"
    assert headers["Content-Language"] == "de"
    assert email.utils.parsedate_to_datetime(headers["Date"]) == row.written_at
    assert headers.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in headers.iter_parts()] == ["text/plain", "text/html"]
    link = "https://startklar.example/reply/"
    assert link in mail.text
    assert link in mail.html
    assert (row.status, row.try_at, row.claimed_by, row.tries) == ("sent", None, None, 1)
    assert row.sent_at is not None
    assert mailer.deliver(sending.engine, worker="one") == Delivered()
    assert len(smtp.received) == 1


def test_a_refusal_for_now_is_tried_again_after_one_two_four_minutes(sending: World, smtp: MailServer) -> None:
    sending.open()
    messages.compose(sending.engine)
    smtp.refuse("digi@startklar.example", 451, "greylisted, digi@startklar.example")
    for tries, minutes in ((1, 1), (2, 2), (3, 4)):
        assert mailer.deliver(sending.engine, worker="one") == Delivered(postponed=1)
        row = _rows(sending)[0]
        assert (row.status, row.tries) == ("queued", tries)
        assert row.last_error == "451: greylisted, …"
        assert abs(row.try_at - real_now() - dt.timedelta(minutes=minutes)) < dt.timedelta(seconds=20)
        assert mailer.deliver(sending.engine, worker="one") == Delivered()  # not before its time
        _let_time_come(sending)
    smtp.accept_again()
    assert mailer.deliver(sending.engine, worker="one") == Delivered(sent=1)
    assert len(smtp.received) == 1


def test_a_refusal_for_good_fails_at_once_and_stops_no_other(
    sending: World, smtp: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    sending.open()
    sending.open(body=EMPTY_TOWN)
    messages.compose(sending.engine)
    smtp.refuse("digi@startklar.example", 550)
    with caplog.at_level(logging.INFO):
        assert mailer.deliver(sending.engine, worker="one") == Delivered(sent=1, failed=1)
    assert [mail.recipients for mail in smtp.received] == [("other-team@startklar.example",)]
    failed = next(row for row in _rows(sending) if row.address == "digi@startklar.example")
    assert (failed.status, failed.try_at, failed.last_error) == ("failed", None, "550: no such mailbox")
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("workflow"))
    assert "550" in said
    assert "digi@" not in said


@pytest.mark.parametrize(
    ("answer", "status", "failure"),
    [
        ("550 no such mailbox", "failed", "recipient"),
        ("550 5.1.1 <digi@startklar.example>: unknown", "failed", "recipient"),
        ("552 5.2.2 mailbox full", "failed", "recipient"),
        ("451 4.7.1 greylisted", "queued", None),
        ("554 5.7.1 relay access denied", "queued", None),
        ("550 5.1.8 bad sender's system address", "queued", None),
        ("552 5.2.3 message too large", "failed", "content"),
        ("555 parameters not recognized", "queued", None),
    ],
)
def test_what_is_said_to_the_recipient_marks_the_address_only_when_it_is_about_the_address(
    sending: World, smtp: MailServer, answer: str, status: str, failure: str | None
) -> None:
    sending.open()
    messages.compose(sending.engine)
    code, _, words = answer.partition(" ")
    smtp.refuse("digi@startklar.example", int(code), words)
    mailer.deliver(sending.engine, worker="one")
    (row,) = _rows(sending)
    assert (row.status, row.failure, row.failed_at is not None) == (status, failure, status == "failed")
    assert "digi@" not in row.last_error
    marked = _person(sending, "digi")
    assert (marked.bounced_at is not None) == (failure == "recipient")
    if failure == "recipient":
        assert marked.bounce_reason == row.last_error


@pytest.mark.parametrize(
    ("answer", "status", "failure"),
    [
        ("452 too busy", "queued", None),
        ("554 this is spam", "failed", "content"),
        ("550 5.7.1 content rejected", "failed", "content"),
        ("550 5.6.0 cannot be converted", "failed", "content"),
        ("550 5.1.1 no such user", "failed", "recipient"),
    ],
)
def test_a_refusal_of_the_content_leaves_the_address_alone_unless_it_names_it(
    sending: World, smtp: MailServer, answer: str, status: str, failure: str | None
) -> None:
    sending.open()
    messages.compose(sending.engine)
    code, _, words = answer.partition(" ")
    smtp.refuse_all(int(code), words)
    mailer.deliver(sending.engine, worker="one")
    (row,) = _rows(sending)
    assert (row.status, row.failure) == (status, failure)
    assert (_person(sending, "digi").bounced_at is not None) == (failure == "recipient")


def test_mail_to_a_marked_address_is_not_even_tried(sending: World, smtp: MailServer) -> None:
    smtp.refuse("digi@startklar.example", 550)
    _queue(sending)
    assert mailer.deliver(sending.engine, worker="one") == Delivered(failed=1)
    smtp.accept_again()
    _queue(sending)
    assert mailer.deliver(sending.engine, worker="one") == Delivered(failed=1)
    assert sorted(row.failure for row in _rows(sending)) == ["marked", "recipient"]
    assert smtp.received == []


def test_an_address_that_is_not_the_persons_any_more_marks_nobody(sending: World, smtp: MailServer) -> None:
    smtp.refuse("alt@startklar.example", 550)
    _queue(sending, address="alt@startklar.example")
    assert mailer.deliver(sending.engine, worker="one") == Delivered(failed=1)
    assert _person(sending, "digi").bounced_at is None


def test_what_is_our_own_trouble_never_costs_a_mail(sending: World, smtp: MailServer) -> None:
    """A relay that is down for a week fails no mail and marks nobody: they go out when it is there again."""
    sending.open()
    messages.compose(sending.engine)
    _send_to(sending, f"smtp://127.0.0.1:{free_port()}")
    for _ in range(40):
        assert mailer.deliver(sending.engine, worker="one") == Delivered(postponed=1)
        _let_time_come(sending)
    (row,) = _rows(sending)
    assert (row.status, row.tries, row.failure) == ("queued", 0, None)
    with sending.engine.change(SYSTEM) as work:
        begun = real_now() - dt.timedelta(days=7)
        work.session.execute(sa.update(Message).values(tried_at=begun))
    mailer.deliver(sending.engine, worker="one")
    assert _rows(sending)[0].try_at - real_now() <= dt.timedelta(minutes=30)
    _let_time_come(sending)
    _send_to(sending, smtp.url)
    assert mailer.deliver(sending.engine, worker="one") == Delivered(sent=1)


def test_a_server_that_is_full_for_days_costs_no_mail(sending: World, smtp: MailServer) -> None:
    _queue(sending)
    smtp.refuse_all(452, "4.3.1 insufficient system storage")
    for _ in range(40):
        assert mailer.deliver(sending.engine, worker="one") == Delivered(postponed=1)
        _let_time_come(sending)
    smtp.accept_again()
    assert mailer.deliver(sending.engine, worker="one") == Delivered(sent=1)


def test_the_envelope_names_the_mail_where_there_is_a_mailbox_for_bounces(sending: World, smtp: MailServer) -> None:
    sending.engine.settings = dataclasses.replace(sending.engine.settings, bounces_to="bounces@programm.example")
    message_id = _queue(sending)
    assert mailer.deliver(sending.engine, worker="one") == Delivered(sent=1)
    (mail,) = smtp.received
    assert mail.sender == f"bounces+{message_id.hex}@programm.example"
    assert mail.message["From"] == "Startklar <startklar@programm.example>"


def test_a_server_that_knows_reports_of_delivery_is_told_the_mails_name_and_to_report_failures_only(
    world: World,
) -> None:
    with _Server(_Reports()) as server:
        _send_to(world, server.url)
        message_id = _queue(world)
        assert mailer.deliver(world.engine, worker="one") == Delivered(sent=1)
        assert isinstance(server.handler, _Reports)
        assert {"RET=HDRS", f"ENVID={message_id.hex}"} <= set(server.handler.mail_options)
        assert server.handler.rcpt_options == ["NOTIFY=FAILURE"]


def test_a_mail_too_large_for_the_server_is_a_dead_letter_and_not_our_senders_fault(world: World) -> None:
    with _Server(_DislikesSender("552 5.3.4 message size exceeds fixed limit")) as server:
        _send_to(world, server.url)
        _queue(world)
        assert mailer.deliver(world.engine, worker="one") == Delivered(failed=1)
    assert (_rows(world)[0].failure, _person(world, "digi").bounced_at) == ("content", None)


def test_a_server_that_falls_silent_or_drops_the_line_costs_no_mail(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailer, "_TIMEOUT_SECONDS", 0.3)
    for handler in (_FallsSilent(), _DropsTheLine()):
        with _Server(handler) as server:
            _send_to(world, server.url)
            message_id = _queue(world)
            assert mailer.deliver(world.engine, worker="one") == Delivered(postponed=1)
        row = next(row for row in _rows(world) if row.id == message_id)
        assert (row.status, row.tries, row.failure) == ("queued", 1, None)
        assert "the connection was lost" in row.last_error
    assert _person(world, "digi").bounced_at is None


def test_a_server_that_is_down_postpones_everything_and_is_asked_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    _send_to(world, f"smtp://127.0.0.1:{free_port()}")
    world.open()
    world.open(body=EMPTY_TOWN)
    messages.compose(world.engine)
    assert mailer.deliver(world.engine, worker="one") == Delivered(postponed=2)
    assert caplog.text.count("the mail server cannot be used") == 1 + 2  # once for the server, once for each mail
    assert {row.status for row in _rows(world)} == {"queued"}


def test_a_mail_that_cannot_be_delivered_for_a_day_fails(sending: World, smtp: MailServer) -> None:
    sending.open()
    messages.compose(sending.engine)
    smtp.refuse_all(451)
    outcomes = []
    while _rows(sending)[0].status == "queued":
        outcomes.append(mailer.deliver(sending.engine, worker="one"))
        _let_time_come(sending)
    assert outcomes[:-1] == [Delivered(postponed=1)] * (len(outcomes) - 1)
    assert outcomes[-1] == Delivered(failed=1)
    assert 10 < len(outcomes) < 40


def test_what_piled_up_while_the_server_was_away_comes_when_mail_comes_and_not_all_at_once(
    sending: World, smtp: MailServer
) -> None:
    """Only where the process has the time of the wall: there a mail's day is a day."""
    for _ in range(6):
        _queue(sending)
    with sending.engine.change(SYSTEM) as work:
        days = messages.days_of(work, sending["digi"], None)
        assert days is not None
        last_week = real_now().date() - dt.timedelta(days=7)
        work.session.execute(sa.update(Message).values(day=last_week))
        work.session.execute(sa.update(Installation).values(clock="system"))
    free = days.is_free(real_now())
    for _ in range(2):
        mailer.deliver(sending.engine, worker="one")
        assert len(smtp.received) == (4 if free else 0)
        waiting = [row for row in _rows(sending) if row.status == "queued"]
        assert len(waiting) == (2 if free else 6)
        assert {row.tries for row in waiting} == {0}
        assert all(real_now() < row.try_at <= real_now() + mailer.LONGEST_WAIT for row in waiting)
        _let_time_come(sending)
    with sending.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Installation).values(clock="manual"))
    mailer.deliver(sending.engine, worker="one")
    assert len(smtp.received) == 6


def test_a_clock_that_was_set_back_keeps_no_mail_waiting(sending: World, smtp: MailServer) -> None:
    sending.open()
    messages.compose(sending.engine)
    with sending.engine.change(SYSTEM) as work:  # written while the clock of the machine was days ahead
        work.session.execute(sa.update(Message).values(try_at=real_now() + dt.timedelta(days=3)))
    assert mailer.deliver(sending.engine, worker="one") == Delivered(sent=1)
    assert len(smtp.received) == 1


@given(st.integers(min_value=1, max_value=200))
def test_waiting_grows_and_ends_within_a_day(tries: int) -> None:
    waits = []
    for number in range(1, tries + 1):
        wait = mailer.wait_after(number)
        if wait is None:
            break
        waits.append(wait)
    assert waits == sorted(waits)
    assert sum(waits, dt.timedelta()) <= mailer.GIVE_UP_AFTER
    assert all(dt.timedelta(minutes=1) <= wait <= mailer.LONGEST_WAIT for wait in waits)


def test_a_sender_the_server_dislikes_costs_no_recipient_the_mail(world: World) -> None:
    """It is our fault, so the mail waits until somebody has mended the settings."""
    with _Server(_DislikesSender()) as server:
        _send_to(world, server.url)
        world.open()
        messages.compose(world.engine)
        assert mailer.deliver(world.engine, worker="one") == Delivered(postponed=1)
    assert _rows(world)[0].last_error.startswith("550")


def test_a_server_that_hangs_up_after_each_mail_still_gets_them_all(world: World) -> None:
    with _Server(_HangsUp()) as server:
        _send_to(world, server.url)
        world.open()
        world.open(body=EMPTY_TOWN)
        world.open(body=STRANGE_TOWN)
        messages.compose(world.engine)
        assert mailer.deliver(world.engine, worker="one") == Delivered(sent=3)
        assert len(server.handler.received) == 3


def test_a_worker_killed_between_sending_and_writing_it_down_sends_again_under_the_same_id(
    sending: World, smtp: MailServer
) -> None:
    sending.open()
    messages.compose(sending.engine)
    with _Server(_Kills()) as server:
        killed = subprocess.run(
            [sys.executable, "-c", _DELIVER],
            env=os.environ
            | {
                "STARTKLAR_DATABASE_URL": sending.engine.settings.database_url,
                "STARTKLAR_SMTP_URL": server.url,
                "STARTKLAR_MAIL_FROM": "startklar@programm.example",
            },
            check=False,
            timeout=60,
        )
        assert killed.returncode == -signal.SIGKILL
        (first,) = server.handler.received
    row = _rows(sending)[0]
    assert (row.status, row.tries, row.claimed_by) == ("queued", 1, "victim")
    assert mailer.deliver(sending.engine, worker="heir") == Delivered()  # the claim still counts
    _let_time_come(sending)
    assert mailer.deliver(sending.engine, worker="heir") == Delivered(sent=1)
    assert smtp.received[0].message["Message-ID"] == first["Message-ID"] == row.header_id


def test_a_mail_that_every_worker_dies_of_fails_in_the_end(sending: World, smtp: MailServer) -> None:
    sending.open()
    messages.compose(sending.engine)
    with sending.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Message).values(tries=100))
    assert mailer.deliver(sending.engine, worker="one") == Delivered(failed=1)
    assert smtp.received == []


def test_two_that_deliver_at_once_send_each_mail_once(sending: World, smtp: MailServer) -> None:
    sending.open()
    messages.compose(sending.engine)
    for number in range(30):
        _queue(sending, subject=f"Nummer {number}")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda name: mailer.deliver(sending.engine, worker=name), "abcd"))
    assert sum(part.sent for part in done) == 31
    ids = [mail.message["Message-ID"] for mail in smtp.received]
    assert len(ids) == len(set(ids)) == 31


def test_what_was_only_recorded_is_never_sent(sending: World, smtp: MailServer) -> None:
    sending.open()
    messages.compose(sending.engine)
    with sending.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Message).values(status="recorded"))
    assert mailer.deliver(sending.engine, worker="one") == Delivered()
    assert smtp.received == []


def test_without_a_mail_server_mails_wait_and_the_log_says_so_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    mailer._say_once_that_mail_waits.cache_clear()
    world.open()
    messages.compose(world.engine)
    for _ in range(3):
        assert mailer.deliver(world.engine, worker="one") == Delivered()
    assert caplog.text.count("STARTKLAR_SMTP_URL is not set") == 1
    assert (_rows(world)[0].status, _rows(world)[0].tries) == ("queued", 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": "Hallo\r\nBcc: boese@example.org"},
        {"subject": "Hallo\nBcc: boese@example.org"},
        {"address": "digi@startklar.example\r\nBcc: boese@example.org"},
        {"address": "digi@startklar.example, boese@example.org"},
        {"header_id": "<a@b>\r\nBcc: boese@example.org"},
        {"in_reply_to": "<a@b>\r\nBcc: boese@example.org"},
        {"address": "kein Postfach"},
        {"address": ""},
        {"address": None},
    ],
)
def test_nothing_can_slip_in_another_header_or_recipient(
    sending: World, smtp: MailServer, fields: dict[str, str | None]
) -> None:
    _queue(sending, **fields)
    _queue(sending, subject="Die gute")
    done = mailer.deliver(sending.engine, worker="one")
    for mail in smtp.received:
        assert mail.recipients == ("digi@startklar.example",)
        assert mail.message["Bcc"] is None
    assert "Die gute" in [mail.message["Subject"] for mail in smtp.received]
    assert done.sent + done.failed == 2


def test_a_very_long_subject_with_umlauts_arrives_unharmed(sending: World, smtp: MailServer) -> None:
    subject = "Überfällige Prüfung der Öffnungsklausel für Straßenfeste – " * 3
    _queue(sending, subject=subject.strip(), plain="Grüße: „äöüß“\n", html="<p>Grüße: „äöüß“ €</p>")
    mailer.deliver(sending.engine, worker="one")
    (mail,) = smtp.received
    assert mail.message["Subject"] == subject.strip()
    assert mail.text.strip() == "Grüße: „äöüß“"
    assert mail.html.strip() == "<p>Grüße: „äöüß“ €</p>"


def test_no_subject_loses_a_blank_between_its_words(sending: World, smtp: MailServer) -> None:
    with sending.look() as work:
        names = sorted(work.session.execute(sa.select(Body.display_name)).scalars())[::4]
    subjects = [f"Neue Aufgabe: Vormerkung annehmen oder Interesse bekunden ({name}) [uvg-1]" for name in names]
    subjects.append(
        "Neue Aufgabe: Vormerkung annehmen oder Interesse bekunden (Landkreis Südliche Weinstraße) [wohngeld-07337-1]"
    )
    for subject in subjects:
        _queue(sending, subject=subject)
    mailer.deliver(sending.engine, worker="one")
    assert sorted(mail.message["Subject"] for mail in smtp.received) == sorted(subjects)


def test_the_mail_server_may_ask_for_a_password(world: World) -> None:
    with _Server(_Keeps(), password=("startklar", "g:e/h@eim")) as server:
        world.open()
        messages.compose(world.engine)
        _send_to(world, server.url.replace("smtp://", "smtp://startklar:falsch@"))
        assert mailer.deliver(world.engine, worker="one") == Delivered(postponed=1)
        _let_time_come(world)
        _send_to(world, server.url.replace("smtp://", "smtp://startklar:g%3Ae%2Fh%40eim@"))
        assert mailer.deliver(world.engine, worker="one") == Delivered(sent=1)


def test_encryption_that_is_asked_for_and_not_offered_sends_nothing(sending: World, smtp: MailServer) -> None:
    _send_to(sending, f"{smtp.url}?starttls=1")
    sending.open()
    messages.compose(sending.engine)
    assert mailer.deliver(sending.engine, worker="one") == Delivered(postponed=1)
    assert smtp.received == []


@pytest.mark.parametrize("url", ["smtp://", "smtp://host:99999", "smtp://host?tls=1", "http://host"])
def test_an_address_of_a_mail_server_that_makes_no_sense_is_refused(world: World, url: str) -> None:
    _send_to(world, url)
    with pytest.raises(Unready) as refusal:
        mailer.deliver(world.engine, worker="one")
    assert refusal.value.facts["name"] == "STARTKLAR_SMTP_URL"


# --- mail servers with a mind of their own ---------------------------------------------------------------------------


class _Keeps:
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self.received.append(email.message_from_bytes(content, policy=email.policy.default))
        return self.answer(server)

    def answer(self, server: SMTP) -> str:
        """What it says to a mail it has kept."""
        return "250 kept"


class _HangsUp(_Keeps):
    """Ends the connection after each mail, as servers do that count them."""

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if getattr(session, "had_one", False):
            return "421 too many mails in one connection"
        session.had_one = True  # type: ignore[attr-defined]
        envelope.mail_from = address
        return "250 OK"


class _DislikesSender(_Keeps):
    """Takes nothing from us."""

    def __init__(self, words: str = "550 sender not allowed") -> None:
        super().__init__()
        self.words = words

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        return self.words


class _Reports(_Keeps):
    """Knows delivery status notifications (RFC 3461)."""

    def __init__(self) -> None:
        super().__init__()
        self.mail_options: list[str] = []
        self.rcpt_options: list[str] = []

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-DSN", *responses[1:]]


class _ReportingController(Controller):
    """A server with the extension, which this library does not have: it takes the parameters and forgets them."""

    handler: _Reports

    def factory(self) -> SMTP:
        handler = self.handler

        class Reporting(SMTP):
            @syntax("MAIL")
            async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
                address, *options = (arg or "").split()
                handler.mail_options = options
                await super().smtp_MAIL(address)

            @syntax("RCPT")
            async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
                address, *options = (arg or "").split()
                handler.rcpt_options = options
                await super().smtp_RCPT(address)

        return Reporting(handler, **self.SMTP_kwargs)


class _FallsSilent(_Keeps):
    """Does not answer to the content within the time anybody waits."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(1)
        return "250 too late"


class _DropsTheLine(_Keeps):
    """Is gone in the middle of a conversation."""

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        assert server.transport is not None
        server.transport.close()
        return "250 OK"


class _Kills(_Keeps):
    """Keeps a mail and kills who sent it before it can write that down."""

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.victim = int(hostname.removeprefix("pid-").removesuffix(".example"))
        return responses

    def answer(self, server: SMTP) -> str:
        os.kill(self.victim, signal.SIGKILL)
        return "250 kept"


class _Server:
    """A mail server for the length of a block."""

    def __init__(self, handler: _Keeps, *, password: tuple[str, str] | None = None) -> None:
        self.handler = handler
        self.port = free_port()
        options: dict[str, Any] = {}
        if password is not None:
            options = {
                "authenticator": lambda *given: AuthResult(success=given[-1] == _login(*password), handled=False),
                "auth_require_tls": False,
            }
        kind = _ReportingController if isinstance(handler, _Reports) else Controller
        self._controller = kind(handler, hostname="127.0.0.1", port=self.port, **options)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def __enter__(self) -> _Server:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop(no_assert=True)


def _login(name: str, password: str) -> LoginPassword:
    return LoginPassword(name.encode(), password.encode())


_DELIVER = """
import os, socket
socket.getfqdn = lambda *_: f"pid-{os.getpid()}.example"  # the server learns whom to kill from the greeting
from workflow import mailer, settings, start
mailer.deliver(start.engine(settings.read()), worker="victim")
"""

# --- helpers ---------------------------------------------------------------------------------------------------------


def _send_to(world: World, url: str) -> None:
    world.engine.settings = dataclasses.replace(
        world.engine.settings,
        smtp_url=url,
        base_url="https://startklar.example",
        mail_from="Startklar <startklar@programm.example>",
    )


def _rows(world: World) -> list[Any]:
    with world.look() as work:
        return list(work.session.execute(sa.select(Message.__table__).order_by(Message.address, Message.id)))


def _person(world: World, name: str) -> Any:
    with world.look() as work:
        return work.session.execute(sa.select(Person.__table__).where(Person.id == world[name])).one()


def _let_time_come(world: World) -> None:
    """As if every waiting mail had waited long enough."""
    with world.engine.change(SYSTEM) as work:
        work.session.execute(
            sa.update(Message).where(Message.try_at.is_not(None)).values(try_at=real_now() - dt.timedelta(seconds=1))
        )


def _queue(world: World, **fields: str | None) -> UUID:
    """A message in the outbox as it stands, whatever is in it."""
    message_id = uuid4()
    values: dict[str, Any] = {
        "id": message_id,
        "key": message_id.hex * 2,
        "recipient_id": world["digi"],
        "address": "digi@startklar.example",
        "header_id": f"<{message_id.hex}@programm.example>",
        "language": "de",
        "subject": "Betreff",
        "plain": "Text\n",
        "html": "<p>Text</p>",
        "status": "queued",
        "try_at": real_now(),
        **fields,
    }
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.insert(Message).values(written_at=work.now, **values))
    return message_id


@pytest.fixture(autouse=True)
def _no_name_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for this machine's full name may take seconds where there is no name server."""
    monkeypatch.setattr("socket.getfqdn", lambda *_: "localhost")
