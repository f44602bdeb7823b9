"""The queue of a role: what is free, who has what since when, and what a supervisor sees."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.statements import counted
from tests.world import STRANGE_TOWN, World
from workflow import people, policy, tasks
from workflow.models import Prerequisite, Task
from workflow.queries import queue
from workflow.queries.queue import Line, Queue


def lines(page: Queue) -> list[Line]:
    return [line for group in page.groups for line in group.lines]


def test_what_a_colleague_took_is_no_more_free_but_shown_with_the_day(world: World) -> None:
    first, second = world.open(), world.open("uvg")
    for case_id in (first, second):
        world.do(case_id, "express_interest", "digi")
    taken = world.task(first, "confirm_responsibility")
    with world.by("team") as work:
        tasks.accept(work, taken)
        today = work.today
    world.days(3)
    with world.look("colleague") as work:
        free, with_whom = queue.queue(work), queue.queue(work, taken=True)
    assert [(line.id, line.may_accept) for line in lines(free)] == [
        (world.task(second, "confirm_responsibility"), True)
    ]
    assert [(line.id, line.holder, line.since) for line in lines(with_whom)] == [(taken, "Team", today)]
    for page in (free, with_whom):
        assert (page.free_total, page.taken_total, page.total, page.overdue) == (1, 1, 1, 0)


def test_what_somebody_accepted_who_is_gone_is_free_again(world: World) -> None:
    task_id = world.task(world.open(), "express_interest")
    with world.by("digi") as work:
        tasks.accept(work, task_id)
    with world.by("admin") as work:
        people.withdraw(work, world["digi"], people.parse_role("digi@073390000000"))
    with world.look("leitung") as work:
        assert [line.id for line in lines(queue.queue(work))] == [task_id]
        assert lines(queue.queue(work, taken=True)) == []


def test_it_holds_the_own_roles_and_a_supervisors_whole_team(world: World) -> None:
    world.open()
    with world.look("digi") as work:
        assert [line.may_accept for line in lines(queue.queue(work))] == [True]
    with world.look("supervisor") as work:
        assert [line.may_accept for line in lines(queue.queue(work))] == [False]
    for who in ("fachamt", "team", "stranger", "auditor", "other_team", "office", "admin"):
        with world.look(who) as work:
            assert lines(queue.queue(work)) == []


def test_it_is_grouped_by_role_and_body_and_can_be_narrowed_to_a_role(world: World) -> None:
    own = world.open()
    world.open("uvg", STRANGE_TOWN)
    world.do(own, "express_interest", "digi")
    with world.look("supervisor") as work:
        page = queue.queue(work)
        groups = [(group.role.de, group.body) for group in page.groups]
        assert groups == sorted(groups, key=lambda group: [one.title.de for one in page.roles].index(group[0]))
        assert len(groups) == len(set(groups)) > 1
        one = queue.queue(work, role="umsetzungsteam")
        assert [group.role for group in one.groups] == [
            found.title for found in page.roles if found.role == "umsetzungsteam"
        ]
        assert queue.queue(work, role="no such role") == page


def test_what_is_free_is_what_the_rights_say_for_everybody(world: World) -> None:
    world.walk(world.open(), until="connected")
    case_id = world.open("uvg")
    world.do(case_id, "express_interest", "digi")
    with world.by("team") as work:
        tasks.accept(work, world.task(case_id, "confirm_responsibility"))
    for who in ("digi", "leitung", "it", "team", "colleague", "operator", "stranger"):
        with world.look(who) as work:
            waiting: set[UUID] = set()
            for model, to_do in (
                (Task, policy.tasks_to_do(work.actor)),
                (Prerequisite, policy.prerequisites_to_do(work.actor)),
            ):
                not_taken = sa.select(model.id).where(to_do, model.status != "accepted")
                waiting |= set(work.session.execute(not_taken).scalars())
            page = queue.queue(work)
            assert {line.id for line in lines(page)} == waiting
            assert page.total == page.free_total == len(waiting)
            assert not waiting & {line.id for line in lines(queue.queue(work, taken=True))}


def test_it_is_leafed_through_and_a_place_that_makes_no_sense_is_the_beginning(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "PAGE", 3)
    for service in ("wohngeld", "uvg"):
        case_id = world.open(service)
        with world.by("team") as work:
            for number in range(3):
                tasks.add_ad_hoc(work, case_id, f"Nr. {number}", owner="body.digi", working_days=5 + number)
                tasks.add_ad_hoc(work, case_id, f"Nr. {number}", owner="body.leitung", working_days=9 - number)
    with world.look("supervisor") as work:
        place, found = None, []
        while True:
            page = queue.queue(work, after=place)
            found += lines(page)
            place = page.older
            if place is None:
                break
        assert len(found) == len({line.id for line in found}) == page.total == 14
        first = queue.queue(work)
        for nonsense in ("x.y", "~~~~", "a~b~1~99999999~x", "9" * 400, "body.digi~07~0~20261123~\0"):
            assert queue.queue(work, after=nonsense) == first


def test_it_takes_as_many_statements_for_one_case_as_for_many(world: World) -> None:
    def look() -> int:
        with world.look("supervisor") as work, counted(world) as sent:
            queue.queue(work)
            queue.queue(work, taken=True)
        return len(sent)

    case_ids = [world.open(), world.open("uvg")]
    with world.by("digi") as work:
        tasks.accept(work, world.task(case_ids[0], "express_interest"))
    few = look()
    for service in ("ikfz", "elterngeld", "fuehrerschein"):
        case_ids.append(world.open(service))
        with world.by("digi") as work:
            tasks.accept(work, world.task(case_ids[-1], "express_interest"))
    assert look() == few == 5
