"""An embedded Valkey: its configuration, the command that starts it, and whether it answers.

Only for development, trial and tests. When it is started and stopped is decided in `psms.embedded.children`.
"""

import os
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path

from psms.embedded.addresses import LOOPBACK
from psms.embedded.home import write_private
from psms.embedded.launch import Launch, tied

_CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir .
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
always-show-logo no
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Valkey:
    """One embedded server: where its data lie and on which port of loopback it listens."""

    directory: Path
    program: Path
    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """The server's URL with its password."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"


def launch(server: Valkey) -> Launch:
    """Return how to start the server. SIGTERM stops it in order; our death kills it, even when frozen.

    It loses nothing by that which it has answered, having written it to its file first.
    Writes its configuration to a file of mode 0600, as everybody on the machine can read a command line.
    """
    server.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = _CONFIGURATION.format(host=LOOPBACK, port=server.port, password=server.password)
    write_private(server.directory / "valkey.conf", text)
    return Launch(
        command=tied((str(server.program), "./valkey.conf"), signal.SIGKILL),
        directory=server.directory,
        environment={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
    )


def answers(server: Valkey) -> bool:
    """Answer whether the server is there, knows the password and has read its data."""
    try:
        with socket.create_connection((LOOPBACK, server.port), timeout=2) as connection:
            connection.sendall(f"AUTH {server.password}\r\nPING\r\n".encode())
            return _read_lines(connection, 2) == [b"+OK", b"+PONG"]
    except OSError:
        return False


def _read_lines(connection: socket.socket, count: int) -> list[bytes]:
    with connection.makefile("rb") as stream:
        return [stream.readline().rstrip() for _ in range(count)]
