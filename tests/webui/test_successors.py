"""What the pages say when a body has ended and its cases have gone to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.gv100ad import EXCERPT
from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.world import World
from workflow import bodies
from workflow.exchange import gv100ad

BODENHEIM, RHEIN_SELZ = "073395002000", "073395007000"


@pytest.mark.parametrize("who", ["team", "office", "auditor"])
def test_the_pages_lead_from_what_ended_to_what_goes_on_and_back(
    visit: Callable[[str], Visitor], world: World, who: str
) -> None:
    ended, goes_on = world.open("ewa", BODENHEIM), world.open("ewa", RHEIN_SELZ)
    moved = world.open("eheschliessung", BODENHEIM)
    present = gv100ad.read(EXCERPT)
    later = replace(present, bodies=tuple(body for body in present.bodies if body.ars != BODENHEIM))
    bodies.follow(world.engine, world["office"], later, "07", {BODENHEIM: RHEIN_SELZ})

    visitor = visit(who)
    english = who == "auditor"
    page = visitor.get(f"/cases/{ended}").text
    sound(page)
    assert ("It goes on with: ewa-073395007-1" if english else "Es geht weiter mit: ewa-073395007-1") in words(page)
    assert f'<a href="/cases/{goes_on}">ewa-073395007-1</a>' in page
    page = visitor.get(f"/cases/{goes_on}").text
    sound(page)
    assert f'<a href="/cases/{ended}">ewa-073395002-1</a>' in page
    page = visitor.get(f"/cases/{moved}").text
    sound(page)
    assert (
        "The case went from Verbandsgemeinde Bodenheim to Verbandsgemeinde Rhein-Selz."
        if english
        else "Der Vorgang ging von Verbandsgemeinde Bodenheim an Verbandsgemeinde Rhein-Selz über."
    ) in words(page)
    page = visitor.get(f"/bodies/{BODENHEIM}").text
    sound(page)
    assert f'<a href="/bodies/{RHEIN_SELZ}">Verbandsgemeinde Rhein-Selz</a>' in page
