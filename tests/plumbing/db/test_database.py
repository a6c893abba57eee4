import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db import database as database_module
from guiyi.plumbing.db import migrations
from guiyi.plumbing.db.api import Database, EmbeddedServer, open_database
from guiyi.plumbing.db.errors import (
    DatabaseBusyError,
    DatabaseNewerError,
    DatabaseUnreachableError,
    DatabaseWrongVersionError,
    MigrationBlockedError,
)


@pytest.fixture
def counters(database: Database) -> Database:
    def make(session: Session) -> None:
        session.execute(text("CREATE TABLE IF NOT EXISTS counters (id int PRIMARY KEY, value int NOT NULL)"))
        session.execute(text("TRUNCATE counters"))
        session.execute(text("INSERT INTO counters VALUES (1, 0), (2, 0)"))

    database.run(make)
    return database


def _value(session: Session, counter: int = 1) -> int:
    return session.execute(text("SELECT value FROM counters WHERE id = :id"), {"id": counter}).scalar_one()


def _add(session: Session, counter: int) -> None:
    session.execute(text("UPDATE counters SET value = value + 1 WHERE id = :id"), {"id": counter})


def test_changes_are_kept_when_a_unit_returns(counters: Database) -> None:
    counters.run(lambda session: _add(session, 1))
    assert counters.run(_value) == 1


def test_changes_are_gone_when_a_unit_raises(counters: Database) -> None:
    def unit(session: Session) -> None:
        _add(session, 1)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        counters.run(unit)
    assert counters.run(_value) == 0


def test_both_units_succeed_when_they_deadlock(counters: Database) -> None:
    barrier = threading.Barrier(2, timeout=30)
    runs: list[int] = []

    def unit(first: int, second: int) -> Callable[[Session], None]:
        met = False

        def work(session: Session) -> None:
            nonlocal met
            runs.append(first)
            _add(session, first)
            if not met:
                met = True
                barrier.wait()
            _add(session, second)

        return work

    threads = [threading.Thread(target=counters.run, args=(unit(a, b),)) for a, b in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [counters.run(lambda session, id_=id_: _value(session, id_)) for id_ in (1, 2)] == [2, 2]
    assert len(runs) == 3


@pytest.mark.parametrize(("failures", "succeeds"), [(3, True), (4, False)])
def test_unit_is_repeated_three_times_when_serialization_fails(
    database: Database, failures: int, *, succeeds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "RETRY_SECONDS", 0.001)
    attempts: list[int] = []

    def unit(session: Session) -> str:
        attempts.append(1)
        if len(attempts) <= failures:
            session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$"))
        return "done"

    if succeeds:
        assert database.run(unit) == "done"
    else:
        with pytest.raises(DatabaseBusyError) as caught:
            database.run(unit)
        assert caught.value.retryable
    assert len(attempts) == 4


def test_unit_is_not_repeated_when_it_breaks_a_constraint(counters: Database) -> None:
    attempts: list[int] = []

    def unit(session: Session) -> None:
        attempts.append(1)
        session.execute(text("INSERT INTO counters VALUES (1, 5)"))

    with pytest.raises(IntegrityError):
        counters.run(unit)
    assert len(attempts) == 1


def test_error_is_retryable_when_no_connection_becomes_free(
    database_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "POOL_SECONDS", 0.1)
    monkeypatch.setattr(database_module, "POOL_SIZE", 1)
    monkeypatch.setattr(database_module, "POOL_OVERFLOW", 0)
    with (
        open_database(database_settings) as narrow,
        narrow.engine.connect(),
        pytest.raises(DatabaseBusyError) as caught,
    ):
        narrow.run(lambda session: session.execute(text("SELECT 1")))
    assert caught.value.retryable


def test_error_is_retryable_when_the_connection_is_cut(counters: Database) -> None:
    with pytest.raises(DatabaseUnreachableError) as caught:
        counters.run(lambda session: session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())")))
    assert caught.value.retryable
    assert counters.run(_value) == 0


def test_error_hides_the_password_when_the_server_does_not_answer() -> None:
    url = "postgresql://guiyi:hunter2@/guiyi?host=/nowhere"
    with (
        pytest.raises(DatabaseUnreachableError) as caught,
        open_database(Settings(database_url=SecretStr(url))),
    ):
        pass
    assert "hunter2" not in caught.value.message.en + str(caught.value.details)
    assert "/nowhere" in caught.value.message.en


def test_given_database_is_refused_when_it_is_not_utf8(run_server: EmbeddedServer, worker_name: str) -> None:
    name = f"latin_{worker_name}"
    url = run_server.url("postgres").set(drivername="postgresql")
    with (
        open_database(Settings(database_url=SecretStr(url.render_as_string())), migrate=False) as database,
        database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        connection.execute(
            text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'")
        )
        try:
            wrong = SecretStr(url.set(database=name).render_as_string())
            with pytest.raises(DatabaseWrongVersionError), open_database(Settings(database_url=wrong)):
                pass
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_history_is_one_line_when_its_heads_are_counted() -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory(str(migrations.migrations_folder()))
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


def test_database_is_refused_when_a_newer_guiyi_wrote_it(
    new_database: Callable[[str], Settings], worker_name: str
) -> None:
    settings = new_database(f"newer_{worker_name}")
    with open_database(settings) as database:
        database.run(lambda session: session.execute(text("UPDATE alembic_version SET version_num = '9999_future'")))
    with pytest.raises(DatabaseNewerError) as caught, open_database(settings):
        pass
    assert caught.value.details["found"] == "9999_future"


def test_migration_gives_up_when_another_process_keeps_the_lock(
    new_database: Callable[[str], Settings], worker_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = new_database(f"locked_{worker_name}")
    monkeypatch.setattr(migrations, "WAIT_SECONDS", 0.2)
    with open_database(settings) as database:
        database.run(lambda session: session.execute(text("DELETE FROM alembic_version")))
        with database.engine.begin() as other:
            other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": migrations.ADVISORY_LOCK})
            with pytest.raises(MigrationBlockedError):
                migrations.migrate(database.engine)


def test_migrations_run_once_when_several_processes_start_at_once(run_server: EmbeddedServer, worker_name: str) -> None:
    name = f"race_{worker_name}"
    admin = run_server.url("postgres").set(drivername="postgresql").render_as_string()
    with (
        open_database(Settings(database_url=SecretStr(admin)), migrate=False) as database,
        database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        connection.execute(text(f"CREATE DATABASE {name}"))
    program = (
        "from guiyi.plumbing.config.api import Settings\nfrom guiyi.plumbing.db.api import open_database\n"
        "with open_database(Settings()): pass"
    )
    url = run_server.url(name).set(drivername="postgresql").render_as_string()
    processes = [
        subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "GUIYI_DATABASE_URL": url})
        for _ in range(3)
    ]
    deadline = time.monotonic() + 120
    assert [process.wait(max(1, deadline - time.monotonic())) for process in processes] == [0, 0, 0]
