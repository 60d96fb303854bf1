"""Measures what the guards cost: recognising a caller and its right, row-level security. All at once: `answering`."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from flask import Flask
from sqlalchemy import text

from api.app import create_app
from bench.answering import answering
from bench.limits import Limits
from bench.processes import cpu_seconds
from bench.recording import Replay, load
from bench.report import Figure
from bench.system import LIST, System
from psms.runtime import Runtime
from psms.settings import Settings
from workflows.boot import runtime_for

_TICKETS = 10_000
_IN_A_ROW = 25
_WARM_UP = 50
# None for a bare read, of which some hundredths of a millisecond are a tenth: `answering` has the served one.
_TARGETS = {"create": "<= 110%", "list": "<= 110%"}
_WALLED = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relforcerowsecurity ORDER BY 1
"""


def guarding(system: System, limits: Limits, seconds: float) -> Iterator[Figure]:
    """Yield the CPU of admitting a request, of statements without row-level security, and a served read's p95."""
    system.seed(_TICKETS)
    yield _admission(system, limits, seconds)
    with _owner_unbound(system.owner_url):
        for name in ("create", "read", "list"):
            yield _walls(system, limits, name, seconds)
        yield from answering(system, seconds)


def _admission(system: System, limits: Limits, seconds: float) -> Figure:
    rt = runtime_for(Settings.from_env({"DATABASE_URL": system.database_url, "REDIS_URL": system.valkey.url}))
    app = create_app(rt)
    look_up = Replay(system.database_url, load(limits.recordings)["list"][:1])
    variants = {
        "guarded": _Variant(_preprocessed(app, LIST.path, system.token), _backend_of(rt)),
        "public": _Variant(_preprocessed(app, "/healthz", system.token), _backend_of(rt)),
        "bare": _Variant(look_up.run, look_up.backend),
    }
    spent = _cpu_ms_each(variants, seconds)
    rt.db.close()
    return Figure(
        name="authentication and authorization of a request",
        value=spent["guarded"] - spent["public"],
        unit="ms CPU",
        limits={"bare psycopg, the look-up alone": spent["bare"]},
        target="<= 1 ms",
    )


def _preprocessed(app: Flask, path: str, token: str) -> Callable[[], object]:
    headers = {"Authorization": f"Bearer {token}"}

    def admit() -> object:
        with app.test_request_context(path, headers=headers):
            answer = app.preprocess_request()
            assert answer is None, answer
        return None

    return admit


def _backend_of(rt: Runtime) -> int:
    # One thread asks, so one connection is ever opened.
    return int(rt.db.ask(lambda connection: connection.execute(text("SELECT pg_backend_pid()")).scalar_one()))


def _walls(system: System, limits: Limits, name: str, seconds: float) -> Figure:
    statements = load(limits.recordings)[name]
    replays = {"walled": Replay(system.database_url, statements), "open": Replay(system.owner_url, statements)}
    spent = _cpu_ms_each({kind: _Variant(replay.run, replay.backend) for kind, replay in replays.items()}, seconds)
    return Figure(
        name=f"row-level security under {name}, bare psycopg",
        value=spent["walled"],
        unit="ms CPU",
        limits={"the same without row-level security": spent["open"]},
        target=_TARGETS.get(name, ""),
    )


class _Variant:
    """One way of doing the same, with what it has cost so far: CPU here and in its PostgreSQL backend."""

    def __init__(self, run: Callable[[], object], backend: int) -> None:
        self._run = run
        self._backend = backend
        self._count = 0
        self._spent_s = 0.0

    @property
    def ms_each(self) -> float:
        return self._spent_s * 1000 / self._count

    def warm_up(self) -> None:
        for _ in range(_WARM_UP):
            self._run()

    def go(self) -> None:
        before = time.process_time() + cpu_seconds([self._backend])
        for _ in range(_IN_A_ROW):
            self._run()
        self._spent_s += time.process_time() + cpu_seconds([self._backend]) - before
        self._count += _IN_A_ROW


def _cpu_ms_each(variants: dict[str, _Variant], seconds: float) -> dict[str, float]:
    for variant in variants.values():
        variant.warm_up()
    end = time.monotonic() + seconds * len(variants)
    while time.monotonic() < end:
        # In turns, so that a disturbance of the machine meets all of them alike.
        for variant in variants.values():
            variant.go()
    return {name: variant.ms_each for name, variant in variants.items()}


@contextmanager
def _owner_unbound(owner_url: str) -> Iterator[None]:
    """Let the tables' owner see and write past the policies meanwhile; the application stays bound by them."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        tables = [name for (name,) in connection.execute(_WALLED)]
        for table in tables:
            connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY".encode())
        try:
            yield
        finally:
            for table in tables:
                connection.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY".encode())
