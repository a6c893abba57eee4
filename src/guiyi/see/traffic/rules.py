"""Rules of counting: months, window, segments. Pure, and everything a bank may want to know how it is counted."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from guiyi.kit.text import Text
from guiyi.see.traffic.errors import MonthUnknownError
from guiyi.see.traffic.model import Segment

CORPORATE_DOMAIN: Final = "corporate"
MONTH: Final = re.compile(r"(19|20|21)\d\d-(0[1-9]|1[0-2])")
MAX_QUIET_MONTHS: Final = 24
"""A gap of more months without any event ends the window that is read off a log."""


def months_from(first: str, count: int) -> tuple[str, ...]:
    """Return `count` months `YYYY-MM` from `first` on."""
    year, month = int(first[:4]), int(first[5:7])
    serials = range(year * 12 + month - 1, year * 12 + month - 1 + count)
    return tuple(f"{serial // 12:04d}-{serial % 12 + 1:02d}" for serial in serials)


def month_of(moment: datetime, zone: ZoneInfo) -> str:
    """Return the month `YYYY-MM` of `moment` in `zone`."""
    return moment.astimezone(zone).strftime("%Y-%m")


def months_between(first: str, last: str) -> tuple[str, ...]:
    """Return the months from `first` to `last`, both included."""
    return months_from(first, serial_of(last) - serial_of(first) + 1)


def serial_of(month: str) -> int:
    """Return the number of months from year 0 to `month`."""
    return int(month[:4]) * 12 + int(month[5:7]) - 1


def month_starts(months: Sequence[str], zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return the first moment of each month in `zone`, and of the month after the last, in UTC."""
    after = months_from(months[-1], 2)[1]
    return tuple(
        datetime(int(month[:4]), int(month[5:7]), 1, tzinfo=zone).astimezone(UTC) for month in (*months, after)
    )


def month_bounds(first: str, last: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the window of the months `first` to `last`, both included.

    Raises:
        MonthUnknownError: One of them is no month `YYYY-MM`.
    """
    for month in (first, last):
        if not MONTH.fullmatch(month):
            raise MonthUnknownError(
                Text(f"{month} 不是月份；请写作 2026-01。", f"{month} is no month; write it as 2026-01."), month=month
            )
    starts = month_starts((first, last), zone)
    return starts[0], starts[-1]


def window_of(rows_by_month: dict[str, int]) -> tuple[str, str]:
    """Return the first and last month of the window when none is given.

    It is the stretch of months with the most rows in which no gap is longer than `MAX_QUIET_MONTHS`, so that a clock
    set to 1970 or 2099 is refused as outside of it instead of stretching it. Of equal stretches the later.

    Args:
        rows_by_month: Month `YYYY-MM` -> rows in it; not empty.
    """
    stretches: list[list[str]] = []
    for month in sorted(rows_by_month):
        if stretches and serial_of(month) - serial_of(stretches[-1][-1]) <= MAX_QUIET_MONTHS + 1:
            stretches[-1].append(month)
        else:
            stretches.append([month])
    best = max(stretches, key=lambda stretch: (sum(rows_by_month[month] for month in stretch), stretch[-1]))
    return best[0], best[-1]


def frequent_from(months: int) -> int:
    """Return in how many of the window's months a customer must be active to be frequent: half, rounded up."""
    return (months + 1) // 2


def segment_of(*, used_corporate: bool, active_months: int, months: int) -> Segment:
    """Return the segment of a customer.

    `corporate` who used any function of the domain `corporate` in the window; else `frequent` who was active in at
    least half of its months; else `occasional`.
    """
    if used_corporate:
        return Segment.CORPORATE
    return Segment.FREQUENT if active_months >= frequent_from(months) else Segment.OCCASIONAL
