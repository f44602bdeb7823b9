"""The page on which somebody takes what waits for a role."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.world import World
from workflow.queries import queue


def test_somebody_takes_a_task_from_the_list_and_a_colleague_reads_who_has_it(
    visit: Callable[[str], Visitor], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "PAGE", 1)
    for service in ("wohngeld", "uvg"):
        world.do(world.open(service), "express_interest", "digi")
    visitor = visit("team")
    assert 'href="/queue"' in visitor.get("/").text
    page = visitor.get("/queue").text
    sound(page)
    assert "Noch frei 2" in words(page)
    assert "Umsetzungsteam · Landkreis Mainz-Bingen" in words(page)
    form = re.search(r'action="(/tasks/[0-9a-f-]+)/accept".*?name="seen" value="(\d+)"', page, re.DOTALL)
    assert form is not None
    further = re.search(r'rel="next" href="([^"]+)"', page)
    assert further is not None
    second = visitor.get(further[1].replace("&amp;", "&")).text
    sound(second)
    assert form[1] not in second

    assert visitor.post(f"{form[1]}/accept", seen=form[2]).headers["Location"] == form[1]
    colleague = visit("colleague")
    assert form[1] not in colleague.get("/queue").text
    taken = words(colleague.get("/queue?taken=yes").text)
    assert "Bei wem?" in taken
    assert re.search(r"Team seit Mo., 23. November", taken)


def test_whoever_has_no_role_there_finds_nothing(visit: Callable[[str], Visitor], world: World) -> None:
    world.open()
    for who in ("stranger", "auditor", "admin"):
        page = visit(who).get("/queue?role=body.digi").text
        sound(page)
        assert "/accept" not in page
        assert "Mainz-Bingen" not in page
