"""An installation with the programme as shipped, people in many towns, and what they do from day to day."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from tests.databases import DEFINITIONS
from tests.reminding import almanac
from tests.reminding.expected import OFFICE, Said, Step, Thing
from tests.world import FILE, FORWARD, PDF, World, plausible
from workflow import (
    cases,
    clock,
    documents,
    loading,
    milestones,
    people,
    prerequisites,
    replies,
    settings,
    start,
    tasks,
)
from workflow.engine import SYSTEM, Work
from workflow.errors import StartklarError
from workflow.models import Body, Case, Hold, Milestone, Prerequisite, Reply, Task, TeamDistrict

_ROLES = ("leitung", "digi", "fachamt", "it", "dsb", "isb", "kasse", "redaktion")
_STAFFED: tuple[tuple[str, ...], ...] = (("leitung", "digi"), ("digi",), _ROLES, ())
"""Towns in turn: two people, one for everything, one for each role, nobody."""
_BUSY = ("ready", "accepted", "submitted")


@dataclass
class TownHall:
    """Everything a day needs; `people` says who holds a role where, as it was set up."""

    world: World
    draw: Random
    people: dict[tuple[str, str | None], frozenset[UUID]] = field(default_factory=dict)
    addresses: dict[UUID, str] = field(default_factory=dict)

    def clock(self, now: dt.datetime) -> None:
        """Set the rehearsal clock."""
        with self.world.engine.change(SYSTEM) as work:
            clock.set_to(work, now)

    def elsewhere(self, database_url: str) -> TownHall:
        """The same people in a copy of the database."""
        engine = start.engine(replace(self.world.engine.settings, database_url=database_url))
        return replace(self, world=replace(self.world, engine=engine))

    def teams(self) -> list[str]:
        """The Umsetzungsteams."""
        return sorted({place for role, place in self.people if role == "umsetzungsteam" and place is not None})

    def ladders(self) -> dict[str, Sequence[Step]]:
        """The ladders as the definitions say them."""
        with self.world.look() as work:
            return {
                key: [Step(rung.id, rung.to, rung.at, rung.every, rung.times) for rung in ladder.rungs]
                for key, ladder in work.catalogue.programme.ladders.items()
            }

    def things(self) -> list[Thing]:
        """Everything somebody is waited for just now, straight from the rows."""
        with self.world.look() as work:
            said: dict[tuple[UUID, int], list[Said]] = defaultdict(list)
            for row in work.session.execute(sa.select(Reply.__table__).order_by(Reply.given_at)):
                if row.kind != "promised":
                    on = row.given_at.astimezone(almanac.BERLIN).date()
                    said[row.subject_id, row.generation].append(Said(on, row.working_days))
            found = [*_tasks(work), *_prerequisites(work), *_holds(work), *_milestones(work)]
        return [replace(one, said=tuple(said[one.id, one.generation])) for one in found]

    def live_a_day(self, many: int) -> None:
        """People do what people do; what is refused is part of the day."""
        deeds = (
            self._hand_in,
            self._confirm,
            self._accept,
            self._extend,
            self._decline,
            self._prove,
            self._rest,
            self._reply,
        )
        for deed in self.draw.choices(deeds, _OFTEN, k=many):
            with suppress(StartklarError):
                deed()
        self._move_on()

    def _hand_in(self) -> None:
        row = self._some_task("ready", "accepted")
        if row is not None:
            with self.world.engine.change(self._who(row)) as work:
                given = self.world.answers(work, row.case_id, row.name)
                self.world.tick(work, row.case_id, row.name)
                tasks.submit(work, row.id, given)

    def _confirm(self) -> None:
        row = self._some_task("submitted")
        if row is not None:
            others = [one for one in self._in_charge(row) if one != row.submitted_by]
            with self.world.engine.change(self.draw.choice(others or self._in_charge(row))) as work:
                tasks.confirm(work, row.id)

    def _prove(self) -> None:
        """A step of a prerequisite is done, or a milestone of the Land is reached."""
        with self.world.look() as work:
            open_ = Prerequisite.acting.is_not(None)
            rows = work.session.execute(
                sa.select(Prerequisite.__table__).where(open_).order_by(Prerequisite.body, Prerequisite.kind)
            ).all()
            lands = work.session.execute(
                sa.select(Milestone.__table__)
                .where(Milestone.reached_on.is_(None))
                .order_by(Milestone.service, Milestone.kind)
            ).all()
        if lands and self.draw.random() < 0.1:
            chosen = self.draw.choice(lands)
            with self.world.by("office") as work:
                given = plausible(work.catalogue.shared.milestones[chosen.kind].evidence, work.today)
                milestones.reach(work, chosen.id, work.today, given)
        elif rows:
            row = self.draw.choice(rows)
            with self.world.engine.change(self.draw.choice(self._in_charge(row))) as work:
                if row.status == "submitted":
                    prerequisites.confirm(work, row.id)
                else:
                    prerequisites.complete(work, row.id, self.world.proof(work, row.kind, row.step))

    def _reply(self) -> None:
        """Somebody has seen a reminder, wants it later, or promises a day."""
        kind: replies.Kind = self.draw.choice(["task", "task", "prerequisite"])
        model = Task if kind == "task" else Prerequisite
        with self.world.look() as work:
            order = (Task.body, Task.service, Task.name) if kind == "task" else (Prerequisite.body, Prerequisite.kind)
            query = sa.select(model.__table__).where(model.acting.is_not(None)).order_by(*order, model.scope)
            rows = work.session.execute(query).all()
            today = work.today
        if rows:
            row, dice = self.draw.choice(rows), self.draw.random()
            with self.world.engine.change(self._who(row)) as work:
                if dice < 0.4:
                    replies.see(work, kind, row.id)
                elif dice < 0.8:
                    replies.snooze(work, kind, row.id, self.draw.randint(1, 5))
                else:
                    replies.promise(work, kind, row.id, almanac.add(today, self.draw.randint(2, 20)))

    def _accept(self) -> None:
        row = self._some_task("ready")
        if row is not None:
            with self.world.engine.change(self._who(row)) as work:
                tasks.accept(work, row.id)

    def _extend(self) -> None:
        row = self._some_task(*_BUSY)
        if row is not None and (found := self.people.get(("supervisor", row.team))):
            with self.world.engine.change(self._first(found)) as work:
                tasks.extend(work, row.id, self.draw.choice([1, 3, 10]), "Urlaub")

    def _decline(self) -> None:
        row = self._some_task("ready")
        if row is not None:
            with self.world.engine.change(self._who(row)) as work:
                tasks.decline(work, row.id, "Das können wir nicht.")

    def _rest(self) -> None:
        with self.world.look() as work:
            rows = work.session.execute(
                sa.select(Case.id, Case.team, Case.rests).where(Case.ended_on.is_(None)).order_by(Case.number)
            ).all()
            blocker = self.draw.choice(sorted(work.catalogue.programme.blockers))
        row = self.draw.choice([one for one in rows if one.rests] or rows) if self.draw.random() < 0.5 else None
        row = row or self.draw.choice(rows)
        with self.world.engine.change(self._first(self.people["umsetzungsteam", row.team])) as work:
            if row.rests:
                cases.resume(work, row.id)
            else:
                review = almanac.add(work.now.astimezone(almanac.BERLIN).date(), self.draw.randint(3, 15))
                cases.hold(work, row.id, blocker=blocker, reason="Stelle unbesetzt", review_on=review)

    def _move_on(self) -> None:
        """Cases that can go on do."""
        with self.world.look() as work:
            rows = work.session.execute(sa.select(Case.id, Case.team, Case.state).order_by(Case.number)).all()
        for row in self.draw.sample(rows, min(5, len(rows))):
            if row.state in FORWARD:
                with (
                    suppress(StartklarError),
                    self.world.engine.change(self._first(self.people["umsetzungsteam", row.team])) as w,
                ):
                    cases.advance(w, row.id, FORWARD[row.state])

    def _some_task(self, *statuses: str) -> Any:
        with self.world.look() as work:
            rows = work.session.execute(
                sa.select(Task.__table__)
                .join(Case, Case.id == Task.case_id)
                .where(Task.status.in_(statuses), Task.acting.is_not(None))
                .order_by(Case.number, Task.name)
            ).all()
        return self.draw.choice(rows) if rows else None

    def _who(self, row: Any) -> UUID:
        """Whoever has it, or somebody who may act."""
        return row.holder_id if row.holder_id is not None else self._in_charge(row)[0]

    def _first(self, people: Iterable[UUID]) -> UUID:
        """Ids are new in every run; addresses are not."""
        return min(people, key=self.addresses.__getitem__)

    def _in_charge(self, row: Any) -> list[UUID]:
        role = str(row.acting).removeprefix("body.")
        town = [(one, row.body) for one in (("leitung",) if role == "leitung" else (role, "digi", "leitung"))]
        for one, place in (*(town if row.acting.startswith("body.") else ()), ("umsetzungsteam", row.team)):
            if found := self.people.get((one, place)):
                return sorted(found, key=self.addresses.__getitem__)
        raise AssertionError("a team without anybody")


_OFTEN = [24, 8, 4, 2, 1, 4, 2, 10]
"""Of the deeds of a day, in their order."""


def build(database_url: str, data: Path, *, begins: dt.datetime, many: int, seed: int, smtp_url: str) -> TownHall:
    """So many cases in so many towns, on the day the story begins."""
    configured = settings.read(
        {"STARTKLAR_DATABASE_URL": database_url, "STARTKLAR_DATA": str(data), "STARTKLAR_SMTP_URL": smtp_url}
    )
    start.init(configured, clock="manual", now=begins, example=True)
    hall = TownHall(World(start.engine(configured)), Random(seed))
    loading.load(hall.world.engine, DEFINITIONS)
    path = documents.path_of(configured.documents, FILE.sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PDF)
    _settle(hall)
    _open(hall, many)
    return hall


def _settle(hall: TownHall) -> None:
    """People: in every team two and, but for one, a supervisor; in towns as `_STAFFED` says."""
    with hall.world.look() as work:
        teams = sorted(set(work.session.execute(sa.select(TeamDistrict.team)).scalars()))
        towns = work.session.execute(sa.select(Body.ars).order_by(Body.sort_key)).scalars().all()
    wanted: list[tuple[str, str, str, str | None]] = [("office", "programme_office", OFFICE, None)]
    for team in teams:
        wanted += [(f"{team}-{n}", f"umsetzungsteam@{team}", "umsetzungsteam", team) for n in (1, 2)]
    wanted += [(f"{team}-chief", f"supervisor@{team}", "supervisor", team) for team in teams[1:]]
    for number, ars in enumerate(towns):
        for role in _STAFFED[number % len(_STAFFED)]:
            wanted.append((f"{role}-{ars}", f"{role}@{ars}", role, ars))
    held: dict[tuple[str, str | None], set[UUID]] = defaultdict(set)
    with hall.world.engine.change(SYSTEM) as work:
        for name, words, role, place in wanted:
            address = f"{name}@startklar.example"
            person = people.add(
                work,
                email=address,
                name=name,
                password_hash=None,
                language="de",
                roles=[people.parse_role(words)],
            ).id
            held[role, place].add(person)
            hall.addresses[person] = address
    hall.people = {place: frozenset(found) for place, found in held.items()}
    hall.world.ids["office"] = min(hall.people[OFFICE, None])


def _open(hall: TownHall, many: int) -> None:
    with hall.world.look() as work:
        services = sorted(work.catalogue.services)
        towns = work.session.execute(sa.select(Body.ars).order_by(Body.sort_key)).scalars().all()
    pairs = [(service, town) for service in services for town in towns]
    hall.draw.shuffle(pairs)
    opened = 0
    for service, town in pairs:
        if opened == many:
            break
        with suppress(StartklarError), hall.world.by("office") as work:
            cases.open_case(work, service, town)
            opened += 1


def _tasks(work: Work) -> list[Thing]:
    rows = work.session.execute(
        sa.select(Task.__table__)
        .join(Case, Case.id == Task.case_id)
        .where(Task.acting.is_not(None), Task.due_on.is_not(None), Case.rests.is_(False))
    )
    return [
        Thing(
            "task",
            row.id,
            row.generation,
            row.ladder,
            row.due_on,
            row.counted_from,
            row.acting,
            row.holder_id if row.status == "accepted" else None,
            row.body,
            row.team,
        )
        for row in rows
    ]


def _prerequisites(work: Work) -> list[Thing]:
    """Open ones run towards their date, those that are there towards the day they expire."""
    rows = work.session.execute(sa.select(Prerequisite.__table__).where(Prerequisite.due_on.is_not(None)))
    return [
        Thing(
            "prerequisite",
            row.id,
            row.generation,
            row.ladder,
            row.due_on,
            row.counted_from,
            row.acting or row.owner,
            row.holder_id if row.status == "accepted" else None,
            row.body,
            row.team,
        )
        for row in rows
        if row.acting is not None or (row.status == "done" and row.valid_until == row.due_on)
    ]


def _holds(work: Work) -> list[Thing]:
    rows = work.session.execute(
        sa.select(Hold.__table__, Case.body, Case.team)
        .join(Case, Case.id == Hold.case_id)
        .where(Hold.ended_on.is_(None), Hold.ladder.is_not(None))
    )
    return [
        Thing(
            "hold",
            row.id,
            row.generation,
            row.ladder,
            row.review_on,
            row.began_on,
            "umsetzungsteam",
            None,
            row.body,
            row.team,
        )
        for row in rows
    ]


def _milestones(work: Work) -> list[Thing]:
    rows = work.session.execute(
        sa.select(Milestone.__table__).where(Milestone.due_on.is_not(None), Milestone.reached_on.is_(None))
    )
    return [Thing("milestone", row.id, row.generation, row.ladder, row.due_on, row.due_on, OFFICE) for row in rows]
