"""Measures what encryption at rest adds to the acts that use it, beside the same acts with values left as they are."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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

_ROUNDS, _WARM_ROUNDS = 6, 1
# As many endpoints as an organization may have.
_ACTS = 90
_VALUES = 20_000
_PAGE = 50
_TARGET = "at most 5 % more"


class _Clear(Keyring):
    """A keyring that leaves every value as it is: what no encryption could beat."""

    @override
    def encrypt(self, column: EncryptedColumn, row_id: UUID, plaintext: bytes) -> bytes:
        return plaintext

    @override
    def decrypt(self, column: EncryptedColumn, row_id: UUID, stored: bytes) -> bytes:
        return stored

    @override
    def indexes(self, column: EncryptedColumn, value: str) -> BlindIndexes:
        return BlindIndexes(odd=value.lower().encode(), even=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """A process that encrypts or does not, and an organization of its own."""

    rt: Runtime
    actor: Actor


def encryption(system: System) -> Iterator[Figure]:
    """Yield what each act costs in CPU time, of this process and of PostgreSQL, beside the same act in clear."""
    variables = {"DATABASE_URL": system.database_url, "PSMS_HOME": str(system.home)}
    rt = build_quiet_runtime(Settings.from_env(variables), worker="bench")
    acts: dict[str, Callable[[_Side], object]] = {
        "endpoint registered": _register,
        "user added": _add_user,
        f"page of {_PAGE} users": lambda side: directory.list_users(side.rt, side.actor, PageRequest(limit=_PAGE)),
    }
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in acts}
    served: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(_WARM_ROUNDS + _ROUNDS):
        sides = {True: _side(rt, in_clear=True), False: _side(rt, in_clear=False)}
        # Turn and turn about, so that whatever else this machine does meets both alike.
        order = (True, False) if number % 2 else (False, True)
        for name, act in acts.items():
            cost = {in_clear: _cost_ms(system, act, sides[in_clear]) for in_clear in order}
            costs[name].append((cost[True][0], cost[False][0]))
            served[name] += [cost[True][1], cost[False][1]]
    for name, pairs in costs.items():
        yield _figure(name, pairs[_WARM_ROUNDS:], mean(served[name]))
    yield _one_value(rt)
    rt.db.close()


def _figure(name: str, pairs: list[tuple[float, float]], server_ms: float) -> Figure:
    # PostgreSQL's time is counted in ticks, too coarse for one round, and takes no part in encryption: its mean.
    return Figure(
        name=f"{name}, encrypted: CPU each",
        # The least of all rounds: whatever else the machine does only adds.
        value=server_ms + min(encrypted for _, encrypted in pairs),
        unit="ms",
        limits={"the same in clear": server_ms + min(clear for clear, _ in pairs)},
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


def _cost_ms(system: System, act: Callable[[_Side], object], side: _Side) -> tuple[float, float]:
    """Return the CPU time of one act: this process's, and PostgreSQL's."""
    # The keys of a new organization are made once, and what is prepared is prepared.
    for _ in range(5):
        act(side)
    charged = system.postgres()
    served, began = processes.cpu_seconds(charged), time.process_time()
    for _ in range(_ACTS):
        act(side)
    own, server = time.process_time() - began, processes.cpu_seconds(charged) - served
    return own / _ACTS * 1000, server / _ACTS * 1000


def _register(side: _Side) -> None:
    endpoints.add_endpoint(side.rt, side.actor, NewEndpoint(url="http://127.0.0.1:40009/hook"), None)


def _add_user(side: _Side) -> str:
    command = NewUser(email=f"{uuid4()}@example.com", name="Somebody", role=RoleChoice(role=Role.AGENT))
    return str(json.loads(directory.add_user(side.rt, side.actor, command, None).body)["id"])
