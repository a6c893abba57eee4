"""One PostgreSQL for the whole run, one migrated database a worker, clean tables a test."""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import Database, EmbeddedServer, open_database
from guiyi.plumbing.db.locks import held_exclusively

RUN_HOME = "GUIYI_TEST_HOME"
TEMPLATE = "guiyi_template"
LOCK_SECONDS = 300
FIXED_NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's home where the server's account can reach it; xdist's workers inherit the variable."""
    if not hasattr(config, "workerinput"):
        for name in [name for name in os.environ if name.startswith("GUIYI_")]:
            del os.environ[name]
        home = tempfile.mkdtemp(prefix="guiyi-test-")
        Path(home).chmod(0o711)
        os.environ[RUN_HOME] = home
        # No test may reach the machine's own database by accident.
        os.environ["GUIYI_HOME"] = home


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(RUN_HOME), ignore_errors=True)


class FixedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = FIXED_NOW) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment

    def move(self, step: timedelta) -> None:
        self.moment += step


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(scope="session")
def run_server() -> Generator[EmbeddedServer]:
    """The embedded server that all workers of this run share, as processes share it in production."""
    server = EmbeddedServer(Path(os.environ[RUN_HOME]))
    with server.in_use():
        yield server


@pytest.fixture(scope="session")
def new_database(run_server: EmbeddedServer) -> Callable[[str], Settings]:
    """A maker of freshly migrated databases: call it with a name, get the settings that lead there."""
    with held_exclusively(Path(os.environ[RUN_HOME]) / "template.lock", LOCK_SECONDS):
        if not _exists(run_server, TEMPLATE):
            _administer(run_server, f"CREATE DATABASE {TEMPLATE}_new")
            with open_database(_settings(run_server, f"{TEMPLATE}_new")):
                pass
            _administer(run_server, f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}")

    def make(name: str) -> Settings:
        # Two workers may not copy one template at once.
        with held_exclusively(Path(os.environ[RUN_HOME]) / "template.lock", LOCK_SECONDS):
            _administer(run_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            _administer(run_server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return _settings(run_server, name)

    return make


@pytest.fixture(scope="session")
def worker_name() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def database_settings(new_database: Callable[[str], Settings], worker_name: str) -> Settings:
    """Settings that lead to this worker's database."""
    return new_database(f"test_{worker_name}")


@pytest.fixture(scope="session")
def worker_database(database_settings: Settings) -> Generator[Database]:
    with open_database(database_settings) as database:
        yield database


@pytest.fixture
def database(worker_database: Database) -> Database:
    """This worker's database, with every table empty."""
    with worker_database.engine.begin() as connection:
        tables = connection.execute(
            text(
                "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
                "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'alembic_version'"
            )
        ).scalars()
        # Triggers that keep the audit record append-only do not fire for replicas.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE"))
    return worker_database


def _settings(server: EmbeddedServer, name: str) -> Settings:
    url = server.url(name).set(drivername="postgresql").render_as_string()
    return Settings.model_validate({"home": Path(os.environ[RUN_HOME]), "database_url": url})


def _exists(server: EmbeddedServer, name: str) -> bool:
    with open_database(_settings(server, "postgres"), migrate=False) as database:
        return database.run(
            lambda session: bool(
                session.execute(text("SELECT count(*) FROM pg_database WHERE datname = :name"), {"name": name}).scalar()
            )
        )


def _administer(server: EmbeddedServer, statement: str) -> None:
    with (
        open_database(_settings(server, "postgres"), migrate=False) as database,
        database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        connection.execute(text(statement))
