"""What can be wrong with the way Guiyi is run."""

from typing import ClassVar

from guiyi.kit.errors import ErrorKind, GuiyiError

__all__ = [
    "AuditChainBrokenError",
    "HostNotLocalError",
    "PageNotFoundError",
    "PortTakenError",
    "RequestInvalidError",
    "RequestRefusedError",
]


class HostNotLocalError(GuiyiError):
    """The server was told to listen beyond this machine, which it does not do before sign-in exists."""

    code = "host_not_local"
    kind: ClassVar[ErrorKind] = ErrorKind.BAD_INPUT


class PortTakenError(GuiyiError):
    """Another program listens on the port."""

    code = "port_taken"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE


class PageNotFoundError(GuiyiError):
    """There is no such page or endpoint."""

    code = "page_not_found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND


class RequestRefusedError(GuiyiError):
    """A request that HTTP itself, or the guard, refuses."""

    code = "request_refused"
    kind: ClassVar[ErrorKind] = ErrorKind.BAD_INPUT


class RequestInvalidError(GuiyiError):
    """A parameter of a request is not what the endpoint takes."""

    code = "request_invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.BAD_INPUT


class AuditChainBrokenError(GuiyiError):
    """The audit record is not as it was written."""

    code = "audit_chain_broken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
