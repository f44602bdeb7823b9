"""The office decides dates on the page of the programme, and teams on the page of a case."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.webui.pages import hidden, of_another_window, offers, sound, typed
from tests.webui.visitor import Visitor, words
from tests.world import STRANGE_TOWN, TOWN, World, contents
from workflow import milestones
from workflow.models import Case, Target
from workflow.queries import milestones as milestone_list

OTHERS = ["team", "supervisor", "digi", "auditor", "admin", "operator", "stranger"]
WAVE = "welle-2027-02"


def test_the_office_sets_a_target_and_everybody_reads_why(visit: Callable[[str], Visitor], world: World) -> None:
    visitor = visit("office")
    page = visitor.get("/programme").text
    sound(page)
    answer = visitor.post(
        "/programme/target",
        **hidden(page, "/programme/target"),
        due_on="31.12.2027",
        reason="Der Förderzeitraum ist verlängert.",
        reason_en="",
    )
    assert (answer.status_code, answer.location) == (303, "/programme")
    said = words(visitor.get("/programme").text)
    assert "Das neue Ziel ist gesetzt." in said
    assert "Ziel: 31. Dezember 2027" in said
    assert said.index("Ziel: 31. Dezember 2027") < said.index("Ziel: 31. Dezember 2026")
    english = words(visit("auditor").get("/programme").text)
    assert "Target: 31 December 2027 Der Förderzeitraum ist verlängert." in english


def test_the_office_moves_a_wave_and_hears_how_many_cases_follow(visit: Callable[[str], Visitor], world: World) -> None:
    _in_wave(world)
    visitor = visit("office")
    page = visitor.get("/programme").text
    answer = visitor.post(
        "/programme/wave",
        **hidden(page, "/programme/wave"),
        wave=WAVE,
        stichtag="16.03.2027",
        wave_reason="Die Betreiberin liefert später.",
    )
    assert (answer.status_code, answer.location) == (303, "/programme")
    said = words(visitor.get("/programme").text)
    assert "Der Stichtag ist verschoben. 1 Vorgang folgt." in said
    assert "Welle Februar 2027: jetzt Di., 16. März 2027, vorher Di., 16. Februar 2027" in said
    theirs = words(visit("digi").get("/programme").text)
    assert "Die Betreiberin liefert später." in theirs
    assert "Office" not in theirs


@pytest.mark.parametrize("who", OTHERS)
def test_everybody_else_sees_no_form_and_changes_nothing(
    visit: Callable[[str], Visitor], world: World, who: str
) -> None:
    case_id = world.open()
    visitor = visit(who)
    page = visitor.get("/programme")
    assert page.status_code == 200
    assert "<textarea" not in page.text
    before = contents(world)
    given = {"due_on": "31.12.2027", "reason": "x", "wave": WAVE, "stichtag": "16.03.2027", "wave_reason": "x"}
    assert visitor.post("/programme/target", seen="0", **given).status_code == 403
    assert visitor.post("/programme/wave", **{f"seen-{WAVE}": "0"}, **given).status_code == 403
    sees = who in ("team", "supervisor", "digi", "auditor")
    team = {"answer-team": "nord", "answer-reason": "x", "seen": "1"}
    assert visitor.post(f"/cases/{case_id}/team", **team).status_code == (403 if sees else 404)
    assert visitor.get(f"/cases/{case_id}/team").status_code == (403 if sees else 404)
    if sees:
        assert not offers(visitor.get(f"/cases/{case_id}").text, "/team")
    assert contents(world) == before


def test_what_is_missing_is_told_beside_its_field_and_the_form_stays_open(
    visit: Callable[[str], Visitor], world: World
) -> None:
    visitor = visit("office")
    for given, faults in (
        ({}, ("due_on", "reason")),
        ({"due_on": "morgen", "reason": "Weil es so ist."}, ("due_on",)),
        ({"due_on": "22.11.2026", "reason": "Weil es so ist."}, ("due_on",)),
        ({"due_on": "31.12.2027", "reason": "x" * 5001}, ("reason",)),
    ):
        answer = visitor.post("/programme/target", seen="0", **given)
        assert answer.status_code == 422
        sound(answer.text)
        for name in faults:
            assert f'href="#field-{name}"' in answer.text, given
        assert len(re.findall("<details[^>]* open>", answer.text)) == 1
    assert typed(visitor.post("/programme/target", seen="0", reason="Weil es so ist.").text, "reason") == (
        "Weil es so ist."
    )
    answer = visitor.post("/programme/wave", wave="", stichtag="", wave_reason="")
    assert answer.status_code == 422
    for name in ("wave", "stichtag", "wave_reason"):
        assert f'href="#field-{name}"' in answer.text
    assert len(re.findall("<details[^>]* open>", answer.text)) == 1
    unknown = visitor.post("/programme/wave", wave="welle-1999", stichtag="16.03.2027", wave_reason="x")
    assert unknown.status_code == 404


def test_a_stale_page_keeps_what_was_typed(visit: Callable[[str], Visitor], world: World) -> None:
    visitor = visit("office")
    page = visitor.get("/programme").text
    wave = {**hidden(page, "/programme/wave"), "wave": WAVE}
    assert visitor.post("/programme/wave", **wave, stichtag="16.03.2027", wave_reason="Erster.").status_code == 303
    late = visitor.post(
        "/programme/wave", **of_another_window(wave), stichtag="17.03.2027", wave_reason="Zweiter, im Nachbarzimmer."
    )
    assert (late.status_code, typed(late.text, "wave_reason")) == (409, "Zweiter, im Nachbarzimmer.")
    target = hidden(page, "/programme/target")
    assert visitor.post("/programme/target", **target, due_on="31.12.2027", reason="Erster.").status_code == 303
    late = visitor.post("/programme/target", **of_another_window(target), due_on="31.12.2028", reason="Zweiter.")
    assert (late.status_code, typed(late.text, "reason")) == (409, "Zweiter.")
    again = visitor.post("/programme/target", seen="1", due_on="31.12.2026", reason="Wie bisher.")
    assert again.status_code == 409
    assert "Dieser Tag war schon einmal Ziel" in words(again.text)


def test_the_office_hands_a_case_over(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    visitor = visit("office")
    assert offers(visitor.get(f"/cases/{case_id}").text, "/team")
    page = visitor.get(f"/cases/{case_id}/team").text
    sound(page)
    assert "Umsetzungsteam Nord" in page
    assert f'value="{world.team}"' not in page
    fields = hidden(page, "/team")
    answer = visitor.post(f"/cases/{case_id}/team", **fields, **{"answer-team": "", "answer-reason": "Eingespielt."})
    assert (answer.status_code, typed(answer.text, "answer-reason")) == (422, "Eingespielt.")
    given = {"answer-team": "nord", "answer-reason": "Die Kollegen kennen das Fachverfahren."}
    answer = visitor.post(f"/cases/{case_id}/team", **fields, **given)
    assert (answer.status_code, answer.location) == (303, f"/cases/{case_id}")
    said = words(visitor.get(f"/cases/{case_id}").text)
    assert "Der Vorgang ging von „Umsetzungsteam Mitte“ an „Umsetzungsteam Nord“ über." in said
    assert "Die Kollegen kennen das Fachverfahren." in said
    assert world.case(case_id).team == "nord"
    assert visitor.post(f"/cases/{case_id}/team", **fields, **given).status_code == 303
    late = visitor.post(f"/cases/{case_id}/team", **of_another_window(fields), **(given | {"answer-team": "sued"}))
    assert late.status_code == 409
    unknown = visitor.post(f"/cases/{case_id}/team", **(given | {"answer-team": "west", "seen": "2"}))
    assert unknown.status_code == 404
    assert "Die Kollegen kennen das Fachverfahren." in late.text
    assert visit("team").get(f"/cases/{case_id}").status_code == 404


def _in_wave(world: World) -> UUID:
    """A case of the wave of February."""
    case_id = world.open()
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Case).where(Case.id == case_id).values(wave=WAVE))
    return case_id


@pytest.mark.parametrize(
    ("days", "words_on_top"),
    [
        (1, "noch 1 Arbeitstag"),
        (0, "Heute ist das Zieldatum, 1 Vorgang ist noch nicht produktiv"),
        (-1, "Das Zieldatum ist vorbei, 1 Vorgang ist noch nicht produktiv"),
    ],
)
def test_the_target_reads_sensibly_before_on_and_after_its_day(
    world: World, visit: Callable[[str], Visitor], days: int, words_on_top: str
) -> None:
    world.open()
    with world.engine.change("system") as work:
        on = work.catalogue.calendar.add(work.today, days)
        work.session.execute(sa.delete(Target))
        values = {"due_on": on, "set_on": work.today, "reason_de": "x", "reason_en": "x"}
        work.session.execute(sa.insert(Target).values(values))
    page = visit("office").get("/programme").text
    sound(page)
    assert words_on_top in words(page)
    assert not re.search(r"\b0 Arbeitstage", words(page))


def test_the_milestones_say_what_is_late_and_how_many_cases_wait_as_many_as_the_list_has(
    world: World, visit: Callable[[str], Visitor]
) -> None:
    for service, body in (("wohngeld", TOWN), ("wohngeld", STRANGE_TOWN), ("uvg", TOWN)):
        world.open(service, body)
    with world.look("office") as work:
        before = milestone_list.milestones(work)
        wohngeld = next(line for line in before.lines if line.service == "wohngeld")
    assert [line.service for line in before.in_stand("undated")][:2] == ["wohngeld", "uvg"]
    assert (wohngeld.waiting, wohngeld.moved, wohngeld.reason) == (2, 0, None)
    with world.by("office") as work:
        for reason in ("Der Vertrag ist in Prüfung.", "Die Prüfung dauert länger."):
            milestones.plan(work, wohngeld.id, work.today + dt.timedelta(days=1), reason)
    page = visit("office").get("/milestones").text
    sound(page)
    assert "Auf 1 Meilenstein ohne Termin warten Vorgänge." in words(page)
    assert "Die Prüfung dauert länger. 2-mal geplant" in words(page)
    world.days(3)
    with world.look("digi") as work:
        found = milestone_list.milestones(work)
    assert [line.id for line in found.in_stand("late")] == [wohngeld.id]
    assert found.in_stand("late")[0].waiting == 1  # of the own cases
    listed = words(visit("office").get("/cases?service=wohngeld&left=yes").text)
    assert "2 Vorgänge" in listed
    world.reach_milestones(world.open("bafoeg"))
    with world.look("office") as work:
        assert {line.service for line in milestone_list.milestones(work).in_stand("reached")} == {"bafoeg"}
