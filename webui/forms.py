"""What a form sends back: the version its page showed, what was typed, uploaded files; and faults in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flask import request

from webui import deeds, session, wording
from webui.session import TOKEN_FIELD
from workflow import documents
from workflow.definition import EvidenceField, Text
from workflow.errors import InvalidDocument
from workflow.evidence import StoredFile

PREFIX = "answer-"
"""Before the name of a field that a definition asks for, so that it never meets a name of ours."""

_OURS = frozenset({"seen", "as_of", "back", "undo", TOKEN_FIELD, deeds.FIELD, deeds.DRAFT})

MOST_KEPT = 6000
"""Characters of one typed text that a page shows again."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers as a deed takes them, and what was wrong with the files among them: field → sentence."""

    given: dict[str, str | StoredFile | None]
    faults: dict[str, str] = field(default_factory=dict)


def seen(name: str = "seen") -> int:
    """The version the page showed that the form stood on; one that never was when the form does not say."""
    written = request.form.get(name, "")
    return int(written) if written.isascii() and written.isdecimal() and len(written) < 10 else -1


def as_of() -> int | None:
    """The last entry of history that the page showed, if the form says so."""
    found = seen("as_of")
    return found if found >= 0 else None


def text(name: str) -> str:
    """What was typed into a field."""
    return request.form.get(name, "")


def chosen(name: str) -> UUID | None:
    """The id that was chosen, if it is one."""
    return request.form.get(name, type=UUID)


def typed() -> dict[str, str]:
    """Everything that was typed, by the name of its input, for showing it once more."""
    return {name: value[:MOST_KEPT] for name, value in request.form.items() if name not in _OURS and value}


def written() -> tuple[str, ...]:
    """Whatever was written in words, for a page on which its form is not: nobody has to write it again.

    Passwords may have words too; doors that ask for one give nothing.
    """
    if request.method != "POST" or request.blueprint in ("sign_in", "account", "access"):
        return ()
    return tuple(value for value in typed().values() if " " in value.strip())


def answers(fields: Mapping[str, EvidenceField]) -> Answers:
    """The answers to these fields. Uploads are written to disk here, before any transaction begins.

    A file that cannot be kept is handed on as its bare name: no name is a file, so that the deed is refused together
    with whatever else is wrong.
    """
    given: dict[str, str | StoredFile | None] = {
        name.removeprefix(PREFIX): value for name, value in request.form.items() if name.startswith(PREFIX)
    }
    faults: dict[str, str] = {}
    for name in fields:
        upload = request.files.get(PREFIX + name)
        if upload is None or not upload.filename:
            continue
        try:
            given[name] = documents.store(session.door().settings.documents, upload.stream, upload.filename)
        except InvalidDocument as error:
            given[name] = upload.filename
            faults[name] = wording.t(error.key, **error.facts)
    return Answers(given, faults)


def worded(
    faults: Mapping[str, tuple[str, Mapping[str, Any]]], *, prefix: str = PREFIX, known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Faults of a deed as sentences, by the name of the input; `known` ones take the place of the deed's."""
    return {prefix + name: (known or {}).get(name) or wording.t(key, **facts) for name, (key, facts) in faults.items()}


def summary(faults: Mapping[str, str], titles: Mapping[str, Text | str]) -> list[tuple[str, str]]:
    """Faults for the head of a page, each with the title of its field: [(input, sentence), …]."""
    return [
        (name, f"{wording.title(titles[name])}: {words}" if name in titles else words) for name, words in faults.items()
    ]
