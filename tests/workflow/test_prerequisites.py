"""What a body does once and many cases wait for."""

from __future__ import annotations

import datetime as dt
from copy import copy
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import STRANGE_TOWN, TOWN, World, plausible
from workflow import cases, casework, events, following, history, people, policy, prerequisites, requirements
from workflow.definition import Needed
from workflow.engine import SYSTEM
from workflow.errors import (
    Conflict,
    InvalidEvidence,
    NeedsNotMet,
    NotAllowed,
    Refused,
    SecondPersonNeeded,
    TaskNotAvailable,
)
from workflow.models import Event, Extension, Notice, Prerequisite
from workflow.queries import held_up, inbox, prerequisite
from workflow.queries import prerequisite as query
from workflow.requirements import About

KIND = "editing_rights"
"""Something every service needs once per body."""
DECLINED = {"reason": "own_solution", "explanation": "Das eigene Formular reicht."}


def test_what_no_open_case_needs_any_more_is_asked_of_nobody(world: World) -> None:
    case_id = _asked(world)
    asked = _row(world, KIND)
    assert asked.status == "ready"
    assert asked.remind_at is not None

    with world.by("team") as work:
        cases.advance(work, case_id, "decline", given=DECLINED)
    following.work_off(world.engine)

    laid_aside = _row(world, KIND)
    assert (laid_aside.status, laid_aside.acting, laid_aside.remind_at) == ("not_needed", None, None)
    assert laid_aside.generation == asked.generation + 1
    assert _waiting_for(world, "redaktion") == []
    with world.look() as work:
        assert events.broken_at(work, laid_aside.id) is None


def test_what_another_open_case_needs_stays_asked_for(world: World) -> None:
    first, second = _asked(world), _asked(world, "uvg")
    with world.by("team") as work:
        cases.advance(work, first, "decline", given=DECLINED)
    following.work_off(world.engine)
    assert _row(world, KIND).status == "ready"

    with world.by("team") as work:
        cases.advance(work, second, "decline", given=DECLINED)
    following.work_off(world.engine)
    assert _row(world, KIND).status == "not_needed"


def test_what_was_asked_for_by_hand_stays(world: World) -> None:
    with world.by("team") as work:
        by_hand = prerequisites.request(work, TOWN, KIND).id
    case_id = _asked(world)
    with world.by("team") as work:
        cases.advance(work, case_id, "decline", given=DECLINED)
    following.work_off(world.engine)
    assert _row(world, KIND).id == by_hand
    assert _row(world, KIND).status == "ready"


def test_what_was_laid_aside_is_asked_for_anew_when_a_case_needs_it_again(world: World) -> None:
    case_id = _asked(world)
    with world.by("team") as work:
        cases.advance(work, case_id, "decline", given=DECLINED)
    following.work_off(world.engine)
    world.days(30)

    _asked(world, "uvg")
    assert _row(world, KIND).status == "not_needed", "prerequisites are locked before cases"
    following.work_off(world.engine)

    again = _row(world, KIND)
    assert (again.status, again.acting) == ("ready", "body.redaktion")
    with world.look() as work:
        assert again.counted_from == work.today
        assert again.due_on == work.catalogue.calendar.add(work.today, 10)
        asked = work.session.execute(
            sa.select(sa.func.count()).where(Notice.subject_id == again.id, Notice.name == "asked")
        ).scalar_one()
    assert asked == 2
    assert _waiting_for(world, "redaktion") == [again.id]


def test_a_changed_variant_lays_aside_what_only_the_old_one_needed(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id, choose_variant={"connection_variant": "fitconnect"})
    world.reach_milestones(case_id)
    with world.by("team") as work:
        cases.advance(work, case_id, "contract")
        cases.advance(work, case_id, "revise_contract", given={"reason": "Doch ein anderer Weg."})
    assert _row(world, "elster_account").status == "ready"

    world.do(case_id, "choose_variant", "team", connection_variant="pdf_databox")
    following.work_off(world.engine)
    assert _row(world, "elster_account").status == "not_needed"
    assert _row(world, KIND).status == "ready"


def test_a_variant_can_be_chosen_back_and_forth(world: World) -> None:
    case_id = world.open()
    world.finish_state(case_id, choose_variant={"connection_variant": "fitconnect"})
    world.reach_milestones(case_id)
    for variant, status in (("pdf_databox", "not_needed"), ("fitconnect", "ready"), ("pdf_databox", "not_needed")):
        with world.by("team") as work:
            cases.advance(work, case_id, "contract")
            cases.advance(work, case_id, "revise_contract", given={"reason": "Doch ein anderer Weg."})
        world.finish_state(case_id, choose_variant={"connection_variant": variant})
        following.work_off(world.engine)
        assert _row(world, "elster_account").status == status


def test_asking_by_hand_for_what_was_laid_aside_asks_anew_and_once(world: World) -> None:
    case_id = _asked(world)
    with world.by("team") as work:
        cases.advance(work, case_id, "decline", given=DECLINED)
    following.work_off(world.engine)
    with world.by("team") as work:
        prerequisites.request(work, TOWN, KIND)
    with world.engine.change(SYSTEM) as work:
        prerequisites.review(work, TOWN)
    assert _row(world, KIND).status == "ready"
    with pytest.raises(Conflict), world.by("team") as work:
        prerequisites.request(work, TOWN, KIND)


def test_what_a_colleague_has_accepted_is_the_colleagues(world: World) -> None:
    _asked(world)
    subject = _row(world, KIND)
    with world.by("admin") as work:
        people.grant(work, world.ids["fachamt"], people.parse_role(f"redaktion@{TOWN}"))
    with world.by("redaktion") as work:
        prerequisites.accept(work, subject.id)
    assert subject.id not in _waiting_for(world, "fachamt")
    assert subject.id in _waiting_for(world, "redaktion")
    with pytest.raises(TaskNotAvailable), world.by("fachamt") as work:
        prerequisites.complete(work, subject.id, _answers(work, KIND))
    assert _row(world, KIND).status == "accepted"

    with world.by("redaktion") as work:
        prerequisites.complete(work, subject.id, _answers(work, KIND))
    assert _row(world, KIND).status == "done"


def test_what_a_colleague_accepted_and_left_behind_is_free_again(world: World) -> None:
    _asked(world)
    subject = _row(world, KIND)
    with world.by("admin") as work:
        people.grant(work, world.ids["stranger"], people.parse_role(f"redaktion@{TOWN}"))
    with world.by("stranger") as work:
        prerequisites.accept(work, subject.id)
    with world.by("admin") as work:
        people.withdraw(work, world.ids["stranger"], people.parse_role(f"redaktion@{TOWN}"))
    assert subject.id in _waiting_for(world, "redaktion")
    with world.by("redaktion") as work:
        prerequisites.complete(work, subject.id, _answers(work, KIND))
    assert _row(world, KIND).status == "done"


def test_a_review_changes_nothing_of_another_body(world: World) -> None:
    with world.by("office") as work:
        other = cases.open_case(work, "wohngeld", STRANGE_TOWN).id
    assert world.case(other).body == STRANGE_TOWN
    _asked(world)
    before = _row(world, KIND)
    with world.engine.change(world["team"]) as work:
        prerequisites.review(work, STRANGE_TOWN)
    assert _row(world, KIND) == before


# --- step by step ----------------------------------------------------------------------------------------------------


def test_steps_come_one_after_the_other_with_their_own_dates(world: World) -> None:
    with world.by("team") as work:
        asked = prerequisites.request(work, TOWN, "payment_mandate")
    began = _row(world, "payment_mandate")
    assert (began.step, began.owner, began.ladder, began.round) == ("apply", "body.kasse", "short", 1)
    with world.look() as work:
        assert began.due_on == work.catalogue.calendar.add(work.today, 5)

    world.days(2)
    with world.by("kasse") as work:
        prerequisites.accept(work, asked.id)
        after = prerequisites.complete(work, asked.id, world.proof(work, "payment_mandate"))
    assert (after.status, after.step, after.waiting) == ("accepted", "numbers", 0), "who took it on goes on"
    present = _row(world, "payment_mandate")
    assert (present.ladder, present.generation) == ("external", began.generation + 1)
    with world.look() as work:
        assert present.due_on == work.catalogue.calendar.add(work.today, 25)

    with world.by("kasse") as work:
        done = prerequisites.complete(work, asked.id, world.proof(work, "payment_mandate", "numbers"))
    assert done.status == "done"
    assert _row(world, "payment_mandate").acting is None
    assert _acts(world, asked.id) == ["asked", "accepted", "step_done", "completed"]


def test_only_the_last_step_lets_the_cases_go_on(world: World) -> None:
    case_id = world.open("ikfz")
    world.finish_state(case_id)
    mandate = _row(world, "payment_mandate")
    following.work_off(world.engine)
    with world.by("kasse") as work:
        assert prerequisites.complete(work, mandate.id, world.proof(work, "payment_mandate")).waiting == 0
    assert following.work_off(world.engine) == 0
    with world.by("kasse") as work:
        proof = world.proof(work, "payment_mandate", "numbers")
        assert prerequisites.complete(work, mandate.id, proof).waiting == 1
    assert following.work_off(world.engine) == 1


def test_a_step_asks_for_its_own_evidence_only(world: World) -> None:
    with world.by("team") as work:
        asked = prerequisites.request(work, TOWN, "payment_mandate")
    with pytest.raises(InvalidEvidence), world.by("kasse") as work:
        prerequisites.complete(work, asked.id, world.proof(work, "payment_mandate", "numbers"))
    assert _row(world, "payment_mandate").step == "apply"


def test_what_is_needed_first_is_asked_for_too_and_comes_first(world: World) -> None:
    with world.by("team") as work:
        endpoint = prerequisites.request(work, TOWN, "fitconnect_endpoint", "wohngeld")
    account = _row(world, "elster_account")
    assert (account.status, account.requested) == ("ready", False)
    with world.engine.change(SYSTEM) as work:
        prerequisites.review(work, TOWN)
    assert _row(world, "elster_account").status == "ready", "what was asked for by hand needs it"

    for step in ("open_account", "test_endpoint"):
        with world.by("it") as work:
            prerequisites.complete(work, endpoint.id, world.proof(work, "fitconnect_endpoint", step))
    with pytest.raises(NeedsNotMet) as told, world.by("it") as work:
        prerequisites.complete(work, endpoint.id, world.proof(work, "fitconnect_endpoint", "production_endpoint"))
    assert [reason.about for reason in told.value.reasons] == [About("prerequisite", "elster_account", "")]
    assert _row(world, "fitconnect_endpoint").step == "production_endpoint"

    world.prove(account.id)
    world.prove(endpoint.id)
    assert _row(world, "fitconnect_endpoint").status == "done"


def test_a_case_waits_for_what_its_prerequisites_need(world: World) -> None:
    with world.look() as work:
        needed = work.catalogue.with_needs([Needed("fitconnect_endpoint", "wohngeld")])
    assert needed == (Needed("elster_account"), Needed("fitconnect_endpoint", "wohngeld"))


def test_definitions_that_circle_ask_for_each_once(world: World) -> None:
    with world.look() as work:
        kinds = work.catalogue.shared.prerequisites
        circle = replace(kinds["elster_account"], needs=("osci_certificate",))
        back = replace(kinds["osci_certificate"], needs=("elster_account",))
        shared = replace(
            work.catalogue.shared, prerequisites={**kinds, "elster_account": circle, "osci_certificate": back}
        )
        catalogue = copy(work.catalogue)
        catalogue.shared = shared
    assert set(catalogue.with_needs([Needed("elster_account")])) == {
        Needed("elster_account"),
        Needed("osci_certificate"),
    }


def test_released_handed_on_and_taken_back(world: World) -> None:
    with world.by("team") as work:
        asked = prerequisites.request(work, TOWN, "payment_mandate")
    with world.by("kasse") as work:
        prerequisites.accept(work, asked.id)
        prerequisites.release(work, asked.id)
    with pytest.raises(NotAllowed), world.by("kasse") as work:
        prerequisites.assign(work, asked.id, world["fachamt"])
    with pytest.raises(Refused), world.by("digi") as work:
        prerequisites.assign(work, asked.id, world["stranger"])
    with world.by("digi") as work:
        prerequisites.assign(work, asked.id, world["fachamt"])
    with world.look("fachamt") as work:
        mine = work.session.execute(sa.select(Prerequisite.id).where(policy.prerequisites_to_do(work.actor))).scalars()
        assert asked.id in set(mine)
    with pytest.raises(TaskNotAvailable), world.by("kasse") as work:
        prerequisites.complete(work, asked.id, world.proof(work, "payment_mandate"))
    with pytest.raises(NotAllowed), world.by("kasse") as work:
        prerequisites.release(work, asked.id)
    with world.by("digi") as work:
        prerequisites.release(work, asked.id)
    with world.by("kasse") as work:
        prerequisites.complete(work, asked.id, world.proof(work, "payment_mandate"))
    assert _row(world, "payment_mandate").step == "numbers"


def test_what_is_declined_goes_to_the_team_which_hands_it_back_or_sets_it_aside(world: World) -> None:
    case_id = _asked(world)
    subject = _row(world, KIND)
    with pytest.raises(InvalidEvidence), world.by("redaktion") as work:
        prerequisites.decline(work, subject.id, "  ")
    with world.by("redaktion") as work:
        prerequisites.decline(work, subject.id, "Das macht bei uns niemand.")
    declined = _row(world, KIND)
    assert (declined.status, declined.acting, declined.holder_id) == ("declined", "umsetzungsteam", None)
    with world.look("team") as work:
        assert subject.id in set(
            work.session.execute(sa.select(Prerequisite.id).where(policy.prerequisites_to_do(work.actor))).scalars()
        )
    with world.by("team") as work:
        prerequisites.hand_back(work, subject.id, "Bitte fragen Sie die Verbandsgemeinde.")
    assert (_row(world, KIND).status, _row(world, KIND).acting) == ("ready", "body.redaktion")

    with world.by("redaktion") as work:
        prerequisites.decline(work, subject.id, "Nein.")
    with world.by("team") as work:
        prerequisites.set_aside(work, subject.id, "Die Kommune nutzt einen anderen Weg.")
    with world.engine.change(SYSTEM) as work:
        prerequisites.review(work, TOWN)
    aside = _row(world, KIND)
    assert (aside.status, aside.acting, aside.remind_at, aside.due_on) == ("set_aside", None, None, None)
    with world.look() as work:
        reasons = requirements.unmet(casework.lock(work, case_id), ["prerequisites_done"])
    assert ("umsetzungsteam", About("prerequisite", KIND, "")) in {(one.who, one.about) for one in reasons}
    with world.by("team") as work:
        prerequisites.request(work, TOWN, KIND)
    assert _row(world, KIND).status == "ready"
    with world.look() as work:
        assert events.broken_at(work, subject.id) is None


def test_only_a_supervisor_moves_the_date_and_not_for_ever(world: World) -> None:
    _asked(world)
    subject = _row(world, KIND)
    with pytest.raises(NotAllowed), world.by("team") as work:
        prerequisites.extend(work, subject.id, 5, "Urlaub")
    with pytest.raises(Refused), world.by("supervisor") as work:
        prerequisites.extend(work, subject.id, 61, "Urlaub")
    with world.by("supervisor") as work:
        prerequisites.extend(work, subject.id, 5, "Urlaub")
    moved = _row(world, KIND)
    with world.look() as work:
        assert moved.due_on == work.catalogue.calendar.add(subject.due_on, 5)
    assert moved.generation == subject.generation + 1


def test_a_second_person_checks_a_step_that_says_so(world: World) -> None:
    _let_check(world, "body.leitung")
    with world.by("team") as work:
        asked = prerequisites.request(work, TOWN, "payment_mandate")
    with world.by("admin") as work:
        people.grant(work, world["kasse"], people.parse_role(f"leitung@{TOWN}"))
    with world.by("kasse") as work:
        handed_in = prerequisites.complete(work, asked.id, world.proof(work, "payment_mandate"))
    assert (handed_in.status, _row(world, "payment_mandate").acting) == ("submitted", "body.leitung")
    with pytest.raises(SecondPersonNeeded), world.by("kasse") as work:
        prerequisites.confirm(work, asked.id)
    with world.by("leitung") as work:
        prerequisites.send_back(work, asked.id, "Das Datum fehlt.")
    again = _row(world, "payment_mandate")
    assert (again.status, again.holder_id, again.step) == ("accepted", world["kasse"], "apply")
    with world.by("kasse") as work:
        prerequisites.complete(work, asked.id, world.proof(work, "payment_mandate"))
    with world.by("leitung") as work:
        assert prerequisites.confirm(work, asked.id).step == "numbers"


# --- expiry and renewal ----------------------------------------------------------------------------------------------


def test_a_renewal_leaves_cases_connected_until_the_day_is_past(world: World) -> None:
    subject = _certificate(world, days=30)
    with world.by("it") as work:
        renewing = prerequisites.renew(work, subject)
    row = _row(world, "osci_certificate")
    assert (renewing.step, row.round, row.renewing, row.acting) == ("apply", 2, True, "body.it")
    assert _holds(world)
    with pytest.raises(TaskNotAvailable), world.by("it") as work:
        prerequisites.renew(work, subject)

    world.days(40)
    assert not _holds(world)
    assert prerequisites.expire(world.engine) == 1
    assert prerequisites.expire(world.engine) == 0
    row = _row(world, "osci_certificate")
    assert (row.renewing, row.status, row.step) == (False, "ready", "apply"), "somebody is at it already"
    world.prove(subject)
    assert _holds(world)
    assert _row(world, "osci_certificate").round == 2


def test_a_renewal_is_never_due_after_the_former_proof_has_ended(world: World) -> None:
    subject = _certificate(world, days=3)
    with world.by("it") as work:
        prerequisites.renew(work, subject)
    row = _row(world, "osci_certificate")
    assert row.due_on == row.valid_until


def test_what_expired_waits_in_the_inbox_at_its_first_step(world: World) -> None:
    subject = _certificate(world, days=3)
    world.days(5)
    prerequisites.expire(world.engine)
    row = _row(world, "osci_certificate")
    assert (row.status, row.step, row.acting, row.round) == ("expired", "apply", "body.it", 2)
    with world.look("it") as work:
        assert subject in set(
            work.session.execute(sa.select(Prerequisite.id).where(policy.prerequisites_to_do(work.actor))).scalars()
        )


def test_a_renewal_the_team_sets_aside_leaves_what_was_proved(world: World) -> None:
    subject = _certificate(world, days=60)
    before = _row(world, "osci_certificate")
    with world.by("it") as work:
        prerequisites.renew(work, subject)
        prerequisites.decline(work, subject, "Wir steigen um.")
    with world.by("team") as work:
        prerequisites.set_aside(work, subject, "Bis zum Ablauf genügt es.")
    row = _row(world, "osci_certificate")
    assert (row.status, row.valid_until, row.due_on) == ("done", before.valid_until, before.valid_until)
    assert row.remind_at is not None, "somebody is told before it expires"
    assert _holds(world)


def _certificate(world: World, *, days: int) -> UUID:
    """A certificate that is valid for some days more."""
    with world.by("team") as work:
        subject = prerequisites.request(work, TOWN, "osci_certificate").id
    with world.by("it") as work:
        prerequisites.complete(work, subject, world.proof(work, "osci_certificate"))
        until = (work.today + dt.timedelta(days=days)).isoformat()
        proof = world.proof(work, "osci_certificate", "certificate") | {"expires_on": until}
        prerequisites.complete(work, subject, proof)
    return subject


def _holds(world: World) -> bool:
    with world.look() as work:
        known = casework.prerequisites_of(work, TOWN, {"osci_certificate"})
        return known["osci_certificate", ""].holds_on(work.today)


def _let_check(world: World, role: str) -> None:
    """From now on somebody checks the first step of the payment mandate."""
    with world.engine.change(SYSTEM) as work:
        kinds = work.catalogue.shared.prerequisites
        apply = replace(kinds["payment_mandate"].steps["apply"], confirm=role)
        steps = {**kinds["payment_mandate"].steps, "apply": apply}
        mandate = replace(kinds["payment_mandate"], steps=steps)
        work.catalogue.shared = replace(work.catalogue.shared, prerequisites={**kinds, "payment_mandate": mandate})


def _acts(world: World, chain_id: UUID) -> list[str]:
    with world.look() as work:
        return list(
            work.session.execute(sa.select(Event.act).where(Event.chain_id == chain_id).order_by(Event.seq)).scalars()
        )


def _asked(world: World, service: str = "wohngeld") -> UUID:
    """A case whose variant is chosen; it needs KIND, like other services."""
    case_id = world.open(service)
    world.bring(case_id, "choose_variant")
    world.do(case_id, "choose_variant", "team")
    return case_id


def _row(world: World, kind: str) -> Any:
    with world.look() as work:
        return work.session.execute(
            sa.select(Prerequisite.__table__).where(Prerequisite.body == TOWN, Prerequisite.kind == kind)
        ).one()


def _answers(work: Any, kind: str) -> dict[str, Any]:
    return plausible(work.catalogue.shared.prerequisites[kind].evidence, work.today)


def _waiting_for(world: World, who: str) -> list[UUID]:
    with world.look(who) as work:
        return list(
            work.session.execute(
                sa.select(Prerequisite.id).where(policy.prerequisites_to_do(work.actor), Prerequisite.kind == KIND)
            ).scalars()
        )


def test_every_extension_of_a_prerequisite_is_in_the_ledger_and_behind_its_date(world: World) -> None:
    _asked(world)
    asked = _row(world, KIND)
    with world.by("supervisor") as work:
        prerequisites.extend(work, asked.id, 60, "Die Redaktion ist krank.")
        prerequisites.extend(work, asked.id, 55, "Sie ist es noch.")
    with pytest.raises(Refused, match="extension_in_all"), world.by("supervisor") as work:
        prerequisites.extend(work, asked.id, 6, "Noch einmal")
    moved = _row(world, KIND)
    with world.look("supervisor") as work:
        assert moved.due_on == work.catalogue.calendar.add(asked.due_on, 115)
        why = query.prerequisite(work, asked.id).why
        assert why is not None
        assert [step.kind for step in why.steps] == ["start", "days", "extension", "extension"]
        assert why.steps[-1].date == moved.due_on
        reasons = sorted(str(dict(step.sentences)["why.extension_reason"]["reason"]) for step in why.steps[2:])
        assert reasons == ["Die Redaktion ist krank.", "Sie ist es noch."]
        assert history.differences(work, "prerequisite", asked.id) == ()


def test_what_is_asked_anew_is_due_without_the_extensions_of_before(world: World) -> None:
    case_id = _asked(world)
    asked = _row(world, KIND)
    with world.by("supervisor") as work:
        prerequisites.extend(work, asked.id, 60, "Lange Ferien")
    with world.by("team") as work:
        cases.advance(work, case_id, "decline", given=DECLINED)
    following.work_off(world.engine)
    with world.by("team") as work:
        prerequisites.request(work, TOWN, KIND)
    anew = _row(world, KIND)
    assert (anew.extended_days, anew.due_on) == (0, asked.due_on)
    with world.look() as work:
        ledger = work.session.execute(sa.select(Extension.days, Extension.current)).all()
        assert [tuple(row) for row in ledger] == [(60, False)]
        assert history.differences(work, "prerequisite", asked.id) == ()


# --- what holds up most ----------------------------------------------------------------------------------------------


def test_what_holds_up_most_cases_comes_first_and_leads_to_them(world: World) -> None:
    for service in ("wohngeld", "uvg", "ikfz"):
        _asked(world, service)
    with world.look("team") as work:
        found = held_up.ranking(work)
    assert found.cases == 3
    assert found.lines[0].cases == 3
    assert [line.cases for line in found.lines] == sorted((line.cases for line in found.lines), reverse=True)
    mandate = next(line for line in found.lines if line.id == _row(world, "payment_mandate").id)
    assert mandate.cases == 1
    with world.look("team") as work:
        page = prerequisite.prerequisite(work, found.lines[0].id)
        narrowed = held_up.ranking(work, kind="payment_mandate", team="nobody")
    assert len(page.waiting) == 3
    assert {line.id for line in narrowed.lines} == {mandate.id}
    assert narrowed.team is None


def test_what_is_there_or_not_ones_own_holds_up_nothing(world: World) -> None:
    _asked(world)
    world.prove(_row(world, KIND).id)
    with world.look("team") as work:
        assert _row(world, KIND).id not in {line.id for line in held_up.ranking(work).lines}
    for who in ("stranger", "other_team", "admin"):
        with world.look(who) as work:
            assert held_up.ranking(work).lines == ()


def test_a_town_sees_which_of_its_prerequisites_somebody_else_is_to_bring(world: World) -> None:
    _asked(world)
    subject = _row(world, KIND)
    with world.look("digi") as work:
        waiting = {one.prerequisite_id: one for one in inbox.inbox(work).waiting}
    assert (waiting[subject.id].kind, waiting[subject.id].cases) == ("prerequisite", 1)
    with world.look("redaktion") as work:
        assert subject.id not in {one.prerequisite_id for one in inbox.inbox(work).waiting}
