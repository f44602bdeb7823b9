"""Tasks that no process foresees: added to one case, done like any other, withdrawn."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.world import FILE, World
from workflow import cases, history, tasks
from workflow.errors import InvalidEvidence, NotAllowed, NotFound, Refused, RequirementsNotMet, TaskNotAvailable
from workflow.models import Event, Notice
from workflow.queries import case as case_page
from workflow.queries import case_list, inbox
from workflow.queries import task as task_page


def test_a_task_that_was_added_is_done_like_any_other(world: World) -> None:
    case_id = world.open()
    with world.by("team") as work:
        task = tasks.add_ad_hoc(
            work, case_id, "Mit dem Kreis telefonieren", "Es geht um Trier.", owner="body.digi", working_days=5
        )
    assert task.status == "ready"
    with world.look("digi") as work:
        assert "Mit dem Kreis telefonieren" in {item.title.de for item in _items(inbox.inbox(work))}
        page = task_page.task(work, task.id)
        assert (page.title.de, page.help and page.help.de) == ("Mit dem Kreis telefonieren", "Es geht um Trier.")
        assert page.due is not None
        assert page.due.working_days == 5
    with world.by("digi") as work:
        done = tasks.submit(work, task.id, {"result": "Alles geklärt.", "document": FILE})
        assert (done.status, done.title.de) == ("done", "Mit dem Kreis telefonieren")
    with world.look("team") as work:
        seen = case_page.case(work, case_id)
        assert "Mit dem Kreis telefonieren" in {line.title.de for line in seen.settled}
        assert [line.source and line.source.de for line in seen.documents] == ["Mit dem Kreis telefonieren"]
        told = [entry for entry in seen.history if entry.act in ("task_added", "completed")]
        assert {entry.facts["task"].de for entry in told} == {"Mit dem Kreis telefonieren"}
        assert [entry.remark for entry in told if entry.act == "task_added"] == ["Es geht um Trier."]
        assert case_list.cases(work).lines
        assert history.differences(work, "case", case_id) == ()


def test_a_mandatory_one_keeps_the_case_where_it_is(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id)
    world.satisfy(case_id)
    with world.by("supervisor") as work:
        task_id = tasks.add_ad_hoc(work, case_id, "Noch etwas", owner="umsetzungsteam", working_days=3).id
        tasks.add_ad_hoc(work, case_id, "Wer mag", owner="body.it", working_days=3, mandatory=False)
    with pytest.raises(RequirementsNotMet) as refusal, world.by("team") as work:
        cases.advance(work, case_id, "contract")
    assert [reason.facts["task"].de for reason in refusal.value.reasons] == ["Noch etwas"]
    with world.by("team") as work:
        tasks.submit(work, task_id)
        cases.advance(work, case_id, "contract")
    with world.look() as work:
        assert history.differences(work, "case", case_id) == ()


def test_a_body_adds_tasks_for_its_own_roles_only(world: World) -> None:
    case_id = world.open()
    with world.by("digi") as work:
        tasks.add_ad_hoc(work, case_id, "Bitte prüfen", owner="body.fachamt", working_days=2)
    for who, owner in (("digi", "umsetzungsteam"), ("fachamt", "body.fachamt"), ("office", "body.digi")):
        with pytest.raises(NotAllowed), world.by(who) as work:
            tasks.add_ad_hoc(work, case_id, "Bitte prüfen", owner=owner, working_days=2)
    with pytest.raises(NotFound), world.by("stranger") as work:
        tasks.add_ad_hoc(work, case_id, "Bitte prüfen", owner="body.digi", working_days=2)


def test_bad_input_is_named(world: World) -> None:
    case_id = world.open()
    for title in ("", "zwei\nZeilen", "x" * 501, "a\x00b"):
        with pytest.raises(InvalidEvidence), world.by("team") as work:
            tasks.add_ad_hoc(work, case_id, title, owner="body.digi", working_days=2)
    for owner, days in (("body.nobody", 5), ("", 5), ("body.digi", 0), ("body.digi", 61)):
        with pytest.raises(Refused), world.by("team") as work:
            tasks.add_ad_hoc(work, case_id, "Titel", owner=owner, working_days=days)


def test_what_somebody_typed_is_neither_in_the_chain_nor_in_a_notice(world: World) -> None:
    case_id = world.open()
    with world.by("team") as work:
        tasks.add_ad_hoc(work, case_id, "Geheimnis", "Geheimnis", owner="body.digi", working_days=2)
    with world.look() as work:
        chain = work.session.execute(sa.select(Event.content).where(Event.chain_id == case_id)).scalars()
        facts = work.session.execute(sa.select(Notice.facts)).scalars()
        assert not [content for content in (*chain, *facts) if "Geheimnis" in content]
    assert list(history.verify(world.engine, case=case_id)) == []


def test_a_task_that_was_added_is_withdrawn_with_a_reason_and_one_of_the_process_is_not(world: World) -> None:
    case_id = world.open()
    with world.by("team") as work:
        task_id = tasks.add_ad_hoc(work, case_id, "Anrufen", owner="body.digi", working_days=2).id
    with pytest.raises(TaskNotAvailable), world.by("team") as work:
        tasks.withdraw(work, world.task(case_id, "express_interest"), "nein")
    with pytest.raises(NotAllowed), world.by("fachamt") as work:
        tasks.withdraw(work, task_id, "nein")
    with pytest.raises(InvalidEvidence), world.by("digi") as work:
        tasks.withdraw(work, task_id, "")
    with world.by("digi") as work:
        assert tasks.withdraw(work, task_id, "schon geschehen").status == "obsolete"


def _items(page: inbox.Inbox) -> list[inbox.Item]:
    return [*page.now, *page.this_week, *page.later, *page.undated]
