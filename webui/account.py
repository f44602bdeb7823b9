"""The person's own account: roles, language, appearance, password, signed-in devices."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import notices, session, wording
from workflow import feeds, sessions
from workflow.errors import PasswordTooWeak, SignInRefused

blueprint = Blueprint("account", __name__)


@blueprint.get("/account")
def show() -> AnyResponse:
    """Who I am here, and how I want this to look."""
    return _page({})


@blueprint.post("/account/password")
def password() -> AnyResponse:
    """Replace the own password; every other device is signed out, and this one goes on in a new session."""
    old, new = request.form.get("old", ""), request.form.get("new", "")
    try:
        agent = session.browser_name()
        renewed = sessions.change_password(session.engine(), session.me(), old, new, agent=agent)
    except SignInRefused as error:
        key = "account.password.wrong" if type(error) is SignInRefused else error.key
        return _page({"old": wording.t(key, **error.facts)})
    except PasswordTooWeak as error:
        return _page({"new": wording.t(error.key, **error.facts)})
    response = redirect(url_for("account.show"), 303)
    session.begin(response, renewed)
    return notices.leave(response, "notice.password_changed")


@blueprint.post("/account/devices/<digest>/sign-out")
def sign_out_device(digest: str) -> AnyResponse:
    """End one of the own sessions."""
    sessions.revoke(session.engine(), session.me(), digest)
    return notices.leave(redirect(url_for("account.show"), 303), "notice.device_signed_out")


def _page(faults: dict[str, str]) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        held, calendars = sessions.held_roles(work), feeds.offers(work)
    devices = sessions.open_sessions(session.engine(), session.me())
    here = sessions.digest(session.token() or "")
    page = render_template("account.html", held=held, feeds=calendars, devices=devices, this_device=here, faults=faults)
    return make_response(page, 422 if faults else 200)
