"""Bodies that act together: who is in a cluster, who co-ordinates it, and one decision for the cases of many members.

A co-ordinator's rights are roles of its own, one per member and service, that come and go with the members; so that
every right is asked in one way. Joining, leaving and naming somebody are entries in the cluster's chain.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import casework, events, people, policy, refusals, secrecy, tasks
from workflow.definition import canonical
from workflow.engine import Work
from workflow.errors import Conflict, NotAllowed, NotFound, Refused, StartklarError
from workflow.evidence import NOTHING, Given
from workflow.models import (
    Body,
    Cluster,
    ClusterMember,
    ClusterService,
    Grant,
    Notice,
    Person,
    Task,
    TeamDistrict,
)
from workflow.policy import COORDINATOR, Role

MOST_TITLE = 200
NOTHING_SEEN: Mapping[str, int] = MappingProxyType({})
MOST_TOGETHER = 100
"""Cases one decision may be for: one transaction holds them all."""


@dataclass(frozen=True, slots=True)
class ClusterView:
    """A cluster after a deed."""

    id: UUID
    title: str


@dataclass(frozen=True, slots=True)
class Handed:
    """What a decision for many cases came to in one of them: the task as it is now, or why not (`refusals`)."""

    task_id: UUID
    task: tasks.TaskView | None
    refused: str | None


# --- members and co-ordinators ---------------------------------------------------------------------------------------


def found(work: Work, title: str, lead: str, members: Iterable[str], services: Iterable[str]) -> ClusterView:
    """Let bodies act together for some services; `lead` is one of them.

    The programme office may, and the team that looks after the districts of all members. Raises NotFound (a body or
    service), Refused (a body that ended), NotAllowed, Refused (no name), InvalidEvidence (a name that must not be kept
    anywhere) or Refused (one body only, no service), in this order.
    """
    bodies = tuple(dict.fromkeys((lead, *members)))
    wanted = tuple(dict.fromkeys(services))
    for service in wanted:
        work.catalogue.service(service)
    teams = [_team_of(work, body) for body in bodies]
    if not policy.may_found(work.actor, teams):
        raise NotAllowed(roles=("programme_office", "umsetzungsteam"))
    words = title.strip()
    if not 0 < len(words) <= MOST_TITLE:
        raise Refused("error.cluster_title")
    secrecy.insist_none({"title": words})
    if len(bodies) < 2:
        raise Refused("error.cluster_members")
    if not wanted:
        raise Refused("error.cluster_services")

    cluster_id = uuid4()
    row = {"lead": lead, "founded_on": work.today}
    joined = {uuid4(): {"body": body, "joined_on": work.today} for body in bodies}
    served = {uuid4(): {"service": service} for service in wanted}
    said = {
        "cluster": row,
        "rows": {
            "cluster_member": {row_id.hex: values for row_id, values in joined.items()},
            "cluster_service": {row_id.hex: values for row_id, values in served.items()},
        },
        **casework.said_of_place(work.actor, lambda who: policy.may_found(who, teams)),
    }
    entry = events.link(work, "cluster", cluster_id, 0, events.START, "founded", said)
    work.session.execute(
        sa.insert(Cluster), {"id": cluster_id, "title": words, "seq": entry.seq, "head": entry.head, **row}
    )
    for model, rows in ((ClusterMember, joined), (ClusterService, served)):
        values: list[dict[str, Any]] = [{"id": key, "cluster_id": cluster_id, **one} for key, one in rows.items()]
        work.session.execute(sa.insert(model), values)
    work.session.execute(events.APPEND, entry.values)
    return ClusterView(cluster_id, words)


def join(work: Work, cluster_id: UUID, body: str) -> ClusterView:
    """Take a body in; its co-ordinators act for it from now on.

    Raises NotFound (the cluster, the body), Refused (a body that ended), NotAllowed or Conflict (it is in it already),
    in this order.
    """
    row, team = _lock(work, cluster_id), _team_of(work, body)
    if not policy.may_found(work.actor, [team]):
        raise NotAllowed(roles=("programme_office", "umsetzungsteam"))
    if body in _members(work, cluster_id):
        raise Conflict(what="cluster_member")

    member_id, values = uuid4(), {"body": body, "joined_on": work.today}
    work.session.execute(sa.insert(ClusterMember), {"id": member_id, "cluster_id": cluster_id, **values})
    for person_id in sorted(coordinators(work, cluster_id)):
        _give(work, cluster_id, person_id, [body], _services(work, cluster_id))
    said = casework.said_of_place(work.actor, lambda who: policy.may_found(who, [team]))
    return _record(work, row, "joined", rows={"cluster_member": {member_id.hex: values}}, **said)


def leave(work: Work, cluster_id: UUID, body: str) -> ClusterView:
    """Take a body out: nobody co-ordinates its affairs any more, and its people co-ordinate nobody's.

    Its own `leitung` and `digi` may, and who could have let it in. Raises NotFound (the cluster, or the body is not in
    it), NotAllowed or Refused (it leads the cluster), in this order.
    """
    row = _lock(work, cluster_id)
    member_id = _members(work, cluster_id).get(body)
    if member_id is None:
        raise NotFound(what="body", name=body)
    team = _team_of(work, body, ended=True)
    if not policy.may_leave(work.actor, body, team):
        raise NotAllowed(roles=("body.leitung", "body.digi", "programme_office", "umsetzungsteam"))
    if body == row.lead:
        raise Refused("error.cluster_lead", body=_name_of(work, body))

    work.session.execute(sa.update(ClusterMember).where(ClusterMember.id == member_id).values(left_on=work.today))
    named = coordinators(work, cluster_id)
    leaving = named - {person_id for person_id, _ in candidates(work, cluster_id)}
    for person_id in sorted(named):
        _take(work, cluster_id, person_id, sa.true() if person_id in leaving else Grant.body == body)
    said: dict[str, Any] = {"dismissed": sorted(leaving)} if leaving else {}
    said |= casework.said_of_place(work.actor, lambda who: policy.may_leave(who, body, team))
    return _record(work, row, "left", rows={"cluster_member": {member_id.hex: {"left_on": work.today}}}, **said)


def name_coordinator(work: Work, cluster_id: UUID, person_id: UUID) -> ClusterView:
    """Let somebody act for every member in the cluster's services, in all roles but `leitung`.

    Raises NotFound (the cluster), NotAllowed, Refused (nobody of a member's), NotFound (the person) or Conflict (named
    already), in this order.
    """
    row = _lock(work, cluster_id)
    said = _insist_may_name(work, cluster_id)
    if person_id not in {one for one, _ in candidates(work, cluster_id)}:
        raise Refused("error.cluster_coordinator")
    people.lock(work, person_id)
    if person_id in coordinators(work, cluster_id):
        raise Conflict(what="coordinator")

    _give(work, cluster_id, person_id, sorted(_members(work, cluster_id)), _services(work, cluster_id))
    return _record(work, row, "coordinator_named", person=person_id, **said)


def dismiss_coordinator(work: Work, cluster_id: UUID, person_id: UUID) -> ClusterView:
    """End somebody's co-ordination. Raises NotFound (the cluster, or no co-ordinator) or NotAllowed, in this order."""
    row = _lock(work, cluster_id)
    if person_id not in coordinators(work, cluster_id):
        raise NotFound(what="person")
    said = _insist_may_name(work, cluster_id) if person_id != work.actor.id else {}
    _take(work, cluster_id, person_id, sa.true())
    return _record(work, row, "coordinator_dismissed", person=person_id, **said)


def coordinators(work: Work, cluster_id: UUID) -> frozenset[UUID]:
    """Who co-ordinates a cluster."""
    query = sa.select(Grant.person_id).where(
        Grant.cluster_id == cluster_id, Grant.role == COORDINATOR, Grant.ended_at.is_(None)
    )
    return frozenset(work.session.execute(query).scalars())


def candidates(work: Work, cluster_id: UUID) -> tuple[tuple[UUID, str], ...]:
    """Who may co-ordinate a cluster: people of its members, by name."""
    bodies = list(_members(work, cluster_id))
    rows = work.session.execute(
        sa.select(Person.id, Person.name, Person.search_key)
        .join(Grant, Grant.person_id == Person.id)
        .where(Grant.body.in_(bodies), Grant.role != COORDINATOR, Grant.ended_at.is_(None), Person.ended_at.is_(None))
        .distinct()
        .order_by(Person.search_key, Person.id)
    )
    return tuple((person_id, name) for person_id, name, _ in rows if name)


def may_name(work: Work, cluster_id: UUID) -> bool:
    """Whether the actor lets bodies join, and names who co-ordinates."""
    return policy.may_found(work.actor, [_team_of(work, body, ended=True) for body in _members(work, cluster_id)])


# --- one decision for many cases -------------------------------------------------------------------------------------


def hand_in_together(
    work: Work, task_ids: Sequence[UUID], given: Given = NOTHING, *, seen: Mapping[str, int] = NOTHING_SEEN
) -> tuple[Handed, ...]:
    """Hand in the same answers for the same task of several members' cases, as their co-ordinator.

    Each case is decided alone and gets its own entry of history, all with one common id; one that cannot be decided is
    reported and stops no other. Whoever is told of several of them gets one notice. `seen`: by a task's id in hex, the
    version the person was looking at. Raises Refused for more than 100.
    """
    if len(task_ids) > MOST_TOGETHER:
        raise Refused("error.bulk_too_many", most=MOST_TOGETHER, n=len(task_ids))
    together = uuid4()
    results: dict[UUID, Handed] = {}
    for task_id in _in_order(work, task_ids):
        try:
            with work.session.begin_nested():
                view = tasks.submit(work, task_id, given, seen=seen.get(task_id.hex), together=together)
            results[task_id] = Handed(task_id, view, None)
        except StartklarError as error:
            results[task_id] = Handed(task_id, None, refusals.kept(error))
    _tell_once(work, together, [one.task.case_id for one in results.values() if one.task is not None])
    unknown = refusals.kept(NotFound(what="task"))
    return tuple(results.get(task_id, Handed(task_id, None, unknown)) for task_id in dict.fromkeys(task_ids))


def _in_order(work: Work, task_ids: Sequence[UUID]) -> list[UUID]:
    """Cases are locked by id, whoever decides."""
    rows = work.session.execute(sa.select(Task.id).where(Task.id.in_(task_ids)).order_by(Task.case_id, Task.id))
    return list(rows.scalars())


def _tell_once(work: Work, together: UUID, case_ids: Sequence[UUID]) -> None:
    """Of the notices this decision made: one for each recipient, about the first case, saying how many."""
    rows = work.session.execute(
        sa.select(Notice.id, Notice.recipient_id, Notice.name, Notice.facts)
        .where(Notice.case_id.in_(case_ids), Notice.created_at == work.now, Notice.message_id.is_(None))
        .order_by(Notice.case_id, Notice.id)
        .with_for_update()
    ).all()
    alike: dict[tuple[UUID, str, str], list[tuple[UUID, dict[str, Any]]]] = {}
    for notice_id, recipient, name, written in rows:
        facts = json.loads(written)
        if facts.get("together") == together.hex:  # on a rehearsal clock earlier deeds have the same instant
            alike.setdefault((recipient, name, facts.get("task", "")), []).append((notice_id, facts))
    for pile in alike.values():
        (first, facts), *others = pile
        if others:
            changed = canonical({**facts, "cases": len(pile)})
            work.session.execute(sa.update(Notice).where(Notice.id == first).values(facts=changed))
            work.session.execute(sa.delete(Notice).where(Notice.id.in_([one for one, _ in others])))


# --- helpers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    title: str
    lead: str
    founded_on: dt.date
    seq: int
    head: str


def _lock(work: Work, cluster_id: UUID) -> _Row:
    found = work.session.execute(
        sa.select(Cluster.id, Cluster.title, Cluster.lead, Cluster.founded_on, Cluster.seq, Cluster.head)
        .where(Cluster.id == cluster_id, policy.clusters(work.actor))
        .with_for_update(of=Cluster)
    ).first()
    if found is None:
        raise NotFound(what="cluster")
    return _Row(*found)


def _record(work: Work, row: _Row, act: str, **said: Any) -> ClusterView:
    entry = events.record(work, "cluster", row.id, row.seq, row.head, act, said)
    work.session.execute(sa.update(Cluster).where(Cluster.id == row.id).values(seq=entry.seq, head=entry.head))
    return ClusterView(row.id, row.title)


def _insist_may_name(work: Work, cluster_id: UUID) -> dict[str, UUID]:
    """What history says of whom the actor stands in for. Raises NotAllowed unless `may_name`."""
    teams = [_team_of(work, body, ended=True) for body in _members(work, cluster_id)]
    if not policy.may_found(work.actor, teams):
        raise NotAllowed(roles=("programme_office", "umsetzungsteam"))
    return casework.said_of_place(work.actor, lambda who: policy.may_found(who, teams))


def _members(work: Work, cluster_id: UUID) -> dict[str, UUID]:
    """Present members by ARS, with the row that says so."""
    rows = work.session.execute(
        sa.select(ClusterMember.body, ClusterMember.id).where(
            ClusterMember.cluster_id == cluster_id, ClusterMember.left_on.is_(None)
        )
    )
    return dict(rows.all())


def _services(work: Work, cluster_id: UUID) -> list[str]:
    query = sa.select(ClusterService.service).where(ClusterService.cluster_id == cluster_id)
    return sorted(work.session.execute(query).scalars())


def _team_of(work: Work, body: str, *, ended: bool = False) -> str | None:
    """The team of the body's district. Raises NotFound, or Refused for one that has ended."""
    found = work.session.execute(
        sa.select(Body.display_name, Body.valid_until, TeamDistrict.team)
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .where(Body.ars == body)
    ).first()
    if found is None:
        raise NotFound(what="body", name=body)
    if found.valid_until is not None and not ended:
        raise Refused("error.body_ended", body=found.display_name)
    return found.team  # type: ignore[no-any-return]


def _name_of(work: Work, body: str) -> str:
    return work.session.execute(sa.select(Body.display_name).where(Body.ars == body)).scalar_one()


def _give(work: Work, cluster_id: UUID, person_id: UUID, bodies: Sequence[str], services: Sequence[str]) -> None:
    people.lock(work, person_id)
    for body, service in product(bodies, services):
        people.give(work, person_id, Role(COORDINATOR, body=body, service=service, cluster=cluster_id))


def _take(work: Work, cluster_id: UUID, person_id: UUID, which: sa.ColumnElement[bool]) -> None:
    people.lock(work, person_id)
    query = sa.select(Grant.id).where(
        Grant.person_id == person_id, Grant.cluster_id == cluster_id, Grant.ended_at.is_(None), which
    )
    ending = list(work.session.execute(query).scalars())
    if ending:
        people.end_grants(work, person_id, ending)
