"""One thing asked of many cases at once: tried out first, worked off in chunks, resumable, with a result for each.

Every item is the deed it would be if somebody did it alone, with the rights its person has at that moment, and its
result is kept in the same transaction: so it is done once, whoever works on it and however often somebody is cut off.
Who is told of many cases hears of them in one mail, when all of them are through.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Final, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from workflow import cases, commands, events, refusals, secrecy, statements, tasks
from workflow.cases import Planned
from workflow.definition import canonical
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import Busy, Invalid, NotFound, Refused, SignInRequired, StartklarError
from workflow.evidence import Given, StoredFile
from workflow.models import Bulk, BulkItem, Case, Notice, Task

MOST: Final = 5000
"""Cases in one go."""
CHUNK: Final = 100
CHUNK_SECONDS: Final = 0.05
_TRIES = 5
_PAUSE_SECONDS = 0.05

_Came = TypeVar("_Came")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """What is done with every one of them."""

    kind: str
    """open, assign, team, advance, hold, resume or submit."""
    given: Given = field(default_factory=dict)
    """Answers, as the form of the single deed asks for them."""
    transition: str | None = None
    to: UUID | None = None
    task: str | None = None
    """By which name the tasks were chosen."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One of the many: a case, a task of one, or a service and a body for which a case is opened."""

    case_id: UUID | None = None
    task_id: UUID | None = None
    service: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What it came to for one of them: the case, or why not."""

    subject: Subject
    case_id: UUID | None
    refused: StartklarError | None = None


@dataclass(frozen=True, slots=True)
class BulkView:
    """What was asked for."""

    id: UUID
    items: int


# --- choosing --------------------------------------------------------------------------------------------------------


def of_cases(case_ids: Iterable[UUID]) -> list[Subject]:
    """Each case once, in this order."""
    return [Subject(case_id=case_id) for case_id in dict.fromkeys(case_ids)]


def of_tasks(work: Work, case_ids: Iterable[UUID], name: str) -> list[Subject]:
    """The task of this name in each case on which somebody is to act; a case without one stays, and is refused."""
    wanted = list(dict.fromkeys(case_ids))
    found: dict[UUID, list[UUID]] = {}
    for begin in range(0, len(wanted), CHUNK):
        rows = work.session.execute(
            sa.select(Task.case_id, Task.id)
            .where(Task.case_id.in_(wanted[begin : begin + CHUNK]), Task.name == name, Task.acting.is_not(None))
            .order_by(Task.scope)
        )
        for case_id, task_id in rows:
            found.setdefault(case_id, []).append(task_id)
    return [
        Subject(case_id=case_id, task_id=task_id) for case_id in wanted for task_id in found.get(case_id) or (None,)
    ]


def to_open(planned: Iterable[Planned]) -> list[Subject]:
    """What `cases.plan` found."""
    return [Subject(service=one.service, body=one.body) for one in planned]


def subjects_of(work: Work, order: Order, case_ids: Iterable[UUID]) -> list[Subject]:
    """The cases, or the task in each of them that the order names."""
    return of_tasks(work, case_ids, order.task) if order.task else of_cases(case_ids)


# --- asking ----------------------------------------------------------------------------------------------------------


def ask(work: Work, order: Order, subjects: Sequence[Subject]) -> BulkView:
    """Keep what shall be done with all of them, in the actor's name. Nothing of it is done yet: `work_off` does.

    Raises SignInRequired (nobody in particular asks), Invalid (there is no such kind), Refused (none, or more than
    5,000) or InvalidEvidence (an answer that must not be kept anywhere), in this order. What may not be done with one
    of them is that one's result.
    """
    if work.actor.id is None:
        raise SignInRequired
    if order.kind not in KINDS:
        raise Invalid(what="kind")
    if not subjects:
        raise Refused("error.bulk_nothing")
    if len(subjects) > MOST:
        raise Refused("error.bulk_too_many", most=MOST, n=len(subjects))
    secrecy.insist_none(order.given)
    bulk_id = _begin(work, order)
    work.session.execute(
        sa.insert(BulkItem),
        [
            {"bulk_id": bulk_id, "position": position, **asdict(subject), "status": "pending"}
            for position, subject in enumerate(subjects, 1)
        ],
    )
    return BulkView(bulk_id, len(subjects))


def ask_of_cases(work: Work, order: Order, case_ids: Sequence[UUID]) -> BulkView:
    """`ask`, of these cases, or of the task in each that the order names."""
    return ask(work, order, subjects_of(work, order, case_ids))


def start(engine: Engine, who: UUID, order: Order, subjects: Sequence[Subject], *, key: str | None = None) -> BulkView:
    """`ask`, as one piece of work; under a key once."""
    with engine.change(who) as work:
        return commands.once(work, key, ask, order, subjects)


def try_out(
    engine: Engine,
    who: UUID,
    order: Order,
    subjects: Sequence[Subject],
    *,
    seconds: float | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Result]:
    """What would become of each of them, in this order, by doing it and undoing it. Nothing is kept, nobody is told.

    After `seconds` it stops; then the results are fewer than the subjects.
    """
    began = time.monotonic()
    results: list[Result] = []
    while len(results) < len(subjects) and (seconds is None or not results or time.monotonic() - began < seconds):
        rest = subjects[len(results) : len(results) + CHUNK]
        chunk = _patiently(partial(_try_chunk, engine, who, order, rest))
        results += chunk
        progress(len(chunk))
    return results


# --- working off -----------------------------------------------------------------------------------------------------


def work_off(
    engine: Engine, bulk_id: UUID, *, seconds: float | None = None, progress: Callable[[int], None] = lambda _: None
) -> bool:
    """Go on with what was asked for until all is done, or for about so many seconds; says whether all is done.

    Whoever asks may ask again, at any time and from anywhere: two who work on it take turns. `progress` hears how many
    more were worked on. Raises NotFound when there is no such bulk, Busy when other writers keep the database.
    """
    began = time.monotonic()
    while True:
        worked = _next_chunk(engine, bulk_id)
        if worked is None:
            return True
        progress(worked)
        if seconds is not None and time.monotonic() - began >= seconds:
            return False


def go_on(engine: Engine) -> int:
    """Work off everything that somebody asked for and that is not through yet; returns how many items that were.

    One that fails is logged and left to the next pass; it stops no other. Raises Busy when other writers keep the
    database.
    """
    worked: list[int] = []
    with engine.read(SYSTEM) as work:
        unfinished = sa.select(Bulk.id).where(Bulk.finished_at.is_(None)).order_by(Bulk.created_at, Bulk.id)
        ids = work.session.execute(unfinished).scalars().all()
    for bulk_id in ids:
        try:
            work_off(engine, bulk_id, progress=worked.append)
        except (Busy, OperationalError):
            raise
        except Exception:
            log.exception("what was asked of many could not be gone on with: %s; the next pass tries it", bulk_id)
    return sum(worked)


def order_of(kind: str, arguments: str) -> Order:
    """The order as `ask` wrote it down."""
    said = json.loads(arguments)
    given = {
        name: StoredFile(**value) if isinstance(value, dict) else value for name, value in said.get("given", {}).items()
    }
    to = said.get("to")
    return Order(kind, given, said.get("transition"), UUID(to) if to else None, said.get("task"))


# --- helpers, in the order they are called ---------------------------------------------------------------------------


def _begin(work: Work, order: Order) -> UUID:
    bulk_id = uuid4()
    arguments = {name: value for name, value in asdict(order).items() if value and name != "kind"}
    work.session.execute(
        sa.insert(Bulk),
        {
            "id": bulk_id,
            "kind": order.kind,
            "arguments": canonical(events.plain(arguments)),
            "by_id": work.actor.id,
            "created_at": work.now,
        },
    )
    return bulk_id


class _OnlyTried(Exception):
    """Ends a transaction that was only tried."""


def _try_chunk(engine: Engine, who: UUID, order: Order, subjects: Sequence[Subject], together: bool) -> list[Result]:
    results: list[Result] = []
    with suppress(_OnlyTried), engine.change(who) as work:
        results = _do(replace(work, bulk=_begin(work, order)), order, subjects, together=together)
        raise _OnlyTried
    return results


def _patiently(attempt: Callable[[bool], _Came]) -> _Came:
    """Try a chunk again, a few times, when it met other writers; it hears whether to do the items together.

    Cases that are opened together fall together when somebody else has just opened one: then one by one.
    """
    together = True
    for left in reversed(range(_TRIES)):
        try:
            return attempt(together)
        except IntegrityError:
            if not together:
                raise
            together = False
        except Busy:
            if not left:
                raise
            time.sleep(_PAUSE_SECONDS)
    raise Busy


def _next_chunk(engine: Engine, bulk_id: UUID) -> int | None:
    """Work on the next items; how many, None when none is left."""
    with engine.read(SYSTEM) as work:
        row = work.session.execute(
            sa.select(Bulk.kind, Bulk.arguments, Bulk.by_id, Bulk.finished_at).where(Bulk.id == bulk_id)
        ).first()
    if row is None:
        raise NotFound(what="bulk")
    if row.finished_at is not None:
        return None
    order = order_of(row.kind, row.arguments)
    try:
        return _patiently(partial(_chunk, engine, bulk_id, row.by_id, order))
    except SignInRequired as error:
        _give_up(engine, bulk_id, error)
        return None


def _chunk(engine: Engine, bulk_id: UUID, who: UUID, order: Order, together: bool) -> int | None:
    """One transaction. The row of the bulk is held, so that nobody else works on the same items."""
    with engine.change(who) as work:
        held = sa.select(Bulk.finished_at).where(Bulk.id == bulk_id).with_for_update()
        if work.session.execute(held).scalar_one() is not None:
            return None
        items = work.session.execute(
            sa.select(BulkItem.position, BulkItem.case_id, BulkItem.task_id, BulkItem.service, BulkItem.body)
            .where(BulkItem.bulk_id == bulk_id, BulkItem.status == "pending")
            .order_by(BulkItem.case_id, BulkItem.position)
            .limit(CHUNK)
        ).all()
        if not items:
            _finish(work, bulk_id)
            return None
        subjects = [Subject(item.case_id, item.task_id, item.service, item.body) for item in items]
        results = _do(replace(work, bulk=bulk_id), order, subjects, together=together)
        _keep(work, bulk_id, [item.position for item in items], results)
        if len(results) == len(items) < CHUNK:
            _finish(work, bulk_id)
        return len(results)


def _do(work: Work, order: Order, subjects: Sequence[Subject], *, together: bool) -> list[Result]:
    """As many of them as fit into one short transaction, at least one; each that is refused is undone alone."""
    if order.kind == "open":
        planned = [Planned(one.service or "", one.body or "", "", "") for one in subjects]
        opened = (cases.open_together if together else cases.open_one_by_one)(work, planned)
        return [
            Result(one, result.case.id if result.case else None, result.refused)
            for one, result in zip(subjects, opened, strict=False)
        ]
    began = time.monotonic()
    deed = KINDS[order.kind]
    results: list[Result] = []
    for subject in subjects:
        results.append(_do_one(work, deed, order, subject))
        if time.monotonic() - began > CHUNK_SECONDS:
            break
    return results


def _do_one(work: Work, deed: _Deed, order: Order, subject: Subject) -> Result:
    try:
        with work.session.begin_nested():
            return Result(subject, deed(work, order, subject))
    except StartklarError as error:
        return Result(subject, None, error)
    except OperationalError:
        raise  # the database's trouble, not this case's: the whole chunk is tried again
    except Exception:
        log.exception("one of many failed: %s of case %s", order.kind, subject.case_id)
        return Result(subject, None, StartklarError())


def _keep(work: Work, bulk_id: UUID, positions: Sequence[int], results: Sequence[Result]) -> None:
    """What each came to, in the transaction in which it did."""
    done = [result.case_id for result in results if result.case_id is not None]
    heads = {row.id: row.seq for row in work.session.execute(sa.select(Case.id, Case.seq).where(Case.id.in_(done)))}
    rows = [
        {
            "key": bulk_id,
            "at": position,
            "status": "done" if result.refused is None else "refused",
            "case_id": result.case_id or result.subject.case_id,
            "error": refusals.kept(result.refused) if result.refused is not None else None,
            "seq": heads.get(result.case_id) if result.case_id is not None else None,
        }
        for position, result in zip(positions, results, strict=False)
    ]
    statements.write(work.connection, [(_KEEP, rows)])


def _finish(work: Work, bulk_id: UUID) -> None:
    """All of them are through: whoever is told of them is told now."""
    work.session.execute(sa.update(Bulk).where(Bulk.id == bulk_id).values(finished_at=work.now))
    work.session.execute(sa.update(Notice).where(Notice.bulk_id == bulk_id).values(bulk_id=None))


def _give_up(engine: Engine, bulk_id: UUID, error: StartklarError) -> None:
    """In whose name it was to be done has no account any more: what is left is refused."""
    with engine.change(SYSTEM) as work:
        work.session.execute(
            sa.update(BulkItem)
            .where(BulkItem.bulk_id == bulk_id, BulkItem.status == "pending")
            .values(status="refused", error=refusals.kept(Refused("error.bulk_account_ended", **error.facts)))
        )
        _finish(work, bulk_id)


# --- what can be done with many --------------------------------------------------------------------------------------


def _assign(work: Work, order: Order, subject: Subject) -> UUID:
    if order.to is None:
        raise Refused("error.cannot_be_assigned")
    return tasks.assign(work, _task(subject), order.to).case_id


def _submit(work: Work, order: Order, subject: Subject) -> UUID:
    return tasks.submit(work, _task(subject), order.given).case_id


def _team(work: Work, order: Order, subject: Subject) -> UUID:
    return cases.move_to_team_as_answered(work, _case(subject), order.given).id


def _advance(work: Work, order: Order, subject: Subject) -> UUID:
    return cases.advance(work, _case(subject), order.transition or "", given=order.given).id


def _hold(work: Work, order: Order, subject: Subject) -> UUID:
    return cases.hold_as_answered(work, _case(subject), order.given).id


def _resume(work: Work, _: Order, subject: Subject) -> UUID:
    return cases.resume(work, _case(subject)).id


def _open(work: Work, _: Order, subject: Subject) -> UUID:
    return cases.open_case(work, subject.service or "", subject.body or "").id


_Deed = Callable[[Work, Order, Subject], UUID]
KINDS: Mapping[str, _Deed] = {
    "open": _open,
    "assign": _assign,
    "team": _team,
    "advance": _advance,
    "hold": _hold,
    "resume": _resume,
    "submit": _submit,
}
"""Deeds that can be done with many, each as it is done with one: gives the case."""


def _case(subject: Subject) -> UUID:
    if subject.case_id is None:
        raise NotFound(what="case")
    return subject.case_id


def _task(subject: Subject) -> UUID:
    if subject.task_id is None:
        raise Refused("error.bulk_no_task")
    return subject.task_id


_KEEP = (
    sa.update(BulkItem.__table__)  # type: ignore[arg-type]
    .where(BulkItem.bulk_id == sa.bindparam("key", type_=sa.Uuid()), BulkItem.position == sa.bindparam("at"))
    .values({name: sa.bindparam(name) for name in ("status", "case_id", "error", "seq")})
)
