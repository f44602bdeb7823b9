"""Announcements to chosen bodies: write one, see who would get it, send it, see who has read it, take it back."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, Flask, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, drafts, errors, forms, navigation, notices, session, wording
from workflow import announcements, policy
from workflow.announcements import FIELDS, Chosen
from workflow.errors import Conflict, InvalidEvidence, Refused, StartklarError
from workflow.queries import announcements as query
from workflow.queries.announcements import New

blueprint = Blueprint("announcements", __name__, url_prefix="/announcements")

_MARKS = ("district", "team", "service", "state")


@blueprint.get("")
def index() -> str:
    """What was sent to whom, as far as the person may read it."""
    with session.engine().read(session.me()) as work:
        found = query.sent(work, after=request.args.get("after"))
    return render_template("announcements.html", found=found)


@blueprint.get("/new")
def write() -> AnyResponse:
    """The form of a new one; `body` in the address chooses bodies beforehand."""
    return _form_page()


@blueprint.post("/preview")
def preview() -> AnyResponse:
    """Who would get it, and how it reads. Nothing is kept and nobody is told."""
    chosen, faults = _chosen(), dict[str, str]()
    given = {name: forms.text(name) for name in FIELDS}
    with session.engine().read(session.me()) as work:
        audience = query.preview(work, chosen)
        try:
            title, text, until = announcements.read(work, given)
        except InvalidEvidence as error:
            title, text, until = "", "", work.today
            faults = forms.worded(error.faults, prefix="")
    if forms.text("edit"):
        return _form_page()
    if chosen.nothing:
        faults["to"] = wording.t("announcement.to.missing")
    elif not audience.bodies:
        faults["to"] = wording.t("announcement.to.nobody")
    if faults:
        return _form_page(faults=faults)
    body = render_template(
        "announcement_preview.html",
        audience=audience,
        subject=title,
        text=text,
        until=until,
        at_once=_at_once(),
        typed=_typed(),
    )
    return make_response(body)


@blueprint.post("")
def send() -> AnyResponse:
    """Send it to the bodies the preview named."""
    words = {name: forms.text(name) for name in FIELDS}
    try:
        sent = deeds.do(announcements.send, request.form.getlist("to_body"), **words, at_once=_at_once())
    except InvalidEvidence as error:
        return _form_page(faults=forms.worded(error.faults, prefix=""))
    except Refused as error:
        return _form_page(refused=error)
    response = redirect(url_for("announcements.show", announcement_id=sent.id), 303)
    return notices.leave(response, "notice.announcement_sent", n=sent.bodies)


@blueprint.get("/<uuid:announcement_id>")
def show(announcement_id: UUID) -> AnyResponse:
    """One of them, with whom it went to."""
    return _page(announcement_id)


@blueprint.post("/<uuid:announcement_id>/withdraw")
def withdraw(announcement_id: UUID) -> AnyResponse:
    """Take it back."""
    try:
        deeds.do(announcements.withdraw, announcement_id)
    except Conflict as error:
        return _page(announcement_id, refused=error)
    response = redirect(url_for("announcements.show", announcement_id=announcement_id), 303)
    return notices.leave(response, "notice.announcement_withdrawn")


@blueprint.post("/<uuid:announcement_id>/read")
def put_aside(announcement_id: UUID) -> AnyResponse:
    """Put it aside as read, and go back to the page it stood on."""
    deeds.do(announcements.put_aside, announcement_id)
    response = redirect(
        navigation.local_path(forms.text("next")) or url_for("announcements.show", announcement_id=announcement_id), 303
    )
    return notices.leave(response, "notice.announcement_read")


def install(app: Flask) -> None:
    """Let pages of a body show what is new."""
    app.jinja_env.globals["announced"] = _new


def _new(body: str | None = None) -> tuple[New, ...]:
    with session.engine().read(session.me()) as work:
        return query.new(work, body)


def _chosen() -> Chosen:
    """Whom the form means, by the one way that was ticked."""
    match forms.text("to"):
        case "everybody":
            return Chosen(everybody=True)
        case "bodies":
            return Chosen(bodies=tuple(request.form.getlist("to_body")))
        case "marks":
            district, team, service, state = (forms.text(name) or None for name in _MARKS)
            return Chosen(district=district, team=team, service=service, state=state)
        case _:
            return Chosen()


def _at_once() -> bool:
    return forms.text("when") == "at_once"


def _typed() -> dict[str, str]:
    """What was typed or chosen, but the bodies, of which there are many."""
    names = (*FIELDS, *_MARKS, "to", "when")
    return {name: forms.text(name) for name in names if forms.text(name)}


def _form_page(*, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None) -> AnyResponse:
    beforehand = request.args.getlist("body")
    with session.engine().read(session.me()) as work:
        options = query.options(work)
        kept = drafts.of_page(work, "announcement").of("announcement") if request.method == "GET" else None
    presented = {"to": "bodies"} if beforehand else {}
    titles = {name: field.title for name, field in FIELDS.items()}
    body = render_template(
        "announcement_new.html",
        options=options,
        fields=FIELDS,
        typed=_typed() if request.method == "POST" else {**(kept.values if kept else {}), **presented},
        kept=kept,
        keeps=(*FIELDS, *_MARKS, "to", "when"),
        ticked=frozenset(request.form.getlist("to_body") or beforehand),
        faults=faults or {},
        summary=forms.summary(faults or {}, {**titles, "to": wording.t("announcement.to")}),
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)


def _page(announcement_id: UUID, *, refused: StartklarError | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = query.one(work, announcement_id)
        sees_list = policy.sees_staff(work.actor)
    body = render_template(
        "announcement.html",
        found=found,
        sees_list=sees_list,
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(body, errors.status_of(refused) if refused else 200)
