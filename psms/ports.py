"""The outside world as the core sees it: protocols only, no implementation and no third-party type."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from psms.domain.attempts import SendResult, WebhookRequest
from psms.domain.mails import Mail, MailResult
from psms.domain.presence import Activity, Onlooker
from psms.domain.rates import Meter, Verdict
from psms.domain.sla.holiday_sources import FrozenHolidays, HolidaySource

T = TypeVar("T")


class Clock(Protocol):
    """The one clock of the installation, which is the database's."""

    def now(self, session: object, /) -> datetime:
        """Return the instant now, in UTC, by the clock of the server that *session* talks to.

        Read it after the row lock is held, and pass it on: two readings are two instants.
        """
        ...


class Chance(Protocol):
    """Identity and jitter: everything that must not be predictable or must not repeat."""

    def new_id(self, at: datetime, /) -> UUID:
        """Return a new UUIDv7 of the instant *at*."""
        ...

    def fraction(self) -> float:
        """Return a number from 0 up to but excluding 1, to spread retries."""
        ...

    def secret_bytes(self, count: int, /) -> bytes:
        """Return *count* unpredictable bytes."""
        ...


class WebhookSender(Protocol):
    """The HTTP client that partners' endpoints are called with."""

    def send(self, request: WebhookRequest, /) -> SendResult:
        """Send once, within the request's deadline. Every failure is a result; nothing is raised for one."""
        ...


class Mailer(Protocol):
    """The way to the mail server."""

    def send(self, mail: Mail, /) -> MailResult:
        """Hand one mail over, within its deadline. Every failure is a result; nothing is raised for one."""
        ...


class UrlGuard(Protocol):
    """The judge of addresses that PSMS may call."""

    def check_url(self, url: str, /) -> None:
        """Raise WebhookUrlRefused when *url* must not be called."""
        ...


class WorkSlots(Protocol):
    """A bounded pool for work that waits on others."""

    @property
    def size(self) -> int:
        """How many pieces of work may be under way at once."""
        ...

    @property
    def free(self) -> int:
        """How many more pieces of work may be submitted now."""
        ...

    def submit(self, work: Callable[..., T], /, *args: object) -> Future[T]:
        """Start *work* in a slot of its own; raises when none is free."""
        ...


class Nudger(Protocol):
    """The way to tell workers to look now. A nudge carries no state and may be lost."""

    def nudge(self, task: str, /) -> None:
        """Ask for one run of *task*, soon, without waiting and without ever failing."""
        ...


class Probe(Protocol):
    """A question to a server that PSMS can do without for a while."""

    def answers(self) -> bool:
        """Tell whether the server answers, within a second."""
        ...


class Cipher(Protocol):
    """Authenticated encryption under a 32-byte key: AES-256-GCM (NIST SP 800-38D)."""

    def encrypt(self, nonce: bytes, plaintext: bytes, associated: bytes, /) -> bytes:
        """Return the encrypted bytes and their tag. A nonce must never come twice under one key."""
        ...

    def decrypt(self, nonce: bytes, body: bytes, associated: bytes, /) -> bytes:
        """Return the plaintext; raise Undecryptable unless every bit is as it was encrypted."""
        ...


class KeyWrapper(Protocol):
    """The keeper of key-encryption keys (KEKs), under which data keys are stored. May call a server: no transaction.

    Raises DependencyUnavailable when that server does not answer.
    """

    @property
    def primary(self) -> str:
        """The id of the KEK that new data keys are wrapped under."""
        ...

    def knows(self, kek_id: str, /) -> bool:
        """Tell whether this installation is configured with that KEK."""
        ...

    def wrap(self, data_key: bytes, context: Mapping[str, str], /) -> bytes:
        """Return *data_key* encrypted under the primary KEK and bound to *context*."""
        ...

    def unwrap(self, kek_id: str, wrapped: bytes, context: Mapping[str, str], /) -> bytes:
        """Return the data key; raise Undecryptable for another KEK, other bytes or another context."""


class Rates(Protocol):
    """The counts that limits on requests are judged by. Asking never waits for anything and never fails."""

    def take(self, meters: Sequence[Meter], /) -> Verdict:
        """Count one request on each of *meters*, or on none of them where one refuses."""
        ...

    def look(self, meters: Sequence[Meter], /) -> Verdict:
        """Judge as `take`, counting nothing."""
        ...

    def charge(self, meters: Sequence[Meter], /) -> None:
        """Count one request on each of *meters*, whatever they hold."""
        ...


class PresenceKeeper(Protocol):
    """The keeper of who looks at which ticket, for half a minute. Its answer comes within a second, or is None."""

    def hear(
        self, organization_id: UUID, ticket_id: UUID, user_id: UUID, activity: Activity, /
    ) -> Sequence[Onlooker] | None:
        """Note what a user does with a ticket now, and return who is there; None where that cannot be said."""
        ...

    def there(self, organization_id: UUID, ticket_id: UUID, /) -> Sequence[Onlooker] | None:
        """Return who is there; None where that cannot be said."""
        ...


class PublicHolidays(Protocol):
    """A library that knows the public holidays of countries."""

    def compute(self, source: HolidaySource, /) -> FrozenHolidays:
        """Return the public holidays of *source*; raise FieldError for a country or a part that is not known."""
        ...
