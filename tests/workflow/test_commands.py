"""A command with a key is done once, whoever repeats it and whenever."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.world import EMPTY_TOWN, FILE, TOWN, World, contents
from workflow import cases, clock, commands, milestones, people, prerequisites, programme, tasks
from workflow.engine import SYSTEM
from workflow.errors import AlreadyOpen, CommandReused, Invalid, StartklarError, TaskHasMoved
from workflow.models import Command, Event


def test_asked_twice_a_deed_is_done_once_and_gives_the_same_answer(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        first = commands.once(work, "k", tasks.accept, task_id, seen=1)
    before = contents(world)
    with world.by("digi") as work:
        again = commands.once(work, "k", tasks.accept, task_id, seen=1)
    assert again == first
    assert contents(world) == before


def test_without_a_key_a_deed_is_simply_done(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        commands.once(work, None, tasks.accept, task_id, seen=1)
    with world.by("digi") as work, pytest.raises(TaskHasMoved):
        commands.once(work, None, tasks.accept, task_id, seen=1)


def test_the_same_key_for_something_else_is_refused(world: World) -> None:
    task_id = world.task(world.open(), "express_interest")
    with world.by("supervisor") as work:
        commands.once(work, "k", tasks.extend, task_id, 5, "Urlaub")
    with pytest.raises(CommandReused), world.by("supervisor") as work:
        commands.once(work, "k", tasks.extend, task_id, 5, "Ferien")
    with pytest.raises(CommandReused), world.by("supervisor") as work:
        commands.once(work, "k", tasks.waive, task_id, "Urlaub")
    with pytest.raises(CommandReused), world.by("supervisor") as work:
        commands.once(work, "k", tasks.extend, task_id, 5, "Urlaub", seen=2)


def test_two_people_may_use_the_same_key(world: World) -> None:
    first = world.task(world.open(), "express_interest")
    with world.by("digi") as work:
        commands.once(work, "k", tasks.accept, first)
    with world.by("supervisor") as work:
        commands.once(work, "k", tasks.extend, first, 5, "Urlaub")
    with world.engine.change(SYSTEM) as work:
        commands.once(work, "k", clock.advance)
        assert commands.is_known(work, "k")


def test_a_refused_deed_keeps_nothing_and_its_key_may_be_used_again(world: World) -> None:
    first = world.open()
    with pytest.raises(AlreadyOpen), world.by("office") as work:
        commands.once(work, "k", cases.open_case, "wohngeld", TOWN)
    with world.by("office") as work:
        assert not commands.is_known(work, "k")
        other = commands.once(work, "k", cases.open_case, "wohngeld", EMPTY_TOWN)
        assert commands.is_known(work, "k")
    assert other.id != first


def test_files_are_part_of_what_was_asked(world: World) -> None:
    case_id = world.open()
    with world.look() as work:
        given = world.answers(work, case_id, "express_interest")
    name = next(iter(given))
    with world.by("digi") as work:
        commands.once(work, "k", tasks.submit, world.task(case_id, "express_interest"), given)
    with pytest.raises(CommandReused), world.by("digi") as work:
        commands.once(work, "k", tasks.submit, world.task(case_id, "express_interest"), {**given, name: FILE})


@pytest.mark.parametrize("key", ["", "x" * 81, "a\nb", "\x00"])
def test_what_is_no_key_is_refused(world: World, key: str) -> None:
    with pytest.raises(Invalid), world.by("office") as work:
        commands.once(work, key, cases.open_case, "wohngeld", TOWN)
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Event)).scalar_one() > 0


def test_after_thirty_days_a_command_is_forgotten(world: World) -> None:
    with world.by("office") as work:
        commands.once(work, "old", cases.open_case, "wohngeld", TOWN)
        commands.once(work, "new", cases.open_case, "uvg", TOWN)
    with world.engine.change(SYSTEM) as work:
        long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        work.session.execute(sa.update(Command).where(Command.key == "old").values(at=long_ago))
    assert commands.forget(world.engine) == 1
    assert commands.forget(world.engine) == 0
    with world.by("office") as work:
        assert (commands.is_known(work, "old"), commands.is_known(work, "new")) == (False, True)


def test_every_deed_a_page_offers_gives_an_answer_that_can_be_kept(world: World) -> None:
    """What a deed gives is written down and read again without loss."""
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        view = tasks.accept(work, task_id)
    adapted = [
        (tasks.accept, view),
        (cases.open_case, cases.CaseView(case_id, "wohngeld-07339-1", "requested", 1)),
        (prerequisites.accept, None),
        (milestones.reach, None),
        (programme.set_target, None),
        (programme.move_wave, None),
        (people.add, None),
        (clock.advance, dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)),
    ]
    for deed, given in adapted:
        form = commands._form_of(deed)
        if given is not None:
            assert form.validate_python(form.dump_python(given, mode="json")) == given


@pytest.mark.parametrize("turn", range(4))
def test_of_two_at_once_under_one_key_the_second_gets_the_first_ones_answer(world: World, turn: int) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    answers: list[object] = []
    gate = threading.Barrier(2)

    def click(key: str, do: Callable[[], object]) -> None:
        gate.wait()
        try:
            answers.append(do())
        except StartklarError as error:
            answers.append(error)

    def accept() -> object:
        with world.by("digi") as work:
            return commands.once(work, key, tasks.accept, task_id, seen=1)

    key = uuid4().hex
    threads = [threading.Thread(target=click, args=(key, accept)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers[0] == answers[1]
    assert isinstance(answers[0], tasks.TaskView)
    with world.look() as work:
        acts = work.session.execute(sa.select(Event.act).where(Event.chain_id == case_id).order_by(Event.seq)).scalars()
        assert list(acts) == ["opened", "accepted"]
