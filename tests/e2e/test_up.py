"""`python -m psms up` as an operator meets it: ready, restarted, stopped, killed; nothing is a stand-in."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.request

import pytest

from psms.embedded.addresses import free_port
from psms.embedded.leash import children_of
from tests.support.stacks import UP_COMMAND, processes_of, started_stack
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One PSMS_HOME for all: what a start leaves behind, the next one must cope with."""
    return tmp_path_factory.mktemp("up") / "home"


@pytest.fixture
def stack(home):
    with started_stack(home, UP_COMMAND) as running:
        running.until_ready(within=90)
        yield running


def _nobody_is_left(home):
    eventually(lambda: processes_of(home) == {}, within=10, what="the end of every process of the stack")


def _status(url):
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own address)
        return answer.status


def test_everything_is_up_when_it_says_so_and_ctrl_c_stops_it_all(home, stack):
    path = home / "credentials.json"
    credentials = json.loads(path.read_text(encoding="utf-8"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [_status(credentials["api_url"] + part) for part in ("/healthz", "/readyz", "/docs")] == [200] * 3
    stack.send(signal.SIGINT)
    assert stack.until_end() == 0
    _nobody_is_left(home)


def test_a_warm_start_is_ready_within_ten_seconds(home):
    with started_stack(home, UP_COMMAND) as running:
        running.until_ready(within=90)
    began = time.monotonic()
    with started_stack(home, UP_COMMAND) as running:
        running.until_ready(within=90)
        assert time.monotonic() - began < 10


def test_kill_nine_of_the_supervisor_leaves_no_process(home, stack):
    stack.send(signal.SIGKILL)
    _nobody_is_left(home)


@pytest.mark.parametrize("part", ["psms api", "--name core", "psms beat", "psms flower"])
def test_a_killed_process_of_psms_leaves_no_descendant_and_comes_back(home, stack, part):
    pid = _topmost(home, part)
    family = {pid, *_descendants(pid)}
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: family.isdisjoint(processes_of(home)), within=10)
    stack.until_line("started again")
    eventually(lambda: any(part in line for line in processes_of(home).values()), within=10)


def test_the_doctor_finds_a_running_stack_in_order(home):
    ports = {"PSMS_PORT": str(free_port()), "PSMS_FLOWER_PORT": str(free_port())}
    with started_stack(home, UP_COMMAND, ports) as running:
        running.until_ready(within=90)
        doctor = subprocess.run(
            (sys.executable, "-m", "psms", "doctor"),
            env={**os.environ, **ports, "PSMS_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert "fail" not in {line.split()[0] for line in doctor.stdout.splitlines() if line}, doctor.stdout
    assert doctor.returncode == 0
    assert f"PSMS is running here as process {running.pid}" in doctor.stdout


def test_a_stack_that_make_started_ends_with_make(home):
    starter = (sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])")
    with started_stack(home, (*starter, *UP_COMMAND, "--with-parent")) as running:
        running.until_ready(within=90)
        running.send(signal.SIGKILL)
        _nobody_is_left(home)


def _topmost(home, part):
    """Return the topmost process of a command, whose own processes may carry the same command line."""
    leashes = [pid for pid, line in processes_of(home).items() if part in line and "leash.py hold" in line]
    assert len(leashes) == 1, processes_of(home)
    [pid] = children_of(leashes[0])
    return pid


def _descendants(pid):
    for child in children_of(pid):
        yield child
        yield from _descendants(child)
