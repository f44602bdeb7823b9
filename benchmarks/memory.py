"""What a web process holds in memory after it has shown its pages to several people."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import installation
from benchmarks.installation import PASSWORD, People
from tests.smtp import free_port
from workflow import sessions, start

MOST_MB = 150
PAGES = ("/", "/cases", "/services", "/bodies", "/programme")
ROUNDS = 20


def of_a_web_process(url: str, people: People, data: Path) -> float:
    """Resident megabytes of the server after every page was asked for by a team, a municipality and the office."""
    configured = installation.settings_for(url, data)
    engine = start.engine(configured)
    try:
        addresses = ["office", f"team-{next(iter(people.teams))}", f"coordination-{next(iter(people.bodies))[0]}"]
        tokens = [
            sessions.sign_in(engine, f"{address}@startklar.example", PASSWORD, "127.0.0.1").token
            for address in addresses
        ]
    finally:
        engine.close()
    port = free_port()
    surroundings = os.environ | {"STARTKLAR_DATABASE_URL": url, "STARTKLAR_DATA": str(data)}
    command = [sys.executable, "-m", "webui", "--port", str(port)]
    with subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port)
            for _ in range(ROUNDS):
                for token in tokens:
                    for page in PAGES:
                        _get(port, page, token)
            return _resident(server.pid)
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        try:
            if _get(port, "/healthz", "") == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the web server does not answer")


def _get(port: int, page: str, token: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", page, headers={"Cookie": f"startklar_session={token}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def _resident(pid: int) -> float:
    """From /proc where there is one; on other systems from `ps`."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1024
