"""A deed that fails leaves nothing behind, wherever it fails; and two people at once never both win."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.gv100ad import EXCERPT
from tests.house import deeds, named_in
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World, contents, plausible
from workflow import (
    absences,
    access,
    announcements,
    bodies,
    bulk,
    cases,
    closures,
    clusters,
    commands,
    comments,
    dead_letters,
    delegations,
    drafts,
    events,
    feedback,
    following,
    history_checks,
    mailboxes,
    meetings,
    milestones,
    onboarding,
    participants,
    people,
    prerequisites,
    programme,
    registers,
    reminders,
    replies,
    sub_services,
    takeover,
    tasks,
    trainings,
    views,
    wishes,
)
from workflow.bodies import Edition
from workflow.engine import Work
from workflow.errors import AlreadyOpen, Conflict, StartklarError
from workflow.exchange import gv100ad
from workflow.mailboxes import Place
from workflow.models import (
    Absence,
    Case,
    Event,
    Grant,
    Hold,
    Invitation,
    Message,
    Milestone,
    Part,
    Person,
    Prerequisite,
    Remark,
    Task,
)
from workflow.replies import Answer

pytestmark = pytest.mark.slow

Deed = Callable[[Work], Any]
LETTERHEAD = access.Letterhead("https://startklar.example", "startklar.example")

GONE, HEIR, NEIGHBOUR = "073395002000", "073395007000", "073395006000"
"""Verbandsgemeinden: one that ends, the one that succeeds it, and one that ends after it."""


class PowerCut(Exception):
    """What these tests throw into the middle of a deed."""


def _deeds(world: World) -> dict[str, tuple[str, Deed]]:
    """Every kind of deed, each on a case prepared for it: who does it, and what."""
    tested, operator = world.open("bafoeg"), world.ids["operator"]
    world.ids["operator"] = world["colleague"]  # nobody operates it, so the team does
    world.walk(tested, until="connected")
    world.ids["operator"] = operator
    listed = world.task(tested, "content_check")
    requested, contracted, live = world.open(), world.open("uvg"), world.open("ikfz")
    world.walk(contracted, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt"), ("questionnaire", "digi")]:
        with world.by(who) as work:
            tasks.submit(work, world.task(contracted, name), world.answers(work, contracted, name))
    resting = world.open("elterngeld")
    with world.by("team") as work:
        cases.hold(work, resting, blocker="no_staff", reason="x", review_on=work.today.replace(year=2027))
    declined = world.open("fuehrerschein")
    with world.by("digi") as work:
        tasks.decline(work, world.task(declined, "express_interest"), "nein")
    with world.look() as work:
        said = work.session.execute(sa.select(Remark.id).where(Remark.chain_id == declined)).scalar_one()
    ready = world.open("einbuergerung")
    world.finish_state(ready)
    world.satisfy(ready)
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Case).where(Case.id == contracted).values(wave="welle-2027-02"))
    old, ended = world.open("uvg", STRANGE_TOWN), world.open("wohngeld", STRANGE_TOWN)
    with world.engine.change("system") as work:
        work.session.execute(sa.insert(Part).values(case_id=live, name="part", live_on=work.today))
        for case_id in (old, ended, live):
            work.session.execute(sa.update(Case).where(Case.id == case_id).values(state="live", live_on=work.today))
    with world.by("office") as work:
        newer = cases.open_next(work, ended, occasion="upgrade", reason="x").id
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Case).where(Case.id == newer).values(state="live", live_on=work.today))
    shared = world.open("bauantrag")
    with world.by("team") as work:
        participants.join(work, shared, [HEIR])
    before = {"service": "wohngeld", "body": EMPTY_TOWN, "state": "contracted", "since": "2026-01-05", "source": "x"}
    interest = world.task(requested, "express_interest")
    with world.look() as work:
        milestone = work.session.execute(
            sa.select(Milestone.id).where(Milestone.service == "bauantrag", Milestone.kind == "land_contract")
        ).scalar_one()
        kind = work.catalogue.shared.milestones["land_contract"]
        contract = plausible(kind.evidence, work.today)
        refusal = plausible(work.catalogue.process("efa-onboarding", 1).transitions["not_responsible"].asks, work.today)
        answers = world.answers(work, requested, "express_interest")
    with world.by("team") as work:
        asked = prerequisites.request(work, world.case(live).body, "elster_account").id
    with world.look() as work:
        proof = plausible(work.catalogue.shared.prerequisites["elster_account"].evidence, work.today)
        owner = work.session.get_one(Prerequisite, asked).owner.removeprefix("body.")
    with world.by("office") as work:
        planned = work.session.execute(
            sa.select(Milestone.id).where(Milestone.service == "wohngeld", Milestone.kind == "land_contract")
        ).scalar_one()
        milestones.plan(work, planned, work.today.replace(year=2027), "zugesagt")
    with world.by("team") as work:
        mandate = prerequisites.request(work, TOWN, "payment_mandate", "").id
        refused = prerequisites.request(work, TOWN, "network_clearance").id
        checked = prerequisites.request(work, TOWN, "osci_certificate").id
        proved = prerequisites.request(work, TOWN, "functional_mailbox", "hunde").id
    with world.by("kasse") as work:
        prerequisites.accept(work, mandate)
        step = world.proof(work, "payment_mandate")
    with world.by("it") as work:
        prerequisites.decline(work, refused, "nein")
    world.prove(proved)
    with world.engine.change("system") as work:  # as if its step named somebody who checks
        changes = {"status": "submitted", "acting": "umsetzungsteam", "submitted_by": world["it"]}
        work.session.execute(sa.update(Prerequisite).where(Prerequisite.id == checked).values(**changes))
    questionnaire = world.task(contracted, "questionnaire")
    present = gv100ad.read(EXCERPT)
    ending = Edition(present.date, "UTF-8", tuple(body for body in present.bodies if body.ars != GONE))
    later = Edition(present.date, "UTF-8", tuple(body for body in ending.bodies if body.ars != NEIGHBOUR))
    follows, gives_way = world.open("eheschliessung", GONE), world.open("ewa", GONE)
    world.open("ewa", HEIR)
    with world.by("team") as work:
        prerequisites.request(work, GONE, "elster_account")
    with world.by("office") as work:
        bodies.enact(work, ending, "07", {GONE: HEIR})
    role = people.parse_role(f"digi@{EMPTY_TOWN}")
    with world.by("office") as work:
        cluster = clusters.found(work, "Verbund", TOWN, [STRANGE_TOWN], ["ikfz"]).id
        clusters.name_coordinator(work, cluster, world["stranger"])
    co_ordinated = world.task(world.open("ikfz", STRANGE_TOWN), "express_interest")
    given_to_them = world.open("elterngeld", STRANGE_TOWN)
    with world.by("office") as work:
        delegation = delegations.give(work, TOWN, "fuehrerschein", STRANGE_TOWN, from_on=work.today).id
        delegations.give(work, STRANGE_TOWN, "elterngeld", EMPTY_TOWN, from_on=work.today)
    with world.by("leitung") as work:
        closure = closures.enter(work, TOWN, work.today, work.today).id
        mailboxes.set_up(work, Place(body=TOWN), "it", "it@kreis.example")
    with world.by("office") as work:
        announced = announcements.send(work, [TOWN], "Schulung", "Am Montag.").id
    with world.by("team") as work:
        meeting = meetings.hold(work, TOWN).id
        view = views.keep(work, page="cases", query="overdue=yes", title="Spät dran", team=world.team).id
    with world.by("stranger") as work:
        wanted = [
            onboarding.ask(work, service, STRANGE_TOWN).id for service in ("bauantrag", "eheschliessung", "bafoeg")
        ]
    with world.by("office") as work:
        training = trainings.plan(work, {"title_de": "x", "held_on": "31.12.2027"}).id
    written, seen_to = (feedback.give(world.engine, world["digi"], "other", "Danke") for _ in range(2))
    with world.by("admin") as work:
        feedback.mark_done(work, seen_to)
    with world.by("digi") as work:
        drafts.keep(work, "task:begun", {"answer-x": "so"})
    with world.by("fachamt") as work:
        absence = absences.enter(work, world["fachamt"], world["isb"], work.today, dt.date(2026, 12, 31)).id
    with world.by("admin") as work:
        world.ids["twin"] = people.add(
            work, email="team+zwei@startklar.example", name="T", password_hash=None, language="de", roles=[]
        ).id
        access.invite(work, "eingeladen@startklar.example", role, head=LETTERHEAD)
        invited = work.session.execute(sa.select(Invitation.id, Invitation.person_id)).one()
        held = work.session.execute(sa.select(Grant.id).where(Grant.person_id == world["kasse"])).scalar_one()
    with world.by("digi") as work:
        commented = comments.write(work, tested, "Stimmt das?", task_id=listed).id
    with world.by("team") as work:
        added = tasks.add_ad_hoc(work, tested, "Nachfragen", owner="body.it", working_days=3).id
    accepted = [shared, world.open("aufenthalt")]
    handed, given_away = (world.task(case_id, "express_interest") for case_id in accepted)
    for task_id, who in ((handed, "digi"), (given_away, "leitung")):
        with world.by(who) as work:
            tasks.assign(work, task_id, world[who])
    with world.by("leitung") as work:
        tasks.hand_on(work, given_away, world["fachamt"])
    with world.engine.change("system") as work:
        marked = {"bounced_at": work.now, "bounce_reason": "x"}
        work.session.execute(sa.update(Person).where(Person.id == world["isb"]).values(marked))
        letter = uuid4()
        dead: dict[str, Any] = {
            "id": letter,
            "key": "0" * 64,
            "recipient_id": world["dsb"],
            "header_id": "<x@y>",
            "language": "de",
        }
        dead |= {"subject": "x", "plain": "x", "html": "x", "status": "failed", "failed_at": work.now}
        work.session.execute(sa.insert(Message).values(written_at=work.now, **dead))
        waits = {**dead, "id": uuid4(), "key": "1" * 64, "header_id": "<z@y>", "status": "queued", "failed_at": None}
        work.session.execute(sa.insert(Message).values(written_at=work.now, **waits))
    return {
        "open": ("office", lambda work: cases.open_case(work, "wohngeld", EMPTY_TOWN)),
        "advance": ("team", lambda work: cases.advance(work, ready, "contract")),
        "end": ("team", lambda work: cases.advance(work, requested, "not_responsible", given=refusal)),
        "hold": (
            "team",
            lambda work: cases.hold(
                work, requested, blocker="no_staff", reason="x", review_on=work.today.replace(year=2027)
            ),
        ),
        "take_over": ("office", lambda work: takeover.take_over(work, before)),
        "switch_on": (
            "team",
            lambda work: sub_services.switch_on(work, live, "deregistration", {"live_on": work.today.isoformat()}),
        ),
        "switch_off": ("team", lambda work: sub_services.switch_off(work, live, "part", "x")),
        "join": ("team", lambda work: participants.join(work, shared, [NEIGHBOUR])),
        "leave": ("team", lambda work: participants.leave(work, shared, HEIR)),
        "open_next": ("office", lambda work: cases.open_next(work, old, occasion="upgrade", reason="x")),
        "give_way": ("office", lambda work: cases.give_way(work, ended, newer)),
        "change_hold": (
            "team",
            lambda work: cases.change_hold(
                work, resting, blocker="no_staff", reason="x", review_on=work.today.replace(year=2027)
            ),
        ),
        "add_vendor": ("team", lambda work: registers.add_vendor(work, "Neue Verfahren GmbH")),
        "end_vendor": ("team", lambda work: registers.end_vendor(work, "prosoz")),
        "resume": ("team", lambda work: cases.resume(work, resting)),
        "accept": ("digi", lambda work: tasks.accept(work, interest)),
        "ask_many": (
            "team",
            lambda work: commands.once(work, "k", bulk.ask, bulk.Order("resume"), bulk.of_cases([resting, ready])),
        ),
        "accept_once": ("digi", lambda work: commands.once(work, "k", tasks.accept, interest)),
        "assign": ("leitung", lambda work: tasks.assign(work, interest, world["fachamt"])),
        "hand_on": ("digi", lambda work: tasks.hand_on(work, handed, world["it"], "bitte")),
        "add_ad_hoc": (
            "team",
            lambda work: tasks.add_ad_hoc(work, requested, "Anrufen", owner="body.digi", working_days=5),
        ),
        "withdraw_ad_hoc": ("team", lambda work: tasks.withdraw(work, added, "erledigt")),
        "comment": ("digi", lambda work: comments.write(work, tested, "@Team bitte ansehen", mentioned=[world["it"]])),
        "withdraw_comment": ("digi", lambda work: comments.withdraw(work, commented)),
        "tick": ("redaktion", lambda work: tasks.tick(work, listed, ["imprint", "privacy"])),
        "follow_up": ("digi", lambda work: tasks.follow_up(work, interest, work.catalogue.calendar.add(work.today, 5))),
        "take_back": ("leitung", lambda work: tasks.take_back(work, given_away)),
        "release": ("fachamt", lambda work: tasks.release(work, given_away)),
        "submit": ("digi", lambda work: tasks.submit(work, interest, answers)),
        "confirm": ("team", lambda work: tasks.confirm(work, questionnaire)),
        "send_back": ("team", lambda work: tasks.send_back(work, questionnaire, "fehlt")),
        "decline": ("digi", lambda work: tasks.decline(work, interest, "nein")),
        "hand_back": ("team", lambda work: tasks.hand_back(work, world.task(declined, "express_interest"), "doch")),
        "reopen": ("team", lambda work: tasks.reopen(work, world.task(contracted, "pvog_entry"), "falsch")),
        "waive": ("supervisor", lambda work: tasks.waive(work, interest, "entbehrlich")),
        "extend": ("supervisor", lambda work: tasks.extend(work, interest, 5, "Urlaub")),
        "see": ("digi", lambda work: replies.give(work, Answer("task", interest, 1, "seen"))),
        "snooze": ("digi", lambda work: replies.give(work, Answer("task", interest, 1, "snoozed", working_days=2))),
        "snooze_review": (
            "team",
            lambda work: replies.snooze(
                work, "hold", work.session.execute(sa.select(Hold.id).where(Hold.case_id == resting)).scalar_one(), 2
            ),
        ),
        "see_prerequisite": ("kasse", lambda work: replies.see(work, "prerequisite", mandate)),
        "promise_prerequisite": (
            owner,
            lambda work: replies.promise(work, "prerequisite", asked, dt.date(2026, 12, 22)),
        ),
        "see_milestone": ("office", lambda work: replies.see(work, "milestone", planned)),
        "ask": ("team", lambda work: prerequisites.request(work, world.case(live).body, "records_system")),
        "accept_prerequisite": (owner, lambda work: prerequisites.accept(work, asked)),
        "complete_prerequisite": (owner, lambda work: prerequisites.complete(work, asked, proof)),
        "release_prerequisite": ("kasse", lambda work: prerequisites.release(work, mandate)),
        "assign_prerequisite": ("digi", lambda work: prerequisites.assign(work, mandate, world["fachamt"])),
        "complete_step": ("kasse", lambda work: prerequisites.complete(work, mandate, step)),
        "decline_prerequisite": ("kasse", lambda work: prerequisites.decline(work, mandate, "nein")),
        "extend_prerequisite": ("supervisor", lambda work: prerequisites.extend(work, mandate, 5, "Urlaub")),
        "hand_back_prerequisite": ("team", lambda work: prerequisites.hand_back(work, refused, "doch")),
        "set_aside_prerequisite": ("team", lambda work: prerequisites.set_aside(work, refused, "entbehrlich")),
        "confirm_prerequisite": ("team", lambda work: prerequisites.confirm(work, checked)),
        "send_back_prerequisite": ("team", lambda work: prerequisites.send_back(work, checked, "fehlt")),
        "renew_prerequisite": ("digi", lambda work: prerequisites.renew(work, proved)),
        "move_to_team": ("office", lambda work: cases.move_to_team(work, requested, "nord", reason="x")),
        "erase_remark": ("office", lambda work: cases.erase_remark(work, declined, said)),
        "erase_person": ("admin", lambda work: people.erase(work, world["dsb"])),
        "set_target": ("office", lambda work: programme.set_target(work, dt.date(2028, 12, 31), "x")),
        "move_wave": (
            "office",
            lambda work: programme.move_wave(work, "welle-2027-02", dt.date(2027, 3, 16), "x"),
        ),
        "plan": ("office", lambda work: milestones.plan(work, milestone, work.today, "zugesagt")),
        "reach": ("office", lambda work: milestones.reach(work, milestone, work.today, contract)),
        "follow_edition": ("office", lambda work: bodies.enact(work, later, "07", {NEIGHBOUR: HEIR})),
        "move_case": ("office", lambda work: bodies.move_case(work, follows)),
        "supersede_case": ("office", lambda work: bodies.move_case(work, gives_way)),
        "end_prerequisites": ("office", lambda work: prerequisites.end(work, GONE)),
        "add_person": (
            "admin",
            lambda work: people.add(
                work, email="neu@startklar.example", name="Neu", password_hash=None, language="de", roles=[role]
            ),
        ),
        "found_cluster": (
            "office",
            lambda work: clusters.found(work, "X", STRANGE_TOWN, [EMPTY_TOWN], ["wohngeld"]),
        ),
        "join_cluster": ("office", lambda work: clusters.join(work, cluster, EMPTY_TOWN)),
        "leave_cluster": ("stranger", lambda work: clusters.leave(work, cluster, STRANGE_TOWN)),
        "name_coordinator": ("office", lambda work: clusters.name_coordinator(work, cluster, world["fachamt"])),
        "dismiss_coordinator": (
            "office",
            lambda work: clusters.dismiss_coordinator(work, cluster, world["stranger"]),
        ),
        "hand_in_together": ("stranger", lambda work: clusters.hand_in_together(work, [co_ordinated], answers)),
        "give_away": (
            "office",
            lambda work: delegations.give(work, STRANGE_TOWN, "wohngeld", EMPTY_TOWN, from_on=work.today),
        ),
        "end_delegation": ("leitung", lambda work: delegations.end(work, delegation)),
        "close_office": ("leitung", lambda work: closures.enter(work, TOWN, *[work.today + dt.timedelta(days=9)] * 2)),
        "open_office": ("leitung", lambda work: closures.end(work, closure)),
        "announce": ("office", lambda work: announcements.send(work, [TOWN, STRANGE_TOWN], "Schulung", "Am Montag.")),
        "withdraw_announcement": ("office", lambda work: announcements.withdraw(work, announced)),
        "read_announcement": ("digi", lambda work: announcements.put_aside(work, announced)),
        "keep_view": ("team", lambda work: views.keep(work, page="board", query="", title="Tafel", team=world.team)),
        "replace_view": ("team", lambda work: views.replace(work, view, page="board", query="rests=yes")),
        "rename_view": ("team", lambda work: views.rename(work, view, title="Eilig", team=world.team)),
        "keep_draft": ("digi", lambda work: drafts.keep(work, "task:begun", {"answer-x": "anders"})),
        "forget_draft": ("digi", lambda work: drafts.forget(work, "task:begun")),
        "forget_view": ("team", lambda work: views.forget(work, view)),
        "note_meeting": ("team", lambda work: meetings.hold(work, TOWN)),
        "withdraw_meeting": ("team", lambda work: meetings.withdraw(work, meeting)),
        "ask_for_service": ("stranger", lambda work: onboarding.ask(work, "einbuergerung", STRANGE_TOWN, "bald")),
        "accept_request": ("office", lambda work: onboarding.accept(work, wanted[0])),
        "decline_request": ("office", lambda work: onboarding.decline(work, wanted[1], "nein")),
        "withdraw_request": ("stranger", lambda work: onboarding.withdraw(work, wanted[2])),
        "plan_training": ("office", lambda work: trainings.plan(work, {"title_de": "x", "held_on": "31.12.2027"})),
        "cancel_training": ("office", lambda work: trainings.cancel(work, training)),
        "set_mailbox": ("leitung", lambda work: mailboxes.set_up(work, Place(body=TOWN), "digi", "digi@kreis.example")),
        "change_mailbox": ("leitung", lambda work: mailboxes.set_up(work, Place(body=TOWN), "it", "edv@kreis.example")),
        "choose_mail": (
            "digi",
            lambda work: wishes.choose(work, at="09:00", weekdays=[1, 2], asked_at_once=False),
        ),
        "end_mailbox": ("leitung", lambda work: mailboxes.end(work, Place(body=TOWN), "it")),
        "follow_delegation": ("office", lambda work: delegations.apply_to(work, given_to_them)),
        "record_for_town": (
            "team",
            lambda work: tasks.record(
                work,
                interest,
                answers,
                told={"means": "phone", "told_on": work.today.isoformat(), "told_by": "Fachamt"},
            ),
        ),
        "away": (
            "digi",
            lambda work: absences.enter(work, world["digi"], world["it"], work.today, dt.date(2026, 12, 31)),
        ),
        "back": ("fachamt", lambda work: absences.end(work, absence)),
        "change_address": ("admin", lambda work: people.change_address(work, world["dsb"], "Neu@Startklar.example")),
        "address_works": ("admin", lambda work: people.address_works(work, world["isb"])),
        "resend": ("admin", lambda work: dead_letters.resend(work, letter)),
        "same_human": ("admin", lambda work: people.same_human(work, world["dsb"], world["isb"])),
        "not_same_human": ("admin", lambda work: people.not_same_human(work, world["team"], world["twin"])),
        "grant": ("admin", lambda work: people.grant(work, world["dsb"], role)),
        "end_account": ("admin", lambda work: people.end(work, world["kasse"])),
        "sign_out": ("admin", lambda work: people.sign_out(work, world["kasse"])),
        "invite": ("admin", lambda work: access.invite(work, "neu@startklar.example", role, head=LETTERHEAD)),
        "invite_known": ("admin", lambda work: access.invite(work, "dsb@startklar.example", role, head=LETTERHEAD)),
        "invite_again": ("admin", lambda work: access.invite_again(work, invited.person_id, head=LETTERHEAD)),
        "withdraw_invitation": ("admin", lambda work: access.withdraw(work, invited.id)),
        "see_to_feedback": ("admin", lambda work: feedback.mark_done(work, written)),
        "open_feedback_again": ("admin", lambda work: feedback.open_again(work, seen_to)),
        "have_history_checked": ("auditor", history_checks.start),
        "end_role": ("admin", lambda work: access.end_role(work, held)),
        "withdraw": (
            "admin",
            lambda work: people.withdraw(work, world["dsb"], people.parse_role(f"dsb@{world.case(live).body}")),
        ),
    }


_FEWEST = {
    "choose_mail": 2,
    "keep_draft": 1,
    "forget_draft": 1,
    "replace_view": 2,
    "forget_view": 2,
    "add_vendor": 1,
    "end_vendor": 2,
    "plan_training": 1,
    "cancel_training": 2,
    "see_to_feedback": 2,
    "open_feedback_again": 2,
}
"""Deeds that are one row of a register, or of somebody's own."""


_NOT_CUT = {
    "addresses.mark": "one statement, beside the message it is about",
    "administrators.write": "no deed: a mail beside what it is about",
    "cases.open_next_as_answered": "it is `open_next`",
    "onboarding.settle_one": "it is `accept` or `withdraw`, done by time",
    "people.close_unused": "part of what ends an invitation",
    "people.create": "part of `add`",
    "people.end_grants": "part of `withdraw`",
    "people.end_links": "part of `change_address`",
    "people.give": "part of `grant`",
    "people.record": "no deed: what deeds on people write",
    "prerequisites.review": "it follows from deeds: the plays cut it short",
    "troubles.note": "no deed: what is kept of a pass that failed",
}


def test_every_deed_is_cut_short_or_it_is_said_why_not() -> None:
    assert deeds() - named_in("tests/workflow/test_whole_or_nothing.py", "_deeds") == _NOT_CUT.keys()


def test_a_deed_that_fails_at_any_statement_leaves_nothing_behind(world: World) -> None:
    deeds = _deeds(world)
    before = contents(world)
    for name, (who, deed) in deeds.items():
        statement = 0
        while _cut_at(world, who, deed, statement):
            statement += 1
            assert contents(world) == before, f"{name} left something behind when cut at statement {statement}"
        assert statement >= _FEWEST.get(name, 3), f"{name} was cut at {statement} statements only"


def _cut_at(world: World, who: str, deed: Deed, position: int) -> bool:
    """Do the deed and cut it at one statement (after the actor was read); False when it has no such statement."""
    count = -1

    def cut(*_: Any) -> None:
        nonlocal count
        if count == position:
            raise PowerCut
        count += 1

    try:
        with world.engine.change(world[who]) as work:
            count = 0
            sa.event.listen(world.engine.pool, "before_cursor_execute", cut)
            deed(work)
            sa.event.remove(world.engine.pool, "before_cursor_execute", cut)
            raise _ThroughWithIt
    except PowerCut:
        return True
    except _ThroughWithIt:
        return False
    finally:
        if sa.event.contains(world.engine.pool, "before_cursor_execute", cut):
            sa.event.remove(world.engine.pool, "before_cursor_execute", cut)


class _ThroughWithIt(Exception):
    """The deed came to its end; the test wants it undone."""


_OWN = frozenset(
    {
        "withdraw_comment",
        "withdraw_meeting",
        "away",
        "back",
        "give_way",
        "follow_delegation",
        "replace_view",
        "rename_view",
        "forget_view",
    }
)
"""Deeds on what is one's own, which nobody else does, and what only follows from another deed."""


def test_history_says_in_whose_place_a_deputy_did_it(world: World) -> None:
    deeds = _deeds(world)
    with world.by("admin") as work:
        deputy = people.add(
            work, email="vertretung@startklar.example", name="V", password_hash=None, language="de", roles=[]
        ).id
    with world.engine.change("system") as work:
        work.session.execute(sa.delete(Absence))
        away = {"deputy_id": deputy, "from_on": work.today, "until_on": work.today}
        absent = [
            {"id": uuid4(), "person_id": world[who], **away} for who in sorted({who for who, _ in deeds.values()})
        ]
        work.session.execute(sa.insert(Absence), absent)
    silent = []
    for name, (who, deed) in deeds.items():
        if who == "admin" or name in _OWN:  # administrators hand nothing on
            continue
        with suppress(_ThroughWithIt), world.engine.change(deputy) as work:
            before = set(work.session.execute(sa.select(Event.digest)).scalars())
            deed(work)
            entries = work.session.execute(sa.select(Event.digest, Event.content)).all()
            new = [json.loads(content) for digest, content in entries if digest not in before]
            if new and not any(said.get("on_behalf_of") for said in new):
                silent.append(name)
            raise _ThroughWithIt
    assert silent == []


def _at_once(*deeds: Callable[[], object]) -> list[StartklarError | None]:
    """Let several things happen at the same moment; what each was told."""
    gate = threading.Barrier(len(deeds))
    results: dict[int, StartklarError | None] = {}

    def act(number: int, deed: Callable[[], object]) -> None:
        gate.wait()
        try:
            deed()
            results[number] = None
        except StartklarError as error:
            results[number] = error

    threads = [threading.Thread(target=act, args=(number, deed)) for number, deed in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return [results[number] for number in range(len(deeds))]


def _race(world: World, people_: list[str], deed: Callable[[Work, str], Any]) -> list[StartklarError | None]:
    """Let several people do something at the same moment; what each was told."""
    return _at_once(*(partial(_do, world, who, deed) for who in people_))


def _do(world: World, who: str, deed: Callable[[Work, str], Any]) -> None:
    with world.by(who) as work:
        deed(work, who)


@pytest.mark.parametrize("turn", range(5))
def test_of_two_who_claim_a_task_at_once_one_gets_it(world: World, turn: int) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    task_id = world.task(case_id, "confirm_responsibility")
    told = _race(world, ["team", "colleague"], lambda work, _: tasks.accept(work, task_id))
    assert sorted(error is None for error in told) == [False, True]
    assert _chain(world, case_id) == list(range(1, len(_chain(world, case_id)) + 1))


@pytest.mark.parametrize("turn", range(3))
def test_of_many_who_move_a_case_at_once_one_moves_it(world: World, turn: int) -> None:
    case_id = world.open()
    given = {"reason": "Der Kreis ist nicht zuständig."}
    told = _race(
        world,
        ["team", "colleague"] * 4,
        lambda work, _: cases.advance(work, case_id, "not_responsible", seen=1, given=given),
    )
    assert sum(error is None for error in told) == 1
    assert all(isinstance(error, Conflict) for error in told if error is not None)
    assert world.case(case_id).version == 2


def test_a_case_opened_by_two_at_once_is_opened_once(world: World) -> None:
    told = _race(world, ["office", "team"] * 2, lambda work, _: cases.open_case(work, "wohngeld", TOWN))
    assert sum(error is None for error in told) == 1
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Case)).scalar_one() == 1


@pytest.mark.parametrize("turn", range(4))
def test_what_a_body_does_once_meets_cases_that_come_and_go(world: World, turn: int) -> None:
    """Prerequisites and cases are locked in one order, whoever begins: nobody waits for ever, nothing is lost."""
    leaving, staying, coming = world.open(), world.open("uvg"), world.open("elterngeld")
    for case_id in (leaving, staying, coming):
        world.bring(case_id, "choose_variant")
    world.do(leaving, "choose_variant", "team")
    world.do(staying, "choose_variant", "team")
    with world.look() as work:
        subject = work.session.execute(
            sa.select(Prerequisite.id).where(Prerequisite.kind == "editing_rights", Prerequisite.body == TOWN)
        ).scalar_one()
        proof = plausible(work.catalogue.shared.prerequisites["editing_rights"].evidence, work.today)
        chosen = world.answers(work, coming, "choose_variant")
    world.days(8)  # reminders are due
    declined = {"reason": "no_demand", "explanation": "Es gibt keine Anträge."}

    told = _at_once(
        partial(_do, world, "redaktion", lambda work, _: prerequisites.complete(work, subject, proof)),
        partial(_do, world, "team", lambda work, _: tasks.submit(work, world.task(coming, "choose_variant"), chosen)),
        partial(_do, world, "leitung", lambda work, _: cases.advance(work, leaving, "decline", given=declined)),
        partial(reminders.decide, world.engine),
        partial(following.work_off, world.engine),
    )

    assert told == [None] * 5
    following.work_off(world.engine)
    reminders.decide(world.engine)
    with world.look() as work:
        states = dict(
            list(
                work.session.execute(sa.select(Prerequisite.kind, Prerequisite.status).where(Prerequisite.body == TOWN))
            )
        )
        whole = [events.broken_at(work, chain) for chain in (leaving, staying, coming, subject)]
    assert states["editing_rights"] == "done"
    assert world.case(leaving).state == "declined"
    assert world.case(coming).variant == chosen["connection_variant"]
    assert whole == [None] * 4


@pytest.mark.parametrize("turn", range(2))
def test_a_catalogue_opened_by_two_at_once_is_opened_once(world: World, turn: int) -> None:
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld", "uvg"])
    results: list[cases.Opened] = []

    def open_all() -> None:
        results.extend(cases.open_planned(world.engine, world["office"], planned))

    assert _at_once(open_all, open_all) == [None, None]
    assert len(results) == 2 * len(planned)
    assert sum(result.refused is None for result in results) == len(planned)
    assert {type(result.refused) for result in results if result.refused} == {AlreadyOpen}
    with world.look() as work:
        numbers = work.session.execute(sa.select(Case.number)).scalars().all()
        tasks_of = work.session.execute(sa.select(sa.func.count()).select_from(Task)).scalar_one()
        ids = work.session.execute(sa.select(Case.id)).scalars().all()
        assert [events.broken_at(work, case_id) for case_id in ids] == [None] * len(ids)
    assert len(numbers) == len(set(numbers)) == len(planned)
    assert tasks_of == 12 * len(planned)


def test_of_a_case_planned_twice_one_is_opened_and_the_others_go_on(world: World) -> None:
    with world.look("office") as work:
        planned = cases.plan(work, ["wohngeld"])
    opened = cases.open_planned(world.engine, world["office"], [*planned[:3], planned[1], *planned[3:6]])
    assert [type(result.refused) for result in opened] == [type(None)] * 3 + [AlreadyOpen] + [type(None)] * 3
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Case)).scalar_one() == 6


def test_colleagues_on_different_tasks_of_one_case_do_not_collide(world: World) -> None:
    case_id = world.open()
    for name, who in [("express_interest", "digi"), ("confirm_responsibility", "team")]:
        world.do(case_id, name, who)
    with world.look() as work:
        given = {name: world.answers(work, case_id, name) for name in ("name_contacts", "take_inventory")}
    names = {"digi": "name_contacts", "it": "take_inventory"}
    told = _race(
        world,
        ["digi", "it"],
        lambda work, who: tasks.submit(work, world.task(case_id, names[who]), given[names[who]], seen=2),
    )
    assert told == [None, None]
    with world.look() as work:
        statuses = work.session.execute(
            sa.select(Task.status).where(Task.case_id == case_id, Task.name.in_(names.values()))
        ).scalars()
        assert set(statuses) == {"done"}
    assert world.row(case_id, "choose_variant").status == "ready"


def _chain(world: World, case_id: UUID) -> list[int]:
    with world.look() as work:
        return list(
            work.session.execute(sa.select(Event.seq).where(Event.chain_id == case_id).order_by(Event.seq)).scalars()
        )
