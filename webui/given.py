"""What a form of evidence fields gave: words as typed, files already on disk, faults in the person's language.

Files are stored before the deed's transaction opens (`workflow.documents`); one that no deed names is swept later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import request

from webui import session, wording
from workflow import documents
from workflow.definition import EvidenceField
from workflow.errors import InvalidDocument, InvalidEvidence
from workflow.evidence import StoredFile


@dataclass(slots=True)
class Filled:
    """A form as it came in. `values` goes to the deed, `typed` back into the fields, `faults` beside them."""

    values: dict[str, str | StoredFile] = field(default_factory=dict)
    typed: dict[str, str | bool] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def add(self, error: InvalidEvidence) -> None:
        """Put what the deed found beside the fields; what is known already stays."""
        for name, (key, facts) in error.faults.items():
            self.faults.setdefault(name, wording.t(key, **facts))


def filled(fields: Mapping[str, EvidenceField]) -> Filled:
    """The form of this request, for these fields only. A file nobody accepts is a fault of its field."""
    form = Filled()
    for name, asked in fields.items():
        if asked.type == "document":
            _file(form, name)
        elif asked.type == "flag":
            form.typed[name] = name in request.form
            form.values[name] = "true" if form.typed[name] else "false"
        else:
            typed = request.form.get(name, "")
            form.typed[name] = form.values[name] = typed
    return form


def seen() -> int | None:
    """The version of what the person was looking at; -1, which nothing has, when the form says something else."""
    said = request.form.get("seen", "")
    if not said:
        return None
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else -1


def _file(form: Filled, name: str) -> None:
    upload = request.files.get(name)
    if upload is None or not upload.filename:
        return
    try:
        form.values[name] = documents.store(session.door().settings.documents, upload.stream, upload.filename)
    except InvalidDocument as error:
        form.faults[name] = wording.t(error.key, **error.facts)
