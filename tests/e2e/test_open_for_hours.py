"""A page that is open for hours: it says that something moved, loses no word, and stays where one is."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Site
from workflow import tasks


@pytest.mark.one_database  # what is kept, and what a page is told, is asked on both elsewhere
def test_a_page_open_for_hours_loses_no_word(site: Site) -> None:
    world = site.world
    case_id = world.open()
    world.bring(case_id, "name_contacts")
    task_id = world.task(case_id, "name_contacts")
    page = site.window("digi")
    page.goto(f"/tasks/{task_id}")
    form = page.locator("form[action$='/submit']")
    field = form.locator("input[type=text]").first
    field.press_sequentially("Erika Beispiel")
    expect(form.get_by_role("status")).to_contain_text("Entwurf gespeichert um", timeout=8000)

    with world.by("digi") as work:  # in another window
        tasks.accept(work, task_id)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    bar = page.get_by_role("status").filter(has_text="Die Aufgabe hat sich inzwischen geändert.")
    expect(bar).to_be_visible()
    expect(field).to_be_focused()
    field.press_sequentially(" und Max")
    bar.get_by_role("button", name="Neu laden").press("Enter")
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"Ihr Entwurf von \d\d:\d\d Uhr steht im Formular"))
    expect(field).to_have_value("Erika Beispiel und Max")

    page.context.set_offline(True)
    field.press("End")
    field.press_sequentially(" Muster")
    form.get_by_role("button").first.click()
    expect(form.get_by_role("status")).to_contain_text("Sie sind offline")
    expect(field).to_have_value("Erika Beispiel und Max Muster")
    lost = page.get_by_role("status").filter(has_text="Keine Verbindung. Was Sie eingegeben haben, steht noch hier.")
    expect(lost).to_be_visible()
    expect(form.get_by_role("button").first).to_be_focused()
    page.context.set_offline(False)
    expect(lost).to_be_hidden()
    field.press("End")
    field.press_sequentially("mann")
    expect(form.get_by_role("status")).to_contain_text("Entwurf gespeichert um", timeout=8000)
    page.get_by_role("button", name="Entwurf verwerfen").click()
    expect(page.locator("#notice")).to_contain_text("Der Entwurf ist verworfen.")
    expect(field).to_have_value("")
    site.complaints[:] = [one for one in site.complaints if "ERR_INTERNET_DISCONNECTED" not in one]
