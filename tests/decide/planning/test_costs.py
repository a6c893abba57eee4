from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiyi.decide.planning.costs import annuity


@pytest.mark.parametrize(
    ("rate", "years", "expected"),
    [
        ("0", 1, "1"),
        ("0.04", 1, "1"),
        ("0", 7, "7"),
        ("1", 3, "1.75"),
        ("0.04", 3, "2.88609467455621301775147928994"),
    ],
)
def test_annuity_counts_the_first_year_whole(rate: str, years: int, expected: str) -> None:
    assert annuity(Decimal(rate), years) == Decimal(expected)


@given(st.integers(0, 100), st.integers(1, 50))
def test_annuity_equals_the_rational_sum_to_thirty_digits(percent: int, years: int) -> None:
    exact = sum((Fraction(1) / (1 + Fraction(percent, 100)) ** year for year in range(years)), Fraction(0))
    assert abs(Fraction(annuity(Decimal(percent) / 100, years)) - exact) <= exact * Fraction(1, 10**29)
