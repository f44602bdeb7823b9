"""The catalogue of services."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from webui import errors, forms, session
from workflow import onboarding
from workflow.errors import StartklarError
from workflow.queries import delays, municipality, services

blueprint = Blueprint("services", __name__)


@blueprint.get("/services")
def index() -> str:
    """Every service: where it stands in the reader's body, and its numbers."""
    with session.engine().read(session.me()) as work:
        found = services.services(work)
        town = municipality.in_town(work, request.args.get("body"))
    return render_template("services.html", found=found, town=town)


@blueprint.get("/services/<key>")
def show(key: str) -> AnyResponse:
    """One service: what is known of it, what it asks of the reader's body, where the bodies stand."""
    return page(key, body=request.args.get("body"))


@blueprint.get("/services/<key>/delays")
def delayed(key: str) -> str:
    """Working days the service's cases have lost, by whom."""
    with session.engine().read(session.me()) as work:
        work.catalogue.service(key)
        found = delays.of_service(work, key)
    return render_template("service_delays.html", found=found, PARTIES=delays.PARTIES)


def page(
    key: str,
    *,
    body: str | None,
    faults: Mapping[str, str] | None = None,
    refused: StartklarError | None = None,
) -> AnyResponse:
    """The page of a service, with what came of asking for it."""
    with session.engine().read(session.me()) as work:
        found = services.service(work, key, state=request.args.get("state"), body=body)
    html = render_template(
        "service.html",
        service=found,
        NOT_OPEN=services.NOT_OPEN,
        WISH=onboarding.WISH,
        faults=faults or {},
        summary=forms.summary(faults or {}, {"wish": onboarding.WISH.title}),
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(html, errors.status_of(refused) if refused else 422 if faults else 200)
