"""The official list of municipalities, GV100AD, as Destatis publishes it: a file of fixed width becomes values.

Source of the format: Statistisches Bundesamt, "Gemeindeverzeichnis, Datensatzbeschreibung", in force since 14.06.2000.
Every record has 220 characters: 10 Land, 20 Regierungsbezirk, 30 Region (Baden-Württemberg only), 40 Kreis, 50
Gemeindeverband, 60 Gemeinde. Since 2025 the file is UTF-8 (its `Hinweise.txt`: because of Sorbian names) and a position
is a character; earlier editions are ISO-8859-1 or Windows-1252.

What becomes a body, by the Textkennzeichen of the record (same source):

* 41 Kreisfreie Stadt, 42 Stadtkreis: `kreisfreie_stadt`. So are Berlin, Hamburg, Bremen and Bremerhaven.
* 43 Kreis, 44 Landkreis, 45 Regionalverband: `landkreis`. So are the Region Hannover, the Städteregion Aachen and the
  Regionalverband Saarbrücken; Hannover, Aachen and Saarbrücken themselves are Gemeinden in them.
* 50 verbandsfreie Gemeinde: `verbandsfreie_gemeinde`; not again for a kreisfreie Stadt, and not where the only
  Gemeinde in it is a gemeindefreies Gebiet (65, 66): nobody there runs a service.
* 51 to 58, where Gemeinden share an administration: the Verband is the body, its Gemeinden are not. `amt`,
  `samtgemeinde`, `verbandsgemeinde`, `verwaltungsgemeinschaft` (54, and 57 VG Trägermodell), `kirchspielslandgemeinde`,
  `verwaltungsverband`, `erfuellende_gemeinde`. Not so in Baden-Württemberg: what Gemeinden there have agreed on leaves
  each its administration (§§ 59 to 62 GemO BW: above all land-use plans and technical matters are done together), so
  that every one of them is a body, `gemeinde` where the file counts it to a Verband.

ARS (twelve digits, as in `municipalities.csv`): a Kreis is its five digits and seven zeros, a Verband its five and four
digits and three zeros, a Gemeinde all twelve. Population (EF9) and area (EF8, hectares) stand with the Gemeinden only;
for every other body they are summed over all records of Gemeinden inside, gemeindefreie Gebiete included, as the
official figures of the Kreise are. `municipalities` counts Gemeinden only. The postcode of a seat is that of the
Gemeinde of the same name: inside the body, else in its Kreis, else in its Land if there is just one. Spaces around a
stroke do not count, nor does what stands in brackets (`Altenkirchen (Ww)`) inside the body or its Kreis; a seat that is
abbreviated otherwise has no postcode.
"""

from __future__ import annotations

import codecs
import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflow.bodies import Edition, Entry
from workflow.errors import Refused

MOST_BYTES = 32 * 1024 * 1024
"""Eight times what the whole of Germany takes."""

_WIDTH = 220
_LANDS = frozenset(f"{number:02}" for number in range(1, 17))
_RECORDS = {"10": 2, "20": 3, "30": 4, "40": 5, "50": 5, "60": 8}
"""Record types, each with how many digits of the key it fills."""

_TOWNS = {"41", "42"}
_DISTRICTS = {"43": "Kreis", "44": "Landkreis", "45": "Regionalverband"}
_ALONE = "50"
_TOGETHER = {
    "51": ("amt", "Amt"),
    "52": ("samtgemeinde", "Samtgemeinde"),
    "53": ("verbandsgemeinde", "Verbandsgemeinde"),
    "54": ("verwaltungsgemeinschaft", "Verwaltungsgemeinschaft"),
    "55": ("kirchspielslandgemeinde", "Kirchspielslandgemeinde"),
    "56": ("verwaltungsverband", "Verwaltungsverband"),
    "57": ("verwaltungsgemeinschaft", "Verwaltungsgemeinschaft"),
    "58": ("erfuellende_gemeinde", "Erfüllende Gemeinde"),
}
_MUNICIPALITIES = {
    "60": "Markt",
    "61": "Stadt",
    "62": "Stadt",
    "63": "Stadt",
    "64": "Gemeinde",
    "67": "Stadt",
}
_NO_MUNICIPALITY = {"65", "66"}
_KINDS = ("kreisfreie_stadt", "landkreis", "verbandsfreie_gemeinde", "gemeinde")
"""The order of `municipalities.csv`; every other kind comes after these."""

_KEEPING_THEIR_ADMINISTRATION = {"08"}
"""Länder in which a Verband does not administer its Gemeinden."""
_SPEAKS_FOR_ITSELF = re.compile(r"kreis|region|^(amt|eg)\b", re.IGNORECASE)
"""Names that say already what they name: Westerwaldkreis, Region Hannover, Amt Lütjenburg."""


def read(path: Path) -> Edition:
    """Every body of every Land in the file, with the date of the edition and the encoding it was read in.

    Raises OSError when the file cannot be read, or Refused when it is not a whole GV100AD: empty, too large, not text,
    a line that is too long or too short, records of two editions, or records that do not belong together.
    """
    text, encoding = _decoded(_content(path), path.name)
    if not text.strip("\x1a\r\n "):
        raise Refused("error.gv100ad_empty", file=path.name)
    lines = text.split("\n")
    if not lines[-1].strip("\x1a\r "):
        lines.pop()
    _insist_form(lines, path.name)
    date = _date(lines, path.name)
    tree = _Tree(path.name)
    for number, line in enumerate(lines, start=1):
        tree.take(number, line.rstrip("\r"))
    tree.insist_whole()
    found = sorted(tree.bodies(), key=lambda entry: (_rank(entry.kind), entry.ars))
    return Edition(date, encoding, tuple(found))


# --- the file as text ------------------------------------------------------------------------------------------------


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Refused("error.gv100ad_too_large", file=path.name, most=MOST_BYTES // 1024 // 1024)
    return content


def _decoded(content: bytes, name: str) -> tuple[str, str]:
    """The text, and in which encoding it was read. A byte that is no text in any of them is refused."""
    if b"\x00" in content or content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Refused("error.gv100ad_encoding", file=name)
    try:
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        pass
    try:
        # Windows-1252 is ISO-8859-1 where a name needs it; what differs are typographic signs.
        return content.decode("cp1252"), "ISO-8859-1"
    except UnicodeDecodeError as error:
        raise Refused("error.gv100ad_encoding", file=name) from error


def _insist_form(lines: Sequence[str], name: str) -> None:
    """Raises Refused unless the first line is a record at all; later ones are named by their number."""
    if not re.match(r"[1-6]0(19|20)\d{6}\d\d", lines[0]):
        raise Refused("error.gv100ad_format", file=name)


def _date(lines: Sequence[str], name: str) -> dt.date:
    written = lines[0][2:10]
    try:
        date = dt.datetime.strptime(written, "%Y%m%d").date()  # noqa: DTZ007 - a day, no instant
    except ValueError as error:
        raise Refused("error.gv100ad_format", file=name) from error
    for number, line in enumerate(lines, start=1):
        if line[2:10] != written and re.match(r"\d{8}\Z", line[2:10]):
            found, first = _written(line[2:10]), _written(written)
            raise Refused("error.gv100ad_mixed", file=name, line=str(number), found=found, first=first)
    return date


def _written(date: str) -> str:
    """`30.11.2025`"""
    return f"{date[6:]}.{date[4:6]}.{date[:4]}"


# --- records ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Municipality:
    """Record 60. Area in hectares."""

    key: str
    union: str
    name: str
    mark: str
    area: int
    population: int
    postcode: str

    @property
    def counts(self) -> bool:
        """It is a Gemeinde, and no gemeindefreies Gebiet."""
        return self.mark not in _NO_MUNICIPALITY


@dataclass(frozen=True, slots=True)
class _Union:
    """Record 40 or 50: a Kreis, or a Gemeindeverband in one."""

    line: int
    district: str
    key: str
    name: str
    seat: str
    mark: str


@dataclass(slots=True)
class _Tree:
    """The records of a file by where they belong."""

    file: str
    lands: set[str] = field(default_factory=set)
    districts: dict[str, _Union] = field(default_factory=dict)
    unions: dict[tuple[str, str], _Union] = field(default_factory=dict)
    municipalities: set[str] = field(default_factory=set)
    inside: dict[tuple[str, str], list[_Municipality]] = field(default_factory=lambda: defaultdict(list))
    by_district: dict[str, list[_Municipality]] = field(default_factory=lambda: defaultdict(list))
    by_land: dict[str, list[_Municipality]] = field(default_factory=lambda: defaultdict(list))

    def take(self, number: int, line: str) -> None:
        """One more record. Raises Refused, naming the line."""
        if len(line) != _WIDTH:
            raise Refused(
                "error.gv100ad_width", file=self.file, line=str(number), found=str(len(line)), wanted=str(_WIDTH)
            )
        kind, key, union = line[0:2], line[10:18].rstrip(), line[18:22]
        digits = _RECORDS.get(kind)
        if digits is None or not re.fullmatch(rf"\d{{{digits}}}", key) or key[:2] not in _LANDS:
            self._refuse(number)
        name, seat, mark = _name(line[22:72]), _name(line[72:122]), line[122:124]
        if not name:
            self._refuse(number)
        district = key[:5]
        if kind == "10":
            self.lands.add(key)
        elif kind == "40":
            if (mark not in _TOWNS and mark not in _DISTRICTS) or district in self.districts:
                self._refuse(number)
            self.districts[district] = _Union(number, district, "", name, seat, mark)
        elif kind == "50":
            known = mark == _ALONE or mark in _TOGETHER
            if not known or not re.fullmatch(r"\d{4}", union) or (district, union) in self.unions:
                self._refuse(number)
            self.unions[district, union] = _Union(number, district, union, name, seat, mark)
        elif kind == "60":
            self._take_municipality(number, line, _Municipality(key, union, name, mark, 0, 0, line[165:170].strip()))

    def insist_whole(self) -> None:
        """Every Gemeinde lies in a Verband and every Verband in a Kreis, none is empty. Raises Refused."""
        for (district, union), municipalities in self.inside.items():
            if (district, union) not in self.unions:
                raise Refused("error.gv100ad_lost", file=self.file, name=municipalities[0].name)
            if district not in self.districts and any(one.counts for one in municipalities):
                raise Refused("error.gv100ad_lost", file=self.file, name=municipalities[0].name)
        hollow = [union for place, union in self.unions.items() if place not in self.inside]
        hollow += [one for key, one in self.districts.items() if key not in self.by_district]
        for one in hollow:
            raise Refused("error.gv100ad_hollow", file=self.file, line=str(one.line), name=one.name)
        if not self.districts:
            raise Refused("error.gv100ad_format", file=self.file)

    def bodies(self) -> Iterator[Entry]:
        """Every body of the file."""
        for key, district in self.districts.items():
            yield self._district(key, district)
        for place, union in self.unions.items():
            if place[0] not in self.districts or self.districts[place[0]].mark in _TOWNS:
                continue
            municipalities = self.inside[place]
            if union.mark != _ALONE and place[0][:2] not in _KEEPING_THEIR_ADMINISTRATION:
                yield self._union(place, union, municipalities)
                continue
            kind = "verbandsfreie_gemeinde" if union.mark == _ALONE else "gemeinde"
            yield from (self._alone(place, one, kind) for one in municipalities if one.counts)

    def _take_municipality(self, number: int, line: str, one: _Municipality) -> None:
        figures = line[128:150]
        if one.mark not in _MUNICIPALITIES and one.mark not in _NO_MUNICIPALITY:
            self._refuse(number)
        if not re.fullmatch(r"\d{22}", figures) or not re.fullmatch(r"\d{5}|", one.postcode):
            self._refuse(number)
        if not re.fullmatch(r"\d{4}", one.union) or one.key in self.municipalities:
            self._refuse(number)
        self.municipalities.add(one.key)
        read = _Municipality(one.key, one.union, one.name, one.mark, int(figures[:11]), int(figures[11:]), one.postcode)
        self.inside[one.key[:5], one.union].append(read)
        self.by_district[one.key[:5]].append(read)
        self.by_land[one.key[:2]].append(read)

    def _refuse(self, number: int) -> None:
        raise Refused("error.gv100ad_record", file=self.file, line=str(number))

    def _district(self, key: str, district: _Union) -> Entry:
        is_town = district.mark in _TOWNS
        inside = self.by_district[key]
        ars = f"{key}0000000"
        return Entry(
            ars=ars,
            ags=inside[0].key if is_town else key,
            kind="kreisfreie_stadt" if is_town else "landkreis",
            name=district.name,
            display_name=f"Stadt {district.name}" if is_town else _titled(_DISTRICTS[district.mark], district.name),
            district=ars,
            seat=district.name if is_town else district.seat or None,
            postcode=(inside[0].postcode or None) if is_town else self._postcode(district.seat, inside, key),
            **_sums(inside),
        )

    def _union(self, place: tuple[str, str], union: _Union, inside: Sequence[_Municipality]) -> Entry:
        kind, word = _TOGETHER[union.mark]
        district, key = place
        return Entry(
            ars=f"{district}{key}000",
            ags=None,
            kind=kind,
            name=union.name,
            display_name=_titled(word, union.name),
            district=f"{district}0000000",
            seat=union.seat or None,
            postcode=self._postcode(union.seat, inside, district),
            **_sums(inside),
        )

    def _alone(self, place: tuple[str, str], one: _Municipality, kind: str) -> Entry:
        district, key = place
        return Entry(
            ars=f"{district}{key}{one.key[5:]}",
            ags=one.key,
            kind=kind,
            name=one.name,
            display_name=f"{_MUNICIPALITIES[one.mark]} {one.name}",
            district=f"{district}0000000",
            seat=one.name,
            postcode=one.postcode or None,
            **_sums([one]),
        )

    def _postcode(self, seat: str, inside: Iterable[_Municipality], district: str) -> str | None:
        """The postcode of the one Gemeinde a seat can mean; None when it is none or several."""
        near = (list(inside), self.by_district[district])
        for places, spelling in (
            *((places, _spelled) for places in near),
            (self.by_land[district[:2]], _spelled),
            *((places, _in_short) for places in near),
        ):
            found = [one for one in places if spelling(one.name) == spelling(seat)]
            if len(found) == 1:
                return found[0].postcode or None
        return None


def _sums(inside: Sequence[_Municipality]) -> dict[str, Any]:
    return {
        "population": sum(one.population for one in inside),
        "area_km2": round(sum(one.area for one in inside) / 100, 2),
        "municipalities": sum(1 for one in inside if one.counts),
    }


def _name(written: str) -> str:
    """The name without what stands behind the first comma: `Stadt`, `Landeshauptstadt`, `Tor zur Eifel`."""
    return written.partition(",")[0].strip()


def _spelled(name: str) -> str:
    """`Simmern/ Hunsrück` is `Simmern / Hunsrück`."""
    return re.sub(r"\s*/\s*", "/", name)


def _in_short(name: str) -> str:
    return re.sub(r"\s*\(.*?\)", "", _spelled(name))


def _titled(word: str, name: str) -> str:
    return name if _SPEAKS_FOR_ITSELF.search(name) else f"{word} {name}"


def _rank(kind: str) -> int:
    return _KINDS.index(kind) if kind in _KINDS else len(_KINDS)
