"""A partner in a process of its own, and what it got. Nothing is judged here.

It answers /hook at once, one in twenty on /fails with an error, and nobody on /hangs. As a program,
`python -m bench.receiving`, it prints its port, then for each line that it reads what it got so far.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from tests.support.delays import delays_of
from tests.support.receiver import Answer, Receiver

_SCRIPT = 50_000
_ERRORS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What a partner has received: requests, the events in them, their sequences, and the sorted delays in ms."""

    requests: int
    ids: list[str]
    sequences: list[int]
    delays_ms: list[float]


class Partner:
    """The partner as who measures sees it."""

    def __init__(self, program: "subprocess.Popen[str]", port: int) -> None:
        """Speak with a *program* that listens on *port*."""
        self._program = program
        self._port = port

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self._port}{path}"

    def got(self, path: str, *, without: Iterable[str] = ()) -> Got:
        """Return what came to a path so far, *without* those events."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps([path, list(without)]) + "\n")
        self._program.stdin.flush()
        return Got(**json.loads(self._program.stdout.readline()))


@contextmanager
def running_partner() -> Iterator[Partner]:
    """Run one."""
    command = (sys.executable, "-m", "bench.receiving")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        yield Partner(program, int(program.stdout.readline()))
        assert program.stdin is not None
        program.stdin.close()


def _main() -> None:
    with Receiver() as receiver:
        receiver.answer("/fails", *[Answer(status=500 if random.random() < _ERRORS else 200) for _ in range(_SCRIPT)])
        receiver.answer("/hangs", Answer(hang=True))
        sys.stdout.write(f"{receiver.port}\n")
        sys.stdout.flush()
        for line in sys.stdin:
            sys.stdout.write(json.dumps(asdict(_got(receiver, *json.loads(line)))) + "\n")
            sys.stdout.flush()


def _got(receiver: Receiver, path: str, without: list[str]) -> Got:
    known = {"", *without}
    there = (one for one in tuple(receiver.received) if one.path == path)
    received = [one for one in there if one.headers.get("webhook-id", "") not in known]
    return Got(
        requests=len(received),
        ids=sorted({one.headers["webhook-id"] for one in received}),
        sequences=sorted({int(one.headers["webhook-sequence"]) for one in received}),
        delays_ms=[delay * 1000 for delay in delays_of(received)],
    )


if __name__ == "__main__":
    _main()
