import json
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from problems import cheapest, problems

from guiyi.decide.planning.service import solve_document

MILLIONTH = Decimal("0.000001")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(problems(max_channels=5, max_functions=3))
def test_optimum_equals_brute_force_when_the_problem_is_small(problem: dict[str, Any]) -> None:
    plan = solve_document(json.dumps(problem).encode())
    best = cheapest(problem)
    if best is None:
        assert plan.status == "infeasible"
    else:
        assert plan.status == "proven_optimal"
        assert plan.objective is not None
        assert abs(plan.objective - best) <= MILLIONTH
