"""A prerequisite of a body: see it, take it on, hand in what proves it."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import given, notices, session, wording
from webui.given import Filled
from workflow import prerequisites
from workflow.errors import InvalidEvidence, NotAllowed, Refused
from workflow.queries import prerequisite

blueprint = Blueprint("prerequisites", __name__)


@blueprint.get("/prerequisites/<uuid:prerequisite_id>")
def show(prerequisite_id: UUID) -> AnyResponse:
    """What it asks for, who does it, who waits for it."""
    return _page(prerequisite_id, None)


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/accept")
def accept(prerequisite_id: UUID) -> AnyResponse:
    """Claim it."""
    with session.engine().change(session.me()) as work:
        prerequisites.accept(work, prerequisite_id, seen=given.seen())
    response = redirect(url_for("prerequisites.show", prerequisite_id=prerequisite_id), 303)
    return notices.leave(response, "notice.prerequisite_accepted")


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/complete")
def complete(prerequisite_id: UUID) -> AnyResponse:
    """Hand in what proves it, or renew it. Files are kept before the transaction, and only for who may hand them in."""
    with session.engine().read(session.me()) as work:
        page = prerequisite.prerequisite(work, prerequisite_id)
    if not page.may_complete:
        raise NotAllowed(roles=(page.owner_role,))
    form = given.filled(page.fields)
    if form.faults:
        return _page(prerequisite_id, form)
    try:
        with session.engine().change(session.me()) as work:
            prerequisites.complete(work, prerequisite_id, form.values, seen=given.seen())
    except InvalidEvidence as error:
        form.add(error)
        return _page(prerequisite_id, form)
    except Refused as error:
        form.faults[page.valid_until_field or next(iter(page.fields), "")] = wording.t(error.key, **error.facts)
        return _page(prerequisite_id, form)
    response = redirect(url_for("prerequisites.show", prerequisite_id=prerequisite_id), 303)
    return notices.leave(response, "notice.prerequisite_completed")


def _page(prerequisite_id: UUID, form: Filled | None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = prerequisite.prerequisite(work, prerequisite_id)
    page = render_template("prerequisite.html", found=found, form=form)
    return make_response(page, 422 if form is not None else 200)
