"""What a body does once and many cases wait for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import STRANGE_TOWN, TOWN, World, plausible
from workflow import cases, events, following, people, policy, prerequisites
from workflow.engine import SYSTEM
from workflow.errors import Conflict, TaskNotAvailable
from workflow.models import Notice, Prerequisite

KIND = "editing_rights"
"""Something every service needs once per body."""
DECLINED = {"reason": "own_solution", "explanation": "Das eigene Formular reicht."}


def test_what_no_open_case_needs_any_more_is_asked_of_nobody(world: World) -> None:
    case_id = _asked(world)
    asked = _row(world, KIND)
    assert asked.status == "ready"
    assert asked.remind_at is not None

    with world.by("team") as work:
        cases.advance(work, case_id, "decline", given=DECLINED)
    following.work_off(world.engine)

    laid_aside = _row(world, KIND)
    assert (laid_aside.status, laid_aside.acting, laid_aside.remind_at) == ("not_needed", None, None)
    assert laid_aside.generation == asked.generation + 1
    assert _waiting_for(world, "redaktion") == []
    with world.look() as work:
        assert events.broken_at(work, laid_aside.id) is None


def test_what_another_open_case_needs_stays_asked_for(world: World) -> None:
    first, second = _asked(world), _asked(world, "uvg")
    with world.by("team") as work:
        cases.advance(work, first, "decline", given=DECLINED)
    following.work_off(world.engine)
    assert _row(world, KIND).status == "ready"

    with world.by("team") as work:
        cases.advance(work, second, "decline", given=DECLINED)
    following.work_off(world.engine)
    assert _row(world, KIND).status == "not_needed"


def test_what_was_asked_for_by_hand_stays(world: World) -> None:
    with world.by("team") as work:
        by_hand = prerequisites.request(work, TOWN, KIND).id
    case_id = _asked(world)
    with world.by("team") as work:
        cases.advance(work, case_id, "decline", given=DECLINED)
    following.work_off(world.engine)
    assert _row(world, KIND).id == by_hand
    assert _row(world, KIND).status == "ready"


def test_what_was_laid_aside_is_asked_for_anew_when_a_case_needs_it_again(world: World) -> None:
    case_id = _asked(world)
    with world.by("team") as work:
        cases.advance(work, case_id, "decline", given=DECLINED)
    following.work_off(world.engine)
    world.days(30)

    _asked(world, "uvg")
    assert _row(world, KIND).status == "not_needed", "prerequisites are locked before cases"
    following.work_off(world.engine)

    again = _row(world, KIND)
    assert (again.status, again.acting) == ("ready", "body.redaktion")
    with world.look() as work:
        assert again.counted_from == work.today
        assert again.due_on == work.catalogue.calendar.add(work.today, 10)
        asked = work.session.execute(
            sa.select(sa.func.count()).where(Notice.subject_id == again.id, Notice.name == "asked")
        ).scalar_one()
    assert asked == 2
    assert _waiting_for(world, "redaktion") == [again.id]


def test_a_changed_variant_lays_aside_what_only_the_old_one_needed(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id, choose_variant={"connection_variant": "fitconnect"})
    world.reach_milestones(case_id)
    with world.by("team") as work:
        cases.advance(work, case_id, "contract")
        cases.advance(work, case_id, "revise_contract", given={"reason": "Doch ein anderer Weg."})
    assert _row(world, "elster_account").status == "ready"

    world.do(case_id, "choose_variant", "team", connection_variant="pdf_databox")
    following.work_off(world.engine)
    assert _row(world, "elster_account").status == "not_needed"
    assert _row(world, KIND).status == "ready"


def test_a_variant_can_be_chosen_back_and_forth(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id, choose_variant={"connection_variant": "fitconnect"})
    world.reach_milestones(case_id)
    for variant, status in (("pdf_databox", "not_needed"), ("fitconnect", "ready"), ("pdf_databox", "not_needed")):
        with world.by("team") as work:
            cases.advance(work, case_id, "contract")
            cases.advance(work, case_id, "revise_contract", given={"reason": "Doch ein anderer Weg."})
        world.finish_state(case_id, choose_variant={"connection_variant": variant})
        following.work_off(world.engine)
        assert _row(world, "elster_account").status == status


def test_asking_by_hand_for_what_was_laid_aside_asks_anew_and_once(world: World) -> None:
    case_id = _asked(world)
    with world.by("team") as work:
        cases.advance(work, case_id, "decline", given=DECLINED)
    following.work_off(world.engine)
    with world.by("team") as work:
        prerequisites.request(work, TOWN, KIND)
    with world.engine.change(SYSTEM) as work:
        prerequisites.review(work, TOWN)
    assert _row(world, KIND).status == "ready"
    with pytest.raises(Conflict), world.by("team") as work:
        prerequisites.request(work, TOWN, KIND)


def test_what_a_colleague_has_accepted_is_the_colleagues(world: World) -> None:
    _asked(world)
    subject = _row(world, KIND)
    with world.by("admin") as work:
        people.grant(work, world.ids["fachamt"], people.parse_role(f"redaktion@{TOWN}"))
    with world.by("redaktion") as work:
        prerequisites.accept(work, subject.id)
    assert subject.id not in _waiting_for(world, "fachamt")
    assert subject.id in _waiting_for(world, "redaktion")
    with pytest.raises(TaskNotAvailable), world.by("fachamt") as work:
        prerequisites.complete(work, subject.id, _answers(work, KIND))
    assert _row(world, KIND).status == "accepted"

    with world.by("redaktion") as work:
        prerequisites.complete(work, subject.id, _answers(work, KIND))
    assert _row(world, KIND).status == "done"


def test_what_a_colleague_accepted_and_left_behind_is_free_again(world: World) -> None:
    _asked(world)
    subject = _row(world, KIND)
    with world.by("admin") as work:
        people.grant(work, world.ids["stranger"], people.parse_role(f"redaktion@{TOWN}"))
    with world.by("stranger") as work:
        prerequisites.accept(work, subject.id)
    with world.by("admin") as work:
        people.withdraw(work, world.ids["stranger"], people.parse_role(f"redaktion@{TOWN}"))
    assert subject.id in _waiting_for(world, "redaktion")
    with world.by("redaktion") as work:
        prerequisites.complete(work, subject.id, _answers(work, KIND))
    assert _row(world, KIND).status == "done"


def test_a_review_changes_nothing_of_another_body(world: World) -> None:
    with world.by("office") as work:
        other = cases.open_case(work, "wohngeld", STRANGE_TOWN).id
    assert world.case(other).body == STRANGE_TOWN
    _asked(world)
    before = _row(world, KIND)
    with world.engine.change(world["team"]) as work:
        prerequisites.review(work, STRANGE_TOWN)
    assert _row(world, KIND) == before


def _asked(world: World, service: str = "wohngeld") -> UUID:
    """A case whose variant is chosen; it needs KIND, like other services."""
    case_id = world.open(service)
    world.bring(case_id, "choose_variant")
    world.do(case_id, "choose_variant", "team")
    return case_id


def _row(world: World, kind: str) -> Any:
    with world.look() as work:
        return work.session.execute(
            sa.select(Prerequisite.__table__).where(Prerequisite.body == TOWN, Prerequisite.kind == kind)
        ).one()


def _answers(work: Any, kind: str) -> dict[str, Any]:
    return plausible(work.catalogue.shared.prerequisites[kind].evidence, work.today)


def _waiting_for(world: World, who: str) -> list[UUID]:
    with world.look(who) as work:
        return list(
            work.session.execute(
                sa.select(Prerequisite.id).where(policy.prerequisites_to_do(work.actor), Prerequisite.kind == KIND)
            ).scalars()
        )
