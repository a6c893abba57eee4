"""Progress of long commands in the terminal."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from guiyi.kit.progress import Progress
from guiyi.kit.text import Text
from guiyi.plumbing.config.api import get_settings

QUIET_SECONDS = 2.0
"""Work that is done sooner shows nothing."""


@contextmanager
def progress_shown() -> Generator[Progress]:
    """Yield a `Progress` that draws a bar a step on standard error, from the third second on."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    bar = RichProgress(*columns, console=console, transient=True, disable=not sys.stderr.isatty())
    tasks: dict[Text, TaskID] = {}
    started_at = time.monotonic()

    def show(step: Text, done: int, total: int | None = None) -> None:
        if step not in tasks:
            tasks[step] = bar.add_task(step.in_language(get_settings().language), total=total)
        bar.update(tasks[step], completed=done, total=total)
        if not bar.live.is_started and time.monotonic() - started_at >= QUIET_SECONDS:
            bar.start()

    try:
        yield show
    finally:
        bar.stop()
