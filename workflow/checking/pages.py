"""The pages every installation words for itself: one Markdown file per page and language."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from workflow.checking import files
from workflow.checking.faults import Findings, Place, place_of
from workflow.definition import Page
from workflow.texts import LANGUAGES

_TITLE = "# "


def read_pages(
    folder: Path, written: Iterable[tuple[str, str, str]], findings: Findings
) -> dict[tuple[str, str], Page]:
    """Every page that can be read, by (language, name); one that exists in one language exists in the other."""
    found: dict[tuple[str, str], Page] = {}
    written = tuple(written)
    for file, language, name in written:
        text = files.read(folder, file, findings)
        page = None if text is None else _page(text, place_of(file).file, findings)
        if page is not None:
            found[language, name] = page
        for other in LANGUAGES:
            if not any(entry[1:] == (other, name) for entry in written):
                findings.add(place_of(f"pages/{other}/{name}.md"), "fault.page_language", name=name)
    return found


def _page(text: str, file: str, findings: Findings) -> Page | None:
    """`# Title`, then Markdown in which no other heading is as large."""
    first, _, body = text.partition("\n")
    title = first.removeprefix(_TITLE).strip()
    fine = True
    if not first.startswith(_TITLE) or not title:
        findings.add(Place(file), "fault.page_title")
        fine = False
    if not body.strip():
        findings.add(Place(file), "fault.page_empty")
        fine = False
    for number, line in enumerate(body.split("\n"), start=2):
        if line.startswith(_TITLE):
            findings.add(Place(file, number), "fault.page_heading")
            fine = False
    return Page(title, body.strip()) if fine else None
