"""Invitation links and forgotten passwords at the door: what opens, what does not, and what an attacker learns."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.webui.pages import sound
from tests.webui.visitor import Visitor, address, words
from tests.world import TOWN, World, contents
from workflow import access, links, people
from workflow.access import Letterhead
from workflow.models import AccessLink, Installation, Message, Person, WebSession
from workflow.policy import Role

NEW, SECRET = "neu@kreis.example", "drei kluge worte dazu"
HEAD = Letterhead("http://localhost", "startklar.example")


@pytest.fixture
def token(world: World) -> str:
    """The secret of an invitation of the town's digi."""
    with world.by("digi") as work:
        access.invite(work, NEW, Role("fachamt", body=TOWN), head=HEAD)
    return _token(world)


def test_an_invitation_is_taken_up_in_one_form(app: Flask, stranger: Visitor, world: World, token: str) -> None:
    before = contents(world)
    answer = stranger.get(f"/access/{token}")
    page = words(answer.text)
    assert answer.status_code == 200
    assert "Digi lädt Sie ein" in page
    assert re.search(r"Gesendet: \d\d:\d\d\. Der Link gilt bis \S+, \d+\. \S+( \d{4})?, \d\d:\d\d\.", page)
    assert "Landkreis Mainz-Bingen" in page
    sound(answer.text)
    assert contents(world) == before  # a scanner that looks spends nothing
    answer = stranger.post(
        f"/access/{token}", name="Nora Neu", password=SECRET, language="de", next="https://evil.example"
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tour")
    assert "Schritt 1 von 4" in words(stranger.get("/tour").text)
    stranger._csrf = None
    assert stranger.post("/tour/end").headers["Location"] == "/"
    page = stranger.get("/").text
    assert "Nora Neu" in words(page)
    assert "/tour/end" not in page
    assert stranger.get("/cases").status_code == 200


def test_the_address_of_a_link_is_told_to_nobody(stranger: Visitor, token: str) -> None:
    for path in (f"/access/{token}", "/access/geraten"):
        answer = stranger.get(path)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
    answer = stranger.get(f"/access/{token}")
    assert not re.search(r'(?:src|href)="https?://', answer.text)
    assert not re.search(rf'href="[^"]*{token}', answer.text)
    assert token[:20] not in stranger.get(f"/access/{token[:20]}").text.replace(f'value="/access/{token[:20]}"', "")


def test_what_is_wrong_is_said_at_its_field_and_spends_nothing(stranger: Visitor, token: str) -> None:
    stranger.get(f"/access/{token}")
    answer = stranger.post(f"/access/{token}", name="Nora Neu", password="kurz", language="en")
    assert answer.status_code == 422
    assert 'href="#field-password"' in answer.text
    assert 'value="Nora Neu"' in answer.text
    assert "kurz" not in answer.text
    sound(answer.text)
    answer = stranger.post(f"/access/{token}", name=" ", password=SECRET)
    assert (answer.status_code, 'href="#field-name"' in answer.text) == (422, True)
    assert stranger.post(f"/access/{token}", name="Nora", password=SECRET).status_code == 303


def test_a_form_from_elsewhere_opens_nothing(app: Flask, world: World, token: str) -> None:
    client = app.test_client()
    given = {"name": "Nora", "password": SECRET}
    assert client.post(f"/access/{token}", data=given).status_code == 403
    assert client.post(f"/access/{token}", data=given, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    with world.look() as work:
        assert work.session.execute(sa.select(AccessLink.used_at)).scalar_one() is None


def test_forms_of_a_page_that_names_itself_to_nobody_are_taken(app: Flask, world: World, token: str) -> None:
    client = app.test_client()
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(f"/access/{token}").text)
    assert found is not None
    csrf = {"csrf_token": found[1]}
    nameless = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    answer = client.post("/language", data={**csrf, "language": "en", "next": f"/access/{token}"}, headers=nameless)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/access/{token}")
    assert "Welcome to Startklar" in client.get(f"/access/{token}").text
    elsewhere = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
    given = {"name": "Nora", "password": SECRET}
    assert client.post(f"/access/{token}", data={**csrf, **given}, headers=elsewhere).status_code == 403
    assert client.post(f"/access/{token}", data={"csrf_token": "x", **given}, headers=nameless).status_code == 403
    assert client.post("/sign-in", data=csrf, headers={"Origin": "null"}).status_code == 403
    assert client.post(f"/access/{token}", data={**csrf, **given}, headers={"Origin": "null"}).status_code == 303


def test_a_used_link_leads_to_the_sign_in_page(stranger: Visitor, token: str) -> None:
    stranger.get(f"/access/{token}")
    stranger.post(f"/access/{token}", name="Nora", password=SECRET)
    stranger._csrf = None
    stranger.sign_out()
    answer = stranger.get(f"/access/{token}")
    assert answer.status_code == 410
    assert "schon benutzt" in words(answer.text)
    assert 'href="/sign-in"' in answer.text
    assert NEW not in answer.text
    sound(answer.text)
    assert stranger.post(f"/access/{token}", name="X", password=SECRET + "x").status_code == 410
    assert stranger.sign_in(NEW, SECRET).status_code == 303


def test_whoever_guesses_links_learns_nothing_and_has_to_wait(stranger: Visitor, world: World, token: str) -> None:
    told = {words(stranger.get(f"/access/{token[:-12]}{letter * 12}").text) for letter in "abc"}
    told.add(words(stranger.get("/access/x").text))
    assert len(told) == 1
    answers = [stranger.get("/access/x").status_code for _ in range(103)]
    assert (answers[0], answers[-1]) == (404, 429)
    assert stranger.get(f"/access/{token}").status_code == 200  # who has a real one does not wait for others


def test_a_link_never_names_the_host_somebody_asked_by(
    app: Flask, visit: Callable[[str], Visitor], world: World
) -> None:
    client = app.test_client()
    page = client.get("/password", headers={"Host": "evil.example"})
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert csrf is not None
    asked = {"csrf_token": csrf[1], "email": address(world, "digi")}
    answer = client.post("/password", data=asked, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert answer.status_code == 200
    with world.look() as work:
        mail = work.session.execute(sa.select(Message.plain, Message.html)).one()
    assert "evil.example" not in mail.plain + mail.html
    assert f"{world.engine.settings.base_url}/access/" in mail.plain


def test_a_forgotten_password_gets_the_same_answer_for_everybody(
    stranger: Visitor, visit: Callable[[str], Visitor], world: World
) -> None:
    at_home = visit("digi")
    assert 'href="/password"' in stranger.get("/sign-in").text
    answers = [stranger.post("/password", email=email) for email in (address(world, "digi"), "niemand@example.org")]
    said = [
        re.sub(r'(csrf_token|command)" value="[^"]+"', "", answer.text).replace(email, "…")
        for answer, email in zip(answers, (address(world, "digi"), "niemand@example.org"), strict=True)
    ]
    assert said[0] == said[1]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({tuple(sorted(answer.headers.keys())) for answer in answers}) == 1
    assert stranger.post("/password", email="kein postfach").status_code == 422

    token = _token(world)
    page = stranger.get(f"/access/{token}")
    assert "Neues Passwort festlegen" in words(page.text)
    sound(page.text)
    answer = stranger.post(f"/access/{token}", password=SECRET)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert at_home.get("/account").status_code == 303  # signed out
    assert stranger.get("/account").status_code == 200


def test_whoever_opens_a_link_while_somebody_is_signed_in_is_told(
    visit: Callable[[str], Visitor], world: World, token: str
) -> None:
    visitor = visit("leitung")
    assert "An diesem Gerät ist gerade Leitung angemeldet" in words(visitor.get(f"/access/{token}").text)
    assert visitor.post(f"/access/{token}", name="Nora", password=SECRET).status_code == 303
    assert "Nora" in words(visitor.get("/account").text)
    with world.look() as work:
        query = sa.select(WebSession.revoked_at).where(WebSession.person_id == world["leitung"])
        assert None not in set(work.session.execute(query).scalars())


def test_a_link_ends_with_its_address(stranger: Visitor, world: World, token: str) -> None:
    with world.by("admin") as work:
        people.change_address(work, people.named(work, NEW), "anders@kreis.example")
    answer = stranger.get(f"/access/{token}")
    assert answer.status_code == 410
    assert "anders@kreis.example" not in answer.text


def test_the_tour_is_offered_until_it_was_seen_or_put_away(visit: Callable[[str], Visitor], world: World) -> None:
    visitor = visit("team")
    assert "/tour/end" in visitor.get("/").text
    for step in range(1, 5):
        page = visitor.get(f"/tour?step={step}").text
        assert f"Schritt {step} von 4" in words(page)
        sound(page)
    assert "Los geht" in words(visitor.get("/tour?step=4").text)
    for odd in ("0", "99", "-1", "x", "1e9"):
        assert visitor.get(f"/tour?step={odd}").status_code == 200
    visitor.post("/tour/end")
    visitor.post("/tour/end")
    assert "/tour/end" not in visitor.get("/").text
    assert 'href="/tour"' in visitor.get("/").text  # in the menu of the account


@pytest.mark.parametrize("who", ["leitung", "supervisor", "office", "auditor", "admin", "operator"])
def test_everybody_has_a_tour_that_fits(visit: Callable[[str], Visitor], who: str) -> None:
    visitor = visit(who)
    last = visitor.get("/tour?step=9").text
    sound(last)
    assert 'action="/tour/end"' in last


def _token(world: World) -> str:
    """The secret of the newest link that opens something."""
    with world.look() as work:
        key = work.session.execute(sa.select(Installation.link_key)).scalar_one()
        link_id = work.session.execute(
            sa.select(AccessLink.id)
            .join(Person, Person.id == AccessLink.person_id)
            .where(AccessLink.ended_at.is_(None), AccessLink.used_at.is_(None))
        ).scalar_one()
    return links.access_written(key, link_id)
