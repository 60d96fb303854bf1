"""What a delivery is sent as: signed for a partner, or in PagerDuty's own form. When it is sent is in `deliveries`."""

from collections.abc import Sequence

from psms.domain.attempts import SendResult, WebhookRequest
from psms.domain.events import EventType
from psms.domain.paging import PageState, action_for, as_page_result, enqueue_body, trial_body
from psms.domain.signing import signature_headers
from psms.domain.webhooks import EndpointKind
from psms.encoding import json_bytes, json_value
from psms.runtime import Runtime
from workflows.delivery_jobs import Job

_STATE_TOLD_BY = {
    EventType.PAGE_TRIGGERED: PageState.TRIGGERED,
    EventType.PAGE_ACKNOWLEDGED: PageState.ACKNOWLEDGED,
    EventType.PAGE_RESOLVED: PageState.RESOLVED,
}


def request_for(rt: Runtime, job: Job, secrets: Sequence[str]) -> WebhookRequest:
    """Return the request of one attempt; *secrets* are those of its endpoint, the current one first."""
    if job.kind is EndpointKind.PAGERDUTY:
        body, headers = _pager_body(rt, job, secrets[0]), {}
    else:
        body, headers = job.body, _signed_headers(job, secrets)
    return WebhookRequest(url=job.url, body=body, headers=headers, timeout_s=job.timeout_s)


def result_of(job: Job, secrets: Sequence[str], result: SendResult) -> SendResult:
    """Return *result* as it is kept: without the routing key, should PagerDuty or a proxy have sent it back."""
    return as_page_result(result, secrets[0]) if job.kind is EndpointKind.PAGERDUTY else result


def _signed_headers(job: Job, secrets: Sequence[str]) -> dict[str, str]:
    headers = signature_headers(
        message_id=str(job.event_id), timestamp=job.started_at, body=job.body, secrets=tuple(secrets)
    )
    return dict(headers) | {
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
