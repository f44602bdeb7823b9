"""Mails of the days to come, for the programme office and auditors: what goes out, and what another ladder changes."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from webui import session, wording
from workflow import policy
from workflow.errors import InvalidDefinitions, Refused
from workflow.foreseen import ZONE, as_csv

if TYPE_CHECKING:
    from workflow.simulation import Ahead, Foreseen

blueprint = Blueprint("ahead", __name__, url_prefix="/programme/mails")

SPANS = (5, 10, 30)
"""Calendar days one may look ahead here; the command line looks further."""
MOST_BYTES = 200_000
_FILE = "programme"
_TURN = threading.Lock()
_SHOWN = 100
"""Mails of a day that are listed; the rest is in the file."""


@dataclass(frozen=True, slots=True)
class Line:
    """A mail, and whether another programme adds it or leaves it out."""

    mail: Foreseen
    change: str
    """more, less or nothing."""


@dataclass(frozen=True, slots=True)
class Day:
    """The mails of a day."""

    date: dt.date
    lines: tuple[Line, ...]
    mails: int
    recipients: int
    most: int
    """How many one recipient gets."""
    left_out: int


@blueprint.get("")
def show() -> AnyResponse:
    """The form; with `days`, the mails as well."""
    days = _days()
    if days is None:
        with session.engine().read(session.me()) as work:
            policy.insist_may_foresee(work.actor)
        return _page(None, SPANS[0])
    return _page(_look_ahead(days), days)


@blueprint.post("")
def compare() -> AnyResponse:
    """The mails with another programme, beside those with the one that is loaded."""
    with session.engine().read(session.me()) as work:
        policy.insist_may_foresee(work.actor)
    days, file = _days() or SPANS[0], request.files.get(_FILE)
    content = file.read(MOST_BYTES + 1) if file is not None and file.filename else b""
    if not content:
        return _page(None, days, faults=[wording.t("ahead.choose")])
    try:
        text = content.decode("utf-8-sig") if len(content) <= MOST_BYTES else None
    except UnicodeDecodeError:
        text = None
    if text is None:
        return _page(None, days, faults=[wording.t("ahead.no_text")])
    try:
        return _page(_look_ahead(days, programme=text), days, other=True)
    except InvalidDefinitions as error:
        return _page(None, days, faults=[fault.line_in(wording.language()) for fault in error.faults])


@blueprint.get("/csv")
def table() -> AnyResponse:
    """The same as a file, one line for each reason. Like the page it names people and no addresses."""
    found = _look_ahead(_days() or SPANS[0])
    answer = make_response(as_csv(found.mails, wording.language(), addresses=False).encode("utf-8-sig"))
    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
    answer.headers["Content-Disposition"] = "attachment; filename=mails.csv"
    return answer


def _look_ahead(days: int, *, programme: str | None = None) -> Ahead:
    """One at a time in each process: it keeps a processor busy for a while, and everybody else waits for that."""
    from workflow import simulation  # needs what checks and loads definitions, and nothing else here does

    with session.engine().read(session.me()) as work:
        policy.insist_may_foresee(work.actor)
    if not _TURN.acquire(blocking=False):
        raise Refused("ahead.busy")
    try:
        return simulation.look_ahead(session.engine(), session.me(), days=days, programme=programme)
    finally:
        _TURN.release()


def _days() -> int | None:
    asked = request.values.get("days", type=int)
    return asked if asked in SPANS else None


def _page(found: Ahead | None, days: int, *, other: bool = False, faults: Sequence[str] = ()) -> AnyResponse:
    body = render_template(
        "ahead.html",
        found=found,
        days=days,
        spans=SPANS,
        listed=_by_day(found) if found is not None else (),
        other=other,
        faults=faults,
        zone=ZONE,
    )
    return make_response(body, 422 if faults else 200)


def _by_day(found: Ahead) -> tuple[Day, ...]:
    """Day by day; what another programme leaves out stands where it stood."""
    more = set(map(id, found.more))
    lines = [Line(mail, "more" if id(mail) in more else "") for mail in found.mails]
    lines += [Line(mail, "less") for mail in found.less]
    lines.sort(key=lambda line: (line.mail.at, line.mail.recipient, line.change))
    days = []
    for date, group in groupby(lines, key=lambda line: line.mail.at.astimezone(ZONE).date()):
        there = tuple(group)
        per_head = Counter(line.mail.address for line in there if line.change != "less")
        days.append(
            Day(
                date,
                there[:_SHOWN],
                per_head.total(),
                len(per_head),
                max(per_head.values(), default=0),
                max(0, len(there) - _SHOWN),
            )
        )
    return tuple(days)
