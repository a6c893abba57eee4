import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from guiyi.kit.clock import Clock
from guiyi.plumbing.audit.api import newest, record, verify_chain
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import Database, open_database, read_backup, restore_backup, write_backup
from guiyi.plumbing.db.errors import BackupFileError, BackupToolError, DatabaseInUseError, DatabaseNewerError
from guiyi.plumbing.db.migrations import known_head, migrate


def _nothing(_restored: Database) -> None:
    """Restores without any last check."""


def _failing_tool(_name: str) -> str:
    return "/bin/false"


def _record(database: Database, clock: Clock, subject: str) -> None:
    database.run(
        lambda session: record(session, clock=clock, actor="wang", action="test.note", subject=subject, details={})
    )


def _subjects(database: Database) -> list[str]:
    return [entry.subject for entry in database.run(newest)]


def _databases(database: Database) -> list[str]:
    def unit(session: Session) -> list[str]:
        name = database.engine.url.database
        rows = session.execute(
            text("SELECT datname FROM pg_database WHERE starts_with(datname, :name)"), {"name": name}
        )
        return sorted(str(row[0]) for row in rows)

    return database.run(unit)


@pytest.fixture
def own(new_database: Callable[[str], Settings], worker_name: str, clock: Clock) -> Settings:
    """A database of the test's own, with one audit record, because a restore replaces it."""
    settings = new_database(f"backup_{worker_name}")
    with open_database(settings) as database:
        _record(database, clock, "before")
    return settings


def test_everything_is_as_before_when_a_backup_is_restored(own: Settings, tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "a.guiyi"
    with open_database(own) as database:
        head = database.run(verify_chain).head
        backup = write_backup(database, file, clock=clock)
        _record(database, clock, "after")
        restored = restore_backup(database, file, before_swap=_nothing)
        assert restored == backup
        assert _subjects(database) == ["before"]
        assert database.run(verify_chain).head == head
        assert _databases(database) == [database.engine.url.database]


def test_backup_is_private_and_says_what_it_is_when_written(own: Settings, tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "a.guiyi"
    file.write_text("an older backup")
    with open_database(own) as database:
        backup = write_backup(database, file, clock=clock)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (backup.revision, backup.created_at) == (known_head(), clock.now())
    assert [path.name for path in tmp_path.iterdir()] == ["a.guiyi"]
    assert read_backup(file) == backup


def test_older_file_stays_when_a_backup_fails(
    own: Settings, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.guiyi"
    file.write_text("an older backup")
    monkeypatch.setattr("guiyi.plumbing.db.backup._tool", _failing_tool)
    with open_database(own) as database, pytest.raises(BackupToolError):
        write_backup(database, file, clock=clock)
    assert file.read_text() == "an older backup"
    assert [path.name for path in tmp_path.iterdir()] == ["a.guiyi"]


def test_backup_of_an_older_schema_is_migrated_when_restored(own: Settings, tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "old.guiyi"
    with open_database(own, migrate=False) as database:
        with database.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        migrate(database.engine, "0001_audit")
        _record(database, clock, "old")
        assert write_backup(database, file, clock=clock).revision == "0001_audit"
    with open_database(own) as database:
        restore_backup(database, file, before_swap=_nothing)
        assert _subjects(database) == ["old"]
        revision = database.run(lambda session: session.execute(text("SELECT * FROM alembic_version")).scalar_one())
        assert revision == known_head()


def _rewritten(source: Path, target: Path, change: Callable[[dict[str, object], bytes], bytes]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        metadata = json.loads(old.read("metadata.json"))
        new.writestr("database.dump", change(metadata, old.read("database.dump")))
        new.writestr("metadata.json", json.dumps(metadata))
    return target


def test_restore_is_refused_when_the_file_is_not_right(own: Settings, tmp_path: Path, clock: Clock) -> None:
    good = tmp_path / "good.guiyi"
    text_file = tmp_path / "text.guiyi"
    text_file.write_text("hello")
    no_backup = tmp_path / "other.zip"
    with zipfile.ZipFile(no_backup, "w") as archive:
        archive.writestr("a.txt", "hello")

    def newer(metadata: dict[str, object], dump: bytes) -> bytes:
        metadata["revision"] = "9999_future"
        return dump

    def strange(metadata: dict[str, object], dump: bytes) -> bytes:
        metadata["format"] = "guiyi.backup/2"
        return dump

    def damaged(_metadata: dict[str, object], dump: bytes) -> bytes:
        return dump[:-1] + bytes([dump[-1] ^ 1])

    with open_database(own) as database:
        write_backup(database, good, clock=clock)
        cut = tmp_path / "cut.guiyi"
        cut.write_bytes(good.read_bytes()[:-200])
        for file, expected in (
            (tmp_path / "missing.guiyi", BackupFileError),
            (text_file, BackupFileError),
            (no_backup, BackupFileError),
            (cut, BackupFileError),
            (_rewritten(good, tmp_path / "strange.guiyi", strange), BackupFileError),
            (_rewritten(good, tmp_path / "damaged.guiyi", damaged), BackupFileError),
            (_rewritten(good, tmp_path / "newer.guiyi", newer), DatabaseNewerError),
        ):
            with pytest.raises(expected):
                restore_backup(database, file, before_swap=_nothing)
        assert _subjects(database) == ["before"]


def test_nothing_changes_when_the_last_check_refuses(own: Settings, tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "a.guiyi"

    def refuse(_restored: Database) -> None:
        raise RuntimeError("the chain is broken")

    with open_database(own) as database:
        write_backup(database, file, clock=clock)
        _record(database, clock, "after")
        with pytest.raises(RuntimeError, match="chain is broken"):
            restore_backup(database, file, before_swap=refuse)
        assert _subjects(database) == ["after", "before"]
        assert _databases(database) == [database.engine.url.database]


def test_nothing_changes_when_pg_restore_fails(
    own: Settings, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.guiyi"
    with open_database(own) as database:
        write_backup(database, file, clock=clock)
        _record(database, clock, "after")
        monkeypatch.setattr("guiyi.plumbing.db.backup._tool", _failing_tool)
        with pytest.raises(BackupToolError):
            restore_backup(database, file, before_swap=_nothing)
        assert _subjects(database) == ["after", "before"]


def test_restore_is_refused_when_another_process_is_connected(
    own: Settings, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.guiyi"
    monkeypatch.setattr("guiyi.plumbing.db.backup.FAREWELL_SECONDS", 0.1)
    with open_database(own) as database, open_database(own) as other:
        write_backup(database, file, clock=clock)
        with other.engine.connect(), pytest.raises(DatabaseInUseError):
            restore_backup(database, file, before_swap=_nothing)
        assert _subjects(other) == ["before"]


def test_leftovers_are_removed_when_an_earlier_restore_was_killed(own: Settings, tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "a.guiyi"
    with open_database(own) as database:
        write_backup(database, file, clock=clock)
        name = database.engine.url.database
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name}_restoring_dead TEMPLATE template0"))
        restore_backup(database, file, before_swap=_nothing)
        assert _databases(database) == [name]
