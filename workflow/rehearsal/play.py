"""The play: an agenda of deeds in time order, each leading to the next."""

from __future__ import annotations

import datetime as dt
import heapq
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import (
    cases,
    casework,
    clock,
    evidence,
    following,
    milestones,
    policy,
    prerequisites,
    registers,
    tasks,
    ticking,
)
from workflow.calendar import Calendar
from workflow.casework import SETTLED
from workflow.definition import MilestoneRequirement, Process, Promised, Transition
from workflow.engine import SYSTEM, Engine, Who, Work
from workflow.errors import Busy, Refused, RequirementsNotMet, StartklarError, Unready
from workflow.evidence import StoredFile
from workflow.models import Case, Grant, Message, Milestone, Person, Task, Wave
from workflow.policy import Holder
from workflow.prerequisites import PrerequisiteRow
from workflow.rehearsal import assumptions, cast
from workflow.rehearsal.answers import answers, example_document
from workflow.rehearsal.assumptions import CAPACITY, PAYMENT, VENDOR, Trouble, happens, reason, working_days

log = logging.getLogger(__name__)

_OPENS, _CLOSES = dt.time(8, 0), dt.time(17, 0)
"""When people work, in local time."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What was played: cases opened, deeds done, mails recorded, and how many cases stand in which state."""

    cases: int
    deeds: int
    mails: int
    states: dict[str, int]
    seconds: float
    until: dt.datetime


def rehearse(
    engine: Engine,
    *,
    most: int | None,
    until: dt.date,
    seed: int,
    without: Collection[str] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Rehearsed:
    """Open up to `most` cases of the catalogue (None: all; none of `without`) and play them on the rehearsal clock.

    It plays from now to the mail morning of `until`. The installation is marked as an example from then on; its mails
    of that time are kept and never delivered. `progress` hears how many more days have been played. Raises Refused: the
    clock is the real one, `until` is not later than the clock, or there is nothing to open.
    """
    began = time.monotonic()
    play = _Play(engine, seed, most, until, frozenset(without))
    try:
        play.prepare()
        play.run(progress)
    finally:
        with engine.change(SYSTEM) as work:
            clock.rehearsed(work)
    return play.result(time.monotonic() - began)


@dataclass(slots=True)
class _Course:
    """How one case goes, as far as it is known before: what it is, and what will go wrong."""

    id: UUID
    number: str
    service: str
    body: str
    team: str
    operator: str | None
    slow: float
    outcome: str | None
    """not_responsible, declined, or None: it goes its way."""
    trouble: Trouble | None
    rests: bool = False
    waits: bool = False
    """It can only go on when somebody else has done something."""
    reworked: bool = False
    suspended: bool = False
    seen: set[tuple[Any, ...]] = field(default_factory=set)
    postponed: list[Callable[[], None]] = field(default_factory=list)


@dataclass(slots=True)
class _Play:
    engine: Engine
    seed: int
    most: int | None
    until: dt.date
    without: frozenset[str]
    agenda: list[tuple[dt.datetime, int, Callable[[], object]]] = field(default_factory=list)
    entries: int = 0
    deeds: int = 0
    courses: dict[UUID, _Course] = field(default_factory=dict)
    asked: set[tuple[UUID, int]] = field(default_factory=set)
    """Prerequisites somebody is at work on, with the generation of their date."""
    emails: dict[UUID, str] = field(default_factory=dict)
    waves: dict[str, dt.date] = field(default_factory=dict)
    mails_before: int = 0
    now: dt.datetime = field(init=False)
    begin: dt.datetime = field(init=False)
    end: dt.datetime = field(init=False)
    calendar: Calendar = field(init=False)
    document: StoredFile = field(init=False)
    office: UUID = field(init=False)
    """Who opens cases and plans milestones."""

    # --- before it begins ---

    def prepare(self) -> None:
        """People, milestones, openings and mornings."""
        with self.engine.read(SYSTEM) as work:
            if not clock.is_manual(work):
                raise Refused("error.clock_is_real", now=work.now)
            self.calendar = work.catalogue.calendar
            self.now = self.begin = work.now
            self.end = self.calendar.remind_at(self.until)
            if self.end <= work.now:
                raise Refused("error.rehearse_until", now=work.now)
            chosen = self._choose(work)
            if not chosen:
                raise Refused("error.rehearse_nothing")
            waves = work.session.execute(sa.select(Wave.key, Wave.stichtag).order_by(Wave.stichtag, Wave.key))
            self.waves = {wave.key: wave.stichtag for wave in waves}
            self.mails_before = _mails(work)
        with self.engine.change(SYSTEM) as work:
            clock.rehearse(work)
        self.document = example_document(self.engine.settings.data / "documents")
        cast.assemble(self.engine, {planned.body for planned in chosen}, self.seed)
        with self.engine.read(SYSTEM) as work:
            people = work.session.execute(sa.select(Person.id, Person.email).where(Person.ended_at.is_(None)))
            self.emails = {person.id: person.email for person in people if person.email}
            self.office = self._pick([grant.person_id for grant in _grants(work) if grant.role == "programme_office"])
            self._plan_openings(work, chosen)
            self._plan_milestones(work, {planned.service for planned in chosen})
            day = work.today
            while (morning := self.calendar.remind_at(day + dt.timedelta(days=1))) < self.end:
                self._at(morning, self._morning)
                day = self.calendar.today(morning)

    def _choose(self, work: Work) -> list[cases.Planned]:
        """Which cases: of services with priority more, and first where people of this installation can see them."""
        priorities = {key: rank for rank, key in enumerate(work.catalogue.programme.priorities)}
        peopled = {holder.body for holder in _grants(work)}
        planned = cases.plan(work, sorted(work.catalogue.services.keys() - self.without))

        def position(one: cases.Planned) -> tuple[float, str, str]:
            rank = priorities.get(one.service, len(priorities))
            near = 6 if one.body in peopled else 0
            return (rank * 0.6 + 8 * self._dice("choose", one.service, one.body).random() - near, one.service, one.body)

        return sorted(sorted(planned, key=position)[: self.most], key=lambda one: (one.service, one.body))

    def _plan_openings(self, work: Work, chosen: Sequence[cases.Planned]) -> None:
        priorities = [key for key in work.catalogue.programme.priorities if any(one.service == key for one in chosen)]
        span = (self.end - self.begin) * assumptions.OPENED_WITHIN
        for one in chosen:
            dice = self._dice("open", one.service, one.body)
            rank = priorities.index(one.service) if one.service in priorities else len(priorities)
            earliest = span * assumptions.SERVICE_SPREAD * (rank / max(len(priorities), 1))
            at = self.begin + earliest + (span - earliest) * dice.random()
            if happens(dice, assumptions.LATE_COMERS):
                at = self.end - (self.end - self.begin) * 0.08 * dice.uniform(0.15, 1)
            self.now = at
            self._at(self._later(0, dice), partial(self._open, one))
        self.now = self.begin

    def _plan_milestones(self, work: Work, services: set[str]) -> None:
        """What the Land does once per service: in time, late, or not yet."""
        process = work.catalogue.newest(work.catalogue.programme.process)
        first = {
            requirement.milestone
            for move in process.transitions.values()
            if process.initial in move.from_
            for requirement in move.requires
            if isinstance(requirement, MilestoneRequirement)
        }
        rows = work.session.execute(
            sa.select(Milestone.id, Milestone.service, Milestone.kind)
            .where(Milestone.reached_on.is_(None))
            .order_by(Milestone.service, Milestone.kind)
        )
        calendar, today = self.calendar, work.today
        length = calendar.between(today, self.until)
        for row in rows:
            dice = self._dice("milestone", row.service, row.kind)
            if row.service not in services:
                continue
            if row.kind not in first:
                self._soon(2, dice, partial(self._plan_milestone, row.id, calendar.add(self.until, 80), "planned"))
                continue
            days = int(length * dice.uniform(0.1, 0.35))
            self._soon(1, dice, partial(self._plan_milestone, row.id, calendar.add(today, days), "planned"))
            if happens(dice, assumptions.LATE_MILESTONE):
                later = days + int(length * dice.uniform(0.15, 0.6))
                again = partial(self._plan_milestone, row.id, calendar.add(today, later), "delayed")
                self._soon(max(days - 3, 2), dice, again)
                days = later
            self._soon(days, dice, partial(self._reach_milestone, row.id, row.service))

    # --- while it runs ---

    def run(self, progress: Callable[[int], None]) -> None:
        """Everything on the agenda, in time order."""
        told = 0
        while self.agenda and self.agenda[0][0] < self.end:
            self.now, _, act = heapq.heappop(self.agenda)
            act()
            if (days := (self.now - self.begin).days) > told:
                progress(days - told)
                told = days
        self.now = self.end
        self._morning()

    def result(self, seconds: float) -> Rehearsed:
        """What it came to."""
        with self.engine.read(SYSTEM) as work:
            states = Counter(
                work.session.execute(sa.select(Case.state).where(Case.id.in_(list(self.courses)))).scalars()
            )
            return Rehearsed(
                cases=len(self.courses),
                deeds=self.deeds,
                mails=_mails(work) - self.mails_before,
                states=dict(sorted(states.items())),
                seconds=seconds,
                until=work.now,
            )

    def _morning(self) -> None:
        """What time does: reminders, expiry and their mails. New prerequisites find somebody who takes them on."""
        with self.engine.change(SYSTEM) as work:
            clock.at(work, self.now)
        ticking.decide_and_write(self.engine)
        with self.engine.read(SYSTEM) as work:
            for row in prerequisites.open_ones(work):
                if (row.id, row.generation) not in self.asked:
                    self.asked.add((row.id, row.generation))
                    self._plan_prerequisite(work, row)

    def _open(self, planned: cases.Planned) -> None:
        office = self.office

        def deed(work: Work) -> None:
            opened = cases.open_case(work, planned.service, planned.body)
            operator = work.catalogue.service(planned.service).operator
            self._begin_course(opened, planned, operator)

        if self._deed(office, deed):
            following.work_off(self.engine)
            self._look(next(reversed(self.courses.values())))

    def _begin_course(self, opened: cases.CaseView, planned: cases.Planned, operator: str | None) -> None:
        dice = self._dice("course", opened.number)
        house = self._dice("house", planned.body)
        outcome = None
        if happens(dice, assumptions.NOT_RESPONSIBLE):
            outcome = "not_responsible"
        elif happens(dice, assumptions.WITHDRAWN):
            outcome = "declined"
        trouble = next((one for one in (VENDOR, *CAPACITY) if happens(dice, one.share)), None)
        slow = house.lognormvariate(0, assumptions.HOUSES)
        self.courses[opened.id] = _Course(
            opened.id, opened.number, planned.service, planned.body, planned.team, operator, slow, outcome, trouble
        )

    def _look(self, course: _Course) -> None:
        """What waits in a case for whom, and when they will get round to it."""
        with self.engine.read(SYSTEM) as work:
            case = work.session.execute(
                sa.select(
                    Case.state, Case.process, Case.process_version, Case.rests, Case.ended_on, Case.attempts
                ).where(Case.id == course.id)
            ).one()
            course.rests = case.rests
            if case.ended_on is not None:
                return
            process = work.catalogue.process(case.process, case.process_version)
            waiting = work.session.execute(
                sa.select(Task.__table__).where(Task.case_id == course.id, Task.state == case.state).order_by(Task.name)
            ).all()
            holders = casework.holders(work, course)
            for row in waiting:
                key = (row.name, row.status, row.counted_from)
                if row.acting is not None and key not in course.seen:
                    course.seen.add(key)
                    self._plan_task(course, process, row, holders)
            open_ones = [row for row in waiting if not row.optional and row.status not in SETTLED]
            key = ("advance", case.state, case.attempts)
            if (not open_ones or process.states[case.state].goal) and key not in course.seen:
                course.seen.add(key)
                self._plan_move(course, process, case.state, holders)

    # --- tasks ---

    def _plan_task(self, course: _Course, process: Process, row: Any, holders: Sequence[Holder]) -> None:
        dice = self._dice(course.number, row.name, row.status, row.counted_from)
        role, people = policy.in_charge(row.acting, course, holders)
        if not people:
            return
        who = self._pick(people, dice)
        allowed = self.calendar.between(row.counted_from, row.due_on)
        days = working_days(dice, allowed, slow=course.slow if role.startswith("body.") else 0.7)
        if row.status == "submitted":
            back = row.attempt == 1 and happens(dice, assumptions.SENT_BACK)
            self._soon(days, dice, partial(self._judge, course, row.id, who, dice, back=back))
        elif row.status == "declined":
            words = reason(dice, "handed_back")
            self._soon(days, dice, partial(self._step, course, who, partial(_hand_back, row.id, words)))
        elif happens(dice, assumptions.DECLINED_OPTIONAL if row.optional else assumptions.DECLINED * (row.attempt < 2)):
            words = reason(dice, "not_needed" if row.optional else "declined")
            self._soon(days, dice, partial(self._step, course, who, partial(_decline, row.id, words)))
        else:
            self._plan_submission(course, process, row, holders, who, role, days, dice)

    def _plan_submission(
        self,
        course: _Course,
        process: Process,
        row: Any,
        holders: Sequence[Holder],
        who: UUID,
        role: str,
        days: float,
        dice: Random,
    ) -> None:
        definition = process.states[row.state].tasks[row.name]
        days += self._suffer(course, holders, promised=isinstance(definition.due, Promised), role=role, dice=dice)
        if role.startswith("body.") and happens(dice, assumptions.ACCEPTED_FIRST) and row.status == "ready":
            self._soon(days * dice.uniform(0.1, 0.6), dice, partial(self._accept, course, row.id, who))
        allowed = self.calendar.between(row.counted_from, row.due_on)
        supervisors = policy.in_charge("supervisor", course, holders)[1]
        if days > allowed + 14 and supervisors and happens(dice, assumptions.EXTENDED):
            words = reason(dice, "extended")
            extend = partial(_extend, row.id, words)
            self._soon(allowed + 13, dice, partial(self._quietly, course, self._pick(supervisors, dice), extend))
        fields = dict(definition.evidence)
        if role == "umsetzungsteam" and row.acting == "body.leitung":
            fields |= evidence.SIGNED
        wanted = course.outcome if course.outcome == "not_responsible" else None

        def deed(at: Work) -> None:
            given = answers(
                fields,
                dice,
                at.today,
                document=self.document,
                choices=tasks.choices(at, course.service, fields),
                waves=self.waves,
                wanted=wanted,
            )
            if definition.checklist:
                tasks.tick(at, row.id, definition.checklist)
            tasks.submit(at, row.id, given)

        self._soon(days, dice, partial(self._step, course, who, deed))
        ends = any(wanted in asked.options for asked in fields.values()) if wanted else False
        if ends or (course.outcome == "declined" and happens(dice, 0.15)):
            target = course.outcome or ""
            self._soon(days + dice.uniform(0.5, 3), dice, partial(self._end, course, process, row.state, target, dice))

    def _suffer(self, course: _Course, holders: Sequence[Holder], *, promised: bool, role: str, dice: Random) -> float:
        """How much longer it takes because of the case's trouble, if this is where it strikes; recorded as a hold."""
        trouble = course.trouble
        strikes = promised if trouble is VENDOR else role.startswith("body.") and happens(dice, assumptions.STRIKES)
        if trouble is None or not strikes:
            return 0
        course.trouble = None
        lasts = dice.uniform(trouble.least, trouble.most)
        team = policy.in_charge("umsetzungsteam", course, holders)[1]
        if not team or not happens(dice, trouble.recorded):
            return lasts
        begins = dice.uniform(1, 4)
        who = self._pick(team, dice)
        self._soon(begins, dice, partial(self._hold, course, who, trouble, lasts, dice))
        return begins + 1

    def _accept(self, course: _Course, task_id: UUID, who: UUID) -> None:
        if not course.rests and self._deed(who, lambda work: tasks.accept(work, task_id)):
            course.seen.update(self._accepted(task_id))

    def _accepted(self, task_id: UUID) -> list[tuple[str, str, dt.date]]:
        """Somebody who has accepted a task has plans already."""
        with self.engine.read(SYSTEM) as work:
            row = work.session.execute(
                sa.select(Task.name, Task.status, Task.counted_from).where(Task.id == task_id)
            ).one()
        return [(row.name, row.status, row.counted_from)]

    def _judge(self, course: _Course, task_id: UUID, who: UUID, dice: Random, *, back: bool) -> None:
        words = reason(dice, "sent_back")
        self._step(course, who, partial(_send_back, task_id, words) if back else partial(_confirm, task_id))

    def _step(self, course: _Course, who: UUID, deed: Callable[[Work], object]) -> None:
        """Something that moves a case on; while the case rests it waits."""
        if course.rests:
            course.postponed.append(partial(self._step, course, who, deed))
        elif self._deed(who, deed):
            self._look(course)

    def _quietly(self, course: _Course, who: UUID, deed: Callable[[Work], object]) -> None:
        """Something that leads to nothing new, and is left if its time is past."""
        if not course.rests:
            self._deed(who, deed)

    # --- cases ---

    def _plan_move(self, course: _Course, process: Process, state: str, holders: Sequence[Holder]) -> None:
        dice = self._dice("move", course.number, state, len(course.seen))
        team = policy.in_charge("umsetzungsteam", course, holders)[1]
        if not team:
            return
        who = self._pick(team, dice)
        moves = {name: move for name, move in process.transitions.items() if state in move.from_}
        if process.states[state].goal:
            if not course.suspended and happens(dice, assumptions.SUSPENDED):
                course.suspended = True
                aside = _first(moves, lambda move: process.states[move.to].aside and not process.states[move.to].end)
                self._soon(dice.uniform(10, 60), dice, partial(self._move, course, process, who, aside, dice))
            return
        if process.states[state].aside:
            again = _first(moves, lambda move: process.states[move.to].goal)
            self._soon(dice.uniform(30, 100), dice, partial(self._move, course, process, who, again, dice))
            return
        back = _first(moves, lambda move: move.back)
        forward = _first(moves, lambda move: "tasks_done" in move.requires and not move.back)
        if back and not course.reworked and happens(dice, assumptions.REWORKED):
            course.reworked = True
            forward = back
        self._soon(working_days(dice, 3), dice, partial(self._move, course, process, who, forward, dice))

    def _move(self, course: _Course, process: Process, who: UUID, name: str | None, dice: Random) -> None:
        if name is None:
            return
        if course.rests:
            course.postponed.append(partial(self._move, course, process, who, name, dice))
            return
        if self._advance(course, who, name, process.transitions[name], dice):
            self._look(course)

    def _advance(self, course: _Course, who: UUID, name: str, move: Transition, dice: Random) -> bool:
        """Take a transition; a case that cannot go on yet is tried again when something of others is done."""

        def deed(work: Work) -> None:
            given = answers(
                move.asks, dice, work.today, document=self.document, choices=evidence.Choices(), waves=self.waves
            )
            cases.advance(work, course.id, name, given=given)

        try:
            with self.engine.change(who) as work:
                deed(clock.at(work, self.now))
        except RequirementsNotMet:
            course.waits = True
            course.postponed.append(partial(self._retry, course, who, name, move, dice))
            return False
        except (Busy, Unready):
            raise
        except StartklarError as refused:
            log.debug("%s: %s", course.number, refused)
            return False
        self.deeds += 1
        return True

    def _retry(self, course: _Course, who: UUID, name: str, move: Transition, dice: Random) -> None:
        if course.rests:
            course.postponed.append(partial(self._retry, course, who, name, move, dice))
        elif self._advance(course, who, name, move, dice):
            self._look(course)

    def _end(self, course: _Course, process: Process, state: str, target: str, dice: Random) -> None:
        """A case comes to an end before it is live."""
        name = _first(
            {name: move for name, move in process.transitions.items() if state in move.from_},
            lambda move: move.to == target,
        )
        with self.engine.read(SYSTEM) as work:
            people = policy.in_charge("umsetzungsteam", course, casework.holders(work, course))[1]
        if name is not None and people:
            self._move(course, process, self._pick(people, dice), name, dice)

    def _hold(self, course: _Course, who: UUID, trouble: Trouble, lasts: float, dice: Random) -> None:
        def deed(work: Work) -> None:
            known, calendar = work.catalogue.programme.blockers, self.calendar
            cases.hold(
                work,
                course.id,
                blocker=trouble.blocker if trouble.blocker in known else next(iter(known)),
                reason=reason(dice, "hold"),
                review_on=calendar.add(work.today, int(max(lasts * dice.uniform(0.6, 1.1), 5))),
                waits_for=next((key for key in registers.entries(work, "parties") if key.startswith("vendor:")), None)
                if trouble.waits_for_vendor
                else None,
                promised_on=calendar.add(work.today, int(lasts * 0.8) + 1) if trouble.waits_for_vendor else None,
            )

        if not course.rests and self._deed(who, deed):
            course.rests = True
            self._soon(lasts, dice, partial(self._resume, course, who, dice))

    def _resume(self, course: _Course, who: UUID, dice: Random) -> None:
        if self._deed(who, lambda work: cases.resume(work, course.id)):
            course.rests = False
            self._wake(course, dice)

    def _wake(self, course: _Course, dice: Random) -> None:
        """What had to wait is taken up again within days."""
        course.waits = False
        postponed, course.postponed = course.postponed, []
        for act in postponed:
            self._soon(dice.uniform(0.2, 3), dice, act)

    # --- what many wait for ---

    def _plan_prerequisite(self, work: Work, row: PrerequisiteRow) -> None:
        dice = self._dice("prerequisite", row.body, row.kind, row.scope, row.generation)
        people = policy.in_charge(row.acting or row.owner, row, casework.holders(work, row))[1]
        if not people:
            return
        allowed = self.calendar.between(row.counted_from, row.due_on) if row.due_on else 10
        slow = self._dice("house", row.body).lognormvariate(0, assumptions.HOUSES)
        days = working_days(dice, allowed, slow=slow)
        if row.kind == PAYMENT.blocker and happens(dice, PAYMENT.share):
            days += dice.uniform(PAYMENT.least, PAYMENT.most)
        who = self._pick(people, dice)
        if happens(dice, assumptions.ACCEPTED_FIRST):
            accept = partial(prerequisites.accept, prerequisite_id=row.id)
            self._soon(days * dice.uniform(0.1, 0.5), dice, partial(self._deed, who, accept))
        self._soon(days, dice, partial(self._complete, row.id, row.kind, row.step, row.body, who, dice))

    def _complete(self, prerequisite_id: UUID, kind: str, step: str, body: str, who: UUID, dice: Random) -> None:
        def deed(work: Work) -> None:
            fields = prerequisites.step_of(prerequisites.kind_of(work, kind), step)[1].evidence
            given = answers(
                fields, dice, work.today, document=self.document, choices=evidence.Choices(), waves=self.waves
            )
            prerequisites.complete(work, prerequisite_id, given)

        if self._deed(who, deed):
            following.work_off(self.engine)
            self._wake_those_that_wait(lambda course: course.body == body)
        elif self._lacks_what_it_needs(prerequisite_id, step):
            self._soon(dice.uniform(2, 6), dice, partial(self._complete, prerequisite_id, kind, step, body, who, dice))

    def _lacks_what_it_needs(self, prerequisite_id: UUID, step: str) -> bool:
        """Whether the step is still open and has to wait for another prerequisite of the body."""
        with self.engine.read(SYSTEM) as work:
            row = next((row for row in prerequisites.open_ones(work) if row.id == prerequisite_id), None)
            return row is not None and row.step == step and bool(prerequisites.unmet_needs(work, row))

    def _plan_milestone(self, milestone_id: UUID, due_on: dt.date, kind: str) -> None:
        dice = self._dice("plan", due_on, kind)
        office = self.office
        self._deed(office, lambda work: milestones.plan(work, milestone_id, due_on, reason(dice, kind)))

    def _reach_milestone(self, milestone_id: UUID, service: str) -> None:
        dice = self._dice("reach", service)

        def deed(work: Work) -> None:
            kind = work.session.execute(sa.select(Milestone.kind).where(Milestone.id == milestone_id)).scalar_one()
            fields = milestones.kind_of(work, kind).evidence
            given = answers(
                fields, dice, work.today, document=self.document, choices=evidence.Choices(), waves=self.waves
            )
            milestones.reach(work, milestone_id, work.today, given)

        if self._deed(self.office, deed):
            following.work_off(self.engine)
            self._wake_those_that_wait(lambda course: course.service == service)

    def _wake_those_that_wait(self, concerned: Callable[[_Course], bool]) -> None:
        for course in self.courses.values():
            if course.waits and not course.rests and concerned(course):
                self._wake(course, self._dice("wake", course.number, self.now))

    # --- helpers, in the order they are called ---

    def _dice(self, *words: object) -> Random:
        return assumptions.dice(self.seed, *words)

    def _at(self, at: dt.datetime, act: Callable[[], object]) -> None:
        self.entries += 1
        heapq.heappush(self.agenda, (at, self.entries, act))

    def _soon(self, days: float, dice: Random, act: Callable[[], object]) -> None:
        """After so many working days, at some time of the day."""
        self._at(self._later(days, dice), act)

    def _later(self, days: float, dice: Random) -> dt.datetime:
        calendar = self.calendar
        local = self.now.astimezone(calendar.zone)
        date = calendar.add(local.date(), int(days))
        soon = local + dt.timedelta(minutes=dice.randrange(15, 150))
        if int(days) == 0 and calendar.is_working_day(soon.date()) and _OPENS <= soon.time() <= _CLOSES:
            return soon.astimezone(dt.UTC)
        if int(days) == 0 or not calendar.is_working_day(date):
            date = calendar.add(date, 1)
        at = dt.datetime.combine(date, _OPENS, calendar.zone) + dt.timedelta(minutes=dice.randrange(30, 520))
        return at.astimezone(dt.UTC)

    def _deed(self, who: Who, deed: Callable[[Work], object]) -> bool:
        """Let somebody do something now; says whether it was possible. What is refused was overtaken by others."""
        try:
            with self.engine.change(who) as work:
                deed(clock.at(work, self.now))
        except (Busy, Unready):
            raise
        except StartklarError as refused:
            log.debug("refused in the rehearsal: %s", refused)
            return False
        self.deeds += 1
        return True

    def _pick(self, people: Sequence[UUID], dice: Random | None = None) -> UUID:
        """One of several, the same in every run: the first by address, or whom chance names."""
        known = sorted(people, key=lambda person_id: self.emails.get(person_id, ""))
        return dice.choice(known) if dice is not None else known[0]


def _grants(work: Work) -> Sequence[Any]:
    return work.session.execute(
        sa.select(Grant.person_id, Grant.role, Grant.body).where(Grant.ended_at.is_(None))
    ).all()


def _mails(work: Work) -> int:
    return work.session.execute(sa.select(sa.func.count()).select_from(Message)).scalar_one()


def _first(moves: Mapping[str, Transition], suits: Callable[[Transition], bool]) -> str | None:
    """The first of these transitions that a person may take and that suits."""
    return next((name for name, move in moves.items() if "umsetzungsteam" in move.by and suits(move)), None)


def _confirm(task_id: UUID, work: Work) -> object:
    return tasks.confirm(work, task_id)


def _send_back(task_id: UUID, words: str, work: Work) -> object:
    return tasks.send_back(work, task_id, words)


def _decline(task_id: UUID, words: str, work: Work) -> object:
    return tasks.decline(work, task_id, words)


def _hand_back(task_id: UUID, words: str, work: Work) -> object:
    return tasks.hand_back(work, task_id, words)


def _extend(task_id: UUID, words: str, work: Work) -> object:
    return tasks.extend(work, task_id, 10, words)
