"""Searching from the head of every page."""

from __future__ import annotations

import re
from collections.abc import Callable

from markupsafe import escape

from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.world import STRANGE_TOWN, World


def test_the_head_of_every_page_leads_to_what_somebody_looks_for(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    visitor = visit("digi")
    page = visitor.get("/services").text
    assert re.search(r'<form class="sk-search" method="get" action="/search" role="search"', page)
    assert '<a class="sk-searchlink" href="/search">' in page
    answer = visitor.get("/search", query_string={"q": "Mainz-Bingen"})
    sound(answer.text)
    said = words(answer.text)
    assert re.findall(r"<h2[^>]*>([^<]+)<", answer.text) == ["Vorgänge ", "Kommunen "]
    assert "2 Treffer für „Mainz-Bingen“." in said
    assert f'href="/cases/{case_id}"' in answer.text
    assert 'role="status"' in answer.text


def test_the_number_of_a_case_leads_straight_to_it(visit: Callable[[str], Visitor], world: World) -> None:
    case_id, theirs = world.open(), world.open(body=STRANGE_TOWN)
    for typed in ("wohngeld-07339-1", " WOHNGELD-07339-1 "):
        answer = visit("digi").get("/search", query_string={"q": typed})
        assert (answer.status_code, answer.location) == (303, f"/cases/{case_id}")
    foreign = visit("digi").get("/search", query_string={"q": world.case(theirs).number})
    assert foreign.status_code == 200
    assert "Nichts gefunden" in words(foreign.text)


def test_a_page_without_a_question_a_short_one_and_strange_ones(visit: Callable[[str], Visitor], world: World) -> None:
    visitor = visit("admin")
    assert "Wonach suchen Sie?" in words(visitor.get("/search").text)
    assert "mindestens 2 Zeichen" in words(visitor.get("/search?q=x").text)
    for typed in ("<script>alert(1)</script>", "%_\\'\"", "🙂🙂", "x" * 10_000, "'; drop table body; --"):
        answer = visitor.get("/search", query_string={"q": typed})
        sound(answer.text)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert str(escape(typed[:100])) in answer.text
        assert ("Ihre Suche war sehr lang." in words(answer.text)) == (len(typed) > 100)


def test_administrators_are_led_to_the_page_of_a_person(visit: Callable[[str], Visitor], world: World) -> None:
    assert f'href="/people/{world["kasse"]}"' in visit("admin").get("/search?q=kasse").text
    assert "/people/" not in visit("digi").get("/search?q=kasse").text.partition("<main")[2]


def test_many_results_lead_to_the_whole_list(visit: Callable[[str], Visitor], world: World) -> None:
    page = visit("digi").get("/search?q=verbandsgemeinde").text
    assert page.count('class="sk-rows__title"') == 10
    assert "Mehr als 10 Treffer" in words(page)
    assert 'href="/bodies?q=verbandsgemeinde"' in page
    alone = visit("digi").get("/search?q=vg&only=bodies").text
    assert alone.count('class="sk-rows__title"') == 100
