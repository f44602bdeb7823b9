"""Answers: what people give to the fields a definition asks for, read, checked and kept in revisions."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from workflow import secrecy
from workflow.definition import EvidenceField, Text
from workflow.errors import InvalidEvidence

MOST_TEXT = 500
MOST_LONG_TEXT = 5000

Value = str | float | bool | dt.date


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An uploaded file that is already on disk under its SHA-256, but not yet part of any case."""

    sha256: str
    name: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it stands in the database."""

    field: str
    source: str
    type: str
    value: Value | None
    document_id: UUID | None
    attempt: int
    revision: int
    document_name: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer: a value, a file, or `kept`, a document given earlier that stands; none of them: taken back."""

    field: str
    type: str
    value: Value | None = None
    file: StoredFile | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Choices:
    """What fields of type variant, wave and register offer in this case; registers by the name of the field."""

    variants: frozenset[str] = frozenset()
    waves: frozenset[str] = frozenset()
    registers: Mapping[str, Container[str]] = field(default_factory=dict)


Given = Mapping[str, str | StoredFile | None]
NOTHING: Given = {}

REASON = EvidenceField(type="long_text", title=Text(de="Begründung", en="Reason"))
"""What deeds ask for that change somebody else's plan."""

NOTE = EvidenceField(type="long_text", title=Text(de="Notiz", en="Note"), required=False)
"""What somebody may add when a task goes to a colleague."""

SIGNED = {
    "signed_document": EvidenceField(
        type="document",
        title=Text(de="Unterzeichnetes Dokument", en="Signed document"),
        help=Text(
            de="Sie tragen dies für die Leitung der Kommune ein. Bitte laden Sie das unterzeichnete Dokument hoch.",
            en="You record this on behalf of the head of the municipality. Please upload the signed document.",
        ),
        accept=("pdf", "png", "jpg"),
    )
}
"""Asked for in addition when a team records what only the Leitung of a body may decide."""


def read(
    fields: Mapping[str, EvidenceField],
    given: Given,
    *,
    choices: Choices = Choices(),
    earlier: Mapping[str, Kept] | None = None,
) -> tuple[Answer, ...]:
    """The answers to `fields` in the order of the definition.

    Dates are written `tt.mm.jjjj` or `jjjj-mm-tt`, numbers with comma or point. A document given in an earlier attempt
    stands until another is given. Raises InvalidEvidence with every fault at once, and for fields nobody asked for.
    """
    faults: dict[str, tuple[str, dict[str, Any]]] = {
        name: ("evidence.unknown_field", {"field": name}) for name in given if name not in fields
    }
    answers: list[Answer] = []
    earlier = earlier or {}
    for name, asked in fields.items():
        try:
            answer = _read(name, asked, given.get(name), choices, earlier.get(name))
        except _Fault as fault:
            faults[name] = (fault.key, {"title": asked.title, **fault.facts})
            continue
        if answer is not None:
            answers.append(answer)
        elif asked.required:
            faults[name] = ("evidence.missing", {"title": asked.title})
        elif name in earlier and earlier[name].value is not None:
            answers.append(Answer(name, asked.type))
    if faults:
        raise InvalidEvidence(faults)
    return tuple(answers)


def reason_of(text: str) -> str:
    """A reason as it is kept. Raises InvalidEvidence when there is none, or it is too long."""
    (answer,) = read({"reason": REASON}, {"reason": text})
    return str(answer.value)


def day_of(text: str) -> dt.date:
    """A day as people write it. Raises InvalidEvidence under the name `on` when there is none."""
    (answer,) = read({"on": EvidenceField(type="date", title=Text(de="Tag", en="Day"))}, {"on": text})
    if not isinstance(answer.value, dt.date):
        raise TypeError(answer.value)
    return answer.value


def columns(answer: Answer) -> dict[str, Any]:
    """The typed columns of an answer: exactly one is filled."""
    filled: dict[str, Any] = {"text_value": None, "number_value": None, "date_value": None}
    value = answer.value
    if isinstance(value, bool):
        filled["text_value"] = "true" if value else "false"
    elif isinstance(value, dt.date):
        filled["date_value"] = value
    elif isinstance(value, (int, float)):
        filled["number_value"] = float(value)
    elif value is not None:
        filled["text_value"] = value
    return filled


def value_of(type_: str, text: str | None, number: float | None, date: dt.date | None) -> Value | None:
    """The value behind the typed columns of an answer."""
    if type_ == "flag":
        return None if text is None else text == "true"
    if date is not None:
        return date
    return number if number is not None else text


def committed(answer: Answer, sha256: str | None = None) -> str:
    """The form of an answer that its commitment covers; `sha256` is that of a file which is not at hand itself."""
    if answer.file is not None or sha256 is not None:
        return f"sha256:{answer.file.sha256 if answer.file is not None else sha256}"
    value = "" if answer.value is None else answer.value
    return value.isoformat() if isinstance(value, dt.date) else str(value)


class _Fault(Exception):
    def __init__(self, key: str, **facts: Any) -> None:
        super().__init__(key)
        self.key = key
        self.facts = facts


def _read(name: str, field: EvidenceField, given: Any, choices: Choices, earlier: Kept | None) -> Answer | None:
    if field.type == "document":
        return _document(name, field, given, earlier)
    if isinstance(given, StoredFile):
        raise _Fault("evidence.not_a_file")
    text = _clean(given)
    if field.type == "flag":
        return _flag(name, field, text)
    if not text:
        return None
    if field.type in ("text", "long_text", "url") and (secret := secrecy.found(text)):
        raise _Fault(f"evidence.secret_{secret}")
    if field.type == "register":
        if text not in choices.registers.get(name, ()):
            raise _Fault("evidence.not_an_option")
        return Answer(name, field.type, text)
    return Answer(name, field.type, _READERS[field.type](field, text, choices))


def _clean(given: str | None) -> str:
    """Text in one Unicode form, with plain line ends and without control characters."""
    text = unicodedata.normalize("NFC", given or "").replace("\r\n", "\n").replace("\r", "\n").strip()
    if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in text):
        raise _Fault("evidence.control_characters")
    if _REORDERING.search(text):
        raise _Fault("evidence.control_characters")
    return text


_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that make text read in another order than it is kept in."""


def _document(name: str, field: EvidenceField, given: Any, earlier: Kept | None) -> Answer | None:
    if isinstance(given, StoredFile):
        kind = given.name.rpartition(".")[2].lower()
        if field.accept and kind.replace("jpeg", "jpg") not in field.accept:
            raise _Fault("evidence.file_kind", kinds=", ".join(field.accept))
        return Answer(name, "document", file=given)
    if given:
        raise _Fault("evidence.not_a_file")
    return Answer(name, "document", kept=True) if earlier is not None else None


def _flag(name: str, field: EvidenceField, text: str) -> Answer | None:
    if text not in ("", "true", "false", "on"):
        raise _Fault("evidence.not_an_option")
    ticked = text in ("true", "on")
    if field.required and not ticked:
        return None
    return Answer(name, "flag", ticked)


def _text(_field: EvidenceField, text: str, _choices: Choices) -> Value:
    if "\n" in text:
        raise _Fault("evidence.one_line")
    if len(text) > MOST_TEXT:
        raise _Fault("evidence.too_long", most=MOST_TEXT)
    return text


def _long_text(_field: EvidenceField, text: str, _choices: Choices) -> Value:
    if len(text) > MOST_LONG_TEXT:
        raise _Fault("evidence.too_long", most=MOST_LONG_TEXT)
    return text


def _choice(field: EvidenceField, text: str, _choices: Choices) -> Value:
    if text not in field.options:
        raise _Fault("evidence.not_an_option")
    return text


def _variant(_field: EvidenceField, text: str, choices: Choices) -> Value:
    if text not in choices.variants:
        raise _Fault("evidence.not_an_option")
    return text


def _wave(_field: EvidenceField, text: str, choices: Choices) -> Value:
    if text not in choices.waves:
        raise _Fault("evidence.not_an_option")
    return text


_GERMAN_DATE = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2})\Z")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})\Z")


def _date(_field: EvidenceField, text: str, _choices: Choices) -> Value:
    german, iso = _GERMAN_DATE.match(text), _ISO_DATE.match(text)
    try:
        if german:
            year = int(german[3])
            # Two digits mean this century: every date here is one of the programme.
            date = dt.date(year + 2000 if len(german[3]) == 2 else year, int(german[2]), int(german[1]))
        elif iso:
            date = dt.date(int(iso[1]), int(iso[2]), int(iso[3]))
        else:
            raise _Fault("evidence.not_a_date")
    except ValueError as error:
        raise _Fault("evidence.no_such_day") from error
    if not 1990 <= date.year <= 2100:
        raise _Fault("evidence.no_such_day")
    return date


_NUMBER = re.compile(r"-?\d{1,3}(?:\.\d{3})+(?:,\d+)?\Z|-?\d{1,12}(?:[.,]\d{1,6})?\Z")


def _number(field: EvidenceField, text: str, _choices: Choices) -> Value:
    if not _NUMBER.match(text):
        raise _Fault("evidence.not_a_number")
    grouped = re.match(r"-?\d{1,3}(?:\.\d{3})+(?:,\d+)?\Z", text)
    value = float(text.replace(".", "").replace(",", ".") if grouped else text.replace(",", "."))
    if field.least is not None and value < field.least:
        raise _Fault("evidence.too_small", least=field.least)
    if field.most is not None and value > field.most:
        raise _Fault("evidence.too_large", most=field.most)
    return value


def _url(_field: EvidenceField, text: str, _choices: Choices) -> Value:
    if len(text) > 2000 or any(character.isspace() for character in text):
        raise _Fault("evidence.not_a_url")
    try:
        parts = urlsplit(text)
        named = parts.hostname
    except ValueError as error:
        raise _Fault("evidence.not_a_url") from error
    if parts.scheme not in ("http", "https") or not named or "." not in named or parts.username or parts.password:
        raise _Fault("evidence.not_a_url")
    return text


EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\Z")


def _email(_field: EvidenceField, text: str, _choices: Choices) -> Value:
    if len(text) > 254 or not EMAIL.match(text):
        raise _Fault("evidence.not_an_email")
    return text


_READERS = {
    "text": _text,
    "long_text": _long_text,
    "choice": _choice,
    "date": _date,
    "number": _number,
    "url": _url,
    "email": _email,
    "variant": _variant,
    "wave": _wave,
}
