"""One thing with many cases, as people do it on pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.webui.pages import hidden, offers, sound
from tests.webui.visitor import Visitor, words
from tests.world import STRANGE_TOWN, TOWN, World, contents
from workflow import bulk, cases
from workflow.bulk import Order
from workflow.models import Bulk, BulkItem, Event

HOLD = {"answer-blocker": "no_staff", "answer-reason": "Urlaub", "answer-review_on": "15.01.2027"}


@pytest.fixture
def three(world: World) -> list[UUID]:
    """Three cases of the town; the second rests."""
    many = [world.open(service) for service in ("wohngeld", "uvg", "ikfz")]
    with world.by("team") as work:
        given = {name.removeprefix("answer-"): value for name, value in HOLD.items()}
        cases.hold_as_answered(work, many[1], given)
    return many


def ticked(many: list[UUID]) -> str:
    return "/bulk/new?" + "&".join(f"case={case_id}" for case_id in many)


def acts(world: World, case_id: UUID) -> list[str]:
    with world.look() as work:
        return list(
            work.session.execute(sa.select(Event.act).where(Event.chain_id == case_id).order_by(Event.seq)).scalars()
        )


def test_cases_are_ticked_tried_out_done_and_shown_the_refused_first(
    visit: Callable[[str], Visitor], world: World, three: list[UUID]
) -> None:
    visitor = visit("team")
    page = visitor.get("/cases").text
    sound(page)
    assert page.count('name="case"') == 3
    page = visitor.get(ticked(three)).text
    sound(page)
    assert "3 Vorgänge sind ausgewählt." in words(page)
    assert "anhalten passt bei 2 von 3" in words(page)
    asked = hidden(page, "/bulk/try")
    form = visitor.post("/bulk/try", **asked, what="hold").text
    sound(form)
    missing = visitor.post("/bulk/try", **hidden(form, "/bulk/try"), **(HOLD | {"answer-reason": ""}))
    assert missing.status_code == 422
    sound(missing.text)
    before = contents(world)
    tried = visitor.post("/bulk/try", **hidden(missing.text, "/bulk/try"), **HOLD).text
    assert {**contents(world), "web_session": before["web_session"]} == before
    sound(tried)
    said = words(tried)
    assert "Bei einem Vorgang geht es nicht" in said
    assert "Der Vorgang ruht." in said
    assert "Jetzt mit 2 Vorgängen ausführen" in said
    start = hidden(tried, "/bulk")
    answer = visitor.post("/bulk", **start)
    assert answer.status_code == 303
    assert visitor.post("/bulk", **start).location == answer.location
    done = visitor.get(answer.location).text
    sound(done)
    assert "Bearbeitet: 2. Bei einem Vorgang ging es nicht." in words(done)
    refused, rest = words(done).split("Bearbeitet: 2.")[1].split("2 Vorgänge sind bearbeitet")
    assert "Nur diese noch einmal versuchen Unterhaltsvorschuss" in refused
    assert "Wohngeld" in rest
    assert [acts(world, case_id) for case_id in three] == [["opened", "held"]] * 3
    assert "Vorgänge anhalten" in words(visitor.get("/bulk").text)
    case = visitor.get(f"/cases/{three[0]}").text
    assert f'<a href="{answer.location}">Zusammen mit anderen Vorgängen</a>' in case
    town = visit("digi").get(f"/cases/{three[0]}").text
    assert "Zusammen mit anderen Vorgängen" in words(town)
    assert answer.location not in town


def test_only_those_refused_are_tried_again(visit: Callable[[str], Visitor], world: World, three: list[UUID]) -> None:
    asked = bulk.start(world.engine, world["team"], Order("resume"), bulk.of_cases(three))
    bulk.work_off(world.engine, asked.id)
    visitor = visit("team")
    page = visitor.get(f"/bulk/{asked.id}").text
    tried = visitor.post(f"/bulk/{asked.id}/again", **hidden(page, "/again")).text
    sound(tried)
    assert "Bei keinem dieser Vorgänge ist das jetzt möglich." in words(tried)
    with world.by("team") as work:
        cases.hold_as_answered(work, three[0], {name.removeprefix("answer-"): value for name, value in HOLD.items()})
    tried = visitor.post(f"/bulk/{asked.id}/again", **hidden(page, "/again")).text
    start = hidden(tried, "/again/start")
    answer = visitor.post(f"/bulk/{asked.id}/again/start", **start)
    assert answer.status_code == 303
    assert visitor.post(f"/bulk/{asked.id}/again/start", **start).location == answer.location
    assert "Ein Vorgang" in words(visitor.get(answer.location).text)
    assert not world.case(three[0]).rests


def test_what_is_under_way_goes_on_page_by_page_with_and_without_scripts(
    visit: Callable[[str], Visitor], world: World, three: list[UUID]
) -> None:
    asked = bulk.start(world.engine, world["team"], Order("resume"), bulk.of_cases(three))
    visitor = visit("team")
    page = visitor.get(f"/bulk/{asked.id}").text
    assert '<noscript><meta http-equiv="refresh" content="4"></noscript>' in page
    assert "0 von 3 Vorgängen bearbeitet" in words(page)
    foreign = visit("auditor").get(f"/bulk/{asked.id}").text
    assert "hx-post" not in foreign
    assert visit("auditor").post(f"/bulk/{asked.id}/continue").status_code == 403
    assert visit("digi").get(f"/bulk/{asked.id}").status_code == 404
    answer = visitor.post(f"/bulk/{asked.id}/continue", **hidden(page, "/continue"))
    assert (answer.status_code, answer.location) == (303, f"/bulk/{asked.id}")
    assert "ging es nicht" in words(visitor.get(answer.location).text)
    part = visitor.client.post(
        f"/bulk/{asked.id}/continue", headers={"HX-Request": "true", "X-CSRF-Token": visitor._csrf or ""}
    )
    assert part.headers["HX-Refresh"] == "true"


def test_a_task_is_handed_on_and_a_step_taken_for_all_the_list_shows(
    visit: Callable[[str], Visitor], world: World, three: list[UUID]
) -> None:
    world.open("wohngeld", STRANGE_TOWN)
    visitor = visit("leitung")
    page = visitor.get(f"/bulk/new?all=yes&body={TOWN}").text
    assert "3 Vorgänge sind ausgewählt." in words(page)
    form = visitor.post("/bulk/try", **hidden(page, "/bulk/try"), what="assign:express_interest").text
    sound(form)
    tried = visitor.post("/bulk/try", **hidden(form, "/bulk/try"), **{"answer-to": world["digi"].hex}).text
    assert "an Digi geben" in words(tried)
    assert visitor.post("/bulk", **hidden(tried, "/bulk")).status_code == 303
    assert {world.row(case_id, "express_interest").holder_id for case_id in three} == {world["digi"]}
    asked = hidden(visitor.get(ticked(three)).text, "/bulk/try")
    form = visitor.post("/bulk/try", **asked, what="advance:decline").text
    answers = {"answer-reason": "no_demand", "answer-explanation": "Kein Bedarf."}
    tried = visitor.post("/bulk/try", **hidden(form, "/bulk/try"), **answers).text
    answer = visitor.post("/bulk", **hidden(tried, "/bulk"))
    page = visitor.get(answer.location).text
    assert "Das Umsetzungsteam kann ihn fortsetzen." in words(page)
    assert [world.case(case_id).state for case_id in three] == ["declined", "requested", "declined"]


def test_a_case_that_lacks_much_tells_three_reasons_and_keeps_the_others_folded(
    visit: Callable[[str], Visitor], three: list[UUID]
) -> None:
    visitor = visit("team")
    asked = hidden(visitor.get(ticked(three[:1])).text, "/bulk/try")
    tried = visitor.post("/bulk/try", **asked, what="advance:contract").text
    sound(tried)
    shown, folded = tried.split("weitere Gründe", 1)
    assert shown.count("ist noch offen") == 3
    assert folded.count("ist noch offen") > 3


def test_the_office_gives_many_to_another_team(
    visit: Callable[[str], Visitor], world: World, three: list[UUID]
) -> None:
    visitor = visit("office")
    asked = hidden(visitor.get(ticked(three)).text, "/bulk/try")
    form = visitor.post("/bulk/try", **asked, what="team").text
    answers = {"answer-team": "nord", "answer-reason": "Neuer Zuschnitt."}
    tried = visitor.post("/bulk/try", **hidden(form, "/bulk/try"), **answers).text
    visitor.post("/bulk", **hidden(tried, "/bulk"))
    assert {world.case(case_id).team for case_id in three} == {"nord"}


def test_who_may_do_nothing_with_cases_is_not_offered_it(
    visit: Callable[[str], Visitor], world: World, three: list[UUID]
) -> None:
    for who in ("auditor", "fachamt", "operator"):
        visitor = visit(who)
        assert not offers(visitor.get("/cases").text, "/bulk/new")
        assert visitor.get(ticked(three)).status_code == 403
        assert visitor.post("/bulk", what="resume", cases=three[1].hex).status_code == 403
    assert visit("other_team").get(ticked(three)).text.count("Kein Vorgang ist ausgewählt") == 1
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Bulk)).scalar_one() == 0


@pytest.mark.parametrize(
    "form",
    [
        {"what": "hold", "cases": ""},
        {"what": "destroy", "cases": "CASES"},
        {"what": "advance:nowhere", "cases": "CASES"},
        {"what": "", "cases": "no-id another"},
        {"what": "assign:express_interest", "cases": "CASES", "answer-to": "niemand"},
        {"what": "advance:decline", "cases": "CASES", "answer-reason": "x"},
    ],
)
def test_whatever_a_form_says_nothing_breaks_and_no_case_changes(
    visit: Callable[[str], Visitor], world: World, three: list[UUID], form: dict[str, str]
) -> None:
    visitor = visit("team")
    sent = {**form, "cases": form["cases"].replace("CASES", " ".join(case_id.hex for case_id in three))}
    for address in ("/bulk/try", "/bulk"):
        for more in ({}, {"answered": "yes"}):
            assert visitor.post(address, **sent, **more).status_code in (200, 303, 409, 422)
    assert [acts(world, case_id) for case_id in three] == [["opened"], ["opened", "held"], ["opened"]]
    with world.look() as work:
        done = work.session.execute(sa.select(sa.func.count()).where(BulkItem.status == "done")).scalar_one()
    assert done == 0
    assert not re.search("Kennung", words(visitor.get("/bulk").text))
