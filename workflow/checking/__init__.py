"""Reads a folder of definitions and names every fault in it at once.

`check` answers with a value and never raises, whatever lies in the folder: what the disk refuses, what is no YAML, what
has the wrong shape and what does not hang together all become faults with a file, a line and a column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from workflow.checking import files
from workflow.checking.bodies import Bodies, BodyRecord, check_boundaries, read_attribution, read_bodies
from workflow.checking.catalogue import check_groups, check_service, check_shared
from workflow.checking.faults import Fault, Findings, place_of
from workflow.checking.messages import Message, read_messages
from workflow.checking.names import Known, names_in
from workflow.checking.pages import read_pages
from workflow.checking.process import check_process
from workflow.checking.programme import check_programme
from workflow.checking.released import check_fingerprint, check_numbering, read_released
from workflow.checking.samples import Sample, read_samples
from workflow.checking.shape import json_schemas, schema_files, shaped
from workflow.checking.tree import Node, parse
from workflow.definition import (
    GROUPS,
    PROCESS,
    PROGRAMME,
    SERVICE,
    SHARED,
    Groups,
    Page,
    Process,
    Programme,
    Service,
    Shared,
)
from workflow.errors import InvalidDefinitions

__all__ = [
    "BodyRecord",
    "Checked",
    "Definitions",
    "Fault",
    "Message",
    "Sample",
    "check",
    "json_schemas",
    "schema_files",
]


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything a folder defines; it hangs together."""

    processes: tuple[Process, ...]
    """By name and version."""
    services: tuple[Service, ...]
    programme: Programme
    shared: Shared
    groups: Groups
    bodies: tuple[BodyRecord, ...]
    messages: Mapping[tuple[str, str], Message]
    """(language, name) → message."""
    samples: Mapping[tuple[str, str], Sample]
    """(language, name) → sample document."""
    released: Mapping[str, str]
    """Process version → fingerprint, for versions that may not change any more."""
    attribution: str
    """The notice to show wherever the bodies' data is shown."""
    pages: Mapping[tuple[str, str], Page]
    """(language, name) → page."""

    def to_replace(self) -> tuple[str, ...]:
        """Files of pages in which something is still to be replaced."""
        return tuple(f"pages/{language}/{name}.md" for (language, name), page in self.pages.items() if page.to_replace)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came out: faults by file, line and column, or the definitions when there are none."""

    faults: tuple[Fault, ...]
    definitions: Definitions | None

    def insist(self) -> Definitions:
        """The definitions. Raises InvalidDefinitions when there are faults."""
        if self.definitions is None:
            raise InvalidDefinitions(self.faults)
        return self.definitions


def check(folder: Path) -> Checked:
    """Read the folder and name every fault. Raises nothing; changes nothing."""
    findings = Findings()
    layout = files.survey(folder, findings)
    if layout is None:
        return Checked(findings.sorted(), None)
    trees = {
        file: tree
        for file in (files.PROGRAMME, files.SHARED, files.GROUPS, *_written(layout))
        if (tree := _tree(folder, file, findings)) is not None
    }
    bodies = read_bodies(folder, findings)
    attribution = read_attribution(folder, findings)
    check_boundaries(folder, bodies.known, findings)
    messages = read_messages(folder, layout.messages, findings)
    samples = read_samples(folder, layout.samples, findings)
    pages = read_pages(folder, layout.pages, findings)
    released = read_released(folder, {f"{process}/{version}" for _, process, version in layout.processes}, findings)
    known = _known(layout, trees, bodies)

    processes = _processes(layout, trees, known, released, findings)
    services = _services(layout, trees, known, findings)
    programme = shared = groups = None
    if root := trees.get(files.PROGRAMME):
        programme = shaped(PROGRAMME, root, findings)
        check_programme(root, known, findings)
    if root := trees.get(files.SHARED):
        shared = shaped(SHARED, root, findings)
        check_shared(root, known, findings)
    if root := trees.get(files.GROUPS):
        groups = shaped(GROUPS, root, findings)
        check_groups(root, known, findings)

    faults = findings.sorted()
    if faults or programme is None or shared is None or groups is None or bodies.records is None:
        return Checked(faults, None)
    return Checked(
        (),
        Definitions(
            processes=processes,
            services=services,
            programme=programme,
            shared=shared,
            groups=groups,
            bodies=bodies.records,
            messages=messages,
            samples=samples,
            released=released,
            attribution=attribution,
            pages=pages,
        ),
    )


def insist_programme(text: str, known: Known) -> Programme:
    """A programme that is written in a text, checked against names that are known from elsewhere.

    Raises InvalidDefinitions with every fault.
    """
    findings = Findings()
    root = parse(text, files.PROGRAMME, findings)
    programme = None
    if root is not None:
        programme = shaped(PROGRAMME, root, findings)
        check_programme(root, replace(known, ladders=names_in(root, "ladders")), findings)
    if programme is None or findings.sorted():
        raise InvalidDefinitions(findings.sorted())
    return programme


def _written(layout: files.Layout) -> tuple[str, ...]:
    return (*(file for file, _, _ in layout.processes), *(file for file, _ in layout.services))


def _tree(folder: Path, file: str, findings: Findings) -> Node | None:
    text = files.read(folder, file, findings)
    return None if text is None else parse(text, place_of(file).file, findings)


def _known(layout: files.Layout, trees: Mapping[str, Node], bodies: Bodies) -> Known:
    """Names, taken from whatever could be read: a fault elsewhere in a file does not hide them."""
    programme, shared, groups = (trees.get(file) for file in (files.PROGRAMME, files.SHARED, files.GROUPS))
    kinds = shared.get("prerequisites") if shared is not None else None
    services = [trees[file] for file, _ in layout.services if file in trees]
    return Known(
        bodies=bodies.known,
        processes=frozenset(process for _, process, _ in layout.processes),
        services=frozenset(key for _, key in layout.services),
        variants=frozenset(variant for service in services for variant, _, _ in service.each("variants")),
        groups=names_in(groups, "groups"),
        ladders=names_in(programme, "ladders"),
        promising=frozenset(
            name for name, _, ladder in (programme.each("ladders") if programme else ()) if _asks(ladder)
        ),
        teams=names_in(programme, "teams"),
        operators=names_in(programme, "operators"),
        prerequisites=None
        if kinds is None or kinds.entries is None
        else {name: _is_scoped(kind) for name, _, kind in kinds.items()},
        milestones=names_in(shared, "milestones"),
        messages=frozenset(name for _, _, name in layout.messages),
        samples=frozenset(name for _, _, name in layout.samples),
    )


def _asks(ladder: Node) -> bool:
    """Whether a rung of this ladder asks for a promise."""
    asked = (rung.get("asks") for rung in ladder.members("rungs") if rung.entries is not None)
    return any(node is not None and node.word == "promise" for node in asked)


def _is_scoped(kind: Node) -> bool:
    scope = kind.get("scoped_by")
    return scope is not None and scope.entries is not None


def _processes(
    layout: files.Layout, trees: Mapping[str, Node], known: Known, released: Mapping[str, str], findings: Findings
) -> tuple[Process, ...]:
    found: list[Process] = []
    versions: dict[str, list[int]] = {}
    for file, name, version in layout.processes:
        versions.setdefault(name, []).append(version)
        root = trees.get(file)
        if root is None:
            continue
        process = shaped(PROCESS, root, findings)
        check_process(root, name, version, known, findings)
        if process is not None:
            check_fingerprint(process, root, released, findings)
            found.append(process)
    check_numbering(versions, findings)
    return tuple(found)


def _services(layout: files.Layout, trees: Mapping[str, Node], known: Known, findings: Findings) -> tuple[Service, ...]:
    programme = trees.get(files.PROGRAMME)
    teams = {
        service.word: team
        for team, _, node in (programme.each("teams") if programme is not None else ())
        for service in node.members("services")
        if service.word is not None
    }
    found: list[Service] = []
    for file, key in layout.services:
        root = trees.get(file)
        if root is None:
            continue
        service = shaped(SERVICE, root, findings)
        check_service(root, key, known, teams, findings)
        if service is not None:
            found.append(service)
    return tuple(found)
