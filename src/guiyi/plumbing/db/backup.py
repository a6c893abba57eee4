"""A backup is one file; a restore replaces the whole database, or nothing."""

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from sqlalchemy import URL, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from guiyi.kit.clock import Clock
from guiyi.kit.progress import Progress, silent
from guiyi.kit.text import Text
from guiyi.plumbing.db import binaries
from guiyi.plumbing.db.database import Database
from guiyi.plumbing.db.errors import BackupFileError, BackupToolError, DatabaseInUseError
from guiyi.plumbing.db.migrations import check_known, current_revision, migrate

FORMAT: Final = "guiyi.backup/1"
METADATA: Final = "metadata.json"
DUMP: Final = "database.dump"
MAINTENANCE_DATABASE: Final = "postgres"
METADATA_BYTES_MAX: Final = 1_000_000
CHUNK_BYTES: Final = 1 << 20
MESSAGE_CHARACTERS: Final = 2_000
FAREWELL_SECONDS: Final = 3.0
POLL_SECONDS: Final = 0.05
_IN_USE: Final = "55006"
_WRITING: Final = Text("写备份 (字节)", "Writing the backup (bytes)")
_CHECKING: Final = Text("校验备份 (字节)", "Checking the backup (bytes)")
_RESTORING: Final = Text("恢复 (步)", "Restoring (steps)")


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: str
    guiyi: str
    revision: str
    created_at: AwareDatetime
    dump_sha256: str
    dump_bytes: int


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup file says about itself."""

    path: Path
    revision: str
    """Of the schema."""
    guiyi: str
    """Version of Guiyi that wrote it."""
    created_at: datetime
    dump_sha256: str
    dump_bytes: int


def write_backup(database: Database, path: Path, *, clock: Clock, progress: Progress = silent) -> Backup:
    """Write everything, as of one moment, to `path`; a file of that name is replaced once the new one is whole.

    The file is a ZIP of a PostgreSQL dump in custom format and its metadata, readable by its owner only.

    Raises:
        BackupFileError: The file cannot be written, or the database was never migrated.
        BackupToolError: pg_dump failed.
    """
    try:
        with _replacing(path) as file, database.engine.connect() as connection:
            # The dump and what the metadata say are of the same moment.
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            revision = current_revision(connection)
            if revision is None:
                raise _unusable(path, "数据库是空的", "the database is empty")
            snapshot = str(connection.execute(text("SELECT pg_export_snapshot()")).scalar_one())
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                with archive.open(DUMP, "w", force_zip64=True) as dump:
                    sha256, size = _dump(database.engine.url, snapshot, dump, progress)
                metadata = _Metadata(
                    format=FORMAT,
                    guiyi=version("guiyi"),
                    revision=revision,
                    created_at=clock.now(),
                    dump_sha256=sha256,
                    dump_bytes=size,
                )
                archive.writestr(METADATA, metadata.model_dump_json(indent=2))
    except OSError as error:
        raise _unusable(path, f"无法写入: {error.strerror}", f"cannot be written: {error.strerror}") from error
    return _described(path, metadata)


def read_backup(path: Path, *, progress: Progress = silent) -> Backup:
    """Read and check a backup file without touching any database.

    Raises:
        BackupFileError: It is no backup, or damaged.
        DatabaseNewerError: It was written by a newer Guiyi.
    """
    with _opened(path) as archive:
        metadata = _metadata(path, archive)
        digest, size = hashlib.sha256(), 0
        with archive.open(DUMP) as dump:
            while chunk := dump.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                progress(_CHECKING, size, metadata.dump_bytes)
    if digest.hexdigest() != metadata.dump_sha256:
        raise _unusable(path, "已损坏 (SHA-256 不符)", "is damaged (SHA-256 differs)")
    check_known(metadata.revision)
    return _described(path, metadata)


def restore_backup(
    database: Database, path: Path, *, before_swap: Callable[[Database], None], progress: Progress = silent
) -> Backup:
    """Replace the whole database by the backup, migrated to the newest schema; on any error nothing has changed.

    The backup is restored into a new database beside the old one; the two change names in one transaction.

    Args:
        database: The one to replace; nothing else may be connected to it.
        path: The backup file.
        before_swap: Gets the restored database before it takes the old one's place; what it raises ends the restore.
        progress: Told of every step.

    Raises:
        BackupFileError: The file is no backup, or damaged.
        BackupToolError: pg_restore failed.
        DatabaseNewerError: It was written by a newer Guiyi.
        DatabaseInUseError: Another process is connected to the database.
    """
    backup = read_backup(path, progress=progress)
    url = database.engine.url
    name = url.database or ""
    beside = f"{name}_restoring_{secrets.token_hex(4)}"
    database.engine.dispose()
    with _administration(url) as administer:
        _refuse_when_in_use(administer, name)
        _drop_leftovers(administer, name)
        progress(_RESTORING, 0, 4)
        _execute(administer, f"CREATE DATABASE {_quoted(administer, beside)} TEMPLATE template0 ENCODING 'UTF8'")
        try:
            _restore(url.set(database=beside), path)
            progress(_RESTORING, 1, 4)
            restored = Database(url.set(database=beside))
            try:
                migrate(restored.engine)
                progress(_RESTORING, 2, 4)
                before_swap(restored)
            finally:
                restored.close()
            progress(_RESTORING, 3, 4)
            _swap(administer, name, beside)
        except BaseException:
            _execute(administer, f"DROP DATABASE IF EXISTS {_quoted(administer, beside)} WITH (FORCE)")
            raise
        _drop_leftovers(administer, name)
        progress(_RESTORING, 4, 4)
    return backup


# The tools ---------------------------------------------------------------------------------------------------------


def _dump(url: URL, snapshot: str, target: IO[bytes], progress: Progress) -> tuple[str, int]:
    command = [_tool("pg_dump"), "--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-acl"]
    digest, size = hashlib.sha256(), 0
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(
            [*command, f"--dbname={_dsn(url)}"],
            env=_environment(url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
        ) as process,
    ):
        if process.stdout is None:
            raise AssertionError("a pipe was asked for")
        try:
            while chunk := process.stdout.read(CHUNK_BYTES):
                target.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                progress(_WRITING, size)
        except BaseException:
            process.kill()
            raise
        if process.wait() != 0:
            messages.seek(0)
            raise _tool_failed("pg_dump", messages.read())
    return digest.hexdigest(), size


def _restore(url: URL, path: Path) -> None:
    command = [_tool("pg_restore"), "--format=custom", "--exit-on-error", "--single-transaction", "--no-owner"]
    with (
        _opened(path) as archive,
        archive.open(DUMP) as dump,
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(
            [*command, "--no-acl", f"--dbname={_dsn(url)}"],
            env=_environment(url),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=messages,
        ) as process,
    ):
        if process.stdin is None:
            raise AssertionError("a pipe was asked for")
        try:
            shutil.copyfileobj(dump, process.stdin, CHUNK_BYTES)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it ended early; its exit code and messages say why
        except BaseException:
            process.kill()
            raise
        if process.wait() != 0:
            messages.seek(0)
            raise _tool_failed("pg_restore", messages.read())


def _tool(name: str) -> str:
    return str(binaries.installed_folder() / "bin" / name)


def _environment(url: URL) -> dict[str, str]:
    environment = {"PATH": os.defpath, "LC_ALL": "C", "PGAPPNAME": "guiyi backup"}
    if url.password is not None:
        environment["PGPASSWORD"] = str(url.password)
    return environment


def _dsn(url: URL) -> str:
    """Return the address as libpq reads it, without the password: command lines are visible to other users."""
    return url.set(drivername="postgresql", password=None).render_as_string()


def _tool_failed(tool: str, messages: bytes) -> BackupToolError:
    said = messages.decode(errors="replace").strip()[-MESSAGE_CHARACTERS:]
    return BackupToolError(
        Text(f"{tool} 失败, 什么都没有改变: {said}", f"{tool} failed, nothing was changed: {said}"),
        tool=tool,
        output=said,
    )


# Databases beside each other ---------------------------------------------------------------------------------------


@contextmanager
def _administration(url: URL) -> Generator[Database]:
    administer = Database(url.set(database=MAINTENANCE_DATABASE))
    try:
        yield administer
    finally:
        administer.close()


def _quoted(administer: Database, name: str) -> str:
    return administer.engine.dialect.identifier_preparer.quote(name)


def _execute(administer: Database, statement: str) -> None:
    try:
        with administer.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
    except (OperationalError, ProgrammingError) as error:
        raise BackupToolError(
            Text(
                f"数据库拒绝了恢复所需的操作, 什么都没有改变: {error.orig}。恢复需要 CREATEDB 权限。",
                f"The database refused what a restore needs, nothing was changed: {error.orig}. "
                f"A restore needs the CREATEDB privilege.",
            ),
            statement=statement,
        ) from error


def _refuse_when_in_use(administer: Database, name: str) -> None:
    query = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND backend_type = 'client backend'")
    # Connections that this process closed a moment ago are listed until their backends are gone.
    deadline = time.monotonic() + FAREWELL_SECONDS
    with administer.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while connection.execute(query, {"name": name}).scalar_one():
            if time.monotonic() >= deadline:
                raise _in_use(name)
            time.sleep(POLL_SECONDS)


def _drop_leftovers(administer: Database, name: str) -> None:
    """Drop what earlier restores left behind when they were killed, and what this one replaced."""
    with administer.engine.connect() as connection:
        leftovers = connection.execute(
            text(
                "SELECT datname FROM pg_database"
                " WHERE starts_with(datname, :restoring) OR starts_with(datname, :replaced)"
            ),
            {"restoring": f"{name}_restoring_", "replaced": f"{name}_replaced_"},
        ).scalars()
        names = [str(leftover) for leftover in leftovers]
    for leftover in names:
        _execute(administer, f"DROP DATABASE IF EXISTS {_quoted(administer, leftover)} WITH (FORCE)")


def _swap(administer: Database, name: str, beside: str) -> None:
    aside = f"{name}_replaced_{secrets.token_hex(4)}"
    try:
        with administer.engine.begin() as connection:
            for old, new in ((name, aside), (beside, name)):
                statement = f"ALTER DATABASE {_quoted(administer, old)} RENAME TO {_quoted(administer, new)}"
                connection.execute(text(statement))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _IN_USE:
            raise _in_use(name) from error
        raise


def _in_use(name: str) -> DatabaseInUseError:
    return DatabaseInUseError(
        Text(
            f"数据库 {name} 正被其他进程使用, 什么都没有改变。请先停止 guiyi up 等命令, 再运行 guiyi restore。",
            f"Database {name} is in use by another process. Stop guiyi up and other guiyi commands first, then run "
            f"guiyi restore again. Nothing was changed.",
        ),
        database=name,
    )


# Files -------------------------------------------------------------------------------------------------------------


@contextmanager
def _replacing(path: Path) -> Generator[IO[bytes]]:
    """Yield a new file beside `path` that only its owner may read; it takes the place of `path` when all went well."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        _sync_folder(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _opened(path: Path) -> Generator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise _unusable(path, f"无法读取: {error}", f"cannot be read: {error}") from error


def _metadata(path: Path, archive: zipfile.ZipFile) -> _Metadata:
    if archive.getinfo(METADATA).file_size > METADATA_BYTES_MAX:
        raise _unusable(path, "元数据过大", "its metadata are too large")
    try:
        document: Mapping[str, object] = json.loads(archive.read(METADATA))
        metadata = _Metadata.model_validate(document)
    except (ValueError, ValidationError) as error:
        raise _unusable(path, "元数据无法理解", "its metadata cannot be understood") from error
    if metadata.format != FORMAT:
        raise _unusable(
            path, f"格式是 {metadata.format}, 不是 {FORMAT}", f"its format is {metadata.format}, not {FORMAT}"
        )
    return metadata


def _described(path: Path, metadata: _Metadata) -> Backup:
    return Backup(
        path=path,
        revision=metadata.revision,
        guiyi=metadata.guiyi,
        created_at=metadata.created_at.astimezone(UTC),
        dump_sha256=metadata.dump_sha256,
        dump_bytes=metadata.dump_bytes,
    )


def _unusable(path: Path, reason_zh: str, reason_en: str) -> BackupFileError:
    return BackupFileError(
        Text(
            f"备份文件 {path} {reason_zh}。数据库没有改变。请换一个由 guiyi backup 写成的文件。",
            f"Backup file {path}: {reason_en}. The database was not changed. Use a file that guiyi backup wrote.",
        ),
        file=str(path),
        reason=reason_en,
    )
