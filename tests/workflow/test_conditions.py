"""What depends on an answer follows it: when it is corrected, and when the catalogue says something else."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import definitions
from tests.definitions.folder import edit
from tests.world import FILE, TOWN, World
from workflow import cases, casework, events, following, loading, people, tasks
from workflow.casework import CaseRow, LockedCase
from workflow.definition import EvidenceField, Option, Process, State, Text, WorkingDays
from workflow.definition import Task as TaskDefinition
from workflow.engine import Work
from workflow.errors import (
    InvalidEvidence,
    NotAllowed,
    NotFound,
    RequirementsNotMet,
    TaskHasMoved,
    TaskNotAvailable,
)
from workflow.models import Evidence, Followup, Notice
from workflow.queries import case as case_page
from workflow.queries import task as task_page

AGREEMENT = {"outcome": "avv_art28"}
NO_AGREEMENT = {"outcome": "par8a_no_avv"}


@pytest.fixture
def settled(world: World) -> UUID:
    """A case whose department found that an agreement is needed: the head is asked to sign it."""
    case_id = world.open()
    world.bring(case_id, "privacy_clearance")
    world.do(case_id, "privacy_clearance", "fachamt", **AGREEMENT)
    assert world.row(case_id, "sign_dpa").status == "ready"
    return case_id


def reopen(world: World, case_id: UUID, name: str, who: str = "team") -> None:
    """Ask for a done task once more."""
    with world.by(who) as work:
        tasks.reopen(work, world.task(case_id, name), "Bitte berichtigen.")


# --- correcting an answer --------------------------------------------------------------------------------------------


def test_a_done_task_is_open_again_for_who_did_it_and_its_answers_are_still_there(world: World, settled: UUID) -> None:
    world.days(3)
    reopen(world, settled, "privacy_clearance")
    task = world.row(settled, "privacy_clearance")
    assert (task.status, task.acting, task.holder_id) == ("accepted", "body.fachamt", world["fachamt"])
    assert (task.attempt, task.submitted_by, task.ended_on) == (2, None, None)
    with world.look("fachamt") as work:
        page = task_page.task(work, task.id)
        assert task.counted_from == work.today
        assert {one.name: one.value for one in page.fields}["outcome"] == "avv_art28"
        assert [(one.act, one.reason) for one in page.said] == [("reopened", "Bitte berichtigen.")]
        told = work.session.execute(sa.select(Notice.recipient_id).where(Notice.name == "reopened")).scalars()
        assert list(told) == [world["fachamt"]]


def test_what_somebody_without_the_role_did_is_open_for_whoever_has_it_now(world: World, settled: UUID) -> None:
    reopen(world, settled, "choose_variant", "supervisor")
    assert world.row(settled, "choose_variant").holder_id == world["team"]
    world.do(settled, "choose_variant", "team")
    with world.by("admin") as work:
        people.withdraw(work, world["fachamt"], people.parse_role(f"fachamt@{TOWN}"))
    reopen(world, settled, "privacy_clearance")
    task = world.row(settled, "privacy_clearance")
    assert (task.status, task.holder_id) == ("ready", None)


def test_refusals_to_open_once_more_come_in_the_promised_order(world: World, settled: UUID) -> None:
    done, ready = world.task(settled, "privacy_clearance"), world.task(settled, "sign_dpa")
    with pytest.raises(NotFound), world.by("stranger") as work:
        tasks.reopen(work, ready, "", seen=99)
    with pytest.raises(TaskHasMoved), world.by("fachamt") as work:
        tasks.reopen(work, ready, "", seen=99)
    with pytest.raises(TaskNotAvailable), world.by("fachamt") as work:
        tasks.reopen(work, ready, "")
    with pytest.raises(NotAllowed), world.by("fachamt") as work:
        tasks.reopen(work, done, "")
    with pytest.raises(InvalidEvidence), world.by("team") as work:
        tasks.reopen(work, done, " ")
    world.walk(settled, until="contracted")
    with pytest.raises(TaskNotAvailable) as refusal, world.by("team") as work:
        tasks.reopen(work, done, "zu spät")
    assert refusal.value.key == "error.task_left_behind"
    with world.look("team") as work:
        assert "reopen" not in task_page.task(work, done).deeds


def test_what_comes_after_waits_again_unless_somebody_has_begun_it(world: World, settled: UUID) -> None:
    with world.by("leitung") as work:
        tasks.accept(work, world.task(settled, "accept_terms"))
    reopen(world, settled, "choose_variant")
    assert world.row(settled, "accept_terms").status == "accepted"
    waiting = world.row(settled, "update_ropa")
    assert (waiting.status, waiting.acting, waiting.remind_at, waiting.due_on) == ("waiting", None, None, None)
    assert world.row(settled, "privacy_clearance").status == "done"
    world.do(settled, "choose_variant", "team")
    assert world.row(settled, "update_ropa").status == "ready"
    assert world.row(settled, "update_ropa").attempt == 1


def test_an_answer_that_changes_makes_a_task_needless_and_its_holder_learns_of_it(world: World, settled: UUID) -> None:
    with world.by("leitung") as work:
        tasks.accept(work, world.task(settled, "sign_dpa"))
    reopen(world, settled, "privacy_clearance")
    assert world.row(settled, "sign_dpa").status == "accepted"
    world.do(settled, "privacy_clearance", "fachamt", **NO_AGREEMENT)
    gone = world.row(settled, "sign_dpa")
    assert (gone.status, gone.acting, gone.remind_at) == ("obsolete", None, None)
    with world.look("team") as work:
        told = work.session.execute(sa.select(Notice.recipient_id).where(Notice.name == "not_needed")).scalars()
        assert list(told) == [world["leitung"]]
        entry = case_page.case(work, settled).history[0]
    assert [title.de for title in entry.dropped] == ["AV-Vertrag oder Vereinbarung schließen"]


def test_a_needless_task_comes_back_as_a_further_attempt_when_it_is_needed_again(world: World, settled: UUID) -> None:
    with world.by("leitung") as work:
        tasks.accept(work, world.task(settled, "sign_dpa"))
    for answer in (NO_AGREEMENT, AGREEMENT):
        reopen(world, settled, "privacy_clearance")
        world.do(settled, "privacy_clearance", "fachamt", **answer)
    back = world.row(settled, "sign_dpa")
    assert (back.status, back.acting, back.attempt, back.holder_id) == ("ready", "body.leitung", 2, None)
    assert back.due_on is not None
    with world.look() as work:
        revisions = sa.select(Evidence.revision, Evidence.latest).where(
            Evidence.case_id == settled, Evidence.source == "privacy_clearance", Evidence.field == "outcome"
        )
        assert [tuple(row) for row in work.session.execute(revisions.order_by(Evidence.revision))] == [
            (1, False),
            (2, False),
            (3, True),
        ]
        assert events.broken_at(work, settled) is None


def test_what_has_been_done_stays_with_its_evidence(world: World, settled: UUID) -> None:
    world.do(settled, "sign_dpa", "leitung", agreement=FILE)
    reopen(world, settled, "privacy_clearance")
    world.do(settled, "privacy_clearance", "fachamt", **NO_AGREEMENT)
    assert world.row(settled, "sign_dpa").status == "done"


def test_tasks_of_a_state_left_behind_are_not_opened_by_an_answer(world: World, settled: UUID) -> None:
    reopen(world, settled, "privacy_clearance")
    world.do(settled, "privacy_clearance", "fachamt", **NO_AGREEMENT)
    world.walk(settled, until="contracted")
    before = world.row(settled, "sign_dpa")
    reopen_in = world.task(settled, "pvog_entry")
    world.do(settled, "pvog_entry", "redaktion")
    with world.by("team") as work:
        tasks.reopen(work, reopen_in, "Link fehlt")
    assert world.row(settled, "sign_dpa") == before
    assert before.status == "obsolete"


def test_a_task_that_came_back_keeps_the_case_where_it_is(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id)
    world.satisfy(case_id)
    reopen(world, case_id, "update_ropa")
    with pytest.raises(RequirementsNotMet), world.by("team") as work:
        cases.advance(work, case_id, "contract")
    world.do(case_id, "update_ropa", "fachamt")
    with world.by("team") as work:
        assert cases.advance(work, case_id, "contract").state == "contracted"


# --- what the catalogue says -----------------------------------------------------------------------------------------


def _shipped(folder: Path) -> Path:
    """A copy of the definitions to change."""
    return Path(shutil.copytree(Path(definitions.__path__[0]), folder / "definitions"))


def test_open_cases_follow_what_the_catalogue_says_of_their_service(world: World, tmp_path: Path) -> None:
    """payment_test is asked for only of services one pays for."""
    folder = _shipped(tmp_path)
    case_id = world.open("uvg")
    world.walk(case_id, until="connected")
    untouched = world.open("wohngeld")
    following.work_off(world.engine)
    assert world.row(case_id, "payment_test").status == "obsolete"
    edit(folder, "services/uvg.yaml", "payment: none", "payment: required")

    tried = loading.load(world.engine, folder, dry_run=True)
    assert tried.following == [("uvg", 1)]
    assert following.work_off(world.engine) == 0
    before = world.case(case_id).seq
    loaded = loading.load(world.engine, folder)
    assert loaded.following == [("uvg", 1)]
    with world.look() as work:
        assert work.session.execute(
            sa.select(Followup.case_id).where(Followup.source_kind == "conditions")
        ).scalars().all() == [case_id]
    following.work_off(world.engine)
    assert world.row(case_id, "payment_test").status == "ready"
    assert world.case(case_id).seq == before + 1
    with world.look("team") as work:
        entry = case_page.case(work, case_id).history[0]
        assert (entry.act, entry.system) == ("conditions_changed", True)
        assert [title.de for title in entry.opened] == ["Zahlung testen"]
        assert events.broken_at(work, case_id) is None
    following.work_off(world.engine)
    assert world.case(case_id).seq == before + 1
    assert world.case(untouched).seq == 1


def test_a_word_that_changes_in_the_catalogue_moves_no_case(world: World, tmp_path: Path) -> None:
    folder = _shipped(tmp_path)
    world.open("bauantrag")
    edit(folder, "services/bauantrag.yaml", "title: {de: Digitaler Bauantrag,", "title: {de: Bauantrag online,")
    assert loading.load(world.engine, folder).following == []


# --- always ----------------------------------------------------------------------------------------------------------

_WORDS = Text(de="x", en="x")
_ANSWERS = ("red", "green", "blue")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), size=st.integers(1, 9))
def test_where_tasks_stand_follows_from_the_answers_alone(world: World, seed: int, size: int) -> None:
    """Random processes and random deeds: settling ends, a second time moves nothing, and every task that nobody has
    begun stands where the answers put it, however they came about."""
    dice = Random(seed)
    process = _process(dice, size)
    with world.look() as work:
        case = _case(work, process)
        for _ in range(25):
            _something(case, dice)
            assert not tasks.settle(case), "settling a second time moved something"
            assert {name: task.status for name, task in case.tasks.items()} == _expected(case)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), size=st.integers(1, 9))
def test_the_order_in_which_answers_come_makes_no_difference(world: World, seed: int, size: int) -> None:
    answers = {f"t{number}": Random(seed + number).choice(_ANSWERS) for number in range(size)}
    ends = []
    with world.look() as work:
        for turn in range(3):
            case, dice = _case(work, _process(Random(seed), size)), Random(turn)
            while ready := [task for task in case.tasks.values() if task.status == "ready"]:
                task = dice.choice(ready)
                _answer(case, task.name, answers[task.name])
            ends.append({name: task.status for name, task in case.tasks.items()})
    assert ends[0] == ends[1] == ends[2]
    assert set(ends[0].values()) <= {"done", "obsolete"}


def _process(dice: Random, size: int) -> Process:
    """One state with tasks that come after each other and depend on each other's answers, in any order of the file."""
    before: dict[str, set[str]] = {}
    drawn: dict[str, TaskDefinition] = {}
    for number in range(size):
        name = f"t{number}"
        after = dice.sample(sorted(before), k=min(len(before), dice.randint(0, 2)))
        before[name] = {*after, *(further for one in after for further in before[one])}
        asked = dice.sample(sorted(before[name]), k=min(len(before[name]), dice.randint(0, 2)))
        drawn[name] = TaskDefinition(
            title=_WORDS,
            owner="umsetzungsteam",
            due=WorkingDays(5),
            ladder="short",
            after=tuple(after),
            optional=dice.random() < 0.3,
            only_if={f"{one}.color": tuple(dice.sample(_ANSWERS, k=dice.randint(1, 2))) for one in asked},
            evidence={
                "color": EvidenceField(type="choice", title=_WORDS, options={one: Option(_WORDS) for one in _ANSWERS})
            },
        )
    names = list(drawn)
    dice.shuffle(names)
    states = {
        "only": State(title=_WORDS, tasks={name: drawn[name] for name in names}),
        "live": State(title=_WORDS, goal=True),
    }
    return Process(process="drawn", version=1, title=_WORDS, initial="only", states=states)


def _case(work: Work, process: Process) -> LockedCase:
    """A case of it that is only thought of."""
    row = CaseRow(
        **dict.fromkeys(casework.CASE_NAMES)
        | {
            "id": uuid4(),
            "number": "x",
            "service": "wohngeld",
            "body": "073390000000",
            "team": "sued",
            "process": process.process,
            "state": "only",
            "rests": False,
            "seq": 0,
            "head": events.START,
            "version": 1,
        }  # type: ignore[arg-type]
    )
    case = casework.begin(work, row, process, ())
    tasks.enter(case, "only")
    return case


def _something(case: LockedCase, dice: Random) -> None:
    """One deed with a task that permits it."""
    task = dice.choice(list(case.tasks.values()))
    deed = dice.choice(("answer", "accept", "reopen", "waive", "decline"))
    if deed == "answer" and task.status in ("ready", "accepted"):
        _answer(case, task.name, dice.choice(_ANSWERS))
    elif deed == "accept" and task.status == "ready":
        case.update(task, status="accepted", holder_id=uuid4())
    elif deed == "reopen" and task.status == "done":
        case.update(task, status="ready", acting=task.owner, attempt=task.attempt + 1)
        tasks.settle(case)
    elif deed == "waive" and task.status in ("waiting", "ready") and dice.random() < 0.3:
        case.update(task, status="waived", acting=None)
        tasks.settle(case)
    elif deed == "decline" and task.status == "ready":
        case.update(task, status="declined", acting=None if task.optional else "umsetzungsteam")
        tasks.settle(case)


def _answer(case: LockedCase, name: str, answer: str) -> None:
    case._given[f"{name}.color"] = answer
    case.update(case.tasks[name], status="done", acting=None)
    tasks.settle(case)


def _expected(case: LockedCase) -> dict[str, str]:
    """Where every task stands, said in another way: from what is begun or over, and the answers."""
    definitions, facts, told = case.process.states["only"].tasks, case.facts(), dict[str, str]()

    def stands(name: str) -> str:
        if name not in told:
            task, definition = case.tasks[name], definitions[name]
            over = task.status in ("done", "waived") or (task.status == "declined" and task.acting is None)
            turn = all(
                stands(before) in ("done", "waived", "obsolete")
                or (stands(before) == "declined" and case.tasks[before].optional)
                for before in definition.after
            )
            needed = all(facts.get(asked) in wanted for asked, wanted in definition.only_if.items())
            if over or (task.status in ("accepted", "declined") and needed):
                told[name] = task.status
            else:
                told[name] = "waiting" if not turn else "ready" if needed else "obsolete"
        return told[name]

    return {name: stands(name) for name in case.tasks}
