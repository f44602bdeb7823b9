"""Why this date: how a due date came about, step by step, as sentences every door says alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow.calendar import Extension as Extended
from workflow.calendar import Pause, Promise, Step
from workflow.deadlines import DueDate
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Extension, Person, Remark, Reply
from workflow.texts import Key

Sentence = tuple[str, Mapping[str, Any]]
"""The key of a sentence and the facts that fill it."""


@dataclass(frozen=True, slots=True)
class WhyStep:
    """One step of a date explained: what was added (`kind`), where that led, and the sentences that say so."""

    kind: str
    days: int
    date: dt.date
    holidays: tuple[tuple[dt.date, str], ...]
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """How a due date came about. `kind`: working_days, calendar_days, stichtag, promised, milestone or statutory."""

    kind: str
    since: str
    """What counting began with: ready, submitted or declined; asked for a prerequisite, event for what a law sets."""
    steps: tuple[WhyStep, ...]
    rests: bool
    """The case rests: the pause that lasts is not part of the date yet."""
    limit: Sentence | None = None
    """How far the date may still be extended."""


@dataclass(frozen=True, slots=True)
class Given:
    """Who extended or promised a date, and the reason they gave for extending it; either may have been erased."""

    who: str | None
    reason: str | None
    on: dt.date | None = None
    """The day of a promise."""


def explain(
    work: Work,
    due: DueDate,
    *,
    since: str,
    rests: bool = False,
    given: Mapping[UUID, Given] | None = None,
    extended: int | None = None,
) -> Why:
    """The steps of a date in words. `given`: who is behind its changes, as `givers` finds them; `extended`: by how
    many working days in all, where it may be extended."""
    blockers = work.catalogue.programme.blockers
    titles = {name: blocker.title for name, blocker in blockers.items()}
    steps = tuple(_in_words(step, due.kind, since, titles, given or {}) for step in due.steps)
    most = work.catalogue.programme.calendar.most_extension
    limit = ("why.limit", {"n": max(most - extended, 0), "given": extended, "most": most}) if extended else None
    return Why(kind=due.kind, since=since, steps=steps, rests=rests, limit=limit)


def givers(work: Work, due: DueDate) -> dict[UUID, Given]:
    """Who gave the extensions a date is made of, and why; or who promised it, and when."""
    return _extended_by(work, due) | _promised_by(work, due)


def _extended_by(work: Work, due: DueDate) -> dict[UUID, Given]:
    extensions = [step.cause.id for step in due.steps if isinstance(step.cause, Extended) and step.cause.id]
    if not extensions:
        return {}
    rows = work.session.execute(
        sa.select(Extension.id, Person.name, Remark.text)
        .outerjoin(Person, Person.id == Extension.given_by)
        .outerjoin(Remark, Remark.id == Extension.remark_id)
        .where(Extension.id.in_(extensions))
    )
    return {row.id: Given(row.name, row.text) for row in rows}


def _promised_by(work: Work, due: DueDate) -> dict[UUID, Given]:
    promised = [step.cause.of for step in due.steps if isinstance(step.cause, Promise)]
    if not promised:
        return {}
    rows = work.session.execute(
        sa.select(Reply.subject_id, Reply.given_at, Person.name)
        .outerjoin(Person, Person.id == Reply.given_by)
        .where(Reply.subject_id.in_(promised), Reply.kind == "promised")
        .order_by(Reply.generation)  # the last one counts
    )
    return {row.subject_id: Given(row.name, None, work.catalogue.calendar.today(row.given_at)) for row in rows}


def sentences(why: Why) -> Iterator[tuple[Sentence, ...]]:
    """What is said of a date, one group per step."""
    yield from (step.sentences for step in why.steps)
    if why.limit is not None:
        yield (why.limit,)
    if why.kind == "statutory":
        yield (("why.unmoved", {}),)
    if why.rests:
        yield (("why.rests", {}),)


def _in_words(step: Step, kind: str, since: str, blockers: Mapping[str, Text], given: Mapping[UUID, Given]) -> WhyStep:
    first = step.date - dt.timedelta(days=step.days) if step.kind == "roll" else None
    passed = tuple(one for one in step.holidays if one[0] != first)
    said = (*_said(step, kind, since, blockers, given), *_holidays(passed))
    return WhyStep(step.kind, step.days, step.date, step.holidays, said)


def _said(
    step: Step, kind: str, since: str, blockers: Mapping[str, Text], given: Mapping[UUID, Given]
) -> Iterable[Sentence]:
    match step.cause:
        case Pause() as pause:
            key = "why.pause_calendar" if kind == "calendar_days" else "why.pause"
            yield key, {"n": step.days, "day": step.date, "since": pause.began_on, "until": pause.ended_on}
            if pause.blocker:
                yield "why.pause_because", {"blocker": blockers.get(pause.blocker, pause.blocker)}
        case Extended() as extension:
            yield "why.extension", {"n": step.days, "day": step.date, "on": extension.given_on}
            behind = given.get(extension.id) if extension.id else None
            if behind is not None and behind.who:
                yield "why.extension_by", {"who": behind.who}
            if behind is not None and behind.reason:
                yield "why.extension_reason", {"reason": behind.reason}
        case Promise() as promise:
            behind = given.get(promise.of)
            yield "why.promise", {"day": step.date, "on": behind.on if behind is not None else None}
            if behind is not None and behind.who:
                yield "why.promise_by", {"who": behind.who}
        case None if step.kind == "roll":
            first = step.date - dt.timedelta(days=step.days)
            named = dict(step.holidays).get(first)
            what = Key("why.public_holiday", {"name": named}) if named else Key(_NO_END[first.weekday()], {})
            yield "why.roll", {"since": first, "what": what, "day": step.date}
        case None if step.kind == "start":
            yield f"why.since_{since}", {"day": step.date}
        case None if step.kind == "fixed":
            yield f"why.{kind}", {"day": step.date}
        case None:
            yield f"why.{step.kind}", {"n": step.days, "day": step.date}


_NO_END = {5: "why.saturday", 6: "why.sunday"}


def _holidays(passed: tuple[tuple[dt.date, str], ...]) -> Iterable[Sentence]:
    if passed:
        names = tuple(Key("why.holiday", {"name": name, "day": date}) for date, name in passed)
        yield "why.holidays", {"n": len(passed), "names": names}
