"""Who looks at a ticket now, and who is writing: a hint to colleagues, and no promise. Keeping it: `psms.ports`."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

LASTS_S: Final = 30
"""So long somebody counts as there after they were heard of last."""


class Activity(StrEnum):
    """What somebody does with a ticket."""

    VIEWING = "viewing"
    WRITING = "writing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Onlooker:
    """A user who is there, heard of so many whole seconds ago."""

    user_id: UUID
    activity: Activity
    seconds_ago: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Who is there, whoever writes first; nobody is known to be where that is not *available*."""

    available: bool
    items: Sequence[Onlooker] = ()


def presence_of(found: Sequence[Onlooker] | None) -> Presence:
    """Return who is there as it is shown; None: the keeper does not answer."""
    if found is None:
        return Presence(available=False)
    items = sorted(found, key=lambda one: (one.activity is Activity.VIEWING, one.user_id))
    return Presence(available=True, items=items)
