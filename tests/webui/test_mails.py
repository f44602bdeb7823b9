"""The page on delivery: who may see what, addresses mended, dead letters sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.webui.visitor import Visitor, words
from tests.world import TOWN, World
from workflow import mailboxes, troubles
from workflow.database import real_now
from workflow.engine import SYSTEM
from workflow.models import Mailbox, Message, Person

SUBJECT = "Neue Aufgabe: Vormerkung annehmen [wohngeld-07339-1]"


@pytest.fixture
def failed(world: World) -> UUID:
    """The town's digi cannot be reached, and a mail to the Kasse was refused for its content."""
    with world.engine.change(SYSTEM) as work:
        marked = {"bounced_at": work.now, "bounce_reason": "5.1.1: unknown user"}
        work.session.execute(sa.update(Person).where(Person.id == world["digi"]).values(marked))
    _dead(world, "digi", "recipient")
    return _dead(world, "kasse", "content")


@pytest.mark.parametrize("who", ["digi", "leitung", "team", "supervisor", "auditor", "operator", "stranger"])
def test_the_page_is_for_administrators_and_the_programme_office(
    visit: Callable[[str], Visitor], failed: UUID, who: str
) -> None:
    visitor = visit(who)
    answer = visitor.get("/mails")
    assert answer.status_code == 403
    assert "unknown user" not in answer.text
    assert 'href="/mails"' not in visitor.get("/").text


def test_an_administrator_sees_addresses_and_no_cases(visit: Callable[[str], Visitor], failed: UUID) -> None:
    visitor = visit("admin")
    page = visitor.get("/mails").text
    said = words(page)
    assert "digi@startklar.example" in said
    assert "5.1.1: unknown user" in said
    assert "2 Mails sind nicht angekommen" in said
    assert "wohngeld" not in page
    assert "Vormerkung" not in page
    assert 'href="/mails"' in visitor.get("/admin").text


def test_the_programme_office_sees_what_it_was_about_and_no_addresses(
    visit: Callable[[str], Visitor], failed: UUID
) -> None:
    visitor = visit("office")
    page = visitor.get("/mails").text
    assert SUBJECT in words(page)
    assert "digi@startklar.example" not in page
    assert "kasse@startklar.example" not in page
    assert "Neue E-Mail-Adresse" not in words(page)
    assert 'href="/mails"' in visitor.get("/").text


def test_the_first_page_tells_those_who_can_mend_it(visit: Callable[[str], Visitor], failed: UUID) -> None:
    for who, told in (("office", True), ("team", False), ("digi", False)):
        assert ("Eine Adresse für E-Mail funktioniert nicht" in words(visit(who).get("/").text)) is told, who
    assert "Eine Adresse funktioniert nicht" in words(visit("admin").get("/admin").text)


def test_a_mailbox_that_does_not_work_is_shown_too(visit: Callable[[str], Visitor], world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        box = mailboxes.set_up(work, mailboxes.Place(body=TOWN), "kasse", "kasse@town.example").id
        marked = {"bounced_at": work.now, "bounce_reason": "5.2.1: disabled"}
        work.session.execute(sa.update(Mailbox).where(Mailbox.id == box).values(marked))
    page = words(visit("admin").get("/mails").text)
    assert "Kasse, Landkreis Mainz-Bingen kasse@town.example" in page
    assert "5.2.1: disabled" in page
    assert "kasse@town.example" not in visit("office").get("/mails").text


def test_a_new_address_ends_it(visit: Callable[[str], Visitor], world: World, failed: UUID) -> None:
    visitor = visit("admin")
    field = f"address-{world['digi']}"
    answer = visitor.post(f"/mails/people/{world['digi']}/address", **{field: "kein Postfach"})
    assert answer.status_code == 422
    assert "Bitte geben Sie eine E-Mail-Adresse ein" in words(answer.text)
    assert 'value="kein Postfach"' in answer.text
    answer = visitor.post(f"/mails/people/{world['digi']}/address", **{field: "leitung@startklar.example"})
    assert answer.status_code == 409
    answer = visitor.post(f"/mails/people/{world['digi']}/address", **{field: "neu@startklar.example"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/mails")
    assert _person(world, "digi").email == "neu@startklar.example"
    page = words(visitor.get("/mails").text)
    assert "Die Adresse ist geändert." in page
    assert "Adressen, die nicht funktionieren" not in page


def test_an_address_works_again(visit: Callable[[str], Visitor], world: World, failed: UUID) -> None:
    visitor = visit("admin")
    assert visitor.post(f"/mails/people/{world['digi']}/works").status_code == 303
    assert _person(world, "digi").bounced_at is None
    assert visitor.post(f"/mails/people/{world['digi']}/works").status_code == 409
    assert visitor.post(f"/mails/people/{UUID(int=1)}/works").status_code == 404
    assert visit("office").post(f"/mails/people/{world['digi']}/works").status_code == 403


def test_a_dead_letter_is_sent_again_once(visit: Callable[[str], Visitor], world: World, failed: UUID) -> None:
    visitor = visit("office")
    assert visitor.post(f"/mails/{failed}/resend").status_code == 303
    assert _message(world, failed).status == "queued"
    answer = visitor.post(f"/mails/{failed}/resend")
    assert answer.status_code == 409
    assert "Nur was gescheitert ist" in words(answer.text)
    assert visitor.post(f"/mails/{UUID(int=1)}/resend").status_code == 404
    assert visit("team").post(f"/mails/{failed}/resend").status_code == 403


def test_all_are_sent_again_but_those_that_cannot_arrive(
    visit: Callable[[str], Visitor], world: World, failed: UUID
) -> None:
    visitor = visit("admin")
    assert visitor.post("/mails/resend").status_code == 303
    page = words(visitor.get("/mails").text)
    assert "Eine Mail geht noch einmal hinaus." in page
    assert "Eine Mail ist nicht angekommen" in page
    assert visit("team").post("/mails/resend").status_code == 403


def test_what_waits_is_said_with_the_servers_words(visit: Callable[[str], Visitor], world: World) -> None:
    assert "Alles kommt an" in words(visit("admin").get("/mails").text)
    waiting = _dead(world, "kasse", None)
    with world.engine.change(SYSTEM) as work:
        now = real_now()
        tried = {"status": "queued", "try_at": now, "tried_at": now, "failed_at": None, "last_error": "451: busy"}
        work.session.execute(sa.update(Message).where(Message.id == waiting).values(tried))
    page = words(visit("admin").get("/mails").text)
    assert "Eine Mail wartet" in page
    assert "451: busy" in page
    assert "Alles kommt an" not in page


def test_what_cannot_be_decided_is_shown_to_administrators(visit: Callable[[str], Visitor], world: World) -> None:
    for _ in range(2):
        with world.engine.change(SYSTEM) as work:
            troubles.note(work, "task", UUID(int=7), KeyError("somebody's name"))
    page = words(visit("admin").get("/mails").text)
    assert "Über etwas kann nicht entschieden werden" in page
    assert f"task {UUID(int=7)}: KeyError, 2-mal." in page
    assert "somebody" not in page
    assert "Alles kommt an" not in page
    assert "entschieden" not in words(visit("office").get("/mails").text)


def _dead(world: World, who: str, failure: str | None) -> UUID:
    message_id = uuid4()
    with world.engine.change(SYSTEM) as work:
        work.session.execute(
            sa.insert(Message).values(
                id=message_id,
                key=message_id.hex * 2,
                recipient_id=world[who],
                address=f"{who}@startklar.example",
                header_id=f"<{message_id.hex}@programm.example>",
                language="de",
                subject=SUBJECT,
                plain="Text\n",
                html="<p>Text</p>",
                written_at=work.now,
                status="failed",
                failure=failure,
                failed_at=real_now(),
                last_error="554: no",
            )
        )
    return message_id


def _message(world: World, message_id: UUID) -> Any:
    with world.look() as work:
        return work.session.execute(sa.select(Message.__table__).where(Message.id == message_id)).one()


def _person(world: World, who: str) -> Any:
    with world.look() as work:
        return work.session.execute(sa.select(Person.__table__).where(Person.id == world[who])).one()
