"""One mail and what came of sending it, as values. What it says is in `notices`, sending in `psms.adapters.mail`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from psms.domain.retry import MAX_ATTEMPTS, delay_after

LEASES_UNTIL_DEAD = 5
EXPIRES_AFTER = timedelta(days=7)
"""A mail that has been due for longer tells nobody anything any more: it is given up."""


class MailState(StrEnum):
    """Where a mail is; what is pending where no mail server is configured is shown as held."""

    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    HELD = "held"
    SENT = "sent"
    DEAD = "dead"


class Fate(StrEnum):
    """What one exchange with the mail server came to."""

    TAKEN = "taken"
    """The server has the mail (RFC 5321, section 4.2.5: 250 after the data)."""
    DEFERRED = "deferred"
    """It may take it another time: a 4yz reply, no connection, or PSMS itself was turned away."""
    REFUSED = "refused"
    """It will never take it: a 5yz reply to the recipient or to the data, or an address that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail to one person. *message_id* is without angle brackets; *timeout_s* limits it all by the wall clock."""

    message_id: str
    recipient_name: str
    recipient_address: str
    subject: str
    body: str
    written_at: datetime
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MailResult:
    """What became of a mail. *error* is a sentence of ours that names no address, or None where it was taken."""

    fate: Fate
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a mail is after an exchange; *next_at* is set where it is tried again."""

    state: MailState
    next_at: datetime | None = None
    reason: Literal["refused", "exhausted"] | None = None


def judge(fate: Fate, *, failures: int, now: datetime, jitter: float) -> Verdict:
    """Return what becomes of a mail that had failed *failures* times before; *jitter* is from 0 up to 1.

    What was deferred takes the next place in the schedule of webhooks, and is dead after the last.
    """
    match fate:
        case Fate.TAKEN:
            return Verdict(state=MailState.SENT)
        case Fate.REFUSED:
            return Verdict(state=MailState.DEAD, reason="refused")
        case Fate.DEFERRED if failures + 1 >= MAX_ATTEMPTS:
            return Verdict(state=MailState.DEAD, reason="exhausted")
        case Fate.DEFERRED:
            return Verdict(state=MailState.PENDING, next_at=now + delay_after(failures, jitter))
