"""Every error becomes an RFC 9457 problem document; this is the one table that knows HTTP statuses."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from guiyi.app.errors import PageNotFoundError, RequestInvalidError, RequestRefusedError
from guiyi.app.pages.language import language_of
from guiyi.app.pages.render import error_page, wants_page
from guiyi.kit.errors import Detail, ErrorKind, GuiyiError
from guiyi.kit.text import Text

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = "1"
INPUT_CHARACTERS_MAX: Final = 200

STATUS: Final[Mapping[ErrorKind, int]] = {
    ErrorKind.BAD_INPUT: 422,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.INFEASIBLE: 422,
    ErrorKind.UNAVAILABLE: 503,
}

TITLES: Final[Mapping[ErrorKind, Text]] = {
    ErrorKind.BAD_INPUT: Text("输入有误", "Bad input"),
    ErrorKind.NOT_FOUND: Text("没有找到", "Not found"),
    ErrorKind.CONFLICT: Text("与现状冲突", "Conflict"),
    ErrorKind.FORBIDDEN: Text("不允许", "Not allowed"),
    ErrorKind.INFEASIBLE: Text("没有可行的方案", "No plan is feasible"),
    ErrorKind.UNAVAILABLE: Text("暂时不可用", "Not available"),
}

_log = structlog.get_logger(__name__)


class DefectError(GuiyiError):
    """A defect of Guiyi; what happened is in the log, not in the answer."""

    code = "internal"
    kind = ErrorKind.UNAVAILABLE


DEFECT_STATUS: Final = 500


class Message(BaseModel):
    """A sentence in both languages."""

    zh: str
    en: str


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(description="`urn:guiyi:problem:` and the code.")
    title: str
    status: int
    detail: str = Field(description="In the language that was asked for.")
    code: str = Field(description="Stable; made for programs.")
    retryable: bool = Field(description="Whether the same call may succeed later without any change.")
    message: Message
    details: dict[str, object]


def status_of(error: GuiyiError) -> int:
    """Return the HTTP status of `error`."""
    return DEFECT_STATUS if isinstance(error, DefectError) else STATUS[error.kind]


def problem_response(
    request: Request, error: GuiyiError, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return `error` as a page when a browser asks for one, else as a problem document."""
    shown = status or status_of(error)
    extra = dict(headers or {})
    if error.retryable:
        extra["Retry-After"] = RETRY_SECONDS
    if wants_page(request):
        return error_page(request, title=TITLES[error.kind], error=error, status=shown, headers=extra)
    language = language_of(request)
    problem = Problem(
        type=f"urn:guiyi:problem:{error.code}",
        title=TITLES[error.kind].in_language(language),
        status=shown,
        detail=error.message.in_language(language),
        code=error.code,
        retryable=error.retryable,
        message=Message(zh=error.message.zh, en=error.message.en),
        details=dict(error.details),
    )
    extra["Content-Language"] = "zh-CN" if language == "zh" else "en"
    return Response(problem.model_dump_json(), status_code=shown, media_type=MEDIA_TYPE, headers=extra)


def install_problem_handlers(app: FastAPI) -> None:
    """Make `app` answer every error with a problem document."""
    app.add_exception_handler(GuiyiError, _on_guiyi_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_defect)


async def _on_guiyi_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, GuiyiError):
        raise error
    return problem_response(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults: Sequence[Mapping[str, object]] = error.errors()
    found: list[Detail] = [_fault(fault) for fault in faults]
    named = "; ".join(str(fault["place"]) for fault in found if isinstance(fault, dict))
    return problem_response(
        request,
        RequestInvalidError(
            Text(
                f"请求参数有误: {named}。各处的原因见 details.errors, 参数说明见 /api。",
                f"The request's parameters are wrong: {named}. details.errors has the reasons, /api the parameters.",
            ),
            errors=found,
        ),
    )


def _fault(fault: Mapping[str, object]) -> dict[str, Detail]:
    parts = cast("Sequence[object]", fault.get("loc", ()))
    return {
        "place": ".".join(str(part) for part in parts),
        "value": str(fault.get("input"))[:INPUT_CHARACTERS_MAX],
        "reason": str(fault.get("msg")),
    }


async def _on_http(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: no such path, no such method."""
    if not isinstance(error, HTTPException):
        raise error
    path, method = request.url.path, request.method
    if error.status_code == STATUS[ErrorKind.NOT_FOUND]:
        missing = PageNotFoundError(
            Text(f"没有 {path}。可用的地址见 /api。", f"There is no {path}. /api lists what there is."), path=path
        )
        return problem_response(request, missing, headers=error.headers)
    refused = RequestRefusedError(
        Text(
            f"{path} 不接受 {method} (HTTP {error.status_code})。可用的方法见 /api。",
            f"{path} does not take {method} (HTTP {error.status_code}). /api lists what it takes.",
        ),
        path=path,
        method=method,
    )
    return problem_response(request, refused, status=error.status_code, headers=error.headers)


async def _on_defect(request: Request, error: Exception) -> Response:
    """Log a defect with its traceback and answer without any of it."""
    _log.error("http.defect", method=request.method, path=request.url.path, exc_info=error)
    return problem_response(
        request,
        DefectError(
            Text(
                "Guiyi 出错了, 这不是你的问题。详情在服务器日志中 (http.defect)。",
                "Something went wrong in Guiyi; it is not your fault. The server's log has the details (http.defect).",
            )
        ),
    )
