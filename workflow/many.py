"""What the command line says while one thing is done with many cases: which they are, and what it came to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from workflow import bulk, cases, commands, console
from workflow.bulk import MOST, BulkView, Order, Result, Subject
from workflow.console import DONE, REFUSED, Wrong, out_json, out_table, say, tell, title
from workflow.engine import Engine, Work
from workflow.queries import bulk as query
from workflow.queries import case_list
from workflow.queries.bulk import BulkLine, ItemLine, What
from workflow.queries.case_list import Filters


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which cases: these numbers, and all that match."""

    numbers: tuple[str, ...]
    filters: Filters

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Chosen:
        """As the options of a command say it. Raises Wrong when they name none."""
        filters = Filters(**{name: options[name] for name in ("service", "state", "district", "body", "rests")})
        if not options["numbers"] and not filters.narrow:
            raise Wrong("cli.wrong.bulk_what")
        return cls(options["numbers"], filters)

    def subjects(self, work: Work, order: Order) -> list[Subject]:
        """The cases, or the tasks of them the order names. Raises NotFound for a number."""
        found = [cases.by_number(work, number) for number in self.numbers]
        if self.filters.narrow:
            found += case_list.ids(work, self.filters, most=MOST)
        return bulk.subjects_of(work, order, found)


@dataclass(frozen=True, slots=True)
class Unopened:
    """Everything of these services that is not open yet."""

    services: tuple[str, ...]

    def subjects(self, work: Work, _: Order) -> list[Subject]:
        """What `cases.plan` finds. Raises NotFound for a service."""
        return bulk.to_open(cases.plan(work, dict.fromkeys(self.services)))


def ask(work: Work, order: Order, which: Chosen | Unopened) -> BulkView:
    """`bulk.ask`, of the cases as they are found in this very transaction."""
    return bulk.ask(work, order, which.subjects(work, order))


def do(
    engine: Engine,
    who: UUID,
    order: Order,
    which: Chosen | Unopened,
    *,
    dry_run: bool,
    key: str | None,
    as_json: bool,
) -> int:
    """Try it out, or do it to the end; says what became of each. Asked again under its key, what became of them."""
    if dry_run:
        with engine.read(who) as work:
            subjects = which.subjects(work, order)
        with console.progress(len(subjects), say("cli.bulk.doing")) as hear:
            results = bulk.try_out(engine, who, order, subjects, progress=hear)
        return _tell_tried(engine, who, order, results, as_json=as_json)
    with engine.change(who) as work:
        asked = commands.once(work, key, ask, order, which)
    return go_on(engine, who, asked.id, as_json=as_json)


def go_on(engine: Engine, who: UUID, bulk_id: UUID, *, as_json: bool) -> int:
    """Work it off to the end, and say what it came to. Raises NotFound or NotAllowed."""
    with engine.read(who) as work:
        left = query.insist_may_go_on(work, bulk_id).counts.pending
    with console.progress(left, say("cli.bulk.doing")) as hear:
        bulk.work_off(engine, bulk_id, progress=hear)
    return show(engine, who, bulk_id, as_json=as_json)


def show(engine: Engine, who: UUID, bulk_id: UUID, *, as_json: bool) -> int:
    """What it came to, the refused first. Raises NotFound."""
    with engine.read(who) as work:
        page = query.bulk(work, bulk_id)
        items = [_item(work, one) for one in (*page.refused, *page.done)]
    counts = page.line.counts
    if as_json:
        out_json({**_line(page.line), "cases": items})
    else:
        _table(items)
        tell(say("cli.bulk.sum", id=str(bulk_id), done=counts.done, refused=counts.refused, pending=counts.pending))
    return REFUSED if counts.refused else DONE


def show_all(engine: Engine, who: UUID, *, as_json: bool) -> None:
    """What was asked for, the newest first."""
    with engine.read(who) as work:
        lines = query.bulks(work)
    if as_json:
        out_json([_line(line) for line in lines])
        return
    heads = [say(f"cli.head.{name}") for name in ("bulk", "what", "at", "done", "refused", "pending")]
    out_table(
        heads,
        [
            [
                str(line.id),
                _what(line.what),
                _at(line.at),
                *(str(getattr(line.counts, name)) for name in ("done", "refused", "pending")),
            ]
            for line in lines
        ],
    )
    if not lines:
        tell(say("cli.bulk.none"))


def _tell_tried(engine: Engine, who: UUID, order: Order, results: Sequence[Result], *, as_json: bool) -> int:
    with engine.read(who) as work:
        items = [_item(work, one) for one in query.tried(work, results)]
        what = _what(query.worded(work, order))
    refused = sum(result.refused is not None for result in results)
    if as_json:
        out_json({"dry_run": True, "what": what, "cases": items})
    else:
        _table(items)
        tell(say("cli.bulk.would", what=what, done=len(results) - refused, refused=refused))
    return REFUSED if refused else DONE


def _item(work: Work, one: ItemLine) -> dict[str, Any]:
    item: dict[str, Any] = {
        "number": one.number,
        "service": title(one.service) if one.service else None,
        "body": one.body,
    }
    if one.refused is not None:
        item["refused"] = {"key": one.refused.key, "message": console.refusal(one.refused, work.catalogue)[0]}
    return item


def _table(items: Sequence[dict[str, Any]]) -> None:
    if not items:
        return
    heads = [say(f"cli.head.{name}") for name in ("case", "service", "body", "result")]
    good = say("cli.bulk.good")
    out_table(
        heads,
        [
            [
                item["number"] or "–",
                item["service"] or "–",
                item["body"] or "–",
                item["refused"]["message"] if "refused" in item else good,
            ]
            for item in items
        ],
    )


def _line(line: BulkLine) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "what": _what(line.what),
        "at": line.at.isoformat(timespec="seconds"),
        "finished": line.finished_at is not None,
        "done": line.counts.done,
        "refused": line.counts.refused,
        "pending": line.counts.pending,
    }


def _what(what: What) -> str:
    thing = what.what if isinstance(what.what, str) else title(what.what) if what.what else ""
    return say(f"cli.bulk.kind.{what.kind}", what=thing, to=what.to or "–")


def _at(at: dt.datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M")
