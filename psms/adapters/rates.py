"""Counts of requests over sliding windows: in this process, and shared with the others through Redis.

What is counted and what it means is in `psms.domain.rates`. A request never waits for Redis: it is judged by what this
process knows, and a thread tells Redis what came and asks what the others had, a few times a second.
"""

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from itertools import islice
from typing import cast

from redis import Redis
from redis.exceptions import RedisError
from typing_extensions import override

from psms.domain.rates import Meter, Reading, Verdict, used, wait_s
from psms.settings import endpoint_of
from psms.telemetry import RATE_EXCHANGES, logger

# Above this, what nobody uses any more is forgotten: made-up callers must not fill the memory.
MOST_COUNTS = 50_000
EXCHANGE_EVERY_S = 0.25
# An exchange is brought forward when this share of what is left was used since the last: small quotas stay exact.
_HASTE = 8
_SHORTEST_PAUSE_S = 0.01
_RETRY_S = 0.5
_PATIENCE_S = 0.25
_MOST_IN_ONE_EXCHANGE = 500

# Windows follow the clock of Redis, so that processes on machines with different clocks agree.
_SCRIPT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local reply = {string.format('%.6f', now)}
for i, key in ipairs(KEYS) do
  local window = tonumber(ARGV[2 * i - 1])
  local index = math.floor(now / window)
  local slot = string.format('%s:%.0f', key, index)
  reply[#reply + 1] = redis.call('INCRBY', slot, ARGV[2 * i])
  redis.call('EXPIRE', slot, 2 * window)
  reply[#reply + 1] = tonumber(redis.call('GET', string.format('%s:%.0f', key, index - 1)) or 0)
end
return reply
"""
_PREFIX = "psms:rate:"

log = logger(__name__)


class _Count:
    """The requests of one key: in the current window, in the one before, and those that Redis was not told of."""

    __slots__ = ("current", "index", "previous", "unreported", "window_s")

    def __init__(self, window_s: int, index: int) -> None:
        self.window_s = window_s
        self.index = index
        self.current = 0
        self.previous = 0
        self.unreported = 0

    def roll(self, index: int) -> None:
        """Begin the window *index*."""
        # What came in windows long past is not told any more, as after Redis was away for long.
        self.unreported = min(self.unreported, self.current)
        self.previous = self.current if index == self.index + 1 else 0
        self.current = 0
        self.index = index

    def add(self, requests: int) -> None:
        """Count *requests* more."""
        self.current += requests
        self.unreported += requests


class LocalRates:
    """Counts in this process alone."""

    def __init__(self, *, most: int = MOST_COUNTS) -> None:
        """Begin with no counts, and keep *most* at once."""
        self._most = most
        # Moved to the clock of Redis at the first exchange.
        self._ahead_s = 0.0
        self._start_empty()

    def __len__(self) -> int:
        """Return how many keys are counted."""
        return len(self._counts)

    def _start_empty(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, _Count] = {}
        self._unreported: set[str] = set()

    def take(self, meters: Sequence[Meter], /) -> Verdict:
        """Count one request on each of *meters*, or on none of them where one refuses."""
        return self._judge(meters, requests=1)

    def look(self, meters: Sequence[Meter], /) -> Verdict:
        """Judge as `take`, counting nothing."""
        return self._judge(meters, requests=0)

    def charge(self, meters: Sequence[Meter], /) -> None:
        """Count one request on each of *meters*, whatever they hold."""
        now = time.monotonic() + self._ahead_s
        with self._lock:
            for meter in meters:
                self._count_of(meter, now).add(1)
                self._unreported.add(meter.key)
        self._share(haste=True)

    def _judge(self, meters: Sequence[Meter], requests: int) -> Verdict:
        now = time.monotonic() + self._ahead_s
        refusal: tuple[str, int] | None = None
        haste = False
        readings = []
        with self._lock:
            counts = [self._count_of(meter, now) for meter in meters]
            for meter, count in zip(meters, counts, strict=True):
                rate = meter.rate
                elapsed = min(1.0, max(0.0, now / rate.window_s - count.index))
                left = int(rate.quota - used(count.previous, count.current, elapsed))
                if left < 1 and refusal is None:
                    refusal = meter.name, wait_s(rate, count.previous, count.current, elapsed)
                haste = haste or count.unreported * _HASTE >= left
                reset_s = int((1.0 - elapsed) * rate.window_s) + 1
                readings.append(Reading(name=meter.name, rate=rate, remaining=max(0, left - requests), reset_s=reset_s))
            if refusal is not None:
                return Verdict(readings=tuple(readings), refused_by=refusal[0], retry_after_s=refusal[1])
            if requests:
                for meter, count in zip(meters, counts, strict=True):
                    count.add(requests)
                    self._unreported.add(meter.key)
        if requests:
            self._share(haste=haste)
        return Verdict(readings=tuple(readings))

    def _count_of(self, meter: Meter, now: float) -> _Count:
        index = int(now // meter.rate.window_s)
        count = self._counts.get(meter.key)
        if count is None:
            if len(self._counts) >= self._most:
                self._forget_unused(now)
            count = self._counts[meter.key] = _Count(meter.rate.window_s, index)
        elif index > count.index or index < count.index - 1:
            # One window back is only the clock of Redis being read anew; further back, it was set.
            count.roll(index)
        return count

    def _forget_unused(self, now: float) -> None:
        kept = {key: count for key, count in self._counts.items() if count.index + 1 >= now // count.window_s}
        # Redis still has what it was told of; a caller gains less than one window by this.
        self._counts = kept if len(kept) < self._most // 2 else {}

    def _share(self, *, haste: bool) -> None:
        """Nobody shares these counts."""


class SharedRates(LocalRates):
    """Counts of all processes that use the same Redis.

    While Redis does not answer, each process counts for itself and what it counted is told afterwards. Together
    N processes admit at most N - 1 times what comes to one between two exchanges above a quota.
    """

    def __init__(self, redis_url: str) -> None:
        """Prepare to share through *redis_url*; nothing is opened before the first request is counted."""
        self._redis_url = redis_url
        super().__init__()
        # Threads do not survive a fork, and a lock held at that instant would never be released.
        after_fork = weakref.WeakMethod(self._start_empty)
        os.register_at_fork(after_in_child=lambda: _call_if_alive(after_fork))

    @override
    def _start_empty(self) -> None:
        super()._start_empty()
        self._wanted, self._urgent, self._closing = threading.Event(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._unreachable = False

    @property
    def untold(self) -> int:
        """How many keys have requests that Redis was not told of."""
        return len(self._unreported)

    def close(self) -> None:
        """End the thread; what was not told is lost."""
        self._closing.set()
        self._wanted.set()
        self._urgent.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    @override
    def _share(self, *, haste: bool) -> None:
        if haste and not self._urgent.is_set():
            self._urgent.set()
        if self._wanted.is_set():
            return
        with self._lock:
            is_running = self._thread is not None and self._thread.is_alive()
            if not is_running and not self._closing.is_set():
                self._start_thread()
        self._wanted.set()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="rates", daemon=True)
        # No thread to be had: this process counts for itself until there is one.
        with contextlib.suppress(RuntimeError):
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        redis = Redis.from_url(
            self._redis_url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S, retry=None
        )
        with contextlib.closing(redis):
            while self._wanted.wait() and not self._closing.is_set():
                self._urgent.wait(EXCHANGE_EVERY_S)
                self._wanted.clear()
                self._urgent.clear()
                self._closing.wait(_SHORTEST_PAUSE_S if self._exchange(redis) else _RETRY_S)

    def _exchange(self, redis: Redis) -> bool:
        """Tell Redis what came and learn what the others had; False when it does not answer."""
        with self._lock:
            told = [self._to_tell(key) for key in islice(self._unreported, _MOST_IN_ONE_EXCHANGE)]
        if not told:
            return True
        keys = [_PREFIX + key for key, _, _ in told]
        began = time.monotonic()
        try:
            if self._unreachable:
                # A frozen Redis works off all that was sent to it meanwhile: counts must not be sent again and again.
                redis.ping()
            reply = redis.register_script(_SCRIPT)(keys=keys, args=[part for told_of in told for part in told_of[1:]])
        except (RedisError, OSError) as problem:
            self._note_unreachable(problem)
            return False
        self._learn(told, cast("list[bytes | int]", reply), (began + time.monotonic()) / 2)
        self._note_reachable()
        return True

    def _to_tell(self, key: str) -> tuple[str, int, int]:
        count = self._counts.get(key) or _Count(1, 0)
        return key, count.window_s, count.unreported

    def _learn(self, told: list[tuple[str, int, int]], reply: list[bytes | int], at: float) -> None:
        now = float(reply[0])
        with self._lock:
            self._ahead_s = now - at
            for position, (key, window_s, requests) in enumerate(told):
                count = self._counts.get(key)
                if count is None:
                    self._unreported.discard(key)
                    continue
                count.unreported -= requests
                if not count.unreported:
                    self._unreported.discard(key)
                count.index = int(now // window_s)
                # Besides what all had: what came here while Redis was being asked.
                count.current = int(reply[2 * position + 1]) + count.unreported
                count.previous = int(reply[2 * position + 2])
            more = bool(self._unreported)
        if more:
            self._wanted.set()

    def _note_unreachable(self, problem: Exception) -> None:
        RATE_EXCHANGES.labels(outcome="failed").inc()
        if not self._unreachable:
            log.warning("rates_not_shared", redis=endpoint_of(self._redis_url), reason=type(problem).__name__)
        self._unreachable = True
        self._wanted.set()

    def _note_reachable(self) -> None:
        RATE_EXCHANGES.labels(outcome="done").inc()
        if self._unreachable:
            log.info("rates_shared_again", redis=endpoint_of(self._redis_url))
        self._unreachable = False


def _call_if_alive(method: "weakref.WeakMethod[Callable[[], None]]") -> None:
    call = method()
    if call is not None:
        call()
