"""YAML as plain data in which every key and value knows its place. Nothing a file says is ever executed.

The reader takes the events of ruamel.yaml and builds the tree itself: aliases and tags are refused where they stand,
so that neither a bomb nor an object can come of them; depth and number of values are bounded; and all faults of a file
are found, not only the first.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from workflow.checking.faults import Findings, Place, printable
from workflow.checking.files import has_invisible

DEEPEST = 30
MOST_VALUES = 50_000

Scalar = str | int | float | bool | dt.date | None

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it begins. `broken`: a fault was reported, so nothing more is said about it."""

    place: Place
    value: Scalar = None
    entries: Mapping[str, Node] | None = None
    keys: Mapping[str, Place] = field(default_factory=dict)
    elements: tuple[Node, ...] | None = None
    broken: bool = False

    def get(self, key: str) -> Node | None:
        """What stands under this key, if this is a mapping that has it."""
        return None if self.entries is None else self.entries.get(key)

    def items(self) -> Iterator[tuple[str, Place, Node]]:
        """(key, place of the key, value) of a mapping in the order of the file; of anything else: nothing."""
        for key, node in (self.entries or {}).items():
            yield key, self.keys[key], node

    def each(self, key: str) -> Iterator[tuple[str, Place, Node]]:
        """The items of the mapping under this key."""
        node = self.get(key)
        if node is not None:
            yield from node.items()

    def members(self, key: str) -> tuple[Node, ...]:
        """The elements of the list under this key. A single word counts as a list that lost its brackets."""
        node = self.get(key)
        if node is None:
            return ()
        return (node,) if node.word else node.elements or ()

    def text(self, key: str) -> str | None:
        """The text under this key, if it is text."""
        node = self.get(key)
        return node.word if node is not None else None

    @property
    def word(self) -> str | None:
        """The value, if it is text."""
        return self.value.strip() if isinstance(self.value, str) else None

    def has_broken(self) -> bool:
        """Whether a fault was reported in here."""
        children = (*(self.entries or {}).values(), *(self.elements or ()))
        return self.broken or any(child.has_broken() for child in children)

    def plain(self) -> Any:
        """The value as Python data."""
        if self.entries is not None:
            return {key: node.plain() for key, node in self.entries.items()}
        if self.elements is not None:
            return [node.plain() for node in self.elements]
        return self.value


def parse(text: str, file: str, findings: Findings) -> Node | None:
    """The tree of one YAML 1.2 document. None, and a fault, when it is no YAML, holds nothing or is out of bounds."""
    reader = _Reader(file, findings)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            if not reader.take(event):
                return None
    except MarkedYAMLError as error:
        key = _worded(str(error.problem or ""))
        mark = error.problem_mark or error.context_mark
        if key in ("fault.yaml_quote", "fault.yaml_colon_missing"):  # noticed later than made
            mark = error.context_mark or mark
        findings.add(Place(file, mark.line + 1, mark.column + 1) if mark else reader.place, key)
        return None
    except (YAMLError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, AssertionError):
        # Some broken escapes and directives leave the scanner with an error of its inside instead of its own.
        findings.add(reader.place, "fault.yaml")
        return None
    if reader.root is None:
        findings.add(Place(file), "fault.empty_file")
    return reader.root


_PROBLEMS = (
    ("'\\t'", "fault.yaml_tab"),
    ("mapping values are not allowed", "fault.yaml_colon"),
    ("could not find expected ':'", "fault.yaml_colon_missing"),
    ("cannot start any token", "fault.yaml_token"),
    ("found unexpected end of stream", "fault.yaml_quote"),
    ("found unknown escape character", "fault.yaml_escape"),
    ("expected ',' or", "fault.yaml_bracket"),
    ("expected <block end>", "fault.yaml_indentation"),
)


def _worded(problem: str) -> str:
    """The sentence for what the scanner found, as far as authors meet it."""
    return next((key for part, key in _PROBLEMS if part in problem), "fault.yaml")


@dataclass(slots=True)
class _Open:
    """A collection that has begun and not ended."""

    place: Place
    is_mapping: bool
    broken: bool
    key: str | None = None
    key_place: Place | None = None
    skip_value: bool = False
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    elements: list[Node] = field(default_factory=list)

    @property
    def awaits_key(self) -> bool:
        return self.is_mapping and self.key is None and not self.skip_value

    def closed(self) -> Node:
        if self.is_mapping:
            return Node(self.place, entries=self.entries, keys=self.keys, broken=self.broken)
        return Node(self.place, elements=tuple(self.elements), broken=self.broken)


class _Reader:
    """Turns events into nodes."""

    def __init__(self, file: str, findings: Findings) -> None:
        self.root: Node | None = None
        self.place = Place(file)
        self._findings = findings
        self._open: list[_Open] = []
        self._values = 0
        self._documents = 0

    def take(self, event: Any) -> bool:
        """Build on; False when the file is out of bounds and the rest is not worth reading."""
        self.place = Place(self.place.file, event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, events.DocumentStartEvent):
            return self._document(event)
        if isinstance(event, (events.MappingEndEvent, events.SequenceEndEvent)):
            self._put(self._open.pop().closed())
        elif isinstance(event, events.NodeEvent):
            self._values += 1
            if self._values > MOST_VALUES:
                self._findings.add(self.place, "fault.too_many_values", most=MOST_VALUES)
                return False
            return self._node(event)
        return True

    def _document(self, event: Any) -> bool:
        self._documents += 1
        if self._documents > 1:
            self._findings.add(self.place, "fault.second_document")
            return False
        if event.version not in (None, (1, 2)) or event.tags:
            self._findings.add(self.place, "fault.directive")
            return False
        return True

    def _node(self, event: Any) -> bool:
        broken = self._refused(event)
        if isinstance(event, (events.MappingStartEvent, events.SequenceStartEvent)):
            if len(self._open) == DEEPEST:
                self._findings.add(self.place, "fault.too_deep", most=DEEPEST)
                return False
            self._open.append(_Open(self.place, isinstance(event, events.MappingStartEvent), broken))
        elif self._open and self._open[-1].awaits_key and isinstance(event, events.ScalarEvent) and not broken:
            self._key(event)
        else:
            value, wrong = (None, True) if broken else self._scalar(event)
            self._put(Node(self.place, value, broken=wrong))
        return True

    def _refused(self, event: Any) -> bool:
        """Aliases, anchors and tags; each is one fault, and reading goes on."""
        if event.anchor is not None:
            self._findings.add(self.place, "fault.alias", name=str(event.anchor))
        elif getattr(event, "tag", None) is not None:
            self._findings.add(self.place, "fault.tag", tag=str(event.tag).replace("tag:yaml.org,2002:", "!!"))
        else:
            return False
        return True

    def _key(self, event: Any) -> None:
        inside = self._open[-1]
        key, plain = event.value, event.implicit[0]
        if plain and (key in _NULL or key in _FLAGS):
            self._findings.add(self.place, "fault.key_not_text", field=key)
            inside.skip_value = True
        elif has_invisible(key):
            self._findings.add(self.place, "fault.escaped_character")
            inside.skip_value = True
        elif key in inside.keys:
            first = inside.keys[key].line
            self._findings.add(self.place, "fault.duplicate_key", field=key, first=str(first))
            inside.skip_value = True
        else:
            inside.key, inside.key_place = key, self.place

    def _put(self, node: Node) -> None:
        """Where a finished value belongs."""
        if not self._open:
            self.root = node
            return
        inside = self._open[-1]
        if inside.awaits_key:  # a list or mapping as a key, or a refused one
            if not node.broken:
                self._findings.add(node.place, "fault.key_not_text", field="")
            inside.skip_value = True
        elif inside.skip_value:
            inside.skip_value = False
        elif inside.is_mapping and inside.key is not None and inside.key_place is not None:
            inside.entries[inside.key] = node
            inside.keys[inside.key] = inside.key_place
            inside.key = None
        else:
            inside.elements.append(node)

    def _scalar(self, event: Any) -> tuple[Scalar, bool]:
        """(value, whether it was refused), by the core schema of YAML 1.2 and plain dates."""
        value: str = event.value
        if has_invisible(value):
            self._findings.add(self.place, "fault.escaped_character")
            return None, True
        if not event.implicit[0]:
            return value, False
        if value in _NULL:
            return None, False
        if value in _FLAGS:
            return _FLAGS[value], False
        if _WHOLE.match(value) or _DECIMAL.match(value) or _BASED.match(value) or _ENDLESS.match(value):
            return self._number(value)
        if _DATE.match(value):
            return self._date(value)
        return value, False

    def _number(self, value: str) -> tuple[Scalar, bool]:
        if len(value) > 18 or _ENDLESS.match(value):
            self._findings.add(self.place, "fault.number_out_of_bounds", value=printable(value))
            return None, True
        if _WHOLE.match(value):
            return int(value), False
        if _BASED.match(value):
            return int(value, 0), False
        number = float(value)
        if number in (float("inf"), float("-inf")):
            self._findings.add(self.place, "fault.number_out_of_bounds", value=printable(value))
            return None, True
        return number, False

    def _date(self, value: str) -> tuple[Scalar, bool]:
        try:
            return dt.date.fromisoformat(value), False
        except ValueError:
            self._findings.add(self.place, "fault.no_such_date", value=value)
            return None, True
