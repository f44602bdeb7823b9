"""Replying to a reminder: signed in, or through the link of a mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, mailed, notices, session, wording
from workflow import correspondence, evidence, replies, sessions
from workflow.correspondence import Meant, Mend, Opened, Outcome
from workflow.errors import (
    Conflict,
    InvalidEvidence,
    LinkBroken,
    LinkRefused,
    NotAllowed,
    NotFound,
    Refused,
    StartklarError,
)
from workflow.queries import reply as query
from workflow.queries.reply import Matter
from workflow.replies import KINDS, Answer, Kind

blueprint = Blueprint("replies", __name__)

UNBOUND = frozenset({"replies.answer"})
"""Endpoints whose forms come with a proof of their own instead of a session's: the link of a mail."""

_BLAMED = {
    "error.reply_snooze_days": "days",
    "error.reply_promise_day": "on",
    "error.reply_promise_late": "on",
    "error.reply_promise_same": "on",
}
"""Refusals that belong to one field of a reply."""


@blueprint.get("/replies/<kind>/<uuid:subject_id>")
def show(kind: str, subject_id: UUID) -> AnyResponse:
    """What one can reply to a reminder."""
    return _page(_kind(kind), subject_id)


@blueprint.post("/replies/<kind>/<uuid:subject_id>")
def give(kind: str, subject_id: UUID) -> AnyResponse:
    """Reply, and go back to what it is about."""
    known = _kind(kind)
    answers, faults = _read([(known, subject_id)])
    if not answers and not faults:
        faults = {_field(subject_id, "says"): wording.t("reply.choose")}
    if faults:
        return _page(known, subject_id, faults=faults)
    try:
        deeds.do(replies.give, answers[0])
    except (Conflict, Refused, NotAllowed) as error:
        if error.key in _BLAMED:
            blamed = _field(subject_id, _BLAMED[error.key])
            return _page(known, subject_id, faults={blamed: wording.t(error.key, **error.facts)})
        return _page(known, subject_id, refused=error)
    with session.engine().read(session.me()) as work:
        found = query.matter(work, known, subject_id)
    return notices.leave(redirect(path_of(found), 303), f"notice.reply_{answers[0].says}")


@blueprint.get("/reply/<token>")
def open_link(token: str) -> AnyResponse:
    """What a mail asked about, and a form to reply with. Whoever it was written to and is signed in goes on there."""
    me = session.person()
    try:
        meant = correspondence.meant_for(session.engine(), token)
        if me is not None and meant.recipient_id == me.person_id:
            return mailed.discreet(redirect(_where(meant), 303))
        return _letter(token)
    except LinkRefused as error:
        return _refused(token, error)


@blueprint.post("/reply/<token>")
def answer(token: str) -> AnyResponse:
    """Reply as the recipient of the mail; the link is good for one reply."""
    try:
        opened = correspondence.open_link(session.engine(), token)
        answers, faults = _read(opened.about)
        if not answers and not faults:
            faults = {"none": wording.t("reply.choose")}
        if faults:
            return _letter(token, faults=faults)
        try:
            outcomes = correspondence.reply(session.engine(), token, answers)
        except Mend as mend:
            blamed = _field(mend.answer.id, _BLAMED[mend.refused.key])
            words = wording.t(mend.refused.key, **mend.refused.facts)
            return _letter(token, faults={blamed: words})
        return _done(opened, outcomes)
    except LinkRefused as error:
        return _refused(token, error)


def path_of(found: Matter) -> str:
    """The address of what can be replied to."""
    if found.kind == "task":
        return url_for("tasks.show", task_id=found.id)
    if found.kind == "prerequisite":
        return url_for("prerequisites.show", prerequisite_id=found.id)
    if found.kind == "milestone":
        return url_for("milestones.show", milestone_id=found.id)
    return url_for("cases.show", case_id=found.case_id)


# --- pages -----------------------------------------------------------------------------------------------------------


def _page(
    kind: Kind,
    subject_id: UUID,
    *,
    faults: Mapping[str, str] | None = None,
    refused: StartklarError | None = None,
) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        found = query.matter(work, kind, subject_id)
    page = render_template(
        "reply.html",
        matter=found,
        target=path_of(found),
        faults=faults or {},
        summary=forms.summary(faults or {}, {}),
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(page, errors.status_of(refused) if refused else 422 if faults else 200)


def _letter(token: str, *, faults: Mapping[str, str] | None = None) -> AnyResponse:
    """The mail behind a link, and the form under it."""
    opened = correspondence.open_link(session.engine(), token)
    mailed.speak(opened.language)
    found = _matters(opened)
    page = render_template(
        "reply_link.html",
        token=token,
        letter=opened,
        matters=found,
        open=[one for one in found if one.state == "open"],
        target=_target(found),
        faults=faults or {},
        summary=[(name, words) for name, words in (faults or {}).items()],
        typed=forms.typed() if request.method == "POST" else {},
    )
    return mailed.discreet(make_response(page, 422 if faults else 200))


def _done(opened: Opened, outcomes: Sequence[Outcome]) -> AnyResponse:
    """What became of a reply."""
    mailed.speak(opened.language)
    found = {one.id: one for one in _matters(opened)}
    page = render_template(
        "reply_done.html",
        outcomes=[
            (found[one.answer.id], one, errors.refusal(one.refused) if one.refused else None) for one in outcomes
        ],
        some=any(one.replied is not None for one in outcomes),
        target=_target(list(found.values())),
    )
    return mailed.discreet(make_response(page, 200 if any(one.replied for one in outcomes) else 409))


def _refused(token: str, error: LinkRefused) -> AnyResponse:
    """A link nobody can reply through: why, and what to do."""
    target = "/"
    if isinstance(error, LinkBroken):
        sessions.count_guess(session.engine(), "reply", request.remote_addr or "")
    else:
        meant = correspondence.meant_for(session.engine(), token)
        mailed.speak(meant.language)
        target = _where(meant)
    page = render_template("reply_refused.html", error=error, target=target)
    return mailed.discreet(make_response(page, 404 if isinstance(error, LinkBroken) else 410))


# --- helpers ---------------------------------------------------------------------------------------------------------


def _kind(name: str) -> Kind:
    found = next((kind for kind in KINDS if kind == name), None)
    if found is None:
        raise NotFound(what="task")
    return found


def _matters(opened: Opened) -> tuple[Matter, ...]:
    with session.engine().read(opened.recipient_id) as work:
        return query.matters(work, opened.about)


def _target(found: Sequence[Matter]) -> str:
    """Where whoever signs in finds what a mail was about."""
    visible = [one for one in found if one.state != "hidden"]
    return path_of(visible[0]) if len(found) == len(visible) == 1 else "/"


def _where(meant: Meant) -> str:
    """The same of a link, whether it is still good or not."""
    if meant.recipient_id is None:
        return "/"
    with session.engine().read(meant.recipient_id) as work:
        return _target(query.matters(work, meant.about))


def _field(subject_id: UUID, name: str) -> str:
    """Names of the fields of one matter among several."""
    return f"{name}-{subject_id.hex}"


def _read(wanted: Sequence[tuple[Kind, UUID]]) -> tuple[list[Answer], dict[str, str]]:
    """What was filled in for these matters, and what is wrong with it; nothing for those left alone."""
    answers: list[Answer] = []
    faults: dict[str, str] = {}
    for kind, subject_id in wanted:
        says = forms.text(_field(subject_id, "says"))
        of = forms.seen(_field(subject_id, "of"))
        if says == "seen":
            answers.append(Answer(kind, subject_id, of, "seen"))
        elif says == "snoozed":
            written = forms.text(_field(subject_id, "days"))
            days = int(written) if written.isascii() and written.isdecimal() and len(written) < 4 else 0
            answers.append(Answer(kind, subject_id, of, "snoozed", working_days=days))
        elif says == "promised":
            try:
                on = evidence.day_of(forms.text(_field(subject_id, "on")))
            except InvalidEvidence as error:
                (key, facts) = error.faults["on"]
                faults[_field(subject_id, "on")] = wording.t(key, **facts)
                continue
            answers.append(Answer(kind, subject_id, of, "promised", on=on))
    return answers, faults
