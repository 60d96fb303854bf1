"""The command line: what it lists, what it refuses in a sentence, and that it imports no more than it needs."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from psms.cli import COMMANDS
from psms.cli.lazy import LazyGroup, load
from psms.errors import Misconfigured
from tests.support.commands import run_psms
from tests.support.ports import own_port
from workers.run import queues_named
from workflows.names import Queue

PROJECT = Path(__file__).resolve().parents[2]
SERVERS = {"DATABASE_URL": "postgresql://psms_app:pw@127.0.0.1:1/psms", "REDIS_URL": "redis://127.0.0.1:1/0"}


@pytest.fixture
def run(tmp_path):
    """Run `python -m psms`: a process of its own, since commands set up the logs of theirs."""

    def call(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return run_psms({"PSMS_HOME": str(tmp_path), **variables}, *arguments)

    return call


def test_every_command_is_there_and_has_a_line_in_the_help(run):
    answer = run("--help")

    assert answer.returncode == 0
    for name, target in COMMANDS.items():
        command = load(target)
        assert isinstance(command, click.Command)
        assert f"\n  {name} " in answer.stdout
        assert (command.name or "").removesuffix("-work") in {name, f"{name}-work"}


def test_without_a_command_it_shows_the_help(run):
    answer = run()

    assert "Usage: python -m psms " in answer.stderr
    assert "  migrate " in answer.stderr


@pytest.mark.parametrize("command", ["api", "beat", "flower", "drain", "migrate"])
def test_without_servers_it_says_in_a_sentence_what_to_do(run, command):
    answer = run(command)

    assert answer.returncode == 1
    assert answer.stderr == (
        "psms: set DATABASE_URL, or start everything with `make up`, which brings its own servers\n"
    )


def test_a_worker_for_a_queue_that_does_not_exist_is_refused(run):
    answer = run("worker", "--queues", "relay,webhoks", "--name", "core", **SERVERS)

    assert answer.returncode == 1
    assert answer.stderr == (
        "psms: 'webhoks' is no queue: give --queues some of relay, timers, webhooks, sync, bulk, upkeep, "
        "separated by commas\n"
    )


@pytest.mark.parametrize("command", [("api",), ("worker", "--queues", "relay", "--name", "core"), ("drain",)])
def test_a_database_that_does_not_answer_is_named_without_its_password(run, command):
    answer = run(*command, PSMS_PORT=str(own_port()), **SERVERS)

    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith(
        "psms: PostgreSQL at 127.0.0.1:1 cannot be used: start it, or correct DATABASE_URL ("
    )
    assert "pw" not in answer.stderr


def test_flower_needs_a_password(run):
    answer = run("flower", PSMS_FLOWER_PORT=str(own_port()), **SERVERS)

    assert answer.returncode == 1
    assert answer.stderr.startswith("psms: set PSMS_FLOWER_PASSWORD: ")


def test_retrying_needs_ids_or_all_of_it(run):
    for arguments in ([], ["--all", "0196f0a0-0000-7000-8000-000000000000"]):
        answer = run("work", "retry", *arguments, **SERVERS)

        assert answer.returncode == 2
        assert "Give the ids of dead work, or --all." in answer.stderr


def test_queues_are_read_in_order_and_once():
    assert queues_named(" timers,relay ,timers") == (Queue.TIMERS, Queue.RELAY)


@pytest.mark.parametrize("text", ["", " , ", ","])
def test_no_queues_at_all_is_refused(text):
    with pytest.raises(Misconfigured, match="a worker needs at least one queue"):
        queues_named(text)


def test_an_unknown_name_is_no_command():
    group = LazyGroup("group", commands_at={})

    assert group.get_command(click.Context(group), "nothing") is None


def loaded_by(code: str) -> set[str]:
    """Return the top-level packages that a new interpreter has imported after *code*."""
    program = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        (sys.executable, "-c", program), cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_the_command_line_itself_imports_next_to_nothing():
    heavy = {"sqlalchemy", "celery", "kombu", "redis", "flask", "granian", "psycopg", "prometheus_client", "flower"}

    assert (
        loaded_by("import psms.cli, psms.cli.servers, psms.cli.drain, psms.cli.work, psms.cli.schema") & heavy == set()
    )


def test_a_worker_imports_no_web_framework():
    assert loaded_by("import workers.run, workers.tasks.outbox") & {"flask", "marshmallow", "granian", "api"} == set()


def test_beat_imports_neither_the_database_nor_the_web():
    assert loaded_by("import workers.beat") & {"sqlalchemy", "psycopg", "flask", "flower", "api"} == set()
