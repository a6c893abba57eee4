"""The embedded server: started, shared, killed, found again. Every server here is one of the test's own."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Generator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db import binaries, embedded
from guiyi.plumbing.db.account import server_account
from guiyi.plumbing.db.api import EmbeddedServer, open_database
from guiyi.plumbing.db.errors import DatabaseWrongVersionError, EmbeddedServerError, HomeUnusableError

WAIT_SECONDS = 60
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def home() -> Generator[Path]:
    """A folder that the server's account can reach; whatever still runs in it is killed."""
    folder = Path(tempfile.mkdtemp(prefix="guiyi-home-"))
    folder.chmod(0o711)
    yield folder
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        psutil.Process(_pid(folder)).kill()
    shutil.rmtree(folder, ignore_errors=True)


def _pid(home: Path) -> int:
    return int((home / "database/data/postmaster.pid").read_text(encoding="utf-8").splitlines()[0])


def _eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def _is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def _write_row(home: Path) -> None:
    with open_database(Settings(home=home)) as database:
        database.run(
            lambda session: [
                session.execute(text("CREATE TABLE IF NOT EXISTS kept (one int)")),
                session.execute(text("INSERT INTO kept VALUES (1)")),
            ]
        )


def _rows(home: Path) -> int:
    with open_database(Settings(home=home)) as database:
        return database.run(lambda session: session.execute(text("SELECT count(*) FROM kept")).scalar_one())


@contextlib.contextmanager
def _another_process(home: Path, then: str = "sys.stdin.read()") -> Generator[subprocess.Popen[str]]:
    """A process that uses the server of `home`, says so, and does `then`."""
    program = f"""
        import os, signal, sys
        from pathlib import Path
        from sqlalchemy import text
        from guiyi.plumbing.config.api import Settings
        from guiyi.plumbing.db.api import open_database
        with open_database(Settings(home=Path({str(home)!r}))) as database:
            print("in use", flush=True)
            {then}
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in use\n"
        try:
            yield process
        finally:
            process.kill()


def test_server_stops_when_its_only_user_leaves(home: Path) -> None:
    with EmbeddedServer(home).in_use():
        pid = _pid(home)
        assert psutil.pid_exists(pid)
    assert _is_gone(pid)
    assert not (home / "database/data/postmaster.pid").exists()


def test_rows_are_kept_when_the_server_is_started_again(home: Path) -> None:
    _write_row(home)
    assert _rows(home) == 1


def test_server_runs_as_an_ordinary_account_without_tcp_when_started(home: Path) -> None:
    server = EmbeddedServer(home)
    with server.in_use():
        process = psutil.Process(_pid(home))
        assert process.uids().real != 0
        assert process.uids().real == server_account().uid
        for one in (process, *process.children()):
            with contextlib.suppress(psutil.NoSuchProcess):  # helpers of the server come and go
                assert one.net_connections("inet") == []
        for folder in (home / "database", home / "database/data", home / "database/socket"):
            assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")
def test_connection_is_refused_when_another_user_asks(home: Path) -> None:
    server = EmbeddedServer(home)
    with server.in_use():
        # Even with the folder's door open, the server itself tells users apart.
        for folder in (home / "database", home / "database/socket"):
            folder.chmod(0o755)
        (home / "database/socket/.s.PGSQL.5432").chmod(0o777)
        nobody = pwd.getpwnam("nobody")
        done = subprocess.run(
            [str(binaries.installed_folder() / "bin/psql"), "-h", str(home / "database/socket"), "-U", "guiyi", "-l"],
            check=False,
            capture_output=True,
            text=True,
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
        )
        assert done.returncode != 0
        assert "Peer authentication failed" in done.stderr


def test_server_is_shared_and_stopped_by_the_last_when_several_use_it(home: Path) -> None:
    server = EmbeddedServer(home)
    with _another_process(home) as other:
        pid = _pid(home)
        with server.in_use():
            assert _pid(home) == pid
        assert server.is_answering()
        assert other.stdin is not None
        other.stdin.close()
        assert other.wait(WAIT_SECONDS) == 0
    assert _is_gone(pid)


def test_server_is_started_once_when_many_start_at_once(home: Path) -> None:
    def started() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                textwrap.dedent("""
                    import sys, pathlib
                    from guiyi.plumbing.config.api import Settings
                    from guiyi.plumbing.db.api import open_database
                    with open_database(Settings(home=pathlib.Path(sys.argv[1]))):
                        pass
                """),
                str(home),
            ]
        )

    processes = [started() for _ in range(4)]
    assert [process.wait(WAIT_SECONDS) for process in processes] == [0, 0, 0, 0]
    _eventually(lambda: not (home / "database/data/postmaster.pid").exists())


def test_server_stays_usable_when_a_user_of_it_is_killed(home: Path) -> None:
    with _another_process(home) as other:
        other.send_signal(signal.SIGKILL)
        other.wait(WAIT_SECONDS)
        pid = _pid(home)
        with EmbeddedServer(home).in_use():
            assert _pid(home) == pid
    assert _is_gone(pid)


def test_committed_rows_are_there_when_server_and_user_are_killed(home: Path) -> None:
    _write_row(home)
    then = (
        "database.run(lambda s: s.execute(text('INSERT INTO kept VALUES (2)'))); print('done', flush=True); "
        "sys.stdin.read()"
    )
    with _another_process(home, then) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "done\n"
        pid = _pid(home)
        other.send_signal(signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
    assert (home / "database/data/postmaster.pid").exists()
    assert _rows(home) == 2


def test_server_is_started_again_when_it_alone_is_killed(home: Path) -> None:
    with open_database(Settings(home=home)) as database:
        server = database.server
        assert server is not None
        assert not server.ensure_running()
        for _ in range(3):
            pid = _pid(home)
            os.kill(pid, signal.SIGKILL)
            _eventually(lambda pid=pid: _is_gone(pid))
            assert server.ensure_running()
            assert database.run(lambda session: session.execute(text("SELECT 1")).scalar_one()) == 1


def test_server_is_started_again_when_its_socket_file_is_gone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "SOCKET_SECONDS", 0.5)
    _write_row(home)
    server = EmbeddedServer(home)
    with server.in_use():
        before = _pid(home)
        (home / "database/socket/.s.PGSQL.5432").unlink()
        assert not server.is_answering()

        assert server.ensure_running()

        assert _pid(home) != before
        assert _rows(home) == 1


def test_server_starts_when_the_number_in_its_pid_file_belongs_to_another_program(home: Path) -> None:
    """As after a reboot; the other program even runs under the server's account, so PostgreSQL would believe it."""
    _write_row(home)
    account = server_account()
    pid_file = home / "database/data/postmaster.pid"
    with subprocess.Popen(["sleep", "60"], user=account.uid if AS_ROOT else None) as other:
        try:
            socket_lock = home / "database/socket/.s.PGSQL.5432.lock"
            socket_lock.write_text(f"{other.pid}\n")
            account.give(socket_lock)
            pid_file.write_text(
                f"{other.pid}\n{home}/database/data\n1700000000\n5432\n{home}/database/socket\n\n  1234567     12345\n"
            )
            account.give(pid_file)
            pid_file.chmod(0o600)
            assert _rows(home) == 1
            assert other.poll() is None
        finally:
            other.kill()


def test_cluster_is_made_anew_when_initdb_was_killed_in_the_middle(home: Path) -> None:
    (home / "database").mkdir(mode=0o700)
    server_account().give(home / "database")
    half = home / "database/initdb-killed/data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedServer(home).in_use():
        pass
    assert not half.exists()


def test_socket_is_elsewhere_when_the_home_is_too_deep(home: Path) -> None:
    deep = home / ("d" * 90)
    server = EmbeddedServer(deep)
    with server.in_use():
        folder = Path(str(server.url().query["host"]))
        assert folder.parent == Path("/tmp")  # noqa: S108  the fallback that the test is about
        assert folder.stat().st_mode & 0o077 == 0
    folder.rmdir()


@pytest.mark.parametrize("name", ["银行 data", "o'bank", "a,b"])
def test_server_runs_when_its_home_has_an_odd_name(home: Path, name: str) -> None:
    (home / name).mkdir(mode=0o711)
    _write_row(home / name)
    assert _rows(home / name) == 1
    socket_folder = Path(str(EmbeddedServer(home / name).url().query["host"]))
    if not socket_folder.is_relative_to(home):
        socket_folder.rmdir()


def test_start_is_refused_when_the_socket_folder_is_open_to_others(home: Path) -> None:
    server = EmbeddedServer(home)
    with server.in_use():
        pass
    (home / "database/socket").chmod(0o755)
    with pytest.raises(HomeUnusableError) as caught, server.in_use():
        pass
    assert caught.value.details["folder"] == str(home / "database/socket")


def test_start_is_refused_when_the_cluster_is_of_another_version(home: Path) -> None:
    server = EmbeddedServer(home)
    with server.in_use():
        pass
    (home / "database/data/PG_VERSION").write_text("17\n")
    with pytest.raises(DatabaseWrongVersionError) as caught, server.in_use():
        pass
    assert caught.value.details == {"found": "17", "needed": 18}


def test_start_is_refused_with_its_log_when_the_cluster_is_broken(home: Path) -> None:
    server = EmbeddedServer(home)
    with server.in_use():
        pass
    shutil.rmtree(home / "database/data/global")
    with pytest.raises(EmbeddedServerError) as caught, server.in_use():
        pass
    assert "global" in str(caught.value.details["log"])


@pytest.mark.skipif(not AS_ROOT, reason="root may write anywhere, others may not enter")
def test_start_is_refused_when_the_account_cannot_reach_the_home(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises((HomeUnusableError, EmbeddedServerError)) as caught, EmbeddedServer(closed / "home").in_use():
        pass
    assert "guiyi" in caught.value.message.en


@pytest.mark.skipif(not AS_ROOT, reason="only root runs the server as another user")
def test_binaries_are_copied_when_the_environment_is_out_of_reach(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    package = binaries.installed_folder().parent
    shutil.copytree(package, closed / package.name, symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    monkeypatch.setattr(binaries, "installed_folder", lambda: closed / package.name / "pginstall")
    server = EmbeddedServer(home)
    with server.in_use():
        assert Path(psutil.Process(_pid(home)).exe()).is_relative_to(
            home / f"postgresql-{binaries.installed_version()}"
        )
    assert [path.name for path in home.glob("postgresql-*")] == [f"postgresql-{binaries.installed_version()}"]


def test_settings_are_safe_when_the_server_runs(home: Path) -> None:
    with open_database(Settings(home=home)) as database:
        shown = database.run(
            lambda session: {
                str(name): str(value)
                for name, value in session.execute(
                    text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)"),
                    {
                        "names": [
                            "fsync",
                            "full_page_writes",
                            "synchronous_commit",
                            "listen_addresses",
                            "data_checksums",
                        ]
                    },
                )
            }
        )
        assert shown == {
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "listen_addresses": "",
            "data_checksums": "on",
        }
        locale = database.run(
            lambda session: session.execute(
                text("SELECT datlocprovider::text, datlocale FROM pg_database WHERE datname = 'guiyi'")
            ).one()
        )
        assert tuple(locale) == ("b", "C.UTF-8")


def test_nothing_but_peer_is_trusted_when_the_rules_are_read(home: Path) -> None:
    with open_database(Settings(home=home)) as database:
        rules = database.run(
            lambda session: session.execute(text("SELECT type, auth_method FROM pg_hba_file_rules")).all()
        )
    assert [tuple(rule) for rule in rules] == [("local", "peer")]
