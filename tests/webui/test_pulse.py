"""Pages that are open for hours: whether they are still true, and what happened since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.statements import counted
from tests.webui.pages import hidden, sound, typed
from tests.webui.visitor import Visitor, words
from tests.world import World
from workflow import comments, prerequisites, tasks
from workflow.database import real_now
from workflow.models import WebSession
from workflow.queries import pulse

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


def test_a_page_learns_that_it_is_true_no_more(world: World, visit: Visit) -> None:
    leitung = visit("leitung")
    pages = {"case": "cases", "task": "tasks", "asked": "prerequisites"}
    for name, folder in pages.items():
        address = f"/{folder}/{world[name]}"
        page = leitung.get(address).text
        sound(page)
        assert f'data-pulse="{address}/pulse" data-at="{_at(leitung, address)}"' in page
        assert visit("stranger").get(f"{address}/pulse").status_code == 404
    before = {name: _at(leitung, f"/{folder}/{world[name]}") for name, folder in pages.items()}
    of_inbox = _at(leitung, "")
    with world.by("team") as work:
        comments.write(work, world["case"], "Bitte ansehen.")
    assert _at(leitung, f"/cases/{world['case']}") != before["case"]
    assert _at(leitung, f"/tasks/{world['task']}") == before["task"]
    assert _at(leitung, "") == of_inbox
    with world.by("leitung") as work:
        tasks.accept(work, world["task"])
    with world.by("digi") as work:
        prerequisites.accept(work, world["asked"])
    assert _at(leitung, f"/tasks/{world['task']}") != before["task"]
    assert _at(leitung, f"/prerequisites/{world['asked']}") != before["asked"]
    assert _at(leitung, "") != of_inbox
    with world.look("leitung") as work, counted(world) as asked:
        pulse.case(work, world["case"])
        pulse.inbox(work)
    assert len(asked) == 2


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(world: World, visit: Visit) -> None:
    leitung = visit("leitung")
    long_ago = real_now() - dt.timedelta(hours=7)
    with world.engine.change("system") as work:
        work.session.execute(sa.update(WebSession).values(seen_at=long_ago))
    assert leitung.get(f"/cases/{world['case']}/pulse").headers["Cache-Control"] == "no-store"
    assert _seen_at(world) == long_ago
    leitung.get("/account")
    assert _seen_at(world) > long_ago


def test_who_is_refused_reads_what_happened_meanwhile_and_finds_every_word(world: World, visit: Visit) -> None:
    team, address = visit("team"), f"/tasks/{world['task']}/waive"
    supervisor = visit("supervisor")
    form = hidden(supervisor.get(f"/tasks/{world['task']}").text, address)
    with world.by("leitung") as work:
        tasks.accept(work, world["task"])
        comments.write(work, world["case"], "Ich kümmere mich.")
    stale = supervisor.post(address, **form, **{"waive-reason": "Das Land übernimmt es."})
    assert stale.status_code == 409
    sound(stale.text)
    said = words(stale.text)
    assert "Das ist inzwischen geschehen: „Nutzungsbedingungen annehmen“ wurde angenommen." in said
    assert "kommentiert" not in said.partition("inzwischen geschehen")[2][:150]  # only what is about the task
    assert typed(stale.text, "waive-reason") == "Das Land übernimmt es."

    digi, decline = visit("digi"), f"/prerequisites/{world['asked']}/decline"
    form = hidden(digi.get(f"/prerequisites/{world['asked']}").text, decline)
    with world.by("digi") as work:
        prerequisites.decline(work, world["asked"], "Noch nicht.")
    stale = digi.post(decline, **form, **{"decline-reason": "Das Postfach gibt es schon lange."})
    assert stale.status_code == 409
    sound(stale.text)
    said = words(stale.text)
    assert "Das ist inzwischen geschehen: " in said
    assert "Was Sie geschrieben haben" in said
    assert "Das Postfach gibt es schon lange." in said

    hold = f"/cases/{world['case']}/hold"
    form = hidden(team.get(hold).text, hold) | {"seen": "0"}
    refused = team.post(hold, **form, **{"answer-reason": "Der Stadtrat tagt."})
    assert refused.status_code == 409
    assert "Das ist inzwischen geschehen" not in words(refused.text)  # nothing is newer than the page


def _at(visitor: Visitor, address: str) -> str:
    answer = visitor.get(f"{address}/pulse")
    assert answer.status_code == 200
    return str((answer.get_json() or {})["at"])


def _seen_at(world: World) -> dt.datetime:
    with world.look() as work:
        return work.session.execute(sa.select(sa.func.max(WebSession.seen_at))).scalar_one()
