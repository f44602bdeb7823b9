"""Services that consist of several: each goes live by itself once the case is live."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import UUID

import pytest

import definitions
from tests.definitions.folder import edit
from tests.world import TOWN, World
from workflow import cases, events, history, loading, sub_services
from workflow.errors import CaseHasMoved, Conflict, InvalidEvidence, NotAllowed, NotFound
from workflow.queries import case as case_pages
from workflow.queries import services

PARTS = """sub_services:
  first: {de: Erste Erteilung, en: First grant}
  exchange: {de: Umtausch, en: Exchange}
milestones:"""
ON = {"live_on": "20.11.2026", "url": "https://www.mainz-bingen.example/umtausch"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Definitions in which Unterhaltsvorschuss consists of two services."""
    copy = Path(shutil.copytree(Path(definitions.__path__[0]), tmp_path / "definitions"))
    edit(copy, "services/uvg.yaml", "milestones:", PARTS)
    return copy


@pytest.fixture
def live(world: World, folder: Path) -> UUID:
    """A live case of it."""
    loading.load(world.engine, folder)
    case_id = world.open("uvg")
    world.walk(case_id)
    return case_id


def test_a_part_is_switched_on_and_off_with_a_day_and_a_reason(world: World, live: UUID) -> None:
    went_live = world.case(live).live_on
    with world.by("operator") as work:
        sub_services.switch_on(work, live, "exchange", ON)
    with world.look("digi") as work:
        first, exchange = case_pages.case(work, live).sub_services
        assert (first.is_on, exchange.is_on, exchange.url) == (False, True, ON["url"])
        assert not case_pages.case(work, live).may_switch
        entry = case_pages.case(work, live).history[0]
        assert (entry.act, entry.facts["part"].de, entry.remark) == ("part_on", "Umtausch", ON["url"])
    with world.by("team") as work:
        sub_services.switch_off(work, live, "exchange", "Eine Vorgabe fehlt.")
    with world.by("team") as work:
        sub_services.switch_on(work, live, "exchange", {"live_on": "23.11.2026"})
        assert case_pages.case(work, live).may_switch
    assert world.case(live).live_on == went_live
    with world.look() as work:
        assert history.differences(work, "case", live) == ()
        assert events.broken_at(work, live) is None


def test_a_service_counts_each_part_where_it_is_in_use_now(world: World, live: UUID) -> None:
    def places() -> list[list[str]]:
        with world.look("stranger") as work:
            return [[ars for ars, _, _ in one.live_in] for one in services.service(work, "uvg").sub_services]

    assert places() == [[], []]
    with world.by("team") as work:
        sub_services.switch_on(work, live, "exchange", ON)
    assert places() == [[], [TOWN]]
    with world.by("team") as work:
        cases.advance(work, live, "suspend", given={"reason": "Das KBA hat abgeschaltet."})
    assert places() == [[], []]
    with world.by("team") as work:
        cases.advance(work, live, "resume", given={"reason": "Es geht wieder."})
    assert places() == [[], [TOWN]]


def test_parts_are_named_once_the_case_is_live(world: World, live: UUID) -> None:
    young = world.open("uvg", "073190000000")
    with world.look("office") as work:
        assert case_pages.case(work, young).sub_services == ()
        assert len(case_pages.case(work, live).sub_services) == 2


def test_a_part_that_vanished_from_the_catalogue_stays_readable(world: World, live: UUID, folder: Path) -> None:
    with world.by("team") as work:
        sub_services.switch_on(work, live, "exchange", ON)
    edit(folder, "services/uvg.yaml", PARTS, "milestones:")
    loading.load(world.engine, folder)
    with world.look("team") as work:
        (left,) = case_pages.case(work, live).sub_services
        assert (left.title, left.is_on, left.known) == ("exchange", True, False)
        assert case_pages.case(work, live).history[0].facts["part"] == "exchange"
    with world.by("team") as work:
        sub_services.switch_off(work, live, "exchange", "Gibt es nicht mehr.")


def test_refusals_to_switch_come_in_the_promised_order(world: World, live: UUID) -> None:
    young = world.open("uvg", "073190000000")
    for who, case_id, name, given, seen, error in (
        ("stranger", live, "none", {}, 1, NotFound),
        ("digi", live, "none", {}, 1, CaseHasMoved),
        ("digi", live, "none", {}, None, NotFound),
        ("digi", live, "first", {}, None, NotAllowed),
        ("office", live, "first", {}, None, NotAllowed),
        ("team", live, "first", {"live_on": "01.01.2030"}, None, InvalidEvidence),
        ("team", live, "first", {"live_on": "20.11.2026", "url": "x"}, None, InvalidEvidence),
    ):
        with pytest.raises(error), world.by(who) as work:
            sub_services.switch_on(work, case_id, name, given, seen=seen)
    assert world.case(young).live_on is None
    with world.by("team") as work:
        sub_services.switch_on(work, live, "first", ON)
    with pytest.raises(Conflict), world.by("team") as work:
        sub_services.switch_on(work, live, "first", {})
    with pytest.raises(Conflict), world.by("team") as work:
        sub_services.switch_off(work, live, "exchange", "x")
    with pytest.raises(InvalidEvidence), world.by("team") as work:
        sub_services.switch_off(work, live, "first", " ")
