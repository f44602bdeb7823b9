"""What every test may ask for: a database, a mail server, a browser – all of them real."""

import contextlib
import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import browser as chromium
from tests.databases import Flavour, PostgresDatabases, SQLiteDatabases, connect
from tests.postgres import ADDRESS, Cluster, NoPostgres, in_ci, in_memory
from tests.smtp import MailServer
from tests.world import World, make
from workflow import database

LONGEST = {"e2e", "demo", "engine", "reminding", "test_process.py", "test_whole_or_nothing.py", "test_rehearsal.py"}
"""Folders and modules whose tests take longest: browsers, processes, plays."""
Prepare = Callable[[Callable[[World], Any]], tuple[World, Any]]

gc.set_threshold(200_000, 20, 50)  # thousands of short worlds: looking for circles after every 700 objects is dear

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=20)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if in_ci() else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--databases sqlite` leaves PostgreSQL out."""
    parser.addoption("--databases", default="sqlite,postgresql", help="which databases to test on, divided by commas")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a database runs on each kind, under the same sentence."""
    if "database_kind" in metafunc.fixturenames:
        kinds = str(metafunc.config.getoption("--databases")).split(",")
        if metafunc.definition.get_closest_marker("one_database"):
            kinds = kinds[:1]
        metafunc.parametrize("database_kind", kinds, indirect=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests begin first, so that no worker is left with one when the other has nothing more to do.

    Those in a programme that was played stand together, so that one worker plays it. Else the order stays by chance.
    """
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if "played" in getattr(item, "fixturenames", ()):
        return 1
    return 0 if LONGEST.intersection(item.path.parts[-2:]) else 2


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgresql`."""
    return str(request.param)


@pytest.fixture(scope="session", autouse=True)
def statements_kept() -> Iterator[None]:
    """Every engine of this process knows the statements another has put into words."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "connect", connect)
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of a running PostgreSQL: the one run.py started, or one of our own."""
    with contextlib.ExitStack() as stack:
        try:
            address = os.environ.get(ADDRESS) or stack.enter_context(Cluster()).url()
        except NoPostgres as error:
            give_up(f"no PostgreSQL: {error}")
        yield address


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLiteDatabases]:
    """Where SQLite databases come from: a folder in memory if there is a roomy one, else on the disk."""
    if (memory := in_memory(2 * 1024**3)) is not None:
        databases = SQLiteDatabases(Path(tempfile.mkdtemp(prefix="startklar-", dir=memory)))
    else:
        databases = SQLiteDatabases(tmp_path_factory.mktemp("sqlite"))
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def postgres_databases(cluster: str) -> Iterator[PostgresDatabases]:
    """Where PostgreSQL databases come from."""
    databases = PostgresDatabases(cluster)
    yield databases
    databases.close()


@pytest.fixture
def source(database_kind: str, request: pytest.FixtureRequest) -> SQLiteDatabases | PostgresDatabases:
    """Where databases of this test's kind come from."""
    name = "sqlite_databases" if database_kind == "sqlite" else "postgres_databases"
    found: SQLiteDatabases | PostgresDatabases = request.getfixturevalue(name)
    return found


@pytest.fixture
def databases(source: SQLiteDatabases | PostgresDatabases) -> Iterator[Callable[[Flavour], str]]:
    """Makes fresh databases of this test's kind and drops them afterwards."""
    made: list[str] = []

    def fresh(flavour: Flavour) -> str:
        made.append(source.fresh(flavour))
        return made[-1]

    yield fresh
    for url in made:
        source.drop(url)


@pytest.fixture
def database_url(databases: Callable[[Flavour], str]) -> str:
    """A fresh database that holds the programme of `definitions/`: services, bodies, the process; no cases."""
    return databases("loaded")


@pytest.fixture
def peopled_database_url(databases: Callable[[Flavour], str]) -> str:
    """The same with the people of `tests/world.py`."""
    return databases("peopled")


@pytest.fixture
def empty_database_url(databases: Callable[[Flavour], str]) -> str:
    """A fresh database with the tables and nothing in them."""
    return databases("empty")


@pytest.fixture
def world(peopled_database_url: str, tmp_path: Path) -> Iterator[World]:
    """A loaded database with named people around a few municipalities; no cases yet."""
    made = make(peopled_database_url, tmp_path)
    yield made
    made.engine.close()


@pytest.fixture
def prepared(source: SQLiteDatabases | PostgresDatabases, tmp_path: Path) -> Iterator[Prepare]:
    """`prepared(build)`: a world in which `build` has done its work, and what that answered.

    It is done once per process; every test gets a copy of its own. What `build` answers is the same for all of them.
    """
    made: list[tuple[World, str]] = []

    def prepare(build: Callable[[World], Any]) -> tuple[World, Any]:
        template = f"{build.__module__}.{build.__qualname__}"
        if not source.knows(template):
            url = source.fresh("peopled")
            first = make(url, tmp_path)
            source.said[template] = build(first), dict(first.ids)
            first.engine.close()
            source.keep(url, template)
        said, ids = source.said[template]
        url = source.fresh(template)
        world = make(url, tmp_path)
        world.ids = dict(ids)
        made.append((world, url))
        return world, said

    yield prepare
    for world, url in made:
        world.engine.close()
        source.drop(url)


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    """A mail server that records what it gets and can refuse."""
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium; pages and contexts are made from it by each test."""
    if (path := chromium.find()) is None:
        give_up("no Chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS)
        yield running
        running.close()


def give_up(reason: str) -> NoReturn:
    """Skip for want of something on this machine; in CI that is a failure."""
    if in_ci():
        pytest.fail(reason)
    pytest.skip(reason)
