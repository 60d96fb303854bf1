"""Keys change under load, and the command that changes them dies on its way: nothing is unreadable at any moment."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from psms.adapters.system import SystemChance
from psms.adapters.vault import vault_of
from psms.domain.access import Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewUser
from psms.domain.encryption import Purpose
from psms.runtime import Runtime
from psms.settings import Settings
from tests.support.commands import environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.keys import kek_file
from tests.support.tenants import Tenant, add_endpoint, make_tenant
from tests.support.waiting import eventually
from workflows import data_keys, directory
from workflows.canary import refuse_wrong_keys

TENANTS = 4
_KEKS = "SELECT DISTINCT kek_id FROM data_keys ORDER BY 1"
_UNDER = "SELECT count(*) FROM users WHERE NOT is_service AND substring(email_encrypted FROM 2 FOR 4) = %s"

_NOT_UNDER = _UNDER.replace("= %s", "<> %s")


class Load:
    """A process that adds people and reads them all, over and over, and remembers what went wrong."""

    def __init__(self, rt: Runtime, tenants: list[Tenant]) -> None:
        self._rt, self._tenants = rt, tenants
        self._stop = threading.Event()
        self.people: dict[UUID, tuple[Tenant, str]] = {}
        self.rounds = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        """Go on until told to stop."""
        for number in count():
            if self._stop.is_set():
                return
            try:
                self._round(number)
            except Exception as problem:  # noqa: BLE001  (whatever it is, it must not happen)
                self.wrong.append(repr(problem))

    def _round(self, number: int) -> None:
        tenant = self._tenants[number % len(self._tenants)]
        email = f"{threading.get_ident()}.{number}@example.com"
        command = NewUser(email=email, name="Somebody", role=RoleChoice(role=Role.AGENT))
        location = directory.add_user(self._rt, tenant.actor, command, None).location
        self.people[UUID(location.rpartition("/")[2])] = (tenant, email)
        self.wrong += unreadable(self._rt, dict(list(self.people.items())[-10:]))
        self.rounds += 1

    def stop(self) -> None:
        """Let the present round be the last."""
        self._stop.set()


def unreadable(rt: Runtime, people: dict[UUID, tuple[Tenant, str]]) -> list[str]:
    """Return which of *people* do not show the address that they were added with."""
    return [
        email
        for user_id, (tenant, email) in people.items()
        if directory.get_user(rt, tenant.actor, user_id).email != email
    ]


@contextmanager
def under_load(runtimes: list[Runtime], tenants: list[Tenant]) -> Iterator[Callable[[], list[Load]]]:
    """Run loads during the block; what is lent waits until each has gone round, and returns them."""
    loads = [Load(rt, tenants) for rt in runtimes]
    threads = [threading.Thread(target=load.run) for load in loads]
    for thread in threads:
        thread.start()

    def gone_round() -> list[Load]:
        before = [load.rounds for load in loads]
        eventually(
            lambda: all(load.rounds > at + len(tenants) for load, at in zip(loads, before, strict=True)),
            within=60,
            what=f"another round; wrong so far: {[load.wrong for load in loads]}",
        )
        return loads

    try:
        yield gone_round
    finally:
        for load in loads:
            load.stop()
        for thread in threads:
            thread.join(60)
    assert [thread.is_alive() for thread in threads] == [False] * len(threads)


def process_with(rt: Runtime, ring: Path, primary: str) -> Runtime:
    """Return the runtime of a process that was started with the keys in *ring*."""
    settings = Settings.from_env({"PSMS_KEK_FILE": str(ring), "PSMS_KEK_PRIMARY": primary})
    vault = vault_of(settings, SystemChance())
    refuse_wrong_keys(rt.db, vault.keks)
    return replace(rt, vault=vault)


@pytest.fixture
def tenants(rt: Runtime) -> list[Tenant]:
    return [make_tenant(rt, f"Organization {n}") for n in range(TENANTS)]


def test_a33_the_kek_is_rotated_under_load_by_a_command_that_is_killed_and_resumes(
    rt: Runtime, tenants: list[Tenant], database: MigratedDatabase, tmp_path: Path
) -> None:
    both = kek_file(tmp_path / "both", "old", "new")
    former = process_with(rt, kek_file(tmp_path / "first", "old"), "old")
    for tenant in tenants:
        data_keys.keyring_to_write(former, tenant.organization_id)
    assert database.rows(_KEKS) == [("old",)]
    variables = {"PSMS_KEK_FILE": str(both), "PSMS_KEK_PRIMARY": "new"}
    environment = environment_on(database, tmp_path / "home", **variables, PSMS_CRASH_AT="kek_rotated")

    with under_load([process_with(rt, both, "old"), process_with(rt, both, "new")], tenants) as gone_round:
        gone_round()
        killed = run_psms(environment, "keys", "rotate-kek")
        half_way = database.rows(_KEKS)
        gone_round()
        # A process that is started in the middle of it is as good as any other.
        process_with(rt, both, "new")
        resumed = run_psms(environment, "keys", "rotate-kek")
        loads = gone_round()

    assert killed.returncode == -signal.SIGKILL
    assert half_way == [("new",), ("old",)]
    assert (resumed.returncode, resumed.stdout.split()[0]) == (0, str(4 * TENANTS - 1))
    assert [load.wrong for load in loads] == [[], []]
    assert database.rows(_KEKS) == [("new",)]
    # The old key is gone from the ring, and everything is readable.
    alone = process_with(rt, kek_file(tmp_path / "last", "new"), "new")
    assert unreadable(alone, loads[0].people | loads[1].people) == []
    status = run_psms(environment | {"PSMS_KEK_FILE": str(tmp_path / "last")}, "keys", "status")
    assert f"KEK new: wraps {4 * TENANTS} data keys (primary)" in status.stdout


@pytest.mark.parametrize("point", ["reencryption_uncommitted", "reencryption_committed"])
def test_a33_a_data_key_is_rotated_under_load_and_a_killed_reencryption_resumes(
    rt: Runtime, tenants: list[Tenant], database: MigratedDatabase, tmp_path: Path, point: str
) -> None:
    ring = kek_file(tmp_path / "ring", "only")
    environment = environment_on(database, tmp_path / "home", PSMS_KEK_FILE=str(ring), PSMS_CRASH_AT=point)
    first = process_with(rt, ring, "only")
    add_endpoint(first, tenants[0].actor, "http://127.0.0.1:40009/hook")

    with under_load([first, process_with(rt, ring, "only")], tenants[:1]) as gone_round:
        gone_round()
        rotated = run_psms(environment, "keys", "rotate-dek", "--organization", str(tenants[0].organization_id))
        # Processes with the former key write on with it; somebody new writes with the new one, and all read both.
        newcomer = process_with(rt, ring, "only")
        keyring = data_keys.keyring(newcomer, tenants[0].organization_id)
        gone_round()
        newest = keyring.newest(Purpose.PERSONAL).to_bytes(4)
        killed = run_psms(environment, "keys", "reencrypt", "--batch", "3")
        not_moved = database.rows(_NOT_UNDER, newest)
        gone_round()
        resumed = run_psms(environment, "keys", "reencrypt", "--batch", "3")
        loads = gone_round()

    assert (rotated.returncode, killed.returncode, resumed.returncode) == (0, -signal.SIGKILL, 0)
    # It died with most of its work before it, and whoever came next had that to do.
    assert int(str(not_moved[0][0])) > 0
    assert int(resumed.stdout.split()[0]) > 0
    assert [load.wrong for load in loads] == [[], []]
    everybody = loads[0].people | loads[1].people
    assert run_psms(environment, "keys", "reencrypt").returncode == 0
    assert database.rows(_UNDER, newest) == [(len(everybody),)]
    assert database.rows(_NOT_UNDER, newest) == [(0,)]
    assert unreadable(process_with(rt, ring, "only"), everybody) == []
