"""The mail catcher: it keeps everything, shows it harmlessly, and still has it after a restart."""

import http.client
import json
import smtplib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from demo.example import GONE
from demo.mail import Mailbox, catch, first_language, listen, outward


@dataclass(frozen=True, slots=True)
class Post:
    """A running mail catcher."""

    smtp: int
    pages: int

    def send(self, message: EmailMessage | str, *, to: str = "digi@ingelheim.example") -> None:
        """Hand a message in, as the product does."""
        content = message if isinstance(message, str) else message.as_bytes()
        with smtplib.SMTP("127.0.0.1", self.smtp) as peer:
            peer.sendmail("startklar@programm.example", [to], content)

    def get(self, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, str]:
        """Status, headers and body of a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.pages, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def messages(self) -> list[dict[str, Any]]:
        """What the API answers."""
        return list(json.loads(self.get("/api/messages")[2]))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Post]]:
    """Starts a mail catcher over one file; a second call restarts it."""
    stops: list[Callable[[], None]] = []

    def again() -> Post:
        while stops:
            stops.pop()()
        box = Mailbox(tmp_path / "mails.jsonl")
        server, pages = catch(0, box, unknown=[GONE]), listen(0, box)
        thread = threading.Thread(target=pages.serve_forever, args=(0.01,))
        thread.start()
        stops.extend([thread.join, pages.server_close, pages.shutdown, server.stop])
        return Post(server.port, int(pages.server_address[1]))

    yield again
    while stops:
        stops.pop()()


@pytest.fixture
def post(start: Callable[[], Post]) -> Post:
    """A mail catcher that has just been started."""
    return start()


def letter(subject: str, text: str = "Guten Tag", html: str | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Startklar <startklar@programm.example>"
    message["To"] = "digi@ingelheim.example"
    message["Subject"] = subject
    message["Message-ID"] = f"<{abs(hash(subject))}@programm.example>"
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def test_a_message_is_told_whole_and_the_newest_comes_first(post: Post) -> None:
    post.send(
        letter("Erinnerung: Nutzungsbedingungen annehmen", "Fällig morgen – bitte.", "<p>Fällig <b>morgen</b></p>")
    )
    post.send(letter("Überfällig"), to="leitung@ingelheim.example")

    newest, oldest = post.messages()

    assert newest["subject"] == "Überfällig"
    assert newest["to"] == ["leitung@ingelheim.example"]
    assert oldest["from"] == "Startklar <startklar@programm.example>"
    assert oldest["text"].strip() == "Fällig morgen – bitte."
    assert "<b>morgen</b>" in oldest["html"]
    assert oldest["headers"]["Subject"] == "Erinnerung: Nutzungsbedingungen annehmen"
    assert set(oldest) == {"id", "at", "from", "to", "subject", "text", "html", "headers"}


def test_an_address_it_does_not_know_is_refused_for_good(start: Callable[[], Post]) -> None:
    post = start()
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        post.send(letter("Erinnerung"), to=GONE)
    assert refused.value.recipients == {GONE: (550, b"5.1.1 unknown user")}
    assert post.messages() == []


def test_messages_are_still_there_after_a_restart_even_if_the_last_line_was_torn(
    start: Callable[[], Post], tmp_path: Path
) -> None:
    start().send(letter("Erinnerung"))
    with (tmp_path / "mails.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "torn", "at": "2026-')

    again = start()

    assert [message["subject"] for message in again.messages()] == ["Erinnerung"]
    again.send(letter("Danach"))
    assert [message["subject"] for message in start().messages()] == ["Danach", "Erinnerung"]


def test_a_hostile_message_does_nothing_on_the_pages(post: Post) -> None:
    evil = "<script>document.title='caught'</script><img src=x onerror=alert(1)>"
    post.send(letter(evil, evil, evil), to="a@x.example")
    mail_id = post.messages()[0]["id"]

    for path in ("/", f"/mails/{mail_id}"):
        status, headers, page = post.get(path)
        assert status == 200
        assert "<script" not in page
        assert "onerror" not in page or "&lt;img" in page
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]

    _, headers, part = post.get(f"/mails/{mail_id}/html")
    assert evil in part
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize(
    "broken",
    [
        "no header at all",
        "Content-Type: text/plain; charset=klingon\r\n\r\n\u00e4",
        "Subject: =?utf-8?b?!!!?=\r\nFrom: <<>>,,\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nnothing",
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%",
        "Message-ID: <\r\nDate: never\r\nTo: a@[\r\n\r\nx",
        "",
    ],
)
def test_a_broken_message_is_shown_as_well_as_can_be(post: Post, broken: str) -> None:
    with smtplib.SMTP("127.0.0.1", post.smtp) as peer:
        peer.sendmail("startklar@programm.example", ["a@x.example"], broken.encode("latin-1"))

    (message,) = post.messages()
    assert post.get(f"/mails/{message['id']}")[0] == 200
    assert post.get(f"/mails/{message['id']}/html")[0] == 200


def test_pages_speak_german_or_english_as_asked(post: Post) -> None:
    assert "Noch keine Mails" in post.get("/")[2]
    assert "No mails yet" in post.get("/", **{"Accept-Language": "fr, en-GB;q=0.8, de;q=0.5"})[2]
    assert "No mails yet" in post.get("/?lang=en", **{"Accept-Language": "de"})[2]
    assert "Diese Seite gibt es nicht" in post.get("/mails/none?lang=de")[2]
    assert post.get("/mails/none")[0] == 404


def test_mails_can_be_narrowed_to_one_address(post: Post) -> None:
    post.send(letter("eins"), to="a@x.example")
    post.send(letter("zwei"), to="b@x.example")

    page = post.get("/?to=A%40x.example")[2]

    assert "eins" in page
    assert "zwei" not in page


def test_another_sites_name_that_points_here_gets_nothing(post: Post) -> None:
    post.send(letter("vertraulich"))

    status, _, body = post.get("/api/messages", Host="evil.example:8025")

    assert status == 421
    assert "vertraulich" not in body


def test_a_busy_port_is_replaced_by_a_free_one(post: Post, tmp_path: Path) -> None:
    box = Mailbox(tmp_path / "others.jsonl")
    with listen(post.pages, box) as pages:
        assert pages.server_address[1] != post.pages
    server = catch(post.smtp, box)
    server.stop(no_assert=True)
    assert server.port != post.smtp


def test_links_of_a_mail_open_in_a_window_of_their_own() -> None:
    assert outward("<html><head><title>x</title></head>") == '<html><head><base target="_blank"><title>x</title></head>'
    assert outward("<p>x</p>") == '<base target="_blank"><p>x</p>'


def test_the_first_language_of_ours_counts() -> None:
    assert first_language("en-US,en;q=0.9,de;q=0.8") == "en"
    assert first_language("fr;q=0.9, de-AT") == "de"
    assert first_language("") == "de"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit_a_phone(post: Post, browser: Browser, scheme: Any) -> None:
    long = "Überfällig: Zuständigkeitsredaktionsansprechpersonbenennungsbestätigung " * 2
    post.send(letter(long, "Bitte nehmen Sie die Nutzungsbedingungen an.\n" * 3, "<h1>Hallo</h1><p>Bitte.</p>"))
    mail_id = post.messages()[0]["id"]
    context = browser.new_context(viewport={"width": 320, "height": 640}, color_scheme=scheme, locale="de-DE")
    complaints: list[str] = []
    try:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for path in ("/", "/?to=nobody@x.example", f"/mails/{mail_id}", "/mails/none"):
            page.goto(f"http://127.0.0.1:{post.pages}{path}")
            assert Axe().run(page).response["violations"] == []
            assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.goto(f"http://127.0.0.1:{post.pages}/")
        page.get_by_role("link", name="Überfällig").click()
        assert page.frame_locator("iframe").get_by_role("heading", name="Hallo").is_visible()
    finally:
        context.close()
    assert [complaint for complaint in complaints if "404" not in complaint] == []
