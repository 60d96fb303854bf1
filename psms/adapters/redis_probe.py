"""Asks whether Redis answers, for `/readyz` and `doctor`; nothing is read or written."""

import contextlib

from redis import Redis
from redis.exceptions import RedisError

_PATIENCE_S = 1.0


class RedisProbe:
    """One connection at a time, never kept: a probe must see what a new client would see."""

    def __init__(self, url: str) -> None:
        """Remember where Redis is."""
        self._url = url

    def answers(self) -> bool:
        """Tell whether a PING is answered within a second."""
        client = Redis.from_url(self._url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S, retry=None)
        with contextlib.closing(client):
            try:
                return bool(client.ping())
            except (RedisError, OSError):
                return False
