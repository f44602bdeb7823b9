"""The bodies of the programme, and one of them with its services, prerequisites and people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from workflow import database, mailboxes, policy, prerequisites
from workflow.definition import BODY_ROLES, Needed, Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.mailboxes import Place
from workflow.models import Body, Case, Closure, Document, Evidence, Grant, Person, Prerequisite, Team, TeamDistrict
from workflow.policy import Holder
from workflow.queries import held_up, parts, standing
from workflow.queries.case_list import is_escalated, is_overdue
from workflow.queries.parts import DocumentLink, Due, StateView, status_of
from workflow.queries.standing import Standing
from workflow.queries.words import clean, words_of
from workflow.texts import sort_key, title

# --- the list --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list of bodies is narrowed to. What does not exist narrows nothing."""

    text: str = ""
    kind: str | None = None
    district: str | None = None

    @property
    def narrow(self) -> bool:
        """Whether anything is narrowed at all."""
        return self != Filters()


@dataclass(frozen=True, slots=True)
class BodyLine:
    """A body as a line of the list. `cases` are those the actor sees, `live` the ones of them in use."""

    ars: str
    name: str
    kind: str
    district: str
    population: int | None
    team: str | None
    cases: int
    live: int


@dataclass(frozen=True, slots=True)
class BodyGroup:
    """The bodies of one district, the Landkreis first; `district` is None for the towns that are their own district.

    Bodies the reader works for stand apart, as a group that is `own`.
    """

    district: str | None
    name: str | None
    bodies: tuple[BodyLine, ...]
    own: bool = False

    @property
    def cases(self) -> int:
        """Cases in all of them that the actor sees."""
        return sum(body.cases for body in self.bodies)

    @property
    def live(self) -> int:
        """Those of them in use."""
        return sum(body.live for body in self.bodies)


@dataclass(frozen=True, slots=True)
class BodyList:
    """The bodies by district."""

    filters: Filters
    groups: tuple[BodyGroup, ...]
    matching: int
    all: int
    kinds: tuple[str, ...]
    districts: tuple[tuple[str, str], ...]
    attribution: str
    sees_cases: bool
    writes: bool
    """The actor reads what is told to many bodies at once, or writes it."""


def bodies(work: Work, filters: Filters = Filters()) -> BodyList:
    """Every body by district, with the number of cases there that the actor sees. Takes the same number of statements
    however many there are.
    """
    goals = parts.goals(work.catalogue)
    in_use = sa.case((Case.state.in_(goals), 1), else_=0)
    counted = (
        sa.select(Case.body, sa.func.count().label("cases"), sa.func.sum(in_use).label("live"))
        .where(policy.cases(work.actor), parts.counts())
        .group_by(Case.body)
        .subquery()
    )
    rows = work.session.execute(
        sa.select(
            Body.ars,
            Body.display_name,
            Body.kind,
            Body.district,
            Body.population,
            Body.sort_key,
            Body.search_key,
            Team.title.label("team"),
            counted.c.cases,
            counted.c.live,
        )
        .outerjoin(counted, counted.c.body == Body.ars)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .outerjoin(Team, Team.key == TeamDistrict.team)
        .where(Body.valid_until.is_(None))
        .order_by(database.plainly_sorted(work.session, Body.sort_key), Body.ars)
    ).all()
    kinds = tuple(dict.fromkeys(row.kind for row in sorted(rows, key=lambda row: row.ars)))
    districts = tuple((row.ars, row.display_name) for row in rows if row.ars == row.district)
    filters = Filters(
        text=clean(filters.text),
        kind=filters.kind if filters.kind in kinds else None,
        district=filters.district if filters.district in dict(districts) else None,
    )
    found = [row for row in rows if _matches(row, filters)]
    return BodyList(
        filters=filters,
        groups=_groups(found, rows, own=work.actor.bodies()),
        matching=len(found),
        all=len(rows),
        kinds=kinds,
        districts=districts,
        attribution=work.catalogue.attribution,
        sees_cases=any(row.cases for row in rows),
        writes=policy.sees_staff(work.actor),
    )


def _matches(row: Any, filters: Filters) -> bool:
    if filters.kind not in (None, row.kind) or filters.district not in (None, row.district):
        return False
    return all(
        word.stands_in(row.search_key) or (word.is_digits and row.ars.startswith(word.spellings[0]))
        for word in words_of(filters.text)
    )


def _groups(found: Sequence[Any], every: Sequence[Any], *, own: Collection[str]) -> tuple[BodyGroup, ...]:
    """The reader's own first, then by district; towns that are a district of their own come first and together."""
    names = {row.ars: row for row in every}
    inside = {row.district for row in every if row.ars != row.district}
    grouped: dict[str | None, list[BodyLine]] = {}
    mine: list[BodyLine] = []
    for row in found:
        line = BodyLine(
            ars=row.ars,
            name=row.display_name,
            kind=row.kind,
            district=row.district,
            population=row.population,
            team=row.team,
            cases=row.cases or 0,
            live=row.live or 0,
        )
        if row.ars in own:
            mine.append(line)
        else:
            grouped.setdefault(row.district if row.district in inside else None, []).append(line)
    by_district = tuple(
        BodyGroup(
            district=district,
            name=names[district].display_name if district in names else None,
            bodies=tuple(sorted(lines, key=lambda line: line.ars != line.district)),
        )
        for district, lines in sorted(
            grouped.items(),
            key=lambda entry: (entry[0] is not None, names[entry[0]].sort_key if entry[0] in names else ""),
        )
    )
    return (BodyGroup(None, None, tuple(mine), own=True), *by_district) if mine else by_district


# --- one body --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServiceHere:
    """A service at a body. `state` is None while no case is open or the actor may not know; `case` names one the actor
    sees.
    """

    service: str
    title: Text
    state: StateView | None
    since: dt.date | None
    live_on: dt.date | None
    case: UUID | None
    number: str | None
    overdue: bool
    escalated: bool
    rests: bool


@dataclass(frozen=True, slots=True)
class PrerequisiteHere:
    """A prerequisite of a body."""

    id: UUID
    title: Text
    scope: Text | str | None
    owner: Text
    in_charge: Text
    people: tuple[str, ...]
    status: str
    """ready, accepted, submitted, declined, done, expired, set_aside or not_needed."""
    due: Due | None
    done_on: dt.date | None
    valid_until: Due | None
    cases: int
    """How many of the body's cases the reader sees need it and are not in use yet."""
    answers: int
    documents: tuple[DocumentLink, ...]
    recurring: bool
    """The body does it again and again, and no case waits for it."""
    again_on: dt.date | None
    """When that begins anew, while nobody is asked for it."""


@dataclass(frozen=True, slots=True)
class HolderView:
    """Somebody who holds a role at a body, perhaps for one service only."""

    name: str
    email: str
    service: Text | None
    bounced_on: dt.date | None
    """Since when it is known that mail does not arrive there."""


@dataclass(frozen=True, slots=True)
class RoleHere:
    """A role at a body and who holds it; `falls_to` is who acts while nobody does."""

    title: Text
    help: Text | None
    holders: tuple[HolderView, ...]
    falls_to: Text | None


@dataclass(frozen=True, slots=True)
class Askable:
    """A prerequisite a body can be asked for."""

    kind: str
    scope: str
    title: Text
    scope_title: Text | str | None

    @property
    def key(self) -> str:
        """`fitconnect_endpoint:wohngeld`."""
        return f"{self.kind}:{self.scope}"


@dataclass(frozen=True, slots=True)
class ClosureHere:
    """Days on which the office is closed, both included, and who said so."""

    id: UUID
    from_on: dt.date
    until_on: dt.date
    by: str | None
    """Null once the account is erased."""
    in_force: bool


@dataclass(frozen=True, slots=True)
class MailboxHere:
    """Where mail for a role goes; `title` is None for all roles that have no mailbox of their own."""

    role: str
    title: Text | None
    address: str
    language: str
    bounces: bool


@dataclass(frozen=True, slots=True)
class PostHere:
    """When nobody at a body is mailed, and to which mailboxes of roles mail goes."""

    closures: tuple[ClosureHere, ...]
    """Present and to come."""
    may_close: bool
    mailboxes: tuple[MailboxHere, ...]
    may_set: bool
    roles: tuple[tuple[str, Text], ...]
    """Roles that can have a mailbox."""


@dataclass(frozen=True, slots=True)
class BodyPage:
    """A body: what it is, what runs there, what it has to bring, and who does it."""

    ars: str
    ags: str | None
    name: str
    kind: str
    district: str
    district_name: str
    is_own_district: bool
    seat: str | None
    postcode: str | None
    population: int | None
    area_km2: float | None
    municipalities: int | None
    valid_from: dt.date | None
    valid_until: dt.date | None
    successor: str | None
    """ARS of the body its cases went to when it ended."""
    successor_name: str | None
    team: str | None
    team_title: str | None
    attribution: str
    services: tuple[ServiceHere, ...]
    """Services the body is responsible for, and any other with a case there."""
    unknown: tuple[Text, ...]
    """Services of which nobody knows who is responsible."""
    elsewhere: tuple[Text, ...]
    """Services other bodies are responsible for."""
    standing: Standing
    """Of all cases of the body, earlier rounds too, but none another goes on for."""
    states_known: bool
    prerequisites: tuple[PrerequisiteHere, ...] | None
    """None when the actor may not know of them."""
    askable: tuple[Askable, ...]
    """What was laid aside among them; of a body that ended nothing."""
    roles: tuple[RoleHere, ...] | None
    """None when the actor may not know who holds them."""
    post: PostHere | None
    """None when the actor has nothing to do with it."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What the rights of a prerequisite depend on."""

    body: str
    team: str
    service: str = ""
    operator: str | None = None


def body(work: Work, ars: str) -> BodyPage:
    """One body as this actor may see it. Raises NotFound for one that does not exist."""
    row = _master_data(work, ars)
    sees_people = policy.sees_people(work.actor, body=ars, team=row.team)
    sees_prerequisites = sees_people or policy.sees_staff(work.actor)
    services, unknown, elsewhere = services_here(work, row)
    holders = _holders(work, ars, row.team) if sees_prerequisites else []
    known = _prerequisites(work, ars, holders) if sees_prerequisites else []
    return BodyPage(
        ars=row.ars,
        ags=row.ags,
        name=row.display_name,
        kind=row.kind,
        district=row.district,
        district_name=row.district_name or row.display_name,
        is_own_district=row.district == row.ars,
        seat=row.seat,
        postcode=row.postcode,
        population=row.population,
        area_km2=row.area_km2,
        municipalities=row.municipalities,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        successor=row.successor,
        successor_name=row.successor_name,
        team=row.team,
        team_title=row.team_title,
        attribution=work.catalogue.attribution,
        services=services,
        unknown=unknown,
        elsewhere=elsewhere,
        standing=standing.standing(work, standing.count(work, where=Case.body == ars)),
        states_known=work.catalogue.programme.state_is_public or any(service.case for service in services),
        prerequisites=tuple(view for _, view in known) if sees_prerequisites else None,
        askable=(
            _askable(work, row, {key for key, view in known if view.status not in ("not_needed", "set_aside")})
            if row.valid_until is None and policy.may_request(work.actor, body=ars, team=row.team)
            else ()
        ),
        roles=_roles(work, ars, row.team, holders) if sees_people else None,
        post=_post(work, row) if sees_people or policy.is_admin(work.actor) else None,
    )


def _post(work: Work, body: Any) -> PostHere:
    rows = work.session.execute(
        sa.select(Closure.id, Closure.from_on, Closure.until_on, Person.name)
        .outerjoin(Person, Person.id == Closure.entered_by)
        .where(Closure.body == body.ars, policy.closures(work.actor))
        .where(Closure.until_on >= work.today, Closure.until_on >= Closure.from_on)
        .order_by(Closure.from_on, Closure.id)
    )
    ended = body.valid_until is not None
    return PostHere(
        closures=tuple(
            ClosureHere(row.id, row.from_on, row.until_on, row.name, in_force=row.from_on <= work.today) for row in rows
        ),
        may_close=not ended and policy.may_close(work.actor, body.ars, body.team),
        mailboxes=tuple(
            MailboxHere(
                role=one.role,
                title=parts.role_title(work.catalogue, one.role) if one.role else None,
                address=one.address,
                language=one.language,
                bounces=one.bounces,
            )
            for one in mailboxes.at(work, Place(body=body.ars))
        ),
        may_set=not ended and policy.may_set_mailbox(work.actor, body=body.ars, team=None),
        roles=tuple((role, parts.role_title(work.catalogue, role)) for role in BODY_ROLES),
    )


def _master_data(work: Work, ars: str) -> Any:
    if not (ars.isascii() and ars.isdigit() and len(ars) == 12):
        raise NotFound(what="body", name=ars)
    district, successor = aliased(Body), aliased(Body)
    row = work.session.execute(
        sa.select(
            Body.ars,
            Body.ags,
            Body.display_name,
            Body.kind,
            Body.district,
            Body.seat,
            Body.postcode,
            Body.population,
            Body.area_km2,
            Body.municipalities,
            Body.valid_from,
            Body.valid_until,
            Body.successor,
            successor.display_name.label("successor_name"),
            district.display_name.label("district_name"),
            Team.key.label("team"),
            Team.title.label("team_title"),
        )
        .outerjoin(district, district.ars == Body.district)
        .outerjoin(successor, successor.ars == Body.successor)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .outerjoin(Team, Team.key == TeamDistrict.team)
        .where(Body.ars == ars)
    ).first()
    if row is None:
        raise NotFound(what="body", name=ars)
    return row


def services_here(work: Work, body: Any) -> tuple[tuple[ServiceHere, ...], tuple[Text, ...], tuple[Text, ...]]:
    catalogue, language = work.catalogue, work.actor.language
    rows = work.session.execute(
        sa.select(
            Case.id,
            Case.number,
            Case.service,
            Case.process,
            Case.process_version,
            Case.state,
            Case.entered_on,
            Case.live_on,
            Case.rests,
            is_overdue(work.today).label("overdue"),
            is_escalated(work.catalogue).label("escalated"),
            sa.case((policy.cases(work.actor), 1), else_=0).label("visible"),
        )
        .where(
            Case.body == body.ars,
            parts.counts(),
            policy.case_states(work.actor, public=catalogue.programme.state_is_public),
        )
        .order_by(Case.round)
    )
    latest = {row.service: row for row in rows}
    here: list[ServiceHere] = []
    unknown: list[Text] = []
    elsewhere: list[Text] = []
    for key in sorted(
        latest.keys() | catalogue.services.keys(),
        key=lambda key: sort_key(title(language, parts.service_title(catalogue, key))),
    ):
        case, words = latest.get(key), parts.service_title(catalogue, key)
        responsible = catalogue.is_responsible(key, ars=body.ars, kind=body.kind)
        if case is None and not responsible:
            (unknown if responsible is None else elsewhere).append(words)
            continue
        here.append(_service(work, key, words, case))
    return tuple(here), tuple(unknown), tuple(elsewhere)


def _service(work: Work, key: str, words: Text, case: Any) -> ServiceHere:
    if case is None:
        return ServiceHere(key, words, None, None, None, None, None, overdue=False, escalated=False, rests=False)
    return ServiceHere(
        service=key,
        title=words,
        state=parts.state(work.catalogue, case.process, case.process_version, case.state),
        since=case.entered_on,
        live_on=case.live_on,
        case=case.id if case.visible else None,
        number=case.number if case.visible else None,
        overdue=bool(case.visible and case.overdue),
        escalated=bool(case.visible and case.escalated),
        rests=bool(case.visible and case.rests),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    holder: Holder
    name: str
    email: str
    bounced_on: dt.date | None


def _holders(work: Work, ars: str, team: str | None) -> list[_Known]:
    """Everybody with an account who holds a role at the body or in its team."""
    rows = work.session.execute(
        sa.select(
            Grant.person_id,
            Grant.role,
            Grant.body,
            Grant.service,
            Grant.team,
            Grant.operator,
            Person.name,
            Person.email,
            Person.bounced_at,
        )
        .join(Person, Person.id == Grant.person_id)
        .where(
            Grant.ended_at.is_(None),
            Person.ended_at.is_(None),
            sa.or_(Grant.body == ars, Grant.team == team) if team else Grant.body == ars,
        )
        .order_by(Person.search_key, Grant.started_at, Grant.id)
    )
    day_of = work.catalogue.calendar.today
    return [
        _Known(Holder(*row[:6]), row.name or "", row.email or "", day_of(row.bounced_at) if row.bounced_at else None)
        for row in rows
    ]


def _prerequisites(work: Work, ars: str, known: Sequence[_Known]) -> list[tuple[tuple[str, str], PrerequisiteHere]]:
    """Prerequisites of the body by kind and scope: what is open first, by its date."""
    rows = work.session.execute(
        sa.select(
            Prerequisite.id,
            Prerequisite.kind,
            Prerequisite.scope,
            Prerequisite.owner,
            Prerequisite.acting,
            Prerequisite.team,
            Prerequisite.status,
            Prerequisite.due_on,
            Prerequisite.done_on,
            Prerequisite.valid_until,
        ).where(Prerequisite.body == ars, policy.prerequisites(work.actor))
    ).all()
    ids = [row.id for row in rows]
    documents: dict[UUID, list[DocumentLink]] = {}
    for owner, document_id, name, size, sha256 in work.session.execute(
        sa.select(Document.prerequisite_id, Document.id, Document.name, Document.size, Document.sha256)
        .where(Document.prerequisite_id.in_(ids))
        .join(Evidence, sa.and_(Evidence.document_id == Document.id, Evidence.latest))
        .order_by(Document.uploaded_at)
    ):
        if owner is not None:
            documents.setdefault(owner, []).append(DocumentLink(document_id, name, size, sha256))
    answers: Mapping[UUID, int] = dict(
        work.session.execute(
            sa.select(Evidence.subject_id, sa.func.count())
            .where(Evidence.subject_kind == "prerequisite", Evidence.subject_id.in_(ids), Evidence.latest)
            .group_by(Evidence.subject_id)
        ).all()
    )
    waiting = held_up.of_body(work, ars)
    again = prerequisites.begin_again(work, ars)
    found = [
        (
            (row.kind, row.scope),
            _prerequisite(
                work,
                ars,
                row,
                known,
                cases=waiting.get(Needed(row.kind, row.scope), 0),
                answers=answers.get(row.id, 0),
                documents=documents.get(row.id, ()),
                again_on=again.get(row.id),
            ),
        )
        for row in rows
    ]
    language = work.actor.language
    return sorted(
        found,
        key=lambda entry: (
            entry[1].status == "done",
            entry[1].due.on if entry[1].due else dt.date.max,
            sort_key(title(language, entry[1].title)),
            entry[0],
        ),
    )


def _prerequisite(
    work: Work,
    ars: str,
    row: Any,
    known: Sequence[_Known],
    *,
    cases: int,
    answers: int,
    documents: Iterable[DocumentLink],
    again_on: dt.date | None,
) -> PrerequisiteHere:
    names = {one.holder.person_id: one.name for one in known}
    asked = row.acting or row.owner
    role, people = policy.in_charge(asked, _Place(ars, row.team), [one.holder for one in known])
    status = status_of(row.status, row.valid_until, work.today)
    return PrerequisiteHere(
        id=row.id,
        title=parts.prerequisite_title(work.catalogue, row.kind),
        scope=parts.scope_title(work.catalogue, row.scope),
        owner=parts.role_title(work.catalogue, asked),
        in_charge=parts.role_title(work.catalogue, role),
        people=tuple(names[person_id] for person_id in people),
        status=status,
        due=parts.due(work, row.due_on) if status != "done" else None,
        done_on=row.done_on,
        valid_until=parts.due(work, row.valid_until),
        cases=cases,
        answers=answers,
        documents=tuple(documents),
        recurring=work.catalogue.is_recurring(row.kind),
        again_on=again_on,
    )


def _askable(work: Work, body: Any, known: set[tuple[str, str]]) -> tuple[Askable, ...]:
    """What services of the body need, and every kind a body has once, unless it is asked for (`known`) already."""
    catalogue, language = work.catalogue, work.actor.language
    wanted = {(kind, "") for kind, entry in catalogue.shared.prerequisites.items() if entry.scoped_by is None}
    for key, service in catalogue.services.items():
        if catalogue.is_responsible(key, ars=body.ars, kind=body.kind):
            for variant in service.variants.values():
                wanted |= {(need.kind, need.scope) for need in variant.prerequisites}
    offered = [
        Askable(kind, scope, parts.prerequisite_title(catalogue, kind), parts.scope_title(catalogue, scope))
        for kind, scope in wanted - known
        if kind in catalogue.shared.prerequisites
    ]
    return tuple(sorted(offered, key=lambda one: (sort_key(title(language, one.title)), one.scope)))


def _roles(work: Work, ars: str, team: str | None, known: Sequence[_Known]) -> tuple[RoleHere, ...]:
    holders = [one.holder for one in known]
    place = _Place(ars, team or "")
    found: list[RoleHere] = []
    for name in BODY_ROLES:
        option = work.catalogue.programme.roles.get(name)
        held = tuple(
            HolderView(
                one.name,
                one.email,
                parts.service_title(work.catalogue, one.holder.service) if one.holder.service else None,
                one.bounced_on,
            )
            for one in known
            if one.holder.role == name and one.holder.body == ars
        )
        falls_to, _ = policy.in_charge(f"body.{name}", place, holders)
        found.append(
            RoleHere(
                title=parts.role_title(work.catalogue, name),
                help=option.help if option else None,
                holders=held,
                falls_to=parts.role_title(work.catalogue, falls_to) if falls_to != f"body.{name}" else None,
            )
        )
    return tuple(found)
