"""People, roles, teams and colleagues: who sees and does what, and what everybody else is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.statements import counted
from tests.webui.pages import offers, sound
from tests.webui.visitor import Visitor, words
from tests.world import STRANGE_TOWN, TOWN, World
from workflow import access, people
from workflow.access import Letterhead
from workflow.models import Grant, Invitation, Person
from workflow.policy import Role

NEW = "neu@kreis.example"
HEAD = Letterhead("http://localhost", "startklar.example")
COLLEAGUES = f"/bodies/{TOWN}/people"


def test_digi_invites_a_colleague_sends_again_and_withdraws(visit: Callable[[str], Visitor], world: World) -> None:
    visitor = visit("digi")
    page = visitor.get(COLLEAGUES).text
    sound(page)
    assert 'value="leitung"' not in page
    answer = visitor.post(COLLEAGUES, email="kein postfach", role="fachamt")
    assert (answer.status_code, 'href="#field-email"' in answer.text) == (422, True)
    assert visitor.post(COLLEAGUES, email="", role="").status_code == 422
    answer = visitor.post(COLLEAGUES, email=NEW, role="fachamt", name="Nora Neu")
    assert (answer.status_code, answer.headers["Location"]) == (303, COLLEAGUES)
    page = visitor.get(COLLEAGUES).text
    sound(page)
    assert "Die Einladung an neu@kreis.example ist unterwegs." in words(page)
    assert "Eingeladen Link gilt bis" in words(page)
    [waiting] = _all(world, sa.select(Invitation.__table__))
    again = visitor.post(f"/invitations/people/{waiting.person_id}", next=COLLEAGUES)
    assert (again.status_code, again.headers["Location"]) == (303, COLLEAGUES)
    page = words(visitor.get(COLLEAGUES).text)
    assert "eingeladen von Digi · Mo., 23. November 2026, 08:00" in page
    assert "neuer Link von Digi · " in page
    gone = visitor.post(f"/invitations/{waiting.id}/withdraw", next="//evil.example/x")
    assert (gone.status_code, gone.headers["Location"]) == (303, "/")
    assert "Nora Neu" not in visitor.get(COLLEAGUES).text
    assert visitor.post(f"/invitations/{waiting.id}/withdraw").status_code == 404


def test_who_is_new_and_has_nothing_to_do_finds_the_way_to_colleagues(visit: Callable[[str], Visitor]) -> None:
    assert offers(visit("leitung").get("/").text, COLLEAGUES)
    page = words(visit("leitung").get(COLLEAGUES).text)
    assert page.index("Handwerksgründung") < page.index("Öffentliche Vergabe") < page.index("Wohngeld"), "Ö is an o"
    assert not offers(visit("fachamt").get("/").text, COLLEAGUES)


def test_a_double_click_invites_once(visit: Callable[[str], Visitor], world: World) -> None:
    visitor = visit("digi")
    sent = {"email": NEW, "role": "fachamt", "command": "one-form"}
    assert [visitor.post(COLLEAGUES, **sent).status_code for _ in range(2)] == [303, 303]
    assert len(_all(world, sa.select(Invitation.id))) == 1
    assert visitor.post(COLLEAGUES, email=NEW, role="leitung", command="another").status_code == 403


def test_a_role_is_ended_by_who_gives_it(visit: Callable[[str], Visitor], world: World) -> None:
    leitung, fachamt, digi = (_grant(world, who) for who in ("leitung", "fachamt", "digi"))
    visitor = visit("digi")
    page = visitor.get(COLLEAGUES).text
    assert offers(page, f"/roles/{fachamt}/end")
    assert not offers(page, f"/roles/{leitung}/end")
    assert not offers(page, f"/roles/{digi}/end")
    assert visitor.post(f"/roles/{leitung}/end").status_code == 403
    answer = visitor.post(f"/roles/{digi}/end", next=COLLEAGUES)
    assert (answer.status_code, "nicht selbst nehmen" in words(answer.text)) == (409, True)
    assert visitor.post(f"/roles/{fachamt}/end", next=COLLEAGUES).headers["Location"] == COLLEAGUES
    assert visitor.post(f"/roles/{fachamt}/end").status_code == 404
    page = words(visitor.get(COLLEAGUES).text)
    assert "Fachamt Solange übernimmt: Digitalisierungsbeauftragte:r" in page


def test_who_sees_the_people_of_a_body(visit: Callable[[str], Visitor]) -> None:
    for who, status in {
        "fachamt": 200,
        "team": 200,
        "admin": 200,
        "stranger": 403,
        "office": 403,
        "operator": 403,
    }.items():
        answer = visit(who).get(COLLEAGUES)
        assert answer.status_code == status, who
        assert ('name="email"' in answer.text) is (who == "admin"), who
    assert visit("leitung").get(f"/bodies/{STRANGE_TOWN}/people").status_code == 403
    assert visit("leitung").get("/bodies/000000000000/people").status_code == 404
    assert visit("leitung").post(f"/bodies/{STRANGE_TOWN}/people", email=NEW, role="digi").status_code == 403


def test_a_supervisor_invites_members_of_the_own_team(visit: Callable[[str], Visitor], world: World) -> None:
    visitor = visit("supervisor")
    address = f"/teams/{world.team}"
    assert 'href="/teams"' in visitor.get("/").text
    assert address in visitor.get("/teams").text
    page = visitor.get(address).text
    sound(page)
    assert 'value="supervisor"' not in page
    assert visitor.post(address, email=NEW, role="umsetzungsteam").status_code == 303
    assert visitor.post(address, email=NEW, role="supervisor").status_code == 403
    assert "neu@kreis.example" in visitor.get(address).text
    assert 'name="email"' not in visit("team").get(address).text
    for who in ("other_team", "digi", "stranger"):
        assert visit(who).get(address).status_code == 404
    sound(visit("digi").get("/teams").text)
    assert visit("admin").get("/teams").text.count("/teams/") >= 2


@pytest.mark.parametrize("who", ["leitung", "digi", "team", "supervisor", "office", "auditor", "stranger", "operator"])
def test_the_list_of_people_is_the_administrations(visit: Callable[[str], Visitor], world: World, who: str) -> None:
    visitor = visit(who)
    one = f"/people/{world['kasse']}"
    for address in ("/people", one, "/people/invite", f"{one}/leave"):
        answer = visitor.get(address)
        assert answer.status_code == 403, address
        assert "kasse@startklar.example" not in answer.text
    for address in ("/people/invite", f"{one}/address", f"{one}/same", f"{one}/sign-out", f"{one}/end", f"{one}/works"):
        sent = {"email": NEW, "role": "admin", "where": "land", "address": NEW, "other": "it@startklar.example"}
        assert visitor.post(address, **sent).status_code == 403, address
    assert visitor.post(f"{one}/erase", sure="true").status_code == 403


def test_people_are_found_by_name_role_team_and_state(visit: Callable[[str], Visitor], world: World) -> None:
    with world.by("admin") as work:
        people.add(work, email="g@x.example", name="Götz Voß", password_hash=None, language="de", roles=[])
        access.invite(work, NEW, Role("digi", body=STRANGE_TOWN), head=HEAD)
    visitor = visit("admin")
    for asked, there, not_there in (
        ("q=goetz", "Götz Voß", "Kasse"),
        ("q=gotz+VOSS", "Götz Voß", "Kasse"),
        ("q=kasse%40", "kasse@startklar.example", "Götz"),
        ("role=supervisor", "supervisor@startklar.example", "Götz"),
        (f"team={world.team}", "colleague@startklar.example", "Götz"),
        (f"body={STRANGE_TOWN}", NEW, "kasse@"),
        ("state=invited", NEW, "kasse@"),
        ("state=unused", "Götz Voß", "kasse@"),
    ):
        page = visitor.get(f"/people?{asked}").text
        assert there in page, asked
        assert not_there not in words(page).replace("Kasse Finanzen", "") or asked.startswith("q=g"), asked
        sound(page)
    for odd in (
        "role=nichts",
        "team=x",
        "body=1",
        "state=x",
        "after=x",
        f"after={'0' * 32}",
        "q=%25",
        "q=" + "a" * 4000,
    ):
        assert visitor.get(f"/people?{odd}").status_code == 200, odd


def test_everybody_is_listed_once_over_all_pages(visit: Callable[[str], Visitor], world: World) -> None:
    with world.by("admin") as work:
        for number in range(60):
            people.add(
                work, email=f"p{number}@x.example", name="Alle Gleich", password_hash=None, language="de", roles=[]
            )
    visitor = visit("admin")
    with counted(world) as sent:
        first = visitor.get("/people").text
    assert len(sent) <= 30
    after = first.split("after=")[1].split('"')[0]
    second = visitor.get(f"/people?after={after}").text
    ids = [
        part.split('"')[0]
        for page in (first, second)
        for part in page.split('href="/people/')[1:]
        if part[0] in "0123456789abcdef"
    ]
    assert len(ids) == len(set(ids)) == 60 + len(world.ids)


def test_an_administrator_invites_anybody_to_anything(visit: Callable[[str], Visitor], world: World) -> None:
    visitor = visit("admin")
    for where in ("body", "team", "operator", "land"):
        answer = visitor.get(f"/people/invite?where={where}")
        assert answer.status_code == 200
        sound(answer.text)
    sent = {"email": NEW, "language": "en", "name": "Nora Neu"}
    assert visitor.post("/people/invite", where="body", role="digi", **sent).status_code == 422
    assert visitor.post("/people/invite", where="body", role="digi", body="1", **sent).status_code == 409
    answer = visitor.post("/people/invite", where="body", role="digi", body=TOWN, service="wohngeld", **sent)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/people?state=invited")
    assert visitor.post("/people/invite", where="team", role="supervisor", team=world.team, **sent).status_code == 303
    assert (
        visitor.post("/people/invite", where="operator", role="rollout_team", operator="dataport", **sent).status_code
        == 303
    )
    assert visitor.post("/people/invite", where="land", role="auditor", **sent).status_code == 303
    person = _one(world, sa.select(Person.__table__).where(Person.email == NEW))
    assert person.language == "en"
    assert len(_all(world, sa.select(Invitation.id))) == 4
    page = words(visitor.get(f"/people/{person.id}").text)
    assert "Eingeladen: Digitalisierungsbeauftragte:r, Landkreis Mainz-Bingen" in page


def test_an_administrator_looks_after_an_account(visit: Callable[[str], Visitor], world: World) -> None:
    visitor, one = visit("admin"), f"/people/{world['kasse']}"
    visit("kasse")
    page = visitor.get(one).text
    sound(page)
    assert "Kasse" in page
    given = {"person": str(world["kasse"]), "email": "kasse@startklar.example"}
    assert "kasse@startklar.example" in visitor.get(f"/people/invite?person={world['kasse']}&where=team").text
    answer = visitor.post("/people/invite", where="body", body=TOWN, role="isb", **given)
    assert answer.headers["Location"] == one
    answer = visitor.post("/people/invite", where="body", body=TOWN, role="isb", **given)
    assert (answer.status_code, "hat die Rolle schon" in words(answer.text)) == (422, True)
    assert visitor.post(f"{one}/address", address="unsinn").status_code == 422
    assert visitor.post(f"{one}/address", address="digi@startklar.example").status_code == 409
    assert visitor.post(f"{one}/address", address="Kasse2@startklar.example").status_code == 303
    assert visitor.post(f"{one}/same", other="niemand@startklar.example").status_code == 422
    assert visitor.post(f"{one}/same", other="it@startklar.example").status_code == 303
    assert visitor.post(f"{one}/same", other="it@startklar.example").status_code == 409
    sound(visitor.get(one).text)
    assert visitor.post(f"{one}/same/{world['it']}/undo").status_code == 303
    assert visitor.post(f"{one}/sign-out").status_code == 303
    said_of_them = words(visitor.get(one).text)
    for said in ("Adresse geändert", "Überall abgemeldet", "Als derselbe Mensch geführt", "Rolle erhalten: Kasse"):
        assert said in said_of_them, said
    assert visitor.post(f"{one}/works").status_code == 409
    assert visitor.get(f"/people/{UUID(int=7)}").status_code == 404
    assert visitor.post(f"/people/{world['admin']}/end").status_code == 409


def test_before_an_account_goes_it_is_said_what_goes_and_what_stays(
    visit: Callable[[str], Visitor], world: World
) -> None:
    visitor, one = visit("admin"), f"/people/{world['kasse']}"
    at_home = visit("kasse")
    page = visitor.get(f"{one}/leave").text
    sound(page)
    assert "Alle Rollen. Zurzeit sind es 1." in words(page)
    assert visitor.post(f"{one}/end").status_code == 303
    assert at_home.get("/account").status_code == 303
    assert "Konto beendet" in words(visitor.get(one).text)
    assert "Kasse" in words(visitor.get("/people?state=ended").text)
    sound(visitor.get(f"{one}/leave?erase=yes").text)
    answer = visitor.post(f"{one}/erase")
    assert answer.headers["Location"] == f"{one}/leave?erase=yes"  # nothing without being asked
    assert visitor.post(f"{one}/erase", sure="true").headers["Location"] == "/people"
    assert visitor.post(f"{one}/erase", sure="true").status_code == 409
    sound(visitor.get(one).text)
    assert "kasse@startklar.example" not in visitor.get(one).text


def test_every_entry_of_a_persons_history_has_words(visit: Callable[[str], Visitor], world: World) -> None:
    visitor = visit("admin")
    for who in world.ids.values():
        assert visitor.get(f"/people/{who}").status_code == 200


def _grant(world: World, who: str) -> Any:
    query = sa.select(Grant.id).where(Grant.person_id == world[who], Grant.ended_at.is_(None))
    return _one(world, query).id


def _one(world: World, query: sa.Select[Any]) -> Any:
    with world.look() as work:
        return work.session.execute(query).one()


def _all(world: World, query: sa.Select[Any]) -> list[Any]:
    with world.look() as work:
        return list(work.session.execute(query).all())
