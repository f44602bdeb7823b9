"""Words for what definitions and the database name by key: kinds of bodies, what happened, how large a file is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from babel import numbers
from flask import Flask
from markupsafe import Markup

from webui import wording
from workflow import texts


def body_kind(kind: str) -> str:
    """`Verbandsgemeinde`. A kind another Land brings along is shown as its data spell it."""
    return _or("body.kind", kind, kind.replace("_", " ").capitalize())


def body_kinds(kind: str) -> str:
    """The same for many."""
    return _or("body.kinds", kind, kind.replace("_", " ").capitalize())


def happened(subject: str, act: str, facts: Mapping[str, Any] = MappingProxyType({})) -> str:
    """What an entry of a chain says: `happened("milestone", "reached")`."""
    return _or(f"event.{subject}", act, wording.t("event.elsewhere"), facts)


def happened_to_case(act: str, facts: Mapping[str, Any]) -> str:
    """What an entry of a case's history says, `event.<act>`; an act without words is only hinted at."""
    key = f"event.{act}"
    return wording.t(key, **facts) if texts.knows(wording.language(), key) else wording.t("event.other")


def happened_since(chain: str, act: str, facts: Mapping[str, Any]) -> str:
    """The same of any chain, told by whoever knows only some of the facts: then it is only hinted at."""
    key = f"event.{act}" if chain == "case" else f"event.{chain}.{act}"
    language = wording.language()
    if texts.knows(language, key) and texts.placeholders(language, key) <= set(facts):
        return wording.t(key, **facts)
    return wording.t("event.other" if chain == "case" else "event.elsewhere")


def paragraphs(text: str) -> Markup:
    """What somebody wrote, in paragraphs; addresses beginning with https:// are links. Everything else is escaped."""
    found = (one for one in re.split(r"\n\s*\n", text.strip()) if one.strip())
    return Markup("\n").join(Markup("<p>{}</p>").format(_linked(one)) for one in found)


def _linked(text: str) -> Markup:
    said = Markup()
    place = 0
    for match in _ADDRESS.finditer(text):
        said += Markup("<br>").join(text[place : match.start()].split("\n"))
        said += Markup('<a href="{0}" rel="noopener noreferrer">{0}</a>').format(match[0])
        place = match.end()
    return said + Markup("<br>").join(text[place:].split("\n"))


_ADDRESS = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]}]")


def mailto(address: str) -> str:
    """Where a link leads that writes to an address; whoever typed it adds no recipient to the mail, and no word."""
    return f"mailto:{quote(address, safe='@')}"


def size(count: int) -> str:
    """`1,2 MB`, `340 KB`: how large a file is."""
    kilobytes = max(1, round(count / 1024))
    if kilobytes < 1000:
        return f"{kilobytes} KB"
    locale = {"de": "de_DE", "en": "en_GB"}[wording.language()]
    return f"{numbers.format_decimal(round(count / 1024 / 1024, 1), locale=locale)} MB"


def install(app: Flask) -> None:
    """Make them known to templates."""
    app.jinja_env.globals.update(
        body_kind=body_kind,
        body_kinds=body_kinds,
        happened=happened,
        happened_since=happened_since,
        happened_to_case=happened_to_case,
        mailto=mailto,
        paragraphs=paragraphs,
        size=size,
    )


def _or(room: str, name: str, otherwise: str, facts: Mapping[str, Any] = MappingProxyType({})) -> str:
    key = f"{room}.{name}"
    return wording.t(key, **facts) if texts.knows(wording.language(), key) else otherwise
