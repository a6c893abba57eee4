"""Whether a channel has peaked."""

from decimal import Decimal

import numpy as np
import pytest

from guiyi.see.traffic.rules import months_from
from guiyi.see.traffic.trend import trend_of

MONTHS = months_from("2025-01", 24)


def noisy(values: "list[float]", seed: int = 1) -> list[int]:
    noise = np.random.default_rng(seed).normal(0, 0.01, len(values))
    return [round(value * (1 + one)) for value, one in zip(values, noise, strict=True)]


def test_channel_still_grows_when_its_line_is_straight() -> None:
    told = [trend_of("app", MONTHS, noisy([1000 + 50 * month for month in range(24)], seed)) for seed in range(50)]
    trends = [trend for trend in told if trend is not None]
    assert len(trends) == 50
    right = [one for one in trends if Decimal("0.028") < one.growth_rate < Decimal("0.036")]  # 50 of a mean of 1,575
    assert len(right) >= 45, "a break that is not there is seen in 5 of 100 cases"
    assert [one.peaked_after for one in right] == [None] * len(right)


@pytest.mark.parametrize("flat", [9, 12, 16])
def test_month_of_the_peak_is_found_when_growth_stops(flat: int) -> None:
    trend = trend_of("oa", MONTHS, noisy([1000 + 80 * min(month, flat) for month in range(24)]))
    assert trend is not None
    assert trend.peaked_after in MONTHS[flat - 1 : flat + 2]
    assert abs(trend.growth_rate) < Decimal("0.005")


def test_peak_is_told_when_growth_turns_into_decline() -> None:
    trend = trend_of("oa", MONTHS, [1000 + 80 * min(month, 12) - 60 * max(0, month - 12) for month in range(24)])
    assert trend is not None
    assert (trend.peaked_after, trend.growth_rate < 0) == (MONTHS[12], True)


def test_growth_is_told_when_it_starts_late() -> None:
    trend = trend_of("mini", MONTHS, noisy([500 + 100 * max(0, month - 14) for month in range(24)]))
    assert trend is not None
    assert trend.peaked_after is None


def test_channel_never_grew_when_its_customers_stay_the_same() -> None:
    trend = trend_of("oa", MONTHS, [700] * 24)
    assert trend is not None
    assert (trend.peaked_after, trend.growth_rate) == ("2025-01", 0)


@pytest.mark.parametrize(("before", "months", "told"), [(0, 11, False), (3, 11, False), (3, 12, True)])
def test_nothing_is_told_when_months_with_customers_are_fewer_than_twelve(before: int, months: int, told: bool) -> None:
    customers = [0] * before + [5] * months
    assert (trend_of("oa", MONTHS[: len(customers)], customers) is not None) == told


def test_nothing_is_told_when_nobody_ever_came() -> None:
    assert trend_of("oa", MONTHS, [0] * 24) is None
