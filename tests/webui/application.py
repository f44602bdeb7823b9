"""The application as it is served; what is the same for all of them is made once per test process."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import jinja2
import werkzeug.routing
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


class Rule(werkzeug.routing.Rule):
    """An address whose builder is kept: compiling one for each cost a tenth of a second per application."""

    _kept: ClassVar[dict[tuple[object, ...], Callable[..., tuple[str, str]]]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        told = self.rule, repr(self.defaults), self.subdomain, self.host, self.merge_slashes, append_unknown
        if told not in self._kept:
            self._kept[told] = super()._compile_builder(append_unknown)
        return self._kept[told]


COMPILED = Compiled()
Flask.url_rule_class = Rule


def application(engine: Engine, settings: Settings) -> Flask:
    """A new application on this installation."""
    app = create_app(engine, settings)
    app.jinja_env.bytecode_cache = COMPILED
    return app
