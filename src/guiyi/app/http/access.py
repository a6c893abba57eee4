"""Who may call an endpoint: each declares it, or the application does not start."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from fastapi import Depends, Request
from fastapi.routing import APIRoute

from guiyi.app.errors import RequestRefusedError
from guiyi.kit.errors import ErrorKind
from guiyi.kit.text import Text

P = ParamSpec("P")
R = TypeVar("R")

LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
EXTENSION: Final = "x-access"
"""Where the OpenAPI document says it."""


class Access(StrEnum):
    """Who may call."""

    LOCAL = "local"
    """Whoever is on this machine; until sign-in exists there is nothing else."""


class NotLocalError(RequestRefusedError):
    """A call from another machine."""

    code = "not_local"
    kind = ErrorKind.FORBIDDEN


_declared: Final[WeakKeyDictionary[Callable[..., Any], Access]] = WeakKeyDictionary()


def access(who: Access) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare who may call the endpoint; stands below the route's decorator."""

    def declare(endpoint: Callable[P, R]) -> Callable[P, R]:
        _declared[endpoint] = who
        return endpoint

    return declare


def declared_access(endpoint: Callable[..., Any]) -> Access | None:
    """Return what `endpoint` declares; None when it declares nothing."""
    return _declared.get(endpoint)


def require_local(request: Request) -> None:
    """Refuse a caller that is not on this machine.

    Raises:
        NotLocalError: It is not.
    """
    host = request.client.host if request.client else ""
    if host not in LOOPBACK:
        raise NotLocalError(
            Text(
                f"拒绝来自 {host} 的访问: 登录功能上线前, 只接受本机访问。",
                f"A call from {host} is refused: before sign-in exists only this machine may call.",
            ),
            client=host,
        )


_GATES: Final = {Access.LOCAL: require_local}


class DeclaringRoute(APIRoute):
    """A route whose endpoint must have declared its access; it enforces it and writes it into the OpenAPI document."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401  FastAPI's own
        who = declared_access(endpoint)
        if who is None:
            raise TypeError(f"{path}: the endpoint does not declare its access")
        options["dependencies"] = [Depends(_GATES[who]), *(options.get("dependencies") or ())]
        options["openapi_extra"] = {**(options.get("openapi_extra") or {}), EXTENSION: who.value}
        super().__init__(path, endpoint, **options)
