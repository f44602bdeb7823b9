"""What people write to us about the pages: the form for everybody, the list for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import NAMESPACE_URL, UUID, uuid5

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, navigation, notices, session, wording
from workflow import feedback, sessions
from workflow.errors import Conflict, NetworkPaused, StartklarError, TooMany

blueprint = Blueprint("feedback", __name__)

_FREE = 10
"""What one network may send within a quarter of an hour before it has to wait a little each time."""


@blueprint.get("/feedback")
def show() -> AnyResponse:
    """The form; `page` says what it is about, `kind` what is likely meant."""
    about = navigation.local_path(request.args.get("page"))
    given = {"page": (about or "").partition("?")[0], "kind": request.args.get("kind", "")}
    return _form(given if given["kind"] in feedback.KINDS else given | {"kind": ""})


@blueprint.post("/feedback")
def give() -> AnyResponse:
    """Keep it, and say what happens with it."""
    person = session.person()
    written = {name: forms.text(name) for name in ("kind", "text", "page", "answer_to")}
    try:
        sessions.count_guess(session.engine(), "feedback", request.remote_addr or "", free=_FREE)
        feedback.give(
            session.engine(),
            person.person_id if person is not None else None,
            written["kind"],
            written["text"],
            page=written["page"],
            answer_to=written["answer_to"],
            key=_key(),
        )
    except feedback.InvalidFeedback as error:
        return _form(written, faults=forms.worded(error.faults, prefix=""))
    except NetworkPaused:
        return _form(written, refused=TooMany())
    except TooMany as error:
        return _form(written, refused=error)
    return redirect(url_for("feedback.thanks", answer="yes" if written["answer_to"].strip() else None), 303)


@blueprint.get("/feedback/thanks")
def thanks() -> str:
    """It has arrived."""
    return render_template("feedback_thanks.html", answer=request.args.get("answer") == "yes")


@blueprint.get("/admin/feedback")
def index() -> AnyResponse:
    """What people wrote, for administrators."""
    return _list()


@blueprint.post("/admin/feedback/<uuid:feedback_id>/done")
def done(feedback_id: UUID) -> AnyResponse:
    """Somebody has seen to it."""
    try:
        deeds.do(feedback.mark_done, feedback_id)
    except Conflict as error:
        return _list(refused=error)
    return notices.leave(redirect(url_for("feedback.index"), 303), "notice.feedback_done")


@blueprint.post("/admin/feedback/<uuid:feedback_id>/open")
def reopen(feedback_id: UUID) -> AnyResponse:
    """Somebody has to see to it after all."""
    try:
        deeds.do(feedback.open_again, feedback_id)
    except Conflict as error:
        return _list(refused=error)
    return notices.leave(redirect(url_for("feedback.index"), 303), "notice.feedback_open")


def _key() -> UUID | None:
    """The same for a form that is sent twice."""
    command = deeds.key()
    return uuid5(NAMESPACE_URL, f"feedback/{command}") if command else None


def _form(
    typed: Mapping[str, str], *, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None
) -> AnyResponse:
    titles = {name: wording.t(f"feedback.{name}") for name in ("kind", "text", "page", "answer_to")}
    page = render_template(
        "feedback.html",
        typed=typed,
        faults=faults or {},
        summary=forms.summary(faults or {}, titles),
        refusal=errors.refusal(refused) if refused else None,
        kinds=[(kind, wording.t(f"feedback.kind.{kind}")) for kind in feedback.KINDS],
        longest=feedback.LONGEST,
    )
    return make_response(page, 422 if faults else errors.status_of(refused) if refused else 200)


def _list(refused: StartklarError | None = None) -> AnyResponse:
    shows_done = request.args.get("done") == "yes"
    with session.engine().read(session.me()) as work:
        found = feedback.everything(work, done=shows_done)
        count = feedback.still_open(work)
    page = render_template(
        "feedback_list.html",
        found=found,
        count=count,
        shows_done=shows_done,
        refusal=errors.refusal(refused) if refused else None,
        kept=feedback.KEPT.days,
    )
    return make_response(page, errors.status_of(refused) if refused else 200)
