"""The receiver that partners are given, fed by a real sender: it verifies, keeps each event once, and orders."""

import importlib.util
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from psms.domain.signing import signature_headers
from psms.runtime import Runtime
from tests.support.receiver import Received, Receiver
from tests.support.tenants import Tenant, add_endpoint, file_ticket, make_tenant
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox
from workflows.webhook_ledgers import ledger_of, pull_events

_LIBRARY = Path(__file__).resolve().parents[2] / "docs/examples/psms_receiver.py"


@pytest.fixture(scope="module")
def library() -> ModuleType:
    """The example, as a partner imports it."""
    spec = importlib.util.spec_from_file_location("psms_receiver", _LIBRARY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def inbox(library: ModuleType, tmp_path: Path) -> Iterator[Any]:
    """An inbox that waits for nobody longer than the test lasts."""
    opened = library.Inbox(str(tmp_path / "events.sqlite3"), wait_s=3600)
    yield opened
    opened.close()


@pytest.fixture
def acme(rt: Runtime) -> Tenant:
    """An organization with an admin client."""
    return make_tenant(rt)


def sent(rt: Runtime, tenant: Tenant, count: int) -> tuple[list[Received], str, Any]:
    """Return real requests in the order of their sequence, the secret they are signed with, and the endpoint."""
    with Receiver() as partner:
        endpoint_id, secret = add_endpoint(rt, tenant.actor, partner.url("/hook"))
        for _ in range(count):
            file_ticket(rt, tenant.actor)
        relay_outbox(rt)
        deliver_due(rt)
        requests = sorted(partner.received, key=lambda one: int(one.headers["webhook-sequence"]))
    return requests, secret, endpoint_id


def test_what_comes_doubled_and_out_of_order_is_handed_over_once_in_order(
    rt: Runtime, acme: Tenant, library: ModuleType, inbox: Any
) -> None:
    requests, secret, _ = sent(rt, acme, 5)
    receiver = library.Receiver(secret, inbox)
    handed_over: list[str] = []

    def note(event: dict[str, Any], newest: bool) -> None:
        assert newest
        handed_over.append(event["id"])

    for number in (4, 2, 0, 0, 2):
        assert receiver.take(requests[number].headers, requests[number].body) == 204
    assert (inbox.work(note), inbox.gaps()) == (1, [(2, 2), (4, 4)])
    for number in (1, 3, 1):
        assert receiver.take(requests[number].headers, requests[number].body) == 204

    assert (inbox.work(note), inbox.work(note), inbox.gaps()) == (4, 0, [])
    assert handed_over == [request.headers["webhook-id"] for request in requests]


def test_what_is_not_signed_is_refused_and_not_kept(rt: Runtime, acme: Tenant, library: ModuleType, inbox: Any) -> None:
    (request,), secret, _ = sent(rt, acme, 1)
    receiver = library.Receiver(secret, inbox)

    assert receiver.take(request.headers, request.body + b" ") == 400
    assert receiver.take({**request.headers, "webhook-id": "another"}, request.body) == 400
    assert receiver.take({}, request.body) == 400
    assert inbox.ids() == set()


def test_what_never_came_is_pulled_and_then_the_partner_has_what_the_ledger_says(
    rt: Runtime, acme: Tenant, library: ModuleType, inbox: Any
) -> None:
    requests, secret, endpoint_id = sent(rt, acme, 6)
    receiver = library.Receiver(secret, inbox)
    for number in (0, 1, 4):
        receiver.take(requests[number].headers, requests[number].body)

    pulled = pull_events(rt, acme.actor, endpoint_id, after_sequence=0, limit=100)
    items = [{"event_id": str(one.event_id), "sequence": one.sequence, "body": one.body} for one in pulled.items]

    assert inbox.add_pulled(json.loads(json.dumps(items))) == 3
    assert inbox.ids() == {request.headers["webhook-id"] for request in requests}
    ledger = ledger_of(rt, acme.actor, endpoint_id, None, None)
    assert (ledger.gapless, ledger.total.committed) == (True, len(inbox.ids()))
    assert inbox.last_sequence() == ledger.last_sequence


def test_an_older_state_of_a_ticket_is_told_as_such_and_work_that_fails_is_done_again(
    library: ModuleType, inbox: Any
) -> None:
    newest_of: dict[str, bool] = {}

    def failing(event: dict[str, Any], _: bool) -> None:
        raise LookupError(event["id"])

    def note(event: dict[str, Any], newest: bool) -> None:
        newest_of[event["id"]] = newest

    for place, version in enumerate((2, 1, 3), start=1):
        data = {"ticket": {"id": "t"}, "sequence": version}
        inbox.add(f"v{version}", place, json.dumps({"id": f"v{version}", "data": data}).encode())
    with pytest.raises(LookupError):
        inbox.work(failing)

    assert inbox.work(note) == 3
    assert newest_of == {"v2": True, "v1": False, "v3": True}


def test_what_comes_while_an_event_is_worked_on_is_taken_at_once_here_and_by_another_process(
    library: ModuleType, inbox: Any, tmp_path: Path
) -> None:
    data = {"ticket": {"id": "t"}, "sequence": 1}
    inbox.add("v1", 1, json.dumps({"id": "v1", "data": data}).encode())
    another = library.Inbox(str(tmp_path / "events.sqlite3"))
    taken: list[bool] = []

    def slow(event: dict[str, Any], _: bool) -> None:
        if event["id"] == "v1":
            # Another thread, as a web server has them, and the same file, as another of its processes opens it.
            adding = threading.Thread(target=lambda: taken.append(inbox.add("v2", 2, b'{"id": "v2", "data": {}}')))
            adding.start()
            adding.join(2)
            taken.append(another.add("v3", 3, b'{"id": "v3", "data": {}}'))

    count = inbox.work(slow)
    another.close()

    assert (taken, count) == ([True, True], 3)


def test_two_threads_that_work_do_no_event_twice(inbox: Any) -> None:
    worked_on: list[str] = []
    begun, go_on = threading.Event(), threading.Event()
    inbox.add("v1", 1, b'{"id": "v1", "data": {}}')

    def waiting(event: dict[str, Any], _: bool) -> None:
        worked_on.append(event["id"])
        begun.set()
        go_on.wait(10)

    threads = [threading.Thread(target=inbox.work, args=(waiting,)) for _ in range(2)]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(10)

    assert worked_on == ["v1"]


def test_an_event_whose_number_another_one_has_is_refused_and_not_lost_in_silence(inbox: Any) -> None:
    assert inbox.add("of one endpoint", 1, b"{}")

    # Not taken: who asked is told, and sends it again.
    with pytest.raises(ValueError, match="sequence 1"):
        inbox.add("of another endpoint", 1, b"{}")

    assert inbox.ids() == {"of one endpoint"}


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,a,b"},
        {"webhook-signature": "v1,=="},
        {"webhook-sequence": "first"},
        {"webhook-sequence": None},
    ],
)
def test_what_cannot_be_read_is_refused_as_what_is_not_signed_is(
    library: ModuleType, inbox: Any, changed: dict[str, str | None]
) -> None:
    secret, body = "whsec_" + "a2V5IG9mIHRoZSB0ZXN0cyE=", b'{"id": "e", "data": {}}'
    now = datetime.now(UTC)
    signed = signature_headers(message_id="e", timestamp=now, body=body, secrets=[secret]) | {"webhook-sequence": "1"}
    receiver = library.Receiver(secret, inbox)
    headers = {name: value for name, value in {**signed, **changed}.items() if value is not None}

    assert (receiver.take(headers, body), receiver.take(signed, b"\xff")) == (400, 400)
    assert inbox.ids() == set()
    assert receiver.take(signed, body) == 204
