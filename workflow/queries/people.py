"""Who holds which role: the people of a body or a team as those see them who answer for them, and of everybody for
administrators."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from workflow import access, database, policy
from workflow.access import RoleWords
from workflow.definition import BODY_ROLES, CENTRAL_ROLES, ROLES, TEAM_ROLES, Text
from workflow.engine import Work
from workflow.errors import NotAllowed, NotFound
from workflow.models import (
    AccessLink,
    Body,
    Event,
    Grant,
    Invitation,
    Person,
    Team,
    TeamDistrict,
    TeamService,
    WebSession,
)
from workflow.policy import Role
from workflow.queries import parts
from workflow.queries.words import clean
from workflow.texts import searched_words, sort_key, title

PAGE = 50
"""People of one page of the list."""

State = Literal["active", "invited", "lapsed", "unused", "bounced", "ended"]
STATES: tuple[State, ...] = ("active", "invited", "lapsed", "unused", "bounced", "ended")
"""active: holds a role; invited: to a role not taken up, by a link that still opens the account; lapsed: invited, and
no link opens it any more; unused: an account without a role; bounced: mail does not arrive there; ended: nobody signs
in with it any more."""


@dataclass(frozen=True, slots=True)
class Held:
    """A role somebody holds, and whether the reader may end it."""

    id: UUID
    words: RoleWords
    since: dt.date
    may_end: bool


@dataclass(frozen=True, slots=True)
class Awaited:
    """A role somebody is invited to."""

    id: UUID
    words: RoleWords
    at: dt.datetime
    by: str | None
    may_withdraw: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """The latest link somebody who is invited got, where it was not the first."""

    at: dt.datetime
    """Real time."""
    by: str | None
    """None: asked for on the page for forgotten passwords."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person with roles, as far as the page is about them."""

    id: UUID
    name: str
    email: str
    held: tuple[Held, ...]
    awaited: tuple[Awaited, ...]
    until: dt.date | None
    """Of an invitation: the last day of its link; None without one that opens something."""
    sent: Sent | None
    bounced_on: dt.date | None
    ended_on: dt.date | None
    is_me: bool


@dataclass(frozen=True, slots=True)
class Vacant:
    """A role of a body nobody holds, and to whom it falls."""

    role: str
    title: Text
    falls_to: Text


@dataclass(frozen=True, slots=True)
class Offer:
    """A role the reader may give."""

    role: str
    title: Text
    help: Text | None


@dataclass(frozen=True, slots=True)
class Colleagues:
    """The people of a body."""

    ars: str
    name: str
    team_title: str | None
    people: tuple[Somebody, ...]
    vacant: tuple[Vacant, ...]
    offers: tuple[Offer, ...]
    """Empty when the reader invites nobody."""
    services: tuple[tuple[str, Text], ...]
    may_enter_absences: bool


@dataclass(frozen=True, slots=True)
class TeamLine:
    """A team as a line of the list."""

    key: str
    title: str
    members: int
    supervisors: int
    districts: int
    services: int


@dataclass(frozen=True, slots=True)
class TeamPage:
    """A team: who is in it, and what it looks after."""

    key: str
    title: str
    members: tuple[Somebody, ...]
    supervisors: tuple[Somebody, ...]
    districts: tuple[tuple[str, str], ...]
    services: tuple[tuple[str, Text], ...]
    offers: tuple[Offer, ...]
    may_enter_absences: bool
    lists_teams: bool


def colleagues(work: Work, ars: str) -> Colleagues:
    """Who works with Startklar at a body. Raises NotFound, or NotAllowed: neither there, nor of its team, nor admin."""
    row = work.session.execute(
        sa.select(Body.display_name, Body.valid_until, TeamDistrict.team, Team.title)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .outerjoin(Team, Team.key == TeamDistrict.team)
        .where(Body.ars == ars)
    ).first()
    if row is None:
        raise NotFound(what="body", name=ars)
    if not (policy.sees_people(work.actor, body=ars, team=row.team) or policy.is_admin(work.actor)):
        raise NotAllowed(roles=("body.leitung", "body.digi", "umsetzungsteam"))
    found = _people(work, Grant.body == ars, Invitation.body == ars)
    manned = {role.words.title for one in found for role in one.held if role.words.service is None}
    roles = work.catalogue.programme.roles
    vacant = tuple(
        Vacant(role, parts.role_title(work.catalogue, role), _falls_to(work, role, manned))
        for role in BODY_ROLES
        if parts.role_title(work.catalogue, role) not in manned
    )
    offered = [] if row.valid_until else [role for role in BODY_ROLES if _may_give(work, Role(role, body=ars))]
    return Colleagues(
        ars=ars,
        name=row.display_name,
        team_title=row.title,
        people=found,
        vacant=vacant,
        offers=tuple(Offer(role, roles[role].title, roles[role].help) for role in offered if role in roles),
        services=_services(work),
        may_enter_absences=policy.answers_for(work.actor, body=ars),
    )


def teams(work: Work) -> tuple[TeamLine, ...]:
    """Every team, for administrators, the programme office and auditors; those one is of, for everybody else."""
    query = sa.select(Team.key, Team.title)
    if not _lists_teams(work):
        query = query.where(Team.key.in_(policy.teams_of(work.actor)))
    counts = {
        name: dict(work.session.execute(sa.select(column, sa.func.count()).where(*where).group_by(column)).all())
        for name, column, where in (
            ("members", Grant.team, (Grant.role == "umsetzungsteam", Grant.ended_at.is_(None))),
            ("supervisors", Grant.team, (Grant.role == "supervisor", Grant.ended_at.is_(None))),
            ("districts", TeamDistrict.team, ()),
            ("services", TeamService.team, ()),
        )
    }
    return tuple(
        TeamLine(key, title, **{name: found.get(key, 0) for name, found in counts.items()})
        for key, title in _sorted_teams(work, query)
    )


def _sorted_teams(work: Work, query: sa.Select[str, str]) -> tuple[tuple[str, str], ...]:
    """Keys and titles of teams, by title."""
    rows = work.session.execute(query)
    return tuple(sorted(((key, title) for key, title in rows), key=lambda team: (sort_key(team[1]), team[0])))


def team(work: Work, key: str) -> TeamPage:
    """One team. Raises NotFound: there is none, or the reader has nothing to do with it."""
    title = work.session.execute(sa.select(Team.title).where(Team.key == key)).scalar()
    if title is None or not (_lists_teams(work) or key in policy.teams_of(work.actor)):
        raise NotFound(what="team", name=key)
    found = _people(work, Grant.team == key, Invitation.team == key)
    districts = work.session.execute(
        sa.select(Body.ars, Body.display_name)
        .join(TeamDistrict, TeamDistrict.district == Body.ars)
        .where(TeamDistrict.team == key)
        .order_by(database.plainly_sorted(work.session, Body.sort_key))
    )
    services = work.session.execute(sa.select(TeamService.service).where(TeamService.team == key)).scalars()
    roles = work.catalogue.programme.roles

    def of(role: str) -> tuple[Somebody, ...]:
        title = roles[role].title
        return tuple(
            one
            for one in found
            if any(held.words.title == title for held in one.held)
            or any(other.words.title == title for other in one.awaited)
        )

    return TeamPage(
        key=key,
        title=title,
        members=of("umsetzungsteam"),
        supervisors=of("supervisor"),
        districts=tuple((ars, name) for ars, name in districts),
        services=tuple((one, parts.service_title(work.catalogue, one)) for one in sorted(services)),
        offers=tuple(
            Offer(role, roles[role].title, roles[role].help)
            for role in TEAM_ROLES
            if _may_give(work, Role(role, team=key))
        ),
        may_enter_absences=policy.answers_for(work.actor, team=key),
        lists_teams=_lists_teams(work),
    )


# --- everybody, for administrators -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list of people is narrowed to. What does not exist narrows nothing."""

    text: str = ""
    role: str | None = None
    body: str | None = None
    team: str | None = None
    state: str | None = None

    @property
    def narrow(self) -> bool:
        """Whether anything is narrowed at all."""
        return self != Filters()


@dataclass(frozen=True, slots=True)
class PeopleList:
    """People by name, a page of them."""

    filters: Filters
    people: tuple[Somebody, ...]
    matching: int
    counts: Mapping[str, int]
    """Of `STATES`, among all accounts."""
    older: str | None
    """Where the next page begins."""
    is_first: bool
    roles: tuple[tuple[str, Text], ...]
    teams: tuple[tuple[str, str], ...]
    body_name: str | None


@dataclass(frozen=True, slots=True)
class Deed:
    """An entry of a person's history: what became of the account and its roles."""

    act: str
    at: dt.datetime
    by: str | None
    """None: nobody who can be named, or the operator."""
    by_themselves: bool
    roles: tuple[RoleWords, ...]


@dataclass(frozen=True, slots=True)
class PersonPage:
    """One account, as administrators see it."""

    somebody: Somebody
    language: str
    has_password: bool
    since: dt.date
    bounce_reason: str | None
    sessions: int
    same: tuple[tuple[UUID, str, str], ...]
    """Other accounts of the same human being: id, name, address."""
    history: tuple[Deed, ...]
    """The newest first."""
    is_me: bool
    is_erased: bool


@dataclass(frozen=True, slots=True)
class Places:
    """Where a role can be held, for the form of an invitation."""

    bodies: tuple[tuple[str, str], ...]
    teams: tuple[tuple[str, str], ...]
    operators: tuple[tuple[str, str], ...]
    services: tuple[tuple[str, Text], ...]
    roles: Mapping[str, tuple[Offer, ...]]
    """By kind of place: body, team, operator, land."""


def everybody(work: Work, filters: Filters = Filters(), *, after: str | None = None) -> PeopleList:
    """The accounts, by name. Raises NotAllowed unless asked by an administrator."""
    _insist_admin(work)
    filters = _sensible(work, filters)
    where = _narrowed(filters)
    order = database.plainly_sorted(work.session, Person.search_key)
    page = sa.select(Person.id).where(*where).order_by(order, Person.id).limit(PAGE + 1)
    if after is not None and (last := _cursor(after)) is not None:
        key = work.session.execute(sa.select(Person.search_key).where(Person.id == last)).scalar()
        if key is not None:
            page = page.where(sa.tuple_(order, Person.id) > sa.tuple_(sa.literal(key), sa.literal(last, sa.Uuid())))
    ids = list(work.session.execute(page).scalars())
    roles = work.catalogue.programme.roles
    return PeopleList(
        filters=filters,
        people=_of(work, ids[:PAGE]),
        matching=work.session.execute(sa.select(sa.func.count()).select_from(Person).where(*where)).scalar_one(),
        counts=_counts(work),
        older=ids[PAGE - 1].hex if len(ids) > PAGE else None,
        is_first=after is None,
        roles=tuple((role, roles[role].title) for role in ROLES if role in roles),
        teams=_sorted_teams(work, sa.select(Team.key, Team.title)),
        body_name=None if filters.body is None else _body_name(work, filters.body),
    )


def person(work: Work, person_id: UUID) -> PersonPage:
    """One account. Raises NotAllowed unless asked by an administrator, or NotFound, in this order."""
    _insist_admin(work)
    row = work.session.execute(sa.select(Person.__table__).where(Person.id == person_id)).first()
    if row is None:
        raise NotFound(what="person")
    now = database.real_now()
    open_ = (WebSession.revoked_at.is_(None), WebSession.expires_at > now)
    same = work.session.execute(
        sa.select(Person.id, Person.name, Person.email)
        .where(Person.human_id == row.human_id, Person.id != person_id)
        .order_by(Person.search_key, Person.id)
    )
    return PersonPage(
        somebody=_of(work, [person_id])[0],
        language=row.language,
        has_password=row.password is not None,
        since=work.catalogue.calendar.today(row.created_at),
        bounce_reason=row.bounce_reason,
        sessions=work.session.execute(
            sa.select(sa.func.count()).where(WebSession.person_id == person_id, *open_)
        ).scalar_one(),
        same=tuple((one.id, one.name or "", one.email or "") for one in same),
        history=_history(work, person_id),
        is_me=person_id == work.actor.id,
        is_erased=row.ended_at is not None and row.salt is None,
    )


def places(work: Work) -> Places:
    """Where a role can be held. Raises NotAllowed unless asked by an administrator."""
    _insist_admin(work)
    programme = work.catalogue.programme
    bodies = work.session.execute(
        sa.select(Body.ars, Body.display_name)
        .where(Body.valid_until.is_(None))
        .order_by(database.plainly_sorted(work.session, Body.sort_key))
    )
    teams = _sorted_teams(work, sa.select(Team.key, Team.title))
    by_kind = {"body": BODY_ROLES, "team": TEAM_ROLES, "operator": ("rollout_team",), "land": CENTRAL_ROLES}
    return Places(
        bodies=tuple((ars, name) for ars, name in bodies),
        teams=teams,
        operators=tuple((key, operator.title) for key, operator in programme.operators.items()),
        services=_services(work),
        roles={
            kind: tuple(
                Offer(role, programme.roles[role].title, programme.roles[role].help)
                for role in roles
                if role in programme.roles
            )
            for kind, roles in by_kind.items()
        },
    )


# --- helpers ---------------------------------------------------------------------------------------------------------


def _insist_admin(work: Work) -> None:
    if not policy.is_admin(work.actor):
        raise NotAllowed(roles=("admin",))


def _lists_teams(work: Work) -> bool:
    return policy.is_admin(work.actor) or work.actor.holds("programme_office", "auditor")


def _may_give(work: Work, role: Role) -> bool:
    """The role, for the whole place or for some service of it."""
    return policy.may_give(work.actor, role)


def _services(work: Work) -> tuple[tuple[str, Text], ...]:
    services = ((key, one.title) for key, one in work.catalogue.services.items())
    return tuple(sorted(services, key=lambda one: sort_key(title(work.actor.language, one[1]))))


def _falls_to(work: Work, role: str, manned: Iterable[Any]) -> Text:
    """Who acts meanwhile: digi, then leitung, then the team; for leitung the team (`policy.in_charge`)."""
    for other in () if role == "leitung" else ("digi", "leitung"):
        title = parts.role_title(work.catalogue, other)
        if other != role and title in manned:
            return title
    return parts.role_title(work.catalogue, "umsetzungsteam")


def _people(work: Work, held: sa.ColumnElement[bool], awaited: sa.ColumnElement[bool]) -> tuple[Somebody, ...]:
    """Everybody with a role there, or invited to one; with those roles only."""
    grants = sa.select(Grant.person_id).where(held, Grant.ended_at.is_(None), Grant.role.in_(ROLES))
    invitations = sa.select(Invitation.person_id).where(awaited)
    order = database.plainly_sorted(work.session, Person.search_key)
    there = sa.or_(Person.id.in_(grants), Person.id.in_(invitations))
    ids = work.session.execute(sa.select(Person.id).where(there).order_by(order, Person.id)).scalars()
    return _of(work, list(ids), held, awaited)


def _of(
    work: Work,
    ids: Sequence[UUID],
    held: sa.ColumnElement[bool] | None = None,
    awaited: sa.ColumnElement[bool] | None = None,
) -> tuple[Somebody, ...]:
    """These people in this order, with their roles (those of one place only, where that is said): six statements."""
    today, now = work.catalogue.calendar.today, database.real_now()
    people = {
        row.id: row
        for row in work.session.execute(
            sa.select(Person.id, Person.name, Person.email, Person.bounced_at, Person.ended_at).where(
                Person.id.in_(ids)
            )
        )
    }
    grants = work.session.execute(
        sa.select(Grant.__table__)
        .where(Grant.person_id.in_(ids), Grant.ended_at.is_(None), sa.true() if held is None else held)
        .order_by(Grant.started_at, Grant.id)
    ).all()
    invitations = work.session.execute(
        sa.select(Invitation.__table__, Person.name.label("inviter"))
        .outerjoin(Person, Person.id == Invitation.invited_by)
        .where(Invitation.person_id.in_(ids), sa.true() if awaited is None else awaited)
        .order_by(Invitation.invited_at, Invitation.id)
    ).all()
    links: dict[UUID, list[Any]] = {}
    for link in work.session.execute(
        sa.select(AccessLink.__table__, Person.name.label("maker"))
        .outerjoin(Person, Person.id == AccessLink.made_by)
        .where(
            AccessLink.person_id.in_({row.person_id for row in invitations}),
            AccessLink.kind == "invitation",
            AccessLink.used_at.is_(None),
        )
        .order_by(AccessLink.made_at, AccessLink.expires_at)
    ):
        links.setdefault(link.person_id, []).append(link)
    until = {one: sent[-1].expires_at for one, sent in links.items() if _opens(sent[-1], now)}
    both: list[Any] = [*grants, *invitations]
    words = dict(zip((row.id for row in both), access.words_of(work, map(_role, both)), strict=True))
    mine = work.actor.id
    return tuple(
        Somebody(
            id=one,
            name=people[one].name or "",
            email=people[one].email or "",
            held=tuple(
                Held(
                    row.id,
                    words[row.id],
                    today(row.started_at),
                    row.role in ROLES
                    and policy.may_give(work.actor, _role(row))
                    and not (one == mine and row.role in access.GIVING),
                )
                for row in grants
                if row.person_id == one
            ),
            awaited=tuple(
                Awaited(row.id, words[row.id], row.invited_at, row.inviter, policy.may_give(work.actor, _role(row)))
                for row in invitations
                if row.person_id == one
            ),
            until=today(until[one]) if one in until else None,
            sent=Sent(links[one][-1].made_at, links[one][-1].maker) if len(links.get(one, ())) > 1 else None,
            bounced_on=today(people[one].bounced_at) if people[one].bounced_at else None,
            ended_on=today(people[one].ended_at) if people[one].ended_at else None,
            is_me=one == mine,
        )
        for one in ids
    )


def _opens(link: Any, now: dt.datetime) -> bool:
    return link.ended_at is None and link.expires_at > now


def _role(row: Any) -> Role:
    return Role(row.role, row.body, row.service, row.team, row.operator)


def _sensible(work: Work, filters: Filters) -> Filters:
    return Filters(
        text=clean(filters.text),
        role=filters.role if filters.role in ROLES else None,
        body=filters.body if filters.body and _body_name(work, filters.body) else None,
        team=filters.team if filters.team and work.session.get(Team, filters.team) else None,
        state=filters.state if filters.state in STATES else None,
    )


def _body_name(work: Work, ars: str) -> str | None:
    return work.session.execute(sa.select(Body.display_name).where(Body.ars == ars)).scalar()


def _narrowed(filters: Filters) -> list[sa.ColumnElement[bool]]:
    where = [is_in(filters.state) if filters.state else Person.ended_at.is_(None)]
    where += [
        sa.or_(*(Person.search_key.contains(spelled, autoescape=True) for spelled in word))
        for word in searched_words(filters.text)
    ]
    for name in ("role", "body", "team"):
        if (value := getattr(filters, name)) is not None:
            held = sa.exists().where(
                Grant.person_id == Person.id, Grant.ended_at.is_(None), getattr(Grant, name) == value
            )
            awaited = sa.exists().where(Invitation.person_id == Person.id, getattr(Invitation, name) == value)
            where.append(sa.or_(held, awaited))
    return where


def is_in(state: str) -> sa.ColumnElement[bool]:
    """Whether an account is in one of `STATES`; one whose mail comes back is in two of them."""
    holds = sa.exists().where(Grant.person_id == Person.id, Grant.ended_at.is_(None))
    invited = sa.exists().where(Invitation.person_id == Person.id)
    opens = sa.exists().where(
        AccessLink.person_id == Person.id,
        AccessLink.kind == "invitation",
        AccessLink.used_at.is_(None),
        AccessLink.ended_at.is_(None),
        AccessLink.expires_at > database.real_now(),
    )
    there = Person.ended_at.is_(None)
    return {
        "active": sa.and_(there, holds),
        "invited": sa.and_(there, invited, opens),
        "lapsed": sa.and_(there, invited, sa.not_(opens)),
        "unused": sa.and_(there, sa.not_(holds), sa.not_(invited)),
        "bounced": sa.and_(there, Person.bounced_at.is_not(None)),
        "ended": sa.and_(sa.not_(there), Person.email.is_not(None)),
    }[state]


def _counts(work: Work) -> dict[str, int]:
    counted = [sa.func.coalesce(sa.func.sum(sa.case((is_in(state), 1), else_=0)), 0) for state in STATES]
    return dict(zip(STATES, work.session.execute(sa.select(*counted).select_from(Person)).one(), strict=True))


def _cursor(after: str) -> UUID | None:
    try:
        return UUID(hex=after)
    except ValueError:
        return None


def _history(work: Work, person_id: UUID) -> tuple[Deed, ...]:
    """The newest entries of a person's chain, roles by name."""
    rows = work.session.execute(
        sa.select(Event.act, Event.at, Event.actor_id, Event.content, Person.name)
        .outerjoin(Person, Person.id == Event.actor_id)
        .where(Event.chain_id == person_id)
        .order_by(Event.seq.desc())
        .limit(30)
    ).all()
    said = [json.loads(row.content) for row in rows]
    known = {
        row.id.hex: _role(row)
        for row in work.session.execute(sa.select(Grant.__table__).where(Grant.person_id == person_id))
    }
    roles = [_roles_in(one, known) for one in said]
    words = access.words_of(work, [role for some in roles for role in some])
    given = iter(words)
    return tuple(
        Deed(
            row.act,
            row.at,
            row.name,
            row.actor_id == person_id,
            tuple(next(given) for _ in some),
        )
        for row, some in zip(rows, roles, strict=True)
    )


def _roles_in(said: Mapping[str, Any], known: Mapping[str, Role]) -> list[Role]:
    """The roles an entry is about."""
    if "invited" in said:
        invited = said["invited"]
        names = ("role", "body", "service", "team", "operator")
        return [Role(**{name: invited.get(name) for name in names})]
    return [known[one] for one in said.get("rows", {}).get("role_grant", {}) if one in known]
