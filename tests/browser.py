"""A real Chromium for tests.

    python -m tests.browser

says which one the tests will use; on a Debian where we are root it installs one when none is there.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.postgres import in_ci

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
PLACES = [Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
          Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")]  # fmt: skip

# Headless without a sandbox (containers, root), and without a word to anybody but the server under test.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip


def find() -> str | None:
    """The path of a Chromium on this machine."""
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    return on_path or next((str(place) for place in PLACES if place.exists()), None)


def install() -> None:
    """Install Chromium where that needs no question: as root on a Debian."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    surroundings = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        print(f"apt-get {' '.join(words)} …", flush=True)
        done = subprocess.run(["apt-get", "-q", *words], env=surroundings, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout[-2000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
            return


def main() -> int:
    """Make sure of the browser; 1 if it is missing in CI."""
    if find() is None:
        install()
    if (path := find()) is not None:
        version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        print(f"{path}: {version}")
        return 0
    if in_ci():
        print("Chromium is missing, and in CI that is a failure.", file=sys.stderr)
        return 1
    print("Chromium is missing: tests in the browser are skipped. Install the package chromium to run them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
