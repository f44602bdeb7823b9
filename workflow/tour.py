"""The short tour for somebody who is new: which one fits, and that it is over."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa

from workflow import database
from workflow.definition import BODY_ROLES
from workflow.engine import Engine
from workflow.models import Person
from workflow.policy import COORDINATOR, Role

TOURS = {"town": 4, "team": 4, "supervisor": 3, "office": 4, "auditor": 3, "admin": 4}
"""Every tour, and how many steps it has; their words are `tour.<name>.<step>.…`."""

_FITTING = (
    ("town", frozenset({*BODY_ROLES, COORDINATOR})),
    ("team", frozenset({"umsetzungsteam", "rollout_team"})),
    ("supervisor", frozenset({"supervisor"})),
    ("office", frozenset({"programme_office"})),
    ("auditor", frozenset({"auditor"})),
    ("admin", frozenset({"admin"})),
)


def of(roles: Iterable[Role]) -> str:
    """The tour for somebody who holds these roles: that of the first of them one works in."""
    held = {role.role for role in roles}
    return next((name for name, fitting in _FITTING if held & fitting), "town")


def finish(engine: Engine, person_id: UUID) -> None:
    """The tour was finished or skipped and is offered no more. It concerns nobody else and is no history."""
    with database.transaction(engine.pool, write=True) as session:
        over = sa.update(Person).where(Person.id == person_id, Person.toured_at.is_(None))
        session.execute(over.values(toured_at=database.real_now()))
