"""A prerequisite of a body: see it, take it on, hand in what proves it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session, wording
from webui.forms import PREFIX
from workflow import prerequisites
from workflow.errors import Conflict, InvalidEvidence, NotAllowed, Refused, StartklarError
from workflow.queries import prerequisite

blueprint = Blueprint("prerequisites", __name__)


@blueprint.get("/prerequisites/<uuid:prerequisite_id>")
def show(prerequisite_id: UUID) -> AnyResponse:
    """What it asks for, who does it, who waits for it."""
    return _page(prerequisite_id)


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/accept")
def accept(prerequisite_id: UUID) -> AnyResponse:
    """Claim it."""
    try:
        deeds.do(prerequisites.accept, prerequisite_id, seen=forms.seen())
    except Conflict as error:
        return _page(prerequisite_id, refused=error)
    response = redirect(url_for("prerequisites.show", prerequisite_id=prerequisite_id), 303)
    return notices.leave(response, "notice.prerequisite_accepted")


@blueprint.post("/prerequisites/<uuid:prerequisite_id>/complete")
def complete(prerequisite_id: UUID) -> AnyResponse:
    """Hand in what proves it, or renew it. Files are kept before the transaction, and only for who may hand them in."""
    with session.engine().read(session.me()) as work:
        page = prerequisite.prerequisite(work, prerequisite_id)
    if not page.may_complete and not deeds.is_repeated():
        raise NotAllowed(roles=(page.owner_role,))
    answers = forms.answers(page.fields)
    try:
        deeds.do(prerequisites.complete, prerequisite_id, answers.given, seen=forms.seen())
    except InvalidEvidence as error:
        return _page(prerequisite_id, faults=forms.worded(error.faults, known=answers.faults))
    except Conflict as error:
        return _page(prerequisite_id, refused=error)
    except Refused as error:
        blamed = PREFIX + (page.valid_until_field or next(iter(page.fields), ""))
        return _page(prerequisite_id, faults={blamed: wording.t(error.key, **error.facts)})
    response = redirect(url_for("prerequisites.show", prerequisite_id=prerequisite_id), 303)
    return notices.leave(response, "notice.prerequisite_completed")


def _page(
    prerequisite_id: UUID, *, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None
) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = prerequisite.prerequisite(work, prerequisite_id)
    titles = {PREFIX + name: asked.title for name, asked in found.fields.items()}
    page = render_template(
        "prerequisite.html",
        found=found,
        PREFIX=PREFIX,
        faults=faults or {},
        summary=forms.summary(faults or {}, titles),
        refusal=errors.refusal(refused) if refused else None,
        typed=(forms.typed() or None) if request.method == "POST" else None,
    )
    return make_response(page, 422 if faults else errors.status_of(refused) if refused else 200)
