"""The page of a case: what is next for whoever looks, why it does not go on, and its history in words."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

import workflow
from tests.statements import counted
from tests.world import EMPTY_TOWN, FILE, World, plausible
from workflow import cases, documents, following, milestones, people, tasks, texts
from workflow.definition import Text
from workflow.engine import SYSTEM
from workflow.errors import CaseRests, InvalidEvidence, NotAllowed, NotFound, RequirementsNotMet, StartklarError
from workflow.models import Event, Milestone, Person, Prerequisite, Remark, Task
from workflow.queries import case as query
from workflow.queries.case import CasePage

ACCOUNTS = (
    "office",
    "auditor",
    "team",
    "colleague",
    "supervisor",
    "operator",
    "leitung",
    "digi",
    "fachamt",
    "it",
    "kasse",
)
MOST_STATEMENTS = 19
STATES = ("requested", "contracted", "connected", "tested", "live")


def look(world: World, who: str, case_id: UUID, **more: Any) -> CasePage:
    with world.look(who) as work:
        return query.case(work, case_id, **more)


def wordy(value: object) -> object:
    """The German words of a title; everything else as it is."""
    return value.de if isinstance(value, Text) else value


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


def rest(world: World, case_id: UUID, days: int = 30) -> None:
    with world.by("team") as work:
        cases.hold(
            work,
            case_id,
            blocker="fv_vendor_missing",
            reason="Das Modul kommt im Sommer.",
            review_on=work.today + dt.timedelta(days=days),
            promised_on=work.today + dt.timedelta(days=20),
            waits_for="vendor:prosoz",
        )


# --- who sees it -----------------------------------------------------------------------------------------------------


def test_whoever_may_not_know_the_case_is_told_it_does_not_exist(world: World) -> None:
    case_id = world.open()
    for who in ("stranger", "other_team", "admin", "operator"):
        for ask in (
            lambda work: query.case(work, case_id),
            lambda work: query.move(work, case_id, "contract"),
            lambda work: query.transition(work, case_id, "contract"),
            lambda work: query.hold(work, case_id),
        ):
            with pytest.raises(NotFound), world.look(who) as work:
                ask(work)
    with world.by("admin") as work:
        nobody = people.add(work, email="n@startklar.example", name="N", password_hash=None, language="de", roles=[]).id
    with pytest.raises(NotFound), world.engine.read(nobody) as work:
        query.case(work, case_id)


def test_looking_changes_nothing(world: World) -> None:
    case_id = world.open()
    before = world.case(case_id)
    for who in ACCOUNTS:
        if who != "operator":
            look(world, who, case_id)
    assert world.case(case_id) == before


# --- what is next ----------------------------------------------------------------------------------------------------


def test_next_is_the_own_task_first_and_otherwise_whoever_must_act(world: World) -> None:
    case_id = world.open()
    own, others = look(world, "digi", case_id).next, look(world, "team", case_id).next
    assert own.kind == "mine"
    assert others.kind == "others"
    assert own.task is not None
    assert others.task is not None
    assert own.task.id == others.task.id == world.task(case_id, "express_interest")
    assert others.task.party.title.de == "Digitalisierungsbeauftragte:r"
    assert others.task.party.people == ("Digi",)
    assert others.why is not None
    assert others.task.due is not None
    assert others.why.steps[-1].date == others.task.due.on == world.row(case_id, "express_interest").due_on


def test_next_for_the_team_is_what_the_town_cannot_do_itself(world: World) -> None:
    case_id = world.open(body=EMPTY_TOWN)
    team = "team" if world.case(case_id).team == world.team else "other_team"
    page = look(world, team, case_id)
    assert page.next.kind == "mine"
    assert page.next.task is not None
    assert page.next.task.party.instead_of is not None
    assert page.next.task.party.role == "umsetzungsteam"


def test_an_optional_task_never_stands_before_what_leads_on(world: World) -> None:
    case_id = world.open()
    world.bring(case_id, "inform_staff_council")
    page = look(world, "leitung", case_id)
    assert page.next.task is not None
    assert not page.next.task.optional
    assert [line.optional for line in page.open if line.mine] == sorted(
        line.optional for line in page.open if line.mine
    )


def test_next_is_a_prerequisite_when_that_is_all_that_waits_for_the_person(world: World) -> None:
    case_id = world.open()
    world.bring(case_id, "accept_terms")
    page = look(world, "digi", case_id)
    assert page.next.kind == "mine"
    assert page.next.task is None
    assert page.next.prerequisite is not None
    assert page.next.prerequisite.status == "ready"
    assert page.next.prerequisite.mine


def test_next_is_the_transition_once_nothing_is_missing(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id)
    waiting = look(world, "team", case_id)
    assert waiting.next.kind == "waiting"
    assert waiting.onward is not None
    assert [one.key for one in waiting.onward.obstacles] == ["cause.milestone_undated"]
    world.satisfy(case_id)
    for who, may in (("team", True), ("digi", False), ("supervisor", False)):
        page = look(world, who, case_id)
        assert page.next.kind == "move"
        assert page.next.move is not None
        assert (page.next.move.name, page.next.move.may) == ("contract", may)
        assert page.next.move.by[0].place == page.head.team


def test_a_resting_case_says_why_since_when_and_when_somebody_looks_again(world: World) -> None:
    case_id = world.open()
    rest(world, case_id)
    page = look(world, "digi", case_id)
    assert page.next.kind == "rests"
    assert page.rest is not None
    assert page.rest.blocker.de == "Hersteller des Fachverfahrens liefert nicht"
    assert page.rest.reason == "Das Modul kommt im Sommer."
    assert page.rest.waits_for is not None
    assert (page.rest.waits_for.de, page.rest.held_by) == ("PROSOZ Herten", "Team")
    assert (page.may_hold, page.may_resume) == (False, False)
    assert look(world, "team", case_id).may_resume
    assert look(world, "supervisor", case_id).may_resume


def test_an_ended_case_says_why(world: World) -> None:
    case_id = world.open()
    with world.by("leitung") as work:
        cases.advance(
            work, case_id, "decline", given={"reason": "own_solution", "explanation": "Wir haben schon etwas."}
        )
    page = look(world, "team", case_id)
    assert page.next.kind == "ended"
    assert page.head.state.end
    assert page.head.reached == 0
    assert [wordy(answer.value) for answer in page.because] == [
        "Wir haben eine eigene Lösung",
        "Wir haben schon etwas.",
    ]
    assert page.moves == ()
    assert not page.may_hold


def test_a_live_case_has_reached_everything(world: World) -> None:
    case_id = world.open()
    world.walk(case_id)
    page = look(world, "digi", case_id)
    assert page.head.state.goal
    assert page.head.reached == len(page.head.road) == 5
    assert page.head.live_on is not None
    with world.by("team") as work:
        cases.advance(work, case_id, "suspend", given={"reason": "Sicherheitslücke im Dienst."})
    page = look(world, "digi", case_id)
    assert page.head.state.aside
    assert page.head.reached == 5
    assert [answer.value for answer in page.because] == ["Sicherheitslücke im Dienst."]


# --- why it does not go on -------------------------------------------------------------------------------------------


def test_obstacles_are_exactly_what_the_engine_would_name(world: World) -> None:
    case_id = world.open()
    for state in STATES[:4]:
        page = look(world, "team", case_id)
        assert page.onward is not None
        name = page.onward.name
        error = refusal(world, "team", partial(cases.advance, case_id=case_id, transition=name))
        assert isinstance(error, RequirementsNotMet), state
        assert [one.about for one in page.onward.obstacles] == [reason.about for reason in error.reasons]
        world.finish_state(case_id)
        world.satisfy(case_id)
        assert look(world, "team", case_id).onward.obstacles == ()  # type: ignore[union-attr]
        with world.by("team") as work:
            cases.advance(work, case_id, name)


def test_every_obstacle_names_who_and_speaks_both_languages(world: World) -> None:
    case_id = world.open()
    world.bring(case_id, "accept_terms")
    world.finish_state(case_id)
    with world.by("office") as work:
        for row in work.session.execute(sa.select(Milestone).where(Milestone.service == "wohngeld")).scalars():
            given = plausible(work.catalogue.shared.milestones[row.kind].evidence, work.today)
            milestones.reach(work, row.id, work.today, given)
    with world.by("team") as work:
        cases.advance(work, case_id, "contract")
    page = look(world, "team", case_id)
    assert page.onward is not None
    keys = {one.key for one in page.onward.obstacles}
    assert keys == {"cause.task_ready", "cause.task_waiting", "cause.prerequisite_ready"}
    for one in page.onward.obstacles:
        assert one.party is not None
        for language in texts.LANGUAGES:
            assert texts.say(language, one.key, **one.facts)


def test_an_expired_prerequisite_stands_in_the_way_again(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    world.satisfy(case_id)
    lines = {line.title.de: line for line in look(world, "team", case_id).prerequisites}
    assert {line.status for line in lines.values()} == {"done"}
    with world.engine.change(SYSTEM) as work:
        first = work.session.execute(sa.select(Prerequisite).order_by(Prerequisite.id).limit(1)).scalar_one()
        first.valid_until = work.today - dt.timedelta(days=1)
        work.session.flush()
    page = look(world, "team", case_id)
    assert page.prerequisites[0].status == "expired"
    assert page.onward is not None
    assert "cause.prerequisite_expired" in {one.key for one in page.onward.obstacles}


# --- what may be done ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [who for who in ACCOUNTS if who != "operator"])
def test_what_is_offered_is_what_the_engine_accepts(world: World, who: str) -> None:
    case_id = world.open()
    world.finish_state(case_id)
    world.satisfy(case_id)
    page = look(world, who, case_id)
    for offer in page.moves:
        error = refusal(world, who, partial(cases.advance, case_id=case_id, transition=offer.name))
        assert isinstance(error, NotAllowed) == (not offer.may), offer.name
        if offer.may and not offer.asks:
            assert isinstance(error, RequirementsNotMet) == bool(offer.obstacles)
        if offer.may and offer.asks:
            assert isinstance(error, InvalidEvidence)
    hold = refusal(
        world,
        who,
        lambda work: cases.hold(
            work, case_id, blocker="no_staff", reason="x", review_on=work.today + dt.timedelta(days=9)
        ),
    )
    assert (hold is None) == page.may_hold
    if page.may_hold:
        rest(world, case_id)
        assert (refusal(world, who, lambda work: cases.resume(work, case_id)) is None) == look(
            world, who, case_id
        ).may_resume


def test_what_only_time_does_is_never_offered(world: World) -> None:
    case_id = world.open()
    world.walk(case_id)
    assert "supersede" not in {offer.name for offer in look(world, "team", case_id).moves}


def test_the_page_of_a_pause_refuses_like_the_deed(world: World) -> None:
    case_id = world.open()
    with world.look("team") as work:
        assert set(query.hold(work, case_id).fields) == {
            "blocker",
            "reason",
            "review_on",
            "waits_for",
            "promised_on",
        }
    with pytest.raises(NotAllowed), world.look("digi") as work:
        query.hold(work, case_id)
    rest(world, case_id)
    with pytest.raises(CaseRests), world.look("team") as work:
        query.hold(work, case_id)


def test_a_pause_is_taken_as_it_was_typed(world: World) -> None:
    case_id = world.open()
    given: dict[str, Any] = {
        "blocker": "certificate",
        "reason": "Das Zertifikat fehlt.",
        "review_on": "15.01.2027",
        "promised_on": "",
        "waits_for": "",
    }
    with world.by("team") as work:
        assert cases.hold_as_answered(work, case_id, given).version == 2
    page = look(world, "team", case_id)
    assert page.rest is not None
    assert (page.rest.review.on, page.rest.promised_on) == (dt.date(2027, 1, 15), None)
    with world.by("team") as work:
        cases.resume(work, case_id)
    with pytest.raises(InvalidEvidence) as caught, world.by("team") as work:
        cases.hold_as_answered(work, case_id, {"blocker": "nonsense", "review_on": "31.02.2027"})
    assert set(caught.value.faults) == {"blocker", "reason", "review_on"}


# --- tasks, documents ------------------------------------------------------------------------------------------------


def test_every_task_of_the_case_stands_on_the_page_once(world: World) -> None:
    case_id = world.open()
    for state in STATES:
        page = look(world, "team", case_id)
        with world.look() as work:
            rows = work.session.execute(sa.select(Task.id, Task.status).where(Task.case_id == case_id)).all()
        shown = [line.id for line in (*page.open, *page.waiting, *page.settled)]
        assert len(shown) == len(set(shown))
        assert len(shown) + page.obsolete == len(rows)
        assert {line.id for line in page.waiting} == {row.id for row in rows if row.status == "waiting"}
        if state != "live":
            world.finish_state(case_id)
            world.satisfy(case_id)
            with world.by("team") as work:
                cases.advance(work, case_id, query.case(work, case_id).onward.name)  # type: ignore[union-attr]


def test_a_waiting_task_says_what_it_comes_after(world: World) -> None:
    case_id = world.open()
    page = look(world, "digi", case_id)
    by_title = {line.title.de: [one.de for one in line.after] for line in page.waiting}
    assert by_title["Zuständigkeit und Fallzuschnitt prüfen"] == ["Vormerkung annehmen oder Interesse bekunden"]
    assert all(line.after for line in page.waiting)


def test_documents_name_what_they_answer_and_what_replaced_them(world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="connected")
    file = documents.store(world.engine.settings.documents, io.BytesIO(b"%PDF-1.7\n"), "Protokoll.pdf")
    world.finish_state(case_id, acceptance={"protocol": file})
    with world.by("team") as work:
        cases.advance(work, case_id, "reject_test", given={"reason": "Noch einmal, bitte."})
    world.walk(case_id, until="tested")
    page = look(world, "digi", case_id)
    (protocol,) = [line for line in page.documents if line.versions[-1].document.name == "Protokoll.pdf"]
    assert protocol.stands
    assert [(one.number, one.document.name) for one in protocol.versions] == [(2, FILE.name), (1, "Protokoll.pdf")]
    assert [one.document.sha256 for one in protocol.versions] == [FILE.sha256, file.sha256]
    assert protocol.versions[1].document.size == len(b"%PDF-1.7\n")
    assert all(one.given_by and one.given_at for line in page.documents for one in line.versions)
    assert page.head.attempts == 1
    assert any(line.attempt == 2 for line in page.settled)


# --- history ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def eventful(world: World) -> tuple[World, UUID]:
    """A case to which everything happened."""
    case_id = world.open()
    first = world.task(case_id, "express_interest")
    with world.by("leitung") as work:
        tasks.assign(work, first, world["digi"])
    with world.by("digi") as work:
        tasks.decline(work, first, "Wir haben keine Leute.")
    with world.by("team") as work:
        tasks.hand_back(work, first, "Wir helfen Ihnen dabei.")
    with world.by("digi") as work:
        tasks.accept(work, first)
    with world.by("supervisor") as work:
        tasks.extend(work, first, 3, "Ferien.")
    rest(world, case_id)
    world.days(5)
    with world.by("team") as work:
        cases.resume(work, case_id)
    world.finish_state(case_id)
    world.satisfy(case_id)
    following.work_off(world.engine)
    with world.by("team") as work:
        cases.advance(work, case_id, "contract")
    world.bring(case_id, "questionnaire")
    questionnaire = world.task(case_id, "questionnaire")
    with world.by("digi") as work:
        tasks.submit(work, questionnaire, world.answers(work, case_id, "questionnaire"))
    with world.by("team") as work:
        tasks.send_back(work, questionnaire, "Die Rückfallebene fehlt.")
    world.do(case_id, "questionnaire", "digi")
    with world.look() as work:
        open_now = work.session.execute(
            sa.select(Task.id).where(Task.case_id == case_id, Task.acting.is_not(None)).limit(1)
        ).scalar_one()
    with world.by("supervisor") as work:
        tasks.waive(work, open_now, "Nicht nötig.")
    world.walk(case_id, until="connected")
    with world.by("team") as work:
        cases.advance(work, case_id, "reject_test", given={"reason": "Die Rückmeldung fehlt."})
    return world, case_id


def whole_history(world: World, who: str, case_id: UUID) -> list[query.Entry]:
    page = look(world, who, case_id)
    entries = list(page.history)
    while page.older:
        page = look(world, who, case_id, before=page.older)
        assert not page.newest
        entries += page.history
    return entries


def test_everything_that_happened_is_told_once_in_both_languages(eventful: tuple[World, UUID]) -> None:
    world, case_id = eventful
    entries = whole_history(world, "digi", case_id)
    with world.look() as work:
        seqs = list(
            work.session.execute(
                sa.select(Event.seq).where(Event.chain_id == case_id).order_by(Event.seq.desc())
            ).scalars()
        )
    assert [entry.seq for entry in entries] == seqs
    acts = {entry.act for entry in entries}
    assert acts == {
        "opened",
        "assigned",
        "accepted",
        "declined",
        "handed_back",
        "extended",
        "held",
        "resumed",
        "completed",
        "submitted",
        "confirmed",
        "sent_back",
        "waived",
        "advanced",
        "waiting_ended",
    }
    for entry in entries:
        for language in texts.LANGUAGES:
            said = texts.say(language, f"event.{entry.act}", **entry.facts)
            assert "{" not in said
            assert said.endswith(".")


def test_every_deed_the_engine_records_has_words() -> None:
    recorded: set[str] = set()
    for path in Path(workflow.__file__).parent.glob("*.py"):
        recorded |= set(re.findall(r'case\.record\("(\w+)"\)', path.read_text(encoding="utf-8")))
    assert len(recorded) >= 15
    for act in recorded:
        assert all(texts.knows(language, f"event.{act}") for language in texts.LANGUAGES), act


def test_history_names_people_reasons_and_whose_turn_came(eventful: tuple[World, UUID]) -> None:
    world, case_id = eventful
    entries = {entry.act: entry for entry in whole_history(world, "leitung", case_id)}
    assert entries["declined"].who == "Digi"
    assert entries["declined"].remark == "Wir haben keine Leute."
    assert entries["assigned"].facts["person"] == "Digi"
    assert entries["extended"].facts["n"] == 3
    assert entries["waiting_ended"].system
    assert entries["waiting_ended"].who is None
    assert [wordy(title) for title in entries["opened"].opened] == ["Vormerkung annehmen oder Interesse bekunden"]
    advanced = next(entry for entry in whole_history(world, "team", case_id) if entry.act == "advanced")
    assert [answer.value for answer in advanced.answers] == ["Die Rückmeldung fehlt."]
    assert not advanced.onward


def test_who_acts_for_a_role_nobody_holds_is_told(world: World) -> None:
    case_id = world.open(body=EMPTY_TOWN)
    team = "team" if world.case(case_id).team == world.team else "other_team"
    world.do(case_id, "express_interest", team)
    entry = look(world, team, case_id).history[0]
    assert entry.standing_for is not None
    assert entry.standing_for.de == "Digitalisierungsbeauftragte:r"


def test_what_was_erased_is_not_shown(eventful: tuple[World, UUID]) -> None:
    world, case_id = eventful
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Remark).values(text=None, salt=None))
        work.session.execute(sa.update(Person).where(Person.id == world["digi"]).values(name=None))
    entries = whole_history(world, "team", case_id)
    assert all(entry.remark is None for entry in entries)
    assigned = next(entry for entry in entries if entry.act == "assigned")
    assert texts.say("de", "event.assigned", **assigned.facts).endswith("an eine frühere Person gegeben.")
    declined = next(entry for entry in entries if entry.act == "declined")
    assert declined.who is None
    assert not declined.system


# --- the price -------------------------------------------------------------------------------------------------------


def test_the_page_takes_few_statements_in_every_state(world: World) -> None:
    case_id = world.open()
    world.open("uvg")
    for state in STATES:
        for who in ("digi", "team", "supervisor", "auditor"):
            with counted(world) as sent:
                look(world, who, case_id)
            assert len(sent) <= MOST_STATEMENTS, (state, who, sent)
        if state != "live":
            world.finish_state(case_id)
            with counted(world) as sent:
                look(world, "team", case_id)
            assert len(sent) <= MOST_STATEMENTS
            world.satisfy(case_id)
            with world.by("team") as work:
                cases.advance(work, case_id, query.case(work, case_id).onward.name)  # type: ignore[union-attr]
    rest(world, case_id)
    with counted(world) as sent:
        look(world, "team", case_id)
    assert len(sent) <= MOST_STATEMENTS


def test_the_price_does_not_grow_with_the_number_of_cases(world: World) -> None:
    case_id = world.open()
    with counted(world) as alone:
        look(world, "team", case_id)
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld", "uvg"])
    cases.open_planned(world.engine, world["office"], planned)
    with counted(world) as among_many:
        look(world, "team", case_id)
    assert len(alone) == len(among_many)
