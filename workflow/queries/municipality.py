"""One's own body over all services: what it owes, what it waits for and from whom, and the year ahead."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import policy, prerequisites, registers
from workflow.calendar import months_after
from workflow.definition import MilestoneRequirement, Needed, Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import (
    Body,
    Case,
    Grant,
    Hold,
    Milestone,
    Person,
    Prerequisite,
    Target,
    Task,
    Team,
    TeamDistrict,
    Vendor,
    Wave,
)
from workflow.policy import Holder
from workflow.queries import bodies, held_up, onboarding, parts, seen, trainings
from workflow.queries.bodies import ServiceHere
from workflow.queries.inbox import last_working_day
from workflow.queries.onboarding import Request
from workflow.queries.parts import Due, status_of
from workflow.texts import sort_key

MONTHS = 12
"""How far the page looks ahead, with the present month."""
MOST = 400
"""Tasks of one body that are looked at; no body has so many open at once."""

Kind = Literal["task", "prerequisite", "milestone", "hold"]
Party = Literal["land", "vendor", "operator", "authority", "team", "body"]


@dataclass(frozen=True, slots=True)
class Owed:
    """Something the body has to do."""

    kind: Kind
    id: UUID
    title: Text
    about: Text | str | None
    """The service; of a prerequisite what it is for, when a body has several."""
    of_body: str | None
    """The body whose case it is, where that is another."""
    due: Due | None
    holder: str | None
    """Who has accepted it."""
    mine: bool
    optional: bool
    cases: int
    """Of a prerequisite: how many cases wait for it."""


@dataclass(frozen=True, slots=True)
class OwedBy:
    """What one role has to do; `people` are those in charge, perhaps of another role where nobody holds it."""

    role: Text
    people: tuple[str, ...]
    falls_to: Text | None
    me: bool
    """The reader is one of them."""
    items: tuple[Owed, ...]


@dataclass(frozen=True, slots=True)
class Awaited:
    """Something others have to do before the body's cases go on."""

    kind: Kind
    title: Text
    services: tuple[tuple[str, Text], ...]
    task: UUID | None
    case: UUID | None
    milestone: UUID | None
    since: dt.date | None
    due: Due | None
    reminded_on: dt.date | None
    """When they were reminded last."""
    promised: bool
    """The date is what they promised."""
    cases: int


@dataclass(frozen=True, slots=True)
class AwaitedFrom:
    """What one party has to do, the longest awaited first; `cases` of the body wait for it."""

    party: Party
    title: Text
    cases: int
    since: dt.date | None
    items: tuple[Awaited, ...]


@dataclass(frozen=True, slots=True)
class Ahead:
    """Something that comes: what it is, when, and for which services."""

    kind: Literal["wave", "stichtag", "milestone", "promise", "expiry", "recurring", "training", "target", "due"]
    on: dt.date
    title: Text | None
    services: tuple[Text, ...]
    id: UUID | None = None
    wave: str | None = None
    """Of a wave: its key."""
    n: int = 0
    at: str | None = None
    place: str | None = None
    link: str | None = None
    cancelled: bool = False
    past: bool = False


@dataclass(frozen=True, slots=True)
class Month:
    """What comes in a month, in the order of days; its first day stands for it."""

    first: dt.date
    entries: tuple[Ahead, ...]


@dataclass(frozen=True, slots=True)
class Brought:
    """A prerequisite: brought once, for all services that need it."""

    id: UUID
    title: Text
    scope: Text | str | None
    status: str
    valid_until: dt.date | None
    cases: int


@dataclass(frozen=True, slots=True)
class MyMunicipality:
    """The page."""

    ars: str
    name: str
    team: str | None
    caseworkers: tuple[str, ...]
    """Who works in that team, by name."""
    others: tuple[tuple[str, str], ...]
    """Further bodies the reader works for: ARS and name."""
    services: tuple[ServiceHere, ...]
    requests: Mapping[str, Request]
    """By service; those that are open, or were declined and no case came since."""
    owed: tuple[OwedBy, ...]
    owed_total: int
    overdue: int
    until: dt.date
    """The last working day of the week."""
    due_until: int
    """How many of them are due up to then, overdue ones included."""
    awaited: tuple[AwaitedFrom, ...]
    months: tuple[Month, ...]
    brought: tuple[Brought, ...]
    open_prerequisites: int
    may_ask: bool
    """The reader may ask for services to be connected."""
    manages: bool
    """The reader answers for the body's people."""


def my_municipality(work: Work, ars: str | None = None) -> MyMunicipality:
    """The reader's body, or the one of them that is named. Takes the same few statements however many cases there are.

    Raises NotFound when the reader works for none, or not for that one.
    """
    mine = _mine(work)
    chosen = next((row for row in mine if ars in (None, row.ars)), None)
    if chosen is None:
        raise NotFound(what="body", name=ars or "")
    services, _, _ = bodies.services_here(work, chosen)
    holders, names, caseworkers = _holders(work, chosen.ars, chosen.key)
    rows = _tasks(work, chosen.ars)
    known = _prerequisites(work, chosen.ars)
    waiting = held_up.of_body(work, chosen.ars)
    owed = _owed(work, chosen, rows, known, waiting, holders, names)
    items = [item for group in owed for item in group.items]
    until = last_working_day(work)
    holds = _holds(work, chosen.ars)
    milestones = _milestones(work, chosen.ars)
    return MyMunicipality(
        ars=chosen.ars,
        name=chosen.display_name,
        team=chosen.team,
        caseworkers=caseworkers,
        others=tuple((row.ars, row.display_name) for row in mine if row.ars != chosen.ars),
        services=services,
        requests=_requests(work, chosen.ars, services),
        owed=owed,
        owed_total=len(items),
        overdue=sum(1 for item in items if item.due and item.due.overdue),
        until=until,
        due_until=sum(1 for item in items if item.due and item.due.on <= until),
        awaited=_awaited(work, chosen, rows, milestones, holds),
        months=_months(work, _ahead(work, chosen.ars, services, items, known, milestones, holds)),
        brought=tuple(_brought(work, row, waiting) for row in known if not work.catalogue.is_recurring(row.kind)),
        open_prerequisites=sum(
            1 for row in known if row.acting is not None and not work.catalogue.is_recurring(row.kind)
        ),
        may_ask=policy.may_ask_for_service(work.actor, chosen.ars),
        manages=policy.answers_for(work.actor, body=chosen.ars),
    )


@dataclass(frozen=True, slots=True)
class InTown:
    """The catalogue as the reader's body sees it."""

    ars: str
    name: str
    others: tuple[tuple[str, str], ...]
    services: tuple[ServiceHere, ...]
    requests: Mapping[str, Request]
    may_ask: bool


def in_town(work: Work, ars: str | None = None) -> InTown | None:
    """Where each service stands in the reader's body, or in the named one of them; None for whom works for none."""
    mine = _mine(work)
    if not mine:
        return None
    chosen = next((row for row in mine if row.ars == ars), mine[0])
    here, _, _ = bodies.services_here(work, chosen)
    return InTown(
        ars=chosen.ars,
        name=chosen.display_name,
        others=tuple((row.ars, row.display_name) for row in mine if row.ars != chosen.ars),
        services=here,
        requests=_requests(work, chosen.ars, here),
        may_ask=policy.may_ask_for_service(work.actor, chosen.ars),
    )


# --- reading ---------------------------------------------------------------------------------------------------------


def _mine(work: Work) -> Sequence[Any]:
    """The bodies the reader works for, by name."""
    own = work.actor.bodies()
    if not own:
        return ()
    return work.session.execute(
        sa.select(Body.ars, Body.kind, Body.display_name, Body.valid_until, Team.title.label("team"), Team.key)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .outerjoin(Team, Team.key == TeamDistrict.team)
        .where(policy.one_of(Body.ars, own), Body.valid_until.is_(None))
        .order_by(Body.sort_key, Body.ars)
    ).all()


def _holders(work: Work, ars: str, team: str | None) -> tuple[list[Holder], dict[UUID, str], tuple[str, ...]]:
    """Who holds a role at the body, everybody's name, and the names of the team's caseworkers."""
    caseworkers = sa.and_(Grant.team == team, Grant.role == "umsetzungsteam") if team else sa.false()
    rows = work.session.execute(
        sa.select(Grant.person_id, Grant.role, Grant.body, Grant.service, Grant.team, Grant.operator, Person.name)
        .join(Person, Person.id == Grant.person_id)
        .where(sa.or_(Grant.body == ars, caseworkers), Grant.ended_at.is_(None), Person.ended_at.is_(None))
        .order_by(Grant.started_at, Grant.id)
    ).all()
    there = [Holder(*row[:6]) for row in rows if row.body == ars]
    names = {row.person_id: row.name or "" for row in rows}
    return there, names, tuple(sorted({row.name for row in rows if row.body is None and row.name}))


def _tasks(work: Work, ars: str) -> Sequence[Any]:
    """Open tasks of the body, and those of others in its cases; nothing of cases that rest."""
    theirs = sa.and_(policy.cases(work.actor), sa.or_(Case.body == ars, Case.delegate == ars))
    return work.session.execute(
        sa.select(
            Task.id,
            parts.said_title(Task.id),
            Task.name,
            Task.state,
            Task.status,
            Task.acting,
            Task.holder_id,
            Task.body,
            Task.service,
            Task.team,
            Task.operator,
            Task.optional,
            Task.counted_from,
            Task.due_on,
            Case.id.label("case_id"),
            Case.body.label("case_body"),
            Case.process,
            Case.process_version,
            Body.display_name,
        )
        .join(Case, Case.id == Task.case_id)
        .join(Body, Body.ars == Case.body)
        .where(Task.acting.is_not(None), sa.not_(Case.rests), sa.or_(Task.body == ars, theirs))
        .order_by(Task.due_on, Task.id)
        .limit(MOST)
    ).all()


def _prerequisites(work: Work, ars: str) -> Sequence[Any]:
    return work.session.execute(
        sa.select(
            Prerequisite.id,
            Prerequisite.kind,
            Prerequisite.scope,
            Prerequisite.step,
            Prerequisite.status,
            Prerequisite.acting,
            Prerequisite.owner,
            Prerequisite.holder_id,
            Prerequisite.body,
            Prerequisite.team,
            Prerequisite.counted_from,
            Prerequisite.due_on,
            Prerequisite.valid_until,
        )
        .where(Prerequisite.body == ars, policy.prerequisites(work.actor), Prerequisite.status != "not_needed")
        .order_by(Prerequisite.due_on, Prerequisite.kind, Prerequisite.scope)
    ).all()


def _holds(work: Work, ars: str) -> Sequence[Any]:
    """Pauses that last in the body's cases, with who is waited for."""
    return work.session.execute(
        sa.select(
            Hold.id,
            Hold.case_id,
            Hold.blocker,
            Hold.external_kind,
            Hold.external_key,
            Hold.promised_on,
            Hold.review_on,
            Hold.began_on,
            Case.service,
            Vendor.title.label("vendor"),
        )
        .join(Case, Case.id == Hold.case_id)
        .outerjoin(Vendor, sa.and_(Hold.external_kind == "vendor", Vendor.key == Hold.external_key))
        .where(policy.cases(work.actor), sa.or_(Case.body == ars, Case.delegate == ars), Hold.ended_on.is_(None))
        .order_by(Hold.began_on, Hold.id)
    ).all()


def _milestones(work: Work, ars: str) -> Sequence[Any]:
    """Milestones that are not reached, of services of which the body has a case under way."""
    return work.session.execute(
        sa.select(
            Milestone.id,
            Milestone.kind,
            Milestone.service,
            Milestone.due_on,
            Case.id.label("case_id"),
            Case.process,
            Case.process_version,
            Case.state,
            Case.entered_on,
        )
        .join(Case, Case.service == Milestone.service)
        .where(
            policy.cases(work.actor),
            sa.or_(Case.body == ars, Case.delegate == ars),
            Case.ended_on.is_(None),
            Case.live_on.is_(None),
            Milestone.reached_on.is_(None),
        )
        .order_by(Case.entered_on, Case.number)
    ).all()


def _requests(work: Work, ars: str, services: Iterable[ServiceHere]) -> dict[str, Request]:
    """Requests that are still of interest: open ones, and a refusal as long as nothing else came of it."""
    idle = {one.service for one in services if one.state is None or one.state.end}
    asked = onboarding.of_body(work, ars)
    return {key: one for key, one in asked.items() if key in idle and one.status in ("open", "declined")}


# --- what the body owes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """What decides who is in charge of a prerequisite."""

    body: str
    team: str
    service: str = ""
    operator: str | None = None


def _owed(
    work: Work,
    body: Any,
    rows: Sequence[Any],
    known: Sequence[Any],
    waiting: Mapping[Needed, int],
    holders: Sequence[Holder],
    names: Mapping[UUID, str],
) -> tuple[OwedBy, ...]:
    """By role, the most urgent first; what is the reader's stands before what is a colleague's."""
    groups: dict[tuple[str, tuple[UUID, ...]], list[Owed]] = {}
    asked: dict[tuple[str, tuple[UUID, ...]], str] = {}
    for row in rows:
        if row.body == body.ars and row.acting.startswith("body."):
            key = policy.in_charge(row.acting, row, holders)
            asked.setdefault(key, row.acting)
            groups.setdefault(key, []).append(_owed_task(work, body, row, names))
    for row in known:
        if (row.acting or "").startswith("body."):
            key = policy.in_charge(row.acting, _Place(row.body, row.team), holders)
            asked.setdefault(key, row.acting)
            cases = waiting.get(Needed(row.kind, row.scope), 0)
            groups.setdefault(key, []).append(_owed_prerequisite(work, row, names, cases))
    found = [
        OwedBy(
            role=parts.role_title(work.catalogue, asked[key]),
            people=tuple(names[one] for one in key[1] if names.get(one)),
            falls_to=parts.role_title(work.catalogue, key[0]) if key[0] != asked[key] else None,
            me=work.actor.id in key[1],
            items=tuple(sorted(items, key=_by_date)),
        )
        for key, items in groups.items()
    ]
    return tuple(sorted(found, key=lambda group: (not group.me, _by_date(group.items[0])[0], group.role.de)))


def _owed_task(work: Work, body: Any, row: Any, names: Mapping[UUID, str]) -> Owed:
    return Owed(
        kind="task",
        id=row.id,
        title=parts.task_title(work.catalogue, row),
        about=parts.service_title(work.catalogue, row.service),
        of_body=row.display_name if row.case_body != body.ars else None,
        due=parts.due(work, row.due_on),
        holder=names.get(row.holder_id) if row.status == "accepted" else None,
        mine=row.holder_id == work.actor.id,
        optional=row.optional,
        cases=0,
    )


def _owed_prerequisite(work: Work, row: Any, names: Mapping[UUID, str], cases: int) -> Owed:
    return Owed(
        kind="prerequisite",
        id=row.id,
        title=parts.step_title(work.catalogue, row.kind, row.step)
        or parts.prerequisite_title(work.catalogue, row.kind),
        about=parts.scope_title(work.catalogue, row.scope),
        of_body=None,
        due=parts.due(work, row.due_on),
        holder=names.get(row.holder_id) if row.status == "accepted" else None,
        mine=row.holder_id == work.actor.id,
        optional=False,
        cases=cases,
    )


def _by_date(item: Owed) -> tuple[dt.date, str, str]:
    return (item.due.on if item.due else dt.date.max, item.title.de, str(item.id))


def _brought(work: Work, row: Any, waiting: Mapping[Needed, int]) -> Brought:
    return Brought(
        id=row.id,
        title=parts.prerequisite_title(work.catalogue, row.kind),
        scope=parts.scope_title(work.catalogue, row.scope),
        status=status_of(row.status, row.valid_until, work.today),
        valid_until=row.valid_until,
        cases=waiting.get(Needed(row.kind, row.scope), 0),
    )


# --- what the body waits for -----------------------------------------------------------------------------------------


def _awaited(
    work: Work, body: Any, rows: Sequence[Any], milestones: Sequence[Any], holds: Sequence[Any]
) -> tuple[AwaitedFrom, ...]:
    found: dict[tuple[Party, str, Text], list[tuple[Awaited, UUID]]] = {}
    land = registers.party_title(work, "land", None) or Text("Land", "Land")
    for one, case_id in _of_the_land(work, milestones):
        found.setdefault(("land", "", land), []).append((one, case_id))
    for row in holds:
        party = _party(work, row)
        found.setdefault(party, []).append((_held(work, row), row.case_id))
    others = [
        row
        for row in rows
        if not row.optional and not (row.body == body.ars and row.acting.startswith("body.")) and row.case_body
    ]
    reminded = seen.reminded(work, [row.id for row in others])
    for row in others:
        of_body = row.acting.startswith(("body.", "participant."))
        place: Party = "body" if of_body else "operator" if row.acting == "rollout_team" else "team"
        title = parts.role_title(work.catalogue, row.acting)
        found.setdefault((place, row.body if of_body else "", title), []).append(
            (_of_others(work, row, reminded.get(row.id)), row.case_id)
        )
    groups = [
        AwaitedFrom(
            party=party,
            title=title,
            cases=len({case_id for _, case_id in entries}),
            since=min((one.since for one, _ in entries if one.since), default=None),
            items=_together(one for one, _ in entries),
        )
        for (party, _, title), entries in found.items()
    ]
    order: tuple[Party, ...] = ("land", "vendor", "authority", "operator", "team", "body")
    return tuple(sorted(groups, key=lambda group: (order.index(group.party), sort_key(group.title.de))))


def _of_the_land(work: Work, rows: Sequence[Any]) -> Iterator[tuple[Awaited, UUID]]:
    """Milestones without which a case cannot leave its state forward."""
    for row in rows:
        if _demands(work, row):
            kind = work.catalogue.shared.milestones.get(row.kind)
            yield (
                Awaited(
                    kind="milestone",
                    title=kind.title if kind else Text(row.kind, row.kind),
                    services=((row.service, parts.service_title(work.catalogue, row.service)),),
                    task=None,
                    case=None,
                    milestone=row.id,
                    since=row.entered_on,
                    due=parts.due(work, row.due_on),
                    reminded_on=None,
                    promised=True,
                    cases=1,
                ),
                row.case_id,
            )


def _demands(work: Work, row: Any) -> bool:
    process = work.catalogue.process(row.process, row.process_version)
    return any(
        isinstance(requirement, MilestoneRequirement) and requirement.milestone == row.kind
        for transition in process.transitions.values()
        if row.state in transition.from_
        for requirement in transition.requires
    )


def _party(work: Work, row: Any) -> tuple[Party, str, Text]:
    title = registers.party_title(work, row.external_kind, row.external_key, vendor=row.vendor)
    if row.external_kind is None or title is None:
        return "team", "", parts.role_title(work.catalogue, "umsetzungsteam")
    places: Mapping[str, Party] = {
        "land": "land",
        "vendor": "vendor",
        "operator": "operator",
        "authority": "authority",
        "body": "body",
    }
    return places.get(row.external_kind, "authority"), row.external_key or "", title


def _held(work: Work, row: Any) -> Awaited:
    blocker = work.catalogue.programme.blockers.get(row.blocker)
    return Awaited(
        kind="hold",
        title=blocker.title if blocker else Text(row.blocker, row.blocker),
        services=((row.service, parts.service_title(work.catalogue, row.service)),),
        task=None,
        case=row.case_id,
        milestone=None,
        since=row.began_on,
        due=parts.due(work, row.promised_on or row.review_on),
        reminded_on=None,
        promised=row.promised_on is not None,
        cases=1,
    )


def _of_others(work: Work, row: Any, reminded_on: dt.date | None) -> Awaited:
    return Awaited(
        kind="task",
        title=parts.task_title(work.catalogue, row),
        services=((row.service, parts.service_title(work.catalogue, row.service)),),
        task=row.id,
        case=row.case_id,
        milestone=None,
        since=row.counted_from,
        due=parts.due(work, row.due_on),
        reminded_on=reminded_on,
        promised=False,
        cases=1,
    )


def _together(entries: Iterable[Awaited]) -> tuple[Awaited, ...]:
    """The same milestone of several services is one entry; the longest awaited first."""
    found: list[Awaited] = []
    kinds: dict[Text, list[Awaited]] = {}
    for one in entries:
        if one.kind == "milestone":
            kinds.setdefault(one.title, []).append(one)
        else:
            found.append(one)
    for alike in kinds.values():
        if len(alike) == 1:
            found += alike
            continue
        dates = [one.due for one in alike if one.due]
        found.append(
            Awaited(
                kind="milestone",
                title=alike[0].title,
                services=tuple(dict.fromkeys(service for one in alike for service in one.services)),
                task=None,
                case=None,
                milestone=None,
                since=min((one.since for one in alike if one.since), default=None),
                due=max(dates, key=lambda due: due.on) if len(dates) == len(alike) else None,
                reminded_on=None,
                promised=True,
                cases=len(alike),
            )
        )
    return tuple(sorted(found, key=lambda one: (one.since or dt.date.max, sort_key(one.title.de))))


# --- the year ahead --------------------------------------------------------------------------------------------------


def _ahead(
    work: Work,
    ars: str,
    services: Sequence[ServiceHere],
    owed: Sequence[Owed],
    known: Sequence[Any],
    milestones: Sequence[Any],
    holds: Sequence[Any],
) -> list[Ahead]:
    catalogue = work.catalogue
    found = [*_waves(work, ars), *_trainings(work, services), *_targets(work)]
    for row in {row.id: row for row in milestones if row.due_on}.values():
        kind = catalogue.shared.milestones.get(row.kind)
        title = kind.title if kind else Text(row.kind, row.kind)
        found.append(Ahead("milestone", row.due_on, title, (parts.service_title(catalogue, row.service),), row.id))
    for row in holds:
        if row.promised_on:
            title = _party(work, row)[2]
            service = parts.service_title(catalogue, row.service)
            found.append(Ahead("promise", row.promised_on, title, (service,), row.case_id))
    again = prerequisites.begin_again(work, ars)
    for row in known:
        title, scope = parts.prerequisite_title(catalogue, row.kind), parts.scope_title(catalogue, row.scope)
        about = (scope,) if isinstance(scope, Text) else ()
        if row.valid_until is not None and row.status != "set_aside":
            found.append(Ahead("expiry", row.valid_until, title, about, row.id))
        if row.id in again:
            found.append(Ahead("recurring", again[row.id], title, about, row.id))
    months: dict[tuple[int, int], list[tuple[dt.date, Text]]] = {}
    for item in owed:
        if item.due and not item.due.overdue:
            months.setdefault((item.due.on.year, item.due.on.month), []).append((item.due.on, item.title))
    for there in months.values():
        first, title = min(there, key=lambda one: one[0])
        found.append(Ahead("due", first, title, (), n=len(there)))
    return found


def _waves(work: Work, ars: str) -> Iterator[Ahead]:
    """The Stichtage of the body's cases: of their waves, or their own."""
    rows = work.session.execute(
        sa.select(Case.id, Case.service, Case.stichtag, Wave.key, Wave.title_de, Wave.title_en, Wave.stichtag)
        .outerjoin(Wave, Wave.key == Case.wave)
        .where(
            policy.cases(work.actor),
            sa.or_(Case.body == ars, Case.delegate == ars),
            Case.ended_on.is_(None),
            Case.live_on.is_(None),
            sa.or_(Case.wave.is_not(None), Case.stichtag.is_not(None)),
        )
        .order_by(Case.service)
    )
    waves: dict[str, tuple[Text, dt.date, list[Text]]] = {}
    for case_id, service, own, key, de, en, stichtag in rows:
        title = parts.service_title(work.catalogue, service)
        if own is not None and own != stichtag:
            yield Ahead("stichtag", own, None, (title,), case_id)
        elif key is not None:
            waves.setdefault(key, (Text(de, en), stichtag, []))[2].append(title)
    for key, (title, stichtag, titles) in waves.items():
        yield Ahead("wave", stichtag, title, tuple(titles), wave=key)


def _trainings(work: Work, services: Sequence[ServiceHere]) -> Iterator[Ahead]:
    for one in trainings.to_come(work, services=[service.service for service in services]):
        yield Ahead(
            "training",
            one.held_on,
            one.title,
            (one.service_title,) if one.service_title else (),
            one.id,
            at=one.begins_at,
            place=one.place,
            link=one.link,
            cancelled=one.cancelled_on is not None,
        )


def _targets(work: Work) -> Iterator[Ahead]:
    """The target of the programme that is in force, if it is still to come."""
    rows = work.session.execute(sa.select(Target.due_on, Target.set_on, Target.number)).all()
    in_force = max(rows, key=lambda row: (row.set_on or dt.date.min, row.number or 0, row.due_on), default=None)
    if in_force is not None and in_force.due_on >= work.today:
        yield Ahead("target", in_force.due_on, None, ())


def _months(work: Work, entries: Iterable[Ahead]) -> tuple[Month, ...]:
    """Twelve months in which something comes; what is past is left out."""
    first = work.today.replace(day=1)
    end = months_after(first, MONTHS)
    by_month: dict[dt.date, list[Ahead]] = {}
    for one in entries:
        if work.today <= one.on < end:
            by_month.setdefault(one.on.replace(day=1), []).append(one)
    return tuple(
        Month(
            month, tuple(sorted(found, key=lambda one: (one.on, one.kind, sort_key(one.title.de) if one.title else "")))
        )
        for month, found in sorted(by_month.items())
    )
