import json
from typing import Any

import pytest
from documents import set_in, small_problem
from hypothesis import HealthCheck, given, settings
from problems import problems

from guiyi.decide.planning.api import PlanNotVerified, solve_document, verify


def documents(problem: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    document = json.dumps(problem).encode()
    return document, json.loads(solve_document(document).to_json())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(problems())
def test_cost_from_the_solver_equals_the_cost_added_up_again(problem: dict[str, Any]) -> None:
    document, plan = documents(problem)
    verification = verify(document, json.dumps(plan).encode())
    assert verification.rules > 0
    if verification.objective is not None:
        assert f"{float(verification.objective):.6f}" == f"{float(plan['objective']):.6f}"


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("problem_sha256", "0" * 64, "problem_sha256"),
        ("objective", "1124.999999", "objective"),
        ("bound", "1126", "bound"),
        ("bound", "1100", "status"),
        ("status", "gap", "status"),
        ("costs.moves", "65.01", "costs.moves"),
        ("costs.today", "1", "costs.today"),
        ("costs.savings", "456", "costs.savings"),
        ("measures.uses_at_risk", "1", "measures.uses_at_risk"),
        ("measures.uses_at_risk", None, "measures.uses_at_risk"),
        ("measures.reach_lost", 0, "measures.reach_lost"),
        ("channels.0.fate", "retire", "channel app"),
        ("channels.1.fate", "retire", "channel oa"),
        ("channels.1.wave", None, "channel oa"),
        ("channels.1.id", "app", "channels"),
        ("cells.0.host", None, "cell c1"),
        ("cells.0.host", "oa", "cell c1"),
        ("cells.0.id", "c2", "cells"),
        ("hosting.0.channel", "oa", "hosting oa / payments.transfer"),
        ("hosting.0.function", "lifestyle.golf", "hosting app / lifestyle.golf"),
    ],
)
def test_plan_is_refused_when_a_figure_or_a_decision_is_changed(path: str, value: object, where: str) -> None:
    document, plan = documents(small_problem())
    with pytest.raises(PlanNotVerified) as caught:
        verify(document, json.dumps(set_in(plan, path, value)).encode())
    found = caught.value.details["problems"]
    assert isinstance(found, list)
    assert where in [row["where"] for row in found if isinstance(row, dict)]


@pytest.mark.parametrize(
    "policy",
    [
        {"id": "p", "type": "keep", "channel": "oa"},
        {"id": "p", "type": "close", "channel": "app"},
        {"id": "p", "type": "at_most", "n": 0, "kind": "app"},
        {"id": "p", "type": "at_most", "n": 0, "platform": "own"},
        {"id": "p", "type": "only_on", "function": "payments.transfer", "channels": ["oa"]},
    ],
)
def test_plan_is_refused_when_it_breaks_a_policy(policy: dict[str, Any]) -> None:
    _, plan = documents(small_problem())
    problem = small_problem(policies=[policy])
    with pytest.raises(PlanNotVerified, match="policy p"):
        verify(json.dumps(problem).encode(), json.dumps(plan).encode())


@pytest.mark.parametrize("fate", ["keep", "close"])
def test_plan_is_refused_when_it_breaks_a_fate(fate: str) -> None:
    _, plan = documents(small_problem())
    problem = set_in(small_problem(), "channels.1.fate" if fate == "keep" else "channels.0.fate", fate)
    with pytest.raises(PlanNotVerified, match="must stay" if fate == "keep" else "must close"):
        verify(json.dumps(problem).encode(), json.dumps(plan).encode())


def test_plan_is_refused_when_it_states_figures_without_an_objective() -> None:
    document, plan = documents(small_problem())
    with pytest.raises(PlanNotVerified, match="decides nothing"):
        verify(document, json.dumps(plan | {"objective": None}).encode())


def test_plan_is_refused_when_a_move_has_no_price() -> None:
    _, plan = documents(small_problem())
    with pytest.raises(PlanNotVerified, match="without a price"):
        verify(json.dumps(small_problem(attrition=[])).encode(), json.dumps(plan).encode())
