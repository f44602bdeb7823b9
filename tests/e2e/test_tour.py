"""docs/tour.md, walked as a newcomer would: the demo, several people, the clock moved, the mail read.

With STARTKLAR_PICTURES the whole example is played first and the pictures of README and tour are written there.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.demo.started import ROOT, started

PICTURES = os.environ.get("STARTKLAR_PICTURES")
PASSWORD = "startklar-demo"
TASK = "Vormerkung annehmen oder Interesse bekunden"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_tour_can_be_walked_as_it_is_written(tmp_path: Path, browser: Browser) -> None:
    data = tmp_path / "demo-data"
    everything = ("--cases", "70") if PICTURES else ()
    with started(data, *everything) as running:
        told = running.told()
        base_url, mail_url = told["base_url"], told["mail_url"]

        town = _signed_in(browser, base_url, "digi@ingelheim.example")
        _picture(town, "inbox")
        _a_town_finishes_a_task(town)

        team = _signed_in(browser, base_url, "team@umsetzung.example")
        _the_team_takes_it_further(team)
        _picture(team, "case")

        office = _signed_in(browser, base_url, "programm@programm.example")
        _where_everything_stands(office)

        _the_clock_moves(town, data)
        _the_supervisor_has_mail(browser, mail_url, base_url, data)
        running.end()


def _a_town_finishes_a_task(page: Page) -> None:
    page.get_by_role("link", name=re.compile(TASK)).first.click()
    page.get_by_text("Warum dieses Datum?").first.click()
    expect(page.get_by_role("main")).to_contain_text("Arbeitstage")
    page.get_by_label("Datum der Bestätigung").fill(f"{dt.datetime.now(tz=dt.UTC):%d.%m.%Y}")
    page.get_by_label("Zuständige Stelle in Ihrem Haus").fill("Fachbereich Soziales")
    page.get_by_role("button", name="Erledigt melden").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text(f"„{TASK}“ ist erledigt. Vielen Dank.")
    expect(main).to_contain_text("Wohngeld – Stadt Ingelheim am Rhein")
    expect(main).to_contain_text("Als Nächstes")


def _the_team_takes_it_further(page: Page) -> None:
    main = page.get_by_role("main")
    expect(main).to_contain_text("für die Kommune")
    page.get_by_role("link", name="Zuständigkeit und Fallzuschnitt prüfen").first.click()
    page.get_by_role("radio", name="Stadtverwaltung").check()
    page.get_by_role("checkbox", name=re.compile("Der Schlüssel")).check()
    page.get_by_role("radio", name="Die Kommune ist zuständig").check()
    page.get_by_role("button", name="Erledigt melden").click()
    expect(main).to_contain_text("ist erledigt")
    expect(main).to_contain_text("Ansprechpersonen nennen")


def _where_everything_stands(page: Page) -> None:
    page.get_by_role("link", name="Übersicht").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text("Stand je Leistung")
    _picture(page, "overview")
    page.set_viewport_size({"width": 390, "height": 844})
    _picture(page, "overview-phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("link", name="Leistungen", exact=True).click()
    page.get_by_role("link", name="Wohngeld", exact=True).first.click()
    page.get_by_role("link", name=re.compile("Nachnutzungsvertrag des Landes")).first.click()
    page.get_by_label("Aktenzeichen des Vertrags").fill("MASTD 12/2026")
    page.get_by_label("Datum der Unterschrift").fill("02.11.2026")
    page.get_by_label("Version des Vertrags").fill("1")
    page.get_by_role("button", name="Erreicht melden").click()
    expect(main).to_contain_text("erreicht")


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


def _the_supervisor_has_mail(browser: Browser, mail_url: str, base_url: str, data: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="de-DE")
    address = "aufsicht@umsetzung.example"
    overdue = page.get_by_role("link", name=re.compile("überfällig"))
    for look in range(300):
        page.goto(f"{mail_url}/?to={address}")
        if overdue.count():
            break
        if look == 150:  # on 24 and 31 December nobody is mailed
            _days_pass(data, 1)
        page.wait_for_timeout(200)
    overdue.first.click()
    expect(page.locator("body")).to_contain_text("überfällig")
    _picture(page, "mail")
    page.close()

    supervisor = _signed_in(browser, base_url, address)
    expect(supervisor.get_by_role("main")).to_contain_text(re.compile(r"\d+ Aufgaben im Team sind überfällig"))


def _signed_in(browser: Browser, base_url: str, address: str) -> Page:
    context = browser.new_context(base_url=base_url, locale="de-DE", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto("/")
    page.get_by_label("E-Mail-Adresse").fill(address)
    page.get_by_label("Passwort", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    page.wait_for_url(re.compile(r"/$"))
    return page


def _picture(page: Page, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))
