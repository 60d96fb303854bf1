"""Learning that a child ended, and ending what it left behind; for the supervisor's event loop."""

import asyncio
import contextlib
import os
import signal
import subprocess

from psms.embedded.leash import adopt_orphans, children_of

_POLL_S = 0.01
_PATIENCE_S = 5.0


class Reaper:
    """Answers, for each process given to it, the status with which that process ends.

    Rests on SIGCHLD and not on pidfds, which kernels before 5.3 do not have.
    """

    def __init__(self) -> None:
        self._awaited: dict[subprocess.Popen[bytes], asyncio.Future[int]] = {}

    def start(self) -> None:
        """Listen for ended children and adopt orphans from now on; only in the main thread's event loop."""
        adopt_orphans()
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._collect)

    def end_of(self, process: subprocess.Popen[bytes]) -> asyncio.Future[int]:
        """Return the exit status that *process* will have; minus the signal where one killed it."""
        future = asyncio.get_running_loop().create_future()
        self._awaited[process] = future
        self._collect()  # it may have ended before it was given to us
        return future

    async def end_strays(self) -> None:
        """Kill the processes that came to us since the child that should have ended them was killed."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE_S
        while (strays := self._strays()) and asyncio.get_running_loop().time() < deadline:
            for pid in strays:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 (answers at once)
            await asyncio.sleep(_POLL_S)

    def _strays(self) -> set[int]:
        return set(children_of(os.getpid())) - {process.pid for process in self._awaited}

    def _collect(self) -> None:
        for process, future in tuple(self._awaited.items()):
            status = process.poll()
            if status is not None:
                del self._awaited[process]
                if not future.done():
                    future.set_result(status)
