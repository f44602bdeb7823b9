"""What history knows: folding a chain gives the rows, and what does not fit is named.

Rows are what the programme works with; history is the record beside them (`events`). Here the record is read back: its
links are checked, and what it says is compared with the rows, column by column. What is deliberately not history
stands in `NOT_HISTORY` and `OUTSIDE`, each with its reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import casework, documents, events, evidence
from workflow.casework import PLACES, UNSAID
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import NotFound
from workflow.models import (
    Absence,
    Announcement,
    BulkItem,
    Case,
    Closure,
    Cluster,
    ClusterMember,
    ClusterService,
    Delegation,
    Document,
    Event,
    Evidence,
    Extension,
    Followup,
    Grant,
    HistoryCheck,
    HistoryFault,
    Mailbox,
    Milestone,
    Notice,
    OnboardingRequest,
    Person,
    Prerequisite,
    Remark,
    Reply,
    Task,
    Wave,
)

CHUNK = 100
"""Chains looked at in one piece: what is kept in memory does not grow with the programme."""

_PERSONAL = "names, addresses and free text: history has salted commitments, so that erasing them leaves it valid"
_SAID_ANYWAY = "the entry says it itself: its chain, its instant, its actor"
_REMINDING = "when somebody is reminded next: each decided rung is an entry, the next instant is worked out from rows"
_HEAD = "the chain's own head: compared with the last entry instead"
_POST = "whether mail arrives is an affair of the post, not of the process"
_OWN_SETTINGS = "how somebody likes to see pages and get mail is theirs and concerns no case"
_DEFINED = "texts of the definitions, which are kept in versions of their own"

_RINGING = dict.fromkeys(("remind_at", "rung", "occurrence"), _REMINDING)
_AT_HEAD = dict.fromkeys(("seq", "head"), _HEAD)

NOT_HISTORY: Mapping[Any, Mapping[str, str]] = {
    Case: _AT_HEAD,
    Task: {"case_id": _SAID_ANYWAY, **_RINGING},
    Prerequisite: _AT_HEAD | _RINGING,
    Milestone: _AT_HEAD | _RINGING,
    Wave: {**_AT_HEAD, "title_de": _DEFINED, "title_en": _DEFINED},
    Person: {
        **dict.fromkeys(("email", "name", "search_key", "password", "salt"), _PERSONAL),
        **dict.fromkeys(("language", "theme", "mail_at", "mail_days", "mail_asked", "toured_at"), _OWN_SETTINGS),
        **dict.fromkeys(("bounced_at", "bounce_reason"), _POST),
        "created_at": _SAID_ANYWAY,
    },
    Grant: {"person_id": _SAID_ANYWAY},
    Absence: {"person_id": _SAID_ANYWAY},
    Cluster: {**_AT_HEAD, "title": _PERSONAL},
    ClusterMember: {"cluster_id": _SAID_ANYWAY},
    ClusterService: {"cluster_id": _SAID_ANYWAY},
    Delegation: _AT_HEAD,
    Closure: {**_AT_HEAD, "entered_by": _SAID_ANYWAY},
    Announcement: {**_AT_HEAD, **dict.fromkeys(("by_id", "at"), _SAID_ANYWAY)},
    OnboardingRequest: {**_AT_HEAD, "remind_at": _REMINDING},
    Mailbox: {**_AT_HEAD, "address": _PERSONAL, **dict.fromkeys(("bounced_at", "bounce_reason"), _POST)},
    Evidence: {
        **dict.fromkeys(("text_value", "number_value", "date_value", "salt"), _PERSONAL),
        **dict.fromkeys(("case_id", "given_by", "given_at"), _SAID_ANYWAY),
    },
    Document: {
        **dict.fromkeys(("name", "search_key"), _PERSONAL),
        **dict.fromkeys(
            ("case_id", "prerequisite_id", "milestone_id", "uploaded_by", "uploaded_at"),
            _SAID_ANYWAY,
        ),
    },
    **{
        model: dict.fromkeys(unsaid - casework.UNCHAINED - {"id"}, _PERSONAL) | {"case_id": _SAID_ANYWAY} | _RINGING
        for model, unsaid in casework.CHAINED.items()
    },
}
"""Columns that are not history, each with the reason. Everything else of these tables must come out of folding."""

OUTSIDE: Mapping[Any, str] = {
    Remark: "free text; the entry it belongs to holds its commitment, which `verify` proves",
    Followup: "work that is still to be done; what it does to a case is an entry of its own",
    Notice: "what somebody is told; the mail is not the process",
    HistoryCheck: "how far a check of the chains has come; it reads them and changes nothing",
    HistoryFault: "where such a check found something; it reads the chains and changes nothing",
    BulkItem: "what was asked of many at once; what it did to a case is an entry of its own, which names the whole",
}
"""Tables that speak of a case and are not history, each with the reason."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a chain, read back."""

    chain: str
    chain_id: UUID
    seq: int
    act: str
    said: Mapping[str, Any]


Rows = dict[str, dict[str, dict[str, Any]]]
"""By table and id (32 hex digits): the columns history speaks of, in their JSON form."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where history and a row do not say the same. Without `column` one of them knows nothing of the row at all; with
    `seq` they did not when this entry was made, whether or not they do now."""

    chain: str
    chain_id: UUID
    table: str
    row_id: UUID
    column: str | None = None
    history: Any = None
    row: Any = None
    seq: int | None = None

    @property
    def kind(self) -> str:
        """`differs`; `differed` when an entry was made; `lost`: history knows a row that is not there; `unknown`: a row
        history does not know."""
        if self.seq is not None:
            return "differed"
        return "differs" if self.column is not None else "lost" if self.history else "unknown"


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a chain does not hold, and why.

    `why`: `changed` (the entry does not say what it said), `missing` (entries before it are gone), `end` (the last
    entries are gone, or the row names another one), `nothing` (the whole chain is gone), `remark` or `answer` (what is
    kept beside the entry is not what it committed to), `erased` (free text is gone and no entry says so), `stray`
    (there is free text no entry committed to), `no_file` or `file` (a document is not on disk, or another).
    """

    chain: str
    chain_id: UUID
    seq: int
    why: str


# --- folding ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table whose rows come out of a chain, and the column that says of which."""

    model: Any
    owner: str


CHAINS: Mapping[str, tuple[_Kept, ...]] = {
    "case": (
        _Kept(Case, "id"),
        _Kept(Task, "case_id"),
        *(_Kept(model, "case_id") for model in casework.CHAINED),
        _Kept(Evidence, "case_id"),
        _Kept(Document, "case_id"),
    ),
    "prerequisite": (
        _Kept(Prerequisite, "id"),
        _Kept(Extension, "prerequisite_id"),
        _Kept(Reply, "subject_id"),
        _Kept(Evidence, "subject_id"),
        _Kept(Document, "prerequisite_id"),
    ),
    "milestone": (
        _Kept(Milestone, "id"),
        _Kept(Reply, "subject_id"),
        _Kept(Evidence, "subject_id"),
        _Kept(Document, "milestone_id"),
    ),
    "wave": (_Kept(Wave, "id"),),
    "cluster": (_Kept(Cluster, "id"), _Kept(ClusterMember, "cluster_id"), _Kept(ClusterService, "cluster_id")),
    "delegation": (_Kept(Delegation, "id"),),
    "closure": (_Kept(Closure, "id"),),
    "mailbox": (_Kept(Mailbox, "id"),),
    "announcement": (_Kept(Announcement, "id"),),
    "onboarding_request": (_Kept(OnboardingRequest, "id"),),
    "person": (_Kept(Person, "id"), _Kept(Grant, "person_id"), _Kept(Absence, "person_id")),
}
"""What each kind of chain keeps; the first table is the one the chain is of, and an entry says it under the chain's
own name. To add a chain: its line here, and `rows` in its entries for whatever else it keeps."""


def fold(entries: Iterable[Entry], hear: Callable[[Difference], None] = lambda _: None) -> Rows:
    """The rows a chain speaks of, as they must stand after its last entry. `hear` is told where an entry found a row
    other than the entries before it had left it."""
    rows: Rows = {}
    for entry in entries:
        for difference in _found_otherwise(entry, rows):
            hear(difference)
        subject = entry.chain_id.hex
        kept = CHAINS[entry.chain]
        main = rows.setdefault(kept[0].model.__tablename__, {}).setdefault(subject, {})
        before = _places(main)
        main.update(entry.said.get(entry.chain, {}))
        if entry.chain == "case":
            _fold_tasks(rows.setdefault("task", {}), entry.said.get("tasks", {}), before, _places(main))
        for table, said in entry.said.get("rows", {}).items():
            known = rows.setdefault(table, {})
            for row_id, changes in said.items():
                if table == "evidence" and row_id not in known and changes.get("latest"):
                    _outdate(known.values(), changes)
                known.setdefault(row_id, {}).update(changes)
    return rows


def _found_otherwise(entry: Entry, rows: Rows) -> Iterator[Difference]:
    """What the entry says of how things were, compared with what the entries before it say."""
    was = entry.said.get("before", {})
    main = CHAINS[entry.chain][0].model.__tablename__
    told = {main: {entry.chain_id.hex: was.get(entry.chain, {})}, "task": was.get("tasks", {}), **was.get("rows", {})}
    for table, found in told.items():
        for row_id, columns in found.items():
            known = rows.get(table, {}).get(row_id, {})
            for name, value in columns.items():
                if known and known.get(name) != value:  # the chain of a wave begins when it is first moved
                    yield Difference(
                        entry.chain, entry.chain_id, table, UUID(row_id), name, known.get(name), value, entry.seq
                    )


def _places(case: Mapping[str, Any]) -> dict[str, Any]:
    """Where the tasks of a case are: its body's people act, or the delegate's."""
    places = {name: case.get(name) for name in PLACES}
    return places | {"body": case.get("delegate") or case.get("body")}


def _fold_tasks(
    tasks: dict[str, dict[str, Any]], said: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]
) -> None:
    """Tasks repeat the places of their case: they follow it, unless they were somewhere else."""
    for task in tasks.values():
        own = task.get("scope") != before["body"]
        follows = (name for name in PLACES if task.get(name) == before[name] and (own or name != "body"))
        task.update({name: now[name] for name in follows})
    for task_id, changes in said.items():
        if task_id not in tasks:
            tasks[task_id] = dict(now)
        tasks[task_id].update(changes)


def _outdate(answers: Iterable[dict[str, Any]], by: Mapping[str, Any]) -> None:
    """An answer takes the place of the one before it."""
    for answer in answers:
        if all(answer.get(name) == by.get(name) for name in ("subject_kind", "subject_id", "field")):
            answer["latest"] = False


# --- comparing -------------------------------------------------------------------------------------------------------


def differences(work: Work, chain: str, chain_id: UUID) -> tuple[Difference, ...]:
    """Where the rows of one chain are not what folding it gives; nothing when they are."""
    return tuple(_compare(work, chain, [chain_id]))


def replay(
    engine: Engine, *, case: UUID | None = None, progress: Callable[[int], None] = lambda _: None
) -> Iterator[Difference]:
    """`differences` of every chain there is (or of that of one case), and every row that ought to have one.

    Looks at `CHUNK` chains at a time, so that memory does not grow with the programme; `progress` hears how many.
    """
    for chain, ids in _chains(engine) if case is None else (("case", [case]),):
        with engine.read(SYSTEM) as work:
            found = list(_compare(work, chain, ids))
        yield from found
        progress(len(ids))


def count(work: Work) -> int:
    """How many chains `replay` and `verify_all` look at."""
    return sum(
        work.session.execute(sa.select(sa.func.count()).select_from(kept[0].model)).scalar_one()
        for kept in CHAINS.values()
    )


def _chains(engine: Engine) -> Iterator[tuple[str, list[UUID]]]:
    """Every subject of a chain and every chain, in chunks; of which kind, and the ids."""
    for chain in CHAINS:
        ids = _ids_of(chain)
        last: UUID | None = None
        found = [UUID(int=0)] * CHUNK
        while len(found) == CHUNK:
            query = sa.select(ids.c.id).order_by(ids.c.id).limit(CHUNK)
            with engine.read(SYSTEM) as work:
                found = list(work.session.execute(query if last is None else query.where(ids.c.id > last)).scalars())
            if found:
                yield chain, found
                last = found[-1]


def _ids_of(chain: str) -> sa.Subquery:
    """Of every subject of a kind of chain, and of every chain of that kind."""
    subjects = sa.select(CHAINS[chain][0].model.id.label("id"))
    entries = sa.select(Event.chain_id.label("id")).where(Event.chain == chain, Event.seq == 1)
    return sa.union(subjects, entries).subquery()


def _compare(work: Work, chain: str, ids: Sequence[UUID]) -> Iterator[Difference]:
    kept = CHAINS[chain]
    found_then: list[Difference] = []
    folded = {chain_id: fold(entries, found_then.append) for chain_id, entries in _entries(work, ids)}
    yield from found_then
    for one in kept:
        told: dict[UUID, tuple[UUID, dict[str, Any]]] = {
            UUID(row_id): (chain_id, columns)
            for chain_id, rows in folded.items()
            for row_id, columns in rows.get(one.model.__tablename__, {}).items()
        }
        owner = getattr(one.model, one.owner)
        for row in work.session.execute(sa.select(one.model.__table__).where(owner.in_(ids))).mappings():
            chain_id, columns = told.pop(row["id"], (row[one.owner], None))
            if columns is None:
                if not (one.model is Wave and row["seq"] == 0):  # its chain begins when it is first moved
                    yield Difference(chain, chain_id, one.model.__tablename__, row["id"], row=True)
                continue
            yield from _differing(chain, chain_id, one.model, row, columns)
        for row_id, (chain_id, _) in told.items():
            yield Difference(chain, chain_id, one.model.__tablename__, row_id, history=True)


def _differing(
    chain: str, chain_id: UUID, model: Any, row: Mapping[Any, Any], columns: Mapping[str, Any]
) -> Iterator[Difference]:
    for name, value in row.items():
        if name == "id" or name in NOT_HISTORY[model]:
            continue
        found, said = events.plain(value), columns.get(name)
        if found != said and not (name not in columns and found in UNSAID):
            yield Difference(chain, chain_id, model.__tablename__, row["id"], name, said, found)
    for name in columns.keys() - row.keys():
        yield Difference(chain, chain_id, model.__tablename__, row["id"], name, columns[name])


def _entries(work: Work, ids: Sequence[UUID]) -> Iterator[tuple[UUID, Iterator[Entry]]]:
    query = (
        sa.select(Event.chain, Event.chain_id, Event.seq, Event.act, Event.content)
        .where(Event.chain_id.in_(ids))
        .order_by(Event.chain_id, Event.seq)
    )
    rows = work.session.execute(query)
    for chain_id, group in groupby(rows, key=lambda row: row.chain_id):
        yield chain_id, (Entry(*row[:4], json.loads(row.content)) for row in group)


# --- checking the chains ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Promised:
    """What the entries of a chain committed to, with the number of the entry: by id of the remark, answer, document."""

    remarks: dict[str, tuple[str, int]] = field(default_factory=dict)
    answers: dict[str, tuple[str, int]] = field(default_factory=dict)
    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    seq: int = 0
    digest: str = events.START

    def hear(self, entry: Entry) -> None:
        for table, heard, column in (("evidence", self.answers, "commitment"), ("document", self.files, "sha256")):
            for row_id, said in entry.said.get("rows", {}).get(table, {}).items():
                if column in said:
                    heard[row_id] = (said[column], entry.seq)
        for remark in _committed_in(entry.said):
            self.remarks[remark["id"]] = (remark["commitment"], entry.seq)
        if entry.act in ("remark_erased", "comment_withdrawn"):
            self.erased.add(entry.said["remark_id"])


def verify(
    engine: Engine, *, case: UUID | None = None, progress: Callable[[int], None] = lambda _: None
) -> Iterator[Broken]:
    """Check every chain there is, or that of one case: its entries, its end, what they committed to, its documents.

    Of each chain the first fault of its entries is told, and every fault beside them. Erased names and salts are no
    fault: that is what salts are for. `progress` hears how many chains were looked at.
    """
    good_files: set[str] = set()
    for chain, ids in _chains(engine) if case is None else (("case", [case]),):
        yield from broken_in(engine, chain, ids, good_files)
        progress(len(ids))


def broken_in(engine: Engine, chain: str, ids: Sequence[UUID], good_files: set[str]) -> list[Broken]:
    """`verify` of some chains of one kind. `good_files` remembers which documents were good."""
    with engine.read(SYSTEM) as work:
        promised: dict[UUID, _Promised] = {}
        found = [*_verify_links(work, ids, promised), *_verify_ends(work, chain, ids, promised)]
        whole = promised.keys() - {one.chain_id for one in found}
        found += _verify_words(work, chain, promised, whole)
    found += _verify_files(engine.settings.documents, chain, promised, good_files)
    return found


def differing_in(engine: Engine, chain: str, ids: Sequence[UUID]) -> list[Difference]:
    """`replay` of some chains of one kind."""
    with engine.read(SYSTEM) as work:
        return list(_compare(work, chain, ids))


def next_chains(work: Work, after: tuple[str, UUID] | None, most: int) -> tuple[str, list[UUID]] | None:
    """The chains that come next after one of a kind (None: the first ones), all of one kind; None behind the last."""
    kinds = list(CHAINS)
    begin = 0 if after is None else kinds.index(after[0])
    for position, chain in enumerate(kinds[begin:], start=begin):
        ids = _ids_of(chain)
        query = sa.select(ids.c.id).order_by(ids.c.id).limit(most)
        if after is not None and position == begin:
            query = query.where(ids.c.id > after[1])
        if found := list(work.session.execute(query).scalars()):
            return chain, found
    return None


def remarks_of(work: Work, chain_id: UUID, seq: int) -> tuple[UUID, ...]:
    """The free texts one entry committed to. Raises NotFound when there is no such entry, or it has none."""
    query = sa.select(Event.content).where(Event.chain_id == chain_id, Event.seq == seq)
    said = json.loads(work.session.execute(query).scalar() or "{}")
    found = tuple(UUID(remark["id"]) for remark in _committed_in(said))
    if not found:
        raise NotFound(what="remark", name=str(seq))
    return found


def label(work: Work, chain: str, chain_id: UUID) -> str:
    """What people call the subject of a chain, as far as it has a name: a case's number, a wave's key."""
    columns: dict[str, tuple[Any, ...]] = {
        "case": (Case.number,),
        "prerequisite": (Prerequisite.kind, Prerequisite.scope, Prerequisite.body),
        "milestone": (Milestone.service, Milestone.kind),
        "wave": (Wave.key,),
        "cluster": (Cluster.title,),
        "onboarding_request": (OnboardingRequest.service, OnboardingRequest.body),
    }
    if chain not in columns:
        return str(chain_id)
    row = work.session.execute(sa.select(*columns[chain]).where(CHAINS[chain][0].model.id == chain_id)).first()
    return " ".join(word for word in row if word) if row is not None else str(chain_id)


def _verify_links(work: Work, ids: Sequence[UUID], promised: dict[UUID, _Promised]) -> Iterator[Broken]:
    """Each entry names the one before it and is what its digest says; what the good ones promise is remembered."""
    columns = (Event.chain, Event.chain_id, Event.seq, Event.at, Event.actor_id, Event.act, Event.content)
    query = sa.select(*columns, Event.previous, Event.digest).where(Event.chain_id.in_(ids))
    rows = work.session.execute(query.order_by(Event.chain_id, Event.seq))
    for chain_id, group in groupby(rows, key=lambda row: row.chain_id):
        known = promised[chain_id] = _Promised()
        for row in group:
            why = None
            if row.seq != known.seq + 1:
                why = "missing"
            elif row.previous != known.digest or row.digest != events.digest_of(*row[:-2], row.previous):
                why = "changed"
            if why is not None:
                yield Broken(row.chain, chain_id, row.seq, why)
                known.seq = -1  # what comes after it is not to be believed
                break
            known.seq, known.digest = row.seq, row.digest
            known.hear(Entry(row.chain, chain_id, row.seq, row.act, json.loads(row.content)))


def _verify_ends(work: Work, chain: str, ids: Sequence[UUID], promised: Mapping[UUID, _Promised]) -> Iterator[Broken]:
    """The subject's row names the last entry, so that the end cannot go missing unnoticed. People name none."""
    model = CHAINS[chain][0].model
    heads = (model.seq, model.head) if hasattr(model, "head") else (sa.null(), sa.null())
    there = set()
    for subject, seq, head in work.session.execute(sa.select(model.id, *heads).where(model.id.in_(ids))):
        there.add(subject)
        known = promised.get(subject)
        if known is None and seq != 0:
            yield Broken(chain, subject, 0, "nothing")
        elif known is not None and seq is not None and known.seq >= 0 and (seq, head) != (known.seq, known.digest):
            yield Broken(chain, subject, min(known.seq, seq) + 1, "end")
    for chain_id in promised.keys() - there:
        yield Broken(chain, chain_id, promised[chain_id].seq, "end")


def _verify_words(
    work: Work, chain: str, promised: Mapping[UUID, _Promised], whole: Collection[UUID]
) -> Iterator[Broken]:
    """Whatever still has its salt is what was committed to; text that is gone was taken out by an entry; and where the
    chain is whole, there is no text no entry knows of."""
    remarks = sa.select(Remark.chain_id, Remark.id, Remark.text, Remark.salt, Remark.commitment)
    kept = {row.id.hex: row for row in work.session.execute(remarks.where(Remark.chain_id.in_(promised)))}
    for remark_id, said in kept.items():
        if said.chain_id in whole and remark_id not in promised[said.chain_id].remarks:
            yield Broken(chain, said.chain_id, 0, "stray")
    for chain_id, known in promised.items():
        for remark_id, (commitment, seq) in known.remarks.items():
            row = kept.get(remark_id)
            if row is None or row.salt is None or row.text is None:
                if remark_id not in known.erased:
                    yield Broken(chain, chain_id, seq, "erased")
            elif not (row.commitment == commitment == events.committed(row.salt, row.text)):
                yield Broken(chain, chain_id, seq, "remark")
    owner = getattr(Evidence, "case_id" if chain == "case" else "subject_id")
    columns = (Evidence.id, Evidence.type, Evidence.text_value, Evidence.number_value, Evidence.date_value)
    answers = (
        sa.select(owner.label("owner"), *columns, Evidence.salt, Evidence.commitment, Document.sha256)
        .outerjoin(Document, Document.id == Evidence.document_id)
        .where(owner.in_(promised))
    )
    for row in work.session.execute(answers) if chain in ("case", "prerequisite", "milestone") else ():
        commitment, seq = promised[row.owner].answers.get(row.id.hex, ("", 0))
        if seq and row.salt is not None:
            value = evidence.value_of(row.type, row.text_value, row.number_value, row.date_value)
            text = evidence.committed(evidence.Answer("", row.type, value), row.sha256)
            if not (row.commitment == commitment == events.committed(row.salt, text)):
                yield Broken(chain, row.owner, seq, "answer")


def _verify_files(folder: Path, chain: str, promised: Mapping[UUID, _Promised], good: set[str]) -> Iterator[Broken]:
    for chain_id, known in promised.items():
        for sha256, seq in known.files.values():
            if sha256 in good:
                continue
            path = documents.path_of(folder, sha256)
            if not path.is_file():
                yield Broken(chain, chain_id, seq, "no_file")
            elif _digest_of(path) != sha256:
                yield Broken(chain, chain_id, seq, "file")
            else:
                good.add(sha256)


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return str(hashlib.file_digest(file, "sha256").hexdigest())


def _committed_in(said: Any) -> Iterator[Mapping[str, str]]:
    """Free text an entry commits to, wherever it says so."""
    if isinstance(said, Mapping):
        if said.keys() >= {"id", "commitment"}:
            yield said
        for inner in said.values():
            yield from _committed_in(inner)
    elif isinstance(said, list):
        for inner in said:
            yield from _committed_in(inner)
