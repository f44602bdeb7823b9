"""The way into an account without a password yet: through an invitation, or because it was forgotten."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, mailed, notices, session, wording
from webui.navigation import local_path
from workflow import access, sessions
from workflow.access import Letterhead, Opened
from workflow.errors import AccessRefused, PasswordTooWeak, Refused, SignInRefused, StartklarError

blueprint = Blueprint("access", __name__)


@blueprint.get("/access/<token>")
def open_link(token: str) -> AnyResponse:
    """What a link opens. Looking changes nothing: mail programs look too."""
    try:
        return _form(token, access.open_link(session.engine(), token))
    except AccessRefused as error:
        return _refused(error)


@blueprint.post("/access/<token>")
def use_link(token: str) -> AnyResponse:
    """Set the password and go in."""
    chosen = request.form.get("language")
    try:
        opened = access.open_link(session.engine(), token)
    except AccessRefused as error:
        return _refused(error)
    try:
        new = access.use_link(
            session.engine(),
            token,
            request.form.get("password", ""),
            name=request.form.get("name", ""),
            language=chosen if opened.kind == "invitation" else None,
            agent=session.browser_name(),
        )
    except AccessRefused as error:
        return _refused(error)
    except PasswordTooWeak as error:
        return _form(token, opened, {"password": wording.t(error.key, **error.facts)})
    except Refused:
        return _form(token, opened, {"name": wording.t("access.name_missing")})
    response = redirect(url_for("tour.show") if opened.kind == "invitation" else "/", 303)
    session.begin(response, new)
    return mailed.discreet(notices.leave(response, f"notice.access_{opened.kind}"))


@blueprint.get("/password")
def forgotten() -> AnyResponse:
    """A form for the address of whoever forgot the password, or waits for an invitation."""
    return make_response(render_template("access_forgotten.html", email="", fault=None, asked=False), 200)


@blueprint.post("/password")
def ask() -> AnyResponse:
    """Send a link, if there is an account; the page says the same in any case."""
    email = request.form.get("email", "")
    fault = None
    if "@" not in email or len(email) > 254:
        fault = wording.t("access.email_missing")
    else:
        try:
            access.ask_reset(session.engine(), email, request.remote_addr or "")
        except SignInRefused as error:
            fault = wording.t(error.key, **error.facts)
    page = render_template("access_forgotten.html", email=email, fault=fault, asked=fault is None)
    return make_response(page, 422 if fault else 200)


# --- who is invited, as those who invited see it ---------------------------------------------------------------------


@blueprint.post("/invitations/people/<uuid:person_id>")
def again(person_id: UUID) -> AnyResponse:
    """Send the invitation once more."""
    try:
        deeds.do(access.invite_again, person_id, head=Letterhead.of(session.door().settings))
    except Refused as error:
        return _back(error)
    return notices.leave(_back(), "notice.invited_again")


@blueprint.post("/invitations/<uuid:invitation_id>/withdraw")
def withdraw(invitation_id: UUID) -> AnyResponse:
    """Take an invitation back."""
    deeds.do(access.withdraw, invitation_id)
    return notices.leave(_back(), "notice.invitation_withdrawn")


@blueprint.post("/roles/<uuid:grant_id>/end")
def end_role(grant_id: UUID) -> AnyResponse:
    """End a role somebody holds."""
    try:
        deeds.do(access.end_role, grant_id)
    except Refused as error:
        return _back(error)
    return notices.leave(_back(), "notice.role_ended")


# --- helpers ---------------------------------------------------------------------------------------------------------


def _back(refused: StartklarError | None = None) -> AnyResponse:
    """To the page whose form it was, told why when it was refused."""
    if refused is not None:
        page = render_template("error.html", trouble=errors.trouble_of(refused), bare=False, back=_came_from())
        return make_response(page, errors.status_of(refused))
    return redirect(_came_from() or "/", 303)


def _came_from() -> str | None:
    return local_path(forms.text("next"))


def _form(token: str, opened: Opened, faults: dict[str, str] | None = None) -> AnyResponse:
    mailed.speak(opened.language)
    page = render_template(
        "access.html",
        token=token,
        opened=opened,
        faults=faults or {},
        name=request.form.get("name", ""),
        language_chosen=request.form.get("language") or wording.language(),
        least=sessions.LEAST_PASSWORD,
    )
    return mailed.discreet(make_response(page, 422 if faults else 200))


def _refused(error: AccessRefused) -> AnyResponse:
    if error.key == "error.access_broken":
        try:
            sessions.count_guess(session.engine(), "access", request.remote_addr or "")
        except SignInRefused as paused:
            return mailed.discreet(make_response(render_template("access_refused.html", error=paused), 429))
    status = 404 if error.key == "error.access_broken" else 410
    return mailed.discreet(make_response(render_template("access_refused.html", error=error), status))
