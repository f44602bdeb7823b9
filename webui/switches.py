"""Language and appearance: kept with the account, and in a cookie for the pages before signing in."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from webui import session
from webui.navigation import local_path
from workflow import sessions
from workflow.errors import NotFound
from workflow.texts import LANGUAGES

blueprint = Blueprint("switches", __name__)


@blueprint.post("/language")
def language() -> AnyResponse:
    """Speak the chosen language from now on."""
    return _keep("language", request.form.get("language", ""), LANGUAGES)


@blueprint.post("/theme")
def theme() -> AnyResponse:
    """Show pages light, dark, or as the device wishes."""
    return _keep("theme", request.form.get("theme", ""), sessions.THEMES)


def _keep(name: str, chosen: str, known: tuple[str, ...]) -> AnyResponse:
    if chosen not in known:
        raise NotFound
    response = redirect(local_path(request.form.get("next")) or "/", 303)
    session.set_cookie(response, name, chosen, max_age=session.YEAR)
    if (who := session.person()) is not None:
        keep = sessions.set_language if name == "language" else sessions.set_theme
        keep(session.engine(), who.person_id, chosen)
    return response
