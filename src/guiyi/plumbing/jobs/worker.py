"""The worker: a thread that runs procrastinate's worker, and starts it again when the database went away."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import procrastinate
import structlog
from procrastinate.exceptions import ProcrastinateException
from procrastinate.jobs import Job
from procrastinate.worker import Worker as ProcrastinateWorker
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from guiyi.kit.errors import Detail, GuiyiError
from guiyi.plumbing.db.api import Database
from guiyi.plumbing.jobs import repository
from guiyi.plumbing.jobs.task import ATTEMPTS_MAX, JobInterruptedError, Run, Task
from guiyi.plumbing.jobs.waking import add_waker, remove_waker

POLL_SECONDS: Final = 1.0
CONCURRENCY: Final = 2
HEARTBEAT_SECONDS: Final = 5.0
SWEEP_SECONDS: Final = 10.0
RESTART_SECONDS: Final = 1.0
RETRY_WAIT_SECONDS: Final = 2
CONNECTIONS: Final = 4
CONNECT_SECONDS: Final = 10.0
NO_WORKER: Final = 0
"""Ids of workers start at 1."""

_log = structlog.get_logger(__name__)


class _WakeableWorker(ProcrastinateWorker):
    def wake(self) -> None:
        """Look for jobs now; to be called on the worker's own loop."""
        self._new_job_event.set()


class _Retry(procrastinate.BaseRetryStrategy):
    """Growing pauses between the attempts; an interruption is no failure and is always made up for."""

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision | None:
        if isinstance(exception, JobInterruptedError):
            return procrastinate.RetryDecision()
        if job.attempts + 1 >= self._attempts:
            return None
        return procrastinate.RetryDecision(retry_in={"seconds": RETRY_WAIT_SECONDS ** (job.attempts + 1)})


class Worker:
    """Runs the jobs of `tasks` until it is stopped."""

    def __init__(self, database: Database, tasks: Sequence[Task]) -> None:
        self._database = database
        self._tasks = tasks
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker: _WakeableWorker | None = None
        self._thread = threading.Thread(target=self._run, name="guiyi-worker", daemon=True)

    def start(self) -> None:
        """Start the worker's thread."""
        add_waker(self._wake)
        self._thread.start()

    def stop(self, timeout_seconds: float) -> bool:
        """Ask running jobs to stop and end the thread; say whether it ended in time.

        A job that does not end is taken up again after the next start.
        """
        remove_waker(self._wake)
        self._stopping.set()
        self._call(lambda worker: worker.stop())
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        """Whether the worker's thread runs."""
        return self._thread.is_alive()

    def _wake(self) -> None:
        self._call(lambda worker: worker.wake())

    def _call(self, action: Callable[[_WakeableWorker], None]) -> None:
        loop, worker = self._loop, self._worker
        if loop is None or worker is None:
            return
        try:
            loop.call_soon_threadsafe(action, worker)
        except RuntimeError:
            # The loop closed meanwhile: there is nobody left to wake or to stop.
            return

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                asyncio.run(self._serve())
            except (ProcrastinateException, SQLAlchemyError, GuiyiError, OSError) as error:
                _log.warning("jobs.worker_restarts", reason=str(error.__cause__ or error).strip())
            except Exception:  # noqa: BLE001  whatever it was, jobs must go on; it is logged with its traceback
                _log.exception("jobs.worker_failed")
            finally:
                self._worker, self._loop = None, None
            self._stopping.wait(RESTART_SECONDS)

    async def _serve(self) -> None:
        app = self._app()
        async with app.open_async():
            worker = _WakeableWorker(
                app,
                queues=[repository.QUEUE],
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=POLL_SECONDS,
                shutdown_graceful_timeout=None,
                listen_notify=False,
                delete_jobs="successful",
                install_signal_handlers=False,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=repository.STALLED_SECONDS,
            )
            self._worker, self._loop = worker, asyncio.get_running_loop()
            sweeper = asyncio.create_task(self._sweep(worker))
            try:
                # `stop` may have come before there was a worker to tell; `run` would forget an earlier call.
                asyncio.get_running_loop().call_later(POLL_SECONDS, self._stop_if_asked, worker)
                await worker.run()
            finally:
                sweeper.cancel()

    def _stop_if_asked(self, worker: _WakeableWorker) -> None:
        if self._stopping.is_set():
            worker.stop()

    async def _sweep(self, worker: _WakeableWorker) -> None:
        """Take up the jobs of dead workers, now and every ten seconds."""

        def unit(session: Session) -> int:
            return repository.requeue_stalled(session, own_worker=worker.worker_id or NO_WORKER)

        while True:
            try:
                found = await asyncio.to_thread(self._database.run, unit)
            except (SQLAlchemyError, GuiyiError) as error:
                _log.warning("jobs.sweep_failed", reason=str(error))
            else:
                if found:
                    _log.warning("jobs.taken_up_again", jobs=found)
                    worker.wake()
            await asyncio.sleep(SWEEP_SECONDS)

    def _app(self) -> procrastinate.App:
        url = self._database.engine.url
        _, arguments = self._database.engine.dialect.create_connect_args(url)
        connector = procrastinate.PsycopgConnector(
            kwargs={**arguments, "application_name": "guiyi worker"},
            min_size=1,
            max_size=CONNECTIONS,
            timeout=CONNECT_SECONDS,
        )
        app = procrastinate.App(connector=connector)
        for task in self._tasks:
            self._register(app, task)
        return app

    def _register(self, app: procrastinate.App, task: Task) -> None:
        retry = _Retry(min(task.attempts, ATTEMPTS_MAX))

        @app.task(name=task.name, queue=repository.QUEUE, retry=retry)
        def work(**args: Detail) -> None:
            self._do(task, args)

        if task.cron is not None:
            name = f"{task.name}.by_clock"

            @app.periodic(cron=task.cron, queueing_lock=name)
            @app.task(name=name, queue=repository.QUEUE, retry=retry)
            def work_by_clock(timestamp: int) -> None:
                del timestamp  # when it was due
                self._do(task, {})

    def _do(self, task: Task, args: Mapping[str, Detail]) -> None:
        try:
            task.work(Run(args=args, stopping=self._stopping))
        except JobInterruptedError:
            _log.info("jobs.interrupted", task=task.name)
            raise
        except GuiyiError as error:
            _log.warning("jobs.failed", task=task.name, code=error.code, reason=error.message.en)
            raise
        except Exception:
            _log.exception("jobs.failed", task=task.name)
            raise
