"""Bodies that take part in another's case: invited, with tasks of their own, and seeing nothing else of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.world import FILE, STRANGE_TOWN, TOWN, World, contents
from workflow import absences, cases, history, participants, people, policy, reminders, requirements, tasks
from workflow.engine import SYSTEM, Work
from workflow.errors import CaseHasMoved, Conflict, NotAllowed, NotFound, Refused, RequirementsNotMet
from workflow.models import Body, Document, Evidence, Notice, Task
from workflow.queries import case as case_pages
from workflow.queries import case_list, seen
from workflow.queries import task as task_pages


@pytest.fixture
def others(world: World) -> list[str]:
    """Two Verbandsgemeinden of Mainz-Bingen; in the first there is a digi and a department."""
    with world.by("admin") as work:
        found = work.session.execute(
            sa.select(Body.ars)
            .where(Body.district == TOWN, Body.kind == "verbandsgemeinde")
            .order_by(Body.ars)
            .limit(2)
        )
        ars = list(found.scalars())
        people.grant(work, world["operator"], people.parse_role("rollout_team@dvz-mv"))
        for name, role in (("helper", "digi"), ("clerk", "fachamt")):
            world.ids[name] = people.add(
                work,
                email=f"{name}@startklar.example",
                name=name.title(),
                password_hash=None,
                language="de",
                roles=[people.parse_role(f"{role}@{ars[0]}")],
            ).id
    return ars


@pytest.fixture
def case_id(world: World) -> UUID:
    """A case of Mainz-Bingen for building applications, with the contract concluded."""
    opened = world.open("bauantrag")
    world.walk(opened, until="contracted")
    return opened


def join(world: World, case_id: UUID, *bodies: str, who: str = "team") -> None:
    """Let bodies take part."""
    with world.by(who) as work:
        participants.join(work, case_id, bodies)


def own(world: World, case_id: UUID, name: str, ars: str) -> UUID:
    """The task of one participant."""
    with world.look() as work:
        wanted = (Task.case_id == case_id, Task.name == name, Task.scope == ars)
        return work.session.execute(sa.select(Task.id).where(*wanted)).scalar_one()


def status(world: World, task_id: UUID) -> str:
    """Where a task stands."""
    with world.look() as work:
        return work.session.execute(sa.select(Task.status).where(Task.id == task_id)).scalar_one()


def test_nobody_takes_part_by_itself_and_bodies_of_the_district_may(
    world: World, case_id: UUID, others: list[str]
) -> None:
    with world.look("team") as work:
        page = case_pages.participants_page(work, case_id)
        assert page.there == ()
        offered = {one.ars for one in page.candidates}
        kinds = work.session.execute(sa.select(Body.kind, Body.district).where(Body.ars.in_(offered))).all()
        assert {tuple(row) for row in kinds} == {("verbandsgemeinde", TOWN)}
        assert set(others) <= offered
        assert work.session.execute(sa.select(Task.id).where(Task.scope != "")).all() == []


def test_whoever_joins_gets_the_tasks_of_the_state_at_once(world: World, case_id: UUID, others: list[str]) -> None:
    join(world, case_id, *others)
    mine, theirs = (own(world, case_id, "arrange_intake", ars) for ars in others)
    with world.look("helper") as work:
        row = work.session.execute(sa.select(Task.__table__).where(Task.id == mine)).one()
        assert (row.status, row.acting, row.owner, row.body) == ("ready", "body.digi", "body.digi", others[0])
        todo = work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor))).scalars().all()
        assert list(todo) == [mine]
    with world.look("team") as work:
        ready = set(work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor))).scalars())
        assert theirs in ready
        assert mine not in ready
        assert history.differences(work, "case", case_id) == ()
        lines = {line.id: line.party for line in case_pages.case(work, case_id).open}
        assert (lines[mine].role, lines[theirs].role) == ("body.digi", "umsetzungsteam")
        assert all((lines[one].elsewhere or "").startswith("Verbandsgemeinde") for one in (mine, theirs))
        assert sum(party.elsewhere is not None for party in lines.values()) == 2
        names = work.session.execute(
            sa.select(Notice.name).where(Notice.recipient_id == world["helper"]).order_by(Notice.name)
        ).scalars()
        assert list(names) == ["asked", "takes_part"]
    with world.by("helper") as work:
        tasks.submit(work, mine, {"intake_office": "Bürgerbüro", "paper_applications": "scanned"})
    assert status(world, mine) == "done"
    with pytest.raises(NotFound), world.by("helper") as work:
        tasks.accept(work, theirs)


def test_the_case_waits_for_every_participant_and_their_next_tasks_open_with_the_state(
    world: World, case_id: UUID, others: list[str]
) -> None:
    join(world, case_id, others[0])
    with world.look("team") as work:
        unmet = requirements.unmet(seen.look(work, case_id), ("tasks_done",))
        assert any("Entgegennahme im eigenen Haus regeln" in str(reason.facts.get("task")) for reason in unmet)
    with world.by("helper") as work:
        mine = own(world, case_id, "arrange_intake", others[0])
        tasks.submit(work, mine, {"intake_office": "Bürgerbüro", "paper_applications": "scanned"})
    world.finish_state(case_id)
    world.satisfy(case_id)
    with world.by("team") as work:
        cases.advance(work, case_id, "connect")
    assert status(world, own(world, case_id, "instruct_intake", others[0])) == "ready"
    acceptance = world.row(case_id, "acceptance")
    assert acceptance.status == "waiting"
    join(world, case_id, others[1])
    assert status(world, own(world, case_id, "instruct_intake", others[1])) == "ready"


def test_whoever_leaves_has_nothing_left_to_do_and_sees_nothing(world: World, case_id: UUID, others: list[str]) -> None:
    join(world, case_id, others[0], who="digi")
    mine = own(world, case_id, "arrange_intake", others[0])
    with world.look("helper") as work:
        assert case_pages.participation(work, case_id).open[0].id == mine
    with world.by("leitung") as work:
        participants.leave(work, case_id, others[0])
    assert status(world, mine) == "obsolete"
    for look in (lambda work: case_pages.participation(work, case_id), lambda work: task_pages.task(work, mine)):
        with pytest.raises(NotFound), world.look("helper") as work:
            look(work)
    join(world, case_id, others[0])
    assert status(world, mine) == "ready"
    with world.look("team") as work:
        acts = [entry.act for entry in case_pages.case(work, case_id).history[:3]]
        assert acts == ["participants_joined", "participant_left", "participants_joined"]
        assert history.differences(work, "case", case_id) == ()


def test_a_participant_sees_the_state_and_the_own_tasks_and_nothing_else(
    world: World, case_id: UUID, others: list[str]
) -> None:
    join(world, case_id, *others)
    mine, theirs = (own(world, case_id, "arrange_intake", ars) for ars in others)
    foreign = world.task(case_id, "pvog_entry")
    before = contents(world)
    with world.look("helper") as work:
        assert not policy.sees(work.actor, world.case(case_id))
        page = case_pages.participation(work, case_id)
        assert [line.id for line in (*page.open, *page.waiting, *page.settled)] == [mine]
        assert page.state.key == "contracted"
        shown = task_pages.task(work, mine)
        assert shown.as_participant
        assert shown.conversation is None
        assert (shown.waits_for, shown.informs, shown.why, shown.after) == ((), (), None, ())
        found = seen.look_by_task(work, mine)[0]
        assert {task.body for task in found.tasks.values()} == {others[0]}
        assert found.answered() == ()
        assert [line.id for line in case_list.cases(work).participating] == [case_id]
        assert case_list.cases(work).lines == ()
        for look in (case_pages.case, case_pages.hold, case_pages.participants_page, seen.look):
            with pytest.raises(NotFound):
                look(work, case_id)
        for task_id in (foreign, theirs):
            with pytest.raises(NotFound):
                task_pages.task(work, task_id)
        document = work.session.execute(sa.select(sa.func.count()).where(policy.documents(work.actor))).scalar_one()
        assert document == 0
    deeds: list[Callable[[Work], object]] = [
        lambda work: cases.advance(work, case_id, "connect"),
        lambda work: cases.hold(work, case_id, blocker="no_staff", reason="x", review_on=work.today),
        lambda work: participants.join(work, case_id, [others[1]]),
        lambda work: tasks.accept(work, foreign),
        lambda work: tasks.submit(work, foreign, {"x": FILE}),
        lambda work: tasks.reopen(work, theirs, "x"),
    ]
    for deed in deeds:
        with pytest.raises(NotFound), world.by("helper") as work:
            deed(work)
    assert contents(world) == before


def test_what_a_participant_handed_in_stays_readable_there_as_long_as_it_takes_part(
    world: World, case_id: UUID, others: list[str]
) -> None:
    join(world, case_id, *others)
    document = uuid4()
    with world.engine.change(SYSTEM) as work:  # none of the tasks that are shipped asks participants for a file
        work.session.execute(
            sa.insert(Document).values(
                id=document,
                case_id=case_id,
                sha256=FILE.sha256,
                name=FILE.name,
                size=FILE.size,
                media_type=FILE.media_type,
                uploaded_by=world["helper"],
                uploaded_at=work.now,
            )
        )
        work.session.execute(
            sa.insert(Evidence).values(
                id=uuid4(),
                subject_kind="task",
                subject_id=own(world, case_id, "arrange_intake", others[0]),
                case_id=case_id,
                source="arrange_intake",
                field="plan",
                attempt=1,
                revision=1,
                latest=True,
                type="document",
                document_id=document,
                commitment=FILE.sha256,
                given_at=work.now,
            )
        )

    def readers() -> set[str]:
        found = set()
        for who in ("helper", "clerk", "team", "digi", "stranger", "other_team"):
            with world.look(who) as work:
                mine = sa.select(Document.id).where(Document.id == document, policy.documents(work.actor))
                found |= {who} if work.session.execute(mine).first() else set()
        return found

    assert readers() == {"helper", "clerk", "team", "digi"}
    with world.by("team") as work:
        participants.leave(work, case_id, others[0])
    assert readers() == {"team", "digi"}


def test_refusals_to_invite_come_in_the_promised_order(world: World, case_id: UUID, others: list[str]) -> None:
    for who, bodies, seen_version, error in (
        ("stranger", [others[0]], None, NotFound),
        ("fachamt", [others[0]], 1, CaseHasMoved),
        ("fachamt", [others[0]], None, NotAllowed),
        ("team", [], None, Refused),
        ("team", [STRANGE_TOWN], None, Refused),
        ("team", [TOWN], None, Refused),
    ):
        with pytest.raises(error), world.by(who) as work:
            participants.join(work, case_id, bodies, seen=seen_version)
    join(world, case_id, others[0])
    with pytest.raises(Refused), world.by("team") as work:
        participants.join(work, case_id, [others[0]])
    with pytest.raises(NotFound), world.by("team") as work:
        participants.leave(work, case_id, others[1])
    elsewhere = world.open("wohngeld")
    with pytest.raises(Refused), world.by("team") as work:
        participants.join(work, elsewhere, [others[0]])
    with world.by("leitung") as work:
        cases.advance(work, case_id, "decline", given={"reason": "cost", "explanation": "Zu teuer."})
    with pytest.raises(Conflict), world.by("team") as work:
        participants.join(work, case_id, [others[1]])


def test_participants_are_reminded_of_their_own_tasks_only(world: World, case_id: UUID, others: list[str]) -> None:
    join(world, case_id, others[0])
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.delete(Notice))
    world.days(11)
    reminders.decide(world.engine)
    mine = own(world, case_id, "arrange_intake", others[0])
    with world.look() as work:
        told = work.session.execute(sa.select(Notice.subject_id).where(Notice.recipient_id == world["helper"]))
        assert set(told.scalars()) == {mine}


def test_what_a_participant_has_not_done_keeps_the_case_where_it_is(
    world: World, case_id: UUID, others: list[str]
) -> None:
    join(world, case_id, others[0])
    with pytest.raises(RequirementsNotMet) as refusal, world.by("team") as work:
        cases.advance(work, case_id, "connect")
    tasks_open = {str(reason.facts["task"].de) for reason in refusal.value.reasons if "task" in reason.facts}
    assert "Entgegennahme im eigenen Haus regeln" in tasks_open


def test_the_deputy_of_somebody_at_a_body_that_takes_part_is_asked_instead(
    world: World, case_id: UUID, others: list[str]
) -> None:
    with world.by("admin") as work:
        absences.enter(work, world["helper"], world["clerk"], work.today, work.today + dt.timedelta(days=20))
    join(world, case_id, others[0])
    mine = own(world, case_id, "arrange_intake", others[0])
    with world.look() as work:
        told = sa.select(Notice.recipient_id, Notice.facts).where(Notice.subject_id == mine)
        assert [(who, "on_behalf_of" in facts) for who, facts in work.session.execute(told)] == [(world["clerk"], True)]
        news = sa.select(Notice.recipient_id).where(Notice.name == "takes_part")
        assert set(work.session.execute(news).scalars()) == {world["helper"], world["clerk"]}
