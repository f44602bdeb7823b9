"""Taking over cases from a table, for the programme office: choose a file, see what would become of it, confirm."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from webui import deeds, errors, session, wording
from workflow import policy, takeover
from workflow.errors import InvalidEvidence, Refused, StartklarError
from workflow.exchange import case_table
from workflow.takeover import FIELDS, Taken

blueprint = Blueprint("takeover", __name__, url_prefix="/programme/takeover")

_FILE = "table"


@dataclass(frozen=True, slots=True)
class LineSaid:
    """A line of the table and what became of it, in words."""

    number: int
    service: str
    body: str
    state: str
    since: str
    kind: str
    """taken, there or refused."""
    words: tuple[str, ...]
    case: str | None


@blueprint.get("")
def show() -> AnyResponse:
    """Which columns a table has, and where it is chosen."""
    _insist_office()
    return _page()


@blueprint.post("")
def preview() -> AnyResponse:
    """What would become of every line; nothing is changed."""
    _insist_office()
    file = request.files.get(_FILE)
    content = file.read(case_table.MOST_BYTES + 1) if file is not None and file.filename else b""
    if file is None or not content:
        return _page(fault=wording.t("takeover.choose"))
    return _try(content, file.filename or "", dry_run=True)


@blueprint.post("/confirm")
def confirm() -> AnyResponse:
    """Take the lines over that can be. Sent twice, the first result is told again."""
    _insist_office()
    try:
        content = base64.b64decode(request.form.get("content", ""), validate=True)
    except (binascii.Error, ValueError):
        return _page(fault=wording.t("takeover.choose"))
    return _try(content, request.form.get("name", "")[:200], dry_run=False)


def _try(content: bytes, name: str, *, dry_run: bool) -> AnyResponse:
    try:
        lines = case_table.read(content, name)
    except Refused as error:
        return _page(fault=errors.refusal(error).sentence)
    results = takeover.take_over_all(session.engine(), session.me(), lines, dry_run=dry_run, key=deeds.key())
    return _page(results, name=name, content=content if dry_run else None)


def _page(
    results: Sequence[Taken] = (), *, name: str = "", content: bytes | None = None, fault: str | None = None
) -> AnyResponse:
    said = [_said(one) for one in results]
    body = render_template(
        "takeover.html",
        fields=FIELDS,
        fault=fault,
        name=name,
        content=base64.b64encode(content).decode() if content is not None else None,
        lines=sorted(said, key=lambda line: (line.kind != "refused", line.number)),
        taken=sum(line.kind == "taken" for line in said),
        there=sum(line.kind == "there" for line in said),
        refused=sum(line.kind == "refused" for line in said),
    )
    return make_response(body, 422 if fault else 200)


def _said(result: Taken) -> LineSaid:
    given = result.line.given
    return LineSaid(
        number=result.line.number,
        service=given.get("service", ""),
        body=given.get("body", ""),
        state=given.get("state", ""),
        since=given.get("since", ""),
        kind="taken" if result.case is not None else "there" if result.is_there else "refused",
        words=_words(result.refused) if result.refused is not None else (),
        case=result.case.number if result.case is not None else None,
    )


def _words(error: StartklarError) -> tuple[str, ...]:
    if not isinstance(error, InvalidEvidence):
        return (errors.refusal(error).sentence,)
    return tuple(
        f"{wording.title(FIELDS[name].title) if name in FIELDS else name}: {wording.t(key, **facts)}"
        for name, (key, facts) in error.faults.items()
    )


def _insist_office() -> None:
    with session.engine().read(session.me()) as work:
        policy.insist_holds(work.actor, "programme_office")
