"""Named people around a few real municipalities, for tests that tell stories.

Mainz-Bingen has somebody for every role; Worms is the stranger's town; Ahrweiler has nobody with an account.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import cases, clock, documents, milestones, people, prerequisites, settings, start, tasks
from workflow.definition import EvidenceField
from workflow.engine import SYSTEM, Engine, Work
from workflow.evidence import StoredFile
from workflow.models import Base, Case, Milestone, Person, Prerequisite, Task, TeamDistrict

TOWN = "073390000000"  # Landkreis Mainz-Bingen
STRANGE_TOWN = "073190000000"  # Worms
EMPTY_TOWN = "071310000000"  # Landkreis Ahrweiler: nobody there has an account

PDF = b"%PDF-1.7 Vertrag"
FILE = StoredFile(hashlib.sha256(PDF).hexdigest(), "vertrag.pdf", len(PDF), "application/pdf")


@dataclass
class World:
    """An installation with people; `ids` holds them by what they are."""

    engine: Engine
    ids: dict[str, UUID] = field(default_factory=dict)
    team: str = ""

    def __getitem__(self, who: str) -> UUID:
        return self.ids[who]

    @contextmanager
    def by(self, who: str) -> Iterator[Work]:
        """A piece of work by this person."""
        with self.engine.change(self.ids[who]) as work:
            yield work

    @contextmanager
    def look(self, who: str = "") -> Iterator[Work]:
        """Look at things as this person, or as time itself."""
        with self.engine.read(self.ids[who] if who else SYSTEM) as work:
            yield work

    def open(self, service: str = "wohngeld", body: str = TOWN) -> UUID:
        """Open a case as the programme office."""
        with self.by("office") as work:
            return cases.open_case(work, service, body).id

    def task(self, case_id: UUID, name: str) -> UUID:
        """A task of a case by its name."""
        with self.look() as work:
            return work.session.execute(
                sa.select(Task.id).where(Task.case_id == case_id, Task.name == name)
            ).scalar_one()

    def row(self, case_id: UUID, name: str) -> Any:
        """All columns of a task."""
        with self.look() as work:
            return work.session.execute(
                sa.select(Task.__table__).where(Task.case_id == case_id, Task.name == name)
            ).one()

    def case(self, case_id: UUID) -> Any:
        """All columns of a case."""
        with self.look() as work:
            return work.session.execute(sa.select(Case.__table__).where(Case.id == case_id)).one()

    def days(self, working_days: int) -> None:
        """Let working days pass; nothing is fired."""
        with self.engine.change(SYSTEM) as work:
            clock.advance(work, working_days)

    def do(self, case_id: UUID, name: str, who: str, **answers: str | StoredFile) -> None:
        """Hand in a task with plausible answers, and confirm it where a second person must."""
        with self.by(who) as work:
            given = self.answers(work, case_id, name) | answers
            self.tick(work, case_id, name)
            status = tasks.submit(work, self.task(case_id, name), given).status
        if status == "submitted":
            with self.by("team" if who != "team" else "colleague") as work:
                tasks.confirm(work, self.task(case_id, name))

    def tick(self, work: Work, case_id: UUID, name: str) -> None:
        """Tick the whole checklist of a task, if it has one."""
        row = work.session.execute(sa.select(Case.process, Case.process_version).where(Case.id == case_id)).one()
        points = work.catalogue.process(row.process, row.process_version).task(name).checklist
        if points:
            tasks.tick(work, self.task(case_id, name), points)

    def answers(self, work: Work, case_id: UUID, name: str) -> dict[str, str | StoredFile]:
        """Plausible answers to what a task asks for."""
        row = work.session.execute(
            sa.select(Case.process, Case.process_version, Case.service).where(Case.id == case_id)
        ).one()
        process = work.catalogue.process(row.process, row.process_version)
        given = plausible(process.task(name).evidence, work.today)
        variants = work.catalogue.service(row.service).variants
        for asked, definition in process.task(name).evidence.items():
            if definition.type == "variant" and given[asked] not in variants:
                given[asked] = next(iter(variants))
        return given

    def bring(self, case_id: UUID, name: str) -> None:
        """Do what has to be done, and no more, until it is this task's turn."""
        while self.row(case_id, name).status == "waiting":
            with self.look() as work:
                ready = work.session.execute(
                    sa.select(Task.name, Task.owner).where(Task.case_id == case_id, Task.status == "ready")
                ).all()
            for one, owner in ready:
                self.do(case_id, one, who_acts(owner))

    def finish_state(self, case_id: UUID, **answers: Mapping[str, str | StoredFile]) -> None:
        """Do every task of the present state, in order, by whoever is in charge."""
        while True:
            with self.look() as work:
                row = work.session.execute(
                    sa.select(Task.name, Task.owner)
                    .join(Case, sa.and_(Case.id == Task.case_id, Case.state == Task.state))
                    .where(Task.case_id == case_id, Task.status.in_(("ready", "accepted")))
                    .order_by(Task.name)
                ).first()
            if row is None:
                return
            self.do(case_id, row.name, who_acts(row.owner), **dict(answers.get(row.name, {})))

    def reach_milestones(self, case_id: UUID) -> None:
        """Reach every milestone of the service."""
        case = self.case(case_id)
        with self.by("office") as work:
            for milestone_id in work.session.execute(
                sa.select(Milestone.id).where(Milestone.service == case.service, Milestone.reached_on.is_(None))
            ).scalars():
                row = work.session.get_one(Milestone, milestone_id)
                given = plausible(work.catalogue.shared.milestones[row.kind].evidence, work.today)
                milestones.reach(work, milestone_id, work.today, given)

    def satisfy(self, case_id: UUID) -> None:
        """Reach every milestone of the service and complete every prerequisite of the body."""
        self.reach_milestones(case_id)
        case = self.case(case_id)
        with self.look() as work:
            wanted = work.catalogue.needed(case.service, case.variant)
            first = {(entry.kind, entry.scope): position for position, entry in enumerate(wanted)}
            waiting = work.session.execute(
                sa.select(Prerequisite.id, Prerequisite.kind, Prerequisite.scope).where(
                    Prerequisite.body == case.body, Prerequisite.status != "done"
                )
            ).all()
        for row in sorted(waiting, key=lambda row: first.get((row.kind, row.scope), -1)):
            self.prove(row.id)

    def prove(self, prerequisite_id: UUID) -> None:
        """Do every step of a prerequisite that is left."""
        while True:
            with self.look() as work:
                row = work.session.get_one(Prerequisite, prerequisite_id)
                status, kind, step, acting = row.status, row.kind, row.step, row.acting or row.owner
                given = self.proof(work, kind, step)
            if status == "done":
                return
            with self.by(who_acts(acting)) as work:
                if status == "submitted":
                    prerequisites.confirm(work, prerequisite_id)
                else:
                    prerequisites.complete(work, prerequisite_id, given)

    def proof(self, work: Work, kind: str, step: str = "") -> dict[str, str | StoredFile]:
        """Plausible answers to what a step of a prerequisite asks for; by default the first."""
        entered = prerequisites.step_of(prerequisites.kind_of(work, kind), step)[1]
        return plausible(entered.evidence, work.today)

    def prerequisite(self, kind: str, body: str = TOWN) -> Any:
        """All columns of a prerequisite of a body."""
        with self.look() as work:
            return work.session.execute(
                sa.select(Prerequisite.__table__).where(Prerequisite.body == body, Prerequisite.kind == kind)
            ).one()

    def walk(self, case_id: UUID, until: str = "live") -> None:
        """Take a case the whole way, or up to a state."""
        while self.case(case_id).state != until:
            self.finish_state(case_id)
            self.satisfy(case_id)
            with self.by("team") as work:
                state = self.case(case_id).state
                cases.advance(work, case_id, FORWARD[state])


FORWARD = {"requested": "contract", "contracted": "connect", "connected": "pass_tests", "tested": "launch"}


def who_acts(owner: str) -> str:
    """The person of this world who holds the role of a task's owner."""
    return {"umsetzungsteam": "team", "rollout_team": "operator"}.get(owner, owner.removeprefix("body."))


def make(database_url: str, data: Path) -> World:
    """The people of a loaded database; they are added when nobody is there yet."""
    installation = settings.read({"STARTKLAR_DATABASE_URL": database_url, "STARTKLAR_DATA": str(data)})
    world = World(start.engine(installation))
    path = documents.path_of(installation.documents, FILE.sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PDF)
    with world.look() as work:
        pairs = work.session.execute(sa.select(TeamDistrict.district, TeamDistrict.team))
        teams = {pair.district: pair.team for pair in pairs}
        known = {row.email: row.id for row in work.session.execute(sa.select(Person.email, Person.id))}
    world.team = teams[TOWN]
    held = _held(world.team, other=next(team for team in sorted(set(teams.values())) if team != world.team))
    world.ids = {name: known[_email(name)] for name in held if _email(name) in known} or _add(world.engine, held)
    return world


def _held(team: str, *, other: str) -> dict[str, list[str]]:
    """Who is there, and the roles they hold."""
    return {
        "admin": ["admin"],
        "office": ["programme_office"],
        "auditor": ["auditor"],
        "team": [f"umsetzungsteam@{team}"],
        "colleague": [f"umsetzungsteam@{team}"],
        "other_team": [f"umsetzungsteam@{other}"],
        "supervisor": [f"supervisor@{team}"],
        "operator": ["rollout_team@dataport"],
        **{
            role: [f"{role}@{TOWN}"]
            for role in ("leitung", "digi", "fachamt", "it", "dsb", "isb", "kasse", "redaktion")
        },
        "stranger": [f"digi@{STRANGE_TOWN}"],
    }


def _email(name: str) -> str:
    return f"{name.replace('_', '-')}@startklar.example"


def _add(engine: Engine, held: Mapping[str, list[str]]) -> dict[str, UUID]:
    with engine.change(SYSTEM) as work:
        return {
            name: people.add(
                work,
                email=_email(name),
                name=name.replace("_", " ").title(),
                password_hash=None,
                language="en" if name == "auditor" else "de",
                roles=[people.parse_role(words) for words in roles],
            ).id
            for name, roles in held.items()
        }


def plausible(fields: Mapping[str, EvidenceField], today: dt.date) -> dict[str, str | StoredFile]:
    """An answer to every required field, and to those that steer what follows."""
    given: dict[str, str | StoredFile] = {}
    for name, asked in fields.items():
        if not asked.required and asked.type not in ("wave", "variant"):
            continue
        answers: dict[str, str | StoredFile] = {
            "text": "Aktenzeichen 12/2026",
            "long_text": "Wie besprochen.",
            "choice": next(iter(asked.options), ""),
            "date": (today + dt.timedelta(days=400 if "valid" in name or "expir" in name else 0)).isoformat(),
            "number": str(int(asked.least or 1)),
            "url": "https://www.mainz-bingen.example/wohngeld",
            "email": "wohngeld@mainz-bingen.example",
            "flag": "true",
            "document": FILE,
            "variant": "pdf_databox",
            "wave": "",
        }
        given[name] = answers[asked.type]
        if asked.type == "wave" and not asked.required:
            del given[name]
    return given


def contents(world: World) -> dict[str, Any]:
    """Every row of every table as the database keeps it, to see that nothing changed."""
    with world.look() as work:
        connection = work.session.connection()
        if connection.dialect.name == "postgresql":  # in one question: tests ask thousands of times
            return {row[0]: row[1] for row in connection.exec_driver_sql(_IN_ONE_QUESTION)}
        return {name: list(connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY {by}")) for name, by in _TABLES}


_TABLES = [
    (table.name, ", ".join(column.name for column in table.primary_key)) for table in Base.metadata.sorted_tables
]
_IN_ONE_QUESTION = " UNION ALL ".join(
    f"SELECT '{name}', (SELECT string_agg(one::text, chr(10) ORDER BY {by}) FROM {name} one)" for name, by in _TABLES
)
