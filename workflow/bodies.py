"""What can be done with the list of bodies: compare it with an official edition, and follow that edition.

A body is added, takes another name, gets other figures, or ends. Where one ends, a person names the body that succeeds
it, because no edition says so. What holds then:

* Its open cases, live ones included, go to the successor with their history; they keep their numbers. Cases that have
  ended stay where they were.
* Where the successor has an open case of the same service, the one that comes ends as superseded: it is the
  successor's too, linked to the case that goes on and readable there, and its open tasks fall away. A case of the
  successor that has ended already is no reason to end another: the one that comes is the successor's next round, as any
  case opened there would be. If two bodies end in one and both have a case, the one that is further on goes on.
* The case goes to the team that looks after the service at the successor; that team, and whoever must act there now,
  learn of it. What somebody of the former body had accepted is open again. Dates, holds and answers stay.
* Prerequisites belong to the body that brought them (an account, a mandate, a certificate in its name) and stay with
  it. What a case that comes needs and the successor has not brought, the successor is asked for. The body that ended is
  asked for nothing any more.
* Roles stay where they were granted. Until the successor has people, its tasks fall to the team as always.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from workflow import cases, casework, database, policy, prerequisites
from workflow.casework import LockedCase
from workflow.engine import Engine, Who, Work
from workflow.errors import NotFound, Refused, StartklarError
from workflow.models import Body, Case, LandEdition, Prerequisite
from workflow.texts import search_key, sort_key

CHUNK = 100
CHUNK_SECONDS = 0.05
NAMING = ("kind", "name", "display_name")
"""What a body is called; when one of these differs, it was renamed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A body as an edition describes it. Area in km²; `district` is the ARS of the Landkreis, or its own."""

    ars: str
    ags: str | None
    kind: str
    name: str
    display_name: str
    district: str
    seat: str | None
    postcode: str | None
    population: int
    area_km2: float
    municipalities: int

    @property
    def land(self) -> str:
        """Two digits: `07` is Rheinland-Pfalz."""
        return self.ars[:2]


@dataclass(frozen=True, slots=True)
class Edition:
    """An official list as of one day, and in which encoding it was read."""

    date: dt.date
    encoding: str
    bodies: tuple[Entry, ...]

    @property
    def lands(self) -> tuple[str, ...]:
        """The Länder of which it has bodies."""
        return tuple(sorted({body.land for body in self.bodies}))

    def of(self, land: str) -> tuple[Entry, ...]:
        """The bodies of one Land. Raises Refused when there are none."""
        found = tuple(body for body in self.bodies if body.land == land)
        if not found:
            raise Refused("error.land_not_in_edition", land=land, lands=", ".join(self.lands))
        return found


@dataclass(frozen=True, slots=True)
class Change:
    """A body of which something differs: column by column what is loaded, and what the edition says."""

    ars: str
    name: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A body that might succeed another."""

    ars: str
    name: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """A body the edition no longer has. `candidates`: bodies of its district after it, those just added first.

    `open_cases` counts those too that are still to go there from bodies that ended earlier.
    """

    ars: str
    name: str
    open_cases: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What an edition would change of what is loaded for one Land."""

    land: str
    date: dt.date
    encoding: str
    bodies: int
    """How many the edition has there."""
    added: tuple[Entry, ...]
    renamed: tuple[Change, ...]
    changed: tuple[Change, ...]
    """Population, area and everything else but names."""
    vanished: tuple[Vanished, ...]
    unfinished: tuple[Vanished, ...]
    """Bodies that ended earlier, with cases that are still to go to the successor named then."""
    cases: int
    """How many cases are to move."""

    @property
    def nothing(self) -> bool:
        """The edition says what is loaded."""
        return not (self.added or self.renamed or self.changed or self.vanished or self.unfinished)


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one case of a body that ended: it goes on at the successor, or another goes on in its place."""

    id: UUID
    number: str
    service: str
    source: str
    target: str
    superseded_by: str | None
    """Number of the case that goes on instead."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A case that could not go to the successor, and why."""

    number: str
    refused: StartklarError


@dataclass(frozen=True, slots=True)
class Applied:
    """What following an edition came to."""

    changes: Changes
    moved: tuple[Moved, ...]
    stuck: tuple[Stuck, ...]


def land_of(work: Work) -> str | None:
    """The Land whose bodies are loaded; None when there are none, or of several."""
    found = set(work.session.execute(sa.select(sa.func.substr(Body.ars, 1, 2)).distinct()).scalars())
    return found.pop() if len(found) == 1 else None


def compare(work: Work, edition: Edition, land: str) -> Changes:
    """What following an edition would change. Nothing is changed.

    Raises NotAllowed, or Refused (the edition has no such Land, or one that is loaded is newer), in this order.
    """
    policy.insist_may_follow_edition(work.actor)
    wanted = {entry.ars: entry for entry in edition.of(land)}
    known = _known(work, land)
    _insist_newest(edition, land, _loaded(work, land, known.values()))
    added = tuple(entry for entry in wanted.values() if entry.ars not in known or known[entry.ars].valid_until)
    staying = [(known[ars], entry) for ars, entry in wanted.items() if ars in known and not known[ars].valid_until]
    open_cases = _open_cases(work, land)
    waiting = _waiting(open_cases, known)
    gone = [row for ars, row in known.items() if ars not in wanted]
    ending = [row for row in gone if not row.valid_until or (waiting.get(row.ars) and row.successor is None)]
    new = {entry.ars for entry in added}
    return Changes(
        land=land,
        date=edition.date,
        encoding=edition.encoding,
        bodies=len(wanted),
        added=added,
        renamed=_differing(staying, NAMING),
        changed=_differing(staying, [name for name in _COLUMNS if name not in NAMING]),
        vanished=tuple(_vanished(row, waiting, wanted.values(), new) for row in ending),
        unfinished=tuple(_vanished(row, waiting, (), ()) for row in gone if row not in ending and waiting.get(row.ars)),
        cases=sum(open_cases.get(row.ars, 0) for row in gone),
    )


def enact(work: Work, edition: Edition, land: str, successors: Mapping[str, str | None]) -> Changes:
    """Follow an edition as far as the list of bodies goes; their cases follow with `move_case`. Returns what changed.

    `successors` names for every body that ended the one that takes its open cases; None: nobody, it has none.

    Raises NotAllowed, or Refused (no such Land; a newer edition is loaded; a name for a body that has not ended; bodies
    that ended without a name; nobody, though cases are open), or NotFound (a successor the edition does not have), in
    this order.
    """
    policy.insist_may_follow_edition(work.actor)
    work.session.execute(sa.select(LandEdition.date).where(LandEdition.land == land).with_for_update())
    changes = compare(work, edition, land)
    _insist_successors(changes, successors, {entry.ars for entry in edition.of(land)})
    there = {entry.ars: entry for entry in edition.of(land)}
    known = set(work.session.execute(sa.select(Body.ars).where(Body.ars.in_([e.ars for e in changes.added]))).scalars())
    if new := [_values(entry) | {"valid_from": edition.date} for entry in changes.added if entry.ars not in known]:
        work.session.execute(sa.insert(Body), new)
    for ars in sorted(known):
        back = {"valid_from": edition.date, "valid_until": None, "successor": None}
        _update(work, ars, _values(there[ars]) | back)
    for ars in sorted({change.ars for change in (*changes.renamed, *changes.changed)}):
        _update(work, ars, _values(there[ars]))
    for body in changes.vanished:
        _update(work, body.ars, {"valid_until": edition.date, "successor": successors[body.ars]})
    _remember(work, edition, land)
    return changes


def follow(
    engine: Engine,
    who: Who,
    edition: Edition,
    land: str,
    successors: Mapping[str, str | None],
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Applied:
    """Follow an edition: the list of bodies in one transaction, then the cases of those that ended, in chunks.

    A case that cannot go is undone and reported alone. Cut short at any point, the next call goes on where this one
    ended, and asks for no successor twice. `progress` hears how many more cases were tried. Raises what `enact` raises.
    """
    with engine.change(who) as work:
        changes = enact(work, edition, land, successors)
    with engine.read(who) as work:
        waiting = _to_move(work, land)
    moved: list[Moved] = []
    stuck: list[Stuck] = []
    position = 0
    while position < len(waiting):
        began, tried = time.monotonic(), 0
        chunk = waiting[position : position + CHUNK]
        with engine.change(who) as work:
            policy.insist_may_follow_edition(work.actor)
            _lock(work, chunk)
            for case_id, number in chunk:
                try:
                    moved.append(_move(work, case_id))
                except StartklarError as error:
                    stuck.append(Stuck(number, error))
                tried += 1
                if time.monotonic() - began > CHUNK_SECONDS:
                    break
        position += tried
        progress(tried)
    with engine.read(who) as work:
        ended = _still_asked(work, land)
    for ars in ended:
        with engine.change(who) as work:
            policy.insist_may_follow_edition(work.actor)
            prerequisites.end(work, ars)
    return Applied(changes, tuple(moved), tuple(stuck))


def move_case(work: Work, case_id: UUID) -> Moved:
    """Let a case follow its body, which ended, to the successor, and where that ended as well, to the last of them: one
    entry of its history says from where to where.

    Raises NotAllowed, NotFound, or Refused (its body has not ended or no successor goes on; the process of a case that
    must end has no state for that), in this order.
    """
    policy.insist_may_follow_edition(work.actor)
    case = casework.lock(work, case_id)
    source = case.row.body
    target = _successor(work, source)
    if target is None or case.row.ended_on is not None:
        raise Refused("error.body_goes_on", number=case.row.number)
    others = work.session.execute(
        sa.select(Case.id, Case.number, Case.round, Case.ended_on, Case.previous_id)
        .where(Case.service == case.row.service, Case.body == target.ars, Case.superseded_by.is_(None))
        .order_by(Case.round)
    ).all()
    of_another = (other for other in others if other.id != case.row.previous_id and other.previous_id != case.row.id)
    goes_on = next((other for other in of_another if other.ended_on is None), None)

    team, team_before = cases.team_for(work, case.row.service, target.district) or case.row.team, case.row.team
    case.set(version=case.row.version + 1)
    case.move_to_body(target.ars, team)
    case.say(body=target.ars, body_before=source)
    case.say(**casework.said_of_place(work.actor, policy.may_follow_edition))
    if goes_on is not None:
        cases.supersede(case, goes_on.id)
    else:
        case.set(round=max((other.round for other in others), default=0) + 1)
        prerequisites.ask(case)
        _tell(case, team if team != team_before else None)
    case.record("moved_to_body" if goes_on is None else "superseded")
    return Moved(
        case.row.id,
        case.row.number,
        case.row.service,
        source,
        target.ars,
        goes_on.number if goes_on is not None else None,
    )


def sort_key_of(name: str, kind: str) -> str:
    """How a body sorts among others: by name, then by kind."""
    return f"{sort_key(name)} {kind}"


def search_key_of(display_name: str, kind: str, seat: str | None, postcode: str | None) -> str:
    """What a body is found by: its name, its kind, where it sits and the postcode there."""
    return search_key(display_name, kind.replace("_", " "), seat or "", postcode or "")


# --- comparing -------------------------------------------------------------------------------------------------------


_COLUMNS = tuple(column.name for column in fields(Entry) if column.name != "ars")


def _known(work: Work, land: str) -> dict[str, Any]:
    """Every body of the Land that is loaded, also those that ended."""
    columns = [getattr(Body, name) for name in ("ars", *_COLUMNS, "valid_from", "valid_until", "successor")]
    there = Body.ars.startswith(land, autoescape=True)
    return {row.ars: row for row in work.session.execute(sa.select(*columns).where(there).order_by(Body.ars))}


def _loaded(work: Work, land: str, known: Iterable[Any]) -> dt.date | None:
    """As of which day the bodies of a Land are; None when neither the definitions nor an edition said."""
    days = [day for row in known for day in (row.valid_from, row.valid_until)]
    days.append(work.session.execute(sa.select(LandEdition.date).where(LandEdition.land == land)).scalar())
    return max((day for day in days if day is not None), default=None)


def _insist_newest(edition: Edition, land: str, loaded: dt.date | None) -> None:
    """Raises Refused when the bodies are of a later edition: following an earlier one would undo it."""
    if loaded is not None and loaded > edition.date:
        raise Refused("error.edition_older", land=land, date=edition.date, loaded=loaded)


def _differing(staying: Iterable[tuple[Any, Entry]], columns: Sequence[str]) -> tuple[Change, ...]:
    found = []
    for row, entry in staying:
        differs = [name for name in columns if not _same(getattr(row, name), getattr(entry, name))]
        if differs:
            before = {name: getattr(row, name) for name in differs}
            after = {name: getattr(entry, name) for name in differs}
            found.append(Change(row.ars, row.display_name, before, after))
    return tuple(found)


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, float) and isinstance(after, float):
        return abs(before - after) < 0.005  # hectares are hundredths of a km²
    return bool(before == after)


def _open_cases(work: Work, land: str) -> dict[str, int]:
    rows = work.session.execute(
        sa.select(Case.body, sa.func.count().label("open_cases"))
        .where(Case.body.startswith(land, autoescape=True), Case.ended_on.is_(None))
        .group_by(Case.body)
    )
    return {row.body: row.open_cases for row in rows}


def _waiting(open_cases: Mapping[str, int], known: Mapping[str, Any]) -> dict[str, int]:
    """Open cases by body, those included that are still to go there from bodies that ended earlier."""
    found = dict(open_cases)
    for source, number in open_cases.items():
        ars, passed = source, {source}
        while known[ars].valid_until and (successor := known[ars].successor) is not None and successor not in passed:
            found[successor] = found.get(successor, 0) + number
            passed.add(successor)
            ars = successor
    return found


def _vanished(row: Any, waiting: Mapping[str, int], after: Iterable[Entry], new: Collection[str]) -> Vanished:
    """A body that ended. Its own kind comes first among the candidates: a town rarely ends in a Landkreis."""
    near = [entry for entry in after if entry.district[:5] == row.ars[:5] and entry.ars != entry.district]
    near.sort(key=lambda entry: (entry.ars not in new, entry.kind != row.kind, sort_key(entry.name), entry.ars))
    candidates = tuple(Candidate(entry.ars, entry.display_name) for entry in near)
    return Vanished(row.ars, row.display_name, waiting.get(row.ars, 0), candidates)


# --- following -------------------------------------------------------------------------------------------------------


def _insist_successors(changes: Changes, successors: Mapping[str, str | None], there: Collection[str]) -> None:
    gone = {body.ars: body for body in changes.vanished}
    for ars in successors:
        if ars not in gone:
            raise Refused("error.body_not_vanished", ars=ars, date=changes.date)
    unnamed = [f"{body.name} ({body.ars})" for body in changes.vanished if body.ars not in successors]
    if unnamed:
        raise Refused("error.successor_missing", bodies=unnamed, n=len(unnamed))
    for ars, successor in successors.items():
        if successor is None and gone[ars].open_cases:
            raise Refused("error.successor_needed", body=gone[ars].name, n=gone[ars].open_cases)
        if successor is not None and successor not in there:
            raise NotFound(what="body", name=successor)


def _update(work: Work, ars: str, values: Mapping[str, Any]) -> None:
    work.session.execute(sa.update(Body).where(Body.ars == ars).values(dict(values)))


def _remember(work: Work, edition: Edition, land: str) -> None:
    """Keep of which day the bodies of the Land are, also when only names or figures changed."""
    if not database.insert_missing(work.session, LandEdition, {"land": land, "date": edition.date}):
        earlier = (LandEdition.land == land, LandEdition.date < edition.date)
        work.session.execute(sa.update(LandEdition).where(*earlier).values(date=edition.date))


def _values(entry: Entry) -> dict[str, Any]:
    columns = {"ars": entry.ars, **{name: getattr(entry, name) for name in _COLUMNS}}
    return columns | {
        "sort_key": sort_key_of(entry.name, entry.kind),
        "search_key": search_key_of(entry.display_name, entry.kind, entry.seat, entry.postcode),
    }


def _to_move(work: Work, land: str) -> list[tuple[UUID, str]]:
    """Open cases of bodies with a successor; of two that meet there, the one further on comes first and stays."""
    rows = work.session.execute(
        sa.select(
            Case.id,
            Case.number,
            Case.service,
            Case.process,
            Case.process_version,
            Case.state,
            Case.live_on,
            Case.opened_on,
        )
        .join(Body, Body.ars == Case.body)
        .where(
            Body.ars.startswith(land, autoescape=True),
            Body.valid_until.is_not(None),
            Body.successor.is_not(None),
            Case.ended_on.is_(None),
        )
    ).all()

    def behind(row: Any) -> tuple[Any, ...]:
        process = work.catalogue.process(row.process, row.process_version)
        road = [key for key, state in process.states.items() if not state.aside]
        reached = road.index(row.state) if row.state in road else -1
        return row.live_on is None, row.live_on or dt.date.max, -reached, row.opened_on, row.number

    return [(row.id, row.number) for row in sorted(rows, key=behind)]


def _still_asked(work: Work, land: str) -> list[str]:
    """Bodies that ended, whose cases have all gone, and that are still asked for something."""
    ended = (Body.ars.startswith(land, autoescape=True), Body.valid_until.is_not(None))
    no_case = ~sa.exists().where(Case.body == Body.ars, Case.ended_on.is_(None))
    asked = sa.exists().where(Prerequisite.body == Body.ars, prerequisites.still_asked())
    return list(work.session.execute(sa.select(Body.ars).where(*ended, no_case, asked).order_by(Body.ars)).scalars())


def _lock(work: Work, chunk: Sequence[tuple[UUID, str]]) -> None:
    """Hold the cases in the order in which everybody does; they move in another."""
    ids = [case_id for case_id, _ in chunk]
    work.session.execute(sa.select(Case.id).where(Case.id.in_(ids)).order_by(Case.id).with_for_update()).all()


def _move(work: Work, case_id: UUID) -> Moved:
    """`move_case`, undone alone when it fails. Whoever opens the service at the successor meanwhile takes the same
    round: the database lets us wait for them, and then we find their case."""
    try:
        with work.session.begin_nested():
            return move_case(work, case_id)
    except IntegrityError:
        with work.session.begin_nested():
            return move_case(work, case_id)


def _successor(work: Work, ars: str) -> Any:
    """The body that goes on for one that ended, however many ended in between; None when it has not, or nobody does."""
    passed: list[str] = []
    while ars not in passed:
        body = work.session.execute(
            sa.select(Body.ars, Body.district, Body.valid_until, Body.successor).where(Body.ars == ars)
        ).one()
        if body.valid_until is None:
            return body if passed else None
        if body.successor is None:
            return None
        passed.append(ars)
        ars = body.successor
    return None


def _tell(case: LockedCase, new_team: str | None) -> None:
    """Whoever must act at the successor learns of it like of any task; a team that had nothing to do with it, too."""
    for task in () if case.row.rests else case.tasks.values():
        if task.status in ("ready", "accepted") and task.acting is not None:
            people = case.in_charge(task.acting, task)
            case.notify("asked", people, kind="task", subject_id=task.id, task=task.name, due=task.due_on)
    if new_team is not None:
        people = (*case.in_charge("umsetzungsteam"), *case.in_charge("supervisor"))
        case.notify("moved_to_team", people, kind="case", subject_id=case.row.id, team=new_team)
