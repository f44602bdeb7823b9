"""The operator's door: `startklar`. It starts the other doors as processes and never imports them.

Every deed is done by somebody: `--as` names an account. Without it the operator at the shell acts, who holds the keys
of the database anyway. Libraries that take long to import are imported by the command that needs them.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workflow import console, settings
from workflow.console import (
    DONE,
    REFUSED,
    TRY_AGAIN,
    Argument,
    Group,
    Instant,
    Land,
    Number,
    OneOf,
    Option,
    Wrong,
    out,
    out_json,
    out_table,
    say,
    tell,
    title,
)
from workflow.errors import InvalidEvidence, NotFound, StartklarError, Unready
from workflow.settings import Settings

if TYPE_CHECKING:
    from uuid import UUID

    from workflow.cases import Opened, Planned
    from workflow.engine import Engine, Who, Work
    from workflow.loading import Loaded
    from workflow.policy import Role
    from workflow.simulation import Foreseen
    from workflow.takeover import Taken
    from workflow.ticking import Ticked

_MOST_PASSWORD = 4096
_MOST_REASONS = 3
"""Reasons of a mail that are named in a table; the rest is counted."""
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Nothing that could be taken for something else when it is read out."""

AS = click.option("--as", "email", metavar="EMAIL", cls=Option, help="cli.help.as")
AS_SOMEBODY = click.option("--as", "email", metavar="EMAIL", required=True, cls=Option, help="cli.help.as_somebody")
JSON = click.option("--json", "as_json", is_flag=True, cls=Option, help="cli.help.json")
DRY_RUN = click.option("--dry-run", is_flag=True, cls=Option, help="cli.help.dry_run")
KEY = click.option("--key", metavar="KEY", cls=Option, help="cli.help.key")
ANSWERS = click.option(
    "--answer", "answers", multiple=True, metavar="NAME=VALUE", cls=Option, help="cli.help.advance.answer"
)
FOLDER = click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path), cls=Argument, help="cli.help.folder"
)


def MANY(command: Callable[..., Any]) -> Callable[..., Any]:  # noqa: N802 - stands among the options above
    """Which cases, and how it is done with many of them."""
    options = (
        click.option("--case", "numbers", multiple=True, metavar="NUMBER", cls=Option, help="cli.help.bulk.case"),
        click.option("--service", metavar="KEY", cls=Option, help="cli.help.bulk.service"),
        click.option("--state", metavar="KEY", cls=Option, help="cli.help.bulk.state"),
        click.option("--district", metavar="ARS", cls=Option, help="cli.help.bulk.district"),
        click.option("--body", metavar="ARS", cls=Option, help="cli.help.bulk.body"),
        click.option("--resting", "rests", is_flag=True, cls=Option, help="cli.help.bulk.resting"),
        DRY_RUN,
        KEY,
        JSON,
        AS_SOMEBODY,
    )
    for option in reversed(options):
        command = option(command)
    return command


def main(words: Sequence[str] | None = None) -> int:
    """`startklar …`: run a command and answer the exit code."""
    return console.run(startklar, sys.argv[1:] if words is None else words)


@click.group(cls=Group, help="cli.help.startklar", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--language", type=OneOf("de", "en"), cls=Option, expose_value=False, help="cli.help.language")
def startklar() -> None:
    """Everything an operator does."""


# --- making and running an installation ------------------------------------------------------------------------------


@startklar.command(help="cli.help.init")
@click.option("--clock", type=OneOf("system", "manual"), cls=Option, help="cli.help.init.clock")
@click.option("--now", type=Instant(), metavar="ISO", cls=Option, help="cli.help.init.now")
@click.option("--example", is_flag=True, cls=Option, help="cli.help.init.example")
def init(clock: Any, now: dt.datetime | None, example: bool) -> None:
    """A new installation; the definitions are checked before anything is made."""
    from workflow import checking, database, loading, start

    configured = settings.read()
    kind = clock or configured.clock or "system"
    if now is not None and kind != "manual":
        raise Wrong("cli.wrong.now_needs_manual")
    definitions = checking.check(configured.definitions).insist()
    start.init(configured, clock=kind, now=now or database.real_now(), example=example)
    with _opened(configured) as engine:
        loading.load_checked(engine, definitions)
    out(say("cli.init.done", database=_without_password(configured.database_url)))
    out(say("cli.init.loaded", bodies=len(definitions.bodies), services=len(definitions.services)))
    out(say("cli.init.manual" if kind == "manual" else "cli.init.system"))
    for line in say("cli.init.next").split("\n"):
        out(line)


@startklar.command(help="cli.help.upgrade")
def upgrade() -> None:
    """Bring the schema up to this program's; a database that was never set up is left alone."""
    from workflow import database

    configured = settings.read()
    pool = database.connect(configured.database_url)
    try:
        database.insist_current(pool)
    except Unready as error:
        if error.key != "error.old_schema":
            raise
        if not database.can_upgrade(str(error.facts["present"])):
            raise
        database.upgrade(configured.database_url)
        out(say("cli.upgrade.done"))
    else:
        out(say("cli.upgrade.nothing"))
    finally:
        pool.dispose()


@startklar.command(help="cli.help.serve")
@click.option("--host", default="127.0.0.1", metavar="HOST", cls=Option, help="cli.help.serve.host")
@click.option("--port", default=8000, type=Number(1, 65535), metavar="PORT", cls=Option, help="cli.help.serve.port")
@click.option("--threads", default=8, type=Number(1, 256), metavar="N", cls=Option, help="cli.help.serve.threads")
def serve(host: str, port: int, threads: int) -> int:
    """The web pages, as a process of their own in the place of this one."""
    with _opened():
        _insist_free(host, port)
    return _become("webui", "--host", host, "--port", str(port), "--threads", str(threads))


@startklar.command(help="cli.help.scheduler")
@click.option("--once", is_flag=True, cls=Option, help="cli.help.scheduler.once")
def scheduler(once: bool) -> int:
    """The clock's door, likewise."""
    with _opened():
        pass
    return _become("scheduler", *(["--once"] if once else []))


@startklar.command(help="cli.help.tick")
@JSON
def tick(as_json: bool) -> int:
    """One pass of everything that is due."""
    with _opened() as engine:
        ticked = _tick(engine)
    if as_json:
        out_json(_counts(ticked))
    else:
        out(say("cli.ticked", **_counts(ticked)))
    return REFUSED if ticked.failed else DONE


# --- definitions -----------------------------------------------------------------------------------------------------


@startklar.command(help="cli.help.check")
@FOLDER
@JSON
def check(folder: Path | None, as_json: bool) -> int:
    """Every fault with its place, or one sentence."""
    from workflow import checking

    folder = folder or settings.read().definitions
    checked = checking.check(folder)
    counts: dict[str, int] = {}
    unready: tuple[str, ...] = ()
    if (found := checked.definitions) is not None:
        unready = found.to_replace()
        counts = {
            "processes": len(found.processes),
            "services": len(found.services),
            "bodies": len(found.bodies),
            "prerequisites": len(found.shared.prerequisites),
            "ladders": len(found.programme.ladders),
            "messages": len(found.messages),
        }
    if as_json:
        faults = [
            {
                "file": fault.file,
                "line": fault.line,
                "column": fault.column,
                "key": fault.key,
                "message": fault.sentence(console.language()),
            }
            for fault in checked.faults
        ]
        out_json({"folder": str(folder), "faults": faults, "counts": counts, "to_replace": unready})
    elif checked.faults:
        for fault in checked.faults:
            out(fault.line_in(console.language()))
        tell(say("cli.check.faults", n=len(checked.faults)))
    else:
        out(say("cli.check.good", **counts))
        if unready:
            out(say("cli.check.to_replace", n=len(unready), files=unready))
    return REFUSED if checked.faults else DONE


@startklar.group(help="cli.help.definitions")
def definitions() -> None:
    """What processes, services and the programme are."""


@definitions.command(help="cli.help.definitions.load")
@FOLDER
@DRY_RUN
@JSON
def load(folder: Path | None, dry_run: bool, as_json: bool) -> None:
    """Bring checked definitions into the database."""
    from workflow import loading

    configured = settings.read()
    with _opened(configured) as engine:
        loaded = loading.load(engine, folder or configured.definitions, dry_run=dry_run)
    if as_json:
        following = [{"service": service, "cases": n} for service, n in loaded.following]
        out_json({"dry_run": dry_run, **_changes(loaded), "following": following})
        return
    for what, names in _changes(loaded).items():
        for entry in names if what != "added" else ():
            out(say(f"cli.load.{what}", kind=entry["kind"], name=entry["name"]))
    out(
        say(
            "cli.load.would" if dry_run else "cli.load.done",
            added=len(loaded.added),
            changed=len(loaded.changed),
            different=len(loaded.different),
        )
    )
    for service, n in loaded.following:
        out(say("cli.load.would_follow" if dry_run else "cli.load.follow", service=service, n=n))


@definitions.command("list", help="cli.help.definitions.list")
@JSON
def list_definitions(as_json: bool) -> None:
    """What is loaded."""
    from workflow.definition import fingerprint

    with _opened() as engine, engine.read(None) as work:
        catalogue = work.catalogue
        loaded = [
            {
                "kind": "process",
                "name": process.process,
                "version": process.version,
                "title": title(process.title),
                "fingerprint": fingerprint(process),
            }
            for process in catalogue.processes()
        ] + [
            {"kind": "service", "name": key, "version": service.version, "title": title(service.title)}
            for key, service in catalogue.services.items()
        ]
        revision = catalogue.revision
    if as_json:
        out_json({"revision": revision, "definitions": loaded})
        return
    heads = [say("cli.head.kind"), say("cli.head.name"), say("cli.head.version"), say("cli.head.title")]
    kinds = {"process": say("cli.kind.process"), "service": say("cli.kind.service")}
    out_table(
        heads,
        [
            [kinds[str(entry["kind"])], str(entry["name"]), str(entry["version"]), str(entry["title"])]
            for entry in loaded
        ],
    )


@definitions.command(help="cli.help.definitions.schema")
@FOLDER
def schema(folder: Path | None) -> None:
    """JSON Schemas, so that an editor helps while one writes."""
    import json

    from workflow import checking

    target = (folder or settings.read().definitions) / "schema"
    target.mkdir(exist_ok=True)
    for name, described in checking.json_schemas().items():
        text = json.dumps(described, ensure_ascii=False, indent=2) + "\n"
        (target / f"{name}.json").write_text(text, encoding="utf-8")
    out(say("cli.schema.done", folder=str(target)))


@definitions.command(help="cli.help.definitions.release")
@FOLDER
def release(folder: Path | None) -> None:
    """The lines `released.txt` still lacks."""
    from workflow import checking
    from workflow.definition import fingerprint

    found = checking.check(folder or settings.read().definitions).insist()
    missing = [process for process in found.processes if process.id not in found.released]
    for process in missing:
        out(f"{process.id} {fingerprint(process)}")
    tell(say("cli.release.append") if missing else say("cli.release.nothing"))


# --- cases -----------------------------------------------------------------------------------------------------------


@startklar.command("open", help="cli.help.open")
@click.argument("services", nargs=-1, metavar="[SERVICE]...", cls=Argument, help="cli.help.open.services")
@click.option("--all", "everything", is_flag=True, cls=Option, help="cli.help.open.all")
@click.option("--body", metavar="ARS", cls=Option, help="cli.help.open.body")
@click.option("--at", "state", metavar="STATE", cls=Option, help="cli.help.open.at")
@click.option("--since", metavar="DATE", cls=Option, help="cli.help.open.since")
@click.option("--live-on", metavar="DATE", cls=Option, help="cli.help.open.live_on")
@click.option("--variant", metavar="VARIANT", cls=Option, help="cli.help.open.variant")
@click.option("--closed", is_flag=True, cls=Option, help="cli.help.open.closed")
@click.option("--source", metavar="TEXT", cls=Option, help="cli.help.open.source")
@click.option("--note", metavar="TEXT", cls=Option, help="cli.help.open.note")
@click.option("--csv", "table", metavar="FILE", type=click.Path(path_type=Path), cls=Option, help="cli.help.open.csv")
@DRY_RUN
@KEY
@JSON
@AS_SOMEBODY
def open_cases(
    services: tuple[str, ...],
    everything: bool,
    body: str | None,
    state: str | None,
    table: Path | None,
    dry_run: bool,
    key: str | None,
    as_json: bool,
    email: str,
    **told: str | bool | None,
) -> int:
    """Open what is not open yet; one that cannot be opened stops none of the others."""
    from workflow import cases, commands

    given = {name: "true" if value is True else value for name, value in told.items() if value}
    if table is not None or state is not None:
        if everything or len(services) > 1 or (table is not None and (services or body or state or given)):
            raise Wrong("cli.wrong.take_over")
        single = {"service": services[0] if services else "", "body": body or "", "state": state or "", **given}
        return _take_over(table, single, dry_run=dry_run, key=key, as_json=as_json, email=email)
    if given:
        raise Wrong("cli.wrong.take_over")
    if everything == bool(services):
        raise Wrong("cli.wrong.open_what")
    if key is not None and (len(services) != 1 or body is None or dry_run):
        raise Wrong("cli.wrong.key_of_one")
    with _opened() as engine:
        who = _account(engine, email)
        with engine.read(who) as work:
            wanted = tuple(work.catalogue.services) if everything else tuple(dict.fromkeys(services))
            unknown = [key for key in wanted if work.catalogue.service(key).applies_to is None]
            planned = cases.plan(work, wanted)
            if body is not None:
                planned = _only(work, planned, body, () if everything else wanted)
        if key is not None and body is not None:
            with engine.change(who) as work:
                view = commands.once(work, key, cases.open_case, services[0], body)
            results = [cases.Opened(planned[0], view, None)]
        else:
            with console.progress(len(planned), say("cli.open.doing")) as hear:
                results = cases.open_planned(engine, who, planned, dry_run=dry_run, progress=hear)
        with engine.read(who) as work:
            lines = [_opened_line(result, work) for result in results]
    for service in unknown if services else ():
        tell(say("cli.open.unknown_bodies", service=service))
    opened = sum(1 for result in results if result.refused is None)
    if as_json:
        out_json({"dry_run": dry_run, "cases": lines})
    elif len(lines) == 1 and not opened:
        tell(_became(lines[0]))
    else:
        if lines:
            heads = [say(f"cli.head.{name}") for name in ("service", "body", "team", "case")]
            out_table(heads, [[line["service"], line["body_name"], line["team"], _became(line)] for line in lines])
        tell(_opened_sum(opened, len(results) - opened, dry_run=dry_run))
    return DONE if opened == len(results) else REFUSED


@startklar.command(help="cli.help.advance")
@click.argument("number", metavar="NUMBER", cls=Argument, help="cli.help.advance.number")
@click.argument("transition", metavar="TRANSITION", cls=Argument, help="cli.help.advance.transition")
@ANSWERS
@KEY
@JSON
@AS_SOMEBODY
def advance(number: str, transition: str, answers: tuple[str, ...], key: str | None, as_json: bool, email: str) -> None:
    """Take one transition with a case."""
    from workflow import cases, commands
    from workflow.queries import parts

    given = dict(_pair(answer) for answer in answers)
    with _opened() as engine, engine.change(_account(engine, email)) as work:
        view = commands.once(work, key, cases.advance, cases.by_number(work, number), transition, given=given)
        states = {state.key: state.title for state in parts.states(work.catalogue)}
    if as_json:
        out_json({"number": view.number, "state": view.state, "version": view.version})
    else:
        out(say("cli.advance.done", number=view.number, state=states.get(view.state, view.state)))


@startklar.command(help="cli.help.move")
@click.argument("number", metavar="NUMBER", cls=Argument, help="cli.help.advance.number")
@click.option("--to-team", "team", required=True, metavar="KEY", cls=Option, help="cli.help.move.team")
@click.option("--reason", required=True, metavar="TEXT", cls=Option, help="cli.help.move.reason")
@KEY
@JSON
@AS_SOMEBODY
def move(number: str, team: str, reason: str, key: str | None, as_json: bool, email: str) -> None:
    """Give a case to another team."""
    from workflow import cases, commands
    from workflow.queries import parts

    with _opened() as engine, engine.change(_account(engine, email)) as work:
        view = commands.once(work, key, cases.move_to_team, cases.by_number(work, number), team, reason=reason)
        titles = parts.team_titles(work)
    if as_json:
        out_json({"number": view.number, "team": team, "version": view.version})
    else:
        out(say("cli.move.done", number=view.number, team=titles[team]))


@startklar.command(help="cli.help.why")
@click.argument("number", metavar="CASE", cls=Argument, help="cli.help.why.case")
@JSON
@AS
def why(number: str, as_json: bool, email: str | None) -> None:
    """What a case waits for, who must act, and what would unblock it."""
    from workflow import cases
    from workflow.queries import case, standstill

    with _opened() as engine, engine.read(_actor(engine, email)) as work:
        _, answer = case.why(work, cases.by_number(work, number))
    told = standstill.plain(number, answer)
    if as_json:
        out_json(told)
        return
    language = console.language()
    out(told["headline"][language])
    for one in (*told["causes"], *told["warnings"]):
        out(f"- {one['sentence'][language]}")
        for line in _behind(one, language):
            out(f"  {line}")


@startklar.command(help="cli.help.explain")
@click.argument("number", metavar="CASE", cls=Argument, help="cli.help.why.case")
@click.argument("name", metavar="[TASK]", required=False, cls=Argument, help="cli.help.explain.task")
@JSON
@AS
def explain(number: str, name: str | None, as_json: bool, email: str | None) -> None:
    """How the dates of a case came about, step by step."""
    from workflow import cases
    from workflow.queries import dates, why

    with _opened() as engine, engine.read(_actor(engine, email)) as work:
        found = dates.dates(work, cases.by_number(work, number))
    if name is not None:
        found = dates.only(found, name)
    if as_json:
        out_json(dates.plain(found))
        return
    language = console.language()
    if not found.dated:
        out(say("cli.explain.none"))
    for one in found.dated:
        day = one.due.on if one.due else "–"
        out(say(f"cli.explain.{one.kind}", title=one.title, name=one.name, day=day))
        for group in why.sentences(one.why) if one.why else ():
            out(f"  {dates.in_both(group)[language]}")
        if one.by_law is not None:
            law = one.by_law
            key = "cli.explain.by_law" if law.due else "cli.explain.by_law_open"
            out(f"  {say(key, basis=law.basis, day=law.due.on if law.due else None)}")
            for group in why.sentences(law.why) if law.why else ():
                out(f"    {dates.in_both(group)[language]}")


# --- history ---------------------------------------------------------------------------------------------------------


@startklar.command(help="cli.help.verify")
@click.argument("number", metavar="[CASE]", required=False, cls=Argument, help="cli.help.verify.case")
@JSON
def verify(number: str | None, as_json: bool) -> int:
    """Whether nobody rewrote the past: chains, what they committed to, and documents on disk."""
    from workflow import cases, history
    from workflow.engine import SYSTEM

    with _opened() as engine:
        with engine.read(SYSTEM) as work:
            case = cases.by_number(work, number) if number else None
            total = history.count(work) if case is None else 1
        with console.progress(total, say("cli.verify.doing")) as hear:
            faults = []
            for broken in history.verify(engine, case=case, progress=hear):
                with engine.read(SYSTEM) as work:
                    name = history.label(work, broken.chain, broken.chain_id)
                what = say(f"cli.chain.{broken.chain}", name=name)
                sentence = say(f"cli.verify.{broken.why}", chain=what, seq=broken.seq)
                facts = {"chain": broken.chain, "id": str(broken.chain_id), "seq": broken.seq, "why": broken.why}
                faults.append({"name": name, **facts, "message": sentence})
                if not as_json:
                    out(sentence)
    if as_json:
        out_json({"chains": total, "faults": faults})
    elif not faults:
        out(say("cli.verify.case_good", number=number) if case else say("cli.verify.good", n=total))
    else:
        tell(say("cli.verify.faults", n=len(faults)))
    return REFUSED if faults else DONE


@startklar.command(help="cli.help.replay")
@click.argument("number", metavar="[CASE]", required=False, cls=Argument, help="cli.help.verify.case")
@click.option("--check", is_flag=True, required=True, cls=Option, expose_value=False, help="cli.help.replay.check")
@JSON
def replay(number: str | None, as_json: bool) -> int:
    """Whether the rows are what history gives."""
    from workflow import cases, history
    from workflow.engine import SYSTEM

    with _opened() as engine:
        with engine.read(SYSTEM) as work:
            case = cases.by_number(work, number) if number else None
            total = history.count(work) if case is None else 1
        with console.progress(total, say("cli.replay.doing")) as hear:
            found = []
            for one in history.replay(engine, case=case, progress=hear):
                with engine.read(SYSTEM) as work:
                    name = history.label(work, one.chain, one.chain_id)
                what = say(f"cli.chain.{one.chain}", name=name)
                about = {"table": one.table, "row": str(one.row_id), "column": one.column, "seq": one.seq}
                values = {"history": one.history, "found": one.row}
                shown = {key: say("cli.replay.empty") if value is None else value for key, value in values.items()}
                sentence = say(f"cli.replay.{one.kind}", chain=what, **about, **shown)
                found.append(
                    {"name": name, "chain": one.chain, "kind": one.kind, **about, **values, "message": sentence}
                )
                if not as_json:
                    out(sentence)
    if as_json:
        out_json({"chains": total, "differences": found})
    elif not found:
        out(say("cli.replay.case_good", number=number) if case else say("cli.replay.good", n=total))
    else:
        tell(say("cli.replay.differences", n=len(found)))
    return REFUSED if found else DONE


@startklar.group(help="cli.help.export")
def export() -> None:
    """Files for others."""


@export.command("case", help="cli.help.export.case")
@click.argument("number", metavar="CASE", cls=Argument, help="cli.help.advance.number")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path), cls=Argument, help="cli.help.export.file")
@AS
def export_case(number: str, file: Path, email: str | None) -> None:
    """One case, to be kept and checked without us."""
    from workflow import cases
    from workflow.exchange import case_file

    with _opened() as engine:
        with engine.change(_actor(engine, email)) as work:
            ready = case_file.prepare(work, cases.by_number(work, number))
        part = file.with_name(f".{file.name}.part")
        try:
            with part.open("wb") as stream:
                case_file.write(ready, stream, engine.settings.documents)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    facts = {"number": ready.number, "entries": ready.entries, "documents": len(ready.documents), "head": ready.head}
    out(say("cli.export.done", file=str(file), **facts))


@startklar.group(help="cli.help.erase")
def erase() -> None:
    """What must be forgotten."""


@erase.command("person", help="cli.help.erase.person")
@click.argument("address", metavar="EMAIL", cls=Argument, help="cli.help.erase.email")
@click.option("--yes", is_flag=True, required=True, cls=Option, expose_value=False, help="cli.help.erase.yes")
@KEY
@AS
def erase_person(address: str, key: str | None, email: str | None) -> None:
    """An account, for good."""
    from workflow import commands, people

    def erase_account(work: Any, address: str) -> None:
        people.erase(work, people.named(work, address, ended=True))

    with _opened() as engine, engine.change(_actor(engine, email)) as work:
        commands.once(work, key, erase_account, address)
    out(say("cli.erase.person_done"))


@erase.command("remark", help="cli.help.erase.remark")
@click.argument("number", metavar="CASE", cls=Argument, help="cli.help.advance.number")
@click.argument("entry", type=Number(1, 1_000_000), metavar="ENTRY", cls=Argument, help="cli.help.erase.entry")
@click.option("--yes", is_flag=True, required=True, cls=Option, expose_value=False, help="cli.help.erase.yes")
@KEY
@AS
def erase_remark(number: str, entry: int, key: str | None, email: str | None) -> None:
    """The free text of one entry of a case's history."""
    from workflow import cases, commands, history

    def erase_entry(work: Any, number: str, entry: int) -> None:
        case_id = cases.by_number(work, number)
        for remark_id in history.remarks_of(work, case_id, entry):
            cases.erase_remark(work, case_id, remark_id)

    with _opened() as engine, engine.change(_actor(engine, email)) as work:
        commands.once(work, key, erase_entry, number, entry)
    out(say("cli.erase.remark_done", number=number, seq=entry))


@startklar.group(help="cli.help.bulk")
def bulk() -> None:
    """One thing with many cases."""


@bulk.command("open", help="cli.help.bulk.open")
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...", cls=Argument, help="cli.help.open.services")
@DRY_RUN
@KEY
@JSON
@AS_SOMEBODY
def bulk_open(services: tuple[str, ...], dry_run: bool, key: str | None, as_json: bool, email: str) -> int:
    """Open what is not open yet."""
    from workflow import many
    from workflow.bulk import Order

    with _opened() as engine:
        who = _account(engine, email)
        which = many.Unopened(services)
        return many.do(engine, who, Order("open"), which, dry_run=dry_run, key=key, as_json=as_json)


@bulk.command("advance", help="cli.help.bulk.advance")
@click.argument("transition", metavar="TRANSITION", cls=Argument, help="cli.help.advance.transition")
@ANSWERS
@MANY
def bulk_advance(transition: str, answers: tuple[str, ...], **more: Any) -> int:
    """Take one transition with each."""
    return _many(more, "advance", given=answers, transition=transition)


@bulk.command("assign", help="cli.help.bulk.assign")
@click.argument("task", metavar="TASK", cls=Argument, help="cli.help.bulk.task")
@click.option("--to", "to", required=True, metavar="EMAIL", cls=Option, help="cli.help.bulk.to")
@MANY
def bulk_assign(task: str, to: str, **more: Any) -> int:
    """Hand a task of each to one person."""
    return _many(more, "assign", task=task, to=to)


@bulk.command("submit", help="cli.help.bulk.submit")
@click.argument("task", metavar="TASK", cls=Argument, help="cli.help.bulk.task")
@ANSWERS
@MANY
def bulk_submit(task: str, answers: tuple[str, ...], **more: Any) -> int:
    """Hand in a task of each with the same answers."""
    return _many(more, "submit", given=answers, task=task)


@bulk.command("team", help="cli.help.bulk.team")
@click.argument("team", metavar="TEAM", cls=Argument, help="cli.help.move.team")
@click.option("--reason", required=True, metavar="TEXT", cls=Option, help="cli.help.move.reason")
@MANY
def bulk_team(team: str, reason: str, **more: Any) -> int:
    """Give each to another team."""
    return _many(more, "team", given=(f"team={team}", f"reason={reason}"))


@bulk.command("hold", help="cli.help.bulk.hold")
@ANSWERS
@MANY
def bulk_hold(answers: tuple[str, ...], **more: Any) -> int:
    """Let each rest."""
    return _many(more, "hold", given=answers)


@bulk.command("resume", help="cli.help.bulk.resume")
@MANY
def bulk_resume(**more: Any) -> int:
    """Let each go on."""
    return _many(more, "resume")


@bulk.command("list", help="cli.help.bulk.list")
@JSON
@AS_SOMEBODY
def bulk_list(as_json: bool, email: str) -> None:
    """What was asked of many."""
    from workflow import many

    with _opened() as engine:
        many.show_all(engine, _account(engine, email), as_json=as_json)


@bulk.command("show", help="cli.help.bulk.show")
@click.argument("bulk_id", metavar="ID", type=click.UUID, cls=Argument, help="cli.help.bulk.id")
@JSON
@AS_SOMEBODY
def bulk_show(bulk_id: UUID, as_json: bool, email: str) -> int:
    """What it came to, case by case."""
    from workflow import many

    with _opened() as engine:
        return many.show(engine, _account(engine, email), bulk_id, as_json=as_json)


@bulk.command("continue", help="cli.help.bulk.continue")
@click.argument("bulk_id", metavar="ID", type=click.UUID, cls=Argument, help="cli.help.bulk.id")
@JSON
@AS_SOMEBODY
def bulk_continue(bulk_id: UUID, as_json: bool, email: str) -> int:
    """Go on with what was cut off."""
    from workflow import many

    with _opened() as engine:
        return many.go_on(engine, _account(engine, email), bulk_id, as_json=as_json)


def _many(
    more: dict[str, Any],
    kind: str,
    *,
    given: Sequence[str] = (),
    transition: str | None = None,
    task: str | None = None,
    to: str | None = None,
) -> int:
    """Do it with the cases the options name. Raises Wrong, and what `bulk.start` raises."""
    from workflow import many
    from workflow.bulk import Order

    with _opened() as engine:
        who = _account(engine, more["email"])
        person = _account(engine, to) if to is not None else None
        order = Order(kind, dict(_pair(answer) for answer in given), transition, person, task)
        which = many.Chosen.of(more)
        return many.do(engine, who, order, which, dry_run=more["dry_run"], key=more["key"], as_json=more["as_json"])


# --- imports ---------------------------------------------------------------------------------------------------------


@startklar.group("import", help="cli.help.import")
def imports() -> None:
    """Files other people define."""


@imports.command("gv100ad", help="cli.help.import.gv100ad")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path), cls=Argument, help="cli.help.import.file")
@click.option("--state", "land", type=Land(), metavar="07", cls=Option, help="cli.help.import.state")
@click.option("--successor", "named", multiple=True, metavar="ARS=ARS", cls=Option, help="cli.help.import.successor")
@click.option(
    "--no-successor", "without", multiple=True, metavar="ARS", cls=Option, help="cli.help.import.no_successor"
)
@click.option("--yes", is_flag=True, cls=Option, help="cli.help.import.yes")
@DRY_RUN
@JSON
@AS
def import_gv100ad(
    file: Path,
    land: str | None,
    named: tuple[str, ...],
    without: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    as_json: bool,
    email: str | None,
) -> int:
    """Follow an edition of the official list of municipalities."""
    from workflow import bodies, importing
    from workflow.exchange import gv100ad

    successors = importing.successors(named, without)
    with _opened() as engine:
        who = _actor(engine, email)
        edition = gv100ad.read(file)
        with engine.read(who) as work:
            chosen = land or bodies.land_of(work)
            if chosen is None:
                raise Wrong("cli.wrong.which_land")
            changes = bodies.compare(work, edition, chosen)
        if not as_json:
            importing.show(changes)
        if dry_run:
            importing.tell_what_would_be(changes, as_json=as_json)
            return DONE
        if not as_json and console.is_conversation():
            successors = importing.ask_for_successors(changes, successors)
            if not yes and not changes.nothing and not importing.confirmed():
                tell(say("cli.import.left"))
                return REFUSED
        with console.progress(changes.cases, say("cli.import.doing")) as hear:
            applied = bodies.follow(engine, who, edition, chosen, successors, progress=hear)
        with engine.read(who) as work:
            importing.tell_what_became(work, applied, as_json=as_json)
    return REFUSED if applied.stuck else DONE


# --- people ----------------------------------------------------------------------------------------------------------


@startklar.group(help="cli.help.person")
def person() -> None:
    """Accounts and roles."""


@person.command(help="cli.help.person.add")
@click.option("--email", "address", required=True, metavar="EMAIL", cls=Option, help="cli.help.person.email")
@click.option("--name", required=True, metavar="NAME", cls=Option, help="cli.help.person.name")
@click.option("--role", "roles", multiple=True, metavar="ROLE", cls=Option, help="cli.help.person.role")
@click.option("--language", default="de", type=OneOf("de", "en"), cls=Option, help="cli.help.person.language")
@click.option("--password-stdin", is_flag=True, cls=Option, help="cli.help.person.password_stdin")
@KEY
@AS
@JSON
def add(
    address: str,
    name: str,
    roles: tuple[str, ...],
    language: str,
    password_stdin: bool,
    key: str | None,
    email: str | None,
    as_json: bool,
) -> None:
    """A new account; its password is read from standard input or made up and shown once."""
    from workflow import commands, people, sessions

    held = [people.parse_role(words) for words in roles]
    password = _read_password() if password_stdin else "-".join(_syllable() for _ in range(4))
    with _opened() as engine:
        who = _actor(engine, email)
        secret = sessions.hash_password(password)  # takes a while: before the transaction
        with engine.change(who) as work:
            is_new = not commands.is_known(work, key)
            made = commands.once(
                work, key, people.add, email=address, name=name, password_hash=secret, language=language, roles=held
            )
    shown = {"password": password} if is_new and not password_stdin else {}
    if as_json:
        out_json({"id": str(made.id), "email": made.email, "name": made.name, **shown})
        return
    out(say("cli.person.added", name=made.name, email=made.email))
    if made.same_as:
        tell(say("cli.person.same_mailbox", others=", ".join(made.same_as)))
    if shown:
        out(say("cli.person.password", password=password))


@person.command(help="cli.help.person.invite")
@click.option("--email", "address", required=True, metavar="EMAIL", cls=Option, help="cli.help.person.email")
@click.option("--role", required=True, metavar="ROLE", cls=Option, help="cli.help.person.role_invited")
@click.option("--name", default="", metavar="NAME", cls=Option, help="cli.help.person.name_invited")
@click.option("--language", default="de", type=OneOf("de", "en"), cls=Option, help="cli.help.person.language")
@KEY
@AS
def invite(address: str, role: str, name: str, language: str, key: str | None, email: str | None) -> None:
    """A mail with a link; whoever has an account gets the role at once."""
    from workflow import access, commands, people

    with _opened() as engine, engine.change(_actor(engine, email)) as work:
        head = access.Letterhead.of(engine.settings)
        held = people.parse_role(role)
        commands.once(work, key, access.invite, address, held, head=head, name=name, language=language)
    out(say("cli.person.invited", email=address))


@person.command(help="cli.help.person.same")
@click.argument("one", metavar="EMAIL")
@click.argument("other", metavar="EMAIL")
@click.option("--undo", is_flag=True, cls=Option, help="cli.help.person.undo")
@KEY
@AS
def same(one: str, other: str, undo: bool, key: str | None, email: str | None) -> None:
    """Two accounts of one human being."""
    from workflow import commands, people

    with _opened() as engine:
        both = people.by_email(engine, one), people.by_email(engine, other)
        with engine.change(_actor(engine, email)) as work:
            commands.once(work, key, people.not_same_human if undo else people.same_human, *both)
    out(say("cli.person.not_same" if undo else "cli.person.same", one=one, other=other))


@person.command("address", help="cli.help.person.address")
@click.argument("address", metavar="EMAIL", cls=Argument, help="cli.help.person.present")
@click.argument("new", metavar="NEW", required=False, cls=Argument, help="cli.help.person.new")
@click.option("--works", is_flag=True, cls=Option, help="cli.help.person.works")
@KEY
@AS
def change_address(address: str, new: str | None, works: bool, key: str | None, email: str | None) -> None:
    """Another address of an account, or that the present one works again."""
    from workflow import commands, people

    def set_address(work: Any, address: str, new: str | None) -> None:
        if new is None:
            people.address_works(work, people.named(work, address))
        else:
            people.change_address(work, people.named(work, address), new)

    if works == (new is not None):
        raise Wrong("cli.wrong.address")
    with _opened() as engine, engine.change(_actor(engine, email)) as work:
        commands.once(work, key, set_address, address, new)
    out(say("cli.person.address_works" if new is None else "cli.person.address_changed", email=new or address))


@person.command("list", help="cli.help.person.list")
@AS
@JSON
def list_people(email: str | None, as_json: bool) -> None:
    """All accounts with their roles."""
    from workflow import people

    with _opened() as engine, engine.read(_actor(engine, email)) as work:
        everybody = people.everybody(work)
    if as_json:
        out_json(
            [
                {
                    "id": str(one.id),
                    "email": one.email,
                    "name": one.name,
                    "language": one.language,
                    "roles": [_written(role) for role in one.roles],
                    "bounced_at": one.bounced_at.isoformat() if one.bounced_at else None,
                    "bounce_reason": one.bounce_reason,
                }
                for one in everybody
            ]
        )
        return
    heads = [say(f"cli.head.{name}") for name in ("email", "person", "roles")]
    out_table(heads, [[one.email, one.name, ", ".join(_written(role) for role in one.roles)] for one in everybody])
    for one in everybody:
        if one.bounced_at is not None:
            tell(say("cli.mails.unreachable", who=one.email, since=one.bounced_at, reason=one.bounce_reason or ""))
    if not everybody:
        tell(say("cli.person.nobody"))


# --- mailboxes of roles -----------------------------------------------------------------------------------------------


@startklar.group(help="cli.help.mailbox")
def mailbox() -> None:
    """Where mail for a role goes."""


@mailbox.command("set", help="cli.help.mailbox.set")
@click.argument("role", metavar="ROLE@PLACE")
@click.argument("address", metavar="EMAIL")
@click.option("--language", default="de", type=OneOf("de", "en"), cls=Option, help="cli.help.mailbox.language")
@KEY
@AS
def set_mailbox(role: str, address: str, language: str, key: str | None, email: str | None) -> None:
    """Mail for a role goes to a mailbox."""
    from workflow import commands, mailboxes

    name, _, place = role.partition("@")
    with _opened() as engine, engine.change(_actor(engine, email)) as work:
        where = mailboxes.place_of(work, place)
        known = mailboxes.ALL if name == "all" else name
        done = commands.once(work, key, mailboxes.set_up, where, known, address, language=language)
    out(say("cli.mailbox.set", role=role, address=done.address))


@mailbox.command("end", help="cli.help.mailbox.end")
@click.argument("role", metavar="ROLE@PLACE")
@KEY
@AS
def end_mailbox(role: str, key: str | None, email: str | None) -> None:
    """Mail for a role goes to the people again."""
    from workflow import commands, mailboxes

    name, _, place = role.partition("@")
    with _opened() as engine, engine.change(_actor(engine, email)) as work:
        where = mailboxes.place_of(work, place)
        commands.once(work, key, mailboxes.end, where, mailboxes.ALL if name == "all" else name)
    out(say("cli.mailbox.ended", role=role))


@mailbox.command("list", help="cli.help.mailbox.list")
@AS
@JSON
def list_mailboxes(email: str | None, as_json: bool) -> None:
    """All mailboxes of roles."""
    from workflow import mailboxes

    with _opened() as engine, engine.read(_actor(engine, email)) as work:
        known = mailboxes.everywhere(work)
    names = [f"{one.role or 'all'}@{one.place.body or one.place.team or one.place.operator}" for one in known]
    if as_json:
        out_json(
            [
                {"role": name, "address": one.address, "language": one.language, "bounces": one.bounces}
                for name, one in zip(names, known, strict=True)
            ]
        )
        return
    heads = [say(f"cli.head.{name}") for name in ("roles", "email")]
    out_table(heads, [[name, one.address] for name, one in zip(names, known, strict=True)])
    if not known:
        tell(say("cli.mailbox.none"))


# --- mail -------------------------------------------------------------------------------------------------------------


@startklar.group(help="cli.help.mails")
def mails() -> None:
    """What becomes of mails."""


@mails.command(help="cli.help.mails.bounce")
@click.option("--recipient", metavar="ADDRESS", cls=Option, help="cli.help.mails.recipient")
def bounce(recipient: str | None) -> int:
    """Take in one mail that came back. A mail server that gets TRY_AGAIN keeps it and tries later."""
    from workflow import bounces

    reading = sys.stdin.buffer
    raw = reading.read(bounces.LARGEST)
    while reading.read(bounces.LARGEST):
        pass  # whoever pipes must be able to say all of it
    try:
        with _opened() as engine:
            taken = bounces.take(engine, raw, recipient=recipient or os.environ.get("ORIGINAL_RECIPIENT"))
    except StartklarError as error:
        for line in console.refusal(error):
            tell(line)
        return TRY_AGAIN
    except Exception as error:  # noqa: BLE001 -- any other exit code makes a mail server give the mail up
        tell(say("cli.our_fault", kind=type(error).__name__))
        return TRY_AGAIN
    out(say(f"cli.mails.{taken}"))
    return DONE


@mails.command("dead", help="cli.help.mails.dead")
@AS
@JSON
def dead_mails(email: str | None, as_json: bool) -> None:
    """Mails that failed for good, and addresses that do not work."""
    from workflow.queries import mails as query

    with _opened() as engine, engine.read(_actor(engine, email)) as work:
        found = query.delivery(work)
    if as_json:
        out_json(
            {
                "unreachable": [
                    {
                        "person": one.name,
                        "email": one.address,
                        "since": one.since.isoformat(),
                        "reason": one.reason,
                    }
                    for one in (*found.unreachable, *found.mailboxes)
                ],
                "dead": [
                    {
                        "id": str(one.id),
                        "person": one.recipient,
                        "email": one.address,
                        "subject": one.subject,
                        "written_on": one.written_on.isoformat(),
                        "failure": one.failure,
                        "reason": one.reason,
                        "passed_on": one.passed_on,
                        "may_resend": one.may_resend,
                    }
                    for one in found.dead
                ],
                "total": found.total,
                "waiting": found.waiting.count if found.waiting else 0,
            }
        )
        return
    for one in (*found.unreachable, *found.mailboxes):
        who = " ".join(word for word in (one.name, one.address) if word) or say("cli.mails.mailbox")
        tell(say("cli.mails.unreachable", who=who, since=one.since, reason=one.reason))
    if found.waiting is not None:
        tell(say("cli.mails.waiting", n=found.waiting.count, reason=found.waiting.reason))
    if not found.dead:
        tell(say("cli.mails.no_dead"))
        return
    heads = [say(f"cli.head.{name}") for name in ("mail", "written", "person", "failure")]
    rows = [
        [str(letter.id), letter.written_on.isoformat(), letter.recipient or "–", f"{letter.failure}: {letter.reason}"]
        for letter in found.dead
    ]
    out_table(heads, rows)
    if found.total > len(found.dead):
        tell(say("cli.mails.more_dead", n=found.total - len(found.dead)))


@mails.command("resend", help="cli.help.mails.resend")
@click.argument("ids", metavar="[ID]…", nargs=-1, type=click.UUID, cls=Argument, help="cli.help.mails.id")
@click.option("--all", "every", is_flag=True, cls=Option, help="cli.help.mails.all")
@KEY
@AS
def resend_mails(ids: tuple[UUID, ...], every: bool, key: str | None, email: str | None) -> int:
    """Dead letters once more, under their own Message-ID."""
    from workflow import commands, dead_letters

    if bool(ids) == every:
        raise Wrong("cli.wrong.resend")
    with _opened() as engine:
        who = _actor(engine, email)
        if every:
            sent, left = dead_letters.resend_all(engine, who)
        else:
            with engine.change(who) as work:
                for message_id in ids:
                    commands.once(work, commands.part(key, message_id), dead_letters.resend, message_id)
            sent, left = len(ids), 0
    out(say("cli.mails.resent", n=sent))
    if left:
        tell(say("cli.mails.left", n=left))
    return REFUSED if left else DONE


@mails.command("renew-links", help="cli.help.mails.renew_links")
@click.option(
    "--yes", is_flag=True, required=True, cls=Option, expose_value=False, help="cli.help.mails.renew_links.yes"
)
@AS
def renew_links(email: str | None) -> None:
    """Links in mails that went out end, all of them."""
    from workflow import correspondence

    with _opened() as engine:
        correspondence.renew_links(engine, _actor(engine, email))
    out(say("cli.mails.links_renewed"))


@mails.command("simulate", help="cli.help.mails.simulate")
@click.option("--days", default=30, type=Number(1, 92), metavar="N", cls=Option, help="cli.help.mails.days")
@click.option(
    "--definitions",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    cls=Option,
    help="cli.help.mails.definitions",
)
@click.option("--csv", "as_csv", is_flag=True, cls=Option, help="cli.help.mails.csv")
@JSON
def simulate(days: int, folder: Path | None, as_csv: bool, as_json: bool) -> None:
    """Every mail that would go out, and what definitions that are not loaded yet would change about it."""
    from workflow import checking, foreseen, simulation

    if as_csv and as_json:
        raise Wrong("cli.wrong.csv_and_json")
    definitions = checking.check(folder).insist() if folder is not None else None
    with _opened() as engine, console.progress(days, say("cli.mails.doing")) as hear:
        found = simulation.simulate(engine, days=days, definitions=definitions, progress=hear)
        before = simulation.simulate(engine, days=days) if definitions is not None else None
    if as_csv:
        out(foreseen.as_csv(found, console.language()).rstrip("\n"))
    elif as_json:
        out_json(foreseen.as_json(found, console.language()))
    elif found:
        heads = [say(f"cli.mails.{name}") for name in ("at", "to", "subject", "why")]
        at = [mail.at.astimezone(foreseen.ZONE).strftime("%Y-%m-%d %H:%M") for mail in found]
        out_table(heads, [(when, one.recipient, one.subject, _why(one)) for when, one in zip(at, found, strict=True)])
    if before is not None:
        less, more = simulation.differences(before, found)
        tell(say("cli.mails.compared", before=len(before), after=len(found), less=len(less), more=len(more)))
    elif not found:
        tell(say("cli.mails.none", n=days))


def _why(mail: Foreseen) -> str:
    """The most frequent things a mail tells, each with its rung."""
    counted = Counter(f"{title(one.title)} ({one.rung or one.name})" for one in mail.reasons).most_common()
    named = [f"{n} × {words}" if n > 1 else words for words, n in counted[:_MOST_REASONS]]
    left = sum(n for _, n in counted[_MOST_REASONS:])
    return ", ".join([*named, *([say("cli.mails.more", n=left)] if left else [])])


# --- the rehearsal clock ---------------------------------------------------------------------------------------------


@startklar.group(help="cli.help.clock")
def clock() -> None:
    """The process time."""


@clock.command(help="cli.help.clock.show")
@JSON
def show(as_json: bool) -> None:
    """What time it is for the process."""
    from workflow import clock as clocks
    from workflow.engine import SYSTEM

    with _opened() as engine, engine.read(SYSTEM) as work:
        now, manual = work.now, clocks.is_manual(work)
    _tell_time(now, manual=manual, as_json=as_json)


@clock.command("set", help="cli.help.clock.set")
@click.argument("now", type=Instant(), metavar="ISO", cls=Argument, help="cli.help.clock.now")
@click.option("--no-tick", is_flag=True, cls=Option, help="cli.help.clock.no_tick")
@KEY
@JSON
def set_clock(now: dt.datetime, no_tick: bool, key: str | None, as_json: bool) -> None:
    """Move the clock to an instant, and fire what is due then."""
    from workflow import clock as clocks
    from workflow import commands
    from workflow.engine import SYSTEM

    with _opened() as engine:
        with engine.change(SYSTEM) as work:
            now = commands.once(work, key, clocks.set_to, now)
        ticked = None if no_tick else _tick(engine)
    _tell_time(now, manual=True, as_json=as_json, ticked=ticked)


@clock.command("advance", help="cli.help.clock.advance")
@click.option(
    "--working-days", "days", default=1, type=Number(1, 260), metavar="N", cls=Option, help="cli.help.clock.days"
)
@click.option("--no-tick", is_flag=True, cls=Option, help="cli.help.clock.no_tick")
@KEY
@JSON
def advance_clock(days: int, no_tick: bool, key: str | None, as_json: bool) -> None:
    """Let working days pass, one morning after the other, so that each day's reminders fire on their day."""
    from workflow import clock as clocks
    from workflow import commands
    from workflow.engine import SYSTEM

    ticked, now = None, None
    with _opened() as engine, console.progress(days, say("cli.clock.doing")) as hear:
        for day in range(days):
            with engine.change(SYSTEM) as work:
                now = commands.once(work, commands.part(key, day), clocks.advance)
            ticked = ticked if no_tick else _added(ticked, _tick(engine))
            hear(1)
    if now is not None:
        _tell_time(now, manual=True, as_json=as_json, ticked=ticked)


@startklar.command(help="cli.help.rehearse")
@click.option("--cases", "most", type=Number(1, 100_000), metavar="N", cls=Option, help="cli.help.rehearse.cases")
@click.option("--until", required=True, type=Instant(), metavar="DATE", cls=Option, help="cli.help.rehearse.until")
@click.option("--seed", default=1, type=Number(0, 999_999_999), metavar="S", cls=Option, help="cli.help.rehearse.seed")
@JSON
def rehearse(most: int | None, until: dt.datetime, seed: int, as_json: bool) -> None:
    """Play a programme on the rehearsal clock."""
    from workflow import rehearsal
    from workflow.engine import SYSTEM

    with _opened() as engine:
        with engine.read(SYSTEM) as work:
            last, first = work.catalogue.calendar.today(until), work.today
        with console.progress(max((last - first).days, 1), say("cli.rehearse.doing")) as hear:
            played = rehearsal.rehearse(engine, most=most, until=last, seed=seed, progress=hear)
    if as_json:
        out_json(
            {
                "cases": played.cases,
                "deeds": played.deeds,
                "mails": played.mails,
                "states": played.states,
                "seconds": round(played.seconds, 1),
                "deeds_per_second": round(played.deeds / played.seconds),
                "until": played.until.isoformat(),
            }
        )
        return
    facts = {"n": played.cases, "cases": played.cases, "deeds": played.deeds, "mails": played.mails}
    out(say("cli.rehearse.done", **facts, seconds=round(played.seconds)))


# --- an installation at work -----------------------------------------------------------------------------------------


@contextmanager
def _opened(configured: Settings | None = None) -> Iterator[Engine]:
    """The engine of this installation. What it refuses is said here, where roles have titles."""
    from workflow import start

    engine = start.engine(configured or settings.read())
    try:
        yield engine
    except StartklarError as error:
        for line in console.refusal(error, _catalogue(engine)):
            tell(line)
        raise click.exceptions.Exit(REFUSED) from error
    finally:
        engine.close()


def _catalogue(engine: Engine) -> Any:
    try:
        with engine.read(None) as work:
            return work.catalogue
    except StartklarError:
        return None


def _account(engine: Engine, email: str) -> UUID:
    from workflow import people

    return people.by_email(engine, email)


def _actor(engine: Engine, email: str | None) -> Who:
    """The account named, or the operator at the shell."""
    from workflow.engine import SYSTEM

    return SYSTEM if email is None else _account(engine, email)


def _become(module: str, *words: str) -> int:
    """Let a door take this process's place, so that signals reach it directly."""
    command = [sys.executable, *(["-P"] if sys.flags.safe_path else []), "-m", module, *words]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execv(command[0], command)  # noqa: S606 - this is the purpose
    import subprocess

    return subprocess.call(command)


def _insist_free(host: str, port: int) -> None:
    """Raises Unready when nothing can be opened at this address."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as trying:
            if os.name != "nt":
                trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trying.bind(address)
    except (OSError, UnicodeError) as error:
        raise Unready("cli.address_taken", host=host, port=str(port)) from error


def _without_password(url: str) -> str:
    """The address of the database without what may stand in it."""
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://{tail}" if at else url


# --- time ------------------------------------------------------------------------------------------------------------


def _tick(engine: Engine) -> Ticked:
    from workflow import ticking

    if engine.settings.smtp_url is None:
        console.tell_once(say("cli.no_smtp"))
    return ticking.tick(engine, worker=f"{socket.gethostname()}:{os.getpid()}")


def _counts(ticked: Ticked) -> dict[str, int]:
    return {name: getattr(ticked, name) for name in ("decided", "followed", "written", "sent", "failed", "postponed")}


def _added(before: Ticked | None, now: Ticked) -> Ticked:
    if before is None:
        return now
    earlier, later = _counts(before), _counts(now)
    return type(now)(**{name: earlier[name] + later[name] for name in earlier})


def _tell_time(now: dt.datetime, *, manual: bool, as_json: bool, ticked: Ticked | None = None) -> None:
    if as_json:
        kind = "manual" if manual else "system"
        counts = {"ticked": _counts(ticked)} if ticked is not None else {}
        out_json({"clock": kind, "now": now.isoformat(timespec="seconds"), **counts})
        return
    out(say("cli.clock.manual" if manual else "cli.clock.system", now=now))
    if ticked is not None:
        out(say("cli.ticked", **_counts(ticked)))


# --- cases and definitions, as they are shown ------------------------------------------------------------------------


def _only(work: Work, planned: Sequence[Planned], body: str, named: Sequence[str]) -> list[Planned]:
    """What is planned for one body. A service named for it that is not planned is tried too, to hear why not."""
    from workflow import cases
    from workflow.queries import parts

    name, district = parts.body_names(work, [body]).get(body), parts.district_of(work, body)
    if name is None or district is None:
        raise NotFound(what="body", name=body)
    chosen = [one for one in planned if one.body == body]
    there = {one.service for one in chosen}
    missing = [key for key in named if key not in there]
    return chosen + [cases.Planned(key, body, name, cases.team_for(work, key, district) or "") for key in missing]


def _take_over(
    table: Path | None, single: Mapping[str, str], *, dry_run: bool, key: str | None, as_json: bool, email: str
) -> int:
    """Open cases where they stand already: those of a table, or a single one."""
    from workflow import takeover
    from workflow.exchange import case_table

    if table is None:
        lines: Sequence[takeover.Line] = [takeover.Line(0, single)]
    else:
        with table.open("rb") as file:
            lines = case_table.read(file.read(case_table.MOST_BYTES + 1), table.name)
    with _opened() as engine:
        who = _account(engine, email)
        with console.progress(len(lines), say("cli.open.doing")) as hear:
            results = takeover.take_over_all(engine, who, lines, dry_run=dry_run, key=key, progress=hear)
        with engine.read(who) as work:
            said = [_taken_line(result, work) for result in results]
    there = sum(result.is_there for result in results)
    opened = sum(result.case is not None for result in results)
    if as_json:
        out_json({"dry_run": dry_run, "lines": said})
    elif table is None and not opened:
        tell(str(said[0]["message"]))
    else:
        heads = [say(f"cli.head.{name}") for name in ("line", "service", "body", "state", "case")]
        names = ("line", "service", "body", "state")
        rows = [[*(str(one[name]) for name in names), str(one["number"] or one["message"])] for one in said]
        out_table(heads[table is None :], [row[table is None :] for row in rows])
    became = "cli.take_over.would" if dry_run else "cli.take_over.done"
    tell(say(became, opened=opened, there=there, refused=len(results) - opened - there))
    return DONE if opened + there == len(results) else REFUSED


def _taken_line(result: Taken, work: Work) -> dict[str, Any]:
    given, refused = result.line.given, result.refused
    return {
        "line": result.line.number,
        "service": given.get("service", ""),
        "body": given.get("body", ""),
        "state": given.get("state", ""),
        "number": result.case.number if result.case is not None else None,
        "there": result.is_there,
        "message": _why_not(refused, work) if refused is not None else None,
    }


def _why_not(refused: StartklarError, work: Work) -> str:
    """Why a line cannot be taken over, in one line: every mistake with its column."""
    from workflow.takeover import FIELDS

    if not isinstance(refused, InvalidEvidence):
        return " ".join(console.refusal(refused, work.catalogue))
    columns = {name: title(asked.title) for name, asked in FIELDS.items()}
    return " ".join(f"{columns.get(name, name)}: {say(key, **facts)}" for name, (key, facts) in refused.faults.items())


def _opened_line(result: Opened, work: Work) -> dict[str, Any]:
    planned, refused = result.planned, result.refused
    line: dict[str, Any] = {
        "service": planned.service,
        "body": planned.body,
        "body_name": planned.body_name,
        "team": planned.team,
        "number": result.case.number if result.case is not None else None,
    }
    if refused is not None:
        line["refused"] = {"key": refused.key, "message": console.refusal(refused, work.catalogue)[0]}
    return line


def _became(line: dict[str, Any]) -> str:
    return str(line["refused"]["message"] if "refused" in line else line["number"])


def _opened_sum(opened: int, refused: int, *, dry_run: bool) -> str:
    if not opened and not refused:
        return say("cli.open.nothing")
    sentence = say("cli.open.would" if dry_run else "cli.open.done", n=opened)
    return f"{sentence} {say('cli.open.refused', n=refused)}" if refused else sentence


def _changes(loaded: Loaded) -> dict[str, list[dict[str, str]]]:
    return {
        what: [{"kind": kind, "name": name} for kind, name in getattr(loaded, what)]
        for what in ("added", "changed", "different")
    }


def _behind(cause: dict[str, Any], language: str) -> Iterator[str]:
    """Who must act and until when, what would unblock it, and who else waits for it."""
    who, until = cause["who"], cause["until"]
    if who is not None:
        words = ", ".join([who["title"][language], *([who["place"]] if who["place"] else []), *who["people"]])
        day = dt.date.fromisoformat(until["on"]) if until else None
        yield say("cli.why.who_until", who=words, on=day) if day else say("cli.why.who", who=words)
    yield cause["unblocked_by"]["sentence"][language]
    if cause["other_cases"]:
        yield say("cli.why.others", n=cause["other_cases"])


def _pair(answer: str) -> tuple[str, str]:
    name, equals, value = answer.partition("=")
    if not equals or not name:
        raise Wrong("cli.wrong.answer", value=answer)
    return name, value


# --- people, as they are written -------------------------------------------------------------------------------------


def _read_password() -> str:
    """The first line of standard input."""
    line = sys.stdin.buffer.readline(_MOST_PASSWORD)
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Wrong("cli.wrong.encoding") from error


def _syllable() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(5))


def _written(role: Role) -> str:
    """The way `--role` takes it."""
    place = role.body or role.team or role.operator
    words = f"{role.role}@{place}" if place else role.role
    return f"{words}/{role.service}" if role.service else words


if __name__ == "__main__":
    sys.exit(main())
