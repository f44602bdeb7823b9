"""Every date of a case that somebody has to keep, explained: how it came about, and what a law sets beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import texts
from workflow.definition import Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import Hold
from workflow.queries import parts, prerequisite, seen, why
from workflow.queries.parts import Due
from workflow.queries.seen import ByLaw, Party, SeenCase
from workflow.queries.why import Why

Kind = Literal["task", "prerequisite", "milestone", "hold"]


@dataclass(frozen=True, slots=True)
class Dated:
    """Something with a date: an open task, a prerequisite or milestone the case waits for, the review of its pause."""

    kind: Kind
    id: UUID
    name: str
    """Of the task, prerequisite or milestone in the definitions; empty for a pause."""
    title: Text
    party: Party | None
    due: Due | None
    """The date that is aimed at."""
    why: Why | None
    """None where somebody simply set the date."""
    by_law: ByLaw | None


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates of one case, the earliest first."""

    case_id: UUID
    number: str
    service: Text
    body: str
    rests: bool
    dated: tuple[Dated, ...]


def dates(work: Work, case_id: UUID) -> Dates:
    """The dates of a case. Raises NotFound when it is not there or not for this actor."""
    found = seen.look(work, case_id)
    found.learn_names([task.holder_id for task in found.tasks.values()])
    known = [*_tasks(found), *_prerequisites(found), *_milestones(found), *_review(found)]
    return Dates(
        case_id=found.row.id,
        number=found.row.number,
        service=parts.service_title(work.catalogue, found.row.service),
        body=found.body_name,
        rests=found.row.rests,
        dated=tuple(sorted(known, key=_when)),
    )


def only(known: Dates, name: str) -> Dates:
    """The dates of one task, prerequisite or milestone. Raises NotFound when it has none in this case."""
    dated = tuple(one for one in known.dated if one.name == name)
    if not dated:
        raise NotFound(what="date", name=name)
    return Dates(known.case_id, known.number, known.service, known.body, known.rests, dated)


def plain(known: Dates) -> dict[str, Any]:
    """The same for machines: every sentence in both languages, dates as ISO 8601."""
    return {"case": known.number, "rests": known.rests, "dates": [_plain(one) for one in known.dated]}


def _tasks(found: SeenCase) -> Iterator[Dated]:
    for task in found.tasks.values():
        by_law = found.by_law(task)
        due = parts.due(found.work, task.due_on) if task.acting else None
        if due is not None or (by_law is not None and by_law.due is not None):
            title = found.definition_of(task).title
            party = found.line(task).party if task.acting else None
            yield Dated("task", task.id, task.name, title, party, due, found.why(task), by_law)


def _prerequisites(found: SeenCase) -> Iterator[Dated]:
    wanted = [one.id for one in found.prerequisites().values() if one.acting and one.due_on]
    for row, reason in prerequisite.dated(found.work, wanted):
        title = parts.prerequisite_title(found.work.catalogue, row.kind)
        due = parts.due(found.work, row.due_on)
        yield Dated("prerequisite", row.id, row.kind, title, None, due, reason, None)


def _milestones(found: SeenCase) -> Iterator[Dated]:
    for one in found.milestones().values():
        kind = found.work.catalogue.shared.milestones.get(one.kind)
        if one.due_on is not None and one.reached_on is None and kind is not None:
            yield Dated("milestone", one.id, one.kind, kind.title, None, parts.due(found.work, one.due_on), None, None)


def _review(found: SeenCase) -> Iterator[Dated]:
    if not found.row.rests:
        return
    query = sa.select(Hold.id, Hold.review_on, Hold.blocker)
    row = found.work.session.execute(query.where(Hold.case_id == found.row.id, Hold.ended_on.is_(None))).first()
    if row is not None:
        blocker = found.work.catalogue.programme.blockers.get(row.blocker)
        title = blocker.title if blocker else Text(de=row.blocker, en=row.blocker)
        yield Dated("hold", found.row.id, "", title, None, parts.due(found.work, row.review_on), None, None)


def _when(one: Dated) -> tuple[dt.date, str]:
    days = [due.on for due in (one.due, one.by_law.due if one.by_law else None) if due is not None]
    return min(days), one.name


def _plain(one: Dated) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": one.name,
        "title": {"de": one.title.de, "en": one.title.en},
        "due": _day(one.due),
        "why": _explained(one.why),
        "by_law": None if one.by_law is None else _lawful(one.by_law),
    }


def _lawful(by_law: ByLaw) -> dict[str, Any]:
    basis = {"de": by_law.basis.de, "en": by_law.basis.en}
    return {"basis": basis, "due": _day(by_law.due), "why": _explained(by_law.why)}


def _day(due: Due | None) -> str | None:
    return due.on.isoformat() if due else None


def _explained(reason: Why | None) -> dict[str, Any] | None:
    if reason is None:
        return None
    steps = [
        {
            "kind": step.kind,
            "days": step.days,
            "date": step.date.isoformat(),
            "holidays": [{"date": day.isoformat(), "name": name} for day, name in step.holidays],
            "said": in_both(step.sentences),
        }
        for step in reason.steps
    ]
    more = [in_both(said) for said in list(why.sentences(reason))[len(steps) :]]
    return {"kind": reason.kind, "steps": steps, "more": more}


def in_both(said: tuple[why.Sentence, ...]) -> dict[str, str]:
    """Sentences one after the other, in German and English."""
    return {language: " ".join(_say(one, language) for one in said) for language in ("de", "en")}


def _say(one: why.Sentence, language: str) -> str:
    key, facts = one
    given: Mapping[str, Any] = facts
    return texts.say(language, key, **given)
