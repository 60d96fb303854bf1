"""What partners' answers lead to: what is a success, and how long Retry-After keeps everything back."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from psms.adapters.slots import Slots
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.partners import publish
from tests.support.receiver import Answer, Receiver
from tests.support.tenants import Tenant, add_endpoint
from workflows.deliveries import deliver_due

TAKEN = (200, 201, 202, 204, 299)
REDIRECTS = (301, 302, 303, 304, 307, 308)
OTHERS = (400, 401, 404, 500, 503)
STATES = """SELECT d.last_status, d.state FROM webhook_deliveries d
    JOIN webhook_attempts a ON a.delivery_id = d.id AND a.finished_at IS NOT NULL"""
IGNORED = ("-5", "abc", "")


@pytest.fixture
def partner() -> Iterator[Receiver]:
    """The partner."""
    with Receiver() as receiver:
        yield receiver


def test_w08_only_2xx_is_success_and_no_redirect_is_followed(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, partner: Receiver
) -> None:
    headers = {"Location": partner.url("/target")}
    for status in (*TAKEN, *REDIRECTS, *OTHERS):
        partner.answer(f"/{status}", Answer(status=status, headers=headers if status in REDIRECTS else {}))
        add_endpoint(rt, acme.actor, partner.url(f"/{status}"))
    publish(rt, acme, 1)

    deliver_due(rt)

    expected = [(status, "delivered") for status in TAKEN] + [(status, "pending") for status in (*REDIRECTS, *OTHERS)]
    assert sorted(database.rows(STATES)) == sorted(expected)
    assert Counter(request.path for request in partner.received) == {f"/{status}": 1 for status, _ in expected}


def test_w10_retry_after_keeps_every_message_from_the_endpoint(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, partner: Receiver
) -> None:
    # A date has whole seconds: so much later that no rounding makes it less than an hour.
    date = format_datetime(_now(database) + timedelta(seconds=3660), usegmt=True)
    asked = [(status, value) for status in (429, 503) for value in ("3600", date, "99999999")]
    obeyed = _answering(rt, acme, partner, asked)
    ignored = _answering(rt, acme, partner, [(status, value) for status in (429, 503) for value in IGNORED])
    publish(rt, acme, 1)
    # Enough at once for what waits.
    slots = Slots(32)
    rt = replace(rt, slots=slots)
    deliver_due(rt)
    publish(rt, acme, 1)
    deliver_due(rt)
    assert _requests(partner) == dict.fromkeys(obeyed, 1) | dict.fromkeys(ignored, 2)

    for ahead in (60, 600, 3500):
        database.move_clock(timedelta(seconds=ahead))
        publish(rt, acme, 1)
        deliver_due(rt)
    assert _requests(partner) == dict.fromkeys(obeyed, 1) | dict.fromkeys(ignored, 6)

    database.move_clock(timedelta(seconds=3800))
    deliver_due(rt)
    far = [path for path in obeyed if path.endswith("/99999999")]
    assert _requests(partner) == dict.fromkeys(obeyed, 6) | dict.fromkeys(far, 5) | dict.fromkeys(ignored, 6)
    # The one that was answered so waits for a day at most.
    database.move_clock(timedelta(hours=24, minutes=10))
    deliver_due(rt)
    slots.close(2)
    assert _requests(partner) == dict.fromkeys([*obeyed, *ignored], 6)


def _answering(rt: Runtime, tenant: Tenant, partner: Receiver, asked: list[tuple[int, str]]) -> list[str]:
    """Register an endpoint for each status and value of Retry-After, given to the first request; return the paths."""
    paths = []
    for place, (status, value) in enumerate(asked):
        path = f"/{status}/{place}/{value.replace(' ', '')}"
        partner.answer(path, Answer(status=status, headers={"Retry-After": value}), Answer())
        add_endpoint(rt, tenant.actor, partner.url(path))
        paths.append(path)
    return paths


def _requests(partner: Receiver) -> dict[str, int]:
    return dict(Counter(request.path for request in partner.received))


def _now(database: MigratedDatabase) -> datetime:
    ((now,),) = database.rows("SELECT psms_now()")
    assert isinstance(now, datetime)
    return now
