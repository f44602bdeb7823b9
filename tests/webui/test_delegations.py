"""The page of delegated services, and what people see of it elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from tests.webui.visitor import Visitor, words
from tests.world import STRANGE_TOWN, TOWN, World
from workflow import delegations
from workflow.models import Delegation


def test_leitung_delegates_a_service_and_the_delegate_gives_it_back(
    world: World, visit: Callable[[str], Visitor]
) -> None:
    case_id = world.open()
    leitung, stranger = visit("leitung"), visit("stranger")
    form = {"giver": TOWN, "service": "wohngeld", "delegate": STRANGE_TOWN, "from": "23.11.2026", "until": "31.03.2027"}
    assert "Leistung übertragen" in words(leitung.get("/delegations").text)
    assert "Erster Tag" not in words(stranger.get("/delegations").text), "Worms has no leitung here"
    faulty = leitung.post("/delegations", **form | {"from": "bald", "delegate": ""})
    assert faulty.status_code == 422
    assert "Bitte geben Sie einen Tag an" in words(faulty.text)
    assert leitung.post("/delegations", **form | {"delegate": TOWN}).status_code == 409
    assert leitung.post("/delegations", **form | {"until": "01.11.2026"}).status_code == 409
    assert leitung.post("/delegations", **form).status_code == 303
    assert "schon übertragen" in words(leitung.post("/delegations", **form).text)
    assert visit("fachamt").post("/delegations", **form).status_code == 403
    delegations.apply(world.engine)
    assert "übertragen, hier arbeitet: Stadt Worms" in words(leitung.get(f"/cases/{case_id}").text)
    assert "Landkreis Mainz-Bingen" in words(stranger.get("/").text)
    task_id = world.task(case_id, "express_interest")
    assert visit("digi").post(f"/tasks/{task_id}/accept", seen="1").status_code == 403
    assert stranger.post(f"/tasks/{task_id}/accept", seen="1").status_code == 303
    page = words(stranger.get(f"/cases/{case_id}").text)
    assert "Stranger für Landkreis Mainz-Bingen" in page
    with world.look() as work:
        delegation = work.session.execute(sa.select(Delegation.id)).scalar_one()
    assert visit("fachamt").post(f"/delegations/{delegation}/end").status_code == 403
    assert stranger.post(f"/delegations/{delegation}/end").status_code == 303
    assert stranger.post(f"/delegations/{delegation}/end").status_code == 409
    delegations.apply(world.engine)
    assert stranger.get(f"/cases/{case_id}").status_code == 404
    assert "arbeitet hier nicht mehr" in words(leitung.get(f"/cases/{case_id}").text)
    assert "zurückgenommen, bevor sie galt" in words(leitung.get("/delegations").text)
