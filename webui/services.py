"""The catalogue of services."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from webui import session
from workflow.queries import delays, services

blueprint = Blueprint("services", __name__)


@blueprint.get("/services")
def index() -> str:
    """Every service with its numbers."""
    with session.engine().read(session.me()) as work:
        found = services.services(work)
    return render_template("services.html", found=found)


@blueprint.get("/services/<key>")
def show(key: str) -> str:
    """One service: what is known of it, what the Land has to do, where the bodies stand."""
    with session.engine().read(session.me()) as work:
        found = services.service(work, key, state=request.args.get("state"))
    return render_template("service.html", service=found, NOT_OPEN=services.NOT_OPEN)


@blueprint.get("/services/<key>/delays")
def delayed(key: str) -> str:
    """Working days the service's cases have lost, by whom."""
    with session.engine().read(session.me()) as work:
        work.catalogue.service(key)
        found = delays.of_service(work, key)
    return render_template("service_delays.html", found=found, PARTIES=delays.PARTIES)
