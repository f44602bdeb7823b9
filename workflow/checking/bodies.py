"""The municipalities: one CSV file, the outlines beside it, and whom to thank for them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from workflow.checking import files
from workflow.checking.faults import Findings, Place, listed, meant


@dataclass(frozen=True, slots=True)
class BodyRecord:
    """One row of `municipalities.csv`. Empty text where a column may be empty; area in km²."""

    ars: str
    ags: str
    kind: str
    name: str
    display_name: str
    district: str
    district_ars: str
    """The Landkreis; empty for a kreisfreie Stadt, itself for a Landkreis."""
    seat: str
    postcode: str
    population: int
    area_km2: float
    municipalities: int
    latitude: float
    longitude: float


COLUMNS = tuple(field.name for field in fields(BodyRecord))

_WHOLE = (re.compile(r"[0-9]{1,9}\Z"), "fault.csv_whole_number")
_DEGREES = (re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,9})?\Z"), "fault.csv_number")
_FORMS = {
    "ars": (re.compile(r"[0-9]{12}\Z"), "fault.csv_ars"),
    "ags": (re.compile(r"([0-9]{5}|[0-9]{8})?\Z"), "fault.csv_ags"),
    "kind": (re.compile(r"[a-z][a-z0-9_]*\Z"), "fault.name"),
    "name": (re.compile(r".*\S"), "fault.empty_text"),
    "display_name": (re.compile(r".*\S"), "fault.empty_text"),
    "district_ars": (re.compile(r"([0-9]{12})?\Z"), "fault.csv_ars"),
    "postcode": (re.compile(r"([0-9]{5})?\Z"), "fault.csv_postcode"),
    "population": _WHOLE,
    "municipalities": _WHOLE,
    "area_km2": (re.compile(r"[0-9]{1,7}(\.[0-9]{1,6})?\Z"), "fault.csv_number"),
    "latitude": _DEGREES,
    "longitude": _DEGREES,
}

_MOST_CELLS = 50
"""A line with more is not worth taking apart to its end."""

_FEATURE_ID = re.compile(r'"id"\s*:\s*"([^"\\]*)"')
_CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^",]*))(,|\Z)')


@dataclass(frozen=True, slots=True)
class _Cell:
    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class KnownBody:
    """What other files may ask about a body, as far as its row could be read."""

    kind: str
    name: str
    district_ars: str


@dataclass(frozen=True, slots=True)
class Bodies:
    """What became of the file."""

    records: tuple[BodyRecord, ...] | None
    """Every body in the order of the file; None when there is any fault in it."""
    known: Mapping[str, KnownBody] | None
    """By ARS; None when nobody can tell which bodies there are, or which kinds of them."""


def read_bodies(folder: Path, findings: Findings) -> Bodies:
    """Every body of the folder."""
    text = files.read(folder, files.BODIES, findings)
    lines = [] if text is None else text.removesuffix("\n").split("\n")
    if not lines or not _has_columns(lines[0], findings):
        return Bodies(None, None)
    rows = [_row(line, number, findings) for number, line in enumerate(lines[1:], start=2)]
    readable = [row for row in rows if row is not None]
    if not rows:
        findings.add(Place(files.BODIES), "fault.no_bodies")
    if not rows or len(readable) < len(rows):
        return Bodies(None, None)
    wrong = {column for row in readable for column in _wrong_cells(row, findings)}
    together = _hangs_together(readable, findings)
    known = {
        row["ars"].text: KnownBody(row["kind"].text, row["display_name"].text, row["district_ars"].text)
        for row in readable
    }
    if not together or wrong & {"ars", "kind", "district_ars"}:
        return Bodies(None, None)
    return Bodies(None if wrong else tuple(_record(row) for row in readable), known)


def read_attribution(folder: Path, findings: Findings) -> str:
    """The notice that must be shown wherever the data is."""
    text = files.read(folder, files.ATTRIBUTION, findings)
    if text is not None and not text.strip():
        findings.add(Place(files.ATTRIBUTION), "fault.empty_file")
    return (text or "").strip()


def check_boundaries(folder: Path, known: Collection[str] | None, findings: Findings) -> None:
    """The outlines, where a folder has them: a FeatureCollection whose features are bodies, each at most once."""
    text = files.read(folder, files.BOUNDARIES, findings, optional=True)
    if text is None:
        return
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        findings.add(Place(files.BOUNDARIES, error.lineno, error.colno), "fault.json")
        return
    except (RecursionError, ValueError):
        findings.add(Place(files.BOUNDARIES), "fault.json")
        return
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or content.get("type") != "FeatureCollection":
        findings.add(Place(files.BOUNDARIES), "fault.boundaries_form")
        return
    _check_features(text, features, known, findings)


def _has_columns(header: str, findings: Findings) -> bool:
    """Exactly the columns, in their order."""
    if ";" in header and "," not in header:
        findings.add(Place(files.BODIES), "fault.csv_semicolon")
        return False
    cells = _cells(header, 1, findings)
    if cells is None:
        return False
    written = tuple(cell.text for cell in cells)
    if written == COLUMNS:
        return True
    missing = [column for column in COLUMNS if column not in written]
    for index, cell in enumerate(cells):
        if cell.text not in COLUMNS:
            findings.add(cell.place, "fault.csv_unknown_column", column=cell.text, meant=meant(cell.text, missing))
        elif cell.text in written[:index]:
            findings.add(cell.place, "fault.csv_duplicate_column", column=cell.text)
    if missing:
        findings.add(Place(files.BODIES), "fault.csv_missing_columns", columns=listed(missing, most=20))
    elif len(written) == len(COLUMNS):
        findings.add(Place(files.BODIES), "fault.csv_column_order", columns=listed(COLUMNS, most=20))
    return False


def _row(line: str, number: int, findings: Findings) -> dict[str, _Cell] | None:
    """The cells of one line by column, or None and what is wrong with them."""
    if not line.strip():
        findings.add(Place(files.BODIES, number), "fault.csv_empty_line")
        return None
    cells = _cells(line, number, findings)
    if cells is None:
        return None
    if len(cells) != len(COLUMNS):
        found = len(cells) if len(cells) < _MOST_CELLS else line.count(",") + 1
        findings.add(Place(files.BODIES, number), "fault.csv_cells", found=found, expected=len(COLUMNS))
        return None
    return dict(zip(COLUMNS, cells, strict=True))


def _wrong_cells(row: dict[str, _Cell], findings: Findings) -> set[str]:
    """The columns in which a cell has not the form of its column."""
    wrong: set[str] = set()
    for column, (form, key) in _FORMS.items():
        if not form.match(row[column].text):
            findings.add(row[column].place, key, value=row[column].text, column=column)
            wrong.add(column)
    for column, most in (("latitude", 90.0), ("longitude", 180.0)):
        if _DEGREES[0].match(row[column].text) and abs(float(row[column].text)) > most:
            findings.add(row[column].place, "fault.csv_number", value=row[column].text, column=column)
            wrong.add(column)
    return wrong


def _cells(line: str, number: int, findings: Findings) -> list[_Cell] | None:
    """RFC 4180 for one line, with the column in which each cell begins; no further than `_MOST_CELLS`."""
    cells: list[_Cell] = []
    position = 0
    while True:
        match = _CELL.match(line, position)
        if match is None:
            findings.add(Place(files.BODIES, number, position + 1), "fault.csv_quote")
            return None
        quoted, bare, end = match.groups()
        text = bare if quoted is None else quoted.replace('""', '"')
        cells.append(_Cell(Place(files.BODIES, number, position + 1), text))
        if not end or len(cells) == _MOST_CELLS:
            return cells
        position = match.end()


def _hangs_together(rows: list[dict[str, _Cell]], findings: Findings) -> bool:
    """Every ARS once, every district a row."""
    first: dict[str, int] = {}
    fine = True
    for row in rows:
        cell = row["ars"]
        if cell.text in first:
            findings.add(cell.place, "fault.csv_duplicate_ars", ars=cell.text, first=str(first[cell.text]))
            fine = False
        first.setdefault(cell.text, cell.place.line)
    for row in rows:
        district = row["district_ars"]
        if district.text and district.text not in first:
            near = meant(district.text, {known for known in first if known[:5] == district.text[:5]})
            findings.add(district.place, "fault.unknown_body", name=district.text, meant=near)
            fine = False
    return fine


def _record(row: dict[str, _Cell]) -> BodyRecord:
    texts = {column: cell.text for column, cell in row.items()}
    numbers: dict[str, Any] = {
        "population": int(texts["population"]),
        "municipalities": int(texts["municipalities"]),
        **{column: float(texts[column]) for column in ("area_km2", "latitude", "longitude")},
    }
    return BodyRecord(**{**texts, **numbers})


def _check_features(text: str, features: list[Any], known: Collection[str] | None, findings: Findings) -> None:
    places = _places_of_ids(text)
    seen: set[str] = set()
    for feature in features:
        ars = feature.get("id") if isinstance(feature, dict) else None
        shape = feature.get("geometry") if isinstance(feature, dict) else None
        if not isinstance(ars, str) or not isinstance(shape, dict):
            findings.add(Place(files.BOUNDARIES), "fault.boundaries_form")
            return
        place = next(places[ars], Place(files.BOUNDARIES)) if ars in places else Place(files.BOUNDARIES)
        if shape.get("type") not in ("Polygon", "MultiPolygon"):
            findings.add(place, "fault.boundaries_shape", ars=ars)
        if ars in seen:
            findings.add(place, "fault.boundaries_twice", ars=ars)
        elif known is not None and ars not in known:
            findings.add(place, "fault.unknown_body", name=ars)
        seen.add(ars)


def _places_of_ids(text: str) -> dict[str, Iterator[Place]]:
    """Where each id is written, in the order of the file."""
    found: dict[str, list[Place]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        for match in _FEATURE_ID.finditer(line):
            found.setdefault(match[1], []).append(Place(files.BOUNDARIES, number, match.start(1)))
    return {ars: iter(places) for ars, places in found.items()}
