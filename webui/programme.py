"""The programme: target dates, waves, teams; for the programme office the forms that change its dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session
from workflow import evidence, policy, programme
from workflow.definition import EvidenceField, Text
from workflow.errors import Conflict, InvalidEvidence, StartklarError
from workflow.queries import programme as query
from workflow.queries.services import NOT_OPEN

blueprint = Blueprint("programme", __name__)

TARGET: Mapping[str, EvidenceField] = {
    "due_on": EvidenceField(type="date", title=Text(de="Neues Ziel", en="New target")),
    **programme.REASONS,
}
WAVE: Mapping[str, EvidenceField] = {
    "wave": EvidenceField(type="text", title=Text(de="Welle", en="Wave")),
    "stichtag": EvidenceField(type="date", title=Text(de="Neuer Stichtag", en="New delivery date")),
    "wave_reason": evidence.REASON,
}
"""What the two forms of the page ask for; no name stands in both."""


@blueprint.get("/programme")
def show() -> AnyResponse:
    """What is to be reached by when, and who works on it."""
    return _page()


@blueprint.post("/programme/target")
def set_target() -> AnyResponse:
    """Set a new target date."""
    _insist_office()
    try:
        given = _read(TARGET)
        deeds.do(
            programme.set_target,
            _day(given["due_on"]),
            str(given["reason"]),
            reason_en=str(given.get("reason_en", "")),
            seen=forms.seen(),
        )
    except InvalidEvidence as error:
        return _page(faults=forms.worded(error.faults, prefix=""))
    except Conflict as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("programme.show"), 303), "notice.target_set")


@blueprint.post("/programme/wave")
def move_wave() -> AnyResponse:
    """Move the Stichtag of a wave."""
    _insist_office()
    try:
        given = _read(WAVE)
        key = str(given["wave"])
        moved = deeds.do(
            programme.move_wave, key, _day(given["stichtag"]), str(given["wave_reason"]), seen=forms.seen(f"seen-{key}")
        )
    except InvalidEvidence as error:
        return _page(faults=forms.worded(error.faults, prefix=""))
    except Conflict as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("programme.show"), 303), "notice.wave_moved", n=moved.waiting)


def _insist_office() -> None:
    """Whoever may not decide hears so before anything about the form. Raises NotAllowed."""
    with session.engine().read(session.me()) as work:
        policy.insist_holds(work.actor, "programme_office")


def _read(fields: Mapping[str, EvidenceField]) -> dict[str, evidence.Value]:
    """What was typed into a form of ours. Raises InvalidEvidence."""
    answers = evidence.read(fields, {name: forms.text(name) for name in fields})
    return {answer.field: answer.value for answer in answers if answer.value is not None}


def _day(value: evidence.Value) -> dt.date:
    assert isinstance(value, dt.date)  # noqa: S101 - its field is a required date
    return value


def _page(*, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None) -> AnyResponse:
    with session.looking() as work:
        found = query.programme(work)
    titles = {name: asked.title for name, asked in {**TARGET, **WAVE}.items()}
    body = render_template(
        "programme.html",
        found=found,
        NOT_OPEN=NOT_OPEN,
        kept_seconds=query.KEPT_SECONDS,
        target=TARGET,
        wave=WAVE,
        faults=faults or {},
        summary=forms.summary(faults or {}, titles),
        refusal=errors.refusal(refused) if refused else None,
        typed=forms.typed() if request.method == "POST" else {},
    )
    return make_response(body, 422 if faults else errors.status_of(refused) if refused else 200)
