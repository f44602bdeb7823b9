"""What a mail looks like: a letter as a value becomes careful plain text and HTML that fits a phone.

These are the only templates in `workflow`. A mail is no web page: it is written by the scheduler as well as by a tick
at the command line, long before anybody opens a browser, and must be the same whoever wrote it. Styles are inlined,
nothing is loaded from anywhere, and every text and value is escaped.
"""

from __future__ import annotations

import datetime as dt
import functools
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import jinja2

from workflow import texts

if TYPE_CHECKING:
    import css_inline

Urgency = Literal["overdue", "today", "soon", "new", "later", "news"]
URGENCIES: tuple[Urgency, ...] = ("overdue", "today", "soon", "new", "later", "news")
"""How much something presses, the most first; `news` asks for nothing."""

_FOLDER = Path(__file__).resolve().parent / "mail"
_WIDE = 72


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, line by line; or facts, each with what it is called."""

    lines: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a digest: what, how much it presses, and in words until when."""

    urgency: Urgency
    title: str
    about: str
    when: str


@dataclass(frozen=True, slots=True)
class Group:
    """What concerns one body, or several alike, the most urgent first."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail before it has a form: about one thing (passages) or several (groups), with one link either way."""

    language: str
    subject: str
    day: dt.date
    urgency: Urgency
    headline: str
    """How much it presses, in words; stands first."""
    title: str
    passages: tuple[Passage, ...]
    groups: tuple[Group, ...]
    more: str
    """How many things are left out, in words; empty when none are."""
    button: str
    link: str
    note: str
    """Why this person gets it; empty when unknown."""
    for_body: bool = False
    """Whoever reads it works for a body: there is a team that answers questions."""
    example: bool = False
    """What it tells is an example."""
    link_note: str = ""
    """What the link is good for, and until when; empty when it leads to a page one signs in for."""


def html(letter: Letter) -> str:
    """The letter as an HTML document with inlined styles."""
    words = {
        "day": _day(letter),
        "footer": _footer(letter),
        "link_words": texts.say(letter.language, "mail.link"),
    }
    template, inliner = _stationery()
    return inliner.inline(template.render(letter=letter, **words))


def plain(letter: Letter) -> str:
    """The letter as plain text, wrapped; the link stands on a line of its own."""
    return "\n".join(_lines(letter)) + "\n"


@functools.cache
def _stationery() -> tuple[jinja2.Template, css_inline.CSSInliner]:
    """Template and inliner, made once; the style sheet goes into every document before it is inlined."""
    import css_inline  # large, and of use only where mails are written

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    inliner = css_inline.CSSInliner(
        load_remote_stylesheets=False, extra_css=(_FOLDER / "letter.css").read_text(encoding="utf-8")
    )
    return environment.get_template("letter.html"), inliner


def _day(letter: Letter) -> str:
    return texts.day(letter.language, letter.day, today=letter.day)


def _footer(letter: Letter) -> str:
    keys = ["mail.footer"]
    if letter.for_body:
        keys.append("mail.footer.team")
    if letter.example:
        keys.append("mail.footer.example")
    return " ".join(texts.say(letter.language, key) for key in keys)


def _lines(letter: Letter) -> Iterator[str]:
    yield f"Startklar · {_day(letter)}"
    yield ""
    yield from _wrapped(letter.headline)
    yield from _wrapped(letter.title)
    yield "-" * min(_WIDE, max(len(letter.headline), len(letter.title)))
    for passage in letter.passages:
        yield ""
        for line in passage.lines:
            yield from _wrapped(line)
        width = max((len(name) for name, _ in passage.facts), default=0) + 2
        for name, value in passage.facts:
            yield from _wrapped(f"{name + ':':<{width}}{value}", hang=width)
    for group in letter.groups:
        yield ""
        if group.title:
            yield from _wrapped(group.title)
            yield "=" * min(_WIDE, len(group.title))
        for item in group.items:
            yield from _wrapped(f"- {item.title}", hang=2)
            yield from _wrapped(f"  {item.when} · {item.about}" if item.about else f"  {item.when}", hang=2)
    if letter.more:
        yield ""
        yield from _wrapped(letter.more)
    yield ""
    yield f"{letter.button}:"
    yield letter.link
    if letter.link_note:
        yield ""
        yield from _wrapped(letter.link_note)
    yield ""
    yield "-- "
    if letter.note:
        yield from _wrapped(letter.note)
    yield from _wrapped(_footer(letter))


def _wrapped(line: str, *, hang: int = 0) -> list[str]:
    """A line cut at spaces; nothing longer than the width is torn apart."""
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line.strip(),
        _WIDE,
        initial_indent=indent,
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
