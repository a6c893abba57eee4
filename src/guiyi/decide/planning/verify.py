"""Check a plan against its problem from the two documents alone.

Shares no code with the solver or with the pricing: every rule is stated a second time, and every cost is added again,
in Decimal, from the JSON. A plan that does not pass is never shown.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Any, Literal, cast

from guiyi.decide.planning.documents import rejected
from guiyi.decide.planning.errors import PlanNotVerified

Json = dict[str, Any]
Finding = tuple[str, str]
"""Where, and what is wrong there."""

_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_ANNUITY = Context(prec=30, rounding=ROUND_HALF_EVEN)
_STATED_PLACES = Decimal("0.000001")
_PROVEN = Decimal("1e-9")
_ACCOUNTS = ("service_account", "subscription_account")


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked."""

    rules: int
    """How many single conditions held."""
    objective: Decimal | None
    """The cost as added up again; None for a plan without one."""


def verify(problem_document: bytes, plan_document: bytes) -> Verification:
    """Check every rule of the problem and every figure of the plan.

    Raises:
        PlanNotVerified: The plan breaks a rule or a figure is wrong; `details["problems"]` lists where.
    """
    problem = cast("Json", json.loads(problem_document))
    plan = cast("Json", json.loads(plan_document))
    checker = _Checker(problem, plan)
    with localcontext(_EXACT):
        findings = list(checker.findings(hashlib.sha256(problem_document).hexdigest()))
    if findings:
        raise rejected(findings, place="plan", error_class=PlanNotVerified)
    return Verification(rules=checker.rules, objective=checker.objective)


class _Checker:
    def __init__(self, problem: Json, plan: Json) -> None:
        self.problem = problem
        self.plan = plan
        self.rules = 0
        self.objective: Decimal | None = None
        self.channels: dict[str, Json] = {row["id"]: row for row in problem["channels"]}
        self.functions: dict[str, Json] = {row["id"]: row for row in problem["functions"]}
        self.listed: dict[tuple[str, str], Json] = {
            (row["function"], row["channel"]): row for row in problem["hosting"]
        }
        self.stays = {row["id"] for row in plan["channels"] if row["fate"] == "keep"}
        self.hosted = {(row["function"], row["channel"]) for row in plan["hosting"]}
        self.host_of: dict[str, str | None] = {row["id"]: row["host"] for row in plan["cells"]}
        self.rates: dict[tuple[str, str, str, bool], Decimal] = {
            (r["kind_from"], r["kind_host"], r["segment"], r["active"]): _money(r["rate"])
            for r in problem.get("attrition", ())
        }

    def findings(self, problem_sha256: str) -> Iterator[Finding]:
        yield from self._check("problem_sha256", self.plan["problem_sha256"] == problem_sha256, "is not the problem's")
        if self.plan["status"] == "infeasible" or self.plan["objective"] is None:
            yield from self._check_empty()
            return
        incomplete = list(self._check_lists())
        if incomplete:
            yield from incomplete
            return
        yield from self._check_hosting()
        yield from self._check_cells()
        yield from self._check_fates()
        for policy in self.problem.get("policies", ()):
            yield from self._check_policy(policy)
        yield from self._check_costs()
        yield from self._check_measures()
        yield from self._check_status()

    def _check(self, where: str, holds: bool, why: str) -> Iterator[Finding]:
        self.rules += 1
        if not holds:
            yield where, why

    def _check_empty(self) -> Iterator[Finding]:
        for key in ("channels", "hosting", "cells"):
            yield from self._check(key, not self.plan[key], "a plan without an objective decides nothing")
        for key in ("objective", "bound", "costs"):
            yield from self._check(key, self.plan[key] is None, "a plan without an objective states no figures")

    def _check_lists(self) -> Iterator[Finding]:
        decided = [row["id"] for row in self.plan["channels"]]
        yield from self._check("channels", sorted(decided) == sorted(self.channels), "not every channel exactly once")
        cells = [row["id"] for row in self.plan["cells"]]
        wanted = sorted(row["id"] for row in self.problem["cells"])
        yield from self._check("cells", sorted(cells) == wanted, "not every cell exactly once")
        hosting = self.plan["hosting"]
        yield from self._check("hosting", len(hosting) == len(self.hosted), "a hosting stands twice")

    def _check_hosting(self) -> Iterator[Finding]:
        for function, channel in sorted(self.hosted):
            where = f"hosting {channel} / {function}"
            yield from self._check(where, (function, channel) in self.listed, "is not listed, so not allowed")
            yield from self._check(where, channel in self.stays, "the channel does not stay")

    def _check_cells(self) -> Iterator[Finding]:
        for cell in self.problem["cells"]:
            where = f"cell {cell['id']}"
            host = self.host_of[cell["id"]]
            if host is None:
                may_end = bool(self.functions[cell["function"]]["may_end"])
                yield from self._check(where, may_end, "has no host, and its function may not end")
            else:
                has_it = host in self.stays and (cell["function"], host) in self.hosted
                yield from self._check(where, has_it, f"its host {host} does not stay with the function")

    def _check_fates(self) -> Iterator[Finding]:
        ported = {function for function, channel in self.hosted if not self._offered(function, channel)}
        for row in self.plan["channels"]:
            channel, fate = row["id"], row["fate"]
            where = f"channel {channel}"
            wanted = self.channels[channel]["fate"]
            yield from self._check(where, wanted != "keep" or fate == "keep", "must stay")
            yield from self._check(where, wanted != "close" or fate != "keep", "must close")
            yield from self._check(where, (row["wave"] is None) == (fate == "keep"), "a wave goes with a closing")
            if fate != "keep":
                served = any(
                    channel in cell["from"] and self.host_of[cell["id"]] is not None for cell in self.problem["cells"]
                )
                moved = any(where_today == channel and f in ported for f, where_today in self._offerings())
                expected = "merge" if served or moved else "retire"
                yield from self._check(where, fate == expected, f"its fate is {expected}")

    def _offered(self, function: str, channel: str) -> bool:
        return bool(self.listed.get((function, channel), {}).get("offered", False))

    def _offerings(self) -> list[tuple[str, str]]:
        return [key for key, row in self.listed.items() if row["offered"]]

    def _check_policy(self, policy: Json) -> Iterator[Finding]:
        where = f"policy {policy['id']}"
        match policy["type"]:
            case "keep":
                yield from self._check(where, policy["channel"] in self.stays, "the channel does not stay")
            case "close":
                yield from self._check(where, policy["channel"] not in self.stays, "the channel stays")
            case "at_most":
                counted = [c for c in self.stays if self._counts(policy, self.channels[c])]
                yield from self._check(where, len(counted) <= policy["n"], f"{len(counted)} stay")
            case "only_on":
                elsewhere = [
                    channel
                    for function, channel in self.hosted
                    if function == policy["function"] and channel not in policy["channels"]
                ]
                yield from self._check(where, not elsewhere, f"it is hosted on {', '.join(sorted(elsewhere))}")
            case _:
                yield where, f"unknown type {policy['type']}"

    @staticmethod
    def _counts(policy: Json, channel: Json) -> bool:
        if policy.get("platform"):
            return channel.get("platform", "") == policy["platform"]
        kind = channel.get("kind", "")
        return kind == policy["kind"] or (policy["kind"] == "official_account" and kind in _ACCOUNTS)

    def _check_costs(self) -> Iterator[Finding]:
        expected = self._costs()
        self.objective = expected["total"]
        for key, value in expected.items():
            stated = Decimal(self.plan["costs"][key])
            yield from self._check(f"costs.{key}", stated == _stated(value), f"is {stated}, adds up to {value}")
        stated = Decimal(self.plan["objective"])
        yield from self._check("objective", stated == _stated(self.objective), f"is {stated}, is {self.objective}")

    def _costs(self) -> dict[str, Decimal]:
        rate = _money(self.problem["discount_rate"])
        years = range(int(self.problem["horizon_years"]))
        factor = _ANNUITY.plus(sum((1 / (1 + rate) ** year if year else Decimal(1) for year in years), Decimal(0)))
        parts: dict[str, Decimal] = defaultdict(Decimal)
        for channel in self.channels.values():
            running = _money(channel["running_cost"]) * factor
            parts["today"] += running
            if channel["id"] in self.stays:
                parts["channels_running"] += running
            else:
                parts["channels_closing"] += _money(channel["closing_cost"])
        for (function, channel), row in self.listed.items():
            running = _money(row.get("running_cost", "0")) * factor
            parts["today"] += running if row["offered"] else 0
            if (function, channel) in self.hosted:
                parts["hosting_running"] += running
                parts["hosting_porting"] += 0 if row["offered"] else _money(row["porting_cost"])
            elif row["offered"] and channel in self.stays:
                parts["hosting_removal"] += _money(row.get("removal_cost", "0"))
        for cell in self.problem["cells"]:
            parts["moves"] += self._move(cell, factor)
        keys = (
            "channels_running",
            "channels_closing",
            "hosting_running",
            "hosting_porting",
            "hosting_removal",
            "moves",
        )
        costs = {key: parts[key] for key in keys}
        costs["total"] = sum(costs.values(), Decimal(0))
        costs["today"] = parts["today"]
        costs["savings"] = costs["today"] - costs["total"]
        return costs

    def _move(self, cell: Json, factor: Decimal) -> Decimal:
        host = self.host_of[cell["id"]]
        explicit = self.problem.get("moves", {}).get("costs", {}).get(cell["id"], {})
        if host in explicit:
            return _money(explicit[host])
        lost = self._lost(cell, host)
        if lost is None:
            message = f"cell {cell['id']} moves to {host} without a price"
            raise rejected([(f"cell {cell['id']}", message)], place="plan", error_class=PlanNotVerified)
        return _money(cell["value"]) * factor * lost

    def _lost(self, cell: Json, host: str | None) -> Decimal | None:
        """Customers lost; None when a rule is missing."""
        customers = int(cell["customers"])
        if host is None:
            return Decimal(customers)
        if host in cell["from"] or customers == 0:
            return Decimal(0)
        active = int(cell.get("active", {}).get(host, 0))
        totals = [
            self._lost_from(self.channels[source].get("kind", ""), cell, host, active, customers - active)
            for source in cell["from"]
        ]
        if not totals or None in totals:
            return None
        return min(total for total in totals if total is not None)

    def _lost_from(self, kind: str, cell: Json, host: str, active: int, inactive: int) -> Decimal | None:
        total = Decimal(0)
        kind_host = self.channels[host].get("kind", "")
        for count, is_active in ((active, True), (inactive, False)):
            if count == 0:
                continue
            specific = (kind, kind_host, cell["segment"], is_active)
            rate = self.rates.get(specific, self.rates.get((kind, kind_host, "*", is_active)))
            if rate is None:
                return None
            total += count * rate
        return total

    def _check_measures(self) -> Iterator[Finding]:
        measures = self.plan["measures"]
        lost = [self._lost(cell, self.host_of[cell["id"]]) for cell in self.problem["cells"]]
        at_risk = None if None in lost else str(_stated(sum((n for n in lost if n is not None), Decimal(0))))
        stated = measures["uses_at_risk"]
        same = stated == at_risk if None in {stated, at_risk} else Decimal(stated) == Decimal(at_risk or 0)
        yield from self._check("measures.uses_at_risk", same, f"is {stated}, adds up to {at_risk}")
        audiences = self.problem.get("audiences")
        reach_lost = (
            None
            if audiences is None
            else sum(a["customers"] for a in audiences if not self.stays.intersection(a["channels"]))
        )
        holds = measures["reach_lost"] == reach_lost
        yield from self._check("measures.reach_lost", holds, f"is {measures['reach_lost']}, is {reach_lost}")

    def _check_status(self) -> Iterator[Finding]:
        objective, bound = Decimal(self.plan["objective"]), Decimal(self.plan["bound"])
        yield from self._check("bound", bound <= objective, "is above the objective")
        gap = (objective - bound) / (abs(objective) or Decimal(1))
        status: Literal["proven_optimal", "gap"] = "proven_optimal" if gap <= _PROVEN else "gap"
        yield from self._check("status", self.plan["status"] == status, f"the gap is {gap}: {status}")


def _money(text: str | int) -> Decimal:
    return Decimal(text)


def _stated(value: Decimal) -> Decimal:
    return value.quantize(_STATED_PLACES)
