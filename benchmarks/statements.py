"""What the product really sends to its database, recorded so that a bare driver can send the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from workflow.engine import Engine

Statement = tuple[str, Any]
"""The text as the driver gets it, and its parameters."""


@contextmanager
def recorded(engine: Engine) -> Iterator[list[Statement]]:
    """Everything sent inside the block; a statement sent with many sets of parameters at once counts as many.

    Beginning and ending transactions is left out: both sides do that for themselves.
    """
    found: list[Statement] = []

    def listen(_connection: Any, _cursor: Any, text: str, parameters: Any, _context: Any, many: bool) -> None:
        if not text.startswith("BEGIN"):
            found.extend((text, one) for one in (parameters if many else [parameters]))

    sa.event.listen(engine.pool, "before_cursor_execute", listen)
    try:
        yield found
    finally:
        sa.event.remove(engine.pool, "before_cursor_execute", listen)
