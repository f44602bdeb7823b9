"""Names stand where a German looks for them, whatever the database."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from tests.world import TOWN, World
from workflow import people, registers, texts
from workflow.models import Body, Team, Vendor
from workflow.queries import bodies, matrix, programme, search
from workflow.queries import people as people_pages

NAMES = ("Zoe Beispiel", "ägir beispiel", "Anton Beispiel", "Özge Beispiel", "Oskar Beispiel", "Straßer Beispiel",
         "Strasser-Zwei Beispiel", "Ähre Beispiel")  # fmt: skip
IN_ORDER = ("ägir beispiel", "Ähre Beispiel", "Anton Beispiel", "Oskar Beispiel", "Özge Beispiel", "Straßer Beispiel",
            "Strasser-Zwei Beispiel", "Zoe Beispiel")  # fmt: skip


@pytest.fixture
def named(world: World) -> World:
    """People, teams and vendors of these names."""
    with world.by("admin") as work:
        for number, name in enumerate(NAMES):
            role = people.parse_role(f"fachamt@{TOWN}")
            email = f"{number}@sort.example"
            people.add(work, email=email, name=name, password_hash=None, language="de", roles=[role])
    with world.engine.change("system") as work:
        for number, name in enumerate(NAMES):
            work.session.execute(sa.insert(Team).values(key=f"t{number}", title=name))
            work.session.execute(sa.insert(Vendor).values(key=f"v{number}", title=name))
    return world


def ours(found: Sequence[str]) -> tuple[str, ...]:
    """Those of the names that are among these, in their order."""
    return tuple(name for name in found if name in NAMES)


def test_people_teams_and_vendors_sort_as_german_does(named: World) -> None:
    assert tuple(sorted(NAMES, key=texts.sort_key)) == IN_ORDER
    with named.look("admin") as work:
        assert ours([one.name or "" for one in people.everybody(work)]) == IN_ORDER
        assert ours([hit.name for hit in search.search(work, "beispiel", only="people").people.hits]) == IN_ORDER
        assert ours([line.title for line in people_pages.teams(work)]) == IN_ORDER
    with named.look("office") as work:
        assert ours([title.de for title in registers.entries(work, "vendors").values()]) == IN_ORDER
        assert ours([team.title for team in programme.programme(work).teams]) == IN_ORDER
        assert ours([title for _, title in matrix.matrix(work).teams]) == IN_ORDER
    with named.look("digi") as work:
        roles = bodies.body(work, TOWN).roles
        assert roles is not None
        (fachamt,) = (role for role in roles if role.title.de == "Fachamt")
        assert ours([holder.name for holder in fachamt.holders]) == IN_ORDER


def test_bodies_sort_alike_in_every_list(named: World) -> None:
    with named.look("office") as work:
        keys = dict(work.session.execute(sa.select(Body.ars, Body.sort_key)).all())
        listed = list(registers.entries(work, "bodies"))
        found = [hit.ars for hit in search.search(work, "verbandsgemeinde", only="bodies").bodies.hits]
    for ars in (listed, found):
        assert [keys[one] for one in ars] == sorted(keys[one] for one in ars)
