"""Locks on files between processes; the kernel drops them when a process dies."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.05


class FileLock:
    """One `flock` on one file; the file stays."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self, *, shared: bool, timeout_seconds: float) -> bool:
        """Take the lock (or turn it from shared into exclusive and back); say whether it worked in time."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                fcntl.flock(self._file, operation | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(POLL_SECONDS)
            else:
                return True

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


@contextmanager
def held_exclusively(path: Path, timeout_seconds: float) -> Generator[bool]:
    """Hold `path` exclusively while the block runs; yield whether the lock was got in time."""
    lock = FileLock(path)
    try:
        yield lock.acquire(shared=False, timeout_seconds=timeout_seconds)
    finally:
        lock.release()
