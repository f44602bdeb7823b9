"""Words in a person's language, kept in gettext files under stable keys.

Every door says the same thing in the same words: an error, a reason or an event is a key with facts, and `say` turns
it into a sentence. The files are read as they are written (`.po`); there is nothing to compile.
"""

from __future__ import annotations

import datetime as dt
import functools
import string
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from babel import dates, numbers
from babel.messages.pofile import read_po

if TYPE_CHECKING:  # what validates definitions takes longer to import than `startklar --help` may take at all
    from workflow.definition import Text

Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = ("de", "en")

_LOCALES = {"de": "de_DE", "en": "en_GB"}
_ZONE = dates.get_timezone("Europe/Berlin")
_folders: list[Path] = [Path(__file__).resolve().parent / "locale"]


class MissingText(KeyError):
    """A key no language file knows: a fault in the program, never in what a person did."""


@dataclass(frozen=True, slots=True)
class Key:
    """A fact that is itself a key, with facts of its own, and is said in the language of the sentence around it."""

    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def register(folder: Path) -> None:
    """Add the `<language>.po` files of another room. Later keys never replace earlier ones."""
    if folder not in _folders:
        _folders.append(folder)
        _entries.cache_clear()


def say(language: str, key: str, **facts: Any) -> str:
    """The sentence for `key`, filled with `facts`.

    Dates, instants and numbers are written as the language writes them, `Text` values and `{de, en}` titles are taken
    in the language. With a fact `n` the plural form is chosen. Raises MissingText for a key nobody has written.
    """
    entry = _entries(_known(language)).get(key)
    if entry is None:
        raise MissingText(f"{key} ({language})")
    pattern = entry if isinstance(entry, str) else entry[0 if facts.get("n") == 1 else 1]
    return _Filler(language).vformat(pattern, (), facts)


def knows(language: str, key: str) -> bool:
    """Whether `say` has words for this key."""
    return key in _entries(_known(language))


def title(language: str, text: Text | Mapping[str, str]) -> str:
    """A title from a definition in the person's language."""
    if isinstance(text, Mapping):
        return text.get(language) or text["de"]
    return text.en if language == "en" else text.de


def day(language: str, date: dt.date, *, today: dt.date | None = None) -> str:
    """`Do., 11. Juni`, with the year when it is not the year of `today`."""
    pattern = {"de": "EEE, d. MMMM", "en": "EEE d MMMM"}[_known(language)]
    if today is None or date.year != today.year:
        pattern += " y"
    return dates.format_date(date, pattern, locale=_LOCALES[_known(language)])


def moment(language: str, instant: dt.datetime) -> str:
    """`23.11.2026, 07:00` in Europe/Berlin; `instant` is aware."""
    pattern = {"de": "dd.MM.y, HH:mm", "en": "d MMM y, HH:mm"}[_known(language)]
    return dates.format_datetime(instant, pattern, tzinfo=_ZONE, locale=_LOCALES[_known(language)])


def keys(language: str) -> frozenset[str]:
    """Every key that has words, for the test that both languages are complete."""
    return frozenset(_entries(_known(language)))


def placeholders(language: str, key: str) -> frozenset[str]:
    """The facts a sentence names, for the test that both languages name the same."""
    entry = _entries(_known(language))[key]
    patterns = (entry,) if isinstance(entry, str) else entry
    return frozenset(name for pattern in patterns for _, name, _, _ in string.Formatter().parse(pattern) if name)


def _known(language: str) -> Language:
    return "en" if language == "en" else "de"


@functools.cache
def _entries(language: Language) -> dict[str, str | tuple[str, str]]:
    """All texts of a language: one form, or singular and plural."""
    found: dict[str, str | tuple[str, str]] = {}
    for folder in _folders:
        path = folder / f"{language}.po"
        if not path.exists():
            continue
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language, abort_invalid=True)
        for message in catalogue:
            if not message.id:
                continue
            words = message.string
            if isinstance(message.id, (tuple, list)):
                if isinstance(words, (tuple, list)) and all(words):
                    found.setdefault(message.id[0], (words[0], words[1]))
            elif isinstance(words, str) and words:
                found.setdefault(message.id, words)
    return found


class _Filler(string.Formatter):
    """Fills named placeholders; never looks into attributes or items of a fact."""

    def __init__(self, language: str) -> None:
        self.language = _known(language)

    def get_field(self, field_name: str, _args: Any, kwargs: Any) -> Any:
        return kwargs[field_name], field_name

    def format_field(self, value: Any, _spec: str) -> str:
        return _written(self.language, value)


def _written(language: Language, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Key):
        return say(language, value.key, **value.facts)
    if isinstance(value, Mapping) or (hasattr(value, "de") and hasattr(value, "en")):
        return title(language, value)
    if isinstance(value, dt.datetime):
        return moment(language, value)
    if isinstance(value, dt.date):
        return day(language, value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return numbers.format_decimal(value, locale=_LOCALES[language])
    if isinstance(value, (list, tuple)):
        return ", ".join(_written(language, item) for item in value)
    return "" if value is None else str(value)


def sort_key(name: str) -> str:
    """How German names sort (DIN 5007-1: ä as a, ß as ss), the same on every database."""
    folded = unicodedata.normalize("NFD", name.casefold())
    return "".join(character for character in folded if not unicodedata.combining(character))


def search_key(*names: str) -> str:
    """How names are kept to be searched in: folded, and once more with ae for ä where that makes a difference, so that
    Müller is found as mueller and as muller, Voß as voss."""
    folded, spelled = sort_key(" ".join(names)), _spelled_out(" ".join(names))
    return folded if folded == spelled else f"{folded} {spelled}"


def searched_words(text: str) -> tuple[tuple[str, ...], ...]:
    """The words of a search, each in the spellings of which one must stand in a `search_key`."""
    return tuple(tuple(dict.fromkeys((sort_key(word), _spelled_out(word)))) for word in text.split())


def _spelled_out(text: str) -> str:
    return sort_key(unicodedata.normalize("NFC", text.casefold()).translate(_UMLAUTS))


_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
