"""Markdown that stands in the definitions, as HTML. HTML in it is shown and never used."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from markdown_it import MarkdownIt
from markupsafe import Markup

_READER: Final = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")

_TO_REPLACE: Final = re.compile(r"\[\[(.+?)\]\]", re.DOTALL)


def html_of(text: str) -> Markup:
    """The text in HTML; links lead nowhere but to http, https and mail."""
    return Markup(_READER.render(text))  # noqa: S704 - the reader escapes everything and makes the tags itself


@lru_cache(64)
def html_of_page(text: str) -> Markup:
    """The same of a page of the installation; what stands in double brackets is marked as still to be replaced."""
    return Markup(_TO_REPLACE.sub(r'<mark class="sk-placeholder">\1</mark>', str(html_of(text))))  # noqa: S704 - as above
