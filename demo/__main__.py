"""Starts a small installation with example people and everything it needs: web pages, scheduler, mail catcher.

    python -m demo [--port 8000] [--host 127.0.0.1] [--data DIR] [--reset]

Ctrl-C ends all of it; the data stays for the next start.
"""

import argparse
import contextlib
import ipaddress
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from demo.folder import READY, UNFINISHED, Folder, unwritable
from demo.programs import Program, Running, insist_free
from demo.refusal import Refusal
from workflow import console, texts
from workflow.errors import StartklarError, Unready

DATA = Path(__file__).resolve().parent.parent / "demo-data"
MAIL_PORT = 8025


def main(words: list[str] | None = None) -> int:
    """Run the demo until somebody ends it; answers the exit code."""
    language = spoken()
    given = arguments(language).parse_args(words)
    for sign in (signal.SIGINT, signal.SIGTERM):  # a shell may have started us with Ctrl-C switched off
        signal.signal(sign, interrupt)
    try:
        run(language, given)
    except (Refusal, StartklarError) as refusal:
        print(texts.say(language, refusal.key, **refusal.facts), file=sys.stderr)
        return refusal.code if isinstance(refusal, Refusal) else 1
    except KeyboardInterrupt:
        return 130
    return 0


def run(language: str, given: argparse.Namespace) -> None:
    """Refuse what cannot work, then run in the folder."""
    with contextlib.closing(Folder(given.data)) as folder:
        folder.open()
        insist_free(given.host, given.port)
        serve(language, given, folder)


def serve(language: str, given: argparse.Namespace, folder: Folder) -> None:
    """Prepare the data, start everything, announce it and wait for the end."""
    from demo import example

    try:
        if given.reset or not folder.is_ready():
            folder.empty()
        surroundings = settings_of(folder, base_url := f"http://{reached_at(given.host, given.port)}")
        is_new = not folder.is_ready()
        prepare(language, folder, surroundings)
        folder.mail_ports.unlink(missing_ok=True)
        folder.announcement.unlink(missing_ok=True)  # of a demo that was killed
    except OSError as error:
        raise unwritable(error, folder.path) from error

    running = Running(folder.path / "log")
    try:
        catch = ["--file", str(folder.mails), "--http-port", str(MAIL_PORT), "--tell", str(folder.mail_ports)]
        catch += ["--unknown", example.GONE]
        running.start([Program("mail", "demo.mail", tuple(catch), announces=folder.mail_ports)], surroundings)
        ports = json.loads(folder.mail_ports.read_text(encoding="utf-8"))
        surroundings["STARTKLAR_SMTP_URL"] = f"smtp://127.0.0.1:{ports['smtp']}"
        announced = {"base_url": base_url, "mail_url": f"http://127.0.0.1:{ports['http']}"}
        serve_pages = ("--host", given.host, "--port", str(given.port))
        web = Program("web", "webui", serve_pages, answers_at=reached_at(given.host, given.port))
        running.start([web], surroundings)
        if is_new:
            play(language, folder, surroundings, given.cases)
        running.start([Program("scheduler", "scheduler")], surroundings)
        accounts = json.loads(folder.accounts.read_text(encoding="utf-8"))
        people = [{name: value for name, value in account.items() if name != "shown"} for account in accounts]
        folder.write(folder.announcement, {"format": 1, **announced, "accounts": people})
        welcome(language, folder, announced, accounts, open_to_all=not is_loopback(given.host))
        while True:
            time.sleep(0.3)
            running.insist_alive()
    except KeyboardInterrupt:
        print(texts.say(language, "demo.ended", folder=str(folder.path)), flush=True)
    finally:
        for sign in (signal.SIGINT, signal.SIGTERM):  # the second Ctrl-C must not leave programs behind
            signal.signal(sign, signal.SIG_IGN)
        folder.announcement.unlink(missing_ok=True)
        running.end()


def reached_at(host: str, port: int) -> str:
    """Host and port under which this machine reaches what listens there."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- asked for by the person
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def settings_of(folder: Folder, base_url: str) -> dict[str, str]:
    """The surroundings every program of the demo starts with; settings of another installation do not reach it."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("STARTKLAR_")}
    return surroundings | {
        "STARTKLAR_DATABASE_URL": f"sqlite:///{folder.database}",
        "STARTKLAR_DATA": str(folder.path),
        "STARTKLAR_SECRET_FILE": str(folder.secret),
        "STARTKLAR_MAIL_FROM": "startklar@programm.example",
        "STARTKLAR_BASE_URL": base_url,
        "STARTKLAR_TICK_SECONDS": "1",  # somebody is watching
        "PYTHONUNBUFFERED": "1",
    }


def prepare(language: str, folder: Folder, surroundings: dict[str, str]) -> None:
    """Make database, programme and people on the first start; later only what a newer program needs."""
    from demo import example

    folder.make_secret()
    if folder.is_ready():
        try:
            example.renew(surroundings)
        except Unready as refused:
            if refused.key != "error.old_schema":
                raise
            raise Refusal("demo.other_program", folder=str(folder.path)) from refused
        return
    print(texts.say(language, "demo.preparing"), flush=True)
    folder.mark(UNFINISHED)
    folder.write(folder.accounts, example.make(surroundings))


def play(language: str, folder: Folder, surroundings: dict[str, str], most: int | None) -> None:
    """Play the months before this one, while the pages answer already; the folder is ready only after that."""
    from demo import example

    print(texts.say(language, "demo.playing"), flush=True)
    with console.progress(example.days(), texts.say(language, "demo.playing")) as hear:
        example.play(surroundings, hear, most=most)
    folder.mark(READY)


def welcome(
    language: str, folder: Folder, announced: dict[str, str], accounts: list[dict[str, Any]], *, open_to_all: bool
) -> None:
    """Say where everything is and who one can be."""
    lines = ["", texts.say(language, "demo.address", url=announced["base_url"])]
    lines.append(texts.say(language, "demo.mails", url=announced["mail_url"]))
    if open_to_all:
        lines.append(texts.say(language, "demo.open_to_all"))
    lines += ["", texts.say(language, "demo.people", password=accounts[0]["password"])]
    wide, wider = (max(len(account[column]) for account in accounts) + 2 for column in ("email", "name"))
    place = ""
    for account in accounts:
        if account["shown"]["place"] != place:
            place = account["shown"]["place"]
            lines += ["", f"  {place}"]
        lines.append(f"    {account['email']:<{wide}}{account['name']:<{wider}}{account['shown'][language]}")
    lines += ["", texts.say(language, "demo.how_to_end", folder=str(folder.path))]
    print("\n".join(lines), flush=True)


def arguments(language: str) -> argparse.ArgumentParser:
    """What may stand on the command line."""
    parser = argparse.ArgumentParser(prog="run.py demo", description=texts.say(language, "demo.what"))
    parser.add_argument("--port", type=port, default=8000, help=texts.say(language, "demo.help_port"))
    parser.add_argument("--host", default="127.0.0.1", help=texts.say(language, "demo.help_host"))
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help=texts.say(language, "demo.help_data"))
    parser.add_argument("--cases", type=int, help=argparse.SUPPRESS)  # tests are in a hurry
    parser.add_argument("--reset", action="store_true", help=texts.say(language, "demo.help_reset"))
    return parser


def port(word: str) -> int:
    """A port number a person wrote."""
    number = int(word)
    if not 1 <= number <= 65535:
        raise ValueError(word)
    return number


def spoken() -> str:
    """`de` or `en`: German, unless the surroundings name another language."""
    named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "de" if named.split(".")[0] in ("", "C", "POSIX") or named.startswith("de") else "en"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Both ways of ending the demo are one."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
