import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from running import Running, free_port, new_home

CHROMIUM_PLACES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none"]


def _chromium() -> str | None:
    return next((found for name in CHROMIUM_PLACES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> Generator[Browser]:
    """Debian's Chromium, headless."""
    path = _chromium()
    if path is None:
        pytest.skip("Chromium is not installed: `make browser` installs it on Debian")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def first_start() -> Generator[Running]:
    """`guiyi up` on an empty home, with the example's plan made."""
    home = new_home()
    try:
        with Running(home, free_port()) as running:
            running.wait_for_plan()
            yield running
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def empty_home() -> Generator[Path]:
    home = new_home()
    yield home
    shutil.rmtree(home, ignore_errors=True)
