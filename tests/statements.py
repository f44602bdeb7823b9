"""How many statements something costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tests.world import World


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """The statements that reach the database inside; beginning a transaction is none."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    sa.event.listen(world.engine.pool, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(world.engine.pool, "before_cursor_execute", note)
