"""The leash: nothing of an application outlives it or its supervisor, however each of them ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from psms.embedded.launch import Launch, on_a_leash, tied
from psms.embedded.leash import children_of
from tests.support.stacks import processes_of
from tests.support.waiting import eventually

# A process with a child, a grandchild, and a child that fled into a session of its own.
_FAMILY = """
import signal, subprocess, sys
subprocess.Popen(["sh", "-c", "sleep 1000 & wait"])
subprocess.Popen(["sleep", "1000"], start_new_session=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("ready", flush=True)
while True: signal.pause()
"""
_FAMILY_SIZE = 6  # the leash, the process, the shell, its sleep, the fled sleep; and whoever started the leash

_SUPERVISOR = """
import os, sys, signal
from pathlib import Path
from psms.embedded.launch import Launch, on_a_leash
command = on_a_leash((sys.executable, "-c", sys.argv[1]))
Launch(command=command, directory=Path.cwd(), environment=os.environ).start()
signal.pause()
"""


@pytest.fixture
def family(tmp_path):
    """A leash, started by a supervisor, around a process with descendants."""
    supervisor = subprocess.Popen(
        tied((sys.executable, "-c", _SUPERVISOR, _FAMILY), signal.SIGKILL),
        env={**os.environ, "MARK": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    assert _first_line(supervisor) == b"ready\n"
    eventually(lambda: len(processes_of(tmp_path)) == _FAMILY_SIZE)
    yield tmp_path, supervisor
    supervisor.kill()
    supervisor.wait()


def _first_line(process):
    assert process.stdout is not None
    with process.stdout:
        return process.stdout.readline()


def _nobody_is_left(mark):
    eventually(lambda: processes_of(mark) == {}, what=f"the end of all processes with {mark}")


def test_a_killed_supervisor_takes_every_descendant_with_it(family):
    mark, supervisor = family
    supervisor.kill()
    supervisor.wait()
    _nobody_is_left(mark)


def test_a_killed_process_takes_every_descendant_with_it(family):
    mark, supervisor = family
    [leash] = children_of(supervisor.pid)
    [application] = children_of(leash)
    os.kill(application, signal.SIGKILL)
    eventually(lambda: set(processes_of(mark)) == {supervisor.pid})


def _end_of_leashed(program, tmp_path, *, sending=None):
    process = Launch(
        command=on_a_leash((sys.executable, "-c", program)), directory=tmp_path, environment=os.environ
    ).start()
    if sending is not None:
        eventually(lambda: len(processes_of(tmp_path)) >= 5)
        process.send_signal(sending)
    status = process.wait(10)
    _nobody_is_left(tmp_path)
    return status


def test_sigterm_is_passed_on_and_the_exit_status_comes_back(tmp_path):
    assert _end_of_leashed(_FAMILY, tmp_path, sending=signal.SIGTERM) == 7


def test_sigquit_kills_all_at_once(tmp_path):
    assert _end_of_leashed(_FAMILY, tmp_path, sending=signal.SIGQUIT) == 128 + signal.SIGKILL


def test_the_exit_status_of_a_killed_process_is_that_of_a_shell(tmp_path):
    program = "import os; os.kill(os.getpid(), 11)"
    assert _end_of_leashed(program, tmp_path) == 128 + signal.SIGSEGV


def test_what_a_process_left_behind_ends_with_it(tmp_path):
    program = 'import subprocess; subprocess.Popen(["sleep", "1000"], start_new_session=True)'
    assert _end_of_leashed(program, tmp_path) == 0


def test_a_program_that_does_not_exist_is_named(tmp_path):
    said = subprocess.run(on_a_leash(("no-such-program",)), capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (
        71,
        "cannot start no-such-program: No such file or directory\n",
    )


def test_a_leashed_process_obeys_the_usual_signals_again(tmp_path):
    program = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    said = subprocess.run(on_a_leash((sys.executable, "-c", program)), capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"


def test_a_tied_server_gets_its_signal_when_its_parent_dies(tmp_path):
    program = """
import signal, sys, pathlib
def stop(*_):
    pathlib.Path("stopped").touch()
    sys.exit()
signal.signal(signal.SIGINT, stop)
print("ready", flush=True)
while True: signal.pause()
"""
    starter = (
        "import sys, signal, subprocess; from psms.embedded.launch import tied\n"
        "subprocess.Popen(tied((sys.executable, '-c', sys.argv[1]), signal.SIGINT), cwd=sys.argv[2])\n"
        "signal.pause()"
    )
    parent = subprocess.Popen((sys.executable, "-c", starter, program, str(tmp_path)), stdout=subprocess.PIPE)
    assert _first_line(parent) == b"ready\n"
    parent.kill()
    parent.wait()
    eventually(Path(tmp_path, "stopped").exists)
    _nobody_is_left(tmp_path)
