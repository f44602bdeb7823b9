"""Waves: who is ready for the Stichtag, and what the others lack."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from webui import session
from workflow.queries import waves

blueprint = Blueprint("waves", __name__)


@blueprint.get("/waves")
def index() -> str:
    """Every wave, those to come first."""
    with session.engine().read(session.me()) as work:
        found = waves.waves(work)
    return render_template("waves.html", waves=found)


@blueprint.get("/waves/<wave>")
def show(wave: str) -> str:
    """One wave: its cases by whether they are ready."""
    asked = request.args
    with session.engine().read(session.me()) as work:
        found = waves.wave(
            work,
            wave,
            show=asked.get("show"),
            team=asked.get("team"),
            lack=asked.get("lack"),
            page=asked.get("page", 1, type=int),
        )
    return render_template("wave.html", found=found, STANDINGS=waves.STANDINGS)
