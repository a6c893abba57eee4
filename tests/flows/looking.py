"""Pages as a reader opens them: language, theme, what was asked for, what went wrong."""

import importlib.resources
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, ViewportSize

Language = Literal["zh", "en"]
Theme = Literal["light", "dark"]

LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
TASTES: Final = tuple((language, theme) for language in LANGUAGES for theme in THEMES)
WIDE: Final[ViewportSize] = {"width": 1440, "height": 900}
NARROW: Final[ViewportSize] = {"width": 390, "height": 844}

_REPORT_VIOLATIONS: Final = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
_RUN_AXE: Final = """
async () => (await axe.run(document, {resultTypes: ['violations']})).violations.map((found) => ({
  id: found.id, impact: found.impact, help: found.help,
  nodes: found.nodes.slice(0, 5).map((node) => `${node.target} ${node.html.slice(0, 160)} ${node.failureSummary}`),
}))
"""


@dataclass
class Seen:
    """What happened while pages were open."""

    requested: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])
    complaints: list[str] = field(default_factory=list[str])
    """Console errors and warnings, page errors, and violations of the Content-Security-Policy."""

    def watch(self, page: Page) -> None:
        """Note everything about `page` from now on."""

        def on_request(request: Request) -> None:
            self.requested.append(request.url)

        def on_response(response: Response) -> None:
            if response.status >= 400:
                self.failed.append(f"{response.status} {response.url}")

        def on_console(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                self.complaints.append(f"{message.type}: {message.text}")

        page.on("request", on_request)
        page.on("response", on_response)
        page.on("console", on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.add_init_script(_REPORT_VIOLATIONS)

    def close(self, page: Page) -> None:
        """Take the violations that `page` noted itself."""
        violations = page.evaluate("window.violations ?? []")
        self.complaints.extend(f"policy: {violation}" for violation in violations)

    def outside(self, origin: str) -> list[str]:
        """Return what was requested from anywhere but `origin`."""
        return [address for address in self.requested if not address.startswith((f"{origin}/", "data:", "file:"))]


@contextmanager
def opened(
    browser: Browser, language: Language = "zh", theme: Theme = "light", *, bypass_csp: bool = False
) -> Generator[tuple[Page, Seen]]:
    """Yield a new reader's page, 1440 × 900, and what it sees; its browser asks for `language` and `theme`."""
    context = browser.new_context(
        viewport=WIDE,
        locale="zh-CN" if language == "zh" else "en-GB",
        color_scheme=theme,
        reduced_motion="reduce",
        bypass_csp=bypass_csp,
    )
    try:
        page, seen = context.new_page(), Seen()
        seen.watch(page)
        yield page, seen
    finally:
        context.close()


def address_of(path: str, language: Language, theme: Theme) -> str:
    """Return `path` with the language and the theme asked for."""
    return f"{path}{'&' if '?' in path else '?'}lang={language}&theme={theme}"


def violations_of(page: Page) -> list[dict[str, object]]:
    """Return what axe-core finds wrong with the page, all its rules on."""
    page.evaluate(_axe())
    found = page.evaluate(_RUN_AXE)
    assert isinstance(found, list)
    return found


@cache
def _axe() -> str:
    return importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
