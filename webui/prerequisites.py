"""A prerequisite of a body: see it, and a small form for everything that can be done with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, drafts, errors, forms, notices, phrases, session, wording
from webui.forms import PREFIX
from workflow import casework, prerequisites
from workflow.definition import Text
from workflow.errors import Conflict, InvalidEvidence, NotAllowed, Refused, StartklarError
from workflow.prerequisites import PrerequisiteView
from workflow.queries import held_up, prerequisite
from workflow.queries.prerequisite import PrerequisitePage

blueprint = Blueprint("prerequisites", __name__)

_WITH_A_REASON = ("decline", "hand_back", "set_aside", "send_back", "extend")
_BLAMED = {
    "error.extension": "extend-days",
    "error.extension_in_all": "extend-days",
    "error.extension_used_up": "extend-days",
    "error.cannot_be_assigned": "assign-to",
}
"""Refusals that belong to one field. Fields of small forms are named `<deed>-<field>`: no definition has a hyphen."""


@blueprint.get("/prerequisites")
def index() -> str:
    """What is missing, by how many cases it holds up."""
    with session.engine().read(session.me()) as work:
        found = held_up.ranking(work, team=request.args.get("team"), kind=request.args.get("kind"))
    return render_template("prerequisites.html", found=found)


@blueprint.get("/prerequisites/<uuid:prerequisite_id>")
def show(prerequisite_id: UUID) -> AnyResponse:
    """What it asks for, who does it, who waits for it."""
    return _page(prerequisite_id)


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/accept")
def accept(prerequisite_id: UUID) -> AnyResponse:
    """Claim it."""
    return _do(prerequisites.accept, prerequisite_id)


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/release")
def release(prerequisite_id: UUID) -> AnyResponse:
    """Give it back to everybody who may act on it."""
    return _do(prerequisites.release, prerequisite_id)


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/assign")
def assign(prerequisite_id: UUID) -> AnyResponse:
    """Hand it to somebody."""
    to = forms.chosen("assign-to")
    if to is None:
        return _page(prerequisite_id, faults={"assign-to": wording.t("task.assign.missing")})
    return _do(prerequisites.assign, prerequisite_id, to)


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/decline")
def decline(prerequisite_id: UUID) -> AnyResponse:
    """Say that it will not be done, and why."""
    return _do(prerequisites.decline, prerequisite_id, _typed("reason"))


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/hand-back")
def hand_back(prerequisite_id: UUID) -> AnyResponse:
    """Give what was declined back to its owner."""
    return _do(prerequisites.hand_back, prerequisite_id, _typed("reason"))


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/set-aside")
def set_aside(prerequisite_id: UUID) -> AnyResponse:
    """Ask the body for it no more."""
    return _do(prerequisites.set_aside, prerequisite_id, _typed("reason"))


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/confirm")
def confirm(prerequisite_id: UUID) -> AnyResponse:
    """Say as a second person that it is right."""
    return _do(prerequisites.confirm, prerequisite_id)


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/send-back")
def send_back(prerequisite_id: UUID) -> AnyResponse:
    """Ask for more."""
    return _do(prerequisites.send_back, prerequisite_id, _typed("reason"))


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/extend")
def extend(prerequisite_id: UUID) -> AnyResponse:
    """Move its due date."""
    days = request.form.get("extend-days", default=0, type=int)
    return _do(prerequisites.extend, prerequisite_id, days, _typed("reason"))


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/renew")
def renew(prerequisite_id: UUID) -> AnyResponse:
    """Begin its steps anew."""
    return _do(prerequisites.renew, prerequisite_id)


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/complete")
def complete(prerequisite_id: UUID) -> AnyResponse:
    """Hand in what the present step asks for. Files are kept before the transaction, and only for who may hand them
    in."""
    with session.engine().read(session.me()) as work:
        page = prerequisite.prerequisite(work, prerequisite_id)
    if not page.may("complete") and not deeds.is_repeated():
        raise NotAllowed(roles=(page.owner_role,))
    has_a_chance = page.version == forms.seen() or deeds.is_repeated()
    answers = forms.answers(page.fields if has_a_chance else {})
    try:
        return _do(prerequisites.complete, prerequisite_id, answers.given, prefix=PREFIX, known=answers.faults)
    except Refused as error:
        blamed = PREFIX + (page.valid_until_field or next(iter(page.fields), ""))
        return _page(prerequisite_id, faults={blamed: wording.t(error.key, **error.facts)})


def _do(
    deed: Callable[..., PrerequisiteView],
    prerequisite_id: UUID,
    *asked: object,
    prefix: str | None = None,
    known: Mapping[str, str] | None = None,
) -> AnyResponse:
    """Do it and stay with it. A refusal stands on the page with everything that was typed."""
    name = deed.__name__
    try:
        done = deeds.do(deed, prerequisite_id, *asked, seen=forms.seen())
    except InvalidEvidence as error:
        return _page(prerequisite_id, faults=forms.worded(error.faults, prefix=prefix or f"{name}-", known=known))
    except (Conflict, Refused) as error:
        if error.key in _BLAMED:
            return _page(prerequisite_id, faults={_BLAMED[error.key]: wording.t(error.key, **error.facts)})
        if isinstance(error, Refused):
            raise
        return _page(prerequisite_id, refused=error)
    response = redirect(url_for("prerequisites.show", prerequisite_id=prerequisite_id), 303)
    undo = f"prerequisite_{name}"
    way_back = notices.Undo(undo, prerequisite_id, done.version) if undo in notices.UNDO else None
    said = _NOTICES.get((name, done.status), f"notice.prerequisite_{name}")
    return notices.leave(response, said, undo=way_back)


_NOTICES = {
    ("accept", "accepted"): "notice.prerequisite_accepted",
    ("complete", "done"): "notice.prerequisite_completed",
    ("complete", "submitted"): "notice.prerequisite_submitted",
    ("confirm", "done"): "notice.prerequisite_completed",
}
"""What is said after a deed that can end in several ways; otherwise `notice.prerequisite_<deed>`."""


def _page(
    prerequisite_id: UUID, *, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None
) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = prerequisite.prerequisite(work, prerequisite_id)
        kept = drafts.of_page(work, f"prerequisite:{prerequisite_id}")
    mine = kept.of(f"prerequisite:{prerequisite_id}")
    typed = forms.typed() if request.method == "POST" else {}
    entered = {name: words for name, words in typed.items() if name.startswith(PREFIX)} or (mine and mine.values)
    titles: dict[str, Text | str] = {PREFIX + name: asked.title for name, asked in found.fields.items()}
    titles |= {f"{deed}-reason": wording.t("task.reason") for deed in _WITH_A_REASON}
    titles |= {"extend-days": wording.t("task.extend.days"), "assign-to": wording.t("task.assign.to")}
    page = render_template(
        "prerequisite.html",
        found=found,
        PREFIX=PREFIX,
        faults=faults or {},
        summary=forms.summary(faults or {}, titles),
        refusal=errors.refusal(refused, _meanwhile(found)) if refused else None,
        lost=_lost(found, typed, titles) if refused else [],
        typed=kept.typed() | typed,
        entered=entered or None,
        kept=kept,
        most_days=casework.MOST_EXTENSION,
    )
    return make_response(page, 422 if faults else errors.status_of(refused) if refused else 200)


def _meanwhile(found: PrerequisitePage) -> list[tuple[dt.datetime, str, str | None]]:
    """What happened since the page was opened that the form stood on: it says how many entries its history had."""
    as_of = forms.as_of()
    new = found.history[: max(len(found.history) - as_of, 0)] if as_of is not None else ()
    told = ((one.happened, phrases.happened("prerequisite", one.happened.act, one.facts)) for one in new[:5])
    return [(happened.at, words, happened.who) for happened, words in told]


def _lost(found: PrerequisitePage, typed: Mapping[str, str], titles: Mapping[str, Text | str]) -> list[tuple[str, str]]:
    """Typed text whose form the page no longer offers: shown once more, so that nobody has to write it again."""
    return [
        (wording.title(titles[name]), words)
        for name, words in typed.items()
        if name in titles and not (found.may_complete if name.startswith(PREFIX) else found.may(name.partition("-")[0]))
    ]


def _typed(name: str) -> str:
    """What was typed into a field of the small form this request sent: `/decline` sends `decline-reason`."""
    deed = request.path.rpartition("/")[2].replace("-", "_")
    return forms.text(f"{deed}-{name}")
