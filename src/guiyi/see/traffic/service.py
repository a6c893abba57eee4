"""From files to `Traffic`, and from a specification to made-up files."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np

from guiyi.kit.progress import Progress, silent
from guiyi.kit.text import Text
from guiyi.see.traffic.answers import Traffic
from guiyi.see.traffic.engine import Column, Engine, EngineError
from guiyi.see.traffic.engines.duckdb.engine import DuckEngine
from guiyi.see.traffic.files import BESIDE, SYNTHETIC_KEY, unreadable
from guiyi.see.traffic.load import load
from guiyi.see.traffic.model import EventSource, LogFormat, Scope, SynthFiles, SynthSpec
from guiyi.see.traffic.synth import Bank

DEFAULT_MEMORY_MB: Final = 1_000
"""Of the engine; beyond, it spills to the temporary folder."""

WRITING = Text("生成流量", "Making traffic up")


def read_traffic(
    source: EventSource,
    scope: Scope,
    *,
    progress: Progress = silent,
    memory_mb: int = DEFAULT_MEMORY_MB,
    temp_folder: Path | None = None,
) -> Traffic:
    """Read an event log into masks; close the result, or use it as a context manager.

    Args:
        source: Files.
        scope: What is counted.
        progress: Told of every step.
        memory_mb: What the engine may hold in memory, in MB of 10^6 bytes; it spills to disk beyond.
        temp_folder: Where a folder for spilling and for CSV on its way is made; None: the system's.

    Raises:
        LogMissingError, LogUnreadableError, LogEmptyError, ColumnMissingError, MappingInvalidError: The files.
        TooManyRefusedError: More rows refused than `scope.max_refused_share`, of the events or of the identities.
        WindowTooLongError: More than `load.MAX_MONTHS` months, or a window that ends before it begins.
        ScopeTooLargeError: More channels or functions than can be counted.
        RowsLostError: Rows read + refused are not the rows of the file.
    """
    with ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix="guiyi-traffic-", dir=temp_folder))
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        engine = DuckEngine(folder=folder, memory_mb=memory_mb)
        undo.callback(engine.close)
        try:
            loaded = load(engine, source, scope, folder, progress)
        except EngineError as error:
            raise unreadable(source.events, error) from error
        undo.pop_all()
        return Traffic(scope, engine, loaded, folder)


def synthesise(spec: SynthSpec, folder: Path, progress: Progress = silent) -> SynthFiles:
    """Write a made-up log into `folder`/events and `folder`/identities.*; `synth` says how its bank behaves.

    Every file is marked synthetic: Parquet in its metadata (`guiyi.synthetic` = `true`), CSV by a JSON file beside it
    (`<file>.meta.json`). The same specification always gives the same rows. Files of an earlier run there are replaced.

    Raises:
        NothingOfferedError: No offering, or a figure out of range.
    """
    bank = Bank(spec)
    events = folder / "events"
    events.mkdir(parents=True, exist_ok=True)
    for old in (*events.glob("part-*"), *folder.glob("identities.*")):
        old.unlink()
    identities = folder / f"identities.{spec.format.value}"
    event_rows = 0
    with tempfile.TemporaryDirectory(prefix="guiyi-synth-") as spill:
        engine = DuckEngine(folder=Path(spill), memory_mb=DEFAULT_MEMORY_MB)
        _store_names(engine, "channel", [channel.channel_id for channel in spec.channels])
        _store_names(engine, "function", bank.function_ids)
        for number, batch in enumerate(bank.event_batches()):
            progress(WRITING, event_rows, spec.events)
            target = events / f"part-{number:05d}.{spec.format.value}"
            _write(engine, "write_events", batch.columns(), target, spec.format)
            event_rows += len(batch.key)
        parts = [batch.columns() for batch in bank.identity_batches()]
        whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        _write(engine, "write_identities", whole, identities, spec.format)
        engine.close()
    progress(WRITING, event_rows, spec.events)
    return SynthFiles(events=events, identities=identities, event_rows=event_rows, identity_rows=len(whole["key"]))


def _store_names(engine: Engine, table: str, names: "list[str] | tuple[str, ...]") -> None:
    places = np.arange(len(names), dtype=np.uint32)
    engine.store(table, {"place": places, "id": np.array(names, dtype=object)})


def _write(engine: Engine, statement: str, columns: Mapping[str, Column], target: Path, log_format: LogFormat) -> None:
    engine.store("batch", columns)
    engine.run(statement, target=target, format=log_format.value, mark=SYNTHETIC_KEY)
    if log_format is LogFormat.CSV:
        target.with_name(target.name + BESIDE).write_text(json.dumps({SYNTHETIC_KEY: True}) + "\n", "utf-8")
