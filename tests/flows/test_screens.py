"""Pictures of every page, and the report on paper: made for people to look at."""

import os
from pathlib import Path
from typing import Final

import pytest
from looking import LANGUAGES, NARROW, TASTES, WIDE, Language, Theme, address_of, opened
from playwright.sync_api import Browser, Page
from running import Running

pytestmark = [pytest.mark.prove, pytest.mark.xdist_group("flows")]

CHANNEL: Final = "oa_corporate_finance"
FOLDER: Final = Path(os.environ.get("SCREENS_FOLDER", Path(__file__).parents[2] / "build" / "screens"))
"""Where the pictures go; `SCREENS_FOLDER` moves them (the run clears every variable that starts with GUIYI_)."""
MATRIX: Final = {"zh": "功能 × 渠道", "en": "Function × channel"}
PAPER_PAGES_MAX: Final = 11
LEAST_BYTES: Final = 10_000
"""A smaller picture shows an empty page."""


@pytest.fixture(scope="session")
def folder() -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    return FOLDER


@pytest.mark.parametrize(("language", "theme"), TASTES)
def test_pictures_are_made_when_every_page_is_opened(
    chromium: Browser, first_start: Running, report_file: Path, folder: Path, language: Language, theme: Theme
) -> None:
    taken: list[Path] = []

    def take(page: Page, name: str, *, whole: bool = False) -> None:
        path = folder / f"{name}-{language}-{theme}.png"
        page.screenshot(path=path, full_page=whole)
        taken.append(path)

    with opened(chromium, language, theme) as (page, _seen):

        def go(path: str) -> None:
            page.goto(first_start.origin + address_of(path, language, theme))

        go("/")
        take(page, "report-top")
        take(page, "report-whole", whole=True)
        page.get_by_role("heading", name=MATRIX[language]).evaluate("element => element.scrollIntoView()")
        take(page, "report-matrix")
        go("/")
        page.locator(".figures summary").first.click()
        take(page, "report-trail")
        go("/register")
        take(page, "register")
        take(page, "register-whole", whole=True)
        go(f"/register?channel={CHANNEL}")
        take(page, "register-channel")
        go("/api")
        take(page, "api")
        go("/nowhere")
        take(page, "not-found")
        page.set_viewport_size(NARROW)
        for path, name in (("/", "narrow-report"), ("/register", "narrow-register")):
            go(path)
            take(page, name)
        page.set_viewport_size(WIDE)
        page.goto(report_file.as_uri())
        page.locator(f"#language-{language}").check()
        take(page, "report-file")

    assert [path.name for path in taken if path.stat().st_size < LEAST_BYTES] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_prints_on_few_pages_when_the_file_is_printed(
    chromium: Browser, report_file: Path, folder: Path, language: Language
) -> None:
    with opened(chromium, language, "dark") as (page, _seen):
        page.goto(report_file.as_uri())
        page.locator(f"#language-{language}").check()
        path = folder / f"report-{language}.pdf"
        page.pdf(path=path, prefer_css_page_size=True, print_background=True)

    # Chromium writes one object of type Page for each page.
    pages = path.read_bytes().count(b"/Type /Page\n")
    assert 1 < pages <= PAPER_PAGES_MAX
