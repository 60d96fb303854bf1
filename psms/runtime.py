"""The composition root: one frozen Runtime for each process, passed to every use case as its first argument."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from psms.adapters.broker import CeleryNudger
from psms.adapters.egress import EgressGuard
from psms.adapters.holiday_dates import PackagedHolidays
from psms.adapters.http import RequestsSender
from psms.adapters.mail import mailer_of
from psms.adapters.presence import SharedPresence
from psms.adapters.rates import SharedRates
from psms.adapters.redis_probe import RedisProbe
from psms.adapters.silence import NoNudges, NoPresence, NoProbe
from psms.adapters.slots import Slots
from psms.adapters.system import DatabaseClock, SystemChance
from psms.adapters.vault import Vault, vault_of
from psms.adapters.zones import PinnedZones
from psms.db.session import Database
from psms.domain.egress import parse_policy
from psms.domain.sla.shelf import Shelf
from psms.ports import (
    Chance,
    Clock,
    Mailer,
    Nudger,
    PresenceKeeper,
    Probe,
    PublicHolidays,
    Rates,
    UrlGuard,
    WebhookSender,
    WorkSlots,
)
from psms.settings import Environment, Settings

# Besides its threads a process needs connections for fallback drains and for the pump of deliveries.
_SPARE_CONNECTIONS = 8
# Mail servers turn away who opens many connections at once.
_MAILS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Everything a use case may touch. Nothing is global, so tests build their own."""

    settings: Settings
    db: Database
    clock: Clock
    chance: Chance
    sender: WebhookSender
    url_guard: UrlGuard
    slots: WorkSlots
    nudger: Nudger
    redis: Probe
    vault: Vault
    rates: Rates
    holidays: PublicHolidays = field(default_factory=PackagedHolidays)
    # Calendars and policies that this process has at hand; the truth is in the database.
    shelf: Shelf = field(default_factory=lambda: Shelf(PinnedZones()))
    presence: PresenceKeeper = field(default_factory=NoPresence)
    # None where no mail server is configured: mails wait.
    mailer: Mailer | None = None
    mail_slots: WorkSlots = field(default_factory=lambda: Slots(_MAILS_AT_ONCE, name="psms-mail"))
    worker: str = "api"
    # Set when the process is asked to end: drains then claim nothing new and finish what they hold.
    stopping: threading.Event = field(default_factory=threading.Event)


def build_runtime(settings: Settings, queue_of: Mapping[str, str], *, worker: str = "api") -> Runtime:
    """Make the Runtime of a real process. *queue_of* says which queue each task travels on.

    No connection is opened yet. Raises Misconfigured for settings that cannot be used.
    """
    settings.require_servers()
    runtime = _runtime(
        settings,
        CeleryNudger(settings.redis_url, queue_of),
        RedisProbe(settings.redis_url),
        worker=worker,
        pool_size=settings.worker_threads + _SPARE_CONNECTIONS,
    )
    return replace(runtime, presence=SharedPresence(settings.redis_url))


def build_quiet_runtime(settings: Settings, *, worker: str) -> Runtime:
    """Make the Runtime of an operator's command that wakes nobody and needs no Redis.

    Raises Misconfigured for settings that cannot be used.
    """
    return _runtime(settings, NoNudges(), NoProbe(), worker=worker, pool_size=2)


def _runtime(settings: Settings, nudger: Nudger, redis: Probe, *, worker: str, pool_size: int) -> Runtime:
    policy = parse_policy(
        settings.egress_allow,
        settings.egress_deny,
        public_url=settings.public_url,
        plain_http=settings.environment is Environment.DEVELOPMENT,
    )
    guard = EgressGuard(policy)
    chance = SystemChance()
    return Runtime(
        settings=settings,
        db=Database(settings.database_url, pool_size=pool_size),
        clock=DatabaseClock(),
        chance=chance,
        sender=RequestsSender(guard),
        url_guard=guard,
        slots=Slots(settings.delivery_slots),
        nudger=nudger,
        redis=redis,
        vault=vault_of(settings, chance),
        rates=SharedRates(settings.redis_url),
        mailer=mailer_of(settings),
        worker=worker,
    )
