"""The list of cases as a page."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.webui.visitor import Visitor, words
from tests.world import TOWN, World
from webui.case_list import COLUMNS, Addresses
from workflow import cases, views
from workflow.models import Case
from workflow.queries.case_list import Filters
from workflow.queries.case_order import Sort


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


def test_an_empty_installation_says_what_whoever_looks_can_do(visit: Callable[[str], Visitor], world: World) -> None:
    for who, page, says, leads in (
        ("office", "/cases", "Eröffnen Sie Vorgänge mit dem Befehl", "/programme/takeover"),
        ("team", "/cases/board", "Das Programmbüro eröffnet Vorgänge für alle Kommunen.", "/requests"),
        ("digi", "/cases", "Bitten Sie auf der Seite einer Leistung darum", "/services"),
        ("fachamt", "/cases", "Hier stehen die Vorgänge, an denen Sie beteiligt sind.", "/services"),
        ("auditor", "/requests", "Municipalities ask for a service to be connected.", "/services"),
        ("office", "/clusters", "Gründen Sie einen, wenn mehrere Kommunen", "/clusters"),
        ("digi", "/delegations", "Übertragen kann die Leitung der Kommune oder ihr Umsetzungsteam.", "/bodies"),
    ):
        answer = visit(who).get(page)
        assert says in words(answer.text), (who, page)
        assert f'href="{leads}"' in answer.text or f'action="{leads}"' in answer.text, (who, page)


def test_words_somebody_searched_for_are_shown_as_words(visit: Callable[[str], Visitor], full: World) -> None:
    page = visit("office").get("/cases?q=%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_list_speaks_english_too(visit: Callable[[str], Visitor], full: World) -> None:
    said = words(visit("auditor").get(f"/cases?body={TOWN}").text)
    assert "Housing benefit (Wohngeld)" in said
    assert "Requested" in said
    assert "2 cases" in said


def test_what_a_view_keeps_is_what_addresses_of_lists_can_say(app: Flask) -> None:
    with app.test_request_context():
        said = Addresses("case_list.show", Filters(), Sort("due"), COLUMNS).present
    assert all(known == said.keys() for known in views.PAGES.values())


def test_a_list_is_kept_under_a_name_opened_by_a_colleague_replaced_and_forgotten(
    visit: Callable[[str], Visitor], full: World
) -> None:
    team, colleague = visit("team"), visit("colleague")
    page = team.get("/cases?left=yes&sort=-due&column=body&column=due")
    assert "/views/new?page=cases&amp;left=yes&amp;sort=-due&amp;column=body" in page.text
    form = team.get("/views/new?page=cases&left=yes&sort=-due&column=body&column=due")
    (query,) = map(unescape, re.findall(r'name="query" value="([^"]*)"', form.text))
    with_team = full.team
    nameless = team.post("/views", page="cases", query=query, title=" ", team=with_team)
    assert nameless.status_code == 422
    assert 'href="#field-title"' in nameless.text
    kept = team.post("/views", page="cases", query=query, title="Spät & dran", team=with_team)
    assert (kept.status_code, kept.headers["Location"]) == (303, f"/cases?{query}")
    again = team.post("/views", page="cases", query=query, title="Spät & dran", team=with_team)
    assert again.status_code == 422
    shared = colleague.get("/cases").text
    assert "Spät &amp; dran" in shared
    (address,) = map(
        unescape, re.findall(r'href="(/cases[^"]*)"[^>]*><span class="sk-pill__icon">.{0,300}Spät', shared)
    )
    assert 'aria-sort="descending"' in colleague.get(address).text
    assert "Umbenennen" not in colleague.get("/views").text
    (view,) = re.findall(r'action="(/views/[0-9a-f-]+)/forget"', team.get("/views").text)
    assert colleague.post(f"{view}/forget").status_code == 403
    assert colleague.get(view).status_code == 404
    assert team.post(view, title="Spät dran", team="-").status_code == 303
    assert "Spät dran" not in colleague.get("/views").text
    assert (
        team.post("/views", page="board", query="rests=yes", instead=view.rpartition("/")[2]).headers["Location"]
        == "/cases/board?rests=yes"
    )
    assert "/views/new?page=matrix&amp;overdue=yes" in team.get("/cases/matrix?overdue=yes&after=x").text
    team.post("/views", page="matrix", query="overdue=yes&after=x", instead=view.rpartition("/")[2])
    assert 'href="/cases/matrix?overdue=yes" aria-current="page"' in team.get("/cases/matrix?overdue=yes").text
    assert "Matrix" in words(team.get("/views").text)
    assert team.post(f"{view}/forget").status_code == 303
    assert "Noch keine Ansicht gespeichert" in team.get("/views").text


def test_no_address_of_list_board_or_views_is_too_strange(visit: Callable[[str], Visitor], full: World) -> None:
    team = visit("team")
    for query in (
        "sort=%01&column=%7F", "sort=--due", "sort=-&column=x", "due_within=999999999999", "due_within=x",
        "opened_since=31.02.2026&changed_since=0001-01-01&unchanged_since=99.99.9999", "live_since=٠١.٠١.٢٠٢٦",
        "cluster=zz&role=body.&prerequisite=%F0%9F%99%82", "before=%27&after=%22&sort=changed",
    ):  # fmt: skip
        for path in ("/cases", "/cases/board", "/views/new"):
            assert team.get(f"{path}?{query}").status_code == 200, (path, query)
    for many in ("x=1&" * 400, "column=state&" * 400):
        assert team.get(f"/views/new?{many}").status_code == 200
        assert team.post("/views", page="cases", query=many, title=f"Viele {many[0]}").status_code == 303
    assert team.get("/views/new?page=admin").status_code == 404
    assert team.post("/views", page="admin", title="x").status_code == 404
    assert team.get("/cases?opened_since=01.11.2026").text.count(
        "2026-11-01"
    )  # as people write it, and as addresses do
