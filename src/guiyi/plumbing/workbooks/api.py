# ruff: noqa: D102  # the methods are XlsxWriter's and documented there
"""The face of workbooks: XlsxWriter with types, the few calls that we make."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import xlsxwriter  # pyright: ignore[reportMissingTypeStubs]  # it ships none; the protocols below are ours

__all__ = ["Book", "Look", "Options", "Page", "new_book"]

Options = Mapping[str, object]


class Look(Protocol):
    """A cell's format."""


class Page(Protocol):
    """A worksheet."""

    def write_string(self, row: int, column: int, text: str, look: Look | None = None) -> int: ...
    def write_number(self, row: int, column: int, number: float, look: Look | None = None) -> int: ...
    def write_datetime(self, row: int, column: int, moment: datetime, look: Look) -> int: ...
    def write_blank(self, row: int, column: int, blank: None, look: Look) -> int: ...
    def write_comment(self, row: int, column: int, text: str, options: Options) -> int: ...
    def set_column(self, first: int, last: int, width: float, look: Look | None = None) -> int: ...
    def set_tab_color(self, color: str) -> None: ...
    def set_header(self, header: str) -> None: ...
    def freeze_panes(self, row: int, column: int) -> None: ...
    def autofilter(self, row: int, column: int, last_row: int, last_column: int) -> None: ...
    def data_validation(self, row: int, column: int, last_row: int, last_column: int, options: Options) -> int: ...


class Book(Protocol):
    """A workbook that is being written."""

    def add_format(self, properties: Options) -> Look: ...
    def add_worksheet(self, name: str) -> Page: ...
    def set_properties(self, properties: Options) -> None: ...


@contextmanager
def new_book(target: Path | BinaryIO) -> Generator[Book]:
    """Yield a workbook that is written to `target` at the end; texts stay texts, whatever they look like."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(target) if isinstance(target, Path) else target, options) as book:
        yield cast("Book", book)
