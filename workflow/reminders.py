"""What time does: decides which rungs of a ladder are due, and who learns of them.

Every open task, resting case, prerequisite and milestone carries the instant at which its next rung is due. A pass
looks at those that are past. Each rung is decided exactly once, whoever decides: what a rung is about is locked and
read again, and the decision is a row with a unique key, kept together with the notices and the entry of history.
If several rungs are past at once the highest fires and the lower ones are recorded as skipped.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from workflow import casework, database, deadlines, events, messages, policy, replies, statements, troubles
from workflow.casework import LockedCase, TaskRow
from workflow.deadlines import Delay, Ring
from workflow.definition import Ladder, Rung, canonical
from workflow.engine import SYSTEM, Engine, Work
from workflow.milestones import MilestoneRow
from workflow.models import Decision, Hold, Milestone, Notice, Prerequisite, Task
from workflow.prerequisites import PrerequisiteRow
from workflow.replies import Clock, HoldRow, Kind

CHUNK = 100
CHUNK_SECONDS = 0.05
TOGETHER = 50
"""Tasks decided in one go."""
_LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LAST_RESORT = "programme_office"
"""Who is told when neither a rung nor any above it has a recipient."""
_OWN_AFFAIRS = ("umsetzungsteam", "rollout_team")
"""Whose tasks are not held against a body: its digi and leitung are not told."""

log = logging.getLogger(__name__)

Find = Callable[[str], tuple[str, tuple[UUID, ...]]]
"""The people a rung means by a recipient, and the role in which they are told."""


def decide(engine: Engine, *, limit: int | None = None) -> int:
    """Decide every rung that is due now, at most for `limit` subjects; returns for how many.

    One that fails is undone alone, logged and looked at again an hour of process time later. Running it twice, late
    or on several machines at once decides no rung twice. Raises Busy when another writer keeps the database.
    """
    decided = 0
    while (limit is None or decided < limit) and (chunk := _due(engine, _most(limit, decided))):
        decided += _decide_chunk(engine, chunk)
    return decided


@dataclass(frozen=True, slots=True)
class _Due:
    """A subject whose next rung is past."""

    kind: Kind
    id: UUID
    case_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Told:
    """People who are told in one role."""

    role: str
    people: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class _Fired:
    """A rung that fires: for whom, and whose recipients these are if it had none of its own."""

    rung: Rung
    ring: Ring
    told: tuple[_Told, ...]
    passed_to: str | None
    is_last: bool
    """There is no rung after it: its recipients learn of it at once."""

    @property
    def timing(self) -> dict[str, Any]:
        """When its recipients learn of it; it counts from its own instant, however late it was decided."""
        return messages.timing(self.rung.message, self.ring.at, last_rung=self.is_last)

    @property
    def recipients(self) -> tuple[UUID, ...]:
        """Everybody who is told, in every role."""
        return tuple(person_id for told in self.told for person_id in told.people)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What was decided about a subject: what fires now, if anything, and when the next rung is due."""

    fired: _Fired | None
    upcoming: Ring | None

    @property
    def clock(self) -> dict[str, Any]:
        """The columns that say when somebody is reminded next."""
        if self.upcoming is None:
            return {"remind_at": None, "rung": None, "occurrence": 0}
        return {"remind_at": self.upcoming.at, "rung": self.upcoming.rung, "occurrence": self.upcoming.occurrence}


@dataclass(slots=True)
class _Judgement:
    """What the ladder says about a subject: the rung that fires unless it was decided before, those that are passed
    over, and when the next one is due."""

    subject: Clock
    fires: _Fired | None = None
    skipped: list[tuple[str, int]] = field(default_factory=list)
    """Rung and occurrence."""
    upcoming: Ring | None = None

    def key(self, rung: str, occurrence: int) -> tuple[str, UUID, int, str, int]:
        """The key of a decision."""
        return self.subject.kind, self.subject.id, self.subject.generation, rung, occurrence

    def decisions(self, now: dt.datetime) -> Iterator[dict[str, Any]]:
        """The rows that are kept."""
        if self.fires is not None:
            outcome = "fired" if self.fires.passed_to is None else "passed_on" if self.fires.told else "unheard"
            yield self._row(self.fires.ring.rung, self.fires.ring.occurrence, outcome, now)
        for rung, occurrence in self.skipped:
            yield self._row(rung, occurrence, "skipped", now)

    def _row(self, rung: str, occurrence: int, outcome: str, now: dt.datetime) -> dict[str, Any]:
        values = zip(DECISION_KEY, self.key(rung, occurrence), strict=True)
        return {**dict(values), "outcome": outcome, "decided_at": now}


DECISION_KEY = ("subject_kind", "subject_id", "generation", "rung", "occurrence")


# --- passes and chunks -----------------------------------------------------------------------------------------------


def _most(limit: int | None, decided: int) -> int:
    return CHUNK if limit is None else min(CHUNK, limit - decided)


def _due(engine: Engine, most: int) -> list[_Due]:
    """The subjects longest due, in the order in which rows are locked everywhere."""
    found: list[_Due] = []
    with engine.read(SYSTEM) as work:
        for kind, statement in _FIND_DUE.items():
            rows = work.session.execute(statement, {"now": work.now, "most": most})
            found += [_Due(kind, row.id, row.case_id) for row in rows]
    found.sort(key=lambda due: (_LOCK_ORDER[due.kind], due.case_id or due.id, due.id))
    return found[:most]


def _decide_chunk(engine: Engine, chunk: Sequence[_Due]) -> int:
    """Decide as many of one kind as one short transaction takes; returns how many were looked at.

    Tasks are decided together, in as few statements as one. If that fails, and for every other kind, it is one after
    the other, each with a savepoint.
    """
    alike = [due for due in chunk if due.kind == chunk[0].kind]
    began = time.monotonic()
    looked_at = 0
    with engine.change(SYSTEM) as work:
        if chunk[0].kind == "task" and _decide_together(work, alike[:TOGETHER]):
            return len(alike[:TOGETHER])
        for due in alike:
            try:
                with work.session.begin_nested():
                    _DECIDE[due.kind](work, due)
            except OperationalError:
                raise  # the database's trouble, not the subject's: the whole chunk is tried again
            except Exception as error:
                log.exception("reminding about %s %s failed; it is tried again in an hour", due.kind, due.id)
                _push_back(work, due, error)
            looked_at += 1
            if time.monotonic() - began > CHUNK_SECONDS:
                break
    return looked_at


def _decide_together(work: Work, chunk: Sequence[_Due]) -> bool:
    """All of these tasks or none; says which."""
    try:
        with work.session.begin_nested():
            _decide_tasks(work, chunk)
    except OperationalError:
        raise
    except Exception:
        log.exception("reminding about %d tasks together failed; each is tried alone", len(chunk))
        return False
    return True


def _push_back(work: Work, due: _Due, error: Exception) -> None:
    model = _MODELS[due.kind]
    troubles.note(work, due.kind, due.id, error)
    work.session.execute(
        sa.update(model)
        .where(model.id == due.id, model.remind_at <= work.now)
        .values(remind_at=work.now + troubles.AGAIN_AFTER)
    )


def _silence(work: Work, due: _Due) -> None:
    """Nobody is to be reminded of this any more."""
    model = _MODELS[due.kind]
    work.session.execute(sa.update(model).where(model.id == due.id).values(remind_at=None, rung=None, occurrence=0))


# --- one subject of each kind ----------------------------------------------------------------------------------------


def _decide_milestone(work: Work, due: _Due) -> None:
    """Milestones of the Land: the programme office owns them and supervises itself."""
    found = work.session.execute(_MILESTONE, {"id": due.id}).first()
    row = MilestoneRow(*found) if found else None
    if row is None or row.remind_at is None or row.remind_at > work.now:
        return
    if row.due_on is None or row.reached_on is not None:
        _silence(work, due)
        return
    office = _Office()
    holders = casework.holders(work, office)

    def find(role: str) -> tuple[str, tuple[UUID, ...]]:
        asked = _LAST_RESORT if role in ("owner", "supervisor", "deputy") else role
        _, people = _holding(asked, office, holders)
        return asked, _away(people, holders) if role == "deputy" else people

    subject = replies.clock_of_milestone(work, row, row.due_on)
    (verdict,) = _keep(work, [_judge(work, subject, find)])
    facts = {"milestone": row.kind, "service": row.service}
    chain = _tell(work, subject, verdict, facts, holders, seq=row.seq, head=row.head)
    work.session.execute(sa.update(Milestone).where(Milestone.id == row.id).values(**verdict.clock, **chain))


def _decide_prerequisite(work: Work, due: _Due) -> None:
    """Prerequisites of a body: open ones run towards their due date, those that are done towards their expiry."""
    found = work.session.execute(_PREREQUISITE, {"id": due.id}).first()
    row = PrerequisiteRow(*found) if found else None
    if row is None or row.remind_at is None or row.remind_at > work.now:
        return
    if row.due_on is None:
        _silence(work, due)
        return
    holder_id = row.holder_id if row.status == "accepted" else None
    holders = casework.holders(work, row)
    find = _finder(row, row.acting or row.owner, holder_id, holders)
    subject = replies.clock_of_prerequisite(row, row.due_on)
    (verdict,) = _keep(work, [_judge(work, subject, find)])
    facts = {"prerequisite": row.kind, "scope": row.scope, "body": row.body}
    chain = _tell(work, subject, verdict, facts, holders, seq=row.seq, head=row.head)
    work.session.execute(sa.update(Prerequisite).where(Prerequisite.id == row.id).values(**verdict.clock, **chain))


def _decide_hold(work: Work, due: _Due) -> None:
    """A resting case: its team is asked whether it may go on."""
    assert due.case_id is not None  # noqa: S101 -- read with the hold
    case = casework.lock(work, due.case_id)
    row = HoldRow(*work.session.execute(_HOLD, {"id": due.id}).one())
    if row.remind_at is None or row.remind_at > work.now:
        return
    if row.ended_on is not None:
        _silence(work, due)
        return
    subject = replies.clock_of_hold(row)
    find = _finder(case.row, "umsetzungsteam", None, case.holders())
    (verdict,) = _keep(work, [_judge(work, subject, find)])
    _tell_in_case(case, subject, verdict, {"blocker": row.blocker}, case.holders(), said={"blocker": row.blocker})


def _decide_task(work: Work, due: _Due) -> None:
    """A task somebody acts on: its owner, who confirms it, or the team it was declined to."""
    _decide_tasks(work, [due])


def _decide_tasks(work: Work, chunk: Sequence[_Due]) -> None:
    """Tasks of any cases. Of one case one after the other, for each is an entry of its history."""
    judged: list[tuple[LockedCase, TaskRow, _Judgement]] = []
    for case, task in casework.lock_by_tasks(work, [due.id for due in chunk]):
        if task.remind_at is None or task.remind_at > work.now:
            continue
        if task.acting is None or task.due_on is None or case.row.rests:
            judged.append((case, task, _Judgement(replies.clock_of_task(task, task.due_on or work.today))))
            continue
        holder_id = task.holder_id if task.status == "accepted" else None
        find = _finder(task, task.acting, holder_id, case.holders(task))
        judged.append((case, task, _judge(work, replies.clock_of_task(task, task.due_on), find)))
    fired: list[tuple[LockedCase, TaskRow, _Judgement, _Verdict]] = []
    silent: list[dict[str, Any]] = []
    for (case, task, judgement), verdict in zip(judged, _keep(work, [one for _, _, one in judged]), strict=True):
        if verdict.fired is None:
            silent.append({"key": task.id, **verdict.clock})
        else:
            fired.append((case, task, judgement, verdict))
    if silent:
        statements.write(work.connection, [(_SET_CLOCK["task"], silent)])
    while fired:
        of_other_cases: dict[UUID, LockedCase] = {}
        left = []
        for case, task, judgement, verdict in fired:
            if case.row.id in of_other_cases:
                left.append((case, task, judgement, verdict))
                continue
            of_other_cases[case.row.id] = case
            said = {"task": task.id, "name": task.name}
            _prepare(case, judgement.subject, verdict, {"task": task.name}, case.holders(task), said=said)
        casework.record_together(list(of_other_cases.values()), "reminded")
        fired = left


# --- deciding --------------------------------------------------------------------------------------------------------


def _judge(work: Work, subject: Clock, find: Find) -> _Judgement:
    """Which rungs are decided now, by the ladder as it is in force now, and when the next one is due."""
    judgement = _Judgement(subject)
    ladder = work.catalogue.programme.ladders.get(subject.ladder or "")
    if ladder is None:
        log.warning("the ladder %s of %s %s does not exist any more", subject.ladder, subject.kind, subject.id)
        return judgement
    if subject.rung is not None and deadlines.rung_named(ladder, subject.rung) is None:
        judgement.skipped.append((subject.rung, subject.occurrence))
    replied = replies.ledger(work, subject.id, subject.generation) if subject.replied == subject.generation else None
    delays = replied.delays if replied is not None else ()
    judgement.upcoming = deadlines.first_ring(
        work.catalogue.calendar, ladder, subject.due_on, subject.counted_from, after=work.now, delays=delays
    )
    rings = _past(work, subject, ladder, delays)
    if replied is not None and replied.is_seen:
        # Those whose task it is have said that they see to it: what they need not be told is skipped.
        for_owners = [ring for ring in rings if ladder.rungs[ring.rank].is_for_owners]
        judgement.skipped += [(ring.rung, ring.occurrence) for ring in for_owners]
        rings = [ring for ring in rings if ring not in for_owners]
    if rings:
        highest, *lower = rings
        told, passed_to = _recipients(ladder, highest.rank, find)
        is_last = highest.rank == len(ladder.rungs) - 1
        judgement.fires = _Fired(ladder.rungs[highest.rank], highest, told, passed_to, is_last)
        judgement.skipped += [(ring.rung, ring.occurrence) for ring in lower]
    return judgement


def _keep(work: Work, judgements: Sequence[_Judgement]) -> list[_Verdict]:
    """Keep what was decided; a rung that was decided before does not fire again."""
    rows = [row for judgement in judgements for row in judgement.decisions(work.now)]
    new = database.insert_missing_many(work.session, Decision, rows)
    verdicts = []
    for judgement in judgements:
        fires = judgement.fires
        if fires is not None and judgement.key(fires.ring.rung, fires.ring.occurrence) not in new:
            fires = None
        if fires is not None and not fires.told:
            subject = judgement.subject
            log.warning("nobody is there to be told rung %s of %s %s", fires.rung.id, subject.kind, subject.id)
        verdicts.append(_Verdict(fires, judgement.upcoming))
    return verdicts


def _past(work: Work, subject: Clock, ladder: Ladder, delays: tuple[Delay, ...]) -> list[Ring]:
    """The rungs due since the subject was clocked, the most urgent first.

    Counted from the rung it was clocked for, wherever that stands now: a subject that was pushed back, or whose rung
    was moved forward in the ladder, loses none.
    """
    rings = deadlines.past_rings(
        work.catalogue.calendar,
        ladder,
        subject.due_on,
        subject.counted_from,
        since=_LONG_AGO,
        until=work.now,
        delays=delays,
    )
    clocked = subject.remind_at or work.now
    planned = [ring.at for ring in rings if (ring.rung, ring.occurrence) == (subject.rung, subject.occurrence)]
    return [ring for ring in rings if ring.at >= min([clocked, *planned])]


def _recipients(ladder: Ladder, rank: int, find: Find) -> tuple[tuple[_Told, ...], str | None]:
    """Whom a rung tells. If there is nobody: whom the next rung with somebody tells, or at last the programme office.

    The second value names the rung (or role) whose recipients these are, None for the rung's own.
    """
    for rung in ladder.rungs[rank:]:
        told = _told(rung.to, find)
        if told:
            return told, None if rung is ladder.rungs[rank] else rung.id
    return _told((_LAST_RESORT,), find), _LAST_RESORT


def _told(roles: Sequence[str], find: Find) -> tuple[_Told, ...]:
    """People by the role in which they are told; somebody who holds several is told once, in the first."""
    told: list[_Told] = []
    known: set[UUID] = set()
    for role in roles:
        addressed, people = find(role)
        new = tuple(person_id for person_id in people if person_id not in known)
        if new:
            told.append(_Told(addressed, new))
            known.update(new)
    return tuple(told)


def _finder(of: policy.Concerned, acting: str, holder_id: UUID | None, holders: Sequence[policy.Holder]) -> Find:
    """Recipients around a task, hold or prerequisite on which `acting` acts and which `holder_id` accepted."""

    def find(role: str) -> tuple[str, tuple[UUID, ...]]:
        if role in ("owner", "deputy"):
            told, people = policy.in_charge(acting, of, holders)
            if holder_id is not None and any(holder.person_id == holder_id for holder in holders):
                told, people = acting, (holder_id,)
            return told, people if role == "owner" else _away(people, holders)
        if role in ("body.digi", "body.leitung") and acting in _OWN_AFFAIRS:
            return role, ()
        return _holding(role, of, holders)

    return find


def _holding(role: str, of: policy.Concerned, holders: Sequence[policy.Holder]) -> tuple[str, tuple[UUID, ...]]:
    """Who holds this very role; a rung's recipients have no fallback, the next rung is theirs."""
    found, people = policy.in_charge(role, of, holders)
    return role, people if found == role else ()


def _away(people: Sequence[UUID], holders: Sequence[policy.Holder]) -> tuple[UUID, ...]:
    """Those of them who are away today: whoever tells them reaches their deputies (`policy.reached`)."""
    deputies = {holder.person_id for holder in holders if holder.deputy is not None}
    return tuple(person_id for person_id in people if person_id in deputies)


# --- telling ---------------------------------------------------------------------------------------------------------


def _tell_in_case(
    case: LockedCase,
    subject: Clock,
    verdict: _Verdict,
    about: dict[str, Any],
    holders: Sequence[policy.Holder],
    *,
    said: dict[str, Any],
) -> None:
    """Notices, an entry in the case's history and the next instant; only the instant when nothing fires."""
    if verdict.fired is None:
        statements.write(case.work.connection, [(_SET_CLOCK[subject.kind], [{"key": subject.id, **verdict.clock}])])
        return
    _prepare(case, subject, verdict, about, holders, said=said)
    case.record("review_reminded")


def _prepare(
    case: LockedCase,
    subject: Clock,
    verdict: _Verdict,
    about: dict[str, Any],
    holders: Sequence[policy.Holder],
    *,
    said: dict[str, Any],
) -> None:
    """What becomes of a rung that fires, ready to be recorded with the case.

    The subject's version stays: somebody who has the task open at seven in the morning can still hand it in.
    """
    fired = verdict.fired
    assert fired is not None  # noqa: S101 -- asked before
    for told in fired.told:
        case.notify(
            fired.rung.message,
            told.people,
            kind=subject.kind,
            subject_id=subject.id,
            urgency=_urgency(fired),
            timing=fired.timing,
            **_facts(subject, fired, told, about),
        )
    case.execute(_SET_CLOCK[subject.kind], key=subject.id, **verdict.clock)
    case.say(**_said(subject, fired, holders), **said)


def _tell(
    work: Work,
    subject: Clock,
    verdict: _Verdict,
    about: dict[str, Any],
    holders: Sequence[policy.Holder],
    *,
    seq: int,
    head: str,
) -> dict[str, Any]:
    """Notices and an entry in the subject's own chain; gives the columns in which the chain goes on."""
    fired = verdict.fired
    if fired is None:
        return {}
    notices = [
        {
            "id": uuid4(),
            "recipient_id": person_id,
            "name": fired.rung.message,
            "subject_kind": subject.kind,
            "subject_id": subject.id,
            "case_id": None,
            "urgency": _urgency(fired),
            "facts": canonical(
                events.plain(_facts(subject, fired, told, about) | ({"on_behalf_of": away} if away else {}))
            ),
            "created_at": work.now,
            **fired.timing,
        }
        for told in fired.told
        for person_id, away in policy.reached(told.people, holders, asks=True).items()
    ]
    if notices:
        work.session.execute(sa.insert(Notice), notices)
    entry = events.record(work, subject.kind, subject.id, seq, head, "reminded", _said(subject, fired, holders))
    return {"seq": entry.seq, "head": entry.head}


def _urgency(fired: _Fired) -> int:
    """Grows with the rung; everything that is no reminder has 0."""
    return fired.ring.rank + 1


def _facts(subject: Clock, fired: _Fired, told: _Told, about: dict[str, Any]) -> dict[str, Any]:
    """What a notice says: names of the definition, dates and numbers."""
    return {
        **about,
        "due": subject.due_on,
        "role": told.role,
        "rung": fired.rung.id,
        "generation": subject.generation,
    }


def _said(subject: Clock, fired: _Fired, holders: Sequence[policy.Holder]) -> dict[str, Any]:
    """What history says of a rung that fired."""
    said: dict[str, Any] = {
        "subject": {"kind": subject.kind, "id": subject.id},
        "generation": subject.generation,
        "rung": fired.rung.id,
        "occurrence": fired.ring.occurrence,
        "due_on": subject.due_on,
        "recipients": list(policy.reached(fired.recipients, holders, asks=True)),
    }
    if fired.passed_to is not None:
        said["passed_to"] = fired.passed_to
    return said


# --- asking the database ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Office:
    """Where the roles around a milestone are held: centrally."""

    body: str = ""
    service: str = ""
    team: str = ""
    operator: str | None = None


def _columns(model: Any, row: type[MilestoneRow] | type[PrerequisiteRow] | type[HoldRow]) -> list[Any]:
    return [getattr(model, column.name) for column in fields(row)]


def _locked(model: Any, *columns: Any) -> sa.Select[Any]:
    return sa.select(*columns).where(model.id == sa.bindparam("id", type_=sa.Uuid())).with_for_update()


def _find_due(model: Any, case_id: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The subjects of one kind that are due, by an index on nothing but those that wait for an instant."""
    return (
        sa.select(model.id, case_id.label("case_id"))
        .where(model.remind_at.is_not(None), model.remind_at <= sa.bindparam("now", type_=Task.remind_at.type))
        .order_by(model.remind_at)
        .limit(sa.bindparam("most", type_=sa.Integer()))
    )


def _set_clock(model: Any) -> sa.Update:
    return (
        sa.update(model.__table__)
        .where(model.id == sa.bindparam("key", type_=sa.Uuid()))
        .values({name: sa.bindparam(name) for name in ("remind_at", "rung", "occurrence")})
    )


_MODELS: dict[Kind, Any] = {"milestone": Milestone, "prerequisite": Prerequisite, "hold": Hold, "task": Task}
_LOCK_ORDER: dict[Kind, int] = {"milestone": 0, "prerequisite": 1, "hold": 2, "task": 3}
_DECIDE: dict[Kind, Callable[[Work, _Due], None]] = {
    "milestone": _decide_milestone,
    "prerequisite": _decide_prerequisite,
    "hold": _decide_hold,
    "task": _decide_task,
}
_NO_CASE = sa.cast(sa.null(), sa.Uuid())
_FIND_DUE: dict[Kind, sa.Select[Any]] = {
    "milestone": _find_due(Milestone, _NO_CASE),
    "prerequisite": _find_due(Prerequisite, _NO_CASE),
    "hold": _find_due(Hold, Hold.__table__.c.case_id),
    "task": _find_due(Task, Task.__table__.c.case_id),
}
_SET_CLOCK: dict[Kind, sa.Update] = {"hold": _set_clock(Hold), "task": _set_clock(Task)}
_MILESTONE = _locked(Milestone, *_columns(Milestone, MilestoneRow))
_PREREQUISITE = _locked(Prerequisite, *_columns(Prerequisite, PrerequisiteRow))
_HOLD = sa.select(*_columns(Hold, HoldRow)).where(Hold.id == sa.bindparam("id", type_=sa.Uuid()))
