"""Everything that differs between SQLite and PostgreSQL, and nothing else.

SQLite: WAL, synchronous=FULL, foreign keys, writers begin with BEGIN IMMEDIATE so that what a guard reads cannot change
before it writes. PostgreSQL: READ COMMITTED; deeds lock the rows they decide on.
"""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError, DisconnectionError, OperationalError
from sqlalchemy.orm import ORMExecuteState, Session

from workflow.errors import Busy, Unready

if TYPE_CHECKING:
    import alembic.config

_WRITING: dict[str, Any] = {"startklar_write": True}
_READING: dict[str, dict[str, Any]] = {
    "sqlite": {"startklar_write": False},
    # Every statement looks at what is committed when it begins, with or without a transaction around it; without, two
    # round trips less.
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}
_INSIDE: dict[str, Any] = {"autoflush": False, "expire_on_commit": False, "join_transaction_mode": "rollback_only"}
"""A session that lives inside its connection's transaction, and costs nothing while nobody asks it."""


class _Looking(Session):
    """A session that refuses to write: SQLite would undo it in the end and PostgreSQL would not."""


@sa.event.listens_for(_Looking, "do_orm_execute")
def _refuse_to_write(asked: ORMExecuteState) -> None:
    if asked.is_insert or asked.is_update or asked.is_delete:
        raise RuntimeError("nothing is written while looking: use Engine.change")


Guard = Callable[[Session], None]
"""Asked at the beginning of a transaction whether it may write; raises when not (`lease.Lead`)."""


def unguarded(_session: Session) -> None:
    """The guard of whoever is asked by hand: nobody else does the same."""


_SCHEMA = Path(__file__).resolve().parent / "schema"
_BUSY_SECONDS = 10
SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={_BUSY_SECONDS * 1000}",
    "cache_size=-32768",  # KiB, at most, for each connection
    "wal_autocheckpoint=4000",  # pages
)
"""The last two keep a deed from costing more among many cases, whose rows lie on pages nobody has at hand."""
_FRESH_SECONDS = 2.0
_WORTH_ANOTHER_TRY = frozenset({"40P01", "55P03", "40001"})
"""PostgreSQL: deadlock detected, lock not available, serialization failure."""


_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String()))


def real_now() -> dt.datetime:
    """The real instant, for sessions, tokens, throttles, leases, claims and backoff; never for the process."""
    return dt.datetime.now(dt.UTC)


def connect(url: str) -> sa.Engine:
    """A pool of connections that behave the same on both databases. Nothing is opened yet.

    What a statement was given stays out of error messages: they end in logs, and addresses do not.
    """
    parsed = _with_driver(make_url(url))
    if parsed.get_backend_name() == "sqlite":
        waiting = {"timeout": _BUSY_SECONDS, "check_same_thread": False}
        pool = sa.create_engine(parsed, connect_args=waiting, hide_parameters=True)
        sa.event.listen(pool, "connect", _prepare_sqlite)
        sa.event.listen(pool, "begin", _begin_sqlite)
        return pool
    pool = sa.create_engine(parsed, pool_size=8, max_overflow=8, hide_parameters=True)
    sa.event.listen(pool, "connect", _prepare_postgres)
    sa.event.listen(pool, "checkin", _note_use)
    sa.event.listen(pool, "checkout", _insist_alive)
    return pool


def private() -> sa.Engine:
    """One connection to a database of its own that goes with it, and of which nothing is left whoever ends it: SQLite
    keeps what does not fit into memory in a file that has no name any more."""
    pool = sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect("", check_same_thread=False),
        poolclass=sa.pool.StaticPool,
        hide_parameters=True,
    )
    sa.event.listen(pool, "connect", _prepare_sqlite)
    sa.event.listen(pool, "begin", _begin_sqlite)
    return pool


@contextmanager
def transaction(pool: sa.Engine, *, write: bool) -> Iterator[Session]:
    """One transaction: committed when the block ends, rolled back when it raises.

    Raises Busy when another writer kept the database longer than ten seconds, or two stood in each other's way; Unready
    when there is no room left on the disk.
    """
    try:
        with (
            pool.connect().execution_options(**_WRITING if write else _READING[pool.dialect.name]) as connection,
            connection.begin(),
            (Session if write else _Looking)(connection, **_INSIDE) as session,
        ):
            yield session
    except OperationalError as error:
        if _is_busy(error):
            raise Busy from error
        if "disk is full" in str(error.orig) or getattr(error.orig, "sqlstate", None) == "53100":
            raise Unready("error.disk_full") from error
        raise


def connection_of(session: Session) -> sa.Connection:
    """What a session of `transaction` stands on: for `statements`, without the session's own detours."""
    return cast(sa.Connection, session.bind)


def insert_missing(session: Session, model: Any, values: dict[str, Any]) -> bool:
    """Insert a row unless one with the same unique key is there; says whether it was inserted.

    On PostgreSQL this waits for another transaction that is just inserting the same key.
    """
    statement = _insert_missing(session.get_bind().dialect.name, model)
    return session.execute(statement, values).rowcount == 1  # type: ignore[attr-defined, no-any-return]


@lru_cache(maxsize=32)
def _insert_missing(dialect: str, model: Any) -> sa.Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(model.__table__).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def insert_missing_many(session: Session, model: Any, rows: Sequence[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """`insert_missing` for many rows with a natural primary key; gives the keys of those that were inserted."""
    if not rows:
        return set()
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    key = model.__table__.primary_key.columns
    statement = insert(model.__table__).on_conflict_do_nothing().returning(*key)
    return {tuple(row) for row in session.execute(statement, rows)}


def plainly_sorted(session: Session, column: Any) -> Any:
    """The column in the order of its code points, as sort keys are meant, whatever collation the database has."""
    return plain_order(session.get_bind().dialect.name, column)


def plain_order(dialect: str, column: Any) -> Any:
    """The same for a query that is put together before a session is there."""
    return column.collate("C") if dialect == "postgresql" else column


def upgrade(url: str) -> None:
    """Bring the schema of this database up to date, creating it when there is none.

    Raises Unready when it has a schema this program does not know.
    """
    import alembic.command  # heavy, and nothing for a process that only serves

    parsed = _with_driver(make_url(url))
    if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        Path(str(parsed.database)).absolute().parent.mkdir(parents=True, exist_ok=True)
    pool = connect(url)
    try:
        with pool.connect() as connection:
            present = _present_schema(connection)
            if present is not None and not can_upgrade(present):
                raise Unready("error.old_schema", present=present, wanted=str(_newest_schema()))
            connection.rollback()
            config = _alembic()
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
    finally:
        pool.dispose()


def insist_current(pool: sa.Engine) -> None:
    """Raises Unready when the database cannot be reached, or its schema is older or newer than this program.

    A SQLite file that is not there is not made.
    """
    if pool.dialect.name == "sqlite" and not Path(str(pool.url.database)).exists():
        raise Unready("error.not_initialised")
    try:
        with pool.connect() as connection:
            present = _present_schema(connection)
    except DatabaseError as error:
        raise Unready("error.no_database", url=pool.url.render_as_string(hide_password=True)) from error
    wanted = _newest_schema()
    if present is None:
        raise Unready("error.not_initialised")
    if present != wanted:
        raise Unready("error.old_schema", present=present, wanted=str(wanted))


def can_upgrade(present: str) -> bool:
    """Whether this program knows the schema a database has, so that it can bring it up to date."""
    return present in _revisions()


def _present_schema(connection: sa.Connection) -> str | None:
    """The revision the database has; None when it has no schema."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(sa.select(_VERSION.c.version_num)).scalar()


def _newest_schema() -> str | None:
    """The revision no other one follows."""
    known = _revisions()
    return next((revision for revision in known if revision not in known.values()), None)


@cache
def _revisions() -> dict[str, str | None]:
    """Every revision this program knows, and the one it follows; read from the files, for Alembic is heavy."""
    found: dict[str, str | None] = {}
    for path in sorted((_SCHEMA / "versions").glob("*.py")):
        written = dict(
            re.findall(r'^(revision|down_revision) = (?:None|"(.*)")$', path.read_text("utf-8"), re.MULTILINE)
        )
        found[written["revision"]] = written["down_revision"] or None
    return found


def _alembic() -> alembic.config.Config:
    import alembic.config

    config = alembic.config.Config()
    config.set_main_option("script_location", str(_SCHEMA))
    config.set_main_option("path_separator", "os")
    return config


def _with_driver(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _prepare_postgres(connection: psycopg.Connection[Any], _record: Any) -> None:
    """Compiling takes PostgreSQL longer than most queries of ours run: three quarters of a search (measured)."""
    connection.execute("SET jit = off")
    connection.commit()


def _note_use(_connection: Any, record: sa.pool.ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _insist_alive(
    connection: psycopg.Connection[Any], record: sa.pool.ConnectionPoolEntry, _proxy: sa.pool.PoolProxiedConnection
) -> None:
    """Have the pool open another connection when this one is gone; asked of the server only after a rest."""
    if connection.closed:
        raise DisconnectionError
    if time.monotonic() - record.info.get("used", 0.0) < _FRESH_SECONDS:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError from error


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("startklar_write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _is_busy(error: OperationalError) -> bool:
    if getattr(error.orig, "sqlstate", None) in _WORTH_ANOTHER_TRY:
        return True
    message = str(error.orig)
    return "database is locked" in message or "database table is locked" in message
