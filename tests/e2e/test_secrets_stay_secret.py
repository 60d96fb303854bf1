"""A60: a whole running system is used, and none of its secrets is in any output, message, audit row or page."""

import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from redis import Redis

from psms.embedded.home import Home, keep_secrets
from tests.support.desk import Desk, running_desk
from tests.support.leaks import leaks
from tests.support.ledger import ledger_of
from tests.support.receiver import Answer, Receiver
from tests.support.stacks import RunningStack, process_of, processes_of
from tests.support.waiting import eventually

GRANT = {"grant_type": "client_credentials"}
PLANTED = f"planted-{uuid4().hex}"
# Where audit rows, events and what waits to be told are kept.
TOLD = ("logs", "events", "outbox", "idempotency_keys", "webhook_attempts", "notifications")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningStack, Desk]]:
    with running_desk(tmp_path_factory.mktemp("desk"), PSMS_LEASE_SECONDS="4") as started:
        yield started


def redis_of(stack: RunningStack) -> Redis:
    """Return a client of the stack's Valkey, with the password that its processes were given."""
    beat = process_of(stack.home, "psms beat")
    variables = Path(f"/proc/{beat}/environ").read_text(encoding="utf-8").split("\0")
    return Redis.from_url(next(line.partition("=")[2] for line in variables if line.startswith("REDIS_URL=")))


@contextmanager
def overheard(redis: Redis) -> Iterator[list[str]]:
    """Collect every command that Valkey gets while the block lasts, the messages of Celery among them."""
    commands: list[str] = []
    with redis.monitor() as monitor:
        reader = threading.Thread(target=lambda: commands.extend(_until_end(monitor)), daemon=True)
        reader.start()
        yield commands
        redis.set("psms-test-end", PLANTED)
        reader.join(20)


def _until_end(monitor: object) -> Iterator[str]:
    for said in monitor.listen():  # type: ignore[attr-defined]
        yield str(said["command"])
        if "psms-test-end" in str(said["command"]):
            return


def use(desk: Desk, partner: Receiver) -> dict[str, str]:
    """Do what makes, uses, misuses and ends secrets; return all that were made, by name."""
    made = {"first token": desk.call("GET", "/v1/teams").request.headers["Authorization"].removeprefix("Bearer ")}
    wanted = {"name": "Leaky", "role": "admin", "scopes": ["tickets:read", "webhooks:manage"]}
    # The answer is kept for a repetition.
    client = desk.call("POST", "/v1/clients", json=wanted, headers={"Idempotency-Key": "once"}).json()
    made["client secret"] = client["client_secret"]
    pair = f"{client['client_id']}:{client['client_secret']}"
    made["credentials in a header"] = b64encode(pair.encode()).decode()
    answer = requests.post(
        f"{desk.api_url}/oauth/token", data=GRANT, auth=(client["client_id"], client["client_secret"]), timeout=30
    )
    made["second token"] = answer.json()["access_token"]
    endpoint = desk.add_endpoint(partner.url("/hook"), ["ticket.created"])
    made["endpoint secret"] = endpoint["secret"]
    made["endpoint header"] = uuid4().hex
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    headers = {"X-Key": made["endpoint header"]}
    assert desk.call("PATCH", path, json={"headers": headers, "signatures": ["v1", "v1a"]}).status_code == 200
    wrong = desk.call("PATCH", path, json={"headers": {"X-Key": f"{made['endpoint header']}\r\n"}})
    assert (wrong.status_code, made["endpoint header"] in wrong.text) == (422, False)
    rotated = desk.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/rotate-secret")
    made["rotated secret"] = rotated.json()["secret"]
    misuse(desk, made)
    desk.file_ticket(f"Signed, {PLANTED}")
    eventually(lambda: partner.received, within=20, what="a signed webhook")
    path = f"{path}/deliveries?state=delivered"
    eventually(lambda: desk.call("GET", path).json()["items"], within=20, what="the record of it")
    requests.post(
        f"{desk.api_url}/oauth/revoke",
        data={
            "token": made["second token"],
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
        },
        timeout=30,
    ).raise_for_status()
    return made


def misuse(desk: Desk, made: dict[str, str]) -> None:
    """Send secrets to where they do not belong: addresses, bodies, headers, other places."""
    secret, token = made["client secret"], made["second token"]
    statuses = [
        desk.call("GET", f"/v1/tickets?access_token={token}").status_code,
        desk.call("GET", f"/{secret}").status_code,
        desk.call("GET", f"/v1/tickets/{token}").status_code,
        desk.call("POST", "/v1/tickets", json={"subject": "x", "password": secret}).status_code,
        desk.call("POST", "/v1/tickets", data=f'{{"subject": "{token}"').status_code,
        desk.call("GET", "/v1/teams", headers={"X-Request-ID": token, "Referer": token}).status_code,
        desk.call("GET", "/v1/teams", headers={"Authorization": f"Bearer {secret}"}).status_code,
        desk.call(
            "GET", "/v1/teams", headers={"Authorization": f"Basic {made['credentials in a header']}"}
        ).status_code,
        requests.post(
            f"{desk.api_url}/oauth/token?client_secret={secret}", data={**GRANT, "client_secret": token}, timeout=30
        ).status_code,
    ]
    assert statuses == [422, 404, 404, 422, 415, 200, 401, 401, 400]


def everything_told(stack: RunningStack, desk: Desk, commands: list[str]) -> dict[str, str]:
    """Return all that people other than the owner of a secret get to see, by where they see it."""
    ledger = ledger_of(stack.home)
    kept = desk.credentials
    flower = (kept["flower_user"], kept["flower_password"])
    pages = ("/workers", "/tasks", "/broker", "/api/workers", "/api/tasks", "/metrics")
    return {
        "the terminal": "\n".join(stack.lines),
        "the log files": "\n".join(path.read_text(errors="replace") for path in stack.home.rglob("*.log")),
        "the messages": "\n".join(commands),
        "the command lines": "\n".join(processes_of(stack.home).values()),
        "the metrics": requests.get(f"{desk.api_url}/metrics", timeout=30).text,
        **{page: requests.get(kept["flower_url"] + page, auth=flower, timeout=30).text for page in pages},
        **{table: "\n".join(str(row) for row in ledger.rows(f"SELECT t::text FROM {table} t")) for table in TOLD},
    }


def test_a60_w30_no_secret_of_a_used_system_is_anywhere_in_what_it_tells(running: tuple[RunningStack, Desk]) -> None:
    stack, desk = running
    answered = f"answered-{uuid4().hex}"
    with Receiver() as partner, redis_of(stack) as redis, overheard(redis) as commands:
        partner.answer("/hook", Answer(body=answered.encode()))
        made = use(desk, partner)
        assert {request.headers["x-key"] for request in partner.received} == {made["endpoint header"]}
        desk.call("GET", "/v1/teams", headers={"X-Request-ID": PLANTED})
        eventually(lambda: PLANTED in "\n".join(stack.lines), within=10)
    kept = desk.credentials
    made |= {f"password {name}": value for name, value in asdict(keep_secrets(Home(root=stack.home))).items()}
    made |= {"demo client": kept["client_secret"], "flower": kept["flower_password"]}
    made |= {f"password of {user['email']}": user["password"] for user in kept["users"]}
    told = everything_told(stack, desk, commands)

    assert leaks(told, made) == []
    # What a partner answers is kept with the attempt, for the owner of the endpoint, and nowhere else.
    assert leaks(told, {"the answer": answered}) == ["the answer in webhook_attempts"]
    # Every private key begins so.
    assert [source for source, text in told.items() if "whsk_" in text] == []
    # What was planted is found, so what is hidden would be.
    found = leaks(told, {"planted": PLANTED})
    assert {"planted in the terminal", "planted in the log files", "planted in the messages"} <= set(found)
    assert {"planted in logs", "planted in events"} <= set(found)
    assert all(told[source] for source in told if source not in {"outbox", "notifications"})
    assert "psms worker" in told["the command lines"]


def test_a60_a_leak_is_found_in_every_spelling() -> None:
    secret = "sda_" + "Ab3-" * 12
    for text in (f"x{secret}y", "Ab3-" * 12, ("Ab3-" * 12).encode().hex(), b64encode(secret.encode()).decode()):
        assert leaks({"somewhere": text}, {"token": secret}) == ["token in somewhere"]
    assert leaks({"somewhere": "sda_"}, {"token": secret}) == []
