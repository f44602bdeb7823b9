"""In which order cases are listed, and how such a list is leafed through.

Every order is total and the same on both databases: each case stands on exactly one page, whatever it goes by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from workflow import database, policy
from workflow.definition import Text
from workflow.engine import Work
from workflow.models import Body, Case, Event, Task
from workflow.queries import parts
from workflow.texts import sort_key, title

SORTS = (
    "body", "number", "district", "service", "state", "since", "due", "team", "wave", "variant", "operator",
    "live_since", "changed",
)  # fmt: skip
"""What a list can go by."""


@dataclass(frozen=True, slots=True)
class Sort:
    """What a list goes by first, and which way; then by body, service and number. A name nobody knows is the body."""

    by: str = "body"
    descending: bool = False


BY_BODY = Sort()


@dataclass(frozen=True, slots=True)
class Key:
    """One of the values an order goes by, over cases joined with bodies."""

    value: Any
    descending: bool = False
    may_lack: bool = False
    """Cases without it come last, whichever way."""
    costly: bool = False
    """It has to be looked up elsewhere: once for each case, and not again wherever it is named."""
    joined: tuple[sa.FromClause, sa.ColumnElement[bool]] | None = None
    """What it is looked up in for all cases at once, and how a case finds its own there, if it has any."""


def keys(
    work: Work, sort: Sort, *, teams: Iterable[tuple[str, str]] = (), waves: Iterable[tuple[str, object]] = ()
) -> list[Key]:
    """What the order goes by; teams and waves as they are offered, in their order."""
    way = sort.descending
    firsts: Mapping[str, Callable[[], Key]] = {
        "number": lambda: Key(_plain(work, Case.number), way),
        "district": lambda: Key(_district(work), way, may_lack=True, costly=True),
        "service": lambda: Key(_services(work), way),
        "state": lambda: Key(_rank(Case.state, [state.key for state in parts.states(work.catalogue)]), way),
        "since": lambda: Key(Case.entered_on, way),
        "due": lambda: _due(work, way),
        "team": lambda: Key(_rank(Case.team, _keys(teams)), way),
        "wave": lambda: Key(_rank(Case.wave, _keys(waves), lacking=True), way, may_lack=True),
        "variant": lambda: Key(_rank(Case.variant, _keys(variants(work)), lacking=True), way, may_lack=True),
        "operator": lambda: Key(_rank(Case.operator, _keys(operators(work)), lacking=True), way, may_lack=True),
        "live_since": lambda: Key(Case.live_on, way, may_lack=True),
        "changed": lambda: Key(_changed_at(), way, may_lack=True, costly=True),
    }
    if sort.by not in firsts:
        return [Key(key.value, way) for key in _by_body(work)]
    return [firsts[sort.by](), *_by_body(work)]


def due_on() -> sa.ColumnElement[Any]:
    """The day on which something of the case is due first; none while it rests."""
    first = (
        sa.select(sa.func.min(Task.due_on))
        .where(Task.case_id == Case.id, Task.acting.is_not(None))
        .correlate(Case)
        .scalar_subquery()
    )
    return sa.type_coerce(sa.case((Case.rests, sa.null()), else_=first), sa.Date())


def _due(work: Work, descending: bool) -> Key:
    """The same for an order: among all there are, summing up every open task once takes less than asking each case."""
    if not policy.sees_every_case(work.actor):
        return Key(due_on(), descending, may_lack=True, costly=True)
    firsts = (
        sa.select(Task.case_id, sa.func.min(Task.due_on).label("due_on"))
        .where(Task.acting.is_not(None))
        .group_by(Task.case_id)
        .subquery("firsts")
    )
    value = sa.type_coerce(sa.case((Case.rests, sa.null()), else_=firsts.c.due_on), sa.Date())
    return Key(value, descending, may_lack=True, joined=(firsts, firsts.c.case_id == Case.id))


def variants(work: Work) -> list[tuple[str, Text]]:
    """The ways to connect of all services, by title."""
    found = {key: one.title for service in work.catalogue.services.values() for key, one in service.variants.items()}
    return _by_title(work, found)


def operators(work: Work) -> list[tuple[str, str]]:
    """The operators of the programme, by title."""
    known = ((key, one.title) for key, one in work.catalogue.programme.operators.items())
    return sorted(known, key=lambda entry: (sort_key(entry[1]), entry[0]))


def values(ordered: Sequence[Key], *more: Any) -> sa.Select[*tuple[Any, ...]]:
    """Of cases joined with bodies what is wished `more`, and the values of the order as `key_0` and so on."""
    asked = (
        sa.select(*more, *(key.value.label(f"key_{place}") for place, key in enumerate(ordered)))
        .select_from(Case)
        .join(Body, Body.ars == Case.body)
    )
    for key in ordered:
        if key.joined is not None:
            asked = asked.outerjoin(*key.joined)
    return asked


def each(
    ordered: Sequence[Key], conditions: Sequence[sa.ColumnElement[bool]], *more: Any, once: bool = False
) -> sa.FromClause:
    """Every case that meets the conditions: its id, the values of the order as `key_0` and so on, and what is wished
    `more`. `once`: it is named several times and looked up a single time all the same."""
    every = values(ordered, Case.id, *more).where(*conditions)
    if once or any(key.costly for key in ordered):
        return every.cte("each").prefix_with("MATERIALIZED")
    return every.subquery("each")


def terms(ordered: Sequence[Key], columns: Any, *, backwards: bool = False) -> list[Any]:
    """What `each`, or a part of it, is sorted by."""
    found = _terms(ordered, columns, [None] * len(ordered))
    return [column.desc() if falls != backwards else column.asc() for column, falls, _ in found]


def beyond(ordered: Sequence[Key], columns: Any, place: Sequence[Any], *, backwards: bool) -> sa.ColumnElement[bool]:
    """Whether a case stands after this place of the order; before it, when looking backwards."""
    found = _terms(ordered, columns, place)
    if len({falls for _, falls, _ in found}) == 1 and None not in place:
        here, there = sa.tuple_(*(column for column, _, _ in found)), sa.tuple_(*(value for _, _, value in found))
        return here < there if found[0][1] != backwards else here > there
    further: list[sa.ColumnElement[bool]] = [sa.false()]
    alike: list[sa.ColumnElement[bool]] = []
    for column, falls, value in found:
        if value is None:  # whoever else lacks it stands beside; whoever has it was told apart just before
            alike.append(column.is_(None))
            continue
        further.append(sa.and_(*alike, column < value if falls != backwards else column > value))
        alike.append(column == value)
    return sa.or_(*further)


def _terms(ordered: Sequence[Key], columns: Any, place: Sequence[Any]) -> list[tuple[Any, bool, Any]]:
    """Column, whether it falls, and its value at a place."""
    found: list[tuple[Any, bool, Any]] = []
    for position, (key, value) in enumerate(zip(ordered, place, strict=True)):
        column = columns[f"key_{position}"]
        if key.may_lack:
            found.append((sa.case((column.is_(None), 1), else_=0), False, 1 if value is None else 0))
        found.append((column, key.descending, value))
    return found


def _by_body(work: Work) -> list[Key]:
    """Body and service as the actor's language sorts them; the number decides what is left."""
    plain = (_plain(work, Body.sort_key), _plain(work, Body.ars), _services(work), _plain(work, Case.number))
    return [Key(value) for value in plain]


def _services(work: Work) -> Any:
    titles = {key: service.title for key, service in work.catalogue.services.items()}
    return _rank(Case.service, [key for key, _ in _by_title(work, titles)])


def _district(work: Work) -> Any:
    whole = aliased(Body)
    named = sa.select(whole.sort_key).where(whole.ars == Body.district).correlate(Body).scalar_subquery()
    return _plain(work, named)


def _changed_at() -> Any:
    last = (Event.chain_id == Case.id, Event.seq == Case.seq)
    return sa.select(Event.at).where(*last).correlate(Case).scalar_subquery()


def _keys(offered: Iterable[tuple[str, object]]) -> list[str]:
    return [key for key, _ in offered]


def _rank(column: Any, ordered: Sequence[str], *, lacking: bool = False) -> Any:
    """The place of a value among these; what is not among them comes after them, or has none."""
    ranks = {key: rank for rank, key in enumerate(ordered)}
    last = sa.null() if lacking else sa.literal_column(str(len(ranks)))
    return sa.type_coerce(sa.case(ranks, value=column, else_=last) if ranks else last, sa.Integer())


def _by_title(work: Work, titles: Mapping[str, Text]) -> list[tuple[str, Text]]:
    language = work.actor.language
    return sorted(titles.items(), key=lambda entry: (sort_key(title(language, entry[1])), entry[0]))


def _plain(work: Work, column: Any) -> Any:
    return database.plainly_sorted(work.session, column)
