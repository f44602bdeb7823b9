"""Who is away and who stands in: what the deputy sees and does, when that begins and ends, and what history says."""

from __future__ import annotations

import datetime as dt
import json
from itertools import pairwise
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import STRANGE_TOWN, TOWN, World
from workflow import absences, events, history, messages, people, policy, prerequisites, reminders, tasks
from workflow.absences import Place
from workflow.errors import Conflict, NotAllowed, NotFound, Refused, SecondPersonNeeded, TaskNotAvailable
from workflow.models import Case, Event, Message, Notice, Prerequisite, Task
from workflow.queries import case as case_page
from workflow.queries import inbox
from workflow.queries import task as task_page

DAY = dt.timedelta(days=1)


def away(world: World, who: str, deputy: str, *, days: int = 30, by: str = "admin", first: int = 0) -> UUID:
    """Somebody is away for some days from today."""
    with world.by(by) as work:
        begins = work.today + first * DAY
        return absences.enter(work, world[who], world[deputy], begins, begins + (days - 1) * DAY).id


def seen(world: World, who: str) -> set[UUID]:
    with world.look(who) as work:
        return set(work.session.execute(sa.select(Case.id).where(policy.cases(work.actor))).scalars())


def to_do(world: World, who: str) -> set[UUID]:
    with world.look(who) as work:
        return set(work.session.execute(sa.select(Task.id).where(policy.tasks_to_do(work.actor))).scalars())


def last(world: World, chain_id: UUID) -> tuple[str, dict[str, object]]:
    with world.look() as work:
        query = sa.select(Event.act, Event.content).where(Event.chain_id == chain_id).order_by(Event.seq.desc())
        act, content = work.session.execute(query.limit(1)).one()
    return act, json.loads(content)


def told(world: World, name: str = "asked") -> list[tuple[UUID, bool]]:
    with world.look() as work:
        rows = work.session.execute(sa.select(Notice.recipient_id, Notice.facts).where(Notice.name == name))
        return [(recipient, "on_behalf_of" in json.loads(facts)) for recipient, facts in rows]


def test_the_deputy_sees_and_does_what_the_absent_person_would(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    assert case_id not in seen(world, "stranger")
    away(world, "digi", "stranger")
    assert case_id in seen(world, "stranger")
    assert task_id in to_do(world, "stranger")
    with world.by("stranger") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "express_interest"))
    row = world.row(case_id, "express_interest")
    assert (row.submitted_by, row.submitted_for) == (world["stranger"], world["digi"])
    act, said = last(world, case_id)
    assert (act, said["on_behalf_of"]) == ("completed", world["digi"].hex)
    with world.look("team") as work:
        entry = case_page.case(work, case_id).history[0]
    assert (entry.who, entry.on_behalf_of) == ("Stranger", "Digi")


def test_it_begins_and_ends_by_its_dates_alone(world: World) -> None:
    case_id = world.open()
    away(world, "digi", "stranger", first=3, days=4)  # Thursday to Sunday
    assert case_id not in seen(world, "stranger")
    world.days(3)
    assert case_id in seen(world, "stranger")
    world.days(2)
    assert case_id not in seen(world, "stranger")


def test_it_can_be_ended_early_and_taken_back(world: World) -> None:
    case_id = world.open()
    absence = away(world, "digi", "stranger")
    coming = away(world, "it", "fachamt", first=10, days=3)
    with world.by("digi") as work:
        assert not absences.end(work, absence).in_force
    with world.by("it") as work:
        absences.end(work, coming)
    assert case_id not in seen(world, "stranger")
    for who, one in (("digi", absence), ("it", coming)):
        with pytest.raises(Conflict), world.by(who) as work:
            absences.end(work, one)
    away(world, "it", "fachamt", first=10, days=3)
    assert [last(world, world[who])[0] for who in ("digi", "it")] == ["back", "away"]
    with world.look() as work:
        for who in ("digi", "it"):
            assert events.broken_at(work, world[who]) is None
            assert history.differences(work, "person", world[who]) == ()


def test_what_was_accepted_is_free_for_the_deputy_and_stays_the_absent_persons(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.accept(work, task_id)
    absence = away(world, "digi", "stranger")
    assert task_id in to_do(world, "stranger")
    other = world.open("uvg")
    with world.by("stranger") as work:
        tasks.accept(work, world.task(other, "express_interest"))
    assert world.row(other, "express_interest").holder_id == world["digi"]
    with world.by("digi") as work:
        absences.end(work, absence)
    assert {task_id, world.task(other, "express_interest")} <= to_do(world, "digi")


def test_four_eyes_see_through_deputies(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt")]:
        world.do(case_id, name, who)
    task_id = world.task(case_id, "questionnaire")
    with world.by("digi") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "questionnaire"))
    away(world, "team", "digi", days=5)  # who handed it in confirms as nobody's deputy
    with pytest.raises(SecondPersonNeeded), world.by("digi") as work:
        tasks.confirm(work, task_id)
    assert task_id not in to_do(world, "digi")
    with world.look("digi") as work:
        assert not task_page.task(work, task_id).may("confirm", "send_back")
    with world.by("colleague") as work:
        tasks.send_back(work, task_id, "Bitte ergänzen")
    away(world, "digi", "stranger", days=5)
    with world.by("stranger") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "questionnaire"))
    with world.by("admin") as work:
        people.grant(work, world["digi"], people.parse_role(f"umsetzungsteam@{world.team}"))
        people.grant(work, world["stranger"], people.parse_role(f"umsetzungsteam@{world.team}"))
    for who in ("digi", "stranger"):  # in whose name it was handed in, and who did it
        with pytest.raises(SecondPersonNeeded), world.by(who) as work:
            tasks.confirm(work, task_id)
    with world.by("colleague") as work:
        assert tasks.confirm(work, task_id).status == "done"


def test_a_deputy_does_not_confirm_in_the_name_of_who_handed_it_in(world: World) -> None:
    with world.by("admin") as work:
        people.grant(work, world["digi"], people.parse_role(f"umsetzungsteam@{world.team}"))
    case_id = world.open()
    world.walk(case_id, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt")]:
        world.do(case_id, name, who)
    task_id = world.task(case_id, "questionnaire")
    with world.by("digi") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "questionnaire"))
    away(world, "digi", "stranger")
    with pytest.raises(SecondPersonNeeded) as refused, world.by("stranger") as work:
        tasks.confirm(work, task_id)
    assert refused.value.facts == {"people": "Colleague, Team"}
    assert task_id not in to_do(world, "stranger")
    away(world, "team", "stranger")  # in the name of somebody else of the team it is a second person
    with world.by("stranger") as work:
        assert tasks.confirm(work, task_id).status == "done"
    assert last(world, case_id)[1]["on_behalf_of"] == world["team"].hex


def test_the_deputy_is_asked_instead_and_of_news_both_learn(world: World) -> None:
    away(world, "digi", "stranger")
    world.open()
    assert told(world) == [(world["stranger"], True)]
    people_told = policy.reached(
        [world["digi"]],
        [policy.Holder(world["digi"], "digi", TOWN, None, None, None, world["stranger"])],
        asks=False,
    )
    assert people_told == {world["digi"]: None, world["stranger"]: world["digi"]}
    messages.compose(world.engine)
    with world.look() as work:
        (mail,) = work.session.execute(sa.select(Message.plain)).scalars()
    assert "In Vertretung" in mail
    assert "Digi" not in mail.replace("Digitalisierung", ""), "no name of a person is in a mail"


def test_a_rung_reaches_the_deputy_once(world: World) -> None:
    world.open()
    away(world, "digi", "stranger", days=60)
    world.days(15)
    reminders.decide(world.engine)
    with world.look() as work:
        rows = work.session.execute(
            sa.select(Notice.recipient_id).where(Notice.name.startswith("reminder"), Notice.urgency > 0)
        ).scalars()
        reached = list(rows)
    assert reached.count(world["stranger"]) == 1
    assert world["digi"] not in reached


def test_of_a_chain_one_step_counts(world: World) -> None:
    case_id = world.open()
    away(world, "digi", "it")
    away(world, "it", "stranger")
    assert world.task(case_id, "express_interest") in to_do(world, "it")
    assert world.task(case_id, "express_interest") not in to_do(world, "stranger")
    with world.look("digi") as work:
        mine, theirs = absences.of_actor(work)
    assert (mine.person, mine.deputy_away, theirs.deputy_away) == ("Digi", True, False)


@pytest.mark.parametrize("links", [("digi", "it"), ("digi", "it", "dsb")])
def test_a_circle_is_refused(world: World, links: tuple[str, ...]) -> None:
    for one, other in pairwise(links):
        away(world, one, other)
    with pytest.raises(Conflict) as refused:
        away(world, links[-1], links[0], first=5)
    assert refused.value.key == "error.conflict_absence_circle"
    away(world, links[-1], links[0], first=40)  # later it is none


def test_what_makes_no_sense_is_refused_with_a_sentence(world: World) -> None:
    away(world, "digi", "it", days=5)
    with pytest.raises(Conflict):
        away(world, "digi", "leitung", first=4)
    away(world, "digi", "leitung", first=5)
    for who, deputy, first, days, key in (
        ("it", "it", 0, 5, "error.absence_self"),
        ("it", "dsb", 0, 0, "error.absence_days"),
        ("it", "dsb", -9, 5, "error.absence_days"),
        ("it", "dsb", 0, 400, "error.absence_days"),
    ):
        with pytest.raises(Refused) as refused:
            away(world, who, deputy, first=first, days=days)
        assert refused.value.key == key
    with world.by("admin") as work:
        people.same_human(work, world["it"], world["isb"])
    with pytest.raises(Refused):
        away(world, "it", "isb")
    with world.by("admin") as work:
        people.erase(work, world["isb"])
    with pytest.raises(NotFound):
        away(world, "dsb", "isb")


def test_who_answers_for_people_enters_for_them_and_for_that_place_only(world: World) -> None:
    with world.by("admin") as work:
        people.grant(work, world["it"], people.parse_role(f"it@{STRANGE_TOWN}"))
    here, there = world.open(), world.open(body=STRANGE_TOWN)
    with world.by("leitung") as work:
        until = work.today + 10 * DAY
        absences.enter(work, world["it"], world["dsb"], work.today, until, place=Place(body=TOWN))
    assert here in seen(world, "dsb")
    assert there not in seen(world, "dsb"), "the other town did not say so"
    with world.by("supervisor") as work:
        absences.enter(work, world["team"], world["colleague"], work.today, until, place=Place(team=world.team))
    for who, person, place in (
        ("stranger", "it", Place(body=TOWN)),
        ("fachamt", "it", Place(body=TOWN)),
        ("leitung", "team", Place(body=TOWN)),
        ("leitung", "fachamt", absences.EVERYWHERE),
        ("team", "colleague", Place(team=world.team)),
    ):
        with pytest.raises(NotAllowed), world.by(who) as work:
            absences.enter(work, world[person], world["dsb"], work.today, until, place=place)
    for who, deputy in (("digi", "stranger"), ("team", "digi"), ("office", "auditor")):
        with pytest.raises(Refused) as refused, world.by(who) as work:
            absences.enter(work, world[who], world[deputy], work.today, until)
        assert refused.value.key == "error.absence_deputy"


def test_an_absence_at_one_place_opens_nothing_the_person_has_accepted_elsewhere(world: World) -> None:
    with world.by("admin") as work:
        for who in ("it", "dsb"):
            people.grant(work, world[who], people.parse_role(f"digi@{STRANGE_TOWN}"))
    task_id = world.task(world.open(body=STRANGE_TOWN), "express_interest")
    with world.by("it") as work:
        tasks.accept(work, task_id)
    with world.by("leitung") as work:
        absences.enter(work, world["it"], world["dsb"], work.today, work.today + 10 * DAY, place=Place(body=TOWN))
    assert task_id not in to_do(world, "dsb")
    with world.look("dsb") as work:
        assert not task_page.task(work, task_id).may("submit", "hand_on")
    with pytest.raises(TaskNotAvailable), world.by("dsb") as work:
        tasks.accept(work, task_id)
    with pytest.raises(TaskNotAvailable), world.by("dsb") as work:
        tasks.decline(work, task_id, "Das macht Worms selbst.")


def test_whoever_enters_an_absence_in_somebodys_place_is_on_record(world: World) -> None:
    away(world, "leitung", "fachamt")
    with world.by("fachamt") as work:
        entered = absences.enter(
            work, world["it"], world["dsb"], work.today, work.today + 9 * DAY, place=Place(body=TOWN)
        )
    assert last(world, world["it"])[1]["on_behalf_of"] == world["leitung"].hex
    with world.by("fachamt") as work:
        absences.end(work, entered.id)
    assert last(world, world["it"])[1]["on_behalf_of"] == world["leitung"].hex


def test_others_do_not_learn_of_an_absence(world: World) -> None:
    absence = away(world, "digi", "it")
    for who, known in (("digi", True), ("it", True), ("leitung", True), ("admin", True), ("fachamt", False)):
        with world.look(who) as work:
            assert bool(absences.of_actor(work)) == known, who
    for who in ("it", "fachamt", "stranger", "office"):
        with pytest.raises(NotFound), world.by(who) as work:
            absences.end(work, absence)


def test_the_right_to_hand_out_rights_stays_with_who_is_away(world: World) -> None:
    away(world, "admin", "digi")
    with pytest.raises(NotAllowed), world.by("digi") as work:
        people.everybody(work)


def test_the_clause_and_the_rule_agree_while_people_are_away(world: World) -> None:
    for body in (TOWN, STRANGE_TOWN):
        world.open(body=body)
    case_id = world.open("uvg")
    world.walk(case_id, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt")]:
        world.do(case_id, name, who)
    with world.by("digi") as work:
        tasks.submit(work, world.task(case_id, "questionnaire"), world.answers(work, case_id, "questionnaire"))
    for who, deputy in (("digi", "stranger"), ("team", "digi"), ("supervisor", "it"), ("leitung", "fachamt")):
        away(world, who, deputy)
    with world.look() as work:
        every = list(work.session.execute(sa.select(Task.id, Task.case_id).where(Task.acting.is_not(None))))
    for who in world.ids:
        listed, known = to_do(world, who), seen(world, who)
        with world.look(who) as work:
            shown = {line.id for case_id in known for line in case_page.case(work, case_id).open if line.mine}
        assert shown == listed & {task_id for task_id, _ in every}, who


def test_the_inbox_says_what_is_in_somebodys_place(world: World) -> None:
    world.open()
    away(world, "digi", "it")
    with world.look("it") as work:
        shown = inbox.inbox(work)
    items = [*shown.now, *shown.this_week, *shown.later]
    assert [item.on_behalf_of for item in items] == ["Digi"]


def test_prerequisites_wait_for_the_deputy_too(world: World) -> None:
    with world.by("team") as work:
        asked = prerequisites.request(work, TOWN, "elster_account").id
        owner = work.session.get_one(Prerequisite, asked).owner.removeprefix("body.")
    away(world, owner, "stranger")
    with world.by("stranger") as work:
        prerequisites.accept(work, asked)
    assert last(world, asked)[1]["on_behalf_of"] == world[owner].hex
