"""PSMS_HOME, its secrets and its lock, the ports that are kept in it, and the note of a running stack."""

import json
import os
import socket
import stat
import subprocess
import sys

import pytest

from psms.embedded.addresses import free_port, is_free, keep_port, refuse_taken
from psms.embedded.home import Home, keep_secrets, locked, prepare_home
from psms.embedded.running import (
    Note,
    Process,
    identify,
    outlive_last_stack,
    read_note,
    running_stack,
    write_note,
)
from psms.errors import Misconfigured


@pytest.fixture
def home(tmp_path):
    return prepare_home(tmp_path / "a" / "home")


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_this_user_only(home):
    assert {path.name: _mode(path) for path in (home.root, *home.root.iterdir())} == {
        "home": 0o700,
        "logs": 0o700,
        "run": 0o700,
        "valkey": 0o700,
    }


def test_a_place_where_one_cannot_write_is_refused_with_advice(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match=r"cannot write there .*set PSMS_HOME to a directory of your own"):
        prepare_home(tmp_path / "file" / "home")


def test_secrets_are_made_once_and_kept(home):
    first = keep_secrets(home)
    assert keep_secrets(home) == first
    values = json.loads(home.secrets_file.read_text()).values()
    assert len(set(values)) == 5
    assert all(len(value) >= 32 for value in values)


def test_secrets_that_others_could_read_are_closed_to_them(home):
    keep_secrets(home)
    home.secrets_file.chmod(0o644)
    keep_secrets(home)
    assert _mode(home.secrets_file) == 0o600


@pytest.mark.parametrize("text", ["", "[]", '{"postgres": "x"}', "{"])
def test_secrets_that_cannot_be_understood_are_not_replaced(home, text):
    home.secrets_file.write_text(text)
    with pytest.raises(Misconfigured, match="restore it from a backup"):
        keep_secrets(home)
    assert home.secrets_file.read_text() == text


def test_the_lock_admits_one_and_is_free_again_afterwards(home):
    with locked(home):
        with pytest.raises(Misconfigured, match=f"as process {os.getpid()}"), locked(home):
            pass
        assert home.lock_file.read_text() == str(os.getpid())
    with locked(home):
        pass


def test_a_port_is_kept_while_it_is_free_and_replaced_when_it_is_taken(home):
    port = keep_port(home, "postgres")
    other = keep_port(home, "valkey")
    assert (keep_port(home, "postgres"), keep_port(home, "valkey")) == (port, other)
    with socket.create_server(("127.0.0.1", port)):
        assert keep_port(home, "postgres") != port
    assert keep_port(home, "valkey") == other


def test_a_chosen_port_is_none_that_the_kernel_gives_to_clients():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:  # noqa: PTH123
        lowest = int(file.read().split()[0])
    assert all(15_000 <= free_port() < max(lowest, 16_000) for _ in range(20))


def test_a_port_of_a_connection_that_just_closed_is_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            connection, _ = server.accept()
            connection.close()
        assert not is_free("127.0.0.1", port)
    assert is_free("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("127.0.0.1", 70_000, "PSMS_PORT is 70000, and ports go from 1 to 65535"),
        ("127.0.0.1", 0, "PSMS_PORT is 0, and ports"),
        ("192.0.2.1", 8000, "nothing can listen on port 8000 of 192.0.2.1"),
    ],
)
def test_an_impossible_address_is_refused_with_its_variable(host, port, reason):
    with pytest.raises(Misconfigured, match=reason) as refusal:
        refuse_taken(host, port, "PSMS_PORT")
    assert "PSMS_PORT" in refusal.value.detail


def _note_of(*processes):
    return Note(processes=processes, environment={"DATABASE_URL": "postgresql://x"})


def test_a_note_is_read_as_it_was_written_and_only_by_this_user(home):
    assert read_note(home) is None
    note = _note_of(Process(name="psms", pid=os.getpid(), started=1))
    write_note(home, note)
    assert read_note(home) == note
    assert _mode(home.run / "stack.json") == 0o600


def test_a_stack_runs_while_its_very_supervisor_does(home):
    this = identify("psms", os.getpid())
    assert this is not None
    write_note(home, _note_of(this))
    assert running_stack(home) == _note_of(this)
    write_note(home, _note_of(Process(name="psms", pid=this.pid, started=this.started + 1)))
    assert running_stack(home) is None


def test_what_an_earlier_stack_left_behind_is_killed_but_not_a_later_process_with_its_id(home):
    idle = (sys.executable, "-c", "import signal; signal.pause()")
    with subprocess.Popen(idle) as left, subprocess.Popen(idle) as other:
        behind = identify("postgres", left.pid)
        assert behind is not None
        stranger = Process(name="valkey", pid=other.pid, started=1)
        write_note(home, _note_of(behind, stranger))
        assert outlive_last_stack(home, patience_s=0.1) == [behind]
        assert left.wait(5) == -9
        assert other.poll() is None
        other.kill()


def test_nothing_is_known_of_a_stack_where_none_ever_ran(tmp_path):
    assert running_stack(Home(root=tmp_path)) is None
    assert outlive_last_stack(Home(root=tmp_path)) == []
