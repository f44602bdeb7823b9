"""Pauses: whom a case waits for, until when, what changes about it, and who counts it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from tests.world import STRANGE_TOWN, World
from workflow import cases, history, registers, reminders
from workflow.errors import CaseHasMoved, CaseRests, Conflict, InvalidEvidence, NotAllowed, NotFound
from workflow.models import Event, Hold
from workflow.queries import blockers, case_list
from workflow.queries import case as case_query
from workflow.queries.case_list import Filters

TODAY = dt.date(2026, 11, 23)


def _hold(world: World, case_id: Any, **changed: Any) -> None:
    told: dict[str, Any] = {
        "blocker": "fv_vendor_missing",
        "reason": "Das Modul fehlt.",
        "review_on": dt.date(2027, 1, 15),
        "waits_for": "vendor:prosoz",
        "promised_on": dt.date(2027, 1, 12),
    }
    with world.by("team") as work:
        cases.hold(work, case_id, **(told | changed))


def _row(world: World) -> Any:
    with world.look() as work:
        return work.session.execute(sa.select(Hold.__table__)).one()


@pytest.mark.parametrize(
    ("changed", "field", "fault"),
    [
        ({"review_on": None}, "review_on", "evidence.review_missing"),
        ({"review_on": TODAY}, "review_on", "evidence.not_in_future"),
        ({"review_on": dt.date(2026, 1, 1)}, "review_on", "evidence.not_in_future"),
        ({"review_on": TODAY + dt.timedelta(days=401)}, "review_on", "evidence.too_far_ahead"),
        ({"blocker": "nobody_knows"}, "blocker", "evidence.not_an_option"),
        ({"waits_for": "vendor:nobody"}, "waits_for", "evidence.not_an_option"),
        ({"waits_for": "Hersteller X"}, "waits_for", "evidence.not_an_option"),
        ({"reason": " "}, "reason", "evidence.missing"),
    ],
)
def test_a_pause_nobody_could_follow_up_is_refused_with_the_field(
    world: World, changed: dict[str, Any], field: str, fault: str
) -> None:
    case_id = world.open()
    with pytest.raises(InvalidEvidence) as refused:
        _hold(world, case_id, **changed)
    assert refused.value.faults[field][0] == fault
    assert not world.case(case_id).rests


def test_400_days_ahead_is_the_last_day_for_a_review(world: World) -> None:
    case_id = world.open()
    _hold(world, case_id, review_on=TODAY + dt.timedelta(days=400))
    assert world.case(case_id).rests


@pytest.mark.parametrize(
    ("party", "kind", "key", "words"),
    [
        ("vendor:prosoz", "vendor", "prosoz", "PROSOZ Herten"),
        ("operator:dvz-mv", "operator", "dvz-mv", "DVZ M-V (Datenverarbeitungszentrum Mecklenburg-Vorpommern)"),
        ("authority:federal", "authority", "federal", "Eine Bundesbehörde"),
        ("land", "land", None, "Das Land"),
        ("body", "body", None, "Die Kommune selbst"),
    ],
)
def test_whom_a_case_waits_for_comes_from_a_register(
    world: World, party: str, kind: str, key: str | None, words: str
) -> None:
    case_id = world.open()
    _hold(world, case_id, waits_for=party)
    assert (_row(world).external_kind, _row(world).external_key) == (kind, key)
    with world.look("digi") as work:
        rest = case_query.case(work, case_id).rest
        assert rest is not None
        assert rest.waits_for is not None
        assert rest.waits_for.de == words


def test_what_is_promised_anew_moves_the_review_and_history_keeps_what_was(world: World) -> None:
    case_id = world.open()
    _hold(world, case_id)
    before = _row(world)
    seen = world.case(case_id).version
    told: dict[str, Any] = {
        "blocker": "certificate",
        "reason": "Jetzt fehlt noch das Zertifikat.",
        "review_on": dt.date(2027, 3, 1),
        "waits_for": "authority:directory",
        "promised_on": None,
    }
    for who in ("digi", "office"):
        with pytest.raises(NotAllowed), world.by(who) as work:
            cases.change_hold(work, case_id, **told)
    with pytest.raises(CaseHasMoved), world.by("team") as work:
        cases.change_hold(work, case_id, **told, seen=seen - 1)
    with pytest.raises(InvalidEvidence), world.by("team") as work:
        cases.change_hold(work, case_id, **(told | {"review_on": TODAY}))
    with world.by("team") as work:
        cases.change_hold(work, case_id, **told, seen=seen)
    after = _row(world)
    assert (after.blocker, after.external_kind, after.review_on) == ("certificate", "authority", dt.date(2027, 3, 1))
    assert after.generation == before.generation + 1
    assert after.remind_at > before.remind_at
    assert after.began_on == before.began_on
    assert after.promised_on is None
    with world.look("team") as work:
        assert history.differences(work, "case", case_id) == ()
        acts = work.session.execute(sa.select(Event.act).where(Event.chain_id == case_id).order_by(Event.seq)).scalars()
        assert list(acts) == ["opened", "held", "hold_changed"]
        page = case_query.case(work, case_id)
        assert [line.blocker.de for line in page.holds] == ["Zertifikat fehlt oder ist abgelaufen"]


def test_the_review_that_was_moved_is_asked_for_on_the_new_day_only(world: World) -> None:
    case_id = world.open()
    _hold(world, case_id, review_on=dt.date(2026, 12, 2))
    with world.by("team") as work:
        cases.change_hold(
            work, case_id, blocker="no_staff", reason="später", review_on=dt.date(2027, 2, 1), waits_for=None
        )
    world.days(15)
    reminders.decide(world.engine)
    with world.look() as work:
        acts = set(work.session.execute(sa.select(Event.act).where(Event.chain_id == case_id)).scalars())
    assert acts == {"opened", "held", "hold_changed"}


def test_only_what_rests_can_be_changed(world: World) -> None:
    case_id = world.open()
    told: dict[str, Any] = {"blocker": "no_staff", "reason": "x", "review_on": dt.date(2027, 2, 1)}
    with pytest.raises(Conflict), world.by("team") as work:
        cases.change_hold(work, case_id, **told)
    with pytest.raises(NotFound), world.by("stranger") as work:
        cases.change_hold(work, case_id, **told)


def test_a_live_service_that_rests_is_taken_out_of_operation_without_going_on_first(world: World) -> None:
    case_id = world.open()
    world.walk(case_id)
    _hold(world, case_id)
    world.days(3)
    with world.look("team") as work:
        moves = {move.name: move.while_resting for move in case_query.case(work, case_id).moves}
    assert moves["suspend"]
    with world.by("team") as work:
        cases.advance(work, case_id, "suspend", given={"reason": "Sicherheitslücke"})
    row = world.case(case_id)
    assert (row.state, row.rests) == ("suspended", False)
    assert _row(world).ended_on == world.case(case_id).entered_on
    with world.look() as work:
        assert history.differences(work, "case", case_id) == ()


def test_other_steps_still_wait_until_a_resting_case_goes_on(world: World) -> None:
    case_id = world.open()
    _hold(world, case_id)
    with pytest.raises(CaseRests), world.by("team") as work:
        cases.advance(work, case_id, "not_responsible", given={"reason": "x"})


def test_a_vendor_holds_so_many_cases_and_the_number_opens_them(world: World) -> None:
    first, second, third = world.open(), world.open("uvg"), world.open("elterngeld")
    foreign = world.open(body=STRANGE_TOWN)
    _hold(world, first)
    _hold(world, second, blocker="fv_interface_cost", promised_on=dt.date(2027, 2, 1))
    _hold(world, third, waits_for=None, blocker="no_staff")
    _hold(world, foreign)
    with world.look("digi") as work:
        found = blockers.blockers(work)
        assert (found.cases, found.nobody) == (3, 1)
        assert [(one.key, one.cases, one.promised_on) for one in found.parties] == [
            ("vendor:prosoz", 2, dt.date(2027, 2, 1))
        ]
        (vendor,) = found.parties
        assert {line.id for line in vendor.first} == {first, second}
        assert (vendor.escalated, vendor.broken) == (0, 0)
        assert vendor.contact is not None
        assert (vendor.contact.mail, vendor.contact.dialled) == ("schnittstellen@hersteller.example", "+493000000000")
        assert {one.key: one.cases for one in found.reasons} == {
            "fv_vendor_missing": 1,
            "fv_interface_cost": 1,
            "no_staff": 1,
        }
        listed = case_list.cases(work, Filters(waits_for="vendor:prosoz"))
        assert {line.id for line in listed.lines} == {first, second}
        assert listed.matching == 2
        assert listed.party is not None
        assert case_list.cases(work, Filters(blocker="no_staff")).lines[0].id == third
        assert case_list.cases(work, Filters(waits_for="vendor:nobody")).filters.waits_for is None
    with world.by("team") as work:
        cases.resume(work, first)
    with world.look("team") as work:
        assert [one.cases for one in blockers.blockers(work).parties] == [2]
        (line,) = case_query.case(work, first).holds
        assert (line.until, line.days) == (TODAY, 0)


def test_what_a_vendor_promised_and_did_not_keep_and_what_was_escalated_is_counted_with_the_vendor(
    world: World,
) -> None:
    case_id = world.open()
    _hold(world, case_id, promised_on=dt.date(2027, 2, 1))
    world.days(70)
    reminders.decide(world.engine)
    with world.look("supervisor") as work:
        (vendor,) = blockers.blockers(work).parties
        listed = case_list.cases(work, Filters(waits_for="vendor:prosoz", escalated=True)).matching
    assert vendor.broken == 1
    assert vendor.escalated == listed == 1


def test_the_register_of_vendors_grows_and_what_ended_is_offered_no_more(world: World) -> None:
    for who in ("digi", "auditor", "admin"):
        with pytest.raises(NotAllowed), world.by(who) as work:
            registers.add_vendor(work, "Neue Verfahren GmbH")
    with world.by("team") as work:
        added = registers.add_vendor(work, "Größe & Söhne GmbH", source="groesse.example")
    assert added.key == "groesse-soehne-gmbh"
    with pytest.raises(Conflict), world.by("office") as work:
        registers.add_vendor(work, "GRÖSSE & SÖHNE GmbH")
    for title in ("", "  ", "!!!", "x" * 600):
        with pytest.raises(InvalidEvidence), world.by("office") as work:
            registers.add_vendor(work, title)
    case_id = world.open()
    _hold(world, case_id, waits_for=f"vendor:{added.key}")
    with world.by("supervisor") as work:
        registers.end_vendor(work, added.key)
    with pytest.raises(Conflict), world.by("supervisor") as work:
        registers.end_vendor(work, added.key)
    with pytest.raises(NotFound), world.by("supervisor") as work:
        registers.end_vendor(work, "nobody")
    with world.look("team") as work:
        assert f"vendor:{added.key}" not in registers.entries(work, "parties")
        page = case_query.case(work, case_id)
        assert page.rest is not None
        assert page.rest.waits_for is not None
        assert page.rest.waits_for.de == "Größe & Söhne GmbH"
        assert case_list.cases(work, Filters(waits_for=f"vendor:{added.key}")).matching == 1
        kept = blockers.kept(work)
        assert [(one.key, one.ended_on) for one in kept.vendors] == [("prosoz", None), (added.key, TODAY)]


def test_a_vendor_of_the_inventory_is_chosen_from_the_register(world: World) -> None:
    case_id = world.open()
    world.bring(case_id, "take_inventory")
    with pytest.raises(InvalidEvidence):
        world.do(case_id, "take_inventory", "it", software_vendor="Irgendwer")
    world.do(case_id, "take_inventory", "it", software_vendor="prosoz")
    other = world.open("uvg")
    world.bring(other, "take_inventory")
    world.do(other, "take_inventory", "it", software_vendor="unknown")
