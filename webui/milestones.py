"""A milestone of the Land: see it, and for the programme office set its date or record that it is reached."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session, wording
from webui.forms import PREFIX
from workflow import evidence, milestones, policy
from workflow.definition import EvidenceField, Text
from workflow.errors import Conflict, InvalidEvidence, StartklarError
from workflow.evidence import Given
from workflow.queries import milestones as query
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


@blueprint.get("/milestones")
def index() -> str:
    """All of them: late ones and those without a date first."""
    with session.engine().read(session.me()) as work:
        found = query.milestones(work)
    return render_template("milestones.html", found=found)


@blueprint.get("/milestones/<uuid:milestone_id>")
def show(milestone_id: UUID) -> AnyResponse:
    """What it is, when it is due, who waits for it."""
    return _page(milestone_id)


@blueprint.post("/milestones/<uuid:milestone_id>/plan")
def plan(milestone_id: UUID) -> AnyResponse:
    """Say when it is due, and why."""
    page = _for_office(milestone_id)
    if page.reached_on is not None and not deeds.is_repeated():
        return _page(milestone_id, refused=Conflict(what="milestone"))
    due_on, faults = _day("due_on", PLAN, {name: forms.text(name) for name in PLAN})
    if due_on is None or faults:
        return _page(milestone_id, faults=faults)
    try:
        deeds.do(milestones.plan, milestone_id, due_on, forms.text("reason"), seen=forms.seen())
    except Conflict as error:
        return _page(milestone_id, refused=error)
    response = redirect(url_for("milestones.show", milestone_id=milestone_id), 303)
    return notices.leave(response, "notice.milestone_planned")


@blueprint.post("/milestones/<uuid:milestone_id>/reach")
def reach(milestone_id: UUID) -> AnyResponse:
    """Record that it is reached, with what proves it. Files are kept before the transaction."""
    page = _for_office(milestone_id)
    if page.reached_on is not None and not deeds.is_repeated():
        return _page(milestone_id, refused=Conflict(what="milestone"))
    answers = forms.answers(page.fields)
    reached_on, faults = _day("reached_on", REACHED, {"reached_on": forms.text("reached_on")})
    if reached_on is not None and reached_on > page.today:
        faults["reached_on"] = wording.t("milestone.not_yet")
    try:
        evidence.read(page.fields, answers.given)
    except InvalidEvidence as error:
        faults |= forms.worded(error.faults, known=answers.faults)
    if reached_on is None or faults:
        return _page(milestone_id, faults=faults)
    try:
        reached = deeds.do(milestones.reach, milestone_id, reached_on, answers.given, seen=forms.seen())
    except Conflict as error:
        return _page(milestone_id, refused=error)
    response = redirect(url_for("milestones.show", milestone_id=milestone_id), 303)
    return notices.leave(response, "notice.milestone_reached", n=reached.waiting)


def _for_office(milestone_id: UUID) -> MilestonePage:
    """The milestone, for whom may change it. Raises NotFound or NotAllowed."""
    with session.engine().read(session.me()) as work:
        page = services.milestone(work, milestone_id)
        policy.insist_holds(work.actor, "programme_office")
    return page


def _day(name: str, fields: Mapping[str, EvidenceField], given: Given) -> tuple[dt.date | None, dict[str, str]]:
    """The day given in one of the fields, and what is wrong with any of them, in words."""
    try:
        answers = {answer.field: answer.value for answer in evidence.read(fields, given)}
    except InvalidEvidence as error:
        return None, forms.worded(error.faults, prefix="")
    value = answers.get(name)
    return (value if isinstance(value, dt.date) else None), {}


def _page(
    milestone_id: UUID, *, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None
) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = services.milestone(work, milestone_id)
    titles = {PREFIX + name: asked.title for name, asked in found.fields.items()}
    titles |= {name: asked.title for name, asked in {**PLAN, **REACHED}.items()}
    typed = forms.typed() if request.method == "POST" else {}
    page = render_template(
        "milestone.html",
        found=found,
        plan=PLAN,
        reached=REACHED,
        PREFIX=PREFIX,
        faults=faults or {},
        summary=forms.summary(faults or {}, titles),
        refusal=errors.refusal(refused) if refused else None,
        typed=typed,
        lost=[] if found.may_plan else [(wording.title(titles[name]), typed[name]) for name in titles if name in typed],
    )
    return make_response(page, 422 if faults else errors.status_of(refused) if refused else 200)
