"""What is typed and not sent: kept for whoever typed it, and for nobody else."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.world import World
from workflow import drafts, people
from workflow.database import real_now
from workflow.models import Draft

Visit = Callable[[str], Visitor]


@pytest.fixture
def begun() -> Callable[[World], None]:
    """A town that is asked for its contacts."""

    def begin(world: World) -> None:
        case_id = world.open()
        world.do(case_id, "express_interest", "digi")
        world.do(case_id, "confirm_responsibility", "team")
        world.ids |= {"case": case_id, "task": world.task(case_id, "name_contacts")}

    return begin


def test_what_is_typed_comes_back_to_its_author_alone_and_goes_with_the_deed(world: World, visit: Visit) -> None:
    digi, address = visit("digi"), f"/tasks/{world['task']}"
    page = digi.get(address).text
    named = _hidden(page, "/submit")
    names = _names(world)
    typed = {name: f"Erika {number}" for number, name in enumerate(names)}
    kept = digi.post("/drafts", **named, **typed, **{"answer-not_asked": "x", "comment-text": "fremdes Feld"})
    assert (kept.status_code, kept.headers["Location"]) == (303, address)
    assert "Ihr Entwurf ist gespeichert. Nur Sie sehen ihn." in words(digi.get(address).text)

    shown = digi.get(address).text
    sound(shown)
    assert all(f'value="{value}"' in shown for value in typed.values())
    assert re.search(r"Ihr Entwurf von \d\d:\d\d Uhr steht im Formular", words(shown))
    assert "fremdes Feld" not in shown
    for other in ("leitung", "team", "stranger"):
        assert "Erika 0" not in visit(other).get(address).text

    # a second tab has the last word; a form that shows faults shows what was sent, and keeps the draft
    digi.post("/drafts", **named, **{**typed, names[0]: "Erika Zweifach"})
    assert "Erika Zweifach" in digi.get(address).text
    refused = digi.post(f"{address}/submit", **named, **{names[0]: "Erika Gesendet"})
    assert refused.status_code == 422
    assert "Erika Gesendet" in refused.text
    assert "Erika Zweifach" not in refused.text
    assert _kept(world) == 1

    with world.look() as work:
        given = {
            f"answer-{name}": str(value) for name, value in world.answers(work, world["case"], "name_contacts").items()
        }
    named = _hidden(digi.get(address).text, "/submit")
    assert digi.post(f"{address}/submit", **named, **given).status_code == 303
    assert _kept(world) == 0
    assert digi.post("/drafts", **named, **typed).status_code == 303  # still under way while the form was sent
    assert _kept(world) == 0


def test_reasons_and_comments_are_kept_each_by_itself(world: World, visit: Visit) -> None:
    digi, task, case = visit("digi"), f"/tasks/{world['task']}", f"/cases/{world['case']}"
    page = digi.get(task).text
    digi.post("/drafts", **_hidden(page, "/decline"), **{"decline-reason": "Wir haben niemanden dafür."})
    digi.post("/drafts", **_hidden(page, "/comments"), **{"comment-text": "Zur Aufgabe gesagt."})
    digi.post("/drafts", **_hidden(digi.get(case).text, "/comments"), **{"comment-text": "Zum Vorgang gesagt."})
    on_task, on_case = digi.get(task).text, digi.get(case).text
    assert ("Wir haben niemanden dafür." in on_task, "Zur Aufgabe gesagt." in on_task) == (True, True)
    assert ("Zum Vorgang gesagt." in on_case, "Zur Aufgabe gesagt." in on_case) == (True, False)
    sound(on_task)
    sound(on_case)
    said = digi.post("/drafts/forget", **_hidden(on_task, "/decline"))
    assert said.headers["Location"] == task
    assert "Wir haben niemanden dafür." not in digi.get(task).text
    digi.post(f"{case}/comments", **_hidden(on_case, "/comments"), **{"comment-text": "Zum Vorgang gesagt."})
    assert _kept(world) == 1  # that on the task
    digi.post("/drafts", **_hidden(page, "/comments"), **{"comment-text": "  "})
    assert _kept(world) == 0


def test_a_script_is_told_in_a_sentence_and_nothing_is_kept_that_may_not_be(world: World, visit: Visit) -> None:
    digi, task = visit("digi"), f"/tasks/{world['task']}"
    form = _hidden(digi.get(task).text, "/comments")

    def keep(visitor: Visitor, **fields: str) -> tuple[int, str]:
        token = visitor.get("/account").text.split('name="csrf_token" value="')[1].split('"')[0]
        answer = visitor.client.post(
            "/drafts", data={**fields, "csrf_token": token}, headers={"Accept": "application/json"}
        )
        return answer.status_code, (answer.get_json() or {})["said"] if answer.is_json else ""

    status, said = keep(digi, **form, **{"comment-text": "Bitte ansehen."})
    assert status == 200
    assert re.fullmatch(r"Entwurf gespeichert um \d\d:\d\d Uhr. Nur Sie sehen ihn.", said)
    assert "zu lang" in keep(digi, **form, **{"comment-text": "x" * 70_000})[1]
    assert "Passwort" in keep(digi, **form, **{"comment-text": "Passwort: hq7!Kd92x"})[1]
    assert "Bitte ansehen." in digi.get(task).text
    # a form that no page of this session has written is none
    for broken in ("", "x", form["draft"][:-1], form["draft"].replace(".", "x.")):
        assert keep(digi, **{**form, "draft": broken, "comment-text": "y"})[0] == 400
    assert keep(visit("leitung"), **{**form, "comment-text": "y"})[0] == 400
    assert digi.client.post("/drafts", data={**form, "csrf_token": "x"}).status_code == 403
    assert _kept(world) == 1


def test_drafts_are_forgotten_after_ninety_days_and_with_the_person(world: World) -> None:
    with world.by("digi") as work:
        drafts.keep(work, "task:old", {"a": "alt"})
        drafts.keep(work, "task:new", {"a": "neu"})
        old = real_now() - dt.timedelta(days=91)
        work.session.execute(sa.update(Draft).where(Draft.form == "task:old").values(saved_at=old))
    assert drafts.forget_old(world.engine) == 1
    with world.look("digi") as work:
        assert drafts.below(work, "task:ne").forms == {}  # a name is whole: no other form begins with it
        assert drafts.below(work, "task:new").typed() == {"a": "neu"}
    with world.by("admin") as work:
        people.erase(work, world["digi"])
    assert _kept(world) == 0


def _hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that sends to an address with this end."""
    form = next(one for one in page.split("<form")[1:] if re.search(rf'action="[^"]*{action}"', one)).split("</form>")[
        0
    ]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


def _names(world: World) -> list[str]:
    with world.look() as work:
        asked = work.catalogue.process("efa-onboarding", 1).task("name_contacts").evidence
    return [f"answer-{name}" for name, field in asked.items() if field.type in ("text", "email")][:3]


def _kept(world: World) -> int:
    with world.look() as work:
        return work.session.execute(sa.select(sa.func.count()).select_from(Draft)).scalar_one()
