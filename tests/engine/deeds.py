"""Everything people and time can do, each as something a play may draw.

To add a deed: one function here under `@deed`. It gets the scene and the dice and answers who does what – often what
makes sense, sometimes what does not: the wrong person, the wrong moment, a stale page. `None`: there is nothing to try
it on. What it raises must be one of the named errors; everything else is a fault of the engine.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, fields
from random import Random
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from tests.engine.programmes import BODIES, CHECKLIST, NEIGHBOURS, PARTS, SERVICES
from tests.engine.scene import HELD, KEPT, Scene, answers, mostly, seen
from tests.workflow.test_bounces import report
from workflow import (
    absences,
    bodies,
    bounces,
    bulk,
    cases,
    clock,
    closures,
    clusters,
    commands,
    comments,
    dead_letters,
    delegations,
    evidence,
    following,
    mailboxes,
    messages,
    milestones,
    participants,
    people,
    prerequisites,
    programme,
    reminders,
    replies,
    sub_services,
    takeover,
    tasks,
    unreached,
    wishes,
)
from workflow.casework import OPEN, RESULT
from workflow.definition import AD_HOC, TASK_OWNERS
from workflow.engine import SYSTEM, Engine, Who, Work
from workflow.models import Body, Grant, Message
from workflow.policy import Role


@dataclass(frozen=True, slots=True)
class Deed:
    """One piece of work by somebody."""

    who: Who
    do: Callable[[Work], Any]


@dataclass(frozen=True, slots=True)
class Job:
    """Something that opens its own pieces of work: cut short anywhere, it is done again from the beginning."""

    do: Callable[[Engine], Any]


Drawn = Deed | Job | None
Draw = Callable[[Scene, Random], Drawn]
DEEDS: dict[str, tuple[Draw, int]] = {}
"""By name: how it is drawn, and how often next to the others."""


def deed(often: int = 2) -> Callable[[Draw], Draw]:
    """Let the plays draw this deed."""

    def note(draw: Draw) -> Draw:
        DEEDS[draw.__name__] = draw, often
        return draw

    return note


# --- cases -----------------------------------------------------------------------------------------------------------


@deed(4)
def open_case(scene: Scene, draw: Random) -> Drawn:
    service, body = draw.choice(SERVICES), draw.choice(BODIES)
    who = scene.people["office"] if draw.random() < 0.8 else scene.anybody(draw)
    return Deed(who, lambda work: cases.open_case(work, service, body))


@deed(24)
def advance(scene: Scene, draw: Random) -> Drawn:
    process = scene.process()
    case = mostly(draw, scene.cases, [one for one in scene.cases if one.ended_on is None])
    if case is None:
        return None
    fitting = [name for name, move in process.transitions.items() if case.state in move.from_]
    forward = [name for name in fitting if name.startswith("forward")] * 5
    name = mostly(draw, list(process.transitions), forward + fitting)
    if name is None:
        return None
    move, version = process.transitions[name], seen(draw, case.version)
    who = scene.somebody(draw, draw.choice(move.by), case)
    dice = draw.random()
    return Deed(
        who,
        lambda work: cases.advance(
            work, case.id, name, seen=version, given=answers(work, move.asks, case.service, Random(dice))
        ),
    )


@deed()
def hold(scene: Scene, draw: Random) -> Drawn:
    case = mostly(draw, scene.cases, [one for one in scene.cases if not one.rests and one.ended_on is None])
    if case is None:
        return None
    given, who = _pause(scene, draw), scene.somebody(draw, "umsetzungsteam", case)
    version = seen(draw, case.version)
    return Deed(who, lambda work: cases.hold_as_answered(work, case.id, given, seen=version))


@deed()
def change_hold(scene: Scene, draw: Random) -> Drawn:
    case = mostly(draw, scene.cases, [one for one in scene.cases if one.rests])
    if case is None:
        return None
    given, who = _pause(scene, draw), scene.somebody(draw, "umsetzungsteam", case)
    version = seen(draw, case.version)
    return Deed(who, lambda work: cases.change_hold_as_answered(work, case.id, given, seen=version))


def _pause(scene: Scene, draw: Random) -> dict[str, str | evidence.StoredFile]:
    return {
        "blocker": draw.choice(_blockers(scene)),
        "waits_for": draw.choice(["", "", "land", "body", "operator:centre", "vendor:nobody"]),
        "promised_on": draw.choice(["", (scene.today + dt.timedelta(days=draw.randint(0, 40))).isoformat()]),
        "reason": draw.choice(["Urlaub", "Urlaub", ""]),
        "review_on": (scene.today + dt.timedelta(days=draw.randint(-2, 60))).isoformat(),
    }


@deed(3)
def resume(scene: Scene, draw: Random) -> Drawn:
    case = mostly(draw, scene.cases, [one for one in scene.cases if one.rests])
    if case is None:
        return None
    who, version = scene.somebody(draw, "umsetzungsteam", case), seen(draw, case.version)
    return Deed(who, lambda work: cases.resume(work, case.id, seen=version))


@deed(1)
def move_to_team(scene: Scene, draw: Random) -> Drawn:
    case = mostly(draw, scene.cases, [one for one in scene.cases if one.ended_on is None])
    if case is None:
        return None
    team, who = draw.choice(["north", "south", "west"]), scene.somebody(draw, "programme_office", case)
    return Deed(who, lambda work: cases.move_to_team(work, case.id, team, reason="Urlaub"))


@deed(3)
def join(scene: Scene, draw: Random) -> Drawn:
    there = ("dogs", BODIES[1])
    case = mostly(draw, scene.cases, [one for one in scene.cases if (one.service, one.body) == there])
    if case is None:
        return None
    bodies = draw.sample(NEIGHBOURS, draw.randint(1, 2)) if draw.random() < 0.9 else [draw.choice(BODIES)]
    who, version = scene.somebody(draw, "umsetzungsteam", case), seen(draw, case.version)
    return Deed(who, lambda work: participants.join(work, case.id, bodies, seen=version))


@deed(1)
def leave(scene: Scene, draw: Random) -> Drawn:
    taking_part = {task.case_id for task in scene.tasks if task.body in NEIGHBOURS}
    case = mostly(draw, scene.cases, [one for one in scene.cases if one.id in taking_part])
    if case is None:
        return None
    body, who = draw.choice(NEIGHBOURS), scene.somebody(draw, "umsetzungsteam", case)
    return Deed(who, lambda work: participants.leave(work, case.id, body))


@deed(1)
def take_over(scene: Scene, draw: Random) -> Drawn:
    process = scene.process()
    since = scene.today - dt.timedelta(days=draw.randint(-1, 900))
    given = {
        "service": draw.choice(SERVICES),
        "body": draw.choice(BODIES),
        "state": draw.choice([*process.states, "nowhere"]),
        "since": since.isoformat(),
        "live_on": draw.choice(["", "", (since - dt.timedelta(days=9)).isoformat()]),
        "variant": draw.choice(["", "portal", "paper"]),
        "closed": draw.choice(["", "true"]),
        "source": "Liste",
    }
    who = draw.choice([scene.people["office"], scene.anybody(draw)])
    return Deed(who, lambda work: takeover.take_over(work, given))


@deed(3)
def ask_of_many(scene: Scene, draw: Random) -> Drawn:
    """One thing asked of many at once; `work_off_many` does it, in the name of who asked."""
    case_ids = [case.id for case in scene.cases if draw.random() < 0.6]
    order = draw.choice(
        [
            bulk.Order("hold", _pause(scene, draw)),
            bulk.Order("resume"),
            bulk.Order("team", {"team": draw.choice(["north", "south"]), "reason": "Urlaub"}),
            bulk.Order("advance", transition=draw.choice(list(scene.process().transitions))),
            bulk.Order("open"),
        ]
    )
    if order.kind == "open":
        subjects = [bulk.Subject(service=service, body=body) for service in SERVICES for body in BODIES]
    else:
        subjects = bulk.of_cases(case_ids)
    who = draw.choice([scene.people["both"], scene.people["north"], scene.people["office"], scene.anybody(draw)])
    return Deed(who, lambda work: bulk.ask(work, order, subjects))


@deed(3)
def work_off_many(_scene: Scene, _draw: Random) -> Drawn:
    return Job(bulk.go_on)


@deed(4)
def comment(scene: Scene, draw: Random) -> Drawn:
    if not scene.cases:
        return None
    case, task = draw.choice(scene.cases), None
    if draw.random() < 0.5:
        task = mostly(draw, scene.tasks, [one for one in scene.tasks if one.case_id == case.id])
    said = draw.choice(["Bitte ansehen.", f"@{draw.choice(sorted(scene.people)).title()} bitte ansehen.", ""])
    named = [scene.anybody(draw)] if draw.random() < 0.3 else []
    who, task_id = scene.somebody(draw, "body.digi", case), task.id if task is not None else None
    return Deed(who, lambda work: comments.write(work, case.id, said, task_id=task_id, mentioned=named))


@deed(2)
def withdraw_comment(scene: Scene, draw: Random) -> Drawn:
    if not scene.comments:
        return None
    chosen = draw.choice(scene.comments)
    who = chosen.author_id if draw.random() < 0.9 else scene.anybody(draw)
    return Deed(who, lambda work: comments.withdraw(work, chosen.id))


@deed(1)
def erase_remark(scene: Scene, draw: Random) -> Drawn:
    if not scene.remarks:
        return None
    remark, who = draw.choice(scene.remarks), draw.choice([scene.people["office"], scene.anybody(draw)])
    return Deed(who, lambda work: cases.erase_remark(work, remark.chain_id, remark.id))


# --- tasks -----------------------------------------------------------------------------------------------------------


def _task(scene: Scene, draw: Random, *statuses: str) -> Any:
    return mostly(draw, scene.tasks, [one for one in scene.tasks if one.status in statuses])


def _on_task(scene: Scene, draw: Random, statuses: tuple[str, ...], role: str, do: Callable[..., Any]) -> Drawn:
    """A deed on a task in one of these statuses, by whoever acts on it or by a role."""
    task = _task(scene, draw, *statuses)
    if task is None:
        return None
    who, version = scene.somebody(draw, role or task.acting or task.owner, task), seen(draw, task.version)
    return Deed(who, lambda work: do(work, task, version))


@deed(4)
def accept(scene: Scene, draw: Random) -> Drawn:
    """Sometimes clicked twice: the second click finds what the first one came to."""
    key = f"{draw.random()}" if draw.random() < 0.3 else None

    def do(work: Work, task: Any, version: int | None) -> Any:
        done = commands.once(work, key, tasks.accept, task.id, seen=version)
        return commands.once(work, key, tasks.accept, task.id, seen=version) if key else done

    return _on_task(scene, draw, ("ready",), "", do)


@deed()
def assign(scene: Scene, draw: Random) -> Drawn:
    to = scene.anybody(draw)
    role = draw.choice(["supervisor", "body.leitung", "body.digi"])
    return _on_task(scene, draw, ("ready", "accepted"), role, lambda work, t, v: tasks.assign(work, t.id, to, seen=v))


@deed(40)
def submit(scene: Scene, draw: Random) -> Drawn:
    process, dice = scene.process(), draw.random()

    def do(work: Work, task: Any, version: int | None) -> Any:
        asked = RESULT if task.name == AD_HOC else process.states[task.state].tasks[task.name].evidence
        given = answers(work, asked, task.service, Random(dice))
        if task.owner == "body.leitung":
            given = {**given, **answers(work, evidence.SIGNED, task.service, Random(dice))}
        return tasks.submit(work, task.id, given, seen=version)

    return _on_task(scene, draw, ("ready", "accepted"), "", do)


@deed(4)
def record(scene: Scene, draw: Random) -> Drawn:
    """The team enters what a body told it."""
    process, dice = scene.process(), draw.random()
    told_on = scene.today - dt.timedelta(days=draw.randint(-1, 5))
    told = {"means": "phone", "told_on": told_on.isoformat(), "told_by": draw.choice(["Fachamt", "Fachamt", ""])}

    def do(work: Work, task: Any, version: int | None) -> Any:
        asked = RESULT if task.name == AD_HOC else process.states[task.state].tasks[task.name].evidence
        given = answers(work, asked, task.service, Random(dice))
        if task.owner == "body.leitung":
            given = {**given, **answers(work, evidence.SIGNED, task.service, Random(dice))}
        return tasks.record(work, task.id, given, told=told, seen=version)

    return _on_task(scene, draw, ("ready", "accepted"), "umsetzungsteam", do)


@deed(8)
def confirm(scene: Scene, draw: Random) -> Drawn:
    return _on_task(scene, draw, ("submitted",), "", lambda work, task, v: tasks.confirm(work, task.id, seen=v))


@deed(4)
def send_back(scene: Scene, draw: Random) -> Drawn:
    """All of it, or only some fields."""
    process, dice = scene.process(), draw.random()

    def do(work: Work, task: Any, version: int | None) -> Any:
        asked = RESULT if task.name == AD_HOC else process.states[task.state].tasks[task.name].evidence
        redo = [name for name in asked if Random(f"{dice}{name}").random() < 0.4]
        return tasks.send_back(work, task.id, "Fehlt.", redo, seen=version)

    return _on_task(scene, draw, ("submitted",), "", do)


@deed(3)
def decline(scene: Scene, draw: Random) -> Drawn:
    why = draw.choice(["Nein.", ""])
    return _on_task(scene, draw, ("ready", "accepted"), "", lambda work, t, v: tasks.decline(work, t.id, why, seen=v))


@deed(4)
def hand_back(scene: Scene, draw: Random) -> Drawn:
    return _on_task(
        scene, draw, ("declined",), "umsetzungsteam", lambda work, t, v: tasks.hand_back(work, t.id, "Doch.", seen=v)
    )


@deed()
def waive(scene: Scene, draw: Random) -> Drawn:
    return _on_task(scene, draw, OPEN, "supervisor", lambda work, t, v: tasks.waive(work, t.id, "Entfällt.", seen=v))


@deed()
def extend(scene: Scene, draw: Random) -> Drawn:
    days = draw.choice([0, 1, 5, 60, 61])
    return _on_task(
        scene, draw, OPEN, "supervisor", lambda work, t, v: tasks.extend(work, t.id, days, "Urlaub", seen=v)
    )


@deed(6)
def reply(scene: Scene, draw: Random) -> Drawn:
    answer = _answer(scene, draw)
    return _on_task(
        scene, draw, OPEN, "", lambda work, t, v: replies.give(work, answer("task", t.id, t.generation), seen=v)
    )


@deed(3)
def reply_about_prerequisite(scene: Scene, draw: Random) -> Drawn:
    answer = _answer(scene, draw)
    there = ("ready", "accepted", "submitted", "declined", "expired", "done")

    def do(work: Work, row: Any, version: int | None) -> replies.Replied:
        return replies.give(work, answer("prerequisite", row.id, row.generation), seen=version)

    return _on_prerequisite(scene, draw, there, "", do)


def _answer(scene: Scene, draw: Random) -> Callable[[replies.Kind, UUID, int], replies.Answer]:
    """What somebody says to a reminder; sometimes of a date that is past, or more than they may."""
    says = draw.choice(replies.SAYS)
    days, on = draw.choice([0, 1, 2, 5, 6]), scene.today + dt.timedelta(days=draw.randint(-1, 40))
    late = draw.random() < 0.1
    return lambda kind, subject_id, of: replies.Answer(kind, subject_id, of - late, says, working_days=days, on=on)


@deed(4)
def reopen(scene: Scene, draw: Random) -> Drawn:
    return _on_task(
        scene, draw, ("done",), "umsetzungsteam", lambda work, t, v: tasks.reopen(work, t.id, "Anders.", seen=v)
    )


@deed()
def release(scene: Scene, draw: Random) -> Drawn:
    return _on_task(scene, draw, ("accepted",), "", lambda work, task, v: tasks.release(work, task.id, seen=v))


@deed()
def hand_on(scene: Scene, draw: Random) -> Drawn:
    to, note = scene.anybody(draw), draw.choice(["", "Bitte."])
    return _on_task(scene, draw, ("accepted",), "", lambda work, t, v: tasks.hand_on(work, t.id, to, note, seen=v))


@deed()
def take_back(scene: Scene, draw: Random) -> Drawn:
    return _on_task(scene, draw, ("submitted",), "", lambda work, task, v: tasks.take_back(work, task.id, seen=v))


@deed(1)
def follow_up(scene: Scene, draw: Random) -> Drawn:
    day = draw.choice([None, scene.today + dt.timedelta(days=draw.randint(-1, 30))])
    return _on_task(scene, draw, ("ready", "accepted"), "", lambda work, t, v: tasks.follow_up(work, t.id, day, seen=v))


@deed(6)
def tick(scene: Scene, draw: Random) -> Drawn:
    """Points of a checklist; only some tasks have one."""
    process = scene.process()
    listed = [
        task
        for task in scene.tasks
        if task.name != AD_HOC and process.states[task.state].tasks[task.name].checklist and task.acting is not None
    ]
    task = mostly(draw, scene.tasks, listed)
    if task is None:
        return None
    points, done = draw.sample(CHECKLIST, draw.randint(1, len(CHECKLIST))), draw.random() < 0.85
    who, version = scene.somebody(draw, task.acting or task.owner, task), seen(draw, task.version)
    return Deed(who, lambda work: tasks.tick(work, task.id, points, done=done, seen=version))


@deed(4)
def add_ad_hoc(scene: Scene, draw: Random) -> Drawn:
    case = mostly(draw, scene.cases, [one for one in scene.cases if one.ended_on is None])
    if case is None:
        return None
    owner, days = draw.choice(TASK_OWNERS), draw.choice([1, 5, 60, 0])
    mandatory, title = draw.random() < 0.6, draw.choice([f"Nachfragen {draw.randint(0, 10**6)}"] * 9 + [""])
    who, version = scene.somebody(draw, draw.choice(["umsetzungsteam", "body.digi"]), case), seen(draw, case.version)
    return Deed(
        who,
        lambda work: tasks.add_ad_hoc(
            work, case.id, title, "Wie besprochen.", owner=owner, working_days=days, mandatory=mandatory, seen=version
        ),
    )


@deed(2)
def withdraw_task(scene: Scene, draw: Random) -> Drawn:
    task = mostly(draw, scene.tasks, [one for one in scene.tasks if one.name == AD_HOC and one.acting is not None])
    if task is None:
        return None
    who, version = scene.somebody(draw, "umsetzungsteam", task), seen(draw, task.version)
    return Deed(who, lambda work: tasks.withdraw(work, task.id, "Entfällt.", seen=version))


@deed()
def open_next(scene: Scene, draw: Random) -> Drawn:
    case = mostly(draw, scene.cases, [one for one in scene.cases if one.live_on is not None])
    if case is None:
        return None
    occasion, who = draw.choice(["upgrade", "reconnection"]), scene.somebody(draw, "umsetzungsteam", case)
    return Deed(who, lambda work: cases.open_next(work, case.id, occasion=occasion, reason="Reifegrad"))


@deed(2)
def switch_on(scene: Scene, draw: Random) -> Drawn:
    case = mostly(draw, scene.cases, [one for one in scene.cases if one.live_on is not None])
    if case is None:
        return None
    day, url = scene.today - dt.timedelta(days=draw.randint(-1, 9)), draw.choice(["", "https://www.example.org/"])
    given = {"live_on": day.isoformat(), "url": url}
    part, who = draw.choice(PARTS), scene.somebody(draw, "umsetzungsteam", case)
    return Deed(who, lambda work: sub_services.switch_on(work, case.id, part, given))


@deed(1)
def switch_off(scene: Scene, draw: Random) -> Drawn:
    case = mostly(draw, scene.cases, [one for one in scene.cases if one.live_on is not None])
    if case is None:
        return None
    part, who = draw.choice(PARTS), scene.somebody(draw, "umsetzungsteam", case)
    return Deed(who, lambda work: sub_services.switch_off(work, case.id, part, "Gestört."))


# --- acting together -------------------------------------------------------------------------------------------------

_TOWNS = (*BODIES, *NEIGHBOURS)


@deed(1)
def found_cluster(scene: Scene, draw: Random) -> Drawn:
    lead, members = draw.choice(_TOWNS), draw.sample(_TOWNS, draw.randint(0, 3))
    services = draw.sample(SERVICES, draw.randint(1, 2))
    who = draw.choice([scene.people["office"], scene.people["south"], scene.anybody(draw)])
    return Deed(who, lambda work: clusters.found(work, "Verbund", lead, members, services))


def _with_cluster(scene: Scene, draw: Random, do: Callable[[Work, UUID], Any]) -> Drawn:
    if not scene.clusters:
        return None
    chosen = draw.choice(scene.clusters)
    who = draw.choice([scene.people["office"], scene.people["mayor"], scene.anybody(draw)])
    return Deed(who, lambda work: do(work, chosen))


@deed(1)
def join_cluster(scene: Scene, draw: Random) -> Drawn:
    body = draw.choice(_TOWNS)
    return _with_cluster(scene, draw, lambda work, chosen: clusters.join(work, chosen, body))


@deed(1)
def leave_cluster(scene: Scene, draw: Random) -> Drawn:
    body = draw.choice(_TOWNS)
    return _with_cluster(scene, draw, lambda work, chosen: clusters.leave(work, chosen, body))


@deed(2)
def name_coordinator(scene: Scene, draw: Random) -> Drawn:
    person = scene.people[draw.choice(["digi", "mayor", "county", "leitung"])]
    do = draw.choice([clusters.name_coordinator, clusters.name_coordinator, clusters.dismiss_coordinator])
    return _with_cluster(scene, draw, lambda work, chosen: do(work, chosen, person))


@deed(3)
def hand_in_together(scene: Scene, draw: Random) -> Drawn:
    """The same task of several cases, handed in by whoever co-ordinates."""
    task = mostly(draw, scene.tasks, [one for one in scene.tasks if one.status in ("ready", "accepted")])
    if task is None or task.name == AD_HOC:
        return None
    together = [one.id for one in scene.tasks if (one.name, one.state) == (task.name, task.state)]
    seen = {one.id.hex: one.version - (draw.random() < 0.05) for one in scene.tasks if one.id in together}
    asked, dice = scene.process().states[task.state].tasks[task.name].evidence, draw.random()
    who = scene.people[draw.choice(["digi", "mayor", "county", "leitung"])]

    def do(work: Work) -> Any:
        given = answers(work, asked, task.service, Random(dice))
        return clusters.hand_in_together(work, together, given, seen=seen)

    return Deed(who, do)


@deed(2)
def give_away(scene: Scene, draw: Random) -> Drawn:
    """A body gives a service to another for some days; the cases follow with `follow_delegations`."""
    giver, delegate, service = draw.choice(BODIES), draw.choice(_TOWNS), draw.choice(SERVICES)
    begins = scene.today + dt.timedelta(days=draw.choice([0, 0, 0, 3, -1]))
    ends = draw.choice([None, begins + dt.timedelta(days=draw.randint(-1, 20))])
    who = draw.choice([scene.people["office"], scene.people["office"], scene.people["leitung"], scene.anybody(draw)])
    return Deed(who, lambda work: delegations.give(work, giver, service, delegate, from_on=begins, until_on=ends))


@deed(1)
def end_delegation(scene: Scene, draw: Random) -> Drawn:
    if not scene.delegations:
        return None
    chosen = draw.choice(scene.delegations)
    who = draw.choice([scene.people["office"], scene.anybody(draw)])
    return Deed(who, lambda work: delegations.end(work, chosen))


@deed(1)
def close_office(scene: Scene, draw: Random) -> Drawn:
    """An office closes for some days; mail waits, nothing else does."""
    body, begins = draw.choice(BODIES), scene.today + dt.timedelta(days=draw.randint(-1, 5))
    ends = begins + dt.timedelta(days=draw.randint(-1, 9))
    who = draw.choice([scene.people["leitung"], scene.people["mayor"], scene.anybody(draw)])
    return Deed(who, lambda work: closures.enter(work, body, begins, ends))


@deed(1)
def open_office(scene: Scene, draw: Random) -> Drawn:
    if not scene.closures:
        return None
    chosen = draw.choice(scene.closures)
    who = draw.choice([scene.people["north"], scene.anybody(draw)])
    return Deed(who, lambda work: closures.end(work, chosen))


@deed(1)
def set_mailbox(scene: Scene, draw: Random) -> Drawn:
    """Mail for a role goes to a mailbox from now on."""
    place = draw.choice([mailboxes.Place(body=body) for body in BODIES] + [mailboxes.Place(team="north")])
    role = draw.choice([mailboxes.ALL, "digi", "leitung", "umsetzungsteam"])
    address, language = f"{draw.choice('ab')}@rathaus.example", draw.choice(["de", "en"])
    who = draw.choice([scene.people["admin"], scene.anybody(draw)])
    return Deed(who, lambda work: mailboxes.set_up(work, place, role, address, language=language))


@deed(1)
def end_mailbox(scene: Scene, draw: Random) -> Drawn:
    place = mailboxes.Place(body=draw.choice(BODIES))
    role = draw.choice([mailboxes.ALL, "digi"])
    who = draw.choice([scene.people["admin"], scene.anybody(draw)])
    return Deed(who, lambda work: mailboxes.end(work, place, role))


@deed(1)
def choose_mail(scene: Scene, draw: Random) -> Drawn:
    """Somebody wants mail at another hour."""
    at, weekdays, asked = draw.choice(["07:00", "12:00", "03:00"]), draw.sample(range(1, 6), 2), draw.random() < 0.5
    return Deed(scene.anybody(draw), lambda work: wishes.choose(work, at=at, weekdays=weekdays, asked_at_once=asked))


@deed(3)
def follow_delegations(_scene: Scene, _draw: Random) -> Drawn:
    return Job(delegations.apply)


@deed(1)
def merge_bodies(scene: Scene, draw: Random) -> Drawn:
    """A town ends in its neighbour: its cases follow, and meet those the neighbour may have got from it before."""
    ending, successor = draw.choice([(BODIES[1], NEIGHBOURS[1]), (NEIGHBOURS[1], BODIES[1])])
    land, day = ending[:2], scene.today
    who = draw.choice([scene.people["office"], scene.people["office"], scene.anybody(draw)])

    def do(engine: Engine) -> None:
        with engine.read(SYSTEM) as work:
            rows = work.session.execute(sa.select(Body.__table__).where(Body.valid_until.is_(None))).all()
        names = [one.name for one in fields(bodies.Entry)]
        going_on = [bodies.Entry(**{name: getattr(row, name) for name in names}) for row in rows if row.ars != ending]
        named = {ending: successor} if any(row.ars == ending for row in rows) else {}
        bodies.follow(engine, who, bodies.Edition(day, "UTF-8", tuple(going_on)), land, named)

    return Job(do)


# --- what many cases wait for ----------------------------------------------------------------------------------------


@deed(1)
def request(scene: Scene, draw: Random) -> Drawn:
    body, kind = draw.choice(BODIES), draw.choice(["mandate", "mailbox", "nothing"])
    scope = draw.choice(["", *SERVICES]) if kind == "mailbox" else ""
    who = scene.anybody(draw)
    return Deed(who, lambda work: prerequisites.request(work, body, kind, scope))


@deed()
def accept_prerequisite(scene: Scene, draw: Random) -> Drawn:
    row = mostly(draw, scene.prerequisites, [one for one in scene.prerequisites if one.status in ("ready", "expired")])
    if row is None:
        return None
    who, version = _for_prerequisite(scene, draw, row), seen(draw, row.version)
    return Deed(who, lambda work: prerequisites.accept(work, row.id, seen=version))


@deed(6)
def complete_prerequisite(scene: Scene, draw: Random) -> Drawn:
    row = mostly(draw, scene.prerequisites, [one for one in scene.prerequisites if one.status != "done"])
    if row is None:
        return None
    who, version, dice = _for_prerequisite(scene, draw, row), seen(draw, row.version), draw.random()

    def do(work: Work) -> Any:
        asked = prerequisites.kind_of(work, row.kind).evidence
        return prerequisites.complete(work, row.id, answers(work, asked, "", Random(dice)), seen=version)

    return Deed(who, do)


def _on_prerequisite(scene: Scene, draw: Random, statuses: tuple[str, ...], role: str, do: Callable[..., Any]) -> Drawn:
    row = mostly(draw, scene.prerequisites, [one for one in scene.prerequisites if one.status in statuses])
    if row is None:
        return None
    who, version = _for_prerequisite(scene, draw, row, role), seen(draw, row.version)
    return Deed(who, lambda work: do(work, row, version))


@deed(1)
def release_prerequisite(scene: Scene, draw: Random) -> Drawn:
    do = prerequisites.release
    return _on_prerequisite(scene, draw, ("accepted",), "", lambda work, row, v: do(work, row.id, seen=v))


@deed(1)
def decline_prerequisite(scene: Scene, draw: Random) -> Drawn:
    do, open_ = prerequisites.decline, ("ready", "accepted", "expired")
    return _on_prerequisite(scene, draw, open_, "", lambda work, row, v: do(work, row.id, "Nein.", seen=v))


@deed(1)
def hand_back_prerequisite(scene: Scene, draw: Random) -> Drawn:
    do = prerequisites.hand_back
    return _on_prerequisite(
        scene, draw, ("declined",), "umsetzungsteam", lambda work, row, v: do(work, row.id, "Doch.", seen=v)
    )


@deed(1)
def set_aside_prerequisite(scene: Scene, draw: Random) -> Drawn:
    do, open_ = prerequisites.set_aside, ("ready", "accepted", "expired", "declined")
    return _on_prerequisite(
        scene, draw, open_, "supervisor", lambda work, row, v: do(work, row.id, "Entfällt.", seen=v)
    )


@deed(1)
def assign_prerequisite(scene: Scene, draw: Random) -> Drawn:
    do, to = prerequisites.assign, scene.anybody(draw)
    role = draw.choice(["supervisor", "body.leitung", "body.digi"])
    return _on_prerequisite(scene, draw, ("ready",), role, lambda work, row, v: do(work, row.id, to, seen=v))


@deed(1)
def extend_prerequisite(scene: Scene, draw: Random) -> Drawn:
    do, days, open_ = prerequisites.extend, draw.choice([0, 5, 60]), ("ready", "accepted", "submitted", "expired")
    return _on_prerequisite(
        scene, draw, open_, "supervisor", lambda work, row, v: do(work, row.id, days, "Urlaub", seen=v)
    )


@deed(1)
def send_back_prerequisite(scene: Scene, draw: Random) -> Drawn:
    do = prerequisites.send_back
    return _on_prerequisite(
        scene, draw, ("submitted",), "umsetzungsteam", lambda work, row, v: do(work, row.id, "Fehlt.", seen=v)
    )


@deed(1)
def confirm_prerequisite(scene: Scene, draw: Random) -> Drawn:
    do = prerequisites.confirm
    return _on_prerequisite(
        scene, draw, ("submitted",), "umsetzungsteam", lambda work, row, v: do(work, row.id, seen=v)
    )


@deed(1)
def renew_prerequisite(scene: Scene, draw: Random) -> Drawn:
    return _on_prerequisite(scene, draw, ("done",), "", lambda work, row, v: prerequisites.renew(work, row.id, seen=v))


@deed(1)
def recur(_scene: Scene, _draw: Random) -> Drawn:
    return Job(prerequisites.recur)


def _for_prerequisite(scene: Scene, draw: Random, row: Any, role: str = "") -> UUID:
    concerned = prerequisites.PrerequisiteRow(**{name: getattr(row, name) for name in _COLUMNS})
    return scene.somebody(draw, role or row.acting or row.owner, concerned)


_COLUMNS = tuple(prerequisites.PrerequisiteRow.__dataclass_fields__)


@deed(1)
def plan(scene: Scene, draw: Random) -> Drawn:
    row, day = draw.choice(scene.milestones), scene.today + dt.timedelta(days=draw.randint(1, 90))
    who, version = draw.choice([scene.people["office"], scene.anybody(draw)]), seen(draw, row.version)
    return Deed(who, lambda work: milestones.plan(work, row.id, day, "Zugesagt.", seen=version))


@deed(1)
def reach(scene: Scene, draw: Random) -> Drawn:
    row, day = draw.choice(scene.milestones), scene.today - dt.timedelta(days=draw.randint(-1, 9))
    who, version = draw.choice([scene.people["office"], scene.anybody(draw)]), seen(draw, row.version)
    return Deed(who, lambda work: milestones.reach(work, row.id, day, seen=version))


@deed(1)
def move_wave(scene: Scene, draw: Random) -> Drawn:
    day = scene.today + dt.timedelta(days=draw.randint(-1, 200))
    who = draw.choice([scene.people["office"], scene.anybody(draw)])
    return Deed(who, lambda work: programme.move_wave(work, "first", day, "Verschoben."))


@deed(1)
def set_target(scene: Scene, draw: Random) -> Drawn:
    day = scene.today + dt.timedelta(days=draw.randint(-1, 900))
    who = draw.choice([scene.people["office"], scene.anybody(draw)])
    return Deed(who, lambda work: programme.set_target(work, day, "Neu."))


# --- people ----------------------------------------------------------------------------------------------------------


@deed(1)
def grant(scene: Scene, draw: Random) -> Drawn:
    role = people.parse_role(draw.choice([words for held in HELD.values() for words in held]))
    to, who = scene.anybody(draw), draw.choice([scene.people["admin"], scene.anybody(draw)])
    return Deed(who, lambda work: people.grant(work, to, role))


@deed(1)
def withdraw(scene: Scene, draw: Random) -> Drawn:
    """Somebody loses a role, whatever they have accepted in it. The teams keep somebody: cases need a last resort."""
    person = scene.people[draw.choice([name for name in sorted(scene.people) if name not in KEPT])]
    with scene.engine.read(SYSTEM) as work:
        held = work.session.execute(
            sa.select(Grant.role, Grant.body, Grant.service, Grant.team, Grant.operator)
            .where(Grant.person_id == person, Grant.ended_at.is_(None))
            .order_by(Grant.role, Grant.body, Grant.service, Grant.team)
        ).all()
    if not held:
        return None
    role = Role(*draw.choice(held))
    return Deed(scene.people["admin"], lambda work: people.withdraw(work, person, role))


@deed(1)
def erase_person(scene: Scene, draw: Random) -> Drawn:
    """Somebody is gone for good, with whatever they have accepted."""
    person = scene.people[draw.choice([name for name in sorted(scene.people) if name not in KEPT])]
    who = draw.choice([scene.people["admin"], scene.anybody(draw)])
    return Deed(who, lambda work: people.erase(work, person))


@deed(1)
def same_human(scene: Scene, draw: Random) -> Drawn:
    """Two accounts are known to belong to one human being, or no longer."""
    one, other = scene.anybody(draw), scene.anybody(draw)
    do = draw.choice([people.same_human, people.not_same_human])
    return Deed(scene.people["admin"], lambda work: do(work, one, other))


@deed(3)
def away(scene: Scene, draw: Random) -> Drawn:
    person, deputy = scene.anybody(draw), scene.anybody(draw)
    begins = scene.today + dt.timedelta(days=draw.randint(0, 9))
    ends = begins + dt.timedelta(days=draw.randint(-1, 30))
    who = draw.choice([scene.people["admin"], scene.people["admin"], person, scene.anybody(draw)])
    return Deed(who, lambda work: absences.enter(work, person, deputy, begins, ends))


@deed(1)
def back(scene: Scene, draw: Random) -> Drawn:
    if not scene.absences:
        return None
    absence = draw.choice(scene.absences)
    who = draw.choice([absence.person_id, scene.people["admin"], scene.anybody(draw)])
    return Deed(who, lambda work: absences.end(work, absence.id))


# --- time ------------------------------------------------------------------------------------------------------------


@deed(4)
def days_pass(_scene: Scene, draw: Random) -> Drawn:
    days = draw.choice([1, 1, 2, 5, 20])
    return Deed(SYSTEM, lambda work: clock.advance(work, days))


@deed(3)
def remind(_scene: Scene, _draw: Random) -> Drawn:
    return Job(reminders.decide)


@deed(2)
def bring_up(_scene: Scene, _draw: Random) -> Drawn:
    return Job(tasks.bring_up)


@deed(5)
def follow(_scene: Scene, _draw: Random) -> Drawn:
    return Job(following.work_off)


@deed(2)
def expire(_scene: Scene, _draw: Random) -> Drawn:
    return Job(prerequisites.expire)


@deed(1)
def compose(_scene: Scene, _draw: Random) -> Drawn:
    return Job(messages.compose)


# --- mail that does not arrive ---------------------------------------------------------------------------------------


@deed(1)
def come_back(scene: Scene, draw: Random) -> Drawn:
    """A mail server reports that a mail did not arrive; sometimes twice."""
    with scene.engine.read(SYSTEM) as work:
        out = sa.select(Message.id).where(Message.status.in_(("queued", "sent", "failed"))).order_by(Message.subject)
        sent = work.session.execute(out).scalars().all()
    if not sent:
        return None
    raw = report(draw.choice(sent), status=draw.choice(["5.1.1", "5.1.1", "5.7.1", "4.4.1"]))
    return Job(lambda engine: bounces.take(engine, raw))


@deed(2)
def pass_on(_scene: Scene, _draw: Random) -> Drawn:
    return Job(unreached.pass_on)


@deed(1)
def change_address(scene: Scene, draw: Random) -> Drawn:
    person, number = scene.anybody(draw), draw.randint(0, 3)
    who = draw.choice([scene.people["admin"], scene.people["admin"], scene.anybody(draw)])
    return Deed(who, lambda work: people.change_address(work, person, f"new{number}@startklar.example"))


@deed(1)
def address_works(scene: Scene, draw: Random) -> Drawn:
    person = scene.anybody(draw)
    return Deed(scene.people["admin"], lambda work: people.address_works(work, person))


@deed(1)
def resend(scene: Scene, draw: Random) -> Drawn:
    with scene.engine.read(SYSTEM) as work:
        dead = sa.select(Message.id).where(Message.failed_at.is_not(None)).order_by(Message.subject)
        failed = work.session.execute(dead).scalars().all()
    if not failed:
        return None
    chosen = draw.choice(failed)
    return Deed(scene.people["office"], lambda work: dead_letters.resend(work, chosen))


def _blockers(scene: Scene) -> list[str]:
    with scene.engine.read(SYSTEM) as work:
        return [*work.catalogue.programme.blockers, "unknown"]
