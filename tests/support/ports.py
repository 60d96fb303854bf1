"""Ports for servers that tests start: each is given out once. Those that PSMS chooses by itself are higher."""

import os
from itertools import count

from psms.embedded.addresses import LOOPBACK, is_free

# PSMS chooses from 15,000 on. Between choosing one and taking it many seconds may pass, in which other servers choose.
_LOWEST, _EACH, _PROCESSES = 10_000, 1_250, 4
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PROCESSES
# Where it begins differs from run to run, for two that run beside one another.
_numbers = count(os.getpid())


def own_port() -> int:
    """Return a port of loopback that is free, and that nobody of this run of the tests gets a second time."""
    for _ in range(_EACH):
        port = _LOWEST + _worker * _EACH + next(_numbers) % _EACH
        if is_free(LOOPBACK, port):
            return port
    message = f"none of the {_EACH} ports of this process is free"
    raise AssertionError(message)
