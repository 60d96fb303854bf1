"""What those who manage webhooks are told by mail of an endpoint, in plain text. Pure; of tickets: `notices`."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from psms.domain.events import EventType
from psms.domain.notices import Because, Text, instant_in_words, one_line, reason_of, span_in_words

_HEADLINES = {
    EventType.WEBHOOK_ENDPOINT_FAILING: "Webhook endpoint fails",
    EventType.WEBHOOK_ENDPOINT_DISABLED: "Webhook endpoint disabled",
    EventType.WEBHOOK_ENDPOINT_RECOVERED: "Webhook endpoint works again",
}
_WHY_DISABLED = {
    "gone": "It answered 410: it is gone for good.",
    "disabled_by_consumer": "It asked for that in its answer (webhook-delivery: disable).",
    "failing": "It has answered nothing with 2xx for five days.",
    "blocked": "For a day its address has been one that PSMS must not call.",
}
_WHAT_TO_DO = {
    EventType.WEBHOOK_ENDPOINT_FAILING: "What it misses is tried again for about three days, and is kept afterwards. "
    "If it goes on failing for five days, it is disabled.",
    EventType.WEBHOOK_ENDPOINT_DISABLED: "Nothing more is sent to it, and nothing is lost: deliveries are held. When "
    'it is repaired, PATCH it with {"state": "active"}, and say in "backlog" what becomes of them: deliver, discard, '
    'or since with "backlog_since".',
    EventType.WEBHOOK_ENDPOINT_RECOVERED: "What was due is sent again by itself. What was given up meanwhile is among "
    "its deliveries, as dead, and can be sent again.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFacts:
    """How an endpoint stood when something happened to it."""

    address: str
    description: str
    disabled_reason: str | None
    failing_since: datetime | None
    failed_attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointNotice:
    """What happened to which endpoint; *kind* is a type of event."""

    kind: EventType
    at: datetime
    endpoint_id: UUID
    facts: EndpointFacts


def address_shown(url: str) -> str:
    """Return what a mail may show of *url*: scheme, host and port. The rest may carry credentials."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def endpoint_notice_text(notice: EndpointNotice, *, name: str, organization: str, public_url: str) -> Text:
    """Return what the person called *name* is told. The same arguments give the same text, whenever it is sent."""
    facts = [("Endpoint", notice.facts.address), ("Described", one_line(notice.facts.description)), *_failing(notice)]
    paragraphs = (
        f"Hello {one_line(name)},",
        f"{_HEADLINES[notice.kind]}: {notice.facts.address}. {_why(notice)}".strip(),
        "\n".join(f"  {label:<9} {value}" for label, value in facts if value),
        _WHAT_TO_DO[notice.kind],
        f"{public_url.rstrip('/')}/v1/webhook-endpoints/{notice.endpoint_id}",
        reason_of(Because.WEBHOOKS),
        f"-- \n{one_line(organization)}, by PSMS",
    )
    subject = f"{_HEADLINES[notice.kind]}: {notice.facts.address}"
    return Text(subject=subject[:200], body="\n\n".join(paragraphs) + "\n")


def _why(notice: EndpointNotice) -> str:
    if notice.kind is EventType.WEBHOOK_ENDPOINT_DISABLED:
        return _WHY_DISABLED.get(notice.facts.disabled_reason or "", "")
    if notice.kind is EventType.WEBHOOK_ENDPOINT_FAILING:
        return "It has answered nothing with 2xx since the instant below."
    return "It has answered with 2xx."


def _failing(notice: EndpointNotice) -> list[tuple[str, str]]:
    since = notice.facts.failing_since
    if since is None:
        return []
    span = span_in_words(notice.at - since)
    return [
        ("Since", f"{instant_in_words(since)} ({span} before this was written)"),
        ("Attempts", f"{notice.facts.failed_attempts} failed since then"),
    ]
