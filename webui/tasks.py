"""One task: its page, and a small form for everything that can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import errors, forms, notices, session, wording
from workflow import queries, tasks
from workflow.engine import Work
from workflow.errors import Conflict, InvalidEvidence, Refused, StartklarError
from workflow.queries.task import TaskPage
from workflow.queries.task import task as page_of
from workflow.tasks import TaskView

blueprint = Blueprint("tasks", __name__, url_prefix="/tasks")

__all__ = ["blueprint"]


@blueprint.get("/<uuid:task_id>")
def show(task_id: UUID) -> AnyResponse:
    """What is asked, by when, and what this person may do."""
    return _page(task_id)


@blueprint.post("/<uuid:task_id>/accept")
def accept(task_id: UUID) -> AnyResponse:
    """Claim the task and stay with it."""
    return _do(task_id, lambda work: tasks.accept(work, task_id, seen=forms.seen()), "notice.task_accepted", stay=True)


@blueprint.post("/<uuid:task_id>/submit")
def submit(task_id: UUID) -> AnyResponse:
    """Hand in the answers; files are kept before the deed begins."""
    with session.engine().read(session.me()) as work:
        page = page_of(work, task_id)
    asked = {field.name: field.definition for field in page.fields} if page.may("submit") else {}
    answers = forms.answers(asked)
    said = "notice.task_submitted" if page.confirmer else "notice.task_done"
    return _do(
        task_id,
        lambda work: tasks.submit(work, task_id, answers.given, seen=forms.seen()),
        said,
        known=answers.faults,
    )
