"""Which types of events an endpoint asked for: by name, or all of a group. What it asks of their bodies: filters."""

from collections.abc import Collection, Iterable
from typing import Final

from psms.domain.event_catalogue.definitions import SUBSCRIBABLE, group_of

GROUPS: Final = tuple(dict.fromkeys(f"{group_of(name)}.*" for name in SUBSCRIBABLE))
"""What stands for all events of a group, those too that a later release adds to it: `ticket.*`."""
CHOICES: Final = (*SUBSCRIBABLE, *GROUPS)
"""What an endpoint may name."""


def is_selected(event_type: str, selected: Collection[str] | None) -> bool:
    """Tell whether a type is among the *selected* ones; None selects all."""
    return selected is None or event_type in selected or f"{group_of(event_type)}.*" in selected


def selected_types(selected: Iterable[str]) -> frozenset[str]:
    """Return the types of this release that are selected."""
    wanted = set(selected)
    return frozenset(name for name in SUBSCRIBABLE if is_selected(name, wanted))
