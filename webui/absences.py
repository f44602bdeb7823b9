"""Who is away and who stands in: what concerns the reader, and a form for each place the reader answers for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, forms, notices, session, wording
from workflow import absences, evidence
from workflow.absences import Someone
from workflow.definition import EvidenceField, Text
from workflow.errors import Conflict, InvalidEvidence, NotFound, Refused, StartklarError

blueprint = Blueprint("absences", __name__, url_prefix="/account/absences")

_FIELDS = ("person", "deputy", "from", "until")


@blueprint.get("")
def show() -> AnyResponse:
    """Absences that concern the reader, and forms for more."""
    return _page()


@blueprint.post("")
def enter() -> AnyResponse:
    """Enter an absence. The number of the form says which place it is for."""
    with session.engine().read(session.me()) as work:
        offered = absences.choices(work)
    number = request.form.get("form", default=-1, type=int)
    if not 0 <= number < len(offered):
        raise NotFound(what="place")
    choice = offered[number]
    own = choice.title is None and len(choice.people) == 1
    person = choice.people[0].id if own else forms.chosen(f"{number}-person")
    deputy = forms.chosen(f"{number}-deputy")
    begins, ends = (_day(forms.text(f"{number}-{name}")) for name in ("from", "until"))
    missing = {"person": person, "deputy": deputy, "from": begins, "until": ends}
    if person is None or deputy is None or begins is None or ends is None:
        said = {"person": "absences.missing", "deputy": "absences.missing"}
        faults = {
            f"{number}-{name}": wording.t(said.get(name, "absences.no_day"))
            for name, value in missing.items()
            if value is None
        }
        return _page(faults=faults)
    try:
        deeds.do(absences.enter, person, deputy, begins, ends, place=choice.place)
    except (Conflict, Refused) as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("absences.show"), 303), "notice.absence_entered")


@blueprint.post("/<uuid:absence_id>/end")
def end(absence_id: UUID) -> AnyResponse:
    """End an absence, or take one back that has not begun."""
    try:
        deeds.do(absences.end, absence_id)
    except Conflict as error:
        return _page(refused=error)
    return notices.leave(redirect(url_for("absences.show"), 303), "notice.absence_ended")


def _page(*, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        known, offered = absences.of_actor(work), absences.choices(work)
    titles = {f"{number}-{name}": wording.t(f"absences.{name}") for number in range(len(offered)) for name in _FIELDS}
    body = render_template(
        "absences.html",
        known=known,
        offered=offered,
        names=_options,
        faults=faults or {},
        summary=forms.summary(faults or {}, titles),
        typed=forms.typed() if request.method == "POST" else {},
        refusal=errors.refusal(refused) if refused else None,
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)


def _options(people: Iterable[Someone]) -> list[tuple[str, str, None]]:
    return [(str(one.id), one.name, None) for one in people]


def _day(typed: str) -> dt.date | None:
    """The day in the ways people write one; None when it is none."""
    try:
        (answer,) = evidence.read(_DAY, {"day": typed})
    except InvalidEvidence:
        return None
    return answer.value if isinstance(answer.value, dt.date) else None


_DAY = {"day": EvidenceField(type="date", title=Text(de="Tag", en="Day"))}
