"""Asking for a service: a body wants to be connected, and its Umsetzungsteam opens the case or says why not.

open → accepted (a case is open), declined or withdrawn. At most one request is open per service and body. Whatever way
a case is opened, it answers the request that is open: here at once, else with the next beat (`settle`).
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from workflow import cases, casework, events, evidence, messages, policy
from workflow.definition import EvidenceField, Text, canonical
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import AlreadyOpen, Conflict, NotAllowed, NotFound, Refused
from workflow.models import Body, Case, Notice, OnboardingRequest

log = logging.getLogger(__name__)

CHUNK = 100
AGAIN_AFTER = 5
"""Working days after which those who have not answered are told once more, with their digest."""

WISH = EvidenceField(
    type="long_text",
    required=False,
    title=Text(de="Was wir dazu wissen sollten", en="What we should know"),
    help=Text(
        de="Zum Beispiel, ab wann Sie anfangen können oder welches Fachverfahren Sie nutzen.",
        en="For example when you can begin, or which specialist software you use.",
    ),
)


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request after a deed; `number` is that of the case, once there is one."""

    id: UUID
    service: str
    body: str
    status: str
    case_id: UUID | None = None
    number: str | None = None


def ask(work: Work, service: str, body: str, wish: str = "") -> RequestView:
    """Ask for a service to be connected, as `leitung` or `digi` of a body. Its team and the programme office learn of
    it at once.

    Raises NotFound (service or body), NotAllowed, Refused (the body has ended, is not responsible, or nobody looks
    after it), AlreadyOpen, Conflict (asked for already) or InvalidEvidence (the wish is too long), in this order.
    """
    entry = work.catalogue.service(service)
    place = _locked(work, body)
    if not policy.may_ask_for_service(work.actor, body):
        raise NotAllowed(roles=("body.leitung", "body.digi"))
    if place.valid_until is not None:
        raise Refused("error.body_ended", body=place.display_name)
    if not work.catalogue.is_responsible(service, ars=body, kind=place.kind):
        raise Refused("error.not_responsible_body", service=entry.title, body=place.display_name)
    team = cases.team_for(work, service, place.district)
    if team is None:
        raise Refused("error.no_team", body=place.display_name)
    running = _running(work, service, body)
    if running is not None:
        raise AlreadyOpen(service=entry.title, body=place.display_name, number=running.number)
    asked = (OnboardingRequest.service == service, OnboardingRequest.body == body, OnboardingRequest.status == "open")
    if work.session.execute(sa.select(OnboardingRequest.id).where(*asked)).first() is not None:
        raise Conflict(what="onboarding_asked")
    words = [str(answer.value) for answer in evidence.read({"wish": WISH}, {"wish": wish})]

    request_id = uuid4()
    row: dict[str, Any] = {
        "service": service,
        "body": body,
        "team": team,
        "status": "open",
        "asked_by": work.actor.id,
        "asked_at": work.now,
    }
    remark = events.remark(work, request_id, words[0]) if words else None
    if remark is not None:
        row["wish_id"] = remark["id"]
    said: dict[str, Any] = {"onboarding_request": row, **({"remark": remark} if remark else {})}
    said |= casework.said_of_place(work.actor, lambda who: policy.may_ask_for_service(who, body))
    link = events.link(work, "onboarding_request", request_id, 0, events.START, "asked", said)
    try:
        with work.session.begin_nested():
            values = {"id": request_id, "seq": link.seq, "head": link.head, "remind_at": _again(work), **row}
            work.session.execute(sa.insert(OnboardingRequest), values)
    except IntegrityError as error:  # somebody else asked at the same moment
        raise Conflict(what="onboarding_asked") from error
    work.session.execute(events.APPEND, link.values)
    _tell_team(work, request_id, row, messages.timing("onboarding_asked", work.now))
    return RequestView(request_id, service, body, "open")


def accept(work: Work, request_id: UUID) -> RequestView:
    """Open the case that is asked for, as its team or the programme office; whoever asked learns of it.

    Where somebody has opened one meanwhile, the request is answered with that. Raises NotFound, NotAllowed, Conflict
    (it is answered) or what `cases.open_case` raises, in this order.
    """
    row = _open_request(work, request_id)
    if not policy.may_decide_request(work.actor, row.team):
        raise NotAllowed(roles=("umsetzungsteam", "programme_office"))
    _insist_open(row)
    running = _running(work, row.service, row.body)
    if running is None:
        case = cases.open_case(work, row.service, row.body)
        return _accepted(work, row, case.id, case.number)
    return _accepted(work, row, running.id, running.number)


def decline(work: Work, request_id: UUID, reason: str) -> RequestView:
    """Say that the service will not be connected now, and why; whoever asked learns of it. They may ask again.

    Raises NotFound, NotAllowed, Conflict (it is answered) or InvalidEvidence (no reason), in this order.
    """
    row = _open_request(work, request_id)
    if not policy.may_decide_request(work.actor, row.team):
        raise NotAllowed(roles=("umsetzungsteam", "programme_office"))
    _insist_open(row)
    (answer,) = evidence.read({"reason": evidence.REASON}, {"reason": reason})

    remark = events.remark(work, row.id, str(answer.value))
    may = casework.said_of_place(work.actor, lambda who: policy.may_decide_request(who, row.team))
    _close(work, row, "declined", {"status": "declined", "reason_id": remark["id"]}, remark=remark, **may)
    _answer(work, "onboarding_declined", row)
    return RequestView(row.id, row.service, row.body, "declined")


def withdraw(work: Work, request_id: UUID) -> RequestView:
    """Take a request back, as `leitung` or `digi` of the body that asked.

    Raises NotFound, NotAllowed or Conflict (it is answered), in this order.
    """
    row = _open_request(work, request_id)
    if not policy.may_ask_for_service(work.actor, row.body):
        raise NotAllowed(roles=("body.leitung", "body.digi"))
    _insist_open(row)
    may = casework.said_of_place(work.actor, lambda who: policy.may_ask_for_service(who, row.body))
    _close(work, row, "withdrawn", {"status": "withdrawn"}, **may)
    return RequestView(row.id, row.service, row.body, "withdrawn")


# --- what time does --------------------------------------------------------------------------------------------------


def settle(engine: Engine) -> int:
    """Answer every open request whose case was opened some other way, and end those of bodies that are gone; returns
    how many. One that fails stops no other. With nothing open it asks one short index."""
    return _each(engine, _overtaken, settle_one)


def settle_one(work: Work, request_id: UUID) -> bool:
    """Answer one request whose case is open, or whose body is gone. Says whether it was."""
    row = _open_request(work, request_id)
    if row.status != "open":
        return False
    running = _running(work, row.service, row.body)
    if running is not None:
        _accepted(work, row, running.id, running.number)
        return True
    ended = work.session.execute(sa.select(Body.valid_until).where(Body.ars == row.body)).scalar_one()
    if ended is not None:
        _close(work, row, "withdrawn", {"status": "withdrawn"})
    return ended is not None


def remind(engine: Engine) -> int:
    """Tell those who have not answered once more, a line in their digest each week; returns of how many requests.

    Whoever does it, each is told of once. One that fails stops no other. With nothing due it asks one short index.
    """
    return _each(engine, _due, _remind)


def _each(
    engine: Engine,
    found: Callable[[Engine, Iterable[UUID]], list[UUID]],
    do: Callable[[Work, UUID], bool],
) -> int:
    """Do it with each request that is found, a chunk at a time; returns with how many something was done."""
    done, tried = 0, set[UUID]()
    while chunk := found(engine, tried):
        tried.update(chunk)
        with engine.change(SYSTEM) as work:
            for request_id in chunk:
                try:
                    with work.session.begin_nested():
                        done += do(work, request_id)
                except OperationalError:
                    raise  # the database's trouble, not this request's
                except Exception:
                    log.exception("request %s failed; it is tried again with the next beat", request_id)
    return done


def _due(engine: Engine, tried: Iterable[UUID]) -> list[UUID]:
    with engine.read(SYSTEM) as work:
        query = sa.select(OnboardingRequest.id).where(
            OnboardingRequest.status == "open", OnboardingRequest.remind_at <= work.now
        )
        found = [
            one for one in work.session.execute(query.order_by(OnboardingRequest.id)).scalars() if one not in tried
        ]
        return found[:CHUNK]


def _remind(work: Work, request_id: UUID) -> bool:
    row = _open_request(work, request_id)
    if row.status != "open" or row.remind_at is None or row.remind_at > work.now:
        return False
    mine = OnboardingRequest.id == row.id
    work.session.execute(sa.update(OnboardingRequest).where(mine).values(remind_at=_again(work)))
    about = {"service": row.service, "body": row.body, "team": row.team}
    _tell_team(work, row.id, about, {"immediate": False, "try_at": work.now})
    return True


def _again(work: Work) -> dt.datetime:
    calendar = work.catalogue.calendar
    return calendar.remind_at(calendar.add(work.today, AGAIN_AFTER))


def _overtaken(engine: Engine, tried: Iterable[UUID]) -> list[UUID]:
    with engine.read(SYSTEM) as work:
        here = (Case.service == OnboardingRequest.service, Case.body == OnboardingRequest.body)
        running = sa.exists().where(*here, Case.ended_on.is_(None))
        ended = sa.exists().where(Body.ars == OnboardingRequest.body, Body.valid_until.is_not(None))
        query = (
            sa.select(OnboardingRequest.id)
            .where(OnboardingRequest.status == "open", sa.or_(running, ended))
            .order_by(OnboardingRequest.id)
        )
        found = [one for one in work.session.execute(query).scalars() if one not in tried]
        return found[:CHUNK]


# --- helpers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """What rights at a request depend on."""

    body: str
    service: str
    team: str
    operator: str | None = None


def _locked(work: Work, body: str) -> Any:
    """The body; nobody else asks for it until we are done. Raises NotFound."""
    row = work.session.execute(
        sa.select(Body.ars, Body.kind, Body.district, Body.display_name, Body.valid_until)
        .where(Body.ars == body)
        .with_for_update(of=Body, key_share=True)
    ).first()
    if row is None:
        raise NotFound(what="body", name=body)
    return row


def _open_request(work: Work, request_id: UUID) -> Any:
    """A request the actor may know; ours until the transaction ends. Raises NotFound."""
    row = work.session.execute(
        sa.select(*OnboardingRequest.__table__.c)
        .where(OnboardingRequest.id == request_id, policy.onboarding_requests(work.actor))
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound(what="onboarding_request")
    return row


def _insist_open(row: Any) -> None:
    if row.status != "open":
        raise Conflict(what="onboarding_answered")


def _running(work: Work, service: str, body: str) -> Any:
    """The latest case of a service at a body that has not ended; None when there is none."""
    query = sa.select(Case.id, Case.number).where(Case.service == service, Case.body == body, Case.ended_on.is_(None))
    return work.session.execute(query.order_by(Case.round.desc()).limit(1)).first()


def _accepted(work: Work, row: Any, case_id: UUID, number: str) -> RequestView:
    may = casework.said_of_place(work.actor, lambda who: policy.may_decide_request(who, row.team))
    _close(work, row, "accepted", {"status": "accepted", "case_id": case_id}, **may)
    _answer(work, "onboarding_accepted", row)
    return RequestView(row.id, row.service, row.body, "accepted", case_id, number)


def _close(work: Work, row: Any, act: str, changes: dict[str, Any], **said: Any) -> None:
    changes |= {"decided_by": work.actor.id, "decided_at": work.now}
    before = {name: getattr(row, name) for name in changes}
    content = {"onboarding_request": changes, "before": {"onboarding_request": before}, **said}
    link = events.record(work, "onboarding_request", row.id, row.seq, row.head, act, content)
    work.session.execute(
        sa.update(OnboardingRequest)
        .where(OnboardingRequest.id == row.id)
        .values(**changes, seq=link.seq, head=link.head)
    )


def _answer(work: Work, name: str, row: Any) -> None:
    """Whoever asked learns what came of it; once they are gone, who is in charge at the body."""
    of = _Place(row.body, row.service, row.team)
    holders = casework.holders(work, of)
    there = any(holder.person_id == row.asked_by and holder.body == row.body for holder in holders)
    people = (row.asked_by,) if there else policy.in_charge("body.digi", of, holders)[1]
    about = {"service": row.service, "body": row.body, "team": row.team}
    _tell(work, name, row.id, about, policy.reached(people, holders, asks=False), messages.timing(name, work.now))


def _tell_team(work: Work, request_id: UUID, about: Mapping[str, Any], timing: Mapping[str, Any]) -> None:
    """The team that answers learns of it, and the programme office."""
    of = _Place(about["body"], about["service"], about["team"])
    holders = casework.holders(work, of)
    office = [holder.person_id for holder in holders if holder.role == "programme_office"]
    people = (*policy.in_charge("umsetzungsteam", of, holders)[1], *office)
    _tell(work, "onboarding_asked", request_id, about, policy.reached(people, holders, asks=True), timing)


def _tell(
    work: Work,
    name: str,
    request_id: UUID,
    row: Mapping[str, Any],
    people: Mapping[UUID, UUID | None],
    timing: Mapping[str, Any],
) -> None:
    facts = {key: row[key] for key in ("service", "body", "team")}
    for person, away in people.items():
        if person != work.actor.id:
            said = facts if away is None else {**facts, "on_behalf_of": away}
            values = {
                "id": uuid4(),
                "recipient_id": person,
                "name": name,
                "subject_kind": "onboarding_request",
                "subject_id": request_id,
                "facts": canonical(events.plain(said)),
                "created_at": work.now,
                **timing,
            }
            work.session.execute(sa.insert(Notice), values)
