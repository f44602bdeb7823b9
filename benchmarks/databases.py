"""Databases that are as durable as in production, and copies of them to measure twice on the same rows."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from benchmarks.statements import Statement
from tests.postgres import ADDRESS, Cluster
from workflow.database import SQLITE_PRAGMAS


class Raw(ABC):
    """A bare driver that sends statements one by one."""

    @abstractmethod
    def run(self, statements: Sequence[Statement]) -> None:
        """All of them in one transaction; every row they answer with is fetched."""

    @abstractmethod
    def insert(self, batches: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Rows for each of these inserts, with `executemany`, all in one transaction."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""


class Database(ABC):
    """A kind of database."""

    name: str
    version: str

    @abstractmethod
    def fresh(self) -> str:
        """The address of a new, bare database."""

    @abstractmethod
    def copy(self, url: str) -> str:
        """The address of a new database with the content of this one, which nobody has open."""

    @abstractmethod
    def settle(self, url: str) -> None:
        """Let the database look at what was filled in, as it would by itself within minutes."""

    @abstractmethod
    def raw(self, url: str) -> Raw:
        """The bare driver, as durable as the product asks for."""


class SQLite(Database):
    """Files in one folder; WAL and synchronous=FULL on both sides."""

    name = "SQLite"
    version = sqlite3.sqlite_version

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fresh(self) -> str:
        return f"sqlite:///{self._folder / uuid.uuid4().hex}.db"

    def copy(self, url: str) -> str:
        source, target = str(make_url(url).database), self.fresh()
        with contextlib.closing(sqlite3.connect(source)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(source, str(make_url(target).database))
        return target

    def settle(self, url: str) -> None:
        """SQLite never looks by itself, and the product does not ask it to."""

    def raw(self, url: str) -> Raw:
        return _RawSQLite(str(make_url(url).database))


class _RawSQLite(Raw):
    def __init__(self, file: str) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        for pragma in SQLITE_PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")

    def run(self, statements: Sequence[Statement]) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        for text, parameters in statements:
            execute(text, parameters).fetchall()
        execute("COMMIT")

    def insert(self, batches: Sequence[tuple[str, Sequence[Any]]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for text, rows in batches:
            self._connection.executemany(text, rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


class PostgreSQL(Database):
    """One cluster with fsync and synchronous_commit on."""

    name = "PostgreSQL"

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        with self._connect() as connection:
            self.version = str(connection.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                row = connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(setting))).fetchone()
                if row is None or row[0] != "on":
                    raise RuntimeError(f"this PostgreSQL is not durable: {setting} is not on")
        self._made: list[str] = []

    def fresh(self) -> str:
        return self._create("template0")

    def copy(self, url: str) -> str:
        return self._create(str(make_url(url).database))

    def settle(self, url: str) -> None:
        with psycopg.connect(_plain(url), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def raw(self, url: str) -> Raw:
        return _RawPostgreSQL(_plain(url))

    def close(self) -> None:
        """Drop every database that was made."""
        with self._connect() as connection:
            for name in self._made:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self._cluster, autocommit=True)

    def _create(self, template: str) -> str:
        name = f"b{uuid.uuid4().hex}"
        with self._connect() as connection:
            words = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            connection.execute(words)
            self._made.append(name)
        return make_url(self._cluster).set(database=name).render_as_string(hide_password=False)


class _RawPostgreSQL(Raw):
    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)

    def run(self, statements: Sequence[Statement]) -> None:
        with self._connection.cursor() as cursor:
            for text, parameters in statements:
                cursor.execute(text, parameters)
                if cursor.description is not None:
                    cursor.fetchall()
        self._connection.commit()

    def insert(self, batches: Sequence[tuple[str, Sequence[Any]]]) -> None:
        with self._connection.cursor() as cursor:
            for text, rows in batches:
                cursor.executemany(text, rows)
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def both() -> Iterator[tuple[Database, ...]]:
    """SQLite and PostgreSQL. Raises NoPostgres on a machine without one."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="startklar-bench-")))
        cluster = os.environ.get(ADDRESS) or stack.enter_context(Cluster(durable=True)).url()
        postgres = PostgreSQL(cluster)
        stack.callback(postgres.close)
        yield SQLite(folder), postgres
