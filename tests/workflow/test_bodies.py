"""Bodies come, are renamed, change and end; cases of those that end go to their successors with all that happened."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.gv100ad import EXCERPT
from tests.world import World, contents
from workflow import bodies, cases, checking, events, history, loading, people, prerequisites, settings, tasks
from workflow.bodies import Applied, Edition, Entry
from workflow.engine import SYSTEM
from workflow.errors import AlreadyOpen, NotAllowed, NotFound, Refused, StartklarError
from workflow.exchange import gv100ad
from workflow.models import Body, Case, Event, Grant, Hold, LandEdition, Notice, Prerequisite, Task
from workflow.queries import bodies as body_pages
from workflow.queries import case as case_pages
from workflow.queries import services as service_pages

pytestmark = pytest.mark.slow

BODENHEIM = "073395002000"
RHEIN_SELZ = "073395007000"
NIEDER_OLM = "073395006000"
NEW = "073395010000"
STAFF = ("leitung", "digi", "fachamt", "it", "dsb", "isb", "kasse", "redaktion")
NEXT_YEAR = dt.date(2027, 1, 1)


@pytest.fixture(scope="module")
def present() -> Edition:
    """The edition that is loaded."""
    return gv100ad.read(EXCERPT)


def edition(
    present: Edition, *added: Entry, without: tuple[str, ...] = (), date: dt.date = NEXT_YEAR, **changed: dict[str, Any]
) -> Edition:
    """The next edition: some are gone, some came, some changed (`b073395006000={"population": 1}`)."""
    kept = [body for body in present.bodies if body.ars not in without]
    now = [replace(body, **changed.get(f"b{body.ars}", {})) for body in kept]
    return Edition(date, "UTF-8", (*now, *added))


def entry(present: Edition, ars: str, like: str, **differs: Any) -> Entry:
    """A new body that is like one there is."""
    model = next(body for body in present.bodies if body.ars == like)
    return replace(model, ars=ars, **differs)


def follow(world: World, later: Edition, successors: dict[str, str | None], *, who: str = "office") -> Applied:
    """Follow an edition."""
    return bodies.follow(world.engine, world[who], later, "07", successors)


def _enact(world: World, later: Edition, successors: dict[str, str | None]) -> None:
    """Follow an edition, cut short before the first case moved."""
    with world.by("office") as work:
        bodies.enact(work, later, "07", successors)


def staff(world: World, ars: str) -> None:
    """Give the people of the world roles at a body."""
    with world.engine.change(SYSTEM) as work:
        for role in STAFF:
            people.grant(work, world[role], people.parse_role(f"{role}@{ars}"))


def row_of(world: World, ars: str) -> Any:
    """All columns of a body."""
    with world.look() as work:
        return work.session.execute(sa.select(Body.__table__).where(Body.ars == ars)).one()


# --- comparing -------------------------------------------------------------------------------------------------------


def test_the_edition_the_definitions_were_made_of_changes_nothing(world: World, present: Edition) -> None:
    with world.look("office") as work:
        changes = bodies.compare(work, present, "07")
    assert changes.nothing
    assert (changes.bodies, changes.date) == (194, dt.date(2025, 11, 30))


def test_an_edition_shows_who_came_was_renamed_changed_or_ended(world: World, present: Edition) -> None:
    case_id = world.open("ewa", BODENHEIM)
    later = edition(
        present,
        entry(present, NEW, BODENHEIM, name="Neuland", display_name="Verbandsgemeinde Neuland"),
        without=(BODENHEIM,),
        b073395006000={"population": 33_000, "area_km2": 73.5},
        b073390009009={"name": "Budenheim am Rhein", "display_name": "Gemeinde Budenheim am Rhein"},
    )
    with world.look("office") as work:
        changes = bodies.compare(work, later, "07")
    assert [body.ars for body in changes.added] == [NEW]
    ((renamed,), (changed,), (gone,)) = changes.renamed, changes.changed, changes.vanished
    assert (renamed.name, renamed.after["name"]) == ("Gemeinde Budenheim", "Budenheim am Rhein")
    assert dict(changed.before) == {"population": 32_524, "area_km2": 73.02}
    assert dict(changed.after) == {"population": 33_000, "area_km2": 73.5}
    assert (gone.ars, gone.open_cases) == (BODENHEIM, 1)
    assert gone.candidates[0].ars == NEW
    assert RHEIN_SELZ in [candidate.ars for candidate in gone.candidates]
    assert all(candidate.ars[:5] == "07339" for candidate in gone.candidates)
    assert world.case(case_id).body == BODENHEIM


def test_the_list_of_bodies_takes_over_what_the_edition_says_and_keeps_what_it_does_not(
    world: World, present: Edition
) -> None:
    before = row_of(world, NIEDER_OLM)
    new = entry(present, NEW, BODENHEIM, name="Ägidienland", display_name="Verbandsgemeinde Ägidienland")
    later = edition(
        present, new, b073395006000={"population": 33_000, "name": "Olm", "display_name": "Verbandsgemeinde Olm"}
    )
    applied = follow(world, later, {})
    after, added = row_of(world, NIEDER_OLM), row_of(world, NEW)
    assert (after.name, after.display_name, after.population) == ("Olm", "Verbandsgemeinde Olm", 33_000)
    assert after.sort_key == "olm verbandsgemeinde"
    assert (after.latitude, after.longitude) == (before.latitude, before.longitude)
    assert (added.valid_from, added.valid_until, added.sort_key) == (NEXT_YEAR, None, "agidienland verbandsgemeinde")
    assert (applied.moved, applied.stuck) == ((), ())
    with world.look("office") as work:
        assert bodies.compare(work, later, "07").nothing


def test_another_land_is_added_beside_and_ends_nobody(world: World, present: Edition) -> None:
    town = entry(
        present,
        "064120000000",
        "073150000000",
        district="064120000000",
        name="Frankfurt",
        display_name="Stadt Frankfurt",
    )
    applied = bodies.follow(world.engine, world["office"], Edition(NEXT_YEAR, "UTF-8", (town,)), "06", {})
    assert [body.ars for body in applied.changes.added] == ["064120000000"]
    assert applied.changes.vanished == ()
    with world.look("office") as work:
        assert bodies.land_of(work) is None


def test_an_earlier_edition_does_not_undo_a_later_one(world: World, present: Edition) -> None:
    later = edition(present, entry(present, NEW, BODENHEIM, name="Neu", display_name="Verbandsgemeinde Neu"))
    follow(world, later, {})
    with pytest.raises(Refused) as caught:
        follow(world, present, {NEW: None})
    assert caught.value.key == "error.edition_older"
    assert row_of(world, NEW).valid_until is None


def test_an_earlier_edition_does_not_take_back_names_and_figures(world: World, present: Edition) -> None:
    follow(world, edition(present, b073395006000={"population": 33_000}), {})
    before = contents(world)
    with pytest.raises(Refused) as caught:
        follow(world, replace(present, date=dt.date(2026, 12, 31)), {})
    assert caught.value.key == "error.edition_older"
    assert caught.value.facts["loaded"] == NEXT_YEAR
    assert contents(world) == before
    follow(world, edition(present, b073395006000={"population": 34_000}), {})
    assert row_of(world, NIEDER_OLM).population == 34_000


def test_an_edition_older_than_the_definitions_is_not_followed(world: World, present: Edition) -> None:
    with pytest.raises(Refused) as caught:
        follow(world, replace(present, date=dt.date(2025, 11, 29)), {})
    assert (caught.value.key, caught.value.facts["loaded"]) == ("error.edition_older", dt.date(2025, 11, 30))


def test_of_a_land_of_which_no_day_is_known_any_edition_is_followed(world: World, present: Edition) -> None:
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.delete(LandEdition))
    follow(world, replace(present, date=dt.date(2019, 1, 1)), {})
    with world.look("office") as work, pytest.raises(Refused):
        bodies.compare(work, replace(present, date=dt.date(2018, 1, 1)), "07")


def test_loading_newer_definitions_does_not_change_of_which_day_the_bodies_are(world: World, present: Edition) -> None:
    shipped = checking.check(settings.read({}).definitions).insist()
    newer = replace(shipped, programme=replace(shipped.programme, bodies_as_of=dt.date(2030, 1, 1)))
    loading.load_checked(world.engine, newer)
    follow(world, edition(present, b073395006000={"population": 33_000}), {})
    assert row_of(world, NIEDER_OLM).population == 33_000


@pytest.mark.parametrize("who", ["admin", "auditor", "team", "supervisor", "digi", "operator"])
def test_only_the_programme_office_and_the_operator_at_the_shell_follow_an_edition(
    world: World, present: Edition, who: str
) -> None:
    before = contents(world)
    with pytest.raises(NotAllowed):
        follow(world, edition(present, without=(BODENHEIM,)), {BODENHEIM: RHEIN_SELZ}, who=who)
    assert contents(world) == before
    case_id = world.open("ewa", BODENHEIM)
    with world.by(who) as work, pytest.raises(NotAllowed):
        bodies.move_case(work, case_id)


# --- who succeeds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successors", "error", "key"),
    [
        ({}, Refused, "error.successor_missing"),
        ({BODENHEIM: None}, Refused, "error.successor_needed"),
        ({BODENHEIM: "079999999999"}, NotFound, "error.not_found"),
        ({BODENHEIM: BODENHEIM}, NotFound, "error.not_found"),
        ({BODENHEIM: RHEIN_SELZ, NIEDER_OLM: RHEIN_SELZ}, Refused, "error.body_not_vanished"),
    ],
)
def test_without_a_confirmed_successor_nothing_happens(
    world: World, present: Edition, successors: dict[str, str | None], error: type[Exception], key: str
) -> None:
    world.open("ewa", BODENHEIM)
    before = contents(world)
    with pytest.raises(error) as caught:
        follow(world, edition(present, without=(BODENHEIM,)), successors)
    assert getattr(caught.value, "key", None) == key
    assert contents(world) == before


def test_a_body_without_open_cases_may_end_without_a_successor(world: World, present: Edition) -> None:
    follow(world, edition(present, without=(BODENHEIM,)), {BODENHEIM: None})
    ended = row_of(world, BODENHEIM)
    assert (ended.valid_until, ended.successor) == (NEXT_YEAR, None)
    with world.by("office") as work, pytest.raises(NotFound):
        cases.open_case(work, "ewa", BODENHEIM)
    with world.look("office") as work:
        assert BODENHEIM not in {body.ars for group in body_pages.bodies(work).groups for body in group.bodies}


def test_a_body_that_ended_is_asked_for_nothing(world: World, present: Edition) -> None:
    follow(world, edition(present, without=(BODENHEIM,)), {BODENHEIM: None})
    with world.by("team") as work, pytest.raises(NotFound):
        prerequisites.request(work, BODENHEIM, "payment_mandate")
    with world.look("team") as work:
        assert body_pages.body(work, BODENHEIM).askable == ()


# --- a merger --------------------------------------------------------------------------------------------------------


@pytest.fixture
def merger(world: World, present: Edition) -> tuple[World, dict[str, UUID], Applied]:
    """Bodenheim ends and Rhein-Selz succeeds it: one service both have, one only Bodenheim has, one that has ended."""
    staff(world, BODENHEIM)
    there = {
        "both": world.open("ewa", BODENHEIM),
        "theirs": world.open("ewa", RHEIN_SELZ),
        "alone": world.open("eheschliessung", BODENHEIM),
        "ended": world.open("unternehmen", BODENHEIM),
    }
    world.walk(there["alone"], until="contracted")
    with world.by("team") as work:
        interest = world.task(there["both"], "express_interest")
        cases.advance(work, there["ended"], "not_responsible", given={"reason": "Ist der Kreis."})
    with world.by("digi") as work:
        tasks.accept(work, interest)
    later = edition(present, without=(BODENHEIM,), b073395007000={"population": 60_000})
    return world, there, follow(world, later, {BODENHEIM: RHEIN_SELZ})


def test_a_case_goes_to_the_successor_with_its_number_its_tasks_and_its_past(
    merger: tuple[World, dict[str, UUID], Applied],
) -> None:
    world, there, applied = merger
    case = world.case(there["alone"])
    assert (case.body, case.number, case.state, case.round) == (
        RHEIN_SELZ,
        "eheschliessung-073395002-1",
        "contracted",
        1,
    )
    assert case.superseded_by is None
    assert case.ended_on is None
    with world.look() as work:
        assert set(work.session.execute(sa.select(Task.body).where(Task.case_id == case.id)).scalars()) == {RHEIN_SELZ}
        acts = list(
            work.session.execute(
                sa.select(Event.act).where(Event.chain_id == case.id).order_by(Event.seq.desc()).limit(2)
            ).scalars()
        )
    assert acts[0] == "moved_to_body"
    assert acts[1] == "advanced"
    assert {(one.number, one.target, one.superseded_by) for one in applied.moved} == {
        ("eheschliessung-073395002-1", RHEIN_SELZ, None),
        ("ewa-073395002-1", RHEIN_SELZ, "ewa-073395007-1"),
    }
    assert applied.stuck == ()
    assert row_of(world, BODENHEIM).successor == RHEIN_SELZ
    assert row_of(world, RHEIN_SELZ).population == 60_000


def test_where_the_successor_has_the_service_the_moved_case_ends_linked_and_readable(
    merger: tuple[World, dict[str, UUID], Applied],
) -> None:
    world, there, _ = merger
    moved, goes_on = world.case(there["both"]), world.case(there["theirs"])
    assert (moved.state, moved.body, moved.superseded_by) == ("superseded", RHEIN_SELZ, goes_on.id)
    assert moved.ended_on is not None
    assert goes_on.state == "requested"
    with world.look() as work:
        open_tasks = sa.select(Task.status).where(Task.case_id == moved.id, Task.acting.is_not(None))
        assert work.session.execute(open_tasks).all() == []
    with world.engine.change(SYSTEM) as work:
        people.grant(work, world["stranger"], people.parse_role(f"digi@{RHEIN_SELZ}"))
    with world.look("stranger") as work:
        ended, stays = case_pages.case(work, moved.id), case_pages.case(work, goes_on.id)
        body = body_pages.body(work, RHEIN_SELZ)
        service = service_pages.service(work, "ewa")
    assert ended.others.superseded_by == case_pages.OtherCase(goes_on.id, goes_on.number)
    assert ended.next.kind == "ended"
    assert [one.number for one in stays.others.supersedes] == [moved.number]
    latest = ended.history[0]
    assert (latest.act, latest.facts["case"]) == ("superseded", goes_on.number)
    assert latest.facts["before"] == "Verbandsgemeinde Bodenheim"
    assert latest.facts["body"] == "Verbandsgemeinde Rhein-Selz"
    assert [line.case for line in body.services if line.service == "ewa"] == [goes_on.id]
    assert [one.state.key for one in service.bodies if one.ars == RHEIN_SELZ and one.state] == ["requested"]
    with world.by("office") as work, pytest.raises(AlreadyOpen) as caught:
        cases.open_case(work, "ewa", RHEIN_SELZ)
    assert caught.value.facts["number"] == goes_on.number


def test_a_case_that_has_ended_stays_where_it_was(merger: tuple[World, dict[str, UUID], Applied]) -> None:
    world, there, _ = merger
    ended = world.case(there["ended"])
    assert (ended.body, ended.state) == (BODENHEIM, "not_responsible")
    with world.by("office") as work:
        opened = cases.open_case(work, "unternehmen", RHEIN_SELZ)
    assert opened.number == "unternehmen-073395007-1"


def test_prerequisites_stay_and_the_successor_is_asked_for_what_the_case_needs(
    merger: tuple[World, dict[str, UUID], Applied],
) -> None:
    world, there, _ = merger
    case = world.case(there["alone"])
    with world.look() as work:
        rows = work.session.execute(
            sa.select(
                Prerequisite.body, Prerequisite.kind, Prerequisite.scope, Prerequisite.status, Prerequisite.acting
            )
        ).all()
        needed = {(entry.kind, entry.scope) for entry in work.catalogue.needed(case.service, case.variant)}
    assert needed
    assert {(row.kind, row.scope) for row in rows if row.body == RHEIN_SELZ} == needed
    assert {row.status for row in rows if row.body == RHEIN_SELZ} == {"ready"}
    former = [row for row in rows if row.body == BODENHEIM]
    assert {(row.kind, row.scope) for row in former} == needed
    assert {row.status for row in former} <= {"done", "not_needed"}
    assert {row.acting for row in former} == {None}


def test_roles_do_not_move_and_the_team_acts_until_somebody_has_them(
    merger: tuple[World, dict[str, UUID], Applied],
) -> None:
    world, there, _ = merger
    with world.look() as work:
        held = work.session.execute(
            sa.select(Grant.body).where(Grant.person_id == world["digi"], Grant.ended_at.is_(None))
        ).scalars()
        assert set(held) == {"073390000000", BODENHEIM}
    with world.by("digi") as work, pytest.raises(NotFound):
        case_pages.case(work, there["alone"])
    with world.look("team") as work:
        page = case_pages.case(work, there["alone"])
    assert any(line.mine and line.party.instead_of for line in page.open)
    with world.look() as work:
        told = work.session.execute(
            sa.select(Notice.recipient_id).where(Notice.case_id == there["alone"], Notice.created_at == work.now)
        ).scalars()
        assert world["team"] in set(told)


def test_history_still_gives_the_rows_and_every_chain_is_whole(merger: tuple[World, dict[str, UUID], Applied]) -> None:
    world, _, _ = merger
    assert list(history.replay(world.engine)) == []
    with world.look() as work:
        chains = set(work.session.execute(sa.select(Event.chain_id)).scalars())
        assert [chain for chain in chains if events.broken_at(work, chain) is not None] == []


def test_following_the_same_edition_again_does_nothing(
    merger: tuple[World, dict[str, UUID], Applied], present: Edition
) -> None:
    world, _, _ = merger
    before = contents(world)
    applied = follow(world, edition(present, without=(BODENHEIM,), b073395007000={"population": 60_000}), {})
    assert applied.changes.nothing
    assert applied.moved == ()
    assert contents(world) == before


def test_loading_the_definitions_again_overwrites_nothing_an_edition_changed(
    merger: tuple[World, dict[str, UUID], Applied],
) -> None:
    world, _, _ = merger
    with world.look() as work:
        before = work.session.execute(sa.select(Body.__table__).order_by(Body.ars)).all()
    loaded = loading.load_checked(world.engine, checking.check(settings.read({}).definitions).insist())
    with world.look() as work:
        assert work.session.execute(sa.select(Body.__table__).order_by(Body.ars)).all() == before
    assert ("body", "Verbandsgemeinde Rhein-Selz") in loaded.different
    assert [name for kind, name in loaded.added if kind == "body"] == []


# --- other ways to end -----------------------------------------------------------------------------------------------


def test_of_two_bodies_that_become_one_the_case_that_is_further_on_goes_on(world: World, present: Edition) -> None:
    staff(world, NIEDER_OLM)
    behind, ahead = world.open("ewa", BODENHEIM), world.open("ewa", NIEDER_OLM)
    world.walk(ahead, until="contracted")
    later = edition(
        present,
        entry(present, NEW, BODENHEIM, name="Neuland", display_name="Verbandsgemeinde Neuland"),
        without=(BODENHEIM, NIEDER_OLM),
    )
    follow(world, later, {BODENHEIM: NEW, NIEDER_OLM: NEW})
    assert (world.case(ahead).body, world.case(ahead).state) == (NEW, "contracted")
    assert (world.case(behind).state, world.case(behind).superseded_by) == ("superseded", ahead)


def test_a_case_of_the_successor_that_has_ended_is_no_reason_to_end_another(world: World, present: Edition) -> None:
    ended, goes_on = world.open("ewa", RHEIN_SELZ), world.open("ewa", BODENHEIM)
    with world.by("team") as work:
        cases.advance(work, ended, "not_responsible", given={"reason": "Noch nicht."})
    follow(world, edition(present, without=(BODENHEIM,)), {BODENHEIM: RHEIN_SELZ})
    assert (world.case(goes_on).body, world.case(goes_on).round) == (RHEIN_SELZ, 2)
    with world.by("office") as work, pytest.raises(AlreadyOpen):
        cases.open_case(work, "ewa", RHEIN_SELZ)


def test_a_resting_case_goes_on_resting_or_ends_with_its_pause(world: World, present: Edition) -> None:
    stays, ends = world.open("eheschliessung", BODENHEIM), world.open("ewa", BODENHEIM)
    world.open("ewa", RHEIN_SELZ)
    with world.by("team") as work:
        for case_id in (stays, ends):
            cases.hold(work, case_id, blocker="no_staff", reason="x", review_on=dt.date(2027, 3, 1))
    follow(world, edition(present, without=(BODENHEIM,)), {BODENHEIM: RHEIN_SELZ})
    assert world.case(stays).rests
    assert not world.case(ends).rests
    with world.look() as work:
        pauses = dict(list(work.session.execute(sa.select(Hold.case_id, Hold.ended_on))))
    assert pauses[stays] is None
    assert pauses[ends] == world.case(ends).ended_on


def test_another_district_means_another_team_which_learns_of_it(world: World, present: Edition) -> None:
    case_id = world.open("ewa", BODENHEIM)
    with world.look() as work:
        elsewhere = sa.select(Body.ars, Body.district).where(Body.kind == "verbandsgemeinde").order_by(Body.ars)
        target, team = next(
            (row.ars, team)
            for row in work.session.execute(elsewhere)
            if (team := cases.team_for(work, "ewa", row.district)) not in (None, world.team)
        )
    with world.engine.change(SYSTEM) as work:
        people.grant(work, world["auditor"], people.parse_role(f"umsetzungsteam@{team}"))
    follow(world, edition(present, without=(BODENHEIM,)), {BODENHEIM: target})
    assert world.case(case_id).team == team
    with world.look() as work:
        assert set(work.session.execute(sa.select(Task.team)).scalars()) == {team}
        told = set(work.session.execute(sa.select(Notice.recipient_id).where(Notice.name == "moved_to_team")).scalars())
    assert world["auditor"] in told
    assert world["team"] not in told


def test_what_was_cut_short_goes_on_with_the_next_call(
    world: World, present: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "CHUNK", 1)
    ids = [world.open(service, BODENHEIM) for service in ("ewa", "eheschliessung", "unternehmen")]
    later = edition(present, without=(BODENHEIM,))
    with pytest.raises(KeyboardInterrupt):
        bodies.follow(world.engine, world["office"], later, "07", {BODENHEIM: RHEIN_SELZ}, progress=_interrupt)
    assert sorted(world.case(case_id).body for case_id in ids) == [BODENHEIM, BODENHEIM, RHEIN_SELZ]
    with world.look("office") as work:
        changes = bodies.compare(work, later, "07")
    assert changes.vanished == ()
    assert [(body.ars, body.open_cases) for body in changes.unfinished] == [(BODENHEIM, 2)]
    heard: list[int] = []
    applied = bodies.follow(world.engine, world["office"], later, "07", {}, progress=heard.append)
    assert (len(applied.moved), heard) == (2, [1, 1])
    assert {world.case(case_id).body for case_id in ids} == {RHEIN_SELZ}


def test_cases_cut_short_on_their_way_go_to_the_last_of_several_successors(world: World, present: Edition) -> None:
    case_id = world.open("ewa", BODENHEIM)
    _enact(world, edition(present, without=(BODENHEIM,)), {BODENHEIM: RHEIN_SELZ})
    later = edition(present, without=(BODENHEIM, RHEIN_SELZ), date=dt.date(2028, 1, 1))
    applied = follow(world, later, {RHEIN_SELZ: NIEDER_OLM})
    assert [(one.source, one.target) for one in applied.moved] == [(BODENHEIM, NIEDER_OLM)]
    assert (world.case(case_id).body, applied.stuck) == (NIEDER_OLM, ())
    with world.look("office") as work:
        assert bodies.compare(work, later, "07").nothing


def test_a_successor_that_others_still_wait_for_cannot_end_without_one(world: World, present: Edition) -> None:
    world.open("ewa", BODENHEIM)
    _enact(world, edition(present, without=(BODENHEIM,)), {BODENHEIM: RHEIN_SELZ})
    later = edition(present, without=(BODENHEIM, RHEIN_SELZ), date=dt.date(2028, 1, 1))
    with world.look("office") as work:
        changes = bodies.compare(work, later, "07")
    assert [(body.ars, body.open_cases) for body in changes.vanished] == [(RHEIN_SELZ, 1)]
    assert changes.cases == 1
    with pytest.raises(Refused) as caught:
        follow(world, later, {RHEIN_SELZ: None})
    assert caught.value.key == "error.successor_needed"


def test_successors_that_name_each_other_move_nothing(world: World, present: Edition) -> None:
    case_id = world.open("ewa", BODENHEIM)
    with world.engine.change(SYSTEM) as work:
        for ars, successor in ((BODENHEIM, RHEIN_SELZ), (RHEIN_SELZ, BODENHEIM)):
            ended = {"valid_until": NEXT_YEAR, "successor": successor}
            work.session.execute(sa.update(Body).where(Body.ars == ars).values(ended))
    later = edition(present, without=(BODENHEIM, RHEIN_SELZ))
    applied = follow(world, later, {})
    assert [(one.number, getattr(one.refused, "key", "")) for one in applied.stuck] == [
        (world.case(case_id).number, "error.body_goes_on")
    ]
    assert world.case(case_id).body == BODENHEIM


@pytest.mark.parametrize("turn", range(3))
def test_a_case_opened_at_the_successor_meanwhile_and_one_that_comes_are_never_both_open(
    world: World, present: Edition, turn: int
) -> None:
    world.open("ewa", BODENHEIM)
    later = edition(present, without=(BODENHEIM,))
    gate = threading.Barrier(2)
    told: list[StartklarError] = []

    def open_there() -> None:
        gate.wait()
        try:
            world.open("ewa", RHEIN_SELZ)
        except StartklarError as error:
            told.append(error)

    opening = threading.Thread(target=open_there)
    opening.start()
    gate.wait()
    applied = follow(world, later, {BODENHEIM: RHEIN_SELZ})
    opening.join(30)
    assert len(applied.moved) == 1
    assert all(isinstance(error, AlreadyOpen) for error in told)
    with world.look() as work:
        there = sa.select(sa.func.count()).where(Case.body == RHEIN_SELZ, Case.ended_on.is_(None))
        assert work.session.execute(there).scalar_one() == 1


def test_a_case_that_is_just_being_opened_at_the_successor_goes_on(world: World, present: Edition) -> None:
    moved = world.open("ewa", BODENHEIM)
    later = edition(present, without=(BODENHEIM,))
    with world.by("office") as work:
        opened = cases.open_case(work, "ewa", RHEIN_SELZ).id
        following = threading.Thread(target=follow, args=(world, later, {BODENHEIM: RHEIN_SELZ}))
        following.start()
        following.join(0.5)
        assert following.is_alive()
    following.join(30)
    assert (world.case(moved).state, world.case(moved).superseded_by) == ("superseded", opened)
    assert world.case(opened).ended_on is None


def test_a_case_whose_body_goes_on_cannot_be_moved(world: World) -> None:
    case_id = world.open("ewa", BODENHEIM)
    with world.by("office") as work, pytest.raises(Refused) as caught:
        bodies.move_case(work, case_id)
    assert caught.value.key == "error.body_goes_on"


def test_a_body_that_comes_back_is_there_again(world: World, present: Edition) -> None:
    moved = world.case(world.open("ewa", BODENHEIM)).number
    follow(world, edition(present, without=(BODENHEIM,)), {BODENHEIM: RHEIN_SELZ})
    again = replace(edition(present), date=dt.date(2028, 1, 1))
    applied = follow(world, again, {})
    assert [body.ars for body in applied.changes.added] == [BODENHEIM]
    back = row_of(world, BODENHEIM)
    assert (back.valid_from, back.valid_until, back.successor) == (dt.date(2028, 1, 1), None, None)
    assert back.latitude is not None
    with world.by("office") as work:
        opened = cases.open_case(work, "ewa", BODENHEIM)
    assert (moved, opened.number) == ("ewa-073395002-1", "ewa-073395002-2")


def test_the_operator_at_the_shell_is_time_itself_in_the_history(world: World, present: Edition) -> None:
    case_id = world.open("ewa", BODENHEIM)
    bodies.follow(world.engine, SYSTEM, edition(present, without=(BODENHEIM,)), "07", {BODENHEIM: RHEIN_SELZ})
    with world.look() as work:
        actor = sa.select(Event.actor_id).where(Event.chain_id == case_id, Event.act == "moved_to_body")
        assert work.session.execute(actor).scalar_one() is None


def _interrupt(_: int) -> None:
    raise KeyboardInterrupt
