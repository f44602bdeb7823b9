"""Every page as it leaves the server: its markup, its links, its weight and what it asks of the database.

The pages are those of `tests/e2e/test_every_page.py`, where they are looked at in a browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from tests.conftest import Prepare
from tests.e2e.test_every_page import Stop, programme
from tests.statements import counted
from tests.webui.application import application
from tests.webui.pages import sound
from tests.webui.visitor import Visitor, address, words
from tests.world import World
from workflow import database
from workflow.models import Person

MOST_STATEMENTS = 30
MOST_BYTES = 150_000
READS_ALL = frozenset({"mails-ahead"})
"""Copies every table once, to let the days pass in the copy."""


@dataclass
class Walk:
    """A programme in the middle of its work, its pages, and who opens them."""

    world: World
    app: Flask
    stops: list[Stop]
    visitors: dict[str, Visitor]

    def by(self, who: str) -> Visitor:
        """This person at a browser, signed in unless it is nobody."""
        if who not in self.visitors:
            self.visitors[who] = Visitor(self.app)
            if who:
                self.visitors[who].sign_in(address(self.world, who))
        return self.visitors[who]


@pytest.fixture
def walk(prepared: Prepare, password_hash: str) -> Walk:
    """Everything is prepared once per process."""
    world, stops = prepared(programme)
    with database.transaction(world.engine.pool, write=True) as session:
        session.execute(sa.update(Person).values(password=password_hash))
    return Walk(world, application(world.engine, world.engine.settings), stops, {})


@pytest.mark.slow
def test_every_page_is_sound_small_and_cheap_and_leads_nobody_to_a_closed_door(walk: Walk, database_kind: str) -> None:
    faults: list[str] = []
    tried: set[tuple[str, str]] = set()
    for stop in walk.stops:
        visitor = walk.by(stop.who)
        with counted(walk.world) as sent:
            answer = visitor.get(stop.address)
        if stop.expects not in words(answer.text):
            faults.append(f"{stop.name}: it does not say “{stop.expects}”")
        if len(sent) > MOST_STATEMENTS and stop.name not in READS_ALL:
            faults.append(f"{stop.name}: {len(sent)} statements")
        if len(answer.data) > MOST_BYTES:
            faults.append(f"{stop.name}: {len(answer.data)} bytes")
        if database_kind == "sqlite":  # what a page says is the same on both
            parser = html5lib.HTMLParser(namespaceHTMLElements=False)
            document = parser.parse(answer.text)
            found = [*_complaints(parser, answer.text), *_faults(answer.text, document)]
            faults += [f"{stop.name}: {fault}" for fault in (*found, *_closed(walk, stop, document, tried))]
    assert not faults, "\n".join(["", *faults])


def _closed(walk: Walk, stop: Stop, document: Element, tried: set[tuple[str, str]]) -> Iterator[str]:
    """Links of a page that lead nowhere; one of each kind is tried for each person."""
    finder = walk.app.url_map.bind("localhost")
    for element in document.iter("a"):
        path = (element.get("href") or "").partition("#")[0]
        if not path.startswith("/"):
            continue
        try:
            endpoint = str(finder.match(path.partition("?")[0])[0])
        except (HTTPException, RequestRedirect):
            endpoint = path
        if (stop.who, endpoint) not in tried:
            tried.add((stop.who, endpoint))
            status = walk.by(stop.who).get(path).status_code
            if status not in (200, 303):
                yield f"{path} answers {status}"


def _complaints(parser: Any, page: str) -> Iterator[str]:
    """What the standard calls an error."""
    lines = page.splitlines()
    for (line, _), code, _ in parser.errors:
        yield f"{code} in line {line}: {lines[min(line, len(lines)) - 1].strip()[:120]}"


def _faults(page: str, document: Element) -> Iterator[str]:
    """What is wrong with the markup of a page."""
    try:
        sound(page)
    except AssertionError as error:
        yield str(error).splitlines()[0]
    titles = [_words(one) for one in document.iter("title")]
    if len(titles) < 1 or not titles[0].removesuffix(" – Startklar").strip():
        yield "it has no title"
    ids = {element.get("id") for element in document.iter() if element.get("id")}
    for element in document.iter():
        for name in (
            "for",
            "aria-describedby",
            "aria-labelledby",
            "aria-controls",
            "aria-owns",
            "aria-details",
            "list",
        ):
            yield from (
                f"{name} names {one}, which is not there" for one in (element.get(name) or "").split() if one not in ids
            )
        if element.tag in (
            "a",
            "button",
            "summary",
            "label",
            "th",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "option",
            "legend",
            "caption",
            "figcaption",
        ) and not _is_named(element):
            yield f"an empty {element.tag}: {element.attrib}"
        if element.tag == "img" and element.get("alt") is None:
            yield f"a picture without words: {element.attrib}"
        if element.get("style") is not None or any(str(name).startswith("on") for name in element.attrib):
            yield f"{element.tag} carries style or script: {element.attrib}"
        if element.tag in ("script", "style") and (element.text or "").strip():
            yield f"{element.tag} stands inside the page"


def _is_named(element: Element) -> bool:
    """Whether somebody who only listens hears what it is; a cell or option may be empty only where that is said."""
    if element.get("aria-label") or element.get("aria-labelledby") or _words(element):
        return True
    if element.tag == "option":
        return element.get("value") == ""
    return any(one.get("alt") for one in element.iter("img"))


def _words(element: Any) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()
