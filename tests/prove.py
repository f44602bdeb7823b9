"""The long proofs, each at most an hour with fixed seeds, run by hand: `python3 run.py prove NAME`.

Of each, `run.py test` holds a short form. To add one: write a function that raises when the proof fails and prints
what it saw, and put it into PROOFS.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.smtp import free_port

ROOT = Path(__file__).resolve().parent.parent


def newcomer() -> None:
    """A fresh clone with an empty home folder: the demo starts, answers and ends; a second start is quick; tests pass.

    What counts is what is committed.
    """
    with tempfile.TemporaryDirectory(prefix="startklar-newcomer-") as folder:
        home, clone = Path(folder, "home"), Path(folder, "startklar")
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        surroundings = {
            key: value for key, value in os.environ.items() if not key.startswith(("STARTKLAR_", "VIRTUAL_"))
        }
        surroundings["HOME"] = str(home)
        python, port = shutil.which("python3") or sys.executable, str(free_port())
        for start in ("first", "second"):
            began = time.monotonic()
            with subprocess.Popen([python, "run.py", "demo", "--port", port], cwd=clone, env=surroundings) as demo:
                try:
                    answer(demo, clone / "demo-data" / "demo.json")
                    print(f"{start} start: answers after {time.monotonic() - began:.1f} s", flush=True)
                finally:
                    demo.send_signal(signal.SIGINT)
            if demo.returncode or (clone / "demo-data" / "demo.json").exists():
                raise AssertionError(f"the demo did not end well: exit code {demo.returncode}")
        subprocess.run([python, "run.py", "test"], cwd=clone, env=surroundings, check=True)


def answer(demo: "subprocess.Popen[bytes]", announced: Path) -> None:
    """Wait until the demo has announced itself and its pages and mails can be read."""
    give_up = time.monotonic() + 300
    while not announced.exists():
        if demo.poll() is not None or time.monotonic() > give_up:
            raise AssertionError("the demo did not come up")
        time.sleep(0.1)
    told = json.loads(announced.read_text(encoding="utf-8"))
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for url in (told["base_url"] + "/healthz", told["mail_url"] + "/api/messages"):
        with directly.open(url, timeout=10) as page:
            if page.status != 200:
                raise AssertionError(f"{url} answers {page.status}")


def engine() -> None:
    """Random programmes × random deeds, cut short anywhere, on both databases; and every pair of deeds at once.

    Prints what it saw. Seeds that find something belong into tests/engine/seeds.txt with a word on what they found.
    """
    from tests.engine import proof

    proof.meetings()
    proof.plays(seeds=300, steps=120)


def postfix() -> None:
    """A real Postfix on the loopback: mail arrives, what is refused or comes back marks its address. Needs root."""
    from tests import postfix as mail_server

    mail_server.prove()


def reminders() -> None:
    """Weeks of reminders against a clerk with a calendar: with people at work, in chaos, and from copies.

    Every step of every ladder once, in the morning it is due, to the right people, and no mail on a holiday.
    """
    from tests.reminding import proof

    proof.prove()


def a11y() -> None:
    """Every page × everybody who may open it × both themes × script and none: axe, keyboard, zoom, headings."""
    from tests.accessibility import proof

    proof.pages()


PROOFS: dict[str, Callable[[], None]] = {
    "newcomer": newcomer,
    "engine": engine,
    "reminders": reminders,
    "postfix": postfix,
    "a11y": a11y,
}


def main(words: list[str]) -> int:
    """Run the named proof; without a known name list them all."""
    if len(words) != 1 or words[0] not in PROOFS:
        print("usage: python3 run.py prove NAME\n", file=sys.stderr)
        for name, proof in PROOFS.items():
            print(f"  {name:<16} {(proof.__doc__ or '').splitlines()[0]}", file=sys.stderr)
        return 2
    began = time.monotonic()
    try:
        PROOFS[words[0]]()
    except (AssertionError, subprocess.CalledProcessError) as error:
        print(f"{words[0]}: FAILED after {time.monotonic() - began:.0f} s: {error}", file=sys.stderr)
        return 1
    print(f"{words[0]}: holds, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
