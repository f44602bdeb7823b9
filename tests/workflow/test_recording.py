"""What a team enters for a town that told it by phone or mail."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import World
from workflow import history, tasks
from workflow.errors import InvalidEvidence, NotAllowed, SecondPersonNeeded
from workflow.models import Notice
from workflow.queries import task as task_page

TOLD = {"means": "phone", "told_on": "20.11.2026", "told_by": "Fachamt"}


def record(world: World, case_id: UUID, name: str, who: str = "team", **told: str) -> tasks.TaskView:
    with world.by(who) as work:
        given = world.answers(work, case_id, name)
        return tasks.record(work, world.task(case_id, name), given, told=TOLD | told)


def test_a_team_enters_what_a_town_told_although_somebody_there_holds_the_role(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.look("team") as work:
        page = task_page.task(work, task_id)
    assert page.may("record")
    assert not page.may("submit")
    assert record(world, case_id, "express_interest").status == "done"
    with world.look("digi") as work:
        page = task_page.task(work, task_id)
        told = set(work.session.execute(sa.select(Notice.recipient_id).where(Notice.name == "recorded")).scalars())
    assert page.recorded is not None
    assert (page.recorded.means.de, str(page.recorded.told_on), page.recorded.told_by) == (
        "am Telefon",
        "2026-11-20",
        "Fachamt",
    )
    assert page.recorded_for_body
    assert world["digi"] in told
    with world.look() as work:
        assert history.differences(work, "case", case_id) == ()


def test_only_the_team_enters_and_says_how_it_knows(world: World) -> None:
    case_id = world.open()
    for who in ("digi", "supervisor", "office", "leitung"):
        with pytest.raises(NotAllowed):
            record(world, case_id, "express_interest", who)
        with world.look(who) as work:
            assert not task_page.task(work, world.task(case_id, "express_interest")).may("record")
    for told in ({"means": "rumour"}, {"told_on": ""}, {"told_by": " "}, {"told_on": "24.11.2026"}):
        with pytest.raises(InvalidEvidence) as refused:
            record(world, case_id, "express_interest", **told)
        assert set(refused.value.faults) == set(told)
    world.do(case_id, "express_interest", "digi")
    with pytest.raises(NotAllowed):  # what is the team's own is submitted, not recorded
        record(world, case_id, "confirm_responsibility")


def test_what_is_leitungs_needs_the_signed_document(world: World) -> None:
    case_id = world.open()
    world.bring(case_id, "accept_terms")
    with pytest.raises(InvalidEvidence) as refused:
        record(world, case_id, "accept_terms")
    assert "signed_document" in refused.value.faults


def test_what_the_team_entered_is_confirmed_by_the_body(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt")]:
        world.do(case_id, name, who)
    assert record(world, case_id, "questionnaire").status == "submitted"
    task_id = world.task(case_id, "questionnaire")
    assert world.row(case_id, "questionnaire").acting == "body.leitung"
    for who in ("team", "colleague"):
        with pytest.raises((NotAllowed, SecondPersonNeeded)), world.by(who) as work:
            tasks.confirm(work, task_id)
    with world.by("leitung") as work:
        assert tasks.confirm(work, task_id).status == "done"
