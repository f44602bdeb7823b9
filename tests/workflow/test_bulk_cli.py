"""`startklar bulk`: one thing with many cases, from the command line."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.workflow.conftest import Run
from tests.world import TOWN, World
from workflow import bulk
from workflow.bulk import Order

TEAM, OFFICE = "team@startklar.example", "office@startklar.example"
HOLD = ("--answer", "blocker=no_staff", "--answer", "reason=Urlaub", "--answer", "review_on=2027-01-15")


@pytest.fixture
def run(world: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("STARTKLAR_DATABASE_URL", world.engine.settings.database_url)
    monkeypatch.setenv("STARTKLAR_DATA", str(world.engine.settings.data))
    return run


def test_many_cases_rest_after_a_dry_run_and_go_on(run: Run, world: World) -> None:
    many = [world.open(service) for service in ("wohngeld", "uvg", "ikfz")]
    world.open("wohngeld", "073190000000")
    tried = run("bulk", "hold", "--body", TOWN, *HOLD, "--dry-run", "--as", TEAM)
    assert (tried.code, tried.out.count("in Ordnung")) == (0, 3)
    assert "Nichts wurde geändert. Anhalten: bei 3 Vorgängen möglich, bei 0 nicht." in tried.err
    assert not any(world.case(case_id).rests for case_id in many)
    done = run("bulk", "hold", "--body", TOWN, *HOLD, "--as", TEAM, "--key", "k", "--json")
    assert (done.code, done.data["done"], done.data["finished"]) == (0, 3, True)
    again = run("bulk", "hold", "--body", TOWN, *HOLD, "--as", TEAM, "--key", "k", "--json")
    assert again.data == done.data
    assert all(world.case(case_id).rests for case_id in many)
    assert run("bulk", "resume", "--resting", "--as", TEAM).code == 0
    refused = run("bulk", "resume", "--case", world.case(many[0]).number, "--as", TEAM)
    assert refused.code == 1
    assert "Er ruht nicht" in refused.out
    assert "0 erledigt, 1 nicht möglich, 0 stehen noch aus" in refused.err


def test_a_task_of_many_is_handed_to_somebody_and_handed_in(run: Run, world: World) -> None:
    many = [world.open(service) for service in ("wohngeld", "uvg")]
    given = run(
        "bulk", "assign", "express_interest", "--to", "digi@startklar.example", "--body", TOWN,
        "--as", "leitung@startklar.example", "--json",
    )  # fmt: skip
    assert given.data["done"] == 2
    assert "an Digi geben" in given.data["what"]
    with world.look() as work:
        answers = world.answers(work, many[0], "express_interest")
    typed = [word for name, value in answers.items() for word in ("--answer", f"{name}={value}")]
    done = run("bulk", "submit", "express_interest", *typed, "--body", TOWN, "--as", "digi@startklar.example", "--json")
    assert done.data["done"] == 2
    assert {world.row(case_id, "express_interest").status for case_id in many} == {"done"}


def test_what_is_not_open_is_opened_and_moved_and_handed_over(run: Run, world: World) -> None:
    del world
    opened = run("bulk", "open", "wohngeld", "--as", OFFICE, "--json")
    assert opened.code == 0
    assert opened.data["done"] > 40
    number = opened.data["cases"][0]["number"]
    moved = run("bulk", "team", "nord", "--reason", "Zuschnitt", "--service", "wohngeld", "--as", OFFICE, "--json")
    assert moved.data["done"] + moved.data["refused"] == opened.data["done"]
    wrong = run("bulk", "advance", "contract", "--case", number, "--as", OFFICE)
    assert wrong.code == 1
    assert "Umsetzungsteam" in wrong.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "um welche Vorgänge es geht"),
        (("--service", "gibtesnicht"), "Kein Vorgang ist ausgewählt"),
        (("--body", "123"), "Kein Vorgang ist ausgewählt"),
        (("--case", "wohngeld-1-1"), "wohngeld-1-1"),
    ],
)
def test_nothing_is_done_with_all_when_some_were_meant(
    run: Run, world: World, words: tuple[str, ...], said: str
) -> None:
    case_id = world.open()
    refused = run("bulk", "hold", *HOLD, *words, "--as", TEAM)
    assert refused.code != 0
    assert said in refused.err
    assert not world.case(case_id).rests


def test_what_was_cut_off_is_shown_and_gone_on_with_by_whoever_may_see_it(run: Run, world: World) -> None:
    subjects = bulk.of_cases([world.open(), world.open("uvg")])
    asked = bulk.start(
        world.engine, world["team"], Order("hold", dict(word.split("=") for word in HOLD[1::2])), subjects
    )
    assert run("bulk", "list", "--as", TEAM, "--json").data[0]["pending"] == 2
    assert run("bulk", "list", "--as", "digi@startklar.example", "--json").data == []
    for command in ("show", "continue"):
        for who, wanted in (("digi@startklar.example", str(asked.id)), (TEAM, str(uuid4()))):
            hidden = run("bulk", command, wanted, "--as", who)
            assert hidden.code == 1
            assert "Diese Kennung gibt es nicht" in hidden.err
    assert run("bulk", "show", str(asked.id), "--as", OFFICE, "--json").data["pending"] == 2
    looks_on = run("bulk", "continue", str(asked.id), "--as", "auditor@startklar.example")
    assert looks_on.code == 1
    assert run("bulk", "show", str(asked.id), "--as", OFFICE, "--json").data["pending"] == 2
    done = run("bulk", "continue", str(asked.id), "--as", TEAM, "--json")
    assert (done.code, done.data["done"], done.data["pending"]) == (0, 2, 0)
    assert run("bulk", "list", "--as", TEAM).out.count(str(asked.id)) == 1
