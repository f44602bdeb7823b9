"""The sample documents tasks point to: one Markdown file per sample and language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workflow.checking import files
from workflow.checking.faults import Findings, Place, place_of

_HEADING = "# "
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Sample:
    """A document somebody may take as a pattern: its title, and Markdown below it."""

    title: str
    text: str


def read_samples(
    folder: Path, written: Iterable[tuple[str, str, str]], findings: Findings
) -> dict[tuple[str, str], Sample]:
    """Every sample that can be read, by (language, name). Each exists in German; other languages are a courtesy."""
    found: dict[tuple[str, str], Sample] = {}
    names: dict[str, str] = {}
    german: set[str] = set()
    for file, language, name in written:
        if not _NAME.match(name):
            findings.add(place_of(file), "fault.name", value=name)
            continue
        names.setdefault(name, file)
        if language == "de":
            german.add(name)
        text = files.read(folder, file, findings)
        sample = None if text is None else _sample(text, place_of(file).file, findings)
        if sample is not None:
            found[language, name] = sample
    for name in names.keys() - german:
        findings.add(place_of(f"samples/de/{name}.md"), "fault.sample_german", name=name)
    return found


def _sample(text: str, file: str, findings: Findings) -> Sample | None:
    """`# Title`, then the document."""
    heading, _, rest = text.strip("\n").partition("\n")
    title, body = heading.removeprefix(_HEADING).strip(), rest.strip("\n")
    if not heading.startswith(_HEADING) or not title:
        findings.add(Place(file), "fault.sample_title")
        return None
    if not body.strip():
        findings.add(Place(file), "fault.sample_empty")
        return None
    return Sample(title, body)
