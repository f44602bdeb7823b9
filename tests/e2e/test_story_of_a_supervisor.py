"""A supervisor and the programme office: what cannot go on, the number and its list, and a word to the town."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Site
from tests.world import TOWN
from workflow import messages, reminders


def test_from_what_was_escalated_to_a_word_the_town_has_read(site: Site) -> None:
    world = site.world
    world.open("wohngeld")
    world.open("uvg")
    world.days(27)
    reminders.decide(world.engine)
    supervisor = site.window("supervisor")
    supervisor.set_default_timeout(6000)

    # What cannot go on comes first, with the next step as a button.
    supervisor.goto("/")
    expect(supervisor.get_by_role("heading", level=1)).to_contain_text("ohne Sie nicht weiter")
    supervisor.get_by_role("region", name="Bitte entscheiden Sie").get_by_role("link", name="Entscheiden").first.click()
    expect(supervisor.get_by_role("heading", level=1)).to_have_text("An Sie eskaliert")
    case = supervisor.get_by_role("main").get_by_role("link", name=re.compile("^(wohngeld|uvg)-")).first
    number = case.inner_text()
    case.click()
    expect(supervisor.get_by_role("main")).to_contain_text(number)

    # From a number to what it counts.
    supervisor.goto("/teams/load")
    late = supervisor.get_by_role("row", name=re.compile("^Warten auf Kommunen")).get_by_role("link").nth(1)
    said = re.match(r"\d+", late.inner_text())
    assert said is not None
    late.click()
    expect(supervisor.get_by_role("heading", level=1)).to_have_text(re.compile(rf"^{said[0]} offene Aufgaben?$"))
    expect(supervisor.locator("tbody tr")).to_have_count(int(said[0]))

    # A word to the town: written, looked at, sent; nothing goes out before.
    supervisor.goto("/announcements/new")
    supervisor.get_by_label("Betreff").fill("Bitte melden Sie sich")
    supervisor.get_by_label("Text", exact=True).fill("Ihre Frist ist vorbei.\n\nRufen Sie uns an, wir helfen.")
    supervisor.get_by_label("Einzelne Kommunen", exact=True).check()
    supervisor.get_by_text("Liste der Kommunen", exact=True).click()
    supervisor.get_by_role("checkbox", name="Landkreis Mainz-Bingen").check()
    supervisor.get_by_role("button", name="Vorschau ansehen").click()
    expect(supervisor.get_by_role("heading", level=1)).to_have_text("1 Kommune bekommt dieses Rundschreiben")
    expect(supervisor.get_by_role("region", name="Bitte melden Sie sich")).to_contain_text("wir helfen")
    supervisor.get_by_role("button", name="Jetzt an 1 Kommune senden").click()
    expect(supervisor.get_by_role("main")).to_contain_text("Gelesen in 0 von 1 Kommune")
    messages.compose(world.engine)

    # The town finds it on its page, and puts it aside.
    town = site.window("digi")
    town.set_default_timeout(6000)
    town.goto("/my-municipality")
    told = town.get_by_role("region", name="Neues Rundschreiben")
    expect(told).to_contain_text("Rufen Sie uns an")
    told.get_by_role("button", name="Als gelesen ablegen").click()
    expect(town.get_by_role("status").first).to_contain_text("als gelesen abgelegt")
    expect(told).to_have_count(0)
    office = site.window("office")
    office.goto("/announcements")
    expect(office.get_by_role("main")).to_contain_text("Gelesen in 1 von 1 Kommune")

    # The team prepares the talk and notes that it took place.
    team = site.window("team")
    team.set_default_timeout(6000)
    team.goto(f"/bodies/{TOWN}/changes")
    expect(team.get_by_role("region", name="Zu besprechen").first).to_be_visible()
    team.get_by_role("button", name="Treffen festhalten").click()
    expect(team.get_by_role("heading", level=1)).to_have_text("Es hat sich nichts geändert.")
