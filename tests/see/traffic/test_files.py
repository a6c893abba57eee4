"""Every shape of file that a bank may hand over."""

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guiyi.see.traffic.errors import (
    ColumnMissingError,
    LogEmptyError,
    LogMissingError,
    LogUnreadableError,
    MappingInvalidError,
    ScopeTooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from guiyi.kit.errors import GuiyiError

    from .conftest import Bank

HEADER = "event_time,channel_id,function_id,user_key\n"
ROW = "2026-01-05T08:00:00Z,app,accounts.balance,u1\n"
EVENT_TYPES = {"event_time": "timestamp", "channel_id": "varchar", "function_id": "varchar", "user_key": "varchar"}


def customers(bank: "Bank", events: Path, mapping: Path | None = None) -> int:
    return bank.read(events, mapping=mapping).report().customers


def test_log_is_read_when_it_is_csv_gzip_or_a_folder_of_all(bank: "Bank") -> None:
    plain = bank.text("log/a.csv", HEADER + ROW)
    assert customers(bank, plain) == 1
    packed = bank.text("log/b.csv.gz", gzip.compress((HEADER + ROW.replace("u1", "u2")).encode()))
    assert customers(bank, packed) == 1
    bank.events([("2026-01-05", "app", "accounts.balance", "u3")]).rename(bank.folder / "log" / "c.parquet")
    bank.text("log/deep/d.CSV", HEADER + ROW.replace("u1", "u4"))
    for ignored in ("_SUCCESS", ".hidden.csv", "a.csv.meta.json"):
        bank.text(f"log/{ignored}", "{}")
    traffic = bank.read(bank.folder / "log")
    assert (traffic.report().customers, traffic.refusals.rows_in_file) == (4, 4)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(HEADER + ROW.rstrip("\n"), id="last line unfinished"),
        pytest.param("\ufeff" + HEADER + ROW, id="byte order mark"),
        pytest.param((HEADER + ROW).replace("\n", "\r\n"), id="Windows line ends"),
        pytest.param((HEADER + ROW).replace("\n", "\r"), id="old Mac line ends"),
        pytest.param(HEADER + "\n\n" + ROW + "\n", id="blank lines"),
        pytest.param(HEADER + '"2026-01-05T08:00:00Z","app","accounts.balance","u,1"\n', id="quoted comma"),
        pytest.param(HEADER + '2026-01-05T08:00:00Z,app,accounts.balance,"u\n1"\n', id="quoted line end"),
        pytest.param(HEADER + '2026-01-05T08:00:00Z,app,accounts.balance,"u""1"\n', id="quoted quote"),
        pytest.param(HEADER + '2026-01-05T08:00:00Z,app,accounts.balance,u"1\n', id="quote inside"),
        pytest.param(HEADER + "2026-01-05T08:00:00Z,app,accounts.balance,客户\n", id="Chinese"),
        pytest.param(HEADER + "2026-01-05T08:00:00Z,app,accounts.balance,u\x001\n", id="NUL"),
        pytest.param("x," + HEADER + "," + ROW, id="another column"),
        pytest.param(HEADER + ROW.replace("\n", ",,\n"), id="empty fields too many"),
        pytest.param(HEADER + "\n" + ROW.replace("\n", ",,\n"), id="empty fields too many, blank line"),
        pytest.param(HEADER + "2026-01-05 16:00:00+08:00,app,accounts.balance,u\n", id="offset"),
        pytest.param(HEADER + "2026-01-05,app,accounts.balance,u\n", id="date alone"),
    ],
)
def test_one_row_is_read_when_csv_is_unusual(bank: "Bank", content: str) -> None:
    traffic = bank.read(bank.text("log.csv", content))
    assert (traffic.report().customers, traffic.refusals.rows_in_file, traffic.refusals.refused) == (1, 1, 0)


def test_lines_are_real_when_csv_has_blank_lines_and_long_records(bank: "Bank") -> None:
    bad = "2026-01-05,ghost,accounts.balance,u\n"
    content = HEADER + "\n" + ROW.replace("u1", '"u\n1"') + bad + "\n" + 'x"y,"a"b\n' + bad
    refusals = bank.read(bank.text("log.csv", content)).refusals
    assert [(one.row, one.reason) for one in refusals.examples] == [
        (7, "malformed"),
        (5, "unknown_channel"),
        (8, "unknown_channel"),
    ]
    assert refusals.rows_in_file == 4


def test_record_is_malformed_when_it_is_not_utf8(bank: "Bank") -> None:
    content = (HEADER + ROW).encode() + "2026-01-05,app,accounts.balance,客户\n".encode("gb18030")
    refusals = bank.read(bank.text("log.csv", content)).refusals
    assert (dict(refusals.counts), refusals.examples[0].row) == ({"malformed": 1}, 3)


def test_only_malformed_rows_leave_an_error_when_nothing_else_is_there(bank: "Bank") -> None:
    with pytest.raises(LogEmptyError):
        bank.read(bank.text("log.csv", HEADER + "a,b\n"))


@given(
    st.lists(st.text(min_size=1, max_size=8).filter(lambda key: key.strip(" \t\n\r　") != ""), min_size=1, max_size=20)
)
@settings(max_examples=20, deadline=None)
def test_every_key_is_told_apart_when_keys_are_any_text(banks: "Callable[[], Bank]", keys: list[str]) -> None:
    bank = banks()
    quoted = [key.replace('"', '""') for key in keys]
    lines = "".join(f'2026-01-05,app,accounts.balance,"{key}"\n' for key in quoted)
    with bank.read(bank.text("log.csv", HEADER.encode() + lines.encode("utf-8"))) as traffic:
        assert traffic.report().customers == len(set(keys))
        assert traffic.refusals.rows_in_file == len(keys)


@pytest.mark.parametrize(
    "name", ["a'b.csv", "a*[b]?.csv", "-a;drop table x.csv", "日志 1.csv", 'a"b{c}.csv.gz', "a\nb.parquet"]
)
def test_log_is_read_when_its_name_is_hostile(bank: "Bank", name: str) -> None:
    if name.endswith(".parquet"):
        bank.events([("2026-01-05", "app", "accounts.balance", "u")]).rename(bank.folder / name)
    else:
        content = (HEADER + ROW).encode()
        bank.text(name, gzip.compress(content) if name.endswith(".gz") else content)
    assert customers(bank, bank.folder / name) == 1


def test_ids_are_counted_when_they_are_hostile(bank: "Bank") -> None:
    bank.channels = ("a'); drop table channel; --", "{{ 1 }}", 'x"y')
    bank.functions = ("f'; --", "{% raw %}.x")
    rows = [("2026-01-05", channel, function, "u") for channel in bank.channels for function in bank.functions]
    traffic = bank.read(bank.events(rows))
    assert [one.reach for one in traffic.report().channels] == [1, 1, 1]
    assert len(traffic.usage_by_offering()) == 6


@pytest.mark.parametrize("form", ["yaml", "json", "bare"])
def test_columns_are_found_when_a_mapping_renames_them(bank: "Bank", form: str) -> None:
    log = bank.text("log.csv", '时间,ch"an,fn,openid,sid\n2026-01-05,app,accounts.balance,u,7\n')
    renames = {
        "event_time": "时间",
        "channel_id": 'ch"an',
        "function_id": "fn",
        "user_key": "openid",
        "session_id": "sid",
    }
    if form == "yaml":
        content = "events:\n" + "".join(f"  {ours}: '{theirs}'\n" for ours, theirs in renames.items())
    else:
        content = json.dumps({"events": renames, "identities": {"key_value": "v"}} if form == "json" else renames)
    mapping = bank.text("names.yaml", content)
    ids = bank.text("ids.csv", "channel_id,user_key,key_type,v\napp,u,unionid,1\n")
    assert customers(bank, log, mapping) == 1
    if form == "json":
        assert bank.read(log, ids, mapping).unlinked == 0


def test_parquet_is_read_when_its_types_are_numbers_and_zoned_times(bank: "Bank") -> None:
    types = {"event_time": "timestamptz", "channel_id": "varchar", "function_id": "varchar", "user_key": "bigint"}
    rows = [
        ("2026-01-31 23:59:59+08:00", "app", "accounts.balance", 7, 7),
        ("2026-02-01 00:00:00+08:00", "oa", "accounts.balance", 8, 7),
    ]
    traffic = bank.read(bank.events(rows, types | {"customer_id": "integer"}))
    assert traffic.months == ("2026-01", "2026-02")
    assert (traffic.report().customers, len(traffic.report().overlap)) == (1, 1)


def test_parquet_is_read_when_its_types_are_enumerations_and_decimals(bank: "Bank") -> None:
    types = EVENT_TYPES | {"channel_id": "enum('app', 'oa')", "value_minor": "decimal(9, 2)"}
    rows = [("2026-01-05", "app", "accounts.balance", "u", value) for value in ("1.00", "1.50")]
    assert dict(bank.read(bank.events(rows, types)).refusals.counts) == {"bad_value": 1}


def test_time_is_outside_the_window_when_no_calendar_knows_its_year(bank: "Bank") -> None:
    rows = [(at, "app", "accounts.balance", "u") for at in ("2026-01-05", "200000-01-01")]
    types = EVENT_TYPES | {"event_time": "varchar"}
    traffic = bank.read(bank.events(rows, types))
    assert (traffic.months, dict(traffic.refusals.counts)) == (("2026-01",), {"outside_window": 1})


def test_synthetic_is_told_when_one_file_is_marked(bank: "Bank") -> None:
    log = bank.text("log/a.csv", HEADER + ROW)
    bank.text("log/b.csv", HEADER + ROW)
    assert not bank.read(log.parent).report().synthetic
    bank.text("log/b.csv.meta.json", '{"guiyi.synthetic": true}')
    assert bank.read(log.parent).report().synthetic
    assert not bank.read(log).synthetic
    for content in ("{", "[]", '{"guiyi.synthetic": "yes"}'):
        bank.text("log/b.csv.meta.json", content)
        assert not bank.read(log.parent).synthetic


WRONG: "list[tuple[str, str | bytes, type[GuiyiError], str]]" = [
    ("log.parquet", "not parquet", LogUnreadableError, "log.parquet"),
    ("log.parquet", b"", LogUnreadableError, "log.parquet"),
    ("log.csv", "", LogEmptyError, "empty"),
    ("log.csv", HEADER, LogEmptyError, "no row"),
    ("log.csv", "event_time,channel_id,user_key\n", ColumnMissingError, "function_id"),
    ("log.csv", HEADER.strip() + ",user_key\n" + ROW, ColumnMissingError, "more than one"),
    ("log.csv", '"event_time\n', LogUnreadableError, "log.csv"),
    ("log.csv", "时间,a\n".encode("gb18030"), LogUnreadableError, "UTF-8"),
    ("log.csv.gz", "not gzip", LogUnreadableError, "log.csv.gz"),
    ("log.csv.gz", gzip.compress((HEADER + ROW * 1000).encode())[:-20], LogUnreadableError, "log.csv.gz"),
    ("log.xlsx", "x", LogUnreadableError, "unknown kind"),
]


@pytest.mark.parametrize(("name", "content", "error", "word"), WRONG)
def test_load_stops_when_a_file_is_wrong(
    bank: "Bank", name: str, content: str | bytes, error: "type[GuiyiError]", word: str
) -> None:
    with pytest.raises(error, match=word):
        bank.read(bank.text(f"log/{name}", content).parent)


def test_load_stops_when_nothing_is_there(bank: "Bank") -> None:
    (bank.folder / "empty").mkdir()
    for source in (bank.folder / "empty", bank.folder / "nowhere"):
        with pytest.raises(LogMissingError):
            bank.read(source)
    log = bank.text("log.csv", HEADER + ROW)
    with pytest.raises(LogMissingError, match="mapping"):
        bank.read(log, mapping=bank.folder / "nowhere")
    with pytest.raises(LogMissingError):
        bank.read(log, bank.folder / "nowhere")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("- a\n", "table"),
        ("colour: red\n", "unknown column colour"),
        ("event_time: 7\n", "must be a text"),
        ("events: {event_time: }\n", "must be a text"),
        ("a: [", "neither YAML"),
        (b"\xff\xfe", "neither YAML"),
        ("event_time: x\n" + "#" * 1_000_001, "too large"),
    ],
)
def test_load_stops_when_the_mapping_is_wrong(bank: "Bank", content: str | bytes, word: str) -> None:
    with pytest.raises(MappingInvalidError, match=word):
        customers(bank, bank.text("log.csv", HEADER + ROW), bank.text("names.yaml", content))


def test_load_stops_when_a_named_column_is_missing(bank: "Bank") -> None:
    with pytest.raises(ColumnMissingError, match="client"):
        customers(bank, bank.text("log.csv", HEADER + ROW), bank.text("names.yaml", "customer_id: client\n"))


@pytest.mark.parametrize(
    "types",
    [
        EVENT_TYPES | {"event_time": "bigint"},
        EVENT_TYPES | {"user_key": "varchar[]"},
        EVENT_TYPES | {"channel_id": "time"},
    ],
)
def test_load_stops_when_a_column_has_another_type(bank: "Bank", types: dict[str, str]) -> None:
    with pytest.raises(ColumnMissingError, match="type"):
        bank.read(bank.events([], types))


def test_load_stops_when_the_scope_is_empty_or_doubled(bank: "Bank") -> None:
    log = bank.text("log.csv", HEADER + ROW)
    for channels in ((), ("app", "app")):
        bank.channels = channels
        with pytest.raises(ScopeTooLargeError):
            bank.read(log)
