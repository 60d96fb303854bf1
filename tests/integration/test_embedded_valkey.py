"""The embedded Valkey: what it acknowledged survives its end, and it can hang, for the fault tests."""

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests.support.servers import running_valkey
from tests.support.stacks import processes_of
from tests.support.waiting import eventually


@pytest.fixture
def server(tmp_path):
    with running_valkey(tmp_path / "valkey") as running:
        yield running


def _ask(server, *command):
    with redis.Redis.from_url(server.url, socket_timeout=2) as client:
        return client.execute_command(*command)


def test_what_it_acknowledged_survives_kill_nine(server):
    assert _ask(server, "RPUSH", "nudges", "a", "b") == 2
    server.kill()
    server.start()
    assert _ask(server, "LRANGE", "nudges", "0", "-1") == [b"a", b"b"]


def test_what_it_acknowledged_survives_a_stop(server):
    _ask(server, "SET", "kept", "1")
    server.stop()
    server.start()
    assert _ask(server, "GET", "kept") == b"1"


def test_it_refuses_whoever_does_not_know_the_password(server):
    url = server.url.replace("test-only", "wrong")
    with redis.Redis.from_url(url) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_it_never_evicts_and_listens_on_loopback_only(server):
    wanted = {"maxmemory-policy": "noeviction", "appendonly": "yes", "save": "", "bind": "127.0.0.1"}
    told = {name: _ask(server, "CONFIG", "GET", name) for name in wanted}
    assert {name: answer[name.encode()].decode() for name, answer in told.items()} == wanted


def test_its_password_is_in_no_command_line_and_in_no_file_for_others(server, tmp_path):
    assert not any("test-only" in line for line in processes_of(tmp_path).values())
    files = [path for path in (tmp_path / "valkey").iterdir() if path.is_file() and path.suffix == ".conf"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600]


def test_a_frozen_one_accepts_connections_answers_nothing_and_goes_on_when_thawed(server):
    server.freeze()
    eventually(lambda: " T " in Path(f"/proc/{server.pid}/stat").read_text(encoding="ascii"))
    with pytest.raises((redis.TimeoutError, redis.ConnectionError)):
        _ask(server, "PING")
    server.thaw()
    assert _ask(server, "PING") in (b"PONG", True)


_FREEZE = """
import signal, sys
from pathlib import Path
from tests.support.servers import running_valkey
with running_valkey(Path(sys.argv[1])) as server:
    server.freeze()
    print("frozen", flush=True)
    signal.pause()
"""


def test_a_frozen_one_ends_with_whoever_started_it(tmp_path):
    command = (sys.executable, "-c", _FREEZE, str(tmp_path / "valkey"))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"frozen\n"
        starter.kill()
    eventually(lambda: processes_of(tmp_path) == {})


def test_a_port_can_be_taken_again_at_once(server):
    port = int(server.url.rpartition(":")[2].partition("/")[0])
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)):
            server.stop()
        server.start()
    assert _ask(server, "PING") in (b"PONG", True)
