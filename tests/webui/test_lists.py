"""The list of cases as a page."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.webui.visitor import Visitor, words
from tests.world import TOWN, World
from workflow import cases
from workflow.models import Case


@pytest.fixture
def full(world: World) -> World:
    """Every case of two services is open."""
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld", "uvg"])
    cases.open_planned(world.engine, world["office"], planned)
    return world


def numbers(page: str) -> list[str]:
    """The numbers of the cases a page lists, in its order."""
    return re.findall(r">((?:wohngeld|uvg)-\d+-\d+)</td>", page)


def link(page: str, rel: str) -> str | None:
    """Where the button to the page before or after leads."""
    found = re.search(rf'rel="{rel}" href="([^"]+)"', page)
    return found[1].replace("&amp;", "&") if found else None


def test_a_team_leafs_through_all_its_cases_and_back(visit: Callable[[str], Visitor], full: World) -> None:
    visitor = visit("team")
    page = visitor.get("/cases").text
    listed = [numbers(page)]
    while after := link(page, "next"):
        page = visitor.get(after).text
        listed.append(numbers(page))
    with full.look() as work:
        ours = set(work.session.execute(sa.select(Case.number).where(Case.team == full.team)).scalars())
    flat = [number for numbers_ in listed for number in numbers_]
    assert len(flat) == len(set(flat))
    assert set(flat) == ours
    back = [listed[-1]]
    while before := link(page, "prev"):
        page = visitor.get(before).text
        back.insert(0, numbers(page))
    assert back == listed


def test_each_line_leads_to_its_case_and_says_who_must_act_until_when(
    visit: Callable[[str], Visitor], full: World
) -> None:
    page = visit("digi").get("/cases").text
    with full.look() as work:
        case_id = work.session.execute(sa.select(Case.id).where(Case.number == "wohngeld-07339-1")).scalar_one()
    assert f'href="/cases/{case_id}"' in page
    said = words(page)
    assert "Landkreis Mainz-Bingen Wohngeld , Landkreis Mainz-Bingen Angefragt 23.11.2026" in said
    assert "Vormerkung annehmen oder Interesse bekunden Digitalisierungsbeauftragte:r 07.12.2026" in said


def test_numbers_above_the_list_lead_to_the_list_they_count(visit: Callable[[str], Visitor], full: World) -> None:
    visitor = visit("office")
    full.days(15)
    page = visitor.get("/cases?service=wohngeld").text
    pills = re.findall(r'<a class="sk-pill[^"]*" href="([^"]+)">.*?<strong>([\d.]+)</strong>', page, re.DOTALL)
    assert pills
    for address, count in pills:
        behind = words(visitor.get(address.replace("&amp;", "&")).text)
        assert f" {count} Vorgänge" in behind or (count == "1" and " 1 Vorgang" in behind), address


def test_filters_stay_while_one_leafs(visit: Callable[[str], Visitor], full: World) -> None:
    visitor = visit("office")
    page = visitor.get("/cases?service=wohngeld&state=requested&q=land").text
    address = link(page, "next") or link(page, "prev")
    assert address is None or {"service=wohngeld", "state=requested", "q=land"} <= set(address.split("?")[1].split("&"))
    assert 'value="land"' in page
    assert '<option value="wohngeld" selected>' in page
    everything = visitor.get("/cases?service=wohngeld").text
    assert "service=wohngeld" in str(link(everything, "next"))


@pytest.mark.parametrize(
    "query",
    [
        "q=%25%5F%5C%27%22",
        "q=" + "a" * 3000,
        "q=%F0%9F%99%82&q=second",
        "q=%ff%fe",
        "service=nothing&state=nowhere&team=nobody&district=x&body=y&wave=x",
        "service=wohngeld&service=uvg",
        "after=nothing",
        "before=../../etc/passwd",
        "after=wohngeld-07339-1&before=uvg-07339-1",
        "overdue=maybe&rests=x",
        "unheard=of",
    ],
)
def test_no_address_of_the_list_breaks_it(visit: Callable[[str], Visitor], full: World, query: str) -> None:
    answer = visit("team").get(f"/cases?{query}")
    assert answer.status_code == 200
    assert "Vorgänge" in words(answer.text)


def test_nothing_found_says_so_and_leads_back(visit: Callable[[str], Visitor], full: World) -> None:
    page = visit("office").get("/cases?q=nirgendwo").text
    assert "Kein Vorgang passt dazu" in page
    assert 'href="/cases"' in page


def test_nobody_without_cases_stands_before_an_empty_table(visit: Callable[[str], Visitor], full: World) -> None:
    page = visit("admin").get("/cases").text
    assert "Hier gibt es noch keine Vorgänge" in page
    assert 'href="/services"' in page
    assert "<table" not in page


def test_words_somebody_searched_for_are_shown_as_words(visit: Callable[[str], Visitor], full: World) -> None:
    page = visit("office").get("/cases?q=%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_list_speaks_english_too(visit: Callable[[str], Visitor], full: World) -> None:
    said = words(visit("auditor").get(f"/cases?body={TOWN}").text)
    assert "Housing benefit (Wohngeld)" in said
    assert "Requested" in said
    assert "2 cases" in said
