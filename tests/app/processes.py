"""Runs `guiyi` as people do: as a process, in a home of its own."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

GUIYI = (sys.executable, "-c", "from guiyi.app.cli.main import run; run()")
WAIT_SECONDS = 90
STOP_SECONDS = 20


@contextmanager
def temporary_home() -> Generator[Path]:
    """Yield a folder that the server's account can reach; whatever still runs in it is killed."""
    home = Path(tempfile.mkdtemp(prefix="guiyi-home-"))
    home.chmod(0o711)
    try:
        yield home
    finally:
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            psutil.Process(server_pid(home)).kill()
        shutil.rmtree(home, ignore_errors=True)


def server_pid(home: Path) -> int:
    """Return the number of the embedded server's process."""
    return int((home / "database/data/postmaster.pid").read_text(encoding="utf-8").splitlines()[0])


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(condition: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Wait until `condition` holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a `guiyi` that knows no other home."""
    return {**os.environ, "GUIYI_HOME": str(home), "GUIYI_LANGUAGE": "en", **more}


def guiyi(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*GUIYI, *arguments],
        env=environment(home, **more),
        check=False,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )


@dataclass(frozen=True)
class Up:
    """A running `guiyi up`."""

    process: subprocess.Popen[str]
    origin: str
    log: list[str]

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.origin}{path}", timeout=10)

    def answers(self, path: str = "/api/v1/health") -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self.get(path).status_code == 200
        return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def guiyi_up(home: Path, *arguments: str) -> Generator[Up]:
    """Start `guiyi up` on a free port and yield it when it is ready; it is killed at the end if it still runs."""
    with subprocess.Popen(
        [*GUIYI, "up", "--port", "0", "--json", *arguments],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        log: list[str] = []
        assert process.stdout is not None
        assert process.stderr is not None
        reader = threading.Thread(target=log.extend, args=(process.stderr,), daemon=True)
        reader.start()
        try:
            line = process.stdout.readline()
            assert line, "".join(log)
            plan: str = json.loads(line)["pages"]["plan"]
            yield Up(process, plan.rstrip("/"), log)
        finally:
            process.kill()
            process.wait(STOP_SECONDS)
            reader.join(STOP_SECONDS)
