"""Flower, for operators to watch workers and queues; it is told everything here and reads no settings."""

import logging
import os
import signal
import sys
from typing import NoReturn

from psms.errors import Misconfigured
from psms.settings import Settings
from workers.app import make_celery
from workers.readiness import Readiness

_MAX_TASKS = 10_000


def run_flower(settings: Settings) -> NoReturn:
    """Serve Flower until SIGTERM; ends the process.

    Raises Misconfigured without a password. Flower's `/metrics` and `/healthcheck` ask for none even so:
    publish its port on this machine, or behind a proxy that lets through neither.
    """
    if not settings.flower_password:
        raise Misconfigured(
            "set PSMS_FLOWER_PASSWORD: Flower shows what the workers do, so it asks for a user and a password"
        )
    # Flower and Tornado take a third of a second to import, so only this process does.
    from flower.app import Flower  # noqa: PLC0415
    from flower.urls import settings as web  # noqa: PLC0415

    # A 401 is how a browser learns that it must ask for the password: nothing to warn of.
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    # It asks before the first worker can answer, and again later.
    logging.getLogger("flower.inspector").setLevel(logging.ERROR)
    readiness = Readiness(settings.ready_file)
    flower = Flower(capp=make_celery(settings), options=_options(settings), **web)
    flower.start_http_server()
    readiness.ready(f"flower is ready: http://{settings.flower_host}:{settings.flower_port}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        flower.start()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        flower.stop()
    # Its threads may wait on a broker that does not answer, and nothing of theirs is worth waiting for.
    os._exit(0)


def _options(settings: Settings) -> object:
    from flower.options import default_options as options  # noqa: PLC0415 (as above)

    options.address = settings.flower_host
    options.port = settings.flower_port
    options.basic_auth = [f"{settings.flower_user}:{settings.flower_password}"]
    # Every drain is sent each second, so the default of 100,000 would keep a day of them in memory.
    options.max_tasks = _MAX_TASKS
    # Starting, stopping and resizing workers is for whoever runs the processes.
    options.read_only = True
    # Its counters start anew with it; what must last is in PostgreSQL.
    options.persistent = False
    return options
