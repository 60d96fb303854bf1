"""The load generator: a program of its own on raw sockets, so that its cost is small and can be told apart.

It reads one Load as JSON from standard input and writes one Outcome to standard output. What is asked, and what
the figures mean, is decided by whoever starts it.
"""

import json
import random
import resource
import select
import socket
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_BLOCK = 1 << 18
_PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One kind of request. A POST carries an Idempotency-Key that is new each time."""

    method: str
    path: str
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to send: with a *rate* (a second), at scheduled times; with none, the next when the last is answered."""

    port: int
    token: str
    requests: list[Asked]
    connections: int
    seconds: float
    rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came back. *latencies_ms* are sorted; at a rate they count from the scheduled time."""

    elapsed_s: float
    answered: int
    by_status: dict[str, int]
    lost: int
    connected_s: float
    cpu_s: float
    latencies_ms: list[float] = field(default_factory=list)


class _Connection:
    __slots__ = ("received", "since", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.since = 0.0

    def send(self, request: bytes, since: float) -> None:
        self.since = since
        self.socket.sendall(request)

    def status(self) -> str | None:
        """Read on; return the status of an answer that is whole, raise ConnectionError when there is no more."""
        block = self.socket.recv(_BLOCK)
        if not block:
            raise ConnectionResetError
        self.received += block
        end = self.received.find(_HEAD_END)
        if end < 0 or len(self.received) < end + len(_HEAD_END) + _body_length(self.received[:end]):
            return None
        status = self.received[9:12].decode()
        self.received = b""
        return status


def _body_length(head: bytes) -> int:
    at = head.lower().find(_LENGTH)
    return int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0


class _Generator:
    """The connections, what is under way on them, and what came back."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._templates = [_template(load.token, asked) for asked in load.requests]
        self._run = random.randbytes(8).hex()
        self._count = 0
        self._latencies: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._lost = 0
        began = time.monotonic()
        self._poll = select.epoll()
        connections = [_Connection(load.port) for _ in range(load.connections)]
        self._open = {connection.socket.fileno(): connection for connection in connections}
        for number in self._open:
            self._poll.register(number, select.EPOLLIN)
        self._connected_s = time.monotonic() - began
        self._began = time.monotonic()
        self._last = self._began

    def closed(self) -> Outcome:
        """Keep every connection busy until the time is over."""
        end = self._began + self._load.seconds
        under_way = 0
        for connection in self._open.values():
            connection.send(self._next(), time.monotonic())
            under_way += 1
        while under_way and time.monotonic() < end + _PATIENCE_S:
            for connection in self._finished(0.5):
                under_way -= 1
                if (now := time.monotonic()) < end:
                    connection.send(self._next(), now)
                    under_way += 1
        return self._outcome(under_way)

    def opened(self) -> Outcome:
        """Send at the scheduled times, each on a connection that is idle then."""
        total = int(self._load.rate * self._load.seconds)
        idle = list(self._open.values())
        sent = 0
        end = self._began + self._load.seconds + _PATIENCE_S
        while (sent < total or len(idle) < len(self._open)) and time.monotonic() < end:
            while sent < total and idle and self._scheduled(sent) <= time.monotonic():
                place = random.randrange(len(idle))
                idle[place], idle[-1] = idle[-1], idle[place]
                idle.pop().send(self._next(), self._scheduled(sent))
                sent += 1
            pause = self._scheduled(sent) - time.monotonic() if sent < total else 0.1
            idle.extend(self._finished(max(0.0, pause)))
        return self._outcome(len(self._open) - len(idle) + total - sent)

    def _scheduled(self, number: int) -> float:
        return self._began + number / self._load.rate

    def _finished(self, pause_s: float) -> list[_Connection]:
        finished = []
        for number, _ in self._poll.poll(pause_s, 1024):
            connection = self._open[number]
            try:
                status = connection.status()
            except OSError:
                self._poll.unregister(number)
                del self._open[number]
                self._lost += 1
                continue
            if status is not None:
                self._last = time.monotonic()
                self._latencies.append((self._last - connection.since) * 1000)
                self._statuses[status] += 1
                finished.append(connection)
        return finished

    def _next(self) -> bytes:
        before, after = self._templates[self._count % len(self._templates)]
        self._count += 1
        return b"%b%b-%d%b" % (before, self._run.encode(), self._count, after)

    def _outcome(self, unanswered: int) -> Outcome:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return Outcome(
            elapsed_s=self._last - self._began,
            answered=len(self._latencies),
            by_status=dict(self._statuses),
            lost=self._lost + unanswered,
            connected_s=self._connected_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            latencies_ms=sorted(self._latencies),
        )


def _template(token: str, asked: Asked) -> tuple[bytes, bytes]:
    head = f"{asked.method} {asked.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    if asked.method == "GET":
        return f"{head}X-Request-ID: ".encode(), b"\r\n\r\n"
    body = asked.body.encode()
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: "
    return head.encode(), b"\r\n\r\n" + body


def _main() -> None:
    given = json.load(sys.stdin)
    load = Load(**{**given, "requests": [Asked(**asked) for asked in given["requests"]]})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    generator = _Generator(load)
    json.dump(asdict(generator.opened() if load.rate else generator.closed()), sys.stdout)


if __name__ == "__main__":
    _main()
