"""Who must be reminded of what this morning, worked out by hand from the rows: nothing of the product decides here.

A clerk with a calendar looks at everything open each morning. For each thing and each date it ever had (generation),
she keeps which steps of its ladder are behind it, and says which one is due today and who shall learn of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tests.reminding import almanac

OFFICE = "programme_office"
OWN_AFFAIRS = ("umsetzungsteam", "rollout_team")


@dataclass(frozen=True)
class Step:
    """One step of a ladder: `at` working days from the due date, then `every` so many, at most so many `times`; without
    `at` every so many from the beginning."""

    id: str
    to: tuple[str, ...]
    at: int | None
    every: int | None
    times: int | None = None

    @property
    def is_for_owners(self) -> bool:
        """Nobody else learns of it."""
        return set(self.to) <= {"owner", "deputy"}


@dataclass(frozen=True)
class Said:
    """What somebody answered to the reminders of a thing: that they see to it, or so many working days later."""

    on: dt.date
    later: int | None


@dataclass(frozen=True)
class Thing:
    """Something somebody is waited for, as its row stands this morning."""

    kind: str
    id: UUID
    generation: int
    ladder: str
    due_on: dt.date
    counted_from: dt.date
    acting: str
    holder: UUID | None = None
    body: str | None = None
    team: str | None = None
    said: tuple[Said, ...] = ()
    """In the order in which it was said, about this date."""


@dataclass(frozen=True)
class Reminder:
    """A step that is taken, and who learns of it."""

    kind: str
    id: UUID
    generation: int
    step: str
    occurrence: int
    told: frozenset[UUID]


@dataclass
class Clerk:
    """Remembers what is behind each thing."""

    ladders: Mapping[str, Sequence[Step]]
    people: Mapping[tuple[str, str | None], frozenset[UUID]]
    """Who holds a role where: at a body, in a team, or centrally (None)."""
    _behind: dict[tuple[str, UUID, int], set[tuple[str, int]]] = field(default_factory=dict)
    _put_off: dict[tuple[str, UUID, int], list[tuple[frozenset[tuple[str, int]], Said]]] = field(default_factory=dict)
    """By what was behind when it was said."""
    _recalled: dict[tuple[str, UUID, int], set[tuple[str, int]]] = field(default_factory=dict)

    def recall(self, decided: Iterable[tuple[str, UUID, int, str, int]]) -> None:
        """What somebody else wrote down as behind: kind, id, generation, step and occurrence."""
        for kind, thing, generation, step, occurrence in decided:
            self._recalled.setdefault((kind, thing, generation), set()).add((step, occurrence))

    def look(self, things: Sequence[Thing], now: dt.datetime, before: dt.datetime) -> list[Reminder]:
        """What is due at `now`. A date nobody saw at the last look, `before`, was set after it and before `now`."""
        found = []
        for thing in things:
            key = (thing.kind, thing.id, thing.generation)
            known = self._behind.get(key)
            if known is None:
                known = {(step.id, n) for step, n, at in self._steps(thing, now) if self._is_past(step, at, before)}
                known |= self._recalled.get(key, set())
                self._behind[key] = known
            put_off = self._put_off.setdefault(key, [])
            snoozed = [one for one in thing.said if one.later is not None]
            put_off += [(frozenset(known), one) for one in snoozed[len(put_off) :]]
            if any(now < almanac.morning(almanac.add(one.on, one.later or 0)) for _, one in put_off[-1:]):
                continue
            due = [(step, n) for step, n, at in self._steps(thing, now) if at <= now and (step.id, n) not in known]
            known |= {(step.id, n) for step, n in due}
            if any(one.later is None for one in thing.said):
                due = [(step, n) for step, n in due if not step.is_for_owners]
            if due:
                step, occurrence = max(due, key=lambda one: (self._rank(thing, one[0]), one[1]))
                told = frozenset(self._told(thing, step))
                found.append(Reminder(thing.kind, thing.id, thing.generation, step.id, occurrence, told))
        return found

    def _steps(self, thing: Thing, now: dt.datetime) -> Iterator[tuple[Step, int, dt.datetime]]:
        for step in self.ladders[thing.ladder]:
            day, occurrence = thing.counted_from, 0
            if step.at is not None:
                day = almanac.add(thing.due_on, step.at)
                yield step, 0, self._at_last(thing, step.id, 0, day)
            while step.every is not None and occurrence < (step.times or 10**6):
                occurrence, day = occurrence + 1, almanac.add(day, step.every)
                at = self._at_last(thing, step.id, occurrence, day)
                yield step, occurrence, at
                if at > now:
                    break

    def _at_last(self, thing: Thing, step: str, occurrence: int, day: dt.date) -> dt.datetime:
        """The morning of a step of this day, which was put off as often as somebody said so before it was behind."""
        for behind, said in self._put_off.get((thing.kind, thing.id, thing.generation), ()):
            if (step, occurrence) not in behind:
                day = almanac.add(day, said.later or 0)
        return almanac.morning(day)

    @staticmethod
    def _is_past(step: Step, at: dt.datetime, before: dt.datetime) -> bool:
        """A step ahead of the date that was past when the date was set is never taken; what is overdue then, is."""
        return at <= before and (step.at is None or step.at < 0)

    def _rank(self, thing: Thing, step: Step) -> int:
        return [one.id for one in self.ladders[thing.ladder]].index(step.id)

    def _told(self, thing: Thing, step: Step) -> set[UUID]:
        """The step's people; when there is nobody, those of the next step that has somebody, at last the office."""
        for one in self.ladders[thing.ladder][self._rank(thing, step) :]:
            told = {person for role in one.to for person in self._in(role, thing)}
            if told:
                return told
        return set(self._at(OFFICE, None))

    def _in(self, role: str, thing: Thing) -> frozenset[UUID]:
        if thing.kind == "milestone":
            return self._at(OFFICE, None) if role in ("owner", "supervisor") else self._at(role, None)
        if role == "owner":
            return frozenset({thing.holder}) if thing.holder else self._acting(thing)
        if role == "deputy":
            return frozenset()  # nobody is away
        if role.startswith("body."):
            return frozenset() if thing.acting in OWN_AFFAIRS else self._at(role.removeprefix("body."), thing.body)
        return self._at(role, None if role == OFFICE else thing.team)

    def _acting(self, thing: Thing) -> frozenset[UUID]:
        """Whoever acts: the role, what it falls to, and at last the team."""
        if thing.acting.startswith("body."):
            role = thing.acting.removeprefix("body.")
            for one in ("leitung",) if role == "leitung" else (role, "digi", "leitung"):
                if found := self._at(one, thing.body):
                    return found
        elif thing.acting not in OWN_AFFAIRS and (found := self._at(thing.acting, thing.team)):
            return found
        return self._at("umsetzungsteam", thing.team)

    def _at(self, role: str, place: str | None) -> frozenset[UUID]:
        return self.people.get((role, place), frozenset())
