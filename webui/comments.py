"""What people say to each other about a case or a task."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import cases, deeds, forms, notices, session, tasks, wording
from workflow import comments
from workflow.comments import CommentView
from workflow.errors import Conflict, InvalidEvidence, Refused
from workflow.queries import case as query

blueprint = Blueprint("comments", __name__)

_PAGE = 40


@blueprint.get("/cases/<uuid:case_id>/comments")
def read(case_id: UUID) -> str:
    """Everything that was said about a case, the latest first, forty at a time."""
    page = max(request.args.get("page", default=1, type=int), 1)
    with session.engine().read(session.me()) as work:
        found = query.conversation_page(work, case_id)
    said = found.said[::-1][(page - 1) * _PAGE : page * _PAGE]
    more = len(found.said) > page * _PAGE
    return render_template("case_conversation.html", found=found, said=said, page=page, more=more)


@blueprint.post("/cases/<uuid:case_id>/comments")
def write(case_id: UUID) -> AnyResponse:
    """Write something about a case, or about the task the form stood with."""
    task_id = forms.chosen("comment-task")
    people = request.form.getlist("comment-to", type=UUID)
    try:
        done = deeds.do(comments.write, case_id, forms.text("comment-text"), task_id=task_id, mentioned=people)
    except InvalidEvidence as error:
        faults = forms.worded(error.faults, prefix="comment-")
        return tasks.page_of(task_id, faults=faults) if task_id else cases.page_of(case_id, faults=faults)
    except Refused as error:
        faults = {"comment-to": wording.t(error.key, **error.facts)}
        return tasks.page_of(task_id, faults=faults) if task_id else cases.page_of(case_id, faults=faults)
    return notices.leave(_back(done), "notice.comment_written")


@blueprint.post("/comments/<uuid:comment_id>/withdraw")
def withdraw(comment_id: UUID) -> AnyResponse:
    """Take back what one wrote."""
    try:
        done = deeds.do(comments.withdraw, comment_id)
    except Conflict as error:
        return notices.leave(redirect(url_for("inbox.show"), 303), error.key, **error.facts)
    return notices.leave(_back(done), "notice.comment_withdrawn")


def _back(done: CommentView) -> AnyResponse:
    if done.task_id is not None:
        return redirect(url_for("tasks.show", task_id=done.task_id, _anchor="comments"), 303)
    return redirect(url_for("cases.show", case_id=done.case_id, _anchor="comments"), 303)
