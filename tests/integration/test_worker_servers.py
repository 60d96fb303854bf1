"""The API's and Flower's processes: they share metrics, replace the fallen, die together, and end when told."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from psms.embedded.addresses import is_free
from psms.embedded.launch import tied
from psms.embedded.leash import children_of
from tests.support.databases import MigratedDatabase
from tests.support.ports import own_port
from tests.support.servers import ValkeyServer, running_valkey
from tests.support.waiting import eventually

PROJECT = Path(__file__).resolve().parents[2]


class ServerProcess:
    """A process that serves HTTP."""

    def __init__(self, command: str, port: int, variables: dict[str, str]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            tied((sys.executable, "-m", "psms", command), signal.SIGKILL),
            cwd=PROJECT,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def children(self) -> list[int]:
        return list(children_of(self._process.pid))

    def answers(self, path: str) -> bool:
        try:
            return requests.get(f"{self.url}{path}", timeout=5).status_code == 200
        except requests.ConnectionError:
            assert self._process.poll() is None
            return False

    def end(self, number: signal.Signals, *, within: float) -> int:
        self._process.send_signal(number)
        return self._process.wait(within)

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ValkeyServer]:
    with running_valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def variables(database: MigratedDatabase, broker: ValkeyServer, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database.app_url,
        "REDIS_URL": broker.url,
        "PSMS_HOME": str(tmp_path / "home"),
        "PSMS_PORT": str(own_port()),
        "PSMS_FLOWER_PORT": str(own_port()),
        "PSMS_FLOWER_PASSWORD": "let-me-in",
    }


@pytest.fixture
def api(variables: dict[str, str]) -> Iterator[ServerProcess]:
    process = ServerProcess("api", int(variables["PSMS_PORT"]), variables)
    try:
        eventually(lambda: process.answers("/readyz"), within=30, what="the API")
        yield process
    finally:
        process.close()


@pytest.fixture
def flower(variables: dict[str, str]) -> Iterator[ServerProcess]:
    process = ServerProcess("flower", int(variables["PSMS_FLOWER_PORT"]), variables)
    try:
        eventually(lambda: process.answers("/healthcheck"), within=30, what="Flower")
        yield process
    finally:
        process.close()


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()]


def test_metrics_are_those_of_all_its_processes(api):
    assert len(api.children) == 2
    # A connection each, so that the kernel spreads them over both.
    for _ in range(60):
        assert api.answers("/healthz")

    exposed = requests.get(f"{api.url}/metrics", timeout=5).text
    assert 'psms_http_requests_total{method="GET",route="/healthz",status="200"} 60.0' in exposed


def test_a_killed_process_is_replaced(api):
    first, second = api.children
    os.kill(first, signal.SIGKILL)

    eventually(lambda: len(api.children) == 2 and first not in api.children, within=10)
    assert second in api.children
    eventually(lambda: api.answers("/readyz"), within=10)


def test_when_the_master_is_killed_nothing_is_left(api, variables):
    children = api.children
    assert api.end(signal.SIGKILL, within=5) == -signal.SIGKILL

    eventually(lambda: not alive(children))
    eventually(lambda: is_free("127.0.0.1", int(variables["PSMS_PORT"])))


def test_sigterm_ends_it_although_clients_stay_connected(api, variables):
    children = api.children
    idle = [socket.create_connection(("127.0.0.1", int(variables["PSMS_PORT"])), 5) for _ in range(20)]
    for connection in idle:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: desk\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"

    assert api.end(signal.SIGTERM, within=8) == 0
    assert not alive(children)
    for connection in idle:
        connection.close()


def test_a_second_one_on_the_same_port_is_refused(api, variables):
    second = subprocess.run(
        (sys.executable, "-m", "psms", "api"),
        cwd=PROJECT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert second.returncode == 1
    assert second.stderr.startswith(f"psms: port {variables['PSMS_PORT']} of 127.0.0.1 is taken by another program")
    assert api.answers("/readyz")


def test_flower_asks_for_the_password(flower):
    def status(password: str | None) -> int:
        auth = ("operator", password) if password else None
        return requests.get(f"{flower.url}/api/queues/length", auth=auth, timeout=10).status_code

    assert (status(None), status("wrong"), status("let-me-in")) == (401, 401, 200)


def test_flower_shows_and_changes_nothing(flower):
    answer = requests.post(
        f"{flower.url}/api/task/send-task/outbox.relay", json={}, auth=("operator", "let-me-in"), timeout=10
    )

    assert answer.status_code == 403


def test_flower_outlives_a_frozen_redis_and_ends_at_once(flower, broker):
    broker.freeze()
    assert flower.answers("/healthcheck")

    assert flower.end(signal.SIGTERM, within=5) == 0
