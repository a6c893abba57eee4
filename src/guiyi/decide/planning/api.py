"""The face of planning: a problem becomes a proven, verified plan, its report and its record."""

from guiyi.decide.planning.build import build_problem
from guiyi.decide.planning.documents import write_bytes as write_document
from guiyi.decide.planning.errors import (
    AttritionRuleMissing,
    OutputRefused,
    PlanNotVerified,
    PoliciesInvalid,
    ProblemInvalid,
)
from guiyi.decide.planning.facts import Facts
from guiyi.decide.planning.plan import ChannelFate, Plan, PlanStatus
from guiyi.decide.planning.policies import Policies, read_policies
from guiyi.decide.planning.problem import Problem, document_sha256, parse_problem, read_problem_document
from guiyi.decide.planning.report import render_report
from guiyi.decide.planning.repository import PlanSummary
from guiyi.decide.planning.repository import newest as list_plans
from guiyi.decide.planning.repository import newest_document as latest_plan_document
from guiyi.decide.planning.repository import newest_facts as latest_facts
from guiyi.decide.planning.service import BankPlan, plan_bank, record_plan, solve_document, write_plan
from guiyi.decide.planning.solver import DEFAULT_TIME_LIMIT_SECONDS
from guiyi.decide.planning.verify import Verification, verify

__all__ = [
    "DEFAULT_TIME_LIMIT_SECONDS",
    "AttritionRuleMissing",
    "BankPlan",
    "ChannelFate",
    "Facts",
    "OutputRefused",
    "Plan",
    "PlanNotVerified",
    "PlanStatus",
    "PlanSummary",
    "Policies",
    "PoliciesInvalid",
    "Problem",
    "ProblemInvalid",
    "Verification",
    "build_problem",
    "document_sha256",
    "latest_facts",
    "latest_plan_document",
    "list_plans",
    "parse_problem",
    "plan_bank",
    "read_policies",
    "read_problem_document",
    "record_plan",
    "render_report",
    "solve_document",
    "verify",
    "write_document",
    "write_plan",
]
