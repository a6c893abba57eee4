"""What the planner's documents share: decimal strings, ids, and errors that name the place."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, WithJsonSchema

from guiyi.decide.planning.errors import OutputRefused
from guiyi.kit.errors import Detail, GuiyiError
from guiyi.kit.text import Text

MAX_DOCUMENT_BYTES = 2_000_000_000
"""The largest document that is read."""
MAX_LISTED_PROBLEMS = 100
"""An error lists at most so many places."""
MAX_SHOWN_VALUE = 80
"""Characters of a wrong value that a message repeats."""

_DECIMAL_PATTERN = r"^[0-9]{1,18}(\.[0-9]{1,12})?$"


def _decimal_text(value: object) -> object:
    if isinstance(value, float):
        msg = 'write it as a decimal string, such as "12.50": a float is not exact'
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns a ValueError, not a TypeError, into a listed problem
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


DecimalString = Annotated[
    Decimal,
    Field(ge=0, max_digits=30),
    BeforeValidator(_decimal_text),
    WithJsonSchema({"type": "string", "pattern": _DECIMAL_PATTERN}),
]
"""A non-negative decimal number, written as a string; money is in units of the currency."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def read_bytes(path: Path, *, error: type[GuiyiError], limit: int) -> bytes:
    """Return the bytes of the file at `path`.

    Raises:
        GuiyiError: Of class `error`, when there is no such file or it has more than `limit` bytes.
    """
    try:
        size = path.stat().st_size
        if size > limit:
            raise error(
                Text(zh=f"{path} 有 {size} 字节,超过上限 {limit}", en=f"{path} has {size} bytes; the limit is {limit}"),
                path=str(path),
            )
        return path.read_bytes()
    except OSError as reason:
        raise error(
            Text(zh=f"无法读取 {path}:{reason.strerror}", en=f"Cannot read {path}: {reason.strerror}"), path=str(path)
        ) from reason


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file, or leave what was there: it takes its name when it is complete.

    Raises:
        OutputRefused: The folder cannot be made, or the file cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as reason:
        raise OutputRefused(
            Text(
                zh=f"无法写入 {path}：{reason.strerror}。请换一个可写的位置。",
                en=f"Cannot write {path}: {reason.strerror}. Name a place that can be written.",
            ),
            path=str(path),
        ) from reason


def rejected(problems: list[tuple[str, str]], *, place: str, error_class: type[GuiyiError]) -> GuiyiError:
    """Return an error that lists `problems`, pairs of where and why, in the document `place`."""
    shown = problems[:MAX_LISTED_PROBLEMS]
    lines = "\n".join(f"  {where}: {why}" for where, why in shown)
    more = len(problems) - len(shown)
    tail = Text(zh=f"\n  另有 {more} 处", en=f"\n  and {more} more") if more else Text(zh="", en="")
    listing: list[Detail] = [{"where": where, "why": why} for where, why in shown]
    return error_class(
        Text(
            zh=f"{place} 有 {len(problems)} 处错误,什么都没有执行:\n{lines}{tail.zh}",
            en=f"{place} has {len(problems)} mistakes; nothing was done:\n{lines}{tail.en}",
        ),
        place=place,
        count=len(problems),
        problems=listing,
    )


def listed(error: ValidationError, *, place: str, error_class: type[GuiyiError]) -> GuiyiError:
    """Turn pydantic's `error` about the document `place` into one of ours: path, value and reason of each problem."""
    problems: list[tuple[str, str]] = []
    for item in error.errors(include_url=False):
        where = ".".join(str(part) for part in item["loc"]) or "document"
        value = repr(item.get("input"))
        shown = value if len(value) <= MAX_SHOWN_VALUE else value[:MAX_SHOWN_VALUE] + "…"
        problems.append((where, f"{item['msg']} ({shown})"))
    return rejected(problems, place=place, error_class=error_class)
