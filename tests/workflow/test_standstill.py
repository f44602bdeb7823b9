"""Why a case does not go on: every open case has an answer that somebody can act on."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.workflow.conftest import Played
from tests.world import EMPTY_TOWN, TOWN, World, who_acts
from workflow import cases, following, milestones, prerequisites, tasks, texts
from workflow.engine import SYSTEM, Work
from workflow.errors import NotFound, StartklarError
from workflow.models import Case, Milestone, Prerequisite, Task, TeamDistrict
from workflow.policy import Actor
from workflow.queries import case as page
from workflow.queries import standstill
from workflow.queries import task as task_page
from workflow.queries.standstill import Cause, Standstill


def why(world: World, case_id: UUID, who: str = "auditor") -> Standstill:
    with world.look(who) as work:
        return page.why(work, case_id)[1]


def words(one: Cause, language: str = "de") -> str:
    return texts.say(language, one.key, **one.facts)


def about(answer: Standstill) -> list[str]:
    """What the causes are about, in German."""
    return [getattr(standstill.what(one), "de", "") for one in answer.causes]


# --- the stories -----------------------------------------------------------------------------------------------------


def test_a_new_case_waits_for_the_one_task_all_others_wait_for(world: World) -> None:
    case_id = world.open()
    answer = why(world, case_id)
    assert (answer.kind, about(answer)) == (
        "waits",
        ["Vormerkung annehmen oder Interesse bekunden", "Nachnutzungsvertrag des Landes"],
    )
    cause = answer.causes[0]
    assert cause.party is not None
    assert (cause.party.role, cause.party.people) == ("body.digi", ("Digi",))
    assert cause.target == standstill.Target("task", world.task(case_id, "express_interest"))
    assert cause.due is not None
    assert "Nutzungsbedingungen annehmen" in {title.de for title in cause.behind}
    said = texts.say("de", answer.key, **answer.facts)
    assert said.startswith("Der Vorgang wartet auf 2 Dinge, zuerst auf: Vormerkung annehmen oder Interesse bekunden (")
    assert said.endswith(", Landkreis Mainz-Bingen).")


@pytest.mark.parametrize(
    ("deed", "key", "role", "people"),
    [
        (None, "cause.task_ready", "body.digi", ("Digi",)),
        ("accept", "cause.task_accepted", "body.digi", ("Digi",)),
        ("decline", "cause.task_declined", "umsetzungsteam", ("Colleague", "Team")),
    ],
)
def test_who_must_act_follows_the_task(
    world: World, deed: str | None, key: str, role: str, people: tuple[str, ...]
) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    if deed == "accept":
        with world.by("digi") as work:
            tasks.accept(work, task_id)
    elif deed == "decline":
        with world.by("digi") as work:
            tasks.decline(work, task_id, "Kein Interesse.")
    cause = why(world, case_id).causes[0]
    assert cause.party is not None
    assert (cause.key, cause.party.role, tuple(sorted(cause.party.people))) == (key, role, people)


def test_what_was_handed_in_waits_for_who_checks_it(world: World) -> None:
    case_id = world.open("uvg")
    world.walk(case_id, until="contracted")
    world.bring(case_id, "questionnaire")
    with world.by("digi") as work:
        tasks.submit(work, world.task(case_id, "questionnaire"), world.answers(work, case_id, "questionnaire"))
    found = {one.key: one for one in why(world, case_id).causes}
    party = found["cause.task_submitted"].party
    assert party is not None
    assert party.role == "umsetzungsteam"


def test_a_role_nobody_holds_is_shown_with_who_acts_instead(world: World) -> None:
    cause = why(world, world.open(body=EMPTY_TOWN)).causes[0]
    assert cause.party is not None
    assert (cause.party.role, cause.party.instead_of is not None, cause.nobody) == ("umsetzungsteam", True, False)


def test_where_it_falls_to_nobody_this_is_said(world: World) -> None:
    with world.look() as work:
        staffed = {world.team, *(held.team for held in _actor(world, "other_team").roles)}
        body = (
            work.session.execute(
                sa.select(TeamDistrict.district)
                .where(TeamDistrict.team.not_in(staffed))
                .order_by(TeamDistrict.district)
            )
            .scalars()
            .first()
        )
    assert body is not None
    assert why(world, world.open("ikfz", body)).causes[0].nobody


def test_a_milestone_is_waited_for_with_everybody_else_of_the_service(world: World) -> None:
    case_id, _ = world.open(), world.open(body=EMPTY_TOWN)
    world.finish_state(case_id)
    (cause,) = why(world, case_id).causes
    assert (cause.kind, cause.key, cause.others) == ("milestone", "cause.milestone_undated", 1)
    (seen_by_team,) = why(world, case_id, "team").causes
    assert seen_by_team.others == 0, "what one does not see is not counted"
    with world.by("office") as work:
        row = work.session.execute(sa.select(Milestone).where(Milestone.service == "wohngeld")).scalars().first()
        assert row is not None
        milestones.plan(work, row.id, work.today + dt.timedelta(days=30), "zugesagt")
    following.work_off(world.engine)
    (dated,) = why(world, case_id).causes
    assert (dated.key, dated.due is not None) == ("cause.milestone", True)


def test_only_the_step_is_missing(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id)
    world.reach_milestones(case_id)
    answer = why(world, case_id)
    assert answer.kind == "move"
    (cause,) = answer.causes
    assert cause.party is not None
    assert (cause.kind, cause.party.role) == ("move", "umsetzungsteam")


def test_an_answer_that_does_not_fit_leads_to_its_task(world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    world.do(case_id, "confirm_responsibility", "team", result="not_responsible")
    causes = {one.kind: one for one in why(world, case_id).causes}
    assert causes["answer"].target == standstill.Target("task", world.task(case_id, "confirm_responsibility"))
    assert words(causes["answer"])


def test_a_prerequisite_names_its_present_step_and_who_else_waits(world: World) -> None:
    case_id, other = world.open("ikfz"), world.open("fuehrerschein")
    world.finish_state(case_id)
    world.reach_milestones(case_id)
    with world.by("team") as work:
        cases.advance(work, case_id, "contract")
    world.bring(other, "choose_variant")
    world.do(other, "choose_variant", "team")
    answer = why(world, case_id)
    mandate = next(one for one in answer.causes if one.facts.get("step") and "Mandant" in words(one))
    assert mandate.key == "cause.prerequisite_ready_step"
    assert mandate.party is not None
    assert (mandate.party.role, mandate.others) == ("body.kasse", 1)
    assert mandate.target == standstill.Target("prerequisite", world.prerequisite("payment_mandate").id)


def test_what_can_only_come_after_another_stands_behind_it(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id, choose_variant={"connection_variant": "fitconnect"})
    world.reach_milestones(case_id)
    with world.by("team") as work:
        cases.advance(work, case_id, "contract")
    with world.look() as work:
        endpoint = work.session.execute(
            sa.select(Prerequisite.id).where(Prerequisite.kind == "fitconnect_endpoint")
        ).scalar_one()
    for step in ("open_account", "test_endpoint"):
        with world.by("it") as work:
            prerequisites.complete(work, endpoint, world.proof(work, "fitconnect_endpoint", step))
    answer = why(world, case_id)
    account = next(
        one for one in answer.causes if one.target and one.target.id == world.prerequisite("elster_account").id
    )
    assert [title.de for title in account.behind] == ["FIT-Connect-Zustellpunkt"]
    assert endpoint not in {one.target.id for one in answer.causes if one.target}


def test_an_expired_prerequisite_stops_a_case_and_warns_of_a_live_one(world: World) -> None:
    live, case_id = world.open("uvg"), world.open()
    world.walk(live)
    world.walk(case_id, until="contracted")
    world.satisfy(case_id)
    with world.engine.change(SYSTEM) as work:
        row = work.session.execute(
            sa.select(Prerequisite).where(Prerequisite.body == TOWN, Prerequisite.kind == "editing_rights")
        ).scalar_one()
        row.valid_until = work.today - dt.timedelta(days=1)
        work.session.flush()
    prerequisites.expire(world.engine)
    assert "cause.prerequisite_expired" in {one.key for one in why(world, case_id).causes}
    answer = why(world, live)
    assert [one.key for one in answer.warnings] == ["cause.prerequisite_expired"]
    assert "cause.prerequisite_expired" not in {one.key for one in answer.causes}


def test_a_resting_case_waits_for_who_is_outside_and_the_day_somebody_looks(world: World) -> None:
    case_id = world.open()
    with world.by("team") as work:
        review = work.today + dt.timedelta(days=20)
        cases.hold(work, case_id, blocker="no_staff", reason="x", review_on=review)
    answer = why(world, case_id)
    (cause,) = answer.causes
    assert (answer.kind, cause.kind, cause.party is not None) == ("rests", "rest", True)
    assert cause.due is not None
    assert cause.due.on == review


def test_a_suspended_case_waits_to_be_resumed(world: World) -> None:
    case_id = world.open()
    world.walk(case_id)
    with world.by("team") as work:
        cases.advance(work, case_id, "suspend", given={"reason": "Sicherheitslücke."})
    answer = why(world, case_id)
    assert answer.kind == "aside"
    assert answer.causes[0].party is not None
    assert answer.causes[0].party.role == "umsetzungsteam"


def test_a_live_case_has_aftercare_and_then_nothing(world: World) -> None:
    case_id = world.open()
    world.walk(case_id)
    assert why(world, case_id).kind == "aftercare"
    world.finish_state(case_id)
    assert (why(world, case_id).kind, why(world, case_id).causes) == ("live", ())


def test_a_waiting_task_names_the_root_of_its_waiting(world: World) -> None:
    case_id = world.open()
    with world.look("team") as work:
        found = task_page.task(work, world.task(case_id, "accept_terms"))
    assert [one.target for one in found.waits_for] == [
        standstill.Target("task", world.task(case_id, "express_interest"))
    ]
    assert [title.de for title in found.after] != ["Interesse bekunden"], "not only its neighbour"


def test_a_foreign_case_has_no_answer(world: World) -> None:
    case_id = world.open()
    for who in ("stranger", "other_team", "operator", "admin"):
        with pytest.raises(NotFound):
            why(world, case_id, who)


def test_the_answer_is_data_in_both_languages(world: World) -> None:
    case_id = world.open()
    with world.look("team") as work:
        number, answer = page.why(work, case_id)
    told = json.loads(json.dumps(standstill.plain(number, answer)))
    assert told["standing"] == "waits"
    cause = told["causes"][0]
    assert cause["who"]["people"] == ["Digi"]
    assert cause["sentence"] == {
        "de": "„Vormerkung annehmen oder Interesse bekunden“ ist noch nicht erledigt.",
        "en": "‘Accept the reservation or express interest’ is not done yet.",
    }
    assert cause["unblocked_by"]["path"] == f"/tasks/{world.task(case_id, 'express_interest')}"


# --- always ----------------------------------------------------------------------------------------------------------


def complete(answer: Standstill) -> None:
    """Somebody can act, or it is named what happens without anybody; in words of both languages."""
    for language in texts.LANGUAGES:
        assert texts.say(language, answer.key, **answer.facts)
        for one in (*answer.causes, *answer.warnings):
            assert words(one, language)
            assert texts.say(language, one.unblocks, **one.facts)
    assert answer.causes or answer.kind in ("live", "ended")
    for one in answer.causes:
        assert one.party is not None or one.facts.get("external") or one.kind == "round", one
        assert one.since is not None
        assert one.target is not None or one.kind in ("variant", "answer", "other", "prerequisite", "round")
    assert json.dumps(standstill.plain("x", answer))


@pytest.mark.parametrize("seed", range(4))
def test_every_open_case_always_has_an_answer(world: World, seed: int) -> None:
    dice = random.Random(seed)
    known = [world.open(service) for service in ("wohngeld", "ikfz", "uvg")]
    for _ in range(160):
        _do_something(world, dice, dice.choice(known))
        for case_id in known:
            for who in ("auditor", "digi"):
                answer = why(world, case_id, who)
                assert (answer.kind == "ended") == (world.case(case_id).ended_on is not None)
                complete(answer)


@pytest.mark.slow
def test_every_case_of_a_rehearsed_programme_has_an_answer(played: Played) -> None:
    world = played.world
    with world.look("auditor") as work:
        every = work.session.execute(sa.select(Case.id)).scalars().all()
    kinds: set[str] = set()
    for case_id in every:
        answer = why(world, case_id)
        complete(answer)
        kinds.add(answer.kind)
    assert len(kinds) > 2


def _do_something(world: World, dice: random.Random, case_id: UUID) -> None:
    """One deed by somebody who might do it; what is refused is none."""
    deeds = [*_on_tasks(world, dice, case_id), *_on_prerequisites(world, dice), *_on_the_case(world, dice, case_id)]
    dice.choice(deeds)()
    following.work_off(world.engine)


def _on_tasks(world: World, dice: random.Random, case_id: UUID) -> Iterator[Callable[[], object]]:
    with world.look() as work:
        rows = work.session.execute(
            sa.select(Task.id, Task.name, Task.acting).where(Task.case_id == case_id, Task.acting.is_not(None))
        ).all()
    for task_id, name, acting in rows:
        by = who_acts(acting or "")
        yield partial(_by, world, by, partial(_submit, world, case_id, task_id, name))
        yield partial(_by, world, by, partial(tasks.accept, task_id=task_id))
        yield partial(_by, world, "colleague", partial(tasks.confirm, task_id=task_id))
        yield partial(_by, world, "colleague", partial(tasks.hand_back, task_id=task_id, reason="doch"))
        if dice.random() < 0.1:
            yield partial(_by, world, by, partial(tasks.decline, task_id=task_id, reason="nein"))


def _submit(world: World, case_id: UUID, task_id: UUID, name: str, work: Work) -> object:
    return tasks.submit(work, task_id, world.answers(work, case_id, name))


def _on_prerequisites(world: World, dice: random.Random) -> Iterator[Callable[[], object]]:
    with world.look() as work:
        rows = work.session.execute(
            sa.select(Prerequisite.id, Prerequisite.kind, Prerequisite.step, Prerequisite.acting).where(
                Prerequisite.body == TOWN, Prerequisite.acting.is_not(None)
            )
        ).all()
    for subject, kind, step, acting in rows:
        by = who_acts(acting or "")
        yield partial(_by, world, by, partial(_prove, world, subject, kind, step))
        if dice.random() < 0.2:
            yield partial(_by, world, by, partial(prerequisites.decline, prerequisite_id=subject, reason="nein"))
            yield partial(_by, world, "team", partial(prerequisites.set_aside, prerequisite_id=subject, reason="nein"))


def _prove(world: World, subject: UUID, kind: str, step: str, work: Work) -> object:
    return prerequisites.complete(work, subject, world.proof(work, kind, step))


def _on_the_case(world: World, dice: random.Random, case_id: UUID) -> Iterator[Callable[[], object]]:
    with world.look() as work:
        moves = list(work.catalogue.process("efa-onboarding", 1).transitions.items())
        review = work.today + dt.timedelta(days=9)
    for name, move in moves:
        if dice.random() < (0.15 if move.back or move.asks else 0.9):
            given = {asked: "own_solution" if asked == "reason" and name == "decline" else "x" for asked in move.asks}
            yield partial(_by, world, "team", partial(cases.advance, case_id=case_id, transition=name, given=given))
    yield partial(world.days, 3)
    yield partial(world.reach_milestones, case_id)
    if dice.random() < 0.3:
        hold = partial(cases.hold, case_id=case_id, blocker="no_staff", reason="x", review_on=review)
        yield partial(_by, world, "team", hold)
    yield partial(_by, world, "team", partial(cases.resume, case_id=case_id))


def _actor(world: World, who: str) -> Actor:
    with world.look(who) as work:
        return work.actor


def _by(world: World, who: str, deed: Callable[[Work], object]) -> None:
    try:
        with world.by(who) as work:
            deed(work)
    except StartklarError:
        return
