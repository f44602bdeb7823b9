"""Pages of waves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.world import STRANGE_TOWN, World
from workflow.models import Case

WAVE = "welle-2027-02"


@pytest.fixture
def waving(world: World) -> World:
    """Two cases in one wave."""
    world.open()
    world.open(body=STRANGE_TOWN)
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Case).values(wave=WAVE))
    return world


def test_a_wave_says_who_is_ready_what_is_missing_and_what_ready_means(
    visit: Callable[[str], Visitor], waving: World
) -> None:
    page = visit("office").get(f"/waves/{WAVE}").text
    sound(page)
    said = words(page)
    assert "0 von 2 Vorgängen sind bereit oder schon übergeben" in said
    assert "was vor der Aufgabe „Zum Stichtag an das Roll-out-Team übergeben“ kommt" in said
    assert "Vormerkung annehmen oder Interesse bekunden Digitalisierungsbeauftragte:r" in said
    assert f'href="/waves/{WAVE}?lack=task:express_interest"' in page
    for narrowed in ("?lack=task:express_interest", "?show=ready", "?show=delivered", "?team=x&page=0", "?page=x"):
        sound(visit("office").get(f"/waves/{WAVE}{narrowed}").text)
    assert visit("office").get("/waves/x").status_code == 404


def test_everybody_finds_the_waves_from_the_overview(visit: Callable[[str], Visitor], waving: World) -> None:
    for who in ("digi", "admin", "team"):
        visitor = visit(who)
        assert f'href="/waves/{WAVE}"' in visitor.get("/programme").text
        page = visitor.get("/waves").text
        sound(page)
        assert "noch 1 Arbeitstag" not in words(page)
        sound(visitor.get(f"/waves/{WAVE}").text)
    assert "Stadt Worms" not in words(visit("digi").get(f"/waves/{WAVE}").text)
    assert "Keine Vorgänge in dieser Welle" in words(visit("admin").get(f"/waves/{WAVE}").text)
