"""How long a workbook of 5,000 offerings takes from file to database: at most 5 seconds.

    .venv/bin/python benchmarks/bench_register_import.py

The database is the one of the settings (`GUIYI_HOME`, `GUIYI_DATABASE_URL`); by default a new one in a temporary home.
"""

import json
import os
import platform
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from guiyi.kit.clock import SystemClock
from guiyi.plumbing.config.api import get_settings
from guiyi.plumbing.db.api import open_database
from guiyi.see.register.api import Register, example_bank, import_register, read_register, write_register

RESULT = Path(__file__).parent / "results" / "register_import.json"
OFFERINGS = 5_000
CHANNELS = 50
LIMIT_SECONDS = 5.0
RUNS = 3


def main() -> None:
    """Measure, write the result file, and fail above the limit."""
    with tempfile.TemporaryDirectory(prefix="guiyi-bench-") as home:
        Path(home).chmod(0o711)  # the database's account passes through
        os.environ.setdefault("GUIYI_HOME", home)
        reading, importing, size = _measure(Path(home) / "register.xlsx")
    slowest = max(range(RUNS), key=lambda run: reading[run] + importing[run])
    seconds = round(reading[slowest] + importing[slowest], 3)
    result = {
        "offerings": OFFERINGS,
        "workbook_bytes": size,
        "runs": RUNS,
        "read_seconds": round(reading[slowest], 3),
        "import_seconds": round(importing[slowest], 3),
        "seconds": seconds,
        "limit_seconds": LIMIT_SECONDS,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    if seconds > LIMIT_SECONDS:
        raise SystemExit(f"importing took {seconds} s, {LIMIT_SECONDS} s are allowed")


def _measure(file: Path) -> tuple[list[float], list[float], int]:
    """Return the seconds of reading and of importing by run, and the workbook's bytes."""
    register = _register()
    reading: list[float] = []
    importing: list[float] = []
    with open_database(get_settings()) as database:
        for run in range(RUNS):
            # Every run changes every offering, so that all of them are written.
            offerings = tuple(replace(row, entry_path=f"{row.entry_path} > {run}") for row in register.offerings)
            write_register(replace(register, offerings=offerings), file)
            started = time.perf_counter()
            read = read_register(file)
            reading.append(time.perf_counter() - started)
            database.run(
                lambda session, read=read: import_register(
                    session, read, clock=SystemClock(), actor="bench", source="bench"
                )
            )
            importing.append(time.perf_counter() - started - reading[-1])
    return reading, importing, file.stat().st_size


def _register() -> Register:

    bank = example_bank()
    channel, function, offering = bank.channels[0], bank.functions[0], bank.offerings[0]
    channels = tuple(replace(channel, channel_id=f"c{n}") for n in range(CHANNELS))
    functions = tuple(replace(function, function_id=f"d.f{n}") for n in range(OFFERINGS // CHANNELS))
    offerings = tuple(
        replace(offering, channel_id=c.channel_id, function_id=f.function_id) for c in channels for f in functions
    )
    return Register(channels=channels, functions=functions, offerings=offerings, platforms=bank.platforms)


if __name__ == "__main__":
    main()
