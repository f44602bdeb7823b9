"""The official list of municipalities is read as its description says, or refused with one sentence."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import gv100ad as official
from tests.gv100ad import EXCERPT, alone, district, land, municipality, town, union, written
from workflow import texts
from workflow.bodies import Edition
from workflow.errors import Refused
from workflow.exchange import gv100ad

pytestmark = pytest.mark.slow

MUNICIPALITIES = Path(__file__).resolve().parents[2] / "definitions" / "bodies" / "municipalities.csv"


def test_land_07_of_the_official_file_gives_exactly_the_rows_of_the_table() -> None:
    edition = gv100ad.read(EXCERPT)
    names = {body.ars: body.name for body in edition.bodies}
    rows = []
    for body in edition.of("07"):
        lies_in = "" if body.kind == "kreisfreie_stadt" else body.district
        rows.append(
            {
                "ars": body.ars,
                "ags": body.ags or "",
                "kind": body.kind,
                "name": body.name,
                "display_name": body.display_name,
                "district": names[lies_in] if lies_in else "",
                "district_ars": lies_in,
                "seat": body.seat or "",
                "postcode": body.postcode or "",
                "population": str(body.population),
                "area_km2": f"{body.area_km2:.2f}",
                "municipalities": str(body.municipalities),
            }
        )
    with MUNICIPALITIES.open(encoding="utf-8", newline="") as file:
        table = [{name: row[name] for name in rows[0]} for row in csv.DictReader(file)]
    assert rows == table
    assert len(rows) == 194
    assert (edition.date, edition.encoding, edition.lands) == (dt.date(2025, 11, 30), "UTF-8", ("07",))


def test_population_and_area_are_sums_that_agree_with_each_other() -> None:
    bodies = gv100ad.read(EXCERPT).bodies
    districts = {body.ars: body for body in bodies if body.kind == "landkreis"}
    inside: Counter[str] = Counter()
    for body in bodies:
        if body.district in districts and body.kind != "landkreis":
            inside[body.district] += body.population
    assert inside == {ars: body.population for ars, body in districts.items()}
    local = [body for body in bodies if body.kind != "landkreis"]
    assert sum(body.population for body in local) == 4_129_569
    assert sum(body.municipalities for body in local) == 2_300


def test_an_earlier_edition_in_another_encoding_gives_the_same_bodies(tmp_path: Path) -> None:
    text = EXCERPT.read_text(encoding="utf-8").replace("20251130", "20231130")
    earlier = tmp_path / "GV100AD_30112023.txt"
    earlier.write_bytes(text.replace("\n", "\r\n").encode("iso-8859-1"))
    edition = gv100ad.read(earlier)
    assert edition.date == dt.date(2023, 11, 30)
    assert edition.encoding == "ISO-8859-1"
    assert edition.bodies == gv100ad.read(EXCERPT).bodies


def test_a_mark_of_the_byte_order_and_an_end_of_file_of_old_are_no_records(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(b"\xef\xbb\xbf" + EXCERPT.read_bytes() + b"\x1a")
    assert gv100ad.read(path).bodies == gv100ad.read(EXCERPT).bodies


def test_hessen_has_districts_towns_and_municipalities_in_no_association(tmp_path: Path) -> None:
    edition = _read(
        tmp_path,
        land("06", "Hessen"),
        *town("06412", "Frankfurt am Main, Stadt", people=750_000),
        district("06434", "Hochtaunuskreis", seat="Bad Homburg v. d. Höhe"),
        *alone("06434", 1, "Bad Homburg v. d. Höhe, Stadt", "63"),
        *alone("06434", 4, "Grävenwiesbach"),
        district("06437", "Odenwaldkreis", seat="Erbach"),
        *alone("06437", 6, "Erbach, Kreisstadt", "63"),
        union("06437", "9200", "Michelbuch, gemfr. Gebiet", "50"),
        municipality("06437200", "9200", "Michelbuch, gemfr. Gebiet", "66", people=0, hectares=300, postcode=""),
    )
    assert _named(edition) == {
        "064120000000": ("kreisfreie_stadt", "Stadt Frankfurt am Main"),
        "064340000000": ("landkreis", "Hochtaunuskreis"),
        "064370000000": ("landkreis", "Odenwaldkreis"),
        "064340001001": ("verbandsfreie_gemeinde", "Stadt Bad Homburg v. d. Höhe"),
        "064340004004": ("verbandsfreie_gemeinde", "Gemeinde Grävenwiesbach"),
        "064370006006": ("verbandsfreie_gemeinde", "Stadt Erbach"),
    }
    odenwald = next(body for body in edition.bodies if body.ars == "064370000000")
    assert (odenwald.municipalities, odenwald.area_km2, odenwald.postcode) == (1, 13.0, "12345")


def test_bayern_has_markets_and_municipalities_that_share_an_administration(tmp_path: Path) -> None:
    edition = _read(
        tmp_path,
        land("09", "Bayern"),
        district("09171", "Altötting"),
        *alone("09171", 111, "Altötting, Stadt", "63"),
        *alone("09171", 113, "Burgkirchen a.d.Alz"),
        *alone("09171", 137, "Tüßling, Markt", "60"),
        union("09171", "5101", "Emmerting", "54", seat="Emmerting"),
        municipality("09171114", "5101", "Emmerting", people=4000, postcode="84547"),
        municipality("09171124", "5101", "Mehring", people=2000, postcode="84561"),
    )
    assert Counter(body.kind for body in edition.bodies) == {
        "landkreis": 1,
        "verbandsfreie_gemeinde": 3,
        "verwaltungsgemeinschaft": 1,
    }
    together = edition.bodies[-1]
    assert together.display_name == "Verwaltungsgemeinschaft Emmerting"
    assert (together.ars, together.ags, together.municipalities) == ("091715101000", None, 2)
    assert (together.population, together.postcode, together.district) == (6000, "84547", "091710000000")
    assert next(body for body in edition.bodies if body.name == "Tüßling").display_name == "Markt Tüßling"


def test_city_states_are_towns_that_are_their_own_district(tmp_path: Path) -> None:
    edition = _read(
        tmp_path,
        land("02", "Hamburg"),
        *town("02000", "Hamburg, Freie und Hansestadt", people=1_862_565),
        land("04", "Bremen"),
        *town("04011", "Bremen, Stadt"),
        *town("04012", "Bremerhaven, Stadt"),
        land("11", "Berlin"),
        *town("11000", "Berlin, Stadt"),
    )
    assert {body.kind for body in edition.bodies} == {"kreisfreie_stadt"}
    assert [body.ars for body in edition.bodies] == ["020000000000", "040110000000", "040120000000", "110000000000"]
    assert all(body.district == body.ars for body in edition.bodies)
    assert [body.ags for body in edition.of("04")] == ["04011000", "04012000"]


@pytest.mark.parametrize(
    ("key", "name", "mark", "shown"),
    [
        ("03241", "Region Hannover", "44", "Region Hannover"),
        ("05334", "Städteregion Aachen", "43", "Städteregion Aachen"),
        ("10041", "Regionalverband Saarbrücken", "45", "Regionalverband Saarbrücken"),
        ("05962", "Märkischer Kreis", "43", "Märkischer Kreis"),
        ("05166", "Viersen", "43", "Kreis Viersen"),
        ("13072", "Landkreis Rostock", "44", "Landkreis Rostock"),
    ],
)
def test_a_district_is_called_what_people_call_it(tmp_path: Path, key: str, name: str, mark: str, shown: str) -> None:
    edition = _read(tmp_path, land(key[:2]), district(key, name, mark), *alone(key, 1, "Ort"))
    assert (edition.bodies[0].kind, edition.bodies[0].display_name) == ("landkreis", shown)


@pytest.mark.parametrize(
    ("mark", "kind", "shown"),
    [
        ("51", "amt", "Amt Ort"),
        ("52", "samtgemeinde", "Samtgemeinde Ort"),
        ("53", "verbandsgemeinde", "Verbandsgemeinde Ort"),
        ("54", "verwaltungsgemeinschaft", "Verwaltungsgemeinschaft Ort"),
        ("55", "kirchspielslandgemeinde", "Kirchspielslandgemeinde Ort"),
        ("56", "verwaltungsverband", "Verwaltungsverband Ort"),
        ("57", "verwaltungsgemeinschaft", "Verwaltungsgemeinschaft Ort"),
        ("58", "erfuellende_gemeinde", "Erfüllende Gemeinde Ort"),
    ],
)
def test_every_kind_of_association_is_a_body_with_a_name_of_its_own(
    tmp_path: Path, mark: str, kind: str, shown: str
) -> None:
    together = (union("14523", "5101", "Ort", mark), municipality("14523010", "5101", "Ort"))
    edition = _read(tmp_path, land("14"), district("14523", "Vogtlandkreis"), *together)
    assert [(body.kind, body.display_name) for body in edition.bodies[1:]] == [(kind, shown)]


def test_in_baden_wuerttemberg_every_municipality_keeps_its_administration(tmp_path: Path) -> None:
    edition = _read(
        tmp_path,
        land("08", "Baden-Württemberg"),
        *town("08111", "Stuttgart, Stadtkreis", "42"),
        district("08335", "Konstanz"),
        *alone("08335", 79, "Stockach, Stadt", "63"),
        union("08335", "5002", "VVG der Stadt Konstanz", "54", seat="Konstanz"),
        municipality("08335043", "5002", "Konstanz, Universitätsstadt", "67"),
        municipality("08335002", "5002", "Allensbach"),
    )
    assert _named(edition) == {
        "081110000000": ("kreisfreie_stadt", "Stadt Stuttgart"),
        "083350000000": ("landkreis", "Landkreis Konstanz"),
        "083350079079": ("verbandsfreie_gemeinde", "Stadt Stockach"),
        "083355002002": ("gemeinde", "Gemeinde Allensbach"),
        "083355002043": ("gemeinde", "Stadt Konstanz"),
    }


@pytest.mark.parametrize(
    ("spoil", "key"),
    [
        (lambda _: b"", "error.gv100ad_empty"),
        (lambda _: b"\n", "error.gv100ad_empty"),
        (lambda _: b"ars;name\n07;Rheinland-Pfalz\n", "error.gv100ad_format"),
        (lambda _: b"%PDF-1.7\n", "error.gv100ad_format"),
        (lambda _: b"PK\x03\x04\x00\x00", "error.gv100ad_encoding"),
        (lambda whole: whole.decode().encode("utf-16"), "error.gv100ad_encoding"),
        (lambda whole: whole.replace(b"Koblenz", b"Kobl\x81nz", 1), "error.gv100ad_encoding"),
        (lambda whole: whole[: len(whole) // 2], "error.gv100ad_width"),
        (lambda whole: whole.replace(b"   \n", b"\n", 1), "error.gv100ad_width"),
        (lambda whole: whole.replace(b"20251130", b"20241231", 3).replace(b"20241231", b"20251130", 2), "mixed"),
        (lambda whole: b"".join(whole.splitlines(keepends=True)[:17]), "error.gv100ad_hollow"),
        (lambda whole: _without(whole, b"502025113007131   5001"), "error.gv100ad_lost"),
        (lambda whole: _without(whole, b"402025113007131"), "error.gv100ad_lost"),
        (lambda whole: whole.replace(b"\n60", b"\n70", 1), "error.gv100ad_record"),
        (lambda whole: whole.replace(b"2025113007111", b"2025113099111", 1), "error.gv100ad_record"),
        (lambda whole: whole.replace(b"2025113007111", b"20251130a7111", 1), "error.gv100ad_record"),
        (lambda whole: whole.replace(b"00000010525", b"0000001O525", 1), "error.gv100ad_record"),
        (lambda whole: b"\n".join(whole.splitlines() * 2) + b"\n", "error.gv100ad_record"),
        (lambda whole: _twice(whole, b"402025113007339"), "error.gv100ad_record"),
        (lambda whole: _twice(whole, b"502025113007339"), "error.gv100ad_record"),
        (lambda whole: _twice(whole, b"602025113007339"), "error.gv100ad_record"),
    ],
)
def test_a_file_that_is_none_is_refused_with_one_sentence(
    tmp_path: Path, spoil: Callable[[bytes], bytes], key: str
) -> None:
    path = tmp_path / "GV100AD.txt"
    path.write_bytes(spoil(EXCERPT.read_bytes()))
    with pytest.raises(Refused) as caught:
        gv100ad.read(path)
    assert key in caught.value.key
    for language in texts.LANGUAGES:
        assert "GV100AD.txt" in texts.say(language, caught.value.key, **caught.value.facts)


def test_a_huge_file_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(Refused) as caught:
        gv100ad.read(path)
    assert caught.value.key == "error.gv100ad_too_large"


def test_a_land_the_file_does_not_have_is_refused_and_those_it_has_are_named() -> None:
    with pytest.raises(Refused) as caught:
        gv100ad.read(EXCERPT).of("06")
    assert caught.value.facts == {"land": "06", "lands": "07"}


def _read(folder: Path, *lines: str) -> Edition:
    return gv100ad.read(written(folder, list(lines)))


def _named(edition: Edition) -> dict[str, tuple[str, str]]:
    return {body.ars: (body.kind, body.display_name) for body in edition.bodies}


def _without(whole: bytes, beginning: bytes) -> bytes:
    return b"".join(line for line in whole.splitlines(keepends=True) if not line.startswith(beginning))


def _twice(whole: bytes, beginning: bytes) -> bytes:
    """The first such record stands there twice."""
    at = whole.index(b"\n" + beginning) + 1
    record = whole[at : whole.index(b"\n", at) + 1]
    return whole[:at] + record + whole[at:]


def test_made_up_records_have_the_official_width() -> None:
    assert {len(line) for line in official.town("02000", "Hamburg")} == {220}
