"""How much is open per team, role and town: every number opens what it counts, and nobody is counted by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from tests.statements import counted
from tests.webui import pages
from tests.webui.visitor import Visitor, words
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import cases, prerequisites, tasks
from workflow.errors import NotFound
from workflow.queries import load as query
from workflow.queries.load import SIDES, SORTS, WHENS, Filters

Visit = Callable[[str], Visitor]


def _busy(world: World) -> None:
    """Cases of three towns, one of them resting, and a prerequisite; some are late."""
    for service in ("wohngeld", "uvg", "bafoeg", "ikfz", "elterngeld"):
        world.open(service)
    world.open(body=EMPTY_TOWN)
    world.open("uvg", STRANGE_TOWN)
    resting = world.open("fuehrerschein")
    world.days(9)
    world.walk(world.open("einbuergerung"), until="contracted")
    world.open("ewa", "073345001000")
    with world.by("team") as work:
        cases.hold(work, resting, blocker="no_staff", reason="x", review_on=work.today.replace(year=2027))
        prerequisites.request(work, TOWN, "elster_account")
    world.days(3)


@pytest.fixture
def begun() -> Callable[[World], None]:
    """Three towns at work."""
    return _busy


def length(world: World, who: str, filters: Filters) -> int:
    with world.look(who) as work:
        found = query.demands(work, filters)
        lines = [line for page in range(found.pages) for line in query.demands(work, filters, page=page + 1).lines]
    assert len({line.id for line in lines}) == len(lines) == found.total
    return found.total


@pytest.mark.parametrize("who", ["office", "supervisor", "other_team"])
def test_every_number_is_the_length_of_its_list(world: World, who: str) -> None:
    with world.look(who) as work:
        found, burden = query.load(work), query.burden(work)
    assert found.teams
    for team in found.teams:
        assert team.counts.open == length(world, who, Filters(team=team.key))
        for side in SIDES:
            assert team.of(side).open == length(world, who, Filters(team=team.key, side=side))
        for role in team.roles:
            assert role.counts.open == length(world, who, Filters(team=team.key, role=role.role))
            for when in WHENS:
                wanted = Filters(team=team.key, role=role.role, when=when)
                assert getattr(role.counts, when) == length(world, who, wanted), wanted
    for line in burden.lines:
        assert line.counts.open == length(world, who, Filters(body=line.ars, side="bodies"))
        for when in WHENS:
            assert getattr(line.counts, when) == length(world, who, Filters(body=line.ars, side="bodies", when=when))


def test_what_rests_asks_nobody_and_much_at_once_is_said(world: World) -> None:
    with world.look("office") as work:
        burden = query.burden(work)
        town = next(line for line in burden.lines if line.ars == TOWN)
        titles = {line.title.de for line in query.demands(work, Filters(body=TOWN)).lines}
        services = {
            str(line.service) for line in query.demands(work, Filters(body=TOWN)).lines if line.kind == "prerequisite"
        }
    assert "ELSTER-Unternehmenskonto der Kommune" in titles
    assert services
    assert burden.much == sum(1 for line in burden.lines if line.much)
    assert town.services <= town.counts.week
    for sort in (*SORTS, "nonsense"):
        with world.look("office") as work:
            lines = query.burden(work, sort=sort).lines
        if sort in ("week", "ahead", "overdue", "open"):
            numbers = [getattr(line.counts, sort) for line in lines]
            assert numbers == sorted(numbers, reverse=True)
        assert {line.ars for line in lines} == {line.ars for line in burden.lines}


def test_it_costs_the_same_at_any_number_of_cases_and_is_for_those_who_work_in_the_programme(world: World) -> None:
    def price() -> list[int]:
        found: list[int] = []
        for look in (query.load, query.burden, query.demands):
            with world.look("office") as work, counted(world) as sent:
                look(work)
            found.append(len(sent))
        return found

    few = price()
    for body in ("073345002000", "073345003000"):
        world.open("ewa", body)
    assert price() == few
    assert max(few) <= 4
    for who in ("digi", "admin", "operator"):
        for look in (query.load, query.burden, query.demands):
            with world.look(who) as work, pytest.raises(NotFound):
                look(work)


def test_the_pages_name_nobody_and_every_link_leads_to_what_it_says(world: World, visit: Visit) -> None:
    office = visit("office")
    task = world.task(world.open("bauantrag"), "express_interest")
    with world.by("digi") as work:
        tasks.accept(work, task)
    strange = "/teams/load/tasks?role=body.&team=x&body=x&side=x&when=x&page=1" + "0" * 30
    for address in (
        "/teams/load", "/teams/load/bodies", "/teams/load/bodies?sort=name&page=9", "/teams/load/tasks", strange,
    ):  # fmt: skip
        page = office.get(address)
        assert page.status_code == 200, address
        pages.sound(page.text)
        said = words(page.text.partition("<main")[2])
        assert not re.search(r"\b(Digi|Colleague|Stranger|Supervisor|Dsb|Isb)\b", said), address
    page = office.get("/teams/load")
    links = re.findall(r'href="(/teams/load/tasks[^"]*|/cases\?[^"]*)"[^>]*>(?:<svg.*?</svg>)?\s*([\d.]+)<', page.text)
    assert len(links) > 8
    for address, number in links[:12]:
        shown = words(office.get(unescape(address)).text)
        assert re.search(rf"{number} offene Aufgaben?|{number} Vorg", shown), (address, number)
