"""What is written down once and not each time it happens: whether this is the first time in a window."""

from psms.domain.rates import Meter, Rate
from psms.runtime import Runtime


def is_first(rt: Runtime, what: str, window_s: int) -> bool:
    """Tell whether *what* is new; then it is not for *window_s* seconds at least, twice as many at most.

    Each process judges by itself at first: for what must not be asked of the database each time it happens.
    """
    meter = Meter(name="seldom", key=f"seldom:{what}", rate=Rate(quota=1, window_s=window_s))
    return rt.rates.take([meter]).refused_by is None
