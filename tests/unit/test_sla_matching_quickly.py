"""The quick answer of the filing path agrees with the one that gives reasons, for whatever conditions and tickets."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from psms.domain.sla.matching import Conditions, Subject, holds, refusals_of
from psms.domain.tickets import Priority, TicketType

IDS = st.sampled_from([UUID(int=1), UUID(int=2)])
WORDS = st.sampled_from(["a", "b", "c"])
SCALARS = st.sampled_from(["a", "1", 1, 0, 2.5, True, False, None])


def some(values: st.SearchStrategy[object]) -> st.SearchStrategy[frozenset[object] | None]:
    """Return sets of *values*, also empty ones, or nothing."""
    return st.none() | st.frozensets(values, max_size=2)


CONDITIONS = st.builds(
    Conditions,
    services=some(IDS),
    types=some(st.sampled_from(TicketType)),
    priorities=some(st.sampled_from(Priority)),
    customer_tiers=some(WORDS),
    any_tags=some(WORDS),
    all_tags=some(WORDS),
    no_tags=some(WORDS),
    custom_fields=st.dictionaries(WORDS, st.frozensets(SCALARS, max_size=2), max_size=2),
)
SUBJECTS = st.builds(
    Subject,
    service_id=IDS,
    type=st.sampled_from(TicketType),
    priority=st.sampled_from(Priority),
    customer_tier=st.none() | WORDS,
    tags=st.frozensets(WORDS),
    custom_fields=st.dictionaries(WORDS, SCALARS | st.just(["a"])),
)


@given(CONDITIONS, SUBJECTS)
def test_what_holds_is_what_nothing_refuses(conditions: Conditions, subject: Subject) -> None:
    assert holds(conditions, subject) is (not refusals_of(conditions, subject))
