"""What counting needs of an engine.

The statements of an engine stand in one file of SQL under `engines/`, each under its name; every engine has the same
names, tables and columns, so that one can be tested against the other on the same logs.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Value = str | int | bool | Path | None
"""What a row of an answer, or a place in a statement, holds."""
Places = Value | Sequence["Places"] | Mapping[str, "Places"]
Column = NDArray[np.generic]
Watch = Callable[[int], None]
"""Told now and then, in the caller's thread, how many of 100 parts of a long statement are done."""


class ColumnType(Enum):
    """What a column of a file holds, as far as reading it differs."""

    TEXT = "text"
    TIME = "time"
    """A date, or a time without a zone: UTC is meant."""
    MOMENT = "moment"
    """A time with its zone."""
    WHOLE = "whole"
    REAL = "real"
    OTHER = "other"
    """Nested or binary: nothing that we read."""


class EngineError(Exception):
    """The engine could not do it; the message is the engine's own."""


class Engine(Protocol):
    """One session with tables of its own; nothing outlives `close`."""

    def run(self, name: str, **places: Places) -> None:
        """Run the statement; raise `EngineError` when the engine refuses."""
        ...

    def run_long(self, name: str, watch: Watch, **places: Places) -> None:
        """Run a statement that may last, telling `watch` how far it is."""
        ...

    def rows(self, name: str, **places: Places) -> list[tuple[Value, ...]]:
        """Return the statement's rows; for few rows, and for text."""
        ...

    def arrays(self, name: str, **places: Places) -> dict[str, Column]:
        """Return the statement's columns, one array each, of one length; for many rows of numbers, without nulls."""
        ...

    def store(self, table: str, columns: Mapping[str, Column]) -> None:
        """Make `table` anew from arrays of one length; arrays of objects hold text."""
        ...

    def parquet_columns(self, file: Path) -> dict[str, ColumnType]:
        """Return the columns of a Parquet file; raise `EngineError` when it is none."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...
