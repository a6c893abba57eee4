"""Which language and theme a reader wants: the address says it, else a cookie, else the browser."""

from dataclasses import dataclass
from typing import Final, Literal

from fastapi import Request, Response

from guiyi.kit.text import LANGUAGES, Language

Theme = Literal["light", "dark", "system"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark", "system")
LANGUAGE_COOKIE: Final = "guiyi-language"
THEME_COOKIE: Final = "guiyi-theme"
COOKIE_SECONDS: Final = 365 * 24 * 3600
HEADER_ITEMS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Taste:
    """How a page is shown."""

    language: Language
    theme: Theme


def language_of(request: Request) -> Language:
    """Return the language that was asked for; 简体中文 when nobody asked for any."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        for language in LANGUAGES:
            if wanted == language:
                return language
    return _preferred(request.headers.get("accept-language", ""))


def taste_of(request: Request) -> Taste:
    """Return language and theme of `request`."""
    for wanted in (request.query_params.get("theme"), request.cookies.get(THEME_COOKIE)):
        for theme in THEMES:
            if wanted == theme:
                return Taste(language_of(request), theme)
    return Taste(language_of(request), "system")


def remember(request: Request, response: Response) -> None:
    """Keep in cookies what the address asked for; they hold a preference and no secret."""
    taste = taste_of(request)
    for parameter, cookie, value in (
        ("lang", LANGUAGE_COOKIE, taste.language),
        ("theme", THEME_COOKIE, taste.theme),
    ):
        if request.query_params.get(parameter) == value:
            response.set_cookie(cookie, value, max_age=COOKIE_SECONDS, httponly=True, samesite="lax")


def _preferred(header: str) -> Language:
    """Return the language with the highest weight in an Accept-Language header; the first wins a tie."""
    best: Language = "zh"
    weight = 0.0
    for item in header.split(",")[:HEADER_ITEMS_MAX]:
        name, _, parameters = item.strip().partition(";")
        wanted = name.strip().lower().partition("-")[0]
        for language in LANGUAGES:
            if wanted == language and (found := _weight(parameters)) > weight:
                best, weight = language, found
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
