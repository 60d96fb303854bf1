"""What a delivery is sent as: signed for a partner, or in PagerDuty's own form. When it is sent is in `deliveries`."""

from functools import partial

from psms.adapters.key_pairs import sign
from psms.domain.attempts import SendResult, WebhookRequest
from psms.domain.events import EventType
from psms.domain.paging import PageState, action_for, as_page_result, enqueue_body, trial_body
from psms.domain.partner_headers import masked, without_values
from psms.domain.signing import signature_headers
from psms.domain.webhooks import EndpointKind
from psms.encoding import json_bytes, json_value
from psms.runtime import Runtime
from workflows.delivery_jobs import Job
from workflows.delivery_secrets import Credentials

_STATE_TOLD_BY = {
    EventType.PAGE_TRIGGERED: PageState.TRIGGERED,
    EventType.PAGE_ACKNOWLEDGED: PageState.ACKNOWLEDGED,
    EventType.PAGE_RESOLVED: PageState.RESOLVED,
}


def request_for(rt: Runtime, job: Job, credentials: Credentials) -> WebhookRequest:
    """Return the request of one attempt."""
    if job.kind is EndpointKind.PAGERDUTY:
        body, headers = _pager_body(rt, job, credentials.secrets[0]), {}
    else:
        body, headers = job.body, _signed_headers(job, credentials)
    return WebhookRequest(url=job.url, body=body, headers=headers, timeout_s=job.timeout_s)


def shown_headers(job: Job, request: WebhookRequest) -> dict[str, str]:
    """Return the headers of a request as they are kept: of the partner's own ones the names alone."""
    return {**request.headers, **masked(job.header_names)}


def result_of(job: Job, credentials: Credentials, result: SendResult) -> SendResult:
    """Return *result* as it is kept: without the routing key, or the partner's own headers, should they come back."""
    if job.kind is EndpointKind.PAGERDUTY:
        return as_page_result(result, credentials.secrets[0])
    return without_values(result, credentials.headers)


def _signed_headers(job: Job, credentials: Credentials) -> dict[str, str]:
    signature = signature_headers(
        message_id=str(job.event_id),
        timestamp=job.started_at,
        body=job.body,
        secrets=credentials.secrets,
        signers=[partial(sign, private) for private in credentials.private_keys],
    )
    # Ours last: they could not be told from forged ones otherwise.
    return {**credentials.headers, **signature} | {
        "webhook-attempt": str(job.number),
        "webhook-delivery-id": str(job.delivery_id),
        "webhook-sequence": str(job.sequence),
    }


def _pager_body(rt: Runtime, job: Job, routing_key: str) -> bytes:
    event = json_value(job.body)
    told = _STATE_TOLD_BY.get(event["type"])
    if told is None:
        return json_bytes(trial_body(job.event_id, routing_key=routing_key))
    action = action_for(job.page_state or told)
    return json_bytes(enqueue_body(event["data"], action, routing_key=routing_key, public_url=rt.settings.public_url))
