"""The way back from what was just done, where that does no harm."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Callable

import pytest

from tests.webui.pages import hidden, sound
from tests.webui.visitor import Visitor, words
from tests.world import World
from workflow import cases, tasks
from workflow.queries import case as query

Visit = Callable[[str], Visitor]


@pytest.fixture
def begun() -> Callable[[World], None]:
    """A town with a task and a prerequisite."""

    def begin(world: World) -> None:
        case_id = world.open()
        world.bring(case_id, "accept_terms")
        asked = world.prerequisite("functional_mailbox")
        world.ids |= {"case": case_id, "task": world.task(case_id, "accept_terms"), "asked": asked.id}

    return begin


def test_what_was_done_is_undone_with_one_button(world: World, visit: Visit) -> None:
    leitung, task = visit("leitung"), f"/tasks/{world['task']}"
    accepted = _do(leitung, task, f"{task}/accept")
    sound(accepted)
    assert world.row(world["case"], "accept_terms").status == "accepted"
    undone = _undo(leitung, accepted)
    assert world.row(world["case"], "accept_terms").status == "ready"
    assert "Rückgängig" not in words(undone)  # the page has a button of its own to accept it again
    assert "Rückgängig" not in words(leitung.get(task).text)  # offered once

    _do(leitung, task, f"{task}/accept")
    on = _do(leitung, task, f"{task}/follow-up", **{"follow_up-on": "30.11.2026"})
    assert world.row(world["case"], "accept_terms").follow_up_on is not None
    _undo(leitung, on)
    assert world.row(world["case"], "accept_terms").follow_up_on is None

    handed = _do(leitung, task, f"{task}/hand-on", **{"hand_on-to": str(world["digi"])})
    _undo(leitung, handed)
    assert world.row(world["case"], "accept_terms").holder_id == world["leitung"]

    released = _do(leitung, task, f"{task}/release")
    _undo(leitung, released)
    assert world.row(world["case"], "accept_terms").holder_id == world["leitung"]

    digi, asked = visit("digi"), f"/prerequisites/{world['asked']}"
    _undo(digi, _do(digi, asked, f"{asked}/accept"))
    assert world.prerequisite("functional_mailbox").status == "ready"

    team, case = visit("team"), f"/cases/{world['case']}"
    held = _do(
        team,
        f"{case}/hold",
        f"{case}/hold",
        **{"answer-blocker": "no_staff", "answer-reason": "x", "answer-review_on": "15.01.2027"},
    )
    assert world.case(world["case"]).rests
    _undo(team, held)
    assert not world.case(world["case"]).rests


def test_who_let_a_case_go_on_lets_it_rest_again_for_the_same_reason(world: World, visit: Visit) -> None:
    team, case = visit("team"), f"/cases/{world['case']}"
    with world.by("team") as work:
        review = dt.date(2027, 1, 15)
        cases.hold(work, world["case"], blocker="no_staff", reason="Bis Januar.", review_on=review, waits_for="land")
    world.days(3)
    _undo(team, _do(team, case, f"{case}/resume"))
    with world.look("team") as work:
        rest = query.case(work, world["case"]).rest
    assert rest is not None
    assert (rest.since, rest.review.on, rest.reason) == (work.today, review, "Bis Januar.")
    assert rest.waits_for is not None
    resumed = _do(team, case, f"{case}/resume")
    assert "Rückgängig" in words(resumed)
    assert visit("leitung").post(f"{case}/hold/again", seen="1").status_code in (403, 409)
    world.days(1)
    late = team.post(f"{case}/hold/again", seen=str(world.case(world["case"]).version))
    assert (late.status_code, world.case(world["case"]).rests) == (409, False)
    assert "Heute ging keine Ruhezeit zu Ende" in words(late.text)


def test_too_late_is_said_kindly_and_nobody_undoes_what_is_not_theirs(world: World, visit: Visit) -> None:
    leitung, task = visit("leitung"), f"/tasks/{world['task']}"
    page = _do(leitung, task, f"{task}/accept")
    form = hidden(_notice(page), f"{task}/release")
    with world.by("leitung") as work:
        tasks.hand_on(work, world["task"], world["digi"], "Bitte du.")
    late = leitung.post(f"{task}/release", **form)
    assert late.status_code == 409
    sound(late.text)
    assert "Das lässt sich nicht mehr rückgängig machen" in words(late.text)
    assert visit("stranger").post(f"{task}/release", seen=form["seen"], undo="yes").status_code == 404


@pytest.mark.parametrize(
    "back",
    [["advance", "0" * 32, 1], ["accept", "x", 1], ["accept", "0" * 32, True], ["accept", "0" * 32, -1], "accept", 7],
)
def test_a_way_back_somebody_else_wrote_leads_nowhere(visit: Visit, back: object) -> None:
    digi = visit("digi")
    written = json.dumps(["success", "notice.case_held", {}, back])
    digi.client.set_cookie("startklar_notice", base64.urlsafe_b64encode(written.encode()).decode())
    page = digi.get("/account")
    assert page.status_code == 200
    assert "Rückgängig" not in words(page.text)


def _do(who: Visitor, page: str, address: str, **fields: str) -> str:
    """Send a form of a page, and give the page it leads to."""
    done = who.post(address, **hidden(who.get(page).text, address), **fields)
    assert done.status_code == 303, words(done.text)
    return who.get(done.location).text


def _undo(who: Visitor, page: str) -> str:
    """Press the button beside what was said."""
    said = _notice(page)
    assert "Rückgängig" in words(said)
    address = re.search(r'action="([^"]+)"', said)
    assert address is not None
    done = who.post(address[1], **hidden(said, address[1]))
    assert done.status_code == 303, words(done.text)
    return who.get(done.location).text


def _notice(page: str) -> str:
    return page.partition('id="notice"')[2].partition("<h1")[0]
