"""Files of a source: which ones, which column is which, and CSV brought to Parquet with its real line numbers."""

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, TextIO, cast

import yaml

from guiyi.kit.progress import Progress
from guiyi.kit.text import Text
from guiyi.see.traffic.engine import ColumnType, Engine, EngineError, Places, Watch
from guiyi.see.traffic.errors import (
    ColumnMissingError,
    LogEmptyError,
    LogMissingError,
    LogUnreadableError,
    MappingInvalidError,
)
from guiyi.see.traffic.model import Refusal, RefusalReason

EVENT_COLUMNS: Final = ("event_time", "channel_id", "function_id", "user_key")
EVENT_COLUMNS_OPTIONAL: Final = ("customer_id", "value_minor")
EVENT_COLUMNS_UNREAD: Final = ("session_id",)
"""May be named in a mapping; nothing counts by it yet."""
EVENT_COLUMNS_NAMED: Final = (*EVENT_COLUMNS, *EVENT_COLUMNS_OPTIONAL, *EVENT_COLUMNS_UNREAD)
IDENTITY_COLUMNS: Final = ("channel_id", "user_key", "key_type", "key_value")
SYNTHETIC_KEY: Final = "guiyi.synthetic"
"""Key in a Parquet file's metadata, and in the JSON file beside a CSV file, whose value `true` marks made-up data."""
BESIDE: Final = ".meta.json"
"""What the name of the JSON file beside a CSV file adds to that file's name."""
MAX_FILES: Final = 10_000
MAX_COLUMNS: Final = 1_000
MAX_MAPPING_BYTES: Final = 1_000_000
MAX_MARKER_BYTES: Final = 100_000
MAX_FIELD_CHARS: Final = 100_000
"""A longer field of a CSV file makes its record malformed."""
EXAMPLES_PER_REASON: Final = 20
MAX_VALUE_CHARS: Final = 200
TOLD_LINES: Final = 100_000
"""Progress of reading record by record is told once in so many lines."""
BLOCK_BYTES: Final = 1 << 22
SUFFIXES: Final = (".parquet", ".csv", ".csv.gz")

READING = Text("读取文件", "Reading files")


@dataclass(frozen=True, slots=True)
class Names:
    """Our names of columns -> the file's; a column that is not named keeps our name."""

    events: Mapping[str, str] = field(default_factory=dict[str, str])
    identities: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Shape:
    """Files that are read alike: for each of our columns the column's name in them, None when they have none."""

    columns: Mapping[str, str | None]
    types: Mapping[str, str]
    row: str
    """SQL of the row number."""


@dataclass(slots=True)
class SourceFiles:
    """The files of one source, ready for the engine."""

    names: dict[str, str] = field(default_factory=dict[str, str])
    """Path as the engine reads it -> path as people know it."""
    shapes: dict[str, tuple[Shape, list[str]]] = field(default_factory=dict[str, tuple[Shape, list[str]]])
    rows: int = 0
    """Records of all files, counted apart from reading them."""
    malformed: int = 0
    malformed_examples: list[Refusal] = field(default_factory=list[Refusal])
    synthetic: bool = False


def read_names(mapping: Path | None) -> Names:
    """Read the mapping file; raise `MappingInvalidError` or `LogMissingError`."""
    if mapping is None:
        return Names()
    if not mapping.is_file():
        raise LogMissingError(
            Text(f"找不到映射文件 {mapping}。", f"The mapping file {mapping} does not exist."), file=str(mapping)
        )
    if mapping.stat().st_size > MAX_MAPPING_BYTES:
        raise _mapping_error(mapping, Text("文件过大", "the file is too large"))
    try:
        found: object = yaml.safe_load(mapping.read_text("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _mapping_error(mapping, Text("不是 YAML 或 JSON", "it is neither YAML nor JSON")) from error
    parts = _text_keys(found, mapping)
    if set(parts) <= {"events", "identities"} and all(isinstance(part, dict) for part in parts.values()):
        return Names(
            events=_renames(parts.get("events", {}), EVENT_COLUMNS_NAMED, mapping),
            identities=_renames(parts.get("identities", {}), IDENTITY_COLUMNS, mapping),
        )
    return Names(events=_renames(parts, EVENT_COLUMNS_NAMED, mapping))


def open_source(
    engine: Engine,
    source: Path,
    *,
    needed: tuple[str, ...],
    optional: tuple[str, ...],
    names: Mapping[str, str],
    folder: Path,
    progress: Progress,
) -> SourceFiles:
    """Find the files of `source` and make them readable for the engine under plain names in `folder`.

    Raises:
        LogMissingError: Nothing there.
        LogUnreadableError: A file of another kind, or not what its name says.
        ColumnMissingError: A file without a needed column.
        LogEmptyError: No row at all.
    """
    folder.mkdir()
    opened = SourceFiles()
    paths = _paths_of(source)
    for number, path in enumerate(paths):
        progress(READING, number, len(paths))
        shown = str(path.relative_to(source)) if path != source else path.name
        plain = folder / f"{number:05d}.parquet"
        with _reads(path):
            if _suffix_of(path) == ".parquet":
                plain.symlink_to(path.resolve())
                _open_parquet(engine, plain, path, opened, needed, optional, names)
            else:
                _open_csv(engine, plain, path, shown, opened, needed, optional, names, progress)
        opened.names[str(plain)] = shown
    progress(READING, len(paths), len(paths))
    if opened.rows == 0:
        raise LogEmptyError(Text(f"{source} 中没有任何记录。", f"{source} holds no row."), file=str(source))
    return opened


def cut(value: object) -> str:
    """Return `value` as a refusal shows it."""
    return "" if value is None else str(value)[:MAX_VALUE_CHARS]


def _text_keys(value: object, mapping: Path) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _mapping_error(mapping, Text("不是“列名: 列名”的表", "it is no table of column name: column name"))
    return {str(key): part for key, part in cast("dict[object, object]", value).items()}


def _renames(value: object, ours: tuple[str, ...], mapping: Path) -> dict[str, str]:
    renames: dict[str, str] = {}
    for key, name in _text_keys(value, mapping).items():
        if key not in ours:
            known = ", ".join(ours)
            raise _mapping_error(mapping, Text(f"未知列 {key}，可用：{known}", f"unknown column {key}; known: {known}"))
        if not isinstance(name, str) or not name:
            raise _mapping_error(mapping, Text(f"{key} 的列名须为文本", f"the column name of {key} must be a text"))
        renames[key] = name
    return renames


def _mapping_error(mapping: Path, reason: Text) -> MappingInvalidError:
    return MappingInvalidError(
        Text(
            f"映射文件 {mapping}：{reason.zh}。应为“我方列名: 文件列名”。",
            f"Mapping file {mapping}: {reason.en}. Write our name: the file's name, one line a column.",
        ),
        file=str(mapping),
    )


def _suffix_of(path: Path) -> str | None:
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)


def _paths_of(source: Path) -> list[Path]:
    """Return the files of a source in the order of their names; hidden files and markers are passed over."""
    if source.is_file():
        found = [source]
    elif source.is_dir():
        found = [
            path
            for path in sorted(source.rglob("*"))
            if path.is_file()
            and not any(part.startswith((".", "_")) for part in path.relative_to(source).parts)
            and not path.name.endswith(BESIDE)
        ]
    else:
        raise LogMissingError(Text(f"找不到 {source}。", f"{source} does not exist."), file=str(source))
    for path in found:
        if _suffix_of(path) is None:
            raise LogUnreadableError(
                Text(
                    f"{path}：无法识别的文件类型；可读 {'、'.join(SUFFIXES)}。请转换或移走该文件。",
                    f"{path}: unknown kind of file; {', '.join(SUFFIXES)} can be read. Convert it or move it away.",
                ),
                file=str(path),
            )
    if not found or len(found) > MAX_FILES:
        raise LogMissingError(
            Text(
                f"{source} 中有 {len(found)} 个日志文件；须为 1 到 {MAX_FILES} 个。",
                f"{source} holds {len(found)} log files; there must be 1 to {MAX_FILES}.",
            ),
            file=str(source),
        )
    return found


@contextmanager
def _reads(path: Path) -> Generator[None]:
    try:
        yield
    except (EngineError, OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> LogUnreadableError:
    """Return the error that says that `path` cannot be read."""
    return LogUnreadableError(
        Text(f"无法读取 {path}：{error}", f"{path} cannot be read: {error}"), file=str(path), reason=str(error)
    )


def _open_parquet(
    engine: Engine,
    plain: Path,
    path: Path,
    opened: SourceFiles,
    needed: tuple[str, ...],
    optional: tuple[str, ...],
    names: Mapping[str, str],
) -> None:
    found = engine.parquet_columns(plain)
    columns = _matched(list(found), path, needed, optional, names)
    types = {ours: found[theirs].value for ours, theirs in columns.items() if theirs is not None}
    for ours, kind in types.items():
        if kind == ColumnType.OTHER.value or (ours == "event_time" and kind in {"whole", "real"}):
            raise ColumnMissingError(
                Text(
                    f"{path}：列 {columns[ours]}（{ours}）的类型不可用；时间须为日期时间或文本，其余为文本或数字。",
                    f"{path}: column {columns[ours]} ({ours}) has a type that cannot be used; a time must be a date "
                    "and time or a text, the others text or numbers.",
                ),
                file=str(path),
                column=ours,
            )
    rows = engine.rows("parquet_rows", files=[plain])
    opened.rows += sum(int(str(count)) for _, count in rows)
    opened.synthetic |= bool(engine.rows("parquet_synthetic", files=[plain], key=SYNTHETIC_KEY))
    _add(opened, Shape(columns=columns, types=types, row="file_row_number + 1"), plain)


def _open_csv(
    engine: Engine,
    plain: Path,
    path: Path,
    shown: str,
    opened: SourceFiles,
    needed: tuple[str, ...],
    optional: tuple[str, ...],
    names: Mapping[str, str],
    progress: Progress,
) -> None:
    header = _header_of(path)
    columns = _matched(header, path, needed, optional, names)
    wanted = sorted({header.index(theirs) for theirs in columns.values() if theirs is not None})
    step = Text(f"转换 {shown}", f"Converting {shown}")

    slowly = Text(f"逐条读取 {shown}", f"Reading {shown} record by record")

    def watch(percent: int) -> None:
        progress(step, percent, 100)

    def told(line: int) -> None:
        progress(slowly, line, None)

    rows = _copy_plain_csv(engine, path, plain, len(header), wanted, watch)
    row, place_of = "file_row_number + 2", {place: place for place in wanted}
    if rows is None:
        rows = _copy_any_csv(engine, path, plain, shown, len(header), wanted, opened, watch, told)
        row, place_of = "column0::bigint", {place: number for number, place in enumerate(wanted, start=1)}
    opened.rows += rows
    opened.synthetic |= _marked_synthetic(path)
    copied = {ours: None if name is None else f"column{place_of[header.index(name)]}" for ours, name in columns.items()}
    types = dict.fromkeys((ours for ours, name in copied.items() if name is not None), ColumnType.TEXT.value)
    _add(opened, Shape(columns=copied, types=types, row=row), plain)


def _add(opened: SourceFiles, shape: Shape, plain: Path) -> None:
    opened.shapes.setdefault(repr(shape), (shape, []))[1].append(str(plain))


def _matched(
    found: Collection[str], path: Path, needed: tuple[str, ...], optional: tuple[str, ...], names: Mapping[str, str]
) -> dict[str, str | None]:
    """Return our columns -> the file's; raise `ColumnMissingError` for what is needed or was named and is not there."""
    columns: dict[str, str | None] = {}
    for ours in (*needed, *optional):
        theirs = names.get(ours, ours)
        times = list(found).count(theirs)
        if times == 1:
            columns[ours] = theirs
        elif times == 0 and ours in optional and ours not in names:
            columns[ours] = None
        else:
            problem = (
                Text("缺少列", "lacks the column") if times == 0 else Text("重复出现列", "has more than one column")
            )
            listed = ", ".join(islice(found, 30))
            raise ColumnMissingError(
                Text(
                    f"{path} {problem.zh} {theirs}（{ours}）；现有列：{listed}。可用映射文件改名。",
                    f"{path} {problem.en} {theirs} ({ours}); it has: {listed}. A mapping file can rename columns.",
                ),
                file=str(path),
                column=ours,
            )
    return columns


def _open_text(path: Path) -> TextIO:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _header_of(path: Path) -> list[str]:
    with _open_text(path) as text, _long_fields():
        try:
            header = next(csv.reader(text, strict=True), list[str]())
        except csv.Error as error:
            raise unreadable(path, error) from error
    if not header:
        raise LogEmptyError(Text(f"{path} 是空文件。", f"{path} is empty."), file=str(path))
    if len(header) > MAX_COLUMNS or any(not _is_text(name) for name in header):
        raise LogUnreadableError(
            Text(
                f"{path}：第 1 行不是 UTF-8 编码的列名。请另存为 UTF-8 的 CSV。",
                f"{path}: row 1 holds no column names in UTF-8. Save the file as CSV in UTF-8.",
            ),
            file=str(path),
        )
    return header


@contextmanager
def _long_fields() -> Generator[None]:
    before = csv.field_size_limit(MAX_FIELD_CHARS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _is_text(value: str) -> bool:
    """Tell whether `value` was UTF-8 (undecodable bytes are read as surrogates) and holds no NUL."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _copy_plain_csv(
    engine: Engine, path: Path, plain: Path, columns: int, wanted: list[int], watch: Watch
) -> int | None:
    """Copy a CSV file at the engine's speed; None when it is not plain: one line a record, nothing malformed."""
    link = plain.with_suffix(".csv.gz" if path.name.lower().endswith(".gz") else ".csv")
    link.symlink_to(path.resolve())
    try:
        copied = _to_parquet(engine, link, plain, columns, wanted, watch)
    except EngineError:
        plain.unlink(missing_ok=True)
        return None
    if copied + 1 == _lines_in(path):
        return copied
    plain.unlink(missing_ok=True)
    return None


def _to_parquet(engine: Engine, file: Path, target: Path, columns: int, wanted: list[int], watch: Watch) -> int:
    """Copy the columns `wanted`, as `column` + place; return the rows."""
    compression = "gzip" if file.suffix == ".gz" else "none"
    places: dict[str, Places] = {"columns": columns, "wanted": wanted, "compression": compression}
    engine.run_long("csv_to_parquet", watch, file=file, target=target, **places)
    return sum(int(str(count)) for _, count in engine.rows("parquet_rows", files=[target]))


def _lines_in(path: Path) -> int:
    """Return the number of lines; an unfinished last one counts."""
    lines, last = 0, b"\n"
    with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as binary:
        while block := binary.read(BLOCK_BYTES):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def _copy_any_csv(
    engine: Engine,
    path: Path,
    plain: Path,
    shown: str,
    columns: int,
    wanted: list[int],
    opened: SourceFiles,
    watch: Watch,
    told: Callable[[int], None],
) -> int:
    """Copy a CSV file by way of a plain one with the line of each record before the columns `wanted`.

    Malformed records are counted in `opened`; returns the others.
    """
    clean = plain.with_suffix(".clean.csv")
    with (
        _open_text(path) as text,
        _long_fields(),
        clean.open("w", encoding="utf-8", newline="") as plain_text,
    ):
        writer = csv.writer(plain_text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(["line", *map(str, wanted)])
        records = _well_formed(text, shown, columns, opened, told)
        writer.writerows([line, *(row[place] for place in wanted)] for line, row in records)
    copied = _to_parquet(engine, clean, plain, len(wanted) + 1, list(range(len(wanted) + 1)), watch)
    clean.unlink()
    return copied


def _well_formed(
    text: TextIO, shown: str, columns: int, opened: SourceFiles, told: Callable[[int], None]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the records after the header with the line on which each begins; count the others as malformed.

    Empty fields beyond the header's are passed over, as the engine does.
    """
    reader = csv.reader(text, strict=True)
    next(reader)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            _count_malformed(opened, shown, line, str(error))
            continue
        if reader.line_num // TOLD_LINES != (line - 1) // TOLD_LINES:
            told(line)
        if not row:
            continue
        if len(row) >= columns and not any(row[columns:]) and _is_text("".join(row)):
            yield line, row
        else:
            _count_malformed(opened, shown, line, ",".join(row))


def _count_malformed(opened: SourceFiles, shown: str, line: int, value: str) -> None:
    opened.rows += 1
    opened.malformed += 1
    if len(opened.malformed_examples) < EXAMPLES_PER_REASON:
        readable = value.encode("utf-8", "replace").decode("utf-8")
        opened.malformed_examples.append(
            Refusal(file=shown, row=line, reason=RefusalReason.MALFORMED.value, field="", value=cut(readable))
        )


def _marked_synthetic(path: Path) -> bool:
    marker = path.with_name(path.name + BESIDE)
    if not marker.is_file() or marker.stat().st_size > MAX_MARKER_BYTES:
        return False
    try:
        found: object = json.loads(marker.read_text("utf-8"))
    except ValueError:
        return False
    return isinstance(found, dict) and cast("dict[str, object]", found).get(SYNTHETIC_KEY) is True
