"""What people say to each other about a case or one of its tasks, and who is asked to read it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID, uuid4

import sqlalchemy as sa

from workflow import casework, evidence, policy
from workflow.casework import CaseAtHand, LockedCase, TaskRow
from workflow.definition import EvidenceField, Text
from workflow.engine import Work
from workflow.errors import Conflict, InvalidEvidence, NotAllowed, NotFound, Refused
from workflow.models import Comment, Mention, Person

MOST_TEXT = 2000
FIELD = EvidenceField(type="long_text", title=Text(de="Kommentar", en="Comment"))


@dataclass(frozen=True, slots=True)
class CommentView:
    """A comment after a deed."""

    id: UUID
    case_id: UUID
    task_id: UUID | None
    mentioned: tuple[UUID, ...]


def write(
    work: Work, case_id: UUID, text: str, *, task_id: UUID | None = None, mentioned: Collection[UUID] = ()
) -> CommentView:
    """Write something about a case, or about one of its tasks, for everybody who sees the case.

    Who is `mentioned`, or named in the text as `@Name`, learns of it by mail; the mail does not say what was written.
    Raises NotFound (the case, the task), NotAllowed, InvalidEvidence (empty, over 2,000 characters, or what no text may
    hold) or Refused (somebody mentioned does not see the case), in this order.
    """
    case, task = _locked(work, case_id, task_id)
    if not policy.may_comment(work.actor, case.row):
        raise NotAllowed(roles=("body.digi", "umsetzungsteam", "supervisor", "programme_office"))
    words = _words(text)
    readers = audience(case)
    if not {*mentioned} <= readers:
        raise Refused("error.cannot_be_mentioned")

    named = _named_in(work, words, readers) if "@" in words else []
    people = tuple(dict.fromkeys([*mentioned, *named]))
    comment_id = uuid4()
    remark_id = case.remark(words)
    case.put(
        Comment,
        comment_id,
        task_id=task.id if task else None,
        author_id=work.actor.id,
        written_at=work.now,
        remark_id=remark_id,
        withdrawn=False,
    )
    for person in people:
        case.put(Mention, uuid4(), comment_id=comment_id, person_id=person)
    case.say(**casework.said_of_place(work.actor, lambda who: policy.may_comment(who, case.row)))
    if task is not None:
        case.say(task=task.id, name=task.name)
        case.notify("mentioned", people, kind="task", subject_id=task.id, task=task.name)
    else:
        case.notify("mentioned", people, kind="case", subject_id=case.row.id)
    case.record("task_commented" if task else "commented")
    return CommentView(comment_id, case.row.id, task.id if task else None, people)


def withdraw(work: Work, comment_id: UUID) -> CommentView:
    """Take back what one wrote: its text is emptied; that there was a comment, and that it was withdrawn, stays.

    Raises NotFound, NotAllowed (somebody else wrote it) or Conflict (withdrawn already), in this order.
    """
    case_id = work.session.execute(sa.select(Comment.case_id).where(Comment.id == comment_id)).scalar()
    if case_id is None:
        raise NotFound(what="comment")
    case = casework.lock(work, case_id)
    query = sa.select(Comment.author_id, Comment.task_id, Comment.remark_id, Comment.withdrawn)
    row = work.session.execute(query.where(Comment.id == comment_id)).one()
    if row.author_id is None or row.author_id != work.actor.id:
        raise NotAllowed(roles=())
    if row.withdrawn:
        raise Conflict(what="withdrawn")

    case.amend(Comment, comment_id, withdrawn=True)
    case.execute(casework.ERASE_REMARK, which=row.remark_id)
    case.say(remark_id=row.remark_id)
    case.record("comment_withdrawn")
    return CommentView(comment_id, case_id, row.task_id, ())


def audience(case: CaseAtHand) -> set[UUID]:
    """Who sees the case because of a role they hold for it: they may be mentioned."""
    return {holder.person_id for holder in case.holders() if policy.lets_see(holder, case.row)}


def _locked(work: Work, case_id: UUID, task_id: UUID | None) -> tuple[LockedCase, TaskRow | None]:
    if task_id is None:
        return casework.lock(work, case_id), None
    case, task = casework.lock_by_task(work, task_id)
    if case.row.id != case_id:
        raise NotFound(what="task")
    return case, task


def _words(text: str) -> str:
    (answer,) = evidence.read({"text": FIELD}, {"text": text})
    words = str(answer.value)
    if len(words) > MOST_TEXT:
        raise InvalidEvidence({"text": ("evidence.too_long", {"title": FIELD.title, "most": MOST_TEXT})})
    return words


def _named_in(work: Work, words: str, readers: Collection[UUID]) -> list[UUID]:
    """Who is called `@Name` in the text; a longer name is looked for first, and one that several bear names nobody."""
    rows = work.session.execute(sa.select(Person.name, Person.id).where(Person.id.in_(readers)))
    bearers: dict[str, list[UUID]] = {}
    for name, person_id in rows:
        if name:
            bearers.setdefault(name.casefold(), []).append(person_id)
    left, found = words.casefold(), []
    for name in sorted(bearers, key=len, reverse=True):
        if f"@{name}" in left:
            left = left.replace(f"@{name}", " ")
            if len(bearers[name]) == 1:
                found += bearers[name]
    return found
