"""What people answer to a reminder: that they see to it, that it may come later, or by when it will be done.

Replies are a ledger beside that of extensions. They hold for one due date: whatever changes it brings all reminders
back. No reply silences those whom a ladder asks for help; they can only be asked later, and only so often.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, get_args
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import casework, deadlines, milestones, policy, prerequisites, tasks
from workflow.casework import CaseAtHand, LockedCase, TaskRow
from workflow.deadlines import Delay
from workflow.definition import Ladder
from workflow.engine import Work
from workflow.errors import NotAllowed, NotFound, Refused, TaskHasMoved, TaskNotAvailable
from workflow.milestones import MilestoneRow
from workflow.models import Hold, Reply
from workflow.policy import Standing
from workflow.prerequisites import PrerequisiteRow

Kind = Literal["task", "prerequisite", "milestone", "hold"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Via = Literal["page", "link"]
Says = Literal["seen", "snoozed", "promised"]
SAYS: tuple[Says, ...] = get_args(Says)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was replied while a due date stood: whether somebody sees to it, and how its reminders were put off."""

    is_seen: bool = False
    delays: tuple[Delay, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """Which replies are open to somebody now, and how far they reach."""

    generation: int
    """Of the due date they are about."""
    see: bool = False
    snooze_days: int = 0
    """Working days by which the reminders can be put off at once, at most; 0: not at all."""
    snoozes_left: int = 0
    promise_until: dt.date | None = None
    """The last day that can be promised; None: the ladder does not ask, or it was promised often enough."""
    promises_left: int = 0

    def __bool__(self) -> bool:
        return self.see or self.snooze_days > 0 or self.promise_until is not None


@dataclass(frozen=True, slots=True)
class Replied:
    """A subject after a reply: when it is due, and when somebody is reminded next."""

    kind: Kind
    id: UUID
    due_on: dt.date
    generation: int
    remind_at: dt.datetime | None


@dataclass(slots=True)
class HoldRow:
    """What a reply asks of a pause that lasts."""

    id: UUID
    case_id: UUID
    blocker: str
    review_on: dt.date
    began_on: dt.date
    ended_on: dt.date | None
    ladder: str | None
    remind_at: dt.datetime | None
    rung: str | None
    occurrence: int
    generation: int
    replied: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody says about one thing they are reminded of."""

    kind: Kind
    id: UUID
    of: int | None
    """The generation of the due date that was shown; None when nobody was looking."""
    says: Says
    working_days: int = 0
    """For `snoozed`."""
    on: dt.date | None = None
    """For `promised`."""


@dataclass(frozen=True, slots=True)
class Clock:
    """When somebody is reminded of a subject: its due date, and the rung its ladder comes to next."""

    kind: Kind
    id: UUID
    generation: int
    ladder: str | None
    remind_at: dt.datetime | None
    rung: str | None
    occurrence: int
    due_on: dt.date
    counted_from: dt.date
    replied: int | None
    """The generation in which somebody last replied."""
    attempt: int = 1
    """Of the task, or the round of the prerequisite."""


def clock_of_task(task: TaskRow, due_on: dt.date) -> Clock:
    """The clock of a task that is due on this day."""
    counted_from = task.counted_from or due_on
    return _clock("task", task, due_on, counted_from, attempt=task.attempt)


def clock_of_hold(row: HoldRow) -> Clock:
    """The clock of the review of a pause."""
    return _clock("hold", row, row.review_on, row.began_on)


def clock_of_prerequisite(row: PrerequisiteRow, due_on: dt.date) -> Clock:
    """The clock of a prerequisite that is due, or expires, on this day."""
    return _clock("prerequisite", row, due_on, row.counted_from, attempt=row.round)


def clock_of_milestone(work: Work, row: MilestoneRow, due_on: dt.date) -> Clock:
    """The clock of a milestone that is due on this day; repeats without a day of their own count from its planning."""
    return _clock("milestone", row, due_on, milestones.planned_on(work, row))


def _clock(
    kind: Kind,
    row: TaskRow | HoldRow | PrerequisiteRow | MilestoneRow,
    due_on: dt.date,
    counted_from: dt.date,
    *,
    attempt: int = 1,
) -> Clock:
    return Clock(
        kind,
        row.id,
        row.generation,
        row.ladder,
        row.remind_at,
        row.rung,
        row.occurrence,
        due_on,
        counted_from,
        row.replied,
        attempt,
    )


# --- deeds -----------------------------------------------------------------------------------------------------------


def see(
    work: Work, kind: Kind, subject_id: UUID, *, seen: int | None = None, of: int | None = None, via: Via = "page"
) -> Replied:
    """Say "seen, I see to it": while the due date stands, reminders for those alone whose task it is are skipped.

    Who is asked for help is asked all the same. `seen` is the version the person was looking at, `of` the generation of
    the due date.

    Raises NotFound, CaseHasMoved or TaskHasMoved, TaskNotAvailable, NotAllowed or Refused (nobody will be reminded any
    more, or somebody has said so), in this order.
    """
    at_hand, standing = _take(work, kind, subject_id, seen, of)
    clock = at_hand.clock
    if clock.remind_at is None:
        raise Refused("error.reply_nothing_left")
    if _ledger_of(work, clock).is_seen:
        raise Refused("error.reply_seen_already")
    at_hand.keep("seen", standing, _reply(work, clock, via), {"replied": clock.generation})
    return Replied(kind, subject_id, clock.due_on, clock.generation, clock.remind_at)


def snooze(
    work: Work,
    kind: Kind,
    subject_id: UUID,
    working_days: int,
    *,
    seen: int | None = None,
    of: int | None = None,
    via: Via = "page",
) -> Replied:
    """Put off every reminder still to come by some working days; the due date stays.

    Raises NotFound, CaseHasMoved or TaskHasMoved, TaskNotAvailable, NotAllowed or Refused (nobody will be reminded any
    more, put off as often as the programme allows, or not as many days), in this order.
    """
    at_hand, standing = _take(work, kind, subject_id, seen, of)
    clock, ladder = at_hand.clock, _ladder_of(work, at_hand.clock)
    limits = work.catalogue.programme.mail.replies
    before = _ledger_of(work, clock).delays
    if clock.remind_at is None or ladder is None:
        raise Refused("error.reply_nothing_left")
    if len(before) >= limits.snoozes:
        raise Refused("error.reply_snoozed_enough", n=limits.snoozes)
    if not 1 <= working_days <= limits.snooze_days:
        raise Refused("error.reply_snooze_days", n=limits.snooze_days)

    calendar = work.catalogue.calendar
    planned = _instant_of(work, clock, ladder, before)
    since = min(planned or clock.remind_at, clock.remind_at)
    later = _instant_of(work, clock, ladder, (*before, Delay(since, working_days)))
    from_now = max(clock.remind_at if later is None else work.now, work.now)
    at_least = calendar.remind_at(calendar.add(calendar.today(from_now), working_days))
    remind_at = max(later or at_least, at_least)
    said = {**_reply(work, clock, via), "working_days": working_days, "since": since}
    at_hand.keep("snoozed", standing, said, {"replied": clock.generation, "remind_at": remind_at})
    return Replied(kind, subject_id, clock.due_on, clock.generation, remind_at)


def promise(
    work: Work,
    kind: Kind,
    subject_id: UUID,
    on: dt.date,
    *,
    seen: int | None = None,
    of: int | None = None,
    via: Via = "page",
) -> Replied:
    """Promise a day by which it will be done, where the ladder asks for that: the due date becomes that day.

    Raises NotFound, CaseHasMoved or TaskHasMoved, TaskNotAvailable, NotAllowed or Refused (the ladder does not ask,
    promised as often as the programme allows, no working day to come, later than can be promised, or due on that day
    already), in this order.
    """
    at_hand, standing = _take(work, kind, subject_id, seen, of)
    clock, ladder = at_hand.clock, _ladder_of(work, at_hand.clock)
    limits = work.catalogue.programme.mail.replies
    if (
        not isinstance(at_hand, _TaskAtHand | _PrerequisiteAtHand)
        or (terms := at_hand.terms) is None
        or ladder is None
        or not ladder.asks_for_promise
    ):
        raise Refused("error.reply_no_promise")
    if _promises(work, clock) >= limits.promises:
        raise Refused("error.reply_promised_enough", n=limits.promises)
    if on <= work.today or not work.catalogue.calendar.is_working_day(on):
        raise Refused("error.reply_promise_day")
    if on > (latest := _latest(work, terms)):
        raise Refused("error.reply_promise_late", day=latest)
    if on == clock.due_on:
        raise Refused("error.reply_promise_same", day=on)
    return at_hand.promise(standing, {**_reply(work, clock, via), "promised_on": on}, on)


def give(work: Work, answer: Answer, *, seen: int | None = None, via: Via = "page") -> Replied:
    """`see`, `snooze` or `promise`, as the answer says. Raises what they raise."""
    if answer.says == "seen":
        return see(work, answer.kind, answer.id, seen=seen, of=answer.of, via=via)
    if answer.says == "snoozed":
        return snooze(work, answer.kind, answer.id, answer.working_days, seen=seen, of=answer.of, via=via)
    if answer.on is None:
        raise Refused("error.reply_promise_day")
    return promise(work, answer.kind, answer.id, answer.on, seen=seen, of=answer.of, via=via)


# --- what reminders ask ----------------------------------------------------------------------------------------------


def ledger(work: Work, subject_id: UUID, generation: int) -> Ledger:
    """What was replied about one due date of a subject."""
    rows = work.session.execute(_LEDGER, {"subject_id": subject_id, "generation": generation}).all()
    snoozed = sorted((row.since, row.working_days) for row in rows if row.kind == "snoozed")
    return Ledger(any(row.kind == "seen" for row in rows), tuple(Delay(*one) for one in snoozed))


# --- what a page offers ----------------------------------------------------------------------------------------------


def offer_of_task(case: CaseAtHand, task: TaskRow) -> Offer | None:
    """The replies this actor can give about a task now; None when it is not the actor's to reply, or there are none."""
    if not _is_reminded(case, task) or _standing_on_task(case, task) is None:
        return None
    return _offer(case.work, clock_of_task(task, task.due_on or case.work.today), _terms_of_task(case, task))


def offer_of_prerequisite(work: Work, row: PrerequisiteRow, holders: Sequence[policy.Holder]) -> Offer | None:
    """The same of a prerequisite."""
    if row.due_on is None or _standing_on_prerequisite(work, row, holders) is None:
        return None
    return _offer(work, clock_of_prerequisite(row, row.due_on), _terms_of_prerequisite(row))


def offer_of_milestone(work: Work, row: MilestoneRow) -> Offer | None:
    """The same of a milestone."""
    if row.due_on is None or row.reached_on is not None or not work.actor.holds(_OFFICE):
        return None
    return _offer(work, clock_of_milestone(work, row, row.due_on))


def offer_of_hold(case: CaseAtHand, row: HoldRow | None = None) -> Offer | None:
    """The same of the pause of a case that rests; it is read unless it is known."""
    if row is None and case.row.rests:
        row = _lasting(case.work, case.row.id)
    if row is None or _standing_on_hold(case) is None:
        return None
    return _offer(case.work, clock_of_hold(row))


def _offer(work: Work, clock: Clock, terms: _Terms | None = None) -> Offer | None:
    limits = work.catalogue.programme.mail.replies
    ladder = _ladder_of(work, clock)
    if ladder is None:
        return None
    given = _ledger_of(work, clock)
    more = clock.remind_at is not None
    snoozes = max(limits.snoozes - len(given.delays), 0) if more else 0
    promises, latest = 0, work.today
    if terms is not None and ladder.asks_for_promise:
        promises, latest = max(limits.promises - _promises(work, clock), 0), _latest(work, terms)
    found = Offer(
        generation=clock.generation,
        see=more and not given.is_seen,
        snooze_days=limits.snooze_days if snoozes else 0,
        snoozes_left=snoozes,
        promise_until=latest if promises and latest > work.today else None,
        promises_left=promises,
    )
    return found or None


# --- what a reply is about -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Terms:
    """Whoever does it may say by when; of a milestone, a pause or what expires the date is not theirs to promise."""

    at_most: dt.date | None
    """The day a law sets, or on which the present proof ends."""


class _AtHand(Protocol):
    """Something this transaction holds and somebody may reply to."""

    @property
    def clock(self) -> Clock: ...

    def keep(self, act: str, standing: Standing, reply: dict[str, Any], changes: dict[str, Any]) -> None:
        """Keep a reply and what it changed, with one entry of history."""


@dataclass(slots=True)
class _TaskAtHand:
    case: LockedCase
    task: TaskRow
    clock: Clock

    @property
    def terms(self) -> _Terms:
        return _terms_of_task(self.case, self.task)

    def keep(self, act: str, standing: Standing, reply: dict[str, Any], changes: dict[str, Any]) -> None:
        self.case.update(self.task, **changes)
        self._record(act, standing, reply)

    def promise(self, standing: Standing, reply: dict[str, Any], on: dt.date) -> Replied:
        self.case.promise(self.task, on)
        self.case.clock(self.task)
        self._record("promised", standing, reply)
        return Replied("task", self.task.id, self.task.due_on or on, self.task.generation, self.task.remind_at)

    def _record(self, act: str, standing: Standing, reply: dict[str, Any]) -> None:
        self.case.put(Reply, uuid4(), **reply, kind=act)
        self.case.say(task=self.task.id, name=self.task.name, attempt=self.task.attempt, **_told(reply))
        self.case.acts(standing)
        self.case.record(act)


@dataclass(slots=True)
class _HoldAtHand:
    case: LockedCase
    row: HoldRow
    clock: Clock

    def keep(self, act: str, standing: Standing, reply: dict[str, Any], changes: dict[str, Any]) -> None:
        self.case.amend(Hold, self.row.id, **changes)
        self.case.put(Reply, uuid4(), **reply, kind=act)
        self.case.say(blocker=self.row.blocker, **_told(reply))
        self.case.acts(standing)
        self.case.record(f"review_{act}")


@dataclass(slots=True)
class _PrerequisiteAtHand:
    work: Work
    row: PrerequisiteRow
    clock: Clock

    @property
    def terms(self) -> _Terms | None:
        return _terms_of_prerequisite(self.row)

    def keep(self, act: str, standing: Standing, reply: dict[str, Any], changes: dict[str, Any]) -> None:
        prerequisites.keep(self.work, self.row, act, changes, **self._said(act, standing, reply))

    def promise(self, standing: Standing, reply: dict[str, Any], on: dt.date) -> Replied:
        row = self.row
        prerequisites.promise(self.work, row, on, "promised", **self._said("promised", standing, reply))
        return Replied("prerequisite", row.id, on, row.generation, row.remind_at)

    def _said(self, act: str, standing: Standing, reply: dict[str, Any]) -> dict[str, Any]:
        rows = _written(self.work, {**reply, "kind": act})
        return {"rows": rows, **_told(reply), **casework.said_of_standing(standing)}


@dataclass(slots=True)
class _MilestoneAtHand:
    work: Work
    row: MilestoneRow
    clock: Clock

    def keep(self, act: str, standing: Standing, reply: dict[str, Any], changes: dict[str, Any]) -> None:
        rows = _written(self.work, {**reply, "kind": act})
        said = {"rows": rows, **_told(reply), **casework.said_of_standing(standing)}
        milestones.keep(self.work, self.row, act, changes, **said)


def _take(work: Work, kind: Kind, subject_id: UUID, seen: int | None, of: int | None) -> tuple[_AtHand, Standing]:
    """The subject, ours until the transaction ends, and in what standing the actor replies.

    Raises NotFound, CaseHasMoved or TaskHasMoved, TaskNotAvailable (nobody is reminded of it) or NotAllowed.
    """
    at_hand, standing, roles = _TAKE[kind](work, subject_id, seen)
    if of is not None and at_hand.clock.generation != of:
        raise TaskHasMoved
    if standing is None:
        raise NotAllowed(roles=roles)
    return at_hand, standing


_Taken = tuple[_AtHand, Standing | None, tuple[str, ...]]
"""A subject, the actor's standing there, and the roles that would have one."""


def _take_task(work: Work, task_id: UUID, seen: int | None) -> _Taken:
    case, task = casework.lock_by_task(work, task_id)
    casework.insist_task_unmoved(task, seen)
    if not _is_reminded(case, task):
        raise TaskNotAvailable(deed="reply", status=task.status)
    roles = tuple(dict.fromkeys((task.acting or task.owner, _TEAM)))
    at_hand = _TaskAtHand(case, task, clock_of_task(task, task.due_on or work.today))
    return at_hand, _standing_on_task(case, task), roles


def _take_hold(work: Work, hold_id: UUID, seen: int | None) -> _Taken:
    case_id = work.session.execute(sa.select(Hold.case_id).where(Hold.id == hold_id)).scalar()
    if case_id is None:
        raise NotFound(what="case")
    case = casework.lock(work, case_id)
    casework.insist_unmoved(case, seen)
    row = _lasting(work, case_id) if case.row.rests else None
    if row is None or row.id != hold_id:
        raise TaskNotAvailable(deed="reply", status="resumed")
    return _HoldAtHand(case, row, clock_of_hold(row)), _standing_on_hold(case), (_TEAM,)


def _take_prerequisite(work: Work, prerequisite_id: UUID, seen: int | None) -> _Taken:
    row = prerequisites.lock(work, prerequisite_id, seen)
    if row.due_on is None:
        raise TaskNotAvailable(deed="reply", status=row.status)
    holders = casework.holders(work, row)
    roles = tuple(dict.fromkeys((row.acting or row.owner, _TEAM)))
    at_hand = _PrerequisiteAtHand(work, row, clock_of_prerequisite(row, row.due_on))
    return at_hand, _standing_on_prerequisite(work, row, holders), roles


def _take_milestone(work: Work, milestone_id: UUID, seen: int | None) -> _Taken:
    row = milestones.lock(work, milestone_id, seen)
    if row.due_on is None or row.reached_on is not None:
        raise TaskNotAvailable(deed="reply", status="reached")
    away = policy.insist_holds(work.actor, _OFFICE)
    standing = Standing(_OFFICE, on_behalf_of=away)
    return _MilestoneAtHand(work, row, clock_of_milestone(work, row, row.due_on)), standing, (_OFFICE,)


def _is_reminded(case: CaseAtHand, task: TaskRow) -> bool:
    return task.acting is not None and task.due_on is not None and not case.row.rests


def _terms_of_task(case: CaseAtHand, task: TaskRow) -> _Terms:
    by_law = case.statutory(task)
    return _Terms(by_law.date if by_law is not None else None)


def _terms_of_prerequisite(row: PrerequisiteRow) -> _Terms | None:
    return _Terms(row.valid_until if row.renewing else None) if row.acting is not None else None


# --- rights ----------------------------------------------------------------------------------------------------------


def _standing_on_task(case: CaseAtHand, task: TaskRow) -> Standing | None:
    found = tasks.standing_of(case, task) if tasks.waits_for_actor(case, task) else None
    return policy.replying(case.work.actor, task.acting or task.owner, task, found)


def _standing_on_prerequisite(work: Work, row: PrerequisiteRow, holders: Sequence[policy.Holder]) -> Standing | None:
    found = prerequisites.standing_of(work, row, holders)
    if found is not None and row.status == "submitted" and not prerequisites.is_second_person(work, row, found):
        found = None
    if prerequisites.is_with_colleague(work, row, holders):
        found = None
    return policy.replying(work.actor, row.acting or row.owner, row, found)


def _standing_on_hold(case: CaseAtHand) -> Standing | None:
    return policy.replying(case.work.actor, _TEAM, case.row, None)


# --- helpers, in the order they are called ---------------------------------------------------------------------------


def _ledger_of(work: Work, clock: Clock) -> Ledger:
    return ledger(work, clock.id, clock.generation) if clock.replied == clock.generation else Ledger()


def _ladder_of(work: Work, clock: Clock) -> Ladder | None:
    return work.catalogue.programme.ladders.get(clock.ladder or "")


def _instant_of(work: Work, clock: Clock, ladder: Ladder, delays: tuple[Delay, ...]) -> dt.datetime | None:
    """When the rung that comes next would be due; None when the ladder lost it."""
    return deadlines.instant_of(
        work.catalogue.calendar,
        ladder,
        clock.due_on,
        clock.counted_from,
        rung=clock.rung or "",
        occurrence=clock.occurrence,
        delays=delays,
    )


def _promises(work: Work, clock: Clock) -> int:
    """How often a date was promised in this attempt or round."""
    query = sa.select(sa.func.count()).where(
        Reply.subject_id == clock.id, Reply.attempt == clock.attempt, Reply.kind == "promised"
    )
    return work.session.execute(query).scalar_one()


def _latest(work: Work, terms: _Terms) -> dt.date:
    """The last day that can be promised: no further than dates may be extended, and not past what ends anyway."""
    furthest = work.catalogue.calendar.add(work.today, work.catalogue.programme.calendar.most_extension)
    return furthest if terms.at_most is None else min(furthest, terms.at_most)


def _reply(work: Work, clock: Clock, via: Via) -> dict[str, Any]:
    """The columns of a reply, whatever it says."""
    return {
        "subject_kind": clock.kind,
        "subject_id": clock.id,
        "generation": clock.generation,
        "attempt": clock.attempt,
        "working_days": None,
        "since": None,
        "promised_on": None,
        "given_at": work.now,
        "given_by": work.actor.id,
        "via": via,
    }


def _told(reply: dict[str, Any]) -> dict[str, Any]:
    """What the entry of history says in words, beside the row."""
    said = {"days": reply["working_days"], "on": reply["promised_on"]}
    return {name: value for name, value in said.items() if value is not None} | {"via": reply["via"]}


def _written(work: Work, reply: dict[str, Any]) -> dict[str, Any]:
    """A new row of the ledger beside a prerequisite or milestone; returns what history says of it."""
    reply_id = uuid4()
    work.session.execute(sa.insert(Reply), {"id": reply_id, **reply})
    return {"reply": {reply_id.hex: casework.said_of(reply)}}


def _lasting(work: Work, case_id: UUID) -> HoldRow | None:
    """The pause of a case that lasts."""
    row = work.session.execute(
        sa.select(*_HOLD_COLUMNS).where(Hold.case_id == case_id, Hold.ended_on.is_(None))
    ).first()
    return HoldRow(*row) if row is not None else None


_TEAM, _OFFICE = "umsetzungsteam", "programme_office"
_TAKE = {"task": _take_task, "hold": _take_hold, "prerequisite": _take_prerequisite, "milestone": _take_milestone}
_HOLD_COLUMNS: Sequence[Any] = [getattr(Hold, column.name) for column in fields(HoldRow)]
_LEDGER = sa.select(Reply.kind, Reply.since, Reply.working_days).where(
    Reply.subject_id == sa.bindparam("subject_id", type_=sa.Uuid()),
    Reply.generation == sa.bindparam("generation", type_=sa.Integer()),
)
