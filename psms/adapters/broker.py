"""Celery's settings and the sender of nudges; tasks themselves are in `workers`."""

import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from celery import Celery
from kombu import Queue as KombuQueue
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from psms.settings import endpoint_of
from psms.telemetry import NUDGES, logger

# Nudges that come within this time of the last ones leave together: what they ask for is the same.
COALESCE_S = 0.025
# When more than so many came meanwhile, the next one waits longer: looking costs more than what it finds, and who
# looks less often finds more at once. A tenth of a second, so that an event on its way through two of these still
# reaches its partner well within three.
_MANY = 3
_COALESCE_MANY_S = 0.1
# A queue that holds this many nudges gets no more: one would do, and without workers they would fill Redis.
ENOUGH_WAITING = 100
# How long a look at a queue's length is believed.
_LOOK_EVERY_S = 1.0
_RETRY_S = 1.0
_PUBLISH_TIMEOUT_S = 1.0
_FAILURES = (KombuError, RedisError, OSError)

log = logger(__name__)


def celery_settings(redis_url: str, queues: list[str]) -> dict[str, Any]:
    """Return the settings of every Celery process. Each says what breaks without it."""
    return {
        "broker_url": redis_url,
        # On a worker longer than the second that BRPOP waits, or every quiet second is a lost connection.
        "broker_transport_options": broker_options(socket_timeout_s=5),
        # Direct lists need no bindings, so they survive an emptied Redis; a mistyped name fails loudly.
        "task_queues": [KombuQueue(name) for name in queues],
        "task_create_missing_queues": False,
        "task_default_queue": queues[0],
        # The default gives up after 100 tries and leaves a silent worker.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_pool_limit": 10,
        "broker_pool_acquire_timeout": 2,
        **_OF_MESSAGES,
        **_OF_WORKERS,
        "enable_utc": True,
        "timezone": "UTC",
        # Drains are due each second: look at least that often.
        "beat_max_loop_interval": 1,
    }


_OF_MESSAGES: dict[str, Any] = {
    # PostgreSQL holds every outcome; a result backend would only add pub/sub traffic to lose.
    "result_backend": None,
    "task_ignore_result": True,
    # Never pickle: a broker that somebody can write to must not be able to run code.
    "task_serializer": "json",
    "accept_content": ["json"],
    # A nudge survives the death of the worker that took it; the row's lease bounds a poison row.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    # The rows are the retry; a failed or late nudge is done with.
    "task_acks_on_failure": True,
    "task_acks_on_timeout": True,
    # The default tries for 25 s on a frozen Redis; the next nudge comes within a second anyway.
    "task_publish_retry": False,
}

_OF_WORKERS: dict[str, Any] = {
    # Fairness, and a small window of nudges to lose; costs no throughput.
    "worker_prefetch_multiplier": 1,
    # Cancelling in the middle of HTTP makes unknown outcomes; the lease already fences.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # Limits per partner live in PostgreSQL; Celery's are per worker and block the prefetch.
    "worker_disable_rate_limits": True,
    # Logs are structlog's, and what a drain prints stays where it was printed.
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    # Only Flower reads these events, and it switches them on itself for as long as it runs.
    "worker_send_task_events": False,
    "task_send_sent_event": False,
}


def broker_options(*, socket_timeout_s: float) -> dict[str, Any]:
    """Return the options of the Redis transport; *socket_timeout_s* bounds every wait for an answer."""
    return {
        # Longer than any drain runs; only a nudge would be sent again.
        "visibility_timeout": 600,
        # The default looks for lost messages every 100 s.
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        # Without these a frozen Redis holds its clients for ever.
        "socket_timeout": socket_timeout_s,
        "socket_connect_timeout": min(2.0, socket_timeout_s),
        "socket_keepalive": True,
        # A half-open connection is noticed in about 20 s rather than 50 s.
        "health_check_interval": 10,
        # The default of 10 makes acknowledgements fail in a pool of threads.
        "max_connections": 64,
        # Several installations may share a Redis, and the shortest visibility timeout would win.
        "global_keyprefix": "psms:",
        "client_name": "psms",
        # Publishing tries once: the default sleeps 2 s and more between tries, deep inside a call.
        "max_retries": 0,
    }


class CeleryNudger:
    """Sends nudges from a thread of its own, so that no caller ever waits for the broker.

    The buffer is a set of task names and so cannot grow. What cannot be sent stays in it and is tried again
    each second; Beat and the workers' fallback see to it meanwhile that the work is done.
    """

    def __init__(self, redis_url: str, queue_of: Mapping[str, str]) -> None:
        """Prepare to send to *redis_url*; nothing is opened before the first nudge."""
        self._redis_url = redis_url
        self._queue_of = {str(task): str(queue) for task, queue in queue_of.items()}
        self._start_empty()
        # Threads do not survive a fork, and a lock held at that instant would never be released.
        after_fork = weakref.WeakMethod(self._start_empty)
        os.register_at_fork(after_in_child=lambda: _call_if_alive(after_fork))

    def _start_empty(self) -> None:
        self._changed = threading.Condition()
        self._wanted: set[str] = set()
        self._asked = 0
        self._closing = False
        self._thread: threading.Thread | None = None

    def nudge(self, task: str, /) -> None:
        """Ask for one run of *task*; returns at once. Raises KeyError for a name that travels on no queue."""
        if task not in self._queue_of:
            raise KeyError(f"{task} travels on no queue: name one for it in workflows.names.QUEUE_OF")
        with self._changed:
            if self._closing:
                return
            self._wanted.add(str(task))
            self._asked += 1
            if self._thread is None or not self._thread.is_alive():
                self._start_thread()
            self._changed.notify()

    def close(self) -> None:
        """Send what is still wanted, once and for at most two seconds, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=2)

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="nudges", daemon=True)
        try:
            thread.start()
        except RuntimeError as problem:
            # No thread to be had. What the nudge is about is committed, so it must not fail for this.
            log.warning("nudges_wait", reason=str(problem))
        else:
            self._thread = thread

    def _run(self) -> None:
        publisher = _Publisher(self._redis_url, self._queue_of)
        while self._await_wanted():
            pause_s = self._pause_s()
            all_sent = self._send_wanted(publisher)
            with self._changed:
                # What came while something was sent is still wanted.
                if self._closing and not (all_sent and self._wanted):
                    return
                self._changed.wait_for(lambda: self._closing, pause_s if all_sent else _RETRY_S)

    def _await_wanted(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._closing)
            return bool(self._wanted)

    def _pause_s(self) -> float:
        with self._changed:
            asked, self._asked = self._asked, 0
        return COALESCE_S if asked <= _MANY else _COALESCE_MANY_S

    def _send_wanted(self, publisher: "_Publisher") -> bool:
        with self._changed:
            tasks, self._wanted = sorted(self._wanted), set()
        for position, task in enumerate(tasks):
            if not publisher.published(task):
                with self._changed:
                    self._wanted |= {*tasks[position:]}
                return False
        return True


class _Publisher:
    """The connection to the broker of one thread."""

    def __init__(self, redis_url: str, queue_of: Mapping[str, str]) -> None:
        self._queue_of = queue_of
        self._broker = endpoint_of(redis_url)
        self._app = Celery("psms-nudges", set_as_current=False)
        self._app.conf.update(celery_settings(redis_url, sorted(set(queue_of.values()))))
        self._app.conf.broker_transport_options = broker_options(socket_timeout_s=_PUBLISH_TIMEOUT_S)
        self._looks: dict[str, tuple[float, bool]] = {}
        self._unreachable = False

    def published(self, task: str) -> bool:
        """Send a nudge for *task* unless enough of them wait; False when the broker cannot be reached."""
        try:
            outcome = self._publish(task, self._queue_of[task])
        except _FAILURES as problem:
            NUDGES.labels(task=task, outcome="delayed").inc()
            if not self._unreachable:
                log.warning("broker_unreachable", broker=self._broker, reason=type(problem).__name__)
            self._unreachable = True
            return False
        NUDGES.labels(task=task, outcome=outcome).inc()
        if self._unreachable:
            log.info("broker_reachable_again", broker=self._broker)
        self._unreachable = False
        return True

    def _publish(self, task: str, queue: str) -> str:
        with self._app.producer_or_acquire() as producer:
            if self._is_full(queue, lambda: producer.channel.queue_declare(queue).message_count):
                return "enough_waiting"
            self._app.send_task(task, queue=queue, producer=producer, retry=False)
        return "sent"

    def _is_full(self, queue: str, length: Callable[[], int]) -> bool:
        looked_at, full = self._looks.get(queue, (-_LOOK_EVERY_S, False))
        if time.monotonic() - looked_at >= _LOOK_EVERY_S:
            full = length() >= ENOUGH_WAITING
            self._looks[queue] = (time.monotonic(), full)
        return full


def _call_if_alive(method: "weakref.WeakMethod[Callable[[], None]]") -> None:
    call = method()
    if call is not None:
        call()
