"""The API's server: granian with several processes of the one WSGI application, which is `api.wsgi`."""

import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from psms.cli.lazy import load
from psms.embedded.leash import die_with_parent
from psms.settings import Settings

# Connections that the kernel holds until a process accepts them.
_BACKLOG = 4096
# Requests in hand at the end are finished, but none may keep the process from ending.
_STOP_WITHIN_S = 15
# Granian's own lines go where ours go; each request's line is the application's.
_LOGS = {"loggers": {"_granian": {"handlers": [], "propagate": True}}}


def serve_api(settings: Settings) -> None:
    """Serve until SIGTERM. A process that dies is replaced; all of them die with this one."""
    # Imported once here rather than in each process, and before any connection or thread exists to be forked.
    load("api.app:create_app")
    load("workflows.boot:runtime_for")
    server = Server(
        "api.wsgi:app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.api_workers,
        # More threads in a process only wait for the same interpreter: measured, and slower.
        blocking_threads=1,
        # It bounds open connections, idle ones too, so the default of backlog / workers refuses browsers.
        backpressure=settings.api_backpressure,
        backlog=_BACKLOG,
        log_level=LogLevels.warning,
        log_dictconfig=_LOGS,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_WITHIN_S,
    )
    server.serve(target_loader=partial(_application, os.getpid()), wrap_loader=False)


def _application(master: int) -> Callable[..., Any]:
    """Return the WSGI application, in a process of its own that does not outlive *master*."""
    # Until granian sets its own, the master's inherited handlers would swallow the wish to end.
    for wish in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wish, signal.SIG_DFL)
    # Nothing is lost by the abrupt end: what was answered with 2xx is committed.
    die_with_parent(master, signal.SIGKILL)
    return load("api.wsgi:app")
