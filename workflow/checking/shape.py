"""Whether a file has the shape `definition` describes, with a place and a sentence for everything that has not."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from workflow.checking.faults import Findings, Place, listed, meant
from workflow.checking.tree import Node
from workflow.definition import GROUPS, MAIL_ADDRESS, PHONE_NUMBER, PROCESS, PROGRAMME, SERVICE, SHARED, WEB_ADDRESS

T = TypeVar("T")

_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    "process": PROCESS,
    "programme": PROGRAMME,
    "service": SERVICE,
    "prerequisites": SHARED,
    "groups": GROUPS,
}

_MISPLACED = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_ABOUT_FIELDS = _MISPLACED | {"missing"}

_SENTENCES = {
    "name": "fault.name",
    "key": "fault.key",
    "duration": "fault.duration",
    "period": "fault.period",
    "months": "fault.months",
    "string_type": "fault.not_text",
    "int_type": "fault.not_whole_number",
    "int_parsing": "fault.not_whole_number",
    "int_parsing_size": "fault.not_whole_number",
    "int_from_float": "fault.not_whole_number",
    "float_type": "fault.not_number",
    "float_parsing": "fault.not_number",
    "finite_number": "fault.not_number",
    "bool_type": "fault.not_flag",
    "bool_parsing": "fault.not_flag",
    "dataclass_type": "fault.not_mapping",
    "dict_type": "fault.not_mapping",
    "tuple_type": "fault.not_list",
    "list_type": "fault.not_list",
    "literal_error": "fault.not_one_of",
    "date_type": "fault.not_date",
    "date_parsing": "fault.not_date",
    "date_from_datetime_parsing": "fault.not_date",
    "date_from_datetime_inexact": "fault.not_date",
    "string_too_short": "fault.empty_text",
    "too_short": "fault.too_few",
    "greater_than_equal": "fault.too_small",
}
"""pydantic's type of error → the sentence about it; anything else gets `fault.shape`."""

_PATTERNS = {
    r"^\d\d:\d\d$": "fault.not_time",
    r"^\d\d-\d\d$": "fault.not_month_day",
    r"^\d{14}$": "fault.not_leika_key",
    r"^\d{5}$": "fault.not_ozg_key",
    MAIL_ADDRESS: "fault.not_mail_address",
    PHONE_NUMBER: "fault.not_phone_number",
    WEB_ADDRESS: "fault.not_web_address",
}

_QUOTED = re.compile(r"'([^']*)'")


def shaped(adapter: TypeAdapter[T], node: Node, findings: Findings) -> T | None:
    """The value the tree describes, or None and a fault for each thing in it that does not fit."""
    try:
        value = adapter.validate_python(node.plain())
    except ValidationError as error:
        _report(adapter, node, error.errors(include_url=False), findings)
        return None
    return None if node.has_broken() else value


def json_schemas() -> dict[str, dict[str, Any]]:
    """One JSON Schema for each kind of file, by the name of its `.json` file without the ending, for editors."""
    return {
        name: {"$schema": "https://json-schema.org/draft/2020-12/schema", **adapter.json_schema(by_alias=True)}
        for name, adapter in _ADAPTERS.items()
    }


def schema_files() -> dict[str, str]:
    """The same as the content of `definitions/schema/`, by file name."""
    return {
        f"{name}.json": json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        for name, schema in json_schemas().items()
    }


def _report(adapter: TypeAdapter[Any], root: Node, errors: Iterable[Any], findings: Findings) -> None:
    """One fault for each error, and one for all errors of a value that has several allowed forms."""
    forms: dict[tuple[Any, ...], tuple[Node, list[Any]]] = {}
    for error in errors:
        found = _follow(root, error["loc"])
        if found.broken:
            continue
        if found.rest and not (len(found.rest) == 1 and error["type"] in _ABOUT_FIELDS):
            forms.setdefault(found.path, (found.node, []))[1].append((str(found.rest[0]), error))
        elif error["type"] in _MISPLACED:
            _misplaced(adapter, found, findings)
        elif error["type"] == "missing":
            findings.add(found.label, "fault.missing", field=str(found.rest[0]))
        else:
            place = found.label if found.is_key else found.node.place
            _wrong_value(place, found.node, error, findings)
    for path, (node, tried) in forms.items():
        _no_form(path, node, tried, findings)


class _Found:
    """How far an error's location leads into the tree."""

    def __init__(self, root: Node) -> None:
        self.node = root
        self.label = root.place
        """Where the thing is named: its key, or for an element of a list its beginning."""
        self.path: tuple[Any, ...] = ()
        self.rest: tuple[Any, ...] = ()
        self.is_key = False
        self.broken = root.broken


def _follow(root: Node, loc: tuple[Any, ...]) -> _Found:
    found = _Found(root)
    for index, part in enumerate(loc):
        if part == "[key]":
            found.is_key = True
            break
        node = found.node
        if node.entries is not None and part in node.entries:
            found.label, found.node = node.keys[part], node.entries[part]
        elif node.elements is not None and isinstance(part, int) and part < len(node.elements):
            found.node = node.elements[part]
            found.label = found.node.place
        else:
            found.rest = loc[index:]
            break
        found.path += (part,)
        found.broken = found.broken or found.node.broken
    return found


def _misplaced(adapter: TypeAdapter[Any], found: _Found, findings: Findings) -> None:
    """A field nobody knows. The location leads to its value, so its name is the last step."""
    field = str(found.path[-1])
    known = _fields(adapter, found.path[:-1])
    near = meant(field, known)
    if near or not known:
        findings.add(found.label, "fault.unknown_field", field=field, meant=near)
    else:
        findings.add(found.label, "fault.unknown_field_of", field=field, known=listed(known, most=20))


def _wrong_value(place: Place, node: Node, error: Any, findings: Findings) -> None:
    kind, facts = error["type"], error.get("ctx") or {}
    written = "" if node.value is None else str(node.value)
    if node.value is None and node.entries is None and node.elements is None:
        findings.add(place, "fault.nothing")
    elif kind == "literal_error":
        known = _QUOTED.findall(str(facts.get("expected", "")))
        findings.add(place, "fault.not_one_of", value=written, known=listed(known), meant=meant(written, known))
    elif kind == "string_pattern_mismatch":
        findings.add(place, _PATTERNS.get(str(facts.get("pattern")), "fault.shape"), value=written)
    elif kind == "greater_than_equal":
        findings.add(place, "fault.too_small", least=facts.get("ge"))
    elif kind == "less_than_equal":
        findings.add(place, "fault.too_large", most=facts.get("le"))
    elif kind == "too_long":
        findings.add(place, "fault.too_many", most=facts.get("max_length"))
    else:
        findings.add(place, _SENTENCES.get(kind, "fault.shape"), value=written)


def _no_form(path: tuple[Any, ...], node: Node, tried: list[Any], findings: Findings) -> None:
    """A value that may be written in several ways and is written in none of them."""
    tags = {tag for tag, _ in tried}
    largest = [error["ctx"]["le"] for _, error in tried if error["type"] == "less_than_equal"]
    if largest:  # the right form, with too large a number in it
        findings.add(node.place, "fault.too_large", most=largest[0])
    elif "MilestoneRequirement" in tags:
        findings.add(node.place, "fault.requirement")
    elif "WorkingDays" in tags:
        form = "fault.due" if "Stichtag" in tags else "fault.period" if "Months" in tags else "fault.duration"
        findings.add(node.place, form)
    elif "only_if" in path:
        findings.add(node.place, "fault.condition_value")
    else:
        findings.add(node.place, "fault.shape", value="")


@functools.cache
def _schema(kind: str) -> dict[str, Any]:
    return _ADAPTERS[kind].json_schema(by_alias=True)


def _fields(adapter: TypeAdapter[Any], path: tuple[Any, ...]) -> tuple[str, ...]:
    """The fields that may stand where the path leads."""
    kind = next(name for name, known in _ADAPTERS.items() if known is adapter)
    root = _schema(kind)
    here = [_resolved(root, root)]
    for part in path:
        here = [step for schema in here for form in _forms(root, schema) for step in _step(form, part)]
    return tuple(field for schema in here for form in _forms(root, schema) for field in form.get("properties", {}))


def _forms(root: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives a schema allows, references resolved."""
    resolved = _resolved(root, schema)
    return (
        [form for choice in resolved["anyOf"] for form in _forms(root, choice)] if "anyOf" in resolved else [resolved]
    )


def _resolved(root: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return root["$defs"][reference.rpartition("/")[2]] if reference else schema


def _step(schema: dict[str, Any], part: Any) -> list[dict[str, Any]]:
    """Down one key or index."""
    if isinstance(part, int):
        inner = schema.get("items")
    else:
        inner = schema.get("properties", {}).get(part) or schema.get("additionalProperties")
    return [inner] if isinstance(inner, dict) else []
