"""A small problem whose best plan can be added up by hand."""

import copy
from typing import Any

Json = dict[str, Any]

_SMALL: Json = {
    "schema": "guiyi.problem/1",
    "currency": "CNY",
    "horizon_years": 1,
    "discount_rate": "0",
    "channels": [
        {"id": "app", "kind": "app", "platform": "own", "running_cost": "1000", "closing_cost": "100", "fate": "free"},
        {
            "id": "oa",
            "kind": "service_account",
            "platform": "wechat",
            "running_cost": "500",
            "closing_cost": "20",
            "fate": "free",
        },
    ],
    "functions": [{"id": "payments.transfer", "may_end": False}, {"id": "lifestyle.cinema", "may_end": True}],
    "hosting": [
        {
            "channel": "app",
            "function": "payments.transfer",
            "offered": True,
            "running_cost": "40",
            "porting_cost": "0",
            "removal_cost": "5",
        },
        {
            "channel": "oa",
            "function": "payments.transfer",
            "offered": True,
            "running_cost": "30",
            "porting_cost": "0",
            "removal_cost": "5",
        },
        {"channel": "oa", "function": "lifestyle.cinema", "offered": True, "running_cost": "10", "porting_cost": "0"},
        {
            "channel": "app",
            "function": "lifestyle.cinema",
            "offered": False,
            "running_cost": "10",
            "porting_cost": "90",
        },
    ],
    "cells": [
        {
            "id": "c1",
            "function": "payments.transfer",
            "segment": "frequent",
            "from": ["oa"],
            "customers": 100,
            "value": "2.5",
            "active": {"app": 60},
        },
        {
            "id": "c2",
            "function": "payments.transfer",
            "segment": "frequent",
            "from": ["app"],
            "customers": 1000,
            "value": "10",
            "active": {"oa": 10},
        },
        {
            "id": "c3",
            "function": "lifestyle.cinema",
            "segment": "occasional",
            "from": ["oa"],
            "customers": 20,
            "value": "1",
            "active": {"app": 20},
        },
    ],
    "attrition": [
        {"kind_from": "service_account", "kind_host": "app", "segment": "*", "active": True, "rate": "0.1"},
        {"kind_from": "service_account", "kind_host": "app", "segment": "*", "active": False, "rate": "0.3"},
        {"kind_from": "app", "kind_host": "service_account", "segment": "*", "active": True, "rate": "0.2"},
        {"kind_from": "app", "kind_host": "service_account", "segment": "*", "active": False, "rate": "0.5"},
        {"kind_from": "app", "kind_host": "service_account", "segment": "frequent", "active": False, "rate": "0.4"},
    ],
    "audiences": [
        {"segment": "frequent", "channels": ["oa"], "customers": 40},
        {"segment": "frequent", "channels": ["app", "oa"], "customers": 80},
    ],
    "policies": [],
}
"""Best: the app alone. 1000 + 20 closing + 40 hosting + moves 2.5 × (60 × 0.1 + 40 × 0.3) = 45, cinema ends for 20."""


def small_problem(**changes: object) -> Json:
    """Return a fresh copy of the small problem with top-level `changes`."""
    return copy.deepcopy(_SMALL) | changes


def set_in(document: Json, path: str, value: object) -> Json:
    """Set what a dotted `path` of keys and indexes names, and return the document."""
    *parents, last = path.split(".")
    place: Any = document
    for part in parents:
        place = place[int(part)] if part.isdigit() else place[part]
    if last.isdigit():
        place[int(last)] = value
    else:
        place[last] = value
    return document
