"""How the command line speaks: language, help, refusals, tables and progress. Quick to import, for `--help`.

What a command puts out goes to standard output; everything said to the person beside it goes to standard error.
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from workflow import texts
from workflow.errors import (
    InvalidDefinitions,
    InvalidEvidence,
    NotAllowed,
    NotFound,
    RequirementsNotMet,
    StartklarError,
)

if TYPE_CHECKING:
    from workflow.catalogue import Catalogue

DONE, REFUSED, WRONG_USE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: a mail server keeps the mail and tries again later."""

_language: ContextVar[str] = ContextVar("language", default="de")
_PATIENCE = 0.7
"""Seconds of work after which a bar appears; with a second's work it is there before one wonders."""


# --- words -----------------------------------------------------------------------------------------------------------


def say(key: str, **facts: Any) -> str:
    """The sentence for `key` in the person's language."""
    return texts.say(language(), key, **facts)


def title(text: Any) -> str:
    """A title from a definition in the person's language."""
    return texts.title(language(), text)


def language() -> str:
    """The language of this run: `de` or `en`."""
    return _language.get()


def tell(sentence: str) -> None:
    """Say something to the person, beside what the command puts out."""
    click.echo(sentence, err=True)


def tell_once(sentence: str) -> None:
    """Say it unless this run has said it already."""
    told = click.get_current_context().find_root().meta.setdefault("workflow.told", set())
    if sentence not in told:
        told.add(sentence)
        tell(sentence)


def is_conversation() -> bool:
    """Whether somebody is there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """Ask the person and return what they typed, without spaces around it."""
    return str(click.prompt(question, default="", show_default=False, err=True)).strip()


def out(line: str) -> None:
    """Put out one line."""
    click.echo(line)


def out_json(value: Any) -> None:
    """Put out data for other programs."""
    out(json.dumps(value, ensure_ascii=False, indent=2))


def out_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Put out rows in columns, never cut and never wrapped, so that other programs can read them too."""
    lines = [[click.style(head, bold=True) for head in heads], *rows]
    bare = [[click.unstyle(cell) for cell in line] for line in lines]
    widths = [max(len(line[column]) for line in bare) for column in range(len(heads))]
    for line, plain in zip(lines, bare, strict=True):
        cells = [cell + " " * (width - len(text)) for cell, text, width in zip(line, plain, widths, strict=True)]
        out("  ".join(cells).rstrip())


@contextmanager
def progress(total: int, doing: str) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, only on a terminal and only when it takes long. Gives what hears of progress."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    began, done = time.monotonic(), 0
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(doing, total=total)

    def hear(more: int) -> None:
        nonlocal done
        done += more
        if not bar.live.is_started and done < total and time.monotonic() - began > _PATIENCE:
            bar.start()
        bar.update(task, completed=done)

    try:
        yield hear
    finally:
        if bar.live.is_started:
            bar.stop()


# --- running ---------------------------------------------------------------------------------------------------------


def run(command: click.Command, words: Sequence[str]) -> int:
    """Run what the words ask for and answer the exit code: 0 done, 1 refused, 2 used wrongly.

    Whatever goes wrong is a sentence on standard error, never a traceback, unless STARTKLAR_DEBUG is set.
    """
    before = _language.set(spoken(words))
    _log_in_one_line()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without umlauts
    try:
        insist_readable(words)
        with command.make_context("startklar", list(words)) as context:
            code = command.invoke(context)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return _pipe_closed()
    except Exception as error:
        if _is_our_fault(error) and os.environ.get("STARTKLAR_DEBUG"):
            raise
        for line in _told(error):
            tell(line)
        return WRONG_USE if isinstance(error, click.ClickException) else REFUSED
    finally:
        _language.reset(before)


def spoken(words: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """`de` or `en`: what `--language` before the command names, else the surroundings, else German."""
    given = os.environ if environment is None else environment
    for position, word in enumerate(words):
        if not word.startswith("-"):
            break
        name, _, value = word.partition("=")
        if name == "--language":
            named = value or next(iter(words[position + 1 :]), "")
            return named if named in texts.LANGUAGES else "de"
    named = given.get("LC_ALL") or given.get("LC_MESSAGES") or given.get("LANG") or ""
    return "de" if named.split(".")[0] in ("", "C", "POSIX") or named.startswith("de") else "en"


def refusal(error: StartklarError, catalogue: Catalogue | None = None) -> list[str]:
    """What was refused and why, as sentences: the refusal itself, then each thing that stands in the way."""
    facts = dict(error.facts)
    if isinstance(error, NotAllowed):
        facts["roles"] = _one_of([_role(catalogue, role) for role in dict.fromkeys(facts.get("roles", ()))])
    keys = [error.key, error.key.replace("error.", "cli.", 1), "error.unknown"]
    if isinstance(error, NotFound) and "name" in facts:
        keys.insert(0, f"cli.no_{facts.get('what')}")
    lines = [say(next(key for key in keys if texts.knows(language(), key)), **facts)]
    if isinstance(error, RequirementsNotMet):
        lines += [_reason(catalogue, reason) for reason in error.reasons]
    if isinstance(error, InvalidEvidence):
        lines += [f"  {name}: {say(fault, **about)}" for name, (fault, about) in error.faults.items()]
    if isinstance(error, InvalidDefinitions):
        lines = [*(fault.line_in(language()) for fault in error.faults), *lines]
    return lines


def insist_readable(words: Sequence[str]) -> None:
    """Raises Wrong when something on the command line is not text in the encoding of this system."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise Wrong("cli.wrong.encoding") from error


def _log_in_one_line() -> None:
    """What programs note in a log shows here only when something failed, and without its traceback."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.ERROR)
    handler.setFormatter(_OneLine("%(message)s"))
    logging.basicConfig(handlers=[handler])


class _OneLine(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802 - its name in the standard library
        return super().formatException(ei) if os.environ.get("STARTKLAR_DEBUG") else ""

    def format(self, record: logging.LogRecord) -> str:
        """The message, and after it what was raised only when somebody looks for a fault."""
        return super().format(record).rstrip("\n")


def _is_our_fault(error: Exception) -> bool:
    return not isinstance(error, (click.ClickException, StartklarError, OSError))


def _told(error: Exception) -> list[str]:
    """What went wrong, as sentences."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return [error.ctx.get_help()]
    if isinstance(error, click.ClickException):
        return [_misuse(error)]
    if isinstance(error, StartklarError):
        return refusal(error)
    if isinstance(error, OSError):
        return [_unworkable(error)]
    return [say("cli.our_fault", kind=type(error).__name__)]


def _role(catalogue: Catalogue | None, role: str) -> str:
    if catalogue is None:
        return role
    from workflow.queries import parts

    return title(parts.role_title(catalogue, role))


def _reason(catalogue: Catalogue | None, reason: Any) -> str:
    """`  Die Aufgabe … ist noch offen. Zuständig: Kasse, fällig am Do., 11. Juni.`"""
    sentence = "  " + say(reason.key, **reason.facts)
    if reason.who is None:
        return sentence
    role = _role(catalogue, reason.who)
    if reason.due_on is None:
        return f"{sentence} {say('cli.who', role=role)}"
    return f"{sentence} {say('cli.who_until', role=role, day=reason.due_on)}"


def _one_of(words: Sequence[str]) -> str:
    from babel import lists

    return lists.format_list(list(words), style="or", locale=language())


def _unworkable(error: OSError) -> str:
    """What the system would not do: a full disk, a folder one may not write to."""
    key = {errno.ENOSPC: "cli.no_room", errno.EACCES: "cli.no_permission", errno.EROFS: "cli.no_permission"}.get(
        error.errno or 0, "cli.system"
    )
    return say(key, file=str(error.filename or ""), complaint=error.strerror or type(error).__name__)


def _pipe_closed() -> int:
    """Whoever read our output has enough of it. What is left in the buffer must not complain at the very end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED


# --- the shape of commands -------------------------------------------------------------------------------------------


class Wrong(click.UsageError):
    """Something on the command line that cannot be meant; the sentence is chosen by key."""

    def __init__(self, key: str, **facts: Any) -> None:
        super().__init__(key)
        self.key, self.facts = key, facts


class _Formatter(click.HelpFormatter):
    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or say("cli.usage") + " ")

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        known = {"Options": "cli.options", "Commands": "cli.commands", "Positional arguments": "cli.arguments"}
        with super().section(say(known[name]) if name in known else name):
            yield


class _Context(click.Context):
    formatter_class = _Formatter


class Command(click.Command):
    """A command whose `help` is a key; it is said when somebody asks."""

    context_class = _Context

    def format_help_text(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.indentation():
            for paragraph in say(str(self.help)).split("\n"):
                formatter.write_paragraph()
                formatter.write_text(paragraph)

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first sentence, whole."""
        del limit
        return say(str(self.help)).split("\n")[0]

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """`--help`, in the person's language."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = say("cli.help.help")
        return option

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What may stand behind the name, in the person's language."""
        self.options_metavar = f"[{say('cli.metavar.options')}]"
        return super().collect_usage_pieces(ctx)


class Group(Command, click.Group):
    """A command with commands below it."""

    command_class = Command
    group_class = type

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What may stand behind the name, in the person's language."""
        self.subcommand_metavar = say("cli.metavar.command")
        return super().collect_usage_pieces(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which one needs them."""
        del ctx
        return list(self.commands)


class Argument(click.Argument):
    """An argument whose `help` is a key."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """How it is written, and what it is for."""
        return self.make_metavar(ctx), say(str(self.help))


class Option(click.Option):
    """An option whose `help` is a key."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """How it is written, and what it is for."""
        key, self.help = self.help, say(str(self.help))
        try:
            return super().get_help_record(ctx)
        finally:
            self.help = key

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Nothing in a language of its own; what must be given says so itself."""
        extra = super().get_help_extra(ctx)
        extra.pop("required", None)
        return extra


class OneOf(click.ParamType[str]):
    """One of some words."""

    name = "choice"

    def __init__(self, *words: str) -> None:
        self.words = words

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """`[system|manual]`."""
        del param, ctx
        return f"[{'|'.join(self.words)}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word itself. Raises Wrong."""
        del ctx
        if value not in self.words:
            raise Wrong("cli.wrong.choice", option=_name_of(param), value=str(value), possible=", ".join(self.words))
        return str(value)


class Number(click.ParamType[int]):
    """A whole number within bounds."""

    name = "number"

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number. Raises Wrong."""
        del ctx
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) < 10 and self.least <= int(text) <= self.most):
            bounds = {"least": str(self.least), "most": str(self.most)}
            raise Wrong("cli.wrong.number", option=_name_of(param), value=text, **bounds)
        return int(text)


class Land(click.ParamType[str]):
    """A Land by its two digits."""

    name = "land"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The digits. Raises Wrong."""
        del ctx
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) <= 2):
            raise Wrong("cli.wrong.land", option=_name_of(param), value=text)
        return text.zfill(2)


class Instant(click.ParamType[dt.datetime]):
    """A day, or a day and time; without a zone it is the time in Germany. Aware, in UTC."""

    name = "ISO"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.datetime:
        """The instant. Raises Wrong."""
        del ctx
        try:
            given = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
            local = given if given.tzinfo else given.replace(tzinfo=ZoneInfo("Europe/Berlin"))
            instant = local.astimezone(dt.UTC)
        except (ValueError, OverflowError) as error:
            raise Wrong("cli.wrong.instant", option=_name_of(param), value=str(value)) from error
        if not 1990 <= instant.year <= 2100:
            raise Wrong("cli.wrong.instant", option=_name_of(param), value=str(value))
        return instant


def _name_of(param: click.Parameter | None) -> str:
    """How the person wrote it: `--now`, `SERVICE`."""
    if param is None:
        return ""
    return max(param.opts, key=len) if isinstance(param, click.Option) else param.make_metavar(_Context(Command("x")))


def _misuse(error: click.ClickException) -> str:
    """What click complains about, in the person's language."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    sentence = _complaint(error)
    path = context.command_path if context is not None else "startklar"
    return f"{sentence}\n{say('cli.wrong.see', command=f'{path} --help')}"


def _complaint(error: click.ClickException) -> str:
    if isinstance(error, Wrong):
        return say(error.key, **error.facts)
    if isinstance(error, click.NoSuchOption):
        return _meant(say("cli.wrong.no_such_option", option=error.option_name), error.possibilities)
    if isinstance(error, click.exceptions.NoSuchCommand):
        return _meant(say("cli.wrong.no_such_command", command=error.command_name), error.possibilities)
    if isinstance(error, click.MissingParameter):
        return say("cli.wrong.missing", option=_name_of(error.param))
    if isinstance(error, click.BadOptionUsage):
        return say("cli.wrong.option_usage", option=error.option_name)
    return say("cli.wrong.words")


def _meant(sentence: str, possibilities: Sequence[str] | None) -> str:
    return f"{sentence} {say('fault.did_you_mean', meant=next(iter(possibilities)))}" if possibilities else sentence
