"""What a deed leaves for many cases to follow: one row per case, written with the deed itself."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from workflow import database
from workflow.models import Followup


def queue(session: Session, kind: str, source_id: UUID, source_seq: int, cases: Sequence[UUID]) -> None:
    """Remember, in the deed that made it so, which cases shall learn of it."""
    if cases:
        now = database.real_now()
        session.execute(
            sa.insert(Followup),
            [
                {
                    "id": uuid4(),
                    "case_id": case_id,
                    "source_kind": kind,
                    "source_id": source_id,
                    "source_seq": source_seq,
                    "created_at": now,
                    "try_at": now,
                }
                for case_id in cases
            ],
        )
