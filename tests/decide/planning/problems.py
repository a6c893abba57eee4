"""Small random problems, and the cheapest plan of each by trying every plan."""

import itertools
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

KINDS = ("app", "service_account", "mini_program")
SEGMENTS = ("frequent", "occasional")
Json = dict[str, Any]

money = st.integers(0, 400).map(str)
cents = st.integers(0, 40_000).map(lambda n: f"{n // 100}.{n % 100:02d}")


@st.composite
def problems(draw: st.DrawFn, *, max_channels: int = 8, max_functions: int = 4, max_cells: int = 10) -> Json:
    """Draw a problem document with rules, explicit costs, policies, and functions that may end."""
    channels = [f"ch{i}" for i in range(draw(st.integers(1, max_channels)))]
    functions = [f"d.f{i}" for i in range(draw(st.integers(1, max_functions)))]
    hosting = [
        {
            "channel": channel,
            "function": function,
            "offered": draw(st.booleans()),
            "running_cost": draw(cents),
            "porting_cost": draw(money),
            "removal_cost": draw(money),
        }
        for channel in channels
        for function in functions
        if draw(st.integers(0, 3)) > 0
    ]
    cells = [
        _cell(draw, f"c{i}", channels, draw(st.sampled_from(functions))) for i in range(draw(st.integers(0, max_cells)))
    ]
    explicit = {
        cell["id"]: {channel: draw(cents) for channel in draw(st.lists(st.sampled_from(channels), unique=True))}
        for cell in cells
        if draw(st.integers(0, 3)) == 0
    }
    return {
        "schema": "guiyi.problem/1",
        "currency": "CNY",
        "horizon_years": draw(st.integers(1, 4)),
        "discount_rate": draw(st.sampled_from(["0", "0.04", "0.1"])),
        "channels": [
            {
                "id": channel,
                "kind": draw(st.sampled_from(KINDS)),
                "platform": draw(st.sampled_from(["own", "wechat"])),
                "running_cost": draw(cents),
                "closing_cost": draw(money),
                "fate": draw(st.sampled_from(["free", "free", "free", "free", "keep", "close"])),
            }
            for channel in channels
        ],
        "functions": [{"id": function, "may_end": draw(st.booleans())} for function in functions],
        "hosting": hosting,
        "cells": cells,
        "attrition": [
            {"kind_from": a, "kind_host": b, "segment": segment, "active": active, "rate": draw(_rates)}
            for a in KINDS
            for b in KINDS
            for segment in ("*", "frequent")
            for active in (True, False)
        ],
        "audiences": [
            {"segment": "frequent", "channels": draw(st.lists(st.sampled_from(channels), unique=True)), "customers": 7}
        ],
        "moves": {"costs": explicit},
        "policies": _policies(draw, channels, functions),
    }


_rates = st.integers(0, 100).map(lambda n: f"{n / 100:.2f}")


def _cell(draw: st.DrawFn, cell_id: str, channels: list[str], function: str) -> Json:
    customers = draw(st.integers(0, 60))
    return {
        "id": cell_id,
        "function": function,
        "segment": draw(st.sampled_from(SEGMENTS)),
        "from": draw(st.lists(st.sampled_from(channels), unique=True, min_size=1, max_size=3)),
        "customers": customers,
        "value": draw(st.sampled_from(["0", "1", "3.5", "12.25"])),
        "active": {channel: draw(st.integers(0, customers)) for channel in channels if draw(st.booleans())},
    }


def _policies(draw: st.DrawFn, channels: list[str], functions: list[str]) -> list[Json]:
    policies: list[Json] = []
    if draw(st.integers(0, 2)) == 0:
        policies.append({"id": "most-kind", "type": "at_most", "n": draw(st.integers(0, 3)), "kind": "app"})
    if draw(st.integers(0, 2)) == 0:
        policies.append({"id": "most-wechat", "type": "at_most", "n": draw(st.integers(0, 3)), "platform": "wechat"})
    if draw(st.integers(0, 3)) == 0:
        only = draw(st.lists(st.sampled_from(channels), unique=True, min_size=1))
        policies.append({"id": "only", "type": "only_on", "function": functions[0], "channels": only})
    if draw(st.integers(0, 5)) == 0:
        policies.append({"id": "keep", "type": "keep", "channel": draw(st.sampled_from(channels))})
    if draw(st.integers(0, 5)) == 0:
        policies.append({"id": "close", "type": "close", "channel": draw(st.sampled_from(channels))})
    return policies


def cheapest(problem: Json) -> Decimal | None:
    """Return the least cost over every set of channels and, function by function, every set of hosts; None: no plan."""
    return min(
        (cost for stays in _subsets(problem["channels"]) if (cost := _cost(problem, stays)) is not None), default=None
    )


def _subsets(rows: list[Json]) -> list[set[str]]:
    ids = [row["id"] for row in rows]
    return [set(chosen) for size in range(len(ids) + 1) for chosen in itertools.combinations(ids, size)]


def _cost(problem: Json, stays: set[str]) -> Decimal | None:
    if not _allowed(problem, stays):
        return None
    factor = sum(
        (1 / (1 + Decimal(problem["discount_rate"])) ** t for t in range(problem["horizon_years"])), Decimal(0)
    )
    total = Decimal(0)
    for channel in problem["channels"]:
        kept = channel["id"] in stays
        total += Decimal(channel["running_cost"]) * factor if kept else Decimal(channel["closing_cost"])
    for function in problem["functions"]:
        best = _function_cost(problem, stays, function, factor)
        if best is None:
            return None
        total += best
    return total


def _allowed(problem: Json, stays: set[str]) -> bool:
    for channel in problem["channels"]:
        if (channel["fate"] == "keep") > (channel["id"] in stays) or (
            (channel["fate"] == "close") and (channel["id"] in stays)
        ):
            return False
    for policy in problem["policies"]:
        match policy["type"]:
            case "keep":
                holds = policy["channel"] in stays
            case "close":
                holds = policy["channel"] not in stays
            case "at_most":
                key = "kind" if "kind" in policy else "platform"
                counted = [c for c in problem["channels"] if c["id"] in stays and c[key] == policy[key]]
                holds = len(counted) <= policy["n"]
            case _:
                holds = True
        if not holds:
            return False
    return True


def _function_cost(problem: Json, stays: set[str], function: Json, factor: Decimal) -> Decimal | None:
    name = function["id"]
    only = [set(p["channels"]) for p in problem["policies"] if p["type"] == "only_on" and p["function"] == name]
    rows = [row for row in problem["hosting"] if row["function"] == name]
    usable = [r for r in rows if r["channel"] in stays and all(r["channel"] in channels for channels in only)]
    cells = [cell for cell in problem["cells"] if cell["function"] == name]
    arcs = {
        (cell["id"], row["channel"]): _arc(problem, cell, row["channel"], factor) for cell in cells for row in usable
    }
    best: Decimal | None = None
    for size in range(len(usable) + 1):
        for hosts in itertools.combinations(usable, size):
            cost = Decimal(0)
            for row in rows:
                if row in hosts:
                    cost += Decimal(row["running_cost"]) * factor
                    cost += 0 if row["offered"] else Decimal(row["porting_cost"])
                elif row["offered"] and row["channel"] in stays:
                    cost += Decimal(row["removal_cost"])
            served = True
            for cell in cells:
                options = [arcs[cell["id"], row["channel"]] for row in hosts]
                if function["may_end"]:
                    options.append(Decimal(cell["value"]) * factor * cell["customers"])
                if not options:
                    served = False
                    break
                cost += min(options)
            if served and (best is None or cost < best):
                best = cost
    return best


def _arc(problem: Json, cell: Json, host: str, factor: Decimal) -> Decimal:
    explicit = problem["moves"]["costs"].get(cell["id"], {})
    if host in explicit:
        return Decimal(explicit[host])
    if host in cell["from"]:
        return Decimal(0)
    kind = {channel["id"]: channel["kind"] for channel in problem["channels"]}
    rates = {
        (r["kind_from"], r["kind_host"], r["segment"], r["active"]): Decimal(r["rate"]) for r in problem["attrition"]
    }
    active = cell["active"].get(host, 0)
    least = min(
        sum(
            (
                count
                * rates.get((kind[source], kind[host], cell["segment"], a), rates[kind[source], kind[host], "*", a])
                for count, a in ((active, True), (cell["customers"] - active, False))
            ),
            Decimal(0),
        )
        for source in cell["from"]
    )
    return Decimal(cell["value"]) * factor * least
