"""Which files make up a folder of definitions, and their text."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow.checking.faults import Findings, Place, meant, place_of, printable
from workflow.definition import PAGES
from workflow.texts import LANGUAGES

PROGRAMME = "programme.yaml"
GROUPS = "groups.yaml"
SHARED = "prerequisites.yaml"
RELEASED = "processes/released.txt"
BODIES = "bodies/municipalities.csv"
BOUNDARIES = "bodies/boundaries.geojson"
ATTRIBUTION = "bodies/attribution.txt"

MEGABYTE = 1_000_000
_LIMITS = {".csv": 10 * MEGABYTE, ".geojson": 20 * MEGABYTE}

_TOP = ("bodies", GROUPS, "messages", "pages", SHARED, "processes", PROGRAMME, "samples", "schema", "services")
_BODIES = ("attribution.txt", "boundaries.geojson", "municipalities.csv")
_VERSION = re.compile(r"v([1-9][0-9]{0,5})\.yaml\Z")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
"""Nobody types these; databases, mails and terminals each do something else with them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files that count, relative to the folder; everything else was reported."""

    processes: tuple[tuple[str, str, int], ...]
    """(file, name of the process, version), versions ascending."""
    services: tuple[tuple[str, str], ...]
    """(file, key of the service)."""
    messages: tuple[tuple[str, str, str], ...]
    """(file, language, name of the message)."""
    samples: tuple[tuple[str, str, str], ...]
    """(file, language, name of the sample document)."""
    pages: tuple[tuple[str, str, str], ...]
    """(file, language, name of the page)."""


def survey(folder: Path, findings: Findings) -> Layout | None:
    """What is in the folder. None when there is no folder to look into."""
    if not _is_folder(folder):
        findings.add(Place("."), "fault.no_folder", folder=(printable(str(folder), longest=250),))
        return None
    for entry in _entries(folder, "", findings):
        if entry.name not in _TOP:
            _unexpected(findings, entry.name, _TOP)
    for entry in _entries(folder, "bodies", findings):
        if entry.name not in _BODIES:
            _unexpected(findings, f"bodies/{entry.name}", _BODIES)
    return Layout(
        processes=tuple(_processes(folder, findings)),
        services=tuple(_services(folder, findings)),
        messages=tuple(_messages(folder, findings)),
        samples=tuple(_samples(folder, findings)),
        pages=tuple(_pages(folder, findings)),
    )


def read(folder: Path, file: str, findings: Findings, *, optional: bool = False) -> str | None:
    """The text of one file with `\\n` line ends. None, and a fault, when it cannot be used at all.

    Raises nothing: what the disk refuses becomes a fault.
    """
    limit = _LIMITS.get(Path(file).suffix, MEGABYTE)
    content = _content(folder / file, place_of(file), limit, findings, optional=optional)
    return None if content is None else text_of(content, place_of(file).file, findings)


def text_of(content: bytes, file: str, findings: Findings) -> str | None:
    """UTF-8 without surprises, or None and a fault at the first surprise."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        findings.add(Place(file), "fault.encoding", encoding="UTF-16")
        return None
    if content.startswith(b"\xef\xbb\xbf"):
        findings.add(Place(file), "fault.byte_order_mark")
        content = content[3:]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.rfind(b"\n", 0, error.start) + 1
        column = len(content[line : error.start].decode("utf-8", "replace")) + 1
        number = content.count(b"\n", 0, error.start) + 1
        findings.add(Place(file, number, column), "fault.encoding", encoding="Latin-1 / Windows-1252")
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    invisible = _INVISIBLE.search(text)
    if invisible:
        place = place_at(text, file, invisible.start())
        findings.add(place, "fault.invisible_character", code=f"U+{ord(invisible[0]):04X}")
        return None
    return text


def place_at(text: str, file: str, offset: int) -> Place:
    """Where in its file the character at this offset stands."""
    line = text.rfind("\n", 0, offset) + 1
    return Place(file, text.count("\n", 0, offset) + 1, offset - line + 1)


def has_invisible(text: str) -> bool:
    """Whether escapes smuggled in what a file may not contain."""
    return _INVISIBLE.search(text) is not None


def _content(path: Path, place: Place, limit: int, findings: Findings, *, optional: bool) -> bytes | None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
            findings.add(place, "fault.not_a_file")
            return None
        if status.st_size > limit:
            findings.add(place, "fault.file_too_large", limit=limit // MEGABYTE)
            return None
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        if not optional:
            findings.add(place, "fault.file_missing")
        return None
    except (OSError, ValueError):
        findings.add(place, "fault.file_unreadable")
        return None
    if len(content) > limit:  # it grew while we looked
        findings.add(place, "fault.file_too_large", limit=limit // MEGABYTE)
        return None
    return content


def _processes(folder: Path, findings: Findings) -> Iterator[tuple[str, str, int]]:
    for process in _entries(folder, "processes", findings, required=True):
        if process.name == "released.txt":
            continue
        if not _is_folder(process):
            _unexpected(findings, f"processes/{process.name}", ("released.txt",))
            continue
        versions = []
        for entry in _entries(folder, f"processes/{process.name}", findings):
            match = _VERSION.match(entry.name)
            if match is None:
                findings.add(place_of(f"processes/{process.name}/{entry.name}"), "fault.version_file")
            else:
                versions.append((f"processes/{process.name}/{entry.name}", process.name, int(match[1])))
        yield from sorted(versions, key=lambda found: found[2])


def _services(folder: Path, findings: Findings) -> Iterator[tuple[str, str]]:
    for entry in _entries(folder, "services", findings, required=True):
        if entry.suffix == ".yaml":
            yield f"services/{entry.name}", entry.stem
        else:
            findings.add(place_of(f"services/{entry.name}"), "fault.service_file")


def _messages(folder: Path, findings: Findings) -> Iterator[tuple[str, str, str]]:
    for entry in _entries(folder, "messages", findings, required=True):
        if entry.name not in LANGUAGES:
            _unexpected(findings, f"messages/{entry.name}", LANGUAGES)
    for language in LANGUAGES:
        for entry in _entries(folder, f"messages/{language}", findings):
            if entry.suffix == ".txt":
                yield f"messages/{language}/{entry.name}", language, entry.stem
            else:
                findings.add(place_of(f"messages/{language}/{entry.name}"), "fault.message_file")


def _samples(folder: Path, findings: Findings) -> Iterator[tuple[str, str, str]]:
    for entry in _entries(folder, "samples", findings):
        if entry.name not in LANGUAGES:
            _unexpected(findings, f"samples/{entry.name}", LANGUAGES)
    for language in LANGUAGES:
        for entry in _entries(folder, f"samples/{language}", findings, notes=False):
            if entry.suffix == ".md":
                yield f"samples/{language}/{entry.name}", language, entry.stem
            else:
                findings.add(place_of(f"samples/{language}/{entry.name}"), "fault.sample_file")


def _pages(folder: Path, findings: Findings) -> Iterator[tuple[str, str, str]]:
    """There need be none; of what is there nothing may bear another name."""
    for entry in _entries(folder, "pages", findings):
        if entry.name not in LANGUAGES:
            _unexpected(findings, f"pages/{entry.name}", LANGUAGES)
    for language in LANGUAGES:
        for entry in _entries(folder, f"pages/{language}", findings, notes=False):
            if entry.suffix == ".md" and entry.stem in PAGES:
                yield f"pages/{language}/{entry.name}", language, entry.stem
            else:
                _unexpected(findings, f"pages/{language}/{entry.name}", tuple(f"{name}.md" for name in PAGES))


def _entries(
    folder: Path, inside: str, findings: Findings, *, required: bool = False, notes: bool = True
) -> Iterator[Path]:
    """What an author put into a folder: no hidden files, nothing Python leaves behind, and no Markdown where that is
    only `notes`."""
    try:
        entries = sorted((folder / inside).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        if required:
            findings.add(place_of(inside), "fault.folder_missing")
        return
    except (OSError, ValueError):
        findings.add(place_of(inside or "."), "fault.file_unreadable")
        return
    for entry in entries:
        if not entry.name.startswith((".", "__")) and not (notes and entry.suffix == ".md"):
            yield entry


def _is_folder(path: Path) -> bool:
    return _asked(os.path.isdir, path)


def _asked(question: Callable[[Path], bool], path: Path) -> bool:
    try:
        return question(path)
    except (OSError, ValueError):
        return False


def _unexpected(findings: Findings, file: str, known: tuple[str, ...]) -> None:
    name = file.rpartition("/")[2]
    findings.add(place_of(file), "fault.unexpected_file", name=name, meant=meant(name, known))
