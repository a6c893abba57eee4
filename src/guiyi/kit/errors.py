"""Typed errors with stable codes.

Every error that a person can meet is a subclass of `GuiyiError`. `app` maps its `kind` to an HTTP status and to an
exit code in one table; nothing else decides on either.
"""

from enum import Enum
from typing import ClassVar

from guiyi.kit.text import Text

Detail = str | int | float | bool | None | list["Detail"] | dict[str, "Detail"]


class ErrorKind(Enum):
    """Whose move it is after the error."""

    BAD_INPUT = "bad_input"
    """What was given is wrong; mend it and try again."""
    NOT_FOUND = "not_found"
    """What was named does not exist."""
    CONFLICT = "conflict"
    """It contradicts what stands already."""
    FORBIDDEN = "forbidden"
    """The caller may not do this."""
    INFEASIBLE = "infeasible"
    """No plan can meet the policies."""
    UNAVAILABLE = "unavailable"
    """Something that is needed is missing or does not answer."""


class GuiyiError(Exception):
    """An error with a stable code, a sentence in both languages, and data.

    Attributes:
        code: Stable, lower_snake_case; part of the API.
        kind: Whose move it is.
        retryable: Whether the same call may succeed later without any change.
        message: Names the place, the value, the reason and what to do.
        details: The same facts as data, JSON-serialisable.
    """

    code: ClassVar[str]
    kind: ClassVar[ErrorKind]
    retryable: ClassVar[bool] = False

    def __init__(self, message: Text, **details: Detail) -> None:
        super().__init__(message.en)
        self.message = message
        self.details = details
