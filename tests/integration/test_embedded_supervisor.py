"""The supervisor, on real servers and with stand-ins for PSMS: it starts, restarts and stops them all."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from psms.embedded.launch import tied
from psms.embedded.leash import children_of
from tests.support.ports import own_port
from tests.support.stacks import STANDIN_COMMAND, process_of, processes_of, started_stack
from tests.support.waiting import eventually


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def stack(home):
    with started_stack(home) as running:
        running.until_ready()
        yield running


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """One stack for the tests that leave it running."""
    with started_stack(tmp_path_factory.mktemp("lasting") / "home") as running:
        running.until_ready()
        yield running


def _nobody_is_left(home):
    eventually(lambda: processes_of(home) == {}, within=10, what="the end of every process of the stack")


def _variables_of(home, part):
    text = Path(f"/proc/{process_of(home, part)}/environ").read_text(encoding="utf-8")
    return dict(line.split("=", 1) for line in text.split("\0") if line)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(home, stack, number):
    stack.send(number)
    assert stack.until_end() == 0
    assert f"stopping ({number.name})" in stack.until_line("stopping")
    assert "stopped" in stack.lines[-1]
    _nobody_is_left(home)
    said = "\n".join(stack.lines)
    order = [said.index(part) for part in ("User requested shutdown", "received fast shutdown request")]
    assert order == sorted(order)
    assert "database system is shut down" in (home / "logs" / "postgres.log").read_text()
    assert not (home / "run" / "stack.json").exists()


def test_it_starts_servers_then_migrates_then_seeds_then_starts_the_rest(lasting):
    said = "\n".join(lasting.lines)
    steps = ("ready to accept connections", "Ready to accept", "migrate began", "seed began", "api began")
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)
    assert lasting.lines.index("PSMS is ready") > max(
        index for index, line in enumerate(lasting.lines) if "began" in line
    )


def test_lines_carry_time_and_name_and_are_kept_in_log_files(lasting):
    time, name, bar, *words = lasting.until_line("api began").split()
    assert (len(time), name, bar, words) == (8, "api", "|", ["api", "began"])
    assert (lasting.home / "logs" / "api.log").read_text() == "api began\n"


def test_a_second_start_is_refused_and_names_the_first(lasting):
    with started_stack(lasting.home) as second:
        assert second.until_end() == 1
    assert f"PSMS already runs on {lasting.home}, as process {lasting.pid}" in second.lines[-1]
    assert f"'kill {lasting.pid}'" in second.lines[-1]


def test_kill_nine_of_the_supervisor_leaves_no_process_and_the_next_start_works_at_once(home, stack):
    before = _variables_of(home, "standin.py api")
    stack.send(signal.SIGKILL)
    with started_stack(home) as second:
        second.until_ready()
        after = _variables_of(home, "standin.py api")
        assert after["DATABASE_URL"] == before["DATABASE_URL"]
    assert second.until_end() == 0
    _nobody_is_left(home)


def test_kill_nine_of_the_supervisor_alone_is_enough(home, stack):
    stack.send(signal.SIGKILL)
    _nobody_is_left(home)


def test_a_frozen_process_of_a_killed_supervisor_is_killed_by_the_next_start(home, stack):
    postmaster = process_of(home, "postgres -D")
    os.kill(postmaster, signal.SIGSTOP)
    stack.send(signal.SIGKILL)
    with started_stack(home) as second:
        second.until_ready()
    assert f"killed postgres, process {postmaster}" in second.until_line("killed")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("postgres", "postgres -D"),
        ("valkey", "valkey-server"),
        ("api", "standin.py api"),
        ("webhooks", "--name webhooks"),
        ("beat", "standin.py beat"),
    ],
)
def test_what_crashes_is_started_again(lasting, name, part):
    before = process_of(lasting.home, part)
    os.kill(before, signal.SIGKILL)
    lasting.until_line(f"| {name} ended (killed by SIGKILL) and is started again in 0.5 s")

    def is_back():
        found = [pid for pid, line in processes_of(lasting.home).items() if part in line and "leash" not in line]
        return before not in found and len(found) == 1

    eventually(is_back)


def test_a_killed_leash_takes_its_descendants_with_it_and_is_started_again(lasting):
    core = process_of(lasting.home, "--name core")
    family = {core, *children_of(core)}
    assert len(family) == 3
    leash = int(Path(f"/proc/{core}/stat").read_text().split()[3])
    os.kill(leash, signal.SIGKILL)
    lasting.until_line("| core ended (killed by SIGKILL)")
    eventually(lambda: family.isdisjoint(processes_of(lasting.home)))
    eventually(lambda: any("--name core" in line for line in processes_of(lasting.home).values()))


def test_what_crashes_again_and_again_is_started_ever_later(home, stack):
    (home / "beat.fails").write_text("3")
    os.kill(process_of(home, "standin.py beat"), signal.SIGKILL)
    stack.until_line("started again in 2 s")
    pauses = [line.partition("beat ended ")[2] for line in stack.lines if "beat ended" in line]
    assert pauses == [
        "(killed by SIGKILL) and is started again in 0.5 s",
        "(exit status 3) and is started again in 1 s",
        "(exit status 3) and is started again in 2 s",
    ]


def test_one_keystroke_that_arrives_twice_stops_in_order(home):
    with started_stack(home) as stack:
        stack.until_ready()
        stack.send(signal.SIGINT)
        stack.send(signal.SIGINT)

        assert stack.until_end() == 0
        assert [line.partition("| ")[2] for line in stack.lines if "killing" in line or "stopping" in line] == [
            "stopping (SIGINT)"
        ]
    _nobody_is_left(home)


def test_a_second_ctrl_c_kills_at_once(home):
    home.mkdir()
    (home / "api.stubborn").touch()
    with started_stack(home) as stack:
        stack.until_ready()
        stack.send(signal.SIGINT)
        stack.until_line("stopping")
        stack.send(signal.SIGINT)

        stack.until_line("killing everything at once")
        assert stack.until_end(within=8) == 128 + signal.SIGINT
    _nobody_is_left(home)


@pytest.mark.parametrize("command", ["migrate", "seed"])
def test_a_failing_preparation_stops_everything_and_says_so(home, command):
    home.mkdir()
    (home / f"{command}.fails").write_text("4")
    with started_stack(home) as stack:
        assert stack.until_end() == 1
    line = stack.until_line("PSMS cannot start")
    log = home / "logs" / f"{command}.log"
    assert line.endswith(
        f"PSMS cannot start: 'psms {command}' failed (exit status 4); what it said is above and in {log}"
    )
    assert log.read_text() == f"{command} began\n"
    _nobody_is_left(home)


def test_a_process_that_never_becomes_ready_stops_everything_and_is_named(home):
    home.mkdir()
    (home / "beat.fails").write_text("5")
    with started_stack(home) as stack:
        assert stack.until_end() == 1
    assert "beat ended 5 times and was never ready" in stack.until_line("PSMS cannot start")
    _nobody_is_left(home)


@pytest.mark.parametrize("variable", ["PSMS_PORT", "PSMS_FLOWER_PORT"])
def test_a_taken_port_is_named_with_its_variable_before_anything_starts(home, variable):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with started_stack(home, variables={variable: str(port)}) as stack:
            assert stack.until_end() == 1
    assert stack.lines == [
        f"port {port} of 127.0.0.1 is taken by another program: stop it, or set {variable} to a free port"
    ]
    assert not (home / "postgres").exists()


def test_it_runs_and_stops_cleanly_although_nobody_reads_what_it_prints(home):
    ports = {"PSMS_PORT": str(own_port()), "PSMS_FLOWER_PORT": str(own_port())}
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        tied(STANDIN_COMMAND, signal.SIGTERM),
        env={**os.environ, **ports, "PSMS_HOME": str(home)},
        stdout=writing,
        stderr=subprocess.PIPE,
    ) as supervisor:
        os.close(writing)
        eventually((home / "run" / "ready" / "beat").exists, within=30)
        supervisor.send_signal(signal.SIGTERM)
        _, errors = supervisor.communicate(timeout=30)
    assert (supervisor.returncode, errors) == (0, b"")
    _nobody_is_left(home)
