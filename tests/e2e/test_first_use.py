"""The first two minutes of somebody who knows nothing: from the mail of an invitation to a finished task."""

from __future__ import annotations

import dataclasses
import re
import time
from uuid import UUID

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site
from tests.smtp import MailServer
from tests.world import TOWN
from workflow import mailer

NEW = "nora.neu@kreis.example"
MOST_STEPS = 12
"""Clicks and fields somebody needs from the mail to the end of the first task; people take a few seconds for each."""


class Newcomer:
    """Somebody in front of a page, who does what it says and counts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.steps = 0

    def press(self, name: str) -> None:
        """Press the button or link one reads."""
        found = self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name))
        found.first.click()
        self.steps += 1

    def fill(self, label: str, words: str) -> None:
        """Write into the field one reads."""
        self.page.get_by_label(label).fill(words)
        self.steps += 1


def test_somebody_invited_finishes_the_first_task_knowing_nothing(site: Site, smtp: MailServer) -> None:
    world = site.world
    case_id = world.open()
    settings = dataclasses.replace(world.engine.settings, smtp_url=smtp.url)
    leitung = Newcomer(site.window("leitung"))
    leitung.page.goto(f"/bodies/{TOWN}")
    leitung.press("Alle ansehen und einladen")
    leitung.fill("E-Mail-Adresse", NEW)
    leitung.page.get_by_label("Digitalisierungsbeauftragte:r").check()
    leitung.press("Einladung senden")
    expect(leitung.page.get_by_text(f"Die Einladung an {NEW} ist unterwegs.")).to_be_visible()
    assert leitung.steps <= 4

    world.engine.settings = settings
    mailer.deliver(world.engine, worker="test")
    [mail] = smtp.sent_to(NEW)
    link = re.search(r"http://\S+/access/\S+", mail.text)
    assert link is not None

    began = time.monotonic()
    context = site.browser.new_context(locale="de-DE", viewport={"width": 1280, "height": 900})
    newcomer = Newcomer(context.new_page())
    newcomer.page.goto(link[0])
    newcomer.steps += 1
    assert Axe().run(newcomer.page).response["violations"] == []
    newcomer.fill("Ihr Vor- und Nachname", "Nora Neu")
    newcomer.fill("Ihr neues Passwort", "vier wilde worte dort")
    newcomer.press("Konto öffnen")
    expect(newcomer.page.get_by_role("heading", name="Ihre Aufgaben stehen ganz vorn")).to_be_visible()
    newcomer.press("Überspringen")

    expect(newcomer.page.get_by_role("heading", level=1)).to_contain_text("Guten")
    newcomer.press("Vormerkung annehmen oder Interesse bekunden")
    newcomer.press("Annehmen")
    for name, value in _answers(site, case_id).items():
        field = newcomer.page.locator(f"[name='answer-{name}']").first
        if field.get_attribute("type") in ("radio", "checkbox"):
            field.check()
        else:
            field.fill(value)
        newcomer.steps += 1
    newcomer.press("Erledigt melden")
    expect(newcomer.page.get_by_role("status").first).to_be_visible()
    row = world.row(case_id, "express_interest")
    assert row.status == "done", newcomer.page.inner_text("main")
    assert newcomer.steps <= MOST_STEPS
    assert time.monotonic() - began < 60
    context.close()


def _answers(site: Site, case_id: UUID) -> dict[str, str]:
    """What the task asks for, as somebody would fill it in."""
    with site.world.look() as work:
        given = site.world.answers(work, case_id, "express_interest")
    return {name: str(value) for name, value in given.items()}
