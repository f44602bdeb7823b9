"""Mail that does not arrive: addresses to mend, and dead letters to send again."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session, wording
from workflow import dead_letters, people
from workflow.errors import Conflict, Refused, StartklarError
from workflow.queries import mails as query

blueprint = Blueprint("mails", __name__, url_prefix="/mails")


@blueprint.get("")
def show() -> AnyResponse:
    """How delivery stands."""
    return _page()


@blueprint.post("/<uuid:message_id>/resend")
def resend(message_id: UUID) -> AnyResponse:
    """Send a dead letter once more."""
    try:
        deeds.do(dead_letters.resend, message_id)
    except (Conflict, Refused) as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("mails.show"), 303), "notice.mail_resent")


@blueprint.post("/resend")
def resend_all() -> AnyResponse:
    """Send every dead letter once more; done twice it finds nothing left."""
    sent, _ = dead_letters.resend_all(session.engine(), session.me())
    return notices.leave(redirect(url_for("mails.show"), 303), "notice.mails_resent", n=sent)


@blueprint.post("/people/<uuid:person_id>/address")
def change_address(person_id: UUID) -> AnyResponse:
    """Enter another address of an account."""
    name = f"address-{person_id}"
    try:
        deeds.do(people.change_address, person_id, forms.text(name))
    except Refused:
        return _page(faults={name: wording.t("mails.no_address")})
    except Conflict as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("mails.show"), 303), "notice.address_changed")


@blueprint.post("/people/<uuid:person_id>/works")
def address_works(person_id: UUID) -> AnyResponse:
    """Mail to an account arrives again."""
    try:
        deeds.do(people.address_works, person_id)
    except Conflict as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("mails.show"), 303), "notice.address_works")


def _page(*, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = query.delivery(work)
    titles = {name: wording.t("mails.new_address") for name in faults or {}}
    body = render_template(
        "mails.html",
        found=found,
        faults=faults or {},
        summary=forms.summary(faults or {}, titles),
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(body, 422 if faults else errors.status_of(refused) if refused else 200)
