"""The person's own account: roles, language, appearance, password, signed-in devices."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import notices, session, wording
from workflow import feeds, sessions, wishes
from workflow.errors import PasswordTooWeak, Refused, SignInRefused

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


@blueprint.post("/account/mail")
def mail() -> AnyResponse:
    """Be mailed like this from now on."""
    at, asked = request.form.get("at", ""), request.form.get("asked") == "true"
    days = {int(day) for day in request.form.getlist("day") if day in ("1", "2", "3", "4", "5")}
    try:
        with session.engine().change(session.me()) as work:
            wishes.choose(work, at=at, weekdays=days, asked_at_once=asked)
    except Refused as error:
        return _page({"at" if error.key == "error.mail_time" else "day": wording.t(error.key, **error.facts)}, days)
    return notices.leave(redirect(url_for("account.show", _anchor="mail"), 303), "notice.mail_chosen")


def _page(faults: dict[str, str], days: set[int] | None = None) -> AnyResponse:
    """`days`: the weekdays that were just ticked, when they could not be kept."""
    with session.engine().read(session.me()) as work:
        held, calendars, post = sessions.held_roles(work), feeds.offers(work), wishes.of_actor(work)
    devices = sessions.open_sessions(session.engine(), session.me())
    here = sessions.digest(session.token() or "")
    page = render_template(
        "account.html",
        held=held,
        feeds=calendars,
        post=post,
        days=post.weekdays if days is None else days,
        devices=devices,
        this_device=here,
        faults=faults,
    )
    return make_response(page, 422 if faults else 200)
