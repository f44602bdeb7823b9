"""A milestone of the Land: see it, and for the programme office set its date or record that it is reached."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import given, notices, session, wording
from webui.given import Filled
from workflow import evidence, milestones, policy
from workflow.definition import EvidenceField, Text
from workflow.errors import Conflict, InvalidEvidence
from workflow.queries import services
from workflow.queries.services import MilestonePage

blueprint = Blueprint("milestones", __name__)

PLAN: Mapping[str, EvidenceField] = {
    "due_on": EvidenceField(type="date", title=Text(de="Geplant für", en="Planned for")),
    "reason": evidence.REASON,
}
REACHED: Mapping[str, EvidenceField] = {
    "reached_on": EvidenceField(type="date", title=Text(de="Erreicht am", en="Reached on")),
}
"""What the office says of every milestone, besides what its kind asks for."""


@blueprint.get("/milestones/<uuid:milestone_id>")
def show(milestone_id: UUID) -> AnyResponse:
    """What it is, when it is due, who waits for it."""
    return _page(milestone_id)


@blueprint.post("/milestones/<uuid:milestone_id>/plan")
def plan(milestone_id: UUID) -> AnyResponse:
    """Say when it is due, and why."""
    _insist_open(milestone_id)
    form = given.filled(PLAN)
    try:
        due_on, reason = (answer.value for answer in evidence.read(PLAN, form.values))
        with session.engine().change(session.me()) as work:
            milestones.plan(work, milestone_id, _day(due_on), str(reason), seen=given.seen())
    except InvalidEvidence as error:
        form.add(error)
        return _page(milestone_id, plan_form=form)
    response = redirect(url_for("milestones.show", milestone_id=milestone_id), 303)
    return notices.leave(response, "notice.milestone_planned")


@blueprint.post("/milestones/<uuid:milestone_id>/reach")
def reach(milestone_id: UUID) -> AnyResponse:
    """Record that it is reached, with what proves it. Files are kept before the transaction."""
    page = _insist_open(milestone_id)
    asked = {**REACHED, **page.fields}
    form = given.filled(asked)
    proof = {name: value for name, value in form.values.items() if name in page.fields}
    try:
        reached_on, *_ = (answer.value for answer in evidence.read(asked, form.values))
    except InvalidEvidence as error:
        form.add(error)
        return _page(milestone_id, reach_form=form)
    if _day(reached_on) > page.today:
        form.faults["reached_on"] = wording.t("milestone.not_yet")
    if form.faults:
        return _page(milestone_id, reach_form=form)
    with session.engine().change(session.me()) as work:
        reached = milestones.reach(work, milestone_id, _day(reached_on), proof, seen=given.seen())
    response = redirect(url_for("milestones.show", milestone_id=milestone_id), 303)
    return notices.leave(response, "notice.milestone_reached", n=reached.waiting)


def _insist_open(milestone_id: UUID) -> MilestonePage:
    """The milestone, for whom may change it and while it can be. Raises NotFound, NotAllowed or Conflict."""
    with session.engine().read(session.me()) as work:
        page = services.milestone(work, milestone_id)
        policy.insist_holds(work.actor, "programme_office")
    if page.reached_on is not None:
        raise Conflict(what="milestone")
    return page


def _day(value: evidence.Value | None) -> dt.date:
    """The answer to a required field of type date, which is always a date."""
    if not isinstance(value, dt.date):
        raise TypeError(value)
    return value


def _page(milestone_id: UUID, *, plan_form: Filled | None = None, reach_form: Filled | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = services.milestone(work, milestone_id)
    page = render_template(
        "milestone.html", found=found, plan=PLAN, reached=REACHED, plan_form=plan_form, reach_form=reach_form
    )
    return make_response(page, 422 if plan_form or reach_form else 200)
