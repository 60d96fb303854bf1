"""The Compose file and the image are sound, and the check that says so notices what is not."""

import re
import subprocess
import sys
import tomllib

import pytest

from tests.architecture.sources import ROOT
from tests.support.compose_check import COMPOSE_FILE, problems_of
from workflows.names import Queue

COMPOSE = COMPOSE_FILE.read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
INIT_DATABASE = (ROOT / "deploy/docker/init-database.sql").read_text(encoding="utf-8")

# What is changed in the file, into what, and the sentence that must follow.
BROKEN = [
    ("read_only: true", "read_onli: true", "not valid Compose"),
    ("condition: service_healthy", "condition: healthy", "not valid Compose"),
    ("networks: [servers]", "networks: [nowhere]", "not valid Compose"),
    ("- broker:/data", "- brokker:/data", "mounts brokker, which is not among the volumes"),
    ("${PSMS_PORT:-8000}", "${PSMS_PORT}", "give PSMS_PORT a default"),
    ("psms, flower]", "psms, flowre]", "No service runs `python -m psms flower`."),
    ("psms, beat]", "psms, bet]", "`python -m psms bet` is not a process of PSMS"),
    ("--queues, webhooks,", "--queues, relay,", "No worker consumes the queue webhooks"),
    ("--queues, webhooks,", '--queues, "webhooks,bulk",', "Two worker services consume the queue bulk"),
    ('"sync,bulk"', '"sync,bulk,blk"', "A worker consumes blk, which is no queue"),
    ("image: postgres:18", "image: postgres", "postgres: name a version of its image"),
    ("valkey/valkey:9.1", "valkey/valkey:latest", "valkey: name a version of its image"),
    ("    healthcheck:\n      # Over TCP", "    x-was:\n      # Over TCP", "postgres: give it a healthcheck"),
    ("    restart: unless-stopped\n    environment", "    environment", "postgres: give it a restart policy"),
    ("service_completed_successfully", "service_started", "started is not ready"),
    ("depends_on: *after-migrations", "depends_on: [migrate]", "say in depends_on which condition"),
    ("postgres: {condition", "postgers: {condition", "there is no such service"),
    ("read_only: true", "read_only: false", "set read_only: true"),
    ("cap_drop: [ALL]", "cap_drop: [NET_RAW]", "drop all capabilities"),
    ('"no-new-privileges:true"', '"label:disable"', "set no-new-privileges"),
    ('user: "999:999"', 'user: "0:0"', "run it as a user that is not root"),
    (
        "POSTGRES_PASSWORD_FILE: /run/psms-secrets/server/superuser_password",
        "POSTGRES_PASSWORD: x",
        "is a secret",
    ),
    ("--appendonly", "redis://:letmein@valkey:6379/0", "a URL with a password in it"),
    ("127.0.0.1:${PSMS_FLOWER_PORT", "${PSMS_FLOWER_PORT", "publish Flower on 127.0.0.1 only"),
    ("shm_size: 256m", 'ports: ["5432:5432"]', "postgres: publish no port"),
    ("    internal: true", "    internal: false", "put it in an internal network only"),
    ("stop_grace_period: 90s", "stop_grace_period: 1m", "stop_grace_period must be 75s or more"),
]


def test_the_compose_file_is_sound():
    assert problems_of(COMPOSE) == []


@pytest.mark.parametrize(("was", "now", "sentence"), BROKEN, ids=[f"{now} for {was}" for was, now, _ in BROKEN])
def test_a_broken_compose_file_is_refused(was, now, sentence):
    assert was in COMPOSE

    assert [problem for problem in problems_of(COMPOSE.replace(was, now)) if sentence in problem] != []


@pytest.mark.parametrize("queue", Queue)
def test_a_queue_without_a_consumer_is_noticed(queue):
    orphaned = re.sub(rf"(--queues, \"?[\w,]*?)\b{queue}\b,?", r"\1", COMPOSE)

    assert f"No worker consumes the queue {queue}; add it to a worker's --queues." in problems_of(orphaned)


def test_every_setting_in_the_compose_file_is_one_that_psms_reads():
    settings = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "psms").glob("settings*.py")))
    read = set(re.findall(r'"([A-Z_]+)"', settings))
    named = set(re.findall(r"^ +((?:PSMS|DATABASE|REDIS)_\w+):", COMPOSE, re.MULTILINE))

    assert {name for name in named if not read & {name, name.removesuffix("_FILE")}} == set()


@pytest.fixture
def secrets(tmp_path):
    """The directory of secrets as the service `secrets` finds it: empty volumes."""
    for volume in ("server", "owner", "broker", "app"):
        (tmp_path / volume).mkdir()
    return tmp_path


def _made(folder):
    subprocess.run([sys.executable, ROOT / "deploy/docker/make_secrets.py", folder], check=True, capture_output=True)
    return {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}


def test_every_secret_that_a_service_reads_is_made(secrets):
    read = set(re.findall(r"/run/psms-secrets/(\w+/[\w.]+)", COMPOSE + INIT_DATABASE))

    assert read - set(_made(secrets)) == set()


def test_secrets_are_random_and_no_business_of_others(secrets):
    files = _made(secrets)
    passwords = [file.read_text() for name, file in files.items() if name.endswith("password")]

    assert len(set(passwords)) == 5
    assert {len(password) for password in passwords} == {44}
    modes = {name: oct(file.stat().st_mode & 0o777) for name, file in files.items()}
    assert modes.pop("app/keys.json") == "0o400"
    assert set(modes.values()) == {"0o440"}


def test_making_secrets_again_changes_none(secrets):
    first = {name: file.read_text() for name, file in _made(secrets).items()}

    assert {name: file.read_text() for name, file in _made(secrets).items()} == first


def test_production_requirements_hold_no_embedded_server_and_no_developers_tool():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    kept_out = {_name(line) for group in project["optional-dependencies"].values() for line in group}
    production = set(_locked("requirements.txt"))

    assert kept_out & production == set()
    assert {_name(line) for line in project["dependencies"]} - production == set()


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_every_locked_requirement_has_hashes(lock):
    entries = re.split(r"\n(?=\w)", (ROOT / lock).read_text(encoding="utf-8"))

    assert [entry.split()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


def test_the_image_installs_with_hashes_and_runs_without_root():
    assert "--require-hashes" in DOCKERFILE
    assert "ARG REQUIREMENTS=requirements.txt\n" in DOCKERFILE
    assert "--requirement ${REQUIREMENTS}\n" in DOCKERFILE
    assert "requirements-dev" not in DOCKERFILE
    assert DOCKERFILE.rindex("\nUSER 10001:10001\n") > DOCKERFILE.rindex("\nRUN ")


def test_the_image_gets_everything_it_copies():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {
        word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()
    }

    assert copied - let_in == set()
    assert {name for name in let_in if not (ROOT / name).exists()} == set()


def _locked(lock: str) -> list[str]:
    return re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0]
