"""`python -m psms up` as an operator meets it: ready, restarted, stopped, killed; nothing is a stand-in."""

import json
import os
import signal
import stat
import subprocess
import sys
import urllib.request

import pytest

from psms.embedded.leash import children_of
from tests.support.ports import own_port
from tests.support.stacks import UP_COMMAND, processes_of, started_stack
from tests.support.waiting import eventually

_FIRST_START_S = 90.0


@pytest.fixture(scope="module")
def ports():
    return {"PSMS_PORT": str(own_port()), "PSMS_FLOWER_PORT": str(own_port())}


@pytest.fixture(scope="module")
def stack(tmp_path_factory, ports):
    """One stack for all tests that leave it running."""
    with started_stack(tmp_path_factory.mktemp("up") / "home", UP_COMMAND, ports) as running:
        running.until_ready(within=_FIRST_START_S)
        yield running


def _nobody_is_left(home):
    eventually(lambda: processes_of(home) == {}, within=10, what="the end of every process of the stack")


def _status(url):
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own address)
        return answer.status


def _credentials(home):
    return json.loads((home / "credentials.json").read_text(encoding="utf-8"))


def test_everything_is_up_when_it_says_so(stack):
    assert stat.S_IMODE((stack.home / "credentials.json").stat().st_mode) == 0o600
    address = _credentials(stack.home)["api_url"]
    assert [_status(address + part) for part in ("/healthz", "/readyz", "/docs")] == [200, 200, 200]


def test_the_doctor_finds_it_in_order(stack, ports):
    doctor = subprocess.run(
        (sys.executable, "-m", "psms", "doctor"),
        env={**os.environ, **ports, "PSMS_HOME": str(stack.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert {line.split()[0] for line in doctor.stdout.splitlines()[:-2]} == {"ok"}, doctor.stdout
    assert doctor.returncode == 0
    assert f"PSMS is running here as process {stack.pid}" in doctor.stdout


@pytest.mark.parametrize(
    ("name", "part"),
    [("api", "psms api"), ("core", "--name core"), ("beat", "psms beat"), ("flower", "psms flower")],
)
def test_a_killed_process_leaves_no_descendant_and_is_started_again(stack, name, part):
    pid = _topmost(stack.home, part)
    family = {pid, *_descendants(pid)}
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: family.isdisjoint(processes_of(stack.home)), within=10)
    stack.until_line(f"{name} ended (killed by SIGKILL) and is started again in 0.5 s")
    eventually(lambda: any(part in line for line in processes_of(stack.home).values()), within=10)


# Three starts under load take longer than a test usually may.
@pytest.mark.timeout(300)
def test_whatever_ends_it_the_next_start_has_the_same_data_and_no_process_is_left(tmp_path):
    _end_with_its_make(tmp_path)
    first = _credentials(tmp_path)
    _end_by_ctrl_c(tmp_path)
    second = _credentials(tmp_path)
    _end_by_kill_nine(tmp_path)
    third = _credentials(tmp_path)

    kept = ("organization_id", "client_id", "client_secret", "flower_password", "users")
    assert [first[name] for name in kept] == [second[name] for name in kept] == [third[name] for name in kept]


def _end_with_its_make(home):
    """Start it from a make that is then killed: it must end in order."""
    make = (sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])")
    with started_stack(home, (*make, *UP_COMMAND, "--with-parent")) as running:
        running.until_ready(within=_FIRST_START_S)
        running.send(signal.SIGKILL)
        _nobody_is_left(home)
    assert "database system is shut down" in (home / "logs" / "postgres.log").read_text()


def _end_by_ctrl_c(home):
    with started_stack(home, UP_COMMAND) as running:
        running.until_ready(within=_FIRST_START_S)
        running.send(signal.SIGINT)
        assert running.until_end() == 0
    _nobody_is_left(home)


def _end_by_kill_nine(home):
    with started_stack(home, UP_COMMAND) as running:
        running.until_ready(within=_FIRST_START_S)
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
