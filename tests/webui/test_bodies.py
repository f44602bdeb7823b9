"""Pages of bodies and their prerequisites."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.webui.conftest import nothing_yet
from tests.webui.pages import hidden
from tests.webui.visitor import Visitor, words
from tests.world import STRANGE_TOWN, TOWN, World, contents
from workflow import cases, following, prerequisites
from workflow.engine import SYSTEM
from workflow.models import Body, Event, Prerequisite


def _contracted(world: World) -> None:
    """One case of the town, past choosing how it is connected."""
    world.walk(world.open(), until="contracted")


@pytest.fixture
def begun(request: pytest.FixtureRequest) -> Callable[[World], None]:
    """Some of these tests begin in a busy world."""
    return _contracted if "busy" in request.fixturenames else nothing_yet


@pytest.fixture
def busy(world: World) -> World:
    """One case of the town, past choosing how it is connected."""
    return world


def prerequisite_of(world: World, kind: str) -> UUID:
    with world.look() as work:
        return work.session.execute(
            sa.select(Prerequisite.id).where(Prerequisite.kind == kind, Prerequisite.body == TOWN)
        ).scalar_one()


def ask(world: World, kind: str, scope: str = "") -> UUID:
    with world.by("team") as work:
        return prerequisites.request(work, TOWN, kind, scope).id


def ask_for_certificate(world: World) -> UUID:
    """The certificate, once it has been applied for."""
    asked = ask(world, "osci_certificate")
    with world.by("it") as work:
        assert prerequisites.complete(work, asked, world.proof(work, "osci_certificate")).step == "certificate"
    return asked


def seen(page: str) -> str:
    """The version a form of this page carries."""
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found, page
    return found[1]


def form(world: World, kind: str) -> dict[str, str]:
    """Plausible answers as the fields of a form."""
    with world.look() as work:
        step = work.session.execute(
            sa.select(Prerequisite.step).where(Prerequisite.kind == kind, Prerequisite.body == TOWN)
        ).scalar_one()
        given = world.proof(work, kind, step)
    return {f"answer-{name}": value for name, value in given.items() if isinstance(value, str)}


def test_the_list_of_bodies_names_its_sources(visit: Callable[[str], Visitor], world: World) -> None:
    for address in ("/bodies", f"/bodies/{TOWN}", "/services/wohngeld", "/programme"):
        said = words(visit("stranger").get(address).text)
        assert "© Statistisches Bundesamt (Destatis), 2025" in said, address
        assert "© GeoBasis-DE / BKG 2016" in said, address


def test_bodies_are_searched_and_filtered(visit: Callable[[str], Visitor], world: World) -> None:
    visitor = visit("digi")
    assert "194 Kommunen" in words(visitor.get("/bodies").text)
    found = words(visitor.get("/bodies?q=sudeifel").text)
    assert "1 von 194 Kommunen passt dazu" in found
    assert "Verbandsgemeinde Südeifel" in found
    assert "Keine Kommune passt dazu" in visitor.get("/bodies?q=nirgendwo").text
    for query in ("kind=x&district=y", "q=" + "ä" * 900, "q=%25", "kind=landkreis&kind=x"):
        assert visitor.get(f"/bodies?{query}").status_code == 200, query


def test_bodies_are_folded_by_district_until_somebody_looks_for_one(
    visit: Callable[[str], Visitor], busy: World
) -> None:
    visitor = visit("digi")
    page = visitor.get("/bodies").text
    folds = re.findall(r'<details class="sk-district"( open)?>\s*<summary>(.*?)</summary>', page, re.DOTALL)
    assert len(folds) == 26
    assert [words(summary) for opened, summary in folds if opened] == ["Ihre Kommune 1 Kommune · 1 Vorgang"]
    assert "Landkreis Ahrweiler 9 Kommunen" in [words(summary) for _, summary in folds]
    assert len(re.findall(r'<th scope="row"', page)) == 194
    for address in ("/bodies?open=all", "/bodies?q=bingen", "/bodies?kind=landkreis", "/bodies?district=073390000000"):
        found = visitor.get(address).text
        assert '<details class="sk-district" open>' in found, address
        assert '<details class="sk-district">' not in found, address


def test_a_service_without_a_case_leads_to_what_is_known_of_it(visit: Callable[[str], Visitor], busy: World) -> None:
    page = visit("digi").get(f"/bodies/{TOWN}").text
    assert 'href="/services/uvg">Unterhaltsvorschuss</a>' in page
    assert 'href="/services/wohngeld"' not in page


def test_a_towns_own_people_see_everything_about_it(visit: Callable[[str], Visitor], busy: World) -> None:
    said = words(visit("digi").get(f"/bodies/{TOWN}").text)
    assert "Landkreis Mainz-Bingen" in said
    assert "Wohngeld Vertrag geschlossen" in said
    assert "55218 Ingelheim am Rhein" in said
    assert "Wer macht was?" in said
    assert "Redaktionsrechte in BUS-RLP" in said


def test_a_stranger_sees_how_far_a_town_is_and_nothing_else(visit: Callable[[str], Visitor], busy: World) -> None:
    page = visit("stranger").get(f"/bodies/{TOWN}").text
    said = words(page)
    assert "Wohngeld Vertrag geschlossen 23.11.2026" in said
    assert "/cases/" not in page
    assert "/prerequisites/" not in page
    for secret in ("Wer macht was?", "Redaktionsrechte", "@startklar.example", "Um eine Voraussetzung bitten"):
        assert secret not in said.replace("stranger@startklar.example", "")


@pytest.mark.parametrize("ars", ["999999999999", "x", "07339", "073390000000%20", "' or 1=1"])
def test_a_body_that_does_not_exist_gets_a_sentence(visit: Callable[[str], Visitor], world: World, ars: str) -> None:
    answer = visit("digi").get(f"/bodies/{ars}")
    assert answer.status_code == 404
    assert "Diese Seite gibt es nicht" in answer.text


def test_the_town_takes_on_a_prerequisite_and_hands_in_its_evidence(
    visit: Callable[[str], Visitor], busy: World
) -> None:
    asked = ask(busy, "elster_account")
    visitor = visit("it")
    address = f"/prerequisites/{asked}"
    page = visitor.get(address).text
    assert "Wer ist dran?" in page
    answer = visitor.post(f"{address}/accept", seen=seen(page))
    assert (answer.status_code, answer.location) == (303, address)
    page = visitor.get(address).text
    assert "Angenommen: Das ist jetzt bei Ihnen." in words(page)

    answer = visitor.post(f"{address}/complete", seen=seen(page), **form(busy, "elster_account"))
    assert (answer.status_code, answer.location) == (303, address)
    said = words(visitor.get(address).text)
    assert "Das ist erledigt" in said
    assert "Das Konto besteht und ist freigeschaltet Ja" in said
    assert "Es wurde erledigt." in said


def test_completing_through_the_page_reaches_the_cases_that_wait(visit: Callable[[str], Visitor], busy: World) -> None:
    asked = prerequisite_of(busy, "editing_rights")
    following.work_off(busy.engine)
    visitor = visit("redaktion")
    page = visitor.get(f"/prerequisites/{asked}").text
    assert "Angaben erneuern" in words(page)
    answer = visitor.post(f"/prerequisites/{asked}/complete", seen=seen(page), **form(busy, "editing_rights"))
    assert answer.status_code == 303
    assert following.work_off(busy.engine) == 1
    with busy.look() as work:
        acts = work.session.execute(sa.select(Event.act).where(Event.chain_id == asked)).scalars().all()
    assert acts.count("completed") == 2


def test_every_fault_of_a_form_stands_beside_its_field_and_nothing_typed_is_lost(
    visit: Callable[[str], Visitor], busy: World
) -> None:
    asked = ask_for_certificate(busy)
    visitor = visit("it")
    page = visitor.get(f"/prerequisites/{asked}").text
    given = form(busy, "osci_certificate") | {
        "answer-expires_on": "31.02.2027",
        "answer-fingerprint": "",
        "answer-serial_number": "4711 <b>",
    }
    before = contents(busy)
    answer = visitor.post(f"/prerequisites/{asked}/complete", seen=seen(page), **given)
    assert answer.status_code == 422
    assert contents(busy) == before
    assert 'href="#field-answer-expires_on"' in answer.text
    assert 'href="#field-answer-fingerprint"' in answer.text
    assert 'value="31.02.2027"' in answer.text
    assert 'value="4711 &lt;b&gt;"' in answer.text


def test_what_expired_already_is_refused_at_its_field(visit: Callable[[str], Visitor], busy: World) -> None:
    asked = ask_for_certificate(busy)
    visitor = visit("it")
    given = form(busy, "osci_certificate") | {"answer-expires_on": "01.01.2026"}
    version = seen(visitor.get(f"/prerequisites/{asked}").text)
    answer = visitor.post(f"/prerequisites/{asked}/complete", seen=version, **given)
    assert answer.status_code == 422
    assert 'href="#field-answer-expires_on"' in answer.text


def test_a_double_click_is_one_deed_and_a_stale_page_is_told_kindly(
    visit: Callable[[str], Visitor], busy: World
) -> None:
    asked = ask(busy, "elster_account")
    visitor = visit("it")
    address = f"/prerequisites/{asked}"
    page = visitor.get(address).text
    version, fields = seen(page), hidden(page, "/accept")
    assert visitor.post(f"{address}/accept", **fields).status_code == 303
    again = visitor.post(f"{address}/accept", **fields)
    assert (again.status_code, again.location) == (303, address)
    stale = visitor.post(
        f"{address}/complete", seen=version, **(form(busy, "elster_account") | {"answer-kept_by": "Hauptamt Zimmer 7"})
    )
    assert stale.status_code == 409
    assert "Hauptamt Zimmer 7" in stale.text


@pytest.mark.parametrize("who", ["kasse", "office", "auditor", "team"])
def test_only_who_is_in_charge_may_act_on_a_prerequisite(
    visit: Callable[[str], Visitor], busy: World, who: str
) -> None:
    asked = ask(busy, "elster_account")
    visitor = visit(who)
    page = visitor.get(f"/prerequisites/{asked}").text
    assert f'action="/prerequisites/{asked}' not in page
    before = contents(busy)
    assert visitor.post(f"/prerequisites/{asked}/accept", seen="1").status_code == 403
    upload = (io.BytesIO(b"%PDF-1.7 x"), "x.pdf")
    assert visitor.post(f"/prerequisites/{asked}/complete", seen="1", file=upload).status_code == 403
    assert contents(busy) == before


def test_a_body_is_asked_for_a_prerequisite(visit: Callable[[str], Visitor], busy: World) -> None:
    visitor = visit("team")
    page = visitor.get(f"/bodies/{TOWN}").text
    assert '<option value="payment_mandate:">' in page
    answer = visitor.post(f"/bodies/{TOWN}/prerequisites", prerequisite="payment_mandate:")
    assert answer.status_code == 303
    assert answer.location.startswith("/prerequisites/")
    assert "Mandant beim Bezahldienst" in visitor.get(answer.location).text
    again = visitor.post(f"/bodies/{TOWN}/prerequisites", prerequisite="payment_mandate:")
    assert again.status_code == 422
    assert "Bitte wählen Sie eine Voraussetzung aus der Liste." in again.text


def test_what_was_laid_aside_can_be_asked_for_by_hand(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    world.bring(case_id, "choose_variant")
    world.do(case_id, "choose_variant", "team", connection_variant="fitconnect")
    visitor = visit("team")
    assert '<option value="editing_rights:">' not in visitor.get(f"/bodies/{TOWN}").text
    with world.by("team") as work:
        cases.advance(work, case_id, "decline", given={"reason": "own_solution", "explanation": "Eigenes Formular."})
    following.work_off(world.engine)
    assert '<option value="editing_rights:">' in visitor.get(f"/bodies/{TOWN}").text
    answer = visitor.post(f"/bodies/{TOWN}/prerequisites", prerequisite="editing_rights:")
    assert answer.status_code == 303
    assert str(prerequisite_of(world, "editing_rights")) in answer.location
    assert '<option value="editing_rights:">' not in visitor.get(f"/bodies/{TOWN}").text


def test_a_body_that_ended_is_offered_nothing_to_bring(visit: Callable[[str], Visitor], world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Body).where(Body.ars == TOWN).values(valid_until=work.today))
    visitor = visit("team")
    assert f"/bodies/{TOWN}/prerequisites" not in visitor.get(f"/bodies/{TOWN}").text
    answer = visitor.post(f"/bodies/{TOWN}/prerequisites", prerequisite="payment_mandate:")
    assert answer.status_code == 422


@pytest.mark.parametrize("wanted", ["", "x", "nothing:", "functional_mailbox:mond", ":" * 400])
def test_nonsense_is_not_asked_for(visit: Callable[[str], Visitor], busy: World, wanted: str) -> None:
    before = contents(busy)
    assert visit("digi").post(f"/bodies/{TOWN}/prerequisites", prerequisite=wanted).status_code == 422
    _same_but_sessions(before, contents(busy))


@pytest.mark.parametrize("who", ["stranger", "office", "auditor", "supervisor", "operator"])
def test_strangers_ask_a_town_for_nothing(visit: Callable[[str], Visitor], busy: World, who: str) -> None:
    answer = visit(who).post(f"/bodies/{TOWN}/prerequisites", prerequisite="payment_mandate:")
    assert answer.status_code == 403
    assert visit("digi").post(f"/bodies/{STRANGE_TOWN}/prerequisites", prerequisite="x").status_code == 403


def _same_but_sessions(before: dict[str, list[tuple[object, ...]]], after: dict[str, list[tuple[object, ...]]]) -> None:
    for table in before.keys() - {"web_session", "login_attempt"}:
        assert before[table] == after[table], table


# --- a prerequisite step by step -------------------------------------------------------------------------------------


def test_a_prerequisite_is_brought_step_by_step(visit: Callable[[str], Visitor], busy: World) -> None:
    asked = ask(busy, "payment_mandate")
    address, visitor = f"/prerequisites/{asked}", visit("kasse")
    page = visitor.get(address).text
    assert "Schritt 1 von 2" in words(page)
    answer = visitor.post(f"{address}/complete", seen=seen(page), **form(busy, "payment_mandate"))
    assert (answer.status_code, answer.location) == (303, address)
    said = words(page := visitor.get(address).text)
    assert "Der Schritt ist erledigt. Weiter geht es mit dem nächsten." in said
    assert "Schritt 2 von 2 Nummern des Mandanten eintragen" in said
    assert "Der Schritt „Mandanten beantragen“ ist erledigt." in said
    visitor.post(f"{address}/complete", seen=seen(page), **form(busy, "payment_mandate"))
    assert "Das ist erledigt" in words(visitor.get(address).text)


def test_declined_through_the_page_it_goes_to_the_team_and_back(visit: Callable[[str], Visitor], busy: World) -> None:
    asked = ask(busy, "payment_mandate")
    address, town, team = f"/prerequisites/{asked}", visit("kasse"), visit("team")
    version = seen(town.get(address).text)
    refused = town.post(f"{address}/decline", seen=version, **{"decline-reason": " "})
    assert refused.status_code == 422
    assert 'href="#field-decline-reason"' in refused.text
    assert town.post(f"{address}/decline", seen=version, **{"decline-reason": "Zu teuer."}).status_code == 303
    page = team.get(address).text
    assert "Zu teuer." in page
    given = {"hand_back-reason": "Das Land zahlt."}
    assert team.post(f"{address}/hand-back", seen=seen(page), **given).status_code == 303
    assert "Das Land zahlt." in town.get(address).text
    assert town.post(f"{address}/set-aside", seen="5", **{"set_aside-reason": "x"}).status_code in (403, 409)


def test_handed_on_released_and_extended_through_the_page(visit: Callable[[str], Visitor], busy: World) -> None:
    asked = ask(busy, "payment_mandate")
    address, digi, supervisor = f"/prerequisites/{asked}", visit("digi"), visit("supervisor")
    page = digi.get(address).text
    to = {"assign-to": str(busy["fachamt"])}
    assert digi.post(f"{address}/assign", seen=seen(page)).status_code == 422
    assert digi.post(f"{address}/assign", seen=seen(page), **to).status_code == 303
    helper = visit("fachamt")
    page = helper.get(address).text
    assert helper.post(f"{address}/release", seen=seen(page)).status_code == 303
    page = supervisor.get(address).text
    wrong = supervisor.post(f"{address}/extend", seen=seen(page), **{"extend-days": "90", "extend-reason": "x"})
    assert wrong.status_code == 422
    right = supervisor.post(f"{address}/extend", seen=seen(page), **{"extend-days": "5", "extend-reason": "Umzug"})
    assert right.status_code == 303
    assert "Umzug" in digi.get(address).text


def test_what_was_proved_is_renewed_through_the_page(visit: Callable[[str], Visitor], busy: World) -> None:
    asked = ask(busy, "osci_certificate")
    busy.prove(asked)
    visitor = visit("it")
    page = visitor.get(f"/prerequisites/{asked}").text
    assert "Erneuerung beginnen" in words(page)
    assert visitor.post(f"/prerequisites/{asked}/renew", seen=seen(page)).status_code == 303
    said = words(visitor.get(f"/prerequisites/{asked}").text)
    assert "Die Erneuerung läuft. Bis" in said
    assert "Schritt 1 von 2" in said


def test_what_holds_cases_up_is_a_list_that_leads_on(visit: Callable[[str], Visitor], busy: World) -> None:
    busy.finish_state(busy.open("bauantrag"))
    said = words(page := visit("team").get("/prerequisites").text)
    assert "1 Vorgang wartet auf eine Voraussetzung." in said
    mandate = prerequisite_of(busy, "osci_certificate")
    assert f'href="/prerequisites/{mandate}#waiting"' in page
    assert "1 Vorgang wartet darauf" in words(visit("it").get(f"/bodies/{TOWN}").text)
    assert "Nichts hält Vorgänge auf" in words(visit("stranger").get("/prerequisites").text)


def test_delays_stand_on_the_page_of_the_case_and_of_the_service(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    world.days(13)
    said = words(visit("digi").get(f"/cases/{case_id}").text)
    assert "Verzögerung bisher Insgesamt sind 3 Arbeitstage verloren." in said
    assert "Kommune: 3 Arbeitstage" in said
    page = visit("team").get("/services/wohngeld/delays").text
    assert f'href="/cases/{case_id}#delay"' in page
    assert "Keine Verzögerung" in words(visit("stranger").get("/services/wohngeld/delays").text)
    assert visit("team").get("/services/nichts/delays").status_code == 404
