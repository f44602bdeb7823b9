"""Who sees and who may: the table of rights, asked in Python and said to the database alike."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.conftest import Prepare
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import cases, casework, people, policy, tasks
from workflow.errors import NotAllowed, NotFound, StartklarError
from workflow.models import Case, Prerequisite, Task, Team


@pytest.fixture
def busy(prepared: Prepare) -> World:
    """Cases of three towns in several states, some with roles that nobody holds."""
    return prepared(_busy)[0]


def _busy(world: World) -> None:
    for body in (TOWN, STRANGE_TOWN, EMPTY_TOWN):
        world.open(body=body)
    world.walk(world.open("uvg"), until="connected")
    world.finish_state(world.open("ikfz"))
    with world.by("admin") as work:
        people.grant(work, world["dsb"], people.parse_role(f"fachamt@{STRANGE_TOWN}/wohngeld"))
        people.withdraw(work, world["kasse"], people.parse_role(f"kasse@{TOWN}"))


SEEN = {
    "admin": 0,
    "office": 5,
    "auditor": 5,
    "digi": 3,
    "leitung": 3,
    "fachamt": 3,
    "stranger": 1,
    "dsb": 4,
    "operator": 1,  # of its own cases only those past their first state
    "kasse": 0,
}


@pytest.mark.parametrize("who", SEEN)
def test_everybody_sees_exactly_the_cases_of_the_table(busy: World, who: str) -> None:
    assert len(_seen(busy, who)) == SEEN[who]


def test_teams_and_supervisors_see_the_cases_of_their_team(busy: World) -> None:
    with busy.look() as work:
        ours = set(work.session.execute(sa.select(Case.id).where(Case.team == busy.team)).scalars())
    assert ours
    for who in ("team", "colleague", "supervisor"):
        assert _seen(busy, who) == ours
    assert not _seen(busy, "other_team") & ours


def test_a_foreign_case_does_not_exist(busy: World) -> None:
    everything = _seen(busy, "office")
    for who in SEEN:
        for case_id in everything - _seen(busy, who):
            with pytest.raises(NotFound), busy.by(who) as work:
                casework.lock(work, case_id)


def test_the_inbox_clause_and_the_rule_agree_for_every_task_and_account(busy: World) -> None:
    compared = 0
    for who in busy.ids:
        with busy.look(who) as work:
            inbox = set(work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor))).scalars())
        for task_id in _acting(busy):
            compared += 1
            assert _may(busy, who, task_id) == (task_id in inbox), (who, _name(busy, task_id))
    assert compared > 100


def test_the_two_still_agree_once_cases_have_gone_to_another_team(busy: World) -> None:
    with busy.look("other_team") as work:
        other = work.actor.teams("umsetzungsteam")[0]
    open_here = _seen(busy, "team")
    for case_id in open_here:
        with busy.by("office") as work:
            cases.move_to_team(work, case_id, other, reason="x")
    assert not _seen(busy, "team") & open_here
    assert open_here <= _seen(busy, "other_team")
    for who in ("team", "colleague", "supervisor", "other_team", "digi", "office"):
        with busy.look(who) as work:
            inbox = set(work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor))).scalars())
        for task_id in _acting(busy):
            assert _may(busy, who, task_id) == (task_id in inbox), (who, _name(busy, task_id))


def test_the_clause_for_prerequisites_agrees_with_the_rule(busy: World) -> None:
    with busy.look() as work:
        rows = work.session.execute(
            sa.select(Prerequisite.id, Prerequisite.body, Prerequisite.team, Prerequisite.acting).where(
                Prerequisite.acting.is_not(None)
            )
        ).all()
    assert rows
    for who in busy.ids:
        with busy.look(who) as work:
            listed = set(
                work.session.execute(sa.select(Prerequisite.id).where(policy.prerequisites_to_do(work.actor))).scalars()
            )
            for row in rows:
                place = _Place(row.body, row.team)
                known = casework.holders(work, place)
                may = policy.standing(work.actor, row.acting, place, lambda known=known: known) is not None  # type: ignore[misc]
                assert may == (row.id in listed), (who, row.acting, row.body)


def test_the_programme_office_does_no_casework(busy: World) -> None:
    for task_id in _acting(busy):
        assert not _may(busy, "office", task_id)


def test_an_auditor_and_an_admin_change_nothing_of_a_case(busy: World) -> None:
    for who in ("auditor", "admin"):
        for task_id in _acting(busy):
            with pytest.raises((NotAllowed, NotFound)), busy.by(who) as work:
                tasks.accept(work, task_id)


def test_only_an_admin_gives_rights(busy: World) -> None:
    for who in busy.ids:
        if who == "admin":
            continue
        with pytest.raises(NotAllowed), busy.by(who) as work:
            people.grant(work, busy[who], people.parse_role("admin"))


@pytest.mark.parametrize(
    "who", ["team", "other_team", "supervisor", "leitung", "operator", "auditor", "admin", "stranger"]
)
def test_only_the_programme_office_moves_a_case_between_teams(busy: World, who: str) -> None:
    with busy.look() as work:
        found = work.session.execute(sa.select(Case.id, Case.team)).all()
        teams = set(work.session.execute(sa.select(Team.key)).scalars())
    for case_id, team in found:
        with pytest.raises((NotAllowed, NotFound)), busy.by(who) as work:
            cases.move_to_team(work, case_id, min(teams - {team}), reason="x")


def test_who_lost_the_role_meanwhile_may_no_longer(world: World) -> None:
    case_id = world.open()
    with world.by("admin") as work:
        people.withdraw(work, world["digi"], people.parse_role(f"digi@{TOWN}"))
    with pytest.raises(NotFound), world.by("digi") as work:
        tasks.accept(work, world.task(case_id, "express_interest"))


def test_what_somebody_had_accepted_is_free_again_when_the_role_is_gone(world: World) -> None:
    case_id = world.open()
    with world.by("digi") as work:
        tasks.accept(work, world.task(case_id, "express_interest"))
    with world.by("admin") as work:
        people.withdraw(work, world["digi"], people.parse_role(f"digi@{TOWN}"))
    assert _may(world, "leitung", world.task(case_id, "express_interest"))
    with world.look("leitung") as work:
        inbox = work.session.execute(sa.select(Task.name).where(policy.tasks_to_do(work.actor))).scalars().all()
    assert inbox == ["express_interest"]
    world.do(case_id, "express_interest", "leitung")


def _seen(world: World, who: str) -> set[UUID]:
    with world.look(who) as work:
        return set(work.session.execute(sa.select(Case.id).where(policy.cases(work.actor))).scalars())


def _acting(world: World) -> list[UUID]:
    with world.look() as work:
        return list(work.session.execute(sa.select(Task.id).where(Task.acting.is_not(None))).scalars())


def _name(world: World, task_id: UUID) -> str:
    with world.look() as work:
        return str(work.session.execute(sa.select(Task.acting, Task.name, Task.body).where(Task.id == task_id)).one())


def _may(world: World, who: str, task_id: UUID) -> bool:
    """Whether the engine would let this person act, undone at once."""
    try:
        with world.by(who) as work:
            case, task = casework.lock_by_task(work, task_id)
            if not tasks.waits_for_actor(case, task):
                return False
            tasks._insist_standing(case, task)
            raise _Undo
    except _Undo:
        return True
    except StartklarError:
        return False


class _Undo(Exception):
    pass


class _Place:
    """A body for questions about prerequisites."""

    service = ""
    operator = None

    def __init__(self, body: str, team: str) -> None:
        self.body = body
        self.team = team
