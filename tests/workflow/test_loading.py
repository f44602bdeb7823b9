"""Definitions on their way into the database, and versions that live side by side."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.databases import DEFINITIONS
from tests.world import TOWN, World, contents
from workflow import cases, loading, programme, settings, start
from workflow.errors import Conflict, InvalidDefinitions, Refused, Unready
from workflow.models import Body, Definition, Installation, Target, Team


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped definitions that a test may change."""
    return Path(shutil.copytree(DEFINITIONS, tmp_path / "definitions"))


def test_loading_twice_changes_nothing(world: World) -> None:
    report = loading.load(world.engine, DEFINITIONS)
    assert (report.added, report.changed, report.different) == ([], [], [])


def test_a_dry_run_tells_and_keeps_nothing(world: World, folder: Path) -> None:
    _edit(folder / "services/wohngeld.yaml", "Wohngeld", "Wohngeld-Plus")
    before = contents(world)
    report = loading.load(world.engine, folder, dry_run=True)
    assert report.changed == [("service", "wohngeld")]
    assert contents(world) == before


def test_a_second_version_starts_new_cases_while_the_first_keeps_running(world: World, folder: Path) -> None:
    old = world.open()
    first = folder / "processes/efa-onboarding/v1.yaml"
    second = folder / "processes/efa-onboarding/v2.yaml"
    second.write_text(
        first.read_text(encoding="utf-8")
        .replace("version: 1", "version: 2", 1)
        .replace("due: 5 working days", "due: 7 working days"),
        encoding="utf-8",
    )
    report = loading.load(world.engine, folder)
    assert report.added == [("process", "efa-onboarding/2")]
    new = world.open("uvg")
    assert (world.case(old).process_version, world.case(new).process_version) == (1, 2)
    world.walk(old)
    world.walk(new, until="contracted")


def test_another_process_of_this_installation_notices_what_was_loaded(world: World, folder: Path) -> None:
    other = start.engine(world.engine.settings)
    with other.read(None) as work:
        assert work.catalogue.service("wohngeld").title.de != "Wohngeld-Plus"
    _edit(folder / "services/wohngeld.yaml", "de: Wohngeld", "de: Wohngeld-Plus")
    loading.load(world.engine, folder)
    with other.read(None) as work:
        assert "Wohngeld-Plus" in work.catalogue.service("wohngeld").title.de
    other.close()


def test_the_meaning_of_a_loaded_version_never_changes_but_its_words_may(world: World, folder: Path) -> None:
    process = folder / "processes/efa-onboarding/v1.yaml"
    text = process.read_text(encoding="utf-8")
    process.write_text(text.replace("de: Nutzungsbedingungen", "de: Alle Nutzungsbedingungen", 1), encoding="utf-8")
    assert loading.load(world.engine, folder).changed == [("process", "efa-onboarding/1")]
    process.write_text(text.replace("due: 5 working days", "due: 6 working days"), encoding="utf-8")
    with pytest.raises(InvalidDefinitions) as refusal:
        loading.load(world.engine, folder)
    assert "released.txt" in str(refusal.value.faults[0]) or "v1.yaml" in str(refusal.value.faults[0])
    (folder / "processes/released.txt").write_text("# nothing released yet\n", encoding="utf-8")
    with pytest.raises(Refused) as refused:
        loading.load(world.engine, folder)
    assert refused.value.key == "error.version_changed"


def test_seeds_are_added_and_never_overwritten(world: World, folder: Path) -> None:
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Body).where(Body.ars == TOWN).values(population=1))
        work.session.execute(sa.update(Team).where(Team.key == world.team).values(title="Umbenannt"))
        work.session.execute(sa.delete(Target))
    report = loading.load(world.engine, folder)
    assert ("team", world.team) in report.different
    assert any(kind == "body" for kind, _ in report.different)
    assert [kind for kind, _ in report.added] == ["target"] * 3
    with world.look() as work:
        assert work.session.execute(sa.select(Body.population).where(Body.ars == TOWN)).scalar_one() == 1


def test_what_the_office_decided_is_not_taken_back_by_loading(world: World, folder: Path) -> None:
    with world.by("office") as work:
        programme.move_wave(work, "welle-2027-02", dt.date(2027, 3, 16), "Die Betreiberin liefert später.")
        programme.set_target(work, dt.date(2027, 12, 31), "Der Förderzeitraum ist verlängert.")
    before = contents(world)
    report = loading.load(world.engine, folder)
    assert (report.added, report.changed, report.different) == ([], [], [("wave", "welle-2027-02")])
    after = contents(world)
    assert (after["wave"], after["target"]) == (before["wave"], before["target"])


def test_faults_stop_loading_and_all_are_named(world: World, folder: Path) -> None:
    _edit(folder / "services/wohngeld.yaml", "applies_to: district_plus_large_towns", "applies_to: nowhere")
    _edit(folder / "programme.yaml", "process: efa-onboarding", "process: efa-onbording")
    before = contents(world)
    with pytest.raises(InvalidDefinitions) as refusal:
        loading.load(world.engine, folder)
    assert {fault.file for fault in refusal.value.faults} == {"services/wohngeld.yaml", "programme.yaml"}
    assert contents(world) == before


def test_an_installation_is_made_once_and_keeps_its_clock(world: World) -> None:
    installation = world.engine.settings
    with pytest.raises(Conflict):
        start.init(installation, clock="manual", now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), example=True)
    with pytest.raises(Unready) as refusal:
        start.engine(dataclasses.replace(installation, clock="system"))
    assert refusal.value.key == "error.wrong_clock"
    start.engine(dataclasses.replace(installation, clock="manual")).close()


def test_a_database_that_was_only_made_says_what_to_do(empty_database_url: str, tmp_path: Path) -> None:
    installation = settings.read({"STARTKLAR_DATABASE_URL": empty_database_url, "STARTKLAR_DATA": str(tmp_path)})
    with pytest.raises(Unready) as refusal:
        start.engine(installation)
    assert refusal.value.key == "error.not_initialised"


def test_definitions_must_be_loaded_before_work(empty_database_url: str, tmp_path: Path) -> None:
    installation = settings.read({"STARTKLAR_DATABASE_URL": empty_database_url, "STARTKLAR_DATA": str(tmp_path)})
    start.init(installation, clock="system", now=dt.datetime.now(dt.UTC), example=False)
    engine = start.engine(installation)
    with pytest.raises(Unready) as refusal, engine.read(None):
        pass
    assert refusal.value.key == "error.no_definitions"
    engine.close()


def test_every_version_loaded_is_kept(world: World, folder: Path) -> None:
    _edit(folder / "services/wohngeld.yaml", "de: Wohngeld", "de: Wohngeld-Plus")
    loading.load(world.engine, folder)
    with world.look() as work:
        versions = work.session.execute(
            sa.select(Definition.version).where(Definition.kind == "service", Definition.name == "wohngeld")
        ).scalars()
        assert sorted(versions) == [1, 2]
        assert work.session.execute(sa.select(Installation.definitions_revision)).scalar_one() == 2
    with world.by("office") as work:
        cases.open_case(work, "wohngeld", TOWN)


def _edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
