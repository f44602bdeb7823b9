"""Two people, or a person and time, at one case in the same moment: every pair of deeds that can meet.

Each pair is tried on a case prepared anew: the first deed does everything but end its transaction while the second one
begins. What comes out must be what comes out when they act one after the other, on a case prepared alike.

To add a deed: one line in `_meetings`, on the part of the case it needs (`_PROCESS` has a task in every status).
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations_with_replacement, count
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from tests.definitions import folder as small
from tests.engine import programmes
from tests.engine.deeds import Deed, Job
from tests.engine.scene import HELD, KOBLENZ, Scene, people_of
from workflow import (
    absences,
    bulk,
    cases,
    comments,
    following,
    history,
    milestones,
    participants,
    people,
    prerequisites,
    programme,
    reminders,
    tasks,
)
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import NotFound, StartklarError
from workflow.models import (
    Absence,
    Case,
    ChecklistItem,
    Comment,
    Event,
    Hold,
    Milestone,
    Participant,
    Prerequisite,
    Recording,
    Remark,
    Task,
)

HOLDS_ON = 0.03
"""Seconds the first one keeps its transaction open for the second to get as far as it can."""

_TITLE = {"de": "Wort", "en": "Word"}
_WORD = {"word": {"type": "text", "title": _TITLE, "required": False}}
_PROCESS = {
    "process": "onboarding",
    "version": 1,
    "title": _TITLE,
    "initial": "begun",
    "states": {
        "begun": {
            "title": _TITLE,
            "tasks": {
                name: {"title": _TITLE, "owner": owner, "due": "5 working days", "ladder": "short", **more}
                for name, owner, more in (
                    ("choose", "umsetzungsteam", {"evidence": {"variant": {"type": "variant", "title": _TITLE}}}),
                    ("ready", "body.digi", {}),
                    ("taken", "body.digi", {}),
                    ("listed", "body.digi", {"checklist": {"seen": _TITLE, "filed": _TITLE}}),
                    ("theirs", "participant.digi", {"optional": True}),
                    ("shown", "body.leitung", {"confirm": "umsetzungsteam", "evidence": _WORD}),
                    ("refused", "body.digi", {}),
                    ("done", "body.digi", {"evidence": {"good": {"type": "flag", "title": _TITLE}}}),
                    ("later", "body.digi", {"after": ["ready", "done"], "only_if": {"done.good": [True]}}),
                    ("promised", "body.digi", {"due": {"milestone": "contract", "otherwise": "10 working days"}}),
                )
            },
        },
        "next": {
            "title": _TITLE,
            "tasks": {
                "test": {
                    "title": _TITLE,
                    "owner": "body.digi",
                    "due": {"stichtag": "5 working days"},
                    "ladder": "short",
                }
            },
        },
        "live": {"title": _TITLE, "goal": True},
        "gone": {"title": _TITLE, "end": True, "aside": True},
    },
    "transitions": {
        "go": {"title": _TITLE, "from": ["begun"], "to": "next", "by": ["umsetzungsteam"]},
        "launch": {"title": _TITLE, "from": ["next"], "to": "live", "by": ["umsetzungsteam"]},
        "end": {"title": _TITLE, "from": ["begun", "next"], "to": "gone", "by": ["umsetzungsteam", "supervisor"]},
    },
}


def write(folder: Path) -> Path:
    """The definitions these meetings take place in."""
    programmes.write(folder, Random(0))
    small.write(folder, small.PROCESS, json.dumps(_PROCESS))
    small.write(folder, "services/cats.yaml", programmes.CATS + _PARTICIPANTS)
    small.write(folder, "bodies/municipalities.csv", small.BODIES + programmes.NEIGHBOUR + _AROUND)
    return folder


INVITED, NEIGHBOUR = "071110001000", "071110002000"
"""Two Verbandsgemeinden that may take part in what Koblenz does; the first of them does."""
_PARTICIPANTS = "participants:\n  - {group: around, role: {de: Wirkt mit, en: Takes part}}\n"
_AROUND = "".join(
    f"{ars},,verbandsgemeinde,{name},VG {name},Koblenz,071110000000,{name},56070,9000,9.1,3,50.4,7.6\n"
    for ars, name in ((INVITED, "Rheinufer"), (NEIGHBOUR, "Moselufer"))
)


@dataclass(slots=True)
class Place:
    """A case prepared for a meeting."""

    scene: Scene
    case_id: UUID
    tasks: dict[str, UUID]
    remark: UUID
    comment: UUID
    mandate: UUID
    contract: UUID
    day: dt.date


Meeting = Callable[[Place], Deed | Job]
_TOMORROW = dt.date(2026, 11, 24)
_DAYS = count(1)
"""Dates that are new each time."""


def _by(who: str, do: Callable[[Work, Place], Any]) -> Meeting:
    return lambda place: Deed(place.scene.people[who], lambda work: do(work, place))


def _meetings() -> dict[str, Meeting]:
    """Everything that can happen to one case, by name."""
    review = dt.timedelta(days=30)
    return {
        "accept": _by("digi", lambda work, at: tasks.accept(work, at.tasks["ready"])),
        "assign": _by("leitung", lambda work, at: tasks.assign(work, at.tasks["ready"], at.scene.people["fachamt"])),
        "submit": _by("digi", lambda work, at: tasks.submit(work, at.tasks["ready"])),
        "submit_seen": _by("digi", lambda work, at: tasks.submit(work, at.tasks["ready"], seen=2)),
        "decline": _by("digi", lambda work, at: tasks.decline(work, at.tasks["ready"], "Nein.")),
        "waive": _by("both", lambda work, at: tasks.waive(work, at.tasks["ready"], "Entfällt.")),
        "extend": _by("both", lambda work, at: tasks.extend(work, at.tasks["ready"], 5, "Urlaub")),
        "follow_up": _by("digi", lambda work, at: tasks.follow_up(work, at.tasks["taken"], _TOMORROW)),
        "release": _by("digi", lambda work, at: tasks.release(work, at.tasks["taken"])),
        "hand_on": _by("digi", lambda work, at: tasks.hand_on(work, at.tasks["taken"], at.scene.people["leitung"])),
        "submit_taken": _by("digi", lambda work, at: tasks.submit(work, at.tasks["taken"])),
        "take_back": _by("leitung", lambda work, at: tasks.take_back(work, at.tasks["shown"])),
        "confirm": _by("north", lambda work, at: tasks.confirm(work, at.tasks["shown"])),
        "send_back": _by("north_colleague", lambda work, at: tasks.send_back(work, at.tasks["shown"], "Fehlt.")),
        "send_back_some": _by(
            "north_colleague", lambda work, at: tasks.send_back(work, at.tasks["shown"], "Fehlt.", ["word"])
        ),
        "tick": _by("digi", lambda work, at: tasks.tick(work, at.tasks["listed"], ["filed"])),
        "untick": _by("digi", lambda work, at: tasks.tick(work, at.tasks["listed"], ["seen"], done=False)),
        "submit_listed": _by("digi", lambda work, at: tasks.submit(work, at.tasks["listed"])),
        "record": _by("north", lambda work, at: tasks.record(work, at.tasks["taken"], told=_TOLD)),
        "add_ad_hoc": _by(
            "north",
            lambda work, at: tasks.add_ad_hoc(work, at.case_id, "Nachfragen", owner="body.digi", working_days=5),
        ),
        "submit_added": _by("digi", lambda work, at: tasks.submit(work, at.tasks["added"])),
        "withdraw_added": _by("north", lambda work, at: tasks.withdraw(work, at.tasks["added"], "Entfällt.")),
        "comment": _by(
            "digi",
            lambda work, at: comments.write(
                work, at.case_id, "@Fachamt bitte ansehen.", mentioned=[at.scene.people["leitung"]]
            ),
        ),
        "withdraw_comment": _by("digi", lambda work, at: comments.withdraw(work, at.comment)),
        "join": _by("north", lambda work, at: participants.join(work, at.case_id, [NEIGHBOUR])),
        "leave": _by("north_colleague", lambda work, at: participants.leave(work, at.case_id, INVITED)),
        "submit_theirs": _by("county", lambda work, at: tasks.submit(work, at.tasks["theirs"])),
        "bring_up": lambda _: Job(tasks.bring_up),
        "hold_many": lambda at: Job(lambda engine: _many(engine, at, bulk.Order("hold", _REST))),
        "advance_many": lambda at: Job(lambda engine: _many(engine, at, bulk.Order("advance", transition="go"))),
        "away": _by(
            "admin",
            lambda work, at: absences.enter(
                work, at.scene.people["digi"], at.scene.people["fachamt"], work.today, work.today
            ),
        ),
        "hand_back": _by("north", lambda work, at: tasks.hand_back(work, at.tasks["refused"], "Doch.")),
        "reopen": _by("north", lambda work, at: tasks.reopen(work, at.tasks["done"], "Anders.")),
        "choose": _by("north", lambda work, at: tasks.submit(work, at.tasks["choose"], {"variant": "portal"})),
        "go": _by("north", lambda work, at: cases.advance(work, at.case_id, "go")),
        "go_seen": _by("north_colleague", lambda work, at: cases.advance(work, at.case_id, "go", seen=1)),
        "end": _by("both", lambda work, at: cases.advance(work, at.case_id, "end")),
        "hold": _by(
            "north",
            lambda work, at: cases.hold(
                work, at.case_id, blocker="no_staff", reason="Urlaub", review_on=work.today + review
            ),
        ),
        "change_hold": _by(
            "north_colleague",
            lambda work, at: cases.change_hold(
                work, at.case_id, blocker="vendor", reason="Hersteller", review_on=work.today + review
            ),
        ),
        "resume": _by("north", lambda work, at: cases.resume(work, at.case_id)),
        "move_to_team": _by("office", lambda work, at: cases.move_to_team(work, at.case_id, "south", reason="Urlaub")),
        "erase_remark": _by("office", lambda work, at: cases.erase_remark(work, at.case_id, at.remark)),
        "withdraw": _by("admin", lambda work, at: people.withdraw(work, at.scene.people["digi"], _DIGI)),
        "complete": _by(
            "fachamt",
            lambda work, at: prerequisites.complete(
                work, at.mandate, {"number": "7", "expires_on": (work.today + review).isoformat()}
            ),
        ),
        "plan": _by("office", lambda work, at: milestones.plan(work, at.contract, at.day, "Zugesagt.")),
        "move_wave": _by("office", lambda work, at: programme.move_wave(work, "first", at.day, "Verschoben.")),
        "remind": lambda _: Job(reminders.decide),
        "follow": lambda _: Job(following.work_off),
    }


_TOLD = {"means": "phone", "told_on": "2026-11-20", "told_by": "Fachamt"}
_REST = {"blocker": "no_staff", "reason": "Urlaub", "review_on": "2026-12-21"}


def _many(engine: Engine, at: Place, order: bulk.Order) -> None:
    """Ask it of this one case and work it off."""
    asked = bulk.start(engine, at.scene.people["north"], order, bulk.of_cases([at.case_id]))
    bulk.work_off(engine, asked.id)


_DIGI = people.parse_role(f"digi@{KOBLENZ}")
MEETINGS = _meetings()
PAIRS = list(combinations_with_replacement(MEETINGS, 2))
"""Every pair that can meet, a deed with itself included."""


def build(url: str, folder: Path) -> Scene:
    """An installation for meetings in an empty database."""
    scene = people_of(url, folder, write(folder / "definitions"), HELD)
    with scene.engine.change(SYSTEM) as work:
        people.grant(work, scene.people["county"], people.parse_role(f"digi@{INVITED}"))
    return scene


def meet(scene: Scene, first: str, second: str) -> list[str]:
    """Let two deeds meet in one order; what is wrong about what came of it, in words."""
    place = prepare(scene)
    told = _at_once(scene, MEETINGS[first](place), MEETINGS[second](place))
    came = [*told, *_stands(scene, place)]
    found = [f"{one}" for one in _faults(scene, place)]
    clear(scene, place)
    found += [f"{name} ended in {what}" for name, what in zip((first, second), told, strict=True) if what in _NEVER]
    expected = []
    for order in ((0, 1), (1, 0)):
        place = prepare(scene)
        alone = ["", ""]
        for number in order:
            alone[number] = _try(scene, MEETINGS[(first, second)[number]](place))
        expected.append([*alone, *_stands(scene, place)])
        clear(scene, place)
        if came == expected[-1]:
            return found
    return [*found, f"came to {came}", f"one after the other: {expected[0]}", f"the other way round: {expected[1]}"]


_NEVER = ("error.busy",)


def _at_once(scene: Scene, first: Deed | Job, second: Deed | Job) -> list[str]:
    """The first does its work and keeps its transaction open until the second has got as far as it can."""
    told = ["", ""]
    begun, ended = threading.Event(), threading.Event()

    def begin() -> None:
        try:
            if isinstance(first, Job):
                begun.set()
                first.do(scene.engine)
            else:
                with scene.engine.change(first.who) as work:
                    first.do(work)
                    begun.set()
                    ended.wait(HOLDS_ON)
            told[0] = "done"
        except StartklarError as error:
            told[0] = error.key
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            told[0] = repr(error)
        finally:
            begun.set()

    def come() -> None:
        begun.wait(20)
        told[1] = _try(scene, second)
        ended.set()

    threads = [threading.Thread(target=begin), threading.Thread(target=come)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    return told


def _try(scene: Scene, what: Deed | Job) -> str:
    try:
        if isinstance(what, Job):
            what.do(scene.engine)
        else:
            with scene.engine.change(what.who) as work:
                what.do(work)
    except StartklarError as error:
        return error.key
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return repr(error)
    return "done"


# --- a case with a task in every status ------------------------------------------------------------------------------


def prepare(scene: Scene) -> Place:
    """Open a case and bring its tasks to where deeds can be done with them."""
    someone = scene.people
    following.work_off(scene.engine)
    with scene.engine.change(someone["office"]) as work:
        case_id = cases.open_case(work, "cats", KOBLENZ).id
        contract = work.session.execute(sa.select(Milestone.id).where(Milestone.service == "cats")).scalar_one()
    with scene.engine.change(someone["north"]) as work:
        participants.join(work, case_id, [INVITED])
        added = tasks.add_ad_hoc(work, case_id, "Anrufen", owner="body.digi", working_days=5).id
        named = sa.select(Task.name, Task.id).where(Task.case_id == case_id)
        ids = dict(list(work.session.execute(named))) | {"added": added}
    with scene.engine.change(someone["digi"]) as work:
        tasks.accept(work, ids["taken"])
        tasks.tick(work, ids["listed"], ["seen"])
        comment = comments.write(work, case_id, "Wer ruft an?").id
        tasks.decline(work, ids["refused"], "Nein.")
        tasks.submit(work, ids["done"], {"good": "true"})
    with scene.engine.change(someone["leitung"]) as work:
        tasks.submit(work, ids["shown"])
    with scene.engine.change(someone["admin"]) as work:
        said = sa.select(Remark.id).where(Remark.chain_id == case_id, Remark.text == "Nein.")
        remark = work.session.execute(said).scalar_one()
        mandate = work.session.execute(sa.select(Prerequisite.id).where(Prerequisite.kind == "mandate")).scalar()
        day = work.today + dt.timedelta(days=next(_DAYS) % 300 + 1)
    if mandate is None:
        with scene.engine.change(someone["north"]) as work:
            mandate = prerequisites.request(work, KOBLENZ, "mandate").id
    return Place(scene, case_id, ids, remark, comment, mandate, contract, day)


def clear(scene: Scene, place: Place) -> None:
    """Make room for the next one: the case ends, and who lost a role has it again."""
    someone = scene.people
    with scene.engine.change(SYSTEM) as work:
        with suppress(NotFound):
            people.withdraw(work, someone["digi"], _DIGI)
        people.grant(work, someone["digi"], _DIGI)
        there = sa.select(Absence.id).where(Absence.until_on >= work.today)
        for absence_id in work.session.execute(there).scalars().all():
            absences.end(work, absence_id)
        query = sa.select(Case.team, Case.rests, Case.ended_on).where(Case.id == place.case_id)
        row = work.session.execute(query).one()
    following.work_off(scene.engine)
    if row.ended_on is None:
        with scene.engine.change(someone[row.team]) as work:
            if row.rests:
                cases.resume(work, place.case_id)
            cases.advance(work, place.case_id, "end")
        following.work_off(scene.engine)


def _stands(scene: Scene, place: Place) -> Iterator[Any]:
    """How the case stands, as far as its people could tell it from another one."""
    names = {person: name for name, person in scene.people.items()}
    with scene.engine.read(SYSTEM) as work:
        case = work.session.execute(sa.select(Case.__table__).where(Case.id == place.case_id)).one()
        yield (case.state, case.version, case.team, case.rests, case.variant, case.ended_on is not None)
        rows = work.session.execute(sa.select(Task.__table__).where(Task.case_id == place.case_id))
        yield sorted(
            (
                row.name,
                row.body,
                row.status,
                row.acting or "",
                row.attempt,
                row.redo or "",
                str(row.follow_up_on),
                names.get(row.holder_id, ""),
                names.get(row.submitted_by, ""),
            )
            for row in rows
        )
        yield [
            work.session.execute(sa.select(sa.func.count()).where(model.case_id == place.case_id, is_so)).scalar_one()
            for model, is_so in (
                (Comment, sa.not_(Comment.withdrawn)),
                (ChecklistItem, ChecklistItem.ticked_at.is_not(None)),
                (Participant, Participant.left_on.is_(None)),
                (Recording, sa.true()),
            )
        ]
        pauses = sa.select(sa.func.count()).select_from(Hold).where(Hold.case_id == place.case_id)
        yield work.session.execute(pauses).scalar_one()
        acts = sa.select(Event.act).where(Event.chain_id == place.case_id)
        yield sorted(act for act in work.session.execute(acts).scalars() if act not in ("reminded", "milestone_moved"))


def _faults(scene: Scene, place: Place) -> Iterator[str]:
    """What does not hold of the case, and of what it shares with others."""
    with scene.engine.read(SYSTEM) as work:
        chains = [("case", place.case_id), ("milestone", place.contract), ("prerequisite", place.mandate)]
        for chain, chain_id in chains:
            yield from map(str, history.differences(work, chain, chain_id))
    yield from map(str, history.verify(scene.engine, case=place.case_id))
