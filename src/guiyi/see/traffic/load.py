"""The load: check every row, fold the log, link customers, make the masks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from zoneinfo import ZoneInfo

import numpy as np

from guiyi.kit.progress import Progress
from guiyi.kit.text import Text
from guiyi.see.traffic.answers import ActivityMasks, Loaded
from guiyi.see.traffic.engine import Column, Engine, Places, Value
from guiyi.see.traffic.errors import (
    LogEmptyError,
    RowsLostError,
    ScopeTooLargeError,
    TooManyRefusedError,
    WindowTooLongError,
)
from guiyi.see.traffic.files import (
    EVENT_COLUMNS,
    EVENT_COLUMNS_OPTIONAL,
    EXAMPLES_PER_REASON,
    IDENTITY_COLUMNS,
    SourceFiles,
    cut,
    open_source,
    read_names,
)
from guiyi.see.traffic.identities import Components, resolve
from guiyi.see.traffic.masks import MaskTable, mask_of, words_for, words_of
from guiyi.see.traffic.model import (
    Conflict,
    EventSource,
    IdentityRefusalReason,
    Refusal,
    RefusalReason,
    Refusals,
    Scope,
)
from guiyi.see.traffic.rules import (
    CORPORATE_DOMAIN,
    frequent_from,
    month_of,
    month_starts,
    months_between,
    window_of,
)

if TYPE_CHECKING:
    from guiyi.kit.errors import Detail

MAX_CHANNELS: Final = 1_024
MAX_FUNCTIONS: Final = 4_096
MAX_MONTHS: Final = 120
CONFLICT_EXAMPLES: Final = 20

EVENT_FIELDS: Final[Mapping[str, str]] = {
    RefusalReason.BAD_TIME: "event_time",
    RefusalReason.OUTSIDE_WINDOW: "event_time",
    RefusalReason.UNKNOWN_CHANNEL: "channel_id",
    RefusalReason.UNKNOWN_FUNCTION: "function_id",
    RefusalReason.EMPTY_KEY: "user_key",
    RefusalReason.BAD_VALUE: "value_minor",
}
"""Reason -> the column at fault."""
IDENTITY_FIELDS: Final[Mapping[str, str]] = {
    IdentityRefusalReason.UNKNOWN_CHANNEL: "channel_id",
    IdentityRefusalReason.EMPTY_KEY: "user_key",
    IdentityRefusalReason.EMPTY_TYPE: "key_type",
    IdentityRefusalReason.EMPTY_VALUE: "key_value",
}
"""The same for identities."""

FOLDING = Text("汇总日志", "Folding the log")
LINKING = Text("归并客户", "Linking customers")
COUNTING_MONTHS = Text("统计各月", "Counting months")
COUNTING_FUNCTIONS = Text("统计各功能", "Counting functions")


@dataclass(frozen=True, slots=True)
class Window:
    """The months that are counted; moments in microseconds since 1970 in UTC."""

    months: tuple[str, ...]
    whole_months: tuple[str, ...]
    start_us: int
    end_us: int
    starts_us: tuple[int, ...]
    """Start of each month, and of the one after the last."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words of the three kinds of masks."""

    channels: int
    functions: int
    months: int

    def places(self) -> dict[str, Places]:
        """Return them as the statements name them."""
        return {
            "channel_words": self.channels,
            "function_words": self.functions,
            "month_words": self.months,
        }


def load(engine: Engine, source: EventSource, scope: Scope, folder: Path, progress: Progress) -> Loaded:
    """Fill the engine's tables from the files; `service.read_traffic` tells the errors."""
    _check_scope(scope)
    names = read_names(source.mapping)
    for table, ids in (("channel", scope.channel_ids), ("function", scope.function_ids)):
        columns: dict[str, Column] = {"place": np.arange(len(ids), dtype=np.uint32), "id": np.array(ids, dtype=object)}
        engine.store(table, columns)
    events = open_source(
        engine,
        source.events,
        needed=EVENT_COLUMNS,
        optional=EVENT_COLUMNS_OPTIONAL,
        names=names.events,
        folder=folder / "events",
        progress=progress,
    )
    engine.run("events", shapes=_branches(events))
    progress(FOLDING, 0, 100)
    window = _window(engine, scope, source.events)
    words = Words(words_for(len(scope.channel_ids)), words_for(len(scope.function_ids)), words_for(len(window.months)))
    refusals = _fold(engine, events, scope, window, words, progress)
    identity_refusals, synthetic = _read_identities(engine, source, names.identities, scope, folder, progress)
    progress(LINKING, 0, None)
    conflicts, conflict_count = _link(engine, scope, window, words)
    progress(LINKING, 1, 1)
    by_month = _count_months(engine, scope, window, words, progress)
    _count_functions(engine, scope, words, progress)
    return Loaded(
        months=window.months,
        whole_months=window.whole_months,
        window=_activity(engine.arrays("window_masks", **words.places()), scope, words),
        by_month=by_month,
        refusals=refusals,
        identity_refusals=identity_refusals,
        conflicts=conflicts,
        conflict_count=conflict_count,
        synthetic=events.synthetic or synthetic,
    )


def _check_scope(scope: Scope) -> None:
    for name, ids, most in (
        ("channel_ids", scope.channel_ids, MAX_CHANNELS),
        ("function_ids", scope.function_ids, MAX_FUNCTIONS),
    ):
        if not 1 <= len(ids) <= most or len(set(ids)) != len(ids):
            raise ScopeTooLargeError(
                Text(
                    f"{name} 有 {len(ids)} 项；须为 1 到 {most} 项且不重复。",
                    f"{name} has {len(ids)} entries; there must be 1 to {most}, each once.",
                ),
                field=name,
                count=len(ids),
            )


def _branches(files: SourceFiles) -> list[Places]:
    """Return what the statements need to know of each shape of files."""
    branches: list[Places] = []
    for shape, paths in files.shapes.values():
        branch: dict[str, Places] = {**shape.columns, "files": paths, "row": shape.row}
        branch |= {"time_type": shape.types.get("event_time", ""), "value_type": shape.types.get("value_minor", "")}
        branches.append(branch)
    return branches


def _whole(value: Value) -> int:
    return int(cast("int", value))


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _window(engine: Engine, scope: Scope, events: Path) -> Window:
    zone = ZoneInfo(scope.timezone)
    if scope.window is not None:
        start, end = scope.window
        if start >= end:
            raise _window_error(start.isoformat(), end.isoformat(), 0)
        first, last = month_of(start, zone), month_of(end - timedelta(microseconds=1), zone)
        return _months(first, last, zone, (_microseconds(start), _microseconds(end)))
    rows_by_month: dict[str, int] = {}
    for low, high, rows in engine.rows("day_counts"):
        for moment in (low, high):
            month = _month_at(_whole(moment), zone)
            if month is not None:
                rows_by_month[month] = rows_by_month.get(month, 0) + _whole(rows)
    if not rows_by_month:
        raise LogEmptyError(
            Text(
                f"{events}：没有一条记录的 event_time 是日期时间，如 2026-01-31T08:00:00Z。",
                f"{events}: no row has a date and time as event_time, such as 2026-01-31T08:00:00Z.",
            ),
            file=str(events),
        )
    return _months(*window_of(rows_by_month), zone, None)


def _month_at(time_us: int, zone: ZoneInfo) -> str | None:
    """Return the month of a moment; None outside the years that calendars know."""
    try:
        return month_of(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us), zone)
    except OverflowError:
        return None


def _months(first: str, last: str, zone: ZoneInfo, bounds: tuple[int, int] | None) -> Window:
    months = months_between(first, last)
    if len(months) > MAX_MONTHS:
        raise _window_error(first, last, len(months))
    starts = tuple(_microseconds(moment) for moment in month_starts(months, zone))
    start, end = bounds or (starts[0], starts[-1])
    whole = tuple(month for place, month in enumerate(months) if start <= starts[place] and starts[place + 1] <= end)
    return Window(months, whole, start, end, starts)


def _window_error(start: str, end: str, months: int) -> WindowTooLongError:
    return WindowTooLongError(
        Text(
            f"窗口 {start} 至 {end} 有 {months} 个月；须为 1 到 {MAX_MONTHS} 个月。请给出窗口。",
            f"The window from {start} to {end} has {months} months; it must have 1 to {MAX_MONTHS}. Give a window.",
        ),
        start=start,
        end=end,
    )


def _fold(
    engine: Engine, events: SourceFiles, scope: Scope, window: Window, words: Words, progress: Progress
) -> Refusals:
    """Check every row and fold those that are right; account for every row."""
    engine.run("checked", start=window.start_us, end=window.end_us)
    engine.run_long(
        "seen",
        lambda percent: progress(FOLDING, percent, 100),
        starts=list(window.starts_us),
        **words.places(),
    )
    read = _whole(engine.rows("rows_read")[0][0])
    refusals = _refusals(engine, events, "refused", read, EVENT_FIELDS)
    progress(FOLDING, 100, 100)
    _check_share(refusals, scope.max_refused_share, Text("事件日志", "the event log"))
    return refusals


def _read_identities(
    engine: Engine, source: EventSource, names: Mapping[str, str], scope: Scope, folder: Path, progress: Progress
) -> tuple[Refusals | None, bool]:
    if source.identities is None:
        engine.run("identities_none")
        return None, False
    files = open_source(
        engine,
        source.identities,
        needed=IDENTITY_COLUMNS,
        optional=(),
        names=names,
        folder=folder / "identities",
        progress=progress,
    )
    for statement in ("identities", "identities_checked", "identities_seen"):
        engine.run(statement, shapes=_branches(files))
    read = _whole(engine.rows("identity_rows_read")[0][0])
    refusals = _refusals(engine, files, "identity_refused", read, IDENTITY_FIELDS)
    _check_share(refusals, scope.max_refused_share, Text("身份文件", "the identities"))
    return refusals, files.synthetic


def _refusals(engine: Engine, files: SourceFiles, statement: str, read: int, fields: Mapping[str, str]) -> Refusals:
    """Count what was refused, and check that no row is lost."""
    counts = {RefusalReason.MALFORMED.value: files.malformed} if files.malformed else {}
    examples = list(files.malformed_examples)
    if read + files.malformed != files.rows:
        found = {str(reason): _whole(rows) for reason, rows in engine.rows(f"{statement}_counts")}
        for reason in (reason for reason in fields if reason in found):
            counts[str(reason)] = found[reason]
            rows = engine.rows(f"{statement}_examples", reason=str(reason), limit=EXAMPLES_PER_REASON)
            examples += [
                Refusal(files.names[str(file)], _whole(row), str(reason), fields[reason], cut(value))
                for file, row, _, value in rows
            ]
    refusals = Refusals(rows_in_file=files.rows, counts=counts, examples=tuple(examples))
    if read + refusals.refused != files.rows:
        raise RowsLostError(
            Text(
                f"读入 {read:,} 行、拒收 {refusals.refused:,} 行，与文件的 {files.rows:,} 行不符；请在文件不变时重试。",
                f"{read:,} rows read and {refusals.refused:,} refused do not make the {files.rows:,} rows of the file; "
                "try again while nobody changes it.",
            ),
            read=read,
            refused=refusals.refused,
            rows_in_file=files.rows,
        )
    return refusals


def _check_share(refusals: Refusals, most: Decimal, what: Text) -> None:
    if Decimal(refusals.refused) <= most * refusals.rows_in_file:
        return
    listed = ", ".join(f"{reason} {rows:,}" for reason, rows in refusals.counts.items())
    first = refusals.examples[0]
    examples: list[Detail] = [
        {"file": one.file, "row": one.row, "reason": one.reason, "field": one.field, "value": one.value}
        for one in refusals.examples
    ]
    raise TooManyRefusedError(
        Text(
            f"{what.zh}的 {refusals.rows_in_file:,} 行中有 {refusals.refused:,} 行被拒收（{listed}），"
            f"超过上限 {most:.2%}。首例：{first.file} 第 {first.row} 行 {first.field}={first.value!r}。"
            "请修正日志、台账或提高上限；未载入任何数据。",
            f"Of the {refusals.rows_in_file:,} rows of {what.en} {refusals.refused:,} were refused ({listed}), more "
            f"than {most:.2%}. First: {first.file} row {first.row}, {first.field} = {first.value!r}. Mend the log or "
            "the register, or raise the share; nothing was loaded.",
        ),
        rows_in_file=refusals.rows_in_file,
        refused=cast("dict[str, Detail]", dict(refusals.counts)),
        examples=examples,
    )


def _link(engine: Engine, scope: Scope, window: Window, words: Words) -> tuple[tuple[Conflict, ...], int]:
    """Give every channel identity its person, and every person channels, months, functions and segment."""
    for statement in ("values", "identity_roots", "keys"):
        engine.run(statement, **words.places())
    edges = engine.arrays("edges")
    count = _whole(engine.rows("value_count")[0][0])
    low, high, numbers = (
        column.astype(np.int64) for column in (edges["low"], edges["high"], engine.arrays("numbers")["value"])
    )
    components = resolve(count, low, high, numbers)
    engine.store("component", {"value": np.arange(count, dtype=np.uint64), "person": components.person})
    engine.run("presences", linked=components.linked, **words.places())
    conflicts, conflict_count = _conflicts(engine, components)
    for table in ("seen", "key", "identity_root", "identity", "value", "component"):
        engine.run("drop", table=table)
    corporate = [place for place, name in enumerate(scope.function_ids) if name.partition(".")[0] == CORPORATE_DOMAIN]
    engine.run(
        "persons",
        linked=components.linked,
        corporate=[int(word) for word in mask_of(corporate, words.functions)],
        frequent_from=frequent_from(len(window.months)),
        **words.places(),
    )
    return conflicts, conflict_count


def _conflicts(engine: Engine, components: Components) -> tuple[tuple[Conflict, ...], int]:
    """Return the conflicts with the most keys, and how many there are."""
    if not len(components.conflicted):
        return (), 0
    engine.store("conflict", {"value": components.conflicted.astype(np.uint64), "component": components.conflict})
    keys: dict[int, list[tuple[str, str]]] = {}
    for component, channel, user_key in engine.rows("conflict_keys"):
        keys.setdefault(_whole(component), []).append((str(channel), str(user_key)))
    numbers: dict[int, list[str]] = {}
    for component, number in engine.rows("conflict_numbers"):
        numbers.setdefault(_whole(component), []).append(str(number))
    found = [
        Conflict(
            tuple(sorted(numbers[one])[:CONFLICT_EXAMPLES]),
            len(keys[one]),
            tuple(sorted(keys[one])[:CONFLICT_EXAMPLES]),
        )
        for one in keys
    ]
    found.sort(key=lambda conflict: (-conflict.keys, conflict.customer_numbers))
    return tuple(found[:CONFLICT_EXAMPLES]), len(found)


def _activity(columns: Mapping[str, Column], scope: Scope, words: Words) -> ActivityMasks:
    masks, customers = words_of(columns, "c", words.channels), columns["customers"].astype(np.int64)
    return ActivityMasks(MaskTable(masks, customers, len(scope.channel_ids)), columns["segment"], columns["linked"])


def _count_months(
    engine: Engine, scope: Scope, window: Window, words: Words, progress: Progress
) -> tuple[ActivityMasks, ...]:
    """Make `activity` month by month: in one go it would need several times the memory."""
    counted: list[ActivityMasks] = []
    for place in range(len(window.months)):
        progress(COUNTING_MONTHS, place, len(window.months))
        columns = engine.arrays("month_masks", month_place=place, **words.places())
        counted.append(_activity(columns, scope, words))
    progress(COUNTING_MONTHS, len(window.months), len(window.months))
    return tuple(counted)


def _count_functions(engine: Engine, scope: Scope, words: Words, progress: Progress) -> None:
    """Make `use` function by function, so that memory holds one at a time."""
    engine.run("use_none", **words.places())
    for place in range(len(scope.function_ids)):
        progress(COUNTING_FUNCTIONS, place, len(scope.function_ids))
        engine.run("use_of", function_place=place, **words.places())
    progress(COUNTING_FUNCTIONS, len(scope.function_ids), len(scope.function_ids))
