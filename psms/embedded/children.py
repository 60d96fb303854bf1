"""The life of one process of the stack: started, watched until ready, started again when it ends, stopped.

Which processes there are, and in what order they start and stop, is decided in `psms.embedded.supervisor`.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from psms.embedded.launch import Launch
from psms.embedded.output import Lines, Output
from psms.embedded.reaper import Reaper
from psms.errors import Misconfigured

_SHORTEST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_GOOD_RUN_S = 60.0
_POLL_S = 0.05
_CHUNK = 65_536
_LAST_WORDS_S = 1.0
_KILL_S = 5.0
_STARTS_WITHOUT_READY = 5
CANNOT_START = 71  # sysexits.h: EX_OSERR


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a process of the stack is: how it is started, how it says that it is ready, and how it is stopped.

    `stop` asks it to end in order; it has `grace_s` seconds for that, then `kill` is sent, and at last
    SIGKILL.
    """

    name: str
    launch: Callable[[], Launch]
    is_ready: Callable[[], Awaitable[bool]]
    stop: signal.Signals = signal.SIGTERM
    kill: signal.Signals = signal.SIGQUIT
    grace_s: float = 10.0


class Backoff:
    """How long to wait before the next start: 0.5 s, doubled after every short run, at most 30 s."""

    def __init__(self) -> None:
        self._pause_s = _SHORTEST_PAUSE_S

    def after(self, run_s: float) -> float:
        """Return the pause after a run of *run_s* seconds; one of a minute or more begins the series anew."""
        if run_s >= _GOOD_RUN_S:
            self._pause_s = _SHORTEST_PAUSE_S
        pause, self._pause_s = self._pause_s, min(self._pause_s * 2, _LONGEST_PAUSE_S)
        return pause


class Child:
    """A process that is kept running until it is told to stop."""

    def __init__(
        self, program: Program, reaper: Reaper, output: Output, *, on_start: Callable[[], None] = lambda: None
    ) -> None:
        self.program = program
        self._reaper = reaper
        self._output = output
        self._on_start = on_start
        self._process: subprocess.Popen[bytes] | None = None
        self._life: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._first_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int | None:
        """The process id while it runs: the server's own, or that of the application's leash."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Begin to keep it running."""
        self._life = asyncio.create_task(self._keep_running(), name=self.program.name)

    async def until_ready(self) -> None:
        """Return when it has been ready for the first time.

        Raises Misconfigured when it ended five times before that, or answers that it will never be ready.
        """
        await asyncio.shield(self._first_ready)

    async def stop(self) -> None:
        """Ask it to end, insist after its grace, and return when it has ended."""
        self._stopping.set()
        self._first_ready.cancel()
        if self._life is None:
            return
        for sent, patience_s in (
            (self.program.stop, self.program.grace_s),
            (self.program.kill, _KILL_S),
            (signal.SIGKILL, _KILL_S),
        ):
            self._send(sent)
            ended, _ = await asyncio.wait((self._life,), timeout=patience_s)
            if ended:
                return
            self._output.say(f"{self.program.name} has not ended {patience_s:g} s after {sent.name}")

    def end_at_once(self) -> None:
        """End it without grace; `stop`, waiting meanwhile, returns when it has ended."""
        self._stopping.set()
        self._send(self.program.kill)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    async def _keep_running(self) -> None:
        backoff = Backoff()
        starts = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            starts += 1
            status = await self._run_once()
            if self._stopping.is_set():
                return
            if starts >= _STARTS_WITHOUT_READY and not self._first_ready.done():
                self._give_up()
                return
            pause_s = backoff.after(time.monotonic() - began)
            self._output.say(f"{self.program.name} ended ({in_words(status)}) and is started again in {pause_s:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)

    def _give_up(self) -> None:
        name = self.program.name
        sentence = f"{name} ended {_STARTS_WITHOUT_READY} times and was never ready: what it said is above"
        self._first_ready.set_exception(Misconfigured(sentence))

    async def _run_once(self) -> int:
        try:
            self._process, written = start_with_output(self.program.launch(), self.program.name, self._output)
        except OSError as problem:
            self._output.say(f"{self.program.name} cannot be started: {problem}")
            return CANNOT_START
        self._on_start()
        watch = asyncio.create_task(self._watch_until_ready())
        try:
            return await self._reaper.end_of(self._process)
        finally:
            watch.cancel()
            self._process = None
            await self._reaper.end_strays()
            await last_words(written)

    async def _watch_until_ready(self) -> None:
        try:
            while not await self.program.is_ready():  # noqa: ASYNC110 (another process becomes ready)
                await asyncio.sleep(_POLL_S)
        except Misconfigured as problem:
            if not self._first_ready.done():
                self._first_ready.set_exception(problem)
        else:
            if not self._first_ready.done():
                self._first_ready.set_result(None)


async def run_to_end(launch: Launch, name: str, reaper: Reaper, output: Output) -> int:
    """Run a command that ends by itself, on a leash, and return its exit status; cancelled, it is killed."""
    process, written = start_with_output(launch, name, output)
    end = reaper.end_of(process)
    try:
        return await asyncio.shield(end)
    finally:
        process.send_signal(signal.SIGQUIT)
        await asyncio.wait((end,), timeout=_KILL_S)
        await reaper.end_strays()
        await last_words(written)


def start_with_output(launch: Launch, name: str, output: Output) -> tuple[subprocess.Popen[bytes], asyncio.Task[None]]:
    """Start a process and pass its lines to *output*; the task ends when nobody can write there any more."""
    reading, writing = os.pipe()
    try:
        process = launch.start(writing)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return process, asyncio.create_task(_pass_on(reading, name, output))


async def _pass_on(descriptor: int, name: str, output: Output) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    lines = Lines()

    def take() -> None:
        chunk = os.read(descriptor, _CHUNK)
        for line in lines.feed(chunk) if chunk else lines.finish():
            output.line(name, line)
        if not chunk:
            ended.set()
            loop.remove_reader(descriptor)

    loop.add_reader(descriptor, take)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def last_words(written: asyncio.Task[None]) -> None:
    """Wait a moment for what an ended process wrote last."""
    await asyncio.wait((written,), timeout=_LAST_WORDS_S)
    written.cancel()


def in_words(status: int) -> str:
    """Describe an exit status as `subprocess` or a shell gives it."""
    number = -status if status < 0 else status - 128
    if number > 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(number).name}"
    return f"exit status {status}"
