"""One thing with many cases: choose it, see what would become of each, do it, see how far it is and what it came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webui import case_list, deeds, errors, forms, session, wording
from webui.forms import PREFIX
from workflow import bulk, cases, evidence, policy
from workflow.bulk import MOST, Order, Subject
from workflow.definition import EvidenceField, Text
from workflow.engine import Work
from workflow.errors import Busy, InvalidEvidence, NotAllowed, Refused, StartklarError
from workflow.queries import bulk as query
from workflow.queries import case_list as list_query
from workflow.queries.bulk import ItemLine, Offer, What

blueprint = Blueprint("bulk", __name__, url_prefix="/bulk")

TRY_SECONDS = 6.0
"""How long a page may take that tries something out; what is left then is not tried."""
WORK_SECONDS = 1.0
"""How long one request works on what was asked for."""

_TO = Text(de="Wer soll die Aufgabe bekommen?", en="Who shall get the task?")


@dataclass(frozen=True, slots=True)
class _Line:
    """One of the many, with the reason in words."""

    item: ItemLine
    refusal: errors.Refusal | None


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a form asks for: which cases, what, and what the deed wants to know."""

    what: str
    case_ids: tuple[UUID, ...]
    order: Order
    fields: Mapping[str, EvidenceField]
    offer: Offer


@blueprint.get("")
def index() -> str:
    """What was asked of many cases so far."""
    with session.engine().read(session.me()) as work:
        _insist_asks_of_many(work)
        found = query.bulks(work)
    return render_template("bulks.html", found=found, words=_words)


@blueprint.get("/new")
def choose() -> AnyResponse:
    """What shall be done with the cases that were ticked, or with all the list shows."""
    with session.engine().read(session.me()) as work:
        _insist_asks_of_many(work)
        if request.args.get("all") == "yes":
            found = list_query.ids(work, case_list.asked(), most=MOST)
        else:
            found = request.args.getlist("case", type=UUID)
        offer = query.offer(work, found)
    return _choose_page(tuple(dict.fromkeys(found)), offer)


@blueprint.post("/try")
def try_out() -> AnyResponse:
    """What it still has to know; then what would become of each case."""
    choice = _choice()
    if choice is None:
        case_ids = _case_ids()
        with session.engine().read(session.me()) as work:
            offer = query.offer(work, case_ids)
        return _choose_page(case_ids, offer, fault=wording.t("bulk.choose.missing"))
    given = forms.answers({}).given
    if choice.fields:
        if forms.text("answered") != "yes":
            return _form_page(choice)
        try:
            evidence.read(choice.fields, given)
        except InvalidEvidence as error:
            return _form_page(choice, faults=forms.worded(error.faults))
    with session.engine().read(session.me()) as work:
        subjects = bulk.subjects_of(work, choice.order, choice.case_ids)
    return _tried_page(
        choice.order,
        subjects,
        action=url_for("bulk.start"),
        carried={
            "what": choice.what,
            "cases": " ".join(case_id.hex for case_id in choice.case_ids),
            **{PREFIX + name: str(value or "") for name, value in given.items()},
        },
    )


@blueprint.post("")
def start() -> AnyResponse:
    """Begin, and show how far it is."""
    choice = _choice()
    if choice is None:
        raise Refused("error.bulk_nothing")
    try:
        return _begun(deeds.do(bulk.ask_of_cases, choice.order, choice.case_ids).id)
    except InvalidEvidence as error:
        return _form_page(choice, faults=forms.worded(error.faults))


@blueprint.get("/<uuid:bulk_id>")
def show(bulk_id: UUID) -> str:
    """How far it is, and what it came to."""
    with session.engine().read(session.me()) as work:
        page = query.bulk(work, bulk_id)
        may_go_on = policy.may_go_on(work.actor, mine=page.line.mine)
        asks = policy.asks_of_many(work.actor)
    return render_template(
        "bulk.html", page=page, refused=_lines(page.refused), may_go_on=may_go_on, asks=asks, words=_words
    )


@blueprint.post("/<uuid:bulk_id>/continue")
def go_on(bulk_id: UUID) -> AnyResponse:
    """Go on for a moment with what is still to be done."""
    with session.engine().read(session.me()) as work:
        query.insist_may_go_on(work, bulk_id)
    with suppress(Busy):
        finished = bulk.work_off(session.engine(), bulk_id, seconds=WORK_SECONDS)
        if finished and session.is_partial():
            return make_response("", 200, {"HX-Refresh": "true"})
    if not session.is_partial():
        return redirect(url_for("bulk.show", bulk_id=bulk_id), 303)
    with session.engine().read(session.me()) as work:
        line = query.bulk(work, bulk_id).line
    return make_response(render_template("_bulk.html", line=line, may_go_on=True))


@blueprint.post("/<uuid:bulk_id>/again")
def again(bulk_id: UUID) -> AnyResponse:
    """What would become now of those that were refused."""
    with session.engine().read(session.me()) as work:
        query.insist_may_go_on(work, bulk_id)
        order, subjects = query.again(work, bulk_id)
    return _tried_page(order, subjects, action=url_for("bulk.start_again", bulk_id=bulk_id), carried={})


@blueprint.post("/<uuid:bulk_id>/again/start")
def start_again(bulk_id: UUID) -> AnyResponse:
    """Begin anew with those that were refused."""
    with session.engine().read(session.me()) as work:
        query.insist_may_go_on(work, bulk_id)
        order, subjects = query.again(work, bulk_id)
    return _begun(deeds.do(bulk.ask, order, subjects).id)


# --- what a form says ------------------------------------------------------------------------------------------------


def _insist_asks_of_many(work: Work) -> None:
    if not policy.asks_of_many(work.actor):
        raise NotAllowed(roles=("umsetzungsteam", "supervisor", "programme_office"))


def _case_ids() -> tuple[UUID, ...]:
    """The cases a form carries in one field; what is no id is none."""
    found: list[UUID] = []
    for word in forms.text("cases").split()[: MOST + 1]:
        with suppress(ValueError):
            found.append(UUID(word))
    return tuple(dict.fromkeys(found))


def _choice() -> _Choice | None:
    """What the form asks for; None when it names nothing that can be done."""
    what, case_ids = forms.text("what"), _case_ids()
    kind, _, name = what.partition(":")
    with session.engine().read(session.me()) as work:
        _insist_asks_of_many(work)
        offer = query.offer(work, case_ids)
        fields = _fields(work, kind, name, offer)
    if fields is None:
        return None
    given = forms.answers({}).given
    order = Order(kind, given)
    if kind == "advance":
        order = replace(order, transition=name)
    elif kind == "assign":
        to = next((person for person, _ in offer.people if person.hex == given.get("to")), None)
        order = Order(kind, task=name, to=to)
    return _Choice(what, case_ids, order, fields, offer)


def _fields(work: Work, kind: str, name: str, offer: Offer) -> Mapping[str, EvidenceField] | None:
    """What the deed asks for; None when it cannot be asked of many here."""
    process = work.catalogue.newest(work.catalogue.programme.process)
    if kind == "advance" and name in process.transitions:
        return process.transitions[name].asks
    if kind == "assign" and offer.people and any(name == key for _, key, _ in process.tasks()):
        return {"to": EvidenceField(type="text", title=_TO)}
    if kind == "team" and offer.teams:
        return cases.TEAM_FIELDS
    if kind == "hold":
        return cases.hold_fields(work)
    return {} if kind == "resume" else None


# --- pages -----------------------------------------------------------------------------------------------------------


def _choose_page(case_ids: tuple[UUID, ...], offer: Offer, *, fault: str | None = None) -> AnyResponse:
    carried = " ".join(case_id.hex for case_id in case_ids)
    page = render_template("bulk_new.html", offer=offer, cases=carried, fault=fault, most=MOST)
    return make_response(page, 422 if fault else 200)


def _form_page(choice: _Choice, *, faults: Mapping[str, str] | None = None) -> AnyResponse:
    with session.engine().read(session.me()) as work:
        what = query.worded(work, choice.order)
    page = render_template(
        "bulk_form.html",
        choice=choice,
        what=_words(what),
        cases=" ".join(case_id.hex for case_id in choice.case_ids),
        options={"to": [(one.hex, name) for one, name in choice.offer.people], "team": choice.offer.teams},
        PREFIX=PREFIX,
        faults=faults or {},
        typed=forms.typed(),
        summary=forms.summary(faults or {}, {PREFIX + name: asked.title for name, asked in choice.fields.items()}),
    )
    return make_response(page, 422 if faults else 200)


def _tried_page(order: Order, subjects: Sequence[Subject], *, action: str, carried: Mapping[str, str]) -> AnyResponse:
    results = bulk.try_out(session.engine(), session.me(), order, subjects, seconds=TRY_SECONDS) if subjects else []
    with session.engine().read(session.me()) as work:
        what = query.worded(work, order)
        lines = _lines(query.tried(work, results))
    refused = [line for line in lines if line.refusal]
    page = render_template(
        "bulk_try.html",
        what=_words(what),
        refused=refused[: query.MOST_SHOWN],
        good=[line for line in lines if not line.refusal][: query.MOST_SHOWN],
        refused_count=len(refused),
        good_count=len(lines) - len(refused),
        untried=len(subjects) - len(results),
        action=action,
        carried=carried,
    )
    return make_response(page)


def _begun(bulk_id: UUID) -> AnyResponse:
    with suppress(Busy):
        bulk.work_off(session.engine(), bulk_id, seconds=WORK_SECONDS)
    return redirect(url_for("bulk.show", bulk_id=bulk_id), 303)


def _lines(items: Sequence[ItemLine]) -> list[_Line]:
    return [_Line(item, _refusal(item.refused) if item.refused else None) for item in items]


def _refusal(error: StartklarError) -> errors.Refusal:
    said = errors.refusal(error)
    if isinstance(error, InvalidEvidence):
        return replace(said, reasons=tuple(wording.t(key, **facts) for key, facts in error.faults.values()))
    return said


def _words(what: What) -> str:
    """`Schritt „Vertrag bestätigen“`."""
    thing = what.what if isinstance(what.what, str) else wording.title(what.what) if what.what else ""
    return wording.t(f"bulk.kind.{what.kind}", what=thing, to=what.to or "–")
