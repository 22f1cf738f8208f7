"""What follows from all points of a metric."""

from __future__ import annotations

import statistics
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.metric_points import spread

LARGEST = sys.float_info.max
VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20)


@pytest.mark.law
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_mean_and_deviation_are_of_all_values(values: list[float]) -> None:
    mean, deviation = spread(values)

    assert mean == pytest.approx(statistics.fmean(values), rel=1e-12, abs=1e-300)
    assert deviation == pytest.approx(statistics.pstdev(values), rel=1e-6, abs=1e-6)


@pytest.mark.law
@given(VALUES)
def test_they_depend_on_no_order_and_lie_where_they_must(values: list[float]) -> None:
    mean, deviation = spread(values)

    assert spread(sorted(values)) == spread(values[::-1]) == (mean, deviation)
    assert min(values) <= mean <= max(values)
    assert 0 <= deviation <= LARGEST


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([LARGEST] * 3, (LARGEST, 0.0)),
        ([LARGEST, -LARGEST], (0.0, LARGEST)),
        ([LARGEST, 0.0], (LARGEST / 2, LARGEST / 2)),
        ([5e-324] * 2, (5e-324, 0.0)),
        ([0.0, -0.0], (0.0, 0.0)),
    ],
)
def test_the_largest_and_the_smallest_numbers_have_a_mean_and_a_deviation(
    values: list[float], expected: tuple[float, float]
) -> None:
    assert spread(values) == expected
