"""Measures what encryption at rest adds to the acts that use it, beside the same acts with values left as they are."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from statistics import mean
from uuid import UUID, uuid4

from typing_extensions import override

from bench import processes
from bench.report import Figure
from bench.system import System
from psms.adapters.cipher import AesGcm
from psms.adapters.key_cache import KeyCache
from psms.adapters.keyring import DataKey, Keyring
from psms.domain.access import Actor, Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewUser
from psms.domain.encrypted_columns import WEBHOOK_SECRET, EncryptedColumn
from psms.domain.encryption import BlindIndexes, Purpose
from psms.domain.pages import PageRequest
from psms.domain.webhooks import NewEndpoint
from psms.runtime import Runtime, build_quiet_runtime
from psms.settings import Settings
from tests.support.tenants import make_tenant
from workflows import directory, endpoints

# The first round warms up.
_ROUNDS = 7
# With one block more, to warm up, fewer endpoints than an organization may have.
_BLOCKS, _ACTS = 11, 8
_VALUES = 20_000
_PAGE = 50
_TARGET = "at most 5 % more"


class _Clear(Keyring):
    """A keyring that leaves every value as it is: what no encryption could beat."""

    @override
    def encrypt(self, column: EncryptedColumn, row_id: UUID, plaintext: bytes) -> bytes:
        return plaintext

    @override
    def decrypt_page(self, column: EncryptedColumn, values: Iterable[tuple[UUID, bytes]]) -> list[bytes]:
        return [stored for _, stored in values]

    @override
    def indexes(self, column: EncryptedColumn, value: str) -> BlindIndexes:
        return BlindIndexes(odd=value.lower().encode(), even=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """A process that encrypts or does not, and an organization of its own."""

    rt: Runtime
    actor: Actor


@dataclass(slots=True, kw_only=True)
class _Cost:
    """Milliseconds of CPU time of one act: this process's in each block, and PostgreSQL's in each round."""

    clear: list[float] = field(default_factory=list)
    encrypted: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)


def encryption(system: System) -> Iterator[Figure]:
    """Yield what each act costs in CPU time, of this process and of PostgreSQL, beside the same act in clear."""
    variables = {"DATABASE_URL": system.database_url, "PSMS_HOME": str(system.home)}
    rt = build_quiet_runtime(Settings.from_env(variables), worker="bench")
    acts: dict[str, Callable[[_Side], object]] = {
        "endpoint registered": _register,
        "user added": _add_user,
        f"page of {_PAGE} users": lambda side: directory.list_users(side.rt, side.actor, PageRequest(limit=_PAGE)),
    }
    costs = {name: _Cost() for name in acts}
    for number in range(_ROUNDS):
        sides = (_side(rt, in_clear=True), _side(rt, in_clear=False))
        for name, act in acts.items():
            _measure(system, act, sides, costs[name], counted=number > 0)
    for name, cost in costs.items():
        yield _figure(name, cost)
    yield _one_value(rt)
    rt.db.close()


def _measure(
    system: System, act: Callable[[_Side], object], sides: tuple[_Side, _Side], cost: _Cost, *, counted: bool
) -> None:
    # The keys of a new organization are made once, and what is prepared is prepared.
    for side in sides:
        _cpu_ms(act, side)
    charged = system.postgres()
    served = processes.cpu_seconds(charged)
    for block in range(_BLOCKS):
        # Turn and turn about, in short blocks, so that whatever else this machine does meets both alike.
        order = (0, 1) if block % 2 else (1, 0)
        each = {place: _cpu_ms(act, sides[place]) for place in order}
        if counted:
            cost.clear.append(each[0])
            cost.encrypted.append(each[1])
    if counted:
        cost.server.append((processes.cpu_seconds(charged) - served) / (2 * _BLOCKS * _ACTS) * 1000)


def _cpu_ms(act: Callable[[_Side], object], side: _Side) -> float:
    began = time.process_time()
    for _ in range(_ACTS):
        act(side)
    return (time.process_time() - began) / _ACTS * 1000


def _figure(name: str, cost: _Cost) -> Figure:
    # PostgreSQL's time is counted in ticks, too coarse for one block, and takes no part in encryption: its mean.
    server_ms = mean(cost.server)
    return Figure(
        name=f"{name}, encrypted: CPU each",
        # The least of all blocks: whatever else the machine does only adds.
        value=server_ms + min(cost.encrypted),
        unit="ms",
        limits={"the same in clear": server_ms + min(cost.clear)},
        target=_TARGET,
        details={"of it PostgreSQL": server_ms},
    )


def _one_value(rt: Runtime) -> Figure:
    organization_id, row_id = uuid4(), uuid4()
    keys = _keys(Keyring, rt, organization_id)
    stored = keys.encrypt(WEBHOOK_SECRET, row_id, b"whsec_" + b"A" * 44)
    began = time.process_time()
    for _ in range(_VALUES):
        keys.decrypt(WEBHOOK_SECRET, row_id, stored)
    each_us = (time.process_time() - began) / _VALUES * 1e6
    return Figure(name="signing secret decrypted, as for each delivery", value=each_us, unit="us")


def _side(rt: Runtime, *, in_clear: bool) -> _Side:
    own = replace(rt, vault=replace(rt.vault, cache=KeyCache()))
    actor = make_tenant(own, f"Bench {uuid4()}").actor
    if in_clear:
        own.vault.cache.put(actor.organization_id, _keys(_Clear, rt, actor.organization_id))
    return _Side(rt=own, actor=actor)


def _keys(kind: type[Keyring], rt: Runtime, organization_id: UUID) -> Keyring:
    keys = [DataKey(id=n, purpose=purpose, version=1, key=bytes(32)) for n, purpose in enumerate(Purpose, 1)]
    return kind(organization_id, keys, AesGcm, rt.chance)


def _register(side: _Side) -> None:
    endpoints.add_endpoint(side.rt, side.actor, NewEndpoint(url="http://127.0.0.1:40009/hook"), None)


def _add_user(side: _Side) -> str:
    command = NewUser(email=f"{uuid4()}@example.com", name="Somebody", role=RoleChoice(role=Role.AGENT))
    return str(json.loads(directory.add_user(side.rt, side.actor, command, None).body)["id"])
