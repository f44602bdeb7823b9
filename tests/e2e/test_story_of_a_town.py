"""A town that begins: it looks at its page, asks for a service, gets its first task and takes it on, on a phone."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Site


def test_a_town_asks_for_a_service_and_takes_on_its_first_task(site: Site) -> None:
    town, team = site.window("stranger"), site.window("team")
    town.get_by_role("link", name="Meine Kommune").click()
    expect(town.get_by_role("heading", level=1)).to_have_text("Ihre Kommune hat noch keine Leistung angebunden.")
    town.get_by_role("link", name="Leistungen ansehen").click()
    town.wait_for_url("**/services?*")
    town.get_by_role("link", name=re.compile("^Anbindung anfragen ?: Wohngeld$")).click()
    town.get_by_text("Etwas dazu schreiben").click()
    town.get_by_label("Was wir dazu wissen sollten").fill("Wir können im März anfangen.")
    town.get_by_role("button", name="Anbindung anfragen").click()
    expect(town.get_by_role("main")).to_contain_text("Ihre Anfrage ist beim Umsetzungsteam.")
    expect(town.get_by_role("button", name="Anbindung anfragen")).to_have_count(0)

    team.goto("/")
    team.get_by_role("link", name="1 Anfrage einer Kommune wartet auf Antwort").click()
    expect(team.get_by_role("main")).to_contain_text("Wir können im März anfangen.")
    team.get_by_role("button", name=re.compile("^Vorgang öffnen ?: Wohngeld, Stadt Worms$")).click()
    expect(team.get_by_role("main")).to_contain_text("Der Vorgang ist eröffnet.")

    town.set_viewport_size({"width": 390, "height": 844})
    town.get_by_role("link", name="Kommune", exact=True).click()
    expect(town.get_by_role("region", name="Was wir noch tun müssen")).to_contain_text("Das sind Sie")
    expect(town.get_by_role("complementary", name="Worauf wir warten")).to_contain_text(
        "Nachnutzungsvertrag des Landes"
    )
    town.get_by_role("link", name=re.compile("^Vormerkung annehmen")).click()
    town.get_by_role("button", name="Annehmen").click()
    expect(town.get_by_role("button", name=re.compile("^Annahme aufheben"))).to_be_visible()
    expect(town.locator("summary", has_text="Ablehnen")).to_be_visible()
    town.goto("/my-municipality")
    expect(town.get_by_role("region", name="Was wir noch tun müssen")).to_contain_text("von Ihnen angenommen")
