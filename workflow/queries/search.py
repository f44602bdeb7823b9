"""Searching: cases, bodies, services, people, prerequisites and documents by the words somebody types.

Every word must stand somewhere in what is found. Umlauts and ß are found however they are spelled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from workflow import database, policy
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Body, Case, Document, Grant, Person, Prerequisite, Team, TeamDistrict
from workflow.queries import parts
from workflow.queries.parts import DocumentLink, StateView, status_of
from workflow.queries.words import MOST_TEXT, Word, clean, words_of
from workflow.texts import search_key, sort_key, title

Kind = Literal["cases", "bodies", "services", "people", "prerequisites", "documents"]
KINDS: tuple[Kind, ...] = ("cases", "bodies", "services", "people", "prerequisites", "documents")
FEW, MANY = 10, 100
"""How many of a kind are shown beside others, and of one kind alone."""
LEAST_TEXT = 2
_NEAR = 200
"""Among so many bodies, the first by name, cases are looked for first: mostly that is enough for a page."""
_COLLEAGUES = 500
"""So many of the people one may find are looked at; administrators, who find everybody, are shown the first."""


@dataclass(frozen=True, slots=True)
class CaseHit:
    """A case; `mine` is false where a body of the actor only takes part in it."""

    id: UUID
    number: str
    service: Text
    body_name: str
    state: StateView
    rests: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class BodyHit:
    """A body."""

    ars: str
    name: str
    kind: str
    seat: str | None
    postcode: str | None
    ended_on: dt.date | None


@dataclass(frozen=True, slots=True)
class ServiceHit:
    """A service of the catalogue."""

    key: str
    title: Text
    summary: Text


@dataclass(frozen=True, slots=True)
class RoleOf:
    """A role somebody holds, and where."""

    title: Text
    body: str | None
    place: str | None
    """The name of the body or team; None for a role of the whole programme."""


@dataclass(frozen=True, slots=True)
class PersonHit:
    """Somebody. `email` only where the actor sees it anyway."""

    id: UUID
    name: str
    email: str | None
    roles: tuple[RoleOf, ...]


@dataclass(frozen=True, slots=True)
class PrerequisiteHit:
    """A prerequisite of a body."""

    id: UUID
    title: Text
    scope: Text | str | None
    body_name: str
    status: str


@dataclass(frozen=True, slots=True)
class DocumentHit:
    """A document and what it belongs to: a case, a prerequisite or a milestone."""

    document: DocumentLink
    case: UUID | None
    prerequisite: UUID | None
    milestone: UUID | None
    about: Text | None
    body_name: str | None
    uploaded_at: dt.datetime


Hit = TypeVar("Hit")


@dataclass(frozen=True, slots=True)
class Group(Generic[Hit]):
    """What was found of one kind; `more`: there is more than is shown."""

    hits: tuple[Hit, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found."""

    text: str
    """As it was understood."""
    shortened: bool
    too_short: bool
    only: Kind | None
    exact: UUID | None
    """The case of this very number."""
    cases: Group[CaseHit] = Group()
    bodies: Group[BodyHit] = Group()
    services: Group[ServiceHit] = Group()
    people: Group[PersonHit] = Group()
    prerequisites: Group[PrerequisiteHit] = Group()
    documents: Group[DocumentHit] = Group()
    administers: bool = False
    """The actor administers accounts: people have pages of their own."""

    @property
    def shown(self) -> int:
        """How many results there are on the page."""
        return sum(len(group.hits) for group in self._groups)

    @property
    def more(self) -> bool:
        """There is more than the page shows."""
        return any(group.more for group in self._groups)

    @property
    def _groups(self) -> tuple[Group[Any], ...]:
        return (self.cases, self.bodies, self.services, self.people, self.prerequisites, self.documents)


def search(work: Work, text: str, *, only: str | None = None) -> Found:
    """What this actor finds by these words; `only` one kind, and then more of it. Takes at most nine statements."""
    kind = next((one for one in KINDS if one == only), None)
    cleaned = clean(text)
    words = words_of(cleaned)
    shortened = len(text.strip()) > MOST_TEXT and bool(words)
    if len(cleaned) < LEAST_TEXT or not words:
        return Found(cleaned, shortened, bool(cleaned), kind, None)
    if (exact := _exact(work, words)) is not None:
        return Found(cleaned, shortened, False, kind, exact)
    asked = _Asked(work, words, MANY if kind else FEW)
    wanted = (kind,) if kind else KINDS
    return Found(
        cleaned,
        shortened,
        False,
        kind,
        None,
        cases=_cases(asked) if "cases" in wanted else Group(),
        bodies=_bodies(asked) if "bodies" in wanted else Group(),
        services=_services(asked) if "services" in wanted else Group(),
        people=_people(asked) if "people" in wanted else Group(),
        prerequisites=_prerequisites(asked) if "prerequisites" in wanted else Group(),
        documents=_documents(asked) if "documents" in wanted else Group(),
        administers=policy.is_admin(work.actor),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    work: Work
    words: tuple[Word, ...]
    most: int

    def sorted_by(self, *columns: Any) -> list[Any]:
        return [database.plainly_sorted(self.work.session, column) for column in columns]

    def few(self, query: sa.Select[*tuple[Any, ...]]) -> tuple[Sequence[Any], bool]:
        """As many rows as are shown, and whether there are more."""
        rows = self.work.session.execute(query.limit(self.most + 1)).all()
        return rows[: self.most], len(rows) > self.most


def _exact(work: Work, words: Sequence[Word]) -> UUID | None:
    """The case people call by this very number, if the actor may open it."""
    if len(words) != 1 or words[0].in_number() is None:
        return None
    known = sa.or_(policy.cases(work.actor), policy.takes_part(work.actor))
    return work.session.execute(sa.select(Case.id).where(Case.number == words[0].spellings[0], known)).scalar()


# --- cases -----------------------------------------------------------------------------------------------------------


def _cases(asked: _Asked) -> Group[CaseHit]:
    """The actor's own first, then those in which a body of the actor takes part; by body and service.

    The bodies are looked through first, and their cases found by index: among the first by name mostly there is enough.
    """
    narrowed = _narrowed(asked)
    if narrowed is None:
        return Group()
    of_body, of_case = narrowed
    near = (
        sa.select(Body.ars)
        .where(*of_body)
        .order_by(*asked.sorted_by(Body.sort_key, Body.ars))
        .limit(_NEAR)
        .correlate(None)
    )
    visible = policy.cases(asked.work.actor)
    rows: Sequence[Any] = ()
    more = False
    if visible is sa.true():  # whoever sees less is led by an index to what that is
        rows, more = asked.few(_case_query(asked, *of_case, Case.body.in_(near)))
    if not more:
        rows, more = asked.few(_case_query(asked, visible, *of_body, *of_case))
    hits = [_case(asked.work, row, mine=True) for row in rows]
    if not more and asked.work.actor.bodies():
        others = sa.and_(policy.takes_part(asked.work.actor), sa.not_(visible))
        rows, more = asked.few(_case_query(asked, others, *of_body, *of_case))
        hits += [_case(asked.work, row, mine=False) for row in rows]
    return Group(tuple(hits[: asked.most]), more or len(hits) > asked.most)


def _narrowed(asked: _Asked) -> tuple[list[sa.ColumnElement[bool]], list[sa.ColumnElement[bool]]] | None:
    """What the words ask of the body alone, and of the case; None when some word stands nowhere."""
    work = asked.work
    anywhere = [sa.exists(sa.select(sa.literal(1)).select_from(Body).where(word.in_body())) for word in asked.words]
    among_bodies = work.session.execute(sa.select(*(sa.case((one, 1), else_=0) for one in anywhere))).one()
    of_body: list[sa.ColumnElement[bool]] = []
    of_case: list[sa.ColumnElement[bool]] = []
    for word, in_body in zip(asked.words, among_bodies, strict=True):
        services, number = word.services(work.catalogue), word.in_number()
        otherwise: list[sa.ColumnElement[bool]] = [Case.service.in_(services)] if services else []
        otherwise += [number] if number is not None else []
        if in_body and not otherwise:
            of_body.append(word.in_body())
        elif otherwise:
            of_case.append(sa.or_(*otherwise, word.in_body()) if in_body else sa.or_(*otherwise))
        else:
            return None
    return of_body, of_case


def _case_query(asked: _Asked, *conditions: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    language, services = asked.work.actor.language, asked.work.catalogue.services
    ranked = sorted(services, key=lambda key: (sort_key(title(language, services[key].title)), key))
    rank = (
        sa.case({key: at for at, key in enumerate(ranked)}, value=Case.service, else_=len(ranked))
        if ranked
        else sa.literal(0)
    )
    columns = (Case.id, Case.number, Case.service, Case.process, Case.process_version, Case.state, Case.rests)
    return (
        sa.select(*columns, Body.display_name)
        .join(Body, Body.ars == Case.body)
        .where(*conditions, parts.counts())
        .order_by(*asked.sorted_by(Body.sort_key, Body.ars), rank, *asked.sorted_by(Case.number))
    )


def _case(work: Work, row: Any, *, mine: bool) -> CaseHit:
    return CaseHit(
        id=row.id,
        number=row.number,
        service=parts.service_title(work.catalogue, row.service),
        body_name=row.display_name,
        state=parts.state(work.catalogue, row.process, row.process_version, row.state),
        rests=row.rests and mine,
        mine=mine,
    )


# --- what stands beside them -----------------------------------------------------------------------------------------


def _bodies(asked: _Asked) -> Group[BodyHit]:
    """Those that are there before those that ended."""
    rows, more = asked.few(
        sa.select(Body.ars, Body.display_name, Body.kind, Body.seat, Body.postcode, Body.valid_until)
        .where(*(word.in_body() for word in asked.words))
        .order_by(Body.valid_until.is_not(None), *asked.sorted_by(Body.sort_key, Body.ars))
    )
    return Group(tuple(BodyHit(*row) for row in rows), more)


def _services(asked: _Asked) -> Group[ServiceHit]:
    services, language = asked.work.catalogue.services, asked.work.actor.language
    found = reduce(lambda left, right: left & right, (set(word.services(asked.work.catalogue)) for word in asked.words))
    keys = sorted(found, key=lambda key: (sort_key(title(language, services[key].title)), key))
    hits = tuple(ServiceHit(key, services[key].title, services[key].summary) for key in keys[: asked.most])
    return Group(hits, len(keys) > asked.most)


def _people(asked: _Asked) -> Group[PersonHit]:
    """People with an account. Whoever does not see an address does not find anybody by it."""
    work, actor = asked.work, asked.work.actor
    rows = work.session.execute(
        sa.select(Person.id, Person.name, Person.email)
        .where(
            Person.ended_at.is_(None),
            Person.name.is_not(None),
            policy.people(actor),
            *(word.in_key(Person.search_key) for word in asked.words),
        )
        .order_by(*asked.sorted_by(Person.search_key), Person.id)
        .limit(asked.most + 1 if policy.is_admin(actor) else _COLLEAGUES)
    ).all()
    places = _places(work, [row.id for row in rows])
    hits: list[PersonHit] = []
    for row in rows:
        held = places.get(row.id, ())
        shown = any(
            policy.sees_address(actor, row.id, body=one.body, team=one.looked_after_by) for one in held
        ) or policy.sees_address(actor, row.id, body=None, team=None)
        if shown or all(word.stands_in(search_key(row.name)) for word in asked.words):
            roles = (RoleOf(parts.role_title(work.catalogue, one.role), one.body, one.name) for one in held)
            hits.append(PersonHit(row.id, row.name, row.email if shown else None, tuple(dict.fromkeys(roles))))
    return Group(tuple(hits[: asked.most]), len(hits) > asked.most)


@dataclass(frozen=True, slots=True)
class _Place:
    role: str
    body: str | None
    name: str | None
    looked_after_by: str | None


def _places(work: Work, people: Iterable[UUID]) -> dict[UUID, list[_Place]]:
    """Where each of them holds which role."""
    rows = work.session.execute(
        sa.select(Grant.person_id, Grant.role, Grant.body, Body.display_name, Team.title, TeamDistrict.team)
        .outerjoin(Body, Body.ars == Grant.body)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .outerjoin(Team, Team.key == Grant.team)
        .where(Grant.person_id.in_(list(people)), Grant.ended_at.is_(None))
        .order_by(Grant.started_at, Grant.id)
    )
    found: dict[UUID, list[_Place]] = {}
    for person, role, body, name, team, looked_after_by in rows:
        found.setdefault(person, []).append(_Place(role, body, name or team, looked_after_by))
    return found


def _prerequisites(asked: _Asked) -> Group[PrerequisiteHit]:
    """Those whose kind a word names; the other words may name the body."""
    kinds = {
        key: search_key(kind.title.de, kind.title.en) for key, kind in asked.work.catalogue.shared.prerequisites.items()
    }
    named = [[key for key, words in kinds.items() if word.stands_in(words)] for word in asked.words]
    if not any(named):
        return Group()
    columns = (Prerequisite.id, Prerequisite.kind, Prerequisite.scope, Prerequisite.status, Prerequisite.valid_until)
    rows, more = asked.few(
        sa.select(*columns, Body.display_name)
        .join(Body, Body.ars == Prerequisite.body)
        .where(
            policy.prerequisites(asked.work.actor),
            *(
                sa.or_(Prerequisite.kind.in_(keys), word.in_body()) if keys else word.in_body()
                for word, keys in zip(asked.words, named, strict=True)
            ),
        )
        .order_by(*asked.sorted_by(Body.sort_key, Body.ars, Prerequisite.kind, Prerequisite.scope))
    )
    hits = (
        PrerequisiteHit(
            row.id,
            parts.prerequisite_title(asked.work.catalogue, row.kind),
            parts.scope_title(asked.work.catalogue, row.scope),
            row.display_name,
            status_of(row.status, row.valid_until, asked.work.today),
        )
        for row in rows
    )
    return Group(tuple(hits), more)


def _documents(asked: _Asked) -> Group[DocumentHit]:
    """By their names; the newest first."""
    catalogue = asked.work.catalogue
    case, proof = aliased(Case), aliased(Prerequisite)  # those of the rights stand in the same query
    rows, more = asked.few(
        sa.select(
            Document.id,
            Document.name,
            Document.size,
            Document.sha256,
            Document.case_id,
            Document.prerequisite_id,
            Document.milestone_id,
            Document.uploaded_at,
            case.service,
            proof.kind,
            Body.display_name,
        )
        .outerjoin(case, case.id == Document.case_id)
        .outerjoin(proof, proof.id == Document.prerequisite_id)
        .outerjoin(Body, Body.ars == sa.func.coalesce(case.body, proof.body))
        .where(
            policy.documents(asked.work.actor),
            *(word.in_key(Document.search_key) for word in asked.words),
        )
        .order_by(Document.uploaded_at.desc(), Document.id)
    )
    hits = (
        DocumentHit(
            DocumentLink(row.id, row.name, row.size, row.sha256),
            row.case_id,
            row.prerequisite_id,
            row.milestone_id,
            parts.service_title(catalogue, row.service)
            if row.service
            else parts.prerequisite_title(catalogue, row.kind)
            if row.kind
            else None,
            row.display_name,
            row.uploaded_at,
        )
        for row in rows
    )
    return Group(tuple(hits), more)
