"""Markdown as Rich Text, which Word and LibreOffice open alike: headings, paragraphs, lists, tables and bold words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

_READER: Final = MarkdownIt("commonmark", {"html": False}).enable("table")
_WIDTH: Final = 9600
"""Of a page between its margins, in twentieths of a point."""
_HEAD: Final = (
    r"{\rtf1\ansi\ansicpg1252\deff0\uc1{\fonttbl{\f0\fswiss Arial;}}\paperw11906\paperh16838"
    r"\margl1134\margr1134\margt1134\margb1134\f0\fs22" + "\n"
)


def written(title: str, note: str, text: str) -> bytes:
    """A document with this title, a note below it in small type, and the text."""
    parts = [_HEAD, rf"{{\pard\sa120\fs32\b {_plain(title)}\par}}", rf"{{\pard\sa240\fs18\i {_plain(note)}\par}}"]
    parts += _blocks(SyntaxTreeNode(_READER.parse(text)), 0)
    return ("\n".join(parts) + "\n}").encode("ascii")


def _blocks(node: SyntaxTreeNode, deep: int) -> Iterator[str]:
    """The paragraphs of a part of the text, which stands in so many lists."""
    for child in node.children:
        if child.type == "heading":
            yield rf"{{\pard\sb240\sa120\fs26\b {_words(child)}\par}}"
        elif child.type == "paragraph":
            yield rf"{{\pard\sa160\li{360 * deep} {_words(child)}\par}}"
        elif child.type in ("bullet_list", "ordered_list"):
            for number, item in enumerate(child.children, start=1):
                yield _item(item, f"{number}." if child.type == "ordered_list" else _plain("–"), deep + 1)
        elif child.type == "table":
            for row in (row for part in child.children for row in part.children):
                yield _row([_words(cell) for cell in row.children])
            yield r"{\pard\sa120\par}"
        else:
            yield from _blocks(child, deep)


def _item(item: SyntaxTreeNode, bullet: str, deep: int) -> str:
    first, *others = _blocks(item, deep)
    indent = rf"{{\pard\sa60\li{360 * deep}\fi-360\tx{360 * deep} {bullet}\tab "
    return "\n".join([indent + first.partition(" ")[2], *others])


def _words(node: SyntaxTreeNode) -> str:
    return "".join(_WORDS.get(child.type, ("", ""))[0] + _inside(child) for child in node.children)


def _inside(node: SyntaxTreeNode) -> str:
    within = _words(node) if node.children else _plain(node.content) if node.type in ("text", "code_inline") else ""
    return within + _WORDS.get(node.type, ("", ""))[1]


_WORDS: Final = {
    "softbreak": (" ", ""),
    "hardbreak": (r"\line ", ""),
    "strong": (r"{\b ", "}"),
    "em": (r"{\i ", "}"),
}
"""What stands before and behind words of a kind."""


def _row(cells: Sequence[str]) -> str:
    edge = r"\brdrs\brdrw10"
    borders = "".join(rf"\clbrdr{side}{edge}" for side in "tlbr")
    width = _WIDTH // max(1, len(cells))
    ends = "".join(rf"{borders}\cellx{width * (position + 1)}" for position in range(len(cells)))
    return rf"{{\trowd\trgaph80{ends}" + "".join(rf"\pard\intbl {cell}\cell" for cell in cells) + r"\row}"


def _plain(text: str) -> str:
    """Letters beyond ASCII by their UTF-16 numbers, and nothing a reader could take for a command."""
    found: list[str] = []
    for letter in text:
        if letter in "\\{}":
            found.append(f"\\{letter}")
        elif letter.isascii():
            found.append(letter)
        else:
            units = letter.encode("utf-16-le")
            numbers = (int.from_bytes(units[at : at + 2], "little", signed=True) for at in range(0, len(units), 2))
            found.extend(rf"\u{number}?" for number in numbers)
    return "".join(found)
