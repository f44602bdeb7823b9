"""The programme office takes cases over from a table: chosen, looked at, confirmed."""

from __future__ import annotations

import io
from collections.abc import Callable

import sqlalchemy as sa

from tests.webui import pages
from tests.webui.visitor import Visitor, words
from tests.world import STRANGE_TOWN, TOWN, World, contents
from workflow.models import Case

ADDRESS = "/programme/takeover"
TABLE = f"""Leistung;Kommune;Status;Seit;Quelle
wohngeld;{TOWN};Produktiv;17.03.2025;Liste
wohngeld;{STRANGE_TOWN};fertig;17.03.2025;Liste
"""


def chosen(content: bytes, name: str = "alt.csv") -> dict[str, tuple[io.BytesIO, str]]:
    """The form with a file."""
    return {"table": (io.BytesIO(content), name)}


def test_a_table_is_looked_at_before_anything_happens_and_then_taken_over(
    visit: Callable[[str], Visitor], world: World
) -> None:
    office = visit("office")
    pages.sound(office.get(ADDRESS).text)
    before = contents(world)
    looked = office.post(ADDRESS, **chosen(TABLE.encode()))
    assert looked.status_code == 200
    pages.sound(looked.text)
    assert "1 Vorgang würde übernommen" in looked.text
    assert "Status: „fertig“ gibt es nicht. Möglich: Angefragt, Vertrag geschlossen" in looked.text
    assert contents(world)["cases"] == before["cases"]
    form = pages.hidden(looked.text, f"{ADDRESS}/confirm")
    done = office.post(f"{ADDRESS}/confirm", **form)
    assert "1 Vorgang ist übernommen" in done.text
    pages.sound(done.text)
    again = office.post(f"{ADDRESS}/confirm", **form)
    assert words(again.text) == words(done.text), "the first result, whoever clicks twice"
    later = office.post(f"{ADDRESS}/confirm", **pages.of_another_window(form))
    assert "1 schon da" in later.text
    with world.look() as work:
        assert work.session.execute(sa.select(Case.body, Case.taken_over)).all() == [(TOWN, True)]
    assert "wohngeld-07339-1" in office.get("/cases?taken_over=yes").text


def test_a_file_that_is_no_table_is_refused_in_words(visit: Callable[[str], Visitor]) -> None:
    office = visit("office")
    for content in (b"", b"PK\x00", b"a;b\n1;2\n"):
        answer = office.post(ADDRESS, **chosen(content))
        assert answer.status_code == 422
        pages.sound(answer.text)
    assert office.post(f"{ADDRESS}/confirm", content="???", name="x").status_code == 422


def test_only_the_programme_office_takes_over_from_a_table(visit: Callable[[str], Visitor]) -> None:
    for who in ("team", "digi", "supervisor", "auditor", "admin"):
        visitor = visit(who)
        assert visitor.get(ADDRESS).status_code == 403
        assert visitor.post(ADDRESS, **chosen(TABLE.encode())).status_code == 403
        assert visitor.post(f"{ADDRESS}/confirm", content="", name="").status_code == 403
