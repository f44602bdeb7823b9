"""The pages of clusters, recording and deciding together, as people use them."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa

from tests.webui.visitor import Visitor, words
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import clusters, tasks
from workflow.models import Cluster, Task


def test_the_programme_office_founds_a_cluster_and_members_come_and_go(
    world: World, visit: Callable[[str], Visitor]
) -> None:
    office = visit("office")
    page = office.get("/clusters").text
    assert "Verbund gründen" in page
    assert f'name="members" value="{TOWN}"' in page
    assert 'name="services" value="wohngeld"' in page
    given: dict[str, str | list[str]] = {
        "title": "Verbund Rhein",
        "lead": TOWN,
        "members": [STRANGE_TOWN],
        "services": ["wohngeld"],
    }
    answer = office.post("/clusters", **given | {"title": ""})
    assert answer.status_code == 409
    assert f'value="{STRANGE_TOWN}" checked' in answer.text, "what was ticked stays ticked"
    answer = office.post("/clusters", **given | {"lead": ""})
    assert (answer.status_code, "Bitte wählen Sie die Kommune, die den Verbund führt." in answer.text) == (422, True)
    answer = office.post("/clusters", **given | {"title": "Passwort: Sommer2026!"})
    assert (answer.status_code, "Das sieht nach einem Passwort aus." in words(answer.text)) == (422, True)
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
    page = office.get(address).text
    assert "Stranger" in words(page)
    assert f'<option value="{world["stranger"]}"' not in page, "who co-ordinates already is not offered again"
    stranger = visit("stranger")
    assert stranger.post(f"/clusters/{cluster}/leave", body=TOWN).status_code == 403
    assert stranger.post(f"/clusters/{cluster}/leave", body=STRANGE_TOWN).status_code == 303
    page = words(office.get(address).text)
    assert "Früher dabei" in page
    assert "Landkreis Ahrweiler kam dazu" in page
    assert "Stranger koordiniert von jetzt an" in page
    assert "Stadt Worms hat den Verbund verlassen" in page
    gone = office.post(f"/clusters/{cluster}/coordinators/dismiss", person=str(world["stranger"]))
    assert gone.status_code == 404, "whose body left co-ordinates no more"
    for deed in ("coordinators", "coordinators/dismiss"):
        assert office.post(f"/clusters/{cluster}/{deed}", person=str(world["it"])).status_code == 303
    assert visit("fachamt").post("/clusters", **given).status_code == 403


def test_a_member_that_is_not_responsible_for_a_service_is_not_said_to_wait_for_it(
    world: World, visit: Callable[[str], Visitor]
) -> None:
    with world.by("office") as work:
        cluster = clusters.found(work, "Verbund", TOWN, [STRANGE_TOWN], ["eheschliessung"]).id
    page = words(visit("office").get(f"/clusters/{cluster}").text)
    assert "Landkreis Mainz-Bingen führt nicht zuständig" in page
    assert "Stadt Worms noch nicht eröffnet" in page


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


def test_a_vendor_is_chosen_from_the_register_there_as_well(world: World, visit: Callable[[str], Visitor]) -> None:
    with world.by("office") as work:
        cluster = clusters.found(work, "Verbund", STRANGE_TOWN, [TOWN], ["wohngeld"]).id
        clusters.name_coordinator(work, cluster, world["stranger"])
    case_id = world.open()
    world.bring(case_id, "take_inventory")
    address = f"/tasks/{world.task(case_id, 'take_inventory')}"
    for who, form in (("stranger", "together"), ("team", "record")):
        page = visit(who).get(f"{address}/{form}").text
        assert "PROSOZ Herten" in page, form


def test_what_is_told_of_a_second_attempt_leaves_what_stands(world: World, visit: Callable[[str], Visitor]) -> None:
    case_id = world.open()
    world.walk(case_id, until="connected")
    world.bring(case_id, "acceptance")
    task_id = world.task(case_id, "acceptance")
    with world.by("fachamt") as work:
        given = world.answers(work, case_id, "acceptance") | {
            "defects": "critical",
            "defects_described": "Zahlen geht nicht.",
        }
        tasks.submit(work, task_id, given)
    with world.by("team") as work:
        tasks.send_back(work, task_id, "Erst beheben.", ["defects"])
    team = visit("team")
    address = f"/tasks/{task_id}/record"
    page = team.get(address).text
    assert "2 Angaben bleiben wie angegeben" in words(page)
    assert "Zahlen geht nicht." in page
    assert "vertrag.pdf" in page
    told = {"told-means": "phone", "told-told_on": "20.11.2026", "told-told_by": "Fachamt"}
    seen = str(world.row(case_id, "acceptance").version)
    answer = team.post(
        address, seen=seen, **told, **{"answer-defects": "minor", "answer-defects_described": "Zahlen geht nicht."}
    )
    assert answer.status_code == 303
    page = words(visit("fachamt").get(f"/tasks/{task_id}").text)
    assert "Leicht – Betrieb ohne Einschränkung" in page
    assert "vertrag.pdf" in page


def _given(world: World, task_id: UUID) -> dict[str, str]:
    with world.look() as work:
        case_id = work.session.execute(sa.select(Task.case_id).where(Task.id == task_id)).scalar_one()
        answers = world.answers(work, case_id, "express_interest")
    return {f"answer-{name}": str(value) for name, value in answers.items()}
