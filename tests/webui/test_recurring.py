"""What comes back, as the town reads it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.world import TOWN, World
from workflow import clock, prerequisites
from workflow.calendar import months_after
from workflow.engine import SYSTEM


def test_a_town_finds_it_among_its_tasks_does_it_and_reads_when_it_comes_again(
    visit: Callable[[str], Visitor], world: World
) -> None:
    case_id = world.open()
    world.walk(case_id)
    with world.engine.change(SYSTEM) as work:
        year = months_after(world.case(case_id).live_on, 12)
        clock.set_to(work, dt.datetime.combine(year, dt.time(9), tzinfo=work.catalogue.calendar.zone))
    prerequisites.recur(world.engine)
    row = world.prerequisite("contacts_check")
    address = f"/prerequisites/{row.id}"
    visitor = visit("digi")
    said = words(visitor.get("/").text)
    assert "Wiederkehrende Aufgabe Ansprechpersonen und Zertifikate prüfen" in said
    page = visitor.get(address).text
    sound(page)
    assert "Alle 12 Monate, gerechnet von dem Tag" in words(page)
    assert "Wer darauf wartet" not in page
    body = words(visitor.get(f"/bodies/{TOWN}").text)
    assert "Wiederkehrende Aufgaben" in body

    visitor.post(f"{address}/complete", **{"seen": str(row.version), "answer-result": "as_before"})
    page = visitor.get(address).text
    sound(page)
    assert "wieder am Do., 23. November 2028" in words(page)
    assert "/complete" not in page
    assert "wieder am Do., 23. November 2028" in words(visitor.get(f"/bodies/{TOWN}").text)
