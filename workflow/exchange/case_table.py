"""A table of cases that were under way before, as a spreadsheet saves it: CSV becomes lines to take over.

The first line names the columns, in English or German: `service` (Leistung), `body` (Kommune, or ARS), `state`
(Status), `since` (Seit), `live_on` (Produktiv seit), `variant` (Variante), `closed` (Abgeschlossen), `source` (Quelle),
`note` (Bemerkung). Divided by semicolons, commas or tabs; UTF-8 or Windows-1252, which German spreadsheets write.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from workflow.errors import Refused
from workflow.takeover import FIELDS, Line

MOST_BYTES = 400 * 1024
MOST_LINES = 5000

_YES, _NO = frozenset({"ja", "yes", "x", "true", "wahr", "1"}), frozenset({"nein", "no", "false", "falsch", "0"})
_ALSO = {"ars": "body"}


def read(content: bytes, name: str) -> tuple[Line, ...]:
    """The lines of a table, numbered as in the file; lines without anything in them are left out.

    Raises Refused for a file that is no such table: too large, not text, without or with unknown columns, empty. A
    line that does not fit the columns carries its fault itself.
    """
    if len(content) > MOST_BYTES:
        raise Refused("error.table_too_large", file=name, most=MOST_BYTES // 1024)
    text = _decoded(content, name)
    rows = _rows(text, name)
    numbered = [(number, row) for number, row in rows if any(cell.strip() for cell in row)]
    if not numbered:
        raise Refused("error.table_empty", file=name)
    columns = _columns(numbered[0][1], name)
    if len(numbered) == 1:
        raise Refused("error.table_empty", file=name)
    if len(numbered) > MOST_LINES + 1:
        raise Refused("error.table_too_long", file=name, most=MOST_LINES)
    return tuple(_line(number, row, columns) for number, row in numbered[1:])


def _decoded(content: bytes, name: str) -> str:
    if b"\x00" in content:
        raise Refused("error.table_encoding", file=name)
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused("error.table_encoding", file=name)


def _rows(text: str, name: str) -> list[tuple[int, list[str]]]:
    """Every record with the number of the line it begins in."""
    head = text.lstrip().split("\n", 1)[0]
    divider = max(";,\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=divider, strict=True)
    rows: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for row in reader:
            rows.append((begins, row))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise Refused("error.table_quotes", file=name, line=begins) from error
    return rows


def _columns(head: Sequence[str], name: str) -> list[str]:
    """The fields the columns stand for. Raises Refused for unknown, doubled or missing ones."""
    known = dict(_ALSO)
    for field, asked in FIELDS.items():
        known |= {field: field, asked.title.de.casefold(): field, asked.title.en.casefold(): field}
    found: list[str] = []
    for cell in head:
        meant = known.get(cell.strip().casefold())
        if meant is None or meant in found:
            raise Refused("error.table_column", file=name, column=cell.strip(), known=", ".join(FIELDS))
        found.append(meant)
    missing = [field for field, asked in FIELDS.items() if asked.required and field not in found]
    if missing:
        raise Refused("error.table_column_missing", file=name, columns=", ".join(missing))
    return found


def _line(number: int, row: Sequence[str], columns: Sequence[str]) -> Line:
    cells = [cell.strip() for cell in row]
    while len(cells) > len(columns) and not cells[-1]:
        cells.pop()
    fault = Refused("error.table_cells", cells=len(cells), columns=len(columns)) if len(cells) > len(columns) else None
    given = dict(zip(columns, cells, strict=False))
    if "closed" in given:
        word = given["closed"].casefold()
        given["closed"] = "true" if word in _YES else "" if word in _NO else given["closed"]
    return Line(number, given, fault)
