import io
import re
from html.parser import HTMLParser

import httpx
import pytest
from openpyxl import load_workbook

from guiyi.app.pages.register_view import SortKey
from guiyi.app.services import Services
from guiyi.plumbing.jobs.api import enqueue
from guiyi.see.register.api import Register

PAGES = ("/", "/register", "/api", "/nothing")


class _Page(HTMLParser):
    """Collects what a page refers to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def values(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(attribute)) is not None]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("language", "lang", "word"), [("zh", "zh-CN", "归一"), ("en", "en", "Guiyi")])
def test_page_is_in_the_language_when_it_is_asked_for(
    browser: httpx.Client, path: str, language: str, lang: str, word: str
) -> None:
    answer = browser.get(f"{path}?lang={language}")
    assert f'<html lang="{lang}"' in answer.text
    assert f"<strong>{word}</strong>" in answer.text
    assert answer.headers["content-language"] == lang


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", "zh-CN"),
        ("en", "en"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en;q=0.5, zh;q=0.8", "zh-CN"),
        ("fr, de", "zh-CN"),
        ("fr, en;q=0.1", "en"),
        ("en;q=nonsense", "zh-CN"),
        (",".join(["fr"] * 5_000), "zh-CN"),
    ],
)
def test_language_follows_the_browser_when_none_was_chosen(browser: httpx.Client, header: str, lang: str) -> None:
    assert browser.get("/api", headers={"Accept-Language": header}).headers["content-language"] == lang


def test_choice_is_remembered_when_it_was_made_once(browser: httpx.Client) -> None:
    first = browser.get("/api?lang=en&theme=dark")
    assert 'data-theme="dark"' in first.text
    for cookie in first.headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
    later = browser.get("/register")
    assert '<html lang="en" data-theme="dark">' in later.text
    assert "data-theme" not in browser.get("/register?theme=system").text
    assert '<html lang="en">' in browser.get("/register?lang=klingon").text


@pytest.mark.parametrize("path", PAGES)
def test_page_asks_for_nothing_from_outside_and_runs_no_script_when_opened(
    browser: httpx.Client, path: str, imported: Register
) -> None:
    page = _Page(browser.get(path).text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.values("style") == []
    for address in page.values("href") + page.values("src"):
        assert re.match(r"^(/(?!/)|#)", address), address
    del imported


@pytest.mark.parametrize("path", PAGES)
def test_assets_never_change_under_their_name_when_loaded(browser: httpx.Client, path: str) -> None:
    addresses = [one for one in _Page(browser.get(path).text).values("href") if one.startswith("/assets/")]
    assert len(addresses) >= 3
    for address in addresses:
        answer = browser.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        again = browser.get(address, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_front_page_says_what_to_do_when_there_is_no_plan(browser: httpx.Client) -> None:
    page = browser.get("/?lang=en").text
    assert "There is no plan yet" in page
    assert "guiyi plan --register" in page
    assert 'http-equiv="refresh"' not in page


def test_front_page_waits_when_a_job_is_under_way(browser: httpx.Client, services: Services) -> None:
    services.database.run(lambda session: enqueue(session, "example.plan"))
    page = browser.get("/?lang=en").text
    assert "The plan is being computed" in page
    assert 'http-equiv="refresh"' in page


def test_register_page_says_what_to_do_when_the_register_is_empty(browser: httpx.Client) -> None:
    assert "guiyi register import" in browser.get("/register").text


def test_register_page_has_a_row_for_each_channel_when_imported(browser: httpx.Client, imported: Register) -> None:
    page = browser.get("/register?lang=zh").text
    for channel in imported.channels:
        assert f'id="{channel.channel_id}"' in page
        assert channel.name_zh in page
    assert "示例数据" in page
    assert f"{len(imported.channels)} 个渠道把" in page


def test_offerings_are_shown_when_a_channel_is_chosen(browser: httpx.Client, imported: Register) -> None:
    channel = imported.channels[0]
    page = browser.get(f"/register?lang=zh&channel={channel.channel_id}").text
    offered = [one for one in imported.offerings if one.channel_id == channel.channel_id]
    for offering in offered:
        assert offering.entry_path.replace(">", "&gt;") in page
    assert f"{len(offered)} 项功能" in page
    assert browser.get("/register?channel=unknown").status_code == 200


@pytest.mark.parametrize("sort", SortKey)
def test_rows_are_all_there_when_sorted(browser: httpx.Client, imported: Register, sort: SortKey) -> None:
    page = _Page(browser.get(f"/register?sort={sort}").text)
    rows = [attributes["id"] for tag, attributes in page.tags if tag == "tr" and "id" in attributes]
    assert sorted(str(row) for row in rows) == sorted(channel.channel_id for channel in imported.channels)
    assert [attributes for tag, attributes in page.tags if tag == "th" and "aria-sort" in attributes]


def test_workbook_is_that_of_an_import_when_downloaded(browser: httpx.Client, imported: Register) -> None:
    answer = browser.get("/register.xlsx")
    assert answer.headers["content-disposition"] == 'attachment; filename="register.xlsx"'
    book = load_workbook(io.BytesIO(answer.content), read_only=True)
    assert {"channels", "functions", "offerings"} <= set(book.sheetnames)
    del imported


def test_values_are_escaped_when_they_hold_markup(browser: httpx.Client, imported: Register) -> None:
    del imported
    page = browser.get("/register", params={"channel": '"><script>alert(1)</script>'}).text
    assert "<script>" not in page
    assert "<script>" not in browser.get("/<script>alert(1)</script>").text
