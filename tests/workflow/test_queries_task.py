"""The page of a task: what is asked, by when and why then, and exactly the deeds the engine would accept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.statements import counted
from tests.world import EMPTY_TOWN, FILE, TOWN, World
from workflow import cases, people, tasks
from workflow.definition import Text
from workflow.engine import SYSTEM
from workflow.errors import (
    InvalidEvidence,
    NotAllowed,
    NotFound,
    Refused,
    SecondPersonNeeded,
    StartklarError,
    TaskNotAvailable,
)
from workflow.models import Decision, Remark, Task
from workflow.policy import Role
from workflow.queries import task as query
from workflow.queries.task import TaskPage

ACCOUNTS = ("office", "auditor", "team", "colleague", "supervisor", "leitung", "digi", "fachamt", "it")
MOST_STATEMENTS = 12


def look(world: World, who: str, task_id: UUID) -> TaskPage:
    with world.look(who) as work:
        return query.task(work, task_id)


class _Undone(Exception):
    """Ends a transaction whose work shall not be kept."""


def refusal(world: World, who: str, do: Callable[[Any], object]) -> StartklarError | None:
    """Why the engine refuses, or None; nothing is kept either way."""
    try:
        with world.by(who) as work:
            do(work)
            raise _Undone
    except _Undone:
        return None
    except StartklarError as error:
        return error


def deeds(task_id: UUID, to: UUID) -> dict[str, Callable[[Any], object]]:
    """Every deed, done with nothing to object to but status and rights."""
    return {
        "accept": partial(tasks.accept, task_id=task_id),
        "submit": partial(tasks.submit, task_id=task_id),
        "assign": partial(tasks.assign, task_id=task_id, to=to),
        "confirm": partial(tasks.confirm, task_id=task_id),
        "send_back": partial(tasks.send_back, task_id=task_id, reason="Darum."),
        "decline": partial(tasks.decline, task_id=task_id, reason="Darum."),
        "hand_back": partial(tasks.hand_back, task_id=task_id, reason="Darum."),
        "waive": partial(tasks.waive, task_id=task_id, reason="Darum."),
        "extend": partial(tasks.extend, task_id=task_id, working_days=2, reason="Darum."),
    }


@pytest.fixture
def varied(world: World) -> tuple[World, list[UUID]]:
    """One task of each kind in every status: a case on its way, one the town refuses, one a team looks after alone."""
    first = world.open()
    world.walk(first, until="contracted")
    world.bring(first, "questionnaire")
    with world.by("digi") as work:
        tasks.submit(work, world.task(first, "questionnaire"), world.answers(work, first, "questionnaire"))
    second = world.open("uvg")
    with world.by("digi") as work:
        tasks.decline(work, world.task(second, "express_interest"), "Wir haben keine Leute.")
    third = world.open("ikfz")
    world.bring(third, "name_contacts")
    with world.by("digi") as work:
        tasks.accept(work, world.task(third, "name_contacts"))
    with world.by("leitung") as work:
        tasks.assign(work, world.task(third, "take_inventory"), world["fachamt"])
    fourth = world.open("fuehrerschein")
    world.bring(fourth, "inform_staff_council")
    with world.by("leitung") as work:
        tasks.decline(work, world.task(fourth, "inform_staff_council"), "Der Personalrat weiß es schon.")
    with world.by("supervisor") as work:
        tasks.waive(work, world.task(fourth, "dpia_check"), "Schon geprüft.")
    with world.look() as work:
        rows = work.session.execute(sa.select(Task).where(Task.body == TOWN).order_by(Task.id)).scalars()
        kinds = {(row.status, row.owner, row.acting, row.optional, row.holder_id): row.id for row in rows}
    assert {status for status, *_ in kinds} == {
        "waiting",
        "ready",
        "accepted",
        "submitted",
        "done",
        "declined",
        "waived",
        "obsolete",
    }
    return world, list(kinds.values())


# --- who sees it, who may do what ------------------------------------------------------------------------------------


def test_whoever_may_not_know_the_case_is_told_the_task_does_not_exist(world: World) -> None:
    task_id = world.task(world.open(), "express_interest")
    for who in ("stranger", "other_team", "admin", "operator"):
        with pytest.raises(NotFound), world.look(who) as work:
            query.task(work, task_id)
    with pytest.raises(NotFound), world.look("team") as work:
        query.task(work, uuid4())


@pytest.mark.parametrize("who", ACCOUNTS)
def test_what_is_offered_is_exactly_what_the_engine_accepts(varied: tuple[World, list[UUID]], who: str) -> None:
    world, ids = varied
    for task_id in ids:
        page = look(world, who, task_id)
        for name, do in deeds(task_id, world["digi"]).items():
            error = refusal(world, who, do)
            refused = isinstance(error, (TaskNotAvailable, NotAllowed, SecondPersonNeeded))
            assert page.may(name) != refused, (page.name, page.status, name, error)
            assert error is None or refused or isinstance(error, (InvalidEvidence, Refused))


@pytest.mark.parametrize("who", ["digi", "team", "supervisor", "leitung"])
def test_candidates_are_exactly_those_the_engine_takes_and_who_have_it_not_yet(
    varied: tuple[World, list[UUID]], who: str
) -> None:
    world, ids = varied
    for task_id in ids:
        page = look(world, who, task_id)
        offered = {candidate.id for candidate in page.candidates}
        if not page.may("assign"):
            assert offered == set()
            continue
        for name, person in world.ids.items():
            error = refusal(world, who, partial(tasks.assign, task_id=task_id, to=person))
            row = _row(world, task_id)
            has_it = person == row.holder_id or (page.may("accept") and name == who)
            if row.status == "ready" and not (row.acting or row.owner).startswith("umsetzungsteam"):
                role = (row.acting or row.owner).removeprefix("body.")  # each is held by one person of that name
                has_it = has_it or name == role
            assert (person in offered) == (error is None and not has_it), (page.name, name)
        assert all(candidate.roles for candidate in page.candidates)


def test_who_acts_for_whom_is_said(world: World) -> None:
    case_id = world.open(body=EMPTY_TOWN)
    team = "team" if world.case(case_id).team == world.team else "other_team"
    page = look(world, team, world.task(case_id, "express_interest"))
    assert page.owner.instead_of is not None
    assert page.owner.instead_of.de == "Digitalisierungsbeauftragte:r"
    assert page.line.party.role == "umsetzungsteam"
    assert page.for_the_body
    own = look(world, "digi", world.task(world.open(), "express_interest"))
    assert own.owner.instead_of is None
    assert not own.for_the_body
    assert own.line.party.me


# --- the form --------------------------------------------------------------------------------------------------------


def test_a_team_is_asked_for_the_signed_document_in_the_place_of_the_leitung(world: World) -> None:
    case_id = world.open(body=EMPTY_TOWN)
    team = "team" if world.case(case_id).team == world.team else "other_team"
    for name in ("express_interest", "confirm_responsibility", "name_contacts", "take_inventory", "choose_variant"):
        world.do(case_id, name, team)
    task_id = world.task(case_id, "accept_terms")
    names = [field.name for field in look(world, team, task_id).fields]
    assert names[-1] == "signed_document"
    with pytest.raises(InvalidEvidence) as caught, world.by(team) as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "accept_terms"))
    assert set(caught.value.faults) == {"signed_document"}
    world.do(case_id, "accept_terms", team, signed_document=FILE)
    page = look(world, team, task_id)
    assert page.recorded_for_body
    assert [answer.title for answer in page.answers if answer.document][-1] == Text(
        de="Unterzeichnetes Dokument", en="Signed document"
    )


def test_variants_and_waves_are_offered_by_their_titles(world: World) -> None:
    case_id = world.open()
    world.bring(case_id, "choose_variant")
    fields = {field.name: field for field in look(world, "team", world.task(case_id, "choose_variant")).fields}
    variants, waves = fields["connection_variant"].choices, fields["wave"].choices
    assert variants is not None
    assert waves is not None
    assert {choice.value for choice in variants} == {"pdf_databox", "dvdv_xml", "fitconnect"}
    assert [choice.on for choice in waves] == sorted(choice.on for choice in waves if choice.on)
    given = {"connection_variant": "fitconnect", "wave": waves[0].value}
    world.do(case_id, "choose_variant", "team", **given)
    page = look(world, "digi", world.task(case_id, "choose_variant"))
    answers = {answer.field: answer.value for answer in page.answers}
    assert answers["connection_variant"] == Text(de="XML über FIT-Connect", en="XML over FIT-Connect")
    assert answers["wave"] == waves[0].title


def test_a_second_attempt_begins_with_the_answers_of_the_first(varied: tuple[World, list[UUID]]) -> None:
    world, ids = varied
    task_id = next(task_id for task_id in ids if _row(world, task_id).status == "submitted")
    assert all(field.value is None for field in look(world, "digi", task_id).fields)
    with world.by("team") as work:
        tasks.send_back(work, task_id, "Die Rückfallebene fehlt.")
    page = look(world, "digi", task_id)
    assert (page.attempt, page.status, page.mine) == (2, "accepted", True)
    given = {answer.field: answer for answer in page.answers}
    for field in page.fields:
        if field.name in given:
            assert field.value == given[field.name].value or field.document == given[field.name].document
    assert [(one.act, one.who, one.reason) for one in page.said] == [("sent_back", "Team", "Die Rückfallebene fehlt.")]


def test_who_only_reads_sees_the_answers_and_no_choices(world: World) -> None:
    case_id = world.open()
    world.bring(case_id, "choose_variant")
    page = look(world, "digi", world.task(case_id, "choose_variant"))
    assert page.deeds == ()
    assert all(field.choices is None for field in page.fields)
    done = look(world, "auditor", world.task(case_id, "confirm_responsibility"))
    assert [answer.field for answer in done.answers] == ["authority_type", "key_checked", "result"]
    assert done.answers[0].value == Text(de="Kreisverwaltung", en="District administration")
    assert done.answers[1].value is True


# --- the date --------------------------------------------------------------------------------------------------------


def test_every_date_is_the_sum_of_its_steps(varied: tuple[World, list[UUID]]) -> None:
    world, ids = varied
    for task_id in ids:
        page, row = look(world, "team", task_id), _row(world, task_id)
        assert (page.why is not None) == (row.acting is not None)
        if page.why is not None:
            assert page.why.steps[-1].date == row.due_on == page.due.on  # type: ignore[union-attr]


def test_extensions_pauses_and_holidays_are_steps_of_the_date(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    world.days(22)  # into Christmas
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 4, "Weihnachten.")
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Krank.", review_on=work.today + dt.timedelta(days=20))
    resting = look(world, "digi", task_id)
    assert resting.why is not None
    assert resting.why.rests
    world.days(3)
    with world.by("team") as work:
        cases.resume(work, case_id)
    page = look(world, "digi", task_id)
    assert page.why is not None
    assert [step.kind for step in page.why.steps] == ["start", "days", "extension"]
    late = world.open("uvg")
    _, second = late, world.task(late, "express_interest")
    page = look(world, "digi", second)
    assert page.why is not None
    assert any(step.holidays for step in page.why.steps)
    with world.by("team") as work:
        cases.hold(work, late, blocker="no_staff", reason="Krank.", review_on=work.today + dt.timedelta(days=20))
    world.days(4)
    with world.by("team") as work:
        cases.resume(work, late)
    page = look(world, "digi", second)
    assert page.why is not None
    assert [step.kind for step in page.why.steps] == ["start", "days", "pause"]
    assert page.why.steps[-1].days == 4
    assert page.why.steps[-1].date == _row(world, second).due_on


def test_a_stichtag_is_explained_as_one(world: World) -> None:
    case_id = world.open()
    world.bring(case_id, "choose_variant")
    world.do(case_id, "choose_variant", "team", connection_variant="fitconnect", wave="welle-2027-04")
    world.finish_state(case_id)
    world.satisfy(case_id)
    with world.by("team") as work:
        cases.advance(work, case_id, "contract")
    world.bring(case_id, "handover_rollout")
    page = look(world, "team", world.task(case_id, "handover_rollout"))
    assert page.why is not None
    assert page.why.kind == "stichtag"
    assert page.due is not None
    assert page.due.on == dt.date(2027, 4, 13)


def test_checking_and_deciding_have_dates_of_their_own(varied: tuple[World, list[UUID]]) -> None:
    world, ids = varied
    pages = [look(world, "team", task_id) for task_id in ids]
    since = {page.status: page.why.since for page in pages if page.why}
    assert since["submitted"] == "submitted"
    assert since["declined"] == "declined"
    assert since["ready"] == "ready"


def test_the_last_reminder_is_named(world: World) -> None:
    task_id = world.task(world.open(), "express_interest")
    assert look(world, "team", task_id).line.reminded_on is None
    with world.engine.change(SYSTEM) as work:
        for occurrence, (day, outcome) in enumerate([(1, "fired"), (3, "fired"), (4, "skipped")]):
            work.session.execute(
                sa.insert(Decision).values(
                    subject_kind="task",
                    subject_id=task_id,
                    generation=1,
                    rung=f"r{occurrence}",
                    occurrence=0,
                    outcome=outcome,
                    decided_at=dt.datetime(2026, 12, day, 23, 30, tzinfo=dt.UTC),
                )
            )
    assert look(world, "team", task_id).line.reminded_on == dt.date(2026, 12, 4)


# --- what was said ---------------------------------------------------------------------------------------------------


def test_reasons_are_told_the_last_first_and_only_those_of_this_task(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.decline(work, task_id, "Keine Leute.")
    with world.by("team") as work:
        tasks.hand_back(work, task_id, "Wir helfen.")
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 5, "Ferien.")
    world.do(case_id, "express_interest", "digi")
    with world.by("team") as work:
        tasks.decline(work, world.task(case_id, "confirm_responsibility"), "Gehört nicht hierher.")
    said = [(one.act, one.reason, one.days) for one in look(world, "digi", task_id).said]
    assert said == [
        ("extended", "Ferien.", 5),
        ("handed_back", "Wir helfen.", None),
        ("declined", "Keine Leute.", None),
    ]
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Remark).values(text=None, salt=None))
    assert {one.reason for one in look(world, "digi", task_id).said} == {None}


def test_what_the_holder_left_behind_is_open_to_others(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.accept(work, task_id)
    with world.by("admin") as work:
        people.grant(work, world["it"], Role("digi", body=TOWN))
    assert not look(world, "it", task_id).may("submit")
    with world.by("admin") as work:
        people.withdraw(work, world["digi"], Role("digi", body=TOWN))
    page = look(world, "it", task_id)
    assert page.may("submit")
    assert not page.may("accept")


# --- the price -------------------------------------------------------------------------------------------------------


def test_the_page_takes_few_statements_for_everybody(varied: tuple[World, list[UUID]]) -> None:
    world, ids = varied
    for who in ("digi", "team", "supervisor", "leitung"):
        for task_id in ids:
            with counted(world) as sent:
                look(world, who, task_id)
            assert len(sent) <= MOST_STATEMENTS, (who, sent)


def _row(world: World, task_id: UUID) -> Any:
    with world.look() as work:
        return work.session.execute(sa.select(Task.__table__).where(Task.id == task_id)).one()
