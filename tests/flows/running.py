"""A real `guiyi up` in a home of its own, started and ended as a user or an accident does it."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import psutil

GUIYI = Path(sys.executable).with_name("guiyi")
FIRST_PORT = 8800
LAST_PORT = 8999
READY_SECONDS = 120
PLAN_SECONDS = 180
COMMAND_SECONDS = 120
STOP_SECONDS = 15
ANSWER_SECONDS = 5
POLL_SECONDS = 0.05


class NotInTimeError(AssertionError):
    """Something did not happen within its bound."""


def wait_until(met: Callable[[], bool], seconds: float, what: str) -> float:
    """Return after how many seconds `met` was true."""
    started = time.monotonic()
    while not met():
        if time.monotonic() - started > seconds:
            raise NotInTimeError(f"{what}: not within {seconds:.0f} s")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - started


def new_home() -> Path:
    """Return a new folder with a short path that the server's account can pass through."""
    home = Path(tempfile.mkdtemp(prefix="gf-", dir="/tmp"))
    home.chmod(0o711)
    return home


def free_port() -> int:
    """Return a port on which nothing listens, neither on IPv4 nor on IPv6."""
    # Workers of one run start at different ports, so that they do not race for the same one.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for port in range(FIRST_PORT + 40 * worker, LAST_PORT):
        if all(_is_free(family, host, port) for family, host in _PLACES):
            return port
    raise AssertionError(f"no free port from {FIRST_PORT} to {LAST_PORT}")


_PLACES = ((socket.AF_INET, "127.0.0.1"), *(((socket.AF_INET6, "::1"),) if socket.has_ipv6 else ()))


def _is_free(family: socket.AddressFamily, host: str, port: int) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return "Address family" in str(error) or "Cannot assign" in str(error)
    return True


def processes_of(home: Path) -> list[psutil.Process]:
    """Return the processes that belong to `home`: by their folder, their arguments or their environment."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE and _belongs(process, home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _belongs(process: psutil.Process, home: Path) -> bool:
    if process.cwd().startswith(f"{home}/") or any(str(home) in word for word in process.cmdline()):
        return True
    return process.environ().get("GUIYI_HOME") == str(home)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP request gave."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_names: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def get(address: str, *, accept: str = "*/*") -> Answer:
    """Ask for `address` without following redirects.

    Raises:
        OSError: Nobody answers.
    """
    request = urllib.request.Request(address, headers={"Accept": accept})  # noqa: S310  our own server
    try:
        with _OPENER.open(request, timeout=ANSWER_SECONDS) as response:
            return Answer(response.status, _headers(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _headers(error.headers), error.read())


def _headers(found: object) -> dict[str, str]:
    items = getattr(found, "items", dict[str, str]().items)
    return {str(name).lower(): str(value) for name, value in items()}


class Running:
    """One home and the `guiyi up` on it.

    Attributes:
        home: Its `GUIYI_HOME`.
        origin: Where its pages are.
    """

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.origin = f"http://localhost:{port}"
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._log = home / "up.log"

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """End it and whatever of its home still lives."""
        self.end()

    @property
    def pid(self) -> int:
        """The number of the `guiyi up` that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it wrote to standard error, in all its starts."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def environment(self) -> dict[str, str]:
        """Return the environment in which every command works on this home."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GUIYI_")}
        return {
            **kept,
            "GUIYI_HOME": str(self.home),
            "GUIYI_PUBLIC_ORIGIN": self.origin,
            "GUIYI_LANGUAGE": "en",
            "PYTHONUNBUFFERED": "1",
        }

    def launch(self) -> None:
        """Start `guiyi up` and return at once."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(GUIYI), "up", "--json"],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def start(self) -> dict[str, object]:
        """Start `guiyi up` and return what it printed when pages were answered."""
        self.launch()
        return self.wait_ready()

    def wait_ready(self) -> dict[str, object]:
        """Return what `guiyi up` prints when pages are answered."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = _line_in_time(self._process.stdout, READY_SECONDS)
        if not line:
            raise NotInTimeError(f"guiyi up on {self.home} was not ready within {READY_SECONDS} s:\n{self.log}")
        document = json.loads(line)
        assert isinstance(document, dict)
        return document

    def answers(self, path: str = "/register") -> bool:
        """Whether the page at `path` is answered properly now."""
        try:
            return get(f"{self.origin}{path}").status == 200
        except OSError:
            return False

    def wait_for_plan(self) -> float:
        """Return after how many seconds there was a plan."""

        def planned() -> bool:
            return bool(get(f"{self.origin}/api/v1/plans").json()["plans"])

        return wait_until(planned, PLAN_SECONDS, "the example's plan")

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `guiyi …` on this home and return at once."""
        return subprocess.Popen(
            [str(GUIYI), *words],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def command(self, *words: str) -> dict[str, object]:
        """Run `guiyi … --json` on this home to success, and return what it printed."""
        done = subprocess.run(
            [str(GUIYI), *words, "--json"],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, f"guiyi {' '.join(words)}: {done.returncode}\n{done.stdout!r}\n{done.stderr!r}"
        document = json.loads(done.stdout)
        assert isinstance(document, dict)
        return document

    def interrupt(self) -> tuple[int, float]:
        """Press Ctrl-C; return the exit code and the seconds until then."""
        assert self._process is not None
        started = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise NotInTimeError(f"Ctrl-C did not end guiyi up within {STOP_SECONDS} s:\n{self.log}") from error
        self._close()
        return code, time.monotonic() - started

    def kill(self) -> None:
        """Kill `guiyi up` with signal 9, and nothing else."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_SECONDS)
        self._close()

    def postmaster(self) -> psutil.Process:
        """Return the embedded server's first process."""
        first_line = (self.home / "database" / "data" / "postmaster.pid").read_text(encoding="utf-8").partition("\n")[0]
        return psutil.Process(int(first_line))

    def end(self) -> None:
        """End everything of this home, gently when it goes."""
        if self._process is not None and self._process.poll() is None:
            try:
                self.interrupt()
            except NotInTimeError:
                self.kill()
        for process in processes_of(self.home):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes_of(self.home), timeout=ANSWER_SECONDS)

    def _close(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None


def _line_in_time(stream: IO[bytes], seconds: float) -> bytes:
    """Return the next line, or nothing when it does not come in time."""
    readable, _, _ = select.select([stream], [], [], seconds)
    return stream.readline() if readable else b""
