"""Two people, or a person and time, at one case in the same moment: every pair of deeds that can meet.

Each pair is tried on a case prepared anew: the first deed does everything but end its transaction while the second one
begins. What comes out must be what comes out when they act one after the other, on a case prepared alike.

They meet in three places: at a case under way, at one that is live, and at what a body does once for all its cases.
To add a deed: one line in `_under_way`, `_live` or `_shared`, on the part it needs (`_PROCESS` has a task in every
status, `_PROOFS` a prerequisite).
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import combinations_with_replacement, count
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from tests.definitions import folder as small
from tests.engine import programmes
from tests.engine.deeds import Deed, Job
from tests.engine.scene import HELD, KOBLENZ, WOELLSTEIN, Scene, people_of
from workflow import (
    absences,
    bodies,
    bulk,
    cases,
    clusters,
    comments,
    delegations,
    events,
    following,
    history,
    milestones,
    participants,
    people,
    prerequisites,
    programme,
    reminders,
    replies,
    sub_services,
    tasks,
)
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import Conflict, NotFound, StartklarError
from workflow.models import (
    Absence,
    Body,
    Case,
    ChecklistItem,
    Comment,
    Delegation,
    Event,
    Followup,
    Hold,
    Milestone,
    Part,
    Participant,
    Person,
    Prerequisite,
    Recording,
    Remark,
    Task,
)
from workflow.replies import Answer, Kind, Says

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
                    ("ready", "body.digi", {"ladder": "slow"}),
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
        "stopped": {"title": _TITLE, "aside": True},
        "gone": {"title": _TITLE, "end": True, "aside": True},
        "replaced": {"title": _TITLE, "end": True, "aside": True},
    },
    "transitions": {
        "go": {"title": _TITLE, "from": ["begun"], "to": "next", "by": ["umsetzungsteam"]},
        "launch": {"title": _TITLE, "from": ["next"], "to": "live", "by": ["umsetzungsteam"]},
        "end": {
            "title": _TITLE,
            "from": ["begun", "next", "live", "stopped"],
            "to": "gone",
            "by": ["umsetzungsteam", "supervisor"],
        },
        "stop": {"title": _TITLE, "from": ["live"], "to": "stopped", "by": ["umsetzungsteam"]},
        "go_on": {"title": _TITLE, "from": ["stopped"], "to": "live", "by": ["umsetzungsteam"]},
        "replace": {"title": _TITLE, "from": ["begun", "next", "live", "stopped"], "to": "replaced", "by": ["system"]},
    },
}
_PROOFS = """\
  proof:
    title: {de: Nachweis, en: Proof}
    owner: body.kasse
    due: 10 working days
    ladder: slow
    scoped_by: {de: Leistung, en: Service}
    evidence:
      until: {type: date, title: {de: Bis, en: Until}, required: false}
    valid_until: until
    expiry_ladder: short
  checked:
    title: {de: Geprüft, en: Checked}
    owner: body.kasse
    due: 10 working days
    ladder: short
    scoped_by: {de: Leistung, en: Service}
    steps:
      first:
        {title: {de: Eins, en: One}, owner: body.kasse, due: 5 working days, ladder: short, confirm: umsetzungsteam}
      second: {title: {de: Zwei, en: Two}, owner: body.kasse, due: 5 working days, ladder: short}
milestones:
"""


def write(folder: Path) -> Path:
    """The definitions these meetings take place in."""
    programmes.write(folder, Random(0))
    small.write(folder, small.PROCESS, json.dumps(_PROCESS))
    small.write(folder, "services/cats.yaml", programmes.CATS + _PARTICIPANTS + programmes.SUB_SERVICES)
    small.write(folder, "prerequisites.yaml", small.SHARED.replace("milestones:\n", _PROOFS))
    small.write(folder, "bodies/municipalities.csv", small.BODIES + programmes.NEIGHBOUR + _AROUND)
    return folder


INVITED, NEIGHBOUR = "071110001000", "071110002000"
"""Two Verbandsgemeinden that may take part in what Koblenz does; the first of them does."""
_PARTICIPANTS = "participants:\n  - {group: around, role: {de: Wirkt mit, en: Takes part}}\n"
_AROUND = "".join(
    f"{ars},,verbandsgemeinde,{name},VG {name},Koblenz,071110000000,{name},56070,9000,9.1,3,50.4,7.6\n"
    for ars, name in ((INVITED, "Rheinufer"), (NEIGHBOUR, "Moselufer"))
)


_NOTHING = UUID(int=0)


@dataclass(slots=True)
class Place:
    """What was prepared for a meeting: a case, or prerequisites of a body."""

    scene: Scene
    case_id: UUID | None = None
    tasks: dict[str, UUID] = field(default_factory=dict)
    remark: UUID = _NOTHING
    comment: UUID = _NOTHING
    mandate: UUID = _NOTHING
    contract: UUID = _NOTHING
    contract_row: dict[str, Any] = field(default_factory=dict)
    day: dt.date = dt.date.min
    proofs: dict[str, UUID] = field(default_factory=dict)
    begun_at: dict[UUID, int] = field(default_factory=dict)
    """Up to which entry the history of those was written when they were prepared."""
    scope: str = ""
    """For one that nobody has asked for yet."""

    @property
    def case(self) -> UUID:
        """The case that was prepared."""
        assert self.case_id is not None
        return self.case_id

    @property
    def cluster(self) -> UUID:
        """A cluster the case's body is in, co-ordinated from elsewhere."""
        return self.scene.clusters[0]


Meeting = Callable[[Place], Deed | Job]
_TOMORROW = dt.date(2026, 11, 24)
_SOME_DAY = dt.date(2026, 12, 22)
_DAYS = count(1)
"""Dates that are new each time."""


def _by(who: str, do: Callable[[Work, Place], Any]) -> Meeting:
    return lambda place: Deed(SYSTEM if who == "system" else place.scene.people[who], lambda work: do(work, place))


def _under_way() -> dict[str, Meeting]:
    """Everything that can happen to a case on its way, by name."""
    review = dt.timedelta(days=30)
    return {
        "accept": _by("digi", lambda work, at: tasks.accept(work, at.tasks["ready"])),
        "assign": _by("leitung", lambda work, at: tasks.assign(work, at.tasks["ready"], at.scene.people["fachamt"])),
        "submit": _by("digi", lambda work, at: tasks.submit(work, at.tasks["ready"])),
        "submit_seen": _by("digi", lambda work, at: tasks.submit(work, at.tasks["ready"], seen=2)),
        "decline": _by("digi", lambda work, at: tasks.decline(work, at.tasks["ready"], "Nein.")),
        "waive": _by("both", lambda work, at: tasks.waive(work, at.tasks["ready"], "Entfällt.")),
        "extend": _by("both", lambda work, at: tasks.extend(work, at.tasks["ready"], 5, "Urlaub")),
        "see": _by("digi", lambda work, at: _reply(work, "task", at.tasks["ready"], "seen")),
        "snooze": _by("north", lambda work, at: _reply(work, "task", at.tasks["ready"], "snoozed", days=2)),
        "promise": _by("digi", lambda work, at: _reply(work, "task", at.tasks["ready"], "promised", on=_SOME_DAY)),
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
            lambda work, at: tasks.add_ad_hoc(work, at.case, "Nachfragen", owner="body.digi", working_days=5),
        ),
        "submit_added": _by("digi", lambda work, at: tasks.submit(work, at.tasks["added"])),
        "withdraw_added": _by("north", lambda work, at: tasks.withdraw(work, at.tasks["added"], "Entfällt.")),
        "comment": _by(
            "digi",
            lambda work, at: comments.write(
                work, at.case, "@Fachamt bitte ansehen.", mentioned=[at.scene.people["leitung"]]
            ),
        ),
        "withdraw_comment": _by("digi", lambda work, at: comments.withdraw(work, at.comment)),
        "join": _by("north", lambda work, at: participants.join(work, at.case, [NEIGHBOUR])),
        "leave": _by("north_colleague", lambda work, at: participants.leave(work, at.case, INVITED)),
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
        "go": _by("north", lambda work, at: cases.advance(work, at.case, "go")),
        "go_seen": _by("north_colleague", lambda work, at: cases.advance(work, at.case, "go", seen=1)),
        "end": _by("both", lambda work, at: cases.advance(work, at.case, "end")),
        "hold": _by(
            "north",
            lambda work, at: cases.hold(
                work, at.case, blocker="no_staff", reason="Urlaub", review_on=work.today + review
            ),
        ),
        "change_hold": _by(
            "north_colleague",
            lambda work, at: cases.change_hold(
                work, at.case, blocker="vendor", reason="Hersteller", review_on=work.today + review
            ),
        ),
        "resume": _by("north", lambda work, at: cases.resume(work, at.case)),
        "move_to_team": _by("office", lambda work, at: cases.move_to_team(work, at.case, "south", reason="Urlaub")),
        "erase_remark": _by("office", lambda work, at: cases.erase_remark(work, at.case, at.remark)),
        "withdraw": _by("admin", lambda work, at: people.withdraw(work, at.scene.people["digi"], _DIGI)),
        "complete": _by(
            "fachamt",
            lambda work, at: prerequisites.complete(
                work, at.mandate, {"number": "7", "expires_on": (work.today + review).isoformat()}
            ),
        ),
        "plan": _by("office", lambda work, at: milestones.plan(work, at.contract, at.day, "Zugesagt.")),
        "move_wave": _by("office", lambda work, at: programme.move_wave(work, "first", at.day, "Verschoben.")),
        "reach": _by("office", lambda work, at: milestones.reach(work, at.contract, work.today)),
        "open_again": _by("office", lambda work, _: cases.open_case(work, "cats", KOBLENZ)),
        "hand_in_together": _by("mayor", lambda work, at: clusters.hand_in_together(work, [at.tasks["ready"]])),
        "leave_cluster": _by("office", lambda work, at: clusters.leave(work, at.cluster, KOBLENZ)),
        "dismiss": _by(
            "office", lambda work, at: clusters.dismiss_coordinator(work, at.cluster, at.scene.people["mayor"])
        ),
        "delegate": _delegate,
        "take_from_delegate": _take_back,
        "move_to_body": _by("office", _move_to_body),
        "same_human": _by("admin", lambda work, at: people.same_human(work, *_two(at))),
        "erase": _by("admin", lambda work, at: people.erase(work, at.scene.people["digi"])),
        "grant": _by("admin", lambda work, at: people.grant(work, at.scene.people["leitung"], _TEAM)),
        "back": _back,
        "remind": lambda _: Job(reminders.decide),
        "follow": lambda _: Job(following.work_off),
    }


def _live() -> dict[str, Meeting]:
    """What can happen to a case that is live."""
    review = dt.timedelta(days=30)
    return {
        "switch_on": _by(
            "north", lambda work, at: sub_services.switch_on(work, at.case, "register", {"live_on": "2026-11-20"})
        ),
        "switch_off": _by("north_colleague", lambda work, at: sub_services.switch_off(work, at.case, "chip", "Aus.")),
        "open_next": _by(
            "office", lambda work, at: cases.open_next(work, at.case, occasion="upgrade", reason="Reifegrad")
        ),
        "give_way": _give_way,
        "hold_live": _by(
            "north",
            lambda work, at: cases.hold(
                work, at.case, blocker="vendor", reason="Hersteller", review_on=work.today + review
            ),
        ),
        "stop": _by("north_colleague", lambda work, at: cases.advance(work, at.case, "stop")),
        "end_live": _by("both", lambda work, at: cases.advance(work, at.case, "end")),
        "move_live": _by("office", lambda work, at: cases.move_to_team(work, at.case, "south", reason="Urlaub")),
        "delegate_live": _delegate,
        "move_live_to_body": _by("office", _move_to_body),
        "recur": lambda _: Job(prerequisites.recur),
    }


def _shared() -> dict[str, Meeting]:
    """What can happen to a prerequisite of a body."""
    today = dt.date(2026, 11, 23)
    soon = (today + dt.timedelta(days=30)).isoformat()
    return {
        "accept_proof": _by("fachamt", lambda work, at: prerequisites.accept(work, at.proofs["asked"])),
        "assign_proof": _by(
            "leitung", lambda work, at: prerequisites.assign(work, at.proofs["asked"], at.scene.people["digi"])
        ),
        "complete_proof": _by(
            "fachamt", lambda work, at: prerequisites.complete(work, at.proofs["asked"], {"until": soon})
        ),
        "decline_proof": _by("fachamt", lambda work, at: prerequisites.decline(work, at.proofs["asked"], "Nein.")),
        "extend_proof": _by("both", lambda work, at: prerequisites.extend(work, at.proofs["asked"], 5, "Urlaub")),
        "see_proof": _by("fachamt", lambda work, at: _reply(work, "prerequisite", at.proofs["asked"], "seen")),
        "snooze_proof": _by(
            "north", lambda work, at: _reply(work, "prerequisite", at.proofs["asked"], "snoozed", days=2)
        ),
        "promise_proof": _by(
            "fachamt", lambda work, at: _reply(work, "prerequisite", at.proofs["asked"], "promised", on=_SOME_DAY)
        ),
        "release_proof": _by("fachamt", lambda work, at: prerequisites.release(work, at.proofs["taken"])),
        "complete_taken": _by("fachamt", lambda work, at: prerequisites.complete(work, at.proofs["taken"])),
        "hand_back_proof": _by("north", lambda work, at: prerequisites.hand_back(work, at.proofs["refused"], "Doch.")),
        "set_aside_proof": _by(
            "north_colleague", lambda work, at: prerequisites.set_aside(work, at.proofs["refused"], "Entfällt.")
        ),
        "confirm_proof": _by("north", lambda work, at: prerequisites.confirm(work, at.proofs["shown"])),
        "send_back_proof": _by(
            "north_colleague", lambda work, at: prerequisites.send_back(work, at.proofs["shown"], "Fehlt.")
        ),
        "renew_proof": _by("digi", lambda work, at: prerequisites.renew(work, at.proofs["proved"])),
        "renew_at_once": _by(
            "fachamt", lambda work, at: prerequisites.complete(work, at.proofs["proved"], {"until": soon})
        ),
        "prove_again": _by("fachamt", lambda work, at: prerequisites.complete(work, at.proofs["lapsed"])),
        "ask_for_proof": _by("north", lambda work, at: prerequisites.request(work, KOBLENZ, "proof", at.scope)),
        "expire": lambda _: Job(prerequisites.expire),
        "review": _by("system", lambda work, _: prerequisites.review(work, KOBLENZ)),
        "end_of_body": _by("office", lambda work, _: prerequisites.end(work, KOBLENZ)),
        "withdraw_kasse": _by("admin", lambda work, at: people.withdraw(work, at.scene.people["fachamt"], _KASSE)),
        "away_kasse": _by(
            "admin",
            lambda work, at: absences.enter(
                work, at.scene.people["fachamt"], at.scene.people["digi"], work.today, work.today
            ),
        ),
        "remind_of_proof": lambda _: Job(reminders.decide),
    }


def _reply(
    work: Work, kind: Kind, subject_id: UUID, says: Says, *, days: int = 0, on: dt.date | None = None
) -> replies.Replied:
    """An answer to the reminders of whatever date it has by then."""
    return replies.give(work, Answer(kind, subject_id, None, says, working_days=days, on=on))


def _two(at: Place) -> tuple[UUID, UUID]:
    """Who handed the task in that is shown, and who may confirm it."""
    return at.scene.people["north"], at.scene.people["leitung"]


def _delegate(at: Place) -> Job:
    """The case's body has given its service to another, and the case follows."""
    _give(at)
    return Job(delegations.apply)


def _take_back(at: Place) -> Job:
    """The delegate had the case, its days are over, and the case goes back."""
    _give(at)
    delegations.apply(at.scene.engine)
    with suppress(StartklarError), at.scene.engine.change(at.scene.people["office"]) as work:
        for given in work.session.execute(sa.select(Delegation.id).where(Delegation.until_on.is_(None))).scalars():
            delegations.end(work, given)
    return Job(delegations.apply)


def _give(at: Place) -> None:
    with suppress(StartklarError), at.scene.engine.change(at.scene.people["office"]) as work:
        delegations.give(work, KOBLENZ, "cats", WOELLSTEIN, from_on=work.today)


def _move_to_body(work: Work, at: Place) -> None:
    """The case's body is no more, and the case goes to the one that succeeds it."""
    _body(work, valid_until=work.today, successor=WOELLSTEIN)
    bodies.move_case(work, at.case)


def _body(work: Work, **values: Any) -> None:
    work.session.execute(sa.update(Body).where(Body.ars == KOBLENZ).values(**values))


def _give_way(at: Place) -> Deed:
    """The next round is live already, and the case gives way to it."""
    with at.scene.engine.change(at.scene.people["office"]) as work:
        later = sa.select(Case.id).where(Case.previous_id == at.case, Case.ended_on.is_(None))
        there = work.session.execute(later).scalar()
        to = there or cases.open_next(work, at.case, occasion="upgrade", reason="Reifegrad").id
    if there is None:
        with at.scene.engine.change(at.scene.people["north"]) as work:
            for move in ("go", "launch"):
                cases.advance(work, to, move)
    return Deed(SYSTEM, lambda work: cases.give_way(work, at.case, to))


def _back(at: Place) -> Deed:
    """Somebody who is away is back before the day is over."""
    digi, fachamt = at.scene.people["digi"], at.scene.people["fachamt"]
    with at.scene.engine.change(at.scene.people["admin"]) as work:
        lasts = sa.select(Absence.id).where(Absence.person_id == digi, Absence.until_on >= work.today)
        there = work.session.execute(lasts).scalar()
        absence = there or absences.enter(work, digi, fachamt, work.today, work.today).id
    return Deed(at.scene.people["admin"], lambda work: absences.end(work, absence))


_TOLD = {"means": "phone", "told_on": "2026-11-20", "told_by": "Fachamt"}
_REST = {"blocker": "no_staff", "reason": "Urlaub", "review_on": "2026-12-21"}


def _many(engine: Engine, at: Place, order: bulk.Order) -> None:
    """Ask it of this one case and work it off."""
    asked = bulk.start(engine, at.scene.people["north"], order, bulk.of_cases([at.case]))
    bulk.work_off(engine, asked.id)


_DIGI, _KASSE = (people.parse_role(f"{role}@{KOBLENZ}") for role in ("digi", "kasse"))
_TEAM = people.parse_role("umsetzungsteam@north")
THEIR_FUNCTIONS = ("_under_way", "_live", "_shared", "_reply", "_move_to_body", "_give_way", "_back")
"""Where the deeds that meet stand."""
PLACES = {"under_way": _under_way(), "live": _live(), "shared": _shared()}


def pairs_of(place: str) -> list[tuple[str, str]]:
    """Every pair that can meet at this place, a deed with itself included."""
    return list(combinations_with_replacement(PLACES[place], 2))


MEETINGS = {name: meeting for place in PLACES.values() for name, meeting in place.items()}
PAIRS = [pair for place in PLACES for pair in pairs_of(place)]


def build(url: str, folder: Path) -> Scene:
    """An installation for meetings in an empty database."""
    scene = people_of(url, folder, write(folder / "definitions"), HELD)
    with scene.engine.change(SYSTEM) as work:
        people.grant(work, scene.people["county"], people.parse_role(f"digi@{INVITED}"))
        scene.clusters = [clusters.found(work, "Verbund", WOELLSTEIN, [KOBLENZ, INVITED], ["cats"]).id]
        clusters.name_coordinator(work, scene.clusters[0], scene.people["mayor"])
    return scene


def meet(scene: Scene, first: str, second: str) -> list[str]:
    """Let two deeds meet in one order; what is wrong about what came of it, in words."""
    where = next(name for name, place in PLACES.items() if first in place)
    place = prepare(scene, where)
    told = _at_once(scene, *_drawn(place, first, second))
    came = [*told, *_stands(scene, place)]
    found = [f"{one}" for one in _faults(scene, place)]
    clear(scene, place)
    found += [f"{name} ended in {what}" for name, what in zip((first, second), told, strict=True) if what in _NEVER]
    expected = []
    for order in ((0, 1), (1, 0)):
        place = prepare(scene, where)
        drawn, alone = _drawn(place, first, second), ["", ""]
        for number in order:
            alone[number] = _try(scene, drawn[number])
        expected.append([*alone, *_stands(scene, place)])
        clear(scene, place)
        if came == expected[-1]:
            return found
    return [*found, f"came to {came}", f"one after the other: {expected[0]}", f"the other way round: {expected[1]}"]


def _drawn(place: Place, first: str, second: str) -> tuple[Deed | Job, Deed | Job]:
    """Both deeds, with what must have happened before either of them."""
    return MEETINGS[first](place), MEETINGS[second](place)


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


# --- a case with a task in every status, and a prerequisite in every status ------------------------------------------


def prepare(scene: Scene, where: str) -> Place:
    """Bring a case, or what a body does once for all its cases, to where deeds can be done with it."""
    following.work_off(scene.engine)
    return {"under_way": _case_under_way, "live": _case_live, "shared": _proofs}[where](scene)


def _case_under_way(scene: Scene) -> Place:
    someone = scene.people
    with scene.engine.change(someone["office"]) as work:
        case_id = cases.open_case(work, "cats", KOBLENZ).id
        row = work.session.execute(sa.select(Milestone.__table__).where(Milestone.service == "cats")).one()
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
        asked = sa.select(Prerequisite.id).where(Prerequisite.body == KOBLENZ, Prerequisite.kind == "mandate")
        mandate = work.session.execute(asked).scalar()
        day = work.today + dt.timedelta(days=next(_DAYS) % 300 + 1)
    if mandate is None:
        with scene.engine.change(someone["north"]) as work:
            mandate = prerequisites.request(work, KOBLENZ, "mandate").id
    return Place(scene, case_id, ids, remark, comment, mandate, row.id, dict(row._mapping), day)


def _case_live(scene: Scene) -> Place:
    with scene.engine.change(scene.people["office"]) as work:
        case_id = cases.open_case(work, "cats", KOBLENZ).id
    with scene.engine.change(scene.people["north"]) as work:
        for move in ("go", "launch"):
            cases.advance(work, case_id, move)
        sub_services.switch_on(work, case_id, "chip", {"live_on": "2026-11-20"})
    return Place(scene, case_id)


_STATUSES = ("asked", "taken", "refused", "shown", "proved", "lapsed")


def _proofs(scene: Scene) -> Place:
    someone, number = scene.people, next(_DAYS)
    with scene.engine.change(someone["north"]) as work:
        ids = {
            name: prerequisites.request(work, KOBLENZ, "checked" if name == "shown" else "proof", f"{name}{number}").id
            for name in _STATUSES
        }
    with scene.engine.change(someone["fachamt"]) as work:
        prerequisites.accept(work, ids["taken"])
        prerequisites.decline(work, ids["refused"], "Nein.")
        prerequisites.complete(work, ids["shown"])
        prerequisites.complete(work, ids["proved"], {"until": (work.today + dt.timedelta(days=9)).isoformat()})
        earlier = replace(work, now=work.now - dt.timedelta(days=9))
        prerequisites.complete(earlier, ids["lapsed"], {"until": (work.today - dt.timedelta(days=2)).isoformat()})
        rows = work.session.execute(
            sa.select(Prerequisite.id, Prerequisite.seq).where(Prerequisite.id.in_(ids.values()))
        )
        return Place(scene, proofs=ids, begun_at=dict(list(rows)), scope=f"new{number}")


def clear(scene: Scene, place: Place) -> None:
    """Make room for the next one: cases end, bodies and milestones are as before, who lost a role has it again."""
    someone = scene.people
    with scene.engine.change(SYSTEM) as work:
        _body(work, valid_from=work.today, valid_until=None, successor=None)
        if work.session.execute(sa.select(Person.ended_at).where(Person.id == someone["digi"])).scalar_one():
            someone["digi"] = _anew(work, "digi")
        for name, role in (("digi", _DIGI), ("fachamt", _KASSE)):
            with suppress(NotFound):
                people.withdraw(work, someone[name], role)
            people.grant(work, someone[name], role)
        with suppress(NotFound):
            people.withdraw(work, someone["leitung"], _TEAM)
        with suppress(Conflict):
            people.not_same_human(work, *_two(place))
        there = sa.select(Absence.id).where(Absence.until_on >= work.today)
        for absence_id in work.session.execute(there).scalars().all():
            absences.end(work, absence_id)
        with suppress(Conflict):
            clusters.join(work, place.cluster, KOBLENZ)
        with suppress(Conflict):
            clusters.name_coordinator(work, place.cluster, someone["mayor"])
        for given in work.session.execute(sa.select(Delegation.id).where(Delegation.until_on.is_(None))).scalars():
            delegations.end(work, given)
        if place.contract_row:
            _as_before(work, place)
        prerequisites.end(work, KOBLENZ)
    following.work_off(scene.engine)
    _end_cases(scene)


def _anew(work: Work, name: str) -> UUID:
    """The account of somebody who was erased."""
    roles = [people.parse_role(words) for words in HELD[name]]
    address = f"{name}@startklar.example"
    return people.add(work, email=address, name=name.title(), password_hash=None, language="de", roles=roles).id


def _as_before(work: Work, place: Place) -> None:
    """Undo what became of the milestone, for the cases to come: it is reached but once."""
    row, of = place.contract_row, place.contract
    work.session.execute(sa.delete(Followup).where(Followup.source_id == of, Followup.source_seq > row["seq"]))
    work.session.execute(sa.delete(Event).where(Event.chain_id == of, Event.seq > row["seq"]))
    work.session.execute(sa.update(Milestone).where(Milestone.id == of).values(row))


def _end_cases(scene: Scene) -> None:
    with scene.engine.read(SYSTEM) as work:
        query = sa.select(Case.id, Case.team, Case.rests).where(Case.service == "cats", Case.ended_on.is_(None))
        rows = work.session.execute(query).all()
    for row in rows:
        with scene.engine.change(scene.people[row.team]) as work:
            if row.rests:
                cases.resume(work, row.id)
            cases.advance(work, row.id, "end")
    following.work_off(scene.engine)


def _stands(scene: Scene, place: Place) -> Iterator[Any]:
    """How the case stands, as far as its people could tell it from another one."""
    names = {person: name for name, person in scene.people.items()}
    if place.case_id is None:
        yield from _proofs_stand(scene, place, names)
        return
    with scene.engine.read(SYSTEM) as work:
        case = work.session.execute(sa.select(Case.__table__).where(Case.id == place.case_id)).one()
        yield (case.state, case.version, case.team, case.rests, case.variant, case.ended_on is not None)
        yield (case.body, case.delegate, case.superseded_by is not None)
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
                (Part, Part.off_on.is_(None)),
            )
        ]
        pauses = sa.select(sa.func.count()).select_from(Hold).where(Hold.case_id == place.case_id)
        yield work.session.execute(pauses).scalar_one()
        acts = sa.select(Event.act).where(Event.chain_id == place.case_id)
        yield sorted(act for act in work.session.execute(acts).scalars() if act not in ("reminded", "milestone_moved"))


def _proofs_stand(scene: Scene, place: Place, names: dict[UUID, str]) -> Iterator[Any]:
    with scene.engine.read(SYSTEM) as work:
        there = {one: name for name, one in place.proofs.items()}
        new = sa.and_(Prerequisite.body == KOBLENZ, Prerequisite.scope == place.scope)
        rows = work.session.execute(sa.select(Prerequisite.__table__).where(sa.or_(Prerequisite.id.in_(there), new)))
        yield sorted(
            (
                there.get(row.id, "new"),
                row.status,
                row.step,
                row.acting or "",
                row.round,
                row.version,
                row.requested,
                row.renewing,
                row.extended_days,
                str(row.valid_until),
                names.get(row.holder_id, ""),
                names.get(row.submitted_by, ""),
            )
            for row in rows
        )
        acts = work.session.execute(sa.select(Event.chain_id, Event.act, Event.seq).where(Event.chain_id.in_(there)))
        yield sorted((there[one], act) for one, act, seq in acts if seq > place.begun_at[one] and act != "reminded")


def _faults(scene: Scene, place: Place) -> Iterator[str]:
    """What does not hold of what was prepared, and of what it shares with others."""
    chains = [("prerequisite", one) for one in place.proofs.values()]
    if place.case_id is not None:
        chains.append(("case", place.case_id))
    if place.contract_row:
        chains += [("milestone", place.contract), ("prerequisite", place.mandate)]
    with scene.engine.read(SYSTEM) as work:
        for chain, chain_id in chains:
            yield from map(str, history.differences(work, chain, chain_id))
            if (seq := events.broken_at(work, chain_id)) is not None:
                yield f"{chain} is broken at {seq}"
    if place.case_id is not None:
        yield from map(str, history.verify(scene.engine, case=place.case_id))
