"""The face of the database."""

from collections.abc import Generator
from contextlib import contextmanager

from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.backup import Backup, read_backup, restore_backup, write_backup
from guiyi.plumbing.db.database import Database, check_version, url_of
from guiyi.plumbing.db.embedded import EmbeddedServer
from guiyi.plumbing.db.migrations import current_revision, known_head
from guiyi.plumbing.db.migrations import migrate as bring_to_head

__all__ = [
    "Backup",
    "Database",
    "EmbeddedServer",
    "current_revision",
    "known_head",
    "open_database",
    "read_backup",
    "restore_backup",
    "write_backup",
]


@contextmanager
def open_database(settings: Settings, *, migrate: bool = True) -> Generator[Database]:
    """Yield the database of `settings`, migrated to the newest schema unless `migrate` is False.

    Without `GUIYI_DATABASE_URL` the embedded server of `settings.home` is joined, or started (which may take a second
    the first time, minutes after a crash), and stopped at the end when no other process uses it.

    Raises:
        DatabaseError: One of `errors`, saying what to do.
    """
    if settings.database_url is not None:
        with _connected(Database(url_of(settings.database_url.get_secret_value())), migrate=migrate) as database:
            yield database
        return
    server = EmbeddedServer(settings.home)
    with server.in_use(), _connected(Database(server.url(), server), migrate=migrate) as database:
        yield database


@contextmanager
def _connected(database: Database, *, migrate: bool) -> Generator[Database]:
    try:
        check_version(database.engine)
        if migrate:
            bring_to_head(database.engine)
        yield database
    finally:
        database.close()
