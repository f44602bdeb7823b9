"""The first page of administrators: what needs them, and where everything is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, current_app, render_template, url_for

from webui import session, watch, wording
from workflow.queries import administration
from workflow.queries.administration import Administration

blueprint = Blueprint("administration", __name__)


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs an administrator: its words are `admin.need.<name>`, with `n` as a fact."""

    name: str
    n: int
    url: str
    kind: str = "soon"


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the administration: its words are `admin.area.<name>`."""

    name: str
    url: str
    icon: str


@blueprint.get("/admin")
def show() -> str:
    """What needs an administrator today, and the parts of the administration."""
    with session.engine().read(session.me()) as work:
        found = administration.administration(work)
    areas = tuple(_areas())
    notes = dict.fromkeys((area.name for area in areas), "") | {"people": _people_note(found)}
    return render_template("admin.html", needs=tuple(_needs(found)), areas=areas, notes=notes)


def _needs(found: Administration) -> Iterator[Need]:
    """The most pressing first; nothing of which there is none."""
    state = watch.state()
    if state is not None and state.stands_still:
        yield Need("standstill", 1, url_for("operations.show"), "late")
    numbers = (
        Need("alone", int(found.people == 1), url_for("people.invite_form")),
        Need("unreachable", found.unreachable, url_for("mails.show", _anchor="unreachable"), "late"),
        Need("history", found.history_faults, url_for("operations.history"), "late"),
        Need("dead", found.dead, url_for("mails.show", _anchor="dead")),
        Need("failing", found.failing, url_for("operations.show", _anchor="failing"), "late"),
        Need("feedback", found.feedback, url_for("feedback.index")),
        Need("lapsed", found.lapsed, _people("lapsed")),
        Need("missing", len(found.missing), url_for(f"pages.{found.missing[0]}") if found.missing else ""),
        Need("samples", len(found.samples), url_for(f"pages.{found.samples[0]}") if found.samples else ""),
    )
    yield from (need for need in numbers if need.n)


def _areas() -> Iterator[Area]:
    for name, endpoint, icon in (
        ("people", "people.index", "people"),
        ("teams", "teams.index", "flag"),
        ("definitions", "definitions.index", "service"),
        ("mails", "mails.show", "mail"),
        ("operations", "operations.show", "clock"),
        ("feedback", "feedback.index", "message"),
    ):
        if endpoint in current_app.view_functions:
            yield Area(name, url_for(endpoint), icon)


def _people_note(found: Administration) -> str:
    """`194 Konten, 2 offene Einladungen`."""
    words = [wording.t("admin.area.people.note", n=found.people)]
    if found.invited:
        words.append(wording.t("admin.area.people.invited", n=found.invited))
    return ", ".join(words)


def _people(which: str) -> str:
    """The list of accounts, where this installation has it."""
    if "people.index" in current_app.view_functions:
        return url_for("people.index", state=which)
    return url_for("administration.show")
