"""Several cases at once, in a browser: ticked, looked at first, done, watched."""

from __future__ import annotations

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site
from workflow import bulk
from workflow.bulk import Order

PICTURES = os.environ.get("STARTKLAR_PICTURES")


def _look(page: Page, name: str) -> None:
    found = Axe().run(page)
    assert not found.response["violations"], (name, found.generate_report())
    if PICTURES:
        for width, kind in ((1280, ""), (320, "-phone")):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=Path(PICTURES) / f"{name}{kind}.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})
    page.set_viewport_size({"width": 320, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= 320"), name
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_team_lets_several_cases_rest_and_sees_where_that_was_not_possible(site: Site) -> None:
    world = site.world
    for service in ("wohngeld", "uvg", "ikfz"):
        world.open(service)
    subjects = bulk.of_cases([world.open("elterngeld")])
    with world.by("team") as work:
        bulk_of_one = bulk.ask(
            work,
            Order("hold", {"blocker": "no_staff", "reason": "Urlaub", "review_on": f"{work.today.year + 1}-01-15"}),
            subjects,
        )
    page = site.window("team")
    page.goto(f"/bulk/{bulk_of_one.id}")
    expect(page.get_by_text("Der Vorgang ist bearbeitet.")).to_be_visible()
    page.goto("/cases")
    for service in ("Elterngeld", "Wohngeld", "Unterhaltsvorschuss"):
        page.get_by_label(f"{service}, Landkreis Mainz-Bingen auswählen").check()
    _look(page, "bulk-1-list")
    page.get_by_role("button", name="Mit den ausgewählten …").click()
    _look(page, "bulk-2-choose")
    page.get_by_label("anhalten").check()
    page.get_by_role("button", name="Weiter: erst ansehen").click()
    page.get_by_label("Was hält den Vorgang auf?").select_option("Personal fehlt")
    page.get_by_label("Begründung").fill("Bis zum Umzug der Abteilung.")
    page.get_by_label("Wann sehen Sie wieder nach?").fill("15.01.2027")
    _look(page, "bulk-3-form")
    page.get_by_role("button", name="Weiter: erst ansehen").click()
    expect(page.get_by_text("Bei einem Vorgang geht es nicht")).to_be_visible()
    _look(page, "bulk-4-try")
    page.get_by_role("button", name="Jetzt mit 2 Vorgängen ausführen").click()
    expect(page.get_by_text("Bearbeitet: 2. Bei einem Vorgang ging es nicht.")).to_be_visible()
    _look(page, "bulk-5-done")
    page.get_by_role("button", name="Nur diese noch einmal versuchen").click()
    expect(page.get_by_text("Bei keinem dieser Vorgänge ist das jetzt möglich.")).to_be_visible()
    assert not site.complaints
