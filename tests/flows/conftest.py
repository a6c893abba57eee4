import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from running import Running, free_port, new_home

EXAMPLES = Path(__file__).parents[2] / "examples"
EVENTS = 100_000
CUSTOMERS = 10_000
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


@pytest.fixture(scope="session")
def report_file(first_start: Running) -> Generator[Path]:
    """report.html as `guiyi plan` writes it, in a folder of its own."""
    folder = new_home()
    try:
        yield _make_report(first_start, folder)
    finally:
        shutil.rmtree(folder)


def _make_report(running: Running, folder: Path) -> Path:
    """Plan the example bank on the command line and return the report."""
    register, policies = EXAMPLES / "example-bank.xlsx", EXAMPLES / "policies.yaml"
    logs = running.command(
        *("traffic", "synth", "--register", str(register), "--out", str(folder / "logs")),
        *("--events", str(EVENTS), "--customers", str(CUSTOMERS)),
    )
    running.command(
        *("plan", "--register", str(register), "--policies", str(policies), "--out", str(folder / "plan")),
        *("--events", str(logs["events"]), "--identities", str(logs["identities"])),
    )
    return folder / "plan" / "report.html"
