"""What happens when a load is disturbed."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from guiyi.kit.text import Text
from guiyi.see.traffic.engines.duckdb import engine
from guiyi.see.traffic.errors import LogUnreadableError, RowsLostError
from guiyi.see.traffic.load import FOLDING

if TYPE_CHECKING:
    from collections.abc import Callable

    from guiyi.kit.progress import Progress

    from .conftest import Bank

ROW = ("2026-01-05", "app", "accounts.balance", "u")


def when_folding(act: "Callable[[], object]") -> "Progress":
    """Act once the files are opened and counted, and not read yet."""

    def hear(step: Text, done: int, total: int | None = None) -> None:
        assert total is None or done <= total
        if step is FOLDING:
            act()

    return hear


def test_load_stops_when_a_file_loses_rows_meanwhile(bank: "Bank") -> None:
    file = bank.events([ROW, ROW])
    bank.progress = when_folding(lambda: bank.events([ROW]))
    with pytest.raises(RowsLostError, match="1 rows read and 0 refused do not make the 2 rows") as caught:
        bank.read(file)
    assert caught.value.retryable


def test_load_stops_when_a_file_is_spoilt_meanwhile(bank: "Bank") -> None:
    file = bank.events([ROW])
    bank.progress = when_folding(lambda: file.write_bytes(b"spoilt"))
    with pytest.raises(LogUnreadableError):
        bank.read(file)
    assert only(bank, file)


def test_nothing_is_left_when_a_load_is_interrupted(bank: "Bank", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "WATCH_SECONDS", 0.0)
    file = bank.events([ROW])

    def interrupt(step: Text, done: int, total: int | None = None) -> None:
        if step.en.startswith("Converting"):
            assert 0 <= done <= (total or 0)
            raise KeyboardInterrupt

    log = bank.text("log.csv", "event_time,channel_id,function_id,user_key\n" + (",".join(ROW) + "\n") * 200_000)
    bank.progress = interrupt
    with pytest.raises(KeyboardInterrupt):
        bank.read(log)
    assert only(bank, file, log)


def test_lines_are_told_when_a_file_is_read_record_by_record(bank: "Bank") -> None:
    told: list[tuple[str, int]] = []
    bank.progress = lambda step, done, total=None: told.append((step.en, done)) if total is None else None
    row = ",".join(ROW) + "\n"
    bank.read(bank.text("log.csv", "event_time,channel_id,function_id,user_key\n\n" + row * 250_000))
    assert [done for step, done in told if step == "Reading log.csv record by record"] == [100_000, 200_000]


def test_memory_and_files_are_given_back_when_traffic_is_closed(bank: "Bank") -> None:
    file = bank.events([ROW])
    with bank.read(file) as traffic:
        assert not only(bank, file)
        assert traffic.report().customers == 1
    assert only(bank, file)


def only(bank: "Bank", *files: Path) -> bool:
    """Tell whether nothing but `files` is in the bank's folder."""
    return set(bank.folder.iterdir()) == set(files)
