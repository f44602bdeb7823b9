"""Refusals that are kept: told later, in any language, as if they had just been raised."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any
from uuid import UUID

from workflow import errors
from workflow.definition import Text, canonical
from workflow.errors import InvalidEvidence, RequirementsNotMet, StartklarError
from workflow.requirements import Reason

_TAGS = {"text", "date", "at", "id"}
"""What a value that JSON does not know is marked by: a mapping with one name, `$` and one of these."""


def kept(error: StartklarError) -> str:
    """The refusal as canonical JSON: its kind, its key, its facts, and what was wrong with what."""
    return canonical(
        {
            "kind": type(error).__name__,
            "key": error.key,
            "facts": _written(error.facts),
            "reasons": _written(error.reasons) if isinstance(error, RequirementsNotMet) else [],
            "faults": _written(error.faults) if isinstance(error, InvalidEvidence) else {},
        }
    )


def restored(written: str) -> StartklarError:
    """The refusal that was kept. One of a kind this program does not know says that it is unknown."""
    said = json.loads(written)
    kind = getattr(errors, said["kind"], StartklarError)
    error: StartklarError = kind.__new__(kind)
    StartklarError.__init__(error, **_read(said["facts"]))
    error.key = said["key"]
    if isinstance(error, RequirementsNotMet):
        error.reasons = tuple(Reason(**_read(reason)) for reason in said["reasons"])
    if isinstance(error, InvalidEvidence):
        error.faults = {name: (key, _read(facts)) for name, (key, facts) in said["faults"].items()}
    return error


def _written(value: Any) -> Any:
    match value:
        case Text():
            return {"$text": [value.de, value.en]}
        case dt.datetime():
            return {"$at": value.isoformat()}
        case dt.date():
            return {"$date": value.isoformat()}
        case UUID():
            return {"$id": value.hex}
        case Mapping():
            return {str(name): _written(inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_written(inner) for inner in value]
        case str() | bool() | int() | float() | None:
            return value
        case _ if is_dataclass(value):
            return {field.name: _written(getattr(value, field.name)) for field in fields(value)}
        case _:
            return str(value)


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_read(inner) for inner in value)
    if not isinstance(value, dict):
        return value
    name = next(iter(value), "")
    if len(value) != 1 or name.removeprefix("$") not in _TAGS or not name.startswith("$"):
        return {name: _read(inner) for name, inner in value.items()}
    inner = value[name]
    match name:
        case "$text":
            return Text(*inner)
        case "$at":
            return dt.datetime.fromisoformat(inner)
        case "$date":
            return dt.date.fromisoformat(inner)
        case _:
            return UUID(inner)
