"""The words of a search, and where each of them may stand: in every list they are taken the same way."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import sqlalchemy as sa

from workflow.catalogue import Catalogue
from workflow.models import Body, Case
from workflow.texts import search_key, searched_words

MOST_TEXT, MOST_WORDS = 100, 6

_SHORT = {"vg": "verbandsgemeinde", "lk": "landkreis", "kfs": "kreisfreie stadt"}
"""How people shorten the kind of a body; search keys hold the whole word."""
_NUMBER = re.compile(r"([a-z][a-z0-9_]{0,79})-([0-9]{1,12})(?:-([0-9]{0,6}))?\Z")
"""The number of a case as far as it was typed: `wohngeld-07339-1`."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word in the spellings of which one must stand in a search key."""

    spellings: tuple[str, ...]

    def stands_in(self, key: str) -> bool:
        """Whether a search key holds the word."""
        return any(one in key for one in self.spellings)

    def in_key(self, column: sa.SQLColumnExpression[str]) -> sa.ColumnElement[bool]:
        """The same, said to the database of a column of search keys. Nothing typed is taken for a sign of its own."""
        return sa.or_(*(column.contains(one, autoescape=True) for one in self.spellings))

    def in_body(self) -> sa.ColumnElement[bool]:
        """A body is found by its search key, or by how its key begins."""
        written = self.in_key(Body.search_key)
        return sa.or_(written, Body.ars.startswith(self.spellings[0])) if self.is_digits else written

    def services(self, catalogue: Catalogue) -> tuple[str, ...]:
        """The services with the word in their title or key."""
        return tuple(
            key
            for key, service in catalogue.services.items()
            if self.stands_in(search_key(service.title.de, service.title.en, key))
        )

    def in_number(self) -> sa.ColumnElement[bool] | None:
        """The cases whose number begins like this; None where it is no beginning of a number. Asks cases and bodies."""
        if (found := _NUMBER.match(self.spellings[0])) is None:
            return None
        service, body, round_ = found.groups()
        begun = [Case.service == service, Body.ars.startswith(body)]
        return sa.and_(*begun, Case.round == int(round_)) if round_ else sa.and_(*begun)

    @property
    def is_digits(self) -> bool:
        """A key, or a postcode."""
        return self.spellings[0].isascii() and self.spellings[0].isdigit()


def clean(text: str) -> str:
    """What somebody typed to search for, without control characters and superfluous space."""
    printable = "".join(" " if unicodedata.category(character)[0] == "C" else character for character in text)
    return " ".join(unicodedata.normalize("NFC", printable).split())[:MOST_TEXT].strip()


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a search; each must be found somewhere."""
    found = searched_words(" ".join(clean(text).split()[:MOST_WORDS]))
    return tuple(Word(tuple(_SHORT.get(one, one) for one in spellings if one)) for spellings in found if any(spellings))
