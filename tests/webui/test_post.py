"""Mail as people set it up on pages: when the own comes, when an office is closed, where a role's mail goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.webui.visitor import Visitor, words
from tests.world import TOWN, World
from workflow.models import Closure, Person

PAGE = f"/bodies/{TOWN}"


def test_a_person_chooses_when_mail_comes_and_finds_the_choice_again(
    world: World, visit: Callable[[str], Visitor]
) -> None:
    digi = visit("digi")
    page = words(digi.get("/account").text)
    assert "Von 18:00 bis 07:00 Uhr" in page
    assert "Mehr als 4 Mails am Tag bekommen Sie nie." in page
    assert digi.post("/account/mail", at="12:00", day=["2", "5"]).status_code == 303
    page = digi.get("/account").text
    assert "So kommt Ihre Post ab jetzt" in words(page)
    assert 'value="12:00" checked' in page
    assert page.count('name="day"') == 5
    for day in (2, 5):
        assert f'name="day" value="{day}" checked' in page
    assert page.count('name="day" value="1" checked') == 0
    with world.look() as work:
        row = work.session.execute(
            sa.select(Person.mail_at, Person.mail_days, Person.mail_asked).where(Person.id == world["digi"])
        ).one()
    assert tuple(row) == ("12:00", "25", False)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"at": "06:30", "day": ["1"]}, "Um 06:30 kommt keine Sammelmail"),
        ({"at": "07:00", "day": []}, "mindestens 1 Wochentag"),
        ({"at": "07:00", "day": ["0", "8", "x"]}, "mindestens 1 Wochentag"),
        ({}, "kommt keine Sammelmail"),
    ],
)
def test_a_choice_the_programme_does_not_offer_is_refused_on_the_page(
    visit: Callable[[str], Visitor], form: dict[str, str | list[str]], said: str
) -> None:
    answer = visit("digi").post("/account/mail", **form)
    assert answer.status_code == 422
    assert said in words(answer.text)


def test_leitung_closes_the_office_and_the_team_opens_it_again(world: World, visit: Callable[[str], Visitor]) -> None:
    leitung, team = visit("leitung"), visit("team")
    assert "Keine Schließzeit eingetragen" in words(leitung.get(PAGE).text)
    faulty = leitung.post(f"{PAGE}/closures", **{"from": "bald", "until": ""})
    assert faulty.status_code == 422
    assert "Bitte geben Sie einen Tag an" in words(faulty.text)
    for begins, ends in (("02.12.2026", "01.12.2026"), ("01.11.2026", "02.11.2026"), ("01.12.2026", "01.05.2027")):
        assert leitung.post(f"{PAGE}/closures", **{"from": begins, "until": ends}).status_code == 409
    days = {"from": "24.12.2026", "until": "31.12.2026"}
    assert leitung.post(f"{PAGE}/closures", **days).status_code == 303
    assert "eingetragen von Leitung" in words(team.get(PAGE).text)
    again = leitung.post(f"{PAGE}/closures", **days)
    assert again.status_code == 409
    assert "schon eine Schließzeit eingetragen" in words(again.text)
    assert 'value="24.12.2026"' in again.text, "nobody types it twice"
    for who in ("fachamt", "stranger", "office"):
        assert visit(who).post(f"{PAGE}/closures", **days).status_code == 403
    with world.look() as work:
        closure = work.session.execute(sa.select(Closure.id)).scalar_one()
    assert visit("fachamt").post(f"{PAGE}/closures/{closure}/end").status_code == 403
    assert visit("stranger").post(f"{PAGE}/closures/{closure}/end").status_code == 404
    assert team.post(f"{PAGE}/closures/{closure}/end").status_code == 303
    assert team.post(f"{PAGE}/closures/{closure}/end").status_code == 409
    assert "Keine Schließzeit eingetragen" in words(leitung.get(PAGE).text)
    assert "Schließzeiten" not in words(visit("stranger").get(PAGE).text)


def test_digi_names_a_mailbox_and_an_administrator_ends_it(visit: Callable[[str], Visitor]) -> None:
    digi, admin = visit("digi"), visit("admin")
    assert "Post geht an die Personen selbst" in words(digi.get(PAGE).text)
    faulty = digi.post(f"{PAGE}/mailboxes", role="", address="")
    assert faulty.status_code == 422
    assert "Bitte wählen Sie eine Rolle" in words(faulty.text)
    assert digi.post(f"{PAGE}/mailboxes", role="all", address="keine").status_code == 422
    assert digi.post(f"{PAGE}/mailboxes", role="supervisor", address="x@kreis.example").status_code == 409
    assert digi.post(f"{PAGE}/mailboxes", role="all", address="post@kreis.example", language="de").status_code == 303
    assert digi.post(f"{PAGE}/mailboxes", role="it", address="edv@kreis.example", language="en").status_code == 303
    page = words(admin.get(PAGE).text)
    assert "Alle übrigen Rollen post@kreis.example" in page
    assert "edv@kreis.example" in page
    assert "post@kreis.example" not in visit("stranger").get(PAGE).text
    assert visit("fachamt").post(f"{PAGE}/mailboxes/end", role="").status_code == 403
    assert admin.post(f"{PAGE}/mailboxes/end", role="").status_code == 303
    assert admin.post(f"{PAGE}/mailboxes/end", role="").status_code == 404
    assert "post@kreis.example" not in admin.get(PAGE).text
