"""The embedded PostgreSQL server: started by the first process that needs it, stopped by the last that leaves."""

import contextlib
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import psycopg
from sqlalchemy import URL

from guiyi.kit.errors import GuiyiError
from guiyi.kit.text import Text
from guiyi.plumbing.db import binaries
from guiyi.plumbing.db.account import Account, process_account_name, server_account
from guiyi.plumbing.db.errors import DatabaseWrongVersionError, EmbeddedServerError, HomeUnusableError
from guiyi.plumbing.db.locks import FileLock, held_exclusively

MAJOR_VERSION: Final = 18
ROLE: Final = "guiyi"
DATABASE: Final = "guiyi"
PORT: Final = 5432
"""Only a part of the socket's name: the server does not listen on TCP."""
START_SECONDS: Final = 300.0
"""Crash recovery of a large database may take minutes."""
STOP_SECONDS: Final = 60
START_ATTEMPTS: Final = 3
"""A server that is killed while it starts is started again."""
SOCKET_SECONDS: Final = 10.0
"""A server that lives makes its socket sooner, even when it recovers for minutes after that."""
INITDB_SECONDS: Final = 300.0
CONNECT_SECONDS: Final = 5
POLL_SECONDS: Final = 0.05
SOCKET_PATH_BYTES: Final = 103
"""The least of what operating systems allow: 103 on macOS, 107 on Linux."""
LOG_TAIL_BYTES: Final = 2_000
MAX_CONNECTIONS: Final = 60

_CONFIGURATION = """\
# Written by Guiyi at every start; changes are lost.
listen_addresses = ''
port = {port}
unix_socket_directories = '"{socket}"'
unix_socket_permissions = 0700
hba_file = '{folder}/pg_hba.conf'
ident_file = '{folder}/pg_ident.conf'
max_connections = {max_connections}
shared_buffers = '128MB'
work_mem = '16MB'
maintenance_work_mem = '64MB'
max_wal_size = '1GB'
fsync = on
full_page_writes = on
synchronous_commit = on
jit = off
idle_in_transaction_session_timeout = '10min'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = on
log_directory = '{folder}/log'
log_filename = 'server-%a.log'
log_rotation_age = '1d'
log_rotation_size = 0
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] '
"""


class EmbeddedServer:
    """The server of one home; `in_use` joins or starts it."""

    def __init__(self, home: Path) -> None:
        home = home.absolute()
        self._home = home
        self._folder = home / "database"
        self._data = self._folder / "data"
        self._start_lock = home / "start.lock"
        self._usage_lock = home / "usage.lock"

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self._data

    def url(self, database: str = DATABASE) -> URL:
        """Return the address of `database` on this server."""
        return URL.create(
            "postgresql+psycopg",
            username=ROLE,
            database=database,
            query={"host": str(self._socket_folder()), "port": str(PORT)},
        )

    @contextmanager
    def in_use(self) -> Generator[None]:
        """Join the server of this home, or start it; stop it when this process is the last to leave."""
        usage = FileLock(self._usage_lock)
        self._prepare_home()
        with self._starting():
            usage.acquire(shared=True, timeout_seconds=START_SECONDS)
            try:
                self._make_run()
            except BaseException:
                # Interrupted, perhaps: what was started already must not stay behind.
                with contextlib.suppress(GuiyiError, OSError):
                    self._stop_when_last(usage)
                raise
        try:
            yield
        finally:
            self._leave(usage)

    def ensure_running(self) -> bool:
        """Start the server again if it died; say whether that was needed. Call it only inside `in_use`."""
        with self._starting():
            return self._make_run()

    def is_answering(self) -> bool:
        """Whether the server takes connections now."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def is_alive(self) -> bool:
        """Whether the server's process is there; much cheaper than `is_answering`."""
        return self._postmaster_lives()

    # Starting and stopping -------------------------------------------------------------------------------------------

    @contextmanager
    def _starting(self) -> Generator[None]:
        with held_exclusively(self._start_lock, START_SECONDS) as held:
            if not held:
                raise self._failed("另一个进程一直在启动或停止它", "another process keeps starting or stopping it")
            yield

    def _make_run(self) -> bool:
        if self.is_answering():
            return False
        account = server_account()
        programs = binaries.usable_folder(account, self._home)
        self._make_folders(account)
        if not self._data.exists():
            self._initialise(account, programs)
        self._check_version()
        self._write_configuration(account)
        self._start(account, programs)
        return True

    def _start(self, account: Account, programs: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        attempts = 0
        while True:
            failure = self._start_once(account, programs, deadline)
            if failure is None:
                return
            # Orphans of a killed server hold its shared memory until they notice; that is no failed attempt.
            attempts += "shared memory block" not in str(failure.details["log"])
            if attempts >= START_ATTEMPTS or time.monotonic() >= deadline:
                raise failure
            time.sleep(POLL_SECONDS)

    def _start_once(self, account: Account, programs: Path, deadline: float) -> EmbeddedServerError | None:
        logs_before = self._log_sizes()
        # If it lives already, somebody was killed while it started: it is recovering, and answers when it is done.
        if not self._postmaster_lives():
            self._forget_foreign_pid()
            done = account.run(
                [
                    str(programs / "bin" / "pg_ctl"),
                    *("start", "--pgdata", str(self._data), "--log", str(self._log_folder / "start.log"), "--silent"),
                    *("--wait", "--timeout", str(max(1, int(deadline - time.monotonic())))),
                ],
                cwd=self._data,
                timeout_seconds=START_SECONDS + STOP_SECONDS,
            )
            if done.returncode != 0:
                log = self._log_since(logs_before)
                return self._failed("启动失败", "it did not start", log=log or done.stderr)
        socket_deadline = time.monotonic() + SOCKET_SECONDS
        while not self._has_database():
            if not self._socket_file().exists() and time.monotonic() >= socket_deadline:
                # Somebody removed the file: the server lives, but nobody will ever reach it again.
                self._stop()
                return self._failed("套接字文件丢失", "its socket file is gone", log=self._log_since(logs_before))
            if time.monotonic() >= deadline:
                return self._failed("启动超时", "it did not answer in time", log=self._log_since(logs_before))
            if not self._postmaster_lives():
                return self._failed("启动时退出", "it ended while starting", log=self._log_since(logs_before))
            time.sleep(POLL_SECONDS)
        return None

    def _leave(self, usage: FileLock) -> None:
        with self._starting():
            self._stop_when_last(usage)

    def _stop_when_last(self, usage: FileLock) -> None:
        try:
            if usage.acquire(shared=False, timeout_seconds=0):
                self._stop()
        finally:
            usage.release()

    def _stop(self) -> None:
        account = server_account()
        programs = binaries.usable_folder(account, self._home)
        for mode in ("fast", "immediate"):
            if not self._postmaster_lives():
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                account.run(
                    [
                        str(programs / "bin" / "pg_ctl"),
                        "stop",
                        *("--pgdata", str(self._data), "--mode", mode, "--wait", "--timeout", str(STOP_SECONDS)),
                    ],
                    cwd=self._data,
                    timeout_seconds=STOP_SECONDS + CONNECT_SECONDS,
                )

    # The process that runs -------------------------------------------------------------------------------------------

    def _postmaster_lives(self) -> bool:
        """Whether the process that the pid file names is a server of this cluster, not one that got its number."""
        pid = _pid_in(self._data / "postmaster.pid")
        if pid is None:
            return False
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return process.name() == "postgres" and Path(process.cwd()).resolve() == self._data.resolve()
        except psutil.Error:
            return False

    def _forget_foreign_pid(self) -> None:
        """Remove lock files whose number another program has now, or a zombie: PostgreSQL would believe it lives.

        Only called when the server does not live. That no orphan of it lives either, PostgreSQL checks by its shared
        memory, which it finds without the file.
        """
        for lock in (self._data / "postmaster.pid", self._socket_folder() / f"{self._socket_file().name}.lock"):
            pid = _pid_in(lock)
            if pid is not None and psutil.pid_exists(pid):
                lock.unlink(missing_ok=True)

    # Files -----------------------------------------------------------------------------------------------------------

    def _prepare_home(self) -> None:
        try:
            self._home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            writable = os.access(self._home, os.W_OK | os.X_OK)
        except OSError as error:
            raise self._home_unusable(str(error.strerror)) from error
        if not writable:
            raise self._home_unusable("not writable")

    def _make_folders(self, account: Account) -> None:
        for folder in (self._folder, self._log_folder, self._socket_folder()):
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                account.give(folder)
            self._check_owned(folder, account)
        seen = account.run(["/bin/sh", "-c", 'cd "$0"', str(self._folder)], cwd=Path("/"), timeout_seconds=STOP_SECONDS)
        if seen.returncode != 0:
            raise self._home_unusable(f"account {account.name} cannot reach {self._folder}")

    def _check_owned(self, folder: Path, account: Account) -> None:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or stat.S_IMODE(found.st_mode) & 0o077:
            raise HomeUnusableError(
                Text(
                    f"目录 {folder} 必须属于账户 {account.name} 且权限为 0700。请更正或移走它, 然后重试。",
                    f"Folder {folder} must belong to account {account.name} with mode 0700. Mend it or move it away, "
                    f"then try again.",
                ),
                folder=str(folder),
                account=account.name,
            )

    def _socket_folder(self) -> Path:
        folder = self._folder / "socket"
        fits = len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES
        # libpq takes a comma for the end of one host and the start of the next.
        if fits and "," not in str(folder) and '"' not in str(folder):
            return folder
        key = hashlib.sha256(os.fsencode(self._home)).hexdigest()[:16]
        return Path("/tmp") / f"guiyi-{os.geteuid()}-{key}"  # noqa: S108  owner and mode are checked before use

    def _socket_file(self) -> Path:
        return self._socket_folder() / f".s.PGSQL.{PORT}"

    def _initialise(self, account: Account, programs: Path) -> None:
        for leftover in self._folder.glob("initdb-*"):
            shutil.rmtree(leftover)
        beside = Path(tempfile.mkdtemp(prefix="initdb-", dir=self._folder))
        account.give(beside)
        command = [
            str(programs / "bin" / "initdb"),
            *("--pgdata", str(beside / "data"), "--username", ROLE, "--no-instructions"),
            *("--auth-local", "peer", "--auth-host", "reject", "--encoding", "UTF8"),
            *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        ]
        done = account.run(command, cwd=beside, timeout_seconds=INITDB_SECONDS)
        if done.returncode != 0:
            raise self._failed("初始化失败", "initdb failed", log=done.stderr[-LOG_TAIL_BYTES:])
        (beside / "data").rename(self._data)
        beside.rmdir()

    def _check_version(self) -> None:
        found = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != str(MAJOR_VERSION):
            raise DatabaseWrongVersionError(
                Text(
                    f"{self._data} 由 PostgreSQL {found} 写成, 而本版 Guiyi 使用 {MAJOR_VERSION}。"
                    f"请用原来的 Guiyi 运行 guiyi backup, 换一个空的 GUIYI_HOME, 再运行 guiyi restore。",
                    f"{self._data} was written by PostgreSQL {found}, this Guiyi uses {MAJOR_VERSION}. Run guiyi "
                    f"backup with the Guiyi that wrote it, then guiyi restore with an empty GUIYI_HOME.",
                ),
                found=found,
                needed=MAJOR_VERSION,
            )

    def _write_configuration(self, account: Account) -> None:
        def quoted(path: Path) -> str:
            return str(path).replace("'", "''")

        self._write(
            account,
            self._data / "postgresql.conf",
            _CONFIGURATION.format(
                port=PORT,
                socket=quoted(self._socket_folder()),
                folder=quoted(self._folder),
                max_connections=MAX_CONNECTIONS,
            ),
        )
        self._write(account, self._folder / "pg_hba.conf", "local all all peer map=guiyi\n")
        self._write(account, self._folder / "pg_ident.conf", f'guiyi "{process_account_name()}" {ROLE}\n')

    def _write(self, account: Account, path: Path, content: str) -> None:
        beside = path.with_name(f"{path.name}.new")
        beside.unlink(missing_ok=True)
        beside.touch(mode=0o600)
        beside.write_text(content, encoding="utf-8")
        account.give(beside)
        beside.rename(path)

    def _has_database(self) -> bool:
        """Create our database where it is missing; say whether the server answers at all."""
        try:
            with self._connect() as connection:
                connection.autocommit = True
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                if found is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True

    # Helpers ---------------------------------------------------------------------------------------------------------

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._socket_folder()),
            port=PORT,
            user=ROLE,
            dbname="postgres",
            connect_timeout=CONNECT_SECONDS,
        )

    @property
    def _log_folder(self) -> Path:
        return self._folder / "log"

    def _log_sizes(self) -> dict[Path, int]:
        return {log: log.stat().st_size for log in self._log_folder.glob("*.log")}

    def _log_since(self, sizes: dict[Path, int]) -> str:
        """Return the end of what was logged since `sizes` were taken."""
        written: list[str] = []
        for log in sorted(self._log_folder.glob("*.log")):
            with contextlib.suppress(OSError), log.open("rb") as file:
                file.seek(max(sizes.get(log, 0), log.stat().st_size - LOG_TAIL_BYTES))
                written.append(file.read().decode(errors="replace"))
        return "".join(written).strip()[-LOG_TAIL_BYTES:]

    def _failed(self, reason_zh: str, reason_en: str, *, log: str = "") -> EmbeddedServerError:
        shown = f"\n{log}" if log else ""
        return EmbeddedServerError(
            Text(
                f"{self._home} 中的随附 PostgreSQL {reason_zh}。日志在 {self._log_folder}。{shown}",
                f"The embedded PostgreSQL in {self._home}: {reason_en}. Its logs are in {self._log_folder}.{shown}",
            ),
            home=str(self._home),
            log=log,
        )

    def _home_unusable(self, reason: str) -> HomeUnusableError:
        return HomeUnusableError(
            Text(
                f"目录 {self._home} 不能存放数据库 ({reason})。请更正权限, 或把 GUIYI_HOME 设为可用的目录。",
                f"Folder {self._home} cannot hold the database ({reason}). Mend its permissions, or set GUIYI_HOME to "
                f"a folder that can.",
            ),
            home=str(self._home),
            reason=reason,
        )


def _pid_in(lock: Path) -> int | None:
    try:
        return int(lock.read_text(encoding="utf-8").partition("\n")[0])
    except (OSError, ValueError):
        return None
