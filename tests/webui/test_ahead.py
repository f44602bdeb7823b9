"""The page on which the programme office looks ahead at mail."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.databases import DEFINITIONS
from tests.webui import pages
from tests.webui.visitor import Visitor, words
from tests.world import TOWN, World
from workflow import mailboxes, prerequisites

ADDRESS = "/programme/mails"


def chosen(text: str) -> dict[str, tuple[io.BytesIO, str]]:
    """The form with a file."""
    return {"programme": (io.BytesIO(text.encode()), "programme.yaml")}


def test_the_office_looks_ahead_and_compares_a_changed_ladder(world: World, visit: Callable[[str], Visitor]) -> None:
    world.open()
    office = visit("office")
    form = office.get(ADDRESS)
    pages.sound(form.text)
    assert ADDRESS in office.get("/programme").text
    page = office.get(f"{ADDRESS}?days=30")
    pages.sound(page.text)
    assert "Vormerkung annehmen oder Interesse bekunden" in page.text
    assert "short/before_2" in words(page.text)
    table = office.get(f"{ADDRESS}/csv?days=30")
    assert table.headers["Content-Type"].startswith("text/csv")
    assert "before_2" in table.text
    text = (DEFINITIONS / "programme.yaml").read_text(encoding="utf-8")
    changed = text.replace("{id: before_2, at: -2, to: [owner], message: reminder_before}", "", 1)
    changed = changed.replace("      - \n      - {id: due", "      - {id: due", 1)
    compared = office.post(ADDRESS, days="30", **chosen(changed))
    assert compared.status_code == 200, words(compared.text)
    pages.sound(compared.text)
    assert "entfällt" in words(compared.text)


def test_people_are_named_and_no_addresses(world: World, visit: Callable[[str], Visitor]) -> None:
    """Neither the programme office nor auditors know anybody's address from elsewhere."""
    world.open()
    with world.by("team") as work:
        prerequisites.request(work, TOWN, "elster_account")
    with world.by("leitung") as work:
        mailboxes.set_up(work, mailboxes.Place(body=TOWN), "digi", "vorzimmer@mainz-bingen.example")
    for who in ("office", "auditor"):
        page, table = (visit(who).get(f"{ADDRESS}{of}?days=10").text for of in ("", "/csv"))
        for text in (page, table):
            assert "Postfach einer Rolle" in text or "Mailbox of a role" in text
            assert "@mainz-bingen.example" not in text
            assert "@startklar.example" not in text.replace(f"{who}@startklar.example", "")  # who is signed in
        assert table.lstrip("\ufeff").startswith("at;to;subject;text;about;")


def test_a_file_that_cannot_be_used_is_refused_with_each_place(world: World, visit: Callable[[str], Visitor]) -> None:
    office = visit("office")
    for text, said in (("", "Bitte wählen Sie"), ("ladders: {", "programme.yaml:"), ("x" * 200_001, "zu groß")):
        answer = office.post(ADDRESS, days="5", **chosen(text))
        assert answer.status_code == 422
        assert said in words(answer.text)
        pages.sound(answer.text)


def test_of_several_who_look_ahead_at_once_one_does(world: World, visit: Callable[[str], Visitor]) -> None:
    world.open()
    who = [visit("office") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda visitor: visitor.get(f"{ADDRESS}?days=30"), who))
    assert {answer.status_code for answer in answers} == {200, 409}
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert "in einer Minute" in words(refused.text)
    assert who[0].get(f"{ADDRESS}?days=5").status_code == 200


def test_nobody_else_looks_ahead(world: World, visit: Callable[[str], Visitor]) -> None:
    assert visit("auditor").get(f"{ADDRESS}?days=5").status_code == 200
    for who in ("team", "supervisor", "digi", "admin"):
        visitor = visit(who)
        for address in (ADDRESS, f"{ADDRESS}?days=5", f"{ADDRESS}/csv"):
            assert visitor.get(address).status_code == 403, who
        assert visitor.post(ADDRESS, **chosen("")).status_code == 403
