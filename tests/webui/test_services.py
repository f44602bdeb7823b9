"""Pages of services, milestones and the programme."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.webui.visitor import Visitor, words
from tests.world import World, contents
from workflow import cases, following
from workflow.models import Case, Event, Milestone

CONTRACT = {
    "reached_on": "23.11.2026",
    "answer-contract_reference": "RLP 4/2026",
    "answer-signed_on": "20.11.2026",
    "answer-version": "2.1",
}


@pytest.fixture
def busy(world: World) -> World:
    """Every Wohngeld case is open and waits for the contract of the Land."""
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld"])
    cases.open_planned(world.engine, world["office"], planned)
    return world


def milestone_of(world: World, service: str = "wohngeld") -> UUID:
    with world.look() as work:
        return work.session.execute(
            sa.select(Milestone.id).where(Milestone.service == service, Milestone.kind == "land_contract")
        ).scalar_one()


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found, page
    return found[1]


def test_the_catalogue_counts_states_for_everybody(visit: Callable[[str], Visitor], busy: World) -> None:
    page = visit("stranger").get("/services").text
    assert 'aria-label="44 Kommunen: Wohngeld, Angefragt"' in page
    assert 'href="/services/wohngeld?state=requested#bodies"' in page
    assert "nicht bekannt" in words(page)


def test_a_service_says_what_is_known_and_what_is_not(visit: Callable[[str], Visitor], busy: World) -> None:
    page = visit("digi").get("/services/wohngeld").text
    said = words(page)
    assert "Umsetzendes Land Schleswig-Holstein" in said
    assert "Betrieb Dataport (OSI-Plattform)" in said
    assert "LeiKa-Schlüssel nicht bekannt" in said
    assert "Zuständige Kommunen: vermutet" in said
    assert "XML über FIT-Connect" in said
    assert "0 von 44 Kommunen sind produktiv" in said
    assert page.count('href="/cases/') == 2  # in the own town, and in the list of all
    narrowed = visit("digi").get("/services/wohngeld?state=live").text
    assert "Keine Kommune hat diesen Status" in narrowed


def test_a_service_explains_its_technical_names(visit: Callable[[str], Visitor], world: World) -> None:
    said = words(visit("digi").get("/services/wohngeld").text)
    assert "FIM heißt der Baukasten, aus dem ihre Datenfelder stammen." in said
    assert "Das Deutsche Verwaltungsdiensteverzeichnis (DVDV) sagt dem Online-Dienst, wohin er Anträge schickt." in said
    assert "FIT-Connect überträgt Anträge an Ihre Kommune" in said
    assert "nach dem Onlinezugangsgesetz (OZG)" in said
    english = words(visit("auditor").get("/services/wohngeld").text)
    assert "FIM is the set of building blocks their fields come from." in english


def test_every_link_to_a_milestone_names_it_and_its_service(visit: Callable[[str], Visitor], busy: World) -> None:
    address = f"/milestones/{milestone_of(busy)}"
    with busy.look() as work:
        case_id = work.session.execute(sa.select(Case.id).where(Case.number == "wohngeld-07339-1")).scalar_one()
    for who, page in (
        ("office", "/"),
        ("office", "/services/wohngeld"),
        ("digi", "/services"),
        ("digi", f"/cases/{case_id}"),
    ):
        text = visit(who).get(page).text
        links = re.findall(rf'<a [^>]*href="{address}(?:#plan)?"[^>]*>(.*?)</a>', text, re.DOTALL)
        assert links, page
        for link in links:
            assert "Nachnutzungsvertrag des Landes" in words(link), page
            assert "Wohngeld" in words(link), page


@pytest.mark.parametrize("key", ["steuer", "../wohngeld", "WOHNGELD", "x" * 900])
def test_a_service_nobody_knows_gets_a_sentence(visit: Callable[[str], Visitor], world: World, key: str) -> None:
    answer = visit("digi").get(f"/services/{key}")
    assert answer.status_code == 404
    assert "Diese Seite gibt es nicht" in answer.text


def test_no_state_in_the_address_breaks_a_service(visit: Callable[[str], Visitor], busy: World) -> None:
    visitor = visit("digi")
    for state in ("x", "%F0%9F%99%82", "requested&state=live", "not_open"):
        assert visitor.get(f"/services/wohngeld?state={state}").status_code == 200, state


def test_the_office_plans_a_milestone_with_a_reason(visit: Callable[[str], Visitor], busy: World) -> None:
    address = f"/milestones/{milestone_of(busy)}"
    visitor = visit("office")
    page = visitor.get(address).text
    assert "Eintragen" in visitor.get("/services/wohngeld").text
    answer = visitor.post(f"{address}/plan", seen=seen(page), due_on="15.02.2027", reason="Die Länder verhandeln noch.")
    assert (answer.status_code, answer.location) == (303, address)
    said = words(visitor.get(address).text)
    assert "Der Termin ist gespeichert." in said
    assert "Termin: Mo., 15. Februar 2027 Die Länder verhandeln noch." in said
    assert "fällig am Mo., 15. Februar 2027" in words(visit("digi").get("/services/wohngeld").text)


def test_a_plan_needs_a_day_and_a_reason(visit: Callable[[str], Visitor], busy: World) -> None:
    address = f"/milestones/{milestone_of(busy)}"
    visitor = visit("office")
    for given in (
        {"due_on": "", "reason": "x"},
        {"due_on": "31.02.2027", "reason": "x"},
        {"due_on": "morgen", "reason": "x"},
        {"due_on": "15.02.9999", "reason": "x"},
        {"due_on": "15.02.2027", "reason": ""},
        {"due_on": "15.02.2027", "reason": " \n "},
        {"due_on": "15.02.2027", "reason": "x" * 5001},
        {},
    ):
        answer = visitor.post(f"{address}/plan", seen="1", **given)
        assert answer.status_code == 422, given
        assert 'href="#field-' in answer.text
    with busy.look() as work:
        assert work.session.execute(sa.select(Milestone.due_on).where(Milestone.due_on.is_not(None))).all() == []


def test_the_office_records_a_milestone_and_every_waiting_case_learns_of_it(
    visit: Callable[[str], Visitor], busy: World
) -> None:
    address = f"/milestones/{milestone_of(busy)}"
    visitor = visit("office")
    page = visitor.get(address).text
    assert re.search(r'href="/cases\?service=wohngeld&amp;state=requested">.*?<strong>44</strong>', page, re.DOTALL)
    answer = visitor.post(f"{address}/reach", seen=seen(page), **CONTRACT)
    assert (answer.status_code, answer.location) == (303, address)
    said = words(visitor.get(address).text)
    assert "44 Vorgänge erfahren davon" in said
    assert "Aktenzeichen des Vertrags RLP 4/2026" in said

    assert following.work_off(busy.engine) == 44
    with busy.look() as work:
        told = work.session.execute(
            sa.select(sa.func.count(sa.distinct(Event.chain_id)))
            .join(Case, Case.id == Event.chain_id)
            .where(Event.act == "waiting_ended")
        ).scalar_one()
    assert told == 44
    again = visitor.post(f"{address}/reach", seen="1", **CONTRACT)
    assert again.status_code == 409
    assert visitor.post(f"{address}/plan", seen="1", due_on="15.02.2027", reason="doch nicht").status_code == 409
    assert "doch nicht" in visitor.post(f"{address}/plan", seen="1", due_on="15.02.2027", reason="doch nicht").text


def test_every_fault_of_reaching_is_told_at_once(visit: Callable[[str], Visitor], busy: World) -> None:
    address = f"/milestones/{milestone_of(busy)}"
    visitor = visit("office")
    given = CONTRACT | {"reached_on": "24.11.2026", "answer-signed_on": "irgendwann", "answer-version": ""}
    answer = visitor.post(f"{address}/reach", seen="1", **given)
    assert answer.status_code == 422
    for name in ("reached_on", "answer-signed_on", "answer-version"):
        assert f'href="#field-{name}"' in answer.text
    assert "Dieser Tag liegt in der Zukunft" in answer.text
    assert 'value="RLP 4/2026"' in answer.text
    unknown = visitor.post(f"{address}/reach", seen="1", **(CONTRACT | {"answer-unheard": "x"}))
    assert unknown.status_code == 422


def test_a_stale_page_keeps_what_was_typed(visit: Callable[[str], Visitor], busy: World) -> None:
    address = f"/milestones/{milestone_of(busy)}"
    visitor = visit("office")
    version = seen(visitor.get(address).text)
    assert visitor.post(f"{address}/plan", seen=version, due_on="15.02.2027", reason="Erster.").status_code == 303
    answer = visitor.post(f"{address}/plan", seen=version, due_on="16.02.2027", reason="Zweiter, im Nachbarzimmer.")
    assert answer.status_code == 409
    assert "Zweiter, im Nachbarzimmer." in answer.text


@pytest.mark.parametrize("who", ["team", "supervisor", "digi", "auditor", "admin", "operator", "stranger"])
def test_only_the_programme_office_touches_milestones(visit: Callable[[str], Visitor], busy: World, who: str) -> None:
    address = f"/milestones/{milestone_of(busy)}"
    visitor = visit(who)
    page = visitor.get(address)
    assert page.status_code == 200
    assert "<textarea" not in page.text
    before = contents(busy)
    assert visitor.post(f"{address}/plan", seen="1", due_on="15.02.2027", reason="x").status_code == 403
    assert visitor.post(f"{address}/reach", seen="1", **CONTRACT).status_code == 403
    assert contents(busy) == before


def test_the_programme_shows_its_targets_with_history_its_waves_and_teams(
    visit: Callable[[str], Visitor], busy: World
) -> None:
    said = words(visit("stranger").get("/programme").text)
    assert "Ziel: 31. Dezember 2026" in said
    assert said.index("Ziel: 31. Dezember 2026") < said.index("Ziel: 31. Dezember 2024")
    assert "Das Onlinezugangsgesetz von 2017 setzt die erste Frist" in said
    assert "0 von 44 Vorgängen sind produktiv" in said
    assert "Welle Februar 2027" in said
    assert "Umsetzungsteam Mitte" in said
    assert "Landkreis Mainz-Bingen" in said
    english = words(visit("auditor").get("/programme").text)
    assert "Target: 31 December 2026" in english
