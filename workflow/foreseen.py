"""Mails that are foreseen, as JSON or CSV for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from workflow import texts

if TYPE_CHECKING:
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


def as_csv(mails: Sequence[Foreseen], language: str, *, addresses: bool = True) -> str:
    """One line for each reason, divided by semicolons as offices open it; no cell is taken for a formula. Not everybody
    who may know who is written to sees `addresses`."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";", lineterminator="\n")
    columns = [name for name in COLUMNS if addresses or name != "address"]
    writer.writerow(columns)
    for foreseen, mail in zip(mails, as_json(mails, language), strict=True):
        if not addresses and foreseen.recipient_id is None:
            mail["to"] = texts.say(language, "cli.mails.mailbox")
        for one in mail["why"]:
            writer.writerow([_plain((mail | one)[name]) for name in columns])
    return written.getvalue()


def _plain(cell: str | None) -> str:
    return "" if cell is None else f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
