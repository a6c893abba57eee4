"""Whether a channel still grows: a continuous line of one or two pieces through its monthly customers. Pure.

Least squares over y = a + b·t + c·max(0, t - k), with the break k tried at every month that leaves each piece at least
`PIECE_MONTHS` months. The broken line is taken over the straight one when its Bayesian information criterion,
n·ln(RSS / n) + p·ln(n) with p = 4 against p = 2, is lower. Growth in the last piece is distinguishable from zero when
its slope's t statistic exceeds the one-sided 5 % point of Student's distribution with n - p degrees of freedom (tables
of Fisher and Yates). Months are taken as independent and seasons are not removed; months before a channel's first
customer do not count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from guiyi.see.traffic.model import Trend

MIN_MONTHS: Final = 12
PIECE_MONTHS: Final = 3
T_ONE_SIDED_5_PERCENT: Final = (
    *(6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812),
    *(1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725),
    *(1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697),
)
"""For 1 … 30 degrees of freedom; beyond, the value for 30 is used (it differs from the limit 1.645 by 3 %)."""
RATE_PLACES: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Fit:
    """One fitted line."""

    score: float
    """Bayesian information criterion; lower is better."""
    slope: float
    """Customers a month in the last piece."""
    grows: bool
    """Whether the slope is distinguishably above zero."""
    break_at: int | None


def trend_of(channel_id: str, months: Sequence[str], customers: Sequence[int]) -> Trend | None:
    """Return the trend of one channel; None when it has fewer than 12 months.

    Args:
        channel_id: Of the channel.
        months: Consecutive months `YYYY-MM`.
        customers: Monthly customers, one for each of `months`.
    """
    first = next((place for place, count in enumerate(customers) if count), len(customers))
    months, counts = months[first:], np.array(customers[first:], dtype=np.float64)
    if len(counts) < MIN_MONTHS:
        return None
    breaks = range(PIECE_MONTHS - 1, len(counts) - PIECE_MONTHS)
    straight = _fit(counts, None)
    best = min((_fit(counts, break_at) for break_at in breaks), key=lambda fit: fit.score)
    if straight.score <= best.score:
        best = straight
    rate = Decimal(repr(best.slope / float(counts.mean()))).quantize(RATE_PLACES)
    peaked_after = None if best.grows else months[best.break_at or 0]
    return Trend(channel_id=channel_id, growth_rate=rate, peaked_after=peaked_after)


def _fit(counts: NDArray[np.float64], break_at: int | None) -> Fit:
    months = len(counts)
    time = np.arange(months, dtype=np.float64)
    terms = [np.ones(months), time]
    if break_at is not None:
        terms.append(np.maximum(0.0, time - break_at))
    design = np.stack(terms, axis=1)
    inverse = np.linalg.inv(design.T @ design)
    weights = inverse @ design.T @ counts
    residual = float(((counts - design @ weights) ** 2).sum())
    noise_floor = 1e-12 * float((counts**2).sum())
    residual = max(residual, noise_floor)
    parameters = 2 if break_at is None else 4
    contrast = np.array([0.0, 1.0] if break_at is None else [0.0, 1.0, 1.0])
    slope = float(contrast @ weights)
    freedom = months - parameters
    error = math.sqrt(residual / freedom * float(contrast @ inverse @ contrast))
    critical = T_ONE_SIDED_5_PERCENT[min(freedom, len(T_ONE_SIDED_5_PERCENT)) - 1]
    score = months * math.log(residual / months) + parameters * math.log(months)
    return Fit(score=score, slope=slope, grows=slope > critical * error, break_at=break_at)
