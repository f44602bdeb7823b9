"""History is sufficient, and nobody rewrites it unnoticed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.conftest import Prepare
from tests.world import FILE, STRANGE_TOWN, TOWN, World
from workflow import (
    announcements,
    cases,
    closures,
    clusters,
    delegations,
    documents,
    events,
    following,
    history,
    mailboxes,
    onboarding,
    people,
    programme,
    tasks,
)
from workflow.engine import SYSTEM
from workflow.errors import Conflict, NotAllowed, NotFound, SignInRequired
from workflow.mailboxes import Place
from workflow.models import (
    Base,
    Case,
    Document,
    Event,
    Evidence,
    Grant,
    Hold,
    Milestone,
    Person,
    Prerequisite,
    Remark,
    Task,
    Wave,
)
from workflow.queries import case as case_page


@pytest.fixture
def story(prepared: Prepare) -> tuple[World, UUID]:
    """A case with a hold, a decline, a hand-back, a send-back, an extension, rework and go-live."""
    return prepared(_story)


def _story(world: World) -> UUID:
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
        clusters.found(work, "Verbund", TOWN, [STRANGE_TOWN], ["wohngeld"])
        delegations.give(work, TOWN, "wohngeld", STRANGE_TOWN, from_on=work.today, until_on=work.today)
        announced = announcements.send(work, [TOWN], "Von Frau Muster", "Frau Muster ist zurück.")
        announcements.withdraw(work, announced.id)
    with world.by("leitung") as work:
        closures.end(work, closures.enter(work, TOWN, work.today, work.today).id)
        closures.enter(work, TOWN, work.today, work.today)
        mailboxes.set_up(work, Place(body=TOWN), "it", "it@kreis.example")
        mailboxes.set_up(work, Place(body=TOWN), "it", "edv@kreis.example", language="en")
        mailboxes.set_up(work, Place(body=TOWN), mailboxes.ALL, "rathaus@kreis.example")
        mailboxes.end(work, Place(body=TOWN), "it")
        onboarding.ask(work, "uvg", TOWN, "Wir können im März.")
    assert delegations.apply(world.engine)
    world.days(1)
    assert delegations.apply(world.engine)
    following.work_off(world.engine)
    world.walk(case_id)
    return case_id


def test_folding_the_events_gives_the_rows(story: tuple[World, UUID]) -> None:
    world, _ = story
    heard: list[int] = []
    assert list(history.replay(world.engine, progress=heard.append)) == []
    with world.look() as work:
        assert sum(heard) == history.count(work) > 30


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        (Case, {"team": "nord"}),
        (Case, {"operator": None}),
        (Task, {"status": "done"}),
        (Task, {"body": "071310000000"}),
        (Task, {"holder_id": None}),
        (Hold, {"review_on": dt.date(2030, 1, 1)}),
        (Evidence, {"latest": False}),
        (Evidence, {"commitment": "0" * 64}),
        (Prerequisite, {"owner": "body.it"}),
        (Prerequisite, {"version": 99}),
        (Milestone, {"due_on": dt.date(2030, 1, 1)}),
        (Wave, {"stichtag": dt.date(2030, 1, 1)}),
        (Grant, {"role": "admin"}),
    ],
)
def test_a_row_changed_past_history_is_named_with_its_column(
    story: tuple[World, UUID], model: Any, columns: dict[str, Any]
) -> None:
    world, _ = story
    ((name, value),) = columns.items()
    with world.engine.change("system") as work:
        chained = model.seq > 0 if model is Wave else sa.true()
        row_id = work.session.execute(
            sa.select(model.id).where(chained, getattr(model, name).is_distinct_from(value)).limit(1)
        ).scalar_one()
        work.session.execute(sa.update(model).where(model.id == row_id).values(columns))
    found = list(history.replay(world.engine))
    assert [(one.table, one.row_id, one.column, one.row) for one in found] == [
        (model.__tablename__, row_id, name, events.plain(value))
    ]
    assert found[0].history != found[0].row
    assert found[0].kind == "differs"


def test_every_entry_says_under_which_definitions_and_what_was_before(story: tuple[World, UUID]) -> None:
    world, case_id = story
    with world.look() as work:
        rows = work.session.execute(sa.select(Event.chain, Event.content)).all()
        said = [json.loads(content) for _, content in rows]
        assert all(one["definitions"] == work.catalogue.revision for one in said)
        assert {json.loads(row.content).get("process") for row in rows if row.chain == "case"} == {"efa-onboarding/1"}
        moves = [
            json.loads(content)
            for content in work.session.execute(
                sa.select(Event.content).where(Event.chain_id == case_id, Event.act == "advanced").order_by(Event.seq)
            ).scalars()
        ]
    for move in moves:
        assert move["before"]["case"]["state"] == move["source"]
        assert move["case"]["state"] == move["target"]
    tables = {table for one in said for table in one.get("before", {})}
    assert tables >= {"case", "tasks", "prerequisite", "wave"}


def test_a_row_changed_past_history_is_found_although_a_deed_came_after(story: tuple[World, UUID]) -> None:
    """Nobody can change a row, let a deed write over it, and have it look as if nothing had been."""
    world, _ = story
    case_id = world.open("uvg")
    task_id = world.task(case_id, "express_interest")
    with world.engine.change(SYSTEM) as work:
        work.session.execute(sa.update(Case).where(Case.id == case_id).values(team="nord"))
        work.session.execute(sa.update(Task).where(Task.id == task_id).values(due_on=dt.date(2030, 1, 1)))
    with world.by("office") as work:
        cases.move_to_team(work, case_id, "mitte", reason="x")
    with world.by("supervisor") as work:
        tasks.extend(work, task_id, 2, "x")
    found = {(one.kind, one.table, one.column, one.row) for one in history.replay(world.engine, case=case_id)}
    assert ("differed", "cases", "team", "nord") in found
    assert ("differed", "task", "due_on", "2030-01-01") in found


def test_rows_without_history_and_history_without_rows_are_named(story: tuple[World, UUID]) -> None:
    world, _ = story
    with world.engine.change("system") as work:
        lost = work.session.execute(sa.select(Hold.id)).scalar_one()
        work.session.execute(sa.delete(Hold))
        grant = work.session.execute(sa.select(Grant.id).limit(1)).scalar_one()
        whose = work.session.execute(sa.select(Grant.person_id).where(Grant.id == grant)).scalar_one()
        work.session.execute(sa.delete(Event).where(Event.chain_id == whose))
    found = {(one.kind, one.table, one.row_id) for one in history.replay(world.engine)}
    assert found >= {("lost", "hold", lost), ("unknown", "role_grant", grant), ("unknown", "person", whose)}
    assert {kind for kind, _, row_id in found if row_id != lost} == {"unknown"}


def test_every_table_that_speaks_of_a_case_comes_out_of_its_history_or_is_named_with_a_reason() -> None:
    """Whoever adds a table with `case_id`, or a table with a chain of its own, decides which it is."""
    kept = {one.model for tables in history.CHAINS.values() for one in tables}
    for mapper in Base.registry.mappers:
        columns = set(mapper.columns.keys())
        if "case_id" in columns or "chain_id" in columns or "head" in columns:
            assert mapper.class_ in kept | set(history.OUTSIDE) | {Event}, (
                f"{mapper.class_.__name__}: list it in casework.CHAINED or history.CHAINS, or in history.OUTSIDE"
            )


def test_what_is_not_history_is_named_column_by_column() -> None:
    for model, columns in history.NOT_HISTORY.items():
        assert "id" not in columns
        for name, reason in columns.items():
            assert reason, (model, name)
    for model in {one.model for tables in history.CHAINS.values() for one in tables}:
        assert model in history.NOT_HISTORY


def test_every_kind_of_chain_can_be_folded(story: tuple[World, UUID]) -> None:
    world, _ = story
    with world.look() as work:
        assert set(work.session.execute(sa.select(Event.chain).distinct()).scalars()) == set(history.CHAINS)


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


def test_a_remark_can_be_proved_while_its_salt_is_kept(story: tuple[World, UUID]) -> None:
    world, case_id = story
    with world.look() as work:
        remark = work.session.execute(sa.select(Remark).where(Remark.chain_id == case_id)).scalars().first()
        assert remark is not None
        assert remark.commitment == hashlib.sha256(f"{remark.salt}\n{remark.text}".encode()).hexdigest()


def test_every_chain_keeps_what_it_promised(story: tuple[World, UUID]) -> None:
    world, case_id = story
    heard: list[int] = []
    assert list(history.verify(world.engine, progress=heard.append)) == []
    with world.look() as work:
        assert sum(heard) == history.count(work)
    assert list(history.verify(world.engine, case=case_id)) == []


def _first(world: World, query: Any) -> Any:
    with world.look() as work:
        return work.session.execute(query.limit(1)).scalar_one()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (lambda case: sa.update(Event).where(Event.chain_id == case, Event.seq == 4).values(content="{}"), "changed"),
        (lambda case: sa.update(Event).where(Event.chain_id == case, Event.seq == 4).values(act="waived"), "changed"),
        (lambda case: sa.delete(Event).where(Event.chain_id == case, Event.seq == 4), "missing"),
        (lambda case: sa.delete(Event).where(Event.chain_id == case, Event.seq > 4), "end"),
        (lambda case: sa.delete(Event).where(Event.chain_id == case), "nothing"),
        (lambda case: sa.update(Case).where(Case.id == case).values(seq=4, head="0" * 64), "end"),
        (lambda case: sa.update(Remark).where(Remark.chain_id == case).values(text="Anders."), "remark"),
        (
            lambda case: sa.insert(Remark).values(
                id=UUID(int=7), chain_id=case, text="Nachgeschoben.", salt="0", commitment="0" * 64
            ),
            "stray",
        ),
        (lambda case: sa.update(Remark).where(Remark.chain_id == case).values(text=None), "erased"),
        (lambda case: sa.update(Remark).where(Remark.chain_id == case).values(text=None, salt=None), "erased"),
        (
            lambda case: (
                sa.update(Evidence).where(Evidence.case_id == case, Evidence.type == "long_text").values(text_value="x")
            ),
            "answer",
        ),
        (lambda case: sa.update(Document).where(Document.case_id == case).values(sha256="1" * 64), "answer"),
    ],
)
def test_whatever_is_rewritten_is_found_with_its_reason(
    story: tuple[World, UUID], statement: Callable[[UUID], Any], why: str
) -> None:
    world, case_id = story
    with world.engine.change("system") as work:
        work.session.execute(statement(case_id))
    found = list(history.verify(world.engine, case=case_id))
    assert {(one.chain, one.chain_id, one.why) for one in found} == {("case", case_id, why)}
    assert {one.chain_id for one in history.verify(world.engine)} == {case_id}


def test_documents_are_checked_on_disk(story: tuple[World, UUID]) -> None:
    world, case_id = story
    path = documents.path_of(world.engine.settings.documents, FILE.sha256)
    path.write_bytes(b"%PDF-1.7 ein anderer Vertrag")
    assert {one.why for one in history.verify(world.engine, case=case_id)} == {"file"}
    path.unlink()
    assert {one.why for one in history.verify(world.engine, case=case_id)} == {"no_file"}


def test_an_erased_remark_leaves_an_entry_and_the_chain_whole(story: tuple[World, UUID]) -> None:
    world, case_id = story
    remark_id = _first(world, sa.select(Remark.id).where(Remark.chain_id == case_id))
    with pytest.raises(NotAllowed), world.by("team") as work:
        cases.erase_remark(work, case_id, remark_id)
    with pytest.raises(NotFound), world.by("stranger") as work:
        cases.erase_remark(work, case_id, remark_id)
    with world.by("office") as work:
        cases.erase_remark(work, case_id, remark_id)
    with pytest.raises(Conflict), world.by("office") as work:
        cases.erase_remark(work, case_id, remark_id)
    with pytest.raises(NotFound), world.by("office") as work:
        cases.erase_remark(work, case_id, case_id)
    with world.look() as work:
        row = work.session.get_one(Remark, remark_id)
        last = work.session.execute(
            sa.select(Event.act, Event.content).where(Event.chain_id == case_id).order_by(Event.seq.desc()).limit(1)
        ).one()
    assert (row.text, row.salt) == (None, None)
    assert (last.act, json.loads(last.content)["remark_id"]) == ("remark_erased", remark_id.hex)
    assert list(history.verify(world.engine)) == []
    assert list(history.replay(world.engine)) == []


def test_an_erased_person_leaves_every_chain_whole_and_no_name(story: tuple[World, UUID]) -> None:
    world, case_id = story
    with world.engine.change(SYSTEM) as work:
        people.erase(work, world["digi"])
    with world.look() as work:
        row = work.session.get_one(Person, world["digi"])
        assert (row.email, row.name, row.password, row.salt) == (None, None, None, None)
        assert (
            work.session.execute(
                sa.select(sa.func.count()).where(Grant.person_id == world["digi"], Grant.ended_at.is_(None))
            ).scalar_one()
            == 0
        )
    with pytest.raises(SignInRequired), world.by("digi"):
        pass
    with pytest.raises(Conflict), world.engine.change(SYSTEM) as work:
        people.erase(work, world["digi"])
    with pytest.raises(NotAllowed), world.by("office") as work:
        people.erase(work, world["it"])
    assert list(history.verify(world.engine)) == []
    assert list(history.replay(world.engine)) == []
    with world.look("team") as work:
        page = case_page.case(work, case_id)
    assert "'Digi'" not in repr(page)


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
