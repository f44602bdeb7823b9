"""The overview, a district and a body as pages: what a number says is what its link shows."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Callable

import pytest

from tests.webui.conftest import nothing_yet
from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import cases, reminders

PAGES = ("/programme", f"/districts/{TOWN}", f"/districts/{STRANGE_TOWN}", f"/bodies/{TOWN}", f"/bodies/{EMPTY_TOWN}")
LOOKERS = ("office", "auditor", "team", "other_team", "supervisor", "digi", "stranger", "operator", "admin")

LINK = re.compile(r'<a [^>]*?href="(/cases\?[^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
ELSEWHERE = re.compile(r'<a [^>]*?href="(/services/[^"]*\?state=[^"#]*)#bodies"[^>]*>(.*?)</a>', re.DOTALL)


def _busy(world: World) -> None:
    """Cases that are live, late, escalated, resting and just begun, in towns of two teams."""
    world.walk(world.open())
    resting = world.open("elterngeld")
    for service in ("uvg", "ikfz"):
        for body in (TOWN, STRANGE_TOWN, EMPTY_TOWN):
            world.open(service, body)
    with world.by("team") as work:
        cases.hold(
            work,
            resting,
            blocker="no_staff",
            reason="Die Stelle ist frei.",
            review_on=work.today + dt.timedelta(days=90),
        )
    world.days(28)
    reminders.decide(world.engine)
    world.open("bauantrag")


@pytest.fixture
def begun(request: pytest.FixtureRequest) -> Callable[[World], None]:
    """Some of these tests begin in a busy world."""
    return _busy if "busy" in request.fixturenames else nothing_yet


@pytest.fixture
def busy(world: World) -> World:
    """Cases that are live, late, escalated, resting and just begun, in towns of two teams."""
    return world


def followed(page: str, links: re.Pattern[str]) -> dict[str, int]:
    """The numbers of a page by the address they open."""
    found: dict[str, int] = {}
    for address, inside in links.findall(page):
        number = re.search(r"\d+", words(inside))
        if number:
            assert found.setdefault(html.unescape(address), int(number[0])) == int(number[0]), address
    return found


@pytest.mark.parametrize("who", LOOKERS)
def test_every_number_opens_exactly_the_cases_it_counts(visit: Callable[[str], Visitor], busy: World, who: str) -> None:
    visitor = visit(who)
    opened = 0
    for address in PAGES:
        page = visitor.get(address)
        assert page.status_code == 200, address
        sound(page.text)
        for behind, count in followed(page.text, LINK).items():
            listed = visitor.get(behind).text.count('<th scope="row"')
            assert count == listed > 0, (address, behind)
            opened += 1
        for behind, count in followed(page.text, ELSEWHERE).items():
            listed = visitor.get(behind).text.count('<th scope="row"')
            assert count == listed > 0, (address, behind)
            opened += 1
    assert opened >= 10, who


def test_whoever_sees_no_case_is_offered_none(visit: Callable[[str], Visitor], busy: World) -> None:
    visitor = visit("admin")
    for address in PAGES:
        page = visitor.get(address).text
        assert "/cases?" not in page, address
        assert "eskaliert" not in words(page), address
    assert "1 von 9 Vorgängen sind produktiv" in words(visitor.get("/programme").text)


def test_the_overview_says_first_whether_the_programme_is_on_course(
    visit: Callable[[str], Visitor], world: World
) -> None:
    world.walk(world.open())
    uvg = world.open("uvg")
    world.open("ikfz")
    visitor = visit("office")
    said = words(visitor.get("/programme").text)
    assert "Nicht auf Kurs: 2 Vorgänge fehlen noch" in said
    assert "1 Vorgang ging in den letzten 20 Arbeitstagen in Betrieb." in said
    assert "braucht es in 20 Arbeitstagen 2." in said
    english = words(visit("auditor").get("/programme").text)
    assert "Not on course: 2 cases are still to go" in english
    world.walk(uvg)
    assert "Auf Kurs: 1 Vorgang fehlt noch" in words(visitor.get("/programme").text)
    world.days(30)
    assert "Das Zieldatum ist vorbei, 1 Vorgang ist noch nicht produktiv" in words(visitor.get("/programme").text)


def test_the_overview_says_when_nothing_is_left(visit: Callable[[str], Visitor], world: World) -> None:
    world.walk(world.open())
    page = visit("office").get("/programme").text
    sound(page)
    assert "Alle Vorgänge sind produktiv oder beendet" in page
    assert "in den letzten 20 Arbeitstagen" not in page


def test_an_overview_without_cases_says_what_happens_next(visit: Callable[[str], Visitor], world: World) -> None:
    page = visit("office").get("/programme").text
    sound(page)
    assert "Noch ist kein Vorgang eröffnet" in page
    assert "Sobald das erste Umsetzungsteam Vorgänge eröffnet" in page
    assert "Welle Februar 2027" in page
    empty = visit("digi").get(f"/districts/{TOWN}").text
    sound(empty)
    assert "Hier ist noch kein Vorgang eröffnet." in empty


def test_who_counts_only_own_cases_reads_so_beside_the_number(visit: Callable[[str], Visitor], busy: World) -> None:
    said = words(visit("stranger").get("/programme").text)
    assert "überfällig, von Ihren 2" in said
    assert "zählen nur die 2 Vorgänge, die Sie sehen" in said
    assert "von Ihren" not in words(visit("office").get("/programme").text)


def test_bodies_and_districts_lead_to_each_other(visit: Callable[[str], Visitor], busy: World) -> None:
    visitor = visit("digi")
    assert f'href="/districts/{EMPTY_TOWN}"' in visitor.get("/bodies").text
    page = visitor.get(f"/districts/{TOWN}").text
    inside = re.findall(r'href="/bodies/(\d{12})"', page)
    assert inside[0] == TOWN
    assert len(inside) > 5
    body = visitor.get(f"/bodies/{inside[1]}").text
    assert body.count(f'href="/districts/{TOWN}"') == 2
    assert f'href="/districts/{STRANGE_TOWN}"' in visitor.get(f"/bodies/{STRANGE_TOWN}").text
    assert f'href="/districts/{TOWN}"' in visitor.get("/programme").text
    assert 'aria-current="page"' in visitor.get("/programme").text


@pytest.mark.parametrize("ars", ["073390005005", "999999999999", "x", "073390000000%20", "%27%20or%201=1"])
def test_what_is_no_district_gets_a_sentence(visit: Callable[[str], Visitor], world: World, ars: str) -> None:
    answer = visit("digi").get(f"/districts/{ars}")
    assert answer.status_code == 404
    assert "Diese Seite gibt es nicht" in answer.text


def test_a_body_says_what_is_late_and_escalated_and_leads_there(visit: Callable[[str], Visitor], busy: World) -> None:
    page = visit("digi").get(f"/bodies/{TOWN}").text
    assert f'href="/cases?body={TOWN}&amp;escalated=yes"' in page or f"escalated=yes&amp;body={TOWN}" in page
    assert "Vorgänge sind eskaliert" in words(page)
    foreign = visit("stranger").get(f"/bodies/{TOWN}").text
    assert "eskaliert" not in words(foreign)
    assert "/cases" not in foreign.replace('href="/cases"', "")


@pytest.mark.parametrize(
    "query",
    ["live_since=gestern", "live_since=99999-01-01", "live_since=", "escalated=1&left=ja", "live_since=0001-01-01"],
)
def test_no_new_filter_breaks_the_list(visit: Callable[[str], Visitor], busy: World, query: str) -> None:
    assert visit("team").get(f"/cases?{query}").status_code == 200
