"""The pages of clusters, recording and deciding together, as people use them."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa

from tests.webui.visitor import Visitor, words
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import clusters
from workflow.models import Cluster, Task


def test_the_programme_office_founds_a_cluster_and_members_come_and_go(
    world: World, visit: Callable[[str], Visitor]
) -> None:
    office = visit("office")
    assert "Verbund gründen" in office.get("/clusters").text
    given: dict[str, str | list[str]] = {
        "title": "Verbund Rhein",
        "lead": TOWN,
        "members": [STRANGE_TOWN],
        "services": ["wohngeld"],
    }
    assert office.post("/clusters", **given | {"title": ""}).status_code == 409
    answer = office.post("/clusters", **given)
    assert answer.status_code == 303
    address = answer.headers["Location"]
    with world.look() as work:
        cluster = work.session.execute(sa.select(Cluster.id)).scalar_one()
    case_id = world.open()
    page = words(office.get(address).text)
    assert "Landkreis Mainz-Bingen" in page
    assert "noch nicht eröffnet" in page
    assert str(case_id) in office.get(address).text
    assert office.post(f"/clusters/{cluster}/join", body=EMPTY_TOWN).status_code == 303
    assert office.post(f"/clusters/{cluster}/join", body=EMPTY_TOWN).status_code == 409
    assert office.post(f"/clusters/{cluster}/coordinators", person=str(world["stranger"])).status_code == 303
    assert "Stranger" in office.get(address).text
    stranger = visit("stranger")
    assert stranger.post(f"/clusters/{cluster}/leave", body=TOWN).status_code == 403
    assert stranger.post(f"/clusters/{cluster}/leave", body=STRANGE_TOWN).status_code == 303
    page = words(office.get(address).text)
    assert "Früher dabei" in page
    assert "Eine Kommune hat den Verbund verlassen" in page
    assert office.post(f"/clusters/{cluster}/coordinators/dismiss", person=str(world["stranger"])).status_code == 303
    assert visit("fachamt").post("/clusters", **given).status_code == 403


def test_a_coordinator_decides_for_several_members_at_once(world: World, visit: Callable[[str], Visitor]) -> None:
    with world.by("office") as work:
        cluster = clusters.found(work, "Verbund", STRANGE_TOWN, [TOWN, EMPTY_TOWN], ["wohngeld"]).id
        clusters.name_coordinator(work, cluster, world["stranger"])
    ids = {body: world.task(world.open(body=body), "express_interest") for body in (TOWN, EMPTY_TOWN)}
    stranger = visit("stranger")
    assert "im Verbund" in words(stranger.get("/").text)
    page = words(stranger.get(f"/tasks/{ids[TOWN]}").text)
    assert "Koordination des Verbunds" in page
    address = f"/tasks/{ids[TOWN]}/together"
    assert "Landkreis Ahrweiler" in stranger.get(address).text
    assert "mindestens eine Kommune" in words(stranger.post(address).text)
    seen = {f"seen-{one.hex}": "1" for one in ids.values()}
    given: dict[str, str | list[str]] = {
        "member": [str(one) for one in ids.values()],
        **seen,
        **_given(world, ids[TOWN]),
        "command": "einmal",
    }
    for _ in range(2):  # a double click does it once and shows the same
        answer = stranger.post(address, **given)
        assert answer.status_code == 200
        assert words(answer.text).casefold().count("erledigt") >= 2
        assert "nicht möglich" not in words(answer.text)
    assert visit("digi").get(address).status_code == 409


def test_a_team_enters_what_a_town_told(world: World, visit: Callable[[str], Visitor]) -> None:
    task_id = world.task(world.open(), "express_interest")
    team = visit("team")
    assert "Für die Kommune eintragen" in team.get(f"/tasks/{task_id}").text
    address = f"/tasks/{task_id}/record"
    assert team.get(address).status_code == 200
    assert visit("digi").get(address).status_code == 403
    answer = team.post(address, seen="1", **_given(world, task_id))
    assert answer.status_code == 422
    told = {"told-means": "phone", "told-told_on": "20.11.2026", "told-told_by": "Fachamt"}
    assert team.post(address, seen="1", **told, **_given(world, task_id)).status_code == 303
    page = words(visit("digi").get(f"/tasks/{task_id}").text)
    assert "am Telefon erfahren am" in page
    assert "von: Fachamt" in page


def _given(world: World, task_id: UUID) -> dict[str, str]:
    with world.look() as work:
        case_id = work.session.execute(sa.select(Task.case_id).where(Task.id == task_id)).scalar_one()
        answers = world.answers(work, case_id, "express_interest")
    return {f"answer-{name}": str(value) for name, value in answers.items()}
