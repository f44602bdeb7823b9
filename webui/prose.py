"""Markdown that stands in the definitions, as HTML. HTML in it is shown and never used."""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt
from markupsafe import Markup

_READER: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


def html_of(text: str) -> Markup:
    """The text in HTML; links lead nowhere but to http, https and mail."""
    return Markup(_READER.render(text))  # noqa: S704 - the reader escapes everything and makes the tags itself
