"""Mails that are foreseen, as JSON or CSV for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from workflow import texts
from workflow.simulation import Foreseen

ZONE = ZoneInfo("Europe/Berlin")
COLUMNS = ("at", "to", "address", "subject", "text", "about", "number", "body", "ladder", "rung", "due")
"""Of the CSV."""


def as_json(mails: Sequence[Foreseen], language: str) -> list[dict[str, Any]]:
    """Times with their zone, titles in a language, names of the definitions as they stand there."""
    return [
        {
            "at": mail.at.astimezone(ZONE).isoformat(),
            "to": mail.recipient,
            "address": mail.address,
            "subject": mail.subject,
            "digest": not mail.immediate,
            "why": [
                {
                    "text": one.name,
                    "about": texts.title(language, one.title),
                    "number": one.number,
                    "body": one.body,
                    "ladder": one.ladder,
                    "rung": one.rung,
                    "due": one.due.isoformat() if one.due else None,
                }
                for one in mail.reasons
            ],
        }
        for mail in mails
    ]


def as_csv(mails: Sequence[Foreseen], language: str) -> str:
    """One line for each reason, divided by semicolons as offices open it; no cell is taken for a formula."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";", lineterminator="\n")
    writer.writerow(COLUMNS)
    for mail in as_json(mails, language):
        for one in mail["why"]:
            cells = [*(mail[name] for name in COLUMNS[:4]), *(one[name] for name in COLUMNS[4:])]
            writer.writerow([_plain(cell) for cell in cells])
    return written.getvalue()


def _plain(cell: str | None) -> str:
    return "" if cell is None else f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
