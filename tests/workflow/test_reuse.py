"""What a body once said is offered again, never asked twice, and only to those who act for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from tests.world import STRANGE_TOWN, TOWN, World
from workflow import history, participants, people, prerequisites, tasks
from workflow.models import Evidence, Task
from workflow.queries import prerequisite as prerequisite_query
from workflow.queries import task as query

PART = "073395007000"
"""A Verbandsgemeinde of Mainz-Bingen."""

LEAD = {"project_lead": "Erika Muster, 06132 787-0", "project_lead_email": "projekt@mainz-bingen.example"}


def _fields(world: World, who: str, task_id: UUID) -> dict[str, query.Asked]:
    with world.look(who) as work:
        return {one.name: one for one in query.task(work, task_id).fields}


def _first_service(world: World, **answers: Any) -> UUID:
    case_id = world.open()
    world.bring(case_id, "name_contacts")
    world.do(case_id, "name_contacts", "digi", **(LEAD | answers))
    return case_id


def test_the_second_service_of_a_town_asks_nothing_anew_that_was_said_once(world: World) -> None:
    _first_service(world, deputy="Max Muster")
    world.days(2)
    second = world.open("uvg")
    world.bring(second, "name_contacts")
    task_id = world.task(second, "name_contacts")
    fields = _fields(world, "digi", task_id)
    reusable = {name: one for name, one in fields.items() if one.definition.reuse}
    assert set(reusable) >= {"project_lead", "project_lead_email", "technical_contact", "privacy_contact", "deputy"}
    for name, one in reusable.items():
        assert one.value is not None, name
        assert one.told is not None, name
        assert one.told_where is not None
        assert (one.told_where.de, one.told.on.isoformat()) == ("Wohngeld", "2026-11-23")
    assert fields["project_lead"].value == LEAD["project_lead"]
    assert fields["functional_mailbox"].value is None, "each subject has a mailbox of its own"

    with world.look("team") as work:
        entered = {one.name: one for one in query.record(work, task_id).fields}
    assert entered["project_lead"].value == LEAD["project_lead"], "the team that enters it for the town asks no more"

    unchanged: dict[str, Any] = {name: one.value for name, one in fields.items() if one.value is not None}
    own = {
        "subject_contact": "Frau Klein",
        "subject_contact_email": "uvg@mainz-bingen.example",
        "functional_mailbox": "uvg@mainz-bingen.example",
    }
    with world.by("digi") as work:
        tasks.submit(work, task_id, unchanged | own)
    assert world.row(second, "name_contacts").status == "done"
    with world.look() as work:
        assert history.differences(work, "case", second) == ()


def test_the_latest_word_counts_and_what_was_handed_in_earlier_here_counts_more(world: World) -> None:
    _first_service(world)
    second = world.open("uvg")
    world.bring(second, "name_contacts")
    world.days(1)
    world.do(second, "name_contacts", "digi", project_lead="Neue Leitung")
    third = world.open("elterngeld")
    world.bring(third, "name_contacts")
    told = _fields(world, "digi", world.task(third, "name_contacts"))["project_lead"]
    assert told.value == "Neue Leitung"
    assert told.told_where is not None
    assert told.told_where.de == "Unterhaltsvorschuss"


def test_only_the_own_bodys_words_are_offered_and_only_to_who_may_answer(world: World) -> None:
    _first_service(world)
    second = world.open("uvg")
    world.bring(second, "name_contacts")
    task_id = world.task(second, "name_contacts")
    for who in ("fachamt", "auditor", "office", "supervisor"):
        assert all(one.told is None for one in _fields(world, who, task_id).values()), who
    foreign = world.open(body=STRANGE_TOWN)
    with world.by("stranger") as work:
        tasks.submit(work, world.task(foreign, "express_interest"), world.answers(work, foreign, "express_interest"))
    with world.by("team") as work:
        tasks.submit(
            work,
            world.task(foreign, "confirm_responsibility"),
            world.answers(work, foreign, "confirm_responsibility"),
        )
    fields = _fields(world, "stranger", world.task(foreign, "name_contacts"))
    assert all(one.value is None and one.told is None for one in fields.values())


def test_what_a_body_says_that_takes_part_is_its_own_word_in_every_case_of_others(world: World) -> None:
    with world.by("admin") as work:
        people.grant(work, world["stranger"], people.parse_role(f"digi@{PART}"))
        people.grant(work, world["operator"], people.parse_role("rollout_team@dvz-mv"))
    found: list[dict[str, query.Asked]] = []
    for service in ("bauantrag", "fuehrerschein"):
        case_id = world.open(service)
        world.walk(case_id, until="contracted")
        with world.by("team") as work:
            participants.join(work, case_id, [PART])
        with world.look() as work:
            task_id = work.session.execute(
                sa.select(Task.id).where(Task.case_id == case_id, Task.body == PART)
            ).scalar_one()
        found.append(_fields(world, "stranger", task_id))
        given: dict[str, Any] = {"intake_office": "Bürgerbüro", "paper_applications": "scanned"}
        with world.by("stranger") as work:
            tasks.submit(work, task_id, given)
    first, second = found
    assert first["intake_office"].told is None
    assert second["intake_office"].value == "Bürgerbüro"
    with world.look() as work:
        said = work.session.execute(sa.select(Evidence.body).where(Evidence.field == "intake_office")).scalars()
        assert {*said} == {PART}


def test_what_a_prerequisite_told_is_offered_in_a_case_and_the_other_way_round(world: World) -> None:
    with world.by("team") as work:
        asked = prerequisites.request(work, TOWN, "legal_pages").id
    urls: dict[str, Any] = {
        "privacy_url": "https://mainz-bingen.example/datenschutz",
        "imprint_url": "https://mainz-bingen.example/impressum",
        "accessibility_url": "https://mainz-bingen.example/barrierefreiheit",
    }
    with world.look() as work:
        owner = prerequisites.step_of(prerequisites.kind_of(work, "legal_pages"), "")[1].owner
    who = owner.removeprefix("body.")
    with world.by(who) as work:
        prerequisites.complete(work, asked, {**world.proof(work, "legal_pages"), **urls})
    case_id = world.open("uvg")
    world.walk(case_id, until="contracted")
    task_id = world.task(case_id, "service_parameters")
    fields = _fields(world, "fachamt", task_id)
    assert {name: fields[name].value for name in urls} == urls
    told = fields["privacy_url"].told_where
    assert told is not None
    with world.look(who) as work:
        page = prerequisite_query.prerequisite(work, asked)
        assert page.prefilled["privacy_url"] == urls["privacy_url"]
        assert page.told == {}
