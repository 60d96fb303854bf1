"""The system's clock and chance: the only place that reads the time or asks for random bits."""

import secrets
import threading
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from psms.ids import uuid7

_NOW = text("SELECT psms_now()")
_RANDOM = secrets.SystemRandom()


class DatabaseClock:
    """The database's clock: a machine whose own clock is wrong changes nothing."""

    def now(self, session: object, /) -> datetime:
        """Return `psms_now()` as the server of *session* (a session or connection) reads it."""
        if not isinstance(session, Session | Connection):
            message = f"a database session is needed to read the clock, not {type(session).__name__}"
            raise TypeError(message)
        instant: datetime = session.execute(_NOW).scalar_one()
        return instant


class SystemChance:
    """Random bits from the operating system."""

    def __init__(self) -> None:
        """Begin with no id given out."""
        self._lock = threading.Lock()
        self._last: tuple[datetime | None, int] = (None, 0)

    def new_id(self, at: datetime, /) -> UUID:
        """Return a new UUIDv7 of the instant *at*.

        Ids of one instant rise in the order in which they are asked for (RFC 9562 section 6.2, method 2), so
        that the entries and events of one change sort as they were written.
        """
        with self._lock:
            last_at, last_bits = self._last
            # Half the range is left free above the first, for those that follow.
            bits = last_bits + 1 + secrets.randbits(32) if at == last_at else secrets.randbits(61)
            self._last = (at, bits)
        return uuid7(at, bits)

    def fraction(self) -> float:
        """Return a number from 0 up to but excluding 1."""
        return _RANDOM.random()

    def secret_bytes(self, count: int, /) -> bytes:
        """Return *count* unpredictable bytes."""
        return secrets.token_bytes(count)
