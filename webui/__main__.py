"""`python -m webui`: serve the pages with waitress, in this process. For many machines see `webui.wsgi`."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import sys

import waitress

from webui import create_app
from workflow import settings, start, texts
from workflow.errors import StartklarError

_BUFFERED = 128 * 1024 * 1024
"""A request this large is still read to its end, so that its sender gets a sentence instead of a broken connection."""


def main() -> int:
    """Serve until stopped. 1 when the installation is not fit to run."""
    _share_memory()
    parser = argparse.ArgumentParser(prog="python -m webui", description="Startklar: pages for people")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--threads", type=int, default=8)
    asked = parser.parse_args()
    try:
        configured = settings.read()
        engine = start.engine(configured)
    except StartklarError as error:
        sys.stderr.write(texts.say("de", error.key, **error.facts) + "\n")
        return 1
    behind_proxy = configured.base_url.startswith("https://")
    waitress.serve(
        create_app(engine, configured),
        host=asked.host,
        port=asked.port,
        threads=asked.threads,
        max_request_body_size=_BUFFERED,
        clear_untrusted_proxy_headers=not behind_proxy,
        ident=None,
    )
    return 0


def _share_memory() -> None:
    """Have all threads take memory from two heaps: glibc gives each its own, and a page's values stay behind in all."""
    arenas_at_most = -8  # M_ARENA_MAX in malloc.h
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(arenas_at_most, 2)


if __name__ == "__main__":
    sys.exit(main())
