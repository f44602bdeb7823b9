"""Deadlines as an iCalendar file (RFC 5545, RFC 7986) that calendar programs subscribe to.

The same deadlines give the same bytes, so that a fingerprint of them says whether anything changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import icalendar

from workflow import texts
from workflow.queries.deadlines import Deadline

REFRESH = dt.timedelta(hours=4)
"""How often a calendar program is asked to look again."""

_PATHS = {"task": "tasks", "prerequisite": "prerequisites", "hold": "cases", "milestone": "milestones"}


def written(
    deadlines: Iterable[Deadline], *, language: str, base_url: str, zone: ZoneInfo, team: str | None = None
) -> bytes:
    """The calendar: one all-day entry per deadline, under an identity that stays when its day moves.

    `team` is the title of the team whose calendar it is. An entry occupies nobody's time and rings no bell: reminding
    is what mails do.
    """
    say = _saying(language)
    calendar = icalendar.Calendar()
    calendar.add("prodid", f"-//Startklar//{language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    name = say("calendar.name_team", team=team) if team else say("calendar.name")
    for key in ("name", "x-wr-calname"):
        calendar.add(key, name)
    calendar.add("x-wr-timezone", str(zone))
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", icalendar.vDuration(REFRESH))
    for deadline in deadlines:
        calendar.add_component(_entry(deadline, say, base_url, zone))
    content: bytes = calendar.to_ical()
    return content


def _saying(language: str) -> Callable[..., str]:
    def say(key: str, **facts: object) -> str:
        return texts.say(language, key, **facts)

    return say


def _entry(deadline: Deadline, say: Callable[..., str], base_url: str, zone: ZoneInfo) -> icalendar.Event:
    """DTSTAMP is the day the deadline is counted from: it must not change by itself, or nothing would stay the same."""
    host = urlsplit(base_url).hostname or "startklar.invalid"
    page = deadline.case_id if deadline.kind == "hold" else deadline.id
    address = f"{base_url.rstrip('/')}/{_PATHS[deadline.kind]}/{page}"
    title = deadline.title or say("calendar.added_task")
    what = (
        say("calendar.of_body", title=title, body=deadline.body)
        if deadline.body
        else say("calendar.of_land", title=title)
    )
    entry = icalendar.Event()
    entry.add("uid", f"{deadline.kind}-{deadline.id}@{host}")
    entry.add("dtstamp", dt.datetime.combine(deadline.since, dt.time(), zone).astimezone(dt.UTC))
    entry.add("sequence", deadline.generation)
    entry.add("dtstart", deadline.due_on)
    entry.add("dtend", deadline.due_on + dt.timedelta(days=1))
    entry.add("summary", say("calendar.overdue", what=what) if deadline.overdue else what)
    lines = [say("calendar.service", service=deadline.service) if deadline.service else None,
             say("calendar.case", number=deadline.number) if deadline.number else None,
             say("calendar.role", role=deadline.role), address]  # fmt: skip
    entry.add("description", "\n".join(line for line in lines if line))
    entry.add("url", address)
    entry.add("transp", "TRANSPARENT")
    entry.add("class", "PRIVATE")
    return entry
