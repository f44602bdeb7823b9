"""Random programmes that hang together: a folder of definitions whose process is drawn anew from a seed."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from tests.definitions import folder as small
from workflow.definition import TASK_OWNERS

SERVICES = ("dogs", "cats")
BODIES = ("071110000000", "073310101000")
"""A kreisfreie Stadt of team north and a Verbandsgemeinde of team south, which also has all dogs."""
NEIGHBOURS = ("073310000000", "073310102000")
"""The Landkreis and another Verbandsgemeinde of the second one's district: where dogs are concerned they may take part.
In the second one nobody has an account."""
PARTS = ("register", "chip")
"""Of dogs: each is switched on by itself."""
CHECKLIST = ("seen", "printed", "filed")

CATS = """\
service: cats
title: {de: Katzensteuer, en: Cat tax}
summary: {de: Katzen anmelden, en: Register cats}
keys: {leika: "99102013104001", ozg: "10255"}
focus: assumed
applies_to: towns
authority: {de: Steueramt, en: Tax office}
source: Satzung
confidence: assumed
payment: none
variants:
  portal:
    title: {de: Portal, en: Portal}
    maturity: e2e
    specialist_software: true
    prerequisites:
      - {kind: mandate}
      - {kind: mailbox, scope: cats}
  paper:
    title: {de: Papier, en: Paper}
    maturity: digital_in
    specialist_software: false
    prerequisites:
      - {kind: mandate}
milestones:
  contract: {due: 2026-12-15}
"""

GROUP = """\
  around:
    title: {de: Nachbarn, en: Neighbours}
    kinds: [landkreis, verbandsgemeinde]
    source: Gemeindeverzeichnis
    confidence: sourced
"""

SUB_SERVICES = """\
sub_services:
  register: {de: Anmelden, en: Register}
  chip: {de: Chip, en: Chip}
"""

NEIGHBOUR = (
    "073310102000,,verbandsgemeinde,Wonnegau,VG Wonnegau,Alzey,073310000000,Osthofen,67574,21000,94.1,13,49.70,8.32\n"
)

RECURRING = """\
recurring:
  contacts:
    title: {de: Kontakte, en: Contacts}
    owner: body.digi
    every: 1 month
    due: 5 working days
    ladder: short
  page:
    title: {de: Seite, en: Page}
    owner: body.redaktion
    every: 2 months
    due: 10 calendar days
    ladder: short
    of_each: service
    evidence:
      link: {type: url, title: {de: Adresse, en: Address}}
"""

BLOCKERS = """\
blockers:
  no_staff: {title: {de: Kein Personal, en: No staff}}
  vendor: {title: {de: Hersteller, en: Vendor}}
"""

SLOW = """\
ladders:
  slow:
    title: {de: Langsam, en: Slow}
    rungs:
      - {id: waiting, every: 2, times: 3, to: [owner], message: reminder, asks: promise}
      - {id: late, at: 1, every: 3, to: [owner, deputy], message: reminder}
      - {id: help, at: 4, to: [supervisor], message: reminder}
"""
"""A ladder under which dates are promised."""

_TITLE = {"de": "Wort", "en": "Word"}
_OWNERS = [*TASK_OWNERS, "umsetzungsteam", "body.digi", "body.leitung", "participant.digi", "participant.leitung"]
_MOVERS = ["umsetzungsteam", "body.leitung", "supervisor", "programme_office"]


def write(folder: Path, draw: Random) -> Path:
    """A whole folder of definitions with a process of this seed."""
    small.write_minimal(folder)
    small.write(folder, "programme.yaml", small.PROGRAMME.replace("ladders:\n", SLOW) + BLOCKERS)
    small.write(folder, "services/cats.yaml", CATS)
    small.write(folder, small.SERVICE, small.DOGS.replace("{group: towns,", "{group: around,") + SUB_SERVICES)
    small.write(folder, "prerequisites.yaml", small.SHARED + RECURRING)
    small.write(folder, "groups.yaml", small.GROUPS + GROUP)
    small.write(folder, "bodies/municipalities.csv", small.BODIES + NEIGHBOUR)
    small.write(folder, small.PROCESS, json.dumps(process(draw), ensure_ascii=False, indent=1))
    return folder


def process(draw: Random) -> dict[str, Any]:
    """A process whose states, tasks and transitions are drawn; as the file says them."""
    road = [f"s{number}" for number in range(draw.randint(2, 4))]
    known: list[tuple[str, str, dict[str, Any]]] = []
    states: dict[str, Any] = {}
    for number, state in enumerate(road):
        tasks = _tasks(draw, number, known)
        states[state] = {"title": _TITLE, "tasks": tasks}
        if number == 0:  # surely behind whatever comes later: other states may be missed
            known += [one for name, task in tasks.items() for one in _to_be_asked(name, task)]
    states["goal"] = {"title": _TITLE, "goal": True, "tasks": _tasks(draw, len(road), known, most=2)}
    states["gone"] = {"title": _TITLE, "end": True, "aside": True}
    if draw.random() < 0.5:
        states["rests"] = {"title": _TITLE, "aside": True, "tasks": _tasks(draw, len(road) + 1, known, most=1)}
    if draw.random() < 0.7:
        states["replaced"] = {"title": _TITLE, "end": True, "aside": True}
    return {
        "process": "onboarding",
        "version": 1,
        "title": _TITLE,
        "initial": road[0],
        "states": states,
        "transitions": _transitions(draw, road, states),
    }


def _tasks(
    draw: Random, number: int, known: list[tuple[str, str, dict[str, Any]]], most: int = 5
) -> dict[str, dict[str, Any]]:
    tasks: dict[str, dict[str, Any]] = {}
    for position in range(draw.randint(1 if number == 0 else 0, most)):
        after = [name for name in tasks if draw.random() < 0.35]
        first = number == position == 0
        owner = draw.choice(_OWNERS[:-2] if first else _OWNERS)
        task: dict[str, Any] = {
            "title": _TITLE,
            "owner": owner,
            "due": draw.choice(["1 working day", "5 working days", "10 calendar days", "30 working days"]),
            "ladder": "slow" if position % 2 else "short",
            "after": after,
            "optional": draw.random() < 0.2,
            "evidence": _evidence(draw, first=first, of_case=not owner.startswith("participant.")),
        }
        if draw.random() < 0.25:
            task["checklist"] = dict.fromkeys(CHECKLIST[: draw.randint(1, 3)], _TITLE)
        if draw.random() < 0.3:
            task["confirm"] = draw.choice(["umsetzungsteam", "body.leitung", "body.fachamt"])
        if draw.random() < 0.2:
            task["informs"] = [draw.choice(["body.dsb", "supervisor", "programme_office"])]
        before = _before(tasks, after)
        asked = [*known, *(one for name in before for one in _to_be_asked(name, tasks[name]))]
        _depend(draw, task, asked)
        tasks[f"t{number}{position}"] = task
    return tasks


def _to_be_asked(name: str, task: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """The answers of a task that conditions may name: those every participant gives may differ, and count for none."""
    if task["owner"].startswith("participant."):
        return []
    return [(name, field, asked) for field, asked in task["evidence"].items()]


def _before(tasks: dict[str, dict[str, Any]], after: list[str]) -> list[str]:
    """The tasks surely finished before one that comes after these."""
    found: list[str] = []
    waiting = list(after)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            waiting += tasks[name]["after"]
    return found


def _depend(draw: Random, task: dict[str, Any], asked: list[tuple[str, str, dict[str, Any]]]) -> None:
    """What the task asks of earlier answers: whether it is needed, and when it is due."""
    conditions: dict[str, list[Any]] = {}
    for name, field, given in asked:
        if draw.random() < 0.25 and given["type"] == "choice":
            conditions[f"{name}.{field}"] = draw.sample(["good", "bad", "ugly"], draw.randint(1, 2))
        elif draw.random() < 0.2 and given["type"] == "flag":
            conditions[f"{name}.{field}"] = [draw.random() < 0.5]
    if draw.random() < 0.15:
        conditions["service.payment"] = ["required"]
    if conditions and draw.random() < 0.8:
        task["only_if"] = conditions
    promised = [f"{name}.{field}" for name, field, given in asked if given["type"] == "date"]
    rule = draw.random()
    if promised and rule < 0.3:
        task["due"] = {"promised": draw.choice(promised), "otherwise": "5 working days"}
    elif rule < 0.4:
        task["due"] = {"milestone": "contract", "otherwise": "10 working days"}
    elif rule < 0.5:
        task["due"] = {"stichtag": "20 working days"}


def _evidence(draw: Random, *, first: bool, of_case: bool) -> dict[str, dict[str, Any]]:
    options = {name: {"title": _TITLE} for name in ("good", "bad", "ugly")}
    kinds: list[dict[str, Any]] = [
        {"type": "choice", "options": options},
        {"type": "flag"},
        {"type": "date"},
        {"type": "text"},
        {"type": "number", "least": 1, "most": 9},
        {"type": "document", "accept": ["pdf"]},
        {"type": "email"},
    ]
    if of_case:
        kinds.append({"type": "date", "sets": "stichtag"})
    chosen = draw.sample(kinds, draw.randint(0, 3))
    if first:
        chosen += [{"type": "variant"}, {"type": "wave", "required": False}]
    return {
        f"f{number}": {"title": _TITLE, "required": draw.random() < 0.7, **kind} for number, kind in enumerate(chosen)
    }


def _transitions(draw: Random, road: list[str], states: dict[str, Any]) -> dict[str, Any]:
    steps = [*road, "goal"]
    made: dict[str, Any] = {}
    for number, (source, target) in enumerate(pairwise(steps)):
        made[f"forward{number}"] = {
            "from": [source],
            "to": target,
            "by": draw.sample(_MOVERS, draw.randint(1, 2)),
            "requires": [name for name in ("tasks_done", "prerequisites_done") if draw.random() < 0.6]
            + ([{"milestone": "contract"}] if draw.random() < 0.3 else []),
            "notify": draw.sample(["body.digi", "supervisor", "umsetzungsteam"], draw.randint(0, 2)),
        }
        if target != "goal" and draw.random() < 0.7:
            made[f"back{number}"] = {
                "from": [target],
                "to": source,
                "by": ["umsetzungsteam"],
                "back": True,
                "reopens": [name for name in states[source]["tasks"] if draw.random() < 0.4],
                "asks": {"reason": {"type": "long_text", "title": _TITLE}},
            }
    if len(road) > 2 and draw.random() < 0.4:
        made["leap"] = {"from": [road[0]], "to": road[2], "by": ["programme_office"]}
    made["end"] = {"from": road, "to": "gone", "by": ["umsetzungsteam", "body.leitung"]}
    if "rests" in states:
        made["stop"] = {"from": ["goal"], "to": "rests", "by": ["umsetzungsteam"]}
        made["go_on"] = {"from": ["rests"], "to": "goal", "by": ["umsetzungsteam"]}
    if "replaced" in states:
        sources = [*steps, *(["rests"] if "rests" in states else [])]
        made["replace"] = {"from": sources, "to": "replaced", "by": ["system"]}
    return {name: {"title": _TITLE, **move} for name, move in made.items()}
