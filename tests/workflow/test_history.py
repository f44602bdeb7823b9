"""History is sufficient, and nobody rewrites it unnoticed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.world import World
from workflow import cases, events, following, programme, tasks
from workflow.models import Case, Event, Evidence, Hold, Milestone, Person, Prerequisite, Remark, Task, Wave

_BY_THE_WAY = {"remind_at", "rung", "occurrence", "seq", "head", "id", "case_id", "service", "body", "team", "operator"}


@pytest.fixture
def story(world: World) -> tuple[World, UUID]:
    """A case with a hold, a decline, a hand-back, a send-back, an extension, rework and go-live."""
    case_id = world.open()
    with world.by("digi") as work:
        tasks.decline(work, world.task(case_id, "express_interest"), "Keine Kapazität, sagt Frau Muster.")
    with world.by("team") as work:
        tasks.hand_back(work, world.task(case_id, "express_interest"), "Bitte trotzdem.")
        cases.hold(
            work, case_id, blocker="no_staff", reason="bis Frau Muster da ist", review_on=work.today.replace(year=2027)
        )
    world.days(2)
    with world.by("team") as work:
        cases.resume(work, case_id)
    with world.by("supervisor") as work:
        tasks.extend(work, world.task(case_id, "express_interest"), 2, "Feiertage")
    world.bring(case_id, "choose_variant")
    world.do(case_id, "choose_variant", "team", connection_variant="fitconnect", wave="welle-2027-04")
    world.walk(case_id, until="connected")
    with world.by("team") as work:
        cases.advance(work, case_id, "reject_test", given={"reason": "Parameter falsch"})
    with world.by("office") as work:
        former = world.case(case_id).team
        cases.move_to_team(work, case_id, "nord", reason="Bis Frau Muster zurück ist.")
        cases.move_to_team(work, case_id, former, reason="Frau Muster ist zurück.")
        programme.move_wave(work, "welle-2027-04", dt.date(2027, 5, 11), "Frau Muster ist im Urlaub.")
    following.work_off(world.engine)
    world.walk(case_id)
    return world, case_id


def test_folding_the_events_gives_the_rows(story: tuple[World, UUID]) -> None:
    world, case_id = story
    case, folded = fold(world, case_id)
    with world.look() as work:
        row = work.session.execute(sa.select(Case.__table__).where(Case.id == case_id)).one()
        rows = work.session.execute(sa.select(Task.__table__).where(Task.case_id == case_id)).all()
    for name, value in row._mapping.items():
        if name not in ("id", "seq", "head"):
            assert case.get(name) == events.plain(value), name
    assert {UUID(key) for key in folded} == {row.id for row in rows}
    for row in rows:
        for name, value in row._mapping.items():
            if name not in _BY_THE_WAY:
                assert folded[row.id.hex].get(name) == (events.plain(value) or None), (row.name, name)


def test_every_chain_is_whole(story: tuple[World, UUID]) -> None:
    world, _ = story
    with world.look() as work:
        chains = set(work.session.execute(sa.select(Event.chain_id)).scalars())
        assert len(chains) > 15  # the case, its prerequisites, milestones, people
        assert [chain for chain in chains if events.broken_at(work, chain) is not None] == []
        for model in (Case, Prerequisite, Milestone, Wave):
            chained = sa.select(model.id, model.seq, model.head).where(model.seq > 0)
            for owner_id, seq, head in work.session.execute(chained):
                last = work.session.execute(
                    sa.select(Event.digest).where(Event.chain_id == owner_id, Event.seq == seq)
                ).scalar_one()
                assert last == head


@pytest.mark.parametrize("tampering", ["content", "act", "actor", "drop", "swap", "time"])
def test_rewriting_the_past_is_found_at_the_entry(story: tuple[World, UUID], tampering: str) -> None:
    world, case_id = story
    with world.engine.change("system") as work:
        session = work.session
        here = sa.and_(Event.chain_id == case_id, Event.seq == 4)
        if tampering == "content":
            session.execute(sa.update(Event).where(here).values(content='{"task":"other"}'))
        elif tampering == "act":
            session.execute(sa.update(Event).where(here).values(act="waived"))
        elif tampering == "actor":
            session.execute(sa.update(Event).where(here).values(actor_id=world["office"]))
        elif tampering == "time":
            session.execute(sa.update(Event).where(here).values(at=work.now.replace(year=2020)))
        elif tampering == "drop":
            session.execute(sa.delete(Event).where(here))
        else:
            session.execute(sa.update(Event).where(here).values(seq=9999))
            session.execute(sa.update(Event).where(Event.chain_id == case_id, Event.seq == 5).values(seq=4))
            session.execute(sa.update(Event).where(Event.chain_id == case_id, Event.seq == 9999).values(seq=5))
        assert events.broken_at(work, case_id) in ((5,) if tampering == "drop" else (4,))


def test_history_holds_no_names_addresses_or_free_text(story: tuple[World, UUID]) -> None:
    world, _ = story
    with world.look() as work:
        everything = "\n".join(work.session.execute(sa.select(Event.content)).scalars())
        words = set(work.session.execute(sa.select(Remark.text)).scalars())
        words |= set(work.session.execute(sa.select(Person.email)).scalars())
        words |= set(work.session.execute(sa.select(Person.name)).scalars())
        words |= {
            text
            for text in work.session.execute(
                sa.select(Evidence.text_value).where(Evidence.type.in_(("text", "long_text", "email", "url")))
            ).scalars()
            if text
        }
    assert words
    for text in words:
        assert text is not None
        assert text not in everything


def test_a_remark_can_be_proved_while_its_salt_is_kept_and_erased_without_breaking_the_chain(
    story: tuple[World, UUID],
) -> None:
    world, case_id = story
    with world.engine.change("system") as work:
        remark = work.session.execute(sa.select(Remark).where(Remark.chain_id == case_id)).scalars().first()
        assert remark is not None
        assert remark.commitment == hashlib.sha256(f"{remark.salt}\n{remark.text}".encode()).hexdigest()
        work.session.execute(sa.update(Remark).values(text=None, salt=None))
        work.session.execute(sa.update(Person).values(name=None, email=None, salt=None))
        assert events.broken_at(work, case_id) is None


def test_the_ledger_of_holds_is_in_the_history(story: tuple[World, UUID]) -> None:
    world, case_id = story
    with world.look() as work:
        hold = work.session.execute(sa.select(Hold)).scalars().one()
        said: dict[str, Any] = {}
        for content in work.session.execute(
            sa.select(Event.content).where(Event.chain_id == case_id).order_by(Event.seq)
        ).scalars():
            said |= json.loads(content).get("rows", {}).get("hold", {}).get(hold.id.hex, {})
    assert said["began_on"] == hold.began_on.isoformat()
    assert hold.ended_on is not None
    assert said["ended_on"] == hold.ended_on.isoformat()


def fold(world: World, case_id: UUID) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    case: dict[str, Any] = {}
    folded: dict[str, dict[str, Any]] = {}
    with world.look() as work:
        for content in work.session.execute(
            sa.select(Event.content).where(Event.chain_id == case_id).order_by(Event.seq)
        ).scalars():
            said = json.loads(content)
            case |= said.get("case", {})
            for task_id, changes in said.get("tasks", {}).items():
                merged = folded.setdefault(task_id, {}) | changes
                folded[task_id] = {name: value for name, value in merged.items() if value not in (None, 0, False, "")}
    return case, folded
