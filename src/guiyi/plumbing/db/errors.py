"""What can be wrong with the database."""

from typing import ClassVar

from guiyi.kit.errors import ErrorKind, GuiyiError

__all__ = [
    "BackupFileError",
    "BackupToolError",
    "DatabaseBusyError",
    "DatabaseError",
    "DatabaseInUseError",
    "DatabaseNewerError",
    "DatabaseUnreachableError",
    "DatabaseWrongVersionError",
    "EmbeddedServerError",
    "HomeUnusableError",
    "MigrationBlockedError",
    "ServerAccountError",
]


class DatabaseError(GuiyiError):
    """Anything that keeps Guiyi from its database."""

    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE


class DatabaseBusyError(DatabaseError):
    """A unit met a deadlock or a serialization failure at every attempt."""

    code = "database_busy"
    retryable = True


class DatabaseUnreachableError(DatabaseError):
    """The server does not answer, or ended the connection."""

    code = "database_unreachable"
    retryable = True


class DatabaseWrongVersionError(DatabaseError):
    """The server is not PostgreSQL 18, or its database is not UTF-8."""

    code = "database_wrong_version"


class DatabaseNewerError(DatabaseError):
    """The database was migrated by a newer Guiyi."""

    code = "database_newer"


class MigrationBlockedError(DatabaseError):
    """Another process kept the locks that a migration needs."""

    code = "migration_blocked"
    retryable = True


class HomeUnusableError(DatabaseError):
    """The home folder cannot hold the embedded database."""

    code = "home_unusable"


class ServerAccountError(DatabaseError):
    """There is no account that may run the embedded server."""

    code = "server_account_missing"


class EmbeddedServerError(DatabaseError):
    """The embedded server did not do what it was told."""

    code = "embedded_server_failed"


class DatabaseInUseError(DatabaseError):
    """Another process is connected to the database that is to be replaced."""

    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    code = "database_in_use"
    retryable = True


class BackupFileError(DatabaseError):
    """The file is no backup of Guiyi, is damaged, or cannot be written."""

    kind: ClassVar[ErrorKind] = ErrorKind.BAD_INPUT
    code = "backup_file_unusable"


class BackupToolError(DatabaseError):
    """pg_dump, pg_restore or a statement that a restore needs failed."""

    code = "backup_tool_failed"
