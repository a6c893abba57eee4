"""Rows that are wrong: counted by reason, the first of each shown, none lost."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from guiyi.see.traffic.errors import LogEmptyError, TooManyRefusedError, WindowTooLongError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Bank

HEADER = "event_time,channel_id,function_id,user_key,customer_id,value_minor\n"
GOOD = "2026-01-05T08:00:00Z,app,accounts.balance,u1,,\n"

TABLE = """
    row                                                       reason            field         value
    ,app,accounts.balance,u,,                                 bad_time          event_time    -
    yesterday,app,accounts.balance,u,,                        bad_time          event_time    yesterday
    2026-02-30 10:00:00,app,accounts.balance,u,,              bad_time          event_time    2026-02-30 10:00:00
    1767600000,app,accounts.balance,u,,                       bad_time          event_time    1767600000
    infinity,app,accounts.balance,u,,                         bad_time          event_time    infinity
    2099-01-01T00:00:00Z,app,accounts.balance,u,,             outside_window    event_time    2099-01-01T00:00:00Z
    1970-01-01T00:00:00Z,ghost,accounts.balance,u,,           outside_window    event_time    1970-01-01T00:00:00Z
    2026-01-05T08:00:00Z,ghost,nothing,,,                     unknown_channel   channel_id    ghost
    2026-01-05T08:00:00Z,,accounts.balance,u,,                unknown_channel   channel_id    -
    2026-01-05T08:00:00Z,App,accounts.balance,u,,             unknown_channel   channel_id    App
    2026-01-05T08:00:00Z,app,nothing,,,                       unknown_function  function_id   nothing
    2026-01-05T08:00:00Z,app,accounts.balance,,,x             empty_key         user_key      -
    2026-01-05T08:00:00Z,app,accounts.balance,　,,            empty_key         user_key      U+3000
    2026-01-05T08:00:00Z,app,accounts.balance,u,,1.5          bad_value         value_minor   1.5
    2026-01-05T08:00:00Z,app,accounts.balance,u,,much         bad_value         value_minor   much
    2026-01-05T08:00:00Z,app,accounts.balance,u               malformed         -             row
    2026-01-05T08:00:00Z,app,accounts.balance,u,,,x           malformed         -             row
"""
"""One wrong row a line; columns are parted by two blanks or more; - is an empty text, U+3000 a wide blank."""


def table() -> "list[tuple[str, str, str, str]]":
    rows: list[tuple[str, str, str, str]] = []
    for line in TABLE.strip().splitlines()[1:]:
        row, reason, field, value = (part.strip(" ") for part in line.strip(" ").split("  ") if part.strip(" "))
        texts = {"-": "", "U+3000": "\u3000", "row": row}
        rows.append((row, reason, texts.get(field, field), texts.get(value, value)))
    return rows


@pytest.mark.parametrize(("row", "reason", "field", "value"), table())
def test_row_is_refused_with_place_and_reason_when_it_is_wrong(
    bank: "Bank", row: str, reason: str, field: str, value: str
) -> None:
    file = bank.text("log.csv", HEADER + GOOD * 3 + row + "\n" + GOOD)
    refusals = bank.read(file).refusals
    assert (dict(refusals.counts), refusals.rows_in_file) == ({reason: 1}, 5)
    (found,) = refusals.examples
    assert (found.file, found.row, found.reason, found.field, found.value) == ("log.csv", 5, reason, field, value)


def test_all_wrong_rows_are_accounted_for_when_they_come_together(bank: "Bank") -> None:
    rows = table()
    refusals = bank.read(bank.text("log.csv", HEADER + GOOD + "".join(f"{row}\n" for row, *_ in rows))).refusals
    assert refusals.rows_in_file == len(rows) + 1
    assert refusals.refused == len(rows)
    assert list(refusals.counts) == [
        "malformed",
        "bad_time",
        "outside_window",
        "unknown_channel",
        "unknown_function",
        "empty_key",
        "bad_value",
    ]
    found = {(one.row, one.reason, one.value) for one in refusals.examples}
    assert found == {(place, reason, value) for place, (_, reason, _, value) in enumerate(rows, start=3)}


def test_first_twenty_of_each_reason_are_shown_when_there_are_more(bank: "Bank") -> None:
    wrong = "".join(f"2026-01-05,ghost{number},accounts.balance,u,,\n" for number in range(50))
    refusals = bank.read(bank.text("log.csv", HEADER + GOOD + wrong)).refusals
    assert dict(refusals.counts) == {"unknown_channel": 50}
    assert [(one.row, one.value) for one in refusals.examples] == [(n + 3, f"ghost{n}") for n in range(20)]


def test_rows_of_parquet_are_told_when_they_are_wrong(bank: "Bank") -> None:
    good = ("2026-01-05 00:00:00", "app", "accounts.balance", "u", None, 5)
    file = bank.events([good, ("2026-01-05 00:00:00", "ghost", "accounts.balance", "u"), good, (None, "app")])
    refusals = bank.read(file).refusals
    assert [(one.row, one.reason) for one in refusals.examples] == [(4, "bad_time"), (2, "unknown_channel")]
    assert refusals.rows_in_file == 4


def test_value_is_refused_when_a_number_is_not_whole(bank: "Bank") -> None:
    types = {"event_time": "timestamp", "channel_id": "varchar", "function_id": "varchar", "user_key": "varchar"}
    rows = [("2026-01-05", "app", "accounts.balance", "u", value) for value in (1.0, 1.5, None, float("nan"))]
    refusals = bank.read(bank.events(rows, types | {"value_minor": "double"})).refusals
    assert dict(refusals.counts) == {"bad_value": 2}


@pytest.mark.parametrize(("wrong", "share", "stops"), [(1, "0.01", False), (2, "0.01", True), (1, "0", True)])
def test_load_stops_when_more_rows_are_wrong_than_the_share(bank: "Bank", wrong: int, share: str, stops: bool) -> None:
    bank.max_refused_share = Decimal(share)
    bad = "2026-01-05T08:00:00Z,ghost,accounts.balance,u1,,\n"
    file = bank.text("log.csv", HEADER + GOOD * (100 - wrong) + bad * wrong)
    if not stops:
        assert bank.read(file).refusals.refused == wrong
        return
    with pytest.raises(TooManyRefusedError, match=r"log\.csv row") as caught:
        bank.read(file)
    assert caught.value.details["refused"] == {"unknown_channel": wrong}
    assert "未载入" in caught.value.message.zh
    assert sorted(bank.folder.iterdir()) == [file], "nothing is left behind"


def test_window_is_kept_when_it_is_given(bank: "Bank") -> None:
    bank.window = (datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    rows = [(f"2026-{day} 00:00:00", "app", "accounts.balance", "u") for day in ("01-09", "01-10", "02-28", "03-01")]
    traffic = bank.read(bank.events(rows))
    assert traffic.months == ("2026-01", "2026-02", "2026-03")
    assert dict(traffic.refusals.counts) == {"outside_window": 2}


@pytest.mark.parametrize("years", [(2026, 2026), (2000, 2011)])
def test_load_stops_when_window_cannot_be_counted(bank: "Bank", years: "tuple[int, int]") -> None:
    bank.window = (datetime(years[0], 1, 1, tzinfo=UTC), datetime(years[1], 1, 1, tzinfo=UTC))
    with pytest.raises(WindowTooLongError):
        bank.read(bank.events([("2026-01-05", "app", "accounts.balance", "u")]))


def test_load_stops_when_no_row_has_a_time(bank: "Bank") -> None:
    with pytest.raises(LogEmptyError, match="event_time"):
        bank.read(bank.text("log.csv", HEADER + "never,app,accounts.balance,u,,\n"))


def test_identities_are_refused_by_reason_when_they_are_wrong(bank: "Bank") -> None:
    events = bank.events([("2026-01-05", "app", "accounts.balance", "u")])
    rows = ["app,u,unionid,1", "ghost,u,unionid,1", "app,,unionid,1", "app,u,,1", "app,u,unionid,", "app"]
    identities = bank.text("ids.csv", "channel_id,user_key,key_type,key_value\n" + "\n".join(rows))
    refusals = bank.read(events, identities).identity_refusals
    assert refusals is not None
    expected = ["malformed", "unknown_channel", "empty_key", "empty_type", "empty_value"]
    assert dict(refusals.counts) == dict.fromkeys(expected, 1)
    assert [(one.row, one.reason) for one in refusals.examples] == list(zip((7, 3, 4, 5, 6), expected, strict=True))
    bank.max_refused_share = Decimal("0.01")
    with pytest.raises(TooManyRefusedError, match="identities"):
        bank.read(events, identities)


def test_rows_add_up_when_a_log_is_random(banks: "Callable[[], Bank]") -> None:
    bank = banks()
    wrong = [row for row, *_ in table()]
    lines = [wrong[number % 17] if number % 7 == 0 else GOOD.strip() for number in range(1, 5000)]
    refusals = bank.read(bank.text("log.csv", HEADER + "\n".join(lines))).refusals
    assert (refusals.rows_in_file, refusals.refused) == (4999, 4999 // 7)
