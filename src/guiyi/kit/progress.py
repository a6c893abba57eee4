"""How long work tells what it has done, without knowing who listens."""

from typing import Protocol

from guiyi.kit.text import Text


class Progress(Protocol):
    """Called at every step of long work."""

    def __call__(self, step: Text, done: int, total: int | None = None) -> None:
        """Tell that `done` of `total` units (None: unknown) of `step` are done."""
        ...


def silent(step: Text, done: int, total: int | None = None) -> None:
    """Progress that nobody listens to."""
