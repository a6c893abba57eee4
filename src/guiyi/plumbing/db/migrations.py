"""The one Alembic history, run at start under an advisory lock."""

import time
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

import guiyi
from guiyi.kit.text import Text
from guiyi.plumbing.db.errors import DatabaseNewerError, MigrationBlockedError

ADVISORY_LOCK: Final = 4_777_001
"""Any number, as long as every Guiyi takes the same."""
WAIT_SECONDS: Final = 300.0
"""How long to wait for another process that migrates."""
LOCK_TIMEOUT: Final = "10s"
STATEMENT_TIMEOUT: Final = "10min"
POLL_SECONDS: Final = 0.1
_LOCK_NOT_AVAILABLE: Final = "55P03"


def migrations_folder() -> Path:
    """Return `migrations/` of the checkout, or its copy inside the wheel."""
    package = Path(guiyi.__file__).parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parents[1] / "migrations"


def known_head() -> str:
    """Return the newest revision that this Guiyi knows."""
    head = _scripts().get_current_head()
    if head is None:
        raise AssertionError(f"no migrations in {migrations_folder()}")
    return head


def current_revision(connection: Connection) -> str | None:
    """Return the revision of the database; None when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def check_known(revision: str | None) -> None:
    """Refuse a revision that only a newer Guiyi knows.

    Raises:
        DatabaseNewerError: This Guiyi does not know it.
    """
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseNewerError(
            Text(
                f"数据库由更新版本的 Guiyi 写成 (版本 {revision}), 本版只认识到 {known_head()}。请升级 Guiyi。",
                f"The database was written by a newer Guiyi (revision {revision}); this one knows up to "
                f"{known_head()}. Upgrade Guiyi.",
            ),
            found=revision,
            known=known_head(),
        )


def migrate(engine: Engine, target: str = "head") -> bool:
    """Bring the database to `target` in one transaction: all of it or nothing; say whether anything was to do.

    Raises:
        DatabaseNewerError: The database was migrated by a newer Guiyi.
        MigrationBlockedError: Another process holds the lock of the migrations, or of a table, for too long.
    """
    wanted = known_head() if target == "head" else target
    with engine.connect() as connection:
        revision = current_revision(connection)
    check_known(revision)
    if revision == wanted:
        return False
    with engine.begin() as connection:
        _wait_for_lock(connection)
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
        config = _config()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, target)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise _blocked() from error
            raise
    return True


def _wait_for_lock(connection: Connection) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    query = text("SELECT pg_try_advisory_xact_lock(:key)")
    while not connection.execute(query, {"key": ADVISORY_LOCK}).scalar_one():
        if time.monotonic() >= deadline:
            raise _blocked()
        time.sleep(POLL_SECONDS)


def _blocked() -> MigrationBlockedError:
    return MigrationBlockedError(
        Text(
            "数据库升级等不到锁: 另一个进程正在使用或升级数据库。请停止其他 guiyi 进程后重试。",
            "The migration did not get its locks: another process uses or migrates the database. Stop other guiyi "
            "processes and try again.",
        ),
    )


def _config() -> Config:
    config = Config()
    # ConfigParser interpolates %, which a path may hold.
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
