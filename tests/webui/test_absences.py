"""The page of absences, as people use it."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from tests.webui.visitor import Visitor, words
from tests.world import World
from workflow.models import Absence


def test_somebody_enters_the_own_absence_and_ends_it(world: World, visit: Callable[[str], Visitor]) -> None:
    visitor = visit("digi")
    assert "Abwesenheit" in words(visitor.get("/account").text)
    page = visitor.get("/account/absences").text
    assert "Eigene Abwesenheit eintragen" in page
    given = {"form": "0", "0-deputy": str(world["it"]), "0-from": "24.11.2026", "0-until": "2026-12-04"}
    given |= {"command": "sent-once"}
    for _ in range(2):  # a double click
        assert visitor.post("/account/absences", **given).status_code == 303
    page = words(visitor.get("/account/absences").text)
    assert "It vertritt Digi" in page
    with world.look() as work:
        absence = work.session.execute(sa.select(Absence.id)).scalar_one()
    assert visitor.post(f"/account/absences/{absence}/end").status_code == 303
    assert visitor.post(f"/account/absences/{absence}/end").status_code == 409
    assert "niemand als abwesend" in words(visitor.get("/account/absences").text)


def test_what_is_wrong_is_said_and_what_was_typed_stays(world: World, visit: Callable[[str], Visitor]) -> None:
    visitor = visit("leitung")
    answer = visitor.post("/account/absences", **{"form": "1", "1-from": "gestern"})
    assert answer.status_code == 422
    assert "Bitte wählen Sie eine Person" in answer.text
    assert 'value="gestern"' in answer.text
    given = {"1-person": str(world["it"]), "1-deputy": str(world["dsb"]), "1-from": "24.11.2026"}
    answer = visitor.post("/account/absences", form="1", **given, **{"1-until": "20.11.2026"})
    assert answer.status_code == 409
    assert "Der letzte Tag" in words(answer.text)
    assert visitor.post("/account/absences", form="7").status_code == 404
    given["1-deputy"] = str(world["stranger"])
    answer = visitor.post("/account/absences", form="1", **given, **{"1-until": "30.11.2026"})
    assert "nicht an derselben Stelle" in words(answer.text)


def test_the_pages_say_who_acts_in_whose_place(world: World, visit: Callable[[str], Visitor]) -> None:
    case_id = world.open()
    given = {"form": "0", "0-deputy": str(world["it"]), "0-from": "23.11.2026", "0-until": "2026-12-04"}
    visit("digi").post("/account/absences", **given)
    deputy = visit("it")
    assert "in Vertretung für Digi" in words(deputy.get("/").text)
    task = world.task(case_id, "express_interest")
    assert "in Vertretung für Digi" in words(deputy.get(f"/tasks/{task}").text)
    deputy.post(f"/tasks/{task}/accept", seen="1")
    assert "It in Vertretung für Digi" in words(visit("team").get(f"/cases/{case_id}").text)
    assert "Digi ist abwesend" in words(visit("team").get(f"/cases/{case_id}").text)
