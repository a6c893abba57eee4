import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from documents import set_in, small_problem
from hypothesis import HealthCheck, given, settings
from problems import cheapest, problems

from guiyi.decide.planning.api import Plan, solve_document
from guiyi.decide.planning.errors import AttritionRuleMissing
from guiyi.kit.text import Text

MILLIONTH = Decimal("0.000001")
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def solved(problem: dict[str, Any]) -> Plan:
    return solve_document(json.dumps(problem).encode())


@settings(RELAXED, max_examples=120)
@given(problems(max_channels=5, max_functions=3))
def test_optimum_equals_brute_force_when_the_problem_is_small(problem: dict[str, Any]) -> None:
    _same_as_brute_force(problem)


@settings(RELAXED, max_examples=40)
@given(problems(max_channels=8, max_functions=3, max_cells=12))
def test_optimum_equals_brute_force_when_there_are_up_to_eight_channels(problem: dict[str, Any]) -> None:
    _same_as_brute_force(problem)


def _same_as_brute_force(problem: dict[str, Any]) -> None:
    plan = solved(problem)
    best = cheapest(problem)
    if best is None:
        assert plan.status == "infeasible"
        assert plan.infeasibility is not None
        assert plan.infeasibility.cells or plan.infeasibility.channels or plan.infeasibility.policies
    else:
        assert plan.status == "proven_optimal"
        assert plan.objective is not None
        assert abs(plan.objective - best) <= MILLIONTH


@settings(RELAXED, max_examples=25)
@given(problems())
def test_plan_is_the_same_to_the_last_bit_when_solved_again(problem: dict[str, Any]) -> None:
    assert solved(problem).to_json() == solved(problem).to_json()


def test_figures_are_those_added_up_by_hand_when_the_problem_is_small() -> None:
    plan = solved(small_problem())
    assert plan.status == "proven_optimal"
    assert [(row.id, row.fate, row.wave) for row in plan.channels] == [("app", "keep", None), ("oa", "merge", 1)]
    assert [(row.channel, row.function) for row in plan.hosting] == [("app", "payments.transfer")]
    assert {row.id: row.host for row in plan.cells} == {"c1": "app", "c2": "app", "c3": None}
    assert plan.costs is not None
    assert plan.costs.model_dump() == {
        "channels_running": 1000,
        "channels_closing": 20,
        "hosting_running": 40,
        "hosting_porting": 0,
        "hosting_removal": 0,
        "moves": Decimal(65),
        "total": Decimal(1125),
        "today": 1580,
        "savings": Decimal(455),
    }
    assert plan.measures.uses_at_risk == 18 + 20
    assert plan.measures.reach_lost == 40
    assert plan.measures.customers_moved is None


def test_channel_retires_when_nothing_of_it_is_served_elsewhere() -> None:
    problem = small_problem()
    problem["cells"] = [problem["cells"][1], problem["cells"][2]]
    assert [row.fate for row in solved(problem).channels] == ["keep", "retire"]


def test_channel_merges_when_a_function_of_it_is_ported() -> None:
    problem = small_problem()
    problem["functions"][1]["may_end"] = False
    plan = solved(problem)
    assert ("app", "lifestyle.cinema") in [(row.channel, row.function) for row in plan.hosting]
    assert plan.costs is not None
    assert plan.costs.hosting_porting == 90
    assert plan.channels[1].fate == "merge"


def test_overlapping_function_is_removed_when_its_running_cost_exceeds_what_it_saves() -> None:
    problem = small_problem()
    problem["channels"][1]["fate"] = "keep"
    plan = solved(problem)
    assert ("oa", "payments.transfer") in [(row.channel, row.function) for row in plan.hosting]
    problem["hosting"][1]["running_cost"] = "300"
    plan = solved(problem)
    assert ("oa", "payments.transfer") not in [(row.channel, row.function) for row in plan.hosting]
    assert plan.costs is not None
    assert plan.costs.hosting_removal == 5


def test_explicit_cost_of_a_move_overrides_the_rule_when_it_is_given() -> None:
    plan = solved(small_problem(moves={"costs": {"c1": {"app": "7"}}}))
    assert plan.costs is not None
    assert plan.costs.moves == 27


def test_uses_at_risk_are_unknown_when_a_move_has_a_cost_but_no_rule() -> None:
    costs = {"c1": {"app": "7"}, "c3": {"app": "7"}}
    plan = solved(small_problem(moves={"costs": costs}, attrition=small_problem()["attrition"][2:]))
    assert plan.measures.uses_at_risk is None


def test_rule_of_the_segment_wins_when_there_is_one_for_every_segment_too() -> None:
    problem = set_in(small_problem(), "channels.0.fate", "close")
    plan = solved(problem)
    assert plan.measures.uses_at_risk == 10 * Decimal("0.2") + 990 * Decimal("0.4")


@pytest.mark.parametrize("active", [True, False])
def test_missing_attrition_rule_is_named_when_a_move_needs_it(*, active: bool) -> None:
    problem = small_problem()
    problem["attrition"] = [r for r in problem["attrition"] if (r["kind_host"], r["active"]) != ("app", active)]
    with pytest.raises(AttritionRuleMissing) as caught:
        solved(problem)
    assert caught.value.details["kind_from"] == "service_account"
    assert caught.value.details["kind_host"] == "app"
    assert caught.value.details["active"] is active


@pytest.mark.parametrize(
    ("policies", "closed"),
    [
        ([{"id": "p", "type": "keep", "channel": "oa"}], set()),
        ([{"id": "p", "type": "close", "channel": "app"}], {"app"}),
        ([{"id": "p", "type": "at_most", "n": 0, "kind": "official_account"}], {"oa"}),
        ([{"id": "p", "type": "at_most", "n": 0, "platform": "own"}], {"app"}),
        ([{"id": "p", "type": "only_on", "function": "payments.transfer", "channels": ["oa"]}], {"app"}),
    ],
)
def test_policy_is_met_when_it_is_demanded(policies: list[dict[str, Any]], closed: set[str]) -> None:
    plan = solved(small_problem(policies=policies))
    assert plan.status == "proven_optimal"
    assert {row.id for row in plan.channels if row.fate != "keep"} == closed


@pytest.mark.parametrize(
    ("policies", "cells", "channels", "broken"),
    [
        (
            [{"id": "k", "type": "keep", "channel": "oa"}, {"id": "c", "type": "close", "channel": "oa"}],
            (),
            ("oa",),
            (),
        ),
        (
            [
                {"id": "k", "type": "keep", "channel": "oa"},
                {"id": "m", "type": "at_most", "n": 0, "platform": "wechat"},
            ],
            (),
            (),
            ("m",),
        ),
        (
            [{"id": "a", "type": "close", "channel": "app"}, {"id": "b", "type": "close", "channel": "oa"}],
            ("c1", "c2"),
            (),
            (),
        ),
        (
            [
                {"id": "a", "type": "at_most", "n": 0, "platform": "own"},
                {"id": "b", "type": "at_most", "n": 0, "platform": "wechat"},
            ],
            ("c1", "c2"),
            (),
            (),
        ),
    ],
)
def test_reason_is_named_when_no_plan_meets_the_policies(
    policies: list[dict[str, Any]], cells: tuple[str, ...], channels: tuple[str, ...], broken: tuple[str, ...]
) -> None:
    plan = solved(small_problem(policies=policies))
    assert plan.status == "infeasible"
    assert plan.objective is None
    assert plan.infeasibility is not None
    assert (plan.infeasibility.cells, plan.infeasibility.channels, plan.infeasibility.policies) == (
        cells,
        channels,
        broken,
    )


def test_bare_problem_is_solved_when_what_may_be_left_out_is_left_out() -> None:
    problem = {
        "schema": "guiyi.problem/1",
        "currency": "CNY",
        "horizon_years": 1,
        "discount_rate": "0",
        "channels": [{"id": "oa", "running_cost": "120", "closing_cost": "8", "fate": "free"}],
        "functions": [{"id": "payments.transfer", "may_end": False}],
        "hosting": [{"channel": "oa", "function": "payments.transfer", "offered": True, "porting_cost": "0"}],
        "cells": [
            {
                "id": "c1",
                "function": "payments.transfer",
                "segment": "retail",
                "from": ["oa"],
                "customers": 1200,
                "value": "3.5",
            }
        ],
        "moves": {"costs": {"c1": {"oa": "0"}}},
        "policies": [],
    }
    assert solved(problem).objective == 120


@pytest.mark.parametrize("instance", ["cap71", "cap104", "cap134"])
def test_known_optimum_is_proven_when_an_instance_of_the_or_library_is_solved(instance: str) -> None:
    from uflp import OPTIMA, problem_document  # noqa: PLC0415 - stands under benchmarks, needed here only

    path = Path(__file__).parents[4] / "shared" / "data" / "uflp" / f"{instance}.txt"
    if not path.exists():
        pytest.skip("the OR-Library's files are not here")
    plan = solve_document(problem_document(path))
    assert plan.status == "proven_optimal"
    assert plan.objective == Decimal(OPTIMA[instance])


def test_status_is_gap_when_time_runs_out() -> None:
    plan = solve_document(json.dumps(_hard_problem()).encode(), time_limit_seconds=0.05)
    assert plan.status == "gap"


def test_progress_is_told_and_nothing_is_printed_while_solving(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[int] = []

    def progress(step: Text, done: int, total: int | None = None) -> None:
        assert (step.en, total) == ("Solving", 1000)
        told.append(done)

    solve_document(json.dumps(_hard_problem()).encode(), time_limit_seconds=1, progress=progress)
    assert told
    assert capfd.readouterr().out == ""


def _hard_problem() -> dict[str, Any]:
    """Random costs without a metric: the family on which the linear relaxation is weakest."""
    size = 60
    cost = [[1000 + (i * 7919 + j * 104_729 + i * j * 31) % 1001 for j in range(size)] for i in range(size)]
    return {
        "schema": "guiyi.problem/1",
        "currency": "CNY",
        "horizon_years": 1,
        "discount_rate": "0",
        "channels": [
            {"id": f"f{j}", "running_cost": str(1000 + j * 13 % 1000), "closing_cost": "0", "fate": "free"}
            for j in range(size)
        ],
        "functions": [{"id": "f.g", "may_end": False}],
        "hosting": [{"channel": f"f{j}", "function": "f.g", "offered": True, "porting_cost": "0"} for j in range(size)],
        "cells": [
            {"id": f"c{i}", "function": "f.g", "segment": "s", "from": [], "customers": 1, "value": "0"}
            for i in range(size)
        ],
        "moves": {"costs": {f"c{i}": {f"f{j}": str(cost[i][j]) for j in range(size)} for i in range(size)}},
        "policies": [],
    }
