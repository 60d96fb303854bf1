"""When an endpoint that fails is told of and disabled, to the second; what the mails say."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from psms.domain.endpoint_health import must_be_disabled, next_notice_at, notices_due
from psms.domain.endpoint_notices import EndpointFacts, EndpointNotice, address_shown, endpoint_notice_text
from psms.domain.events import EventType

SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("after", "attempts", "several", "expected"),
    [
        (5 * 24 * HOUR, 20, True, True),
        (5 * 24 * HOUR - SECOND, 20, True, False),
        (5 * 24 * HOUR, 19, True, False),
        (50 * 24 * HOUR, 500, False, False),
    ],
)
def test_an_endpoint_is_disabled_for_days_attempts_and_events_together(
    after: timedelta, attempts: int, *, several: bool, expected: bool
) -> None:
    decided = must_be_disabled(failing_since=SINCE, failed_attempts=attempts, several_events=several, now=SINCE + after)
    assert decided is expected


@pytest.mark.parametrize(("after", "due"), [(0, 0), (1, 1), (23, 1), (24, 2), (71, 2), (72, 3), (1000, 3)])
def test_notices_are_due_after_an_hour_a_day_and_three(after: int, due: int) -> None:
    assert notices_due(SINCE, SINCE + after * HOUR) == due
    if after:
        assert notices_due(SINCE, SINCE + after * HOUR - SECOND) == due - (after in {1, 24, 72})


def test_after_the_third_notice_there_is_none() -> None:
    expected = [SINCE + HOUR, SINCE + 24 * HOUR, SINCE + 72 * HOUR, None]
    assert [next_notice_at(SINCE, given) for given in range(4)] == expected


def test_a_mail_shows_where_and_not_with_which_credentials() -> None:
    assert address_shown("https://user:pass@partner.example:8443/hook/t0ken?key=1") == "https://partner.example:8443"


@pytest.mark.parametrize(
    ("kind", "reason", "said"),
    [
        (EventType.WEBHOOK_ENDPOINT_FAILING, None, "2 hours"),
        (EventType.WEBHOOK_ENDPOINT_DISABLED, "gone", "It answered 410"),
        (EventType.WEBHOOK_ENDPOINT_DISABLED, "blocked", "must not call"),
        (EventType.WEBHOOK_ENDPOINT_RECOVERED, None, "works again"),
    ],
)
def test_a_mail_says_what_happened_and_what_to_do(kind: EventType, reason: str | None, said: str) -> None:
    facts = EndpointFacts(
        address="https://partner.example",
        description="The CRM\nof ours",
        disabled_reason=reason,
        failing_since=SINCE,
        failed_attempts=7,
    )
    endpoint_id = UUID(int=1)
    notice = EndpointNotice(kind=kind, at=SINCE + 2 * HOUR, endpoint_id=endpoint_id, facts=facts)

    text = endpoint_notice_text(notice, name="Boss", organization="Acme", public_url="https://desk.example/")

    assert text.subject.endswith(": https://partner.example")
    assert said in text.body
    assert "The CRM of ours" in text.body
    assert f"https://desk.example/v1/webhook-endpoints/{endpoint_id}" in text.body
    assert "7 failed since then" in text.body
