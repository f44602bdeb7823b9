"""What was brought before a supervisor or the programme office: the page, and its small forms for what can be done."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from uuid import UUID

from flask import Blueprint, Flask, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session, wording
from workflow import casework, prerequisites, tasks
from workflow.errors import Conflict, InvalidEvidence, NotFound, Refused, StartklarError
from workflow.prerequisites import PrerequisiteView
from workflow.queries import escalations as query
from workflow.tasks import TaskView

blueprint = Blueprint("escalations", __name__, url_prefix="/escalations")

_BLAMED = {
    "error.extension": "extend-days",
    "error.extension_in_all": "extend-days",
    "error.extension_used_up": "extend-days",
    "error.cannot_be_assigned": "assign-to",
}
"""Refusals that belong to one field. Fields are named `<deed>-<field>-<id>`: the page has each form many times."""

_COUNTED_FOR_SECONDS = 10.0

log = logging.getLogger(__name__)


@blueprint.get("")
def show() -> AnyResponse:
    """What waits for a decision, and what got a new date since."""
    return _page()


@blueprint.post("/tasks/<uuid:task_id>/take-over")
def take_task(task_id: UUID) -> AnyResponse:
    """Do it oneself."""
    return _do(task_id, "take", tasks.assign, session.me())


@blueprint.post("/tasks/<uuid:task_id>/assign")
def assign_task(task_id: UUID) -> AnyResponse:
    """Hand it to somebody."""
    return _assign(task_id, tasks.assign)


@blueprint.post("/tasks/<uuid:task_id>/extend")
def extend_task(task_id: UUID) -> AnyResponse:
    """Give it more time."""
    return _extend(task_id, tasks.extend)


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/take-over")
def take_prerequisite(prerequisite_id: UUID) -> AnyResponse:
    """Do it oneself."""
    return _do(prerequisite_id, "take", prerequisites.assign, session.me())


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/assign")
def assign_prerequisite(prerequisite_id: UUID) -> AnyResponse:
    """Hand it to somebody."""
    return _assign(prerequisite_id, prerequisites.assign)


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/extend")
def extend_prerequisite(prerequisite_id: UUID) -> AnyResponse:
    """Give it more time."""
    return _extend(prerequisite_id, prerequisites.extend)


def install(app: Flask) -> None:
    """Let the navigation say how much waits."""
    app.extensions["startklar.escalated"] = {}
    app.jinja_env.globals["escalated"] = waiting


def waiting() -> int | None:
    """How much waits for the signed-in person, as of some seconds ago; None when that cannot be known just now."""
    counted: dict[UUID, tuple[float, int]] = current_app.extensions["startklar.escalated"]
    me = session.me()
    known = counted.get(me)
    if known is not None and time.monotonic() - known[0] < _COUNTED_FOR_SECONDS:
        return known[1]
    try:
        with session.engine().read(me) as work:
            return _note(me, query.count(work))
    except Exception:
        log.exception("what was escalated cannot be counted")
        return None


def _note(me: UUID, count: int) -> int:
    current_app.extensions["startklar.escalated"][me] = (time.monotonic(), count)
    return count


def _assign(subject: UUID, deed: Callable[..., TaskView | PrerequisiteView]) -> AnyResponse:
    to = forms.chosen(f"assign-to-{subject.hex}")
    if to is None:
        return _page(subject, faults={f"assign-to-{subject.hex}": wording.t("task.assign.missing")})
    return _do(subject, "assign", deed, to)


def _extend(subject: UUID, deed: Callable[..., TaskView | PrerequisiteView]) -> AnyResponse:
    days = request.form.get(f"extend-days-{subject.hex}", default=0, type=int)
    return _do(subject, "extend", deed, days, forms.text(f"extend-reason-{subject.hex}"))


def _do(subject: UUID, name: str, deed: Callable[..., TaskView | PrerequisiteView], *asked: object) -> AnyResponse:
    """Do it and stay here. A refusal stands on this page with everything that was typed."""
    try:
        done = deeds.do(deed, subject, *asked, seen=forms.seen())
    except InvalidEvidence as error:
        words = forms.worded(error.faults, prefix=f"{name}-")
        return _page(subject, faults={f"{field}-{subject.hex}": said for field, said in words.items()})
    except (Conflict, Refused) as error:
        if error.key in _BLAMED:
            blamed = f"{_BLAMED[error.key]}-{subject.hex}"
            return _page(subject, faults={blamed: wording.t(error.key, **error.facts)})
        return _page(subject, refused=error)
    current_app.extensions["startklar.escalated"].pop(session.me(), None)
    response = redirect(url_for("escalations.show", after=request.args.get("after")), 303)
    if isinstance(done, PrerequisiteView):
        return notices.leave(response, f"notice.prerequisite_{'extend' if name == 'extend' else 'assign'}")
    return notices.leave(response, f"notice.escalation_{name}", task=wording.title(done.title))


def _page(
    subject: UUID | None = None,
    *,
    faults: Mapping[str, str] | None = None,
    refused: StartklarError | None = None,
) -> AnyResponse:
    """The page. A form about something that is not on it does not exist."""
    with session.engine().read(session.me()) as work:
        page = query.escalations(work, after=request.args.get("after"))
    shown = (*page.waiting, *page.moving)
    if faults and subject not in {line.id for line in shown}:
        raise NotFound
    _note(session.me(), page.total)
    titles = {f"{name}-{line.id.hex}": wording.t(key) for line in shown for name, key in _TITLES.items()}
    body = render_template(
        "escalations.html",
        page=page,
        after=request.args.get("after"),
        faults=faults or {},
        summary=forms.summary(faults or {}, dict(titles)),
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
        most_days=casework.MOST_EXTENSION,
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)


_TITLES = {"extend-days": "task.extend.days", "extend-reason": "task.reason", "assign-to": "task.assign.to"}
