"""Solve, price and verify: a plan that does not verify never leaves this room."""

from guiyi.decide.planning.evaluate import plan_of
from guiyi.decide.planning.plan import Plan
from guiyi.decide.planning.problem import document_sha256, parse_problem
from guiyi.decide.planning.solver import DEFAULT_TIME_LIMIT_SECONDS, solve
from guiyi.decide.planning.verify import verify
from guiyi.kit.progress import Progress, silent


def solve_document(
    document: bytes,
    *,
    place: str = "problem",
    time_limit_seconds: float = DEFAULT_TIME_LIMIT_SECONDS,
    progress: Progress = silent,
) -> Plan:
    """Return the verified plan of a problem document.

    Args:
        document: UTF-8 JSON, `guiyi.problem/1`.
        place: How errors name the document.
        time_limit_seconds: After it the best plan so far is returned with its gap.
        progress: Told the share of the gap that is closed.

    Raises:
        ProblemInvalid: The document is wrong.
        AttritionRuleMissing: A possible move has no price.
        PlanNotVerified: A defect of the solver; the plan is not returned.
    """
    problem = parse_problem(document, place=place)
    choice = solve(problem, time_limit_seconds=time_limit_seconds, progress=progress)
    plan = plan_of(problem, document_sha256(document), choice)
    verify(document, plan.to_json())
    return plan
