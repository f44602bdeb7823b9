"""Fresh databases for tests, copied from templates that are made once per test process.

Three flavours: `empty` is migrated and holds nothing; `loaded` holds the programme of the `definitions/` folder as
well; in `peopled` the people of `tests/world.py` are there too.
"""

import datetime as dt
import shutil
import sqlite3
import tempfile
import uuid
from pathlib import Path
from typing import Any, Literal, cast

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.util import LRUCache

from tests import world
from workflow import database, loading, settings, start

Flavour = Literal["empty", "loaded", "peopled"]
DEFINITIONS = Path(__file__).parent.parent / "definitions"
BEGINNING = dt.datetime(2026, 11, 23, 7, tzinfo=dt.UTC)
"""Where the rehearsal clock of a loaded database stands: Monday, 23 November 2026, 08:00 in Mainz."""


STATEMENTS_KEPT = 2000
"""Of each kind of database."""
_speaking: dict[str, tuple[sa.Dialect, LRUCache[Any, Any]]] = {}


def connect(url: str) -> sa.Engine:
    """What `workflow.database.connect` answers, with what SQLAlchemy has put into words before in this process.

    A web process does that once in weeks; every test, with an engine of its own, did it all over again.
    """
    pool = _connect(url)
    if pool.dialect.name in _speaking:
        pool.dialect, pool._compiled_cache = _speaking[pool.dialect.name]
    else:
        pool._compiled_cache = LRUCache(STATEMENTS_KEPT)
        _speaking[pool.dialect.name] = pool.dialect, pool._compiled_cache
    return pool


_connect = database.connect


def fill(url: str, flavour: Flavour) -> None:
    """Bring a new, bare database to the flavour. The only place here that knows how the product does it."""
    if flavour == "empty":
        database.upgrade(url)
        return
    installation = settings.read({"STARTKLAR_DATABASE_URL": url})
    start.init(installation, clock="manual", now=BEGINNING, example=True)
    engine = start.engine(installation)
    try:
        loading.load(engine, DEFINITIONS)
    finally:
        engine.close()
    if flavour == "peopled":
        with tempfile.TemporaryDirectory() as data:
            world.make(url, Path(data)).engine.close()


class SQLiteDatabases:
    """Databases as files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._templates: dict[str, Path] = {}
        self.said: dict[str, Any] = {}
        """What somebody wants to know of a template."""

    def knows(self, template: str) -> bool:
        """Whether there is a template of this name."""
        return template in self._templates

    def keep(self, url: str, template: str) -> None:
        """Make a database, which nobody has open, a template."""
        path = Path(str(make_url(url).database))
        with sqlite3.connect(path) as connection:  # the write-ahead log goes into the file that is copied
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        self._templates[template] = path

    def fresh(self, flavour: str) -> str:
        """The address of a new database."""
        if not self.knows(flavour):
            url = f"sqlite:///{self._folder / f'template-{flavour}.db'}"
            fill(url, cast("Flavour", flavour))
            self.keep(url, flavour)
        path = self._folder / f"{uuid.uuid4().hex}.db"
        shutil.copyfile(self._templates[flavour], path)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        """Remove a database, whatever still has it open."""
        path = Path(str(make_url(url).database))
        for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove all of them."""
        shutil.rmtree(self._folder, ignore_errors=True)


class PostgresDatabases:
    """Databases of one cluster, given the address of its database `postgres`."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._connection = psycopg.connect(cluster, autocommit=True)
        self._templates: dict[str, str] = {}
        self.said: dict[str, Any] = {}
        """What somebody wants to know of a template."""

    def knows(self, template: str) -> bool:
        """Whether there is a template of this name."""
        return template in self._templates

    def keep(self, url: str, template: str) -> None:
        """Make a database, which nobody has open, a template."""
        self._templates[template] = str(make_url(url).database)

    def fresh(self, flavour: str) -> str:
        """The address of a new database."""
        if not self.knows(flavour):
            url = self._url(self._create("template0"))
            fill(url, cast("Flavour", flavour))
            self.keep(url, flavour)
        return self._url(self._create(self._templates[flavour]))

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        name = sql.Identifier(str(make_url(url).database))
        self._connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def close(self) -> None:
        """Remove the templates and let go of the cluster."""
        for name in self._templates.values():
            self.drop(self._url(name))
        self._connection.close()

    def _create(self, template: str) -> str:
        name = f"t{uuid.uuid4().hex}"
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        if self._connection.info.server_version >= 150000:  # before, there was no other way
            words += sql.SQL(" STRATEGY FILE_COPY")
        self._connection.execute(words)
        return name

    def _url(self, name: str) -> str:
        return make_url(self._cluster).set(database=name).render_as_string(hide_password=False)
