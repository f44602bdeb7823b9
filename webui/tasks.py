"""One task: its page, and a small form for everything that can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import cases, deeds, drafts, errors, forms, notices, session, wording
from webui.forms import PREFIX
from workflow import casework, clusters, evidence, refusals, tasks
from workflow.definition import Text
from workflow.errors import Conflict, InvalidEvidence, NotAllowed, Refused, StartklarError
from workflow.queries import task as query
from workflow.queries.task import TaskPage
from workflow.tasks import TaskView

blueprint = Blueprint("tasks", __name__, url_prefix="/tasks")

_WITH_A_REASON = ("decline", "send_back", "hand_back", "waive", "extend", "reopen", "withdraw")
_BLAMED = {
    "error.extension": "extend-days",
    "error.extension_in_all": "extend-days",
    "error.extension_used_up": "extend-days",
    "error.cannot_be_assigned": "assign-to",
    "error.follow_up_day": "follow_up-on",
    "error.cannot_be_handed_on": "hand_on-to",
}
"""Refusals that belong to one field. Fields of small forms are named `<deed>-<field>`: no definition has a hyphen."""


@blueprint.get("/<uuid:task_id>")
def show(task_id: UUID) -> AnyResponse:
    """What is asked, by when, and what this person may do."""
    return page_of(task_id)


@blueprint.post("/<uuid:task_id>/accept")
def accept(task_id: UUID) -> AnyResponse:
    """Claim the task, and stay with it."""
    return _do(tasks.accept, task_id, stay=True)


@blueprint.post("/<uuid:task_id>/submit")
def submit(task_id: UUID) -> AnyResponse:
    """Hand in the answers. Files are kept before the deed begins, and only if it has a chance."""
    with session.engine().read(session.me()) as work:
        page = query.task(work, task_id)
    has_a_chance = (page.may("submit") and page.version == forms.seen()) or deeds.is_repeated()
    answers = forms.answers({field.name: field.definition for field in page.fields} if has_a_chance else {})
    return _do(
        tasks.submit,
        task_id,
        answers.given,
        prefix=PREFIX,
        known=answers.faults,
        said="notice.task_submit_checked" if page.confirmer else None,
    )


@blueprint.post("/<uuid:task_id>/decline")
def decline(task_id: UUID) -> AnyResponse:
    """Say that it will not be done, and why."""
    return _do(tasks.decline, task_id, _typed("reason"))


@blueprint.post("/<uuid:task_id>/assign")
def assign(task_id: UUID) -> AnyResponse:
    """Hand the task to somebody."""
    to = forms.chosen("assign-to")
    if to is None:
        return page_of(task_id, faults={"assign-to": wording.t("task.assign.missing")})
    return _do(tasks.assign, task_id, to, stay=True)


@blueprint.post("/<uuid:task_id>/tick/<point>")
def tick(task_id: UUID, point: str) -> AnyResponse:
    """Tick one point of the checklist; it is kept at once."""
    return _tick(task_id, point, done=True)


@blueprint.post("/<uuid:task_id>/untick/<point>")
def untick(task_id: UUID, point: str) -> AnyResponse:
    """Take a tick back."""
    return _tick(task_id, point, done=False)


def _tick(task_id: UUID, point: str, *, done: bool) -> AnyResponse:
    try:
        deeds.do(tasks.tick, task_id, [point], done=done)
    except (Conflict, Refused) as error:
        return page_of(task_id, refused=error)
    return redirect(url_for("tasks.show", task_id=task_id, _anchor="checklist"), 303)


@blueprint.post("/<uuid:task_id>/follow-up")
def follow_up(task_id: UUID) -> AnyResponse:
    """Put the task aside until a day; without one have it back."""
    try:
        on = evidence.day_of(_typed("on")) if "follow_up-on" in request.form else None
    except InvalidEvidence as error:
        return page_of(task_id, faults=forms.worded(error.faults, prefix="follow_up-"))
    said = "notice.task_follow_up" if on else "notice.task_taken_up"
    return _do(tasks.follow_up, task_id, on, said=said, stay=True)


@blueprint.post("/<uuid:task_id>/hand-on")
def hand_on(task_id: UUID) -> AnyResponse:
    """Give a task of one's own to a colleague."""
    to = forms.chosen("hand_on-to")
    if to is None:
        return page_of(task_id, faults={"hand_on-to": wording.t("task.assign.missing")})
    return _do(tasks.hand_on, task_id, to, _typed("note"), stay=True)


@blueprint.post("/<uuid:task_id>/take-back")
def take_back(task_id: UUID) -> AnyResponse:
    """Have a task again that was handed on."""
    return _do(tasks.take_back, task_id, stay=True)


@blueprint.post("/<uuid:task_id>/release")
def release(task_id: UUID) -> AnyResponse:
    """Give a task up."""
    return _do(tasks.release, task_id, stay=True)


@blueprint.post("/<uuid:task_id>/confirm")
def confirm(task_id: UUID) -> AnyResponse:
    """Say as a second person that it is right."""
    return _do(tasks.confirm, task_id)


@blueprint.post("/<uuid:task_id>/send-back")
def send_back(task_id: UUID) -> AnyResponse:
    """Ask for more."""
    return _do(tasks.send_back, task_id, _typed("reason"), request.form.getlist("send_back-redo"))


@blueprint.post("/<uuid:task_id>/hand-back")
def hand_back(task_id: UUID) -> AnyResponse:
    """Give a declined task back to its owner."""
    return _do(tasks.hand_back, task_id, _typed("reason"))


@blueprint.post("/<uuid:task_id>/reopen")
def reopen(task_id: UUID) -> AnyResponse:
    """Ask for a done task once more, so that an answer can be corrected."""
    return _do(tasks.reopen, task_id, _typed("reason"))


@blueprint.post("/<uuid:task_id>/withdraw")
def withdraw(task_id: UUID) -> AnyResponse:
    """Take a task out again that somebody added."""
    return _do(tasks.withdraw, task_id, _typed("reason"))


@blueprint.post("/<uuid:task_id>/waive")
def waive(task_id: UUID) -> AnyResponse:
    """Decide that the case goes on without it."""
    return _do(tasks.waive, task_id, _typed("reason"))


@blueprint.post("/<uuid:task_id>/extend")
def extend(task_id: UUID) -> AnyResponse:
    """Move its due date."""
    days = request.form.get("extend-days", default=0, type=int)
    return _do(
        tasks.extend,
        task_id,
        days,
        _typed("reason"),
        stay=True,
    )


@blueprint.get("/<uuid:task_id>/record")
def ask_record(task_id: UUID) -> AnyResponse:
    """What the team learned, and how."""
    return _record_page(task_id)


@blueprint.post("/<uuid:task_id>/record")
def record(task_id: UUID) -> AnyResponse:
    """Enter for a body what it told."""
    with session.engine().read(session.me()) as work:
        page = query.record(work, task_id)
    has_a_chance = (page.task.may("record") and page.task.version == forms.seen()) or deeds.is_repeated()
    answers = forms.answers({field.name: field.definition for field in page.fields} if has_a_chance else {})
    told = {name: forms.text(f"told-{name}") for name in tasks.TOLD}
    try:
        done = deeds.do(tasks.record, task_id, answers.given, told=told, seen=forms.seen())
    except InvalidEvidence as error:
        of_told = {f"told-{name}": fault for name, fault in error.faults.items() if name in tasks.TOLD}
        others = {name: fault for name, fault in error.faults.items() if name not in tasks.TOLD}
        faults = forms.worded(of_told, prefix="") | forms.worded(others, known=answers.faults)
        return _record_page(task_id, faults=faults)
    except (Conflict, Refused) as error:
        return _record_page(task_id, refused=error)
    answer = redirect(url_for("cases.show", case_id=done.case_id), 303)
    return notices.leave(answer, "notice.task_record", task=wording.title(done.title))


@blueprint.get("/<uuid:task_id>/together")
def ask_together(task_id: UUID) -> AnyResponse:
    """The same task of several members of a cluster."""
    return _together_page(task_id)


@blueprint.post("/<uuid:task_id>/together")
def together(task_id: UUID) -> AnyResponse:
    """Hand in the same for the members that were chosen."""
    with session.engine().read(session.me()) as work:
        page = query.together(work, task_id)
    answers = forms.answers({field.name: field.definition for field in page.fields})
    chosen = request.form.getlist("member", type=UUID)
    if not chosen:
        return _together_page(task_id, faults={"member": wording.t("together.missing")})
    if answers.faults:
        return _together_page(task_id, faults={PREFIX + name: words for name, words in answers.faults.items()})
    seen = {one.hex: forms.seen(f"seen-{one.hex}") for one in chosen}
    handed = deeds.do(clusters.hand_in_together, chosen, answers.given, seen=seen)
    refused = {one.task_id: refusals.restored(one.refused) for one in handed if one.refused is not None}
    faulty = next((error for error in refused.values() if isinstance(error, InvalidEvidence)), None)
    if faulty is not None and len(refused) == len(handed):
        return _together_page(task_id, faults=forms.worded(faulty.faults))
    with session.engine().read(session.me()) as work:
        known = {one.id: one for one in query.handed(work, chosen)}
    results = [
        (known[one.task_id], one.task, errors.refusal(refused[one.task_id]) if one.task_id in refused else None)
        for one in handed
        if one.task_id in known
    ]
    return make_response(render_template("task_together_done.html", page=page.task, results=results))


def _record_page(
    task_id: UUID, *, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None
) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        page = query.record(work, task_id)
        kept = drafts.of_page(work, f"task:{task_id}:record").of(f"task:{task_id}:record")
    titles = {PREFIX + field.name: field.definition.title for field in page.fields}
    titles |= {f"told-{name}": field.title for name, field in tasks.TOLD.items()}
    body = render_template(
        "task_record.html",
        page=page.task,
        fields=page.fields,
        told=tasks.TOLD,
        PREFIX=PREFIX,
        faults=faults or {},
        summary=forms.summary(faults or {}, titles),
        typed=forms.typed() if request.method == "POST" else dict(kept.values) if kept else {},
        kept=kept,
        refusal=_refusal(refused, page.task),
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)


def _together_page(task_id: UUID, *, faults: Mapping[str, str] | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        page = query.together(work, task_id)
    titles: dict[str, Text | str] = {PREFIX + field.name: field.definition.title for field in page.fields}
    sent = request.method == "POST"
    body = render_template(
        "task_together.html",
        page=page.task,
        siblings=page.siblings,
        fields=page.fields,
        ticked=request.form.getlist("member") if sent else [str(one.id) for one in page.siblings if not one.held],
        PREFIX=PREFIX,
        faults=faults or {},
        summary=forms.summary(faults or {}, titles),
        typed=forms.typed() if sent else {},
    )
    return make_response(body, 422 if faults else 200)


def _do(
    deed: Callable[..., TaskView],
    task_id: UUID,
    *asked: object,
    prefix: str | None = None,
    known: Mapping[str, str] | None = None,
    said: str | None = None,
    stay: bool = False,
) -> AnyResponse:
    """Do it and go on to the case, or (`stay`) back to the task.

    A refusal stands on the task's page with everything that was typed.
    """
    try:
        done = deeds.do(deed, task_id, *asked, seen=forms.seen())
    except InvalidEvidence as error:
        return page_of(task_id, faults=forms.worded(error.faults, prefix=prefix or f"{deed.__name__}-", known=known))
    except (Conflict, Refused) as error:
        if error.key in _BLAMED:
            return page_of(task_id, faults={_BLAMED[error.key]: wording.t(error.key, **error.facts)})
        return page_of(task_id, refused=error)
    except NotAllowed as error:
        if not forms.typed():
            raise
        return page_of(task_id, refused=error)  # the role is gone since the page was shown, the words are not
    target = url_for("tasks.show", task_id=done.id) if stay else url_for("cases.show", case_id=done.case_id)
    name = deed.__name__
    undo = (
        notices.Undo(name, done.id, done.version) if name in notices.UNDO and said != "notice.task_taken_up" else None
    )
    answer = redirect(target, 303)
    return notices.leave(answer, said or f"notice.task_{name}", undo=undo, task=wording.title(done.title))


def page_of(
    task_id: UUID,
    *,
    faults: Mapping[str, str] | None = None,
    refused: StartklarError | None = None,
) -> AnyResponse:
    """The page of a task, with what was refused or is to be mended."""
    with session.engine().read(session.me()) as work:
        page = query.task(work, task_id)
        kept = drafts.of_page(work, f"task:{task_id}")
    titles = {PREFIX + field.name: field.definition.title for field in page.fields}
    typed = forms.typed() if request.method == "POST" else {}
    mine = kept.of(f"task:{task_id}")
    entered = {name: words for name, words in typed.items() if name.startswith(PREFIX)} or (mine and mine.values)
    body = render_template(
        "task.html",
        page=page,
        PREFIX=PREFIX,
        faults=faults or {},
        summary=forms.summary(faults or {}, titles | _titles_of_small_forms()),
        typed=kept.typed() | typed,
        entered=entered or None,
        kept=kept,
        refusal=_refusal(refused, page),
        lost=_lost(page, typed, titles) if refused else [],
        most_days=casework.MOST_EXTENSION,
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)


def _refusal(refused: StartklarError | None, page: TaskPage) -> errors.Refusal | None:
    """The refusal in words, with what happened since; a body that takes part sees no history."""
    if refused is None:
        return None
    told = () if page.as_participant else cases.meanwhile(refused, page.case_id, page.id)
    return errors.refusal(refused, told)


def _titles_of_small_forms() -> dict[str, Text | str]:
    """What the fields beside the task's own are called."""
    reasons = {f"{deed}-reason": wording.t("task.reason") for deed in _WITH_A_REASON}
    return {
        **reasons,
        "extend-days": wording.t("task.extend.days"),
        "assign-to": wording.t("task.assign.to"),
        "hand_on-to": wording.t("task.assign.to"),
        "hand_on-note": wording.t("task.note"),
        "follow_up-on": wording.t("task.follow_up.on"),
    }


def _typed(name: str) -> str:
    """What was typed into a field of the small form this request sent: `/decline` sends `decline-reason`."""
    deed = request.path.rpartition("/")[2].replace("-", "_")
    return forms.text(f"{deed}-{name}")


def _lost(page: TaskPage, typed: Mapping[str, str], titles: Mapping[str, Text]) -> list[tuple[str, str]]:
    """Typed text whose form the page no longer offers: shown once more, so that nobody has to write it again."""
    lost: list[tuple[str, str]] = []
    for name, value in typed.items():
        deed = "submit" if name in titles else name.partition("-")[0]
        if deed in page.deeds:
            continue
        if name in titles:
            lost.append((wording.title(titles[name]), value))
        elif name.endswith(("-reason", "-note")):
            lost.append((wording.t("task.reason"), value))
    return lost
