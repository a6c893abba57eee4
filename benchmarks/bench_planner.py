"""Planner: OR-Library's instances proven at their known optimum, and the example bank planned in at most 60 seconds.

    .venv/bin/python benchmarks/bench_planner.py

Beside each instance stands the time of plain HiGHS on the model with one variable a cell and host, in the same run.
"""

import json
import os
import platform
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import highspy
import numpy as np

from guiyi.app.example import CUSTOMERS, EVENTS, MONTHS, POLICIES_FILE, REGISTER_FILE, SEED, examples_folder
from guiyi.app.planning import plan_from_files
from guiyi.app.traffic import synth_spec_of
from guiyi.decide.planning.api import Problem, parse_problem, read_policies, solve_document
from guiyi.kit.clock import SystemClock
from guiyi.plumbing.config.api import get_settings
from guiyi.see.register.api import read_register
from guiyi.see.traffic.api import EventSource, LogFormat, synthesise
from uflp import OPTIMA, problem_document

RESULT = Path(__file__).parent / "results" / "planner.json"
INSTANCES = Path(__file__).parents[2] / "shared" / "data" / "uflp"
EXAMPLE_LIMIT_SECONDS = 60.0


def main() -> None:
    """Measure, write the result file, and fail where a bound is missed."""
    instances = [_instance(name) for name in OPTIMA if (INSTANCES / f"{name}.txt").exists()]
    example, seconds = _example_bank()
    result = {
        "instances": instances,
        "example_bank": example,
        "example_limit_seconds": EXAMPLE_LIMIT_SECONDS,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    wrong = [row["instance"] for row in instances if not row["proven_at_known_optimum"]]
    if wrong:
        raise SystemExit(f"not proven at the known optimum: {wrong}")
    if example["status"] != "proven_optimal" or seconds > EXAMPLE_LIMIT_SECONDS:
        raise SystemExit("the example bank was not proven in time")


def _instance(name: str) -> dict[str, object]:
    document = problem_document(INSTANCES / f"{name}.txt")
    started_at = time.perf_counter()
    plan = solve_document(document)
    seconds = time.perf_counter() - started_at
    return {
        "instance": name,
        "objective": str(plan.objective),
        "bound": str(plan.bound),
        "proven_at_known_optimum": plan.status == "proven_optimal" and plan.objective == Decimal(OPTIMA[name]),
        "seconds": round(seconds, 3),
        "plain_highs_seconds": round(_plain_highs_seconds(parse_problem(document)), 3),
    }


def _plain_highs_seconds(problem: Problem) -> float:
    """Solve min Σ f·y + Σ c·x, Σ x = 1, x ≤ y, without any reduction."""
    hosts = {channel.id: index for index, channel in enumerate(problem.channels)}
    arcs = [
        (row, hosts[host], float(cost))
        for row, cell in enumerate(problem.cells)
        for host, cost in problem.moves.costs[cell.id].items()
    ]
    columns, cells = len(hosts) + len(arcs), len(problem.cells)
    linear = highspy.HighsLp()
    linear.num_col_, linear.num_row_ = columns, cells + len(arcs)
    fixed = [float(channel.running_cost) for channel in problem.channels]
    linear.col_cost_ = np.array([*fixed, *(cost for _, _, cost in arcs)])
    linear.col_lower_, linear.col_upper_ = np.zeros(columns), np.ones(columns)
    linear.row_lower_ = np.concatenate([np.ones(cells), np.full(len(arcs), -np.inf)])
    linear.row_upper_ = np.concatenate([np.ones(cells), np.zeros(len(arcs))])
    by_cell: list[list[int]] = [[] for _ in range(cells)]
    for place, (row, _, _) in enumerate(arcs):
        by_cell[row].append(len(hosts) + place)
    rows = [*by_cell, *([len(hosts) + place, host] for place, (_, host, _) in enumerate(arcs))]
    linear.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    linear.a_matrix_.start_ = np.cumsum([0, *map(len, rows)])
    linear.a_matrix_.index_ = np.array([column for row in rows for column in row], dtype=np.int32)
    ones = np.ones(len(arcs))
    linear.a_matrix_.value_ = np.concatenate([ones, np.column_stack([ones, -ones]).ravel()])
    linear.integrality_ = [highspy.HighsVarType.kInteger] * len(hosts) + [highspy.HighsVarType.kContinuous] * len(arcs)
    highs = highspy.Highs()
    highs.silent()
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.setOptionValue("threads", 1)
    highs.passModel(linear)
    started_at = time.perf_counter()
    highs.solve()
    return time.perf_counter() - started_at


def _example_bank() -> tuple[dict[str, object], float]:
    settings = get_settings()
    register = read_register(examples_folder() / REGISTER_FILE)
    spec = synth_spec_of(
        register,
        settings,
        events=EVENTS,
        customers=CUSTOMERS,
        months=MONTHS,
        seed=SEED,
        log_format=LogFormat.PARQUET,
    )
    with tempfile.TemporaryDirectory(prefix="guiyi-bench-") as folder:
        files = synthesise(spec, Path(folder))
        started_at = time.perf_counter()
        bank_plan = plan_from_files(
            register,
            EventSource(files.events, files.identities),
            read_policies(examples_folder() / POLICIES_FILE),
            settings=settings,
            clock=SystemClock(),
        )
        seconds = time.perf_counter() - started_at
    figures: dict[str, object] = {
        "events": files.event_rows,
        "cells": len(bank_plan.problem.cells),
        "hostings": len(bank_plan.problem.hosting),
        "status": str(bank_plan.plan.status),
        "objective": f"{bank_plan.plan.objective:.6f}",
        "bound": f"{bank_plan.plan.bound:.6f}",
        "solve_seconds": round(bank_plan.facts.solve_seconds, 3) if bank_plan.facts else None,
        "seconds": round(seconds, 3),
    }
    return figures, seconds


if __name__ == "__main__":
    main()
