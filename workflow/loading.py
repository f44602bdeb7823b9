"""Brings checked definitions into the database, from where everything runs.

A process version never changes in meaning once it is there. Services, prerequisites, groups, programme and mail texts
are kept in revisions of which the newest counts. Bodies, teams, waves, targets and milestones are seeds: what is
missing is added, what differs is listed and left alone, because a deed or an import may have changed it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import sqlalchemy as sa
from sqlalchemy.orm import Session

from workflow import checking, database, deadlines, definition, events, followups
from workflow.bodies import search_key_of, sort_key_of
from workflow.calendar import Calendar
from workflow.checking import Definitions
from workflow.definition import Programme, Service, fingerprint, stored
from workflow.engine import Engine
from workflow.errors import Refused, Unready
from workflow.models import (
    Body,
    Case,
    Definition,
    Event,
    Hold,
    Installation,
    LandEdition,
    Milestone,
    Prerequisite,
    Target,
    Task,
    Team,
    TeamDistrict,
    TeamService,
    Training,
    Vendor,
    Wave,
)


@dataclass(slots=True)
class Loaded:
    """What loading changed, and what it found different and left alone. Each entry: what, and its name."""

    added: list[tuple[str, str]] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)
    different: list[tuple[str, str]] = field(default_factory=list)
    following: list[tuple[str, int]] = field(default_factory=list)
    """Services of which conditions of tasks may ask something that changed, and how many open cases are looked at."""


def load(engine: Engine, folder: Path, *, dry_run: bool = False) -> Loaded:
    """Check a folder and load it. With `dry_run` nothing is kept, only told.

    Raises InvalidDefinitions with every fault, Refused when a process version that is loaded already means something
    else now, or Unready when the installation has not been made.
    """
    return load_checked(engine, checking.check(folder).insist(), dry_run=dry_run)


def load_checked(engine: Engine, definitions: Definitions, *, dry_run: bool = False) -> Loaded:
    """Load definitions that were checked. Raises like `load`."""
    report = Loaded()
    try:
        with database.transaction(engine.pool, write=True) as session:
            installation = session.execute(
                sa.select(Installation.clock, Installation.clock_now, Installation.definitions_revision)
                .where(Installation.id == 1)
                .with_for_update()
            ).first()
            if installation is None:
                raise Unready("error.not_initialised")
            now = installation.clock_now if installation.clock == "manual" else database.real_now()
            _processes(session, definitions, report)
            before = _loaded_programme(session)
            _revisions(session, definitions, report)
            _bodies(session, definitions, report)
            _programme(session, definitions.programme, report)
            if before is not None:
                clock_anew(session, before, definitions.programme, now)
            revision = installation.definitions_revision + 1
            _milestones(session, definitions, now, revision, report)
            session.execute(sa.update(Installation).values(definitions_revision=revision))
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    return report


def clock_anew(session: Session, before: Programme, after: Programme, now: dt.datetime) -> None:
    """Have the next mail morning look at everything whose ladder changed, or whose working days.

    Rungs that are decided stay decided; a rung that is new, moved or came to stand earlier is found then, and not only
    when the one comes that was waited for so far.
    """
    ladders = [
        name
        for name, ladder in after.ladders.items()
        if before.calendar != after.calendar or (name in before.ladders and before.ladders[name].rungs != ladder.rungs)
    ]
    calendar = Calendar(after.calendar)
    at = calendar.remind_at(calendar.today(now) + dt.timedelta(days=1))
    resting = sa.select(Case.id).where(Case.rests)
    still_open: tuple[tuple[Any, sa.ColumnElement[bool]], ...] = (
        (Task, sa.and_(Task.acting.is_not(None), Task.due_on.is_not(None), Task.case_id.not_in(resting))),
        (
            Prerequisite,
            sa.and_(
                Prerequisite.due_on.is_not(None),
                sa.or_(Prerequisite.acting.is_not(None), Prerequisite.due_on == Prerequisite.valid_until),
            ),
        ),
        (Hold, Hold.ended_on.is_(None)),
        (Milestone, sa.and_(Milestone.due_on.is_not(None), Milestone.reached_on.is_(None))),
    )
    for model, is_open in still_open if ladders else ():
        later = sa.or_(model.remind_at.is_(None), model.remind_at > at)
        session.execute(sa.update(model).where(model.ladder.in_(ladders), is_open, later).values(remind_at=at))


class _DryRun(Exception):
    """Ends a transaction that was only tried."""


def _processes(session: Session, definitions: Definitions, report: Loaded) -> None:
    known = {
        (row.name, row.version): row
        for row in session.execute(
            sa.select(Definition.name, Definition.version, Definition.fingerprint, Definition.content).where(
                Definition.kind == "process"
            )
        )
    }
    for process in definitions.processes:
        row = known.get((process.process, process.version))
        content, mark = stored(definition.PROCESS, process), fingerprint(process)
        if row is None:
            _insert(session, "process", process.process, process.version, mark, content)
            report.added.append(("process", process.id))
        elif row.fingerprint != mark:
            raise Refused("error.version_changed", process=process.id)
        elif row.content != content:
            session.execute(
                sa.update(Definition)
                .where(
                    Definition.kind == "process",
                    Definition.name == process.process,
                    Definition.version == process.version,
                )
                .values(content=content)
            )
            report.changed.append(("process", process.id))


def _revisions(session: Session, definitions: Definitions, report: Loaded) -> None:
    """Everything of which the newest counts."""
    wanted: dict[tuple[str, str], str] = {
        ("programme", "programme"): stored(definition.PROGRAMME, definitions.programme),
        ("shared", "shared"): stored(definition.SHARED, definitions.shared),
        ("groups", "groups"): stored(definition.GROUPS, definitions.groups),
        ("attribution", "bodies"): json.dumps(definitions.attribution, ensure_ascii=False),
    }
    for service in definitions.services:
        wanted["service", service.service] = stored(definition.SERVICE, service)
    for (language, name), message in definitions.messages.items():
        wanted["message", f"{language}/{name}"] = json.dumps([message.subject, *message.paragraphs], ensure_ascii=False)
    for (language, name), sample in definitions.samples.items():
        wanted["sample", f"{language}/{name}"] = json.dumps([sample.title, sample.text], ensure_ascii=False)
    for (language, name), page in definitions.pages.items():
        wanted["page", f"{language}/{name}"] = json.dumps([page.title, page.text], ensure_ascii=False)
    newest: dict[tuple[str, str], tuple[int, str]] = {
        (kind, name): (version, content)
        for kind, name, version, content in session.execute(
            sa.select(Definition.kind, Definition.name, Definition.version, Definition.content)
            .where(Definition.kind != "process")
            .order_by(Definition.version)
        )
    }
    for (kind, name), content in wanted.items():
        known = newest.get((kind, name))
        if known is None or known[1] != content:
            version = known[0] + 1 if known else 1
            _insert(session, kind, name, version, hashlib.sha256(content.encode()).hexdigest(), content)
            (report.changed if known else report.added).append((kind, name))
            if known and kind == "service":
                _follow(session, known[1], content, version, report)
    report.different += [key for key in newest if key[0] == "service" and key not in wanted]


def _loaded_programme(session: Session) -> Programme | None:
    """The newest that is loaded."""
    newest = sa.select(Definition.content).where(Definition.kind == "programme").order_by(Definition.version.desc())
    content = session.execute(newest.limit(1)).scalar()
    return definition.PROGRAMME.validate_json(content) if content is not None else None


def _follow(session: Session, before: str, after: str, version: int, report: Loaded) -> None:
    """Let the open cases of a service follow what conditions of their tasks may ask of it, where that changed."""
    old, new = definition.SERVICE.validate_json(before), definition.SERVICE.validate_json(after)
    changed = [
        case_id
        for case_id, variant in session.execute(
            sa.select(Case.id, Case.variant)
            .where(Case.service == new.service, Case.ended_on.is_(None))
            .order_by(Case.id)
        )
        if old.attributes(variant) != new.attributes(variant)
    ]
    if changed:
        followups.queue(session, "conditions", uuid5(NAMESPACE_URL, f"service/{new.service}"), version, changed)
        report.following.append((new.service, len(changed)))


def _bodies(session: Session, definitions: Definitions, report: Loaded) -> None:
    """The bodies that are missing; of a Land that had none yet, also of which day they are."""
    before = set(session.execute(sa.select(sa.func.substr(Body.ars, 1, 2)).distinct()).scalars())
    wanted = {
        body.ars: {
            "ars": body.ars,
            "ags": body.ags or None,
            "kind": body.kind,
            "name": body.name,
            "display_name": body.display_name,
            "sort_key": sort_key_of(body.name, body.kind),
            "search_key": search_key_of(body.display_name, body.kind, body.seat, body.postcode),
            "district": body.district_ars or body.ars,
            "seat": body.seat or None,
            "postcode": body.postcode or None,
            "population": body.population,
            "area_km2": body.area_km2,
            "municipalities": body.municipalities,
            "latitude": body.latitude,
            "longitude": body.longitude,
        }
        for body in definitions.bodies
    }
    _seed(session, Body, "body", ("ars",), wanted.values(), report, named="display_name")
    if (day := definitions.programme.bodies_as_of) is not None:
        for land in sorted({ars[:2] for ars in wanted} - before):
            database.insert_missing(session, LandEdition, {"land": land, "date": day})


def _programme(session: Session, programme: Programme, report: Loaded) -> None:
    teams, districts, services = [], [], []
    for key, team in programme.teams.items():
        teams.append({"key": key, "title": team.title})
        districts += [{"district": district, "team": key} for district in team.districts]
        services += [{"service": service, "team": key} for service in team.services]
    waves = [
        {"key": key, "title_de": wave.title.de, "title_en": wave.title.en, "stichtag": wave.stichtag}
        for key, wave in programme.waves.items()
    ]
    targets = [
        {
            "due_on": target.date,
            "set_on": target.set_on,
            "reason_de": target.reason.de,
            "reason_en": target.reason.en,
            "source": target.source,
        }
        for target in programme.targets
    ]
    _seed(session, Team, "team", ("key",), teams, report)
    _seed(session, TeamDistrict, "team_district", ("district",), districts, report)
    _seed(session, TeamService, "team_service", ("service",), services, report)
    _seed(session, Wave, "wave", ("key",), waves, report)
    _seed(session, Target, "target", ("due_on",), targets, report)
    trainings = [
        {
            "key": key,
            "title_de": one.title.de,
            "title_en": one.title.en,
            "held_on": one.date,
            "begins_at": one.at,
            "service": one.service,
            "place": one.place,
            "link": one.link,
        }
        for key, one in programme.trainings.items()
    ]
    _seed(session, Training, "training", ("key",), trainings, report)
    _seed(session, Vendor, "vendor", ("key",), _vendors(programme), report)


def _vendors(programme: Programme) -> list[dict[str, Any]]:
    return [{"key": key, "title": one.title, "source": one.source} for key, one in programme.vendors.items()]


def _milestones(session: Session, definitions: Definitions, now: dt.datetime, revision: int, report: Loaded) -> None:
    known = {
        (row.service, row.kind): row
        for row in session.execute(sa.select(Milestone.service, Milestone.kind, Milestone.due_on, Milestone.reached_on))
    }
    for service in definitions.services:
        for kind, entry in service.milestones.items():
            row = known.get((service.service, kind))
            if row is None:
                _add_milestone(session, definitions, service, kind, now, revision)
                report.added.append(("milestone", f"{service.service}/{kind}"))
            elif (row.due_on, row.reached_on) != (entry.due, entry.reached) and (entry.due or entry.reached):
                report.different.append(("milestone", f"{service.service}/{kind}"))


def _add_milestone(
    session: Session, definitions: Definitions, service: Service, kind: str, now: dt.datetime, revision: int
) -> None:
    """A milestone begins its chain with what the file says of it."""
    entry = service.milestones[kind]
    calendar = Calendar(definitions.programme.calendar)
    ladder_name = definitions.shared.milestones[kind].ladder
    ring = None
    if entry.due is not None and entry.reached is None:
        ladder = definitions.programme.ladders[ladder_name]
        ring = deadlines.next_ring(calendar, ladder, entry.due, calendar.today(now), now=now)
    milestone_id = uuid4()
    content = definition.canonical(
        events.plain(
            {
                "milestone": {
                    "service": service.service,
                    "kind": kind,
                    "due_on": entry.due,
                    "reached_on": entry.reached,
                    "version": 1,
                    "ladder": ladder_name,
                    "generation": 1,
                },
                "definitions": revision,
            }
        )
    )
    digest = events.digest_of("milestone", milestone_id, 1, now, None, "planned", content, events.START)
    session.execute(
        sa.insert(Milestone),
        {
            "id": milestone_id,
            "service": service.service,
            "kind": kind,
            "due_on": entry.due,
            "reached_on": entry.reached,
            "version": 1,
            "ladder": ladder_name,
            "remind_at": ring.at if ring else None,
            "rung": ring.rung if ring else None,
            "occurrence": 0,
            "generation": 1,
            "seq": 1,
            "head": digest,
        },
    )
    session.execute(
        sa.insert(Event),
        {
            "chain": "milestone",
            "chain_id": milestone_id,
            "seq": 1,
            "at": now,
            "actor_id": None,
            "act": "planned",
            "content": content,
            "previous": events.START,
            "digest": digest,
        },
    )


def _seed(
    session: Session,
    model: Any,
    kind: str,
    key: tuple[str, ...],
    wanted: Iterable[Mapping[str, Any]],
    report: Loaded,
    *,
    named: str | None = None,
) -> None:
    """Add the rows that are missing; list those that differ."""
    wanted = list(wanted)
    if not wanted:
        return
    columns = list(wanted[0])
    known = {
        tuple(row[columns.index(name)] for name in key): dict(zip(columns, row, strict=True))
        for row in session.execute(sa.select(*(getattr(model, name) for name in columns)))
    }
    missing = []
    for row in wanted:
        present = known.get(tuple(row[name] for name in key))
        said = (kind, str(row[named or key[0]]))
        if present is None:
            missing.append(dict(row))
            report.added.append(said)
        elif present != dict(row):
            report.different.append(said)
    if missing:
        session.execute(sa.insert(model), missing)


def _insert(session: Session, kind: str, name: str, version: int, mark: str, content: str) -> None:
    session.execute(
        sa.insert(Definition),
        {
            "kind": kind,
            "name": name,
            "version": version,
            "fingerprint": mark,
            "content": content,
            "loaded_at": database.real_now(),
        },
    )
