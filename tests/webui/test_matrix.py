"""The matrix as a page."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.workflow.test_matrix import _open_everything
from tests.world import STRANGE_TOWN, TOWN, World


def test_a_cell_leads_to_its_case_and_says_where_it_stands(visit: Callable[[str], Visitor], world: World) -> None:
    case_id, theirs = world.open(), world.open(body=STRANGE_TOWN)
    world.days(20)
    page = visit("digi").get("/cases/matrix").text
    sound(page)
    assert f'<a class="c1 l" href={case_id}>Angefragt, überfällig</a>' in page
    assert str(theirs) not in page
    assert page.count('<b class="c1">Angefragt</b>') == 1
    assert visit("digi").get(f"/cases/{case_id}").status_code == 200
    assert "194 Kommunen" in words(page)
    assert 'aria-current="page">Matrix</a>' in page


def test_filters_travel_between_the_faces(visit: Callable[[str], Visitor], world: World) -> None:
    world.open()
    page = visit("team").get(f"/cases/matrix?district={TOWN}&state=requested&sort=due").text
    assert f'href="/cases?state=requested&amp;district={TOWN}&amp;sort=due"' in page
    assert 'name="sort" value="due"' in page
    listed = visit("team").get(f"/cases?district={TOWN}&state=requested").text
    assert f'href="/cases/matrix?state=requested&amp;district={TOWN}"' in listed


def test_a_large_matrix_stays_light(visit: Callable[[str], Visitor], world: World) -> None:
    _open_everything_beside(world)
    visitor, address, sizes = visit("office"), "/cases/matrix", []
    while True:
        answer = visitor.get(address)
        sizes.append(len(answer.data))
        more = re.search(r'rel="next" href="([^"]+)"', answer.text)
        if more is None:
            break
        address = more[1].replace("&amp;", "&")
    assert len(sizes) > 1
    assert max(sizes) <= 150_000


def _open_everything_beside(world: World) -> None:
    world.open()
    _open_everything(world)
