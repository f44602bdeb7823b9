"""A body that takes part in another's case: what it sees of it, through every door."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.webui import pages
from tests.webui.visitor import Visitor, words
from tests.world import World, contents
from workflow import participants, people
from workflow.casework import participants as participants_of
from workflow.models import Task

HEIR = "073395007000"
NEIGHBOUR = "073395006000"


@pytest.fixture
def case_id(world: World) -> UUID:
    """A case in which two Verbandsgemeinden take part; the stranger works for one of them."""
    opened = world.open("bauantrag")
    world.walk(opened, until="contracted")
    with world.by("admin") as work:
        people.grant(work, world["stranger"], people.parse_role(f"digi@{HEIR}"))
    with world.by("team") as work:
        participants.join(work, opened, [HEIR, NEIGHBOUR])
    return opened


def task_of(world: World, case_id: UUID, ars: str) -> UUID:
    """The task of one of them."""
    with world.look() as work:
        wanted = (Task.case_id == case_id, Task.scope == ars)
        return work.session.execute(sa.select(Task.id).where(*wanted)).scalar_one()


def test_a_participant_has_a_page_of_its_own_and_works_on_its_task(
    visit: Callable[[str], Visitor], world: World, case_id: UUID
) -> None:
    stranger, mine = visit("stranger"), task_of(world, case_id, HEIR)
    page = stranger.get(f"/cases/{case_id}")
    pages.sound(page.text)
    said = words(page.text)
    assert "Ihre Kommune wirkt mit" in said
    assert "Entgegennahme im eigenen Haus regeln" in said
    for foreign in ("Verlauf", "Voraussetzungen", "Dokumente", "Zuständigkeit und Link", "Kommentar"):
        assert foreign not in said, foreign
    listed = words(stranger.get("/cases").text)
    assert "Vorgänge, an denen Ihre Kommune mitwirkt" in listed
    inbox = words(stranger.get("/").text)
    assert "Entgegennahme im eigenen Haus regeln" in inbox
    assert "Digitaler Bauantrag – Landkreis Mainz-Bingen" in inbox
    form = stranger.get(f"/tasks/{mine}")
    pages.sound(form.text)
    for person in ("Fachamt", "Redaktion", "Leitung"):
        assert person not in words(form.text), person
    sent = pages.hidden(form.text, f"/tasks/{mine}/submit")
    given = {"answer-intake_office": "Bürgerbüro", "answer-paper_applications": "scanned"}
    assert stranger.post(f"/tasks/{mine}/submit", **sent, **given).status_code == 303
    assert "Erledigt" in words(stranger.get(f"/tasks/{mine}").text)


def test_nothing_else_of_the_case_is_there_for_a_participant(
    app: Flask, visit: Callable[[str], Visitor], world: World, case_id: UUID
) -> None:
    stranger, theirs = visit("stranger"), task_of(world, case_id, NEIGHBOUR)
    foreign = world.task(case_id, "pvog_entry")
    before = contents(world)
    asked = 0
    for rule in app.url_map.iter_rules():
        for named, values in (("case_id", [case_id]), ("task_id", [theirs, foreign])):
            if named not in rule.arguments or rule.endpoint == "cases.show":
                continue
            for value in values:
                address = str(rule).replace(f"<uuid:{named}>", str(value)).replace("<transition>", "decline")
                if "<" in address:
                    continue
                for method in rule.methods or ():
                    if method == "GET":
                        answer = stranger.get(address)
                    elif method == "POST":
                        answer = stranger.post(address, reason="x", seen="1", text="x", body=HEIR)
                    else:
                        continue
                    asked += 1
                    assert answer.status_code == 404, (method, address, answer.status_code)
    assert asked > 20
    assert contents(world) == before


def test_the_team_says_which_bodies_take_part(visit: Callable[[str], Visitor], world: World, case_id: UUID) -> None:
    team = visit("team")
    address = f"/cases/{case_id}/participants"
    page = team.get(address)
    pages.sound(page.text)
    sent = pages.hidden(page.text, f"{address}/leave")
    assert team.post(f"{address}/leave", **sent).status_code == 303
    page = team.get(address)
    assert team.post(address, **pages.hidden(page.text, address) | {"body": sent["body"]}).status_code == 303
    assert "Mitwirkend" in words(team.get(f"/cases/{case_id}").text)
    refused = team.post(address, seen="1", body=sent["body"])
    assert refused.status_code == 409
    pages.sound(refused.text)


def test_all_towns_of_the_district_are_added_with_one_button(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open("bauantrag")
    world.walk(case_id, until="contracted")
    team, address = visit("team"), f"/cases/{case_id}/participants"
    page = team.get(address).text
    offered = page.count('name="body"')
    assert offered > 2
    assert team.post(address, **pages.hidden(page, address), everybody="true").status_code == 303
    with world.look() as work:
        assert len(participants_of(work, case_id)) == offered
