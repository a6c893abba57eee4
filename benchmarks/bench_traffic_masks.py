"""What the masks cost, as a multiple of scanning the same columns, on 20 M generated events.

    .venv/bin/python benchmarks/bench_traffic_masks.py

The scan reads the columns of the log with DuckDB and keeps the greatest of each. Every figure comes from the product's
own load, statement by statement, scans before and after it, each the fastest of three runs; the seconds of processor
time stand beside those of the clock, since they tell the same on a machine that has other things to do:

- *yearly masks*: checking every row and folding the log (the one pass, which serves all masks), persons, grouped masks;
- *monthly masks*: the same and the grouped masks of every month, against the same scan;
- *use*: folding, persons, `use`, and the cells with their host counts as the planner gets them;
- *linking*: who is whose customer, with the identities file, stated beside, as is the whole load.
"""

import json
import os
import platform
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

import duckdb

from guiyi.app.traffic import scope_of, synth_spec_of
from guiyi.kit.progress import silent
from guiyi.plumbing.config.api import get_settings
from guiyi.see.register.api import example_bank
from guiyi.see.traffic.answers import Traffic
from guiyi.see.traffic.api import EventSource, LogFormat, synthesise
from guiyi.see.traffic.engine import Column, Places, Value, Watch
from guiyi.see.traffic.engines.duckdb.engine import DuckEngine
from guiyi.see.traffic.load import load
from guiyi.see.traffic.service import DEFAULT_MEMORY_MB

P = ParamSpec("P")
R = TypeVar("R")
Figures = dict[str, float]

RESULT = Path(__file__).parent / "results" / "traffic_masks.json"
EVENTS = int(os.environ.get("GUIYI_BENCH_EVENTS", "20000000"))
CUSTOMERS = EVENTS // 20
MONTHS = 18
RUNS = 3
QUESTIONS = 500
LIMITS = {"yearly": 4.0, "monthly": 8.0, "use_and_cells": 40.0}
LIMIT_BYTES = 2_000_000_000
LIMIT_QUESTION_SECONDS = 0.010
SCANNED = ("event_time", "channel_id", "function_id", "user_key", "customer_id")
MASKS = ("checked", "seen", "presences", "persons", "window_masks")
LINKING = ("identities_seen", "values", "identity_roots", "keys", "edges", "numbers")
PARTS = {
    "yearly": MASKS,
    "monthly": (*MASKS, "month_masks"),
    "use_and_cells": (*MASKS[:-1], "use_none", "use_of", "cells_asked"),
}


class TimedEngine(DuckEngine):
    """Adds up the seconds of each statement."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder=folder, memory_mb=DEFAULT_MEMORY_MB)
        self.seconds: Figures = {}
        self.processor_seconds: Figures = {}

    @contextmanager
    def timed(self, name: str) -> Generator[None]:
        """Count the time of the block under `name`."""
        started, processor = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
        self.processor_seconds[name] = self.processor_seconds.get(name, 0.0) + time.process_time() - processor

    def run(self, name: str, **places: Places) -> None:
        """Run the statement."""
        with self.timed(name):
            super().run(name, **places)

    def run_long(self, name: str, watch: Watch, **places: Places) -> None:
        """Run it while its progress is told."""
        with self.timed(name):
            super().run_long(name, watch, **places)

    def rows(self, name: str, **places: Places) -> list[tuple[Value, ...]]:
        """Return its rows."""
        with self.timed(name):
            return super().rows(name, **places)

    def arrays(self, name: str, **places: Places) -> dict[str, Column]:
        """Return its columns."""
        with self.timed(name):
            return super().arrays(name, **places)


def main() -> None:
    """Measure, write the result file, and fail above a limit."""
    with tempfile.TemporaryDirectory(prefix="guiyi-bench-") as name:
        folder = Path(name)
        generated = _in_a_process(_generate, folder)
        runs = [_in_a_process(_measure, folder) for _ in range(RUNS)]
    fastest = {figure: min(run[figure] for run in runs) for figure in runs[0]}
    ratios = {part: round(fastest[part] / fastest["scan"], 2) for part in PARTS}
    by_processor = {part: round(fastest[f"{part}_cpu"] / fastest["scan_cpu"], 2) for part in PARTS}
    peak = max(run["peak_bytes"] for run in runs)
    slowest_question = max(run["question"] for run in runs)
    result = {
        "events": EVENTS,
        "customers": int(fastest["customers"]),
        "runs": RUNS,
        "seconds": {name: round(fastest[name], 3) for name in ("scan", *PARTS, "linking", "load")},
        "times_the_scan": ratios,
        "processor_times_the_scan": by_processor,
        "limits_times_the_scan": LIMITS,
        "cells": int(fastest["cells"]),
        "slowest_closure_question_ms": round(slowest_question * 1000, 3),
        "limit_closure_question_ms": LIMIT_QUESTION_SECONDS * 1000,
        "peak_rss_bytes": int(peak),
        "limit_rss_bytes": LIMIT_BYTES,
        "generator": {"seconds": round(generated["seconds"], 1), "peak_rss_bytes": int(generated["peak_bytes"])},
        "duckdb": duckdb.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    missed = [
        f"{part} {ratios[part]} × the scan, {most} allowed" for part, most in LIMITS.items() if ratios[part] > most
    ]
    missed += [f"{peak:,.0f} bytes of memory"] * (peak > LIMIT_BYTES)
    missed += [f"a closure question of {slowest_question} s"] * (slowest_question > LIMIT_QUESTION_SECONDS)
    if missed:
        raise SystemExit("; ".join(missed))


def _in_a_process(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `work` in a process of its own, so that its peak of memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args, **kwargs).result()


def _peak_bytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)


def _generate(folder: Path) -> Figures:
    started = time.perf_counter()
    spec = synth_spec_of(
        example_bank(),
        get_settings(),
        events=EVENTS,
        customers=CUSTOMERS,
        months=MONTHS,
        seed=1,
        log_format=LogFormat.PARQUET,
    )
    synthesise(spec, folder)
    return {"seconds": time.perf_counter() - started, "peak_bytes": _peak_bytes()}


def _measure(folder: Path) -> Figures:
    before = _scan(folder / "events")
    figures: Figures = {}
    register = example_bank()
    scope = scope_of(register, get_settings())
    work = Path(tempfile.mkdtemp(dir=folder))
    engine = TimedEngine(work)
    started = time.perf_counter()
    source = EventSource(folder / "events", folder / "identities.parquet")
    loaded = load(engine, source, scope, work, silent)
    figures["load"] = time.perf_counter() - started
    hosts: dict[str, list[str]] = {}
    for row in (*register.offerings, *register.hosting):
        hosts.setdefault(row.function_id, []).append(row.channel_id)
    with Traffic(scope, engine, loaded, work) as traffic:
        with engine.timed("cells_asked"):
            cells = traffic.cells(hosts)
        traffic.reach_lost([])
        figures["question"] = _slowest_question(traffic)
        for part, names in PARTS.items():
            figures[part] = sum(engine.seconds[name] for name in names)
            figures[f"{part}_cpu"] = sum(engine.processor_seconds[name] for name in names)
        figures["linking"] = sum(engine.seconds[name] for name in LINKING)
        figures |= {"cells": len(cells), "customers": traffic.report().customers, "peak_bytes": _peak_bytes()}
    shutil.rmtree(work, ignore_errors=True)
    after = _scan(folder / "events")
    return figures | {"scan": min(before[0], after[0]), "scan_cpu": min(before[1], after[1])}


def _scan(events: Path) -> tuple[float, float]:
    """Return the fastest scan's seconds by the clock and of the processor."""
    wanted = ", ".join(f"max({column})" for column in SCANNED)
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        seconds: list[float] = []
        processor: list[float] = []
        for _ in range(RUNS):
            started, busy = time.perf_counter(), time.process_time()
            connection.execute(f"select {wanted} from read_parquet('{events}/*.parquet')").fetchall()  # noqa: S608 - ours
            seconds.append(time.perf_counter() - started)
            processor.append(time.process_time() - busy)
    return min(seconds), min(processor)


def _slowest_question(traffic: Traffic) -> float:
    channels = random.Random(1)  # noqa: S311 - which channels to ask about
    slowest = 0.0
    for _ in range(QUESTIONS):
        closed = channels.sample(traffic.scope.channel_ids, channels.randrange(1, len(traffic.scope.channel_ids)))
        started = time.perf_counter()
        traffic.reach_lost(closed)
        slowest = max(slowest, time.perf_counter() - started)
    return slowest


if __name__ == "__main__":
    main()
