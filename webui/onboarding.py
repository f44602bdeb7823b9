"""Requests for a service: ask for one, answer them, take one back."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, services, session, wording
from workflow import evidence, onboarding
from workflow.errors import Conflict, InvalidEvidence, Refused, StartklarError
from workflow.queries import onboarding as query

blueprint = Blueprint("onboarding", __name__)


@blueprint.get("/requests")
def index() -> AnyResponse:
    """What is to be answered, and what became of the others."""
    return _page()


@blueprint.post("/services/<key>/ask")
def ask(key: str) -> AnyResponse:
    """Ask for the service to be connected."""
    body = forms.text("body")
    try:
        deeds.do(onboarding.ask, key, body, forms.text("wish"))
    except InvalidEvidence as error:
        return services.page(key, body=body, faults=forms.worded(error.faults, prefix=""))
    except (Conflict, Refused) as error:
        return services.page(key, body=body, refused=error)
    response = redirect(url_for("services.show", key=key, body=body), 303)
    return notices.leave(response, "notice.onboarding_asked")


@blueprint.post("/requests/<uuid:request_id>/accept")
def accept(request_id: UUID) -> AnyResponse:
    """Open the case."""
    try:
        done = deeds.do(onboarding.accept, request_id)
    except (Conflict, Refused) as error:
        return _page(refused=error)
    response = redirect(url_for("cases.show", case_id=done.case_id), 303)
    return notices.leave(response, "notice.onboarding_accepted")


@blueprint.post("/requests/<uuid:request_id>/decline")
def decline(request_id: UUID) -> AnyResponse:
    """Say why not."""
    try:
        deeds.do(onboarding.decline, request_id, forms.text("reason"))
    except InvalidEvidence as error:
        return _page(about=request_id, faults=forms.worded(error.faults, prefix=f"{request_id.hex}-"))
    except Conflict as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("onboarding.index"), 303), "notice.onboarding_declined")


@blueprint.post("/requests/<uuid:request_id>/withdraw")
def withdraw(request_id: UUID) -> AnyResponse:
    """Take it back."""
    try:
        done = deeds.do(onboarding.withdraw, request_id)
    except Conflict as error:
        return _page(refused=error)
    response = redirect(url_for("services.show", key=done.service, body=done.body), 303)
    return notices.leave(response, "notice.onboarding_withdrawn")


def _page(
    *,
    about: UUID | None = None,
    faults: Mapping[str, str] | None = None,
    refused: StartklarError | None = None,
) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = query.requests(work)
    titles = {f"{one.id.hex}-reason": evidence.REASON.title for one in found.open}
    body = render_template(
        "requests.html",
        found=found,
        about=about,
        faults=faults or {},
        summary=forms.summary(faults or {}, {name: wording.title(words) for name, words in titles.items()}),
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)
