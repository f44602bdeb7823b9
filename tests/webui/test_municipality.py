"""Pages of a town: its own page, the catalogue with a request, and the lists of requests and trainings."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.statements import counted
from tests.webui.pages import hidden, offers, sound
from tests.webui.visitor import Visitor, words
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import cases, people, tasks
from workflow.models import OnboardingRequest, Prerequisite

Visit = Callable[[str], Visitor]


@pytest.fixture
def begun() -> Callable[[World], None]:
    return _a_town_at_work


def _a_town_at_work(world: World) -> None:
    """One case waits for the town, one for its team, one rests for a vendor; a certificate runs out next year."""
    world.open()
    middle = world.open("uvg")
    world.do(middle, "express_interest", "digi")
    resting = world.open("elterngeld")
    with world.by("team") as work:
        cases.hold(
            work,
            resting,
            blocker="fv_vendor_missing",
            reason="Das Modul fehlt.",
            review_on=work.today + dt.timedelta(days=90),
            waits_for="vendor:prosoz",
            promised_on=work.today + dt.timedelta(days=60),
        )
    ready = world.open("ikfz")
    world.finish_state(ready, choose_variant={"wave": "welle-2027-04"})
    with world.engine.change("system") as work:
        later = work.today + dt.timedelta(days=100)
        known = sa.update(Prerequisite).where(Prerequisite.body == TOWN, Prerequisite.kind == "osci_certificate")
        work.session.execute(known.values(valid_until=later))


def test_the_own_page_says_what_is_owed_what_is_awaited_and_what_comes(visit: Visit, world: World) -> None:
    page = visit("leitung").get("/my-municipality").text
    sound(page)
    said = words(page)
    assert "Meine Kommune · Landkreis Mainz-Bingen" in said
    assert "Bis Freitag ist in Ihrer Kommune nichts zu tun." in said
    assert "Auf das Land wart" in said
    assert "Auf das Umsetzungsteam wart" in said
    owed = said[said.index("Was wir noch tun müssen") : said.index("Worauf wir warten")]
    assert "Digitalisierungsbeauftragte:r Digi " in owed
    assert "Vormerkung annehmen oder Interesse bekunden" in owed
    assert "einmal für alle Leistungen" in owed
    awaited = said[said.index("Worauf wir warten") : said.index("Alle Leistungen")]
    assert "Das Land" in awaited
    assert "Nachnutzungsvertrag des Landes" in awaited
    assert "PROSOZ" in awaited.upper()
    assert "zugesagt für" in awaited
    assert "Zuständigkeit und Fallzuschnitt prüfen" in awaited
    year = said[said.index("Das kommende Jahr") :]
    assert "Stichtag: Welle April 2027 Kfz-Zulassung (i-Kfz)" in year
    assert "BEISPIEL: Wohngeld testen und abnehmen" in year
    assert "sagt zu" in year
    assert "Ihre Frist: Mandanten beantragen" in year
    assert re.search(r"Ihr Umsetzungsteam: [^(]+\([^)]*Team", year), "whom to ask"
    assert f'href="/bodies/{TOWN}#prerequisites"' in page
    assert offers(page, "/account/absences")


def test_whoever_works_for_several_bodies_chooses_and_for_none_finds_nothing(visit: Visit, world: World) -> None:
    with world.by("admin") as work:
        people.grant(work, world["digi"], people.parse_role(f"digi@{EMPTY_TOWN}"))
    digi = visit("digi")
    first, second = digi.get("/my-municipality").text, digi.get(f"/my-municipality?body={TOWN}").text
    assert "Meine Kommune · Landkreis Ahrweiler" in words(first)
    assert offers(first, f"/my-municipality?body={TOWN}")
    assert "Meine Kommune · Landkreis Mainz-Bingen" in words(second)
    assert digi.get(f"/my-municipality?body={STRANGE_TOWN}").status_code == 404
    assert visit("team").get("/my-municipality").status_code == 404
    assert "/my-municipality" not in visit("team").get("/services").text
    assert "Kommunen" not in words(digi.get("/services").text).split("Leistungen")[0]


def test_the_own_page_takes_as_many_statements_however_much_there_is(visit: Visit, world: World) -> None:
    digi = visit("digi")
    with counted(world) as before:
        assert digi.get("/my-municipality").status_code == 200
    for service in ("fuehrerschein", "einbuergerung", "aufenthalt", "bafoeg", "bauantrag"):
        world.open(service)
    with counted(world) as after:
        page = digi.get("/my-municipality").text
    assert len(after) == len(before) <= 26
    assert len(page) < 150_000
    with counted(world) as catalogue:
        assert digi.get("/services").status_code == 200
    assert len(catalogue) <= 16
    with counted(world) as service_page:
        assert digi.get("/services/wohngeld").status_code == 200
    assert len(service_page) <= 18


def test_a_town_asks_for_a_service_and_its_team_opens_the_case(visit: Visit, world: World) -> None:
    digi, team = visit("digi"), visit("team")
    catalogue = digi.get("/services").text
    sound(catalogue)
    assert offers(catalogue, f"/services/aufenthalt?body={TOWN}#ask")
    page = digi.get("/services/aufenthalt").text
    sound(page)
    asked = digi.post("/services/aufenthalt/ask", **hidden(page, "/ask"), wish="Wir nutzen <b>ADVIS</b>.")
    assert asked.status_code == 303
    after = digi.get(asked.headers["Location"]).text
    assert "Ihre Anfrage ist beim Umsetzungsteam." in words(after)
    assert "Anbindung anfragen" not in words(after)
    assert "Anfrage läuft" in words(digi.get("/services").text)
    assert "Anfrage läuft" in words(digi.get("/my-municipality").text)

    inbox = team.get("/").text
    assert "1 Anfrage einer Kommune wartet auf Antwort" in words(inbox)
    listed = team.get("/requests").text
    sound(listed)
    assert "Wir nutzen &lt;b&gt;ADVIS&lt;/b&gt;." in listed
    assert "heute gekommen" in words(listed)
    opened = team.post(f"/requests/{_request(world)}/accept", **hidden(listed, "/accept"))
    assert opened.headers["Location"].startswith("/cases/")
    assert "Der Vorgang ist eröffnet." in words(team.get(opened.headers["Location"]).text)
    assert "Vorgang eröffnet" in words(visit("office").get("/requests").text)
    assert "Zum Vorgang" in words(digi.get("/services/aufenthalt").text)


def test_a_refusal_needs_a_reason_and_the_town_reads_it(visit: Visit, world: World) -> None:
    digi, office = visit("leitung"), visit("office")
    digi.post("/services/aufenthalt/ask", body=TOWN)
    request_id = _request(world)
    empty = office.post(f"/requests/{request_id}/decline", reason="")
    assert empty.status_code == 422
    sound(empty.text)
    assert f'id="field-{request_id.hex}-reason-error"' in empty.text
    said = office.post(f"/requests/{request_id}/decline", reason="Erst ab Juni.")
    assert said.headers["Location"] == "/requests"
    assert office.post(f"/requests/{request_id}/accept").status_code == 409
    page = words(digi.get("/services/aufenthalt").text)
    assert "Anfrage abgelehnt" in page
    assert "Erst ab Juni." in page
    assert "Erneut anfragen" in page
    assert "Office" not in page  # who of the Land decided is not told
    digi.post("/services/aufenthalt/ask", body=TOWN)
    assert digi.post("/services/aufenthalt/ask", body=TOWN).status_code == 409
    withdrawn = digi.post(f"/requests/{_request(world)}/withdraw")
    assert withdrawn.headers["Location"] == f"/services/aufenthalt?body={TOWN}"


def test_nobody_asks_for_another_town_or_for_what_runs_already(visit: Visit, world: World) -> None:
    digi = visit("digi")
    assert digi.post("/services/aufenthalt/ask", body=STRANGE_TOWN).status_code == 403
    assert digi.post("/services/aufenthalt/ask", body="x").status_code == 404
    assert digi.post("/services/wohngeld/ask", body=TOWN).status_code == 409
    assert digi.post("/services/nothing/ask", body=TOWN).status_code == 404
    long = digi.post("/services/aufenthalt/ask", body=TOWN, wish="x" * 6000)
    assert long.status_code == 422
    sound(long.text)
    assert "/ask" not in visit("fachamt").get("/services/aufenthalt").text
    assert "Anfragen können die Leitung" in words(visit("fachamt").get("/services/aufenthalt").text)


def test_the_office_announces_trainings_and_calls_them_off(visit: Visit, world: World) -> None:
    office, digi = visit("office"), visit("digi")
    fields = {"answer-title_de": "Elterngeld üben", "answer-held_on": "12.01.2027", "answer-begins_at": "9.30"}
    bad = office.post("/trainings", **{**fields, "answer-held_on": "gestern"})
    assert bad.status_code == 422
    sound(bad.text)
    assert office.post("/trainings", **fields, service="elterngeld").status_code == 303
    page = digi.get("/trainings").text
    sound(page)
    assert "Elterngeld üben" in page
    assert "Schulung ankündigen" not in page
    assert digi.post("/trainings", **fields).status_code == 403
    listed = office.get("/trainings").text
    sound(listed)
    action = listed.split("Elterngeld üben")[1].split('action="')[1].split('"')[0]
    assert digi.post(action).status_code == 403
    assert office.post(action).status_code == 303
    assert office.post(action).status_code == 409
    assert "abgesagt" in words(digi.get("/my-municipality").text)


def test_the_page_of_a_task_that_was_accepted_offers_every_way_on(visit: Visit, world: World) -> None:
    with world.look() as work:
        task = work.session.execute(sa.text("select id from task where name = 'express_interest'")).first()
    assert task is not None
    case_id = world.open("aufenthalt")
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.accept(work, task_id)
    page = visit("digi").get(f"/tasks/{task_id}").text
    for way in ("/submit", "/release", "/hand-on", "/decline"):
        assert offers(page, f"/tasks/{task_id}{way}"), way


def _request(world: World) -> UUID:
    with world.look() as work:
        query = sa.select(OnboardingRequest.id).where(OnboardingRequest.status == "open")
        return work.session.execute(query).scalar_one()
