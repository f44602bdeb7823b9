"""docs/tour.md, walked as a newcomer would: every audience's pages, the clock moved, the mail read.

With STARTKLAR_PICTURES the whole example is played first, and the pictures of README and tour are written there.
"""

from __future__ import annotations

import base64
import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.demo.started import ROOT, started

PICTURES = os.environ.get("STARTKLAR_PICTURES")
LARGEST = 60_000
"""Bytes of one picture: the repository carries them all."""
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 760}
PASSWORD = "startklar-demo"
TASK = "Vormerkung annehmen oder Interesse bekunden"
TOWN = "Stadt Ingelheim am Rhein"


@pytest.mark.slow
@pytest.mark.timeout(900 if PICTURES else 400)
def test_the_tour_can_be_walked_as_it_is_written(tmp_path: Path, browser: Browser) -> None:
    data = tmp_path / "demo-data"
    everything = ("--cases", "70") if PICTURES else ()
    with started(data, *everything) as running:
        told = running.told(within=300 if PICTURES else 60)
        walk(browser, told["base_url"], told["mail_url"], data)
        running.end()


def test_what_the_tour_quotes_stands_on_a_page() -> None:
    tour = re.sub(r"^\* ", "", (ROOT / "docs/tour.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    quotes = {" ".join(one.split()) for one in re.findall(r"\*([^*]+)\*", tour)}
    assert len(quotes) > 60
    files = [*ROOT.glob("*/locale/de.po"), *(ROOT / "definitions").rglob("*.yaml"), ROOT / "demo/example.py"]
    words = " ".join(" ".join(path.read_text(encoding="utf-8").split()) for path in files).replace('" "', "")
    parts = {part.strip() for one in quotes for part in one.split("…")} - {""}
    assert [part for part in sorted(parts) if part not in words] == []


def test_pictures_of_the_tour_are_there_small_and_described() -> None:
    shown = set()
    for page in (ROOT / "README.md", ROOT / "docs/tour.md"):
        for alt, path in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert len(alt) > 20, path
            shown.add((page.parent / path).resolve())
        for alt, path in re.findall(r'<img alt="([^"]*)" src="([^"]+)"', page.read_text(encoding="utf-8")):
            assert len(alt) > 20, path
            shown.add((page.parent / path).resolve())
    assert shown == set((ROOT / "docs/pictures").iterdir())
    assert all(path.stat().st_size <= LARGEST for path in shown)


def walk(browser: Browser, base_url: str, mail_url: str, data: Path) -> None:
    """The tour through a demo that runs."""
    _somebody_new_comes_in(browser, mail_url)

    town = _signed_in(browser, base_url, "digi@ingelheim.example")
    _picture(town, "inbox")
    _a_town_finishes_a_task(town)
    _a_town_looks_around(town)

    team = _signed_in(browser, base_url, "team@umsetzung.example")
    _the_team_takes_it_further(team)
    _the_team_looks_at_many(team)
    _the_team_prepares_a_talk(team)

    office = _signed_in(browser, base_url, "programm@programm.example")
    _where_everything_stands(office)
    _the_office_acts(office)

    _the_clock_moves(town, data)
    _the_supervisor_has_mail(browser, mail_url, data)
    _the_supervisor_decides(_signed_in(browser, base_url, "aufsicht@umsetzung.example"))
    _the_administrator_looks_after_it(_signed_in(browser, base_url, "admin@programm.example", lands_on="/admin"))


def _somebody_new_comes_in(browser: Browser, mail_url: str) -> None:
    page = browser.new_page(viewport=DESKTOP, locale="de-DE")
    link = None
    for _ in range(300):
        mails = page.request.get(f"{mail_url}/api/messages?to=neu%40ingelheim.example").json()
        link = re.search(r"http://\S+/access/\S+", mails[0]["text"]) if mails else None
        if link is not None:
            break
        page.wait_for_timeout(200)
    assert link is not None
    page.goto(link[0])
    expect(page.get_by_role("heading", level=1)).to_have_text("Willkommen bei Startklar")
    _picture(page, "invitation")
    page.get_by_label("Ihr neues Passwort").fill("vier wilde worte dort")
    page.get_by_role("button", name="Konto öffnen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ihre Aufgaben stehen ganz vorn")
    page.get_by_role("link", name="Weiter").or_(page.get_by_role("button", name="Weiter")).first.click()
    page.get_by_role("button", name="Überspringen").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Guten")
    page.context.close()


def _a_town_finishes_a_task(page: Page) -> None:
    page.get_by_role("link", name=re.compile(TASK)).first.click()
    _picture(page, "task-phone", phone=True)
    page.get_by_text("Warum dieses Datum?").first.click()
    expect(page.get_by_role("main")).to_contain_text("Arbeitstage")
    page.get_by_label("Datum der Bestätigung").fill(f"{dt.datetime.now(tz=dt.UTC):%d.%m.%Y}")
    page.get_by_label("Zuständige Stelle in Ihrem Haus").fill("Fachbereich Soziales")
    page.get_by_role("button", name="Erledigt melden").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text(f"„{TASK}“ ist erledigt. Vielen Dank.")
    expect(main).to_contain_text(f"Wohngeld – {TOWN}")
    expect(main).to_contain_text("Als Nächstes")


def _a_town_looks_around(page: Page) -> None:
    main = page.get_by_role("main")
    _go(page, "Meine Kommune")
    page.get_by_role("region", name="Neues Rundschreiben").get_by_role("button", name="Als gelesen ablegen").click()
    for part in ("Was wir noch tun müssen", "Worauf wir warten", "Alle Leistungen"):
        expect(page.get_by_role("heading", name=part, exact=True)).to_be_visible()
    page.reload()
    _picture(page, "municipality")
    _picture(page, "municipality-phone", phone=True)
    year = page.get_by_role("region", name="Das kommende Jahr")
    expect(year).to_contain_text("Fragen zum Wohngeld")
    _picture(page, "year", top=year)

    page.get_by_role("link", name="Zum Katalog").click()
    expect(main).to_contain_text(f"In Ihrer Kommune: {TOWN}")
    expect(main).to_contain_text("Anfrage läuft")
    _picture(page, "catalogue")
    page.get_by_role("link", name=re.compile("^Anbindung anfragen")).first.click()
    page.get_by_role("button", name="Anbindung anfragen").click()
    expect(main).to_contain_text("Ihre Anfrage ist beim Umsetzungsteam.")

    _go(page, "Meine Kommune")
    page.get_by_role("link", name="Jemanden einladen").click()
    page.get_by_label("E-Mail-Adresse").fill("kollegin@ingelheim.example")
    page.get_by_label("Kasse", exact=True).check()
    page.get_by_role("button", name="Einladung senden").click()
    expect(main).to_contain_text("Die Einladung an kollegin@ingelheim.example ist unterwegs.")


def _the_team_takes_it_further(page: Page) -> None:
    main = page.get_by_role("main")
    expect(main).to_contain_text("für die Kommune")
    ours = main.locator("tr, li").filter(has_text=TOWN).filter(has_text="Wohngeld")
    ours.get_by_role("link", name="Zuständigkeit und Fallzuschnitt prüfen").first.click()
    page.get_by_role("radio", name="Stadtverwaltung").check()
    page.get_by_role("checkbox", name=re.compile("Der Schlüssel")).check()
    page.get_by_role("radio", name="Die Kommune ist zuständig").check()
    page.get_by_role("button", name="Erledigt melden").click()
    expect(main).to_contain_text("ist erledigt")
    expect(main).to_contain_text("Ansprechpersonen nennen")
    expect(page.get_by_role("region", name="Gespräch")).to_contain_text(
        re.compile("Ihr Entwurf von .* steht im Formular")
    )
    page.reload()
    _picture(page, "case")

    _go(page, "Meine Aufgaben")
    page.get_by_role("link", name="2 Anfragen von Kommunen warten auf Antwort").click()
    page.get_by_role("button", name="Vorgang öffnen").first.click()
    expect(main).to_contain_text("Der Vorgang ist eröffnet.")


def _the_team_looks_at_many(page: Page) -> None:
    main = page.get_by_role("main")
    _go(page, "Vorgänge")
    page.get_by_role("link", name="Was noch läuft").click()
    expect(page.get_by_role("heading", level=2, name="Angefragt")).to_be_visible()
    _picture(page, "board", dark=True, top=page.locator(".sk-board"))
    page.get_by_role("link", name="Matrix", exact=True).click()
    expect(page.get_by_role("table")).to_be_visible()
    _picture(page, "matrix", top=page.get_by_role("main").get_by_role("navigation").first)
    page.goto("/blockers")
    expect(main).to_contain_text("Worauf Vorgänge warten")
    _go(page, "Übersicht")
    page.get_by_role("link", name="Wer ist bereit für welchen Stichtag?").click()
    expect(page.get_by_role("heading", name="Kommende Wellen")).to_be_visible()
    _search(page, "woerrstadt")
    expect(main).to_contain_text("Verbandsgemeinde Wörrstadt")


def _the_team_prepares_a_talk(page: Page) -> None:
    _search(page, "ingelheim")
    page.get_by_role("region", name="Kommunen").get_by_role("link", name=TOWN).click()
    page.get_by_role("link", name="Was sich geändert hat").click()
    expect(page.get_by_role("heading", name="Zu besprechen")).to_be_visible()
    _picture(page, "changes")
    page.get_by_role("button", name="Treffen festhalten").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Es hat sich nichts geändert.")


def _where_everything_stands(page: Page) -> None:
    _go(page, "Übersicht")
    main = page.get_by_role("main")
    expect(main).to_contain_text("Stand je Leistung")
    _picture(page, "overview")
    _picture(page, "overview-phone", phone=True, dark=True)
    page.get_by_role("link", name="Alle Meilensteine ansehen").click()
    page.wait_for_url("**/milestones")
    _go(page, "Leistungen")
    page.get_by_role("link", name="Wohngeld", exact=True).first.click()
    page.get_by_role("link", name=re.compile("Nachnutzungsvertrag des Landes")).first.click()
    page.get_by_label("Aktenzeichen des Vertrags").fill("MASTD 12/2026")
    page.get_by_label("Datum der Unterschrift").fill("02.11.2026")
    page.get_by_label("Version des Vertrags").fill("1")
    page.get_by_role("button", name="Erreicht melden").click()
    expect(main).to_contain_text("erreicht")


def _the_office_acts(page: Page) -> None:
    _go(page, "Kommunen")
    page.get_by_role("link", name="Rundschreiben").click()
    expect(page.get_by_role("main")).to_contain_text("Gelesen in 1 von 10 Kommunen")
    page.get_by_role("link", name="Rundschreiben verfassen").click()
    page.get_by_label("Betreff").fill("Wohngeld: Der Vertrag ist da")
    page.get_by_label("Text", exact=True).fill("Das Land hat unterschrieben. Sie können anfangen.")
    page.get_by_label(re.compile("^Alle .* Kommunen, für die")).check()
    page.get_by_role("button", name="Vorschau ansehen").click()
    expect(page.get_by_role("button", name=re.compile("^Jetzt an .* senden$"))).to_be_visible()


def _the_clock_moves(page: Page, data: Path) -> None:
    page.goto(page.url)
    before = page.get_by_text("Probebetrieb mit Beispieldaten").inner_text()
    page.get_by_role("button", name="Einen Arbeitstag weiter").click()
    expect(page.get_by_role("main")).to_contain_text("Ein Arbeitstag ist vergangen")
    assert page.get_by_text("Probebetrieb mit Beispieldaten").inner_text() != before
    _days_pass(data, 23)


def _days_pass(data: Path, working_days: int) -> None:
    words = [sys.executable, "-m", "workflow.cli", "clock", "advance", "--working-days", str(working_days)]
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("STARTKLAR_")}
    subprocess.run(words, cwd=ROOT, env=surroundings | {"STARTKLAR_DATA": str(data)}, check=True, capture_output=True)


def _the_supervisor_has_mail(browser: Browser, mail_url: str, data: Path) -> None:
    page = browser.new_page(viewport=DESKTOP, locale="de-DE")
    overdue = page.get_by_role("link", name=re.compile("überfällig"))
    for look in range(300):
        page.goto(f"{mail_url}/?to=aufsicht@umsetzung.example")
        if overdue.count():
            break
        if look == 150:  # on 24 and 31 December nobody is mailed
            _days_pass(data, 1)
        page.wait_for_timeout(200)
    overdue.first.click()
    expect(page.locator("body")).to_contain_text("überfällig")
    _picture(page, "mail")
    page.context.close()


def _the_supervisor_decides(page: Page) -> None:
    main = page.get_by_role("main")
    expect(main).to_contain_text("kommen ohne Sie nicht weiter")
    expect(main).to_contain_text(re.compile(r"\d+ Aufgaben im Team sind überfällig"))
    _picture(page, "supervisor")
    page.get_by_role("region", name="Bitte entscheiden Sie").get_by_role("link", name="Entscheiden").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("An Sie eskaliert")
    _go(page, "Meine Aufgaben")
    page.get_by_role("link", name="Auslastung der Teams").click()
    expect(page.get_by_role("row", name=re.compile("^Warten auf Kommunen"))).to_be_visible()
    _picture(page, "load")


def _the_administrator_looks_after_it(page: Page) -> None:
    main = page.get_by_role("main")
    expect(main).to_contain_text("Eine Rückmeldung wartet auf Antwort")
    _go(page, "Personen")
    page.get_by_label("Name oder Adresse").fill("kollegin@")
    page.get_by_role("button", name="Anzeigen").click()
    expect(main).to_contain_text("Eingeladen")
    _go(page, "Definitionen")
    main.get_by_role("link", name=re.compile("Anbindung eines EfA-Dienstes")).first.click()
    expect(page.get_by_role("heading", name="Der Ablauf als Zeichnung")).to_be_visible()
    _picture(page, "definition", top=page.get_by_role("heading", name="Der Ablauf als Zeichnung"))
    _go(page, "Betrieb")
    page.get_by_role("link", name="Zur Prüfung").click()
    for _ in range(100):
        if main.get_by_text("Alles stimmt").count():
            break
        page.wait_for_timeout(200)
        page.reload()
    expect(main).to_contain_text("Alles stimmt")
    page.get_by_role("button", name="Noch einmal prüfen").click()
    expect(main).to_contain_text(re.compile("Die Prüfung läuft|Alles stimmt"))


def _go(page: Page, place: str) -> None:
    page.get_by_role("navigation", name="Hauptnavigation").get_by_role("link", name=place).click()


def _search(page: Page, words: str) -> None:
    page.get_by_role("searchbox").first.fill(words)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/search?q={words}")


def _signed_in(browser: Browser, base_url: str, address: str, *, lands_on: str = "/") -> Page:
    context = browser.new_context(base_url=base_url, locale="de-DE", viewport=DESKTOP)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("E-Mail-Adresse").fill(address)
    page.get_by_label("Passwort", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    page.wait_for_url(f"{base_url}{lands_on}")
    return page


def _picture(page: Page, name: str, *, phone: bool = False, dark: bool = False, top: Locator | None = None) -> None:
    """As WebP, as good as fits into what a picture may weigh; `top` is what it begins with."""
    if not PICTURES:
        return
    page.set_viewport_size(PHONE if phone else DESKTOP)
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.evaluate("document.activeElement.blur()")
    page.evaluate("document.fonts.ready")
    (top or page.locator("body")).evaluate("one => scrollTo(0, one.getBoundingClientRect().top + scrollY - 16)")
    view = {"x": page.evaluate("scrollX"), "y": page.evaluate("scrollY"), **(PHONE if phone else DESKTOP)}
    session = page.context.new_cdp_session(page)
    taken, quality = b"", 75
    while not taken or len(taken) > LARGEST:
        quality -= 5
        asked = {"format": "webp", "quality": quality, "clip": {**view, "scale": 1.5 if phone else 1}}
        taken = base64.b64decode(session.send("Page.captureScreenshot", asked)["data"])
    Path(PICTURES).mkdir(parents=True, exist_ok=True)
    (Path(PICTURES) / f"{name}.webp").write_bytes(taken)
    session.detach()
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")
