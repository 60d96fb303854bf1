"""Is docker-compose.yml sound? One sentence for every problem; `python -m tests.support.compose_check`.

First the Compose specification itself, then what this project asks beyond it. Nothing is started here.
"""

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from compose_spec import PyCompose, parse_duration

from workflows.names import Queue

COMPOSE_FILE = Path(__file__).resolve().parents[2] / "docker-compose.yml"

# The processes of an installation, each a command of `python -m psms`.
PROCESSES = {"migrate", "api", "worker", "beat", "flower"}
WORKER_GRACE_S = 75

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|_KEY$|DATABASE_URL|REDIS_URL", re.IGNORECASE)
_CREDENTIALS = re.compile(r"://[^/\s:@]*:[^/\s@$]+@")

Document = dict[str, Any]
Service = dict[str, Any]
Rule = Callable[[Document], Iterator[str]]


def problems_of(text: str) -> list[str]:
    """Return a sentence for every problem of a Compose file with this *text*; none means it is sound."""
    try:
        document = yaml.safe_load(interpolated(text))
        compose = PyCompose.from_json(json.dumps(document))
        compose.validate()
    except (ValueError, yaml.YAMLError) as problem:
        return [f"The file is not valid Compose: {problem}."]
    return [sentence for rule in RULES for sentence in rule(document)]


def interpolated(text: str) -> str:
    """Return *text* as Compose reads it in an empty environment: each variable at its default."""
    bare = sorted({found.group(1) for found in _VARIABLE.finditer(text) if found.group(2) is None})
    if bare:
        raise ValueError(f"give {', '.join(bare)} a default, as in ${{NAME:-value}}")
    return _VARIABLE.sub(lambda found: found.group(2), text).replace("$$", "$")


def commands_of(document: Document) -> dict[str, list[str]]:
    """Return, by service, the arguments after `python -m psms` of each service that runs PSMS."""
    found = {name: _arguments(service) for name, service in _services(document)}
    return {name: words[3:] for name, words in found.items() if words[:3] == ["python", "-m", "psms"]}


def queues_of(document: Document) -> list[str]:
    """Return the names after `--queues` of all workers, in the file's order."""
    workers = [words for words in commands_of(document).values() if words[:1] == ["worker"]]
    named = [words[words.index("--queues") + 1] for words in workers if "--queues" in words]
    return [queue for names in named for queue in names.split(",")]


def _every_process_runs(document: Document) -> Iterator[str]:
    running = {words[0] for words in commands_of(document).values() if words}
    for process in sorted(PROCESSES - running):
        yield f"No service runs `python -m psms {process}`."
    for process in sorted(running - PROCESSES):
        yield f"`python -m psms {process}` is not a process of PSMS; check its spelling."


def _every_queue_is_consumed_once(document: Document) -> Iterator[str]:
    consumed = queues_of(document)
    for queue in Queue:
        if consumed.count(queue) == 0:
            yield f"No worker consumes the queue {queue}; add it to a worker's --queues."
        elif consumed.count(queue) > 1:
            yield f"Two worker services consume the queue {queue}; scale one of them instead."
    for name in sorted({*consumed} - {*Queue}):
        yield f"A worker consumes {name}, which is no queue; check its spelling."


def _volumes_are_declared(document: Document) -> Iterator[str]:
    declared = document.get("volumes", {})
    for name, service in _services(document):
        for mount in service.get("volumes", []):
            volume = str(mount).partition(":")[0]
            if not volume.startswith((".", "/")) and volume not in declared:
                yield f"{name}: mounts {volume}, which is not among the volumes; check its spelling."


def _images_are_pinned(document: Document) -> Iterator[str]:
    for name, service in _services(document):
        _, _, tag = service.get("image", "").rpartition("/")[2].partition(":")
        if tag in {"", "latest"}:
            yield f"{name}: name a version of its image; an unpinned image changes by itself."


def _health_is_known(document: Document) -> Iterator[str]:
    awaited = {name for name, condition in _conditions(document) if condition == "service_completed_successfully"}
    for name, service in _services(document):
        one_shot = service.get("restart") == "no"
        if not one_shot and "test" not in service.get("healthcheck", {}):
            yield f"{name}: give it a healthcheck; without one nobody can wait until it is ready."
        if not one_shot and service.get("restart") not in {"always", "unless-stopped"}:
            yield f'{name}: give it a restart policy, or restart: "no" if it runs once.'
        if one_shot and name not in awaited:
            yield f"{name}: runs once, but no service waits for it to complete."


def _dependencies_say_what_they_wait_for(document: Document) -> Iterator[str]:
    names = {name for name, _ in _services(document)}
    for name, service in _services(document):
        if isinstance(service.get("depends_on"), list):
            yield f"{name}: say in depends_on which condition it waits for."
    for name, condition in _conditions(document):
        if name not in names:
            yield f"{name} is waited for, but there is no such service."
        if condition == "service_started":
            yield f"{name}: wait for its health or its completion; started is not ready."


def _containers_are_hardened(document: Document) -> Iterator[str]:
    for name, service in _services(document):
        if service.get("read_only") is not True:
            yield f"{name}: set read_only: true; data belongs in volumes and tmpfs."
        if service.get("cap_drop") != ["ALL"] or service.get("privileged"):
            yield f"{name}: drop all capabilities."
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name}: set no-new-privileges."
        if str(service.get("user", "0")).partition(":")[0] in {"0", "root", ""}:
            yield f"{name}: run it as a user that is not root."


def _no_secret_is_written_down(document: Document) -> Iterator[str]:
    for name, service in _services(document):
        for variable, value in _environment(service).items():
            if _SECRET_NAME.search(variable) and not variable.endswith("_FILE") and value:
                yield f"{name}: {variable} is a secret; name a file with {variable}_FILE instead."
        if _CREDENTIALS.search(json.dumps(service)):
            yield f"{name}: a URL with a password in it is written down; name a file instead."


def _little_is_published(document: Document) -> Iterator[str]:
    processes = commands_of(document)
    for name, service in _services(document):
        process = processes.get(name, [""])[0]
        for port in service.get("ports", []):
            if process == "flower" and not str(port).startswith("127.0.0.1:"):
                yield f"{name}: publish Flower on 127.0.0.1 only; it serves figures without a password."
            if process not in {"api", "flower"}:
                yield f"{name}: publish no port; only the API and Flower are reached from outside."


def _servers_stay_inside(document: Document) -> Iterator[str]:
    networks = document.get("networks", {})
    internal = {name for name, network in networks.items() if (network or {}).get("internal")}
    for name, service in _services(document):
        bought_in = "build" not in service
        if bought_in and not set(service.get("networks", ["default"])) <= internal:
            yield f"{name}: put it in an internal network only; clients of PSMS never talk to it."


def _workers_may_finish(document: Document) -> Iterator[str]:
    for name, words in commands_of(document).items():
        grace = document["services"][name].get("stop_grace_period", "10s")
        if words[:1] == ["worker"] and parse_duration(grace) < WORKER_GRACE_S:
            yield f"{name}: stop_grace_period must be {WORKER_GRACE_S}s or more, or running work is killed."


RULES: tuple[Rule, ...] = (
    _every_process_runs,
    _every_queue_is_consumed_once,
    _volumes_are_declared,
    _images_are_pinned,
    _health_is_known,
    _dependencies_say_what_they_wait_for,
    _containers_are_hardened,
    _no_secret_is_written_down,
    _little_is_published,
    _servers_stay_inside,
    _workers_may_finish,
)


def _services(document: Document) -> Iterator[tuple[str, Service]]:
    return iter(document.get("services", {}).items())


def _arguments(service: Service) -> list[str]:
    command = service.get("command", [])
    return shlex.split(command) if isinstance(command, str) else [str(word) for word in command]


def _conditions(document: Document) -> Iterator[tuple[str, str]]:
    for _, service in _services(document):
        awaited = service.get("depends_on", {})
        if isinstance(awaited, dict):
            yield from ((name, how["condition"]) for name, how in awaited.items())


def _environment(service: Service) -> dict[str, Any]:
    environment = service.get("environment", {})
    if isinstance(environment, list):
        pairs = (entry.partition("=") for entry in environment)
        return {name: value for name, _, value in pairs}
    return dict(environment)


def main() -> int:
    """Print what is wrong with the project's Compose file; return 0 when nothing is."""
    sentences = problems_of(COMPOSE_FILE.read_text(encoding="utf-8"))
    for sentence in sentences:
        sys.stdout.write(f"{COMPOSE_FILE.name}: {sentence}\n")
    return 1 if sentences else 0


if __name__ == "__main__":
    raise SystemExit(main())
