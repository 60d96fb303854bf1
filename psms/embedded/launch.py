"""How a process of the stack is started: its command line, directory, environment, and leash.

Says nothing about when to start it or what to do when it ends; that is `psms.embedded.children`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LEASH = str(Path(__file__).with_name("leash.py"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One command, ready to be started by this process. Its children die with this process, in every case."""

    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]

    def start(self, output: int | None = None) -> subprocess.Popen[bytes]:
        """Start it in a session of its own, writing to the descriptor *output* (else to our own).

        The kernel ties the new process to the *thread* that calls this: call it from one that lasts.
        """
        return subprocess.Popen(
            self.command,
            cwd=self.directory,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            start_new_session=True,
        )


def on_a_leash(command: tuple[str, ...]) -> tuple[str, ...]:
    """Wrap an application's *command* so that no descendant outlives it or this process.

    SIGTERM asks it to stop; SIGQUIT kills it with all its descendants.
    """
    return (sys.executable, "-I", "-S", _LEASH, "hold", str(os.getpid()), "--", *command)


def tied(command: tuple[str, ...], at_our_death: signal.Signals, identity: str = "same") -> tuple[str, ...]:
    """Wrap a server's *command* so that it gets *at_our_death* when this process dies.

    *identity* says as whom it runs, in the words of `psms.embedded.leash`.
    """
    details = (str(os.getpid()), str(int(at_our_death)), identity)
    return (sys.executable, "-I", "-S", _LEASH, "become", *details, "--", *command)
