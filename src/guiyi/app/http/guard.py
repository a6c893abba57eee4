"""What every request passes before anything else: its host, its origin; and the headers of every answer."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guiyi.app.errors import HostNotLocalError, RequestRefusedError
from guiyi.app.http.problems import problem_response
from guiyi.kit.errors import ErrorKind
from guiyi.kit.text import Text

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NUMERIC: Final = frozenset({"127.0.0.1", "::1"})
MISDIRECTED: Final = 421
UNSUPPORTED_MEDIA_TYPE: Final = 415

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Pages run no script and ask for nothing but our own style sheets and images."""
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
DEFAULT_CACHE: Final = "no-store"
"""Pages and data of a bank stay out of caches; assets say otherwise themselves."""


class ForeignHostError(RequestRefusedError):
    """The Host header names another site: DNS rebinding, or a wrong setting."""

    code = "foreign_host"


class ForeignOriginError(RequestRefusedError):
    """A page of another site tries to change something here."""

    code = "foreign_origin"
    kind = ErrorKind.FORBIDDEN


class MediaTypeError(RequestRefusedError):
    """A body that is not JSON."""

    code = "media_type_refused"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where people reach the server."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, address: str) -> "Origin":
        """Read `http://localhost:8000`.

        Raises:
            HostNotLocalError: It is no origin, or not one of this machine.
        """
        parts = urlsplit(address)
        host = parts.hostname or ""
        local = host == "localhost" or host.endswith(".localhost")
        if parts.scheme not in _DEFAULT_PORTS or not local or parts.path not in {"", "/"} or parts.query:
            raise HostNotLocalError(
                Text(
                    f"GUIYI_PUBLIC_ORIGIN={address}: 登录功能上线前, 只能是本机地址, 例如 http://localhost:8000。",
                    f"GUIYI_PUBLIC_ORIGIN={address}: before sign-in exists it can only be an address of this machine, "
                    f"e.g. http://localhost:8000.",
                ),
                public_origin=address,
            )
        return cls(parts.scheme, host, parts.port or _DEFAULT_PORTS[parts.scheme])

    def with_port(self, port: int) -> "Origin":
        """Return the same origin at `port`."""
        return Origin(self.scheme, self.host, port)

    def __str__(self) -> str:
        shown = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{shown}"


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, origin: Origin) -> None:
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, redirect or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        head_only = request.method == "HEAD"
        answered = False

        async def send_with_headers(message: Message) -> None:
            nonlocal answered
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", DEFAULT_CACHE)
            elif head_only and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        refusal = self._refusal(request)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        try:
            # HEAD is GET without its body, for every endpoint.
            await self._app({**scope, "method": "GET"} if head_only else scope, receive, send_with_headers)
        except Exception:
            # A defect was logged and answered already, and is raised for those who have no such handler. Raised
            # further on it cuts the connection, which is right only where an answer broke off in the middle.
            if not answered:
                raise

    def _refusal(self, request: Request) -> Response | None:
        host, port = _host_of(request.headers.get("host", ""), self._origin.scheme)
        if port != self._origin.port or host not in {self._origin.host, *_NUMERIC}:
            return self._foreign_host(request)
        if host in _NUMERIC:
            if request.method not in SAFE_METHODS:
                return self._foreign_host(request)
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{self._origin}{_path_of(request)}{query}", status_code=308)
        if request.method in SAFE_METHODS:
            return None
        return self._unsafe_refusal(request)

    def _foreign_host(self, request: Request) -> Response:
        shown = request.headers.get("host", "")
        return problem_response(
            request,
            ForeignHostError(
                Text(
                    f"请求的 Host 是 {shown}, 而这里是 {self._origin}。请打开 {self._origin}。",
                    f"The request is for host {shown}, this is {self._origin}. Open {self._origin}.",
                ),
                host=shown,
                origin=str(self._origin),
            ),
            status=MISDIRECTED,
        )

    def _unsafe_refusal(self, request: Request) -> Response | None:
        """Refuse what a page of another site could send; programs send neither header."""
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site")
        if (origin is not None and origin != str(self._origin)) or site not in {None, "same-origin", "none"}:
            return problem_response(
                request,
                ForeignOriginError(
                    Text(
                        f"拒绝来自 {origin or site} 的修改请求; 只接受 {self._origin} 的页面。",
                        f"A change asked for by {origin or site} is refused; only pages of {self._origin} may.",
                    ),
                    origin=origin,
                    site=site,
                ),
            )
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            return problem_response(
                request,
                MediaTypeError(
                    Text(
                        f"请求体的类型是 {media_type or '(无)'}, 只接受 application/json。",
                        f"The body's type is {media_type or '(none)'}; only application/json is taken.",
                    ),
                    media_type=media_type,
                ),
                status=UNSUPPORTED_MEDIA_TYPE,
            )
        return None


def _host_of(header: str, scheme: str) -> tuple[str, int]:
    """Return host and port of a Host header; port 0 when it cannot be read."""
    try:
        parts = urlsplit(f"//{header}")
        return (parts.hostname or ""), parts.port or _DEFAULT_PORTS[scheme]
    except ValueError:
        return "", 0


def _path_of(request: Request) -> str:
    """Return the raw path with exactly one leading slash, so that a redirect cannot leave the origin."""
    raw = request.scope.get("raw_path")
    path = raw.decode("ascii", errors="replace") if isinstance(raw, bytes) else request.url.path
    return "/" + path.lstrip("/")
