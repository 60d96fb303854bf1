"""What PSMS does by itself stands in the log of the installation: processes, migrations, drains that fail."""

import os
import signal
from pathlib import Path

import pytest

from psms.runtime import Runtime
from tests.support.commands import Running, environment_on
from tests.support.databases import MigratedDatabase
from tests.support.ports import own_port
from tests.support.waiting import eventually
from workers.run import recorded
from workflows.names import Task

PATIENCE_S = 90
EVENTS = """
    SELECT action, after FROM logs WHERE organization_id = '00000000-0000-0000-0000-000000000000'
        AND action IN ('process.started', 'process.stopping', 'process.stopped', 'job.failed') ORDER BY id
"""
COMMANDS = {
    "api": ("api",),
    "beat": ("beat",),
    "core": ("worker", "--queues", "relay", "--name", "core"),
}


def actions(database: MigratedDatabase) -> list[str]:
    """Return what the log of the installation tells, oldest first."""
    return [str(action) for action, _ in database.rows(EVENTS)]


@pytest.mark.parametrize(("name", "end"), [("api", "stopped"), ("beat", "stopped"), ("core", "stopping")])
@pytest.mark.timeout(300)
def test_a_process_that_starts_and_stops_leaves_two_entries(
    rt: Runtime, database: MigratedDatabase, tmp_path: Path, name: str, end: str
) -> None:
    variables = {"PSMS_PORT": str(own_port()), "REDIS_URL": rt.settings.redis_url, "PSMS_READY_FILE": ""}
    environment = environment_on(database, tmp_path, **variables, PSMS_KEK=os.environ.get("PSMS_KEK", ""))
    process = Running(environment, COMMANDS[name], (tmp_path / "log",) * 2)
    try:
        eventually(lambda: actions(database) == ["process.started"], within=PATIENCE_S, what="its start")
        eventually(lambda: has_caught(process, signal.SIGTERM), within=PATIENCE_S, what="its readiness to end")
    finally:
        process.terminate()
        process.wait(PATIENCE_S)

    assert actions(database) == ["process.started", f"process.{end}"], (tmp_path / "log").read_text()
    assert all(str(after["name"]).startswith(name) for _, after in database.rows(EVENTS))  # type: ignore[index]


def has_caught(process: Running, number: signal.Signals) -> bool:
    """Tell whether a process has said what it does at a signal (proc(5): SigCgt)."""
    assert process.poll() is None
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_a_drain_that_fails_leaves_one_entry_however_often_it_fails(rt: Runtime, database: MigratedDatabase) -> None:
    def broken(_: Runtime) -> int:
        message = "secret value"
        raise ZeroDivisionError(message)

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            recorded(rt, Task.RELAY_OUTBOX, broken)
    with pytest.raises(ZeroDivisionError):
        recorded(rt, Task.SEAL_LOGS, broken)

    error = {"error": "ZeroDivisionError", "worker": rt.worker}
    assert database.rows(EVENTS) == [
        ("job.failed", {"task": Task.RELAY_OUTBOX.value, **error}),
        ("job.failed", {"task": Task.SEAL_LOGS.value, **error}),
    ]
