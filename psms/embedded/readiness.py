"""How a process says that it is ready: by an HTTP answer, an open port, or a file that it touches."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

Question = Callable[[], Awaitable[bool]]

_PATIENCE_S = 3.0
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared with, not listened on)


def by_http(host: str, port: int, path: str) -> Question:
    """Return the question whether a GET of *path* is answered with status 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()

    async def ask() -> bool:
        reader, writer = await asyncio.open_connection(reachable(host), port)
        try:
            writer.write(request)
            return b" 200 " in await reader.readline()
        finally:
            writer.close()

    return lambda: _in_time(ask())


def by_port(host: str, port: int) -> Question:
    """Return the question whether somebody listens on *port*."""

    async def ask() -> bool:
        _, writer = await asyncio.open_connection(reachable(host), port)
        writer.close()
        return True

    return lambda: _in_time(ask())


def by_file(path: Path) -> Question:
    """Return the question whether *path* exists. Whoever starts the process removes it first."""

    async def ask() -> bool:
        return path.exists()  # noqa: ASYNC240 (one stat of a local file)

    return ask


def by_asking(question: Callable[[], bool]) -> Question:
    """Return *question*, which may wait on a socket, as one that does not hold up the event loop."""

    async def ask() -> bool:
        return await asyncio.to_thread(question)

    return ask


def reachable(host: str) -> str:
    """Return the address at which a server that listens on *host* is reached from this machine."""
    return _WILDCARDS.get(host, host)


async def _in_time(answer: Awaitable[bool]) -> bool:
    try:
        return await asyncio.wait_for(answer, _PATIENCE_S)
    except (OSError, TimeoutError):
        return False
