"""The programs the demo consists of: started together, waited for, ended together."""

import errno
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.refusal import Refusal

STARTING_SECONDS = 90
ENDING_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Program:
    """One program: a module with arguments, and how it shows that it is up.

    That is a file it writes, or the address of a web server that says it is well; some show nothing.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    announces: Path | None = None
    answers_at: str | None = None

    def is_up(self) -> bool:
        """Whether it shows that it is up."""
        if self.announces is not None:
            return self.announces.exists()
        return self.answers_at is None or answers(self.answers_at)


class Running:
    """Programs that run. Their words go to one file each."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, programs: Sequence[Program], surroundings: dict[str, str]) -> None:
        """Start them all and return when each of them is up. Raises Refusal when one does not come up."""
        self._logs.mkdir(exist_ok=True)
        for program in programs:
            with self._log(program.name).open("wb") as log:
                self._processes[program.name] = subprocess.Popen(
                    [sys.executable, "-m", "demo.child", program.module, *program.arguments],
                    stdin=subprocess.PIPE,  # the lifeline: it closes when this process is gone
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=surroundings,
                    start_new_session=True,  # Ctrl-C is for this process, which then ends the others in order
                )
        give_up = time.monotonic() + STARTING_SECONDS
        for program in programs:
            while not program.is_up():
                self.insist_alive()
                if time.monotonic() > give_up:
                    raise Refusal("demo.silent", program=program.name, log=str(self._log(program.name)))
                time.sleep(0.05)
        self.insist_alive()

    def insist_alive(self) -> None:
        """Raise Refusal when one of them has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise Refusal("demo.died", program=name, log=str(self._log(name)))

    def end(self) -> None:
        """End all of them, the last one started first, by force if need be."""
        processes = list(reversed(self._processes.values()))
        for process in processes:
            process.terminate()
        give_up = time.monotonic() + ENDING_SECONDS
        for process in processes:
            try:
                process.wait(max(0.1, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
        self._processes.clear()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def answers(address: str) -> bool:
    """Whether a web server at this host and port says that it is well."""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def insist_free(host: str, port: int) -> None:
    """Raise Refusal when nothing can be opened at this address, saying why."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError, OverflowError) as error:
        raise Refusal("demo.no_host", code=2, host=host) from error
    with socket.socket(family, socket.SOCK_STREAM) as trying:
        if os.name != "nt":
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind(address)
        except PermissionError as error:
            raise Refusal("demo.port_forbidden", port=str(port)) from error
        except OSError as error:
            key = "demo.no_host" if error.errno == errno.EADDRNOTAVAIL else "demo.port_busy"
            raise Refusal(key, host=host, port=str(port), other=str(port + 1 if port < 65535 else 8000)) from error
