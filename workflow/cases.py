"""What can be done with a case: open it, take a transition, let it rest, let it go on, give it to another team."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import (
    casework,
    deadlines,
    delegations,
    events,
    evidence,
    policy,
    prerequisites,
    registers,
    requirements,
    tasks,
)
from workflow.casework import CaseAtHand, CaseRow, LockedCase, begin, insist_unmoved, lock
from workflow.definition import EvidenceField, Option, Process, Text, canonical
from workflow.engine import Engine, Who, Work
from workflow.errors import (
    AlreadyOpen,
    CaseHasMoved,
    CaseRests,
    Conflict,
    InvalidEvidence,
    NotAllowed,
    NotFound,
    Refused,
    StartklarError,
)
from workflow.evidence import NOTHING, Choices, Given
from workflow.machine import Move
from workflow.models import Body, Bulk, Case, Event, Hold, Remark, Team, TeamDistrict, TeamService

CHUNK = 100
CHUNK_SECONDS = 0.05
MOVERS = ("umsetzungsteam", "supervisor")
"""Who lets a case rest and go on."""
MOST_REVIEW_DAYS = 400
"""How many days ahead somebody looks at a resting case again at the latest."""
REVIEW_LADDER = "short"
"""Who is asked whether a resting case may go on: the ladder that runs towards the review date."""
TEAM_FIELDS = {
    "team": EvidenceField(type="text", title=Text(de="Neues Team", en="New team")),
    "reason": evidence.REASON,
}
"""What `move_to_team` asks for, as fields of a form; a page offers the teams."""
OCCASIONS: Mapping[str, Text] = {
    "upgrade": Text(de="Höhere Reife oder andere Variante", en="Higher maturity or another variant"),
    "reconnection": Text(de="Neue Version des Dienstes", en="New version of the service"),
    "migration": Text(de="Umstieg von einer früheren Lösung", en="Migration from an earlier solution"),
}
"""Why a further round is opened while the former is live."""
NEXT_FIELDS = {
    "occasion": EvidenceField(
        type="choice",
        title=Text(de="Warum eine neue Runde?", en="Why another round?"),
        options={name: Option(words) for name, words in OCCASIONS.items()},
    ),
    "reason": evidence.REASON,
}
"""What `open_next` asks for, as fields of a form."""


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case after a deed."""

    id: UUID
    number: str
    state: str
    version: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A case that could be opened: the service, the body, and who would look after it."""

    service: str
    body: str
    body_name: str
    team: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening came to for one planned case: the case, or why not."""

    planned: Planned
    case: CaseView | None
    refused: StartklarError | None


# --- opening ---------------------------------------------------------------------------------------------------------


def open_case(work: Work, service: str, body: str) -> CaseView:
    """Open a service for a responsible body: the first state's tasks become ready and their owners learn of it.

    After a case that ended (declined, not responsible) this opens the next round.

    Raises NotFound (service or body), NotAllowed, Refused (the body is not responsible, or nobody looks after it) or
    AlreadyOpen, in this order.
    """
    ground = _ground(work, [(service, body)])
    case = _begin(work, service, body, ground)
    try:
        case.record("opened")
    except CaseHasMoved as error:  # somebody else opened it between our look and our write
        raise AlreadyOpen(
            service=work.catalogue.service(service).title,
            body=ground.bodies[body].display_name,
            number=case.row.number,
        ) from error
    return view(case)


def begin_at(work: Work, service: str, body: str, standing: Mapping[str, Any], *, tasks_too: bool = True) -> LockedCase:
    """A case that stands somewhere already, with the tasks of that state only; not recorded yet.

    Raises what `open_case` raises, and AlreadyOpen also where a former round has ended.
    """
    ground = _ground(work, [(service, body)])
    case = _begin(work, service, body, ground, standing=standing, tasks_too=tasks_too)
    if rounds := ground.before.get((service, body)):
        name = ground.bodies[body].display_name
        raise AlreadyOpen(service=work.catalogue.service(service).title, body=name, number=rounds[-1].number)
    return case


def number_of(service: str, body: str, round_: int) -> str:
    """What people call a case: `wohngeld-07111-1`. The body's key without the zeros it is padded with."""
    return f"{service}-{body.rstrip('0')}-{round_}"


def plan(work: Work, services: Iterable[str]) -> list[Planned]:
    """Every case of these services that there has never been, for the bodies responsible. Nothing is changed.

    Services whose responsible bodies are unknown give none. Raises NotFound for a service the catalogue lacks.
    """
    teams = _teams(work)
    bodies = work.session.execute(
        sa.select(Body.ars, Body.kind, Body.district, Body.display_name)
        .where(Body.valid_until.is_(None))
        .order_by(Body.sort_key, Body.ars)
    ).all()
    known = {(service, body) for service, body in work.session.execute(sa.select(Case.service, Case.body))}
    planned: list[Planned] = []
    for key in services:
        group_name = work.catalogue.service(key).applies_to
        if group_name is None:
            continue
        group = work.catalogue.groups[group_name]
        for body in bodies:
            team = teams.team_for(key, body.district)
            if team and group.has(ars=body.ars, kind=body.kind) and (key, body.ars) not in known:
                planned.append(Planned(key, body.ars, body.display_name, team))
    return planned


def open_planned(
    engine: Engine,
    who: Who,
    planned: Sequence[Planned],
    *,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Opened]:
    """Open many cases in chunks; one that cannot be opened is reported alone.

    `progress` hears how many more were tried. With `dry_run` all are undone, and it is only told what would have become
    of them.
    """
    results: list[Opened] = []
    while len(results) < len(planned):
        rest = planned[len(results) : len(results) + CHUNK]
        chunk: list[Opened] = []
        try:
            with suppress(_OnlyTried), engine.change(who) as work:
                chunk = open_together(work, rest)
                if dry_run:
                    raise _OnlyTried
        except sa.exc.IntegrityError:  # somebody else opened one of them meanwhile: find out which
            with suppress(_OnlyTried), engine.change(who) as work:
                chunk = open_one_by_one(work, rest)
                if dry_run:
                    raise _OnlyTried from None
        results += chunk
        progress(len(chunk))
    return results


def open_next(work: Work, case_id: UUID, *, occasion: str, reason: str, seen: int | None = None) -> CaseView:
    """Open the next round of a case that is live or suspended: another maturity, a new version, another solution.

    The case stays as it is; once the next round goes live it ends as superseded. If that one ends before, it stays.

    Raises NotFound, CaseHasMoved, NotAllowed, Conflict (it was never live, or has ended), AlreadyOpen (its next round
    is under way), InvalidEvidence (no occasion, no reason) or what `open_case` raises, in this order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    insist_may_open_next(case)
    told = {a.field: str(a.value) for a in evidence.read(NEXT_FIELDS, {"occasion": occasion, "reason": reason})}
    end_of(case.process)

    row = case.row
    number = _free_round(work, row.service, row.body, row.round + 1)
    round_ = _Round(row.id, told["occasion"], number, team=row.team)
    following = _begin(work, row.service, row.body, _ground(work, [(row.service, row.body)]), round_)
    following.remark(told["reason"])
    following.record("opened")
    case.set(version=row.version + 1)
    case.say(by=following.row.id, **_said_of_opening(work, row.team))
    case.record("next_round_opened")
    return view(following)


def open_next_as_answered(work: Work, case_id: UUID, given: Given, *, seen: int | None = None) -> CaseView:
    """`open_next`, with its arguments as somebody gave them to `NEXT_FIELDS`. Raises what `open_next` raises."""
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    insist_may_open_next(case)
    told = {answer.field: str(answer.value) for answer in evidence.read(NEXT_FIELDS, given)}
    return open_next(work, case_id, occasion=told["occasion"], reason=told["reason"], seen=seen)


def insist_may_open_next(case: CaseAtHand) -> None:
    """Raises NotAllowed, Conflict (never live, or ended) or AlreadyOpen, in this order."""
    row = case.row
    _insist_may_open(case.work, row.team)
    if not may_be_followed(case):
        raise Conflict(what="never_live" if row.live_on is None else "ended")
    under_way = case.work.session.execute(
        sa.select(Case.number, Body.display_name)
        .join(Body, Body.ars == Case.body)
        .where(Case.previous_id == row.id, Case.ended_on.is_(None))
    ).first()
    if under_way is not None:
        service = case.work.catalogue.service(row.service).title
        raise AlreadyOpen(service=service, body=under_way.display_name, number=under_way.number)


def may_be_followed(case: CaseAtHand) -> bool:
    """Whether a next round may be opened beside it: it is live, or suspended."""
    return case.row.live_on is not None and case.row.ended_on is None


def supersede(case: LockedCase, by: UUID) -> None:
    """The case ends, because another goes on in its place. A pause it is in ends with it.

    Belongs to the deed that holds the case. Raises Refused when its process has no end for that.
    """
    today = case.work.today
    state = end_of(case.process)[1]
    if case.row.rests:
        resting = (Hold.case_id == case.row.id, Hold.ended_on.is_(None))
        hold_id = case.work.session.execute(sa.select(Hold.id).where(*resting)).scalar_one()
        case.amend(Hold, hold_id, ended_on=today, remind_at=None, rung=None)
        case.set(rests=False)
    tasks.close_open(case)
    case.say(by=by)
    case.set(state=state, entered_on=today, ended_on=today, superseded_by=by)


def give_way(work: Work, case_id: UUID, to: UUID) -> None:
    """The next round of a case went live: the case ends, linked with it. Does nothing where that is not so (any more).

    Raises NotFound, or Refused when its process has no end for that.
    """
    case = lock(work, case_id)
    following = work.session.execute(
        sa.select(Case.live_on, Case.ended_on, Case.previous_id).where(Case.id == to)
    ).one()
    goes_on = following.previous_id == case_id and following.live_on is not None and following.ended_on is None
    if not goes_on or case.row.ended_on is not None:
        return
    case.set(version=case.row.version + 1)
    supersede(case, to)
    prerequisites.review_soon(case)
    people = (*case.in_charge("umsetzungsteam"), *case.in_charge("body.digi"))
    case.notify("superseded", people, kind="case", subject_id=case.row.id, transition=end_of(case.process)[0])
    case.record("replaced")


def end_of(process: Process) -> tuple[str, str]:
    """Where a case ends that another goes on for: the transition only the system takes, and the end it leads to.

    Raises Refused when there is none.
    """
    for name, move in process.transitions.items():
        if set(move.by) == {"system"} and process.states[move.to].end:
            return name, move.to
    raise Refused("error.no_superseded_state", process=process.id)


def team_for(work: Work, service: str, district: str) -> str | None:
    """Who looks after a service in a district: the team of the service, else of the district; None when nobody does."""
    return _teams(work).team_for(service, district)


def by_number(work: Work, number: str) -> UUID:
    """The case people call by this number. Raises NotFound when there is none, or not for this actor."""
    found = work.session.execute(sa.select(Case.id).where(Case.number == number, policy.cases(work.actor))).scalar()
    if found is None:
        raise NotFound(what="case", name=number)
    return found


# --- moving ----------------------------------------------------------------------------------------------------------


def advance(work: Work, case_id: UUID, transition: str, *, seen: int | None = None, given: Given = NOTHING) -> CaseView:
    """Take one transition with a case.

    The new state, its tasks and deadlines, the event and the outgoing notices are kept together or not at all. `seen`
    is the version the person was looking at; None when nobody was.

    Raises NotFound, CaseHasMoved, TransitionNotAvailable, CaseRests, NotAllowed, InvalidEvidence or RequirementsNotMet,
    asked in this order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    machine = work.catalogue.machine(case.row.process, case.row.process_version)
    move = machine.move(case.row.state, transition)
    if case.row.rests and not takes_resting(case, move):
        raise CaseRests(number=case.row.number)
    standing = policy.insist(work.actor, move.transition.by, case.row)
    asked = move.transition.asks
    answers = evidence.read(asked, given, choices=tasks.choices(work, case.row.service, asked))
    requirements.insist(case, move.transition.requires)

    case.keep(
        answers,
        asked,
        kind="transition",
        subject_id=case.row.id,
        source=transition,
        attempt=case.row.attempts,
        earlier={},
    )
    if case.row.rests:
        _end_hold(case)
    tasks.close_open(case)
    _enter(case, move.source, move.target, back=move.transition.back)
    tasks.enter(case, move.target, move.transition.reopens)
    if case.row.ended_on is not None:
        prerequisites.review_soon(case)
    case.acts(standing)
    case.say(transition=transition, source=move.source, target=move.target)
    if case.process.states[move.target].goal and case.row.previous_id is not None:
        case.follow("next_round", case_id=case.row.previous_id)
    for role in move.transition.notify:
        case.notify("advanced", case.in_charge(role), kind="case", subject_id=case.row.id, transition=transition)
    case.record("advanced")
    return view(case)


def takes_resting(case: CaseAtHand, move: Move) -> bool:
    """Whether a transition may be taken while the case rests, which ends the pause: one that takes a live service out
    of operation, for that cannot wait."""
    states = case.process.states
    return states[move.source].goal and states[move.target].aside


def hold(
    work: Work,
    case_id: UUID,
    *,
    blocker: str,
    reason: str,
    review_on: dt.date | None,
    waits_for: str | None = None,
    promised_on: dt.date | None = None,
    seen: int | None = None,
) -> CaseView:
    """Let a case rest: a recorded pause with a cause and a review date. Nobody is reminded while it lasts.

    `waits_for` names a party of the register, like `vendor:prosoz` (`registers.entries`).

    Raises NotFound, CaseHasMoved, CaseRests (it does already), Conflict (it has ended), NotAllowed or InvalidEvidence
    (no reason, no review date, one that is past or more than 400 days away, a blocker or party nobody knows), in this
    order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    case.acts(insist_may_hold(case))
    words = tasks.reason_of(reason)
    review = _review_day(work, blocker, review_on, waits_for)

    case.set(rests=True, version=case.row.version + 1)
    tasks.quieten(case)
    remark_id = case.remark(words)
    kind, key = registers.party_of(waits_for)
    case.put(
        Hold,
        uuid4(),
        blocker=blocker,
        external_kind=kind,
        external_key=key,
        promised_on=promised_on,
        review_on=review,
        began_on=work.today,
        ended_on=None,
        remark_id=remark_id,
        held_by=work.actor.id,
        ladder=REVIEW_LADDER,
        generation=1,
        **_review_ring(work, review),
    )
    case.record("held")
    return view(case)


def hold_as_answered(work: Work, case_id: UUID, given: Given, *, seen: int | None = None) -> CaseView:
    """`hold`, with its arguments as somebody typed them into `hold_fields`. Raises what `hold` raises."""
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    insist_may_hold(case)
    return hold(work, case_id, **_hold_answers(work, given), seen=seen)


def hold_again(work: Work, case_id: UUID, *, seen: int | None = None) -> CaseView:
    """Let a case that went on today rest again as it did: for the same reason, until the same day.

    It is a second pause, which begins today. Raises NotFound, CaseHasMoved, CaseRests, Conflict (it has ended),
    NotAllowed, Conflict (no one pause ended today that was to last longer) or InvalidEvidence (a party that is offered
    no more), in this order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    insist_may_hold(case)
    before = _ended_today(work, case_id)
    if before is None:
        raise Conflict(what="pause")
    return hold(
        work,
        case_id,
        blocker=before.blocker,
        reason=before.text or "",
        review_on=before.review_on,
        waits_for=registers.written(before.external_kind, before.external_key),
        promised_on=before.promised_on,
        seen=seen,
    )


def may_hold_again(work: Work, case_id: UUID) -> bool:
    """Whether one pause of this case ended today that was to last longer, and what was said of it is still known."""
    before = _ended_today(work, case_id)
    return before is not None and before.text is not None


def change_hold(
    work: Work,
    case_id: UUID,
    *,
    blocker: str,
    reason: str,
    review_on: dt.date | None,
    waits_for: str | None = None,
    promised_on: dt.date | None = None,
    seen: int | None = None,
) -> CaseView:
    """Say anew why a resting case rests, whom it waits for, and when somebody looks at it again; with a reason.

    History keeps what it was before. Raises NotFound, CaseHasMoved, Conflict (it does not rest), NotAllowed or
    InvalidEvidence like `hold`, in this order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    standing = insist_may_change_hold(case)
    words = tasks.reason_of(reason)
    review = _review_day(work, blocker, review_on, waits_for)

    lasting = work.session.execute(
        sa.select(Hold.id, Hold.generation).where(Hold.case_id == case.row.id, Hold.ended_on.is_(None))
    ).one()
    kind, key = registers.party_of(waits_for)
    case.amend(
        Hold,
        lasting.id,
        blocker=blocker,
        external_kind=kind,
        external_key=key,
        promised_on=promised_on,
        review_on=review,
        generation=lasting.generation + 1,
        **_review_ring(work, review),
    )
    case.set(version=case.row.version + 1)
    case.remark(words)
    case.acts(standing)
    case.record("hold_changed")
    return view(case)


def change_hold_as_answered(work: Work, case_id: UUID, given: Given, *, seen: int | None = None) -> CaseView:
    """`change_hold`, with its arguments as somebody typed them into `hold_fields`. Raises what it raises."""
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    insist_may_change_hold(case)
    return change_hold(work, case_id, **_hold_answers(work, given), seen=seen)


def insist_may_hold(case: CaseAtHand) -> policy.Standing:
    """In what standing the actor may let it rest.

    Raises CaseRests (it does already), Conflict (it has ended) or NotAllowed, in this order.
    """
    if case.row.rests:
        raise CaseRests(number=case.row.number)
    if case.row.ended_on is not None:
        raise Conflict(what="case")
    return policy.insist(case.work.actor, MOVERS, case.row)


def insist_may_change_hold(case: CaseAtHand) -> policy.Standing:
    """In what standing the actor may. Raises Conflict (it does not rest) or NotAllowed, in this order."""
    if not case.row.rests:
        raise Conflict(what="rest")
    return policy.insist(case.work.actor, MOVERS, case.row)


def hold_fields(work: Work) -> dict[str, EvidenceField]:
    """What `hold` asks for, as fields of a form: its arguments by name."""
    return {
        "blocker": EvidenceField(
            type="choice",
            title=Text(de="Was hält den Vorgang auf?", en="What holds the case up?"),
            options={name: Option(blocker.title) for name, blocker in work.catalogue.programme.blockers.items()},
        ),
        "waits_for": EvidenceField(
            type="register",
            register="parties",
            required=False,
            title=Text(de="Auf wen warten Sie?", en="Whom are you waiting for?"),
            help=Text(
                de="Fehlt ein Hersteller? Ergänzen Sie ihn auf der Seite „Hersteller und Betreiber“.",
                en='Is a vendor missing? Add it on the page "Vendors and operators".',
            ),
        ),
        "promised_on": EvidenceField(
            type="date",
            required=False,
            title=Text(de="Zugesagt bis", en="Promised by"),
        ),
        "review_on": EvidenceField(
            type="date",
            title=Text(de="Wann sehen Sie wieder nach?", en="When will you look at it again?"),
            help=Text(
                de="An diesem Tag erinnern wir Sie. Bis dahin wird niemand an Aufgaben dieses Vorgangs erinnert.",
                en="We will remind you on this day. Until then nobody is reminded of tasks of this case.",
            ),
        ),
        "reason": evidence.REASON,
    }


def resume(work: Work, case_id: UUID, *, seen: int | None = None) -> CaseView:
    """Let a resting case go on: due dates move by the working days the pause took.

    Raises NotFound, CaseHasMoved, Conflict (it does not rest) or NotAllowed, in this order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    if not case.row.rests:
        raise Conflict(what="rest")
    case.acts(policy.insist(work.actor, MOVERS, case.row))

    _end_hold(case)
    case.set(version=case.row.version + 1)
    tasks.reclock(case)
    case.record("resumed")
    return view(case)


def move_to_team(work: Work, case_id: UUID, team: str, *, reason: str, seen: int | None = None) -> CaseView:
    """Let another team look after a case, as the programme office; its tasks go along and the new team learns of it.

    What somebody of the former team had accepted is open to the new one. Prerequisites stay with the district's team.

    Raises NotFound (the case), CaseHasMoved, Conflict (it has ended), NotAllowed, NotFound (the team), Conflict (it is
    the team's already) or InvalidEvidence (no reason), in this order.
    """
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    case.acts(insist_may_move_to_team(case))
    if work.session.execute(sa.select(Team.key).where(Team.key == team)).first() is None:
        raise NotFound(what="team", name=team)
    before = case.row.team
    if team == before:
        raise Conflict(what="team")
    words = tasks.reason_of(reason)

    case.set(version=case.row.version + 1)
    case.move_to_team(team)
    case.remark(words)
    case.say(team=team, team_before=before)
    people = [*case.in_charge("umsetzungsteam"), *case.in_charge("supervisor")]
    case.notify("moved_to_team", people, kind="case", subject_id=case.row.id, team=team)
    case.record("moved_to_team")
    return view(case)


def move_to_team_as_answered(work: Work, case_id: UUID, given: Given, *, seen: int | None = None) -> CaseView:
    """`move_to_team`, with its arguments as somebody gave them to `TEAM_FIELDS`. Raises what `move_to_team` raises."""
    case = lock(work, case_id)
    insist_unmoved(case, seen)
    insist_may_move_to_team(case)
    told = {answer.field: str(answer.value) for answer in evidence.read(TEAM_FIELDS, given)}
    return move_to_team(work, case_id, told["team"], reason=told["reason"], seen=seen)


def insist_may_move_to_team(case: CaseAtHand) -> policy.Standing:
    """In what standing the actor may. Raises Conflict (it has ended) or NotAllowed, in this order."""
    if case.row.ended_on is not None:
        raise Conflict(what="ended")
    away = policy.insist_holds(case.work.actor, "programme_office")
    return policy.Standing("programme_office", on_behalf_of=away)


def erase_remark(work: Work, case_id: UUID, remark_id: UUID) -> CaseView:
    """Erase free text somebody gave in a case, as the programme office or the operator at the shell.

    The text and its salt go, also out of what was asked of many cases at once; history keeps that there was one, and
    who took it away. Its commitment says nothing without the salt. Raises NotFound (the case), NotAllowed, NotFound
    (the remark) or Conflict (erased already), in this order.
    """
    asked_of_many = _lock_bulk_of(work, case_id, remark_id)
    case = lock(work, case_id)
    away = policy.insist_may_erase(work.actor)
    query = sa.select(Remark.text).where(Remark.id == remark_id, Remark.chain_id == case.row.id)
    row = work.session.execute(query).first()
    if row is None:
        raise NotFound(what="remark")
    if row.text is None:
        raise Conflict(what="erased")

    case.execute(casework.ERASE_REMARK, which=remark_id)
    case.say(remark_id=remark_id, **({"on_behalf_of": away} if away else {}))
    case.record("remark_erased")
    if asked_of_many is not None:
        _forget_in_bulk(work, asked_of_many, row.text)
    return view(case)


# --- helpers, in the order they are called ---------------------------------------------------------------------------


def _lock_bulk_of(work: Work, case_id: UUID, remark_id: UUID) -> UUID | None:
    """What was asked of many cases and left this text in one of them; ours, for it is held before its cases are."""
    entries = sa.select(Event.content).where(Event.chain_id == case_id, Event.content.contains(remark_id.hex))
    said = (json.loads(content) for content in work.session.execute(entries).scalars())
    bulk_id = next((UUID(entry["bulk"]) for entry in said if "bulk" in entry), None)
    if bulk_id is not None:
        work.session.execute(sa.select(Bulk.id).where(Bulk.id == bulk_id).with_for_update())
    return bulk_id


def _forget_in_bulk(work: Work, bulk_id: UUID, text: str) -> None:
    arguments = json.loads(work.session.execute(sa.select(Bulk.arguments).where(Bulk.id == bulk_id)).scalar_one())
    given = arguments.get("given", {})
    arguments["given"] = {name: value for name, value in given.items() if str(value).split() != text.split()}
    work.session.execute(sa.update(Bulk).where(Bulk.id == bulk_id).values(arguments=canonical(arguments)))


@dataclass(frozen=True, slots=True)
class _Teams:
    by_service: dict[str, str]
    by_district: dict[str, str]

    def team_for(self, service: str, district: str) -> str | None:
        """The team of the service, else of the district."""
        return self.by_service.get(service) or self.by_district.get(district)


def _teams(work: Work) -> _Teams:
    return _Teams(
        _pairs(work, sa.select(TeamService.service, TeamService.team)),
        _pairs(work, sa.select(TeamDistrict.district, TeamDistrict.team)),
    )


def _pairs(work: Work, statement: sa.Select[str, str]) -> dict[str, str]:
    return dict(list(work.session.execute(statement)))


def _insist_may_open(work: Work, team: str) -> None:
    if not policy.may_open(work.actor, team):
        raise NotAllowed(roles=("programme_office", "umsetzungsteam"))


def _said_of_opening(work: Work, team: str) -> dict[str, UUID]:
    return casework.said_of_place(work.actor, lambda who: policy.may_open(who, team))


def _free_round(work: Work, service: str, body: str, least: int) -> int:
    number = number_of(service, body, 0)[:-1]
    taken = set(
        work.session.execute(sa.select(Case.number).where(Case.number.startswith(number, autoescape=True))).scalars()
    )
    return next(round_ for round_ in itertools.count(least) if f"{number}{round_}" not in taken)


class _OnlyTried(Exception):
    """Ends a transaction that was only tried."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """What opening asks the database about: bodies, teams, who holds which role, the last rounds."""

    bodies: dict[str, Any]
    teams: _Teams
    holders: Callable[[CaseRow], tuple[policy.Holder, ...]]
    before: dict[tuple[str, str], list[Any]]
    """The rounds so far, the first one first."""
    delegates: dict[tuple[str, str], str]
    """Who acts today for whom."""


@dataclass(frozen=True, slots=True)
class _Round:
    """Which round a case is, after which, and why."""

    previous_id: UUID | None
    occasion: str
    number: int
    team: str | None = None
    """Who looks after it; None: as for a first one."""


def _ground(work: Work, wanted: Sequence[tuple[str, str]]) -> _Ground:
    """All of it for many cases at once, each a service and a body."""
    bodies = {body for _, body in wanted}
    rows = work.session.execute(
        sa.select(Body.ars, Body.kind, Body.district, Body.display_name, Body.valid_from).where(
            Body.ars.in_(bodies), Body.valid_until.is_(None)
        )
    )
    rounds = work.session.execute(
        sa.select(Case.id, Case.service, Case.body, Case.number, Case.round, Case.ended_on)
        .where(
            Case.service.in_({service for service, _ in wanted}), Case.body.in_(bodies), Case.superseded_by.is_(None)
        )
        .order_by(Case.round)
    )
    before: dict[tuple[str, str], list[Any]] = {}
    for row in rounds:
        before.setdefault((row.service, row.body), []).append(row)
    delegates = delegations.in_force(work, wanted)
    return _Ground(
        bodies={row.ars: row for row in rows},
        teams=_teams(work),
        holders=casework.holders_at(work, {*bodies, *delegates.values()}),
        before=before,
        delegates=delegates,
    )


def _begin(
    work: Work,
    service: str,
    body: str,
    ground: _Ground,
    following: _Round | None = None,
    *,
    standing: Mapping[str, Any] = MappingProxyType({}),
    tasks_too: bool = True,
) -> LockedCase:
    """A case in its first state, not recorded yet; `following`: as this round; `standing`: columns of one that stands
    somewhere already. Raises what `open_case` raises."""
    entry = work.catalogue.service(service)
    row = ground.bodies.get(body)
    if row is None:
        raise NotFound(what="body", name=body)
    team = (following.team if following else None) or ground.teams.team_for(service, row.district) or ""
    _insist_may_open(work, team)
    if not team:
        raise Refused("error.no_team", body=row.display_name)
    if entry.applies_to is None or not work.catalogue.groups[entry.applies_to].has(ars=row.ars, kind=row.kind):
        raise Refused("error.not_responsible_body", service=entry.title, body=row.display_name)
    if following is None:
        rounds = ground.before.get((service, body), [])
        for one in rounds:
            if one.ended_on is None:
                raise AlreadyOpen(service=entry.title, body=row.display_name, number=one.number)
        following = _Round(rounds[-1].id, "again", rounds[-1].round + 1) if rounds else _Round(None, "first", 1)
        if row.valid_from is not None:  # it may have been there before, and have left cases with its numbers to another
            following = replace(following, number=_free_round(work, service, body, following.number))

    process = work.catalogue.newest(work.catalogue.programme.process)
    opened = CaseRow(
        id=uuid4(),
        number=number_of(service, body, following.number),
        service=service,
        body=body,
        round=following.number,
        process=process.process,
        process_version=process.version,
        state=process.initial,
        version=1,
        team=team,
        operator=entry.operator,
        variant=None,
        wave=None,
        stichtag=None,
        opened_on=work.today,
        entered_on=work.today,
        live_on=None,
        closed_on=None,
        ended_on=None,
        rests=False,
        underway=False,
        attempts=0,
        seq=0,
        head=events.START,
        previous_id=following.previous_id,
        occasion=following.occasion,
        delegate=ground.delegates.get((service, body)),
    )
    for name, value in standing.items():
        setattr(opened, name, value)
    case = begin(work, opened, process, ground.holders(opened))
    case.say(**_said_of_opening(work, team))
    if tasks_too:
        tasks.enter(case, opened.state)
    return case


def open_together(work: Work, planned: Sequence[Planned]) -> list[Opened]:
    """As many of these as fit into one short transaction, kept at once.

    Raises IntegrityError when somebody else has just opened one of them; then none is kept.
    """
    began = time.monotonic()
    ground = _ground(work, [(one.service, one.body) for one in planned])
    results: list[Opened] = []
    begun: list[LockedCase] = []
    for one in planned:
        try:
            begun.append(case := _begin(work, one.service, one.body, ground))
        except StartklarError as error:
            results.append(Opened(one, None, error))
        else:
            results.append(Opened(one, view(case), None))
        if time.monotonic() - began > CHUNK_SECONDS / 2:  # the other half is for writing
            break
    casework.record_new(begun, "opened")
    return results


def open_one_by_one(work: Work, planned: Sequence[Planned]) -> list[Opened]:
    """The same with a savepoint each: one that is refused is undone alone."""
    began = time.monotonic()
    results: list[Opened] = []
    for one in planned:
        try:
            with work.session.begin_nested():
                results.append(Opened(one, open_case(work, one.service, one.body), None))
        except StartklarError as error:
            results.append(Opened(one, None, error))
        if time.monotonic() - began > CHUNK_SECONDS:
            break
    return results


def _enter(case: LockedCase, source: str, target: str, *, back: bool) -> None:
    """Stand in the new state, with what that means for the case as a whole."""
    process, today = case.process, case.work.today
    state = process.states[target]
    case.set(state=target, version=case.row.version + 1, entered_on=today)
    if back:
        case.set(attempts=case.row.attempts + 1)
    if state.end:
        case.set(ended_on=today)
    elif not state.aside and source == process.initial:
        case.set(underway=True)
    if state.goal and case.row.live_on is None:
        case.set(live_on=today)


def _hold_answers(work: Work, given: Given) -> dict[str, Any]:
    fields = hold_fields(work)
    choices = Choices(registers={"waits_for": registers.offered(work, fields["waits_for"])})
    told = {answer.field: answer.value for answer in evidence.read(fields, given, choices=choices)}
    return {name: told.get(name) for name in fields}


def _review_day(work: Work, blocker: str, review_on: dt.date | None, waits_for: str | None) -> dt.date:
    """The review date. Raises InvalidEvidence unless it is to come soon enough, and what is named is known."""
    faults: dict[str, tuple[str, dict[str, object]]] = {}
    if blocker not in work.catalogue.programme.blockers:
        faults["blocker"] = ("evidence.not_an_option", {})
    if waits_for and waits_for not in registers.entries(work, "parties"):
        faults["waits_for"] = ("evidence.not_an_option", {})
    if review_on is None:
        faults["review_on"] = ("evidence.review_missing", {})
    elif review_on <= work.today:
        faults["review_on"] = ("evidence.not_in_future", {})
    elif (review_on - work.today).days > MOST_REVIEW_DAYS:
        faults["review_on"] = ("evidence.too_far_ahead", {"n": MOST_REVIEW_DAYS})
    if faults or review_on is None:
        raise InvalidEvidence(faults)
    return review_on


def _review_ring(work: Work, review_on: dt.date) -> dict[str, Any]:
    """When somebody is reminded of the review date."""
    ladder = work.catalogue.programme.ladders[REVIEW_LADDER]
    ring = deadlines.next_ring(work.catalogue.calendar, ladder, review_on, work.today, now=work.now)
    return {"remind_at": ring.at if ring else None, "rung": ring.rung if ring else None, "occurrence": 0}


def _ended_today(work: Work, case_id: UUID) -> Any:
    """The latest pause of a case, if it ended today before its review; None also where two could be meant."""
    latest = (
        sa.select(Hold.__table__, Remark.text)
        .outerjoin(Remark, Remark.id == Hold.remark_id)
        .where(Hold.case_id == case_id)
        .order_by(Hold.began_on.desc(), Hold.id)
        .limit(2)
    )
    found = work.session.execute(latest).all()
    if not found or found[0].ended_on != work.today or found[0].review_on <= work.today:
        return None
    return None if len(found) > 1 and found[1].began_on == found[0].began_on else found[0]


def _end_hold(case: LockedCase) -> None:
    """The pause that lasts ends today."""
    lasting = case.work.session.execute(
        sa.select(Hold.id).where(Hold.case_id == case.row.id, Hold.ended_on.is_(None))
    ).scalar_one()
    case.amend(Hold, lasting, ended_on=case.work.today, remind_at=None, rung=None)
    case.end_pause(case.work.today)
    case.set(rests=False)


def view(case: LockedCase) -> CaseView:
    """The case after a deed."""
    return CaseView(case.row.id, case.row.number, case.row.state, case.row.version)
