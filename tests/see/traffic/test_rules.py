"""Months, windows and segments, rule by rule."""

from zoneinfo import ZoneInfo

import pytest

from guiyi.see.traffic.errors import MonthUnknownError
from guiyi.see.traffic.rules import frequent_from, month_bounds, months_between, months_from, segment_of, window_of

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_months_run_over_the_year_when_counted() -> None:
    assert months_from("2025-11", 4) == ("2025-11", "2025-12", "2026-01", "2026-02")
    assert months_between("2025-11", "2026-02") == months_from("2025-11", 4)


@pytest.mark.parametrize(
    ("rows", "window"),
    [
        ({"2026-01": 1}, ("2026-01", "2026-01")),
        ({"2024-01": 1, "2026-02": 1}, ("2024-01", "2026-02")),
        ({"2024-01": 1, "2026-03": 1}, ("2026-03", "2026-03")),
        ({"1970-01": 3, "2026-01": 5, "2026-02": 5, "2099-12": 1}, ("2026-01", "2026-02")),
        ({"2020-01": 9, "2026-01": 5}, ("2020-01", "2020-01")),
    ],
)
def test_window_is_the_fullest_stretch_when_none_is_given(rows: dict[str, int], window: tuple[str, str]) -> None:
    assert window_of(rows) == window


@pytest.mark.parametrize(
    ("corporate", "active", "months", "segment"),
    [
        (True, 1, 18, "corporate"),
        (False, 9, 18, "frequent"),
        (False, 8, 18, "occasional"),
        (False, 2, 3, "frequent"),
        (False, 1, 3, "occasional"),
        (False, 1, 1, "frequent"),
    ],
)
def test_segment_follows_the_rule_when_use_and_activity_are_known(
    corporate: bool, active: int, months: int, segment: str
) -> None:
    assert segment_of(used_corporate=corporate, active_months=active, months=months) == segment
    assert frequent_from(18) == 9


def test_bounds_are_midnights_of_the_zone_when_months_are_given() -> None:
    start, end = month_bounds("2026-01", "2026-02", SHANGHAI)
    assert (start.isoformat(), end.isoformat()) == ("2025-12-31T16:00:00+00:00", "2026-02-28T16:00:00+00:00")


@pytest.mark.parametrize("month", ["2026-13", "202601", "2026-1", "1/2026"])
def test_bounds_are_refused_when_a_month_is_none(month: str) -> None:
    with pytest.raises(MonthUnknownError, match="write it as"):
        month_bounds("2026-01", month, SHANGHAI)
