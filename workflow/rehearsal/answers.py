"""What example people answer: something that fits, recognisable as an example."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Container, Mapping
from pathlib import Path
from random import Random

from workflow import documents
from workflow.definition import EvidenceField
from workflow.evidence import Choices, StoredFile

_MOST_LIKELY = 0.8
"""How often the first option of a choice is the answer."""

_PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj
4 0 obj<</Length 47>>stream
BT /F 24 Tf 72 720 Td (Beispiel - Example) Tj ET
endstream endobj
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""


def example_document(folder: Path) -> StoredFile:
    """The one file that every example answer with a document points to."""
    return documents.store(folder, io.BytesIO(_PDF), "beispiel.pdf")


_SAID = {
    "url": "https://www.beispiel.example/online-dienst",
    "email": "postfach@beispiel.example",
    "long_text": "Beispiel: wie besprochen.",
}


def answers(
    fields: Mapping[str, EvidenceField],
    dice: Random,
    today: dt.date,
    *,
    document: StoredFile,
    choices: Choices,
    waves: Mapping[str, dt.date],
    wanted: str | None = None,
) -> dict[str, str | StoredFile]:
    """Something for every required field, and for those a course depends on; `wanted` is chosen where it is offered."""
    given: dict[str, str | StoredFile] = {}
    for name, field in fields.items():
        answer = _answer(name, field, dice, today, document, choices, waves, wanted)
        if answer is not None and (field.required or field.type in ("wave", "date")):
            given[name] = answer
    return given


def _answer(
    name: str,
    field: EvidenceField,
    dice: Random,
    today: dt.date,
    document: StoredFile,
    choices: Choices,
    waves: Mapping[str, dt.date],
    wanted: str | None,
) -> str | StoredFile | None:
    match field.type:
        case "document":
            return document
        case "choice":
            return _choice(list(field.options), dice, wanted)
        case "register":
            return _entry(choices.registers.get(name, ()), dice)
        case "variant":
            return dice.choice(sorted(choices.variants)) if choices.variants else None
        case "wave":
            soon, late = today + dt.timedelta(days=45), today + dt.timedelta(days=150)
            coming = [key for key, stichtag in waves.items() if soon < stichtag < late and key in choices.waves]
            return coming[0] if coming else None
        case "date":
            if not field.required and not name.startswith("promised"):
                return None
            return (today + dt.timedelta(days=_days_ahead(name, dice))).isoformat()
        case "number":
            least, most = field.least or 1, field.most or 400
            return str(int(least + (most - least) * dice.random() ** 2))
        case "flag":
            return "true"
        case _:
            return _SAID.get(field.type) or f"Beispiel {dice.randrange(100, 1000)}"


def _entry(offered: Container[str], dice: Random) -> str | None:
    return dice.choice(sorted(offered)) if isinstance(offered, Mapping) and offered else None


def _days_ahead(name: str, dice: Random) -> int:
    if "valid" in name or "expir" in name:
        return dice.randrange(300, 1100)
    return dice.randrange(20, 60) if name.startswith("promised") else 0


def _choice(options: list[str], dice: Random, wanted: str | None) -> str:
    if wanted in options:
        return str(wanted)
    harmless = [option for option in options if option != "not_responsible"]
    return harmless[0] if dice.random() < _MOST_LIKELY else dice.choice(harmless)
