"""The statements of every deed: put into words once per process, then handed straight to the driver.

SQLAlchemy describes them and says what becomes of values on the way. Only its machinery around results is left out: it
costs several times what such a statement costs the database. Whoever listens to `before_cursor_execute` hears these
statements like all others.
"""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg as PostgreSQL
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite as SQLite

Query = sa.Select[*tuple[Any, ...]]
Values = Mapping[str, Any]
Rows = list[Any]
"""Tuples whose cells can be asked for by the names of their columns."""
Asking = tuple[Query, Values]
Writing = tuple[sa.Insert | sa.Update, Sequence[Values]]
"""A statement with named values open, and the values for each time it is sent; all of them name the same."""

_Convert = Callable[[Any], Any]
_DOUBLE = 701
"""What PostgreSQL calls double precision: only numbers ask what kind the driver gives, and ours are of this one."""


def rows(connection: sa.Connection, query: Query, values: Values, *, planned_once: bool = False) -> Rows:
    """What a query answers. It is a constant of a module, for its words are kept as long as the process lives."""
    return answers(connection, ((query, values),), planned_once=planned_once)[0]


def answers(connection: sa.Connection, asked: Sequence[Asking], *, planned_once: bool = False) -> list[Rows]:
    """What each of these queries answers. PostgreSQL gets all of them in one round trip.

    `planned_once`: while looking, PostgreSQL keeps one plan for whoever asks; for queries which it takes longer to plan
    than to answer, and whose plan is the same for everybody.
    """
    driver, dialect = _driver(connection), connection.dialect.name
    once = planned_once and dialect == "postgresql" and not _may_write(connection)
    prepared = [_prepared(dialect, query, tuple(values), spelt_out=once) for query, values in asked]
    cursors = [driver.cursor() for _ in asked]
    together = dialect == "postgresql" and (once or len(asked) > 1)
    try:
        with driver.pipeline() if together else nullcontext():
            if once:
                driver.execute(_ONE_PLAN)
            for cursor, one, (_, values) in zip(cursors, prepared, asked, strict=True):
                _send(connection, cursor, one, [values])
        return [one.read(cursor.fetchall()) for cursor, one in zip(cursors, prepared, strict=True)]
    except (sqlite3.Error, psycopg.Error) as error:
        raise _as_usual(connection, error) from error


def write(connection: sa.Connection, batch: Iterable[Writing]) -> list[int]:
    """Send statements that answer nothing, in this order; says how many rows each of them touched.

    PostgreSQL gets the whole batch in one round trip and complains, if at all, at its end.
    """
    if not _may_write(connection):
        raise RuntimeError("nothing is written while looking: use Engine.change")
    driver, dialect = _driver(connection), connection.dialect.name
    cursors = []
    try:
        with nullcontext() if dialect == "sqlite" else driver.pipeline():
            for statement, values in batch:
                cursors.append(driver.cursor())
                _send(connection, cursors[-1], _prepared(dialect, statement, tuple(values[0])), values)
    except (sqlite3.Error, psycopg.Error) as error:
        raise _as_usual(connection, error) from error
    return [cursor.rowcount for cursor in cursors]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the driver gets, and how values become what it takes and what it gave."""

    words: str
    constants: dict[str, Any]
    binders: tuple[tuple[str, _Convert], ...]
    readers: tuple[tuple[int, _Convert], ...]
    row: _Convert
    """Makes a row of cells."""

    def bind(self, values: Values) -> Values:
        if not (self.constants or self.binders):
            return values
        bound = {**self.constants, **values}
        for name, convert in self.binders:
            bound[name] = convert(bound[name])
        return bound

    def read(self, found: Rows) -> Rows:
        if not self.readers:
            return [self.row(cells) for cells in found]
        rows = [list(cells) for cells in found]
        for cells in rows:
            for position, convert in self.readers:
                cells[position] = convert(cells[position])
        return [self.row(cells) for cells in rows]


_ONE_PLAN = "SELECT set_config('plan_cache_mode', 'force_generic_plan', true)"
"""Until the end of what is sent together."""


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


def _may_write(connection: sa.Connection) -> bool:
    return bool(connection.get_execution_options().get("startklar_write"))


def _send(connection: sa.Connection, cursor: Any, prepared: _Prepared, values: Sequence[Values]) -> None:
    bound = [prepared.bind(one) for one in values]
    many = len(bound) > 1
    for listener in connection.dispatch.before_cursor_execute:
        listener(connection, cursor, prepared.words, bound if many else bound[0], None, many)
    if many:
        cursor.executemany(prepared.words, bound)
    else:
        cursor.execute(prepared.words, bound[0])


def _as_usual(connection: sa.Connection, error: sqlite3.Error | psycopg.Error) -> BaseException:
    """The error as SQLAlchemy raises it everywhere else, without the values, which may be somebody's."""
    family = sqlite3.Error if isinstance(error, sqlite3.Error) else psycopg.Error
    return sa.exc.DBAPIError.instance("", None, error, family, hide_parameters=True, dialect=connection.dialect)


_VOCABULARY = frozenset(
    {"acting", "coalesce", "kind", "ladder", "outcome", "param", "replace", "role", "rung", "state", "status",
     "subject_kind"}
)  # fmt: skip
"""Columns and functions whose constants are words of the programme and the same whoever asks; places are not."""
_WORD = re.compile(r"[a-z0-9_.]*")


class _SpellingOut(PostgreSQL.statement_compiler):  # type: ignore[misc,valid-type]
    """Writes the programme's words into a statement, so that a plan for all values knows how rare each of them is."""

    def visit_bindparam(self, bindparam: Any, **how: Any) -> Any:
        value = bindparam.value
        plain = _WORD.fullmatch(value) if isinstance(value, str) else isinstance(value, int | dt.date)
        if plain and not bindparam.required and bindparam._orig_key in _VOCABULARY:  # noqa: SLF001 - has no other name
            return self.render_literal_bindparam(bindparam, **how)
        return super().visit_bindparam(bindparam, **how)


@lru_cache(maxsize=1024)
def _prepared(
    dialect: str, statement: Query | sa.Insert | sa.Update, names: tuple[str, ...], *, spelt_out: bool = False
) -> _Prepared:
    spoken = SQLite(paramstyle="named") if dialect == "sqlite" else PostgreSQL()  # type: ignore[no-untyped-call]
    if spelt_out:
        spoken.statement_compiler = _SpellingOut
    compiled: Any = statement.compile(dialect=spoken, column_keys=list(names))
    constants = {name: value for name, value in compiled.params.items() if name not in names}
    if any(compiled.binds[name].required for name in constants) or compiled.insert_prefetch:
        raise ValueError(f"values are missing for: {compiled}")
    binders = {name: compiled.binds[name].type.dialect_impl(spoken).bind_processor(spoken) for name in compiled.params}
    columns = tuple(statement.selected_columns) if isinstance(statement, sa.Select) else ()
    readers = [column.type.dialect_impl(spoken).result_processor(spoken, _DOUBLE) for column in columns]
    return _Prepared(
        str(compiled),
        constants,
        tuple((name, convert) for name, convert in binders.items() if convert is not None),
        tuple((position, convert) for position, convert in enumerate(readers) if convert is not None),
        namedtuple("Row", [column.key for column in columns], rename=True)._make,  # type: ignore[attr-defined,misc]
    )
