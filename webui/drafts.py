"""What is typed is kept while somebody types: one address for every form, and what forms say to it.

A form names itself and its fields in a hidden field that is sealed for the session. So whoever was shown a form may
keep a draft of it, of these fields and no others, and nobody has to be asked for its rights a second time.
"""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, Flask, abort, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, notices, seals, session, wording
from webui.navigation import local_path
from workflow import drafts
from workflow.drafts import NONE, Drafts
from workflow.engine import Work
from workflow.errors import Refused

blueprint = Blueprint("drafts", __name__, url_prefix="/drafts")


@blueprint.post("")
def keep() -> AnyResponse:
    """Keep what stands in the form. Scripts are told in a sentence, people without one on the page they come from."""
    form, *names = _named()
    values = {name: request.form[name] for name in names if name in request.form}
    try:
        with session.engine().change(session.me()) as work:
            at = drafts.keep(work, form, values, command=deeds.key())
    except Refused as error:
        if _is_script():
            return jsonify(said=wording.t(error.key, **error.facts))
        return notices.leave(_back(), "notice.draft_not_kept", kind="warning")
    if _is_script():
        return jsonify(said=wording.t("draft.kept", time=wording.moment(at)) if at else "")
    return notices.leave(_back(), "notice.draft_kept")


@blueprint.post("/forget")
def forget() -> AnyResponse:
    """Start anew with what the form shows by itself."""
    form, *_ = _named()
    with session.engine().change(session.me()) as work:
        drafts.forget(work, form)
    return notices.leave(_back(), "notice.draft_forgotten")


def install(app: Flask) -> None:
    """Let every form name itself."""
    app.jinja_env.globals["sealed_draft"] = _sealed


def of_page(work: Work, name: str) -> Drafts:
    """The drafts of this page's forms, without the one of the form that was just sent: what it brought is newer.

    Whoever has no drafts at all costs no statement.
    """
    person = session.person()
    if person is None or not person.has_drafts:
        return NONE
    return drafts.below(work, name).without(deeds.draft())


def _sealed(form: str, names: Iterable[str]) -> str:
    return seals.sealed([form, *names])


def _named() -> tuple[str, ...]:
    """The form and its fields, as the page named them."""
    found = seals.opened(request.form.get(deeds.DRAFT, ""))
    if not found:
        abort(400)
    return found


def _is_script() -> bool:
    return request.accept_mimetypes.best == "application/json"


def _back() -> AnyResponse:
    """To the page the form stands on."""
    return redirect(local_path(request.form.get("back")) or url_for("inbox.show"), 303)
