"""What somebody finds who opens the application in the morning."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.world import EMPTY_TOWN, World
from workflow import cases, people, policy, sessions, tasks
from workflow.models import Task
from workflow.queries import inbox


def open_all(world: World, *services: str) -> None:
    with world.look("office") as work:
        planned = cases.plan(work, services)
    cases.open_planned(world.engine, world["office"], planned)


@pytest.mark.parametrize("who", ["digi", "leitung", "team", "supervisor", "office", "operator", "auditor", "admin"])
def test_the_page_is_sound_for_everybody_busy_or_not(visit: Callable[[str], Visitor], world: World, who: str) -> None:
    visitor = visit(who)
    sound(visitor.get("/").text)
    open_all(world, "wohngeld", "uvg")
    world.days(12)
    sound(visitor.get("/").text)


def test_a_town_reads_how_much_there_is_until_when_and_finds_the_task_below(
    visit: Callable[[str], Visitor], world: World
) -> None:
    case_id = world.open()
    visitor = visit("digi")
    assert "Guten Morgen. Bis Freitag ist nichts fällig." in words(visitor.get("/").text)
    world.days(9)
    assert "Guten Morgen. Heute ist nichts fällig. Eine Aufgabe hat noch Zeit." in words(visitor.get("/").text)
    world.days(1)
    page = visitor.get("/").text
    said = words(page)
    assert "Guten Morgen. Eine Aufgabe bis Freitag." in said
    assert "Jetzt Wohngeld Vormerkung annehmen oder Interesse bekunden heute fällig" in said
    assert f'href="/tasks/{world.task(case_id, "express_interest")}"' in page
    world.days(5)
    said = words(visitor.get("/").text)
    assert "Guten Morgen. Eine Aufgabe ist überfällig." in said
    assert "seit 5 Arbeitstagen überfällig" in said


def test_it_speaks_english_with_those_who_do(visit: Callable[[str], Visitor], world: World) -> None:
    world.open()
    visitor = visit("digi")
    visitor.post("/language", language="en")
    world.days(15)
    page = visitor.get("/").text
    said = words(page)
    sound(page)
    assert "Good morning. One task is overdue." in said
    assert "Accept the reservation or express interest" in said
    assert "5 working days" in said
    assert "We are waiting for" in said


def test_a_town_reads_what_it_waits_for(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    page = visit("leitung").get("/").text
    said = words(page)
    assert "Alles erledigt" in said
    waiting = said[said.index("Wir warten auf") :]
    assert re.search(r"Zuständigkeit und Fallzuschnitt prüfen Umsetzungsteam ?, seit Mo., 23. November", waiting)
    assert re.search(r"Wohngeld Nachnutzungsvertrag des Landes Programmbüro des Landes ?, seit", waiting)
    assert f'href="/tasks/{world.task(case_id, "confirm_responsibility")}"' in page


def test_a_town_reads_that_a_task_is_its_own_for_want_of_somebody_else(
    visit: Callable[[str], Visitor], world: World
) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    world.do(case_id, "confirm_responsibility", "team")
    with world.by("admin") as work:
        people.withdraw(work, world["it"], people.parse_role("it@073390000000"))
    assert "für „IT oder IT-Dienstleister“: dort hat niemand ein Konto" in words(visit("digi").get("/").text)


def test_a_team_with_much_to_do_reads_a_table_and_with_little_cards(
    visit: Callable[[str], Visitor], world: World
) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    visitor = visit("team")
    page = visitor.get("/").text
    assert "<table" not in page
    assert "sk-card" in page
    open_all(world, "wohngeld", "uvg")
    page = visitor.get("/").text
    assert "<table" in page
    assert words(page).count("für die Kommune") > 8
    assert "sk-card" not in page
    assert "<table" not in visit("digi").get("/").text


def test_every_task_of_a_team_is_on_one_of_its_pages(
    visit: Callable[[str], Visitor], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "PAGE", 9)
    open_all(world, "wohngeld", "uvg")
    visitor = visit("team")
    address: str | None = "/"
    found: list[str] = []
    while address is not None:
        page = visitor.get(address).text
        sound(page)
        found += re.findall(r'<th scope="row"><a href="/tasks/([0-9a-f-]+)"', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        address = following[1] if following else None
    with world.look("team") as work:
        waiting = set(work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor))).scalars())
    assert len(found) == len(set(found)) == len(waiting) > 18
    assert {UUID(one) for one in found} == waiting


def test_what_rests_is_shown_apart_and_without_a_date(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    with world.by("team") as work:
        cases.hold(
            work, case_id, blocker="no_staff", reason="Krank.", review_on=work.today.replace(year=work.today.year + 1)
        )
    said = words(visit("digi").get("/").text)
    assert "Ruht gerade" in said
    assert "Frist ruht" in said
    assert "Guten Morgen. Heute ist nichts zu tun." in said


def test_a_supervisor_reads_what_is_overdue_in_the_team(visit: Callable[[str], Visitor], world: World) -> None:
    visitor = visit("supervisor")
    assert "Im Team ist nichts überfällig" in words(visitor.get("/").text)
    open_all(world, "wohngeld")
    world.days(12)
    page = visitor.get("/").text
    said = words(page)
    assert re.search(r"Guten Morgen\. \d+ Aufgaben im Team sind überfällig\.", said)
    assert "seit 2 Arbeitstagen" in said
    assert 'href="/cases?overdue=yes"' in page


def test_the_office_reads_which_contracts_have_no_date(visit: Callable[[str], Visitor], world: World) -> None:
    open_all(world, "wohngeld")
    page = visit("office").get("/").text
    said = words(page)
    assert "Noch ohne Termin" in said
    assert "44 Vorgänge warten" in said
    assert 'href="/cases?service=wohngeld"' in page


def test_whoever_has_nothing_to_do_here_is_told_kindly_and_shown_a_way_on(
    visit: Callable[[str], Visitor], world: World, password_hash: str
) -> None:
    assert visit("admin").get("/").location == "/admin"
    auditor = visit("auditor").get("/").text
    assert "Only tasks of your own stand here" in words(auditor)
    assert 'href="/cases"' in auditor
    with world.by("admin") as work:
        world.ids["nobody"] = people.add(
            work,
            email="nobody@startklar.example",
            name="Nobody",
            password_hash=sessions.hash_password("vier wilde worte hier"),
            language="de",
            roles=[],
        ).id
    page = visit("nobody").get("/").text
    sound(page)
    assert "Ihnen ist noch keine Rolle zugewiesen" in words(page)


def test_words_people_wrote_never_become_markup(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open(body=EMPTY_TOWN)
    team = "team" if world.case(case_id).team == world.team else "other_team"
    task_id = world.task(case_id, "express_interest")
    with world.by(team) as work:
        tasks.decline(work, task_id, "<script>alert(1)</script>")
    page = visit(team).get(f"/tasks/{task_id}").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("after", ["x", "0.20261123.nonsense", "9" * 400])
def test_an_address_that_makes_no_sense_shows_the_first_page(
    visit: Callable[[str], Visitor], world: World, after: str
) -> None:
    world.open()
    visitor = visit("digi")
    answer = visitor.get(f"/?after={after}")
    assert answer.status_code == 200
    assert words(answer.text) == words(visitor.get("/").text)
