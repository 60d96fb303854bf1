"""How a worker bears a Redis that goes away and comes back; what it does meanwhile is the fallback's affair."""

import logging
from collections.abc import Callable
from typing import Any, Self

from celery.app.amqp import AMQP
from kombu import Connection
from typing_extensions import override

_LOOK_EVERY_S = 1
_SAY_EVERY = 60

_Report = Callable[[Exception, float], None]


class EagerConnection(Connection):
    """Looks for Redis each second and reports once a minute that it is away.

    Celery's own waits grow to half a minute, and after a long outage nudges would go unheard for that long.
    """

    @override
    def ensure_connection(self, errback: _Report | None = None, *args: Any, **kwargs: Any) -> Self:
        """Return when connected; *errback* is told of the first failure and of every sixtieth."""
        waits = {"interval_start": _LOOK_EVERY_S, "interval_step": 0, "interval_max": _LOOK_EVERY_S}
        return super().ensure_connection(_now_and_then(errback), *args, **{**kwargs, **waits})

    @property
    @override
    def connection_errors(self) -> tuple[type[BaseException], ...]:
        """Return what a lost connection raises.

        With kombu 5.7 that is an AttributeError too: for a nudge that is acknowledged, or put back, after the
        connection it came by was closed. Not known as such it would end the worker, and cut off what it does.
        """
        return (*super().connection_errors, AttributeError)


class EagerAmqp(AMQP):
    """Celery's messaging, over such connections."""

    Connection = EagerConnection


class NothingLost(logging.Filter):
    """Drops the lines that call it critical when a nudge's connection was lost before it was acknowledged."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Couldn't ack")


def _now_and_then(report: _Report | None) -> _Report | None:
    if report is None:
        return None
    failures = 0

    def counted(problem: Exception, interval_s: float) -> None:
        nonlocal failures
        if failures % _SAY_EVERY == 0:
            report(problem, interval_s)
        failures += 1

    return counted
