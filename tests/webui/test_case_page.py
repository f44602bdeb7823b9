"""A case at the door: what is next, taking steps with it, letting it rest, and every way to be refused kindly."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests.webui.pages import hidden, of_another_window, offers, sound, typed
from tests.webui.visitor import Visitor, words
from tests.world import World
from workflow import cases, comments, documents, people, tasks
from workflow.queries import case as query

DECLINE = {"answer-reason": "own_solution", "answer-explanation": "Wir haben schon etwas Eigenes."}
HOLD = {
    "answer-blocker": "fv_vendor_missing",
    "answer-reason": "Das Modul kommt im Sommer.",
    "answer-review_on": "15.01.2027",
    "answer-waits_for": "vendor:prosoz",
    "answer-promised_on": "10.01.2027",
}


def ready(world: World) -> UUID:
    """A case that only waits for somebody to confirm the contract."""
    case_id = world.open()
    world.finish_state(case_id)
    world.satisfy(case_id)
    return case_id


# --- looking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["digi", "leitung", "team", "supervisor", "office", "auditor"])
def test_the_page_is_sound_in_every_state(visit: Callable[[str], Visitor], world: World, who: str) -> None:
    case_id = world.open()
    visitor = visit(who)
    for state in ("requested", "contracted", "connected", "tested", "live"):
        if state != "requested":
            world.walk(case_id, until=state)
        answer = visitor.get(f"/cases/{case_id}")
        assert answer.status_code == 200
        sound(answer.text)
        assert answer.text.count('aria-current="step"') == 1


def test_the_next_step_comes_first_and_leads_to_the_task(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    page = visit("digi").get(f"/cases/{case_id}").text
    main = page[page.index("<main") :]
    assert re.search(r"Als Nächstes sind Sie dran\s+Vormerkung annehmen", words(main))
    assert main.index(f'href="/tasks/{task_id}"') < main.index("Worauf der Vorgang wartet")
    assert "kern-btn--primary" in main[: main.index("Worauf der Vorgang wartet")]
    team = words(visit("team").get(f"/cases/{case_id}").text)
    assert "Als Nächstes Vormerkung annehmen oder Interesse bekunden Digitalisierungsbeauftragte:r Digi" in team
    assert "fällig am Mo., 7. Dezember (in 10 Arbeitstagen)" in team


def test_every_date_can_be_asked_why(visit: Callable[[str], Visitor], world: World) -> None:
    world.days(19)
    case_id = world.open()
    said = words(visit("digi").get(f"/cases/{case_id}").text)
    assert "Warum dieses Datum?" in said
    assert "10 Arbeitstage später ist" in said
    assert (
        "2 Feiertage zählen nicht mit: Erster Weihnachtstag (Fr., 25. Dezember), Neujahr (Fr., 1. Januar 2027)." in said
    )


def test_what_stands_in_the_way_is_named_with_who_must_act(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    page = visit("digi").get(f"/cases/{case_id}").text
    said = words(page)
    assert 'href="/milestones/' in page
    assert "Für den nächsten Schritt „Vertrag bestätigen“ fehlt noch: eine Aufgabe – und dazu: Vom Land" in said
    assert "Vom Land fehlt noch: Nachnutzungsvertrag des Landes. Ein Datum steht nicht fest." in said
    assert "Programmbüro des Landes Office" in said
    assert "Es geht weiter, wenn das Land den Meilenstein erreicht hat." in said


def test_each_thing_a_case_waits_for_is_told_once(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    title = "Vormerkung annehmen oder Interesse bekunden"
    top, _, rest = visit("team").get(f"/cases/{case_id}").text.partition('id="why-title"')
    assert words(top).count(title) == 2  # the heading, and the name of its button
    assert "Darauf warten danach: „Zuständigkeit und Fallzuschnitt prüfen“" in words(top)
    why, _, listed = rest.partition('id="tasks-title"')
    assert title not in why
    assert title in words(listed)
    world.finish_state(case_id)
    said = words(visit("team").get(f"/cases/{case_id}").text)  # the Land alone is waited for: that is next
    assert "Als Nächstes Vom Land fehlt noch: Nachnutzungsvertrag des Landes." in said
    assert said.count("Nachnutzungsvertrag des Landes") == 2  # the heading, and the name of its button
    with world.by("team") as work:
        cases.hold(
            work, case_id, blocker="no_staff", reason="Der Stadtrat tagt.", review_on=work.today.replace(year=2027)
        )
    resting = words(visit("digi").get(f"/cases/{case_id}").text)
    assert resting.count("Der Stadtrat tagt.") == 2  # on top, and in history


def test_a_task_is_accepted_where_the_case_asks_for_it(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    task_id, digi = world.task(case_id, "express_interest"), visit("digi")
    page = digi.get(f"/cases/{case_id}").text
    accept = f"/tasks/{task_id}/accept"
    assert not offers(visit("team").get(f"/cases/{case_id}").text, accept)
    done = digi.post(accept, **hidden(page, accept))
    assert (done.status_code, done.location) == (303, f"/tasks/{task_id}")
    again = digi.get(f"/cases/{case_id}").text
    assert not offers(again, accept)
    assert f'href="/tasks/{task_id}"><span class="kern-label">Aufgabe öffnen' in again


def test_what_was_answered_and_handed_in_is_read_on_the_page(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    file = documents.store(world.engine.settings.documents, io.BytesIO(b"%PDF-1.7\n"), "Bedingungen.pdf")
    world.finish_state(case_id, accept_terms={"signed_terms": file})
    page = visit("digi").get(f"/cases/{case_id}").text
    sound(page)
    assert "Angaben aus 10 Aufgaben" in words(page)
    shown = page.partition('id="proofs"')[2].partition('id="comments"')[0]
    assert "Bedingungen.pdf" in words(shown)
    assert f'href="/cases/{case_id}/documents"' in page
    listed = visit("digi").get(f"/cases/{case_id}/documents").text
    sound(listed)
    assert "Bedingungen.pdf" in words(listed)
    assert "Nutzungsbedingungen annehmen" in words(listed)
    assert "Leitung" in words(listed)
    assert visit("stranger").get(f"/cases/{case_id}/documents").status_code == 404
    assert "Noch kein Dokument" in words(visit("digi").get(f"/cases/{world.open('uvg')}/documents").text)


def test_the_same_answer_is_there_for_machines(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    told = visit("digi").get(f"/cases/{case_id}/why.json")
    assert told.status_code == 200
    assert told.json is not None
    assert (told.json["standing"], len(told.json["causes"])) == ("waits", 2)
    assert visit("stranger").get(f"/cases/{case_id}/why.json").status_code == 404


def test_it_speaks_english_with_those_who_do(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = ready(world)
    page = visit("auditor").get(f"/cases/{case_id}").text
    sound(page)
    said = words(page)
    assert "Housing benefit (Wohngeld) – Landkreis Mainz-Bingen" in said
    assert "Next Confirm the contract" in said
    assert "‘Name contact persons’ was done." in said
    assert "Prerequisites of the municipality" in said


def test_history_is_told_page_by_page(
    visit: Callable[[str], Visitor], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "PAGE_OF_HISTORY", 12)
    case_id = world.open()
    world.walk(case_id, until="tested")
    visitor = visit("team")
    first = visitor.get(f"/cases/{case_id}").text
    sound(first)
    assert first.count('<li class="sk-history__entry') == 20
    assert f"Ganzer Verlauf: {world.case(case_id).seq} Einträge" in words(first)
    address: str | None = f"/cases/{case_id}/history"
    told: list[str] = []
    while address is not None:
        page = visitor.get(address).text
        sound(page)
        told += re.findall(r'<li class="sk-history__entry.*?</li>', page, re.DOTALL)
        older = re.search(r'rel="next" href="(/cases/[^"]+before=\d+)"', page)
        address = older[1] if older else None
    assert len(told) == world.case(case_id).seq
    assert "Der Vorgang wurde eröffnet." in words(told[-1])
    whole = visitor.get(f"/cases/{case_id}/history").text
    assert re.search(
        r"Zu einem Abschnitt springen Getestet seit .* Angebunden seit .* Vertrag geschlossen seit .* Angefragt seit",
        words(whole),
    )
    begun = re.findall(r'href="(/cases/[^"]+before=\d+)">Angefragt<', whole)
    assert (
        "Vertrag bestätigen: Der Vorgang steht jetzt auf" in words(visitor.get(begun[0]).text.partition("<ol")[2])[:600]
    )
    assert visit("stranger").get(f"/cases/{case_id}/history").status_code == 404
    assert "Damit ist „Vormerkung annehmen oder Interesse bekunden“ an der Reihe." in words(told[-1])


@pytest.mark.parametrize("before", ["9" * 30, "9" * 5000, str(2**31), "0", "-1", "x", "1.5"])
def test_an_entry_of_the_history_that_cannot_be_is_not_asked_for(
    visit: Callable[[str], Visitor], world: World, before: str
) -> None:
    assert visit("team").get(f"/cases/{world.open()}/history?before={before}").status_code == 200


@pytest.mark.parametrize("address", ["", "/advance/contract", "/advance/decline", "/hold"])
def test_a_foreign_case_does_not_exist(visit: Callable[[str], Visitor], world: World, address: str) -> None:
    case_id = world.open()
    for who in ("stranger", "other_team", "operator", "admin"):
        visitor = visit(who)
        assert visitor.get(f"/cases/{case_id}{address}").status_code == 404
        if address:
            assert visitor.post(f"/cases/{case_id}{address}", seen="1").status_code == 404
    assert visit("team").get(f"/cases/{uuid4()}").status_code == 404
    assert visit("team").get("/cases/nonsense").status_code == 404


# --- taking a step ---------------------------------------------------------------------------------------------------


def test_a_team_takes_the_step_with_one_button(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = ready(world)
    visitor = visit("team")
    address = f"/cases/{case_id}/advance/contract"
    page = visitor.get(f"/cases/{case_id}").text
    answer = visitor.post(address, **hidden(page, address))
    assert (answer.status_code, answer.location) == (303, f"/cases/{case_id}")
    said = words(visitor.get(answer.location).text)
    assert "Der Vorgang steht jetzt auf „Vertrag geschlossen“." in said
    assert "Vertrag bestätigen: Der Vorgang steht jetzt auf „Vertrag geschlossen“." in said
    assert world.case(case_id).state == "contracted"


def test_pressing_twice_takes_one_step(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = ready(world)
    visitor = visit("team")
    address = f"/cases/{case_id}/advance/contract"
    form = hidden(visitor.get(f"/cases/{case_id}").text, address)
    assert visitor.post(address, **form).status_code == 303
    again = visitor.post(address, **form)
    assert (again.status_code, again.location) == (303, f"/cases/{case_id}")
    assert "Der Vorgang steht jetzt auf „Vertrag geschlossen“." in words(visitor.get(again.location).text)
    late = visitor.post(address, **of_another_window(form))
    assert late.status_code == 409
    sound(late.text)
    said = words(late.text)
    assert "Das wurde nicht gespeichert: Inzwischen hat jemand den Vorgang weiterbewegt." in said
    assert "Vertrag geschlossen" in said
    assert world.case(case_id).version == 2


def test_a_step_too_early_names_every_reason_who_and_until_when(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    visitor = visit("team")
    answer = visitor.post(f"/cases/{case_id}/advance/contract", seen="1")
    assert answer.status_code == 409
    sound(answer.text)
    said = words(answer.text)
    assert "Der Vorgang kann diesen Schritt noch nicht gehen: Es fehlt noch etwas." in said
    assert (
        "Die Aufgabe „Vormerkung annehmen oder Interesse bekunden“ ist noch offen. "
        "Zuständig: Digitalisierungsbeauftragte:r, fällig am Mo., 7. Dezember." in said
    )
    assert "Nachnutzungsvertrag des Landes“ ist noch nicht erreicht. Zuständig: Programmbüro des Landes." in said
    assert world.case(case_id).state == "requested"


def test_a_step_somebody_else_takes_names_the_role(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = ready(world)
    visitor = visit("digi")
    page = visitor.get(f"/cases/{case_id}").text
    assert not offers(page, "/advance/contract")
    answer = visitor.post(f"/cases/{case_id}/advance/contract", seen="1")
    assert answer.status_code == 403
    assert "Dafür zuständig ist Umsetzungsteam." in words(answer.text)
    both = visit("fachamt").post(f"/cases/{case_id}/advance/decline", seen="1", **DECLINE)
    assert "Dafür zuständig ist Umsetzungsteam oder Leitung der Kommune." in words(both.text)
    english = visit("auditor").post(f"/cases/{case_id}/advance/contract", seen="1")
    assert "Implementation team is responsible for it" in words(english.text)


def test_a_step_that_asks_something_asks_on_a_page_of_its_own(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    visitor = visit("leitung")
    address = f"/cases/{case_id}/advance/decline"
    assert offers(visitor.get(f"/cases/{case_id}").text, address)
    page = visitor.get(address).text
    sound(page)
    form = hidden(page, address)
    wrong = visitor.post(address, **form, **{"answer-reason": "nonsense", "answer-explanation": "Zu teuer <b>"})
    assert wrong.status_code == 422
    sound(wrong.text)
    said = words(wrong.text)
    assert "Bitte prüfen Sie eine Angabe" in said
    assert "Grund: Bitte wählen Sie eine der Möglichkeiten." in said
    assert 'href="#field-answer-reason"' in wrong.text
    assert typed(wrong.text, "answer-explanation") == "Zu teuer <b>"
    assert world.case(case_id).state == "requested"
    done = visitor.post(address, **hidden(wrong.text, address), **DECLINE)
    assert done.status_code == 303
    said = words(visitor.get(done.location).text)
    assert "Der Vorgang ist beendet: Abgelehnt" in said
    assert "Begründung: Wir haben schon etwas Eigenes." in said


def test_nothing_typed_is_lost_when_the_case_has_moved(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = ready(world)
    visitor = visit("team")
    address = f"/cases/{case_id}/advance/not_responsible"
    form = hidden(visitor.get(address).text, address)
    with world.by("colleague") as work:
        cases.advance(work, case_id, "contract")
    stale = visitor.post(address, **form, **{"answer-reason": "Der Zweckverband macht das."})
    assert stale.status_code == 409
    sound(stale.text)
    assert typed(stale.text, "answer-reason") == "Der Zweckverband macht das."
    assert hidden(stale.text, address)["seen"] == "2"
    with world.by("colleague") as work:
        cases.advance(work, case_id, "decline", given={"reason": "cost", "explanation": "Zu teuer."})
    gone = visitor.post(address, **form, **{"answer-reason": "Der Zweckverband macht das."})
    assert gone.status_code == 409
    sound(gone.text)
    assert "Was Sie geschrieben haben" in words(gone.text)
    assert "Der Zweckverband macht das." in words(gone.text)


@pytest.mark.parametrize("transition", ["nonsense", "connect"])
def test_a_step_that_does_not_exist_here_is_refused(
    visit: Callable[[str], Visitor], world: World, transition: str
) -> None:
    case_id = world.open()
    visitor = visit("team")
    expected = 404 if transition == "nonsense" else 409
    assert visitor.get(f"/cases/{case_id}/advance/{transition}").status_code == expected
    assert visitor.post(f"/cases/{case_id}/advance/{transition}", seen="1").status_code == expected


# --- resting ---------------------------------------------------------------------------------------------------------


def test_a_case_is_put_on_hold_and_goes_on(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    visitor = visit("team")
    address = f"/cases/{case_id}/hold"
    assert offers(visitor.get(f"/cases/{case_id}").text, address)
    page = visitor.get(address).text
    sound(page)
    assert re.search(r"\d\d\.12\.2026", typed(page, "answer-review_on"))
    held = visitor.post(address, **hidden(page, address), **HOLD)
    assert held.status_code == 303
    page = visitor.get(held.location).text
    sound(page)
    said = words(page)
    assert "Der Vorgang ruht jetzt." in said
    assert "Der Vorgang ruht: Hersteller des Fachverfahrens liefert nicht Das Modul kommt im Sommer." in said
    assert "Gewartet wird auf: PROSOZ Herten. Angehalten von Team." in said
    assert "Der Vorgang wurde angehalten" in said
    assert visitor.get(address).status_code == 409
    assert visitor.post(f"/cases/{case_id}/advance/contract", seen="2").status_code == 409
    town = visit("digi").get(f"/cases/{case_id}").text
    assert "Frist ruht" in words(town)
    assert not offers(town, "/resume")
    form = hidden(page, f"/cases/{case_id}/resume")
    assert 'href="mailto:schnittstellen@hersteller.example"' in page
    assert 'href="tel:+493000000000"' in page
    assert visitor.post(f"/cases/{case_id}/resume", **form).status_code == 303
    assert visitor.post(f"/cases/{case_id}/resume", **form).status_code == 303
    again = visitor.post(f"/cases/{case_id}/resume", **of_another_window(form))
    assert again.status_code == 409
    assert not world.case(case_id).rests


def test_a_live_service_that_rests_is_suspended_on_the_page(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    world.walk(case_id)
    with world.by("team") as work:
        review_on = work.today.replace(year=2027)
        cases.hold(work, case_id, blocker="security_requirement", reason="x", review_on=review_on)
    team, address = visit("team"), f"/cases/{case_id}/advance/suspend"
    page = team.get(address).text
    assert "Mit diesem Schritt endet die Ruhezeit." in words(page)
    given = hidden(page, address) | {"answer-reason": "Sicherheitslücke"}
    assert team.post(address, **given).status_code == 303
    assert world.case(case_id).state == "suspended"


def test_a_pause_needs_a_cause_and_a_day_to_come(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    visitor = visit("team")
    address = f"/cases/{case_id}/hold"
    wrong = visitor.post(address, seen="1", **(HOLD | {"answer-blocker": "", "answer-review_on": "31.02.2027"}))
    assert wrong.status_code == 422
    sound(wrong.text)
    said = words(wrong.text)
    assert "Was hält den Vorgang auf?: Diese Angabe fehlt noch." in said
    assert "Diesen Tag gibt es nicht. Bitte prüfen Sie Tag, Monat und Jahr." in said
    assert typed(wrong.text, "answer-reason") == HOLD["answer-reason"]
    past = visitor.post(address, seen="1", **(HOLD | {"answer-review_on": "01.10.2026"}))
    assert past.status_code == 422
    assert "Der Tag muss in der Zukunft liegen." in words(past.text)
    assert not world.case(case_id).rests


def test_only_the_team_lets_a_case_rest(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    for who in ("digi", "leitung", "office", "auditor"):
        visitor = visit(who)
        assert not offers(visitor.get(f"/cases/{case_id}").text, "/hold")
        assert visitor.get(f"/cases/{case_id}/hold").status_code == 403
        assert visitor.post(f"/cases/{case_id}/hold", seen="1", **HOLD).status_code == 403
    assert visit("supervisor").post(f"/cases/{case_id}/hold", seen="1", **HOLD).status_code == 303


def test_a_stale_pause_keeps_what_was_typed(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = ready(world)
    visitor = visit("team")
    address = f"/cases/{case_id}/hold"
    form = hidden(visitor.get(address).text, address)
    with world.by("colleague") as work:
        cases.advance(work, case_id, "contract")
    stale = visitor.post(address, **form, **HOLD)
    assert stale.status_code == 409
    assert typed(stale.text, "answer-reason") == HOLD["answer-reason"]
    assert typed(stale.text, "answer-review_on") == "15.01.2027"
    fresh = hidden(stale.text, address)
    assert visitor.post(address, **fresh, **HOLD).status_code == 303
    later = visitor.post(address, **of_another_window(fresh), **HOLD)
    assert later.status_code == 409
    assert HOLD["answer-reason"] in words(later.text)


def test_reasons_are_words_and_never_markup(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    with world.by("digi") as work:
        tasks.decline(work, world.task(case_id, "express_interest"), "<img src=x onerror=alert(1)>")
    page = visit("team").get(f"/cases/{case_id}").text
    assert "&lt;img src=x" in page
    assert "<img src=x" not in page


def test_the_case_file_is_offered_and_sent_to_whoever_sees_the_case(
    visit: Callable[[str], Visitor], world: World
) -> None:
    case_id = world.open()
    page = visit("digi").get(f"/cases/{case_id}")
    assert f"/cases/{case_id}/file.zip" in page.text
    told = visit("digi").get(f"/cases/{case_id}/file.zip")
    assert told.status_code == 200
    assert told.content_type == "application/zip"
    assert "attachment" in told.headers["Content-Disposition"]
    assert told.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(told.data)) as archive:
        assert f"{world.case(case_id).number}/verify.py" in archive.namelist()
    assert visit("stranger").get(f"/cases/{case_id}/file.zip").status_code == 404


# --- parts -----------------------------------------------------------------------------------------------------------


def test_parts_of_the_service_are_switched_on_and_off_on_the_page(
    visit: Callable[[str], Visitor], world: World
) -> None:
    with world.by("admin") as work:
        people.grant(work, world["operator"], people.parse_role("rollout_team@kba"))
    case_id = world.open("ikfz")
    team, digi = visit("team"), visit("digi")
    assert "Teile des Dienstes" not in words(team.get(f"/cases/{case_id}").text)
    world.walk(case_id)
    on = hidden(team.get(f"/cases/{case_id}").text, "/parts/on") | {"part-on": "deregistration"}
    empty = team.post(f"/cases/{case_id}/parts/on", **on)
    assert empty.status_code == 422
    sound(empty.text)
    assert "Produktiv seit: Diese Angabe fehlt noch." in words(empty.text)
    done = team.post(f"/cases/{case_id}/parts/on", **on, **{"part-live_on": "20.11.2026"})
    assert done.status_code == 303
    page = team.get(f"/cases/{case_id}").text
    sound(page)
    assert "Abmeldung (Außerbetriebsetzung) produktiv seit Fr., 20. November" in words(page)
    assert "in 1 Kommune produktiv" in words(digi.get("/services/ikfz").text)
    off = hidden(page, "/parts/off") | {"part-off": "deregistration"}
    assert "Begründung: Diese Angabe fehlt noch." in words(team.post(f"/cases/{case_id}/parts/off", **off).text)
    team.post(f"/cases/{case_id}/parts/off", **off, **{"part-reason": "Eine Vorgabe fehlt."})
    assert "abgeschaltet seit Mo., 23. November" in words(team.get(f"/cases/{case_id}").text)
    fresh = on | {"seen": str(world.case(case_id).version)}
    assert digi.post(f"/cases/{case_id}/parts/on", **fresh).status_code == 403


def test_a_long_conversation_is_read_page_by_page(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    with world.by("team") as work:
        for number in range(45):
            comments.write(work, case_id, f"Beitrag Nummer {number}.")
    digi = visit("digi")
    page = digi.get(f"/cases/{case_id}").text
    sound(page)
    assert "30 frühere Beiträge" in words(page)
    assert len(re.findall(r"Beitrag Nummer \d+\.", page)) == 15
    first, second = (digi.get(f"/cases/{case_id}/comments?page={number}").text for number in (1, 2))
    sound(first)
    told = [re.findall(r"Beitrag Nummer \d+\.", one) for one in (first, second)]
    assert [len(one) for one in told] == [40, 5]
    assert len({*told[0], *told[1]}) == 45
    assert visit("stranger").get(f"/cases/{case_id}/comments").status_code == 404
