"""What every command shares: how results, progress and errors reach people and machines."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import typer

from guiyi.kit.errors import Detail, ErrorKind, GuiyiError
from guiyi.kit.text import Text

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
R = TypeVar("R")

EXIT_CODES: dict[ErrorKind, int] = {
    ErrorKind.BAD_INPUT: 3,
    ErrorKind.NOT_FOUND: 4,
    ErrorKind.CONFLICT: 5,
    ErrorKind.FORBIDDEN: 6,
    ErrorKind.INFEASIBLE: 7,
    ErrorKind.UNAVAILABLE: 8,
}
"""Exit codes of errors; 0 is success, 1 a defect of Guiyi, 2 a wrong use of the command line, 130 an interrupt."""

JSON_OPTION = typer.Option("--json", help="Print JSON for machines / 输出 JSON")


def print_json(value: object) -> None:
    """Write `value` as one JSON document to standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


PIPED_WIDTH = 160
"""Columns of a table that is written to a file or a pipe."""


def said(text: Text) -> str:
    """Return `text` in the reader's language."""
    from guiyi.plumbing.config.api import get_settings

    return text.in_language(get_settings().language)


def plain(text: str) -> str:
    """Return `text` so that Rich prints it as it stands."""
    from rich.markup import escape

    return escape(text)


def new_console(*, stderr: bool = False) -> "Console":
    """Return a console for tables and messages; wide when nobody's terminal bounds it."""
    from rich.console import Console

    found = Console(stderr=stderr, highlight=False)
    if not found.is_terminal:
        found.width = PIPED_WIDTH
    return found


def _print_error(error: GuiyiError, *, as_json: bool) -> None:
    if as_json:
        details: dict[str, Detail] = dict(error.details)
        print_json(
            {
                "error": error.code,
                "message": {"zh": error.message.zh, "en": error.message.en},
                "retryable": error.retryable,
                "details": details,
            }
        )
        return
    errors = new_console(stderr=True)
    errors.print(f"[bold red]✗[/] {plain(said(error.message))}", soft_wrap=True)
    errors.print(f"[dim]{error.code}[/]")


def reports_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn a `GuiyiError` of `command` into a message and the exit code of its kind.

    The command's keyword `as_json` decides whether the message is JSON.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except GuiyiError as error:
            _print_error(error, as_json=bool(kwargs.get("as_json")))
            raise typer.Exit(EXIT_CODES[error.kind]) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(130) from error

    return run
