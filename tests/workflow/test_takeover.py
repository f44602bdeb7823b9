"""Cases that were under way before: opened where they stand, one by one or from a table."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.workflow.conftest import Run
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World, contents
from workflow import cases, events, history, takeover
from workflow.errors import AlreadyOpen, CommandReused, Invalid, InvalidEvidence, NotAllowed, Refused
from workflow.exchange import case_table
from workflow.models import Case, Prerequisite, Task
from workflow.queries import case as case_pages
from workflow.queries import case_list, parts
from workflow.queries.case_list import Filters

LIVE = {"service": "wohngeld", "body": TOWN, "state": "live", "since": "17.03.2025", "source": "Liste vom 01.10.2026"}


def take_over(world: World, who: str = "office", **given: str) -> UUID:
    """Take one case over."""
    with world.by(who) as work:
        return takeover.take_over(work, LIVE | given).id


def statuses(world: World, case_id: UUID) -> dict[str, str]:
    """Its tasks."""
    with world.look() as work:
        rows = work.session.execute(sa.select(Task.state, Task.status, Task.name).where(Task.case_id == case_id))
        return {f"{row.state}.{row.name}": row.status for row in rows}


# --- one case --------------------------------------------------------------------------------------------------------


def test_a_live_case_is_opened_live_with_the_dates_of_before(world: World) -> None:
    case_id = take_over(world, note="Seit dem Frühjahr in Betrieb.")
    row = world.case(case_id)
    assert (row.state, row.taken_over, row.underway) == ("live", True, True)
    assert row.opened_on == row.entered_on == row.live_on == dt.date(2025, 3, 17)
    assert {name.partition(".")[0] for name in statuses(world, case_id)} == {"live"}
    ready = world.row(case_id, "link_check")
    with world.look("digi") as work:
        assert ready.counted_from == work.today
        page = case_pages.case(work, case_id)
        assert page.head.taken_over
        assert page.history[-1].act == "taken_over"
        assert page.history[-1].remark == "Liste vom 01.10.2026\nSeit dem Frühjahr in Betrieb."
        assert page.history[-1].facts["on"] == dt.date(2025, 3, 17)
        assert page.history[-1].facts["state"].de == "Produktiv"
        assert history.differences(work, "case", case_id) == ()
        assert events.broken_at(work, case_id) is None


def test_what_is_closed_has_nothing_left_to_do(world: World) -> None:
    case_id = take_over(world, closed="true")
    assert statuses(world, case_id) == {}
    assert world.case(case_id).closed_on == dt.date(2025, 3, 17)


def test_a_case_in_the_middle_gets_the_tasks_of_its_state_only_and_goes_on(world: World) -> None:
    case_id = take_over(world, "team", service="uvg", state="contracted", since="2026-01-05")
    assert {name.partition(".")[0] for name in statuses(world, case_id)} == {"contracted"}
    row = world.case(case_id)
    assert (row.live_on, row.underway, row.entered_on) == (None, True, dt.date(2026, 1, 5))
    world.finish_state(case_id)
    world.satisfy(case_id)


def test_service_state_variant_and_body_may_be_told_by_their_names(world: World) -> None:
    case_id = take_over(world, service="Wohngeld", body="Landkreis Mainz-Bingen", state="angefragt")
    assert world.case(case_id).state == "requested"
    other = take_over(world, body=STRANGE_TOWN.removeprefix("0"), state="suspended", live_on="01.02.2025")
    assert (world.case(other).body, world.case(other).live_on) == (STRANGE_TOWN, dt.date(2025, 2, 1))


def test_a_chosen_variant_asks_the_body_for_what_it_needs_unless_it_is_live(world: World) -> None:
    with world.look() as work:
        variant = next(iter(work.catalogue.service("wohngeld").variants))
    take_over(world, variant=variant)
    asked = sa.select(sa.func.count()).select_from(Prerequisite)
    with world.look() as work:
        assert work.session.execute(asked).scalar_one() == 0
    take_over(world, body=STRANGE_TOWN, variant=variant, state="requested")
    with world.look() as work:
        assert work.session.execute(asked.where(Prerequisite.body == STRANGE_TOWN)).scalar_one() > 0


@pytest.mark.parametrize(
    ("wrong", "field", "key"),
    [
        ({"service": "hundesteuer"}, "service", "evidence.not_in_catalogue"),
        ({"state": "fertig"}, "state", "evidence.not_one_of"),
        ({"state": "superseded"}, "state", "evidence.not_one_of"),
        ({"variant": "fax"}, "variant", "evidence.not_one_of"),
        ({"body": "Nirgendwo"}, "body", "evidence.no_such_body"),
        ({"body": "000000000000"}, "body", "evidence.no_such_body"),
        ({"since": "31.02.2025"}, "since", "evidence.no_such_day"),
        ({"since": "01.01.2027"}, "since", "evidence.not_in_past"),
        ({"live_on": "01.01.2026"}, "live_on", "evidence.later_than_since"),
        ({"state": "requested", "live_on": "01.01.2025"}, "live_on", "evidence.never_live"),
        ({"state": "requested", "closed": "true"}, "closed", "evidence.not_live"),
        ({"source": " "}, "source", "evidence.missing"),
        ({"colour": "blue"}, "colour", "evidence.unknown_field"),
    ],
)
def test_what_cannot_be_is_said_by_field(world: World, wrong: dict[str, str], field: str, key: str) -> None:
    before = contents(world)
    with pytest.raises(InvalidEvidence) as refusal:
        take_over(world, **wrong)
    assert {name: fault for name, (fault, _) in refusal.value.faults.items()} == {field: key}
    assert contents(world) == before


def test_every_fault_of_a_line_is_told_at_once_in_the_order_of_the_columns(world: World) -> None:
    with pytest.raises(InvalidEvidence) as refusal:
        take_over(world, service="hundesteuer", body="Nirgendwo", state="fertig", since="31.02.2025", source="")
    assert list(refusal.value.faults) == ["service", "body", "state", "since", "source"]
    options = refusal.value.faults["state"][1]["options"]
    assert [one.de for one in options][:2] == ["Angefragt", "Vertrag geschlossen"]
    assert "Abgelöst" not in [one.de for one in options]


def test_refusals_to_take_over_come_in_the_promised_order(world: World) -> None:
    with pytest.raises(InvalidEvidence):
        take_over(world, "digi", since="morgen", body="000000000000")
    with pytest.raises(NotAllowed):
        take_over(world, "digi")
    with pytest.raises(NotAllowed):
        take_over(world, "other_team")
    with pytest.raises(Refused):
        take_over(world, service="ewa")
    declined = take_over(world, state="declined")
    assert world.case(declined).ended_on == dt.date(2025, 3, 17)
    with pytest.raises(AlreadyOpen):
        take_over(world)


def test_what_was_taken_over_says_nothing_about_how_long_things_take(world: World) -> None:
    taken, own = take_over(world), world.open("uvg")
    with world.look("office") as work:
        measured = sa.select(Case.id).where(parts.measured())
        assert work.session.execute(measured).scalars().all() == [own]
        listed = case_list.cases(work, Filters(taken_over=True))
        assert ([line.id for line in listed.lines], listed.taken_over) == ([taken], 1)


# --- a table ---------------------------------------------------------------------------------------------------------

TABLE = f"""\
Leistung;Kommune;Status;Seit;Abgeschlossen;Quelle;Bemerkung
Wohngeld;{TOWN};Produktiv;17.03.2025;ja;Liste;"Läuft; ohne Störung
seit Monaten"
wohngeld;Landkreis Ahrweiler;Angefragt;05.01.2026;nein;Liste;
;;;;;;
hundesteuer;{TOWN};live;1.1.2025;;Liste;
wohngeld;{STRANGE_TOWN.removeprefix("0")};connected;02.02.2026;;Liste;x;y
wohngeld;{TOWN};live;18.03.2025;;Liste;
uvg;{STRANGE_TOWN};live;32.01.2025;;;
"""


def kinds(results: list[takeover.Taken]) -> list[tuple[int, str]]:
    """What became of each line."""
    return [
        (one.line.number, "taken" if one.case else "there" if one.is_there else one.refused.key if one.refused else "")
        for one in results
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_every_fault_of_a_table_is_told_with_its_line_and_stops_no_other(world: World, encoding: str) -> None:
    lines = case_table.read(TABLE.encode(encoding), "alt.csv")
    wanted = [
        (2, "taken"),
        (4, "taken"),
        (6, "error.invalid_evidence"),
        (7, "error.table_cells"),
        (8, "error.line_twice"),
        (9, "error.invalid_evidence"),
    ]
    before = contents(world)
    assert kinds(takeover.take_over_all(world.engine, world["office"], lines, dry_run=True)) == wanted
    assert contents(world) == before
    assert kinds(takeover.take_over_all(world.engine, world["office"], lines)) == wanted
    with world.look("office") as work:
        found = work.session.execute(sa.select(Case.body, Case.state, Case.taken_over).order_by(Case.body)).all()
        assert [tuple(row) for row in found] == [(EMPTY_TOWN, "requested", True), (TOWN, "live", True)]
        page = case_pages.case(work, work.session.execute(sa.select(Case.id).where(Case.body == TOWN)).scalar_one())
        assert page.history[-1].remark == "Liste\nLäuft; ohne Störung\nseit Monaten"
    again = takeover.take_over_all(world.engine, world["office"], lines)
    assert [kind for _, kind in kinds(again)][:2] == ["there", "there"]
    assert not any(one.case for one in again)


def test_under_the_same_key_it_is_told_what_became_of_each_line_the_first_time(world: World) -> None:
    lines = case_table.read(TABLE.encode(), "alt.csv")
    said = [takeover.take_over_all(world.engine, world["office"], lines, key="k" * 80) for _ in range(2)]
    assert kinds(said[0]) == kinds(said[1])
    assert [one.case for one in said[0]] == [one.case for one in said[1]]
    changed = [replace(lines[0], given={**lines[0].given, "since": "18.03.2025"})]
    (told,) = takeover.take_over_all(world.engine, world["office"], changed, key="k" * 80)
    assert isinstance(told.refused, CommandReused)
    with pytest.raises(Invalid):
        takeover.take_over_all(world.engine, world["office"], lines, key="")


def test_many_lines_are_taken_over_in_short_transactions(world: World) -> None:
    with world.look() as work:
        bodies = [one.body for one in cases.plan(work, ["wohngeld"])]
    head = "service,ars,state,since,source\n"
    lines = case_table.read((head + "".join(f"wohngeld,{ars},live,2025-01-02,L\n" for ars in bodies)).encode(), "a")
    heard: list[int] = []
    results = takeover.take_over_all(world.engine, world["office"], lines, progress=heard.append)
    assert all(one.case for one in results)
    assert sum(heard) == len(bodies) == len(results)
    assert len(heard) > 1


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "error.table_empty"),
        (b"service;body;state;since;source\n", "error.table_empty"),
        (b"service;body;state;since;source;colour\nx\n", "error.table_column"),
        (b"service;body;state;since;source;Quelle\nx\n", "error.table_column"),
        (b"service;body;state;since\nx\n", "error.table_column_missing"),
        (b"PK\x03\x04\x00\x00", "error.table_encoding"),
        (b"\x81\x8d", "error.table_encoding"),
        (b'service;body;state;since;source\n"x;y\n', "error.table_quotes"),
        (b"x" * (case_table.MOST_BYTES + 1), "error.table_too_large"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_as_a_whole(content: bytes, key: str) -> None:
    with pytest.raises(Refused) as refusal:
        case_table.read(content, "alt.csv")
    assert refusal.value.key == key


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_shell_takes_over_one_case_or_a_table(
    run: Run, world: World, tmp_path: Path, peopled_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARTKLAR_DATABASE_URL", peopled_database_url)
    office = ("--as", "office@startklar.example")
    said = run(
        "open", "wohngeld", "--body", TOWN, "--at", "live", "--since", "2025-03-17", "--source", "Liste", *office
    )
    assert said.code == 0, said.err
    assert "wohngeld-07339-1" in said.out
    table = tmp_path / "alt.csv"
    table.write_bytes(TABLE.encode("cp1252"))
    tried = run("open", "--csv", str(table), "--dry-run", "--json", *office)
    assert tried.code == 1
    assert [line["line"] for line in tried.data["lines"]] == [2, 4, 6, 7, 8, 9]
    assert tried.data["lines"][0]["there"]
    assert tried.data["lines"][2]["message"] == "Leistung: „hundesteuer“ steht nicht im Katalog der Leistungen."
    done = run("open", "--csv", str(table), *office)
    assert "wohngeld-07131-1" in done.out
    assert "Übernommen: 1" in done.err
    wrong = run("open", "wohngeld", "--body", TOWN, "--since", "2025-03-17", *office)
    assert wrong.code == 2
