"""Which mails would go out on the days to come if nobody did anything: to whom, when and why.

Everything that is still to happen is copied into a database of its own, whose clock moves from one instant at which
something is due to the next. The code that decides, writes and counts is the very same, so what it writes there is what
it would write here; nothing of this installation is changed or locked. Definitions that are not loaded yet may be tried
in the copy.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import database, definition, loading, policy, ticking
from workflow.checking import Definitions, insist_programme
from workflow.checking.bodies import KnownBody
from workflow.checking.names import Known
from workflow.definition import Programme, Text, stored
from workflow.engine import SYSTEM, Engine, Who, Work
from workflow.errors import Refused
from workflow.models import (
    Announcement,
    Base,
    Body,
    Case,
    Definition,
    Hold,
    Installation,
    Mailbox,
    Message,
    Milestone,
    Notice,
    Person,
    Prerequisite,
    Task,
)

MOST_DAYS = 92
"""Calendar days that may be looked ahead: a quarter."""
_BATCH = 2_000
_SUBJECTS = (Task, Prerequisite, Hold, Milestone)


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing a mail tells: of which text, and of a reminder the rung, the ladder and the due date."""

    name: str
    subject_kind: str
    title: Text
    number: str | None
    body: str | None
    rung: str | None
    ladder: str | None
    due: dt.date | None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A mail that would go out, at an instant in UTC."""

    at: dt.datetime
    recipient_id: UUID | None
    """None: a function mailbox."""
    recipient: str
    """The person's name, or the address of a function mailbox."""
    address: str
    subject: str
    immediate: bool
    """Not the digest of its day."""
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Ahead:
    """Mails that would go out, and how another programme differs: what only goes out now, and only then."""

    mails: tuple[Foreseen, ...]
    now: int
    """How many go out with what is loaded."""
    less: tuple[Foreseen, ...] = ()
    more: tuple[Foreseen, ...] = ()


def look_ahead(engine: Engine, who: Who, *, days: int, programme: str | None = None) -> Ahead:
    """`simulate` for somebody who may know all recipients; `programme` is the text of a `programme.yaml` to be tried.

    Raises NotAllowed, InvalidDefinitions (faults of the text), or what `simulate` raises, in this order.
    """
    with engine.read(who) as work:
        policy.insist_may_foresee(work.actor)
        tried = insist_programme(programme, _known(work)) if programme is not None else None
    present = simulate(engine, days=days)
    if tried is None:
        return Ahead(present, len(present))
    mails = simulate(engine, days=days, programme=tried)
    return Ahead(mails, len(present), *differences(present, mails))


def simulate(
    engine: Engine,
    *,
    days: int,
    definitions: Definitions | None = None,
    programme: Programme | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[Foreseen, ...]:
    """Every mail of the next calendar days, in order; `definitions`, or only another programme, may be tried.

    Today counts from now on. `progress` hears how many days have passed. Raises Refused unless it is 1 to 92 days, and
    what loading the definitions raises.
    """
    if not 1 <= days <= MOST_DAYS:
        raise Refused("error.simulation_days", most=MOST_DAYS)
    with _copy(engine) as copy:
        if definitions is not None:
            loading.load_checked(copy, definitions)
        if programme is not None:
            _put_programme(copy, programme)
        with copy.read(SYSTEM) as work:
            began = work.now
            known = set(work.session.execute(sa.select(Message.id)).scalars())
            last_day = work.today + dt.timedelta(days=days)
            end = dt.datetime.combine(last_day, dt.time(), work.catalogue.calendar.zone).astimezone(dt.UTC)
        now, passed = began, 0
        while True:
            ticking.decide_and_write(copy)
            following = _next(copy, after=now)
            if following is None or following >= end:
                break
            now = following
            _set_clock(copy, now)
            if (now - began).days > passed:
                progress((now - began).days - passed)
                passed = (now - began).days
        progress(days - passed)
        with copy.read(SYSTEM) as work:
            return tuple(_foreseen(work, known))


def _known(work: Work) -> Known:
    """Names as they are loaded; a programme names its own ladders."""
    found = work.catalogue
    going_on = sa.select(Body.ars, Body.kind, Body.name, Body.district).where(Body.valid_until.is_(None))
    rows = work.session.execute(going_on)
    return Known(
        bodies={row.ars: KnownBody(row.kind, row.name, row.district) for row in rows},
        processes=frozenset(process.process for process in found.processes()),
        services=frozenset(found.services),
        variants=frozenset(variant for service in found.services.values() for variant in service.variants),
        groups=frozenset(found.groups),
        ladders=frozenset(found.programme.ladders),
        promising=frozenset(),
        teams=frozenset(found.programme.teams),
        operators=frozenset(found.programme.operators),
        prerequisites=None,
        milestones=frozenset(found.shared.milestones),
        messages=frozenset(name for _, name in found.messages),
    )


# --- the copy --------------------------------------------------------------------------------------------------------

_LEFT_OUT = frozenset(
    {
        "bulk",
        "bulk_item",
        "checklist_item",
        "command",
        "comment",
        "document",
        "draft",
        "feed",
        "feedback",
        "land_edition",
        "lease",
        "login_attempt",
        "meeting",
        "mention",
        "recording",
        "saved_view",
        "spent_link",
        "trouble",
        "web_session",
    }
)
"""What no reminder depends on: it stays where it is."""
_EMPTIED = {
    "installation": ("link_key",),
    "person": ("password", "salt"),
    "message": ("plain", "html"),
    "evidence": ("salt",),
    "remark": ("salt",),
}
"""Columns whose content nobody needs to know there."""


@contextmanager
def _copy(engine: Engine) -> Iterator[Engine]:
    """An installation of its own with everything that is still to happen; gone when the block ends, and with the
    process: names and proofs of people are in it."""
    alone = replace(engine.settings, database_url="sqlite://", data=Path(os.devnull), smtp_url=None, clock=None)
    copy = Engine(alone, database.private())
    sa.event.listen(copy.pool, "connect", _prepare)
    try:
        with engine.read(SYSTEM) as work:
            now, today = work.now, work.today
        Base.metadata.create_all(copy.pool)
        _fill(engine, copy, today)
        with database.transaction(copy.pool, write=True) as session:
            session.execute(
                sa.update(Installation).values(clock="manual", clock_now=now, rehearsing=True, example=True)
            )
        yield copy
    finally:
        copy.close()


def _fill(engine: Engine, copy: Engine, today: dt.date) -> None:
    """Copy rows as one moment saw them, some thousand at a time."""
    snapshot = {} if engine.pool.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with (
        engine.pool.connect().execution_options(**snapshot, startklar_write=False) as source,
        copy.pool.connect() as target,
        source.begin(),
        target.begin(),
    ):
        for table in Base.metadata.sorted_tables:
            if table.name in _LEFT_OUT:
                continue
            rows = source.execution_options(yield_per=_BATCH).execute(_wanted(table, today)).mappings()
            for batch in rows.partitions(_BATCH):
                target.execute(sa.insert(table), [_emptied(table, dict(row)) for row in batch])


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """A copy need not outlive a power cut, and what is left out is not missed."""
    for pragma in ("synchronous=OFF", "foreign_keys=OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _wanted(table: sa.Table, today: dt.date) -> sa.Select[Any]:
    """The rows of a table on which what is still to happen depends."""
    query = sa.select(table)
    open_case = sa.select(Case.id).where(Case.ended_on.is_(None))
    if table.name == "cases":
        return query.where(table.c.ended_on.is_(None))
    if table.name == "event":  # what repeats counts from the day its milestone was planned
        return query.where(table.c.chain_id.in_(sa.select(Milestone.id)), table.c.act == "planned")
    if table.name == "remark":  # the words of what is announced
        return query.where(table.c.id.in_(sa.select(Announcement.remark_id)))
    if table.name == "notice":
        return query.where(table.c.message_id.is_(None))
    if table.name == "message":
        return query.where(sa.or_(table.c.day >= today - dt.timedelta(days=7), table.c.status == "queued"))
    if table.name == "evidence":
        return query.where(table.c.latest, sa.or_(table.c.case_id.is_(None), table.c.case_id.in_(open_case)))
    if "case_id" in table.c and table.name != "extension":
        return query.where(sa.or_(table.c.case_id.is_(None), table.c.case_id.in_(open_case)))
    return query


def _emptied(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    emptied = dict.fromkeys(_EMPTIED.get(table.name, ()))
    values = row | {name: "" if not table.c[name].nullable else None for name in emptied}
    if table.name == "message":
        values |= {"status": "recorded", "try_at": None}
    return values


def _put_programme(copy: Engine, programme: Programme) -> None:
    with copy.read(SYSTEM) as work:
        before, now = work.catalogue.programme, work.now
    with database.transaction(copy.pool, write=True) as session:
        loading.clock_anew(session, before, programme, now)
        session.execute(
            sa.update(Definition)
            .where(Definition.kind == "programme")
            .values(content=stored(definition.PROGRAMME, programme))
        )
        session.execute(sa.update(Installation).values(definitions_revision=Installation.definitions_revision + 1))


# --- time ------------------------------------------------------------------------------------------------------------


def _next(copy: Engine, *, after: dt.datetime) -> dt.datetime | None:
    """The next instant at which something is due."""
    with copy.read(SYSTEM) as work:
        queries = [sa.select(sa.func.min(model.remind_at)).where(model.remind_at > after) for model in _SUBJECTS]
        queries.append(sa.select(sa.func.min(Notice.try_at)).where(Notice.try_at > after, Notice.message_id.is_(None)))
        found: list[dt.datetime | None] = [work.session.execute(query).scalar() for query in queries]
        tomorrow = work.catalogue.calendar.next_working_morning(after)
    return min((*(one for one in found if one is not None), tomorrow))


def _set_clock(copy: Engine, now: dt.datetime) -> None:
    with database.transaction(copy.pool, write=True) as session:
        session.execute(sa.update(Installation).values(clock_now=now))


# --- what was written ------------------------------------------------------------------------------------------------


def _foreseen(work: Work, known: set[UUID]) -> Iterator[Foreseen]:
    reasons: dict[UUID, list[Reason]] = {}
    for row in work.session.execute(_REASONS):
        reasons.setdefault(row.message_id, []).append(_reason(work, row))
    for mail in work.session.execute(_WRITTEN):
        if mail.id not in known:
            yield Foreseen(
                mail.written_at.astimezone(dt.UTC),
                mail.recipient_id,
                mail.name or mail.address or "",
                mail.address or "",
                mail.subject,
                mail.nth != 0,
                tuple(reasons.get(mail.id, ())),
            )


def _reason(work: Work, row: Any) -> Reason:
    facts: dict[str, Any] = json.loads(row.facts)
    due = facts.get("due")
    return Reason(
        name=row.name,
        subject_kind=row.subject_kind,
        title=_title(work, row, facts),
        number=row.number,
        body=row.body,
        rung=facts.get("rung"),
        ladder=row.ladder if "rung" in facts else None,
        due=dt.date.fromisoformat(due) if isinstance(due, str) else None,
    )


def _title(work: Work, row: Any, facts: Mapping[str, Any]) -> Text:
    """What the thing is called in the definitions."""
    shared = work.catalogue.shared
    if row.subject_kind == "task" and row.task is not None and row.process is not None:
        state = work.catalogue.process(row.process, row.process_version).states.get(row.task_state)
        task = state.tasks.get(row.task) if state else None
        return task.title if task else Text(row.task, row.task)
    if row.subject_kind == "prerequisite" and (kind := work.catalogue.prerequisite_kind(row.prerequisite or "")):
        return kind.title
    if row.subject_kind == "milestone" and row.milestone in shared.milestones:
        return shared.milestones[row.milestone].title
    if row.subject_kind == "hold" and row.blocker in work.catalogue.programme.blockers:
        return work.catalogue.programme.blockers[row.blocker].title
    words = str(facts.get("transition") or facts.get("task") or row.name)
    return Text(words, words)


_OF = (Task, Prerequisite, Hold, Milestone)
_REASONS = (
    sa.select(
        Notice.message_id,
        Notice.name,
        Notice.subject_kind,
        Notice.facts,
        Case.number,
        Case.process,
        Case.process_version,
        Task.name.label("task"),
        Task.state.label("task_state"),
        Prerequisite.kind.label("prerequisite"),
        Milestone.kind.label("milestone"),
        Hold.blocker,
        Body.display_name.label("body"),
        sa.func.coalesce(*(model.ladder for model in _OF)).label("ladder"),
    )
    .outerjoin(Case, Case.id == Notice.case_id)
    .outerjoin(Task, sa.and_(Notice.subject_kind == "task", Task.id == Notice.subject_id))
    .outerjoin(Prerequisite, sa.and_(Notice.subject_kind == "prerequisite", Prerequisite.id == Notice.subject_id))
    .outerjoin(Hold, sa.and_(Notice.subject_kind == "hold", Hold.id == Notice.subject_id))
    .outerjoin(Milestone, sa.and_(Notice.subject_kind == "milestone", Milestone.id == Notice.subject_id))
    .outerjoin(Body, Body.ars == sa.func.coalesce(Case.body, Prerequisite.body))
    .where(Notice.message_id.is_not(None))
    .order_by(Notice.created_at, Notice.id)
)
_WRITTEN = (
    sa.select(
        Message.id,
        Message.written_at,
        Message.recipient_id,
        Message.address,
        Message.subject,
        Message.day,
        Message.nth,
        Person.name,
    )
    .outerjoin(Person, Person.id == Message.recipient_id)
    .outerjoin(Mailbox, Mailbox.id == Message.mailbox_id)
    .order_by(Message.written_at, Person.search_key, Message.address)
)


def differences(
    present: Sequence[Foreseen], changed: Sequence[Foreseen]
) -> tuple[tuple[Foreseen, ...], tuple[Foreseen, ...]]:
    """Mails that only go out now, and those that only go out after the change: by instant, recipient and reasons."""
    there, then = ({_key(one): one for one in mails} for mails in (present, changed))
    return (
        tuple(one for key, one in there.items() if key not in then),
        tuple(one for key, one in then.items() if key not in there),
    )


def _key(mail: Foreseen) -> tuple[Any, ...]:
    told = sorted((one.name, one.subject_kind, one.title.de, one.number or "", one.body or "") for one in mail.reasons)
    return mail.at, mail.recipient_id, mail.address, tuple(told)
