"""What a play sees before each deed, and the people in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from tests.databases import BEGINNING
from tests.engine import programmes
from tests.world import FILE, PDF
from workflow import casework, checking, documents, loading, people, policy, settings, start
from workflow.definition import EvidenceField, Process
from workflow.engine import SYSTEM, Engine, Work
from workflow.evidence import Given, StoredFile
from workflow.models import Absence, AdHoc, Case, Comment, Event, Milestone, Person, Prerequisite, Remark, Task

Thing = TypeVar("Thing")

KOBLENZ, WOELLSTEIN = programmes.BODIES
HELD = {
    "office": ["programme_office"],
    "admin": ["admin"],
    "auditor": ["auditor"],
    "north": ["umsetzungsteam@north"],
    "north_colleague": ["umsetzungsteam@north"],
    "south": ["umsetzungsteam@south"],
    "south_colleague": ["umsetzungsteam@south"],
    "both": ["supervisor@north", "supervisor@south"],
    "operator": ["rollout_team@centre"],
    "leitung": [f"leitung@{KOBLENZ}"],
    "digi": [f"digi@{KOBLENZ}", f"it@{WOELLSTEIN}"],
    "fachamt": [f"fachamt@{KOBLENZ}/dogs", f"kasse@{KOBLENZ}"],
    "mayor": [f"leitung@{WOELLSTEIN}", f"digi@{WOELLSTEIN}"],
    "county": [f"{role}@{programmes.NEIGHBOURS[0]}" for role in ("leitung", "digi", "fachamt")],
}
"""Who is there from the beginning. Others may lose and get roles."""

KEPT = ("office", "admin", "north", "south", "both")
"""They keep what they have, whatever happens: cases need a last resort."""


@dataclass(slots=True)
class Scene:
    """An installation with a random programme, and how it stands just now."""

    engine: Engine
    people: dict[str, UUID] = field(default_factory=dict)
    today: dt.date = dt.date.min
    cases: Sequence[Any] = ()
    tasks: Sequence[Any] = ()
    prerequisites: Sequence[Any] = ()
    milestones: Sequence[Any] = ()
    remarks: Sequence[Any] = ()
    comments: Sequence[Any] = ()
    absences: Sequence[Any] = ()
    clusters: Sequence[UUID] = ()
    delegations: Sequence[UUID] = ()
    closures: Sequence[UUID] = ()

    def look(self) -> None:
        """See how things stand now."""
        with self.engine.read(SYSTEM) as work:
            self.today = work.today
            self.cases = work.session.execute(sa.select(Case.__table__).order_by(Case.number)).all()
            self.tasks = work.session.execute(
                sa.select(Task.__table__, Case.number)
                .join(Case, Case.id == Task.case_id)
                .outerjoin(AdHoc, AdHoc.id == Task.id)
                .outerjoin(Remark, Remark.id == AdHoc.remark_id)
                .order_by(Case.number, Task.state, Task.name, Remark.text, Task.scope)
            ).all()
            shared = sa.select(Prerequisite.__table__)
            self.prerequisites = work.session.execute(
                shared.order_by(Prerequisite.body, Prerequisite.kind, Prerequisite.scope)
            ).all()
            self.milestones = work.session.execute(
                sa.select(Milestone.__table__).order_by(Milestone.service, Milestone.kind)
            ).all()
            self.remarks = work.session.execute(
                sa.select(Remark.id, Remark.chain_id)
                .join(Case, Case.id == Remark.chain_id)
                .order_by(Case.number, Remark.text, Remark.commitment)
            ).all()
            self.comments = work.session.execute(
                sa.select(Comment.id, Comment.author_id)
                .join(Case, Case.id == Comment.case_id)
                .join(Remark, Remark.id == Comment.remark_id)
                .order_by(Case.number, Comment.written_at, Remark.text, Comment.withdrawn)
            ).all()
            self.absences = work.session.execute(
                sa.select(Absence.id, Absence.person_id)
                .join(Person, Person.id == Absence.person_id)
                .order_by(Absence.from_on, Absence.until_on, Person.email)
            ).all()
            founded = sa.select(Event.chain_id).where(Event.chain == "cluster", Event.seq == 1)
            self.clusters = work.session.execute(founded.order_by(Event.at, Event.content)).scalars().all()
            given = sa.select(Event.chain_id).where(Event.chain == "delegation", Event.seq == 1)
            self.delegations = work.session.execute(given.order_by(Event.at, Event.content)).scalars().all()
            closed = sa.select(Event.chain_id).where(Event.chain == "closure", Event.seq == 1)
            self.closures = work.session.execute(closed.order_by(Event.at, Event.content)).scalars().all()

    def process(self) -> Process:
        """The process everything runs on."""
        with self.engine.read(SYSTEM) as work:
            return work.catalogue.newest(work.catalogue.programme.process)

    def anybody(self, draw: Random) -> UUID:
        """One of the people, whoever."""
        return self.people[draw.choice(sorted(self.people))]

    def somebody(self, draw: Random, role: str, of: Any) -> UUID:
        """Mostly somebody who is in charge in this role; sometimes anybody."""
        if draw.random() < 0.12:
            return self.anybody(draw)
        with self.engine.read(SYSTEM) as work:
            found = set(policy.in_charge(role, of, casework.holders(work, of))[1])
        known = [self.people[name] for name in sorted(self.people) if self.people[name] in found]
        return draw.choice(known) if known else self.anybody(draw)


def seen(draw: Random, version: int) -> int | None:
    """The version somebody was looking at: mostly the present one, or none, sometimes one that is past."""
    return draw.choice([None, None, None, *[version] * 6, version - 1])


def mostly(draw: Random, things: Sequence[Thing], suits: Sequence[Thing]) -> Thing | None:
    """One of those that suit, now and then any; None when there is nothing."""
    chosen = suits if draw.random() < 0.92 else things
    return draw.choice(chosen) if chosen else None


def answers(work: Work, fields: dict[str, EvidenceField] | Any, service: str, draw: Random) -> Given:
    """Answers to what is asked; one in ten is left out or makes no sense."""
    given: dict[str, str | StoredFile] = {}
    for name, asked in fields.items():
        if (not asked.required and draw.random() < 0.3) or draw.random() < 0.03:
            continue
        variants = sorted(work.catalogue.services[service].variants) if service else []
        day = work.today + dt.timedelta(days=draw.randint(0, 200))
        good: dict[str, str | StoredFile] = {
            "text": f"Wort {draw.randint(0, 99)}",
            "long_text": "Wie besprochen.",
            "choice": draw.choice(sorted(asked.options) or [""]),
            "date": day.isoformat(),
            "number": str(draw.randint(1, 9)),
            "url": "https://www.example.org/",
            "email": "post@startklar.example",
            "flag": draw.choice(["true", ""]),
            "document": FILE,
            "variant": draw.choice(variants or [""]),
            "wave": draw.choice(["first", ""]),
        }
        given[name] = good.get(asked.type, "x") if draw.random() < 0.98 else "unsinn"
    return given


def build(url: str, folder: Path, draw: Random) -> Scene:
    """A programme of this seed in an empty database, with people; sometimes nobody is in the less usual roles."""
    definitions = programmes.write(folder / "definitions", draw)
    there = [name for name in HELD if name not in _RARE or draw.random() < 0.5]
    return people_of(url, folder, definitions, there)


_RARE = ("operator", "fachamt")


def people_of(url: str, folder: Path, definitions: Path, there: Iterable[str]) -> Scene:
    """These definitions in an empty database, with these of the people."""
    configured = settings.read({"STARTKLAR_DATABASE_URL": url, "STARTKLAR_DATA": str(folder / "data")})
    start.init(configured, clock="manual", now=BEGINNING, example=True)
    scene = Scene(start.engine(configured))
    loading.load_checked(scene.engine, checking.check(definitions).insist())
    path = documents.path_of(configured.documents, FILE.sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PDF)
    with scene.engine.change(SYSTEM) as work:
        for name in there:
            scene.people[name] = people.add(
                work,
                email=f"{name}@startklar.example",
                name=name.title(),
                password_hash=None,
                language="de",
                roles=[people.parse_role(words) for words in HELD[name]],
            ).id
    scene.look()
    return scene
