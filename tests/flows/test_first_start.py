"""An empty folder, `guiyi up`, and the pages that a newcomer opens."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from looking import LANGUAGES, NARROW, TASTES, Language, Theme, address_of, opened, violations_of
from playwright.sync_api import Browser
from running import STOP_SECONDS, Running, free_port, get, processes_of, wait_until

pytestmark = pytest.mark.xdist_group("flows")

CHANNEL = "oa_corporate_finance"
PAGES = ("/", "/register", f"/register?channel={CHANNEL}", "/api", "/nowhere")
FINDING = {"zh": "个渠道归为", "en": "channels become"}


def test_up_says_what_to_open_when_the_home_is_empty(first_start: Running) -> None:
    pages = {path: get(f"{first_start.origin}{path}", accept="text/html") for path in ("/", "/register", "/api")}

    assert {path: answer.status for path, answer in pages.items()} == dict.fromkeys(pages, 200)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_of_the_examples_plan_shows_when_the_first_page_is_opened(
    chromium: Browser, first_start: Running, language: Language
) -> None:
    with opened(chromium, language) as (page, _seen):
        page.goto(first_start.origin)

        assert FINDING[language] in page.locator("h1").inner_text()
        assert page.locator("html").get_attribute("lang") == ("zh-CN" if language == "zh" else "en")
        assert page.locator("svg.drawing").count() == 5


def test_every_channel_of_the_register_shows_when_the_table_is_opened(chromium: Browser, first_start: Running) -> None:
    with opened(chromium) as (page, _seen):
        page.goto(f"{first_start.origin}/register")
        rows = page.locator("table").first.locator("tbody tr")
        document = get(f"{first_start.origin}/api/v1/register").json()
        register = document["register"]
        assert isinstance(register, dict)

        assert rows.count() == len(register["channels"])

        rows.first.locator("a").first.click()
        assert "channel=" in page.url
        assert page.locator("aside h2").count() == 1


def test_every_operation_shows_when_the_api_page_is_opened(chromium: Browser, first_start: Running) -> None:
    document = get(f"{first_start.origin}/api/openapi.json").json()
    paths = document["paths"]
    assert isinstance(paths, dict)
    with opened(chromium) as (page, _seen):
        page.goto(f"{first_start.origin}/api")

        assert sorted(page.locator("code.path").all_inner_texts()) == sorted(paths)


def test_the_reader_is_sent_to_localhost_when_an_address_of_numbers_is_opened(
    chromium: Browser, first_start: Running
) -> None:
    answer = get(f"http://127.0.0.1:{first_start.port}/register?sort=cost")
    with opened(chromium) as (page, _seen):
        page.goto(f"http://127.0.0.1:{first_start.port}/register")

        assert (answer.status, answer.headers["location"]) == (308, f"{first_start.origin}/register?sort=cost")
        assert page.url == f"{first_start.origin}/register"


@pytest.mark.parametrize(("language", "theme"), TASTES)
def test_nothing_is_asked_outside_and_nothing_complains_when_every_page_is_opened(
    chromium: Browser, first_start: Running, language: Language, theme: Theme
) -> None:
    with opened(chromium, language, theme) as (page, seen):
        for path in PAGES:
            page.goto(first_start.origin + address_of(path, language, theme))
            assert page.locator("html").get_attribute("data-theme") == theme
            seen.close(page)

        expected = [entry for entry in seen.failed if "/nowhere" not in entry]
        complaints = [entry for entry in seen.complaints if "404" not in entry]
        assert (seen.outside(first_start.origin), expected, complaints) == ([], [], [])


@pytest.mark.parametrize(("language", "theme"), TASTES)
def test_axe_finds_nothing_when_every_page_is_opened(
    chromium: Browser, first_start: Running, language: Language, theme: Theme
) -> None:
    with opened(chromium, language, theme, bypass_csp=True) as (page, _seen):
        found: dict[str, list[dict[str, object]]] = {}
        for path in PAGES:
            page.goto(first_start.origin + address_of(path, language, theme))
            if violations := violations_of(page):
                found[path] = violations

        assert not found, json.dumps(found, indent=1, ensure_ascii=False)


@pytest.mark.parametrize(("language", "theme"), TASTES)
def test_the_report_file_reads_in_both_languages_when_it_is_opened_from_disk(
    chromium: Browser, report_file: Path, language: Language, theme: Theme
) -> None:
    with opened(chromium, language, theme, bypass_csp=True) as (page, seen):
        page.goto(report_file.as_uri())
        page.locator(f"#language-{language}").check()
        shown = page.locator("h1:visible")

        assert shown.count() == 1
        assert FINDING[language] in shown.inner_text()
        violations = violations_of(page)
        assert not violations, json.dumps(violations, indent=1, ensure_ascii=False)
        assert (seen.outside("file://"), seen.complaints) == ([], [])


def test_the_paper_is_white_when_a_dark_browser_prints(chromium: Browser, report_file: Path) -> None:
    with opened(chromium, "zh", "dark") as (page, _seen):
        page.goto(report_file.as_uri())
        page.emulate_media(media="print", color_scheme="dark")
        colour = page.locator("article:visible").evaluate("element => getComputedStyle(element).backgroundColor")

        assert colour == "rgb(255, 255, 255)"


def test_no_page_is_wider_than_the_screen_when_the_screen_is_narrow(chromium: Browser, first_start: Running) -> None:
    with opened(chromium) as (page, _seen):
        page.set_viewport_size(NARROW)
        wider: dict[str, int] = {}
        for path in PAGES:
            page.goto(first_start.origin + path)
            width = int(page.evaluate("document.documentElement.scrollWidth"))
            if width > NARROW["width"]:
                wider[path] = width

        assert wider == {}


def test_nothing_is_left_behind_when_ctrl_c_is_pressed_at_rest(empty_home: Path) -> None:
    running = Running(empty_home, free_port())
    try:
        running.start()
        running.wait_for_plan()

        code, seconds = running.interrupt()

        assert code in {0, 130}
        assert seconds <= STOP_SECONDS
        assert processes_of(empty_home) == []
        assert not running.answers()
    finally:
        running.end()


def test_nothing_is_left_behind_when_ctrl_c_is_pressed_while_the_example_is_planned(empty_home: Path) -> None:
    running = Running(empty_home, free_port())
    try:
        running.start()

        code, seconds = running.interrupt()

        assert code in {0, 130}
        assert seconds <= STOP_SECONDS
        assert processes_of(empty_home) == []

        # And the next start makes good what was broken off.
        running.start()
        running.wait_for_plan()
    finally:
        running.end()


def test_nothing_is_left_behind_when_ctrl_c_is_pressed_before_it_is_ready(empty_home: Path) -> None:
    running = Running(empty_home, free_port())
    try:
        running.launch()
        wait_until((empty_home / "database").exists, STOP_SECONDS, "the database's folder")

        code, seconds = running.interrupt()

        assert code in {0, 130}
        assert seconds <= STOP_SECONDS
        assert processes_of(empty_home) == []
    finally:
        running.end()


def test_a_second_up_is_told_why_when_the_port_is_taken(first_start: Running) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("guiyi")), "up", "--json"],
        env=first_start.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=STOP_SECONDS,
    )

    assert done.returncode != 0
    assert json.loads(done.stdout)["error"] == "port_taken"
    assert first_start.answers()
