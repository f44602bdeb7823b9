"""What was said about a case or a task, in the order in which it was said, and who may be asked to read along."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workflow import comments, policy, statements
from workflow.definition import Text
from workflow.models import Comment, Mention, Remark
from workflow.queries import parts
from workflow.queries.seen import SeenCase
from workflow.statements import Asking, Rows


@dataclass(frozen=True, slots=True)
class Said:
    """A comment. `text` is None once it was withdrawn or erased; `task` names the task it is about."""

    id: UUID
    at: dt.datetime
    who: str | None
    text: str | None
    task_id: UUID | None
    task: Text | None
    mentioned: tuple[str, ...]
    mine: bool
    """The actor of the page wrote it and may withdraw it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may be mentioned, with the roles that let them see the case."""

    id: UUID
    name: str
    roles: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a page shows of it."""

    said: tuple[Said, ...]
    readers: tuple[Reader, ...]
    may_write: bool


Kept = Sequence[Any]


def asking(case_id: UUID) -> Asking:
    """What `read` begins with, to be asked together with others."""
    return _COMMENTS, {"case_id": case_id}


def read(
    case: SeenCase, task_id: UUID | None = None, *, kept: Rows | None = None
) -> tuple[Kept, dict[UUID, list[UUID]]]:
    """The comments of a case, or of one of its tasks, with whom they mention; whose names the page has to learn.

    `kept`: what `asking` was answered.
    """
    values = {"case_id": case.row.id}
    rows = statements.rows(case.work.connection, _COMMENTS, values) if kept is None else kept
    rows = [row for row in rows if task_id is None or row.task_id == task_id]
    mentioned: dict[UUID, list[UUID]] = {}
    for comment_id, person_id in statements.rows(case.work.connection, _MENTIONS, values) if rows else ():
        mentioned.setdefault(comment_id, []).append(person_id)
    return rows, mentioned


def people_in(kept: tuple[Kept, dict[UUID, list[UUID]]]) -> list[UUID | None]:
    """Everybody who wrote or is mentioned."""
    rows, mentioned = kept
    return [row.author_id for row in rows] + [person for people in mentioned.values() for person in people]


def in_words(case: SeenCase, kept: tuple[Kept, dict[UUID, list[UUID]]]) -> Conversation:
    """The conversation, once the case has learnt the names."""
    rows, mentioned = kept
    me = case.work.actor.id
    tasks = {task.id: task for task in case.tasks.values()}
    said = tuple(
        Said(
            id=row.id,
            at=row.written_at,
            who=case.name(row.author_id),
            text=row.text,
            task_id=row.task_id,
            task=case.definition_of(tasks[row.task_id]).title if row.task_id in tasks else None,
            mentioned=tuple(name for person in mentioned.get(row.id, ()) for name in [case.name(person)] if name),
            mine=me is not None and row.author_id == me and not row.withdrawn,
        )
        for row in rows
    )
    return Conversation(said, _readers(case), policy.may_comment(case.work.actor, case.row))


def _readers(case: SeenCase) -> tuple[Reader, ...]:
    held: dict[UUID, list[Text]] = {}
    for holder in case.holders():
        role = f"body.{holder.role}" if holder.body else holder.role
        held.setdefault(holder.person_id, []).append(parts.role_title(case.work.catalogue, role))
    found = [
        Reader(person_id, name, tuple(dict.fromkeys(held.get(person_id, ()))))
        for person_id in comments.audience(case)
        if person_id != case.work.actor.id
        for name in [case.name(person_id)]
        if name
    ]
    return tuple(sorted(found, key=lambda reader: (reader.name, str(reader.id))))


_CASE_ID: Any = sa.bindparam("case_id", type_=sa.Uuid())
_COMMENTS = (
    sa.select(Comment.id, Comment.task_id, Comment.author_id, Comment.written_at, Comment.withdrawn, Remark.text)
    .join(Remark, Remark.id == Comment.remark_id)
    .where(Comment.case_id == _CASE_ID)
    .order_by(Comment.written_at, Comment.id)
)
_MENTIONS = sa.select(Mention.comment_id, Mention.person_id).where(Mention.case_id == _CASE_ID)
