"""One case: its page, the transitions people take with it, letting it rest, giving it to another team."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO
from uuid import UUID

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, drafts, errors, forms, notices, phrases, session, wording
from webui.documents import disposition
from webui.forms import PREFIX
from workflow import cases, evidence, participants, sub_services, tasks
from workflow.definition import EvidenceField
from workflow.engine import Work
from workflow.errors import (
    CaseHasMoved,
    Conflict,
    InvalidEvidence,
    NotFound,
    Refused,
    StartklarError,
    TaskHasMoved,
    TransitionNotAvailable,
)
from workflow.exchange import case_file
from workflow.queries import case as query
from workflow.queries import dates as dates_query
from workflow.queries import standstill

_CHUNK = 256 * 1024

blueprint = Blueprint("cases", __name__, url_prefix="/cases")

_SMALL_FORMS = {
    **{f"added-{name}": asked.title for name, asked in tasks.AD_HOC_FIELDS.items()},
    **{f"part-{name}": asked.title for name, asked in sub_services.FIELDS.items()},
    "part-reason": evidence.REASON.title,
}
"""What the fields of the small forms on a case's page are called."""


@blueprint.get("/<uuid:case_id>")
def show(case_id: UUID) -> AnyResponse:
    """What is next, by whom, until when; and everything behind it. For a body that takes part: its own part of it."""
    try:
        return page_of(case_id)
    except NotFound:
        with session.engine().read(session.me()) as work:
            page = query.participation(work, case_id)
        return make_response(render_template("participation.html", page=page))


@blueprint.get("/<uuid:case_id>/why.json")
def why(case_id: UUID) -> AnyResponse:
    """Why it is where it is, for machines."""
    with session.engine().read(session.me()) as work:
        number, answer = query.why(work, case_id)
    return jsonify(standstill.plain(number, answer))


@blueprint.get("/<uuid:case_id>/dates")
def dates(case_id: UUID) -> str:
    """Every date of the case, and how it came about."""
    with session.engine().read(session.me()) as work:
        found = dates_query.dates(work, case_id)
    return render_template("case_dates.html", found=found)


@blueprint.get("/<uuid:case_id>/dates.json")
def dates_for_machines(case_id: UUID) -> AnyResponse:
    """The same for machines."""
    with session.engine().read(session.me()) as work:
        found = dates_query.dates(work, case_id)
    return jsonify(dates_query.plain(found))


@blueprint.get("/<uuid:case_id>/history")
def history(case_id: UUID) -> str:
    """Everything that happened, page by page, and where the case was in its course."""
    with session.engine().read(session.me()) as work:
        page = query.history(work, case_id, before=request.args.get("before", type=_entry))
    return render_template("case_history.html", page=page)


@blueprint.get("/<uuid:case_id>/documents")
def documents(case_id: UUID) -> str:
    """Every document of the case: what for, from whom, when."""
    with session.engine().read(session.me()) as work:
        page = query.documents(work, case_id)
    return render_template("case_documents.html", page=page)


@blueprint.get("/<uuid:case_id>/file.zip")
def file(case_id: UUID) -> AnyResponse:
    """The whole case, to be kept and checked without this program."""
    with session.engine().change(session.me()) as work:
        ready = case_file.prepare(work, case_id)
    stream = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been sent
    try:
        case_file.write(ready, stream, session.door().settings.documents)
    except BaseException:
        stream.close()
        raise
    size = stream.tell()
    stream.seek(0)
    response = Response(_sent(stream), content_type="application/zip")
    response.call_on_close(stream.close)
    response.headers["Content-Length"] = str(size)
    response.headers["Content-Disposition"] = disposition(f"{ready.number}.zip")
    response.headers["Cache-Control"] = "no-store"
    return response


def _sent(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


@blueprint.get("/<uuid:case_id>/advance/<transition>")
def ask(case_id: UUID, transition: str) -> AnyResponse:
    """What a transition asks before it is taken, and what still stands in its way."""
    return _move_page(case_id, transition)


@blueprint.post("/<uuid:case_id>/advance/<transition>")
def advance(case_id: UUID, transition: str) -> AnyResponse:
    """Take a transition."""
    with session.engine().read(session.me()) as work:
        known = query.transition(work, case_id, transition)
    answers = forms.answers(known.asks)
    try:
        deeds.do(cases.advance, case_id, transition, seen=forms.seen(), given=answers.given)
    except InvalidEvidence as error:
        return _move_page(case_id, transition, faults=forms.worded(error.faults, known=answers.faults))
    except Conflict as error:
        return _move_page(case_id, transition, refused=error) if known.asks else page_of(case_id, refused=error)
    return notices.leave(_back_to(case_id), "notice.case_advanced", state=wording.title(known.target))


@blueprint.get("/<uuid:case_id>/hold")
def ask_hold(case_id: UUID) -> AnyResponse:
    """Why, and until when somebody looks at it again."""
    return _hold_page(case_id)


@blueprint.post("/<uuid:case_id>/hold")
def hold(case_id: UUID) -> AnyResponse:
    """Let the case rest."""
    answers = forms.answers({})
    try:
        held = deeds.do(cases.hold_as_answered, case_id, answers.given, seen=forms.seen())
    except InvalidEvidence as error:
        return _hold_page(case_id, faults=forms.worded(error.faults))
    except Conflict as error:
        return _hold_page(case_id, refused=error)
    undo = notices.Undo("hold", case_id, held.version)
    return notices.leave(_back_to(case_id), "notice.case_held", undo=undo)


@blueprint.get("/<uuid:case_id>/hold/change")
def ask_change_hold(case_id: UUID) -> AnyResponse:
    """What is different now."""
    return _hold_page(case_id, ask=query.change_hold)


@blueprint.post("/<uuid:case_id>/hold/change")
def change_hold(case_id: UUID) -> AnyResponse:
    """Say anew why the case rests, and until when."""
    answers = forms.answers({})
    try:
        deeds.do(cases.change_hold_as_answered, case_id, answers.given, seen=forms.seen())
    except InvalidEvidence as error:
        return _hold_page(case_id, ask=query.change_hold, faults=forms.worded(error.faults))
    except Conflict as error:
        return _hold_page(case_id, ask=query.change_hold, refused=error)
    return notices.leave(_back_to(case_id), "notice.hold_changed")


@blueprint.get("/<uuid:case_id>/team")
def ask_team(case_id: UUID) -> AnyResponse:
    """Which team, and why."""
    return _team_page(case_id)


@blueprint.post("/<uuid:case_id>/team")
def move_to_team(case_id: UUID) -> AnyResponse:
    """Give the case to another team."""
    answers = forms.answers({})
    try:
        deeds.do(cases.move_to_team_as_answered, case_id, answers.given, seen=forms.seen())
    except InvalidEvidence as error:
        return _team_page(case_id, faults=forms.worded(error.faults))
    except Conflict as error:
        return _team_page(case_id, refused=error)
    return notices.leave(_back_to(case_id), "notice.case_moved_to_team")


@blueprint.get("/<uuid:case_id>/next")
def ask_next(case_id: UUID) -> AnyResponse:
    """Why another round, while this one is live."""
    return _next_page(case_id)


@blueprint.post("/<uuid:case_id>/next")
def open_next(case_id: UUID) -> AnyResponse:
    """Open the next round."""
    answers = forms.answers({})
    try:
        opened = deeds.do(cases.open_next_as_answered, case_id, answers.given, seen=forms.seen())
    except InvalidEvidence as error:
        return _next_page(case_id, faults=forms.worded(error.faults))
    except Conflict as error:
        return _next_page(case_id, refused=error)
    return notices.leave(_back_to(opened.id), "notice.case_next_opened", number=opened.number)


@blueprint.post("/<uuid:case_id>/tasks")
def add_task(case_id: UUID) -> AnyResponse:
    """Add a task that no process foresees."""
    try:
        deeds.do(
            tasks.add_ad_hoc,
            case_id,
            forms.text("added-title"),
            forms.text("added-help"),
            owner=forms.text("added-owner"),
            working_days=request.form.get("added-days", default=0, type=int),
            mandatory="added-mandatory" in request.form,
            seen=forms.seen(),
        )
    except InvalidEvidence as error:
        return page_of(case_id, faults=forms.worded(error.faults, prefix="added-"))
    except Refused as error:
        blamed = "added-days" if error.key == "error.ad_hoc_days" else "added-owner"
        return page_of(case_id, faults={blamed: wording.t(error.key, **error.facts)})
    except Conflict as error:
        return page_of(case_id, refused=error)
    return notices.leave(_back_to(case_id), "notice.task_added")


@blueprint.post("/<uuid:case_id>/parts/on")
def switch_on(case_id: UUID) -> AnyResponse:
    """Say since when a part of the service is live."""
    given = {name: forms.text(f"part-{name}") for name in sub_services.FIELDS if forms.text(f"part-{name}")}
    try:
        deeds.do(sub_services.switch_on, case_id, forms.text("part-on"), given, seen=forms.seen())
    except InvalidEvidence as error:
        return page_of(case_id, faults=forms.worded(error.faults, prefix="part-"))
    except Conflict as error:
        return page_of(case_id, refused=error)
    return notices.leave(_back_to(case_id), "notice.part_on")


@blueprint.post("/<uuid:case_id>/parts/off")
def switch_off(case_id: UUID) -> AnyResponse:
    """Say that a part of the service is switched off again, and why."""
    name, reason = forms.text("part-off"), forms.text("part-reason")
    try:
        deeds.do(sub_services.switch_off, case_id, name, reason, seen=forms.seen())
    except InvalidEvidence as error:
        return page_of(case_id, faults=forms.worded(error.faults, prefix="part-"))
    except Conflict as error:
        return page_of(case_id, refused=error)
    return notices.leave(_back_to(case_id), "notice.part_off")


@blueprint.get("/<uuid:case_id>/participants")
def ask_participants(case_id: UUID) -> AnyResponse:
    """Which bodies take part, and which could."""
    return _participants_page(case_id)


@blueprint.post("/<uuid:case_id>/participants")
def join(case_id: UUID) -> AnyResponse:
    """Let bodies take part: those chosen, or all of the district."""
    chosen = request.form.getlist("body")
    if request.form.get("everybody"):
        with session.engine().read(session.me()) as work:
            chosen = [one.ars for one in query.participants_page(work, case_id).candidates]
    try:
        deeds.do(participants.join, case_id, chosen, seen=forms.seen())
    except (Conflict, Refused) as error:
        return _participants_page(case_id, refused=error)
    return notices.leave(
        redirect(url_for("cases.ask_participants", case_id=case_id), 303), "notice.participants_joined", n=len(chosen)
    )


@blueprint.post("/<uuid:case_id>/participants/leave")
def leave(case_id: UUID) -> AnyResponse:
    """Let a body take no part any more."""
    try:
        deeds.do(participants.leave, case_id, request.form.get("body", ""), seen=forms.seen())
    except Conflict as error:
        return _participants_page(case_id, refused=error)
    return notices.leave(redirect(url_for("cases.ask_participants", case_id=case_id), 303), "notice.participant_left")


def _participants_page(case_id: UUID, *, refused: StartklarError | None = None) -> AnyResponse:
    """Who takes part; the case itself when it has ended."""
    try:
        with session.engine().read(session.me()) as work:
            page = query.participants_page(work, case_id)
    except Conflict as error:
        return page_of(case_id, refused=refused or error)
    refusal = errors.refusal(refused) if refused else None
    body = render_template("case_participants.html", page=page, refusal=refusal)
    return make_response(body, errors.status_of(refused) if refused else 200)


@blueprint.post("/<uuid:case_id>/resume")
def resume(case_id: UUID) -> AnyResponse:
    """Let the case go on."""
    try:
        resumed = deeds.do(cases.resume, case_id, seen=forms.seen())
    except Conflict as error:
        return page_of(case_id, refused=error)
    with session.engine().read(session.me()) as work:
        undo = notices.Undo("resume", case_id, resumed.version) if cases.may_hold_again(work, case_id) else None
    return notices.leave(_back_to(case_id), "notice.case_resumed", undo=undo)


@blueprint.post("/<uuid:case_id>/hold/again")
def hold_again(case_id: UUID) -> AnyResponse:
    """Let the case rest again, as it did until a moment ago."""
    try:
        deeds.do(cases.hold_again, case_id, seen=forms.seen())
    except InvalidEvidence as error:
        return _hold_page(case_id, faults=forms.worded(error.faults))
    except Conflict as error:
        return page_of(case_id, refused=error)
    return notices.leave(_back_to(case_id), "notice.case_held")


def page_of(
    case_id: UUID,
    *,
    refused: StartklarError | None = None,
    fields: Mapping[str, EvidenceField] | None = None,
    faults: Mapping[str, str] | None = None,
) -> AnyResponse:
    """The page of a case, with what was refused or is to be mended."""
    before = request.args.get("before", type=_entry)
    with session.looking() as work:
        page = query.case(work, case_id, before=before)
        kept = drafts.of_page(work, f"case:{case_id}")
    refusal = _refusal(refused, case_id)
    body = render_template(
        "case.html",
        page=page,
        refusal=refusal,
        lost=_lost(fields or {}),
        faults=faults or {},
        summary=forms.summary(faults or {}, _SMALL_FORMS),
        typed=kept.typed() | (forms.typed() if request.method == "POST" else {}),
        kept=kept,
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)


def _move_page(
    case_id: UUID,
    transition: str,
    *,
    faults: Mapping[str, str] | None = None,
    refused: StartklarError | None = None,
) -> AnyResponse:
    """The form of a transition; the case itself once the transition no longer starts from where it stands."""
    try:
        with session.engine().read(session.me()) as work:
            page = query.move(work, case_id, transition)
    except TransitionNotAvailable as error:
        with session.engine().read(session.me()) as work:
            asks = query.transition(work, case_id, transition).asks
        return page_of(case_id, refused=refused or error, fields=asks)
    return _form("case_move.html", f"advance:{transition}", page, page.move.asks, faults, refused)


def _hold_page(
    case_id: UUID,
    *,
    ask: Callable[[Work, UUID], query.HoldPage] = query.hold,
    faults: Mapping[str, str] | None = None,
    refused: StartklarError | None = None,
) -> AnyResponse:
    """The form of a pause; the case itself when there is none to begin, or to change."""
    try:
        with session.engine().read(session.me()) as work:
            page = ask(work, case_id)
    except Conflict as error:
        with session.engine().read(session.me()) as work:
            fields = cases.hold_fields(work)
        return page_of(case_id, refused=refused or error, fields=fields)
    return _form("case_hold.html", "change_hold" if page.changes else "hold", page, page.fields, faults, refused)


def _team_page(
    case_id: UUID, *, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None
) -> AnyResponse:
    """The form on which a case gets another team; the case itself when it has ended."""
    try:
        with session.engine().read(session.me()) as work:
            page = query.team(work, case_id)
    except Conflict as error:
        return page_of(case_id, refused=refused or error, fields=cases.TEAM_FIELDS)
    return _form("case_team.html", "team", page, cases.TEAM_FIELDS, faults, refused)


def _next_page(
    case_id: UUID, *, faults: Mapping[str, str] | None = None, refused: StartklarError | None = None
) -> AnyResponse:
    """The form on which the next round is opened; the case itself when it has none, or has one already."""
    try:
        with session.engine().read(session.me()) as work:
            page = query.next_round(work, case_id)
    except Conflict as error:
        return page_of(case_id, refused=refused or error, fields=cases.NEXT_FIELDS)
    return _form("case_next.html", "next", page, page.fields, faults, refused)


def _form(
    template: str,
    name: str,
    page: query.MovePage | query.HoldPage | query.TeamPage | query.NextPage,
    fields: Mapping[str, EvidenceField],
    faults: Mapping[str, str] | None,
    refused: StartklarError | None,
) -> AnyResponse:
    draft = f"case:{page.head.id}:{name}"
    with session.engine().read(session.me()) as work:
        kept = drafts.of_page(work, draft).of(draft)
    body = render_template(
        template,
        page=page,
        draft=draft,
        kept=kept,
        back=request.path if request.method == "GET" else url_for("cases.show", case_id=page.head.id),
        fields=fields,
        PREFIX=PREFIX,
        faults=faults or {},
        summary=forms.summary(faults or {}, {PREFIX + name: field.title for name, field in fields.items()}),
        typed=forms.typed() if request.method == "POST" else dict(kept.values) if kept else {},
        refusal=_refusal(refused, page.head.id),
    )
    return make_response(body, errors.status_of(refused) if refused else 422 if faults else 200)


def _refusal(refused: StartklarError | None, case_id: UUID) -> errors.Refusal | None:
    """The refusal in words, and what the person has not seen yet if that is why."""
    return errors.refusal(refused, meanwhile(refused, case_id)) if refused else None


def meanwhile(
    refused: StartklarError, case_id: UUID, task_id: UUID | None = None
) -> tuple[tuple[dt.datetime, str, str | None], ...]:
    """What happened since the page was opened that the form stood on, if it was refused for that."""
    seq = forms.as_of()
    if seq is None or not isinstance(refused, CaseHasMoved | TaskHasMoved):
        return ()
    with session.engine().read(session.me()) as work:
        told = query.since(work, case_id, seq, task_id)
    return tuple((one.at, phrases.happened_to_case(one.act, one.facts), one.who) for one in told)


def _lost(fields: Mapping[str, EvidenceField]) -> list[tuple[str, str]]:
    """Typed text whose form is gone: shown once more, so that nobody has to write it again."""
    typed = forms.typed() if request.method == "POST" else {}
    return [
        (wording.title(field.title), typed[PREFIX + name])
        for name, field in fields.items()
        if PREFIX + name in typed and field.type in ("text", "long_text")
    ]


def _entry(written: str) -> int:
    """The number of an entry of the history, as databases count them."""
    if len(written) > 10 or not 0 < (number := int(written)) < 2**31:
        raise ValueError
    return number


def _back_to(case_id: UUID) -> AnyResponse:
    return redirect(url_for("cases.show", case_id=case_id), 303)
