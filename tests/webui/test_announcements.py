"""The office and a supervisor write to chosen towns: who gets it, who may, and what becomes of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.webui import pages
from tests.webui.visitor import Visitor, words
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import announcements, history, messages
from workflow.announcements import Chosen
from workflow.engine import Work
from workflow.errors import Conflict, InvalidEvidence, NotAllowed, NotFound, Refused
from workflow.models import Announcement, AnnouncementBody, AnnouncementRead, Message, Notice, Person
from workflow.queries import announcements as query

Visit = Callable[[str], Visitor]

TEXT = "Liebe Kolleginnen und Kollegen,\n\nam 3. Dezember ist Schulung:\nhttps://land.example/schulung.\n\nBis dann"


def sent(world: World, *bodies: str, who: str = "office", at_once: bool = False) -> announcements.AnnouncementView:
    with world.by(who) as work:
        return announcements.send(work, bodies or (TOWN,), "Schulung im Dezember", TEXT, at_once=at_once)


def chosen(world: World, who: str, wanted: Chosen) -> set[str]:
    with world.look(who) as work:
        return {one.ars for one in announcements.choose(work, wanted).bodies}


def test_towns_are_chosen_by_what_they_have_in_common(world: World) -> None:
    world.open("wohngeld", STRANGE_TOWN)
    world.open("uvg")
    everybody = chosen(world, "office", Chosen(everybody=True))
    assert {TOWN, STRANGE_TOWN, EMPTY_TOWN} < everybody
    assert chosen(world, "office", Chosen()) == set()
    assert chosen(world, "office", Chosen(service="wohngeld")) == {STRANGE_TOWN}
    assert chosen(world, "office", Chosen(service="wohngeld", state="live")) == set()
    assert chosen(world, "office", Chosen(state="requested")) == {STRANGE_TOWN, TOWN}
    assert chosen(world, "office", Chosen(bodies=(TOWN, EMPTY_TOWN, "nowhere"))) == {TOWN, EMPTY_TOWN}
    here = chosen(world, "office", Chosen(district=TOWN))
    assert TOWN in here
    assert here < everybody
    team = chosen(world, "office", Chosen(team=world.team))
    assert here <= team < everybody
    assert chosen(world, "supervisor", Chosen(everybody=True)) == team
    with world.look("office") as work:
        audience = announcements.choose(work, Chosen(bodies=(TOWN, EMPTY_TOWN)))
    assert (audience.people, [one.ars for one in audience.without]) == (2, [EMPTY_TOWN])
    for who in ("team", "digi", "auditor", "admin"):
        with world.look(who) as work, pytest.raises(NotAllowed):
            announcements.choose(work, Chosen(everybody=True))


def test_what_cannot_go_out_is_refused_and_nothing_is_kept(world: World) -> None:
    strange = next(iter(chosen(world, "office", Chosen(everybody=True)) - chosen(world, "supervisor", Chosen(True))))
    for who, bodies, title, text, until, error in (
        ("digi", (TOWN,), "", "", "", NotAllowed),
        ("office", (), "", "", "", InvalidEvidence),
        ("office", (), "x", "x", "", Refused),
        ("supervisor", (TOWN, strange), "x", "x", "", Refused),
        ("office", (TOWN, "0"), "x", "x", "", Refused),
        ("office", (TOWN,), "x" * 121, "x", "", InvalidEvidence),
        ("office", (TOWN,), "x\nBcc: all@example.org", "x", "", InvalidEvidence),
        ("office", (TOWN,), "x", "x" * 5001, "", InvalidEvidence),
        ("office", (TOWN,), "x", "x\x00", "", InvalidEvidence),
        ("office", (TOWN,), "x", "x", "01.01.2020", InvalidEvidence),
        ("office", (TOWN,), "x", "x", "01.01.2030", InvalidEvidence),
    ):
        with pytest.raises(error), world.by(who) as work:
            announcements.send(work, bodies, title, text, until_on=until)
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Announcement)).scalar_one() == 0
        assert work.session.execute(sa.select(sa.func.count()).select_from(Notice)).scalar_one() == 0


def test_leitung_and_digi_get_it_once_in_their_language_with_the_words_as_written(world: World) -> None:
    with world.engine.change("system") as work:
        work.session.execute(sa.update(Person).where(Person.id == world["leitung"]).values(language="en"))
    told = sent(world, TOWN, STRANGE_TOWN, EMPTY_TOWN, at_once=True)
    assert (told.bodies, told.people) == (3, 3)
    messages.compose(world.engine)
    with world.look() as work:
        mails = {row.recipient_id: row for row in work.session.execute(sa.select(Message.__table__))}
    assert mails.keys() == {world["leitung"], world["digi"], world["stranger"]}
    german, english = mails[world["digi"]], mails[world["leitung"]]
    assert german.subject == "Rundschreiben: Schulung im Dezember"
    assert english.subject == "Announcement: Schulung im Dezember"
    assert "am 3. Dezember ist Schulung:\nhttps://land.example/schulung.\n\nBis dann" in german.plain
    assert "Guten Tag" in german.plain
    assert "Hello" in english.plain
    assert f"/announcements/{told.id}" in german.plain
    assert "am 3. Dezember ist Schulung:<br>https://land.example/schulung." in german.html
    assert list(history.verify(world.engine)) == []
    assert list(history.replay(world.engine)) == []


def test_with_the_digest_nobody_gets_a_mail_more_and_what_is_withdrawn_is_told_nobody(world: World) -> None:
    world.open()
    withdrawn, kept = sent(world), sent(world)
    with world.by("office") as work:
        announcements.withdraw(work, withdrawn.id)
    with pytest.raises(Conflict), world.by("office") as work:
        announcements.withdraw(work, withdrawn.id)
    world.days(1)
    messages.compose(world.engine)
    with world.look() as work:
        mails = work.session.execute(sa.select(Message.plain).where(Message.recipient_id == world["digi"])).scalars()
        (mail,) = mails
        new = [one.id for one in query.new(work)]
    assert mail.count("Schulung im Dezember") == 1
    assert new == []
    with world.look("digi") as work:
        assert [one.id for one in query.new(work)] == [kept.id]
    with world.look("digi") as work, pytest.raises(NotFound):
        query.one(work, withdrawn.id)


def test_it_stands_on_the_towns_page_until_each_has_read_it_and_only_towns_are_counted(world: World) -> None:
    told = sent(world, TOWN, STRANGE_TOWN)
    for _ in range(2):
        with world.by("fachamt") as work:  # not among those who get it by mail
            announcements.put_aside(work, told.id)
    with world.look("fachamt") as work:
        assert query.new(work) == ()
    with world.look("digi") as work:
        assert [one.title for one in query.new(work)] == ["Schulung im Dezember"]
        page = query.one(work, told.id)
    assert ([one.ars for one in page.bodies], page.counts, page.may_put_aside) == ([TOWN], False, True)
    with world.look("office") as work:
        (line,) = query.sent(work).lines
    assert (line.bodies, line.read) == (2, 1)
    for who in ("office", "team", "admin"):
        with pytest.raises(NotFound), world.by(who) as work:
            announcements.put_aside(work, told.id)
    world.days(25)
    with world.look("digi") as work:
        assert query.new(work) == ()
    for who, count in (("auditor", 1), ("team", 1), ("other_team", None), ("admin", 0)):
        with world.look(who) as work:
            assert count in (None, len(query.sent(work).lines)), who


def test_who_reads_it_while_others_do_and_while_it_is_taken_back_loses_nothing(world: World) -> None:
    announcement, told = sent(world, TOWN, STRANGE_TOWN).id, dict[str, str]()
    gate = threading.Barrier(4)

    def act(name: str, who: str, deed: Callable[[Work, UUID], object]) -> None:
        gate.wait()
        try:
            with world.by(who) as work:
                deed(work, announcement)
            told[name] = "done"
        except NotFound:
            told[name] = "too late"

    aside, back = announcements.put_aside, announcements.withdraw
    plan = (("one", "digi", aside), ("again", "digi", aside), ("other", "leitung", aside), ("back", "office", back))
    threads = [threading.Thread(target=act, args=one) for one in plan]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert told.keys() == {"one", "again", "other", "back"}
    assert told["back"] == "done"
    with world.look() as work:
        readers = set(work.session.execute(sa.select(AnnouncementRead.person_id)).scalars())
        read = work.session.execute(
            sa.select(AnnouncementBody.body).where(AnnouncementBody.read_at.is_not(None))
        ).scalars()
        assert set(read) == ({TOWN} if readers else set())
    assert (world["leitung"] in readers) == (told["other"] == "done")
    assert (world["digi"] in readers) == ("done" in (told["one"], told["again"]))
    assert [*history.verify(world.engine)] == []


def test_the_form_leads_over_a_preview_to_one_announcement_however_often_it_is_sent(world: World, visit: Visit) -> None:
    office = visit("office")
    page = office.get("/announcements/new", query_string={"body": EMPTY_TOWN})
    pages.sound(page.text)
    empty = office.post("/announcements/preview", title="", text="")
    assert empty.status_code == 422
    pages.sound(empty.text)
    assert "Bitte wählen Sie, wer das Rundschreiben bekommt." in words(empty.text)
    typed = {"title": "Wartung <am> Montag", "text": TEXT, "to": "bodies", "when": "digest"}
    preview = office.post("/announcements/preview", **typed, to_body=[TOWN, EMPTY_TOWN])
    pages.sound(preview.text)
    said = words(preview.text)
    assert "2 Kommunen bekommen dieses Rundschreiben" in said
    assert "2 Personen dort bekommen es per E-Mail" in said
    assert "Landkreis Ahrweiler" in said
    assert "Wartung &lt;am&gt; Montag" in preview.text
    assert 'href="https://land.example/schulung"' in preview.text
    again = office.post("/announcements/preview", **typed, to_body=[TOWN], edit="yes")
    assert pages.typed(again.text, "title") == "Wartung <am> Montag"
    form: dict[str, Any] = {**pages.hidden(preview.text, "/announcements"), "to_body": [TOWN, EMPTY_TOWN]}
    answers = [office.post("/announcements", **form) for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 303]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Announcement)).scalar_one() == 1
    shown = office.get(answers[0].headers["Location"])
    pages.sound(shown.text)
    assert "Gelesen in 0 von 2 Kommunen" in words(shown.text)
    digi = visit("digi")
    mine = digi.get(answers[0].headers["Location"])
    pages.sound(mine.text)
    assert "Gelesen in" not in words(mine.text)
    put = digi.post(f"{answers[0].headers['Location']}/read", next="/bodies")
    assert put.headers["Location"] == "/bodies"
    assert "Gelesen in 1 von 2 Kommunen" in words(office.get("/announcements").text)
    assert digi.post(f"{answers[0].headers['Location']}/withdraw").status_code == 403
    assert office.post(f"{answers[0].headers['Location']}/withdraw").status_code == 303
    assert digi.get(answers[0].headers["Location"]).status_code == 404
    for who, status in (("team", 403), ("leitung", 403), ("supervisor", 200)):
        assert visit(who).get("/announcements/new").status_code == status, who


def test_a_supervisor_writes_only_to_towns_of_the_own_team(world: World, visit: Visit) -> None:
    supervisor = visit("supervisor")
    offered = set(re.findall(r'name="to_body" value="(\d{12})"', supervisor.get("/announcements/new").text))
    assert offered == chosen(world, "supervisor", Chosen(everybody=True))
    strange = next(iter(chosen(world, "office", Chosen(everybody=True)) - offered))
    refused = supervisor.post(
        "/announcements", title="x", text="Wichtig für alle", to="bodies", to_body=[TOWN, strange]
    )
    assert refused.status_code == 409
    assert "Wichtig für alle" in unescape(refused.text)
