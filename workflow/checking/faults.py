"""What is wrong in a folder of definitions, and where."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflow import texts

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A character in a file of the folder; lines and columns count from 1."""

    file: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing an author has to put right. `key` names the sentence, `facts` fill it.

    The fact `meant`, where there is one, is what the author probably wanted to write.
    """

    file: str
    line: int
    column: int
    key: str
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def sentence(self, language: str) -> str:
        """What is wrong, in words."""
        words = texts.say(language, self.key, **self.facts)
        if self.facts.get("meant"):
            words += " " + texts.say(language, "fault.did_you_mean", meant=self.facts["meant"])
        return words

    def line_in(self, language: str) -> str:
        """`file:line:column: message`, the way editors and terminals jump to it."""
        return f"{self.file}:{self.line}:{self.column}: {self.sentence(language)}"

    def __str__(self) -> str:
        return self.line_in("en")


class Findings:
    """Faults as they are found, in any order."""

    def __init__(self) -> None:
        self._found: list[Fault] = []

    def add(self, place: Place, key: str, **facts: Any) -> None:
        """Note one fault. Text among the facts is shortened and made printable; `meant` may be None."""
        said = {name: printable(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        self._found.append(Fault(place.file, place.line, place.column, key, said))

    def sorted(self) -> tuple[Fault, ...]:
        """Every fault once, by file, line and column."""
        found: list[Fault] = []
        for fault in sorted(self._found, key=lambda fault: (fault.file, fault.line, fault.column, fault.key)):
            if fault not in found[-3:]:
                found.append(fault)
        return tuple(found)


def printable(text: str, *, longest: int = _LONGEST) -> str:
    """The text on one line, short, and without anything a terminal or a file could choke on."""
    line = " ".join(text[: 4 * longest].split())
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def place_of(file: str) -> Place:
    """The beginning of a file, whatever its name is made of."""
    return Place(printable(file, longest=250))


def meant(written: str, known: Collection[str]) -> str | None:
    """The known name that was probably meant, if one is near."""
    if len(written) > _LONGEST or len(known) > 5000:
        return None
    tails = [name for name in known if name.rpartition(".")[2] == written]
    near = tails or difflib.get_close_matches(written, sorted(known), n=1, cutoff=0.6)
    return near[0] if near else None


def listed(names: Iterable[str], *, most: int = 12) -> tuple[str, ...]:
    """Names for a sentence: all of them, or the first ones and a mark that there are more."""
    shown = tuple(printable(name) for name in itertools.islice(names, most + 1))
    return shown if len(shown) <= most else (*shown[:most], "…")
