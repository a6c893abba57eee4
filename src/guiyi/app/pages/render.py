"""From a template and its values to a page."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from guiyi.app.pages.assets import PREFIX, asset_url
from guiyi.app.pages.language import Taste, remember, taste_of
from guiyi.kit.errors import GuiyiError
from guiyi.kit.text import Text
from guiyi.plumbing.design.api import mark_svg

API_PREFIX: Final = "/api/"
NO_FIGURE: Final = "—"

ROOMS: Final = (
    ("/register", Text("看清", "See"), Text("台账", "Register")),
    ("/", Text("决定", "Decide"), Text("方案", "Plan")),
    ("/api", Text("接口", "API"), Text("接口", "API")),
)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("guiyi.app.pages", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def wants_page(request: Request) -> bool:
    """Whether a browser asks for something to look at, as opposed to a program that asks for data."""
    path = request.url.path
    return "text/html" in request.headers.get("accept", "") and not path.startswith((API_PREFIX, PREFIX))


def page(
    request: Request,
    template: str,
    values: Mapping[str, object],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Render `template` in the reader's language and theme."""
    taste = taste_of(request)
    html = (
        _environment()
        .get_template(template)
        .render(
            **values,
            taste=taste,
            w=_words(taste),
            here=_here(request),
            path=request.url.path,
            rooms=ROOMS,
            asset=asset_url,
            mark=Markup(mark_svg()),  # noqa: S704  our own file
            money=money,
            number=number,
        )
    )
    response = HTMLResponse(html, status_code=status, headers=dict(headers or {}))
    response.headers["Content-Language"] = "zh-CN" if taste.language == "zh" else "en"
    response.headers["Vary"] = "Accept-Language, Cookie"
    remember(request, response)
    return response


def error_page(
    request: Request, *, title: Text, error: GuiyiError, status: int, headers: Mapping[str, str]
) -> Response:
    """Show `error` to a reader."""
    values = {"title": title, "error": error, "status": status}
    return page(request, "error.html.j2", values, status=status, headers=headers)


def money(amount: Decimal) -> str:
    """Return an amount with thousands separators, and decimals only where it has any."""
    return f"{amount:,.0f}" if amount == amount.to_integral_value() else f"{amount:,.2f}"


def number(count: int | None) -> str:
    """Return a count with thousands separators; a dash when it is not known."""
    return NO_FIGURE if count is None else f"{count:,}"


def local_time(moment: datetime, timezone: str) -> str:
    """Return `moment` in the bank's time zone, to the minute."""
    return moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M")


def _words(taste: Taste) -> Callable[..., str]:
    def words(text: Text | str, en: str | None = None) -> str:
        """Return a Text in the reader's language, or one of two given words."""
        if isinstance(text, Text):
            return text.in_language(taste.language)
        return text if taste.language == "zh" or en is None else en

    return words


def _here(request: Request) -> Callable[..., str]:
    def here(**changes: str | int | None) -> str:
        """Return this page's address with parameters changed, or left out where the value is None."""
        values: dict[str, str | int | None] = {**dict(request.query_params), **changes}
        query = urlencode({key: value for key, value in values.items() if value is not None})
        return f"{request.url.path}?{query}" if query else request.url.path

    return here
