"""UUIDv7: version, variant, instant and order (RFC 9562 section 5.7)."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from psms.ids import instant_of, uuid7

MICROSECONDS = st.integers(0, int(timedelta(days=365 * 8000) / timedelta(microseconds=1)))
INSTANTS = MICROSECONDS.map(lambda count: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=count))
RANDOM = st.integers(0, 2**62 - 1)


@given(INSTANTS, RANDOM)
def test_version_variant_and_instant(at: datetime, random: int) -> None:
    made = uuid7(at, random)

    assert (made.version, made.variant) == (7, RFC_4122)
    assert instant_of(made) == at.replace(microsecond=at.microsecond // 1000 * 1000)


@given(INSTANTS, RANDOM, RANDOM)
def test_later_ids_sort_later_even_within_a_millisecond(at: datetime, first: int, second: int) -> None:
    assert uuid7(at, first) < uuid7(at + timedelta(microseconds=1), second)


def test_the_example_of_the_standard() -> None:
    # RFC 9562 appendix A.6: 2022-02-22 14:22:22 GMT-05:00.
    made = uuid7(datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC), 0x18C4DC0C0C07398F)

    assert str(made) == "017f22e2-79b0-7000-98c4-dc0c0c07398f"
