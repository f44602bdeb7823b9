"""The main job in a real browser: one case from requested to live, by everybody whose turn it is.

The first task with each kind of field, and the first check by a second person, are done without a mouse.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Site, tab_to
from tests.world import FORWARD, TOWN, plausible
from workflow import events, following
from workflow.definition import EvidenceField
from workflow.evidence import StoredFile
from workflow.models import Case, Event, Milestone, Prerequisite, Task

CASE = "Wohngeld"


def test_a_case_walks_from_requested_to_live_through_the_pages(site: Site, pdf: Path) -> None:
    case_id = site.world.open()
    pressed: set[str] = set()
    for state in FORWARD:
        assert site.world.case(case_id).state == state
        _do_all_tasks(site, case_id, pdf, pressed)
        if state == "requested":
            _reach_milestones(site, pdf)
        if state == "contracted":
            _complete_prerequisites(site, pdf)
        following.work_off(site.world.engine)
        _advance(site, case_id, FORWARD[state])
    assert site.world.case(case_id).state == "live"
    assert pressed >= {"text", "choice", "date", "document", "flag", "checklist", "confirm"}

    page = site.window("digi")
    page.goto(f"/cases/{case_id}")
    expect(page.get_by_role("main")).to_contain_text("Produktiv")
    page = site.window("stranger")
    assert page.goto(f"/cases/{case_id}").status == 404  # type: ignore[union-attr]
    with site.world.look() as work:
        assert events.broken_at(work, case_id) is None
        actors = set(work.session.execute(sa.select(Event.actor_id).where(Event.chain_id == case_id)).scalars())
    assert {site.world[who] for who in ("digi", "leitung", "fachamt", "it", "redaktion", "team", "operator")} <= actors


def _do_all_tasks(site: Site, case_id: UUID, pdf: Path, pressed: set[str]) -> None:
    """Until nobody has anything to do in this state: the person in charge opens the inbox, the task, and does it.

    `pressed`: the kinds of things that somebody has done by keyboard alone.
    """
    while True:
        with site.world.look() as work:
            row = work.session.execute(
                sa.select(Task.id, Task.name, Task.acting, Task.status)
                .join(Case, sa.and_(Case.id == Task.case_id, Case.state == Task.state))
                .where(Task.case_id == case_id, Task.status.in_(("ready", "accepted", "submitted")))
                .order_by(Task.due_on, Task.name)
            ).first()
            if row is None:
                return
            process = work.catalogue.process("efa-onboarding", 1)
            asked, points = process.task(row.name).evidence, process.task(row.name).checklist
            title = process.task(row.name).title.de
            given = plausible(asked, work.today)
        who = {"umsetzungsteam": "team", "rollout_team": "operator"}.get(row.acting, row.acting.removeprefix("body."))
        if row.status == "submitted":
            who = "colleague"
        kinds = {asked[name].type for name in given} | ({"checklist"} if points else set())
        kinds = {"confirm"} if row.status == "submitted" else kinds
        by_keyboard = not kinds <= pressed
        pressed |= kinds
        page = site.window(who)
        page.goto("/")
        _press(page, page.get_by_role("main").get_by_role("link", name=re.compile(re.escape(title))).first, by_keyboard)
        expect(page).to_have_url(re.compile(str(row.id)))
        if row.status == "submitted":
            _press(page, page.get_by_role("button", name=re.compile("Prüfung bestätigen")), by_keyboard)
        else:
            for number, _ in enumerate(points):
                _press(page, page.locator("form[action*='/tick/'] button").first, by_keyboard)
                expect(page.locator("form[action*='/untick/']")).to_have_count(number + 1)
            (_type_in if by_keyboard else _fill)(page, asked, given, pdf)
            done = page.get_by_role("button", name=re.compile("^(Erledigt melden|Zur Prüfung geben)"))
            _press(page, done, by_keyboard)
        expect(page.get_by_role("main")).to_be_visible()
        assert site.world.row(case_id, row.name).status in ("submitted", "done"), (row.name, page.inner_text("main"))


def _press(page: Page, wanted: Locator, by_keyboard: bool) -> None:
    if by_keyboard:
        tab_to(page, wanted)
        with page.expect_navigation():
            page.keyboard.press("Enter")
    else:
        wanted.click()


def _reach_milestones(site: Site, pdf: Path) -> None:
    """The programme office records what the Land has done, from the service's page."""
    with site.world.look() as work:
        rows = work.session.execute(
            sa.select(Milestone.id, Milestone.kind).where(Milestone.service == "wohngeld")
        ).all()
        kinds = work.catalogue.shared.milestones
        today = work.today
    page = site.window("office")
    for row in rows:
        page.goto("/services/wohngeld")
        page.get_by_role("link", name=re.compile(re.escape(kinds[row.kind].title.de))).first.click()
        _fill(page, kinds[row.kind].evidence, plausible(kinds[row.kind].evidence, today), pdf)
        page.locator(f"form[action$='/milestones/{row.id}/reach'] button").click()
        expect(page.get_by_role("main")).to_be_visible()
    with site.world.look() as work:
        open_ = work.session.execute(
            sa.select(Milestone.kind).where(Milestone.service == "wohngeld", Milestone.reached_on.is_(None))
        ).all()
    assert open_ == []


def _complete_prerequisites(site: Site, pdf: Path) -> None:
    """Each owner finds what the town still needs in the inbox and hands it in."""
    with site.world.look() as work:
        rows = work.session.execute(
            sa.select(Prerequisite.id, Prerequisite.kind, Prerequisite.owner).where(Prerequisite.body == TOWN)
        ).all()
        kinds = work.catalogue.shared.prerequisites
        today = work.today
    assert rows
    for row in rows:
        page = site.window(row.owner.removeprefix("body."))
        page.goto("/")
        page.locator(f"a[href$='/prerequisites/{row.id}']").first.click()
        _fill(page, kinds[row.kind].evidence, plausible(kinds[row.kind].evidence, today), pdf)
        page.locator(f"form[action$='/prerequisites/{row.id}/complete'] button").click()
        expect(page.get_by_role("main")).to_be_visible()
    with site.world.look() as work:
        statuses = work.session.execute(sa.select(Prerequisite.status).where(Prerequisite.body == TOWN)).scalars()
        assert set(statuses) == {"done"}


def _advance(site: Site, case_id: UUID, transition: str) -> None:
    """The team takes the next step from the case's page."""
    page = site.window("team")
    page.goto(f"/cases/{case_id}")
    page.locator(f"form[action$='/advance/{transition}'] button").first.click()
    expect(page.get_by_role("main")).to_be_visible()


def _fill(page: Page, asked: Mapping[str, EvidenceField], given: Mapping[str, str | StoredFile], pdf: Path) -> None:
    """Fill a form the way a person does: tick, choose, type, upload."""
    for name, value in given.items():
        kind = asked[name].type
        locator = page.locator(f"[name='answer-{name}']")
        if isinstance(value, StoredFile):
            locator.set_input_files(pdf)
        elif kind == "flag":
            locator.check()
        elif locator.first.get_attribute("type") == "radio":
            page.locator(f"[name='answer-{name}'][value='{value}']").check()
        elif locator.evaluate("one => one.tagName") == "SELECT":
            locator.select_option(value)
        elif kind == "date":
            locator.fill(dt.date.fromisoformat(value).strftime("%d.%m.%Y"))
        else:
            locator.fill(value)


def _type_in(page: Page, asked: Mapping[str, EvidenceField], given: Mapping[str, str | StoredFile], pdf: Path) -> None:
    """Fill a form without a mouse: Tab, arrows, Space and letters, in the order in which the fields stand."""
    for name in asked:
        if name not in given:
            continue
        value, kind, keyboard = given[name], asked[name].type, page.keyboard
        field = page.locator(f"[name='answer-{name}']").first
        tab_to(page, field)
        if isinstance(value, StoredFile):
            with page.expect_file_chooser() as chooser:
                keyboard.press("Enter")
            chooser.value.set_files(pdf)
        elif kind == "flag":
            keyboard.press("Space")
        elif field.get_attribute("type") == "radio":
            keyboard.press("Space")
            wanted = page.locator(f"[name='answer-{name}'][value='{value}']")
            while not wanted.is_checked():
                keyboard.press("ArrowDown")
        elif field.evaluate("one => one.tagName") == "SELECT":
            while field.input_value() != value:
                keyboard.press("ArrowDown")
        else:
            keyboard.press("ControlOrMeta+a")
            keyboard.type(dt.date.fromisoformat(value).strftime("%d.%m.%Y") if kind == "date" else value)
