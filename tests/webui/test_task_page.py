"""A task at the door: take it on, hand it in with its documents, hand it on, send it back – and be refused kindly."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.webui.pages import hidden, of_another_window, offers, sound, typed
from tests.webui.visitor import Visitor, token_in, words
from tests.world import EMPTY_TOWN, World
from workflow import people, tasks
from workflow.models import Document, Evidence

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
INTEREST = {"answer-noted_on": "23.11.2026", "answer-authority": "Fachbereich Soziales", "answer-wished_wave": ""}
CONTACTS = {
    f"answer-{name}": f"{name}@mainz-bingen.example"
    if "email" in name or "mailbox" in name
    else "Erika Muster, 06132 1"
    for name in (
        "project_lead",
        "project_lead_email",
        "subject_contact",
        "subject_contact_email",
        "technical_contact",
        "technical_contact_email",
        "privacy_contact",
        "functional_mailbox",
    )
}


def first(world: World) -> tuple[str, UUID]:
    """The address of the first task of a new case, and the case."""
    case_id = world.open()
    return f"/tasks/{world.task(case_id, 'express_interest')}", case_id


def bring(world: World, name: str) -> tuple[str, UUID]:
    """The address of a task whose turn has come, and its case."""
    case_id = world.open()
    world.bring(case_id, name)
    return f"/tasks/{world.task(case_id, name)}", case_id


def questionnaire(world: World) -> tuple[str, UUID]:
    """The address of a task that somebody has to check, handed in by the town, and its case."""
    case_id = world.open()
    world.walk(case_id, until="contracted")
    world.bring(case_id, "questionnaire")
    task_id = world.task(case_id, "questionnaire")
    with world.by("digi") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "questionnaire"))
    return f"/tasks/{task_id}", case_id


def kept(world: World, model: Any) -> int:
    with world.look() as work:
        return work.session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()


# --- looking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["digi", "leitung", "fachamt", "team", "supervisor", "office", "auditor"])
def test_the_page_is_sound_for_everybody_in_every_status(
    visit: Callable[[str], Visitor], world: World, who: str
) -> None:
    address, case_id = questionnaire(world)
    visitor = visit(who)
    with world.look() as work:
        names = [name for _, name, _ in work.catalogue.process("efa-onboarding", 1).tasks()]
    for name in names:
        with world.look() as work:
            found = work.session.execute(
                sa.text("SELECT count(*) FROM task WHERE case_id = :case AND name = :name").bindparams(
                    sa.bindparam("case", case_id, sa.Uuid()), name=name
                )
            ).scalar_one()
        if found:
            answer = visitor.get(f"/tasks/{world.task(case_id, name)}")
            assert answer.status_code == 200
            sound(answer.text)
    sound(visitor.get(address).text)


def test_the_first_thing_is_what_to_do(visit: Callable[[str], Visitor], world: World) -> None:
    address, _ = first(world)
    page = visit("digi").get(address).text
    said = words(page[page.index("<main") :])
    assert re.search(
        r"Vormerkung annehmen oder Interesse bekunden offen fällig am .* Diese Aufgabe wartet auf Sie", said
    )
    assert said.index("Annehmen") < said.index("Worum es geht") < said.index("Ihre Angaben")
    assert "Aufwand: etwa 10 Minuten (Schätzung)" in said
    others = words(visit("fachamt").get(address).text)
    assert "Diese Aufgabe wartet auf andere Digitalisierungsbeauftragte:r Digi Seit Mo., 23. November." in others
    assert "Ihre Angaben" not in others


def test_a_task_that_falls_to_a_team_says_so(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open(body=EMPTY_TOWN)
    team = "team" if world.case(case_id).team == world.team else "other_team"
    said = words(visit(team).get(f"/tasks/{world.task(case_id, 'express_interest')}").text)
    assert "Eigentlich ist das Sache von „Digitalisierungsbeauftragte:r“. Dort hat niemand ein Konto" in said
    assert "Sie tragen dies für Landkreis Ahrweiler ein." in said


def test_it_speaks_english_with_those_who_do(visit: Callable[[str], Visitor], world: World) -> None:
    address, _ = first(world)
    visitor = visit("digi")
    visitor.post("/language", language="en")
    page = visitor.get(address).text
    sound(page)
    said = words(page)
    assert "This task is waiting for you" in said
    assert "Date of the confirmation" in said
    answer = visitor.post(f"{address}/submit", **hidden(page, "/submit"))
    assert "Date of the confirmation: This is still missing." in words(answer.text)


@pytest.mark.parametrize(
    "deed", ["", "accept", "submit", "decline", "assign", "confirm", "send-back", "hand-back", "waive", "extend"]
)
def test_a_foreign_task_does_not_exist(visit: Callable[[str], Visitor], world: World, deed: str) -> None:
    address, case_id = first(world)
    for who in ("stranger", "other_team", "operator", "admin"):
        visitor = visit(who)
        url = f"{address}/{deed}" if deed else address
        answer = visitor.post(url, seen="1", **INTEREST) if deed else visitor.get(url)
        assert answer.status_code == 404, who
    assert visit("team").get(f"/tasks/{uuid4()}").status_code == 404
    assert world.row(case_id, "express_interest").version == 1


# --- taking it on, handing it in -------------------------------------------------------------------------------------


def test_somebody_takes_a_task_on(visit: Callable[[str], Visitor], world: World) -> None:
    address, case_id = first(world)
    visitor = visit("digi")
    form = hidden(visitor.get(address).text, "/accept")
    answer = visitor.post(f"{address}/accept", **form)
    assert (answer.status_code, answer.location) == (303, address)
    said = words(visitor.get(address).text)
    assert "„Vormerkung annehmen oder Interesse bekunden“ gehört jetzt Ihnen." in said
    assert "Sie haben diese Aufgabe angenommen" in said
    again = visitor.post(f"{address}/accept", **form)
    assert (again.status_code, again.location) == (303, address)
    late = visitor.post(f"{address}/accept", **of_another_window(form))
    assert late.status_code == 409
    sound(late.text)
    assert "Inzwischen hat jemand hier etwas geändert." in words(late.text)
    assert "Sie haben diese Aufgabe angenommen" in words(late.text)
    assert world.row(case_id, "express_interest").version == 2


def test_somebody_hands_in_what_is_asked_and_is_led_on(visit: Callable[[str], Visitor], world: World) -> None:
    address, case_id = first(world)
    visitor = visit("digi")
    form = hidden(visitor.get(address).text, "/submit")
    answer = visitor.post(f"{address}/submit", **form, **INTEREST)
    assert (answer.status_code, answer.location) == (303, f"/cases/{case_id}")
    said = words(visitor.get(answer.location).text)
    assert "„Vormerkung annehmen oder Interesse bekunden“ ist erledigt. Vielen Dank. Zu meinen Aufgaben" in said
    assert world.row(case_id, "express_interest").status == "done"
    done = visitor.get(address).text
    sound(done)
    assert "Diese Aufgabe ist erledigt Seit Mo., 23. November. Erledigt gemeldet hat sie Digi." in words(done)
    assert "Zuständige Stelle in Ihrem Haus Fachbereich Soziales" in words(done)
    twice = visitor.post(f"{address}/submit", **form, **INTEREST)
    assert (twice.status_code, twice.location) == (303, f"/cases/{case_id}")
    assert "ist erledigt. Vielen Dank." in words(visitor.get(twice.location).text)
    assert kept(world, Evidence) == 2


def test_what_is_missing_is_named_beside_its_field_and_nothing_typed_is_lost(
    visit: Callable[[str], Visitor], world: World
) -> None:
    address, case_id = bring(world, "name_contacts")
    visitor = visit("digi")
    form = hidden(visitor.get(address).text, "/submit")
    given = CONTACTS | {"answer-project_lead": "", "answer-functional_mailbox": "keine Adresse"}
    answer = visitor.post(f"{address}/submit", **form, **given)
    assert answer.status_code == 422
    page = answer.text
    sound(page)
    said = words(page)
    assert "Bitte prüfen Sie 2 Angaben" in said
    assert "Projektleitung (Name und Telefon): Diese Angabe fehlt noch." in said
    assert "Funktionspostfach: Das ist keine E-Mail-Adresse." in said
    assert page.count('aria-invalid="true"') == 2
    for name in ("project_lead", "functional_mailbox"):
        assert f'href="#field-answer-{name}"' in page
        assert re.search(rf'id="field-answer-{name}"[^>]*aria-describedby="[^"]*field-answer-{name}-error"', page)
    assert typed(page, "answer-functional_mailbox") == "keine Adresse"
    assert typed(page, "answer-subject_contact") == "Erika Muster, 06132 1"
    assert world.row(case_id, "name_contacts").status == "ready"
    assert visitor.post(f"{address}/submit", **hidden(page, "/submit"), **CONTACTS).status_code == 303


def test_a_stale_page_keeps_what_was_typed_and_can_be_sent_again(visit: Callable[[str], Visitor], world: World) -> None:
    address, case_id = bring(world, "name_contacts")
    visitor = visit("digi")
    form = hidden(visitor.get(address).text, "/submit")
    with world.by("supervisor") as work:
        tasks.extend(work, world.task(case_id, "name_contacts"), 5, "Ferien.")
    stale = visitor.post(f"{address}/submit", **form, **CONTACTS)
    assert stale.status_code == 409
    sound(stale.text)
    assert "Inzwischen hat jemand hier etwas geändert." in words(stale.text)
    assert typed(stale.text, "answer-project_lead") == "Erika Muster, 06132 1"
    assert visitor.post(f"{address}/submit", **hidden(stale.text, "/submit"), **CONTACTS).status_code == 303


def test_typed_text_is_shown_when_a_colleague_was_faster(visit: Callable[[str], Visitor], world: World) -> None:
    address, case_id = bring(world, "name_contacts")
    visitor = visit("digi")
    form = hidden(visitor.get(address).text, "/submit")
    with world.by("leitung") as work:
        tasks.assign(work, world.task(case_id, "name_contacts"), world["fachamt"])
    answer = visitor.post(f"{address}/submit", **form, **CONTACTS)
    assert answer.status_code == 409
    sound(answer.text)
    said = words(answer.text)
    assert "Was Sie geschrieben haben" in said
    assert "Projektleitung (Name und Telefon) Erika Muster, 06132 1" in said
    fresh = visitor.post(f"{address}/submit", seen=str(world.row(case_id, "name_contacts").version), **CONTACTS)
    assert fresh.status_code == 409
    assert "Jemand anderes hat sie angenommen." in words(fresh.text)


# --- documents -------------------------------------------------------------------------------------------------------


def terms(world: World, visit: Callable[[str], Visitor]) -> tuple[Visitor, str, dict[str, Any], UUID]:
    """The Leitung in front of the terms of use, with everything filled in but the document."""
    address, case_id = bring(world, "accept_terms")
    visitor = visit("leitung")
    form = hidden(visitor.get(address).text, "/submit")
    given = {**form, "answer-accepted": "true", "answer-accepted_on": "23.11.2026", "answer-terms_version": "2"}
    return visitor, address, given, case_id


def test_a_document_is_kept_and_can_be_downloaded(visit: Callable[[str], Visitor], world: World) -> None:
    visitor, address, given, case_id = terms(world, visit)
    file = (io.BytesIO(PDF), "../../Nutzungsbedingungen, unterschrieben.pdf")
    answer = visitor.post(f"{address}/submit", **given, **{"answer-signed_terms": file})
    assert answer.status_code == 303
    page = visitor.get(address).text
    assert "Nutzungsbedingungen, unterschrieben.pdf" in words(page)
    found = re.search(r'href="(/documents/[0-9a-f-]+)"', page)
    assert found is not None
    download = visitor.get(found[1])
    assert download.data == PDF
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert found[1] in visitor.get(f"/cases/{case_id}").text


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (PDF, "vertrag.exe", "Diese Datei können wir nicht annehmen: Ihre Art ist hier nicht vorgesehen."),
        (PDF, "ohne endung", "Ihre Art ist hier nicht vorgesehen."),
        (b"PK\x03\x04 kein pdf", "vertrag.pdf", "Sie endet auf „.pdf“, ihr Inhalt ist aber etwas anderes."),
        (b"", "vertrag.pdf", "Diese Datei können wir nicht annehmen: Sie ist leer."),
        (b"\x89PNG\r\n\x1a\n", "bild.png", "Diese Art von Datei passt hier nicht. Möglich sind pdf."),
        (b"%PDF-" + b"0" * (25 * 1024 * 1024), "gross.pdf", "Sie ist größer als 25 MB."),
    ],
    ids=["kind", "no ending", "not what it says", "empty", "not asked for", "too large"],
)
def test_a_file_nobody_can_use_is_refused_at_its_field_together_with_the_rest(
    visit: Callable[[str], Visitor], world: World, content: bytes, name: str, said: str
) -> None:
    visitor, address, given, case_id = terms(world, visit)
    given["answer-accepted_on"] = "gestern"
    answer = send(visitor, address, given, content, name)
    assert answer.status_code == 422
    sound(answer.text)
    assert said in words(answer.text)
    assert "Datum der Annahme: Das ist kein Datum." in words(answer.text)
    assert typed(answer.text, "answer-accepted_on") == "gestern"
    assert 'href="#field-answer-signed_terms"' in answer.text
    assert kept(world, Document) == 0
    assert world.row(case_id, "accept_terms").status == "ready"


def test_a_request_larger_than_any_document_is_refused_in_words(visit: Callable[[str], Visitor], world: World) -> None:
    visitor, address, given, case_id = terms(world, visit)
    answer = send(visitor, address, given, b"%PDF-" + b"0" * (27 * 1024 * 1024), "riesig.pdf")
    assert answer.status_code == 413
    assert "Eine Datei darf höchstens 25 MB groß sein." in words(answer.text)
    assert world.row(case_id, "accept_terms").status == "ready"


def test_no_file_reaches_the_disk_for_somebody_who_may_not_hand_in(
    visit: Callable[[str], Visitor], world: World
) -> None:
    _, address, given, _ = terms(world, visit)
    stored_before = list(world.engine.settings.documents.glob("*/*"))
    file = (io.BytesIO(PDF + b"\n"), "vertrag.pdf")
    answer = visit("fachamt").post(f"{address}/submit", **given, **{"answer-signed_terms": file})
    assert answer.status_code == 403
    assert "Dafür zuständig ist Leitung der Kommune." in words(answer.text)
    assert list(world.engine.settings.documents.glob("*/*")) == stored_before


def test_a_document_given_before_stands_until_another_is_given(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    world.bring(case_id, "questionnaire")
    address = f"/tasks/{world.task(case_id, 'questionnaire')}"
    visitor = visit("digi")
    with world.look() as work:
        fields = work.catalogue.process("efa-onboarding", 1).task("questionnaire").evidence
        document = next(name for name, asked in fields.items() if asked.type == "document")
        kind = fields[document].accept[0] if fields[document].accept else "pdf"
    assert kind in ("pdf", "xlsx", "docx")
    content = PDF if kind == "pdf" else _office(kind)
    given: dict[str, Any] = {
        f"answer-{name}": "Fassung 3" for name, asked in fields.items() if asked.type in ("text", "long_text")
    }
    form = hidden(visitor.get(address).text, "/submit")
    file = (io.BytesIO(content), f"Fragebogen.{kind}")
    assert visitor.post(f"{address}/submit", **form, **given, **{f"answer-{document}": file}).status_code == 303
    with world.by("team") as work:
        tasks.send_back(work, world.task(case_id, "questionnaire"), "Feld 7 fehlt.")
    page = visitor.get(address).text
    sound(page)
    said = words(page)
    assert "Zurückgegeben: Team" in said
    assert "Feld 7 fehlt." in said
    assert f"Bisher abgegeben, bleibt stehen: Fragebogen.{kind}" in said
    assert visitor.post(f"{address}/submit", **hidden(page, "/submit"), **given).status_code == 303
    assert kept(world, Document) == 1 + _documents_before(world)


def send(visitor: Visitor, address: str, given: dict[str, Any], content: bytes, name: str) -> TestResponse:
    """Send a form with one file as browsers write it; the test client would leave large ones open on disk."""
    edge = b"edge-of-a-part"
    parts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (edge, field.encode(), str(value).encode())
        for field, value in ({"csrf_token": token_in(visitor.get("/account").text)} | given).items()
    ]
    parts.append(
        b'--%b\r\nContent-Disposition: form-data; name="answer-signed_terms"; filename="%b"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n%b\r\n--%b--\r\n" % (edge, name.encode(), content, edge)
    )
    return visitor.client.post(
        f"{address}/submit", data=b"".join(parts), content_type=f"multipart/form-data; boundary={edge.decode()}"
    )


def _documents_before(world: World) -> int:
    """Documents of the world's people, who hand in files that are not on disk."""
    with world.look() as work:
        return work.session.execute(sa.select(sa.func.count()).where(Document.sha256 == "0" * 64)).scalar_one()


def _office(kind: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr({"docx": "word/document.xml", "xlsx": "xl/workbook.xml"}[kind], "<x/>")
    return stream.getvalue()


# --- handing on, declining, deciding ---------------------------------------------------------------------------------


def test_a_task_is_handed_to_a_colleague(visit: Callable[[str], Visitor], world: World) -> None:
    address, case_id = first(world)
    visitor = visit("leitung")
    page = visitor.get(address).text
    assert "Fachamt" in words(page)
    form = hidden(page, "/assign")
    nobody = visitor.post(f"{address}/assign", **form)
    assert nobody.status_code == 422
    sound(nobody.text)
    assert "Bitte wählen Sie eine Person." in words(nobody.text)
    foreign = visitor.post(f"{address}/assign", **form, **{"assign-to": str(world["stranger"])})
    assert foreign.status_code == 422
    assert "Diese Person kann die Aufgabe nicht bekommen" in words(foreign.text)
    done = visitor.post(f"{address}/assign", **form, **{"assign-to": str(world["fachamt"])})
    assert (done.status_code, done.location) == (303, address)
    assert "ist weitergegeben." in words(visitor.get(address).text)
    assert world.row(case_id, "express_interest").holder_id == world["fachamt"]
    assert visit("fachamt").post(f"{address}/assign", seen="2", **{"assign-to": str(world["it"])}).status_code == 403


def test_declining_needs_a_reason_and_goes_to_the_team_which_hands_back(
    visit: Callable[[str], Visitor], world: World
) -> None:
    address, case_id = first(world)
    town, team = visit("digi"), visit("team")
    form = hidden(town.get(address).text, "/decline")
    silent = town.post(f"{address}/decline", **form, **{"decline-reason": "  "})
    assert silent.status_code == 422
    sound(silent.text)
    assert re.search(r'href="#field-decline-reason">[^<:]*egründung[^<:]*: ', silent.text)
    assert re.search(r"<details[^>]* open>\s*<summary>.{0,400}Ablehnen", silent.text, re.DOTALL)
    done = town.post(f"{address}/decline", **form, **{"decline-reason": "Wir haben keine Leute."})
    assert done.status_code == 303
    assert "Das Umsetzungsteam entscheidet, wie es weitergeht" in words(town.get(address).text)
    page = team.get(address).text
    sound(page)
    assert "Bitte entscheiden Sie, wie es weitergeht" in words(page)
    assert "Wir haben keine Leute." in words(page)
    assert re.search(r'href="/cases/[^"]*#moves"', page), "the way to end the case if the town does not want it"
    assert not offers(page, "/waive")
    back = hidden(page, "/hand-back")
    assert team.post(f"{address}/hand-back", **back, **{"hand_back-reason": ""}).status_code == 422
    assert town.post(f"{address}/hand-back", **back, **{"hand_back-reason": "Doch."}).status_code == 403
    assert team.post(f"{address}/hand-back", **back, **{"hand_back-reason": "Wir helfen."}).status_code == 303
    assert world.row(case_id, "express_interest").status == "ready"
    again = team.post(f"{address}/hand-back", **back, **{"hand_back-reason": "Wir helfen auch gern noch einmal."})
    assert again.status_code == 409
    assert "Wir helfen auch gern noch einmal." in words(again.text)


def test_a_supervisor_moves_a_date_or_lets_a_task_go(visit: Callable[[str], Visitor], world: World) -> None:
    address, case_id = first(world)
    visitor = visit("supervisor")
    page = visitor.get(address).text
    form = hidden(page, "/extend")
    for days in ("", "x", "0", "61", "-3", "9" * 30):
        wrong = visitor.post(f"{address}/extend", **form, **{"extend-days": days, "extend-reason": "Ferien."})
        assert wrong.status_code == 422, days
        sound(wrong.text)
        assert "Möglich sind 1 bis 60 Arbeitstage." in words(wrong.text)
        assert typed(wrong.text, "extend-reason") == "Ferien."
    missing = visitor.post(f"{address}/extend", **form, **{"extend-days": "5"})
    assert missing.status_code == 422
    done = visitor.post(f"{address}/extend", **form, **{"extend-days": "5", "extend-reason": "Ferien."})
    assert (done.status_code, done.location) == (303, address)
    said = words(visitor.get(address).text)
    assert "wurde die Frist um 5 Arbeitstage verlängert: Mo., 14. Dezember." in said
    assert "Verlängert hat sie Supervisor. Begründung: Ferien." in said
    waived = visitor.post(f"{address}/waive", seen="2", **{"waive-reason": "Nicht nötig."})
    assert waived.status_code == 303
    assert world.row(case_id, "express_interest").status == "waived"
    said = words(visitor.get(address).text)
    assert "Auf diese Aufgabe wird verzichtet" in said
    assert visit("team").post(f"{address}/extend", seen="3", **{"extend-days": "5"}).status_code in (403, 409)


def test_a_second_person_checks_and_sends_back_or_confirms(visit: Callable[[str], Visitor], world: World) -> None:
    address, case_id = questionnaire(world)
    town, team = visit("digi"), visit("team")
    waiting = town.get(address).text
    sound(waiting)
    assert "Ihre Angaben werden geprüft" in words(waiting)
    page = team.get(address).text
    sound(page)
    said = words(page)
    assert "Bitte prüfen Sie die Angaben Digi hat die Aufgabe erledigt gemeldet." in said
    form = hidden(page, "/send-back")
    silent = team.post(f"{address}/send-back", **form)
    assert silent.status_code == 422
    sound(silent.text)
    assert team.post(f"{address}/send-back", **form, **{"send_back-reason": "Feld 7 fehlt."}).status_code == 303
    assert "Feld 7 fehlt." in words(town.get(address).text)
    with world.by("digi") as work:
        tasks.submit(work, world.task(case_id, "questionnaire"), world.answers(work, case_id, "questionnaire"))
    stale = team.post(f"{address}/confirm", **hidden(page, "/confirm"))
    assert stale.status_code == 409
    fresh = hidden(stale.text, "/confirm")
    done = team.post(f"{address}/confirm", **fresh)
    assert done.status_code == 303
    assert "ist bestätigt." in words(team.get(done.location).text)
    assert team.post(f"{address}/confirm", **fresh).status_code == 303
    assert team.post(f"{address}/confirm", **of_another_window(fresh)).status_code == 409
    assert world.row(case_id, "questionnaire").status == "done"


def test_nobody_checks_their_own_work(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    world.bring(case_id, "questionnaire")
    task_id = world.task(case_id, "questionnaire")
    with world.by("admin") as work:
        people.grant(work, world["digi"], people.parse_role(f"umsetzungsteam@{world.team}"))
    with world.by("digi") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "questionnaire"))
    visitor = visit("digi")
    page = visitor.get(f"/tasks/{task_id}").text
    assert not offers(page, "/confirm")
    answer = visitor.post(f"/tasks/{task_id}/confirm", seen=str(world.row(case_id, "questionnaire").version))
    assert answer.status_code == 409
    assert "vier Augen sehen mehr als zwei" in words(answer.text)


@pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 40])
def test_a_version_that_makes_no_sense_breaks_nothing(visit: Callable[[str], Visitor], world: World, seen: str) -> None:
    address, _ = first(world)
    assert visit("digi").post(f"{address}/accept", seen=seen).status_code in (303, 409)
