"""The definitions as they stand in the database, ready to be asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from workflow import definition
from workflow.calendar import Calendar
from workflow.definition import (
    Group,
    Needed,
    Page,
    PrerequisiteKind,
    Process,
    Programme,
    Service,
    Shared,
    Text,
    Variant,
)
from workflow.errors import NotFound, Unready
from workflow.machine import StateMachine
from workflow.models import Definition


@dataclass(frozen=True, slots=True)
class MessageText:
    """A mail text in one language: a subject and paragraphs with named placeholders."""

    subject: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A document somebody may take as a pattern: a title, and Markdown below it."""

    language: str
    title: str
    text: str


@dataclass(slots=True)
class Catalogue:
    """Everything loaded, at one revision. Shared by threads; only ever gains process versions."""

    revision: int
    programme: Programme
    calendar: Calendar
    services: Mapping[str, Service]
    shared: Shared
    groups: Mapping[str, Group]
    messages: Mapping[tuple[str, str], MessageText]
    samples: Mapping[tuple[str, str], Sample] = field(default_factory=dict)
    attribution: str = ""
    """The notice that the data about bodies must carry wherever they are shown."""
    pages: Mapping[tuple[str, str], Page] = field(default_factory=dict)
    """What the installation says of itself: (language, name) → page."""
    _processes: dict[str, Process] = field(default_factory=dict)
    _machines: dict[str, StateMachine] = field(default_factory=dict)
    _kinds: dict[str, PrerequisiteKind] = field(default_factory=dict)

    def prerequisite_kind(self, name: str) -> PrerequisiteKind | None:
        """A kind of prerequisite, or what comes back in the life of one; None once the definitions lost it."""
        if not self._kinds:
            recurring = {key: kind.as_prerequisite() for key, kind in self.shared.recurring.items()}
            self._kinds = recurring | dict(self.shared.prerequisites)
        return self._kinds.get(name)

    def is_recurring(self, name: str) -> bool:
        """Whether bodies do this again and again, and no case waits for it."""
        return name in self.shared.recurring and name not in self.shared.prerequisites

    def sample(self, name: str, language: str) -> Sample | None:
        """A sample document in this language, else in German; None where there is none of that name."""
        return self.samples.get((language, name)) or self.samples.get(("de", name))

    def service(self, key: str) -> Service:
        """Raises NotFound for a service the catalogue does not have."""
        try:
            return self.services[key]
        except KeyError as error:
            raise NotFound(what="service", name=key) from error

    def service_title(self, key: str) -> Text:
        """The title of a service; its key once the catalogue lost it."""
        entry = self.services.get(key)
        return entry.title if entry else Text(de=key, en=key)

    def variant(self, service: str, name: str | None) -> Variant | None:
        """The variant of a service by name; None while none is chosen or the catalogue lost it."""
        entry = self.services.get(service)
        return entry.variants.get(name) if entry and name else None

    def needed(self, service: str, variant: str | None) -> tuple[Needed, ...]:
        """Which prerequisites a case waits for; none before its variant is chosen."""
        chosen = self.variant(service, variant)
        return self.with_needs(chosen.prerequisites) if chosen else ()

    def with_needs(self, wanted: Iterable[Needed]) -> tuple[Needed, ...]:
        """These, and whatever has to be there before them; each once, what is needed first before what needs it."""
        found: dict[Needed, None] = {}

        def collect(entry: Needed, above: tuple[Needed, ...]) -> None:
            if entry in found or entry in above:
                return
            for before in self.needs_of(entry):
                collect(before, (*above, entry))
            found[entry] = None

        for entry in wanted:
            collect(entry, ())
        return tuple(found)

    def needs_of(self, entry: Needed) -> tuple[Needed, ...]:
        """What has to be there before this one; a kind of which a body has several is needed with the same scope."""
        kinds = self.shared.prerequisites
        kind = kinds.get(entry.kind)
        return tuple(
            Needed(name, entry.scope if kinds[name].scoped_by is not None else "")
            for name in (kind.needs if kind else ())
            if name in kinds
        )

    def is_responsible(self, service: str, *, ars: str, kind: str) -> bool | None:
        """Whether a body of this kind is responsible for a service; None while nobody knows who is."""
        entry = self.services.get(service)
        if entry is None or entry.applies_to is None:
            return None
        group = self.groups[entry.applies_to]
        return (kind in group.kinds or ars in group.add) and ars not in group.remove

    def process(self, name: str, version: int) -> Process:
        """The process version a case is pinned to. Raises Unready when this catalogue does not hold it."""
        try:
            return self._processes[f"{name}/{version}"]
        except KeyError as error:
            raise Unready("error.process_missing", process=f"{name}/{version}") from error

    def newest(self, name: str) -> Process:
        """The version new cases start with."""
        versions = [process for process in self._processes.values() if process.process == name]
        if not versions:
            raise Unready("error.process_missing", process=name)
        return max(versions, key=lambda process: process.version)

    def processes(self) -> tuple[Process, ...]:
        """All versions, by name and version."""
        return tuple(sorted(self._processes.values(), key=lambda process: (process.process, process.version)))

    def machine(self, name: str, version: int) -> StateMachine:
        """The machine of a process version, built once."""
        key = f"{name}/{version}"
        machine = self._machines.get(key)
        if machine is None:
            machine = self._machines[key] = StateMachine(self.process(name, version))
        return machine


def read(session: Session, revision: int) -> Catalogue:
    """Everything the database holds. Raises Unready when nothing has been loaded yet."""
    content: dict[str, dict[str, str]] = {}
    processes: dict[str, Process] = {}
    rows = session.execute(
        sa.select(Definition.kind, Definition.name, Definition.version, Definition.content).order_by(
            Definition.kind, Definition.name, Definition.version
        )
    )
    for kind, name, version, text in rows:
        if kind == "process":
            processes[f"{name}/{version}"] = definition.PROCESS.validate_json(text)
        else:
            content.setdefault(kind, {})[name] = text
    if "programme" not in content or not processes:
        raise Unready("error.no_definitions")
    programme = definition.PROGRAMME.validate_json(next(iter(content["programme"].values())))
    return Catalogue(
        revision=revision,
        programme=programme,
        calendar=Calendar(programme.calendar),
        services={
            name: definition.SERVICE.validate_json(text) for name, text in sorted(content.get("service", {}).items())
        },
        shared=definition.SHARED.validate_json(content["shared"]["shared"]),
        groups=definition.GROUPS.validate_json(content["groups"]["groups"]).groups,
        messages={
            (language, name): MessageText(subject, tuple(paragraphs))
            for place, text in content.get("message", {}).items()
            for language, _, name in [place.partition("/")]
            for subject, *paragraphs in [json.loads(text)]
        },
        samples={
            (language, name): Sample(language, *json.loads(text))
            for place, text in content.get("sample", {}).items()
            for language, _, name in [place.partition("/")]
        },
        pages={
            (language, name): Page(*json.loads(text))
            for place, text in content.get("page", {}).items()
            for language, _, name in [place.partition("/")]
        },
        attribution="\n".join(json.loads(text) for text in content.get("attribution", {}).values()),
        _processes=processes,
    )
