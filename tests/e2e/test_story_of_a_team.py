"""A morning of an Umsetzungsteam: from the board to the list, a view for everybody, and many cases at once."""

from __future__ import annotations

import re

import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site
from tests.workflow.test_queries_lists import open_everything
from tests.world import World
from workflow.models import Case


def test_a_team_finds_what_is_late_shares_the_view_and_does_one_thing_with_many(site: Site) -> None:
    world = site.world
    open_everything(world, "wohngeld", "uvg")
    first = world.open("elterngeld")
    world.walk(first, until="contracted")
    world.days(14)
    page = site.window("team")

    # The board: where everything stands, the most urgent first; a card leads to its next step.
    page.set_default_timeout(6000)
    page.goto("/cases/board")
    column = page.get_by_role("region", name="Vertrag geschlossen")
    expect(column.get_by_role("listitem")).to_have_count(1)
    column.get_by_role("link", name=re.compile("Anbindung bestätigen.*Elterngeld")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Anbindung bestätigen")
    page.go_back()
    page.get_by_role("region", name="Angefragt").get_by_role("link", name=re.compile("Alle \\d+ anzeigen")).click()
    expect(page.get_by_role("columnheader", name="Fällig")).to_have_attribute("aria-sort", "ascending")

    # The list, narrowed: every filter is a word that can be taken away again.
    search = page.get_by_role("search", name="Vorgänge suchen und filtern")
    search.get_by_label("Leistung", exact=True).select_option("Wohngeld")
    search.get_by_text("Weitere Filter").click()
    search.get_by_label("Kommune", exact=True).select_option("Landkreis Mainz-Bingen")
    search.get_by_role("button", name="Anzeigen").first.click()
    expect(page.get_by_text("Weitere Filter (1 gesetzt)")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Kommune: Landkreis Mainz-Bingen").click()
    page.get_by_role("link", name=re.compile("^überfällig")).click()

    # Other columns, kept for the whole team; a colleague sees it and gets the same list.
    page.get_by_text("Spalten und Reihenfolge").click()
    columns = page.get_by_role("group", name="Spalten")
    columns.get_by_label("Zuletzt geändert", exact=True).check()
    columns.get_by_label("Nummer", exact=True).uncheck()
    columns.locator("xpath=ancestor::form").get_by_role("button").click()
    page.get_by_role("link", name="Diese Ansicht speichern").click()
    page.get_by_label("Name der Ansicht").fill("Wohngeld, überfällig")
    page.get_by_label("Umsetzungsteam Mitte").check()
    page.get_by_role("button", name="Speichern").click()
    expect(page.get_by_role("status").first).to_contain_text("Die Ansicht „Wohngeld, überfällig“ ist gespeichert.")
    colleague = site.window("colleague")
    colleague.goto("/cases")
    colleague.get_by_role("link", name="Wohngeld, überfällig").click()
    expect(colleague.get_by_role("columnheader", name="Zuletzt geändert")).to_be_visible()
    assert colleague.locator("tbody tr").count() == page.locator("tbody tr").count() > 3
    assert not Axe().run(colleague).response["violations"]

    # With the keyboard alone: down two rows, both ticked, and what would become of them.
    _with_keys(colleague)
    colleague.get_by_label("anhalten").check()
    colleague.get_by_role("button", name="Weiter: erst ansehen").click()
    colleague.get_by_label("Was hält den Vorgang auf?").select_option("Personal fehlt")
    colleague.get_by_label("Begründung").fill("Bis die Stelle besetzt ist.")
    colleague.get_by_label("Wann sehen Sie wieder nach?").fill("15.01.2027")
    colleague.get_by_role("button", name="Weiter: erst ansehen").click()
    expect(colleague.get_by_role("button", name="Jetzt mit 2 Vorgängen ausführen")).to_be_visible()
    assert not resting(world)  # it was only tried out


def resting(world: World) -> bool:
    with world.look() as work:
        return work.session.execute(sa.select(Case.id).where(Case.rests)).first() is not None


def _with_keys(page: Page) -> None:
    page.locator("body").press("j")
    expect(page.locator("tbody tr").nth(0).get_by_role("link")).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_text("2 Vorgänge ausgewählt")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("jx?")
    expect(page.get_by_role("searchbox", name="Suchen").first).to_have_value("jx?")  # while one types, keys are letters
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Tastenkürzel")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Schließen")).to_be_focused()  # whoever presses enter turns nothing off
    assert not Axe().run(page).response["violations"]
    dialog.get_by_role("button", name="Ausschalten").click()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    page.goto("/keyboard")
    page.get_by_role("button", name="Einschalten").click()
    page.go_back()
    for row in (0, 1):
        page.locator("tbody tr").nth(row).get_by_role("checkbox").check()
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Mit den ausgewählten …")).to_be_focused()
    page.keyboard.press("Enter")
