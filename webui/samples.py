"""Sample documents of the definitions: to look at, to print, and to go on writing in a word processor."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from webui import documents, prose, rich_text, session, wording
from workflow.catalogue import Sample
from workflow.errors import NotFound

blueprint = Blueprint("samples", __name__)


@blueprint.get("/samples/<name>")
def show(name: str) -> str:
    """One sample as a page."""
    found = _sample(name)
    return render_template("sample.html", sample=found, name=name, text=prose.html_of(found.text))


@blueprint.get("/samples/<name>.rtf")
def download(name: str) -> Response:
    """The same as a file that every word processor opens."""
    found = _sample(name)
    note = wording.t("sample.note")
    response = Response(rich_text.written(found.title, note, found.text), content_type="application/rtf")
    response.headers["Content-Disposition"] = documents.disposition(f"{found.title}.rtf")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _sample(name: str) -> Sample:
    with session.engine().read(session.me()) as work:
        found = work.catalogue.sample(name, wording.language())
    if found is None:
        raise NotFound(what="sample", name=name)
    return found
