"""What a person sees when something is refused or breaks: one table from the error family to status codes."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, TypeVar

from babel import lists
from flask import Flask, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from webui import forms, notices, security, session, wording
from webui.navigation import local_path, parts_of
from webui.session import ForgedRequest
from workflow import errors, texts
from workflow.catalogue import Catalogue
from workflow.queries import parts
from workflow.requirements import Reason

STATUS: tuple[tuple[type[errors.StartklarError], int], ...] = (
    (errors.NotFound, 404),
    (ForgedRequest, 403),
    (errors.NotAllowed, 403),
    (errors.SignInRequired, 401),
    (errors.SignInPaused, 429),
    (errors.TooMany, 429),
    (errors.SignInRefused, 422),
    (errors.Invalid, 422),
    (errors.Conflict, 409),
    (errors.Refused, 409),
    (errors.Busy, 503),
    (errors.Unready, 503),
    (errors.StartklarError, 500),
)
"""The first class that fits decides."""

WORDED = frozenset({400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503})
_PICTURES = {403: "lock", 409: "people", 422: "edit", 413: "file", 429: "waiting", 503: "clock"}

_Error = TypeVar("_Error", bound=Exception)
_log = logging.getLogger("webui")


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error as a page tells it: what does not work, why, what to do."""

    status: int
    title: str
    sentence: str
    way_on: str
    icon: str
    reasons: tuple[str, ...] = ()
    reference: str | None = None
    written: tuple[str, ...] = ()
    """What the person had written, to be copied from here."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal as the page says it on which the person asked: what does not work and why; what is in the way."""

    title: str
    sentence: str
    reasons: tuple[str, ...] = ()
    kind: str = "warning"
    meanwhile: tuple[tuple[dt.datetime, str, str | None], ...] = ()
    """What happened since the page was opened: when, what, by whom."""


def refusal(error: errors.StartklarError, meanwhile: Sequence[tuple[dt.datetime, str, str | None]] = ()) -> Refusal:
    """The refusal in words; `meanwhile`: what the person has not seen yet, when and by whom."""
    status = found if (found := status_of(error)) in (403, 429) else 409
    title = wording.t("undo.too_late" if notices.is_undoing() else f"error_page.{status}.title")
    return Refusal(title, _sentence(error), _reasons(error), meanwhile=tuple(meanwhile))


def trouble_of(error: errors.StartklarError) -> Trouble:
    """The refusal as a page of its own."""
    return _trouble(status_of(error), sentence=_sentence(error), reasons=_reasons(error))


def status_of(error: errors.StartklarError) -> int:
    """The status code a door answers this error with."""
    return next(status for kind, status in STATUS if isinstance(error, kind))


def install(app: Flask) -> None:
    """Answer every error with a page in the person's language, or with a part of one when htmx asked."""
    app.register_error_handler(errors.StartklarError, _surely(_refused))
    app.register_error_handler(HTTPException, _surely(_http))
    app.register_error_handler(Exception, _surely(_broken))


def _surely(handle: Callable[[_Error], AnyResponse]) -> Callable[[_Error], AnyResponse]:
    """The handler, with an answer also when the page of the error breaks in its turn."""

    @wraps(handle)
    def surely(error: _Error) -> AnyResponse:
        try:
            return handle(error)
        except Exception as second:  # noqa: BLE001 -- the error page itself must not fail
            return _last_resort(second)

    return surely


def _last_resort(error: Exception) -> AnyResponse:
    """A page that stands on nothing, neither texts nor templates nor the person; whatever a notice did is over."""
    response = make_response(_LAST_RESORT.format(reference=_note(error)), 500, security.HEADERS)
    response.headers["Cache-Control"] = "no-store"
    session.drop_cookie(response, "notice")
    return response


_LAST_RESORT = """<!doctype html>
<html lang="de"><head><meta charset="utf-8"><title>Startklar</title></head>
<body><h1>Das hat nicht geklappt</h1>
<p>Bitte laden Sie die Seite neu. Hilft das nicht, nennen Sie Ihrer Administration die Kennung {reference}.</p>
<p lang="en">Something went wrong. Please reload the page. If that does not help, give your administration the
reference {reference}.</p>
<p><a href="/">Startklar</a> · <a href="/imprint">Impressum</a> · <a href="/privacy">Datenschutz</a> ·
<a href="/accessibility">Barrierefreiheit</a> · <a href="/feedback">Rückmeldung</a></p></body></html>
"""


def _refused(error: errors.StartklarError) -> AnyResponse:
    status = status_of(error)
    if status == 401:
        return session.ask_to_sign_in()
    written = () if isinstance(error, ForgedRequest) else forms.written()  # a stranger's words are not shown as theirs
    if status >= 500:
        return _answer(replace(_trouble(status, reference=_note(error)), written=written))
    return _answer(replace(_trouble(status, sentence=_sentence(error), reasons=_reasons(error)), written=written))


def _http(error: HTTPException) -> AnyResponse:
    """Errors of HTTP itself; one that carries its own answer (a redirect) is passed on."""
    if error.response is not None or error.code is None or error.code < 400:
        return make_response(error.get_response())
    status = error.code if error.code in WORDED else 500 if error.code >= 500 else 400
    response = _answer(_trouble(status))
    response.status_code = error.code
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _broken(error: Exception) -> AnyResponse:
    return _answer(_trouble(500, reference=_note(error)))


def _trouble(
    status: int, *, sentence: str | None = None, reasons: tuple[str, ...] = (), reference: str | None = None
) -> Trouble:
    return Trouble(
        status=status,
        title=wording.t(f"error_page.{status}.title"),
        sentence=sentence or wording.t(f"error_page.{status}.sentence"),
        way_on=wording.t(f"error_page.{status}.way_on"),
        icon=_PICTURES.get(status, "warning" if status >= 500 else "search"),
        reasons=reasons,
        reference=reference,
    )


def _sentence(error: errors.StartklarError) -> str:
    """What the error says, with roles by their titles."""
    facts = dict(error.facts)
    if isinstance(error, errors.NotAllowed) and "roles" in facts:
        facts["roles"] = _one_of(_catalogue(), facts["roles"])
    return _said(error.key, facts)


def _reasons(error: errors.StartklarError) -> tuple[str, ...]:
    """Everything that does not hold yet: what it is, who must act, until when."""
    reasons: Sequence[Reason] = error.reasons if isinstance(error, errors.RequirementsNotMet) else ()
    if not reasons:
        return ()
    catalogue = _catalogue()
    return tuple(_reason(catalogue, reason) for reason in reasons)


def _reason(catalogue: Catalogue, reason: Reason) -> str:
    sentence = _said(reason.key, reason.facts)
    if reason.who is None:
        return sentence
    role = wording.title(parts.role_title(catalogue, reason.who))
    if reason.due_on is None:
        return f"{sentence} {wording.t('refusal.who', role=role)}"
    return f"{sentence} {wording.t('refusal.who_until', role=role, day=wording.plain_day(reason.due_on))}"


def _one_of(catalogue: Catalogue, roles: Sequence[str]) -> str:
    """`Kasse oder Umsetzungsteam`."""
    titles = [wording.title(parts.role_title(catalogue, role)) for role in dict.fromkeys(roles)]
    return str(lists.format_list(titles, style="or", locale=wording.language()))


def _catalogue() -> Catalogue:
    with session.engine().read(None) as work:
        return work.catalogue


def _said(key: str, facts: Mapping[str, Any]) -> str:
    """The refusal in words; a key without words is our fault and must not hide the refusal."""
    return wording.t(key if texts.knows(wording.language(), key) else "error.unknown", **facts)


def _answer(trouble: Trouble) -> Response:
    template = "_error.html" if session.is_partial() else "error.html"
    page = render_template(template, trouble=trouble, bare=trouble.status >= 500, back=_back())
    return make_response(page, trouble.status)


def _back() -> str | None:
    """The page the person came from, if it was one of ours and another than this."""
    came_from = parts_of(request.referrer)
    wanted = came_from.path + (f"?{came_from.query}" if came_from.query else "")
    if came_from.netloc != request.host or (request.method == "GET" and came_from.path == request.path):
        return None
    return local_path(wanted)


def _note(error: Exception) -> str:
    """One line for the operator, found again by the reference on the page.

    Neither the message of the error nor the address of the page is written: either may name a person.
    """
    reference = secrets.token_hex(4)
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    _log.error(
        "request failed: reference=%s endpoint=%s method=%s error=%s at=%s",
        reference,
        request.endpoint,
        request.method,
        type(error).__name__,
        " < ".join(f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno}:{frame.name}" for frame in reversed(frames)),
    )
    return reference
