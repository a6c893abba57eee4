"""Small logs, written by DuckDB and read through the face."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from guiyi.kit.progress import Progress, silent
from guiyi.see.traffic.api import EventSource, Scope, Traffic, read_traffic

Row = tuple[object, ...]

EVENT_TYPES = {
    "event_time": "timestamp",
    "channel_id": "varchar",
    "function_id": "varchar",
    "user_key": "varchar",
    "customer_id": "varchar",
    "value_minor": "bigint",
}
IDENTITY_TYPES: dict[str, str] = dict.fromkeys(("channel_id", "user_key", "key_type", "key_value"), "varchar")


def write_parquet(file: Path, types: dict[str, str], rows: Iterable[Row], metadata: str = "") -> Path:
    """Write rows as a Parquet file; rows may be shorter than the columns."""
    with duckdb.connect() as connection:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        connection.execute(f"create table t ({columns})")
        filled = [(*row, *[None] * (len(types) - len(row))) for row in rows]
        if filled:
            places = ", ".join("?" * len(types))
            connection.executemany(f"insert into t values ({places})", filled)  # noqa: S608 - question marks alone
        options = f", kv_metadata {metadata}" if metadata else ""
        connection.execute(f"copy t to '{str(file).replace(chr(39), chr(39) * 2)}' (format parquet{options})")
    return file


@dataclass
class Bank:
    """Writes logs into a folder and reads them."""

    folder: Path
    channels: tuple[str, ...] = ("app", "oa", "mini")
    functions: tuple[str, ...] = ("payments.transfer", "accounts.balance", "corporate.payroll")
    timezone: str = "Asia/Shanghai"
    window: tuple[datetime, datetime] | None = None
    max_refused_share: Decimal = Decimal(1)
    progress: Progress = silent
    opened: list[Traffic] = field(default_factory=list)

    def events(self, rows: Sequence[Row], types: dict[str, str] | None = None) -> Path:
        return write_parquet(self.folder / "events.parquet", types or EVENT_TYPES, rows)

    def identities(self, rows: Sequence[Row]) -> Path:
        return write_parquet(self.folder / "identities.parquet", IDENTITY_TYPES, rows)

    def text(self, name: str, content: str | bytes) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return file

    def read(self, events: Path, identities: Path | None = None, mapping: Path | None = None) -> Traffic:
        scope = Scope(self.channels, self.functions, self.timezone, self.window, self.max_refused_share)
        source = EventSource(events, identities, mapping)
        traffic = read_traffic(source, scope, progress=self.progress, temp_folder=self.folder)
        self.opened.append(traffic)
        return traffic

    def close(self) -> None:
        for traffic in self.opened:
            traffic.close()


@pytest.fixture
def bank(tmp_path: Path) -> Iterable[Bank]:
    made = Bank(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def banks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Bank]:
    """Make a bank in a folder of its own; for tests of hypothesis, which share one fixture over all examples."""
    return lambda: Bank(tmp_path_factory.mktemp("bank"))
