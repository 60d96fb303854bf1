"""Load on the encryption at rest: processes that add people and read and find them, while keys change beside them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import UUID

from psms.adapters.system import SystemChance
from psms.adapters.vault import vault_of
from psms.domain.access import Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewUser
from psms.runtime import Runtime
from psms.settings import Settings
from tests.support.tenants import Tenant
from tests.support.waiting import eventually
from workflows import directory
from workflows.addresses import user_with_address
from workflows.canary import refuse_wrong_keys


class Load:
    """A process that adds people and reads them all, over and over, and remembers what went wrong."""

    def __init__(self, rt: Runtime, tenants: list[Tenant]) -> None:
        self._rt, self._tenants = rt, tenants
        self._name = SystemChance().secret_bytes(6).hex()
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
        email = f"{self._name}.{number}@example.com"
        command = NewUser(email=email, name="Somebody", role=RoleChoice(role=Role.AGENT))
        location = directory.add_user(self._rt, tenant.actor, command, None).location
        user_id = UUID(location.rpartition("/")[2])
        self.people[user_id] = (tenant, email)
        if user_with_address(self._rt, tenant.organization_id, email.upper()) != user_id:
            self.wrong.append(f"{email} is not found")
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
