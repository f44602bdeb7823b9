"""The application as it is served, with templates that are compiled once per test process."""

from __future__ import annotations

import jinja2
from flask import Flask
from jinja2.bccache import Bucket

from webui import create_app
from workflow.engine import Engine
from workflow.settings import Settings


class Compiled(jinja2.BytecodeCache):
    """Keeps compiled templates in memory: compiling was half of what tests of pages cost."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in what was compiled before, if it was."""
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled now."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


def application(engine: Engine, settings: Settings) -> Flask:
    """A new application on this installation."""
    app = create_app(engine, settings)
    app.jinja_env.bytecode_cache = COMPILED
    return app
