"""What people have typed into forms and not sent yet: kept for them alone, until it is sent or nobody comes back to it.

A form has a name, `task:<id>` or `task:<id>:decline`; a page asks for all drafts below a name at once. History knows
nothing of drafts: what nobody has sent has not happened.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from workflow import commands, database, secrecy
from workflow.database import Guard, unguarded
from workflow.engine import Engine, Work
from workflow.errors import Refused
from workflow.models import Draft

KEPT: Final = dt.timedelta(days=90)
"""How long a draft waits for its author, in real time."""
LARGEST: Final = 60_000
"""Characters of one draft with everything around them."""
LONGEST_NAME: Final = 160


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands in a form, and since when (UTC)."""

    form: str
    values: Mapping[str, str]
    saved_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Drafts:
    """The drafts of one page, by the name of their form."""

    forms: Mapping[str, Kept] = field(default_factory=dict)

    def of(self, form: str) -> Kept | None:
        """The draft of one form."""
        return self.forms.get(form)

    def without(self, form: str | None) -> Drafts:
        """The others."""
        return Drafts({name: kept for name, kept in self.forms.items() if name != form})

    def typed(self) -> dict[str, str]:
        """Everything in them. Fields of the forms of one page have names of their own."""
        return {name: words for kept in self.forms.values() for name, words in kept.values.items()}


NONE: Final = Drafts()


def keep(work: Work, form: str, values: Mapping[str, str], *, command: str | None = None) -> dt.datetime | None:
    """Keep what stands in a form for the actor; the last to write has the word. Gives the instant, or None when nothing
    is kept: everything is empty, or the form has been sent already (`command`: the name it carries as a deed).

    Raises Refused (too large, or a secret nobody may keep here), asked in this order.
    """
    person_id = _author(work)
    written = {name: words for name, words in values.items() if words.strip()}
    packed = json.dumps(written, ensure_ascii=False, separators=(",", ":"))
    if len(packed) > LARGEST or len(form) > LONGEST_NAME:
        raise Refused("error.draft_too_large")
    if any(secrecy.found(words) for words in written.values()):
        raise Refused("error.draft_secret")
    if not written:
        forget(work, form)
        return None
    if commands.is_known(work, command):
        return None
    now = database.real_now()
    if not _rewrite(work, person_id, form, packed, now):
        row = {"person_id": person_id, "form": form, "values": packed, "saved_at": now}
        if not database.insert_missing(work.session, Draft, row):  # another tab, at the same moment
            _rewrite(work, person_id, form, packed, now)
    return now


def below(work: Work, name: str) -> Drafts:
    """The actor's drafts of the form of this name and of those below it."""
    mine = sa.select(Draft.form, Draft.values, Draft.saved_at).where(
        Draft.person_id == _author(work), sa.or_(Draft.form == name, Draft.form.startswith(f"{name}:", autoescape=True))
    )
    return Drafts({form: Kept(form, json.loads(packed), at) for form, packed, at in work.session.execute(mine)})


def forget(work: Work, form: str) -> None:
    """Forget what stands in a form of the actor: it was sent, or is not wanted. One that is not there is no error."""
    work.session.execute(sa.delete(Draft).where(Draft.person_id == _author(work), Draft.form == form))


def forget_old(engine: Engine, guard: Guard = unguarded) -> int:
    """Forget drafts nobody has come back to for 90 days; returns how many."""
    with database.transaction(engine.pool, write=True) as session:
        guard(session)
        return session.execute(  # type: ignore[attr-defined, no-any-return]
            sa.delete(Draft).where(Draft.saved_at < database.real_now() - KEPT)
        ).rowcount


def _rewrite(work: Work, person_id: UUID, form: str, packed: str, now: dt.datetime) -> bool:
    there = sa.update(Draft).where(Draft.person_id == person_id, Draft.form == form)
    written = work.session.execute(there.values(values=packed, saved_at=now))
    return bool(written.rowcount)  # type: ignore[attr-defined]


def _author(work: Work) -> UUID:
    """Drafts are a person's: neither time nor the operator at the shell has any."""
    assert work.actor.id is not None  # noqa: S101
    return work.actor.id
