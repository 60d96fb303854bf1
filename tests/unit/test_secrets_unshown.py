"""What is in memory of partners' secrets is in no `repr`: where one is logged or raised, it tells none of them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from psms.db.queries.results import Settlement
from psms.domain.attempts import Outcome, SendResult, WebhookRequest
from psms.domain.lanes import Standing
from psms.domain.shares import Pool
from psms.domain.webhooks import EndpointKind, NewEndpoint, RotatedSecret
from workflows.delivery_jobs import Finished, Job, StoredSecret
from workflows.delivery_secrets import Credentials

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
ID = UUID(int=7)
TOLD = "told-to-nobody"
HEADERS = {"authorization": TOLD}
RESULT = SendResult(
    outcome=Outcome.SUCCESS,
    status=200,
    duration_ms=3,
    response_headers=HEADERS,
    response_body=TOLD.encode(),
    response_truncated=False,
    retry_after=None,
    error=None,
    peer_ip=None,
)
JOB = Job(
    organization_id=ID,
    delivery_id=ID,
    attempt_id=ID,
    endpoint_id=ID,
    event_id=ID,
    event_type="ticket.created",
    token=ID,
    failures=0,
    number=1,
    sequence=1,
    started_at=NOW,
    lease_ends=30.0,
    expires_at=NOW + timedelta(days=7),
    occurred_at=NOW,
    request_id=None,
    kind=EndpointKind.WEBHOOK,
    page_state=None,
    url=f"https://partner.example/{TOLD}",
    body=TOLD.encode(),
    secrets=(StoredSecret(id=ID, kind="hmac", encrypted=TOLD.encode(), clear=TOLD),),
    headers_encrypted=TOLD.encode(),
    header_names=("authorization",),
    timeout_s=15.0,
    pool=Pool.NEW,
    standing=Standing.HEALTHY,
)
REQUEST = WebhookRequest(url=JOB.url, body=JOB.body, headers=HEADERS, timeout_s=15.0)
SETTLEMENT = Settlement(
    delivery_id=ID,
    attempt_id=ID,
    endpoint_id=ID,
    token=ID,
    state="delivered",
    next_at=None,
    lane_not_before=None,
    counted=0,
    reason=None,
    outcome="success",
    status=200,
    error=None,
    duration_ms=3,
    retry_after=None,
    headers=TOLD,
    body=TOLD.encode(),
    truncated=False,
    request_headers=TOLD,
)


def test_no_value_of_a_delivery_shows_address_headers_bodies_or_secrets():
    values = [
        JOB,
        REQUEST,
        RESULT,
        SETTLEMENT,
        Finished(job=JOB, result=RESULT, request_headers=HEADERS),
        Credentials(secrets=(TOLD,), private_keys=(TOLD,), headers=HEADERS),
    ]

    assert [value for value in values if TOLD in repr(value)] == []
    # That there is something to hide.
    assert JOB.secrets[0].clear == REQUEST.headers["authorization"] == TOLD


def test_no_command_and_no_answer_about_an_endpoint_shows_its_secrets():
    values = [
        NewEndpoint(routing_key=TOLD, headers=HEADERS),
        RotatedSecret(endpoint_id=ID, secret=TOLD, public_key=None, previous_expires_at=NOW),
    ]

    assert [value for value in values if TOLD in repr(value)] == []
