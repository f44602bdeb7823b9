"""Bodies that act together: who joins, what a co-ordinator may, and one decision for many cases."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import (
    clusters,
    comments,
    events,
    history,
    messages,
    participants,
    people,
    policy,
    prerequisites,
    refusals,
    tasks,
)
from workflow.errors import Conflict, NotAllowed, NotFound, Refused, TaskHasMoved
from workflow.models import Body, Case, Event, Message, Notice, Task, TeamDistrict
from workflow.queries import case as case_page
from workflow.queries import inbox
from workflow.queries import task as task_page


@pytest.fixture
def joined(world: World) -> tuple[World, UUID]:
    """Three towns act together for two services; the stranger's digi co-ordinates."""
    with world.by("office") as work:
        cluster = clusters.found(work, "Verbund Rhein", TOWN, [STRANGE_TOWN, EMPTY_TOWN], ["wohngeld", "uvg"]).id
        clusters.name_coordinator(work, cluster, world["stranger"])
    return world, cluster


def seen(world: World, who: str) -> set[UUID]:
    with world.look(who) as work:
        return set(work.session.execute(sa.select(Case.id).where(policy.cases(work.actor))).scalars())


def to_do(world: World, who: str) -> set[UUID]:
    with world.look(who) as work:
        return set(work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor))).scalars())


def test_a_coordinator_sees_the_members_cases_of_the_clusters_services(joined: tuple[World, UUID]) -> None:
    world, _ = joined
    theirs, other, empty = world.open(), world.open("ikfz"), world.open("uvg", EMPTY_TOWN)
    assert seen(world, "stranger") == {theirs, empty}
    assert other not in seen(world, "stranger")


def test_a_coordinator_acts_as_a_person_of_the_member_and_never_as_its_leitung(joined: tuple[World, UUID]) -> None:
    world, cluster = joined
    case_id = world.open()
    world.do(case_id, "express_interest", "stranger")
    with world.look() as work:
        query = sa.select(Event.content).where(Event.chain_id == case_id).order_by(Event.seq.desc()).limit(1)
        said = json.loads(work.session.execute(query).scalar_one())
    assert said["cluster"] == cluster.hex
    world.bring(case_id, "accept_terms")
    assert world.row(case_id, "accept_terms").owner == "body.leitung"
    task_id = world.task(case_id, "accept_terms")
    assert task_id not in to_do(world, "stranger")
    with pytest.raises(NotAllowed), world.by("stranger") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "accept_terms"))
    with world.look("team") as work:
        assert any(entry.in_cluster for entry in case_page.case(work, case_id).history)
    with world.look("stranger") as work:
        assert not task_page.task(work, task_id).may("submit", "assign")


def test_what_nobody_at_a_member_holds_falls_to_the_coordinator_before_the_team(joined: tuple[World, UUID]) -> None:
    world, _ = joined
    case_id = world.open(body=EMPTY_TOWN)
    task_id = world.task(case_id, "express_interest")
    with world.look() as work:
        assert work.session.execute(
            sa.select(Notice.recipient_id).where(Notice.subject_id == task_id)
        ).scalars().all() == [world["stranger"]]
    assert task_id in to_do(world, "stranger")
    with world.look("stranger") as work:
        shown = inbox.inbox(work)
        items = [*shown.now, *shown.this_week, *shown.later]
    assert [(item.in_cluster, item.instead_of) for item in items if item.id == task_id] == [(True, None)]


def test_the_clause_and_the_rule_agree_for_coordinators(joined: tuple[World, UUID]) -> None:
    world, _ = joined
    for body in (TOWN, STRANGE_TOWN, EMPTY_TOWN):
        world.open(body=body)
    world.walk(world.open("uvg"), until="contracted")
    world.open("ikfz")
    for who in world.ids:
        listed = to_do(world, who)
        with world.look(who) as work:
            shown = {
                line.id for case_id in seen(world, who) for line in case_page.case(work, case_id).open if line.mine
            }
            for case_id in seen(world, "office"):
                assert (case_id in seen(world, who)) == policy.sees(work.actor, world.case(case_id))
        assert shown == listed, who


def test_leaving_ends_what_the_coordinator_may_and_joining_begins_it(joined: tuple[World, UUID]) -> None:
    world, cluster = joined
    case_id = world.open(body=EMPTY_TOWN)
    with world.by("office") as work:
        clusters.leave(work, cluster, EMPTY_TOWN)
    assert case_id not in seen(world, "stranger")
    with world.by("office") as work:
        clusters.join(work, cluster, EMPTY_TOWN)
    assert case_id in seen(world, "stranger")
    with world.by("office") as work:
        clusters.dismiss_coordinator(work, cluster, world["stranger"])
    assert case_id not in seen(world, "stranger")
    with world.look() as work:
        acts = work.session.execute(sa.select(Event.act).where(Event.chain_id == cluster).order_by(Event.seq)).scalars()
        assert list(acts) == ["founded", "coordinator_named", "left", "joined", "coordinator_dismissed"]
        for chain, chain_id in (("cluster", cluster), ("person", world["stranger"])):
            assert events.broken_at(work, chain_id) is None
            assert history.differences(work, chain, chain_id) == ()


def test_who_founds_names_and_leaves(joined: tuple[World, UUID]) -> None:
    world, cluster = joined
    with world.look() as work:
        district = work.session.execute(
            sa.select(Body.ars)
            .join(TeamDistrict, TeamDistrict.district == Body.district)
            .where(TeamDistrict.team == world.team, Body.valid_until.is_(None), Body.ars != TOWN)
            .limit(1)
        ).scalar_one()
    with world.by("team") as work:
        clusters.found(work, "Im eigenen Kreis", TOWN, [district], ["wohngeld"])
    for who in ("digi", "leitung", "auditor", "supervisor", "other_team"):
        with pytest.raises(NotAllowed), world.by(who) as work:
            clusters.found(work, "X", TOWN, [district], ["wohngeld"])
    with pytest.raises(NotFound), world.by("operator") as work:
        clusters.leave(work, cluster, TOWN)
    with pytest.raises(NotAllowed), world.by("fachamt") as work:
        clusters.leave(work, cluster, TOWN)
    with pytest.raises(NotAllowed), world.by("digi") as work:
        clusters.name_coordinator(work, cluster, world["digi"])
    with world.by("stranger") as work:
        clusters.leave(work, cluster, STRANGE_TOWN)
    with pytest.raises(Refused), world.by("digi") as work:
        clusters.leave(work, cluster, TOWN)


def test_what_makes_no_sense_is_refused(joined: tuple[World, UUID]) -> None:
    world, cluster = joined
    with world.by("office") as work:
        for title, members, services, key in (
            (" ", [STRANGE_TOWN], ["wohngeld"], "error.cluster_title"),
            ("X", [TOWN], ["wohngeld"], "error.cluster_members"),
            ("X", [STRANGE_TOWN], [], "error.cluster_services"),
        ):
            with pytest.raises(Refused) as refused:
                clusters.found(work, title, TOWN, members, services)
            assert refused.value.key == key
        for members, services in ((["nowhere"], ["wohngeld"]), ([STRANGE_TOWN], ["nothing"])):
            with pytest.raises(NotFound):
                clusters.found(work, "X", TOWN, members, services)
        with pytest.raises(Conflict):
            clusters.join(work, cluster, TOWN)
        with pytest.raises(Conflict):
            clusters.name_coordinator(work, cluster, world["stranger"])
        with pytest.raises(Refused):
            clusters.name_coordinator(work, cluster, world["operator"])
        with pytest.raises(NotFound):
            clusters.leave(work, cluster, "073380000000")
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Body).where(Body.ars == "073380000000").values(valid_until=work.today))
    with pytest.raises(Refused), world.by("office") as work:
        clusters.join(work, cluster, "073380000000")


def test_one_decision_for_many_cases(joined: tuple[World, UUID]) -> None:
    world, _ = joined
    cases = [world.open(body=body) for body in (TOWN, STRANGE_TOWN, EMPTY_TOWN)]
    foreign = world.open("ikfz", EMPTY_TOWN)
    task_ids = [world.task(case_id, "express_interest") for case_id in cases]
    with world.by("digi") as work:
        tasks.accept(work, task_ids[0])  # a colleague there has it: this one cannot be decided
    with world.look("stranger") as work:
        given = world.answers(work, cases[0], "express_interest")
        offered = [one.id for one in task_page.together(work, task_ids[2]).siblings]
    assert set(offered) == {task_ids[1], task_ids[2]}
    asked = [*task_ids, world.task(foreign, "express_interest"), UUID(int=5)]
    with world.by("stranger") as work:
        results = clusters.hand_in_together(work, asked, given)
    assert [one.task is not None for one in results] == [False, True, True, False, False]
    assert [world.row(case_id, "express_interest").status for case_id in cases] == ["accepted", "done", "done"]
    with world.by("stranger") as work:
        (stale,) = clusters.hand_in_together(work, task_ids[:1], given, seen={task_ids[0].hex: 1})
    assert isinstance(refusals.restored(stale.refused or ""), TaskHasMoved)


def test_a_decision_for_many_has_one_id_and_one_notice_for_each_recipient(world: World) -> None:
    with world.look() as work:
        towns = list(
            work.session.execute(
                sa.select(Body.ars)
                .join(TeamDistrict, TeamDistrict.district == Body.district)
                .where(TeamDistrict.team == world.team, Body.kind == "landkreis", Body.valid_until.is_(None))
                .order_by(Body.ars)
                .limit(4)
            ).scalars()
        )
    assert len(towns) >= 2
    with world.by("office") as work:
        cluster = clusters.found(work, "Kreise", TOWN, towns, ["wohngeld"]).id
        clusters.name_coordinator(work, cluster, world["it"])
    cases = [world.open(body=body) for body in towns if body != TOWN]
    with world.engine.change("system") as work:
        work.session.execute(sa.delete(Notice))
        given = world.answers(work, cases[0], "express_interest")
    task_ids = [world.task(case_id, "express_interest") for case_id in cases]
    with world.by("it") as work:
        results = clusters.hand_in_together(work, task_ids, given)
    assert all(one.task is not None for one in results)
    with world.look() as work:
        ids = set()
        for case_id in cases:
            query = sa.select(Event.content).where(Event.chain_id == case_id).order_by(Event.seq.desc()).limit(1)
            ids.add(json.loads(work.session.execute(query).scalar_one())["together"])
            assert history.differences(work, "case", case_id) == ()
        notices = work.session.execute(sa.select(Notice.recipient_id, Notice.name, Notice.facts)).all()
    assert len(ids) == 1
    assert len({(row.recipient_id, row.name) for row in notices}) == len(notices)
    if len(cases) > 1:
        assert {json.loads(row.facts).get("cases") for row in notices} == {len(cases)}
    messages.compose(world.engine)
    with world.look() as work:
        assert work.session.execute(sa.select(Message.subject)).scalars().all()


def test_nobody_else_decides_for_many(joined: tuple[World, UUID]) -> None:
    world, _ = joined
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.look("digi") as work:
        given = world.answers(work, case_id, "express_interest")
    with world.by("digi") as work:
        (result,) = clusters.hand_in_together(work, [task_id], given)
    assert isinstance(refusals.restored(result.refused or ""), Refused)
    with pytest.raises(Refused), world.by("stranger") as work:
        clusters.hand_in_together(work, [task_id] * 101, given)
    with pytest.raises(Refused), world.look("digi") as work:
        task_page.together(work, task_id)
    assert world.row(case_id, "express_interest").status == "ready"


def test_what_was_told_before_on_the_same_rehearsed_instant_stays(joined: tuple[World, UUID]) -> None:
    world, _ = joined
    many = [world.open(), world.open("uvg"), world.open(body=EMPTY_TOWN)]
    with world.look() as work:
        known = sa.select(Notice.id, Notice.recipient_id, Notice.facts).where(Notice.case_id.in_(many))
        before = {tuple(row) for row in work.session.execute(known)}
        given = world.answers(work, many[0], "express_interest")
    ids = [world.task(case_id, "express_interest") for case_id in many]
    with world.by("stranger") as work:
        assert all(one.task is not None for one in clusters.hand_in_together(work, ids, given))
    with world.look() as work:
        after = {tuple(row) for row in work.session.execute(known)}
    assert before
    assert before <= after
    told = [(recipient, json.loads(str(facts))) for _, recipient, facts in after - before]
    new = [(recipient, facts["task"], facts.get("cases")) for recipient, facts in told]
    assert len({one[:2] for one in new}) == len(new)
    assert 2 in {cases for *_, cases in new}


def test_a_coordinator_reads_along_and_is_offered_nothing_the_member_said_elsewhere(joined: tuple[World, UUID]) -> None:
    world, _ = joined
    first = world.open("ikfz")
    world.bring(first, "name_contacts")
    world.do(first, "name_contacts", "digi")
    second = world.open()
    world.bring(second, "name_contacts")
    task_id = world.task(second, "name_contacts")
    with world.look("digi") as work:
        assert any(one.told is not None for one in task_page.task(work, task_id).fields)
    with world.look("stranger") as work:
        page = task_page.task(work, task_id)
        assert page.may("submit")
        assert {one.value for one in page.fields} == {None}
    with world.by("stranger") as work:
        assert comments.write(work, second, "Wir übernehmen das.").case_id == second
    with pytest.raises(Refused), world.by("digi") as work:
        comments.write(work, first, "Bitte ansehen", mentioned=[world["stranger"]])
    with world.by("digi") as work:
        assert comments.write(work, second, "Danke", mentioned=[world["stranger"]]).mentioned == (world["stranger"],)


def test_what_a_member_does_in_the_case_of_another_is_not_the_clusters(joined: tuple[World, UUID]) -> None:
    world, _ = joined
    with world.engine.change("system") as work:
        part = work.session.execute(
            sa.select(Body.ars).where(Body.district == TOWN, Body.kind == "verbandsgemeinde").limit(1)
        ).scalar_one()
        people.grant(work, world["operator"], people.parse_role("rollout_team@dvz-mv"))
        together = clusters.found(work, "Bauen im Kreis", TOWN, [part], ["bauantrag"]).id
        clusters.name_coordinator(work, together, world["it"])
    case_id = world.open("bauantrag")
    world.walk(case_id, until="contracted")
    with world.by("team") as work:
        participants.join(work, case_id, [part, part])
    with world.look() as work:
        mine = (Task.case_id == case_id, Task.scope == part)
        row = work.session.execute(sa.select(Task.id, Task.attempt).where(*mine)).one()
        told = list(work.session.execute(sa.select(Notice.recipient_id).where(Notice.subject_id == row.id)).scalars())
    assert row.attempt == 1
    assert len(told) == len(set(told))
    assert set(told) == {world["colleague"]}, "and not whoever invited it"
    assert row.id in to_do(world, "team")
    assert row.id not in to_do(world, "it")
    with pytest.raises(NotAllowed), world.by("it") as work:
        tasks.accept(work, row.id)


def test_who_came_from_a_member_that_left_coordinates_no_more(joined: tuple[World, UUID]) -> None:
    world, cluster = joined
    case_id = world.open()
    with world.by("office") as work:
        clusters.leave(work, cluster, STRANGE_TOWN)
        assert clusters.coordinators(work, cluster) == frozenset()
    assert case_id not in seen(world, "stranger")
    with world.look() as work:
        assert history.differences(work, "cluster", cluster) == ()


def test_a_prerequisite_is_not_handed_to_a_coordinator_who_cannot_see_it(joined: tuple[World, UUID]) -> None:
    world, _ = joined
    with world.by("team") as work:
        asked = prerequisites.request(work, TOWN, "legal_pages").id
    with pytest.raises(Refused), world.by("leitung") as work:
        prerequisites.assign(work, asked, world["stranger"])


def test_the_role_is_not_granted_by_hand(world: World) -> None:
    with pytest.raises(Refused):
        people.parse_role(f"coordinator@{TOWN}/wohngeld")
