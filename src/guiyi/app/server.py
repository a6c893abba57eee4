"""What `guiyi up` runs: database, HTTP server and worker in one process, supervised."""

import errno
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from guiyi.app.errors import HostNotLocalError, PortTakenError
from guiyi.app.http.access import LOOPBACK
from guiyi.app.http.factory import create_app
from guiyi.app.http.guard import Origin
from guiyi.app.services import Services
from guiyi.app.tasks import all_tasks, enqueue_first_jobs
from guiyi.kit.clock import Clock
from guiyi.kit.errors import GuiyiError
from guiyi.kit.text import Text
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import Database, open_database
from guiyi.plumbing.jobs.api import Worker

CHECK_SECONDS: Final = 0.5
START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 2
"""For requests that are being answered when the server stops."""
KEEP_ALIVE_SECONDS: Final = 5
CONCURRENCY_MAX: Final = 200
"""Requests at once; more are answered with 503."""
BACKLOG: Final = 256
RESTART_PAUSE_SECONDS: Final = 2.0
INTERRUPTED: Final = 130

_log = structlog.get_logger(__name__)


def run_server(
    settings: Settings,
    clock: Clock,
    *,
    host: str | None = None,
    port: int | None = None,
    tell_ready: Callable[[Origin], None],
) -> bool:
    """Serve until SIGINT or SIGTERM; say whether everything ended in time.

    When it did not, a job is still running in a thread: it is taken up again after the next start, and the caller ends
    the process without waiting for it.

    Args:
        settings: The database, and where people reach the server.
        clock: Tells the time to everything that records it.
        host: Anything but a name of this machine is refused.
        port: Instead of the port of `settings.public_origin`; 0 takes a free one.
        tell_ready: Called with the address once pages are answered.

    Raises:
        HostNotLocalError: Asked to listen beyond this machine.
        PortTakenError: Another program listens on the port.
        DatabaseError: No database.
    """
    origin = Origin.parse(settings.public_origin)
    if host is not None:
        check_host(host)
    wanted = origin.port if port is None else port
    _log.info("server.starting", home=str(settings.home), given=settings.database_url is not None)
    with _signals_caught() as stop:
        try:
            with _listening(wanted) as sockets, open_database(settings) as database:
                reached = origin.with_port(int(sockets[0].getsockname()[1]))
                return _serve(settings, clock, database, reached, sockets, stop=stop, tell_ready=tell_ready)
        except BaseException:
            # An interrupt in the middle of a statement comes out as whatever the driver makes of it.
            if not stop.asked.is_set():
                raise
            _log.info("server.stopped_while_starting")
            return True


def check_host(host: str) -> None:
    """Refuse a host that others could reach.

    Raises:
        HostNotLocalError: It is one.
    """
    if host not in LOOPBACK | {"localhost"}:
        raise HostNotLocalError(
            Text(
                f"不能监听 {host}: 登录功能上线前, guiyi up 只监听本机 (127.0.0.1 与 ::1)。请去掉 --host。",
                f"Cannot listen on {host}: before sign-in exists, guiyi up listens on this machine only (127.0.0.1 and "
                f"::1). Leave out --host.",
            ),
            host=host,
        )


class _Stop:
    """Whether SIGINT or SIGTERM came."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.serving = False
        """While the server starts, a signal interrupts; while it serves, it is only noted, and all ends in order."""

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked.is_set():
            os._exit(INTERRUPTED)
        self.asked.set()
        if not self.serving:
            raise KeyboardInterrupt


def _serve(
    settings: Settings,
    clock: Clock,
    database: Database,
    origin: Origin,
    sockets: Sequence[socket.socket],
    *,
    stop: _Stop,
    tell_ready: Callable[[Origin], None],
) -> bool:
    jobs_services = Services(database=database, settings=settings, clock=clock)
    worker = Worker(database, all_tasks(jobs_services))
    services = Services(database=database, settings=settings, clock=clock, worker_is_alive=lambda: worker.is_alive)
    http = _HttpServer(create_app(services, origin), sockets)
    database.run(enqueue_first_jobs)
    stop.serving = True
    try:
        worker.start()
        http.start()
        tell_ready(origin)
        _supervise(database, http, stop)
        _log.info("server.stopping")
    finally:
        http.stop()
        ended = worker.stop(STOP_SECONDS)
    return ended


def _supervise(database: Database, http: "_HttpServer", stop: _Stop) -> None:
    """Wait for a signal, and start the embedded server again when it alone died."""
    pause_until = 0.0
    while not stop.asked.wait(CHECK_SECONDS):
        if not http.is_alive:
            raise RuntimeError("the HTTP server ended by itself; its log says why")
        server = database.server
        if server is None or time.monotonic() < pause_until or server.is_alive():
            continue
        _log.warning("server.database_died")
        try:
            server.ensure_running()
        except GuiyiError as error:
            pause_until = time.monotonic() + RESTART_PAUSE_SECONDS
            _log.critical("server.database_stays_down", code=error.code, reason=error.message.en)
        else:
            _log.info("server.database_restarted")


class _HttpServer:
    """uvicorn in a thread of its own: signals stay with the main thread, which stops everything in order."""

    def __init__(self, app: ASGIApp, sockets: Sequence[socket.socket]) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            lifespan="off",
            ws="none",
            backlog=BACKLOG,
            limit_concurrency=CONCURRENCY_MAX,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": list(sockets)}, name="guiyi-http", daemon=True
        )

    @property
    def is_alive(self) -> bool:
        """Whether the server's thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start, and return when requests are answered."""
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started and self.is_alive and time.monotonic() < deadline:
            time.sleep(0.01)
        if not self._server.started:
            raise AssertionError("the HTTP server did not start; its log says why")

    def stop(self) -> None:
        """Answer what is being answered, then stop."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)


@contextmanager
def _listening(port: int) -> Generator[Sequence[socket.socket]]:
    """Yield sockets on 127.0.0.1 and, where there is IPv6, on ::1, both on the same port."""
    with ExitStack() as stack:
        first = stack.enter_context(_bound(socket.AF_INET, "127.0.0.1", port))
        found = [first]
        if socket.has_ipv6:
            try:
                found.append(stack.enter_context(_bound(socket.AF_INET6, "::1", int(first.getsockname()[1]))))
            except PortTakenError:
                raise
            except OSError:
                _log.info("server.no_ipv6")
        yield found


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        found.bind((address, port))
        # Listening now, not later, makes a second program on the port fail here and at once.
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        if isinstance(error, PermissionError) or error.errno == errno.EADDRINUSE:
            raise _taken(port, str(error.strerror)) from error
        raise
    return found


def _taken(port: int, reason: str) -> PortTakenError:
    return PortTakenError(
        Text(
            f"端口 {port} 不能使用 ({reason}): 另一个程序正在使用它, 可能是另一个 guiyi up。"
            f"请停止它, 或换一个端口: guiyi up --port {port + 1}。",
            f"Port {port} cannot be used ({reason}): another program uses it, perhaps another guiyi up. "
            f"Stop that one, or take another port: guiyi up --port {port + 1}.",
        ),
        port=port,
        reason=reason,
    )


@contextmanager
def _signals_caught() -> Generator[_Stop]:
    """Note the first SIGINT or SIGTERM; a second one ends the process at once."""
    stop = _Stop()
    before = {number: signal.signal(number, stop.on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
