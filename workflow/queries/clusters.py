"""Clusters: which bodies act together, who co-ordinates, and where the members' cases stand."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import clusters, policy
from workflow.definition import Text
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import Body, Case, Cluster, ClusterMember, ClusterService, Event, Person, TeamDistrict
from workflow.queries import parts
from workflow.queries.parts import StateView
from workflow.texts import sort_key


@dataclass(frozen=True, slots=True)
class ClusterLine:
    """A cluster in a list."""

    id: UUID
    title: str
    lead: str
    members: int
    services: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Clusters:
    """The list of clusters, and what a form for a new one offers (nothing when the actor may found none)."""

    known: tuple[ClusterLine, ...]
    bodies: tuple[tuple[str, str], ...]
    services: tuple[tuple[str, Text], ...]


@dataclass(frozen=True, slots=True)
class CaseCell:
    """Where one service of one member stands. `id` is None when the actor does not see the case."""

    service: Text
    state: StateView | None
    id: UUID | None
    rests: bool
    responsible: bool = True
    """False when this kind of body is not responsible for the service at all."""


@dataclass(frozen=True, slots=True)
class Member:
    """A body in a cluster."""

    ars: str
    name: str
    joined_on: dt.date
    leads: bool
    cells: tuple[CaseCell, ...]
    may_leave: bool


@dataclass(frozen=True, slots=True)
class Former:
    """A body that left."""

    ars: str
    name: str
    joined_on: dt.date
    left_on: dt.date


@dataclass(frozen=True, slots=True)
class Coordinator:
    """Somebody who acts for the members."""

    id: UUID
    name: str | None
    may_dismiss: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry of the cluster's history: what was done, by whom, and whom it was about: a body or a person."""

    at: dt.datetime
    act: str
    who: str | None
    about: str | None


@dataclass(frozen=True, slots=True)
class ClusterPage:
    """Everything the page of a cluster shows."""

    id: UUID
    title: str
    services: tuple[Text, ...]
    members: tuple[Member, ...]
    former: tuple[Former, ...]
    coordinators: tuple[Coordinator, ...]
    candidates: tuple[tuple[UUID, str], ...]
    """Whom the actor may name; empty when the actor may not."""
    bodies: tuple[tuple[str, str], ...]
    """Who may join; empty likewise."""
    history: tuple[Happening, ...]


def index(work: Work) -> Clusters:
    """The clusters the actor may know of, by name."""
    rows = work.session.execute(
        sa.select(Cluster.id, Cluster.title, Body.display_name, _MEMBERS)
        .join(Body, Body.ars == Cluster.lead)
        .where(policy.clusters(work.actor))
    ).all()
    services = _services(work)
    known = (ClusterLine(row.id, row.title, row.display_name, row.members, services.get(row.id, ())) for row in rows)
    bodies = _open_to(work)
    offered = sorted(
        ((key, entry.title) for key, entry in work.catalogue.services.items()), key=lambda one: sort_key(one[1].de)
    )
    return Clusters(
        tuple(sorted(known, key=lambda line: (sort_key(line.title), line.id))),
        bodies,
        tuple(offered) if bodies else (),
    )


def cluster(work: Work, cluster_id: UUID) -> ClusterPage:
    """The page of a cluster. Raises NotFound when it is not there or not for this actor."""
    row = work.session.execute(
        sa.select(Cluster.id, Cluster.title, Cluster.lead).where(Cluster.id == cluster_id, policy.clusters(work.actor))
    ).first()
    if row is None:
        raise NotFound(what="cluster")
    keys = _service_keys(work, cluster_id)
    members = work.session.execute(
        sa.select(ClusterMember, Body.display_name, Body.kind, TeamDistrict.team)
        .join(Body, Body.ars == ClusterMember.body)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .where(ClusterMember.cluster_id == cluster_id)
        .order_by(Body.sort_key, ClusterMember.joined_on)
    ).all()
    here = [one for one in members if one.ClusterMember.left_on is None]
    cells = _cells(work, [one.ClusterMember.body for one in here], keys)
    may_name = clusters.may_name(work, cluster_id)
    taken = {one.ClusterMember.body for one in here}
    return ClusterPage(
        id=row.id,
        title=row.title,
        services=tuple(parts.service_title(work.catalogue, key) for key in keys),
        members=tuple(
            Member(
                ars=one.ClusterMember.body,
                name=one.display_name,
                joined_on=one.ClusterMember.joined_on,
                leads=one.ClusterMember.body == row.lead,
                cells=tuple(
                    cells.get((one.ClusterMember.body, key)) or _no_case(work, key, one.ClusterMember.body, one.kind)
                    for key in keys
                ),
                may_leave=one.ClusterMember.body != row.lead
                and policy.may_leave(work.actor, one.ClusterMember.body, one.team),
            )
            for one in here
        ),
        former=tuple(
            Former(one.ClusterMember.body, one.display_name, one.ClusterMember.joined_on, one.ClusterMember.left_on)
            for one in members
            if one.ClusterMember.left_on is not None
        ),
        coordinators=_coordinators(work, cluster_id, may_name=may_name),
        candidates=_candidates(work, cluster_id) if may_name else (),
        bodies=tuple(one for one in _open_to(work) if one[0] not in taken) if may_name else (),
        history=_history(work, cluster_id),
    )


def _cells(work: Work, bodies: list[str], services: list[str]) -> Mapping[tuple[str, str], CaseCell]:
    """The newest case of each member and service whose state the actor may know."""
    visible = sa.case((policy.cases(work.actor), 1), else_=0).label("visible")
    public = policy.case_states(work.actor, public=work.catalogue.programme.state_is_public)
    rows = work.session.execute(
        sa.select(Case.id, Case.body, Case.service, Case.process, Case.process_version, Case.state, Case.rests, visible)
        .where(Case.body.in_(bodies), Case.service.in_(services), public, Case.superseded_by.is_(None))
        .order_by(Case.round)
    )
    return {
        (row.body, row.service): CaseCell(
            parts.service_title(work.catalogue, row.service),
            parts.state(work.catalogue, row.process, row.process_version, row.state),
            row.id if row.visible else None,
            row.rests if row.visible else False,
        )
        for row in rows
    }


def _no_case(work: Work, service: str, ars: str, kind: str) -> CaseCell:
    responsible = work.catalogue.is_responsible(service, ars=ars, kind=kind)
    return CaseCell(parts.service_title(work.catalogue, service), None, None, False, responsible is not False)


def _coordinators(work: Work, cluster_id: UUID, *, may_name: bool) -> tuple[Coordinator, ...]:
    ids = sorted(clusters.coordinators(work, cluster_id))
    rows = work.session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(ids)).order_by(Person.search_key))
    return tuple(Coordinator(one, name, may_name or one == work.actor.id) for one, name in rows)


def _candidates(work: Work, cluster_id: UUID) -> tuple[tuple[UUID, str], ...]:
    named = clusters.coordinators(work, cluster_id)
    return tuple(one for one in clusters.candidates(work, cluster_id) if one[0] not in named)


def _history(work: Work, cluster_id: UUID) -> tuple[Happening, ...]:
    rows = work.session.execute(
        sa.select(Event.at, Event.act, Event.content, Person.name)
        .outerjoin(Person, Person.id == Event.actor_id)
        .where(Event.chain_id == cluster_id)
        .order_by(Event.seq.desc())
        .limit(50)
    ).all()
    said = [json.loads(row.content) for row in rows]
    bodies = dict(
        work.session.execute(
            sa.select(ClusterMember.id, Body.display_name)
            .join(Body, Body.ars == ClusterMember.body)
            .where(ClusterMember.cluster_id == cluster_id)
        ).all()
    )
    people = {UUID(one["person"]) for one in said if "person" in one}
    named = dict(work.session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(people))).all())
    names = policy.sees_staff(work.actor)
    return tuple(
        Happening(row.at, row.act, row.name if names else None, _about(row.act, one, bodies, named))
        for row, one in zip(rows, said, strict=True)
    )


def _about(
    act: str, said: Mapping[str, Any], bodies: Mapping[UUID, str], people: Mapping[UUID, str | None]
) -> str | None:
    """The body that joined or left, the person who was named or dismissed; None where that is nobody any more."""
    if act in ("joined", "left"):
        return next((bodies.get(UUID(key)) for key in said["rows"]["cluster_member"]), None)
    return people.get(UUID(said["person"])) if "person" in said else None


def _services(work: Work) -> dict[UUID, tuple[Text, ...]]:
    found: dict[UUID, list[Text]] = {}
    rows = work.session.execute(sa.select(ClusterService.cluster_id, ClusterService.service))
    for cluster_id, service in rows:
        found.setdefault(cluster_id, []).append(parts.service_title(work.catalogue, service))
    return {key: tuple(sorted(titles, key=lambda title: sort_key(title.de))) for key, titles in found.items()}


def _service_keys(work: Work, cluster_id: UUID) -> list[str]:
    query = sa.select(ClusterService.service).where(ClusterService.cluster_id == cluster_id)
    keys = list(work.session.execute(query).scalars())
    return sorted(keys, key=lambda key: sort_key(parts.service_title(work.catalogue, key).de))


def _open_to(work: Work) -> tuple[tuple[str, str], ...]:
    """The bodies the actor may let act together, by name."""
    rows = work.session.execute(
        sa.select(Body.ars, Body.display_name, TeamDistrict.team)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .where(Body.valid_until.is_(None))
        .order_by(Body.sort_key, Body.ars)
    )
    return tuple((ars, name) for ars, name, team in rows if policy.may_found(work.actor, [team]))


_MEMBERS = (
    sa.select(sa.func.count())
    .where(ClusterMember.cluster_id == Cluster.id, ClusterMember.left_on.is_(None))
    .scalar_subquery()
    .label("members")
)
