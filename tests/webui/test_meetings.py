"""What changed since the last talk with a town, what is open, and that a talk took place."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.conftest import Prepare
from tests.statements import counted
from tests.webui import pages
from tests.webui.visitor import Visitor, words
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import cases, comments, meetings, milestones, tasks
from workflow.errors import Conflict, NotAllowed, NotFound, Refused
from workflow.models import Meeting, Milestone
from workflow.queries import changes as query
from workflow.queries.changes import ChangesPage

Visit = Callable[[str], Visitor]


def looked(world: World, who: str = "team", since: dt.date | int | None = None, body: str = TOWN) -> ChangesPage:
    with world.look(who) as work:
        return query.changes(work, body, since)


def kinds(page: ChangesPage) -> dict[str, list[str]]:
    return {case.number.rpartition("-07")[0]: [change.kind for change in case.changes] for case in page.cases}


def met(world: World, who: str = "team", on: dt.date | None = None) -> UUID:
    with world.by(who) as work:
        return meetings.hold(work, TOWN, on).id


def _year(world: World) -> dict[str, UUID]:
    """A meeting on the first day, and three weeks of work after it; Worms has a case in which nothing happened."""
    moved, held, late, live = world.open("ikfz"), world.open("elterngeld"), world.open("wohngeld"), world.open("uvg")
    world.open(body=STRANGE_TOWN)
    world.walk(live, until="tested")
    world.days(1)
    met(world)
    world.days(1)
    world.walk(moved, until="contracted")
    world.walk(live)
    with world.by("team") as work:
        cases.hold(work, held, blocker="no_staff", reason="x", review_on=work.today.replace(year=2027))
        comments.write(work, late, "Wer ist bei Ihnen zuständig?")
        comments.write(work, moved, "Ist alles da?")
    with world.by("digi") as work:
        comments.write(work, moved, "Ja.")
    world.days(12)
    with world.by("office") as work:
        contract = work.session.execute(
            sa.select(Milestone.id).where(Milestone.service == "wohngeld", Milestone.kind == "land_contract")
        ).scalar_one()
        milestones.plan(work, contract, work.today.replace(year=2027), "zugesagt")
    return {"moved": moved, "held": held, "late": late, "live": live}


@pytest.fixture
def year(prepared: Prepare) -> tuple[World, dict[str, UUID]]:
    """A copy of its own for each test."""
    world, ids = prepared(_year)
    return world, ids


def test_each_case_is_told_in_a_few_lines_the_most_important_first(year: tuple[World, dict[str, UUID]]) -> None:
    world, ids = year
    page = looked(world)
    assert page.by_meeting
    assert [case.id for case in page.cases][:2] == [ids["live"], ids["moved"]]
    told = kinds(page)
    assert told["uvg"][0] == "live"
    assert told["ikfz"][:2] == ["moved", "overdue"]
    assert {"done", "opened", "commented"} <= set(told["ikfz"])
    assert told["wohngeld"] == ["overdue", "commented"]
    assert told["elterngeld"] == ["held"]
    moved = next(case for case in page.cases if case.id == ids["moved"])
    assert [title.de for title in moved.changes[0].facts.values()] == ["Angefragt", "Vertrag geschlossen"]
    assert page.totals.live == 1
    assert page.totals.onward == 2
    assert page.totals.overdue > 0
    assert [one.kind for one in page.shared if one.act == "planned"] == ["milestone"]


def test_what_is_open_comes_overdue_first_and_questions_until_somebody_answers(
    year: tuple[World, dict[str, UUID]],
) -> None:
    world, ids = year
    page = looked(world)
    days = [one.due.on for one in page.open if one.due]
    assert days == sorted(days)
    assert page.open[0].due is not None
    assert page.open[0].due.overdue
    assert page.open[0].new
    assert page.overdue_total == sum(1 for one in page.open if one.due and one.due.overdue)
    assert [(one.case_id, one.text) for one in page.questions] == [(ids["late"], "Wer ist bei Ihnen zuständig?")]
    with world.by("digi") as work:
        comments.write(work, ids["late"], "Das Sozialamt.")
    assert looked(world).questions == ()


def test_it_counts_anew_from_each_meeting_and_from_any_day(year: tuple[World, dict[str, UUID]]) -> None:
    world, ids = year
    assert looked(world, since=1).all == 0
    assert looked(world, since=30).all == 4
    assert looked(world, since=world.case(ids["late"]).opened_on).all == 4
    first = looked(world).met
    assert first is not None
    again = met(world, "supervisor")
    assert looked(world).all == 0
    for who, error in (("team", NotAllowed), ("other_team", NotFound), ("digi", NotFound)):
        with pytest.raises(error), world.by(who) as work:
            meetings.withdraw(work, again)
    with pytest.raises(Conflict), world.by("team") as work:
        meetings.withdraw(work, first.id)
    with world.by("supervisor") as work:
        meetings.withdraw(work, again)
    assert looked(world).all == 4
    with world.look() as work:
        yesterday = work.today - dt.timedelta(days=1)
    met(world, on=yesterday)
    assert [case.number for case in looked(world).cases] == []
    for who, day, refused in (
        ("team", yesterday + dt.timedelta(days=2), Refused),
        ("team", yesterday - dt.timedelta(days=60), Refused),
        ("digi", None, NotAllowed),
        ("other_team", None, NotAllowed),
        ("office", None, NotAllowed),
    ):
        with pytest.raises(refused):
            met(world, who, day)
    with pytest.raises(NotFound), world.by("team") as work:
        meetings.hold(work, "0")


def test_everybody_reads_what_they_see_and_others_find_nothing(year: tuple[World, dict[str, UUID]]) -> None:
    world, _ = year
    for who, count in (("team", 4), ("supervisor", 4), ("digi", 4), ("office", 4), ("auditor", 4)):
        found = looked(world, who)
        assert found.all == count, who
        assert found.met is not None
        assert (found.met.who is None) == (who == "digi"), who
    for who in ("stranger", "admin"):
        with pytest.raises(NotFound):
            looked(world, who)
    for body in ("0", "x", "999999999999"):
        with pytest.raises(NotFound):
            looked(world, body=body)
    assert looked(world, "stranger", body=STRANGE_TOWN).all == 1


def test_the_list_of_towns_counts_what_their_pages_show(year: tuple[World, dict[str, UUID]]) -> None:
    world, _ = year
    for who in ("team", "office"):
        with world.look(who) as work:
            pages_ = [query.bodies(work, page=number + 1) for number in range(query.bodies(work).pages)]
        lines = {line.ars: line for page in pages_ for line in page.lines}
        assert len(lines) == pages_[0].total
        busy = [line.ars for line in pages_[0].lines if line.left]
        assert busy == [STRANGE_TOWN, TOWN]  # met last
        for ars in (TOWN, STRANGE_TOWN):
            assert lines[ars].changed == looked(world, who, body=ars).all, (who, ars)
        assert lines[TOWN].met_on is not None
        assert lines[STRANGE_TOWN].met_on is None
        assert (lines[TOWN].left, lines[STRANGE_TOWN].left) == (3, 1)
    with world.look("digi") as work, pytest.raises(NotFound):
        query.bodies(work)


def test_it_costs_the_same_however_much_happened(year: tuple[World, dict[str, UUID]]) -> None:
    world, ids = year

    def price() -> tuple[int, int]:
        with world.look("team") as work, counted(world) as sent:
            query.changes(work, TOWN, 60)
        with world.look("team") as work, counted(world) as listed:
            query.bodies(work)
        return len(sent), len(listed)

    few = price()
    for text in range(30):
        with world.by("team") as work:
            comments.write(work, ids["late"], f"Frage {text}?")
    with world.by("digi") as work:
        tasks.decline(work, world.task(ids["late"], "express_interest"), "nein")
    assert price() == few
    assert few[0] <= 16
    assert few[1] <= 4


def test_a_team_notes_a_meeting_and_takes_it_back(world: World, visit: Visit) -> None:
    world.open()
    team, address = visit("team"), f"/bodies/{TOWN}/changes"
    page = team.get(address)
    pages.sound(page.text)
    assert "In 1 Vorgang hat sich etwas getan." in words(page.text)
    for since in ("7", "28", "01.10.2026", "2026-10-01", "gestern", "9999-12-31", "0001-01-01", "%00"):
        assert team.get(address, query_string={"since": since, "page": "7"}).status_code == 200
    assert team.post(f"/bodies/{TOWN}/meetings", on="übermorgen").status_code == 422
    assert team.post(f"/bodies/{TOWN}/meetings", on="01.01.2020").status_code == 422
    form = pages.hidden(page.text, "/meetings")
    assert [team.post(f"/bodies/{TOWN}/meetings", **form).status_code for _ in range(2)] == [303, 303]
    with world.look() as work:
        assert work.session.execute(sa.select(sa.func.count()).select_from(Meeting)).scalar_one() == 1
    noted = team.get(address)
    pages.sound(noted.text)
    assert "Es hat sich nichts geändert." in words(noted.text)
    assert re.search(r"Letztes Treffen: .*Festgehalten von Team\.", words(noted.text))
    mine = visit("digi").get(address)
    pages.sound(mine.text)
    assert not pages.offers(mine.text, "/meetings")
    back = pages.hidden(noted.text, "/withdraw")
    assert team.post(f"/bodies/{TOWN}/meetings/withdraw", **back).status_code == 303
    assert team.post(f"/bodies/{TOWN}/meetings/withdraw").status_code == 404
    index = team.get("/bodies/meetings")
    pages.sound(index.text)
    assert "noch keins" in words(index.text)
    assert visit("digi").get("/bodies/meetings").status_code == 404
    assert visit("stranger").get(address).status_code == 404
    assert visit("stranger").post(f"/bodies/{EMPTY_TOWN}/meetings").status_code == 403
