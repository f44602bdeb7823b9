"""The supervisor's page as people use it: an entry with a count, and small forms on the spot."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import pytest

from tests.webui.pages import hidden, offers, sound, typed
from tests.webui.visitor import Visitor, words
from tests.world import TOWN, World
from workflow import prerequisites, ticking

Visit = Callable[[str], Visitor]


@pytest.fixture
def late(world: World) -> UUID:
    """A task of the town that was escalated to the supervisor this morning."""
    case_id = world.open()
    _pass(world, 22)
    return world.task(case_id, "express_interest")


def test_supervisors_have_an_entry_that_says_how_much_waits(late: UUID, visit: Visit) -> None:
    page = visit("supervisor").get("/").text
    assert 'href="/escalations"' in page
    assert "Eskaliert 1 : 1 wartet auf Sie" in words(page)
    for who in ("digi", "team", "admin"):
        assert 'href="/escalations"' not in visit(who).get("/").text


def test_nothing_there_is_said_kindly(world: World, visit: Visit) -> None:
    page = visit("supervisor").get("/escalations").text
    sound(page)
    assert "Nichts ist liegen geblieben" in words(page)
    assert "wartet auf Sie" not in words(page)


def test_the_page_says_why_who_acts_and_what_happened(late: UUID, visit: Visit) -> None:
    page = visit("supervisor").get("/escalations").text
    sound(page)
    said = words(page)
    assert "Eine Sache kommt ohne Sie nicht weiter." in said
    assert "seit 12 Arbeitstagen überfällig" in said
    assert "Zuständig: Digitalisierungsbeauftragte" in said
    assert "Der Grund: Nach 12 Arbeitstagen Verzug wird es Ihnen gemeldet." in said
    assert "Seitdem ist nichts geschehen." in said


def test_taking_over_is_one_button_and_the_page_shows_it(late: UUID, visit: Visit) -> None:
    supervisor = visit("supervisor")
    door = f"/escalations/tasks/{late}/take-over"
    answer = supervisor.post(door, **hidden(supervisor.get("/escalations").text, door))
    assert (answer.status_code, answer.location) == (303, "/escalations")
    page = supervisor.get("/escalations").text
    assert "Von Ihnen angenommen." in words(page)
    assert "ist jetzt Ihre Aufgabe" in words(page)
    assert not offers(page, door)


def test_handing_on_asks_whom_and_stays_here(late: UUID, world: World, visit: Visit) -> None:
    supervisor = visit("supervisor")
    door = f"/escalations/tasks/{late}/assign"
    fields = hidden(supervisor.get("/escalations").text, door)
    nobody = supervisor.post(door, **fields)
    assert nobody.status_code == 422
    sound(nobody.text)
    answer = supervisor.post(door, **fields | {f"assign-to-{late.hex}": str(world["leitung"])})
    assert answer.status_code == 303
    said = words(supervisor.get("/escalations").text)
    assert "Angenommen von Leitung." in said
    assert "wurde an Leitung gegeben" in said
    stranger = supervisor.post(
        door, **hidden(supervisor.get("/escalations").text, door) | {f"assign-to-{late.hex}": str(world["stranger"])}
    )
    assert stranger.status_code == 422


def test_more_time_needs_a_number_and_a_reason_and_keeps_what_was_typed(late: UUID, visit: Visit) -> None:
    supervisor = visit("supervisor")
    door = f"/escalations/tasks/{late}/extend"
    fields = hidden(supervisor.get("/escalations").text, door)
    days, reason = f"extend-days-{late.hex}", f"extend-reason-{late.hex}"
    for wrong in ({days: "5", reason: ""}, {days: "", reason: "Die Stelle ist leer."}, {days: "9999", reason: "Weil."}):
        answer = supervisor.post(door, **fields | wrong)
        assert answer.status_code == 422, wrong
        sound(answer.text)
        assert typed(answer.text, reason) == wrong[reason]
        assert typed(answer.text, days) == wrong[days]
    done = supervisor.post(door, **fields | {days: "10", reason: "Die Stelle wird neu besetzt."})
    assert done.status_code == 303
    said = words(supervisor.get("/escalations").text)
    assert "Hat seitdem einen neuen Termin" in said
    assert "um 10 Arbeitstage verlängert" in said
    assert "Die Stelle wird neu besetzt." in said
    assert "wartet auf Sie" not in said  # the entry counts what needs a decision


def test_who_was_slower_is_told_so_on_the_page(late: UUID, visit: Visit) -> None:
    supervisor = visit("supervisor")
    door = f"/escalations/tasks/{late}/take-over"
    fields = hidden(supervisor.get("/escalations").text, door)
    assert supervisor.post(door, **fields).status_code == 303
    again = {**fields, "command": fields["command"] + "-2"}
    answer = supervisor.post(door, **again)
    assert answer.status_code == 409
    assert 'id="error-summary"' in answer.text


def test_prerequisites_have_the_same_forms(world: World, visit: Visit) -> None:
    with world.by("digi") as work:
        asked = prerequisites.request(work, TOWN, "payment_mandate").id
    _pass(world, 60)
    supervisor = visit("supervisor")
    door = f"/escalations/prerequisites/{asked}"
    page = supervisor.get("/escalations").text
    assert supervisor.post(f"{door}/take-over", **hidden(page, f"{asked}/take-over")).status_code == 303
    page = supervisor.get("/escalations").text
    to = {f"assign-to-{asked.hex}": str(world["kasse"])}
    assert supervisor.post(f"{door}/assign", **hidden(page, f"{asked}/assign") | to).status_code == 303
    page = supervisor.get("/escalations").text
    assert "Angenommen von Kasse." in words(page)
    more = {f"extend-days-{asked.hex}": "20", f"extend-reason-{asked.hex}": "Der Mandant kommt im Januar."}
    assert supervisor.post(f"{door}/extend", **hidden(page, f"{asked}/extend") | more).status_code == 303


def test_who_is_no_supervisor_there_does_nothing_here(late: UUID, world: World, visit: Visit) -> None:
    for deed in ("take-over", "assign", "extend"):
        for who in ("stranger", "admin", "office", "other_team"):
            answer = visit(who).post(f"/escalations/tasks/{late}/{deed}", seen="1")
            assert answer.status_code in (403, 404), (deed, who)


def test_leafing_goes_back_to_the_beginning(late: UUID, visit: Visit) -> None:
    page = visit("supervisor").get(f"/escalations?after=0.20990101.{late.hex}").text
    sound(page)
    assert re.search(r'rel="prev" href="/escalations"', page)


def _pass(world: World, working_days: int) -> None:
    for _ in range(working_days):
        world.days(1)
        ticking.decide_and_write(world.engine)
