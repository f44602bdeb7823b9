"""Deadlines in the own calendar: secret addresses, and what they show to whoever knows one."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import icalendar
import sqlalchemy as sa

from tests.statements import counted
from tests.webui.visitor import Visitor, words
from tests.world import EMPTY_TOWN, World
from workflow import cases, people, sessions, tasks
from workflow.engine import SYSTEM
from workflow.models import Feed, LoginAttempt, Person, Task

Visit = Callable[[str], Visitor]


def test_what_waits_for_a_person_stands_in_the_calendar_day_by_day(
    world: World, visit: Visit, stranger: Visitor
) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    address = _subscribe(visit("digi"))
    answer = stranger.get(address)
    assert answer.status_code == 200
    assert answer.mimetype == "text/calendar"
    entry = _entries(answer.data)[task_id.hex]
    due_on = world.row(case_id, "express_interest").due_on
    assert entry.decoded("dtstart") == due_on  # a day, not an hour of one
    assert entry.decoded("dtend") == due_on + dt.timedelta(days=1)
    assert str(entry["summary"]) == "Vormerkung annehmen oder Interesse bekunden – Landkreis Mainz-Bingen"
    assert "Wohngeld" in str(entry["description"])
    assert str(entry["url"]).endswith(f"/tasks/{task_id}")
    assert b"X-WR-TIMEZONE:Europe/Berlin" in answer.data


def test_nothing_personal_is_in_it(world: World, visit: Visit, stranger: Visitor) -> None:
    case_id = world.open()
    with world.by("digi") as work:
        tasks.accept(work, world.task(case_id, "express_interest"))
        tasks.add_ad_hoc(work, case_id, "Herrn Schmidt zurückrufen", owner="body.digi", working_days=3)
    for who, fields in (("digi", {}), ("supervisor", {"team": world.team})):
        said = stranger.get(_subscribe(visit(who), **fields)).text
        assert "Zusätzliche Aufgabe" in said
        assert "Schmidt" not in said
        with world.look() as work:
            for name, email in work.session.execute(sa.select(Person.name, Person.email)):
                assert name in ("It", "Team", "Operator") or str(name) not in said  # these are words as well
                assert str(email) not in said


def test_an_entry_keeps_its_identity_when_its_day_moves(world: World, visit: Visit, stranger: Visitor) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    address = _subscribe(visit("digi"))
    before = _entries(stranger.get(address).data)[task_id.hex]
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 5, "Die Kommune prüft noch.")
    after = _entries(stranger.get(address).data)[task_id.hex]
    assert after["uid"] == before["uid"]
    assert after.decoded("dtstart") > before.decoded("dtstart")
    assert after.decoded("sequence") > before.decoded("sequence")


def test_what_did_not_change_is_not_sent_again(world: World, visit: Visit, stranger: Visitor) -> None:
    case_id = world.open()
    address = _subscribe(visit("digi"))
    first = stranger.get(address)
    again = stranger.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    world.do(case_id, "express_interest", "digi")
    changed = stranger.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_what_is_past_its_day_says_so_and_what_rests_has_none(world: World, visit: Visit, stranger: Visitor) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    address = _subscribe(visit("digi"))
    world.days(12)
    assert str(_entries(stranger.get(address).data)[task_id.hex]["summary"]).startswith("Überfällig: ")
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.text("UPDATE cases SET rests = :yes").bindparams(yes=True))
    assert _entries(stranger.get(address).data) == {}


def test_of_what_rests_its_team_sees_when_to_look_at_it_again(world: World, visit: Visit, stranger: Visitor) -> None:
    case_id = world.open()
    addresses = {who: _subscribe(visit(who)) for who in ("team", "digi", "supervisor")}
    addresses["all"] = _subscribe(visit("supervisor"), team=world.team)
    review_on = dt.date(2027, 1, 15)
    with world.by("team") as work:
        cases.hold(work, case_id, blocker="no_staff", review_on=review_on, reason="Frau Schmidt ist krank.")
    shown = {who: list(_entries(stranger.get(address).data).values()) for who, address in addresses.items()}
    assert shown["digi"] == shown["supervisor"] == []
    for (entry,) in (shown["team"], shown["all"]):
        assert entry.decoded("dtstart") == review_on
        assert str(entry["url"]).endswith(f"/cases/{case_id}")
        assert str(entry["summary"]).startswith("Prüfen, ob der Vorgang weitergehen kann")
        assert "Schmidt" not in str(entry)
    with world.by("team") as work:
        cases.resume(work, case_id)
    assert all(
        entry["uid"] != shown["team"][0]["uid"] for entry in _entries(stranger.get(addresses["all"]).data).values()
    )


def test_it_speaks_the_language_of_its_owner(world: World, visit: Visit, stranger: Visitor) -> None:
    case_id = world.open()
    sessions.set_language(world.engine, world["digi"], "en")
    entry = _entries(stranger.get(_subscribe(visit("digi"))).data)[world.task(case_id, "express_interest").hex]
    assert str(entry["summary"]) == "Accept the reservation or express interest – Landkreis Mainz-Bingen"


def test_of_a_team_it_shows_everything_open_and_ends_with_the_role(
    world: World, visit: Visit, stranger: Visitor
) -> None:
    ours, theirs = world.open(), world.open(body=EMPTY_TOWN)
    address = _subscribe(visit("supervisor"), team=world.team)
    with world.look() as work:
        expected = {
            task_id.hex
            for task_id in work.session.execute(
                sa.select(Task.id).where(Task.case_id == ours, Task.acting.is_not(None), Task.due_on.is_not(None))
            ).scalars()
        }
        foreign = set(work.session.execute(sa.select(Task.id).where(Task.case_id == theirs)).scalars())
    shown = set(_entries(stranger.get(address).data))
    assert expected
    assert expected <= shown
    assert not {task_id.hex for task_id in foreign} & shown
    with world.by("admin") as work:
        people.withdraw(work, world["supervisor"], people.parse_role(f"supervisor@{world.team}"))
    after = stranger.get(address)
    assert (after.status_code, _entries(after.data)) == (200, {})  # a calendar program removes what it showed


def test_a_renewed_or_revoked_address_is_gone_and_one_that_never_was_is_not_there(
    world: World, visit: Visit, stranger: Visitor
) -> None:
    world.open()
    team = visit("team")
    first = _subscribe(team)
    second = _subscribe(team)
    assert stranger.get(first).status_code == 410
    assert stranger.get(second).status_code == 200
    of_team = _subscribe(team, team=world.team)
    assert stranger.get(second).status_code == 200  # another calendar
    page = team.get("/account").text
    actions = re.findall(r'action="(/account/calendar/[0-9a-f]{64}/revoke)"', page)
    assert len(actions) == 2
    assert visit("colleague").post(actions[0]).status_code == 404  # somebody else's
    for action in actions:
        assert team.post(action).status_code == 303
    assert {stranger.get(one).status_code for one in (first, second, of_team)} == {410}
    assert team.post(actions[0]).status_code == 404  # revoked already
    never = stranger.get("/calendar/" + "x" * 43 + ".ics")
    assert never.status_code == 404
    assert "Kalenderadresse" in never.text


def test_an_account_that_ended_takes_its_calendars_with_it(world: World, visit: Visit, stranger: Visitor) -> None:
    address, other = _subscribe(visit("digi")), _subscribe(visit("colleague"))
    with world.by("admin") as work:
        people.erase(work, world["digi"])
    assert stranger.get(address).status_code in (404, 410)
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Person).where(Person.id == world["colleague"]).values(ended_at=work.now))
    assert stranger.get(other).status_code == 410


def test_the_secret_is_shown_once_and_kept_nowhere(world: World, visit: Visit) -> None:
    visitor = visit("digi")
    answer = visitor.post("/account/calendar", team="")
    secret = re.search(r"/calendar/([\w-]{43})\.ics", answer.text)
    assert secret is not None
    assert answer.headers["Cache-Control"] == "no-store"
    assert secret[1] not in visitor.get("/account").text
    with world.look() as work:
        (kept,) = work.session.execute(sa.select(Feed.__table__)).all()
    assert secret[1] not in str(kept)
    assert "noch nie abgerufen" in words(visitor.get("/account").text)
    visitor.get(f"/calendar/{secret[1]}.ics")
    assert "zuletzt abgerufen" in words(visitor.get("/account").text)


def test_a_calendar_takes_the_same_few_statements_for_one_and_for_many(
    world: World, visit: Visit, stranger: Visitor
) -> None:
    world.open()
    address = _subscribe(visit("supervisor"), team=world.team)
    stranger.get(address)  # notes that it was asked for, once an hour
    with counted(world) as few:
        assert len(_entries(stranger.get(address).data)) == 1
    for service in ("uvg", "einbuergerung", "aufenthalt"):
        world.open(service)
    with counted(world) as many:
        assert len(_entries(stranger.get(address).data)) == 4
    assert len(many) == len(few) <= 6


def test_nobody_subscribes_to_a_team_of_others(world: World, visit: Visit) -> None:
    assert visit("digi").post("/account/calendar", team=world.team).status_code == 404
    assert visit("other_team").post("/account/calendar", team=world.team).status_code == 404
    assert visit("team").post("/account/calendar", team="no-such\0team").status_code in (400, 404)


def test_guessing_addresses_is_slowed_down(world: World, visit: Visit, stranger: Visitor) -> None:
    address = _subscribe(visit("digi"))
    assert {stranger.get(f"/calendar/{n:043}.ics").status_code for n in range(100)} == {404}
    stranger.get("/calendar/" + "y" * 43 + ".ics")
    paused = stranger.get("/calendar/" + "z" * 43 + ".ics")
    assert paused.status_code == 429
    assert int(paused.headers["Retry-After"]) > 0
    assert stranger.get(address).status_code == 200  # who knows one is not held up
    with world.look() as work:
        assert len(work.session.execute(sa.select(LoginAttempt.key)).all()) <= 2


def _subscribe(visitor: Visitor, **fields: str) -> str:
    """Ask for an address on the account page; its path."""
    answer = visitor.post("/account/calendar", **({"team": ""} | fields))
    assert answer.status_code == 200, answer.text
    found = re.search(r'value="([^"]+\.ics)"', answer.text)
    assert found is not None
    return urlsplit(html.unescape(found[1])).path


def _entries(content: bytes) -> dict[str, icalendar.Event]:
    """The entries of a calendar by what they are about, in 32 hex digits."""
    calendar = icalendar.Calendar.from_ical(content)
    entries = [one for one in calendar.walk("VEVENT") if isinstance(one, icalendar.Event)]
    return {str(one["uid"]).partition("-")[2].partition("@")[0].replace("-", ""): one for one in entries}
