"""Starts the processes of the stack in order, keeps them running, and stops them in the reverse order.

What the processes are is in `psms.embedded.stack`; the life of each one is in `psms.embedded.children`.
"""

import asyncio
import os
import signal

from psms.embedded import stack as stacks
from psms.embedded.children import Child, Program, in_words, run_to_end
from psms.embedded.output import Output
from psms.embedded.postgres import initialise
from psms.embedded.reaper import Reaper
from psms.embedded.roles import ensure_owner_and_database
from psms.embedded.running import Note, identify, remove_note, write_note
from psms.embedded.stack import Stack
from psms.errors import Misconfigured, PsmsError

_REMIND_S = 15.0
_EXPLAIN_S = 3.0
# One Ctrl-C may arrive twice, from the terminal and from a wrapper that passes it on; nobody presses twice so fast.
_SAME_KEYSTROKE_S = 0.1
_KILLED = 128 + signal.SIGINT


class Supervisor:
    """Runs one stack from start to stop."""

    def __init__(self, stack: Stack, output: Output) -> None:
        self._stack = stack
        self._output = output
        self._reaper = Reaper()
        self._servers: list[Child] = []
        self._applications: list[Child] = []
        self._stop_asked = asyncio.Event()
        self._interrupted = False
        self._next_interrupt_kills = False
        self._killed = False

    async def run(self) -> int:
        """Start everything, wait for a signal to stop, stop everything, and return the exit status.

        SIGINT, SIGTERM and SIGHUP stop in order; a SIGINT after the line `stopping` kills at once.
        """
        self._reaper.start()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal, number)
        problem = None
        try:
            problem = await self._run_until_stopped()
        finally:
            await self._stop_all()
            remove_note(self._stack.home)
        if problem:
            self._output.say(f"PSMS cannot start: {problem.detail}")
            return 1
        return _KILLED if self._killed else 0

    async def _run_until_stopped(self) -> PsmsError | None:
        start = asyncio.create_task(self._start())
        stop = asyncio.create_task(self._stop_asked.wait())
        await asyncio.wait((start, stop), return_when=asyncio.FIRST_COMPLETED)
        try:
            if start.done():
                start.result()
                await stop
        except PsmsError as problem:
            self._output.say(f"stopping: {problem.detail}")
            return problem
        finally:
            start.cancel()
            stop.cancel()
            await asyncio.wait((start, stop))
        return None

    def _on_signal(self, number: signal.Signals) -> None:
        if number != signal.SIGINT:
            self._ask_to_stop(number)
        elif not self._interrupted:
            self._interrupted = True
            # Said only when another one is no echo of this one: whoever has read it is never ignored.
            asyncio.get_running_loop().call_later(_SAME_KEYSTROKE_S, self._on_interrupt)
        elif self._next_interrupt_kills and not self._killed:
            self._kill_all()

    def _on_interrupt(self) -> None:
        self._next_interrupt_kills = True
        self._ask_to_stop(signal.SIGINT)

    def _ask_to_stop(self, number: signal.Signals) -> None:
        if not self._stop_asked.is_set():
            self._output.say(f"stopping ({number.name})")
            self._stop_asked.set()

    async def _start(self) -> None:
        stacks.renew_directories(self._stack.home)
        await self._start_servers()
        for name in ("migrate", "seed"):
            await self._run_command(name)
        self._applications = [self._child(program) for program in stacks.applications(self._stack)]
        await self._until_ready(self._applications)
        self._output.announce(stacks.announcement(self._stack))

    async def _start_servers(self) -> None:
        postgres, valkey = self._stack.postgres, self._stack.valkey
        if postgres:
            await asyncio.to_thread(initialise, postgres)
            await self._start_server(stacks.postgres_server(postgres))
            await asyncio.to_thread(ensure_owner_and_database, postgres.url(), self._stack.owner_password)
        if valkey:
            await self._start_server(stacks.valkey_server(valkey))

    async def _start_server(self, program: Program) -> None:
        server = self._child(program)
        self._servers.append(server)
        await self._until_ready([server])

    async def _run_command(self, name: str) -> None:
        status = await run_to_end(stacks.command(self._stack, name), name, self._reaper, self._output)
        if status != 0:
            log = self._stack.home.logs / f"{name}.log"
            raise Misconfigured(f"'psms {name}' failed ({in_words(status)}); what it said is above and in {log}")

    async def _until_ready(self, children: list[Child]) -> None:
        for child in children:
            child.start()
        waiting = {asyncio.create_task(child.until_ready(), name=child.program.name) for child in children}
        while waiting:
            ready, waiting = await asyncio.wait(waiting, timeout=_REMIND_S, return_when=asyncio.FIRST_EXCEPTION)
            for task in ready:
                task.result()
            if waiting:
                self._output.say(f"waiting for {_names(waiting)}")

    async def _stop_all(self) -> None:
        stopping = {asyncio.create_task(child.stop(), name=child.program.name) for child in self._applications}
        while stopping:
            _, stopping = await asyncio.wait(stopping, timeout=_EXPLAIN_S)
            if stopping:
                self._output.say(f"waiting for {_names(stopping)} to finish what was begun; Ctrl-C again kills")
        for server in reversed(self._servers):
            await server.stop()
        self._output.say("stopped")

    def _kill_all(self) -> None:
        self._killed = True
        self._output.say("killing everything at once")
        for child in self._children:
            child.end_at_once()

    @property
    def _children(self) -> list[Child]:
        return [*self._servers, *self._applications]

    def _child(self, program: Program) -> Child:
        return Child(program, self._reaper, self._output, on_start=self._write_note)

    def _write_note(self) -> None:
        pids = [("psms", os.getpid()), *((child.program.name, child.pid) for child in self._children)]
        processes = (identify(name, pid) for name, pid in pids if pid is not None)
        note = Note(processes=tuple(filter(None, processes)), environment=self._stack.variables)
        write_note(self._stack.home, note)


def _names(tasks: set[asyncio.Task[None]]) -> str:
    return ", ".join(sorted(task.get_name() for task in tasks))
