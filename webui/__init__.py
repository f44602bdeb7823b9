"""The people's door: a Flask application in front of one engine. It translates; it decides nothing."""

from __future__ import annotations

import secrets
from pathlib import Path

from flask import Blueprint, Flask, Response, jsonify
from werkzeug.middleware.proxy_fix import ProxyFix

from webui import (
    absences,
    access,
    account,
    administration,
    ahead,
    announcements,
    assets,
    blockers,
    bodies,
    bulk,
    case_list,
    cases,
    clock,
    clusters,
    colleagues,
    comments,
    components,
    deeds,
    definitions,
    delegations,
    districts,
    documents,
    drafts,
    errors,
    escalations,
    feedback,
    feeds,
    inbox,
    keyboard,
    load,
    mails,
    matrix,
    meetings,
    milestones,
    municipality,
    navigation,
    notices,
    onboarding,
    operations,
    pages,
    people,
    phrases,
    prerequisites,
    programme,
    pulse,
    queue,
    replies,
    samples,
    search,
    security,
    services,
    session,
    sign_in,
    switches,
    takeover,
    tasks,
    teams,
    tour,
    trainings,
    views,
    watch,
    waves,
    wording,
)
from workflow import sessions, texts
from workflow.engine import Engine
from workflow.settings import Settings

BLUEPRINTS: tuple[Blueprint, ...] = (
    sign_in.blueprint,
    access.blueprint,
    tour.blueprint,
    colleagues.blueprint,
    people.blueprint,
    teams.blueprint,
    account.blueprint,
    ahead.blueprint,
    absences.blueprint,
    announcements.blueprint,
    feeds.blueprint,
    switches.blueprint,
    clock.blueprint,
    components.blueprint,
    inbox.blueprint,
    escalations.blueprint,
    queue.blueprint,
    cases.blueprint,
    clusters.blueprint,
    delegations.blueprint,
    comments.blueprint,
    tasks.blueprint,
    case_list.blueprint,
    matrix.blueprint,
    views.blueprint,
    keyboard.blueprint,
    bulk.blueprint,
    blockers.blueprint,
    load.blueprint,
    meetings.blueprint,
    bodies.blueprint,
    districts.blueprint,
    prerequisites.blueprint,
    services.blueprint,
    milestones.blueprint,
    programme.blueprint,
    waves.blueprint,
    pulse.blueprint,
    takeover.blueprint,
    documents.blueprint,
    search.blueprint,
    administration.blueprint,
    operations.blueprint,
    samples.blueprint,
    municipality.blueprint,
    onboarding.blueprint,
    trainings.blueprint,
    drafts.blueprint,
    mails.blueprint,
    definitions.blueprint,
    pages.blueprint,
    feedback.blueprint,
    replies.blueprint,
)

PUBLIC = frozenset(
    {
        "access.ask",
        "access.forgotten",
        "access.open_link",
        "access.use_link",
        "asset",
        "favicon",
        "feedback.give",
        "feedback.show",
        "feedback.thanks",
        "feeds.calendar",
        "healthz",
        "pages.accessibility",
        "pages.imprint",
        "pages.privacy",
        "replies.answer",
        "replies.open_link",
        "sign_in.show",
        "sign_in.enter",
        "statusz",
        "switches.language",
        "switches.theme",
    }
)
"""Endpoints a stranger may use. Everything else asks for a signed-in person, also what is added tomorrow."""

LARGEST_REQUEST = 26 * 1024 * 1024
"""One document of 25 MB and the form around it."""

texts.register(Path(__file__).resolve().parent / "locale")


def create_app(engine: Engine, settings: Settings) -> Flask:
    """The web application of one installation. `engine` is shared by all its threads."""
    app = Flask(__name__, static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
        MAX_FORM_PARTS=500,
        # Flask-Login asks for its remember cookie first; we have none, so nobody may be able to name it.
        REMEMBER_COOKIE_NAME=secrets.token_hex(16),
    )
    app.extensions["startklar"] = session.Door(engine, settings, pulse.QUIET)
    if settings.base_url.startswith("https://"):
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]

    sessions.warm_up()
    wording.install(app)
    phrases.install(app)
    assets.install(app)
    session.install(app, PUBLIC, replies.UNBOUND)
    deeds.install(app)
    drafts.install(app)
    navigation.install(app)
    escalations.install(app)
    announcements.install(app)
    notices.install(app)
    security.install(app)
    errors.install(app)
    watch.install(app, engine)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.add_url_rule("/healthz", "healthz", healthz)
    return app


def healthz() -> Response:
    """Whether this process answers and reaches its database."""
    with session.engine().read(None):
        return jsonify(status="ok")
