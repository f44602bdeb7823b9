"""What the installation says of itself: imprint, privacy, accessibility. Everybody may read it."""

from __future__ import annotations

from flask import Blueprint, render_template

from webui import prose, session, wording

blueprint = Blueprint("pages", __name__)


@blueprint.get("/imprint")
def imprint() -> str:
    """Who offers these pages."""
    return _page("imprint")


@blueprint.get("/privacy")
def privacy() -> str:
    """Which data about people are kept."""
    return _page("privacy")


@blueprint.get("/accessibility")
def accessibility() -> str:
    """How accessible the pages are, and where to report a barrier."""
    return _page("accessibility")


def _page(name: str) -> str:
    with session.engine().read(None) as work:
        found = work.catalogue.pages.get((wording.language(), name))
    content = prose.html_of_page(found.text) if found else None
    return render_template("page.html", name=name, page=found, content=content)
