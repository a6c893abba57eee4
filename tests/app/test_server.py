"""`guiyi up` as a process: started, used, hurt, stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import psutil
import pytest
from processes import GUIYI, WAIT_SECONDS, environment, eventually, guiyi, guiyi_up, is_gone, server_pid, temporary_home

from guiyi.app.errors import HostNotLocalError
from guiyi.app.server import check_host

_ADD_JOB = """
from guiyi.plumbing.config.api import get_settings
from guiyi.plumbing.db.api import open_database
from guiyi.plumbing.jobs.api import enqueue

with open_database(get_settings()) as database:
    database.run(lambda session: enqueue(session, "audit.check"))
"""


@pytest.fixture
def home() -> Generator[Path]:
    with temporary_home() as found:
        yield found


def test_example_bank_is_planned_and_shown_when_the_database_is_empty(home: Path) -> None:
    with guiyi_up(home) as up:
        assert up.answers("/")
        eventually(lambda: bool(up.get("/api/v1/plans").json()["plans"]))
        plan = up.get("/api/v1/plans/latest").json()
        assert plan["schema"] == "guiyi.plan/1"
        assert plan["status"] == "proven_optimal"
        for path, word in (
            ("/?lang=zh", "已证明最优"),
            ("/?lang=en", "proven optimal"),
            ("/register?lang=zh", "示例数据"),
            ("/api", "/api/v1/register"),
        ):
            answer = up.get(path)
            assert answer.status_code == 200
            assert word in answer.text
        assert up.get("/register?lang=en").text.count('class="meter"') > 24 * 3
        actions = {row["action"] for row in up.get("/api/v1/audit").json()["entries"]}
        assert {"register.import", "plan.make"} <= actions
        pid = server_pid(home)
        assert up.stop() == 0
        assert is_gone(pid)


def test_only_loopback_listens_when_the_server_runs(home: Path) -> None:
    with guiyi_up(home) as up:
        listening = [
            found.laddr.ip
            for found in psutil.Process(up.process.pid).net_connections("inet")
            if found.status == psutil.CONN_LISTEN
        ]
        assert listening
        assert set(listening) <= {"127.0.0.1", "::1"}
        numeric = httpx.get(up.origin.replace("localhost", "127.0.0.1") + "/register", follow_redirects=False)
        assert (numeric.status_code, numeric.headers["location"]) == (308, f"{up.origin}/register")


def test_requests_and_jobs_work_again_when_the_embedded_server_alone_is_killed(home: Path) -> None:
    with guiyi_up(home) as up:
        eventually(lambda: bool(up.get("/api/v1/plans").json()["plans"]))
        for _ in range(3):
            pid = server_pid(home)
            os.kill(pid, signal.SIGKILL)
            eventually(lambda pid=pid: is_gone(pid))
            started = time.monotonic()
            eventually(up.answers)
            assert time.monotonic() - started < 20
        # The worker found its way back too: a job that another process adds is done.
        added = subprocess.run(
            [
                sys.executable,
                "-c",
                _ADD_JOB,
            ],
            env=environment(home),
            check=False,
            timeout=WAIT_SECONDS,
        )
        assert added.returncode == 0
        eventually(lambda: up.get("/api/v1/health").json()["jobs"] == {})
        assert any("server.database_restarted" in line for line in up.log)
        assert up.stop(signal.SIGINT) == 0


def test_everything_is_there_when_the_whole_process_was_killed(home: Path) -> None:
    with guiyi_up(home) as up:
        eventually(lambda: bool(up.get("/api/v1/plans").json()["plans"]))
        plan = up.get("/api/v1/plans/latest").content
        up.process.send_signal(signal.SIGKILL)
        up.process.wait(WAIT_SECONDS)
        os.kill(server_pid(home), signal.SIGKILL)
    with guiyi_up(home) as up:
        assert up.get("/api/v1/plans/latest").content == plan
        assert up.stop() == 0


def test_it_ends_within_seconds_when_stopped_while_the_example_is_planned(home: Path) -> None:
    with guiyi_up(home) as up:
        started = time.monotonic()
        assert up.stop(signal.SIGINT) == 0
        assert time.monotonic() - started < 15
    with guiyi_up(home) as up:
        eventually(lambda: bool(up.get("/api/v1/plans").json()["plans"]))


@pytest.mark.parametrize("seconds", [0.3, 1.0, 1.6])
def test_no_server_stays_behind_when_interrupted_while_starting(home: Path, seconds: float) -> None:
    with subprocess.Popen(
        [*GUIYI, "up", "--port", "0"],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT_SECONDS)
    assert not (home / "database/data/postmaster.pid").exists()


def test_error_says_what_to_do_when_the_port_is_taken(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = guiyi(home, "up", "--port", port, "--json")
    assert done.returncode == 8
    error = json.loads(done.stdout)
    assert error["error"] == "port_taken"
    assert "--port" in error["message"]["en"]
    assert not (home / "database").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "guiyi.bank.cn", ""])  # noqa: S104  it is refused
def test_host_is_refused_when_others_could_reach_it(host: str) -> None:
    with pytest.raises(HostNotLocalError):
        check_host(host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_host_is_accepted_when_only_this_machine_reaches_it(host: str) -> None:
    check_host(host)


def test_error_says_so_when_told_to_listen_beyond_this_machine(home: Path) -> None:
    done = guiyi(home, "up", "--host", "192.168.1.7", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]) == (3, "host_not_local")


def test_error_says_so_when_the_public_origin_is_not_this_machine(home: Path) -> None:
    done = guiyi(home, "up", "--json", GUIYI_PUBLIC_ORIGIN="https://guiyi.bank.cn")
    assert (done.returncode, json.loads(done.stdout)["error"]) == (3, "host_not_local")
