"""All rights, decided in one place: what an actor sees as a clause for queries, what an actor may do as an answer.

The table behind it stands in docs/rights.md. Every query on cases begins with `cases`; every deed asks `insist`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa

from workflow.definition import BODY_ROLES
from workflow.errors import NotAllowed
from workflow.models import (
    Absence,
    Announcement,
    AnnouncementBody,
    Body,
    Bulk,
    Case,
    Closure,
    Cluster,
    ClusterMember,
    Delegation,
    Document,
    Evidence,
    Grant,
    Milestone,
    OnboardingRequest,
    Participant,
    Person,
    Prerequisite,
    SavedView,
    Task,
    TeamDistrict,
)


@dataclass(frozen=True, slots=True)
class Role:
    """A role somebody holds: at a body (and perhaps only for one service), in a team, for an operator, or centrally."""

    role: str
    body: str | None = None
    service: str | None = None
    team: str | None = None
    operator: str | None = None
    on_behalf_of: UUID | None = None
    """Whose role it is, when the actor stands in for somebody who is away today."""
    cluster: UUID | None = None
    """Of a co-ordinator: the cluster in which the body is a member."""


COORDINATOR = "coordinator"
"""Acts for a member of a cluster in one of its services; comes from the cluster and is never granted by hand."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, with the roles held in this very transaction. Two are equal when they have the same rights."""

    id: UUID | None
    name: str = field(compare=False)
    email: str = field(compare=False)
    language: str = field(compare=False)
    theme: str = field(compare=False)
    commitment: str | None = field(compare=False)
    roles: tuple[Role, ...]
    is_system: bool = False

    @classmethod
    def nobody(cls) -> Actor:
        """Somebody who has not signed in."""
        return cls(None, "", "", "de", "system", None, ())

    @classmethod
    def system(cls) -> Actor:
        """Time itself: sees every case, acts only through what time does."""
        return cls(None, "", "", "de", "system", None, (), is_system=True)

    @property
    def stands_for(self) -> tuple[UUID, ...]:
        """Whom the actor stands in for today."""
        return tuple(dict.fromkeys(held.on_behalf_of for held in self.roles if held.on_behalf_of is not None))

    def capacities(self) -> tuple[tuple[UUID | None, Actor], ...]:
        """The actor as somebody with own roles only (None), and as the deputy of each person who is away."""
        away = self.stands_for
        if not away:
            return ((None, self),)
        return tuple(
            (person, replace(self, roles=tuple(held for held in self.roles if held.on_behalf_of == person)))
            for person in (None, *away)
        )

    def holds(self, *roles: str) -> bool:
        """Whether the actor holds one of these roles anywhere."""
        return any(held.role in roles for held in self.roles)

    def bodies(self, *roles: str) -> tuple[str, ...]:
        """ARS of the bodies whose person the actor is, in one of these roles (any role, when none is named).

        The members whose affairs the actor only co-ordinates are not among them.
        """
        own = (held for held in self.roles if held.body and held.role != COORDINATOR)
        return _unique(held.body for held in own if not roles or held.role in roles)

    def coordinated(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The services the actor co-ordinates, each with the bodies."""
        found: dict[str, list[str]] = {}
        for held in self.roles:
            if held.role == COORDINATOR and held.service and held.body:
                found.setdefault(held.service, []).append(held.body)
        return tuple((service, _unique(bodies)) for service, bodies in found.items())

    def teams(self, *roles: str) -> tuple[str, ...]:
        """Teams in which the actor holds one of these roles."""
        return _unique(held.team for held in self.roles if held.team and held.role in roles)

    def operators(self) -> tuple[str, ...]:
        """Operators the actor works for."""
        return _unique(held.operator for held in self.roles if held.role == "rollout_team")


def held_roles(person: sa.ColumnElement[Any]) -> sa.Subquery:
    """The roles a person holds, and those of everybody the person ever stands in for, with the days of it.

    Administrators hand out rights, and nobody hands that on: their role stays with them while they are away.
    """
    columns = (Grant.role, Grant.body, Grant.service, Grant.team, Grant.operator, Grant.cluster_id)
    never, nobody = sa.cast(sa.null(), sa.Date()), sa.cast(sa.null(), sa.Uuid())
    own = sa.select(
        *columns, nobody.label("on_behalf_of"), never.label("from_on"), never.label("until_on"), Grant.started_at
    ).where(Grant.person_id == person, Grant.ended_at.is_(None))
    others = (
        sa.select(*columns, Absence.person_id, Absence.from_on, Absence.until_on, Grant.started_at)
        .join(Absence, Absence.person_id == Grant.person_id)
        .join(Person, sa.and_(Person.id == Absence.person_id, Person.ended_at.is_(None)))
        .where(
            Absence.deputy_id == person,
            Grant.ended_at.is_(None),
            Grant.role != "admin",
            sa.or_(Absence.body.is_(None), Absence.body == Grant.body),
            sa.or_(Absence.team.is_(None), Absence.team == Grant.team),
        )
    )
    return sa.union_all(own, others).subquery("held")


def roles_on(held: Iterable[Sequence[Any]], day: dt.date) -> tuple[Role, ...]:
    """The roles in force on a day, of rows of `held_roles`: the own ones first."""
    found = [
        (person is not None, started_at, Role(role, body, service, team, operator, person, cluster))
        for role, body, service, team, operator, cluster, person, from_on, until_on, started_at in held
        if role is not None and (person is None or from_on <= day <= until_on)
    ]
    return tuple(role for *_, role in sorted(found, key=lambda one: one[:2]))


class Concerned(Protocol):
    """What a right depends on: a case, or a task or prerequisite that repeats the case's columns."""

    @property
    def body(self) -> str: ...

    @property
    def service(self) -> str: ...

    @property
    def team(self) -> str: ...

    @property
    def operator(self) -> str | None: ...


class Owned(Concerned, Protocol):
    """Something that is a role's to do."""

    @property
    def owner(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who holds a role that matters to a case."""

    person_id: UUID
    role: str
    body: str | None
    service: str | None
    team: str | None
    operator: str | None
    deputy: UUID | None = None
    """Who stands in today, while this person is away."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Why an actor may act: in the role asked for, or because nobody holds it (`instead_of`)."""

    role: str
    instead_of: str | None = None
    on_behalf_of: UUID | None = None
    """Whose role it is: somebody who is away today, and whom the actor stands in for."""
    cluster: UUID | None = None
    """The cluster for whose member a co-ordinator acts."""

    @property
    def for_the_body(self) -> bool:
        """The team records what belongs to a body."""
        return self.role == "umsetzungsteam" and (self.instead_of or "").startswith("body.")


def acts_at(of: Concerned) -> str:
    """The body whose people act here: of a case whose service is given away, the delegate."""
    return getattr(of, "delegate", None) or of.body


def _is_participants(of: Concerned) -> bool:
    """Whether it is the task of a body that only takes part in the case."""
    return getattr(of, "scope", "") == of.body


# --- seeing ----------------------------------------------------------------------------------------------------------


def sees_every_case(actor: Actor) -> bool:
    """Whether there is no case this actor may not know about."""
    return actor.is_system or actor.holds("programme_office", "auditor")


def cases(actor: Actor) -> sa.ColumnElement[bool]:
    """The cases this actor may know about. Everything that lists, counts or opens cases begins here."""
    if sees_every_case(actor):
        return sa.true()
    seen: list[sa.ColumnElement[bool]] = []
    if bodies := actor.bodies():
        seen += [one_of(Case.body, bodies), _delegated_to(bodies)]
    for service, members in actor.coordinated():
        theirs = sa.or_(one_of(Case.body, members), _delegated_to(members))
        seen.append(sa.and_(Case.service == service, theirs))
    if teams := actor.teams("umsetzungsteam", "supervisor"):
        seen.append(one_of(Case.team, teams))
    if operators := actor.operators():
        seen.append(sa.and_(one_of(Case.operator, operators), Case.underway))
    return sa.or_(*seen) if seen else sa.false()


def _delegated_to(bodies: Iterable[str]) -> sa.ColumnElement[bool]:
    """Cases in which these bodies act for another: true or false, also where nobody does."""
    return sa.and_(Case.delegate.is_not(None), one_of(Case.delegate, bodies))


def takes_part(actor: Actor) -> sa.ColumnElement[bool]:
    """The cases in which a body takes part where this actor holds a role: of those only the state and the own tasks."""
    bodies = actor.bodies()
    if not bodies:
        return sa.false()
    there = (Participant.case_id == Case.id, Participant.left_on.is_(None))
    return sa.exists().where(*there, one_of(Participant.body, bodies))


class Known(Concerned, Protocol):
    """What decides whether a case may be known."""

    @property
    def underway(self) -> bool: ...

    @property
    def delegate(self) -> str | None: ...


def sees(actor: Actor, case: Known) -> bool:
    """`cases`, asked of one case that is at hand; a test compares the two over every account and case."""
    return (
        actor.is_system
        or actor.holds("programme_office", "auditor")
        or bool({case.body, case.delegate} & set(actor.bodies()))
        or any(
            case.service == service and {case.body, case.delegate} & set(members)
            for service, members in actor.coordinated()
        )
        or case.team in actor.teams("umsetzungsteam", "supervisor")
        or (case.underway and case.operator in actor.operators())
    )


def one_of(column: sa.SQLColumnExpression[Any], values: Iterable[str]) -> sa.ColumnElement[bool]:
    """The column has one of these values; written out, for a query that is kept (`statements`)."""
    return sa.or_(sa.false(), *(column == value for value in values))


def case_states(actor: Actor, *, public: bool) -> sa.ColumnElement[bool]:
    """The cases whose state and go-live date this actor may know: everybody's when the programme says so (`public`)."""
    return sa.true() if public and actor.id is not None else cases(actor)


def bulks(actor: Actor) -> sa.ColumnElement[bool]:
    """What was asked of many cases at once, for whom asked and for those who see every case."""
    if actor.is_system or actor.holds("programme_office", "auditor"):
        return sa.true()
    return Bulk.by_id == actor.id if actor.id is not None else sa.false()


def may_go_on(actor: Actor, *, mine: bool) -> bool:
    """Who may go on with what was cut off: whoever asked for it, and the programme office."""
    return mine or actor.holds("programme_office")


def asks_of_many(actor: Actor) -> bool:
    """Whether the list of cases offers to do one thing with many of them; every single one is asked anyway."""
    return actor.holds("umsetzungsteam", "supervisor", "programme_office", "leitung", "digi")


def prerequisites(actor: Actor) -> sa.ColumnElement[bool]:
    """The prerequisites this actor may know about: of the own bodies and of the districts of the own teams."""
    if actor.is_system or actor.holds("programme_office", "auditor"):
        return sa.true()
    seen: list[sa.ColumnElement[bool]] = []
    if bodies := actor.bodies():
        seen.append(one_of(Prerequisite.body, bodies))
    if teams := actor.teams("umsetzungsteam", "supervisor"):
        seen.append(one_of(Prerequisite.team, teams))
    return sa.or_(*seen) if seen else sa.false()


def documents(actor: Actor) -> sa.ColumnElement[bool]:
    """The documents this actor may download: of visible cases and prerequisites, of the own tasks in another body's
    case, and of milestones by need."""
    visible: list[sa.ColumnElement[bool]] = [
        sa.exists().where(Case.id == Document.case_id, cases(actor)),
        sa.exists().where(Prerequisite.id == Document.prerequisite_id, prerequisites(actor)),
    ]
    if bodies := actor.bodies():
        taking_part = (Participant.case_id == Document.case_id, Participant.left_on.is_(None))
        of_own_task = (
            Task.case_id == Document.case_id,
            Task.scope == Participant.body,
            Evidence.subject_kind == "task",
            Evidence.subject_id == Task.id,
            Evidence.document_id == Document.id,
        )
        visible.append(sa.exists().where(*taking_part, one_of(Participant.body, bodies), *of_own_task))
    if actor.is_system or actor.holds("programme_office", "auditor", "umsetzungsteam", "supervisor"):
        visible.append(sa.exists().where(Milestone.id == Document.milestone_id))
    return sa.or_(*visible)


def tasks_to_do(actor: Actor) -> sa.ColumnElement[bool]:
    """The tasks that wait for this actor now: of the own roles, and of roles nobody holds that fall to the actor.

    What a colleague has accepted is the colleague's, as long as the colleague still holds a role there; what was handed
    to the actor by name is the actor's. Otherwise the same rule as `standing`, said to the database; a test compares
    the two over every task and account.
    """
    return sa.or_(sa.false(), *(clause for _, clause in tasks_to_do_by(actor)))


def prerequisites_to_do(actor: Actor) -> sa.ColumnElement[bool]:
    """The prerequisites that wait for this actor now, by the same rule."""
    return sa.or_(sa.false(), *(clause for _, clause in prerequisites_to_do_by(actor)))


def tasks_free(actor: Actor) -> sa.ColumnElement[bool]:
    """The tasks nobody has accepted that the actor may act on, or may hand to somebody as supervisor of the team."""
    return _free_of(Task, actor, tasks_to_do(actor))


def prerequisites_free(actor: Actor) -> sa.ColumnElement[bool]:
    """The same of prerequisites."""
    return _free_of(Prerequisite, actor, prerequisites_to_do(actor))


def tasks_taken(actor: Actor) -> sa.ColumnElement[bool]:
    """The tasks of the actor's roles, and of a supervisor's team, that somebody has accepted who still works there."""
    branches = _to_do(actor, Task.acting, Task.body, Task.team, operator=Task.operator, service=Task.service)
    return _taken_of(Task, actor, branches)


def prerequisites_taken(actor: Actor) -> sa.ColumnElement[bool]:
    """The same of prerequisites."""
    branches = _to_do(actor, Prerequisite.acting, Prerequisite.body, Prerequisite.team)
    return _taken_of(Prerequisite, actor, branches)


def _free_of(
    of: type[Task] | type[Prerequisite], actor: Actor, to_do: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    held = sa.and_(of.status == "accepted", of.holder_id.in_([one for one in (actor.id, *actor.stands_for) if one]))
    return sa.or_(
        sa.and_(to_do, sa.or_(of.holder_id.is_(None), sa.not_(held))),
        sa.and_(of.acting.is_not(None), _supervised(of, actor), sa.not_(_is_with_somebody(of))),
    )


def _taken_of(
    of: type[Task] | type[Prerequisite], actor: Actor, branches: Sequence[sa.ColumnElement[bool]]
) -> sa.ColumnElement[bool]:
    ours = sa.or_(_supervised(of, actor), *branches)
    return sa.and_(of.acting.is_not(None), ours, _is_with_somebody(of))


def _supervised(of: type[Task] | type[Prerequisite], actor: Actor) -> sa.ColumnElement[bool]:
    return one_of(of.team, actor.teams("supervisor"))


def tasks_to_do_by(actor: Actor) -> list[tuple[UUID | None, sa.ColumnElement[bool]]]:
    """`tasks_to_do`, told apart by on whose behalf: the first that holds decides, None is the actor's own."""
    return _to_do_by(
        Task,
        actor,
        lambda who: _to_do(who, Task.acting, Task.body, Task.team, operator=Task.operator, service=Task.service),
    )


def prerequisites_to_do_by(actor: Actor) -> list[tuple[UUID | None, sa.ColumnElement[bool]]]:
    """`prerequisites_to_do`, told apart alike."""
    return _to_do_by(
        Prerequisite,
        actor,
        lambda who: _to_do(who, Prerequisite.acting, Prerequisite.body, Prerequisite.team),
    )


def _to_do_by(
    of: type[Task] | type[Prerequisite], actor: Actor, in_role: Callable[[Actor], Sequence[sa.ColumnElement[bool]]]
) -> list[tuple[UUID | None, sa.ColumnElement[bool]]]:
    """First what the actor, or somebody who is away, has accepted; then what is free in a role of theirs."""
    free = _is_free(of, actor)
    accepted: list[tuple[UUID | None, sa.ColumnElement[bool]]] = []
    others: list[tuple[UUID | None, sa.ColumnElement[bool]]] = []
    for person, capacity in actor.capacities():
        placed = _is_placed(of, actor if person is None else capacity)
        held = sa.and_(of.holder_id == (person or actor.id), of.status == "accepted")
        accepted.append((person, sa.and_(of.acting.is_not(None), held, placed)))
        second = _by_second_person(actor, person, of)
        others.append((person, sa.or_(sa.false(), *(sa.and_(branch, free, second) for branch in in_role(capacity)))))
    return [*accepted, *others]


# --- doing -----------------------------------------------------------------------------------------------------------


def standing(actor: Actor, owner: str, of: Concerned, holders: Callable[[], Sequence[Holder]]) -> Standing | None:
    """In what standing the actor may act as `owner`; None when not at all. Own roles come before those of others."""
    return next(standings(actor, owner, of, holders), None)


def standings(actor: Actor, owner: str, of: Concerned, holders: Callable[[], Sequence[Holder]]) -> Iterator[Standing]:
    """Every standing in which the actor may act as `owner`: of one's own, then as the deputy of each who is away.

    `holders` gives everybody who holds a role that matters to the case; it is asked only when the answer needs it. A
    body role nobody holds falls to digi, then leitung, then the case's team; leitung's only to the team; an operator
    without accounts to the team.
    """
    for person, capacity in actor.capacities():
        if _is(capacity, owner, of):
            yield Standing(owner, on_behalf_of=person)
        elif (cluster := coordinates(capacity, owner, of)) is not None:
            yield Standing(owner, on_behalf_of=person, cluster=cluster)
        elif len(_fallback(owner)) > 1:
            falls_to, _ = in_charge(owner, of, holders())
            if falls_to != owner and _is(capacity, falls_to, of):
                yield Standing(falls_to, owner, on_behalf_of=person)


def standing_of_assignee(
    actor: Actor, owner: str, of: Concerned, *, on_behalf_of: UUID | None = None
) -> Standing | None:
    """In what standing somebody acts who was handed a task by name; None when no role is left that could be the reason.

    Anybody of the body stands for the owner there; somebody of the team acts instead of a body or an operator.
    """
    if owner.startswith("body.") and acts_at(of) in actor.bodies():
        return Standing(owner, on_behalf_of=on_behalf_of)
    if (cluster := coordinates(actor, owner, of)) is not None:
        return Standing(owner, on_behalf_of=on_behalf_of, cluster=cluster)
    if owner == "rollout_team" and of.operator is not None and of.operator in actor.operators():
        return Standing(owner, on_behalf_of=on_behalf_of)
    if of.team in actor.teams("umsetzungsteam", "supervisor"):
        return Standing("umsetzungsteam", None if owner == "umsetzungsteam" else owner, on_behalf_of)
    return None


def coordinates(actor: Actor, owner: str, of: Concerned) -> UUID | None:
    """The cluster for whose member the actor acts as `owner` here: as any of its people, never as its leitung.

    What a member does in another body's case is not the cluster's.
    """
    if not owner.startswith("body.") or owner == "body.leitung" or _is_participants(of):
        return None
    return next(
        (
            held.cluster
            for held in actor.roles
            if held.role == COORDINATOR and held.body == acts_at(of) and held.service == of.service
        ),
        None,
    )


def are_four_eyes(
    acts: Iterable[UUID | None],
    did: Iterable[UUID | None],
    humans: Callable[[Iterable[UUID]], Mapping[UUID, UUID]],
) -> bool:
    """Whether those who act now are other people than those who did it.

    On both sides stand the person and whom the person stood in for; `humans` gives the human being behind each
    account, and is asked only when the accounts differ.
    """
    these, those = {one for one in acts if one}, {one for one in did if one}
    if not those or these & those:
        return not those
    human_of = humans(these | those)
    return not {human_of[one] for one in these} & {human_of[one] for one in those}


def handed_in_by(actor: Actor) -> sa.ColumnElement[bool]:
    """Tasks that wait for a second person because this very human being handed them in."""
    return sa.and_(Task.status == "submitted", Task.submitted_by.is_not(None), _is_same_human(actor, None))


def proof_handed_in_by(actor: Actor) -> sa.ColumnElement[bool]:
    """The same of prerequisites."""
    same = _is_same_human(actor, None, Prerequisite)
    return sa.and_(Prerequisite.status == "submitted", Prerequisite.submitted_by.is_not(None), same)


def in_charge(owner: str, of: Concerned, holders: Sequence[Holder]) -> tuple[str, tuple[UUID, ...]]:
    """Who acts as `owner` after the same fallback: the role it falls to, and everybody who holds that role."""
    for role in _fallback(owner):
        found = _holding(role, of, holders)
        if found:
            return role, found
    return _fallback(owner)[-1], ()


def stands_for_body(holder: Holder, of: Owned) -> bool:
    """Whether somebody may be handed what the people of a body do: all of them, and for most tasks a co-ordinator."""
    if holder.body != acts_at(of):
        return False
    if holder.role != COORDINATOR:
        return True
    return holder.service == of.service and of.owner != "body.leitung" and not _is_participants(of)


def lets_see(holder: Holder, case: Known) -> bool:
    """Whether somebody sees the case because of this role, one of those that matter to it."""
    if holder.role == "rollout_team":
        return case.underway and holder.operator == case.operator
    return holder.role != COORDINATOR or holder.service == case.service


def is_ours(actor: Actor, person_id: UUID | None, of: Concerned) -> bool:
    """The actor, or somebody the actor stands in for here today: an absence may count at one place only."""
    if person_id is None or person_id == actor.id:
        return person_id is not None
    return any(held.on_behalf_of == person_id and _is_held_at(held, of) for held in actor.roles)


def _is_held_at(held: Role, of: Concerned) -> bool:
    operator = of.operator is not None and held.operator == of.operator
    return held.body == acts_at(of) or held.team == of.team or operator


def reached(people: Iterable[UUID], holders: Sequence[Holder], *, asks: bool) -> dict[UUID, UUID | None]:
    """Who is told what is meant for these people, and on whose behalf (None: their own).

    While somebody is away the deputy is asked instead; of mere news both learn.
    """
    people = tuple(dict.fromkeys(people))
    deputies = {holder.person_id: holder.deputy for holder in holders if holder.deputy is not None}
    told: dict[UUID, UUID | None] = {one: None for one in people if not (asks and one in deputies)}
    for one in people:
        if one in deputies:
            told.setdefault(deputies[one], one)
    return told


def told_instead(role: str) -> tuple[str, ...]:
    """Who learns what somebody in this role should who cannot be reached by mail: others in the role, else the first of
    those who answer for it. To be told gives nobody a right to act."""
    office = ("supervisor", "programme_office")
    if role.startswith("body.") or role == COORDINATOR:
        return tuple(dict.fromkeys((role, "body.digi", "body.leitung", "umsetzungsteam", *office)))
    if role in ("umsetzungsteam", "rollout_team"):
        return tuple(dict.fromkeys((role, "umsetzungsteam", *office)))
    return tuple(dict.fromkeys((role, "programme_office")))


def recording(actor: Actor, owner: str, of: Concerned) -> Standing | None:
    """In what standing somebody of the case's team enters what a body told; None for whoever is not of the team."""
    if not owner.startswith("body."):
        return None
    for person, capacity in actor.capacities():
        if _is(capacity, "umsetzungsteam", of):
            return Standing("umsetzungsteam", owner, on_behalf_of=person)
    return None


def replying(actor: Actor, owner: str, of: Concerned, found: Standing | None) -> Standing | None:
    """In what standing somebody replies to a reminder: whoever may act (`found`), and the team in the owner's place.

    Supervisors extend a date instead.
    """
    if found is not None:
        return found
    for person, capacity in actor.capacities():
        if _is(capacity, "umsetzungsteam", of):
            return Standing("umsetzungsteam", None if owner == "umsetzungsteam" else owner, on_behalf_of=person)
    return None


def may_assign(actor: Actor, owner: str, of: Concerned) -> bool:
    """Who may hand a task to a named person: leitung any of the body's, digi all but leitung's, the supervisor any."""
    if _is(actor, "supervisor", of):
        return True
    if not owner.startswith("body."):
        return False
    return _is(actor, "body.leitung", of) or (owner != "body.leitung" and _is(actor, "body.digi", of))


def insist_may_assign(actor: Actor, owner: str, of: Concerned) -> Standing:
    """In what standing the actor hands a task on. Raises NotAllowed unless `may_assign`."""
    for person, capacity in actor.capacities():
        if may_assign(capacity, owner, of):
            return Standing("supervisor" if _is(capacity, "supervisor", of) else "body.digi", on_behalf_of=person)
    raise NotAllowed(roles=("body.leitung", "body.digi", "supervisor"))


def is_admin(actor: Actor) -> bool:
    """Who keeps the accounts: administrators, and the operator at the shell."""
    return actor.is_system or actor.holds("admin")


def sees_operations(actor: Actor) -> bool:
    """Who sees regular jobs and what fails, and has the history checked: administrators, auditors, the operator."""
    return actor.is_system or actor.holds("admin", "auditor")


def keeps_post(actor: Actor) -> bool:
    """Who sees which mails did not arrive, and sends them again: administrators, the programme office, the operator."""
    return actor.is_system or actor.holds("admin", "programme_office")


def reads_subjects(actor: Actor) -> bool:
    """To whom a mail's subject is shown, which names a case: to whoever sees every case. Not to administrators."""
    return actor.is_system or actor.holds("programme_office")


def may_give(actor: Actor, role: Role) -> bool:
    """Who gives a role, and ends it: administrators any; leitung those of the body, digi all of them but leitung's, for
    one service only who holds the own role for that one; a supervisor membership of the team.

    Nobody does so in another's place: standing in ends with a day, a role given meanwhile would not.
    """
    if is_admin(actor):
        return True
    own = [held for held in actor.roles if held.on_behalf_of is None]
    if role.team is not None:
        return role.role == "umsetzungsteam" and any(
            (held.role, held.team) == ("supervisor", role.team) for held in own
        )
    return (
        role.body is not None
        and role.role in BODY_ROLES
        and any(
            held.body == role.body
            and held.service in (None, role.service)
            and (held.role == "leitung" or (held.role == "digi" and role.role != "leitung"))
            for held in own
        )
    )


def answers_for(actor: Actor, *, body: str | None = None, team: str | None = None) -> bool:
    """Whether the people of a body or team are the actor's to look after: as leitung or digi there, as supervisor."""
    return (body is not None and body in actor.bodies("leitung", "digi")) or (
        team is not None and team in actor.teams("supervisor")
    )


def teams_of(actor: Actor) -> tuple[str, ...]:
    """The teams the actor is of, as a member or as supervisor: whose deadlines the actor may subscribe to."""
    return actor.teams("umsetzungsteam", "supervisor")


def saved_views(actor: Actor) -> sa.ColumnElement[bool]:
    """The lists kept under a name this actor may open: the own ones and those of the own teams. What they show is
    decided anew by who opens them."""
    if actor.id is None:
        return sa.false()
    return sa.or_(SavedView.owner_id == actor.id, one_of(SavedView.team, teams_of(actor)))


def may_change_view(actor: Actor, *, owner: UUID, team: str | None) -> bool:
    """Who renames, replaces and forgets a view: who keeps it, and of a team's view its supervisors."""
    return owner == actor.id or (team is not None and team in actor.teams("supervisor"))


def sees_milestones(actor: Actor) -> bool:
    """Milestones of the Land are known to everybody who is signed in."""
    return actor.is_system or actor.id is not None


def clusters(actor: Actor) -> sa.ColumnElement[bool]:
    """The clusters this actor may know about: of the own bodies, of the districts of the own teams, co-ordinated."""
    if actor.is_system or actor.holds("programme_office", "auditor"):
        return sa.true()
    member = sa.and_(ClusterMember.cluster_id == Cluster.id, ClusterMember.left_on.is_(None))
    seen: list[sa.ColumnElement[bool]] = [sa.false()]
    if bodies := actor.bodies():
        seen.append(sa.exists().where(member, one_of(ClusterMember.body, bodies)))
    if teams := actor.teams("umsetzungsteam", "supervisor"):
        district = sa.and_(Body.ars == ClusterMember.body, TeamDistrict.district == Body.district)
        seen.append(sa.exists().where(member, district, one_of(TeamDistrict.team, teams)))
    own = [held.cluster for held in actor.roles if held.cluster is not None]
    seen += [Cluster.id == one for one in dict.fromkeys(own)]
    return sa.or_(*seen)


def may_found(actor: Actor, teams: Iterable[str | None]) -> bool:
    """Who lets bodies act together: the programme office, and whoever looks after the districts of all of them."""
    return actor.is_system or actor.holds("programme_office") or set(teams) <= set(actor.teams("umsetzungsteam"))


def may_leave(actor: Actor, body: str, team: str | None) -> bool:
    """Who takes a body out of a cluster: its own leitung and digi, and who could have let it in."""
    return answers_for(actor, body=body) or may_found(actor, [team])


def delegations(actor: Actor) -> sa.ColumnElement[bool]:
    """What is given away between bodies, as far as this actor may know: of the own bodies on either side, and of the
    districts of the own teams."""
    if actor.is_system or actor.holds("programme_office", "auditor"):
        return sa.true()
    seen: list[sa.ColumnElement[bool]] = [sa.false()]
    if bodies := actor.bodies():
        seen += [one_of(Delegation.giver, bodies), one_of(Delegation.delegate, bodies)]
    if teams := actor.teams("umsetzungsteam", "supervisor"):
        place, team = Body.__table__.alias().c, TeamDistrict.__table__.alias().c
        either = sa.or_(place.ars == Delegation.giver, place.ars == Delegation.delegate)
        seen.append(sa.exists().where(either, team.district == place.district, one_of(team.team, teams)))
    return sa.or_(*seen)


def may_delegate(actor: Actor, giver: str, team: str | None) -> bool:
    """Who gives a body's service to another: its leitung, the team of its district and the programme office."""
    return (
        actor.is_system
        or actor.holds("programme_office")
        or giver in actor.bodies("leitung")
        or (team is not None and team in actor.teams("umsetzungsteam"))
    )


def may_end_delegation(actor: Actor, giver: str, delegate: str, team: str | None) -> bool:
    """Who ends it: whoever could have given it, and the delegate's leitung and digi."""
    return may_delegate(actor, giver, team) or answers_for(actor, body=delegate)


def closures(actor: Actor) -> sa.ColumnElement[bool]:
    """The closures this actor may know about: of the own bodies and of the districts of the own teams; administrators
    look after mail everywhere."""
    if actor.is_system or is_admin(actor):
        return sa.true()
    seen: list[sa.ColumnElement[bool]] = [one_of(Closure.body, actor.bodies())]
    if teams := actor.teams("umsetzungsteam", "supervisor"):
        place, team = Body.__table__.alias().c, TeamDistrict.__table__.alias().c
        seen.append(
            sa.exists().where(place.ars == Closure.body, team.district == place.district, one_of(team.team, teams))
        )
    return sa.or_(*seen)


def may_close(actor: Actor, body: str, team: str | None) -> bool:
    """Who says on which days a body's office is closed: its leitung and digi, and the team of its district."""
    return answers_for(actor, body=body) or (team is not None and team in actor.teams("umsetzungsteam"))


def may_set_mailbox(actor: Actor, *, body: str | None, team: str | None) -> bool:
    """Who says where mail for a role goes: whoever answers for the people there, and administrators anywhere."""
    return actor.is_system or is_admin(actor) or answers_for(actor, body=body, team=team)


def announcements(actor: Actor) -> sa.ColumnElement[bool]:
    """The announcements this actor may read: the own ones, those to the own bodies while they stand, and those to
    bodies in the districts of the own teams."""
    if actor.is_system or actor.holds("programme_office", "auditor"):
        return sa.true()
    to = AnnouncementBody.__table__.alias().c
    seen: list[sa.ColumnElement[bool]] = [sa.false()]
    if actor.id is not None:
        seen.append(Announcement.by_id == actor.id)
    if bodies := actor.bodies():
        mine = sa.exists().where(to.announcement_id == Announcement.id, one_of(to.body, bodies))
        seen.append(sa.and_(Announcement.withdrawn_at.is_(None), mine))
    if teams := actor.teams("umsetzungsteam", "supervisor"):
        place, team = Body.__table__.alias().c, TeamDistrict.__table__.alias().c
        looked_after = sa.and_(place.ars == to.body, team.district == place.district, one_of(team.team, teams))
        seen.append(sa.exists().where(to.announcement_id == Announcement.id, looked_after))
    return sa.or_(*seen)


def announced_to(actor: Actor) -> sa.ColumnElement[bool]:
    """The bodies this actor may write to: the programme office all, a supervisor those of the own teams' districts."""
    if actor.holds("programme_office"):
        return sa.true()
    team = TeamDistrict.__table__.alias().c
    mine = one_of(team.team, actor.teams("supervisor"))
    return sa.exists().where(team.district == Body.district, mine)


def insist_may_announce(actor: Actor) -> tuple[str, UUID | None]:
    """In which role the actor writes to bodies, and on whose behalf. Raises NotAllowed for all but the programme
    office and supervisors."""
    for role in ("programme_office", "supervisor"):
        for person, capacity in actor.capacities():
            if capacity.holds(role):
                return role, person
    raise NotAllowed(roles=("programme_office", "supervisor"))


def may_announce(actor: Actor) -> bool:
    """Who writes to chosen bodies."""
    return actor.holds("programme_office", "supervisor")


def may_withdraw_announcement(actor: Actor, by: UUID) -> bool:
    """Who takes an announcement back: who gave it, as long as the role is held, and the programme office."""
    return actor.holds("programme_office") or (by == actor.id and may_announce(actor))


def sees_people(actor: Actor, *, body: str, team: str | None) -> bool:
    """Who holds which role at a body is known to its own people and to its team."""
    return body in actor.bodies() or (team is not None and team in actor.teams("umsetzungsteam", "supervisor"))


def people(actor: Actor) -> sa.ColumnElement[bool]:
    """The people this actor may find by name: those of the own bodies and teams, the team that looks after an own body
    and the people of the bodies an own team looks after; the programme office and auditors those of all teams;
    administrators everybody."""
    if actor.is_system or is_admin(actor):
        return sa.true()
    if actor.id is None:
        return sa.false()
    grant = _another_grant()
    places: list[sa.ColumnElement[bool]] = [sa.false()]
    if bodies := actor.bodies():
        home, looks_after = Body.__table__.alias().c, TeamDistrict.__table__.alias().c
        ours = (one_of(home.ars, bodies), looks_after.district == home.district, looks_after.team == grant.team)
        places += [one_of(grant.body, bodies), sa.exists().where(*ours)]
    if teams := actor.teams("umsetzungsteam", "supervisor"):
        home, looks_after = Body.__table__.alias().c, TeamDistrict.__table__.alias().c
        theirs = (home.ars == grant.body, looks_after.district == home.district, one_of(looks_after.team, teams))
        places += [one_of(grant.team, teams), sa.exists().where(*theirs)]
    if actor.holds("programme_office", "auditor"):
        places += [grant.team.is_not(None), grant.role == "programme_office"]
    there = sa.exists().where(grant.person_id == Person.id, grant.ended_at.is_(None), sa.or_(*places))
    return sa.or_(Person.id == actor.id, there)


def sees_address(actor: Actor, person: UUID, *, body: str | None, team: str | None) -> bool:
    """Whether the address of somebody is shown who works at this body, which this team looks after: as the page of the
    body does; one's own, and to administrators every one."""
    mine = is_admin(actor) or person == actor.id
    return mine or (body is not None and sees_people(actor, body=body, team=team))


def sees_staff(actor: Actor) -> bool:
    """Which person of the Land did something is known to those who work in the programme, not to everybody."""
    return actor.is_system or actor.holds("programme_office", "auditor", "umsetzungsteam", "supervisor")


def may_request(actor: Actor, *, body: str, team: str | None) -> bool:
    """A body's own people and its team ask for a prerequisite before any case needs it."""
    return body in actor.bodies() or (team is not None and team in actor.teams("umsetzungsteam"))


def in_whose_place(actor: Actor, may: Callable[[Actor], bool]) -> UUID | None:
    """On whose behalf somebody does what `may` allows: None where the actor's own roles allow it."""
    return next((person for person, capacity in actor.capacities() if may(capacity)), None)


def insist_holds(actor: Actor, *roles: str) -> UUID | None:
    """Raises NotAllowed unless the actor holds one of these roles. Gives whom the actor stands in for, if anybody."""
    for person, capacity in actor.capacities():
        if capacity.holds(*roles):
            return person
    raise NotAllowed(roles=roles)


def may_follow_edition(actor: Actor) -> bool:
    """The programme office brings the list of bodies up to date, for cases move with it; so does the operator at the
    shell, who holds the keys of the database anyway."""
    return actor.is_system or actor.holds("programme_office")


def insist_may_follow_edition(actor: Actor) -> None:
    """Raises NotAllowed unless `may_follow_edition`."""
    if not may_follow_edition(actor):
        raise NotAllowed(roles=("programme_office",))


def may_foresee(actor: Actor) -> bool:
    """Which mails go to whom on the days to come: whoever sees every case, and the operator at the shell."""
    return actor.is_system or actor.holds("programme_office", "auditor")


def insist_may_foresee(actor: Actor) -> None:
    """Raises NotAllowed unless `may_foresee`."""
    if not may_foresee(actor):
        raise NotAllowed(roles=("programme_office", "auditor"))


def may_add_task(actor: Actor, owner: str, of: Concerned) -> bool:
    """Who adds a task to a running case, or takes it out again: its team and supervisor for anybody, digi and leitung
    of the body for roles of the body."""
    if allows(actor, ("umsetzungsteam", "supervisor"), of):
        return True
    return owner.startswith("body.") and allows(actor, ("body.digi", "body.leitung"), of)


def may_comment(actor: Actor, of: Concerned) -> bool:
    """Everybody who works on a case may say something about it; auditors only read."""
    return (
        actor.holds("programme_office")
        or bool({of.body, acts_at(of)} & set(actor.bodies()))
        or coordinates(actor, "body.digi", of) is not None
        or of.team in actor.teams("umsetzungsteam", "supervisor")
        or (of.operator is not None and of.operator in actor.operators())
    )


def insist_may_erase(actor: Actor) -> UUID | None:
    """Free text is erased by the programme office, or the operator at the shell. Raises NotAllowed. Gives whom the
    actor stands in for, if anybody."""
    return None if actor.is_system else insist_holds(actor, "programme_office")


def may_open(actor: Actor, team: str) -> bool:
    """The programme office and the team itself open cases."""
    return actor.holds("programme_office") or team in actor.teams("umsetzungsteam")


def onboarding_requests(actor: Actor) -> sa.ColumnElement[bool]:
    """The requests for a service this actor may know about: of the own bodies, and those the own teams answer."""
    if actor.is_system or actor.holds("programme_office", "auditor"):
        return sa.true()
    return sa.or_(
        one_of(OnboardingRequest.body, actor.bodies()),
        one_of(OnboardingRequest.team, actor.teams("umsetzungsteam", "supervisor")),
    )


def may_ask_for_service(actor: Actor, body: str) -> bool:
    """Who asks for a service to be connected: `leitung` and `digi` of the body."""
    return body in actor.bodies("leitung", "digi")


def may_decide_request(actor: Actor, team: str) -> bool:
    """Who answers such a request: whoever opens the case."""
    return actor.is_system or may_open(actor, team)


def allows(actor: Actor, by: Iterable[str], of: Concerned) -> bool:
    """Whether the actor is one of `by` for this case. Here no role falls to another."""
    return any(_is(actor, role, of) for role in by)


def insist(actor: Actor, by: Sequence[str], of: Concerned) -> Standing:
    """In what standing the actor is one of `by`. Raises NotAllowed, naming who may, unless `allows`."""
    for person, capacity in actor.capacities():
        for role in by:
            if _is(capacity, role, of):
                return Standing(role, on_behalf_of=person)
    raise NotAllowed(roles=tuple(by))


def _is(actor: Actor, role: str, of: Concerned) -> bool:
    """Whether the actor holds this very role where the case needs it."""
    if role == "system":
        return actor.is_system
    if role.startswith("body."):
        name = role.removeprefix("body.")
        return any(
            held.role == name and held.body == acts_at(of) and held.service in (None, of.service)
            for held in actor.roles
        )
    if role in ("umsetzungsteam", "supervisor"):
        return of.team in actor.teams(role)
    if role == "rollout_team":
        return of.operator is not None and of.operator in actor.operators()
    if role == COORDINATOR:
        return coordinates(actor, "body.digi", of) is not None
    return actor.holds(role)


def _holding(owner: str, of: Concerned, holders: Sequence[Holder]) -> tuple[UUID, ...]:
    if owner.startswith("body."):
        role = owner.removeprefix("body.")
        found = (
            holder.person_id
            for holder in holders
            if holder.role == role and holder.body == acts_at(of) and holder.service in (None, of.service)
        )
    elif owner in ("umsetzungsteam", "supervisor"):
        found = (holder.person_id for holder in holders if holder.role == owner and holder.team == of.team)
    elif owner == COORDINATOR:
        found = (
            holder.person_id
            for holder in holders
            if holder.role == owner
            and holder.body == acts_at(of)
            and holder.service == of.service
            and not _is_participants(of)
        )
    elif owner == "rollout_team":
        found = (
            holder.person_id
            for holder in holders
            if holder.role == owner and of.operator is not None and holder.operator == of.operator
        )
    else:
        found = (holder.person_id for holder in holders if holder.role == owner)
    return tuple(dict.fromkeys(found))


def _fallback(owner: str) -> tuple[str, ...]:
    if owner in ("rollout_team", "body.leitung"):
        return (owner, "umsetzungsteam")
    if owner.startswith("body."):
        return tuple(dict.fromkeys((owner, "body.digi", "body.leitung", COORDINATOR, "umsetzungsteam")))
    return (owner,)


def _to_do(
    actor: Actor,
    acting: sa.SQLColumnExpression[str | None],
    body: sa.SQLColumnExpression[str],
    team: sa.SQLColumnExpression[str],
    *,
    operator: sa.SQLColumnExpression[str | None] | None = None,
    service: sa.SQLColumnExpression[str] | None = None,
) -> list[sa.ColumnElement[bool]]:
    """What falls to the actor, place by place. Each branch names its place and that somebody is to act: the columns
    of an index, so that an inbox costs what is in it and not what is in the programme."""

    def nobody(role: sa.SQLColumnExpression[str] | str) -> sa.ColumnElement[bool]:
        grant = _another_grant()
        whole_body = grant.service.is_(None)
        suited = whole_body if service is None else sa.or_(whole_body, grant.service == service)
        return ~sa.exists().where(grant.body == body, grant.ended_at.is_(None), grant.role == role, suited)

    role_of = sa.func.replace(acting, "body.", "")
    of_body = acting.startswith("body.", autoescape=True)
    of_others = sa.and_(of_body, acting != "body.leitung")
    branches: list[sa.ColumnElement[bool]] = []
    places = ((held.body, held.service) for held in actor.roles if held.body and held.role != COORDINATOR)
    for place, only in dict.fromkeys(places):
        if only is not None and service is None:
            continue
        here_too = (held for held in actor.roles if (held.body, held.service) == (place, only))
        roles = {held.role for held in here_too if held.role != COORDINATOR}
        theirs: list[sa.ColumnElement[bool]] = [one_of(acting, sorted(f"body.{role}" for role in roles))]
        if "digi" in roles:
            theirs.append(sa.and_(of_others, nobody(role_of)))
        elif "leitung" in roles:
            theirs.append(sa.and_(of_others, nobody(role_of), nobody("digi")))
        here = sa.true() if only is None or service is None else service == only
        branches.append(sa.and_(body == place, acting.is_not(None), here, sa.or_(*theirs)))
    if service is not None:
        for only, members in actor.coordinated():
            of_members = (one_of(body, members), acting.is_not(None), service == only, of_others)
            branches.append(sa.and_(*of_members, Task.scope != body))  # a participant's is not the cluster's
    if teams := actor.teams("umsetzungsteam"):
        nobody_coordinates = nobody(COORDINATOR) if service is None else sa.or_(Task.scope == body, nobody(COORDINATOR))
        theirs = [acting == "umsetzungsteam"]
        theirs.append(
            sa.and_(
                of_body,
                nobody(role_of),
                nobody("leitung"),
                sa.or_(acting == "body.leitung", sa.and_(nobody("digi"), nobody_coordinates)),
            )
        )
        if operator is not None:
            grant = _another_grant()
            elsewhere = sa.and_(grant.ended_at.is_(None), grant.body.is_(None), grant.team.is_(None))
            served = sa.exists().where(elsewhere, grant.role == "rollout_team", grant.operator == operator)
            theirs.append(sa.and_(acting == "rollout_team", ~served))
        branches.append(sa.and_(one_of(team, teams), acting.is_not(None), sa.or_(*theirs)))
    if operator is not None and (operators := actor.operators()):
        branches.append(sa.and_(one_of(operator, operators), acting == "rollout_team"))
    return branches


def _by_second_person(
    actor: Actor, person: UUID | None, of: type[Task] | type[Prerequisite] = Task
) -> sa.ColumnElement[bool]:
    """`are_four_eyes`, said to the database, of the actor who acts alone or stands in for a person."""
    same = _is_same_human(actor, person, of)
    return sa.or_(of.status != "submitted", of.submitted_by.is_(None), sa.not_(same))


def _is_same_human(
    actor: Actor, person: UUID | None, of: type[Task] | type[Prerequisite] = Task
) -> sa.ColumnElement[bool]:
    did, acts = Person.__table__.alias(), Person.__table__.alias()
    return sa.exists().where(
        sa.or_(did.c.id == of.submitted_by, did.c.id == of.submitted_for),
        did.c.human_id == acts.c.human_id,
        sa.or_(sa.false(), *(acts.c.id == one for one in (actor.id, person) if one is not None)),
    )


def _is_free(of: type[Task] | type[Prerequisite], actor: Actor) -> sa.ColumnElement[bool]:
    """No colleague who still holds a role there has accepted it; what somebody accepted who is away is the deputy's."""
    ours = [of.holder_id == actor.id]
    for person in actor.stands_for:
        held = [role for role in actor.roles if role.on_behalf_of == person]
        places = [one_of(of.body, {role.body for role in held if role.body})]
        places.append(one_of(of.team, {role.team for role in held if role.team}))
        if of is Task:
            places.append(one_of(Task.operator, {role.operator for role in held if role.operator}))
        ours.append(sa.and_(of.holder_id == person, sa.or_(*places)))
    return sa.or_(of.status != "accepted", of.holder_id.is_(None), *ours, ~_is_still_there(of))


def _is_with_somebody(of: type[Task] | type[Prerequisite]) -> sa.ColumnElement[bool]:
    """Somebody has accepted it who still holds a role there."""
    return sa.and_(of.status == "accepted", of.holder_id.is_not(None), _is_still_there(of))


def _is_still_there(of: type[Task] | type[Prerequisite]) -> sa.ColumnElement[bool]:
    colleague = _another_grant()
    places = [colleague.body == of.body, colleague.team == of.team]
    if of is Task:
        places.append(colleague.operator == Task.operator)
    return sa.exists().where(colleague.person_id == of.holder_id, colleague.ended_at.is_(None), sa.or_(*places))


def _another_grant() -> Any:
    """The columns of `role_grant` once more, under a name of their own. `aliased` takes ten times as long."""
    return Grant.__table__.alias().c


def _is_placed(of: type[Task] | type[Prerequisite], actor: Actor) -> sa.ColumnElement[bool]:
    """`standing_of_assignee`, said to the database."""
    reasons: list[sa.ColumnElement[bool]] = [sa.false()]
    if bodies := actor.bodies():
        reasons.append(sa.and_(of.owner.startswith("body.", autoescape=True), one_of(of.body, bodies)))
    if of is Task:
        for service, members in actor.coordinated():
            theirs = sa.and_(Task.owner.startswith("body.", autoescape=True), Task.owner != "body.leitung")
            theirs = sa.and_(theirs, Task.scope != Task.body)
            reasons.append(sa.and_(theirs, Task.service == service, one_of(Task.body, members)))
    if (operators := actor.operators()) and of is Task:
        reasons.append(sa.and_(Task.owner == "rollout_team", one_of(Task.operator, operators)))
    if teams := actor.teams("umsetzungsteam", "supervisor"):
        reasons.append(one_of(of.team, teams))
    return sa.or_(*reasons)


def _unique(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
