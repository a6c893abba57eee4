"""`Engine` on DuckDB: nothing is installed, loaded or called from outside."""

from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, cast

import duckdb
import jinja2

from guiyi.see.traffic.engine import Column, ColumnType, EngineError, Places, Value, Watch

WHOLE: Final = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
WHOLE_TYPES: Final = WHOLE | {f"U{name}" for name in WHOLE}
TIME_TYPES: Final = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
MOMENT_TYPES: Final = {"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"}
TEXT_TYPES: Final = {"VARCHAR", "UUID"}
REAL_TYPES: Final = {"FLOAT", "DOUBLE"}
WATCH_SECONDS: Final = 0.25


class DuckEngine:
    """One in-memory database that spills to `folder`."""

    def __init__(self, *, folder: Path, memory_mb: int) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._connection = duckdb.connect(config=config)
        self._connection.execute("set TimeZone = 'UTC'")
        # Progress is counted for `watch`; printed, it would end up in the standard output of a long command.
        self._connection.execute("set enable_progress_bar = true")
        self._connection.execute("set enable_progress_bar_print = false")

    def run(self, name: str, **places: Places) -> None:
        """Run the statement."""
        with _engine_errors():
            self._connection.execute(_sql(name, places))

    def run_long(self, name: str, watch: Watch, **places: Places) -> None:
        """Run the statement in another thread, so that this one can tell how far it is and hear an interrupt."""
        sql = _sql(name, places)
        with _engine_errors(), ThreadPoolExecutor(max_workers=1) as pool:
            running = pool.submit(self._connection.execute, sql)
            try:
                while not wait([running], timeout=WATCH_SECONDS).done:
                    watch(max(0, min(100, int(self._connection.query_progress()))))
            except BaseException:
                self._connection.interrupt()
                raise
            running.result()

    def rows(self, name: str, **places: Places) -> list[tuple[Value, ...]]:
        """Return the statement's rows."""
        with _engine_errors():
            return cast("list[tuple[Value, ...]]", self._connection.execute(_sql(name, places)).fetchall())

    def arrays(self, name: str, **places: Places) -> dict[str, Column]:
        """Return the statement's columns."""
        with _engine_errors():
            answer = self._connection.execute(_sql(name, places))
            return cast("dict[str, Column]", answer.fetchnumpy())  # pyright: ignore[reportUnknownMemberType] - pandas

    def store(self, table: str, columns: Mapping[str, Column]) -> None:
        """Make `table` anew from arrays."""
        with _engine_errors():
            self._connection.register("given", dict(columns))
            self._connection.execute(_sql("store", {"table": table}))
            self._connection.unregister("given")

    def parquet_columns(self, file: Path) -> dict[str, ColumnType]:
        """Return the columns of a Parquet file."""
        return {str(name): _type_of(str(kind)) for name, kind in self.rows("parquet_columns", file=file)}

    def close(self) -> None:
        """Give everything back."""
        self._connection.close()


def _type_of(name: str) -> ColumnType:
    families = (
        (TEXT_TYPES, ColumnType.TEXT),
        (TIME_TYPES, ColumnType.TIME),
        (MOMENT_TYPES, ColumnType.MOMENT),
        (WHOLE_TYPES, ColumnType.WHOLE),
        (REAL_TYPES, ColumnType.REAL),
    )
    if name.startswith("DECIMAL("):
        return ColumnType.REAL
    return next((family for names, family in families if name in names), ColumnType.OTHER)


@contextmanager
def _engine_errors() -> Generator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise EngineError(str(error).partition("\n")[0]) from error


def _text(value: Value) -> str:
    """Write `value` as a text of SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def _name(value: str) -> str:
    """Write `value` as a name of SQL."""
    return '"' + value.replace('"', '""') + '"'


@cache
def _statements() -> dict[str, jinja2.Template]:
    """Read the file of SQL: a line `-- name: x` begins statement x, and what stands before the first is shared."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - SQL, not HTML: what comes from outside passes the filters text and name
    )
    environment.filters.update(text=_text, name=_name)
    shared, *parts = (
        files("guiyi.see.traffic.engines.duckdb").joinpath("statements.sql").read_text("utf-8").split("-- name: ")
    )
    named = (part.partition("\n") for part in parts)
    return {name.strip(): environment.from_string(shared + sql) for name, _, sql in named}


def _sql(name: str, places: Mapping[str, Places]) -> str:
    return _statements()[name].render(**places)
