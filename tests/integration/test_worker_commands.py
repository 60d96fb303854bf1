"""The commands of an installation on real servers: drain, work, migrate, and a worker on its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import sql

from psms.embedded.launch import tied
from psms.runtime import Runtime
from tests.support.commands import run_psms
from tests.support.databases import MigratedDatabase
from tests.support.receiver import Answer, Receiver
from tests.support.tenants import Tenant, add_endpoint, file_ticket, make_tenant
from tests.support.waiting import eventually
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox

PROJECT = Path(__file__).resolve().parents[2]
NO_REDIS = "redis://127.0.0.1:1/0"

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def variables(database: MigratedDatabase, tmp_path: Path) -> dict[str, str]:
    """What says to a command where this installation is. There is no Redis in it."""
    return {
        **os.environ,
        "DATABASE_URL": database.app_url,
        "PSMS_OWNER_DATABASE_URL": database.owner_url,
        "REDIS_URL": NO_REDIS,
        "PSMS_HOME": str(tmp_path / "home"),
    }


@pytest.fixture
def psms(variables: dict[str, str]) -> Command:
    """Run a command to its end."""

    def call(*arguments: str, **changed: str) -> "subprocess.CompletedProcess[str]":
        return run_psms({**variables, **changed}, *arguments)

    return call


@pytest.fixture
def acme(rt: Runtime) -> Tenant:
    return make_tenant(rt)


def make_dead(rt: Runtime, acme: Tenant, database: MigratedDatabase, partner: Receiver) -> str:
    """Let one delivery fail, give it up and return its id."""
    add_endpoint(rt, acme.actor, partner.url("/hook"))
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    deliver_due(rt)
    database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'dead', dead_reason = 'attempts'"))
    ((delivery_id,),) = database.rows("SELECT id FROM webhook_deliveries")
    return str(delivery_id)


def test_drain_does_all_that_is_due_without_redis_and_says_how_much(psms, rt, acme):
    with Receiver() as partner:
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        file_ticket(rt, acme.actor)
        done = psms("drain")
        again = psms("drain")

        assert len(partner.received) == 2
    assert done.returncode == again.returncode == 0
    assert "outbox.relay: 2\nwebhooks.deliver_due: 2\n" in done.stdout
    assert "outbox.relay: 0\nwebhooks.deliver_due: 0\n" in again.stdout
    assert again.stdout.endswith("Nothing is due any more.\n")


def test_a_worker_does_its_work_without_redis_and_beat(variables, rt, acme, tmp_path):
    ready = tmp_path / "ready"
    command = (sys.executable, "-m", "psms", "worker", "--queues", "relay,webhooks,upkeep", "--name", "lonely")
    with Receiver() as partner:
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        worker = subprocess.Popen(
            tied(command, signal.SIGKILL),
            cwd=PROJECT,
            env={**variables, "PSMS_READY_FILE": str(ready), "PSMS_FALLBACK_AFTER_MS": "300"},
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: partner.received, within=30, what="the webhook")
            eventually(ready.exists)
            worker.send_signal(signal.SIGTERM)

            assert worker.wait(10) == 0
        finally:
            worker.kill()
            worker.wait(10)
        assert len(partner.received) == 1


def test_dead_work_is_listed_shown_and_tried_again(psms, rt, acme, database):
    with Receiver() as partner:
        partner.answer("/hook", Answer(status=500), Answer(status=200))
        dead = make_dead(rt, acme, database, partner)
        listed = psms("work", "list")
        shown = psms("work", "show", dead)
        retried = psms("work", "retry", dead)
        drained = psms("drain")

        assert len(partner.received) == 2
    assert listed.stdout.startswith("Dead: 1\n")
    assert f"delivery   {dead} dead " in listed.stdout
    assert "Waiting: 0\n" in listed.stdout
    assert f"organization  {acme.organization_id}\n" in shown.stdout
    assert "reason        attempts\n" in shown.stdout
    assert retried.stdout == "1 will be tried again.\n"
    assert "webhooks.deliver_due: 1\n" in drained.stdout
    assert psms("work", "list").stdout == "Dead: 0\nWaiting: 0\n"


def test_all_dead_work_is_tried_again_at_once(psms, rt, acme, database):
    with Receiver() as partner:
        partner.answer("/hook", Answer(status=500), Answer(status=200))
        make_dead(rt, acme, database, partner)

        assert psms("work", "retry", "--all").stdout == "1 will be tried again.\n"
        assert psms("work", "retry", "--all").stdout == "0 will be tried again.\n"


def test_work_that_is_not_dead_is_not_tried_again(psms):
    unknown = "0196f0a0-0000-7000-8000-000000000000"
    retried, shown = psms("work", "retry", unknown), psms("work", "show", unknown)

    assert (retried.returncode, shown.returncode) == (1, 1)
    assert retried.stderr.startswith("psms: 0 of 1 will be tried again")
    assert shown.stderr == f"psms: no dead or waiting work has the id {unknown}: see `python -m psms work list`\n"


def test_migrate_says_which_revision_the_database_has(psms, database):
    done = psms("migrate")

    ((revision,),) = database.rows("SELECT version_num FROM alembic_version")
    assert done.stdout == f"The database is up to date: revision {revision}\n"


def test_models_and_migrations_agree(psms):
    checked = psms("check-models")

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("command", [("api",), ("worker", "--queues", "relay", "--name", "core"), ("drain",)])
def test_nothing_serves_as_a_role_that_the_walls_do_not_hold(command, psms, database):
    refused = psms(*command, DATABASE_URL=database.owner_url)

    assert refused.returncode == 1
    assert refused.stderr.startswith("psms: the database role psms_owner could bypass the walls")
    assert len(refused.stderr.splitlines()) == 1
