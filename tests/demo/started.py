"""A demo that somebody started, as other programs meet it."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.smtp import free_port

ROOT = Path(__file__).resolve().parent.parent.parent


class Started:
    """A demo somebody started in a folder, as its own process."""

    def __init__(self, data: Path, *words: str, port: int) -> None:
        self.announcement = data / "demo.json"
        self.port = port
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demo", "--data", str(data), "--port", str(port), "--cases", "2", *words],
            cwd=ROOT,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def told(self, *, within: float = 60) -> dict[str, Any]:
        """What demo.json says, once it is there."""
        while not self.announcement.exists():
            if self.process.poll() is not None or time.monotonic() > self.began + within:
                raise AssertionError(self.end(signal.SIGTERM)[1])
            time.sleep(0.02)
        return dict(json.loads(self.announcement.read_text(encoding="utf-8")))

    def words(self) -> str:
        """Everything it printed until its end."""
        assert self.process.stdout is not None
        return self.process.stdout.read()

    def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Send the signal; answers the exit code and everything it printed."""
        self.process.send_signal(how)
        words, _ = self.process.communicate(timeout=30)
        return self.process.returncode, words


@contextlib.contextmanager
def started(data: Path, *words: str, port: int | None = None) -> Iterator[Started]:
    """A demo that is ended in any case."""
    one = Started(data, *words, port=port or free_port())
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.end(signal.SIGTERM)
        if one.process.stdout is not None:
            one.process.stdout.close()


def get(url: str) -> tuple[int, str]:
    """Status and body of a page on this machine."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("GET", f"/{path}")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
