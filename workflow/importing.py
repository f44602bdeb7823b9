"""What the command line says and asks while it follows an official list of bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workflow import console
from workflow.bodies import Applied, Change, Changes, Entry, Vanished
from workflow.console import Wrong, out, out_json, say, tell
from workflow.engine import Work
from workflow.queries import parts

_MOST_CANDIDATES = 20
_YES = {"j", "ja", "y", "yes"}


def successors(named: Iterable[str], without: Iterable[str]) -> dict[str, str | None]:
    """What `--successor OLD=NEW` and `--no-successor OLD` say, by the ARS of the body that ended. Raises Wrong."""
    told: dict[str, str | None] = {}
    for words in named:
        old, equals, new = words.partition("=")
        if not equals or not _is_ars(old) or not _is_ars(new) or old == new or old in told:
            raise Wrong("cli.wrong.successor", value=words)
        told[old] = new
    for old in without:
        if not _is_ars(old) or old in told:
            raise Wrong("cli.wrong.successor", value=old)
        told[old] = None
    return told


def show(changes: Changes) -> None:
    """Line by line what an edition changes."""
    read = {"date": changes.date, "encoding": changes.encoding, "n": changes.bodies, "land": changes.land}
    tell(say("cli.import.read", **read))
    for entry in changes.added:
        out(say("cli.import.added", name=entry.display_name, ars=entry.ars))
    for change in changes.renamed:
        after = change.after.get("display_name", change.name)
        out(say("cli.import.renamed", before=change.name, after=after, ars=change.ars))
    for change in changes.changed:
        differences = "; ".join(_difference(change, column) for column in change.after)
        out(say("cli.import.changed", name=change.name, ars=change.ars, differences=differences))
    for what in ("vanished", "unfinished"):
        for body in getattr(changes, what):
            out(say(f"cli.import.{what}", name=body.name, ars=body.ars, n=body.open_cases))


def tell_what_would_be(changes: Changes, *, as_json: bool) -> None:
    """The sum of a dry run."""
    if as_json:
        out_json({"dry_run": True, **_written(changes)})
    else:
        tell(say("cli.import.nothing") if changes.nothing else say("cli.import.would", **_counts(changes)))


def ask_for_successors(changes: Changes, known: Mapping[str, str | None]) -> dict[str, str | None]:
    """Have the person confirm the successor of every body that ended and has none named."""
    told = dict(known)
    for body in changes.vanished:
        if body.ars not in told:
            told[body.ars] = _ask_for_successor(body)
    return told


def confirmed() -> bool:
    """Whether the person wants the changes."""
    return console.ask(say("cli.import.confirm")).casefold() in _YES


def tell_what_became(work: Work, applied: Applied, *, as_json: bool) -> None:
    """What following the edition came to."""
    changes = applied.changes
    stuck = [(one.number, console.refusal(one.refused, work.catalogue)[0]) for one in applied.stuck]
    if as_json:
        moved = [
            {
                "number": one.number,
                "service": one.service,
                "from": one.source,
                "to": one.target,
                "superseded_by": one.superseded_by,
            }
            for one in applied.moved
        ]
        refused = [{"number": number, "message": why} for number, why in stuck]
        out_json({"dry_run": False, **_written(changes), "moved": moved, "stuck": refused})
        return
    names = parts.body_names(work, {one.target for one in applied.moved})
    for one in applied.moved:
        key = "cli.import.superseded" if one.superseded_by else "cli.import.moved"
        out(say(key, number=one.number, body=names[one.target], case=one.superseded_by or ""))
    for number, why in stuck:
        tell(say("cli.import.stuck", number=number, why=why))
    tell(say("cli.import.nothing") if changes.nothing else say("cli.import.done", **_counts(changes)))


def _is_ars(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) == 12


def _difference(change: Change, column: str) -> str:
    nothing = say("cli.import.no_value")
    before, after = (_value(values[column]) or nothing for values in (change.before, change.after))
    return say("cli.import.difference", column=say(f"cli.column.{column}"), before=before, after=after)


def _value(value: Any) -> Any:
    return "" if value is None else value


def _ask_for_successor(body: Vanished) -> str | None:
    tell(say("cli.import.who", name=body.name))
    offered = body.candidates[:_MOST_CANDIDATES]
    for number, candidate in enumerate(offered, start=1):
        tell(say("cli.import.candidate", n=number, name=candidate.name, ars=candidate.ars))
    if not body.open_cases:
        tell(say("cli.import.nobody"))
    while True:
        answer = console.ask(say("cli.import.choose"))
        if answer == "0" and not body.open_cases:
            return None
        if _is_ars(answer) and answer != body.ars:
            return answer
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(offered):
            return offered[int(answer) - 1].ars
        tell(say("cli.import.choose_again"))


def _counts(changes: Changes) -> dict[str, int]:
    return {name: len(getattr(changes, name)) for name in ("added", "renamed", "changed", "vanished")}


def _written(changes: Changes) -> dict[str, Any]:
    """What `--json` says of the changes."""
    return {
        "edition": changes.date.isoformat(),
        "encoding": changes.encoding,
        "state": changes.land,
        "bodies": changes.bodies,
        "added": [_entry(entry) for entry in changes.added],
        "renamed": [_change(change) for change in changes.renamed],
        "changed": [_change(change) for change in changes.changed],
        "vanished": [_vanished(body) for body in changes.vanished],
        "unfinished": [_vanished(body) for body in changes.unfinished],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


def _change(change: Change) -> dict[str, Any]:
    return {"ars": change.ars, "name": change.name, "before": dict(change.before), "after": dict(change.after)}


def _vanished(body: Vanished) -> dict[str, Any]:
    return {
        "ars": body.ars,
        "name": body.name,
        "open_cases": body.open_cases,
        "candidates": [{"ars": one.ars, "name": one.name} for one in body.candidates],
    }
