"""What a start makes of PSMS_HOME and tells the processes: servers, passwords, ports, variables, the note."""

import json
import signal
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from psms.embedded.home import Home
from psms.embedded.running import join_running_stack, running_stack
from tests.support.keys import kek_file
from tests.support.ports import own_port
from tests.support.servers import running_postgres, running_valkey
from tests.support.stacks import process_of, processes_of, started_stack
from tests.support.waiting import eventually


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def stack(home):
    with started_stack(home) as running:
        running.until_ready()
        yield running


def _nobody_is_left(home):
    eventually(lambda: processes_of(home) == {}, within=10, what="the end of every process of the stack")


def _variables_of(home, part):
    text = Path(f"/proc/{process_of(home, part)}/environ").read_text(encoding="utf-8")
    return dict(line.split("=", 1) for line in text.split("\0") if line)


def test_servers_of_ones_own_are_used_and_none_is_started(home, tmp_path):
    with (
        running_postgres(tmp_path / "pg") as postgres,
        running_valkey(tmp_path / "vk") as valkey,
        started_stack(home, variables={"DATABASE_URL": postgres.superuser_url, "REDIS_URL": valkey.url}) as stack,
    ):
        stack.until_ready()
        variables = _variables_of(home, "standin.py api")
        lines = processes_of(home).values()
        assert not any("postgres -D" in line or "valkey-server" in line for line in lines)
    assert variables["PSMS_OWNER_DATABASE_URL"] == postgres.superuser_url
    assert variables["DATABASE_URL"].startswith("postgresql://psms_app:")
    assert variables["REDIS_URL"] == valkey.url
    assert not (home / "postgres").exists()


def test_the_processes_get_what_they_need_and_nothing_that_misleads_them(home):
    misleading = {"PYTHONDONTWRITEBYTECODE": "1", "PSMS_FLOWER_USER": "me"}
    with started_stack(home, variables=misleading) as stack:
        stack.until_ready()
        variables = _variables_of(home, "--name core")
        assert list((home / "metrics").iterdir()) == []
    assert "PYTHONDONTWRITEBYTECODE" not in variables
    assert variables["PSMS_HOME"] == str(home)
    assert variables["PROMETHEUS_MULTIPROC_DIR"] == str(home / "metrics")
    assert variables["PYTHONTZPATH"] == ""
    assert variables["PYTHONUNBUFFERED"] == "1"
    assert variables["PSMS_READY_FILE"] == str(home / "run" / "ready" / "core")
    assert variables["PSMS_FLOWER_USER"] == "me"
    assert len(variables["PSMS_FLOWER_PASSWORD"]) >= 24
    assert variables["DATABASE_URL"].startswith("postgresql://psms_app:")
    assert variables["PSMS_OWNER_DATABASE_URL"].startswith("postgresql://psms_owner:")
    assert variables["PSMS_KEK_FILE"] == str(home / "keys.json")


def test_the_key_is_made_at_the_first_start_for_this_user_alone_and_is_kept(home):
    kept = []
    for _ in range(2):
        with started_stack(home) as stack:
            stack.until_ready()
        kept.append((home / "keys.json").read_text(encoding="utf-8"))

    assert kept[0] == kept[1]
    assert stat.S_IMODE((home / "keys.json").stat().st_mode) == 0o600


def test_a_key_of_ones_own_is_used_and_none_is_made(home, tmp_path):
    own = kek_file(tmp_path / "own.json", "own")
    with started_stack(home, variables={"PSMS_KEK_FILE": str(own)}) as stack:
        stack.until_ready()
        variables = _variables_of(home, "--name core")

    assert variables["PSMS_KEK_FILE"] == str(own)
    assert not (home / "keys.json").exists()


def test_another_command_finds_the_servers_of_the_running_stack(home, stack):
    place = Home(root=home)
    own = _variables_of(home, "standin.py api")
    joined = join_running_stack({"LANG": "C"}, place)
    assert (joined["DATABASE_URL"], joined["LANG"]) == (own["DATABASE_URL"], "C")
    assert join_running_stack({"DATABASE_URL": "postgresql://mine"}, place) == {"DATABASE_URL": "postgresql://mine"}
    note = running_stack(place)
    assert note is not None
    assert [process.name for process in note.processes] == [
        *("psms", "postgres", "valkey", "api", "core", "webhooks", "beat", "flower")
    ]
    stack.send(signal.SIGKILL)
    _nobody_is_left(home)
    assert join_running_stack({"LANG": "C"}, place) == {"LANG": "C"}


def test_data_passwords_and_ports_are_kept_from_start_to_start(home):
    seen = []
    for _ in range(2):
        with started_stack(home) as stack:
            stack.until_ready()
            variables = _variables_of(home, "standin.py api")
            seen.append((variables["DATABASE_URL"], variables["REDIS_URL"]))
    assert seen[0] == seen[1]


def test_secrets_are_for_this_user_only(home, stack):
    private = [home, home / "run", home / "logs", home / "secrets.json", home / "run" / "stack.json"]
    assert [stat.S_IMODE(path.stat().st_mode) & 0o077 for path in private] == [0] * len(private)
    secrets = json.loads((home / "secrets.json").read_text())
    assert sorted(secrets) == ["application", "flower", "owner", "postgres", "valkey"]
    commands = "\n".join(processes_of(home).values())
    assert not any(secret in commands for secret in secrets.values())


def test_a_taken_kept_port_of_a_server_is_replaced(home):
    home.mkdir()
    (home / "run").mkdir()
    with socket.create_server(("127.0.0.1", own_port())) as holder:
        (home / "run" / "ports.json").write_text(json.dumps({"postgres": holder.getsockname()[1]}))
        with started_stack(home) as stack:
            stack.until_ready()


def test_a_home_with_an_odd_name_is_a_home():
    with tempfile.TemporaryDirectory(prefix="it's a, \"b") as name, started_stack(Path(name)) as stack:
        stack.until_ready()
        assert list(Path(name, "run").glob(".s.PGSQL.*")) != []


def test_a_home_whose_path_is_too_long_for_a_socket_does_without_one(tmp_path):
    home = tmp_path / ("d" * 100)
    with started_stack(home) as stack:
        stack.until_ready()
        assert list((home / "run").glob(".s.PGSQL.*")) == []
