"""What people say about a case: who reads it, who is told, and what taking it back leaves."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import World
from workflow import comments, history, people
from workflow.errors import Conflict, InvalidEvidence, NotAllowed, NotFound, Refused
from workflow.models import Event, Notice, Remark
from workflow.queries import case as case_page
from workflow.queries import task as task_page


def test_who_is_mentioned_learns_of_it_and_not_what_was_written(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        done = comments.write(work, case_id, "Bitte die Zahlen prüfen.", task_id=task_id, mentioned=[world["team"]])
    assert done.mentioned == (world["team"],)
    with world.look() as work:
        told = work.session.execute(
            sa.select(Notice.recipient_id, Notice.subject_id, Notice.facts).where(Notice.name == "mentioned")
        ).all()
        content = work.session.execute(sa.select(Event.content).where(Event.act == "task_commented")).scalar_one()
    assert [(one.recipient_id, one.subject_id) for one in told] == [(world["team"], task_id)]
    assert "Zahlen" not in told[0].facts + content


def test_a_name_in_the_text_mentions_whoever_bears_it_alone(world: World) -> None:
    case_id = world.open()
    with world.by("admin") as work:
        for number in (1, 2):
            people.add(
                work,
                email=f"kim{number}@startklar.example",
                name="Kim Zwei",
                password_hash=None,
                language="de",
                roles=[people.parse_role(f"umsetzungsteam@{world.team}")],
            )
    with world.by("team") as work:
        done = comments.write(work, case_id, "@digi und @Fachamt: bitte ansehen, auch @Kim Zwei und @Stranger")
    assert set(done.mentioned) == {world["digi"], world["fachamt"]}


def test_only_who_sees_the_case_is_mentioned(world: World) -> None:
    case_id = world.open()
    for nobody in ("stranger", "other_team", "operator"):
        with pytest.raises(Refused), world.by("digi") as work:
            comments.write(work, case_id, "Hallo", mentioned=[world[nobody]])
    with pytest.raises(NotFound), world.by("stranger") as work:
        comments.write(work, case_id, "Hallo")
    with pytest.raises(NotAllowed), world.by("auditor") as work:
        comments.write(work, case_id, "Hallo")
    elsewhere = world.task(world.open("uvg"), "express_interest")
    with pytest.raises(NotFound), world.by("digi") as work:
        comments.write(work, case_id, "Hallo", task_id=elsewhere)


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "a\x00b", "a\u202eb"])
def test_what_no_text_may_hold_is_refused_and_nothing_is_kept(world: World, text: str) -> None:
    case_id = world.open()
    before = world.case(case_id).seq
    with pytest.raises(InvalidEvidence), world.by("digi") as work:
        comments.write(work, case_id, text)
    assert world.case(case_id).seq == before


def test_a_comment_taken_back_leaves_an_entry_and_no_text_and_the_chain_holds(world: World) -> None:
    case_id = world.open()
    comment_id = _said(world, case_id, "Das war ein Irrtum.")
    with pytest.raises(NotAllowed), world.by("leitung") as work:
        comments.withdraw(work, comment_id)
    with world.by("digi") as work:
        comments.withdraw(work, comment_id)
    with pytest.raises(Conflict), world.by("digi") as work:
        comments.withdraw(work, comment_id)
    with world.look("leitung") as work:
        assert "Das war ein Irrtum." not in work.session.execute(sa.select(Remark.text)).scalars().all()
        (one,) = case_page.case(work, case_id).conversation.said
        assert (one.text, one.who, one.mine) == (None, "Digi", False)
    assert list(history.verify(world.engine, case=case_id)) == []
    with world.look() as work:
        assert history.differences(work, "case", case_id) == ()


def test_a_conversation_stands_on_case_and_task_the_newest_last(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    _said(world, case_id, "Erstens")
    world.days(1)
    with world.by("team") as work:
        comments.write(work, case_id, "Zweitens", task_id=task_id)
    with world.look("digi") as work:
        of_case, of_task = case_page.case(work, case_id).conversation, task_page.task(work, task_id).conversation
        assert [(one.text, one.who) for one in of_case.said] == [("Erstens", "Digi"), ("Zweitens", "Team")]
        assert of_task is not None
        assert [one.text for one in of_task.said] == ["Zweitens"]
        assert [one.mine for one in of_case.said] == [True, False]
        assert "Stranger" not in [reader.name for reader in of_case.readers]


def _said(world: World, case_id: UUID, text: str) -> UUID:
    with world.by("digi") as work:
        return comments.write(work, case_id, text).id
