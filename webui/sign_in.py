"""Signing in and out."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import notices, session, wording
from webui.navigation import local_path
from workflow import sessions
from workflow.errors import SignInRefused

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/sign-in")
def show() -> AnyResponse:
    """The form; somebody already signed in goes straight on."""
    wanted = local_path(request.args.get("next"))
    if session.person() is not None:
        return redirect(wanted or "/", 303)
    return _form(wanted)


@blueprint.post("/sign-in")
def enter() -> AnyResponse:
    """Open a session, ending one this browser still had, and go where the person wanted."""
    wanted = local_path(request.form.get("next"))
    email = request.form.get("email", "")
    try:
        new = sessions.sign_in(
            session.engine(),
            email,
            request.form.get("password", ""),
            request.remote_addr or "",
            agent=session.browser_name(),
        )
    except SignInRefused as error:
        return _form(wanted, email=email, refusal=wording.t(error.key, **error.facts))
    response = redirect(wanted or "/", 303)
    session.begin(response, new)
    return response


@blueprint.post("/sign-out")
def leave() -> AnyResponse:
    """End this session everywhere."""
    response = redirect(url_for("sign_in.show"), 303)
    session.end(response)
    return notices.leave(response, "notice.signed_out")


def _form(wanted: str | None, *, email: str = "", refusal: str | None = None) -> AnyResponse:
    page = render_template("sign_in.html", wanted=wanted, email=email, refusal=refusal)
    return make_response(page, 200 if refusal is None else 422)
