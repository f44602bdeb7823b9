"""Every page as its main role: accessible, readable at 320 px, in both themes, without JavaScript, as a picture."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.accessibility import looking
from tests.e2e.conftest import Site, tab_to
from tests.webui.visitor import PASSWORD, address
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import (
    announcements,
    bulk,
    cases,
    closures,
    clusters,
    feedback,
    links,
    mailboxes,
    meetings,
    onboarding,
    prerequisites,
    reminders,
    tasks,
)
from workflow.database import real_now
from workflow.mailboxes import Place
from workflow.models import Installation, Message, Milestone, Notice, Person, Prerequisite

PICTURES = os.environ.get("STARTKLAR_PICTURES")
"""A folder: pictures of every page are written there, to be looked at."""


@dataclass(frozen=True)
class Stop:
    """A page to look at, and who looks; `who` is empty for somebody who has not signed in."""

    name: str
    who: str
    address: str
    expects: str


def programme(world: World) -> list[Stop]:
    """A programme in the middle of its work, and every page of it."""
    first = world.open()
    taken = world.open(body=STRANGE_TOWN)
    empty = world.open(body=EMPTY_TOWN)
    with world.by("office") as work:
        cluster = clusters.found(work, "Verbund Nord", STRANGE_TOWN, [EMPTY_TOWN], ["wohngeld"]).id
        clusters.name_coordinator(work, cluster, world["stranger"])
    live = world.open("uvg")
    world.walk(live)
    middle = world.open("ikfz")
    world.walk(middle, until="contracted")
    resting = world.open("elterngeld")
    with world.by("team") as work:
        cases.hold(
            work,
            resting,
            blocker="fv_vendor_missing",
            reason="Das Modul ist bestellt.",
            waits_for="vendor:prosoz",
            review_on=work.today.replace(year=2027),
        )
    world.days(27)
    reminders.decide(world.engine)
    world.do(taken, "express_interest", "stranger")
    with world.by("team") as work:
        tasks.accept(work, world.task(taken, "confirm_responsibility"))
    tested = world.open("fuehrerschein")
    for name, who in (("express_interest", "digi"), ("confirm_responsibility", "team")):
        world.do(tested, name, who)
    with world.by("digi") as work:
        tasks.decline(work, world.task(tested, "name_contacts"), "Wir haben niemanden.")
    with world.look() as work:
        milestone = work.session.execute(
            sa.select(Milestone.id).where(Milestone.service == "bauantrag").limit(1)
        ).scalar_one()
        prerequisite = work.session.execute(
            sa.select(Prerequisite.id).where(Prerequisite.body == TOWN).order_by(Prerequisite.status.desc()).limit(1)
        ).scalar_one()
    with world.by("leitung") as work:
        onboarding.ask(work, "einbuergerung", TOWN, "Wir können im März anfangen.")
        refused = onboarding.ask(work, "bafoeg", TOWN).id
    with world.by("team") as work:
        onboarding.decline(work, refused, "Der Vertrag des Landes fehlt noch. Bitte fragen Sie im Juni wieder an.")
    lacking = world.open("bauantrag")
    world.finish_state(lacking, choose_variant={"wave": "welle-2027-02"})
    world.reach_milestones(lacking)
    with world.by("team") as work:
        cases.advance(work, lacking, "contract")
        endpoint = prerequisites.request(work, TOWN, "fitconnect_endpoint", "wohngeld").id
    with world.by("it") as work:
        prerequisites.complete(work, endpoint, world.proof(work, "fitconnect_endpoint"))
    with world.by("leitung") as work:
        closures.enter(work, TOWN, dt.date(2027, 12, 27), dt.date(2027, 12, 31))
        mailboxes.set_up(work, Place(body=TOWN), "it", "informationstechnik.und.digitalisierung@mainz-bingen.example")
    _let_mails_fail(world)
    return _stops(
        world,
        lacking=lacking,
        endpoint=endpoint,
        first=first,
        live=live,
        middle=middle,
        resting=resting,
        declined=tested,
        milestone=milestone,
        prerequisite=prerequisite,
        empty=empty,
        cluster=cluster,
    )


def _let_mails_fail(world: World) -> None:
    """The Kasse cannot be reached; two mails are dead letters, and one waits. A reader has written of a barrier."""
    feedback.give(world.engine, None, "accessibility", "Mein Screenreader liest die Karte nicht.", page="/programme")
    said = "5.1.1: unknown user: …"
    with world.engine.change("system") as work:
        marked = {"bounced_at": work.now, "bounce_reason": said}
        work.session.execute(sa.update(Person).where(Person.id == world["kasse"]).values(marked))
        now = real_now()
        dead = {"language": "de", "plain": "x", "html": "x", "status": "failed", "failed_at": now, "tries": 1}
        subject = "Heute fällig: Vormerkung annehmen oder Interesse bekunden (Landkreis Mainz-Bingen)"
        for number, (who, failure, words) in enumerate(
            [
                ("kasse", "bounced", said),
                ("it", "content", "554 5.7.1: message content rejected"),
                ("dsb", None, "451: x"),
            ]
        ):
            values = {**dead, "id": UUID(int=number + 1), "key": f"{number:064}", "header_id": f"<{number}@x>"}
            values |= {"recipient_id": world[who], "address": f"{who}@startklar.example", "subject": subject}
            values |= {"failure": failure, "last_error": words, "written_at": work.now}
            if failure is None:
                values |= {"status": "queued", "failed_at": None, "try_at": now, "tried_at": now}
            work.session.execute(sa.insert(Message).values(values))


def _reply_link(world: World, number: int, who: str, *about: tuple[str, UUID]) -> str:
    """The address in a mail to somebody about these things."""
    message_id = UUID(int=number)
    with world.engine.change("system") as work:
        key = work.session.execute(sa.select(Installation.link_key)).scalar_one()
        values = {"id": message_id, "key": f"{number:064}", "header_id": f"<{number}@x>", "recipient_id": world[who]}
        values |= {"language": "de", "subject": "Bitte ansehen", "plain": "Guten Tag,\n\n…", "html": "x"}
        values |= {"address": address(world, who), "written_at": work.now, "status": "recorded", "tries": 0}
        work.session.execute(sa.insert(Message).values(values))
        for kind, subject_id in about:
            told = {"recipient_id": world[who], "name": "asked", "subject_kind": kind, "subject_id": subject_id}
            told |= {"facts": "{}", "created_at": work.now, "immediate": False, "try_at": work.now}
            work.session.execute(sa.insert(Notice).values(told | {"message_id": message_id}))
    return f"/reply/{links.written(key, message_id)}"


def _stops(world: World, **ids: UUID) -> list[Stop]:
    task = world.task(ids["first"], "express_interest")
    declined = world.task(ids["declined"], "name_contacts")
    waiting = world.task(ids["first"], "accept_terms")
    together = world.task(ids["empty"], "express_interest")
    asked = bulk.start(world.engine, world["team"], bulk.Order("resume"), bulk.of_cases([ids["first"], ids["resting"]]))
    with world.engine.change("system") as work:  # as if its step were one that waits for others
        slow = sa.update(Prerequisite).where(Prerequisite.id == ids["endpoint"]).values(ladder="external")
        work.session.execute(slow)
    with world.by("office") as work:
        announcement = announcements.send(work, [TOWN, EMPTY_TOWN], "Schulung", "Am Montag um 10 Uhr.").id
    with world.by("team") as work:
        meetings.hold(work, TOWN, work.today - dt.timedelta(days=20))
    alone = _reply_link(world, 101, "it", ("prerequisite", ids["endpoint"]))
    several = _reply_link(
        world, 102, "team", ("task", declined), ("prerequisite", ids["endpoint"]), ("task", task), ("task", together)
    )
    return [
        Stop("sign-in", "", "/sign-in", "Anmelden"),
        Stop("components", "digi", "/components", "Vertrag geschlossen"),
        Stop("reply", "it", f"/replies/prerequisite/{ids['endpoint']}", "Neuen Termin zusagen"),
        Stop("reply-link", "auditor", alone, "Promise a new date"),
        Stop("reply-link-several", "digi", several, "Nichts vermerken"),
        Stop("reply-broken", "team", "/reply/x", "Dieser Link führt nicht weiter"),
        Stop("inbox-town", "digi", "/", "Aufgabe"),
        Stop("inbox-team", "team", "/", "Aufgabe"),
        Stop("inbox-supervisor", "supervisor", "/", ""),
        Stop("inbox-office", "office", "/", ""),
        Stop("admin", "admin", "/admin", "Eine Adresse funktioniert nicht"),
        Stop("operations", "admin", "/operations", "Was immer wieder scheitert"),
        Stop("definitions", "digi", "/definitions", "Anbindung eines EfA-Dienstes"),
        Stop("definitions-reminders", "admin", "/definitions/reminders", "am Tag der Frist"),
        Stop("definitions-prerequisites", "admin", "/definitions/prerequisites", "Meilensteine des Landes"),
        Stop("definition", "team", "/definitions/efa-onboarding/1?state=connected", "Vertrag bestätigen"),
        Stop("history-never", "auditor", "/operations/history", "Never checked"),
        Stop("feedback", "", "/feedback?page=/programme", "Welche Seite meinen Sie?"),
        Stop("feedback-thanks", "", "/feedback/thanks", "Vielen Dank"),
        Stop("feedback-list", "admin", "/admin/feedback", "Screenreader"),
        Stop("imprint", "", "/imprint", "Das ist ein Muster"),
        Stop("privacy", "digi", "/privacy", "Welche Daten wir speichern"),
        Stop("accessibility", "", "/accessibility", "Eine Barriere melden"),
        Stop("escalations", "supervisor", "/escalations", "Seitdem"),
        Stop("escalations-none", "digi", "/escalations", "Nichts ist liegen geblieben"),
        Stop("queue", "team", "/queue", "Noch frei"),
        Stop("queue-taken", "supervisor", "/queue?taken=yes", "Bei wem?"),
        Stop("cases", "team", "/cases", "Wohngeld"),
        Stop("cases-overdue", "supervisor", "/cases?overdue=yes", "überfällig"),
        Stop("cases-escalated", "supervisor", "/cases?escalated=yes", "Eskaliert heißt"),
        Stop("cases-live-since", "office", "/cases?live_since=2026-01-01&left=yes", "Produktiv seit"),
        Stop("cases-columns", "team", "/cases?column=team&column=changed&sort=-due", "Zuletzt geändert"),
        Stop("cases-board", "team", "/cases/board", "Angebunden"),
        Stop("cases-board-read", "auditor", "/cases/board", "Connected"),
        Stop("views", "team", "/views", "Noch keine Ansicht gespeichert"),
        Stop("view-new", "team", "/views/new?page=cases&overdue=yes", "Name der Ansicht"),
        Stop("keyboard", "team", "/keyboard", "Ausschalten"),
        Stop("case-first", "digi", f"/cases/{ids['first']}", "Wohngeld"),
        Stop("case-middle", "team", f"/cases/{ids['middle']}", ""),
        Stop("case-resting", "team", f"/cases/{ids['resting']}", ""),
        Stop("case-live", "leitung", f"/cases/{ids['live']}", "Produktiv"),
        Stop("case-decline", "leitung", f"/cases/{ids['first']}/advance/decline", ""),
        Stop("case-history", "team", f"/cases/{ids['live']}/history", "Zu einem Abschnitt springen"),
        Stop("case-documents", "leitung", f"/cases/{ids['live']}/documents", "Dokumente"),
        Stop("case-dates", "team", f"/cases/{ids['resting']}/dates", "Ruhezeit"),
        Stop("case-hold", "team", f"/cases/{ids['first']}/hold", ""),
        Stop("task-form", "digi", f"/tasks/{task}", ""),
        Stop("task-supervisor", "supervisor", f"/tasks/{task}", ""),
        Stop("task-declined", "team", f"/tasks/{declined}", ""),
        Stop("bodies", "digi", "/bodies", "Mainz-Bingen"),
        Stop("body", "leitung", f"/bodies/{TOWN}", "Funktionspostfächer"),
        Stop("body-foreign", "stranger", f"/bodies/{TOWN}", "Mainz-Bingen"),
        Stop("district", "office", f"/districts/{TOWN}", "Stand je Kommune"),
        Stop("district-foreign", "stranger", f"/districts/{TOWN}", "Mainz-Bingen"),
        Stop("district-town", "team", f"/districts/{STRANGE_TOWN}", "Worms"),
        Stop("waves", "office", "/waves", "Kommende Wellen"),
        Stop("wave", "team", "/waves/welle-2027-02", "Bereit heißt"),
        Stop("wave-none", "digi", "/waves/welle-2027-11", "Keine Vorgänge in dieser Welle"),
        Stop("matrix", "team", "/cases/matrix", "Kommunen"),
        Stop("matrix-town", "digi", f"/cases/matrix?district={TOWN}&state=live", "nicht in der Auswahl"),
        Stop("search", "team", "/search?q=mainz", "Treffer"),
        Stop("search-begun", "digi", "/search", "Wonach suchen Sie?"),
        Stop("search-nothing", "digi", "/search?q=zzz", "Nichts gefunden"),
        Stop("my-municipality", "leitung", "/my-municipality", "Worauf wir warten"),
        Stop("my-municipality-calm", "stranger", "/my-municipality", "Das kommende Jahr"),
        Stop("services", "digi", "/services", "Wohngeld"),
        Stop("service-to-ask", "digi", "/services/aufenthalt", "Anbindung anfragen"),
        Stop("service-declined", "digi", "/services/bafoeg", "Erneut anfragen"),
        Stop("requests", "team", "/requests", "Ablehnen"),
        Stop("requests-town", "digi", "/requests", "zurückziehen"),
        Stop("trainings", "office", "/trainings", "Schulung ankündigen"),
        Stop("sample", "digi", "/samples/test_protocol", "Als Textdokument herunterladen"),
        Stop("service", "team", "/services/wohngeld", "Dataport"),
        Stop("milestone", "office", f"/milestones/{ids['milestone']}", ""),
        Stop("prerequisite", "it", f"/prerequisites/{ids['prerequisite']}", ""),
        Stop("prerequisite-steps", "it", f"/prerequisites/{ids['endpoint']}", "Schritt 2 von 3"),
        Stop("prerequisites", "team", "/prerequisites", "Was Vorgänge aufhält"),
        Stop("service-delays", "office", "/services/wohngeld/delays", "Kommune"),
        Stop("case-late", "team", f"/cases/{ids['first']}", "Verzögerung bisher"),
        Stop("case-lacking", "team", f"/cases/{ids['lacking']}", "Worauf der Vorgang wartet"),
        Stop("task-waiting", "digi", f"/tasks/{waiting}", "Woran es im Moment liegt"),
        Stop("programme", "digi", "/programme", "2026"),
        Stop("programme-admin", "admin", "/programme", "Stand je Leistung"),
        Stop("programme-office", "office", "/programme", "Stichtag verschieben"),
        Stop("bulk-new", "team", f"/bulk/new?case={ids['first']}&case={ids['middle']}", "2 Vorgänge sind ausgewählt"),
        Stop("bulk-under-way", "auditor", f"/bulk/{asked.id}", "0 of 2"),
        Stop("bulk-list", "team", "/bulk", "Vorgänge fortsetzen"),
        Stop("case-team", "office", f"/cases/{ids['first']}/team", "Umsetzungsteam"),
        Stop("milestones", "office", "/milestones", "Noch ohne Termin"),
        Stop("changes", "team", f"/bodies/{TOWN}/changes", "Zu besprechen"),
        Stop("meetings", "team", "/bodies/meetings", "Letztes Treffen"),
        Stop("announcements", "office", "/announcements", "Schulung"),
        Stop("announcement", "office", f"/announcements/{announcement}", "Wer es bekommen hat"),
        Stop("announcement-town", "digi", f"/announcements/{announcement}", "Als gelesen ablegen"),
        Stop("announcement-new", "office", f"/announcements/new?body={TOWN}", "Wer bekommt es?"),
        Stop("load", "office", "/teams/load", "Warten auf Kommunen"),
        Stop("load-bodies", "office", "/teams/load/bodies", "Leistungen diese Woche"),
        Stop("load-tasks", "supervisor", "/teams/load/tasks?when=overdue", "offene Aufgaben"),
        Stop("blockers", "team", "/blockers", "Auf wen gewartet wird"),
        Stop("registers", "team", "/registers", "Hersteller ergänzen"),
        Stop("takeover", "office", "/programme/takeover", "Diese Spalten gibt es"),
        Stop("mails-ahead", "office", "/programme/mails?days=10", "Mails der nächsten Tage"),
        Stop("case-next", "office", f"/cases/{ids['live']}/next", "neue Runde"),
        Stop("account", "digi", "/account", ""),
        Stop("absences", "digi", "/account/absences", ""),
        Stop("mails", "admin", "/mails", "Adressen, die nicht funktionieren"),
        Stop("mails-office", "office", "/mails", "nicht angekommen"),
        Stop("people", "admin", "/people", "Person einladen"),
        Stop("people-invite", "admin", "/people/invite", "Kommune"),
        Stop("person", "admin", f"/people/{world['kasse']}", "Verlauf von Konto und Rollen"),
        Stop("person-erase", "admin", f"/people/{world['kasse']}/leave?erase=yes", "Das bleibt"),
        Stop("teams", "admin", "/teams", "Umsetzungsteam"),
        Stop("team", "supervisor", f"/teams/{world.team}", "Mitglied einladen"),
        Stop("colleagues", "leitung", f"/bodies/{TOWN}/people", "Einladung senden"),
        Stop("tour", "digi", "/tour?step=2", "Überspringen"),
        Stop("clusters", "office", "/clusters", "Verbund gründen"),
        Stop("delegations", "office", "/delegations", "Leistung übertragen"),
        Stop("cluster", "office", f"/clusters/{ids['cluster']}", "Welche Kommune kommt dazu?"),
        Stop("task-together", "stranger", f"/tasks/{together}/together", "Für welche Kommunen?"),
        Stop("task-record", "team", f"/tasks/{task}/record", "Wie haben Sie es erfahren?"),
        Stop("missing", "digi", f"/cases/{UUID(int=0)}", ""),
    ]


@pytest.mark.one_database
@pytest.mark.timeout(400)
@pytest.mark.parametrize("half", [0, 1])  # two processes share them
def test_every_page_is_accessible_in_both_themes_and_fits_320_pixels(site: Site, half: int) -> None:
    faults: list[str] = []
    for stop in programme(site.world)[half::2]:
        page = site.window(stop.who)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(stop.address)
        expect(page.get_by_role("main")).to_contain_text(stop.expects)
        found = looking.structure(page)
        if page.locator(".sk-table-wrap").evaluate_all(_WIDER_THAN_IT_LOOKS):
            found.append("has a table that scrolls sideways at 1280 px")
        found += looking.axe(page)
        _picture(page, f"{stop.name}-light")
        page.emulate_media(color_scheme="dark")
        found += [f"dark: {fault}" for fault in looking.axe(page, looking.COLOURS)]
        _picture(page, f"{stop.name}-dark")
        page.emulate_media(color_scheme="light")
        _picture(page, stop.name, whole=False)
        page.set_viewport_size({"width": 390, "height": 844})
        _picture(page, f"{stop.name}-phone")
        found += looking.fits(page, looking.PHONE)
        faults += [f"{stop.name}: {fault}" for fault in found]
    assert not faults, "\n".join(["", *faults])


@pytest.mark.one_database
def test_the_list_of_cases_says_what_is_next_at_every_width(site: Site) -> None:
    site.world.open()
    page = site.window("team")
    for width in (320, 390, 1024, 1280, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto("/cases")
        cell = page.get_by_role("main").get_by_text("Vormerkung annehmen oder Interesse bekunden")
        expect(cell).to_be_visible()
        box = cell.bounding_box()
        assert box is not None, width
        assert box["x"] >= 0, width
        assert box["x"] + box["width"] <= width, width


@pytest.mark.one_database
def test_bodies_fold_and_are_printed_unfolded(site: Site) -> None:
    page = site.window("stranger")
    page.goto("/bodies")
    inside = page.get_by_role("link", name="Verbandsgemeinde Adenau")
    expect(inside).to_be_hidden()
    page.get_by_role("heading", name="Landkreis Ahrweiler").click()
    expect(inside).to_be_visible()
    page.get_by_role("heading", name="Landkreis Ahrweiler").click()
    expect(inside).to_be_hidden()
    page.emulate_media(media="print")
    expect(inside).to_be_visible()


@pytest.mark.one_database
def test_a_case_on_paper_is_read_whole_and_offers_nothing_to_press(site: Site) -> None:
    world = site.world
    case_id = world.open()
    world.walk(case_id, until="contracted")
    page = site.window("team")
    page.goto(f"/cases/{case_id}")
    page.emulate_media(media="print")
    expect(page.get_by_text(f"{world.case(case_id).number} · Stand:")).to_be_visible()
    for folded in ("10 Aufgaben sind abgeschlossen", "Datum der Annahme"):
        expect(page.get_by_text(folded)).to_be_visible()
    for pressed in (page.get_by_role("button"), page.get_by_role("textbox"), page.get_by_role("navigation")):
        assert [one for one in pressed.all() if one.is_visible()] == []
    town = site.window("digi")
    town.emulate_media(media="print")
    for path, first, later in (
        (f"/cases/{case_id}", "Stammdaten", "Aufgaben"),
        ("/my-municipality", "Was wir noch tun müssen", "Worauf wir warten"),
    ):
        town.goto(path)
        above, below = (town.get_by_role("heading", name=name, exact=True).bounding_box() for name in (first, later))
        assert above is not None
        assert below is not None
        assert above["y"] < below["y"], path


def test_a_town_finishes_its_first_task_without_javascript_and_by_keyboard(site: Site) -> None:
    world = site.world
    case_id = world.open()
    context = site.browser.new_context(base_url=site.base_url, locale="de-DE", java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("E-Mail-Adresse").fill(address(world, "digi"))
    page.get_by_label("Passwort", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    tab_to(page, page.locator("a[href*='/tasks/']").first)
    page.keyboard.press("Enter")
    page.wait_for_url("**/tasks/*")
    with world.look() as work:
        asked = work.catalogue.process("efa-onboarding", 1).task("express_interest").evidence
        given = world.answers(work, case_id, "express_interest")
    for name, value in given.items():
        tab_to(page, page.locator(f"[name='answer-{name}']").first)
        is_radio = page.locator(f"[name='answer-{name}']").first.get_attribute("type") == "radio"
        if asked[name].type == "flag" or is_radio:
            page.keyboard.press("Space")
        else:
            page.keyboard.type(str(value))
    tab_to(page, page.locator("form[action$='/submit'] button").first)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert world.row(case_id, "express_interest").status == "done", page.inner_text("main")
    context.close()


@pytest.mark.one_database
def test_faults_are_linked_to_their_fields_and_what_was_typed_stays(site: Site) -> None:
    world = site.world
    case_id = world.open()
    for name, who in (("express_interest", "digi"), ("confirm_responsibility", "team")):
        world.do(case_id, name, who)
    page = site.window("digi")
    page.goto(f"/tasks/{world.task(case_id, 'name_contacts')}")
    field = page.locator("form[action$='/submit'] input[type=text], form[action$='/submit'] input[type=email]").first
    typed_into = field.get_attribute("name")
    field.fill("Erika Beispiel")
    page.locator("form[action$='/submit'] button").click()
    summary = page.locator("#error-summary, [role=alert]").first
    expect(summary).to_be_visible()
    assert page.locator(f"[name='{typed_into}']").input_value() == "Erika Beispiel"
    broken = page.locator("[aria-invalid=true]").first
    assert page.locator(f"#{(broken.get_attribute('aria-describedby') or '').split()[-1]}").is_visible()
    assert Axe().run(page).response["violations"] == []


_WIDER_THAN_IT_LOOKS = "wraps => wraps.some(one => one.scrollWidth > one.clientWidth)"


def _picture(page: Page, name: str, *, whole: bool = True) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=whole)
