"""The figures of reports on satisfaction, and how little they say where few have answered."""

import pytest

from psms.domain.satisfaction import figures_of, interval


def test_nothing_is_made_up_where_nobody_answered() -> None:
    nothing, silence = figures_of(0, [0] * 5), figures_of(7, [0] * 5)

    assert (nothing.response_rate, nothing.average, nothing.satisfied) == (None, None, None)
    assert (silence.response_rate, silence.average, silence.satisfied_low) == (0.0, None, None)


def test_the_average_and_the_shares_are_of_what_was_answered() -> None:
    found = figures_of(20, [1, 0, 2, 3, 4])

    assert (found.rated, found.response_rate, found.average, found.satisfied) == (10, 0.5, 3.9, 0.7)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        (1, 1, 0.2065, 1.0),
        (0, 1, 0.0, 0.7935),
        (3, 3, 0.4385, 1.0),
        (7, 10, 0.3968, 0.8922),
        (700, 1000, 0.6709, 0.7276),
    ],
)
def test_a_share_of_few_lies_in_a_wide_interval(hits: int, count: int, low: float, high: float) -> None:
    assert interval(hits, count) == (low, high)
