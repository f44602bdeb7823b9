"""What everybody may read of the installation, and write to it: imprint, privacy, accessibility, feedback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from tests.webui.pages import hidden, sound
from tests.webui.visitor import Visitor, words
from tests.world import World
from webui import prose
from workflow import feedback, people
from workflow.database import real_now
from workflow.definition import PAGES, Page
from workflow.engine import SYSTEM
from workflow.errors import NotAllowed, TooMany
from workflow.models import Feedback, Installation, Message

Visit = Callable[[str], Visitor]
BARRIER = {"kind": "accessibility", "text": "Die Karte liest mein Screenreader nicht vor.", "page": "/programme"}


# --- pages of the installation ---------------------------------------------------------------------------------------


def test_everybody_reads_the_pages_of_the_installation_from_every_footer(stranger: Visitor, visit: Visit) -> None:
    for visitor in (stranger, visit("digi")):
        for came_from in ("/sign-in" if visitor is stranger else "/account", "/reply/x", "/nowhere"):
            footer = visitor.get(came_from, follow_redirects=True).text.partition("<footer")[2]
            for name in PAGES:
                assert f'href="/{name}"' in footer, (came_from, name)
            about = (
                "/feedback" if came_from == "/reply/x" else "/feedback?page="
            )  # an address that is a key is not told
            assert f'href="{about}' in footer
            assert "page=/reply" not in footer
        for name in PAGES:
            page = visitor.get(f"/{name}")
            assert page.status_code == 200
            sound(page.text)


def test_a_page_says_that_it_is_a_sample_while_something_is_to_be_replaced(
    world: World, stranger: Visitor, visit: Visit
) -> None:
    page = stranger.get("/imprint", headers={"Accept-Language": "de"}).text
    assert "Das ist ein Muster" in words(page)
    assert '<mark class="sk-placeholder">Name der Behörde</mark>' in page
    assert "Diese" not in words(stranger.get("/imprint", headers={"Accept-Language": "en"}).text)
    assert "3 rechtliche Texte sind noch Muster" in words(visit("admin").get("/admin").text)
    with world.look() as work:
        catalogue = work.catalogue
    own = {(language, "imprint"): Page("Impressum", "Stadt Mainz") for language in ("de", "en")}
    world.engine._catalogue = replace(catalogue, pages={**catalogue.pages, **own})
    assert "Das ist ein Muster" not in words(stranger.get("/imprint").text)
    assert "2 rechtliche Texte sind noch Muster" in words(visit("admin").get("/admin").text)
    world.engine._catalogue = replace(catalogue, pages={})
    assert "Diese Seite fehlt noch" in words(stranger.get("/imprint", headers={"Accept-Language": "de"}).text)
    assert "3 rechtliche Texte fehlen" in words(visit("admin").get("/admin").text)


def test_texts_of_the_installation_bring_no_markup_of_their_own() -> None:
    html = prose.html_of_page("<script>x</script> [a](javascript:x) ![b](/c.png) [[d <i>]] [e](/feedback)")
    for forbidden in ("<script", 'javascript:x)"', "<img", "<i>"):
        assert forbidden not in html
    assert 'href="javascript' not in html
    assert '<mark class="sk-placeholder">d &lt;i&gt;</mark>' in html
    assert '<a href="/feedback">e</a>' in html


# --- feedback --------------------------------------------------------------------------------------------------------


def test_a_stranger_reports_a_barrier_and_administrators_see_it(world: World, stranger: Visitor, visit: Visit) -> None:
    form = stranger.get("/feedback?kind=accessibility&page=/programme?x=1").text
    sound(form)
    assert 'value="/programme"' in form
    sent = {**hidden(form, "/feedback"), **BARRIER, "answer_to": "leser@example.org"}
    for _ in range(2):  # a double click
        answer = stranger.post("/feedback", **sent)
        assert (answer.status_code, answer.location) == (303, "/feedback/thanks?answer=yes")
    assert "antwortet Ihnen per E-Mail" in words(
        stranger.get("/feedback/thanks?answer=yes", headers={"Accept-Language": "de"}).text
    )
    admin = visit("admin")
    assert "Eine Rückmeldung wartet auf Antwort" in words(admin.get("/admin").text)
    page = admin.get("/admin/feedback").text
    sound(page)
    assert words(page).count(BARRIER["text"]) == 2  # and once for screen readers beside the button
    assert "Ohne Anmeldung · Antwort an leser@example.org" in words(page)
    for who in ("office", "auditor", "digi"):
        assert visit(who).get("/admin/feedback").status_code == 403


def test_an_address_for_the_answer_brings_no_other_recipient_with_it(
    world: World, stranger: Visitor, visit: Visit
) -> None:
    stranger.post("/feedback", **BARRIER, answer_to="a@example.org?bcc=b@example.org&body=x")
    assert 'href="mailto:a@example.org%3Fbcc%3Db@example.org%26body%3Dx"' in visit("admin").get("/admin/feedback").text
    for address in ("a@example.org\nb@example.org", "a@exa\tmple.org"):
        assert stranger.post("/feedback", **BARRIER, answer_to=address).status_code == 422


def test_what_is_done_leaves_the_list_and_comes_back_when_it_is_opened_again(world: World, visit: Visit) -> None:
    key = feedback.give(world.engine, world["digi"], "other", "Die Seiten sind schön.")
    admin = visit("admin")
    assert "Digi · Keine Antwort gewünscht" in words(admin.get("/admin/feedback").text)
    assert admin.post(f"/admin/feedback/{key}/done").status_code == 303
    assert admin.post(f"/admin/feedback/{key}/done").status_code == 409
    assert "Die Seiten sind schön." not in words(admin.get("/admin/feedback").text)
    assert "Die Seiten sind schön." in words(admin.get("/admin/feedback?done=yes").text)
    assert admin.post(f"/admin/feedback/{key}/open").status_code == 303
    assert "Die Seiten sind schön." in words(admin.get("/admin/feedback").text)
    assert visit("office").post(f"/admin/feedback/{key}/done").status_code == 403
    with world.look("office") as work, pytest.raises(NotAllowed):
        feedback.everything(work)


def test_faults_stand_beside_their_fields_and_what_was_typed_stays(stranger: Visitor, world: World) -> None:
    given = {"kind": "praise", "text": "", "page": "/x", "answer_to": "kein Postfach"}
    answer = stranger.post("/feedback", **given)
    assert answer.status_code == 422
    sound(answer.text)
    for name in ("kind", "text", "answer_to"):
        assert f'href="#field-{name}' in answer.text, name
    assert 'value="kein Postfach"' in answer.text
    for longer in ({"text": "x" * 4001}, {"page": "x" * 301}, {"answer_to": "x@" + "y" * 300}):
        assert stranger.post("/feedback", **(BARRIER | longer)).status_code == 422
    assert stranger.client.post("/feedback", data=BARRIER).status_code == 403  # no page of ours
    assert _kept(world) == 0


def test_whoever_writes_very_often_has_to_wait_and_loses_no_word(world: World, stranger: Visitor) -> None:
    answers = [stranger.post("/feedback", **BARRIER) for _ in range(12)]
    assert [answer.status_code for answer in answers][:10] == [303] * 10
    assert answers[-1].status_code == 429
    assert BARRIER["text"] in answers[-1].text
    for _ in range(feedback.MOST_OF_PERSON):
        feedback.give(world.engine, world["digi"], "fault", "Noch etwas")
    with pytest.raises(TooMany):
        feedback.give(world.engine, world["digi"], "fault", "Noch etwas")


def test_administrators_get_one_mail_a_day_that_says_nothing_of_it(world: World) -> None:
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Installation).values(rehearsing=False))
    for _ in range(2):
        feedback.give(world.engine, None, BARRIER["kind"], BARRIER["text"])
    with world.look() as work:
        mails = work.session.execute(sa.select(Message.recipient_id, Message.plain)).all()
    assert [mail.recipient_id for mail in mails] == [world["admin"]]
    assert "/admin/feedback" in mails[0].plain
    assert "Screenreader" not in mails[0].plain


def test_feedback_is_forgotten_in_time_and_names_nobody_who_was_erased(world: World) -> None:
    old = feedback.give(world.engine, world["it"], "other", "Alt", answer_to="it@startklar.example")
    with world.by("admin") as work:
        people.erase(work, world["it"])
    with world.look() as work:
        row = work.session.execute(sa.select(Feedback.by_id, Feedback.answer_to)).one()
    assert tuple(row) == (None, None)
    assert feedback.forget(world.engine) == 0
    with world.by("admin") as work:
        feedback.mark_done(work, old)
        work.session.execute(sa.update(Feedback).values(done_at=real_now() - feedback.KEPT))
    feedback.give(world.engine, None, "other", "Neu")
    assert feedback.forget(world.engine) == 1
    assert _kept(world) == 1


def _kept(world: World) -> int:
    with world.look() as work:
        return work.session.execute(sa.select(sa.func.count()).select_from(Feedback)).scalar_one()
