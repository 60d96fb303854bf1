"""A frozen Valkey with and without the thread of its own that nudges leave by: a request waits only without."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from psms.adapters.broker import CeleryNudger, broker_options, celery_settings
from tests.support.servers import ValkeyServer
from tests.support.tenants import file_ticket, make_tenant
from workflows.names import QUEUE_OF, Task

BEARABLE_S, TIMEOUT_S = 0.5, 1.0


class WaitingNudger:
    """Sends nudges as Celery's users usually do: in the thread that asks, which waits for the broker."""

    def __init__(self, redis_url: str) -> None:
        self._app = Celery("waiting", set_as_current=False)
        self._app.conf.update(celery_settings(redis_url, sorted(set(QUEUE_OF.values()))))
        self._app.conf.broker_transport_options = broker_options(socket_timeout_s=TIMEOUT_S)

    def nudge(self, task: str, /) -> None:
        with suppress(KombuError, RedisError, OSError):
            self._app.send_task(str(task), queue=QUEUE_OF[Task(task)].value)

    def close(self) -> None:
        self._app.close()


@pytest.fixture
def frozen_valkey(valkey: ValkeyServer) -> Iterator[ValkeyServer]:
    """A Valkey that accepts connections and answers nothing."""
    valkey.freeze()
    yield valkey
    valkey.thaw()


@pytest.mark.parametrize(
    ("nudger_of", "waits"),
    [
        (lambda url: CeleryNudger(url, {task.value: queue.value for task, queue in QUEUE_OF.items()}), False),
        (WaitingNudger, True),
    ],
    ids=["from a thread of its own", "without it"],
)
def test_no_request_waits_for_a_frozen_valkey(rt, database, frozen_valkey, nudger_of, waits):
    acme = make_tenant(rt)
    nudger = nudger_of(frozen_valkey.url)
    began = time.monotonic()
    file_ticket(replace(rt, nudger=nudger), acme.actor)
    took = time.monotonic() - began
    nudger.close()

    assert (took > BEARABLE_S) is waits
    # Late or not: the ticket is there, and so is what is to be told of it.
    assert (database.count("tickets"), database.count("outbox")) == (1, 1)
