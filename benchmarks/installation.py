"""A programme to measure on: the shipped definitions, people at every body, the whole catalogue open."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from tests.world import plausible
from workflow import cases, loading, milestones, people, sessions, settings, start, tasks
from workflow.engine import SYSTEM, Engine, Work
from workflow.models import Body, Case, Milestone, Task
from workflow.policy import Role
from workflow.settings import PACKAGED_DEFINITIONS, Settings

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
PASSWORD = "wieder-einmal-messen"  # noqa: S105 -- of made-up people

AT_A_BODY = {
    "coordination": ("digi", "leitung"),
    "department": ("fachamt", "kasse", "redaktion"),
    "technology": ("it", "isb", "dsb"),
}


@dataclass(slots=True)
class People:
    """Who acts in the measurements."""

    office: UUID
    teams: dict[str, UUID] = field(default_factory=dict)
    bodies: dict[tuple[str, str], UUID] = field(default_factory=dict)
    """By ARS and role; three people at every body share the roles."""

    def acting(self, owner: str, body: str, team: str) -> UUID:
        """Who does what this role owns at this body or in this team."""
        return self.teams[team] if owner == "umsetzungsteam" else self.bodies[body, owner.removeprefix("body.")]


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening the whole catalogue took."""

    cases: int
    tasks: int
    seconds: float


def settings_for(url: str, data: Path) -> Settings:
    """The settings of an installation in this database."""
    return settings.read({"STARTKLAR_DATABASE_URL": url, "STARTKLAR_DATA": str(data)})


def make(url: str, data: Path) -> People:
    """An installation in a bare database: people everywhere, no case yet."""
    installation = settings_for(url, data)
    start.init(installation, clock="manual", now=NOW, example=True)
    engine = start.engine(installation)
    try:
        loading.load(engine, PACKAGED_DEFINITIONS)
        return _people(engine)
    finally:
        engine.close()


def open_everything(url: str, data: Path, who: People) -> Opened:
    """The whole catalogue, with every contract of the Land there."""
    engine = start.engine(settings_for(url, data))
    try:
        opened = _open(engine, who)
        with engine.change(who.office) as work:
            for milestone in work.session.execute(
                sa.select(Milestone.id, Milestone.kind).where(Milestone.reached_on.is_(None))
            ).all():
                given = plausible(work.catalogue.shared.milestones[milestone.kind].evidence, work.today)
                milestones.reach(work, milestone.id, work.today, given)
        return opened
    finally:
        engine.close()


def answers(work: Work, task_id: UUID) -> dict[str, str]:
    """Plausible answers to what a task asks for."""
    row = work.session.execute(
        sa.select(Task.name, Case.process, Case.process_version, Case.service)
        .join(Case, Case.id == Task.case_id)
        .where(Task.id == task_id)
    ).one()
    asked = work.catalogue.process(row.process, row.process_version).task(row.name).evidence
    given = {name: value for name, value in plausible(asked, work.today).items() if isinstance(value, str)}
    for name, entry in asked.items():
        if entry.type == "variant":
            given[name] = next(iter(work.catalogue.service(row.service).variants))
    return given


def finish_first_state(engine: Engine, who: People, case_id: UUID) -> None:
    """Do every task a new case begins with."""
    while True:
        with engine.read(SYSTEM) as work:
            task = work.session.execute(
                sa.select(Task.id, Task.owner, Task.body, Task.team)
                .where(Task.case_id == case_id, Task.status == "ready")
                .limit(1)
            ).first()
        if task is None:
            return
        with engine.change(who.acting(task.owner, task.body, task.team)) as work:
            tasks.submit(work, task.id, answers(work, task.id))


def _people(engine: Engine) -> People:
    secret = sessions.hash_password(PASSWORD)
    with engine.change(SYSTEM) as work:

        def person(name: str, *roles: Role) -> UUID:
            address = f"{name}@startklar.example"
            return people.add(work, email=address, name=name, password_hash=secret, language="de", roles=roles).id

        found = People(person("office", Role("programme_office")))
        for team in work.catalogue.programme.teams:
            found.teams[team] = person(f"team-{team}", Role("umsetzungsteam", team=team))
            for number in range(3):
                person(f"colleague-{team}-{number}", Role("umsetzungsteam", team=team))
            person(f"supervisor-{team}", Role("supervisor", team=team))
        for operator in work.catalogue.programme.operators:
            person(f"operator-{operator}", Role("rollout_team", operator=operator))
        for body in work.session.execute(sa.select(Body.ars).order_by(Body.ars)).scalars().all():
            for name, roles in AT_A_BODY.items():
                held = person(f"{name}-{body}", *(Role(role, body=body) for role in roles))
                found.bodies |= {(body, role): held for role in roles}
    return found


def _open(engine: Engine, who: People) -> Opened:
    began = time.perf_counter()
    with engine.read(who.office) as work:
        planned = cases.plan(work, work.catalogue.services)
    results = cases.open_planned(engine, who.office, planned)
    seconds = time.perf_counter() - began
    if any(result.refused for result in results):
        raise RuntimeError("some cases could not be opened")
    with engine.read(SYSTEM) as work:
        count = work.session.execute(sa.select(sa.func.count()).select_from(Task)).scalar_one()
    return Opened(len(results), count, seconds)
