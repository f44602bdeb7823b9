"""What people really send, and the sentence each of them reads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa

from tests.gv100ad import EXCERPT
from tests.webui.pages import hidden, of_another_window, sound
from tests.webui.visitor import Visitor, words
from tests.world import World
from workflow import bodies, cases, people, prerequisites, tasks
from workflow.bodies import Edition
from workflow.engine import SYSTEM
from workflow.exchange import gv100ad
from workflow.models import Prerequisite

DECLINE = {"reason": "no_demand", "explanation": "Es gibt keine Anträge."}
GONE, HEIR = "073395002000", "073395007000"


def test_a_stale_page_a_colleague_who_was_faster_and_a_double_click(
    visit: Callable[[str], Visitor], world: World
) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    task_id = world.task(case_id, "confirm_responsibility")
    team, colleague = visit("team"), visit("colleague")
    mine, theirs = (hidden(one.get(f"/tasks/{task_id}").text, "/accept") for one in (team, colleague))
    assert team.post(f"/tasks/{task_id}/accept", **mine).status_code == 303
    late = colleague.post(f"/tasks/{task_id}/accept", **theirs)
    sound(late.text)
    assert (late.status_code, "Inzwischen hat jemand hier etwas geändert." in words(late.text)) == (409, True)
    assert team.post(f"/tasks/{task_id}/accept", **mine).location == f"/tasks/{task_id}"
    assert team.post(f"/tasks/{task_id}/accept", **of_another_window(mine)).status_code == 409
    assert world.row(case_id, "confirm_responsibility").holder_id == world["team"]


def test_a_form_changed_after_it_was_sent_is_not_taken_for_the_first(
    visit: Callable[[str], Visitor], world: World
) -> None:
    task_id = world.task(world.open(), "express_interest")
    visitor = visit("supervisor")
    form = hidden(visitor.get(f"/tasks/{task_id}").text, "/extend")
    sent = {"extend-days": "5", "extend-reason": "Urlaub"}
    assert visitor.post(f"/tasks/{task_id}/extend", **form, **sent).status_code == 303
    other = visitor.post(f"/tasks/{task_id}/extend", **form, **(sent | {"extend-reason": "Doch krank."}))
    sound(other.text)
    assert other.status_code == 409
    assert "Mit demselben Schlüssel wurde schon einmal etwas anderes gesendet." in words(other.text)
    assert "Doch krank." in other.text


def test_a_case_withdrawn_meanwhile(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    visitor = visit("digi")
    form = hidden(visitor.get(f"/tasks/{task_id}").text, "/submit")
    with world.by("leitung") as work:
        cases.advance(work, case_id, "decline", given=DECLINE)
    late = visitor.post(f"/tasks/{task_id}/submit", **form, **{"answer-authority": "Fachbereich Soziales"})
    sound(late.text)
    assert late.status_code == 409
    assert "Fachbereich Soziales" in late.text
    held = visit("team").post(f"/cases/{case_id}/hold", seen="2", **{"answer-reason": "Urlaub"})
    assert held.status_code == 409
    assert "Der Vorgang kann nicht angehalten werden: Er ist schon beendet." in words(held.text)


def test_a_role_lost_between_the_page_and_the_form(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    digi, fachamt = (people.parse_role(f"{role}@{world.case(case_id).body}") for role in ("digi", "fachamt"))
    visitor = visit("digi")
    form = hidden(visitor.get(f"/tasks/{task_id}").text, "/accept")
    with world.by("admin") as work:
        people.grant(work, world["dsb"], digi)
        people.grant(work, world["digi"], fachamt)
        people.withdraw(work, world["digi"], digi)
    late = visitor.post(f"/tasks/{task_id}/accept", **form)
    assert late.status_code == 403
    assert "Digitalisierungsbeauftragte" in words(late.text)
    typed = visitor.post(f"/tasks/{task_id}/submit", **form, **{"answer-authority": "Fachbereich Soziales"})
    sound(typed.text)
    assert typed.status_code == 403
    assert "Digitalisierungsbeauftragte" in words(typed.text)
    assert "Fachbereich Soziales" in typed.text, "what was typed is still there"
    with world.by("admin") as work:
        people.withdraw(work, world["digi"], fachamt)
    assert visitor.post(f"/tasks/{task_id}/accept", **form).status_code == 404
    assert world.row(case_id, "express_interest").status == "ready"


def test_who_lost_the_role_finds_the_words_again_whatever_the_form(
    visit: Callable[[str], Visitor], world: World
) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    team = people.parse_role(f"umsetzungsteam@{world.team}")
    visitor = visit("team")
    form = hidden(visitor.get(f"/cases/{case_id}/hold").text, "/hold")
    added = hidden(visitor.get(f"/cases/{case_id}").text, f"/cases/{case_id}/tasks")
    with world.by("admin") as work:
        people.grant(work, world["team"], people.parse_role("auditor"))
        people.withdraw(work, world["team"], team)
    for address, fields in (
        (f"/cases/{case_id}/hold", {**form, "answer-reason": "Die Stelle ist frei."}),
        (f"/cases/{case_id}/tasks", {**added, "added-help": "Die Stelle ist frei.", "added-owner": "body.digi"}),
    ):
        late = visitor.post(address, **fields)
        sound(late.text)
        assert late.status_code == 403, address
        assert "Die Stelle ist frei." in words(late.text), address


def test_an_added_task_on_a_stale_page(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    visitor = visit("team")
    form = hidden(visitor.get(f"/cases/{case_id}").text, f"/cases/{case_id}/tasks")
    with world.by("colleague") as work:
        cases.hold(work, case_id, blocker="no_staff", reason="Urlaub", review_on=work.today + dt.timedelta(days=9))
    fields = {"added-title": "Beim Landkreis nachfragen", "added-owner": "body.digi", "added-days": "5"}
    late = visitor.post(f"/cases/{case_id}/tasks", **form, **fields)
    sound(late.text)
    assert late.status_code == 409
    assert "Beim Landkreis nachfragen" in late.text
    again = hidden(late.text, f"/cases/{case_id}/tasks")
    assert visitor.post(f"/cases/{case_id}/tasks", **again, **fields).status_code == 303


def test_a_body_merged_away(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open("eheschliessung", GONE)
    task_id = world.task(case_id, "express_interest")
    with world.by("admin") as work:
        people.grant(work, world["stranger"], people.parse_role(f"digi@{GONE}"))
    visitor = visit("stranger")
    form = hidden(visitor.get(f"/tasks/{task_id}").text, "/accept")
    present = gv100ad.read(EXCERPT)
    later = Edition(present.date, "UTF-8", tuple(body for body in present.bodies if body.ars != GONE))
    bodies.follow(world.engine, world["office"], later, "07", {GONE: HEIR})
    assert visitor.post(f"/tasks/{task_id}/accept", **form).status_code == 404
    asked = visit("team").post(f"/bodies/{GONE}/prerequisites", prerequisite="elster_account:")
    assert asked.status_code in (404, 422)


def test_a_prerequisite_that_expired(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    world.walk(case_id, until="contracted")
    world.finish_state(case_id)
    world.satisfy(case_id)
    visitor = visit("team")
    address = f"/cases/{case_id}/advance/connect"
    form = hidden(visitor.get(f"/cases/{case_id}").text, address)
    with world.engine.change(SYSTEM) as work:
        work.session.execute(
            sa.update(Prerequisite)
            .where(Prerequisite.kind == "editing_rights")
            .values(valid_until=dt.date(2026, 11, 20))
        )
    prerequisites.expire(world.engine)
    late = visitor.post(address, **form)
    sound(late.text)
    assert late.status_code == 409
    assert "abgelaufen" in words(late.text)
    assert "Redaktion" in words(late.text)
    assert world.case(case_id).state == "contracted"


def test_a_pause_without_a_day_to_look_again(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    address = f"/cases/{case_id}/hold"
    visitor = visit("team")
    form = hidden(visitor.get(address).text, address)
    wrong = visitor.post(address, **form, **{"answer-blocker": "no_staff", "answer-reason": "Urlaub"})
    sound(wrong.text)
    assert wrong.status_code == 422
    assert "Wann sehen Sie wieder nach?: Diese Angabe fehlt noch." in words(wrong.text)
    assert "Urlaub" in wrong.text
    fresh = hidden(wrong.text, address)
    given = {"answer-blocker": "no_staff", "answer-reason": "Urlaub", "answer-review_on": "15.01.2027"}
    assert visitor.post(address, **fresh, **given).status_code == 303
    assert world.case(case_id).rests


def test_a_task_accepted_by_a_colleague_says_so(visit: Callable[[str], Visitor], world: World) -> None:
    case_id = world.open()
    world.do(case_id, "express_interest", "digi")
    task_id = world.task(case_id, "confirm_responsibility")
    with world.by("colleague") as work:
        version = tasks.accept(work, task_id).version
    late = visit("team").post(f"/tasks/{task_id}/submit", seen=str(version))
    assert late.status_code == 409
    assert "Jemand anderes hat sie angenommen." in words(late.text)
