"""What PSMS consists of on one machine: its processes, their variables, and when each is ready.

Only describes them; `psms.embedded.supervisor` starts and stops them.
"""

import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psms
from psms.embedded import postgres, valkey
from psms.embedded.addresses import keep_port, refuse_taken, same_port
from psms.embedded.binaries import postgres_programs, valkey_program, within_reach
from psms.embedded.children import Program
from psms.embedded.existing import DatabaseUrls, urls_of_existing
from psms.embedded.home import Home, Secrets, keep_keys
from psms.embedded.identity import for_postgres
from psms.embedded.launch import Launch, on_a_leash
from psms.embedded.postgres import Postgres
from psms.embedded.readiness import Question, by_asking, by_file, by_http, by_port
from psms.embedded.roles import APPLICATION, DATABASE, OWNER
from psms.embedded.valkey import Valkey
from psms.errors import Misconfigured
from psms.settings import Environment, Settings

PSMS = (sys.executable, "-m", "psms")
_PROJECT = Path(*psms.__path__).parent

# Webhooks wait on partners and must not hold up what waits on nobody, so they have a worker of their own.
_WORKERS = {"core": "relay,timers,upkeep,sync,bulk", "webhooks": "webhooks"}

# The API finishes the requests in hand, the workers the calls to partners: longer than servers need.
_GRACE_S = 20.0

_FROM_FILES = ("DATABASE_URL", "PSMS_OWNER_DATABASE_URL", "REDIS_URL", "PSMS_FLOWER_PASSWORD")
_NOT_PASSED_ON = {"PYTHONDONTWRITEBYTECODE", *(f"{name}_FILE" for name in _FROM_FILES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One installation on one machine. A server is None when the user brought one.

    `variables` are those that tell any command of PSMS where this installation is; `environment` is all that
    its processes get. `psms` is the command line that starts a command of PSMS, less the command's name.
    """

    home: Home
    settings: Settings
    postgres: Postgres | None
    valkey: Valkey | None
    owner_password: str
    variables: Mapping[str, str]
    environment: Mapping[str, str]
    psms: tuple[str, ...]


def describe(
    environment: Mapping[str, str], home: Home, secrets: Secrets, psms_command: tuple[str, ...] = PSMS
) -> Stack:
    """Return the installation that *environment* asks for, with ports and passwords settled. Starts nothing.

    Raises Misconfigured when a port is taken, a wheel is missing, or a server that the user brought does not
    answer.
    """
    settings = Settings.from_env(environment)
    if problem := same_port(settings):
        raise Misconfigured(problem)
    refuse_taken(settings.host, settings.port, "PSMS_PORT")
    refuse_taken(settings.flower_host, settings.flower_port, "PSMS_FLOWER_PORT")
    database = None if settings.database_url else _postgres(home, secrets)
    broker = None if settings.redis_url else _valkey(home, secrets)
    variables = {
        **_database_variables(settings, secrets, database),
        **_key_variables(settings, home),
        "REDIS_URL": broker.url if broker else settings.redis_url,
        "PSMS_HOME": str(home.root),
        "PSMS_FLOWER_USER": settings.flower_user,
        "PSMS_FLOWER_PASSWORD": settings.flower_password or secrets.flower,
        "PROMETHEUS_MULTIPROC_DIR": str(home.metrics),
    }
    return Stack(
        home=home,
        settings=settings,
        postgres=database,
        valkey=broker,
        owner_password=secrets.owner,
        variables=variables,
        environment=_environment(environment, variables),
        psms=psms_command,
    )


def postgres_server(server: Postgres) -> Program:
    """Return the embedded PostgreSQL as a process; SIGINT is its fast, SIGQUIT its immediate shutdown."""
    return Program(
        name="postgres",
        launch=lambda: postgres.launch(server),
        is_ready=by_asking(lambda: postgres.answers(server)),
        stop=signal.SIGINT,
    )


def valkey_server(server: Valkey) -> Program:
    """Return the embedded Valkey as a process of the stack."""
    return Program(
        name="valkey",
        launch=lambda: valkey.launch(server),
        is_ready=by_asking(lambda: valkey.answers(server)),
        kill=signal.SIGKILL,
    )


def applications(stack: Stack) -> tuple[Program, ...]:
    """Return the processes of PSMS itself, which start and stop together."""
    settings, ready = stack.settings, stack.home.ready
    workers = (
        _application(stack, name, ("worker", "--queues", queues, "--name", name), by_file(ready / name))
        for name, queues in _WORKERS.items()
    )
    return (
        _application(stack, "api", ("api",), by_http(settings.host, settings.port, "/readyz")),
        *workers,
        _application(stack, "beat", ("beat",), by_file(ready / "beat")),
        _application(stack, "flower", ("flower",), by_port(settings.flower_host, settings.flower_port)),
    )


def command(stack: Stack, *arguments: str) -> Launch:
    """Return how to run a command of PSMS, such as `migrate`, within *stack*."""
    return Launch(command=on_a_leash((*stack.psms, *arguments)), directory=_PROJECT, environment=stack.environment)


def renew_directories(home: Home) -> None:
    """Empty what belongs to one start only."""
    for directory in (home.metrics, home.ready, home.crashes):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)


def announcement(stack: Stack) -> str:
    """Return what the operator reads when everything is ready. Its first line is relied upon by scripts."""
    settings, home = stack.settings, stack.home
    address = settings.public_url.rstrip("/")
    scheme = urlsplit(address).scheme
    return (
        "\n"
        "PSMS is ready\n"
        "\n"
        f"  API           {address}\n"
        f"  reference     {address}/docs\n"
        f"  Flower        {scheme}://{settings.flower_host}:{settings.flower_port}\n"
        f"  credentials   {home.credentials_file}\n"
        f"  logs          {home.logs}\n"
        "\n"
        "Ctrl-C stops everything; the data stay and the next start has them again.\n"
    )


def _application(stack: Stack, name: str, arguments: tuple[str, ...], is_ready: Question) -> Program:
    ready_file = stack.home.ready / name

    def launch() -> Launch:
        ready_file.unlink(missing_ok=True)
        return Launch(
            command=on_a_leash((*stack.psms, *arguments)),
            directory=_PROJECT,
            environment={**stack.environment, "PSMS_READY_FILE": str(ready_file)},
        )

    return Program(name=name, launch=launch, is_ready=is_ready, grace_s=_GRACE_S)


def _postgres(home: Home, secrets: Secrets) -> Postgres:
    identity = for_postgres()
    return Postgres(
        directory=home.postgres,
        programs=within_reach(postgres_programs(), identity),
        port=keep_port(home, "postgres"),
        password=secrets.postgres,
        identity=identity,
        socket_directory=postgres.socket_directory_in(home.run),
    )


def _valkey(home: Home, secrets: Secrets) -> Valkey:
    return Valkey(
        directory=home.valkey,
        program=valkey_program(),
        port=keep_port(home, "valkey"),
        password=secrets.valkey,
    )


def _database_variables(settings: Settings, secrets: Secrets, server: Postgres | None) -> dict[str, str]:
    if server is None:
        urls = urls_of_existing(settings.database_url, settings.owner_database_url, secrets.application)
    else:
        urls = DatabaseUrls(
            application=server.url(user=APPLICATION, password=secrets.application, database=DATABASE),
            owner=server.url(user=OWNER, password=secrets.owner, database=DATABASE),
        )
    return {"DATABASE_URL": urls.application, "PSMS_OWNER_DATABASE_URL": urls.owner}


def _key_variables(settings: Settings, home: Home) -> dict[str, str]:
    if settings.keys.kek_file:
        return {"PSMS_KEK_FILE": str(settings.keys.kek_file)}
    if settings.keys.named or settings.environment is not Environment.DEVELOPMENT:
        return {}
    return {"PSMS_KEK_FILE": str(keep_keys(home))}


def _environment(base: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    passed_on = {name: value for name, value in base.items() if name not in _NOT_PASSED_ON}
    return {
        "PATH": os.defpath,
        **passed_on,
        **variables,
        "PYTHONUNBUFFERED": "1",
        "PYTHONTZPATH": "",  # the locked tzdata package knows the zones, not whatever this machine has
    }
