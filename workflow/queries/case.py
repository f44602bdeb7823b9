"""The page of one case: what is next, who must act until when, why it does not go on, and what happened so far."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import (
    cases,
    casework,
    evidence,
    participants,
    policy,
    registers,
    replies,
    requirements,
    sub_services,
    tasks,
)
from workflow.casework import TaskRow
from workflow.definition import AD_HOC, TASK_OWNERS, Contact, EvidenceField, Text, Transition
from workflow.engine import Work
from workflow.errors import NotFound, TransitionNotAvailable
from workflow.machine import Move
from workflow.models import Body, Bulk, Case, Event, Part, Participant, Remark
from workflow.queries import conversation, delays, parts, seen, standstill
from workflow.queries.conversation import Conversation, Said
from workflow.queries.delays import Delays
from workflow.queries.parts import AnswerView, DocumentLine, Due, StateView
from workflow.queries.seen import Answered, HoldSeen, OfBody, Party, Recorded, SeenCase, TaskLine
from workflow.queries.standstill import Cause, Standstill
from workflow.queries.why import Why
from workflow.texts import Key, sort_key

PAGE = 20
"""Entries of history on the page of the case."""
PAGE_OF_HISTORY = 60
"""Entries on one page of nothing else."""


@dataclass(frozen=True, slots=True)
class MoveOffer:
    """A transition that starts here. `obstacles` are empty when nothing but a person is missing."""

    name: str
    title: Text
    help: Text | None
    target: StateView
    back: bool
    asks: Mapping[str, EvidenceField]
    may: bool
    """The actor of the page may take it, once nothing is in the way."""
    while_resting: bool
    """It may be taken while the case rests, and ends the pause."""
    by: tuple[Party, ...]
    obstacles: tuple[Cause, ...]

    @property
    def onward(self) -> bool:
        """It leads forward on the main road."""
        return not self.back and not self.target.aside


@dataclass(frozen=True, slots=True)
class PrerequisiteLine:
    """Something the body needs for this case's variant. `status` is missing while nobody has asked for it."""

    id: UUID | None
    title: Text
    scope: Text | str | None
    status: Literal["missing", "ready", "accepted", "submitted", "declined", "set_aside", "renewing", "done", "expired"]
    """`renewing`: a new round goes on, and what was proved is still valid."""
    step: Text | None
    """The present step, where its kind has several."""
    mine: bool
    """It waits for the actor of the page."""
    party: Party | None
    due: Due | None
    done_on: dt.date | None
    valid_until: dt.date | None


@dataclass(frozen=True, slots=True)
class MilestoneLine:
    """Something the Land does for the case's service."""

    id: UUID
    title: Text
    due: Due | None
    reached_on: dt.date | None


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened: `event.<act>` says it with `facts`.

    `who` is None for what time did (`system`) and for people whose name was erased. `standing_for` names the role in
    whose place they acted. `opened` are the tasks whose turn came by it.
    """

    seq: int
    at: dt.datetime
    act: str
    facts: Mapping[str, Any]
    who: str | None
    system: bool
    standing_for: Text | None
    on_behalf_of: str | None
    """Whom a deputy stood in for."""
    in_cluster: bool
    """A co-ordinator acted for a member of the cluster."""
    for_body: str | None
    """The body for which a delegate's people acted."""
    together: bool
    """It was one decision for several cases."""
    recorded: Recorded | None
    """How the team learned what it entered for the body."""
    remark: str | None
    answers: tuple[AnswerView, ...]
    opened: tuple[Text, ...]
    dropped: tuple[Text, ...]
    waits: tuple[Text, ...]
    onward: bool
    """It brought the case forward on the main road."""
    with_others: bool
    """It was done together with other cases."""
    bulk_id: UUID | None
    """What was asked of all of them, if the actor may see it."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The pause that lasts."""

    blocker: Text
    since: dt.date
    review: Due
    promised_on: dt.date | None
    waits_for: Text | None
    contact: Contact | None
    """Where to ask whoever is waited for."""
    reason: str | None
    held_by: str | None
    reply: UUID | None = None
    """Its id, where the actor of the page may reply to its reminders."""


@dataclass(frozen=True, slots=True)
class HoldLine:
    """A pause in the ledger, with the working days it took; those so far while it lasts."""

    blocker: Text
    since: dt.date
    until: dt.date | None
    days: int
    waits_for: Text | None
    review_on: dt.date
    promised_on: dt.date | None
    reason: str | None
    held_by: str | None


NextKind = Literal["mine", "others", "move", "waiting", "rests", "live", "ended"]


@dataclass(frozen=True, slots=True)
class Next:
    """The one thing that is next.

    mine: a task or prerequisite that waits for the actor of the page; others: a task that waits for somebody else;
    move: nothing is missing but a transition; waiting: for `cause`, which `move` still lacks; rests, live, ended:
    nothing is. What others must do is the first of what the case waits for (`standstill`).
    """

    kind: NextKind
    task: TaskLine | None = None
    version: int = 0
    """Of the task."""
    deeds: tuple[str, ...] = ()
    """What the actor of the page may do with the task."""
    why: Why | None = None
    """How the task's date came about."""
    cause: Cause | None = None
    prerequisite: PrerequisiteLine | None = None
    move: MoveOffer | None = None


@dataclass(frozen=True, slots=True)
class Lacking:
    """What the next step lacks besides the one thing that is next; each is told in one place of the page."""

    move: Text | None = None
    """The next step."""
    tasks: int = 0
    """So many tasks; they stand in the list of tasks."""
    others: tuple[Cause, ...] = ()
    """And this."""
    behind: Mapping[UUID, tuple[Text, ...]] = field(default_factory=dict)
    """What waits for each of these tasks in turn."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was answered in a task, as it holds now."""

    task_id: UUID
    title: Text
    done: bool
    given_at: dt.datetime
    given_by: str | None
    answers: tuple[AnswerView, ...]


@dataclass(frozen=True, slots=True)
class CaseHead:
    """What a case is, and where it stands."""

    id: UUID
    number: str
    version: int
    seq: int
    """The number of the last entry of its history."""
    service: Text
    service_key: str
    body: str
    body_ars: str
    delegate: str | None
    """The body whose people act while the service is given away."""
    team: str
    operator: str | None
    variant: Text | None
    wave: Text | None
    stichtag: dt.date | None
    opened_on: dt.date
    entered_on: dt.date
    live_on: dt.date | None
    closed_on: dt.date | None
    ended_on: dt.date | None
    attempts: int
    round: int
    occasion: Text | None
    """Why this round was opened, unless it is the first."""
    taken_over: bool
    """It was opened in the middle of its way, with dates of before."""
    state: StateView
    road: tuple[StateView, ...]
    process: str
    process_version: int
    """Which process the case follows: `definitions` draws it."""
    reached: int
    """How many states of the main road are behind it, for a case that stands aside."""
    rests: bool


@dataclass(frozen=True, slots=True)
class OtherCase:
    """A case another one names. `id` is None when the actor of the page does not see it."""

    id: UUID | None
    number: str


@dataclass(frozen=True, slots=True)
class Others:
    """The cases one is linked with."""

    superseded_by: OtherCase | None = None
    """The case that goes on in its place."""
    supersedes: tuple[OtherCase, ...] = ()
    """Cases that came from bodies that ended, and ended themselves because this one goes on."""
    previous: OtherCase | None = None
    """The round before."""
    replaces_previous: bool = False
    """That one ended because this one went live."""
    later: tuple[OtherCase, ...] = ()
    """Rounds that were opened after this one; not the one that goes on in its place."""
    onward: bool = False
    """One of them is on its way."""


@dataclass(frozen=True, slots=True)
class CasePage:
    """Everything the page of a case shows."""

    head: CaseHead
    next: Next
    standstill: Standstill
    """Why it is where it is: what it waits for, who must act, what would unblock it."""
    lacking: Lacking
    delays: Delays
    """Working days lost so far, by whom."""
    rest: Rest | None
    because: tuple[AnswerView, ...]
    """What was answered when the case stepped aside or ended."""
    others: Others
    holds: tuple[HoldLine, ...]
    """Every pause so far, the latest first."""
    may_hold: bool
    may_resume: bool
    may_move_to_team: bool
    may_open_next: bool
    participants: tuple[ParticipantLine, ...]
    may_invite: bool
    sub_services: tuple[PartLine, ...]
    may_switch: bool
    moves: tuple[MoveOffer, ...]
    onward: MoveOffer | None
    open: tuple[TaskLine, ...]
    """Tasks somebody must act on: those of the actor first, then by date."""
    waiting: tuple[TaskLine, ...]
    settled: tuple[TaskLine, ...]
    """Done, waived or declined, the last first; tasks that fell away are only counted."""
    obsolete: int
    prerequisites: tuple[PrerequisiteLine, ...]
    milestones: tuple[MilestoneLine, ...]
    proofs: tuple[Proof, ...]
    """What was answered in its tasks, the latest first."""
    documents: tuple[DocumentLine, ...]
    may_add_for: tuple[tuple[str, Text], ...]
    """The roles the actor of the page may give an additional task: names and titles."""
    conversation: Conversation
    history: tuple[Entry, ...]
    older: int | None
    """Where the next page of history begins."""
    newest: bool
    """The history shown begins with the latest entry."""


@dataclass(frozen=True, slots=True)
class DocumentsPage:
    """Every document of a case with all its versions, the latest first."""

    head: CaseHead
    documents: tuple[DocumentLine, ...]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """The whole history of a case, page by page, the latest first."""

    head: CaseHead
    history: tuple[Entry, ...]
    older: int | None
    newer: bool
    states: tuple[tuple[Text, dt.date, int | None], ...]
    """Where it was in its course: state, since when, and where the page begins that tells how it left it (None: it is
    there now)."""


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """Everything that was said about a case, in the order in which it was said."""

    head: CaseHead
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class PartLine:
    """One of the services a service consists of, as it stands in this case."""

    name: str
    title: Text | str
    """The name alone where the catalogue does not know it any more."""
    live_on: dt.date | None
    off_on: dt.date | None
    url: str | None
    known: bool

    @property
    def is_on(self) -> bool:
        """Whether it is live now."""
        return self.live_on is not None and self.off_on is None


@dataclass(frozen=True, slots=True)
class ParticipantLine:
    """A body that takes part in the case."""

    ars: str
    name: str
    joined_on: dt.date


@dataclass(frozen=True, slots=True)
class ParticipantsPage:
    """The page on which somebody says which bodies take part."""

    head: CaseHead
    there: tuple[ParticipantLine, ...]
    candidates: tuple[participants.Candidate, ...]


@dataclass(frozen=True, slots=True)
class ParticipationPage:
    """What a body that takes part sees of a case: where it stands, and its own tasks."""

    number: str
    service: Text
    service_key: str
    body: str
    body_ars: str
    team: str
    state: StateView
    road: tuple[StateView, ...]
    reached: int
    entered_on: dt.date
    live_on: dt.date | None
    open: tuple[TaskLine, ...]
    waiting: tuple[TaskLine, ...]
    settled: tuple[TaskLine, ...]


@dataclass(frozen=True, slots=True)
class TransitionSeen:
    """A transition of a case's process, whether or not it starts from the state the case is in."""

    title: Text
    target: Text
    asks: Mapping[str, EvidenceField]


@dataclass(frozen=True, slots=True)
class MovePage:
    """The page that asks what a transition asks."""

    head: CaseHead
    move: MoveOffer


@dataclass(frozen=True, slots=True)
class TeamPage:
    """The page on which somebody gives a case to another team."""

    head: CaseHead
    teams: tuple[tuple[str, str], ...]
    """Every other team: key and title."""


@dataclass(frozen=True, slots=True)
class NextPage:
    """The page on which somebody opens the next round."""

    head: CaseHead
    fields: Mapping[str, EvidenceField]


@dataclass(frozen=True, slots=True)
class HoldPage:
    """The page on which somebody lets a case rest."""

    head: CaseHead
    fields: Mapping[str, EvidenceField]
    parties: Mapping[str, Text]
    """Whom a case can wait for."""
    present: Mapping[str, str | dt.date | None]
    """What stands in the form: a suggestion, or what the lasting pause says."""
    changes: bool
    """The case rests already, and the form changes how."""


def case(work: Work, case_id: UUID, *, before: int | None = None) -> CasePage:
    """The page of a case; `before`: the number of the entry that older history is shown from.

    Raises NotFound when it is not there or not for this actor.
    """
    found, (events, kept, reminders, asked, reached) = seen.look_around(
        work,
        case_id,
        lambda row: (
            (_HISTORY, {"case_id": case_id}),
            conversation.asking(case_id),
            seen.asking_reminded(case_id),
            *delays.asking(row),
        ),
    )
    everything = [_EventRow(seq, at, actor_id, act, json.loads(content)) for seq, at, actor_id, act, content in events]
    entries = [entry for entry in reversed(everything) if before is None or entry.seq < before][: PAGE + 1]
    answered, holds = found.answered(), found.holds()
    spoken = conversation.read(found, kept=kept)
    found.learn_names(
        conversation.people_in(spoken)
        + [task.holder_id for task in found.tasks.values()]
        + [entry.actor_id for entry in entries]
        + [_id(entry.said.get(name)) for entry in entries for name in ("to", "on_behalf_of")]
        + [answer.given_by for answer in answered]
        + [hold.held_by for hold in holds]
    )
    reminded = seen.days_of_reminders(work, reminders)
    here = [task for task in found.tasks.values() if task.acting is not None]
    open_tasks = tuple(sorted((found.line(task, reminded_on=reminded.get(task.id)) for task in here), key=_by_urgency))
    moves = _moves(found)
    onward = next((move for move in moves if move.onward), None)
    prerequisites = _prerequisites(found)
    may_move = policy.allows(work.actor, cases.MOVERS, found.row)
    shown = entries[:PAGE]
    others = _others(found)
    bulks = _bulks(work, shown)
    answer = standstill.of_case(found)
    next_one = _next(found, open_tasks, prerequisites, onward, answer)
    return CasePage(
        head=_head(found),
        next=next_one,
        standstill=answer,
        lacking=_lacking(next_one, answer),
        delays=delays.lost(
            work,
            found.row,
            ((entry.at, entry.said) for entry in everything),
            (
                (one.blocker, one.external_kind, one.external_key, one.vendor_title, one.began_on, one.ended_on)
                for one in found.hold_rows
            ),
            asked,
            reached,
        ),
        rest=_rest(found),
        because=_because(found),
        others=others,
        holds=_hold_lines(found),
        may_hold=may_move and not found.row.rests and found.row.ended_on is None,
        may_resume=may_move and found.row.rests,
        may_move_to_team=work.actor.holds("programme_office") and found.row.ended_on is None,
        may_open_next=policy.may_open(work.actor, found.row.team)
        and cases.may_be_followed(found)
        and not others.onward,
        participants=_there(found) if _has_participants(found) else (),
        may_invite=_has_participants(found) and participants.may_invite(found),
        sub_services=_sub_services(found),
        may_switch=sub_services.may_switch(found),
        moves=moves,
        onward=onward,
        open=open_tasks,
        waiting=_waiting(found),
        settled=_settled(found),
        obsolete=sum(1 for task in found.tasks.values() if task.status == "obsolete"),
        prerequisites=prerequisites,
        milestones=_milestones(found),
        proofs=_proofs(found),
        documents=_documents(found),
        may_add_for=tuple(
            (owner, parts.role_title(work.catalogue, owner))
            for owner in TASK_OWNERS
            if found.row.ended_on is None and policy.may_add_task(work.actor, owner, found.row)
        ),
        conversation=conversation.in_words(found, spoken),
        history=tuple(_entry(found, entry, bulks) for entry in shown),
        older=shown[-1].seq if len(entries) > PAGE else None,
        newest=before is None,
    )


def since(work: Work, case_id: UUID, seq: int, task_id: UUID | None = None) -> tuple[Entry, ...]:
    """What happened after an entry of the history, the latest first, at most five; with the task if anything did.

    Raises NotFound when the case is not there or not for this actor.
    """
    found = seen.look(work, case_id)
    entries = [entry for entry in _entries(work, case_id, None) if entry.seq > seq]
    of_task = [entry for entry in entries if task_id is not None and entry.said.get("task") == task_id.hex]
    told = (of_task or entries)[:5]
    found.learn_names([entry.actor_id for entry in told] + [_id(entry.said.get("to")) for entry in told])
    return tuple(_entry(found, entry, frozenset()) for entry in told)


def documents(work: Work, case_id: UUID) -> DocumentsPage:
    """Every document of a case. Raises NotFound when it is not there or not for this actor."""
    found = seen.look(work, case_id)
    found.learn_names([answer.given_by for answer in found.answered()])
    return DocumentsPage(_head(found), _documents(found))


def history(work: Work, case_id: UUID, *, before: int | None = None) -> HistoryPage:
    """The history of a case from an entry on. Raises NotFound when it is not there or not for this actor."""
    found = seen.look(work, case_id)
    entries = _entries(work, case_id, before, PAGE_OF_HISTORY)
    shown = entries[:PAGE_OF_HISTORY]
    found.learn_names(
        [entry.actor_id for entry in shown]
        + [_id(entry.said.get(name)) for entry in shown for name in ("to", "on_behalf_of")]
        + [answer.given_by for answer in found.answered()]
    )
    bulks = _bulks(work, shown)
    return HistoryPage(
        head=_head(found),
        history=tuple(_entry(found, entry, bulks) for entry in shown),
        older=shown[-1].seq if len(entries) > len(shown) else None,
        newer=before is not None,
        states=_states_passed(found),
    )


def _states_passed(found: SeenCase) -> tuple[tuple[Text, dt.date, int | None], ...]:
    rows = found.work.session.execute(_MOVES, {"case_id": found.row.id}).all()
    today = found.work.catalogue.calendar.today
    passed: list[tuple[str, dt.date, int]] = []
    for seq, at, content in rows:
        state = json.loads(content).get("case", {}).get("state")
        if state is not None:
            passed.append((state, today(at), seq))
    left = [seq + 1 for _, _, seq in passed[1:]] + [None]
    return tuple(
        (known.title if (known := found.process.states.get(state)) else Text(de=state, en=state), on, before)
        for (state, on, _), before in zip(passed, left, strict=True)
    )


def conversation_page(work: Work, case_id: UUID) -> ConversationPage:
    """Everything that was said about a case. Raises NotFound when it is not there or not for this actor."""
    found = seen.look(work, case_id)
    spoken = conversation.read(found)
    found.learn_names(conversation.people_in(spoken))
    return ConversationPage(_head(found), conversation.in_words(found, spoken).said)


def why(work: Work, case_id: UUID) -> tuple[str, Standstill]:
    """Why a case is where it is, and its number. Raises NotFound when it is not there or not for this actor."""
    found = seen.look(work, case_id)
    found.learn_names([task.holder_id for task in found.tasks.values()])
    return found.row.number, standstill.of_case(found)


def move(work: Work, case_id: UUID, name: str) -> MovePage:
    """The page of one transition of a case. Raises NotFound, or TransitionNotAvailable from the state it is in."""
    found = seen.look(work, case_id)
    if name not in found.process.transitions:
        raise NotFound(what="transition")
    found.learn_names([])
    for offer in _moves(found):
        if offer.name == name:
            return MovePage(_head(found), offer)
    raise TransitionNotAvailable(name, found.row.state)


def transition(work: Work, case_id: UUID, name: str) -> TransitionSeen:
    """A transition of the case's process by name. Raises NotFound."""
    found = seen.look(work, case_id)
    known = found.process.transitions.get(name)
    if known is None:
        raise NotFound(what="transition")
    return TransitionSeen(known.title, found.process.states[known.to].title, known.asks)


def hold(work: Work, case_id: UUID) -> HoldPage:
    """The page on which a case is let rest. Raises NotFound, and what `cases.insist_may_hold` raises."""
    found = seen.look(work, case_id)
    cases.insist_may_hold(found)
    return HoldPage(
        head=_head(found),
        fields=cases.hold_fields(work),
        parties=registers.entries(work, "parties"),
        present={"review_on": work.catalogue.calendar.add(work.today, 10)},
        changes=False,
    )


def change_hold(work: Work, case_id: UUID) -> HoldPage:
    """The page on which a pause is changed. Raises NotFound, and what `cases.insist_may_change_hold` raises."""
    found = seen.look(work, case_id)
    cases.insist_may_change_hold(found)
    lasting = next(hold for hold in found.holds() if hold.ended_on is None)
    return HoldPage(
        head=_head(found),
        fields=cases.hold_fields(work),
        parties=registers.entries(work, "parties"),
        present={
            "blocker": lasting.code,
            "waits_for": lasting.party,
            "review_on": lasting.review_on,
            "promised_on": lasting.promised_on,
        },
        changes=True,
    )


def team(work: Work, case_id: UUID) -> TeamPage:
    """The page on which a case is given to another team. Raises NotFound, or what `insist_may_move_to_team` raises."""
    found = seen.look(work, case_id)
    cases.insist_may_move_to_team(found)
    others = ((key, name) for key, name in parts.team_titles(work).items() if key != found.row.team)
    return TeamPage(head=_head(found), teams=tuple(sorted(others, key=lambda team: sort_key(team[1]))))


def participation(work: Work, case_id: UUID) -> ParticipationPage:
    """The case as a body sees it that takes part in it. Raises NotFound."""
    found = seen.look_as_participant(work, case_id)
    found.learn_names([task.holder_id for task in found.tasks.values()])
    head = _head(found)
    here = (found.line(task) for task in found.tasks.values() if task.acting is not None)
    return ParticipationPage(
        number=head.number,
        service=head.service,
        service_key=head.service_key,
        body=head.body,
        body_ars=head.body_ars,
        team=head.team,
        state=head.state,
        road=head.road,
        reached=head.reached,
        entered_on=head.entered_on,
        live_on=head.live_on,
        open=tuple(sorted(here, key=_by_urgency)),
        waiting=_waiting(found),
        settled=_settled(found),
    )


def participants_page(work: Work, case_id: UUID) -> ParticipantsPage:
    """Which bodies take part and which could. Raises NotFound, or what `participants.insist_may_invite` raises."""
    found = seen.look(work, case_id)
    participants.insist_may_invite(found)
    return ParticipantsPage(_head(found), _there(found), participants.candidates(found))


def next_round(work: Work, case_id: UUID) -> NextPage:
    """The page on which the next round is opened. Raises NotFound, or what `cases.insist_may_open_next` raises."""
    found = seen.look(work, case_id)
    cases.insist_may_open_next(found)
    return NextPage(head=_head(found), fields=cases.NEXT_FIELDS)


# --- where it stands -------------------------------------------------------------------------------------------------


def _head(found: SeenCase) -> CaseHead:
    row, catalogue = found.row, found.work.catalogue
    road = tuple(parts.state_of(found.process, key) for key, state in found.process.states.items() if not state.aside)
    operator = catalogue.programme.operators.get(row.operator) if row.operator else None
    variant = catalogue.variant(row.service, row.variant)
    entered = {task.state for task in found.tasks.values()}
    return CaseHead(
        id=row.id,
        process=row.process,
        process_version=row.process_version,
        number=row.number,
        version=row.version,
        seq=row.seq,
        service=parts.service_title(catalogue, row.service),
        service_key=row.service,
        body=found.body_name,
        body_ars=row.body,
        delegate=found.body_names.get(row.delegate) if row.delegate else None,
        team=found.team_title,
        operator=operator.title if operator else row.operator,
        variant=variant.title if variant else None,
        wave=found.wave_title,
        stichtag=row.stichtag,
        opened_on=row.opened_on,
        entered_on=row.entered_on,
        live_on=row.live_on,
        closed_on=row.closed_on,
        ended_on=row.ended_on,
        attempts=row.attempts,
        round=row.round,
        occasion=cases.OCCASIONS.get(row.occasion),
        taken_over=row.taken_over,
        state=parts.state_of(found.process, row.state),
        road=road,
        reached=len(road)
        if row.live_on
        else max((position for position, state in enumerate(road) if state.key in entered), default=0),
        rests=row.rests,
    )


def _next(
    found: SeenCase,
    open_tasks: Sequence[TaskLine],
    prerequisites: Sequence[PrerequisiteLine],
    onward: MoveOffer | None,
    answer: Standstill,
) -> Next:
    """What is next, seen by the actor of the page. Optional tasks wait behind everything that leads on."""
    if found.row.ended_on is not None:
        return Next("ended")
    if found.row.rests:
        return Next("rests")
    own = open_tasks[0] if open_tasks else None
    if own is not None and own.mine:
        return _next_task(found, "mine", own, onward)
    wanted = next((line for line in prerequisites if line.mine), None)
    if wanted is not None:
        return Next("mine", prerequisite=wanted, move=onward)
    if onward is not None and not onward.obstacles:
        return Next("move", move=onward)
    cause = answer.causes[0] if answer.kind in ("waits", "aftercare") else None
    if cause is not None and (cause.target is None or cause.target.kind != "task"):
        return Next("waiting", cause=cause, move=onward)
    first = next((line for line in open_tasks if cause and cause.target and line.id == cause.target.id), own)
    if first is not None:
        return _next_task(found, "others", first, onward)
    if onward is not None:
        return Next("waiting", cause=cause, move=onward)
    return Next("live")


def _next_task(found: SeenCase, kind: NextKind, line: TaskLine, onward: MoveOffer | None) -> Next:
    task = next(task for task in found.tasks.values() if task.id == line.id)
    deeds = tasks.deeds(found, task)
    return Next(kind, task=line, version=task.version, deeds=deeds, why=found.why(task), move=onward)


def _lacking(next_one: Next, answer: Standstill) -> Lacking:
    """What is told beside the next thing: tasks stand in their list, everything else is named."""
    if answer.kind not in ("waits", "aftercare"):
        return Lacking()
    of_tasks = [one for one in answer.causes if one.kind == "task" and one.target is not None]
    wanted = next_one.prerequisite.id if next_one.prerequisite else None
    return Lacking(
        move=answer.move,
        tasks=len(of_tasks),
        others=tuple(
            one
            for one in answer.causes
            if one.kind != "task" and one != next_one.cause and (one.target is None or one.target.id != wanted)
        ),
        behind={one.target.id: one.behind for one in of_tasks if one.target is not None},
    )


def _because(found: SeenCase) -> tuple[AnswerView, ...]:
    if not found.process.states[found.row.state].aside:
        return ()
    given = [answer for answer in found.answered() if answer.kind == "transition"]
    last = max((answer.revision for answer in given), default=0)
    return tuple(
        found.answer(answer, _asked(found, "transition", answer.source).get(answer.field))
        for answer in given
        if answer.revision == last
    )


def _others(found: SeenCase) -> Others:
    """The cases this one names and those that name it."""
    row = found.row
    named = {row.superseded_by, row.previous_id} - {None}
    if not named and not found.is_named_by_others:
        return Others()
    seen_by_actor = sa.case((policy.cases(found.work.actor), 1), else_=0).label("visible")
    rows = found.work.session.execute(
        sa.select(Case.id, Case.number, Case.superseded_by, Case.previous_id, Case.ended_on, seen_by_actor)
        .where(sa.or_(Case.superseded_by == row.id, Case.previous_id == row.id, Case.id.in_(named)))
        .order_by(Case.round, Case.number)
    ).all()
    views = {other.id: OtherCase(other.id if other.visible else None, other.number) for other in rows}
    return Others(
        superseded_by=views.get(row.superseded_by) if row.superseded_by else None,
        supersedes=tuple(
            views[other.id] for other in rows if other.superseded_by == row.id and other.id != row.previous_id
        ),
        previous=views.get(row.previous_id) if row.previous_id else None,
        replaces_previous=any(other.id == row.previous_id and other.superseded_by == row.id for other in rows),
        later=tuple(views[other.id] for other in rows if other.previous_id == row.id and other.id != row.superseded_by),
    )


def _hold_lines(found: SeenCase) -> tuple[HoldLine, ...]:
    calendar, today = found.work.catalogue.calendar, found.work.today
    return tuple(
        HoldLine(
            blocker=hold.blocker,
            since=hold.began_on,
            until=hold.ended_on,
            days=calendar.between(hold.began_on, hold.ended_on or today),
            waits_for=hold.waits_for,
            review_on=hold.review_on,
            promised_on=hold.promised_on,
            reason=found.remarks().get(hold.remark_id.hex) if hold.remark_id else None,
            held_by=found.name(hold.held_by),
        )
        for hold in reversed(found.holds())
    )


def _sub_services(found: SeenCase) -> tuple[PartLine, ...]:
    """Those the catalogue names, then what was once live and is not named any more; none before the case is live."""
    entry = found.work.catalogue.services.get(found.row.service)
    named = dict(entry.sub_services) if entry is not None else {}
    if not found.has_parts and (not named or found.row.live_on is None):
        return ()
    rows = found.work.session.execute(
        sa.select(Part.name, Part.live_on, Part.off_on, Remark.text)
        .outerjoin(Remark, Remark.id == Part.url_id)
        .where(Part.case_id == found.row.id)
        .order_by(Part.name)
    )
    kept = {row.name: row for row in rows}
    return tuple(
        PartLine(
            name=name,
            title=named.get(name, name),
            live_on=row.live_on if row is not None else None,
            off_on=row.off_on if row is not None else None,
            url=row.text if row is not None else None,
            known=name in named,
        )
        for name in (*named, *(name for name in kept if name not in named))
        for row in [kept.get(name)]
    )


def _has_participants(found: SeenCase) -> bool:
    entry = found.work.catalogue.services.get(found.row.service)
    return entry is not None and bool(entry.participants)


def _there(found: SeenCase) -> tuple[ParticipantLine, ...]:
    rows = found.work.session.execute(
        sa.select(Participant.body, Body.display_name, Participant.joined_on)
        .join(Body, Body.ars == Participant.body)
        .where(Participant.case_id == found.row.id, Participant.left_on.is_(None))
        .order_by(Body.sort_key, Body.ars)
    )
    return tuple(ParticipantLine(*row) for row in rows)


def _rest(found: SeenCase) -> Rest | None:
    lasting = next((hold for hold in found.holds() if hold.ended_on is None), None)
    return _rest_of(found, lasting) if lasting is not None and found.row.rests else None


def _rest_of(found: SeenCase, hold: HoldSeen) -> Rest:
    review = parts.due(found.work, hold.review_on)
    assert review is not None  # noqa: S101 - a hold always has a review date
    return Rest(
        blocker=hold.blocker,
        since=hold.began_on,
        review=review,
        promised_on=hold.promised_on,
        waits_for=hold.waits_for,
        contact=registers.contact_of(found.work, hold.party),
        reason=found.remarks().get(hold.remark_id.hex) if hold.remark_id else None,
        held_by=found.name(hold.held_by),
        reply=hold.id if replies.offer_of_hold(found, hold.row) is not None else None,
    )


# --- where it may go -------------------------------------------------------------------------------------------------


def _moves(found: SeenCase) -> tuple[MoveOffer, ...]:
    """Every transition people can take from here; those only time takes are left out."""
    machine = found.work.catalogue.machine(found.row.process, found.row.process_version)
    moves = machine.moves_from(found.row.state).values()
    return tuple(_offer(found, move) for move in moves if set(move.transition.by) != {"system"})


def _offer(found: SeenCase, move: Move) -> MoveOffer:
    transition: Transition = move.transition
    return MoveOffer(
        name=move.name,
        title=transition.title,
        help=transition.help,
        target=parts.state_of(found.process, move.target),
        back=transition.back,
        asks=transition.asks,
        may=policy.allows(found.work.actor, transition.by, found.row),
        while_resting=cases.takes_resting(found, move),
        by=tuple(found.party(role) for role in transition.by if role != "system"),
        obstacles=tuple(standstill.cause(found, reason) for reason in requirements.unmet(found, transition.requires)),
    )


# --- tasks -----------------------------------------------------------------------------------------------------------


def _by_urgency(line: TaskLine) -> tuple[bool, bool, dt.date, str]:
    """Those of the actor first, then what leads on, then by date."""
    return (not line.mine, line.optional, line.due.on if line.due else dt.date.max, line.title.de)


def _waiting(found: SeenCase) -> tuple[TaskLine, ...]:
    """Tasks whose turn has not come, in the order of the definition."""
    return tuple(
        found.line(task)
        for _, name, _ in found.process.tasks()
        for task in found.instances(name)
        if task.status == "waiting"
    )


def _settled(found: SeenCase) -> tuple[TaskLine, ...]:
    order = {name: position for position, (_, name, _) in enumerate(found.process.tasks())}
    settled = [task for task in found.tasks.values() if _is_settled(task)]
    settled.sort(key=lambda task: (task.ended_on or dt.date.min, order.get(task.name, 0)), reverse=True)
    return tuple(found.line(task) for task in settled)


def _is_settled(task: TaskRow) -> bool:
    return task.status in ("done", "waived") or (task.status == "declined" and task.acting is None)


# --- what many cases wait for ----------------------------------------------------------------------------------------


def _prerequisites(found: SeenCase) -> tuple[PrerequisiteLine, ...]:
    catalogue, today = found.work.catalogue, found.work.today
    lines: list[PrerequisiteLine] = []
    for entry in catalogue.needed(found.row.service, found.row.variant):
        kind = catalogue.shared.prerequisites.get(entry.kind)
        known = found.prerequisites().get((entry.kind, entry.scope))
        owner = known.owner if known else kind.owner if kind else None
        done = known is not None and known.holds_on(today)
        lapsed = not done and known is not None and known.status in ("done", "expired")
        status: Any = "expired" if lapsed else known.status if known and known.status != "not_needed" else "missing"
        if done and status != "done":
            status = "renewing"
        of = OfBody(found.row.body, known.team if known else found.row.team)
        lines.append(
            PrerequisiteLine(
                id=known.id if known else None,
                title=parts.prerequisite_title(catalogue, entry.kind),
                scope=parts.scope_title(catalogue, entry.scope),
                status=status,
                step=parts.step_title(catalogue, entry.kind, known.step) if known and known.acting else None,
                mine=known is not None
                and known.acting is not None
                and policy.standing(found.work.actor, known.acting, of, found.holders) is not None,
                party=found.party(
                    known.acting if known and known.acting else owner,
                    holder=known.holder_id if known and known.status == "accepted" else None,
                    of=of,
                )
                if owner and status != "done"
                else None,
                due=parts.due(found.work, known.due_on) if known and known.acting else None,
                done_on=known.done_on if known else None,
                valid_until=known.valid_until if known else None,
            )
        )
    return tuple(sorted(lines, key=lambda line: (line.status == "done", line.due.on if line.due else dt.date.max)))


def _milestones(found: SeenCase) -> tuple[MilestoneLine, ...]:
    shared = found.work.catalogue.shared.milestones
    return tuple(
        MilestoneLine(
            id=milestone.id,
            title=shared[kind].title if kind in shared else Text(de=kind, en=kind),
            due=parts.due(found.work, milestone.due_on) if milestone.reached_on is None else None,
            reached_on=milestone.reached_on,
        )
        for kind, milestone in sorted(found.milestones().items())
    )


def _proofs(found: SeenCase) -> tuple[Proof, ...]:
    """By task, what was answered last; each in the order of the form."""
    given: dict[UUID, list[Answered]] = {}
    for answer in found.answered():
        if answer.kind == "task" and answer.latest:
            given.setdefault(answer.subject_id, []).append(answer)
    proofs = [
        _proof(found, task, given[task.id])
        for task in found.tasks.values()
        if task.id in given and not _fell_away(task)
    ]
    return tuple(sorted(proofs, key=lambda proof: proof.given_at, reverse=True))


def _proof(found: SeenCase, task: TaskRow, given: Sequence[Answered]) -> Proof:
    asked = _asked(found, "task", task.name)
    order = {name: position for position, name in enumerate(asked)}
    last = max(given, key=lambda answer: answer.given_at)
    return Proof(
        task_id=task.id,
        title=found.definition_of(task).title,
        done=task.status in ("done", "waived"),
        given_at=last.given_at,
        given_by=found.name(last.given_by),
        answers=tuple(
            found.answer(answer, asked.get(answer.field))
            for answer in sorted(given, key=lambda answer: order.get(answer.field, len(order)))
        ),
    )


def _fell_away(task: TaskRow) -> bool:
    return task.status == "obsolete"


def _documents(found: SeenCase) -> tuple[DocumentLine, ...]:
    """Documents given in this case with all their versions, the newest first. What a transition took is one each."""
    lines: dict[tuple[Any, ...], list[Answered]] = {}
    for answer in reversed(found.answered()):
        if answer.document is not None:
            once = answer.revision if answer.kind == "transition" else None
            lines.setdefault((answer.kind, answer.subject_id, answer.source, answer.field, once), []).append(answer)
    return tuple(_document(found, given) for given in lines.values())


def _document(found: SeenCase, given: Sequence[Answered]) -> DocumentLine:
    newest = given[0]
    asked = _asked(found, newest.kind, newest.source).get(newest.field)
    return parts.line(
        asked.title if asked else newest.field,
        _source(found, newest.kind, newest.source, newest.subject_id.hex),
        [found.answer(one, asked) for one in given],
        stands=newest.kind == "transition" or newest.latest,
    )


def _asked(found: SeenCase, kind: str, source: str) -> Mapping[str, EvidenceField]:
    """What a task or transition asks for, as far as the process still knows it."""
    if kind == "transition":
        transition = found.process.transitions.get(source)
        return transition.asks if transition else {}
    task = next((task for _, name, task in found.process.tasks() if name == source), None)
    if source == AD_HOC:
        return casework.RESULT
    return {**evidence.SIGNED, **(task.evidence if task else {})}


def _source(found: SeenCase, kind: str, source: str, subject: str | None = None) -> Text:
    if source == AD_HOC and subject is not None:
        return (
            found.added().get(UUID(subject), casework.ad_hoc(found.work, "", 1, "umsetzungsteam", optional=True)).title
        )
    if kind == "transition":
        transition = found.process.transitions.get(source)
        return transition.title if transition else Text(de=source, en=source)
    return next((task.title for _, name, task in found.process.tasks() if name == source), Text(de=source, en=source))


# --- history ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _EventRow:
    seq: int
    at: dt.datetime
    actor_id: UUID | None
    act: str
    said: Mapping[str, Any]


def _entries(work: Work, case_id: UUID, before: int | None, most: int = PAGE) -> list[_EventRow]:
    """One more than a page, newest first."""
    rows = work.session.execute(_EVENTS, {"case_id": case_id, "before": before or 2**31 - 1, "most": most + 1})
    return [_EventRow(seq, at, actor_id, act, json.loads(content)) for seq, at, actor_id, act, content in rows]


def _bulks(work: Work, rows: Sequence[_EventRow]) -> frozenset[str]:
    """Of the many-at-once that these entries name, those the actor may look at, by their ids as history writes them."""
    named = {UUID(row.said["bulk"]) for row in rows if "bulk" in row.said}
    if not named:
        return frozenset()
    query = sa.select(Bulk.id).where(Bulk.id.in_(named), policy.bulks(work.actor))
    return frozenset(found.hex for found in work.session.execute(query).scalars())


def _entry(found: SeenCase, row: _EventRow, bulks: frozenset[str]) -> Entry:
    said = row.said
    instead_of = said.get("instead_of")
    remark = (said.get("remark") or {}).get("id")
    return Entry(
        seq=row.seq,
        at=row.at,
        act=row.act,
        facts=_facts(found, said),
        who=found.name(row.actor_id),
        system=row.actor_id is None,
        standing_for=parts.role_title(found.work.catalogue, instead_of) if instead_of else None,
        on_behalf_of=found.name(_id(said.get("on_behalf_of"))),
        in_cluster="cluster" in said,
        for_body=found.body_name if "for_body" in said else None,
        together="together" in said,
        recorded=(recorded := _recorded(found, said)),
        remark=_words(row.act, found.remarks().get(remark)) if remark and recorded is None else None,
        answers=_answers_of(found, said.get("transition"), row.seq),
        opened=tuple(_moved(found, said, "ready")),
        dropped=tuple(_moved(found, said, "obsolete")) if "transition" not in said else (),
        waits=tuple(_moved(found, said, "waiting")) if "transition" not in said and row.seq > 1 else (),
        onward=_leads_on(found, said.get("transition")),
        with_others="bulk" in said,
        bulk_id=_id(said.get("bulk")) if said.get("bulk") in bulks else None,
    )


def _words(act: str, text: str | None) -> str | None:
    """What was written, unless it stands elsewhere: a comment in the conversation, the title of an added task in the
    sentence about it."""
    if act in _SPOKEN or text is None:
        return None
    return text.partition("\n")[2].strip() or None if act == "task_added" else text


def _recorded(found: SeenCase, said: Mapping[str, Any]) -> Recorded | None:
    for told in said.get("rows", {}).get("recording", {}).values():
        means = tasks.TOLD["means"].options[told["means"]].title
        return Recorded(means, dt.date.fromisoformat(told["told_on"]), found.remarks().get(told["told_by"]))
    return None


_SPOKEN = ("commented", "task_commented")
"""Entries whose words stand in the conversation."""


def _facts(found: SeenCase, said: Mapping[str, Any]) -> dict[str, Any]:
    """What the sentence of an entry names, in titles."""
    facts: dict[str, Any] = {"number": found.row.number} | _points(found, said)
    if name := said.get("name"):
        facts["task"] = _source(found, "task", name, said.get("task"))
    if to := said.get("to"):
        facts["person"] = found.name(_id(to)) or Key("person.gone")
    if (days := said.get("days")) is not None:
        facts["n"] = days
    if transition := said.get("transition"):
        facts["transition"] = _source(found, "transition", transition)
    if target := said.get("target"):
        known = found.process.states.get(target)
        facts["state"] = known.title if known else target
    for paused in said.get("rows", {}).get("hold", {}).values():
        blocker = found.work.catalogue.programme.blockers.get(paused.get("blocker", ""))
        facts["blocker"] = blocker.title if blocker else paused.get("blocker", "")
        if review_on := paused.get("review_on"):
            facts["review_on"] = dt.date.fromisoformat(review_on)
    facts |= _new_places(found, said) | _parts_and_participants(found, said)
    if by := said.get("by"):
        query = sa.select(Case.number).where(Case.id == UUID(by))
        facts["case"] = found.work.session.execute(query).scalar_one()
    if on := said.get("on"):
        facts["on"] = dt.date.fromisoformat(on)
    if source := said.get("source_id"):
        facts["what"] = _shared_title(found, source)
    return facts


def _parts_and_participants(found: SeenCase, said: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the service and the bodies an entry is about."""
    facts: dict[str, Any] = {}
    if part := said.get("part"):
        entry = found.work.catalogue.services.get(found.row.service)
        facts["part"] = entry.sub_services.get(part, part) if entry is not None else part
    if bodies := said.get("bodies"):
        names = parts.body_names(found.work, bodies)
        facts["bodies"], facts["n"] = ", ".join(names.get(ars, ars) for ars in bodies), len(bodies)
    return facts


def _new_places(found: SeenCase, said: Mapping[str, Any]) -> dict[str, str]:
    """The team or body that has the case now, and the one before; the body that acts, or did."""
    facts: dict[str, str] = {}
    if (new_team := said.get("team")) and (old_team := said.get("team_before")):
        teams = parts.team_titles(found.work)
        facts["team"], facts["before"] = teams.get(new_team, new_team), teams.get(old_team, old_team)
    if (new_body := said.get("body")) and (old_body := said.get("body_before")):
        names = parts.body_names(found.work, (new_body, old_body))
        facts["body"], facts["before"] = names.get(new_body, new_body), names.get(old_body, old_body)
    if acts := said.get("delegate") or said.get("delegate_before"):
        facts["delegate"] = parts.body_names(found.work, (acts,)).get(acts, acts)
    return facts


def _points(found: SeenCase, said: Mapping[str, Any]) -> dict[str, Any]:
    """Points of a task's checklist by their titles, if the entry is about any."""
    if "points" not in said:
        return {}
    known = next((task.checklist for _, name, task in found.process.tasks() if name == said["name"]), {})
    return {"points": [known.get(point, point) for point in said["points"]]}


def _shared_title(found: SeenCase, source: str) -> Text | Key:
    """The prerequisite or milestone behind an entry."""
    catalogue = found.work.catalogue
    for prerequisite in found.prerequisites().values():
        if prerequisite.id.hex == source:
            return parts.prerequisite_title(catalogue, prerequisite.kind)
    for milestone in found.milestones().values():
        if milestone.id.hex == source and milestone.kind in catalogue.shared.milestones:
            return catalogue.shared.milestones[milestone.kind].title
    return Key("event.something")


def _answers_of(found: SeenCase, transition: str | None, seq: int) -> tuple[AnswerView, ...]:
    """What was answered when a transition was taken: its answers carry the number of the entry."""
    if transition is None:
        return ()
    asked = _asked(found, "transition", transition)
    return tuple(
        found.answer(answer, asked.get(answer.field))
        for answer in found.answered()
        if answer.kind == "transition" and answer.source == transition and answer.revision == seq
    )


def _leads_on(found: SeenCase, transition: str | None) -> bool:
    known = found.process.transitions.get(transition or "")
    return known is not None and not known.back and not found.process.states[known.to].aside


def _moved(found: SeenCase, said: Mapping[str, Any], status: str) -> Iterable[Text]:
    """The tasks that came to be in this status by it, in the order of the process; not the one it is about."""
    places = found.places()
    moved = {
        places[task_id]
        for task_id, change in (said.get("tasks") or {}).items()
        if change.get("status") == status and task_id != said.get("task") and task_id in places
    }
    return (title for _, title in sorted(moved, key=lambda one: one[0]))


def _id(written: str | None) -> UUID | None:
    return UUID(written) if written else None


_HISTORY = (
    sa.select(Event.seq, Event.at, Event.actor_id, Event.act, Event.content)
    .where(Event.chain_id == sa.bindparam("case_id", type_=sa.Uuid()))
    .order_by(Event.seq)
)
_EVENTS: Any = (
    sa.select(Event.seq, Event.at, Event.actor_id, Event.act, Event.content)
    .where(
        Event.chain_id == sa.bindparam("case_id", type_=sa.Uuid()),
        Event.seq < sa.bindparam("before", type_=sa.Integer()),
    )
    .order_by(Event.seq.desc())
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
_MOVES: Any = (
    sa.select(Event.seq, Event.at, Event.content)
    .where(
        Event.chain_id == sa.bindparam("case_id", type_=sa.Uuid()), Event.act.in_(("opened", "advanced", "taken_over"))
    )
    .order_by(Event.seq)
)
