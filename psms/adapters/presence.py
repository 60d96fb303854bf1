"""Who looks at which ticket, kept in Redis for half a minute; it may be emptied at any time. What it means: the domain.

A request waits for it a quarter of a second at most for each exchange; while Redis does not answer, only one request
a second tries.
"""

import time
from collections.abc import Sequence
from typing import Final, cast
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError

from psms.domain.presence import LASTS_S, Activity, Onlooker
from psms.guard import refuse_in_transaction
from psms.settings import endpoint_of
from psms.telemetry import logger

_PATIENCE_S: Final = 0.25
_RETRY_S: Final = 1.0
_PREFIX: Final = "psms:presence:"

# By the clock of Redis, so that processes on machines with different clocks agree. Each key ends by itself.
_SCRIPT: Final = """
local now = tonumber(redis.call('TIME')[1])
if ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. ' ' .. string.format('%.0f', now))
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
local found = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local activity, at = string.match(all[i + 1], '^(%a+) (%d+)$')
  local ago = now - tonumber(at)
  if ago < tonumber(ARGV[1]) then
    found[#found + 1] = all[i] .. ' ' .. activity .. ' ' .. string.format('%.0f', ago)
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return found
"""

log = logger(__name__)


class SharedPresence:
    """What all processes know that use the same Redis. Threads may share it."""

    def __init__(self, redis_url: str) -> None:
        """Remember where Redis is; nothing is opened before somebody is heard of, or asked for."""
        self._redis_url = redis_url
        self._redis = Redis.from_url(
            redis_url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S, retry=None
        )
        self._script = self._redis.register_script(_SCRIPT)
        self._away_until = 0.0

    def close(self) -> None:
        """Close every connection that is idle now."""
        self._redis.close()

    def hear(self, organization_id: UUID, ticket_id: UUID, user_id: UUID, activity: Activity) -> list[Onlooker] | None:
        """Note what a user does with a ticket now, and return who is there; None where Redis does not answer."""
        return self._ask(organization_id, ticket_id, [LASTS_S, str(user_id), activity.value])

    def there(self, organization_id: UUID, ticket_id: UUID) -> list[Onlooker] | None:
        """Return who is there; None where Redis does not answer."""
        return self._ask(organization_id, ticket_id, [LASTS_S])

    def _ask(self, organization_id: UUID, ticket_id: UUID, told: Sequence[str | int]) -> list[Onlooker] | None:
        refuse_in_transaction("a call to Redis")
        if time.monotonic() < self._away_until:
            return None
        try:
            reply = self._script(keys=[f"{_PREFIX}{organization_id}:{ticket_id}"], args=list(told))
        except (RedisError, OSError) as problem:
            self._away_until = time.monotonic() + _RETRY_S
            log.warning("presence_unavailable", redis=endpoint_of(self._redis_url), reason=type(problem).__name__)
            return None
        return [_onlooker(one) for one in cast("list[bytes]", reply)]


def _onlooker(line: bytes) -> Onlooker:
    user_id, activity, ago = line.decode("ascii").split()
    return Onlooker(user_id=UUID(user_id), activity=Activity(activity), seconds_ago=int(ago))
