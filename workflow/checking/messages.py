"""The mails: one text file per message and language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workflow.checking import files
from workflow.checking.faults import Findings, Place, listed, meant, place_of
from workflow.definition import MESSAGES, PLACEHOLDERS
from workflow.texts import LANGUAGES

_SUBJECT = "Subject:"
_BRACES = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Message:
    """What a mail says, with placeholders in braces as `str.format` fills them; `{{` and `}}` are braces."""

    subject: str
    paragraphs: tuple[str, ...]


def read_messages(
    folder: Path, written: Iterable[tuple[str, str, str]], findings: Findings
) -> dict[tuple[str, str], Message]:
    """Every message that can be read, by (language, name); each must exist in both languages."""
    found: dict[tuple[str, str], Message] = {}
    names: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for file, language, name in written:
        names[language].add(name)
        if not _NAME.match(name):
            findings.add(place_of(file), "fault.name", value=name)
            continue
        text = files.read(folder, file, findings)
        message = None if text is None else _message(text, place_of(file).file, findings)
        if message is not None:
            found[language, name] = message
    _check_complete(names, findings)
    return found


def _check_complete(names: Mapping[str, set[str]], findings: Findings) -> None:
    """What exists in one language exists in the other, and what the engine itself sends exists at all."""
    everywhere = set(MESSAGES).union(*names.values())
    for language, here in names.items():
        for name in sorted(everywhere - here):
            elsewhere = any(name in others for others in names.values())
            key = "fault.message_language" if elsewhere else "fault.message_missing"
            findings.add(place_of(f"messages/{language}/{name}.txt"), key, name=name)


def _message(text: str, file: str, findings: Findings) -> Message | None:
    """`Subject: …`, an empty line, paragraphs."""
    lines = text.split("\n")
    subject = lines[0].removeprefix(_SUBJECT).strip()
    fine = True
    if not lines[0].startswith(_SUBJECT) or not subject:
        findings.add(Place(file), "fault.message_subject")
        fine = False
    if len(lines) < 2 or lines[1].strip():
        findings.add(Place(file, min(2, len(lines))), "fault.message_gap")
        fine = False
    body = "\n".join(line.rstrip() for line in lines[2:]).strip("\n")
    if not body.strip():
        findings.add(Place(file), "fault.message_empty")
        fine = False
    for number, line in enumerate(lines, start=1):
        fine = _has_fair_braces(line, Place(file, number), findings) and fine
    return Message(subject, tuple(part.strip("\n") for part in re.split(r"\n{2,}", body))) if fine else None


def _has_fair_braces(line: str, place: Place, findings: Findings) -> bool:
    """Only placeholders that exist stand in braces, and no brace stands alone."""
    fine = True
    for match in _BRACES.finditer(line):
        here = Place(place.file, place.line, match.start() + 1)
        if match[0] in ("{{", "}}") or match[1] in PLACEHOLDERS:
            continue
        fine = False
        if match[1] is None:
            findings.add(here, "fault.message_brace")
        else:
            near = meant(match[1], PLACEHOLDERS)
            findings.add(here, "fault.message_placeholder", name=match[1], known=listed(PLACEHOLDERS), meant=near)
    return fine
