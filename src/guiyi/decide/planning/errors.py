"""What can be wrong with a problem or a plan."""

from typing import ClassVar

from guiyi.kit.errors import ErrorKind, GuiyiError

__all__ = ["AttritionRuleMissing", "OutputRefused", "PlanNotVerified", "PoliciesInvalid", "ProblemInvalid"]


class ProblemInvalid(GuiyiError):
    """The problem document does not say what it must, or contradicts itself; `details["problems"]` lists where."""

    code: ClassVar[str] = "problem_invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.BAD_INPUT


class PoliciesInvalid(GuiyiError):
    """The policies document does not say what it must, or names what the register does not have."""

    code: ClassVar[str] = "policies_invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.BAD_INPUT


class AttritionRuleMissing(GuiyiError):
    """A move is possible for which neither an attrition rule nor an explicit cost is given."""

    code: ClassVar[str] = "attrition_rule_missing"
    kind: ClassVar[ErrorKind] = ErrorKind.BAD_INPUT


class PlanNotVerified(GuiyiError):
    """A plan breaks a rule of its problem, or its figures do not add up; such a plan is never shown."""

    code: ClassVar[str] = "plan_not_verified"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT


class OutputRefused(GuiyiError):
    """A file of results cannot be written where it was asked for."""

    code: ClassVar[str] = "plan_output_refused"
    kind: ClassVar[ErrorKind] = ErrorKind.BAD_INPUT
