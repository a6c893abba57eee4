"""Errors of the register."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from guiyi.kit.errors import Detail, ErrorKind, GuiyiError
from guiyi.kit.text import Text

__all__ = [
    "PROBLEMS_LIMIT",
    "ProblemCode",
    "RegisterError",
    "RegisterExportRefused",
    "RegisterNotFound",
    "RegisterProblem",
    "RegisterRejected",
    "RegisterUnreadable",
]

PROBLEMS_LIMIT = 100
"""So many problems of one file are reported; the rest is counted."""


class ProblemCode(StrEnum):
    """Why a cell, row or sheet is refused; stable."""

    MISSING_SHEET = "missing_sheet"
    EMPTY_SHEET = "empty_sheet"
    MISSING_COLUMN = "missing_column"
    UNKNOWN_COLUMN = "unknown_column"
    REPEATED_COLUMN = "repeated_column"
    VALUE_WITHOUT_COLUMN = "value_without_column"
    TOO_MANY_ROWS = "too_many_rows"
    TOO_MANY_COLUMNS = "too_many_columns"
    FORMULA = "formula"
    ERROR_VALUE = "error_value"
    REQUIRED = "required"
    TOO_LONG = "too_long"
    BAD_CHARACTER = "bad_character"
    BAD_ID = "bad_id"
    BAD_FUNCTION_ID = "bad_function_id"
    NOT_A_TEXT = "not_a_text"
    NOT_A_NUMBER = "not_a_number"
    NOT_A_DATE = "not_a_date"
    NOT_YES_NO = "not_yes_no"
    NOT_A_CHOICE = "not_a_choice"
    THOUSANDS_SEPARATOR = "thousands_separator"
    NEGATIVE = "negative"
    TOO_LARGE = "too_large"
    TOO_MANY_DECIMALS = "too_many_decimals"
    OUT_OF_RANGE = "out_of_range"
    DUPLICATE = "duplicate"
    REPEATED_VALUE = "repeated_value"
    UNKNOWN_REFERENCE = "unknown_reference"
    WRONG_ORDER = "wrong_order"
    OFFERED_ALREADY = "offered_already"
    CAPABILITY_NOT_GRANTED = "capability_not_granted"
    LEVEL_NOT_ALLOWED = "level_not_allowed"


@dataclass(frozen=True, slots=True)
class RegisterProblem:
    """One thing that is wrong, and where."""

    sheet: str
    row: int | None
    """Line of the sheet or file, the first is 1; None when the whole sheet is meant."""
    column: str | None
    value: str
    """What stands there, shortened."""
    code: ProblemCode
    reason: Text
    suggestion: str | None = None
    """What was probably meant: a known id, an allowed value, the value in the right form."""

    def as_detail(self) -> Detail:
        """Return the problem as JSON data."""
        return {
            "sheet": self.sheet,
            "row": self.row,
            "column": self.column,
            "value": self.value,
            "code": str(self.code),
            "reason": {"zh": self.reason.zh, "en": self.reason.en},
            "suggestion": self.suggestion,
        }


class RegisterError(GuiyiError):
    """Base of the register's errors."""


class RegisterRejected(RegisterError):
    """The file holds problems; nothing was taken over.

    Attributes:
        problems: The first `PROBLEMS_LIMIT` of them, in the order of sheets and rows.
        more: How many further ones there are.
    """

    code: ClassVar[str] = "register_rejected"
    kind: ClassVar[ErrorKind] = ErrorKind.BAD_INPUT

    def __init__(self, problems: tuple[RegisterProblem, ...], *, more: int = 0) -> None:
        total = len(problems) + more
        first = problems[0]
        place = " ".join(str(part) for part in (first.sheet, first.row, first.column) if part is not None)
        super().__init__(
            Text(
                f"台账有 {total} 处问题，未导入任何内容。第一处：{place}：{first.reason.zh}。请改正后重试。",
                f"The register has {total} problem{'' if total == 1 else 's'}; nothing was imported. "
                f"The first: {place}: {first.reason.en}. Mend them and try again.",
            ),
            problems=[problem.as_detail() for problem in problems],
            more=more,
        )
        self.problems = problems
        self.more = more


class RegisterUnreadable(RegisterError):
    """What was given is no workbook and no folder of CSV files."""

    code: ClassVar[str] = "register_unreadable"
    kind: ClassVar[ErrorKind] = ErrorKind.BAD_INPUT


class RegisterNotFound(RegisterError):
    """There is no register yet, or not that version of it."""

    code: ClassVar[str] = "register_not_found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND


class RegisterExportRefused(RegisterError):
    """The register cannot be written there."""

    code: ClassVar[str] = "register_export_refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
