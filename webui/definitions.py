"""What the definitions say: processes as a drawing, services, prerequisites, reminders, mail texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, abort, render_template, request

from webui import diagram, session, wording
from workflow import texts
from workflow.definition import CalendarDays, Due, OfMilestone, Promised, Stichtag, WorkingDays
from workflow.queries import definitions as query
from workflow.queries.definitions import ProcessShown, RungShown, Said

blueprint = Blueprint("definitions", __name__, url_prefix="/definitions")

PARTS = ("processes", "services", "prerequisites", "reminders", "messages")


@blueprint.get("")
def index() -> str:
    """The processes with their versions."""
    return _part("processes")


@blueprint.get("/<part>")
def show_part(part: str) -> str:
    """Another part of the definitions."""
    if part not in PARTS[1:]:
        abort(404)
    return _part(part)


@blueprint.get("/<process>/<int:version>")
def show(process: str, version: int) -> str:
    """One version of a process, drawn and in words; `state` is marked as the present one."""
    with session.engine().read(session.me()) as work:
        found = query.process(work, process, version)
    marked = request.args.get("state", "")
    if marked and marked not in found.process.states:
        abort(404)
    return render_template(
        "definition.html", found=found, marked=marked, drawing=_drawing(found), demands=_demands, due_rule=_due_rule
    )


def _part(part: str) -> str:
    with session.engine().read(session.me()) as work:
        found = query.overview(work)
    language = wording.language()
    messages = sorted((name, text) for (spoken, name), text in found.catalogue.messages.items() if spoken == language)
    return render_template(
        "definitions.html",
        part=part,
        PARTS=PARTS,
        found=found,
        messages=messages if part == "messages" else (),
        rung_when=_rung_when,
        rung_who=_rung_who,
        due_rule=_due_rule,
    )


def _drawing(found: ProcessShown) -> diagram.Drawing:
    """The process with its words in the reader's language."""
    places = [
        diagram.Place(
            key=state.key,
            title=wording.title(state.state.title),
            beside=state.state.aside,
            steps=tuple(
                diagram.Step(
                    number=task.number,
                    title=wording.title(task.task.title),
                    owner=wording.title(task.owner),
                    after=tuple(number for number, _ in task.after if number),
                )
                for task in state.tasks
            ),
        )
        for state in found.states
    ]
    ways = [
        diagram.Way(
            way.name,
            wording.title(way.transition.title),
            tuple(way.transition.from_),
            way.transition.to,
            back=way.transition.back,
        )
        for way in found.ways
    ]
    return diagram.drawn(places, ways)


def _demands(demanded: tuple[Said, ...]) -> tuple[str, ...]:
    """What a transition or a task demands, each as a short phrase."""
    return tuple(_said(one) for one in demanded)


def _said(one: Said) -> str:
    if one.key == "milestone":
        return wording.t("definitions.demand.milestone", title=one.title)
    if one.title is not None:
        values = [wording.quoted(wording.title(value)) for value in one.values] + list(_choices(one.choices))
        return wording.t("definitions.demand.answer", title=one.title, values=_or(values))
    key = f"definitions.demand.{one.key}"
    if not texts.knows(wording.language(), key):
        return one.key
    return wording.t(key, values=_or(list(_choices(one.choices)))) if one.choices else wording.t(key)


def _choices(choices: tuple[str | bool | int, ...]) -> Iterator[str]:
    for choice in choices:
        if isinstance(choice, bool):
            yield wording.t("definitions.yes" if choice else "definitions.no")
        else:
            key = f"definitions.value.{choice}"
            yield wording.t(key) if texts.knows(wording.language(), key) else str(choice)


def _or(words: list[str]) -> str:
    return f" {wording.t('definitions.or')} ".join(words)


def _due_rule(due: Due | Any) -> str:
    """`15 Arbeitstage`, `zum Stichtag der Welle, sonst 20 Arbeitstage`."""
    if isinstance(due, WorkingDays):
        return wording.t("definitions.due.working", n=due.working_days)
    if isinstance(due, CalendarDays):
        return wording.t("definitions.due.calendar", n=due.calendar_days)
    kind = {Stichtag: "stichtag", Promised: "promised", OfMilestone: "milestone"}[type(due)]
    return wording.t(f"definitions.due.{kind}", otherwise=_due_rule(due.otherwise))


def _rung_when(rung: RungShown) -> str:
    """`2 Arbeitstage vorher`, `am Tag der Frist`, `danach alle 5 Arbeitstage`."""
    words = []
    if rung.at is not None:
        side = "before" if rung.at < 0 else "after" if rung.at > 0 else "day"
        words.append(
            wording.t(f"definitions.rung.{side}", n=abs(rung.at)) if rung.at else wording.t("definitions.rung.day")
        )
    if rung.every is not None:
        words.append(wording.t("definitions.rung.every", n=rung.every))
    if rung.times is not None:
        words.append(wording.t("definitions.rung.times", n=rung.times))
    return ", ".join(words)


def _rung_who(rung: RungShown) -> str:
    """Who is told, in words."""
    words = [wording.t("definitions.rung.owner")] if rung.owner else []
    words += [wording.t("definitions.rung.deputy")] if rung.deputy else []
    return ", ".join([*words, *(wording.title(role) for role in rung.to)])
