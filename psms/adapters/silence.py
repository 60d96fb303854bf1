"""Ports of a process that has nobody to nudge and no Redis to ask: an operator's command. Not for services."""

from uuid import UUID

from psms.domain.presence import Activity


class NoNudges:
    """Sends nothing: what is due is found by looking."""

    def nudge(self, task: str, /) -> None:
        """Do nothing, which a nudge may come to at any time."""


class NoProbe:
    """A server that is not there."""

    def answers(self) -> bool:
        """Return False."""
        return False


class NoPresence:
    """A keeper of presence that never answers."""

    def hear(self, _: UUID, __: UUID, ___: UUID, ____: Activity, /) -> None:
        """Return None: nothing is kept."""

    def there(self, _: UUID, __: UUID, /) -> None:
        """Return None: nothing is known."""
