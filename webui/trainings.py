"""Trainings: what is to come, and for the programme office a form to plan one."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session
from webui.forms import PREFIX
from workflow import trainings
from workflow.errors import Conflict, InvalidEvidence, StartklarError
from workflow.queries import trainings as query

blueprint = Blueprint("trainings", __name__, url_prefix="/trainings")


@blueprint.get("")
def index() -> AnyResponse:
    """Every training to come."""
    return _page()


@blueprint.post("")
def plan() -> AnyResponse:
    """Plan one."""
    given = {name: forms.text(PREFIX + name) for name in trainings.FIELDS}
    try:
        deeds.do(trainings.plan, given, service=forms.text("service") or None)
    except InvalidEvidence as error:
        return _page(faults=forms.worded(error.faults))
    return notices.leave(redirect(url_for("trainings.index"), 303), "notice.training_planned")


@blueprint.post("/<uuid:training_id>/cancel")
def cancel(training_id: UUID) -> AnyResponse:
    """Call one off."""
    try:
        deeds.do(trainings.cancel, training_id)
    except Conflict as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("trainings.index"), 303), "notice.training_cancelled")


def _page(*, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = query.trainings(work)
    titles = {PREFIX + name: asked.title for name, asked in trainings.FIELDS.items()}
    body = render_template(
        "trainings.html",
        found=found,
        fields=trainings.FIELDS,
        PREFIX=PREFIX,
        faults=faults or {},
        summary=forms.summary(faults or {}, titles),
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)
