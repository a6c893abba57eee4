"""Wakes the workers of this process after a commit that enqueued something."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import event
from sqlalchemy.orm import Session

_wakers: Final[set[Callable[[], None]]] = set()
_MARK: Final = "guiyi.jobs.enqueued"


def add_waker(wake: Callable[[], None]) -> None:
    """Call `wake` after every commit that enqueued, until it is removed."""
    _wakers.add(wake)


def remove_waker(wake: Callable[[], None]) -> None:
    """Stop calling `wake`."""
    _wakers.discard(wake)


def wake_after_commit(session: Session) -> None:
    """Wake the workers when `session` commits; nothing happens when it rolls back."""
    if session.info.get(_MARK) is None:
        session.info[_MARK] = True
        event.listen(session, "after_commit", _wake)


def _wake(_session: Session) -> None:
    for wake in tuple(_wakers):
        wake()
