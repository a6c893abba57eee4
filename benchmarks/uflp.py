"""OR-Library's uncapacitated facility location instances as problem documents."""

import json
from pathlib import Path

OPTIMA = {"cap71": "932615.75", "cap104": "928941.75", "cap134": "928941.75"}
"""Known optimal values; J. E. Beasley, OR-Library."""


def problem_document(path: Path) -> bytes:
    """Return the instance at `path` as `guiyi.problem/1`: facilities are channels, customers are cells."""
    tokens = path.read_text().split()
    facilities, customers = int(tokens[0]), int(tokens[1])
    numbers = iter(tokens[2:])
    channels: list[dict[str, str]] = []
    for facility in range(facilities):
        next(numbers)  # the capacity, which an uncapacitated problem does not use
        running_cost = next(numbers).rstrip(".")
        channels.append({"id": f"f{facility}", "running_cost": running_cost, "closing_cost": "0", "fate": "free"})
    cells: list[dict[str, object]] = []
    costs: dict[str, dict[str, str]] = {}
    for customer in range(customers):
        next(numbers)  # the demand; the costs that follow are for all of it
        cell = f"c{customer}"
        cells.append({"id": cell, "function": "serve", "segment": "all", "from": [], "customers": 1, "value": "0"})
        costs[cell] = {f"f{facility}": next(numbers) for facility in range(facilities)}
    hosting: list[dict[str, object]] = [
        {"channel": row["id"], "function": "serve", "offered": True, "porting_cost": "0"} for row in channels
    ]
    document = {
        "schema": "guiyi.problem/1",
        "currency": "USD",
        "horizon_years": 1,
        "discount_rate": "0",
        "channels": channels,
        "functions": [{"id": "serve", "may_end": False}],
        "hosting": hosting,
        "cells": cells,
        "moves": {"costs": costs},
        "policies": [],
    }
    return json.dumps(document).encode()
