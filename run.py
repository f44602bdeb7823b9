#!/usr/bin/env python3
"""The one way in: makes the environment, then runs the demo, the tests or any `startklar` command.

    python3 run.py demo             the programme with a case to play, in the browser
    python3 run.py test             everything that must hold before a change lands
    python3 run.py quick            the fast part of it, under a minute
    python3 run.py bench            how fast it is, measured
    python3 run.py prove NAME       one of the long proofs
    python3 run.py ANYTHING ELSE    the same as `startklar ANYTHING ELSE`

Only the standard library is used here, and the file stays readable for Python 3.6, so that a Python that is too old
gets a sentence and not a syntax error. Whatever stands in the way is one sentence too: exit code 1 for something this
machine lacks, 2 for a wrong use.
"""

import errno
import os
import sys
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

OLDEST_PYTHON = (3, 11)
DISK_NEEDED_MB = 700
HERE = os.path.dirname(os.path.abspath(__file__))
ENVIRONMENT = os.path.join(HERE, ".venv")
STAMP = os.path.join(ENVIRONMENT, "startklar.stamp")
LOG = os.path.join(ENVIRONMENT, "setup.log")
LOCK = os.path.join(HERE, "requirements.lock")
TURN = os.path.join(HERE, ".venv.lock")
UNFINISHED = "unfinished"
MODULES = {"demo": "demo", "bench": "benchmarks", "prove": "tests.prove"}
WORKERS = ["-n", "2", "--dist", "worksteal"]

SENTENCES = {
    "usage": (
        "Aufruf: python3 run.py demo | test | quick | bench | prove NAME | jeder Befehl von „startklar“ (etwa: check)",
        "Usage: python3 run.py demo | test | quick | bench | prove NAME | any `startklar` command (such as: check)",
    ),
    "old_python": (
        "Startklar braucht Python {oldest} oder neuer, dies ist Python {found}: Bitte starten Sie run.py mit einem "
        "neueren Python, zum Beispiel „python{oldest} run.py“.",
        "Startklar needs Python {oldest} or newer and this is Python {found}: please start run.py with a newer "
        "Python, for example `python{oldest} run.py`.",
    ),
    "no_venv": (
        "Diesem Python fehlt das Modul venv: Bitte installieren Sie es (Debian, Ubuntu: "
        "„apt-get install python{version}-venv“) und starten Sie noch einmal.",
        "This Python lacks the module venv: please install it (Debian, Ubuntu: "
        "`apt-get install python{version}-venv`) and start again.",
    ),
    "no_disk": (
        "Für die Umgebung reicht der Platz nicht: Bitte machen Sie auf dem Datenträger von {folder} mindestens "
        "{needed} MB frei (frei: {free} MB) und starten Sie noch einmal.",
        "There is not enough room for the environment: please free at least {needed} MB on the disk of {folder} "
        "(free: {free} MB) and start again.",
    ),
    "no_network": (
        "Die Pakete waren nicht zu erreichen: Bitte stellen Sie eine Verbindung zum Paketverzeichnis (PyPI) her und "
        "starten Sie noch einmal; Einzelheiten stehen in {log}.",
        "The packages could not be reached: please connect to the package index (PyPI) and start again; "
        "details are in {log}.",
    ),
    "wrong_hash": (
        "Ein heruntergeladenes Paket ist nicht das erwartete (falsche Prüfsumme): Bitte prüfen Sie, welches "
        "Paketverzeichnis pip hier verwendet; Einzelheiten stehen in {log}.",
        "A downloaded package is not the expected one (wrong checksum): please check which package index pip uses "
        "here; details are in {log}.",
    ),
    "no_setup": (
        "Die Umgebung ließ sich nicht einrichten: Bitte lesen Sie {log} und starten Sie noch einmal.",
        "The environment could not be made: please read {log} and start again.",
    ),
    "no_right": (
        "In {folder} darf nicht geschrieben werden: Bitte legen Sie die Kopie von Startklar in einen eigenen Ordner.",
        "{folder} may not be written to: please put the copy of Startklar into a folder of your own.",
    ),
    "foreign": (
        "Der Ordner {folder} wurde nicht von run.py angelegt: Bitte benennen Sie ihn um oder löschen Sie ihn und "
        "starten Sie noch einmal.",
        "The folder {folder} was not made by run.py: please rename or delete it and start again.",
    ),
    "no_lock": (
        "Die Datei requirements.lock fehlt: Bitte holen Sie Startklar noch einmal vollständig.",
        "The file requirements.lock is missing: please fetch all of Startklar again.",
    ),
    "making": (
        "Richte die Umgebung ein … (einmalig, etwa eine halbe Minute)",
        "Setting up the environment … (once, about half a minute)",
    ),
    "waiting": (
        "Die Umgebung wird gerade von einem anderen Start eingerichtet, ich warte …",
        "Another start is setting up the environment, waiting …",
    ),
    "stopped": ("Abgebrochen.", "Stopped."),
    "unknown": ("„{verb}“ nimmt hier nichts weiter an.", "`{verb}` takes nothing else here."),
    "step": ("Schritt {number} von {total}: {name}", "Step {number} of {total}: {name}"),
    "summary": ("Zusammenfassung", "Summary"),
    "good": ("in Ordnung", "passed"),
    "bad": ("GESCHEITERT", "FAILED"),
    "not_run": ("nicht gelaufen", "not run"),
}


class Refused(Exception):
    """Something stands in the way; the person gets the sentence and the program ends with `code`."""

    def __init__(self, key: str, *, code: int = 1, **facts: Any) -> None:
        super().__init__(key)
        self.key, self.code, self.facts = key, code, facts


def main(words: List[str]) -> int:
    """Do what the words ask for and answer the exit code."""
    try:
        insist_on_python(sys.version_info[:3])
        verb, rest = (words[0], words[1:]) if words else ("", [])
        if verb in ("", "-h", "--help", "help"):
            say("usage", to=sys.stdout if verb else sys.stderr)
            return 0 if verb else 2
        if verb in ("test", "quick") and rest:
            raise Refused("unknown", code=2, verb=verb)
        make_environment()
        if verb == "test":
            return run_steps(landing_steps(), count=True)
        if verb == "quick":
            return run_steps(quick_steps(), count=True)
        if verb in MODULES:
            return become([python(), "-m", MODULES[verb], *rest])
        return become([python(), "-m", "workflow.cli", *words])
    except Refused as refusal:
        say(refusal.key, to=sys.stderr, **refusal.facts)
        return refusal.code
    except KeyboardInterrupt:
        say("stopped", to=sys.stderr)
        return 130


# ------------------------------------------------------------------------------------------------------------- language


def language(environ: Optional[Dict[str, str]] = None) -> str:
    """`de` or `en`: German, unless the surroundings name another language."""
    environ = dict(os.environ) if environ is None else environ
    named = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return "de" if named.split(".")[0] in ("", "C", "POSIX") or named.startswith("de") else "en"


def sentence(key: str, **facts: Any) -> str:
    """The sentence under `key` in the person's language."""
    return SENTENCES[key][0 if language() == "de" else 1].format(**facts)


def say(key: str, to: Any = None, **facts: Any) -> None:
    """Print one sentence, on a terminal that knows no umlauts too."""
    out = to or sys.stdout
    text = sentence(key, **facts)
    try:
        print(text, file=out, flush=True)
    except UnicodeEncodeError:
        print(text.encode("ascii", "replace").decode("ascii"), file=out, flush=True)


# ---------------------------------------------------------------------------------------------------------- environment


def insist_on_python(found: Sequence[int]) -> None:
    """Raise Refused for a Python that is too old."""
    if tuple(found[:2]) < OLDEST_PYTHON:
        raise Refused("old_python", code=2, oldest="{}.{}".format(*OLDEST_PYTHON), found=".".join(map(str, found)))


def python() -> str:
    """The Python of the environment."""
    return os.path.join(ENVIRONMENT, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def make_environment() -> None:
    """Make `.venv` hold exactly what requirements.lock names, unless it does already.

    The stamp is written last: an environment without a valid stamp is half-made or out of date and is made again. Of
    several starts at once one works and the others wait.
    """
    wanted = expected_stamp()
    if is_ready(wanted):
        return
    try:
        with open(TURN, "w") as turn:
            take_turn(turn)
            if not is_ready(wanted):
                build(wanted)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise Refused("no_right", folder=HERE) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Refused("no_disk", **room(HERE)) from error
        raise


def expected_stamp() -> str:
    """What the stamp of a finished environment for this lock says.

    It does not name a Python: an environment that works serves every Python that starts this file, so that calling it
    with another one does not take the environment from under a demo that runs.
    """
    import hashlib

    try:
        with open(LOCK, "rb") as lock:
            content = hashlib.sha256(lock.read()).hexdigest()
    except FileNotFoundError as error:
        raise Refused("no_lock") from error
    return content + "\n"


def is_ready(wanted: str) -> bool:
    """Whether the environment is finished, up to date and still has its Python."""
    return read_stamp() == wanted and os.path.exists(python())


def read_stamp() -> Optional[str]:
    try:
        with open(STAMP) as stamp:
            return stamp.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def take_turn(turn: Any) -> None:
    """Hold the lock file until it is closed, waiting for whoever holds it now."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(turn.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]
        return
    import fcntl

    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("waiting", to=sys.stderr)
        fcntl.flock(turn, fcntl.LOCK_EX)


def build(stamp: str) -> None:
    """Make the environment anew."""
    import importlib.util

    if os.path.lexists(ENVIRONMENT) and read_stamp() is None:
        raise Refused("foreign", folder=ENVIRONMENT)
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise Refused("no_venv", version="{}.{}".format(*sys.version_info[:2]))
    say("making", to=sys.stderr)
    clear_environment()
    insist_on_room(HERE)

    base = getattr(sys, "_base_executable", None) or sys.executable
    logged([base, "-m", "venv", ENVIRONMENT])
    quietly = ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--root-user-action=ignore"]
    exactly = ["--no-user", "--require-hashes", "--no-deps", "--retries=2"]
    logged([python(), "-m", "pip", "install", *quietly, *exactly, "-r", LOCK])
    library = ["Lib"] if os.name == "nt" else ["lib", "python{}.{}".format(*sys.version_info[:2])]
    own_packages = os.path.join(ENVIRONMENT, *library, "site-packages")
    # A relative line, so that the checkout may be moved and its path may hold any letters.
    write(os.path.join(own_packages, "startklar.pth"), os.path.relpath(HERE, own_packages) + "\n")
    write(STAMP, stamp)


def clear_environment() -> None:
    """Leave an empty `.venv` that is marked as ours and unfinished; at no moment is it there without the mark."""
    import shutil

    if not os.path.isdir(ENVIRONMENT):
        coming = ENVIRONMENT + ".new"
        os.makedirs(coming, exist_ok=True)
        write(os.path.join(coming, os.path.basename(STAMP)), UNFINISHED)
        os.rename(coming, ENVIRONMENT)
    write(STAMP, UNFINISHED)
    for entry in os.scandir(ENVIRONMENT):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        elif entry.path != STAMP:
            os.remove(entry.path)


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def logged(command: List[str]) -> None:
    """Run a command of the set-up; raise Refused with the sentence that fits its complaint."""
    import subprocess

    with open(LOG, "a+") as log:
        start = log.seek(0, os.SEEK_END)
        both = {"stdout": log, "stderr": log}  # type: Dict[str, Any]
        if subprocess.call(command, stdin=subprocess.DEVNULL, env=clean_environ(), **both):
            log.seek(start)
            raise explained(log.read())


def explained(complaint: str) -> Refused:
    """The refusal that fits what venv or pip complained about."""
    if "No space left on device" in complaint or "[Errno 28]" in complaint:
        return Refused("no_disk", **room(HERE))
    if "ensurepip is not available" in complaint or "No module named ensurepip" in complaint:
        return Refused("no_venv", version="{}.{}".format(*sys.version_info[:2]))
    if "DO NOT MATCH THE HASHES" in complaint:
        return Refused("wrong_hash", log=LOG)
    unreachable = ["Could not find a version", "No matching distribution", "Could not fetch URL", "connection broken"]
    unreachable += ["ConnectionError", "ConnectTimeout", "Read timed out", "ProxyError", "SSLError", "HTTP error"]
    if any(sign in complaint for sign in unreachable):
        return Refused("no_network", log=LOG)
    return Refused("no_setup", log=LOG)


def room(folder: str) -> Dict[str, Any]:
    """The facts about free space that the sentence names."""
    import shutil

    return {"folder": folder, "needed": DISK_NEEDED_MB, "free": shutil.disk_usage(folder).free // 1_000_000}


def insist_on_room(folder: str) -> None:
    """Raise Refused when the environment would not fit on the disk of `folder`."""
    facts = room(folder)
    if facts["free"] < facts["needed"]:
        raise Refused("no_disk", **facts)


def clean_environ() -> Dict[str, str]:
    """The surroundings without what would point our Python at somebody else's packages.

    That includes the folder the person stands in: its `demo` or `workflow` is not ours.
    """
    misleading = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in misleading}
    kept["PYTHONSAFEPATH"] = "1"
    return kept


# -------------------------------------------------------------------------------------------------------------- running


def become(command: List[str]) -> int:
    """Let the command take this process's place, so that signals reach it directly."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execve(command[0], command, clean_environ())
    return call(command)


def call(command: List[str], cwd: Optional[str] = None) -> int:
    """Run a command and answer its exit code."""
    import subprocess

    return subprocess.call(command, cwd=cwd, env=clean_environ())


Step = Tuple[str, List[str]]


def static_steps() -> List[Step]:
    contracts = "from importlinter.cli import lint_imports_command as check; check(['--no-logo'])"
    return [
        ("ruff check", [python(), "-m", "ruff", "check", "--quiet"]),
        ("ruff format", [python(), "-m", "ruff", "format", "--check", "--quiet"]),
        ("mypy --strict", [python(), "-m", "mypy"]),
        ("import contracts", [python(), "-c", contracts]),
    ]


def landing_steps() -> List[Step]:
    """Everything that must hold before a change lands, cheapest first."""
    return [
        *static_steps(),
        ("startklar check", [python(), "-m", "workflow.cli", "check"]),
        ("browser", [python(), "-m", "tests.browser"]),
        ("pytest", [python(), "-m", "tests.postgres", python(), "-m", "pytest", *WORKERS]),
    ]


def quick_steps() -> List[Step]:
    """What is worth knowing within a minute: no PostgreSQL, no browser, nothing slow."""
    units = ["tests/definitions", "tests/workflow", "-q", "-m", "not slow"]
    light = ["--databases", "sqlite", "--hypothesis-profile", "quick"]
    return [*static_steps(), ("pytest", [python(), "-m", "pytest", *WORKERS, *units, *light])]


def run_steps(steps: List[Step], *, count: bool) -> int:
    """Run the steps in order until one fails; end with what became of each.

    With `count` the last line is how many tests passed and failed, in figures.
    """
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "tests.xml")
        results = []  # type: List[Tuple[str, Optional[int], float]]
        for number, (name, command) in enumerate(steps, start=1):
            if any(code for _, code, _ in results):
                results.append((name, None, 0.0))
                continue
            print("\n── " + sentence("step", number=number, total=len(steps), name=name), flush=True)
            started = time.monotonic()
            code = call([*command, "--junitxml", report] if name == "pytest" else command, cwd=HERE)
            results.append((name, code, time.monotonic() - started))

        print("\n── " + sentence("summary"))
        for name, ended, seconds in results:
            word = sentence("not_run" if ended is None else "bad" if ended else "good")
            print("   {:<18} {:<15} {:>7}".format(name, word, "" if ended is None else "{:.1f} s".format(seconds)))
        if count and os.path.exists(report):
            print(tally(report))
        sys.stdout.flush()
    return 1 if any(code for _, code, _ in results) else 0


def tally(report: str) -> str:
    """How many tests passed, failed and were skipped, from pytest's own report."""
    from xml.etree.ElementTree import parse

    suites = list(parse(report).getroot().iter("testsuite"))  # noqa: S314 -- pytest wrote it a moment ago
    count = {
        name: sum(int(suite.get(name, "0")) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    }
    failed = count["failures"] + count["errors"]
    return "{} passed, {} failed, {} skipped".format(
        max(0, count["tests"] - failed - count["skipped"]), failed, count["skipped"]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
