"""The pages of administrators: what needs them, how the installation works by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.statements import counted
from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.world import World
from workflow import access, database, people, watch
from workflow.access import Letterhead
from workflow.database import real_now
from workflow.engine import SYSTEM, Work
from workflow.models import AccessLink, Case, Invitation, Lease, Person, Trouble
from workflow.policy import Role

Visit = Callable[[str], Visitor]


def test_who_only_administers_begins_at_the_administration(world: World, visit: Visit) -> None:
    admin = visit("admin")
    answer = admin.get("/")
    assert (answer.status_code, answer.location) == (303, "/admin")
    page = admin.get("/admin").text
    sound(page)
    assert 'href="/"' not in page.split("<nav", 1)[1].split("</nav>", 1)[0]
    assert visit("office").get("/").status_code == 200
    for who in ("office", "auditor", "team", "digi"):
        assert visit(who).get("/admin").status_code == 403, who
    with world.engine.change(SYSTEM) as work:  # a new installation
        others = sa.update(Person).where(Person.id != world["admin"])
        work.session.execute(others.values(ended_at=work.now))
    alone = admin.get("/admin").text
    assert "Noch hat niemand außer Ihnen ein Konto" in words(alone)
    assert 'href="/people/invite"' in alone


def test_numbers_of_the_first_page_lead_to_what_they_count(world: World, visit: Visit) -> None:
    admin = visit("admin")
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Person).where(Person.id == world["digi"]).values(bounced_at=work.now))
        _trouble(work)
        _trouble(work)
    head = Letterhead("http://localhost", "startklar.example")
    for name in ("spaet", "offen", "weg"):
        with world.by("admin") as work:
            access.invite(work, f"{name}@kreis.example", Role("auditor"), head=head)
            invited = people.named(work, f"{name}@kreis.example")
            if name == "spaet":
                run_out = {"expires_at": real_now() - dt.timedelta(days=3)}
                work.session.execute(sa.update(AccessLink).where(AccessLink.person_id == invited).values(run_out))
            elif name == "weg":
                invitation = work.session.execute(sa.select(Invitation.id).where(Invitation.person_id == invited))
                access.withdraw(work, invitation.scalar_one())
    with counted(world) as seen:
        page = admin.get("/admin").text
    assert len(seen) <= 30
    said = words(page)
    assert "Eine Adresse funktioniert nicht" in said
    assert "2 Dinge scheitern immer wieder" in said
    assert "Eine Person kann sich nicht anmelden" in said
    assert "eine offene Einladung" in said
    lapsed = words(admin.get("/people?state=lapsed").text)
    assert "spaet@kreis.example" in lapsed
    assert "offen@kreis.example" not in lapsed
    assert 'href="/people?state=lapsed"' in page
    assert 'href="/mails#unreachable"' in page
    assert 'href="/operations#failing"' in page
    assert 'id="failing"' in admin.get("/operations").text


def test_regular_jobs_are_shown_with_their_last_run_and_what_stayed_away(world: World, visit: Visit) -> None:
    assert "Noch ist kein Zeitgeber gelaufen" in words(visit("admin").get("/operations").text)
    with world.engine.change(SYSTEM) as work:
        for name, hours in ((watch.DECIDING, 0), ("forget_sessions", 60)):
            at = real_now() - dt.timedelta(hours=hours)
            row = {"name": name, "holder": "server-1:77", "fence": 1, "until": at, "progress_at": at}
            work.session.execute(sa.insert(Lease).values(row))
        subject = _trouble(work)
    page = visit("admin").get("/operations").text
    sound(page)
    said = words(page)
    assert "Erinnern und Mails schreiben laufend in Ordnung" in said
    assert "Abgelaufene Anmeldungen löschen einmal am Tag ausgeblieben" in said
    assert "server-1:77" in said
    assert f"Aufgabe {subject}" in said


@pytest.mark.parametrize(("who", "status"), [("auditor", 200), ("office", 403), ("team", 403), ("digi", 403)])
def test_operation_is_for_administrators_and_auditors(visit: Visit, who: str, status: int) -> None:
    assert visit(who).get("/operations").status_code == status


def _trouble(work: Work) -> str:
    now, subject = real_now(), uuid4()
    row = {"kind": "task", "subject_id": subject, "since": now, "at": now, "times": 3, "error": "KeyError"}
    work.session.execute(sa.insert(Trouble).values(row))
    return str(subject)


def test_the_history_is_checked_at_the_press_of_a_button_and_the_result_stays(world: World, visit: Visit) -> None:
    case_id = world.open()
    admin, auditor = visit("admin"), visit("auditor")
    assert "Noch nie geprüft" in words(admin.get("/operations").text)
    assert admin.post("/operations/history").status_code == 303
    page = admin.get("/operations/history").text
    sound(page)
    assert "Alles stimmt" in words(page)
    with database.transaction(world.engine.pool, write=True) as session:
        session.execute(sa.update(Case).where(Case.id == case_id).values(variant="x"))
    assert auditor.post("/operations/history").status_code == 303
    page = admin.get("/operations/history").text
    sound(page)
    assert f"Vorgang {case_id} Verlauf und Daten sagen nicht dasselbe: cases.variant." in words(page)
    assert "Frühere Prüfungen" in words(page)
    assert "Im Verlauf stimmt eine Stelle nicht" in words(admin.get("/admin").text)
    assert f"/cases/{case_id}" not in page
    assert f'href="/cases/{case_id}"' in auditor.get("/operations/history").text
    assert "One place is not right" in words(auditor.get("/operations").text)
    for who in ("office", "digi"):
        assert visit(who).get("/operations/history").status_code == 403
        assert visit(who).post("/operations/history").status_code == 403
