"""TCP ports: choosing free ones and keeping them, and telling which wanted one is taken.

Only ports of this machine; the addresses of servers that the user brought are in `psms.embedded.existing`.
"""

import errno
import json
import secrets
import socket
from pathlib import Path

from psms.embedded.home import Home, write_private
from psms.errors import Misconfigured
from psms.settings import Settings

LOOPBACK = "127.0.0.1"
_LOWEST = 15_000
_HIGHEST = 65_535
_ATTEMPTS = 200
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_EPHEMERAL = 32_768


def keep_port(home: Home, name: str) -> int:
    """Return the port of the server *name*: that of the last start if it is still free, else a new one."""
    kept = _kept_ports(home)
    port = kept.get(name)
    if port is None or not is_free(LOOPBACK, port):
        port = free_port()
        write_private(_file(home), json.dumps({**kept, name: port}))
    return port


def free_port() -> int:
    """Return a free port of loopback, below those that the kernel gives to outgoing connections.

    A client that keeps trying to reach a stopped server whose port lies among those ends up, by TCP's
    simultaneous open, connected to itself, and the server cannot take its port again.
    """
    highest = max(_lowest_ephemeral(), _LOWEST + 1_000)
    for _ in range(_ATTEMPTS):
        port = _LOWEST + secrets.randbelow(highest - _LOWEST)
        if is_free(LOOPBACK, port):
            return port
    raise Misconfigured(f"no free TCP port was found between {_LOWEST} and {highest}: stop what holds them")


def is_free(host: str, port: int) -> bool:
    """Answer whether a server could listen on *port* of *host* now."""
    try:
        _bind(host, port)
    except OSError:
        return False
    return True


def refuse_taken(host: str, port: int, variable: str) -> None:
    """Raise Misconfigured, naming *variable*, unless a server could listen on *port* of *host* now."""
    if not 0 < port <= _HIGHEST:
        raise Misconfigured(f"{variable} is {port}, and ports go from 1 to {_HIGHEST}: set it to one of them")
    try:
        _bind(host, port)
    except OSError as problem:
        raise Misconfigured(_why_not(problem, host, port, variable)) from problem


def same_port(settings: Settings) -> str:
    """Return what to do where API and Flower are to listen on one port of one address, nothing where they are not."""
    if (settings.host, settings.port) != (settings.flower_host, settings.flower_port):
        return ""
    return f"PSMS_PORT and PSMS_FLOWER_PORT are both {settings.port}: set one of them to another port"


def _why_not(problem: OSError, host: str, port: int, variable: str) -> str:
    if problem.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken by another program: stop it, or set {variable} to a free port"
    if problem.errno == errno.EACCES:
        return f"this user may not listen on port {port}: set {variable} to a port from 1024 on"
    return f"nothing can listen on port {port} of {host} ({problem.strerror}): correct the address or {variable}"


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as trial:
        # As servers do: connections that linger from the last start do not hold the port.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)


def _lowest_ephemeral() -> int:
    try:
        return int(_EPHEMERAL.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _USUAL_EPHEMERAL


def _kept_ports(home: Home) -> dict[str, int]:
    try:
        return {str(name): int(port) for name, port in json.loads(_file(home).read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _file(home: Home) -> Path:
    return home.run / "ports.json"
