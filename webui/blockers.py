"""What resting cases wait for, and the registers people choose from."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session
from workflow import registers
from workflow.errors import Conflict, InvalidEvidence, StartklarError
from workflow.queries import blockers as query

blueprint = Blueprint("blockers", __name__)


@blueprint.get("/blockers")
def show() -> str:
    """Whom resting cases wait for, and why they rest."""
    with session.engine().read(session.me()) as work:
        found = query.blockers(work)
    return render_template("blockers.html", found=found)


@blueprint.get("/registers")
def kept() -> AnyResponse:
    """Vendors and operators."""
    return _page()


@blueprint.post("/registers/vendors")
def add_vendor() -> AnyResponse:
    """Add a vendor."""
    try:
        deeds.do(registers.add_vendor, forms.text("title"), source=forms.text("source"))
    except InvalidEvidence as error:
        return _page(faults=forms.worded(error.faults, prefix=""))
    except Conflict as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("blockers.kept"), 303), "notice.vendor_added")


@blueprint.post("/registers/vendors/end")
def end_vendor() -> AnyResponse:
    """Offer a vendor no more."""
    try:
        deeds.do(registers.end_vendor, forms.text("vendor"))
    except Conflict as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("blockers.kept"), 303), "notice.vendor_ended")


def _page(*, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = query.kept(work)
    body = render_template(
        "registers.html",
        found=found,
        fields=registers.FIELDS,
        faults=faults or {},
        summary=forms.summary(faults or {}, {name: field.title for name, field in registers.FIELDS.items()}),
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)
