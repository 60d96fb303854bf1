"""Keys change under load, and the command that changes them dies on its way: nothing is unreadable at any moment."""

import signal
from datetime import timedelta
from pathlib import Path

import pytest

from psms.domain.encryption import Purpose
from psms.runtime import Runtime
from tests.support.commands import environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.key_load import process_with, under_load, unreadable
from tests.support.keys import kek_file
from tests.support.tenants import Tenant, add_endpoint, make_tenant
from workflows import data_keys
from workflows.addresses import user_with_address

TENANTS = 4
_KEKS = "SELECT DISTINCT kek_id FROM data_keys ORDER BY 1"
_UNDER = "SELECT count(*) FROM users WHERE NOT is_service AND substring(email_encrypted FROM 2 FOR 4) = %s"

_INDEXED = "SELECT count(email_index), count(email_index_even) FROM users WHERE NOT is_service"
_PEOPLE = "SELECT count(*) FROM users WHERE NOT is_service"
_NOT_UNDER = _UNDER.replace("= %s", "<> %s")


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


def test_a33_the_key_of_the_index_is_changed_under_load_by_a_command_that_is_killed_and_resumes(
    rt: Runtime, tenants: list[Tenant], database: MigratedDatabase, tmp_path: Path
) -> None:
    ring, acme = kek_file(tmp_path / "ring", "only"), tenants[:1]
    environment = environment_on(database, tmp_path / "home", PSMS_KEK_FILE=str(ring), PSMS_CRASH_AT="index_filled")
    command = ("keys", "rotate-index", "--batch", "3", "--organization", str(acme[0].organization_id))
    said = []
    former = process_with(rt, ring, "only")
    with under_load([former], acme) as gone_round:
        gone_round()
        killed = run_psms(environment, *command)
        (half_way,) = database.rows(_INDEXED)
        loads = gone_round()
    with under_load([former, process_with(rt, ring, "only")], acme) as gone_round:
        gone_round()
        said.append(run_psms(environment, *command).stdout)
        loads += gone_round()
    # Whoever did not know the new key has learned it a quarter of an hour later, and so on.
    for number in (1, 2):
        database.move_clock(number * timedelta(minutes=16))
        with under_load([process_with(rt, ring, "only")], acme) as gone_round:
            gone_round()
            said.append(run_psms(environment, *command).stdout)
            loads += gone_round()

    assert (killed.returncode, half_way[1]) == (-signal.SIGKILL, 3)
    assert [one.split()[:3][-1] for one in said] == ["were", "key", "was"]
    assert [load.wrong for load in loads] == [[]] * 5
    everybody = {user_id: person for load in loads for user_id, person in load.people.items()}
    last = process_with(rt, ring, "only")
    assert unreadable(last, everybody) == []
    found = {user_with_address(last, tenant.organization_id, email) for tenant, email in everybody.values()}
    assert found == set(everybody)
    ((odd, even),) = database.rows(_INDEXED)
    assert (odd, even == database.rows(_PEOPLE)[0][0]) == (0, True)
