"""The engine, and the edge at which every unit commits."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from guiyi.kit.text import Text
from guiyi.plumbing.db.embedded import CONNECT_SECONDS, MAJOR_VERSION, EmbeddedServer
from guiyi.plumbing.db.errors import DatabaseBusyError, DatabaseUnreachableError, DatabaseWrongVersionError

T = TypeVar("T")

RETRIES: Final = 3
RETRY_SECONDS: Final = 0.05
"""Before the first repetition; doubled before each further one, and spread at random."""
RETRIED_STATES: Final = frozenset({"40P01", "40001"})
"""Deadlock detected, serialization failure."""
POOL_SIZE: Final = 5
POOL_OVERFLOW: Final = 10
POOL_SECONDS: Final = 30


class Database:
    """A migrated PostgreSQL 18.

    Attributes:
        engine: For what needs a connection of its own: COPY of much data, LISTEN, advisory locks.
        server: The embedded server; None for a given database.
    """

    def __init__(self, url: URL, server: EmbeddedServer | None = None) -> None:
        self.server = server
        self.engine: Engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_SECONDS,
            connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "guiyi"},
        )

    def run(self, unit: Callable[[Session], T]) -> T:
        """Run `unit` in one transaction, commit, and return what it returned.

        A deadlock or a serialization failure repeats the whole unit, up to three times: `unit` must have no effect
        outside its session.

        Raises:
            DatabaseBusyError: It failed that way every time, or no connection became free.
            DatabaseUnreachableError: The server does not answer, or ended the connection.
        """
        for attempt in range(RETRIES + 1):
            if attempt:
                time.sleep(RETRY_SECONDS * 2**attempt * random.random())  # noqa: S311  spreads rivals, hides nothing
            try:
                with Session(self.engine) as session, session.begin():
                    return unit(session)
            except DBAPIError as error:
                if _state(error) in RETRIED_STATES:
                    continue
                if is_disconnect(error):
                    raise unreachable(self.engine.url, error) from error
                raise
            except PoolTimeoutError as error:
                raise DatabaseBusyError(
                    Text(
                        f"数据库正忙: {POOL_SECONDS} 秒内没有空闲连接。请稍后再试。",
                        f"The database is busy: no connection became free within {POOL_SECONDS} seconds. "
                        f"Try again in a moment.",
                    ),
                    seconds=POOL_SECONDS,
                ) from error
        raise DatabaseBusyError(
            Text(
                f"数据库正忙: 同一操作与其他操作冲突, 已重试 {RETRIES} 次。请稍后再试。",
                f"The database is busy: the same step clashed with others and was repeated {RETRIES} times. "
                f"Try again in a moment.",
            ),
            retries=RETRIES,
        )

    def close(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()


def url_of(address: str) -> URL:
    """Return the SQLAlchemy address of `postgresql://…` for psycopg 3."""
    return make_url(address).set(drivername="postgresql+psycopg")


def check_version(engine: Engine) -> None:
    """Check that the server is PostgreSQL 18 and its database UTF-8.

    Raises:
        DatabaseWrongVersionError: It is not.
        DatabaseUnreachableError: It does not answer.
    """
    try:
        with engine.connect() as connection:
            row = connection.execute(
                text("SELECT current_setting('server_version_num')::int, current_setting('server_encoding')")
            ).one()
    except OperationalError as error:
        raise unreachable(engine.url, error) from error
    version, encoding = int(row[0]), str(row[1])
    if version // 10_000 != MAJOR_VERSION:
        raise DatabaseWrongVersionError(
            Text(
                f"GUIYI_DATABASE_URL 指向 PostgreSQL {version // 10_000}, 而 Guiyi 需要 {MAJOR_VERSION}。",
                f"GUIYI_DATABASE_URL leads to PostgreSQL {version // 10_000}; Guiyi needs {MAJOR_VERSION}.",
            ),
            found=version,
            needed=MAJOR_VERSION,
        )
    if encoding != "UTF8":
        raise DatabaseWrongVersionError(
            Text(
                f"数据库的字符编码是 {encoding}, 而 Guiyi 需要 UTF8。请新建一个编码为 UTF8 的数据库。",
                f"The database's encoding is {encoding}; Guiyi needs UTF8. Create a database with encoding UTF8.",
            ),
            encoding=encoding,
        )


def is_disconnect(error: DBAPIError) -> bool:
    """Whether the server could not be reached or ended the connection, as opposed to refusing a statement."""
    state = _state(error)
    if error.connection_invalidated:
        return True
    if not isinstance(error, OperationalError):
        return False
    return state is None or state.startswith(("08", "57P"))


def unreachable(url: URL, error: DBAPIError) -> DatabaseUnreachableError:
    """Return the error that says so, without the password of `url`."""
    place = url.set(password=None).render_as_string()
    reason = str(error.orig).strip()
    return DatabaseUnreachableError(
        Text(
            f"连不上数据库 {place}: {reason}。请检查数据库是否在运行、地址与权限是否正确 (guiyi doctor)。",
            f"The database {place} does not answer: {reason}. Check that it runs and that address and permissions are "
            f"right (guiyi doctor).",
        ),
        database=place,
        reason=reason,
    )


def _state(error: DBAPIError) -> str | None:
    state: object = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None
