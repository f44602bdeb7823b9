"""Cases that were under way before: opened where they stand, with past dates, a source and a note."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from workflow import cases, commands, evidence, prerequisites
from workflow.cases import CaseView
from workflow.definition import EvidenceField, Process, Text
from workflow.engine import Engine, Who, Work
from workflow.errors import AlreadyOpen, InvalidEvidence, Refused, StartklarError
from workflow.evidence import Given
from workflow.models import Body
from workflow.texts import sort_key

CHUNK_SECONDS = 0.05

FIELDS: Mapping[str, EvidenceField] = {
    "service": EvidenceField(type="text", title=Text(de="Leistung", en="Service")),
    "body": EvidenceField(type="text", title=Text(de="Kommune", en="Municipality")),
    "state": EvidenceField(type="text", title=Text(de="Status", en="State")),
    "since": EvidenceField(type="date", title=Text(de="Seit", en="Since")),
    "live_on": EvidenceField(type="date", title=Text(de="Produktiv seit", en="Live since"), required=False),
    "variant": EvidenceField(type="text", title=Text(de="Variante", en="Variant"), required=False),
    "closed": EvidenceField(type="flag", title=Text(de="Abgeschlossen", en="Closed"), required=False),
    "source": EvidenceField(type="text", title=Text(de="Quelle", en="Source")),
    "note": EvidenceField(type="long_text", title=Text(de="Bemerkung", en="Note"), required=False),
}
"""What is told of a case that is taken over; a table has a column for each."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: its number in the file, what it says, or why it says nothing."""

    number: int
    given: Mapping[str, str]
    fault: StartklarError | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a line: the case, or why there is none."""

    line: Line
    case: CaseView | None
    refused: StartklarError | None

    @property
    def is_there(self) -> bool:
        """The case was there already; nothing was to be done."""
        return isinstance(self.refused, AlreadyOpen)


def take_over(work: Work, given: Given) -> CaseView:
    """Open a case where it stands already. `given` answers `FIELDS`; service, state and variant by key or title, the
    body by its ARS or its name.

    It gets the tasks of that state only, due from today on; a live one that is closed gets none. Its dates are those of
    before, it is marked, and source and note stay with it.

    Raises InvalidEvidence with every fault at once (also names nobody knows), or NotAllowed, Refused or AlreadyOpen
    (there is a case of this service and body, of whatever round) like `open_case`, in this order.
    """
    told, faults = _told(given)
    process = work.catalogue.newest(work.catalogue.programme.process)
    standing, further = _standing(work, process, told)
    body = _body(work, str(told["body"])) if "body" in told else None
    if body is None:
        further["body"] = ("evidence.no_such_body", {"title": FIELDS["body"].title, "word": told.get("body", "")})
    faults = further | faults
    if faults or body is None:
        raise InvalidEvidence({name: faults[name] for name in (*FIELDS, *given) if name in faults})
    closed = bool(told.get("closed"))
    case = cases.begin_at(work, standing.pop("service"), body, standing, tasks_too=not closed)
    if case.row.variant is not None and case.row.live_on is None and case.row.ended_on is None:
        prerequisites.ask(case)
    case.remark("\n".join(str(told[name]) for name in ("source", "note") if told.get(name)))
    case.say(target=standing["state"], on=standing["entered_on"])
    case.record("taken_over")
    return cases.view(case)


def take_over_all(
    engine: Engine,
    who: Who,
    lines: Sequence[Line],
    *,
    dry_run: bool = False,
    key: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Taken]:
    """Take over every line of a table, in short transactions; a bad line stops none of the others.

    May be repeated: what is there already is told (`is_there`) and not doubled; under the same `key` it is told what
    became of each line the first time. With `dry_run` all are undone. `progress` hears how many more were tried.
    Raises Invalid (no such key can be).
    """
    key = None if dry_run else commands.part(key, "table")
    results: list[Taken] = []
    first: dict[str, int] = {}
    while len(results) < len(lines):
        chunk: list[Taken] = []
        with suppress(_OnlyTried), engine.change(who) as work:
            chunk = _some(work, lines[len(results) :], first, key)
            if dry_run:
                raise _OnlyTried
        results += chunk
        progress(len(chunk))
    return results


class _OnlyTried(Exception):
    """Ends a transaction that was only tried."""


def _some(work: Work, lines: Sequence[Line], first: dict[str, int], key: str | None) -> list[Taken]:
    """As many lines as fit into one short transaction, with a savepoint each."""
    began = time.monotonic()
    results: list[Taken] = []
    for line in lines:
        try:
            if line.fault is not None:
                raise line.fault
            with work.session.begin_nested():
                case = commands.once(work, commands.part(key, line.number), take_over, line.given)
                before = first.setdefault(case.number, line.number)
                if before != line.number:
                    raise Refused("error.line_twice", line=before)
            results.append(Taken(line, case, None))
        except AlreadyOpen as error:
            same = first.get(error.facts["number"])
            results.append(Taken(line, None, Refused("error.line_twice", line=same) if same is not None else error))
        except StartklarError as error:
            results.append(Taken(line, None, error))
        if time.monotonic() - began > CHUNK_SECONDS:
            break
    return results


Faults = dict[str, tuple[str, dict[str, Any]]]


def _told(given: Given) -> tuple[dict[str, Any], Faults]:
    """The answers that can be read, and what is wrong with the others."""
    faults: Faults = {}
    try:
        answers = evidence.read(FIELDS, given)
    except InvalidEvidence as error:
        faults = dict(error.faults)
        readable = {name: asked for name, asked in FIELDS.items() if name not in faults}
        answers = evidence.read(readable, {name: given[name] for name in readable if name in given})
    return {answer.field: answer.value for answer in answers}, faults


def _standing(work: Work, process: Process, told: Mapping[str, Any]) -> tuple[dict[str, Any], Faults]:
    """The columns of a case that stands there already, and everything that cannot be."""
    faults: Faults = {}
    states = {key: one.title for key, one in process.states.items() if not _only_the_system_leads_to(process, key)}
    state = _named(str(told.get("state", "")), states)
    service = _named(str(told.get("service", "")), {key: one.title for key, one in work.catalogue.services.items()})
    since, live_on = told.get("since"), told.get("live_on")
    if state is None:
        _fault(faults, "state", "evidence.not_one_of", word=told.get("state", ""), options=list(states.values()))
    if service is None:
        _fault(faults, "service", "evidence.not_in_catalogue", word=told.get("service", ""))
    variant = None
    if service is not None and told.get("variant"):
        variants = work.catalogue.service(service).variants
        variant = _named(str(told["variant"]), {key: one.title for key, one in variants.items()})
        if variant is None:
            options = [one.title for one in variants.values()]
            _fault(faults, "variant", "evidence.not_one_of", word=told["variant"], options=options)
    for name, day in (("since", since), ("live_on", live_on)):
        if isinstance(day, dt.date) and day > work.today:
            _fault(faults, name, "evidence.not_in_past")
    was_live = state is not None and _was_live(process, state)
    if live_on is not None and state is not None and not was_live:
        _fault(faults, "live_on", "evidence.never_live")
    elif isinstance(live_on, dt.date) and isinstance(since, dt.date) and live_on > since:
        _fault(faults, "live_on", "evidence.later_than_since")
    goal = state is not None and process.states[state].goal
    if told.get("closed") and state is not None and not goal:
        _fault(faults, "closed", "evidence.not_live")
    if faults or state is None or service is None or since is None:
        return {}, faults
    end = process.states[state].end
    return {
        "service": service,
        "state": state,
        "opened_on": min(since, live_on or since),
        "entered_on": since,
        "live_on": (live_on or since) if was_live else None,
        "closed_on": since if told.get("closed") else None,
        "ended_on": since if end else None,
        "underway": not end and state != process.initial,
        "variant": variant,
        "taken_over": True,
    }, faults


def _fault(faults: Faults, name: str, key: str, **facts: Any) -> None:
    faults.setdefault(name, (key, {"title": FIELDS[name].title, **facts}))


def _named(word: str, known: Mapping[str, Text]) -> str | None:
    """The key of what somebody wrote: the key itself, or a title in either language."""
    if word in known:
        return word
    wanted = sort_key(word)
    found = [key for key, text in known.items() if wanted in (sort_key(text.de), sort_key(text.en))]
    return found[0] if len(found) == 1 else None


def _body(work: Work, word: str) -> str | None:
    """The ARS of what somebody wrote: the ARS (spreadsheets drop its zero), or the whole name. None: there is none of
    it, or there are several."""
    there: sa.ColumnElement[bool] = sa.or_(Body.display_name == word, Body.name == word)
    if word.isascii() and word.isdigit():
        there = Body.ars == (f"0{word}" if len(word) == 11 else word)
    found = work.session.execute(sa.select(Body.ars).where(there, Body.valid_until.is_(None)).limit(2)).scalars().all()
    return found[0] if len(found) == 1 else None


def _only_the_system_leads_to(process: Process, state: str) -> bool:
    ways = [move for move in process.transitions.values() if move.to == state]
    return bool(ways) and all(set(move.by) == {"system"} for move in ways)


def _was_live(process: Process, state: str) -> bool:
    """A case that stands there is live, or stepped aside from being it."""
    definition = process.states[state]
    from_goal = any(
        move.to == state and all(process.states[source].goal for source in move.from_)
        for move in process.transitions.values()
    )
    return definition.goal or (definition.aside and not definition.end and from_goal)
