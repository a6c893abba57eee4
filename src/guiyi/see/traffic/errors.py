"""What can go wrong with traffic; codes are part of the API."""

from guiyi.kit.errors import ErrorKind, GuiyiError

__all__ = [
    "ColumnMissingError",
    "LogEmptyError",
    "LogMissingError",
    "LogUnreadableError",
    "MappingInvalidError",
    "MonthUnknownError",
    "NothingOfferedError",
    "RowsLostError",
    "ScopeTooLargeError",
    "TooManyRefusedError",
    "UnknownChannelError",
    "WindowTooLongError",
]


class LogMissingError(GuiyiError):
    """A file or folder that was named does not exist, or holds no log."""

    code = "traffic_log_missing"
    kind = ErrorKind.NOT_FOUND


class LogUnreadableError(GuiyiError):
    """A file is not what its name says, or is of no kind that can be read."""

    code = "traffic_log_unreadable"
    kind = ErrorKind.BAD_INPUT


class LogEmptyError(GuiyiError):
    """No row of the log could be read."""

    code = "traffic_log_empty"
    kind = ErrorKind.BAD_INPUT


class ColumnMissingError(GuiyiError):
    """A file lacks a column that is needed, or has it with a type that cannot be used."""

    code = "traffic_column_missing"
    kind = ErrorKind.BAD_INPUT


class MappingInvalidError(GuiyiError):
    """The mapping file does not say our names and the file's names of columns."""

    code = "traffic_mapping_invalid"
    kind = ErrorKind.BAD_INPUT


class TooManyRefusedError(GuiyiError):
    """More rows were refused than the set share; nothing was loaded. `details` hold counts and examples."""

    code = "traffic_too_many_refused"
    kind = ErrorKind.BAD_INPUT


class WindowTooLongError(GuiyiError):
    """The window spans more months than are counted at once."""

    code = "traffic_window_too_long"
    kind = ErrorKind.BAD_INPUT


class RowsLostError(GuiyiError):
    """Rows read and rows refused do not add up to the rows of the file: a defect of Guiyi, or the file changed."""

    code = "traffic_rows_lost"
    kind = ErrorKind.CONFLICT
    retryable = True


class ScopeTooLargeError(GuiyiError):
    """More channels or functions than are counted at once."""

    code = "traffic_scope_too_large"
    kind = ErrorKind.BAD_INPUT


class MonthUnknownError(GuiyiError):
    """The month asked for is not in the window."""

    code = "traffic_month_unknown"
    kind = ErrorKind.NOT_FOUND


class UnknownChannelError(GuiyiError):
    """A channel or function asked for is not in the scope."""

    code = "traffic_channel_unknown"
    kind = ErrorKind.NOT_FOUND


class NothingOfferedError(GuiyiError):
    """There is nothing to generate traffic for: no offering, or a figure out of range."""

    code = "traffic_nothing_offered"
    kind = ErrorKind.BAD_INPUT
